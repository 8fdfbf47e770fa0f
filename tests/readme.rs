//! README's tables are those of the code. `UPDATE_README=1 cargo test --test
//! readme` writes them.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::fmt::Write as _;

use group_import_gateway::{
    admin, admission,
    commands::import_group::derive::VECTORS,
    config::{KEYS, markdown_table},
    errors::table::{Applied, Retry, TABLE},
    gateway::OPEN_REQUEST_BYTES,
    inbound::places::OPEN_CALLS,
    outbound::http::MAX_ANSWER_BYTES,
    service::UNANSWERED,
};

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");

fn errors() -> String {
    let mut table =
        "| code | reason | status | applied | retry | Chat's meaning |\n|---|---|---|---|---|---|\n".to_owned();
    for row in TABLE {
        let status = format!("{:?}", row.status).chars().fold(String::new(), |mut text, c| {
            if c.is_uppercase() && !text.is_empty() {
                text.push('_');
            }
            text.push(c.to_ascii_uppercase());
            text
        });
        let applied = if row.applied == Applied::No { "no" } else { "unknown" };
        let retry = match row.retry {
            Retry::No => "no",
            Retry::After => "after",
            Retry::IfRepeatable => "if_repeatable",
        };
        let (code, reason, meaning) = (row.code, row.reason, row.meaning);
        writeln!(table, "| {code} | `{reason}` | {status} | {applied} | {retry} | {meaning} |").unwrap();
    }
    table
}

fn vectors() -> String {
    let mut table = "| SDKAppID | `request_id` | group ID | a community's |\n|---|---|---|---|\n".to_owned();
    for (app, key, group, community) in VECTORS {
        writeln!(table, "| {app} | `{key}` | `{group}` | `{community}` |").unwrap();
    }
    table
}

/// Every bound on what others may ask of the gateway: what, how much, and what comes past it.
fn limits() -> String {
    let key = |name: &str| {
        let key = KEYS.iter().find(|key| key.path == name).unwrap_or_else(|| panic!("there is no key {name}"));
        format!("{}: `{name}`", key.default().unwrap_or_else(|| "none".into()).trim_matches('"'))
    };
    let http2 = |name: &str| key(&format!("server.http2.{name}"));
    let waiting = admission::Settings::default().queue_per_caller;
    let rows = [
        ("connections", http2("max_connections"), "closed at once"),
        ("time until a connection speaks HTTP/2, TLS included", http2("handshake_timeout"), "closed"),
        ("time without a call; pings are none", http2("max_connection_idle"), "GOAWAY, and ten seconds later the end"),
        ("silence until a ping", http2("keepalive_interval"), "a ping"),
        ("silence after it", http2("keepalive_timeout"), "closed"),
        ("calls on one connection", http2("max_concurrent_streams"), "wait at the client; one too many is refused"),
        (
            "streams reset before they were taken up (rapid reset)",
            http2("max_pending_accept_reset_streams"),
            "GOAWAY, ENHANCE_YOUR_CALM",
        ),
        ("streams reset over the client's errors", http2("max_local_error_reset_streams"), "GOAWAY, ENHANCE_YOUR_CALM"),
        (
            "PING, SETTINGS, WINDOW_UPDATE, PRIORITY and unknown frames in ten seconds, beyond what answers give reason to",
            http2("max_control_frames"),
            "cut",
        ),
        ("CONTINUATION frames of a header list", "5, more with larger lists".to_owned(), "GOAWAY, ENHANCE_YOUR_CALM"),
        ("header list of a request, in bytes", http2("max_header_list_bytes"), "HTTP 431; four times as much: GOAWAY"),
        ("request message, in bytes", key("server.max_request_bytes"), "OUT_OF_RANGE"),
        ("request to health or reflection, in bytes", OPEN_REQUEST_BYTES.to_string(), "OUT_OF_RANGE"),
        (
            "time until a unary request has come and is answered",
            key("server.unary_deadline"),
            "`DEADLINE_PASSED`; a caller's own deadline goes before it",
        ),
        (
            "calls and stream items under way, of all callers",
            key("server.max_calls"),
            "`RATE_LIMITED`; a stream waits. No caller takes more places than it leaves free",
        ),
        ("calls of health and reflection on one connection", OPEN_CALLS.to_string(), "RESOURCE_EXHAUSTED"),
        ("calls of one caller that wait, by app and lane", waiting.to_string(), "`RATE_LIMITED`; a stream waits"),
        ("unanswered items of one stream", UNANSWERED.to_string(), "no more are read"),
        ("calls a second of one caller", key("callers[].max_calls_per_second"), "`RATE_LIMITED`; a stream waits"),
        ("Chat's answer, in bytes", MAX_ANSWER_BYTES.to_string(), "a lost answer"),
        ("connections to the admin port", admin::MAX_CONNECTIONS.to_string(), "closed at once"),
        ("time until one has asked for something", format!("{}s", admin::REQUEST_WITHIN.as_secs()), "closed"),
    ];
    let mut table = "| what | how much | past it |\n|---|---|---|\n".to_owned();
    for (what, how_much, then) in rows {
        writeln!(table, "| {what} | {how_much} | {then} |").unwrap();
    }
    table
}

/// The text with what stands between two comments replaced.
fn with(text: &str, name: &str, table: &str) -> String {
    let begin = text.find(&format!("<!-- {name}:")).unwrap_or_else(|| panic!("no {name} in README"));
    let begin = begin + text[begin..].find('\n').unwrap() + 1;
    let end = text.find(&format!("<!-- end of {name} -->")).unwrap();
    format!("{}{table}{}", &text[..begin], &text[end..])
}

#[test]
fn the_tables_are_those_of_the_code() {
    let readme = std::fs::read_to_string(README).unwrap();
    let mut expected = with(&readme, "error table", &errors());
    expected = with(&expected, "configuration table", &markdown_table());
    expected = with(&expected, "limits table", &limits());
    expected = with(&expected, "vectors", &vectors());
    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(README, expected).unwrap();
    } else {
        assert!(readme == expected, "README's tables differ from the code's: UPDATE_README=1 cargo test --test readme");
    }
}
