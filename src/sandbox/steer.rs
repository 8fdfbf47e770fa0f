//! What can be changed in a running stand-in. Whatever concerns an app it does not know, or a
//! command, does nothing but log a warning.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;

use super::{
    Sandbox,
    command::Command,
    fault::{Fault, FaultError, FaultKind},
    observe::known,
    world::AppState,
};

impl Sandbox {
    /// The next calls of a command meet these, in order, before chance has its turn again;
    /// [`FaultKind::None`] lets one pass untouched. Calls that are refused before they reach the
    /// command (credential, rate) use up none.
    pub fn script(&self, command: &str, faults: impl IntoIterator<Item = FaultKind>) {
        if let Some(command) = known(command) {
            self.chat.world().dice.script(command, faults);
        }
    }

    /// What goes wrong by chance from now on.
    ///
    /// # Errors
    /// Where a rate is no share, or those of a command add up to more than 1; then nothing changes.
    pub fn set_faults(&self, faults: Vec<Fault>) -> Result<(), FaultError> {
        Fault::check_all(&faults)?;
        self.chat.world().settings.faults = faults;
        Ok(())
    }

    /// Gives an app another key; what is signed with the old one is refused at once.
    pub fn set_key(&self, sdk_app_id: u64, key: impl Into<String>) {
        self.of_app(sdk_app_id, |state| state.app.key = key.into());
    }

    /// The accounts that can own groups; `None`: every account.
    pub fn set_accounts(&self, sdk_app_id: u64, accounts: Option<HashSet<String>>) {
        self.of_app(sdk_app_id, |state| state.app.accounts = accounts);
    }

    /// Groups that an app's plan allows in all; 10058 beyond.
    pub fn set_plan_limit(&self, sdk_app_id: u64, limit: Option<usize>) {
        self.of_app(sdk_app_id, |state| state.app.plan_limit = limit);
    }

    /// Groups that an app may make in a day; 10006 beyond.
    pub fn set_daily_quota(&self, sdk_app_id: u64, quota: Option<usize>) {
        self.of_app(sdk_app_id, |state| state.app.daily_quota = quota);
    }

    /// Every call of an app is answered that code (60016, 60020, 10026 …), until `None`.
    pub fn disable_app(&self, sdk_app_id: u64, code: Option<u32>) {
        self.of_app(sdk_app_id, |state| state.disabled = code);
    }

    /// Calls that each app may make of each command in any one second.
    pub fn set_calls_per_second(&self, calls: u32) {
        let mut world = self.chat.world();
        let (now, before) = (Instant::now(), world.allowance());
        // Foreign calls that are already due fall under the old rate.
        for rate in world.apps.values_mut().flat_map(|state| state.rates.values_mut()) {
            rate.catch_up(now, before);
        }
        world.settings.calls_per_second = calls;
    }

    /// How long a call takes, and how far that strays.
    pub fn set_latency(&self, latency: Duration, jitter: Duration) {
        let mut world = self.chat.world();
        world.settings.latency = latency;
        world.settings.jitter = jitter;
    }

    /// Sets Chat's clock ahead by that many seconds: its `Date` headers and its view of when a
    /// UserSig expires.
    pub fn set_clock_skew(&self, seconds: i64) {
        self.chat.world().skew = seconds;
    }

    /// Somebody else calls `import_group` with the app's key, that often a second at even
    /// distances, and takes from the same rate; with 0 it leaves. What its calls would make is not
    /// modelled.
    pub fn foreign(&self, sdk_app_id: u64, per_second: u32) {
        let allowance = self.chat.world().allowance();
        self.of_app(sdk_app_id, |state| {
            state.rate(Command::ImportGroup).set_foreign(Instant::now(), per_second, allowance);
        });
    }

    /// Cuts every connection that is open now; new ones are welcome.
    pub fn cut_connections(&self) {
        let next: CancellationToken = self.stop.child_token();
        std::mem::replace(&mut self.chat.world().open, next).cancel();
    }

    fn of_app(&self, sdk_app_id: u64, change: impl FnOnce(&mut AppState)) {
        match self.chat.world().apps.get_mut(&sdk_app_id) {
            Some(state) => change(state),
            None => tracing::warn!(sdk_app_id, "the sandbox has no such app"),
        }
    }
}
