//! Twenty minutes at the full rate with all that goes wrong in a week, and what it leaves behind: nothing.
//!
//! `cargo run --release --example soak -- [MINUTES] [--svg FILE]`
//!
//! The gateway runs as a process of its own, in front of a stand-in that loses answers, cuts bodies and connections,
//! answers 502, stalls and jitters. Two apps are kept at their 200 calls a second by streams that come and go. Callers
//! connect, import, give up half-way and leave; their tokens change, and some are taken away and come back, with a
//! SIGHUP each time; the apps' keys change in their files and at the stand-in.
//!
//! It prints and plots memory, descriptors, tasks, threads and the rate, and fails where one of these rises, where the
//! rate sags, or where any second held more than 200 calls of an app.
#![expect(clippy::print_stdout, reason = "its figures are what it is for")]

use std::{
    error::Error,
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Parser;
use group_import_gateway::sandbox::{App, Fault, Sandbox, Settings};

use self::{
    load::{Outcomes, Place},
    roster::Roster,
    samples::{Sample, Samples},
};

mod load;
#[path = "../rig/mod.rs"]
mod rig;
mod roster;
mod samples;

/// The apps, by name and by Chat's number.
const APPS: [(&str, u64); 2] = [("east", 1_400_000_001), ("west", 1_400_000_002)];
const ADMIN: &str = "administrator";
const SAMPLE_EVERY: Duration = Duration::from_secs(5);
/// Other callers, and a SIGHUP.
const RELOAD_EVERY: Duration = Duration::from_secs(30);
/// Another key for one of the apps.
const KEY_EVERY: Duration = Duration::from_secs(45);
/// All connections to the stand-in are cut.
const CUT_EVERY: Duration = Duration::from_secs(70);

/// What goes wrong, by chance. An answer that is lost keeps its place in the rate for six seconds, since Chat may count
/// it that late: the losses here cost some 6 % of the rate.
const FAULTS: [&str; 8] = [
    "close_after=0.2%",
    "close_before=0.2%",
    "cut_body=0.2%",
    "stall_after=0.05%",
    "http_502=0.5%",
    "http_502_after=0.2%",
    "garbage=0.1%",
    "empty=0.1%",
];

#[derive(Parser)]
struct Soak {
    #[arg(default_value_t = 20.0)]
    minutes: f64,
    /// Where the chart goes
    #[arg(long)]
    svg: Option<PathBuf>,
    /// The gateway's program; built if not given
    #[arg(long)]
    gateway: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let soak = Soak::parse();
    let program = soak.gateway.clone().map_or_else(rig::program, |program| Ok(program.canonicalize()?))?;
    let folder = tempfile::tempdir()?;
    let chat = stand_in().await?;
    for (app, _) in APPS {
        std::fs::write(folder.path().join(app), key(app, 0))?;
    }
    let roster = Arc::new(Roster::default());
    let config = |roster: &Roster| apps(&chat.base_url()) + &roster.callers();
    let gateway = rig::Gateway::start(&program, folder.path(), &config(&roster))?;

    let outcomes = Arc::new(Outcomes::default());
    let place = Place { endpoint: gateway.endpoint.clone(), roster: roster.clone(), outcomes: outcomes.clone() };
    let load = load::start(&place);

    let (since, mut samples) = (Instant::now(), Samples::default());
    let end = Duration::from_secs_f64(soak.minutes * 60.0);
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    let (mut reloads, mut keys, mut cuts) = (Due::every(RELOAD_EVERY), Due::every(KEY_EVERY), Due::every(CUT_EVERY));
    let mut sampling = Due::every(SAMPLE_EVERY);
    println!("{}", Sample::HEAD);
    while since.elapsed() < end {
        ticks.tick().await;
        let at = since.elapsed();
        if reloads.is_due(at) {
            roster.change();
            gateway.reload(folder.path(), &config(&roster))?;
        }
        if keys.is_due(at) {
            let (app, number) = APPS[keys.times % APPS.len()];
            let key = key(app, keys.times);
            std::fs::write(folder.path().join("next"), &key)?;
            std::fs::rename(folder.path().join("next"), folder.path().join(app))?;
            chat.set_key(number, key);
        }
        if cuts.is_due(at) {
            chat.cut_connections();
        }
        if sampling.is_due(at) {
            let sample = Sample::take(at, &gateway, &chat, &APPS)?;
            println!("{}", samples.add(sample));
        }
    }
    load.abort();
    println!("\n{outcomes}");
    println!(
        "reloads {}, keys changed {}, connections to the stand-in cut {} times, {} were made",
        reloads.times,
        keys.times,
        cuts.times,
        chat.connections()
    );
    if let Some(path) = &soak.svg {
        std::fs::write(path, samples.svg())?;
        println!("chart in {}", path.display());
    }
    let faults = samples.faults();
    faults.iter().for_each(|fault| println!("FAILED: {fault}"));
    if !faults.is_empty() {
        return Ok(ExitCode::FAILURE);
    }
    println!("nothing rises, and no second held more than 200 calls of an app");
    Ok(ExitCode::SUCCESS)
}

async fn stand_in() -> Result<Sandbox, Box<dyn Error>> {
    let settings = Settings {
        apps: APPS.iter().map(|(name, number)| App::new(*number, key(name, 0), ADMIN)).collect(),
        latency: Duration::from_millis(40),
        jitter: Duration::from_millis(20),
        faults: FAULTS.iter().map(|fault| fault.parse()).collect::<Result<Vec<Fault>, _>>()?,
        // A changed key is a flood of failed checks for a moment; 70050 for a minute would hide all else.
        failed_checks: usize::MAX,
        keep_calls: 0,
        keep_bodies: false,
        ..Settings::default()
    };
    Ok(Sandbox::start(settings).await?)
}

fn apps(base_url: &str) -> String {
    let app = |(name, number): &(&str, u64)| {
        format!(
            "[[apps]]\nname = \"{name}\"\nsdk_app_id = {number}\nidentifier = \"{ADMIN}\"\n\
             secret_key_file = \"{name}\"\nbase_url = \"{base_url}\"\n"
        )
    };
    APPS.iter().map(app).collect()
}

/// A key that nobody has used before.
fn key(app: &str, number: usize) -> String {
    format!("the-{number}-th-key-of-{app}")
}

/// Something that happens again and again.
struct Due {
    every: Duration,
    times: usize,
}

impl Due {
    fn every(every: Duration) -> Self {
        Self { every, times: 0 }
    }

    fn is_due(&mut self, at: Duration) -> bool {
        let due = at >= self.every * (self.times as u32 + 1);
        self.times += usize::from(due);
        due
    }
}
