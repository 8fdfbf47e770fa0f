//! Keeps a load on a gateway: groups of generated names, some of them bad on purpose.
//!
//! `cargo run --example load -- --calls-per-second 50 --seconds 60 http://127.0.0.1:50051`
//!
//! It is for looking at a gateway under load: its live page, its metrics, a dashboard; and `examples/bench/run`
//! measures with it. It prints what came of it. The rate is steady, or with `--in-flight` as high as answers allow.
#![expect(clippy::print_stdout, reason = "its figures are what it is for")]

use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use clap::Parser;
use group_import_gateway::proto::{
    AppDefinedField, Group, GroupType, ImportGroupRequest, ImportGroupsRequest, group_import_client::GroupImportClient,
    import_groups_response::Outcome,
};
use tokio::time::{MissedTickBehavior, interval};
use tokio_stream::{StreamExt as _, wrappers::IntervalStream};
use tonic::{
    Request,
    metadata::{Ascii, MetadataValue},
    transport::{Channel, Endpoint},
};

use self::{direct::Direct, tally::Tally};

mod direct;
mod tally;

#[derive(Clone, Parser)]
struct Load {
    /// The gateway
    endpoint: Endpoint,
    #[arg(long, default_value_t = 50)]
    calls_per_second: u32,
    /// So many calls at a time, each followed by the next, instead of a rate
    #[arg(long, conflicts_with = "stream")]
    in_flight: Option<usize>,
    #[arg(long, default_value_t = 1)]
    connections: usize,
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
    /// Gives each group an ID, instead of the request
    #[arg(long)]
    group_ids: bool,
    /// How many of 1,000 groups break a rule
    #[arg(long, default_value_t = 0)]
    bad: u64,
    /// Posts the same groups to this address as well, in plain HTTP, half-way between calls: what a call costs without
    /// anything in between
    #[arg(long, value_name = "URL", conflicts_with_all = ["stream", "in_flight"])]
    direct: Option<String>,
    /// Prints one JSON object
    #[arg(long)]
    json: bool,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let load = Load::parse();
    let mut clients = Vec::new();
    for _ in 0..load.connections.max(1) {
        clients.push(GroupImportClient::new(load.endpoint.connect().await?));
    }
    let (tally, direct) = (Arc::new(Tally::default()), Arc::new(Tally::default()));
    let since = Instant::now();
    match load.in_flight {
        Some(in_flight) => at_full_speed(&load, &clients, in_flight, &tally).await?,
        None if load.stream => stream(&load, clients.swap_remove(0), &tally).await?,
        None => calls(&load, &clients, &tally, &direct).await?,
    }
    let took = since.elapsed();
    if load.json {
        println!("{}", serde_json::json!({ "calls": tally.summary(took), "direct": direct.summary(took) }));
        return Ok(());
    }
    println!("{}", tally.line(took));
    if load.direct.is_some() {
        println!("directly: {}", direct.line(took));
    }
    Ok(())
}

/// Single calls, each in a task of its own, so that a slow answer holds back no other call.
async fn calls(
    load: &Load,
    clients: &[GroupImportClient<Channel>],
    tally: &Arc<Tally>,
    direct: &Arc<Tally>,
) -> Result<(), Box<dyn Error>> {
    let to_chat = load.direct.as_deref().map(Direct::new).transpose()?;
    let half_a_tick = Duration::from_secs(1) / load.calls_per_second.max(1) / 2;
    let mut ticks = Box::pin(load.ticks());
    let mut under_way = tokio::task::JoinSet::new();
    while let Some(number) = ticks.next().await {
        while under_way.try_join_next().is_some() {}
        let request = load.request(load.group(number))?;
        let (mut client, tally) = (clients[number as usize % clients.len()].clone(), tally.clone());
        under_way.spawn(async move { tally.measure(client.import_group(request)).await });
        if let Some(to_chat) = &to_chat {
            let (to_chat, tally) = (to_chat.clone(), direct.clone());
            under_way.spawn(async move {
                tokio::time::sleep(half_a_tick).await;
                tally.measure(to_chat.post(number)).await;
            });
        }
    }
    under_way.join_all().await;
    Ok(())
}

/// So many calls at a time, for as long as the load lasts.
async fn at_full_speed(
    load: &Load,
    clients: &[GroupImportClient<Channel>],
    in_flight: usize,
    tally: &Arc<Tally>,
) -> Result<(), Box<dyn Error>> {
    load.request(())?; // a token that is none is told before the load begins
    let end = Instant::now() + Duration::from_secs(load.seconds);
    let numbers = Arc::new(AtomicU64::new(0));
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..in_flight {
        let (load, mut client) = (load.clone(), clients[caller % clients.len()].clone());
        let (tally, numbers) = (tally.clone(), numbers.clone());
        callers.spawn(async move {
            while Instant::now() < end {
                let number = numbers.fetch_add(1, Ordering::Relaxed);
                let Ok(request) = load.request(load.group(number)) else { return };
                tally.measure(client.import_group(request)).await;
            }
        });
    }
    callers.join_all().await;
    Ok(())
}

async fn stream(load: &Load, mut client: GroupImportClient<Channel>, tally: &Arc<Tally>) -> Result<(), Box<dyn Error>> {
    let sender = load.clone();
    let items = load
        .ticks()
        .map(move |number| ImportGroupsRequest { item_id: number.to_string(), request: Some(sender.group(number)) });
    let mut answers = client.import_groups(load.request(items)?).await?.into_inner();
    while let Some(answer) = answers.message().await? {
        tally.count(matches!(answer.outcome, Some(Outcome::Imported(_))), None);
    }
    Ok(())
}

impl Load {
    /// The number of each call, at its time.
    fn ticks(&self) -> impl tokio_stream::Stream<Item = u64> + Send + use<> {
        let mut ticks = interval(Duration::from_secs(1) / self.calls_per_second.max(1));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let end = tokio::time::Instant::now() + Duration::from_secs(self.seconds);
        let mut number = 0;
        IntervalStream::new(ticks).take_while(move |at| *at < end).map(move |_| {
            number += 1;
            number
        })
    }

    fn group(&self, number: u64) -> ImportGroupRequest {
        let bad = number % 1_000 < self.bad;
        let name = if bad { "far too long for a name ".repeat(20) } else { format!("Group {number}") };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_nanos());
        let key = format!("load-{number}-{now}");
        let (group_id, request_id) = if self.group_ids { (key, String::new()) } else { (String::new(), key) };
        let group = Group {
            r#type: GroupType::Public.into(),
            name,
            group_id,
            owner_account: format!("owner-{}", number % 1_000),
            introduction: "One of many that are brought over".to_owned(),
            app_defined_data: vec![AppDefinedField { key: "old_id".to_owned(), value: number.to_string() }],
            ..Group::default()
        };
        ImportGroupRequest { app: self.app.clone(), group: Some(group), request_id, ..ImportGroupRequest::default() }
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
