//! Bad groups, each refused with exactly its violations, and nothing sent.

use std::time::{SystemTime, UNIX_EPOCH};

use group_import_gateway::proto::{AppDefinedField, ApplyJoinOption, Group, GroupType, ImportGroupRequest};
use prost_types::Timestamp;
use tonic::Code;

use crate::rig::{Rig, Told, group};

fn field(key: &str, value: &str) -> AppDefinedField {
    AppDefinedField { key: key.into(), value: value.into() }
}

fn with(change: impl FnOnce(&mut Group)) -> ImportGroupRequest {
    let mut group = group("g");
    change(&mut group);
    ImportGroupRequest { group: Some(group), ..Default::default() }
}

fn community(change: impl FnOnce(&mut Group)) -> ImportGroupRequest {
    with(|group| {
        group.set_type(GroupType::Community);
        group.group_id = "@TGS#_g".into();
        change(group);
    })
}

/// A bad request, and the paths and texts of its violations.
type Case = (ImportGroupRequest, Vec<(&'static str, &'static str)>);

#[rustfmt::skip]
fn cases() -> Vec<Case> {
    vec![
        (ImportGroupRequest::default(), vec![("group", "required")]),
        (with(|g| g.name.clear()), vec![("group.name", "required")]),
        (with(|g| g.name = "n".repeat(31)), vec![("group.name", "at most 30 bytes of UTF-8, this has 31")]),
        (with(|g| g.name = "群".repeat(11)), vec![("group.name", "at most 30 bytes of UTF-8, this has 33")]),
        (with(|g| g.r#type = 0), vec![("group.type", "required")]),
        (with(|g| g.r#type = 77), vec![("group.type", "77 is no group type")]),
        (with(|g| g.set_type(GroupType::AvChatRoom)),
            vec![("group.type", "an AVChatRoom can't be imported: create the group instead and modify its profile")]),
        (with(|g| g.owner_account = "o".repeat(33)), vec![("group.owner_account", "at most 32 bytes of UTF-8, this has 33")]),
        (with(|g| g.owner_account = "öwner".into()), vec![("group.owner_account", "printable ASCII only, this has 'ö'")]),
        (with(|g| g.group_id = "g".repeat(49)), vec![("group.group_id", "at most 48 bytes of UTF-8, this has 49")]),
        (with(|g| g.group_id = "a\tb".into()), vec![("group.group_id", "printable ASCII only, this has '\\t'")]),
        (with(|g| g.group_id = "@TGS#mine".into()),
            vec![("group.group_id", "must not begin with @TGS#, save for a community's")]),
        (community(|g| g.group_id = "mine".into()), vec![("group.group_id", "a community's must begin with @TGS#_")]),
        (community(|g| g.group_id = "@TGS#mine".into()), vec![("group.group_id", "a community's must begin with @TGS#_")]),
        (with(|g| g.introduction = "i".repeat(241)), vec![("group.introduction", "at most 240 bytes of UTF-8, this has 241")]),
        (with(|g| g.notification = "n".repeat(301)), vec![("group.notification", "at most 300 bytes of UTF-8, this has 301")]),
        (with(|g| g.face_url = "f".repeat(101)), vec![("group.face_url", "at most 100 bytes of UTF-8, this has 101")]),
        (with(|g| g.max_member_count = Some(0)), vec![("group.max_member_count", "1 to 6000, this is 0")]),
        (with(|g| g.max_member_count = Some(6001)), vec![("group.max_member_count", "1 to 6000, this is 6001")]),
        (community(|g| g.max_member_count = Some(100_001)), vec![("group.max_member_count", "1 to 100000, this is 100001")]),
        (with(|g| g.apply_join_option = 9), vec![("group.apply_join_option", "9 is no join option")]),
        (community(|g| g.set_apply_join_option(ApplyJoinOption::FreeAccess)),
            vec![("group.apply_join_option", "not for communities")]),
        (with(|g| g.support_topic = Some(true)), vec![("group.support_topic", "only for communities")]),
        (with(|g| g.app_defined_data = (0..21).map(|i| field(&format!("k{i}"), "")).collect()),
            vec![("group.app_defined_data", "at most 20 fields, these are 21")]),
        (with(|g| g.app_defined_data = vec![field("a", ""), field("a", "")]),
            vec![("group.app_defined_data[1].key", "an earlier field has the same key")]),
        (with(|g| g.app_defined_data = vec![field("", "")]), vec![("group.app_defined_data[0].key", "required")]),
        (with(|g| g.app_defined_data = vec![field("seventeen_letters", "")]),
            vec![("group.app_defined_data[0].key", "at most 16 bytes of UTF-8, this has 17")]),
        (with(|g| g.app_defined_data = vec![field("a-b", &"v".repeat(513))]), vec![
            ("group.app_defined_data[0].key", "letters, digits and underscores only, this has '-'"),
            ("group.app_defined_data[0].value", "at most 512 bytes of UTF-8, this has 513")]),
        (with(|g| g.create_time = Some(Timestamp { seconds: 0, nanos: 0 })), vec![("group.create_time", "not before 1970-01-01T00:00:01Z")]),
        (with(|g| g.create_time = Some(Timestamp { seconds: -5, nanos: 0 })), vec![("group.create_time", "not before 1970-01-01T00:00:01Z")]),
        (with(|g| g.create_time = Some(Timestamp { seconds: 1_700_000_000_000, nanos: 0 })),
            vec![("group.create_time", "no more than a day from now, in seconds; this is 1700000000000; are these milliseconds?")]),
        (with(|g| g.create_time = Some(Timestamp { seconds: 5, nanos: -1 })),
            vec![("group.create_time", "nanos must be from 0 to 999999999, these are -1")]),
        (ImportGroupRequest { request_id: "0123456789abcdef".into(), ..with(|_| {}) },
            vec![("request_id", "must be empty where group.group_id, which is itself such a key, is set")]),
        (ImportGroupRequest { request_id: "short".into(), ..with(|g| g.group_id.clear()) },
            vec![("request_id", "16 to 128 bytes, this has 5")]),
        (ImportGroupRequest { request_id: "0123456789abcdé€".into(), ..with(|g| g.group_id.clear()) },
            vec![("request_id", "printable ASCII only, this has 'é'")]),
        (with(|g| { g.name.clear(); g.r#type = 0; g.max_member_count = Some(7000); g.support_topic = Some(false) }), vec![
            ("group.type", "required"), ("group.name", "required"),
            ("group.max_member_count", "1 to 6000, this is 7000"), ("group.support_topic", "only for communities")]),
    ]
}

#[tokio::test]
async fn each_bad_group_is_refused_with_exactly_its_violations_and_nothing_is_sent() {
    let rig = Rig::start().await;
    let cases = cases();
    assert!(cases.len() >= 24);
    for (request, expected) in cases {
        let told = Told::of(&rig.send(request.clone()).await.unwrap_err());
        assert_eq!(told.violations(), expected, "{request:?}");
        assert_eq!((told.code, told.reason.as_str()), (Code::InvalidArgument, "INVALID_REQUEST"));
        assert_eq!((told.get("applied"), told.get("retry"), told.get("attempts")), ("no", "no", "0"));
        assert_eq!(told.get("app"), "prod");
        for (path, text) in expected {
            assert!(told.message.contains(&format!("{path}: {text}")), "{}", told.message);
        }
    }
    assert!(rig.seen().is_empty());
}

#[tokio::test]
async fn what_is_just_within_the_limits_passes() {
    let rig = Rig::start().await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let mut full = group(&"g".repeat(48));
    full.owner_account = "o".repeat(32);
    full.name = "群".repeat(10);
    full.introduction = "i".repeat(240);
    full.notification = "n".repeat(300);
    full.face_url = "f".repeat(100);
    full.max_member_count = Some(6000);
    full.app_defined_data = (0..20).map(|i| field(&format!("sixteen_bytes_{i:02}"), &"v".repeat(512))).collect();
    full.create_time = Some(Timestamp { seconds: now as i64 + 86_000, nanos: 999_999_999 });
    rig.import(full).await.unwrap();
    let ImportGroupRequest { group: Some(mut big), .. } = community(|g| g.max_member_count = Some(100_000)) else {
        unreachable!()
    };
    big.create_time = Some(Timestamp { seconds: 1, nanos: 0 });
    rig.import(big).await.unwrap();
}

#[tokio::test]
async fn an_error_with_very_many_violations_still_fits_the_trailers_of_any_client() {
    let rig = Rig::start().await;
    let request = with(|g| g.app_defined_data = (0..3000).map(|_| field(" ", "")).collect());
    let status = rig.send(request).await.unwrap_err();
    let told = Told::of(&status);
    assert_eq!(told.reason, "INVALID_REQUEST");
    assert!(status.details().len() + status.message().len() < 6 * 1024, "{}", status.details().len());
    assert!(told.violations().last().unwrap().1.starts_with("and "), "says that there are more");
}

#[tokio::test]
async fn the_operators_limits_go_before_the_defaults() {
    let rig = Rig::with(|config| config.apps[0].field_limits.name = 100).await;
    // The stand-in keeps to the documented 30, and so would this app's Chat have to.
    let told = Told::of(&rig.send(with(|g| g.name = "n".repeat(100))).await.unwrap_err());
    assert_eq!((told.reason.as_str(), told.get("chat_error_code")), ("CHAT_INVALID_ARGUMENT", "10004"));
    let told = Told::of(&rig.send(with(|g| g.name = "n".repeat(101))).await.unwrap_err());
    assert_eq!(told.violations(), [("group.name", "at most 100 bytes of UTF-8, this has 101")]);
}

#[tokio::test]
async fn validate_only_checks_and_sends_nothing() {
    let rig = Rig::start().await;
    let good = ImportGroupRequest { validate_only: true, ..with(|_| {}) };
    assert_eq!(rig.send(good).await.unwrap().group_id, "g");
    let no_id = ImportGroupRequest { validate_only: true, ..with(|g| g.group_id.clear()) };
    assert_eq!(rig.send(no_id).await.unwrap().group_id, "");
    let bad = ImportGroupRequest { validate_only: true, ..with(|g| g.name.clear()) };
    assert_eq!(Told::of(&rig.send(bad).await.unwrap_err()).violations(), [("group.name", "required")]);
    let stray = ImportGroupRequest { validate_only: true, app: "other".into(), ..with(|_| {}) };
    assert_eq!(Told::of(&rig.send(stray).await.unwrap_err()).reason, "APP_UNKNOWN");
    assert!(rig.seen().is_empty());
}
