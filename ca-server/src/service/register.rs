//! The role `register`: who may ask, how its log goes on, and when nothing is answered.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use axum::Router;
use esign_core::keys::SigningKey;
use esign_core::time::UnixTime;
use esign_core::x509::Certificate;
use governor::{Quota, RateLimiter};

use super::ServiceError;
use super::config::RegisterConfig;
use super::register_routes::{self, Desk};
use super::roles::{Added, Task, leased};
use super::tile_routes;
use super::witnesses::{self, Address, Shown};
use crate::audit::{AuditError, DirectoryTiles, Schedule, Sequencer};
use crate::error::{CentreError, CentreErrorKind};
use crate::register::{FILE, Keeper, KeeperKeys, Register, Vault};
use crate::store::{Fence, Leaf, LeaseName, LogStore, RegisterStore, Store};

/// Heads of the register's log: one a second while anything is registered, as a status can change once
/// its registration is in the log.
const SCHEDULE: Schedule = Schedule {
    seconds: 1,
    entries: crate::store::MAX_BATCH,
};

/// What the role is made of.
pub(super) struct RegisterParts {
    pub(super) acts: Arc<dyn Store>,
    pub(super) store: Arc<dyn RegisterStore>,
    pub(super) log: Arc<dyn LogStore<Leaf>>,
    pub(super) vault: Vault,
    /// Signs answers.
    pub(super) key: Arc<dyn SigningKey>,
    /// Signs checkpoints.
    pub(super) log_key: Arc<dyn SigningKey>,
    /// Who cosigns them.
    pub(super) witnesses: Vec<Address>,
    /// Who certifies the clients of bodies.
    pub(super) authorities: Vec<Certificate>,
    pub(super) clock: fn() -> UnixTime,
}

/// The role's addresses and tasks.
pub(super) fn register(
    dir: &Path,
    config: &RegisterConfig,
    parts: RegisterParts,
) -> Result<Added, ServiceError> {
    let book = Arc::new(Book::open(dir)?);
    let keys = KeeperKeys {
        vault: parts.vault,
        answers: parts.key,
    };
    let keeper = Keeper::new(
        parts.store,
        parts.log.clone(),
        keys,
        i64::from(config.answer_seconds),
    )?;
    let folder = dir.join("register-log");
    let tiles = DirectoryTiles::open(&folder).map_err(|e| ServiceError::new("register-log", e))?;
    let currency = Arc::new(Currency::default());
    let shown = Arc::new(Shown {
        log: parts.log.clone(),
        tiles: tiles.clone(),
        leading: Arc::default(),
        currency: currency.clone(),
    });
    witnesses::ask(&shown, parts.witnesses)?;
    let task = log_task(
        &parts.acts,
        Log {
            tiles: tiles.clone(),
            origin: config.origin.clone(),
            store: parts.log.clone(),
            key: parts.log_key,
        },
        shown,
    )?;
    let limiter = Arc::new(RateLimiter::keyed(Quota::per_second(
        config.look_ups_a_second,
    )));
    let forgetting = limiter.clone();
    let desk = Arc::new(Desk {
        keeper,
        book,
        currency,
        log: parts.log,
        tiles: tiles.clone(),
        store: parts.acts,
        authorities: parts.authorities,
        limiter,
        list: Mutex::new(None),
        list_seconds: i64::from(config.list_minutes.get()).saturating_mul(60),
        clock: parts.clock,
    });
    let forget: Task = Box::new(move |_| {
        forgetting.retain_recent();
        Ok(())
    });
    Ok(Added {
        routes: Router::new().nest(
            "/register",
            register_routes::public(desk.clone()).merge(tile_routes::routes(tiles)),
        ),
        operators: register_routes::bodies(desk),
        description: Some(register_routes::description()),
        tasks: vec![task, forget],
        looks: Vec::new(),
    })
}

/// `register.json`, read anew when it is another file: bodies are admitted and dismissed without a stop.
pub(super) struct Book {
    path: PathBuf,
    dir: PathBuf,
    held: Mutex<(Option<SystemTime>, Arc<Register>)>,
}

impl Book {
    fn open(dir: &Path) -> Result<Self, ServiceError> {
        let path = dir.join(FILE);
        let modified = modified(&path);
        let register = Register::load(dir).map_err(|what| ServiceError::new("register", what))?;
        Ok(Self {
            path,
            dir: dir.to_owned(),
            held: Mutex::new((modified, Arc::new(register))),
        })
    }

    /// What stands in it now. A file that cannot be read leaves what was read before.
    pub(super) fn now(&self) -> Arc<Register> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let modified = modified(&self.path);
        if modified != held.0 {
            match Register::load(&self.dir) {
                Ok(register) => *held = (modified, Arc::new(register)),
                Err(error) => {
                    tracing::error!(%error, "the new list of bodies is not used");
                    held.0 = modified;
                }
            }
        }
        held.1.clone()
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|file| file.modified()).ok()
}

