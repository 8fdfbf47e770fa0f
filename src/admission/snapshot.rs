//! What an admission says about itself, for metrics and the live page.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::settings::{Lane, Mode};
use super::shared::LedgerSnapshot;
use super::state::State;

/// How an admission stands at one instant.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// How answered calls are counted.
    pub mode: Mode,
    /// Calls a second that the configuration allows.
    pub configured: u32,
    /// Calls a second allowed just now: fewer, while somebody else uses Chat's quota.
    pub allowed: f64,
    /// Permits given in the last second, less those given back; right within what happens in 20 ms.
    pub used_last_second: f64,
    /// Permits out whose call has no answer yet.
    pub in_flight: usize,
    /// Permits of answered calls that Chat may still count.
    pub cooling: usize,
    /// Permits of calls without an answer that Chat may still count.
    pub lost: usize,
    /// Calls waiting in the unary lane.
    pub queued_unary: usize,
    /// Calls waiting in the stream lane.
    pub queued_stream: usize,
    /// How much longer than one second a permit is out, on average. What jitter (in strict mode: the round trip)
    /// leaves of the rate is `1 / (1 + excess)`.
    pub excess: Duration,
    /// What is taken off an answer's time; zero in strict mode, and while too few answers are known.
    pub floor: Duration,
    /// How long a call takes, on average; zero if unknown.
    pub call_time: Duration,
    /// How long ago Chat's refusals last lowered the allowed rate.
    pub since_cut: Option<Duration>,
    /// How the ledger stands, where the rate is shared.
    pub ledger: Option<LedgerSnapshot>,
    /// The callers with most to say, at most [`Snapshot::CALLERS`].
    pub callers: Vec<CallerShare>,
}

/// One caller's part.
#[derive(Clone, Debug)]
pub struct CallerShare {
    /// Its name.
    pub caller: Arc<str>,
    /// Its calls waiting, in both lanes.
    pub queued: usize,
    /// Permits a second it got lately, over about two seconds.
    pub granted: f64,
}

impl Snapshot {
    /// How many callers are listed.
    pub const CALLERS: usize = 20;

    /// The share of the allowed rate that full demand could use.
    pub fn usable_share(&self) -> f64 {
        1.0 / (1.0 + self.excess.as_secs_f64())
    }

    /// Calls waiting in a lane.
    pub fn queued(&self, lane: Lane) -> usize {
        match lane {
            Lane::Unary => self.queued_unary,
            Lane::Stream => self.queued_stream,
        }
    }

    pub(super) fn of<T>(state: &mut State<T>, now: Instant) -> Self {
        state.due(now); // lets go what has cooled by now
        let usage = state.gate.usage(now);
        Snapshot {
            mode: state.settings.mode,
            configured: state.settings.calls_per_second,
            allowed: state.adapt.allowed(now),
            // The meter's error must not look like a broken promise.
            used_last_second: state.used.last_second(now).min(f64::from(state.settings.calls_per_second)),
            in_flight: usage.in_flight,
            cooling: usage.cooling,
            lost: usage.lost,
            queued_unary: state.queue.len(Lane::Unary),
            queued_stream: state.queue.len(Lane::Stream),
            excess: usage.excess,
            floor: usage.floor,
            call_time: usage.call_time,
            since_cut: state.adapt.last_cut().map(|cut| now.saturating_duration_since(cut)),
            ledger: state.gate.ledger().map(|ledger| ledger.snapshot(now)),
            callers: callers(state, now),
        }
    }
}

fn callers<T>(state: &State<T>, now: Instant) -> Vec<CallerShare> {
    let mut shares: HashMap<&Arc<str>, (usize, f64)> = HashMap::new();
    for (caller, queued, granted) in state.queue.callers(now) {
        let share = shares.entry(caller).or_default();
        *share = (share.0 + queued, share.1 + granted);
    }
    let mut listed: Vec<_> = shares.into_iter().collect();
    let by_weight = |a: &(usize, f64), b: &(usize, f64)| b.1.total_cmp(&a.1).then(b.0.cmp(&a.0));
    listed.sort_by(|(a_name, a), (b_name, b)| by_weight(a, b).then(a_name.cmp(b_name)));
    listed.truncate(Snapshot::CALLERS);
    let share =
        |(caller, (queued, granted)): (&Arc<str>, _)| CallerShare { caller: Arc::clone(caller), queued, granted };
    listed.into_iter().map(share).collect()
}
