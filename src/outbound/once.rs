//! Equal requests with one key that are under way together share one call,
//! each with its own deadline. Unequal ones with one key exclude each other.
//!
//! The first leads and the others wait for how its call ends. If it leaves
//! before that, or runs into its own deadline, the next takes over.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use tokio::sync::watch;

use super::{
    call::Call,
    record::Record,
    step::{Next, Outcome},
};
use crate::{
    errors::{CallError, Existing, InUse, NotSent},
    telemetry::traces::parts::Name,
};

/// One app's keyed calls under way.
#[derive(Default)]
pub struct Once(Mutex<HashMap<String, Shared>>);

#[derive(Clone)]
struct Shared {
    body: Bytes,
    record: Arc<Record>,
    ended: watch::Receiver<Option<Outcome>>,
}

/// Takes the call off the list, however its leader comes to an end.
struct Lead<'a> {
    once: &'a Once,
    key: &'a str,
    ended: watch::Sender<Option<Outcome>>,
    is_off: bool,
}

impl Lead<'_> {
    /// Tells those who follow, if anybody does: once it is off the list there will be no more of them.
    fn end(mut self, outcome: &Outcome) {
        self.take_off();
        if self.ended.receiver_count() > 0 {
            self.ended.send_replace(Some(outcome.clone()));
        }
    }

    fn take_off(&mut self) {
        // Once: the next call with this key may stand there already.
        if !std::mem::replace(&mut self.is_off, true) {
            self.once.lock().remove(self.key);
        }
    }
}

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        self.take_off();
    }
}

enum Role<'a> {
    Lead(Lead<'a>),
    Follow(Shared),
}

/// The step.
pub fn once(once: Arc<Once>, mut call: Call, next: Next<Call>) -> impl Future<Output = Outcome> + Send {
    async move {
        let Some(goal) = call.goal.clone() else { return next.run(call).await };
        loop {
            let mut shared = match once.enter(goal.group_id(), &call) {
                Role::Lead(lead) => {
                    let outcome = next.run(call).await;
                    lead.end(&outcome);
                    return outcome;
                }
                Role::Follow(shared) => shared,
            };
            if shared.body != call.body {
                let fields = goal.unlike(&shared.body);
                return Err(CallError::InUse(InUse { code: None, existing: Existing::Different(fields) }));
            }
            call.record.follow(&shared.record);
            let twin = call.record.trace().part_beside(Name::Twin, shared.record.trace());
            let ended = shared.ended.wait_for(Option::is_some).await.ok().and_then(|outcome| outcome.clone());
            twin.end(|_| {});
            match ended {
                Some(outcome) if !was_its_own_deadline(&outcome) => return outcome,
                // The leader may have made the group: what stands, then, is this call's own.
                _ => call.is_repeat |= shared.record.attempts() > 0,
            }
            call.record.take_over();
        }
    }
}

impl Once {
    fn enter<'a>(&'a self, key: &'a str, call: &Call) -> Role<'a> {
        match self.lock().entry(key.to_owned()) {
            Entry::Occupied(entry) => Role::Follow(entry.get().clone()),
            Entry::Vacant(entry) => {
                let (ended, receiver) = watch::channel(None);
                entry.insert(Shared { body: call.body.clone(), record: call.record.clone(), ended: receiver });
                Role::Lead(Lead { once: self, key, ended, is_off: false })
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Shared>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends that say nothing to those who have more time.
fn was_its_own_deadline(outcome: &Outcome) -> bool {
    matches!(outcome, Err(CallError::DeadlinePassed | CallError::NotSent(NotSent::RateLimited { .. })))
}
