//! The rules of `import_group`'s fields, read from the vendor's page for this file alone: nothing
//! is shared with the gateway's own checks, so a mistake there cannot hide behind the same one here.

use serde_json::{Map, Value};

use super::{clock::DAY, reply::Refusal, settings::Limits};

/// Every documented field. Chat ignores any other in silence, which is how a misspelt
/// `MaxMemberNum` gets lost.
const KNOWN: [&str; 12] = [
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

/// Most custom fields of a group.
const MAX_APP_DEFINED: usize = 20;

/// A type by the name that `get_group_info` gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GroupType {
    Public,
    Private,
    ChatRoom,
    Community,
}

impl GroupType {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Public => "Public",
            Self::Private => "Private",
            Self::ChatRoom => "ChatRoom",
            Self::Community => "Community",
        }
    }
}

/// How one may join a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JoinOption {
    FreeAccess,
    NeedPermission,
    DisableApply,
}

impl JoinOption {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::FreeAccess => "FreeAccess",
            Self::NeedPermission => "NeedPermission",
            Self::DisableApply => "DisableApply",
        }
    }
}

/// A request that keeps every rule.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    pub(super) kind: GroupType,
    pub(super) group_id: Option<&'a str>,
    pub(super) owner: Option<&'a str>,
    pub(super) name: &'a str,
    pub(super) introduction: Option<&'a str>,
    pub(super) notification: Option<&'a str>,
    pub(super) face_url: Option<&'a str>,
    pub(super) max_member_count: Option<i64>,
    pub(super) join_option: Option<JoinOption>,
    pub(super) app_defined: Vec<(&'a str, &'a str)>,
    pub(super) create_time: Option<i64>,
    pub(super) support_topic: Option<bool>,
}

/// The names of fields, custom ones' too, that Chat would ignore.
pub(super) fn ignored(body: &Map<String, Value>) -> Vec<String> {
    let mut ignored: Vec<_> = body.keys().filter(|name| !KNOWN.contains(&name.as_str())).cloned().collect();
    let entries = body.get("AppDefinedData").and_then(Value::as_array);
    for (at, entry) in entries.into_iter().flatten().enumerate() {
        let names = entry.as_object().into_iter().flat_map(Map::keys);
        let unknown = names.filter(|name| !["Key", "Value"].contains(&name.as_str()));
        ignored.extend(unknown.map(|name| format!("AppDefinedData[{at}].{name}")));
    }
    ignored
}

/// Reads a request, or says which field breaks a rule. `now` is in Unix seconds.
pub(super) fn read<'a>(body: &'a Map<String, Value>, limits: &Limits, now: i64) -> Result<Wanted<'a>, Refusal> {
    let fields = Fields(body);
    let kind = group_type(&fields)?;
    let community = kind == GroupType::Community;
    let most_members = if community { limits.community_max_member_count } else { limits.max_member_count };
    Ok(Wanted {
        kind,
        group_id: group_id(&fields, limits.group_id, community)?,
        owner: fields.ascii("Owner_Account", limits.owner_account)?,
        name: fields.text("Name", limits.name)?.filter(|n| !n.is_empty()).ok_or_else(|| wrong("Name"))?,
        introduction: fields.text("Introduction", limits.introduction)?,
        notification: fields.text("Notification", limits.notification)?,
        face_url: fields.text("FaceUrl", limits.face_url)?,
        max_member_count: fields.integer("MaxMemberCount", 1, i64::from(most_members))?,
        join_option: join_option(&fields, community)?,
        app_defined: app_defined(&fields, limits)?,
        create_time: fields.integer("CreateTime", 1, now.saturating_add(DAY))?,
        support_topic: match fields.integer("SupportTopic", 0, 1)? {
            Some(_) if !community => return Err(wrong("SupportTopic")),
            topic => topic.map(|topic| topic == 1),
        },
    })
}

fn group_type(fields: &Fields<'_>) -> Result<GroupType, Refusal> {
    match fields.string("Type")?.ok_or_else(|| wrong("Type"))? {
        "Public" => Ok(GroupType::Public),
        "Private" | "Work" => Ok(GroupType::Private),
        "ChatRoom" | "Meeting" => Ok(GroupType::ChatRoom),
        "Community" => Ok(GroupType::Community),
        "AVChatRoom" => Err(Refusal::new(10007, "Type AVChatRoom cannot be imported")),
        _ => Err(wrong("Type")),
    }
}

