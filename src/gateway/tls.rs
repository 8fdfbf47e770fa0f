//! TLS on the gRPC port, mutual where a CA is configured.
//!
//! The files are read twice a second and compared by content, as the key files
//! are, so that a Kubernetes secret's symlink swap is seen like any change. A
//! new certificate serves the connections that begin from then on; a bad one is
//! told and changes nothing.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy, sink},
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use self::files::{ALPN, Contents};
use super::connection::Transport;
use crate::config::{self, Config};

mod files;
mod san;

pub use files::TlsError;

/// How often the files are read.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How long a client whose handshake failed may take to see why and close,
/// and how much it may say until then.
const LAST_WORDS: Duration = Duration::from_secs(1);
const LAST_READ: u64 = 65_536;

/// The gateway's side of TLS, with whatever certificate serves just now.
pub(super) struct Tls {
    files: config::Tls,
    /// Whether a client may come without a certificate.
    optional: AtomicBool,
    serving: ArcSwap<Served>,
}

/// What serves, and what it was made of.
pub(super) struct Served {
    config: Arc<ServerConfig>,
    made_of: MadeOf,
}

/// The files' digest, and whether certificates are optional.
type MadeOf = ([u8; 32], bool);

/// Something that was found in the files and is no good.
#[derive(PartialEq)]
enum Refused {
    Contents(MadeOf),
    Unreadable(String),
}

impl Tls {
    /// TLS as configured, if it is.
    ///
    /// # Errors
    /// All that is wrong with the files.
    pub(super) fn new(config: &Config) -> Result<Option<Arc<Self>>, Vec<TlsError>> {
        let Some(files) = &config.server.tls else { return Ok(None) };
        let optional = certificates_are_optional(config);
        let serving = ArcSwap::from_pointee(Served::read(files, optional)?);
        Ok(Some(Arc::new(Self { files: files.clone(), optional: optional.into(), serving })))
    }

    /// What a configuration that was read again makes of the files, to be
    /// [taken](Self::take) once nothing else is wrong with it.
    ///
    /// # Errors
    /// All that is wrong with the files.
    pub(super) fn again(&self, config: &Config) -> Result<Served, Vec<TlsError>> {
        Served::read(&self.files, certificates_are_optional(config))
    }

    /// Serves with this from now on.
    pub(super) fn take(&self, served: Served) {
        self.optional.store(served.made_of.1, Ordering::Release);
        self.serving.store(Arc::new(served));
    }

    /// The handshake. Gives what the client is known by, too.
    ///
    /// # Errors
    /// When it fails, or the client can't be told from one of another protocol.
    pub(super) async fn accept(
        &self,
        io: Box<dyn Transport>,
    ) -> io::Result<(TlsStream<Box<dyn Transport>>, Vec<String>)> {
        let config = self.serving.load().config.clone();
        let stream = match TlsAcceptor::from(config).accept(io).into_fallible().await {
            Ok(stream) => stream,
            Err((error, io)) => {
                part(io).await;
                return Err(error);
            }
        };
        let session = stream.get_ref().1;
        if session.alpn_protocol() != Some(ALPN) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the client does not say that it speaks HTTP/2"));
        }
        let certificate = session.peer_certificates().and_then(<[_]>::first);
        let names = certificate.map_or_else(Vec::new, san::names);
        Ok((stream, names))
    }

    /// Looks for new files for ever.
    pub(super) async fn keep(self: Arc<Self>) {
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut refused = Refusals::default();
        loop {
            ticks.tick().await;
            self.look(&mut refused);
        }
    }

    fn look(&self, refused: &mut Refusals) {
        let optional = self.optional.load(Ordering::Acquire);
        let contents = match Contents::read(&self.files) {
            Ok(contents) => contents,
            Err(faults) => return refused.found(Refused::Unreadable(lines(&faults)), &faults),
        };
        let made_of = (contents.digest(), optional);
        if made_of == self.serving.load().made_of {
            return refused.clear();
        }
        match contents.config(&self.files, optional) {
            Ok(config) => {
                self.serving.store(Arc::new(Served { config: Arc::new(config), made_of }));
                refused.clear();
                tracing::info!("the TLS certificate was read anew, and serves");
            }
            Err(faults) => refused.found(Refused::Contents(made_of), &faults),
        }
    }
}

/// Ends a connection so that the client learns why: what it has sent meanwhile
/// and nobody read would turn the end into a reset, which overtakes the alert.
async fn part(mut io: Box<dyn Transport>) {
    let drain = async {
        io.shutdown().await?;
        copy(&mut io.take(LAST_READ), &mut sink()).await
    };
    let _ = timeout(LAST_WORDS, drain).await;
}

impl Served {
    fn read(files: &config::Tls, optional: bool) -> Result<Self, Vec<TlsError>> {
        let contents = Contents::read(files)?;
        let config = Arc::new(contents.config(files, optional)?);
        Ok(Self { config, made_of: (contents.digest(), optional) })
    }
}

/// Who has a token need not have a certificate as well.
fn certificates_are_optional(config: &Config) -> bool {
    config.callers.iter().any(|caller| !caller.token_sha256.is_empty())
}

/// What was found and refused, so that it is told once. It is told when it is
/// found a second time: files that are replaced one by one fit together only
/// once the last one is there.
#[derive(Default)]
struct Refusals {
    last: Option<Refused>,
    told: bool,
}

impl Refusals {
    fn found(&mut self, found: Refused, faults: &[TlsError]) {
        let again = self.last.as_ref() == Some(&found);
        if again && !self.told {
            self.told = true;
            tracing::error!("the new TLS files are not taken, the old certificate goes on: {}", lines(faults));
        } else if !again {
            *self = Self { last: Some(found), told: false };
        }
    }

    fn clear(&mut self) {
        *self = Self::default();
    }
}

/// All faults with their causes.
fn lines(faults: &[TlsError]) -> String {
    faults.iter().map(TlsError::with_cause).collect::<Vec<_>>().join("; ")
}
