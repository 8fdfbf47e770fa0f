//! Chat's patience with bad signatures: many failed checks in a short time, and for a minute the
//! app is answered 70050 whatever it signs with.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// The failed signature checks of one app.
#[derive(Default)]
pub(super) struct Strikes {
    failed: VecDeque<Instant>,
    until: Option<Instant>,
}

/// How many failures in how short a time suspend an app, and for how long.
#[derive(Clone, Copy)]
pub(super) struct Patience {
    pub(super) failures: usize,
    pub(super) within: Duration,
    pub(super) suspension: Duration,
}

impl Strikes {
    /// Whether the app is suspended at `now`; then its signatures are not even checked.
    pub(super) fn suspended(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now < until)
    }

    /// One more failed check. The call itself still hears what was wrong with it.
    pub(super) fn add(&mut self, now: Instant, patience: Patience) {
        let old = |first: &Instant| now.duration_since(*first) > patience.within;
        while self.failed.front().is_some_and(old) {
            self.failed.pop_front();
        }
        self.failed.push_back(now);
        if self.failed.len() > patience.failures {
            self.failed.clear();
            self.until = Some(now + patience.suspension);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience =
        Patience { failures: 2, within: Duration::from_secs(10), suspension: Duration::from_secs(60) };

    #[test]
    fn too_many_failures_in_too_short_a_time_suspend() {
        let (mut strikes, start) = (Strikes::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        for seconds in [0, 6, 12, 18] {
            strikes.add(at(seconds), PATIENCE);
            assert!(!strikes.suspended(at(seconds)), "no three within ten seconds");
        }
        strikes.add(at(20), PATIENCE);
        assert!(strikes.suspended(at(20)) && strikes.suspended(at(79)));
        assert!(!strikes.suspended(at(80)));
    }
}
