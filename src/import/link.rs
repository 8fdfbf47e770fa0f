//! The way to the gateway: address, TLS, token.

use std::{error::Error, fs, path::Path, time::Duration};

use futures_util::{FutureExt as _, Stream, TryFutureExt as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity},
};

use self::broken::chain;
use super::options::Options;
use crate::proto::{ImportGroupsRequest, ImportGroupsResponse, group_import_client::GroupImportClient};

mod broken;

pub(super) use broken::Broken;

/// A gateway that is there answers within this.
const CONNECT: Duration = Duration::from_secs(10);
/// A stream may be silent for long while Chat is slow; a dead one is found out so.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// How to reach a gateway.
pub(super) struct Link {
    endpoint: Endpoint,
    name: String,
    token: Option<MetadataValue<Ascii>>,
    exposed: bool,
    /// Whether it shows a certificate.
    certified: bool,
}

impl Link {
    /// The way that the options describe. Reads all their files, once.
    pub(super) fn new(options: &Options) -> Result<Self, String> {
        let name = options.endpoint.clone();
        let failed = |error: &dyn Error| format!("--endpoint {name}: {}", chain(error));
        let mut endpoint = Endpoint::from_shared(name.clone()).map_err(|error| failed(&error))?;
        match name.split_once(':') {
            Some(("https", _)) => {
                endpoint = endpoint
                    .tls_config(tls(options)?)
                    .map_err(|error| misfit(options, &error).unwrap_or_else(|| failed(&error)))?;
            }
            Some(("http" | "unix", _)) if options.ca_file.is_some() || options.cert_file.is_some() => {
                return Err(format!("--endpoint {name}: certificates need an https:// endpoint"));
            }
            Some(("http" | "unix", _)) => {}
            _ => return Err(format!("--endpoint {name}: expected http://…, https://… or unix:/…")),
        }
        let endpoint = endpoint
            .connect_timeout(CONNECT)
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE)
            .tcp_nodelay(true);
        let token = options.token_file.as_deref().map(token).transpose()?;
        let exposed = token.is_some() && name.starts_with("http:") && !is_local(&endpoint);
        Ok(Self { endpoint, name, token, exposed, certified: options.cert_file.is_some() })
    }

    /// Its address, for messages.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What may be wrong where connections break at once and nothing says why.
    pub(super) fn suspicion(&self) -> &'static str {
        match self.endpoint.uri().scheme_str() {
            Some("http") => "\n  if the gateway has [server.tls], --endpoint must begin with https://",
            Some("https") if self.certified => {
                "\n  the gateway may not take the certificate of --cert-file: its log says why"
            }
            Some("https") => "\n  the gateway may want to see a certificate: --cert-file and --key-file",
            _ => "",
        }
    }

    /// Whether the token would go over a network unencrypted.
    pub(super) fn is_exposed(&self) -> bool {
        self.exposed
    }

    /// Connects.
    pub(super) async fn connect(&self) -> Result<Channel, Broken> {
        self.endpoint.connect().await.map_err(|error| Broken::of(&error))
    }

    /// Opens a stream: sends what comes, hands on the answers. Sending does not
    /// wait for the gateway's first word, which may come as late as its first answer.
    pub(super) fn open(
        &self,
        channel: Channel,
        requests: mpsc::Receiver<ImportGroupsRequest>,
    ) -> impl Stream<Item = Result<ImportGroupsResponse, Status>> + use<> {
        let mut request = Request::new(ReceiverStream::new(requests));
        if let Some(token) = &self.token {
            request.metadata_mut().insert("authorization", token.clone());
        }
        let mut client = GroupImportClient::new(channel);
        async move { client.import_groups(request).await.map(tonic::Response::into_inner) }.boxed().try_flatten_stream()
    }
}

