//! What goes down the outbound stack, and what comes up.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;

use super::settle::Goal;
use crate::{
    admission::{Permit, Turn},
    credentials::{self, Signer},
    errors::{CallError, History, table::Applied},
    wire::Needs,
};

/// One of Chat's REST commands.
#[derive(Debug)]
pub struct Command {
    /// The service in the path, `group_open_http_svc`.
    pub service: &'static str,
    /// The command's own name, which stands in logs and metrics.
    pub name: &'static str,
    /// What an OK answer must have.
    pub needs: Needs,
}

/// One logical call. It may take several attempts.
#[derive(Clone)]
pub struct Call {
    /// What Chat is to do.
    pub command: &'static Command,
    /// With what; JSON.
    pub body: Bytes,
    /// Whose it is, and by when it must be done.
    pub turn: Turn,
    /// Sending it again can't make a second group.
    pub repeatable: bool,
    /// An earlier attempt at the same may have been made before this call: the
    /// client says so, or has a key by which it would not say it.
    pub is_repeat: bool,
    /// What it is to bring about, where a look can tell whether it stands.
    pub goal: Option<Arc<dyn Goal>>,
    /// What it is for.
    pub purpose: Purpose,
    /// Its signature was refused once.
    pub signed_again: bool,
    /// What its attempts have done so far.
    pub record: Arc<Record>,
}

/// What a call is for.
#[derive(Clone)]
pub enum Purpose {
    /// A caller asked for it.
    Request,
    /// It settles another call.
    Look,
    /// It tries a credential: this one, or the app's own.
    Probe(Option<Arc<Signer>>),
}

impl Purpose {
    /// Whether it tries a credential.
    pub fn is_probe(&self) -> bool {
        matches!(self, Self::Probe(_))
    }
}

/// A call that may be sent now.
pub struct Admitted {
    /// The call.
    pub call: Call,
    /// The right to one attempt.
    pub permit: Permit,
}

/// An attempt, on its way.
pub struct Attempt {
    /// What Chat is to do.
    pub command: &'static Command,
    /// With what.
    pub body: Bytes,
    /// What the call is for.
    pub purpose: Purpose,
    /// Its signature was refused once.
    pub signed_again: bool,
    /// The call's record.
    pub record: Arc<Record>,
}

/// An attempt with its signature.
pub struct Signed {
    /// The attempt.
    pub attempt: Attempt,
    /// The signed part of its URL.
    pub signature: Arc<credentials::Signed>,
}

/// Chat's answer, where it is OK.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The JSON as it came.
    pub body: Bytes,
    /// The ID of the group that it speaks of, if it speaks of one.
    pub group_id: Option<String>,
    /// It did not come: a look found that what was asked for stands.
    pub reconciled: bool,
}

/// What a call's attempts have done, kept up to date while they run, so that
/// it can be told even of a call that is given up in the middle.
#[derive(Debug, Default)]
pub struct Record {
    attempts: AtomicU32,
    in_flight: AtomicU32,
    unsettled: AtomicBool,
    waited: AtomicU64,
    at_chat: AtomicU64,
    place: Mutex<Option<OwnedSemaphorePermit>>,
    /// The record of the call that this one waits for.
    leader: Mutex<Option<Arc<Record>>>,
}

impl Record {
    /// Nothing done yet. `place` is given back when the first attempt begins,
    /// or with the record.
    pub fn new(place: Option<OwnedSemaphorePermit>) -> Self {
        Self { place: Mutex::new(place), ..Self::default() }
    }

    /// An attempt's bytes may leave from here on.
    pub fn begin(&self) {
        if self.attempts.fetch_add(1, Ordering::Relaxed) == 0 {
            self.place.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
        self.in_flight.fetch_add(1, Ordering::Release);
    }

    /// An attempt has ended.
    pub fn end<T>(&self, outcome: &Result<T, CallError>, took: Duration) {
        match outcome {
            Err(CallError::NotSent(_)) => {
                self.attempts.fetch_sub(1, Ordering::Relaxed);
            }
            Err(error) if may_have_applied(error) => self.unsettled.store(true, Ordering::Release),
            _ => {}
        }
        self.at_chat.fetch_add(micros(took), Ordering::Relaxed);
        self.in_flight.fetch_sub(1, Ordering::Release);
    }

    /// It waited so long for a permit.
    pub fn waited(&self, wait: Duration) {
        self.waited.fetch_add(micros(wait), Ordering::Relaxed);
    }

    /// How long the call waited for permits, over all attempts.
    pub fn wait(&self) -> Duration {
        Duration::from_micros(self.waited.load(Ordering::Relaxed))
    }

    /// How long its attempts took, together.
    pub fn time_at_chat(&self) -> Duration {
        Duration::from_micros(self.at_chat.load(Ordering::Relaxed))
    }

    /// The call waits for another, whose attempts are its own.
    pub fn follow(&self, leader: &Arc<Record>) {
        *self.leader() = Some(leader.clone());
    }

    /// It no longer does.
    pub fn take_over(&self) {
        self.leader().take();
    }

    /// Attempts made so far.
    pub fn attempts(&self) -> u32 {
        let leaders = self.leader().as_ref().map_or(0, |leader| leader.attempts.load(Ordering::Relaxed));
        self.attempts.load(Ordering::Relaxed) + leaders
    }

    /// An attempt may have made a group, and is not known to have.
    pub fn unsettled(&self) -> bool {
        let leaders = self.leader().as_ref().is_some_and(|leader| leader.own_unsettled());
        self.own_unsettled() || leaders
    }

    fn own_unsettled(&self) -> bool {
        self.unsettled.load(Ordering::Acquire) || self.in_flight.load(Ordering::Acquire) > 0
    }

    fn leader(&self) -> MutexGuard<'_, Option<Arc<Record>>> {
        self.leader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What can be told of the call now.
    pub fn history(&self, repeatable: bool) -> History {
        History { attempts: self.attempts(), unsettled: self.unsettled(), repeatable }
    }
}

/// Whether an attempt that ended so may have made a group.
pub fn may_have_applied(error: &CallError) -> bool {
    match error {
        CallError::Lost(_) | CallError::Fault => true,
        CallError::Refused(refusal) => refusal.row.is_none_or(|row| row.applied == Applied::Unknown),
        CallError::NotSent(_) | CallError::InUse(_) | CallError::DeadlinePassed => false,
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
