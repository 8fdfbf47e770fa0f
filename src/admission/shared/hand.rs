//! The permits that a replica has been granted: in hand, out with a call, and to be reported.
//!
//! A report repeats until an answer shows that it has come; the ledger takes it once, since each grant has a number.

use std::collections::{HashMap, VecDeque};

use tokio::time::Instant;

use super::timing::EXPIRY;
use super::wire::{Granted, Report};
use crate::admission::gate::Room;

#[derive(Clone, Copy, Debug)]
struct Permit {
    token: i64,
    grant: i64,
    not_before: Instant,
    expires: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Rest {
    token: i64,
    grant: i64,
    until: Instant,
}

/// Pure.
#[derive(Debug, Default)]
pub(super) struct Hand {
    /// In the order in which they may be used, nearly: a later grant can hold a token that is free sooner.
    held: VecDeque<Permit>,
    out: HashMap<u64, Permit>,
    reports: Vec<Rest>,
    last: u64,
}

impl Hand {
    /// Permits from a poll sent at `asked` whose answer came at `now`. Both ends are on the safe side: none is used
    /// earlier than the ledger meant, nor later.
    pub(super) fn add(&mut self, granted: &[Granted], asked: Instant, now: Instant) {
        let permit = |granted: &Granted| Permit {
            token: granted.token,
            grant: granted.grant,
            not_before: now + granted.rests,
            expires: asked + EXPIRY,
        };
        self.held.extend(granted.iter().map(permit));
    }

    pub(super) fn room(&self, now: Instant) -> Room {
        let good = self.held.iter().filter(|permit| permit.expires > now.max(permit.not_before));
        match good.map(|permit| permit.not_before).min() {
            Some(at) if at <= now => Room::Now,
            Some(at) => Room::At(at),
            None => Room::WhenAnswered,
        }
    }

    /// Takes the permit that expires first; none if [`room`](Self::room) did not say so.
    pub(super) fn take(&mut self, now: Instant) -> Option<u64> {
        let index = self.held.iter().position(|permit| permit.not_before <= now && now < permit.expires)?;
        let permit = self.held.remove(index)?;
        self.last += 1;
        self.out.insert(self.last, permit);
        Some(self.last)
    }

    pub(super) fn unsent(&mut self, id: u64) {
        if let Some(permit) = self.out.remove(&id) {
            self.held.push_front(permit);
        }
    }

    /// Its call is over, and Chat may count it until `until` less a second.
    pub(super) fn used(&mut self, id: u64, until: Instant) {
        if let Some(Permit { token, grant, .. }) = self.out.remove(&id) {
            self.reports.push(Rest { token, grant, until });
        }
    }

    /// All there is to report. What has expired in hand goes back as it was.
    pub(super) fn reports(&mut self, now: Instant) -> Vec<Report> {
        self.hand_back(|permit| permit.expires <= now);
        let report = |rest: &Rest| Report {
            token: rest.token,
            grant: rest.grant,
            rests: rest.until.saturating_duration_since(now),
        };
        self.reports.iter().map(report).collect()
    }

    /// Everything in hand is to go back with the next report.
    pub(super) fn hand_back_all(&mut self) {
        self.hand_back(|_| true);
    }

    fn hand_back(&mut self, goes: impl Fn(&Permit) -> bool) {
        let back = self.held.iter().filter(|permit| goes(permit));
        let rest = |permit: &Permit| Rest { token: permit.token, grant: permit.grant, until: permit.not_before };
        self.reports.extend(back.map(rest));
        self.held.retain(|permit| !goes(permit));
    }

    /// The first `count` reports have come.
    pub(super) fn reported(&mut self, count: usize) {
        self.reports.drain(..count.min(self.reports.len()));
    }

    /// None of it means anything to the ledger any more. A report made later would tell it, of a token long since
    /// granted to another, that it may be used.
    pub(super) fn forget(&mut self) {
        self.held.clear();
        self.out.clear();
        self.reports.clear();
    }

    /// Permits that may yet be used.
    pub(super) fn held(&self, now: Instant) -> usize {
        self.held.iter().filter(|permit| permit.expires > now).count()
    }

    /// When the `turn`-th permit in hand may be used (1 is the next one).
    pub(super) fn nth(&self, turn: usize, now: Instant) -> Option<Instant> {
        let mut good = self.held.iter().filter(|permit| permit.expires > now);
        good.nth(turn.saturating_sub(1)).map(|permit| permit.not_before)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Whether the ledger has something to hear.
    pub(super) fn has_news(&self) -> bool {
        !self.reports.is_empty() || !self.held.is_empty()
    }
}
