//! Where the gateway listens: a TCP address or a Unix socket.

use std::{error::Error, fmt, io, net::SocketAddr, os::unix::fs::PermissionsExt as _, path::PathBuf};

use tokio::net::{TcpListener, UnixListener, UnixStream};

use super::connection::Transport;
use crate::config::Listen;

/// A listener that is bound.
pub enum Listener {
    /// A TCP port.
    Tcp(TcpListener),
    /// A Unix socket.
    Unix(UnixListener),
}

/// A connection that was accepted.
pub(super) struct Accepted {
    pub(super) io: Box<dyn Transport>,
    /// The client's address, for the log.
    pub(super) from: String,
}

impl Listener {
    /// The next connection.
    pub(super) async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Tcp(listener) => {
                let (stream, from) = listener.accept().await?;
                let _ = stream.set_nodelay(true); // slower without it, and no worse
                Ok(Accepted { io: Box::new(stream), from: from.to_string() })
            }
            Self::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                Ok(Accepted { io: Box::new(stream), from: "unix".to_owned() })
            }
        }
    }
}

/// Where a listener is bound, with the port that the system chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bound {
    /// A TCP address.
    Tcp(SocketAddr),
    /// A socket's path.
    Unix(PathBuf),
}

impl Bound {
    /// Binds, and says where.
    ///
    /// # Errors
    /// When the address can't be had: in use by another, or not ours to take.
    pub async fn bind(listen: &Listen) -> Result<(Listener, Self), ListenError> {
        let failed = |cause| ListenError { address: listen.to_string(), cause };
        match listen {
            Listen::Tcp(address) => {
                let listener = TcpListener::bind(address).await.map_err(failed)?;
                let address = listener.local_addr().map_err(failed)?;
                Ok((Listener::Tcp(listener), Self::Tcp(address)))
            }
            Listen::Unix { path, mode, owner, group } => {
                remove_stale(path).await.map_err(failed)?;
                let listener = UnixListener::bind(path).map_err(failed)?;
                if let Some(mode) = mode {
                    std::fs::set_permissions(path, std::fs::Permissions::from_mode(*mode)).map_err(failed)?;
                }
                if owner.is_some() || group.is_some() {
                    super::owner::give(path, owner.as_deref(), group.as_deref()).map_err(failed)?;
                }
                Ok((Listener::Unix(listener), Self::Unix(path.clone())))
            }
        }
    }

    /// The TCP address, if it is one.
    pub fn tcp(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }

    /// Takes a socket's file away, so that the next start finds none.
    pub fn remove(&self) {
        if let Self::Unix(path) = self {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// A socket file that nobody listens on was left by a process that died.
async fn remove_stale(path: &std::path::Path) -> io::Result<()> {
    match UnixStream::connect(path).await {
        Ok(_) => Err(io::Error::new(io::ErrorKind::AddrInUse, "another process listens on this socket")),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(path),
        Err(_) => Ok(()),
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// An address that can't be listened on.
#[derive(Debug)]
pub struct ListenError {
    address: String,
    cause: io::Error,
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "can't listen on {}", self.address)
    }
}

impl Error for ListenError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.cause)
    }
}
