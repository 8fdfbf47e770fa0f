//! Certificates, good and bad, made anew for each test.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SanType};

/// One who issues certificates.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate, as `client_ca_file` has it.
    pub(crate) pem: String,
    /// What those that it issued show besides, so that they are traced to a root.
    chain: String,
}

/// A certificate and its key, as their files have them.
pub(crate) struct Certified {
    pub(crate) chain: String,
    pub(crate) key: String,
}

impl Authority {
    /// A root. All have the same name: it is the key that tells one from another.
    pub(crate) fn new() -> Self {
        let (params, key) = (Self::params("root"), KeyPair::generate().unwrap());
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem, chain: String::new() }
    }

    /// One that this one vouches for.
    pub(crate) fn intermediate(&self) -> Self {
        let (params, key) = (Self::params("intermediate"), KeyPair::generate().unwrap());
        let pem = params.signed_by(&key, &self.issuer).unwrap().pem();
        Self { issuer: Issuer::new(params, key), chain: format!("{pem}{}", self.chain), pem }
    }

    fn params(name: &str) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
    }

    /// A certificate with these SANs: IP addresses, DNS names, and URIs.
    pub(crate) fn issue(&self, names: &[&str]) -> Certified {
        self.issue_with(names, |_| {})
    }

    /// The same with something about it changed.
    pub(crate) fn issue_with(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Certified {
        let key = KeyPair::generate().unwrap();
        let mut params = named(names);
        change(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Certified { chain: format!("{}{}", certificate.pem(), self.chain), key: key.serialize_pem() }
    }
}

/// A certificate that nobody but itself vouches for.
pub(crate) fn self_signed(names: &[&str]) -> Certified {
    let key = KeyPair::generate().unwrap();
    Certified { chain: named(names).self_signed(&key).unwrap().pem(), key: key.serialize_pem() }
}

fn named(names: &[&str]) -> CertificateParams {
    let (uris, others): (Vec<&str>, Vec<&str>) = names.iter().partition(|name| name.contains("://"));
    let mut params = CertificateParams::new(others.into_iter().map(str::to_owned).collect::<Vec<_>>()).unwrap();
    params.subject_alt_names.extend(uris.into_iter().map(|uri| SanType::URI(uri.try_into().unwrap())));
    params
}
