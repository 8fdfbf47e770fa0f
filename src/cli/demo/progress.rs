//! How far it is: a bar on a terminal, a line every second elsewhere.

use std::{
    io::IsTerminal as _,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::print;

const LINE_EVERY: Duration = Duration::from_secs(1);

pub(super) struct Progress {
    bar: Option<ProgressBar>,
    total: u32,
    told: Instant,
}

impl Progress {
    pub(super) fn start(total: u32) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(total.into());
            if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len}  {per_sec}  {eta} left  {msg}") {
                bar.set_style(style);
            }
            bar
        });
        Self { bar, total, told: Instant::now() }
    }

    pub(super) fn tick(&mut self, imported: u32, refused: u32) {
        let done = imported + refused;
        if let Some(bar) = &self.bar {
            bar.set_position(done.into());
            bar.set_message(format!("{refused} refused"));
        } else if self.told.elapsed() >= LINE_EVERY {
            self.told = Instant::now();
            print::note(format_args!("{done} of {} done, {refused} refused", self.total));
        }
    }

    pub(super) fn end(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}
