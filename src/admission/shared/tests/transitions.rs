//! Redis and replicas come and go, all replicas busy. With `--nocapture` each test prints its rows of a table.

use std::time::Duration;

use super::world::{Demand, MS, Reach, SECOND, World};
use crate::admission::shared::{Outage, Standing};
use crate::admission::tests::network::Way;

const STEADY: Duration = Duration::from_secs(6);
const SUSPECT: Duration = Duration::from_secs(30);

/// Three busy replicas, some seconds into it.
fn busy(way: Way, outage: Outage, suspect: Duration) -> Option<World> {
    let mut world = World::new(3, way, outage, suspect)?;
    world.demand(&[Demand::Full; 3]);
    world.run(STEADY);
    Some(world)
}

/// It never goes over, and is in full swing again at the end.
fn transition(name: &str, happens: impl Fn(&mut World)) {
    transition_with(name, (Outage::Share, SUSPECT), happens);
}

fn transition_with(name: &str, (outage, suspect): (Outage, Duration), happens: impl Fn(&mut World)) {
    // The stalling network costs the most time; the times that something lasts are tried out on the other alone.
    let ways: &[Way] = if name.starts_with("gone for") { &[Way::Lan5] } else { &[Way::Lan5, Way::Stall] };
    for &way in ways {
        let Some(mut world) = busy(way, outage, suspect) else { return };
        happens(&mut world);
        let ends = world.now;
        world.run(10 * SECOND);
        let used = world.rate(ends + 6 * SECOND, world.now, None);
        let spent = world.counted.iter().filter(|(at, _)| *at >= STEADY).count() as f64;
        let cost = (world.now - STEADY).as_secs_f64() * 197.0 - spent;
        println!(
            "{name} | {way:?} | most in a second {} | longest pause {:.1} s | full {:.1} s after its end | cost {:.1} s of the rate | then {:.1} %",
            world.most(),
            world.longest_pause(STEADY).as_secs_f64(),
            world.full_after(ends, 190).map_or(f64::NAN, |time| time.as_secs_f64()),
            cost / 197.0,
            used / 2.0,
        );
        assert!(world.most() <= 200, "{name}, {way:?}: {} in a second", world.most());
        assert!(used > 190.0, "{name}, {way:?}: {used} a second in the end");
        assert!(world.nodes.iter().all(|node| node.refused == 0), "{name}, {way:?}: calls were refused");
    }
}

#[test]
fn redis_is_gone_and_comes_back_empty() {
    transition("gone for 15 s, back empty", |world| {
        world.reach(Reach::Down);
        world.run(10 * SECOND);
        let until = world.now;
        world.run(5 * SECOND);
        assert_eq!(world.standings(), [Standing::Share; 3]);
        let on_shares = world.rate(until, world.now, None);
        assert!(on_shares > 188.0, "{on_shares} a second on three shares of 66");
        world.server.empty();
        world.reach(Reach::Up);
    });
}

#[test]
fn redis_is_gone_and_comes_back_with_its_data() {
    for age in [0, 1, 3] {
        transition(&format!("gone for 12 s, back with data {age} s old"), |world| {
            world.server.snapshot();
            world.run(age * SECOND);
            world.reach(Reach::Down);
            world.run(12 * SECOND);
            world.server.restore();
            world.server.another();
            world.reach(Reach::Up);
        });
    }
}

/// Away for any time up to a few seconds: whoever comes back does so in each state.
fn away_for_a_while(empty: bool) {
    let what = if empty { "empty" } else { "with data" };
    for tenths in [1, 3, 8, 17, 25, 34, 38, 45] {
        transition(&format!("gone for {:.1} s, back {what}", f64::from(tenths) / 10.0), |world| {
            world.reach(Reach::Down);
            world.run(100 * MS * tenths);
            if empty {
                world.server.empty();
            }
            world.reach(Reach::Up);
        });
    }
}

#[test]
fn redis_is_gone_for_a_while_and_comes_back_with_its_data() {
    away_for_a_while(false);
}

#[test]
fn redis_is_gone_for_a_while_and_comes_back_empty() {
    away_for_a_while(true);
}

#[test]
fn redis_stands_still() {
    for time in [300 * MS, SECOND, 2 * SECOND, 4 * SECOND, 10 * SECOND] {
        transition(&format!("stopped for {time:?}, then runs all it was sent"), |world| {
            world.reach(Reach::Stopped);
            world.run(time);
            world.reach(Reach::Up);
        });
    }
}

#[test]
fn another_server_takes_over_that_knows_less() {
    for age in [100 * MS, SECOND, 3 * SECOND] {
        transition(&format!("a copy {age:?} old takes over at once"), |world| {
            world.server.snapshot();
            world.run(age);
            world.server.restore();
        });
    }
    transition("emptied while it is up", |world| world.server.empty());
}

