//! Counts events of the last five minutes in fixed memory, whatever the rate.

use std::time::Duration;

use tokio::time::Instant;

/// How finely the count slides.
const STEP: Duration = Duration::from_secs(10);
/// Five minutes, and the step that is just sliding out of them.
const STEPS: u64 = 31;

/// A sliding count. It reaches back at least five minutes, at most ten seconds more.
#[derive(Default)]
pub(super) struct Sliding {
    start: Option<Instant>,
    newest: u64,
    steps: [u64; STEPS as usize],
}

impl Sliding {
    pub(super) fn add(&mut self, now: Instant) {
        self.slide(now);
        self.steps[(self.newest % STEPS) as usize] += 1;
    }

    pub(super) fn sum(&mut self, now: Instant) -> u64 {
        self.slide(now);
        self.steps.iter().sum()
    }

    fn slide(&mut self, now: Instant) {
        let start = *self.start.get_or_insert(now);
        let step = now.saturating_duration_since(start).as_secs() / STEP.as_secs();
        let passed = step.saturating_sub(self.newest);
        for ahead in 1..=passed.min(STEPS) {
            self.steps[((self.newest + ahead) % STEPS) as usize] = 0;
        }
        self.newest += passed;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_five_minutes_and_nothing_older_than_a_step_more() {
        let start = Instant::now();
        let mut sliding = Sliding::default();
        for second in 0..1_000 {
            sliding.add(start + Duration::from_secs(second));
        }
        let sum = sliding.sum(start + Duration::from_secs(1_000));
        assert!((300..=310).contains(&sum), "{sum}");
        assert_eq!(sliding.sum(start + Duration::from_secs(10_000)), 0);
    }
}
