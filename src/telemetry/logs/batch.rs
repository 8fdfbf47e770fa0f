//! Writes lines together. One write for every line would be the only thing that a call costs the system besides its
//! own bytes; so lines wait a moment for others, and a thread writes them all at once.
//!
//! None is lost to a full buffer: whoever finds it full writes it out. A warning or an error goes out at once, with
//! all that came before it. What a process that is killed outright may keep to itself is [`WAIT`] of calls that went
//! as they should.

use std::{
    io::{self, Write as _},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// How long a line may wait for others.
const WAIT: Duration = Duration::from_millis(20);
/// As much may wait: two hundred lines, far more than come in that time.
const FULL: usize = 32 * 1024;
/// Writing takes little.
const STACK: usize = 64 * 1024;

/// A writer to standard error. Clones write to the same buffer.
#[derive(Clone)]
pub(super) struct Batch {
    shared: Arc<Shared>,
    /// Nobody writes later.
    alone: bool,
}

#[derive(Default)]
struct Shared {
    waiting: Mutex<Vec<u8>>,
    /// What is being written. Locked before `waiting`, so that what came first is written first.
    out: Mutex<Vec<u8>>,
    /// There is something to write.
    some: Condvar,
}

impl Batch {
    /// Starts the thread. Without one, where the system has none left, every line is written by itself.
    pub(super) fn start() -> Self {
        let shared = Arc::new(Shared::default());
        let writer = shared.clone();
        let thread = thread::Builder::new().name("log".to_owned()).stack_size(STACK);
        let alone = thread.spawn(move || writer.keep_writing()).is_err();
        Self { shared, alone }
    }

    /// Writes all that waits.
    pub(super) fn flush(&self) {
        self.shared.flush();
    }
}

impl Shared {
    fn keep_writing(&self) {
        loop {
            let waiting = self.lock();
            drop(self.some.wait_while(waiting, |waiting| waiting.is_empty()));
            thread::sleep(WAIT);
            self.flush();
        }
    }

    fn flush(&self) {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut *out, &mut *self.lock());
        // There is nobody left to tell that standard error is gone.
        let _ = io::stderr().write_all(&out);
        out.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one event is written through.
pub(super) struct Line<'a> {
    shared: &'a Shared,
    at_once: bool,
}

impl<'a> MakeWriter<'a> for Batch {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { shared: &self.shared, at_once: true }
    }

    fn make_writer_for(&'a self, event: &Metadata<'_>) -> Line<'a> {
        Line { shared: &self.shared, at_once: self.alone || *event.level() <= Level::WARN }
    }
}

impl io::Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut waiting = self.shared.lock();
        let first = waiting.is_empty();
        waiting.extend_from_slice(line);
        let full = waiting.len() >= FULL;
        drop(waiting);
        if self.at_once || full {
            self.shared.flush();
        } else if first {
            self.shared.some.notify_one();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
