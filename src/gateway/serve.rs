//! Serves gRPC on what comes in: the service, health and reflection, behind the
//! inbound stack.

use futures_util::FutureExt as _;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tonic_health::{
    pb::health_server::{Health, HealthServer},
    server::HealthReporter,
};
use tower::ServiceBuilder;

use super::{
    connection::Connection,
    incoming::{Incoming, Leave, alone},
    shortcut::ShortcutLayer,
};
use crate::{
    config,
    inbound::{self, deadline, gate::gate, guard::GuardLayer, observe::ObserveLayer, places::PlacesLayer},
    proto::{self, group_import_server::GroupImportServer},
    service::Service,
    telemetry::{IMPORT_GROUPS_PATH, traces::Tracer},
};

/// The name under which health is asked of the service.
const SERVICE_NAME: &str = "groupimport.v1.GroupImport";

/// The largest request to health and reflection: a name. Strangers send them.
pub const OPEN_REQUEST_BYTES: usize = 4 * 1024;

/// What is served.
pub(super) struct Stack<H> {
    pub(super) server: config::Server,
    pub(super) service: Service,
    pub(super) tracer: Tracer,
    pub(super) health: HealthServer<H>,
}

impl<H: Health> Stack<H> {
    /// Serves until `closing`, and then until the last connection has ended.
    pub(super) async fn serve(self, incoming: Incoming, closing: CancellationToken) {
        let Self { server, service, tracer, health } = self;
        let (access, guarded) = (service.access.clone(), service.access.clone());
        let (metrics, refused) = (service.metrics.clone(), service.metrics.clone());
        let (places, state) = (PlacesLayer::new(server.max_calls, metrics.clone()), service.state.clone());
        let group_import = GroupImportServer::new(service).max_decoding_message_size(server.max_request_bytes);
        let stack = ServiceBuilder::new()
            // counts and tells of refusals and panics too, and lets a panic end its call alone
            .layer(ObserveLayer::new(metrics, tracer))
            // all below know who it is; health and reflection alone stay open
            .layer(gate(move |parts| inbound::identify(&access.load(), &refused, parts)))
            // an optional ceiling for one caller; it never shapes an app's rate
            .layer(GuardLayer::new(guarded, IMPORT_GROUPS_PATH))
            // no memory for more than there are places, and a fair part of them for each
            .layer(places)
            // one instant for all of a call; reading it counts
            .map_request(move |request| deadline::begin(request, state.load().unary_deadline))
            // the way past tonic's router for the one service that is called all the time
            .layer(ShortcutLayer::new(group_import))
            .into_inner();
        let newer = proto::reflection_v1().ok().map(|it| it.max_decoding_message_size(OPEN_REQUEST_BYTES));
        let older = proto::reflection_v1alpha().ok().map(|it| it.max_decoding_message_size(OPEN_REQUEST_BYTES));
        let router = with_limits(&server.http2)
            .layer(stack)
            .add_service(health.max_decoding_message_size(OPEN_REQUEST_BYTES))
            .add_optional_service(newer)
            .add_optional_service(older);
        let serve = move |connection: Connection, leave: Leave| {
            // Not in an `async` block, which would keep it twice, at 4 KiB for each connection.
            router.clone().serve_with_incoming_shutdown(alone(connection), leave).map(|ended| {
                if let Err(error) = ended {
                    tracing::error!("a connection could not be served: {error}");
                }
            })
        };
        incoming.serve(serve, closing).await;
    }
}

/// What `grpc.health.v1` answers, for the whole and for the service.
pub(super) async fn set_serving(health: &HealthReporter, serving: bool) {
    use tonic_health::ServingStatus::{NotServing, Serving};
    let status = if serving { Serving } else { NotServing };
    health.set_service_status("", status).await;
    health.set_service_status(SERVICE_NAME, status).await;
}

/// Each limit is set, even where it is hyper's default: tonic's `None` takes
/// hyper's own limit away.
fn with_limits(http2: &config::Http2) -> Server {
    Server::builder()
        .max_concurrent_streams(http2.max_concurrent_streams)
        .initial_stream_window_size(http2.initial_stream_window_bytes)
        .initial_connection_window_size(http2.initial_connection_window_bytes)
        .http2_max_header_list_size(http2.max_header_list_bytes)
        .http2_max_pending_accept_reset_streams(Some(http2.max_pending_accept_reset_streams))
        .http2_max_local_error_reset_streams(Some(http2.max_local_error_reset_streams))
        .http2_keepalive_interval(Some(http2.keepalive_interval))
        .http2_keepalive_timeout(Some(http2.keepalive_timeout))
}
