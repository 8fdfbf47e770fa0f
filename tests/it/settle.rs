//! A group that stands already: whose it is, and what the caller is told.

use group_import_gateway::{
    commands::import_group::derive,
    config::SdkAppId,
    gateway::Gateway,
    proto::{Group, GroupType, ImportGroupRequest},
    sandbox::FaultKind,
};
use prost_types::Timestamp;
use tonic::{Code, Request};

use crate::rig::{self, Rig, SDK_APP_ID, Told, group};

const KEY: &str = "0b0f3a52-6c1f-4a0e-9f57-5c9a6a1f2d3e";

fn keyed(name: &str) -> ImportGroupRequest {
    let mut group = Group { name: name.into(), ..Default::default() };
    group.set_type(GroupType::Public);
    ImportGroupRequest { group: Some(group), request_id: KEY.into(), ..Default::default() }
}

#[tokio::test]
async fn a_first_attempt_at_a_group_that_stands_is_told_that_it_is_the_same() {
    let rig = Rig::start().await;
    rig.import(group("g")).await.unwrap();
    let told = Told::of(&rig.import(group("g")).await.unwrap_err());
    assert_eq!((told.code, told.reason.as_str()), (Code::AlreadyExists, "GROUP_ID_IN_USE"));
    assert_eq!((told.get("existing"), told.get("applied"), told.get("retry")), ("same", "no", "no"));
    assert_eq!((told.get("chat_error_code"), told.get("attempts")), ("10021", "1"));
}

#[tokio::test]
async fn a_client_that_says_it_repeats_is_told_that_it_succeeded() {
    let rig = Rig::start().await;
    rig.import(group("g")).await.unwrap();
    let mut again = Request::new(ImportGroupRequest { group: Some(group("g")), ..Default::default() });
    again.metadata_mut().insert("grpc-previous-rpc-attempts", "2".parse().unwrap());
    let reply = rig.call(again).await.unwrap();
    assert!(reply.reconciled && reply.group_id == "g");
}

#[tokio::test]
async fn every_field_that_differs_is_named() {
    let rig = Rig::start().await;
    let mut first = group("g");
    first.owner_account = "alice".into();
    first.create_time = Some(Timestamp { seconds: 1_500_000_000, nanos: 0 });
    rig.import(first.clone()).await.unwrap();
    let mut other = first.clone();
    other.name = "another".into();
    other.owner_account = "bob".into();
    other.set_type(GroupType::Private);
    other.create_time = Some(Timestamp { seconds: 1_500_000_001, nanos: 0 });
    for (request, differs) in [
        (other, "type,name,owner_account,create_time"),
        (Group { name: "another".into(), ..first.clone() }, "name"),
        (Group { owner_account: String::new(), ..first.clone() }, "owner_account"),
    ] {
        let told = Told::of(&rig.import(request).await.unwrap_err());
        assert_eq!((told.get("existing"), told.get("differs"), told.get("applied")), ("different", differs, "no"));
    }
    // Without a creation time there is nothing to compare it with, nor has what else may change a say.
    let told =
        Told::of(&rig.import(Group { create_time: None, introduction: "new".into(), ..first }).await.unwrap_err());
    assert_eq!(told.get("existing"), "same");
}

#[tokio::test]
async fn the_newer_names_of_types_are_the_same_types() {
    let rig = Rig::start().await;
    for (kind, id) in [(GroupType::Private, "work"), (GroupType::ChatRoom, "meeting")] {
        let mut group = group(id);
        group.set_type(kind);
        rig.import(group.clone()).await.unwrap();
        assert_eq!(Told::of(&rig.import(group).await.unwrap_err()).get("existing"), "same");
    }
}

#[tokio::test]
async fn what_can_not_be_read_is_unread_and_unknown_only_after_a_lost_answer() {
    let rig = Rig::start().await;
    rig.import(group("g")).await.unwrap();
    let unreadable = || rig.sandbox.script("get_group_info", [FaultKind::Code(10004)]);
    unreadable();
    let told = Told::of(&rig.import(group("g")).await.unwrap_err());
    assert_eq!((told.get("existing"), told.get("applied")), ("unread", "no"));
    unreadable();
    rig.script([FaultKind::CloseBefore]);
    let told = Told::of(&rig.import(group("g")).await.unwrap_err());
    assert_eq!((told.get("existing"), told.get("applied"), told.get("attempts")), ("unread", "unknown", "2"));
}

#[tokio::test]
async fn a_request_id_always_stands_for_the_same_group() {
    let rig = Rig::start().await;
    let id = derive::group_id(SdkAppId::new(SDK_APP_ID).unwrap(), KEY, GroupType::Public);
    let preview = rig.send(ImportGroupRequest { validate_only: true, ..keyed("n") }).await.unwrap();
    assert_eq!(preview.group_id, id);
    let first = rig.send(keyed("n")).await.unwrap();
    assert_eq!((first.group_id.as_str(), first.reconciled), (id.as_str(), false));
    let second = rig.send(keyed("n")).await.unwrap();
    assert_eq!((second.group_id.as_str(), second.reconciled), (id.as_str(), true));
    let told = Told::of(&rig.send(keyed("other")).await.unwrap_err());
    assert_eq!(
        (told.reason.as_str(), told.get("existing"), told.get("differs")),
        ("GROUP_ID_IN_USE", "different", "name")
    );
    assert_eq!(rig.sandbox.group_count(SDK_APP_ID), 1);
}

