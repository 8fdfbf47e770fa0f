//! The address of Redis, which may hold a password.

use std::fmt;
use std::str::FromStr;

use redis::IntoConnectionInfo as _;
use secrecy::{ExposeSecret, SecretString};

use super::Expected;

/// A `redis://` or `rediss://` URL that the client takes. Its password shows neither in `Debug` nor in `Display`.
#[derive(Clone)]
pub struct RedisUrl {
    url: SecretString,
    /// Scheme, host and port, as the client understood them.
    place: String,
}

impl RedisUrl {
    /// The whole URL, password and all: for the Redis client alone.
    pub fn expose(&self) -> &str {
        self.url.expose_secret()
    }
}

impl FromStr for RedisUrl {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        let expected = || Expected::new("a URL such as \"redis://127.0.0.1:6379\", or \"rediss://…\" for TLS");
        let scheme = ["redis", "rediss"].into_iter().find(|scheme| text.starts_with(&format!("{scheme}://")));
        // A fragment is refused because `#insecure` would have the client take any certificate.
        let scheme = scheme.filter(|_| !text.contains('#')).ok_or_else(expected)?;
        // The client's own reading alone tells what is a password and what a host: by another, what was meant as a
        // password could end in `place`. Its error is not told, since it may quote the URL.
        let info = text.into_connection_info().map_err(|_| expected())?;
        Ok(Self { url: text.into(), place: format!("{scheme}://{}", info.addr()) })
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
        f.write_str(&self.place)
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
    fn what_the_client_would_not_take_is_refused() {
        for bad in [
            "",
            "127.0.0.1:6379",
            "http://x",
            "unix:///run/redis.sock",
            "redis://",
            "redis://gateway:hunter2", // the host forgotten: a port that is none, which must not be shown
            "redis://cache.example/first",
            "redis://0.0.0.0:6379",
            "rediss://cache.example/#insecure",
        ] {
            assert!(bad.parse::<RedisUrl>().is_err(), "{bad:?} passed");
        }
    }
}
