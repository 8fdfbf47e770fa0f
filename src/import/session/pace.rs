//! How fast it goes, and how long to wait.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// The rate of the last ten seconds.
#[derive(Default)]
pub(super) struct Meter {
    marks: VecDeque<(Instant, u64)>,
}

impl Meter {
    const MARK: Duration = Duration::from_millis(500);
    const MARKS: usize = 20;

    /// Notes that so many lines are done by now.
    pub(super) fn note(&mut self, now: Instant, done: u64) {
        if self.marks.back().is_some_and(|(last, _)| now.duration_since(*last) < Self::MARK) {
            return;
        }
        if self.marks.len() == Self::MARKS {
            self.marks.pop_front();
        }
        self.marks.push_back((now, done));
    }

    /// Lines a second; nothing before there is something to measure.
    pub(super) fn rate(&self) -> Option<f64> {
        let ((first, then), (last, now)) = (self.marks.front()?, self.marks.back()?);
        let time = last.duration_since(*first).as_secs_f64();
        (time > 0.0).then(|| now.saturating_sub(*then) as f64 / time)
    }
}

/// A wait that grows from try to try, and is random in part, so that many who
/// lost the same gateway don't all come back in the same moment.
#[derive(Default)]
pub(super) struct Backoff {
    tries: u32,
}

impl Backoff {
    const FIRST: Duration = Duration::from_millis(250);
    const LONGEST: Duration = Duration::from_secs(10);

    /// The wait before the next try.
    pub(super) fn next(&mut self) -> Duration {
        let whole = (Self::FIRST * 2u32.pow(self.tries.min(8))).min(Self::LONGEST);
        self.tries += 1;
        whole.mul_f64(0.5 + 0.5 * rand::random::<f64>())
    }

    /// It worked: the next wait is a short one again.
    pub(super) fn reset(&mut self) {
        self.tries = 0;
    }
}

/// A time in which nothing new is sent.
#[derive(Default)]
pub(super) struct Pause {
    until: Option<(Instant, String)>,
    backoff: Backoff,
}

impl Pause {
    /// The gateway refuses everything for a while; it says how long, or not.
    pub(super) fn begin(&mut self, now: Instant, after: Option<Duration>, reason: String) {
        // The lines that were under way come back with the same refusal at once:
        // they are one pause, not many that grow.
        if self.reason(now).is_some() && after.is_none() {
            return;
        }
        let wait = after.unwrap_or_else(|| self.backoff.next()).max(Duration::from_millis(100));
        let until = self.until.as_ref().map_or(now, |(until, _)| *until).max(now + wait);
        self.until = Some((until, reason));
    }

    /// Why it is a pause, while it is one.
    pub(super) fn reason(&self, now: Instant) -> Option<&str> {
        self.until.as_ref().filter(|(until, _)| now < *until).map(|(_, reason)| reason.as_str())
    }

    /// A line came through.
    pub(super) fn reset(&mut self) {
        self.backoff.reset();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_seconds() {
        let (mut meter, start) = (Meter::default(), Instant::now());
        assert_eq!(meter.rate(), None);
        for half in 0..60u64 {
            let done = if half < 30 { 0 } else { (half - 30) * 100 };
            meter.note(start + Duration::from_millis(500) * half as u32, done);
        }
        assert_eq!(meter.rate(), Some(200.0));
    }

    #[test]
    fn waits_grow_to_their_longest_and_begin_anew() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..20).map(|_| backoff.next()).collect();
        assert!(waits[0] <= Backoff::FIRST && waits.iter().all(|wait| *wait <= Backoff::LONGEST));
        assert!(waits[19] >= Backoff::LONGEST / 2);
        backoff.reset();
        assert!(backoff.next() <= Backoff::FIRST);
    }

    #[test]
    fn a_pause_lasts_as_long_as_the_longest_that_was_asked_for() {
        let (mut pause, now) = (Pause::default(), Instant::now());
        pause.begin(now, Some(Duration::from_secs(5)), "A".into());
        pause.begin(now, Some(Duration::from_secs(1)), "B".into());
        assert_eq!(pause.reason(now + Duration::from_secs(4)), Some("B"));
        assert_eq!(pause.reason(now + Duration::from_secs(5)), None);
    }
}
