//! How long attempts in one lane waited for their permit, of late.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

/// Waits kept: five seconds of the full rate, so that the figures move with
/// what happens.
const KEPT: usize = 1024;
/// Older ones say nothing of now.
const LATELY: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(super) struct LaneWaits(VecDeque<(Instant, Duration)>);

/// How long the last attempts waited: at most 1,024, of the last minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waits {
    /// Half of them waited no longer.
    pub median: Duration,
    /// 95 of 100 waited no longer.
    pub p95: Duration,
    /// None waited longer.
    pub longest: Duration,
}

impl LaneWaits {
    pub(super) fn add(&mut self, now: Instant, wait: Duration) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back((now, wait));
    }

    pub(super) fn summary(&self, now: Instant) -> Option<Waits> {
        let young = |(at, _): &&(Instant, Duration)| now.saturating_duration_since(*at) <= LATELY;
        let mut waits: Vec<_> = self.0.iter().filter(young).map(|(_, wait)| *wait).collect();
        waits.sort_unstable();
        let longest = *waits.last()?;
        let at = |percent: usize| waits[(waits.len() - 1) * percent / 100];
        Some(Waits { median: at(50), p95: at(95), longest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_up_the_last_ones_only() {
        let now = Instant::now();
        let mut waits = LaneWaits::default();
        assert_eq!(waits.summary(now), None);
        waits.add(now, Duration::from_secs(3600));
        for ms in 0..KEPT as u64 {
            waits.add(now, Duration::from_millis(ms));
        }
        let ms = Duration::from_millis;
        assert_eq!(waits.summary(now), Some(Waits { median: ms(511), p95: ms(971), longest: ms(1023) }));
        assert_eq!(waits.summary(now + LATELY + ms(1)), None);
    }
}
