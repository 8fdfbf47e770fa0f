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

use futures_util::FutureExt as _;
use tokio::{runtime::Handle, time::Instant};
use tokio_util::task::{TaskTracker, task_tracker::TaskTrackerToken};

use super::{
    call::{Admitted, Attempt},
    step::{Next, Outcome, Running},
};
use crate::{
    admission::{Lane, Permit},
    errors::{CallError, Lost, table::Action},
};

/// The step. `tasks` knows of every attempt under way.
pub(super) fn commit(tasks: &TaskTracker, admitted: Admitted, next: Next<Attempt>) -> Running {
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
        Lane::Unary => Box::pin(UnderWay { running: Some(Box::pin(attempt)), token: tasks.token() }),
        Lane::Stream => Box::pin(tasks.spawn(attempt).map(|ended| ended.unwrap_or_else(|_| panicked()))),
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
    running: Option<Running>,
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use std::{sync::Arc, task::Waker, time::Duration};

    use tokio::time::{advance, sleep};
    use tower::service_fn;

    use super::*;
    use crate::{
        admission::{Admission, Place, Settings, Turn},
        outbound::{
            call::{Answer, Purpose},
            look,
            record::Record,
        },
    };

    const ANSWER_TAKES: Duration = Duration::from_millis(40);

    struct Rig {
        admission: Admission,
        tasks: TaskTracker,
        record: Arc<Record>,
        next: Next<Attempt>,
    }

    impl Rig {
        fn new(panics: bool) -> Self {
            let answer = move |_: Attempt| async move {
                sleep(ANSWER_TAKES).await;
                assert!(!panics, "a bug");
                Ok(Answer { body: Default::default(), group_id: None, reconciled: false })
            };
            let admission = Admission::new(Settings { quiet_start: Duration::ZERO, ..Settings::default() });
            Self { admission, tasks: TaskTracker::new(), record: Arc::default(), next: Next::new(service_fn(answer)) }
        }

        async fn commit(&self, lane: Lane) -> Running {
            let deadline = Instant::now() + Duration::from_secs(10);
            let turn = Turn { caller: "somebody".into(), weight: 1, lane, deadline };
            let permit = self.admission.admit(&turn, Place::Tail).await.unwrap();
            let call = look::call(look::probe(), turn, Purpose::Request, self.record.clone());
            commit(&self.tasks, Admitted { call, permit }, self.next.clone())
        }

        /// Attempts whose answers have not come, by the permits and by the tasks.
        fn under_way(&self) -> (usize, usize) {
            (self.admission.snapshot().in_flight, self.tasks.len())
        }
    }

    fn begin(attempt: &mut Running) {
        assert!(attempt.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }

    async fn let_the_answer_come() {
        tokio::task::yield_now().await; // a task of its own sets its timer
        advance(ANSWER_TAKES + Duration::from_millis(1)).await;
        tokio::task::yield_now().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_leaves_ends_no_attempt() {
        let rig = Rig::new(false);
        let mut attempt = rig.commit(Lane::Unary).await;
        begin(&mut attempt);
        drop(attempt);
        assert_eq!(rig.under_way(), (1, 1));
        let_the_answer_come().await;
        assert_eq!(rig.under_way(), (0, 0));
        assert!(rig.record.attempts() == 1 && !rig.record.unsettled());
    }

    #[tokio::test(start_paused = true)]
    async fn an_item_s_attempt_ends_though_its_stream_rests() {
        let rig = Rig::new(false);
        let mut attempt = rig.commit(Lane::Stream).await;
        begin(&mut attempt);
        let_the_answer_come().await;
        assert_eq!(rig.under_way(), (0, 0));
        assert!(attempt.await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_that_panics_is_lost() {
        for lane in [Lane::Unary, Lane::Stream] {
            let rig = Rig::new(true);
            let outcome = rig.commit(lane).await.await;
            assert!(matches!(outcome, Err(CallError::Lost(Lost::Panicked))), "{outcome:?}");
            assert_eq!(rig.under_way(), (0, 0));
            assert_eq!(rig.admission.snapshot().lost, 1, "Chat may still count it");
            assert!(rig.record.unsettled());
        }
    }
}
