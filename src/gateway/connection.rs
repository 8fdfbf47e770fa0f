//! One accepted connection, as tonic serves it: the socket with its place
//! under the limit, a way to end it that needs nothing of the client, and an
//! eye on the frames that h2 does not count.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};

use futures_util::task::AtomicWaker;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::OwnedSemaphorePermit,
};
use tokio_util::sync::CancellationToken;
use tonic::transport::server::Connected;

use self::frames::Budget;
use crate::inbound::peer::Peer;

mod frames;

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
    budget: Budget,
    _place: OwnedSemaphorePermit,
}

/// What a connection shares with the one who watches it.
#[derive(Default)]
pub(super) struct Link {
    greeted: AtomicBool,
    cut: AtomicBool,
    flooded: AtomicBool,
    gone: CancellationToken,
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

    /// Whether it was cut since the client sent too many frames that belong
    /// to no call.
    pub(super) fn is_flooded(&self) -> bool {
        self.flooded.load(Ordering::Acquire)
    }

    /// Waits until the connection has ended.
    pub(super) async fn gone(&self) {
        self.gone.cancelled().await;
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
    /// A connection that holds its place until it is dropped, and bears so
    /// many frames that belong to no call.
    pub(super) fn new(
        io: Box<dyn Transport>,
        peer: Peer,
        link: Arc<Link>,
        place: OwnedSemaphorePermit,
        control_frames: u32,
    ) -> Self {
        Self { io, peer, link, preface_left: PREFACE, budget: Budget::new(control_frames), _place: place }
    }

    /// Looks at what has come.
    fn received(&mut self, bytes: &[u8]) -> io::Result<()> {
        let preface = self.preface_left.min(bytes.len());
        if preface > 0 {
            self.preface_left -= preface;
            self.link.greeted.store(self.preface_left == 0, Ordering::Release);
        }
        if self.budget.received(&bytes[preface..]) {
            return Ok(());
        }
        self.link.flooded.store(true, Ordering::Release);
        Err(io::Error::new(io::ErrorKind::ConnectionAborted, "too many frames that belong to no call"))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.link.gone.cancel();
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
        ready!(Pin::new(&mut self.io).poll_read(cx, buf))?;
        Poll::Ready(self.received(&buf.filled()[before..]))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.link.check(cx)?;
        let written = ready!(Pin::new(&mut self.io).poll_write(cx, buf))?;
        self.budget.sent(&buf[..written]);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.link.check(cx)?;
        let written = ready!(Pin::new(&mut self.io).poll_write_vectored(cx, bufs))?;
        let mut left = written;
        for buf in bufs {
            let of_this = left.min(buf.len());
            self.budget.sent(&buf[..of_this]);
            left -= of_this;
        }
        Poll::Ready(Ok(written))
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
