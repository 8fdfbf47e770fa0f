//! Field rules that commands share. Every violation is collected, so that a
//! caller learns of all of them at once. Lengths are in bytes of UTF-8.

use std::fmt::Display;

use crate::errors::Violation;

/// The violations found so far.
#[derive(Debug, Default)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// Notes that a field breaks a rule.
    pub fn add(&mut self, field: impl Display, description: impl Into<String>) {
        self.0.push(Violation { field: field.to_string(), description: description.into() });
    }

    /// Notes it if so.
    pub fn add_if(&mut self, broken: bool, field: impl Display, description: impl FnOnce() -> String) {
        if broken {
            self.add(field, description());
        }
    }

    /// All of them, in the order found.
    pub fn into_vec(self) -> Vec<Violation> {
        self.0
    }

    /// `text` has at most `max` bytes.
    pub fn at_most(&mut self, field: impl Display, text: &str, max: usize) {
        let length = text.len();
        self.add_if(length > max, field, || format!("at most {max} bytes of UTF-8, this has {length}"));
    }

    /// `text` is not empty, and has at most `max` bytes.
    pub fn required(&mut self, field: impl Display, text: &str, max: usize) {
        if text.is_empty() {
            self.add(field, "required");
        } else {
            self.at_most(field, text, max);
        }
    }

    /// `text` is printable ASCII, if anything.
    pub fn printable_ascii(&mut self, field: impl Display, text: &str) {
        if let Some(odd) = text.chars().find(|c| !is_printable_ascii(*c)) {
            self.add(field, format!("printable ASCII only, this has {odd:?}"));
        }
    }
}

/// U+0020 to U+007E.
fn is_printable_ascii(c: char) -> bool {
    matches!(c, ' '..='~')
}
