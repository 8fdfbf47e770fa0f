//! Why a gateway could not start, or does not take another configuration.

use std::{error::Error, fmt, io, net::SocketAddr};

use super::{listen::ListenError, tls::TlsError};
use crate::{admission::BadRedis, config::AppName, credentials::key::KeyError, errors::Cause};

/// Why it could not start.
#[derive(Debug)]
pub enum StartError {
    /// These apps' keys can't be read.
    Keys(Vec<(AppName, KeyError)>),
    /// The address can't be had.
    Listen(ListenError),
    /// The admin port's address can't be had.
    Admin(SocketAddr, io::Error),
    /// The files of `[server.tls]` can't be served with.
    ServerTls(Vec<TlsError>),
    /// There is no TLS for the way to Chat.
    Tls(Cause),
    /// A reload that changes what only a start can change.
    NeedsRestart,
    /// The URL of Redis can't be used.
    Redis(BadRedis),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keys(faults) => {
                for (index, (app, fault)) in faults.iter().enumerate() {
                    let cause = fault.source().map_or_else(String::new, |cause| format!(": {cause}"));
                    let line = if index == 0 { "" } else { "\n" };
                    write!(f, "{line}app {app}: {fault}{cause}")?;
                }
                Ok(())
            }
            Self::Listen(error) => error.fmt(f),
            Self::ServerTls(faults) => {
                let lines: Vec<_> = faults.iter().map(TlsError::with_cause).collect();
                f.write_str(&lines.join("\n"))
            }
            Self::Admin(address, _) => write!(f, "can't listen on {address} for probes and metrics"),
            Self::NeedsRestart => f.write_str(
                "a restart is needed: of [server] only the deadlines and drain_timeout can change, [log] and [rate_limit] not at all",
            ),
            Self::Redis(error) => error.fmt(f),
            Self::Tls(_) => f.write_str("no TLS for the way to Chat"),
        }
    }
}

impl Error for StartError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Keys(_) | Self::ServerTls(_) | Self::NeedsRestart => None,
            Self::Listen(error) => error.source(),
            Self::Redis(error) => error.source(),
            Self::Admin(_, cause) => Some(cause),
            Self::Tls(cause) => Some(cause.as_ref()),
        }
    }
}
