//! What goes back over the wire: Chat's envelope, or what a fault made of it.

use std::{borrow::Cow, time::Duration};

use axum::body::{Body, Bytes};
use futures_util::{StreamExt as _, stream};
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Map, Value};

use super::{fault::FaultKind, server::Connection};

/// Where a redirect points to. Nobody may ever ask for it.
pub(super) const REDIRECT_PATH: &str = "/redirected";

/// Beyond what any client should be willing to read of an answer.
const OVERSIZED: usize = 200 * 1024;

/// An `ErrorCode` with its `ErrorInfo`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: u32,
    info: Cow<'static, str>,
}

impl Refusal {
    pub(super) fn new(code: u32, info: impl Into<Cow<'static, str>>) -> Self {
        Self { code, info: info.into() }
    }
}

/// One reply, or the lack of one.
#[derive(Debug, PartialEq)]
pub(super) enum Reply {
    /// Chat's envelope, whole.
    Answer(Map<String, Value>),
    /// HTTP 200 with some other body.
    Text(&'static str),
    /// The first half of an answer, then the connection is cut.
    Half(Map<String, Value>),
    /// An HTML page of a proxy on the way.
    Page(u16),
    /// The connection is cut.
    Cut,
    /// Nothing, for a long time; then the connection is cut.
    Stall,
}

impl Reply {
    /// Chat's envelope around the fields of a right answer, or a refusal's.
    pub(super) fn envelope(outcome: Result<Map<String, Value>, Refusal>) -> Map<String, Value> {
        let (mut answer, status, info, code) = match outcome {
            Ok(fields) => (fields, "OK", Cow::Borrowed(""), 0),
            Err(refusal) => (Map::new(), "FAIL", refusal.info, refusal.code),
        };
        answer.insert("ActionStatus".into(), status.into());
        answer.insert("ErrorInfo".into(), info.into());
        answer.insert("ErrorCode".into(), code.into());
        answer
    }

    pub(super) fn refusal(refusal: Refusal) -> Self {
        Self::Answer(Self::envelope(Err(refusal)))
    }

    /// What `fault` makes of the answer that would have been given.
    pub(super) fn distorted(fault: FaultKind, mut answer: Map<String, Value>) -> Self {
        match fault {
            FaultKind::None => {}
            FaultKind::NoCode => drop(answer.remove("ErrorCode")),
            FaultKind::NoGroupId => drop(answer.remove("GroupId")),
            FaultKind::Oversized => {
                answer.insert("Padding".into(), "x".repeat(OVERSIZED).into());
            }
            FaultKind::CloseBefore | FaultKind::CloseAfter => return Self::Cut,
            FaultKind::StallBefore | FaultKind::StallAfter => return Self::Stall,
            FaultKind::CutBody => return Self::Half(answer),
            FaultKind::Garbage => return Self::Text("<<< no JSON, {\"ErrorCode\":0"),
            FaultKind::Empty => return Self::Text(""),
            FaultKind::Http(status) | FaultKind::HttpAfter(status) => return Self::Page(status),
            FaultKind::Code(code) | FaultKind::CodeAfter(code) => {
                return Self::refusal(Refusal::new(code, "a fault of the sandbox"));
            }
        }
        Self::Answer(answer)
    }

    /// The `ErrorCode` that the client can read in it.
    pub(super) fn code(&self) -> Option<u32> {
        let Self::Answer(answer) = self else { return None };
        answer.get("ErrorCode")?.as_u64()?.try_into().ok()
    }

    /// Puts it on the wire. `stall` is how long a stalled call is left hanging.
    pub(super) async fn send(self, connection: &Connection, stall: Duration) -> Response<Body> {
        match self {
            Self::Answer(answer) => ok(Body::from(Value::Object(answer).to_string())),
            Self::Text(text) => ok(Body::from(text)),
            Self::Half(answer) => half(&Value::Object(answer).to_string(), connection.clone()),
            Self::Page(status) => page(status),
            Self::Cut => connection.cut().await,
            Self::Stall => {
                tokio::time::sleep(stall).await;
                connection.cut().await
            }
        }
    }
}

fn ok(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// Promises all of `text`, sends half of it and cuts the connection.
fn half(text: &str, connection: Connection) -> Response<Body> {
    let sent = Bytes::copy_from_slice(&text.as_bytes()[..text.len() / 2]);
    let cut = stream::once(async move {
        // The half must have left: a cut drops what is still in hyper's buffer.
        tokio::time::sleep(Duration::from_millis(10)).await;
        connection.cut().await
    });
    let body = stream::iter([Ok::<_, std::io::Error>(sent)]).chain(cut);
    let mut response = ok(Body::from_stream(body));
    response.headers_mut().insert(header::CONTENT_LENGTH, text.len().into());
    response
}

/// An error page such as proxies make.
pub(super) fn page(status: u16) -> Response<Body> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    let mut response = Response::new(Body::from(format!(
        "<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>\r\n"
    )));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
    if status.is_redirection() {
        headers.insert(header::LOCATION, HeaderValue::from_static(REDIRECT_PATH));
    }
    response
}

/// The fields of an object written with `json!`.
pub(super) fn fields(object: Value) -> Map<String, Value> {
    match object {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer() -> Map<String, Value> {
        Reply::envelope(Ok(fields(json!({"GroupId": "g"}))))
    }

    #[test]
    fn the_envelope_is_chats() {
        assert_eq!(
            Value::Object(answer()),
            json!({"ActionStatus": "OK", "ErrorInfo": "", "ErrorCode": 0, "GroupId": "g"})
        );
        let refused = Reply::envelope(Err(Refusal::new(10004, "Name is wrong")));
        assert_eq!(
            Value::Object(refused),
            json!({"ActionStatus": "FAIL", "ErrorInfo": "Name is wrong", "ErrorCode": 10004})
        );
    }

    #[test]
    fn only_what_the_client_can_read_counts_as_answered() {
        let code = |fault| Reply::distorted(fault, answer()).code();
        for fault in [FaultKind::None, FaultKind::Oversized, FaultKind::NoGroupId] {
            assert_eq!(code(fault), Some(0), "{fault}");
        }
        assert_eq!(code(FaultKind::CodeAfter(10002)), Some(10002));
        for fault in [
            FaultKind::CloseAfter,
            FaultKind::StallAfter,
            FaultKind::CutBody,
            FaultKind::Garbage,
            FaultKind::Empty,
            FaultKind::HttpAfter(502),
            FaultKind::NoCode,
        ] {
            assert_eq!(code(fault), None, "{fault}");
        }
    }
}
