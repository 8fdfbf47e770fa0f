//! The thread that writes the journal and the results.
//!
//! A batch of lines comes here before it goes on the wire, and comes out again
//! once it is on the disk. All that has come in while the disk was busy is
//! written together and costs one wait, so that neither a slow disk nor a fast
//! gateway holds the other up.

use std::{
    fs::File,
    io::{self, BufWriter, Write as _},
    path::{Path, PathBuf},
    sync::mpsc as commands,
    thread::{self, JoinHandle},
};

use tokio::sync::mpsc;

use super::{
    ending::Ending,
    item::Item,
    journal::{Journal, Prefix, Record, ranges},
};

/// The results file, one JSON line for each line of the input.
pub(super) struct Results {
    to: BufWriter<File>,
    path: PathBuf,
}

/// The way to the thread and back.
pub(super) struct Recorder {
    to: commands::Sender<Command>,
    from: mpsc::UnboundedReceiver<Result<Vec<Item>, String>>,
    /// Batches that have not come back yet.
    out: usize,
    thread: JoinHandle<Result<(), String>>,
}

enum Command {
    Send(Vec<Item>, Option<Prefix>),
    Back(Vec<u64>),
    Done(Ending),
    GivenUp(Ending),
}

impl Results {
    /// Begins the file anew: the journal, not it, remembers earlier runs.
    pub(super) fn create(path: &Path) -> Result<Self, String> {
        let file = File::create(path).map_err(|error| unwritable(path, &error))?;
        Ok(Self { to: BufWriter::with_capacity(1 << 16, file), path: path.to_owned() })
    }

    /// Writes a line.
    pub(super) fn write(&mut self, ending: &Ending) -> Result<(), String> {
        let written = serde_json::to_writer(&mut self.to, ending).map_err(io::Error::from);
        written.and_then(|()| self.to.write_all(b"\n")).map_err(|error| unwritable(&self.path, &error))
    }

    fn flush(&mut self) -> Result<(), String> {
        self.to.flush().map_err(|error| unwritable(&self.path, &error))
    }
}

impl Recorder {
    /// Starts the thread; without a journal batches come straight back.
    pub(super) fn start(journal: Option<Journal>, results: Option<Results>) -> io::Result<Self> {
        let (to, incoming) = commands::channel();
        let (outgoing, from) = mpsc::unbounded_channel();
        let desk = Desk { journal, results, unwritten: Vec::new(), recorded: outgoing };
        let thread = thread::Builder::new().name("recorder".to_owned()).spawn(move || desk.run(&incoming))?;
        Ok(Self { to, from, out: 0, thread })
    }

    /// Records a batch as sent; it comes back by `recorded`, an empty one too.
    pub(super) fn send(&mut self, batch: Vec<Item>, prefix: Option<Prefix>) {
        self.out += 1;
        self.tell(Command::Send(batch, prefix));
    }

    /// Records that lines which were sent surely made no group.
    pub(super) fn back(&self, lines: Vec<u64>) {
        self.tell(Command::Back(lines));
    }

    /// Records a line that is never sent again.
    pub(super) fn done(&self, ending: Ending) {
        self.tell(Command::Done(ending));
    }

    /// Writes a line's result for this run only: the next run sends it again.
    pub(super) fn given_up(&self, ending: Ending) {
        self.tell(Command::GivenUp(ending));
    }

    /// The next batch that may go on the wire, or why none can any more.
    pub(super) async fn recorded(&mut self) -> Option<Result<Vec<Item>, String>> {
        let recorded = self.from.recv().await;
        self.out = self.out.saturating_sub(1);
        recorded
    }

    /// Whether it is so far behind that nothing more should be read: a file of
    /// bad lines alone comes in faster than it can be written down.
    pub(super) fn is_behind(&self) -> bool {
        const FAR: usize = 32;
        self.out >= FAR
    }

    /// Returns once everything is written.
    pub(super) fn finish(self) -> Result<(), String> {
        drop(self.to);
        self.thread.join().unwrap_or_else(|_| Err("the recorder failed".to_owned()))
    }

    fn tell(&self, command: Command) {
        // The thread outlives the sender, save for a bug in it, which `finish` tells.
        let _ = self.to.send(command);
    }
}

/// The thread's own things.
struct Desk {
    journal: Option<Journal>,
    results: Option<Results>,
    /// Answers that a full disk has kept out so far; batches are never kept.
    unwritten: Vec<u8>,
    recorded: mpsc::UnboundedSender<Result<Vec<Item>, String>>,
}

impl Desk {
    fn run(mut self, incoming: &commands::Receiver<Command>) -> Result<(), String> {
        while let Ok(first) = incoming.recv() {
            let group: Vec<_> = std::iter::once(first).chain(incoming.try_iter()).collect();
            if let Err(fault) = self.write(group) {
                let _ = self.recorded.send(Err(fault));
            }
        }
        // What a full disk kept out may find room by now.
        if let Err(fault) = self.write(Vec::new()) {
            let lost = self.unwritten.iter().filter(|byte| **byte == b'\n').count();
            return Err(if lost == 0 { fault } else { format!("{fault}; {lost} answers are missing from it") });
        }
        self.journal.as_ref().map_or(Ok(()), Journal::sync)
    }

    /// Writes what has come in together, and lets its batches go.
    fn write(&mut self, group: Vec<Command>) -> Result<(), String> {
        let (mut batches, mut answers, mut all) = (Vec::new(), self.unwritten.clone(), self.unwritten.clone());
        let mut results = Ok(());
        for command in group {
            let record = match command {
                Command::Send(batch, None) if batch.is_empty() => {
                    batches.push(batch);
                    continue;
                }
                Command::Send(batch, prefix) => {
                    let lines = ranges(batch.iter().map(|item| item.line));
                    batches.push(batch);
                    Journal::encode(&Record::Sent { lines, prefix }, &mut all).map_err(unencodable)?;
                    continue;
                }
                Command::Back(lines) => Record::Back(ranges(lines.into_iter())),
                Command::Done(ending) => {
                    results = results.and(self.result(&ending));
                    Record::Done(ending)
                }
                Command::GivenUp(ending) => {
                    results = results.and(self.result(&ending));
                    continue;
                }
            };
            let start = all.len();
            Journal::encode(&record, &mut all).map_err(unencodable)?;
            answers.extend_from_slice(&all[start..]);
        }
        self.append(&all, answers, batches.iter().any(|batch| !batch.is_empty()))?;
        for batch in batches {
            let _ = self.recorded.send(Ok(batch));
        }
        results.and(self.results.as_mut().map_or(Ok(()), Results::flush))
    }

    fn append(&mut self, all: &[u8], answers: Vec<u8>, sending: bool) -> Result<(), String> {
        let Some(journal) = &mut self.journal else { return Ok(()) };
        let appended = journal.append(all);
        // Only what is about to be sent must be on the disk itself before that.
        let synced = if sending { appended.and_then(|()| journal.sync()) } else { appended };
        self.unwritten = if synced.is_err() { answers } else { Vec::new() };
        synced
    }

    fn result(&mut self, ending: &Ending) -> Result<(), String> {
        self.results.as_mut().map_or(Ok(()), |results| results.write(ending))
    }
}

fn unwritable(results: &Path, error: &io::Error) -> String {
    format!("cannot write the results {}: {error}", results.display())
}

fn unencodable(error: io::Error) -> String {
    format!("cannot make a record for the journal: {error}")
}
