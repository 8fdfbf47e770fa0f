//! One line of JSON Lines, in Chat's own form, as a group.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::{
    draft::Draft,
    names::{Field, shorten, unknown_field},
};
use crate::proto::Group;

/// The group of a line, or everything that is wrong with the line.
pub(super) fn parse(line: &[u8]) -> Result<Group, String> {
    let object: Object = serde_json::from_slice(line).map_err(|error| not_json(line, &error))?;
    let mut draft = Draft::default();
    let mut seen = Vec::new();
    for (name, value) in object.0 {
        let Some(field) = Field::named(&name) else {
            draft.wrong(unknown_field(&name));
            continue;
        };
        if seen.contains(&field) {
            draft.wrong(format!("{name}: stands twice in the line"));
            continue;
        }
        seen.push(field);
        match value {
            Value::Array(all) if field == Field::AppDefinedData => custom(&mut draft, all),
            other if field == Field::AppDefinedData => {
                draft.wrong(expected("AppDefinedData", "an array of {\"Key\", \"Value\"} objects", &other))
            }
            Value::String(text) if !field.is_integer() => draft.text(field, text),
            other if !field.is_integer() => draft.wrong(expected(&name, "a string", &other)),
            other => match other.as_i64() {
                Some(number) => draft.integer(field, number),
                None => draft.wrong(expected(&name, "an integer", &other)),
            },
        }
    }
    draft.finish()
}

fn custom(draft: &mut Draft, entries: Vec<Value>) {
    for (i, entry) in entries.into_iter().enumerate() {
        let place = format!("AppDefinedData[{i}]");
        let Value::Object(members) = entry else {
            draft.wrong(expected(&place, "an object of Key and Value", &entry));
            continue;
        };
        let (mut key, mut text) = (None, None);
        for (name, value) in members {
            let target = match name.as_str() {
                "Key" => &mut key,
                "Value" => &mut text,
                _ => {
                    draft.wrong(format!("{place}.{}: unknown field, known are Key and Value", shorten(&name)));
                    continue;
                }
            };
            match value {
                Value::String(value) => *target = Some(value),
                other => draft.wrong(expected(&format!("{place}.{name}"), "a string", &other)),
            }
        }
        draft.custom(key.unwrap_or_default(), text.unwrap_or_default());
    }
}

fn expected(place: &str, what: &str, found: &Value) -> String {
    let found = match found {
        Value::Null => "null (leave the field out instead)".to_owned(),
        Value::Bool(value) => format!("boolean {value}"),
        Value::Number(value) => format!("number {value}"),
        Value::String(value) => format!("string \"{}\"", shorten(value)),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    };
    format!("{place}: expected {what}, found {found}")
}

fn not_json(line: &[u8], error: &serde_json::Error) -> String {
    match line.first() {
        Some(b'/' | b'#') => return "JSON has no comments".to_owned(),
        Some(b'[') => {
            return "an array: JSON Lines has one object a line, without brackets or commas around it".to_owned();
        }
        _ => {}
    }
    // The parser's own position says "line 1" of whatever line this is.
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or_default();
    format!("not a JSON object: {} (column {})", shorten(text), error.column())
}

/// A JSON object that keeps a name that stands twice, which a map would swallow.
struct Object(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Object(members))
            }
        }
        from.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::proto::{ApplyJoinOption, GroupType};

    fn fault(line: &str) -> String {
        parse(line.as_bytes()).unwrap_err()
    }

    #[test]
    fn every_field_arrives() {
        let line = r#"{"Owner_Account":"leckie","Type":"Public","GroupId":"MyFirstGroup","Name":"TestGroup",
            "Introduction":"i","Notification":"n","FaceUrl":"http://f","MaxMemberCount":500,
            "ApplyJoinOption":"FreeAccess","AppDefinedData":[{"Key":"k1","Value":"v\u0000"}],
            "CreateTime":1448357837,"SupportTopic":1}"#;
        let group = parse(line.as_bytes()).unwrap();
        assert_eq!((group.r#type(), group.apply_join_option()), (GroupType::Public, ApplyJoinOption::FreeAccess));
        assert_eq!(
            (group.owner_account.as_str(), group.group_id.as_str(), group.name.as_str()),
            ("leckie", "MyFirstGroup", "TestGroup")
        );
        assert_eq!(
            (group.introduction.as_str(), group.notification.as_str(), group.face_url.as_str()),
            ("i", "n", "http://f")
        );
        assert_eq!((group.max_member_count, group.support_topic), (Some(500), Some(true)));
        assert_eq!(group.create_time.unwrap().seconds, 1_448_357_837);
        assert_eq!((group.app_defined_data[0].key.as_str(), group.app_defined_data[0].value.as_str()), ("k1", "v\0"));
    }

    #[test]
    fn what_was_left_out_stays_left_out() {
        let group = parse(br#"{"Type":"Public","Name":"n"}"#).unwrap();
        assert_eq!((group.max_member_count, group.create_time, group.support_topic), (None, None, None));
    }

    #[test]
    fn wrong_types_are_named() {
        assert_eq!(fault(r#"{"MaxMemberCount":"200"}"#), "MaxMemberCount: expected an integer, found string \"200\"");
        assert_eq!(fault(r#"{"CreateTime":1.5}"#), "CreateTime: expected an integer, found number 1.5");
        assert_eq!(fault(r#"{"Name":5}"#), "Name: expected a string, found number 5");
        assert_eq!(fault(r#"{"Name":null}"#), "Name: expected a string, found null (leave the field out instead)");
        assert_eq!(fault(r#"{"SupportTopic":true}"#), "SupportTopic: expected an integer, found boolean true");
        assert_eq!(
            fault(r#"{"AppDefinedData":{}}"#),
            "AppDefinedData: expected an array of {\"Key\", \"Value\"} objects, found an object"
        );
        assert_eq!(
            fault(r#"{"AppDefinedData":[1]}"#),
            "AppDefinedData[0]: expected an object of Key and Value, found number 1"
        );
        assert_eq!(
            fault(r#"{"AppDefinedData":[{"Key":"k","Value":2}]}"#),
            "AppDefinedData[0].Value: expected a string, found number 2"
        );
        assert_eq!(
            fault(r#"{"AppDefinedData":[{"Key":"k","Val":"2"}]}"#),
            "AppDefinedData[0].Val: unknown field, known are Key and Value"
        );
        assert_eq!(fault(r#"{"MaxMemberCount":99999999999}"#), "MaxMemberCount: 99999999999 is out of range");
    }

    #[test]
    fn a_field_that_stands_twice_is_refused() {
        assert_eq!(fault(r#"{"Name":"a","Name":"b"}"#), "Name: stands twice in the line");
    }

    #[test]
    fn what_is_no_json_is_said_with_its_column() {
        assert_eq!(fault(r#"{"Name":"a",}"#), "not a JSON object: trailing comma (column 13)");
        assert!(fault("7").contains("expected an object"), "{}", fault("7"));
        assert!(fault(r#"{"Name":"a"} x"#).contains("trailing characters"));
        assert!(fault("[").contains("one object a line"));
        assert_eq!(fault("// a comment"), "JSON has no comments");
        assert!(parse(b"{\"Name\":\"\xff\"}").unwrap_err().starts_with("not a JSON object: invalid unicode"));
    }
}
