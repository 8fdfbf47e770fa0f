//! Steady demand, however it is spread.

use std::time::Duration;

use super::world::{Demand, SECOND, World};
use crate::admission::shared::Outage;
use crate::admission::tests::network::Way;

/// Share of the rate used, and the round trips a second of all replicas, over 15 s after 5 s.
fn steady(way: Way, demands: [Demand; 3]) -> Option<(World, f64, f64)> {
    let mut world = World::new(3, way, Outage::Share, 30 * SECOND)?;
    world.demand(&demands);
    world.run(5 * SECOND);
    let before: u64 = world.nodes.iter().map(|node| node.round_trips).sum();
    world.run(15 * SECOND);
    let round_trips: u64 = world.nodes.iter().map(|node| node.round_trips).sum();
    let used = world.rate(5 * SECOND, 20 * SECOND, None) / 200.0;
    println!("{way:?} {demands:?}: {:.1} % used, {} in a second", used * 100.0, world.most());
    for (index, node) in world.nodes.iter().enumerate() {
        let mut waits: Vec<_> = node.waits.iter().filter(|(at, _)| *at > 5 * SECOND).map(|(_, wait)| *wait).collect();
        waits.sort();
        let rate = world.rate(5 * SECOND, 20 * SECOND, Some(index));
        if let (Some(p50), Some(p99)) = (waits.get(waits.len() / 2), waits.get(waits.len() * 99 / 100)) {
            println!("   {index}: {rate:.0}/s, waits {p50:?}, {p99:?}");
        }
    }
    println!("   {:.0} round trips a second", (round_trips - before) as f64 / 15.0);
    assert!(world.most() <= 200, "{} in a second", world.most());
    Some((world, used, (round_trips - before) as f64 / 15.0))
}

#[test]
fn the_rate_is_used_whoever_is_busy() {
    let little = Demand::Some(5.0);
    let calm = Demand::Calm(Duration::from_millis(150));
    for demands in [
        [Demand::Full, calm, calm],
        [Demand::Full; 3],
        [Demand::Full, Demand::None, Demand::None],
        [Demand::Full, little, little],
    ] {
        for way in [Way::Near2, Way::Lan5] {
            let Some((_, used, _)) = steady(way, demands) else { return };
            assert!(used > 0.97, "{way:?} {demands:?}: {used}");
        }
        steady(Way::Stall, demands);
    }
}

#[test]
fn replicas_that_are_all_busy_get_the_same() {
    let Some((world, ..)) = steady(Way::Lan5, [Demand::Full; 3]) else { return };
    for index in 0..3 {
        let rate = world.rate(5 * SECOND, 20 * SECOND, Some(index));
        assert!((60.0..72.0).contains(&rate), "{index}: {rate}");
    }
}
