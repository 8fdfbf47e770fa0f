//! What is in force where a file says nothing: the numbers that callers and operators rely on.

use std::time::Duration;

use super::{CALLER, LEAST, read};
use crate::config::{App, Backend, FieldLimits, Http2, LogFormat, Mode};

#[test]
fn the_server_s_defaults_are_those_promised() {
    let server = read(LEAST).unwrap().server;
    assert_eq!(server.listen.to_string(), "127.0.0.1:50051");
    assert_eq!(server.admin_listen.unwrap().to_string(), "127.0.0.1:9464");
    assert_eq!(server.drain_timeout, Duration::from_secs(25));
    assert_eq!(server.unary_deadline, Duration::from_secs(10));
    assert_eq!(server.item_deadline, Duration::from_secs(60));
    assert_eq!((server.max_request_bytes, server.plaintext, server.tls), (65_536, false, None));
    let Http2 { initial_stream_window_bytes, initial_connection_window_bytes, .. } = server.http2;
    assert_eq!((initial_stream_window_bytes, initial_connection_window_bytes), (16_384, 16_777_216));
    assert_eq!((server.max_calls, server.http2.max_control_frames), (4_096, 1_000));
    assert_eq!((server.http2.max_connections, server.http2.max_header_list_bytes), (1_000, 16_384));
}

#[test]
fn an_app_s_defaults_are_those_promised() {
    let config = read(LEAST).unwrap();
    let App { usersig_ttl, calls_per_second, attempt_timeout, max_attempts, .. } = config.apps[0];
    assert_eq!(usersig_ttl, Duration::from_secs(86_400));
    assert_eq!((calls_per_second, max_attempts), (200, 4));
    assert_eq!(attempt_timeout, Duration::from_secs(5));
    let expected = FieldLimits {
        owner_account: 32,
        group_id: 48,
        name: 30,
        introduction: 240,
        notification: 300,
        face_url: 100,
        app_defined_key: 16,
        app_defined_value: 512,
        max_member_count: 6_000,
        community_max_member_count: 100_000,
    };
    assert_eq!(config.apps[0].field_limits, expected);
}

#[test]
fn the_other_defaults_are_those_promised() {
    let config = read(&format!("{LEAST}{CALLER}")).unwrap();
    assert_eq!((config.log.level.as_str(), config.log.format), ("info", LogFormat::Text));
    assert_eq!(config.rate_limit.mode, Mode::Window);
    assert_eq!(config.rate_limit.backend, Backend::Local);
    assert_eq!(config.rate_limit.quiet_start, Duration::from_secs(1));
    let caller = &config.callers[0];
    assert_eq!((caller.weight, caller.max_calls_per_second, caller.require_key), (1, None, false));
}
