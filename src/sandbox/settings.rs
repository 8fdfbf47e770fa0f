//! What a stand-in is started with.

use std::{
    collections::HashSet,
    fmt,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use super::fault::Fault;

/// How a stand-in behaves. Made to be updated from its default:
/// `Settings { apps: vec![app], ..Settings::default() }`.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where it listens; a port of 0 is taken from the system.
    pub listen: SocketAddr,
    /// The apps it knows; any other is answered 70020.
    pub apps: Vec<App>,
    /// Calls that each app may make of each command in any one second.
    pub calls_per_second: u32,
    /// Whether calls refused for rate take a place in the second too (undocumented; a counter that
    /// does so feeds on its own refusals).
    pub count_refused: bool,
    /// Time from a request's last byte to its answer, half of it before the call counts.
    pub latency: Duration,
    /// How far `latency` strays either way, evenly.
    pub jitter: Duration,
    /// What goes wrong by chance.
    pub faults: Vec<Fault>,
    /// How long a stalled call stays without an answer before its connection is cut.
    pub stall: Duration,
    /// Makes chance repeatable: group IDs, jitter and faults, as far as calls come one at a time.
    pub seed: Option<u64>,
    /// A repeat by the same owner is answered 10025 instead of 10021, which no page settles.
    pub answer_10025: bool,
    /// What `get_group_info` says of a group it does not know: 10010, or 10015 as older pages have.
    pub missing_group_code: u32,
    /// More failed signature checks than this within `failed_checks_within` suspend the app.
    pub failed_checks: usize,
    /// See `failed_checks`.
    pub failed_checks_within: Duration,
    /// How long a suspended app is answered 70050.
    pub suspension: Duration,
    /// Full records of calls kept for [`Sandbox::calls`]; the oldest go first.
    ///
    /// [`Sandbox::calls`]: super::Sandbox::calls
    pub keep_calls: usize,
    /// Whether request bodies are kept, in groups and in records of calls. A million groups
    /// without them are far smaller.
    pub keep_bodies: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            apps: Vec::new(),
            calls_per_second: 200,
            count_refused: false,
            latency: Duration::ZERO,
            jitter: Duration::ZERO,
            faults: Vec::new(),
            stall: Duration::from_secs(60),
            seed: None,
            answer_10025: false,
            missing_group_code: 10010,
            failed_checks: 100,
            failed_checks_within: Duration::from_secs(10),
            suspension: Duration::from_secs(60),
            keep_calls: 200_000,
            keep_bodies: true,
        }
    }
}

/// One app, as its console would show it.
#[derive(Clone)]
pub struct App {
    /// Its SDKAppID.
    pub sdk_app_id: u64,
    /// Its secret key; the text as it stands is what signs.
    pub key: String,
    /// The account of its admin, the only one that may call.
    pub identifier: String,
    /// The accounts that can own a group; `None`: every account counts as imported.
    pub accounts: Option<HashSet<String>>,
    /// How long its fields may be.
    pub limits: Limits,
    /// Groups its plan allows in all (10058 beyond; a trial has 100).
    pub plan_limit: Option<usize>,
    /// Groups it may make in a day of UTC (10006 beyond).
    pub daily_quota: Option<usize>,
}

impl App {
    /// An app with the documented limits, no quota, and every account imported.
    pub fn new(sdk_app_id: u64, key: impl Into<String>, identifier: impl Into<String>) -> Self {
        Self {
            sdk_app_id,
            key: key.into(),
            identifier: identifier.into(),
            accounts: None,
            limits: Limits::default(),
            plan_limit: None,
            daily_quota: None,
        }
    }
}

impl fmt::Debug for App {
    /// Everything but the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App")
            .field("sdk_app_id", &self.sdk_app_id)
            .field("identifier", &self.identifier)
            .field("accounts", &self.accounts.as_ref().map(HashSet::len))
            .field("limits", &self.limits)
            .field("plan_limit", &self.plan_limit)
            .field("daily_quota", &self.daily_quota)
            .finish_non_exhaustive()
    }
}

/// How long `import_group`'s fields may be, in bytes of UTF-8, and how large a group. The REST
/// page's figures; newer SDK pages have more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the field of that name")]
pub struct Limits {
    pub owner_account: usize,
    pub group_id: usize,
    pub name: usize,
    pub introduction: usize,
    pub notification: usize,
    pub face_url: usize,
    pub app_defined_key: usize,
    pub app_defined_value: usize,
    pub max_member_count: u32,
    pub community_max_member_count: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            owner_account: 32,
            group_id: 48,
            name: 30,
            introduction: 240,
            notification: 300,
            face_url: 100,
            app_defined_key: 16,
            app_defined_value: 512,
            max_member_count: 6_000,
            community_max_member_count: 100_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_never_shows_the_key() {
        let settings = Settings { apps: vec![App::new(1, "hush-hush", "admin")], ..Settings::default() };
        let text = format!("{settings:?}");
        assert!(text.contains("admin") && !text.contains("hush-hush"));
    }
}
