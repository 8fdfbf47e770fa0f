//! The handshake itself, by clients that take it step by step.

use std::{io, sync::Arc, time::Duration};

use rcgen::date_time_ymd;
use rustls::{
    AlertDescription as Alert, ClientConfig, ProtocolVersion, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
    version::{TLS12, TLS13},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, timeout},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{
    Bench, SPIFFE, callers, certificates_alone,
    certs::{Authority, Certified},
};

/// Longer than anything here takes.
const BOUND: Duration = Duration::from_secs(30);

struct Client<'a> {
    version: &'static rustls::SupportedProtocolVersion,
    alpn: &'a [&'a [u8]],
    shown: Option<&'a Certified>,
}

impl Client<'_> {
    async fn connect(&self, bench: &Bench) -> io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(bench.ca.pem.as_bytes()).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[self.version])
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match self.shown {
            Some(Certified { chain, key }) => {
                let chain = CertificateDer::pem_slice_iter(chain.as_bytes()).map(Result::unwrap).collect();
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
                config.with_client_auth_cert(chain, key).unwrap()
            }
            None => config.with_no_client_auth(),
        };
        config.alpn_protocols = self.alpn.iter().map(|name| name.to_vec()).collect();
        let stream = TcpStream::connect(bench.gateway.bound().tcp().unwrap()).await.unwrap();
        TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("127.0.0.1").unwrap(), stream).await
    }

    /// The alert that the handshake ends with, during it or, as with TLS 1.3, behind it.
    async fn refusal(&self, bench: &Bench) -> Alert {
        let ended = async {
            let mut stream = self.connect(bench).await?;
            stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await?;
            stream.read_to_end(&mut Vec::new()).await
        };
        let error = timeout(BOUND, ended).await.expect("it does not end").expect_err("it is let in");
        match error.get_ref().and_then(|cause| cause.downcast_ref()) {
            Some(rustls::Error::AlertReceived(alert)) => *alert,
            _ => panic!("not told why: {error:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_refused_is_told_why() {
    let bench = Bench::mutual(certificates_alone()).await;
    let expired = bench.ca.issue_with(&[SPIFFE], |params| params.not_after = date_time_ymd(2020, 1, 1));
    let foreign = Authority::new().issue(&[SPIFFE]);
    let good = bench.ca.issue(&[SPIFFE]);
    let h2: &[&[u8]] = &[b"h2"];
    for (alpn, shown, alert) in [
        (h2, None, Alert::CertificateRequired),
        (h2, Some(&expired), Alert::CertificateExpired),
        (h2, Some(&foreign), Alert::DecryptError), // its CA has the same name, and another key
        (&[b"http/1.1"], Some(&good), Alert::NoApplicationProtocol),
    ] {
        assert_eq!(Client { version: &TLS13, alpn, shown }.refusal(&bench).await, alert);
    }
    let at_once = Client { version: &TLS12, alpn: h2, shown: Some(&expired) };
    assert_eq!(at_once.refusal(&bench).await, Alert::CertificateExpired);
    assert_eq!(bench.reached_chat(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_versions_that_are_safe_are_spoken_and_only_http2() {
    let bench = Bench::mutual(callers()).await;
    let good = bench.ca.issue(&[SPIFFE]);
    for (version, number) in [(&TLS12, ProtocolVersion::TLSv1_2), (&TLS13, ProtocolVersion::TLSv1_3)] {
        for shown in [None, Some(&good)] {
            let stream = Client { version, alpn: &[b"http/1.1", b"h2"], shown }.connect(&bench).await.unwrap();
            let session = stream.get_ref().1;
            assert_eq!((session.protocol_version(), session.alpn_protocol()), (Some(number), Some(&b"h2"[..])));
            let (mut client, connection) = h2::client::handshake(stream).await.unwrap();
            let connection = tokio::spawn(connection);
            let request = http::Request::post("https://gateway/nothing").body(()).unwrap();
            client.send_request(request, true).unwrap().0.await.unwrap();
            connection.abort();
        }
        // Who does not say that it speaks HTTP/2 may well speak something else.
        let mut stream = Client { version, alpn: &[], shown: Some(&good) }.connect(&bench).await.unwrap();
        let _ = stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        let mut said = Vec::new();
        let _ = timeout(BOUND, stream.read_to_end(&mut said)).await.expect("it stays");
        assert!(said.is_empty(), "{said:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_finish_the_handshake_is_not_waited_for_and_holds_up_nobody() {
    let mut bench = Bench::mutual(callers()).await;
    bench.config.server.http2.handshake_timeout = Duration::from_secs(2);
    bench.config.server.http2.max_connections = 40;
    bench.gateway =
        group_import_gateway::gateway::Gateway::start(bench.config.clone(), &crate::rig::env()).await.unwrap();
    let address = bench.gateway.bound().tcp().unwrap();
    let since = Instant::now();
    let mut silent = Vec::new();
    for index in 0..30 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // The beginning of a ClientHello from every second one.
        stream.write_all(&b"\x16\x03\x01\x02\x00\x01\x00"[..7 * (index % 2)]).await.unwrap();
        silent.push(stream);
    }
    // One that shakes hands, and then says nothing.
    let mut mute = Client { version: &TLS13, alpn: &[b"h2"], shown: None }.connect(&bench).await.unwrap();
    assert_eq!(bench.outcome(None, "Bearer t", "prod").await, "OK");
    for stream in &mut silent {
        let _ = timeout(BOUND, stream.read_to_end(&mut Vec::new())).await.expect("it is waited for");
    }
    let _ = timeout(BOUND, mute.read_to_end(&mut Vec::new())).await.expect("it is waited for");
    assert!(since.elapsed() >= Duration::from_millis(1_900), "cut after {:?}", since.elapsed());
    assert_eq!(bench.outcome(None, "Bearer t", "prod").await, "OK");
}
