//! Where an app's Chat is found. It comes from here alone, never from a caller.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use http::Uri;

use super::Expected;
use crate::regions::Region;

/// Where an app's Chat is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Upstream {
    /// Chat itself, in a region.
    Region(Region),
    /// A stand-in, or a proxy in front of Chat.
    BaseUrl(BaseUrl),
}

impl Upstream {
    /// The host without a port; an IPv6 address stands in brackets.
    pub fn host(&self) -> &str {
        match self {
            Upstream::Region(region) => region.host(),
            Upstream::BaseUrl(url) => url.host(),
        }
    }

    /// Scheme, host and port without a slash at the end, such as `https://console.tim.qq.com`.
    pub fn base_url(&self) -> Cow<'_, str> {
        match self {
            Upstream::Region(region) => Cow::Owned(format!("https://{}", region.host())),
            Upstream::BaseUrl(url) => Cow::Borrowed(url.as_str()),
        }
    }

    /// Whether it is on this machine, and so no Chat that someone else could have used this very second.
    pub fn is_loopback(&self) -> bool {
        match self {
            Upstream::Region(_) => false,
            Upstream::BaseUrl(url) => url.is_loopback(),
        }
    }
}

/// A checked base URL: https to anywhere or http to this machine; scheme, host and port, nothing else.
#[derive(Clone, PartialEq, Eq)]
pub struct BaseUrl {
    text: String,
    host: String,
    loopback: bool,
}

impl BaseUrl {
    /// The URL without a slash at the end.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The host without the port; an IPv6 address stands in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether the host is `localhost`, in 127.0.0.0/8 or `[::1]`.
    pub fn is_loopback(&self) -> bool {
        self.loopback
    }
}

impl FromStr for BaseUrl {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        // `Uri` drops a fragment in silence, so it is looked for by hand.
        let uri: Uri = text.parse().ok().filter(|_| !text.contains('#')).ok_or_else(bare)?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(bare());
        };
        let host = authority.host();
        let port = authority.as_str().strip_prefix(host).ok_or_else(bare)?; // fails for user:password@
        let port_fits = port.is_empty() || authority.port_u16().is_some_and(|port| port > 0);
        if host.is_empty() || !port_fits || uri.query().is_some() || !matches!(uri.path(), "" | "/") {
            return Err(bare());
        }
        let loopback = is_loopback(host);
        match scheme {
            "https" => {}
            "http" if loopback => {}
            // The UserSig travels in the query, so the clear is for this machine only.
            "http" => return Err(Expected::new("https (plain http only to loopback)")),
            _ => return Err(bare()),
        }
        Ok(Self { text: format!("{scheme}://{authority}"), host: host.to_owned(), loopback })
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

fn bare() -> Expected {
    Expected::new("a URL of scheme, host and port alone, such as \"https://chat.example\" or \"http://127.0.0.1:8700\"")
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || address.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn plain_http_goes_to_this_machine_only() {
        for good in ["http://127.0.0.1:8700", "http://127.8.8.8", "http://[::1]:1", "http://localhost:80"] {
            assert!(good.parse::<BaseUrl>().unwrap().is_loopback(), "{good}");
        }
        for bad in
            ["http://chat.example", "http://10.0.0.1:80", "http://localhost.evil.example", "http://127.0.0.1.nip.io"]
        {
            assert!(bad.parse::<BaseUrl>().unwrap_err().to_string().contains("loopback"), "{bad}");
        }
        assert!(!"https://chat.example".parse::<BaseUrl>().unwrap().is_loopback());
    }

    #[test]
    fn nothing_but_scheme_host_and_port_is_taken() {
        for bad in [
            "",
            "chat.example",
            "127.0.0.1:80",
            "https://",
            "https://u:p@chat.example",
            "https://u@chat.example",
            "https://chat.example/v4",
            "https://chat.example/?a=b",
            "https://chat.example?a",
            "https://chat.example#x",
            "ftp://chat.example",
            "https://chat.example:",
            "https://chat.example:99999",
            "https://chat.example:0",
            "https://chat example",
            "/v4",
        ] {
            assert!(bad.parse::<BaseUrl>().is_err(), "{bad:?} passed");
        }
    }

    #[test]
    fn the_slash_at_the_end_goes_and_the_host_is_told_apart() {
        let url: BaseUrl = "https://chat.example:8443/".parse().unwrap();
        assert_eq!((url.as_str(), url.host()), ("https://chat.example:8443", "chat.example"));
        assert_eq!(Upstream::Region(Region::Seoul).base_url(), "https://adminapikr.im.qcloud.com");
    }
}
