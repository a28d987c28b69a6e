//! What is read, the same for every database: SQL that SQLite, PostgreSQL and its distributed kin
//! understand alike. Parameters are numbered in the order of their first use, which is where their
//! meanings of `$1` agree.

use std::ops::ControlFlow;

use esign_core::time::UnixTime;

use super::cells::{Cells, Columns, Impossible, Value};
use super::decode;
use super::{CertificateFilter, MAX_ROWS, RequestToIssue, StatusFilter, StoreError};
use crate::ids::{CertificateId, HolderId, KeyId, Locator, Name, RequestId};
use crate::officers::Officer;
use crate::records::{
    AuditEntry, CertificateRecord, Crl, CrlKind, DocumentChange, DocumentRecord, Holder, Issuer,
    RequestRecord, RequestStatus, Standing, Stop, SubjectRecord,
};

/// Takes one row; may end the visit.
pub(crate) type Each<'a> = &'a mut dyn FnMut(&mut dyn Cells) -> Result<ControlFlow<()>, Impossible>;

/// One statement of a database, outside or inside a transaction. `doing` tells errors what was
/// attempted.
pub(crate) trait Source {
    /// Hands over the rows of a statement that gives a bounded number of them.
    fn rows(
        &self,
        doing: &str,
        sql: &str,
        values: Vec<Value>,
        each: Each<'_>,
    ) -> Result<(), StoreError>;

    /// Hands over any number of rows of one moment, holding few at a time.
    fn visit(
        &self,
        doing: &str,
        sql: &str,
        values: Vec<Value>,
        each: Each<'_>,
    ) -> Result<(), StoreError>;
}

/// A list of parameters.
macro_rules! values {
    ($($value:expr),* $(,)?) => { vec![$($crate::store::cells::Value::from($value)),*] };
}
pub(crate) use values;

/// At most one row.
pub(crate) fn one<T>(
    source: &dyn Source,
    doing: &str,
    sql: &str,
    values: Vec<Value>,
    mut decode: impl FnMut(&mut dyn Cells) -> Result<T, Impossible>,
) -> Result<Option<T>, StoreError> {
    let mut found = None;
    source.rows(doing, sql, values, &mut |row| {
        found = Some(decode(row)?);
        Ok(ControlFlow::Break(()))
    })?;
    Ok(found)
}

