//! TLS on the gRPC port, and callers that are known by certificates.

use group_import_gateway::{
    config::{Caller, Config, Tls},
    gateway::Gateway,
    proto::{ImportGroupRequest, ImportGroupResponse, group_import_client::GroupImportClient},
    sandbox::Sandbox,
};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tonic::{
    Request, Status,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity},
};
use tonic_types::StatusExt as _;

use self::certs::{Authority, Certified};
use crate::rig::{self, group};

pub(crate) mod certs;
mod forwarded;
mod handshake;
mod known;
mod reload;

const SPIFFE: &str = "spiffe://cluster.local/ns/billing/sa/billing";

/// A gateway with TLS, and what its clients need.
struct Bench {
    ca: Authority,
    folder: TempDir,
    sandbox: Sandbox,
    gateway: Gateway,
    config: Config,
}

impl Bench {
    /// Mutual TLS on a port of loopback, with these callers.
    async fn mutual(callers: Vec<Caller>) -> Self {
        let ca = Authority::new();
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        write(&folder, &ca.issue(&["127.0.0.1"]), &ca.pem);
        let sandbox = rig::sandbox().await;
        let mut config = rig::config(&sandbox.base_url());
        config.apps.push(rig::app("test", 1_400_000_555, &sandbox.base_url()));
        config.callers = callers;
        let client_ca_file = Some(path("ca.crt"));
        config.server.tls = Some(Tls { cert_file: path("tls.crt"), key_file: path("tls.key"), client_ca_file });
        let gateway = Gateway::start(config.clone(), &rig::env()).await.unwrap();
        Self { ca, folder, sandbox, gateway, config }
    }

    fn endpoint(&self) -> String {
        format!("https://{}", self.gateway.bound())
    }

    /// A connection of its own, by somebody who trusts the gateway's CA and shows this, if anything.
    async fn connect(&self, shown: Option<&Certified>) -> Result<Channel, tonic::transport::Error> {
        connect(&self.endpoint(), &self.ca.pem, shown).await
    }

    /// What becomes of a call on a connection of its own: `OK`, an error's reason, or `no TLS`.
    async fn outcome(&self, shown: Option<&Certified>, token: &str, app: &str) -> String {
        match self.connect(shown).await {
            Ok(channel) => outcome(&import(channel, token, app).await),
            Err(_) => "no TLS".to_owned(),
        }
    }

    /// The calls of any kind that have reached the stand-in for a caller: without the look at the credential, which
    /// the gateway makes for itself.
    fn reached_chat(&self) -> usize {
        self.sandbox.call_count("import_group")
    }

    /// How many calls of a caller ended so, as the gateway counts them.
    fn counted(&self, caller: &str, reason: &str) -> u32 {
        counted(&self.gateway, caller, reason)
    }
}

fn counted(gateway: &Gateway, caller: &str, reason: &str) -> u32 {
    let text = gateway.metrics().text();
    let of = format!("caller=\"{caller}\",command=\"import_group\",reason=\"{reason}\"}} ");
    text.lines().filter_map(|line| line.split_once(&of)).map(|(_, count)| count.parse::<u32>().unwrap()).sum()
}

/// Puts a certificate where a gateway reads it.
fn write(folder: &TempDir, certified: &Certified, client_ca: &str) {
    for (name, text) in [("tls.crt", &certified.chain), ("tls.key", &certified.key), ("ca.crt", &client_ca.to_owned())]
    {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
}

async fn connect(endpoint: &str, trusted: &str, shown: Option<&Certified>) -> Result<Channel, tonic::transport::Error> {
    let mut tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(trusted));
    if let Some(shown) = shown {
        tls = tls.identity(Identity::from_pem(&shown.chain, &shown.key));
    }
    Endpoint::from_shared(endpoint.to_owned())?.tls_config(tls)?.connect().await
}

/// Imports a group that no other call imports.
async fn import(channel: Channel, token: &str, app: &str) -> Result<ImportGroupResponse, Status> {
    call(channel, &[("authorization", token)], app).await
}

/// The same with these headers, the empty ones left out.
async fn call(channel: Channel, headers: &[(&'static str, &str)], app: &str) -> Result<ImportGroupResponse, Status> {
    let id = format!("g{:016x}", rand::random::<u64>());
    let mut request =
        Request::new(ImportGroupRequest { app: app.into(), group: Some(group(&id)), ..Default::default() });
    for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
        request.metadata_mut().append(*name, value.parse().unwrap());
    }
    GroupImportClient::new(channel).import_group(request).await.map(tonic::Response::into_inner)
}

/// Errors that the gateway did not make are those of the connection.
fn outcome(answer: &Result<ImportGroupResponse, Status>) -> String {
    match answer {
        Ok(_) => "OK".to_owned(),
        Err(status) => {
            let details = status.get_error_details();
            let reason = details.error_info().map(|info| format!("{:?} {}", status.code(), info.reason));
            reason.unwrap_or_else(|| "no TLS".to_owned())
        }
    }
}

fn caller(name: &str, apps: &[&str]) -> Caller {
    Caller {
        name: name.parse().unwrap(),
        token_sha256: Vec::new(),
        tls_name: None,
        apps: apps.iter().map(|app| app.parse().unwrap()).collect(),
        weight: 1,
        max_calls_per_second: None,
        require_key: false,
    }
}

fn with_token(name: &str, token: &str, apps: &[&str]) -> Caller {
    Caller { token_sha256: vec![Sha256::digest(token).into()], ..caller(name, apps) }
}

fn with_certificate(name: &str, tls_name: &str, apps: &[&str]) -> Caller {
    Caller { tls_name: Some(tls_name.to_owned()), ..caller(name, apps) }
}

/// Three callers, each known otherwise, and one for another app.
fn callers() -> Vec<Caller> {
    vec![
        with_token("token", "t", &["prod"]),
        with_certificate("dns", "orders.example", &["prod"]),
        with_certificate("spiffe", SPIFFE, &["prod"]),
        with_certificate("tester", "tester.example", &["test"]),
    ]
}

/// Callers without a token: then everybody must show a certificate.
fn certificates_alone() -> Vec<Caller> {
    callers().into_iter().filter(|caller| caller.tls_name.is_some()).collect()
}
