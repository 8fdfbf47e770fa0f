//! What goes down the outbound stack, and what comes up.

use std::sync::Arc;

use bytes::Bytes;

use super::{record::Record, settle::Goal};
use crate::{
    admission::{Permit, Turn},
    credentials::{self, Signer},
    wire::Needs,
};

/// One of Chat's REST commands.
#[derive(Debug)]
pub struct Command {
    /// The service in the path, `group_open_http_svc`.
    pub service: &'static str,
    /// The command's own name, which stands in logs and metrics.
    pub name: &'static str,
    /// What an OK answer must have.
    pub needs: Needs,
}

/// One logical call. It may take several attempts.
#[derive(Clone)]
pub struct Call {
    /// What Chat is to do.
    pub command: &'static Command,
    /// With what; JSON.
    pub body: Bytes,
    /// Whose it is, and by when it must be done.
    pub turn: Turn,
    /// Sending it again can't make a second group.
    pub repeatable: bool,
    /// An earlier attempt at the same may have been made before this call: the
    /// client says so, or has a key by which it would not say it.
    pub is_repeat: bool,
    /// What it is to bring about, where a look can tell whether it stands.
    pub goal: Option<Arc<dyn Goal>>,
    /// What it is for.
    pub purpose: Purpose,
    /// Its signature was refused once.
    pub signed_again: bool,
    /// What its attempts have done so far.
    pub record: Arc<Record>,
}

/// What a call is for.
#[derive(Clone)]
pub enum Purpose {
    /// A caller asked for it.
    Request,
    /// It settles another call.
    Look,
    /// It tries a credential: this one, or the app's own.
    Probe(Option<Arc<Signer>>),
}

impl Purpose {
    /// Whether it tries a credential.
    pub fn is_probe(&self) -> bool {
        matches!(self, Self::Probe(_))
    }
}

/// A call that may be sent now.
pub struct Admitted {
    /// The call.
    pub call: Call,
    /// The right to one attempt.
    pub permit: Permit,
}

/// An attempt, on its way.
pub struct Attempt {
    /// What Chat is to do.
    pub command: &'static Command,
    /// With what.
    pub body: Bytes,
    /// What the call is for.
    pub purpose: Purpose,
    /// Its signature was refused once.
    pub signed_again: bool,
    /// The call's record.
    pub record: Arc<Record>,
}

/// An attempt with its signature.
pub struct Signed {
    /// The attempt.
    pub attempt: Attempt,
    /// The signed part of its URL.
    pub signature: Arc<credentials::Signed>,
}

/// Chat's answer, where it is OK.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The JSON as it came.
    pub body: Bytes,
    /// The ID of the group that it speaks of, or that was found; None where it
    /// speaks of none.
    pub group_id: Option<String>,
    /// It did not come: a look found that what was asked for stands.
    pub reconciled: bool,
}
