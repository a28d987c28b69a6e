//! Rows as records, the same for every database. Each function names the columns that it takes.

use esign_core::log::Hash;
use esign_core::time::UnixTime;

use super::RequestToIssue;
use super::cells::{Cells, Columns, Impossible, checked};
use super::log::{Attestation, LogHead, Sequenced};
use crate::ids::{
    CertificateId, Digest, HolderId, IdempotencyKey, KeyId, Locator, Name, RequestId, Serial,
    sha256,
};
use crate::officers::{Officer, Role};
use crate::records::{
    Approval, AuditEntry, CertificateRecord, Crl, CrlKind, Document, DocumentChange,
    DocumentRecord, DocumentStatus, Holder, Identity, Issuer, Request, RequestRecord,
    RequestStatus, RequestSubject, RevocationReason, Standing, StatusChange, StatusEntry, Stop,
    SubjectRecord,
};

type Decoded<T> = Result<T, Impossible>;

const REQUEST_STATUSES: [(RequestStatus, &str); 4] = [
    (RequestStatus::Approved, "approved"),
    (RequestStatus::Issued, "issued"),
    (RequestStatus::Pending, "pending"),
    (RequestStatus::Refused, "refused"),
];

pub(crate) fn request_status_name(status: RequestStatus) -> &'static str {
    REQUEST_STATUSES
        .iter()
        .find(|(s, _)| *s == status)
        .map_or("", |(_, name)| name)
}

pub(crate) const fn crl_kind_name(kind: CrlKind) -> &'static str {
    match kind {
        CrlKind::Complete => "complete",
        CrlKind::Delta { .. } => "delta",
    }
}

pub(crate) const fn document_status_name(status: DocumentStatus) -> &'static str {
    match status {
        DocumentStatus::InForce => "in-force",
        DocumentStatus::Revoked => "revoked",
        DocumentStatus::Superseded { .. } => "superseded",
        DocumentStatus::Suspended => "suspended",
        DocumentStatus::Used => "used",
    }
}

/// A certificate in the index of the audit's objects: issuer key, serial number.
pub(crate) fn object_key(id: &CertificateId) -> Vec<u8> {
    [id.issuer.as_bytes(), id.serial.as_bytes()].concat()
}

/// One short key for an issuing body and its own key for a registration.
pub(crate) fn idempotency(issuer: &Name, key: &IdempotencyKey) -> [u8; 16] {
    let mut input = Vec::with_capacity(issuer.as_str().len().saturating_add(17));
    input.extend_from_slice(issuer.as_str().as_bytes());
    // A name holds no control characters, so this ends it.
    input.push(0);
    input.extend_from_slice(key.as_bytes());
    let digest = sha256(&input);
    digest.first_chunk().copied().unwrap_or_default()
}

/// How approvals that a request needs stand in its row: persons, and whether the one who asked may be
/// among them.
pub(crate) const fn approval_columns(approval: Approval) -> (u8, u8) {
    match approval {
        Approval::None => (0, 0),
        Approval::Anyone => (1, 1),
        Approval::Others(persons) => (persons, 0),
    }
}

