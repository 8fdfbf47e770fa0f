//! Reads W3C trace context (`traceparent`, `tracestate`) from a caller's
//! metadata. What can't be read is as if it had not come.

use std::{borrow::Cow, iter::once};

use http::{HeaderMap, HeaderName};
use opentelemetry::{
    Context, TraceId,
    propagation::{Extractor, TextMapPropagator as _},
    trace::{SpanContext, TraceContextExt as _},
};
use opentelemetry_sdk::propagation::TraceContextPropagator;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// As much of `tracestate` as the recommendation asks to pass on. It goes out
/// with every span, so that a longer one is left out.
const MAX_TRACESTATE_BYTES: usize = 512;

struct Headers<'a> {
    traceparent: &'a str,
    tracestate: Option<Cow<'a, str>>,
}

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        match key {
            "traceparent" => Some(self.traceparent),
            "tracestate" => self.tracestate.as_deref(),
            _ => None,
        }
    }

    fn keys(&self) -> Vec<&str> {
        vec!["traceparent", "tracestate"]
    }
}

/// The caller's span, if it says one.
pub(super) fn read(headers: &HeaderMap) -> Option<SpanContext> {
    extract(&Headers { traceparent: traceparent(headers)?, tracestate: tracestate(headers) })
}

/// The ID of the caller's trace alone.
pub(super) fn trace_id(headers: &HeaderMap) -> Option<TraceId> {
    extract(&Headers { traceparent: traceparent(headers)?, tracestate: None }).map(|context| context.trace_id())
}

fn extract(headers: &Headers<'_>) -> Option<SpanContext> {
    let context = TraceContextPropagator::new().extract_with_context(&Context::new(), headers);
    context.has_active_span().then(|| context.span().span_context().clone())
}

/// Two of them say nothing.
fn traceparent(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(TRACEPARENT).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

/// Several headers are one list in parts (RFC 9110, 5.3).
fn tracestate(headers: &HeaderMap) -> Option<Cow<'_, str>> {
    let mut values = headers.get_all(TRACESTATE).iter().filter_map(|value| value.to_str().ok());
    let first = values.next()?;
    let list = match values.next() {
        None => Cow::Borrowed(first),
        Some(second) => once(first).chain(once(second)).chain(values).collect::<Vec<_>>().join(",").into(),
    };
    Some(list).filter(|list| list.len() <= MAX_TRACESTATE_BYTES)
}
