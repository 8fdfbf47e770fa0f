//! What each size of each kind is configured as, and loaded with.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::Kind;

pub(crate) const ADMIN: &str = "administrator";
pub(crate) const KEY: &str = "the-key-of-all-apps-of-the-growth";
/// Calls a second, whatever grows.
pub(crate) const RATE: u32 = 1_000;
/// The caller that comes now and then.
pub(crate) const SELDOM: &str = "seldom";

/// One size of one kind.
#[derive(Clone, Copy)]
pub(crate) struct Setup {
    pub(crate) apps: usize,
    /// Beside the one that comes now and then.
    pub(crate) callers: usize,
    pub(crate) demand: Demand,
}

/// What is asked of the gateway.
#[derive(Clone, Copy)]
pub(crate) enum Demand {
    /// [`RATE`] single calls a second.
    Even,
    /// So many single calls at a time, each followed by the next.
    AtATime(usize),
    /// So many streams that always have more.
    Streams(usize),
}

impl Setup {
    pub(crate) fn of(kind: Kind, size: usize) -> Self {
        match kind {
            Kind::Apps => Self { apps: size, callers: 10, demand: Demand::Even },
            // Each call is another caller's. Were more at a time, it would be the fair share of so many that is measured.
            Kind::Callers => Self { apps: 1, callers: size, demand: Demand::AtATime(200) },
            Kind::Queued => Self { apps: 1, callers: 100, demand: Demand::AtATime(size) },
            Kind::Streams => Self { apps: 1, callers: 10, demand: Demand::Streams(size) },
        }
    }

    /// How many calls will wait in the queue, about; 0 where that is not to be waited for.
    pub(crate) fn queued(&self) -> usize {
        match self.demand {
            // A few are at Chat.
            Demand::AtATime(calls) if calls >= 100 => calls - 50,
            _ => 0,
        }
    }

    /// `[[apps]]` and `[[callers]]`.
    pub(crate) fn config(&self, base_url: &str) -> String {
        let mut text = String::new();
        // More than what is asked for, or the little that is missed now and then would pile up.
        let rate = if matches!(self.demand, Demand::Even) { RATE * 2 } else { RATE };
        for app in 0..self.apps {
            let _ = writeln!(
                text,
                "[[apps]]\nname = \"{}\"\nsdk_app_id = {}\nidentifier = \"{ADMIN}\"\nsecret_key_file = \"key\"\n\
                 base_url = \"{base_url}\"\ncalls_per_second = {rate}",
                name(app),
                number(app)
            );
        }
        let apps: Vec<_> = (0..self.apps).map(|app| format!("\"{}\"", name(app))).collect();
        let apps = apps.join(", ");
        let callers = (0..self.callers).map(|caller| format!("caller-{caller}"));
        for caller in callers.chain([SELDOM.to_owned()]) {
            let hash: String = Sha256::digest(token(&caller)).iter().map(|byte| format!("{byte:02x}")).collect();
            let _ = writeln!(text, "[[callers]]\nname = \"{caller}\"\ntoken_sha256 = [\"{hash}\"]\napps = [{apps}]");
        }
        text
    }
}

pub(crate) fn name(app: usize) -> String {
    format!("app-{app}")
}

pub(crate) fn number(app: usize) -> u64 {
    1_400_000_000 + app as u64
}

pub(crate) fn token(caller: &str) -> String {
    format!("token-of-{caller}")
}
