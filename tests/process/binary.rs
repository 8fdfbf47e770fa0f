//! Starts the binary, reads its ports from its log, and sees it end.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use group_import_gateway::{
    proto::{Group, GroupType, group_import_client::GroupImportClient},
    sandbox::{self, Sandbox},
};
use sha2::{Digest as _, Sha256};
use tonic::transport::Channel;

pub(crate) const KEY: &str = "CANARYKEYbd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee";
pub(crate) const SDK_APP_ID: u64 = 1_400_000_321;

pub(crate) fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_group-import-gateway"));
    command.env_remove("RUST_LOG").env_remove("GATEWAY_CONFIG").stdin(Stdio::null());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("OTEL_")) {
        command.env_remove(name);
    }
    command
}

/// Runs it to its end.
pub(crate) fn run(arguments: &[&str]) -> Output {
    binary().args(arguments).output().unwrap()
}

/// A gateway that serves, with all it has written so far.
pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) written: Arc<Mutex<String>>,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let written = Arc::new(Mutex::new(String::new()));
        let mut stdout = child.stdout.take().unwrap();
        let into = written.clone();
        std::thread::spawn(move || {
            let mut text = String::new();
            let _ = stdout.read_to_string(&mut text);
            into.lock().unwrap().push_str(&text);
        });
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let into = written.clone();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let mut text = into.lock().unwrap();
                text.push_str(&line);
                text.push('\n');
            }
        });
        Self { child, written }
    }

    pub(crate) fn text(&self) -> String {
        self.written.lock().unwrap().clone()
    }

    /// Waits until a line holds `part`, and returns what follows `key=` in it.
    pub(crate) fn value(&self, part: &str, key: &str) -> String {
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            let text = self.text();
            if let Some(line) = text.lines().find(|line| line.contains(part)) {
                let value = line.split(&format!("{key}=")).nth(1).unwrap_or_else(|| panic!("no {key} in {line}"));
                return value.split_whitespace().next().unwrap().trim_matches('"').to_owned();
            }
            assert!(Instant::now() < until, "no line with {part:?} in\n{text}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until it has written this, so many times.
    pub(crate) fn until_told(&self, part: &str, times: usize) {
        let until = Instant::now() + Duration::from_secs(30);
        while self.text().matches(part).count() < times {
            assert!(Instant::now() < until, "{part:?} is not told:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Resident memory, in KiB.
    #[allow(dead_code, reason = "shared with tests/rate and tests/edges")]
    pub(crate) fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// Asks the admin port: the status and the body of its answer.
    pub(crate) fn admin(&self, path: &str) -> (u16, String) {
        http(&self.value("listening for probes", "address"), "GET", path, "")
    }

    pub(crate) async fn client(&self) -> GroupImportClient<Channel> {
        let address = self.value("listening for gRPC", "address");
        GroupImportClient::connect(format!("http://{address}")).await.unwrap()
    }

    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args([format!("-{name}"), self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    pub(crate) fn end(&mut self) -> ExitStatus {
        let until = Instant::now() + Duration::from_secs(40);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < until, "it does not end:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One request and its answer, by nothing but a socket: the status and the body.
pub(crate) fn http(address: &str, method: &str, path: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(stream, "{method} {path} HTTP/1.0\r\nhost: {address}\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

pub(crate) async fn stand_in() -> Sandbox {
    let apps = vec![sandbox::App::new(SDK_APP_ID, KEY, "administrator")];
    Sandbox::start(sandbox::Settings { apps, ..Default::default() }).await.unwrap()
}

/// A configuration with one app at `base_url`, and `more` at its end.
pub(crate) fn write_config(folder: &Path, base_url: &str, more: &str) -> String {
    std::fs::write(folder.join("key"), format!("{KEY}\n")).unwrap();
    let text = format!(
        r#"
[server]
listen = "127.0.0.1:0"
admin_listen = "127.0.0.1:0"

[[apps]]
name = "prod"
sdk_app_id = {SDK_APP_ID}
identifier = "administrator"
secret_key_file = "{key}"
base_url = "{base_url}"
{more}
"#,
        key = folder.join("key").display()
    );
    let path = folder.join("gateway.toml");
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// A caller of the app by a token, as the configuration has it.
pub(crate) fn caller(name: &str, token: &str) -> String {
    format!("[[callers]]\nname = \"{name}\"\napps = [\"prod\"]\n{}", hashed(token))
}

/// `token_sha256` of a token.
pub(crate) fn hashed(token: &str) -> String {
    let hash: String = Sha256::digest(token).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("token_sha256 = [\"{hash}\"]\n")
}

pub(crate) fn group(id: &str) -> Group {
    let mut group = Group { group_id: id.into(), name: "name".into(), ..Default::default() };
    group.set_type(GroupType::Public);
    group
}
