//! A clean stop, in two steps that calls look at.

use tokio_util::sync::CancellationToken;

/// Where the gateway is on its way to a stop. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    draining: CancellationToken,
    abandoned: CancellationToken,
}

impl Stop {
    /// From now on streams are no longer read, and nothing new is sent.
    pub fn drain(&self) {
        self.draining.cancel();
    }

    /// The drain time-out has come: who still waits is answered with what is known.
    pub fn abandon(&self) {
        self.abandoned.cancel();
    }

    /// Whether it has begun.
    pub fn is_draining(&self) -> bool {
        self.draining.is_cancelled()
    }

    /// Waits until it begins.
    pub async fn draining(&self) {
        self.draining.cancelled().await;
    }

    /// Waits until the drain time-out has come.
    pub async fn abandoned(&self) {
        self.abandoned.cancelled().await;
    }
}
