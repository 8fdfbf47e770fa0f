//! Keeps one app's credential: probes its breaker when that is due, and
//! watches the key file.
//!
//! A new key serves once Chat has taken it; until then the old one goes on.
//! The file is looked at twice a second, read if it is not the one read last,
//! and compared by content: that needs no notification from the system, sees a
//! Kubernetes secret's symlink swap like any other change, and is next to
//! nothing for ten thousand apps.

use std::{sync::Arc, time::Duration};

use secrecy::SecretString;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tracing::{info, warn};

use crate::{
    config::{KeySource, ProcessEnv},
    credentials::{
        Signer,
        key::{self, Stamp},
    },
    errors::CallError,
    outbound::{Outbound, breaker::Breaker},
};

/// How often the key file is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Between tries of a new key that Chat does not take yet.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

pub(super) struct Keeper {
    pub(super) name: Arc<str>,
    pub(super) outbound: Outbound,
    pub(super) attempt_timeout: Duration,
    pub(super) signer: Arc<Signer>,
    pub(super) breaker: Arc<Breaker>,
    pub(super) key_source: KeySource,
}

/// A key that was found and does not serve yet.
struct Candidate {
    key: SecretString,
    next_try: Instant,
    pause: Duration,
}

impl Keeper {
    pub(super) async fn keep(self) {
        let mut candidate = None;
        let mut read_last = None;
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.breaker.due() => self.probe(&mut candidate).await,
                _ = ticks.tick() => {
                    self.look_for_key(&mut read_last, &mut candidate);
                    if candidate.as_ref().is_some_and(|candidate| candidate.next_try <= Instant::now()) {
                        self.try_candidate(&mut candidate).await;
                    }
                }
            }
        }
    }

    /// Tries the key in use; where Chat refuses it, a newer one at once.
    async fn probe(&self, candidate: &mut Option<Candidate>) {
        let outcome = super::probe(self.outbound.clone(), self.attempt_timeout, None).await;
        self.breaker.probed(&outcome);
        let app = &*self.name;
        match &outcome {
            Ok(()) => info!(app, "Chat takes the credential"),
            Err(error) => warn!(app, "probe of the credential failed: {error}"),
        }
        if self.breaker.rejected().is_some() && candidate.is_some() {
            self.try_candidate(candidate).await;
        }
    }

    fn look_for_key(&self, read_last: &mut Option<Stamp>, candidate: &mut Option<Candidate>) {
        if matches!(self.key_source, KeySource::Env(_)) {
            return; // a process's environment does not change
        }
        let stamp = Stamp::of(&self.key_source);
        if stamp.is_some() && stamp == *read_last {
            return;
        }
        // A file that is gone or half written for a moment is no news.
        let Ok(found) = key::read(&self.key_source, &ProcessEnv) else { return };
        *read_last = stamp; // taken before the content, so that a change in between is another
        if key::same(&found, &self.signer.key()) {
            *candidate = None;
        } else if candidate.as_ref().is_none_or(|known| !key::same(&known.key, &found)) {
            info!(app = &*self.name, "a new key was found; it serves once Chat takes it");
            *candidate = Some(Candidate { key: found, next_try: Instant::now(), pause: FIRST_PAUSE });
        }
    }

    async fn try_candidate(&self, candidate: &mut Option<Candidate>) {
        let Some(trying) = candidate else { return };
        let app = &*self.name;
        let signer = Arc::new(self.signer.with_key(trying.key.clone()));
        let outcome = super::probe(self.outbound.clone(), self.attempt_timeout, Some(signer)).await;
        if accepted(&outcome) {
            self.signer.replace_key(trying.key.clone());
            self.breaker.close();
            *candidate = None;
            info!(app, "the new key serves");
            return;
        }
        if let Err(error) = outcome {
            warn!(app, "Chat does not take the new key yet: {error}");
        }
        trying.next_try = Instant::now() + trying.pause;
        trying.pause = (trying.pause * 2).min(LONGEST_PAUSE);
    }
}

/// An error of anything but the credential proves that the signature passed.
fn accepted(outcome: &Result<(), CallError>) -> bool {
    match outcome {
        Ok(()) => true,
        Err(CallError::Refused(refusal)) => {
            refusal.row.is_some_and(|row| row.scope != crate::errors::table::Scope::App)
        }
        Err(_) => false,
    }
}
