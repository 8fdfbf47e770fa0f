//! Where the ledger is, and what to do without it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt as _;

/// What a replica does once the ledger has been away for longer than [`Sharing::suspect`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outage {
    /// It goes on with its share of the rate.
    Share,
    /// It stops, since others may have taken up its share by then.
    Closed,
}

/// The rate is shared with other replicas.
#[derive(Clone, Debug)]
pub struct Sharing {
    /// Where the ledger is.
    pub redis: Redis,
    /// What the rate belongs to, the same for every replica: the app and the command.
    pub scope: Arc<str>,
    /// How many replicas share the rate; 0 is taken as 1.
    pub replicas: u32,
    /// What becomes of a long outage.
    pub outage: Outage,
    /// How long a silent replica's share stays untouched.
    pub suspect: Duration,
}

impl Sharing {
    /// The ledger's key. In braces, so that all of it is on one node of a cluster.
    pub(super) fn key(&self) -> String {
        format!("{{group-import-gateway:{}}}", self.scope)
    }
}

/// A Redis or Valkey server, and who this replica is to it. Clones are the same replica.
#[derive(Clone)]
pub struct Redis {
    pub(super) client: redis::Client,
    pub(super) instance: Arc<str>,
}

impl Redis {
    /// From a `redis://` or `rediss://` URL. Connects to nothing yet.
    ///
    /// # Errors
    /// A URL that it can't use.
    pub fn open(url: &str) -> Result<Redis, BadRedis> {
        let client = redis::Client::open(url).map_err(BadRedis)?;
        // A process is a replica: whoever restarts comes as another, and what the one before held is waited out.
        let number: u64 = rand::rng().random();
        Ok(Redis { client, instance: format!("{number:016x}").into() })
    }
}

impl fmt::Debug for Redis {
    // The client's own would show the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("instance", &self.instance).finish_non_exhaustive()
    }
}

/// An address that Redis cannot be reached by.
#[derive(Debug)]
pub struct BadRedis(redis::RedisError);

impl fmt::Display for BadRedis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the URL of Redis can't be used")
    }
}

impl std::error::Error for BadRedis {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}
