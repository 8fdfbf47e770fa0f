//! Every metric, log and span name, once.

use std::{
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use prometheus_client::{
    collector::Collector,
    encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder},
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};

use tonic::Code;

pub use self::method::{IMPORT_GROUPS_PATH, Method};
use self::{method::MethodLabels, recent::Recent};
use crate::admission::Lane;
pub use chat::ChatMetrics;

mod chat;
pub mod codes;
pub mod logs;
mod method;
pub mod recent;
pub mod traces;

/// Bounds of the histograms, in seconds: Chat answers in tens of
/// milliseconds, gives up after 3 s, and an item may wait for a minute.
const SECONDS: [f64; 14] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0];

/// All that is counted.
pub struct Metrics {
    registry: Mutex<Registry>,
    started: Family<MethodLabels, Counter>,
    handled: Family<HandledLabels, Counter>,
    handling_seconds: Family<MethodLabels, Histogram>,
    rpcs: [Rpc; Method::COUNT],
    chat: chat::Families,
    items: Family<ItemLabels, Counter>,
    recent: Arc<Recent>,
}

/// The metrics of one RPC, looked up once: finding them by their labels costs more than counting does.
#[derive(Default)]
struct Rpc {
    started: OnceLock<Counter>,
    seconds: OnceLock<Histogram>,
    /// By code.
    handled: [OnceLock<Counter>; 17],
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HandledLabels {
    grpc_type: &'static str,
    grpc_service: &'static str,
    grpc_method: &'static str,
    grpc_code: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ItemLabels {
    app: Label,
    caller: Label,
    command: &'static str,
    reason: &'static str,
}

/// A configured name as a label. Cloning it copies no text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Label(Arc<str>);

impl EncodeLabelValue for Label {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        (&*self.0).encode(encoder)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Nothing counted yet.
    pub fn new() -> Self {
        let mut registry = Registry::default();
        let chat = chat::Families::default();
        let items = Family::default();
        let started = Family::default();
        let handled = Family::default();
        let handling_seconds = Family::new_with_constructor(seconds as fn() -> Histogram);
        registry.register("grpc_server_started", "RPCs started on the server", started.clone());
        registry.register("grpc_server_handled", "RPCs completed on the server, whatever their end", handled.clone());
        registry.register(
            "grpc_server_handling_seconds",
            "How long RPCs took on the server, to the end of their stream",
            handling_seconds.clone(),
        );
        chat.register(&mut registry);
        registry.register("group_import_items", "Unary calls and stream items, by how they ended", items.clone());
        let registry = Mutex::new(registry);
        let recent = Arc::default();
        Self { registry, started, handled, handling_seconds, rpcs: Default::default(), chat, items, recent }
    }

    /// What one app's attempts count with.
    pub fn chat(&self, app: &Arc<str>) -> ChatMetrics {
        ChatMetrics::new(app.clone(), self.chat.clone(), self.recent.clone())
    }

    /// An RPC began.
    pub fn started(&self, method: Method) {
        let started = || self.started.get_or_create_owned(&method.labels());
        self.rpcs[method as usize].started.get_or_init(started).inc();
    }

    /// An RPC ended.
    pub fn handled(&self, method: Method, code: Code, took: Duration) {
        let rpc = &self.rpcs[method as usize];
        let seconds = || self.handling_seconds.get_or_create_owned(&method.labels());
        rpc.seconds.get_or_init(seconds).observe(took.as_secs_f64());
        let handled = || {
            let MethodLabels { grpc_type, grpc_service, grpc_method } = method.labels();
            let grpc_code = codes::in_metrics(code);
            self.handled.get_or_create_owned(&HandledLabels { grpc_type, grpc_service, grpc_method, grpc_code })
        };
        rpc.handled[code as usize].get_or_init(handled).inc();
    }

    /// Asks for these figures whenever it is read.
    pub fn collect(&self, collector: impl Collector) {
        self.registry().register_collector(Box::new(collector));
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A unary call or a stream item ended so.
    pub fn item(&self, app: Option<&Arc<str>>, caller: &Arc<str>, command: &'static str, reason: &'static str) {
        if let Some(app) = app {
            self.recent.ended(app, reason);
        }
        let app = Label(app.map_or_else(|| "".into(), Arc::clone));
        self.items.get_or_create(&ItemLabels { app, caller: Label(caller.clone()), command, reason }).inc();
    }

    /// What went on lately.
    pub fn recent(&self) -> &Recent {
        &self.recent
    }

    /// All of it, as Prometheus reads it.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String can't fail.
        let _ = prometheus_client::encoding::text::encode(&mut text, &self.registry());
        text
    }
}

/// A lane's name in labels and logs.
pub fn lane_name(lane: Lane) -> &'static str {
    match lane {
        Lane::Unary => "unary",
        Lane::Stream => "stream",
    }
}

fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}
