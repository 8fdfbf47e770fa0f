//! The address of Redis, which may hold a password.

use std::fmt;
use std::str::FromStr;

use http::Uri;
use secrecy::{ExposeSecret, SecretString};

use super::Expected;

/// A checked `redis://` or `rediss://` URL. Its password shows neither in `Debug` nor in `Display`.
#[derive(Clone)]
pub struct RedisUrl(SecretString);

impl RedisUrl {
    /// The whole URL, password and all: for the Redis client alone.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl FromStr for RedisUrl {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        // A fragment is refused because `#insecure` would have the client take any certificate.
        let uri: Option<Uri> = text.parse().ok().filter(|_| !text.contains('#'));
        let fits = uri.is_some_and(|uri| {
            matches!(uri.scheme_str(), Some("redis" | "rediss")) && uri.host().is_some_and(|host| !host.is_empty())
        });
        if fits {
            Ok(Self(text.into()))
        } else {
            Err(Expected::new("a URL such as \"redis://127.0.0.1:6379\", or \"rediss://…\" for TLS"))
        }
    }
}

// Equality is asked only to tell whether a reload changes anything, so it need not take constant time.
impl PartialEq for RedisUrl {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for RedisUrl {}

impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.expose();
        let (scheme, rest) = url.split_once("://").unwrap_or(("redis", ""));
        let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
        // A query can hold a password as well.
        let place = rest.split(['/', '?']).next().unwrap_or_default();
        write!(f, "{scheme}://{place}")
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_password_shows_only_where_it_is_asked_for() {
        let url: RedisUrl = "rediss://gateway:hunter2@cache.example:6380/1?password=hunter2".parse().unwrap();
        assert_eq!(format!("{url} {url:?}"), "rediss://cache.example:6380 RedisUrl(rediss://cache.example:6380)");
        assert!(url.expose().contains("hunter2"));
    }

    #[test]
    fn other_schemes_and_insecure_tls_are_refused() {
        for bad in ["", "127.0.0.1:6379", "http://x", "redis://", "rediss://cache.example/#insecure"] {
            assert!(bad.parse::<RedisUrl>().is_err(), "{bad:?} passed");
        }
    }
}
