//! How the gateway stands, in the live page's words.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use super::{Status, standing};
use crate::{
    admin::{
        history::Sample,
        status::{App, Breaker, BreakerState, Caller, Failure, Lane, Ledger, Outcome, Overview, Rate, Waits},
    },
    admission::{self, LedgerSnapshot, Mode, Snapshot},
    apps,
    commands::import_group::IMPORT_GROUP,
    outbound::breaker::Position,
    telemetry::{
        lane_name,
        recent::{self, Recent},
    },
};

/// All of it at this moment.
pub(super) fn overview(status: &Status, ready: bool) -> Overview {
    let state = status.service.state.load();
    let recent = status.service.metrics.recent();
    let mut apps: Vec<_> = state.apps.iter().map(|it| app(it, recent)).collect();
    apps.sort_by(|one, other| one.name.cmp(&other.name));
    Overview {
        version: env!("CARGO_PKG_VERSION"),
        started: unix_millis(status.started),
        now: unix_millis(SystemTime::now()),
        ready,
        draining: status.service.stop.is_draining(),
        apps,
        failures: recent.failures().into_iter().map(failure).collect(),
    }
}

/// What the history takes of an app.
pub(super) fn sample(app: &apps::App) -> (String, Sample) {
    let snapshot = app.admissions().of(&IMPORT_GROUP).snapshot();
    let queued = u32::try_from(snapshot.queued_unary + snapshot.queued_stream).unwrap_or(u32::MAX);
    let (used, allowed) = (tenths(snapshot.used_last_second) as f32, tenths(snapshot.allowed) as f32);
    (app.name().to_string(), Sample { number: 0, used, allowed, queued })
}

fn app(app: &apps::App, recent: &Recent) -> App {
    let snapshot = app.admissions().of(&IMPORT_GROUP).snapshot();
    let lanes = [admission::Lane::Unary, admission::Lane::Stream].map(|lane| Lane {
        name: lane_name(lane),
        queued: snapshot.queued(lane),
        waits: recent.waits(app.name(), lane).map(waits),
    });
    let outcome = |recent::Outcome { reason, lately, total }| Outcome { reason, lately, total };
    App {
        name: app.name().to_string(),
        sdk_app_id: app.sdk_app_id().get(),
        host: app.config().upstream.host().to_owned(),
        breaker: breaker(app),
        usersig_expires: app.signer().expires().saturating_mul(1_000),
        rate: rate(&snapshot),
        ledger: snapshot.ledger.map(ledger),
        lanes: lanes.into(),
        callers: snapshot.callers.iter().map(caller).collect(),
        outcomes: recent.outcomes(app.name()).into_iter().map(outcome).collect(),
        history: Vec::new(),
    }
}

fn rate(snapshot: &Snapshot) -> Rate {
    Rate {
        mode: match snapshot.mode {
            Mode::Window => "window",
            Mode::Strict => "strict",
        },
        used: tenths(snapshot.used_last_second),
        allowed: tenths(snapshot.allowed),
        configured: snapshot.configured,
        usable: snapshot.usable_share(),
        cut_ago_ms: snapshot.since_cut.map(whole_millis),
        in_flight: snapshot.in_flight,
        call_ms: millis(snapshot.call_time),
    }
}

fn ledger(ledger: LedgerSnapshot) -> Ledger {
    let LedgerSnapshot { standing, share, live, reserved, .. } = ledger;
    Ledger { standing: standing.name(), share, replicas: live, reserved }
}

fn breaker(app: &apps::App) -> Breaker {
    let (state, until) = match app.breaker().position() {
        Position::Untried => (BreakerState::Untried, None),
        Position::Closed => (BreakerState::Closed, None),
        Position::Open { until, .. } => (BreakerState::Open, Some(until)),
    };
    let probe_in_ms = until.map(|until| whole_millis(until.saturating_duration_since(Instant::now())));
    Breaker { state, text: standing(app).1, probe_in_ms }
}

fn caller(share: &admission::CallerShare) -> Caller {
    Caller { name: share.caller.to_string(), granted: tenths(share.granted), queued: share.queued }
}

fn waits(waits: recent::Waits) -> Waits {
    Waits { median_ms: millis(waits.median), p95_ms: millis(waits.p95), longest_ms: millis(waits.longest) }
}

fn failure(failure: recent::Failure) -> Failure {
    Failure {
        last: unix_millis(failure.last),
        app: failure.app.map(|app| app.to_string()),
        caller: failure.caller.to_string(),
        reason: failure.reason,
        message: failure.message,
        count: failure.count,
    }
}

fn millis(duration: Duration) -> f64 {
    tenths(duration.as_secs_f64() * 1_000.0)
}

/// Digits that say nothing would be most of what is sent each second.
fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

fn whole_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn unix_millis(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, whole_millis)
}
