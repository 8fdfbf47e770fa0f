//! The audit lines: one for each group that stands by the gateway's doing, and
//! one for each that may, since its answer was lost and nothing settled it.
//!
//! They are written where it becomes known, which is not where the call ends:
//! an attempt runs to its end even if its caller has gone. Of a group's content
//! they hold its ID alone.

use tracing::{info, warn};

use super::record::Record;
use crate::telemetry::logs::AUDIT;

/// A group stands: Chat has said so, or, `reconciled`, a look after a lost
/// answer has found it as it was asked for.
pub(super) fn imported(record: &Record, group_id: &str, reconciled: bool) {
    record.know();
    let origin = record.origin();
    info!(
        target: AUDIT,
        caller = &*origin.caller,
        app = record.app().map(|app| &**app),
        group_id,
        request_id = record.request_id(),
        reconciled,
        trace_id = origin.trace.id().map(tracing::field::display),
        "group imported"
    );
}

/// The call is over, and a group may stand.
pub(super) fn unknown(record: &Record) {
    // Without a subject it is a look or a probe, which makes no group.
    if !record.has_subject() {
        return;
    }
    let origin = record.origin();
    warn!(
        target: AUDIT,
        caller = &*origin.caller,
        app = record.app().map(|app| &**app),
        group_id = record.group_id(),
        request_id = record.request_id(),
        trace_id = origin.trace.id().map(tracing::field::display),
        "group may have been imported: the answer was lost"
    );
}
