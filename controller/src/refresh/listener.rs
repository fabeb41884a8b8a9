//! `Listener`: connections to the refresh endpoint, over TLS where there is a certificate; bounded in number and time.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Waker, Poll};
use std::time::Duration;

use anyhow::Context as _;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, Sleep, sleep, timeout};
use tokio_rustls::TlsAcceptor;

/// Connections that are open at once; further ones wait.
const CONNECTIONS: usize = 64;
/// No connection lives longer: nobody can hold a place by saying nothing.
const LIFE: Duration = Duration::from_mins(1);
/// A handshake takes no longer.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// The files are read again after this long, so that a certificate can be renewed.
const REREAD: Duration = Duration::from_secs(30);

/// A certificate with its chain, and its key: PEM files.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The certificate, followed by its chain.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// Where connections come from, ready to be served.
#[derive(Debug)]
pub struct Listener {
    address: SocketAddr,
    ready: mpsc::Receiver<(Connection, SocketAddr)>,
}

/// One connection, which ends when its time is over.
pub struct Connection {
    stream: Box<dyn Stream>,
    end: Pin<Box<Sleep>>,
    _place: OwnedSemaphorePermit,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

impl Listener {
    /// Listens on `address`.
    ///
    /// # Errors
    /// An address in use, and files that are no certificate with its key.
    pub async fn bind(address: SocketAddr, files: Option<TlsFiles>) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(address).await;
        let listener = listener.with_context(|| format!("cannot listen on {address}"))?;
        let address = listener.local_addr().context("the listener has no address")?;
        let tls = match files {
            Some(files) => Some(Tls { acceptor: acceptor(&files)?, files, read: Instant::now() }),
            None => None,
        };
        let (sender, ready) = mpsc::channel(1);
        tokio::spawn(accept(listener, tls, sender));
        Ok(Self { address, ready })
    }
}

impl axum::serve::Listener for Listener {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        match self.ready.recv().await {
            Some(connection) => connection,
            // The task that accepts never ends by itself.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

struct Tls {
    acceptor: TlsAcceptor,
    files: TlsFiles,
    read: Instant,
}

impl Tls {
    /// The acceptor, with the certificate as it is now. A file that cannot be used leaves the one from before.
    fn acceptor(&mut self) -> TlsAcceptor {
        if self.read.elapsed() >= REREAD {
            self.read = Instant::now();
            match acceptor(&self.files) {
                Ok(acceptor) => self.acceptor = acceptor,
                Err(error) => {
                    tracing::warn!(
                        error = format!("{error:#}"),
                        "the refresh endpoint keeps its old certificate"
                    );
                }
            }
        }
        self.acceptor.clone()
    }
}

/// Accepts until nobody serves any more. Handshakes run beside each other, so that a slow one holds up nobody.
async fn accept(listener: TcpListener, mut tls: Option<Tls>, ready: mpsc::Sender<(Connection, SocketAddr)>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = ready.closed() => return,
        };
        let Ok((stream, peer)) = accepted else {
            // Too many open files, for example: again in a moment.
            sleep(Duration::from_millis(200)).await;
            continue;
        };
        let (acceptor, ready) = (tls.as_mut().map(Tls::acceptor), ready.clone());
        tokio::spawn(async move {
            if let Some(stream) = opened(stream, acceptor).await {
                let connection = Connection { stream, end: Box::pin(sleep(LIFE)), _place: place };
                let _ = ready.send((connection, peer)).await;
            }
        });
    }
}

async fn opened(stream: TcpStream, acceptor: Option<TlsAcceptor>) -> Option<Box<dyn Stream>> {
    let Some(acceptor) = acceptor else { return Some(Box::new(stream)) };
    let stream = timeout(HANDSHAKE, acceptor.accept(stream)).await.ok()?.ok()?;
    Some(Box::new(stream))
}

fn acceptor(files: &TlsFiles) -> anyhow::Result<TlsAcceptor> {
    let TlsFiles { certificate, key } = files;
    let unusable = |file: &PathBuf| format!("{} cannot be used", file.display());
    let chain: Vec<_> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .with_context(|| unusable(certificate))?;
    let private = PrivateKeyDer::from_pem_file(key).with_context(|| unusable(key))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("TLS cannot be set up")?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .with_context(|| format!("{} and {} do not fit", certificate.display(), key.display()))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

impl Connection {
    fn is_over(&mut self, waker: &mut Waker<'_>) -> bool {
        self.end.as_mut().poll(waker).is_ready()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        waker: &mut Waker<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_over(waker) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Pin::new(&mut self.stream).poll_read(waker, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, waker: &mut Waker<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.is_over(waker) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Pin::new(&mut self.stream).poll_write(waker, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, waker: &mut Waker<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(waker)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, waker: &mut Waker<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(waker)
    }
}
