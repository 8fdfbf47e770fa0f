//! Who gets the turns: callers within a lane, and the lanes.

use std::time::Duration;

use super::network::{Network, Way};
use super::world::{Loop, MS, SECOND, World, keep_going, quantile};
use crate::admission::settings::{Lane, Settings};

fn world() -> World {
    let settings = Settings { quiet_start: Duration::ZERO, stream_queue_per_caller: 4_096, ..Settings::default() };
    World::new(settings, Network::new(Way::Lan5, 7))
}

fn run(loops: &[Loop], seconds: u32) -> World {
    let mut world = world();
    world.run(seconds * SECOND, |world| {
        keep_going(world, loops);
        None
    });
    world
}

fn count(world: &World, caller: &str, lane: Lane) -> f64 {
    world.served.iter().filter(|served| served.caller == caller && served.lane == lane).count() as f64
}

#[test]
fn a_callers_own_calls_go_in_order() {
    let loops =
        [("a", 50), ("b", 30)].map(|(caller, in_flight)| Loop { lane: Lane::Unary, caller, weight: 2, in_flight });
    let world = run(&loops, 20);
    for caller in ["a", "b"] {
        let ids: Vec<u64> = world.served.iter().filter(|served| served.caller == caller).map(|s| s.id).collect();
        assert!(ids.len() > 1_000 && ids.is_sorted(), "{caller}");
    }
}

#[test]
fn callers_share_by_weight_however_much_they_have_in_flight() {
    let unary = |caller, weight, in_flight| Loop { lane: Lane::Unary, caller, weight, in_flight };
    let world = run(&[unary("many", 1, 120), unary("heavy", 3, 60), unary("single", 1, 1)], 40);

    let ratio = count(&world, "heavy", Lane::Unary) / count(&world, "many", Lane::Unary);
    assert!((2.55..3.45).contains(&ratio), "weight 3 got {ratio} times as much as weight 1");
    let waits = world.served.iter().filter(|s| s.caller == "single").map(|s| s.sent - s.came).collect();
    let p95 = quantile(waits, 0.95);
    assert!(p95 < 50 * MS, "a single call waited {p95:?}");
}

#[test]
fn a_caller_that_comes_seldom_goes_first_and_one_that_always_comes_gains_no_share() {
    let bulk = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    let loops: Vec<_> =
        bulk.map(|caller| Loop { lane: Lane::Unary, caller, weight: 3, in_flight: 40 }).into_iter().collect();
    let mut world = world();
    let mut next = SECOND;
    world.run(30 * SECOND, |world| {
        keep_going(world, &loops);
        // Always in the queue with one call, so it never comes fresh.
        keep_going(world, &[Loop { lane: Lane::Unary, caller: "greedy", weight: 1, in_flight: 1 }]);
        if world.now >= next {
            let turn = world.turn(Lane::Unary, "seldom", 1, SECOND);
            world.ask(&turn).expect("a second is enough for one");
            next += 400 * MS;
        }
        Some(next)
    });
    let waits = |caller: &str| {
        let served = world.served.iter().filter(|s| s.caller == caller);
        served.map(|s| s.sent - s.came).collect::<Vec<_>>()
    };
    // A round of the ten takes 150 ms.
    let p95 = quantile(waits("seldom"), 0.95);
    assert!(p95 < 25 * MS, "a call every 400 ms waited {p95:?}");
    let greedy = count(&world, "greedy", Lane::Unary) / count(&world, "a", Lane::Unary);
    assert!(greedy < 0.36, "weight 1 got {greedy} of what weight 3 got");
}

#[test]
fn lanes_share_four_to_one_while_both_wait() {
    let world = run(
        &[
            Loop { lane: Lane::Unary, caller: "both", weight: 1, in_flight: 100 },
            Loop { lane: Lane::Stream, caller: "both", weight: 1, in_flight: 100 },
        ],
        40,
    );
    let ratio = count(&world, "both", Lane::Unary) / count(&world, "both", Lane::Stream);
    assert!((3.8..4.2).contains(&ratio), "{ratio}");
}

#[test]
fn a_unary_call_hardly_waits_beside_a_stream_of_two_thousand() {
    let mut world = world();
    let mut next = SECOND;
    world.run(30 * SECOND, |world| {
        let stream = world.turn(Lane::Stream, "bulk", 1, 60 * SECOND);
        while world.state.queue.len(Lane::Stream) < 2_000 {
            world.ask(&stream).expect("a minute is enough for 2,000");
        }
        if world.now >= next {
            let unary = world.turn(Lane::Unary, "web", 1, SECOND);
            world.ask(&unary).expect("a second is enough for one");
            next += 200 * MS;
        }
        Some(next)
    });
    let unary: Vec<_> = world.served.iter().filter(|s| s.lane == Lane::Unary).map(|s| s.sent - s.came).collect();
    assert!(unary.len() >= 144);
    let p95 = quantile(unary, 0.95);
    assert!(p95 < 50 * MS, "{p95:?}");
}

#[test]
fn a_lane_saves_up_nothing_while_it_is_empty() {
    let mut world = world();
    world.run(30 * SECOND, |world| {
        keep_going(world, &[Loop { lane: Lane::Unary, caller: "web", weight: 1, in_flight: 100 }]);
        None
    });
    let before = world.served.len();
    let stream = world.turn(Lane::Stream, "bulk", 1, 60 * SECOND);
    for _ in 0..500 {
        world.ask(&stream).expect("a minute is enough");
    }
    world.run(32 * SECOND, |world| {
        keep_going(world, &[Loop { lane: Lane::Unary, caller: "web", weight: 1, in_flight: 100 }]);
        None
    });
    let bulk = world.served[before..].iter().filter(|served| served.lane == Lane::Stream).count();
    assert!((70..90).contains(&bulk), "a fifth of two seconds is 80, it got {bulk}");
}

#[test]
fn calls_given_up_while_waiting_cost_nothing() {
    let mut world = world();
    let turn = world.turn(Lane::Unary, "only", 1, 60 * SECOND);
    let now = world.instant();
    for _ in 0..10 {
        world.ask(&turn).expect("the burst goes at once");
    }
    let tickets: Vec<_> = (0..600).map(|_| world.queue(&turn)).collect();
    for ticket in tickets.into_iter().step_by(2) {
        assert!(world.state.queue.cancel(ticket).is_some());
        assert!(world.state.queue.cancel(ticket).is_none());
    }
    assert_eq!(world.state.queue.len(Lane::Unary), 300);
    let named = world.state.wait_of(&turn, now);
    world.run(3 * SECOND, |_| None);
    assert_eq!(world.served.len(), 310);
    let last = world.served.last().expect("310 were served").sent;
    assert!(last < 1_600 * MS && last.abs_diff(named) < 150 * MS, "{last:?}, and {named:?} was estimated");
}
