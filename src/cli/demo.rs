//! `demo`: gateway and Chat stand-in in one process, real gRPC and real HTTP
//! between them, and some generated groups that go all the way.

use std::{collections::BTreeMap, error::Error, process::ExitCode, time::Instant};

use clap::Args;
use tonic_types::pb;

use self::{groups::Generated, progress::Progress};
use super::{FAILED, block_on, could_not_start, print, serve::StandIn, start_logs};
use crate::{
    config::{Config, Listen, Log},
    gateway::Gateway,
    proto::{ImportGroupsRequest, group_import_client::GroupImportClient, import_groups_response::Outcome},
    sandbox,
};

mod groups;
mod progress;

#[derive(Args)]
pub(super) struct Demo {
    /// How many groups to import
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    groups: u32,

    /// Lets one call in twenty go wrong: answers get lost, and nothing else does
    #[arg(long)]
    faults: bool,
}

impl Demo {
    pub(super) fn run(self) -> ExitCode {
        // What goes on between the parts would run through the progress bar.
        start_logs(&Log { level: "warn,audit=off".into(), ..Log::default() });
        block_on(async {
            match demo(&self).await {
                Ok(code) => code,
                Err(error) => could_not_start(error.as_ref()),
            }
        })
    }
}

/// What came of it.
#[derive(Default)]
struct Tally {
    imported: u32,
    /// Of those: imported by an attempt whose answer was lost.
    reconciled: u32,
    refused: BTreeMap<String, u32>,
    /// Answers that were not what the generated group deserved.
    surprises: Vec<String>,
}

/// What goes wrong with `--faults`: one call in twenty, in all.
const FAULTS: [&str; 5] =
    ["close_before=1%", "close_after=1%", "http_502_after=1%", "cut_body=1%", "code_10002_after=1%"];

async fn demo(demo: &Demo) -> Result<ExitCode, Box<dyn Error>> {
    let count = demo.groups;
    let faults = if demo.faults { &FAULTS[..] } else { &[] };
    let stand_in = StandIn::start(sandbox::Settings {
        latency: std::time::Duration::from_millis(40),
        jitter: std::time::Duration::from_millis(20),
        faults: faults.iter().map(|fault| fault.parse()).collect::<Result<_, _>>()?,
        ..sandbox::Settings::default()
    })
    .await?;
    let mut config = Config::sandbox();
    config.server.listen = Listen::Tcp(([127, 0, 0, 1], 0).into());
    config.server.admin_listen = None;
    config.apps.push(stand_in.app());
    let gateway = Gateway::start(config, &stand_in.environment()).await?;
    let endpoint = format!("http://{}", gateway.bound());
    print::note(format_args!("gateway on {endpoint}, Chat stand-in on {}", stand_in.sandbox.base_url()));

    let since = Instant::now();
    let tally = import(endpoint, count).await?;
    let seconds = since.elapsed().as_secs_f64();
    gateway.stop().await;
    let most = stand_in.sandbox.most_in_one_second("import_group", None);
    let standing = stand_in.sandbox.group_count(stand_in.sdk_app_id());
    stand_in.sandbox.stop().await;
    Ok(report(&tally, count, seconds, most, standing))
}

/// Sends every group over one stream, and reads every answer.
async fn import(endpoint: String, count: u32) -> Result<Tally, Box<dyn Error>> {
    let mut client = GroupImportClient::connect(endpoint).await?;
    let requests = tokio_stream::iter((0..count).map(|index| ImportGroupsRequest {
        item_id: index.to_string(),
        request: Some(Generated::number(index).request),
    }));
    let mut answers = client.import_groups(requests).await?.into_inner();
    let mut tally = Tally::default();
    let mut progress = Progress::start(count);
    while let Some(answer) = answers.message().await? {
        let index = answer.item_id.parse()?;
        let reason = match answer.outcome {
            Some(Outcome::Imported(imported)) => {
                tally.reconciled += u32::from(imported.reconciled);
                "OK".to_owned()
            }
            Some(Outcome::Error(status)) => reason(&status),
            None => "NO_OUTCOME".to_owned(),
        };
        tally.take(index, reason);
        progress.tick(tally.imported, tally.refused.values().sum());
    }
    progress.end();
    Ok(tally)
}

impl Tally {
    fn take(&mut self, index: u32, reason: String) {
        let expected = Generated::number(index).expected;
        if reason != expected {
            self.surprises.push(format!("group {index}: {reason} where {expected} was due"));
        }
        if reason == "OK" {
            self.imported += 1;
        } else {
            *self.refused.entry(reason).or_default() += 1;
        }
    }
}

fn reason(status: &pb::Status) -> String {
    use prost::Message as _;
    let info = status.details.iter().find(|any| any.type_url.ends_with("/google.rpc.ErrorInfo"));
    let info = info.and_then(|any| pb::ErrorInfo::decode(any.value.as_slice()).ok());
    info.map_or_else(|| format!("status {}", status.code), |info| info.reason)
}

fn report(tally: &Tally, count: u32, seconds: f64, most: usize, standing: usize) -> ExitCode {
    let answered = tally.imported + tally.refused.values().sum::<u32>();
    print::line(format_args!("groups                      {count:>7}"));
    print::line(format_args!("imported                    {:>7}", tally.imported));
    if tally.reconciled > 0 {
        print::line(format_args!("  of them by a lost answer  {:>7}", tally.reconciled));
    }
    for (reason, number) in &tally.refused {
        print::line(format_args!("refused, {reason:<18} {number:>7}"));
    }
    print::line(format_args!("standing at the stand-in    {standing:>7}"));
    print::line(format_args!("time                        {seconds:>7.1} s"));
    print::line(format_args!("groups a second             {:>7.1}", f64::from(tally.imported) / seconds));
    print::line(format_args!("most calls in any second    {most:>7}   (Chat allows 200)"));
    for surprise in tally.surprises.iter().take(10) {
        print::note(surprise);
    }
    let went_well =
        tally.surprises.is_empty() && answered == count && standing == tally.imported as usize && most <= 200;
    print::line(if went_well { "all went as it should" } else { "something went wrong" });
    if went_well { ExitCode::SUCCESS } else { ExitCode::from(FAILED) }
}
