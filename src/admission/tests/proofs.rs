//! The promises of the module's documentation, against networks that do their worst.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use proptest::prelude::*;
use tokio::time::Instant;

use super::network::most_in_a_second;
use super::world::{MS, SECOND};
use crate::admission::gate::{Gate, Room, Token};
use crate::admission::lane::Waiting;
use crate::admission::queue::Queue;
use crate::admission::settings::{Lane, Mode, Place, Settings, Turn};
use crate::admission::window::Window;

/// One call: how long after the one before it is asked for, its ways, and whether its answer is lost.
#[derive(Clone, Debug)]
struct Call {
    gap: Duration,
    forward: Duration,
    back: Duration,
    lost: bool,
}

fn call(gap: u64, forward: std::ops::Range<u64>, back: std::ops::Range<u64>) -> impl Strategy<Value = Call> {
    let micros = Duration::from_micros;
    (0..gap, forward, back, prop::bool::weighted(0.02)).prop_map(move |(gap, forward, back, lost)| Call {
        gap: micros(gap),
        forward: micros(forward),
        back: micros(back),
        lost,
    })
}

/// Sends each call as soon as the window has room. Returns when Chat counted them.
fn counted(mode: Mode, calls_per_second: u32, calls: &[Call]) -> Vec<Duration> {
    let settings = Settings { mode, calls_per_second, quiet_start: Duration::ZERO, ..Settings::default() };
    let start = Instant::now();
    let mut window = Window::new(&settings, start);
    let mut ends: BinaryHeap<Reverse<(Duration, Duration, bool)>> = BinaryHeap::new();
    let mut now = Duration::ZERO;
    let mut counted = Vec::new();
    for call in calls {
        now += call.gap;
        loop {
            while let Some(Reverse((at, sent, lost))) = ends.peek().copied().filter(|Reverse(end)| end.0 <= now) {
                ends.pop();
                match lost {
                    true => window.lost(Token(0), start + sent, start + at),
                    false => window.answered(Token(0), start + sent, start + at),
                }
            }
            let next_end = ends.peek().map(|Reverse(end)| end.0);
            match window.room(start + now) {
                Room::Now => break,
                Room::At(at) => now = next_end.map_or(at - start, |end| end.min(at - start)),
                Room::WhenAnswered => now = next_end.expect("something is in flight"),
            }
        }
        window.take(start + now);
        counted.push(now + call.forward);
        // Of a lost call nothing is heard for a while, but less than the residence that was set.
        let end = now + if call.lost { 2 * SECOND } else { call.forward + call.back };
        ends.push(Reverse((end, now, call.lost)));
    }
    counted
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// Any delays at all, reordering included, up to three seconds each way.
    #[test]
    fn strict_mode_never_puts_too_many_into_a_second(
        limit in 1_u32..30,
        calls in prop::collection::vec(call(30_000, 0..3_000_000, 0..3_000_000), 1..400),
    ) {
        prop_assert!(most_in_a_second(&counted(Mode::Strict, limit, &calls)) <= limit as usize);
    }

    #[test]
    fn strict_mode_holds_on_mixed_networks(
        limit in 1_u32..30,
        calls in prop::collection::vec(
            prop_oneof![call(3_000, 0..2_000, 0..2_000), call(3_000, 0..1_500_000, 0..1_500_000)], 1..400,
        ),
    ) {
        prop_assert!(most_in_a_second(&counted(Mode::Strict, limit, &calls)) <= limit as usize);
    }

    /// No way is shorter than the shortest, which is seen now and then; beyond that any jitter.
    #[test]
    fn window_mode_never_puts_too_many_into_a_second_on_a_network_with_a_shortest_way(
        limit in 20_u32..40,
        (there, back) in (0_u64..100_000, 0_u64..100_000),
        jitter in 1_u64..500_000,
        seed in prop::collection::vec((0_u64..10_000, 0.0..1.0_f64, 0.0..1.0_f64), 700),
    ) {
        let way = |shortest: u64, luck: f64| Duration::from_micros(shortest + (luck * jitter as f64) as u64);
        let calls: Vec<Call> = seed.iter().enumerate().map(|(i, (gap, forward, backward))| {
            let luck = |luck: f64| if i % 50 == 0 { 0.0 } else { luck };
            Call {
                gap: Duration::from_micros(*gap),
                forward: way(there, luck(*forward)),
                back: way(back, luck(*backward)),
                lost: false,
            }
        }).collect();
        prop_assert!(most_in_a_second(&counted(Mode::Window, limit, &calls)) <= limit as usize);
    }
}

#[derive(Clone, Debug)]
enum Step {
    Push(u8, Place),
    Pop,
    Cancel(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0_u8..12, prop::bool::weighted(0.1))
            .prop_map(|(caller, head)| Step::Push(caller, if head { Place::Head } else { Place::Tail })),
        4 => Just(Step::Pop),
        2 => (0_usize..200).prop_map(Step::Cancel),
    ];
    prop::collection::vec(step, 1..400)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Against a plain list: nothing is lost, doubled or overtaken by its own caller's calls.
    #[test]
    fn the_queue_keeps_every_call_once_and_in_order(steps in steps()) {
        let start = Instant::now();
        let mut queue = Queue::new(start);
        let mut tickets = Vec::new();
        // Each caller's calls as they should stand.
        let mut model: Vec<Vec<usize>> = vec![Vec::new(); 12];
        for (at, step) in steps.into_iter().enumerate() {
            let now = start + MS * at as u32;
            match step {
                Step::Push(caller, place) => {
                    let lane = if caller % 3 == 0 { Lane::Stream } else { Lane::Unary };
                    let turn = Turn { caller: format!("{caller}").into(), weight: u32::from(caller) % 4, lane, deadline: now };
                    let id = tickets.len();
                    tickets.push(queue.push(place, Waiting { turn, latest: now, came: now, item: (caller, id) }));
                    match place {
                        Place::Tail => model[usize::from(caller)].push(id),
                        Place::Head => model[usize::from(caller)].insert(0, id),
                    }
                }
                Step::Pop => match queue.pop(now) {
                    Some(Waiting { item: (caller, id), .. }) => {
                        prop_assert_eq!(model[usize::from(caller)].remove(0), id);
                    }
                    None => prop_assert!(model.iter().all(Vec::is_empty)),
                },
                Step::Cancel(id) if id < tickets.len() => {
                    let stood = model.iter_mut().find_map(|ids| {
                        let index = ids.iter().position(|other| *other == id)?;
                        Some(ids.remove(index))
                    });
                    prop_assert_eq!(queue.cancel(tickets[id]).map(|waiting| waiting.item.1), stood);
                }
                Step::Cancel(_) => {}
            }
            let waiting: usize = Lane::ALL.iter().map(|lane| queue.len(*lane)).sum();
            prop_assert_eq!(waiting, model.iter().map(Vec::len).sum::<usize>());
        }
    }
}
