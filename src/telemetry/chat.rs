//! What one app's attempts at Chat count with.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder},
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};

use super::{Label, lane_name, recent::Recent, seconds};
use crate::admission::Lane;

/// Commands whose metrics are looked up but once; there are two so far.
const COMMANDS: usize = 4;

/// What all apps' attempts are counted in.
#[derive(Clone)]
pub(super) struct Families {
    calls: Family<CallLabels, Counter>,
    seconds: Family<CommandLabels, Histogram>,
    waits: Family<LaneLabels, Histogram>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    app: Label,
    command: &'static str,
    error_code: ErrorCode,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CommandLabels {
    app: Label,
    command: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LaneLabels {
    app: Label,
    lane: &'static str,
}

/// Chat's code; those that are in no table share one label, so that labels
/// can't grow with what Chat says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum ErrorCode {
    Known(u32),
    Other,
    None,
}

impl EncodeLabelValue for ErrorCode {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        match self {
            Self::Known(code) => code.encode(encoder),
            Self::Other => "other".encode(encoder),
            Self::None => "none".encode(encoder),
        }
    }
}

impl Default for Families {
    fn default() -> Self {
        Self {
            calls: Family::default(),
            seconds: Family::new_with_constructor(seconds as fn() -> Histogram),
            waits: Family::new_with_constructor(seconds as fn() -> Histogram),
        }
    }
}

impl Families {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "group_import_admission_wait_seconds",
            "How long attempts waited for their permit",
            self.waits.clone(),
        );
        registry.register(
            "group_import_chat_calls",
            "Attempts at Chat, by its error code: none where no answer came",
            self.calls.clone(),
        );
        registry.register("group_import_chat_call_seconds", "How long attempts at Chat took", self.seconds.clone());
    }
}

/// What one app's attempts at Chat count with. Clones count in the same.
#[derive(Clone)]
pub struct ChatMetrics(Arc<Inner>);

struct Inner {
    app: Arc<str>,
    families: Families,
    recent: Arc<Recent>,
    /// By lane.
    waits: [OnceLock<Histogram>; 2],
    commands: [OnceLock<Known>; COMMANDS],
}

/// The usual metrics of one command, looked up once: finding them by their labels costs more than counting does.
struct Known {
    command: &'static str,
    ok: Counter,
    seconds: Histogram,
}

impl ChatMetrics {
    pub(super) fn new(app: Arc<str>, families: Families, recent: Arc<Recent>) -> Self {
        Self(Arc::new(Inner { app, families, recent, waits: Default::default(), commands: Default::default() }))
    }

    /// An attempt waited so long for its permit.
    pub fn waited(&self, lane: Lane, wait: Duration) {
        let Inner { app, families, recent, waits, .. } = &*self.0;
        recent.waited(app, lane, wait);
        let labels = || LaneLabels { app: Label(app.clone()), lane: lane_name(lane) };
        waits[lane as usize].get_or_init(|| families.waits.get_or_create_owned(&labels())).observe(wait.as_secs_f64());
    }

    /// The app's name.
    pub fn app(&self) -> &Arc<str> {
        &self.0.app
    }

    /// An attempt ended, with Chat's code if it answered.
    pub fn called(&self, command: &'static str, error_code: Option<u32>, took: Duration) {
        let Inner { app, families, .. } = &*self.0;
        let error_code = match error_code {
            Some(0) => {
                if let Some(known) = self.known(command) {
                    known.ok.inc();
                    known.seconds.observe(took.as_secs_f64());
                    return;
                }
                ErrorCode::Known(0)
            }
            None => ErrorCode::None,
            Some(code) if crate::errors::table::find(code).is_some() => ErrorCode::Known(code),
            Some(_) => ErrorCode::Other,
        };
        let app = Label(app.clone());
        families.calls.get_or_create(&CallLabels { app: app.clone(), command, error_code }).inc();
        families.seconds.get_or_create(&CommandLabels { app, command }).observe(took.as_secs_f64());
    }

    /// None once there are more commands than places.
    fn known(&self, command: &'static str) -> Option<&Known> {
        let Inner { app, families, commands, .. } = &*self.0;
        let look_up = || {
            let app = Label(app.clone());
            let ok = CallLabels { app: app.clone(), command, error_code: ErrorCode::Known(0) };
            Known {
                command,
                ok: families.calls.get_or_create_owned(&ok),
                seconds: families.seconds.get_or_create_owned(&CommandLabels { app, command }),
            }
        };
        commands.iter().map(|place| place.get_or_init(look_up)).find(|known| known.command == command)
    }
}
