//! Does the wait that is named come true? Callers are told when to come back by it.

use std::collections::HashMap;
use std::time::Duration;

use super::network::{Network, Way};
use super::world::{Loop, MS, SECOND, World, keep_going};
use crate::admission::settings::{Lane, Mode, Refused, Settings};

fn world(mode: Mode, way: Way) -> World {
    let settings = Settings {
        mode,
        quiet_start: Duration::ZERO,
        queue_per_caller: 4_096,
        stream_queue_per_caller: 4_096,
        ..Settings::default()
    };
    World::new(settings, Network::new(way, 7))
}

/// Runs `demand` for some time, asking for one more call of `probe` every 200 ms; its wait was estimated, and
/// is then measured. Returns the share of probes whose estimate was right within 20 % and 20 ms.
fn right(
    mut world: World,
    lane: Lane,
    probe: (&str, u32),
    mut demand: impl FnMut(&mut World) -> Option<Duration>,
) -> f64 {
    let mut estimates: HashMap<u64, Duration> = HashMap::new();
    let mut next = 5 * SECOND;
    world.run(40 * SECOND, |world| {
        let wanted = demand(world);
        if world.now >= next {
            let turn = world.turn(lane, probe.0, probe.1, 60 * SECOND);
            let estimate = world.state.wait_of(&turn, world.instant());
            estimates.insert(world.ask(&turn).expect("a minute is enough"), estimate);
            next += 200 * MS;
        }
        Some(wanted.map_or(next, |wanted| wanted.min(next)))
    });
    let (mut right, mut probes) = (0, 0);
    for served in &world.served {
        let Some(estimate) = estimates.remove(&served.id) else { continue };
        let wait = served.sent - served.came;
        if wait.abs_diff(estimate) <= wait.mul_f64(0.2) + 20 * MS {
            right += 1;
        }
        probes += 1;
    }
    f64::from(right) / f64::from(probes)
}

const fn looping(lane: Lane, caller: &'static str, weight: u32, in_flight: usize) -> Loop {
    Loop { lane, caller, weight, in_flight }
}

/// A new call of `caller` with a few of its own before it, now and then, while the loops go on.
fn beside(loops: &'static [Loop], lane: Lane, probe: (&str, u32)) -> f64 {
    right(world(Mode::Window, Way::Lan5), lane, probe, |world| {
        keep_going(world, loops);
        None
    })
}

/// Poisson-like calls of many callers that wait for nothing: `rate` a second.
fn newcomers(world: &mut World, next: &mut Duration, lane: Lane, rate: u32) {
    while *next <= world.now {
        let caller = format!("new-{}", next.as_nanos() % 37);
        let turn = world.turn(lane, &caller, 1, 60 * SECOND);
        world.ask(&turn).expect("a minute is enough");
        *next += SECOND / rate;
    }
}

#[test]
fn estimates_hold_among_callers_that_always_have_calls_waiting() {
    const LOOPS: &[Loop] = &[
        looping(Lane::Unary, "many", 1, 120),
        looping(Lane::Unary, "heavy", 3, 60),
        looping(Lane::Stream, "bulk", 1, 300),
    ];
    assert!(beside(LOOPS, Lane::Unary, ("many", 1)) > 0.9);
    assert!(beside(LOOPS, Lane::Unary, ("single", 1)) > 0.9);
    assert!(beside(LOOPS, Lane::Stream, ("bulk", 1)) > 0.9);
}

#[test]
fn estimates_hold_beside_calls_that_pass() {
    for lane in Lane::ALL {
        let mut next = Duration::ZERO;
        let share = right(world(Mode::Window, Way::Lan5), lane, ("backlog", 1), |world| {
            newcomers(world, &mut next, Lane::Unary, 60);
            keep_going(world, &[looping(lane, "backlog", 1, 600)]);
            Some(next)
        });
        assert!(share > 0.9, "{lane:?}: {share}");
    }
}

#[test]
fn estimates_hold_with_a_hundred_callers() {
    let names: Vec<String> = (0..100).map(|i| format!("caller-{i}")).collect();
    let mut started = false;
    let share = right(world(Mode::Window, Way::Lan5), Lane::Unary, ("probe", 2), |world| {
        let again: Vec<String> =
            world.answered.iter().map(|i| world.served[*i].caller.clone()).filter(|c| c != "probe").collect();
        let first = names.iter().enumerate().filter(|_| !started).flat_map(|(i, name)| vec![name.clone(); 1 + i % 7]);
        for name in first.chain(again) {
            let turn = world.turn(Lane::Unary, &name, 1, 600 * SECOND);
            world.queue(&turn);
        }
        started = true;
        None
    });
    assert!(share > 0.9, "{share}");
}

