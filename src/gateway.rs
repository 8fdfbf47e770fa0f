//! The one place that wires the parts: configuration → listeners and tasks.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use tokio::{task::JoinHandle, time::timeout};
use tokio_util::{
    sync::CancellationToken,
    task::{AbortOnDropHandle, TaskTracker},
};
use tonic_health::server::HealthReporter;

use self::{incoming::Incoming, status::Status, tls::Tls};
use crate::{
    admin::{Admin, Readiness, Source as _},
    admission::{BadRedis, Redis},
    apps::{App, Apps, Shared},
    config::{self, Backend, Config, Environment},
    credentials::key,
    inbound::Access,
    outbound::http::Clients,
    service::{Service, State},
    stop::Stop,
    telemetry::{Metrics, traces::Tracer},
};

mod connection;
mod incoming;
mod listen;
mod owner;
mod seldom;
mod serve;
mod shortcut;
mod start_error;
mod status;
mod tls;

pub use listen::{Bound, ListenError};
pub use serve::OPEN_REQUEST_BYTES;
pub use start_error::StartError;
pub use tls::TlsError;

/// Kept back from the drain time-out for telling those who still wait.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// A gateway that serves.
pub struct Gateway {
    bound: Bound,
    admin: Option<Admin>,
    service: Service,
    status: Status,
    closing: CancellationToken,
    attempts: TaskTracker,
    serving: JoinHandle<()>,
    tls: Option<Arc<Tls>>,
    /// What looks after health and certificates.
    _keepers: Vec<AbortOnDropHandle<()>>,
    health: HealthReporter,
    shared: Shared,
    config: Config,
}

impl Gateway {
    /// Starts it: reads the keys and certificates, binds, and serves.
    ///
    /// # Errors
    /// Every key that can't be read, at once; what is wrong with the
    /// certificates; or an address that can't be had.
    pub async fn start(config: Config, env: &dyn Environment) -> Result<Self, StartError> {
        Self::start_traced(config, env, Tracer::off()).await
    }

    /// The same; its traces begin in `tracer`.
    ///
    /// # Errors
    /// As [`Gateway::start`].
    pub async fn start_traced(config: Config, env: &dyn Environment, tracer: Tracer) -> Result<Self, StartError> {
        let attempts = TaskTracker::new();
        let (service, shared) = service(&config, attempts.clone(), env)?;
        let tls = Tls::new(&config).map_err(StartError::ServerTls)?;
        let status = Status::new(service.clone());
        service.metrics.collect(status::Gauges { service: service.clone() });

        let (listener, bound) = Bound::bind(&config.server.listen).await.map_err(StartError::Listen)?;
        let admin = match config.server.admin_listen {
            Some(address) => Some(start_admin(address, &status).await?),
            None => None,
        };
        let (health, health_service) = tonic_health::server::health_reporter();
        serve::set_serving(&health, false).await;
        let keep_health = tokio::spawn(status.clone().keep_health(health.clone()));
        let keep_tls = tls.clone().map(|tls| tokio::spawn(tls.keep()));
        let closing = CancellationToken::new();
        let stack =
            serve::Stack { server: config.server.clone(), service: service.clone(), tracer, health: health_service };
        let incoming = Incoming { listener, tls: tls.clone(), limits: config.server.http2.clone() };
        let serving = tokio::spawn(stack.serve(incoming, closing.clone()));
        tracing::info!(address = %bound, tls = tls.is_some(), "listening for gRPC");
        Ok(Self {
            bound,
            admin,
            service,
            status,
            closing,
            attempts,
            serving,
            tls,
            _keepers: [keep_health].into_iter().chain(keep_tls).map(AbortOnDropHandle::new).collect(),
            health,
            shared,
            config,
        })
    }

    /// Where it listens.
    pub fn bound(&self) -> &Bound {
        &self.bound
    }

    /// Where its admin port listens, if it has one.
    pub fn admin(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(Admin::address)
    }

    /// What it counts.
    pub fn metrics(&self) -> &Metrics {
        &self.service.metrics
    }

    /// Whether it can serve, and why not.
    pub fn readiness(&self) -> Readiness {
        self.status.readiness()
    }

