//! Spans as an exporter would get them.

#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};

use http::{HeaderMap, HeaderName};
use opentelemetry::{
    Context,
    trace::{SpanId, SpanKind, Status, TracerProvider as _},
};
use opentelemetry_sdk::{
    error::OTelSdkResult,
    trace::{Sampler, SdkTracerProvider, Span, SpanData, SpanProcessor},
};

use super::{
    Trace, Tracer,
    parts::{Name, attribute},
};
use crate::telemetry::Method;

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const UNSAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
const TRACE_ID: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT_ID: &str = "b7ad6b7169203331";

/// Keeps the spans that ended.
#[derive(Clone, Debug, Default)]
struct Kept(Arc<Mutex<Vec<SpanData>>>);

impl SpanProcessor for Kept {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        self.0.lock().unwrap().push(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: std::time::Duration) -> OTelSdkResult {
        Ok(())
    }
}

impl Kept {
    fn tracer(&self, sampler: Sampler) -> Tracer {
        let provider = SdkTracerProvider::builder().with_sampler(sampler).with_span_processor(self.clone()).build();
        Tracer(Some(provider.tracer("test")))
    }

    fn spans(&self) -> Vec<SpanData> {
        self.0.lock().unwrap().clone()
    }

    fn named(&self, name: &str) -> SpanData {
        let spans = self.spans();
        let mut found = spans.iter().filter(|span| span.name == name);
        let span = found.next().unwrap().clone();
        assert!(found.next().is_none(), "{name} twice in {spans:?}");
        span
    }
}

fn by_parent() -> Sampler {
    Sampler::ParentBased(Box::new(Sampler::AlwaysOn))
}

fn headers(values: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in values {
        headers.append(HeaderName::from_static(name), value.parse().unwrap());
    }
    headers
}

fn has(span: &SpanData, key: &str, value: &str) -> bool {
    span.attributes.iter().any(|pair| pair.key.as_str() == key && pair.value.as_str() == value)
}

#[test]
fn a_callers_trace_goes_on_with_its_state_and_parts_stand_below_the_call() {
    let kept = Kept::default();
    let headers = headers(&[("traceparent", PARENT), ("tracestate", "a=1"), ("tracestate", "b=2")]);
    let call = kept.tracer(by_parent()).receive(&headers, Method::ImportGroup);
    assert_eq!(call.id().unwrap().to_string(), TRACE_ID);
    call.part(Name::Wait).end(|notes| notes.fail("too_late", "why"));
    let look = call.branch(Name::Look);
    drop(look.part(Name::Attempt));
    look.end(|_| {});
    call.end(|notes| notes.count(attribute::ATTEMPTS, 3_u32));

    let spans = kept.spans();
    assert_eq!(spans.len(), 4);
    for span in &spans {
        assert_eq!(span.span_context.trace_id().to_string(), TRACE_ID);
        assert_eq!(span.span_context.trace_state().header(), "a=1,b=2");
    }
    let server = kept.named("groupimport.v1.GroupImport/ImportGroup");
    assert_eq!((server.parent_span_id.to_string().as_str(), server.parent_span_is_remote), (PARENT_ID, true));
    assert_eq!(server.span_kind, SpanKind::Server);
    assert!(has(&server, "rpc.system", "grpc") && has(&server, "rpc.method", "ImportGroup"));
    assert!(has(&server, "group_import.attempts", "3"));
    let (wait, look, attempt) = (kept.named("wait"), kept.named("look"), kept.named("attempt"));
    assert_eq!(wait.parent_span_id, server.span_context.span_id());
    assert_eq!(wait.status, Status::error("why"));
    assert!(has(&wait, "error.type", "too_late"));
    assert_eq!(look.parent_span_id, server.span_context.span_id());
    assert_eq!(attempt.parent_span_id, look.span_context.span_id());
    assert_eq!(attempt.span_kind, SpanKind::Client);
    assert!(has(&attempt, "group_import.outcome", "given_up"), "it was dropped before its end");
}

