//! Who may call just now.

use std::{
    fmt::Write as _,
    sync::atomic::{AtomicUsize, Ordering},
};

use sha2::{Digest as _, Sha256};

/// All callers that ever come; of those without a stream every other one is let in at a time.
const CALLERS: usize = 40;
/// They have streams, and always keep their place.
const STEADY: usize = 8;

/// Changes from one generation to the next: other callers, and other tokens for all of them.
#[derive(Default)]
pub(crate) struct Roster(AtomicUsize);

impl Roster {
    pub(crate) fn change(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// `[[callers]]`, each with its present token and the one before.
    pub(crate) fn callers(&self) -> String {
        let generation = self.generation();
        let mut text = String::new();
        for caller in (0..CALLERS).filter(|caller| *caller < STEADY || (caller + generation).is_multiple_of(2)) {
            let hashes =
                [generation, generation.saturating_sub(1)].map(|generation| sha256(&token(caller, generation)));
            let _ = write!(text, "[[callers]]\nname = \"caller-{caller}\"\napps = [\"east\", \"west\"]\n");
            let [new, old] = hashes;
            let old = if old == new { String::new() } else { format!(", \"{old}\"") };
            let _ = writeln!(text, "token_sha256 = [\"{new}\"{old}]");
        }
        text
    }

    /// The token of a caller that has a stream.
    pub(crate) fn steady(&self, number: usize) -> String {
        token(number % STEADY, self.generation())
    }

    /// The token of any caller, who may not be let in just now.
    pub(crate) fn any(&self) -> String {
        token(rand::random_range(0..CALLERS), self.generation())
    }

    fn generation(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

fn token(caller: usize, generation: usize) -> String {
    format!("token-{generation}-of-caller-{caller}")
}

fn sha256(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}
