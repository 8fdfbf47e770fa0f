//! How the gateway stands, for the admin port and for gRPC's health.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _},
    metrics::gauge::ConstGauge,
};
use tokio::time::{MissedTickBehavior, interval};
use tonic_health::server::HealthReporter;

use super::serve::set_serving;
use crate::{
    admin::{Readiness, Source, history::Sample, status::Overview},
    admission::{Lane, Standing},
    apps::App,
    commands::import_group::IMPORT_GROUP,
    outbound::breaker::{Position, Why},
    service::Service,
    telemetry::{Metrics, lane_name},
};

mod ledger;
mod overview;

/// How soon health follows what the apps say.
const HEALTH_EVERY: Duration = Duration::from_millis(200);

/// Reads how the gateway stands from the service itself.
#[derive(Clone)]
pub(super) struct Status {
    service: Service,
    started: SystemTime,
}

impl Source for Status {
    fn metrics(&self) -> &Metrics {
        &self.service.metrics
    }

    /// Ready while not stopping and while Chat takes the credential of one app
    /// at least: another app's rejected key is no reason to send callers away.
    fn readiness(&self) -> Readiness {
        let state = self.service.state.load();
        let mut apps: Vec<_> = state.apps.iter().collect();
        apps.sort_by(|one, other| one.name().cmp(other.name()));
        let draining = self.service.stop.is_draining();
        let mut ready = false;
        let mut lines: Vec<_> = apps
            .into_iter()
            .map(|app| {
                let (good, text) = standing(app);
                ready |= good;
                format!("app {}: {text}", app.name())
            })
            .collect();
        if draining {
            lines.insert(0, "the gateway is stopping".to_owned());
        }
        Readiness { ready: ready && !draining, lines }
    }

    fn samples(&self) -> Vec<(String, Sample)> {
        self.service.state.load().apps.iter().map(|app| overview::sample(app)).collect()
    }

    fn overview(&self) -> Overview {
        overview::overview(self, self.is_ready())
    }
}

fn standing(app: &App) -> (bool, String) {
    if app.admissions().of(&IMPORT_GROUP).standing() == Some(Standing::Closed) {
        return (false, "Redis does not answer, and there is no share of the rate to use without it".to_owned());
    }
    match app.breaker().position() {
        Position::Closed => (true, "Chat takes the credential".to_owned()),
        Position::Untried => (false, "Chat has not been asked yet".to_owned()),
        Position::Open { why: Why::Rejected(row), .. } => {
            (false, format!("Chat answered {} {} ({})", row.code, row.reason, row.meaning))
        }
        Position::Open { why: Why::Unreachable, .. } => (false, "Chat can't be reached".to_owned()),
    }
}

impl Status {
    /// Of a gateway that starts now.
    pub(super) fn new(service: Service) -> Self {
        Self { service, started: SystemTime::now() }
    }

    /// As [`Source::readiness`] has it, without the words.
    fn is_ready(&self) -> bool {
        let state = self.service.state.load();
        !self.service.stop.is_draining() && state.apps.iter().any(|app| standing(app).0)
    }

    /// Keeps gRPC's health true, until the task that runs this is dropped.
    pub(super) async fn keep_health(self, health: HealthReporter) {
        let mut ticks = interval(HEALTH_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut told = None;
        loop {
            ticks.tick().await;
            let ready = self.is_ready();
            if told != Some(ready) {
                told = Some(ready);
                set_serving(&health, ready).await;
            }
        }
    }
}

/// What is read off the apps whenever metrics are.
pub(super) struct Gauges {
    pub(super) service: Service,
}

impl std::fmt::Debug for Gauges {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Gauges")
    }
}

impl Collector for Gauges {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let state = self.service.state.load();
        let apps: Vec<Arc<App>> = state.apps.iter().cloned().collect();
        let imports: Vec<_> =
            apps.iter().map(|app| (app.name(), app.admissions().of(&IMPORT_GROUP).snapshot())).collect();

        let by_app = imports.iter().map(|(app, snapshot)| (vec![("app", app.to_string())], snapshot.allowed));
        family(&mut encoder, "group_import_rate_limit", "Calls a second allowed just now", by_app)?;

        let used = imports.iter().map(|(app, snapshot)| (vec![("app", app.to_string())], snapshot.used_last_second));
        family(&mut encoder, "group_import_rate_used", "Permits given in the last second", used)?;

        let usable = imports.iter().map(|(app, snapshot)| (vec![("app", app.to_string())], snapshot.usable_share()));
        let help = "Share of the rate that full demand could use: what the jitter of answers leaves";
        family(&mut encoder, "group_import_rate_usable_ratio", help, usable)?;

        let flight = imports.iter().map(|(app, snapshot)| (vec![("app", app.to_string())], snapshot.in_flight as f64));
        family(&mut encoder, "group_import_in_flight", "Attempts that have no answer yet", flight)?;

        let queued = imports.iter().flat_map(|(app, snapshot)| {
            [Lane::Unary, Lane::Stream].map(|lane| {
                let labels = vec![("app", app.to_string()), ("lane", lane_name(lane).to_owned())];
                (labels, snapshot.queued(lane) as f64)
            })
        });
        family(&mut encoder, "group_import_admission_queue", "Calls that wait for a permit", queued)?;

        ledger::encode(&mut encoder, &imports)?;

        let ends = apps.iter().map(|app| (vec![("app", app.name().to_string())], app.signer().expires() as f64));
        let help = "When the UserSig in use ends, in Unix seconds";
        family(&mut encoder, "group_import_usersig_expires_seconds", help, ends)?;

        let skew = apps.iter().map(|app| (vec![("app", app.name().to_string())], app.signer().chat_ahead() as f64));
        let help = "How far Chat's clock was ahead of this machine's when it last refused a UserSig";
        family(&mut encoder, "group_import_clock_skew_seconds", help, skew)?;

        let tasks = tokio::runtime::Handle::try_current().map_or(0, |handle| handle.metrics().num_alive_tasks());
        let help = "Tasks that have not ended: calls, streams and connections have some, and so has each app";
        family(&mut encoder, "group_import_tasks", help, [(Vec::new(), tasks as f64)].into_iter())?;

        let accepted = apps.iter().map(|app| {
            let closed = matches!(app.breaker().position(), Position::Closed);
            (vec![("app", app.name().to_string())], f64::from(u8::from(closed)))
        });
        family(&mut encoder, "group_import_app_up", "1 while Chat takes the app's credential", accepted)
    }
}

fn family(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    gauges: impl Iterator<Item = (Vec<(&'static str, String)>, f64)>,
) -> Result<(), std::fmt::Error> {
    use prometheus_client::metrics::MetricType;
    let mut metrics = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for (labels, value) in gauges {
        ConstGauge::new(value).encode(metrics.encode_family(&labels)?)?;
    }
    Ok(())
}
