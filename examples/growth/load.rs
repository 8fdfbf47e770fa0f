//! Calls and streams, and a caller that comes now and then.

use std::{
    error::Error,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use group_import_gateway::proto::{
    Group, GroupType, ImportGroupRequest, ImportGroupsRequest, group_import_client::GroupImportClient,
    import_groups_response::Outcome,
};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep},
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    transport::{Channel, Endpoint},
};

use super::setup::{Demand, RATE, SELDOM, Setup, name, token};

/// Tasks that together keep an even rate.
const EVEN: usize = 32;
/// Single calls over one connection at a time.
const CALLS_PER_CONNECTION: usize = 500;
const STREAMS_PER_CONNECTION: usize = 100;
const SELDOM_EVERY: Duration = Duration::from_millis(50);
/// Longer than any wait here.
const DEADLINE: Duration = Duration::from_secs(400);

/// A load that goes on until it is ended.
pub(crate) struct Load {
    tasks: JoinSet<()>,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    /// How long each call took of the caller that comes now and then, in milliseconds.
    waits: Mutex<Vec<f64>>,
    failed: AtomicUsize,
    failure: Mutex<Option<String>>,
}

impl Seen {
    fn fail(&self, failure: String) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
    }
}

impl Load {
    pub(crate) async fn start(setup: &Setup, endpoint: &str) -> Result<Self, Box<dyn Error>> {
        let (seen, mut tasks) = (Arc::new(Seen::default()), JoinSet::new());
        let (count, per_connection) = match setup.demand {
            Demand::Even => (EVEN, 8),
            Demand::AtATime(calls) => (calls, CALLS_PER_CONNECTION),
            Demand::Streams(streams) => (streams, STREAMS_PER_CONNECTION),
        };
        let mut connections = Vec::new();
        for _ in 0..count.div_ceil(per_connection) {
            connections.push(GroupImportClient::new(Endpoint::new(endpoint.to_owned())?.connect().await?));
        }
        // Whose turn it is, among callers and among apps.
        let turn = Arc::new(AtomicUsize::new(0));
        for number in 0..count {
            let client = connections[number % connections.len()].clone();
            let maker = Maker { client, setup: *setup, turn: turn.clone(), seen: seen.clone() };
            match setup.demand {
                Demand::Even => tasks.spawn(maker.evenly(number)),
                Demand::AtATime(_) => tasks.spawn(maker.one_after_the_other()),
                Demand::Streams(_) => tasks.spawn(maker.stream(number)),
            };
        }
        let client = GroupImportClient::new(Endpoint::new(endpoint.to_owned())?.connect().await?);
        tasks.spawn(Maker { client, setup: *setup, turn, seen: seen.clone() }.seldom());
        Ok(Self { tasks, seen })
    }

    /// Forgets the waits so far.
    pub(crate) fn forget(&self) {
        self.seen.waits.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The waits, in milliseconds.
    pub(crate) fn end(mut self) -> Result<Vec<f64>, String> {
        self.tasks.abort_all();
        let failed = self.seen.failed.load(Ordering::Relaxed);
        if failed > 0 {
            let failure = self.seen.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
            return Err(format!("{failed} calls failed, one of them by: {}", failure.unwrap_or_default()));
        }
        Ok(std::mem::take(&mut self.seen.waits.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// Makes calls over one connection.
struct Maker {
    client: GroupImportClient<Channel>,
    setup: Setup,
    turn: Arc<AtomicUsize>,
    seen: Arc<Seen>,
}

impl Maker {
    async fn evenly(self, number: usize) {
        let every = Duration::from_secs(1) * EVEN as u32 / RATE;
        sleep(every * number as u32 / EVEN as u32).await;
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        loop {
            ticks.tick().await;
            self.call().await;
        }
    }

    async fn one_after_the_other(self) {
        loop {
            self.call().await;
        }
    }

    async fn call(&self) {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let request = request(import(turn % self.setup.apps), &format!("caller-{}", turn % self.setup.callers));
        let outcome = match request {
            Ok(request) => self.client.clone().import_group(request).await.map(drop),
            Err(status) => Err(status),
        };
        if let Err(status) = outcome {
            self.seen.fail(status.to_string());
            sleep(Duration::from_millis(100)).await;
        }
    }

    async fn stream(mut self, number: usize) {
        let (items, receiver) = mpsc::channel(1);
        let sending = async move {
            for number in 0_u64.. {
                let item = ImportGroupsRequest { item_id: number.to_string(), request: Some(import(0)) };
                if items.send(item).await.is_err() {
                    return;
                }
            }
        };
        let reading = async {
            let caller = format!("caller-{}", number % self.setup.callers);
            let mut answers =
                self.client.import_groups(request(ReceiverStream::new(receiver), &caller)?).await?.into_inner();
            while let Some(answer) = answers.message().await? {
                if !matches!(answer.outcome, Some(Outcome::Imported(_))) {
                    self.seen.fail(format!("{:?}", answer.outcome));
                }
            }
            Ok::<_, Status>(())
        };
        tokio::select! {
            () = sending => {}
            outcome = reading => self.seen.fail(format!("a stream ended: {outcome:?}")),
        }
    }

    async fn seldom(self) {
        let mut ticks = interval(SELDOM_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let Ok(request) = request(import(self.setup.apps - 1), SELDOM) else { return };
            let since = Instant::now();
            let outcome = self.client.clone().import_group(request).await;
            let wait = since.elapsed().as_secs_f64() * 1e3;
            match outcome {
                Ok(_) => self.seen.waits.lock().unwrap_or_else(PoisonError::into_inner).push(wait),
                Err(status) => self.seen.fail(status.to_string()),
            }
        }
    }
}

fn import(app: usize) -> ImportGroupRequest {
    let group = Group { r#type: GroupType::Public.into(), name: "A group".to_owned(), ..Group::default() };
    ImportGroupRequest {
        app: name(app),
        group: Some(group),
        request_id: format!("growth-{:032x}", rand::random::<u128>()),
        ..ImportGroupRequest::default()
    }
}

fn request<T>(message: T, caller: &str) -> Result<Request<T>, Status> {
    let mut request = Request::new(message);
    let bearer: MetadataValue<Ascii> =
        format!("Bearer {}", token(caller)).parse().map_err(|_| Status::from_error("a token that is none".into()))?;
    request.metadata_mut().insert("authorization", bearer);
    request.set_timeout(DEADLINE);
    Ok(request)
}
