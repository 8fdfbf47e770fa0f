//! Replicas in virtual time around the real script.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::time::Instant;

use super::server::Server;
use crate::admission::gate::Token;
use crate::admission::settings::{Lane, Place, Settings, Turn};
use crate::admission::shared::exchange::Plan;
use crate::admission::shared::timing::TIMEOUT;
use crate::admission::shared::wire::{Answer, Ask, Purpose};
use crate::admission::shared::{Outage, Redis, Sharing, Standing};
use crate::admission::state::{Entry, Next, State};
use crate::admission::tests::network::{Network, Way, most_in_a_second};

pub(super) const MS: Duration = Duration::from_millis(1);
pub(super) const SECOND: Duration = Duration::from_secs(1);
const STEP: Duration = Duration::from_micros(500);

/// How the way to the ledger is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Reach {
    Up,
    Down,
    /// Calls arrive, and are run when it is up again: a server that was stopped.
    Stopped,
    /// Calls are run, and the answers lost.
    Deaf,
}

/// What a replica's callers want.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Demand {
    Full,
    /// Calls a second, at random.
    Some(f64),
    /// One call at a time, and so long between two.
    Calm(Duration),
    None,
}

struct Pending {
    ask: Ask,
    sent: Duration,
    ends: Duration,
    answer: Option<Answer>,
}

pub(super) struct Node {
    id: String,
    pub(super) state: State<Duration>,
    pub(super) demand: Demand,
    pub(super) reach: Reach,
    pub(super) gone: bool,
    /// Nothing of it runs.
    frozen: bool,
    /// What it has taken goes nowhere yet.
    stuck: Option<Vec<(Token, Duration)>>,
    leaves: bool,
    next_call: Duration,
    pending: Option<Pending>,
    answers: BinaryHeap<Reverse<(Duration, Duration, u64)>>,
    pub(super) round_trips: u64,
    /// How long calls waited, and when.
    pub(super) waits: Vec<(Duration, Duration)>,
    pub(super) refused: usize,
    pub(super) refused_by_chat: u32,
}

pub(super) struct World {
    pub(super) server: Server,
    pub(super) nodes: Vec<Node>,
    pub(super) now: Duration,
    /// When Chat counted a call, and whose.
    pub(super) counted: Vec<(Duration, usize)>,
    /// Decides whether Chat refuses a call counted then for rate.
    pub(super) refuses: Box<dyn FnMut(Duration) -> bool>,
    pub(super) settings: Settings,
    /// Calls that a stopped server will run.
    held_up: Vec<(String, Ask)>,
    start: Instant,
    network: Network,
    rng: StdRng,
}

impl World {
    /// Replicas that all start now. `None` without a server.
    pub(super) fn new(replicas: u32, way: Way, outage: Outage, suspect: Duration) -> Option<World> {
        let server = Server::start()?;
        let redis = Redis::open("redis://127.0.0.1:1").expect("a good URL");
        let sharing = Sharing { redis, scope: "test".into(), replicas, outage, suspect };
        let settings = Settings { sharing: Some(sharing), quiet_start: Duration::ZERO, ..Settings::default() };
        let mut world = World {
            server,
            nodes: Vec::new(),
            now: Duration::ZERO,
            counted: Vec::new(),
            refuses: Box::new(|_| false),
            settings,
            held_up: Vec::new(),
            start: Instant::now(),
            network: Network::new(way, 12),
            rng: StdRng::seed_from_u64(4),
        };
        (0..replicas).for_each(|_| world.add());
        Some(world)
    }

    pub(super) fn add(&mut self) {
        let node = Node {
            id: format!("node{}", self.nodes.len()),
            state: State::new(self.settings.clone(), self.start + self.now),
            demand: Demand::None,
            reach: Reach::Up,
            gone: false,
            frozen: false,
            stuck: None,
            leaves: false,
            next_call: self.now,
            pending: None,
            answers: BinaryHeap::new(),
            round_trips: 0,
            waits: Vec::new(),
            refused: 0,
            refused_by_chat: 0,
        };
        self.nodes.push(node);
    }

