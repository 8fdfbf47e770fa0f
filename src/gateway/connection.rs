//! One accepted connection, as tonic serves it: the socket with its place
//! under the limit, and a way to end it that needs nothing of the client.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use futures_util::task::AtomicWaker;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::OwnedSemaphorePermit,
};
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::transport::server::Connected;

use crate::inbound::peer::Peer;

/// What every HTTP/2 client says first takes 24 bytes (RFC 9113, 3.4).
const PREFACE: usize = 24;

/// A TCP or Unix stream, or TLS over one.
pub(super) trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transport for T {}

/// The connection.
pub(super) struct Connection {
    io: Box<dyn Transport>,
    peer: Peer,
    link: Arc<Link>,
    /// Bytes of the preface that have not come yet.
    preface_left: usize,
    ended: CancellationToken,
    _ended: DropGuard,
    _place: OwnedSemaphorePermit,
}

/// What a connection shares with the one who watches it.
#[derive(Default)]
pub(super) struct Link {
    greeted: AtomicBool,
    cut: AtomicBool,
    /// Of the task that serves the connection, which does its reading and writing both.
    serving: AtomicWaker,
}

impl Link {
    /// Whether the client has spoken HTTP/2. Before that no ping finds out
    /// whether it is there at all.
    pub(super) fn is_greeted(&self) -> bool {
        self.greeted.load(Ordering::Acquire)
    }

    /// Ends the connection at once.
    pub(super) fn cut(&self) {
        self.cut.store(true, Ordering::Release);
        self.serving.wake();
    }

    /// Fails from the cut on. Looked at before writing too: a client that does
    /// not read holds the connection there.
    fn check(&self, cx: &Context<'_>) -> io::Result<()> {
        self.serving.register(cx.waker());
        match self.cut.load(Ordering::Acquire) {
            false => Ok(()),
            true => Err(io::Error::new(io::ErrorKind::ConnectionAborted, "cut by the gateway")),
        }
    }
}

impl Connection {
    /// A connection that holds its place until it is dropped.
    pub(super) fn new(io: Box<dyn Transport>, peer: Peer, link: Arc<Link>, place: OwnedSemaphorePermit) -> Self {
        let ended = CancellationToken::new();
        Self { io, peer, link, preface_left: PREFACE, _ended: ended.clone().drop_guard(), ended, _place: place }
    }

    /// Resolves when it is no more.
    pub(super) fn ended(&self) -> impl Future<Output = ()> + Send + use<> {
        self.ended.clone().cancelled_owned()
    }
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.link.check(cx)?;
        let before = buf.filled().len();
        let read = Pin::new(&mut self.io).poll_read(cx, buf);
        if self.preface_left > 0 {
            self.preface_left = self.preface_left.saturating_sub(buf.filled().len() - before);
            self.link.greeted.store(self.preface_left == 0, Ordering::Release);
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.link.check(cx)?;
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.link.check(cx)?;
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.link.check(cx)?;
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.link.check(cx)?;
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
