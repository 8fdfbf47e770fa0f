//! The spans below a call's, and every name that stands in a trace.

use opentelemetry::{
    KeyValue,
    trace::{Span as _, SpanKind},
};
use opentelemetry_sdk::trace::Span;

use super::Notes;

/// What a span below a call's stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// One item of a stream.
    Item,
    /// An equal call with the same key is under way, and this one waits for it.
    Twin,
    /// An open breaker keeps it back.
    Hold,
    /// It waits for a permit.
    Wait,
    /// One HTTP request to Chat.
    Attempt,
    /// `get_group_info`, which settles a lost answer; a wait and an attempt are below it.
    Look,
}

impl Name {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Item => "item",
            Self::Twin => "twin",
            Self::Hold => "hold",
            Self::Wait => "wait",
            Self::Attempt => "attempt",
            Self::Look => "look",
        }
    }

    pub(super) fn kind(self) -> SpanKind {
        match self {
            Self::Attempt => SpanKind::Client,
            _ => SpanKind::Internal,
        }
    }
}

/// The attributes of spans: OpenTelemetry's names where it has one, and ours.
pub mod attribute {
    #![allow(missing_docs, reason = "the names say it")]

    pub const RPC_SYSTEM: &str = "rpc.system";
    pub const RPC_SERVICE: &str = "rpc.service";
    pub const RPC_METHOD: &str = "rpc.method";
    pub const RPC_GRPC_STATUS_CODE: &str = "rpc.grpc.status_code";
    pub const HTTP_REQUEST_METHOD: &str = "http.request.method";
    pub const HTTP_RESPONSE_STATUS_CODE: &str = "http.response.status_code";
    pub const URL_TEMPLATE: &str = "url.template";
    pub const SERVER_ADDRESS: &str = "server.address";
    pub const ERROR_TYPE: &str = "error.type";
    pub const APP: &str = "group_import.app";
    pub const CALLER: &str = "group_import.caller";
    pub const COMMAND: &str = "group_import.command";
    pub const LANE: &str = "group_import.lane";
    pub const OUTCOME: &str = "group_import.outcome";
    pub const GROUP_ID: &str = "group_import.group_id";
    pub const REQUEST_ID: &str = "group_import.request_id";
    pub const ATTEMPT: &str = "group_import.attempt";
    pub const ATTEMPTS: &str = "group_import.attempts";
    pub const WAIT_MS: &str = "group_import.wait_ms";
    pub const CHAT_MS: &str = "group_import.chat_ms";
    pub const CHAT_ERROR_CODE: &str = "group_import.chat_error_code";
    pub const FOUND: &str = "group_import.found";
    pub const ITEMS: &str = "group_import.items";
    pub const ITEMS_OK: &str = "group_import.items_ok";
}

/// A span with none below it. It ends with [`Part::end`]; dropped before that,
/// whoever ran it has given it up, and the span says so.
#[must_use]
pub struct Part(Option<Span>);

impl Part {
    pub(super) fn new(span: Option<Span>) -> Self {
        Self(span)
    }

    /// Ends it, with what is to be said of it.
    pub fn end(mut self, say: impl FnOnce(&mut Notes)) {
        let Some(mut span) = self.0.take() else { return };
        let mut notes = Notes::default();
        say(&mut notes);
        let (attributes, status) = notes.into_parts();
        span.set_attributes(attributes);
        if let Some(status) = status {
            span.set_status(status);
        }
        span.end();
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if let Some(span) = &mut self.0 {
            span.set_attribute(KeyValue::new(attribute::OUTCOME, "given_up"));
            span.end();
        }
    }
}
