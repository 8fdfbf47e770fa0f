//! Reads `[server]`.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::http2;
use super::table::Table;
use super::values::{Problem, Raw, boolean, duration, integer, parsed_by, path, text};
use crate::config::{Expected, Listen, Place, Server, Tls};

/// `[server]` and what the checks across sections need of it.
pub(super) struct ServerRead {
    pub(super) server: Server,
    /// Where `listen` stands.
    pub(super) listen: Place,
    /// Whether TLS is configured, right or wrong.
    pub(super) has_tls: bool,
    /// Whether client certificates are looked at, shown or forwarded.
    pub(super) takes_certificates: bool,
}

/// Beyond a day a mistake is likelier than an intention.
pub(super) const UP_TO_A_DAY: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(24 * 3_600);

/// Why a sidecar's word is not taken on an address that others can reach.
const FORGEABLE: &str = "whoever can reach the port could send the header and call as anybody: listen on loopback \
                         or a socket, where only the mesh's sidecar connects, or verify certificates here with \
                         `server.tls.client_ca_file`";

pub(super) fn read(mut table: Table<'_>) -> ServerRead {
    let default = Server::default();
    let listen = listen(&mut table, default.listen);
    let admin_listen = table.value("admin_listen", default.admin_listen, parsed_by(admin_address));
    if let (Listen::Tcp(grpc), Some(admin)) = (&listen, admin_listen)
        && grpc.port() != 0
        && *grpc == admin
    {
        table.fault("admin_listen", "the same address as `server.listen`");
    }
    let tls = table.section("tls");
    let has_tls = tls.is_present();
    let forwarded = table.value("forwarded_client_cert", default.forwarded_client_cert, boolean);
    if forwarded && listen.is_network() {
        table.fault("forwarded_client_cert", FORGEABLE);
    }
    if forwarded && tls.has("client_ca_file") {
        table.fault(
            "forwarded_client_cert",
            "stands beside `server.tls.client_ca_file`: only one of them says who calls",
        );
    }
    let takes_certificates = forwarded || tls.has("client_ca_file");
    let server = Server {
        listen,
        admin_listen,
        drain_timeout: table.value("drain_timeout", default.drain_timeout, duration(UP_TO_A_DAY)),
        unary_deadline: table.value("unary_deadline", default.unary_deadline, duration(UP_TO_A_DAY)),
        item_deadline: table.value("item_deadline", default.item_deadline, duration(UP_TO_A_DAY)),
        max_request_bytes: table.value("max_request_bytes", default.max_request_bytes, integer(1_024..=16_777_216)),
        max_calls: table.value("max_calls", default.max_calls, integer(2..=1_000_000)),
        plaintext: table.value("plaintext", default.plaintext, boolean),
        forwarded_client_cert: forwarded,
        tls: read_tls(tls),
        http2: http2::read(table.section("http2")),
    };
    let place = table.place("listen");
    table.finish();
    ServerRead { server, listen: place, has_tls, takes_certificates }
}

fn listen(table: &mut Table<'_>, default: Listen) -> Listen {
    let given = table.optional("listen", address);
    let mode = table.optional("unix_mode", parsed_by(permissions));
    let owner = table.optional("unix_owner", text);
    let group = table.optional("unix_group", text);
    // A wrong `listen` may have been meant as either, so nothing more is said about it then.
    let is_tcp = matches!(given, Some(Listen::Tcp(_))) || !table.has("listen");
    for key in ["unix_mode", "unix_owner", "unix_group"] {
        if is_tcp && table.has(key) {
            table.fault(key, "has a meaning only where `server.listen` is a `unix:` path");
        }
    }
    match given {
        Some(Listen::Unix { path, .. }) => Listen::Unix { path, mode, owner, group },
        Some(tcp) => tcp,
        None => default,
    }
}

fn address(raw: &Raw<'_>) -> Result<Listen, Problem> {
    /// The longest path that fits in Linux's `sockaddr_un` beside its end.
    const MAX_SOCKET_PATH: usize = 107;
    parsed_by(|text| match text.strip_prefix("unix:") {
        Some(path) if path.is_empty() || path.len() > MAX_SOCKET_PATH => {
            Err(Expected::new("a socket's path of at most 107 bytes after `unix:`"))
        }
        Some(path) => Ok(Listen::Unix { path: path.into(), mode: None, owner: None, group: None }),
        None => text
            .parse()
            .map(Listen::Tcp)
            .map_err(|_| Expected::new("an IP address with its port, such as \"127.0.0.1:50051\", or \"unix:/path\"")),
    })(raw)
}

fn admin_address(text: &str) -> Result<Option<SocketAddr>, Expected> {
    match text {
        "" => Ok(None),
        _ => text
            .parse()
            .map(Some)
            .map_err(|_| Expected::new("an IP address with its port, such as \"127.0.0.1:9464\", or \"\"")),
    }
}

fn permissions(text: &str) -> Result<u32, Expected> {
    let digits = text.len() <= 4 && text.bytes().all(|b| b.is_ascii_digit());
    let mode = u32::from_str_radix(text, 8).ok().filter(|mode| digits && *mode <= 0o777);
    mode.ok_or(Expected::new("octal permissions in quotes, such as \"0660\""))
}

/// A section that is not there is no TLS; one that is must be whole.
fn read_tls(mut table: Table<'_>) -> Option<Tls> {
    let files = match table.is_present() {
        true => (table.required("cert_file", path), table.required("key_file", path)),
        false => (table.optional("cert_file", path), table.optional("key_file", path)),
    };
    let client_ca_file = table.optional("client_ca_file", path);
    table.finish();
    let (Some(cert_file), Some(key_file)) = files else {
        return None;
    };
    Some(Tls { cert_file, key_file, client_ca_file })
}
