//! Opening a file: whose it is, which schema it has, and the settings that durability rests on.

use std::fs::OpenOptions;
use std::path::Path;
use std::thread;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::{Options, failure};
use crate::store::migrations::MIGRATIONS;
use crate::store::{StoreError, StoreErrorKind};

/// "esca" in SQLite's header: a file with another number is another program's.
const APPLICATION_ID: i32 = 0x6573_6361;
/// Statements kept compiled: more than there are.
const STATEMENTS: usize = 96;
/// The log is written back after so many pages (16 MiB): fewer flushes of the main file than with
/// SQLite's 1000, and still recovered in well under a second.
const CHECKPOINT_PAGES: u32 = 4000;
/// Page cache of the writer, in KiB: the upper levels of every index of ten million rows.
const WRITER_CACHE: i32 = 64 * 1024;

/// Opens or creates the store at `path` for its one writer, with the present schema.
pub(super) fn writer(path: &Path, options: &Options) -> Result<Connection, StoreError> {
    let object = failure::name(path);
    create(path)?;
    let mut connection = connect(path, options.wait)?;
    identify(&connection, &object)?;
    let wal = |connection: &Connection| {
        connection
            .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0))
    };
    // Unlike other statements this one does not wait while another process opens the file.
    let mut tries = options.wait.as_millis() / RETRY.as_millis();
    let mode = loop {
        match wal(&connection) {
            Err(rusqlite::Error::SqliteFailure(error, _))
                if error.code == rusqlite::ErrorCode::DatabaseBusy && tries > 0 =>
            {
                tries = tries.saturating_sub(1);
                thread::sleep(RETRY);
            }
            mode => break mode,
        }
    };
    let mode = mode.map_err(|error| failure::sqlite(&object, "setting its journal", error))?;
    if mode != "wal" {
        return Err(StoreError::new(
            StoreErrorKind::Io,
            object,
            format_args!("its file system has no write-ahead log, only \"{mode}\""),
        ));
    }
    migrate(&mut connection, &object)?;
    settings(&connection, options)
        .map_err(|error| failure::sqlite(&object, "setting it up", error))?;
    Ok(connection)
}

/// How long to wait before trying again.
const RETRY: Duration = Duration::from_millis(10);

/// Opens a connection that only reads.
pub(super) fn reader(path: &Path, wait: Duration) -> Result<Connection, StoreError> {
    let connection = connect(path, wait)?;
    connection
        .pragma_update(None, "query_only", true)
        .map_err(|error| failure::sqlite(failure::name(path), "opening it", error))?;
    Ok(connection)
}

/// Makes the file if there is none: readable for its owner alone, as it holds personal data. SQLite
/// gives its side files the same mode.
pub(super) fn create(path: &Path) -> Result<(), StoreError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(path)
        .map(|_| ())
        .map_err(|error| failure::file(failure::name(path), error))
}

pub(super) fn connect(path: &Path, wait: Duration) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(wait)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        // Else every statement on a table with a partial index is compiled anew each time that it is
        // given parameters: in case they would let it use that index, which none of ours depend on.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        Ok(connection)
    };
    open().map_err(|error| failure::sqlite(failure::name(path), "opening it", error))
}

/// Checks whose the file is before anything in it is changed; gives the schema's version.
pub(super) fn identify(connection: &Connection, object: &str) -> Result<usize, StoreError> {
    let read = || {
        let id: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
        let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        let tables: i64 =
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        Ok((id, version, tables))
    };
    let (id, version, tables) =
        read().map_err(|error| failure::sqlite(object, "reading its header", error))?;
    if id == 0 && version == 0 && tables == 0 {
        return Ok(0);
    }
    if id != APPLICATION_ID {
        return Err(StoreError::new(
            StoreErrorKind::NotOurs,
            object,
            format_args!(
                "the file belongs to another program (application id {id:#010x}, ours is {APPLICATION_ID:#010x})"
            ),
        ));
    }
    match usize::try_from(version) {
        Ok(version) if version <= MIGRATIONS.len() => Ok(version),
        _ => Err(StoreError::new(
            StoreErrorKind::NewerSchema,
            object,
            format_args!(
                "its schema has version {version}, this program knows up to {}: use a newer program",
                MIGRATIONS.len()
            ),
        )),
    }
}

fn migrate(connection: &mut Connection, object: &str) -> Result<(), StoreError> {
    let failed = |error| failure::sqlite(object, "bringing its schema up to date", error);
    // Another process may do the same now: what there is to do is decided under the lock.
    let tx = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(failed)?;
    let version = identify(&tx, object)?;
    let steps = MIGRATIONS.get(version..).unwrap_or_default();
    for step in steps {
        tx.execute_batch(step).map_err(failed)?;
    }
    if !steps.is_empty() {
        tx.pragma_update(None, "application_id", APPLICATION_ID)
            .map_err(failed)?;
        let latest = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
        tx.pragma_update(None, "user_version", latest)
            .map_err(failed)?;
    }
    tx.commit().map_err(failed)
}

fn settings(connection: &Connection, options: &Options) -> rusqlite::Result<()> {
    // FULL: a commit returns after the log is flushed, so that it survives the loss of power.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE)?;
    let ignore = |_: &rusqlite::Row<'_>| Ok(());
    connection.pragma_update_and_check(None, "wal_autocheckpoint", CHECKPOINT_PAGES, ignore)?;
    if let Some(octets) = options.max_octets {
        let page: u64 = connection
            .pragma_query_value(None, "page_size", |row| row.get::<_, i64>(0))
            .map(|page| u64::try_from(page).unwrap_or(0))?;
        let pages = octets.checked_div(page).unwrap_or(0).max(1);
        let pages = i64::try_from(pages).unwrap_or(i64::MAX).min(MAX_PAGES);
        connection.pragma_update_and_check(None, "max_page_count", pages, ignore)?;
    }
    Ok(())
}

/// SQLite's own limit on the number of pages.
const MAX_PAGES: i64 = 0xffff_fffe;
