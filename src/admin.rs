//! The admin port: probes, metrics and the live page, for operators and their
//! machines. It only tells, and no secret; it does not ask who reads.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{Query, State as Shared},
    http::StatusCode,
    middleware,
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Deserialize;
use tokio::{
    net::TcpListener,
    task::spawn_blocking,
    time::{MissedTickBehavior, interval},
};
use tokio_util::task::AbortOnDropHandle;

use self::{
    history::{History, Sample},
    status::Overview,
};
use crate::telemetry::Metrics;

pub mod history;
mod host;
mod page;
mod serve;
pub mod status;

pub use serve::{MAX_CONNECTIONS, REQUEST_WITHIN};

/// The Prometheus text format's content type, with OpenMetrics' names.
const METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// How often the page's chart gets a point.
const SAMPLE_EVERY: Duration = Duration::from_secs(1);

/// Whether the gateway can serve, and why not, app by app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// Whether calls should be sent here.
    pub ready: bool,
    /// A line an app.
    pub lines: Vec<String>,
}

/// What the admin port shows.
pub trait Source: Send + Sync + 'static {
    /// What is counted.
    fn metrics(&self) -> &Metrics;
    /// Whether the gateway can serve.
    fn readiness(&self) -> Readiness;
    /// What the history takes of each app each second; it numbers them.
    fn samples(&self) -> Vec<(String, Sample)>;
    /// How it stands, without history, which is kept here.
    fn overview(&self) -> Overview;
}

/// A served admin port. It ends when this is dropped.
pub struct Admin {
    address: SocketAddr,
    _serving: AbortOnDropHandle<()>,
    _sampling: AbortOnDropHandle<()>,
}

/// What the routes read.
#[derive(Clone)]
struct Shown {
    source: Arc<dyn Source>,
    history: Arc<History>,
}

impl Admin {
    /// Serves on an address; port 0 lets the system choose.
    ///
    /// # Errors
    /// When the address can't be had.
    pub async fn start(address: SocketAddr, source: Arc<dyn Source>) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let shown = Shown { source, history: Arc::default() };
        let sampling = tokio::spawn(sample(shown.clone()));
        let mut routes = routes(shown);
        if address.ip().is_loopback() {
            routes = routes.layer(middleware::from_fn(host::only_local));
        }
        let serving = tokio::spawn(serve::serve(listener, routes, REQUEST_WITHIN));
        Ok(Self { address, _serving: AbortOnDropHandle::new(serving), _sampling: AbortOnDropHandle::new(sampling) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

fn routes(shown: Shown) -> Router {
    Router::new()
        .route("/", get(page::page))
        .route("/status.json", get(status))
        .route("/livez", get(async || "alive\n"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(shown)
}

/// Keeps the history, until the task that runs this is dropped.
async fn sample(shown: Shown) {
    let mut ticks = interval(SAMPLE_EVERY);
    // Two samples at once would count the same second twice.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let shown = shown.clone();
        // What panicked is told by the panic; the next second is another.
        let _ = spawn_blocking(move || shown.history.take(shown.source.samples())).await;
    }
}

/// Makes an answer beside the workers: with ten thousand apps it takes longer than a call may wait.
async fn apart<R: IntoResponse>(make: impl FnOnce() -> R + Send + 'static) -> Response {
    let made = spawn_blocking(move || make().into_response()).await;
    made.unwrap_or_else(|_panic| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

#[derive(Deserialize)]
struct Since {
    /// The last sample that the page has.
    #[serde(default)]
    since: u32,
}

async fn status(Shared(shown): Shared<Shown>, Query(Since { since }): Query<Since>) -> impl IntoResponse {
    apart(move || {
        let mut overview = shown.source.overview();
        for app in &mut overview.apps {
            app.history = shown.history.since(&app.name, since);
        }
        ([("cache-control", "no-store"), ("x-content-type-options", "nosniff")], Json(overview))
    })
    .await
}

async fn readyz(Shared(shown): Shared<Shown>) -> impl IntoResponse {
    let Readiness { ready, lines } = shown.source.readiness();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut text = if ready { "ready\n".to_owned() } else { "not ready\n".to_owned() };
    for line in lines {
        text.push_str(&line);
        text.push('\n');
    }
    (status, text)
}

async fn metrics(Shared(shown): Shared<Shown>) -> impl IntoResponse {
    apart(move || ([("content-type", METRICS_TYPE)], shown.source.metrics().text())).await
}
