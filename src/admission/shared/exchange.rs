//! What a replica tells the ledger, and what it makes of the answer.

use std::time::Duration;

use tokio::time::Instant;

use super::link::Standing;
use super::wire::{Answer, Ask, Purpose, Share};
use super::{Ledger, View};
use crate::admission::settings::Lane;
use crate::admission::state::State;

/// However soon there may be something to get, not more than two hundred calls of the script a second.
const SOONEST: Duration = Duration::from_millis(5);

/// Calls waiting up to which the ledger is asked again as soon as it has something.
const FEW: usize = 20;

/// What the client is to do.
#[derive(Debug)]
pub(super) enum Plan {
    Send(Ask),
    /// Nothing before this instant, or before somebody begins to wait.
    Rest(Instant),
    /// It is over.
    End,
}

impl<T> State<T> {
    /// The ledger's client asks what to do. `ended`: nobody can take a permit any more.
    pub(super) fn plan(&mut self, ended: bool, now: Instant) -> (Standing, Plan) {
        let ended = ended || self.is_closed();
        let queued = Lane::ALL.iter().map(|lane| self.queue.len(*lane)).sum();
        let cap = self.adapt.allowed(now) as u32;
        let accepted = self.adapt.accepted_last_second(now);
        let cut = self.adapt.last_cut().map(|at| (self.adapt.plateau(), now.saturating_duration_since(at)));
        let in_flight = self.gate.usage(now).in_flight;
        let Some(ledger) = self.gate.ledger() else { return (Standing::Closed, Plan::End) };
        let standing = ledger.settle(now);
        let plan = match ledger.next(queued) {
            _ if ended && in_flight == 0 => ledger.leave(now),
            Some(at) if at > now => Plan::Rest(at),
            _ => Plan::Send(Ask { cap: cap.max(1), accepted, cut, queued, ..ledger.ask(now) }),
        };
        (standing, plan)
    }

    /// That call is on its way.
    pub(super) fn told(&mut self, ask: &Ask, now: Instant) {
        if let Some(ledger) = self.gate.ledger() {
            ledger.link.sent(ask.purpose, now);
            ledger.asked = ask.queued;
        }
    }

    /// The call was answered that was sent at `sent`, or (`None`) was not in time.
    pub(super) fn heard(&mut self, ask: &Ask, answer: Option<Answer>, sent: Instant, now: Instant) {
        let Some(ledger) = self.gate.ledger() else { return };
        let Some(answer) = answer else { return ledger.failed() };
        let Some(share) = ledger.heard(ask, answer, sent, now) else { return };
        self.adapt.beside(share.others_accepted);
        if let Some((plateau, age)) = share.cut {
            self.adapt.learn(plateau, now.checked_sub(age).unwrap_or(now));
        }
    }

    /// There is no connection, so nothing was sent.
    pub(super) fn unreachable(&mut self, now: Instant) {
        if let Some(ledger) = self.gate.ledger() {
            ledger.link.tried(now);
            ledger.failed();
        }
    }

    /// When the client has something to do; `None` without a ledger.
    pub(in crate::admission) fn client_due(&mut self, now: Instant) -> Option<Instant> {
        let queued = Lane::ALL.iter().map(|lane| self.queue.len(*lane)).sum();
        let over = self.is_closed() && self.gate.usage(now).in_flight == 0;
        let ledger = self.gate.ledger()?;
        Some(if over { now } else { ledger.next(queued).unwrap_or(now) })
    }
}

impl Ledger {
    /// When to ask next: at once if somebody waits of whom the ledger does not know.
    fn next(&self, queued: usize) -> Option<Instant> {
        let busy = queued > 0 || self.hand.has_news();
        self.link.next(busy, queued > 0 && self.asked == 0 && self.hand.is_empty())
    }

    fn ask(&mut self, now: Instant) -> Ask {
        let purpose = self.link.purpose();
        let reports = if purpose == Purpose::Hello { Vec::new() } else { self.hand.reports(now) };
        Ask {
            purpose,
            epoch: self.epoch,
            seq: self.seq,
            good_until: self.link.good_until(now),
            server: 0,
            rate: self.rate,
            cap: self.rate,
            replicas: self.sharing.replicas.max(1),
            suspect: self.sharing.suspect,
            claim: self.link.claim(),
            queued: 0,
            held: self.hand.held(now),
            floor: self.window.own_floor(),
            accepted: 0.0,
            cut: None,
            residence: self.residence,
            reports,
        }
    }

    /// The last call: everything goes back, and nothing is sent after it.
    fn leave(&mut self, now: Instant) -> Plan {
        if self.standing(now) != Standing::Joined {
            return Plan::End;
        }
        self.hand.hand_back_all();
        Plan::Send(Ask { purpose: Purpose::Leave, ..self.ask(now) })
    }

    fn failed(&mut self) {
        self.view.failures += 1;
        self.link.failed();
    }

    fn heard(&mut self, ask: &Ask, answer: Answer, sent: Instant, now: Instant) -> Option<Share> {
        self.view.round_trips += 1;
        match answer {
            Answer::Late { clock } | Answer::Done { clock, share: None, .. } => {
                self.link.greeted(clock, sent);
                None
            }
            Answer::Done { clock, epoch, seq, share: Some(share) } => {
                if epoch == self.epoch {
                    self.hand.reported(ask.reports.len());
                } else {
                    self.hand.forget();
                    self.epoch = epoch;
                }
                self.seq = seq;
                self.link.seat = share.seat;
                // With many waiting, one of them that goes some milliseconds sooner helps nobody.
                let try_at = !share.wait.is_zero() && ask.queued < FEW;
                self.link.joined(clock, sent, try_at.then(|| now + share.wait.max(SOONEST)));
                self.view = View { level: share.level, reserved: share.reserved, live: share.live, ..self.view };
                self.window.nearest(share.floor);
                self.hand.add(&share.granted, sent, now);
                Some(share)
            }
        }
    }
}
