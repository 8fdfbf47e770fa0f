//! More than there may be, and what is no HTTP/2 at all.

use std::time::{Duration, Instant};

use crate::{
    frames::{CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, RST_STREAM, Raw, call_headers, frame, header},
    rig::{BAD, Edge},
};

const LONG: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_of_70_kb() {
    let mut edge = Edge::start("").await;
    let told = edge.attacked_by("70 KB headers, 500 times", |address| {
        let mut block = call_headers(Some(BAD));
        block.extend(header("x-large", &"v".repeat(70_000)));
        let pieces: Vec<&[u8]> = block.chunks(16_384).collect();
        let mut told = Vec::new();
        for _ in 0..500 {
            let mut raw = Raw::open(address);
            for (index, piece) in pieces.iter().enumerate() {
                let (kind, first) = if index == 0 { (HEADERS, END_STREAM) } else { (CONTINUATION, 0) };
                let last = if index + 1 == pieces.len() { END_HEADERS } else { 0 };
                raw.send(&frame(kind, first * u8::from(index == 0) | last, 1, piece));
            }
            raw.wait(LONG, |told| told.goaway.is_some() || !told.resets.is_empty() || told.frames[1] > 0);
            told.push(raw.told);
        }
        told
    });
    let told = told.await;
    println!("{:?}", told[0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_of_5_mib() {
    let mut edge = Edge::start("").await;
    let told = edge.attacked_by("5 MiB messages, 20 at once, 10 times", |address| {
        let length: u32 = 5 * 1024 * 1024;
        let mut message = vec![0];
        message.extend(length.to_be_bytes());
        message.resize(5 + length as usize, b'm');
        let mut told = Vec::new();
        for _ in 0..10 {
            let mut raw = Raw::open(address);
            for stream in (0..20).map(|index| 1 + 2 * index) {
                raw.send(&frame(HEADERS, END_HEADERS, stream, &call_headers(Some(BAD))));
            }
            // Without a look at windows, as a client that means ill would.
            for piece in message.chunks(16_384) {
                if !(0..20).all(|index| raw.send(&frame(DATA, 0, 1 + 2 * index, piece))) {
                    break;
                }
                raw.look();
                if raw.told.closed || raw.told.goaway.is_some() {
                    break;
                }
            }
            raw.wait(LONG, |told| told.goaway.is_some() || told.resets.len() == 20);
            told.push(raw.told);
        }
        told
    });
    for told in told.await {
        println!("{:?}", (told.frames, told.resets, told.goaway, told.closed));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn junk() {
    let mut edge = Edge::start("").await;
    let ended = edge.attacked_by("junk, on 400 connections", |address| {
        let mut random = 1_u32;
        let mut junk = |length: usize| -> Vec<u8> {
            let next = |_| {
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (random >> 24) as u8
            };
            (0..length).map(next).collect()
        };
        let mut ended = 0;
        for index in 0..400 {
            // Instead of HTTP/2, or after it has begun, in frames that hold together.
            let mut raw = if index % 2 == 0 { Raw::silent(address) } else { Raw::open(address) };
            let bytes: Vec<u8> = match index % 4 {
                3 => (0..200)
                    .flat_map(|_| {
                        let head = junk(6);
                        frame(head[0] % 12, head[1], u32::from(head[2] % 8), &junk(usize::from(head[3])))
                    })
                    .collect(),
                _ => junk(40_000),
            };
            raw.send(&bytes);
            raw.wait(LONG, |_| false);
            ended += usize::from(raw.told.closed);
        }
        ended
    });
    assert_eq!(ended.await, 400, "each is ended");
}
