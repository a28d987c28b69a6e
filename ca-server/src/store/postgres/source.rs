//! Reading: rows of PostgreSQL for the queries that all databases share.

use std::ops::ControlFlow;
use std::sync::{Arc, mpsc};
use std::time::Instant;

use tokio::sync::mpsc as asked;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{IsolationLevel, Row};

use super::failure::{Again, Failure, failed};
use super::{PostgresStore, RETRY, Shared};
use crate::acts::Act;
use crate::store::cells::{Cells, Impossible, Value};
use crate::store::lease::{self, Fence, LeaseName};
use crate::store::log::{Attestation, LogHead, LogName};
use crate::store::queries::{Database, Statement};
use crate::store::read::{Each, Source};
use crate::store::{Receipt, StoreError, StoreErrorKind};

/// The database's clock in milliseconds: that of the moment, not of the transaction's beginning.
pub(super) const NOW: &str = "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)";
/// Rows of a visit that are held at a time: two such parts of 2 KiB a row are a megabyte.
const PART: i32 = 256;

pub(super) struct PostgresCells<'r> {
    row: &'r Row,
    next: usize,
}

impl<'r> PostgresCells<'r> {
    pub(super) const fn of(row: &'r Row) -> Self {
        Self { row, next: 0 }
    }

    fn take<T: FromSql<'r>>(&mut self) -> Result<Option<T>, Impossible> {
        let value = self
            .row
            .try_get(self.next)
            .map_err(|error| Impossible(error.to_string()));
        self.next = self.next.saturating_add(1);
        value
    }
}

