//! What a journal belongs to.

use serde::{Deserialize, Serialize};

use crate::import::input::Form;

/// The first record: the import that the journal is of. All of it must be the
/// same in every run, or a line's key or meaning would not be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::import) struct Header {
    /// A UUID, made at random when the journal was begun.
    pub(in crate::import) id: String,
    pub(in crate::import) input: Identity,
    pub(in crate::import) form: Form,
    pub(in crate::import) app: String,
    pub(in crate::import) assigned_ids: bool,
}

/// What an input is known by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::import) enum Identity {
    File {
        sha256: String,
        bytes: u64,
    },
    /// Known only as far as it was read: each batch's record holds the hash up to it.
    Stdin,
}

impl Header {
    /// A header with an ID of its own.
    pub(in crate::import) fn new(input: Identity, form: Form, app: &str, assigned_ids: bool) -> Self {
        Self { id: uuid(), input, form, app: app.to_owned(), assigned_ids }
    }

    /// What speaks against going on with this journal in a run that `run` describes.
    pub(super) fn differs(&self, run: &Self) -> Option<String> {
        if self.input != run.input || self.form != run.form {
            return Some(match (&self.input, &run.input) {
                (Identity::File { bytes, .. }, Identity::File { bytes: now, .. }) => format!(
                    "belongs to a different input: one of {bytes} bytes, this one has {now}{}; choose another with --journal",
                    if bytes == now { " with other contents" } else { "" }
                ),
                (Identity::Stdin, _) => {
                    "belongs to an import from standard input; choose another with --journal".to_owned()
                }
                (Identity::File { .. }, Identity::Stdin) => {
                    "belongs to an import from a file, not from standard input; choose another with --journal"
                        .to_owned()
                }
            });
        }
        if self.assigned_ids != run.assigned_ids {
            let (then, now) = if self.assigned_ids { ("with", "without") } else { ("without", "with") };
            return Some(format!("was begun {then} --assigned-ids and can't go on {now} it"));
        }
        (self.app != run.app).then(|| {
            let named = |app: &str| if app.is_empty() { "no --app".to_owned() } else { format!("--app {app}") };
            format!("was begun with {} and can't go on with {}", named(&self.app), named(&run.app))
        })
    }
}

/// A random UUID, version 4.
pub(in crate::import) fn uuid() -> String {
    let random = rand::random::<u128>() & !(0xf << 76 | 0x3 << 62) | (0x4 << 76 | 0x2 << 62);
    let hex = format!("{random:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_uuid_is_one_of_version_4() {
        let (one, two) = (uuid(), uuid());
        assert_ne!(one, two);
        assert_eq!((one.len(), &one[14..15]), (36, "4"));
        assert!("89ab".contains(&one[19..20]), "{one}");
    }

    #[test]
    fn each_difference_is_named() {
        let file = |sha256: &str, bytes| Identity::File { sha256: sha256.into(), bytes };
        let journal = Header::new(file("a", 5), Form::Jsonl, "prod", false);
        let said =
            |input, app, assigned| journal.differs(&Header::new(input, Form::Jsonl, app, assigned)).unwrap_or_default();
        assert_eq!(said(file("a", 5), "prod", false), "");
        assert!(said(file("a", 6), "prod", false).contains("one of 5 bytes, this one has 6;"));
        assert!(said(file("b", 5), "prod", false).contains("with other contents"));
        assert!(said(Identity::Stdin, "prod", false).contains("from a file"));
        assert_eq!(said(file("a", 5), "", false), "was begun with --app prod and can't go on with no --app");
        assert_eq!(said(file("a", 5), "prod", true), "was begun without --assigned-ids and can't go on with it");
    }
}
