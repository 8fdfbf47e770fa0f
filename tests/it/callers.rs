//! Who may call, with which apps, and how much.

use std::time::{Duration, Instant};

use group_import_gateway::{
    config::{Caller, Config},
    proto::{ImportGroupRequest, ImportGroupsRequest},
};
use sha2::{Digest as _, Sha256};
use tonic::{Code, Request};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use crate::{
    rig::{self, Rig, Told, group},
    stream::ended,
};

fn caller(name: &str, tokens: &[&str], apps: &[&str]) -> Caller {
    Caller {
        name: name.parse().unwrap(),
        token_sha256: tokens.iter().map(|token| Sha256::digest(token).into()).collect(),
        tls_name: None,
        apps: apps.iter().map(|app| app.parse().unwrap()).collect(),
        weight: 1,
        max_calls_per_second: None,
        require_key: false,
    }
}

fn two_callers(config: &mut Config) {
    let url = config.apps[0].upstream.base_url().into_owned();
    config.apps.push(rig::app("test", 1_400_000_555, &url));
    config.callers = vec![caller("billing", &["old", "new"], &["prod"]), caller("both", &["b"], &["prod", "test"])];
}

fn request(token: &str, request: ImportGroupRequest) -> Request<ImportGroupRequest> {
    let mut request = Request::new(request);
    if !token.is_empty() {
        request.metadata_mut().insert("authorization", token.parse().unwrap());
    }
    request
}

fn to(app: &str, id: &str) -> ImportGroupRequest {
    ImportGroupRequest { app: app.into(), group: Some(group(id)), ..Default::default() }
}

#[tokio::test]
async fn who_may_do_what() {
    let rig = Rig::with(two_callers).await;
    for (token, app, expected) in [
        ("", "prod", "CALLER_UNKNOWN"),
        ("Bearer wrong", "prod", "CALLER_UNKNOWN"),
        ("Bearer ", "prod", "CALLER_UNKNOWN"),
        ("Basic old", "prod", "CALLER_UNKNOWN"),
        ("old", "prod", "CALLER_UNKNOWN"),
        ("Bearer old", "prod", "OK"),
        ("bearer new", "prod", "OK"),
        ("Bearer old", "", "OK"), // the one that it may use
        ("Bearer old", "test", "APP_NOT_GRANTED"),
        ("Bearer old", "nowhere", "APP_UNKNOWN"),
        ("Bearer b", "", "APP_UNKNOWN"),
        ("Bearer b", "prod", "OK"),
    ] {
        let before = rig.seen().len();
        let outcome = rig.call(request(token, to(app, &format!("g{before}-{}", token.len())))).await;
        let reason = outcome.as_ref().map_or_else(|status| Told::of(status).reason, |_| "OK".into());
        assert_eq!(reason, expected, "{token:?} {app:?}");
        assert_eq!(rig.seen().len() > before, expected == "OK", "{token:?} {app:?} reached Chat");
        if let Err(status) = &outcome {
            let code = match expected {
                "CALLER_UNKNOWN" => Code::Unauthenticated,
                "APP_NOT_GRANTED" => Code::PermissionDenied,
                _ => Code::NotFound,
            };
            assert_eq!(status.code(), code);
            assert_eq!(Told::of(status).get("applied"), "no");
        }
    }
}

#[tokio::test]
async fn health_stays_open_and_a_stream_does_not() {
    let rig = Rig::with(two_callers).await;
    let mut health = HealthClient::new(rig.channel().await);
    health.check(HealthCheckRequest::default()).await.unwrap();
    let stream = rig.client.clone().import_groups(tokio_stream::iter([ImportGroupsRequest::default()])).await;
    assert_eq!(Told::of(&stream.unwrap_err()).reason, "CALLER_UNKNOWN");
}

#[tokio::test]
async fn a_caller_that_must_give_a_key_is_refused_without_one() {
    let rig = Rig::with(|config| {
        config.callers = vec![Caller { require_key: true, ..caller("strict", &["s"], &["prod"]) }];
    })
    .await;
    let without = ImportGroupRequest { group: Some(group("")), ..Default::default() };
    let told = Told::of(&rig.call(request("Bearer s", without.clone())).await.unwrap_err());
    assert_eq!((told.code, told.reason.as_str()), (Code::InvalidArgument, "KEY_REQUIRED"));
    assert_eq!(told.violations()[0].0, "request_id");
    let keyed = ImportGroupRequest { request_id: "0123456789abcdef".into(), ..without };
    rig.call(request("Bearer s", keyed)).await.unwrap();
    rig.call(request("Bearer s", to("prod", "g"))).await.unwrap();
    assert_eq!(rig.seen().len(), 2);
}

#[tokio::test]
async fn a_callers_own_ceiling_refuses_unary_calls_and_makes_items_wait() {
    let rig = Rig::with(|config| {
        config.callers = vec![
            Caller { max_calls_per_second: Some(10), ..caller("small", &["s"], &["prod"]) },
            caller("free", &["f"], &["prod"]),
        ];
    })
    .await;
    let burst = |token: &'static str, count: usize| {
        let calls = (0..count).map(|i| {
            let mut client = rig.client.clone();
            let request = request(token, to("prod", &format!("{}{i}", &token[7..])));
            async move { client.import_group(request).await }
        });
        futures_util::future::join_all(calls)
    };
    let (small, free) = tokio::join!(burst("Bearer s", 20), burst("Bearer f", 20));
    assert!(free.iter().all(Result::is_ok));
    let refused: Vec<_> = small.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    assert!(refused.len() >= 15, "{} refused", refused.len());
    let told = Told::of(refused[0]);
    assert_eq!((told.code, told.reason.as_str()), (Code::ResourceExhausted, "RATE_LIMITED"));
    assert_eq!((told.get("applied"), told.get("retry"), told.get("attempts")), ("no", "after", "0"));
    assert_eq!(told.pushback.as_deref(), Some("100"));
    assert_eq!(told.details.retry_info().unwrap().retry_delay, Some(Duration::from_millis(100)));

    let items =
        (0..12).map(|i| ImportGroupsRequest { item_id: i.to_string(), request: Some(to("prod", &format!("item{i}"))) });
    let mut stream = Request::new(tokio_stream::iter(items));
    stream.metadata_mut().insert("authorization", "Bearer s".parse().unwrap());
    let since = Instant::now();
    let mut answers = rig.client.clone().import_groups(stream).await.unwrap().into_inner();
    let mut count = 0;
    while let Some(answer) = answers.message().await.unwrap() {
        assert_eq!(ended(&answer), "OK");
        count += 1;
    }
    assert_eq!(count, 12);
    assert!(since.elapsed() >= Duration::from_millis(900), "twelve items at ten a second took {:?}", since.elapsed());
}

#[tokio::test]
async fn what_is_refused_on_the_way_in_is_counted_too() {
    let rig = Rig::with(two_callers).await;
    let _ = rig.call(request("Bearer wrong", to("prod", "g"))).await;
    rig.call(request("Bearer old", to("prod", "g"))).await.unwrap();
    let text = rig.gateway.metrics().text();
    for line in [
        r#"group_import_items_total{app="",caller="unknown",command="import_group",reason="CALLER_UNKNOWN"} 1"#,
        r#"group_import_items_total{app="prod",caller="billing",command="import_group",reason="OK"} 1"#,
        r#"grpc_server_handled_total{grpc_type="unary",grpc_service="groupimport.v1.GroupImport",grpc_method="ImportGroup",grpc_code="Unauthenticated"} 1"#,
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}