fn tls(options: &Options) -> Result<ClientTlsConfig, String> {
    let mut tls = ClientTlsConfig::new();
    tls = match &options.ca_file {
        Some(file) => tls.ca_certificate(Certificate::from_pem(certificates("--ca-file", file)?)),
        None => tls.with_enabled_roots(),
    };
    if let (Some(cert), Some(key)) = (&options.cert_file, &options.key_file) {
        let (cert, pem) = (certificates("--cert-file", cert)?, read("--key-file", key)?);
        // No cause in the message: it might quote the key.
        let none = |_| format!("--key-file {}: no private key in PEM, or one that is encrypted", key.display());
        PrivateKeyDer::from_pem_slice(&pem).map_err(none)?;
        tls = tls.identity(Identity::from_pem(cert, pem));
    }
    Ok(tls)
}

/// A key that is not its certificate's.
fn misfit(options: &Options, error: &(dyn Error + 'static)) -> Option<String> {
    let (cert, key) = (options.cert_file.as_ref()?, options.key_file.as_ref()?);
    let keys = broken::tls_error(error).filter(|error| matches!(error, rustls::Error::InconsistentKeys(_)));
    keys.map(|_| format!("--key-file {}: is not the key of the certificate in {}", key.display(), cert.display()))
}

/// A file that holds certificates, and nothing that is none.
fn certificates(option: &str, file: &Path) -> Result<Vec<u8>, String> {
    let pem = read(option, file)?;
    match CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>() {
        Ok(found) if !found.is_empty() => Ok(pem),
        _ => Err(format!("{option} {}: no certificate in PEM", file.display())),
    }
}

fn token(file: &Path) -> Result<MetadataValue<Ascii>, String> {
    let text = read("--token-file", file)?;
    // No cause in the messages: it might quote the token.
    let fault = |what| format!("--token-file {}: {what}", file.display());
    let text = std::str::from_utf8(&text).map_err(|_| fault("not text"))?.trim();
    if text.is_empty() {
        return Err(fault("empty"));
    }
    let mut value: MetadataValue<Ascii> =
        format!("Bearer {text}").parse().map_err(|_| fault("not one line of printable ASCII"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn read(option: &str, file: &Path) -> Result<Vec<u8>, String> {
    fs::read(file).map_err(|error| format!("{option} {}: {error}", file.display()))
}

fn is_local(endpoint: &Endpoint) -> bool {
    let host = endpoint.uri().host().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn link(arguments: &[&str]) -> Result<Link, String> {
        Link::new(&Options::from_arguments(&[&["groups.jsonl"], arguments].concat()))
    }

    #[test]
    fn endpoints_of_three_kinds_are_taken() {
        for endpoint in
            ["http://127.0.0.1:50051", "https://gateway.example", "unix:/run/gateway.sock", "unix:///run/gateway.sock"]
        {
            assert!(link(&["--endpoint", endpoint]).is_ok(), "{endpoint}");
        }
        for endpoint in ["127.0.0.1:50051", "ftp://x", "", "http://a b"] {
            assert!(link(&["--endpoint", endpoint]).is_err(), "{endpoint}");
        }
    }

    #[test]
    fn a_token_is_read_once_and_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        let path = file.to_str().unwrap();
        fs::write(&file, "s3cret\n").unwrap();
        let remote = link(&["--token-file", path, "--endpoint", "http://gateway.example:1"]).unwrap();
        assert!(remote.is_exposed());
        assert!(!format!("{:?}", remote.token).contains("s3cret"));
        assert!(!link(&["--token-file", path, "--endpoint", "http://[::1]:1"]).unwrap().is_exposed());
        fs::write(&file, "s3cret\u{7f}\n").unwrap();
        let said = link(&["--token-file", path]).err().unwrap();
        assert!(said.contains(path) && !said.contains("s3cret"), "{said}");
    }

    #[test]
    fn certificates_without_tls_are_a_mistake() {
        let said = link(&["--ca-file", "/ca.pem"]).err().unwrap();
        assert!(said.contains("https://"), "{said}");
        let said = link(&["--ca-file", "/nowhere/ca.pem", "--endpoint", "https://g"]).err().unwrap();
        assert!(said.contains("--ca-file /nowhere/ca.pem"), "{said}");
    }
}
