//! The gRPC service: a line a unary RPC; the bulk stream has a room of its own.

use std::{future::ready, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use futures_util::future::{BoxFuture, Either};
use tonic::{Request, Response, Status, Streaming};

use crate::{
    admission::Lane,
    apps::Apps,
    callers::Caller,
    commands::{Operation, import_group::ImportGroup},
    deadline::Deadline,
    errors::{CallError, Failure, Reason},
    inbound::{Access, deadline, entry::Entry, places::More},
    operation::{self, Arrival},
    outbound::record::{Origin, Record},
    proto::{ImportGroupRequest, ImportGroupResponse, ImportGroupsRequest, group_import_server::GroupImport},
    stop::Stop,
    telemetry::Metrics,
};

mod stream;

pub use stream::UNANSWERED;

/// Answers calls. Clones are the same service.
#[derive(Clone)]
pub struct Service {
    /// Replaced whole when the configuration is read again.
    pub state: Arc<ArcSwap<State>>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Who may call.
    pub access: Arc<ArcSwap<Access>>,
    /// Whether it is stopping.
    pub stop: Stop,
}

/// What the configuration says of calls.
pub struct State {
    /// The apps.
    pub apps: Apps,
    /// For a unary call without one.
    pub unary_deadline: Duration,
    /// For each item of a stream.
    pub item_deadline: Duration,
}

#[tonic::async_trait]
impl GroupImport for Service {
    // What `async fn` stands for in this trait, without the copy of the request that it would keep.
    fn import_group<'a, 'b>(
        &'a self,
        request: Request<ImportGroupRequest>,
    ) -> BoxFuture<'b, Result<Response<ImportGroupResponse>, Status>>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(self.unary::<ImportGroup>(request))
    }

    type ImportGroupsStream = stream::Answers;

    async fn import_groups(
        &self,
        request: Request<Streaming<ImportGroupsRequest>>,
    ) -> Result<Response<stream::Answers>, Status> {
        let state = self.state.load_full();
        let (caller, entry) = (caller(&request)?, entry(&request));
        let timeout = deadline::grpc_timeout(request.metadata().as_ref());
        let more = request.extensions().get::<More>().cloned();
        Ok(Response::new(stream::answer(self.clone(), state, caller, entry, timeout, more, request.into_inner())))
    }
}

impl Service {
    fn unary<'a, O: Operation>(
        &'a self,
        request: Request<O::Request>,
    ) -> impl Future<Output = Result<Response<O::Reply>, Status>> + Send + use<'a, O> {
        let caller = match caller(&request) {
            Ok(caller) => caller,
            Err(status) => return Either::Left(ready(Err(status))),
        };
        let (state, entry) = (self.state.load(), entry(&request));
        let origin = Origin { caller: caller.name.clone(), trace: entry.trace().clone() };
        let record = Arc::new(Record::new(origin, None));
        entry.set_record(&record);
        let deadline = request.extensions().get::<Deadline>().copied();
        let arrival = Arrival {
            caller,
            lane: Lane::Unary,
            deadline: deadline.unwrap_or_else(|| Deadline::after(state.unary_deadline)),
            is_repeat: says_repeat(request.metadata()),
            record,
        };
        let running = self.run::<O>(&state, arrival, request.into_inner());
        Either::Right(async move {
            let reply = running.await;
            entry.set_outcome(reply.as_ref().map_or_else(Failure::reason, |_| "OK"));
            reply.map(Response::new).map_err(|failure| failure.to_status())
        })
    }

    /// Runs one request, and counts it.
    fn run<'a, O: Operation>(
        &'a self,
        state: &State,
        arrival: Arrival,
        request: O::Request,
    ) -> impl Future<Output = Result<O::Reply, Failure>> + Send + use<'a, O> {
        let (caller, record) = (arrival.caller.clone(), arrival.record.clone());
        let running = operation::run::<O>(&state.apps, &self.stop, arrival, request);
        async move {
            let outcome = running.await;
            let reason = outcome.as_ref().map_or_else(Failure::reason, |_| "OK");
            self.metrics.item(record.app(), &caller.label, O::command().name, reason);
            if let Err(failure) = &outcome {
                self.metrics.recent().failed(record.app(), &caller.name, reason, failure.message());
            }
            outcome
        }
    }

    /// Counts a stream's item that is no request at all.
    fn count_refused<O: Operation>(&self, caller: &Caller, failure: &Failure) {
        let outcome = failure.reason();
        self.metrics.item(None, &caller.label, O::command().name, outcome);
        self.metrics.recent().failed(None, &caller.name, outcome, failure.message());
    }
}

/// The inbound stack put it there; without it something is wired wrongly, and
/// nobody is let in.
fn caller<T>(request: &Request<T>) -> Result<Arc<Caller>, Status> {
    let caller = request.extensions().get::<Arc<Caller>>().cloned();
    caller.ok_or_else(|| Failure::early(Reason::Call(CallError::Fault)).to_status())
}

/// Put there by the same stack; nothing is told of a call that has none.
fn entry<T>(request: &Request<T>) -> Arc<Entry> {
    request.extensions().get::<Arc<Entry>>().cloned().unwrap_or_default()
}

/// gRPC clients that retry by their service config say how often they did.
fn says_repeat(metadata: &tonic::metadata::MetadataMap) -> bool {
    let attempts = metadata.get("grpc-previous-rpc-attempts").and_then(|attempts| attempts.to_str().ok());
    attempts.and_then(|attempts| attempts.parse().ok()).is_some_and(|attempts: u32| attempts > 0)
}
