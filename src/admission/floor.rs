//! The shortest round trip lately seen, and how far calls lie above it.

use std::time::Duration;

use tokio::time::Instant;

/// A minimum is kept for one to two of these, so a way that got longer is forgotten within a minute.
const HALF: Duration = Duration::from_secs(30);
/// Below this many answers the minimum says too little, and there is no floor.
const WARM: u32 = 200;
/// What is taken off the minimum. The proof needs (shortest way there) + (shortest way back); the shortest round
/// trip is a little more than that, since no single call had both. Without this the simulation saw 201 in a second.
const MARGIN_SHARE: f64 = 0.03;
const MARGIN: Duration = Duration::from_micros(500);

/// Minimum over the running and the previous half-window.
#[derive(Debug)]
pub(super) struct Floor {
    since: Instant,
    running: Duration,
    previous: Duration,
    seen: u32,
}

impl Floor {
    pub(super) fn new(now: Instant) -> Self {
        Floor { since: now, running: Duration::MAX, previous: Duration::MAX, seen: 0 }
    }

    pub(super) fn saw(&mut self, round_trip: Duration, now: Instant) {
        let age = now.saturating_duration_since(self.since);
        if age > 2 * HALF {
            // Nobody has confirmed the old minimum for so long that it is worth nothing: warm up again.
            *self = Floor::new(now);
        } else if age > HALF {
            self.previous = self.running;
            self.running = Duration::MAX;
            self.since = now;
        }
        self.running = self.running.min(round_trip);
        self.seen = self.seen.saturating_add(1);
    }

    /// What may be taken off an answer's time; zero while too little is known.
    pub(super) fn get(&self) -> Duration {
        if self.seen < WARM {
            return Duration::ZERO;
        }
        let shortest = self.running.min(self.previous);
        shortest.mul_f64(1.0 - MARGIN_SHARE).saturating_sub(MARGIN)
    }
}

/// Running means of the last hundred or so answers.
#[derive(Debug, Default)]
pub(super) struct Means {
    round_trip: f64,
    excess: f64,
    last: Option<Instant>,
}

impl Means {
    /// Weight of a new answer in the means.
    const STEP: f64 = 0.01;
    /// A mean without a newer answer than this is not believed. Otherwise one slow spell could refuse every call
    /// with a short deadline as hopeless, and no call would ever go out to show that the spell is over.
    const STALE: Duration = Duration::from_secs(10);

    /// `excess` is how much longer than one second the call keeps its permit.
    pub(super) fn saw(&mut self, round_trip: Duration, excess: Duration, now: Instant) {
        let first = self.last.is_none();
        for (mean, value) in [(&mut self.round_trip, round_trip), (&mut self.excess, excess)] {
            *mean += if first { value.as_secs_f64() } else { (value.as_secs_f64() - *mean) * Self::STEP };
        }
        self.last = Some(now);
    }

    /// How long a call takes, as far as is known just now.
    pub(super) fn call_time(&self, now: Instant) -> Duration {
        match self.last {
            Some(last) if now.saturating_duration_since(last) <= Self::STALE => {
                Duration::from_secs_f64(self.round_trip)
            }
            _ => Duration::ZERO,
        }
    }

    /// How much longer than one second a call keeps its permit; `None` before the first answer.
    pub(super) fn excess(&self) -> Option<Duration> {
        self.last.map(|_| Duration::from_secs_f64(self.excess))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floor_of(round_trips: impl IntoIterator<Item = u64>, every: Duration) -> (Floor, Instant) {
        let mut now = Instant::now();
        let mut floor = Floor::new(now);
        for ms in round_trips {
            floor.saw(Duration::from_millis(ms), now);
            now += every;
        }
        (floor, now)
    }

    #[test]
    fn there_is_no_floor_before_200_answers() {
        let every = Duration::from_millis(5);
        assert_eq!(floor_of([20; 199], every).0.get(), Duration::ZERO);
        assert_eq!(floor_of([20; 200], every).0.get(), Duration::from_micros(18_900));
    }

    #[test]
    fn a_longer_way_is_believed_within_a_minute_and_a_shorter_one_at_once() {
        let every = Duration::from_millis(100);
        let (mut floor, mut now) = floor_of([10; 300], every);
        for _ in 0..620 {
            floor.saw(Duration::from_millis(60), now);
            now += every;
        }
        assert_eq!(floor.get(), Duration::from_micros(57_700));
        floor.saw(Duration::from_millis(10), now);
        assert_eq!(floor.get(), Duration::from_micros(9_200));
    }

    #[test]
    fn an_idle_minute_ends_the_floor() {
        let (mut floor, now) = floor_of([10; 300], Duration::from_millis(5));
        floor.saw(Duration::from_millis(10), now + Duration::from_secs(61));
        assert_eq!(floor.get(), Duration::ZERO);
    }

    #[test]
    fn a_mean_nobody_confirms_is_forgotten() {
        let now = Instant::now();
        let mut means = Means::default();
        means.saw(Duration::from_secs(3), Duration::from_secs(3), now);
        assert_eq!(means.call_time(now), Duration::from_secs(3));
        assert_eq!(means.call_time(now + Duration::from_secs(11)), Duration::ZERO);
    }
}
