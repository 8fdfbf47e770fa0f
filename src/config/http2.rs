//! `[server.http2]`: limits on connections, in force before any code of ours runs.

use std::time::Duration;

/// `[server.http2]`: what one connection, and all of them together, may ask of the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http2 {
    /// Connections open at a time; further ones are closed as soon as they are accepted.
    pub max_connections: usize,
    /// Calls under way on one connection. 1,024 of them with 16 KiB windows fill a connection window of 16 MiB.
    pub max_concurrent_streams: u32,
    /// Largest header list of one request, in bytes.
    pub max_header_list_bytes: u32,
    /// Streams reset by the client before they were taken up; past it the connection ends
    /// (rapid reset, CVE-2023-44487).
    pub max_pending_accept_reset_streams: usize,
    /// Streams reset by the gateway over client errors; past it the connection ends. A client that cancels in bursts
    /// comes near h2's own 1,024.
    pub max_local_error_reset_streams: usize,
    /// Frames that belong to no call (PING, SETTINGS, WINDOW_UPDATE and the like) at once, and again every ten seconds,
    /// beyond what answers of that size give reason to; past it the connection is cut. h2 itself bears any number.
    pub max_control_frames: u32,
    /// How often a silent connection is pinged.
    pub keepalive_interval: Duration,
    /// How long a ping's answer may take before the connection is given up.
    pub keepalive_timeout: Duration,
    /// Flow-control window of one stream, in bytes.
    ///
    /// Small, while the connection's is big: h2 ends a connection when unread DATA frames under 256 bytes use up half
    /// the connection window, and a stream of short groups that waits for its rate is just that.
    pub initial_stream_window_bytes: u32,
    /// Flow-control window of a connection, in bytes; see [`Http2::initial_stream_window_bytes`].
    pub initial_connection_window_bytes: u32,
    /// How long a connection may stay open with no call on it; pings are none.
    pub max_connection_idle: Duration,
    /// How long a new connection may take until it speaks HTTP/2, its TLS handshake included.
    pub handshake_timeout: Duration,
}

impl Default for Http2 {
    fn default() -> Self {
        Self {
            max_connections: 1_000,
            max_concurrent_streams: 1_024,
            max_header_list_bytes: 16_384,
            max_pending_accept_reset_streams: 20,
            max_local_error_reset_streams: 1_024,
            max_control_frames: 1_000,
            keepalive_interval: Duration::from_secs(30),
            keepalive_timeout: Duration::from_secs(20),
            initial_stream_window_bytes: 16_384,
            initial_connection_window_bytes: 16_777_216,
            max_connection_idle: Duration::from_secs(900),
            handshake_timeout: Duration::from_secs(5),
        }
    }
}
