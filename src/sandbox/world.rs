//! All that the stand-in knows, and the one place where a call meets it.
//!
//! Everything here is done under one lock and within one instant, so that the log's order, the
//! rate's and the groups' are the same.

use std::{collections::HashMap, time::Instant};

use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use super::{
    call::Call,
    clock::unix_now,
    command::Command,
    dice::Dice,
    fault::FaultKind,
    get_group_info,
    import_group::{self, Now},
    log::{CallLog, Record, Seen},
    rate::{Allowance, Rate},
    reply::{Refusal, Reply, fields},
    settings::{App, Settings},
    store::Groups,
    strikes::{Patience, Strikes},
};

/// The stand-in's state.
pub(super) struct World {
    /// As started, and as steered since; `apps` is empty, they are below.
    pub(super) settings: Settings,
    pub(super) apps: HashMap<u64, AppState>,
    pub(super) dice: Dice,
    pub(super) log: CallLog,
    /// Seconds that Chat's clock is ahead.
    pub(super) skew: i64,
    pub(super) connections: u64,
    pub(super) redirect_hits: usize,
    /// Cuts every connection that is open now.
    pub(super) open: CancellationToken,
}

/// What is known of one app.
pub(super) struct AppState {
    pub(super) app: App,
    pub(super) groups: Groups,
    pub(super) rates: HashMap<Command, Rate>,
    /// Every call is answered this, whatever it holds.
    pub(super) disabled: Option<u32>,
    strikes: Strikes,
}

/// What became of a call.
struct Outcome {
    reply: Reply,
    fault: Option<FaultKind>,
    created: Option<String>,
}

impl World {
    pub(super) fn new(mut settings: Settings, open: CancellationToken) -> Self {
        let apps = std::mem::take(&mut settings.apps);
        Self {
            apps: apps.into_iter().map(|app| (app.sdk_app_id, AppState::new(app))).collect(),
            dice: Dice::new(settings.seed),
            log: CallLog::new(settings.keep_calls),
            settings,
            skew: 0,
            connections: 0,
            redirect_hits: 0,
            open,
        }
    }

    pub(super) fn allowance(&self) -> Allowance {
        allowance(&self.settings)
    }

    /// A call has arrived whole: it counts, is carried out, and is recorded, all at this instant.
    pub(super) fn arrive(&mut self, call: &Call) -> Reply {
        let at = Instant::now();
        let outcome = match self.admit(call, at) {
            Ok((command, app)) => self.carry_out(command, app, call, at),
            Err(refusal) => Outcome { reply: Reply::refusal(refusal), fault: None, created: None },
        };
        let Outcome { reply, fault, created } = outcome;
        let sig = call.usersig.as_ref().ok();
        let seen = Seen {
            at,
            command: call.name.clone(),
            sdk_app_id: call.query.sdk_app_id,
            random: call.query.random,
            signed_at: sig.map(|sig| sig.time),
            signed_for: sig.map(|sig| sig.expire),
            connection: call.connection,
            body: Value::Null,
            ignored_fields: call.ignored_fields(),
            code: reply.code(),
            created,
            fault,
        };
        let known = seen.sdk_app_id.filter(|id| self.apps.contains_key(id));
        let raw = self.settings.keep_bodies.then(|| call.raw.clone());
        self.log.record(call.command, known, Record { seen, raw });
        reply
    }

    /// All that stands before the command itself: URL, app, credential, rate; in that order.
    fn admit(&mut self, call: &Call, at: Instant) -> Result<(Command, u64), Refusal> {
        let command = call.command.ok_or_else(|| Refusal::new(10003, "no such command"))?;
        if let Some(wrong) = &call.query.wrong {
            return Err(wrong.clone());
        }
        let id = call.query.sdk_app_id.unwrap_or_default();
        let state = self.apps.get_mut(&id).ok_or_else(|| Refusal::new(70020, "no such SDKAppID"))?;
        if let Some(code) = state.disabled {
            return Err(Refusal::new(code, "the app is disabled"));
        }
        state.check_credential(call, at, unix_now(self.skew), patience(&self.settings))?;
        if !state.rate(command).take(at, allowance(&self.settings)) {
            return Err(Refusal::new(60007, "too many calls in one second"));
        }
        Ok((command, id))
    }

    /// Throws for a fault, and carries the command out as far as that lets it.
    fn carry_out(&mut self, command: Command, app: u64, call: &Call, at: Instant) -> Outcome {
        let fault = self.dice.fault(command, &self.settings.faults);
        let mut created = None;
        let outcome = if fault.makes() { self.perform(command, app, call, at, &mut created) } else { Ok(Map::new()) };
        let reply = Reply::distorted(fault, Reply::envelope(outcome));
        Outcome { reply, fault: (fault != FaultKind::None).then_some(fault), created }
    }

    fn perform(
        &mut self,
        command: Command,
        app: u64,
        call: &Call,
        at: Instant,
        created: &mut Option<String>,
    ) -> Result<Map<String, Value>, Refusal> {
        let body = call.body.as_ref().map_err(Clone::clone)?;
        let settings = &self.settings;
        let state = self.apps.get_mut(&app).ok_or_else(|| Refusal::new(70020, "no such SDKAppID"))?;
        match command {
            Command::ImportGroup => {
                let raw = settings.keep_bodies.then(|| call.raw.clone());
                let now = Now { instant: at, unix: unix_now(self.skew) };
                let app = (&state.app, &mut state.groups);
                let id = import_group::make(body, raw, app, settings, &mut self.dice, now)?;
                *created = Some(id.clone());
                Ok(fields(serde_json::json!({ "GroupId": id })))
            }
            Command::GetGroupInfo => get_group_info::look_up(body, &state.groups, &state.app.limits, settings),
        }
    }
}

impl AppState {
    fn new(app: App) -> Self {
        Self { app, groups: Groups::default(), rates: HashMap::new(), disabled: None, strikes: Strikes::default() }
    }

    pub(super) fn rate(&mut self, command: Command) -> &mut Rate {
        self.rates.entry(command).or_default()
    }

    /// The signature must hold, and be the admin's. Only a bad signature tries Chat's patience.
    fn check_credential(&mut self, call: &Call, at: Instant, unix: i64, patience: Patience) -> Result<(), Refusal> {
        if self.strikes.suspended(at) {
            return Err(Refusal::new(70050, "too many failed checks of UserSig"));
        }
        let App { key, sdk_app_id, identifier, .. } = &self.app;
        let account = &call.query.identifier;
        let sig = call.usersig.as_ref().map_err(Clone::clone);
        if let Err(refusal) = sig.and_then(|sig| sig.check(key, *sdk_app_id, account, unix)) {
            self.strikes.add(at, patience);
            return Err(refusal);
        }
        if account != identifier {
            return Err(Refusal::new(60010, "identifier is no admin of the app"));
        }
        Ok(())
    }
}

fn allowance(settings: &Settings) -> Allowance {
    Allowance { calls: settings.calls_per_second, count_refused: settings.count_refused }
}

fn patience(settings: &Settings) -> Patience {
    Patience {
        failures: settings.failed_checks,
        within: settings.failed_checks_within,
        suspension: settings.suspension,
    }
}
