//! Clients that take places and do nothing with them.

use std::{
    io::Write as _,
    net::{SocketAddr, TcpStream},
    thread::sleep,
    time::{Duration, Instant},
};

use crate::{
    frames::{DATA, END_HEADERS, END_STREAM, HEADERS, PREFACE, Raw, SETTINGS, call_headers, frame, headers_of},
    rig::{BAD, Edge, message},
};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_never_say_who_they_are() {
    let mut edge = Edge::start("handshake_timeout = \"1500ms\"").await;
    let ended = edge.attacked_by("300 half-open connections", |address| {
        let mut held: Vec<Raw> = (0..300).map(|_| Raw::silent(address)).collect();
        for (index, raw) in held.iter_mut().enumerate() {
            // Some say nothing, some part of what they should.
            raw.send(&PREFACE[..index % PREFACE.len()]);
        }
        sleep(SECOND);
        let until = Instant::now() + 20 * SECOND;
        held.iter_mut().for_each(|raw| raw.wait(until.saturating_duration_since(Instant::now()), |_| false));
        held.iter().filter(|raw| raw.told.closed).count()
    });
    assert_eq!(ended.await, 300, "all are given up");
}

/// Calls whose bodies come a byte now and then, on as many streams as there may be.
fn drip(address: SocketAddr, path: &str, token: Option<&str>, within: Duration) -> Vec<Raw> {
    let headers = headers_of(path, token);
    let message = message("slow");
    let mut held: Vec<Raw> = (0..4).map(|_| Raw::open(address)).collect();
    let streams = || (0..1_000).map(|index| 1 + 2 * index);
    for raw in &mut held {
        raw.send(&streams().flat_map(|stream| frame(HEADERS, END_HEADERS, stream, &headers)).collect::<Vec<_>>());
    }
    let until = Instant::now() + within;
    for byte in message.iter().cycle() {
        for raw in &mut held {
            raw.send(&streams().flat_map(|stream| frame(DATA, 0, stream, &[*byte])).collect::<Vec<_>>());
            raw.look();
        }
        if Instant::now() > until {
            break;
        }
        sleep(Duration::from_millis(500));
    }
    held
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_come_a_byte_now_and_then() {
    let mut edge = Edge::start("").await;
    let held = edge.attacked_by("4,000 slow bodies", |address| {
        drip(address, "/groupimport.v1.GroupImport/ImportGroup", Some(BAD), 3 * SECOND)
    });
    for raw in held.await {
        println!("{:?}", (raw.told.frames, raw.told.resets.len(), raw.told.goaway, raw.told.closed));
    }
    let held = edge.attacked_by("4,000 slow bodies of a stranger's", |address| {
        drip(address, "/grpc.health.v1.Health/Check", None, 3 * SECOND)
    });
    for raw in held.await {
        println!("{:?}", (raw.told.frames, raw.told.resets.len(), raw.told.goaway, raw.told.closed));
    }
}
