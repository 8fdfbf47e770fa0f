//! How a call can fail, named by what may have happened.
//!
//! An attempt ends in a [`CallError`]; a call ends in a [`Failure`], which
//! adds what all of its attempts together may have done. Only
//! [`status`] turns one into a gRPC status.

use std::{error::Error, fmt, sync::Arc, time::Duration};

use self::table::{Action, Row};

pub mod status;
pub mod table;

/// Why an attempt, or the call as a whole, did not succeed.
#[derive(Clone, Debug)]
pub enum CallError {
    /// Nothing left this process. Safe to send again.
    NotSent(NotSent),
    /// Chat answered with an error code.
    Refused(Refusal),
    /// It may have happened: no whole answer came. Only a repeatable call may
    /// be sent again.
    Lost(Lost),
    /// A group of that ID stands already.
    InUse(InUse),
    /// The call's deadline came.
    DeadlinePassed,
    /// A bug of ours: something panicked.
    Fault,
}

/// Why nothing was sent.
#[derive(Clone, Debug)]
pub enum NotSent {
    /// The turn would come too late, or there is no place to wait.
    RateLimited {
        /// When the same request would get its turn.
        retry_after: Duration,
        /// What stood in the way.
        limit: Limit,
    },
    /// No connection to Chat: DNS, connect or TLS.
    Unreachable {
        /// When to try again.
        retry_after: Duration,
        /// What the connection failed of; no URL in it.
        cause: Option<Cause>,
    },
    /// The app's breaker is open after an answer that no other call would
    /// have fared better with.
    BreakerOpen {
        /// The row of that answer.
        row: &'static Row,
        /// When the breaker probes next.
        retry_after: Duration,
    },
    /// The gateway is stopping.
    Draining,
}

/// What kept a call from its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// The app's rate: the deadline comes before the turn.
    Rate,
    /// The queue holds as many calls of this caller as it may.
    Queue,
    /// The caller's own `max_calls_per_second`.
    Guard,
    /// As many calls are under way as there may be.
    Places,
    /// Chat's own count, whatever ours says.
    Chat(u32),
}

/// Chat's answer, where it is an error.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// Chat's `ErrorCode`.
    pub code: u32,
    /// Chat's `ErrorInfo`, shortened.
    pub info: String,
    /// What the table says of the code, if it knows it.
    pub row: Option<&'static Row>,
    /// How many seconds Chat's clock is ahead of ours, by the `Date` of its
    /// answer.
    pub chat_ahead: Option<i64>,
}

impl Refusal {
    /// An answer of this code; what follows from it is looked up.
    pub fn new(code: u32, info: impl Into<String>) -> Self {
        Self { code, info: info.into(), row: table::find(code), chat_ahead: None }
    }

    /// What the gateway does about it. Nothing, where it doesn't know the code.
    pub fn action(&self) -> Action {
        self.row.map_or(Action::Fail, |row| row.action)
    }
}

/// How an answer was lost.
#[derive(Clone, Debug)]
pub enum Lost {
    /// The attempt's time limit came first.
    Late,
    /// The connection broke after sending had begun.
    Broken(Cause),
    /// The answer broke off in the middle.
    CutOff(Cause),
    /// An HTTP status other than 200.
    HttpStatus(u16),
    /// More than an answer may hold.
    TooLong,
    /// No JSON, or no object.
    NotJson,
    /// A field that it must have is missing or of another type.
    Incomplete,
    /// The gateway stopped first.
    Abandoned,
    /// The attempt panicked.
    Panicked,
}

/// What an error was caused by. Shared, since a call's twins share its end.
pub type Cause = Arc<dyn Error + Send + Sync>;

/// A group that stands in the way of the one asked for.
#[derive(Clone, Debug)]
pub struct InUse {
    /// The code with which Chat said so, where it did.
    pub code: Option<u32>,
    /// What is known of the group that stands.
    pub existing: Existing,
}

/// What stands, compared with what was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Existing {
    /// The same type, name, owner and, where given, creation time.
    Same,
    /// Others; the fields, by their names in the proto.
    Different(Vec<&'static str>),
    /// It could not be read.
    Unread,
}

/// How a call ended, where it did not end well.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Why.
    pub reason: Reason,
    /// The app's name, once it is known.
    pub app: Option<Arc<str>>,
    /// What its attempts may have done.
    pub history: History,
}

/// What a call's attempts may have done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Attempts made at the request itself.
    pub attempts: u32,
    /// An attempt's answer was lost or said nothing certain, or an attempt is
    /// still under way: a group may stand.
    pub unsettled: bool,
    /// Sending the request again can't make a second group.
    pub repeatable: bool,
}

