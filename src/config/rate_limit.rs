//! `[rate_limit]`: how the rate is kept, and where it is counted.

use std::time::Duration;

use super::RedisUrl;

/// `[rate_limit]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// What is promised.
    pub mode: Mode,
    /// Where the rate is counted.
    pub backend: Backend,
    /// No call before this long after the start: whoever ran before may have used this second. 0 for none.
    ///
    /// It does not hold for an app whose base URL is loopback.
    pub quiet_start: Duration,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self { mode: Mode::Window, backend: Backend::Local, quiet_start: Duration::from_secs(1) }
    }
}

/// What the rate limit promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Never over the rate in a second of any place, as long as the way to Chat does not suddenly get shorter.
    Window,
    /// Never over the rate, whatever the network does; a call holds its place until its answer has come.
    Strict,
}

impl Mode {
    /// Every mode.
    pub const ALL: [Mode; 2] = [Mode::Window, Mode::Strict];

    /// The mode's name in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Mode::Window => "window",
            Mode::Strict => "strict",
        }
    }
}

/// Where the rate is counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Backend {
    /// In this process: right where it is the only one that calls Chat for its apps.
    Local,
    /// In Redis or Valkey: one rate for every replica.
    Redis {
        /// Where it is.
        url: RedisUrl,
        /// How many gateways share the rate: while Redis is away each keeps to its share.
        replicas: u32,
        /// What becomes of a long outage.
        outage: Outage,
        /// How long a silent replica's share stays untouched.
        suspect: Duration,
    },
}

impl Backend {
    /// Default of `replicas`.
    pub const REPLICAS: u32 = 3;
    /// Default of `outage`.
    pub const OUTAGE: Outage = Outage::Share;
    /// Default of `suspect`.
    pub const SUSPECT: Duration = Duration::from_secs(30);

    /// The backend's name in the configuration.
    pub const fn name(&self) -> &'static str {
        match self {
            Backend::Local => "local",
            Backend::Redis { .. } => "redis",
        }
    }
}

/// What a replica does once Redis has been away for longer than `suspect`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outage {
    /// Goes on with its share of the rate.
    Share,
    /// Stops, since others may have taken up its share by then.
    Closed,
}

impl Outage {
    /// Every choice.
    pub const ALL: [Outage; 2] = [Outage::Share, Outage::Closed];

    /// The choice's name in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Outage::Share => "share",
            Outage::Closed => "closed",
        }
    }
}
