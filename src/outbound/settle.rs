//! A lost answer of a repeatable call ends in a look at what stands.
//!
//! A look that finds the group, as it was asked for, settles the call. One
//! that finds nothing settles nothing: the group may still come.

use std::{sync::Arc, time::Duration};

use serde_json::{Map, Value};
use tokio::time::Instant;

use super::{
    audit,
    call::{Answer, Call, Purpose},
    look::{self, GET_GROUP_INFO, Standing},
    record::Record,
    step::{Next, Outcome},
};
use crate::{
    errors::{CallError, Existing, InUse, table::Action},
    telemetry::traces::{
        Trace,
        parts::{Name, attribute},
    },
};

/// What a call is to bring about, in terms that a look can be compared with.
pub trait Goal: Send + Sync {
    /// The group's ID.
    fn group_id(&self) -> &str;
    /// The fields that a look must ask for.
    fn fields(&self) -> &'static [&'static str];
    /// In what the group that stands differs. None if that can't be read.
    fn differs(&self, standing: &Map<String, Value>) -> Option<Vec<&'static str>>;
    /// In what another request, by its body, is unlike this one.
    fn unlike(&self, body: &[u8]) -> Vec<&'static str>;
}

/// The step.
pub fn settle(call: Call, next: Next<Call>) -> impl Future<Output = Outcome> + Send {
    async move {
        let Some(goal) = call.goal.clone() else { return next.run(call).await };
        let outcome = next.run(call.clone()).await;
        match &outcome {
            Err(CallError::Refused(refusal)) if refusal.action() == Action::Reconcile => {
                let existing = match look_at(&call, &*goal, &next).await {
                    Found::Group(existing) => existing,
                    Found::Nothing | Found::Unknown => Existing::Unread,
                };
                in_use(&call, &*goal, existing, Some(refusal.code))
            }
            Err(_) if call.record.unsettled() => match look_at(&call, &*goal, &next).await {
                Found::Group(existing) => in_use(&call, &*goal, existing, None),
                Found::Nothing | Found::Unknown => outcome,
            },
            _ => outcome,
        }
    }
}

/// What stands is the caller's own where an earlier attempt may have made it:
/// one of this call, or one that the caller says it made.
fn in_use(call: &Call, goal: &dyn Goal, existing: Existing, code: Option<u32>) -> Outcome {
    if existing == Existing::Same && (call.is_repeat || call.record.unsettled()) {
        audit::imported(&call.record, goal.group_id(), true);
        let group_id = Some(goal.group_id().to_owned());
        return Ok(Answer { body: Default::default(), group_id, reconciled: true });
    }
    if matches!(existing, Existing::Different(_)) {
        call.record.know(); // that it is not of this call's making
    }
    Err(CallError::InUse(InUse { code, existing }))
}

enum Found {
    Group(Existing),
    Nothing,
    Unknown,
}

impl Found {
    fn name(&self) -> &'static str {
        match self {
            Self::Group(Existing::Same) => "same",
            Self::Group(Existing::Different(_)) => "different",
            Self::Group(Existing::Unread) => "unread",
            Self::Nothing => "nothing",
            Self::Unknown => "unknown",
        }
    }
}

async fn look_at(call: &Call, goal: &dyn Goal, next: &Next<Call>) -> Found {
    if call.turn.deadline <= Instant::now() + Duration::from_millis(1) {
        return Found::Unknown;
    }
    let trace = call.record.trace().branch(Name::Look);
    let found = look(call, goal, next, trace.clone()).await;
    trace.end(|notes| {
        notes.put(attribute::COMMAND, GET_GROUP_INFO.name);
        notes.put(attribute::GROUP_ID, goal.group_id().to_owned());
        notes.put(attribute::FOUND, found.name());
    });
    found
}

async fn look(call: &Call, goal: &dyn Goal, next: &Next<Call>, trace: Trace) -> Found {
    let body = look::body(goal.group_id(), goal.fields());
    let record = Arc::new(Record::of_look(&call.record, trace));
    let look = look::call(body, call.turn.clone(), Purpose::Look, record);
    match next.run(look).await {
        Ok(answer) => match look::read(&answer.body, goal.group_id()) {
            Standing::Group(fields) => {
                Found::Group(goal.differs(&fields).map_or(Existing::Unread, |fields| match fields.as_slice() {
                    [] => Existing::Same,
                    _ => Existing::Different(fields),
                }))
            }
            Standing::Nothing => Found::Nothing,
            Standing::Unread => Found::Unknown,
        },
        Err(error) => {
            tracing::debug!(
                group_id = goal.group_id(),
                trace_id = call.record.trace().id().map(tracing::field::display),
                "could not look at what stands: {error}"
            );
            Found::Unknown
        }
    }
}
