//! Reads `[server.http2]`.

use super::server::UP_TO_A_DAY;
use super::table::Table;
use super::values::{duration, integer};
use crate::config::Http2;

/// The largest window that HTTP/2 knows, in bytes (RFC 9113, 6.9.1).
const MAX_WINDOW: u32 = (1 << 31) - 1;
/// A connection's window never begins below this, in bytes (RFC 9113, 6.9.2).
const MIN_CONNECTION_WINDOW: u32 = 65_535;

pub(super) fn read(mut table: Table<'_>) -> Http2 {
    let d = Http2::default();
    let t = &mut table;
    let http2 = Http2 {
        max_connections: t.value("max_connections", d.max_connections, integer(1..=1_000_000)),
        max_concurrent_streams: t.value("max_concurrent_streams", d.max_concurrent_streams, integer(1..=1_000_000)),
        max_header_list_bytes: t.value("max_header_list_bytes", d.max_header_list_bytes, integer(1_024..=1_048_576)),
        max_pending_accept_reset_streams: t.value(
            "max_pending_accept_reset_streams",
            d.max_pending_accept_reset_streams,
            integer(1..=1_000_000),
        ),
        max_local_error_reset_streams: t.value(
            "max_local_error_reset_streams",
            d.max_local_error_reset_streams,
            integer(1..=1_000_000),
        ),
        max_control_frames: t.value("max_control_frames", d.max_control_frames, integer(100..=1_000_000)),
        keepalive_interval: t.value("keepalive_interval", d.keepalive_interval, duration(UP_TO_A_DAY)),
        keepalive_timeout: t.value("keepalive_timeout", d.keepalive_timeout, duration(UP_TO_A_DAY)),
        initial_stream_window_bytes: t.value(
            "initial_stream_window_bytes",
            d.initial_stream_window_bytes,
            integer(1_024..=MAX_WINDOW),
        ),
        initial_connection_window_bytes: t.value(
            "initial_connection_window_bytes",
            d.initial_connection_window_bytes,
            integer(MIN_CONNECTION_WINDOW..=MAX_WINDOW),
        ),
        max_connection_idle: t.value("max_connection_idle", d.max_connection_idle, duration(UP_TO_A_DAY)),
        handshake_timeout: t.value("handshake_timeout", d.handshake_timeout, duration(UP_TO_A_DAY)),
    };
    table.finish();
    http2
}
