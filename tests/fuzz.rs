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

/// A test a target, and the list of them.
macro_rules! replayed {
    ($($target:ident),*) => {
        $(
            #[test]
            fn $target() {
                replay(stringify!($target), properties::$target);
            }
        )*

        const REPLAYED: &[&str] = &[$(stringify!($target)),*];
    };
}

replayed!(answer, configuration, field_rules, import_file, packed_file, usersig);

#[test]
fn every_target_is_replayed_here() {
    for folder in ["fuzz_targets", "seeds"] {
        let name = |file: fs::DirEntry| file.path().file_stem().unwrap().to_str().unwrap().to_owned();
        let files = fs::read_dir(Path::new(FUZZ).join(folder)).unwrap();
        let mut names: Vec<_> = files.map(|file| name(file.unwrap())).collect();
        names.sort();
        assert_eq!(names, REPLAYED, "{folder}");
    }
}