/// Status, reason, invalidity date and end of a line in the table of revocations.
pub(crate) type StandingColumns = (&'static str, Option<u8>, Option<i64>, Option<i64>);

/// How a standing stands in the table of revocations; none for an intent, which never stands there.
pub(crate) fn standing_columns(standing: Standing) -> Option<StandingColumns> {
    Some(match standing {
        Standing::Good => ("restored", None, None, None),
        Standing::Revoked {
            reason,
            invalidity_date,
            ..
        } => (
            "revoked",
            Some(reason.code()),
            invalidity_date.map(UnixTime::seconds),
            None,
        ),
        Standing::Suspended { until, .. } => {
            ("suspended", None, None, until.map(UnixTime::seconds))
        }
        Standing::Intended => return None,
    })
}

/// key, subject, certificate, generation.
pub(crate) fn issuer(row: &mut dyn Cells) -> Decoded<Issuer> {
    let mut columns = Columns(row);
    Ok(Issuer {
        key: KeyId(columns.take()?),
        subject: columns.take()?,
        certificate: columns.take()?,
        generation: columns.take()?,
    })
}

/// id, version, kind, identifier, given_name, surname, organization, contact.
pub(crate) fn holder(row: &mut dyn Cells) -> Decoded<Holder> {
    let mut columns = Columns(row);
    let id = HolderId(columns.take()?);
    let version = columns.take()?;
    let kind: String = columns.take()?;
    let identifier = columns.take()?;
    let (given_name, surname, organization) = (
        columns.take_or_null()?,
        columns.take_or_null()?,
        columns.take_or_null()?,
    );
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
    Ok(Holder {
        id,
        version,
        identity: checked(identity, "a person")?,
        contact: columns.take_or_null()?,
    })
}

/// id, profile, public_key, holder, requested_by, received_at, approvals_needed, own_approval, status,
/// issuer, serial, former_issuer, former_serial, the names of those who approved (in their order, each on
/// a line).
pub(crate) fn request(row: &mut dyn Cells) -> Decoded<RequestRecord> {
    let mut columns = Columns(row);
    let id = RequestId(columns.take()?);
    let profile = columns.name()?;
    let public_key = columns.take()?;
    let holder = columns.take_or_null()?.map(HolderId);
    let requested_by = columns.name()?;
    let received_at = columns.time()?;
    let (needed, own): (u8, u8) = (columns.take()?, columns.take()?);
    let approval = match (needed, own) {
        (0, 0) => Some(Approval::None),
        (1, 1) => Some(Approval::Anyone),
        (persons, 0) => Some(Approval::Others(persons)),
        _ => None,
    };
    let approval = checked(approval, "a number of approvals")?;
    let status: String = columns.take()?;
    let status = REQUEST_STATUSES
        .iter()
        .find(|(_, name)| *name == status)
        .map(|(s, _)| *s);
    let status = checked(status, "a request's status")?;
    let certificate = certificate_id_or_null(&mut columns)?;
    let former = certificate_id_or_null(&mut columns)?;
    let approved_by: Option<String> = columns.take_or_null()?;
    let approved_by: Option<Vec<Name>> = approved_by
        .unwrap_or_default()
        .lines()
        .map(|name| Name::new(name).ok())
        .collect();
    Ok(RequestRecord {
        request: Request {
            id,
            profile,
            public_key,
            holder,
            approval,
            former,
        },
        requested_by,
        received_at,
        status,
        approved_by: checked(approved_by, "names")?,
        certificate,
    })
}

fn certificate_id_or_null(columns: &mut Columns<'_>) -> Decoded<Option<CertificateId>> {
    let issuer: Option<[u8; 32]> = columns.take_or_null()?;
    let serial: Option<Vec<u8>> = columns.take_or_null()?;
    Ok(match (issuer, serial) {
        (Some(issuer), Some(serial)) => Some(CertificateId {
            issuer: KeyId(issuer),
            serial: checked(Serial::from_magnitude(&serial).ok(), "a serial number")?,
        }),
        _ => None,
    })
}

/// request, csr, holder (of the request), identity, listed, vetted_by, at.
pub(crate) fn subject(row: &mut dyn Cells) -> Decoded<SubjectRecord> {
    let mut columns = Columns(row);
    let subject = RequestSubject {
        request: RequestId(columns.take()?),
        csr: columns.take()?,
        holder: columns.take_or_null()?.map(HolderId),
        identity: columns.take()?,
        listed: columns.take::<i64>()? == 1,
    };
    let vetted_by = match columns.take_or_null::<String>()? {
        Some(name) => Some(checked(Name::new(&name).ok(), "a name")?),
        None => None,
    };
    Ok(SubjectRecord {
        subject,
        vetted_by,
        at: columns.time()?,
    })
}

/// What [`request`] takes, whether it has an open intent, whether it has a subject, what [`subject`]
/// takes.
pub(crate) fn request_to_issue(row: &mut dyn Cells) -> Decoded<RequestToIssue> {
    let record = request(row)?;
    let mut columns = Columns(row);
    let intended = columns.take::<i64>()? == 1;
    let described = columns.take::<i64>()? == 1;
    Ok(RequestToIssue {
        record,
        intended,
        subject: if described { Some(subject(row)?) } else { None },
    })
}

/// name, key, roles.
pub(crate) fn officer(row: &mut dyn Cells) -> Decoded<Officer> {
    let mut columns = Columns(row);
    let (name, key) = (columns.name()?, KeyId(columns.take()?));
    let roles: String = columns.take()?;
    let roles: Option<Vec<Role>> = roles
        .split(',')
        .filter(|name| !name.is_empty())
        .map(Role::from_name)
        .collect();
    Ok(Officer::new(name, key, checked(roles, "roles")?))
}

/// since, actor, why.
pub(crate) fn stop(row: &mut dyn Cells) -> Decoded<Stop> {
    let mut columns = Columns(row);
    Ok(Stop {
        since: columns.time()?,
        by: columns.name()?,
        why: columns.take()?,
    })
}

/// issuer, serial, request, profile, holder, subject_key, not_before, not_after, shard, tbs_digest,
/// tbs, certificate, intended_at, issued_at, published_at, archived_at, and the columns of a [`standing`].
pub(crate) fn certificate(row: &mut dyn Cells) -> Decoded<CertificateRecord> {
    let mut columns = Columns(row);
    let id = CertificateId {
        issuer: KeyId(columns.take()?),
        serial: columns.serial()?,
    };
    let request = RequestId(columns.take()?);
    let profile = columns.name()?;
    let holder = columns.take_or_null()?.map(HolderId);
    let subject_key = KeyId(columns.take()?);
    let (not_before, not_after) = (columns.time()?, columns.time()?);
    let shard = columns.take()?;
    let tbs_digest = Digest(columns.take()?);
    let tbs = columns.take_or_null()?;
    let certificate: Option<Vec<u8>> = columns.take_or_null()?;
    let intended_at = columns.time()?;
    let (issued_at, published_at) = (columns.time_or_null()?, columns.time_or_null()?);
    let archived_at = columns.time_or_null()?;
    let standing = standing(&mut columns)?.unwrap_or(unlisted(certificate.is_some()));
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
        archived_at,
        standing,
    })
}

