//! The only maker of `tonic::Status`: what a caller is told of a [`Failure`].

use std::{collections::HashMap, time::Duration};

use prost::Message as _;
use tonic::{
    Code, Status,
    metadata::{MetadataMap, MetadataValue},
};
use tonic_types::{ErrorDetails, FieldViolation, QuotaViolation, StatusExt as _};

use super::{
    CallError, Existing, Failure, InUse, NotSent, Reason, Violation,
    table::{Applied, Retry, Row},
};

/// The `domain` of every `ErrorInfo` that the gateway makes.
pub const DOMAIN: &str = "group-import-gateway";

/// The trailer by which gRPC's own retries are told when to come back, in
/// milliseconds, or not to come back where it is negative.
pub const PUSHBACK: &str = "grpc-retry-pushback-ms";

/// What a caller is told, before it is put on the wire.
struct Verdict {
    reason: &'static str,
    code: Code,
    applied: Applied,
    retry: Again,
    retry_after: Option<Duration>,
    chat_error_code: Option<u32>,
}

/// The `retry` in `ErrorInfo`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Again {
    Yes,
    After,
    No,
}

impl Failure {
    /// The `reason` in `ErrorInfo`, which is also the label in metrics.
    pub fn reason(&self) -> &'static str {
        self.verdict().reason
    }

    /// The gRPC code of its status.
    pub fn code(&self) -> Code {
        self.verdict().code
    }

    /// The status as an item of a stream bears it, with all its details.
    pub fn to_rpc_status(&self) -> tonic_types::pb::Status {
        let status = self.to_status();
        tonic_types::pb::Status::decode(status.details()).unwrap_or_else(|_| tonic_types::pb::Status {
            code: status.code().into(),
            message: status.message().to_owned(),
            details: Vec::new(),
        })
    }

    /// The gRPC status, with all its details and trailers.
    pub fn to_status(&self) -> Status {
        let verdict = self.verdict();
        let details = self.details(&verdict);
        let mut trailers = MetadataMap::new();
        if let Some(pushback) = pushback(&verdict) {
            trailers.insert(PUSHBACK, pushback);
        }
        #[expect(clippy::disallowed_methods, reason = "this is the one place that makes a status")]
        Status::with_error_details_and_metadata(verdict.code, self.message(), details, trailers)
    }

    fn metadata(&self, verdict: &Verdict) -> HashMap<String, String> {
        let applied = match verdict.applied {
            Applied::No => "no",
            Applied::Unknown => "unknown",
        };
        let retry = match verdict.retry {
            Again::Yes => "yes",
            Again::After => "after",
            Again::No => "no",
        };
        let mut metadata = HashMap::from([
            ("applied".to_owned(), applied.to_owned()),
            ("retry".to_owned(), retry.to_owned()),
            ("attempts".to_owned(), self.history.attempts.to_string()),
        ]);
        if let Some(app) = &self.app {
            metadata.insert("app".to_owned(), app.to_string());
        }
        if let Some(code) = verdict.chat_error_code {
            metadata.insert("chat_error_code".to_owned(), code.to_string());
        }
        if let Reason::Call(CallError::InUse(in_use)) = &self.reason {
            let existing = match &in_use.existing {
                Existing::Same => "same",
                Existing::Different(fields) => {
                    metadata.insert("differs".to_owned(), fields.join(","));
                    "different"
                }
                Existing::Unread => "unread",
            };
            metadata.insert("existing".to_owned(), existing.to_owned());
        }
        metadata
    }

    fn details(&self, verdict: &Verdict) -> ErrorDetails {
        let mut details = ErrorDetails::new();
        details.set_error_info(verdict.reason, DOMAIN, self.metadata(verdict));
        match &self.reason {
            Reason::Invalid(violations) => {
                details.set_bad_request(bounded(violations));
            }
            Reason::KeyRequired => {
                details.set_bad_request(vec![FieldViolation::new(
                    "request_id",
                    "this caller must set group.group_id or request_id, so that a repeat can't make a second group",
                )]);
            }
            _ => {}
        }
        if verdict.retry_after.is_some() {
            details.set_retry_info(verdict.retry_after);
        }
        if verdict.reason == QUOTA {
            let subject = self.app.as_ref().map_or_else(String::new, |app| format!("app:{app}"));
            details.set_quota_failure(vec![QuotaViolation::new(subject, self.message())]);
        }
        details
    }

    fn verdict(&self) -> Verdict {
        let mut verdict = match &self.reason {
            Reason::Invalid(_) => Verdict::no("INVALID_REQUEST", Code::InvalidArgument),
            Reason::KeyRequired => Verdict::no("KEY_REQUIRED", Code::InvalidArgument),
            Reason::AppUnknown(_) | Reason::AppUnnamed => Verdict::no("APP_UNKNOWN", Code::NotFound),
            Reason::AppNotGranted => Verdict::no("APP_NOT_GRANTED", Code::PermissionDenied),
            Reason::CallerUnknown => Verdict::no("CALLER_UNKNOWN", Code::Unauthenticated),
            Reason::Call(error) => self.call_verdict(error),
        };
        self.amend(&mut verdict);
        verdict
    }

    fn call_verdict(&self, error: &CallError) -> Verdict {
        let if_repeatable = if self.history.repeatable { Again::Yes } else { Again::No };
        match error {
            CallError::NotSent(cause) => not_sent(cause),
            CallError::Refused(refusal) => Verdict {
                chat_error_code: Some(refusal.code),
                ..refusal.row.map_or_else(
                    || Verdict { applied: Applied::Unknown, ..Verdict::no("CHAT_ERROR", Code::Unknown) },
                    |row| from_row(row, if_repeatable),
                )
            },
            CallError::Lost(_) => unknown("OUTCOME_UNKNOWN", Code::Unknown, if_repeatable),
            CallError::InUse(in_use) => self.in_use(in_use),
            CallError::DeadlinePassed if self.history.unsettled => {
                unknown("DEADLINE_PASSED", Code::DeadlineExceeded, if_repeatable)
            }
            CallError::DeadlinePassed => {
                Verdict { retry: Again::Yes, ..Verdict::no("DEADLINE_PASSED", Code::DeadlineExceeded) }
            }
            CallError::Fault => Verdict::no("GATEWAY_FAULT", Code::Internal),
        }
    }

    /// `applied` is `unknown` only where the group could not be read after an
    /// answer was lost: a different one is certainly not of this request's making.
    fn in_use(&self, in_use: &InUse) -> Verdict {
        let unread = in_use.existing == Existing::Unread && self.history.unsettled;
        Verdict {
            applied: if unread { Applied::Unknown } else { Applied::No },
            // The next look may be able to read it.
            retry: if unread && self.history.repeatable { Again::Yes } else { Again::No },
            chat_error_code: in_use.code,
            ..Verdict::no("GROUP_ID_IN_USE", Code::AlreadyExists)
        }
    }

    /// `applied` belongs to the call, not to its last answer: once an answer
    /// was lost it is `unknown`, and the status is none that clients retry
    /// without asking.
    fn amend(&self, verdict: &mut Verdict) {
        if !self.is_unsettled() || matches!(self.reason, Reason::Call(CallError::InUse(_))) {
            return;
        }
        verdict.applied = Applied::Unknown;
        if matches!(verdict.code, Code::Unavailable | Code::ResourceExhausted) {
            let again = if self.history.repeatable { Again::Yes } else { Again::No };
            *verdict = Verdict {
                chat_error_code: verdict.chat_error_code,
                ..unknown("OUTCOME_UNKNOWN", Code::Unknown, again)
            };
        }
    }

    /// A fault may have come after Chat's answer and have lost it.
    fn is_unsettled(&self) -> bool {
        let faulty = matches!(self.reason, Reason::Call(CallError::Fault));
        self.history.unsettled || (faulty && self.history.attempts > 0)
    }

    /// What the caller is told.
    pub fn message(&self) -> String {
        match &self.reason {
            Reason::Invalid(violations) => summary(violations),
            Reason::KeyRequired => "this caller must set group.group_id or request_id".to_owned(),
            Reason::AppUnknown(name) => format!("no app is called {name:?}"),
            Reason::AppUnnamed => "name the app to import into: this caller may not use exactly one".to_owned(),
            Reason::AppNotGranted => "this caller may not use that app".to_owned(),
            Reason::CallerUnknown => {
                "no known token (authorization: Bearer ...) or client certificate came with the call".to_owned()
            }
            Reason::Call(error) => self.call_message(error),
        }
    }

    fn call_message(&self, error: &CallError) -> String {
        let mut message = error.to_string();
        if let Some(source) = std::error::Error::source(error) {
            let mut cause = Some(source);
            while let Some(error) = cause {
                message.push_str(": ");
                message.push_str(&error.to_string());
                cause = error.source();
            }
        }
        if self.is_unsettled() && !matches!(error, CallError::InUse(_)) {
            message.push_str("; whether the group was made is not known");
        }
        message
    }
}

