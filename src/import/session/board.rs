//! The lines in hand: read, and neither settled nor left.

use std::{
    collections::{BTreeMap, HashMap},
    time::Instant,
};

use crate::import::item::Item;

/// Never more lines in hand than this.
pub(super) const MOST: usize = 1024;
/// Before the rate is known.
const AT_FIRST: usize = 256;
const LEAST: usize = 64;
/// Never more bytes in hand than about this.
const MOST_BYTES: usize = 8 << 20;

/// Lines in hand, by what they wait for.
#[derive(Default)]
pub(super) struct Board {
    /// An answer.
    flying: HashMap<u64, Item>,
    /// Their time to go again.
    waiting: BTreeMap<(Instant, u64), Item>,
    /// The journal.
    recording: usize,
    bytes: usize,
}

impl Board {
    /// All lines in hand.
    pub(super) fn held(&self) -> usize {
        self.flying.len() + self.waiting.len() + self.recording
    }

    /// Lines on the wire.
    pub(super) fn flying(&self) -> usize {
        self.flying.len()
    }

    /// Lines without an answer, sent or about to be.
    pub(super) fn under_way(&self) -> usize {
        self.flying.len() + self.recording
    }

    /// How many more may come in. Two seconds' worth are in hand: enough to
    /// keep the gateway busy, little to wait for at the end, little to send
    /// twice after a kill.
    pub(super) fn room(&self, rate: Option<f64>) -> usize {
        let window = rate.map_or(AT_FIRST, |rate| ((rate * 2.0) as usize).clamp(LEAST, MOST));
        if self.bytes < MOST_BYTES { window.saturating_sub(self.held()) } else { 0 }
    }

    /// A line comes in, or goes to the journal again.
    pub(super) fn recording(&mut self, items: &[Item]) {
        self.recording += items.len();
        self.bytes += items.iter().map(Item::size).sum::<usize>();
    }

    /// A line comes back from the journal: take it on, by `fly` or `wait`.
    pub(super) fn recorded(&mut self, item: &Item) {
        // It may come although it was given up: where only the results can't be written, the journal goes on.
        self.recording = self.recording.saturating_sub(1);
        self.bytes -= item.size();
    }

    /// What the journal keeps is not waited for any more.
    pub(super) fn recording_failed(&mut self) {
        self.recording = 0;
    }

    /// A line is on the wire.
    pub(super) fn fly(&mut self, item: Item) {
        self.bytes += item.size();
        self.flying.insert(item.line, item);
    }

    /// A line's answer is there: take it on, by `wait`, or let it go.
    pub(super) fn landed(&mut self, line: u64) -> Option<Item> {
        let item = self.flying.remove(&line)?;
        self.bytes -= item.size();
        Some(item)
    }

    /// The stream is gone, and these have no answer.
    pub(super) fn all_landed(&mut self) -> Vec<Item> {
        let lines: Vec<_> = self.flying.keys().copied().collect();
        lines.into_iter().filter_map(|line| self.landed(line)).collect()
    }

    /// A line goes again, not before then.
    pub(super) fn wait(&mut self, item: Item, until: Instant) {
        self.bytes += item.size();
        self.waiting.insert((until, item.line), item);
    }

    /// The lines whose time has come.
    pub(super) fn due(&mut self, now: Instant) -> Vec<Item> {
        let mut due = Vec::new();
        while let Some(first) = self.waiting.first_entry().filter(|first| first.key().0 <= now) {
            due.push(first.remove());
        }
        self.bytes -= due.iter().map(Item::size).sum::<usize>();
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_comes_back_from_the_journal_after_all_is_no_line_too_few() {
        let item = |line| Item { line, request: Default::default(), maybe: false, tries: 0 };
        let mut board = Board::default();
        board.recording(&[item(1), item(2)]);
        board.recording_failed();
        assert_eq!(board.under_way(), 0);
        board.recorded(&item(1));
        board.wait(item(1), Instant::now());
        assert_eq!((board.under_way(), board.held()), (0, 1));
    }
}
