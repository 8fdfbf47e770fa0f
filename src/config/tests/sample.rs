//! The README's sample, and a file with every key there is.

use std::time::Duration;

use super::{read, server};
use crate::config::{Backend, Config, Listen, LogFormat, Mode, Outage, Upstream};
use crate::regions::Region;

const SAMPLE: &str = r#"
[server]
listen = "127.0.0.1:50051"        # or "unix:/run/group-import/gateway.sock" (unix_mode = "0660", unix_owner, unix_group)
admin_listen = "127.0.0.1:9464"   # metrics, probes, live page; "" turns it off
drain_timeout = "25s"             # for calls under way at SIGTERM
unary_deadline = "10s"            # for a caller that gives none
item_deadline = "60s"             # how long a stream's item may wait for its turn and its answer
max_request_bytes = 65536

[log]
level = "info"                    # $RUST_LOG goes before it
format = "text"                   # or "json"

[[apps]]
name = "prod"
sdk_app_id = 1400000000
identifier = "administrator"
secret_key_file = "/run/secrets/chat_key"   # or secret_key_env = "CHAT_KEY"; never the key itself
region = "singapore"              # china singapore seoul tokyo frankfurt silicon_valley jakarta mumbai
usersig_ttl = "24h"
calls_per_second = 200
attempt_timeout = "5s"            # Chat's own is 3 s, so one of 3 s or less is refused
max_attempts = 4

[[callers]]                       # none: anyone who can reach the port
name = "billing"
token_sha256 = ["e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"]
apps = ["prod"]
weight = 1                        # share of an app's rate under contention
max_calls_per_second = 100
require_key = false

[rate_limit]
mode = "window"
backend = "local"
quiet_start = "1s"
"#;

const EVERYTHING: &str = r#"
[server]
listen = "unix:/run/group-import/gateway.sock"
unix_mode = "0660"
unix_owner = "gateway"
unix_group = "1000"
admin_listen = ""
drain_timeout = "1m 30s"
unary_deadline = "250ms"
item_deadline = "2m"
max_request_bytes = 131_072
max_calls = 18
plaintext = true
forwarded_client_cert = true
[server.tls]
cert_file = "tls.crt"
key_file = "tls.key"
[server.http2]
max_connections = 10
max_concurrent_streams = 11
max_header_list_bytes = 8192
max_pending_accept_reset_streams = 12
max_local_error_reset_streams = 13
max_control_frames = 130
keepalive_interval = "14s"
keepalive_timeout = "15s"
initial_stream_window_bytes = 65_536
initial_connection_window_bytes = 1_048_576
max_connection_idle = "16s"
handshake_timeout = "17s"

[log]
level = "warn, group_import_gateway=debug"
format = "json"

[[apps]]
name = "stand-in"
sdk_app_id = 1
identifier = "管理员"
secret_key_env = "CHAT_KEY"
base_url = "http://127.0.0.1:8700"
usersig_ttl = "180days"
calls_per_second = 5000
attempt_timeout = "3001ms"
max_attempts = 10
[apps.field_limits]
owner_account = 1
group_id = 2
name = 100
introduction = 400
notification = 401
face_url = 500
app_defined_key = 3
app_defined_value = 4
max_member_count = 5
community_max_member_count = 6

[[callers]]
name = "billing"
token_sha256 = [
  "0000000000000000000000000000000000000000000000000000000000000001",
  "ABCDEFabcdef0000000000000000000000000000000000000000000000000002",
]
tls_name = "spiffe://example.org/billing"
apps = ["stand-in"]
weight = 1000
max_calls_per_second = 1
require_key = true

[rate_limit]
mode = "strict"
backend = "redis"
redis_url = "rediss://user:pw@cache.example:6380/2"
replicas = 5
outage = "closed"
suspect = "45s"
quiet_start = "0s"
"#;

#[test]
fn the_sample_is_taken_and_says_what_the_defaults_are() {
    let config = read(SAMPLE).unwrap();
    let app = &config.apps[0];
    assert_eq!(app.upstream, Upstream::Region(Region::Singapore));
    assert_eq!((app.sdk_app_id.get(), app.calls_per_second), (1_400_000_000, 200));
    assert_eq!(config.callers[0].token_sha256[0][..3], [0xe3, 0xb0, 0xc4]);
    assert_eq!(config.callers[0].max_calls_per_second, Some(100));
    let defaults = Config::sandbox();
    assert_eq!(config.server, defaults.server);
    assert_eq!(config.log, defaults.log);
    assert_eq!(config.rate_limit, defaults.rate_limit);
}

#[test]
fn every_key_can_be_set() {
    let config = read(EVERYTHING).unwrap();
    let Listen::Unix { path, mode, owner, group } = &config.server.listen else {
        panic!("not a socket: {:?}", config.server.listen);
    };
    assert_eq!((path.to_str(), *mode), (Some("/run/group-import/gateway.sock"), Some(0o660)));
    assert_eq!((owner.as_deref(), group.as_deref()), (Some("gateway"), Some("1000")));
    assert_eq!(config.server.admin_listen, None);
    assert_eq!(config.server.drain_timeout, Duration::from_secs(90));
    assert!(config.server.forwarded_client_cert && config.server.plaintext && config.server.tls.is_some());
    assert_eq!(config.server.http2.handshake_timeout, Duration::from_secs(17));
    assert_eq!((config.server.max_calls, config.server.http2.max_control_frames), (18, 130));
    assert_eq!(config.log.level, "warn,group_import_gateway=debug");
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!(config.apps[0].upstream.base_url(), "http://127.0.0.1:8700");
    assert_eq!(config.apps[0].attempt_timeout, Duration::from_millis(3_001));
    assert_eq!(config.apps[0].field_limits.community_max_member_count, 6);
    assert_eq!(config.callers[0].token_sha256.len(), 2);
    assert!(config.callers[0].require_key);
    assert_eq!((config.rate_limit.mode, config.rate_limit.quiet_start), (Mode::Strict, Duration::ZERO));
    let Backend::Redis { url, replicas, outage, suspect } = &config.rate_limit.backend else {
        panic!("not Redis: {:?}", config.rate_limit.backend);
    };
    assert_eq!(url.expose(), "rediss://user:pw@cache.example:6380/2");
    assert_eq!((*replicas, *outage, *suspect), (5, Outage::Closed, Duration::from_secs(45)));
}

#[test]
fn a_table_may_be_written_in_any_of_toml_s_ways() {
    let inline = server("tls = { cert_file = \"c\", key_file = \"k\" }\nhttp2.max_connections = 7");
    let config = read(&inline).unwrap();
    assert!(config.server.tls.is_some());
    assert_eq!(config.server.http2.max_connections, 7);
}

proptest::proptest! {
    #[test]
    fn a_damaged_file_is_refused_or_taken_but_never_a_panic(
        from in 0..EVERYTHING.len(), length in 0..80_usize, by in "\\PC{0,12}",
    ) {
        let edge = |mut at: usize| { while !EVERYTHING.is_char_boundary(at) { at -= 1 } at };
        let (from, to) = (edge(from), edge((from + length).min(EVERYTHING.len())));
        let text = format!("{}{by}{}", &EVERYTHING[..from], &EVERYTHING[to..]);
        if let Err(faults) = read(&text) {
            assert!(faults.iter().count() > 0);
        }
    }
}
