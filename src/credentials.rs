//! An app's credential: its key, and the UserSig that is signed with it.
//!
//! A UserSig is made once and used until half of its life is over, so that one
//! never dies under way and signing costs nothing per call. No debug output of
//! anything here shows a secret.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use arc_swap::{ArcSwap, ArcSwapOption};
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use crate::config::{App, SdkAppId};

pub mod key;
pub mod usersig;

/// A difference of clocks, in seconds, that is worth a line in the log: less
/// is the rounding of `Date` and the way there.
const NOTED_SKEW: i64 = 5;

/// Signs for one app.
pub struct Signer {
    sdk_app_id: SdkAppId,
    identifier: String,
    ttl: Duration,
    key: ArcSwap<SecretString>,
    current: ArcSwapOption<Signed>,
    chat_ahead: AtomicI64,
}

/// The signed part of a request's query, all but what is fresh in each.
pub struct Signed {
    query: Zeroizing<String>,
    /// When it was made and when it ends, in Unix seconds.
    made: u64,
    expires: u64,
}

impl Signer {
    /// The same app and admin, with another key: to try it.
    pub fn with_key(&self, key: SecretString) -> Self {
        Self {
            sdk_app_id: self.sdk_app_id,
            identifier: self.identifier.clone(),
            ttl: self.ttl,
            key: ArcSwap::from_pointee(key),
            current: ArcSwapOption::empty(),
            chat_ahead: AtomicI64::new(0),
        }
    }

    /// A signer for an app, with a key that is believed until Chat says otherwise.
    pub fn new(app: &App, key: SecretString) -> Self {
        Self {
            sdk_app_id: app.sdk_app_id,
            identifier: app.identifier.clone(),
            ttl: app.usersig_ttl,
            key: ArcSwap::from_pointee(key),
            current: ArcSwapOption::empty(),
            chat_ahead: AtomicI64::new(0),
        }
    }

    /// The signed query that a request sent now should bear.
    pub fn signed(&self) -> Arc<Signed> {
        let now = unix_now();
        match &*self.current.load() {
            Some(signed) if signed.is_young(now) => signed.clone(),
            _ => self.renew(now),
        }
    }

    /// Chat refused a UserSig: signs afresh at the next call, unless the one
    /// in use is so young that it can't be the one refused. Where Chat's clock
    /// is far from ours, that is why, and signing again can't help for long.
    pub fn refused(&self, chat_ahead: Option<i64>) {
        if let Some(ahead) = chat_ahead {
            let before = self.chat_ahead.swap(ahead, Ordering::Relaxed);
            if ahead.abs() >= NOTED_SKEW && before.abs() < NOTED_SKEW {
                tracing::warn!(
                    sdk_app_id = %self.sdk_app_id,
                    chat_ahead_seconds = ahead,
                    "Chat refused a UserSig and its clock differs from this machine's: set the clock right"
                );
            }
        }
        let now = unix_now();
        if self.current.load().as_ref().is_some_and(|signed| signed.made < now) {
            self.current.store(None);
        }
    }

    /// How many seconds Chat's clock was ahead of ours when it last refused a
    /// UserSig.
    pub fn chat_ahead(&self) -> i64 {
        self.chat_ahead.load(Ordering::Relaxed)
    }

    /// From now on signs with another key.
    pub fn replace_key(&self, key: SecretString) {
        self.key.store(Arc::new(key));
        self.current.store(None);
    }

    /// The key that it signs with.
    pub fn key(&self) -> Arc<SecretString> {
        self.key.load_full()
    }

    /// When the UserSig in use ends, in Unix seconds.
    pub fn expires(&self) -> u64 {
        self.signed().expires
    }

    /// A UserSig that holds for `ttl` from now, for people.
    pub fn usersig(&self, ttl: Duration) -> SecretString {
        self.sign(unix_now(), ttl)
    }

    fn renew(&self, now: u64) -> Arc<Signed> {
        let usersig = self.sign(now, self.ttl);
        let (identifier, usersig) = (percent_encoded(&self.identifier), usersig.expose_secret());
        // Room for all of it at once: a text that grows leaves copies behind that nobody overwrites.
        let mut query = Zeroizing::new(String::with_capacity(100 + identifier.len() + usersig.len()));
        for part in ["sdkappid=", &self.sdk_app_id.to_string(), "&identifier=", &identifier, "&usersig=", usersig] {
            query.push_str(part);
        }
        query.push_str("&contenttype=json");
        let signed = Arc::new(Signed { query, made: now, expires: now + self.ttl.as_secs() });
        self.current.store(Some(signed.clone()));
        signed
    }

    fn sign(&self, now: u64, ttl: Duration) -> SecretString {
        let claims = usersig::Claims {
            sdk_app_id: self.sdk_app_id.get(),
            identifier: &self.identifier,
            time: now,
            expire: ttl.as_secs(),
        };
        usersig::sign(&self.key.load(), &claims)
    }
}

impl Signed {
    /// The query, all but `random`. It needs no escaping.
    pub fn query(&self) -> &str {
        &self.query
    }

    /// Half of its life lies ahead; and the clock was not set back to before
    /// it was made, when Chat would take it for one from the future.
    fn is_young(&self, now: u64) -> bool {
        let half = (self.expires - self.made) / 2;
        (self.made..self.made + half.max(1)).contains(&now)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("sdk_app_id", &self.sdk_app_id).finish_non_exhaustive()
    }
}

impl fmt::Debug for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signed").field("expires", &self.expires).finish_non_exhaustive()
    }
}

fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// For the one value in the query that a person chose.
fn percent_encoded(text: &str) -> String {
    use fmt::Write as _;
    text.bytes().fold(String::with_capacity(text.len()), |mut out, b| {
        if b.is_ascii_alphanumeric() || b"-._~".contains(&b) {
            out.push(char::from(b));
        } else {
            let _ = write!(out, "%{b:02X}");
        }
        out
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::config::{KeySource, Upstream};

    fn signer() -> Signer {
        let upstream = Upstream::BaseUrl("http://127.0.0.1:1".parse().unwrap());
        let id = SdkAppId::new(1_400_000_000).unwrap();
        let app = App::new("prod".parse().unwrap(), id, "admin istrator", KeySource::Env("KEY".into()), upstream);
        Signer::new(&app, "CANARYKEY".into())
    }

    #[test]
    fn nothing_here_prints_a_secret() {
        let signer = signer();
        let signed = signer.signed();
        let usersig = signed.query.split("usersig=").nth(1).unwrap().split('&').next().unwrap();
        assert!(usersig.len() > 60, "the test's own premise");
        let printed = format!("{signer:?} {signed:?} {:?} {:?}", signer.key(), signer.usersig(Duration::from_secs(60)));
        assert!(!printed.contains("CANARYKEY") && !printed.contains(usersig) && !printed.contains("eJ"), "{printed}");
    }

    #[test]
    fn a_query_never_outgrows_the_room_it_was_given() {
        let signed = signer().signed();
        assert!(signed.query.starts_with("sdkappid=1400000000&identifier=admin%20istrator&usersig=eJ"));
        assert!(signed.query.ends_with("&contenttype=json"));
        // `String` doubles when it grows, so twice as much room would be a sign of that.
        assert!(signed.query.capacity() <= signed.query.len() + 100, "{}", signed.query.capacity());
    }
}
