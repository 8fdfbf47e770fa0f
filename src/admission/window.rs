//! The completion-aware window: what keeps every second at Chat to its limit.
//!
//! It counts a call from the moment its permit is taken until one second after the answer, in [`Mode::Window`] less
//! the floor. Why that is enough is proven in the documentation of [`admission`](super).

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::floor::{Floor, Means};
use super::gate::{Gate, Room, Token, Usage};
use super::settings::{Mode, Settings};

/// Chat's unit of counting.
pub(super) const SECOND: Duration = Duration::from_secs(1);
/// Before the first answer a wait is estimated as if this were the excess; it is wrong by no more than a tenth for round
/// trips up to 150 ms.
const EXCESS_UNKNOWN: Duration = Duration::from_millis(50);

/// Permits out, and permits not yet back.
#[derive(Debug)]
pub(super) struct Window {
    mode: Mode,
    limit: usize,
    residence: Duration,
    opens: Instant,
    in_flight: usize,
    cooling: Releases,
    /// Apart from `cooling`, since these come back so much later that they would spoil its order.
    lost: Releases,
    floor: Floor,
    /// The shortest floor of any replica, where there are several: a token may pass from one to another that is
    /// nearer to Chat.
    nearest: Option<Duration>,
    means: Means,
}

impl Window {
    pub(super) fn new(settings: &Settings, now: Instant) -> Self {
        Window {
            mode: settings.mode,
            limit: settings.calls_per_second.max(1) as usize,
            residence: settings.residence,
            opens: now + settings.quiet_start,
            in_flight: 0,
            cooling: Releases::default(),
            lost: Releases::default(),
            floor: Floor::new(now),
            nearest: None,
            means: Means::default(),
        }
    }

    fn used(&self) -> usize {
        self.in_flight + self.cooling.len() + self.lost.len()
    }

    /// What is taken off an answer's time.
    fn floor_used(&self) -> Duration {
        match self.mode {
            Mode::Strict => Duration::ZERO,
            Mode::Window => self.nearest.map_or(self.own_floor(), |nearest| nearest.min(self.own_floor())),
        }
    }

    /// The floor of this process's own calls; zero while too little is known.
    pub(super) fn own_floor(&self) -> Duration {
        self.floor.get()
    }

    /// Another replica's floor counts as well; zero if none is known.
    pub(super) fn nearest(&mut self, floor: Duration) {
        self.nearest = (!floor.is_zero()).then_some(floor);
    }

    /// How much longer than a second a permit is out, on average.
    fn excess(&self) -> Duration {
        self.means.excess().unwrap_or(EXCESS_UNKNOWN)
    }

    /// Chat answered a call. Returns until when its permit is out.
    pub(super) fn answer(&mut self, sent: Instant, now: Instant) -> Instant {
        self.in_flight = self.in_flight.saturating_sub(1);
        let round_trip = now.saturating_duration_since(sent);
        self.floor.saw(round_trip, now);
        // Never below zero: the floor cannot make a call end before it began.
        let excess = round_trip.saturating_sub(self.floor_used());
        self.means.saw(round_trip, excess, now);
        let until = sent + excess + SECOND;
        self.cooling.add(until);
        until
    }

    /// A call's answer is lost. Returns until when its permit is out.
    pub(super) fn lose(&mut self, sent: Instant) -> Instant {
        self.in_flight = self.in_flight.saturating_sub(1);
        let until = sent + self.residence + SECOND;
        self.lost.add(until);
        until
    }

    /// How long a permit stays out under full demand, from sending to being free again, in seconds.
    pub(super) fn cycle(&self) -> f64 {
        (SECOND + self.excess()).as_secs_f64()
    }
}

