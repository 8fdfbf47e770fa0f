//! Decides, once an attempt has ended, whether the call is sent again.
//!
//! By the error table's row, whether the call is repeatable, a budget and the
//! deadline. A call that is not repeatable is never sent a second time after
//! its bytes may have left. Refusals for rate never come up to here.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep};
use tower::retry::Policy;

use super::call::{Answer, Call};
use crate::{
    credentials::Signer,
    errors::{CallError, NotSent, Refusal, table::Action},
};

/// The pause before the second attempt lies between zero and this; each
/// further bound is double the last.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// An app's retries, all its calls together: a bucket, as AWS's SDKs have it
/// in their standard mode. A retry takes 5 out, a success puts 1 in, so that a
/// Chat that fails for everyone gets hardly more calls than a healthy one.
#[derive(Debug)]
pub struct Budget(AtomicI64);

const BUCKET: i64 = 500;
const RETRY_COSTS: i64 = 5;
const SUCCESS_GIVES: i64 = 1;

impl Default for Budget {
    fn default() -> Self {
        Self(AtomicI64::new(BUCKET))
    }
}

impl Budget {
    fn take(&self) -> bool {
        let taken = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
            (left >= RETRY_COSTS).then_some(left - RETRY_COSTS)
        });
        taken.is_ok()
    }

    fn give(&self) {
        let _ = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| (left < BUCKET).then_some(left + SUCCESS_GIVES));
    }

    /// What is left in the bucket.
    pub fn left(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// One call's retries.
#[derive(Clone)]
pub struct Again {
    /// Attempts at one call, the first included.
    pub max_attempts: u32,
    /// The app's budget.
    pub budget: Arc<Budget>,
    /// To be told that its signature was refused.
    pub signer: Arc<Signer>,
    /// Attempts that this layer has seen end.
    pub ended: u32,
}

impl Policy<Call, Answer, CallError> for Again {
    type Future = Sleep;

    fn retry(&mut self, call: &mut Call, outcome: &mut Result<Answer, CallError>) -> Option<Sleep> {
        let Err(error) = outcome else {
            self.budget.give();
            return None;
        };
        self.ended += 1;
        if call.purpose.is_probe() {
            return None;
        }
        if let Some(refusal) = wants_signing(error) {
            self.signer.refused(refusal.chat_ahead);
            let first = !std::mem::replace(&mut call.signed_again, true);
            return first.then(|| sleep(Duration::ZERO));
        }
        if !may_go_again(error, call.repeatable) || self.ended >= self.max_attempts {
            return None;
        }
        let pause = full_jitter(self.ended);
        let in_time = Instant::now() + pause < call.turn.deadline;
        (in_time && self.budget.take()).then(|| sleep(pause))
    }

    fn clone_request(&mut self, call: &Call) -> Option<Call> {
        Some(call.clone())
    }
}

fn wants_signing(error: &CallError) -> Option<&Refusal> {
    match error {
        CallError::Refused(refusal) => Some(refusal).filter(|refusal| refusal.action() == Action::SignAgain),
        _ => None,
    }
}

fn may_go_again(error: &CallError, repeatable: bool) -> bool {
    match error {
        CallError::NotSent(NotSent::Unreachable { cause, .. }) => cause.is_some(), // none: the breaker said so
        CallError::Lost(_) => repeatable,
        CallError::Refused(refusal) => repeatable && refusal.action() == Action::Retry,
        CallError::NotSent(_) | CallError::InUse(_) | CallError::DeadlinePassed | CallError::Fault => false,
    }
}

/// Anywhere between zero and a bound that doubles: callers that failed
/// together must not come back together.
fn full_jitter(ended: u32) -> Duration {
    let bound = FIRST_PAUSE.saturating_mul(1 << ended.saturating_sub(1).min(10)).min(LONGEST_PAUSE);
    bound.mul_f64(rand::random::<f64>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_holds_extra_calls_under_a_tenth_when_everything_fails() {
        let budget = Budget::default();
        let retries = (0..10_000).filter(|_| budget.take()).count();
        assert_eq!(retries, 100);
        (0..5).for_each(|_| budget.give());
        assert!(budget.take() && !budget.take(), "five successes pay for one retry");
        (0..1_000).for_each(|_| budget.give());
        assert_eq!(budget.left(), BUCKET, "no more than the bucket holds");
    }

    #[test]
    fn pauses_lie_under_a_bound_that_doubles() {
        for (ended, bound) in [(1, 100), (2, 200), (3, 400), (9, 2_000), (40, 2_000)] {
            for _ in 0..100 {
                assert!(full_jitter(ended) <= Duration::from_millis(bound));
            }
        }
    }
}