/// Every row that a bounded query gives.
pub(crate) fn all<T>(
    source: &dyn Source,
    doing: &str,
    sql: &str,
    values: Vec<Value>,
    mut decode: impl FnMut(&mut dyn Cells) -> Result<T, Impossible>,
) -> Result<Vec<T>, StoreError> {
    let mut found = Vec::new();
    source.rows(doing, sql, values, &mut |row| {
        found.push(decode(row)?);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found)
}

/// Hands record after record to `visit`, holding few at a time.
pub(crate) fn visit<T>(
    source: &dyn Source,
    doing: &str,
    sql: &str,
    values: Vec<Value>,
    mut decode: impl FnMut(&mut dyn Cells) -> Result<T, Impossible>,
    visit: &mut dyn FnMut(T) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    source.visit(doing, sql, values, &mut |row| Ok(visit(decode(row)?)))
}

/// A limit as asked for, within [`MAX_ROWS`].
pub(crate) fn rows(limit: usize) -> i64 {
    i64::try_from(limit.min(MAX_ROWS)).unwrap_or(0)
}

type Found<T> = Result<T, StoreError>;

pub(crate) const ISSUER: &str = "SELECT key, subject, certificate, generation FROM issuer";

pub(crate) fn issuer(source: &dyn Source, key: &KeyId) -> Found<Option<Issuer>> {
    let sql = format!("{ISSUER} WHERE key = $1");
    one(
        source,
        "reading an issuer",
        &sql,
        values![key.0],
        decode::issuer,
    )
}

pub(crate) fn issuer_of_generation(
    source: &dyn Source,
    subject: &[u8],
    generation: u32,
) -> Found<Option<KeyId>> {
    one(
        source,
        "reading an issuer",
        "SELECT key FROM issuer WHERE subject = $1 AND generation = $2",
        values![subject, generation],
        |row| Columns(row).take().map(KeyId),
    )
}

pub(crate) fn issuers(source: &dyn Source) -> Found<Vec<Issuer>> {
    let sql = format!("{ISSUER} ORDER BY position");
    all(source, "reading issuers", &sql, values![], decode::issuer)
}

pub(crate) const HOLDER: &str = "SELECT id, version, kind, identifier, given_name, surname, \
                                 organization, contact FROM holder";

pub(crate) fn holder(source: &dyn Source, id: &HolderId) -> Found<Option<Holder>> {
    let sql = format!("{HOLDER} WHERE id = $1");
    one(
        source,
        "reading a holder",
        &sql,
        values![id.0],
        decode::holder,
    )
}

pub(crate) fn holder_by_identifier(source: &dyn Source, identifier: &str) -> Found<Option<Holder>> {
    let sql = format!("{HOLDER} WHERE identifier = $1");
    one(
        source,
        "reading a holder",
        &sql,
        values![identifier],
        decode::holder,
    )
}

/// Holders whose sort name is in `from..to`.
pub(crate) fn holders_between(
    source: &dyn Source,
    from: &str,
    to: &str,
    limit: usize,
) -> Found<Vec<Holder>> {
    let sql = format!(
        "{HOLDER} WHERE sort_name >= $1 AND sort_name < $2 ORDER BY sort_name, id LIMIT $3"
    );
    let values = values![from, to, rows(limit)];
    all(source, "searching holders", &sql, values, decode::holder)
}

/// The names of those who approved stand in one column, each on a line: a name holds no line feed.
macro_rules! request_columns {
    () => {
        "SELECT id, profile, public_key, holder, requested_by, \
         received_at, approvals_needed, own_approval, status, issuer, serial, \
         former_issuer, former_serial, \
         CASE WHEN approvals_needed = 0 THEN NULL ELSE \
         (SELECT string_agg(approver, '\n' ORDER BY a.position) FROM approval a \
         WHERE a.request = request.id) END"
    };
}
pub(crate) const REQUEST: &str = concat!(request_columns!(), " FROM request");

pub(crate) fn request(source: &dyn Source, id: &RequestId) -> Found<Option<RequestRecord>> {
    let sql = format!("{REQUEST} WHERE id = $1");
    one(
        source,
        "reading a request",
        &sql,
        values![id.0],
        decode::request,
    )
}

/// A request with what issuing it takes; see [`RequestToIssue`].
pub(crate) fn request_to_issue(
    source: &dyn Source,
    id: &RequestId,
) -> Found<Option<RequestToIssue>> {
    let sql = concat!(
        request_columns!(),
        ", CASE WHEN EXISTS (SELECT 1 FROM certificate c WHERE c.request = request.id \
         AND c.certificate IS NULL) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END, \
         CASE WHEN s.request IS NULL THEN CAST(0 AS BIGINT) ELSE CAST(1 AS BIGINT) END, \
         s.request, s.csr, request.holder, s.identity, s.listed, s.vetted_by, s.at \
         FROM request LEFT JOIN request_subject s ON s.request = request.id \
         WHERE request.id = $1"
    );
    one(
        source,
        "reading a request",
        sql,
        values![id.0],
        decode::request_to_issue,
    )
}

/// The newest request for a certificate that follows this one.
pub(crate) fn latest_renewal(source: &dyn Source, id: &CertificateId) -> Found<Option<RequestId>> {
    one(
        source,
        "reading a renewal",
        "SELECT id FROM request WHERE former_issuer = $1 AND former_serial = $2 \
         ORDER BY position DESC LIMIT 1",
        values![id.issuer.0, id.serial.as_bytes()],
        |row| Columns(row).take().map(RequestId),
    )
}

pub(crate) fn requests(
    source: &dyn Source,
    status: RequestStatus,
    after: Option<&RequestId>,
    limit: usize,
) -> Found<Vec<RequestRecord>> {
    let sql = format!(
        "{REQUEST} WHERE status = $1 \
         AND position > coalesce((SELECT position FROM request WHERE id = $2), 0) \
         ORDER BY position LIMIT $3"
    );
    let values = vec![
        decode::request_status_name(status).into(),
        Value::Octets(after.map(|id| id.0.to_vec())),
        rows(limit).into(),
    ];
    all(source, "listing requests", &sql, values, decode::request)
}

pub(crate) const SUBJECT: &str = "SELECT s.request, s.csr, r.holder, s.identity, s.listed, \
     s.vetted_by, s.at FROM request_subject s JOIN request r ON r.id = s.request";

pub(crate) fn request_subject(source: &dyn Source, id: &RequestId) -> Found<Option<SubjectRecord>> {
    let sql = format!("{SUBJECT} WHERE s.request = $1");
    one(
        source,
        "reading a request's subject",
        &sql,
        values![id.0],
        decode::subject,
    )
}

pub(crate) const OFFICER: &str = "SELECT name, key, roles FROM officer";

pub(crate) fn officer(source: &dyn Source, name: &Name) -> Found<Option<Officer>> {
    let sql = format!("{OFFICER} WHERE name = $1");
    one(
        source,
        "reading an officer",
        &sql,
        values![name.as_str()],
        decode::officer,
    )
}

pub(crate) fn officer_of_key(source: &dyn Source, key: &KeyId) -> Found<Option<Officer>> {
    let sql = format!("{OFFICER} WHERE key = $1");
    one(
        source,
        "reading an officer",
        &sql,
        values![key.0],
        decode::officer,
    )
}

pub(crate) fn officers(source: &dyn Source) -> Found<Vec<Officer>> {
    let sql = format!("{OFFICER} ORDER BY name LIMIT $1");
    let values = values![rows(MAX_ROWS)];
    all(source, "listing officers", &sql, values, decode::officer)
}

pub(crate) const STOP: &str = "SELECT since, actor, why FROM stop";

pub(crate) fn stop(source: &dyn Source) -> Found<Option<Stop>> {
    one(
        source,
        "reading the stop switch",
        STOP,
        values![],
        decode::stop,
    )
}

pub(crate) const CERTIFICATE: &str = "SELECT c.issuer, c.serial, c.request, c.profile, c.holder, \
     c.subject_key, c.not_before, c.not_after, c.shard, c.tbs_digest, c.tbs, c.certificate, \
     c.intended_at, c.issued_at, c.published_at, c.archived_at, \
     r.status, r.since, r.reason, r.invalidity_date, r.until \
     FROM certificate c LEFT JOIN revocation r \
     ON r.issuer = c.issuer AND r.shard = c.shard AND r.serial = c.serial";

pub(crate) fn certificate(
    source: &dyn Source,
    id: &CertificateId,
) -> Found<Option<CertificateRecord>> {
    let sql = format!("{CERTIFICATE} WHERE c.issuer = $1 AND c.serial = $2");
    one(
        source,
        "reading a certificate",
        &sql,
        values![id.issuer.0, id.serial.as_bytes()],
        decode::certificate,
    )
}

/// The statement for the certificates of a filter, and its parameters.
pub(crate) fn certificates(filter: &CertificateFilter) -> (String, Vec<Value>) {
    let key = |key: KeyId| Value::from(key.0);
    let time = |at: UnixTime| Value::from(at.seconds());
    let conditions = [
        ("c.issuer =", filter.issuer.map(key)),
        (
            "c.profile =",
            filter.profile.as_ref().map(|p| p.as_str().into()),
        ),
        ("c.holder =", filter.holder.map(|id| id.0.into())),
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

/// What follows [`CERTIFICATE`] for those that end within a time, and are not in the archive or are. The
/// limit has PostgreSQL go by the index rather than sort all that there are.
pub(crate) const ENDING: &str = "WHERE c.not_after > $1 AND c.not_after <= $2 \
     AND c.archived_at IS NULL AND c.certificate IS NOT NULL \
     ORDER BY c.not_after, c.position LIMIT $3";
pub(crate) const ARCHIVED: &str = "WHERE c.not_after > $1 AND c.not_after <= $2 \
     AND c.archived_at IS NOT NULL ORDER BY c.not_after, c.position LIMIT $3";

pub(crate) fn progress(source: &dyn Source, name: &str) -> Found<Option<i64>> {
    one(
        source,
        "reading how far work has come",
        "SELECT upto FROM progress WHERE name = $1",
        values![name],
        |row| Columns(row).take(),
    )
}

/// Intents that nobody has issued or revoked.
pub(crate) fn open_intents(source: &dyn Source) -> Found<Vec<CertificateRecord>> {
    let sql = format!(
        "{CERTIFICATE} WHERE c.certificate IS NULL AND r.serial IS NULL ORDER BY c.position LIMIT $1"
    );
    let values = values![rows(MAX_ROWS)];
    all(
        source,
        "listing open intents",
        &sql,
        values,
        decode::certificate,
    )
}

pub(crate) fn standing(source: &dyn Source, id: &CertificateId) -> Found<Option<Standing>> {
    one(
        source,
        "reading a certificate's standing",
        "SELECT c.issued_at, r.status, r.since, r.reason, r.invalidity_date, r.until \
         FROM certificate c LEFT JOIN revocation r \
         ON r.issuer = c.issuer AND r.shard = c.shard AND r.serial = c.serial \
         WHERE c.issuer = $1 AND c.serial = $2",
        values![id.issuer.0, id.serial.as_bytes()],
        decode::standing_of,
    )
}

/// When the certificate's line in the table of revocations last changed, restorations too.
pub(crate) fn standing_changed_at(
    source: &dyn Source,
    id: &CertificateId,
    shard: u32,
) -> Found<Option<UnixTime>> {
    one(
        source,
        "reading a revocation",
        "SELECT since FROM revocation WHERE issuer = $1 AND shard = $2 AND serial = $3",
        values![id.issuer.0, shard, id.serial.as_bytes()],
        |row| Columns(row).time(),
    )
}

pub(crate) fn certificates_of_holder(
    source: &dyn Source,
    id: &HolderId,
) -> Found<Vec<CertificateId>> {
    all(
        source,
        "listing a holder's certificates",
        "SELECT issuer, serial FROM certificate WHERE holder = $1 ORDER BY position LIMIT $2",
        values![id.0, rows(MAX_ROWS)],
        decode::certificate_id,
    )
}

pub(crate) fn certificates_of_key(source: &dyn Source, key: &KeyId) -> Found<Vec<CertificateId>> {
    all(
        source,
        "listing a key's certificates",
        "SELECT issuer, serial FROM certificate WHERE subject_key = $1 ORDER BY position LIMIT $2",
        values![key.0, rows(MAX_ROWS)],
        decode::certificate_id,
    )
}

/// A certificate of the key whose revocation says keyCompromise (CRLReason 1).
pub(crate) fn compromised(source: &dyn Source, key: &KeyId) -> Found<Option<CertificateId>> {
    one(
        source,
        "looking for a compromise",
        "SELECT c.issuer, c.serial FROM certificate c JOIN revocation r \
         ON r.issuer = c.issuer AND r.shard = c.shard AND r.serial = c.serial \
         WHERE c.subject_key = $1 AND r.reason = 1 LIMIT 1",
        values![key.0],
        decode::certificate_id,
    )
}

/// The statement for the certificates of one issuer and shard that pass `filter`, and its parameters.
pub(crate) fn statuses(
    issuer: &KeyId,
    shard: Option<u32>,
    filter: StatusFilter,
) -> (String, Vec<Value>) {
    let mut values = values![issuer.0];
    let mut bind = |value: Value| {
        values.push(value);
        values.len()
    };
    let listed = "SELECT x.serial, x.not_after, x.status, x.since, x.reason, x.invalidity_date, \
                  x.until FROM revocation x WHERE x.issuer = $1 AND ";
    let mut sql = match filter {
        StatusFilter::Good(at) => format!(
            "SELECT x.serial, x.not_after, CAST(NULL AS TEXT), CAST(NULL AS BIGINT), \
             CAST(NULL AS BIGINT), CAST(NULL AS BIGINT), CAST(NULL AS BIGINT) \
             FROM certificate x LEFT JOIN revocation r \
             ON r.issuer = x.issuer AND r.shard = x.shard AND r.serial = x.serial \
             WHERE x.issuer = $1 AND x.not_after >= ${} AND x.certificate IS NOT NULL \
             AND (r.status IS NULL OR r.status = 'restored')",
            bind(at.seconds().into())
        ),
        StatusFilter::Listed => format!("{listed} x.status <> 'restored'"),
        StatusFilter::Revoked => format!("{listed} x.status = 'revoked'"),
        StatusFilter::Suspended => format!("{listed} x.status = 'suspended'"),
    };
    if let Some(shard) = shard {
        sql = format!("{sql} AND x.shard = ${}", bind(shard.into()));
    }
    (sql, values)
}

pub(crate) const CHANGES: &str = "SELECT x.serial, x.not_after, x.status, x.since, x.reason, \
     x.invalidity_date, x.until, x.shard, x.changed_by FROM revocation x \
     WHERE x.issuer = $1 AND x.changed_by > $2 ORDER BY x.changed_by";

pub(crate) fn first_change(
    source: &dyn Source,
    issuer: &KeyId,
    shard: Option<u32>,
    after: UnixTime,
) -> Found<Option<UnixTime>> {
    let mut values = values![issuer.0, after.seconds()];
    let one_shard = match shard {
        None => "",
        Some(shard) => {
            values.push(shard.into());
            "AND shard = $3"
        }
    };
    let sql = format!(
        "SELECT since FROM revocation WHERE issuer = $1 AND since > $2 {one_shard} \
         ORDER BY since LIMIT 1"
    );
    one(source, "looking for a change", &sql, values, |row| {
        Columns(row).time()
    })
}

pub(crate) fn latest_crl_number(
    source: &dyn Source,
    issuer: &KeyId,
    shard: u32,
) -> Found<Option<u64>> {
    let found = one(
        source,
        "reading CRL numbers",
        "SELECT number FROM crl_number WHERE issuer = $1 AND shard = $2 \
         ORDER BY number DESC LIMIT 1",
        values![issuer.0, shard],
        decode::number,
    )?;
    Ok(found.flatten())
}

pub(crate) fn crl_number_exists(
    source: &dyn Source,
    issuer: &KeyId,
    shard: u32,
    number: u64,
) -> Found<bool> {
    let found = one(
        source,
        "reading CRL numbers",
        "SELECT number FROM crl_number WHERE issuer = $1 AND shard = $2 AND number = $3",
        values![issuer.0, shard, number],
        decode::number,
    )?;
    Ok(found.is_some())
}

const CRL: &str = "SELECT number, base, this_update, next_update, digest FROM crl \
                   WHERE issuer = $1 AND shard = $2 AND kind = $3";

pub(crate) fn crl(
    source: &dyn Source,
    issuer: &KeyId,
    shard: u32,
    kind: CrlKind,
    number: Option<u64>,
) -> Found<Option<Crl>> {
    let mut values = values![issuer.0, shard, decode::crl_kind_name(kind)];
    let sql = match number {
        Some(number) => {
            values.push(number.into());
            format!("{CRL} AND number = $4")
        }
        None => format!("{CRL} ORDER BY number DESC LIMIT 1"),
    };
    one(source, "reading CRLs", &sql, values, |row| {
        decode::crl(row, issuer, shard)
    })
}

pub(crate) const DOCUMENT: &str = "SELECT locator, sealed, digest, issuer, class, \
     idempotency_key, registered_at, d.version, d.since, coalesce(h.why, ''), d.status, \
     d.successor FROM document d LEFT JOIN document_change h \
     ON h.document = d.position AND h.version = d.version";

pub(crate) fn document(source: &dyn Source, locator: &Locator) -> Found<Option<DocumentRecord>> {
    let sql = format!("{DOCUMENT} WHERE locator = $1");
    one(
        source,
        "reading a document",
        &sql,
        values![locator.0],
        decode::document,
    )
}

pub(crate) fn document_by_idempotency(
    source: &dyn Source,
    key: &[u8; 16],
) -> Found<Option<DocumentRecord>> {
    let sql = format!("{DOCUMENT} WHERE idempotency = $1");
    one(
        source,
        "reading a document",
        &sql,
        values![*key],
        decode::document,
    )
}

/// The octets of the leaf of one version of a document.
pub(crate) fn leaf(source: &dyn Source, locator: &Locator, version: u32) -> Found<Option<Vec<u8>>> {
    one(
        source,
        "reading a leaf",
        "SELECT octets FROM register_leaf WHERE locator = $1 AND version = $2",
        values![locator.0, version],
        |row| Columns(row).take(),
    )
}

/// The statuses of a document, the one it was registered with first.
pub(crate) fn document_history(
    source: &dyn Source,
    locator: &Locator,
) -> Found<Vec<DocumentChange>> {
    all(
        source,
        "reading a document's history",
        "SELECT CAST(1 AS BIGINT) AS version, registered_at AS since, '' AS why, \
         'in-force' AS status, NULL AS successor FROM document WHERE locator = $1 \
         UNION ALL \
         SELECT h.version, h.since, h.why, h.status, h.successor FROM document_change h \
         JOIN document d ON d.position = h.document WHERE d.locator = $1 \
         ORDER BY version LIMIT $2",
        values![locator.0, rows(MAX_ROWS)],
        decode::change,
    )
}

/// What every query of the audit selects.
pub(crate) const AUDIT: &str = "SELECT id, at, actor, why, kind, body FROM audit";

pub(crate) fn history(source: &dyn Source, id: &CertificateId) -> Found<Vec<AuditEntry>> {
    let sql = format!("{AUDIT} WHERE object = $1 ORDER BY id LIMIT $2");
    let values = values![decode::object_key(id).as_slice(), rows(MAX_ROWS)];
    all(
        source,
        "reading a certificate's history",
        &sql,
        values,
        decode::audit,
    )
}

pub(crate) fn last_audit(source: &dyn Source) -> Found<u64> {
    let last = one(
        source,
        "reading the audit",
        "SELECT max(id) FROM audit",
        values![],
        decode::number,
    )?;
    Ok(last.flatten().unwrap_or(0))
}
