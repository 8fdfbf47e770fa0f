//! Counts of what became of the lines.

use std::collections::BTreeMap;

use super::ending::{Applied, Ending, Outcome};

/// The first so many failures are kept for the summary.
const FIRST: usize = 5;

/// Reasons come from the gateway; past this many the rest is counted as others.
const MOST_REASONS: usize = 64;

/// What became of lines.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// Imported, those that stood already included.
    pub(super) imported: u64,
    /// Of these, those that stood already.
    pub(super) reconciled: u64,
    /// Lines that made no group, by reason.
    pub(super) refused: BTreeMap<String, u64>,
    /// Lines that may have made one.
    pub(super) unknown: u64,
    /// The first failures, in the order they became known.
    pub(super) first: Vec<(u64, String)>,
}

impl Tally {
    /// Counts a line.
    pub(super) fn add(&mut self, ending: &Ending) {
        let failure = match &ending.outcome {
            Outcome::Imported { reconciled, .. } => {
                self.imported += 1;
                self.reconciled += u64::from(*reconciled);
                return;
            }
            Outcome::Failed(failure) => failure,
        };
        let reason = if failure.reason.is_empty() { &failure.status } else { &failure.reason };
        if failure.applied == Applied::Unknown {
            self.unknown += 1;
        } else if self.refused.len() < MOST_REASONS || self.refused.contains_key(reason) {
            *self.refused.entry(reason.clone()).or_default() += 1;
        } else {
            *self.refused.entry("(others)".to_owned()).or_default() += 1;
        }
        if self.first.len() < FIRST {
            self.first.push((ending.line, format!("{reason}: {}", failure.message)));
        }
    }

    /// Lines that surely made no group.
    pub(super) fn refusals(&self) -> u64 {
        self.refused.values().sum()
    }

    /// All lines counted.
    pub(super) fn total(&self) -> u64 {
        self.imported + self.refusals() + self.unknown
    }

    /// Refusals by reason, the most frequent first.
    pub(super) fn reasons(&self) -> Vec<(&str, u64)> {
        let mut reasons: Vec<_> = self.refused.iter().map(|(reason, count)| (reason.as_str(), *count)).collect();
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        reasons
    }
}
