//! One lane's queue: turns go round between its callers, in order within each of them.
//!
//! The round is a deficit round robin with calls of cost 1: a caller that is reached has `weight` calls served and goes
//! to the back. A caller that the round has passed without a call is fresh when it comes again: it has its next turn
//! before the round goes on, as sparse flows have in FQ-CoDel (RFC 8290, section 4.1), so that a single call hardly waits
//! beside callers that always have some queued. It keeps its place at the back afterwards, even without calls, until the
//! round reaches it, so being fresh gains time but no share. A call therefore waits for at most one turn of every other
//! caller for each turn of its own, however much they have queued.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::estimate::{Others, Sample};
use super::flow::Flow;
use super::settings::Turn;

/// A caller without calls in the queue is remembered this long: what it did lately says how much it will be in the way
/// of those who wait.
const MEMORY: Duration = Duration::from_secs(5);
/// More callers than this are not remembered.
const MOST: usize = 4_096;

/// A call in the queue.
#[derive(Debug)]
pub(super) struct Waiting<T> {
    pub(super) turn: Turn,
    /// A permit after this instant would be of no use.
    pub(super) latest: Instant,
    pub(super) came: Instant,
    pub(super) item: T,
}

/// When a turn comes: those of fresh callers before the round's, and in each of the two by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Seat {
    Fresh(u64),
    Round(u64),
}

/// A caller that has calls in the queue, or lately had.
#[derive(Debug)]
struct Caller<T> {
    name: Arc<str>,
    weight: u32,
    /// By place. Places grow at the tail and shrink below zero at the head.
    waiting: BTreeMap<i64, Waiting<T>>,
    /// Calls left in the turn it is having; 0 when it is not its turn.
    left: u32,
    /// It keeps its seat without calls until that is reached.
    seat: Option<Seat>,
    flow: Flow,
}

impl<T> Caller<T> {
    /// Calls that its first coming turn serves.
    fn first_turn(&self) -> u32 {
        if self.left > 0 { self.left } else { self.weight }
    }

    /// Calls that so many turns serve.
    fn calls_in(&self, turns: usize) -> usize {
        match turns {
            0 => 0,
            more => self.first_turn() as usize + (more - 1) * self.weight as usize,
        }
    }

    /// Turns that it has before the one that serves its call behind `own` others.
    fn turns_before(&self, own: usize) -> usize {
        match own.checked_sub(self.first_turn() as usize) {
            None => 0,
            Some(after_first) => 1 + after_first / self.weight as usize,
        }
    }
}

/// The queue of a lane.
#[derive(Debug)]
pub(super) struct LaneQueue<T> {
    by_name: HashMap<Arc<str>, usize>,
    callers: Vec<Option<Caller<T>>>,
    vacant: Vec<usize>,
    /// Callers that the round had passed before they came. They go first.
    fresh: VecDeque<usize>,
    round: VecDeque<usize>,
    /// The number of the next seat.
    next: u64,
    len: usize,
    flow: Flow,
    swept: Instant,
}

