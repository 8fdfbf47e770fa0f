//! The names in a client's certificate by which a caller is known.

use rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;

use crate::config::{dns_name, uri_name};

/// Its URIs, and behind them its DNS names, as `tls_name` is compared with
/// them. What can't be read has no name.
pub(super) fn names(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok(certificate) = EndEntityCert::try_from(certificate) else { return Vec::new() };
    let uris = certificate.valid_uri_names().filter_map(uri_name);
    uris.chain(certificate.valid_dns_names().filter_map(dns_name)).collect()
}