/// Whether the store holds what was published: a back-up of yesterday would answer "in force" for what
/// was revoked since, and "unknown" for what was issued since.
#[derive(Default)]
pub(super) struct Currency {
    /// As compared with this folder.
    here: Mutex<Option<Result<(), String>>>,
    /// Witnesses that have seen more than the store has, and what they say.
    elsewhere: Mutex<BTreeMap<String, String>>,
}

impl Currency {
    /// A witness has seen more than the store has, or another log.
    pub(super) fn lags(&self, witness: &str, what: &str) {
        let mut elsewhere = self
            .elsewhere
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if elsewhere
            .insert(witness.to_owned(), what.to_owned())
            .is_none()
        {
            tracing::error!(what, "the register does not answer");
        }
    }

    /// A witness was shown that the store follows on all that it saw.
    pub(super) fn follows(&self, witness: &str) {
        let mut elsewhere = self
            .elsewhere
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        elsewhere.remove(witness);
    }

    fn set(&self, found: Result<(), String>) {
        let mut held = self.here.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(what) = &found
            && held.as_ref() != Some(&found)
        {
            tracing::error!(what, "the register does not answer");
        }
        *held = Some(found);
    }

    /// What a witness has seen that the store has not.
    fn elsewhere(&self) -> Option<String> {
        let elsewhere = self
            .elsewhere
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        elsewhere.values().next().cloned()
    }

    /// Why nothing is answered, if nothing is.
    pub(super) fn refusal(&self) -> Option<String> {
        match &*self.here.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(Ok(())) => self.elsewhere(),
            Some(Err(what)) => Some(what.clone()),
            None => Some("store and published log are being compared".to_owned()),
        }
    }
}

/// The register's log as one process works on it.
struct Log {
    tiles: DirectoryTiles,
    origin: String,
    store: Arc<dyn LogStore<Leaf>>,
    key: Arc<dyn SigningKey>,
}

/// An open log: under a lease or alone, or behind another process that leads.
enum Opened {
    Leading(Option<Fence>, Sequencer<Leaf>),
    Following(Sequencer<Leaf>),
}

impl Log {
    fn lead(&self, fence: Option<Fence>) -> Result<Sequencer<Leaf>, AuditError> {
        Sequencer::open_under(
            self.store.clone(),
            self.tiles.clone(),
            &self.origin,
            self.key.clone(),
            fence,
        )
    }

    fn follow(&self) -> Result<Sequencer<Leaf>, AuditError> {
        Sequencer::open_to_follow(
            self.store.clone(),
            self.tiles.clone(),
            &self.origin,
            self.key.clone(),
        )
    }

    /// One turn: leads where the lease is ours (`Some`, with the fence where there are others), follows
    /// where it is another's.
    fn turn(
        &self,
        opened: Option<Opened>,
        ours: Option<Option<Fence>>,
        at: UnixTime,
    ) -> Result<Opened, AuditError> {
        let Some(fence) = ours else {
            let mut following = match opened {
                Some(Opened::Following(sequencer)) => sequencer,
                _ => self.follow()?,
            };
            following.follow()?;
            return Ok(Opened::Following(following));
        };
        let mut leading = match opened {
            Some(Opened::Leading(under, sequencer)) if under == fence => sequencer,
            _ => self.lead(fence)?,
        };
        while leading.due(&SCHEDULE, at)? {
            leading.run(at)?;
        }
        Ok(Opened::Leading(fence, leading))
    }
}

fn log_task(
    acts: &Arc<dyn Store>,
    log: Log,
    shown: Arc<Shown<Leaf>>,
) -> Result<Task, ServiceError> {
    let lease = leased(acts, LeaseName::Register)?;
    let opened: Mutex<Option<Opened>> = Mutex::new(None);
    if lease.is_none() {
        // Without others a log that cannot be gone on with is told at once.
        let sequencer = log
            .lead(None)
            .map_err(|e| ServiceError::new("register", e))?;
        *opened.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Opened::Leading(None, sequencer));
        shown.currency.set(Ok(()));
    }
    Ok(Box::new(move |at| {
        let mut opened = opened.lock().unwrap_or_else(PoisonError::into_inner);
        if shown.currency.elsewhere().is_some() {
            // What a witness saw is not ours: to sign more of this would be another history.
            *opened = None;
            return Ok(());
        }
        let ours = match &lease {
            None => Some(None),
            Some(lease) => lease.fence()?.map(Some),
        };
        shown.leading.store(ours.is_some(), Ordering::Relaxed);
        match log.turn(opened.take(), ours, at) {
            Ok(now) => {
                *opened = Some(now);
                shown.currency.set(Ok(()));
                Ok(())
            }
            // The database is away: whoever asks is told by it.
            Err(AuditError::Store(error)) => Err(error.into()),
            Err(error) => {
                shown.currency.set(Err(error.to_string()));
                Err(CentreError::new(CentreErrorKind::Store, "register", error))
            }
        }
    }))
}
