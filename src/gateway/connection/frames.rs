//! Frames that belong to no call, counted as they come: PING, SETTINGS,
//! WINDOW_UPDATE, PRIORITY and whatever HTTP/2 does not know. h2 answers or
//! skips each, however many come, and takes a core for as long as they do.
//! Frames of calls are bounded by h2 and by what bounds calls.
//!
//! Good clients send them in proportion to what they are answered: two windows
//! opened for each message of a few bytes, a round trip measured. So answers
//! earn some, however long their client takes to read them.

use std::time::Duration;

use tokio::time::Instant;

/// How long it takes to earn all that may come at once.
const REFILL: Duration = Duration::from_secs(10);
/// Earned by a frame of an answer, and by its bytes: many small messages share a frame, and gRPC's C library opens two
/// windows for each, of some twenty bytes.
const PER_ANSWER: f64 = 4.0;
const PER_BYTE: f64 = 0.25;

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
    /// Names the kind and length of every frame whose head ends in these bytes.
    fn pass(&mut self, mut bytes: &[u8], mut seen: impl FnMut(u8, u32)) {
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
                let length = u32::from_be_bytes([0, a, b, c]);
                self.left = length as usize;
                self.have = 0;
                seen(kind, length);
            }
        }
    }
}

/// What a connection may still send of such frames.
#[derive(Debug)]
pub(super) struct Budget {
    most: f64,
    /// Earned by time; never more than `most`.
    left: f64,
    since: Instant,
    /// Earned by answers, and spent first.
    earned: f64,
    from_client: Frames,
    to_client: Frames,
}

impl Budget {
    /// So many at once, and as many again every ten seconds.
    pub(super) fn new(most: u32) -> Self {
        let most = f64::from(most);
        Self {
            most,
            left: most,
            since: Instant::now(),
            earned: 0.0,
            from_client: Frames::default(),
            to_client: Frames::default(),
        }
    }

    /// The client sent this. Whether that is within its budget.
    pub(super) fn received(&mut self, bytes: &[u8]) -> bool {
        let mut spent = 0.0;
        self.from_client.pass(bytes, |kind, _| {
            if !matches!(kind, DATA | HEADERS | RST_STREAM | CONTINUATION) {
                spent += 1.0;
            }
        });
        if spent > 0.0 {
            let now = Instant::now();
            let refill = (now - self.since).div_duration_f64(REFILL) * self.most;
            let by_answers = self.earned.min(spent);
            self.earned -= by_answers;
            self.left = (self.left + refill).min(self.most) - (spent - by_answers);
            self.since = now;
        }
        self.left >= 0.0
    }

    /// We sent this.
    pub(super) fn sent(&mut self, bytes: &[u8]) {
        let earned = &mut self.earned;
        self.to_client.pass(bytes, |kind, length| {
            if matches!(kind, DATA | HEADERS) {
                *earned += PER_ANSWER + PER_BYTE * f64::from(length);
            }
        });
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
            bytes.chunks(piece).for_each(|chunk| frames.pass(chunk, |kind, length| seen.push((kind, length))));
            let expected = [(HEADERS, 30), (PING, 8), (SETTINGS, 0), (DATA, 255), (SETTINGS, 0)];
            assert_eq!(seen, expected, "in pieces of {piece}");
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
            budget.sent(&frame(DATA, 20));
        }
        // It reads them late, and all at once.
        let opened = [frame(WINDOW_UPDATE, 4), frame(WINDOW_UPDATE, 4), frame(PING, 8)].concat();
        assert!(budget.received(&opened.repeat(1_000)));
        // Ten answers of 24 bytes in one frame, and two windows opened for each.
        let mut budget = Budget::new(10);
        for _ in 0..1_000 {
            budget.sent(&frame(DATA, 240));
            assert!(budget.received(&frame(WINDOW_UPDATE, 4).repeat(20)));
        }
        let mut budget = Budget::new(10);
        budget.sent(&frame(PING, 8).repeat(100)); // answers to pings are no answers
        assert!(!budget.received(&frame(PING, 8).repeat(11)));
        let mut budget = Budget::new(10);
        assert!(budget.received(&[frame(HEADERS, 9), frame(RST_STREAM, 4)].concat().repeat(1_000)), "h2 sees to those");
    }
}