#[test]
fn a_state_that_is_longer_than_it_need_be_is_left_out() {
    let kept = Kept::default();
    let state = format!("a={}", "x".repeat(511));
    let headers = headers(&[("traceparent", PARENT), ("tracestate", &state)]);
    kept.tracer(by_parent()).receive(&headers, Method::ImportGroup).end(|_| {});
    let span = &kept.spans()[0];
    assert_eq!(span.span_context.trace_state().header(), "");
    assert_eq!(span.parent_span_id.to_string(), PARENT_ID);
}

#[test]
fn what_a_caller_does_not_sample_is_not_sampled() {
    let kept = Kept::default();
    let call = kept.tracer(by_parent()).receive(&headers(&[("traceparent", UNSAMPLED)]), Method::ImportGroups);
    assert_eq!(call.id().unwrap().to_string(), TRACE_ID, "logs name it all the same");
    call.part(Name::Wait).end(|_| {});
    call.item().end(|_| {});
    call.branch(Name::Look).end(|_| {});
    call.end(|_| {});
    assert!(kept.spans().is_empty(), "{:?}", kept.spans());
}

#[test]
fn what_is_no_traceparent_begins_a_trace() {
    let twice = headers(&[("traceparent", PARENT), ("traceparent", PARENT)]);
    let bad =
        ["", "00", "00-0-0-01", "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", &PARENT.to_uppercase()];
    let bad = bad.iter().map(|value| headers(&[("traceparent", value)]));
    for headers in bad.chain([twice, HeaderMap::new()]) {
        let kept = Kept::default();
        kept.tracer(by_parent()).receive(&headers, Method::ImportGroup).end(|_| {});
        let span = &kept.spans()[0];
        assert_eq!(span.parent_span_id, SpanId::INVALID, "{headers:?}");
        assert_ne!(span.span_context.trace_id().to_string(), TRACE_ID);
        assert!(Tracer::off().receive(&headers, Method::ImportGroup).id().is_none(), "{headers:?}");
    }
}

#[test]
fn items_stand_in_their_callers_trace_or_each_in_its_own() {
    let kept = Kept::default();
    let tracer = kept.tracer(by_parent());
    let stream = tracer.receive(&headers(&[("traceparent", PARENT)]), Method::ImportGroups);
    stream.item().end(|_| {});
    assert_eq!(kept.named("item").span_context.trace_id().to_string(), TRACE_ID);

    let kept = Kept::default();
    let stream = kept.tracer(by_parent()).receive(&HeaderMap::new(), Method::ImportGroups);
    let item = stream.item();
    item.part(Name::Wait).end(|_| {});
    item.end(|_| {});
    stream.end(|_| {});
    let (item, stream) = (kept.named("item"), kept.named("groupimport.v1.GroupImport/ImportGroups"));
    assert_eq!(item.parent_span_id, SpanId::INVALID);
    assert_ne!(item.span_context.trace_id(), stream.span_context.trace_id());
    assert_eq!(item.links.links[0].span_context, stream.span_context);
    assert_eq!(kept.named("wait").parent_span_id, item.span_context.span_id());
}

#[test]
fn a_ratio_is_one_of_items_and_not_of_streams() {
    let kept = Kept::default();
    let half = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(0.5)));
    let stream = kept.tracer(half).receive(&HeaderMap::new(), Method::ImportGroups);
    (0..200).for_each(|_| stream.item().end(|_| {}));
    let items = kept.spans().len();
    assert!((40..160).contains(&items), "{items} of 200 items");
}

#[test]
fn without_an_exporter_there_is_an_id_at_most() {
    let call = Tracer::off().receive(&headers(&[("traceparent", PARENT)]), Method::ImportGroup);
    assert_eq!(call.id().unwrap().to_string(), TRACE_ID);
    assert_eq!(call.item().id(), call.id());
    assert_eq!(call.branch(Name::Look).id(), call.id());
    call.part(Name::Wait).end(|_| unreachable!("there is no span to say anything of"));
    call.end(|_| unreachable!("nor here"));
    assert!(Trace::default().id().is_none());
    assert_eq!(size_of::<Trace>(), size_of::<usize>());
}
