//! Clients that take places and do nothing with them.

use std::{
    net::SocketAddr,
    thread::sleep,
    time::{Duration, Instant},
};

use crate::{
    frames::{DATA, END_HEADERS, END_STREAM, HEADERS, PREFACE, Raw, call_headers, frame, headers_of},
    rig::{BAD, Edge, message},
};

const SECOND: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(30);

const HEALTH: &str = "/grpc.health.v1.Health/Check";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_never_say_who_they_are() {
    let mut edge = Edge::start(&[("HTTP2__HANDSHAKE_TIMEOUT", "1500ms")]).await;
    let ended = edge.attacked_by("300 half-open connections", |address| {
        let mut held: Vec<Raw> = (0..300).map(|_| Raw::silent(address)).collect();
        for (index, raw) in held.iter_mut().enumerate() {
            // Some say nothing, some part of what they should.
            raw.send(&PREFACE[..index % PREFACE.len()]);
        }
        let until = Instant::now() + LONG;
        held.iter_mut().for_each(|raw| raw.wait(until.saturating_duration_since(Instant::now()), |_| false));
        held.iter().filter(|raw| raw.told.closed).count()
    });
    assert_eq!(ended.await, 300, "all are given up");
}

/// The streams that a client begins first.
fn streams(count: u32) -> impl Iterator<Item = u32> + Clone {
    (0..count).map(|index| 1 + 2 * index)
}

/// Begins so many calls on each of so many connections.
fn begun(address: SocketAddr, connections: usize, calls: u32, headers: &[u8]) -> Vec<Raw> {
    let bytes: Vec<u8> = streams(calls).flat_map(|stream| frame(HEADERS, END_HEADERS, stream, headers)).collect();
    let mut held: Vec<Raw> = (0..connections).map(|_| Raw::open(address)).collect();
    held.iter_mut().for_each(|raw| assert!(raw.send(&bytes)));
    held
}

/// How many calls were ended, on all connections together.
fn ended(held: &[Raw]) -> usize {
    held.iter().map(|raw| raw.told.ended.len()).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_come_a_byte_now_and_then() {
    let mut edge = Edge::start(&[("UNARY_DEADLINE", "2s")]).await;
    // Fewer than a caller has places, and fewer than a connection takes.
    let seen = edge.attacked_by("2,000 slow bodies", |address| {
        let mut held = begun(address, 4, 500, &call_headers(Some(BAD)));
        let since = Instant::now();
        for byte in message("slow").iter().cycle() {
            sleep(Duration::from_millis(100));
            for raw in &mut held {
                raw.look();
                let open = streams(500).filter(|stream| !raw.told.ended.contains(stream));
                raw.send(&open.flat_map(|stream| frame(DATA, 0, stream, &[*byte])).collect::<Vec<_>>());
            }
            if ended(&held) == 2_000 || since.elapsed() > LONG {
                break;
            }
        }
        (ended(&held), since.elapsed())
    });
    let (ended, after) = seen.await;
    assert_eq!(ended, 2_000, "every one comes to its deadline");
    assert!(after >= SECOND, "and none much sooner: {after:?}");
}

/// How many calls are refused, once as many are as should be, and a little later.
fn count_refused(held: &mut [Raw], expected: usize) -> usize {
    let until = Instant::now() + LONG;
    while ended(held) < expected && Instant::now() < until {
        sleep(Duration::from_millis(50));
        held.iter_mut().for_each(Raw::look);
    }
    sleep(SECOND);
    held.iter_mut().for_each(Raw::look);
    ended(held)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_calls_than_there_are_places() {
    let mut edge = Edge::start(&[("UNARY_DEADLINE", "60s")]).await;
    let refused = edge.attacked_by("5,000 calls that stay", |address| {
        let mut held = begun(address, 5, 1_000, &call_headers(Some(BAD)));
        count_refused(&mut held, 2_952)
    });
    let refused = refused.await;
    // Half of 4,096 places are for one who would have them all, but for the one that the other needs.
    assert!((2_951..=2_953).contains(&refused), "{refused} of 5,000 refused");
    let refused = edge.attacked_by("2,000 calls that stay, of strangers", |address| {
        let mut held = begun(address, 4, 500, &headers_of(HEALTH, None));
        count_refused(&mut held, 4 * (500 - 64))
    });
    assert_eq!(refused.await, 4 * (500 - 64), "a few dozen on each connection");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_nobody_reads() {
    let mut edge = Edge::start(&[]).await;
    let answered = edge.attacked_by("2,000 answers unread", |address| {
        // SETTINGS_INITIAL_WINDOW_SIZE of 0: no byte of an answer may be sent.
        let mut held: Vec<Raw> = (0..4).map(|_| Raw::open_with(address, &[0, 4, 0, 0, 0, 0])).collect();
        let (headers, message) = (headers_of(HEALTH, None), [0; 5]);
        for raw in &mut held {
            for stream in streams(500) {
                let head = frame(HEADERS, END_HEADERS, stream, &headers);
                raw.send(&[head, frame(DATA, END_STREAM, stream, &message)].concat());
            }
        }
        sleep(2 * SECOND);
        held.iter_mut().for_each(Raw::look);
        held.iter().map(|raw| raw.told.frames[usize::from(DATA)]).sum::<usize>()
    });
    assert_eq!(answered.await, 0, "the test's own premise");
}
