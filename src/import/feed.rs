//! The thread that reads the input, a little ahead of what is sent.

use std::{io, sync::Arc, thread};

use prost::Message as _;
use tokio::sync::mpsc;

use super::{
    input::Records,
    journal::{Past, Prefix},
};
use crate::proto::Group;

/// Lines read ahead of the sending.
const AHEAD: usize = 256;

/// A gateway takes no larger request (`max_request_bytes`), and would end the
/// stream at it. The largest valid group takes 14 kB.
const LARGEST: usize = 65_000;

/// So much of an input is held back until the hash shows that it is the journal's.
const MOST_HELD: usize = 32 << 20;

/// A line that is not done yet.
pub(super) struct Entry {
    pub(super) line: u64,
    /// Whether an earlier run sent it and never heard what came of it.
    pub(super) sent_before: bool,
    pub(super) content: Result<Group, String>,
    /// With standard input, its hash up to this line's end.
    pub(super) sha256: Option<String>,
}

/// Starts the thread. The error that may come is the last thing that comes.
pub(super) fn start(records: Records<'static>, past: Arc<Past>) -> io::Result<mpsc::Receiver<Result<Entry, String>>> {
    let (to, from) = mpsc::channel(AHEAD);
    thread::Builder::new().name("feed".to_owned()).spawn(move || {
        let mut feed = Feed { records, past, to, held: Vec::new(), held_bytes: 0 };
        if let Err(Ended::Fault(fault)) = feed.run() {
            let _ = feed.to.blocking_send(Err(fault));
        }
    })?;
    Ok(from)
}

struct Feed {
    records: Records<'static>,
    past: Arc<Past>,
    to: mpsc::Sender<Result<Entry, String>>,
    held: Vec<Entry>,
    held_bytes: usize,
}

enum Ended {
    /// Nobody wants any more.
    Unwanted,
    Fault(String),
}

impl Feed {
    fn run(&mut self) -> Result<(), Ended> {
        let past = Arc::clone(&self.past);
        // A file's hash was compared as a whole before; standard input's can only be here.
        let mut unproven = past.prefix.as_ref();
        while let Some(line) =
            self.records.advance().map_err(|error| Ended::Fault(format!("cannot read on: {error}")))?
        {
            let entry = (!past.done.contains(line)).then(|| self.entry(line));
            let Some(prefix) = unproven else {
                entry.map_or(Ok(()), |entry| self.pass(entry))?;
                continue;
            };
            entry.into_iter().for_each(|entry| self.hold(entry));
            if line >= prefix.line {
                self.prove(line, prefix)?;
                unproven = None;
            }
        }
        match unproven {
            Some(prefix) => Err(Ended::Fault(format!(
                "it ends before line {}, which an earlier run read: not the input that the journal belongs to",
                prefix.line
            ))),
            None => Ok(()),
        }
    }

    fn entry(&self, line: u64) -> Entry {
        let fits = |group: Group| match group.encoded_len() {
            size if size > LARGEST => Err(format!("a group of {size} bytes, more than a gateway takes")),
            _ => Ok(group),
        };
        Entry {
            line,
            sent_before: self.past.sent.contains(line),
            content: self.records.parse().and_then(fits),
            sha256: self.records.passed(),
        }
    }

    fn pass(&self, entry: Entry) -> Result<(), Ended> {
        self.to.blocking_send(Ok(entry)).map_err(|_| Ended::Unwanted)
    }

    /// Keeps an entry that must not be sent yet. What is too much is left to a
    /// later run: better than sending lines of an input that may be another.
    fn hold(&mut self, entry: Entry) {
        let size = entry.content.as_ref().map_or(0, Group::encoded_len) + size_of::<Entry>();
        if self.held_bytes + size <= MOST_HELD {
            self.held_bytes += size;
            self.held.push(entry);
        }
    }

    fn prove(&mut self, line: u64, prefix: &Prefix) -> Result<(), Ended> {
        if line != prefix.line || self.records.passed().as_ref() != Some(&prefix.sha256) {
            return Err(Ended::Fault(format!(
                "up to line {line} it is not what an earlier run read: not the input that the journal belongs to"
            )));
        }
        std::mem::take(&mut self.held).into_iter().try_for_each(|entry| self.pass(entry))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::import::{ending::Ending, input::Form, journal::Record, tape::Tape};

    const TEXT: &str = "{\"Name\":\"a\"}\n{\"Name\":\"b\"}\n{\"Name\":\"c\"}\n{\"Name\":\"d\"}\n";

    fn records(text: &'static str) -> Records<'static> {
        Records::new(Form::Jsonl, Tape::new(Box::new(text.as_bytes())).hashed()).unwrap()
    }

    /// The hash of TEXT up to the end of line 3.
    fn prefix() -> Prefix {
        let mut records = records(TEXT);
        (0..3).for_each(|_| drop(records.advance()));
        Prefix { line: 3, sha256: records.passed().unwrap() }
    }

    /// What comes of an input of which line 2 is done, and lines 1 to 3 were read before.
    fn fed(text: &'static str) -> (Vec<u64>, Option<String>) {
        let past = Past::of([
            Record::Sent { lines: vec![(1, 3)], prefix: Some(prefix()) },
            Record::Done(Ending::imported(2, String::new(), false)),
        ]);
        let mut from = start(records(text), Arc::new(past)).unwrap();
        let (mut lines, mut fault) = (Vec::new(), None);
        while let Some(fed) = from.blocking_recv() {
            match fed {
                Ok(entry) => {
                    assert_eq!(entry.sent_before, entry.line < 4);
                    lines.push(entry.line);
                }
                Err(text) => fault = Some(text),
            }
        }
        (lines, fault)
    }

    #[test]
    fn what_is_done_is_left_out() {
        assert_eq!(fed(TEXT), (vec![1, 3, 4], None));
    }

    #[test]
    fn nothing_of_another_input_is_handed_on() {
        for other in [
            "{\"Name\":\"a\"}\n{\"Name\":\"B\"}\n{\"Name\":\"c\"}\n{\"Name\":\"d\"}\n", // another line, although it is done
            "{\"Name\":\"a\"}\n{\"Name\":\"b\"}\n\n{\"Name\":\"c\"}\n",                 // another line number
            "{\"Name\":\"a\"}\n",                                                       // too short
            "",
        ] {
            let (lines, fault) = fed(other);
            assert!(lines.is_empty(), "{other}");
            assert!(fault.unwrap().contains("not the input that the journal belongs to"));
        }
    }

    #[test]
    fn a_group_that_no_gateway_would_take_fails_alone() {
        let text = format!("{{\"Introduction\":\"{}\"}}\n{{}}\n", "x".repeat(LARGEST));
        let records = Records::new(Form::Jsonl, Tape::new(Box::new(io::Cursor::new(text)))).unwrap();
        let mut from = start(records, Arc::default()).unwrap();
        assert!(from.blocking_recv().unwrap().unwrap().content.unwrap_err().contains("more than a gateway takes"));
        assert!(from.blocking_recv().unwrap().unwrap().content.is_ok());
    }
}
