//! What every RPC shares: check → app and grant → call → reply.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use futures_util::FutureExt as _;
use tokio::time::timeout_at;
use tower::ServiceExt as _;

use crate::{
    admission::{Lane, Turn},
    apps::{App, Apps},
    callers::Caller,
    commands::{Operation, Plan, rules::Violations},
    deadline::Deadline,
    errors::{CallError, Failure, Lost, NotSent, Reason},
    outbound::{
        call::{Call, Purpose},
        record::{Record, Subject},
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

/// Runs one request of one operation to its end.
///
/// # Errors
/// Why there is no reply.
pub async fn run<O: Operation>(
    apps: &Apps,
    stop: &Stop,
    arrival: Arrival,
    request: O::Request,
) -> Result<O::Reply, Failure> {
    let Arrival { caller, lane, deadline, is_repeat, record } = arrival;
    let app = apps.find(O::app(&request), &caller.grant).map_err(Failure::early)?;
    record.set_app(app.name());
    let repeatable = O::is_keyed(&request);
    let is_repeat = is_repeat || !O::request_id(&request).is_empty();
    let outcome = match caught(|| prepare::<O>(&app, &caller, request)) {
        Ok(Prepared::Preview(reply)) => Ok(reply),
        Ok(Prepared::Send(plan)) => {
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
            send::<O>(&app, stop, call, deadline).await
        }
        Err(reason) => Err(reason),
    };
    outcome.map_err(|reason| Failure { reason, app: Some(app.name().clone()), history: record.history(repeatable) })
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

async fn send<O: Operation>(app: &App, stop: &Stop, call: Call, deadline: Deadline) -> Result<O::Reply, Reason> {
    let record = call.record.clone();
    let answering = AssertUnwindSafe(app.outbound().oneshot(call)).catch_unwind();
    let answer = tokio::select! {
        biased;
        answer = timeout_at(deadline.answer_by, answering) => match answer {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_panic)) => Err(CallError::Fault),
            Err(_late) => Err(CallError::DeadlinePassed),
        },
        () = stop.abandoned() => Err(match record.unsettled() {
            true => Lost::Abandoned.into(),
            false => NotSent::Draining.into(),
        }),
    };
    let answer = answer.map_err(Reason::Call)?;
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
