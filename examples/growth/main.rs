//! What a call costs, how much memory is taken, and how long a caller waits that comes now and then, as the gateway grows:
//! to 10,000 apps, 10,000 callers, 100,000 queued calls, 1,000 streams.
//!
//! `cargo run --release --example growth -- [--only apps,callers,queued,streams] [--svg FILE]`
//!
//! The gateway runs as a process of its own, in front of the stand-in, at 1,000 calls a second throughout. A call's cost is
//! the processor time that the gateway takes beyond what it takes at rest. The caller that comes now and then makes twenty
//! calls a second, and its wait is all that it sees: the way there, its turn, Chat, and the way back.
//!
//! It prints tables, draws them, and fails where a call costs much more among many than among few.
#![expect(clippy::print_stdout, reason = "its figures are what it is for")]

use std::{error::Error, fmt::Write as _, path::PathBuf, process::ExitCode, time::Duration};

use clap::{Parser, ValueEnum};
use group_import_gateway::sandbox::{App, Sandbox, Settings};

use self::{
    load::Load,
    point::Point,
    rig::chart::{self, Line, Panel},
    setup::Setup,
};

mod load;
mod point;
#[allow(dead_code, reason = "the soak uses all of it")]
#[path = "../rig/mod.rs"]
mod rig;
mod setup;

#[derive(Parser)]
struct Growth {
    /// What grows; all four, if not given
    #[arg(long, value_delimiter = ',')]
    only: Vec<Kind>,
    /// How long each point is measured
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    /// No point beyond this
    #[arg(long, default_value_t = 100_000)]
    most: usize,
    /// Where the chart goes
    #[arg(long)]
    svg: Option<PathBuf>,
    /// The gateway's program; built if not given
    #[arg(long)]
    gateway: Option<PathBuf>,
}

/// What grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    Apps,
    Callers,
    Queued,
    Streams,
}

impl Kind {
    const ALL: [Kind; 4] = [Kind::Apps, Kind::Callers, Kind::Queued, Kind::Streams];

    fn name(self) -> &'static str {
        match self {
            Kind::Apps => "apps",
            Kind::Callers => "callers",
            Kind::Queued => "queued calls",
            Kind::Streams => "streams",
        }
    }

    fn most(self) -> usize {
        match self {
            Kind::Apps | Kind::Callers => 10_000,
            Kind::Queued => 100_000,
            Kind::Streams => 1_000,
        }
    }
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let growth = Growth::parse();
    let program = growth.gateway.clone().map_or_else(rig::program, |program| Ok(program.canonicalize()?))?;
    let mut panels = Vec::new();
    let mut grows = Vec::new();
    for kind in Kind::ALL.into_iter().filter(|kind| growth.only.is_empty() || growth.only.contains(kind)) {
        println!("{}", Point::head(kind.name()));
        let mut points = Vec::new();
        let sizes = (0..).map(|power| 10_usize.pow(power)).take_while(|size| *size <= kind.most().min(growth.most));
        for size in sizes {
            let point = measure(kind, size, &program, Duration::from_secs(growth.seconds)).await?;
            println!("{}", point.row(points.first()));
            points.push(point);
        }
        println!();
        grows.extend(verdict(kind, &points));
        panels.extend(row(kind, &points));
    }
    if let Some(path) = &growth.svg {
        std::fs::write(path, chart::svg("Growth: cost of a call, memory and wait", &panels, 3))?;
    }
    grows.iter().for_each(|fault| println!("FAILED: {fault}"));
    Ok(if grows.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One size of one kind, in a gateway of its own.
async fn measure(kind: Kind, size: usize, program: &std::path::Path, time: Duration) -> Result<Point, Box<dyn Error>> {
    let setup = Setup::of(kind, size);
    let folder = tempfile::tempdir()?;
    let apps = (0..setup.apps).map(|app| App::new(setup::number(app), setup::KEY, setup::ADMIN));
    let chat = Sandbox::start(Settings {
        apps: apps.collect(),
        calls_per_second: 1_000_000,
        keep_calls: 0,
        keep_bodies: false,
        ..Settings::default()
    })
    .await?;
    std::fs::write(folder.path().join("key"), setup::KEY)?;
    let gateway = rig::Gateway::start(program, folder.path(), &setup.config(&chat.base_url()))?;
    let up = async {
        while gateway.metric("group_import_app_up")? < setup.apps as f64 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok::<_, std::io::Error>(())
    };
    tokio::time::timeout(Duration::from_secs(300), up).await??;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let resting = gateway.usage()?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let at_rest = (gateway.usage()?.processor - resting.processor) / 3.0;

    let load = Load::start(&setup, &gateway.endpoint).await?;
    let full = async {
        while gateway.metric("group_import_admission_queue")? < setup.queued() as f64 * 0.9 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok::<_, std::io::Error>(())
    };
    tokio::time::timeout(Duration::from_secs(300), full).await??;
    tokio::time::sleep(Duration::from_secs(2)).await;

    load.forget();
    let (before, calls) = (gateway.usage()?, chat.call_count("import_group"));
    let since = std::time::Instant::now();
    tokio::time::sleep(time).await;
    let (after, calls, took) =
        (gateway.usage()?, chat.call_count("import_group") - calls, since.elapsed().as_secs_f64());
    let tasks = gateway.metric("group_import_tasks")?;
    let waits = load.end()?;
    Ok(Point {
        size,
        ready: gateway.ready,
        rate: calls as f64 / took,
        cost: (after.processor - before.processor - at_rest * took) / calls.max(1) as f64 * 1e6,
        memory: after.memory,
        at_rest: at_rest * 100.0,
        tasks,
        wait: [50, 99].map(|percent| rig::percentile(&waits, percent)),
    })
}

/// A call may cost more where little else shares a wake-up, so it is the many that are compared with the middle.
fn verdict(kind: Kind, points: &[Point]) -> Option<String> {
    let costs: Vec<f64> = points.iter().map(|point| point.cost).collect();
    let (usual, last) = (rig::median(&costs), costs.last().copied()?);
    let mut fault = String::new();
    let name = kind.name();
    let _ = write!(fault, "with {} {name} a call costs {last:.0} µs, and {usual:.0} mostly", points.last()?.size);
    (last > usual * 2.0).then_some(fault)
}

fn row(kind: Kind, points: &[Point]) -> [Panel; 3] {
    let line = |name: &str, value: fn(&Point) -> f64| Line {
        name: name.to_owned(),
        points: points
            .iter()
            .map(|point| (point.size as f64, value(point)))
            .filter(|(_, value)| !value.is_nan())
            .collect(),
    };
    let panel =
        |title: &str, log_y, lines| Panel { title: format!("{title} by {}", kind.name()), lines, log_x: true, log_y };
    [
        panel("Processor time a call, µs,", false, vec![line("", |point| point.cost)]),
        panel("Memory, MiB,", true, vec![line("", |point| point.memory)]),
        panel("Wait, ms,", false, vec![line("median", |point| point.wait[0]), line("99 %", |point| point.wait[1])]),
    ]
}
