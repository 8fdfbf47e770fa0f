//! Redis and gateways come and go while all are busy.

use std::time::Instant;

use crate::{
    cluster::{Cluster, SECOND, WIDTH, full_after, longest_pause, rate},
    load::Load,
};

/// All busy, eight seconds into it.
struct Busy {
    cluster: Cluster,
    loads: Vec<Load>,
    /// When it happened.
    since: Instant,
}

impl Busy {
    async fn start() -> Option<Self> {
        let cluster = Cluster::start(1).await?;
        let loads = cluster.busy();
        tokio::time::sleep(8 * SECOND).await;
        Some(Self { cluster, loads, since: Instant::now() })
    }

    /// What the gateways say, where it went wrong.
    fn tell(&self) {
        for gateway in &self.cluster.gateways {
            println!("{}\n{}", gateway.running.text(), gateway.metrics());
        }
    }

    /// It is over: how it went, and how much of the rate is used from then on. Calls may have failed at `lost` alone.
    async fn end(mut self, name: &str, lost: Option<usize>) {
        let ended = Instant::now();
        tokio::time::sleep(10 * SECOND).await;
        let now = Instant::now();
        let counted = self.cluster.counted();
        let mut failed = Vec::new();
        for (index, load) in self.loads.drain(..).enumerate() {
            let seen = load.stop().await;
            if Some(index) != lost {
                failed.extend(seen.failed.lock().unwrap().drain(..));
            }
        }
        let before = rate(&counted, self.since - 3 * SECOND, self.since);
        let whole = (now - self.since).as_secs_f64();
        let cost = whole - rate(&counted, self.since, now) * whole / before;
        println!(
            "{name} | most in a second {} | longest pause {:.1} s | full {:.1} s after its end | costs {cost:.1} s of the rate | before {:.1} %, then {:.1} % | failed {}",
            self.cluster.most(),
            longest_pause(&counted, self.since).as_secs_f64(),
            full_after(&counted, ended, 190).map_or(f64::NAN, |time| time.as_secs_f64()),
            before / 2.0,
            rate(&counted, now - 5 * SECOND, now) / 2.0,
            failed.len(),
        );
        let full = rate(&counted, now - 5 * SECOND, now) > 180.0;
        if self.cluster.most() > 200 || !failed.is_empty() || !full || before < 170.0 {
            self.tell();
        }
        assert!(self.cluster.most() <= 200, "{name}: {} in a second", self.cluster.most());
        assert!(failed.is_empty(), "{name}: {:?}", failed.first());
        assert!(full, "{name}: not in full swing again");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_is_killed_and_comes_back_empty() {
    let Some(mut busy) = Busy::start().await else { return };
    busy.cluster.redis.kill();
    tokio::time::sleep(12 * SECOND).await;
    busy.cluster.redis.forget();
    busy.cluster.redis.run();
    busy.end("Redis killed for 12 s, back empty", None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_is_killed_and_comes_back_with_its_data() {
    let Some(mut busy) = Busy::start().await else { return };
    busy.cluster.redis.kill();
    tokio::time::sleep(12 * SECOND).await;
    busy.cluster.redis.run();
    busy.end("Redis killed for 12 s, back with its data", None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_is_restarted_at_once() {
    for empty in [false, true] {
        let Some(mut busy) = Busy::start().await else { return };
        busy.cluster.redis.kill();
        if empty {
            busy.cluster.redis.forget();
        }
        busy.cluster.redis.run();
        busy.end(if empty { "Redis restarted at once, empty" } else { "Redis restarted at once" }, None).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_stands_still() {
    let Some(busy) = Busy::start().await else { return };
    busy.cluster.redis.signal("STOP");
    tokio::time::sleep(10 * SECOND).await;
    busy.cluster.redis.signal("CONT");
    busy.end("Redis stopped (SIGSTOP) for 10 s", None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_is_killed() {
    let Some(mut busy) = Busy::start().await else { return };
    busy.cluster.gateways[0].running.child.kill().unwrap();
    tokio::time::sleep(5 * SECOND).await;
    let from = Instant::now();
    tokio::time::sleep(10 * SECOND).await;
    let meanwhile = rate(&busy.cluster.counted(), from, Instant::now());
    println!("    the two left share {meanwhile:.0} a second while the third is suspected alive");
    assert!(meanwhile < 136.0);
    tokio::time::sleep(18 * SECOND).await;
    busy.end("one gateway killed (-9), 33 s", Some(0)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_stands_still() {
    let Some(busy) = Busy::start().await else { return };
    busy.cluster.gateways[0].running.signal("STOP");
    tokio::time::sleep(10 * SECOND).await;
    busy.cluster.gateways[0].running.signal("CONT");
    busy.end("one gateway stopped (SIGSTOP) for 10 s", Some(0)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_stops_and_another_comes() {
    let Some(mut busy) = Busy::start().await else { return };
    busy.loads.remove(0).stop().await;
    busy.cluster.gateways[0].running.signal("TERM");
    assert!(busy.cluster.gateways[0].running.end().success());
    tokio::time::sleep(3 * SECOND).await;
    let from = Instant::now();
    tokio::time::sleep(5 * SECOND).await;
    let two = rate(&busy.cluster.counted(), from, Instant::now());
    println!("    the two left have {two:.0} a second");
    assert!(two > 170.0, "a clean stop gives its share up at once");
    busy.cluster.add().await;
    busy.loads.push(Load::start(&busy.cluster.gateways[3].client, WIDTH, std::time::Duration::ZERO));
    busy.end("one gateway stopped cleanly, 8 s later another added", None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fourth_gateway_is_added() {
    let Some(mut busy) = Busy::start().await else { return };
    busy.cluster.add().await;
    busy.loads.push(Load::start(&busy.cluster.gateways[3].client, WIDTH, std::time::Duration::ZERO));
    busy.end("a fourth gateway added", None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_gateway_is_cut_off_from_redis() {
    let Some(busy) = Busy::start().await else { return };
    busy.cluster.gateways[1].way.set(false);
    tokio::time::sleep(20 * SECOND).await;
    busy.cluster.gateways[1].way.set(true);
    busy.end("one gateway cut off from Redis for 20 s", None).await;
}
