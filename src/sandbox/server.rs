//! The listening side: an accept loop of its own, since a connection must be cut on demand.

use std::{
    future::{Future, pending},
    io,
    time::Duration,
};

use axum::Router;
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;

use super::Chat;

/// The connection a request came by; in the request's extensions.
#[derive(Clone)]
pub(super) struct Connection {
    /// Counted from 1.
    pub(super) number: u64,
    cut: CancellationToken,
}

impl Connection {
    pub(super) fn new(number: u64, cut: CancellationToken) -> Self {
        Self { number, cut }
    }

    /// Cuts it. Whoever awaits this goes down with it.
    pub(super) fn cut<T>(&self) -> impl Future<Output = T> + use<T> {
        self.cut.cancel();
        pending()
    }
}

/// Accepts connections until `stop`; then cuts those that are left.
pub(super) async fn serve(
    listener: TcpListener,
    chat: Chat,
    router: Router,
    stop: CancellationToken,
    tasks: TaskTracker,
) {
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((stream, _)) => {
                let connection = chat.connected();
                tasks.spawn(converse(stream, router.clone(), connection));
            }
            Err(error) => out_of_files(&error).await,
        }
    }
}

/// Accepting fails where files have run out, and would fail again at once.
async fn out_of_files(error: &io::Error) {
    tracing::warn!(%error, "the sandbox cannot accept a connection");
    tokio::time::sleep(Duration::from_millis(50)).await;
}

async fn converse(stream: TcpStream, router: Router, connection: Connection) {
    // Answers are small: without this each may wait for the client's delayed acknowledgement.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "no TCP_NODELAY on a connection of the sandbox");
    }
    let cut = connection.cut.clone();
    let service = hyper::service::service_fn(move |mut request: http::Request<Incoming>| {
        request.extensions_mut().insert(connection.clone());
        router.clone().oneshot(request)
    });
    let serving = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
    // A client that goes away is none of the stand-in's business.
    let _ = cut.run_until_cancelled(serving).await;
}
