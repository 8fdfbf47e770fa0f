//! One sender over seven networks: the largest number of calls in any one second, and how much of the rate it uses.
//! The bounds are what the design's own simulation found.

use std::time::Duration;

use super::network::{Network, Way, most_in_a_second};
use super::world::{SECOND, World};
use crate::admission::settings::{Lane, Mode, Settings};

fn settings(mode: Mode) -> Settings {
    Settings { mode, quiet_start: Duration::ZERO, ..Settings::default() }
}

/// Full demand for 100 s: (most in any second, percent of 200 a second used after the first ten).
fn saturated(mode: Mode, way: Way) -> (usize, f64) {
    let mut world = World::new(settings(mode), Network::new(way, 7));
    world.run(100 * SECOND, |world| {
        while world.state.queue.len(Lane::Unary) < 20 {
            let turn = world.turn(Lane::Unary, "only", 1, 60 * SECOND);
            world.ask(&turn).expect("there is room for twenty");
        }
        None
    });
    let counted: Vec<_> = world.served.iter().map(|served| served.counted).collect();
    let used = world.served.iter().filter(|served| served.sent >= 10 * SECOND).count();
    (most_in_a_second(&counted), used as f64 / 90.0 / 200.0 * 100.0)
}

#[track_caller]
fn expect(mode: Mode, way: Way, most: usize, used: f64) {
    let (seen, share) = saturated(mode, way);
    assert!(seen <= most, "{way:?}: {seen} in one second, {most} expected");
    assert!((share - used).abs() < 0.6, "{way:?}: {share:.2} % used, {used} expected");
}

#[test]
fn window_mode_uses_nearly_all_and_never_more_than_200() {
    expect(Mode::Window, Way::Near2, 200, 99.1);
    expect(Mode::Window, Way::Lan5, 200, 98.9);
    expect(Mode::Window, Way::Wan30, 200, 93.9);
    expect(Mode::Window, Way::Stall, 200, 97.8);
    expect(Mode::Window, Way::Spike, 200, 98.7);
    expect(Mode::Window, Way::Far, 200, 94.6);
}

#[test]
fn window_mode_goes_over_by_a_few_where_the_route_gets_shorter() {
    expect(Mode::Window, Way::Shift, 210, 96.6);
}

#[test]
fn strict_mode_never_goes_over_and_pays_the_round_trip() {
    expect(Mode::Strict, Way::Near2, 200, 98.7);
    expect(Mode::Strict, Way::Lan5, 200, 97.8);
    expect(Mode::Strict, Way::Wan30, 200, 92.9);
    expect(Mode::Strict, Way::Stall, 200, 96.9);
    expect(Mode::Strict, Way::Spike, 200, 97.6);
    expect(Mode::Strict, Way::Far, 200, 82.7);
    expect(Mode::Strict, Way::Shift, 200, 95.5);
}

#[test]
fn bursts_after_idle_times_stay_within_the_limit() {
    for mode in [Mode::Window, Mode::Strict] {
        for way in [Way::Lan5, Way::Wan30, Way::Stall] {
            let mut world = World::new(settings(mode), Network::new(way, 7));
            let mut next = Duration::ZERO;
            world.run(100 * SECOND, |world| {
                if world.now >= next {
                    let turn = world.turn(Lane::Unary, "only", 1, 60 * SECOND);
                    for _ in 0..700 {
                        world.ask(&turn).expect("a minute is enough");
                    }
                    next = world.now + 6 * SECOND;
                }
                Some(next)
            });
            assert!(world.served.len() > 700 * 14);
            let counted: Vec<_> = world.served.iter().map(|served| served.counted).collect();
            let most = most_in_a_second(&counted);
            assert!(most <= 200, "{mode:?} {way:?}: {most}");
        }
    }
}
