//! The seam between the queue and whatever counts the permits.
//!
//! That is the local [`Window`](super::window::Window), or a [`Ledger`] that several replicas share: it knows by the
//! [`Token`] which permit came back. The queue, the lanes and the deadlines are the same for both.

use std::time::Duration;

use tokio::time::Instant;

use super::shared::Ledger;

/// Whether a call may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// Now.
    Now,
    /// Not before this instant, unless something is given back earlier.
    At(Instant),
    /// Nobody knows: every permit is out, and none comes back before an answer does.
    WhenAnswered,
}

impl Room {
    /// Both have to allow it.
    pub(super) fn and(self, other: Room) -> Room {
        match (self, other) {
            (Room::Now, room) | (room, Room::Now) => room,
            (Room::At(a), Room::At(b)) => Room::At(a.max(b)),
            _ => Room::WhenAnswered,
        }
    }
}

/// Which permit it is. The local window does not tell permits apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token(pub(super) u64);

/// How the permits stand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    pub(super) in_flight: usize,
    pub(super) cooling: usize,
    pub(super) lost: usize,
    pub(super) floor: Duration,
    pub(super) excess: Duration,
    pub(super) call_time: Duration,
}

/// Something that counts permits. Pure: time is passed in and never goes back.
pub(super) trait Gate: Send {
    /// May a call go now? Spends nothing.
    fn room(&mut self, now: Instant) -> Room;
    /// Spends a permit; only after `room` said [`Room::Now`] for the same instant.
    fn take(&mut self, now: Instant) -> Token;
    /// Nothing of it was ever sent.
    fn unsent(&mut self, token: Token, now: Instant);
    /// Chat answered a call sent at `sent`.
    fn answered(&mut self, token: Token, sent: Instant, now: Instant);
    /// No answer will come for a call sent at `sent`; Chat may still count it.
    fn lost(&mut self, token: Token, sent: Instant, now: Instant);
    /// Calls that one second may hold from now on.
    fn set_limit(&mut self, limit: u32);
    /// How long the `turn`-th permit from now on is away (1 is the next one).
    fn wait_for(&self, turn: f64, now: Instant) -> Duration;
    /// Permits a second that this gives out under full demand.
    fn rate(&self) -> f64;
    fn usage(&self, now: Instant) -> Usage;
    /// Calls a second to spread evenly, of those that are allowed.
    fn spread(&self, allowed: f64) -> f64 {
        allowed
    }
    /// The shared ledger, if this is one.
    fn ledger(&mut self) -> Option<&mut Ledger> {
        None
    }
}
