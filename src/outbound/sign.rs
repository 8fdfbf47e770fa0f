//! Signs each attempt, after its wait, so that no signature ages in the queue.

use super::{
    call::{Attempt, Purpose, Signed},
    step::{Next, Running},
};
use crate::credentials::Signer;

/// The step.
pub(super) fn sign(signer: &Signer, attempt: Attempt, next: &Next<Signed>) -> Running {
    let signer = match &attempt.purpose {
        Purpose::Probe(Some(candidate)) => candidate,
        _ => signer,
    };
    let signature = signer.signed();
    next.run(Signed { attempt, signature })
}
