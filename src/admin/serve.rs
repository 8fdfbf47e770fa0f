//! The admin port's accept loop. It takes descriptors of the same process that
//! serves calls, so it has bounds of its own.

use std::{io, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
};

/// Scrapers, probes and open pages are few; more are closed at once.
pub const MAX_CONNECTIONS: usize = 100;
/// How long a client may take until it has asked for something, after it
/// connected and after each answer.
pub const REQUEST_WITHIN: Duration = Duration::from_secs(20);
/// After an accept that failed for want of descriptors or memory.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves until this is dropped, and the connections with it.
pub(super) async fn serve(listener: TcpListener, routes: Router, request_within: Duration) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            Ok((stream, _)) => {
                if let Ok(place) = places.clone().try_acquire_owned() {
                    let answering = answer(stream, routes.clone(), request_within);
                    connections.spawn(async move {
                        let _place = place;
                        answering.await;
                    });
                }
            }
            Err(error) => failed(&error).await,
        }
    }
}

async fn answer(stream: TcpStream, routes: Router, request_within: Duration) {
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(request_within)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes));
    // A client that goes away or makes no sense is nobody's concern.
    let _ = serving.await;
}

/// The next accept would fail at once as well, until a connection ends. Who
/// can cause that could fill a disk with what is said of it.
async fn failed(error: &io::Error) {
    tracing::debug!(%error, "the admin port cannot accept a connection");
    tokio::time::sleep(PAUSE).await;
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn a_client_that_never_ends_its_request_is_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(serve(listener, Router::new(), Duration::from_millis(300)));
        for said in ["", "GET /livez HT", "GET /livez HTTP/1.1\r\nhost: x\r\n\r\n"] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(said.as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            let ended = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut answer)).await;
            assert!(ended.is_ok(), "{said:?}: it may stay");
        }
        serving.abort();
    }
}
