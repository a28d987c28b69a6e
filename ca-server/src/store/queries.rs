//! The store's queries over any database, each one statement and so one moment.

use std::ops::ControlFlow;

use esign_core::time::UnixTime;

use super::cells::{Cells, Columns, Value};
use super::lease::{Fence, LeaseName};
use super::log::{Attestation, LogName};
use super::read::{self, Source, values, visit};
use super::rules::person::{fold, sortable};
use super::{
    CertificateFilter, LogHead, MAX_BLOB, Receipt, RequestToIssue, StatusFilter, Store, StoreError,
    decode,
};
use crate::acts::Act;
use crate::ids::{CertificateId, Digest, HolderId, KeyId, Locator, RequestId};
use crate::officers::Officer;
use crate::records::{
    AuditEntry, CertificateRecord, Crl, CrlKind, DocumentChange, DocumentRecord, Holder, Issuer,
    RequestRecord, RequestStatus, Standing, StatusChange, StatusEntry, Stop, SubjectRecord,
};

/// What each database does in its own way: writing, and knowing itself.
pub(crate) trait Database: Source + Send + Sync {
    fn commit_acts(&self, fence: Option<&Fence>, acts: Vec<Act>) -> Result<Receipt, StoreError>;
    fn commits(&self) -> Option<u64>;
    fn check(&self) -> Result<(), StoreError>;
    fn take_lease(
        &self,
        lease: LeaseName,
        holder: &[u8; 16],
        millis: u32,
    ) -> Result<Option<u64>, StoreError>;
    fn release_lease(&self, fence: &Fence) -> Result<(), StoreError>;
    /// Runs a few statements that write, in one transaction.
    fn write(&self, doing: &'static str, statements: Vec<Statement>) -> Result<(), StoreError>;
    fn sequence(
        &self,
        log: LogName,
        fence: Option<&Fence>,
        from: u64,
        ids: Vec<u64>,
        head: LogHead,
    ) -> Result<(), StoreError>;
    fn sign_head(
        &self,
        log: LogName,
        fence: Option<&Fence>,
        size: u64,
        note: &str,
    ) -> Result<(), StoreError>;
    fn attest(&self, log: LogName, size: u64, attestation: &Attestation) -> Result<(), StoreError>;
}

/// A statement with its parameters.
pub(crate) struct Statement {
    pub(crate) sql: &'static str,
    pub(crate) values: Vec<Value>,
}

const DROP_LISTS: &str = "DELETE FROM published WHERE issuer = $1 AND shard = $2 AND kind = $3 \
     AND number < (SELECT max(number) FROM crl WHERE issuer = $1 AND shard = $2 AND kind = $3)";
const KEEP_LIST: &str = "INSERT INTO published (issuer, shard, kind, number, part, octets) \
     VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";

impl<D: Database> Store for D {
    fn commit(&self, acts: Vec<Act>) -> Result<Receipt, StoreError> {
        self.commit_acts(None, acts)
    }

    fn commit_under(&self, fence: &Fence, acts: Vec<Act>) -> Result<Receipt, StoreError> {
        self.commit_acts(Some(fence), acts)
    }

    fn take_lease(
        &self,
        lease: LeaseName,
        holder: &[u8; 16],
        millis: u32,
    ) -> Result<Option<u64>, StoreError> {
        Database::take_lease(self, lease, holder, millis)
    }

    fn release_lease(&self, fence: &Fence) -> Result<(), StoreError> {
        Database::release_lease(self, fence)
    }

    fn keep_list(&self, list: &Crl, octets: &[u8]) -> Result<(), StoreError> {
        let key = |more: [Value; 2]| {
            let kind = decode::crl_kind_name(list.kind);
            let mut values = values![list.issuer.0, list.shard, kind];
            values.extend(more);
            values
        };
        let mut statements = vec![Statement {
            sql: DROP_LISTS,
            values: values![list.issuer.0, list.shard, decode::crl_kind_name(list.kind)],
        }];
        for (part, octets) in (0_u64..).zip(octets.chunks(MAX_BLOB)) {
            let mut values = key([list.number.into(), part.into()]);
            values.push(octets.into());
            statements.push(Statement {
                sql: KEEP_LIST,
                values,
            });
        }
        self.write("keeping a list", statements)
    }

