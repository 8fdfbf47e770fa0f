//! The asynchronous shell of [`State`]: one lock, one task that sleeps until the next permit is due.
//!
//! Nothing is awaited under the lock, and no permit is sent under it: one that is sent to a waiting call may come
//! straight back dropped, and giving it back takes the lock itself.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::lane::Waiting;
use super::permit::Permit;
use super::queue::Ticket;
use super::rooms::Rooms;
use super::settings::{Lane, Place, Refused, Turn};
use super::state::{Entry, Next, State};

type Reply = oneshot::Sender<Result<Permit, Refused>>;

/// What the handles, the permits and the dispatcher share.
#[derive(Debug)]
pub(super) struct Shared {
    inner: Mutex<Inner>,
    /// Wakes the dispatcher.
    wake: Notify,
    /// Wakes the ledger's client, where there is one.
    pub(super) asked: Notify,
    /// The client has nothing more to say, or there is none.
    pub(super) left: CancellationToken,
}

pub(super) struct Inner {
    pub(super) state: State<Reply>,
    /// Who waits for room in the queue.
    pub(super) rooms: Rooms,
    /// Until when the dispatcher sleeps; `None`: until it is woken.
    rests_until: Option<Instant>,
    /// The same of the ledger's client; `None`: it is at work, and will look.
    pub(super) client_rests_until: Option<Instant>,
    /// The last handle is gone.
    pub(super) ended: bool,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").field("ended", &self.ended).finish_non_exhaustive()
    }
}

impl Shared {
    pub(super) fn new(state: State<Reply>) -> Self {
        let inner = Inner { state, rooms: Rooms::default(), rests_until: None, client_rests_until: None, ended: false };
        Shared { inner: Mutex::new(inner), wake: Notify::new(), asked: Notify::new(), left: CancellationToken::new() }
    }

    /// Looks at the state, or changes it in a way that makes nobody's turn come earlier.
    pub(super) fn look<R>(&self, look: impl FnOnce(&mut State<Reply>, Instant) -> R) -> R {
        look(&mut self.lock().state, Instant::now())
    }

    /// Changes the state, and wakes the dispatcher and the ledger's client if they have something to do earlier by it.
    pub(super) fn event<R>(&self, change: impl FnOnce(&mut State<Reply>, Instant) -> R) -> R {
        let mut inner = self.lock();
        let now = Instant::now();
        let result = change(&mut inner.state, now);
        let earlier = match (inner.state.due(now), inner.rests_until) {
            (Some(due), Some(until)) => due < until,
            (due, None) => due.is_some(),
            (None, Some(_)) => false,
        };
        let client_rests_until = inner.client_rests_until;
        let due = client_rests_until.and_then(|until| inner.state.client_due(now).filter(|due| *due < until));
        drop(inner);
        if earlier {
            self.wake.notify_one();
        }
        if due.is_some() {
            self.asked.notify_one();
        }
        result
    }

    pub(super) async fn admit(self: &Arc<Self>, turn: &Turn, place: Place) -> Result<Permit, Refused> {
        match self.enter(turn, place) {
            Entered::Granted(permit) => Ok(permit),
            Entered::Refused(refused) => Err(refused),
            // Boxed, so that a call keeps no room for its wait when that is over.
            Entered::Waits(waiter, latest) => Box::pin(self.wait(waiter, latest)).await,
        }
    }

    async fn wait(&self, mut waiter: Waiter<'_>, latest: Instant) -> Result<Permit, Refused> {
        let (came, turn) = (Instant::now(), waiter.turn);
        match timeout_at(latest, &mut waiter.reply).await {
            Ok(reply) => {
                waiter.told = true;
                reply.unwrap_or(Err(Refused::Closed))
            }
            // The gates were shut longer than anyone could know, by lost calls perhaps.
            Err(_) => Err(self.look(|state, now| state.expired(turn, latest - came, now))),
        }
    }

    fn enter<'a>(self: &'a Arc<Self>, turn: &'a Turn, place: Place) -> Entered<'a> {
        let entered = self.enter_queue(turn, place);
        if !matches!(entered, Entered::Waits(..)) {
            // It may have been told of a place, and takes none: that is the next one's now.
            self.lock().rooms.one_left(turn.lane, &turn.caller);
        }
        entered
    }

