//! A gateway whose answers a test decides.

use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::Stream;
use prost::Message as _;
use tokio::{net::TcpListener, sync::mpsc, task::JoinHandle};
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::{Code, Request, Response, Status, Streaming, transport::Server};
use tonic_types::{ErrorDetails, StatusExt as _, pb};

use crate::proto::{
    ImportGroupRequest, ImportGroupResponse, ImportGroupsRequest, ImportGroupsResponse,
    group_import_server::{GroupImport, GroupImportServer},
    import_groups_response::Outcome,
};

/// What the gateway does with an item.
pub(super) enum Act {
    /// As the real one: imports it, or finds that it stands already.
    Import,
    /// Answers with this error.
    Fail(Status),
    /// Imports it, and never says so.
    Swallow,
    /// Ends the stream.
    End(Status),
}

/// An error as the gateway makes them.
pub(super) fn fault(code: Code, reason: &str, applied: &str, more: &[(&str, &str)], after: Option<u64>) -> Status {
    let mut details = ErrorDetails::new();
    let metadata = more.iter().copied().chain([("applied", applied)]);
    let metadata = metadata.map(|(key, value)| (key.to_owned(), value.to_owned()));
    details.set_error_info(reason, "group-import-gateway", metadata.collect::<HashMap<_, _>>());
    if after.is_some() {
        details.set_retry_info(after.map(Duration::from_millis));
    }
    Status::with_error_details(code, format!("because of {reason}"), details)
}

type Script = dyn Fn(&ImportGroupsRequest, usize) -> Act + Send + Sync;

pub(super) struct Gateway {
    address: SocketAddr,
    play: Play,
    server: JoinHandle<()>,
}

#[derive(Clone)]
struct Play {
    script: Arc<Script>,
    seen: Arc<Mutex<Vec<ImportGroupsRequest>>>,
    times: Arc<Mutex<HashMap<String, usize>>>,
    standing: Arc<Mutex<HashSet<String>>>,
}

impl Gateway {
    /// One that imports everything.
    pub(super) async fn good() -> Self {
        Self::scripted(|_, _| Act::Import).await
    }

    /// One that asks `script` what to do with an item that it sees for the
    /// first (0), second (1), … time.
    pub(super) async fn scripted(script: impl Fn(&ImportGroupsRequest, usize) -> Act + Send + Sync + 'static) -> Self {
        Self::at("127.0.0.1:0".parse().unwrap(), script).await
    }

    pub(super) async fn at(
        address: SocketAddr,
        script: impl Fn(&ImportGroupsRequest, usize) -> Act + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let play =
            Play { script: Arc::new(script), seen: Arc::default(), times: Arc::default(), standing: Arc::default() };
        let service = GroupImportServer::new(play.clone());
        let serving = Server::builder().add_service(service).serve_with_incoming(TcpListenerStream::new(listener));
        let server = tokio::spawn(async move { serving.await.unwrap() });
        Self { address, play, server }
    }

    pub(super) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Everything that was asked of it, in order.
    pub(super) fn seen(&self) -> Vec<ImportGroupsRequest> {
        self.play.seen.lock().unwrap().clone()
    }

    /// How often it was asked for each line.
    pub(super) fn times(&self) -> HashMap<String, usize> {
        self.play.times.lock().unwrap().clone()
    }

    /// The keys of the groups that stand.
    pub(super) fn standing(&self) -> usize {
        self.play.standing.lock().unwrap().len()
    }

    /// Groups that stand before anything is imported.
    pub(super) fn found(self, group_id: &str) -> Self {
        self.play.standing.lock().unwrap().insert(group_id.to_owned());
        self
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Play {
    fn act(&self, item: &ImportGroupsRequest) -> Act {
        self.seen.lock().unwrap().push(item.clone());
        let mut times = self.times.lock().unwrap();
        let times = times.entry(item.item_id.clone()).or_default();
        *times += 1;
        (self.script)(item, *times - 1)
    }

    fn import(&self, request: &ImportGroupRequest) -> Outcome {
        let given = request.group.as_ref().unwrap().group_id.clone();
        let mut standing = self.standing.lock().unwrap();
        let key = match (given.is_empty(), request.request_id.is_empty()) {
            (false, _) => given.clone(),
            (true, false) => format!("derived-{}", request.request_id),
            (true, true) => format!("@TGS#{}", standing.len()),
        };
        let new = request.validate_only || standing.insert(key.clone());
        if new || given.is_empty() {
            return Outcome::Imported(ImportGroupResponse { group_id: key, reconciled: !new });
        }
        error(&fault(Code::AlreadyExists, "GROUP_ID_IN_USE", "no", &[("existing", "same")], None))
    }
}

fn error(status: &Status) -> Outcome {
    Outcome::Error(pb::Status::decode(status.details()).unwrap())
}

#[tonic::async_trait]
impl GroupImport for Play {
    async fn import_group(&self, _: Request<ImportGroupRequest>) -> Result<Response<ImportGroupResponse>, Status> {
        Err(Status::from(io_error()))
    }

    type ImportGroupsStream = Pin<Box<dyn Stream<Item = Result<ImportGroupsResponse, Status>> + Send>>;

    async fn import_groups(
        &self,
        request: Request<Streaming<ImportGroupsRequest>>,
    ) -> Result<Response<Self::ImportGroupsStream>, Status> {
        let (to, answers) = mpsc::channel(16);
        let (play, mut items) = (self.clone(), request.into_inner());
        tokio::spawn(async move {
            while let Ok(Some(item)) = items.message().await {
                let outcome = match play.act(&item) {
                    Act::Import => play.import(item.request.as_ref().unwrap()),
                    Act::Fail(status) => error(&status),
                    Act::Swallow => {
                        play.import(item.request.as_ref().unwrap());
                        continue;
                    }
                    Act::End(status) => {
                        let _ = to.send(Err(status)).await;
                        return;
                    }
                };
                let answer = ImportGroupsResponse { item_id: item.item_id, outcome: Some(outcome) };
                if to.send(Ok(answer)).await.is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(answers))))
    }
}

fn io_error() -> std::io::Error {
    std::io::Error::other("only streams here")
}
