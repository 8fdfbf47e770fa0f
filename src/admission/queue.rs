//! The queue: two lanes, and in each a round of callers.
//!
//! Lanes take turns by virtual time: each grant moves its lane on by `1 / weight`, and the lane that is furthest behind
//! goes next. A lane that was empty starts again at the present virtual time, so an idle lane saves up nothing.

use std::sync::Arc;

use tokio::time::Instant;

use super::estimate::{Ahead, OtherLane};
use super::lane::{LaneQueue, Waiting};
use super::settings::{Lane, Place, Turn};

/// Where a call stands, to cancel it by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket {
    lane: Lane,
    slot: usize,
    place: i64,
}

/// Both lanes. Pure; cancelling takes the logarithm of what the caller itself has waiting.
#[derive(Debug)]
pub(super) struct Queue<T> {
    lanes: [LaneQueue<T>; 2],
    /// Where each lane stands in virtual time.
    times: [f64; 2],
    /// Where the lane served last stood.
    time: f64,
    /// Places are never used twice, so a ticket never fits another call.
    tail: i64,
    head: i64,
}

impl<T> Queue<T> {
    pub(super) fn new(now: Instant) -> Self {
        Queue { lanes: [LaneQueue::new(now), LaneQueue::new(now)], times: [0.0; 2], time: 0.0, tail: 0, head: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lanes.iter().all(|lane| lane.len() == 0)
    }

    pub(super) fn len(&self, lane: Lane) -> usize {
        self.lanes[lane.index()].len()
    }

    pub(super) fn queued_for(&self, lane: Lane, caller: &str) -> usize {
        self.lanes[lane.index()].queued_for(caller)
    }

    /// Callers of both lanes, as [`LaneQueue::callers`] has them.
    pub(super) fn callers(&self, now: Instant) -> impl Iterator<Item = (&Arc<str>, usize, f64)> {
        self.lanes.iter().flat_map(move |lane| lane.callers(now))
    }

    pub(super) fn push(&mut self, place: Place, waiting: Waiting<T>) -> Ticket {
        let lane = waiting.turn.lane;
        let place = match place {
            Place::Tail => {
                self.tail += 1;
                self.tail
            }
            Place::Head => {
                self.head -= 1;
                self.head
            }
        };
        self.times[lane.index()] = self.time_of(lane);
        let slot = self.lanes[lane.index()].push(place, waiting);
        Ticket { lane, slot, place }
    }

    pub(super) fn pop(&mut self, now: Instant) -> Option<Waiting<T>> {
        let lane = Lane::ALL
            .into_iter()
            .filter(|lane| self.len(*lane) > 0)
            .min_by(|a, b| self.times[a.index()].total_cmp(&self.times[b.index()]))?;
        self.time = self.times[lane.index()];
        self.times[lane.index()] += 1.0 / lane.weight();
        self.lanes[lane.index()].pop(now)
    }

    pub(super) fn cancel(&mut self, ticket: Ticket) -> Option<Waiting<T>> {
        self.lanes[ticket.lane.index()].cancel(ticket.slot, ticket.place)
    }

    /// A permit was given past the queue, which was empty.
    pub(super) fn passed(&mut self, turn: &Turn, now: Instant) {
        self.lanes[turn.lane.index()].passed(turn, now);
    }

    /// What goes before a call that `own` calls of its caller precede.
    pub(super) fn ahead(&self, turn: &Turn, own: usize, now: Instant) -> Ahead {
        let (lane, other) = (turn.lane, turn.lane.other());
        let beside = &self.lanes[other.index()];
        let lag = self.time_of(lane) - self.time_of(other);
        Ahead {
            own: own as f64,
            others: self.lanes[lane.index()].others(turn, own, now),
            other_lane: OtherLane {
                queued: beside.len() as f64,
                flow: beside.flow().refills(now),
                ratio: other.weight() / lane.weight(),
                // Ties are as likely won as lost.
                lead: lag * other.weight() + 0.5,
            },
        }
    }

    /// Where a lane would stand with a call in it.
    fn time_of(&self, lane: Lane) -> f64 {
        let time = self.times[lane.index()];
        if self.len(lane) == 0 { time.max(self.time) } else { time }
    }
}
