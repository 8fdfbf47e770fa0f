#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::client::{APP, start};
use crate::sandbox::{Fault, FaultError, FaultKind, Settings};

/// Meets one import with `fault`: whether the group was made, and status and body if they came.
async fn meet(fault: &str) -> (bool, Result<(u16, String), reqwest::Error>) {
    let (sandbox, client) = start(|settings| settings.stall = Duration::from_millis(50)).await;
    let fault: FaultKind = fault.parse().unwrap();
    sandbox.script("import_group", [fault]);
    let answer = client.try_import_id("g").await;
    assert_eq!(sandbox.unplayed("import_group"), 0);
    assert_eq!(sandbox.calls()[0].fault, Some(fault));
    assert_eq!(client.try_import_id("h").await.unwrap().0, 200, "the script is over");
    (sandbox.group(APP, "g").is_some(), answer)
}

fn json(body: &str) -> Value {
    serde_json::from_str(body).unwrap()
}

#[tokio::test]
async fn connections_are_cut_and_stalled_before_and_after() {
    for (fault, made) in
        [("close_before", false), ("close_after", true), ("stall_before", false), ("stall_after", true)]
    {
        let (is_made, answer) = meet(fault).await;
        assert!(is_made == made && answer.is_err(), "{fault}");
    }
}

#[tokio::test]
async fn a_cut_body_begins_and_does_not_end() {
    let (sandbox, client) = start(|_| {}).await;
    sandbox.script("import_group", [FaultKind::CutBody]);
    let body = json!({"Type": "Public", "Name": "n"}).to_string();
    let mut response = client.send(client.url("import_group"), body).await.unwrap();
    assert_eq!(response.status(), 200);
    let promised = response.content_length().unwrap();
    let begun = response.chunk().await.unwrap().unwrap();
    assert!(begun.starts_with(b"{") && (begun.len() as u64) < promised);
    assert!(response.chunk().await.is_err());
    assert_eq!(sandbox.group_count(APP), 1);
}

#[tokio::test]
async fn answers_are_spoilt_after_the_group_is_made() {
    for fault in ["garbage", "empty"] {
        let (made, answer) = meet(fault).await;
        let (status, body) = answer.unwrap();
        assert!(made && status == 200 && serde_json::from_str::<Value>(&body).is_err(), "{fault}");
    }
    let (made, answer) = meet("oversized").await;
    let (status, body) = answer.unwrap();
    assert!(made && status == 200 && body.len() > 200 * 1024);
    assert_eq!(json(&body)["GroupId"], "g");

    for (fault, lacking) in [("no_code", "ErrorCode"), ("no_group_id", "GroupId")] {
        let (made, answer) = meet(fault).await;
        let body = json(&answer.unwrap().1);
        assert!(made && body["ActionStatus"] == "OK" && body.get(lacking).is_none(), "{fault}");
    }
}

#[tokio::test]
async fn proxies_pages_come_before_and_after() {
    for (fault, made) in
        [("http_502", false), ("http_503", false), ("http_504", false), ("http_429", false), ("http_502_after", true)]
    {
        let (is_made, answer) = meet(fault).await;
        let (status, body) = answer.unwrap();
        assert!(is_made == made && fault.contains(&status.to_string()), "{fault}");
        assert!(body.starts_with("<html>"));
    }
}

#[tokio::test]
async fn a_redirect_points_to_where_nobody_may_go() {
    let (sandbox, client) = start(|_| {}).await;
    sandbox.script("import_group", [FaultKind::Http(302)]);
    let response = client.send(client.url("import_group"), "{}".into()).await.unwrap();
    assert_eq!((response.status().as_u16(), sandbox.redirect_hits()), (302, 0));
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    client.get(&location).await;
    assert_eq!(sandbox.redirect_hits(), 1);
}

#[tokio::test]
async fn any_code_can_be_answered_before_and_after() {
    for (fault, code, made) in [("code_60007", 60007, false), ("code_10002_after", 10002, true)] {
        let (is_made, answer) = meet(fault).await;
        let body = json(&answer.unwrap().1);
        assert!(is_made == made && body["ErrorCode"] == code && body["ActionStatus"] == "FAIL");
    }
}

#[tokio::test]
async fn a_stall_ends_for_the_sandbox_when_the_client_goes() {
    let (sandbox, client) = start(|_| {}).await;
    sandbox.script("import_group", [FaultKind::StallAfter]);
    let gave_up = tokio::time::timeout(Duration::from_millis(100), client.import_id("g")).await;
    assert!(gave_up.is_err());
    let before = Instant::now();
    sandbox.stop().await;
    assert!(before.elapsed() < Duration::from_secs(5));
    assert_eq!(sandbox.group_count(APP), 1);
}

#[tokio::test]
async fn what_is_refused_before_the_command_uses_up_no_line_of_the_script() {
    let (sandbox, client) = start(|settings| settings.calls_per_second = 1).await;
    assert_eq!(client.import_id("a").await, 0);
    sandbox.script("import_group", [FaultKind::Code(10002)]);
    assert_eq!(client.import_id("b").await, 60007);
    assert_eq!(sandbox.unplayed("import_group"), 1);
}

#[tokio::test]
async fn chance_can_be_set_and_is_checked() {
    let (sandbox, client) = start(|_| {}).await;
    sandbox.set_faults(vec!["import_group:code_10002=1".parse().unwrap()]).unwrap();
    assert_eq!(client.import_id("a").await, 10002);
    assert_eq!(client.call("get_group_info", json!({"GroupIdList": ["a"]})).await["ErrorCode"], 0);

    let too_much = vec![Fault::new(FaultKind::Empty, 0.6); 2];
    assert!(matches!(sandbox.set_faults(too_much.clone()), Err(FaultError::Sum { .. })));
    assert_eq!(client.import_id("b").await, 10002, "the old ones stay");
    let started = crate::sandbox::Sandbox::start(Settings { faults: too_much, ..Settings::default() }).await;
    assert_eq!(started.unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
}
