//! How a line ended, as `--results` and the journal hold it.

use serde::{Deserialize, Serialize};
use tonic::Code;
use tonic_types::{ErrorDetails, RpcStatusExt as _, pb};

use super::names::in_chats_words;

/// The domain of the gateway's own errors; another's metadata mean nothing here.
const DOMAIN: &str = "group-import-gateway";

/// A message is cut here, so that no answer can fill journal and screen.
const LONGEST_MESSAGE: usize = 1000;

/// One line of the results.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ending {
    /// The number of the line; of its first one, where a record has several.
    pub(super) line: u64,
    #[serde(flatten)]
    pub(super) outcome: Outcome,
}

/// Imported or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Outcome {
    Failed(Failure),
    Imported { status: Success, group_id: String, reconciled: bool },
}

/// The status of an imported line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Success {
    #[serde(rename = "OK")]
    Ok,
}

/// Why a line was not imported, or may not have been.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Failure {
    pub(super) status: String,
    pub(super) reason: String,
    pub(super) applied: Applied,
    pub(super) message: String,
}

/// Whether a request that failed may have made a group all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Applied {
    No,
    Unknown,
}

impl Ending {
    /// A line that was imported.
    pub(super) fn imported(line: u64, group_id: String, reconciled: bool) -> Self {
        Self { line, outcome: Outcome::Imported { status: Success::Ok, group_id, reconciled } }
    }

    /// A line that was not, or may not have been.
    pub(super) fn failed(line: u64, failure: Failure) -> Self {
        Self { line, outcome: Outcome::Failed(failure) }
    }
}

impl Failure {
    /// A line that could not be read, and so was never sent.
    pub(super) fn malformed(message: String) -> Self {
        Self {
            status: code_name(Code::InvalidArgument).to_owned(),
            reason: "MALFORMED_LINE".to_owned(),
            applied: Applied::No,
            message: cut(message),
        }
    }

    /// A line whose answer was lost here, between the gateway and this command.
    pub(super) fn lost(message: &str) -> Self {
        Self {
            status: code_name(Code::Unknown).to_owned(),
            reason: "OUTCOME_UNKNOWN".to_owned(),
            applied: Applied::Unknown,
            message: message.to_owned(),
        }
    }

    /// What the gateway's status says.
    pub(super) fn from_status(status: &pb::Status, details: &ErrorDetails) -> Self {
        let info = details.error_info().filter(|info| info.domain == DOMAIN);
        let applied = match info.and_then(|info| info.metadata.get("applied")).map(String::as_str) {
            Some("no") => Applied::No,
            _ => Applied::Unknown, // an error without ErrorInfo too: so the proto says
        };
        Self {
            status: code_name(Code::from(status.code)).to_owned(),
            reason: info.map(|info| info.reason.clone()).unwrap_or_default(),
            applied,
            message: cut(message(status, details)),
        }
    }
}

/// The details of a status that came as an item's answer.
pub(super) fn details(status: &pb::Status) -> ErrorDetails {
    status.get_error_details()
}

/// Every violation in the words of the file's author, or the status's own message.
fn message(status: &pb::Status, details: &ErrorDetails) -> String {
    let Some(bad) = details.bad_request().filter(|bad| !bad.field_violations.is_empty()) else {
        return status.message.clone();
    };
    let said = bad.field_violations.iter();
    let said = said.map(|found| format!("{}: {}", in_chats_words(&found.field), found.description));
    said.collect::<Vec<_>>().join("; ")
}

fn cut(mut message: String) -> String {
    if let Some((end, _)) = message.char_indices().nth(LONGEST_MESSAGE) {
        message.truncate(end);
        message.push('…');
    }
    message
}

fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use tonic_types::StatusExt as _;

    use super::*;

    #[test]
    fn results_lines_have_the_documented_form() {
        let lines = [
            (Ending::imported(1, "g".into(), false), r#"{"line":1,"status":"OK","group_id":"g","reconciled":false}"#),
            (
                Ending::failed(2, Failure::malformed("x".into())),
                r#"{"line":2,"status":"INVALID_ARGUMENT","reason":"MALFORMED_LINE","applied":"no","message":"x"}"#,
            ),
        ];
        for (ending, text) in lines {
            assert_eq!(serde_json::to_string(&ending).unwrap(), text);
            assert_eq!(serde_json::from_str::<Ending>(text).unwrap(), ending);
        }
    }

    #[test]
    fn violations_become_the_message() {
        let mut details = ErrorDetails::new();
        details.add_bad_request_violation("group.name", "is required");
        details.add_bad_request_violation("group.app_defined_data[0].key", "stands twice");
        details.set_error_info("INVALID_REQUEST", DOMAIN, [("applied".to_owned(), "no".to_owned())]);
        let status = tonic::Status::with_error_details(Code::InvalidArgument, "2 violations", details);
        let status: pb::Status = prost::Message::decode(status.details()).unwrap();
        let failure = Failure::from_status(&status, &super::details(&status));
        assert_eq!(failure.message, "Name: is required; AppDefinedData[0].Key: stands twice");
        assert_eq!((failure.status.as_str(), failure.reason.as_str()), ("INVALID_ARGUMENT", "INVALID_REQUEST"));
        assert_eq!(failure.applied, Applied::No);
    }

    #[test]
    fn an_error_without_details_may_have_been_applied() {
        let status = pb::Status { code: 14, message: "m".repeat(5000), details: Vec::new() };
        let failure = Failure::from_status(&status, &super::details(&status));
        assert_eq!((failure.status.as_str(), failure.applied), ("UNAVAILABLE", Applied::Unknown));
        assert!(failure.message.chars().count() <= LONGEST_MESSAGE + 1);
    }
}
