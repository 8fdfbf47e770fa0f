//! The rules of a group's fields, from a request to what stands at Chat.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use group_import_gateway::{
    commands::{
        Operation as _, Plan,
        import_group::{IMPORT_GROUP, ImportGroup},
        rules::Violations,
    },
    config::{FieldLimits, SdkAppId},
    errors::Violation,
    import::{Form, Groups, Packing},
    outbound::{
        call::Answer,
        look::{self, GET_GROUP_INFO, Standing},
    },
    proto::{AppDefinedField, ApplyJoinOption, Group, ImportGroupRequest},
    sandbox::Limits,
    wire,
};
use prost::Message as _;
use prost_types::Timestamp;
use serde_json::{Map, Value};

use super::{assert_tellable, chat};

/// A request, either as protobuf or a field a line (see [`request`]). What the
/// gateway takes, the stand-in takes, and the other way round.
pub fn field_rules(data: &[u8]) {
    let Some(request) = request(data) else { return };
    let (limits, theirs) =
        if data.len().is_multiple_of(2) { (FieldLimits::default(), Limits::default()) } else { wide() };
    let now = unix_now();
    let mut violations = Violations::default();
    ImportGroup::check(&request, &limits, now, &mut violations);
    let violations = violations.into_vec();
    for Violation { field, description } in &violations {
        assert!(field == "request_id" || field == "group" || field.starts_with("group."), "{field}");
        assert_tellable(description);
    }
    let plan = ImportGroup::plan(request.clone(), SdkAppId::new(chat::APP).unwrap());
    let mut chat = chat::empty(theirs);
    let (answer, seen) = chat::call(&mut chat, IMPORT_GROUP.name, &plan.body);
    let taken = chat::code(&answer) == 0;
    if unix_now() != now {
        return; // the two may have seen different seconds
    }
    assert!(seen.ignored_fields.is_empty(), "Chat would ignore {:?}", seen.ignored_fields);
    if violations.is_empty() {
        assert!(taken, "the gateway takes what Chat refuses: {}", String::from_utf8_lossy(&answer));
        assert_stands(&request, &plan, &answer, &mut chat);
    } else if violations.iter().all(|violation| !is_our_own(&request, violation)) {
        assert!(!taken, "Chat takes what the gateway refuses: {violations:?}");
    }
}

/// What the JSON can't show: Chat has no such rule.
fn is_our_own(request: &ImportGroupRequest, violation: &Violation) -> bool {
    let group = request.group.clone().unwrap_or_default();
    match violation.field.as_str() {
        "request_id" => true,
        // Replaced by the one that is made of request_id.
        "group.group_id" => !request.request_id.is_empty(),
        "group.create_time" => violation.description.starts_with("nanos"),
        "group.apply_join_option" => ApplyJoinOption::try_from(group.apply_join_option).is_err(),
        _ => false,
    }
}

/// What was imported stands, can be looked at, and is known again.
fn assert_stands(
    request: &ImportGroupRequest,
    plan: &Plan,
    answer: &[u8],
    chat: &mut group_import_gateway::sandbox::Offline,
) {
    let group_id = wire::read(answer, IMPORT_GROUP.needs).expect("the stand-in's OK is none");
    let answer = Answer { body: Bytes::copy_from_slice(answer), group_id, reconciled: false };
    let reply = ImportGroup::reply(&answer).expect("no reply from an OK");
    let keyed = ImportGroup::is_keyed(request);
    assert_eq!(plan.goal.is_some(), keyed, "only what has an ID can be looked for");
    assert!(!keyed || reply.group_id == plan.group_id);
    assert_eq!(ImportGroup::preview(plan).group_id, plan.group_id);
    assert_json(request, plan);
    let Some(goal) = &plan.goal else { return };
    let (looked, _) = chat::call(chat, GET_GROUP_INFO.name, &look::body(&plan.group_id, goal.fields()));
    wire::read(&looked, GET_GROUP_INFO.needs).expect("a look's answer is not whole");
    let Standing::Group(fields) = look::read(&looked, &plan.group_id) else { panic!("it does not stand") };
    assert_eq!(goal.differs(&fields), Some(Vec::new()), "it is taken for another's: {fields:?}");
    assert!(goal.unlike(&plan.body).is_empty());
}

/// The JSON says what the request said, as `import` would read it again.
fn assert_json(request: &ImportGroupRequest, plan: &Plan) {
    let body: Map<String, Value> = serde_json::from_slice(&plan.body).expect("no JSON object");
    assert!(body.values().all(|value| !value.is_null()), "null is none of Chat's values");
    let mut expected = request.group.clone().unwrap_or_default();
    expected.group_id.clone_from(&plan.group_id);
    if let Some(time) = &mut expected.create_time {
        time.nanos = 0;
    }
    let lines: Vec<_> = Groups::read(Form::Jsonl, Packing::Plain, &*plan.body).unwrap().map(Result::unwrap).collect();
    assert_eq!(lines, [(1, Ok(expected))]);
}

/// Either what the wire brings, behind a byte of 0; or lines, each a field's
/// letter and its value, which mutations leave readable.
fn request(data: &[u8]) -> Option<ImportGroupRequest> {
    if let [0, wire @ ..] = data {
        return ImportGroupRequest::decode(wire).ok();
    }
    let text = String::from_utf8_lossy(data);
    let (mut request, mut group) = (ImportGroupRequest::default(), Group::default());
    for line in text.split('\n') {
        let Some(letter) = line.chars().next() else { continue };
        let value = line[letter.len_utf8()..].to_owned();
        match letter {
            'o' => group.owner_account = value,
            't' => group.r#type = value.parse().unwrap_or_default(),
            'g' => group.group_id = value,
            'n' => group.name = value,
            'i' => group.introduction = value,
            'a' => group.notification = value,
            'f' => group.face_url = value,
            'm' => group.max_member_count = value.parse().ok(),
            'j' => group.apply_join_option = value.parse().unwrap_or_default(),
            'k' => {
                let (key, value) = value.split_once('=').unwrap_or((&value, ""));
                group.app_defined_data.push(AppDefinedField { key: key.to_owned(), value: value.to_owned() });
            }
            'c' => group.create_time = value.parse().ok().map(|seconds| Timestamp { seconds, nanos: 0 }),
            'x' => group.create_time.get_or_insert_default().nanos = value.parse().unwrap_or_default(),
            's' => group.support_topic = Some(value == "1"),
            'r' => request.request_id = value,
            'p' => request.app = value,
            _ => {}
        }
    }
    request.group = (!text.starts_with('-')).then_some(group);
    Some(request)
}

/// The limits of newer SDK pages, on both sides.
fn wide() -> (FieldLimits, Limits) {
    let ours = FieldLimits { name: 100, introduction: 400, notification: 400, face_url: 500, ..FieldLimits::default() };
    let theirs = Limits { name: 100, introduction: 400, notification: 400, face_url: 500, ..Limits::default() };
    (ours, theirs)
}

fn unix_now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().try_into().unwrap()
}
