//! ★ The inbound stack, top to bottom, and the HTTP/2 limits.

use std::sync::Arc;

use http::request::Parts;

use self::{guard::Guards, peer::Peer};
use crate::{
    callers::{self, Caller, Callers},
    config::Config,
    errors::{Failure, Reason},
    telemetry::Metrics,
};

pub mod deadline;
pub mod gate;
pub mod guard;
pub mod observe;
pub mod peer;
pub mod places;

/// The only ways in that need no caller: what a load balancer or a developer's
/// tool asks before it has a credential, and which tells no secret.
const OPEN: [&str; 3] = ["/grpc.health.v1.Health/", "/grpc.reflection.v1.", "/grpc.reflection.v1alpha."];

/// Who may call, and how much each; replaced whole when the configuration is
/// read again.
pub struct Access {
    /// Who may call.
    pub callers: Callers,
    /// Their ceilings.
    pub guards: Guards,
}

impl Access {
    /// As configured; what is refused counts in `metrics`.
    pub fn new(config: &Config, metrics: &Arc<Metrics>) -> Self {
        let callers = Callers::new(config);
        Self { guards: Guards::new(&callers, metrics), callers }
    }
}

/// Lets through those who are known, and says who they are.
///
/// # Errors
/// For those who are not.
pub fn identify(callers: &Callers, metrics: &Metrics, parts: &mut Parts) -> Result<(), Failure> {
    if OPEN.iter().any(|open| parts.uri.path().starts_with(open)) {
        return Ok(());
    }
    let peer = parts.extensions.get::<Peer>();
    let names = peer.map_or(&[][..], |peer| &peer.names);
    let caller = callers.identify(&parts.headers, names).ok_or_else(|| {
        let failure = Failure::early(Reason::CallerUnknown);
        tell_refused(metrics, &callers::UNKNOWN.into(), &failure);
        failure
    })?;
    parts.extensions.insert::<Arc<Caller>>(caller);
    Ok(())
}

/// Counts and logs a call that was refused before it was read. There is but
/// one command so far; a refusal on the way in is counted as of that.
fn tell_refused(metrics: &Metrics, caller: &Arc<str>, failure: &Failure) {
    let (command, outcome) = ("import_group", failure.reason());
    metrics.item(None, caller, command, outcome);
    metrics.recent().failed(None, caller, outcome, failure.message());
    tracing::info!(%caller, command, outcome, attempts = 0, "call refused");
}
