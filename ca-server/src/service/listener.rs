//! Accepting connections: bounded in number, in the time that a header may take, and in how long
//! they may live on once the service is told to stop.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::{Request, server::conn::http1};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use super::ServiceError;
use super::tls::peer_of;
use crate::ids::KeyId;

/// Connections that one listener keeps open: each holds a few tens of KiB.
pub const MAX_CONNECTIONS: usize = 4096;
/// How long a client may take for a request's header, or keep an idle connection: slow ones must not
/// use up the connections.
const HEADER_TIME: Duration = Duration::from_secs(10);
/// How long a client may take for the TLS handshake.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// How long a client may take to finish once the service is told to stop: service managers kill after
/// 10 (containers) to 90 seconds (systemd).
pub const GRACE: Duration = Duration::from_secs(5);
/// How long to wait before accepting again where the system has no more descriptors.
const EXHAUSTED: Duration = Duration::from_millis(100);

/// Who is at the other end of a connection.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    /// His address.
    pub(super) address: SocketAddr,
    /// The key of the client certificate that he showed, verified up to an issuing authority, and the
    /// certificate.
    pub(super) certificate: Option<Arc<PeerCertificate>>,
}

/// A verified client certificate.
#[derive(Clone, Debug)]
pub(super) struct PeerCertificate {
    /// Its key.
    pub(super) key: KeyId,
    /// DER.
    pub(super) der: Vec<u8>,
}

/// An address that is held, and what answers there.
pub(super) struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listener")
            .field("address", &self.address)
            .field("tls", &self.tls.is_some())
            .finish()
    }
}

impl Listener {
    /// Takes `address`; port 0 takes a free one.
    ///
    /// # Errors
    /// If it is taken, not this machine's, or below 1024 without the right to it.
    pub(super) async fn bind(
        address: SocketAddr,
        tls: Option<TlsAcceptor>,
    ) -> Result<Self, ServiceError> {
        let failed = |error: std::io::Error| {
            let what = match error.kind() {
                std::io::ErrorKind::AddrInUse => "another program listens there",
                std::io::ErrorKind::AddrNotAvailable => "the address is not this machine's",
                std::io::ErrorKind::PermissionDenied => "no right to listen on this port",
                _ => "cannot listen",
            };
            ServiceError::new(format!("address {address}"), format!("{what} ({error})"))
        };
        let socket = TcpListener::bind(address).await.map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        Ok(Self {
            socket,
            address,
            tls,
        })
    }

    /// The address it holds.
    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where clients find it.
    pub(super) fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Answers until `stop` is done, then finishes the requests that are under way, for at most
    /// [`GRACE`].
    pub(super) async fn run(self, routes: Router, stop: impl Future<Output = ()> + Send) {
        let connections = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let graceful = GracefulShutdown::new();
        let mut stop = pin!(stop);
        loop {
            // A connection is taken from the system only when there is room for it here.
            let permit = tokio::select! {
                permit = connections.clone().acquire_owned() => permit,
                () = &mut stop => break,
            };
            let Ok(permit) = permit else { break };
            let accepted = tokio::select! {
                accepted = self.socket.accept() => accepted,
                () = &mut stop => break,
            };
            let (stream, address) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // One client's broken connection, or no descriptors: neither ends the service.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(EXHAUSTED).await;
                    continue;
                }
            };
            let (routes, tls, watcher) = (routes.clone(), self.tls.clone(), graceful.watcher());
            tokio::spawn(async move {
                let _permit = permit;
                // Small answers are sent at once.
                let _ = stream.set_nodelay(true);
                match tls {
                    None => {
                        let peer = Peer {
                            address,
                            certificate: None,
                        };
                        serve(stream, peer, routes, watcher).await;
                    }
                    Some(tls) => secure(stream, address, &tls, routes, watcher).await,
                }
            });
        }
        let _ = tokio::time::timeout(GRACE, graceful.shutdown()).await;
    }
}

async fn secure(
    stream: TcpStream,
    address: SocketAddr,
    tls: &TlsAcceptor,
    routes: Router,
    watcher: Watcher,
) {
    let stream = match tokio::time::timeout(HANDSHAKE_TIME, tls.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            tracing::debug!(%error, "a TLS handshake failed");
            return;
        }
        Err(_) => return,
    };
    let certificate = peer_of(stream.get_ref().1).map(Arc::new);
    let peer = Peer {
        address,
        certificate,
    };
    serve(stream, peer, routes, watcher).await;
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: Peer,
    routes: Router,
    watcher: Watcher,
) {
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(peer.clone());
        routes.clone().oneshot(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection ended badly");
    }
}