    /// Everyone's way to the ledger.
    pub(super) fn reach(&mut self, reach: Reach) {
        self.nodes.iter_mut().for_each(|node| node.reach = reach);
        if reach == Reach::Up {
            for (id, ask) in std::mem::take(&mut self.held_up) {
                self.server.run(self.now, &id, ask.purpose.name(), &ask.args());
            }
        }
    }

    pub(super) fn demand(&mut self, demands: &[Demand]) {
        self.nodes.iter_mut().zip(demands).for_each(|(node, demand)| node.demand = *demand);
    }

    /// Stops a replica cleanly.
    pub(super) fn stop(&mut self, index: usize) {
        let now = self.instant();
        self.nodes[index].state.close(now);
        self.nodes[index].leaves = true;
        self.nodes[index].demand = Demand::None;
    }

    pub(super) fn kill(&mut self, index: usize) {
        self.nodes[index].gone = true;
    }

    /// A process stands still for a time, with calls between their permit and the wire.
    pub(super) fn freeze(&mut self, index: usize, time: Duration) {
        self.nodes[index].stuck = Some(Vec::new());
        self.run(60 * MS);
        self.nodes[index].frozen = true;
        self.run(time);
        self.nodes[index].frozen = false;
        for (token, came) in self.nodes[index].stuck.take().unwrap_or_default() {
            self.send(index, token, came);
        }
    }

    pub(super) fn standings(&mut self) -> Vec<Standing> {
        let now = self.instant();
        self.nodes.iter_mut().filter(|node| !node.gone).map(|node| standing(&mut node.state, now)).collect()
    }

    pub(super) fn instant(&self) -> Instant {
        self.start + self.now
    }

    pub(super) fn run(&mut self, time: Duration) {
        let until = self.now + time;
        while self.now < until {
            self.now += STEP;
            for index in 0..self.nodes.len() {
                if !self.nodes[index].gone && !self.nodes[index].frozen {
                    self.take_answers(index);
                    self.ask_for_turns(index);
                    self.talk(index);
                    self.serve(index);
                }
            }
        }
    }

    fn take_answers(&mut self, index: usize) {
        while let Some(Reverse((at, sent, token))) = self.nodes[index].answers.peek().copied() {
            if at > self.now {
                return;
            }
            self.nodes[index].answers.pop();
            let state = &mut self.nodes[index].state;
            let (token, refused) = (Token(token >> 1), token & 1 == 1);
            match refused {
                true => {
                    state.refused_for_rate(token, self.start + sent, self.start + at);
                    self.nodes[index].refused_by_chat += 1;
                }
                false => state.answered(token, self.start + sent, self.start + at),
            }
        }
    }

    fn ask_for_turns(&mut self, index: usize) {
        let now = self.instant();
        match self.nodes[index].demand {
            Demand::None => {}
            Demand::Full => {
                let node = &mut self.nodes[index];
                let turn = turn(now);
                while node.state.queue.len(Lane::Unary) < 50 {
                    node.state.wait(&turn, Place::Tail, turn.deadline, now, self.now);
                }
            }
            Demand::Calm(pause) => {
                let node = &mut self.nodes[index];
                if node.answers.is_empty() && node.state.queue.is_empty() {
                    if node.next_call == Duration::MAX {
                        node.next_call = self.now + pause;
                    }
                    if node.next_call <= self.now {
                        node.next_call = Duration::MAX;
                        self.enter(index);
                    }
                }
            }
            Demand::Some(rate) => {
                while self.nodes[index].next_call <= self.now {
                    let node = &mut self.nodes[index];
                    let gap = -(1.0 - self.rng.random::<f64>()).ln() / rate;
                    node.next_call = self.now + Duration::from_secs_f64(gap);
                    self.enter(index);
                }
            }
        }
    }

    fn enter(&mut self, index: usize) {
        let (now, turn) = (self.instant(), turn(self.instant()));
        let state = &mut self.nodes[index].state;
        match state.enter(&turn, Place::Tail, now) {
            Entry::Granted(token) => self.send(index, token, self.now),
            Entry::Wait(latest) => drop(state.wait(&turn, Place::Tail, latest, now, self.now)),
            Entry::Refused(_) => self.nodes[index].refused += 1,
        }
    }