/// Why a call failed.
#[derive(Clone, Debug)]
pub enum Reason {
    /// It breaks a documented rule.
    Invalid(Vec<Violation>),
    /// The caller must give a key, and gave none.
    KeyRequired,
    /// No such app.
    AppUnknown(String),
    /// No app named, and the caller may use several, or none.
    AppUnnamed,
    /// The caller may not use that app.
    AppNotGranted,
    /// No or a wrong token or certificate.
    CallerUnknown,
    /// What came of calling Chat.
    Call(CallError),
}

/// A rule that a request breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The field's path, as in the proto.
    pub field: String,
    /// What is wrong with it.
    pub description: String,
}

impl Failure {
    /// A failure before anything was sent.
    pub fn early(reason: Reason) -> Self {
        Self { reason, app: None, history: History::default() }
    }

    /// A panic where a call may have been under way, so that it may have done
    /// anything.
    pub fn panicked() -> Self {
        let mut failure = Self::early(Reason::Call(CallError::Fault));
        failure.history.unsettled = true;
        failure
    }

    /// The same, with the app's name.
    pub fn of(mut self, app: &Arc<str>) -> Self {
        self.app = Some(app.clone());
        self
    }
}

impl From<NotSent> for CallError {
    fn from(cause: NotSent) -> Self {
        Self::NotSent(cause)
    }
}

impl From<Lost> for CallError {
    fn from(lost: Lost) -> Self {
        Self::Lost(lost)
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSent(cause) => cause.fmt(f),
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Lost(lost) => lost.fmt(f),
            Self::InUse(in_use) => in_use.fmt(f),
            Self::DeadlinePassed => f.write_str("the deadline passed"),
            Self::Fault => f.write_str("a bug in the gateway stopped the call"),
        }
    }
}

impl fmt::Display for NotSent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RateLimited { retry_after, limit } => {
                match limit {
                    Limit::Rate => f.write_str("the app's rate would let this call's turn come after its deadline")?,
                    Limit::Queue => f.write_str("this caller has as many calls waiting as it may")?,
                    Limit::Guard => f.write_str("this caller's own limit of calls a second is reached")?,
                    Limit::Places => f.write_str("as many calls are under way as there may be (server.max_calls)")?,
                    Limit::Chat(code) => {
                        write!(f, "Chat refused for rate ({code}) until the deadline left no more room")?
                    }
                }
                write!(f, "; try again in {} ms", retry_after.as_millis())
            }
            Self::Unreachable { retry_after, .. } => {
                write!(f, "Chat can't be reached; try again in {} ms", retry_after.as_millis())
            }
            Self::BreakerOpen { row, retry_after } => write!(
                f,
                "nothing is sent for this app since Chat answered {} ({}); next probe in {} ms",
                row.code,
                row.meaning,
                retry_after.as_millis()
            ),
            Self::Draining => f.write_str("the gateway is stopping and did not send this; send it to another"),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Chat answered {}", self.code)?;
        if let Some(row) = self.row {
            write!(f, " ({})", row.meaning)?;
        }
        if self.info.is_empty() { Ok(()) } else { write!(f, ": {}", self.info) }
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Late => f.write_str("Chat did not answer in time"),
            Self::Broken(_) => f.write_str("the connection to Chat broke before an answer came"),
            Self::CutOff(_) => f.write_str("Chat's answer broke off in the middle"),
            Self::HttpStatus(code) => write!(f, "HTTP status {code} came instead of Chat's answer"),
            Self::TooLong => f.write_str("Chat's answer is longer than 64 KiB"),
            Self::NotJson => f.write_str("Chat's answer is no JSON object"),
            Self::Incomplete => f.write_str("Chat's answer lacks a field that it must have"),
            Self::Abandoned => f.write_str("the gateway stopped before Chat answered"),
            Self::Panicked => f.write_str("a bug in the gateway lost Chat's answer"),
        }
    }
}

impl fmt::Display for InUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a group with this ID exists already, ")?;
        match &self.existing {
            Existing::Same => f.write_str("with the type, name, owner and creation time asked for"),
            Existing::Different(fields) => write!(f, "and differs in {}", fields.join(", ")),
            Existing::Unread => f.write_str("and could not be compared with what was asked for"),
        }
    }
}

impl Error for CallError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::NotSent(NotSent::Unreachable { cause: Some(cause), .. })
            | Self::Lost(Lost::Broken(cause) | Lost::CutOff(cause)) => Some(cause.as_ref()),
            _ => None,
        }
    }
}
