//! Mistakes in the configuration: where each is, and what would be right.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// What a value should have been, as in "expected …". It never holds the value itself, which may be a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected(Cow<'static, str>);

impl Expected {
    pub(crate) fn new(what: impl Into<Cow<'static, str>>) -> Self {
        Self(what.into())
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Expected {}

/// Where a value stands. The order is that of reading: the file from above, then the environment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Nowhere: there is no configuration at all.
    Nowhere,
    /// A file as a whole.
    File(Arc<str>),
    /// A line of a file, from 1, and a column where it matters, from 1 in characters.
    Line(Arc<str>, usize, Option<usize>),
    /// An environment variable, by its name.
    Variable(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Nowhere => Ok(()),
            Place::File(file) => write!(f, "{file}: "),
            Place::Line(file, line, None) => write!(f, "{file}:{line}: "),
            Place::Line(file, line, Some(column)) => write!(f, "{file}:{line}:{column}: "),
            // Any byte but two may stand in a name, what steers a terminal too.
            Place::Variable(name) => write!(f, "{}: ", name.escape_debug()),
        }
    }
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where it stands.
    pub place: Place,
    /// The key, such as `apps[0].region`; empty where the mistake belongs to none.
    pub key: String,
    /// What is wrong, and what would be right.
    pub problem: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if self.key.is_empty() { "" } else { ": " };
        write!(f, "{}{}{separator}{}", self.place, self.key, self.problem)
    }
}

/// Every mistake in a configuration, in the order of its lines; whoever is handed it has at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults(Vec<Fault>);

impl Faults {
    pub(super) fn new(mut faults: Vec<Fault>) -> Self {
        faults.sort_by(|a, b| a.place.cmp(&b.place)); // stable: those of one line stay as they were found
        Self(faults)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The mistakes one by one.
    pub fn iter(&self) -> impl Iterator<Item = &Fault> {
        self.0.iter()
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        write!(f, "config: {count} fault{}", if count == 1 { "" } else { "s" })?;
        self.0.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

impl std::error::Error for Faults {}
