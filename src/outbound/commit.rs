//! The point of no return: below it an attempt runs to its end in a task of
//! its own, whatever becomes of its caller, so that the window knows when it
//! was answered, and its outcome is known even if nobody waits for it.

use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::{
    call::{Admitted, Attempt},
    step::{Next, Outcome},
};
use crate::{
    admission::Permit,
    errors::{CallError, Lost, table::Action},
};

/// The step. `tasks` knows of every attempt under way.
pub(super) async fn commit(tasks: TaskTracker, admitted: Admitted, next: Next<Attempt>) -> Outcome {
    let Admitted { call, permit } = admitted;
    let attempt = Attempt {
        command: call.command,
        body: call.body,
        purpose: call.purpose,
        signed_again: call.signed_again,
        record: call.record,
    };
    // A panic below drops the permit, which then counts as sent and lost.
    tasks.spawn(run(attempt, permit, next)).await.unwrap_or(Err(Lost::Panicked.into()))
}

async fn run(attempt: Attempt, mut permit: Permit, next: Next<Attempt>) -> Outcome {
    let record = attempt.record.clone();
    let since = Instant::now();
    record.begin();
    permit.sent();
    let outcome = next.run(attempt).await;
    match &outcome {
        Err(CallError::NotSent(_)) => permit.unsent(),
        Err(CallError::Lost(_) | CallError::Fault) => permit.lost(),
        Err(CallError::Refused(refusal)) if refusal.action() == Action::SlowDown => permit.refused_for_rate(),
        _ => permit.answered(),
    }
    record.end(&outcome, since.elapsed());
    outcome
}
