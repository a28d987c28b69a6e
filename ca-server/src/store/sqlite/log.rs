//! Writing places and heads of the log in SQLite.

use rusqlite::{Connection, TransactionBehavior, params};

use super::source::{self, rows};
use super::{SqliteStore, failure};
use crate::store::cells::Value;
use crate::store::lease::Fence;
use crate::store::log::{self, Attestation, LogHead, LogName};
use crate::store::{StoreError, decode};
use std::ops::ControlFlow;

impl SqliteStore {
    pub(super) fn sequence_under(
        &self,
        name: LogName,
        fence: Option<Fence>,
        from: u64,
        ids: Vec<u64>,
        head: LogHead,
    ) -> Result<(), StoreError> {
        let object = failure::name(&self.path);
        let prefix = name.prefix();
        self.writer.run(move |connection| {
            let failed = |error| failure::sqlite(&object, "sequencing", error);
            let tx = connection
                .transaction_with_behavior(TransactionBehavior::Immediate)
                .map_err(failed)?;
            if let Some(fence) = &fence {
                source::hold(&tx, &object, fence)?;
            }
            let size: i64 = tx
                .query_row(
                    &format!("SELECT coalesce(max(position) + 1, 0) FROM {prefix}_sequence"),
                    [],
                    |row| row.get(0),
                )
                .map_err(failed)?;
            if size != signed(from) {
                return Err(log::conflict(
                    from,
                    format_args!("has {size} entries by now"),
                ));
            }
            let mut insert = tx
                .prepare_cached(&format!(
                    "INSERT INTO {prefix}_sequence (position, audit) VALUES ($1, $2)"
                ))
                .map_err(failed)?;
            for (index, id) in (from..).zip(&ids) {
                insert
                    .execute(params![signed(index), signed(*id)])
                    .map_err(|error| match error.sqlite_error_code() {
                        Some(rusqlite::ErrorCode::ConstraintViolation) => log::conflict(
                            from,
                            format_args!("audit entry {id} has a place, or is not there"),
                        ),
                        _ => failed(error),
                    })?;
            }
            drop(insert);
            tx.execute(
                &format!("INSERT INTO {prefix}_head (size, root, at) VALUES ($1, $2, $3)"),
                params![signed(head.size), head.root.0, head.at.seconds()],
            )
            .map_err(failed)?;
            tx.commit().map_err(failed)
        })
    }

    pub(super) fn sign_head_under(
        &self,
        name: LogName,
        fence: Option<Fence>,
        size: u64,
        note: String,
    ) -> Result<(), StoreError> {
        let object = failure::name(&self.path);
        let prefix = name.prefix();
        self.writer.run(move |connection| {
            let failed = |error| failure::sqlite(&object, "keeping a signed head", error);
            let tx = connection
                .transaction_with_behavior(TransactionBehavior::Immediate)
                .map_err(failed)?;
            if let Some(fence) = &fence {
                source::hold(&tx, &object, fence)?;
            }
            match head(&tx, &object, name, size)? {
                None => return Err(log::no_head(size)),
                Some(LogHead { note: None, .. }) => {
                    tx.execute(
                        &format!("UPDATE {prefix}_head SET note = $1 WHERE size = $2"),
                        params![note, signed(size)],
                    )
                    .map_err(failed)?;
                }
                Some(held) if held.note.as_deref() == Some(&note) => {}
                Some(_) => return Err(log::conflict(size, "is signed otherwise")),
            }
            tx.commit().map_err(failed)
        })
    }

    pub(super) fn keep_attestation(
        &self,
        name: LogName,
        size: u64,
        attestation: &Attestation,
    ) -> Result<(), StoreError> {
        let object = failure::name(&self.path);
        let prefix = name.prefix();
        let (kind, octets) = match attestation {
            Attestation::Cosignature(line) => ("cosignature", line.as_bytes().to_vec()),
            Attestation::TimeStamp(token) => ("time-stamp", token.clone()),
        };
        self.writer.run(move |connection| {
            let failed = |error| failure::sqlite(&object, "keeping an attestation", error);
            if head(connection, &object, name, size)?.is_none() {
                return Err(log::no_head(size));
            }
            connection
                .execute(
                    &format!(
                        "INSERT INTO {prefix}_attestation (size, kind, octets) \
                         VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
                    ),
                    params![signed(size), kind, octets],
                )
                .map(|_| ())
                .map_err(failed)
        })
    }
}

fn head(
    connection: &Connection,
    object: &str,
    name: LogName,
    size: u64,
) -> Result<Option<LogHead>, StoreError> {
    let mut found = None;
    let sql = format!("{} WHERE size = $1", name.heads());
    let values = [Value::from(size)];
    rows(
        connection,
        object,
        "reading a head",
        &sql,
        &values,
        &mut |row| {
            found = Some(decode::head(row)?);
            Ok(ControlFlow::Break(()))
        },
    )?;
    Ok(found)
}

/// Larger numbers than a column holds are found nowhere.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
