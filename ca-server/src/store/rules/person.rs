//! Issuers, holders and requests.

use super::{Transaction, not_found};
use crate::ids::RequestId;
use crate::records::{Approval, Holder, Identity, Issuer, Request, RequestStatus};
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
    tx.rows.put_holder(holder, &sort_name)?;
    tx.done()
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
    if let Some(found) = tx.rows.request(&request.id)? {
        if found.request == *request && found.requested_by == tx.act.by {
            return Ok(Outcome::AlreadyDone);
        }
        return Err(StoreError::new(
            StoreErrorKind::Conflict,
            format_args!("request {}", request.id),
            format_args!(
                "was received with other contents from {}",
                found.requested_by
            ),
        ));
    }
    if let Some(holder) = &request.holder
        && tx.rows.holder(holder)?.is_none()
    {
        return Err(not_found(format_args!("holder {holder}")));
    }
    let status = match request.approval {
        Approval::None => RequestStatus::Approved,
        Approval::Anyone | Approval::Others(_) => RequestStatus::Pending,
    };
    tx.rows
        .insert_request(request, &tx.act.by, tx.act.at, status)?;
    tx.done()
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
        Approval::Others(persons) => usize::from(persons),
    };
    tx.rows.insert_approval(id, by, tx.act.at)?;
    if found.approved_by.len().saturating_add(1) >= needed {
        tx.rows
            .set_request_status(id, RequestStatus::Approved, None)?;
    }
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
    let found = match found {
        RequestStatus::Approved => "approved",
        RequestStatus::Issued => "issued",
        RequestStatus::Pending => "pending",
        RequestStatus::Refused => "refused",
    };
    StoreError::new(
        StoreErrorKind::State,
        object,
        format_args!("is {found} and cannot be {wanted}"),
    )
}
