//! Chat's names for a group's fields, and what to say about a name that is none.
//!
//! Chat ignores a field it doesn't know, so that a misspelt one is lost
//! silently. Here it is an error that names the nearest known one.

/// A field of `import_group`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    OwnerAccount,
    Type,
    GroupId,
    Name,
    Introduction,
    Notification,
    FaceUrl,
    MaxMemberCount,
    ApplyJoinOption,
    AppDefinedData,
    CreateTime,
    SupportTopic,
}

/// Each field's name in Chat's JSON and in the proto.
const FIELDS: [(Field, &str, &str); 12] = [
    (Field::OwnerAccount, "Owner_Account", "owner_account"),
    (Field::Type, "Type", "type"),
    (Field::GroupId, "GroupId", "group_id"),
    (Field::Name, "Name", "name"),
    (Field::Introduction, "Introduction", "introduction"),
    (Field::Notification, "Notification", "notification"),
    (Field::FaceUrl, "FaceUrl", "face_url"),
    (Field::MaxMemberCount, "MaxMemberCount", "max_member_count"),
    (Field::ApplyJoinOption, "ApplyJoinOption", "apply_join_option"),
    (Field::AppDefinedData, "AppDefinedData", "app_defined_data"),
    (Field::CreateTime, "CreateTime", "create_time"),
    (Field::SupportTopic, "SupportTopic", "support_topic"),
];

/// Names that other commands or SDKs of Chat use, with what to do about them.
const FOREIGN: [(&str, &str); 7] = [
    ("MaxMemberNum", "is called MaxMemberCount in import_group"),
    ("MemberList", "is not part of import_group: members are imported by a command of their own"),
    ("MemberNum", "is not part of import_group: Chat counts members itself"),
    ("InviteJoinOption", "is not part of import_group: set it afterwards"),
    ("ShutUpAllMember", "is not part of import_group: set it afterwards"),
    ("MuteAllMembers", "is not part of import_group: set it afterwards"),
    ("Owner", "is called Owner_Account in import_group"),
];

impl Field {
    /// The field that Chat calls `name`; names are case-sensitive.
    pub(super) fn named(name: &str) -> Option<Self> {
        FIELDS.iter().find(|(_, chat, _)| *chat == name).map(|(field, _, _)| *field)
    }

    /// Chat's name for it.
    pub(super) fn name(self) -> &'static str {
        FIELDS.iter().find(|(field, _, _)| *field == self).map_or("", |(_, chat, _)| chat)
    }

    /// Whether its value is an integer; all but `AppDefinedData` are text otherwise.
    pub(super) fn is_integer(self) -> bool {
        matches!(self, Self::MaxMemberCount | Self::CreateTime | Self::SupportTopic)
    }
}

/// What is wrong with a field of this name, which is not Chat's.
pub(super) fn unknown_field(name: &str) -> String {
    if let Some((_, advice)) = FOREIGN.iter().find(|(foreign, _)| *foreign == name) {
        return format!("{name}: {advice}");
    }
    let shown = shorten(name);
    match nearest(name, FIELDS.iter().map(|(_, chat, _)| *chat)) {
        Some(known) => format!("{shown}: unknown field, did you mean {known}?"),
        None => format!("{shown}: unknown field"),
    }
}

/// The candidate that `word` most likely stands for. A difference in case,
/// spaces or underscores alone always matches.
pub(super) fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    const LIKE_ENOUGH: f64 = 0.6;
    let plain = plain(word);
    candidates
        .map(|candidate| {
            let likeness = strsim::normalized_damerau_levenshtein(&plain, &self::plain(candidate));
            (likeness, candidate)
        })
        .filter(|(likeness, _)| *likeness >= LIKE_ENOUGH)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}

fn plain(word: &str) -> String {
    // Only the beginning counts: comparing takes time in the square of the length.
    word.chars().filter(|c| c.is_alphanumeric()).take(64).flat_map(char::to_lowercase).collect()
}

/// A piece of the input as it may stand in a message: one line, not too long.
pub(super) fn shorten(text: &str) -> String {
    const MOST: usize = 60;
    let clean = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    match text.char_indices().nth(MOST) {
        None => text.chars().map(clean).collect(),
        Some((end, _)) => text[..end].chars().map(clean).chain(['…']).collect(),
    }
}

/// A violation's path as the file's author knows it:
/// `group.app_defined_data[1].key` is `AppDefinedData[1].Key` there.
pub(super) fn in_chats_words(path: &str) -> String {
    let Some(path) = path.strip_prefix("group.") else { return path.to_owned() };
    let end = path.find(['[', '.']).unwrap_or(path.len());
    let (field, rest) = path.split_at(end);
    let Some((_, name, _)) = FIELDS.iter().find(|(_, _, proto)| *proto == field) else {
        return path.to_owned();
    };
    format!("{name}{}", rest.replace(".key", ".Key").replace(".value", ".Value"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn every_field_is_found_by_its_own_name() {
        for (field, name, _) in FIELDS {
            assert_eq!((Field::named(name), field.name()), (Some(field), name));
        }
    }

    #[test]
    fn a_misspelt_field_is_told_the_nearest_known_one() {
        for (wrong, right) in [
            ("name", "Name"),
            ("OwnerAccount", "Owner_Account"),
            ("GroupID", "GroupId"),
            ("group_id", "GroupId"),
            (" Name", "Name"),
            ("Introductoin", "Introduction"),
            ("MaxMembersCount", "MaxMemberCount"),
            ("AppDefineData", "AppDefinedData"),
        ] {
            let said = unknown_field(wrong);
            assert!(said.ends_with(&format!("did you mean {right}?")), "{said}");
        }
        assert_eq!(unknown_field("Colour"), "Colour: unknown field");
    }

    #[test]
    fn names_of_other_commands_are_explained() {
        assert_eq!(unknown_field("MaxMemberNum"), "MaxMemberNum: is called MaxMemberCount in import_group");
        assert!(unknown_field("MemberList").contains("command of their own"));
    }

    #[test]
    fn violations_are_told_in_chats_words() {
        assert_eq!(in_chats_words("group.name"), "Name");
        assert_eq!(in_chats_words("group.app_defined_data[1].key"), "AppDefinedData[1].Key");
        assert_eq!(in_chats_words("group.apply_join_option"), "ApplyJoinOption");
        assert_eq!(in_chats_words("request_id"), "request_id");
    }

    #[test]
    fn a_long_name_is_shortened_and_cleaned() {
        let said = unknown_field(&"x\n".repeat(1000));
        assert!(said.chars().count() < 100 && !said.contains('\n'), "{said}");
    }
}
