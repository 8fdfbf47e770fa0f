//! The command line of `import`. The comments are its help.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// What to import, through which gateway, and how.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Groups as JSON Lines (.jsonl, .ndjson, .json) or CSV (.csv), also
    /// compressed (.gz, .zst); - for standard input
    #[arg(value_name = "FILE", required_unless_present = "example")]
    pub(super) file: Option<PathBuf>,

    /// The gateway: http://…, https://… or unix:/…
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:50051")]
    pub(super) endpoint: String,

    /// Which of the gateway's apps to import into; needed where it has several
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    pub(super) app: String,

    /// A file with the bearer token that the gateway knows this caller by
    #[arg(long, value_name = "FILE")]
    pub(super) token_file: Option<PathBuf>,

    /// The certificates (PEM) to trust instead of the system's
    #[arg(long, value_name = "FILE")]
    pub(super) ca_file: Option<PathBuf>,

    /// This caller's own certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "key_file")]
    pub(super) cert_file: Option<PathBuf>,

    /// The key (PEM) of that certificate
    #[arg(long, value_name = "FILE", requires = "cert_file")]
    pub(super) key_file: Option<PathBuf>,

    /// Only checks every line, at full speed: sends nothing to Chat, keeps no journal
    #[arg(long)]
    pub(super) validate_only: bool,

    /// Writes what came of each line here, as JSON Lines, in the order in which
    /// the answers came; earlier runs' lines included
    #[arg(long, value_name = "FILE")]
    pub(super) results: Option<PathBuf>,

    /// Where to remember what was sent and what came of it, so that a later run
    /// goes on from there [default: FILE.journal]
    #[arg(long, value_name = "FILE")]
    pub(super) journal: Option<PathBuf>,

    /// Stops once so many lines have failed in this run
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) max_errors: Option<u64>,

    /// Lets Chat assign IDs to groups without GroupId. Such a line can't be
    /// repeated safely: if its answer is lost, it is listed and not sent again
    #[arg(long)]
    pub(super) assigned_ids: bool,

    /// Prints a small file that a gateway with its sandbox imports cleanly
    #[arg(long, value_name = "FORM", exclusive = true)]
    pub(super) example: Option<Example>,
}

/// The form of an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Example {
    Jsonl,
    Csv,
}

impl Example {
    /// A small file of groups of every type that can be imported.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Jsonl => include_str!("example.jsonl"),
            Self::Csv => include_str!("example.csv"),
        }
    }
}

#[cfg(test)]
impl Options {
    /// The options that these arguments make.
    #[allow(clippy::unwrap_used)]
    pub(super) fn from_arguments(arguments: &[&str]) -> Self {
        use clap::FromArgMatches as _;
        let command = Self::augment_args(clap::Command::new("import").no_binary_name(true));
        Self::from_arg_matches(&command.try_get_matches_from(arguments).unwrap()).unwrap()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::import::input::{Form, Records};
    use crate::import::tape::Tape;

    #[test]
    fn both_examples_are_the_same_groups_and_read_cleanly() {
        let read = |form, example: Example| {
            let mut records = Records::new(form, Tape::new(Box::new(example.text().as_bytes()))).unwrap();
            let mut groups = Vec::new();
            while records.advance().unwrap().is_some() {
                groups.push(records.parse().unwrap());
            }
            groups
        };
        let groups = read(Form::Jsonl, Example::Jsonl);
        assert_eq!(groups.len(), 4);
        assert_eq!(groups, read(Form::Csv, Example::Csv));
    }

    #[test]
    fn an_example_needs_no_file() {
        assert_eq!(Options::from_arguments(&["--example", "csv"]).example, Some(Example::Csv));
    }
}
