//! The handle and its permits, on Tokio's paused clock.

use std::time::Duration;

use tokio::task::{JoinHandle, yield_now};
use tokio::time::{Instant, advance, sleep, timeout};

use crate::admission::{Admission, Lane, Permit, Place, Refused, Settings, Turn};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

fn admission(calls_per_second: u32) -> Admission {
    Admission::new(Settings { calls_per_second, quiet_start: Duration::ZERO, ..Settings::default() })
}

fn turn(caller: &str, allowance: Duration) -> Turn {
    Turn { caller: caller.into(), weight: 1, lane: Lane::Unary, deadline: Instant::now() + allowance }
}

async fn admit(admission: &Admission, allowance: Duration) -> Result<Permit, Refused> {
    admission.admit(&turn("only", allowance), Place::Tail).await
}

/// Takes a permit and sends its call; the answer comes after 20 ms.
fn call(admission: &Admission) -> JoinHandle<Instant> {
    let admission = admission.clone();
    tokio::spawn(async move {
        let mut permit = admit(&admission, 60 * SECOND).await.expect("a minute is enough");
        permit.sent();
        let sent = Instant::now();
        sleep(20 * MS).await;
        permit.answered();
        sent
    })
}

async fn settle() {
    for _ in 0..10 {
        yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_free_permit_comes_at_once() {
    let admission = admission(200);
    let before = Instant::now();
    for _ in 0..10 {
        admit(&admission, 50 * MS).await.expect("the burst").sent();
    }
    assert_eq!(before, Instant::now());
}

#[tokio::test(start_paused = true)]
async fn nothing_goes_before_the_quiet_start_is_over() {
    let admission = Admission::new(Settings::default());
    let start = Instant::now();
    let sent = call(&admission).await.expect("the call went");
    assert!((SECOND..SECOND + 2 * MS).contains(&(sent - start)), "{:?}", sent - start);
}

#[tokio::test(start_paused = true)]
async fn six_hundred_wait_and_half_of_them_leave() {
    let admission = admission(200);
    let start = Instant::now();
    let calls: Vec<_> = (0..600).map(|_| call(&admission)).collect();
    settle().await;
    let mut stay = Vec::new();
    for (index, call) in calls.into_iter().enumerate() {
        if index >= 10 && index % 2 == 0 { call.abort() } else { stay.push(call) }
    }
    settle().await;
    assert_eq!(admission.snapshot().queued(Lane::Unary), 295);

    let mut sent = Vec::new();
    for call in stay {
        sent.push(call.await.expect("it stayed") - start);
    }
    assert!(sent.is_sorted(), "one caller's calls go in order");
    assert!(sent[304] < 1_700 * MS, "{:?}", sent[304]);
    assert_eq!(sent.iter().filter(|at| **at < SECOND).count(), 200);
}

#[tokio::test(start_paused = true)]
async fn what_was_never_sent_is_given_back_at_once() {
    let admission = admission(1);
    let before = Instant::now();
    admit(&admission, SECOND).await.expect("the only one").unsent();
    let mut permit = admit(&admission, SECOND).await.expect("given back");
    permit.sent();
    permit.unsent();
    drop(admit(&admission, SECOND).await.expect("given back"));
    admit(&admission, SECOND).await.expect("given back").sent();
    assert_eq!(before, Instant::now());
    assert!(matches!(admit(&admission, SECOND).await, Err(Refused::TooLate { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_permit_given_back_goes_to_the_one_who_waits() {
    let admission = admission(1);
    let permit = admit(&admission, SECOND).await.expect("the only one");
    let waits = call(&admission);
    settle().await;
    let before = Instant::now();
    permit.unsent();
    assert_eq!(waits.await.expect("it waited"), before);
}

#[tokio::test(start_paused = true)]
async fn a_lost_call_holds_its_permit_until_chat_cannot_count_it_any_more() {
    for say_so in [true, false] {
        let admission = admission(1);
        let start = Instant::now();
        let mut permit = admit(&admission, SECOND).await.expect("the only one");
        permit.sent();
        advance(3 * SECOND).await;
        if say_so {
            permit.lost()
        } else {
            drop(permit)
        }
        assert_eq!(admission.snapshot().lost, 1);
        let sent = call(&admission).await.expect("in the end");
        assert!((6 * SECOND..6 * SECOND + 2 * MS).contains(&(sent - start)), "{:?}", sent - start);
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_never_outlasts_its_deadline() {
    let admission = admission(1);
    let mut permit = admit(&admission, SECOND).await.expect("the only one");
    permit.sent(); // and nothing is ever heard of it
    let before = Instant::now();
    let late = admit(&admission, 3 * SECOND).await;
    assert!(matches!(late, Err(Refused::TooLate { .. })), "{late:?}");
    assert!((3 * SECOND..3 * SECOND + 2 * MS).contains(&before.elapsed()), "{:?}", before.elapsed());
    assert_eq!(admission.snapshot().queued_unary, 0);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_chat_refused_goes_first_among_its_callers() {
    let admission = admission(1);
    let start = Instant::now();
    let taken = call(&admission);
    settle().await;
    let tail = call(&admission);
    settle().await;
    // Less time than any estimate would accept, but enough.
    let turn = turn("only", 1_030 * MS);
    let mut permit = admission.admit(&turn, Place::Head).await.expect("it had a try");
    assert!(start.elapsed() < 1_030 * MS);
    permit.sent();
    permit.answered();
    let (taken, tail) = (taken.await.expect("it went"), tail.await.expect("it went"));
    assert!(taken == start && tail - start > 2 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_says_when_there_is_room() {
    let settings = Settings { queue_per_caller: 3, quiet_start: Duration::ZERO, ..Settings::default() };
    let admission = Admission::new(settings);
    for _ in 0..13 {
        call(&admission);
    }
    settle().await;
    assert_eq!(admission.queued_for(Lane::Unary, "only"), 3);
    let Err(Refused::QueueFull { retry_after }) = admit(&admission, SECOND).await else {
        panic!("three wait already");
    };
    assert!(retry_after < 20 * MS, "{retry_after:?}");
    let other = admission.admit(&turn("other", SECOND), Place::Tail).await;
    assert!(other.is_ok(), "the bound is each caller's own");
    sleep(retry_after).await;
    assert!(admit(&admission, SECOND).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_told_when_there_is_room() {
    let admission = admission(200);
    for _ in 0..20 {
        call(&admission);
    }
    settle().await;
    let before = Instant::now();
    admission.room(Lane::Unary, "only", 11).await;
    assert_eq!(before, Instant::now());
    admission.room(Lane::Unary, "only", 5).await;
    assert_eq!(admission.queued_for(Lane::Unary, "only"), 4);
    assert!((25 * MS..40 * MS).contains(&before.elapsed()), "{:?}", before.elapsed());
}

#[tokio::test(start_paused = true)]
async fn closing_refuses_all_who_wait_and_all_who_come() {
    let admission = admission(1);
    let held = admit(&admission, SECOND).await.expect("the only one");
    let (waits, stream) = (admission.clone(), admission.clone());
    let waits = tokio::spawn(async move { admit(&waits, 60 * SECOND).await });
    let stream = tokio::spawn(async move { stream.room(Lane::Unary, "only", 1).await });
    settle().await;
    admission.close();
    assert_eq!(waits.await.expect("no panic").err(), Some(Refused::Closed));
    timeout(SECOND, stream).await.expect("told").expect("no panic");
    held.answered();
    assert_eq!(admit(&admission, SECOND).await.err(), Some(Refused::Closed));
}

#[tokio::test(start_paused = true)]
async fn a_new_rate_counts_from_now_on() {
    let admission = admission(10);
    let start = Instant::now();
    let calls: Vec<_> = (0..40).map(|_| call(&admission)).collect();
    settle().await;
    admission.set_rate(100);
    for call in calls {
        assert!(call.await.expect("it went") - start < 400 * MS);
    }
    assert_eq!(admission.snapshot().configured, 100);
    admission.set_rate(0);
    assert_eq!(admission.snapshot().configured, 1);
}

#[tokio::test(start_paused = true)]
async fn the_slowest_and_the_fastest_rate_work() {
    for rate in [1, 100_000] {
        let admission = admission(rate);
        let start = Instant::now();
        let mut sent = Vec::new();
        while start.elapsed() < 3 * SECOND && sent.len() < 150_000 {
            let mut permit = admit(&admission, 60 * SECOND).await.expect("a minute is enough");
            permit.sent();
            permit.answered();
            sent.push(start.elapsed());
        }
        let first_second = sent.iter().filter(|at| **at < SECOND).count();
        assert!(first_second <= rate as usize && first_second >= rate as usize * 9 / 10, "{rate}: {first_second}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_shows_how_things_stand() {
    let admission = admission(200);
    let calls: Vec<_> = (0..300).map(|_| call(&admission)).collect();
    sleep(500 * MS).await;
    let snapshot = admission.snapshot();
    assert_eq!((snapshot.configured, snapshot.allowed), (200, 200.0));
    assert_eq!(snapshot.in_flight + snapshot.cooling + snapshot.queued_unary, 300);
    assert!((100..115).contains(&(snapshot.used_last_second as usize)), "{}", snapshot.used_last_second);
    assert_eq!(&*snapshot.callers[0].caller, "only");
    assert_eq!(snapshot.callers[0].queued, snapshot.queued_unary);
    assert!(snapshot.usable_share() > 0.97 && snapshot.since_cut.is_none());
    drop(calls);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_for_rate_slows_it_down() {
    let admission = admission(200);
    let mut permit = admit(&admission, SECOND).await.expect("free");
    permit.sent();
    permit.refused_for_rate();
    let snapshot = admission.snapshot();
    assert_eq!((snapshot.allowed, snapshot.since_cut), (10.0, Some(Duration::ZERO)));
    sleep(25 * SECOND).await;
    assert_eq!(admission.snapshot().allowed, 200.0);
}

#[tokio::test(start_paused = true)]
async fn its_task_ends_with_the_last_handle() {
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let admission = admission(200);
    let permit = admit(&admission, SECOND).await.expect("free");
    let copy = admission.clone();
    drop(admission);
    settle().await;
    assert_eq!(tasks(), 1);
    drop(copy);
    settle().await;
    assert_eq!(tasks(), 0);
    drop(permit);
}
