//! Every span of the ledger, and how they hang together.

use std::time::Duration;

use super::super::window::SECOND;

/// Between two polls of a replica that has calls waiting, permits in hand or something to report.
pub(super) const POLL: Duration = Duration::from_millis(50);
/// Between two polls of a replica that has nothing to say but that it is there.
pub(super) const IDLE: Duration = Duration::from_millis(500);
/// An answer that takes longer is not waited for.
pub(super) const TIMEOUT: Duration = Duration::from_millis(100);
/// Polls in a row that may fail before a replica takes Redis for gone.
pub(super) const FAILURES: u32 = 3;
/// A grant holds tokens that are free by now or will be within this time: until after the next poll, so that no
/// free token lies about for the length of a poll.
pub(super) const HORIZON: Duration = Duration::from_millis(60);
/// How long after the horizon a permit may be used.
const USE: Duration = Duration::from_millis(150);
/// From taking a permit to sending its call: signing it, and a busy machine.
const SLACK: Duration = Duration::from_millis(100);
/// The longest way from sending a call to Chat's counter that is allowed for where nobody can say when it was answered.
const FORWARD: Duration = Duration::from_millis(500);
/// A replica not heard of for this long may be about to live on its share.
pub(super) const TTL: Duration = Duration::from_millis(1_500);
/// A poll that Redis gets to later than this does nothing.
const LATE: Duration = Duration::from_millis(100);

/// Until when a permit may be used, from the sending of the poll that got it: no later than Redis believes.
pub(super) const EXPIRY: Duration = HORIZON.saturating_add(USE);
/// When the last call of a grant has been sent, from the grant.
const SPENT: Duration = EXPIRY.saturating_add(SLACK);
/// After a loss of memory: when everything granted before has been sent, counted, and has left Chat's second.
pub(super) const LEARN: Duration = SPENT.saturating_add(FORWARD).saturating_add(SECOND);
/// After living on its share: when a replica's calls of that time have left Chat's second.
pub(super) const THAW: Duration = SLACK.saturating_add(FORWARD).saturating_add(SECOND);
/// When a silent replica may begin to live on its share, from the last poll it sent. That poll may have run [`LATE`],
/// on a clock known only to within a round trip; from then on the others have its share until [`TTL`] has
/// passed, and what they were granted up to there has left Chat's second after [`LEARN`].
pub(super) const SHARE_AFTER: Duration = LATE.saturating_add(TIMEOUT).saturating_add(TTL).saturating_add(LEARN);
/// By how much a replica ends living on its share before the others may take it up.
pub(super) const BEFORE_SUSPECT: Duration = THAW;

/// How long Redis keeps a token of which it hears nothing more: `residence` is how long after it was sent a call may
/// still reach Chat's counter.
pub(super) fn hold(residence: Duration) -> Duration {
    SPENT + residence + SECOND
}

/// Until when on Redis's clock a poll sent now is good, in microseconds.
pub(super) fn good_until(clock: i64, since: Duration) -> i64 {
    clock.saturating_add(micros(since + LATE))
}

/// Whole microseconds, rounded up: a microsecond too long is safe.
pub(super) fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_nanos().div_ceil(1_000)).unwrap_or(i64::MAX)
}
