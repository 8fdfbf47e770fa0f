//! What an admission is told: its settings, and what one call says about itself.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::shared::Sharing;

/// How a permit's second is counted once Chat has answered; the module's documentation proves both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// From the answer less the shortest round trip lately seen. Uses the rate almost wholly; a way to Chat
    /// that suddenly gets shorter can let a few calls too many into one second.
    Window,
    /// From the answer itself. Never over, whatever the network does; costs `1 / (1 + round trip)` of the rate.
    Strict,
}

/// The two kinds of demand. While both wait, four unary calls go for each one of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Somebody waits for this one answer.
    Unary,
    /// An item of a bulk stream.
    Stream,
}

impl Lane {
    pub(super) const ALL: [Lane; 2] = [Lane::Unary, Lane::Stream];

    pub(super) fn index(self) -> usize {
        match self {
            Lane::Unary => 0,
            Lane::Stream => 1,
        }
    }

    pub(super) fn other(self) -> Lane {
        match self {
            Lane::Unary => Lane::Stream,
            Lane::Stream => Lane::Unary,
        }
    }

    /// The share of this lane while the other is busy too, as a ratio.
    pub(super) fn weight(self) -> f64 {
        match self {
            Lane::Unary => 4.0,
            Lane::Stream => 1.0,
        }
    }
}

/// Settings of one admission, that is of one app and command.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Chat's rate, in calls a second; 0 is taken as 1. Never exceeded, and what a slowed admission returns to.
    pub calls_per_second: u32,
    /// How answered calls are counted.
    pub mode: Mode,
    /// No permit before this much time has passed: another process may have used the second before ours.
    pub quiet_start: Duration,
    /// How long after it was sent a call without an answer may still reach Chat's counter: the attempt's timeout,
    /// and not below Chat's own. Its permit comes back one second later than that.
    pub residence: Duration,
    /// Calls that one caller may have waiting in the unary lane.
    pub queue_per_caller: usize,
    /// Calls that one caller may have waiting in the stream lane. Streams stop reading well below this.
    pub stream_queue_per_caller: usize,
    /// The rate is shared with other replicas; `None`: this process has it to itself.
    pub sharing: Option<Sharing>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            calls_per_second: 200,
            mode: Mode::Window,
            quiet_start: Duration::from_secs(1),
            residence: Duration::from_secs(5),
            queue_per_caller: 1024,
            stream_queue_per_caller: 1024,
            sharing: None,
        }
    }
}

/// One attempt's request for a permit.
#[derive(Clone, Debug)]
pub struct Turn {
    /// Who asks. Turns go round between callers, not between calls.
    pub caller: Arc<str>,
    /// Turns in a row when this caller is reached; 0 is taken as 1.
    pub weight: u32,
    /// Which of the two lanes it waits in.
    pub lane: Lane,
    /// When an answer is no longer of use.
    pub deadline: Instant,
}

/// Where in its caller's queue a turn begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Behind what its caller already waits with.
    Tail,
    /// Before it: Chat refused this call for rate, so it has waited once already. Estimates do not refuse it and
    /// the queue's bound does not hold for it; only its deadline ends the wait.
    Head,
}

/// Why there was no permit. Nothing was spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Its turn would come too late for its deadline.
    TooLate {
        /// When a call with as much time as this one had would be served.
        retry_after: Duration,
    },
    /// Its caller already waits with as many calls as it may.
    QueueFull {
        /// When there should be room again, and a call with as much time as this one had would be served.
        retry_after: Duration,
    },
    /// The gateway is stopping.
    Closed,
}