    fn serve(&mut self, index: usize) {
        let now = self.instant();
        loop {
            match self.nodes[index].state.next(now) {
                Next::Granted(waiting, token) => self.send(index, token, waiting.item),
                Next::Refused(..) => self.nodes[index].refused += 1,
                Next::Rest(_) => return,
            }
        }
    }

    fn send(&mut self, index: usize, token: Token, came: Duration) {
        if let Some(stuck) = &mut self.nodes[index].stuck {
            return stuck.push((token, came));
        }
        let (counted, answered) = self.network.call(self.now);
        let refused = (self.refuses)(counted);
        self.counted.push((counted, index));
        let node = &mut self.nodes[index];
        node.waits.push((self.now, self.now - came));
        node.answers.push(Reverse((answered, self.now, token.0 << 1 | u64::from(refused))));
    }

    /// One step of what the client does.
    fn talk(&mut self, index: usize) {
        let now = self.instant();
        if let Some(pending) = self.nodes[index].pending.take_if(|pending| pending.ends <= self.now) {
            let node = &mut self.nodes[index];
            node.state.heard(&pending.ask, pending.answer, self.start + pending.sent, now);
            if pending.ask.purpose == Purpose::Leave {
                node.gone = true;
                return;
            }
        }
        if self.nodes[index].pending.is_some() {
            return;
        }
        let ended = self.nodes[index].leaves;
        match self.nodes[index].state.plan(ended, now).1 {
            Plan::Rest(_) => {}
            Plan::End => self.nodes[index].gone = true,
            Plan::Send(ask) => self.say(index, ask),
        }
    }

    fn say(&mut self, index: usize, mut ask: Ask) {
        ask.server = self.server.number;
        let now = self.instant();
        let node = &mut self.nodes[index];
        node.state.told(&ask, now);
        node.round_trips += 1;
        let mut way = || Duration::from_micros(self.rng.random_range(200..800));
        let (there, back) = (way(), way());
        let (ends, answer) = match node.reach {
            Reach::Down => (self.now + there, None),
            Reach::Stopped => {
                self.held_up.push((node.id.clone(), ask.clone()));
                (self.now + TIMEOUT, None)
            }
            reach => {
                let numbers = self.server.run(self.now + there, &node.id, ask.purpose.name(), &ask.args());
                let answer = Answer::read(&numbers);
                assert!(answer.is_some(), "not understood: {numbers:?}");
                match reach {
                    Reach::Deaf => (self.now + TIMEOUT, None),
                    _ => (self.now + there + back, answer),
                }
            }
        };
        node.pending = Some(Pending { ask, sent: self.now, ends, answer });
    }

    // What came of it.

    pub(super) fn most(&self) -> usize {
        most_in_a_second(&self.counted.iter().map(|(at, _)| *at).collect::<Vec<_>>())
    }

    /// Calls a second counted from one time to another, of one replica or of all.
    pub(super) fn rate(&self, from: Duration, until: Duration, of: Option<usize>) -> f64 {
        let fits = |(at, index): &&(Duration, usize)| *at >= from && *at < until && of.is_none_or(|of| of == *index);
        self.counted.iter().filter(fits).count() as f64 / (until - from).as_secs_f64()
    }

    /// How long after `from` the first second with as many calls as this ended.
    pub(super) fn full_after(&self, from: Duration, calls: usize) -> Option<Duration> {
        let mut later: Vec<_> = self.counted.iter().map(|(at, _)| *at).filter(|at| *at >= from).collect();
        later.sort();
        later
            .windows(calls)
            .find(|second| second[calls - 1] - second[0] < SECOND)
            .map(|second| second[calls - 1] - from)
    }

    /// The longest time without a call.
    pub(super) fn longest_pause(&self, from: Duration) -> Duration {
        let mut later: Vec<_> = self.counted.iter().map(|(at, _)| *at).filter(|at| *at >= from).collect();
        later.sort();
        later.windows(2).map(|two| two[1] - two[0]).max().unwrap_or_default()
    }
}

fn turn(now: Instant) -> Turn {
    Turn { caller: "only".into(), weight: 1, lane: Lane::Unary, deadline: now + 60 * SECOND }
}

fn standing(state: &mut State<Duration>, now: Instant) -> Standing {
    state.gate.ledger().expect("a ledger").standing(now)
}
