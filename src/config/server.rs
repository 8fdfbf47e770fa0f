//! `[server]`: where the gateway listens and how long things may take there.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::Http2;

/// `[server]`: the gRPC side and the admin port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Where gRPC is served.
    pub listen: Listen,
    /// Where metrics, probes and the live page are served; `None` turns them off.
    pub admin_listen: Option<SocketAddr>,
    /// How long calls under way may take to end once SIGTERM has come.
    pub drain_timeout: Duration,
    /// The deadline of a unary call whose caller gives none.
    pub unary_deadline: Duration,
    /// How long a stream's item may wait for its turn and its answer together.
    pub item_deadline: Duration,
    /// Largest request message, in bytes.
    pub max_request_bytes: usize,
    /// Calls under way at a time, those that wait for their turn included; a stream has one for each of its items under
    /// way, and one without any. No caller takes more of these places than it leaves free.
    pub max_calls: usize,
    /// Lets tokens cross a network address without TLS, for places where a mesh encrypts.
    pub plaintext: bool,
    /// Takes the word of `x-forwarded-client-cert` for whose certificate a mesh's sidecar has verified; only where
    /// nobody but the sidecar can connect.
    pub forwarded_client_cert: bool,
    /// The gateway's own certificate; without it gRPC is served in the clear.
    pub tls: Option<Tls>,
    /// Limits on connections, in force before any code of ours runs.
    pub http2: Http2,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: Listen::Tcp(SocketAddr::from(([127, 0, 0, 1], 50051))),
            admin_listen: Some(SocketAddr::from(([127, 0, 0, 1], 9464))),
            drain_timeout: Duration::from_secs(25), // Kubernetes kills after 30 s
            unary_deadline: Duration::from_secs(10),
            item_deadline: Duration::from_secs(60),
            max_request_bytes: 65_536, // a group at every one of its limits takes some 12 KiB
            max_calls: 4_096,          // each costs 10 KiB, and 80 KiB at worst
            plaintext: false,
            forwarded_client_cert: false,
            tls: None,
            http2: Http2::default(),
        }
    }
}

/// Where gRPC is served: a TCP address or a Unix socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// A TCP address; port 0 lets the system choose.
    Tcp(SocketAddr),
    /// A Unix socket, and what is done to it once it is bound.
    Unix {
        /// The socket's path.
        path: PathBuf,
        /// The socket's permission bits, such as `0o660`; `None` leaves what the umask gives.
        mode: Option<u32>,
        /// A user's name or number to hand the socket to.
        owner: Option<String>,
        /// A group's name or number to hand the socket to.
        group: Option<String>,
    },
}

impl Listen {
    /// Whether other machines can reach it.
    pub fn is_network(&self) -> bool {
        match self {
            // `to_canonical`, since `::ffff:127.0.0.1` is this machine too.
            Listen::Tcp(address) => !address.ip().to_canonical().is_loopback(),
            Listen::Unix { .. } => false,
        }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Listen::Tcp(address) => address.fmt(f),
            Listen::Unix { path, .. } => write!(f, "unix:{}", path.display()),
        }
    }
}

/// `[server.tls]`: PEM files, read when the gateway starts and again when they change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The certificate chain.
    pub cert_file: PathBuf,
    /// The chain's private key.
    pub key_file: PathBuf,
    /// The CA whose client certificates are taken; with it TLS is mutual. A client without a certificate is taken only
    /// where callers with tokens are configured too.
    pub client_ca_file: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_loopback_and_sockets_are_out_of_reach_of_others() {
        let network = |text: &str| Listen::Tcp(text.parse().unwrap()).is_network();
        assert!(!network("127.0.0.1:1") && !network("127.9.9.9:1") && !network("[::1]:1"));
        assert!(!network("[::ffff:127.0.0.1]:1"));
        assert!(network("0.0.0.0:1") && network("[::]:1") && network("10.0.0.1:1"));
        let socket = Listen::Unix { path: "/run/x".into(), mode: None, owner: None, group: None };
        assert!(!socket.is_network());
        assert_eq!(socket.to_string(), "unix:/run/x");
    }
}