/// `@TGS#` is Chat's own, save that a community must show itself by `@TGS#_`.
fn group_id<'a>(fields: &Fields<'a>, most: usize, community: bool) -> Result<Option<&'a str>, Refusal> {
    let id = fields.ascii("GroupId", most)?;
    let allowed = |id: &str| match community {
        true => id.starts_with("@TGS#_"),
        false => !id.starts_with("@TGS#"),
    };
    if id.is_none_or(allowed) { Ok(id) } else { Err(wrong("GroupId")) }
}

fn join_option(fields: &Fields<'_>, community: bool) -> Result<Option<JoinOption>, Refusal> {
    match fields.string("ApplyJoinOption")? {
        None => Ok(None),
        Some(_) if community => Err(wrong("ApplyJoinOption")),
        Some("FreeAccess") => Ok(Some(JoinOption::FreeAccess)),
        Some("NeedPermission") => Ok(Some(JoinOption::NeedPermission)),
        Some("DisableApply") => Ok(Some(JoinOption::DisableApply)),
        Some(_) => Err(wrong("ApplyJoinOption")),
    }
}

fn app_defined<'a>(fields: &Fields<'a>, limits: &Limits) -> Result<Vec<(&'a str, &'a str)>, Refusal> {
    let name = "AppDefinedData";
    let Some(value) = fields.0.get(name) else { return Ok(Vec::new()) };
    let entries = value.as_array().filter(|all| all.len() <= MAX_APP_DEFINED).ok_or_else(|| wrong(name))?;
    let mut pairs: Vec<(&str, &str)> = Vec::with_capacity(entries.len());
    for (at, entry) in entries.iter().enumerate() {
        let part = |part: &str| entry.get(part).and_then(Value::as_str);
        let wrong = |part: &str| wrong(format!("{name}[{at}].{part}"));
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let key = part("Key")
            .filter(|key| (1..=limits.app_defined_key).contains(&key.len()))
            .filter(|key| key.bytes().all(letter))
            // Twenty at most: looking through them is cheaper than a set.
            .filter(|key| pairs.iter().all(|(earlier, _)| earlier != key))
            .ok_or_else(|| wrong("Key"))?;
        let value =
            part("Value").filter(|value| value.len() <= limits.app_defined_value).ok_or_else(|| wrong("Value"))?;
        pairs.push((key, value));
    }
    Ok(pairs)
}

fn wrong(field: impl std::fmt::Display) -> Refusal {
    Refusal::new(10004, format!("{field} is missing or wrong"))
}

/// The body, read field by field. `null` is a value like any other, and never a right one.
struct Fields<'a>(&'a Map<String, Value>);

impl<'a> Fields<'a> {
    fn string(&self, name: &str) -> Result<Option<&'a str>, Refusal> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        value.as_str().map(Some).ok_or_else(|| wrong(name))
    }

    /// Any text of at most that many bytes.
    fn text(&self, name: &str, most: usize) -> Result<Option<&'a str>, Refusal> {
        let text = self.string(name)?;
        if text.is_none_or(|text| text.len() <= most) { Ok(text) } else { Err(wrong(name)) }
    }

    /// At least one and at most that many printable ASCII characters.
    fn ascii(&self, name: &str, most: usize) -> Result<Option<&'a str>, Refusal> {
        let text = self.text(name, most)?;
        let printable = |text: &str| !text.is_empty() && text.bytes().all(|b| (b' '..=b'~').contains(&b));
        if text.is_none_or(printable) { Ok(text) } else { Err(wrong(name)) }
    }

    /// A whole number, written as a number, within bounds.
    fn integer(&self, name: &str, least: i64, most: i64) -> Result<Option<i64>, Refusal> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        let number = value.as_i64().filter(|number| (least..=most).contains(number));
        number.map(Some).ok_or_else(|| wrong(name))
    }
}

#[cfg(test)]
mod tests;