impl Cells for PostgresCells<'_> {
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
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Integer(value) if *ty == Type::INT8 => value.to_sql(ty, out),
            Self::Text(value) if *ty == Type::TEXT => value.to_sql(ty, out),
            Self::Octets(value) if *ty == Type::BYTEA => value.to_sql(ty, out),
            _ => Err(format!("a parameter is bound to {ty}").into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// Parameters as the library wants them.
pub(super) fn parameters(values: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    values
        .iter()
        .map(|value| -> &(dyn ToSql + Sync) { value })
        .collect()
}

/// Hands rows to `each`.
fn hand(
    object: &str,
    doing: &str,
    rows: &[Row],
    each: Each<'_>,
) -> Result<ControlFlow<()>, StoreError> {
    for row in rows {
        let flow = each(&mut PostgresCells::of(row)).map_err(|impossible| {
            StoreError::new(
                StoreErrorKind::Corrupt,
                object,
                format_args!("a row holds {} ({doing})", impossible.0),
            )
        })?;
        if flow.is_break() {
            return Ok(flow);
        }
    }
    Ok(ControlFlow::Continue(()))
}

impl Shared {
    async fn query(&self, doing: &str, sql: &str, values: &[Value]) -> Result<Vec<Row>, Failure> {
        let wrong = |error| failed(&self.object, doing, error);
        let client = self.connection(doing).await?;
        let statement = client.prepare_cached(sql).await.map_err(wrong)?;
        client
            .query(&statement, &parameters(values))
            .await
            .map_err(wrong)
    }

    /// Gives the rows of one moment part by part, as they are asked for.
    async fn parts(&self, visit: &Visit, talk: &mut Talk) -> Result<(), Failure> {
        let wrong = |error| failed(&self.object, &visit.doing, error);
        let mut client = self.connection(&visit.doing).await?;
        let statement = client.prepare_cached(&visit.sql).await.map_err(wrong)?;
        let transaction = client
            .build_transaction()
            .isolation_level(IsolationLevel::ReadCommitted)
            .read_only(true)
            .start()
            .await
            .map_err(wrong)?;
        // One statement is one moment, whatever the isolation.
        let portal = transaction
            .bind(&statement, &parameters(&visit.values))
            .await
            .map_err(wrong)?;
        while talk.is_wanted().await {
            let rows = transaction
                .query_portal(&portal, PART)
                .await
                .map_err(wrong)?;
            let last = rows.is_empty();
            if !talk.give(rows) || last {
                break;
            }
        }
        transaction.rollback().await.map_err(wrong)
    }
}

/// A statement whose rows are visited.
struct Visit {
    doing: String,
    sql: String,
    values: Vec<Value>,
}

/// Between the visitor, who blocks, and the task that reads for him.
struct Talk {
    wanted: asked::UnboundedReceiver<()>,
    given: mpsc::Sender<Result<Vec<Row>, StoreError>>,
    /// Asked for and not given yet.
    owed: bool,
    /// Whether a part was given.
    begun: bool,
}

impl Talk {
    async fn is_wanted(&mut self) -> bool {
        self.owed = self.owed || self.wanted.recv().await.is_some();
        self.owed
    }

    fn give(&mut self, rows: Vec<Row>) -> bool {
        self.owed = false;
        self.begun = true;
        self.given.send(Ok(rows)).is_ok()
    }
}

impl Source for PostgresStore {
    fn rows(
        &self,
        doing: &str,
        sql: &str,
        values: Vec<Value>,
        each: Each<'_>,
    ) -> Result<(), StoreError> {
        let (named, sql) = (doing.to_owned(), sql.to_owned());
        let rows = self.call(|shared| async move {
            let (sql, values) = (&sql, &values);
            let named = &named;
            shared
                .again(shared.options.read_wait, named, |shared| async move {
                    shared.query(named, sql, values).await
                })
                .await
        })?;
        hand(&self.shared.object, doing, &rows, each).map(|_| ())
    }

    fn visit(
        &self,
        doing: &str,
        sql: &str,
        values: Vec<Value>,
        each: Each<'_>,
    ) -> Result<(), StoreError> {
        let Some(runtime) = &self.runtime else {
            return Err(self.shared.closed());
        };
        let (want, wanted) = asked::unbounded_channel();
        let (give, given) = mpsc::channel();
        let mut talk = Talk {
            wanted,
            given: give,
            owed: false,
            begun: false,
        };
        let read = Visit {
            doing: doing.to_owned(),
            sql: sql.to_owned(),
            values,
        };
        let shared = self.shared.clone();
        runtime.spawn(async move {
            let begun = Instant::now();
            while let Err(failure) = shared.parts(&read, &mut talk).await {
                // Once a part was given, rows of another moment must not follow.
                let over = talk.begun || begun.elapsed() >= shared.options.read_wait;
                if failure.again == Again::No || over {
                    let _ = talk.given.send(Err(failure.error));
                    return;
                }
                tokio::time::sleep(RETRY).await;
            }
        });
        let mut flow = ControlFlow::Continue(());
        // The next part is on its way while one is visited.
        let _ = want.send(());
        while flow.is_continue() {
            let _ = want.send(());
            let rows = given.recv().unwrap_or_else(|_| Err(self.shared.closed()))?;
            if rows.is_empty() {
                break;
            }
            flow = hand(&self.shared.object, doing, &rows, each)?;
        }
        Ok(())
    }
}

impl Database for PostgresStore {
    fn commit_acts(&self, fence: Option<&Fence>, acts: Vec<Act>) -> Result<Receipt, StoreError> {
        self.writer.commit(fence.copied(), acts)
    }

    fn commits(&self) -> Option<u64> {
        None
    }

    fn check(&self) -> Result<(), StoreError> {
        self.check_all()
    }

    fn take_lease(
        &self,
        lease: LeaseName,
        holder: &[u8; 16],
        millis: u32,
    ) -> Result<Option<u64>, StoreError> {
        let values = vec![lease.as_str().into(), (*holder).into(), millis.into()];
        let mut epoch = None;
        // To take it twice is to renew it.
        self.rows("taking a lease", &lease::taking(NOW), values, &mut |row| {
            epoch = row.integer()?;
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(epoch.and_then(|epoch| u64::try_from(epoch).ok()))
    }

    fn release_lease(&self, fence: &Fence) -> Result<(), StoreError> {
        let values = vec![fence.lease.as_str().into(), fence.epoch.into()];
        self.rows("ending a lease", lease::RELEASING, values, &mut |_| {
            Ok(ControlFlow::Continue(()))
        })
    }

    fn write(&self, doing: &'static str, statements: Vec<Statement>) -> Result<(), StoreError> {
        let statements = Arc::new(statements);
        self.transact(doing, move |client, shared| {
            let statements = statements.clone();
            Box::pin(async move {
                for Statement { sql, values } in statements.iter() {
                    shared.execute(&client, doing, sql, values).await?;
                }
                Ok(())
            })
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
