//! Documents under a code: registered once, their status changed by comparing versions.

use super::{Transaction, not_found};
use crate::ids::Locator;
use crate::records::{Document, DocumentChange, DocumentStatus, NewLeaf};
use crate::store::{Outcome, StoreError, StoreErrorKind};

pub(super) fn register(
    tx: &mut Transaction<'_>,
    document: &Document,
) -> Result<Outcome, StoreError> {
    // Written first and looked at only where a key is taken: the common case is one insertion.
    if tx.rows.insert_document(document, tx.act.at)? {
        return tx.done();
    }
    if let Some(found) = tx
        .rows
        .document_of_key(&document.issuer, &document.idempotency_key)?
    {
        if found.document == *document {
            return Ok(Outcome::AlreadyDone);
        }
        return Err(StoreError::new(
            StoreErrorKind::Conflict,
            format_args!(
                "registration {} of {}",
                document.idempotency_key, document.issuer
            ),
            format_args!(
                "was made with other contents (here locator {} and digest {}, there {} and {})",
                document.locator, document.digest, found.document.locator, found.document.digest
            ),
        ));
    }
    let found = tx.rows.document(&document.locator)?;
    Err(StoreError::new(
        StoreErrorKind::Conflict,
        format_args!("locator {}", document.locator),
        format_args!(
            "belongs to another registration (here {} of {}, there {})",
            document.idempotency_key,
            document.issuer,
            found.map_or_else(
                || "one that cannot be read".to_owned(),
                |found| format!(
                    "{} of {}",
                    found.document.idempotency_key, found.document.issuer
                )
            )
        ),
    ))
}

pub(super) fn change(
    tx: &mut Transaction<'_>,
    locator: &Locator,
    from_version: u32,
    status: DocumentStatus,
) -> Result<Outcome, StoreError> {
    let object = format!("document {locator}");
    let found = tx
        .rows
        .document(locator)?
        .ok_or_else(|| not_found(&object))?
        .status;
    let version = from_version.saturating_add(1);
    if found.version == version && found.status == status {
        return Ok(Outcome::AlreadyDone);
    }
    if found.version != from_version {
        return Err(StoreError::new(
            StoreErrorKind::Conflict,
            object,
            format_args!(
                "has version {}, the change is for version {from_version}",
                found.version
            ),
        ));
    }
    use DocumentStatus::{InForce, Revoked, Superseded, Suspended, Used};
    let permitted = match found.status {
        InForce => matches!(status, Revoked | Superseded { .. } | Suspended | Used),
        Suspended => matches!(status, InForce | Revoked | Superseded { .. }),
        Revoked | Superseded { .. } | Used => false,
    };
    if !permitted {
        return Err(StoreError::new(
            StoreErrorKind::State,
            object,
            format_args!(
                "is {} since {} and cannot become {}",
                name(found.status),
                found.since,
                name(status)
            ),
        ));
    }
    if found.since > tx.act.at {
        return Err(StoreError::new(
            StoreErrorKind::Order,
            object,
            format_args!(
                "its status changed at {}, after the act's time {}",
                found.since, tx.act.at
            ),
        ));
    }
    let change = DocumentChange {
        version,
        status,
        since: tx.act.at,
        why: tx.act.why.clone(),
    };
    tx.rows.change_document(locator, &change)?;
    tx.done()
}

pub(super) fn log(tx: &mut Transaction<'_>, leaf: &NewLeaf) -> Result<Outcome, StoreError> {
    let object = format!("leaf {} of document {}", leaf.version, leaf.locator);
    match tx.rows.leaf(&leaf.locator, leaf.version)? {
        Some(octets) if octets == leaf.octets => return Ok(Outcome::AlreadyDone),
        Some(_) => {
            return Err(StoreError::new(
                StoreErrorKind::Conflict,
                object,
                "was written with other contents",
            ));
        }
        None => {}
    }
    let found = tx
        .rows
        .document(&leaf.locator)?
        .ok_or_else(|| not_found(&object))?;
    // A leaf tells of what its batch has just done: none is written late, none ahead.
    if found.status.version != leaf.version {
        return Err(StoreError::new(
            StoreErrorKind::Order,
            object,
            format_args!("the document has version {}", found.status.version),
        ));
    }
    let audit = tx.log()?;
    tx.rows.insert_leaf(audit, leaf)?;
    Ok(Outcome::Done { audit })
}

const fn name(status: DocumentStatus) -> &'static str {
    match status {
        DocumentStatus::InForce => "in force",
        DocumentStatus::Revoked => "revoked",
        DocumentStatus::Superseded { .. } => "superseded",
        DocumentStatus::Suspended => "suspended",
        DocumentStatus::Used => "used",
    }
}
