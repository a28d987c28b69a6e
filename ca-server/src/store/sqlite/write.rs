//! The rules' view of SQLite. Parameters are numbered in the order of their first use, which is
//! where SQLite's and PostgreSQL's meaning of `$1` agree.

use esign_core::time::UnixTime;
use rusqlite::{Connection, ToSql, params};

use super::{failure, source};
use crate::acts::Act;
use crate::ids::{CertificateId, HolderId, IdempotencyKey, KeyId, Locator, Name, RequestId};
use crate::officers::Officer;
use crate::records::{
    CertificateRecord, Crl, CrlKind, Document, DocumentChange, DocumentRecord, DocumentStatus,
    Holder, Identity, Issuer, NewLeaf, Request, RequestRecord, RequestStatus, Stop, SubjectRecord,
};
use crate::store::cells::Value;
use crate::store::decode;
use crate::store::read::{self, Each, Source};
use crate::store::rows::{IntentRow, Rows, StandingRow};
use crate::store::{StoreError, StoreErrorKind};

/// Rows inside the writer's transaction.
pub(super) struct SqliteRows<'a> {
    pub(super) connection: &'a Connection,
    pub(super) object: &'a str,
}

impl SqliteRows<'_> {
    /// Runs a statement that writes; gives the number of rows.
    fn write(&self, sql: &str, values: &[&dyn ToSql]) -> Result<usize, StoreError> {
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(values))
            .map_err(|error| failure::sqlite(self.object, "writing", error))
    }

    /// Runs a statement that must change exactly one row, as the rules have just read it.
    fn write_one(&self, sql: &str, values: &[&dyn ToSql]) -> Result<(), StoreError> {
        match self.write(sql, values)? {
            1 => Ok(()),
            rows => Err(StoreError::new(
                StoreErrorKind::Bug,
                self.object,
                format_args!("a statement changed {rows} rows, not 1: {sql}"),
            )),
        }
    }
}

impl Source for SqliteRows<'_> {
    fn rows(
        &self,
        doing: &str,
        sql: &str,
        values: Vec<Value>,
        each: Each<'_>,
    ) -> Result<(), StoreError> {
        source::rows(self.connection, self.object, doing, sql, &values, each)
    }

    fn visit(
        &self,
        doing: &str,
        sql: &str,
        values: Vec<Value>,
        each: Each<'_>,
    ) -> Result<(), StoreError> {
        self.rows(doing, sql, values, each)
    }
}