    fn kept_list(&self, list: &Crl) -> Result<Option<Vec<u8>>, StoreError> {
        let mut found = Vec::new();
        let mut there = false;
        visit(
            self,
            "reading a list",
            "SELECT octets FROM published \
             WHERE issuer = $1 AND shard = $2 AND kind = $3 AND number = $4 ORDER BY part",
            values![
                list.issuer.0,
                list.shard,
                decode::crl_kind_name(list.kind),
                list.number
            ],
            |row| Columns(row).take::<Vec<u8>>(),
            &mut |part: Vec<u8>| {
                there = true;
                found.extend_from_slice(&part);
                ControlFlow::Continue(())
            },
        )?;
        // A part may have been dropped meanwhile.
        Ok((there && Digest::of(&found) == list.digest).then_some(found))
    }

    fn issuers(&self) -> Result<Vec<Issuer>, StoreError> {
        read::issuers(self)
    }

    fn issuer(&self, key: &KeyId) -> Result<Option<Issuer>, StoreError> {
        read::issuer(self, key)
    }

    fn holder(&self, id: &HolderId) -> Result<Option<Holder>, StoreError> {
        read::holder(self, id)
    }

    fn holder_by_identifier(&self, identifier: &str) -> Result<Option<Holder>, StoreError> {
        read::holder_by_identifier(self, identifier)
    }

    fn holders_named(&self, prefix: &str, limit: usize) -> Result<Vec<Holder>, StoreError> {
        let folded = fold(prefix);
        let from = sortable(&folded);
        // Everything that begins so sorts before the same with the last code point behind it.
        let to = format!("{from}{}", char::MAX);
        read::holders_between(self, from, &to, limit)
    }

    fn request(&self, id: &RequestId) -> Result<Option<RequestRecord>, StoreError> {
        read::request(self, id)
    }

    fn request_to_issue(&self, id: &RequestId) -> Result<Option<RequestToIssue>, StoreError> {
        read::request_to_issue(self, id)
    }

    fn requests(
        &self,
        status: RequestStatus,
        after: Option<&RequestId>,
        limit: usize,
    ) -> Result<Vec<RequestRecord>, StoreError> {
        read::requests(self, status, after, limit)
    }

    fn request_subject(&self, id: &RequestId) -> Result<Option<SubjectRecord>, StoreError> {
        read::request_subject(self, id)
    }

    fn latest_renewal(&self, id: &CertificateId) -> Result<Option<RequestId>, StoreError> {
        read::latest_renewal(self, id)
    }

    fn officers(&self) -> Result<Vec<Officer>, StoreError> {
        read::officers(self)
    }

    fn officer_of_key(&self, key: &KeyId) -> Result<Option<Officer>, StoreError> {
        read::officer_of_key(self, key)
    }

    fn stop(&self) -> Result<Option<Stop>, StoreError> {
        read::stop(self)
    }

    fn visit_certificates(
        &self,
        filter: &CertificateFilter,
        each: &mut dyn FnMut(CertificateRecord) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let (sql, values) = read::certificates(filter);
        visit(
            self,
            "visiting certificates",
            &sql,
            values,
            decode::certificate,
            each,
        )
    }

    fn certificate(&self, id: &CertificateId) -> Result<Option<CertificateRecord>, StoreError> {
        read::certificate(self, id)
    }

    fn standing(&self, id: &CertificateId) -> Result<Option<Standing>, StoreError> {
        read::standing(self, id)
    }

    fn certificates_of_holder(&self, id: &HolderId) -> Result<Vec<CertificateId>, StoreError> {
        read::certificates_of_holder(self, id)
    }

    fn certificates_of_key(&self, key: &KeyId) -> Result<Vec<CertificateId>, StoreError> {
        read::certificates_of_key(self, key)
    }

    fn compromised(&self, key: &KeyId) -> Result<Option<CertificateId>, StoreError> {
        read::compromised(self, key)
    }

    fn open_intents(&self) -> Result<Vec<CertificateRecord>, StoreError> {
        read::open_intents(self)
    }

