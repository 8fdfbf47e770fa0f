//! Admission: no more calls in any second than Chat allows, and nearly as many. One for each app and command; every
//! attempt needs a [`Permit`] from it.
//!
//! ```text
//! admit ──► queue: two lanes, in each a round of callers ──► pace ──► window ──► Permit ──► the attempt
//!   │         queue.rs, lane.rs                           pace.rs    window.rs              │
//!   └─ refused at once if its turn came too late           ▲              ▲                 │ how it ended
//!         estimate.rs, flow.rs                             └─── adapt.rs ─┴─────────────────┘
//! ```
//!
//! `state.rs` joins these into one pure machine that is told the time; `shell.rs` puts a lock, a task and wakers around it.
//!
//! # What a limiter cannot see, and what follows
//!
//! Chat counts a call when it *arrives*. Between our sending and that lies a way of unknown, changing length: calls sent
//! one second apart can be counted in the same second when the later one is faster. A limiter that looks at sending
//! times alone therefore either goes over or has to stay below the rate by a margin that nobody knows. What is known
//! for certain is when an answer came: by then the call has been counted.
//!
//! # The window
//!
//! A call may be sent while fewer than *N* calls are **out**, where a call is out from its permit until one second after
//! its answer ([`Mode::Strict`]).
//!
//! *Then no second, wherever it begins, holds more than N counted calls.* Take any second, and of the calls counted in
//! it the one sent last; call it *last*. Let *i* be any other of them. It was counted within a second of *last*, so
//! after (the counting of *last*) - 1 s, and that is after (the sending of *last*) - 1 s. Its answer came later still. So
//! when *last* was sent, *i* was either unanswered or answered less than a second before: it was out. Fewer than *N*
//! were, so the second holds at most *N* with *last*. Nothing was assumed of the network: no bound on jitter, no order, no
//! common clock.
//!
//! The price: a permit does its round in one second plus the round trip, so full demand uses `1 / (1 + round trip)` of the
//! rate. [`Mode::Window`] takes most of that back. If no way there is shorter than *a* and no way back shorter than *b*,
//! then *last* was sent *a* before it was counted, and the answer of *i* came *b* after it was: the argument holds with
//! answers dated back by *a + b*. That sum is estimated by the shortest round trip of the last 30 to 60 s, less a margin
//! (`floor.rs`). Only what a call takes beyond the shortest is lost: `1 / (1 + mean excess)`, printed as
//! [`Snapshot::usable_share`]. The one hole: if the way suddenly gets shorter than anything lately seen, calls already
//! out were dated back too far for a moment. Where even that must not happen, `strict` is the mode.
//!
//! A call whose answer never comes may still be counted until nobody works at it any more, so its permit stays out for the
//! attempt's time limit and a second ([`Permit::lost`]). Only what certainly never left is given back at once.
//!
//! # The other parts
//!
//! - The **pace** lets calls through 2.5 % faster than the rate (strict: 5 %), ten of them in a row. It only spreads them:
//!   the window alone would send 200 at once and then be shut for a second.
//! - The **queue** is fair to callers, not to calls, so a bulk import with thousands waiting delays a single call of
//!   another by one round. A call is told at once if it cannot be served before its deadline, and when it can.
//! - **Adapt** lowers the rate to what Chat takes when somebody else uses it too, and finds back when they leave.
//!
//! A request that is given up while it waits has cost nothing, since permits are taken only when a turn comes. The
//! first second after a start belongs to whoever ran before ([`Settings::quiet_start`]).

mod adapt;
mod estimate;
mod floor;
mod flow;
mod gate;
mod lane;
mod meter;
mod pace;
mod permit;
mod queue;
mod rooms;
mod settings;
mod shared;
mod shell;
mod snapshot;
mod state;
#[cfg(test)]
#[expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
mod tests;
mod window;

use std::sync::Arc;

use tokio::time::Instant;

pub use permit::Permit;
pub use settings::{Lane, Mode, Place, Refused, Settings, Turn};
pub use shared::{BadRedis, LedgerSnapshot, Outage, Redis, Sharing, Standing};
pub use snapshot::{CallerShare, Snapshot};

use shell::Shared;
use state::State;

/// A handle on the admission of one app and command. Clones share it; with the last one its task ends.
#[derive(Clone, Debug)]
pub struct Admission {
    shared: Arc<Shared>,
    _alive: Arc<Alive>,
}

impl Admission {
    /// Starts an admission with its task, and another for the ledger if the rate is shared. Must be called within a
    /// Tokio runtime that has its timer on.
    pub fn new(settings: Settings) -> Admission {
        let sharing = settings.sharing.clone();
        let shared = Arc::new(Shared::new(State::new(settings, Instant::now())));
        tokio::spawn(Arc::clone(&shared).dispatch());
        match sharing {
            Some(sharing) => drop(tokio::spawn(shared::keep(Arc::clone(&shared), sharing))),
            None => shared.left.cancel(),
        }
        Admission { _alive: Arc::new(Alive(Arc::clone(&shared))), shared }
    }

    /// Waits for a permit, or refuses at once when waiting is of no use. Dropping the future leaves the queue and
    /// costs nothing.
    ///
    /// # Errors
    /// [`Refused`]; nothing was spent.
    pub async fn admit(&self, turn: &Turn, place: Place) -> Result<Permit, Refused> {
        self.shared.admit(turn, place).await
    }

    /// How things stand, for metrics and the live page.
    pub fn snapshot(&self) -> Snapshot {
        self.shared.look(Snapshot::of)
    }

    /// How this replica stands to the ledger, where the rate is shared: of the snapshot what is asked for often.
    pub fn standing(&self) -> Option<Standing> {
        self.shared.look(|state, now| state.gate.ledger().map(|ledger| ledger.standing(now)))
    }

    /// Calls that a caller has waiting in a lane.
    #[cfg(test)]
    fn queued_for(&self, lane: Lane, caller: &str) -> usize {
        self.shared.look(|state, _| state.queue.queued_for(lane, caller))
    }

    /// Waits until a caller has fewer than `limit` calls waiting in a lane, or the admission is closed. Of several who
    /// wait with the same limit one is told for each call that leaves.
    pub async fn room(&self, lane: Lane, caller: &str, limit: usize) {
        self.shared.room(lane, caller, limit).await;
    }

    /// Changes the configured rate, in calls a second.
    pub fn set_rate(&self, calls_per_second: u32) {
        self.shared.event(|state, _| state.configure(calls_per_second));
    }

    /// Refuses everything that waits and everything that comes later with [`Refused::Closed`]. Permits already
    /// given stay good.
    pub fn close(&self) {
        self.shared.close();
    }

    /// Waits, once it is closed, until the other replicas know that the rate is theirs: not before its last permit is
    /// settled. Where there are no others, there is nothing to wait for.
    pub async fn left(&self) {
        self.shared.left.cancelled().await;
    }
}

/// Dropped with the last handle.
#[derive(Debug)]
struct Alive(Arc<Shared>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.end();
    }
}
