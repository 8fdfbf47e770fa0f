//! One absolute instant for all of a call, from the moment its head has come:
//! a body that comes a byte now and then uses up the call's own time.
//!
//! Only requests of one message have such an instant. A stream's items have
//! one each, and the stream may last.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body::{Frame, SizeHint};
use tokio::time::{Sleep, sleep_until};
use tonic::{Status, body::Body};

use crate::{
    deadline::Deadline,
    errors::{CallError, Failure, Reason},
    telemetry::Method,
};

/// Puts the deadline into the request's extensions, and bounds the reading of
/// its body by it; `default` is for callers that give none.
pub fn begin(mut request: Request<Body>, default: Duration) -> Request<Body> {
    if matches!(Method::of(request.uri().path()), Method::ImportGroups | Method::Reflection) {
        return request;
    }
    let deadline = Deadline::after(grpc_timeout(request.headers()).unwrap_or(default));
    request.extensions_mut().insert(deadline);
    request.map(|body| Body::new(Timed { body, over: Box::pin(sleep_until(deadline.answer_by)) }))
}

/// A body that fails once its call's time is over.
struct Timed {
    body: Body,
    over: Pin<Box<Sleep>>,
}

impl http_body::Body for Timed {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            return Poll::Ready(frame);
        }
        self.over.as_mut().poll(cx).map(|()| {
            let late = Failure::early(Reason::Call(CallError::DeadlinePassed));
            Some(Err(late.to_status()))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// What the caller's `grpc-timeout` says, if it has one that can be read.
pub fn grpc_timeout(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None; // the protocol allows at most 8 digits
    }
    let number: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use http_body::Body as _;
    use tokio::time::Instant;

    use super::*;

    const PATH: &str = "/groupimport.v1.GroupImport/ImportGroup";

    /// A body of which nothing more comes.
    fn silent() -> Body {
        let frames = futures_util::stream::pending::<Result<Frame<Bytes>, Status>>();
        Body::new(Stream(Box::pin(frames)))
    }

    struct Stream(Pin<Box<dyn futures_util::Stream<Item = Result<Frame<Bytes>, Status>> + Send>>);

    impl http_body::Body for Stream {
        type Data = Bytes;
        type Error = Status;

        fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
            self.0.as_mut().poll_next(cx)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_comes_whole_fails_with_its_call_s_deadline() {
        for (timeout, expected) in [(None, 10_000), (Some("3S"), 3_000), (Some("30S"), 30_000)] {
            let mut request = Request::post(PATH).body(silent()).unwrap();
            if let Some(timeout) = timeout {
                request.headers_mut().insert("grpc-timeout", timeout.parse().unwrap());
            }
            let since = Instant::now();
            let mut request = begin(request, Duration::from_secs(10));
            let deadline = *request.extensions().get::<Deadline>().unwrap();
            let frame = std::future::poll_fn(|cx| Pin::new(request.body_mut()).poll_frame(cx)).await;
            assert_eq!(frame.unwrap().unwrap_err().code(), tonic::Code::DeadlineExceeded);
            assert!(since.elapsed() <= Duration::from_millis(expected) && Instant::now() >= deadline.answer_by);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_may_last() {
        for path in ["/groupimport.v1.GroupImport/ImportGroups", "/grpc.reflection.v1.ServerReflection/X"] {
            let request = Request::post(path).body(silent()).unwrap();
            let mut request = begin(request, Duration::from_secs(10));
            assert!(request.extensions().get::<Deadline>().is_none());
            let frame = std::future::poll_fn(|cx| Pin::new(request.body_mut()).poll_frame(cx));
            assert!(tokio::time::timeout(Duration::from_secs(1_000), frame).await.is_err(), "{path}");
        }
    }

    #[test]
    fn every_unit_of_grpc_timeout_is_read() {
        let read = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-timeout", text.parse().ok()?);
            grpc_timeout(&headers)
        };
        assert_eq!(read("2H"), Some(Duration::from_secs(7200)));
        assert_eq!(read("3M"), Some(Duration::from_secs(180)));
        assert_eq!(read("4S"), Some(Duration::from_secs(4)));
        assert_eq!(read("99999999m"), Some(Duration::from_millis(99_999_999)));
        assert_eq!(read("5u"), Some(Duration::from_micros(5)));
        assert_eq!(read("6n"), Some(Duration::from_nanos(6)));
        for bad in ["", "S", "1", "1s", "-1S", "1.5S", "123456789m", " 1S"] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
    }
}
