//! A request's way through the stand-in: there, into the world, and back.

use axum::{
    Extension, Router,
    body::{Body, Bytes},
    extract::{Path, State},
    routing::any,
};
use http::{HeaderValue, Method, Response, Uri, header};

use super::{
    Chat,
    call::Call,
    clock::{http_date, unix_now},
    reply::{REDIRECT_PATH, page},
    server::Connection,
};

pub(super) fn router(chat: Chat) -> Router {
    Router::new()
        .route("/v4/{service}/{command}", any(call))
        .route(REDIRECT_PATH, any(redirected))
        .fallback(async || page(404))
        .with_state(chat)
}

async fn call(
    State(chat): State<Chat>,
    Extension(connection): Extension<Connection>,
    method: Method,
    Path((service, command)): Path<(String, String)>,
    uri: Uri,
    raw: Bytes,
) -> Response<Body> {
    if method != Method::POST {
        return page(405);
    }
    let call = Call::read((&service, &command), &uri, &raw, connection.number);
    let (there, back) = chat.ways();
    // On its own from here: a client that goes away cannot call back what it has sent.
    let arrival = tokio::spawn({
        let chat = chat.clone();
        async move {
            pause(there).await;
            chat.world().arrive(&call)
        }
    });
    let Ok(reply) = arrival.await else { return page(500) };
    pause(back).await;
    let (stall, skew) = chat.manners();
    let mut response = reply.send(&connection, stall).await;
    if skew != 0
        && let Ok(date) = HeaderValue::from_str(&http_date(unix_now(skew)))
    {
        response.headers_mut().insert(header::DATE, date);
    }
    response
}

/// Even a sleep of nothing would take until the timer's next tick.
async fn pause(time: std::time::Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}

async fn redirected(State(chat): State<Chat>) -> Response<Body> {
    chat.world().redirect_hits += 1;
    page(404)
}
