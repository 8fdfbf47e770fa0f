//! A receiver of OTLP, over gRPC as well as HTTP, as a collector is one.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{Router, body::Bytes, http::HeaderMap, routing::post};
use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::{KeyValue, any_value::Value},
    trace::v1::Span,
};
use prost::Message as _;
use tokio::net::TcpListener;
use tonic::{Request, Response, Status, transport::server::TcpIncoming};

/// A request for the values of `authorization` with what came in it.
type Received = (String, ExportTraceServiceRequest);

/// What has been received.
#[derive(Clone, Default)]
pub(crate) struct Receiver(Arc<Mutex<Vec<Received>>>);

#[tonic::async_trait]
impl TraceService for Receiver {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let authorization = request.metadata().get("authorization").map_or("", |value| value.to_str().unwrap());
        self.take(authorization.to_owned(), request.get_ref().clone());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Receiver {
    /// Listens for gRPC; the endpoint.
    pub(crate) async fn grpc(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let server = tonic::transport::Server::builder().add_service(TraceServiceServer::new(self.clone()));
        tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
        endpoint
    }

    /// Listens for HTTP; the endpoint, to which `/v1/traces` is to be added.
    pub(crate) async fn http(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let receiver = self.clone();
        let take = move |headers: HeaderMap, body: Bytes| async move {
            assert_eq!(headers["content-type"], "application/x-protobuf");
            let authorization = headers.get("authorization").map_or("", |value| value.to_str().unwrap());
            receiver.take(authorization.to_owned(), ExportTraceServiceRequest::decode(body).unwrap());
            ([("content-type", "application/x-protobuf")], ExportTraceServiceResponse::default().encode_to_vec())
        };
        let router = Router::new().route("/v1/traces", post(take));
        tokio::spawn(async { axum::serve(listener, router).await });
        endpoint
    }

    fn take(&self, authorization: String, request: ExportTraceServiceRequest) {
        self.0.lock().unwrap().push((authorization, request));
    }

    /// All that came, as text: whatever is in it anywhere.
    pub(crate) fn text(&self) -> String {
        format!("{:?}", self.0.lock().unwrap().iter().map(|(_, request)| request.clone()).collect::<Vec<_>>())
    }

    /// The credentials that came with it.
    pub(crate) fn authorizations(&self) -> Vec<String> {
        self.0.lock().unwrap().iter().map(|(authorization, _)| authorization.clone()).collect()
    }

    /// What the spans' resource says of itself.
    pub(crate) fn resource(&self) -> HashMap<String, String> {
        let received = self.0.lock().unwrap();
        let resource = received[0].1.resource_spans[0].resource.clone().unwrap();
        attributes(&resource.attributes)
    }

    /// All spans so far, by the time of their beginning.
    pub(crate) fn spans(&self) -> Vec<Seen> {
        let received = self.0.lock().unwrap();
        let resources = received.iter().flat_map(|(_, request)| &request.resource_spans);
        let spans = resources.flat_map(|resource| &resource.scope_spans).flat_map(|scope| &scope.spans);
        let mut spans: Vec<Seen> = spans.map(|span| Seen::of(span.clone())).collect();
        spans.sort_by_key(|span| span.raw.start_time_unix_nano);
        spans
    }

    /// Waits until so many spans of a name have come.
    pub(crate) async fn wait_for(&self, name: &str, count: usize) {
        let until = Instant::now() + Duration::from_secs(30);
        while self.spans().iter().filter(|span| span.name() == name).count() < count {
            assert!(Instant::now() < until, "no {count} spans called {name:?} in {:?}", self.spans());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// A span, easier to read.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) raw: Span,
    pub(crate) attributes: HashMap<String, String>,
}

impl Seen {
    fn of(raw: Span) -> Self {
        Self { attributes: attributes(&raw.attributes), raw }
    }

    pub(crate) fn name(&self) -> &str {
        &self.raw.name
    }

    pub(crate) fn get(&self, key: &str) -> &str {
        self.attributes.get(key).map_or("", String::as_str)
    }

    pub(crate) fn trace_id(&self) -> String {
        hex(&self.raw.trace_id)
    }

    pub(crate) fn id(&self) -> String {
        hex(&self.raw.span_id)
    }

    pub(crate) fn parent(&self) -> String {
        hex(&self.raw.parent_span_id)
    }
}

fn attributes(pairs: &[KeyValue]) -> HashMap<String, String> {
    let text = |value: &Value| match value {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        Value::DoubleValue(number) => number.to_string(),
        Value::BoolValue(flag) => flag.to_string(),
        other => format!("{other:?}"),
    };
    pairs.iter().map(|pair| (pair.key.clone(), text(pair.value.as_ref().unwrap().value.as_ref().unwrap()))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