impl Rows for SqliteRows<'_> {
    fn append_audit(
        &mut self,
        act: &Act,
        object: Option<&CertificateId>,
        body: &str,
    ) -> Result<u64, StoreError> {
        let key = object.map(decode::object_key);
        self.write_one(
            "INSERT INTO audit (at, actor, why, kind, object, body) VALUES ($1, $2, $3, $4, $5, $6)",
            params![act.at.seconds(), act.by.as_str(), act.why, act.change.kind(), key, body],
        )?;
        u64::try_from(self.connection.last_insert_rowid()).map_err(|_| {
            StoreError::new(
                StoreErrorKind::Corrupt,
                self.object,
                "audit numbers are negative",
            )
        })
    }

    fn issuer(&mut self, key: &KeyId) -> Result<Option<Issuer>, StoreError> {
        read::issuer(self, key)
    }

    fn issuer_of_generation(
        &mut self,
        subject: &[u8],
        generation: u32,
    ) -> Result<Option<KeyId>, StoreError> {
        read::issuer_of_generation(self, subject, generation)
    }

    fn insert_issuer(&mut self, issuer: &Issuer) -> Result<(), StoreError> {
        self.write_one(
            "INSERT INTO issuer (key, subject, certificate, generation) VALUES ($1, $2, $3, $4)",
            params![
                issuer.key.0,
                issuer.subject,
                issuer.certificate,
                issuer.generation
            ],
        )
    }

    fn holder(&mut self, id: &HolderId) -> Result<Option<Holder>, StoreError> {
        read::holder(self, id)
    }

    fn holder_of_identifier(&mut self, identifier: &str) -> Result<Option<HolderId>, StoreError> {
        Ok(read::holder_by_identifier(self, identifier)?.map(|holder| holder.id))
    }

    fn put_holder(&mut self, holder: &Holder, sort_name: &str) -> Result<(), StoreError> {
        let (kind, given_name, surname, organization) = match &holder.identity {
            Identity::Legal { organization, .. } => ("legal", None, None, Some(organization)),
            Identity::Natural {
                given_name,
                surname,
                ..
            } => ("natural", Some(given_name), Some(surname), None),
        };
        self.write_one(
            "INSERT INTO holder (id, version, kind, identifier, given_name, surname, organization, \
             contact, sort_name) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
             ON CONFLICT (id) DO UPDATE SET version = excluded.version, kind = excluded.kind, \
             identifier = excluded.identifier, given_name = excluded.given_name, \
             surname = excluded.surname, organization = excluded.organization, \
             contact = excluded.contact, sort_name = excluded.sort_name",
            params![
                holder.id.0,
                holder.version,
                kind,
                holder.identity.identifier(),
                given_name,
                surname,
                organization,
                holder.contact,
                sort_name
            ],
        )
    }

    fn request(&mut self, id: &RequestId) -> Result<Option<RequestRecord>, StoreError> {
        read::request(self, id)
    }

    fn insert_request(
        &mut self,
        request: &Request,
        by: &Name,
        at: UnixTime,
        status: RequestStatus,
    ) -> Result<(), StoreError> {
        let (needed, own) = decode::approval_columns(request.approval);
        self.write_one(
            "INSERT INTO request (id, profile, public_key, holder, requested_by, received_at, \
             approvals_needed, own_approval, status, former_issuer, former_serial) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            params![
                request.id.0,
                request.profile.as_str(),
                request.public_key,
                request.holder.map(|holder| holder.0),
                by.as_str(),
                at.seconds(),
                needed,
                own,
                decode::request_status_name(status),
                request.former.as_ref().map(|id| id.issuer.0),
                request.former.as_ref().map(|id| id.serial.as_bytes())
            ],
        )
    }

    fn set_request_status(
        &mut self,
        id: &RequestId,
        status: RequestStatus,
        certificate: Option<&CertificateId>,
    ) -> Result<(), StoreError> {
        self.write_one(
            "UPDATE request SET status = $1, issuer = $2, serial = $3 WHERE id = $4",
            params![
                decode::request_status_name(status),
                certificate.map(|id| id.issuer.0),
                certificate.map(|id| id.serial.as_bytes()),
                id.0
            ],
        )
    }

    fn latest_renewal(&mut self, id: &CertificateId) -> Result<Option<RequestId>, StoreError> {
        read::latest_renewal(self, id)
    }

    fn request_subject(&mut self, id: &RequestId) -> Result<Option<SubjectRecord>, StoreError> {
        read::request_subject(self, id)
    }

    fn set_request_holder(
        &mut self,
        id: &RequestId,
        holder: Option<&HolderId>,
    ) -> Result<(), StoreError> {
        self.write_one(
            "UPDATE request SET holder = $1 WHERE id = $2",
            params![holder.map(|holder| holder.0), id.0],
        )
    }

    fn put_request_subject(&mut self, record: &SubjectRecord) -> Result<(), StoreError> {
        self.write_one(
            "INSERT INTO request_subject (request, csr, identity, listed, vetted_by, at) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (request) DO UPDATE SET \
             csr = excluded.csr, identity = excluded.identity, listed = excluded.listed, \
             vetted_by = excluded.vetted_by, at = excluded.at",
            params![
                record.subject.request.0,
                record.subject.csr,
                record.subject.identity,
                i64::from(record.subject.listed),
                record.vetted_by.as_ref().map(Name::as_str),
                record.at.seconds()
            ],
        )
    }

    fn officer(&mut self, name: &Name) -> Result<Option<Officer>, StoreError> {
        read::officer(self, name)
    }

    fn officer_of_key(&mut self, key: &KeyId) -> Result<Option<Officer>, StoreError> {
        read::officer_of_key(self, key)
    }

    fn put_officer(&mut self, officer: &Officer, at: UnixTime) -> Result<(), StoreError> {
        self.write_one(
            "INSERT INTO officer (name, key, roles, since) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (name) DO UPDATE SET key = excluded.key, roles = excluded.roles, \
             since = excluded.since",
            params![
                officer.name.as_str(),
                officer.key.0,
                officer.role_names(),
                at.seconds()
            ],
        )
    }

    fn stop(&mut self) -> Result<Option<Stop>, StoreError> {
        read::stop(self)
    }

    fn put_stop(&mut self, stop: Option<&Stop>) -> Result<(), StoreError> {
        match stop {
            Some(stop) => self.write_one(
                "INSERT INTO stop (one, since, actor, why) VALUES (1, $1, $2, $3)",
                params![stop.since.seconds(), stop.by.as_str(), stop.why],
            ),
            None => self.write_one("DELETE FROM stop WHERE one = 1", params![]),
        }
    }

    fn insert_approval(
        &mut self,
        id: &RequestId,
        by: &Name,
        at: UnixTime,
    ) -> Result<(), StoreError> {
        self.write_one(
            "INSERT INTO approval (request, approver, at) VALUES ($1, $2, $3)",
            params![id.0, by.as_str(), at.seconds()],
        )
    }

    fn certificate(&mut self, id: &CertificateId) -> Result<Option<CertificateRecord>, StoreError> {
        read::certificate(self, id)
    }

    fn insert_intent(&mut self, row: &IntentRow<'_>) -> Result<(), StoreError> {
        let intent = row.intent;
        self.write_one(
            "INSERT INTO certificate (issuer, serial, request, profile, holder, subject_key, \
             not_before, not_after, shard, tbs_digest, tbs, intended_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            params![
                intent.id.issuer.0,
                intent.id.serial.as_bytes(),
                intent.request.0,
                row.request.profile.as_str(),
                row.request.holder.map(|holder| holder.0),
                KeyId::of_spki(&row.request.public_key).0,
                intent.not_before.seconds(),
                intent.not_after.seconds(),
                intent.shard,
                row.tbs_digest.0,
                intent.tbs,
                row.at.seconds()
            ],
        )
    }

    fn set_issued(
        &mut self,
        id: &CertificateId,
        certificate: &[u8],
        at: UnixTime,
    ) -> Result<(), StoreError> {
        self.write_one(
            "UPDATE certificate SET tbs = NULL, certificate = $1, issued_at = $2 \
             WHERE issuer = $3 AND serial = $4 AND certificate IS NULL",
            params![certificate, at.seconds(), id.issuer.0, id.serial.as_bytes()],
        )
    }

    fn set_published(&mut self, id: &CertificateId, at: UnixTime) -> Result<(), StoreError> {
        self.write_one(
            "UPDATE certificate SET published_at = $1 WHERE issuer = $2 AND serial = $3",
            params![at.seconds(), id.issuer.0, id.serial.as_bytes()],
        )
    }

    fn set_archived(&mut self, id: &CertificateId, at: UnixTime) -> Result<(), StoreError> {
        self.write_one(
            "UPDATE certificate SET archived_at = $1 WHERE issuer = $2 AND serial = $3",
            params![at.seconds(), id.issuer.0, id.serial.as_bytes()],
        )
    }

    fn standing_changed_at(
        &mut self,
        certificate: &CertificateRecord,
    ) -> Result<Option<UnixTime>, StoreError> {
        read::standing_changed_at(self, &certificate.id, certificate.shard)
    }

    fn put_standing(&mut self, row: &StandingRow<'_>) -> Result<(), StoreError> {
        let Some((status, reason, invalidity_date, until)) = decode::standing_columns(row.standing)
        else {
            return Err(StoreError::new(
                StoreErrorKind::Bug,
                format_args!("certificate {}", row.certificate.id),
                "an intent is no standing to be put",
            ));
        };
        self.write_one(
            "INSERT INTO revocation (issuer, shard, serial, status, since, reason, \
             invalidity_date, until, not_after, changed_by) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
             ON CONFLICT (issuer, shard, serial) DO UPDATE SET status = excluded.status, \
             since = excluded.since, reason = excluded.reason, \
             invalidity_date = excluded.invalidity_date, until = excluded.until, \
             changed_by = excluded.changed_by",
            params![
                row.certificate.id.issuer.0,
                row.certificate.shard,
                row.certificate.id.serial.as_bytes(),
                status,
                row.at.seconds(),
                reason,
                invalidity_date,
                until,
                row.certificate.not_after.seconds(),
                signed(row.audit)?
            ],
        )
    }

    fn latest_crl_number(&mut self, issuer: &KeyId, shard: u32) -> Result<Option<u64>, StoreError> {
        read::latest_crl_number(self, issuer, shard)
    }

    fn crl_number_exists(
        &mut self,
        issuer: &KeyId,
        shard: u32,
        number: u64,
    ) -> Result<bool, StoreError> {
        read::crl_number_exists(self, issuer, shard, number)
    }

    fn insert_crl_number(
        &mut self,
        issuer: &KeyId,
        shard: u32,
        number: u64,
        at: UnixTime,
    ) -> Result<(), StoreError> {
        self.write_one(
            "INSERT INTO crl_number (issuer, shard, number, reserved_at) VALUES ($1, $2, $3, $4)",
            params![issuer.0, shard, signed(number)?, at.seconds()],
        )
    }

    fn crl(
        &mut self,
        issuer: &KeyId,
        shard: u32,
        kind: CrlKind,
        number: Option<u64>,
    ) -> Result<Option<Crl>, StoreError> {
        read::crl(self, issuer, shard, kind, number)
    }

    fn insert_crl(&mut self, crl: &Crl) -> Result<(), StoreError> {
        let base = match crl.kind {
            CrlKind::Complete => None,
            CrlKind::Delta { base } => Some(signed(base)?),
        };
        self.write_one(
            "INSERT INTO crl (issuer, shard, number, kind, base, this_update, next_update, digest) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            params![
                crl.issuer.0,
                crl.shard,
                signed(crl.number)?,
                decode::crl_kind_name(crl.kind),
                base,
                crl.this_update.seconds(),
                crl.next_update.seconds(),
                crl.digest.0
            ],
        )
    }

    fn insert_document(&mut self, document: &Document, at: UnixTime) -> Result<bool, StoreError> {
        let rows = self.write(
            "INSERT INTO document (locator, sealed, digest, issuer, class, idempotency, \
             idempotency_key, registered_at, version, status, since) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, 'in-force', $8) \
             ON CONFLICT DO NOTHING",
            params![
                document.locator.0,
                document.sealed,
                document.digest.0,
                document.issuer.as_str(),
                document.class,
                decode::idempotency(&document.issuer, &document.idempotency_key),
                document.idempotency_key.0,
                at.seconds()
            ],
        )?;
        Ok(rows == 1)
    }

    fn document(&mut self, locator: &Locator) -> Result<Option<DocumentRecord>, StoreError> {
        read::document(self, locator)
    }

    fn document_of_key(
        &mut self,
        issuer: &Name,
        key: &IdempotencyKey,
    ) -> Result<Option<DocumentRecord>, StoreError> {
        read::document_by_idempotency(self, &decode::idempotency(issuer, key))
    }

    fn change_document(
        &mut self,
        locator: &Locator,
        change: &DocumentChange,
    ) -> Result<(), StoreError> {
        let successor = match change.status {
            DocumentStatus::Superseded { successor } => Some(successor.0),
            _ => None,
        };
        let status = decode::document_status_name(change.status);
        self.write_one(
            "UPDATE document SET version = $1, status = $2, since = $3, successor = $4 \
             WHERE locator = $5",
            params![
                change.version,
                status,
                change.since.seconds(),
                successor,
                locator.0
            ],
        )?;
        self.write_one(
            "INSERT INTO document_change (document, version, status, since, why, successor) \
             SELECT position, version, status, since, $1, successor FROM document WHERE locator = $2",
            params![change.why, locator.0],
        )
    }

    fn leaf(&mut self, locator: &Locator, version: u32) -> Result<Option<Vec<u8>>, StoreError> {
        read::leaf(self, locator, version)
    }

    fn insert_leaf(&mut self, audit: u64, leaf: &NewLeaf) -> Result<(), StoreError> {
        self.write_one(
            "INSERT INTO register_leaf (audit, locator, version, octets, detail) \
             VALUES ($1, $2, $3, $4, $5)",
            params![
                signed(audit)?,
                leaf.locator.0,
                leaf.version,
                leaf.octets,
                leaf.detail
            ],
        )
    }
}

fn signed(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number)
        .map_err(|_| StoreError::value("number", format_args!("{number} is over {}", i64::MAX)))
}
