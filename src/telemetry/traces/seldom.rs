//! Tells of an exporter's failures once in a while: a collector that is away
//! for an hour is one story, not one of every five seconds.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use opentelemetry_otlp::SpanExporter as Otlp;
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{SpanData, SpanExporter},
};

/// Between two lines about failures.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// An exporter whose failures are told seldom. Spans that it can't get rid of
/// are lost, and that is all that comes of it.
#[derive(Debug)]
pub(super) struct Seldom<E = Otlp> {
    exporter: E,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Spans lost since a line last said that all is well.
    lost: usize,
    /// When a failure was told of last.
    told: Option<Instant>,
    /// And whether nothing better has been told since.
    is_told: bool,
}

/// What is to be told now.
#[derive(Debug, PartialEq, Eq)]
enum News {
    Fails { lost: usize },
    Works { lost: usize },
}

impl<E> Seldom<E> {
    pub(super) fn new(exporter: E) -> Self {
        Self { exporter, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn failed(&mut self, spans: usize, now: Instant) -> Option<News> {
        self.lost += spans;
        if self.told.is_some_and(|told| now.saturating_duration_since(told) < TELL_EVERY) {
            return None;
        }
        self.told = Some(now);
        self.is_told = true;
        Some(News::Fails { lost: self.lost })
    }

    fn succeeded(&mut self) -> Option<News> {
        let is_told = std::mem::take(&mut self.is_told);
        is_told.then(|| News::Works { lost: std::mem::take(&mut self.lost) })
    }
}

impl<E: SpanExporter> SpanExporter for Seldom<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let outcome = self.exporter.export(batch).await;
        let news = match &outcome {
            Ok(()) => self.state().succeeded(),
            Err(_) => self.state().failed(spans, Instant::now()),
        };
        match (news, &outcome) {
            // The SDK's errors hold a gRPC code, an HTTP status or what the connection failed of; no
            // header, no address, and nothing that the collector said.
            (Some(News::Fails { lost }), Err(error)) => tracing::warn!(lost, "spans can't be exported: {error}"),
            (Some(News::Works { lost }), _) => tracing::info!(lost, "spans are exported again"),
            _ => {}
        }
        outcome
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_that_lasts_is_told_once_a_minute_and_its_end_once() {
        let mut state = State::default();
        let start = Instant::now();
        let mut told = Vec::new();
        for second in 0..150 {
            told.extend(state.failed(10, start + Duration::from_secs(second)).map(|news| (second, news)));
        }
        let fails = |lost| News::Fails { lost };
        assert_eq!(told, [(0, fails(10)), (60, fails(610)), (120, fails(1_210))]);
        assert_eq!(state.succeeded(), Some(News::Works { lost: 1_500 }));
        assert_eq!(state.succeeded(), None);
        // One that comes and goes is told no more often than one that stays.
        for second in 151..180 {
            assert_eq!(state.failed(1, start + Duration::from_secs(second)), None);
            assert_eq!(state.succeeded(), None);
        }
        assert_eq!(state.failed(1, start + Duration::from_secs(180)), Some(fails(30)));
        assert_eq!(state.succeeded(), Some(News::Works { lost: 30 }));
    }
}
