//! Somebody else uses 80 of Chat's 200 calls a second for a minute.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use super::network::{Network, Way};
use super::world::{MS, SECOND, World};
use crate::admission::settings::{Lane, Settings};

const FOREIGN: u32 = 80;
const COMES: Duration = Duration::from_secs(20);

/// Chat's counter: 200 accepted calls in the last second, ours and theirs.
struct Chat {
    accepted: VecDeque<Duration>,
    next_foreign: Duration,
    leaves: Duration,
}

impl Chat {
    fn accepts(&mut self, at: Duration) -> bool {
        while self.next_foreign <= at && self.next_foreign < self.leaves {
            let foreign = self.next_foreign;
            self.next_foreign += SECOND / FOREIGN;
            self.count(foreign);
        }
        self.count(at)
    }

    fn count(&mut self, at: Duration) -> bool {
        while self.accepted.front().is_some_and(|first| *first + SECOND <= at) {
            self.accepted.pop_front();
        }
        let room = self.accepted.len() < 200;
        if room {
            self.accepted.push_back(at);
        }
        room
    }
}

struct Outcome {
    refused_share: f64,
    accepted_per_second: f64,
    back_after: Duration,
}

/// Full demand; the other one stays until `leaves`. Shares are measured from ten seconds after it came.
fn beside_a_foreign_user(leaves: Duration) -> Outcome {
    let settings = Settings { quiet_start: Duration::ZERO, ..Settings::default() };
    let mut world = World::new(settings, Network::new(Way::Lan5, 3));
    let chat = Chat { accepted: VecDeque::new(), next_foreign: COMES, leaves };
    let tally = Rc::new(RefCell::new((0_u32, 0_u32)));
    let settled = (COMES + 10 * SECOND)..leaves;
    world.refuses = {
        let (chat, tally) = (RefCell::new(chat), Rc::clone(&tally));
        // Answers come in another order than calls are counted, by a few ms; for this it makes no difference.
        Box::new(move |served| {
            let accepted = chat.borrow_mut().accepts(served.counted);
            if settled.contains(&served.counted) {
                let mut tally = tally.borrow_mut();
                *if accepted { &mut tally.0 } else { &mut tally.1 } += 1;
            }
            !accepted
        })
    };
    let mut back_after = None;
    world.run(leaves + 25 * SECOND, |world| {
        let turn = world.turn(Lane::Unary, "only", 1, 60 * SECOND);
        while world.state.queue.len(Lane::Unary) < 20 {
            world.ask(&turn).expect("there is room for twenty");
        }
        let now = world.instant();
        if world.now < leaves {
            back_after = None;
        } else if back_after.is_none() && world.state.adapt.allowed(now) >= 200.0 {
            back_after = Some(world.now - leaves);
        }
        Some(world.now + 100 * MS)
    });
    let (accepted, refused) = *tally.borrow();
    let seconds = (leaves - COMES - 10 * SECOND).as_secs_f64();
    Outcome {
        refused_share: f64::from(refused) / f64::from(accepted + refused),
        accepted_per_second: f64::from(accepted) / seconds,
        back_after: back_after.unwrap_or(Duration::MAX),
    }
}

#[test]
fn takes_what_a_foreign_user_leaves_and_comes_back_when_it_goes() {
    // It leaves at any time between two of our cuts.
    for extra in 0..10 {
        let outcome = beside_a_foreign_user(COMES + (60 + extra) * SECOND);
        let Outcome { refused_share, accepted_per_second, back_after } = outcome;
        assert!(refused_share < 0.01, "{:.2} % refused", refused_share * 100.0);
        assert!(accepted_per_second > 0.96 * 120.0, "{accepted_per_second} of 120 a second used");
        assert!(back_after < 15 * SECOND, "back after {back_after:?}");
    }
}
