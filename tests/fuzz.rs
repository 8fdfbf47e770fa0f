//! The fuzz targets' properties over their seeds: what the project's tests
//! know, and what fuzzing has found. `fuzz/run` looks for more.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

#[path = "../fuzz/src/lib.rs"]
mod properties;

use std::{fs, panic, path::Path};

const FUZZ: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz");

/// Runs a target over its seeds, and names those at which it fails.
fn replay(target: &str, property: fn(&[u8])) {
    let seeds = fs::read_dir(Path::new(FUZZ).join("seeds").join(target)).unwrap();
    let mut failed = Vec::new();
    let mut count = 0;
    for seed in seeds {
        let seed = seed.unwrap().path();
        let data = fs::read(&seed).unwrap();
        count += 1;
        if panic::catch_unwind(|| property(&data)).is_err() {
            failed.push(seed.display().to_string());
        }
    }
    assert!(count > 0, "{target} has no seeds");
    assert!(failed.is_empty(), "{target} fails at {failed:?}");
}

#[test]
fn answer() {
    replay("answer", properties::answer);
}

#[test]
fn configuration() {
    replay("configuration", properties::configuration);
}

#[test]
fn import_file() {
    replay("import_file", properties::import_file);
}

#[test]
fn packed_file() {
    replay("packed_file", properties::packed_file);
}

#[test]
fn usersig() {
    replay("usersig", properties::usersig);
}

#[test]
fn field_rules() {
    replay("field_rules", properties::field_rules);
}

#[test]
fn every_target_is_replayed_here() {
    let targets = |name: &Path| name.file_stem().unwrap().to_str().unwrap().to_owned();
    let mut names: Vec<_> = fs::read_dir(Path::new(FUZZ).join("fuzz_targets"))
        .unwrap()
        .map(|file| targets(&file.unwrap().path()))
        .collect();
    names.sort();
    assert_eq!(names, ["answer", "configuration", "field_rules", "import_file", "packed_file", "usersig"]);
}
