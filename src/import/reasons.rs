//! Whose business each reason is: a line's, or that of everything.
//!
//! An error that is a line's own settles it. One of the app or of the gateway
//! would meet every line alike, so it settles none.

use tonic::Code;

/// What an error with a reason is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// This line: it is settled, where nothing was applied.
    Line,
    /// This one call: the line goes again.
    Call,
    /// All lines, for a while: they wait.
    Pause,
    /// All lines, until somebody has seen to it: the import stops.
    Stop,
}

use Scope::{Call, Line, Pause, Stop};

/// By reason, as the gateway's error table has them.
const REASONS: [(&str, Scope); 33] = [
    ("ACCOUNT_NOT_FOUND", Line),
    ("CHAT_CONTENT_BLOCKED", Line),
    ("CHAT_INVALID_ARGUMENT", Line),
    ("CHAT_PERMISSION_DENIED", Line),
    ("CHAT_TOO_MANY_ITEMS", Line),
    ("GROUP_ID_IN_USE", Line),
    ("GROUP_NOT_FOUND", Line),
    ("INVALID_REQUEST", Line),
    ("OWNER_QUOTA_EXCEEDED", Line),
    ("PLAN_LIMIT_EXCEEDED", Line),
    ("CHAT_ERROR", Call),
    ("CHAT_INTERNAL_ERROR", Call),
    ("CHAT_OVERLOADED", Call),
    ("CHAT_TIMED_OUT", Call),
    ("GATEWAY_FAULT", Call),
    ("OUTCOME_UNKNOWN", Call),
    ("CHAT_UNREACHABLE", Pause),
    ("CREDENTIAL_SUSPENDED", Pause),
    ("DEADLINE_PASSED", Pause), // in the queue, that is: others had their turn first
    ("DRAINING", Pause),
    ("RATE_LIMITED", Pause),
    ("APP_NOT_GRANTED", Stop),
    ("APP_REJECTED", Stop),
    ("APP_UNKNOWN", Stop),
    ("CALLER_UNKNOWN", Stop),
    ("CHAT_COMMAND_DISABLED", Stop),
    ("CHAT_COMMAND_UNKNOWN", Stop),
    ("CHAT_PLAN_TOO_LOW", Stop),
    ("CHAT_REJECTED_JSON", Stop),
    ("CHAT_REJECTED_URL", Stop),
    ("CREDENTIAL_REJECTED", Stop),
    ("QUOTA_EXCEEDED", Stop),
    ("SOURCE_ADDRESS_REJECTED", Stop),
];

/// The scope of an error. `KEY_REQUIRED` is of the last kind too: it meets
/// every line without a `GroupId`, and another option of this command helps.
pub(super) fn scope(reason: &str, status: &str) -> Scope {
    if let Some((_, scope)) = REASONS.iter().find(|(known, _)| *known == reason) {
        return *scope;
    }
    // A newer gateway's reason. Its status tells roughly; in doubt the import
    // stops, because lines settled wrongly would never be sent again.
    match status {
        "INVALID_ARGUMENT" if reason != "KEY_REQUIRED" => Line,
        "NOT_FOUND" | "ALREADY_EXISTS" | "OUT_OF_RANGE" => Line,
        "UNAVAILABLE" => Pause,
        "UNKNOWN" | "DEADLINE_EXCEEDED" | "CANCELLED" | "ABORTED" => Call,
        _ => Stop,
    }
}

/// What somebody can do about a reason that stopped the import.
pub(super) fn advice(reason: &str) -> Option<&'static str> {
    Some(match reason {
        "QUOTA_EXCEEDED" => "the app's quota is used up; a daily one begins anew tomorrow",
        "KEY_REQUIRED" => "this gateway takes no line without a key: leave --assigned-ids out",
        "CALLER_UNKNOWN" => "look at --token-file, or --cert-file and --key-file",
        "APP_UNKNOWN" | "APP_NOT_GRANTED" => "look at --app",
        "CREDENTIAL_REJECTED" | "APP_REJECTED" | "CHAT_PLAN_TOO_LOW" | "CHAT_COMMAND_DISABLED" => {
            "the app's settings, at the gateway or in Chat's console, need somebody's eye"
        }
        "SOURCE_ADDRESS_REJECTED" => "Chat's console does not allow the gateway's address",
        _ => return None,
    })
}

/// Whether a stream that ended with this status is worth opening again.
pub(super) fn passing(code: Code) -> bool {
    !matches!(
        code,
        Code::Unauthenticated
            | Code::PermissionDenied
            | Code::Unimplemented
            | Code::InvalidArgument
            | Code::NotFound
            | Code::FailedPrecondition
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_reason_of_tomorrow_settles_a_line_only_where_its_status_speaks_of_the_line() {
        assert_eq!(scope("NEW", "INVALID_ARGUMENT"), Line);
        assert_eq!(scope("NEW", "UNAVAILABLE"), Pause);
        assert_eq!(scope("NEW", "RESOURCE_EXHAUSTED"), Stop);
        assert_eq!(scope("NEW", "FAILED_PRECONDITION"), Stop);
        assert_eq!(scope("", "UNKNOWN"), Call);
    }

    #[test]
    fn a_missing_key_stops_the_import() {
        assert_eq!(scope("KEY_REQUIRED", "INVALID_ARGUMENT"), Stop);
    }

    #[test]
    fn reasons_stand_once() {
        for (i, (reason, _)) in REASONS.iter().enumerate() {
            assert!(REASONS[..i].iter().all(|(other, _)| other != reason), "{reason}");
        }
    }
}
