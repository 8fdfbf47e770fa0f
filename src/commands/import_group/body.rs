//! A group as Chat's JSON. A field that the caller left out is left out.

use bytes::Bytes;
use serde::Serialize;

use crate::proto::{ApplyJoinOption, Group, GroupType};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Body<'a> {
    #[serde(rename = "Owner_Account", skip_serializing_if = "str::is_empty")]
    owner_account: &'a str,
    r#type: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    group_id: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    introduction: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    notification: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    face_url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_member_count: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    apply_join_option: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    app_defined_data: Vec<AppDefinedField<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    create_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    support_topic: Option<u8>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AppDefinedField<'a> {
    key: &'a str,
    value: &'a str,
}

/// The body of `import_group` for a group that passed its checks.
pub(super) fn to_json(group: &Group) -> Bytes {
    let body = Body {
        owner_account: &group.owner_account,
        r#type: type_name(group.r#type()),
        group_id: &group.group_id,
        name: &group.name,
        introduction: &group.introduction,
        notification: &group.notification,
        face_url: &group.face_url,
        max_member_count: group.max_member_count,
        apply_join_option: join_name(group.apply_join_option()),
        app_defined_data: group
            .app_defined_data
            .iter()
            .map(|field| AppDefinedField { key: &field.key, value: &field.value })
            .collect(),
        create_time: group.create_time.map(|time| time.seconds),
        support_topic: group.support_topic.map(u8::from),
    };
    // Strings and numbers alone can't fail to become JSON.
    serde_json::to_vec(&body).unwrap_or_default().into()
}

/// Chat's older names of the types, which all its versions know.
pub(super) fn type_name(kind: GroupType) -> &'static str {
    match kind {
        GroupType::Private => "Private",
        GroupType::Public => "Public",
        GroupType::ChatRoom => "ChatRoom",
        GroupType::Community => "Community",
        GroupType::AvChatRoom => "AVChatRoom",
        GroupType::Unspecified => "",
    }
}

fn join_name(option: ApplyJoinOption) -> Option<&'static str> {
    match option {
        ApplyJoinOption::Unspecified => None,
        ApplyJoinOption::FreeAccess => Some("FreeAccess"),
        ApplyJoinOption::NeedPermission => Some("NeedPermission"),
        ApplyJoinOption::DisableApply => Some("DisableApply"),
    }
}
