//! Who is let in, and who is not: neither calls nor handshakes that are refused
//! reach Chat.

use group_import_gateway::{
    config::Listen,
    gateway::Gateway,
    proto::{ImportGroupsRequest, group_import_client::GroupImportClient},
};
use rcgen::{DnType, ExtendedKeyUsagePurpose, date_time_ymd};
use tonic::{Code, transport::Channel};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use super::{
    Bench, SPIFFE, callers, certificates_alone,
    certs::{Authority, Certified, self_signed},
    connect, import, outcome,
};
use crate::rig::{self, Told};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_known_is_let_in_as_who_it_is() {
    let bench = Bench::mutual(callers()).await;
    let ca = &bench.ca;
    let dns = ca.issue(&["orders.example"]);
    for (shown, token, name) in [
        (None, "Bearer t", "token"),
        (Some(&dns), "", "dns"),
        (Some(&ca.issue(&["other.example", "ORDERS.example"])), "", "dns"),
        (Some(&ca.issue(&[SPIFFE])), "", "spiffe"),
        (Some(&ca.issue(&["unknown.example", SPIFFE])), "", "spiffe"),
        (Some(&ca.intermediate().issue(&["orders.example"])), "", "dns"),
        // A token that is sent decides.
        (Some(&dns), "Bearer t", "token"),
        // Nothing but a bearer token is one.
        (Some(&ca.issue(&["unknown.example"])), "Bearer t", "token"),
    ] {
        let (calls, before) = (bench.reached_chat(), bench.counted(name, "OK"));
        assert_eq!(bench.outcome(shown, token, "prod").await, "OK", "{name}");
        assert_eq!(bench.counted(name, "OK"), before + 1, "it was not taken for {name}");
        assert_eq!(bench.reached_chat(), calls + 1);
    }
    // Where there are no tokens, what is sent as one says nothing.
    let certificates = Bench::mutual(certificates_alone()).await;
    let shown = certificates.ca.issue(&["orders.example"]);
    assert_eq!(certificates.outcome(Some(&shown), "Bearer wrong", "prod").await, "OK");
    assert_eq!(certificates.counted("dns", "OK"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_known_is_refused_and_does_not_reach_chat() {
    const UNKNOWN: &str = "Unauthenticated CALLER_UNKNOWN";
    const NOT_GRANTED: &str = "PermissionDenied APP_NOT_GRANTED";
    const NO_TLS: &str = "no TLS";
    let tokens_too = Bench::mutual(callers()).await;
    for (case, shown, token, app, expected) in cases(&tokens_too.ca) {
        let expected = match expected {
            Refused::Unknown => UNKNOWN,
            Refused::NotGranted => NOT_GRANTED,
            Refused::Handshake => NO_TLS,
        };
        assert_eq!(tokens_too.outcome(shown.as_ref(), token, app).await, expected, "{case}");
    }
    let certificates = Bench::mutual(certificates_alone()).await;
    for (case, shown, token, app, expected) in cases(&certificates.ca) {
        // A certificate is needed, and a token means nothing.
        let expected = match expected {
            Refused::Unknown if shown.is_none() => NO_TLS,
            Refused::Unknown if case.contains("token") => continue,
            Refused::Unknown => UNKNOWN,
            Refused::NotGranted => NOT_GRANTED,
            Refused::Handshake => NO_TLS,
        };
        assert_eq!(certificates.outcome(shown.as_ref(), token, app).await, expected, "{case}");
    }
    for bench in [&tokens_too, &certificates] {
        assert_eq!(bench.reached_chat(), 0);
        // The same way is open to who is known, so that it was not something else that refused them.
        assert_eq!(bench.outcome(Some(&bench.ca.issue(&["orders.example"])), "", "prod").await, "OK");
        assert_eq!(bench.reached_chat(), 1);
    }
    // Those whose handshake failed were never heard, and all others counted.
    let heard = tokens_too.counted("unknown", "CALLER_UNKNOWN");
    assert_eq!(heard, 6);
}

/// How somebody is refused where tokens and certificates are taken.
enum Refused {
    Unknown,
    NotGranted,
    Handshake,
}

type Case = (&'static str, Option<Certified>, &'static str, &'static str, Refused);

fn cases(ca: &Authority) -> Vec<Case> {
    use Refused::{Handshake, NotGranted, Unknown};
    let known = || ca.issue(&["orders.example", SPIFFE]);
    let of = |year| {
        ca.issue_with(&["orders.example"], |params| {
            (params.not_before, params.not_after) = (date_time_ymd(year, 1, 1), date_time_ymd(year + 1, 1, 1));
        })
    };
    let by_common_name = ca.issue_with(&["unknown.example"], |params| {
        params.distinguished_name.push(DnType::CommonName, "orders.example");
    });
    let for_servers = ca.issue_with(&["orders.example"], |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    });
    vec![
        ("nothing at all", None, "", "prod", Unknown),
        ("a wrong token", None, "Bearer wrong", "prod", Unknown),
        ("a wrong token with a known certificate", Some(known()), "Bearer wrong", "prod", Unknown),
        ("a known name in other words", Some(ca.issue(&["sub.orders.example"])), "", "prod", Unknown),
        ("an unknown SPIFFE ID", Some(ca.issue(&["spiffe://cluster.local/ns/billing/sa/other"])), "", "prod", Unknown),
        ("a known name that is no SAN", Some(by_common_name), "", "prod", Unknown),
        ("an app that is not granted", Some(known()), "", "test", NotGranted),
        ("the other app", Some(ca.issue(&["tester.example"])), "", "prod", NotGranted),
        ("an expired certificate", Some(of(2020)), "", "prod", Handshake),
        ("an expired certificate with a good token", Some(of(2020)), "Bearer t", "prod", Handshake),
        ("a certificate of times to come", Some(of(2090)), "", "prod", Handshake),
        ("a certificate of another CA", Some(Authority::new().issue(&["orders.example"])), "", "prod", Handshake),
        ("a certificate of nobody", Some(self_signed(&["orders.example"])), "Bearer t", "prod", Handshake),
        ("a certificate for servers", Some(for_servers), "", "prod", Handshake),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_asks_for_the_same() {
    let bench = Bench::mutual(callers()).await;
    let stream = |channel: Channel| async move {
        let item = ImportGroupsRequest {
            item_id: "1".into(),
            request: Some(group_import_gateway::proto::ImportGroupRequest {
                app: "prod".into(),
                group: Some(rig::group("of-a-stream")),
                ..Default::default()
            }),
        };
        let answers = GroupImportClient::new(channel).import_groups(tokio_stream::iter([item])).await;
        answers?.into_inner().message().await
    };
    let refused = stream(bench.connect(None).await.unwrap()).await.unwrap_err();
    assert_eq!((refused.code(), Told::of(&refused).reason.as_str()), (Code::Unauthenticated, "CALLER_UNKNOWN"));
    assert_eq!(bench.reached_chat(), 0);
    let shown = bench.ca.issue(&[SPIFFE]);
    let answer = stream(bench.connect(Some(&shown)).await.unwrap()).await.unwrap().unwrap();
    assert_eq!(crate::stream::ended(&answer), "OK");
    assert_eq!(bench.counted("spiffe", "OK"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_needs_a_certificate_only_where_everybody_does() {
    let health = |channel: Channel| async { HealthClient::new(channel).check(HealthCheckRequest::default()).await };
    let tokens_too = Bench::mutual(callers()).await;
    health(tokens_too.connect(None).await.unwrap()).await.unwrap();
    let certificates = Bench::mutual(certificates_alone()).await;
    let answer = match certificates.connect(None).await {
        Ok(channel) => health(channel).await.map(|_| ()),
        Err(_) => return,
    };
    assert!(answer.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_client_ca_tls_is_one_sided_and_tokens_tell() {
    let bench = Bench::mutual(callers()).await;
    let mut config = bench.config.clone();
    config.callers = vec![super::with_token("token", "t", &["prod"])];
    config.server.listen = Listen::Tcp(([127, 0, 0, 1], 0).into());
    config.server.tls.as_mut().unwrap().client_ca_file = None;
    let gateway = Gateway::start(config, &rig::env()).await.unwrap();
    let endpoint = format!("https://{}", gateway.bound());
    let channel = connect(&endpoint, &bench.ca.pem, None).await.unwrap();
    assert_eq!(outcome(&import(channel.clone(), "Bearer t", "prod").await), "OK");
    assert_eq!(outcome(&import(channel, "", "prod").await), "Unauthenticated CALLER_UNKNOWN");
    // Who does not trust the gateway's CA says nothing to it.
    assert!(connect(&endpoint, &Authority::new().pem, None).await.is_err());
    // And who does not speak TLS is not understood.
    let plain = Channel::from_shared(format!("http://{}", gateway.bound())).unwrap().connect().await;
    if let Ok(channel) = plain {
        assert_eq!(outcome(&import(channel, "Bearer t", "prod").await), "no TLS");
    }
    assert_eq!(bench.reached_chat(), 1);
}
