//! Places and heads of the log in SQLite.

use std::ops::ControlFlow;

use esign_core::log::Hash;
use esign_core::time::UnixTime;
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};

use super::queries::each;
use super::{SqliteStore, failure, read};
use crate::records::AuditEntry;
use crate::store::{
    Attestation, LogHead, LogStore, MAX_ROWS, Sequenced, StoreError, StoreErrorKind,
};

const HEAD: &str = "SELECT size, root, at, note FROM log_head";

impl LogStore for SqliteStore {
    fn visit_unsequenced(
        &self,
        after: u64,
        visit: &mut dyn FnMut(AuditEntry) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let sql = format!(
            "{} WHERE id > $1 AND NOT EXISTS (SELECT 1 FROM log_sequence WHERE audit = audit.id) ORDER BY id",
            read::AUDIT
        );
        self.read("visiting what is not in the log", |c| {
            each(c, &sql, params![signed(after)], read::audit_row, visit)
        })
    }

    fn visit_sequenced(
        &self,
        from: u64,
        visit: &mut dyn FnMut(Sequenced) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let sql = "SELECT a.id, a.at, a.actor, a.why, a.kind, a.body, s.position, s.audit \
                   FROM log_sequence AS s LEFT JOIN audit AS a ON a.id = s.audit \
                   WHERE s.position >= $1 ORDER BY s.position";
        let row = |row: &Row<'_>| {
            let there = row.get::<_, Option<i64>>(0)?.is_some();
            Ok(Sequenced {
                index: unsigned(row, 6)?,
                id: unsigned(row, 7)?,
                entry: there.then(|| read::audit_row(row)).transpose()?,
            })
        };
        self.read("visiting the log", |c| {
            each(c, sql, params![signed(from)], row, visit)
        })
    }

    fn last_sequenced(&self) -> Result<Option<u64>, StoreError> {
        self.read("reading the log's end", |c| {
            c.prepare_cached("SELECT max(audit) FROM log_sequence")?
                .query_row([], |row| row.get::<_, Option<i64>>(0))
                .map(|id| id.and_then(|id| u64::try_from(id).ok()))
        })
    }

    fn sequence(&self, from: u64, ids: Vec<u64>, head: LogHead) -> Result<(), StoreError> {
        let object = failure::name(&self.path);
        self.writer.run(move |connection| {
            let failed = |error| failure::sqlite(&object, "sequencing", error);
            let tx = connection
                .transaction_with_behavior(TransactionBehavior::Immediate)
                .map_err(failed)?;
            let size: i64 = tx
                .query_row(
                    "SELECT coalesce(max(position) + 1, 0) FROM log_sequence",
                    [],
                    |row| row.get(0),
                )
                .map_err(failed)?;
            if size != signed(from) {
                return Err(conflict(from, format_args!("has {size} entries by now")));
            }
            let mut insert = tx
                .prepare_cached("INSERT INTO log_sequence (position, audit) VALUES ($1, $2)")
                .map_err(failed)?;
            for (index, id) in (from..).zip(&ids) {
                insert
                    .execute(params![signed(index), signed(*id)])
                    .map_err(|error| match error.sqlite_error_code() {
                        Some(rusqlite::ErrorCode::ConstraintViolation) => conflict(
                            from,
                            format_args!("audit entry {id} has a place, or is not there"),
                        ),
                        _ => failed(error),
                    })?;
            }
            drop(insert);
            tx.execute(
                "INSERT INTO log_head (size, root, at) VALUES ($1, $2, $3)",
                params![signed(head.size), head.root.0, head.at.seconds()],
            )
            .map_err(failed)?;
            tx.commit().map_err(failed)
        })
    }

    fn sign_head(&self, size: u64, note: &str) -> Result<(), StoreError> {
        let object = failure::name(&self.path);
        let note = note.to_owned();
        self.writer.run(move |connection| {
            let failed = |error| failure::sqlite(&object, "keeping a signed head", error);
            let tx = connection
                .transaction_with_behavior(TransactionBehavior::Immediate)
                .map_err(failed)?;
            match head(&tx, size).map_err(failed)? {
                None => return Err(no_head(size)),
                Some(LogHead { note: None, .. }) => {
                    tx.execute(
                        "UPDATE log_head SET note = $1 WHERE size = $2",
                        params![note, signed(size)],
                    )
                    .map_err(failed)?;
                }
                Some(held) if held.note.as_deref() == Some(&note) => {}
                Some(_) => return Err(conflict(size, "is signed otherwise")),
            }
            tx.commit().map_err(failed)
        })
    }

    fn visit_heads(
        &self,
        from: u64,
        visit: &mut dyn FnMut(LogHead) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let sql = format!("{HEAD} WHERE size >= $1 ORDER BY size");
        self.read("visiting heads", |c| {
            each(c, &sql, params![signed(from)], head_row, visit)
        })
    }

    fn signed_head(&self) -> Result<Option<LogHead>, StoreError> {
        let sql = format!("{HEAD} WHERE note IS NOT NULL ORDER BY size DESC LIMIT 1");
        self.read("reading the signed head", |c| {
            c.prepare_cached(&sql)?.query_row([], head_row).optional()
        })
    }

    fn latest_head(&self) -> Result<Option<LogHead>, StoreError> {
        let sql = format!("{HEAD} ORDER BY size DESC LIMIT 1");
        self.read("reading the latest head", |c| {
            c.prepare_cached(&sql)?.query_row([], head_row).optional()
        })
    }

    fn attest(&self, size: u64, attestation: &Attestation) -> Result<(), StoreError> {
        let object = failure::name(&self.path);
        let (kind, octets) = match attestation {
            Attestation::Cosignature(line) => ("cosignature", line.as_bytes().to_vec()),
            Attestation::TimeStamp(token) => ("time-stamp", token.clone()),
        };
        self.writer.run(move |connection| {
            let failed = |error| failure::sqlite(&object, "keeping an attestation", error);
            if head(connection, size).map_err(failed)?.is_none() {
                return Err(no_head(size));
            }
            connection
                .execute(
                    "INSERT INTO log_attestation (size, kind, octets) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                    params![signed(size), kind, octets],
                )
                .map(|_| ())
                .map_err(failed)
        })
    }

    fn attestations(&self, size: u64) -> Result<Vec<Attestation>, StoreError> {
        let sql =
            "SELECT kind, octets FROM log_attestation WHERE size = $1 ORDER BY position LIMIT $2";
        let row = |row: &Row<'_>| {
            let octets: Vec<u8> = row.get(1)?;
            Ok(match row.get::<_, String>(0)?.as_str() {
                "cosignature" => {
                    Attestation::Cosignature(String::from_utf8_lossy(&octets).into_owned())
                }
                _ => Attestation::TimeStamp(octets),
            })
        };
        let limit = i64::try_from(MAX_ROWS).unwrap_or(i64::MAX);
        self.read("reading attestations", |c| {
            read::all(c, sql, params![signed(size), limit], row)
        })
    }
}

fn head(connection: &Connection, size: u64) -> rusqlite::Result<Option<LogHead>> {
    connection
        .prepare_cached(&format!("{HEAD} WHERE size = $1"))?
        .query_row(params![signed(size)], head_row)
        .optional()
}

fn head_row(row: &Row<'_>) -> rusqlite::Result<LogHead> {
    Ok(LogHead {
        size: unsigned(row, 0)?,
        root: Hash(row.get(1)?),
        at: UnixTime::from_seconds(row.get(2)?),
        note: row.get(3)?,
    })
}

fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, value))
}

/// Larger numbers than a column holds are found nowhere.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn conflict(size: u64, what: impl std::fmt::Display) -> StoreError {
    StoreError::new(
        StoreErrorKind::Conflict,
        format_args!("log of {size} entries"),
        what,
    )
}

fn no_head(size: u64) -> StoreError {
    StoreError::new(
        StoreErrorKind::NotFound,
        format_args!("log of {size} entries"),
        "has no head of this size",
    )
}
