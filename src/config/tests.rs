//! The configuration from outside: texts and variables in, a typed value or every fault out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod checks;
mod defaults;
mod faults;
mod keys;
mod sample;
mod secrets;
mod sources;
mod variables;

use std::collections::BTreeMap;

use super::{Config, Faults};

/// The least that a file must hold.
const LEAST: &str = r#"
[[apps]]
name = "prod"
sdk_app_id = 1400000000
identifier = "administrator"
secret_key_file = "/run/secrets/chat_key"
region = "singapore"
"#;

/// A caller, to be put after [`LEAST`].
const CALLER: &str = r#"
[[callers]]
name = "billing"
token_sha256 = ["0000000000000000000000000000000000000000000000000000000000000001"]
apps = ["prod"]
"#;

fn variables(set: &[(&str, &str)]) -> BTreeMap<String, String> {
    set.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn read(text: &str) -> Result<Config, Faults> {
    read_with(text, &[])
}

fn read_with(text: &str, set: &[(&str, &str)]) -> Result<Config, Faults> {
    Config::parse(text, "gateway.toml", &variables(set))
}

/// The faults of a text as lines, without the heading.
fn faults(text: &str) -> Vec<String> {
    faults_with(text, &[])
}

fn faults_with(text: &str, set: &[(&str, &str)]) -> Vec<String> {
    let faults = read_with(text, set).expect_err("a configuration with faults was taken");
    faults.iter().map(ToString::to_string).collect()
}

/// Asserts that a text has one fault, and that it says so.
#[track_caller]
fn assert_fault(text: &str, says: &str) {
    let faults = faults(text);
    assert!(faults.len() == 1 && faults[0].contains(says), "{says:?} is not what was said: {faults:#?}");
}

/// A server section before the least.
fn server(keys: &str) -> String {
    format!("[server]\n{keys}\n{LEAST}")
}

/// The least, with these lines at the app's end.
fn app(keys: &str) -> String {
    format!("{LEAST}{keys}\n")
}

/// The least and a caller, with these lines at the caller's end.
fn caller(keys: &str) -> String {
    format!("{LEAST}{CALLER}{keys}\n")
}

/// The least, with one line of it replaced.
fn app_but(line: &str, by: &str) -> String {
    assert!(LEAST.contains(line));
    LEAST.replace(line, by)
}
