//! `ImportGroups`: every item is answered exactly once, as it finishes.
//!
//! The reader decides how much is held: it takes a message only while fewer
//! than [`WAITING`] of this stream's items wait for their first permit, fewer
//! than [`UNANSWERED`] are unanswered in all, and its caller has a place left
//! for another; the stream's own place serves for one. What it does not take waits
//! in the HTTP/2 window, which then holds the sender back, so that memory
//! stays flat whatever the sender does.

use std::{collections::HashSet, future::Future, panic::AssertUnwindSafe, pin::Pin, sync::Arc, time::Duration};

use futures_util::{FutureExt as _, StreamExt as _, stream::FuturesUnordered};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::{Instant, sleep_until, timeout_at},
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};

use super::{Service, State};
use crate::{
    admission::Lane,
    callers::Caller,
    commands::import_group::ImportGroup,
    deadline::Deadline,
    errors::{CallError, Failure, NotSent, Reason, Violation},
    inbound::{
        entry::{Entry, tell_item},
        guard::Guards,
        places::{More, Place},
    },
    operation::Arrival,
    outbound::record::{Origin, Record},
    proto::{ImportGroupsRequest, ImportGroupsResponse, import_groups_response::Outcome},
};

/// What the caller reads.
pub(super) type Answers = ReceiverStream<Result<ImportGroupsResponse, Status>>;

/// Enough to fill every permit that falls free within a sixth of a second.
const WAITING: usize = 32;
/// At 200 a second, more than can be under way within an attempt's 5 s.
pub const UNANSWERED: usize = 1024;
/// The longest `item_id`, in bytes.
const MAX_ITEM_ID_BYTES: usize = 128;
/// Answers that may wait for a caller that reads slowly.
const ANSWERS: usize = 64;

type Item = Pin<Box<dyn Future<Output = ImportGroupsResponse> + Send>>;

/// Answers a stream, in a task of its own that ends with the stream.
pub(super) fn answer(
    service: Service,
    state: Arc<State>,
    caller: Arc<Caller>,
    entry: Arc<Entry>,
    timeout: Option<Duration>,
    more: Option<More>,
    requests: Streaming<ImportGroupsRequest>,
) -> Answers {
    let (answers, receiver) = mpsc::channel(ANSWERS);
    let bulk = Bulk {
        service,
        state,
        caller,
        entry,
        deadline: timeout.map(Deadline::after),
        places: Arc::new(Semaphore::new(WAITING)),
        more,
        spare: None,
        unanswered: HashSet::new(),
        items: FuturesUnordered::new(),
    };
    let caller = answers.clone();
    tokio::spawn(to_its_end(bulk.run(requests, answers), caller));
    ReceiverStream::new(receiver)
}

/// Lets a stream be answered until its caller leaves.
async fn to_its_end(answering: impl Future<Output = ()>, caller: mpsc::Sender<Result<ImportGroupsResponse, Status>>) {
    tokio::select! {
        ended = AssertUnwindSafe(answering).catch_unwind() => if ended.is_err() {
            // Without this the stream would end as if every item had been answered.
            let _ = caller.send(Err(Failure::panicked().to_status())).await;
        },
        // Dropping the items takes them out of the queue; attempts under way go on in their tasks.
        () = caller.closed() => {}
    }
}

/// One stream.
struct Bulk {
    service: Service,
    state: Arc<State>,
    caller: Arc<Caller>,
    entry: Arc<Entry>,
    deadline: Option<Deadline>,
    places: Arc<Semaphore>,
    more: Option<More>,
    /// For the next item.
    spare: Option<Place>,
    unanswered: HashSet<String>,
    items: FuturesUnordered<Item>,
}

/// How reading came to its end.
type End = Option<Status>;

impl Bulk {
    async fn run(
        mut self,
        requests: Streaming<ImportGroupsRequest>,
        answers: mpsc::Sender<Result<ImportGroupsResponse, Status>>,
    ) {
        let end = self.read_and_answer(requests, &answers).await;
        while let Some(answer) = self.items.next().await {
            if answers.send(Ok(answer)).await.is_err() {
                return;
            }
        }
        if let Some(status) = end {
            // The caller may be gone, and then nobody needs it.
            let _ = answers.send(Err(status)).await;
        }
    }

    /// Reads to the end of the sender's side, answering all the while.
    async fn read_and_answer(
        &mut self,
        mut requests: Streaming<ImportGroupsRequest>,
        answers: &mpsc::Sender<Result<ImportGroupsResponse, Status>>,
    ) -> End {
        let over = self.deadline.map_or_else(far_future, |deadline| deadline.send_by);
        let over = sleep_until(over);
        tokio::pin!(over);
        let (places, stop) = (self.places.clone(), self.service.stop.clone());
        loop {
            let few = self.unanswered.len() < UNANSWERED && self.has_place();
            let room = few && places.available_permits() > 0;
            tokio::select! {
                biased;
                () = &mut over => return self.ended(CallError::DeadlinePassed),
                () = stop.draining() => return self.ended(NotSent::Draining.into()),
                Some(answer) = self.items.next(), if !self.items.is_empty() => {
                    self.unanswered.remove(&answer.item_id);
                    if answers.send(Ok(answer)).await.is_err() {
                        return None;
                    }
                }
                message = requests.message(), if room => match message {
                    Ok(Some(message)) => {
                        if let Some(answer) = self.start(message)
                            && answers.send(Ok(answer)).await.is_err()
                        {
                            return None;
                        }
                    }
                    Ok(None) => return None,
                    Err(status) => return Some(status),
                },
                // A place falls free when an item is sent, long before it is answered.
                place = places.acquire(), if !room && few => drop(place),
            }
        }
    }

