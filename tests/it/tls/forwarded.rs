//! Callers behind a mesh's sidecar, which says whose certificate it has seen.

use group_import_gateway::{
    config::{Caller, Listen},
    gateway::Gateway,
    sandbox::Sandbox,
};
use tonic::transport::{Channel, Endpoint};

use super::{SPIFFE, call, callers, counted, outcome};
use crate::rig;

const HEADER: &str = "x-forwarded-client-cert";
const UNKNOWN: &str = "Unauthenticated CALLER_UNKNOWN";

struct Meshed {
    sandbox: Sandbox,
    gateway: Gateway,
    channel: Channel,
}

impl Meshed {
    async fn start(listen: Listen, believes: bool, callers: Vec<Caller>) -> Self {
        let sandbox = rig::sandbox().await;
        let mut config = rig::config(&sandbox.base_url());
        config.apps.push(rig::app("test", 1_400_000_555, &sandbox.base_url()));
        config.server.listen = listen;
        config.server.forwarded_client_cert = believes;
        config.callers = callers;
        let gateway = Gateway::start(config, &rig::env()).await.unwrap();
        let endpoint = match gateway.bound().tcp() {
            Some(address) => format!("http://127.0.0.1:{}", address.port()),
            None => gateway.bound().to_string(),
        };
        let channel = Endpoint::new(endpoint).unwrap().connect().await.unwrap();
        Self { sandbox, gateway, channel }
    }

    async fn outcome(&self, headers: &[(&'static str, &str)], app: &str) -> String {
        outcome(&call(self.channel.clone(), headers, app).await)
    }
}

fn loopback() -> Listen {
    Listen::Tcp(([127, 0, 0, 1], 0).into())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_loopback_the_sidecar_says_who_calls() {
    let meshed = Meshed::start(loopback(), true, callers()).await;
    let istios = format!("By=spiffe://cluster.local/ns/gateway/sa/default;Hash=1f;Subject=\"\";URI={SPIFFE}");
    let dns = "Hash=1f;Subject=\"CN=x,O=\\\"a,b;c=d\\\"\";DNS=Orders.example";
    for (headers, name) in [
        (vec![(HEADER, istios.as_str())], "spiffe"),
        (vec![(HEADER, dns)], "dns"),
        (vec![(HEADER, &*format!("URI=spiffe://a/far,{istios}"))], "spiffe"),
        (vec![(HEADER, "URI=spiffe://a/far"), (HEADER, dns)], "dns"),
        (vec![(HEADER, dns), ("authorization", "Bearer t")], "token"),
        (vec![("authorization", "Bearer t")], "token"),
    ] {
        let before = counted(&meshed.gateway, name, "OK");
        assert_eq!(meshed.outcome(&headers, "prod").await, "OK", "{headers:?}");
        assert_eq!(counted(&meshed.gateway, name, "OK"), before + 1, "{headers:?} was not taken for {name}");
    }
    assert_eq!(meshed.sandbox.call_count("import_group"), 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_the_sidecar_does_not_name_is_refused() {
    let meshed = Meshed::start(loopback(), true, callers()).await;
    let known = format!("URI={SPIFFE}");
    for (headers, app, expected) in [
        (vec![], "prod", UNKNOWN),
        (vec![(HEADER, "URI=spiffe://cluster.local/ns/billing/sa/other")], "prod", UNKNOWN),
        (vec![(HEADER, &*format!("{known},URI=spiffe://a/near"))], "prod", UNKNOWN),
        (vec![(HEADER, &*known), (HEADER, "Hash=1f;Subject=\"\"")], "prod", UNKNOWN),
        (vec![(HEADER, &*format!("By={SPIFFE};Subject=\"URI={SPIFFE}\";DNS={SPIFFE}"))], "prod", UNKNOWN),
        (vec![(HEADER, &*format!("{known};X=\",Hash=1f"))], "prod", UNKNOWN),
        (vec![(HEADER, &*known), ("authorization", "Bearer wrong")], "prod", UNKNOWN),
        (vec![(HEADER, &*known)], "test", "PermissionDenied APP_NOT_GRANTED"),
    ] {
        assert_eq!(meshed.outcome(&headers, app).await, expected, "{headers:?}");
    }
    assert_eq!(meshed.sandbox.call_count("import_group"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_header_means_nothing_unasked_and_nothing_where_others_can_connect() {
    for (listen, believes) in [(loopback(), false), (Listen::Tcp(([0, 0, 0, 0], 0).into()), true)] {
        let meshed = Meshed::start(listen.clone(), believes, callers()).await;
        let headers = [(HEADER, &*format!("URI={SPIFFE}"))];
        assert_eq!(meshed.outcome(&headers, "prod").await, UNKNOWN, "{listen}");
        assert_eq!(meshed.sandbox.call_count("import_group"), 0);
        assert_eq!(meshed.outcome(&[("authorization", "Bearer t")], "prod").await, "OK", "{listen}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_is_as_good_as_loopback() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gateway.sock");
    let listen = Listen::Unix { path, mode: Some(0o600), owner: None, group: None };
    let meshed = Meshed::start(listen, true, callers()).await;
    assert_eq!(meshed.outcome(&[(HEADER, &*format!("URI={SPIFFE}"))], "prod").await, "OK");
    assert_eq!(meshed.outcome(&[], "prod").await, UNKNOWN);
    assert_eq!(counted(&meshed.gateway, "spiffe", "OK"), 1);
}
