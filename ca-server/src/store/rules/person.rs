//! Issuers, holders and requests.

use super::{Transaction, not_found};
use crate::ids::RequestId;
use crate::records::{
    Approval, Holder, Identity, Issuer, Request, RequestStatus, RequestSubject, SubjectRecord,
};
use crate::store::{Outcome, StoreError, StoreErrorKind};

pub(super) fn add_issuer(tx: &mut Transaction<'_>, issuer: &Issuer) -> Result<Outcome, StoreError> {
    let object = format!("issuer {}", issuer.key);
    if let Some(found) = tx.rows.issuer(&issuer.key)? {
        if found == *issuer {
            return Ok(Outcome::AlreadyDone);
        }
        return Err(StoreError::new(
            StoreErrorKind::Conflict,
            object,
            format_args!(
                "is known with another name, certificate or generation (here {}, there {})",
                issuer.generation, found.generation
            ),
        ));
    }
    if let Some(key) = tx
        .rows
        .issuer_of_generation(&issuer.subject, issuer.generation)?
    {
        return Err(StoreError::new(
            StoreErrorKind::Conflict,
            object,
            format_args!(
                "generation {} under this name is key {key}",
                issuer.generation
            ),
        ));
    }
    tx.rows.insert_issuer(issuer)?;
    tx.done()
}

pub(super) fn record_holder(
    tx: &mut Transaction<'_>,
    holder: &Holder,
) -> Result<Outcome, StoreError> {
    let object = format!("holder {}", holder.id);
    let found = tx.rows.holder(&holder.id)?;
    if found.as_ref() == Some(holder) {
        return Ok(Outcome::AlreadyDone);
    }
    let expected = found.map_or(1, |found| found.version.saturating_add(1));
    if holder.version != expected {
        return Err(StoreError::new(
            StoreErrorKind::Conflict,
            object,
            format_args!(
                "version {} cannot be written, {expected} is next",
                holder.version
            ),
        ));
    }
    if let Some(other) = tx.rows.holder_of_identifier(holder.identity.identifier())?
        && other != holder.id
    {
        return Err(StoreError::new(
            StoreErrorKind::Conflict,
            object,
            format_args!("its identifier belongs to holder {other}"),
        ));
    }
    let sort_name = match &holder.identity {
        Identity::Legal { organization, .. } => fold(organization),
        Identity::Natural {
            given_name,
            surname,
            ..
        } => fold(&format!("{surname} {given_name}")),
    };
    tx.rows.put_holder(holder, sortable(&sort_name))?;
    tx.done()
}

/// Most octets of a name that are sorted by: PostgreSQL's indexes take 2704.
const MAX_SORTED: usize = 2048;

/// A folded name as it is sorted by, and looked for.
pub(crate) fn sortable(folded: &str) -> &str {
    folded
        .get(..folded.floor_char_boundary(MAX_SORTED))
        .unwrap_or(folded)
}

/// Case-folds a name for searching. In Azerbaijani `I` pairs with `ı` and `İ` with `i`, elsewhere
/// `I` with `i`: for finding people all four are one letter.
pub(crate) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.trim().chars() {
        match c {
            'I' | 'ı' | 'İ' | 'i' => folded.push('i'),
            c => folded.extend(c.to_lowercase()),
        }
    }
    folded
}

pub(super) fn receive_request(
    tx: &mut Transaction<'_>,
    request: &Request,
) -> Result<Outcome, StoreError> {
    if let Some(outcome) = known(tx, request)? {
        return Ok(outcome);
    }
    if let Some(former) = &request.former {
        return Err(StoreError::value(
            format_args!("request {}", request.id),
            format_args!("renews certificate {former}: that is another act"),
        ));
    }
    if let Some(holder) = &request.holder
        && tx.rows.holder(holder)?.is_none()
    {
        return Err(not_found(format_args!("holder {holder}")));
    }
    insert(tx, request)?;
    tx.done()
}

/// What is to be said of a request that was received before; none for a new one.
pub(super) fn known(
    tx: &mut Transaction<'_>,
    request: &Request,
) -> Result<Option<Outcome>, StoreError> {
    let Some(found) = tx.rows.request(&request.id)? else {
        return Ok(None);
    };
    if found.request == *request && found.requested_by == tx.act.by {
        return Ok(Some(Outcome::AlreadyDone));
    }
    Err(StoreError::new(
        StoreErrorKind::Conflict,
        format_args!("request {}", request.id),
        format_args!(
            "was received with other contents from {}",
            found.requested_by
        ),
    ))
}

/// Puts a new request where its approval begins.
pub(super) fn insert(tx: &mut Transaction<'_>, request: &Request) -> Result<(), StoreError> {
    let status = match request.approval {
        Approval::None => RequestStatus::Approved,
        Approval::Anyone | Approval::Others(_) => RequestStatus::Pending,
    };
    tx.rows
        .insert_request(request, &tx.act.by, tx.act.at, status)
}

