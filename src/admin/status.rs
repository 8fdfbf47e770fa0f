//! How the gateway stands, as the live page reads it from `/status.json`.
//! Times are milliseconds, points in time Unix milliseconds. No secret is in it.

use serde::Serialize;

use super::history::Sample;

/// The whole.
#[derive(Clone, Debug, Serialize)]
pub struct Overview {
    /// The gateway's version.
    pub version: &'static str,
    /// When it started. Another time is another process, whose samples are counted anew.
    pub started: u64,
    /// Its clock, with which all other times compare.
    pub now: u64,
    /// Whether calls should be sent here.
    pub ready: bool,
    /// Whether it is stopping.
    pub draining: bool,
    /// The apps, by name.
    pub apps: Vec<App>,
    /// The kinds of failure seen last, the latest first.
    pub failures: Vec<Failure>,
}

/// One app.
#[derive(Clone, Debug, Serialize)]
pub struct App {
    /// Its name.
    pub name: String,
    /// Chat's number of it.
    pub sdk_app_id: u64,
    /// Where its Chat is.
    pub host: String,
    /// Whether calls pass to Chat.
    pub breaker: Breaker,
    /// When its UserSig ends.
    pub usersig_expires: u64,
    /// How its rate is used.
    pub rate: Rate,
    /// How this replica stands to the ledger, where the rate is shared through Redis.
    pub ledger: Option<Ledger>,
    /// The lanes, unary first.
    pub lanes: Vec<Lane>,
    /// The callers with most to say.
    pub callers: Vec<Caller>,
    /// How its requests ended.
    pub outcomes: Vec<Outcome>,
    /// The last minutes, as far as the page does not have them yet.
    pub history: Vec<Sample>,
}

/// Whether calls pass to Chat.
#[derive(Clone, Debug, Serialize)]
pub struct Breaker {
    /// Where it stands.
    pub state: BreakerState,
    /// The same in words, with the reason.
    pub text: String,
    /// While it is open: how long until Chat is asked again.
    pub probe_in_ms: Option<u64>,
}

/// Where a breaker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    /// Chat has not been asked yet.
    Untried,
    /// Calls pass.
    Closed,
    /// Nothing is sent.
    Open,
}

/// How an app's rate is used.
#[derive(Clone, Debug, Serialize)]
pub struct Rate {
    /// `window` or `strict`.
    pub mode: &'static str,
    /// Calls let go in the last second.
    pub used: f64,
    /// Calls a second allowed just now.
    pub allowed: f64,
    /// Calls a second that the configuration allows.
    pub configured: u32,
    /// The share of the allowed rate that full demand could use.
    pub usable: f64,
    /// How long ago Chat's refusals last lowered the allowed rate.
    pub cut_ago_ms: Option<u64>,
    /// Calls that have no answer yet.
    pub in_flight: usize,
    /// How long a call takes, on average.
    pub call_ms: f64,
}

/// The ledger of a rate that several replicas share.
#[derive(Clone, Debug, Serialize)]
pub struct Ledger {
    /// `joined`, `silent`, `share` or `closed`.
    pub standing: &'static str,
    /// Calls a second that this replica may send without the ledger.
    pub share: u32,
    /// Replicas that the ledger has heard of lately.
    pub replicas: u32,
    /// Replicas whose share rests, because they may be using it unseen.
    pub reserved: u32,
}

/// One lane of an app.
#[derive(Clone, Debug, Serialize)]
pub struct Lane {
    /// `unary` or `stream`.
    pub name: &'static str,
    /// Calls that wait for a permit.
    pub queued: usize,
    /// How long the last ones waited; none, if none did in the last minute.
    pub waits: Option<Waits>,
}

/// How long calls waited for their permit.
#[derive(Clone, Debug, Serialize)]
pub struct Waits {
    /// Half waited no longer.
    pub median_ms: f64,
    /// 95 of 100 waited no longer.
    pub p95_ms: f64,
    /// None waited longer.
    pub longest_ms: f64,
}

/// One caller's part in an app.
#[derive(Clone, Debug, Serialize)]
pub struct Caller {
    /// Its name.
    pub name: String,
    /// Permits a second that it got lately.
    pub granted: f64,
    /// Its calls that wait.
    pub queued: usize,
}

/// How often an app's requests ended so.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// `OK`, or an error's reason.
    pub reason: &'static str,
    /// Within the last five minutes.
    pub lately: u64,
    /// Since the start.
    pub total: u64,
}

/// A kind of failure.
#[derive(Clone, Debug, Serialize)]
pub struct Failure {
    /// When it came last.
    pub last: u64,
    /// The app, once it was known.
    pub app: Option<String>,
    /// Whose request it was.
    pub caller: String,
    /// The `reason` in its `ErrorInfo`.
    pub reason: &'static str,
    /// What the caller was told the last time.
    pub message: String,
    /// How often it came since it was first kept.
    pub count: u64,
}
