//! The admin port: the live page and its figures, and what reads the metrics.

use std::{collections::BTreeSet, fs, net::SocketAddr, path::Path, time::Duration};

use group_import_gateway::config::{Backend, Outage};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::rig::{self, Rig, group};

async fn with_admin() -> Rig {
    Rig::with(|config| config.server.admin_listen = Some(([127, 0, 0, 1], 0).into())).await
}

/// The head and the body of an answer.
async fn get(address: SocketAddr, path: &str) -> (String, String) {
    get_as(&address.to_string(), address, path).await
}

/// The same, asked of a name.
async fn get_as(host: &str, address: SocketAddr, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_ascii_lowercase(), body.to_owned())
}

async fn status(rig: &Rig, since: u64) -> Value {
    let (head, body) = get(rig.gateway.admin().unwrap(), &format!("/status.json?since={since}")).await;
    assert!(head.starts_with("http/1.1 200") && head.contains("cache-control: no-store"), "{head}");
    assert!(!body.contains(rig::KEY));
    serde_json::from_str(&body).unwrap()
}

#[tokio::test]
async fn the_page_comes_with_a_policy_that_lets_it_load_nothing_else() {
    let rig = with_admin().await;
    let (head, page) = get(rig.gateway.admin().unwrap(), "/").await;
    assert!(head.contains("content-type: text/html"), "{head}");
    let policy = head.lines().find(|line| line.starts_with("content-security-policy: ")).unwrap();
    for part in ["default-src 'none'", "connect-src 'self'", "frame-ancestors 'none'", "trusted-types 'none'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
    assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"));
}

#[tokio::test]
async fn connections_that_ask_for_nothing_are_bounded() {
    let rig = with_admin().await;
    let address = rig.gateway.admin().unwrap();
    let mut held = Vec::new();
    for _ in 0..150 {
        held.push(TcpStream::connect(address).await.unwrap());
    }
    // Those past the hundredth are closed at once; the others may take their time, but not for ever.
    let ended = |stream: &mut TcpStream| match stream.try_read(&mut [0]) {
        Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
        Ok(_) => true,
    };
    let ended = |held: &mut Vec<TcpStream>| held.iter_mut().filter_map(|stream| ended(stream).then_some(())).count();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(ended(&mut held), 50);
    drop(held.split_off(90));
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (head, _) = get(address, "/livez").await;
    assert!(head.starts_with("http/1.1 200"), "{head}");
    rig.import(group("meanwhile")).await.unwrap();
}

#[tokio::test]
async fn a_web_page_whose_name_leads_here_reads_nothing() {
    let rig = with_admin().await;
    let (head, body) = get_as("evil.example:9464", rig.gateway.admin().unwrap(), "/status.json").await;
    assert!(head.starts_with("http/1.1 421") && !body.contains("prod"), "{head}");
}

#[tokio::test]
async fn the_status_tells_what_came_of_calls() {
    let rig = with_admin().await;
    rig.import(group("first")).await.unwrap();
    for _ in 0..3 {
        rig.import(group("wrong id, with spaces and far too long for any group that there ever was"))
            .await
            .unwrap_err();
    }
    let status = status(&rig, 0).await;
    assert_eq!(status["ready"], true);
    let app = &status["apps"][0];
    assert_eq!((app["name"].as_str(), app["breaker"]["state"].as_str()), (Some("prod"), Some("closed")));
    assert_eq!((app["rate"]["configured"].as_u64(), app["rate"]["mode"].as_str()), (Some(200), Some("window")));
    assert!(app["usersig_expires"].as_u64() > status["now"].as_u64());
    assert_eq!(app["lanes"][0]["name"], "unary");
    assert!(app["lanes"][0]["waits"]["median_ms"].is_number());
    assert!(app["lanes"][1]["waits"].is_null());
    let outcomes: Vec<_> =
        app["outcomes"].as_array().unwrap().iter().map(|it| (it["reason"].as_str(), it["total"].as_u64())).collect();
    assert_eq!(outcomes, [(Some("INVALID_REQUEST"), Some(3)), (Some("OK"), Some(1))]);
    let failure = &status["failures"][0];
    assert_eq!((failure["reason"].as_str(), failure["count"].as_u64()), (Some("INVALID_REQUEST"), Some(3)));
    assert!(failure["message"].as_str().unwrap().contains("group_id"), "{failure}");
}

#[tokio::test]
async fn the_status_has_the_history_that_the_page_lacks() {
    let rig = with_admin().await;
    rig.import(group("first")).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1_300)).await;
    let numbers = |status: &Value| -> Vec<_> {
        let history = status["apps"][0]["history"].as_array().unwrap();
        history.iter().map(|sample| sample["number"].as_u64().unwrap()).collect()
    };
    let all = numbers(&status(&rig, 0).await);
    assert!(all.len() >= 2 && all.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{all:?}");
    let last = *all.last().unwrap();
    assert!(numbers(&status(&rig, last).await).iter().all(|number| *number > last));
}

/// The metrics named in a file, without what histograms and counters add.
fn metrics_in(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let ours = words
        .filter(|word| word.starts_with("group_import_") || word.starts_with("grpc_server_"))
        .filter(|word| *word != "group_import_gateway"); // the crate, in log lines
    ours.map(|name| {
        let suffix = ["_total", "_bucket", "_sum", "_count"].into_iter().find(|suffix| name.ends_with(suffix));
        name.strip_suffix(suffix.unwrap_or("")).unwrap().to_owned()
    })
    .collect()
}

#[tokio::test]
async fn the_dashboard_the_alerts_and_readme_name_metrics_that_are_there() {
    let rig = with_admin().await;
    rig.import(group("first")).await.unwrap();
    // No Redis is at that address, but only where it should be are there metrics of it.
    let sharing = Rig::with(|config| {
        config.server.admin_listen = Some(([127, 0, 0, 1], 0).into());
        let (url, suspect) = ("redis://127.0.0.1:1".parse().unwrap(), Duration::from_secs(30));
        config.rate_limit.backend = Backend::Redis { url, replicas: 3, outage: Outage::Share, suspect };
    })
    .await;
    let mut there = BTreeSet::new();
    for rig in [rig, sharing] {
        let (_, metrics) = get(rig.gateway.admin().unwrap(), "/metrics").await;
        let types = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
        there.extend(types.map(str::to_owned));
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in ["deploy/grafana/group-import-gateway.json", "deploy/prometheus/rules.yml", "README.md"] {
        let named = metrics_in(&fs::read_to_string(root.join(file)).unwrap());
        assert!(!named.is_empty(), "{file}");
        let missing: Vec<_> = named.difference(&there).collect();
        assert!(missing.is_empty(), "{file} names {missing:?}");
    }
    let dashboard = fs::read_to_string(root.join("deploy/grafana/group-import-gateway.json")).unwrap();
    serde_json::from_str::<Value>(&dashboard).unwrap();
}
