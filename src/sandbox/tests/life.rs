#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::client::{APP, Client, eventually, start};
use crate::sandbox::{FaultKind, Sandbox, Settings};

#[tokio::test]
async fn a_stopped_sandbox_refuses_connections_and_keeps_what_it_saw() {
    let (sandbox, client) = start(|_| {}).await;
    assert_eq!(client.import_id("a").await, 0);
    sandbox.stop().await;
    assert!(client.try_import_id("b").await.unwrap_err().is_connect());
    assert_eq!((sandbox.group_count(APP), sandbox.calls().len()), (1, 1));

    let again = Settings { listen: sandbox.addr(), ..Settings::default() };
    let again = Sandbox::start(again).await.unwrap();
    assert_eq!(again.addr(), sandbox.addr(), "the port is free at once");
}

#[tokio::test]
async fn dropping_the_last_handle_stops_it() {
    let (sandbox, client) = start(|_| {}).await;
    let other = sandbox.clone();
    drop(sandbox);
    assert_eq!(client.import_id("a").await, 0);
    drop(other);
    let refused = async { while client.try_import_id("b").await.is_ok() {} };
    tokio::time::timeout(Duration::from_secs(5), refused).await.unwrap();
}

#[tokio::test]
async fn connections_are_kept_alive_counted_and_cut_on_demand() {
    let (sandbox, client) = start(|_| {}).await;
    for id in ["a", "b", "c"] {
        assert_eq!(client.import_id(id).await, 0);
    }
    assert_eq!(sandbox.connections(), 1);
    sandbox.cut_connections();
    // The client may not have seen yet that its connection is gone.
    while client.try_import_id("d").await.is_err() {}
    assert_eq!(sandbox.connections(), 2);
    let by: Vec<_> = sandbox.calls().iter().map(|seen| seen.connection).collect();
    assert_eq!(by, [1, 1, 1, 2]);
}

#[tokio::test]
async fn latency_lies_half_before_and_half_after_the_counting() {
    let (sandbox, client) = start(|_| {}).await;
    sandbox.set_latency(Duration::from_millis(100), Duration::ZERO);
    let sent = Instant::now();
    assert_eq!(client.import_id("a").await, 0);
    let (counted, answered) = (sandbox.calls()[0].at - sent, sent.elapsed());
    assert!(counted >= Duration::from_millis(50) && answered - counted >= Duration::from_millis(50));
}

#[tokio::test]
async fn what_was_sent_arrives_even_if_the_client_goes() {
    let (sandbox, client) = start(|settings| settings.latency = Duration::from_secs(1)).await;
    let gave_up = tokio::time::timeout(Duration::from_millis(100), client.import_id("a")).await;
    assert!(gave_up.is_err());
    drop(client);
    assert_eq!(sandbox.group_count(APP), 0);
    eventually("the group is made", || sandbox.group_count(APP) == 1).await;
}

#[tokio::test]
async fn records_of_calls_and_bodies_are_kept_as_told() {
    let (sandbox, client) = start(|settings| {
        settings.keep_calls = 2;
        settings.keep_bodies = false;
    })
    .await;
    for id in ["a", "b", "c"] {
        assert_eq!(client.import_id(id).await, 0);
    }
    let calls = sandbox.calls();
    let made: Vec<_> = calls.iter().filter_map(|seen| seen.created.as_deref()).collect();
    assert_eq!(made, ["b", "c"]);
    assert!(calls.iter().all(|seen| seen.body.is_null()));
    assert_eq!((sandbox.call_count("import_group"), sandbox.most_in_one_second("import_group", APP)), (3, 3));
    let names: Vec<_> = sandbox.groups(APP).into_iter().map(|group| group.group_id).collect();
    assert_eq!(names, ["a", "b", "c"], "in the order made");
    assert!(sandbox.group(APP, "a").unwrap().fields.is_empty());
}

#[tokio::test]
async fn a_rehearsal_can_be_repeated() {
    let run = async || {
        let faults = vec!["code_10002=0.3".parse().unwrap()];
        let (_sandbox, client) = start(|settings| settings.faults = faults).await;
        let mut codes = Vec::new();
        for id in 0..30 {
            codes.push(client.import_id(&id.to_string()).await);
        }
        codes
    };
    let (first, second) = (run().await, run().await);
    assert_eq!(first, second);
    assert!(first.contains(&0) && first.contains(&10002));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load_the_log_is_in_the_order_of_time_and_nothing_is_lost() {
    let (sandbox, _) = start(|settings| {
        settings.calls_per_second = 500;
        settings.jitter = Duration::from_millis(10);
        settings.latency = Duration::from_millis(10);
    })
    .await;
    sandbox.script("import_group", vec![FaultKind::None; 10]);
    let clients = (0..20).map(|number| {
        let client = Client::of(&sandbox);
        tokio::spawn(async move {
            let calls = (0..30).map(|call| format!("{number}-{call}"));
            let mut codes = Vec::new();
            for id in calls {
                codes.push(client.import_id(&id).await);
            }
            codes
        })
    });
    let codes: Vec<u64> = join_all(clients).await.into_iter().flat_map(Result::unwrap).collect();
    let calls = sandbox.calls();
    assert!(calls.is_sorted_by_key(|seen| seen.at));
    assert_eq!((codes.len(), calls.len()), (600, 600));
    assert_eq!(sandbox.group_count(APP), codes.iter().filter(|code| **code == 0).count());
    let accepted = calls.iter().filter(|seen| seen.code == Some(0)).collect::<Vec<_>>();
    assert!(accepted.windows(501).all(|w| w[500].at - w[0].at >= Duration::from_secs(1)));
}
