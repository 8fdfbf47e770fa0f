//! Traces, from a caller's metadata to a collector.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use group_import_gateway::{
    proto::{ImportGroupRequest, ImportGroupsRequest},
    sandbox::{FaultKind, Sandbox},
};
use tokio::net::TcpListener;
use tonic::Request;

use crate::{
    binary::{KEY, Running, binary, group, stand_in, write_config},
    receiver::{Receiver, Seen},
};

const TRACE_ID: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT_ID: &str = "b7ad6b7169203331";
const REQUEST_ID: &str = "order-000000000001";
const TOKEN: &str = "CANARYTOKEN0123456789";
const COLLECTORS: &str = "CANARYHEADER0123456789";
const CALL: &str = "groupimport.v1.GroupImport/ImportGroup";

fn serve(folder: &std::path::Path, sandbox: &Sandbox, more: &str, endpoint: &str, protocol: &str) -> Command {
    let config = write_config(folder, &sandbox.base_url(), more);
    let mut command = binary();
    command.args(["serve", "--config", &config]);
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint).env("OTEL_EXPORTER_OTLP_PROTOCOL", protocol);
    command.env("OTEL_EXPORTER_OTLP_HEADERS", format!("authorization=Bearer%20{COLLECTORS}"));
    command.env("OTEL_BSP_SCHEDULE_DELAY", "100");
    command
}

fn caller() -> String {
    crate::binary::caller("billing", TOKEN)
}

fn request(id: &str) -> ImportGroupRequest {
    ImportGroupRequest { group: Some(group(id)), ..Default::default() }
}

fn traced<T>(message: T, sampled: bool) -> Request<T> {
    let mut request = Request::new(message);
    let flags = if sampled { "01" } else { "00" };
    request.metadata_mut().insert("traceparent", format!("00-{TRACE_ID}-{PARENT_ID}-{flags}").parse().unwrap());
    request
}

fn below<'a>(spans: &'a [Seen], parent: &Seen) -> Vec<&'a Seen> {
    spans.iter().filter(|span| span.parent() == parent.id()).collect()
}

fn names<'a>(spans: &[&'a Seen]) -> Vec<&'a str> {
    spans.iter().map(|span| span.name()).collect()
}

fn only<'a>(spans: &'a [Seen], name: &str) -> &'a Seen {
    let found: Vec<&Seen> = spans.iter().filter(|span| span.name() == name).collect();
    assert_eq!(found.len(), 1, "{name}: {spans:?}");
    found[0]
}

