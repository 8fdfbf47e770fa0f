//! What went on lately, for people who look at the live page. Metrics keep no
//! single failure and no figure of the last minute; this keeps both, and never
//! more of them than fits: see [`FAILURES`].

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use tokio::time::Instant;

use self::{sliding::Sliding, waits::LaneWaits};
use crate::admission::Lane;

mod sliding;
mod waits;

pub use waits::Waits;

/// Kinds of failure kept: enough to read, and more than an incident has.
pub const FAILURES: usize = 50;
/// Longest message kept, in bytes.
const MAX_MESSAGE_BYTES: usize = 300;

/// What went on lately.
#[derive(Default)]
pub struct Recent(Mutex<State>);

#[derive(Default)]
struct State {
    apps: HashMap<Arc<str>, AppState>,
    /// The one seen last stands last.
    failures: Vec<Failure>,
}

#[derive(Default)]
struct AppState {
    /// Reasons are those of the error table, so there are only so many.
    outcomes: BTreeMap<&'static str, Count>,
    unary: LaneWaits,
    stream: LaneWaits,
}

#[derive(Default)]
struct Count {
    total: u64,
    lately: Sliding,
}

/// How often requests ended so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// `OK`, or an error's reason.
    pub reason: &'static str,
    /// Within the last five minutes.
    pub lately: u64,
    /// Since the start.
    pub total: u64,
}

/// A kind of failure: an app's, a caller's, for one reason. A caller that
/// fails two hundred times a second must not push all others off the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The app, once it was known.
    pub app: Option<Arc<str>>,
    /// Whose request it was.
    pub caller: Arc<str>,
    /// The `reason` in its `ErrorInfo`.
    pub reason: &'static str,
    /// What the caller was told the last time, shortened.
    pub message: String,
    /// How often it came.
    pub count: u64,
    /// When it came last.
    pub last: SystemTime,
}

impl Recent {
    /// A request of this app ended so.
    pub fn ended(&self, app: &Arc<str>, reason: &'static str) {
        let mut state = self.lock();
        let count = state.apps.entry(app.clone()).or_default().outcomes.entry(reason).or_default();
        count.total += 1;
        count.lately.add(Instant::now());
    }

    /// An attempt of this app waited so long for its permit.
    pub fn waited(&self, app: &Arc<str>, lane: Lane, wait: Duration) {
        let mut state = self.lock();
        state.apps.entry(app.clone()).or_default().lane(lane).add(Instant::now(), wait);
    }

    /// A request failed, and its caller was told this.
    pub fn failed(&self, app: Option<&Arc<str>>, caller: &Arc<str>, reason: &'static str, mut message: String) {
        truncate(&mut message);
        let mut state = self.lock();
        let same =
            |failure: &Failure| failure.reason == reason && failure.caller == *caller && failure.app.as_ref() == app;
        let known = state.failures.iter().position(same).map(|at| state.failures.remove(at));
        if known.is_none() && state.failures.len() == FAILURES {
            state.failures.remove(0);
        }
        let count = known.map_or(0, |failure| failure.count) + 1;
        let (app, caller) = (app.cloned(), caller.clone());
        state.failures.push(Failure { app, caller, reason, message, count, last: SystemTime::now() });
    }

    /// How requests of this app ended, the most frequent of late first.
    pub fn outcomes(&self, app: &str) -> Vec<Outcome> {
        let now = Instant::now();
        let mut state = self.lock();
        let Some(app) = state.apps.get_mut(app) else { return Vec::new() };
        let outcome = |(&reason, count): (&&'static str, &mut Count)| Outcome {
            reason,
            lately: count.lately.sum(now),
            total: count.total,
        };
        let mut outcomes: Vec<_> = app.outcomes.iter_mut().map(outcome).collect();
        outcomes.sort_by_key(|outcome| std::cmp::Reverse((outcome.lately, outcome.total)));
        outcomes
    }

    /// How long attempts in a lane of this app waited in the last minute; none, if none did.
    pub fn waits(&self, app: &str, lane: Lane) -> Option<Waits> {
        self.lock().apps.get_mut(app)?.lane(lane).summary(Instant::now())
    }

    /// The kinds of failure seen last, the latest first.
    pub fn failures(&self) -> Vec<Failure> {
        self.lock().failures.iter().rev().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AppState {
    fn lane(&mut self, lane: Lane) -> &mut LaneWaits {
        match lane {
            Lane::Unary => &mut self.unary,
            Lane::Stream => &mut self.stream,
        }
    }
}

/// Chat's own words and callers' values are in messages, at any length.
fn truncate(message: &mut String) {
    if message.len() > MAX_MESSAGE_BYTES {
        let end = (0..=MAX_MESSAGE_BYTES).rev().find(|end| message.is_char_boundary(*end)).unwrap_or(0);
        message.truncate(end);
        message.push('…');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Arc<str> {
        text.into()
    }

    #[test]
    fn a_failure_that_repeats_takes_one_place() {
        let recent = Recent::default();
        let (app, caller) = (name("prod"), name("billing"));
        recent.failed(None, &name("unknown"), "CALLER_UNKNOWN", "no token".into());
        for attempt in 0..1_000 {
            recent.failed(Some(&app), &caller, "RATE_LIMITED", format!("attempt {attempt}"));
        }
        let failures = recent.failures();
        let seen: Vec<_> = failures.iter().map(|failure| (failure.reason, failure.count)).collect();
        assert_eq!(seen, [("RATE_LIMITED", 1_000), ("CALLER_UNKNOWN", 1)]);
        assert_eq!(failures[0].message, "attempt 999");
    }

    #[test]
    fn only_so_many_failures_are_kept_and_the_oldest_go_first() {
        let recent = Recent::default();
        for caller in 0..FAILURES + 5 {
            recent.failed(None, &name(&caller.to_string()), "APP_UNKNOWN", "é".repeat(1_000));
        }
        let failures = recent.failures();
        assert_eq!(failures.len(), FAILURES);
        assert_eq!(&*failures[0].caller, (FAILURES + 4).to_string());
        assert!(failures.iter().all(|failure| failure.message.len() <= MAX_MESSAGE_BYTES + '…'.len_utf8()));
    }

    #[tokio::test(start_paused = true)]
    async fn outcomes_of_late_fade_and_their_totals_stay() {
        let recent = Recent::default();
        let app = name("prod");
        (0..3).for_each(|_| recent.ended(&app, "OK"));
        recent.ended(&app, "DEADLINE_PASSED");
        let ok = |lately| Outcome { reason: "OK", lately, total: 3 };
        assert_eq!(recent.outcomes("prod")[0], ok(3));
        tokio::time::advance(Duration::from_secs(311)).await;
        assert_eq!(recent.outcomes("prod")[0], ok(0));
        assert!(recent.outcomes("other").is_empty());
    }
}
