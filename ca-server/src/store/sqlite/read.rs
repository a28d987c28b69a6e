//! Rows of SQLite as records, for the rules and for queries alike.

use esign_core::time::UnixTime;
use rusqlite::types::{FromSqlError, Type, Value};
use rusqlite::{Connection, OptionalExtension, Result, Row, ToSql, params};

use crate::ids::{
    CertificateId, Digest, HolderId, IdempotencyKey, KeyId, Locator, Name, RequestId, Serial,
};
use crate::officers::{Officer, Role};
use crate::records::{
    Approval, AuditEntry, CertificateRecord, Crl, CrlKind, Document, DocumentChange,
    DocumentRecord, DocumentStatus, Holder, Identity, Issuer, Request, RequestRecord,
    RequestStatus, RequestSubject, RevocationReason, Standing, StatusChange, StatusEntry, Stop,
    SubjectRecord,
};
use crate::store::CertificateFilter;

const REQUEST_STATUSES: [(RequestStatus, &str); 4] = [
    (RequestStatus::Approved, "approved"),
    (RequestStatus::Issued, "issued"),
    (RequestStatus::Pending, "pending"),
    (RequestStatus::Refused, "refused"),
];

pub(super) fn request_status_name(status: RequestStatus) -> &'static str {
    REQUEST_STATUSES
        .iter()
        .find(|(s, _)| *s == status)
        .map_or("", |(_, name)| name)
}

pub(super) const fn crl_kind_name(kind: CrlKind) -> &'static str {
    match kind {
        CrlKind::Complete => "complete",
        CrlKind::Delta { .. } => "delta",
    }
}

pub(super) const fn document_status_name(status: DocumentStatus) -> &'static str {
    match status {
        DocumentStatus::InForce => "in-force",
        DocumentStatus::Revoked => "revoked",
        DocumentStatus::Superseded { .. } => "superseded",
        DocumentStatus::Suspended => "suspended",
        DocumentStatus::Used => "used",
    }
}

/// A certificate in the index of the audit's objects: issuer key, serial number.
pub(super) fn object_key(id: &CertificateId) -> Vec<u8> {
    [id.issuer.as_bytes(), id.serial.as_bytes()].concat()
}

/// Takes the columns of a row one after another.
struct Columns<'r, 's> {
    row: &'r Row<'s>,
    next: usize,
}

impl<'r, 's> Columns<'r, 's> {
    const fn of(row: &'r Row<'s>) -> Self {
        Self { row, next: 0 }
    }

    fn take<T: rusqlite::types::FromSql>(&mut self) -> Result<T> {
        let value = self.row.get(self.next);
        self.next = self.next.saturating_add(1);
        value
    }

    /// A value that the schema alone does not bound.
    fn checked<T>(&self, value: Option<T>) -> Result<T> {
        value.ok_or_else(|| {
            let column = self.next.saturating_sub(1);
            rusqlite::Error::FromSqlConversionFailure(
                column,
                Type::Null,
                Box::new(FromSqlError::InvalidType),
            )
        })
    }

    fn time(&mut self) -> Result<UnixTime> {
        self.take().map(UnixTime::from_seconds)
    }

    fn time_or_null(&mut self) -> Result<Option<UnixTime>> {
        Ok(self.take::<Option<i64>>()?.map(UnixTime::from_seconds))
    }

    fn number(&mut self) -> Result<u64> {
        let value: i64 = self.take()?;
        self.checked(u64::try_from(value).ok())
    }

    fn name(&mut self) -> Result<Name> {
        let text: String = self.take()?;
        self.checked(Name::new(&text).ok())
    }

    fn serial(&mut self) -> Result<Serial> {
        let octets: Vec<u8> = self.take()?;
        self.checked(Serial::from_magnitude(&octets).ok())
    }

