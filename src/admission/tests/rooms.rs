//! Those who wait for room in the queue, on Tokio's paused clock.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::yield_now;
use tokio::time::{Instant, timeout};

use crate::admission::{Admission, Lane, Permit, Place, Refused, Settings, Turn};

/// Calls that may wait in the queue.
const PLACES: usize = 10;

fn admission() -> Admission {
    let quiet_start = Duration::ZERO;
    Admission::new(Settings { stream_queue_per_caller: PLACES, quiet_start, ..Settings::default() })
}

fn turn() -> Turn {
    let deadline = Instant::now() + Duration::from_secs(600);
    Turn { caller: "only".into(), weight: 1, lane: Lane::Stream, deadline }
}

/// Waits for a place and a permit, as a stream's item does, and counts how often it looks for a place.
async fn item(admission: Admission, looks: Arc<AtomicUsize>) {
    let turn = turn();
    loop {
        match admission.admit(&turn, Place::Tail).await {
            Ok(mut permit) => {
                permit.sent();
                return permit.answered();
            }
            Err(Refused::QueueFull { .. }) => {
                let mut room = pin!(admission.room(Lane::Stream, "only", PLACES));
                poll_fn(|context| {
                    looks.fetch_add(1, Ordering::Relaxed);
                    room.as_mut().poll(context)
                })
                .await;
            }
            Err(refused) => panic!("{refused:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_leaves_wakes_one_of_a_thousand_and_all_have_their_turn() {
    let (admission, looks) = (admission(), Arc::new(AtomicUsize::new(0)));
    let items: Vec<_> = (0..1_000).map(|_| tokio::spawn(item(admission.clone(), looks.clone()))).collect();
    for item in items {
        timeout(Duration::from_secs(60), item).await.expect("its turn comes").expect("no panic");
    }
    let looks = looks.load(Ordering::Relaxed);
    assert!((1_000..5_000).contains(&looks), "{looks} looks: each looks when it comes and when it is told");
}

#[tokio::test(start_paused = true)]
async fn one_who_is_told_and_leaves_tells_the_next() {
    let (admission, looks) = (admission(), Arc::new(AtomicUsize::new(0)));
    let wait = || tokio::spawn(item(admission.clone(), looks.clone()));
    // The burst goes, the queue is full, and the rest wait for room.
    let items: Vec<_> = (0..200).map(|_| wait()).collect();
    for _ in 0..10 {
        yield_now().await;
    }
    assert_eq!(admission.queued_for(Lane::Stream, "only"), PLACES);
    // Every other one of those who wait for room gives up, some of them just told.
    for (number, item) in items.iter().enumerate().skip(20) {
        if number % 2 == 0 {
            tokio::time::sleep(Duration::from_millis(3)).await;
            item.abort();
        }
    }
    for item in items {
        let ended = timeout(Duration::from_secs(60), item).await.expect("nobody is forgotten");
        assert!(ended.is_ok() || ended.is_err_and(|error| error.is_cancelled()));
    }
    assert_eq!(admission.queued_for(Lane::Stream, "only"), 0);
}

#[tokio::test(start_paused = true)]
async fn one_who_is_told_and_finds_a_permit_at_once_tells_the_next() {
    let settings = Settings { stream_queue_per_caller: 1, quiet_start: Duration::ZERO, ..Settings::default() };
    let admission = Admission::new(settings);
    let turn = turn();
    let go = |permit: Result<Permit, Refused>| {
        let mut permit = permit.expect("a permit");
        permit.sent();
        permit.answered();
    };
    // The burst goes, one waits for the pace, and two wait for that one's place.
    let queued = loop {
        let mut call = Box::pin(admission.admit(&turn, Place::Tail));
        match timeout(Duration::ZERO, &mut call).await {
            Ok(permit) => go(permit),
            Err(_) => break call,
        }
    };
    let mut rooms = [0, 1].map(|_| Box::pin(admission.room(Lane::Stream, "only", 1)));
    for room in &mut rooms {
        assert!(timeout(Duration::ZERO, room).await.is_err(), "there is no room");
    }
    let [one, other] = rooms;
    go(queued.await);
    one.await;
    // By now the pace allows a call, so that it takes no place in the queue.
    tokio::time::sleep(Duration::from_millis(500)).await;
    go(admission.admit(&turn, Place::Tail).await);
    timeout(Duration::from_secs(60), other).await.expect("the other is told");
}
