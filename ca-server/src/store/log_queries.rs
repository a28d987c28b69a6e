//! The logs that a store keeps, over any database: the same queries over tables of each.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::cells::Columns;
use super::lease::Fence;
use super::log::{Attestation, Leaf, LogName};
use super::queries::Database;
use super::read::{self, one, values, visit};
use super::{LogHead, LogStore, MAX_ROWS, Sequenced, StoreError, decode};
use crate::records::AuditEntry;

/// What is the same for every log: all but its entries.
macro_rules! heads {
    ($log:expr, $this:ident => $database:expr) => {
        fn last_sequenced(&self) -> Result<Option<u64>, StoreError> {
            let $this = self;
            let sql = format!("SELECT max(audit) FROM {}_sequence", $log.prefix());
            let doing = "reading the log's end";
            Ok(one($database, doing, &sql, values![], decode::number)?.flatten())
        }

        fn sequence(
            &self,
            fence: Option<&Fence>,
            from: u64,
            ids: Vec<u64>,
            head: LogHead,
        ) -> Result<(), StoreError> {
            let $this = self;
            Database::sequence($database, $log, fence, from, ids, head)
        }

        fn sign_head(
            &self,
            fence: Option<&Fence>,
            size: u64,
            note: &str,
        ) -> Result<(), StoreError> {
            let $this = self;
            Database::sign_head($database, $log, fence, size, note)
        }

        fn visit_heads(
            &self,
            from: u64,
            each: &mut dyn FnMut(LogHead) -> ControlFlow<()>,
        ) -> Result<(), StoreError> {
            let $this = self;
            let sql = format!("{} WHERE size >= $1 ORDER BY size", $log.heads());
            let doing = "visiting heads";
            visit($database, doing, &sql, values![from], decode::head, each)
        }

        fn signed_head(&self) -> Result<Option<LogHead>, StoreError> {
            let $this = self;
            let sql = format!(
                "{} WHERE note IS NOT NULL ORDER BY size DESC LIMIT 1",
                $log.heads()
            );
            let doing = "reading the signed head";
            one($database, doing, &sql, values![], decode::head)
        }

        fn latest_head(&self) -> Result<Option<LogHead>, StoreError> {
            let $this = self;
            let sql = format!("{} ORDER BY size DESC LIMIT 1", $log.heads());
            let doing = "reading the latest head";
            one($database, doing, &sql, values![], decode::head)
        }

        fn attest(&self, size: u64, attestation: &Attestation) -> Result<(), StoreError> {
            let $this = self;
            Database::attest($database, $log, size, attestation)
        }

        fn attestations(&self, size: u64) -> Result<Vec<Attestation>, StoreError> {
            let $this = self;
            let sql = format!(
                "SELECT kind, octets FROM {}_attestation WHERE size = $1 \
                 ORDER BY position LIMIT $2",
                $log.prefix()
            );
            let doing = "reading attestations";
            let values = values![size, read::rows(MAX_ROWS)];
            read::all($database, doing, &sql, values, decode::attestation)
        }
    };
}

impl<D: Database> LogStore for D {
    fn visit_unsequenced(
        &self,
        after: u64,
        each: &mut dyn FnMut(AuditEntry) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let sql = format!(
            "{} WHERE id > $1 AND NOT EXISTS \
             (SELECT 1 FROM log_sequence WHERE audit = audit.id) ORDER BY id",
            read::AUDIT
        );
        visit(
            self,
            "visiting what is not in the log",
            &sql,
            values![after],
            decode::audit,
            each,
        )
    }

    fn visit_sequenced(
        &self,
        from: u64,
        each: &mut dyn FnMut(Sequenced) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        visit(
            self,
            "visiting the log",
            "SELECT s.position, s.audit, \
             CASE WHEN a.id IS NULL THEN CAST(0 AS BIGINT) ELSE CAST(1 AS BIGINT) END, \
             a.id, a.at, a.actor, a.why, a.kind, a.body \
             FROM log_sequence AS s LEFT JOIN audit AS a ON a.id = s.audit \
             WHERE s.position >= $1 ORDER BY s.position",
            values![from],
            decode::sequenced,
            each,
        )
    }

    heads!(LogName::Audit, this => this);
}

/// The log over documents under a code, of a store.
#[derive(Debug)]
pub struct RegisterLog<S>(pub Arc<S>);

impl<D: Database> LogStore<Leaf> for RegisterLog<D> {
    fn visit_unsequenced(
        &self,
        after: u64,
        each: &mut dyn FnMut(Leaf) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        visit(
            &*self.0,
            "visiting what is not in the register's log",
            "SELECT audit, octets FROM register_leaf WHERE audit > $1 AND NOT EXISTS \
             (SELECT 1 FROM register_sequence s WHERE s.audit = register_leaf.audit) \
             ORDER BY audit",
            values![after],
            |row| {
                let mut columns = Columns(row);
                Ok(Leaf {
                    id: columns.take()?,
                    octets: columns.take()?,
                })
            },
            each,
        )
    }

    fn visit_sequenced(
        &self,
        from: u64,
        each: &mut dyn FnMut(Sequenced<Leaf>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        visit(
            &*self.0,
            "visiting the register's log",
            "SELECT s.position, s.audit, l.octets FROM register_sequence AS s \
             LEFT JOIN register_leaf AS l ON l.audit = s.audit \
             WHERE s.position >= $1 ORDER BY s.position",
            values![from],
            |row| {
                let mut columns = Columns(row);
                let (index, id) = (columns.take()?, columns.take()?);
                let octets: Option<Vec<u8>> = columns.take_or_null()?;
                Ok(Sequenced {
                    index,
                    id,
                    entry: octets.map(|octets| Leaf { id, octets }),
                })
            },
            each,
        )
    }

    heads!(LogName::Register, this => &*this.0);
}
