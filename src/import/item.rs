//! A line on its way to the gateway, and what its answer means for it.

use std::time::Duration;

use prost::Message as _;
use tonic_types::pb;

use super::{
    ending::{Applied, Ending, Failure, details},
    reasons::{self, Scope},
};
use crate::proto::{ImportGroupRequest, ImportGroupsRequest, ImportGroupsResponse, import_groups_response::Outcome};

/// So often a line whose calls fail one by one is sent in one run; the next run
/// tries again.
const MOST_TRIES: u32 = 5;

/// A line that was read and is not settled.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) line: u64,
    pub(super) request: ImportGroupRequest,
    /// Whether an earlier sending of it may have made its group.
    pub(super) maybe: bool,
    /// Sendings in this run that failed for reasons of the call's own.
    pub(super) tries: u32,
}

/// What to do with an item after its answer.
#[derive(Debug, PartialEq)]
pub(super) enum Verdict {
    /// It is settled, or nobody but a human can settle it: it is never sent again.
    Close(Ending),
    /// It goes again, it alone, after a while.
    Again { after: Duration, maybe: bool },
    /// It goes again, and nothing else goes before this while is over.
    Pause { after: Option<Duration>, reason: String },
    /// It was tried often enough for this run.
    GiveUp { ending: Ending, maybe: bool },
    /// Nothing goes any more.
    Stop(Failure),
}

impl Item {
    /// Whether sending it twice can't make two groups.
    pub(super) fn keyed(&self) -> bool {
        !self.group_id().is_empty() || !self.request.request_id.is_empty()
    }

    fn group_id(&self) -> &str {
        self.request.group.as_ref().map_or("", |group| &group.group_id)
    }

    /// About what it takes in memory.
    pub(super) fn size(&self) -> usize {
        size_of::<Self>() + self.request.encoded_len()
    }

    /// It as the stream carries it, named by its line.
    pub(super) fn on_the_wire(&self) -> ImportGroupsRequest {
        ImportGroupsRequest { item_id: self.line.to_string(), request: Some(self.request.clone()) }
    }

    /// What its answer means.
    pub(super) fn judge(&self, answer: ImportGroupsResponse) -> Verdict {
        match answer.outcome {
            Some(Outcome::Imported(imported)) => {
                Verdict::Close(Ending::imported(self.line, imported.group_id, imported.reconciled))
            }
            Some(Outcome::Error(status)) => self.judge_error(&status),
            None => self.unknown(Failure::lost("the gateway's answer has no outcome"), None),
        }
    }

    fn judge_error(&self, status: &pb::Status) -> Verdict {
        let details = details(status);
        let mut failure = Failure::from_status(status, &details);
        let after = details.retry_info().and_then(|retry| retry.retry_delay);
        if self.maybe && failure.reason == "GROUP_ID_IN_USE" {
            let existing = details.error_info().and_then(|info| info.metadata.get("existing"));
            match existing.map(String::as_str) {
                Some("same") => return Verdict::Close(Ending::imported(self.line, self.group_id().to_owned(), true)),
                Some("different") => {}
                // The gateway, which knows of no other sending, says `no`; here it may be this line's own group.
                _ => failure.applied = Applied::Unknown,
            }
        }
        if failure.applied == Applied::Unknown {
            return self.unknown(failure, after);
        }
        match reasons::scope(&failure.reason, &failure.status) {
            Scope::Line => Verdict::Close(Ending::failed(self.line, failure)),
            Scope::Call => self.try_again(failure, after, self.maybe),
            Scope::Pause => Verdict::Pause { after, reason: failure.reason },
            Scope::Stop => Verdict::Stop(failure),
        }
    }

    /// It may have been applied: a key makes another sending safe.
    fn unknown(&self, failure: Failure, after: Option<Duration>) -> Verdict {
        if self.keyed() {
            self.try_again(failure, after, true)
        } else {
            Verdict::Close(Ending::failed(self.line, failure))
        }
    }

    fn try_again(&self, failure: Failure, after: Option<Duration>, maybe: bool) -> Verdict {
        if self.tries + 1 >= MOST_TRIES {
            return Verdict::GiveUp { ending: Ending::failed(self.line, failure), maybe };
        }
        let own = Duration::from_millis(500) * 2u32.pow(self.tries);
        Verdict::Again { after: after.unwrap_or_default().max(own), maybe }
    }
}

#[cfg(test)]
mod tests;