    /// Whether there is a place for another item. Where there is none the next
    /// answer makes one.
    fn has_place(&mut self) -> bool {
        let Some(more) = self.more.as_ref().filter(|_| !self.items.is_empty()) else {
            self.spare = None;
            return true;
        };
        self.spare = self.spare.take().or_else(|| more.take());
        self.spare.is_some()
    }

    /// Begins an item, or answers at once one that can't be begun.
    fn start(&mut self, message: ImportGroupsRequest) -> Option<ImportGroupsResponse> {
        let ImportGroupsRequest { item_id, request } = message;
        self.entry.items().begin();
        let Some(request) = self.acceptable(&item_id).then_some(request).flatten() else {
            return Some(self.refuse(item_id));
        };
        self.unanswered.insert(item_id.clone());
        let record = self.record(self.places.clone().try_acquire_owned().ok());
        let own = Deadline::after(self.state.item_deadline);
        let arrival = Arrival {
            caller: self.caller.clone(),
            lane: Lane::Stream,
            deadline: self.deadline.map_or(own, |stream| stream.min(own)),
            is_repeat: false,
            record: record.clone(),
        };
        let (service, state, entry) = (self.service.clone(), self.state.clone(), self.entry.clone());
        let since = Instant::now();
        let held = self.spare.take();
        self.items.push(Box::pin(async move {
            let _held = held;
            // Where its ceiling leaves no room in time, admission says so.
            let _ = timeout_at(arrival.deadline.send_by, Guards::wait(&service.access, &arrival.caller)).await;
            let outcome = service.run::<ImportGroup>(&state, arrival, request).await;
            tell(&entry, &item_id, &record, outcome.as_ref().err(), since.elapsed());
            response(item_id, outcome)
        }));
        None
    }

    /// Where an item's doings are noted.
    fn record(&self, place: Option<OwnedSemaphorePermit>) -> Arc<Record> {
        let origin = Origin { caller: self.caller.name.clone(), trace: self.entry.trace().item() };
        Arc::new(Record::new(origin, place))
    }

    fn ended(&self, error: CallError) -> End {
        let failure = Failure::early(Reason::Call(error));
        self.entry.set_outcome(failure.reason());
        Some(failure.to_status())
    }

    fn acceptable(&self, item_id: &str) -> bool {
        (1..=MAX_ITEM_ID_BYTES).contains(&item_id.len()) && !self.unanswered.contains(item_id)
    }

    /// Says all that is wrong with an item; too long an ID comes back cut.
    fn refuse(&self, mut item_id: String) -> ImportGroupsResponse {
        let fault = match item_id.len() {
            0 => Some("required"),
            1..=MAX_ITEM_ID_BYTES if self.unanswered.contains(&item_id) => {
                Some("an item with this ID is still unanswered")
            }
            1..=MAX_ITEM_ID_BYTES => None,
            _ => Some("at most 128 bytes"),
        };
        let violation = fault.map_or_else(|| violation("request", "required"), |fault| violation("item_id", fault));
        let end = (0..=MAX_ITEM_ID_BYTES).rev().find(|end| item_id.is_char_boundary(*end)).unwrap_or(0);
        item_id.truncate(end);
        let failure = Failure::early(Reason::Invalid(vec![violation]));
        self.service.count_refused::<ImportGroup>(&self.caller, &failure);
        tell(&self.entry, &item_id, &self.record(None), Some(&failure), Duration::ZERO);
        response(item_id, Err(failure))
    }
}

fn violation(field: &str, description: &str) -> Violation {
    Violation { field: field.to_owned(), description: description.to_owned() }
}

fn response(item_id: String, outcome: Result<crate::proto::ImportGroupResponse, Failure>) -> ImportGroupsResponse {
    let outcome = match outcome {
        Ok(imported) => Outcome::Imported(imported),
        Err(failure) => Outcome::Error(failure.to_rpc_status()),
    };
    ImportGroupsResponse { item_id, outcome: Some(outcome) }
}

/// Tells of an item that is answered.
fn tell(entry: &Entry, item_id: &str, record: &Record, failure: Option<&Failure>, took: Duration) {
    entry.items().end(failure.is_none());
    tell_item(item_id, record, failure.map_or(Code::Ok, Failure::code), failure.map_or("OK", Failure::reason), took);
}

fn far_future() -> Instant {
    Instant::now() + Duration::from_secs(365 * 86_400)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;

    #[tokio::test]
    async fn a_panic_never_lets_a_stream_end_well() {
        let (answers, mut receiver) = mpsc::channel(1);
        to_its_end(async { panic!("a bug") }, answers).await;
        let status = receiver.recv().await.unwrap().unwrap_err();
        assert_eq!(status.code(), tonic::Code::Internal);
        assert!(status.message().contains("whether the group was made is not known"), "{status:?}");
        assert!(receiver.recv().await.is_none());
    }
}
