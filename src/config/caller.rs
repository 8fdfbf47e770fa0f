//! `[[callers]]`: who may call, with which apps, and how much of their rate.

use super::{AppName, CallerName};

/// One of `[[callers]]`, known by a bearer token, a client certificate, or either.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The name that logs and metrics show.
    pub name: CallerName,
    /// SHA-256 of each bearer token the caller may show: two while one replaces the other.
    pub token_sha256: Vec<[u8; 32]>,
    /// A SAN of the caller's client certificate: a URI, or a DNS name in lower case.
    pub tls_name: Option<String>,
    /// The apps it may use; never empty.
    pub apps: Vec<AppName>,
    /// Its share of an app's rate under contention, relative to the other callers': 1 to 1,000.
    pub weight: u32,
    /// A ceiling for this caller alone, in calls a second.
    pub max_calls_per_second: Option<u32>,
    /// Refuses requests with neither `group_id` nor `request_id`, which could not be repeated safely.
    pub require_key: bool,
}

impl Caller {
    /// The weight of a caller that has none configured.
    pub const DEFAULT_WEIGHT: u32 = 1;
    /// The largest weight: beyond it a caller of weight 1 would as good as never have its turn.
    pub const MAX_WEIGHT: u32 = 1_000;
}

/// A URI of a certificate as `tls_name` is compared with it. It holds a colon
/// and a DNS name none, so that the one is never taken for the other.
pub fn uri_name(uri: &str) -> Option<String> {
    uri.contains(':').then(|| uri.to_owned())
}

/// The same of a DNS name, whose capitals mean nothing.
pub fn dns_name(name: &str) -> Option<String> {
    (!name.is_empty() && !name.contains(':')).then(|| name.to_ascii_lowercase())
}
