//! A store of one machine moved into a database for many: every row of every table.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::failure::{Failure, failed};
use super::load::transposed;
use super::write::placeholders;
use super::{PostgresStore, schema};
use crate::store::cells::Value;
use crate::store::read::{Source, all, values};
use crate::store::sqlite::SqliteStore;
use crate::store::{StoreError, StoreErrorKind, cells::Columns};

/// All tables with what is moved; those that others refer to come first.
const MOVED: [&str; 22] = [
    "audit",
    "issuer",
    "holder",
    "request",
    "approval",
    "request_subject",
    "officer",
    "stop",
    "certificate",
    "revocation",
    "crl_number",
    "crl",
    "document",
    "document_change",
    "register_leaf",
    "register_sequence",
    "register_head",
    "register_attestation",
    "log_sequence",
    "log_head",
    "log_attestation",
    "progress",
];
/// Tables that stay: leases of processes on that machine, and lists that are made anew.
const LEFT: [&str; 2] = ["lease", "published"];
/// Rows that are written at a time, some 2 KiB each.
const PART: usize = 2000;
const DOING: &str = "moving a store into it";

impl PostgresStore {
    /// Moves everything of a store in a file into this one, which has to be empty; gives the number of
    /// rows. Nothing else may use either of them meanwhile. A database in which this did not come to
    /// its end is not opened again.
    ///
    /// # Errors
    /// [`StoreErrorKind::NotOurs`] where this store is not empty; those of both stores.
    pub fn move_from(&self, file: &SqliteStore) -> Result<u64, StoreError> {
        let known = all(
            file,
            DOING,
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
            values![],
            |row| Columns(row).take::<String>(),
        )?;
        let strange = known
            .iter()
            .find(|name| !MOVED.contains(&name.as_str()) && !LEFT.contains(&name.as_str()));
        if let Some(name) = strange {
            return Err(StoreError::new(
                StoreErrorKind::Bug,
                &self.shared.object,
                format_args!("table {name} is not known to the move"),
            ));
        }
        self.begin_move()?;
        let mut moved = 0_u64;
        for table in MOVED {
            moved = moved.saturating_add(self.move_table(file, table)?);
        }
        self.end_move()?;
        Ok(moved)
    }

    fn begin_move(&self) -> Result<(), StoreError> {
        self.transact(DOING, |client, shared| {
            Box::pin(async move {
                for table in MOVED {
                    let sql = format!("SELECT 1 FROM {table} LIMIT 1");
                    if !shared.select(&client, DOING, &sql, &[]).await?.is_empty() {
                        return Err(Failure::last(StoreError::new(
                            StoreErrorKind::NotOurs,
                            &shared.object,
                            format_args!("table {table} is not empty: move into a new database"),
                        )));
                    }
                }
                let sql = "UPDATE esign_schema SET oldest = $1 WHERE one = 1";
                let values = [Value::from(schema::MOVING)];
                shared.execute(&client, DOING, sql, &values).await?;
                Ok(())
            })
        })
    }

    /// Numbers go on after those that were moved, and the store may be opened.
    fn end_move(&self) -> Result<(), StoreError> {
        self.transact(DOING, |client, shared| {
            Box::pin(async move {
                let wrong = |error| failed(&shared.object, DOING, error);
                for table in MOVED {
                    let sql = format!(
                        "SELECT count(*) FROM information_schema.columns \
                         WHERE table_schema = current_schema() AND table_name = '{table}' \
                         AND column_name = 'position' AND is_identity = 'YES'"
                    );
                    let rows = shared.select(&client, DOING, &sql, &[]).await?;
                    if rows.first().map_or(0_i64, |row| row.get(0)) == 1 {
                        let next = format!(
                            "SELECT setval(pg_get_serial_sequence('{table}', 'position'), \
                             coalesce(max(position), 0) + 1, false) FROM {table}"
                        );
                        client.batch_execute(&next).await.map_err(wrong)?;
                    }
                }
                client
                    .batch_execute(
                        "UPDATE writer SET last_audit = \
                         (SELECT coalesce(max(id), 0) FROM audit) WHERE one = 1; \
                         UPDATE esign_schema SET oldest = 0 WHERE one = 1",
                    )
                    .await
                    .map_err(wrong)
            })
        })
    }

    fn move_table(&self, file: &SqliteStore, table: &'static str) -> Result<u64, StoreError> {
        let columns = all(
            file,
            DOING,
            "SELECT name, type FROM pragma_table_info($1) ORDER BY cid",
            values![table],
            |row| {
                let mut columns = Columns(row);
                Ok((columns.take::<String>()?, columns.take::<String>()?))
            },
        )?;
        let names: Vec<_> = columns.iter().map(|(name, _)| name.as_str()).collect();
        let names = names.join(", ");
        let select = format!("SELECT {names} FROM {table} ORDER BY 1");
        let mut part = Vec::new();
        let mut moved = 0_u64;
        let mut failed = None;
        file.visit(DOING, &select, values![], &mut |row| {
            let values = columns
                .iter()
                .map(|(_, kind)| {
                    Ok(match kind.as_str() {
                        "INTEGER" => Value::Integer(row.integer()?),
                        "TEXT" => Value::Text(row.text()?),
                        _ => Value::Octets(row.octets()?),
                    })
                })
                .collect::<Result<Vec<_>, _>>()?;
            part.push(values);
            moved = moved.saturating_add(1);
            if part.len() < PART {
                return Ok(ControlFlow::Continue(()));
            }
            failed = self
                .put_part(table, &names, std::mem::take(&mut part))
                .err();
            Ok(match failed {
                Some(_) => ControlFlow::Break(()),
                None => ControlFlow::Continue(()),
            })
        })?;
        if let Some(error) = failed {
            return Err(error);
        }
        self.put_part(table, &names, part)?;
        Ok(moved)
    }

    fn put_part(
        &self,
        table: &'static str,
        names: &str,
        rows: Vec<Vec<Value>>,
    ) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        let columns = Arc::new(transposed(rows));
        // Twice is once: a part whose answer was lost is written again.
        let sql = format!(
            "INSERT INTO {table} ({names}) SELECT * FROM unnest({}) ON CONFLICT DO NOTHING",
            placeholders(&columns)
        );
        self.transact(DOING, move |client, shared| {
            let (sql, columns) = (sql.clone(), columns.clone());
            Box::pin(async move { shared.run(&client, &sql, &columns).await })
        })
    }
}
