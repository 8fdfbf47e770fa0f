//! `[log]`: what is logged, and how a line looks.

use tracing_subscriber::EnvFilter;

use super::Expected;

/// `[log]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// A level or a list of `tracing_subscriber` directives, checked; `$RUST_LOG`, where set, has replaced it.
    pub level: String,
    /// How a line looks.
    pub format: LogFormat,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Text }
    }
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl LogFormat {
    /// Every format.
    pub const ALL: [LogFormat; 2] = [LogFormat::Text, LogFormat::Json];

    /// The format's name in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            LogFormat::Text => "text",
            LogFormat::Json => "json",
        }
    }
}

/// Checks a list of log directives, and takes out the blanks after commas that `EnvFilter` trips over.
///
/// A bare word that is no level would pass as a target's name and silence all else. In the
/// configuration `inof` is more likely to be a misspelt level, so a target needs its level there.
pub(super) fn directives(text: &str) -> Result<String, Expected> {
    let text = text.split(',').map(str::trim).collect::<Vec<_>>().join(",");
    let clear = |part: &str| part.contains('=') || LEVELS.iter().any(|level| level.eq_ignore_ascii_case(part));
    // Within brackets, where a span's fields stand, a comma parts no directives.
    if !text.contains('[') && !text.split(',').all(clear) {
        return Err(expected());
    }
    filter(text)
}

/// Checks what `$RUST_LOG` holds: whatever `EnvFilter` takes, as in any other program.
pub(super) fn filter(text: String) -> Result<String, Expected> {
    match EnvFilter::try_new(&text) {
        Ok(_) => Ok(text),
        Err(_) => Err(expected()),
    }
}

const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];

fn expected() -> Expected {
    Expected::new("error, warn, info, debug, trace, off, or directives such as \"info,hyper=warn\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_or_directives_pass_and_a_misspelt_level_does_not() {
        for good in ["info", "WARN", "info,hyper=warn", "warn, group_import_gateway=debug", "off"] {
            assert!(directives(good).is_ok(), "{good:?} refused");
        }
        for bad in ["", "inof", "info,", "hyper=loud", "info,hyper"] {
            assert!(directives(bad).is_err(), "{bad:?} passed");
        }
    }
}
