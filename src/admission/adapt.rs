//! The allowed rate, when somebody else uses Chat's quota too.
//!
//! A refusal for rate says that Chat's second is full. So what Chat took from us in that second *is* our part of it:
//! the new limit is measured, not guessed. From there it comes back on a cubic curve: slowly while near the last limit
//! that failed, to find it without many refusals, and ever faster beyond it, as the other user seems to have gone.
//!
//! All constants scale with the configured rate; the examples say what they are at 200 a second.

use std::time::Duration;

use tokio::time::Instant;

use super::meter::Meter;

/// What is kept of the measured rate; without a little less the next second would be full again.
const KEEP: f64 = 0.98;
/// Below this many calls a second it never goes, or a single refusal could stop a quiet gateway.
const LEAST: f64 = 10.0;
/// At most one cut in this time: calls already sent are refused for the same full second.
const BETWEEN_CUTS: Duration = Duration::from_millis(1_100);
/// No growth for this long after a cut, until Chat's second has passed.
const HOLD: Duration = Duration::from_secs(1);
/// How far below the limit that failed the curve begins. Together with `STEEPNESS` this sets how long it stays
/// near that limit, at 200 a second about five seconds.
const DEPTH: f64 = 0.15;
/// The curve's factor for each call of the configured rate: 0.15 at 200 a second. The steeper, the sooner an idle
/// quota is back (a whole second of 200 at most 14 s after an 80-a-second user left) and the more often it runs into a
/// user that stays (once in 7 s, so a few calls in a thousand are refused).
const STEEPNESS: f64 = 0.15 / 200.0;
/// Growth in a second for each call of the configured rate: 40 at 200 a second.
const RISE: f64 = 40.0 / 200.0;

/// Follows what Chat lets us have. Pure.
#[derive(Debug)]
pub(super) struct Adapt {
    configured: f64,
    allowed: f64,
    /// The measured rate at the last cut.
    plateau: f64,
    cut_at: Option<Instant>,
    grown_at: Instant,
    accepted: Meter,
    /// What Chat took of other replicas in the last second.
    beside: f64,
}

impl Adapt {
    pub(super) fn new(calls_per_second: u32, now: Instant) -> Self {
        let configured = f64::from(calls_per_second.max(1));
        Adapt {
            configured,
            allowed: configured,
            plateau: configured,
            cut_at: None,
            grown_at: now,
            accepted: Meter::new(now),
            beside: 0.0,
        }
    }

    /// Chat answered a call, and not with a refusal for rate.
    pub(super) fn accepted(&mut self, now: Instant) {
        self.accepted.add(now);
    }

    /// Chat refused a call for rate.
    pub(super) fn refused(&mut self, now: Instant) {
        let taken = self.accepted.last_second(now) + self.beside;
        self.cut(taken, now);
    }

    /// Other replicas share the rate, and Chat took so many of their calls in the last second.
    pub(super) fn beside(&mut self, accepted: f64) {
        self.beside = accepted;
    }

    /// Chat's second was full for another replica, at `plateau` calls of all of them.
    pub(super) fn learn(&mut self, plateau: f64, at: Instant) {
        self.cut(plateau, at);
    }

    /// Refusals of one full second are one lesson.
    fn cut(&mut self, plateau: f64, at: Instant) {
        if self.cut_at.is_some_and(|cut| at.saturating_duration_since(cut) <= BETWEEN_CUTS) {
            return;
        }
        self.plateau = plateau;
        self.allowed = (plateau * KEEP).max(LEAST).min(self.configured);
        self.cut_at = Some(at);
        self.grown_at = at;
    }

    /// Calls a second allowed now. Grows by being asked.
    pub(super) fn allowed(&mut self, now: Instant) -> f64 {
        let Some(cut) = self.cut_at.filter(|_| self.slowed()) else {
            return self.allowed;
        };
        let since_cut = now.saturating_duration_since(cut);
        if since_cut > HOLD {
            let steepness = STEEPNESS * self.configured;
            let flat_at = (DEPTH * self.plateau / steepness).cbrt();
            let curve = self.plateau + steepness * (since_cut.as_secs_f64() - flat_at).powi(3);
            let since_growth = now.saturating_duration_since(self.grown_at).as_secs_f64();
            let reach = self.allowed + RISE * self.configured * since_growth;
            self.allowed = self.allowed.max(curve.min(reach)).min(self.configured);
        }
        self.grown_at = now;
        self.allowed
    }

    /// The configuration changed. A slowed rate goes on from where it is.
    pub(super) fn configure(&mut self, calls_per_second: u32) {
        let slowed = self.slowed();
        self.configured = f64::from(calls_per_second.max(1));
        self.allowed = if slowed { self.allowed.min(self.configured) } else { self.configured };
    }

    /// Whether less than the configured rate is allowed.
    pub(super) fn slowed(&self) -> bool {
        self.allowed < self.configured
    }

    /// Calls that Chat took in the second of the last cut.
    pub(super) fn plateau(&self) -> f64 {
        self.plateau
    }

    pub(super) fn accepted_last_second(&mut self, now: Instant) -> f64 {
        self.accepted.last_second(now)
    }

    pub(super) fn last_cut(&self) -> Option<Instant> {
        self.cut_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// 200 allowed, of which Chat took `taken` in the last second, and then refused one.
    fn cut(taken: u32) -> (Adapt, Instant) {
        let start = Instant::now();
        let mut adapt = Adapt::new(200, start);
        for i in 0..taken {
            adapt.accepted(start + Duration::from_secs(1) * i / taken);
        }
        let now = start + Duration::from_secs(1);
        adapt.refused(now);
        (adapt, now)
    }

    #[test]
    fn a_refusal_measures_what_is_free() {
        let (mut adapt, now) = cut(120);
        assert!((adapt.allowed(now) - 117.6).abs() < 0.1);
    }

    #[test]
    fn one_cut_and_no_growth_for_a_second() {
        let (mut adapt, now) = cut(120);
        let first = adapt.allowed(now);
        adapt.refused(now + 900 * MS);
        assert_eq!(adapt.allowed(now + 999 * MS), first);
    }

    #[test]
    fn a_gateway_with_nothing_under_way_keeps_ten_a_second() {
        let (mut adapt, now) = cut(0);
        assert_eq!(adapt.allowed(now), 10.0);
    }

    #[test]
    fn it_lingers_at_the_old_limit_and_is_back_within_fourteen_seconds() {
        let (mut adapt, now) = cut(120);
        let mut full = None;
        for ms in 0..20_000 {
            let allowed = adapt.allowed(now + ms * MS);
            if ms == 4_000 {
                assert!((117.0..121.0).contains(&allowed), "{allowed}");
            }
            if allowed >= 200.0 && full.is_none() {
                full = Some(ms);
            }
        }
        assert!(full.is_some_and(|ms| (10_000..14_000).contains(&ms)), "{full:?}");
    }

    #[test]
    fn it_never_rises_faster_than_forty_a_second() {
        let (mut adapt, now) = cut(20);
        let mut before = adapt.allowed(now);
        for tenth in 1..300 {
            let allowed = adapt.allowed(now + 100 * MS * tenth);
            assert!(allowed - before <= 4.001);
            before = allowed;
        }
        assert_eq!(before, 200.0);
    }

    #[test]
    fn a_new_configuration_is_the_new_cap() {
        let (mut adapt, now) = cut(120);
        adapt.configure(100);
        assert_eq!(adapt.allowed(now), 100.0);
        adapt.configure(50);
        assert_eq!(adapt.allowed(now), 50.0);
        adapt.configure(300);
        assert_eq!(adapt.allowed(now), 300.0);
    }
}
