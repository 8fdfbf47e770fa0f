//! The names in a client's certificate by which a caller is known.

use rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;

/// Its URIs, and behind them its DNS names in lower case, as `tls_name` is
/// compared with them. A URI holds a colon and a DNS name none, so that the
/// one is never taken for the other. What can't be read has no name.
pub(super) fn names(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok(certificate) = EndEntityCert::try_from(certificate) else { return Vec::new() };
    let uris = certificate.valid_uri_names().filter(|uri| uri.contains(':')).map(str::to_owned);
    let dns = certificate.valid_dns_names().map(str::to_ascii_lowercase);
    uris.chain(dns).collect()
}
