//! The rules for a group's fields, as Chat's REST page of `import_group` has
//! them. Field paths are those of the proto.

use crate::{
    commands::rules::Violations,
    config::FieldLimits,
    proto::{AppDefinedField, ApplyJoinOption, Group, GroupType, ImportGroupRequest},
};

/// How many custom fields a group may have.
const MAX_APP_DEFINED_FIELDS: usize = 20;
/// With what Chat's own group IDs begin.
const CHAT_PREFIX: &str = "@TGS#";
/// With what a community's ID begins.
pub(super) const COMMUNITY_PREFIX: &str = "@TGS#_";
/// Milliseconds taken for seconds are the usual mistake; a day allows for time zones.
const MAX_AHEAD_SECONDS: i64 = 86_400;

/// `request_id` stands in for a missing `group_id`, and for nothing else.
pub(super) fn check_request_id(request: &ImportGroupRequest, violations: &mut Violations) {
    let id = &request.request_id;
    if id.is_empty() {
        return;
    }
    violations
        .add_if(!(16..=128).contains(&id.len()), "request_id", || format!("16 to 128 bytes, this has {}", id.len()));
    violations.printable_ascii("request_id", id);
    let has_group_id = request.group.as_ref().is_some_and(|group| !group.group_id.is_empty());
    violations.add_if(has_group_id, "request_id", || {
        "must be empty where group.group_id, which is itself such a key, is set".to_owned()
    });
}

/// Every rule for `group`; `now` is the present in Unix seconds.
pub(super) fn check_group(group: &Group, limits: &FieldLimits, now: i64, violations: &mut Violations) {
    violations.at_most("group.owner_account", &group.owner_account, limits.owner_account);
    violations.printable_ascii("group.owner_account", &group.owner_account);
    check_type(group, violations);
    check_group_id(group, limits, violations);
    violations.required("group.name", &group.name, limits.name);
    violations.at_most("group.introduction", &group.introduction, limits.introduction);
    violations.at_most("group.notification", &group.notification, limits.notification);
    violations.at_most("group.face_url", &group.face_url, limits.face_url);
    check_member_count(group, limits, violations);
    check_join_option(group, violations);
    check_app_defined_data(&group.app_defined_data, limits, violations);
    check_create_time(group, now, violations);
    violations.add_if(group.support_topic.is_some() && !is_community(group), "group.support_topic", || {
        "only for communities".to_owned()
    });
}

fn is_community(group: &Group) -> bool {
    group.r#type() == GroupType::Community
}

fn check_type(group: &Group, violations: &mut Violations) {
    match GroupType::try_from(group.r#type) {
        Ok(GroupType::Unspecified) => violations.add("group.type", "required"),
        Ok(GroupType::AvChatRoom) => violations
            .add("group.type", "an AVChatRoom can't be imported: create the group instead and modify its profile"),
        Ok(_) => {}
        Err(_) => violations.add("group.type", format!("{} is no group type", group.r#type)),
    }
}

fn check_group_id(group: &Group, limits: &FieldLimits, violations: &mut Violations) {
    const FIELD: &str = "group.group_id";
    let id = &group.group_id;
    if id.is_empty() {
        return;
    }
    violations.at_most(FIELD, id, limits.group_id);
    violations.printable_ascii(FIELD, id);
    if is_community(group) {
        violations.add_if(!id.starts_with(COMMUNITY_PREFIX), FIELD, || {
            format!("a community's must begin with {COMMUNITY_PREFIX}")
        });
    } else {
        violations.add_if(id.starts_with(CHAT_PREFIX), FIELD, || {
            format!("must not begin with {CHAT_PREFIX}, save for a community's")
        });
    }
}

fn check_member_count(group: &Group, limits: &FieldLimits, violations: &mut Violations) {
    let max = if is_community(group) { limits.community_max_member_count } else { limits.max_member_count };
    if let Some(count) = group.max_member_count {
        violations
            .add_if(!(1..=max).contains(&count), "group.max_member_count", || format!("1 to {max}, this is {count}"));
    }
}

fn check_join_option(group: &Group, violations: &mut Violations) {
    const FIELD: &str = "group.apply_join_option";
    match ApplyJoinOption::try_from(group.apply_join_option) {
        Ok(ApplyJoinOption::Unspecified) => {}
        Ok(_) => violations.add_if(is_community(group), FIELD, || "not for communities".to_owned()),
        Err(_) => violations.add(FIELD, format!("{} is no join option", group.apply_join_option)),
    }
}

fn check_app_defined_data(fields: &[AppDefinedField], limits: &FieldLimits, violations: &mut Violations) {
    let count = fields.len();
    violations.add_if(count > MAX_APP_DEFINED_FIELDS, "group.app_defined_data", || {
        format!("at most {MAX_APP_DEFINED_FIELDS} fields, these are {count}")
    });
    for (index, field) in fields.iter().enumerate() {
        let key = &field.key;
        let path = format_args!("group.app_defined_data[{index}].key");
        violations.required(path, key, limits.app_defined_key);
        if let Some(odd) = key.chars().find(|c| !(c.is_ascii_alphanumeric() || *c == '_')) {
            violations.add(path, format!("letters, digits and underscores only, this has {odd:?}"));
        }
        // One that stands behind more than there may be is refused anyway.
        let again = !key.is_empty() && fields[..index].iter().take(MAX_APP_DEFINED_FIELDS).any(|it| it.key == *key);
        violations.add_if(again, path, || "an earlier field has the same key".to_owned());
        let path = format_args!("group.app_defined_data[{index}].value");
        violations.at_most(path, &field.value, limits.app_defined_value);
    }
}

fn check_create_time(group: &Group, now: i64, violations: &mut Violations) {
    const FIELD: &str = "group.create_time";
    let Some(time) = group.create_time else { return };
    let seconds = time.seconds;
    if seconds < 1 {
        violations.add(FIELD, "not before 1970-01-01T00:00:01Z");
    } else if seconds > now.saturating_add(MAX_AHEAD_SECONDS) {
        let hint = if seconds / 1000 <= now { "; are these milliseconds?" } else { "" };
        violations.add(FIELD, format!("no more than a day from now, in seconds; this is {seconds}{hint}"));
    }
    violations.add_if(!(0..1_000_000_000).contains(&time.nanos), FIELD, || {
        format!("nanos must be from 0 to 999999999, these are {}", time.nanos)
    });
}
