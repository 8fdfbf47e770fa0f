//! One rate for several replicas: a ledger of tokens in Redis.
//!
//! Of each app and command there are as many tokens as calls a second, and each is used once a second at most: it is
//! granted to one replica, which sends one call with it and reports when that call has left Chat's second. Only then, by
//! the proof in [`admission`](super), is it granted again. So it does not matter who sends: no second holds more
//! calls than there are tokens.
//!
//! ```text
//!   queue ─► pace ─► hand ─► call            one round trip every 50 ms while busy
//!                     ▲        │          ┌─────────────────────────────────────────┐
//!                     │        ▼          │ shared.lua: tokens, seats, the fair      │
//!                 permits   reports ◄────►│ level, what Chat lets us have            │
//!                                         └─────────────────────────────────────────┘
//! ```
//!
//! `link.rs` knows how this replica stands to the ledger, `hand.rs` its permits, `wire.rs` what is said, `timing.rs` all
//! spans; `client.rs` does the talking. All but that one are pure.
//!
//! # What holds it together
//!
//! - **No common clock.** Only durations are sent, and each is on the safe side: "rests so much longer" grows by the
//!   way to Redis, "not before" starts when the answer comes, "expires" when the question was sent. The one time
//!   of Redis's own clock that a replica sends is a bound: a poll that Redis gets to later does nothing.
//! - **A grant is held to be used**, and its token for as long as an unanswered call may reach Chat's counter, until
//!   its owner reports. Reports name the grant, so one that comes late changes nothing.
//! - **Seats.** While Redis is away each replica lives on `rate / replicas` under its own window. Who may do that has a
//!   seat, and there are `replicas` of them. The share of one that is silent rests untouched for `suspect`: the
//!   coldest tokens are left lying, so they are always the same ones. A replica that is silent starts on its share only
//!   when whatever the others were granted before that has left Chat's second.
//! - **A ledger without its past** (restarted, emptied, or a copy that is behind) begins anew, with a number of its own
//!   (the epoch): all tokens rest until everything granted before has left Chat's second.
//!
//! In a partition the sum stays within the rate for as long as the partition is shorter than `suspect`; beyond it only
//! with [`Outage::Closed`]. A replica that has never reached Redis has no seat and sends nothing.

mod client;
mod exchange;
mod hand;
mod link;
mod settings;
#[cfg(test)]
#[expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]
mod tests;
mod timing;
mod wire;

use std::time::Duration;

use tokio::time::Instant;

pub(super) use client::keep;
pub use link::Standing;
pub use settings::{BadRedis, Outage, Redis, Sharing};

use self::hand::Hand;
use self::link::Link;
use self::timing::{LEARN, POLL};
use super::gate::{Gate, Room, Token, Usage};
use super::settings::Settings;
use super::window::{SECOND, Window};

/// A call that was sent on the share, which the window alone counts.
const OF_SHARE: Token = Token(0);

/// The ledger as one replica sees it. Pure.
#[derive(Debug)]
pub(super) struct Ledger {
    sharing: Sharing,
    residence: Duration,
    /// Counts this replica's own calls the whole time: on its share it is the gate, and beside the ledger it makes sure
    /// that no fault of a ledger puts more than the rate out.
    window: Window,
    hand: Hand,
    link: Link,
    /// Calls a second as configured, and as allowed just now.
    rate: u32,
    limit: u32,
    epoch: i64,
    seq: i64,
    /// What the last poll asked for and has not been sent yet.
    asked: usize,
    view: View,
}

/// How the ledger stands, as it last said.
#[derive(Clone, Copy, Debug, Default)]
struct View {
    level: f64,
    reserved: u32,
    live: u32,
    round_trips: u64,
    failures: u64,
}

/// What an admission says about its ledger, for metrics and the live page.
#[derive(Clone, Copy, Debug)]
pub struct LedgerSnapshot {
    /// How this replica stands to it.
    pub standing: Standing,
    /// Calls a second that this replica may send while the ledger is away; zero without a seat.
    pub share: u32,
    /// Replicas that the ledger has heard of lately.
    pub live: u32,
    /// Replicas whose share nobody else may use, because they may be living on it.
    pub reserved: u32,
    /// Calls of the ledger that were answered.
    pub round_trips: u64,
    /// Calls of the ledger that were not.
    pub failures: u64,
}

