//! Gateways that share a rate.

use std::time::{Duration, Instant};

use group_import_gateway::{proto::group_import_client::GroupImportClient, sandbox::Sandbox};
use tokio::sync::{Semaphore, SemaphorePermit};
use tonic::transport::Channel;

use crate::{
    binary::{Running, binary, stand_in, write_config},
    load::Load,
    proxy::Proxy,
    server::Server,
};

/// What a machine of two cores can bear: two clusters whose rate is but to be full again, or one whose use of it is
/// measured.
pub(crate) static PLACES: Semaphore = Semaphore::const_new(2);

pub(crate) const SECOND: Duration = Duration::from_secs(1);
/// The stand-in's time for an answer, and how far it strays.
const LATENCY: Duration = Duration::from_millis(20);
const JITTER: Duration = Duration::from_millis(4);
/// Calls under way at a gateway that is busy: enough for the whole rate.
pub(crate) const WIDTH: usize = 60;

pub(crate) struct Gateway {
    _folder: tempfile::TempDir,
    pub(crate) running: Running,
    pub(crate) client: GroupImportClient<Channel>,
    pub(crate) way: Proxy,
}

impl Gateway {
    /// The share of the rate that full demand could use, as it reckons from what its answers' times stray.
    pub(crate) fn usable(&self) -> f64 {
        let metrics = self.metrics();
        let line = metrics.lines().find(|line| line.starts_with("group_import_rate_usable_ratio")).unwrap();
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }

    /// What it says of its ledger.
    pub(crate) fn metrics(&self) -> String {
        let (_, text) = self.running.admin("/metrics");
        let lines = text
            .lines()
            .filter(|line| line.starts_with("group_import_ledger") || line.starts_with("group_import_rate"));
        lines.collect::<Vec<_>>().join("\n")
    }
}

pub(crate) struct Cluster {
    pub(crate) sandbox: Sandbox,
    pub(crate) redis: Server,
    pub(crate) gateways: Vec<Gateway>,
    _places: SemaphorePermit<'static>,
}

impl Cluster {
    /// Three gateways, which take so many of the [`PLACES`]. `None` without a `redis-server`.
    pub(crate) async fn start(places: u32) -> Option<Self> {
        let places = PLACES.acquire_many(places).await.unwrap();
        let redis = Server::start()?;
        let sandbox = stand_in().await;
        sandbox.set_latency(LATENCY, JITTER);
        let mut cluster = Self { sandbox, redis, gateways: Vec::new(), _places: places };
        for _ in 0..3 {
            cluster.add().await;
        }
        Some(cluster)
    }

    pub(crate) async fn add(&mut self) {
        let folder = tempfile::tempdir().unwrap();
        let way = Proxy::to(self.redis.port).await;
        let shared =
            format!("[rate_limit]\nbackend = \"redis\"\nredis_url = \"redis://{}\"\nreplicas = 3\n", way.address);
        let config = write_config(folder.path(), &self.sandbox.base_url(), &shared);
        let mut command = binary();
        command
            .args(["serve", "--config", &config])
            .env("RUST_LOG", "warn,group_import_gateway::gateway=info,group_import_gateway::admission=info");
        let running = Running::start(command);
        let client = running.client().await;
        self.gateways.push(Gateway { _folder: folder, running, client, way });
    }

    /// All that the three can take.
    pub(crate) fn busy(&self) -> Vec<Load> {
        self.gateways.iter().map(|gateway| Load::start(&gateway.client, WIDTH, Duration::ZERO)).collect()
    }

    /// When Chat counted each call, in order.
    pub(crate) fn counted(&self) -> Vec<Instant> {
        let mut counted: Vec<_> =
            self.sandbox.calls().iter().filter(|call| call.command == "import_group").map(|call| call.at).collect();
        counted.sort();
        counted
    }

    pub(crate) fn most(&self) -> usize {
        self.sandbox.most_in_one_second("import_group", None)
    }
}

/// Calls a second in a span of time.
pub(crate) fn rate(counted: &[Instant], from: Instant, until: Instant) -> f64 {
    let calls = counted.iter().filter(|at| **at >= from && **at < until).count();
    calls as f64 / (until - from).as_secs_f64()
}

/// How long after `from` the first second with as many calls as this ended.
pub(crate) fn full_after(counted: &[Instant], from: Instant, calls: usize) -> Option<Duration> {
    let later: Vec<_> = counted.iter().filter(|at| **at >= from).collect();
    later.windows(calls).find(|second| *second[calls - 1] - *second[0] < SECOND).map(|second| *second[calls - 1] - from)
}

pub(crate) fn longest_pause(counted: &[Instant], from: Instant) -> Duration {
    let later: Vec<_> = counted.iter().filter(|at| **at >= from).collect();
    later.windows(2).map(|two| *two[1] - *two[0]).max().unwrap_or_default()
}
