//! CRL numbers, taken before anything is signed with them, and the CRLs that bear them.

use super::{Transaction, not_found};
use crate::ids::KeyId;
use crate::records::Crl;
use crate::store::{Outcome, StoreError, StoreErrorKind};

/// RFC 5280 §5.2.3: monotonically increasing for a given scope and issuer; complete and delta CRLs of
/// one scope share the sequence.
pub(super) fn reserve(
    tx: &mut Transaction<'_>,
    issuer: &KeyId,
    shard: u32,
    number: u64,
) -> Result<Outcome, StoreError> {
    if tx.rows.issuer(issuer)?.is_none() {
        return Err(not_found(format_args!("issuer {issuer}")));
    }
    if let Some(latest) = tx.rows.latest_crl_number(issuer, shard)?
        && number <= latest
    {
        return Err(StoreError::new(
            StoreErrorKind::Order,
            format_args!("CRL number of issuer {issuer}, shard {shard}"),
            format_args!("{number} is not greater than {latest}, which is taken"),
        ));
    }
    tx.rows
        .insert_crl_number(issuer, shard, number, tx.act.at)?;
    tx.done()
}

pub(super) fn publish(tx: &mut Transaction<'_>, crl: &Crl) -> Result<Outcome, StoreError> {
    let object = format!(
        "CRL {} of issuer {}, shard {}",
        crl.number, crl.issuer, crl.shard
    );
    if !tx
        .rows
        .crl_number_exists(&crl.issuer, crl.shard, crl.number)?
    {
        return Err(StoreError::new(
            StoreErrorKind::State,
            object,
            "its number was not reserved",
        ));
    }
    if let Some(found) = tx
        .rows
        .crl(&crl.issuer, crl.shard, crl.kind, Some(crl.number))?
    {
        if found == *crl {
            return Ok(Outcome::AlreadyDone);
        }
        return Err(StoreError::new(
            StoreErrorKind::Conflict,
            object,
            format_args!(
                "was published with other contents (here {}, there {})",
                crl.digest, found.digest
            ),
        ));
    }
    if let Some(last) = tx.rows.crl(&crl.issuer, crl.shard, crl.kind, None)? {
        if last.number > crl.number {
            return Err(StoreError::new(
                StoreErrorKind::Order,
                object,
                format_args!("CRL {} was published already", last.number),
            ));
        }
        if last.this_update > crl.this_update {
            return Err(StoreError::new(
                StoreErrorKind::Order,
                object,
                format_args!(
                    "its thisUpdate {} is before {} of CRL {}",
                    crl.this_update, last.this_update, last.number
                ),
            ));
        }
    }
    tx.rows.insert_crl(crl)?;
    tx.done()
}