const QUOTA: &str = "QUOTA_EXCEEDED";

impl Verdict {
    /// Nothing was made, and sending it again would not help.
    fn no(reason: &'static str, code: Code) -> Self {
        Self { reason, code, applied: Applied::No, retry: Again::No, retry_after: None, chat_error_code: None }
    }

    fn after(reason: &'static str, code: Code, retry_after: Duration) -> Self {
        Self { retry: Again::After, retry_after: Some(retry_after), ..Self::no(reason, code) }
    }
}

fn unknown(reason: &'static str, code: Code, retry: Again) -> Verdict {
    Verdict { applied: Applied::Unknown, retry, ..Verdict::no(reason, code) }
}

fn not_sent(cause: &NotSent) -> Verdict {
    match cause {
        NotSent::RateLimited { retry_after, limit } => Verdict {
            chat_error_code: match limit {
                super::Limit::Chat(code) => Some(*code),
                _ => None,
            },
            ..Verdict::after("RATE_LIMITED", Code::ResourceExhausted, *retry_after)
        },
        NotSent::Unreachable { retry_after, .. } => Verdict::after("CHAT_UNREACHABLE", Code::Unavailable, *retry_after),
        NotSent::BreakerOpen { retry_after, .. } => {
            Verdict::after("CREDENTIAL_SUSPENDED", Code::Unavailable, *retry_after)
        }
        NotSent::Draining => Verdict { retry: Again::Yes, ..Verdict::no("DRAINING", Code::Unavailable) },
    }
}

