//! Every mistake in one go, each with its line.

use super::{LEAST, assert_fault, faults, read};

/// Nearly four dozen mistakes.
const WRONG: &str = r#"[server]
listen = "0.0.0.0:50051"
lsiten = "127.0.0.1:1"
admin_listen = "localhost:9464"
drain_timeout = 25
unary_deadline = "10"
item_deadline = "0s"
max_request_bytes = "64k"
unix_mode = "0660"
[server.http2]
max_connections = 0

[log]
level = "inof"
format = "jsn"

[[apps]]
name = "prod"
sdk_app_id = "1400000000"
identifier = "administrator"
secret_key = "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e"
region = "sg"
usersig_ttl = "5m"
attempt_timeout = "3s"
max_attempts = 11
[apps.field_limits]
MaxMemberNum = 200

[[apps]]
name = "prod"
sdk_app_id = 1400000001
secret_key_file = "/key"
secret_key_env = "KEY"
region = "seoul"
base_url = "http://chat.example"
calls_per_second = 201

[[apps]]
name = "not a name"
sdk_app_id = 1400000001
identifier = ""
secret_key_env = "1KEY"
calls_per_second = true

[[callers]]
name = "billing"
token_sha256 = [
  "0000000000000000000000000000000000000000000000000000000000000001",
  "my-token",
]
apps = ["prd", "prod"]
weight = 0
[[callers]]
name = "billing"
token_sha256 = ["0000000000000000000000000000000000000000000000000000000000000001"]
tls_name = "spiffe://example.org/billing"
apps = []
usersig_ttl = "1h"
[[callers]]
name = "nobody"
max_calls_per_second = 0

[rate_limit]
mode = "pace"
redis_url = "redis://127.0.0.1"
quiet_start = 1.5
[metrics]
"#;

/// What is said of them; `@` stands for the file and a colon.
const SAID: &str = r#"config: 46 faults
  @3: server.lsiten: unknown key; did you mean `listen`?
  @4: server.admin_listen: expected an IP address with its port, such as "127.0.0.1:9464", or "", found "localhost:9464"
  @5: server.drain_timeout: expected a duration such as "5s", found integer 25
  @6: server.unary_deadline: expected a duration such as "5s", found "10"
  @7: server.item_deadline: expected a duration from 1ms to 24h, found "0s"
  @8: server.max_request_bytes: expected a whole number from 1024 to 16777216, found "64k"
  @9: server.unix_mode: has a meaning only where `server.listen` is a `unix:` path
  @11: server.http2.max_connections: expected a whole number from 1 to 1000000, found integer 0
  @14: log.level: expected error, warn, info, debug, trace, off, or directives such as "info,hyper=warn", found "inof"
  @15: log.format: unknown format "jsn"; one of text, json; did you mean `json`?
  @17: apps[0].secret_key_file: missing: give it, or `secret_key_env`
  @19: apps[0].sdk_app_id: expected a whole number from 1 to 4294967295, found "1400000000"
  @21: apps[0].secret_key: the secret key itself is never configured: name its place with secret_key_file or secret_key_env
  @22: apps[0].region: unknown region "sg"; one of china, singapore, seoul, tokyo, frankfurt, silicon_valley, jakarta, mumbai
  @23: apps[0].usersig_ttl: expected a duration from 10m to 50years, found "5m"
  @24: apps[0].attempt_timeout: 3s is not above Chat's own 3s: answers would be lost that were on their way
  @25: apps[0].max_attempts: expected a whole number from 1 to 10, found integer 11
  @27: apps[0].field_limits.MaxMemberNum: unknown key; did you mean `max_member_count`?
  @29: apps[1].identifier: missing
  @30: apps[1].name: `prod` is the name of apps[0] already
  @33: apps[1].secret_key_env: stands beside `secret_key_file`: only one of them may
  @35: apps[1].base_url: expected https (plain http only to loopback), found "http://chat.example"
  @35: apps[1].base_url: stands beside `region`: only one of them may
  @36: apps[1].calls_per_second: 201 is more than Chat allows: 200, which can't be raised
  @38: apps[2].region: missing: give it, or `base_url`
  @39: apps[2].name: expected a name of 1 to 64 letters, digits, `_` or `-`, found "not a name"
  @40: apps[2].sdk_app_id: 1400000001 is the SDKAppID of apps[1] already, with one rate at Chat
  @41: apps[2].identifier: expected a string that is not empty, found ""
  @42: apps[2].secret_key_env: expected the name of an environment variable, found a string of 4 characters
  @43: apps[2].calls_per_second: expected a whole number from 1 to 1000000, found boolean true
  @47: callers[0].token_sha256: tokens would cross the network in the clear to 0.0.0.0:50051: configure [server.tls], or set `server.plaintext = true` where a mesh encrypts
  @49: callers[0].token_sha256[1]: expected the 64 hexadecimal digits of a token's SHA-256, found a string of 8 characters
  @51: callers[0].apps[0]: no app is called `prd`; did you mean `prod`?
  @52: callers[0].weight: expected a whole number from 1 to 1000, found integer 0
  @54: callers[1].name: `billing` is the name of callers[0] already
  @55: callers[1].token_sha256[0]: callers[0] has this token already, so it would not tell who calls
  @56: callers[1].tls_name: needs `server.tls.client_ca_file`, or `server.forwarded_client_cert` behind a mesh's sidecar: no certificate is looked at
  @57: callers[1].apps: expected an array, found an empty one
  @58: callers[1].usersig_ttl: unknown key here; it belongs in [[apps]]
  @59: callers[2].token_sha256: missing: give it, or `tls_name`, or nothing tells the caller
  @59: callers[2].apps: missing: name the apps that the caller may use
  @61: callers[2].max_calls_per_second: expected a whole number from 1 to 1000000, found integer 0
  @64: rate_limit.mode: unknown mode "pace"; one of window, strict
  @65: rate_limit.redis_url: has a meaning only with `backend = "redis"`
  @66: rate_limit.quiet_start: expected a duration such as "5s", found float 1.5
  @67: metrics: unknown key; known here: server, log, apps, callers, rate_limit"#;

