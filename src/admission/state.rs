//! Everything that one admission knows, as one pure machine: time comes in with each call, and grants go out.

use std::time::Duration;

use tokio::time::Instant;

use super::adapt::Adapt;
use super::gate::{Gate, Room, Token};
use super::lane::Waiting;
use super::meter::Meter;
use super::pace::Pace;
use super::queue::{Queue, Ticket};
use super::settings::{Lane, Place, Refused, Settings, Turn};
use super::shared::Ledger;
use super::window::Window;

/// An estimate is trusted up to this: in overload, later calls of other callers pass before it comes true.
const MARGIN_FACTOR: f64 = 1.03;
const MARGIN: Duration = Duration::from_millis(20);
/// While the rate grows back, the gates are looked at again this often.
const REGROWTH: Duration = Duration::from_millis(20);

/// What became of a request for a permit.
#[derive(Debug)]
pub(super) enum Entry {
    Granted(Token),
    /// It may wait; a permit after this instant is of no use to it.
    Wait(Instant),
    Refused(Refused),
}

/// What became of the call whose turn it was.
#[derive(Debug)]
pub(super) enum Next<T> {
    Granted(Waiting<T>, Token),
    Refused(Waiting<T>, Refused),
    /// Nothing before this instant, or before anything happens.
    Rest(Option<Instant>),
}

/// `T` is what a waiting call is told through.
pub(super) struct State<T> {
    pub(super) settings: Settings,
    pub(super) gate: Box<dyn Gate>,
    pace: Pace,
    pub(super) queue: Queue<T>,
    pub(super) adapt: Adapt,
    pub(super) used: Meter,
    closed: bool,
}

impl<T> State<T> {
    pub(super) fn new(settings: Settings, now: Instant) -> Self {
        let rate = settings.calls_per_second.max(1);
        let gate: Box<dyn Gate> = match settings.sharing.clone() {
            None => Box::new(Window::new(&settings, now)),
            Some(sharing) => Box::new(Ledger::new(&settings, sharing, now)),
        };
        State {
            gate,
            pace: Pace::new(settings.mode, f64::from(rate), now),
            queue: Queue::new(now),
            adapt: Adapt::new(rate, now),
            used: Meter::new(now),
            closed: false,
            settings,
        }
    }

    /// A call asks for its turn. With nobody waiting and room in both gates it has it at once.
    pub(super) fn enter(&mut self, turn: &Turn, place: Place, now: Instant) -> Entry {
        if self.closed {
            return Entry::Refused(Refused::Closed);
        }
        let latest = self.latest(turn, place, now);
        let allowance = latest.saturating_duration_since(now);
        if self.queue.is_empty() && latest > now && self.room(now) == Room::Now {
            self.queue.passed(turn, now);
            return Entry::Granted(self.spend(now));
        }
        if place == Place::Head && latest > now {
            return Entry::Wait(latest);
        }
        if self.cautious_wait(turn, now) > allowance {
            return Entry::Refused(Refused::TooLate { retry_after: self.retry_after(turn, allowance, now) });
        }
        let most = match turn.lane {
            Lane::Unary => self.settings.queue_per_caller,
            Lane::Stream => self.settings.stream_queue_per_caller,
        };
        if self.queue.queued_for(turn.lane, &turn.caller) >= most {
            let retry_after = self.head_wait(turn, now).max(self.retry_after(turn, allowance, now));
            return Entry::Refused(Refused::QueueFull { retry_after });
        }
        Entry::Wait(latest)
    }

    /// Puts a call that [`Entry::Wait`] was said to into the queue.
    pub(super) fn wait(&mut self, turn: &Turn, place: Place, latest: Instant, now: Instant, item: T) -> Ticket {
        let waiting = Waiting { turn: turn.clone(), latest, came: now, item };
        self.queue.push(place, waiting)
    }

    /// Serves the call whose turn it is, if the gates allow one.
    pub(super) fn next(&mut self, now: Instant) -> Next<T> {
        if self.queue.is_empty() {
            return Next::Rest(None);
        }
        match self.room(now) {
            Room::Now => {}
            Room::At(at) => return Next::Rest(Some(self.look_again(at, now))),
            Room::WhenAnswered => return Next::Rest(self.adapt.slowed().then_some(now + REGROWTH)),
        }
        let Some(waiting) = self.queue.pop(now) else {
            return Next::Rest(None);
        };
        if waiting.latest < now {
            // Misjudged when it came. Its answer would come too late, so its permit goes to the next one.
            let retry_after = self.retry_after(&waiting.turn, waiting.latest - waiting.came, now);
            return Next::Refused(waiting, Refused::TooLate { retry_after });
        }
        Next::Granted(waiting, self.spend(now))
    }