/// A call whose first answer is lost, whose second attempt meets the group
/// that the first one made, and whose look settles that this is so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_retried_and_settled_is_one_trace_at_the_collector() {
    let (sandbox, receiver, folder) = (stand_in().await, Receiver::default(), tempfile::tempdir().unwrap());
    let mut command = serve(folder.path(), &sandbox, &caller(), &receiver.grpc().await, "grpc");
    // A collector that is there is flushed at the stop, long before this delay is over.
    command.env("OTEL_BSP_SCHEDULE_DELAY", "600000").env("RUST_LOG", "trace");
    command.env("OTEL_SERVICE_NAME", "imports").env("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=test");
    let mut gateway = Running::start(command);
    let mut client = gateway.client().await;

    sandbox.script("import_group", [FaultKind::CloseAfter]);
    let mut request = traced(ImportGroupRequest { request_id: REQUEST_ID.into(), ..request("") }, true);
    request.metadata_mut().insert("tracestate", "vendor=value".parse().unwrap());
    request.metadata_mut().insert("authorization", format!("Bearer {TOKEN}").parse().unwrap());
    let reply = client.import_group(request).await.unwrap().into_inner();
    assert!(reply.reconciled);
    assert!(receiver.spans().is_empty(), "they are still being gathered");
    gateway.signal("TERM");
    assert_eq!(gateway.end().code(), Some(0), "{}", gateway.text());

    let spans = receiver.spans();
    for span in &spans {
        assert_eq!((span.trace_id().as_str(), span.raw.trace_state.as_str()), (TRACE_ID, "vendor=value"), "{span:?}");
        assert!(span.raw.end_time_unix_nano >= span.raw.start_time_unix_nano, "{span:?}");
    }
    let call = only(&spans, CALL);
    assert_eq!(call.parent(), PARENT_ID);
    assert_eq!(call.raw.kind, 2, "a server's");
    for (key, value) in [
        ("rpc.system", "grpc"),
        ("rpc.service", "groupimport.v1.GroupImport"),
        ("rpc.method", "ImportGroup"),
        ("rpc.grpc.status_code", "0"),
        ("group_import.caller", "billing"),
        ("group_import.app", "prod"),
        ("group_import.outcome", "OK"),
        ("group_import.attempts", "2"),
        ("group_import.request_id", REQUEST_ID),
        ("group_import.group_id", &reply.group_id),
    ] {
        assert_eq!(call.get(key), value, "{key} of {call:?}");
    }
    assert!(call.get("group_import.chat_ms").parse::<f64>().unwrap() >= 0.0, "{call:?}");

    let parts = below(&spans, call);
    assert_eq!(names(&parts), ["wait", "attempt", "wait", "attempt", "look"]);
    assert!(parts.windows(2).all(|two| two[0].raw.end_time_unix_nano <= two[1].raw.start_time_unix_nano), "{parts:?}");
    assert_eq!(parts[0].get("group_import.lane"), "unary");
    let (lost, second, look) = (parts[1], parts[3], parts[4]);
    for attempt in [lost, second] {
        assert_eq!(attempt.raw.kind, 3, "a client's");
        assert_eq!(attempt.get("http.request.method"), "POST");
        assert_eq!(attempt.get("url.template"), "/v4/group_open_http_svc/import_group");
        assert_eq!(attempt.get("server.address"), "127.0.0.1");
        assert_eq!(attempt.raw.status.as_ref().unwrap().code, 2, "an error: {attempt:?}");
    }
    assert_eq!((lost.get("group_import.attempt"), lost.get("group_import.outcome")), ("1", "lost"));
    assert_eq!((lost.get("error.type"), lost.get("group_import.chat_error_code")), ("broken", ""));
    assert_eq!((second.get("group_import.attempt"), second.get("group_import.outcome")), ("2", "refused"));
    assert_eq!((second.get("group_import.chat_error_code"), second.get("http.response.status_code")), ("10021", "200"));
    assert_eq!((look.get("group_import.found"), look.get("group_import.command")), ("same", "get_group_info"));
    let looks = below(&spans, look);
    assert_eq!(names(&looks), ["wait", "attempt"]);
    assert_eq!(looks[1].get("url.template"), "/v4/group_open_http_svc/get_group_info");
    assert_eq!((looks[1].get("group_import.outcome"), looks[1].get("group_import.chat_error_code")), ("ok", "0"));
    assert_eq!(spans.len(), 8, "nothing of probes or health");

    let resource = receiver.resource();
    assert_eq!((resource["service.name"].as_str(), resource["deployment.environment"].as_str()), ("imports", "test"));
    assert!(receiver.authorizations().iter().all(|value| value == &format!("Bearer {COLLECTORS}")));
    let all = receiver.text().to_lowercase();
    for secret in [KEY, TOKEN, COLLECTORS, "usersig", "bearer", "sdkappid"] {
        assert!(!all.contains(&secret.to_lowercase()), "{secret} is in {all}");
    }
    let log = gateway.text();
    assert!(log.contains(TRACE_ID) && !log.contains(COLLECTORS) && !log.contains(TOKEN), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn samplers_and_callers_flags_decide_what_goes_out_over_http() {
    let (sandbox, receiver, folder) = (stand_in().await, Receiver::default(), tempfile::tempdir().unwrap());
    let mut command = serve(folder.path(), &sandbox, "", &receiver.http().await, "http/protobuf");
    command.env("OTEL_TRACES_SAMPLER", "parentbased_always_off");
    let mut gateway = Running::start(command);
    let mut client = gateway.client().await;
    client.import_group(request("without")).await.unwrap();
    client.import_group(traced(request("unsampled"), false)).await.unwrap();
    client.import_group(traced(request("sampled"), true)).await.unwrap();
    let item = |index: u32| ImportGroupsRequest {
        item_id: index.to_string(),
        request: Some(request(&format!("item-{index}"))),
    };
    let mut answers =
        client.import_groups(traced(tokio_stream::iter((0..3).map(item)), true)).await.unwrap().into_inner();
    while answers.message().await.unwrap().is_some() {}
    receiver.wait_for(&format!("{CALL}s"), 1).await; // nobody stops it: they go out by themselves
    gateway.signal("TERM");
    gateway.end();

    let spans = receiver.spans();
    assert!(spans.iter().all(|span| span.trace_id() == TRACE_ID), "{spans:?}");
    assert_eq!(only(&spans, CALL).get("group_import.group_id"), "sampled");
    let stream = only(&spans, &format!("{CALL}s"));
    assert_eq!((stream.get("group_import.items"), stream.get("group_import.items_ok")), ("3", "3"));
    let items = below(&spans, stream);
    assert_eq!(names(&items), ["item"; 3]);
    for item in items {
        assert_eq!(names(&below(&spans, item)), ["wait", "attempt"]);
        assert_eq!(item.get("group_import.outcome"), "OK");
    }
    assert_eq!(receiver.authorizations()[0], format!("Bearer {COLLECTORS}"));
    assert_eq!(receiver.resource()["service.name"], "group-import-gateway");
}

/// The first call comes before Chat has taken the credential, and the second while the first is under way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_call_waits_for_besides_its_turn_has_a_span_as_well() {
    let (sandbox, receiver, folder) = (stand_in().await, Receiver::default(), tempfile::tempdir().unwrap());
    sandbox.set_latency(Duration::from_secs(2), Duration::ZERO);
    let gateway = Running::start(serve(folder.path(), &sandbox, "", &receiver.grpc().await, "grpc"));
    let client = gateway.client().await;
    let calls = [(); 2].map(|()| {
        let mut client = client.clone();
        async move { client.import_group(ImportGroupRequest { request_id: REQUEST_ID.into(), ..request("") }).await }
    });
    for outcome in futures_util::future::join_all(calls).await {
        outcome.unwrap();
    }
    receiver.wait_for(CALL, 2).await;
    let spans = receiver.spans();
    let twin = only(&spans, "twin");
    let calls: Vec<&Seen> = spans.iter().filter(|span| span.name() == CALL).collect();
    let (follower, leader): (Vec<&Seen>, Vec<&Seen>) = calls.iter().partition(|call| twin.parent() == call.id());
    assert_eq!(names(&below(&spans, follower[0])), ["twin"]);
    assert_eq!(names(&below(&spans, leader[0])), ["hold", "wait", "attempt"]);
    assert_ne!(leader[0].trace_id(), follower[0].trace_id());
    let link = &twin.raw.links[0];
    assert_eq!((&link.trace_id, &link.span_id), (&leader[0].raw.trace_id, &leader[0].raw.span_id));
}

