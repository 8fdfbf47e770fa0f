//! Log lines that strangers can cause, let through once in a while: whoever
//! can open connections must not be able to fill a disk.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Between two lines of a kind.
const EVERY: Duration = Duration::from_secs(10);

/// One kind of line.
#[derive(Default)]
pub(super) struct Seldom(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    next: Option<Instant>,
    count: u64,
}

impl Seldom {
    /// Whether a line may be written now: with how many times, this one
    /// included, it has come to that since the last line.
    pub(super) fn turn(&self) -> Option<u64> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.count += 1;
        let now = Instant::now();
        if kept.next.is_some_and(|next| now < next) {
            return None;
        }
        kept.next = Some(now + EVERY);
        Some(std::mem::take(&mut kept.count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_line_says_how_many_were_kept_back() {
        let seldom = Seldom::default();
        assert_eq!(seldom.turn(), Some(1));
        assert_eq!(seldom.turn(), None);
        assert_eq!(seldom.turn(), None);
        tokio::time::advance(EVERY).await;
        assert_eq!(seldom.turn(), Some(3));
        assert_eq!(seldom.turn(), None);
    }
}
