//! No permit for what cannot succeed.
//!
//! An app's breaker opens when Chat rejects the app as a whole (a rejected
//! credential, a disabled app), so that a bad key does not send 200 rejected
//! signatures a second, and when its host can't be connected to. It is then
//! probed with one look after 1 s, and ever later up to 60 s; after 70050,
//! with which Chat asks for a minute of silence, after 60 s. Until Chat has
//! taken the credential once, calls wait for the first probe.
//!
//! Behind an open breaker unary calls fail at once. A stream's items wait, so
//! that reading stops and nothing of a migration is lost to a bad minute.

use std::{
    future::ready,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep_until, timeout_at},
};

use super::{
    call::{Admitted, Attempt, Call},
    step::{Next, Outcome, Running},
};
use crate::{
    admission::Lane,
    errors::{
        CallError, NotSent, Refusal,
        table::{Action, Row, Scope},
    },
    telemetry::traces::{Part, parts::Name},
};

/// The first pause before a probe.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest, and the one that Chat asks for with 70050.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Connections that fail in a row before the host counts as away.
const UNREACHABLE_AFTER: u32 = 3;
/// A command that is disabled says nothing against the credential.
const COMMAND_DISABLED: u32 = 10026;

/// One app's breaker.
pub struct Breaker {
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    position: Position,
    /// The pause after the next failure.
    pause: Duration,
    unreachable: u32,
    draining: bool,
}

/// Where a breaker stands.
#[derive(Clone, Copy, Debug)]
pub enum Position {
    /// Chat has not been asked yet.
    Untried,
    /// Calls pass.
    Closed,
    /// Nothing is sent before `until`, and then one probe.
    Open {
        /// What opened it.
        why: Why,
        /// When it is probed next.
        until: Instant,
    },
}

/// What opened a breaker.
#[derive(Clone, Copy, Debug)]
pub enum Why {
    /// An answer that no other call of the app would have fared better with.
    Rejected(&'static Row),
    /// The host can't be connected to.
    Unreachable,
}

impl Default for Breaker {
    fn default() -> Self {
        Self::new()
    }
}

impl Breaker {
    /// A breaker that waits for its first probe.
    pub fn new() -> Self {
        let state = State { position: Position::Untried, pause: FIRST_PAUSE, unreachable: 0, draining: false };
        Self { state: Mutex::new(state), changed: Notify::new() }
    }

    /// Where it stands.
    pub fn position(&self) -> Position {
        self.lock().position
    }

    /// Whether Chat rejects the app's credential, as far as is known.
    pub fn rejected(&self) -> Option<&'static Row> {
        match self.position() {
            Position::Open { why: Why::Rejected(row), .. } => Some(row),
            _ => None,
        }
    }

    /// Waits until a probe is due.
    pub async fn due(&self) {
        loop {
            let changed = self.changed.notified();
            match self.position() {
                Position::Untried => return,
                Position::Open { until, .. } if until <= Instant::now() => return,
                Position::Open { until, .. } => tokio::select! {
                    () = sleep_until(until) => {}
                    () = changed => {}
                },
                Position::Closed => changed.await,
            }
        }
    }

    /// A probe ended so.
    pub fn probed<T>(&self, outcome: &Result<T, CallError>) {
        match outcome {
            Err(CallError::Refused(refusal)) if refusal.code == COMMAND_DISABLED => self.close(),
            Err(CallError::Refused(refusal)) => match rejection(refusal) {
                Some(row) => self.open(Why::Rejected(row)),
                None => self.close(),
            },
            Err(CallError::NotSent(NotSent::Unreachable { .. })) => self.open(Why::Unreachable),
            Ok(_) => self.close(),
            // It says nothing of the credential, nor that the host is away.
            Err(_) => self.try_later(),
        }
    }

    /// Lets calls pass: Chat has taken the credential.
    pub fn close(&self) {
        let mut state = self.lock();
        state.unreachable = 0;
        if !matches!(state.position, Position::Closed) {
            state.position = Position::Closed;
            drop(state);
            self.changed.notify_waiters();
        }
    }

    /// Answers those who wait with `DRAINING`, and those who come.
    pub fn drain(&self) {
        self.lock().draining = true;
        self.changed.notify_waiters();
    }

    /// Opens it, or keeps it open for a longer pause if it was.
    fn open(&self, why: Why) {
        let mut state = self.lock();
        let asked = match why {
            Why::Rejected(row) if row.action == Action::Suspend => LONGEST_PAUSE,
            _ => Duration::ZERO,
        };
        let until = Instant::now() + state.pause.max(asked);
        state.pause = (state.pause * 2).min(LONGEST_PAUSE);
        state.position = Position::Open { why, until };
        drop(state);
        self.changed.notify_waiters();
    }