    fn enter_queue<'a>(self: &'a Arc<Self>, turn: &'a Turn, place: Place) -> Entered<'a> {
        self.event(|state, now| match state.enter(turn, place, now) {
            Entry::Granted(token) => Entered::Granted(Permit::new(Arc::clone(self), token)),
            Entry::Refused(refused) => Entered::Refused(refused),
            Entry::Wait(latest) => {
                let (send, reply) = oneshot::channel();
                let ticket = state.wait(turn, place, latest, now, send);
                Entered::Waits(Waiter { shared: self, turn, ticket, reply, told: false }, latest)
            }
        })
    }

    /// Resolves when a caller has fewer than `limit` calls in a lane, or all is closed.
    pub(super) async fn room(&self, lane: Lane, caller: &str, limit: usize) {
        let has_room = |inner: &Inner| inner.state.is_closed() || inner.state.queue.queued_for(lane, caller) < limit;
        let seat = {
            let mut inner = self.lock();
            if has_room(&inner) {
                return;
            }
            inner.rooms.seat(lane, caller)
        };
        let _leaves = Leaves { shared: self, lane, caller };
        loop {
            let mut told = std::pin::pin!(seat.notified());
            told.as_mut().enable();
            if has_room(&self.lock()) {
                return;
            }
            told.await;
        }
    }

    pub(super) fn close(&self) {
        let refused = self.look(|state, now| state.close(now));
        for reply in refused {
            // A call that has just gone away need not be told.
            let _ = reply.send(Err(Refused::Closed));
        }
        self.lock().rooms.all_left();
        self.asked.notify_one();
    }

    /// Ends the dispatcher, and the ledger's client once it has given back what it holds.
    pub(super) fn end(&self) {
        self.lock().ended = true;
        self.wake.notify_one();
        self.asked.notify_one();
    }

    /// Serves the queue until the last handle is gone.
    pub(super) async fn dispatch(self: Arc<Self>) {
        loop {
            let Some(rest) = self.serve() else { return };
            match rest {
                Some(until) => drop(timeout_at(until, self.wake.notified()).await),
                None => self.wake.notified().await,
            }
        }
    }

    /// Grants all that may go now. Returns until when there is nothing to do, or `None` at the end.
    fn serve(self: &Arc<Self>) -> Option<Option<Instant>> {
        let mut told: Vec<(Waiting<Reply>, Result<Permit, Refused>)> = Vec::new();
        let mut inner = self.lock();
        let now = Instant::now();
        let rest = loop {
            match inner.state.next(now) {
                Next::Granted(waiting, token) => told.push((waiting, Ok(Permit::new(Arc::clone(self), token)))),
                Next::Refused(waiting, refused) => told.push((waiting, Err(refused))),
                Next::Rest(until) => break until,
            }
        };
        inner.rests_until = rest;
        let ended = inner.ended;
        for (waiting, _) in &told {
            inner.rooms.one_left(waiting.turn.lane, &waiting.turn.caller);
        }
        drop(inner);
        for (waiting, result) in told {
            // A caller that left in between drops the permit here, which gives it back.
            drop(waiting.item.send(result));
        }
        (!ended).then_some(rest)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic elsewhere cannot leave the state half changed in a way that matters more than going on.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Entered<'a> {
    Granted(Permit),
    Refused(Refused),
    Waits(Waiter<'a>, Instant),
}

/// A call in the queue. Dropped before it is told anything, it leaves the queue and has cost nothing.
struct Waiter<'a> {
    shared: &'a Shared,
    turn: &'a Turn,
    ticket: Ticket,
    reply: oneshot::Receiver<Result<Permit, Refused>>,
    told: bool,
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        if !self.told {
            let mut inner = self.shared.lock();
            let left = inner.state.queue.cancel(self.ticket);
            if left.is_some() {
                inner.rooms.one_left(self.turn.lane, &self.turn.caller);
            }
            drop(inner);
            drop(left);
        }
    }
}

/// Takes one who waits for room out of [`Rooms`], however its wait ends.
struct Leaves<'a> {
    shared: &'a Shared,
    lane: Lane,
    caller: &'a str,
}

impl Drop for Leaves<'_> {
    fn drop(&mut self) {
        self.shared.lock().rooms.leave(self.lane, self.caller);
    }
}
