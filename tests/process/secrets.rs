//! No secret in any output, at the noisiest log level, with every kind of
//! failure: a key, a token and the UserSigs made with the key are canaries.

use std::time::Duration;

use group_import_gateway::{
    proto::{Group, ImportGroupRequest},
    sandbox::FaultKind as F,
};
use tonic::{Request, Status};

use crate::binary::{KEY, Running, SDK_APP_ID, binary, caller, group, run, stand_in, write_config};

const TOKEN: &str = "CANARYTOKEN0123456789";

fn config(base_url: &str, folder: &std::path::Path) -> String {
    write_config(folder, base_url, &format!("max_attempts = 1\n{}", caller("billing", TOKEN)))
}

fn request(token: &str) -> Request<ImportGroupRequest> {
    let group = Group { group_id: String::new(), ..group("") };
    let mut request = Request::new(ImportGroupRequest { group: Some(group), ..Default::default() });
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    request.set_timeout(Duration::from_millis(800));
    request
}

/// A UserSig is base64 of zlib, which begins so.
fn has_usersig(text: &str) -> bool {
    let is_of_one = |c: char| c.is_ascii_alphanumeric() || "*-_".contains(c);
    text.match_indices("eJ").any(|(at, _)| text[at..].chars().take_while(|c| is_of_one(*c)).count() > 60)
}

fn assert_clean(what: &str, text: &str) {
    assert!(!text.contains(KEY), "{what}: the key is in\n{text}");
    assert!(!text.contains(TOKEN), "{what}: a token is in\n{text}");
    assert!(!text.to_lowercase().contains("usersig=") && !has_usersig(text), "{what}: a UserSig is in\n{text}");
}

fn told(status: &Status) -> String {
    format!("{status:?} {}", String::from_utf8_lossy(status.details()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_in_any_output_whatever_fails() {
    let sandbox = stand_in().await;
    let folder = tempfile::tempdir().unwrap();
    let config = config(&sandbox.base_url(), folder.path());
    for format in ["text", "json"] {
        let mut command = binary();
        command.args(["serve", "--config", &config]).env("RUST_LOG", "trace").env("GATEWAY_LOG__FORMAT", format);
        let mut gateway = Running::start(command);
        let mut client = if format == "text" {
            gateway.client().await
        } else {
            let text = wait_for_json_address(&gateway);
            group_import_gateway::proto::group_import_client::GroupImportClient::connect(format!("http://{text}"))
                .await
                .unwrap()
        };
        client.import_group(request(TOKEN)).await.unwrap();
        let mut answers = String::new();
        sandbox.script("import_group", [F::Code(70009)]);
        answers.push_str(&told(&client.import_group(request(TOKEN)).await.unwrap_err()));
        answers.push_str(&told(&client.import_group(request(TOKEN)).await.unwrap_err()));
        tokio::time::sleep(Duration::from_millis(1_300)).await; // until the breaker is probed
        for fault in [
            F::CloseBefore,
            F::CloseAfter,
            F::CutBody,
            F::Garbage,
            F::Empty,
            F::Oversized,
            F::Http(502),
            F::Http(302),
            F::StallBefore,
            F::Code(10004),
            F::Code(99999),
            F::Code(60007), // last, since it lowers the rate, and lost calls still take their share of it
        ] {
            sandbox.script("import_group", [fault]);
            let outcome = client.import_group(request(TOKEN)).await;
            answers.push_str(&outcome.map_or_else(|status| told(&status), |_| String::new()));
        }
        answers.push_str(&told(&client.import_group(request("wrong-token")).await.unwrap_err()));
        gateway.signal("TERM");
        gateway.end();
        let log = gateway.text();
        assert!(log.len() > 1_000, "the log is empty");
        assert_clean("log", &log);
        assert_clean("answers", &answers);
        assert!(answers.contains("CREDENTIAL_SUSPENDED"), "{answers}");
        sandbox.set_key(SDK_APP_ID, KEY);
    }
}

fn wait_for_json_address(gateway: &Running) -> String {
    for _ in 0..2_000 {
        let text = gateway.text();
        let line = text.lines().find(|line| line.contains("listening for gRPC")).map(str::to_owned);
        if let Some(line) = line {
            return line.split("\"address\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("it does not listen:\n{}", gateway.text())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_in_an_error_of_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gateway.toml");
    let text = format!(
        "[[apps]]\nname = \"prod\"\nsecret_key = \"{KEY}\"\nsdk_app_id = \"{KEY}\"\n[[callers]]\nname = \"x\"\ntoken = \"{TOKEN}\"\ntoken_sha256 = [\"{TOKEN}\"]\n[rate_limit]\nredis_url = \"redis://user:{TOKEN}@[\"\n"
    );
    std::fs::write(&path, text).unwrap();
    let output = run(&["check", "--config", path.to_str().unwrap()]);
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(err.contains("secret_key"), "{err}");
    assert!(!err.contains(TOKEN), "{err}");
    assert!(!err.lines().any(|line| line.contains("secret_key") && line.contains(KEY)), "{err}");
}