/// One that refuses connections, and one that takes them and never says a word.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_away_or_silent_holds_nothing_up_and_is_told_of_once() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent_endpoint = format!("http://{}", silent.local_addr().unwrap());
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((connection, _)) = silent.accept().await {
            open.push(connection);
        }
    });
    let sandbox = stand_in().await;
    sandbox.set_latency(Duration::ZERO, Duration::ZERO);
    sandbox.set_calls_per_second(100_000);
    let away = "http://127.0.0.1:1".to_owned();
    let protocols = ["grpc", "http/protobuf"];
    for (endpoint, protocol) in [&away, &silent_endpoint].into_iter().flat_map(|one| protocols.map(|two| (one, two))) {
        let folder = tempfile::tempdir().unwrap();
        let mut command = serve(folder.path(), &sandbox, "calls_per_second = 100000\n", endpoint, protocol);
        // A queue so small that it is full at once, and failures in quick succession.
        command.env("OTEL_BSP_MAX_QUEUE_SIZE", "16").env("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "8");
        command.env("OTEL_BSP_SCHEDULE_DELAY", "10").env("OTEL_EXPORTER_OTLP_TIMEOUT", "300");
        command.env("RUST_LOG", "trace");
        let mut gateway = Running::start(command);
        let client = gateway.client().await;
        let calls = (0..400).map(|index| {
            let mut client = client.clone();
            let id = format!("{}-{index}", folder.path().file_name().unwrap().to_str().unwrap().replace('.', ""));
            async move { client.import_group(request(&id)).await }
        });
        for outcome in futures_util::future::join_all(calls).await {
            outcome.unwrap(); // within the deadline that a call has
        }
        gateway.value("spans can't be exported", "lost");
        tokio::time::sleep(Duration::from_millis(700)).await; // time for two more time-outs of its own
        let since = Instant::now();
        gateway.signal("TERM");
        assert_eq!(gateway.end().code(), Some(0), "{}", gateway.text());
        assert!(since.elapsed() < Duration::from_secs(20), "the stop waited for the collector");
        let log = gateway.text();
        assert_eq!(log.matches("spans can't be exported").count(), 1, "{protocol} {endpoint}: {log}");
        assert!(!log.contains(COLLECTORS), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_variables_get_wrong_is_named_and_is_no_reason_not_to_serve() {
    let (sandbox, folder) = (stand_in().await, tempfile::tempdir().unwrap());
    for (endpoint, sampler, said) in [
        ("http://127.0.0.1:1", "sometimes", "OTEL_TRACES_SAMPLER"),
        ("no url at all, but PASSWORD", "always_on", "no traces are exported"),
    ] {
        let mut command = serve(folder.path(), &sandbox, "", endpoint, "grpc");
        command.env("OTEL_TRACES_SAMPLER", sampler);
        let gateway = Running::start(command);
        gateway.client().await.import_group(request(sampler)).await.unwrap();
        assert!(gateway.text().contains(said) && !gateway.text().contains("PASSWORD"), "{}", gateway.text());
    }
}
