//! The rules of state, the same over every database: each act is compared with what is there,
//! inside the transaction that writes it.

mod certificate;
mod crl;
mod document;
mod officer;
pub(super) mod person;
mod renewal;
mod values;

use super::rows::Rows;
use super::{MAX_BATCH, Outcome, StoreError, StoreErrorKind, audit};
use crate::acts::{Act, Change};

/// An act within the ranges that hold in any state, with the body of its audit entry: what can be
/// done before the transaction begins, and by many callers at once.
pub(super) struct Prepared {
    act: Act,
    body: String,
}

impl Prepared {
    pub(super) fn new(act: Act) -> Result<Self, StoreError> {
        values::check(&act)?;
        let body = audit::body(&act.change)?;
        Ok(Self { act, body })
    }

    /// The act.
    #[cfg(feature = "postgres")]
    pub(super) const fn act(&self) -> &Act {
        &self.act
    }
}

/// The acts of one call, each within its ranges.
pub(super) fn prepare(acts: Vec<Act>) -> Result<Vec<Prepared>, StoreError> {
    if acts.len() > MAX_BATCH {
        return Err(StoreError::value(
            "batch",
            format_args!(
                "has {} acts, at most {MAX_BATCH} are done at once",
                acts.len()
            ),
        ));
    }
    acts.into_iter().map(Prepared::new).collect()
}

/// Whether an error is about one call's acts, and others that share its transaction may go on.
pub(super) fn is_the_jobs_own(error: &StoreError) -> bool {
    error.is_refusal() || error.kind() == StoreErrorKind::Bug
}

/// Does one act, with its audit entry, or says which rule it breaks. After an error the caller must
/// take back what this wrote.
pub(super) fn apply(rows: &mut dyn Rows, prepared: &Prepared) -> Result<Outcome, StoreError> {
    let Prepared { act, body } = prepared;
    let mut tx = Transaction { rows, act, body };
    match &act.change {
        Change::AddIssuer(issuer) => person::add_issuer(&mut tx, issuer),
        Change::RecordHolder(holder) => person::record_holder(&mut tx, holder),
        Change::ReceiveRequest(request) => person::receive_request(&mut tx, request),
        Change::ClaimSubject(subject) => person::describe(&mut tx, subject, false),
        Change::VetSubject(subject) => person::describe(&mut tx, subject, true),
        Change::Renew { request, csr } => renewal::renew(&mut tx, request, csr),
        Change::SetOfficer(officer) => officer::set(&mut tx, officer),
        Change::StopIssuance => officer::stop(&mut tx),
        Change::ResumeIssuance => officer::resume(&mut tx),
        Change::ApproveRequest(id) => person::approve(&mut tx, id),
        Change::RefuseRequest(id) => person::refuse(&mut tx, id),
        Change::Intend(intent) => certificate::intend(&mut tx, intent),
        Change::Issue { id, certificate } => certificate::issue(&mut tx, id, certificate),
        Change::Archive(id) => certificate::archive(&mut tx, id),
        Change::Publish(id) => certificate::publish(&mut tx, id),
        Change::Suspend { id, until } => certificate::suspend(&mut tx, id, *until),
        Change::Restore(id) => certificate::restore(&mut tx, id),
        Change::Revoke {
            id,
            reason,
            invalidity_date,
        } => certificate::revoke(&mut tx, id, *reason, *invalidity_date),
        Change::ReserveCrlNumber {
            issuer,
            shard,
            number,
        } => crl::reserve(&mut tx, issuer, *shard, *number),
        Change::PublishCrl(list) => crl::publish(&mut tx, list),
        Change::RegisterDocument(document) => document::register(&mut tx, document),
        Change::ChangeDocument {
            locator,
            from_version,
            status,
        } => document::change(&mut tx, locator, *from_version, *status),
        Change::LogDocument(leaf) => document::log(&mut tx, leaf),
    }
}

/// One act and the rows it may change.
struct Transaction<'a> {
    rows: &'a mut dyn Rows,
    act: &'a Act,
    body: &'a str,
}

impl Transaction<'_> {
    /// Writes the audit entry.
    fn log(&mut self) -> Result<u64, StoreError> {
        self.rows
            .append_audit(self.act, audit::object(&self.act.change), self.body)
    }

    /// Writes the audit entry as the last thing that an act does.
    fn done(&mut self) -> Result<Outcome, StoreError> {
        Ok(Outcome::Done { audit: self.log()? })
    }
}

fn not_found(object: impl std::fmt::Display) -> StoreError {
    StoreError::new(StoreErrorKind::NotFound, object, "is not in this store")
}
