//! What `examples/growth` and `examples/soak` share: the gateway as a process of its own, measured from outside, and
//! charts.

pub(crate) mod chart;
mod gateway;
mod process;

pub(crate) use gateway::{Gateway, program};
pub(crate) use process::Usage;

/// The value below which half of them lie; of none no number.
pub(crate) fn median(values: &[f64]) -> f64 {
    percentile(values, 50)
}

/// The value below which so many of a hundred lie; of none no number.
pub(crate) fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.get((sorted.len().saturating_sub(1)) * percent / 100).copied().unwrap_or(f64::NAN)
}
