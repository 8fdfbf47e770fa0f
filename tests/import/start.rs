//! A first import, and who may begin one.

use std::{fs, process::Command};

use crate::{
    bench::{Bench, Shown, good, mixed, text},
    binary::{Running, binary},
};

fn serve_with_sandbox() -> Running {
    let mut command = binary();
    command.args(["serve", "--sandbox"]);
    command.env("GATEWAY_SERVER__LISTEN", "127.0.0.1:0").env("GATEWAY_SERVER__ADMIN_LISTEN", "127.0.0.1:0");
    Running::start(command)
}

fn import(arguments: &[&str]) -> Command {
    let mut command = binary();
    command.arg("import").args(arguments);
    command
}

#[test]
fn both_examples_import_cleanly_through_a_gateway_with_its_sandbox() {
    for form in ["jsonl", "csv"] {
        let gateway = serve_with_sandbox();
        let endpoint = format!("http://{}", gateway.value("listening for gRPC", "address"));
        let example = Shown::of(import(&["--example", form]));
        example.assert_code(0);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(format!("groups.{form}"));
        fs::write(&file, &example.out).unwrap();

        let shown = Shown::of(import(&[file.to_str().unwrap(), "--endpoint", &endpoint]));
        shown.assert_code(0);
        assert_eq!((shown.row("imported"), shown.row("refused")), (Some(4), Some(0)), "{}", shown.out);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn validating_names_every_bad_line_and_sends_nothing_to_chat() {
    let bench = Bench::at(200).await;
    let lines = mixed(2000);
    bench.write(&text(&lines));
    let shown = bench.run(&["--validate-only"]);
    shown.assert_code(1);
    let refused = lines.iter().filter(|line| matches!(line.reason, Some("MALFORMED_LINE" | "INVALID_REQUEST"))).count();
    assert_eq!(shown.row("refused"), Some(refused), "{}", shown.out);
    assert_eq!(shown.row("valid"), Some(2000 - refused), "who owns a group only Chat can know");
    shown.assert_says("line 7: MALFORMED_LINE: Nmae: unknown field");
    let results = bench.results();
    assert!(results[&17]["message"].as_str().unwrap().starts_with("MaxMemberCount: "), "{}", results[&17]);
    assert_eq!((bench.calls(), results.len()), (0, 2000));
    assert!(!bench.path("groups.jsonl.journal").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn validating_names_all_that_is_wrong_with_a_line() {
    let bench = Bench::at(200).await;
    bench.write(concat!(
        "{\"Type\":\"Public\",\"Nmae\":\"a\",\"MaxMemberNum\":5,\"CreateTime\":\"now\"}\n",
        "{\"Type\":\"Public\",\"GroupId\":\"@TGS#one\",\"MaxMemberCount\":7000}\n",
    ));
    bench.run(&["--validate-only"]).assert_code(1);
    let results = bench.results();
    for (line, names) in
        [(1, ["Nmae: ", "MaxMemberNum: ", "CreateTime: "]), (2, ["Name: ", "GroupId: ", "MaxMemberCount: "])]
    {
        let message = results[&line]["message"].as_str().unwrap();
        assert!(names.iter().all(|name| message.contains(name)), "{message}");
    }
    assert_eq!(bench.sandbox.call_count("import_group"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_token_stops_the_import_and_settles_nothing() {
    let caller = crate::binary::caller("billing", "the right one");
    let bench = Bench::with(&format!("calls_per_second = 1000\n\n{caller}")).await;
    let lines = good(100);
    bench.write(&text(&lines));
    let token = bench.path("token");
    let with_token = ["--token-file", token.to_str().unwrap()];

    fs::write(&token, "the wrong one\n").unwrap();
    for arguments in [&with_token[..], &[]] {
        let shown = bench.run(arguments);
        shown.assert_code(1);
        shown.assert_says("CALLER_UNKNOWN");
        shown.assert_says("look at --token-file");
        assert_eq!((shown.row("imported"), shown.row("left")), (Some(0), Some(100)), "{}", shown.out);
        assert!(!format!("{}{}", shown.out, shown.err).contains("the wrong one"));
        assert_eq!((bench.calls(), bench.results().len()), (0, 0));
    }

    fs::write(&token, "the right one\n").unwrap();
    bench.run(&with_token).assert_code(0);
    bench.assert_imported_once(&lines);
    assert_eq!(bench.calls(), 100);
}
