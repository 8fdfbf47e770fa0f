//! ★ The inbound stack, top to bottom, and the HTTP/2 limits.

use std::sync::Arc;

use http::request::Parts;

use self::{entry::Entry, guard::Guards, peer::Peer};
use crate::{
    callers::{self, Caller, Callers},
    config::Config,
    errors::{Failure, Reason},
    telemetry::Metrics,
};

pub mod deadline;
pub mod entry;
mod forwarded;
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
    /// Whether a sidecar's word is taken for whose certificate it saw.
    forwarded: bool,
}

impl Access {
    /// As configured; what is refused counts in `metrics`.
    pub fn new(config: &Config, metrics: &Arc<Metrics>) -> Self {
        let callers = Callers::new(config);
        let server = &config.server;
        // The configuration says no other; but anyone could send the header.
        let forwarded = server.forwarded_client_cert && !server.listen.is_network();
        Self { guards: Guards::new(&callers, metrics), callers, forwarded }
    }

    /// The names of the certificate that a call came with.
    fn names(&self, parts: &Parts) -> Arc<[String]> {
        if self.forwarded {
            return forwarded::names(&parts.headers).into();
        }
        parts.extensions.get::<Peer>().map_or_else(Default::default, |peer| peer.names.clone())
    }
}

/// Lets through those who are known, and says who they are.
///
/// # Errors
/// For those who are not.
pub fn identify(access: &Access, metrics: &Metrics, parts: &mut Parts) -> Result<(), Failure> {
    if OPEN.iter().any(|open| parts.uri.path().starts_with(open)) {
        return Ok(());
    }
    let entry = parts.extensions.get::<Arc<Entry>>().map(|entry| &**entry);
    let caller = access.callers.identify(&parts.headers, &access.names(parts)).ok_or_else(|| {
        let (unknown, failure) = (callers::UNKNOWN.into(), Failure::early(Reason::CallerUnknown));
        entry.inspect(|entry| entry.set_caller(&unknown));
        tell_refused(metrics, entry, &unknown, &failure);
        failure
    })?;
    entry.inspect(|entry| entry.set_caller(&caller.name));
    parts.extensions.insert::<Arc<Caller>>(caller);
    Ok(())
}

/// Counts and notes a call that was refused before it was read. There is but
/// one command so far; a refusal on the way in is counted as of that.
fn tell_refused(metrics: &Metrics, entry: Option<&Entry>, caller: &Arc<str>, failure: &Failure) {
    let (command, outcome) = ("import_group", failure.reason());
    metrics.item(None, caller, command, outcome);
    metrics.recent().failed(None, caller, outcome, failure.message());
    entry.inspect(|entry| entry.set_outcome(outcome));
}