/// After 70050 Chat takes nothing of the app for a minute; a refusal for rate
/// that reaches a caller says no more than "a little later".
fn from_row(row: &'static Row, if_repeatable: Again) -> Verdict {
    let retry = match row.retry {
        Retry::No => Again::No,
        Retry::After => Again::After,
        Retry::IfRepeatable => if_repeatable,
    };
    let retry_after = (retry == Again::After).then(|| match row.action {
        super::table::Action::Suspend => Duration::from_secs(60),
        _ => Duration::from_secs(1),
    });
    Verdict { applied: row.applied, retry, retry_after, ..Verdict::no(row.reason, row.status) }
}

/// A quota does not come back while a client waits, so it must not wait.
fn pushback(verdict: &Verdict) -> Option<MetadataValue<tonic::metadata::Ascii>> {
    match (verdict.reason, verdict.retry_after) {
        (QUOTA, _) => Some(MetadataValue::from_static("-1")),
        (_, Some(after)) => Some(MetadataValue::from(u64::try_from(after.as_millis()).unwrap_or(u64::MAX).max(1))),
        _ => None,
    }
}

/// As many violations as trailers can bear: some clients take no more than
/// 8 KiB of them, and would show nothing of an error that is larger.
fn bounded(violations: &[Violation]) -> Vec<FieldViolation> {
    let mut room = 3 * 1024_usize;
    let mut told: Vec<FieldViolation> = violations
        .iter()
        .take_while(|violation| {
            let size = violation.field.len() + violation.description.len() + 8;
            room.checked_sub(size).inspect(|rest| room = *rest).is_some()
        })
        .map(|violation| FieldViolation::new(violation.field.clone(), violation.description.clone()))
        .collect();
    let rest = violations.len() - told.len();
    if rest > 0 {
        told.push(FieldViolation::new("group", format!("and {rest} more violations")));
    }
    told
}

/// The first few violations, for people.
fn summary(violations: &[Violation]) -> String {
    const TOLD: usize = 6;
    let mut text = violations
        .iter()
        .take(TOLD)
        .map(|violation| format!("{}: {}", violation.field, violation.description))
        .collect::<Vec<_>>()
        .join("; ");
    if violations.len() > TOLD {
        text.push_str(&format!("; and {} more", violations.len() - TOLD));
    }
    text
}
