//! The admin port: probes and metrics, for operators and their machines.

use std::{io, net::SocketAddr, sync::Arc};

use axum::{Router, extract::State as Shared, http::StatusCode, response::IntoResponse, routing::get};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::telemetry::Metrics;

/// The Prometheus text format's content type, with OpenMetrics' names.
const METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

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
}

/// A served admin port. It ends when this is dropped.
pub struct Admin {
    address: SocketAddr,
    serving: JoinHandle<()>,
}

impl Admin {
    /// Serves on an address; port 0 lets the system choose.
    ///
    /// # Errors
    /// When the address can't be had.
    pub async fn start(address: SocketAddr, source: Arc<dyn Source>) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let serving = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, routes(source)).await {
                tracing::error!(%error, "the admin port has stopped");
            }
        });
        Ok(Self { address, serving })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn routes(source: Arc<dyn Source>) -> Router {
    Router::new()
        .route("/livez", get(async || "alive\n"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(source)
}

async fn readyz(Shared(source): Shared<Arc<dyn Source>>) -> impl IntoResponse {
    let Readiness { ready, lines } = source.readiness();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut text = if ready { "ready\n".to_owned() } else { "not ready\n".to_owned() };
    for line in lines {
        text.push_str(&line);
        text.push('\n');
    }
    (status, text)
}

async fn metrics(Shared(source): Shared<Arc<dyn Source>>) -> impl IntoResponse {
    ([("content-type", METRICS_TYPE)], source.metrics().text())
}
