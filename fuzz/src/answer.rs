//! Chat's answer, to `import_group` and to `get_group_info`.

use bytes::Bytes;
use group_import_gateway::{
    commands::{
        Operation as _,
        import_group::{IMPORT_GROUP, ImportGroup},
    },
    config::SdkAppId,
    errors::{CallError, Failure, History, Lost, Reason, Refusal},
    outbound::{
        call::Answer,
        look::{self, GET_GROUP_INFO, Standing},
        record::may_have_applied,
        settle::Goal,
    },
    proto::{Group, GroupType, ImportGroupRequest},
    wire,
};
use prost_types::Timestamp;
use serde_json::{Map, Value};
use std::sync::{Arc, LazyLock};
use tonic::Code;
use tonic_types::StatusExt as _;

use super::{assert_tellable, chat};

const ID: &str = "MyFirstGroup";

/// What the looks are compared with.
static GOAL: LazyLock<Arc<dyn Goal>> = LazyLock::new(|| {
    let mut group = Group {
        owner_account: "leckie".into(),
        group_id: ID.into(),
        name: "TestGroup".into(),
        create_time: Some(Timestamp { seconds: 1_448_357_837, nanos: 0 }),
        ..Group::default()
    };
    group.set_type(GroupType::Private);
    let request = ImportGroupRequest { group: Some(group), ..ImportGroupRequest::default() };
    ImportGroup::plan(request, SdkAppId::new(chat::APP).unwrap()).goal.unwrap()
});

/// The bytes are the answer, whole.
pub fn answer(body: &[u8]) {
    // Laxer than the gateway in nothing, but stricter about fields that it passes over unread.
    let object = serde_json::from_slice::<Map<String, Value>>(body).ok();
    to_import(body, object.as_ref());
    to_look(body, object.as_ref());
}

fn to_import(body: &[u8], object: Option<&Map<String, Value>>) {
    let id = object.and_then(|object| object.get("GroupId")).and_then(Value::as_str).unwrap_or_default();
    match wire::read(body, IMPORT_GROUP.needs) {
        Ok(group_id) => {
            assert_ok(body, object);
            assert!(object.is_none() || !id.is_empty(), "OK without a group");
            let answer = Answer { body: Bytes::copy_from_slice(body), group_id, reconciled: false };
            let reply = ImportGroup::reply(&answer).expect("OK, and no reply can be made of it");
            assert!(object.is_none() || reply.group_id == id);
            assert!(!reply.group_id.is_empty());
        }
        Err(error) => {
            assert_error(&error, body, object);
            let plain = object.is_some_and(is_plain) && each_name_once(body);
            assert!(!plain || id.is_empty(), "a right answer is taken for {error}");
        }
    }
}

fn to_look(body: &[u8], object: Option<&Map<String, Value>>) {
    let read = wire::read(body, GET_GROUP_INFO.needs);
    match &read {
        Ok(_) => assert_ok(body, object),
        Err(error) => assert_error(error, body, object),
    }
    let standing = look::read(body, ID);
    let (Ok(_), Some(object)) = (read, object) else { return };
    let entries = object["GroupInfo"].as_array().expect("OK without what stands");
    let entry = |codes: &[u64]| {
        entries.iter().any(|entry| {
            entry["GroupId"] == ID && entry["ErrorCode"].as_u64().is_some_and(|code| codes.contains(&code))
        })
    };
    match standing {
        Standing::Group(fields) => {
            assert!(entry(&[0]) && fields["GroupId"] == ID);
            if GOAL.differs(&fields).is_some_and(|fields| fields.is_empty()) {
                assert!(fields["Type"] == "Private" || fields["Type"] == "Work");
                assert!(fields["Name"] == "TestGroup" && fields["Owner_Account"] == "leckie");
                assert_eq!(fields["CreateTime"], 1_448_357_837);
            }
        }
        Standing::Nothing => assert!(entry(&[10010, 10015]), "a group is taken for gone"),
        Standing::Unread => {}
    }
}

/// What is OK must say so.
fn assert_ok(body: &[u8], object: Option<&Map<String, Value>>) {
    assert_eq!(body.trim_ascii_start().first(), Some(&b'{'), "OK from what is no object");
    if let Some(object) = object {
        assert!(object["ErrorCode"] == 0 && object["ActionStatus"] == "OK");
    }
}

/// An OK whose fields are of the documented types.
fn is_plain(object: &Map<String, Value>) -> bool {
    let info = object.get("ErrorInfo").is_none_or(|info| info.is_string() || info.is_null());
    info && object.get("ErrorCode").is_some_and(|code| *code == 0)
        && object.get("ActionStatus").is_some_and(|status| *status == "OK")
}

/// A name that stands twice makes an answer unreadable, which a map would not show.
fn each_name_once(body: &[u8]) -> bool {
    let count = |name: &[u8]| body.windows(name.len()).filter(|part| *part == name).count();
    !body.contains(&b'\\')
        && [&b"\"ErrorCode\""[..], b"\"ActionStatus\"", b"\"ErrorInfo\"", b"\"GroupId\""]
            .iter()
            .all(|name| count(name) < 2)
}

fn assert_error(error: &CallError, body: &[u8], object: Option<&Map<String, Value>>) {
    match error {
        CallError::Refused(Refusal { code, info, .. }) => {
            assert_eq!(body.trim_ascii_start().first(), Some(&b'{'), "a refusal from what is no object");
            assert!(*code != 0 && object.is_none_or(|object| object["ErrorCode"] == *code));
            assert!(info.len() <= 303 && !info.chars().any(char::is_control), "{info:?}");
        }
        CallError::Lost(Lost::NotJson) => {}
        CallError::Lost(Lost::Incomplete) => {
            assert_eq!(body.trim_ascii_start().first(), Some(&b'{'), "no object, and yet not told so");
        }
        other => panic!("reading an answer can't end so: {other:?}"),
    }
    for repeatable in [false, true] {
        let unsettled = may_have_applied(error);
        let history = History { attempts: 1, unsettled, repeatable };
        assert_told(&Failure { reason: Reason::Call(error.clone()), app: Some("prod".into()), history });
    }
}

/// What a caller is told keeps the promises that README makes.
fn assert_told(failure: &Failure) {
    let status = failure.to_status();
    assert_ne!(status.code(), Code::Ok);
    assert_tellable(status.message());
    assert!(status.message().len() < 1_000, "too long for a trailer");
    let info = status.get_details_error_info().expect("an error without ErrorInfo");
    assert!(!info.reason.is_empty());
    let of = |name: &str| info.metadata.get(name).map(String::as_str);
    let History { unsettled, repeatable, .. } = failure.history;
    assert_eq!(of("applied"), Some(if unsettled { "unknown" } else { "no" }));
    if matches!(status.code(), Code::Unavailable | Code::ResourceExhausted) {
        assert!(!unsettled, "clients would retry by themselves what may have happened");
    }
    if unsettled && !repeatable {
        assert_eq!(of("retry"), Some("no"), "a second group would be made");
    }
}
