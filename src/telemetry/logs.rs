//! Logs: to standard error, as text or JSON.
//!
//! Two kinds of line have targets of their own: [`ACCESS`], one for each call,
//! and [`AUDIT`], one for each group that stands by the gateway's doing.

use std::{io::IsTerminal as _, sync::OnceLock, time::Duration};

use tracing_subscriber::EnvFilter;

use self::{batch::Batch, plain::Plain};
use crate::config::{Log, LogFormat};

mod batch;
mod plain;

/// The target of the line that each call ends with.
pub const ACCESS: &str = "group_import_gateway::access";

/// The target of the line for each group that was made, or may have been.
///
/// Whatever else a level leaves out, these lines are written, unless a
/// directive names them (`warn,audit=off`) or there is to be no log at all (`off`).
pub const AUDIT: &str = "audit";

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
        LogFormat::Text => builder.fmt_fields(Plain).event_format(Plain).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    drop(started);
}

/// A duration as logs and traces have it: in milliseconds, to a tenth.
pub fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 10_000.0).round() / 10.0
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

/// What is asked for and the audit lines, less what would show secrets.
fn filter(asked: &str) -> EnvFilter {
    let asked = directives(asked);
    let filter = EnvFilter::try_new(asked.join(",")).unwrap_or_else(|_| EnvFilter::new("info"));
    let says_of_audit = asked.iter().any(|directive| target(directive) == AUDIT);
    let audit = format!("{AUDIT}=info");
    let audit = (asked != ["off"] && !says_of_audit).then_some(audit);
    let silenced = LOUD.iter().map(|target| format!("{target}=warn"));
    // The last directive for a target holds, so ours come last.
    silenced.chain(audit).fold(filter, |filter, directive| match directive.parse() {
        Ok(directive) => filter.add_directive(directive),
        Err(_) => filter,
    })
}

/// The directives of a list, without those for a part of a loud crate: such a
/// one would go before ours for the crate.
fn directives(list: &str) -> Vec<&str> {
    let is_loud = |directive: &&str| LOUD.iter().any(|loud| target(directive).starts_with(&format!("{loud}::")));
    list.split(',').map(str::trim).filter(|directive| !is_loud(directive)).collect()
}

fn target(directive: &str) -> &str {
    directive.split(['=', '[']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(asked: &str) -> String {
        filter(asked).to_string()
    }

    #[test]
    fn audit_lines_are_written_at_every_level_unless_they_are_turned_off() {
        for (asked, expected) in [
            ("info", true),
            ("warn", true),
            ("group_import_gateway=debug", true),
            ("warn,audit=off", false),
            ("audit=warn,info", false),
            ("off", false),
        ] {
            assert_eq!(shown(asked).contains("audit=info"), expected, "{asked}: {}", shown(asked));
        }
    }

    #[test]
    fn no_directive_brings_back_what_shows_secrets() {
        let shown = shown("trace,hyper=trace,hyper::proto::h1=trace,reqwest::connect,[call{a=1}]=debug,h2[x]=trace");
        for part in ["hyper=trace", "h1=trace", "connect"] {
            assert!(!shown.contains(part), "{part} is in {shown}");
        }
        assert!(shown.contains("hyper=warn") && shown.contains("[call{"), "{shown}");
    }

    #[test]
    fn milliseconds_have_one_decimal() {
        assert_eq!(milliseconds(Duration::from_micros(41_236)), 41.2);
        assert_eq!(milliseconds(Duration::from_micros(40)), 0.0);
        assert_eq!(milliseconds(Duration::from_secs(3)), 3_000.0);
    }
}
