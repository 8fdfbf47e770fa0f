//! Steady demand, however it is spread over the gateways.

use std::time::{Duration, Instant};

use crate::{
    cluster::{Cluster, SECOND, WIDTH, rate},
    load::{Load, took},
};

/// How busy a gateway is.
#[derive(Clone, Copy, PartialEq)]
enum Demand {
    Full,
    /// Five calls a second.
    Little,
    None,
}

impl Demand {
    fn load(
        self,
        client: &group_import_gateway::proto::group_import_client::GroupImportClient<tonic::transport::Channel>,
    ) -> Option<Load> {
        match self {
            Demand::Full => Some(Load::start(client, WIDTH, Duration::ZERO)),
            Demand::Little => Some(Load::start(client, 1, Duration::from_millis(150))),
            Demand::None => None,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rate_is_used_whoever_is_busy() {
    use Demand::{Full, Little, None};
    let Some(cluster) = Cluster::start(2).await else { return };
    for (name, demands) in [
        ("nobody busy", [None, None, None]),
        ("all busy", [Full, Full, Full]),
        ("one busy", [Full, None, None]),
        ("one busy, two with 5 a second", [Full, Little, Little]),
        ("three with 5 a second", [Little, Little, Little]),
    ] {
        let loads: Vec<_> =
            cluster.gateways.iter().zip(demands).map(|(gateway, demand)| demand.load(&gateway.client)).collect();
        tokio::time::sleep(5 * SECOND).await;
        let (from, calls) = (Instant::now(), cluster.redis.calls());
        tokio::time::sleep(15 * SECOND).await;
        let until = Instant::now();
        // Other programs on this machine delay answers, and the mode can't use that time.
        let usable = cluster.gateways[0].usable();
        let calls = (cluster.redis.calls() - calls) as f64 / (until - from).as_secs_f64();
        let used = rate(&cluster.counted(), from, until) / 200.0;
        println!(
            "{name}: {:.1} % of the rate (of {:.1} % that can be used), most in a second {}, {calls:.0} calls of Redis a second at {:.0} us",
            used * 100.0,
            usable * 100.0,
            cluster.most(),
            cluster.redis.cost()
        );
        for (load, demand) in loads.into_iter().zip(demands).filter_map(|(load, demand)| Some((load?, demand))) {
            let seen = load.stop().await;
            println!("    answers after {:?} (median), {:?} (99 %)", took(&seen, from, 0.5), took(&seen, from, 0.99));
            let waits = demand == Little && took(&seen, from, 0.5) > Duration::from_millis(150);
            assert!(!waits, "{name}: a call now and then waits for hardly more than a poll");
            assert!(seen.failed.lock().unwrap().is_empty(), "{:?}", seen.failed.lock().unwrap());
        }
        assert!(cluster.most() <= 200, "{} in a second", cluster.most());
        assert!(!demands.contains(&Full) || used >= 0.98 * usable, "{name}: {used} of {usable}");
    }
}
