//! More than there may be, and what is no HTTP/2 at all.

use std::time::Duration;

use group_import_gateway::proto::{Group, ImportGroupRequest, group_import_client::GroupImportClient};
use tonic::{Code, Request};

use crate::{
    frames::{CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, Raw, call_headers, frame, header},
    rig::{BAD, Edge},
};

const LONG: Duration = Duration::from_secs(20);
const MIB: usize = 1024 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_of_70_kb() {
    let mut edge = Edge::start(&[]).await;
    let refused = edge.attacked_by("70 KB headers, 300 times", |address| {
        let mut block = call_headers(Some(BAD));
        block.extend(header("x-large", &"v".repeat(70_000)));
        let pieces: Vec<&[u8]> = block.chunks(16_384).collect();
        let mut refused = 0;
        for _ in 0..300 {
            let mut raw = Raw::open(address);
            for (index, piece) in pieces.iter().enumerate() {
                let (kind, first) = if index == 0 { (HEADERS, END_STREAM) } else { (CONTINUATION, 0) };
                let last = if index + 1 == pieces.len() { END_HEADERS } else { 0 };
                raw.send(&frame(kind, first | last, 1, piece));
            }
            raw.wait(LONG, |told| told.goaway.is_some() || !told.ended.is_empty());
            let told = &raw.told;
            refused += usize::from(told.closed || told.goaway.is_some());
        }
        refused
    });
    assert_eq!(refused.await, 300);
}

/// As a client sends it that keeps to the rules, and then is told what is wrong.
async fn send_5_mib(client: &GroupImportClient<tonic::transport::Channel>) -> tonic::Status {
    let group = Group { introduction: "m".repeat(5 * MIB), ..Default::default() };
    let mut request = Request::new(ImportGroupRequest { group: Some(group), ..Default::default() });
    request.metadata_mut().insert("authorization", format!("Bearer {BAD}").parse().unwrap());
    client.clone().import_group(request).await.unwrap_err()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_of_5_mib() {
    let mut edge = Edge::start(&[]).await;
    let handle = tokio::runtime::Handle::current();
    let told = edge.attacked_by("5 MiB messages, 20 at a time", move |address| {
        handle.block_on(async {
            let client = GroupImportClient::connect(format!("http://{address}")).await.unwrap();
            let mut told = Vec::new();
            for _ in 0..5 {
                told.extend(futures_util::future::join_all((0..20).map(|_| send_5_mib(&client))).await);
            }
            told
        })
    });
    let told = told.await;
    assert_eq!(told.len(), 100);
    for status in told {
        assert_eq!(status.code(), Code::OutOfRange, "{status:?}");
        assert!(status.message().contains("65536"), "{status:?}");
    }

    let ended = edge.attacked_by("5 MiB messages, regardless of windows", |address| {
        let length = u32::try_from(5 * MIB).unwrap();
        let message = [&[0], &length.to_be_bytes()[..], &vec![b'm'; 5 * MIB]].concat();
        let mut ended = 0;
        for _ in 0..20 {
            let mut raw = Raw::open(address);
            raw.send(&frame(HEADERS, END_HEADERS, 1, &call_headers(Some(BAD))));
            let sent = message.chunks(16_384).all(|piece| raw.send(&frame(DATA, 0, 1, piece)));
            raw.wait(LONG, |told| told.goaway.is_some() || !told.ended.is_empty());
            let told = &raw.told;
            ended += usize::from(!sent || told.closed || told.goaway.is_some() || !told.ended.is_empty());
        }
        ended
    });
    assert_eq!(ended.await, 20);
}

/// Bytes without a meaning, the same in each run.
struct Junk(u32);

impl Junk {
    fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut next = || {
            self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            self.0.to_be_bytes()[0]
        };
        (0..length).map(|_| next()).collect()
    }

    /// In frames that hold together.
    fn frames(&mut self, count: usize) -> Vec<u8> {
        let mut frames = Vec::new();
        for _ in 0..count {
            let head = self.bytes(4);
            let payload = self.bytes(head[3].into());
            frames.extend(frame(head[0] % 12, head[1], u32::from(head[2] % 8), &payload));
        }
        frames
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn junk() {
    let mut edge = Edge::start(&[]).await;
    let ended = edge.attacked_by("junk, on 400 connections", |address| {
        let mut junk = Junk(1);
        let mut ended = 0;
        for index in 0..400 {
            // Instead of HTTP/2, or after it has begun.
            let mut raw = if index % 2 == 0 { Raw::silent(address) } else { Raw::open(address) };
            raw.send(&if index % 4 == 3 { junk.frames(200) } else { junk.bytes(40_000) });
            raw.wait(LONG, |_| false);
            ended += usize::from(raw.told.closed);
        }
        ended
    });
    assert_eq!(ended.await, 400, "each is ended");
}
