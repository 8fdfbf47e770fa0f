//! ★ The inbound stack, top to bottom, and the HTTP/2 limits.

use std::sync::Arc;

use http::request::Parts;

use self::guard::Guards;
use crate::{
    callers::{Caller, Callers},
    config::Config,
    errors::{Failure, Reason},
};

pub mod deadline;
pub mod gate;
pub mod guard;
pub mod observe;

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
    /// As configured.
    pub fn new(config: &Config) -> Self {
        let callers = Callers::new(config);
        Self { guards: Guards::new(&callers), callers }
    }
}

/// Lets through those who are known, and says who they are.
pub fn identify(callers: &Callers, parts: &mut Parts) -> Result<(), Failure> {
    if OPEN.iter().any(|open| parts.uri.path().starts_with(open)) {
        return Ok(());
    }
    let caller = callers.identify(&parts.headers).ok_or_else(|| Failure::early(Reason::CallerUnknown))?;
    parts.extensions.insert::<Arc<Caller>>(caller);
    Ok(())
}
