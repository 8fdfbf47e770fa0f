//! The connection that a call came on, as the layers see it.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep};

/// What is known of a connection. tonic puts it into the extensions of every
/// request that comes on it; clones are of the same connection.
#[derive(Clone, Debug, Default)]
pub struct Peer {
    /// The names in the client's certificate, as `tls_name` has them.
    pub names: Arc<[String]>,
    /// Whether calls are under way on it.
    pub activity: Arc<Activity>,
}

/// Counts the calls under way on one connection. Only calls count: a client
/// that answers pings and asks for nothing keeps a place from others.
#[derive(Debug)]
pub struct Activity(Mutex<Calls>);

#[derive(Debug)]
struct Calls {
    under_way: usize,
    /// When there was last one, or else when the connection began.
    last: Instant,
}

/// A call under way, until this is dropped.
#[derive(Debug)]
pub struct UnderWay(Arc<Activity>);

impl Default for Activity {
    fn default() -> Self {
        Self(Mutex::new(Calls { under_way: 0, last: Instant::now() }))
    }
}

impl Activity {
    /// A call begins.
    pub fn begin(self: &Arc<Self>) -> UnderWay {
        self.calls().under_way += 1;
        UnderWay(self.clone())
    }

    /// Waits until there was no call for so long.
    pub async fn idle_for(&self, limit: Duration) {
        loop {
            let idle = self.idle();
            if idle >= limit {
                return;
            }
            sleep(limit - idle).await;
        }
    }

    fn idle(&self) -> Duration {
        let calls = self.calls();
        if calls.under_way > 0 { Duration::ZERO } else { calls.last.elapsed() }
    }

    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut calls = self.0.calls();
        calls.under_way -= 1;
        calls.last = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_idle_only_once_its_last_call_has_ended() {
        let activity = Arc::new(Activity::default());
        let since = Instant::now();
        let calls = (activity.begin(), activity.begin());
        let later = activity.clone();
        tokio::spawn(async move {
            sleep(Duration::from_secs(25)).await;
            drop(calls.0);
            sleep(Duration::from_secs(8)).await;
            drop(calls.1);
            sleep(Duration::from_secs(9)).await;
            drop(later.begin());
        });
        activity.idle_for(Duration::from_secs(10)).await;
        assert_eq!(since.elapsed(), Duration::from_secs(25 + 8 + 9 + 10));
    }
}
