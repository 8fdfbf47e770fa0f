//! The pace gate: spreads calls over the second, and does no more than that.
//!
//! Alone, the window would let 200 calls go at once and then stay shut for the rest of the second: a call that comes
//! in the gap waits up to a second, and Chat sees clumps. This gate lets calls through a little faster than
//! the rate, so it smooths and never is the limit.
//!
//! The algorithm is GCRA, as in the `governor` crate, which cannot be used here: its quota is fixed when it is built,
//! while this rate follows what Chat lets us have, and a cell taken there cannot be put back.

use std::time::Duration;

use tokio::time::Instant;

use super::gate::Room;
use super::settings::Mode;

/// Spacing of calls at an adjustable rate.
#[derive(Debug)]
pub(super) struct Pace {
    /// How much faster than the rate it runs.
    factor: f64,
    /// Between two calls, once the burst is used up.
    period: Duration,
    burst: u32,
    /// When the next call would be due if all came evenly spaced ("theoretical arrival time").
    due: Instant,
}

impl Pace {
    pub(super) fn new(mode: Mode, rate: f64, now: Instant) -> Self {
        // Faster than the rate by as much as a mode needs to catch up after a pause: in strict mode a permit
        // comes back a whole round trip late, so its pauses are longer.
        let factor = match mode {
            Mode::Window => 1.025,
            Mode::Strict => 1.05,
        };
        let mut pace = Pace { factor, period: Duration::ZERO, burst: 1, due: now };
        pace.set_rate(rate, now);
        pace
    }

    /// Calls a second that the window allows from now on. Calls let through early stay so many calls, whatever time
    /// that is at the new rate.
    pub(super) fn set_rate(&mut self, rate: f64, now: Instant) {
        let rate = rate.max(1.0);
        let period = Duration::from_secs_f64(1.0 / (rate * self.factor));
        if period == self.period {
            return;
        }
        let early = self.due.saturating_duration_since(now);
        if !early.is_zero() {
            self.due = now + early.mul_f64(period.as_secs_f64() / self.period.as_secs_f64());
        }
        self.period = period;
        // A timer of Tokio's fires about 1 ms late, on a busy machine up to 25 ms. What that loses is caught up by
        // the burst: 50 ms worth of calls, at 200 a second ten.
        self.burst = (rate / 20.0).max(10.0).min(rate) as u32;
    }

    pub(super) fn room(&self, now: Instant) -> Room {
        let early = self.due.saturating_duration_since(now);
        match early.checked_sub(self.tolerance()) {
            None | Some(Duration::ZERO) => Room::Now,
            Some(wait) => Room::At(now + wait),
        }
    }

    pub(super) fn take(&mut self, now: Instant) {
        self.due = self.due.max(now) + self.period;
    }

    /// The call was never sent. Its cell comes back, so a caller that gave up slows nobody down.
    pub(super) fn give_back(&mut self) {
        self.due = self.due.checked_sub(self.period).unwrap_or(self.due);
    }

    /// How long the `turn`-th call from now on is away (1 is the next one).
    pub(super) fn wait_for(&self, turn: f64, now: Instant) -> Duration {
        let early = self.due.saturating_duration_since(now);
        (early + self.period.mul_f64((turn - 1.0).max(0.0))).saturating_sub(self.tolerance())
    }

    fn tolerance(&self) -> Duration {
        self.period * self.burst.saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Calls let through in `time` under full demand.
    fn through(pace: &mut Pace, start: Instant, time: Duration) -> u32 {
        let (mut now, mut calls) = (start, 0);
        while now < start + time {
            match pace.room(now) {
                Room::At(at) => now = at,
                _ => {
                    pace.take(now);
                    calls += 1;
                }
            }
        }
        calls
    }

    #[test]
    fn a_burst_of_ten_and_then_205_a_second() {
        let now = Instant::now();
        let mut pace = Pace::new(Mode::Window, 200.0, now);
        assert_eq!(through(&mut pace, now, Duration::from_micros(1)), 10);
        assert_eq!(through(&mut pace, now, Duration::from_secs(10)), 2049);
    }

    #[test]
    fn the_slowest_and_the_fastest_rate_work() {
        let now = Instant::now();
        assert_eq!(through(&mut Pace::new(Mode::Window, 1.0, now), now, Duration::from_secs(10)), 11);
        let fast = through(&mut Pace::new(Mode::Strict, 1e6, now), now, Duration::from_millis(100));
        assert!((155_000..156_000).contains(&fast), "{fast}");
    }

    #[test]
    fn it_follows_a_changed_rate_at_once() {
        let now = Instant::now();
        let mut pace = Pace::new(Mode::Window, 200.0, now);
        through(&mut pace, now, Duration::from_secs(1));
        pace.set_rate(100.0, now + Duration::from_secs(1));
        let calls = through(&mut pace, now + Duration::from_secs(1), Duration::from_secs(10));
        assert!((1020..=1035).contains(&calls), "{calls}");
    }

    #[test]
    fn what_was_not_sent_costs_nothing() {
        let now = Instant::now();
        let mut pace = Pace::new(Mode::Window, 200.0, now);
        for _ in 0..1_000 {
            assert_eq!(pace.room(now), Room::Now);
            pace.take(now);
            pace.give_back();
        }
    }

    #[test]
    fn the_wait_it_names_is_the_wait_it_gives() {
        let now = Instant::now();
        let mut pace = Pace::new(Mode::Window, 200.0, now);
        let named = pace.wait_for(50.0, now);
        let mut at = now;
        for _ in 0..50 {
            if let Room::At(later) = pace.room(at) {
                at = later;
            }
            pace.take(at);
        }
        assert_eq!(at - now, named);
    }
}
