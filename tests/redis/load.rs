//! Callers of one gateway, and what they saw.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use group_import_gateway::proto::{ImportGroupRequest, group_import_client::GroupImportClient};
use tokio::task::JoinHandle;
use tonic::{Request, Status, transport::Channel};

use crate::binary::group;

/// Runs until it is stopped.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    workers: Vec<JoinHandle<()>>,
    seen: Arc<Seen>,
}

#[derive(Default)]
pub(crate) struct Seen {
    /// When each call was sent, and how long its answer took.
    pub(crate) took: Mutex<Vec<(Instant, Duration)>>,
    pub(crate) failed: Mutex<Vec<Status>>,
}

static NEXT: AtomicU64 = AtomicU64::new(0);

impl Load {
    /// `width` callers, each with one call at a time, and `pause` between them. A call has half a minute.
    pub(crate) fn start(client: &GroupImportClient<Channel>, width: usize, pause: Duration) -> Self {
        let (stop, seen) = (Arc::new(AtomicBool::new(false)), Arc::new(Seen::default()));
        let worker = |_| tokio::spawn(work(client.clone(), pause, stop.clone(), seen.clone()));
        Self { workers: (0..width).map(worker).collect(), stop, seen }
    }

    /// Lets calls under way end.
    pub(crate) async fn stop(self) -> Arc<Seen> {
        self.stop.store(true, Ordering::Relaxed);
        futures_util::future::join_all(self.workers).await;
        self.seen
    }
}

async fn work(mut client: GroupImportClient<Channel>, pause: Duration, stop: Arc<AtomicBool>, seen: Arc<Seen>) {
    while !stop.load(Ordering::Relaxed) {
        let id = format!("r{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let mut request = Request::new(ImportGroupRequest { group: Some(group(&id)), ..Default::default() });
        request.set_timeout(Duration::from_secs(30));
        let since = Instant::now();
        match client.import_group(request).await {
            Ok(_) => seen.took.lock().unwrap().push((since, since.elapsed())),
            Err(status) => {
                seen.failed.lock().unwrap().push(status);
                // Of a gateway that is gone: no storm of connections.
                tokio::time::sleep(Duration::from_secs(2)).await;
            }
        }
        tokio::time::sleep(pause).await;
    }
}

/// A quantile of how long calls took that were sent from then on.
pub(crate) fn took(seen: &Seen, from: Instant, share: f64) -> Duration {
    let mut took: Vec<_> =
        seen.took.lock().unwrap().iter().filter(|(at, _)| *at >= from).map(|(_, took)| *took).collect();
    took.sort();
    took.get((took.len().saturating_sub(1) as f64 * share) as usize).copied().unwrap_or_default()
}
