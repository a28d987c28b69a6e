//! The store in one file, by SQLite: the default, and all that one machine needs.
//!
//! One thread owns the connection that writes; calls that wait together become one transaction.
//! Any number of threads read, each with a connection of its own, and see only what is committed.
//! Several processes may open one file: they take turns in writing.

mod backup;
mod failure;
mod log;
mod open;
mod readers;
mod source;
mod write;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use super::StoreError;
use readers::Readers;
use writer::Writer;

/// Settings of [`SqliteStore::open_with`].
#[derive(Clone, Debug)]
pub struct Options {
    /// How long to wait while another process writes.
    pub wait: Duration,
    /// The size beyond which the file does not grow; no limit but the disk's where absent.
    pub max_octets: Option<u64>,
}

impl Default for Options {
    /// Waits 10 seconds, five times what the largest batch takes; no limit of size.
    fn default() -> Self {
        Self {
            wait: Duration::from_secs(10),
            max_octets: None,
        }
    }
}

/// A store in one SQLite file (and two beside it, `-wal` and `-shm`, while it is open).
pub struct SqliteStore {
    path: PathBuf,
    writer: Writer,
    readers: Readers,
    /// Calls of `commit` that ended.
    commits: AtomicU64,
}

impl SqliteStore {
    /// Opens the store at `path`; creates it (readable by its owner alone) if the file is missing or
    /// empty, and brings an older schema up to date.
    ///
    /// # Errors
    /// The second group of [`StoreErrorKind`](super::StoreErrorKind).
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_with(path, &Options::default())
    }

    /// Opens the store at `path` with other settings than the default ones.
    ///
    /// # Errors
    /// Those of [`Self::open`].
    pub fn open_with(path: &Path, options: &Options) -> Result<Self, StoreError> {
        let connection = open::writer(path, options)?;
        Ok(Self {
            path: path.to_owned(),
            writer: Writer::start(connection, failure::name(path))?,
            readers: Readers::new(path.to_owned(), options.wait),
            commits: AtomicU64::new(0),
        })
    }
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
