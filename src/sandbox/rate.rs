//! Chat's rate: so many calls of one command by one app in any second, whoever makes them.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// A call counts for the second that begins with it: `[t, t + 1 s)`.
pub(super) const SECOND: Duration = Duration::from_secs(1);

/// The sliding second of one command of one app.
#[derive(Default)]
pub(super) struct Rate {
    counted: VecDeque<Instant>,
    foreign: Option<Foreign>,
    foreign_counts: ForeignCounts,
}

/// What a rate allows.
#[derive(Clone, Copy)]
pub(super) struct Allowance {
    /// Calls in any second.
    pub(super) calls: u32,
    /// Whether refused calls count as well.
    pub(super) count_refused: bool,
}

/// How the calls of a foreign user went.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct ForeignCounts {
    pub(super) accepted: usize,
    pub(super) refused: usize,
}

/// Somebody else with the app's key, who calls at even distances.
struct Foreign {
    next: Instant,
    every: Duration,
}

impl Rate {
    /// Whether a call that arrives at `now` is allowed. Calls must come in the order of time.
    pub(super) fn take(&mut self, now: Instant, allowance: Allowance) -> bool {
        self.catch_up(now, allowance);
        self.count(now, allowance)
    }

    /// A foreign user takes that many calls a second from `now` on; with 0 it leaves.
    pub(super) fn set_foreign(&mut self, now: Instant, per_second: u32, allowance: Allowance) {
        self.catch_up(now, allowance);
        self.foreign = (per_second > 0).then(|| Foreign { next: now, every: SECOND / per_second });
    }

    pub(super) fn foreign_counts(&mut self, now: Instant, allowance: Allowance) -> ForeignCounts {
        self.catch_up(now, allowance);
        self.foreign_counts
    }

    /// Plays the foreign calls that were due by `now`, each at its own instant, so that no task
    /// needs to run for them.
    pub(super) fn catch_up(&mut self, now: Instant, allowance: Allowance) {
        let Some(mut foreign) = self.foreign.take() else { return };
        while foreign.next <= now {
            if self.count(foreign.next, allowance) {
                self.foreign_counts.accepted += 1;
            } else {
                self.foreign_counts.refused += 1;
            }
            foreign.next += foreign.every;
        }
        self.foreign = Some(foreign);
    }

    fn count(&mut self, at: Instant, allowance: Allowance) -> bool {
        forget_before_second(&mut self.counted, at);
        let allowed = self.counted.len() < usize::try_from(allowance.calls).unwrap_or(usize::MAX);
        if allowed || allowance.count_refused {
            self.counted.push_back(at);
        }
        allowed
    }
}

/// The most instants in any one second, so far; exact, and keeping only the last second's.
#[derive(Default)]
pub(super) struct Peak {
    last: VecDeque<Instant>,
    most: usize,
}

impl Peak {
    /// Instants must come in the order of time.
    pub(super) fn add(&mut self, at: Instant) {
        forget_before_second(&mut self.last, at);
        self.last.push_back(at);
        self.most = self.most.max(self.last.len());
    }

    pub(super) fn most(&self) -> usize {
        self.most
    }
}

/// Drops what is a second or more before `now`.
fn forget_before_second(instants: &mut VecDeque<Instant>, now: Instant) {
    while instants.front().is_some_and(|first| now.duration_since(*first) >= SECOND) {
        instants.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEN: Allowance = Allowance { calls: 10, count_refused: false };

    fn at(start: Instant, ms: u64) -> Instant {
        start + Duration::from_millis(ms)
    }

    #[test]
    fn the_second_slides() {
        let (mut rate, start) = (Rate::default(), Instant::now());
        for call in 0..10 {
            assert!(rate.take(at(start, 10 * call), TEN));
        }
        assert!(!rate.take(at(start, 999), TEN));
        assert!(rate.take(at(start, 1_000), TEN), "the first call is a second old");
        assert!(!rate.take(at(start, 1_009), TEN));
        assert!(rate.take(at(start, 1_010), TEN));
    }

    #[test]
    fn refused_calls_count_only_if_told() {
        let strict = Allowance { count_refused: true, ..TEN };
        for (allowance, allowed) in [(TEN, true), (strict, false)] {
            let (mut rate, start) = (Rate::default(), Instant::now());
            for call in 0..20 {
                assert_eq!(rate.take(at(start, 50 * call), allowance), call < 10);
            }
            assert_eq!(rate.take(at(start, 1_000), allowance), allowed);
        }
    }

    #[test]
    fn a_foreign_user_takes_from_the_same_second() {
        let (mut rate, start) = (Rate::default(), Instant::now());
        rate.set_foreign(start, 5, TEN);
        let ours = (0..100).filter(|call| rate.take(at(start, 5 + call * 10), TEN)).count();
        let foreign = rate.foreign_counts(at(start, 995), TEN);
        assert_eq!(ours + foreign.accepted, 10);
        assert_eq!(foreign.accepted + foreign.refused, 5);

        rate.set_foreign(at(start, 999), 0, TEN);
        assert_eq!(rate.foreign_counts(at(start, 60_000), TEN), foreign, "it has left");
    }

    #[test]
    fn the_peak_is_that_of_any_sliding_second() {
        let (mut peak, start) = (Peak::default(), Instant::now());
        for ms in [0, 900, 950, 1_000, 1_899, 1_900, 5_000] {
            peak.add(at(start, ms));
        }
        // 900, 950, 1000, 1899; what came at 1900 no longer shares a second with what came at 900.
        assert_eq!(peak.most(), 4);
        assert_eq!(peak.last.len(), 1);
    }
}
