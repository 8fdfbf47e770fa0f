//! README's tables are those of the code. `UPDATE_README=1 cargo test --test
//! readme` writes them.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::fmt::Write as _;

use group_import_gateway::{
    commands::import_group::derive::VECTORS,
    config::markdown_table,
    errors::table::{Applied, Retry, TABLE},
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
    expected = with(&expected, "vectors", &vectors());
    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(README, expected).unwrap();
    } else {
        assert!(readme == expected, "README's tables differ from the code's: UPDATE_README=1 cargo test --test readme");
    }
}
