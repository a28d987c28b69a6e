//! Reading: rows of SQLite for the queries and the rules that all databases share.

use std::ops::ControlFlow;
use std::sync::atomic::Ordering;

use rusqlite::types::{FromSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, Row, ToSql, params};

use super::{SqliteStore, failure};
use crate::acts::Act;
use crate::store::cells::{Cells, Impossible, Value};
use crate::store::lease::{self, Fence, LeaseName};
use crate::store::log::{Attestation, LogHead, LogName};
use crate::store::queries::{Database, Statement};
use crate::store::read::{Each, Source};
use crate::store::{Receipt, StoreError, StoreErrorKind};

/// The machine's clock, which is this database's, in milliseconds.
pub(super) const NOW: &str = "CAST(unixepoch('subsec') * 1000 AS INTEGER)";

struct SqliteCells<'r, 's> {
    row: &'r Row<'s>,
    next: usize,
}

impl SqliteCells<'_, '_> {
    fn take<T: FromSql>(&mut self) -> Result<Option<T>, Impossible> {
        let value = self
            .row
            .get(self.next)
            .map_err(|error| Impossible(error.to_string()));
        self.next = self.next.saturating_add(1);
        value
    }
}

impl Cells for SqliteCells<'_, '_> {
    fn integer(&mut self) -> Result<Option<i64>, Impossible> {
        self.take()
    }

    fn text(&mut self) -> Result<Option<String>, Impossible> {
        self.take()
    }

    fn octets(&mut self) -> Result<Option<Vec<u8>>, Impossible> {
        self.take()
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Integer(Some(value)) => ValueRef::Integer(*value),
            Self::Text(Some(value)) => ValueRef::Text(value.as_bytes()),
            Self::Octets(Some(value)) => ValueRef::Blob(value),
            Self::Integer(None) | Self::Text(None) | Self::Octets(None) => ValueRef::Null,
        }))
    }
}

/// Hands row after row of a statement to `each`, holding one at a time.
pub(super) fn rows(
    connection: &Connection,
    object: &str,
    doing: &str,
    sql: &str,
    values: &[Value],
    each: Each<'_>,
) -> Result<(), StoreError> {
    let failed = |error| failure::sqlite(object, doing, error);
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let values = rusqlite::params_from_iter(values);
    let mut rows = statement.query(values).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let flow = each(&mut SqliteCells { row, next: 0 }).map_err(|impossible| {
            StoreError::new(
                StoreErrorKind::Corrupt,
                object,
                format_args!("a row holds {} ({doing})", impossible.0),
            )
        })?;
        if flow.is_break() {
            break;
        }
    }
    Ok(())
}

/// Whether the lease of `fence` is held by its epoch, inside the transaction that writes.
pub(super) fn hold(connection: &Connection, object: &str, fence: &Fence) -> Result<(), StoreError> {
    let epoch = i64::try_from(fence.epoch).unwrap_or(i64::MAX);
    let held = connection
        .prepare_cached(&lease::holding(NOW))
        .and_then(|mut statement| statement.exists(params![fence.lease.as_str(), epoch]))
        .map_err(|error| failure::sqlite(object, "looking at a lease", error))?;
    if held { Ok(()) } else { Err(fence.lost()) }
}

impl SqliteStore {
    /// Runs one statement with the writing connection.
    fn write_one(
        &self,
        doing: &'static str,
        sql: String,
        values: Vec<Value>,
    ) -> Result<Option<u64>, StoreError> {
        let object = failure::name(&self.path);
        self.writer.run(move |connection| {
            let mut given = None;
            rows(connection, &object, doing, &sql, &values, &mut |row| {
                given = row.integer()?;
                Ok(ControlFlow::Continue(()))
            })?;
            Ok(given.and_then(|number| u64::try_from(number).ok()))
        })
    }
}

impl Source for SqliteStore {
    fn rows(
        &self,
        doing: &str,
        sql: &str,
        values: Vec<Value>,
        each: Each<'_>,
    ) -> Result<(), StoreError> {
        self.readers
            .read(|connection, object| rows(connection, object, doing, sql, &values, each))
    }

    fn visit(
        &self,
        doing: &str,
        sql: &str,
        values: Vec<Value>,
        each: Each<'_>,
    ) -> Result<(), StoreError> {
        self.readers
            .visit(|connection, object| rows(connection, object, doing, sql, &values, each))
    }
}

impl Database for SqliteStore {
    fn commit_acts(&self, fence: Option<&Fence>, acts: Vec<Act>) -> Result<Receipt, StoreError> {
        let done = self.writer.commit(fence.copied(), acts);
        // After a failure, too, it may be done.
        self.commits.fetch_add(1, Ordering::SeqCst);
        done
    }

    fn commits(&self) -> Option<u64> {
        Some(self.commits.load(Ordering::SeqCst))
    }

    fn check(&self) -> Result<(), StoreError> {
        let finding = self.readers.visit(|c, object| {
            let failed = |error| failure::sqlite(object, "checking it", error);
            let pages: String = c
                .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
                .map_err(failed)?;
            if pages != "ok" {
                return Ok(Some(pages));
            }
            let mut references = c.prepare("PRAGMA foreign_key_check").map_err(failed)?;
            let mut found = references.query([]).map_err(failed)?;
            let Some(row) = found.next().map_err(failed)? else {
                return Ok(None);
            };
            let table: String = row.get(0).map_err(failed)?;
            let parent: String = row.get(2).map_err(failed)?;
            Ok(Some(format!(
                "a row of {table} speaks of a missing row of {parent}"
            )))
        })?;
        match finding {
            None => Ok(()),
            Some(what) => Err(StoreError::new(
                StoreErrorKind::Corrupt,
                failure::name(&self.path),
                what,
            )),
        }
    }

    fn take_lease(
        &self,
        lease: LeaseName,
        holder: &[u8; 16],
        millis: u32,
    ) -> Result<Option<u64>, StoreError> {
        let values = vec![lease.as_str().into(), (*holder).into(), millis.into()];
        self.write_one("taking a lease", lease::taking(NOW), values)
    }

    fn release_lease(&self, fence: &Fence) -> Result<(), StoreError> {
        let values = vec![fence.lease.as_str().into(), fence.epoch.into()];
        let sql = lease::RELEASING.to_owned();
        self.write_one("ending a lease", sql, values).map(|_| ())
    }

    fn write(&self, doing: &'static str, statements: Vec<Statement>) -> Result<(), StoreError> {
        let object = failure::name(&self.path);
        self.writer.run(move |connection| {
            let failed = |error| failure::sqlite(&object, doing, error);
            let tx = connection.transaction().map_err(failed)?;
            for Statement { sql, values } in &statements {
                let values = rusqlite::params_from_iter(values);
                tx.prepare_cached(sql)
                    .and_then(|mut statement| statement.execute(values))
                    .map_err(failed)?;
            }
            tx.commit().map_err(failed)
        })
    }

    fn sequence(
        &self,
        log: LogName,
        fence: Option<&Fence>,
        from: u64,
        ids: Vec<u64>,
        head: LogHead,
    ) -> Result<(), StoreError> {
        self.sequence_under(log, fence.copied(), from, ids, head)
    }

    fn sign_head(
        &self,
        log: LogName,
        fence: Option<&Fence>,
        size: u64,
        note: &str,
    ) -> Result<(), StoreError> {
        self.sign_head_under(log, fence.copied(), size, note.to_owned())
    }

    fn attest(&self, log: LogName, size: u64, attestation: &Attestation) -> Result<(), StoreError> {
        self.keep_attestation(log, size, attestation)
    }
}
