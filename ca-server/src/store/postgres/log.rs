//! Transactions beside the acts: places and heads of the log; and the check of everything.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use deadpool_postgres::Object;
use tokio_postgres::Row;

use super::failure::{Failure, failed};
use super::source::{NOW, PostgresCells, parameters};
use super::{PostgresStore, Shared};
use crate::store::cells::Value;
use crate::store::lease::{self, Fence};
use crate::store::log::{self, Attestation, LogHead, LogName};
use crate::store::read::values;
use crate::store::{StoreError, StoreErrorKind, decode};

/// What is done in a transaction.
type Work<T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + Send>>;

impl Shared {
    /// Runs a statement; gives the number of rows.
    pub(super) async fn execute(
        &self,
        client: &Object,
        doing: &str,
        sql: &str,
        values: &[Value],
    ) -> Result<u64, Failure> {
        let wrong = |error| failed(&self.object, doing, error);
        let statement = client.prepare_cached(sql).await.map_err(wrong)?;
        client
            .execute(&statement, &parameters(values))
            .await
            .map_err(wrong)
    }

    /// The rows of a statement.
    pub(super) async fn select(
        &self,
        client: &Object,
        doing: &str,
        sql: &str,
        values: &[Value],
    ) -> Result<Vec<Row>, Failure> {
        let wrong = |error| failed(&self.object, doing, error);
        let statement = client.prepare_cached(sql).await.map_err(wrong)?;
        client
            .query(&statement, &parameters(values))
            .await
            .map_err(wrong)
    }

    /// Whether the lease of `fence` is held by its epoch. Its row is locked, so that nobody takes it
    /// before this transaction ends.
    pub(super) async fn holds(&self, client: &Object, fence: &Fence) -> Result<bool, Failure> {
        let sql = format!("{} FOR UPDATE", lease::holding(NOW));
        let values = values![fence.lease.as_str(), fence.epoch];
        let rows = self
            .select(client, "looking at a lease", &sql, &values)
            .await?;
        Ok(!rows.is_empty())
    }

    async fn hold(&self, client: &Object, fence: Option<Fence>) -> Result<(), Failure> {
        match fence {
            Some(fence) if !self.holds(client, &fence).await? => Err(Failure::last(fence.lost())),
            _ => Ok(()),
        }
    }

    async fn head(
        &self,
        client: &Object,
        name: LogName,
        size: u64,
    ) -> Result<Option<LogHead>, Failure> {
        let sql = format!("{} WHERE size = $1", name.heads());
        let rows = self
            .select(client, "reading a head", &sql, &[size.into()])
            .await?;
        rows.first()
            .map(|row| decode::head(&mut PostgresCells::of(row)))
            .transpose()
            .map_err(|impossible| Failure::last(self.corrupt("reading a head", &impossible.0)))
    }

    pub(super) fn corrupt(&self, doing: &str, what: &str) -> StoreError {
        StoreError::new(
            StoreErrorKind::Corrupt,
            &self.object,
            format_args!("a row holds {what} ({doing})"),
        )
    }
}

