//! The life of a certificate: intent, issue, publication, suspension, restoration, revocation.

use esign_core::der::{DecodeError, Reader, Rules, Tag};
use esign_core::time::UnixTime;

use super::person::wrong_status;
use super::{Transaction, not_found, renewal};
use crate::ids::{CertificateId, Digest, Serial};
use crate::records::{CertificateRecord, Intent, RequestStatus, RevocationReason, Standing};
use crate::store::rows::{IntentRow, StandingRow};
use crate::store::{Outcome, StoreError, StoreErrorKind};

pub(super) fn intend(tx: &mut Transaction<'_>, intent: &Intent) -> Result<Outcome, StoreError> {
    let object = format!("certificate {}", intent.id);
    let tbs_digest = Digest::of(&intent.tbs);
    if let Some(found) = tx.rows.certificate(&intent.id)? {
        let same = found.tbs_digest == tbs_digest
            && found.request == intent.request
            && found.shard == intent.shard
            && (found.not_before, found.not_after) == (intent.not_before, intent.not_after);
        if same {
            return Ok(Outcome::AlreadyDone);
        }
        return Err(StoreError::new(
            StoreErrorKind::Conflict,
            object,
            format_args!(
                "the serial number is taken under this key by another tbsCertificate (here {tbs_digest}, there {})",
                found.tbs_digest
            ),
        ));
    }
    let serial =
        serial_of(&intent.tbs).map_err(|error| not_der("tbsCertificate", &object, error))?;
    same_serial(&object, &intent.id.serial, serial)?;
    if tx.rows.issuer(&intent.id.issuer)?.is_none() {
        return Err(not_found(format_args!("issuer {}", intent.id.issuer)));
    }
    if let Some(stop) = tx.rows.stop()? {
        return Err(StoreError::new(
            StoreErrorKind::Stopped,
            object,
            format_args!(
                "issuance is stopped since {} by {}: {}",
                stop.since, stop.by, stop.why
            ),
        ));
    }
    let request = format!("request {}", intent.request);
    let found = tx
        .rows
        .request(&intent.request)?
        .ok_or_else(|| not_found(&request))?;
    if found.status != RequestStatus::Approved {
        return Err(wrong_status(
            &request,
            found.status,
            "answered by a certificate",
        ));
    }
    // What came to light since a renewal was asked for counts: a lost key gets no second certificate.
    if let Some(former) = &found.request.former {
        renewal::still_good(tx, former, &request)?;
    }
    tx.rows.insert_intent(&IntentRow {
        intent,
        request: &found.request,
        tbs_digest,
        at: tx.act.at,
    })?;
    tx.done()
}

pub(super) fn issue(
    tx: &mut Transaction<'_>,
    id: &CertificateId,
    certificate: &[u8],
) -> Result<Outcome, StoreError> {
    let object = format!("certificate {id}");
    let found = tx.rows.certificate(id)?.ok_or_else(|| {
        StoreError::new(
            StoreErrorKind::State,
            &object,
            "is issued without a stored intent",
        )
    })?;
    if let Some(known) = &found.certificate {
        if known.as_slice() == certificate {
            return Ok(Outcome::AlreadyDone);
        }
        return Err(StoreError::new(
            StoreErrorKind::Conflict,
            object,
            format_args!(
                "was issued with other octets (here {}, there {})",
                Digest::of(certificate),
                Digest::of(known)
            ),
        ));
    }
    expect_standing(&object, &found, "issued", |s| s == Standing::Intended)?;
    let tbs = tbs_of(certificate).map_err(|error| not_der("certificate", &object, error))?;
    let digest = Digest::of(tbs);
    if digest != found.tbs_digest {
        return Err(StoreError::new(
            StoreErrorKind::Conflict,
            object,
            format_args!(
                "its tbsCertificate is not the intent's (here {digest}, there {})",
                found.tbs_digest
            ),
        ));
    }
    // Two intents may answer one request, where a crash came between; only one is ever issued.
    let request = format!("request {}", found.request);
    let status = tx
        .rows
        .request(&found.request)?
        .ok_or_else(|| not_found(&request))?
        .status;
    if status != RequestStatus::Approved {
        return Err(wrong_status(&request, status, "answered by a certificate"));
    }
    tx.rows.set_issued(id, certificate, tx.act.at)?;
    tx.rows
        .set_request_status(&found.request, RequestStatus::Issued, Some(id))?;
    tx.done()
}

