//! Lines on their way out: read, recorded as sent, and then sent.

use std::time::Instant;

use super::{Session, Stop, Wire};
use crate::{
    import::{
        ending::{Ending, Failure},
        feed::Entry,
        item::Item,
        journal::Prefix,
    },
    proto::{Group, ImportGroupRequest},
};

impl Session {
    /// Whether lines may be read now.
    pub(super) fn may_take_in(&self) -> bool {
        self.stop.is_none()
            && self.source.is_some()
            && !self.recorder.is_behind()
            && self.pause.reason(Instant::now()).is_none()
    }

    /// Takes lines that were read: bad ones are settled, the others go to the journal.
    pub(super) fn take_in(&mut self, read: usize, entries: Vec<Result<Entry, String>>) {
        if read == 0 {
            self.source = None;
            return;
        }
        let (mut batch, mut prefix) = (Vec::new(), None);
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(fault) => {
                    self.source = None;
                    self.stop.get_or_insert(Stop::Input(fault));
                    break;
                }
            };
            prefix = entry.sha256.map(|sha256| Prefix { line: entry.line, sha256 });
            match entry.content {
                Ok(group) => batch.extend(self.item(entry.line, entry.sent_before, group)),
                Err(fault) => self.close(Ending::failed(entry.line, Failure::malformed(fault))),
            }
        }
        self.board.recording(&batch);
        self.recorder.send(batch, prefix);
    }

    /// The line as it will be sent; none where it must not be sent again.
    fn item(&mut self, line: u64, sent_before: bool, group: Group) -> Option<Item> {
        let keyed = !group.group_id.is_empty();
        let request_id = match keyed || self.plan.assigned_ids {
            true => String::new(),
            false => format!("{}-{line}", self.plan.id),
        };
        let request = ImportGroupRequest {
            app: self.plan.app.clone(),
            group: Some(group),
            validate_only: self.plan.validate_only,
            request_id,
        };
        let item = Item { line, request, maybe: sent_before, tries: 0 };
        if sent_before && !item.keyed() {
            self.lost(line, "an earlier run was cut off before the answer came");
            return None;
        }
        Some(item)
    }

    /// Sends lines again whose time has come.
    pub(super) fn send_due(&mut self) {
        let now = Instant::now();
        if self.stop.is_some() || self.pause.reason(now).is_some() {
            return;
        }
        let due = self.board.due(now);
        if !due.is_empty() {
            self.board.recording(&due);
            self.recorder.send(due, None);
        }
    }

    /// A batch is in the journal: onto the wire with it, where there is one.
    pub(super) fn recorded(&mut self, batch: Option<Result<Vec<Item>, String>>, wire: Option<&Wire>) {
        let batch = match batch {
            Some(Ok(batch)) => batch,
            Some(Err(fault)) => return self.recorder_failed(fault),
            None => return self.recorder_failed("the recorder ended".to_owned()),
        };
        let mut unsent = Vec::new();
        for item in batch {
            self.board.recorded(&item);
            // The wire has room for all lines in hand, so that it fails only when it is gone.
            let sent = wire.is_some_and(|wire| wire.try_send(item.on_the_wire()).is_ok());
            if sent { self.board.fly(item) } else { unsent.push(item) }
        }
        self.wait_unsent(unsent);
    }

    /// Lines that surely made no group: recorded so, and sent again soon.
    pub(super) fn wait_unsent(&mut self, items: Vec<Item>) {
        let lines: Vec<_> = items.iter().filter(|item| !item.maybe).map(|item| item.line).collect();
        if !lines.is_empty() {
            self.recorder.back(lines);
        }
        let now = Instant::now();
        items.into_iter().for_each(|item| self.board.wait(item, now));
    }

    fn recorder_failed(&mut self, fault: String) {
        self.board.recording_failed();
        self.stop.get_or_insert(Stop::Recorder(fault));
    }
}
