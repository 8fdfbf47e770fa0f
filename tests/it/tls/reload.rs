//! Certificates that change while the gateway serves.

use std::{fs, os::unix::fs::symlink, path::Path, time::Duration};

use group_import_gateway::{config::Tls, gateway::Gateway};
use tokio::time::{Instant, sleep};

use super::{
    Bench, SPIFFE, callers, certificates_alone,
    certs::{Authority, Certified},
    connect, import, outcome, write,
};
use crate::rig;

/// Longer than anything here takes.
const BOUND: Duration = Duration::from_secs(30);

/// Waits for a client that trusts this CA and shows that to get in.
async fn until_served(bench: &Bench, trusted: &Authority, shown: &Certified) {
    let until = Instant::now() + BOUND;
    loop {
        if let Ok(channel) = connect(&bench.endpoint(), &trusted.pem, Some(shown)).await
            && outcome(&import(channel, "", "prod").await) == "OK"
        {
            return;
        }
        assert!(Instant::now() < until, "the new certificate does not serve");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_files_serve_new_connections_and_drop_no_old_one() {
    let bench = Bench::mutual(certificates_alone()).await;
    let before = bench.ca.issue(&["orders.example"]);
    let old = bench.connect(Some(&before)).await.unwrap();
    assert_eq!(outcome(&import(old.clone(), "", "prod").await), "OK");
    bench.sandbox.set_latency(Duration::from_secs(3), Duration::ZERO);
    let under_way = tokio::spawn(import(old.clone(), "", "prod"));
    while bench.reached_chat() < 2 {
        sleep(Duration::from_millis(5)).await;
    }
    bench.sandbox.set_latency(Duration::ZERO, Duration::ZERO);

    let other = Authority::new();
    write(&bench.folder, &other.issue(&["127.0.0.1"]), &other.pem);
    until_served(&bench, &other, &other.issue(&["orders.example"])).await;

    assert_eq!(outcome(&under_way.await.unwrap()), "OK");
    // It trusts the old CA alone, so that it could not have connected anew.
    assert_eq!(outcome(&import(old, "", "prod").await), "OK");
    assert!(bench.connect(Some(&before)).await.is_err(), "the old certificate still serves");
    let calls = bench.reached_chat();
    let stale = connect(&bench.endpoint(), &other.pem, Some(&before)).await;
    if let Ok(channel) = stale {
        assert_eq!(outcome(&import(channel, "", "prod").await), "no TLS", "the old client CA still counts");
    }
    assert_eq!(bench.reached_chat(), calls);
}

/// As the kubelet writes a secret: `tls.crt` → `..data/tls.crt`, `..data` → a folder with the time in its name.
fn publish(folder: &Path, version: &str, certified: &Certified, ca: &str) {
    fs::create_dir(folder.join(version)).unwrap();
    for (name, text) in [("tls.crt", certified.chain.as_str()), ("tls.key", &certified.key), ("ca.crt", ca)] {
        fs::write(folder.join(version).join(name), text).unwrap();
        if !folder.join(name).exists() {
            symlink(Path::new("..data").join(name), folder.join(name)).unwrap();
        }
    }
    symlink(version, folder.join("..data_tmp")).unwrap();
    fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kubernetes_secret_that_is_swapped_is_seen() {
    let mut bench = Bench::mutual(certificates_alone()).await;
    let secret = tempfile::tempdir().unwrap();
    publish(secret.path(), "..2026_01_01", &bench.ca.issue(&["127.0.0.1"]), &bench.ca.pem);
    let path = |name: &str| secret.path().join(name);
    let files = Tls { cert_file: path("tls.crt"), key_file: path("tls.key"), client_ca_file: Some(path("ca.crt")) };
    bench.config.server.tls = Some(files);
    bench.gateway = Gateway::start(bench.config.clone(), &rig::env()).await.unwrap();
    assert_eq!(bench.outcome(Some(&bench.ca.issue(&[SPIFFE])), "", "prod").await, "OK");

    let other = Authority::new();
    publish(secret.path(), "..2026_02_02", &other.issue(&["127.0.0.1"]), &other.pem);
    fs::remove_dir_all(secret.path().join("..2026_01_01")).unwrap();
    until_served(&bench, &other, &other.issue(&[SPIFFE])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_is_taken_away_is_refused_on_the_connection_it_has() {
    let mut bench = Bench::mutual(callers()).await;
    let shown = bench.ca.issue(&[SPIFFE]);
    let channel = bench.connect(Some(&shown)).await.unwrap();
    assert_eq!(outcome(&import(channel.clone(), "", "prod").await), "OK");
    let mut config = bench.config.clone();
    config.callers.retain(|caller| caller.name.as_str() != "spiffe");
    bench.gateway.reload(config, &rig::env()).unwrap();
    assert_eq!(outcome(&import(channel, "", "prod").await), "Unauthenticated CALLER_UNKNOWN");
    assert_eq!(bench.reached_chat(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn once_the_last_token_is_gone_everybody_must_show_a_certificate() {
    let mut bench = Bench::mutual(callers()).await;
    assert_eq!(bench.outcome(None, "", "prod").await, "Unauthenticated CALLER_UNKNOWN");
    let config = group_import_gateway::config::Config { callers: certificates_alone(), ..bench.config.clone() };
    bench.gateway.reload(config, &rig::env()).unwrap();
    assert_eq!(bench.outcome(None, "", "prod").await, "no TLS");
    assert_eq!(bench.outcome(Some(&bench.ca.issue(&[SPIFFE])), "", "prod").await, "OK");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_configuration_whose_files_are_bad_is_not_taken() {
    let mut bench = Bench::mutual(callers()).await;
    let shown = bench.ca.issue(&[SPIFFE]);
    let key = fs::read(bench.folder.path().join("tls.key")).unwrap();
    fs::write(bench.folder.path().join("tls.key"), bench.ca.issue(&["127.0.0.1"]).key).unwrap();
    let mut config = bench.config.clone();
    config.callers.clear();
    let refused = bench.gateway.reload(config.clone(), &rig::env()).unwrap_err().to_string();
    assert!(refused.contains("server.tls.key_file: ") && refused.contains("is not the key of"), "{refused}");
    assert_eq!(bench.outcome(Some(&shown), "", "prod").await, "OK", "the callers are the old ones, and known");
    assert_eq!(bench.outcome(None, "", "prod").await, "Unauthenticated CALLER_UNKNOWN");
    fs::write(bench.folder.path().join("tls.key"), key).unwrap();
    bench.gateway.reload(config, &rig::env()).unwrap();
}
