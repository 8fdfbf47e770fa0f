//! Reads `[rate_limit]`.

use std::time::Duration;

use super::server::UP_TO_A_DAY;
use super::table::Table;
use super::values::{choice, duration, integer, parsed};
use crate::config::{Backend, Mode, Outage, RateLimit};

pub(super) fn read(mut table: Table<'_>) -> RateLimit {
    let default = RateLimit::default();
    // Longer than the one second of any rate there is nothing to wait for; 0 is "don't".
    let quiet_start = duration(Duration::ZERO..=Duration::from_secs(60));
    let limit = RateLimit {
        mode: table.value("mode", default.mode, choice("mode", &Mode::ALL, Mode::name)),
        backend: backend(&mut table).unwrap_or(default.backend),
        quiet_start: table.value("quiet_start", default.quiet_start, quiet_start),
    };
    table.finish();
    limit
}

/// `None` once a fault is noted.
fn backend(table: &mut Table<'_>) -> Option<Backend> {
    let given = table.optional("backend", choice("backend", &[false, true], name));
    let is_redis = if table.has("backend") { given } else { Some(false) };
    let url = table.optional("redis_url", parsed);
    let replicas = table.value("replicas", Backend::REPLICAS, integer(1..=1_000));
    let outage = choice("outage", &Outage::ALL, Outage::name);
    let outage = table.value("outage", Backend::OUTAGE, outage);
    let suspect = table.value("suspect", Backend::SUSPECT, duration(UP_TO_A_DAY));
    if is_redis? {
        if !table.has("redis_url") {
            table.fault("redis_url", "missing: `backend = \"redis\"` needs it");
        }
        return Some(Backend::Redis { url: url?, replicas, outage, suspect });
    }
    for key in ["redis_url", "replicas", "outage", "suspect"] {
        if table.has(key) {
            table.fault(key, "has a meaning only with `backend = \"redis\"`");
        }
    }
    Some(Backend::Local)
}

fn name(is_redis: bool) -> &'static str {
    if is_redis { "redis" } else { "local" }
}
