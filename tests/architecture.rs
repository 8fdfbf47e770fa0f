//! Who may import whom, as the map in `src/lib.rs` has it.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// From the top down; a room may import those on lines below its own, and its
/// own line's others.
const FLOORS: &[&[&str]] = &[
    &["cli"],
    &["gateway"],
    &["admin"],
    &["inbound", "service"],
    &["operation"],
    &["commands"],
    &["apps"],
    &["outbound"],
    &["wire"],
    &["credentials", "callers", "deadline", "stop"],
    &["telemetry"],
    &["admission", "errors"],
    &["config"],
    &["regions"],
    &["proto"],
];

/// Rooms with a rule of their own: these, and nothing else of the crate.
const APART: &[(&str, &[&str])] = &[("sandbox", &[]), ("import", &["proto"])];

/// Crates that one place alone, a file with its folder, may name.
const ONLY_IN: &[(&str, &str)] = &[("reqwest", "src/outbound/http.rs"), ("tower_governor", "src/inbound/guard.rs")];

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    files(&root.join("src"), &mut found);
    let relative = |path: &Path| path.strip_prefix(root).unwrap().display().to_string();
    found.iter().map(|path| (relative(path), code(&fs::read_to_string(path).unwrap()))).collect()
}

/// A file without comments, and without tests at its end.
fn code(text: &str) -> String {
    let text = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap();
    text.lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n")
}

fn room(path: &str) -> &str {
    path.strip_prefix("src/").unwrap().split(['/', '.']).next().unwrap()
}

/// The rooms that a file imports, by `crate::room` or in a `use crate::{…}` list.
fn imports(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(list) => found.extend(top_level(list)),
            None => found.extend(word(rest)),
        }
    }
    found
}

fn word(text: &str) -> Option<String> {
    let word: String = text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!word.is_empty()).then_some(word)
}

/// The names on the outermost level of `{a, b::{c, d}, e}`, its opening brace gone.
fn top_level(list: &str) -> Vec<String> {
    let mut depth = 0;
    let mut start = 0;
    let mut found = Vec::new();
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                found.extend(word(&list[start..at]));
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                found.extend(word(&list[start..at]));
                start = at + 1;
            }
            _ => {}
        }
    }
    found
}

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&room))
}

#[test]
fn rooms_never_import_rooms_above_them() {
    for (path, code) in sources() {
        let room = room(&path);
        if matches!(room, "lib" | "main") {
            continue;
        }
        for import in imports(&code) {
            if import == room {
                continue;
            }
            if let Some((_, allowed)) = APART.iter().find(|(apart, _)| *apart == room) {
                assert!(allowed.contains(&import.as_str()), "{path} imports {import}");
                continue;
            }
            if APART.iter().any(|(apart, _)| *apart == import) {
                assert_eq!(room, "cli", "{path} imports {import}");
                continue;
            }
            let (own, other) = (floor(room), floor(&import));
            assert!(own.is_some() && other.is_some(), "{path}: {room} or {import} stands on no floor");
            assert!(own <= other, "{path} imports {import}, which is above it");
        }
    }
}

#[test]
fn every_room_stands_on_a_floor() {
    for (path, _) in sources() {
        let room = room(&path);
        let known = floor(room).is_some() || APART.iter().any(|(apart, _)| *apart == room);
        assert!(known || matches!(room, "lib" | "main"), "{path}");
    }
}

#[test]
fn what_belongs_in_one_place_is_named_in_one_place() {
    for (path, code) in sources() {
        for (name, place) in ONLY_IN {
            let uses = code.contains(&format!("{name}::")) || code.contains(&format!("use {name}"));
            let within = path == *place || path.starts_with(&place.replace(".rs", "/"));
            assert!(!uses || within || room(&path) == "sandbox", "{path} names {name}");
        }
        if room(&path) == "outbound" {
            assert!(!imports(&code).iter().any(|import| import == "proto"), "{path} knows protobuf");
        }
    }
}

#[test]
fn this_test_sees_what_it_looks_for() {
    let code = "use crate::{\n    a::{b, c},\n    d,\n};\nuse crate::e::f;\nfn g() { crate::h::i() }";
    assert_eq!(imports(code), ["a", "d", "e", "h"]);
}
