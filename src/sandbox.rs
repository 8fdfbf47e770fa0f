//! A stand-in for Chat: an HTTP server that behaves as the vendor's pages say, and worse where it
//! is told to.
//!
//! It serves `sandbox`, `serve --sandbox`, `demo` and the tests. It is written from the vendor's
//! documentation alone and shares no types with the rest of the crate: a field that both sides
//! misspell the same way would otherwise pass unseen.
//!
//! A request's way, in order:
//!
//! - `server` accepts the connection, and can cut it
//! - `routes` lets the request travel, hands it to the world, and lets the answer travel back
//! - `call` reads it: `query` the URL, `usersig` the credential
//! - `world` ★ admits it (credential, `strikes`, `rate`), throws for a fault (`dice`), carries it
//!   out (`import_group` with `fields`, `get_group_info`; `store` keeps the groups) and records it
//!   in the `log`
//! - `reply` puts the answer on the wire, or what the fault made of it
//!
//! `observe` and `steer` are what a test sees and does from outside; `offline` is the world without the way there.

use std::{
    fmt, io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::net::TcpListener;
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

mod call;
mod clock;
mod command;
mod dice;
mod fault;
mod fields;
mod get_group_info;
mod import_group;
mod log;
mod observe;
mod offline;
mod query;
mod rate;
mod reply;
mod routes;
mod server;
mod settings;
mod steer;
mod store;
mod strikes;
#[cfg(test)]
mod tests;
mod usersig;
mod world;

pub use self::{
    command::Command,
    fault::{Fault, FaultError, FaultKind},
    log::Seen,
    offline::Offline,
    settings::{App, Limits, Settings},
    store::Stored,
};
use self::{server::Connection, world::World};

/// A running stand-in: a handle for observing and steering it. It runs until [`stop`](Self::stop),
/// or until the last handle is dropped.
#[derive(Clone)]
pub struct Sandbox {
    addr: SocketAddr,
    chat: Chat,
    stop: CancellationToken,
    tasks: TaskTracker,
    _until_dropped: Arc<DropGuard>,
}

impl Sandbox {
    /// Starts one.
    ///
    /// # Errors
    /// Where it cannot listen, or the faults of `settings` make no sense (`InvalidInput`).
    pub async fn start(settings: Settings) -> io::Result<Self> {
        Fault::check_all(&settings.faults).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let listener = TcpListener::bind(settings.listen).await?;
        let addr = listener.local_addr()?;
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let chat = Chat(Arc::new(Mutex::new(World::new(settings, stop.child_token()))));
        let router = routes::router(chat.clone());
        tasks.spawn(server::serve(listener, chat.clone(), router, stop.clone(), tasks.clone()));
        let until_dropped = Arc::new(stop.clone().drop_guard());
        Ok(Self { addr, chat, stop, tasks, _until_dropped: until_dropped })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where it listens, as the beginning of a URL: `http://127.0.0.1:8700`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Closes the listener and all connections, and waits for that. What it has seen remains.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox").field("addr", &self.addr).finish_non_exhaustive()
    }
}

/// The world, as the server's tasks share it. Never locked over an await.
#[derive(Clone)]
struct Chat(Arc<Mutex<World>>);

impl Chat {
    fn world(&self) -> MutexGuard<'_, World> {
        // Nothing in there is left half done by a panic that would matter to a test.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a new connection.
    fn connected(&self) -> Connection {
        let mut world = self.world();
        world.connections += 1;
        Connection::new(world.connections, world.open.child_token())
    }

    /// How long one call travels: there and back.
    fn ways(&self) -> (Duration, Duration) {
        let world = &mut *self.world();
        world.dice.ways(world.settings.latency, world.settings.jitter)
    }

    /// How long a stall lasts, and how far ahead the clock is.
    fn manners(&self) -> (Duration, i64) {
        let world = self.world();
        (world.settings.stall, world.skew)
    }
}
