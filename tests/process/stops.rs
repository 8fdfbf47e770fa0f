//! A stop in the middle of thousands: what stands is what was answered.

use std::{collections::HashMap, time::Duration};

use group_import_gateway::{
    proto::{
        ImportGroupRequest, ImportGroupsRequest, group_import_client::GroupImportClient,
        import_groups_response::Outcome,
    },
    sandbox::Sandbox,
};
use prost::Message as _;
use tonic_types::pb;

use crate::binary::{Running, SDK_APP_ID, binary, group, stand_in, write_config};

fn gateway(folder: &std::path::Path, sandbox: &Sandbox) -> Running {
    let config = write_config(folder, &sandbox.base_url(), "");
    let mut command = binary();
    command.args(["serve", "--config", &config]);
    Running::start(command)
}

fn request(id: String) -> ImportGroupRequest {
    ImportGroupRequest { group: Some(group(&id)), ..Default::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_sigterm_in_a_stream_of_thousands_what_stands_is_what_was_answered() {
    let sandbox = stand_in().await;
    sandbox.set_latency(Duration::from_millis(60), Duration::from_millis(30));
    let folder = tempfile::tempdir().unwrap();
    let mut gateway = gateway(folder.path(), &sandbox);
    let mut client = gateway.client().await;
    // The client keeps its side open: that must not hold the stop up.
    let (items, receiver) = tokio::sync::mpsc::channel(16);
    let feeder = tokio::spawn(async move {
        for index in 0..5_000 {
            let item = ImportGroupsRequest { item_id: index.to_string(), request: Some(request(format!("g{index}"))) };
            if items.send(item).await.is_err() {
                break;
            }
        }
        tokio::time::sleep(Duration::from_secs(60)).await;
    });
    let receiver = tokio_stream::wrappers::ReceiverStream::new(receiver);
    let mut answers = client.import_groups(receiver).await.unwrap().into_inner();
    let mut ends: HashMap<String, String> = HashMap::new();
    let status = loop {
        match answers.message().await {
            Ok(Some(answer)) => {
                let reason = match answer.outcome.unwrap() {
                    Outcome::Imported(_) => "OK".to_owned(),
                    Outcome::Error(status) => pb::ErrorInfo::decode(status.details[0].value.as_slice()).unwrap().reason,
                };
                assert!(ends.insert(answer.item_id, reason).is_none());
                if ends.len() == 300 {
                    gateway.signal("TERM");
                }
            }
            Ok(None) => panic!("the stream ended without a status"),
            Err(status) => break status,
        }
    };
    assert_eq!(gateway.end().code(), Some(0), "{}", gateway.text());
    feeder.abort();
    assert_eq!(status.code(), tonic::Code::Unavailable, "{status:?}");
    let count = |reason: &str| ends.values().filter(|end| *end == reason).count();
    assert_eq!(count("OK") + count("DRAINING"), ends.len(), "{ends:?}");
    assert!(count("OK") >= 300);
    let standing = sandbox.group_count(SDK_APP_ID);
    assert_eq!(standing, count("OK"), "what stands is what was answered OK");
    for (item, end) in &ends {
        assert_eq!(sandbox.group(SDK_APP_ID, &format!("g{item}")).is_some(), end == "OK", "{item}: {end}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_stops_at_once() {
    let sandbox = stand_in().await;
    sandbox.script("import_group", [group_import_gateway::sandbox::FaultKind::StallAfter]);
    let folder = tempfile::tempdir().unwrap();
    let mut gateway = gateway(folder.path(), &sandbox);
    let mut client = gateway.client().await;
    let call = tokio::spawn(async move { client.import_group(request("g".into())).await });
    while sandbox.call_count("import_group") == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    gateway.signal("TERM");
    gateway.until_told("stopping", 1);
    gateway.signal("TERM");
    let since = std::time::Instant::now();
    assert_eq!(gateway.end().code(), Some(0));
    assert!(since.elapsed() < Duration::from_secs(4), "the attempt's five seconds were not waited for");
    assert!(call.await.unwrap().is_err());
}

/// Clients that retry keyed requests by themselves, a gateway killed in the
/// middle, and the same input again through a new one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_kill_9_under_retrying_clients_no_group_stands_twice() {
    let sandbox = stand_in().await;
    sandbox.set_latency(Duration::from_millis(30), Duration::from_millis(20));
    let folder = tempfile::tempdir().unwrap();
    let mut first = gateway(folder.path(), &sandbox);
    let client = first.client().await;
    let keyed = |index: u32| ImportGroupRequest {
        group: Some(group("")),
        request_id: format!("kill-nine-{index:06}"),
        ..Default::default()
    };
    let call = |client: GroupImportClient<tonic::transport::Channel>, index: u32| async move {
        let mut attempt = 0;
        loop {
            let mut request = tonic::Request::new(keyed(index));
            if attempt > 0 {
                request.metadata_mut().insert("grpc-previous-rpc-attempts", attempt.to_string().parse().unwrap());
            }
            match client.clone().import_group(request).await {
                Ok(reply) => return Some(reply.into_inner().group_id),
                Err(_) if attempt == 2 => return None,
                Err(_) => attempt += 1,
            }
        }
    };
    let calls: Vec<_> = (0..400).map(|index| tokio::spawn(call(client.clone(), index))).collect();
    while sandbox.group_count(SDK_APP_ID) < 150 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    first.signal("KILL");
    first.end();
    for call in calls {
        call.await.unwrap();
    }
    let second = gateway(folder.path(), &sandbox);
    let client = second.client().await;
    let mut ids = std::collections::HashSet::new();
    let calls: Vec<_> = (0..400).map(|index| tokio::spawn(call(client.clone(), index))).collect();
    for call in calls {
        ids.insert(call.await.unwrap().expect("every one is imported in the end"));
    }
    assert_eq!(ids.len(), 400);
    assert_eq!(sandbox.group_count(SDK_APP_ID), 400, "no group stands twice");
}