impl Ledger {
    pub(super) fn new(settings: &Settings, sharing: Sharing, now: Instant) -> Self {
        let closes_after = match sharing.outage {
            Outage::Share => None,
            Outage::Closed => Some(sharing.suspect),
        };
        let rate = settings.calls_per_second.max(1);
        let sharing = Sharing { replicas: sharing.replicas.max(1), ..sharing };
        Ledger {
            residence: settings.residence,
            window: Window::new(settings, now),
            hand: Hand::default(),
            link: Link::new(closes_after, now),
            rate,
            limit: rate,
            epoch: 0,
            seq: 0,
            asked: 0,
            view: View { level: f64::from(rate / sharing.replicas), ..View::default() },
            sharing,
        }
    }

    pub(super) fn configure(&mut self, calls_per_second: u32) {
        self.rate = calls_per_second.max(1);
    }

    pub(super) fn standing(&self, now: Instant) -> Standing {
        self.link.standing(now)
    }

    pub(super) fn snapshot(&self, now: Instant) -> LedgerSnapshot {
        LedgerSnapshot {
            standing: self.standing(now),
            share: if self.link.seat { self.share() } else { 0 },
            live: self.view.live,
            reserved: self.view.reserved,
            round_trips: self.view.round_trips,
            failures: self.view.failures,
        }
    }

    /// Calls a second that it could have: its share, and of the ledger as much as others leave. That can be less than
    /// the share for a moment, while what was used without the ledger cools, but it says nothing about any later one.
    fn level(&self) -> f64 {
        let share = f64::from(self.share().min(self.limit / self.sharing.replicas).max(1));
        if self.link.lived_on_share { share } else { self.view.level.max(share) }
    }

    fn share(&self) -> u32 {
        self.rate / self.sharing.replicas
    }

    /// Follows how it stands: from the first moment on its share, nothing of the ledger's counts any more.
    fn settle(&mut self, now: Instant) -> Standing {
        let standing = self.link.standing(now);
        if standing == Standing::Share && !self.link.lived_on_share {
            self.link.lived_on_share = true;
            self.hand.forget();
        }
        let limit = if standing == Standing::Share { self.share().min(self.limit) } else { self.limit };
        self.window.set_limit(limit);
        standing
    }

    /// When a permit that is not in hand may come, at the earliest.
    fn next_grant(&self, now: Instant) -> Duration {
        match self.standing(now) {
            Standing::Joined => POLL,
            // Not yet heard of: it will answer in a moment, and at worst know nothing.
            Standing::Silent if self.epoch == 0 => LEARN,
            Standing::Silent => self.link.share_from().saturating_duration_since(now),
            Standing::Share => Duration::ZERO,
            Standing::Closed => SECOND,
        }
    }
}

impl Gate for Ledger {
    fn room(&mut self, now: Instant) -> Room {
        match self.settle(now) {
            Standing::Share if self.share() > 0 => self.window.room(now),
            Standing::Share | Standing::Closed => Room::WhenAnswered,
            Standing::Joined => self.window.room(now).and(self.hand.room(now)),
            Standing::Silent => match self.hand.room(now) {
                Room::WhenAnswered => Room::At(self.link.share_from()),
                room => self.window.room(now).and(room),
            },
        }
    }

    fn take(&mut self, now: Instant) -> Token {
        self.window.take(now);
        self.asked = self.asked.saturating_sub(1);
        self.hand.take(now).map_or(OF_SHARE, Token)
    }

    fn unsent(&mut self, token: Token, now: Instant) {
        self.window.unsent(token, now);
        self.hand.unsent(token.0);
    }

    fn answered(&mut self, token: Token, sent: Instant, now: Instant) {
        let until = self.window.answer(sent, now);
        self.hand.used(token.0, until);
    }

    fn lost(&mut self, token: Token, sent: Instant, _now: Instant) {
        let until = self.window.lose(sent);
        self.hand.used(token.0, until);
    }

    fn set_limit(&mut self, limit: u32) {
        self.limit = limit.max(1);
    }

    fn wait_for(&self, turn: f64, now: Instant) -> Duration {
        if self.standing(now) == Standing::Share {
            return self.window.wait_for(turn, now);
        }
        let number = turn.max(1.0) as usize;
        if let Some(at) = self.hand.nth(number, now) {
            return at.saturating_duration_since(now);
        }
        let behind = turn - self.hand.held(now) as f64;
        self.next_grant(now) + Duration::from_secs_f64((behind - 1.0).max(0.0) / self.rate())
    }

    fn rate(&self) -> f64 {
        self.level() / self.window.cycle()
    }

    fn usage(&self, now: Instant) -> Usage {
        self.window.usage(now)
    }

    /// Its own part. If each replica spread its calls over the whole rate, they would all run ahead at once and then
    /// wait for tokens together: that costs 2 %.
    fn spread(&self, allowed: f64) -> f64 {
        self.level().min(allowed)
    }

    fn ledger(&mut self) -> Option<&mut Ledger> {
        Some(self)
    }
}
