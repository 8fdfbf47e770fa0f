//! Frames by the ten thousand.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use crate::{
    frames::{
        CANCEL, CONTINUATION, END_HEADERS, END_STREAM, HEADERS, PING, PRIORITY, RST_STREAM, Raw, SETTINGS,
        WINDOW_UPDATE, call_headers, frame,
    },
    rig::{BAD, Edge},
};

/// What a flood came to.
#[derive(Debug, Default)]
struct Flood {
    sent: usize,
    connections: usize,
    /// Codes of the GOAWAYs that came, each once.
    goaways: Vec<u32>,
}

/// Sends batches on one connection after the other, each until the gateway ends it, for so long or so many.
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
        let mut number = 0;
        while Instant::now() < until && flood.sent < most {
            let (frames, bytes) = batch(number);
            number += 1;
            if !raw.send(&bytes) {
                break;
            }
            flood.sent += frames;
            if reads {
                raw.look();
                if raw.told.closed || raw.told.goaway.is_some() {
                    break;
                }
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
    let mut edge = Edge::start("").await;
    let seen = edge.attacked_by("rapid reset, 20,000 at once", |address| {
        let headers = call_headers(Some(BAD));
        flood(address, Duration::from_secs(30), 20_000, true, |batch| {
            let streams = (0..100).map(|index| 1 + 2 * (batch * 100 + index));
            let bytes = streams.flat_map(|stream| {
                [frame(HEADERS, END_HEADERS, stream, &headers), frame(RST_STREAM, 0, stream, &CANCEL)].concat()
            });
            (100, bytes.collect())
        })
    });
    let seen = seen.await;
    println!("{seen:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pings() {
    let mut edge = Edge::start("").await;
    let seen = edge.attacked_by("pings", |address| {
        flood(address, Duration::from_secs(2), usize::MAX, true, |_| (1000, frame(PING, 0, 0, &[7; 8]).repeat(1000)))
    });
    println!("{:?}", seen.await);
    let seen = edge.attacked_by("pings, answers unread", |address| {
        flood(address, Duration::from_secs(2), usize::MAX, false, |_| (1000, frame(PING, 0, 0, &[7; 8]).repeat(1000)))
    });
    println!("{:?}", seen.await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings() {
    let mut edge = Edge::start("").await;
    let seen = edge.attacked_by("settings", |address| {
        flood(address, Duration::from_secs(2), usize::MAX, true, |_| (1000, frame(SETTINGS, 0, 0, &[]).repeat(1000)))
    });
    println!("{:?}", seen.await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn continuations() {
    let mut edge = Edge::start("").await;
    let seen = edge.attacked_by("CONTINUATION", |address| {
        flood(address, Duration::from_secs(2), usize::MAX, true, |batch| match batch {
            0 => (1, frame(HEADERS, END_STREAM, 1, &call_headers(None))),
            _ => (100, frame(CONTINUATION, 0, 1, &crate::frames::header("x", "y")).repeat(100)),
        })
    });
    println!("{:?}", seen.await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn small_frames() {
    let mut edge = Edge::start("").await;
    let seen = edge.attacked_by("window updates", |address| {
        flood(address, Duration::from_secs(2), usize::MAX, true, |_| {
            (1000, frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]).repeat(1000))
        })
    });
    println!("{:?}", seen.await);
    let seen = edge.attacked_by("priorities", |address| {
        flood(address, Duration::from_secs(2), usize::MAX, true, |_| {
            (1000, frame(PRIORITY, 0, 1, &[0, 0, 0, 3, 16]).repeat(1000))
        })
    });
    println!("{:?}", seen.await);
}