#[tokio::test]
async fn twenty_repeats_over_two_gateways_make_one_group() {
    let rig = Rig::start().await;
    rig.sandbox.set_latency(std::time::Duration::from_millis(30), std::time::Duration::from_millis(20));
    let second = Gateway::start(rig::config(&rig.sandbox.base_url()), &rig::env()).await.unwrap();
    let other = rig::client(&second).await;
    let calls = (0..20).map(|i| {
        let mut client = if i % 2 == 0 { rig.client.clone() } else { other.clone() };
        async move { client.import_group(keyed("n")).await }
    });
    for outcome in futures_util::future::join_all(calls).await {
        outcome.unwrap();
    }
    assert_eq!(rig.sandbox.group_count(SDK_APP_ID), 1);
    assert_eq!(rig.seen().len(), 2, "twins at one gateway share one call");
}

#[tokio::test]
async fn unequal_requests_with_one_key_exclude_each_other() {
    let rig = Rig::start().await;
    rig.sandbox.set_latency(std::time::Duration::from_millis(300), std::time::Duration::ZERO);
    let mut client = rig.client.clone();
    let first = tokio::spawn(async move { client.import_group(keyed("n")).await });
    while rig.sandbox.call_count("import_group") == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let told = Told::of(&rig.send(keyed("other")).await.unwrap_err());
    assert_eq!((told.code, told.get("existing"), told.get("differs")), (Code::AlreadyExists, "different", "name"));
    assert_eq!((told.get("applied"), told.get("attempts")), ("no", "0"));
    first.await.unwrap().unwrap();
}

#[tokio::test]
async fn twins_keep_their_own_deadlines_and_the_next_takes_over() {
    let rig = Rig::start().await;
    rig.script([FaultKind::StallAfter]);
    let call = |ms: u64| {
        let mut client = rig.client.clone();
        let mut request = Request::new(keyed("n"));
        request.set_timeout(std::time::Duration::from_millis(ms));
        tokio::spawn(async move { client.import_group(request).await })
    };
    let short = call(400);
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    let long = call(8_000);
    assert_eq!(Told::of(&short.await.unwrap().unwrap_err()).reason, "DEADLINE_PASSED");
    assert!(long.await.unwrap().unwrap().into_inner().reconciled);
    assert_eq!(rig.sandbox.group_count(SDK_APP_ID), 1);
}

#[tokio::test]
async fn ten_thousand_imports_with_mixed_faults_tell_the_truth() {
    let rig = Rig::with(|config| config.apps[0].calls_per_second = 100_000).await;
    rig.sandbox.set_calls_per_second(100_000);
    let faults = [
        "close_before",
        "close_after",
        "cut_body",
        "garbage",
        "empty",
        "http_502",
        "http_503_after",
        "code_10002",
        "code_60008_after",
        "no_group_id",
    ];
    rig.sandbox.set_faults(faults.iter().map(|kind| format!("{kind}=0.005").parse().unwrap()).collect()).unwrap();
    let mut ends = std::collections::HashMap::new();
    for chunk in 0..100 {
        let calls = (0..100).map(|i| {
            let index = chunk * 100 + i;
            let mut client = rig.client.clone();
            let mut request = ImportGroupRequest { group: Some(group("")), ..Default::default() };
            match index % 3 {
                0 => request.group.as_mut().unwrap().group_id = format!("g{index}"),
                1 => request.request_id = format!("request-number-{index}"),
                _ => request.group.as_mut().unwrap().introduction = format!("unkeyed {index}"),
            }
            async move { (index, client.import_group(request).await.map(tonic::Response::into_inner)) }
        });
        ends.extend(futures_util::future::join_all(calls).await);
    }
    let (mut ok, mut unknown) = (0, 0);
    let app = SdkAppId::new(SDK_APP_ID).unwrap();
    for (index, end) in &ends {
        let id = match index % 3 {
            0 => Some(format!("g{index}")),
            1 => Some(derive::group_id(app, &format!("request-number-{index}"), GroupType::Public)),
            _ => None,
        };
        match end {
            Ok(reply) => {
                ok += 1;
                let id = id.as_ref().unwrap_or(&reply.group_id);
                assert_eq!(id, &reply.group_id);
                assert!(rig.sandbox.group(SDK_APP_ID, id).is_some(), "{index}: OK, and no group stands");
            }
            Err(status) => {
                let told = Told::of(status);
                let stands = id.as_ref().is_some_and(|id| rig.sandbox.group(SDK_APP_ID, id).is_some());
                if told.get("applied") == "no" {
                    assert!(!stands, "{index}: not applied, and a group stands: {told:?}");
                } else {
                    unknown += 1;
                }
            }
        }
    }
    let standing = rig.sandbox.group_count(SDK_APP_ID);
    assert!((ok..=ok + unknown).contains(&standing), "{standing} stand for {ok} OK and {unknown} unknown");
    assert!(ok > 9_700, "{ok} OK, {unknown} unknown");
    assert_eq!(ends.len(), 10_000);
}
