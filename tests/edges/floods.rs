//! Frames by the ten thousand.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use crate::{
    frames::{
        CANCEL, CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, PRIORITY, RST_STREAM, Raw, SETTINGS,
        WINDOW_UPDATE, call_headers, frame, header,
    },
    rig::{BAD, Edge, message},
};

/// GOAWAY's code for those who ask for too much (RFC 9113, 7).
const ENHANCE_YOUR_CALM: u32 = 11;
/// How long a flood lasts that has no number.
const A_WHILE: Duration = Duration::from_millis(1000);
const LONG: Duration = Duration::from_secs(40);

/// What a flood came to.
#[derive(Debug, Default)]
struct Flood {
    sent: usize,
    /// Each but the last was ended by the gateway.
    connections: usize,
    /// Codes of the GOAWAYs that came, each once.
    goaways: Vec<u32>,
}

/// Sends batches, on one connection after the other, each until the gateway ends it, for so long or so many.
fn flood(
    address: SocketAddr,
    within: Duration,
    most: usize,
    reads: bool,
    mut batch: impl FnMut(u32) -> (usize, Vec<u8>),
) -> Flood {
    let (mut flood, until) = (Flood::default(), Instant::now() + within);
    while Instant::now() < until && flood.sent < most {
        let mut raw = Raw::open(address);
        flood.connections += 1;
        for number in 0.. {
            let (frames, bytes) = batch(number);
            if !raw.send(&bytes) {
                break;
            }
            flood.sent += frames;
            if reads {
                raw.look();
            }
            if raw.told.closed || raw.told.goaway.is_some() || flood.sent >= most || Instant::now() >= until {
                break;
            }
        }
        raw.look();
        flood.goaways.extend(raw.told.goaway);
    }
    flood.goaways.sort_unstable();
    flood.goaways.dedup();
    flood
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rapid_reset() {
    let mut edge = Edge::start(&[]).await;
    let seen = edge.attacked_by("rapid reset, 20,000", |address| {
        let headers = call_headers(Some(BAD));
        flood(address, LONG, 20_000, true, |batch| {
            let streams = (0..100).map(|index| 1 + 2 * (batch * 100 + index));
            let bytes = streams.flat_map(|stream| {
                [frame(HEADERS, END_HEADERS, stream, &headers), frame(RST_STREAM, 0, stream, &CANCEL)].concat()
            });
            (100, bytes.collect())
        })
    });
    let seen = seen.await;
    assert_eq!(seen.goaways, [ENHANCE_YOUR_CALM], "{seen:?}");
    assert!(seen.sent >= 20_000 && seen.connections > 1, "{seen:?}");

    // Few enough at a time for h2 to bear it: each is a whole request that is given up as soon as it waits.
    let seen = edge.attacked_by("20,000 requests, each given up", |address| {
        let (headers, message) = (call_headers(Some(BAD)), message("given-up"));
        let streams = |batch: u32| (0..15).map(move |index| 1 + 2 * (batch * 15 + index));
        flood(address, LONG, 20_000, true, |batch| {
            let gone = batch.checked_sub(1).into_iter().flat_map(streams);
            let gone = gone.flat_map(|stream| frame(RST_STREAM, 0, stream, &CANCEL));
            let asked = streams(batch).flat_map(|stream| {
                let head = frame(HEADERS, END_HEADERS, stream, &headers);
                [head, frame(DATA, END_STREAM, stream, &message)].concat()
            });
            (15, gone.chain(asked).collect())
        })
    });
    let seen = seen.await;
    assert!(seen.sent >= 20_000, "{seen:?}");
}

/// One frame over and over, on connections that the gateway ends.
async fn repeated(edge: &mut Edge, name: &str, reads: bool, frame: Vec<u8>) {
    let bytes = frame.repeat(1000);
    let seen =
        edge.attacked_by(name, move |address| flood(address, A_WHILE, usize::MAX, reads, |_| (1000, bytes.clone())));
    let seen = seen.await;
    assert!(seen.connections > 1, "{name}: it goes on for ever: {seen:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pings_settings_and_their_like() {
    let mut edge = Edge::start(&[]).await;
    let ping = frame(PING, 0, 0, &[7; 8]);
    repeated(&mut edge, "PING", true, ping.clone()).await;
    repeated(&mut edge, "PING, its answers unread", false, ping).await;
    repeated(&mut edge, "SETTINGS", true, frame(SETTINGS, 0, 0, &[])).await;
    repeated(&mut edge, "WINDOW_UPDATE", true, frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1])).await;
    repeated(&mut edge, "PRIORITY", true, frame(PRIORITY, 0, 1, &[0, 0, 0, 3, 16])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn continuations() {
    let mut edge = Edge::start(&[]).await;
    let seen = edge.attacked_by("CONTINUATION", |address| {
        flood(address, A_WHILE, usize::MAX, true, |batch| match batch {
            0 => (1, frame(HEADERS, END_STREAM, 1, &call_headers(None))),
            _ => (100, frame(CONTINUATION, 0, 1, &header("x", "y")).repeat(100)),
        })
    });
    let seen = seen.await;
    assert_eq!(seen.goaways, [ENHANCE_YOUR_CALM], "{seen:?}");
    assert!(seen.connections > 1, "{seen:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_come_and_go() {
    let mut edge = Edge::start(&[]).await;
    // Each must leave nothing behind: of 20 KiB each the 40 MiB would be gone.
    edge.attacked_by("3,000 connections, one after the other", |address| {
        for _ in 0..3_000 {
            let mut raw = Raw::open(address);
            raw.wait(LONG, |told| told.frames[usize::from(SETTINGS)] > 0);
        }
    })
    .await;
}
