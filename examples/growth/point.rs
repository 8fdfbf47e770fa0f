//! One measured size, and how a table shows it.

use std::time::Duration;

/// What was measured at one size.
pub(crate) struct Point {
    pub(crate) size: usize,
    /// From the start of the process until it was ready.
    pub(crate) ready: Duration,
    /// Calls a second.
    pub(crate) rate: f64,
    /// Microseconds of processor time for each of them.
    pub(crate) cost: f64,
    /// MiB.
    pub(crate) memory: f64,
    /// Percent of a core.
    pub(crate) at_rest: f64,
    pub(crate) tasks: f64,
    /// Milliseconds: median, and 99 of 100.
    pub(crate) wait: [f64; 2],
}

impl Point {
    pub(crate) fn head(name: &str) -> String {
        format!(
            "| {name} | calls/s | µs a call | memory, MiB | KiB each | wait, ms: median | 99 % | tasks | at rest, % of a core | ready, ms |\n\
             |---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
        )
    }

    /// A row; `first` is the smallest size, which tells what each of the others takes.
    pub(crate) fn row(&self, first: Option<&Point>) -> String {
        let each = first.map_or_else(String::new, |first| {
            number((self.memory - first.memory) * 1024.0 / (self.size - first.size).max(1) as f64)
        });
        let columns = [
            number(self.size as f64),
            number(self.rate),
            number(self.cost),
            number(self.memory),
            each,
            number(self.wait[0]),
            number(self.wait[1]),
            number(self.tasks),
            number(self.at_rest),
            number(self.ready.as_secs_f64() * 1e3),
        ];
        format!("| {} |", columns.join(" | "))
    }
}

/// A number with as many digits as are worth reading.
fn number(value: f64) -> String {
    match value.abs() {
        _ if value.is_nan() => "none".to_owned(),
        _ if value.fract() == 0.0 => thousands(value),
        100.0.. => thousands(value),
        10.0.. => format!("{value:.0}"),
        1.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn thousands(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = if value < 0.0 { "-".to_owned() } else { String::new() };
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
