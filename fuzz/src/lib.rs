//! What must hold for any input whatever, one file for each fuzz target.
//!
//! The same functions are compiled into the gateway's own tests
//! (`tests/fuzz.rs`), which run them over the seeds: so they can't rot, and
//! what was once found stays mended.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, unreachable_pub)]

mod answer;
mod chat;
mod configuration;
mod field_rules;
mod import_file;
mod usersig;

pub use self::{
    answer::answer,
    configuration::configuration,
    field_rules::field_rules,
    import_file::{import_file, packed_file},
    usersig::usersig,
};

/// A text that is told to people: something, on one line, and nothing that
/// steers a terminal.
#[track_caller]
fn assert_tellable(text: &str) {
    assert!(!text.is_empty(), "a message that says nothing");
    assert!(!text.chars().any(char::is_control), "control characters in a message: {text:?}");
}
