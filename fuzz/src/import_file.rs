//! The file that `import` reads: JSON Lines and CSV, and how they are packed.

use std::{
    collections::HashSet,
    io::{self, Read},
};

use group_import_gateway::{
    commands::{Operation as _, import_group::ImportGroup, rules::Violations},
    config::{FieldLimits, SdkAppId},
    import::{Form, Groups, Packing},
    proto::{ApplyJoinOption, Group, GroupType, ImportGroupRequest},
    sandbox::Limits,
};
use serde_json::{Map, Value};

use super::{assert_tellable, chat};

/// More than this unpacks to gigabytes, which proves nothing and takes long.
const MOST_PACKED: usize = 1_024;

const NAMES: [&str; 12] = [
    "Owner_Account",
    "Type",
    "GroupId",
    "Name",
    "Introduction",
    "Notification",
    "FaceUrl",
    "MaxMemberCount",
    "ApplyJoinOption",
    "AppDefinedData",
    "CreateTime",
    "SupportTopic",
];

/// What reading came to: groups and faults with their lines, or the error that ended it.
type Found = (Vec<(u64, Result<Group, String>)>, Option<String>);

/// First `c` for CSV or anything else for JSON Lines, then a byte for the size
/// of the pieces that come at a time, then the file.
pub fn import_file(data: &[u8]) {
    let [form, piece, file @ ..] = data else { return };
    let form = if *form == b'c' { Form::Csv } else { Form::Jsonl };
    let found = read(form, Packing::Plain, file, usize::MAX);
    assert_eq!(found, read(form, Packing::Plain, file, usize::from(piece % 16) + 1), "it depends on the buffer");
    assert_told(&found, file);
    match form {
        Form::Jsonl => assert_lines(&found, file),
        Form::Csv => assert!(found.1.is_none() || found.0.is_empty(), "an error in the middle of memory"),
    }
    for (_, group) in &found.0 {
        if let Ok(group) = group {
            assert_same_as_json(group);
            assert_same_as_csv(group);
        }
    }
}

/// A byte for the size of the pieces, then what comes in on standard input:
/// packed or not, of either form.
pub fn packed_file(data: &[u8]) {
    let data = &data[..data.len().min(MOST_PACKED)];
    let [piece, file @ ..] = data else { return };
    let whole = sniff(file, usize::MAX);
    let pieces = sniff(file, usize::from(piece % 16) + 1);
    assert_eq!(whole.1.is_some(), pieces.1.is_some(), "it depends on the buffer");
    // Of what is broken more or less is read before that is seen.
    let common = match whole.1 {
        Some(_) => whole.0.len().min(pieces.0.len()),
        None => usize::MAX,
    };
    let first = |found: &Found| found.0.iter().take(common).cloned().collect::<Vec<_>>();
    assert_eq!(first(&whole), first(&pieces), "it depends on the buffer");
    whole.1.iter().chain(&pieces.1).for_each(|error| assert_tellable(error));
}

fn sniff(file: &[u8], piece: usize) -> Found {
    all(Groups::sniffed(Pieces { rest: file, piece }))
}

fn read(form: Form, packing: Packing, file: &[u8], piece: usize) -> Found {
    all(Groups::read(form, packing, Pieces { rest: file, piece }))
}

fn all(groups: io::Result<Groups<'_>>) -> Found {
    let mut found = Vec::new();
    let groups = match groups {
        Ok(groups) => groups,
        Err(error) => return (found, Some(error.to_string())),
    };
    for next in groups {
        match next {
            Ok(next) => found.push(next),
            Err(error) => return (found, Some(error.to_string())),
        }
    }
    (found, None)
}

/// Bytes that come a few at a time.
struct Pieces<'a> {
    rest: &'a [u8],
    piece: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = into.len().min(self.piece);
        self.rest.read(&mut into[..most])
    }
}

fn assert_told((found, error): &Found, file: &[u8]) {
    let last = file.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count() as u64 + 1;
    assert!(found.is_sorted_by(|a, b| a.0 < b.0), "two records with one number");
    assert!(found.iter().all(|(line, _)| (1..=last).contains(line)));
    found.iter().filter_map(|(_, group)| group.as_ref().err()).for_each(|fault| assert_tellable(fault));
    error.iter().for_each(|error| assert_tellable(error));
}

/// Every line that is not blank is one record, and a good one is what it says.
fn assert_lines((found, error): &Found, file: &[u8]) {
    assert_eq!(*error, None);
    let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
    // JSON knows no form feed, but at a line's edge one does no harm.
    let lines: Vec<_> = (1..)
        .zip(file.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii))
        .filter(|(_, line)| !line.is_empty())
        .collect();
    assert_eq!(found.len(), lines.len(), "lines are lost, or made");
    for ((at, group), (line, text)) in found.iter().zip(lines) {
        assert_eq!(*at, line);
        let object = serde_json::from_slice::<Map<String, Value>>(text);
        match group {
            Ok(group) => assert_is(group, &object.expect("a group out of what is no JSON")),
            Err(fault) => {
                let right = object.is_ok_and(|object| each_name_once(text, &object)) && is_taken(text);
                assert!(!right, "Chat would take the line, but: {fault}");
            }
        }
    }
}

