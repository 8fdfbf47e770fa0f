//! Each command, and its exit code.

use group_import_gateway::proto::ImportGroupRequest;

use crate::binary::{KEY, Running, SDK_APP_ID, binary, group, http, run, stand_in, write_config};

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn the_demo_goes_well_and_says_so() {
    let output = run(&["demo", "--groups", "150"]);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    assert!(out.contains("all went as it should"), "{out}");
    assert!(out.contains("imported") && out.contains("INVALID_REQUEST"), "{out}");
    let most = out.lines().find(|line| line.starts_with("most calls in any second")).unwrap();
    let most: u32 = most.split_whitespace().nth(5).unwrap().parse().unwrap();
    assert!((1..=200).contains(&most), "{most}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serve_with_the_sandbox_needs_nothing_and_stops_cleanly() {
    let mut command = binary();
    command.args(["serve", "--sandbox"]);
    command.env("GATEWAY_SERVER__LISTEN", "127.0.0.1:0").env("GATEWAY_SERVER__ADMIN_LISTEN", "127.0.0.1:0");
    let mut gateway = Running::start(command);
    let mut client = gateway.client().await;
    let request = ImportGroupRequest { app: "sandbox".into(), group: Some(group("g")), ..Default::default() };
    assert_eq!(client.import_group(request).await.unwrap().into_inner().group_id, "g");
    gateway.signal("TERM");
    assert_eq!(gateway.end().code(), Some(0), "{}", gateway.text());
}

#[test]
fn check_names_every_mistake_at_once_and_exits_2() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gateway.toml");
    let mistakes = "[server]\nlistn = \"127.0.0.1:0\"\ndrain_timeout = 5\n\n[[apps]]\nname = \"prod\"\nsdk_app_id = 0\n\
                    identifier = \"administrator\"\nsecret_key_file = \"key\"\nregion = \"singapur\"\n\
                    attempt_timeout = \"2s\"\n";
    std::fs::write(&path, mistakes).unwrap();
    for command in ["check", "serve"] {
        let output = run(&[command, "--config", path.to_str().unwrap()]);
        let err = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{err}");
        for part in [
            "gateway.toml:2",
            "listn",
            "listen",
            "gateway.toml:3",
            "gateway.toml:7",
            "gateway.toml:10",
            "singapore",
            "gateway.toml:11",
            "attempt_timeout",
        ] {
            assert!(err.contains(part), "{part} is not in\n{err}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_online_asks_chat_whether_it_takes_the_credential() {
    let sandbox = stand_in().await;
    let folder = tempfile::tempdir().unwrap();
    let config = write_config(folder.path(), &sandbox.base_url(), "");
    let check = |online: bool| {
        let mut command = binary();
        command.args(["check", "--config", &config]);
        if online {
            command.arg("--online");
        }
        command
    };
    let output = tokio::task::spawn_blocking({
        let mut command = check(true);
        move || command.output().unwrap()
    });
    let output = output.await.unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("prod: Chat takes the credential"));
    assert_eq!(sandbox.call_count("get_group_info"), 1);

    sandbox.set_key(SDK_APP_ID, "another");
    let mut command = check(true);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("70009"), "{}", text(&output.stdout));

    let output = check(false).output().unwrap();
    assert!(output.status.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn usersig_prints_one_that_chat_takes() {
    let sandbox = stand_in().await;
    let folder = tempfile::tempdir().unwrap();
    let config = write_config(folder.path(), &sandbox.base_url(), "");
    let output = run(&["usersig", "--config", &config, "--expire", "10m"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let usersig = text(&output.stdout).trim().to_owned();
    assert!(usersig.starts_with("eJ") && !usersig.contains(KEY));
    let path = format!(
        "/v4/group_open_http_svc/get_group_info?sdkappid={SDK_APP_ID}&identifier=administrator&usersig={usersig}&random=1&contenttype=json"
    );
    let base_url = sandbox.base_url();
    let (_, answer) = http(base_url.strip_prefix("http://").unwrap(), "POST", &path, r#"{"GroupIdList":["x"]}"#);
    assert!(answer.contains(r#""ErrorCode":0"#), "{answer}");
}

#[test]
fn a_command_line_that_makes_no_sense_exits_2() {
    for arguments in [&["serve", "--nonsense"][..], &["nonsense"], &["sandbox", "--app", "1"], &["import"]] {
        assert_eq!(run(arguments).status.code(), Some(2), "{arguments:?}");
    }
    let output = run(&["serve"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("GATEWAY_CONFIG"), "{}", text(&output.stderr));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_admin_port_has_probes_and_metrics() {
    let sandbox = stand_in().await;
    let folder = tempfile::tempdir().unwrap();
    let config = write_config(folder.path(), &sandbox.base_url(), "");
    let mut command = binary();
    command.args(["serve", "--config", &config]);
    let gateway = Running::start(command);
    let mut client = gateway.client().await;
    client.import_group(ImportGroupRequest { group: Some(group("g")), ..Default::default() }).await.unwrap();
    assert_eq!(gateway.admin("/livez").0, 200);
    let (code, ready) = gateway.admin("/readyz");
    assert_eq!((code, ready.as_str()), (200, "ready\napp prod: Chat takes the credential\n"));
    let (_, metrics) = gateway.admin("/metrics");
    for line in [
        r#"group_import_items_total{app="prod",caller="anyone",command="import_group",reason="OK"} 1"#,
        r#"group_import_chat_calls_total{app="prod",command="import_group",error_code="0"} 1"#,
        r#"group_import_chat_call_seconds_count{app="prod",command="import_group"} 1"#,
        r#"group_import_admission_wait_seconds_count{app="prod",lane="unary"}"#,
        r#"group_import_admission_queue{app="prod",lane="stream"} 0"#,
        r#"group_import_rate_limit{app="prod"} 200"#,
        r#"group_import_usersig_expires_seconds{app="prod"} "#,
        r#"grpc_server_handled_total{grpc_type="unary",grpc_service="groupimport.v1.GroupImport",grpc_method="ImportGroup",grpc_code="OK"} 1"#,
        r#"grpc_server_started_total{grpc_type="unary",grpc_service="groupimport.v1.GroupImport",grpc_method="ImportGroup"} 1"#,
        r#"grpc_server_handling_seconds_count{grpc_type="unary""#,
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
}
