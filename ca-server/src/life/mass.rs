//! Revocation of many certificates by a query, with a dry run.

use std::ops::ControlFlow;

use super::status::Revocation;
use super::{Actor, Life};
use crate::acts::Change;
use crate::error::{CentreError, CentreErrorKind};
use crate::ids::CertificateId;
use crate::officers::Role;
use crate::records::Standing;
use crate::store::CertificateFilter;

/// Certificates revoked by one commit: a group that holds up others for a tenth of a second.
const GROUP: usize = 1000;
/// Certificates named in a report, so that a person can look at some.
const SAMPLE: usize = 20;

/// Which certificates to revoke, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MassRevocation {
    /// Which; one that picks everything is refused.
    pub filter: CertificateFilter,
    /// Reason and invalidity date.
    pub revocation: Revocation,
    /// How many the dry run found: none for a dry run. Another number now is a refusal.
    pub expect: Option<u64>,
}

/// What a query found, and what was done about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MassReport {
    /// Certificates that the query picks and that are not revoked.
    pub found: u64,
    /// Those that it picks and that were revoked before.
    pub revoked_before: u64,
    /// How many were revoked now; 0 in a dry run.
    pub revoked: u64,
    /// Some of those found.
    pub sample: Vec<CertificateId>,
}

impl Life {
    /// Counts the certificates that a query picks, and revokes them where the count of the dry run is
    /// given. An interruption leaves some of them revoked; the same again does the rest, after a new
    /// dry run.
    ///
    /// # Errors
    /// The actor is no revocation officer; the query picks everything; the count is another than at
    /// the dry run; no reason in words.
    pub fn revoke_many(
        &self,
        actor: &Actor,
        order: &MassRevocation,
        why: &str,
    ) -> Result<MassReport, CentreError> {
        actor.must(&[Role::RevocationOfficer], "revoke certificates")?;
        if order.filter == CertificateFilter::default() {
            return Err(CentreError::new(
                CentreErrorKind::Value,
                "query",
                "picks every certificate of the centre; name an issuer, profile, holder, key or time",
            ));
        }
        let mut report = MassReport {
            found: 0,
            revoked_before: 0,
            revoked: 0,
            sample: Vec::new(),
        };
        let mut ids = Vec::new();
        self.store
            .visit_certificates(&order.filter, &mut |record| {
                if matches!(record.standing, Standing::Revoked { .. }) {
                    report.revoked_before = report.revoked_before.saturating_add(1);
                } else {
                    report.found = report.found.saturating_add(1);
                    if report.sample.len() < SAMPLE {
                        report.sample.push(record.id.clone());
                    }
                    if order.expect.is_some() {
                        ids.push(record.id);
                    }
                }
                ControlFlow::Continue(())
            })?;
        let Some(expected) = order.expect else {
            return Ok(report);
        };
        if expected != report.found {
            return Err(CentreError::new(
                CentreErrorKind::State,
                "query",
                format_args!(
                    "picks {} certificates now, and {expected} were expected; look again",
                    report.found
                ),
            ));
        }
        for group in ids.chunks(GROUP) {
            let changes = group
                .iter()
                .map(|id| Change::Revoke {
                    id: id.clone(),
                    reason: order.revocation.reason,
                    invalidity_date: order.revocation.invalidity_date,
                })
                .collect();
            self.commit(actor, why, changes)?;
            let count = u64::try_from(group.len()).unwrap_or(u64::MAX);
            report.revoked = report.revoked.saturating_add(count);
        }
        Ok(report)
    }
}
