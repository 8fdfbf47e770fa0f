//! How the shared rate's ledger stands, as metrics. There are none where the rate is not shared.

use std::{fmt, sync::Arc};

use prometheus_client::{
    encoding::{DescriptorEncoder, EncodeMetric as _},
    metrics::{MetricType, counter::ConstCounter},
};

use super::family;
use crate::admission::{LedgerSnapshot, Snapshot, Standing};

type Labels = Vec<(&'static str, String)>;

pub(super) fn encode(encoder: &mut DescriptorEncoder<'_>, imports: &[(&Arc<str>, Snapshot)]) -> fmt::Result {
    let ledgers: Vec<_> = imports.iter().filter_map(|(app, snapshot)| Some((*app, snapshot.ledger?))).collect();
    if ledgers.is_empty() {
        return Ok(());
    }
    let standings = ledgers.iter().flat_map(|(app, ledger)| {
        Standing::ALL.map(|standing| {
            let labels = vec![("app", app.to_string()), ("standing", standing.name().to_owned())];
            (labels, f64::from(u8::from(ledger.standing == standing)))
        })
    });
    let help = "1 for how this replica stands to the ledger of the shared rate";
    family(encoder, "group_import_ledger_standing", help, standings)?;

    let by_app = |value: fn(&LedgerSnapshot) -> u32| {
        let gauge = move |(app, ledger): &(&Arc<str>, LedgerSnapshot)| -> (Labels, f64) {
            (vec![("app", app.to_string())], f64::from(value(ledger)))
        };
        ledgers.iter().map(gauge).collect::<Vec<_>>().into_iter()
    };
    let help = "Calls a second that this replica may send without the ledger; 0 without a seat";
    family(encoder, "group_import_ledger_share", help, by_app(|ledger| ledger.share))?;
    let help = "Replicas that the ledger has heard of lately";
    family(encoder, "group_import_ledger_replicas", help, by_app(|ledger| ledger.live))?;
    let help = "Replicas whose share of the rate rests because they may be using it unseen";
    family(encoder, "group_import_ledger_reserved", help, by_app(|ledger| ledger.reserved))?;

    let help = "Calls of the ledger, answered or not";
    let mut calls = encoder.encode_descriptor("group_import_ledger_calls", help, None, MetricType::Counter)?;
    for (app, ledger) in &ledgers {
        for (answered, count) in [("yes", ledger.round_trips), ("no", ledger.failures)] {
            let labels: Labels = vec![("app", app.to_string()), ("answered", answered.to_owned())];
            ConstCounter::new(count).encode(calls.encode_family(&labels)?)?;
        }
    }
    Ok(())
}