impl Gate for Window {
    fn room(&mut self, now: Instant) -> Room {
        if now < self.opens {
            return Room::At(self.opens);
        }
        self.cooling.expire(now);
        self.lost.expire(now);
        // After a cut more can be out than the limit allows; those have to come back first.
        let Some(over) = self.used().checked_sub(self.limit) else {
            return Room::Now;
        };
        match (self.cooling.nth(over), self.lost.nth(0)) {
            (Some(a), Some(b)) => Room::At(a.min(b)),
            (Some(at), None) | (None, Some(at)) => Room::At(at),
            (None, None) => Room::WhenAnswered,
        }
    }

    fn take(&mut self, _now: Instant) -> Token {
        self.in_flight += 1;
        Token(0)
    }

    fn unsent(&mut self, _token: Token, _now: Instant) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    fn answered(&mut self, _token: Token, sent: Instant, now: Instant) {
        self.answer(sent, now);
    }

    fn lost(&mut self, _token: Token, sent: Instant, _now: Instant) {
        self.lose(sent);
    }

    fn set_limit(&mut self, limit: u32) {
        self.limit = limit.max(1) as usize;
    }

    /// Permits come back in the order they went, and again a cycle later. So the next turns fall on what is free,
    /// then on what cools, then on what is in flight; those after them on the same permits again, a cycle on.
    fn wait_for(&self, turn: f64, now: Instant) -> Duration {
        let opens = self.opens.saturating_duration_since(now);
        let until = |at: Instant| at.saturating_duration_since(now).max(opens);
        let free = self.limit.saturating_sub(self.used());
        let surplus = self.used().saturating_sub(self.limit);
        let (cooling, in_flight) = (self.cooling.len(), self.in_flight);
        // After a cut the first permits to come back are not given out again.
        let circling = (free + cooling + in_flight).saturating_sub(surplus);
        if circling == 0 {
            return self.lost.nth(turn as usize).or(self.lost.last()).map_or(opens, until);
        }
        let index = (turn.max(1.0) - 1.0) as usize;
        let (round, index) = (index / circling, index % circling + surplus);
        let cycle = self.cycle();
        let first = if index < free {
            // From the second round on these are as far apart as the pace has set them.
            let apart = if round == 0 { 0.0 } else { index as f64 / self.limit as f64 };
            opens + Duration::from_secs_f64(apart)
        } else if index < free + cooling {
            self.cooling.nth(index - free).map_or(opens, until)
        } else {
            // Not answered yet, so a whole second from now at least, less the floor, and by a cycle from now probably.
            let from = (SECOND.saturating_sub(self.floor_used())).as_secs_f64();
            let share = (index - free - cooling + 1) as f64 / in_flight as f64;
            Duration::from_secs_f64(from + (cycle - from) * share)
        };
        first + Duration::from_secs_f64(round as f64 * cycle)
    }

    fn rate(&self) -> f64 {
        self.limit.saturating_sub(self.lost.len()).max(1) as f64 / self.cycle()
    }

    fn usage(&self, now: Instant) -> Usage {
        Usage {
            in_flight: self.in_flight,
            cooling: self.cooling.len(),
            lost: self.lost.len(),
            floor: self.floor_used(),
            excess: self.means.excess().unwrap_or_default(),
            call_time: self.means.call_time(now),
        }
    }
}

/// Instants at which permits come back, in order. They are added almost in order, so adding moves few of them, and
/// unlike a heap this can name the n-th, which the estimate of a wait needs.
#[derive(Debug, Default)]
struct Releases(VecDeque<Instant>);

impl Releases {
    fn add(&mut self, at: Instant) {
        if self.0.back().is_none_or(|last| *last <= at) {
            self.0.push_back(at);
        } else {
            self.0.insert(self.0.partition_point(|other| *other <= at), at);
        }
    }

    fn expire(&mut self, now: Instant) {
        while self.0.front().is_some_and(|at| *at <= now) {
            self.0.pop_front();
        }
    }

    fn nth(&self, n: usize) -> Option<Instant> {
        self.0.get(n).copied()
    }

    fn last(&self) -> Option<Instant> {
        self.0.back().copied()
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}
