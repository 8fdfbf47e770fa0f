//! Logs: to standard error, as text or JSON.

use std::{io::IsTerminal as _, sync::OnceLock};

use tracing_subscriber::EnvFilter;

use self::{batch::Batch, fields::Plain};
use crate::config::{Log, LogFormat};

mod batch;
mod fields;

/// Whose debug and trace logs hold whole URLs or header lists, UserSig and
/// tokens included. They stay silent whatever the level asks for.
const LOUD: [&str; 6] = ["hyper", "hyper_util", "reqwest", "h2", "rustls", "tonic"];

/// What logs go through, once they are started.
static OUT: OnceLock<Batch> = OnceLock::new();

/// Starts logging for this process. Does nothing where it was started before.
pub fn start(log: &Log, rust_log: Option<&str>) {
    let filter = filter(rust_log.unwrap_or(&log.level));
    let out = OUT.get_or_init(Batch::start).clone();
    let colours = std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(out).with_ansi(colours);
    let started = match log.format {
        LogFormat::Text if colours => builder.try_init(),
        LogFormat::Text => builder.fmt_fields(Plain).with_timer(Plain).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    drop(started);
}

/// Writes what still waits to be written, when it is dropped: the last thing that a process does.
pub struct LastWords;

impl Drop for LastWords {
    fn drop(&mut self) {
        if let Some(out) = OUT.get() {
            out.flush();
        }
    }
}

/// What is asked for, less what would show secrets. The last directive for a
/// target holds, so ours come last.
fn filter(asked: &str) -> EnvFilter {
    let filter = EnvFilter::try_new(asked).unwrap_or_else(|_| EnvFilter::new("info"));
    LOUD.iter().fold(filter, |filter, target| match format!("{target}=warn").parse() {
        Ok(directive) => filter.add_directive(directive),
        Err(_) => filter,
    })
}