pub(super) fn publish(tx: &mut Transaction<'_>, id: &CertificateId) -> Result<Outcome, StoreError> {
    let object = format!("certificate {id}");
    let found = tx.rows.certificate(id)?.ok_or_else(|| not_found(&object))?;
    if found.published_at.is_some() {
        return Ok(Outcome::AlreadyDone);
    }
    if found.certificate.is_none() {
        return Err(StoreError::new(
            StoreErrorKind::State,
            object,
            "is published before it is issued",
        ));
    }
    tx.rows.set_published(id, tx.act.at)?;
    tx.done()
}

pub(super) fn archive(tx: &mut Transaction<'_>, id: &CertificateId) -> Result<Outcome, StoreError> {
    let object = format!("certificate {id}");
    let found = tx.rows.certificate(id)?.ok_or_else(|| not_found(&object))?;
    if found.archived_at.is_some() {
        return Ok(Outcome::AlreadyDone);
    }
    let refused =
        |what: std::fmt::Arguments<'_>| Err(StoreError::new(StoreErrorKind::State, &object, what));
    if found.certificate.is_none() {
        return refused(format_args!(
            "is intended and not issued: there is nothing to keep"
        ));
    }
    // Decision 27, 9.6 speaks of certificates whose time is over.
    if tx.act.at <= found.not_after {
        return refused(format_args!(
            "is valid until {}, it is {}: only what has ended is archived",
            found.not_after, tx.act.at
        ));
    }
    tx.rows.set_archived(id, tx.act.at)?;
    tx.done()
}

pub(super) fn suspend(
    tx: &mut Transaction<'_>,
    id: &CertificateId,
    until: Option<UnixTime>,
) -> Result<Outcome, StoreError> {
    let object = format!("certificate {id}");
    let found = tx.rows.certificate(id)?.ok_or_else(|| not_found(&object))?;
    if let Standing::Suspended { until: known, .. } = found.standing
        && known == until
    {
        return Ok(Outcome::AlreadyDone);
    }
    expect_standing(&object, &found, "suspended", |s| s == Standing::Good)?;
    if let Some(until) = until
        && until <= tx.act.at
    {
        return Err(StoreError::value(
            object,
            format_args!(
                "its suspension ends {until}, not after it begins {}",
                tx.act.at
            ),
        ));
    }
    stand(
        tx,
        &object,
        &found,
        Standing::Suspended {
            since: tx.act.at,
            until,
        },
    )
}

pub(super) fn restore(tx: &mut Transaction<'_>, id: &CertificateId) -> Result<Outcome, StoreError> {
    let object = format!("certificate {id}");
    let found = tx.rows.certificate(id)?.ok_or_else(|| not_found(&object))?;
    // EN 319 411-1 §6.3.9: what is definitively revoked is never reinstated.
    expect_standing(&object, &found, "restored", |s| {
        matches!(s, Standing::Suspended { .. })
    })?;
    stand(tx, &object, &found, Standing::Good)
}

