//! `get_group_info`: a look at what stands, which changes nothing.
//!
//! It settles lost answers, and it is how a credential is tried.

use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    call::{Call, Command, Purpose},
    record::Record,
};
use crate::{admission::Turn, wire::Needs};

/// The command. Its rate at Chat is its own.
pub static GET_GROUP_INFO: Command = Command {
    service: "group_open_http_svc",
    name: "get_group_info",
    needs: Needs::More(|body| serde_json::from_slice::<Groups>(body).is_ok()),
};

/// An ID that nobody has reason to give a group. It need not be free: all
/// that counts is that Chat answers.
const NO_GROUP: &str = "group-import-gateway.probe";

#[derive(Deserialize)]
struct Groups {
    #[serde(rename = "GroupInfo")]
    groups: Vec<Value>,
}

/// A call of it. It may be repeated, since it changes nothing, and has nothing to settle.
pub fn call(body: Bytes, turn: Turn, purpose: Purpose, record: Arc<Record>) -> Call {
    Call {
        command: &GET_GROUP_INFO,
        body,
        turn,
        repeatable: true,
        is_repeat: false,
        goal: None,
        purpose,
        signed_again: false,
        record,
    }
}

/// The body that asks for these fields of one group.
pub fn body(group_id: &str, fields: &[&str]) -> Bytes {
    let body = json!({
        "GroupIdList": [group_id],
        "ResponseFilter": { "GroupBaseInfoFilter": fields },
    });
    body.to_string().into()
}

/// The body of a look that only tries whether Chat takes the credential.
pub fn probe() -> Bytes {
    body(NO_GROUP, &["Type"])
}

/// What a look has found.
#[derive(Debug, PartialEq)]
pub enum Standing {
    /// A group, with the fields asked for.
    Group(Map<String, Value>),
    /// No group of that ID.
    Nothing,
    /// An answer that says neither.
    Unread,
}

/// Reads what an answer says of one group.
pub fn read(body: &[u8], group_id: &str) -> Standing {
    let groups = serde_json::from_slice::<Groups>(body).map(|answer| answer.groups).unwrap_or_default();
    let of_it = |group: &&Value| group["GroupId"] == *group_id;
    let group = groups.iter().find(of_it).and_then(Value::as_object);
    let Some(group) = group else { return Standing::Unread };
    match group.get("ErrorCode").and_then(Value::as_u64) {
        Some(0) => Standing::Group(group.clone()),
        // No such group (get_group_info's page; the wording changed over time).
        Some(10010 | 10015) => Standing::Nothing,
        _ => Standing::Unread,
    }
}
