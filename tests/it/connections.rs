//! How many connections there may be, and how long each may stay.

use std::time::{Duration, Instant};

use group_import_gateway::config::Config;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::rig::{Rig, group};

const SOON: Duration = Duration::from_secs(5);

async fn connect(rig: &Rig) -> TcpStream {
    TcpStream::connect(rig.gateway.bound().tcp().unwrap()).await.unwrap()
}

/// Whether the gateway ends a connection on which nothing was asked.
async fn ends(stream: &mut TcpStream, within: Duration) -> bool {
    let mut text = Vec::new();
    timeout(within, stream.read_to_end(&mut text)).await.is_ok()
}

#[tokio::test]
async fn connections_over_the_limit_are_closed_at_once_and_others_stay() {
    let rig = Rig::with(|config| config.server.http2.max_connections = 3).await;
    rig.import(group("a")).await.unwrap(); // the client's own connection is the first
    let mut silent = vec![connect(&rig).await, connect(&rig).await];
    let mut over = connect(&rig).await;
    assert!(ends(&mut over, SOON).await);
    assert!(!ends(&mut silent[0], Duration::from_millis(100)).await);
    rig.import(group("b")).await.unwrap();
    silent.clear();
    sleep(Duration::from_millis(200)).await;
    assert!(!ends(&mut connect(&rig).await, Duration::from_millis(100)).await, "a place that fell free is not given");
}

#[tokio::test]
async fn a_client_that_does_not_speak_http2_is_not_waited_for() {
    let rig = Rig::with(|config| config.server.http2.handshake_timeout = Duration::from_millis(300)).await;
    for said in [&b""[..], b"PRI * HTTP/2.0\r\n"] {
        let mut stream = connect(&rig).await;
        stream.write_all(said).await.unwrap();
        let since = Instant::now();
        assert!(ends(&mut stream, SOON).await, "{said:?}");
        assert!(since.elapsed() >= Duration::from_millis(250), "{said:?} after {:?}", since.elapsed());
    }
    rig.import(group("g")).await.unwrap();
}

#[tokio::test]
async fn a_connection_without_a_call_ends_whatever_pings_it_answers() {
    let short = |config: &mut Config| {
        config.server.http2.max_connection_idle = Duration::from_millis(600);
        config.server.http2.keepalive_interval = Duration::from_millis(100);
    };
    let rig = Rig::with(short).await;
    let (mut client, connection) = h2::client::handshake(connect(&rig).await).await.unwrap();
    let since = Instant::now();
    let connection = tokio::spawn(connection);
    sleep(Duration::from_millis(300)).await;
    // A call counts, even one for a way that there is not.
    let request = http::Request::post("http://gateway/nothing").body(()).unwrap();
    client.send_request(request, true).unwrap().0.await.unwrap();
    let ended = timeout(SOON, connection).await.expect("it stays").unwrap();
    ended.expect("told to go, and not cut off");
    assert!(since.elapsed() >= Duration::from_millis(850), "after {:?}", since.elapsed());
}

#[tokio::test]
async fn a_call_under_way_keeps_its_connection() {
    let rig = Rig::with(|config| config.server.http2.max_connection_idle = Duration::from_millis(300)).await;
    rig.sandbox.set_latency(Duration::from_millis(900), Duration::ZERO);
    rig.import(group("g")).await.unwrap();
    rig.sandbox.set_latency(Duration::ZERO, Duration::ZERO);
    sleep(Duration::from_millis(600)).await; // told to go meanwhile; the client connects anew
    rig.import(group("h")).await.unwrap();
}

#[tokio::test]
async fn a_connection_that_its_client_closed_leaves_nothing() {
    let rig = Rig::with(|_| {}).await;
    rig.import(group("a")).await.unwrap();
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    for _ in 0..20 {
        let (mut client, connection) = h2::client::handshake(connect(&rig).await).await.unwrap();
        let connection = tokio::spawn(connection);
        let request = http::Request::post("http://gateway/nothing").body(()).unwrap();
        client.send_request(request, true).unwrap().0.await.unwrap();
        drop(client);
        connection.await.unwrap().unwrap();
    }
    let all_gone = async {
        while tasks() > before {
            sleep(Duration::from_millis(20)).await;
        }
    };
    let ended = timeout(Duration::from_secs(30), all_gone).await;
    assert!(ended.is_ok(), "{} tasks, and {before} before the 20 connections", tasks());
}
