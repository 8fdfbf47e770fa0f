//! Every key there is, with its default and its meaning: the README's table is made of it.
//!
//! A default shown here is asked of the type that applies it, so the two can't part.

use std::fmt::Write;
use std::time::Duration;

use super::{App, Backend, Caller, FieldLimits, Http2, Log, RateLimit, Server};

/// A key of the configuration.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its place, such as `server.listen` or `apps[].region`.
    pub path: &'static str,
    /// What it means, and what it may be.
    pub meaning: &'static str,
    without: Without,
}

/// What there is without a key.
#[derive(Clone, Copy, Debug)]
enum Without {
    /// A fault.
    Fault,
    /// Nothing.
    Nothing,
    /// A default, as TOML writes it.
    Default(fn() -> String),
}

impl Key {
    /// The default as TOML writes it, for the keys that have one.
    pub fn default(&self) -> Option<String> {
        match self.without {
            Without::Default(text) => Some(text()),
            Without::Fault | Without::Nothing => None,
        }
    }

    /// Whether the key must be there, or the one that stands for it.
    pub fn is_required(&self) -> bool {
        matches!(self.without, Without::Fault)
    }
}

const fn required(path: &'static str, meaning: &'static str) -> Key {
    Key { path, meaning, without: Without::Fault }
}

const fn absent(path: &'static str, meaning: &'static str) -> Key {
    Key { path, meaning, without: Without::Nothing }
}

const fn key(path: &'static str, default: fn() -> String, meaning: &'static str) -> Key {
    Key { path, meaning, without: Without::Default(default) }
}

/// Every key, in the order in which the README has them.
#[rustfmt::skip]
pub const KEYS: &[Key] = &[
    key("server.listen", || text(server().listen), "where gRPC is served: an IP address with its port (0: any free one), or `unix:` and a path"),
    absent("server.unix_mode", "permissions of the socket, in octal: `\"0660\"`"),
    absent("server.unix_owner", "name or number of the socket's owner"),
    absent("server.unix_group", "name or number of the socket's group"),
    key("server.admin_listen", || text(server().admin_listen.map_or(String::new(), |address| address.to_string())), "where metrics, probes and the live page are served; `\"\"` turns them off"),
    key("server.drain_timeout", || text(duration(server().drain_timeout)), "for calls under way at SIGTERM"),
    key("server.unary_deadline", || text(duration(server().unary_deadline)), "for a unary call whose caller gives none"),
    key("server.item_deadline", || text(duration(server().item_deadline)), "how long a stream's item may wait for its turn and its answer"),
    key("server.max_request_bytes", || server().max_request_bytes.to_string(), "largest request message, 1024 to 16777216 bytes"),
    key("server.max_calls", || server().max_calls.to_string(), "calls under way at a time, those that wait included; a stream has one for each of its items under way, and one without any. No caller takes more of these places than it leaves free: one alone has half"),
    key("server.plaintext", || server().plaintext.to_string(), "`true`: tokens may cross a network without TLS, for where a mesh encrypts"),
    key("server.forwarded_client_cert", || server().forwarded_client_cert.to_string(), "`true`: a mesh's sidecar says by `x-forwarded-client-cert` whose certificate it has verified; on loopback and sockets alone"),
    absent("server.tls.cert_file", "the gateway's certificate chain, PEM, its own first; needed where there is `[server.tls]`; read again when it changes"),
    absent("server.tls.key_file", "its private key, PEM; needed where there is `[server.tls]`"),
    absent("server.tls.client_ca_file", "the CA of client certificates, PEM; makes TLS mutual: without a certificate of it only callers with a token come in, where there are any"),
    key("server.http2.max_connections", || http2().max_connections.to_string(), "connections open at a time; further ones are closed at once"),
    key("server.http2.max_concurrent_streams", || http2().max_concurrent_streams.to_string(), "calls under way on one connection"),
    key("server.http2.max_header_list_bytes", || http2().max_header_list_bytes.to_string(), "largest header list of a request"),
    key("server.http2.max_pending_accept_reset_streams", || http2().max_pending_accept_reset_streams.to_string(), "streams reset before they were taken up, then the connection ends"),
    key("server.http2.max_local_error_reset_streams", || http2().max_local_error_reset_streams.to_string(), "streams reset over client errors, then the connection ends"),
    key("server.http2.max_control_frames", || http2().max_control_frames.to_string(), "PING, SETTINGS, WINDOW_UPDATE and other frames that belong to no call, in ten seconds and beyond what its answers give reason to; then the connection ends"),
    key("server.http2.keepalive_interval", || text(duration(http2().keepalive_interval)), "how often a silent connection is pinged"),
    key("server.http2.keepalive_timeout", || text(duration(http2().keepalive_timeout)), "how long a ping's answer may take"),
    key("server.http2.initial_stream_window_bytes", || http2().initial_stream_window_bytes.to_string(), "flow-control window of a stream; small, so that short groups waiting unread don't trip h2"),
    key("server.http2.initial_connection_window_bytes", || http2().initial_connection_window_bytes.to_string(), "flow-control window of a connection; large, for the same reason"),
    key("server.http2.max_connection_idle", || text(duration(http2().max_connection_idle)), "how long a connection may stay without a call; pings are none"),
    key("server.http2.handshake_timeout", || text(duration(http2().handshake_timeout)), "how long a new connection may take until it speaks HTTP/2, its TLS handshake included"),
    key("log.level", || text(Log::default().level), "a level, or directives such as `info,hyper=warn`; `$RUST_LOG` goes before it"),
    key("log.format", || text(Log::default().format.name()), "`text` or `json`"),
    required("apps[].name", "by which callers ask for the app: 1 to 64 letters, digits, `_`, `-`"),
    required("apps[].sdk_app_id", "Chat's number of it; no two apps share one"),
    required("apps[].identifier", "the admin account that calls are made as, often `administrator`"),
    required("apps[].secret_key_file", "the file that holds the secret key, or else `secret_key_env`"),
    absent("apps[].secret_key_env", "the environment variable that holds the secret key"),
    required("apps[].region", "where the app lives: `china`, `singapore`, `seoul`, `tokyo`, `frankfurt`, `silicon_valley`, `jakarta` or `mumbai`; or else `base_url`"),
    absent("apps[].base_url", "instead of a region: scheme, host and port; plain http only to loopback"),
    key("apps[].usersig_ttl", || text(duration(App::USERSIG_TTL)), "how long a UserSig serves, 10 minutes to 50 years"),
    key("apps[].calls_per_second", || App::CALLS_PER_SECOND.to_string(), "calls a second for each command; more than 200 only with a `base_url`"),
    key("apps[].attempt_timeout", || text(duration(App::ATTEMPT_TIMEOUT)), "for one HTTP request; above Chat's own 3 s, at most 60 s"),
    key("apps[].max_attempts", || App::MAX_ATTEMPTS.to_string(), "attempts at a call, 1 to 10; refusals for rate don't count"),
    key("apps[].field_limits.owner_account", || limits().owner_account.to_string(), "bytes"),
    key("apps[].field_limits.group_id", || limits().group_id.to_string(), "bytes"),
    key("apps[].field_limits.name", || limits().name.to_string(), "bytes; newer SDK pages allow 100"),
    key("apps[].field_limits.introduction", || limits().introduction.to_string(), "bytes; newer SDK pages allow 400"),
    key("apps[].field_limits.notification", || limits().notification.to_string(), "bytes; newer SDK pages allow 400"),
    key("apps[].field_limits.face_url", || limits().face_url.to_string(), "bytes; newer SDK pages allow 500"),
    key("apps[].field_limits.app_defined_key", || limits().app_defined_key.to_string(), "bytes of a custom field's key"),
    key("apps[].field_limits.app_defined_value", || limits().app_defined_value.to_string(), "bytes of a custom field's value"),
    key("apps[].field_limits.max_member_count", || limits().max_member_count.to_string(), "largest `max_member_count`"),
    key("apps[].field_limits.community_max_member_count", || limits().community_max_member_count.to_string(), "the same for a community"),
    required("callers[].name", "what logs and metrics show: 1 to 64 letters, digits, `_`, `-`"),
    required("callers[].token_sha256", "list of the SHA-256 of the caller's bearer tokens, in hex (two while one replaces the other), or else `tls_name`"),
    absent("callers[].tls_name", "a SAN (URI or DNS name) of the caller's certificate"),
    required("callers[].apps", "list of the apps it may use"),
    key("callers[].weight", || Caller::DEFAULT_WEIGHT.to_string(), "its share of an app's rate under contention, 1 to 1000"),
    absent("callers[].max_calls_per_second", "a ceiling for this caller alone"),
    key("callers[].require_key", || false.to_string(), "`true`: refuses requests with neither `group_id` nor `request_id`"),
    key("rate_limit.mode", || text(RateLimit::default().mode.name()), "`window` or `strict`"),
    key("rate_limit.backend", || text(RateLimit::default().backend.name()), "`local`, or `redis` for one rate shared by every replica"),
    absent("rate_limit.redis_url", "`redis://…`, or `rediss://…` for TLS; needed with `redis`"),
    key("rate_limit.replicas", || Backend::REPLICAS.to_string(), "how many gateways share the rate; with `redis`"),
    key("rate_limit.outage", || text(Backend::OUTAGE.name()), "`share`, or `closed`: stop once Redis has been away longer than `suspect`; with `redis`"),
    key("rate_limit.suspect", || text(duration(Backend::SUSPECT)), "how long a silent replica's share stays untouched; with `redis`"),
    key("rate_limit.quiet_start", || text(duration(RateLimit::default().quiet_start)), "no call before it, except to a loopback `base_url`; up to 60 s"),
];