    /// Takes another configuration, whole or not at all. Apps keep their rate's
    /// state, and calls under way go on as they began.
    ///
    /// # Errors
    /// Where a key or certificate can't be read, or something has changed that
    /// only a start can change; the old configuration stays in force.
    pub fn reload(&mut self, config: Config, env: &dyn Environment) -> Result<(), StartError> {
        let fixed = |config: &Config| {
            let server = config::Server {
                unary_deadline: Duration::ZERO,
                item_deadline: Duration::ZERO,
                drain_timeout: Duration::ZERO,
                ..config.server.clone()
            };
            (server, config.log.clone(), config.rate_limit.clone())
        };
        if fixed(&config) != fixed(&self.config) {
            return Err(StartError::NeedsRestart);
        }
        let before = self.service.state.load_full();
        let tls = self.tls.as_ref().map(|tls| tls.again(&config).map(|served| (tls, served)));
        let tls = tls.transpose().map_err(StartError::ServerTls)?;
        let state = state(&config, &self.shared, &before.apps, env)?;
        if let Some((tls, served)) = tls {
            tls.take(served);
        }
        self.service.access.store(Arc::new(Access::new(&config, &self.service.metrics)));
        self.service.state.store(Arc::new(state));
        self.config = config;
        Ok(())
    }

    /// Stops cleanly: not ready, no new work, GOAWAY; what is under way has
    /// until the drain time-out, and what was never sent is answered
    /// `DRAINING` at once.
    pub async fn stop(mut self) {
        self.service.stop.drain();
        serve::set_serving(&self.health, false).await;
        self.service.state.load().apps.iter().for_each(|app| app.drain());
        self.closing.cancel();
        self.attempts.close();
        let (serving, attempts) = (&mut self.serving, &self.attempts);
        let mut drained = std::pin::pin!(async {
            let _ = serving.await;
            attempts.wait().await;
        });
        if timeout(self.config.server.drain_timeout.saturating_sub(LAST_WORDS), &mut drained).await.is_err() {
            tracing::warn!(attempts = self.attempts.len(), "the drain time-out has come before every answer");
            self.service.stop.abandon();
            let _ = timeout(LAST_WORDS, &mut drained).await;
        }
        // What other replicas are not told by then they wait out.
        let apps = self.service.state.load_full();
        let left = apps.apps.iter().map(|app| app.admissions().left());
        let _ = timeout(LAST_WORDS, futures_util::future::join_all(left)).await;
        self.bound.remove();
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Reads the files of `[server.tls]`, if there is one.
///
/// # Errors
/// All that is wrong with them.
pub fn check_tls(config: &Config) -> Result<(), Vec<TlsError>> {
    Tls::new(config).map(drop)
}

async fn start_admin(address: SocketAddr, status: &Status) -> Result<Admin, StartError> {
    let failed = |cause| StartError::Admin(address, cause);
    let admin = Admin::start(address, Arc::new(status.clone())).await.map_err(failed)?;
    tracing::info!(address = %admin.address(), "listening for probes and metrics");
    Ok(admin)
}

fn service(config: &Config, attempts: TaskTracker, env: &dyn Environment) -> Result<(Service, Shared), StartError> {
    let metrics = Arc::new(Metrics::new());
    let shared = Shared {
        clients: Clients::new().map_err(StartError::Tls)?,
        tasks: attempts,
        metrics: metrics.clone(),
        rate_limit: config.rate_limit.clone(),
        redis: redis(config).map_err(StartError::Redis)?,
    };
    let state = Arc::new(ArcSwap::from_pointee(state(config, &shared, &Apps::default(), env)?));
    let access = Arc::new(ArcSwap::from_pointee(Access::new(config, &metrics)));
    Ok((Service { state, access, metrics, stop: Stop::default() }, shared))
}

fn redis(config: &Config) -> Result<Option<Redis>, BadRedis> {
    match &config.rate_limit.backend {
        Backend::Local => Ok(None),
        Backend::Redis { url, .. } => Redis::open(url.expose()).map(Some),
    }
}

fn state(config: &Config, shared: &Shared, before: &Apps, env: &dyn Environment) -> Result<State, StartError> {
    Ok(State {
        apps: apps(config, shared, before, env)?,
        unary_deadline: config.server.unary_deadline,
        item_deadline: config.server.item_deadline,
    })
}

/// Every app, or every fault of their keys.
fn apps(config: &Config, shared: &Shared, before: &Apps, env: &dyn Environment) -> Result<Apps, StartError> {
    let mut faults = Vec::new();
    let mut apps = Vec::new();
    for app in &config.apps {
        match key::read(&app.secret_key, env) {
            Ok(key) => apps.push(App::again(app, key, shared, before)),
            Err(fault) => faults.push((app.name.clone(), fault)),
        }
    }
    if !faults.is_empty() {
        return Err(StartError::Keys(faults));
    }
    apps.iter().for_each(|app| app.keep());
    Ok(Apps::new(apps))
}
