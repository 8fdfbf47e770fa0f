//! `get_group_info`: what stands, as far as it was asked for.

use serde_json::{Map, Value, json};

use super::{
    fields::GroupType,
    reply::{Refusal, fields},
    settings::{Limits, Settings},
    store::{Group, Groups},
};

/// Most groups that one call may ask for.
const MAX_GROUPS: usize = 50;

/// Every field that can be asked for by `GroupBaseInfoFilter`.
const BASE: [&str; 15] = [
    "Type",
    "Name",
    "Introduction",
    "Notification",
    "FaceUrl",
    "Owner_Account",
    "CreateTime",
    "LastInfoTime",
    "LastMsgTime",
    "NextMsgSeq",
    "MemberNum",
    "MaxMemberNum",
    "ApplyJoinOption",
    "ShutUpAllMember",
    "SupportTopic",
];

/// What a call asks for; `None` in a filter: everything.
struct Asked<'a> {
    group_ids: Vec<&'a str>,
    base: Option<Vec<&'a str>>,
    app_defined: Option<Vec<&'a str>>,
}

/// `GroupInfo[]`, in the order asked for.
pub(super) fn look_up(
    body: &Map<String, Value>,
    groups: &Groups,
    limits: &Limits,
    settings: &Settings,
) -> Result<Map<String, Value>, Refusal> {
    let asked = read(body)?;
    let info = |group_id: &&str| match groups.get(group_id) {
        Some(group) => shown(group_id, group, &asked, limits),
        None => json!({
            "GroupId": group_id,
            "ErrorCode": settings.missing_group_code,
            "ErrorInfo": "no such group",
        }),
    };
    let infos: Vec<Value> = asked.group_ids.iter().map(info).collect();
    Ok(fields(json!({ "GroupInfo": infos })))
}

/// Names that Chat would ignore: of fields, and of fields asked for.
pub(super) fn ignored(body: &Map<String, Value>) -> Vec<String> {
    let known = |name: &&String| !["GroupIdList", "ResponseFilter"].contains(&name.as_str());
    let mut ignored: Vec<_> = body.keys().filter(known).cloned().collect();
    let Some(filter) = body.get("ResponseFilter").and_then(Value::as_object) else {
        return ignored;
    };
    let filters =
        ["GroupBaseInfoFilter", "MemberInfoFilter", "AppDefinedDataFilter_Group", "AppDefinedDataFilter_GroupMember"];
    let unknown = filter.keys().filter(|name| !filters.contains(&name.as_str()));
    ignored.extend(unknown.map(|name| format!("ResponseFilter.{name}")));
    let base = filter.get("GroupBaseInfoFilter").and_then(Value::as_array);
    let names = base.into_iter().flatten().filter_map(Value::as_str);
    let unknown = names.filter(|name| !BASE.contains(name));
    ignored.extend(unknown.map(|name| format!("ResponseFilter.GroupBaseInfoFilter.{name}")));
    ignored
}

fn read(body: &Map<String, Value>) -> Result<Asked<'_>, Refusal> {
    let group_ids = body
        .get("GroupIdList")
        .and_then(strings)
        .filter(|ids| (1..=MAX_GROUPS).contains(&ids.len()))
        .ok_or_else(|| wrong("GroupIdList"))?;
    let Some(filter) = body.get("ResponseFilter") else {
        return Ok(Asked { group_ids, base: None, app_defined: None });
    };
    let filter = filter.as_object().ok_or_else(|| wrong("ResponseFilter"))?;
    let list = |name: &'static str| match filter.get(name) {
        Some(list) => strings(list).map(Some).ok_or_else(|| wrong(name)),
        None => Ok(None),
    };
    Ok(Asked {
        group_ids,
        base: list("GroupBaseInfoFilter")?,
        // With a filter at hand, custom fields come only by name.
        app_defined: Some(list("AppDefinedDataFilter_Group")?.unwrap_or_default()),
    })
}

fn strings(list: &Value) -> Option<Vec<&str>> {
    list.as_array()?.iter().map(Value::as_str).collect()
}

fn wrong(field: &'static str) -> Refusal {
    Refusal::new(10004, format!("{field} is missing or wrong"))
}

/// One entry of `GroupInfo[]`.
fn shown(group_id: &str, group: &Group, asked: &Asked<'_>, limits: &Limits) -> Value {
    let mut shown = base(group, limits);
    shown.retain(|name, _| asked.base.as_ref().is_none_or(|names| names.contains(&name.as_str())));
    let rest = group.rest();
    let wanted = |key: &str| asked.app_defined.as_ref().is_none_or(|keys| keys.contains(&key));
    let pairs = rest.app_defined.iter().filter(|(key, _)| wanted(key));
    let pairs: Vec<_> = pairs.map(|(key, value)| json!({"Key": key, "Value": value})).collect();
    if !pairs.is_empty() {
        shown.insert("AppDefinedData".into(), pairs.into());
    }
    shown.insert("GroupId".into(), group_id.into());
    shown.insert("ErrorCode".into(), 0.into());
    shown.insert("ErrorInfo".into(), "".into());
    Value::Object(shown)
}

/// Every base field, with Chat's defaults where the import said nothing.
fn base(group: &Group, limits: &Limits) -> Map<String, Value> {
    let rest = group.rest();
    let community = group.kind == GroupType::Community;
    let most_members = if community { limits.community_max_member_count } else { limits.max_member_count };
    let text = |text: &Option<Box<str>>| text.as_deref().unwrap_or_default().to_owned();
    let mut base = fields(json!({
        "Type": group.kind.as_str(),
        "Name": group.name,
        "Introduction": text(&rest.introduction),
        "Notification": text(&rest.notification),
        "FaceUrl": text(&rest.face_url),
        "Owner_Account": text(&group.owner),
        "CreateTime": group.create_time,
        "LastInfoTime": group.create_time,
        "LastMsgTime": 0,
        "NextMsgSeq": 1,
        "MemberNum": u8::from(group.owner.is_some()),
        "MaxMemberNum": rest.max_member_count.unwrap_or(i64::from(most_members)),
        "ShutUpAllMember": "Off",
    }));
    if community {
        base.insert("SupportTopic".into(), u8::from(rest.support_topic == Some(true)).into());
    } else {
        let option = rest.join_option.map_or("NeedPermission", |option| option.as_str());
        base.insert("ApplyJoinOption".into(), option.into());
    }
    base
}