#[test]
fn whoever_comes_first_to_a_server_that_knows_less_learns_nothing_old_from_it() {
    for (phase, ms) in [(0, 20_u32), (70, 210), (140, 210), (210, 210), (280, 210), (350, 210), (420, 210)] {
        let Some(mut world) = World::new(3, Way::Lan5, Outage::Share, SUSPECT) else { return };
        world.demand(&[Demand::None, Demand::None, Demand::Full]);
        world.run(STEADY + MS * phase);
        world.server.snapshot();
        world.run(MS * ms);
        world.server.restore();
        world.server.another();
        // The quiet ones know of no more than the copy does, and ask at once.
        world.demand(&[Demand::Full; 3]);
        world.run(10 * SECOND);
        println!("a copy {ms} ms old, and the quiet ones come first: {} in a second", world.most());
        assert!(world.most() <= 200, "{ms} ms: {} in a second", world.most());
    }
}

#[test]
fn another_server_has_another_clock() {
    for seconds in [-3_600_i64, -2, 5, 3_600] {
        transition(&format!("its clock is set by {seconds} s"), |world| {
            world.reach(Reach::Down);
            world.run(4 * SECOND);
            world.server.epoch += seconds * 1_000_000;
            world.reach(Reach::Up);
        });
    }
}

#[test]
fn a_replica_dies() {
    transition("one of three killed", |world| {
        world.kill(0);
        world.run(3 * SECOND);
        let since = world.now;
        world.run(28 * SECOND);
        let meanwhile = world.rate(since + 4 * SECOND, world.now, None);
        assert!((126.0..=134.0).contains(&meanwhile), "{meanwhile} a second of the two left");
    });
}

#[test]
fn a_replica_stands_still() {
    for time in [SECOND, 3 * SECOND, 8 * SECOND, 10 * SECOND, 25 * SECOND] {
        transition(&format!("one of three stands still for {time:?}"), |world| world.freeze(0, time));
    }
}

#[test]
fn a_replica_stops_cleanly() {
    transition("one of three stopped", |world| {
        world.stop(0);
        world.run(2 * SECOND);
        assert!(world.nodes[0].gone);
    });
}

#[test]
fn a_replica_is_added() {
    transition("a fourth added", |world| {
        world.add();
        world.nodes[3].demand = Demand::Full;
    });
    transition("one killed and another started at once", |world| {
        world.kill(0);
        world.add();
        world.nodes[3].demand = Demand::Full;
        world.run(32 * SECOND);
    });
    transition("one stopped and another started, three times", |world| {
        for old in 0..3 {
            world.stop(old);
            world.run(2 * SECOND);
            world.add();
            world.nodes[old + 3].demand = Demand::Full;
            world.run(2 * SECOND);
        }
    });
}

#[test]
fn a_fourth_replica_has_no_share_when_redis_goes() {
    transition("a fourth added, then Redis gone for 12 s", |world| {
        world.add();
        world.nodes[3].demand = Demand::Full;
        world.run(5 * SECOND);
        world.reach(Reach::Down);
        world.run(12 * SECOND);
        assert_eq!(world.standings()[3], Standing::Closed);
        world.reach(Reach::Up);
    });
}

#[test]
fn one_is_cut_off() {
    for (reach, time) in
        [(Reach::Down, SECOND), (Reach::Down, 20 * SECOND), (Reach::Deaf, 2 * SECOND), (Reach::Deaf, 20 * SECOND)]
    {
        transition(&format!("one cut off ({reach:?}) for {time:?}"), |world| {
            world.nodes[1].reach = reach;
            world.run(time);
            if time > 10 * SECOND {
                let lately = world.rate(world.now - 10 * SECOND, world.now, None);
                assert!(lately > 190.0, "{lately} a second");
            }
            world.nodes[1].reach = Reach::Up;
        });
    }
}

#[test]
fn one_is_cut_off_for_longer_than_suspect() {
    transition_with("one cut off for 20 s, suspect 8 s, closed", (Outage::Closed, 8 * SECOND), |world| {
        world.nodes[1].reach = Reach::Down;
        world.run(20 * SECOND);
        assert_eq!(world.standings()[1], Standing::Closed);
        world.nodes[1].reach = Reach::Up;
    });
}

#[test]
fn an_outage_may_last() {
    transition_with("gone for 30 s, suspect 8 s", (Outage::Share, 8 * SECOND), |world| {
        world.reach(Reach::Down);
        world.run(30 * SECOND);
        assert_eq!(world.standings(), [Standing::Share; 3]);
        world.reach(Reach::Up);
    });
}
