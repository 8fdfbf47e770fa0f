//! The point of no return: below it an attempt runs to its end, whatever
//! becomes of its caller, so that the window knows when it was answered, and
//! its outcome is known even if nobody waits for it.
//!
//! A unary call has a task of its own: the attempt runs there, which wakes no
//! other, and moves to one of its own only if the caller leaves. All items of
//! a stream share a task, which rests while its caller does not read; their
//! attempts don't.

use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_util::future::BoxFuture;
use tokio::{runtime::Handle, time::Instant};
use tokio_util::task::{TaskTracker, task_tracker::TaskTrackerToken};

use super::{
    call::{Admitted, Attempt},
    step::{Next, Outcome},
};
use crate::{
    admission::{Lane, Permit},
    errors::{CallError, Lost, table::Action},
};

/// The step. `tasks` knows of every attempt under way.
pub(super) async fn commit(tasks: TaskTracker, admitted: Admitted, next: Next<Attempt>) -> Outcome {
    let Admitted { call, permit } = admitted;
    let lane = call.turn.lane;
    let attempt = Attempt {
        command: call.command,
        body: call.body,
        purpose: call.purpose,
        signed_again: call.signed_again,
        record: call.record,
    };
    let attempt = run(attempt, permit, next);
    match lane {
        Lane::Unary => UnderWay { running: Some(Box::pin(attempt)), token: tasks.token() }.await,
        Lane::Stream => tasks.spawn(attempt).await.unwrap_or_else(|_| panicked()),
    }
}

/// The permit was dropped with the attempt, and so counts as sent and lost.
fn panicked() -> Outcome {
    Err(Lost::Panicked.into())
}

fn run(attempt: Attempt, mut permit: Permit, next: Next<Attempt>) -> impl Future<Output = Outcome> + Send {
    async move {
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
}

/// An attempt that goes on by itself if this is dropped before its end.
struct UnderWay {
    /// None once it has ended.
    running: Option<BoxFuture<'static, Outcome>>,
    token: TaskTrackerToken,
}

impl Future for UnderWay {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let Some(running) = &mut self.running else { return Poll::Ready(Err(CallError::Fault)) };
        let polled = catch_unwind(AssertUnwindSafe(|| running.as_mut().poll(cx)));
        let outcome = ready!(polled.unwrap_or_else(|_| Poll::Ready(panicked())));
        self.running = None;
        Poll::Ready(outcome)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let (Some(running), Ok(runtime)) = (self.running.take(), Handle::try_current()) else { return };
        runtime.spawn(self.token.task_tracker().track_future(running));
    }
}
