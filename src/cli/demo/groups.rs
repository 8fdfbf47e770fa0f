//! Generated groups. About one in fifty is bad on purpose, in a way of its own.

use crate::proto::{AppDefinedField, ApplyJoinOption, Group, GroupType, ImportGroupRequest};

/// A group, and what must come of importing it.
pub(super) struct Generated {
    pub(super) request: ImportGroupRequest,
    /// `OK`, or the reason of the error.
    pub(super) expected: &'static str,
}

impl Generated {
    /// The group of this number, always the same.
    pub(super) fn number(index: u32) -> Self {
        let mut group = good(index);
        let expected = if index % 50 == 49 { spoil(&mut group, index / 50) } else { "OK" };
        Self { request: ImportGroupRequest { group: Some(group), ..Default::default() }, expected }
    }
}

fn good(index: u32) -> Group {
    let kinds = [GroupType::Private, GroupType::Public, GroupType::ChatRoom, GroupType::Community];
    let kind = kinds[index as usize % kinds.len()];
    let community = kind == GroupType::Community;
    let mut group = Group {
        owner_account: format!("user-{}", index % 97),
        group_id: format!("{}demo-{index}", if community { "@TGS#_" } else { "" }),
        name: format!("Demo group {index}"),
        introduction: "Brought along from the old chat".into(),
        max_member_count: Some(200),
        app_defined_data: vec![AppDefinedField { key: "origin".into(), value: format!("legacy\u{0}{index}") }],
        create_time: Some(prost_types::Timestamp { seconds: 1_400_000_000 + i64::from(index), nanos: 0 }),
        support_topic: community.then_some(true),
        ..Default::default()
    };
    group.set_type(kind);
    group
}

/// Breaks a rule, or asks for what only Chat can refuse; the reason due is returned.
fn spoil(group: &mut Group, way: u32) -> &'static str {
    match way % 6 {
        0 => group.name = "a name that is longer than thirty bytes".into(),
        1 => group.set_type(GroupType::AvChatRoom),
        2 => group.group_id = "@TGS#not-mine".into(),
        3 => group.create_time = Some(prost_types::Timestamp { seconds: 1_700_000_000_000, nanos: 0 }),
        4 => {
            group.set_type(GroupType::Community);
            group.set_apply_join_option(ApplyJoinOption::FreeAccess);
        }
        // The group before the first bad one stands by then; it is no community.
        _ => {
            group.group_id = "demo-1".into();
            group.set_type(GroupType::Public);
            group.support_topic = None;
            return "GROUP_ID_IN_USE";
        }
    }
    "INVALID_REQUEST"
}
