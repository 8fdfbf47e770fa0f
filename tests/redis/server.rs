//! A `redis-server` of the test's own.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// Killed when dropped.
pub(crate) struct Server {
    pub(crate) port: u16,
    folder: tempfile::TempDir,
    child: Option<Child>,
}

impl Server {
    /// `None`, and loudly so, where there is no `redis-server`. In CI that is a failure.
    pub(crate) fn start() -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut server = Self { port, folder: tempfile::tempdir().unwrap(), child: None };
        if Command::new("redis-server").arg("--version").stdout(Stdio::null()).status().is_err() {
            assert!(std::env::var_os("CI").is_none(), "CI has no redis-server");
            eprintln!("SKIPPED: there is no redis-server here, so the shared rate goes untested");
            return None;
        }
        server.run();
        Some(server)
    }

    /// Starts it, with the data that is in its folder.
    pub(crate) fn run(&mut self) {
        let child = Command::new("redis-server")
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes"])
            .current_dir(self.folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        self.child = Some(child);
        let until = Instant::now() + Duration::from_secs(10);
        while self.connection().is_none() {
            assert!(Instant::now() < until, "redis-server does not come up");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// As `kill -9`.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Loses all its data. Only while it does not run.
    pub(crate) fn forget(&self) {
        let _ = std::fs::remove_dir_all(self.folder.path().join("appendonlydir"));
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([format!("-{name}"), id]).status().unwrap().success());
    }

    /// How often scripts were called.
    pub(crate) fn calls(&self) -> u64 {
        let mut connection = self.connection().unwrap();
        let text: String = redis::cmd("INFO").arg("commandstats").query(&mut connection).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("cmdstat_evalsha:calls="));
        line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
    }

    /// Microseconds of its time that a call of the script took, on average.
    pub(crate) fn cost(&self) -> f64 {
        let mut connection = self.connection().unwrap();
        let text: String = redis::cmd("INFO").arg("commandstats").query(&mut connection).unwrap();
        let line = text.lines().find(|line| line.starts_with("cmdstat_evalsha:")).unwrap().to_owned();
        line.split("usec_per_call=").nth(1).unwrap().split(',').next().unwrap().parse().unwrap()
    }

    fn connection(&self) -> Option<redis::Connection> {
        let client = redis::Client::open(("127.0.0.1", self.port)).unwrap();
        let mut connection = client.get_connection().ok()?;
        redis::cmd("PING").exec(&mut connection).ok()?;
        Some(connection)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
