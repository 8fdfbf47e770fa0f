//! How many calls there may be at a time.

use std::{sync::Arc, time::Duration};

use group_import_gateway::proto::{ImportGroupRequest, ImportGroupsRequest};
use tokio::sync::{Barrier, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;

use crate::{
    rig::{Rig, Told, group},
    stream::ended,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_beyond_the_places_are_refused_and_told_to_come_again() {
    let rig = Rig::with(|config| config.server.max_calls = 8).await;
    rig.import(group("first")).await.unwrap();
    rig.sandbox.set_latency(Duration::from_millis(800), Duration::ZERO);
    // One caller alone has half of them.
    let calls = (0..6).map(|index| rig.import(group(&format!("g{index}"))));
    let (good, refused): (Vec<_>, Vec<_>) =
        futures_util::future::join_all(calls).await.into_iter().partition(Result::is_ok);
    assert_eq!((good.len(), refused.len()), (4, 2));
    for status in refused.into_iter().map(Result::unwrap_err) {
        let told = Told::of(&status);
        assert_eq!((told.code, told.reason.as_str()), (Code::ResourceExhausted, "RATE_LIMITED"));
        assert_eq!((told.get("applied"), told.get("retry"), told.get("attempts")), ("no", "after", "0"));
        assert!(told.message.contains("server.max_calls") && told.pushback.as_deref() == Some("1000"), "{told:?}");
    }
    rig.import(group("later")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_finds_no_more_places_waits_for_its_own_answers() {
    let rig = Rig::with(|config| config.server.max_calls = 8).await;
    rig.sandbox.set_latency(Duration::from_millis(20), Duration::ZERO);
    // All are open before the first item comes: each then has a place of its own.
    let open = Arc::new(Barrier::new(4));
    let streams = (0..4).map(|stream| {
        let (items, receiver) = mpsc::channel(30);
        let (mut client, open) = (rig.client.clone(), open.clone());
        async move {
            let mut answers = client.import_groups(ReceiverStream::new(receiver)).await.unwrap().into_inner();
            open.wait().await;
            for index in 0..30 {
                let request =
                    ImportGroupRequest { group: Some(group(&format!("s{stream}-{index}"))), ..Default::default() };
                let item = ImportGroupsRequest { item_id: index.to_string(), request: Some(request) };
                items.send(item).await.unwrap();
            }
            drop(items);
            let mut good = 0;
            while let Some(answer) = answers.message().await.unwrap() {
                good += usize::from(ended(&answer) == "OK");
            }
            good
        }
    });
    let good = futures_util::future::join_all(streams).await;
    assert_eq!(good, [30; 4], "four streams have all places, and each goes on with its own");
}
