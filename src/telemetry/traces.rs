//! Traces: W3C trace context from callers, and spans that are exported over
//! OTLP where the `OTEL_*` variables ask for it.
//!
//! Spans are made here, and not with `tracing`'s: an attempt runs on in a task
//! of its own, and its parent is the call that it belongs to, whichever task
//! that runs in; no log line ends up in a span; and where nothing is exported
//! a span costs a look at one pointer.
//!
//! Nothing of a trace goes on to Chat, whose business it is not.

use std::{fmt, sync::Arc};

use http::HeaderMap;
use opentelemetry::{
    Context, KeyValue, TraceId,
    trace::{Link, Span as _, SpanBuilder, SpanKind, TraceContextExt as _, Tracer as _},
};
use opentelemetry_sdk::trace::{SdkTracer, Span};

use self::parts::{Name, attribute};
use super::Method;

mod context;
pub mod export;
mod notes;
pub mod parts;
mod seldom;
mod variables;

pub use notes::Notes;
pub use parts::Part;

/// Where traces begin, or go on from a caller's.
#[derive(Clone, Debug, Default)]
pub struct Tracer(Option<SdkTracer>);

/// Where a call stands in its trace. Clones stand in the same place.
#[derive(Clone, Default)]
pub struct Trace(Option<Arc<Place>>);

struct Place {
    id: TraceId,
    /// None where nothing is exported, and all that is known is the caller's ID.
    span: Option<Open>,
}

struct Open {
    tracer: SdkTracer,
    /// Holds the span, so that others can begin below it.
    context: Context,
    is_recorded: bool,
    /// The trace is a caller's.
    is_callers: bool,
}

impl Tracer {
    /// Makes no spans. The IDs of callers' traces are known all the same.
    pub fn off() -> Self {
        Self::default()
    }

    /// The span of an RPC that comes in with these headers.
    pub fn receive(&self, headers: &HeaderMap, method: Method) -> Trace {
        let Some(tracer) = &self.0 else {
            let place = |id| Trace(Some(Arc::new(Place { id, span: None })));
            return context::trace_id(headers).map(place).unwrap_or_default();
        };
        let callers = context::read(headers);
        let is_callers = callers.is_some();
        let parent = callers.map_or_else(Context::new, |parent| Context::new().with_remote_span_context(parent));
        let labels = method.labels();
        let builder = SpanBuilder::from_name(method.full_name()).with_kind(SpanKind::Server).with_attributes([
            KeyValue::new(attribute::RPC_SYSTEM, "grpc"),
            KeyValue::new(attribute::RPC_SERVICE, labels.grpc_service),
            KeyValue::new(attribute::RPC_METHOD, labels.grpc_method),
        ]);
        Trace::of(tracer, tracer.build_with_context(builder, &parent), is_callers)
    }
}

impl Trace {
    fn of(tracer: &SdkTracer, span: Span, is_callers: bool) -> Self {
        let (id, is_recorded) = (span.span_context().trace_id(), span.is_recording());
        let context = Context::new().with_span(span);
        Self(Some(Arc::new(Place {
            id,
            span: Some(Open { tracer: tracer.clone(), context, is_recorded, is_callers }),
        })))
    }

    /// The trace's ID, if it belongs to one.
    pub fn id(&self) -> Option<TraceId> {
        self.0.as_ref().map(|place| place.id)
    }

    /// Whether spans here are of any use.
    fn recorded(&self) -> Option<&Open> {
        self.open().filter(|open| open.is_recorded)
    }

    fn open(&self) -> Option<&Open> {
        self.0.as_ref()?.span.as_ref()
    }

    fn start(&self, name: Name, links: Vec<Link>) -> Option<Span> {
        let open = self.recorded()?;
        let builder = SpanBuilder::from_name(name.text()).with_kind(name.kind()).with_links(links);
        Some(open.tracer.build_with_context(builder, &open.context))
    }

    /// A span below this one, with none below itself.
    pub fn part(&self, name: Name) -> Part {
        Part::new(self.start(name, Vec::new()))
    }

    /// The same, for what is going on in another place.
    pub fn part_beside(&self, name: Name, other: &Trace) -> Part {
        Part::new(self.start(name, other.link()))
    }

    /// A span below this one that has others below itself.
    pub fn branch(&self, name: Name) -> Self {
        let span = self.recorded().and_then(|open| Some((open, self.start(name, Vec::new())?)));
        match span {
            Some((open, span)) => Self::of(&open.tracer, span, open.is_callers),
            None => self.clone(),
        }
    }

    /// The span of one item of a stream.
    ///
    /// In a caller's trace it stands below the stream's: the caller chose one
    /// trace for all of them. Where the caller gave none, each item is a trace
    /// of its own, linked to the stream's span: no viewer bears one trace with
    /// a million groups in it, and a sampler that keeps one trace in a hundred
    /// is meant to keep one item in a hundred.
    pub fn item(&self) -> Self {
        match self.open() {
            Some(open) if !open.is_callers => {
                let builder =
                    SpanBuilder::from_name(Name::Item.text()).with_kind(Name::Item.kind()).with_links(self.link());
                Self::of(&open.tracer, open.tracer.build_with_context(builder, &Context::new()), false)
            }
            _ => self.branch(Name::Item),
        }
    }

    fn link(&self) -> Vec<Link> {
        let context = self.recorded().map(|open| open.context.span().span_context().clone());
        context.map(Link::with_context).into_iter().collect()
    }

    /// Ends its span, with what is to be said of it.
    pub fn end(&self, say: impl FnOnce(&mut Notes)) {
        let Some(open) = self.recorded() else { return };
        let mut notes = Notes::default();
        say(&mut notes);
        let span = open.context.span();
        let (attributes, status) = notes.into_parts();
        span.set_attributes(attributes);
        if let Some(status) = status {
            span.set_status(status);
        }
        span.end();
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Trace").field(&self.id()).finish()
    }
}

#[cfg(test)]
mod tests;
