//! The environment laid over the file.

use std::time::Duration;

use super::{CALLER, LEAST, faults_with, read_with};
use crate::config::{KeySource, Mode};
use crate::regions::Region;

#[track_caller]
fn assert_fault(text: &str, variable: (&str, &str), says: &str) {
    let faults = faults_with(text, &[variable]);
    assert_eq!(faults, [says], "{variable:?}");
}

#[test]
fn a_variable_goes_before_the_file() {
    let text = format!("[server]\nlisten = \"127.0.0.1:1\"\n{LEAST}{CALLER}");
    let set = [
        ("GATEWAY_SERVER__LISTEN", "127.0.0.1:2"),
        ("GATEWAY_SERVER__ADMIN_LISTEN", ""),
        ("GATEWAY_SERVER__DRAIN_TIMEOUT", "90s"),
        ("GATEWAY_SERVER__MAX_REQUEST_BYTES", "2048"),
        ("GATEWAY_SERVER__PLAINTEXT", "true"),
        ("GATEWAY_SERVER__TLS__CERT_FILE", "c"),
        ("GATEWAY_SERVER__TLS__KEY_FILE", "k"),
        ("GATEWAY_SERVER__HTTP2__MAX_CONNECTIONS", "7"),
        ("GATEWAY_LOG__LEVEL", "warn"),
        ("GATEWAY_RATE_LIMIT__MODE", "strict"),
        ("GATEWAY_APPS__PROD__REGION", "seoul"),
        ("GATEWAY_APPS__PROD__SDK_APP_ID", "1400000007"),
        ("GATEWAY_APPS__PROD__SECRET_KEY_FILE", "/other"),
        ("GATEWAY_APPS__PROD__FIELD_LIMITS__NAME", "100"),
        ("GATEWAY_CALLERS__BILLING__WEIGHT", "9"),
    ];
    let config = read_with(&text, &set).unwrap();
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:2");
    assert_eq!((config.server.admin_listen, config.server.plaintext), (None, true));
    assert_eq!(config.server.drain_timeout, Duration::from_secs(90));
    assert_eq!((config.server.max_request_bytes, config.server.http2.max_connections), (2_048, 7));
    assert_eq!(config.server.tls.unwrap().cert_file.to_str(), Some("c"));
    assert_eq!((config.log.level.as_str(), config.rate_limit.mode), ("warn", Mode::Strict));
    let app = &config.apps[0];
    assert_eq!((app.upstream.host(), app.field_limits.name), (Region::Seoul.host(), 100));
    assert_eq!(app.sdk_app_id.get(), 1_400_000_007);
    assert_eq!(app.secret_key, KeySource::File("/other".into()));
    assert_eq!(config.callers[0].weight, 9);
}

#[test]
fn a_variable_can_give_what_the_file_leaves_out() {
    let text = LEAST.replace("region = \"singapore\"", "");
    assert!(read_with(&text, &[("GATEWAY_APPS__PROD__REGION", "tokyo")]).is_ok());
}

#[test]
fn names_are_matched_without_case_and_hyphens() {
    let text = LEAST.replace("\"prod\"", "\"Eu-1\"");
    for name in ["GATEWAY_APPS__EU_1__REGION", "GATEWAY_APPS__Eu-1__REGION"] {
        let config = read_with(&text, &[(name, "frankfurt")]).unwrap();
        assert_eq!(config.apps[0].upstream.host(), Region::Frankfurt.host());
    }
}

#[test]
fn variables_without_a_double_underscore_are_someone_else_s() {
    let set = [
        ("GATEWAY_CONFIG", "x"),
        ("GATEWAY_SERVICE_HOST", "10.0.0.1"),
        ("GATEWAY_PORT_50051_TCP_ADDR", "10.0.0.1"),
        ("OTHER__SERVER__LISTEN", "x"),
    ];
    assert!(read_with(LEAST, &set).is_ok());
}

