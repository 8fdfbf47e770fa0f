//! A gateway that is attacked, and a client that means well, whose calls are timed all the while.

use std::{
    net::SocketAddr,
    sync::{
        Once,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use group_import_gateway::{
    proto::{ImportGroupRequest, group_import_client::GroupImportClient},
    sandbox::Sandbox,
};
use prost::Message as _;
use tokio::{sync::Mutex, time::sleep};
use tonic::{Request, Status, transport::Channel};

use crate::binary::{Running, binary, caller, group, stand_in, write_config};

/// Of the caller that means well.
const GOOD: &str = "the-token-of-one-who-means-well";
/// Of the caller that does not. Worse than a stranger: what it sends is read.
pub(crate) const BAD: &str = "the-token-of-one-who-means-ill";

/// A whole request as gRPC frames it.
pub(crate) fn message(id: &str) -> Vec<u8> {
    let request = ImportGroupRequest { group: Some(group(id)), ..Default::default() }.encode_to_vec();
    let length = u32::try_from(request.len()).unwrap().to_be_bytes();
    [&[0], &length[..], &request].concat()
}

/// One test at a time.
static ONE: Mutex<()> = Mutex::const_new(());

/// What an attack may add to the gateway's memory.
const MOST_MIB: f64 = 40.0;
/// A call takes milliseconds; this is for a machine that is ten times slower and busy.
const MOST_LATENCY: Duration = Duration::from_secs(1);
/// Calls timed before the attacks, and the least during each.
const CALLS: usize = 100;

/// A gateway to attack.
pub(crate) struct Edge {
    gateway: Running,
    /// Calls before the first attack.
    quiet: Timed,
    client: GroupImportClient<Channel>,
    address: SocketAddr,
    next: AtomicUsize,
    _sandbox: Sandbox,
    _folder: tempfile::TempDir,
    _one: tokio::sync::MutexGuard<'static, ()>,
}

/// How long calls took, and how many failed.
#[derive(Default)]
struct Timed {
    took: Vec<Duration>,
    failed: Vec<Status>,
}

impl Timed {
    fn percentile(&self, percent: usize) -> Duration {
        let mut took = self.took.clone();
        took.sort();
        took.get((took.len() * percent).div_ceil(100).saturating_sub(1)).copied().unwrap_or_default()
    }
}

impl Edge {
    /// With these keys of `[server]` other than usual, as variables spell them.
    pub(crate) async fn start(keys: &[(&str, &str)]) -> Self {
        let one = ONE.lock().await;
        let sandbox = stand_in().await;
        sandbox.set_latency(Duration::ZERO, Duration::ZERO);
        let folder = tempfile::tempdir().unwrap();
        let mut more = String::new();
        for (name, token) in [("good", GOOD), ("bad", BAD)] {
            more.push_str(&caller(name, token));
        }
        let config = write_config(folder.path(), &sandbox.base_url(), &more);
        let mut command = binary();
        command
            .args(["serve", "--config", &config])
            .env("GATEWAY_LOG__LEVEL", "warn,group_import_gateway::gateway=info");
        command.envs(keys.iter().map(|(key, value)| (format!("GATEWAY_SERVER__{key}"), value)));
        let gateway = Running::start(command);
        let address = gateway.value("listening for gRPC", "address").parse().unwrap();
        let client = gateway.client().await;
        let next = AtomicUsize::new(0);
        let quiet = Timed::default();
        let mut edge = Self { gateway, quiet, client, address, next, _sandbox: sandbox, _folder: folder, _one: one };
        edge.quiet = edge.call_until(&AtomicBool::new(true)).await;
        edge
    }

    /// Attacks, and sees that the client that means well hardly notices. Returns what the attack does.
    pub(crate) async fn attacked_by<T: Send + 'static>(
        &mut self,
        name: &str,
        attack: impl FnOnce(SocketAddr) -> T + Send + 'static,
    ) -> T {
        let before = self.memory();

        let (address, over) = (self.address, AtomicBool::new(false));
        let attacking = async {
            let result = tokio::task::spawn_blocking(move || attack(address)).await;
            over.store(true, Ordering::Relaxed);
            result.unwrap()
        };
        let most = async {
            let mut most = before;
            while !over.load(Ordering::Relaxed) {
                most = most.max(self.memory());
                sleep(Duration::from_millis(10)).await;
            }
            most
        };
        let since = Instant::now();
        let (result, during, most) = tokio::join!(attacking, self.call_until(&over), most);
        let took = since.elapsed();
        sleep(Duration::from_millis(300)).await;
        let after = self.memory();
        static HEAD: Once = Once::new();
        HEAD.call_once(|| {
            println!("| attack | lasted | p50 / p99 before | p50 / p99 during | MiB before | most | after |");
            println!("|---|---|---|---|---|---|---|");
        });
        println!(
            "| {name} | {:.1} s | {:.1?} / {:.1?} | {:.1?} / {:.1?} | {before:.1} | {most:.1} | {after:.1} |",
            took.as_secs_f64(),
            self.quiet.percentile(50),
            self.quiet.percentile(99),
            during.percentile(50),
            during.percentile(99),
        );

        let log = self.gateway.text();
        assert!(self.gateway.child.try_wait().unwrap().is_none(), "{name}: the gateway is gone\n{log}");
        assert!(!log.contains("panicked"), "{name}: {log}");
        for (when, timed) in [("before", &self.quiet), ("during", &during)] {
            assert!(timed.failed.is_empty(), "{name}, {when}: {:?}", timed.failed[0]);
            assert!(timed.took.len() >= CALLS, "{name}, {when}: {} calls", timed.took.len());
        }
        let late = during.percentile(99);
        assert!(late < MOST_LATENCY, "{name}: a call in a hundred took {late:?} or more");
        assert!(most - before < MOST_MIB, "{name}: memory grew from {before:.1} to {most:.1} MiB");
        // Whoever comes anew is served too.
        self.client = self.gateway.client().await;
        self.call().await.unwrap();
        result
    }

    /// Calls until it is over, and [`CALLS`] times at least.
    async fn call_until(&self, over: &AtomicBool) -> Timed {
        let mut timed = Timed::default();
        while !over.load(Ordering::Relaxed) || timed.took.len() + timed.failed.len() < CALLS {
            let since = Instant::now();
            match self.call().await {
                Ok(()) => timed.took.push(since.elapsed()),
                Err(status) => timed.failed.push(status),
            }
            sleep(Duration::from_millis(5)).await;
        }
        timed
    }

    async fn call(&self) -> Result<(), Status> {
        let id = format!("well-{}", self.next.fetch_add(1, Ordering::Relaxed));
        let mut request = Request::new(ImportGroupRequest { group: Some(group(&id)), ..Default::default() });
        request.metadata_mut().insert("authorization", format!("Bearer {GOOD}").parse().unwrap());
        self.client.clone().import_group(request).await.map(drop)
    }

    /// The gateway's resident memory, in MiB.
    fn memory(&self) -> f64 {
        self.gateway.memory() as f64 / 1024.0
    }
}
