//! Chat takes less than the rate, because somebody else uses it too.

use std::collections::VecDeque;
use std::time::Duration;

use super::world::{Demand, SECOND, World};
use crate::admission::shared::Outage;
use crate::admission::tests::network::Way;

/// Chat's counter: accepted calls in the last second, ours and 80 a second of somebody else, 200 in all.
fn beside_somebody_else() -> impl FnMut(Duration) -> bool {
    let mut accepted: VecDeque<Duration> = VecDeque::new();
    let mut foreign = 10 * SECOND;
    move |at| {
        let mut count = |at: Duration| {
            while accepted.front().is_some_and(|first| *first + SECOND <= at) {
                accepted.pop_front();
            }
            let room = accepted.len() < 200;
            if room {
                accepted.push_back(at);
            }
            room
        };
        while foreign <= at {
            count(foreign);
            foreign += SECOND / 80;
        }
        !count(at)
    }
}

#[test]
fn one_replicas_lesson_spares_the_others() {
    let Some(mut world) = World::new(3, Way::Lan5, Outage::Share, 30 * SECOND) else { return };
    world.refuses = Box::new(beside_somebody_else());
    world.demand(&[Demand::Full, Demand::Full, Demand::None]);
    world.run(20 * SECOND);
    let before: u32 = world.nodes.iter().map(|node| node.refused_by_chat).sum();
    world.run(20 * SECOND);
    let refused = world.nodes.iter().map(|node| node.refused_by_chat).sum::<u32>() - before;
    let now = world.instant();
    let allowed: Vec<f64> = world.nodes.iter_mut().map(|node| node.state.adapt.allowed(now)).collect();
    let sent = world.rate(20 * SECOND, 40 * SECOND, None);
    println!("{sent:.0} a second of 120 free, {refused} refused in 20 s, allowed {allowed:.0?}");
    assert!(sent > 114.0, "{sent} a second of 120");
    assert!(f64::from(refused) < 0.015 * 20.0 * sent, "{refused} refused");
    for other in &allowed {
        assert!((other - allowed[0]).abs() < 3.0, "{allowed:?}: also one that sent nothing has learnt");
    }
}
