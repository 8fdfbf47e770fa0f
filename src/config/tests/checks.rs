//! Rules about single keys, and about keys together.

use super::{CALLER, LEAST, app, app_but, assert_fault, caller, faults, read, server};

const REGION: &str = "region = \"singapore\"";
const KEY_FILE: &str = "secret_key_file = \"/run/secrets/chat_key\"";
const NETWORK: &str = "[server]\nlisten = \"0.0.0.0:50051\"\n";
const TLS: &str = "[server.tls]\ncert_file = \"c\"\nkey_file = \"k\"\n";

#[test]
fn the_network_is_not_served_without_callers() {
    let text = format!("{NETWORK}{TLS}{LEAST}");
    assert_fault(&text, "gateway.toml:2: server.listen: anyone who can reach the port could import");
    assert!(read(&server("listen = \"[::1]:0\"")).is_ok());
    assert!(read(&server("listen = \"unix:/run/gateway.sock\"")).is_ok());
}

#[test]
fn tokens_don_t_cross_the_network_in_the_clear_unasked() {
    let callers = format!("{LEAST}{CALLER}");
    let text = format!("{NETWORK}{callers}");
    assert_fault(&text, "callers[0].token_sha256: tokens would cross the network in the clear");
    assert!(read(&format!("{NETWORK}{TLS}{callers}")).is_ok());
    assert!(read(&format!("{NETWORK}plaintext = true\n{callers}")).is_ok());
}

#[test]
fn a_certificate_s_name_needs_a_ca_and_serves_alone() {
    let certificate = caller("").replace("token_sha256 = [\"", "tls_name = \"").replace("\"]\napps", "\"\napps");
    assert_fault(&certificate, "callers[0].tls_name: needs `server.tls.client_ca_file`");
    let text = format!("{NETWORK}{TLS}client_ca_file = \"ca\"\n{certificate}");
    assert!(read(&text).unwrap().callers[0].tls_name.is_some());
    let second = certificate.rsplit_once("[[callers]]").unwrap().1.replace("billing", "other");
    assert_fault(&format!("{text}[[callers]]{second}"), "callers[0] has this certificate already");
}

#[test]
fn a_sidecar_s_word_is_taken_where_nobody_else_can_connect() {
    let certificate = caller("").replace("token_sha256 = [\"", "tls_name = \"").replace("\"]\napps", "\"\napps");
    let with = |server: &str| format!("[server]\nforwarded_client_cert = true\n{server}{certificate}");
    for listen in ["", "listen = \"[::1]:0\"\n", "listen = \"unix:/run/gateway.sock\"\n"] {
        let config = read(&with(listen)).unwrap();
        assert!(config.server.forwarded_client_cert && config.callers[0].tls_name.is_some());
    }
    for listen in ["0.0.0.0:50051", "[::]:50051", "10.0.0.1:50051"] {
        let text = with(&format!("listen = \"{listen}\"\nplaintext = true\n"));
        assert_fault(&text, "gateway.toml:2: server.forwarded_client_cert: whoever can reach the port could send");
    }
    let text = with(&format!("{TLS}client_ca_file = \"ca\"\n"));
    assert_fault(&text, "server.forwarded_client_cert: stands beside `server.tls.client_ca_file`");
}

#[test]
fn tls_is_whole_or_not_there() {
    let text = server("[server.tls]\nclient_ca_file = \"ca\"");
    let faults = faults(&text);
    assert_eq!(faults.len(), 2, "{faults:#?}");
    assert!(faults[0].starts_with("gateway.toml:2: server.tls.cert_file: missing"), "{faults:#?}");
    assert!(faults[1].starts_with("gateway.toml:2: server.tls.key_file: missing"), "{faults:#?}");
}

#[test]
fn keys_of_a_socket_are_checked() {
    let socket = |keys: &str| server(&format!("listen = \"unix:/run/gateway.sock\"\n{keys}"));
    for mode in ["\"0999\"", "\"01000\"", "\"+66\"", "\"\"", "660", "\"1777\""] {
        assert_fault(&socket(&format!("unix_mode = {mode}")), "server.unix_mode: expected octal");
    }
    assert_fault(&socket("unix_owner = \"\""), "server.unix_owner: expected a string");
    assert_fault(&server("listen = \"unix:\""), "server.listen: expected a socket's path");
    let long = format!("listen = \"unix:/{}\"", "a".repeat(107));
    assert_fault(&server(&long), "at most 107 bytes");
    // A wrong `listen` may well have been meant as a socket.
    assert_fault(&server("listen = \"/run/x\"\nunix_mode = \"0660\""), "server.listen: expected an IP");
}

