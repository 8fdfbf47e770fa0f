//! Logs: to standard error, as text or JSON.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};

/// Whose debug and trace logs hold whole URLs or header lists, UserSig and
/// tokens included. They stay silent whatever the level asks for.
const LOUD: [&str; 6] = ["hyper", "hyper_util", "reqwest", "h2", "rustls", "tonic"];

/// Starts logging for this process. Does nothing where it was started before.
pub fn start(log: &Log, rust_log: Option<&str>) {
    let filter = filter(rust_log.unwrap_or(&log.level));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let started = match log.format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    drop(started);
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
