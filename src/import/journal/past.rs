//! What earlier runs left behind, small enough for ten million lines.

use super::record::{Prefix, Record};
use crate::import::{ending::Ending, tally::Tally};

/// The state of every line that the journal knows, two bits a line.
#[derive(Default)]
pub(in crate::import) struct Past {
    /// Lines that were sent and have no answer that settled them.
    pub(in crate::import) sent: LineSet,
    /// Lines that are never sent again.
    pub(in crate::import) done: LineSet,
    /// What came of those.
    pub(in crate::import) tally: Tally,
    /// How far standard input was read, and the hash of that.
    pub(in crate::import) prefix: Option<Prefix>,
    /// Bytes of a record cut short at the end.
    pub(in crate::import) torn: u64,
}

impl Past {
    /// Takes a record in; the line's ending where this was the first to say it.
    pub(super) fn apply(&mut self, record: Record) -> Option<Ending> {
        match record {
            Record::Begun(_) => {}
            Record::Sent { lines, prefix } => {
                lines.into_iter().for_each(|(first, last)| self.sent.insert(first, last));
                self.prefix = prefix.or(self.prefix.take());
            }
            Record::Back(lines) => lines.into_iter().for_each(|(first, last)| self.sent.remove(first, last)),
            Record::Done(ending) if !self.done.contains(ending.line) => {
                self.done.insert(ending.line, ending.line);
                self.sent.remove(ending.line, ending.line);
                self.tally.add(&ending);
                return Some(ending);
            }
            Record::Done(_) => {}
        }
        None
    }
}

#[cfg(test)]
impl Past {
    /// What these records leave behind.
    pub(in crate::import) fn of(records: impl IntoIterator<Item = Record>) -> Self {
        let mut past = Self::default();
        records.into_iter().for_each(|record| drop(past.apply(record)));
        past
    }
}

/// A set of line numbers, a bit each.
#[derive(Default)]
pub(in crate::import) struct LineSet {
    words: Vec<u64>,
}

impl LineSet {
    /// Whether the line is in it.
    pub(in crate::import) fn contains(&self, line: u64) -> bool {
        let (word, bit) = place(line);
        self.words.get(word).is_some_and(|bits| bits & bit != 0)
    }

    fn insert(&mut self, first: u64, last: u64) {
        for line in first..=last {
            let (word, bit) = place(line);
            if word >= self.words.len() {
                self.words.resize(word + 1, 0);
            }
            self.words[word] |= bit;
        }
    }

    fn remove(&mut self, first: u64, last: u64) {
        for line in first..=last {
            let (word, bit) = place(line);
            if let Some(bits) = self.words.get_mut(word) {
                *bits &= !bit;
            }
        }
    }
}

fn place(line: u64) -> (usize, u64) {
    ((line / 64) as usize, 1 << (line % 64))
}
