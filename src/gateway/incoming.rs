//! The one accept loop, for TCP and Unix sockets alike. Each connection is
//! served by a tonic server of its own, so that it can be told to go alone.
//!
//! What tonic has no setting for is kept here: how many connections there may
//! be, how long one may take to speak HTTP/2, and how long it may then stay
//! without a call.

use std::{convert::Infallible, io, sync::Arc, time::Duration};

use futures_util::{
    StreamExt as _,
    future::{BoxFuture, ready},
    stream,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep, sleep_until, timeout_at},
};
use tokio_stream::Stream;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    connection::{Connection, Link, Transport},
    listen::{Accepted, Listener},
    seldom::Seldom,
    tls::Tls,
};
use crate::{config::Http2, inbound::peer::Peer};

/// After an accept that failed for want of descriptors or memory: until some
/// connection ends the next one fails too.
const PAUSE: Duration = Duration::from_millis(100);
/// How long a client that is told to go (GOAWAY) may take to close.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// When a connection is to be told to go.
pub(super) type Leave = BoxFuture<'static, ()>;

/// Accepts connections.
pub(super) struct Incoming {
    pub(super) listener: Listener,
    pub(super) tls: Option<Arc<Tls>>,
    pub(super) limits: Http2,
}

impl Incoming {
    /// Has every connection served until `closing`, and then until the last
    /// one has ended.
    pub(super) async fn serve<S, F>(self, serve: S, closing: CancellationToken)
    where
        S: Fn(Connection, Leave) -> F + Clone + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let places = Arc::new(Semaphore::new(self.limits.max_connections));
        let connections = TaskTracker::new();
        let (full, failed, strange) = (Seldom::default(), Seldom::default(), Arc::new(Seldom::default()));
        let _told = closing.clone().drop_guard(); // connections end too where this future is dropped
        loop {
            let accepted = tokio::select! {
                () = closing.cancelled() => break,
                accepted = self.listener.accept() => accepted,
            };
            let accepted = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    after(&error, &failed).await;
                    continue;
                }
            };
            // Closed at once: what waits in the system's backlog instead would time out at the client.
            let Ok(place) = places.clone().try_acquire_owned() else {
                if let Some(times) = full.turn() {
                    let limit = self.limits.max_connections;
                    tracing::warn!(
                        times,
                        limit,
                        "connections closed: as many as server.http2.max_connections are open"
                    );
                }
                continue;
            };
            let (tls, limits, closing) = (self.tls.clone(), self.limits.clone(), closing.clone());
            let attended = Attended { accepted, place, tls, limits, closing, strange: strange.clone() };
            connections.spawn(attended.attend(serve.clone()));
        }
        drop(self.listener);
        connections.close();
        connections.wait().await;
    }
}

/// An accept that failed never ends the loop.
async fn after(error: &io::Error, failed: &Seldom) {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, Interrupted};
    if matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | Interrupted) {
        return; // that one connection is gone already
    }
    if let Some(times) = failed.turn() {
        tracing::warn!(times, "no connection can be accepted: {error}");
    }
    sleep(PAUSE).await;
}

/// A connection from its accept to its end. Its place is taken from the start:
/// one in the middle of its handshake costs as much as another.
struct Attended {
    accepted: Accepted,
    place: OwnedSemaphorePermit,
    tls: Option<Arc<Tls>>,
    limits: Http2,
    closing: CancellationToken,
    strange: Arc<Seldom>,
}

impl Attended {
    async fn attend<S, F>(self, serve: S)
    where
        S: Fn(Connection, Leave) -> F,
        F: Future<Output = ()>,
    {
        let greeted_by = Instant::now() + self.limits.handshake_timeout;
        let (closing, idle) = (self.closing.clone(), self.limits.max_connection_idle);
        let Some((io, peer, place)) = self.shake_hands(greeted_by).await else { return };
        let (activity, watched) = (peer.activity.clone(), peer.activity.clone());
        let leave = Box::pin(async move {
            tokio::select! {
                () = closing.cancelled() => {}
                () = watched.idle_for(idle) => {}
            }
        });
        let link = Arc::new(Link::default());
        let overdue = async {
            sleep_until(greeted_by).await;
            if link.is_greeted() {
                activity.idle_for(idle + LAST_WORDS).await;
            }
        };
        tokio::select! {
            () = serve(Connection::new(io, peer, link.clone(), place), leave) => {}
            () = overdue => link.cut(),
        }
    }

    /// TLS, if it is configured.
    async fn shake_hands(self, by: Instant) -> Option<(Box<dyn Transport>, Peer, OwnedSemaphorePermit)> {
        let Some(tls) = self.tls else { return Some((self.accepted.io, Peer::default(), self.place)) };
        let done = tokio::select! {
            () = self.closing.cancelled() => return None,
            done = timeout_at(by, tls.accept(self.accepted.io)) => done,
        };
        match done.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
            Ok((stream, names)) => {
                Some((Box::new(stream), Peer { names: names.into(), ..Peer::default() }, self.place))
            }
            // A load balancer that looks whether the port is open.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => None,
            Err(error) => {
                if let Some(times) = self.strange.turn() {
                    let from = self.accepted.from;
                    tracing::warn!(times, from, "TLS handshake failed: {error}");
                }
                None
            }
        }
    }
}

/// A connection as tonic takes it: the only one, though others might follow
/// until it has ended, since a stream that ends before would tell it to go. Not
/// for longer: tonic's server stays as long as its stream.
pub(super) fn alone(connection: Connection) -> impl Stream<Item = Result<Connection, Infallible>> {
    let ended = stream::once(connection.ended()).filter_map(|()| ready(None));
    stream::iter([Ok(connection)]).chain(ended)
}
