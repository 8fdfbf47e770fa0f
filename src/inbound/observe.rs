//! Counts every call under gRPC's usual metric names, and tells of it in the
//! access log and in its span, refusals, panics and calls that the client gives
//! up included; catches panics, so that one kills its call and not its
//! connection; and notes on the connection that a call is under way there.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::{FutureExt as _, future::BoxFuture};
use http::{HeaderMap, Request, Response};
use http_body::{Frame, SizeHint};
use tokio::time::Instant;
use tonic::{Code, Status, body::Body};
use tower::{Layer, Service};

use super::{
    entry::Entry,
    peer::{Peer, UnderWay},
};
use crate::{
    errors::Failure,
    telemetry::{
        Method, Metrics,
        traces::{Trace, Tracer},
    },
};

/// The layer.
#[derive(Clone)]
pub struct ObserveLayer {
    metrics: Arc<Metrics>,
    tracer: Tracer,
}

impl ObserveLayer {
    /// A layer that counts here, and whose traces begin there.
    pub fn new(metrics: Arc<Metrics>, tracer: Tracer) -> Self {
        Self { metrics, tracer }
    }
}

/// The layer over a service.
#[derive(Clone)]
pub struct Observe<S> {
    layer: ObserveLayer,
    inner: S,
}

impl<S> Layer<S> for ObserveLayer {
    type Service = Observe<S>;

    fn layer(&self, inner: S) -> Observe<S> {
        Observe { layer: self.clone(), inner }
    }
}

impl<S> Service<Request<Body>> for Observe<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response<Body>, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let ObserveLayer { metrics, tracer } = &self.layer;
        let method = Method::of(request.uri().path());
        metrics.started(method);
        let trace = if method.is_business() { tracer.receive(request.headers(), method) } else { Trace::default() };
        let entry = Arc::new(Entry::new(trace));
        request.extensions_mut().insert(entry.clone());
        let mut running = Running {
            metrics: metrics.clone(),
            method,
            since: Instant::now(),
            code: None,
            _under_way: request.extensions().get::<Peer>().map(|peer| peer.activity.begin()),
            entry,
        };
        // What panics here rather than in the future would take the connection with it, and all its calls.
        let answering = catch_unwind(AssertUnwindSafe(|| self.inner.call(request)));
        Box::pin(async move {
            let response = match answering {
                Ok(answering) => AssertUnwindSafe(answering).catch_unwind().await,
                Err(panic) => Err(panic),
            };
            let response = match response {
                Ok(response) => response?,
                Err(_panic) => panicked(&running.entry),
            };
            // An error stands in the headers, and no body comes.
            running.code = code(response.headers());
            Ok(response.map(|body| Body::new(Observed { body, running })))
        })
    }
}

/// It panicked outside of an operation, and so may have done anything.
fn panicked(entry: &Entry) -> Response<Body> {
    let failure = Failure::panicked();
    entry.set_outcome(failure.reason());
    failure.to_status().into_http()
}

fn code(headers: &HeaderMap) -> Option<Code> {
    Status::from_header_map(headers).map(|status| status.code())
}

/// A call under way; counted as handled and told of once this is dropped.
struct Running {
    metrics: Arc<Metrics>,
    method: Method,
    since: Instant,
    code: Option<Code>,
    _under_way: Option<UnderWay>,
    entry: Arc<Entry>,
}

impl Drop for Running {
    fn drop(&mut self) {
        // Without a status it was not us who ended the call.
        let took = self.since.elapsed();
        self.metrics.handled(self.method, self.code.unwrap_or(Code::Cancelled), took);
        self.entry.tell(self.method, self.code, took);
    }
}

/// A body whose trailers are looked at as they pass.
struct Observed {
    body: Body,
    running: Running,
}

impl http_body::Body for Observed {
    type Data = bytes::Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Self::Data>, Status>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &frame
            && let Some(trailers) = frame.trailers_ref()
        {
            self.running.code = code(trailers);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use std::{convert::Infallible, future::ready};

    use tower::service_fn;

    use super::*;

    /// Panics where the path says so, and else answers.
    fn service(metrics: &Arc<Metrics>) -> impl Service<Request<Body>, Response = Response<Body>, Error = Infallible> {
        let answer = |request: Request<Body>| {
            let path = request.uri().path().to_owned();
            assert_ne!(path, "/at-once", "a bug");
            let done: Result<_, Infallible> = Ok(Response::new(Body::empty()));
            async move {
                assert_ne!(path, "/later", "a bug");
                ready(done).await
            }
        };
        ObserveLayer::new(metrics.clone(), Tracer::off()).layer(service_fn(answer))
    }

    #[tokio::test]
    async fn a_panic_fails_its_own_call_and_the_next_is_served() {
        let metrics = Arc::new(Metrics::new());
        let mut service = service(&metrics);
        for path in ["/at-once", "/later"] {
            let response = service.call(Request::post(path).body(Body::empty()).unwrap()).await.unwrap();
            let status = Status::from_header_map(response.headers()).unwrap();
            assert_eq!(status.code(), Code::Internal, "{path}");
            assert!(String::from_utf8_lossy(status.details()).contains("GATEWAY_FAULT"), "{path}");
            let response = service.call(Request::post("/good").body(Body::empty()).unwrap()).await.unwrap();
            assert_eq!(code(response.headers()), None, "served");
        }
        let text = metrics.text();
        let line =
            text.lines().find(|line| line.starts_with("grpc_server_handled_total{") && line.contains("Internal"));
        assert!(line.is_some_and(|line| line.ends_with(" 2")), "{text}");
    }
}
