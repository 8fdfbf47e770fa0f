//! The only room that prints: results to standard output, all else to
//! standard error.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line's results are printed")]

use std::{error::Error, fmt::Display};

/// A line of the result.
pub(super) fn line(text: impl Display) {
    println!("{text}");
}

/// A line for whoever watches.
pub(super) fn note(text: impl Display) {
    eprintln!("{text}");
}

/// An error with all its causes.
pub(super) fn error(error: &dyn Error) {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    eprintln!("error: {text}");
}
