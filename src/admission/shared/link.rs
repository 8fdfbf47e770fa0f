//! How a replica stands to the ledger: on speaking terms, silent, living on its share, or stopped.

use std::time::Duration;

use tokio::time::Instant;

use super::timing::{self, BEFORE_SUSPECT, FAILURES, IDLE, POLL, SHARE_AFTER, TTL};
use super::wire::{Claim, Purpose};

/// How a replica stands to the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Its permits come from the ledger.
    Joined,
    /// The ledger does not answer, or has not yet. What it granted runs out, and then nothing is sent for a few
    /// seconds.
    Silent,
    /// It keeps to its share of the rate, all by itself.
    Share,
    /// It sends nothing: it has no share that it may use by itself, or no longer.
    Closed,
}

impl Standing {
    /// Every standing.
    pub const ALL: [Standing; 4] = [Standing::Joined, Standing::Silent, Standing::Share, Standing::Closed];

    /// Its name in logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Standing::Joined => "joined",
            Standing::Silent => "silent",
            Standing::Share => "share",
            Standing::Closed => "closed",
        }
    }
}

/// Pure; it is told what was sent and what came of it.
#[derive(Debug)]
pub(super) struct Link {
    /// After this long without the ledger the share may be somebody else's; `None`: it is used on regardless.
    closes_after: Option<Duration>,
    joined: bool,
    /// The ledger has just said hello.
    greeted: bool,
    pub(super) seat: bool,
    pub(super) lived_on_share: bool,
    failures: u32,
    /// The ledger's clock, and when the call was sent that brought it.
    clock: Option<(i64, Instant)>,
    /// When the last call was sent that the ledger may have taken for a sign of life.
    last_poll: Instant,
    /// When the last call was sent that was answered.
    last_answered: Instant,
    last_sent: Option<Instant>,
    /// When the ledger said that there would be something to get.
    try_at: Option<Instant>,
}

impl Link {
    pub(super) fn new(closes_after: Option<Duration>, now: Instant) -> Self {
        Link {
            closes_after,
            joined: false,
            greeted: false,
            seat: false,
            lived_on_share: false,
            failures: 0,
            clock: None,
            last_poll: now,
            last_answered: now,
            last_sent: None,
            try_at: None,
        }
    }

    pub(super) fn standing(&self, now: Instant) -> Standing {
        if self.joined {
            Standing::Joined
        } else if now < self.share_from() {
            Standing::Silent
        } else if self.seat && self.share_until().is_none_or(|until| now < until) {
            Standing::Share
        } else {
            Standing::Closed
        }
    }

    /// When it may begin to live on its share, if nothing comes in between.
    pub(super) fn share_from(&self) -> Instant {
        self.last_poll + SHARE_AFTER
    }

    fn share_until(&self) -> Option<Instant> {
        let closes_after = self.closes_after?;
        Some(self.last_answered + (TTL + closes_after).saturating_sub(BEFORE_SUSPECT))
    }

    pub(super) fn claim(&self) -> Claim {
        if self.lived_on_share { Claim::LivedOnShare } else { Claim::Ordinary }
    }

    /// Until when on the ledger's clock a call sent now is good.
    pub(super) fn good_until(&self, now: Instant) -> i64 {
        self.clock.map_or(0, |(clock, sent)| timing::good_until(clock, now.saturating_duration_since(sent)))
    }

    /// What to send next. A poll needs the ledger's clock, so whoever is away says hello first.
    pub(super) fn purpose(&self) -> Purpose {
        if self.joined || self.greeted { Purpose::Poll } else { Purpose::Hello }
    }

    /// When to send it. `urgent`: somebody waits and the ledger does not know.
    pub(super) fn next(&self, busy: bool, urgent: bool) -> Option<Instant> {
        let sent = self.last_sent?;
        if self.greeted && !self.joined {
            return None;
        }
        if self.joined && urgent && self.failures == 0 {
            return None;
        }
        let apart = if self.joined && !busy { IDLE } else { POLL };
        // Away for long, there is nothing to be gained by asking that often.
        let apart = if self.failures > 3 * FAILURES { IDLE } else { apart };
        let regular = sent + apart;
        Some(self.try_at.map_or(regular, |at| at.min(regular)))
    }

    /// It could not even be sent.
    pub(super) fn tried(&mut self, now: Instant) {
        self.last_sent = Some(now);
        self.try_at = None;
        self.greeted = false;
    }

    pub(super) fn sent(&mut self, purpose: Purpose, now: Instant) {
        self.tried(now);
        if purpose == Purpose::Poll {
            self.last_poll = now;
        }
    }

    /// A hello, or the news that a poll had come too late, sent at `sent`.
    pub(super) fn greeted(&mut self, clock: i64, sent: Instant) {
        self.heard(clock, sent);
        self.joined = false;
        self.greeted = true;
    }

    /// A poll sent at `sent` was answered.
    pub(super) fn joined(&mut self, clock: i64, sent: Instant, try_at: Option<Instant>) {
        self.heard(clock, sent);
        self.joined = true;
        self.lived_on_share = false;
        self.try_at = try_at;
    }

    fn heard(&mut self, clock: i64, sent: Instant) {
        self.clock = Some((clock, sent));
        self.last_answered = sent;
        self.failures = 0;
    }

    pub(super) fn failed(&mut self) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= FAILURES {
            self.joined = false;
        }
    }
}
