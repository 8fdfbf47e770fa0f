//! Streams and callers that come and go.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use group_import_gateway::proto::{
    Group, GroupType, ImportGroupRequest, ImportGroupsRequest, group_import_client::GroupImportClient,
    import_groups_response::Outcome,
};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{
    Code, Request, Status,
    transport::{Channel, Endpoint},
};
use tonic_types::{RpcStatusExt as _, StatusExt as _};

use super::roster::Roster;

/// As many keep each app at its full rate while one or two of them begin or end.
const STREAMS_PER_APP: usize = 4;
const CALLERS_PER_APP: usize = 6;

/// Where the load goes, and who makes it.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) endpoint: String,
    pub(crate) roster: Arc<Roster>,
    pub(crate) outcomes: Arc<Outcomes>,
}

/// How often calls and items ended how.
#[derive(Default)]
pub(crate) struct Outcomes {
    by_reason: Mutex<BTreeMap<String, u64>>,
    connections: AtomicU64,
    streams: AtomicU64,
}

impl Outcomes {
    fn count(&self, reason: &str) {
        *self.by_reason.lock().unwrap_or_else(PoisonError::into_inner).entry(reason.to_owned()).or_default() += 1;
    }

    fn count_status(&self, status: &Status) {
        let reason = status.get_details_error_info().map(|info| info.reason);
        self.count(&reason.unwrap_or_else(|| format!("{:?}, of the client's own", status.code())));
    }
}

impl fmt::Display for Outcomes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (connections, streams) = (self.connections.load(Ordering::Relaxed), self.streams.load(Ordering::Relaxed));
        writeln!(f, "{connections} connections of callers, {streams} streams; calls and items ended as")?;
        let by_reason = self.by_reason.lock().unwrap_or_else(PoisonError::into_inner);
        by_reason.iter().try_for_each(|(reason, count)| writeln!(f, "  {reason:<40}{count:>10}"))
    }
}

/// All of it, until what is returned is dropped.
pub(crate) fn start(place: &Place) -> Load {
    let mut tasks = JoinSet::new();
    for (app, _) in super::APPS {
        for number in 0..STREAMS_PER_APP {
            let place = place.clone();
            tasks.spawn(async move {
                loop {
                    if place.stream(app, number).await.is_err() {
                        sleep(Duration::from_millis(500)).await;
                    }
                }
            });
        }
        for _ in 0..CALLERS_PER_APP {
            let place = place.clone();
            tasks.spawn(async move {
                loop {
                    if place.visit(app).await.is_err() {
                        sleep(Duration::from_millis(500)).await;
                    }
                    sleep(Duration::from_millis(rand::random_range(20..400))).await;
                }
            });
        }
    }
    Load(tasks)
}

/// The load, while it is kept.
pub(crate) struct Load(JoinSet<()>);

impl Load {
    pub(crate) fn abort(mut self) {
        self.0.abort_all();
    }
}

impl Place {
    async fn connect(&self) -> Result<GroupImportClient<Channel>, Status> {
        let unreachable = |error: tonic::transport::Error| Status::from_error(error.into());
        let endpoint = Endpoint::new(self.endpoint.clone()).map_err(unreachable)?;
        self.outcomes.connections.fetch_add(1, Ordering::Relaxed);
        Ok(GroupImportClient::new(endpoint.connect().await.map_err(unreachable)?))
    }

    /// One stream over a connection of its own, for some seconds. Some are closed and read to the end, others left.
    async fn stream(&self, app: &str, number: usize) -> Result<(), Status> {
        let mut client = self.connect().await?;
        self.outcomes.streams.fetch_add(1, Ordering::Relaxed);
        let (items, receiver) = mpsc::channel(4);
        let app = app.to_owned();
        let life = Duration::from_millis(rand::random_range(5_000..60_000));
        let sending = tokio::spawn(async move {
            let send = async {
                for number in 0_u64.. {
                    let item = ImportGroupsRequest { item_id: number.to_string(), request: Some(import(&app)) };
                    if items.send(item).await.is_err() {
                        return;
                    }
                }
            };
            let _ = timeout(life, send).await;
        });
        let request = with_token(ReceiverStream::new(receiver), &self.roster.steady(number))?;
        let mut answers =
            client.import_groups(request).await.inspect_err(|status| self.outcomes.count_status(status))?.into_inner();
        let is_left = rand::random_bool(0.3);
        let reading = async {
            while let Some(answer) = answers.message().await? {
                match answer.outcome {
                    Some(Outcome::Imported(_)) => self.outcomes.count("OK"),
                    Some(Outcome::Error(error)) => {
                        let reason = error.get_details_error_info().map(|info| info.reason);
                        self.outcomes.count(&reason.unwrap_or_else(|| "an item without a reason".to_owned()));
                    }
                    None => self.outcomes.count("no outcome"),
                }
            }
            Ok::<_, Status>(())
        };
        let limit = if is_left { life / 2 } else { Duration::from_secs(180) };
        let read = timeout(limit, reading).await;
        sending.abort();
        match read {
            Ok(Err(status)) => {
                self.outcomes.count_status(&status);
                Err(status)
            }
            _ => Ok(()),
        }
    }

    /// A caller that comes, imports some groups, and goes. It gives up on some calls in the middle.
    async fn visit(&self, app: &str) -> Result<(), Status> {
        let mut client = self.connect().await?;
        let token = self.roster.any();
        for _ in 0..rand::random_range(1..30) {
            let mut request = with_token(import(app), &token)?;
            request.set_timeout(Duration::from_millis(rand::random_range(500..8_000)));
            let gives_up = rand::random_bool(0.05);
            let patience = if gives_up { Duration::from_millis(30) } else { Duration::from_secs(20) };
            match timeout(patience, client.import_group(request)).await {
                Ok(Ok(_)) => self.outcomes.count("OK"),
                Ok(Err(status)) => {
                    self.outcomes.count_status(&status);
                    if status.code() == Code::Unauthenticated {
                        return Ok(());
                    }
                }
                Err(_) => self.outcomes.count("given up"),
            }
        }
        Ok(())
    }
}

fn import(app: &str) -> ImportGroupRequest {
    let group = Group { r#type: GroupType::Public.into(), name: "A group of the soak".to_owned(), ..Group::default() };
    ImportGroupRequest {
        app: app.to_owned(),
        group: Some(group),
        request_id: format!("soak-{:032x}", rand::random::<u128>()),
        ..ImportGroupRequest::default()
    }
}

fn with_token<T>(message: T, token: &str) -> Result<Request<T>, Status> {
    let mut request = Request::new(message);
    let bearer = format!("Bearer {token}").parse().map_err(|_| Status::from_error("a token that is none".into()))?;
    request.metadata_mut().insert("authorization", bearer);
    Ok(request)
}
