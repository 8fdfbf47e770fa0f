//! What the stand-in remembers of the calls it got.

use std::{
    collections::{HashMap, VecDeque},
    time::Instant,
};

use axum::body::Bytes;
use serde_json::Value;

use super::{command::Command, fault::FaultKind, rate::Peak};

/// One call, as it arrived and as it was answered.
#[derive(Debug, Clone)]
pub struct Seen {
    /// When it counted: after its way there.
    pub at: Instant,
    /// The last part of the URL's path, known or not.
    pub command: String,
    /// `sdkappid` of the URL, if it is a number.
    pub sdk_app_id: Option<u64>,
    /// `random` of the URL, if it is one.
    pub random: Option<u32>,
    /// `TLS.time` of its UserSig, if that can be decoded.
    pub signed_at: Option<i64>,
    /// `TLS.expire` of its UserSig, in seconds.
    pub signed_for: Option<i64>,
    /// The connection it came by, counted from 1.
    pub connection: u64,
    /// Its body; null if that is no JSON or bodies are not kept.
    pub body: Value,
    /// Names in it that Chat ignores in silence: misspelt ones, that is.
    pub ignored_fields: Vec<String>,
    /// The `ErrorCode` answered; `None` where no answer could be read.
    pub code: Option<u32>,
    /// The group it made.
    pub created: Option<String>,
    /// What was done to it on purpose.
    pub fault: Option<FaultKind>,
}

/// A record as it is kept: the body unread, and shared with the group it made.
pub(super) struct Record {
    pub(super) seen: Seen,
    pub(super) raw: Option<Bytes>,
}

/// The newest calls in full, and running figures over all of them.
pub(super) struct CallLog {
    keep: usize,
    ring: VecDeque<Record>,
    counts: HashMap<Command, usize>,
    peaks: HashMap<(Command, Option<u64>), Peak>,
}

impl CallLog {
    pub(super) fn new(keep: usize) -> Self {
        Self { keep, ring: VecDeque::new(), counts: HashMap::new(), peaks: HashMap::new() }
    }

    /// Records a call. `app` is its app if that is a known one, so that invented ones take no room.
    pub(super) fn record(&mut self, command: Option<Command>, app: Option<u64>, record: Record) {
        if let Some(command) = command {
            *self.counts.entry(command).or_default() += 1;
            self.peaks.entry((command, None)).or_default().add(record.seen.at);
            if app.is_some() {
                self.peaks.entry((command, app)).or_default().add(record.seen.at);
            }
        }
        self.ring.push_back(record);
        while self.ring.len() > self.keep {
            self.ring.pop_front();
        }
    }

    pub(super) fn count(&self, command: Command) -> usize {
        self.counts.get(&command).copied().unwrap_or_default()
    }

    pub(super) fn most_in_one_second(&self, command: Command, app: Option<u64>) -> usize {
        self.peaks.get(&(command, app)).map_or(0, Peak::most)
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        let body = |raw: &Bytes| serde_json::from_slice(raw).ok();
        let seen = |record: &Record| Seen {
            body: record.raw.as_ref().and_then(body).unwrap_or_default(),
            ..record.seen.clone()
        };
        self.ring.iter().map(seen).collect()
    }
}
