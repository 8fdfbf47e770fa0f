//! Every attempt takes a permit; a call waits for one only if its turn comes
//! before its deadline.
//!
//! Chat's refusals for rate are admission's business, not retry's: the refused
//! call goes back to the head of its caller's queue, uncounted, until its
//! deadline leaves no more room.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use tokio::time::{Instant, timeout_at};

use super::{
    call::{Admitted, Call, Command},
    step::{Next, Outcome},
};
use crate::{
    admission::{Admission, Lane, Permit, Place, Refused, Settings, Turn},
    errors::{CallError, Limit, NotSent, table::Action},
    telemetry::{
        ChatMetrics, lane_name,
        traces::{
            Notes,
            parts::{Name, attribute},
        },
    },
};

/// Calls that one caller may have waiting in the stream lane, over all its streams.
pub const STREAM_QUEUE: usize = 1024;

/// An app's admissions, one a command: Chat counts each by itself.
pub struct Admissions {
    settings: Mutex<Settings>,
    quiet_until: Instant,
    by_command: Mutex<HashMap<&'static str, Admission>>,
}

impl Admissions {
    /// Admissions that all keep to these settings.
    pub fn new(settings: Settings) -> Self {
        Self {
            quiet_until: Instant::now() + settings.quiet_start,
            settings: Mutex::new(settings),
            by_command: Mutex::default(),
        }
    }

    /// The admission of one command, made at its first use.
    pub fn of(&self, command: &'static Command) -> Admission {
        let mut by_command = self.by_command.lock().unwrap_or_else(PoisonError::into_inner);
        by_command.entry(command.name).or_insert_with(|| self.open(command)).clone()
    }

    /// All that are in use, with their commands' names.
    pub fn all(&self) -> Vec<(&'static str, Admission)> {
        let by_command = self.by_command.lock().unwrap_or_else(PoisonError::into_inner);
        by_command.iter().map(|(name, admission)| (*name, admission.clone())).collect()
    }

    /// Refuses every call that waits, and every one that comes.
    pub fn close(&self) {
        self.all().iter().for_each(|(_, admission)| admission.close());
    }

    /// Waits, once they are closed, until every permit is settled and other replicas know that the rate is theirs.
    pub async fn left(&self) {
        for (_, admission) in self.all() {
            admission.left().await;
        }
    }

    /// Keeps to another rate from now on.
    pub fn set_rate(&self, calls_per_second: u32) {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner).calls_per_second = calls_per_second;
        self.all().iter().for_each(|(_, admission)| admission.set_rate(calls_per_second));
    }

    fn open(&self, command: &Command) -> Admission {
        let mut settings = self.settings.lock().unwrap_or_else(PoisonError::into_inner).clone();
        settings.quiet_start = self.quiet_until.saturating_duration_since(Instant::now());
        if let Some(sharing) = &mut settings.sharing {
            sharing.scope = format!("{}:{}", sharing.scope, command.name).into();
        }
        Admission::new(settings)
    }
}

/// The step.
pub fn admit(
    admission: Admission,
    metrics: ChatMetrics,
    call: Call,
    next: Next<Admitted>,
) -> impl Future<Output = Outcome> + Send {
    async move {
        let mut place = Place::Tail;
        let mut refused = None;
        loop {
            let since = Instant::now();
            let part = call.record.trace().part(Name::Wait);
            let permit = permit(&admission, &call.turn, place).await;
            let wait = since.elapsed();
            part.end(|notes| say(&call, permit.as_ref().err(), notes));
            call.record.waited(wait);
            let permit = permit.map_err(|cause| not_sent(cause, refused))?;
            metrics.waited(call.turn.lane, wait);
            let outcome = next.run(Admitted { call: call.clone(), permit }).await;
            match &outcome {
                Err(CallError::Refused(refusal)) if refusal.action() == Action::SlowDown => {
                    refused = Some(refusal.code);
                    place = Place::Head;
                }
                _ => return outcome,
            }
        }
    }
}

fn say(call: &Call, refused: Option<&Refused>, notes: &mut Notes) {
    notes.put(attribute::COMMAND, call.command.name);
    notes.put(attribute::LANE, lane_name(call.turn.lane));
    match refused {
        None => {}
        Some(Refused::TooLate { .. }) => notes.fail("too_late", "its turn would come after its deadline"),
        Some(Refused::QueueFull { .. }) => notes.fail("queue_full", "its caller has as many calls waiting as it may"),
        Some(Refused::Closed) => notes.fail("draining", "the gateway is stopping"),
    }
}

/// A stream's item waits for a place in its caller's queue, since reading has
/// stopped behind it; a unary call that finds none is refused.
async fn permit(admission: &Admission, turn: &Turn, place: Place) -> Result<Permit, Refused> {
    loop {
        match admission.admit(turn, place).await {
            Err(Refused::QueueFull { retry_after }) if turn.lane == Lane::Stream => {
                let room = admission.room(turn.lane, &turn.caller, STREAM_QUEUE);
                timeout_at(turn.deadline, room).await.map_err(|_| Refused::TooLate { retry_after })?;
            }
            outcome => return outcome,
        }
    }
}

fn not_sent(refused: Refused, by_chat: Option<u32>) -> CallError {
    let (retry_after, limit) = match refused {
        Refused::TooLate { retry_after } => (retry_after, by_chat.map_or(Limit::Rate, Limit::Chat)),
        Refused::QueueFull { retry_after } => (retry_after, Limit::Queue),
        Refused::Closed => return NotSent::Draining.into(),
    };
    NotSent::RateLimited { retry_after, limit }.into()
}
