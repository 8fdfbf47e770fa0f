//! Why there is no way to the gateway, for whoever can do something about it.

use std::{error::Error, io};

use rustls::{
    CertificateError as Bad,
    Error::{InvalidCertificate, InvalidMessage},
    InvalidMessage::InvalidContentType,
};

/// A connection that could not be made, or that broke.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::import) struct Broken {
    /// The error with its causes.
    pub(in crate::import) text: String,
    /// What to do, where the two sides do not fit together and waiting won't help.
    pub(in crate::import) advice: Option<&'static str>,
}

impl Broken {
    /// What an error of tonic's means.
    pub(in crate::import) fn of(error: &(dyn Error + 'static)) -> Self {
        let says_nothing = error.is::<tonic::transport::Error>(); // but "transport error"
        let said = error.source().filter(|_| says_nothing).unwrap_or(error);
        let text = chain(said);
        let advice = tls_error(error).and_then(advice).or_else(|| advice_on_alert(&text));
        Self { text, advice }
    }
}

/// What to do about an error of TLS that does not go away by itself.
fn advice(error: &rustls::Error) -> Option<&'static str> {
    Some(match error {
        InvalidMessage(InvalidContentType) => {
            "what answers there does not speak TLS: is --endpoint the gateway's, and does the gateway have [server.tls]? \
             Without TLS it is http://"
        }
        // A bad signature is that of another CA with the same name.
        InvalidCertificate(Bad::UnknownIssuer | Bad::BadSignature) => {
            "the gateway's certificate is of a CA that is not trusted here: name its CA with --ca-file"
        }
        InvalidCertificate(Bad::NotValidForName | Bad::NotValidForNameContext { .. }) => {
            "the gateway's certificate is for another name: --endpoint must have one that stands in it"
        }
        InvalidCertificate(_) => "the gateway's certificate is no good: its operator has to renew it",
        _ => return None,
    })
}

/// What to do about what the gateway does not like of ours. Its alert comes after our side of the handshake is done,
/// through the HTTP/2 connection, which keeps no more than the text of it.
fn advice_on_alert(text: &str) -> Option<&'static str> {
    let (_, alert) = text.rsplit_once("received fatal alert: ")?;
    Some(match alert {
        "CertificateRequired" => "the gateway wants to see a certificate: --cert-file and --key-file",
        "UnknownCA"
        | "BadCertificate"
        | "UnsupportedCertificate"
        | "CertificateRevoked"
        | "CertificateExpired"
        | "CertificateUnknown"
        | "AccessDenied"
        | "DecryptError" => {
            "the gateway does not take the certificate of --cert-file: look at its CA and how long it is valid"
        }
        "NoApplicationProtocol" => "what answers there speaks TLS, but not HTTP/2, and so no gRPC",
        _ => return None,
    })
}

/// The error of TLS among the causes, if it is one.
pub(super) fn tls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        // An I/O error's source is its content's source, and not its content.
        let content = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let content = content.and_then(|content| content.downcast_ref::<rustls::Error>());
        if let Some(found) = error.downcast_ref().or(content) {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

/// An error with its causes, each said once.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.ends_with(&more) {
            text.push_str(&format!(": {more}"));
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_go_away_comes_with_advice() {
        use rustls::{AlertDescription as Alert, Error::AlertReceived};
        for (error, advice) in [
            (AlertReceived(Alert::CertificateRequired), "--cert-file and --key-file"),
            (AlertReceived(Alert::CertificateExpired), "the certificate of --cert-file"),
            (AlertReceived(Alert::UnknownCA), "the certificate of --cert-file"),
            (InvalidCertificate(Bad::UnknownIssuer), "--ca-file"),
            (InvalidMessage(InvalidContentType), "http://"),
        ] {
            let broken = Broken::of(&io::Error::other(error));
            assert!(broken.advice.is_some_and(|given| given.contains(advice)), "{broken:?}");
        }
    }

    #[test]
    fn what_may_go_away_is_waited_for() {
        let internal = rustls::Error::AlertReceived(rustls::AlertDescription::InternalError);
        for error in [io::Error::other(internal), io::ErrorKind::ConnectionRefused.into()] {
            assert_eq!(Broken::of(&error).advice, None);
        }
    }
}
