//! Certificates that follow others: for the same holder, by the same profile, for the identity as vetted.

use super::certificate::expect_standing;
use super::person::{insert, known};
use super::{Transaction, not_found};
use crate::ids::CertificateId;
use crate::records::{
    CertificateRecord, Request, RequestStatus, RequestSubject, Standing, SubjectRecord,
};
use crate::store::{Outcome, StoreError, StoreErrorKind};

pub(super) fn renew(
    tx: &mut Transaction<'_>,
    request: &Request,
    csr: &[u8],
) -> Result<Outcome, StoreError> {
    let object = format!("request {}", request.id);
    if let Some(outcome) = known(tx, request)? {
        return Ok(outcome);
    }
    let Some(id) = &request.former else {
        return Err(StoreError::value(object, "renews no certificate"));
    };
    let former = still_good(tx, id, &object)?;
    if former.not_after < tx.act.at {
        return Err(StoreError::new(
            StoreErrorKind::State,
            format_args!("certificate {id}"),
            format_args!(
                "ended {}, it is {}: what has ended is not renewed but asked for anew",
                former.not_after, tx.act.at
            ),
        ));
    }
    if (&request.profile, request.holder) != (&former.profile, former.holder) {
        return Err(StoreError::new(
            StoreErrorKind::Conflict,
            object,
            format_args!(
                "is for another profile or holder than certificate {id} (here \"{}\", there \"{}\")",
                request.profile, former.profile
            ),
        ));
    }
    no_successor(tx, id)?;
    let before = tx.rows.request_subject(&former.request)?.ok_or_else(|| {
        StoreError::new(
            StoreErrorKind::State,
            format_args!("request {}", former.request),
            "has no subject that could be taken over",
        )
    })?;
    insert(tx, request)?;
    // Vetted by whom and when it was vetted: a renewal makes an identity no younger.
    tx.rows.put_request_subject(&SubjectRecord {
        subject: RequestSubject {
            request: request.id,
            csr: csr.to_vec(),
            holder: former.holder,
            ..before.subject
        },
        ..before
    })?;
    tx.done()
}

/// The certificate, if it is issued and neither suspended nor revoked.
pub(super) fn still_good(
    tx: &mut Transaction<'_>,
    id: &CertificateId,
    request: &str,
) -> Result<CertificateRecord, StoreError> {
    let object = format!("certificate {id}");
    let former = tx.rows.certificate(id)?.ok_or_else(|| not_found(&object))?;
    let wanted = format!("renewed by {request}");
    expect_standing(&object, &former, &wanted, |s| s == Standing::Good)?;
    Ok(former)
}

/// A certificate is followed by one at a time, so that nobody collects certificates by renewing.
fn no_successor(tx: &mut Transaction<'_>, id: &CertificateId) -> Result<(), StoreError> {
    let Some(request) = tx.rows.latest_renewal(id)? else {
        return Ok(());
    };
    let refused = |what: std::fmt::Arguments<'_>| {
        let object = format!("certificate {id}");
        Err(StoreError::new(StoreErrorKind::State, object, what))
    };
    let found = tx
        .rows
        .request(&request)?
        .ok_or_else(|| not_found(format_args!("request {request}")))?;
    match (found.status, found.certificate) {
        (RequestStatus::Refused, _) => Ok(()),
        (RequestStatus::Issued, Some(successor)) => {
            let standing = tx.rows.certificate(&successor)?.map(|found| found.standing);
            match standing {
                // The successor was lost: this one, still good, may be followed again.
                Some(Standing::Revoked { .. }) | None => Ok(()),
                Some(_) => refused(format_args!("was renewed by certificate {successor}")),
            }
        }
        _ => refused(format_args!("is being renewed by request {request}")),
    }
}
