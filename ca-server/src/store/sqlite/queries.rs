//! The store's queries, each one statement and so one moment.

use std::ops::ControlFlow;
use std::sync::atomic::Ordering;

use rusqlite::{Connection, Row, ToSql, params};

use super::{SqliteStore, failure, read};
use crate::acts::Act;
use crate::ids::{CertificateId, HolderId, KeyId, Locator, RequestId};
use crate::officers::Officer;
use crate::records::{
    AuditEntry, CertificateRecord, Crl, CrlKind, DocumentChange, DocumentRecord, Holder, Issuer,
    RequestRecord, RequestStatus, Standing, StatusChange, StatusEntry, Stop, SubjectRecord,
};
use crate::store::rules::person::fold;
use crate::store::{
    CertificateFilter, MAX_ROWS, Receipt, StatusFilter, Store, StoreError, StoreErrorKind,
};

impl Store for SqliteStore {
    fn commit(&self, acts: Vec<Act>) -> Result<Receipt, StoreError> {
        let done = self.writer.commit(acts);
        // After a failure, too, it may be done.
        self.commits.fetch_add(1, Ordering::SeqCst);
        done
    }

    fn issuers(&self) -> Result<Vec<Issuer>, StoreError> {
        self.read("reading issuers", read::issuers)
    }

    fn holder(&self, id: &HolderId) -> Result<Option<Holder>, StoreError> {
        self.read("reading a holder", |c| read::holder(c, id))
    }

    fn holder_by_identifier(&self, identifier: &str) -> Result<Option<Holder>, StoreError> {
        self.read("reading a holder", |c| {
            read::holder_by_identifier(c, identifier)
        })
    }

    fn holders_named(&self, prefix: &str, limit: usize) -> Result<Vec<Holder>, StoreError> {
        let from = fold(prefix);
        // Everything that begins so sorts before the same with the last code point behind it.
        let to = format!("{from}{}", char::MAX);
        self.read("searching holders", |c| {
            read::holders_between(c, &from, &to, rows(limit))
        })
    }

    fn request(&self, id: &RequestId) -> Result<Option<RequestRecord>, StoreError> {
        self.read("reading a request", |c| read::request(c, id))
    }

    fn requests(
        &self,
        status: RequestStatus,
        after: Option<&RequestId>,
        limit: usize,
    ) -> Result<Vec<RequestRecord>, StoreError> {
        self.read("listing requests", |c| {
            read::requests(c, status, after, rows(limit))
        })
    }

    fn request_subject(&self, id: &RequestId) -> Result<Option<SubjectRecord>, StoreError> {
        self.read("reading a request's subject", |c| {
            read::request_subject(c, id)
        })
    }

    fn officers(&self) -> Result<Vec<Officer>, StoreError> {
        self.read("listing officers", |c| read::officers(c, rows(MAX_ROWS)))
    }

    fn officer_of_key(&self, key: &KeyId) -> Result<Option<Officer>, StoreError> {
        self.read("reading an officer", |c| read::officer_of_key(c, key))
    }

    fn stop(&self) -> Result<Option<Stop>, StoreError> {
        self.read("reading the stop switch", read::stop)
    }

    fn visit_certificates(
        &self,
        filter: &CertificateFilter,
        visit: &mut dyn FnMut(CertificateRecord) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let (sql, values) = read::certificates(filter);
        let values: Vec<&dyn ToSql> = values.iter().map(|value| -> &dyn ToSql { value }).collect();
        self.read("visiting certificates", |c| {
            each(c, &sql, &values, read::certificate_row, visit)
        })
    }

    fn certificate(&self, id: &CertificateId) -> Result<Option<CertificateRecord>, StoreError> {
        self.read("reading a certificate", |c| read::certificate(c, id))
    }

    fn standing(&self, id: &CertificateId) -> Result<Option<Standing>, StoreError> {
        self.read("reading a certificate's standing", |c| {
            read::standing(c, id)
        })
    }

    fn certificates_of_holder(&self, id: &HolderId) -> Result<Vec<CertificateId>, StoreError> {
        self.read("listing a holder's certificates", |c| {
            read::all(
                c,
                "SELECT issuer, serial FROM certificate WHERE holder = $1 \
                 ORDER BY position LIMIT $2",
                params![id.0, rows(MAX_ROWS)],
                read::certificate_id_row,
            )
        })
    }

    fn certificates_of_key(&self, key: &KeyId) -> Result<Vec<CertificateId>, StoreError> {
        self.read("listing a key's certificates", |c| {
            read::all(
                c,
                "SELECT issuer, serial FROM certificate WHERE subject_key = $1 \
                 ORDER BY position LIMIT $2",
                params![key.0, rows(MAX_ROWS)],
                read::certificate_id_row,
            )
        })
    }

    fn open_intents(&self) -> Result<Vec<CertificateRecord>, StoreError> {
        self.read("listing open intents", |c| {
            read::open_intents(c, rows(MAX_ROWS))
        })
    }