#[test]
fn a_fault_names_the_variable() {
    let variable = ("GATEWAY_APPS__PROD__REGION", "soul");
    let faults = faults_with(LEAST, &[variable]);
    assert!(
        faults[0].starts_with("GATEWAY_APPS__PROD__REGION: apps[0].region: unknown region \"soul\"; one of china, "),
        "{faults:#?}"
    );
    assert!(faults[0].ends_with("did you mean `seoul`?"), "{faults:#?}");
    assert_fault(
        LEAST,
        ("GATEWAY_SERVER__TLS__CERT_FILE", "c"),
        "GATEWAY_SERVER__TLS__CERT_FILE: server.tls.key_file: missing",
    );
}

#[test]
fn a_variable_that_sets_nothing_is_told_with_the_nearest() {
    assert_fault(
        LEAST,
        ("GATEWAY_SERVER__LSITEN", "127.0.0.1:1"),
        "GATEWAY_SERVER__LSITEN: sets no known key; did you mean `GATEWAY_SERVER__LISTEN`?",
    );
    assert_fault(
        LEAST,
        ("GATEWAY__SERVER__LISTEN", "127.0.0.1:1"),
        "GATEWAY__SERVER__LISTEN: sets no known key; did you mean `GATEWAY_SERVER__LISTEN`?",
    );
    assert_fault(
        LEAST,
        ("GATEWAY_APPS__PROD__NAME", "test"),
        "GATEWAY_APPS__PROD__NAME: sets no known key (variables are named like \
         `GATEWAY_SERVER__LISTEN`)",
    );
}

#[test]
fn a_variable_makes_no_app_and_no_caller() {
    assert_fault(
        LEAST,
        ("GATEWAY_APPS__TEST__REGION", "seoul"),
        "GATEWAY_APPS__TEST__REGION: no [[apps]] of the file is called `test`: \
         a variable changes one, it adds none",
    );
    assert_fault(
        LEAST,
        ("GATEWAY_CALLERS__BILLING__WEIGHT", "2"),
        "GATEWAY_CALLERS__BILLING__WEIGHT: no [[callers]] of the file is called `billing`: \
         a variable changes one, it adds none",
    );
}

#[test]
fn lists_are_set_in_the_file_alone() {
    assert_fault(
        &format!("{LEAST}{CALLER}"),
        ("GATEWAY_CALLERS__BILLING__APPS", "prod"),
        "GATEWAY_CALLERS__BILLING__APPS: callers[0].apps: a list can be set in the file only",
    );
}

#[test]
fn a_variable_that_could_mean_two_apps_is_refused() {
    let second = LEAST.replace("prod", "PROD").replace("1400000000", "1400000001");
    let text = format!("{LEAST}{second}");
    assert!(read_with(&text, &[]).is_ok());
    let faults = faults_with(&text, &[("GATEWAY_APPS__PROD__MAX_ATTEMPTS", "2")]);
    assert!(faults.len() == 1 && faults[0].contains("means several tables"), "{faults:#?}");
}

#[test]
fn rust_log_goes_before_the_level_and_is_checked() {
    let set = [("RUST_LOG", "hyper=warn"), ("GATEWAY_LOG__LEVEL", "debug")];
    assert_eq!(read_with(LEAST, &set).unwrap().log.level, "hyper=warn");
    assert_eq!(read_with(LEAST, &[("RUST_LOG", "")]).unwrap().log.level, "info");
    let faults = faults_with(LEAST, &[("RUST_LOG", "hyper=loud")]);
    assert!(faults[0].starts_with("RUST_LOG: log.level: expected error, warn,"), "{faults:#?}");
}

#[test]
fn what_steers_a_terminal_is_told_escaped() {
    let text = LEAST.replace("\"prod\"", "\"a\\u001bb\"");
    let set = [("GATEWAY_APPS__A\u{1b}B__REGIO", "x"), ("GATEWAY_APPS__C\u{1b}D__REGION", "x")];
    let faults = faults_with(&text, &set);
    assert_eq!(
        faults[1..],
        [
            "GATEWAY_APPS__A\\u{1b}B__REGIO: sets no known key; did you mean `GATEWAY_APPS__A\\u{1b}B__REGION`?",
            "GATEWAY_APPS__C\\u{1b}D__REGION: no [[apps]] of the file is called `c\\u{1b}d`: a variable changes one, it adds none",
        ]
    );
}