    fn visit_status(
        &self,
        issuer: &KeyId,
        shard: Option<u32>,
        filter: StatusFilter,
        each: &mut dyn FnMut(StatusEntry) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let (sql, values) = read::statuses(issuer, shard, filter);
        let decode = |row: &mut dyn Cells| decode::status_entry(row, issuer);
        visit(self, "visiting certificates", &sql, values, decode, each)
    }

    fn visit_changes(
        &self,
        issuer: &KeyId,
        after: u64,
        each: &mut dyn FnMut(StatusChange) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        // One writer at a time: the order of the numbers is the order of the commits.
        let values = values![issuer.0, after];
        let decode = |row: &mut dyn Cells| decode::status_change(row, issuer);
        visit(
            self,
            "visiting changes",
            read::CHANGES,
            values,
            decode,
            each,
        )
    }

    fn first_change(
        &self,
        issuer: &KeyId,
        shard: Option<u32>,
        after: UnixTime,
    ) -> Result<Option<UnixTime>, StoreError> {
        read::first_change(self, issuer, shard, after)
    }

    fn visit_ending(
        &self,
        after: UnixTime,
        to: UnixTime,
        most: u64,
        each: &mut dyn FnMut(CertificateRecord) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let sql = format!("{} {}", read::CERTIFICATE, read::ENDING);
        let values = values![after.seconds(), to.seconds(), most];
        visit(
            self,
            "visiting certificates that end",
            &sql,
            values,
            decode::certificate,
            each,
        )
    }

    fn visit_archived(
        &self,
        after: UnixTime,
        to: UnixTime,
        most: u64,
        each: &mut dyn FnMut(CertificateRecord) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let sql = format!("{} {}", read::CERTIFICATE, read::ARCHIVED);
        let values = values![after.seconds(), to.seconds(), most];
        visit(
            self,
            "visiting the archive",
            &sql,
            values,
            decode::certificate,
            each,
        )
    }

    fn progress(&self, name: &str) -> Result<Option<i64>, StoreError> {
        read::progress(self, name)
    }

    fn begin_progress(&self, name: &str, upto: i64) -> Result<(), StoreError> {
        let begin = Statement {
            sql: "INSERT INTO progress (name, upto) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            values: values![name, upto],
        };
        self.write("beginning work", vec![begin])
    }

    fn advance_progress(&self, name: &str, upto: i64) -> Result<(), StoreError> {
        let advance = Statement {
            sql: "UPDATE progress SET upto = $1 WHERE name = $2 AND upto < $1",
            values: values![upto, name],
        };
        self.write("going on with work", vec![advance])
    }

    fn commits(&self) -> Option<u64> {
        Database::commits(self)
    }

    fn latest_crl_number(&self, issuer: &KeyId, shard: u32) -> Result<Option<u64>, StoreError> {
        read::latest_crl_number(self, issuer, shard)
    }

    fn latest_crl(&self, issuer: &KeyId, shard: u32) -> Result<Option<Crl>, StoreError> {
        read::crl(self, issuer, shard, CrlKind::Complete, None)
    }

    fn latest_delta(&self, issuer: &KeyId, shard: u32) -> Result<Option<Crl>, StoreError> {
        read::crl(self, issuer, shard, CrlKind::Delta { base: 0 }, None)
    }

    fn document(&self, locator: &Locator) -> Result<Option<DocumentRecord>, StoreError> {
        read::document(self, locator)
    }

    fn document_history(&self, locator: &Locator) -> Result<Vec<DocumentChange>, StoreError> {
        read::document_history(self, locator)
    }

    fn history(&self, id: &CertificateId) -> Result<Vec<AuditEntry>, StoreError> {
        read::history(self, id)
    }

    fn visit_audit(
        &self,
        after: u64,
        each: &mut dyn FnMut(AuditEntry) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let sql = format!("{} WHERE id > $1 ORDER BY id", read::AUDIT);
        visit(
            self,
            "visiting the audit",
            &sql,
            values![after],
            decode::audit,
            each,
        )
    }

    fn last_audit(&self) -> Result<u64, StoreError> {
        read::last_audit(self)
    }

    fn check(&self) -> Result<(), StoreError> {
        Database::check(self)
    }
}