const fn unlisted(issued: bool) -> Standing {
    if issued {
        Standing::Good
    } else {
        Standing::Intended
    }
}

/// status, since, reason, invalidity_date, until of a revocation, if there is one.
fn standing(columns: &mut Columns<'_>) -> Decoded<Option<Standing>> {
    let status: Option<String> = columns.take_or_null()?;
    let since = columns.time_or_null()?;
    let reason: Option<u8> = columns.take_or_null()?;
    let invalidity_date = columns.time_or_null()?;
    let until = columns.time_or_null()?;
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
    checked(standing, "a standing").map(Some)
}

/// issued_at and the columns of a [`standing`].
pub(crate) fn standing_of(row: &mut dyn Cells) -> Decoded<Standing> {
    let mut columns = Columns(row);
    let issued = columns.time_or_null()?.is_some();
    Ok(standing(&mut columns)?.unwrap_or(unlisted(issued)))
}

/// issuer, serial.
pub(crate) fn certificate_id(row: &mut dyn Cells) -> Decoded<CertificateId> {
    let mut columns = Columns(row);
    Ok(CertificateId {
        issuer: KeyId(columns.take()?),
        serial: columns.serial()?,
    })
}

/// serial, not_after, and the columns of a [`standing`].
pub(crate) fn status_entry(row: &mut dyn Cells, issuer: &KeyId) -> Decoded<StatusEntry> {
    let mut columns = Columns(row);
    Ok(StatusEntry {
        id: CertificateId {
            issuer: *issuer,
            serial: columns.serial()?,
        },
        not_after: columns.time()?,
        standing: standing(&mut columns)?.unwrap_or(Standing::Good),
    })
}