#[test]
fn one_port_serves_one_thing() {
    let text = server("listen = \"127.0.0.1:9464\"");
    assert_fault(&text, "server.admin_listen: the same address as `server.listen`");
    assert!(read(&server("listen = \"127.0.0.1:0\"\nadmin_listen = \"127.0.0.1:0\"")).is_ok());
}

#[test]
fn a_key_source_and_an_upstream_are_given_once() {
    assert_fault(&app_but(KEY_FILE, ""), "apps[0].secret_key_file: missing");
    assert_fault(&app("secret_key_env = \"KEY\""), "apps[0].secret_key_env: stands beside");
    assert_fault(&app_but(REGION, ""), "apps[0].region: missing: give it, or `base_url`");
    assert_fault(&app("base_url = \"https://chat.example\""), "apps[0].base_url: stands beside");
}

#[test]
fn durations_have_bounds_that_arithmetic_survives() {
    assert_fault(&app("attempt_timeout = \"3s\""), "3s is not above Chat's own 3s");
    assert_fault(&app("attempt_timeout = \"61s\""), "from 1ms to 60s");
    assert_fault(&app("usersig_ttl = \"10m 1ms\""), "whole seconds");
    assert_fault(&app("usersig_ttl = \"51years\""), "from 10m to 50years");
    assert_fault(&server("item_deadline = \"1000years\""), "from 1ms to 24h");
    assert_fault(&server("item_deadline = \"99999999999999999999years\""), "such as \"5s\"");
    assert!(read(&app("attempt_timeout = \"3001ms\"\nusersig_ttl = \"50years\"")).is_ok());
}

#[test]
fn chat_s_rate_is_raised_for_stand_ins_alone() {
    assert_fault(&app("calls_per_second = 201"), "more than Chat allows: 200");
    let by = "base_url = \"http://127.0.0.1:8700\"\ncalls_per_second = 1000000";
    assert!(read(&app_but(REGION, by)).is_ok());
    assert_fault(&app_but(REGION, &by.replace("1000000", "1000001")), "from 1 to 1000000");
}

#[test]
fn numbers_are_whole_and_within_their_ranges() {
    for wrong in ["0", "4294967296", "-1", "99999999999999999999", "1.0", "true", "\"5\""] {
        assert_fault(&app_but("1400000000", wrong), "apps[0].sdk_app_id: expected a whole number");
    }
    assert_eq!(read(&app_but("1400000000", "0xFF")).unwrap().apps[0].sdk_app_id.get(), 255);
    assert_fault(&caller("weight = 1001"), "callers[0].weight: expected a whole number from 1 to 1000");
    assert_fault(&app("max_attempts = 0"), "apps[0].max_attempts: expected a whole number from 1 to 10");
}

#[test]
fn an_identifier_can_t_forge_a_line_of_what_is_signed() {
    let text = app_but("administrator", "admin\\nTLS.sdkappid:1");
    assert_fault(&text, "apps[0].identifier: expected an account without control characters");
}

#[test]
fn redis_is_whole_or_not_there() {
    let limit = |keys: &str| app(&format!("[rate_limit]\n{keys}"));
    assert_fault(&limit("backend = \"redis\""), "rate_limit.redis_url: missing");
    assert_fault(&limit("replicas = 3"), "rate_limit.replicas: has a meaning only with");
    assert_fault(&limit("backend = \"reddis\"\nreplicas = 3"), "did you mean `redis`?");
    let redis = "backend = \"redis\"\nredis_url = \"redis://127.0.0.1:6379\"\n";
    assert!(read(&limit(redis)).is_ok());
    assert_fault(&limit(&format!("{redis}replicas = 0")), "rate_limit.replicas: expected a whole");
}

#[test]
fn a_caller_may_hold_a_token_only_once() {
    let token = "0000000000000000000000000000000000000000000000000000000000000001";
    let text = caller("").replace(&format!("\"{token}\""), &format!("\"{token}\", \"{token}\""));
    assert_fault(&text, "callers[0].token_sha256[1]: callers[0] has this token already");
    let text = caller("").replace(&format!("\"{token}\""), "");
    assert_fault(&text, "callers[0].token_sha256: expected an array, found an empty one");
}