impl PostgresStore {
    /// Runs `work` in a transaction of its own. It is done again where the connection was lost or
    /// others were in the way, so twice must be as good as once, or be noticed.
    pub(super) fn transact<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl Fn(Arc<Object>, Arc<Shared>) -> Work<T> + Send + Sync + 'static,
    ) -> Result<T, StoreError> {
        let work = Arc::new(work);
        self.call(|shared| async move {
            let wait = shared.options.wait;
            shared
                .again(wait, doing, |shared| {
                    let work = work.clone();
                    async move {
                        let client = Arc::new(shared.connection(doing).await?);
                        let wrong = |error| failed(&shared.object, doing, error);
                        client
                            .batch_execute("BEGIN ISOLATION LEVEL READ COMMITTED")
                            .await
                            .map_err(wrong)?;
                        let done = match work(client.clone(), shared.clone()).await {
                            Ok(value) => client
                                .batch_execute("COMMIT")
                                .await
                                .map(|()| value)
                                .map_err(wrong),
                            Err(failure) => Err(failure),
                        };
                        if done.is_err()
                            && let Ok(client) = Arc::try_unwrap(client)
                        {
                            // Out of the pool, as it may be in the middle of the transaction.
                            drop(Object::take(client));
                        }
                        done
                    }
                })
                .await
        })
    }

    pub(super) fn sequence_under(
        &self,
        name: LogName,
        fence: Option<Fence>,
        from: u64,
        ids: Vec<u64>,
        head: LogHead,
    ) -> Result<(), StoreError> {
        let doing = "sequencing";
        let prefix = name.prefix();
        let ids: Vec<i64> = ids
            .into_iter()
            .map(|id| i64::try_from(id).unwrap_or(i64::MAX))
            .collect();
        self.transact(doing, move |client, shared| {
            let (ids, head) = (ids.clone(), head.clone());
            Box::pin(async move {
                shared.hold(&client, fence).await?;
                let size = format!("SELECT coalesce(max(position) + 1, 0) FROM {prefix}_sequence");
                let rows = shared.select(&client, doing, &size, &[]).await?;
                let size: i64 = rows.first().map_or(0, |row| row.get(0));
                if u64::try_from(size) != Ok(from) {
                    let what = format_args!("has {size} entries by now");
                    return Err(Failure::last(log::conflict(from, what)));
                }
                let wrong = |error| failed(&shared.object, doing, error);
                let insert = client
                    .prepare_cached(&format!(
                        "INSERT INTO {prefix}_sequence (position, audit) \
                         SELECT $1 + u.n - 1, u.audit \
                         FROM unnest($2::BIGINT[]) WITH ORDINALITY AS u (audit, n)"
                    ))
                    .await
                    .map_err(wrong)?;
                client
                    .execute(&insert, &[&size, &ids])
                    .await
                    .map_err(|error| {
                        let code = error.code().map_or("", |state| state.code()).to_owned();
                        // 23: a key is taken, or an entry is not there.
                        if code.starts_with("23") {
                            let what = "an audit entry has a place, or is not there";
                            Failure::last(log::conflict(from, what))
                        } else {
                            wrong(error)
                        }
                    })?;
                let values = values![head.size, head.root.0, head.at.seconds()];
                let sql = format!("INSERT INTO {prefix}_head (size, root, at) VALUES ($1, $2, $3)");
                shared.execute(&client, doing, &sql, &values).await?;
                Ok(())
            })
        })
    }

    pub(super) fn sign_head_under(
        &self,
        name: LogName,
        fence: Option<Fence>,
        size: u64,
        note: String,
    ) -> Result<(), StoreError> {
        let doing = "keeping a signed head";
        let prefix = name.prefix();
        self.transact(doing, move |client, shared| {
            let note = note.clone();
            Box::pin(async move {
                shared.hold(&client, fence).await?;
                match shared.head(&client, name, size).await? {
                    None => Err(Failure::last(log::no_head(size))),
                    Some(LogHead { note: None, .. }) => {
                        // Of two who sign at once, one finds no row left.
                        let sql = format!(
                            "UPDATE {prefix}_head SET note = $1 WHERE size = $2 AND note IS NULL"
                        );
                        let values = values![note.as_str(), size];
                        match shared.execute(&client, doing, &sql, &values).await? {
                            1 => Ok(()),
                            _ => Err(Failure::last(log::conflict(size, "is signed otherwise"))),
                        }
                    }
                    Some(held) if held.note.as_deref() == Some(&note) => Ok(()),
                    Some(_) => Err(Failure::last(log::conflict(size, "is signed otherwise"))),
                }
            })
        })
    }

    pub(super) fn keep_attestation(
        &self,
        name: LogName,
        size: u64,
        attestation: &Attestation,
    ) -> Result<(), StoreError> {
        let doing = "keeping an attestation";
        let prefix = name.prefix();
        let (kind, octets) = match attestation {
            Attestation::Cosignature(line) => ("cosignature", line.as_bytes().to_vec()),
            Attestation::TimeStamp(token) => ("time-stamp", token.clone()),
        };
        self.transact(doing, move |client, shared| {
            let octets = octets.clone();
            Box::pin(async move {
                if shared.head(&client, name, size).await?.is_none() {
                    return Err(Failure::last(log::no_head(size)));
                }
                let sql = format!(
                    "INSERT INTO {prefix}_attestation (size, kind, octets) \
                     VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
                );
                let values = values![size, kind, octets.as_slice()];
                shared.execute(&client, doing, &sql, &values).await?;
                Ok(())
            })
        })
    }

    /// Reads every row of every table, and looks for references to nothing and for gaps.
    pub(super) fn check_all(&self) -> Result<(), StoreError> {
        let doing = "checking it";
        let finding = self.transact(doing, move |client, shared| {
            Box::pin(async move {
                for (sql, what) in CHECKS {
                    let rows = shared.select(&client, doing, sql, &[]).await?;
                    let wrong: i64 = rows.first().map_or(0, |row| row.get(0));
                    if wrong != 0 {
                        return Ok(Some(format!("{wrong} {what}")));
                    }
                }
                Ok(None)
            })
        })?;
        match finding {
            None => Ok(()),
            Some(what) => Err(StoreError::new(
                StoreErrorKind::Corrupt,
                &self.shared.object,
                what,
            )),
        }
    }
}

/// Each gives the number of rows that are wrong; the first ones read every value.
const CHECKS: [(&str, &str); 9] = [
    (
        "SELECT count(*) FROM audit WHERE length(actor || why || kind || body) < 0",
        "audit entries cannot be read",
    ),
    (
        "SELECT count(*) FROM certificate WHERE length(certificate) < 0 OR length(tbs) < 0",
        "certificates cannot be read",
    ),
    (
        "SELECT count(*) FROM document WHERE length(sealed) < 0",
        "documents cannot be read",
    ),
    (
        "SELECT coalesce(max(id), 0) - count(*) FROM audit",
        "audit entries are missing",
    ),
    (
        "SELECT (SELECT last_audit FROM writer) - coalesce(max(id), 0) FROM audit",
        "audit entries are missing at the end",
    ),
    (
        "SELECT count(*) FROM certificate c LEFT JOIN request r ON r.id = c.request \
         WHERE r.id IS NULL",
        "rows of certificate speak of a missing row of request",
    ),
    (
        "SELECT count(*) FROM revocation v LEFT JOIN certificate c \
         ON c.issuer = v.issuer AND c.serial = v.serial WHERE c.serial IS NULL",
        "rows of revocation speak of a missing row of certificate",
    ),
    (
        "SELECT count(*) FROM revocation v LEFT JOIN audit a ON a.id = v.changed_by \
         WHERE a.id IS NULL",
        "rows of revocation speak of a missing row of audit",
    ),
    (
        "SELECT count(*) FROM register_sequence s LEFT JOIN register_leaf l ON l.audit = s.audit \
         WHERE l.audit IS NULL OR length(l.octets) < 0",
        "places of the register's log have no leaf",
    ),
];