pub(super) fn revoke(
    tx: &mut Transaction<'_>,
    id: &CertificateId,
    reason: RevocationReason,
    invalidity_date: Option<UnixTime>,
) -> Result<Outcome, StoreError> {
    let object = format!("certificate {id}");
    let found = tx.rows.certificate(id)?.ok_or_else(|| not_found(&object))?;
    if let Standing::Revoked {
        reason: known,
        invalidity_date: date,
        ..
    } = found.standing
        && (known, date) == (reason, invalidity_date)
    {
        return Ok(Outcome::AlreadyDone);
    }
    expect_standing(&object, &found, "revoked", |s| {
        !matches!(s, Standing::Revoked { .. })
    })?;
    if let Some(date) = invalidity_date
        && date > tx.act.at
    {
        return Err(StoreError::value(
            object,
            format_args!(
                "its invalidity date {date} is after its revocation {}",
                tx.act.at
            ),
        ));
    }
    let revoked = Standing::Revoked {
        since: tx.act.at,
        reason,
        invalidity_date,
    };
    stand(tx, &object, &found, revoked)
}

fn stand(
    tx: &mut Transaction<'_>,
    object: &str,
    certificate: &CertificateRecord,
    standing: Standing,
) -> Result<Outcome, StoreError> {
    if let Some(last) = tx.rows.standing_changed_at(certificate)?
        && last > tx.act.at
    {
        return Err(StoreError::new(
            StoreErrorKind::Order,
            object,
            format_args!(
                "its standing changed at {last}, after the act's time {}",
                tx.act.at
            ),
        ));
    }
    let audit = tx.log()?;
    tx.rows.put_standing(&StandingRow {
        certificate,
        standing,
        at: tx.act.at,
        audit,
    })?;
    Ok(Outcome::Done { audit })
}

pub(super) fn expect_standing(
    object: &str,
    certificate: &CertificateRecord,
    wanted: &str,
    permits: impl FnOnce(Standing) -> bool,
) -> Result<(), StoreError> {
    if permits(certificate.standing) {
        return Ok(());
    }
    let found = match certificate.standing {
        Standing::Good => "good".to_owned(),
        Standing::Intended => "intended and not issued".to_owned(),
        Standing::Revoked { since, reason, .. } => {
            format!(
                "revoked for good since {since} (CRLReason {})",
                reason.code()
            )
        }
        Standing::Suspended { since, until: None } => format!("suspended since {since}"),
        Standing::Suspended {
            since,
            until: Some(until),
        } => {
            format!("suspended from {since} until {until}")
        }
    };
    Err(StoreError::new(
        StoreErrorKind::State,
        object,
        format_args!("is {found} and cannot be {wanted}"),
    ))
}

fn same_serial(object: &str, wanted: &Serial, found: &[u8]) -> Result<(), StoreError> {
    let negative = found.first().is_some_and(|octet| octet & 0x80 != 0);
    let found = Serial::from_magnitude(found)?;
    if negative || found != *wanted {
        let sign = if negative { "a negative number, " } else { "" };
        return Err(StoreError::value(
            object,
            format_args!("its tbsCertificate has the serial number {sign}{found}, not {wanted}"),
        ));
    }
    Ok(())
}

/// `Certificate ::= SEQUENCE { tbsCertificate TBSCertificate, … }` (RFC 5280 §4.1), as received.
fn tbs_of(certificate: &[u8]) -> Result<&[u8], DecodeError> {
    let mut outer = Reader::new(certificate, Rules::Der);
    let mut inner = outer
        .expect(Tag::SEQUENCE, "certificate")?
        .reader("certificate")?;
    outer.finish("certificate")?;
    Ok(inner.expect(Tag::SEQUENCE, "tbsCertificate")?.raw)
}

/// `TBSCertificate ::= SEQUENCE { version [0] EXPLICIT …, serialNumber INTEGER, … }`: the content.
fn serial_of(tbs: &[u8]) -> Result<&[u8], DecodeError> {
    let mut outer = Reader::new(tbs, Rules::Der);
    let mut inner = outer
        .expect(Tag::SEQUENCE, "tbsCertificate")?
        .reader("tbsCertificate")?;
    outer.finish("tbsCertificate")?;
    inner.optional(Tag(0xa0), "version")?;
    inner.integer("serialNumber")
}

fn not_der(field: &str, object: &str, error: DecodeError) -> StoreError {
    StoreError::value(object, format_args!("its {field} cannot be read")).because(error)
}
