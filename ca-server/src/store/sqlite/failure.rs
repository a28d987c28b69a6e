//! SQLite's result codes as the store's errors.

use std::fmt::Display;
use std::io;
use std::path::Path;

use rusqlite::ErrorCode;

use crate::store::{StoreError, StoreErrorKind};

/// How the store at `path` is named in errors.
pub(super) fn name(path: &Path) -> String {
    format!("store {}", path.display())
}

/// What `error` means for the store; `doing` says what was attempted.
pub(super) fn sqlite(object: impl Display, doing: &str, error: rusqlite::Error) -> StoreError {
    use StoreErrorKind::{Bug, Busy, Corrupt, Full, Io, NotOurs, ReadOnly};
    let (kind, what) = match &error {
        rusqlite::Error::SqliteFailure(failure, _) => match failure.code {
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
                (Busy, "another process is writing to it and does not finish")
            }
            ErrorCode::DatabaseCorrupt => (Corrupt, "the file is damaged"),
            ErrorCode::DiskFull => (Full, "no space is left"),
            ErrorCode::NotADatabase => {
                (NotOurs, "the file is no store of this program, or damaged")
            }
            ErrorCode::PermissionDenied | ErrorCode::ReadOnly => (ReadOnly, "it cannot be written"),
            ErrorCode::CannotOpen | ErrorCode::FileLockingProtocolFailed => {
                (Io, "it cannot be opened")
            }
            ErrorCode::SystemIoFailure => (Io, "reading or writing failed"),
            _ => (Bug, "the database refuses a statement"),
        },
        // STRICT tables and CHECK constraints keep other values out: somebody else wrote them.
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::InvalidColumnType(..) => (Corrupt, "a row holds an impossible value"),
        _ => (Bug, "the database refuses a statement"),
    };
    StoreError::new(kind, object, format_args!("{what} ({doing}: {error})")).because(error)
}

/// What an error of the file system means for the store.
pub(super) fn file(object: impl Display, error: io::Error) -> StoreError {
    let (kind, what) = match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            (StoreErrorKind::ReadOnly, "it cannot be written")
        }
        io::ErrorKind::StorageFull => (StoreErrorKind::Full, "no space is left"),
        io::ErrorKind::IsADirectory => (StoreErrorKind::Io, "it is a folder, not a file"),
        io::ErrorKind::NotFound => (StoreErrorKind::Io, "its folder does not exist"),
        _ => (StoreErrorKind::Io, "it cannot be opened"),
    };
    StoreError::new(kind, object, format_args!("{what} ({error})")).because(error)
}
