//! The store in a PostgreSQL database, for any number of processes.
//!
//! Reading goes through a pool of connections. What is written together is one transaction: its rows
//! are read by a few statements, the rules run in memory, and what changed is written by a few
//! statements more, so that the number of round trips does not grow with that of the acts. One row
//! orders the transactions of all processes: the numbers of the audit follow the commits.
//!
//! Connections that broke are made anew. A transaction whose answer was lost is looked up, never
//! guessed.

mod copy;
mod failure;
mod load;
mod log;
mod rows;
mod schema;
mod source;
mod tls;
mod write;
mod writer;

use std::future::Future;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod};
use tokio::runtime::Runtime;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{Config, NoTls};

use self::failure::{Again, Failure, failed};
use self::tls::Tls;
use self::writer::Writer;
use super::{StoreError, StoreErrorKind};

/// Settings of [`PostgresStore::open_with`].
#[derive(Clone, Debug)]
pub struct Options {
    /// How long to try to write while the database is away, or others are in the way.
    pub wait: Duration,
    /// How long to try to read while the database is away.
    pub read_wait: Duration,
    /// Most connections that read at once; one more writes.
    pub connections: usize,
    /// Certificates (DER) of the authorities that certify the server: the connection is by TLS, and the
    /// server has to be who the address says. Without any it is plain, which a server on this machine
    /// may be, and elsewhere one whose address says `sslmode=disable`.
    pub authorities: Vec<Vec<u8>>,
}

impl Default for Options {
    /// Writes wait 10 seconds, as with SQLite; reads 2, as those who ask for a status have others to
    /// ask; 16 connections, of the 100 that a PostgreSQL server has for all its users.
    fn default() -> Self {
        Self {
            wait: Duration::from_secs(10),
            read_wait: Duration::from_secs(2),
            connections: 16,
            authorities: Vec::new(),
        }
    }
}

/// Threads that talk with the database.
const THREADS: usize = 2;
/// How long to wait before trying again.
const RETRY: Duration = Duration::from_millis(50);
/// How long a connection may take to be made, and what was sent may stay without an answer of the
/// other machine.
const CONNECT: Duration = Duration::from_secs(5);

/// A store in a PostgreSQL database.
pub struct PostgresStore {
    shared: Arc<Shared>,
    writer: Writer,
    runtime: Option<Runtime>,
}

/// What the tasks of a store share.
struct Shared {
    /// How the store is named in errors: without user and password.
    object: String,
    pool: Pool,
    options: Options,
}

impl PostgresStore {
    /// Opens the store of a `postgres://USER@HOST:PORT/DATABASE` address and brings an older schema up
    /// to date; replicas of the version before may go on working meanwhile. `password` goes before
    /// that of the address.
    ///
    /// # Errors
    /// The address is none, and the second group of [`StoreErrorKind`].
    pub fn open(url: &str, password: Option<&str>) -> Result<Self, StoreError> {
        Self::open_with(url, password, &Options::default())
    }

    /// Opens the store with other settings than the default ones.
    ///
    /// # Errors
    /// Those of [`Self::open`].
    pub fn open_with(
        url: &str,
        password: Option<&str>,
        options: &Options,
    ) -> Result<Self, StoreError> {
        // The address may hold a password, so neither it nor the error that quotes it is told.
        let mut config = Config::from_str(url).map_err(|_| {
            StoreError::value(
                "address of the store",
                "is not postgres://USER@HOST:PORT/DATABASE?OPTION=VALUE",
            )
        })?;
        if let Some(password) = password {
            config.password(password);
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT);
        }
        config.tcp_user_timeout(CONNECT.saturating_mul(2));
        config.keepalives_idle(CONNECT);
        config.application_name("ca-server");
        let object = name(&config);
        let broken =
            |error: &dyn std::fmt::Display| StoreError::new(StoreErrorKind::Io, &object, error);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("store")
            .enable_all()
            .build()
            .map_err(|error| broken(&error))?;
        let recycled = ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        };
        let manager = if options.authorities.is_empty() {
            if config.get_ssl_mode() != SslMode::Disable && !is_here(&config) {
                return Err(StoreError::value(
                    &object,
                    "is on another machine: its certificate's authority must be named, or the address say sslmode=disable",
                ));
            }
            config.ssl_mode(SslMode::Disable);
            Manager::from_config(config, NoTls, recycled)
        } else {
            config.ssl_mode(SslMode::Require);
            let tls = Tls::new(&options.authorities).map_err(|error| {
                StoreError::value(
                    &object,
                    format_args!("the authority of its certificate: {error}"),
                )
            })?;
            Manager::from_config(config, tls, recycled)
        };
        let pool = Pool::builder(manager)
            .max_size(options.connections.max(2))
            .wait_timeout(Some(options.read_wait))
            .create_timeout(Some(CONNECT))
            .runtime(deadpool_postgres::Runtime::Tokio1)
            .build()
            .map_err(|error| broken(&error))?;
        let shared = Arc::new(Shared {
            object,
            pool,
            options: options.clone(),
        });
        let opened = shared.clone();
        wait_for(&runtime, async move {
            opened
                .again(opened.options.wait, "opening it", |shared| async move {
                    let client = shared.connection("opening it").await?;
                    let done = schema::migrate(&client, &shared.object).await;
                    if done.is_err() {
                        // It may be in the middle of a transaction.
                        drop(deadpool_postgres::Object::take(client));
                    }
                    done
                })
                .await
        })?;
        let writer = Writer::start(shared.clone(), runtime.handle().clone())?;
        Ok(Self {
            shared,
            writer,
            runtime: Some(runtime),
        })
    }

    /// Runs `work` on the store's threads, and waits for its end. Unlike `block_on` this may be
    /// called from any thread.
    fn call<T: Send + 'static, F>(
        &self,
        work: impl FnOnce(Arc<Shared>) -> F,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        match &self.runtime {
            Some(runtime) => wait_for(runtime, work(self.shared.clone())),
            None => Err(self.shared.closed()),
        }
    }
}

