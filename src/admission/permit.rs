//! The right to send one attempt, and what became of it.

use std::sync::Arc;

use tokio::time::Instant;

use super::gate::Token;
use super::shell::Shared;

/// The right to send one attempt. How it ends says how long Chat may count the call, so say it as exactly as you can;
/// dropping it is always safe: unsent it is given back, sent it counts as [lost](Permit::lost).
#[must_use = "a permit that is dropped is given back"]
#[derive(Debug)]
pub struct Permit {
    shared: Arc<Shared>,
    token: Token,
    stage: Stage,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    Unsent,
    Sent(Instant),
    Settled,
}

impl Permit {
    pub(super) fn new(shared: Arc<Shared>, token: Token) -> Self {
        Permit { shared, token, stage: Stage::Unsent }
    }

    /// Call it just before the first byte is written: from here on Chat may count the call.
    pub fn sent(&mut self) {
        self.stage = Stage::Sent(Instant::now());
    }

    /// Chat's answer has begun to arrive. Call it then, not when the whole body is read: every moment later is a moment
    /// longer that the permit is out.
    pub fn answered(mut self) {
        let sent = self.settle();
        self.shared.event(|state, now| state.answered(self.token, sent.unwrap_or(now), now));
    }

    /// Chat answered that the rate is exceeded. Lowers the allowed rate.
    pub fn refused_for_rate(mut self) {
        let sent = self.settle();
        self.shared.event(|state, now| state.refused_for_rate(self.token, sent.unwrap_or(now), now));
    }

    /// Nothing of it was written: the connection could not be made, say. The next call may have it at once.
    pub fn unsent(mut self) {
        self.settle();
        self.shared.event(|state, now| state.unsent(self.token, now));
    }

    /// No whole answer came. Held until Chat cannot count it any more: `residence` and one second after it was sent.
    pub fn lost(mut self) {
        let sent = self.settle();
        self.shared.event(|state, now| state.lost(self.token, sent.unwrap_or(now), now));
    }

    /// When it was sent; what follows settles it, and the drop has nothing left to do.
    fn settle(&mut self) -> Option<Instant> {
        match std::mem::replace(&mut self.stage, Stage::Settled) {
            Stage::Sent(sent) => Some(sent),
            Stage::Unsent | Stage::Settled => None,
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let token = self.token;
        match self.stage {
            Stage::Settled => {}
            Stage::Unsent => self.shared.event(|state, now| state.unsent(token, now)),
            Stage::Sent(sent) => self.shared.event(|state, now| state.lost(token, sent, now)),
        }
    }
}
