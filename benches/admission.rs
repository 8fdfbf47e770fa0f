//! What admission costs a call, in processor time: against the number of callers and of calls that wait.
//!
//! `cargo bench --bench admission`
//!
//! The clock is paused, so nothing but work is measured. A call that waits costs "to wait" (estimate, queue, timer and
//! all) and "to go" (its turn, the wake-up, `sent` and `answered`); one that finds a permit free costs "free".
#![expect(clippy::print_stdout, reason = "its table is what it is for")]

use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use group_import_gateway::admission::{Admission, Lane, Permit, Place, Refused, Settings, Turn};

type Waiting<'a> = Pin<Box<dyn Future<Output = Result<Permit, Refused>> + 'a>>;

/// So fast that the gates are never what is waited for, once the quiet start is over.
const CALLS_PER_SECOND: u32 = 1_000_000;
const QUIET: Duration = Duration::from_secs(1);

fn main() -> std::io::Result<()> {
    paused()?.block_on(queue(100, 10_000)); // warm caches and the allocator
    println!("| callers | calls waiting | to wait | to leave | to go |");
    println!("|---:|---:|---:|---:|---:|");
    for callers in [1, 10, 100, 1_000, 10_000] {
        for waiting in [1, 100, 10_000, 100_000].into_iter().filter(|waiting| *waiting >= callers) {
            let costs = paused()?.block_on(queue(callers, waiting));
            println!("| {callers} | {waiting} | {} | {} | {} |", ns(costs[0]), ns(costs[1]), ns(costs[2]));
        }
    }
    let free = paused()?.block_on(free());
    println!("\nfree: {}", ns(free));
    Ok(())
}

fn paused() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()
}

fn ns(cost: Duration) -> String {
    format!("{} ns", cost.as_nanos())
}

fn admission(quiet_start: Duration) -> Admission {
    let most = usize::MAX;
    Admission::new(Settings {
        calls_per_second: CALLS_PER_SECOND,
        quiet_start,
        queue_per_caller: most,
        stream_queue_per_caller: most,
        ..Settings::default()
    })
}

/// Turns of so many callers, a quarter of them in the stream lane.
fn turns(callers: usize) -> Vec<Turn> {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(3_600);
    let turn = |i: usize| Turn {
        caller: Arc::from(format!("caller-{i}")),
        weight: 1 + (i % 3) as u32,
        lane: if i % 4 == 3 { Lane::Stream } else { Lane::Unary },
        deadline,
    };
    (0..callers).map(turn).collect()
}

/// Puts `waiting` calls into the queue, lets as many more come and leave again, and then serves all.
async fn queue(callers: usize, waiting: usize) -> [Duration; 3] {
    let admission = admission(QUIET);
    let turns = turns(callers);
    let mut calls: Vec<Waiting<'_>> = Vec::with_capacity(waiting);
    let join = |index: usize| {
        let mut call: Waiting<'_> = Box::pin(admission.admit(&turns[index % callers], Place::Tail));
        let pending = call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending();
        assert!(pending, "the quiet start is not over");
        call
    };

    let ((), to_wait) = measured(waiting, || calls.extend((0..waiting).map(join)));
    let some = waiting.min(10_000);
    let leaving: Vec<_> = (0..some).map(join).collect();
    let ((), to_leave) = measured(some, || drop(leaving));

    tokio::time::advance(QUIET).await;
    let start = std::time::Instant::now();
    for call in calls {
        finish(call.await);
    }
    [to_wait, to_leave, start.elapsed() / waiting as u32]
}

/// Calls that find a permit free.
async fn free() -> Duration {
    let admission = admission(Duration::ZERO);
    let turns = turns(10);
    let calls = 40_000; // fewer than the burst at this rate, so none waits
    let start = std::time::Instant::now();
    for index in 0..calls {
        finish(admission.admit(&turns[index % 10], Place::Tail).await);
    }
    start.elapsed() / calls as u32
}

fn finish(permit: Result<Permit, Refused>) {
    if let Ok(mut permit) = black_box(permit) {
        permit.sent();
        permit.answered();
    }
}

fn measured<R>(calls: usize, work: impl FnOnce() -> R) -> (R, Duration) {
    let start = std::time::Instant::now();
    let result = work();
    (result, start.elapsed() / calls as u32)
}
