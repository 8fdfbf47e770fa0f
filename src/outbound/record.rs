//! What is known of a call: whose it is, and what its attempts have done.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::OwnedSemaphorePermit;

use super::audit;
use crate::{
    errors::{CallError, History, table::Applied},
    telemetry::traces::Trace,
};

/// Kept up to date while a call runs, so that it can be told even of one that
/// is given up in the middle.
#[derive(Debug, Default)]
pub struct Record {
    origin: Origin,
    app: OnceLock<Arc<str>>,
    subject: OnceLock<Subject>,
    attempts: AtomicU32,
    in_flight: AtomicU32,
    unsettled: AtomicBool,
    /// It is known what became of the group.
    is_known: AtomicBool,
    /// Chat's code in the last attempt's answer; 0 if it was OK, or none came.
    error_code: AtomicU32,
    waited: AtomicU64,
    at_chat: AtomicU64,
    place: Mutex<Option<OwnedSemaphorePermit>>,
    /// The record of the call that this one waits for.
    leader: Mutex<Option<Arc<Record>>>,
}

/// Whose call it is.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The caller's name.
    pub caller: Arc<str>,
    /// Where the call stands in its trace.
    pub trace: Trace,
}

/// What a call is about; from a request that has passed its checks.
#[derive(Debug, Default)]
pub struct Subject {
    /// The group's ID, or nothing where Chat is to assign one.
    pub group_id: String,
    /// The request's key, or nothing.
    pub request_id: String,
}

impl Record {
    /// Nothing done yet. `place` is given back when the first attempt begins,
    /// or with the record.
    pub fn new(origin: Origin, place: Option<OwnedSemaphorePermit>) -> Self {
        let mut record = Self::default();
        (record.origin, record.place) = (origin, Mutex::new(place));
        record
    }

    /// The record of a look that settles another call: what it does is no
    /// attempt at the request, and is told of in its own place in the trace.
    pub fn of_look(call: &Self, trace: Trace) -> Self {
        Self::new(Origin { caller: call.origin.caller.clone(), trace }, None)
    }

    /// Whose call it is.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Where the call stands in its trace.
    pub fn trace(&self) -> &Trace {
        &self.origin.trace
    }

    /// The app is known now.
    pub fn set_app(&self, app: &Arc<str>) {
        // It is set once.
        let _ = self.app.set(app.clone());
    }

    /// The app, once it is known.
    pub fn app(&self) -> Option<&Arc<str>> {
        self.app.get()
    }

    /// What the call is about is known now.
    pub fn set_subject(&self, subject: Subject) {
        // It is set once.
        let _ = self.subject.set(subject);
    }

    /// Whether it is known what the call is about; never of a look or a probe.
    pub fn has_subject(&self) -> bool {
        self.subject.get().is_some()
    }

    /// The ID of the group that the call is about, where one is known.
    pub fn group_id(&self) -> Option<&str> {
        self.subject.get().map(|subject| &*subject.group_id).filter(|id| !id.is_empty())
    }

    /// The request's key, where it has one.
    pub fn request_id(&self) -> Option<&str> {
        self.subject.get().map(|subject| &*subject.request_id).filter(|id| !id.is_empty())
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
        let error_code = match outcome {
            Err(CallError::Refused(refusal)) => refusal.code,
            _ => 0,
        };
        self.error_code.store(error_code, Ordering::Relaxed);
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

    /// Chat's code, where its last answer was an error.
    pub fn error_code(&self) -> Option<u32> {
        Some(self.error_code.load(Ordering::Relaxed)).filter(|code| *code != 0)
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

    /// What became of the group is known: it stands, by this call's doing or
    /// that of another.
    pub(super) fn know(&self) {
        self.is_known.store(true, Ordering::Relaxed);
    }
}

impl Drop for Record {
    /// The call and all of its attempts are over. What is not known by now
    /// nobody will know without looking.
    fn drop(&mut self) {
        if self.own_unsettled() && !self.is_known.load(Ordering::Relaxed) {
            audit::unknown(self);
        }
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
