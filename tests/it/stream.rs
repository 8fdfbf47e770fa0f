//! `ImportGroups`: every item answered exactly once, whatever the others do.

use std::{collections::HashMap, time::Duration};

use group_import_gateway::{
    proto::{ImportGroupRequest, ImportGroupsRequest, ImportGroupsResponse, import_groups_response::Outcome},
    sandbox::FaultKind,
};
use prost::Message as _;
use tonic::Code;
use tonic_types::pb;

use crate::rig::{Rig, group};

fn item(id: &str, group_id: &str) -> ImportGroupsRequest {
    let request = ImportGroupRequest { group: Some(group(group_id)), ..Default::default() };
    ImportGroupsRequest { item_id: id.into(), request: Some(request) }
}

/// `OK`, or the reason of the item's error.
pub(crate) fn ended(answer: &ImportGroupsResponse) -> String {
    match answer.outcome.as_ref().unwrap() {
        Outcome::Imported(_) => "OK".into(),
        Outcome::Error(status) => {
            let info = status.details.iter().find(|any| any.type_url.ends_with("google.rpc.ErrorInfo")).unwrap();
            pb::ErrorInfo::decode(info.value.as_slice()).unwrap().reason
        }
    }
}

#[tokio::test]
async fn every_item_is_answered_once_and_a_bad_one_fails_alone() {
    let rig = Rig::start().await;
    let mut items: Vec<_> = (0..150).map(|i| item(&i.to_string(), &format!("g{i}"))).collect();
    items[7].request.as_mut().unwrap().group.as_mut().unwrap().name.clear();
    items[9].request = None;
    items[11].request.as_mut().unwrap().app = "other".into();
    items.push(item("", "x1"));
    items.push(item(&"i".repeat(129), "x2"));
    let mut answers = rig.client.clone().import_groups(tokio_stream::iter(items)).await.unwrap().into_inner();
    let mut seen = HashMap::new();
    while let Some(answer) = answers.message().await.unwrap() {
        let before = seen.insert(answer.item_id.clone(), ended(&answer));
        assert!(before.is_none(), "{} answered twice", answer.item_id);
    }
    assert_eq!(seen.len(), 152);
    for (id, reason) in &seen {
        let expected = match id.as_str() {
            "7" | "9" | "" => "INVALID_REQUEST",
            "11" => "APP_UNKNOWN",
            id if id.starts_with('i') => "INVALID_REQUEST",
            _ => "OK",
        };
        assert_eq!(reason, expected, "{id}");
    }
    assert_eq!(rig.sandbox.group_count(crate::rig::SDK_APP_ID), 147);
}

#[tokio::test]
async fn an_item_id_that_is_still_unanswered_is_refused_and_one_that_is_answered_is_free() {
    let rig = Rig::start().await;
    rig.sandbox.set_latency(Duration::from_millis(200), Duration::ZERO);
    let (items, receiver) = tokio::sync::mpsc::channel(8);
    let receiver = tokio_stream::wrappers::ReceiverStream::new(receiver);
    let mut answers = rig.client.clone().import_groups(receiver).await.unwrap().into_inner();
    items.send(item("a", "g1")).await.unwrap();
    items.send(item("a", "g2")).await.unwrap();
    let first = answers.message().await.unwrap().unwrap();
    assert_eq!((first.item_id.as_str(), ended(&first).as_str()), ("a", "INVALID_REQUEST"));
    let second = answers.message().await.unwrap().unwrap();
    assert_eq!((second.item_id.as_str(), ended(&second).as_str()), ("a", "OK"));
    items.send(item("a", "g3")).await.unwrap();
    let third = answers.message().await.unwrap().unwrap();
    assert_eq!(ended(&third), "OK");
    drop(items);
    assert!(answers.message().await.unwrap().is_none());
}

#[tokio::test]
async fn answers_come_as_they_finish_and_not_in_the_order_sent() {
    let rig = Rig::with(|config| config.apps[0].attempt_timeout = Duration::from_millis(3100)).await;
    rig.script([FaultKind::StallBefore]);
    let mut items = vec![item("slow", "")];
    items.extend((0..20).map(|i| item(&format!("quick-{i}"), &format!("g{i}"))));
    let mut answers = rig.client.clone().import_groups(tokio_stream::iter(items)).await.unwrap().into_inner();
    let mut order = Vec::new();
    while let Some(answer) = answers.message().await.unwrap() {
        order.push((answer.item_id.clone(), ended(&answer)));
    }
    assert_eq!(order.len(), 21);
    assert_eq!(order[20], ("slow".to_owned(), "OUTCOME_UNKNOWN".to_owned()));
}

#[tokio::test]
async fn a_streams_timeout_ends_it_and_answers_what_was_read() {
    let rig = Rig::start().await;
    rig.sandbox.set_latency(Duration::from_secs(2), Duration::ZERO);
    let (items, receiver) = tokio::sync::mpsc::channel(8);
    let mut request = tonic::Request::new(tokio_stream::wrappers::ReceiverStream::new(receiver));
    request.metadata_mut().insert("grpc-timeout", "500m".parse().unwrap());
    let mut answers = rig.client.clone().import_groups(request).await.unwrap().into_inner();
    items.send(item("a", "g1")).await.unwrap();
    let answer = answers.message().await.unwrap().unwrap();
    assert_eq!((answer.item_id.as_str(), ended(&answer).as_str()), ("a", "DEADLINE_PASSED"));
    let end = answers.message().await.unwrap_err();
    assert_eq!(end.code(), Code::DeadlineExceeded);
}
