//! Signs each attempt, after its wait, so that no signature ages in the queue.

use std::sync::Arc;

use super::{
    call::{Attempt, Purpose, Signed},
    step::{Next, Outcome},
};
use crate::credentials::Signer;

/// The step.
pub(super) async fn sign(signer: Arc<Signer>, attempt: Attempt, next: Next<Signed>) -> Outcome {
    let signer = match &attempt.purpose {
        Purpose::Probe(Some(candidate)) => candidate,
        _ => &signer,
    };
    let signature = signer.signed();
    next.run(Signed { attempt, signature }).await
}
