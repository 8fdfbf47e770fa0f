//! The access log and the audit lines, as the binary writes them.

use std::time::{Duration, Instant};

use group_import_gateway::{
    proto::{ImportGroupRequest, ImportGroupsRequest, group_import_client::GroupImportClient},
    sandbox::{FaultKind, Sandbox},
};
use serde_json::Value;
use tonic::{Request, transport::Channel};

use crate::binary::{Running, binary, group, stand_in, write_config};

const TOKEN: &str = "CANARYTOKEN0123456789";
const TRACE_ID: &str = "0af7651916cd43dd8448eb211c80319c";
const REQUEST_ID: &str = "order-000000000001";
const CONTENT: &str = "CANARY CONTENT";

struct Rig {
    sandbox: Sandbox,
    gateway: Running,
    client: GroupImportClient<Channel>,
    _folder: tempfile::TempDir,
}

impl Rig {
    async fn start(level: &str, format: &str) -> Self {
        let (sandbox, folder) = (stand_in().await, tempfile::tempdir().unwrap());
        sandbox.set_latency(Duration::from_millis(5), Duration::ZERO);
        let caller = crate::binary::caller("billing", TOKEN);
        let more = format!("{caller}[log]\nlevel = \"{level}\"\nformat = \"{format}\"\n");
        let config = write_config(folder.path(), &sandbox.base_url(), &more);
        // A socket, since not every level says which port it is.
        let socket = format!("unix:{}", folder.path().join("gateway.sock").display());
        let mut command = binary();
        command.args(["serve", "--config", &config]);
        command.env("GATEWAY_SERVER__LISTEN", &socket);
        let gateway = Running::start(command);
        let until = Instant::now() + Duration::from_secs(30);
        let client = loop {
            match GroupImportClient::connect(socket.clone()).await {
                Ok(client) => break client,
                Err(error) if Instant::now() > until => panic!("{error}:\n{}", gateway.text()),
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        };
        Self { sandbox, gateway, client, _folder: folder }
    }

    /// The lines with this message, as JSON, once there are so many.
    async fn lines(&self, message: &str, count: usize) -> Vec<Value> {
        let until = Instant::now() + Duration::from_secs(30);
        loop {
            let text = self.gateway.text();
            let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            let found: Vec<Value> = lines.filter(|line| line["message"] == message).collect();
            if found.len() >= count {
                return found;
            }
            assert!(Instant::now() < until, "no {count} lines {message:?} in\n{text}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn request(id: &str) -> ImportGroupRequest {
    let mut group = group(id);
    (group.name, group.introduction) = (CONTENT.to_owned(), CONTENT.to_owned());
    ImportGroupRequest { group: Some(group), ..Default::default() }
}

fn keyed() -> ImportGroupRequest {
    ImportGroupRequest { request_id: REQUEST_ID.into(), ..request("") }
}

fn by<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    request.metadata_mut().insert("traceparent", format!("00-{TRACE_ID}-b7ad6b7169203331-01").parse().unwrap());
    request
}

/// The fields of a line, in text: those that are not there are empty.
fn fields(line: &Value, names: &[&str]) -> String {
    let text = |name: &&str| match &line[*name] {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    names.iter().map(text).collect::<Vec<_>>().join(" ")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_call_has_one_line_and_each_group_its_audit_line() {
    let mut rig = Rig::start("info", "json").await;
    let client = &mut rig.client;
    client.import_group(by(TOKEN, request("g"))).await.unwrap();
    client.import_group(by(TOKEN, request("g"))).await.unwrap_err(); // it stands already
    rig.sandbox.script("import_group", [FaultKind::CloseAfter]);
    let settled = client.import_group(by(TOKEN, keyed())).await.unwrap().into_inner();
    client.import_group(by(TOKEN, request("@TGS#not-ours"))).await.unwrap_err();
    client.import_group(by(TOKEN, ImportGroupRequest { app: "other".into(), ..request("h") })).await.unwrap_err();
    client.import_group(by("wrong", request("h"))).await.unwrap_err();
    client.import_group(by(TOKEN, request(&"x".repeat(100_000)))).await.unwrap_err(); // larger than a message may be
    rig.sandbox.script("import_group", [FaultKind::CloseAfter]);
    client.import_group(by(TOKEN, request(""))).await.unwrap_err(); // lost, and nobody can tell

    let lines = rig.lines("call ended", 8).await;
    let told = ["caller", "app", "outcome", "attempts", "group_id", "chat_error_code"];
    let told: Vec<String> = lines.iter().map(|line| fields(line, &told).trim_end().to_owned()).collect();
    assert_eq!(
        told,
        [
            "billing prod OK 1 g".to_owned(),
            "billing prod GROUP_ID_IN_USE 1 g 10021".to_owned(),
            format!("billing prod OK 2 {} 10021", settled.group_id),
            "billing prod INVALID_REQUEST 0".to_owned(),
            "billing  APP_UNKNOWN 0".to_owned(),
            "unknown  CALLER_UNKNOWN 0".to_owned(),
            "billing  OUT_OF_RANGE 0".to_owned(),
            "billing prod OUTCOME_UNKNOWN 1".to_owned(),
        ]
    );
    for line in &lines {
        assert_eq!(fields(line, &["trace_id", "method", "level"]), format!("{TRACE_ID} ImportGroup INFO"), "{line}");
        let [wait, chat, took] = ["wait_ms", "chat_ms", "took_ms"].map(|name| line[name].as_f64().unwrap());
        assert!(wait + chat <= took + 0.2, "rounded to a tenth: {line}");
    }
    assert!(lines[0]["chat_ms"].as_f64().unwrap() >= 5.0, "{}", lines[0]);

    let audit = rig.lines("group imported", 2).await;
    let told = ["target", "caller", "app", "group_id", "request_id", "reconciled", "trace_id"];
    assert_eq!(
        audit.iter().map(|line| fields(line, &told)).collect::<Vec<_>>(),
        [
            format!("audit billing prod g  false {TRACE_ID}"),
            format!("audit billing prod {} {REQUEST_ID} true {TRACE_ID}", settled.group_id),
        ]
    );
    let unknown = rig.lines("group may have been imported: the answer was lost", 1).await;
    assert_eq!(unknown.len(), 1);
    assert_eq!(fields(&unknown[0], &told), format!("audit billing prod    {TRACE_ID}"));
    let text = rig.gateway.text();
    assert!(!text.contains(CONTENT) && !text.contains(TOKEN), "{text}");
}

/// Whoever has gone does not see it, but the group is made all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_its_caller_gives_up_is_told_of_and_so_is_its_group() {
    let mut rig = Rig::start("info", "json").await;
    rig.client.import_group(by(TOKEN, request("first"))).await.unwrap();
    rig.sandbox.set_latency(Duration::from_secs(2), Duration::ZERO);
    let mut client = rig.client.clone();
    let call = tokio::spawn(async move { client.import_group(by(TOKEN, request("given-up"))).await });
    while rig.sandbox.call_count("import_group") < 2 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    call.abort();
    let lines = rig.lines("call ended", 2).await;
    let told = ["caller", "app", "outcome", "attempts", "group_id"];
    assert_eq!(fields(&lines[1], &told), "billing prod CANCELLED 1 given-up");
    let audit = rig.lines("group imported", 2).await;
    assert_eq!(fields(&audit[1], &["group_id", "reconciled", "trace_id"]), format!("given-up false {TRACE_ID}"));
    assert!(!rig.gateway.text().contains("may have been imported"), "{}", rig.gateway.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_has_a_line_in_all_and_one_for_each_item_that_failed() {
    let mut rig = Rig::start("info", "json").await;
    let item = |index: u32| {
        let id = if index == 7 { "@TGS#not-ours".to_owned() } else { format!("item-{index}") };
        ImportGroupsRequest { item_id: index.to_string(), request: Some(request(&id)) }
    };
    let empty = ImportGroupsRequest { item_id: "empty".into(), request: None };
    let items = tokio_stream::iter((0..20).map(item).chain([empty]));
    let mut answers = rig.client.import_groups(by(TOKEN, items)).await.unwrap().into_inner();
    while answers.message().await.unwrap().is_some() {}

    let all = rig.lines("stream ended", 1).await;
    let told = ["caller", "method", "outcome", "items", "ok", "failed", "trace_id"];
    assert_eq!(fields(&all[0], &told), format!("billing ImportGroups OK 21 19 2 {TRACE_ID}"));
    let failed = rig.lines("item ended", 2).await;
    let mut failed: Vec<_> =
        failed.iter().map(|line| fields(line, &["item_id", "caller", "app", "outcome", "trace_id"])).collect();
    failed.sort();
    assert_eq!(
        failed,
        [format!("7 billing prod INVALID_REQUEST {TRACE_ID}"), format!("empty billing  INVALID_REQUEST {TRACE_ID}")]
    );
    let audit = rig.lines("group imported", 19).await;
    let mut groups: Vec<_> = audit.iter().map(|line| fields(line, &["group_id"])).collect();
    groups.sort();
    groups.dedup();
    assert_eq!((audit.len(), groups.len()), (19, 19));
    assert!(!rig.gateway.text().contains(CONTENT), "{}", rig.gateway.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_level_silences_all_but_the_audit_lines_and_a_directive_these_too() {
    for (level, expected) in [("warn", 1), ("warn,audit=off", 0), ("off", 0)] {
        let mut rig = Rig::start(level, "text").await;
        rig.client.import_group(by(TOKEN, request("g"))).await.unwrap();
        rig.gateway.signal("TERM");
        rig.gateway.end();
        let text = rig.gateway.text();
        assert_eq!(text.lines().count(), expected, "{level}: {text}");
        if expected > 0 {
            let line = r#"audit: group imported caller="billing" app="prod" group_id="g" reconciled=false trace_id="#;
            assert!(text.contains(line) && text.contains(TRACE_ID), "{text}");
        }
    }
}