    /// When [`next`](Self::next) would serve somebody, if that is known.
    pub(super) fn due(&mut self, now: Instant) -> Option<Instant> {
        if self.queue.is_empty() {
            return None;
        }
        match self.room(now) {
            Room::Now => Some(now),
            Room::At(at) => Some(at),
            Room::WhenAnswered => None,
        }
    }

    /// Its deadline came while it waited: when would a call with as much time be served?
    pub(super) fn expired(&mut self, turn: &Turn, allowance: Duration, now: Instant) -> Refused {
        Refused::TooLate { retry_after: self.retry_after(turn, allowance, now) }
    }

    pub(super) fn unsent(&mut self, token: Token, now: Instant) {
        self.gate.unsent(token, now);
        self.pace.give_back();
        self.used.take_back();
    }

    pub(super) fn answered(&mut self, token: Token, sent: Instant, now: Instant) {
        self.gate.answered(token, sent, now);
        self.adapt.accepted(now);
    }

    /// It cools as any other: whether Chat counts calls that it refuses is not documented.
    pub(super) fn refused_for_rate(&mut self, token: Token, sent: Instant, now: Instant) {
        self.gate.answered(token, sent, now);
        self.adapt.refused(now);
    }

    pub(super) fn lost(&mut self, token: Token, sent: Instant, now: Instant) {
        self.gate.lost(token, sent, now);
    }

    pub(super) fn configure(&mut self, calls_per_second: u32) {
        self.settings.calls_per_second = calls_per_second.max(1);
        self.adapt.configure(calls_per_second);
        if let Some(ledger) = self.gate.ledger() {
            ledger.configure(calls_per_second);
        }
    }

    /// Ends it: returns everyone who waits.
    pub(super) fn close(&mut self, now: Instant) -> Vec<T> {
        self.closed = true;
        std::iter::from_fn(|| self.queue.pop(now)).map(|waiting| waiting.item).collect()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// When a call that came now would be served.
    pub(super) fn wait_of(&mut self, turn: &Turn, now: Instant) -> Duration {
        let own = self.queue.queued_for(turn.lane, &turn.caller);
        self.wait_behind(turn, own, now)
    }

    fn head_wait(&mut self, turn: &Turn, now: Instant) -> Duration {
        self.wait_behind(turn, 0, now) + self.period()
    }

    fn wait_behind(&mut self, turn: &Turn, own: usize, now: Instant) -> Duration {
        self.room(now);
        let number = self.queue.ahead(turn, own, now).turn(self.gate.rate());
        // The pace saves up no more than its burst until the first of them goes.
        let first = self.gate.wait_for(1.0, now);
        self.gate.wait_for(number, now).max(first + self.pace.wait_for(number, now + first))
    }

    fn cautious_wait(&mut self, turn: &Turn, now: Instant) -> Duration {
        self.wait_of(turn, now).mul_f64(MARGIN_FACTOR) + MARGIN
    }

    /// The wait gets shorter by a second each second, and the margin on it with it, so a call with as much time fits in
    /// once the surplus is gone.
    fn retry_after(&mut self, turn: &Turn, allowance: Duration, now: Instant) -> Duration {
        let surplus = self.cautious_wait(turn, now).saturating_sub(allowance);
        surplus.div_f64(MARGIN_FACTOR) + self.period()
    }

    /// The last instant at which a permit is of use. One call's time is kept for the call itself, but not for one
    /// that Chat has refused before: it has earned the try.
    fn latest(&self, turn: &Turn, place: Place, now: Instant) -> Instant {
        match place {
            Place::Head => turn.deadline,
            Place::Tail => turn.deadline.checked_sub(self.gate.usage(now).call_time).unwrap_or(now),
        }
    }

    /// Both gates, at the rate that is allowed now.
    fn room(&mut self, now: Instant) -> Room {
        let allowed = self.adapt.allowed(now);
        self.gate.set_limit(allowed as u32);
        self.pace.set_rate(self.gate.spread(allowed), now);
        self.gate.room(now).and(self.pace.room(now))
    }

    fn look_again(&self, at: Instant, now: Instant) -> Instant {
        if self.adapt.slowed() { at.min(now + REGROWTH) } else { at }
    }

    fn spend(&mut self, now: Instant) -> Token {
        self.pace.take(now);
        self.used.add(now);
        self.gate.take(now)
    }

    fn period(&self) -> Duration {
        Duration::from_secs_f64(1.0 / self.gate.rate().max(1e-3))
    }
}
