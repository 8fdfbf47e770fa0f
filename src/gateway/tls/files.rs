//! Reads the PEM files of `[server.tls]` and makes of them what rustls serves
//! with.
//!
//! No parser's message is passed on: some of them quote the file, and one of
//! the files is a private key.

use std::{error::Error, fmt, io, path::Path, path::PathBuf, sync::Arc};

use rustls::{
    RootCertStore, ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::{NoServerSessionStorage, WebPkiClientVerifier, danger::ClientCertVerifier},
    sign::{CertifiedKey, SingleCertAndKey},
};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::config::Tls;

/// gRPC is HTTP/2, and nothing else is spoken here.
pub(super) const ALPN: &[u8] = b"h2";

/// What the files held.
pub(super) struct Contents {
    cert: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
    ca: Option<Vec<u8>>,
}

impl Contents {
    /// Reads the files.
    pub(super) fn read(files: &Tls) -> Result<Self, Vec<TlsError>> {
        let mut faults = Vec::new();
        let mut read = |key, path: &Path| match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(cause) => {
                faults.push(TlsError { cause: Some(cause), ..TlsError::new(key, path, "can't be read") });
                Vec::new()
            }
        };
        let contents = Self {
            cert: read("cert_file", &files.cert_file),
            key: Zeroizing::new(read("key_file", &files.key_file)),
            ca: files.client_ca_file.as_deref().map(|path| read("client_ca_file", path)),
        };
        if faults.is_empty() { Ok(contents) } else { Err(faults) }
    }

    /// Tells contents apart without holding the private key.
    pub(super) fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        for part in [Some(&self.cert), Some(&*self.key), self.ca.as_ref()] {
            hash.update(part.map_or(u64::MAX, |part| part.len() as u64).to_be_bytes());
            hash.update(part.map_or(&[][..], |part| part));
        }
        hash.finalize().into()
    }

    /// What rustls serves with. With `optional` a client need not show a
    /// certificate; one that it shows must be good all the same.
    pub(super) fn config(&self, files: &Tls, optional: bool) -> Result<ServerConfig, Vec<TlsError>> {
        let provider = Arc::new(ring::default_provider());
        let (certified, verifier) = (self.certified(files, &provider), self.verifier(files, optional, &provider));
        let (certified, verifier) = match (certified, verifier) {
            (Ok(certified), Ok(verifier)) => (certified, verifier),
            (certified, verifier) => {
                return Err(certified.err().into_iter().chain(verifier.err()).flatten().collect());
            }
        };
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.map_err(|_| vec![TlsError::new("cert_file", &files.cert_file, "can't be served")])?;
        let builder = match verifier {
            Some(verifier) => builder.with_client_cert_verifier(verifier),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
        config.alpn_protocols = vec![ALPN.to_vec()];
        // A session that is resumed is not verified again, so an expired certificate would go on serving.
        // Connections of gRPC last, and a full handshake now and then costs little.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(config)
    }

    fn certified(&self, files: &Tls, provider: &CryptoProvider) -> Result<CertifiedKey, Vec<TlsError>> {
        let chain = certificates("cert_file", &files.cert_file, &self.cert);
        let key = self.key(files).and_then(|key| {
            let unfit = "holds a private key of a kind that is not served: RSA, ECDSA P-256 or P-384, or Ed25519 is";
            let loaded = provider.key_provider.load_private_key(key);
            loaded.map_err(|_| TlsError::new("key_file", &files.key_file, unfit))
        });
        let (chain, key) = match (chain, key) {
            (Ok(chain), Ok(key)) => (chain, key),
            (chain, key) => return Err(chain.err().into_iter().chain(key.err()).collect()),
        };
        let certified = CertifiedKey::new(chain, key);
        match certified.keys_match() {
            Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => Ok(certified),
            Err(rustls::Error::InconsistentKeys(_)) => {
                let problem = format!("is not the key of the first certificate in {}", files.cert_file.display());
                Err(vec![TlsError::new("key_file", &files.key_file, problem)])
            }
            Err(_) => {
                let problem = "begins with a certificate that is none: what it holds is no X.509";
                Err(vec![TlsError::new("cert_file", &files.cert_file, problem)])
            }
        }
    }

    fn key(&self, files: &Tls) -> Result<PrivateKeyDer<'static>, TlsError> {
        let none = "holds no private key that can be read: expected one in PEM, not encrypted";
        PrivateKeyDer::from_pem_slice(&self.key).map_err(|_| TlsError::new("key_file", &files.key_file, none))
    }

    fn verifier(
        &self,
        files: &Tls,
        optional: bool,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Option<Arc<dyn ClientCertVerifier>>, Vec<TlsError>> {
        let (Some(path), Some(ca)) = (&files.client_ca_file, &self.ca) else { return Ok(None) };
        let fault = |problem: &str| vec![TlsError::new("client_ca_file", path, problem.to_owned())];
        let mut roots = RootCertStore::empty();
        for certificate in certificates("client_ca_file", path, ca).map_err(|fault| vec![fault])? {
            roots.add(certificate).map_err(|_| fault("holds a certificate that can't be a CA"))?;
        }
        let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
        let builder = if optional { builder.allow_unauthenticated() } else { builder };
        builder.build().map(Some).map_err(|_| fault("can't be used to verify certificates"))
    }
}

fn certificates(key: &'static str, path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    match CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>() {
        Ok(found) if found.is_empty() => Err(TlsError::new(key, path, "holds no certificate: expected PEM")),
        Ok(found) => Ok(found),
        Err(_) => Err(TlsError::new(key, path, "holds broken PEM")),
    }
}

/// What is wrong with one of the files of `[server.tls]`.
#[derive(Debug)]
pub struct TlsError {
    key: &'static str,
    file: PathBuf,
    problem: String,
    cause: Option<io::Error>,
}

impl TlsError {
    fn new(key: &'static str, file: &Path, problem: impl Into<String>) -> Self {
        Self { key, file: file.to_owned(), problem: problem.into(), cause: None }
    }

    /// The whole on one line.
    pub(crate) fn with_cause(&self) -> String {
        let cause = self.cause.as_ref().map_or_else(String::new, |cause| format!(": {cause}"));
        format!("{self}{cause}")
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "server.tls.{}: {} {}", self.key, self.file.display(), self.problem)
    }
}

impl Error for TlsError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_ref().map(|cause| cause as _)
    }
}
