//! What every RPC shares: check → app and grant → call → reply.

use std::{
    future::ready,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use futures_util::{FutureExt as _, future::Either};
use tokio::time::timeout_at;

use crate::{
    admission::{Lane, Turn},
    apps::{App, Apps},
    callers::Caller,
    commands::{Operation, Plan, rules::Violations},
    deadline::Deadline,
    errors::{CallError, Failure, Lost, NotSent, Reason},
    outbound::{
        call::{Answer, Call, Purpose},
        record::{Record, Subject},
        step::{Outcome, Running},
    },
    stop::Stop,
};

/// How a request came in.
pub struct Arrival {
    /// Whose it is.
    pub caller: Arc<Caller>,
    /// On which way.
    pub lane: Lane,
    /// When it must be done.
    pub deadline: Deadline,
    /// The client says that it sends this again (`grpc-previous-rpc-attempts`).
    pub is_repeat: bool,
    /// Where it is noted what is known of it, and what its attempts do.
    pub record: Arc<Record>,
}

/// Runs one request of one operation to its end. It is checked, and its call made, at once: what is returned holds
/// neither the request nor the call, which may wait for long.
///
/// # Errors
/// Why there is no reply.
pub fn run<'a, O: Operation>(
    apps: &Apps,
    stop: &'a Stop,
    arrival: Arrival,
    request: O::Request,
) -> impl Future<Output = Result<O::Reply, Failure>> + Send + use<'a, O> {
    let Arrival { caller, lane, deadline, is_repeat, record } = arrival;
    let app = match apps.find(O::app(&request), &caller.grant) {
        Ok(app) => app,
        Err(reason) => return Either::Left(ready(Err(Failure::early(reason)))),
    };
    record.set_app(app.name());
    let repeatable = O::is_keyed(&request);
    let is_repeat = is_repeat || !O::request_id(&request).is_empty();
    let failed = move |app: &App, record: &Record, reason| {
        let app = Some(app.name().clone());
        Failure { reason, app, history: record.history(repeatable) }
    };
    let plan = match caught(|| prepare::<O>(&app, &caller, request)) {
        Ok(Prepared::Send(plan)) => plan,
        Ok(Prepared::Preview(reply)) => return Either::Left(ready(Ok(reply))),
        Err(reason) => return Either::Left(ready(Err(failed(&app, &record, reason)))),
    };
    record.set_subject(Subject { group_id: plan.group_id, request_id: plan.request_id });
    let turn = Turn { caller: caller.name.clone(), weight: caller.weight, lane, deadline: deadline.send_by };
    let call = Call {
        command: O::command(),
        body: plan.body,
        turn,
        repeatable,
        is_repeat,
        goal: plan.goal,
        purpose: Purpose::Request,
        signed_again: false,
        record: record.clone(),
    };
    let answering = app.outbound().run(call);
    Either::Right(async move {
        let answer = until(deadline, stop, &record, answering).await;
        let reply = answer.map_err(Reason::Call).and_then(reply::<O>);
        reply.map_err(|reason| failed(&app, &record, reason))
    })
}

enum Prepared<R> {
    Preview(R),
    Send(Plan),
}

fn prepare<O: Operation>(app: &App, caller: &Caller, request: O::Request) -> Result<Prepared<O::Reply>, Reason> {
    let mut violations = Violations::default();
    O::check(&request, app.field_limits(), unix_now(), &mut violations);
    let violations = violations.into_vec();
    if !violations.is_empty() {
        return Err(Reason::Invalid(violations));
    }
    if caller.require_key && !O::is_keyed(&request) {
        return Err(Reason::KeyRequired);
    }
    let validate_only = O::validate_only(&request);
    let plan = O::plan(request, app.sdk_app_id());
    Ok(if validate_only { Prepared::Preview(O::preview(&plan)) } else { Prepared::Send(plan) })
}

/// What comes first: the answer, the deadline, or the gateway's end.
async fn until(deadline: Deadline, stop: &Stop, record: &Record, answering: Running) -> Outcome {
    tokio::select! {
        biased;
        answer = timeout_at(deadline.answer_by, AssertUnwindSafe(answering).catch_unwind()) => match answer {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_panic)) => Err(CallError::Fault),
            Err(_late) => Err(CallError::DeadlinePassed),
        },
        () = stop.abandoned() => Err(match record.unsettled() {
            true => Lost::Abandoned.into(),
            false => NotSent::Draining.into(),
        }),
    }
}

fn reply<O: Operation>(answer: Answer) -> Result<O::Reply, Reason> {
    caught(|| O::reply(&answer).ok_or(Reason::Call(CallError::Fault)))
}

/// A panic in a command's own code fails its request, and not the stream that
/// the request came on.
fn caught<T>(work: impl FnOnce() -> Result<T, Reason>) -> Result<T, Reason> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(Reason::Call(CallError::Fault)))
}

fn unix_now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| i64::try_from(now.as_secs()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]

    use super::*;

    #[test]
    fn a_panic_in_a_command_is_a_fault_of_its_request() {
        let outcome: Result<(), _> = caught(|| panic!("a bug"));
        assert!(matches!(outcome, Err(Reason::Call(CallError::Fault))), "{outcome:?}");
        assert!(matches!(caught(|| Ok(7)), Ok(7)));
    }
}
