//! Sees each attempt as the wire sees it: counts it and logs how it ended.

use tokio::time::Instant;
use tracing::{debug, warn};

use super::{
    call::Signed,
    step::{Next, Outcome},
};
use crate::{errors::CallError, telemetry::ChatMetrics};

/// The step.
pub(super) async fn observe(metrics: ChatMetrics, signed: Signed, next: Next<Signed>) -> Outcome {
    let command = signed.attempt.command.name;
    let since = Instant::now();
    let outcome = next.run(signed).await;
    let took = since.elapsed();
    let error_code = match &outcome {
        Ok(_) => Some(0),
        Err(CallError::Refused(refusal)) => Some(refusal.code),
        Err(_) => None,
    };
    metrics.called(command, error_code, took);
    let (app, took_ms) = (metrics.app(), took.as_millis());
    match &outcome {
        Ok(_) => debug!(%app, command, took_ms, "Chat answered OK"),
        Err(CallError::Refused(refusal)) => debug!(%app, command, error_code, took_ms, "{refusal}"),
        Err(error) => {
            let cause = std::error::Error::source(error).map(ToString::to_string);
            warn!(%app, command, took_ms, cause, "no answer from Chat: {error}");
        }
    }
    outcome
}
