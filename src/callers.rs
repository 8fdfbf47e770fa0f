//! Who calls: known by a bearer token or a certificate, or anyone where no
//! caller is configured.

use std::{
    collections::{HashMap, HashSet},
    num::NonZeroU32,
    sync::Arc,
};

use http::{HeaderMap, header::AUTHORIZATION};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::config::{self, Config};

/// As many callers have a label of their own, so that metrics stay small.
const MAX_LABELS: usize = 1_000;

/// The label of those who are not known.
pub const UNKNOWN: &str = "unknown";

/// One who may call.
#[derive(Debug)]
pub struct Caller {
    /// The name, for logs and the queue.
    pub name: Arc<str>,
    /// The name in metrics; those past the thousandth share one.
    pub label: Arc<str>,
    /// The share of an app's rate under contention.
    pub weight: u32,
    /// Whether requests without a key are refused.
    pub require_key: bool,
    /// A ceiling for this caller alone, in calls a second.
    pub max_calls_per_second: Option<NonZeroU32>,
    /// Which apps the caller may use.
    pub grant: Grant,
}

/// Which apps a caller may use.
#[derive(Clone, Debug)]
pub enum Grant {
    /// All there are.
    All,
    /// These.
    Some(HashSet<Arc<str>>),
}

impl Grant {
    /// Whether it holds for this app.
    pub fn covers(&self, app: &str) -> bool {
        match self {
            Self::All => true,
            Self::Some(apps) => apps.contains(app),
        }
    }
}

/// All who may call.
#[derive(Debug)]
pub struct Callers {
    anyone: Option<Arc<Caller>>,
    all: Vec<Arc<Caller>>,
    /// By the token's hash.
    tokens: HashMap<[u8; 32], Arc<Caller>>,
    tls_names: HashMap<String, Arc<Caller>>,
}

impl Callers {
    /// The configured callers; anyone where there is none.
    pub fn new(config: &Config) -> Self {
        if config.callers.is_empty() {
            let anyone = Caller {
                name: "anyone".into(),
                label: "anyone".into(),
                weight: 1,
                require_key: false,
                max_calls_per_second: None,
                grant: Grant::All,
            };
            let (all, tokens, tls_names) = Default::default();
            return Self { anyone: Some(Arc::new(anyone)), all, tokens, tls_names };
        }
        let (mut all, mut tokens, mut tls_names) = (Vec::new(), HashMap::new(), HashMap::new());
        for (index, caller) in config.callers.iter().enumerate() {
            let known = Arc::new(Caller::of(caller, index));
            all.push(known.clone());
            tokens.extend(caller.token_sha256.iter().map(|hash| (*hash, known.clone())));
            tls_names.extend(caller.tls_name.iter().map(|name| (name.clone(), known.clone())));
        }
        Self { anyone: None, all, tokens, tls_names }
    }

    /// Who sent a request with these headers, over a connection whose client
    /// has a certificate with these names, if it is someone known.
    ///
    /// Where there are tokens one that is sent decides: a wrong one is refused
    /// whatever the certificate says, and does not make the caller another.
    pub fn identify(&self, headers: &HeaderMap, names: &[String]) -> Option<Arc<Caller>> {
        if let Some(anyone) = &self.anyone {
            return Some(anyone.clone());
        }
        if !self.tokens.is_empty() && headers.contains_key(AUTHORIZATION) {
            return self.by_token(bearer_token(headers)?);
        }
        names.iter().find_map(|name| self.tls_names.get(name)).cloned()
    }

    /// The callers that have a ceiling, and which.
    pub fn ceilings(&self) -> impl Iterator<Item = (Arc<Caller>, NonZeroU32)> {
        self.all.iter().filter_map(|caller| Some((caller.clone(), caller.max_calls_per_second?)))
    }

    /// Looked up by the hash, so that ten thousand callers cost no more than one. The time it takes tells nothing of
    /// how near a guess came: a guess has no say in its SHA-256, the table's own hash is keyed afresh in each
    /// process, and what is found is compared in constant time.
    fn by_token(&self, token: &[u8]) -> Option<Arc<Caller>> {
        let hash: [u8; 32] = Sha256::digest(token).into();
        let (known, caller) = self.tokens.get_key_value(&hash)?;
        bool::from(known.ct_eq(&hash)).then(|| caller.clone())
    }
}

impl Caller {
    fn of(config: &config::Caller, index: usize) -> Self {
        let label = if index < MAX_LABELS { config.name.as_str() } else { "other" };
        Self {
            label: label.into(),
            name: config.name.as_str().into(),
            weight: config.weight,
            require_key: config.require_key,
            max_calls_per_second: config.max_calls_per_second.and_then(NonZeroU32::new),
            grant: Grant::Some(config.apps.iter().map(|app| app.as_str().into()).collect()),
        }
    }
}

/// The scheme's name is case-insensitive (RFC 9110, 11.1).
fn bearer_token(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii()).filter(|token| !token.is_empty())
}