pub(super) fn approve(tx: &mut Transaction<'_>, id: &RequestId) -> Result<Outcome, StoreError> {
    let object = format!("request {id}");
    let found = tx.rows.request(id)?.ok_or_else(|| not_found(&object))?;
    let by = &tx.act.by;
    if found.approved_by.contains(by) {
        return Ok(Outcome::AlreadyDone);
    }
    if found.status != RequestStatus::Pending {
        return Err(wrong_status(&object, found.status, "approved"));
    }
    let needed = match found.request.approval {
        Approval::None => 0,
        Approval::Anyone => 1,
        Approval::Others(_) if found.requested_by == *by => {
            return Err(StoreError::new(
                StoreErrorKind::NotAllowed,
                object,
                format_args!("was made by {by}, who may not approve it as well"),
            ));
        }
        Approval::Others(persons) => {
            match tx.rows.request_subject(id)?.map(|found| found.vetted_by) {
                Some(Some(vetter)) if vetter != *by => usize::from(persons),
                Some(Some(_)) => {
                    return Err(StoreError::new(
                        StoreErrorKind::NotAllowed,
                        object,
                        format_args!("was vetted by {by}, who may not approve it as well"),
                    ));
                }
                Some(None) => return Err(not_vetted(object, "its subject is claimed")),
                None => return Err(not_vetted(object, "it has no subject")),
            }
        }
    };
    tx.rows.insert_approval(id, by, tx.act.at)?;
    if found.approved_by.len().saturating_add(1) >= needed {
        tx.rows
            .set_request_status(id, RequestStatus::Approved, None)?;
    }
    tx.done()
}

fn not_vetted(object: String, found: &str) -> StoreError {
    StoreError::new(
        StoreErrorKind::State,
        object,
        format_args!("{found}, and a registrar has to vet it before it is approved"),
    )
}

/// Records who a request is about, as claimed or as vetted.
pub(super) fn describe(
    tx: &mut Transaction<'_>,
    subject: &RequestSubject,
    vetted: bool,
) -> Result<Outcome, StoreError> {
    let object = format!("subject of request {}", subject.request);
    let request = tx
        .rows
        .request(&subject.request)?
        .ok_or_else(|| not_found(format_args!("request {}", subject.request)))?;
    if let Some(former) = &request.request.former {
        return Err(StoreError::new(
            StoreErrorKind::State,
            object,
            format_args!(
                "is as vetted for certificate {former}, which it renews: \
                 another identity is another request"
            ),
        ));
    }
    let by = &tx.act.by;
    let vetted_by = vetted.then(|| by.clone());
    let found = tx.rows.request_subject(&subject.request)?;
    if let Some(found) = &found
        && found.subject == *subject
        && found.vetted_by == vetted_by
    {
        return Ok(Outcome::AlreadyDone);
    }
    // Profiles that nobody approves are approved on receipt, and described in the same breath.
    let open = match request.status {
        RequestStatus::Pending => request.approved_by.is_empty(),
        RequestStatus::Approved => request.request.approval == Approval::None && found.is_none(),
        RequestStatus::Issued | RequestStatus::Refused => false,
    };
    if !open {
        return Err(StoreError::new(
            StoreErrorKind::State,
            object,
            format_args!(
                "cannot be changed: the request is {} with {} approvals",
                status_name(request.status),
                request.approved_by.len()
            ),
        ));
    }
    if let Some(found) = &found
        && found.subject.csr != subject.csr
    {
        return Err(StoreError::new(
            StoreErrorKind::Conflict,
            object,
            "stands beside another PKCS #10 than was received",
        ));
    }
    if !vetted && let Some(before) = found.and_then(|found| found.vetted_by) {
        return Err(StoreError::new(
            StoreErrorKind::State,
            object,
            format_args!("was vetted by {before} and can no longer be claimed otherwise"),
        ));
    }
    if let Some(holder) = &subject.holder
        && tx.rows.holder(holder)?.is_none()
    {
        return Err(not_found(format_args!("holder {holder}")));
    }
    if subject.holder != request.request.holder {
        tx.rows
            .set_request_holder(&subject.request, subject.holder.as_ref())?;
    }
    tx.rows.put_request_subject(&SubjectRecord {
        subject: subject.clone(),
        vetted_by,
        at: tx.act.at,
    })?;
    tx.done()
}

pub(super) fn refuse(tx: &mut Transaction<'_>, id: &RequestId) -> Result<Outcome, StoreError> {
    let object = format!("request {id}");
    let found = tx.rows.request(id)?.ok_or_else(|| not_found(&object))?;
    match found.status {
        RequestStatus::Refused => Ok(Outcome::AlreadyDone),
        RequestStatus::Issued => Err(wrong_status(&object, found.status, "refused")),
        RequestStatus::Approved | RequestStatus::Pending => {
            tx.rows
                .set_request_status(id, RequestStatus::Refused, None)?;
            tx.done()
        }
    }
}

pub(super) fn wrong_status(object: &str, found: RequestStatus, wanted: &str) -> StoreError {
    StoreError::new(
        StoreErrorKind::State,
        object,
        format_args!("is {} and cannot be {wanted}", status_name(found)),
    )
}

const fn status_name(status: RequestStatus) -> &'static str {
    match status {
        RequestStatus::Approved => "approved",
        RequestStatus::Issued => "issued",
        RequestStatus::Pending => "pending",
        RequestStatus::Refused => "refused",
    }
}
