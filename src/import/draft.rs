//! A group as it grows field by field out of a line, whatever the line's form.
//!
//! Only what the proto can't hold is refused here (a wrong type, an unknown
//! value): the rules about lengths and contents are the gateway's, which alone
//! knows the limits that its operator set.

use prost_types::Timestamp;

use super::names::{Field, nearest, shorten};
use crate::proto::{AppDefinedField, ApplyJoinOption, Group, GroupType};

/// Chat's names of a group's types, old and new.
const TYPES: [(&str, GroupType); 7] = [
    ("Public", GroupType::Public),
    ("Private", GroupType::Private),
    ("Work", GroupType::Private),
    ("ChatRoom", GroupType::ChatRoom),
    ("Meeting", GroupType::ChatRoom),
    ("Community", GroupType::Community),
    ("AVChatRoom", GroupType::AvChatRoom),
];

const JOIN_OPTIONS: [(&str, ApplyJoinOption); 3] = [
    ("FreeAccess", ApplyJoinOption::FreeAccess),
    ("NeedPermission", ApplyJoinOption::NeedPermission),
    ("DisableApply", ApplyJoinOption::DisableApply),
];

/// A group under way, and all that is wrong with it so far.
#[derive(Default)]
pub(super) struct Draft {
    group: Group,
    wrong: Vec<String>,
}

impl Draft {
    /// Notes a fault; the line is refused in the end, but read on to find more.
    pub(super) fn wrong(&mut self, fault: String) {
        self.wrong.push(fault);
    }

    /// Takes a text field's value.
    pub(super) fn text(&mut self, field: Field, value: String) {
        match field {
            Field::OwnerAccount => self.group.owner_account = value,
            Field::GroupId => self.group.group_id = value,
            Field::Name => self.group.name = value,
            Field::Introduction => self.group.introduction = value,
            Field::Notification => self.group.notification = value,
            Field::FaceUrl => self.group.face_url = value,
            Field::Type => {
                if let Some(known) = self.choice(field, &value, &TYPES) {
                    self.group.set_type(known);
                }
            }
            Field::ApplyJoinOption => {
                if let Some(known) = self.choice(field, &value, &JOIN_OPTIONS) {
                    self.group.set_apply_join_option(known);
                }
            }
            Field::MaxMemberCount | Field::CreateTime | Field::SupportTopic | Field::AppDefinedData => {
                self.wrong(format!("{}: text does not fit here", field.name()));
            }
        }
    }

    /// Takes an integer field's value.
    pub(super) fn integer(&mut self, field: Field, value: i64) {
        match (field, value) {
            (Field::MaxMemberCount, _) => match u32::try_from(value) {
                Ok(count) => self.group.max_member_count = Some(count),
                Err(_) => self.wrong(format!("MaxMemberCount: {value} is out of range")),
            },
            (Field::CreateTime, seconds) => {
                self.group.create_time = Some(Timestamp { seconds, nanos: 0 });
            }
            (Field::SupportTopic, 0 | 1) => self.group.support_topic = Some(value == 1),
            (Field::SupportTopic, _) => {
                self.wrong(format!("SupportTopic: expected 1 or 0, found {value}"));
            }
            _ => self.wrong(format!("{}: expected a string, found number {value}", field.name())),
        }
    }

    /// Takes one custom field.
    pub(super) fn custom(&mut self, key: String, value: String) {
        self.group.app_defined_data.push(AppDefinedField { key, value });
    }

    /// The group, or everything that is wrong with it.
    pub(super) fn finish(self) -> Result<Group, String> {
        if self.wrong.is_empty() { Ok(self.group) } else { Err(self.wrong.join("; ")) }
    }

    fn choice<T: Copy>(&mut self, field: Field, value: &str, all: &[(&str, T)]) -> Option<T> {
        // Empty is left out, as in every other text field; the gateway says whether it may be.
        if value.is_empty() {
            return None;
        }
        if let Some((_, known)) = all.iter().find(|(name, _)| *name == value) {
            return Some(*known);
        }
        let names = || all.iter().map(|(name, _)| *name);
        let (field, shown) = (field.name(), shorten(value));
        self.wrong(match nearest(value, names()) {
            Some(near) => format!("{field}: unknown value \"{shown}\", did you mean {near}?"),
            None => {
                let known = names().collect::<Vec<_>>().join(", ");
                format!("{field}: unknown value \"{shown}\" (known: {known})")
            }
        });
        None
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn typed(name: &str) -> Result<GroupType, String> {
        let mut draft = Draft::default();
        draft.text(Field::Type, name.to_owned());
        draft.finish().map(|group| group.r#type())
    }

    #[test]
    fn new_names_of_types_become_the_old_ones() {
        assert_eq!(typed("Work"), Ok(GroupType::Private));
        assert_eq!(typed("Meeting"), Ok(GroupType::ChatRoom));
        assert_eq!(typed("AVChatRoom"), Ok(GroupType::AvChatRoom), "the gateway answers that one");
        assert_eq!(typed(""), Ok(GroupType::Unspecified), "as if it were left out");
    }

    #[test]
    fn a_value_in_the_wrong_case_is_told_the_right_one() {
        let said = typed("public").unwrap_err();
        assert_eq!(said, "Type: unknown value \"public\", did you mean Public?");
        let said = typed("Supergroup").unwrap_err();
        assert!(said.contains("(known: Public, Private, Work,"), "{said}");
    }

    #[test]
    fn all_faults_of_a_line_are_told_at_once() {
        let mut draft = Draft::default();
        draft.text(Field::Type, "chatroom".into());
        draft.integer(Field::SupportTopic, 2);
        draft.integer(Field::MaxMemberCount, -1);
        draft.integer(Field::Name, 7);
        assert_eq!(
            draft.finish().unwrap_err(),
            "Type: unknown value \"chatroom\", did you mean ChatRoom?; SupportTopic: expected 1 or 0, found 2; \
             MaxMemberCount: -1 is out of range; Name: expected a string, found number 7"
        );
    }
}
