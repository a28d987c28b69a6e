//! The HTTP service: listeners, roles, limits, measurements. What it serves is the library's.

pub mod alarms;
mod api;
pub mod assemble;
mod clients;
pub mod config;
mod health;
mod listener;
mod looks;
mod measure;
pub mod notify;
mod problem;
mod register;
mod register_routes;
pub mod roles;
mod tile_routes;
mod timestamps;
mod tls;
mod tokens;
pub mod watch;
mod webhook;
mod witness_role;
mod witnesses;

use std::fmt;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Extension, Request};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use esign_core::keys::PrivateKey;
use esign_core::time::UnixTime;
use esign_core::x509::Certificate;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

pub use self::listener::{GRACE, MAX_CONNECTIONS};
use self::listener::{Listener, Peer};
use self::measure::Measurements;
use self::problem::Problem;
use crate::life::Life;

/// How long a request may take from its header to its answer: longer than a group of commits on a
/// slow disk, short enough that clients who send their body drop by drop do not add up.
const REQUEST_TIME: Duration = Duration::from_secs(30);
/// How often what a crash left, and what is due by time, is looked after.
const HOUSEKEEPING: Duration = Duration::from_secs(10);
/// An intent so old, in seconds, is in nobody's hands any more: a request takes [`REQUEST_TIME`].
const STALE_INTENT: i64 = 120;

/// An error of the service's own: what it was about, and what was wrong.
#[derive(Debug)]
pub struct ServiceError {
    object: String,
    what: String,
}

impl ServiceError {
    pub(crate) fn new(object: impl fmt::Display, what: impl fmt::Display) -> Self {
        Self {
            object: object.to_string(),
            what: what.to_string(),
        }
    }
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.object, self.what)
    }
}

impl std::error::Error for ServiceError {}

impl From<crate::centre::CentreError> for ServiceError {
    fn from(error: crate::centre::CentreError) -> Self {
        Self::new(error.object(), error.what())
    }
}

/// What a service is made of.
pub struct Parts {
    /// The acts of the centre; none where this process stamps time alone, which needs no store.
    pub life: Option<Life>,
    /// Where everybody asks: status, time-stamps, health.
    pub public: SocketAddr,
    /// Where officers and e-services ask; none where this process serves other roles.
    pub operators: Option<Operators>,
    /// Whether the acts of the centre are asked for at the operators' address.
    pub acts: bool,
    /// What the roles that are switched on answer at the public address.
    pub roles: Router,
    /// What they answer at the operators' address.
    pub operator_roles: Router,
    /// What is described of that.
    pub description: utoipa::openapi::OpenApi,
    /// What the roles do about every second.
    pub tasks: Vec<roles::Task>,
    /// What is watched for alarms.
    pub watch: Arc<watch::Watch>,
    /// What tells holders, if anything does.
    pub notifier: Option<Arc<notify::Notifier>>,
    /// What the roles measure.
    pub registry: prometheus::Registry,
    /// Requests a second that one client may make at the operators' address.
    pub requests_a_second: NonZeroU32,
    /// The system's clock.
    pub clock: fn() -> UnixTime,
}

/// The address of officers and e-services.
pub struct Operators {
    /// Address and port.
    pub address: SocketAddr,
    /// The server's certificate and those above it.
    pub chain: Vec<Certificate>,
    /// Its key.
    pub key: PrivateKey,
    /// Who issues the certificates of clients.
    pub authorities: Vec<Certificate>,
}

/// A service that holds its addresses and does not answer yet.
pub struct Service {
    public: Listener,
    operators: Option<Listener>,
    parts: Parts,
}

impl Service {
    /// Takes the addresses; port 0 takes a free one.
    ///
    /// # Errors
    /// One is taken, not this machine's, or below 1024 without the right to it; the operators'
    /// certificate cannot be used.
    pub async fn bind(parts: Parts) -> Result<Self, ServiceError> {
        let public = Listener::bind(parts.public, None).await?;
        let operators = match &parts.operators {
            None => None,
            Some(operators) => {
                let tls = tls::acceptor(&operators.chain, &operators.key, &operators.authorities)?;
                Some(Listener::bind(operators.address, Some(tls)).await?)
            }
        };
        Ok(Self {
            public,
            operators,
            parts,
        })
    }

    /// Where everybody asks.
    pub fn public_url(&self) -> String {
        self.public.url()
    }

    /// The operators' address.
    pub fn operators_address(&self) -> Option<SocketAddr> {
        self.operators.as_ref().map(Listener::address)
    }

