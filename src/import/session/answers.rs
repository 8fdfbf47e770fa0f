//! Answers, and the end of a stream.

use std::{error::Error as _, time::Instant};

use prost::Message as _;
use tonic::{Code, Status};
use tonic_types::pb;

use super::{Session, Stop};
use crate::{
    import::{
        ending::{Applied, Ending, Failure, Outcome, details},
        item::Verdict,
        link::Broken,
        reasons::{Scope, passing, scope},
    },
    proto::ImportGroupsResponse,
};

/// After so many streams that the gateway ended without a single answer, for a
/// reason that isn't its going away, the next would fare no better.
const MOST_BARREN: u32 = 5;

impl Session {
    /// An item's answer.
    pub(super) fn answered(&mut self, answer: ImportGroupsResponse) {
        (self.barren, self.heard) = (0, true);
        self.backoff.reset();
        let Some(mut item) = answer.item_id.parse().ok().and_then(|line| self.board.landed(line)) else {
            return; // not one of ours: the gateway's mistake, and nothing hangs on it
        };
        match item.judge(answer) {
            Verdict::Close(ending) => {
                self.pause.reset();
                self.close(ending);
            }
            Verdict::Again { after, maybe } => {
                (item.tries, item.maybe) = (item.tries + 1, maybe);
                self.unsent_unless(maybe, item.line);
                self.board.wait(item, Instant::now() + after);
            }
            Verdict::Pause { after, reason } => {
                self.pause.begin(Instant::now(), after, reason);
                self.wait_unsent(vec![item]);
            }
            Verdict::GiveUp { ending, maybe } => {
                self.unsent_unless(maybe, item.line);
                self.given_up.add(&ending);
                self.recorder.given_up(ending);
            }
            Verdict::Stop(failure) => {
                self.unsent_unless(item.maybe, item.line);
                self.stop.get_or_insert(Stop::Refused(failure));
            }
        }
    }

    fn unsent_unless(&self, maybe: bool, line: u64) {
        if !maybe {
            self.recorder.back(vec![line]);
        }
    }

    /// A line is never sent again.
    pub(super) fn close(&mut self, ending: Ending) {
        self.tally.add(&ending);
        if matches!(ending.outcome, Outcome::Failed(_)) {
            self.refused += 1;
            if self.plan.max_errors.is_some_and(|most| self.refused >= most) {
                self.stop.get_or_insert(Stop::Failures(self.refused));
            }
        }
        self.recorder.done(ending);
    }

    /// A line may have made its group, and has no key to ask again with.
    pub(super) fn lost(&mut self, line: u64, how: &str) {
        let failure = Failure::lost(&format!("{how}; see whether the group exists before sending the line again"));
        self.close(Ending::failed(line, failure));
    }

    /// The stream is gone; lines without an answer may have been sent to Chat,
    /// unless the gateway ended it to stop and so says that they were not.
    pub(super) async fn stream_ended(&mut self, status: Option<Status>) {
        let end = status.map(|status| End::of(&status));
        let unsent = end.as_ref().is_some_and(|end| end.failure.reason == "DRAINING");
        let mut again = Vec::new();
        for mut item in self.board.all_landed() {
            item.maybe |= !unsent;
            match item.keyed() || unsent {
                true => again.push(item),
                false => self.lost(item.line, "the connection to the gateway broke before the answer came"),
            }
        }
        self.wait_unsent(again);
        if self.stop.is_some() || self.is_done() {
            return;
        }
        self.judge_stream(end);
        if self.stop.is_none() {
            self.rest().await;
        }
    }

    fn judge_stream(&mut self, end: Option<End>) {
        let Some(End { code, failure, broken }) = end else {
            return self.barren_stream("the gateway ended the stream before it had answered every line", "");
        };
        let text = match &broken {
            Some(broken) => format!("the connection broke: {}", broken.text),
            None => format!("the stream broke off: {} {}", failure.status, failure.message),
        };
        if let Some(broken) = &broken {
            // Where a gateway has answered before, it will again: whatever stands in its place, a proxy
            // without anything behind it, say, is waited out. At the first try it may be no gateway at all.
            if self.heard {
                return self.screen.notice_now_and_then(&format!("{text}; connecting again"));
            }
            if self.gives_up(&text, broken) {
                return;
            }
        }
        let ours = failure.applied == Applied::No && !failure.reason.is_empty();
        if ours && scope(&failure.reason, &failure.status) == Scope::Stop || !ours && !passing(code) {
            self.stop = Some(Stop::Refused(failure));
            return;
        }
        if code == Code::Unavailable {
            self.screen.notice_now_and_then(&format!("{text}; connecting again"));
        } else {
            let suspicion = if broken.is_some() { self.link.suspicion() } else { "" };
            self.barren_stream(&text, suspicion);
        }
    }

    fn barren_stream(&mut self, text: &str, suspicion: &str) {
        self.barren += 1;
        if self.barren >= MOST_BARREN {
            let times = format!("{MOST_BARREN} times in a row without a single answer");
            self.stop = Some(Stop::Gateway(format!("{text}, {times}{suspicion}")));
        } else {
            self.screen.notice_now_and_then(&format!("{text}; connecting again"));
        }
    }
}

/// How a stream ended.
struct End {
    code: Code,
    failure: Failure,
    /// The connection ended it, and no word of the gateway's.
    broken: Option<Broken>,
}

impl End {
    /// A stream's own status is read as an item's error.
    fn of(status: &Status) -> Self {
        let bare = pb::Status { code: status.code().into(), message: status.message().to_owned(), details: Vec::new() };
        let whole = pb::Status::decode(status.details()).ok().filter(|whole| !whole.details.is_empty());
        let whole = whole.unwrap_or(bare);
        let failure = Failure::from_status(&whole, &details(&whole));
        Self { code: status.code(), failure, broken: status.source().map(Broken::of) }
    }
}
