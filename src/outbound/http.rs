//! The way to Chat over HTTP; the only room that knows reqwest.
//!
//! What reqwest would do by itself is off: redirects (Chat's host comes from
//! the configuration alone), retries (the retry layer decides), decompression
//! (Chat documents none). Its errors hold the URL, UserSig included, so they
//! leave here without it.

use std::{
    error::Error,
    future::ready,
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt as _, future::Either};
use http::{
    HeaderValue, Method, StatusCode,
    header::{CONTENT_TYPE, DATE},
};
use reqwest::{Client, ClientBuilder, Request, Response, redirect};
use rustls::ClientConfig;
use rustls_platform_verifier::ConfigVerifierExt as _;
use tokio::time::timeout;

use self::urls::Urls;
use super::call::{Answer, Signed};
use crate::{
    errors::{CallError, Cause, Lost, NotSent, Refusal},
    wire::{self, Needs},
};

mod urls;

/// The most that an answer may hold. Real ones have a few hundred bytes.
pub const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Shorter than the keep-alive of any usual server, so that the pool seldom
/// offers a connection that the other side is just closing: a request lost to
/// that race is an answer lost.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);

/// The shortest pause named to a caller whose call found no connection.
const RETRY_CONNECT_AFTER: Duration = Duration::from_secs(1);

/// A way to one app's Chat. Clones share the connections.
#[derive(Clone)]
pub struct Http {
    client: Client,
    urls: Arc<Urls>,
    attempt_timeout: Duration,
}

/// Makes the clients that all apps share.
#[derive(Clone)]
pub struct Clients {
    direct: Client,
    by_environment: Client,
}

impl Clients {
    /// Both clients, each with its own pool.
    ///
    /// # Errors
    /// When there is no TLS: no roots that can be trusted, or no provider.
    pub fn new() -> Result<Self, Cause> {
        // One TLS provider for the whole process; it fails only where one is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // Both trust the same roots: reading the system's takes ten milliseconds and a megabyte.
        let mut tls = ClientConfig::with_platform_verifier().map_err(|error| Arc::new(error) as Cause)?;
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            // A proxy is for the way out, not for a stand-in on this machine.
            direct: build(&tls, ClientBuilder::no_proxy)?,
            by_environment: build(&tls, |builder| builder)?,
        })
    }

    /// The way to one app's Chat.
    pub fn way(&self, base_url: &str, loopback: bool, attempt_timeout: Duration) -> Http {
        let client = if loopback { &self.direct } else { &self.by_environment };
        Http { client: client.clone(), urls: Arc::new(Urls::new(base_url)), attempt_timeout }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that makes a client")]
fn build(tls: &ClientConfig, proxy: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Result<Client, Cause> {
    proxy(Client::builder())
        .tls_backend_preconfigured(tls.clone())
        .http1_only()
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .tcp_nodelay(true)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .pool_max_idle_per_host(256)
        .connect_timeout(Duration::from_secs(2))
        .user_agent(concat!("group-import-gateway/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| Arc::new(error) as Cause)
}

impl Http {
    /// Sends one attempt and reads its answer, within the attempt's time limit.
    ///
    /// # Errors
    /// [`NotSent`] where no connection was had, [`CallError::Refused`] where
    /// Chat answered so, else [`Lost`].
    pub fn send(&self, request: Signed) -> impl Future<Output = Result<Answer, CallError>> + Send + use<> {
        let Signed { attempt, signature } = request;
        let needs = attempt.command.needs;
        let Some(url) = self.urls.fresh(attempt.command, &signature) else {
            return Either::Left(ready(Err(CallError::Fault)));
        };
        let mut post = Request::new(Method::POST, url);
        post.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        *post.body_mut() = Some(attempt.body.into());
        let exchange = timeout(self.attempt_timeout, exchange(self.client.execute(post), needs));
        Either::Right(exchange.map(|in_time| in_time.unwrap_or(Err(Lost::Late.into()))))
    }
}

async fn exchange(sending: impl Future<Output = reqwest::Result<Response>>, needs: Needs) -> Result<Answer, CallError> {
    let response = sending.await.map_err(failed)?;
    if response.status() != StatusCode::OK {
        return Err(Lost::HttpStatus(response.status().as_u16()).into());
    }
    let date = response.headers().get(DATE).cloned();
    let body = read(response).await?;
    let group_id = wire::read(&body, needs).map_err(|error| dated(error, date))?;
    Ok(Answer { body, group_id, reconciled: false })
}

/// How many seconds Chat's clock is ahead of ours. A UserSig is refused where
/// the two are too far apart.
fn chat_ahead(date: &HeaderValue) -> Option<i64> {
    let theirs = httpdate::parse_http_date(date.to_str().ok()?).ok()?;
    let seconds = |since: Duration| i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    Some(match theirs.duration_since(SystemTime::now()) {
        Ok(ahead) => seconds(ahead),
        Err(behind) => -seconds(behind.duration()),
    })
}

fn dated(error: CallError, date: Option<HeaderValue>) -> CallError {
    match error {
        CallError::Refused(refusal) => {
            CallError::Refused(Refusal { chat_ahead: date.as_ref().and_then(chat_ahead), ..refusal })
        }
        error => error,
    }
}

/// Only an error of connecting proves that nothing was sent.
fn failed(error: reqwest::Error) -> CallError {
    if error.is_connect() {
        let cause = Some(without_url(error));
        return NotSent::Unreachable { retry_after: RETRY_CONNECT_AFTER, cause }.into();
    }
    Lost::Broken(without_url(error)).into()
}

async fn read(mut response: Response) -> Result<Bytes, CallError> {
    let announced = response.content_length().and_then(|length| usize::try_from(length).ok());
    if announced.is_some_and(|length| length > MAX_ANSWER_BYTES) {
        return Err(Lost::TooLong.into());
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| Lost::CutOff(without_url(error)))? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(Lost::TooLong.into());
        }
        if body.is_empty() && announced == Some(chunk.len()) {
            return Ok(chunk); // the usual case: it came in one piece, nothing to copy
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// The innermost cause says what went wrong ("connection refused"); reqwest's
/// own layers around it only say that sending failed.
fn without_url(error: reqwest::Error) -> Cause {
    let error = error.without_url();
    let mut innermost: &dyn Error = &error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    Arc::from(Box::<dyn Error + Send + Sync>::from(innermost.to_string()))
}
