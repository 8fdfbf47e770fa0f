//! Chat's envelope: `ActionStatus`, `ErrorCode` and `ErrorInfo` around every
//! answer, which comes with HTTP status 200 even where it is an error.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use crate::errors::{CallError, Lost, Refusal};

/// As much of Chat's `ErrorInfo` as is passed on.
const MAX_INFO_BYTES: usize = 300;

/// What an OK answer must have. One that has not is lost.
#[derive(Clone, Copy, Debug)]
pub enum Needs {
    /// The ID of the group that it speaks of.
    GroupId,
    /// What this looks for.
    More(fn(&[u8]) -> bool),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Envelope {
    action_status: Option<String>,
    error_code: Option<u32>,
    #[serde(default)]
    error_info: Option<String>,
    /// Read here as well, since reading an answer twice costs twice.
    #[serde(default, deserialize_with = "text_if_any")]
    group_id: Option<String>,
}

/// Reads an answer that came whole, and gives the ID of the group that it
/// speaks of. Fields that are not known are ignored, and so is the content type.
///
/// # Errors
/// [`CallError::Refused`] for an error code; [`Lost`] for what is no answer:
/// no JSON object, no code, an OK that does not say OK or lacks what it needs.
pub fn read(body: &[u8], needs: Needs) -> Result<Option<String>, CallError> {
    // An array of the right values would pass for the fields by their order.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(Lost::NotJson.into());
    }
    let envelope: Envelope = serde_json::from_slice(body).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => Lost::Incomplete,
        _ => Lost::NotJson,
    })?;
    let group_id = envelope.group_id.filter(|id| !id.is_empty());
    let is_whole = || match needs {
        Needs::GroupId => group_id.is_some(),
        Needs::More(looks) => looks(body),
    };
    match envelope.error_code {
        Some(0) if envelope.action_status.as_deref() == Some("OK") && is_whole() => Ok(group_id),
        Some(0) | None => Err(Lost::Incomplete.into()),
        Some(code) => Err(CallError::Refused(Refusal::new(code, shortened(envelope.error_info)))),
    }
}

/// A text; none of anything else, which makes no answer unreadable that needs no text there.
fn text_if_any<'de, D: Deserializer<'de>>(value: D) -> Result<Option<String>, D::Error> {
    struct Text;

    impl<'de> Visitor<'de> for Text {
        type Value = Option<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("anything")
        }

        fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
            Ok(Some(text.to_owned()))
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Self::Value, A::Error> {
            while values.next_element::<IgnoredAny>()?.is_some() {}
            Ok(None)
        }

        fn visit_map<A: MapAccess<'de>>(self, mut values: A) -> Result<Self::Value, A::Error> {
            while values.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            Ok(None)
        }
    }

    value.deserialize_any(Text)
}

/// Chat's words, without control characters and within bounds: they end in
/// logs and in gRPC trailers.
fn shortened(info: Option<String>) -> String {
    let mut info = info.unwrap_or_default();
    if info.len() > MAX_INFO_BYTES {
        let end = (0..=MAX_INFO_BYTES).rev().find(|end| info.is_char_boundary(*end)).unwrap_or(0);
        info.truncate(end);
        info.push('…');
    }
    info.replace(|c: char| c.is_control(), " ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn read_text(text: &'static str) -> Result<Option<String>, CallError> {
        read(text.as_bytes(), Needs::GroupId)
    }

    #[test]
    fn an_ok_answer_must_say_so_and_have_what_it_must_have() {
        let id = read_text(r#"{"ActionStatus":"OK","ErrorCode":0,"GroupId":"g","New":[1]}"#).unwrap();
        assert_eq!(id.as_deref(), Some("g"));
        for bad in [
            r#"{"ActionStatus":"OK","ErrorCode":0,"GroupId":""}"#,
            r#"{"ActionStatus":"OK","ErrorCode":0,"GroupId":7}"#,
            r#"{"ActionStatus":"OK","ErrorCode":0,"GroupId":{"a":[1]}}"#,
            r#"{"ActionStatus":"OK","ErrorCode":0}"#,
            r#"{"ActionStatus":"FAIL","ErrorCode":0,"GroupId":"g"}"#,
            r#"{"ErrorCode":0,"GroupId":"g"}"#,
            r#"{"ActionStatus":"OK","GroupId":"g"}"#,
            r#"{"ActionStatus":"OK","ErrorCode":"0","GroupId":"g"}"#,
            r#"{"ActionStatus":"OK","ErrorCode":-1,"GroupId":"g"}"#,
            "{}",
        ] {
            assert!(matches!(read_text(bad), Err(CallError::Lost(Lost::Incomplete))), "{bad}");
        }
        for bad in ["", "null", "[]", "\"OK\"", "<html>", r#"{"ActionStatus":"OK","Er"#, r#"["FAIL",10021,"used"]"#] {
            assert!(matches!(read_text(bad), Err(CallError::Lost(Lost::NotJson))), "{bad}");
        }
    }

    #[test]
    fn an_error_code_is_a_refusal_whatever_the_status_says() {
        let Err(CallError::Refused(refusal)) =
            read_text(r#"{"ActionStatus":"FAIL","ErrorCode":10021,"ErrorInfo":"group id\nhas been used!"}"#)
        else {
            unreachable!("a refusal")
        };
        assert_eq!((refusal.code, refusal.info.as_str()), (10021, "group id has been used!"));
    }

    #[test]
    fn an_odd_group_id_hides_no_error_code() {
        for odd in ["null", "true", "7", "-7", "0.5", "[1,[2]]", r#"{"a":{"b":1}}"#, "\"\""] {
            let text = format!(r#"{{"ActionStatus":"FAIL","ErrorCode":10021,"ErrorInfo":"","GroupId":{odd}}}"#);
            assert!(matches!(read(text.as_bytes(), Needs::GroupId), Err(CallError::Refused(_))), "{text}");
        }
    }

    #[test]
    fn chats_words_are_cut_at_a_character() {
        let long = "é".repeat(400);
        let short = shortened(Some(long));
        assert!(short.len() <= MAX_INFO_BYTES + '…'.len_utf8() && short.ends_with("é…"));
    }
}
