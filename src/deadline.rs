//! When a call must be done.
//!
//! tonic enforces `grpc-timeout` by itself, outside all our layers, and would
//! answer CANCELLED; a call of ours is answered a little before that.

use std::time::Duration;

use tokio::time::Instant;

/// How much earlier than the client's deadline our answer leaves, so that it gets there: with it come the reason and
/// whether a group may stand, which the client's own timer can't know.
const ANSWER_MARGIN: Duration = Duration::from_millis(50);
/// How much earlier still the last attempt may be let go.
const SEND_MARGIN: Duration = Duration::from_millis(10);

/// When a call must be done.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    /// No permit is of use after this.
    pub send_by: Instant,
    /// We answer by then, whatever has come.
    pub answer_by: Instant,
}

impl Deadline {
    /// The deadline of a call that arrived now and may take `timeout`.
    pub fn after(timeout: Duration) -> Self {
        let now = Instant::now();
        let answer_by = now + timeout.saturating_sub(ANSWER_MARGIN.min(timeout / 10));
        let send_by = answer_by - SEND_MARGIN.min(timeout / 10);
        Self { send_by: send_by.max(now), answer_by }
    }

    /// The earlier of the two.
    pub fn min(self, other: Self) -> Self {
        if other.answer_by < self.answer_by { other } else { self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn our_answer_leaves_before_the_clients_deadline_and_attempts_before_that() {
        let now = Instant::now();
        for ms in [1, 10, 80, 1000, 60_000] {
            let timeout = Duration::from_millis(ms);
            let deadline = Deadline::after(timeout);
            assert!(now <= deadline.send_by && deadline.send_by < deadline.answer_by, "{ms} ms");
            assert!(deadline.answer_by < now + timeout, "{ms} ms");
        }
        let deadline = Deadline::after(Duration::from_secs(1));
        assert_eq!(deadline.send_by - now, Duration::from_millis(940));
    }
}
