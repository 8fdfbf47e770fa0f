//! A secret that ends up in the wrong place is never told.

use super::{LEAST, app, app_but, assert_fault, caller, faults, faults_with, read};

const SECRET: &str = "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e";
const KEY_FILE: &str = "secret_key_file = \"/run/secrets/chat_key\"";

#[test]
fn a_pasted_key_is_refused_wherever_it_stands_and_never_told() {
    let texts = [
        app(&format!("secret_key = \"{SECRET}\"")),
        app(&format!("secret = \"{SECRET}\"")),
        app(&format!("SecretKey = \"{SECRET}\"")),
        app_but(KEY_FILE, &format!("secret_key_file = \"{SECRET}\"")),
        app_but(KEY_FILE, &format!("secret_key_env = \"{SECRET}\"")),
        app_but(KEY_FILE, &format!("secret_key_env = \"b{SECRET}-\"")),
        app_but(KEY_FILE, &format!("secret_key_file = {{ key = \"{SECRET}\" }}")),
        app_but("region = \"singapore\"", &format!("region = \"{SECRET}\"")),
        app(&format!("calls_per_second = \"{SECRET}\"")),
        app(&format!("unknown = \"{SECRET}\"")),
        caller(&format!("token = \"{SECRET}\"")),
        caller(&format!("tls_name = \"{SECRET}\"")),
    ];
    for text in texts {
        let faults = faults(&text).join("\n");
        assert!(!faults.contains(&SECRET[..8]), "{text}\n{faults}");
    }
    assert_fault(&app("secret_key = \"x\""), "name its place with secret_key_file or secret_key_env");
}

#[test]
fn a_pasted_token_is_not_told() {
    for wrong in ["[\"hunter2\"]", "\"hunter2\"", "[[\"hunter2\"]]"] {
        let text = caller("").replace("[\"0000000000000000000000000000000000000000000000000000000000000001\"]", wrong);
        let faults = faults(&text).join("\n");
        assert!(faults.contains("callers[0].token_sha256"), "{faults}");
        assert!(!faults.contains("hunter2"), "{faults}");
    }
    assert_fault(&caller("token = \"hunter2\""), "give its hash with token_sha256");
}

#[test]
fn passwords_in_urls_are_not_told() {
    let texts = [
        app_but("region = \"singapore\"", "base_url = \"https://u:hunter2@chat.example\""),
        app("[rate_limit]\nbackend = \"redis\"\nredis_url = \"http://u:hunter2@cache.example\""),
        app("[rate_limit]\nbackend = \"redis\"\nredis_url = \"hunter2\""),
        app("[rate_limit]\nredis_url = \"redis://u:hunter2@cache.example\""),
    ];
    for text in texts {
        let faults = faults(&text).join("\n");
        assert!(faults.contains("_url: ") && !faults.contains("hunter2"), "{faults}");
    }
}

#[test]
fn a_variable_tells_no_more_than_the_file() {
    for name in ["GATEWAY_APPS__PROD__SECRET_KEY", "GATEWAY_APPS__PROD__SECRET_KEY_ENV"] {
        let faults = faults_with(LEAST, &[(name, SECRET)]).join("\n");
        assert!(faults.contains(name) && !faults.contains(&SECRET[..8]), "{faults}");
    }
}

#[test]
fn a_right_configuration_shows_no_password_either() {
    let text = app("[rate_limit]\nbackend = \"redis\"\nredis_url = \"redis://u:hunter2@cache.example\"");
    let config = read(&text).unwrap();
    let shown = format!("{config:?} {config:#?}");
    assert!(shown.contains("cache.example") && !shown.contains("hunter2"), "{shown}");
}