    fn try_later(&self) {
        let mut state = self.lock();
        let pause = state.pause;
        state.pause = (pause * 2).min(LONGEST_PAUSE);
        match &mut state.position {
            Position::Open { why: Why::Rejected(_), until } => *until = Instant::now() + pause,
            // It was connected to, whatever came of that.
            position @ (Position::Open { .. } | Position::Untried) => *position = Position::Closed,
            Position::Closed => {}
        }
        drop(state);
        self.changed.notify_waiters();
    }

    /// What an attempt that ended so says of the app.
    fn saw(&self, attempt: &Seen, outcome: &Outcome) {
        let why = match outcome {
            Err(CallError::NotSent(NotSent::Unreachable { .. })) => {
                let mut state = self.lock();
                state.unreachable += 1;
                (state.unreachable >= UNREACHABLE_AFTER).then_some(Why::Unreachable)
            }
            // One that is to be signed again is no rejection yet.
            Err(CallError::Refused(refusal)) if refusal.action() != Action::SignAgain || attempt.signed_again => {
                rejection(refusal).map(Why::Rejected)
            }
            _ => None,
        };
        match why {
            // The other attempts that were under way say the same, and must not lengthen the pause.
            Some(why) if !matches!(self.position(), Position::Open { .. }) => self.open(why),
            Some(_) => {}
            None if outcome.is_ok() => {
                let mut state = self.lock();
                state.unreachable = 0;
                state.pause = FIRST_PAUSE;
            }
            None => {}
        }
    }

    /// Waits until a call may pass; fails at once where it should not wait.
    async fn pass(&self, call: &Call) -> Result<(), CallError> {
        match self.position() {
            Position::Closed => Ok(()),
            // Boxed, so that no call keeps room for this that never waits here.
            Position::Untried | Position::Open { .. } => Box::pin(self.wait_to_pass(call)).await,
        }
    }

    async fn wait_to_pass(&self, call: &Call) -> Result<(), CallError> {
        let mut held: Option<Part> = None;
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let (position, draining) = {
                let state = self.lock();
                (state.position, state.draining)
            };
            let on_time_out = match position {
                Position::Closed => {
                    if let Some(part) = held {
                        part.end(|_| {});
                    }
                    return Ok(());
                }
                _ if draining => return Err(NotSent::Draining.into()),
                Position::Open { why, until } if call.turn.lane == Lane::Unary => return Err(why.error(until)),
                Position::Open { why, until } => why.error(until),
                Position::Untried => CallError::DeadlinePassed,
            };
            held = held.or_else(|| Some(call.record.trace().part(Name::Hold)));
            timeout_at(call.turn.deadline, changed).await.map_err(|_| on_time_out)?;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Why {
    fn error(self, until: Instant) -> CallError {
        let retry_after = until.saturating_duration_since(Instant::now()).max(Duration::from_millis(100));
        match self {
            Self::Rejected(row) => NotSent::BreakerOpen { row, retry_after }.into(),
            Self::Unreachable => NotSent::Unreachable { retry_after, cause: None }.into(),
        }
    }
}

/// The row of an answer that speaks of the app as a whole. A quota does not:
/// looks still pass, and so may a call tomorrow.
fn rejection(refusal: &Refusal) -> Option<&'static Row> {
    refusal.row.filter(|row| {
        row.scope == Scope::App && row.action != Action::SlowDown && row.status != tonic::Code::ResourceExhausted
    })
}

/// The step above admission.
pub fn hold(breaker: Arc<Breaker>, call: Call, next: Next<Call>) -> impl Future<Output = Outcome> + Send {
    async move {
        if call.purpose.is_probe() {
            return next.run(call).await;
        }
        loop {
            breaker.pass(&call).await?;
            match next.run(call.clone()).await {
                // It opened while the call stood in the queue.
                Err(CallError::NotSent(NotSent::BreakerOpen { .. } | NotSent::Unreachable { cause: None, .. }))
                    if call.turn.lane == Lane::Stream => {}
                outcome => return outcome,
            }
        }
    }
}

/// The step below admission: a breaker that opened while a call stood in the
/// queue holds for that call too. Its permit is given back.
pub fn recheck(breaker: &Breaker, admitted: Admitted, next: &Next<Admitted>) -> Running {
    match breaker.position() {
        Position::Open { why, until } if !admitted.call.purpose.is_probe() => Box::pin(ready(Err(why.error(until)))),
        _ => next.run(admitted),
    }
}

struct Seen {
    signed_again: bool,
}

/// The step that sees how each attempt ends, even where nobody waits for it.
pub fn watch(breaker: Arc<Breaker>, attempt: Attempt, next: Next<Attempt>) -> impl Future<Output = Outcome> + Send {
    // What becomes of probes is told to `probed`.
    let seen = (!attempt.purpose.is_probe()).then_some(Seen { signed_again: attempt.signed_again });
    let running = next.run(attempt);
    async move {
        let outcome = running.await;
        if let Some(seen) = seen {
            breaker.saw(&seen, &outcome);
        }
        outcome
    }
}
