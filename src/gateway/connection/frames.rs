//! Frames that belong to no call, counted as they come: PING, SETTINGS,
//! WINDOW_UPDATE, PRIORITY and whatever HTTP/2 does not know. h2 answers or
//! skips each, however many come, and takes a core for as long as they do.
//! Frames of calls are bounded by h2 and by what bounds calls.
//!
//! Good clients send them in proportion to what they are answered: a window
//! opened, a round trip measured. So each frame of an answer earns some.

use std::time::Duration;

use tokio::time::Instant;

/// How long it takes to earn all that may come at once.
const REFILL: Duration = Duration::from_secs(10);
/// Earned by a frame of an answer: two windows opened, a ping, and one to spare.
const PER_ANSWER: f64 = 4.0;

/// Kinds of frames (RFC 9113, 6).
const DATA: u8 = 0x0;
const HEADERS: u8 = 0x1;
const RST_STREAM: u8 = 0x3;
const CONTINUATION: u8 = 0x9;

/// What every frame begins with (RFC 9113, 4.1).
const HEAD: usize = 9;

/// Finds the frames in bytes that come in pieces of any size.
#[derive(Debug, Default)]
struct Frames {
    head: [u8; HEAD],
    /// Bytes of the head that have come.
    have: usize,
    /// Bytes of the payload that have not.
    left: usize,
}

impl Frames {
    /// Names the kind of every frame whose head ends in these bytes.
    fn pass(&mut self, mut bytes: &[u8], mut seen: impl FnMut(u8)) {
        while !bytes.is_empty() {
            if self.left > 0 {
                let payload = self.left.min(bytes.len());
                self.left -= payload;
                bytes = &bytes[payload..];
                continue;
            }
            let (head, rest) = bytes.split_at((HEAD - self.have).min(bytes.len()));
            self.head[self.have..self.have + head.len()].copy_from_slice(head);
            self.have += head.len();
            bytes = rest;
            if self.have == HEAD {
                let [a, b, c, kind, ..] = self.head;
                self.left = u32::from_be_bytes([0, a, b, c]) as usize;
                self.have = 0;
                seen(kind);
            }
        }
    }
}

/// What a connection may still send of such frames.
#[derive(Debug)]
pub(super) struct Budget {
    most: f64,
    left: f64,
    since: Instant,
    from_client: Frames,
    to_client: Frames,
}

impl Budget {
    /// So many at once, and as many again every ten seconds.
    pub(super) fn new(most: u32) -> Self {
        let most = f64::from(most);
        Self { most, left: most, since: Instant::now(), from_client: Frames::default(), to_client: Frames::default() }
    }

    /// The client sent this. Whether that is within its budget.
    pub(super) fn received(&mut self, bytes: &[u8]) -> bool {
        let mut spent = 0.0;
        self.from_client.pass(bytes, |kind| {
            if !matches!(kind, DATA | HEADERS | RST_STREAM | CONTINUATION) {
                spent += 1.0;
            }
        });
        if spent > 0.0 {
            let now = Instant::now();
            let earned = (now - self.since).div_duration_f64(REFILL) * self.most;
            self.left = (self.left + earned).min(self.most) - spent;
            self.since = now;
        }
        self.left >= 0.0
    }

    /// We sent this.
    pub(super) fn sent(&mut self, bytes: &[u8]) {
        let left = &mut self.left;
        self.to_client.pass(bytes, |kind| {
            if matches!(kind, DATA | HEADERS) {
                *left += PER_ANSWER;
            }
        });
        self.left = self.left.min(self.most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: u8 = 0x4;
    const PING: u8 = 0x6;
    const WINDOW_UPDATE: u8 = 0x8;

    fn frame(kind: u8, length: u8) -> Vec<u8> {
        let head = [0, 0, length, kind, 0, 0, 0, 0, 1];
        // A payload that looks like frames must not be taken for any.
        [&head[..], &[PING].repeat(length.into())].concat()
    }

    #[test]
    fn frames_are_found_however_their_bytes_are_cut() {
        let bytes =
            [frame(HEADERS, 30), frame(PING, 8), frame(SETTINGS, 0), frame(DATA, 255), frame(SETTINGS, 0)].concat();
        for piece in 1..bytes.len() {
            let (mut frames, mut seen) = (Frames::default(), Vec::new());
            bytes.chunks(piece).for_each(|chunk| frames.pass(chunk, |kind| seen.push(kind)));
            assert_eq!(seen, [HEADERS, PING, SETTINGS, DATA, SETTINGS], "in pieces of {piece}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_may_come_at_once_and_as_many_again_in_ten_seconds() {
        for kind in [PING, SETTINGS, WINDOW_UPDATE, 0x2, 0x7, 0xbb] {
            let mut budget = Budget::new(100);
            assert!(budget.received(&frame(kind, 8).repeat(100)), "{kind}");
            tokio::time::advance(Duration::from_secs(5)).await;
            assert!(budget.received(&frame(kind, 8).repeat(50)), "{kind}");
            assert!(!budget.received(&frame(kind, 8)), "{kind}");
        }
        let mut budget = Budget::new(100);
        tokio::time::advance(Duration::from_secs(1000)).await;
        assert!(!budget.received(&frame(PING, 8).repeat(101)), "nothing is saved up beyond that");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_is_answered_may_send_more() {
        let mut budget = Budget::new(10);
        for _ in 0..1_000 {
            assert!(budget.received(&[frame(HEADERS, 30), frame(DATA, 40)].concat()));
            assert!(budget.received(&[frame(WINDOW_UPDATE, 4), frame(WINDOW_UPDATE, 4), frame(PING, 8)].concat()));
            budget.sent(&frame(DATA, 20));
        }
        let mut budget = Budget::new(10);
        budget.sent(&frame(PING, 8).repeat(100)); // answers to pings are no answers
        assert!(!budget.received(&frame(PING, 8).repeat(11)));
        let mut budget = Budget::new(10);
        assert!(budget.received(&[frame(HEADERS, 9), frame(RST_STREAM, 4)].concat().repeat(1_000)), "h2 sees to those");
    }
}