/// The columns of a [`status_entry`], shard, changed_by.
pub(crate) fn status_change(row: &mut dyn Cells, issuer: &KeyId) -> Decoded<StatusChange> {
    let entry = status_entry(row, issuer)?;
    let mut columns = Columns(row);
    Ok(StatusChange {
        entry,
        shard: columns.take()?,
        audit: columns.take()?,
    })
}

/// number, base, this_update, next_update, digest.
pub(crate) fn crl(row: &mut dyn Cells, issuer: &KeyId, shard: u32) -> Decoded<Crl> {
    let mut columns = Columns(row);
    let number = columns.take()?;
    let base: Option<u64> = columns.take_or_null()?;
    Ok(Crl {
        issuer: *issuer,
        shard,
        number,
        kind: base.map_or(CrlKind::Complete, |base| CrlKind::Delta { base }),
        this_update: columns.time()?,
        next_update: columns.time()?,
        digest: Digest(columns.take()?),
    })
}

/// locator, sealed, digest, issuer, class, idempotency_key, registered_at, and the columns of a
/// [`change`].
pub(crate) fn document(row: &mut dyn Cells) -> Decoded<DocumentRecord> {
    let mut columns = Columns(row);
    let document = Document {
        locator: Locator(columns.take()?),
        sealed: columns.take()?,
        digest: Digest(columns.take()?),
        issuer: columns.name()?,
        class: columns.take()?,
        idempotency_key: IdempotencyKey(columns.take()?),
    };
    let registered_at = columns.time()?;
    Ok(DocumentRecord {
        document,
        registered_at,
        status: change(row)?,
    })
}

/// version, since, why, status, successor.
pub(crate) fn change(row: &mut dyn Cells) -> Decoded<DocumentChange> {
    let mut columns = Columns(row);
    let (version, since, why) = (columns.take()?, columns.time()?, columns.take()?);
    let status: String = columns.take()?;
    let successor: Option<[u8; 32]> = columns.take_or_null()?;
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
    Ok(DocumentChange {
        version,
        status: checked(status, "a document's status")?,
        since,
        why,
    })
}

/// id, at, actor, why, kind, body.
pub(crate) fn audit(row: &mut dyn Cells) -> Decoded<AuditEntry> {
    let mut columns = Columns(row);
    Ok(AuditEntry {
        id: columns.take()?,
        at: columns.time()?,
        by: columns.name()?,
        why: columns.take()?,
        kind: columns.take()?,
        body: columns.take()?,
    })
}

/// position, the number of the audit entry, 1 where it is there, and the columns of an [`audit`]
/// entry.
pub(crate) fn sequenced(row: &mut dyn Cells) -> Decoded<Sequenced> {
    let mut columns = Columns(row);
    let (index, id) = (columns.take()?, columns.take()?);
    let there = columns.take::<i64>()? == 1;
    Ok(Sequenced {
        index,
        id,
        entry: there.then(|| audit(row)).transpose()?,
    })
}

/// size, root, at, note.
pub(crate) fn head(row: &mut dyn Cells) -> Decoded<LogHead> {
    let mut columns = Columns(row);
    Ok(LogHead {
        size: columns.take()?,
        root: Hash(columns.take()?),
        at: columns.time()?,
        note: columns.take_or_null()?,
    })
}

/// kind, octets.
pub(crate) fn attestation(row: &mut dyn Cells) -> Decoded<Attestation> {
    let mut columns = Columns(row);
    let kind: String = columns.take()?;
    let octets: Vec<u8> = columns.take()?;
    Ok(match kind.as_str() {
        "cosignature" => Attestation::Cosignature(String::from_utf8_lossy(&octets).into_owned()),
        _ => Attestation::TimeStamp(octets),
    })
}

/// A single number, NULL for none.
pub(crate) fn number(row: &mut dyn Cells) -> Decoded<Option<u64>> {
    Columns(row).take_or_null()
}
