//! The one place that wires the parts: configuration → listeners and tasks.

use std::{error::Error, fmt, io, net::SocketAddr, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use tokio::{task::JoinHandle, time::timeout};
use tokio_util::{
    sync::CancellationToken,
    task::{AbortOnDropHandle, TaskTracker},
};
use tonic_health::server::HealthReporter;

use self::status::Status;
use crate::{
    admin::{Admin, Readiness, Source as _},
    admission::{BadRedis, Redis},
    apps::{App, Apps, Shared},
    config::{self, AppName, Backend, Config, Environment},
    credentials::key::{self, KeyError},
    errors::Cause,
    inbound::Access,
    outbound::http::Clients,
    service::{Service, State},
    stop::Stop,
    telemetry::Metrics,
};

mod listen;
mod owner;
mod serve;
mod shortcut;
mod status;

pub use listen::{Bound, ListenError};

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
    serving: JoinHandle<Result<(), tonic::transport::Error>>,
    _health: AbortOnDropHandle<()>,
    health: HealthReporter,
    shared: Shared,
    config: Config,
}

impl Gateway {
    /// Starts it: reads the keys, binds, and serves.
    ///
    /// # Errors
    /// Every key that can't be read, at once; or an address that can't be had.
    pub async fn start(config: Config, env: &dyn Environment) -> Result<Self, StartError> {
        refuse_what_is_missing(&config)?;
        let attempts = TaskTracker::new();
        let (service, shared) = service(&config, attempts.clone(), env)?;
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
        let closing = CancellationToken::new();
        let stack = serve::Stack { server: config.server.clone(), service: service.clone(), health: health_service };
        let serving = tokio::spawn(stack.serve(listener, closing.clone()));
        tracing::info!(address = %bound, "listening for gRPC");
        Ok(Self {
            bound,
            admin,
            service,
            status,
            closing,
            attempts,
            serving,
            _health: AbortOnDropHandle::new(keep_health),
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
    /// Where a key can't be read, or something has changed that only a start
    /// can change; the old configuration stays in force.
    pub fn reload(&mut self, config: Config, env: &dyn Environment) -> Result<(), StartError> {
        refuse_what_is_missing(&config)?;
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
        let state = state(&config, &self.shared, &before.apps, env)?;
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

/// A key that is taken and does nothing would be worst of all.
fn refuse_what_is_missing(config: &Config) -> Result<(), StartError> {
    let missing = if config.server.tls.is_some() {
        "server.tls"
    } else {
        return Ok(());
    };
    Err(StartError::Missing(missing))
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

/// Why it could not start.
#[derive(Debug)]
pub enum StartError {
    /// These apps' keys can't be read.
    Keys(Vec<(AppName, KeyError)>),
    /// The address can't be had.
    Listen(ListenError),
    /// The admin port's address can't be had.
    Admin(SocketAddr, io::Error),
    /// There is no TLS for the way to Chat.
    Tls(Cause),
    /// The URL of Redis can't be used.
    Redis(BadRedis),
    /// A reload that changes what only a start can change.
    NeedsRestart,
    /// Something configured that this version does not have yet.
    Missing(&'static str),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keys(faults) => {
                for (index, (app, fault)) in faults.iter().enumerate() {
                    let cause = fault.source().map_or_else(String::new, |cause| format!(": {cause}"));
                    let line = if index == 0 { "" } else { "\n" };
                    write!(f, "{line}app {app}: {fault}{cause}")?;
                }
                Ok(())
            }
            Self::Listen(error) => error.fmt(f),
            Self::Admin(address, _) => write!(f, "can't listen on {address} for probes and metrics"),
            Self::NeedsRestart => f.write_str(
                "a restart is needed: of [server] only the deadlines and drain_timeout can change, [log] and [rate_limit] not at all",
            ),
            Self::Missing(what) => write!(f, "this version has no {what} yet"),
            Self::Redis(error) => error.fmt(f),
            Self::Tls(_) => f.write_str("no TLS for the way to Chat"),
        }
    }
}

impl Error for StartError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Keys(_) | Self::NeedsRestart | Self::Missing(_) => None,
            Self::Listen(error) => error.source(),
            Self::Redis(error) => error.source(),
            Self::Admin(_, cause) => Some(cause),
            Self::Tls(cause) => Some(cause.as_ref()),
        }
    }
}