/// Whether Chat would take a line as it stands, and ignore nothing in it.
fn is_taken(text: &[u8]) -> bool {
    let limits = Limits { name: 4_096, introduction: 4_096, notification: 4_096, face_url: 4_096, ..Limits::default() };
    let (answer, seen) = chat::call(&mut chat::empty(limits), "import_group", text);
    chat::code(&answer) == 0 && seen.ignored_fields.is_empty()
}

/// A name that stands twice is a fault, which a map would not show.
fn each_name_once(text: &[u8], object: &Map<String, Value>) -> bool {
    let quotes = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'"').count();
    quotes(text) == quotes(Value::Object(object.clone()).to_string().as_bytes())
}

fn assert_is(group: &Group, object: &Map<String, Value>) {
    assert!(object.keys().all(|name| NAMES.contains(&name.as_str())), "a field of that name is lost: {object:?}");
    let text = |name: &str| object.get(name).map_or("", |value| value.as_str().expect("text out of something else"));
    assert_eq!(group.owner_account, text("Owner_Account"));
    assert_eq!(group.group_id, text("GroupId"));
    assert_eq!(group.name, text("Name"));
    assert_eq!(group.introduction, text("Introduction"));
    assert_eq!(group.notification, text("Notification"));
    assert_eq!(group.face_url, text("FaceUrl"));
    let number = |name: &str| object.get(name).map(|value| value.as_i64().expect("a number out of something else"));
    assert_eq!(group.max_member_count.map(i64::from), number("MaxMemberCount"));
    assert_eq!(group.create_time.map(|time| time.seconds), number("CreateTime"));
    assert_eq!(group.support_topic.map(i64::from), number("SupportTopic"));
    let custom = object.get("AppDefinedData").map_or(&[][..], |all| all.as_array().unwrap());
    assert_eq!(group.app_defined_data.len(), custom.len());
}

/// What the gateway would send of a group is read as the same group.
fn assert_same_as_json(group: &Group) {
    let request = ImportGroupRequest { group: Some(group.clone()), ..ImportGroupRequest::default() };
    let mut violations = Violations::default();
    ImportGroup::check(&request, &FieldLimits::default(), 2_000_000_000, &mut violations);
    if !violations.into_vec().is_empty() {
        return;
    }
    let plan = ImportGroup::plan(request, SdkAppId::new(chat::APP).unwrap());
    let found = read(Form::Jsonl, Packing::Plain, &plan.body, usize::MAX);
    assert_eq!(found, (vec![(1, Ok(group.clone()))], None));
}

/// A group written down as CSV is read as the same group.
fn assert_same_as_csv(group: &Group) {
    let custom = &group.app_defined_data;
    let mut keys = HashSet::new();
    // Two things that CSV can't say: the same name twice, and text that is there and empty.
    if custom.len() > 200 || custom.iter().any(|field| field.value.is_empty() || !keys.insert(&field.key)) {
        return;
    }
    let kind = match group.r#type() {
        GroupType::Unspecified => "",
        GroupType::Private => "Private",
        GroupType::Public => "Public",
        GroupType::ChatRoom => "ChatRoom",
        GroupType::Community => "Community",
        GroupType::AvChatRoom => "AVChatRoom",
    };
    let join = match group.apply_join_option() {
        ApplyJoinOption::Unspecified => "",
        ApplyJoinOption::FreeAccess => "FreeAccess",
        ApplyJoinOption::NeedPermission => "NeedPermission",
        ApplyJoinOption::DisableApply => "DisableApply",
    };
    let number = |number: Option<i64>| number.map_or(String::new(), |number| number.to_string());
    let mut columns: Vec<(String, String)> = [
        ("Owner_Account", group.owner_account.clone()),
        ("Type", kind.to_owned()),
        ("GroupId", group.group_id.clone()),
        ("Name", group.name.clone()),
        ("Introduction", group.introduction.clone()),
        ("Notification", group.notification.clone()),
        ("FaceUrl", group.face_url.clone()),
        ("MaxMemberCount", number(group.max_member_count.map(i64::from))),
        ("ApplyJoinOption", join.to_owned()),
        ("CreateTime", number(group.create_time.map(|time| time.seconds))),
        ("SupportTopic", number(group.support_topic.map(i64::from))),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    columns.extend(custom.iter().map(|field| (format!("AppDefinedData.{}", field.key), field.value.clone())));
    if columns.iter().all(|(_, value)| value.is_empty()) {
        return; // a row of nothing is no record
    }
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let row = |cells: Vec<String>| cells.join(",");
    let header = row(columns.iter().map(|(name, _)| quoted(name)).collect());
    let record = row(columns.iter().map(|(_, value)| quoted(value)).collect());
    let line = header.matches('\n').count() as u64 + 2;
    let found = read(Form::Csv, Packing::Plain, format!("{header}\n{record}\n").as_bytes(), usize::MAX);
    assert_eq!(found, (vec![(line, Ok(group.clone()))], None));
}
