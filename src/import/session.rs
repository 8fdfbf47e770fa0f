//! One run: lines from the feed through the journal to the gateway, and their
//! answers back, until there is nothing left to do or a reason to stop.
//!
//! Everything happens in one task, so there is nothing to lock. Only reading
//! the input (`feed`) and writing the journal (`recorder`) are elsewhere, since
//! both may block.

use std::time::{Duration, Instant};

use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval},
};

use self::{
    board::{Board, MOST},
    pace::{Backoff, Meter, Pause},
};
use super::{
    ending::Failure,
    feed::Entry,
    link::Link,
    recorder::Recorder,
    screen::{Screen, View},
    tally::Tally,
    words,
};
use crate::proto::ImportGroupsRequest;

mod answers;
mod board;
mod flight;
mod intake;
mod pace;

/// What a run is to do.
pub(super) struct Plan {
    pub(super) app: String,
    pub(super) validate_only: bool,
    pub(super) assigned_ids: bool,
    pub(super) max_errors: Option<u64>,
    /// The journal's UUID, from which the lines' keys are made.
    pub(super) id: String,
    /// Lines of the input, where known.
    pub(super) total: Option<u64>,
}

/// Where a run's parts are, and how far it is.
pub(super) struct Session {
    plan: Plan,
    link: Link,
    source: Option<mpsc::Receiver<Result<Entry, String>>>,
    recorder: Recorder,
    interrupts: mpsc::Receiver<()>,
    screen: Screen,
    board: Board,
    tally: Tally,
    given_up: Tally,
    refused: u64,
    stop: Option<Stop>,
    quit: bool,
    pause: Pause,
    backoff: Backoff,
    meter: Meter,
    /// Streams in a row that ended without an answer.
    barren: u32,
    /// Whether this gateway has ever answered a line.
    heard: bool,
}

/// Why a run ended before its input did.
#[derive(Debug)]
pub(super) enum Stop {
    /// Ctrl-C.
    Interrupted,
    /// `--max-errors`.
    Failures(u64),
    /// An error that would meet every line.
    Refused(Failure),
    /// The gateway ends every stream.
    Gateway(String),
    /// The journal or the results can't be written.
    Recorder(String),
    /// The input can't be read.
    Input(String),
}

/// What a run came to.
pub(super) struct Ended {
    /// Of all lines that are never sent again, earlier runs' included.
    pub(super) tally: Tally,
    /// Lines that this run dealt with, and how long it took.
    pub(super) lines: u64,
    pub(super) time: Duration,
    /// Of lines that this run tried and leaves to the next.
    pub(super) given_up: Tally,
    pub(super) stop: Option<Stop>,
    pub(super) screen: Screen,
}

impl Session {
    /// A run at its beginning. `tally` is that of earlier runs.
    pub(super) fn new(
        plan: Plan,
        link: Link,
        source: mpsc::Receiver<Result<Entry, String>>,
        recorder: Recorder,
        interrupts: mpsc::Receiver<()>,
        screen: Screen,
        tally: Tally,
    ) -> Self {
        Self {
            plan,
            link,
            source: Some(source),
            recorder,
            interrupts,
            screen,
            board: Board::default(),
            tally,
            given_up: Tally::default(),
            refused: 0,
            stop: None,
            quit: false,
            pause: Pause::default(),
            backoff: Backoff::default(),
            meter: Meter::default(),
            barren: 0,
            heard: false,
        }
    }

    /// Runs to the end.
    pub(super) async fn run(mut self) -> Ended {
        let (start, before) = (Instant::now(), self.tally.total());
        while self.stop.is_none() && !self.is_done() {
            if self.board.held() == 0 {
                self.idle().await; // no connection for a file that has nothing to send
            } else if let Some(channel) = self.connect().await {
                self.fly(channel).await;
            }
        }
        self.screen.clear();
        let finished = self.recorder.finish();
        let stop = finished.err().map(Stop::Recorder).or(self.stop);
        let lines = self.tally.total() + self.given_up.total() - before;
        Ended { tally: self.tally, given_up: self.given_up, lines, time: start.elapsed(), stop, screen: self.screen }
    }

    fn is_done(&self) -> bool {
        self.source.is_none() && self.board.held() == 0
    }

    /// Reads on while there is nothing to send.
    async fn idle(&mut self) {
        let mut ticks = ticks();
        while self.board.held() == 0 && self.source.is_some() && self.stop.is_none() {
            let mut entries = Vec::new();
            tokio::select! {
                biased;
                Some(()) = self.interrupts.recv() => self.interrupted(),
                recorded = self.recorder.recorded() => self.recorded(recorded, None),
                _ = ticks.tick() => self.show(),
                read = read(&mut self.source, &mut entries, MOST), if !self.recorder.is_behind() => self.take_in(read, entries),
            }
        }
    }

    fn interrupted(&mut self) {
        if self.stop.is_some() {
            self.quit = true;
            return;
        }
        self.stop = Some(Stop::Interrupted);
        // Without those that only the journal has: they are not sent any more.
        let under_way = self.board.flying() as u64;
        if under_way > 0 {
            let under_way = words::lines(under_way);
            self.screen.notice(&format!("stopping; {under_way} still under way (Ctrl-C again quits at once)"));
        }
    }

    fn show(&mut self) {
        let now = Instant::now();
        let done = self.tally.total() + self.given_up.total();
        self.meter.note(now, done);
        self.screen.show(&View {
            done,
            total: self.plan.total,
            tally: &self.tally,
            rate: self.meter.rate(),
            paused: self.pause.reason(now),
            makes_groups: !self.plan.validate_only,
        });
    }
}

/// For the screen and for lines whose time to go again comes.
fn ticks() -> tokio::time::Interval {
    let mut ticks = interval(Duration::from_millis(100));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Up to so many lines; none at the end, and never where there is no source.
async fn read(
    source: &mut Option<mpsc::Receiver<Result<Entry, String>>>,
    into: &mut Vec<Result<Entry, String>>,
    most: usize,
) -> usize {
    match source {
        Some(source) => source.recv_many(into, most).await,
        None => std::future::pending().await,
    }
}

type Wire = mpsc::Sender<ImportGroupsRequest>;
