//! Whole runs against a scripted gateway, over real gRPC.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    path::PathBuf,
    sync::{Arc, Mutex},
};

use serde_json::Value;
use tempfile::TempDir;

use self::gateway::{Act, Gateway};
use super::*;

mod ends;
mod gateway;
mod going_on;
mod lines;

/// A folder with an input, and runs over it.
struct Bench {
    folder: TempDir,
    lines: usize,
}

/// What a run showed.
struct Shown {
    exit: Exit,
    out: String,
    err: String,
}

impl Bench {
    /// Lines with a GroupId where their number is even.
    fn new(lines: usize) -> Self {
        let text: String = (1..=lines)
            .map(|line| match line % 2 {
                0 => format!("{{\"Type\":\"Public\",\"GroupId\":\"g{line}\",\"Name\":\"n{line}\"}}\n"),
                _ => format!("{{\"Type\":\"Public\",\"Name\":\"n{line}\"}}\n"),
            })
            .collect();
        Self::of(&text, lines)
    }

    fn of(text: &str, lines: usize) -> Self {
        let bench = Self { folder: tempfile::tempdir().unwrap(), lines };
        fs::write(bench.path("groups.jsonl"), text).unwrap();
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn options(&self, gateway: &Gateway, more: &[&str]) -> Options {
        let (file, results) = (self.path("groups.jsonl"), self.path("results.jsonl"));
        let endpoint = gateway.endpoint();
        let mut arguments = vec![file.to_str().unwrap(), "--endpoint", &endpoint];
        if !more.contains(&"--results") {
            arguments.extend(["--results", results.to_str().unwrap()]);
        }
        arguments.extend(more);
        Options::from_arguments(&arguments)
    }

    async fn run(&self, gateway: &Gateway, more: &[&str]) -> Shown {
        let (_never, interrupts) = mpsc::channel(1);
        self.run_until(gateway, more, interrupts).await
    }

    async fn run_until(&self, gateway: &Gateway, more: &[&str], interrupts: mpsc::Receiver<()>) -> Shown {
        let (mut out, err) = (Vec::new(), Shared::default());
        let screen = Screen::lines(Box::new(err.clone()));
        let exit = super::run_until(self.options(gateway, more), &mut out, screen, || interrupts).await;
        let err = String::from_utf8(err.0.lock().unwrap().clone()).unwrap();
        Shown { exit, out: String::from_utf8(out).unwrap(), err }
    }

    /// The results by line; fails where a line stands twice.
    fn results(&self) -> BTreeMap<u64, Value> {
        let mut results = BTreeMap::new();
        for text in fs::read_to_string(self.path("results.jsonl")).unwrap().lines() {
            let value: Value = serde_json::from_str(text).unwrap();
            let line = value["line"].as_u64().unwrap();
            assert!(results.insert(line, value).is_none(), "line {line} stands twice");
        }
        results
    }

    /// Every line stands in the results, as imported.
    fn assert_all_imported(&self) {
        let results = self.results();
        assert_eq!(results.len(), self.lines);
        assert!(results.values().all(|result| result["status"] == "OK"), "{results:?}");
    }
}

impl Shown {
    /// The number in the summary's row of that name.
    fn row(&self, name: &str) -> Option<u64> {
        let row = self.out.lines().find_map(|line| line.trim_start().strip_prefix(name))?;
        row.trim().replace(',', "").parse().ok()
    }
}

/// A screen that can be read.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
