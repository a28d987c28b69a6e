//! PostgreSQL's errors as the store's, and what may be tried again.

use std::error::Error as _;

use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use crate::store::{StoreError, StoreErrorKind};

/// Whether something that failed may be tried again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Again {
    /// The connection was lost, or the database is not there: with another connection.
    Reconnect,
    /// Another transaction was in the way: at once.
    Retry,
    /// It would fail again.
    No,
}

/// A failure of the database.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: StoreError,
    pub(super) again: Again,
    /// A unique key was taken meanwhile.
    pub(super) taken: bool,
}

impl Failure {
    /// One that would repeat itself.
    pub(super) const fn last(error: StoreError) -> Self {
        Self {
            error,
            again: Again::No,
            taken: false,
        }
    }

    /// Whether it may be due to one of several calls that share a transaction.
    pub(super) fn is_one_calls(&self) -> bool {
        self.taken || self.error.kind() == StoreErrorKind::Bug
    }
}

/// What `error` means; `doing` says what was attempted.
pub(super) fn failed(object: &str, doing: &str, error: Error) -> Failure {
    use StoreErrorKind::{Bug, Busy, Corrupt, Full, Io, NotOurs, ReadOnly};
    let (kind, again, what) = match error.code() {
        Some(state) => match state.code() {
            // 40: serialization_failure, deadlock_detected and their kin; 55P03: lock_not_available.
            code if code.starts_with("40") || code == "55P03" => (
                Busy,
                Again::Retry,
                "other transactions are in the way and do not end",
            ),
            // 57P: shutdown and start-up; 08: connection; 53300: too many connections; 25P03: was idle
            // in a transaction for too long.
            code if code.starts_with("57P")
                || code.starts_with("08")
                || code == "53300"
                || code == "25P03" =>
            {
                (Io, Again::Reconnect, "the database is not there")
            }
            // A standby that was made the primary, or the other way round.
            "25006" => (ReadOnly, Again::Reconnect, "it cannot be written"),
            "53100" => (Full, Again::No, "no space is left"),
            "57014" => (Busy, Again::No, "a statement took too long"),
            code if code.starts_with("53") => (Busy, Again::No, "the database is overloaded"),
            code if code.starts_with("58") => (Io, Again::No, "reading or writing failed"),
            code if code.starts_with("XX") => (Corrupt, Again::No, "the database is damaged"),
            code if code.starts_with("28") => (Io, Again::No, "it lets nobody in like this"),
            "3D000" => (Io, Again::No, "there is no such database"),
            "42P07" | "42710" => (
                NotOurs,
                Again::No,
                "the database holds another program's tables",
            ),
            "42501" => (ReadOnly, Again::No, "the user lacks a right"),
            _ => (Bug, Again::No, "the database refuses a statement"),
        },
        None if is_outage(&error) => (Io, Again::Reconnect, "the database is not there"),
        None => match error.to_string() {
            words if words.starts_with("error performing TLS") => {
                (Io, Again::No, "no safe connection can be made")
            }
            words if words.starts_with("invalid configuration") => {
                (Io, Again::No, "it lets nobody in like this")
            }
            _ => (Bug, Again::No, "the database refuses a statement"),
        },
    };
    let told = told(&error);
    Failure {
        taken: error.code() == Some(&SqlState::UNIQUE_VIOLATION),
        error: StoreError::new(kind, object, format_args!("{what} ({doing}: {told})"))
            .because(error),
        again,
    }
}

/// Whether the connection ended, or none could be made.
fn is_outage(error: &Error) -> bool {
    let io = error
        .source()
        .is_some_and(|source| source.is::<std::io::Error>());
    // Only the words tell a connection that could not be made or that ended from other errors.
    let words = error.to_string();
    error.is_closed()
        || io
        || words.starts_with("error connecting")
        || words.starts_with("error communicating")
        || words.starts_with("timeout")
}

/// The server's message and its state, or what the library says. Neither holds parameters.
fn told(error: &Error) -> String {
    match error.as_db_error() {
        Some(of_server) => format!("{} {}", of_server.code().code(), of_server.message()),
        None => match error.source() {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        },
    }
}
