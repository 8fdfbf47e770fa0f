//! What a replica tells the ledger after it has been away.

use std::time::Duration;

use tokio::time::Instant;

use super::world::{MS, SECOND};
use crate::admission::gate::Room;
use crate::admission::settings::{Lane, Place, Settings, Turn};
use crate::admission::shared::exchange::Plan;
use crate::admission::shared::timing::{IDLE, POLL, SHARE_AFTER};
use crate::admission::shared::wire::{Answer, Ask, Granted, Purpose, Share};
use crate::admission::shared::{Outage, Redis, Sharing, Standing};
use crate::admission::state::{Next, State};

/// A replica with calls waiting, and the time.
struct Replica {
    state: State<()>,
    now: Instant,
}

impl Replica {
    fn new(waiting: usize) -> Replica {
        let redis = Redis::open("redis://127.0.0.1:1").expect("a good URL");
        let (scope, suspect) = ("test".into(), 30 * SECOND);
        let sharing = Sharing { redis, scope, replicas: 3, outage: Outage::Share, suspect };
        let settings = Settings { sharing: Some(sharing), quiet_start: Duration::ZERO, ..Settings::default() };
        let now = Instant::now();
        let mut replica = Replica { state: State::new(settings, now), now };
        (0..waiting).for_each(|_| replica.queue());
        replica
    }

    fn queue(&mut self) {
        let deadline = self.now + 60 * SECOND;
        let turn = Turn { caller: "only".into(), weight: 1, lane: Lane::Unary, deadline };
        self.state.wait(&turn, Place::Tail, deadline, self.now, ());
    }

    fn ask(&mut self) -> Ask {
        loop {
            match self.state.plan(false, self.now).1 {
                Plan::Send(ask) => {
                    self.state.told(&ask, self.now);
                    return ask;
                }
                Plan::Rest(until) => self.now = until,
                Plan::End => panic!("it is not over"),
            }
        }
    }

    fn hear(&mut self, ask: &Ask, answer: Option<Answer>) {
        let sent = self.now;
        self.now += MS;
        self.state.heard(ask, answer, sent, self.now);
    }

    /// Says hello, joins, and is granted one token.
    fn join(&mut self, epoch: i64) -> Ask {
        let hello = self.ask();
        assert_eq!(hello.purpose, Purpose::Hello);
        self.hear(&hello, Some(Answer::Done { clock: 1, epoch, seq: 1, share: None }));
        let poll = self.ask();
        let granted = vec![Granted { token: 7, grant: 2, rests: Duration::ZERO }];
        let share = Share {
            seat: true,
            reserved: 0,
            live: 3,
            level: 67.0,
            wait: Duration::ZERO,
            floor: Duration::ZERO,
            others_accepted: 0.0,
            cut: None,
            granted,
        };
        self.hear(&poll, Some(Answer::Done { clock: 2, epoch, seq: 2, share: Some(share) }));
        poll
    }

    fn lose_the_ledger(&mut self) {
        let until = self.now + SHARE_AFTER + 2 * SECOND;
        while self.now < until {
            let ask = self.ask();
            self.hear(&ask, None);
        }
    }

    fn standing(&mut self) -> Standing {
        self.state.gate.ledger().expect("a ledger").standing(self.now)
    }
}

#[test]
fn an_answer_is_reported_until_the_ledger_has_heard_of_it() {
    let mut replica = Replica::new(2);
    replica.join(1);
    let token = replica.state.gate.take(replica.now);
    let sent = replica.now;
    replica.now += 10 * MS;
    replica.state.answered(token, sent, replica.now);
    for _ in 0..2 {
        let ask = replica.ask();
        assert_eq!((ask.reports.len(), ask.reports[0].token, ask.reports[0].grant), (1, 7, 2));
        replica.hear(&ask, None);
    }
}

#[test]
fn nothing_of_before_is_reported_after_living_on_the_share() {
    let mut replica = Replica::new(2);
    replica.join(1);
    let sent = replica.now;
    let early = replica.state.gate.take(sent);
    replica.lose_the_ledger();
    assert_eq!(replica.standing(), Standing::Share);
    // The answer comes only now.
    replica.state.answered(early, sent, replica.now);
    let poll = replica.join(1);
    assert!(poll.reports.is_empty(), "{:?}", poll.reports);
    assert_eq!(poll.claim as i64, 2, "it says that it has lived on its share");
    assert_eq!(replica.ask().claim as i64, 1, "once");
}

#[test]
fn nothing_of_another_epoch_is_reported() {
    let mut replica = Replica::new(2);
    replica.join(1);
    let sent = replica.now;
    let token = replica.state.gate.take(sent);
    // Away for a moment, and the ledger has begun anew meanwhile.
    for _ in 0..3 {
        let ask = replica.ask();
        replica.hear(&ask, None);
    }
    replica.join(2);
    replica.state.answered(token, sent, replica.now);
    assert!(replica.ask().reports.is_empty());
}

#[test]
fn a_permit_in_hand_expires_and_goes_back() {
    let mut replica = Replica::new(2);
    replica.join(1);
    assert_eq!(replica.state.gate.room(replica.now), Room::Now);
    replica.now += SECOND;
    assert_eq!(replica.state.gate.room(replica.now), Room::WhenAnswered);
    let ask = replica.ask();
    assert_eq!((ask.reports.len(), ask.reports[0].rests), (1, Duration::ZERO));
}

#[test]
fn without_ever_having_reached_the_ledger_nothing_is_sent() {
    let mut replica = Replica::new(2);
    replica.lose_the_ledger();
    assert_eq!(replica.standing(), Standing::Closed);
    assert_eq!(replica.state.gate.room(replica.now), Room::WhenAnswered);
}

#[test]
fn a_call_that_comes_after_a_quiet_spell_is_asked_for_at_once() {
    let mut replica = Replica::new(1);
    replica.join(1);
    let polled = replica.now - MS;
    let Next::Granted(_, token) = replica.state.next(replica.now) else { panic!("one was granted") };
    assert_eq!(replica.state.client_due(replica.now), Some(polled + IDLE), "nothing to do");
    let sent = replica.now;
    replica.now += 20 * MS;
    replica.state.answered(token, sent, replica.now);
    assert_eq!(replica.state.client_due(replica.now), Some(polled + POLL), "there is something to report");
    replica.queue();
    assert_eq!(replica.state.client_due(replica.now), Some(replica.now));
}
