//! The script by itself, a call at a time.

use std::time::Duration;

use super::server::Server;
use super::world::{MS, SECOND};
use crate::admission::shared::timing::{HORIZON, LEARN, micros};
use crate::admission::shared::wire::{Answer, Ask, Claim, Granted, Purpose, Report, Share};

/// One replica, as the script sees it.
struct Caller<'a> {
    server: &'a mut Server,
    id: &'static str,
    epoch: i64,
    seq: i64,
}

impl Caller<'_> {
    fn ask(&self) -> Ask {
        Ask {
            purpose: Purpose::Poll,
            epoch: self.epoch,
            seq: self.seq,
            good_until: i64::MAX >> 12,
            server: 0,
            rate: 200,
            cap: 200,
            replicas: 1,
            suspect: 30 * SECOND,
            claim: Claim::Ordinary,
            queued: 1_000,
            held: 0,
            floor: Duration::ZERO,
            accepted: 0.0,
            cut: None,
            residence: 5 * SECOND,
            reports: Vec::new(),
        }
    }

    fn poll(&mut self, at: Duration, ask: &Ask) -> Share {
        let numbers = self.server.run(at, self.id, ask.purpose.name(), &ask.args());
        match Answer::read(&numbers) {
            Some(Answer::Done { epoch, seq, share: Some(share), .. }) => {
                (self.epoch, self.seq) = (epoch, seq);
                share
            }
            other => panic!("{other:?}"),
        }
    }

    /// Shows itself while nothing happens, or the ledger would take it for gone.
    fn idle(&mut self, from: Duration, until: Duration) {
        let mut at = from;
        while at < until {
            let ask = Ask { queued: 0, ..self.ask() };
            assert!(self.poll(at, &ask).granted.is_empty());
            at += 500 * MS;
        }
    }

    /// Polls until all 200 tokens are granted.
    fn take_all(&mut self, from: Duration) -> Vec<Granted> {
        let mut granted = Vec::new();
        for step in 0..15 {
            granted.extend(self.poll(from + MS * step, &self.ask()).granted);
        }
        assert_eq!(granted.len(), 200);
        granted
    }
}

/// A server and a replica whose tokens have all become free.
fn learnt<'a>(server: &'a mut Server, id: &'static str) -> (Caller<'a>, Duration) {
    let mut caller = Caller { server, id, epoch: 0, seq: 0 };
    assert!(caller.poll(Duration::ZERO, &caller.ask()).granted.is_empty(), "it knows nothing yet");
    caller.idle(MS, LEARN);
    (caller, LEARN)
}

#[test]
fn a_token_that_cools_within_the_horizon_is_not_counted_as_used() {
    let Some(mut server) = Server::start() else { return };
    let (mut caller, now) = learnt(&mut server, "a");
    let all = caller.take_all(now);
    let rests = SECOND;
    let reports = all.iter().map(|of| Report { token: of.token, grant: of.grant, rests }).collect();
    let later = now + 100 * MS;
    assert!(caller.poll(later, &Ask { reports, ..caller.ask() }).granted.is_empty());
    let early = later + rests - HORIZON + MS;
    let granted = caller.poll(early, &caller.ask()).granted;
    assert_eq!(granted.len(), 14, "what one poll can use");
    assert!(granted.iter().all(|of| micros(of.rests) == micros(HORIZON - MS)), "not before they are cool");
}

#[test]
fn a_stale_report_frees_no_token() {
    let Some(mut server) = Server::start() else { return };
    let (mut caller, now) = learnt(&mut server, "a");
    let all = caller.take_all(now);
    let old = |of: &Granted| Report { token: of.token, grant: of.grant, rests: Duration::ZERO };

    // Nothing is heard of them until the ledger gives them out again; then the old owner finds its tongue.
    caller.idle(now + SECOND, now + 8 * SECOND);
    let again = caller.take_all(now + 8 * SECOND);
    let stale: Vec<_> = all.iter().map(old).collect();
    let share = caller.poll(now + 9 * SECOND, &Ask { reports: stale, ..caller.ask() });
    assert!(share.granted.is_empty(), "of a grant that is over");

    // The ledger forgets everything; what was granted before means nothing to it.
    let ask = Ask { reports: again.iter().map(old).collect(), ..caller.ask() };
    caller.server.empty();
    assert!(caller.poll(now + 10 * SECOND, &ask).granted.is_empty());
    assert!(caller.poll(now + 10 * SECOND + MS, &ask).granted.is_empty());
}

#[test]
fn a_poll_that_comes_too_late_does_nothing() {
    let Some(mut server) = Server::start() else { return };
    let (mut caller, now) = learnt(&mut server, "a");
    let good_until = caller.server.epoch + micros(now);
    let late = Ask { good_until, ..caller.ask() };
    let numbers = caller.server.run(now + MS, "a", "poll", &late.args());
    assert!(matches!(Answer::read(&numbers), Some(Answer::Late { .. })));
    assert_eq!(caller.take_all(now + 2 * MS).len(), 200);
}

#[test]
fn a_rate_that_was_changed_counts_at_once() {
    let Some(mut server) = Server::start() else { return };
    let (mut caller, now) = learnt(&mut server, "a");
    caller.take_all(now);
    let more = caller.poll(now + 20 * MS, &Ask { rate: 205, cap: 205, ..caller.ask() });
    assert_eq!(more.granted.len(), 5);
    caller.idle(now + SECOND, now + 8 * SECOND);
    let fewer = caller.poll(now + 8 * SECOND, &Ask { rate: 3, cap: 3, ..caller.ask() });
    assert_eq!(fewer.granted.len(), 2, "a slow rate's poll takes few");
}