    /// Answers until `stop` is done, then finishes the requests that are under way, for at most
    /// [`GRACE`].
    pub async fn run(self, stop: impl Future<Output = ()> + Send) {
        let (told, _) = tokio::sync::watch::channel(false);
        let stopped = |mut told: tokio::sync::watch::Receiver<bool>| async move {
            // An error is a sender that is gone: the same as being told.
            let _ = told.wait_for(|told| *told).await;
        };
        // Kept until the end: with it its threads go.
        let watch = self.parts.watch;
        if let Err(error) = watch.start(self.public.url(), self.parts.clock) {
            tracing::error!(%error, "there will be no alarms");
        }
        let notifier = self.parts.notifier;
        if let Some(notifier) = &notifier
            && let Err(error) = notifier.start(self.parts.clock)
        {
            tracing::error!(%error, "holders will not be told");
        }
        let measurements = Arc::new(Measurements::new(self.parts.registry));
        let life = self.parts.life.clone();
        let clock = self.parts.clock;
        let public = health::routes(life.clone(), measurements.clone()).merge(self.parts.roles);
        let public = self.public.run(
            framed(public, measurements.clone(), None),
            stopped(told.subscribe()),
        );
        let limiter = Arc::new(RateLimiter::keyed(Quota::per_second(
            self.parts.requests_a_second,
        )));
        let mut api = self.parts.operator_roles;
        let mut description = self.parts.description;
        if self.parts.acts
            && let Some(life) = life.clone()
        {
            api = api.merge(api::routes(Arc::new(api::Api { life, clock })));
            let mut whole = api::description();
            whole.merge(description);
            description = whole;
        }
        let api = api.route(
            "/openapi.json",
            axum::routing::get(async move || axum::Json(description)),
        );
        let operators = self.operators.map(|listener| {
            listener.run(
                framed(api, measurements.clone(), Some(limiter.clone())),
                stopped(told.subscribe()),
            )
        });
        let housekeeping = housekeeping(life, clock, limiter);
        let tasks = every_second(self.parts.tasks, clock);
        tokio::pin!(tasks);
        tokio::pin!(housekeeping);
        let serving = async {
            match operators {
                Some(operators) => {
                    tokio::join!(public, operators);
                }
                None => public.await,
            }
        };
        tokio::pin!(serving);
        tokio::select! {
            () = &mut serving => return,
            () = &mut housekeeping => {}
            () = &mut tasks => {}
            () = stop => {}
        }
        let _ = told.send(true);
        serving.await;
    }
}

/// How often the roles look at what is due; EN 319 411-1 gives an hour, we a second or two.
const TASKS: Duration = Duration::from_secs(1);

/// Runs what the roles have to do, one after another, until the service ends.
async fn every_second(tasks: Vec<roles::Task>, clock: fn() -> UnixTime) {
    let tasks = Arc::new(tasks);
    let mut every = tokio::time::interval(TASKS);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        let tasks = tasks.clone();
        let done = tokio::task::spawn_blocking(move || {
            for task in tasks.iter() {
                if let Err(error) = task(clock()) {
                    tracing::error!(%error, "a task failed; it is tried again");
                }
            }
        });
        if let Err(error) = done.await {
            tracing::error!(%error, "a task stopped; it is tried again");
        }
    }
}

type Limiter = Arc<DefaultKeyedRateLimiter<IpAddr>>;

/// Settles what crashes left and what is due by time, until the service ends.
async fn housekeeping(life: Option<Life>, clock: fn() -> UnixTime, limiter: Limiter) {
    let mut every = tokio::time::interval(HOUSEKEEPING);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        limiter.retain_recent();
        let Some(life) = life.clone() else { continue };
        let done = tokio::task::spawn_blocking(move || {
            let at = clock();
            for settled in life.recover(at.plus(-STALE_INTENT), at)? {
                tracing::warn!(?settled, "settled an intent that an interruption left");
            }
            let restored = life.end_suspensions(at)?;
            if restored > 0 {
                tracing::info!(restored, "suspensions whose time is over were lifted");
            }
            Ok::<_, crate::centre::CentreError>(())
        });
        match done.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "housekeeping failed; it is tried again"),
            Err(error) => tracing::error!(%error, "housekeeping stopped; it is tried again"),
        }
    }
}

/// Limits and measurements around `routes`.
fn framed(routes: Router, measurements: Arc<Measurements>, limiter: Option<Limiter>) -> Router {
    let mut routes = routes
        .fallback(no_such_address)
        .layer(middleware::from_fn(timed));
    if let Some(limiter) = limiter {
        routes = routes
            .layer(middleware::from_fn(limited))
            .layer(Extension(limiter));
    }
    routes
        .layer(middleware::from_fn(measure::measured))
        .layer(Extension(measurements))
}

async fn no_such_address() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "no-such-address",
        "There is nothing at this address",
        "see /openapi.json at the operators' address",
    )
}

/// Ends a request that takes too long.
async fn timed(request: Request, next: Next) -> Response {
    match tokio::time::timeout(REQUEST_TIME, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "timeout",
            "The request took too long",
            format_args!("more than {} seconds", REQUEST_TIME.as_secs()),
        )
        .into_response(),
    }
}

/// Refuses clients who ask too often.
async fn limited(
    Extension(limiter): Extension<Limiter>,
    Extension(peer): Extension<Peer>,
    request: Request,
    next: Next,
) -> Response {
    if limiter.check_key(&peer.address.ip()).is_ok() {
        return next.run(request).await;
    }
    let mut response = Problem::new(
        StatusCode::TOO_MANY_REQUESTS,
        "too-many-requests",
        "Too many requests",
        format_args!("from {}; wait a second", peer.address.ip()),
    )
    .into_response();
    response.headers_mut().insert(
        axum::http::header::RETRY_AFTER,
        axum::http::HeaderValue::from_static("1"),
    );
    response
}
