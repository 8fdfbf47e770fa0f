//! Chat's envelope: `ActionStatus`, `ErrorCode` and `ErrorInfo` around every
//! answer, which comes with HTTP status 200 even where it is an error.

use serde::Deserialize;

use crate::errors::{CallError, Lost, Refusal};

/// As much of Chat's `ErrorInfo` as is passed on.
const MAX_INFO_BYTES: usize = 300;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Envelope {
    action_status: Option<String>,
    error_code: Option<u32>,
    #[serde(default)]
    error_info: Option<String>,
}

/// Reads an answer that came whole. Fields that are not known are ignored, and
/// so is the content type.
///
/// # Errors
/// [`CallError::Refused`] for an error code; [`Lost`] for what is no answer:
/// no JSON object, no code, an OK that does not say OK or lacks what
/// `is_whole` looks for.
pub fn read(body: &[u8], is_whole: fn(&[u8]) -> bool) -> Result<(), CallError> {
    // An array of the right values would pass for the fields by their order.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(Lost::NotJson.into());
    }
    let envelope: Envelope = serde_json::from_slice(body).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => Lost::Incomplete,
        _ => Lost::NotJson,
    })?;
    match envelope.error_code {
        Some(0) if envelope.action_status.as_deref() == Some("OK") && is_whole(body) => Ok(()),
        Some(0) | None => Err(Lost::Incomplete.into()),
        Some(code) => Err(CallError::Refused(Refusal::new(code, shortened(envelope.error_info)))),
    }
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

    fn read_text(text: &'static str) -> Result<(), CallError> {
        read(text.as_bytes(), |body| body.windows(9).any(|part| part == b"\"GroupId\""))
    }

    #[test]
    fn an_ok_answer_must_say_so_and_have_what_it_must_have() {
        assert!(read_text(r#"{"ActionStatus":"OK","ErrorCode":0,"GroupId":"g","New":[1]}"#).is_ok());
        for bad in [
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
    fn chats_words_are_cut_at_a_character() {
        let long = "é".repeat(400);
        let short = shortened(Some(long));
        assert!(short.len() <= MAX_INFO_BYTES + '…'.len_utf8() && short.ends_with("é…"));
    }
}
