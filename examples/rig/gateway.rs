//! The gateway, as a process of its own.

use std::{
    env,
    error::Error,
    fs::File,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use super::Usage;

/// How long a start may take: ten thousand apps are each asked after first.
const START: Duration = Duration::from_secs(120);

/// A gateway that runs until it is dropped.
pub(crate) struct Gateway {
    child: Child,
    admin: SocketAddr,
    /// Where it serves.
    pub(crate) endpoint: String,
    /// How long it took until it was ready.
    pub(crate) ready: Duration,
}

/// The gateway's program, built as this example is.
pub(crate) fn program() -> Result<PathBuf, Box<dyn Error>> {
    let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
    // Cargo runs an example without building the program beside it.
    #[expect(clippy::disallowed_methods, reason = "an example has no configuration")]
    let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let built = Command::new(cargo)
        .args(["build", "--quiet", "--bin", "group-import-gateway", "--profile", profile])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()?;
    if !built.success() {
        return Err("the gateway can't be built".into());
    }
    let examples = env::current_exe()?;
    let folder = examples.parent().and_then(Path::parent).ok_or("this example stands in no target folder")?;
    Ok(folder.join("group-import-gateway"))
}

impl Gateway {
    /// Writes its configuration, of which `config` is all but `[server]` and `[log]`, and starts it in that folder.
    ///
    /// # Errors
    /// Where it can't be started, or is not ready in time.
    pub(crate) fn start(program: &Path, folder: &Path, config: &str) -> Result<Self, Box<dyn Error>> {
        let [port, admin_port] = free_ports()?;
        let head = format!(
            "[server]\nlisten = \"127.0.0.1:{port}\"\nadmin_listen = \"127.0.0.1:{admin_port}\"\n\
             max_calls = 1000000\n\
             [server.http2]\nmax_connections = 10000\n"
        );
        std::fs::write(folder.join("head.toml"), &head)?;
        std::fs::write(folder.join("gateway.toml"), format!("{head}{config}"))?;
        let log = File::create(folder.join("gateway.log"))?;
        let since = Instant::now();
        let child = Command::new(program)
            .args(["serve", "--config", "gateway.toml"])
            .current_dir(folder)
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let admin = SocketAddr::from(([127, 0, 0, 1], admin_port));
        let endpoint = format!("http://127.0.0.1:{port}");
        let mut gateway = Self { child, admin, endpoint, ready: Duration::ZERO };
        while !gateway.get("/readyz").is_ok_and(|answer| answer.starts_with("HTTP/1.1 200")) {
            if gateway.child.try_wait()?.is_some() || since.elapsed() > START {
                let log = std::fs::read_to_string(folder.join("gateway.log"))?;
                return Err(format!("the gateway is not ready: {log}").into());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        gateway.ready = since.elapsed();
        Ok(gateway)
    }

    /// Gives it another configuration, as in [`start`](Self::start).
    ///
    /// # Errors
    /// Where the file can't be written, or the signal can't be sent.
    #[allow(dead_code, reason = "one of the two examples needs it")]
    pub(crate) fn reload(&self, folder: &Path, config: &str) -> Result<(), Box<dyn Error>> {
        let head = std::fs::read_to_string(folder.join("head.toml"))?;
        std::fs::write(folder.join("gateway.toml"), format!("{head}{config}"))?;
        let sent = Command::new("kill").args(["-HUP", &self.child.id().to_string()]).status()?;
        if sent.success() { Ok(()) } else { Err("SIGHUP can't be sent".into()) }
    }

    /// What it uses.
    pub(crate) fn usage(&self) -> std::io::Result<Usage> {
        Usage::of(self.child.id())
    }

    /// The sum of a metric over its labels.
    pub(crate) fn metric(&self, name: &str) -> std::io::Result<f64> {
        let text = self.get("/metrics")?;
        let values = text.lines().filter_map(|line| {
            let rest = line.strip_prefix(name)?;
            if !rest.starts_with([' ', '{']) {
                return None;
            }
            rest.rsplit(' ').next()?.parse::<f64>().ok()
        });
        Ok(values.sum())
    }

    /// The admin port's answer, head and all.
    fn get(&self, path: &str) -> std::io::Result<String> {
        let mut connection = TcpStream::connect(self.admin)?;
        connection.set_read_timeout(Some(Duration::from_secs(30)))?;
        write!(connection, "GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.admin)?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer)?;
        Ok(answer)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // It is measured no more, and who waits for a drop that fails?
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Both at once, so that they differ.
fn free_ports() -> std::io::Result<[u16; 2]> {
    let (one, other) = (TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?);
    Ok([one.local_addr()?.port(), other.local_addr()?.port()])
}