#[test]
fn estimates_hold_on_slow_networks_and_in_strict_mode() {
    for (mode, way) in [(Mode::Strict, Way::Far), (Mode::Strict, Way::Lan5), (Mode::Window, Way::Wan30)] {
        let share = right(world(mode, way), Lane::Unary, ("many", 1), |world| {
            keep_going(world, &[looping(Lane::Unary, "many", 1, 400)]);
            None
        });
        assert!(share > 0.9, "{mode:?} {way:?}: {share}");
    }
}

/// So many calls at once, the estimate of each, and what became of it.
fn burst(world: &mut World, calls: usize) {
    let turn = world.turn(Lane::Unary, "only", 1, 60 * SECOND);
    let mut estimates = HashMap::new();
    for _ in 0..calls {
        let estimate = world.state.wait_of(&turn, world.instant());
        estimates.insert(world.ask(&turn).expect("a minute is enough"), estimate);
    }
    world.run(world.now + 20 * SECOND, |_| None);
    for served in world.served.iter().filter(|served| estimates.contains_key(&served.id)) {
        let (wait, estimate) = (served.sent - served.came, estimates[&served.id]);
        assert!(wait.abs_diff(estimate) <= wait.mul_f64(0.2) + 20 * MS, "{estimate:?} estimated, it was {wait:?}");
    }
}

#[test]
fn a_backlog_that_comes_at_once_is_estimated_well() {
    burst(&mut world(Mode::Window, Way::Lan5), 1_000);
    burst(&mut world(Mode::Strict, Way::Far), 1_000);
}

#[test]
fn the_quiet_start_is_part_of_the_estimate() {
    let mut world = World::new(Settings::default(), Network::new(Way::Lan5, 7));
    burst(&mut world, 300);
}

#[test]
fn a_slowed_rate_is_part_of_the_estimate() {
    let mut world = world(Mode::Window, Way::Lan5);
    // Chat's refusals leave 100 a second.
    world.run(5 * SECOND, |world| {
        while world.state.queue.len(Lane::Unary) < 20 {
            let turn = world.turn(Lane::Unary, "only", 1, 60 * SECOND);
            world.ask(&turn).expect("a minute is enough");
        }
        None
    });
    let now = world.instant();
    world.state.configure(100);
    burst(&mut world, 300);
    assert_eq!(world.state.adapt.allowed(now), 100.0);
}

/// Behind 600 calls of its own caller: what a call with a second was told, and when the first such call was accepted.
fn told_and_true(mode: Mode, way: Way, warm: Duration) -> (Duration, Duration) {
    let mut world = world(mode, way);
    world.run(warm, |world| {
        keep_going(world, &[looping(Lane::Unary, "only", 1, 50)]);
        None
    });
    let backlog = world.turn(Lane::Unary, "only", 1, 60 * SECOND);
    for _ in 0..600 {
        world.queue(&backlog);
    }
    let asked = world.now;
    let hurried = world.turn(Lane::Unary, "only", 1, SECOND);
    let Err(Refused::TooLate { retry_after }) = world.ask(&hurried) else {
        panic!("600 calls do not go in a second");
    };
    let mut accepted = None;
    world.run(asked + 6 * SECOND, |world| {
        let turn = world.turn(Lane::Unary, "only", 1, SECOND);
        if accepted.is_none() {
            accepted = world.ask(&turn).ok().map(|id| (id, world.now - asked));
        }
        Some(world.now + 10 * MS)
    });
    let (id, after) = accepted.expect("the backlog is gone in 4 s");
    assert!(world.late.is_empty() && world.served.iter().any(|served| served.id == id), "accepted, but not in time");
    (retry_after, after)
}

#[test]
fn a_call_without_time_is_refused_at_once_and_told_when_to_come_back() {
    let warm = 10 * SECOND;
    for (mode, way, warm) in [
        (Mode::Window, Way::Lan5, warm),
        (Mode::Window, Way::Wan30, warm),
        (Mode::Strict, Way::Lan5, warm),
        (Mode::Strict, Way::Far, warm),
        (Mode::Window, Way::Lan5, Duration::ZERO),
        (Mode::Strict, Way::Lan5, Duration::ZERO),
    ] {
        let (told, after) = told_and_true(mode, way, warm);
        assert!(told.abs_diff(after) < after / 5, "{mode:?} {way:?}: told {told:?}, true {after:?}");
    }
}