/// The table of every key for the README, in Markdown.
pub fn markdown_table() -> String {
    let mut table = String::from("| key | default | meaning |\n|---|---|---|\n");
    for key in KEYS {
        let default = match key.without {
            Without::Default(text) => format!("`{}`", text()),
            Without::Fault => "required".to_owned(),
            Without::Nothing => String::new(),
        };
        // Writing to a `String` can't fail.
        let _ = writeln!(table, "| `{}` | {default} | {} |", key.path, key.meaning);
    }
    table
}

/// A duration as people write it: `24h`, `90s`, `250ms`, `50years`.
pub(super) fn duration(duration: Duration) -> String {
    const YEAR: u64 = 31_557_600; // as humantime counts
    let seconds = duration.as_secs();
    match (seconds, duration.subsec_nanos()) {
        (0, 0) => "0s".to_owned(),
        (YEAR.., _) => humantime::format_duration(duration).to_string(),
        (_, 0) if seconds.is_multiple_of(3_600) => format!("{}h", seconds / 3_600),
        (_, 0) if seconds.is_multiple_of(60) && seconds > 60 => format!("{}m", seconds / 60),
        (_, 0) => format!("{seconds}s"),
        _ => humantime::format_duration(duration).to_string(),
    }
}

/// A text as TOML writes it; none of the defaults needs an escape.
fn text(text: impl std::fmt::Display) -> String {
    format!("\"{text}\"")
}

fn server() -> Server {
    Server::default()
}

fn http2() -> Http2 {
    Http2::default()
}

fn limits() -> FieldLimits {
    FieldLimits::default()
}