    /// status, since, reason, invalidity_date, until of a revocation.
    fn standing(&mut self) -> Result<Option<Standing>> {
        let status: Option<String> = self.take()?;
        let since = self.time_or_null()?;
        let reason: Option<u8> = self.take()?;
        let invalidity_date = self.time_or_null()?;
        let until = self.time_or_null()?;
        let standing = match (status.as_deref(), since) {
            (None, _) => return Ok(None),
            (Some("restored"), _) => Some(Standing::Good),
            (Some("revoked"), Some(since)) => {
                reason
                    .and_then(RevocationReason::from_code)
                    .map(|reason| Standing::Revoked {
                        since,
                        reason,
                        invalidity_date,
                    })
            }
            (Some("suspended"), Some(since)) => Some(Standing::Suspended { since, until }),
            _ => None,
        };
        self.checked(standing).map(Some)
    }

    fn document_status(&mut self) -> Result<DocumentStatus> {
        let status: String = self.take()?;
        let successor: Option<[u8; 32]> = self.take()?;
        let status = match (status.as_str(), successor) {
            ("in-force", None) => Some(DocumentStatus::InForce),
            ("revoked", None) => Some(DocumentStatus::Revoked),
            ("superseded", Some(digest)) => Some(DocumentStatus::Superseded {
                successor: Digest(digest),
            }),
            ("suspended", None) => Some(DocumentStatus::Suspended),
            ("used", None) => Some(DocumentStatus::Used),
            _ => None,
        };
        self.checked(status)
    }
}

