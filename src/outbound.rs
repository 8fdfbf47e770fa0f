//! ★ The outbound stack, top to bottom, over any leaf.

#![expect(clippy::manual_async_fn, reason = "an `async fn` keeps its arguments twice: see `step`")]

use std::sync::Arc;

use tokio_util::task::TaskTracker;
use tower::{Service, ServiceBuilder, retry::RetryLayer};

use self::{
    admit::Admissions,
    breaker::Breaker,
    call::{Admitted, Answer, Attempt, Call, Signed},
    once::Once,
    retry::{Again, Budget},
    step::{Next, step},
};
use crate::{credentials::Signer, errors::CallError, telemetry::ChatMetrics};

pub mod admit;
mod audit;
pub mod breaker;
pub mod call;
mod commit;
pub mod http;
pub mod look;
mod observe;
pub mod once;
pub mod record;
pub mod retry;
pub mod settle;
mod sign;
pub mod step;

/// The whole stack of one app. Clones are the same.
pub type Outbound = Next<Call>;

/// What the layers of one app's stack share.
#[derive(Clone)]
pub struct Parts {
    /// Keyed calls under way.
    pub once: Arc<Once>,
    /// The retries that are left.
    pub budget: Arc<Budget>,
    /// Attempts at one call, the first included.
    pub max_attempts: u32,
    /// What keeps calls back that can't succeed.
    pub breaker: Arc<Breaker>,
    /// The permits.
    pub admissions: Arc<Admissions>,
    /// The signatures.
    pub signer: Arc<Signer>,
    /// Attempts under way.
    pub tasks: TaskTracker,
    /// What is counted.
    pub metrics: ChatMetrics,
    /// The host that calls go to, for traces.
    pub host: Arc<str>,
}

/// Builds the stack of one app.
pub fn stack<L>(parts: &Parts, leaf: L) -> Outbound
where
    L: Service<Signed, Response = Answer, Error = CallError> + Clone + Send + Sync + 'static,
    L::Future: Send + 'static,
{
    let parts = parts.clone();
    let Parts { once, budget, max_attempts, breaker, admissions, signer, tasks, metrics, host } = parts;
    let again = Again { max_attempts, budget, signer: signer.clone(), ended: 0 };
    let (recheck, watch, waits) = (breaker.clone(), breaker.clone(), metrics.clone());
    let stack = ServiceBuilder::new()
        // equal requests with one key that are under way together share one call, each with its own deadline
        .layer(step(move |call: Call, next: Next<Call>| once::once(once.clone(), call, next)))
        // a lost answer of a repeatable call ends in a look at what stands
        .layer(step(settle::settle))
        // one decision for each answer; everything below runs once an attempt
        .layer(RetryLayer::new(again))
        // no permit for what cannot succeed
        .layer(step(move |call: Call, next: Next<Call>| breaker::hold(breaker.clone(), call, next)))
        // every attempt takes a permit, and waits only if its turn comes before the deadline
        .layer(step(move |call: Call, next: Next<Admitted>| {
            admit::admit(admissions.of(call.command), waits.clone(), call, next)
        }))
        // a breaker that opened during the wait holds for those who waited
        .layer(step(move |admitted: Admitted, next| breaker::recheck(&recheck, admitted, &next)))
        // the point of no return: below it an attempt runs to its end, whoever leaves
        .layer(step(move |admitted: Admitted, next: Next<Attempt>| commit::commit(&tasks, admitted, next)))
        // learns of every end, even where nobody waits for it
        .layer(step(move |attempt: Attempt, next| breaker::watch(watch.clone(), attempt, next)))
        // after the wait, so that no signature ages in the queue
        .layer(step(move |attempt: Attempt, next: Next<Signed>| sign::sign(&signer, attempt, &next)))
        // sees what the wire sees
        .layer(step(move |signed: Signed, next: Next<Signed>| {
            observe::observe(metrics.clone(), host.clone(), signed, next)
        }))
        .service(leaf);
    Next::new(stack)
}
