//! Officers, and the stop switch.

use super::Transaction;
use crate::officers::Officer;
use crate::records::Stop;
use crate::store::{Outcome, StoreError, StoreErrorKind};

pub(super) fn set(tx: &mut Transaction<'_>, officer: &Officer) -> Result<Outcome, StoreError> {
    if tx.rows.officer(&officer.name)?.as_ref() == Some(officer) {
        return Ok(Outcome::AlreadyDone);
    }
    if let Some(other) = tx.rows.officer_of_key(&officer.key)?
        && other.name != officer.name
    {
        return Err(StoreError::new(
            StoreErrorKind::Conflict,
            format_args!("officer {}", officer.name),
            format_args!("key {} is that of {}", officer.key, other.name),
        ));
    }
    tx.rows.put_officer(officer, tx.act.at)?;
    tx.done()
}

pub(super) fn stop(tx: &mut Transaction<'_>) -> Result<Outcome, StoreError> {
    if tx.rows.stop()?.is_some() {
        return Ok(Outcome::AlreadyDone);
    }
    tx.rows.put_stop(Some(&Stop {
        since: tx.act.at,
        by: tx.act.by.clone(),
        why: tx.act.why.clone(),
    }))?;
    tx.done()
}

pub(super) fn resume(tx: &mut Transaction<'_>) -> Result<Outcome, StoreError> {
    if tx.rows.stop()?.is_none() {
        return Ok(Outcome::AlreadyDone);
    }
    tx.rows.put_stop(None)?;
    tx.done()
}
