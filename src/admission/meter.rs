//! Counts events of the last second in fixed memory, whatever the rate.

use std::time::Duration;

use tokio::time::Instant;

/// Fifty steps make the second; one more is the step that is just sliding out of it.
const STEP: Duration = Duration::from_millis(20);
const STEPS: usize = 51;

/// A sliding count over one second. The step sliding out counts by its share still inside, so the error is below
/// what happened in 20 ms.
#[derive(Debug)]
pub(super) struct Meter {
    start: Instant,
    newest: u64,
    steps: [u32; STEPS],
}

impl Meter {
    pub(super) fn new(now: Instant) -> Self {
        Meter { start: now, newest: 0, steps: [0; STEPS] }
    }

    pub(super) fn add(&mut self, now: Instant) {
        self.slide(now);
        self.steps[self.slot(0)] += 1;
    }

    /// One of the latest events did not count after all.
    pub(super) fn take_back(&mut self) {
        let latest = (0..STEPS).map(|back| self.slot(back)).find(|slot| self.steps[*slot] > 0);
        if let Some(slot) = latest {
            self.steps[slot] -= 1;
        }
    }

    /// Events in the second up to `now`.
    pub(super) fn last_second(&mut self, now: Instant) -> f64 {
        self.slide(now);
        let whole: u32 = (0..STEPS - 1).map(|back| self.steps[self.slot(back)]).sum();
        let into = (now.saturating_duration_since(self.start).as_nanos() % STEP.as_nanos()) as f64;
        let sliding_out = f64::from(self.steps[self.slot(STEPS - 1)]);
        f64::from(whole) + sliding_out * (1.0 - into / STEP.as_nanos() as f64)
    }

    fn slot(&self, back: usize) -> usize {
        (self.newest as usize + STEPS - back) % STEPS
    }

    fn slide(&mut self, now: Instant) {
        let step = (now.saturating_duration_since(self.start).as_nanos() / STEP.as_nanos()) as u64;
        let passed = step.saturating_sub(self.newest);
        for ahead in 1..=passed.min(STEPS as u64) {
            self.steps[((self.newest + ahead) % STEPS as u64) as usize] = 0;
        }
        self.newest += passed;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_the_last_second_and_nothing_older() {
        let start = Instant::now();
        let mut meter = Meter::new(start);
        for i in 0..1_000 {
            meter.add(start + Duration::from_millis(5) * i);
        }
        let end = start + Duration::from_secs(5);
        meter.add(end);
        meter.take_back();
        assert!((meter.last_second(end) - 200.0).abs() <= 4.0);
        assert!((meter.last_second(end + Duration::from_millis(510)) - 98.0).abs() <= 4.0);
        assert_eq!(meter.last_second(end + Duration::from_secs(3600)), 0.0);
    }
}
