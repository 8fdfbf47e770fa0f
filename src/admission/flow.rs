//! How fast a caller, or a lane, is served and refilled.
//!
//! An estimate from queue lengths alone takes the others for drained once their present calls are gone. A caller that
//! sends its next call when one returns never drains. So every grant leaves a credit, a call that comes uses one up, and
//! only such calls make up the refills: 600 calls that came at once are a backlog, not a flow of 600 a second.

use std::time::Duration;

use tokio::time::Instant;

/// About how far back it looks.
const SPAN: Duration = Duration::from_secs(2);
/// A younger flow is taken for this old, or its first calls would look like a torrent.
const YOUNGEST: Duration = Duration::from_secs(1);

/// Grants and refills a second, exponentially smoothed.
#[derive(Debug)]
pub(super) struct Flow {
    since: Instant,
    at: Instant,
    credit: f64,
    grants: f64,
    refills: f64,
}

impl Flow {
    pub(super) fn new(now: Instant) -> Self {
        Flow { since: now, at: now, credit: 0.0, grants: 0.0, refills: 0.0 }
    }

    pub(super) fn granted(&mut self, now: Instant) {
        self.fade(now);
        self.credit += 1.0;
        self.grants += 1.0;
    }

    pub(super) fn came(&mut self, now: Instant) {
        self.fade(now);
        let refill = self.credit.min(1.0);
        self.credit -= refill;
        self.refills += refill;
    }

    /// Grants a second.
    pub(super) fn grants(&self, now: Instant) -> f64 {
        self.grants * self.per_second(now)
    }

    /// Refills a second.
    pub(super) fn refills(&self, now: Instant) -> f64 {
        if self.refills == 0.0 { 0.0 } else { self.refills * self.per_second(now) }
    }

    /// How long nothing has come or gone.
    pub(super) fn idle(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.at)
    }

    fn per_second(&self, now: Instant) -> f64 {
        let age = now.saturating_duration_since(self.since).max(YOUNGEST);
        let seen = 1.0 - kept_after(age);
        kept_after(self.idle(now)) / (SPAN.as_secs_f64() * seen)
    }

    fn fade(&mut self, now: Instant) {
        if now > self.at {
            let kept = kept_after(now - self.at);
            // One credit stays: a call once in a second is a refill too, if a slow one.
            self.credit = (self.credit * kept).max(self.credit.min(1.0));
            self.grants *= kept;
            self.refills *= kept;
            self.at = now;
        }
    }
}

/// What is left of a sum after some time.
fn kept_after(time: Duration) -> f64 {
    (-time.as_secs_f64() / SPAN.as_secs_f64()).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_flow_is_measured_and_a_backlog_is_not() {
        let start = Instant::now();
        let mut flow = Flow::new(start);
        for _ in 0..600 {
            flow.came(start);
        }
        assert_eq!(flow.refills(start), 0.0);

        for i in 0..300 {
            let now = start + Duration::from_millis(20) * i;
            flow.came(now);
            flow.granted(now);
        }
        let end = start + Duration::from_secs(6);
        for rate in [flow.refills(end), flow.grants(end)] {
            assert!((45.0..55.0).contains(&rate), "{rate}");
        }
    }
}
