//! The table of keys against what is really read.

use std::collections::BTreeSet;

use super::{CALLER, LEAST, faults, read};
use crate::config::{KEYS, markdown_table};

const REDIS: &str = "[rate_limit]\nbackend = \"redis\"\nredis_url = \"redis://127.0.0.1\"\n";

/// Puts `value` at a key's path; a row's path means the first row.
fn set(document: &mut toml::Table, path: &str, value: &str) {
    let value = format!("x = {value}").parse::<toml::Table>().unwrap().remove("x").unwrap();
    let (tables, key) = path.rsplit_once('.').unwrap();
    let table = tables.split('.').fold(document, |table, step| match step.strip_suffix("[]") {
        Some(list) => table[list].as_array_mut().unwrap()[0].as_table_mut().unwrap(),
        None => {
            let entry = table.entry(step).or_insert_with(|| toml::Table::new().into());
            entry.as_table_mut().unwrap()
        }
    });
    table.insert(key.to_owned(), value);
}

#[test]
fn a_default_written_out_changes_nothing() {
    for key in KEYS {
        let Some(default) = key.default() else { continue };
        let needs_redis = key.meaning.ends_with("with `redis`");
        let base = format!("{LEAST}{CALLER}{}", if needs_redis { REDIS } else { "" });
        let mut document: toml::Table = base.parse().unwrap();
        set(&mut document, key.path, &default);
        let written = read(&document.to_string());
        assert_eq!(written, read(&base), "{} = {default}", key.path);
    }
}

#[test]
fn the_table_has_just_the_keys_that_are_read() {
    let text = "[server]\nzz = 1\n[server.tls]\nzz = 1\n[server.http2]\nzz = 1\n[log]\nzz = 1\n\
         [[apps]]\nzz = 1\n[apps.field_limits]\nzz = 1\n[[callers]]\nzz = 1\n[rate_limit]\nzz = 1\n";
    let mut read = BTreeSet::new();
    for fault in faults(text) {
        let Some((place, keys)) = fault.split_once("zz: unknown key; known here: ") else { continue };
        let table = place.rsplit_once(' ').unwrap().1.replace("[0]", "[]");
        read.extend(keys.split(", ").map(|key| format!("{table}{key}")));
    }
    for section in ["server.tls", "server.http2", "apps[].field_limits"] {
        assert!(read.remove(section), "{section} is not read");
    }
    let listed: BTreeSet<String> = KEYS.iter().map(|key| key.path.to_owned()).collect();
    assert_eq!(listed, read);
    assert_eq!(listed.len(), KEYS.len(), "a key is listed twice");
}

#[test]
fn the_readme_s_table_has_a_row_for_every_key() {
    let table = markdown_table();
    assert_eq!(table.lines().count(), KEYS.len() + 2);
    assert!(table.lines().all(|row| row.matches('|').count() == 4), "a cell holds a bar");
    assert!(table.contains("| `apps[].usersig_ttl` | `\"24h\"` |"), "{table}");
    assert!(table.contains("| `apps[].region` | required |"), "{table}");
    assert!(table.contains("| `server.tls.cert_file` |  |"), "{table}");
}

#[test]
fn keys_that_must_be_there_are_marked() {
    for key in KEYS.iter().filter(|key| key.is_required()) {
        let (table, name) = key.path.rsplit_once('.').unwrap();
        let heading = format!("[[{}]]\n", table.trim_end_matches("[]"));
        let says = format!("{}[0].{name}: missing", table.trim_end_matches("[]"));
        let faults = faults(&heading);
        assert!(faults.iter().any(|fault| fault.contains(&says)), "{says:?} is not in {faults:#?}");
    }
}
