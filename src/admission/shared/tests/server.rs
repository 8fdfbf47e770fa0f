//! A `redis-server` of the test's own, and the script with a clock that the test sets.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Killed when dropped.
pub(super) struct Server {
    child: Child,
    connection: redis::Connection,
    script: redis::Script,
    /// The server's clock at the start of virtual time, in microseconds. Anything will do that is far from zero.
    pub(super) epoch: i64,
    /// Which server it is, as it says itself.
    pub(super) number: i64,
}

pub(super) const KEY: &str = "{ledger}";

impl Server {
    /// `None`, and loudly so, where there is no `redis-server`. In CI that is a failure.
    pub(super) fn start() -> Option<Server> {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port").port();
        let child = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .stdout(Stdio::null())
            .spawn();
        let Ok(child) = child else {
            assert!(std::env::var_os("CI").is_none(), "CI has no redis-server");
            eprintln!("SKIPPED: there is no redis-server here, so the ledger goes untested");
            return None;
        };
        let source = include_str!("../../shared.lua");
        let ours = source.replace("redis.call('TIME')", "{ KEYS[2], KEYS[3] }");
        assert_ne!(ours, source, "the script asks for the time in one place");
        let connection = connect(port);
        Some(Server { child, connection, script: redis::Script::new(&ours), epoch: 1_764_000_000_000_000, number: 1 })
    }

    /// Runs the script at a time since the start.
    pub(super) fn run(&mut self, at: Duration, id: &str, purpose: &str, args: &[i64]) -> Vec<i64> {
        let micros = self.epoch + i64::try_from(at.as_micros()).expect("not that long");
        let mut call = self.script.key(KEY);
        call.key(micros / 1_000_000).key(micros % 1_000_000).arg(id).arg(purpose).arg(args);
        call.invoke(&mut self.connection).expect("the script runs")
    }

    /// What comes now is another server, or the same started again.
    pub(super) fn another(&mut self) {
        self.number += 1;
    }

    /// All is lost.
    pub(super) fn empty(&mut self) {
        self.command(&["DEL", KEY]);
    }

    /// Keeps a copy of how things stand.
    pub(super) fn snapshot(&mut self) {
        self.command(&["COPY", KEY, "{ledger}copy", "REPLACE"]);
    }

    /// Goes back to the copy.
    pub(super) fn restore(&mut self) {
        self.command(&["COPY", "{ledger}copy", KEY, "REPLACE"]);
    }

    fn command(&mut self, words: &[&str]) {
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        command.exec(&mut self.connection).expect("a plain command");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn connect(port: u16) -> redis::Connection {
    let client = redis::Client::open(("127.0.0.1", port)).expect("a good address");
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        match client.get_connection() {
            Ok(connection) => return connection,
            Err(error) => assert!(Instant::now() < until, "redis-server does not come up: {error}"),
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