/// At most one row.
fn one<T>(
    c: &Connection,
    sql: &str,
    values: &[&dyn ToSql],
    read: impl FnOnce(&Row<'_>) -> Result<T>,
) -> Result<Option<T>> {
    c.prepare_cached(sql)?.query_row(values, read).optional()
}

/// Every row that a bounded query gives.
pub(super) fn all<T>(
    c: &Connection,
    sql: &str,
    values: &[&dyn ToSql],
    read: impl FnMut(&Row<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    c.prepare_cached(sql)?.query_map(values, read)?.collect()
}

const ISSUER: &str = "SELECT key, subject, certificate, generation FROM issuer";

fn issuer_row(row: &Row<'_>) -> Result<Issuer> {
    let mut columns = Columns::of(row);
    Ok(Issuer {
        key: KeyId(columns.take()?),
        subject: columns.take()?,
        certificate: columns.take()?,
        generation: columns.take()?,
    })
}

pub(super) fn issuer(c: &Connection, key: &KeyId) -> Result<Option<Issuer>> {
    one(
        c,
        &format!("{ISSUER} WHERE key = $1"),
        params![key.0],
        issuer_row,
    )
}

pub(super) fn issuers(c: &Connection) -> Result<Vec<Issuer>> {
    all(c, &format!("{ISSUER} ORDER BY position"), &[], issuer_row)
}

const HOLDER: &str = "SELECT id, version, kind, identifier, given_name, surname, organization, \
                      contact FROM holder";

pub(super) fn holder_row(row: &Row<'_>) -> Result<Holder> {
    let mut columns = Columns::of(row);
    let id = HolderId(columns.take()?);
    let version = columns.take()?;
    let kind: String = columns.take()?;
    let identifier = columns.take()?;
    let (given_name, surname, organization): (Option<String>, Option<String>, Option<String>) =
        (columns.take()?, columns.take()?, columns.take()?);
    let identity = match (kind.as_str(), given_name, surname, organization) {
        ("natural", Some(given_name), Some(surname), None) => Some(Identity::Natural {
            identifier,
            given_name,
            surname,
        }),
        ("legal", None, None, Some(organization)) => Some(Identity::Legal {
            identifier,
            organization,
        }),
        _ => None,
    };
    let identity = columns.checked(identity)?;
    Ok(Holder {
        id,
        version,
        identity,
        contact: columns.take()?,
    })
}

pub(super) fn holder(c: &Connection, id: &HolderId) -> Result<Option<Holder>> {
    one(
        c,
        &format!("{HOLDER} WHERE id = $1"),
        params![id.0],
        holder_row,
    )
}

pub(super) fn holder_by_identifier(c: &Connection, identifier: &str) -> Result<Option<Holder>> {
    one(
        c,
        &format!("{HOLDER} WHERE identifier = $1"),
        params![identifier],
        holder_row,
    )
}

/// Holders whose sort name is in `from..to`.
pub(super) fn holders_between(
    c: &Connection,
    from: &str,
    to: &str,
    limit: i64,
) -> Result<Vec<Holder>> {
    let sql = format!(
        "{HOLDER} WHERE sort_name >= $1 AND sort_name < $2 ORDER BY sort_name, id LIMIT $3"
    );
    all(c, &sql, params![from, to, limit], holder_row)
}

const REQUEST: &str = "SELECT id, profile, public_key, holder, requested_by, received_at, \
                       approvals_needed, own_approval, status, issuer, serial FROM request";

fn request_row(c: &Connection, row: &Row<'_>) -> Result<RequestRecord> {
    let mut columns = Columns::of(row);
    let id = RequestId(columns.take()?);
    let profile = columns.name()?;
    let public_key = columns.take()?;
    let holder = columns.take::<Option<[u8; 16]>>()?.map(HolderId);
    let requested_by = columns.name()?;
    let received_at = columns.time()?;
    let (needed, own): (u8, u8) = (columns.take()?, columns.take()?);
    let approval = match (needed, own) {
        (0, 0) => Some(Approval::None),
        (1, 1) => Some(Approval::Anyone),
        (persons, 0) => Some(Approval::Others(persons)),
        _ => None,
    };
    let approval = columns.checked(approval)?;
    let status: String = columns.take()?;
    let status = REQUEST_STATUSES
        .iter()
        .find(|(_, name)| *name == status)
        .map(|(s, _)| *s);
    let status = columns.checked(status)?;
    let issuer: Option<[u8; 32]> = columns.take()?;
    let certificate = match issuer {
        Some(issuer) => Some(CertificateId {
            issuer: KeyId(issuer),
            serial: columns.serial()?,
        }),
        None => None,
    };
    let approved_by = if approval == Approval::None {
        Vec::new()
    } else {
        all(
            c,
            "SELECT approver FROM approval WHERE request = $1 ORDER BY position",
            params![id.0],
            |row| Columns::of(row).name(),
        )?
    };
    let request = Request {
        id,
        profile,
        public_key,
        holder,
        approval,
    };
    Ok(RequestRecord {
        request,
        requested_by,
        received_at,
        status,
        approved_by,
        certificate,
    })
}

pub(super) fn request(c: &Connection, id: &RequestId) -> Result<Option<RequestRecord>> {
    let sql = format!("{REQUEST} WHERE id = $1");
    one(c, &sql, params![id.0], |row| request_row(c, row))
}

pub(super) fn requests(
    c: &Connection,
    status: RequestStatus,
    after: Option<&RequestId>,
    limit: i64,
) -> Result<Vec<RequestRecord>> {
    let sql = format!(
        "{REQUEST} WHERE status = $1 \
         AND position > coalesce((SELECT position FROM request WHERE id = $2), 0) \
         ORDER BY position LIMIT $3"
    );
    let values = params![request_status_name(status), after.map(|id| id.0), limit];
    all(c, &sql, values, |row| request_row(c, row))
}

pub(super) fn request_subject(c: &Connection, id: &RequestId) -> Result<Option<SubjectRecord>> {
    one(
        c,
        "SELECT s.request, s.csr, r.holder, s.identity, s.listed, s.vetted_by, s.at \
         FROM request_subject s JOIN request r ON r.id = s.request WHERE s.request = $1",
        params![id.0],
        |row| {
            let mut columns = Columns::of(row);
            let subject = RequestSubject {
                request: RequestId(columns.take()?),
                csr: columns.take()?,
                holder: columns.take::<Option<[u8; 16]>>()?.map(HolderId),
                identity: columns.take()?,
                listed: columns.take::<i64>()? == 1,
            };
            let vetted_by = match columns.take::<Option<String>>()? {
                Some(name) => Some(columns.checked(Name::new(&name).ok())?),
                None => None,
            };
            Ok(SubjectRecord {
                subject,
                vetted_by,
                at: columns.time()?,
            })
        },
    )
}

const OFFICER: &str = "SELECT name, key, roles FROM officer";

fn officer_row(row: &Row<'_>) -> Result<Officer> {
    let mut columns = Columns::of(row);
    let (name, key) = (columns.name()?, KeyId(columns.take()?));
    let roles: String = columns.take()?;
    let roles: Option<Vec<Role>> = roles
        .split(',')
        .filter(|name| !name.is_empty())
        .map(Role::from_name)
        .collect();
    Ok(Officer::new(name, key, columns.checked(roles)?))
}

pub(super) fn officer(c: &Connection, name: &Name) -> Result<Option<Officer>> {
    let sql = format!("{OFFICER} WHERE name = $1");
    one(c, &sql, params![name.as_str()], officer_row)
}

pub(super) fn officer_of_key(c: &Connection, key: &KeyId) -> Result<Option<Officer>> {
    let sql = format!("{OFFICER} WHERE key = $1");
    one(c, &sql, params![key.0], officer_row)
}

pub(super) fn officers(c: &Connection, limit: i64) -> Result<Vec<Officer>> {
    let sql = format!("{OFFICER} ORDER BY name LIMIT $1");
    all(c, &sql, params![limit], officer_row)
}

pub(super) fn stop(c: &Connection) -> Result<Option<Stop>> {
    one(c, "SELECT since, actor, why FROM stop", params![], |row| {
        let mut columns = Columns::of(row);
        Ok(Stop {
            since: columns.time()?,
            by: columns.name()?,
            why: columns.take()?,
        })
    })
}

/// The query for the certificates of a filter, and the values of its parameters.
pub(super) fn certificates(filter: &CertificateFilter) -> (String, Vec<Value>) {
    let key = |key: KeyId| Value::Blob(key.0.to_vec());
    let time = |at: UnixTime| Value::Integer(at.seconds());
    let conditions = [
        ("c.issuer =", filter.issuer.map(key)),
        (
            "c.profile =",
            filter
                .profile
                .as_ref()
                .map(|p| Value::Text(p.as_str().to_owned())),
        ),
        (
            "c.holder =",
            filter.holder.map(|id| Value::Blob(id.0.to_vec())),
        ),
        ("c.subject_key =", filter.subject_key.map(key)),
        ("c.not_before >=", filter.from.map(time)),
        ("c.not_before <", filter.to.map(time)),
    ];
    let mut values = Vec::new();
    let mut sql = CERTIFICATE.to_owned();
    for (condition, value) in conditions {
        if let Some(value) = value {
            let word = if values.is_empty() { "WHERE" } else { "AND" };
            values.push(value);
            sql = format!("{sql} {word} {condition} ${}", values.len());
        }
    }
    (format!("{sql} ORDER BY c.position"), values)
}

const CERTIFICATE: &str = "SELECT c.issuer, c.serial, c.request, c.profile, c.holder, \
     c.subject_key, c.not_before, c.not_after, c.shard, c.tbs_digest, c.tbs, c.certificate, \
     c.intended_at, c.issued_at, c.published_at, \
     r.status, r.since, r.reason, r.invalidity_date, r.until \
     FROM certificate c LEFT JOIN revocation r \
     ON r.issuer = c.issuer AND r.shard = c.shard AND r.serial = c.serial";

pub(super) fn certificate_row(row: &Row<'_>) -> Result<CertificateRecord> {
    let mut columns = Columns::of(row);
    let id = CertificateId {
        issuer: KeyId(columns.take()?),
        serial: columns.serial()?,
    };
    let request = RequestId(columns.take()?);
    let profile = columns.name()?;
    let holder = columns.take::<Option<[u8; 16]>>()?.map(HolderId);
    let subject_key = KeyId(columns.take()?);
    let (not_before, not_after) = (columns.time()?, columns.time()?);
    let shard = columns.take()?;
    let tbs_digest = Digest(columns.take()?);
    let tbs = columns.take()?;
    let certificate: Option<Vec<u8>> = columns.take()?;
    let intended_at = columns.time()?;
    let (issued_at, published_at) = (columns.time_or_null()?, columns.time_or_null()?);
    let unlisted = if certificate.is_some() {
        Standing::Good
    } else {
        Standing::Intended
    };
    let standing = columns.standing()?.unwrap_or(unlisted);
    Ok(CertificateRecord {
        id,
        request,
        profile,
        holder,
        subject_key,
        not_before,
        not_after,
        shard,
        tbs_digest,
        tbs,
        certificate,
        intended_at,
        issued_at,
        published_at,
        standing,
    })
}

pub(super) fn certificate(c: &Connection, id: &CertificateId) -> Result<Option<CertificateRecord>> {
    let sql = format!("{CERTIFICATE} WHERE c.issuer = $1 AND c.serial = $2");
    one(
        c,
        &sql,
        params![id.issuer.0, id.serial.as_bytes()],
        certificate_row,
    )
}

/// Intents that nobody has issued or revoked.
pub(super) fn open_intents(c: &Connection, limit: i64) -> Result<Vec<CertificateRecord>> {
    let sql = format!(
        "{CERTIFICATE} WHERE c.certificate IS NULL AND r.serial IS NULL ORDER BY c.position LIMIT $1"
    );
    all(c, &sql, params![limit], certificate_row)
}

pub(super) fn standing(c: &Connection, id: &CertificateId) -> Result<Option<Standing>> {
    one(
        c,
        "SELECT c.issued_at, r.status, r.since, r.reason, r.invalidity_date, r.until \
         FROM certificate c LEFT JOIN revocation r \
         ON r.issuer = c.issuer AND r.shard = c.shard AND r.serial = c.serial \
         WHERE c.issuer = $1 AND c.serial = $2",
        params![id.issuer.0, id.serial.as_bytes()],
        |row| {
            let mut columns = Columns::of(row);
            let issued = columns.time_or_null()?.is_some();
            let unlisted = if issued {
                Standing::Good
            } else {
                Standing::Intended
            };
            Ok(columns.standing()?.unwrap_or(unlisted))
        },
    )
}

/// issuer, serial.
pub(super) fn certificate_id_row(row: &Row<'_>) -> Result<CertificateId> {
    let mut columns = Columns::of(row);
    Ok(CertificateId {
        issuer: KeyId(columns.take()?),
        serial: columns.serial()?,
    })
}

/// serial, not_after, status, since, reason, invalidity_date, until.
pub(super) fn listed_row(row: &Row<'_>) -> Result<(Serial, UnixTime, Standing)> {
    let mut columns = Columns::of(row);
    let serial = columns.serial()?;
    let not_after = columns.time()?;
    Ok((
        serial,
        not_after,
        columns.standing()?.unwrap_or(Standing::Good),
    ))
}

/// serial, not_after, status, since, reason, invalidity_date, until, shard, changed_by.
pub(super) fn change_row(row: &Row<'_>, issuer: &KeyId) -> Result<StatusChange> {
    let (serial, not_after, standing) = listed_row(row)?;
    let audit: i64 = row.get(8)?;
    Ok(StatusChange {
        entry: StatusEntry {
            id: CertificateId {
                issuer: *issuer,
                serial,
            },
            not_after,
            standing,
        },
        shard: row.get(7)?,
        audit: u64::try_from(audit).unwrap_or(0),
    })
}

pub(super) fn latest_crl_number(c: &Connection, issuer: &KeyId, shard: u32) -> Result<Option<u64>> {
    one(
        c,
        "SELECT number FROM crl_number WHERE issuer = $1 AND shard = $2 \
         ORDER BY number DESC LIMIT 1",
        params![issuer.0, shard],
        |row| Columns::of(row).number(),
    )
}

pub(super) fn crl(
    c: &Connection,
    issuer: &KeyId,
    shard: u32,
    kind: CrlKind,
    number: Option<u64>,
) -> Result<Option<Crl>> {
    let select = "SELECT number, base, this_update, next_update, digest FROM crl \
                  WHERE issuer = $1 AND shard = $2 AND kind = $3";
    let read = |row: &Row<'_>| {
        let mut columns = Columns::of(row);
        let number = columns.number()?;
        let base: Option<i64> = columns.take()?;
        let kind = match base {
            None => CrlKind::Complete,
            Some(base) => CrlKind::Delta {
                base: columns.checked(u64::try_from(base).ok())?,
            },
        };
        Ok(Crl {
            issuer: *issuer,
            shard,
            number,
            kind,
            this_update: columns.time()?,
            next_update: columns.time()?,
            digest: Digest(columns.take()?),
        })
    };
    let name = crl_kind_name(kind);
    match number {
        Some(number) => {
            let number = i64::try_from(number).unwrap_or(i64::MAX);
            let sql = format!("{select} AND number = $4");
            one(c, &sql, params![issuer.0, shard, name, number], read)
        }
        None => {
            let sql = format!("{select} ORDER BY number DESC LIMIT 1");
            one(c, &sql, params![issuer.0, shard, name], read)
        }
    }
}

const DOCUMENT: &str = "SELECT locator, sealed, digest, issuer, class, idempotency_key, \
     registered_at, d.version, d.since, coalesce(h.why, ''), d.status, d.successor \
     FROM document d LEFT JOIN document_change h \
     ON h.document = d.position AND h.version = d.version";

fn document_row(row: &Row<'_>) -> Result<DocumentRecord> {
    let mut columns = Columns::of(row);
    let document = Document {
        locator: Locator(columns.take()?),
        sealed: columns.take()?,
        digest: Digest(columns.take()?),
        issuer: columns.name()?,
        class: columns.take()?,
        idempotency_key: IdempotencyKey(columns.take()?),
    };
    let registered_at = columns.time()?;
    let status = change(&mut columns)?;
    Ok(DocumentRecord {
        document,
        registered_at,
        status,
    })
}

/// version, since, why, status, successor.
fn change(columns: &mut Columns<'_, '_>) -> Result<DocumentChange> {
    Ok(DocumentChange {
        version: columns.take()?,
        since: columns.time()?,
        why: columns.take()?,
        status: columns.document_status()?,
    })
}

pub(super) fn document(c: &Connection, locator: &Locator) -> Result<Option<DocumentRecord>> {
    one(
        c,
        &format!("{DOCUMENT} WHERE locator = $1"),
        params![locator.0],
        document_row,
    )
}

pub(super) fn document_by_idempotency(
    c: &Connection,
    key: &[u8; 16],
) -> Result<Option<DocumentRecord>> {
    one(
        c,
        &format!("{DOCUMENT} WHERE idempotency = $1"),
        params![key],
        document_row,
    )
}

/// The statuses of a document, the one it was registered with first.
pub(super) fn document_history(
    c: &Connection,
    locator: &Locator,
    limit: i64,
) -> Result<Vec<DocumentChange>> {
    all(
        c,
        "SELECT 1 AS version, registered_at AS since, '' AS why, 'in-force' AS status, \
         NULL AS successor FROM document WHERE locator = $1 \
         UNION ALL \
         SELECT h.version, h.since, h.why, h.status, h.successor FROM document_change h \
         JOIN document d ON d.position = h.document WHERE d.locator = $1 \
         ORDER BY version LIMIT $2",
        params![locator.0, limit],
        |row| change(&mut Columns::of(row)),
    )
}

/// What every query of the audit selects.
pub(super) const AUDIT: &str = "SELECT id, at, actor, why, kind, body FROM audit";

pub(super) fn audit_row(row: &Row<'_>) -> Result<AuditEntry> {
    let mut columns = Columns::of(row);
    Ok(AuditEntry {
        id: columns.number()?,
        at: columns.time()?,
        by: columns.name()?,
        why: columns.take()?,
        kind: columns.take()?,
        body: columns.take()?,
    })
}
