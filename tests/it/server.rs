//! The rest of a gRPC server: apps, deadlines, health, reflection, sockets,
//! message sizes.

use std::time::{Duration, Instant};

use group_import_gateway::{
    config::Listen,
    gateway::Gateway,
    proto::{ImportGroupRequest, group_import_client::GroupImportClient},
    sandbox::FaultKind,
};
use prost::Message as _;
use prost_types::FileDescriptorProto;
use tonic::{Code, Request};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

use crate::rig::{self, Rig, Told, group};

#[tokio::test]
async fn an_app_is_found_by_its_name_or_by_being_the_only_one() {
    let rig = Rig::start().await;
    let named = |app: &str| ImportGroupRequest { app: app.into(), group: Some(group(app)), ..Default::default() };
    rig.send(named("prod")).await.unwrap();
    let told = Told::of(&rig.send(named("staging")).await.unwrap_err());
    assert_eq!((told.code, told.reason.as_str()), (Code::NotFound, "APP_UNKNOWN"));
    assert_eq!(told.get("attempts"), "0");

    let two = Rig::with(|config| {
        let url = config.apps[0].upstream.base_url().into_owned();
        config.apps.push(rig::app("test", 1_400_000_999, &url));
    })
    .await;
    let told = Told::of(&two.import(group("g")).await.unwrap_err());
    assert_eq!((told.code, told.reason.as_str()), (Code::NotFound, "APP_UNKNOWN"));
}

#[tokio::test]
async fn a_deadline_is_answered_by_us_and_not_cut_off_by_the_client() {
    let rig = Rig::start().await;
    rig.script([FaultKind::StallAfter]);
    let mut request = Request::new(ImportGroupRequest { group: Some(group("g")), ..Default::default() });
    request.metadata_mut().insert("grpc-timeout", "700m".parse().unwrap());
    let since = Instant::now();
    let told = Told::of(&rig.call(request).await.unwrap_err());
    assert_eq!((told.code, told.reason.as_str()), (Code::DeadlineExceeded, "DEADLINE_PASSED"));
    assert_eq!((told.get("applied"), told.get("attempts"), told.get("retry")), ("unknown", "1", "yes"));
    assert!(since.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn health_says_serving_for_the_whole_and_for_the_service() {
    let rig = Rig::start().await;
    rig.import(group("g")).await.unwrap(); // by then Chat has taken the credential
    tokio::time::sleep(Duration::from_millis(400)).await;
    let mut health = HealthClient::new(rig.channel().await);
    for service in ["", "groupimport.v1.GroupImport"] {
        let answer = health.check(HealthCheckRequest { service: service.into() }).await.unwrap();
        assert_eq!(answer.into_inner().status(), ServingStatus::Serving);
    }
}

#[tokio::test]
async fn reflection_resolves_the_service_and_google_rpc_status() {
    let rig = Rig::start().await;
    let mut client = ServerReflectionClient::new(rig.channel().await);
    for symbol in ["groupimport.v1.GroupImport", "google.rpc.Status", "google.protobuf.Timestamp"] {
        let request = ServerReflectionRequest {
            message_request: Some(MessageRequest::FileContainingSymbol(symbol.into())),
            ..Default::default()
        };
        let mut answers = client.server_reflection_info(tokio_stream::iter([request])).await.unwrap().into_inner();
        let answer = answers.message().await.unwrap().unwrap().message_response.unwrap();
        let MessageResponse::FileDescriptorResponse(files) = answer else { panic!("{symbol}: {answer:?}") };
        let file = FileDescriptorProto::decode(files.file_descriptor_proto[0].as_slice()).unwrap();
        assert!(symbol.starts_with(file.package()), "{symbol} in {}", file.name());
    }
}

#[tokio::test]
async fn the_older_reflection_answers_too() {
    use tonic_reflection::pb::v1alpha::{
        ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
        server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
    };
    let rig = Rig::start().await;
    let mut client = ServerReflectionClient::new(rig.channel().await);
    let request = ServerReflectionRequest {
        message_request: Some(MessageRequest::ListServices(String::new())),
        ..Default::default()
    };
    let mut answers = client.server_reflection_info(tokio_stream::iter([request])).await.unwrap().into_inner();
    let answer = answers.message().await.unwrap().unwrap().message_response.unwrap();
    let MessageResponse::ListServicesResponse(list) = answer else { panic!("{answer:?}") };
    let names: Vec<_> = list.service.iter().map(|service| service.name.as_str()).collect();
    assert!(names.contains(&"groupimport.v1.GroupImport") && names.contains(&"grpc.health.v1.Health"), "{names:?}");
}

#[tokio::test]
async fn a_unix_socket_serves_as_well_and_its_file_goes_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gateway.sock");
    // The owner that the file has anyway: another one takes root.
    let owner = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(folder.path()).unwrap()).to_string();
    let listen = Listen::Unix { path: path.clone(), mode: Some(0o600), owner: Some(owner), group: None };
    let sandbox = rig::sandbox().await;
    let mut config = rig::config(&sandbox.base_url());
    config.server.listen = listen.clone();
    let gateway = Gateway::start(config.clone(), &rig::env()).await.unwrap();
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let mut client = GroupImportClient::connect(format!("unix:{}", path.display())).await.unwrap();
    let request = ImportGroupRequest { group: Some(group("g")), ..Default::default() };
    assert_eq!(client.import_group(request).await.unwrap().into_inner().group_id, "g");

    let second = Gateway::start(config.clone(), &rig::env()).await.err().unwrap();
    assert!(second.to_string().contains("can't listen on unix:"), "{second}");
    gateway.stop().await;
    assert!(!path.exists());

    // What a process that died left behind is no obstacle.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    Gateway::start(config, &rig::env()).await.unwrap().stop().await;
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_before_anything_is_sent() {
    let rig = Rig::start().await;
    let mut big = group("g");
    big.introduction = "i".repeat(70_000);
    assert_eq!(rig.import(big).await.unwrap_err().code(), Code::OutOfRange);
    assert!(rig.seen().is_empty());
}

#[tokio::test]
async fn every_key_that_cannot_be_read_is_named_at_once() {
    use group_import_gateway::config::KeySource;
    let sandbox = rig::sandbox().await;
    let mut config = rig::config(&sandbox.base_url());
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty");
    std::fs::write(&empty, "\n").unwrap();
    for (name, source) in [
        ("a", KeySource::Env("UNSET".into())),
        ("b", KeySource::File(folder.path().join("missing"))),
        ("c", KeySource::File(empty)),
    ] {
        let mut app = config.apps[0].clone();
        app.name = name.parse().unwrap();
        app.secret_key = source;
        config.apps.push(app);
    }
    let text = Gateway::start(config, &rig::env()).await.err().unwrap().to_string();
    assert_eq!(text.lines().count(), 3, "{text}");
    for part in ["app a: environment variable UNSET", "app b: the secret key can't be read from", "it is empty"] {
        assert!(text.contains(part), "{text}");
    }
}

#[tokio::test]
async fn a_stop_lets_what_is_under_way_finish() {
    let rig = Rig::start().await;
    rig.sandbox.set_latency(Duration::from_millis(400), Duration::ZERO);
    let mut client = rig.client.clone();
    let request = ImportGroupRequest { group: Some(group("g")), ..Default::default() };
    let call = tokio::spawn(async move { client.import_group(request).await });
    while rig.sandbox.call_count("import_group") == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    rig.gateway.stop().await;
    assert_eq!(call.await.unwrap().unwrap().into_inner().group_id, "g");
}
