//! The audit log: what was done, sequenced into a Merkle log whose heads are signed.
//!
//! Acts write their audit entries in their own transaction, without a place. [`Sequencer`] gives
//! them places, commits the head, writes the tiles, signs the head and publishes it, in this order,
//! so that a crash at any point is made good by doing the rest. [`verify`] finds any change, gap,
//! cut or rewrite against the heads that an auditor holds; [`export`] writes what he verifies
//! without the store ([`verify_export`]). [`Journal`] follows the store on another disk, and
//! [`reconcile`] says what a restored store lacks. `docs/formats/audit-log.md` has the formats.

mod export;
mod journal;
mod leaf;
mod reconcile;
mod sequencer;
mod tiles;
mod verify;

use std::fmt;

use esign_core::log::LogError;

pub use self::export::{EXPORT_FORMAT, export, verify_export};
pub use self::journal::{Journal, JournalEntry, JournalReader};
pub use self::leaf::{LEAF_VERSION, leaf};
pub use self::reconcile::{PublishedCrl, Reconciled, reconcile};
pub use self::sequencer::{Entry, Schedule, Sequencer, attest};
pub use self::tiles::DirectoryTiles;
pub use self::verify::{MAX_FINDINGS, Verification, Wrong, WrongKind, verify};
use crate::store::StoreError;

/// Why the log could not be written, read or verified. A log that was tampered with is no error
/// but a [`Verification`] that says so.
#[derive(Debug)]
pub enum AuditError {
    /// A file outside the store: journal, export, published checkpoint.
    File {
        /// Which.
        object: String,
        /// What is wrong with it.
        what: String,
    },
    /// The log: tiles, notes, keys.
    Log(LogError),
    /// The store.
    Store(StoreError),
}

impl AuditError {
    fn file(object: impl fmt::Display, what: impl fmt::Display) -> Self {
        Self::File {
            object: object.to_string(),
            what: what.to_string(),
        }
    }
}

impl fmt::Display for AuditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { object, what } => write!(f, "{object}: {what}"),
            Self::Log(error) => error.fmt(f),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for AuditError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File { .. } => None,
            Self::Log(error) => Some(error),
            Self::Store(error) => Some(error),
        }
    }
}

impl From<LogError> for AuditError {
    fn from(error: LogError) -> Self {
        Self::Log(error)
    }
}

impl From<StoreError> for AuditError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
