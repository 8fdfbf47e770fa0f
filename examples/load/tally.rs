//! What came of the calls, and how long they took.

use std::{
    fmt::Display,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};

/// What came of the calls so far.
#[derive(Default)]
pub(crate) struct Tally {
    imported: AtomicU64,
    refused: AtomicU64,
    last_refusal: Mutex<Option<String>>,
    /// In microseconds.
    times: Mutex<Vec<u32>>,
}

impl Tally {
    /// Counts how a call ends, with the time that it takes.
    pub(crate) async fn measure<T, E: Display>(&self, call: impl Future<Output = Result<T, E>>) {
        let since = Instant::now();
        let outcome = call.await;
        self.count(outcome.is_ok(), Some(since.elapsed()));
        if let Err(error) = outcome {
            *self.last_refusal.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
        }
    }

    pub(crate) fn count(&self, imported: bool, took: Option<Duration>) {
        let counter = if imported { &self.imported } else { &self.refused };
        counter.fetch_add(1, Ordering::Relaxed);
        if let Some(took) = took {
            let micros = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
            self.times.lock().unwrap_or_else(PoisonError::into_inner).push(micros);
        }
    }

    /// For people.
    pub(crate) fn line(&self, took: Duration) -> String {
        let (imported, refused) = (self.imported.load(Ordering::Relaxed), self.refused.load(Ordering::Relaxed));
        let rate = (imported + refused) as f64 / took.as_secs_f64();
        let times = match self.at([50, 99]) {
            Some([median, p99]) => format!(", half within {median:.2} ms and 99 of 100 within {p99:.2} ms"),
            None => String::new(),
        };
        let refusal = self.last_refusal.lock().unwrap_or_else(PoisonError::into_inner);
        let refusal = refusal.as_ref().map_or_else(String::new, |refusal| format!("; refused last: {refusal}"));
        format!("imported {imported}, refused {refused}; {rate:.0} a second{times}{refusal}")
    }

    /// For programs.
    pub(crate) fn summary(&self, took: Duration) -> Value {
        let [median, p99] = self.at([50, 99]).map_or([None, None], |times| times.map(Some));
        json!({
            "imported": self.imported.load(Ordering::Relaxed),
            "refused": self.refused.load(Ordering::Relaxed),
            "last_refusal": *self.last_refusal.lock().unwrap_or_else(PoisonError::into_inner),
            "seconds": took.as_secs_f64(),
            "p50_ms": median,
            "p99_ms": p99,
        })
    }

    /// Percentiles of the times, in milliseconds; none, if none was measured.
    fn at<const N: usize>(&self, percents: [usize; N]) -> Option<[f64; N]> {
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner).clone();
        times.sort_unstable();
        let last = times.len().checked_sub(1)?;
        Some(percents.map(|percent| f64::from(times[last * percent / 100]) / 1e3))
    }
}
