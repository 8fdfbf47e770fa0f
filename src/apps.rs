//! The apps: from a name to where its calls go, and who may use it.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, OnceLock},
    time::Duration,
};

use secrecy::SecretString;
use tokio::time::Instant;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};
use tower::service_fn;

use crate::{
    admission::{Lane, Mode, Outage, Redis, Settings, Sharing, Turn},
    callers::Grant,
    config::{self, FieldLimits, SdkAppId},
    credentials::Signer,
    errors::{CallError, Reason},
    outbound::{
        self, Outbound,
        admit::Admissions,
        breaker::Breaker,
        call::{Purpose, Signed},
        http::Clients,
        look,
        once::Once,
    },
    telemetry::Metrics,
};

/// Who waits for a permit when the gateway itself asks something.
const PROBE: &str = "gateway";

mod keeper;

/// One SDKAppID, with all that its calls need.
pub struct App {
    config: config::App,
    name: Arc<str>,
    signer: Arc<Signer>,
    admissions: Arc<Admissions>,
    once: Arc<Once>,
    breaker: Arc<Breaker>,
    outbound: Outbound,
    /// Ends with the app.
    keeper: OnceLock<AbortOnDropHandle<()>>,
}

/// All apps, by name and by Chat's number.
#[derive(Default)]
pub struct Apps {
    by_name: HashMap<Arc<str>, Arc<App>>,
    by_id: BTreeMap<SdkAppId, Arc<App>>,
}

impl Apps {
    /// These apps.
    pub fn new(apps: impl IntoIterator<Item = Arc<App>>) -> Self {
        let by_name: HashMap<_, _> = apps.into_iter().map(|app| (app.name.clone(), app)).collect();
        let by_id = by_name.values().map(|app| (app.sdk_app_id(), app.clone())).collect();
        Self { by_name, by_id }
    }

    /// The app that a request names, or the only one that its caller's grant covers.
    ///
    /// # Errors
    /// [`Reason::AppUnknown`], [`Reason::AppUnnamed`] or [`Reason::AppNotGranted`].
    pub fn find(&self, name: &str, grant: &Grant) -> Result<Arc<App>, Reason> {
        if name.is_empty() {
            let mut usable = self.by_name.values().filter(|app| grant.covers(&app.name));
            return match (usable.next(), usable.next()) {
                (Some(app), None) => Ok(app.clone()),
                _ => Err(Reason::AppUnnamed),
            };
        }
        let app = self.by_name.get(name).ok_or_else(|| Reason::AppUnknown(name.chars().take(64).collect()))?;
        if grant.covers(&app.name) { Ok(app.clone()) } else { Err(Reason::AppNotGranted) }
    }

    /// Every app.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<App>> {
        self.by_name.values()
    }
}

impl App {
    /// An app as configured, with its stack.
    pub fn new(config: config::App, signer: Signer, shared: &Shared) -> Self {
        let admissions = Arc::new(Admissions::new(shared.settings(&config)));
        Self::with(config, signer, shared, admissions, Arc::default())
    }

    /// The app in a configuration that was read again. Where nothing has
    /// changed it is the one from before; otherwise the SDKAppID's permits and
    /// its keyed calls under way are carried over, since Chat counts on.
    pub fn again(config: &config::App, key: SecretString, shared: &Shared, before: &Apps) -> Arc<Self> {
        let earlier = before.by_id.get(&config.sdk_app_id);
        let signer = Signer::new(config, key);
        Arc::new(match earlier {
            None => Self::new(config.clone(), signer, shared),
            // A new key in the same file is the keeper's to try.
            Some(app) if app.config == *config => return app.clone(),
            Some(app) => {
                app.admissions.set_rate(config.calls_per_second);
                Self::with(config.clone(), signer, shared, app.admissions.clone(), app.once.clone())
            }
        })
    }

    fn with(
        config: config::App,
        signer: Signer,
        shared: &Shared,
        admissions: Arc<Admissions>,
        once: Arc<Once>,
    ) -> Self {
        let name: Arc<str> = config.name.as_str().into();
        let signer = Arc::new(signer);
        let way =
            shared.clients.way(&config.upstream.base_url(), config.upstream.is_loopback(), config.attempt_timeout);
        let breaker = Arc::new(Breaker::new());
        let parts = outbound::Parts {
            once: once.clone(),
            budget: Arc::default(),
            max_attempts: config.max_attempts,
            breaker: breaker.clone(),
            admissions: admissions.clone(),
            signer: signer.clone(),
            tasks: shared.tasks.clone(),
            metrics: shared.metrics.chat(&name),
            host: config.upstream.host().into(),
        };
        let outbound = outbound::stack(&parts, service_fn(move |signed: Signed| way.send(signed)));
        Self { config, name, signer, admissions, once, breaker, outbound, keeper: OnceLock::new() }
    }