#[test]
fn every_mistake_is_told_in_one_go_with_its_line() {
    let faults = read(WRONG).unwrap_err();
    let said = faults.to_string();
    let expected = SAID.replace('@', "gateway.toml:");
    for (said, expected) in said.lines().zip(expected.lines()) {
        assert_eq!(said, expected);
    }
    assert_eq!(said.lines().count(), expected.lines().count());
}

#[test]
fn syntax_errors_have_a_line_and_a_column_and_quote_nothing() {
    let text = "[log]\nlevel = \"info\"\n[[apps]]\nsecret_key = 5bd2850fff3ecb11d7c805251c51ee46\n[log]\n";
    let faults = faults(text);
    assert_eq!(faults.len(), 2, "{faults:#?}");
    assert!(faults[0].starts_with("gateway.toml:4:15: "), "{faults:#?}");
    assert!(faults[1].starts_with("gateway.toml:5:2: duplicate key"), "{faults:#?}");
    assert!(!faults.concat().contains("5bd285"), "{faults:#?}");
}

#[test]
fn the_wrong_kind_of_table_is_told_from_the_right_one() {
    let text = LEAST.replace("[[apps]]", "[apps]");
    assert_fault(&text, "gateway.toml:2: apps: expected an array of tables: write [[apps]]");
    assert_fault(&format!("server = 5\n{LEAST}"), "gateway.toml:1: server: expected a table");
    assert_fault(&format!("[[log]]\n{LEAST}"), "log: expected a table, found an array");
}

#[test]
fn a_key_outside_its_table_is_sent_home() {
    let text = format!("listen = \"127.0.0.1:1\"\n{LEAST}");
    assert_fault(&text, "gateway.toml:1: listen: unknown key here; it belongs in [server]");
}

#[test]
fn without_apps_there_is_nothing_to_serve() {
    assert_eq!(
        faults("[log]\nlevel = \"info\"\n"),
        ["gateway.toml: apps: missing: add an [[apps]] table, or try `serve --sandbox`"]
    );
    assert_fault("apps = []\n", "gateway.toml:1: apps: missing");
}

#[test]
fn a_wrong_element_is_not_told_as_an_empty_list_too() {
    let text = format!("{LEAST}[[callers]]\nname = \"a\"\ntoken_sha256 = [\"x\"]\napps = [5]\n");
    let faults = faults(&text);
    assert_eq!(faults.len(), 2, "{faults:#?}");
    assert!(
        faults[1]
            .ends_with("callers[0].apps[0]: expected a name of 1 to 64 letters, digits, `_` or `-`, found integer 5")
    );
}

#[test]
fn a_key_s_line_break_makes_no_line_of_ours() {
    assert_fault(&format!("\"a\\nb\" = 1\n{LEAST}"), "gateway.toml:1: a\\nb: unknown key; known here: ");
}
