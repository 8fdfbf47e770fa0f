//! Which file is read, and what is said when none can be.

use std::path::Path;

use super::{LEAST, variables};
use crate::config::{Config, LoadOptions};

const SANDBOX: LoadOptions = LoadOptions { sandbox: true };
const SERVE: LoadOptions = LoadOptions { sandbox: false };

fn file(dir: &tempfile::TempDir, name: &str, text: &str) -> String {
    let path = dir.path().join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn the_command_line_goes_before_the_variable() {
    let dir = tempfile::tempdir().unwrap();
    let named = file(&dir, "named.toml", LEAST);
    let other = file(&dir, "other.toml", &LEAST.replace("prod", "other"));
    let env = variables(&[("GATEWAY_CONFIG", &other)]);
    let name = |path| Config::load(path, SERVE, &env).unwrap().apps[0].name.to_string();
    assert_eq!(name(Some(Path::new(&named))), "prod");
    assert_eq!(name(None), "other");
}

#[test]
fn without_a_file_the_ways_out_are_told() {
    for set in [variables(&[]), variables(&[("GATEWAY_CONFIG", "")])] {
        let faults = Config::load(None, SERVE, &set).unwrap_err().to_string();
        for way in ["--config", "$GATEWAY_CONFIG", "serve --sandbox"] {
            assert!(faults.contains(way), "{faults}");
        }
    }
}

#[test]
fn a_file_that_can_t_be_read_is_named() {
    let missing = Path::new("/no/such/gateway.toml");
    let faults = Config::load(Some(missing), SERVE, &variables(&[])).unwrap_err().to_string();
    assert!(faults.contains("/no/such/gateway.toml: cannot be read: "), "{faults}");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("latin1.toml");
    std::fs::write(&path, b"[log]\nlevel = \"\xe9\"\n").unwrap();
    let faults = Config::load(Some(&path), SANDBOX, &variables(&[])).unwrap_err().to_string();
    assert!(faults.contains("latin1.toml: cannot be read: "), "{faults}");
}

#[test]
fn the_sandbox_needs_neither_a_file_nor_an_app() {
    assert_eq!(Config::load(None, SANDBOX, &variables(&[])).unwrap(), Config::sandbox());
    let env = variables(&[("GATEWAY_SERVER__LISTEN", "127.0.0.1:0")]);
    let config = Config::load(None, SANDBOX, &env).unwrap();
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:0");
    let env = variables(&[("GATEWAY_SERVER__LISTEN", "0.0.0.0:0")]);
    let faults = Config::load(None, SANDBOX, &env).unwrap_err().to_string();
    assert!(faults.contains("\n  GATEWAY_SERVER__LISTEN: server.listen: anyone"), "{faults}");
}

#[test]
fn a_file_beside_the_sandbox_may_grant_its_app_but_not_take_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let grants = super::CALLER.replace("\"prod\"", "\"sandbox\"");
    let path = file(&dir, "grants.toml", &grants);
    let load = |path: &str, options| Config::load(Some(Path::new(path)), options, &variables(&[]));
    assert_eq!(load(&path, SANDBOX).unwrap().callers[0].apps[0].as_str(), "sandbox");
    let faults = load(&path, SERVE).unwrap_err().to_string();
    assert!(faults.contains("no app is called `sandbox`"), "{faults}");

    let path = file(&dir, "taken.toml", &LEAST.replace("prod", "sandbox"));
    assert!(load(&path, SERVE).is_ok());
    let faults = load(&path, SANDBOX).unwrap_err().to_string();
    assert!(faults.contains("`sandbox` is the name of the app of `--sandbox` already"), "{faults}");
}
