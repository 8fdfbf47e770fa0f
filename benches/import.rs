//! What a large file costs `import`: lines a second, and the most memory that it ever held.
//!
//! `cargo bench --bench import [-- LINES]`
//!
//! The real binary, as a process of its own, imports a small file and one of LINES (1,000,000) lines through a gateway
//! with a raised rate, in front of a stand-in without latency; both of these are in this process. Then it runs again
//! over what is done, and only validates. Memory is the kernel's `VmHWM`, so the figure needs Linux.
#![expect(clippy::print_stdout, reason = "its table is what it is for")]

use std::{
    error::Error,
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use group_import_gateway::{
    config::{App, Config, Environment, KeySource, Listen, SdkAppId, Upstream},
    gateway::Gateway,
    sandbox::{self, Sandbox},
};

const SDK_APP_ID: u64 = 1_400_000_000;
const KEY: &str = "a-key-that-only-this-stand-in-takes";
const SMALL: u64 = 1_000;
/// So fast that the rate is never what is waited for.
const CALLS_PER_SECOND: u32 = 1_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let lines = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(1_000_000);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (sandbox, gateway) = runtime.block_on(start())?;
    let endpoint = format!("http://{}", gateway.bound());
    let folder = tempfile::tempdir()?;
    println!("| lines | run | seconds | lines a second | peak memory, MiB |");
    println!("|---:|---|---:|---:|---:|");
    for lines in [SMALL, lines] {
        let file = folder.path().join(format!("{lines}.jsonl"));
        write(&file, lines)?;
        let results = file.with_extension("results");
        let (file, results) = (text(&file)?, text(&results)?);
        let import = ["import", file, "--endpoint", &endpoint, "--results", results];
        let before = sandbox.group_count(SDK_APP_ID) as u64;
        row(lines, "import", &import)?;
        assert_eq!(sandbox.group_count(SDK_APP_ID) as u64 - before, lines, "every line made its group");
        assert_eq!(fs::read_to_string(results)?.lines().count() as u64, lines, "every line has its result");
        row(lines, "the same again", &import)?;
        row(lines, "--validate-only", &[&import[..], &["--validate-only"]].concat())?;
    }
    runtime.block_on(gateway.stop());
    Ok(())
}

async fn start() -> Result<(Sandbox, Gateway), Box<dyn Error>> {
    let settings = sandbox::Settings {
        apps: vec![sandbox::App::new(SDK_APP_ID, KEY, "administrator")],
        calls_per_second: CALLS_PER_SECOND,
        keep_calls: 0,
        keep_bodies: false,
        ..Default::default()
    };
    let sandbox = Sandbox::start(settings).await?;
    let upstream = Upstream::BaseUrl(sandbox.base_url().parse()?);
    let key = KeySource::Env("KEY".into());
    let mut app = App::new("prod".parse()?, SdkAppId::new(SDK_APP_ID)?, "administrator", key, upstream);
    app.calls_per_second = CALLS_PER_SECOND;
    let mut config = Config::sandbox();
    config.server.listen = Listen::Tcp(([127, 0, 0, 1], 0).into());
    config.server.admin_listen = None;
    config.apps.push(app);
    Ok((sandbox, Gateway::start(config, &Env).await?))
}

struct Env;

impl Environment for Env {
    fn vars(&self) -> Vec<(String, String)> {
        self.get("KEY").map(|key| ("KEY".to_owned(), key)).into_iter().collect()
    }

    fn get(&self, name: &str) -> Option<String> {
        (name == "KEY").then(|| KEY.to_owned())
    }
}

/// Half of the lines have a GroupId, half are left to a derived key.
fn write(path: &Path, lines: u64) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    for line in 0..lines {
        let id = if line % 2 == 0 { format!("\"GroupId\":\"of-{lines}-{line}\",") } else { String::new() };
        writeln!(
            file,
            "{{\"Type\":\"Public\",{id}\"Name\":\"Group {line}\",\"Owner_Account\":\"owner-{}\",\
             \"Introduction\":\"One of many that are brought over\",\"CreateTime\":1700000000,\
             \"AppDefinedData\":[{{\"Key\":\"old_id\",\"Value\":\"{line}\"}}]}}",
            line % 1000
        )?;
    }
    file.flush()
}

fn row(lines: u64, name: &str, arguments: &[&str]) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_group-import-gateway"))
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let mut peak = 0;
    let status = loop {
        peak = high_water(&child).unwrap_or(0).max(peak);
        match child.try_wait()? {
            Some(status) => break status,
            None => std::thread::sleep(Duration::from_millis(1)),
        }
    };
    let seconds = start.elapsed().as_secs_f64();
    if !status.success() {
        return Err(format!("{arguments:?}: {status}").into());
    }
    let (rate, peak) = (lines as f64 / seconds, peak as f64 / 1024.0);
    println!("| {lines} | {name} | {seconds:.1} | {rate:.0} | {peak:.1} |");
    Ok(())
}

/// The most memory that a process has held so far, in KiB. It only grows, so looking now and then is enough.
fn high_water(child: &Child) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.split_whitespace().next()?.parse().ok()
}

fn text(path: &Path) -> Result<&str, Box<dyn Error>> {
    path.to_str().ok_or_else(|| "a temporary folder with a strange name".into())
}