    /// Probes the credential from now on, and watches the key file. Until a
    /// probe has succeeded calls wait.
    pub fn keep(&self) {
        self.keeper.get_or_init(|| {
            let keeper = keeper::Keeper {
                name: self.name.clone(),
                outbound: self.outbound.clone(),
                attempt_timeout: self.config.attempt_timeout,
                signer: self.signer.clone(),
                breaker: self.breaker.clone(),
                key_source: self.config.secret_key.clone(),
            };
            AbortOnDropHandle::new(tokio::spawn(keeper.keep()))
        });
    }

    /// Asks Chat whether it takes the credential, with a look that changes
    /// nothing.
    ///
    /// # Errors
    /// What Chat said instead, or why it could not be asked.
    pub async fn probe(&self) -> Result<(), CallError> {
        probe(self.outbound(), self.config.attempt_timeout, None).await
    }

    /// Its name.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// How it is configured.
    pub fn config(&self) -> &config::App {
        &self.config
    }

    /// How long its fields may be.
    pub fn field_limits(&self) -> &FieldLimits {
        &self.config.field_limits
    }

    /// Chat's number of it.
    pub fn sdk_app_id(&self) -> SdkAppId {
        self.config.sdk_app_id
    }

    /// What keeps its calls back that can't succeed.
    pub fn breaker(&self) -> &Arc<Breaker> {
        &self.breaker
    }

    /// Its stack.
    pub fn outbound(&self) -> Outbound {
        self.outbound.clone()
    }

    /// Its signatures.
    pub fn signer(&self) -> &Arc<Signer> {
        &self.signer
    }

    /// Its permits.
    pub fn admissions(&self) -> &Arc<Admissions> {
        &self.admissions
    }

    /// Sends nothing new from now on; who waits is answered `DRAINING`.
    pub fn drain(&self) {
        self.breaker.drain();
        self.admissions.close();
    }
}

/// Tries a credential, the app's own if none is given.
async fn probe(outbound: Outbound, limit: Duration, candidate: Option<Arc<Signer>>) -> Result<(), CallError> {
    let turn = Turn { caller: PROBE.into(), weight: 1, lane: Lane::Unary, deadline: Instant::now() + limit };
    let probe = look::call(look::probe(), turn, Purpose::Probe(candidate), Arc::default());
    outbound.run(probe).await.map(drop)
}

/// What all apps share.
#[derive(Clone)]
pub struct Shared {
    /// Connections.
    pub clients: Clients,
    /// Attempts under way.
    pub tasks: TaskTracker,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// How the rate is kept.
    pub rate_limit: config::RateLimit,
    /// Where it is shared with other replicas, if it is.
    pub redis: Option<Redis>,
}

impl Shared {
    /// Whoever ran before may have used this second of Chat's; nobody used it
    /// of a stand-in that is on this machine.
    fn settings(&self, app: &config::App) -> Settings {
        let quiet_start = if app.upstream.is_loopback() { Default::default() } else { self.rate_limit.quiet_start };
        Settings {
            calls_per_second: app.calls_per_second,
            mode: match self.rate_limit.mode {
                config::Mode::Window => Mode::Window,
                config::Mode::Strict => Mode::Strict,
            },
            quiet_start,
            residence: app.attempt_timeout.max(Duration::from_secs(5)),
            sharing: self.sharing(app.sdk_app_id),
            ..Settings::default()
        }
    }

    /// Chat counts by SDKAppID and command; the admissions add the command.
    fn sharing(&self, app: SdkAppId) -> Option<Sharing> {
        let config::Backend::Redis { replicas, outage, suspect, .. } = &self.rate_limit.backend else { return None };
        Some(Sharing {
            redis: self.redis.clone()?,
            scope: app.to_string().into(),
            replicas: *replicas,
            outage: match outage {
                config::Outage::Share => Outage::Share,
                config::Outage::Closed => Outage::Closed,
            },
            suspect: *suspect,
        })
    }
}
