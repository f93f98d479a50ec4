//! The one seam through which programs, probes, DNS and ingress dial and listen.
//!
//! Three networks: real sockets on a 127.x/16 of the playground's own, for people and for clients in other processes;
//! in-memory pipes, which let tests pause tokio's clock (a real socket would let the paused clock jump); and, for a program
//! that runs in a container of its own, whatever network that container has. Invariant: a dial names its source, so that
//! whoever is dialled can tell the caller; a playground never dials anything outside loopback.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;

/// Bytes that a pipe holds before its writer waits.
const PIPE: usize = 64 * 1024;

/// Who listens where, in memory.
type Listeners = BTreeMap<SocketAddr, mpsc::Sender<(Stream, SocketAddr)>>;

/// A network.
#[derive(Clone, Debug)]
pub enum Net {
    /// Sockets on 127.0.0.0/8.
    Loopback,
    /// The sockets of the machine, or of the container that is all of it: for a program by itself, not for a playground.
    System,
    /// Pipes within the process.
    Memory(Arc<Mutex<Listeners>>),
}

impl Net {
    /// A network of pipes.
    pub fn memory() -> Net {
        Net::Memory(Arc::default())
    }

    /// Listens at an address; port 0 takes a free one (on loopback only).
    ///
    /// # Errors
    /// The address is taken, or not loopback.
    pub async fn listen(&self, at: SocketAddr) -> io::Result<Listener> {
        self.permits(at)?;
        match self {
            Net::Loopback | Net::System => Ok(Listener::Tcp(TcpListener::bind(at).await?)),
            Net::Memory(listeners) => {
                let mut listeners = listeners.lock().unwrap_or_else(PoisonError::into_inner);
                if listeners.get(&at).is_some_and(|listener| !listener.is_closed()) {
                    return Err(io::ErrorKind::AddrInUse.into());
                }
                // Those that are gone leave with the next one that comes.
                listeners.retain(|_, listener| !listener.is_closed());
                let (send, receive) = mpsc::channel(128);
                listeners.insert(at, send);
                Ok(Listener::Pipe(at, receive))
            }
        }
    }

    /// Connects from `source` (any loopback address if `None`) to `to`.
    ///
    /// # Errors
    /// Nobody listens there, or it is not loopback.
    pub async fn dial(&self, source: Option<IpAddr>, to: SocketAddr) -> io::Result<Stream> {
        self.permits(to)?;
        match self {
            Net::Loopback | Net::System => {
                let socket = TcpSocket::new_v4()?;
                if let Some(source) = source {
                    socket.bind(SocketAddr::new(source, 0))?;
                }
                Ok(Stream::Tcp(socket.connect(to).await?))
            }
            Net::Memory(listeners) => {
                let listener = {
                    let listeners = listeners.lock().unwrap_or_else(PoisonError::into_inner);
                    listeners.get(&to).cloned()
                };
                let Some(listener) = listener else { return Err(io::ErrorKind::ConnectionRefused.into()) };
                let (ours, theirs) = tokio::io::duplex(PIPE);
                let source = SocketAddr::new(source.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)), 0);
                let refused = |_| io::Error::from(io::ErrorKind::ConnectionRefused);
                listener.send((Stream::Pipe(theirs), source)).await.map_err(refused)?;
                Ok(Stream::Pipe(ours))
            }
        }
    }

    fn permits(&self, address: SocketAddr) -> io::Result<()> {
        if matches!(self, Net::System) || address.ip().is_loopback() {
            return Ok(());
        }
        let text =
            format!("{address} is not a loopback address; the playground dials and listens nowhere else");
        Err(io::Error::new(io::ErrorKind::PermissionDenied, text))
    }
}

/// What accepts connections.
#[derive(Debug)]
pub enum Listener {
    /// A socket.
    Tcp(TcpListener),
    /// A place where pipes arrive.
    Pipe(SocketAddr, mpsc::Receiver<(Stream, SocketAddr)>),
}

impl Listener {
    /// Where it listens.
    ///
    /// # Errors
    /// The system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        match self {
            Listener::Tcp(listener) => listener.local_addr(),
            Listener::Pipe(at, _) => Ok(*at),
        }
    }

    /// The next connection and its caller. Dropping the future loses none.
    ///
    /// # Errors
    /// The socket is broken.
    pub async fn accept(&mut self) -> io::Result<(Stream, SocketAddr)> {
        match self {
            Listener::Tcp(listener) => {
                let (stream, from) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok((Stream::Tcp(stream), from))
            }
            Listener::Pipe(_, arrivals) => {
                arrivals.recv().await.ok_or_else(|| io::ErrorKind::ConnectionAborted.into())
            }
        }
    }
}

/// A connection.
#[derive(Debug)]
pub enum Stream {
    /// A socket.
    Tcp(TcpStream),
    /// A pipe.
    Pipe(DuplexStream),
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Tcp(stream) => Pin::new(stream).poll_read(cx, into),
            Stream::Pipe(stream) => Pin::new(stream).poll_read(cx, into),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Tcp(stream) => Pin::new(stream).poll_write(cx, from),
            Stream::Pipe(stream) => Pin::new(stream).poll_write(cx, from),
        }
    }
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Pipe(stream) => Pin::new(stream).poll_flush(cx),
        }
    }
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Pipe(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
