//! The HTTP service: it starts, answers whether it is alive, and stops when told to.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;

/// An error of the service's own: what it was about, and what was wrong.
#[derive(Debug)]
pub struct ServiceError {
    what: String,
    source: std::io::Error,
}

impl ServiceError {
    const fn new(what: String, source: std::io::Error) -> Self {
        Self { what, source }
    }
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.source)
    }
}

impl std::error::Error for ServiceError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// A service that holds its address and does not answer yet.
#[derive(Debug)]
pub struct Service {
    listener: TcpListener,
    address: SocketAddr,
}

impl Service {
    /// Takes `address`; port 0 takes a free one.
    ///
    /// # Errors
    /// If it is taken, not this machine's, or below 1024 without the right to it.
    pub async fn bind(address: SocketAddr) -> Result<Self, ServiceError> {
        let failed = |error: std::io::Error| {
            let what = match error.kind() {
                std::io::ErrorKind::AddrInUse => "another program listens there",
                std::io::ErrorKind::AddrNotAvailable => "the address is not this machine's",
                std::io::ErrorKind::PermissionDenied => "no right to listen on this port",
                _ => "cannot listen",
            };
            ServiceError::new(format!("address {address}: {what}"), error)
        };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address })
    }

    /// The address it holds.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `stop` is done, then finishes the requests that are under way, for at most
    /// [`GRACE`].
    ///
    /// # Errors
    /// If the system refuses to go on accepting connections.
    pub async fn run(
        self,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), ServiceError> {
        let (told, tell) = tokio::sync::oneshot::channel();
        let answering = axum::serve(self.listener, routes()).with_graceful_shutdown(async move {
            stop.await;
            // The other end waits below for as long as this runs.
            let _ = told.send(());
        });
        let late = async {
            if tell.await.is_ok() {
                tokio::time::sleep(GRACE).await;
            } else {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            result = answering => result
                .map_err(|error| ServiceError::new(format!("address {}", self.address), error)),
            () = late => Ok(()),
        }
    }
}

/// How long a client may take to finish once the service is told to stop: a slow one must not keep
/// it alive, and service managers kill after 10 (containers) to 90 seconds (systemd).
pub const GRACE: Duration = Duration::from_secs(5);

/// `GET /healthz`: the process is alive and answers.
fn routes() -> Router {
    Router::new().route(
        "/healthz",
        get(async || axum::Json(Health { status: "ok" })),
    )
}

#[derive(serde::Serialize)]
struct Health {
    status: &'static str,
}
