//! Who waits for room in the queue: those whose caller has as many calls there as it may.
//!
//! A stream can have thirty items waiting like that, and a caller thousands of streams. A call that leaves the queue makes
//! room for one of them, so one is told, the one that has waited longest. Telling them all, to let one pass, would make
//! every call cost as much as there are.

use std::{collections::HashMap, sync::Arc};

use tokio::sync::Notify;

use super::settings::Lane;

/// Those who wait, by lane and caller.
#[derive(Debug, Default)]
pub(super) struct Rooms([HashMap<Arc<str>, Room>; 2]);

#[derive(Debug, Default)]
struct Room {
    /// One is told of each call that leaves; one who is told and does not look any more hands it on.
    left: Arc<Notify>,
    waiting: usize,
}

impl Rooms {
    /// Where one who waits is told. It has to [`leave`](Self::leave) in the end.
    pub(super) fn seat(&mut self, lane: Lane, caller: &str) -> Arc<Notify> {
        let room = self.0[lane.index()].entry(caller.into()).or_default();
        room.waiting += 1;
        Arc::clone(&room.left)
    }

    /// One who waited does so no more.
    pub(super) fn leave(&mut self, lane: Lane, caller: &str) {
        let rooms = &mut self.0[lane.index()];
        if let Some(room) = rooms.get_mut(caller) {
            room.waiting -= 1;
            if room.waiting == 0 {
                rooms.remove(caller);
            }
        }
    }

    /// A call of this caller has left the queue.
    pub(super) fn one_left(&self, lane: Lane, caller: &str) {
        if let Some(room) = self.0[lane.index()].get(caller) {
            room.left.notify_one();
        }
    }

    /// Nobody waits in the queue any more.
    pub(super) fn all_left(&self) {
        self.0.iter().flat_map(HashMap::values).for_each(|room| room.left.notify_waiters());
    }
}
