//! What whoever waits sees: a bar on a terminal, a line now and then elsewhere.

use std::{
    io::{self, IsTerminal as _, Write},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

use super::{
    tally::Tally,
    words::{count, lines, span},
};

/// Between two lines, where there is no bar to redraw.
const NOW_AND_THEN: Duration = Duration::from_secs(5);

/// More new groups than this may take more than a day: 10,000 are a standard
/// plan's daily quota, and whether imports count is not documented.
const GROUPS_A_DAY: u64 = 10_000;

/// Where progress and notices go.
pub struct Screen {
    to: To,
    shown: Option<Instant>,
    noticed: Option<Instant>,
}

enum To {
    Bar(ProgressBar),
    Lines(Box<dyn Write + Send>),
}

/// How far it is.
pub(super) struct View<'a> {
    pub(super) done: u64,
    pub(super) total: Option<u64>,
    pub(super) tally: &'a Tally,
    pub(super) rate: Option<f64>,
    /// Why nothing is sent just now.
    pub(super) paused: Option<&'a str>,
    /// Whether a daily quota may apply.
    pub(super) makes_groups: bool,
}

impl Screen {
    /// Standard error: a bar if it is a terminal.
    #[must_use]
    pub fn stderr() -> Self {
        if io::stderr().is_terminal() {
            Self::new(To::Bar(ProgressBar::no_length()))
        } else {
            Self::lines(Box::new(io::stderr()))
        }
    }

    /// Plain lines, to anywhere.
    #[must_use]
    pub fn lines(to: Box<dyn Write + Send>) -> Self {
        Self::new(To::Lines(to))
    }

    fn new(to: To) -> Self {
        Self { to, shown: None, noticed: None }
    }

    /// Says something once.
    pub(super) fn notice(&mut self, text: &str) {
        match &mut self.to {
            // Not the bar's own `println`, which says nothing before the bar was drawn.
            To::Bar(bar) => bar.suspend(|| drop(writeln!(io::stderr(), "{text}"))),
            To::Lines(to) => drop(writeln!(to, "{text}")),
        }
    }

    /// Says something that would be said again and again.
    pub(super) fn notice_now_and_then(&mut self, text: &str) {
        if self.noticed.is_none_or(|last| last.elapsed() >= NOW_AND_THEN) {
            self.noticed = Some(Instant::now());
            self.notice(text);
        }
    }

    /// Says that the input is being read, once that has taken a while.
    pub(super) fn reading(&mut self, begun: Instant, records: u64) {
        if begun.elapsed() >= NOW_AND_THEN {
            self.notice_now_and_then(&format!("reading it once before anything is sent: {} so far", lines(records)));
        }
    }

    /// Shows how far it is; to be called often.
    pub(super) fn show(&mut self, view: &View<'_>) {
        match &mut self.to {
            To::Bar(bar) => {
                if self.shown.is_none() {
                    bar.set_style(style(view.total.is_some()));
                }
                if let Some(total) = view.total {
                    bar.set_length(total);
                }
                bar.set_position(view.done);
                bar.set_message(view.words("\n"));
                self.shown = Some(Instant::now());
            }
            To::Lines(to) => {
                let shown = *self.shown.get_or_insert_with(Instant::now);
                if shown.elapsed() >= NOW_AND_THEN {
                    self.shown = Some(Instant::now());
                    let of = view.total.map(|total| format!(" of {}", count(total))).unwrap_or_default();
                    let _ = writeln!(to, "{}{of} lines, {}", count(view.done), view.words(", "));
                }
            }
        }
    }

    /// Takes the bar away.
    pub(super) fn clear(&mut self) {
        if let To::Bar(bar) = &self.to {
            bar.finish_and_clear();
        }
    }
}

fn style(known: bool) -> ProgressStyle {
    let template = match known {
        true => "{wide_bar:.green/dim} {human_pos}/{human_len} ({percent}%)\n{msg}",
        false => "{spinner} {human_pos} lines\n{msg}",
    };
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

impl View<'_> {
    /// Rate, time left and whatever is in the way, and then the failures.
    fn words(&self, before_failures: &str) -> String {
        let mut words =
            vec![self.rate.map_or_else(|| "starting".to_owned(), |rate| format!("{}/s", count(rate.round() as u64)))];
        words.extend(self.time_left());
        words.extend(self.paused.map(|reason| format!("waiting: {reason}")));
        let mut words = words.join(", ");
        let failed = self.tally.refusals() + self.tally.unknown;
        if failed > 0 {
            words.push_str(&format!("{before_failures}{} failed ({})", count(failed), top(self.tally)));
        }
        words
    }

    fn time_left(&self) -> Option<String> {
        let left = self.total?.checked_sub(self.done).filter(|left| *left > 0)?;
        let rate = self.rate.filter(|rate| *rate > 0.0)?;
        let mut text = format!("{} left", span(left as f64 / rate));
        if self.makes_groups && left > GROUPS_A_DAY {
            let days = left.div_ceil(GROUPS_A_DAY);
            text.push_str(&format!(
                " (or {} days, if Chat takes {} new groups a day)",
                count(days),
                count(GROUPS_A_DAY)
            ));
        }
        Some(text)
    }
}

/// The most frequent reasons.
fn top(tally: &Tally) -> String {
    let unknown = (tally.unknown > 0).then_some(("unknown", tally.unknown));
    let reasons = tally.reasons().into_iter().take(3).chain(unknown);
    reasons.map(|(reason, number)| format!("{reason} {}", count(number))).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::import::ending::{Ending, Failure};

    fn words(done: u64, total: Option<u64>, rate: f64) -> String {
        let mut tally = Tally::default();
        (0..3).for_each(|line| tally.add(&Ending::failed(line, Failure::malformed(String::new()))));
        let view = View { done, total, tally: &tally, rate: Some(rate), paused: None, makes_groups: true };
        view.words(", ")
    }

    #[test]
    fn progress_tells_rate_time_left_and_reasons() {
        assert_eq!(words(1000, Some(5000), 200.0), "200/s, 20 s left, 3 failed (MALFORMED_LINE 3)");
        assert_eq!(words(1000, None, 200.4), "200/s, 3 failed (MALFORMED_LINE 3)");
    }

    #[test]
    fn the_time_left_says_that_a_daily_quota_may_apply() {
        assert_eq!(
            words(0, Some(1_000_000), 200.0),
            "200/s, 1 h 23 min left (or 100 days, if Chat takes 10,000 new groups a day), 3 failed (MALFORMED_LINE 3)"
        );
    }
}