impl<T> LaneQueue<T> {
    pub(super) fn new(now: Instant) -> Self {
        LaneQueue {
            by_name: HashMap::new(),
            callers: Vec::new(),
            vacant: Vec::new(),
            fresh: VecDeque::new(),
            round: VecDeque::new(),
            next: 0,
            len: 0,
            flow: Flow::new(now),
            swept: now,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn flow(&self) -> &Flow {
        &self.flow
    }

    pub(super) fn queued_for(&self, caller: &str) -> usize {
        self.known(caller).map_or(0, |caller| caller.waiting.len())
    }

    /// Every caller known, what it has waiting and how many permits a second it got lately.
    pub(super) fn callers(&self, now: Instant) -> impl Iterator<Item = (&Arc<str>, usize, f64)> {
        let known = self.callers.iter().flatten();
        known.map(move |caller| (&caller.name, caller.waiting.len(), caller.flow.grants(now)))
    }

    /// Puts a call at `place` among its caller's. Returns the caller's slot, which with the place finds it again.
    pub(super) fn push(&mut self, place: i64, waiting: Waiting<T>) -> usize {
        let now = waiting.came;
        self.flow.came(now);
        self.len += 1;
        let slot = self.slot_of(&waiting.turn, now);
        let seat = Seat::Fresh(self.next);
        if let Some(caller) = self.caller_mut(slot) {
            caller.flow.came(now);
            caller.waiting.insert(place, waiting);
            if caller.seat.is_none() {
                caller.seat = Some(seat);
                self.next += 1;
                self.fresh.push_back(slot);
            }
        }
        slot
    }

    /// The call whose turn it is.
    pub(super) fn pop(&mut self, now: Instant) -> Option<Waiting<T>> {
        loop {
            let slot = *self.fresh.front().or(self.round.front())?;
            let served = self.caller_mut(slot).and_then(|caller| {
                let (_, waiting) = caller.waiting.pop_first()?;
                caller.left = caller.first_turn() - 1;
                caller.flow.granted(now);
                Some((waiting, caller.left == 0 || caller.waiting.is_empty()))
            });
            let Some((waiting, over)) = served else {
                self.next_seat(false);
                continue;
            };
            self.len -= 1;
            self.flow.granted(now);
            if over {
                self.next_seat(true);
            }
            if self.len == 0 {
                self.clear_seats();
            }
            return Some(waiting);
        }
    }

    /// Takes a call out, wherever it stands.
    pub(super) fn cancel(&mut self, slot: usize, place: i64) -> Option<Waiting<T>> {
        let waiting = self.caller_mut(slot)?.waiting.remove(&place)?;
        self.len -= 1;
        if self.len == 0 {
            self.clear_seats();
        }
        Some(waiting)
    }

    /// A permit was given past the queue, which was empty.
    pub(super) fn passed(&mut self, turn: &Turn, now: Instant) {
        let slot = self.slot_of(turn, now);
        let caller = self.callers.get_mut(slot).and_then(Option::as_mut).map(|caller| &mut caller.flow);
        for flow in caller.into_iter().chain([&mut self.flow]) {
            flow.came(now);
            flow.granted(now);
        }
    }

    /// Who goes before a call that `own` calls of its caller precede.
    pub(super) fn others(&self, turn: &Turn, own: usize, now: Instant) -> Others {
        let me = self.known(&turn.caller);
        let coming = Seat::Fresh(self.next);
        let my_seat = me.and_then(|me| me.seat).unwrap_or(coming);
        let turns = me.map_or(own / turn.weight.max(1) as usize, |me| me.turns_before(own));

        // With more callers than that, every k-th stands for k: the estimate's cost stays bounded.
        let step = self.callers.len().div_ceil(Others::MOST).max(1);
        let mut samples = Vec::with_capacity(self.callers.len().min(Others::MOST));
        for other in self.callers.iter().step_by(step).flatten().filter(|other| other.name != turn.caller) {
            // One that sits before us has a turn more, and so has one that comes fresh while we sit in the round.
            let turns = turns + usize::from(other.seat.unwrap_or(coming) < my_seat);
            samples.push(Sample {
                queued: other.waiting.len() as f64,
                flow: other.flow.refills(now),
                most: other.calls_in(turns) as f64,
            });
        }
        let others = self.by_name.len() - usize::from(me.is_some());
        let each = if samples.is_empty() { 0.0 } else { others as f64 / samples.len() as f64 };
        Others { samples, each }
    }

    fn known(&self, name: &str) -> Option<&Caller<T>> {
        self.by_name.get(name).and_then(|slot| self.callers.get(*slot)?.as_ref())
    }

    fn caller_mut(&mut self, slot: usize) -> Option<&mut Caller<T>> {
        self.callers.get_mut(slot)?.as_mut()
    }

    fn slot_of(&mut self, turn: &Turn, now: Instant) -> usize {
        self.sweep(now);
        let weight = turn.weight.max(1);
        if let Some(slot) = self.by_name.get(&turn.caller).copied() {
            if let Some(caller) = self.caller_mut(slot) {
                caller.weight = weight;
            }
            return slot;
        }
        let name = Arc::clone(&turn.caller);
        let caller = Caller { name, weight, waiting: BTreeMap::new(), left: 0, seat: None, flow: Flow::new(now) };
        let slot = self.vacant.pop().unwrap_or(self.callers.len());
        match self.callers.get_mut(slot) {
            Some(vacant) => *vacant = Some(caller),
            None => self.callers.push(Some(caller)),
        }
        self.by_name.insert(Arc::clone(&turn.caller), slot);
        slot
    }

    /// The turn that comes first is over: its caller goes to the back of the round, or has no seat any more.
    fn next_seat(&mut self, stays: bool) {
        let Some(slot) = self.fresh.pop_front().or_else(|| self.round.pop_front()) else { return };
        let seat = stays.then_some(Seat::Round(self.next));
        if stays {
            self.next += 1;
            self.round.push_back(slot);
        }
        if let Some(caller) = self.caller_mut(slot) {
            caller.seat = seat;
            caller.left = 0;
        }
    }

    /// Nobody waits, so no pop will come by to take the seats of those without calls.
    fn clear_seats(&mut self) {
        while !(self.fresh.is_empty() && self.round.is_empty()) {
            self.next_seat(false);
        }
    }

    /// Forgets callers that have been away for a while.
    fn sweep(&mut self, now: Instant) {
        let crowded = self.by_name.len() >= MOST;
        let every = if crowded { MEMORY / 5 } else { MEMORY };
        if now.saturating_duration_since(self.swept) < every {
            return;
        }
        self.swept = now;
        for (slot, place) in self.callers.iter_mut().enumerate() {
            let gone = |caller: &Caller<T>| caller.seat.is_none() && (crowded || caller.flow.idle(now) > MEMORY);
            if let Some(caller) = place.take_if(|caller| gone(caller)) {
                self.by_name.remove(&caller.name);
                self.vacant.push(slot);
            }
        }
    }
}
