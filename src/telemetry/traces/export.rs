//! Sends spans to a collector over OTLP.

use std::time::Duration;

use opentelemetry::{KeyValue, trace::TracerProvider as _};
use opentelemetry_otlp::{ExporterBuildError, Protocol, SpanExporter, WithExportConfig as _, WithTonicConfig as _};
use opentelemetry_sdk::{
    Resource,
    resource::{EnvResourceDetector, TelemetryResourceDetector},
    trace::SdkTracerProvider,
};
use tonic::transport::ClientTlsConfig;

use super::{Tracer, seldom::Seldom, variables};
use crate::config::Environment;

const NAME: &str = env!("CARGO_PKG_NAME");
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// How long a stop waits for the last spans to be taken.
const FLUSH: Duration = Duration::from_secs(3);

/// An exporter with its queue. Spans that find the queue full are dropped:
/// nothing waits for a collector.
pub struct Export(SdkTracerProvider);

impl Export {
    /// Starts to export, if the `OTEL_*` variables ask for it. What is wrong
    /// with them is logged, and is no reason not to serve.
    ///
    /// To be called on a runtime, which then serves the connections to the
    /// collector. The SDK reads the process's environment by itself; `env`
    /// should be that.
    pub fn start(env: &dyn Environment) -> Option<Self> {
        if !variables::ask_for_export(env) {
            return None;
        }
        for fault in variables::ignored(env) {
            tracing::warn!("{fault}");
        }
        match exporter(env) {
            Ok(exporter) => {
                tracing::info!("traces are exported over OTLP");
                let provider = SdkTracerProvider::builder()
                    .with_resource(resource(env))
                    .with_batch_exporter(Seldom::new(exporter))
                    .build();
                Some(Self(provider))
            }
            Err(_) => {
                // The SDK's words would quote the URL, and a password in it.
                tracing::warn!("no traces are exported: the endpoint is no URL, or one without TLS");
                None
            }
        }
    }

    /// Where traces begin.
    pub fn tracer(&self) -> Tracer {
        Tracer(Some(self.0.tracer(NAME)))
    }

    /// Sends what has not been sent, and ends; within three seconds, whatever the collector does.
    pub async fn flush(self) {
        let flushing = tokio::task::spawn_blocking(move || self.0.shutdown_with_timeout(FLUSH));
        if matches!(flushing.await, Ok(Err(_)) | Err(_)) {
            tracing::warn!("the last spans were not taken in time");
        }
    }
}

/// OTLP's usual ports and paths, and all else, are the SDK's to know.
fn exporter(env: &dyn Environment) -> Result<SpanExporter, ExporterBuildError> {
    let builder = SpanExporter::builder();
    if variables::is_grpc(env) {
        // The SDK's own default trusts no CA at all.
        let tls = ClientTlsConfig::new().with_enabled_roots();
        return builder.with_tonic().with_protocol(Protocol::Grpc).with_tls_config(tls).build();
    }
    builder.with_http().with_protocol(Protocol::HttpBinary).build()
}

/// Ours, unless the variables say another name.
fn resource(env: &dyn Environment) -> Resource {
    let resource = Resource::builder_empty()
        .with_service_name(NAME)
        .with_attribute(KeyValue::new("service.version", VERSION))
        .with_detectors(&[Box::new(TelemetryResourceDetector), Box::new(EnvResourceDetector::new())]);
    match variables::get(env, variables::SERVICE_NAME) {
        Some(name) => resource.with_service_name(name).build(),
        None => resource.build(),
    }
}