    fn visit_status(
        &self,
        issuer: &KeyId,
        shard: Option<u32>,
        filter: StatusFilter,
        visit: &mut dyn FnMut(StatusEntry) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let one_shard = if shard.is_some() {
            "AND x.shard = $2"
        } else {
            "AND $2 IS NULL"
        };
        let listed = |condition: &str| {
            format!(
                "SELECT x.serial, x.not_after, x.status, x.since, x.reason, x.invalidity_date, \
                 x.until FROM revocation x WHERE x.issuer = $1 {one_shard} AND {condition} \
                 AND $3 IS NULL"
            )
        };
        let (sql, at) = match filter {
            StatusFilter::Good(at) => (
                format!(
                    "SELECT x.serial, x.not_after, NULL, NULL, NULL, NULL, NULL \
                     FROM certificate x LEFT JOIN revocation r \
                     ON r.issuer = x.issuer AND r.shard = x.shard AND r.serial = x.serial \
                     WHERE x.issuer = $1 {one_shard} AND x.certificate IS NOT NULL \
                     AND (r.status IS NULL OR r.status = 'restored') AND x.not_after >= $3"
                ),
                Some(at.seconds()),
            ),
            StatusFilter::Listed => (listed("x.status <> 'restored'"), None),
            StatusFilter::Revoked => (listed("x.status = 'revoked'"), None),
            StatusFilter::Suspended => (listed("x.status = 'suspended'"), None),
        };
        self.read("visiting certificates", |c| {
            each(
                c,
                &sql,
                params![issuer.0, shard, at],
                read::listed_row,
                |entry| {
                    let (serial, not_after, standing) = entry;
                    let id = CertificateId {
                        issuer: *issuer,
                        serial,
                    };
                    visit(StatusEntry {
                        id,
                        not_after,
                        standing,
                    })
                },
            )
        })
    }

    fn visit_changes(
        &self,
        issuer: &KeyId,
        after: u64,
        visit: &mut dyn FnMut(StatusChange) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        // One writer at a time: the order of the numbers is the order of the commits.
        let sql = "SELECT x.serial, x.not_after, x.status, x.since, x.reason, x.invalidity_date, \
                   x.until, x.shard, x.changed_by FROM revocation x \
                   WHERE x.issuer = $1 AND x.changed_by > $2 ORDER BY x.changed_by";
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        self.read("visiting changes", |c| {
            each(
                c,
                sql,
                params![issuer.0, after],
                |row| read::change_row(row, issuer),
                visit,
            )
        })
    }

    fn commits(&self) -> Option<u64> {
        Some(self.commits.load(Ordering::SeqCst))
    }

    fn latest_crl_number(&self, issuer: &KeyId, shard: u32) -> Result<Option<u64>, StoreError> {
        self.read("reading CRL numbers", |c| {
            read::latest_crl_number(c, issuer, shard)
        })
    }

    fn latest_crl(&self, issuer: &KeyId, shard: u32) -> Result<Option<Crl>, StoreError> {
        self.read("reading CRLs", |c| {
            read::crl(c, issuer, shard, CrlKind::Complete, None)
        })
    }

    fn document(&self, locator: &Locator) -> Result<Option<DocumentRecord>, StoreError> {
        self.read("reading a document", |c| read::document(c, locator))
    }

    fn document_history(&self, locator: &Locator) -> Result<Vec<DocumentChange>, StoreError> {
        self.read("reading a document's history", |c| {
            read::document_history(c, locator, rows(MAX_ROWS))
        })
    }

    fn history(&self, id: &CertificateId) -> Result<Vec<AuditEntry>, StoreError> {
        self.read("reading a certificate's history", |c| {
            let sql = format!("{} WHERE object = $1 ORDER BY id LIMIT $2", read::AUDIT);
            let values = params![read::object_key(id), rows(MAX_ROWS)];
            read::all(c, &sql, values, read::audit_row)
        })
    }

    fn visit_audit(
        &self,
        after: u64,
        visit: &mut dyn FnMut(AuditEntry) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let sql = format!("{} WHERE id > $1 ORDER BY id", read::AUDIT);
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        self.read("visiting the audit", |c| {
            each(c, &sql, params![after], read::audit_row, visit)
        })
    }

    fn last_audit(&self) -> Result<u64, StoreError> {
        self.read("reading the audit", |c| {
            let last: i64 = c
                .prepare_cached("SELECT coalesce(max(id), 0) FROM audit")?
                .query_row([], |row| row.get(0))?;
            Ok(u64::try_from(last).unwrap_or(0))
        })
    }

    fn check(&self) -> Result<(), StoreError> {
        let finding = self.read("checking it", |c| {
            let pages: String = c.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
            if pages != "ok" {
                return Ok(Some(pages));
            }
            let mut references = c.prepare("PRAGMA foreign_key_check")?;
            let mut found = references.query([])?;
            Ok(match found.next()? {
                Some(row) => {
                    let (table, parent): (String, String) = (row.get(0)?, row.get(2)?);
                    Some(format!(
                        "a row of {table} speaks of a missing row of {parent}"
                    ))
                }
                None => None,
            })
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
}

/// Hands row after row to `visit`, holding one at a time.
pub(super) fn each<T>(
    c: &Connection,
    sql: &str,
    values: &[&dyn ToSql],
    read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
    mut visit: impl FnMut(T) -> ControlFlow<()>,
) -> rusqlite::Result<()> {
    let mut statement = c.prepare_cached(sql)?;
    let mut rows = statement.query(values)?;
    while let Some(row) = rows.next()? {
        if visit(read(row)?).is_break() {
            break;
        }
    }
    Ok(())
}

fn rows(limit: usize) -> i64 {
    i64::try_from(limit.min(MAX_ROWS)).unwrap_or(0)
}