/// Runs `work` on the threads of `runtime`, and waits for its end.
fn wait_for<T: Send + 'static>(
    runtime: &Runtime,
    work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    let (reply, answer) = mpsc::channel();
    runtime.spawn(async move {
        // Whoever asked may have gone.
        let _ = reply.send(work.await);
    });
    answer.recv().unwrap_or_else(|_| {
        Err(StoreError::new(
            StoreErrorKind::Bug,
            "store",
            "what was asked of its threads ended without an answer",
        ))
    })
}

impl Shared {
    fn closed(&self) -> StoreError {
        StoreError::new(
            StoreErrorKind::Closed,
            &self.object,
            "its writer has stopped; whether the acts were done is not known",
        )
    }

    /// A connection of the pool.
    async fn connection(&self, doing: &str) -> Result<deadpool_postgres::Object, Failure> {
        use deadpool_postgres::PoolError;
        self.pool.get().await.map_err(|error| match error {
            PoolError::Backend(error) => failed(&self.object, doing, error),
            error => Failure {
                error: StoreError::new(
                    StoreErrorKind::Busy,
                    &self.object,
                    format_args!("no connection is to be had ({doing}: {error})"),
                ),
                again: match error {
                    PoolError::Timeout(_) => Again::Reconnect,
                    _ => Again::No,
                },
                taken: false,
            },
        })
    }

    /// Does `work`, which changes nothing if it is done twice, until it is done, it fails for good, or
    /// `wait` is over.
    async fn again<T, F>(
        self: &Arc<Self>,
        wait: Duration,
        doing: &str,
        mut work: impl FnMut(Arc<Self>) -> F,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let begun = Instant::now();
        loop {
            match work(self.clone()).await {
                Ok(value) => return Ok(value),
                Err(failure) if failure.again == Again::No || begun.elapsed() >= wait => {
                    return Err(failure.error);
                }
                Err(failure) => {
                    debug(doing, &failure.error);
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }
}

/// Tells whoever listens that something is tried again.
#[cfg(feature = "http")]
fn debug(doing: &str, error: &StoreError) {
    tracing::debug!(doing, %error, "tried again");
}

#[cfg(not(feature = "http"))]
const fn debug(_: &str, _: &StoreError) {}

/// Whether every server that the address names is on this machine.
fn is_here(config: &Config) -> bool {
    let addresses = config.get_hostaddrs();
    addresses.iter().all(std::net::IpAddr::is_loopback)
        && config.get_hosts().iter().all(|host| match host {
            Host::Unix(_) => true,
            // With a numeric address beside it the name is only for certificates.
            Host::Tcp(_) if !addresses.is_empty() => true,
            Host::Tcp(name) => {
                name == "localhost"
                    || name
                        .parse()
                        .is_ok_and(|address: std::net::IpAddr| address.is_loopback())
            }
        })
}

/// The address without user, password and options.
fn name(config: &Config) -> String {
    let ports = config.get_ports();
    let hosts: Vec<_> = config
        .get_hosts()
        .iter()
        .enumerate()
        .map(|(n, host)| {
            let port = ports.get(n).or(ports.first()).copied().unwrap_or(5432);
            match host {
                Host::Tcp(host) => format!("{host}:{port}"),
                Host::Unix(path) => format!("{}:{port}", path.display()),
            }
        })
        .collect();
    let database = config.get_dbname().unwrap_or_default();
    format!("store postgres://{}/{database}", hosts.join(","))
}

impl Drop for PostgresStore {
    fn drop(&mut self) {
        self.writer.stop();
        if let Some(runtime) = self.runtime.take() {
            // Not to be waited for where the last owner is itself an asynchronous task.
            runtime.shutdown_background();
        }
    }
}

impl std::fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresStore")
            .field("object", &self.shared.object)
            .finish_non_exhaustive()
    }
}
