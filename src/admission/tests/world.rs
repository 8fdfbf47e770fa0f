//! Discrete events around the pure state: demand comes, grants go over a simulated network, answers come back.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use tokio::time::Instant;

use super::network::Network;
use crate::admission::gate::Token;
use crate::admission::queue::Ticket;
use crate::admission::settings::{Lane, Place, Refused, Settings, Turn};
use crate::admission::state::{Entry, Next, State};

pub(super) const MS: Duration = Duration::from_millis(1);
pub(super) const SECOND: Duration = Duration::from_secs(1);
/// Tokio's timer wakes us up to this late.
const LATE: Duration = Duration::from_micros(1_100);

/// A call that was granted. Times are since the start.
#[derive(Clone, Debug)]
pub(super) struct Served {
    pub(super) id: u64,
    pub(super) caller: String,
    pub(super) lane: Lane,
    pub(super) came: Duration,
    pub(super) sent: Duration,
    pub(super) counted: Duration,
}

#[derive(Clone, Debug)]
pub(super) struct Asked {
    id: u64,
    turn: Turn,
    came: Duration,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Answer {
    at: Duration,
    sent: Duration,
    token: u64,
    served: usize,
}

pub(super) struct World {
    pub(super) state: State<Asked>,
    pub(super) served: Vec<Served>,
    pub(super) late: Vec<(u64, Duration)>,
    /// Answers that have come since `demand` was last called, as indexes of `served`.
    pub(super) answered: Vec<usize>,
    start: Instant,
    pub(super) now: Duration,
    network: Network,
    answers: BinaryHeap<Reverse<Answer>>,
    next_id: u64,
    /// Decides when an answer comes whether it is a refusal for rate.
    pub(super) refuses: Box<dyn FnMut(&Served) -> bool>,
}

impl World {
    pub(super) fn new(settings: Settings, network: Network) -> Self {
        let start = Instant::now();
        World {
            state: State::new(settings, start),
            served: Vec::new(),
            late: Vec::new(),
            answered: Vec::new(),
            start,
            now: Duration::ZERO,
            network,
            answers: BinaryHeap::new(),
            next_id: 0,
            refuses: Box::new(|_| false),
        }
    }

    pub(super) fn turn(&self, lane: Lane, caller: &str, weight: u32, allowance: Duration) -> Turn {
        Turn { caller: caller.into(), weight, lane, deadline: self.start + self.now + allowance }
    }

    pub(super) fn instant(&self) -> Instant {
        self.start + self.now
    }

    /// Asks for a turn now. The call's number, or why it was refused.
    pub(super) fn ask(&mut self, turn: &Turn) -> Result<u64, Refused> {
        self.next_id += 1;
        let now = self.instant();
        let asked = Asked { id: self.next_id, turn: turn.clone(), came: self.now };
        match self.state.enter(turn, Place::Tail, now) {
            Entry::Granted(token) => self.send(asked, token),
            Entry::Wait(latest) => drop(self.state.wait(turn, Place::Tail, latest, now, asked)),
            Entry::Refused(refused) => return Err(refused),
        }
        Ok(self.next_id)
    }

    /// Puts a call into the queue, room or not.
    pub(super) fn queue(&mut self, turn: &Turn) -> Ticket {
        self.next_id += 1;
        let asked = Asked { id: self.next_id, turn: turn.clone(), came: self.now };
        self.state.wait(turn, Place::Tail, turn.deadline, self.instant(), asked)
    }

    /// Lets time pass until `until`. After each event `demand` may ask for turns; it returns when it wants to be called
    /// at the latest.
    pub(super) fn run(&mut self, until: Duration, mut demand: impl FnMut(&mut World) -> Option<Duration>) {
        while self.now < until {
            self.take_answers();
            let wanted = demand(self).unwrap_or(until).min(until);
            let due = self.serve();
            self.step(due, wanted);
        }
    }

    /// Grants what may go now; until when there is nothing to do.
    fn serve(&mut self) -> Option<Duration> {
        loop {
            match self.state.next(self.instant()) {
                Next::Granted(waiting, token) => self.send(waiting.item, token),
                Next::Refused(waiting, _) => self.late.push((waiting.item.id, self.now - waiting.item.came)),
                Next::Rest(until) => return until.map(|at| at - self.start),
            }
        }
    }

    /// To the next event: an answer, the dispatcher's timer, which is late, or the demand.
    fn step(&mut self, due: Option<Duration>, wanted: Duration) {
        let answer = self.answers.peek().map_or(Duration::MAX, |Reverse(answer)| answer.at);
        let first = answer.min(wanted);
        let next = match due {
            Some(due) if due < first => due + self.network.lateness(LATE),
            _ => first,
        };
        self.now = next.max(self.now + Duration::from_nanos(1));
    }

    fn send(&mut self, asked: Asked, token: Token) {
        let (counted, answered) = self.network.call(self.now);
        let answer = Answer { at: answered, sent: self.now, token: token.0, served: self.served.len() };
        self.answers.push(Reverse(answer));
        self.served.push(Served {
            id: asked.id,
            caller: asked.turn.caller.to_string(),
            lane: asked.turn.lane,
            came: asked.came,
            sent: self.now,
            counted,
        });
    }

    fn take_answers(&mut self) {
        self.answered.clear();
        while self.answers.peek().is_some_and(|Reverse(answer)| answer.at <= self.now) {
            let Some(Reverse(answer)) = self.answers.pop() else { return };
            let (sent, at) = (self.start + answer.sent, self.start + answer.at);
            if (self.refuses)(&self.served[answer.served]) {
                self.state.refused_for_rate(Token(answer.token), sent, at);
            } else {
                self.state.answered(Token(answer.token), sent, at);
            }
            self.answered.push(answer.served);
        }
    }
}

/// A caller that keeps `in_flight` calls going: it sends the next one when one has its answer.
pub(super) struct Loop {
    pub(super) lane: Lane,
    pub(super) caller: &'static str,
    pub(super) weight: u32,
    pub(super) in_flight: usize,
}

pub(super) fn keep_going(world: &mut World, loops: &[Loop]) {
    for each in loops {
        let turn = world.turn(each.lane, each.caller, each.weight, 60 * SECOND);
        let mine = |served: &Served| served.caller == each.caller && served.lane == each.lane;
        let starting = if world.now.is_zero() { each.in_flight } else { 0 };
        let again = world.answered.iter().filter(|index| mine(&world.served[**index])).count();
        for _ in 0..starting + again {
            world.ask(&turn).expect("a minute is enough");
        }
    }
}

/// The `share` quantile.
pub(super) fn quantile(mut values: Vec<Duration>, share: f64) -> Duration {
    values.sort();
    values.get((values.len().saturating_sub(1) as f64 * share) as usize).copied().unwrap_or_default()
}
