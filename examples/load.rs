//! Keeps a load on a gateway: groups of generated names, some of them bad on purpose, at a steady rate.
//!
//! `cargo run --example load -- --calls-per-second 50 --seconds 60 http://127.0.0.1:50051`
//!
//! It is for looking at a gateway under load: its live page, its metrics, a dashboard. It prints what came of it.
#![expect(clippy::print_stdout, reason = "its figures are what it is for")]

use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use clap::Parser;
use group_import_gateway::proto::{
    Group, GroupType, ImportGroupRequest, ImportGroupsRequest, group_import_client::GroupImportClient,
    import_groups_response::Outcome,
};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_stream::{StreamExt as _, wrappers::IntervalStream};
use tonic::{
    Request,
    metadata::{Ascii, MetadataValue},
    transport::Channel,
};

#[derive(Clone, Parser)]
struct Load {
    /// The gateway
    endpoint: String,
    #[arg(long, default_value_t = 50)]
    calls_per_second: u32,
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// The app to import into; none is needed where the caller may use one alone
    #[arg(long, default_value = "")]
    app: String,
    /// A bearer token
    #[arg(long)]
    token: Option<String>,
    /// One stream instead of single calls
    #[arg(long)]
    stream: bool,
    /// How many of 1,000 groups break a rule
    #[arg(long, default_value_t = 0)]
    bad: u64,
}

/// What came of it so far.
#[derive(Default)]
struct Tally {
    imported: AtomicU64,
    refused: AtomicU64,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let load = Load::parse();
    let client = GroupImportClient::connect(load.endpoint.clone()).await?;
    let tally = Arc::new(Tally::default());
    if load.stream {
        stream(&load, client, &tally).await?
    } else {
        calls(&load, client, &tally).await?
    }
    let (imported, refused) = (tally.imported.load(Ordering::Relaxed), tally.refused.load(Ordering::Relaxed));
    println!("imported {imported}, refused {refused}");
    Ok(())
}

/// Single calls, each in a task of its own, so that a slow answer holds back no other call.
async fn calls(load: &Load, client: GroupImportClient<Channel>, tally: &Arc<Tally>) -> Result<(), Box<dyn Error>> {
    let mut ticks = Box::pin(load.ticks());
    while let Some(number) = ticks.next().await {
        let request = load.request(load.group(number))?;
        let (mut client, tally) = (client.clone(), tally.clone());
        tokio::spawn(async move { tally.count(client.import_group(request).await.is_ok()) });
    }
    Ok(())
}

async fn stream(load: &Load, mut client: GroupImportClient<Channel>, tally: &Arc<Tally>) -> Result<(), Box<dyn Error>> {
    let sender = load.clone();
    let items = load
        .ticks()
        .map(move |number| ImportGroupsRequest { item_id: number.to_string(), request: Some(sender.group(number)) });
    let mut answers = client.import_groups(load.request(items)?).await?.into_inner();
    while let Some(answer) = answers.message().await? {
        tally.count(matches!(answer.outcome, Some(Outcome::Imported(_))));
    }
    Ok(())
}

impl Load {
    /// The number of each call, at its time.
    fn ticks(&self) -> impl tokio_stream::Stream<Item = u64> + Send + use<> {
        let mut ticks = interval(Duration::from_secs(1) / self.calls_per_second.max(1));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let end = Instant::now() + Duration::from_secs(self.seconds);
        let mut number = 0;
        IntervalStream::new(ticks).take_while(move |at| *at < end).map(move |_| {
            number += 1;
            number
        })
    }

    fn group(&self, number: u64) -> ImportGroupRequest {
        let bad = number % 1_000 < self.bad;
        let name = if bad { "far too long for a name ".repeat(20) } else { format!("Group {number}") };
        let group = Group { r#type: GroupType::Public.into(), name, ..Group::default() };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_nanos());
        ImportGroupRequest {
            app: self.app.clone(),
            group: Some(group),
            request_id: format!("load-{number}-{now}"),
            ..ImportGroupRequest::default()
        }
    }

    fn request<T>(&self, message: T) -> Result<Request<T>, Box<dyn Error>> {
        let mut request = Request::new(message);
        if let Some(token) = &self.token {
            let bearer: MetadataValue<Ascii> = format!("Bearer {token}").parse()?;
            request.metadata_mut().insert("authorization", bearer);
        }
        Ok(request)
    }
}

impl Tally {
    fn count(&self, imported: bool) {
        let counter = if imported { &self.imported } else { &self.refused };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}
