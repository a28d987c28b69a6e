//! Suspension, restoration, revocation.

use std::ops::ControlFlow;

use esign_core::time::UnixTime;
use esign_core::x509::SerialNumber;

use super::{Actor, Life, Who, commit};
use crate::acts::Change;
use crate::error::CentreError;
use crate::ids::Name;
use crate::officers::Role;
use crate::records::{RevocationReason, Standing};
use crate::store::StatusFilter;

/// Why and since when a certificate is revoked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Revocation {
    /// `reasonCode`.
    pub reason: RevocationReason,
    /// When the key is known or suspected to have been compromised.
    pub invalidity_date: Option<UnixTime>,
}

impl Life {
    /// Revokes a certificate for good.
    ///
    /// # Errors
    /// The actor is no revocation officer; no reason in words; it is revoked for another reason, or
    /// was never issued here.
    pub fn revoke(
        &self,
        actor: &Actor,
        serial: &SerialNumber,
        revocation: Revocation,
        why: &str,
    ) -> Result<(), CentreError> {
        actor.must(&[Role::RevocationOfficer], "revoke a certificate")?;
        let change = Change::Revoke {
            id: self.find(serial)?.id,
            reason: revocation.reason,
            invalidity_date: revocation.invalidity_date,
        };
        self.commit(actor, why, vec![change])
    }

    /// Suspends a certificate (`certificateHold`), until a time at the latest if one is given.
    ///
    /// # Errors
    /// As [`Self::revoke`]; it is not good.
    pub fn suspend(
        &self,
        actor: &Actor,
        serial: &SerialNumber,
        until: Option<UnixTime>,
        why: &str,
    ) -> Result<(), CentreError> {
        actor.must(&[Role::RevocationOfficer], "suspend a certificate")?;
        let id = self.find(serial)?.id;
        self.commit(actor, why, vec![Change::Suspend { id, until }])
    }

    /// Lifts a suspension.
    ///
    /// # Errors
    /// As [`Self::revoke`]; it is not suspended.
    pub fn restore(
        &self,
        actor: &Actor,
        serial: &SerialNumber,
        why: &str,
    ) -> Result<(), CentreError> {
        actor.must(&[Role::RevocationOfficer], "restore a certificate")?;
        let id = self.find(serial)?.id;
        self.commit(actor, why, vec![Change::Restore(id)])
    }

    /// Lifts the suspensions whose time is over; gives how many.
    ///
    /// # Errors
    /// The store fails.
    pub fn end_suspensions(&self, at: UnixTime) -> Result<usize, CentreError> {
        let mut over = Vec::new();
        for issuer in self.store.issuers()? {
            self.store
                .visit_status(&issuer.key, None, StatusFilter::Suspended, &mut |entry| {
                    if matches!(entry.standing, Standing::Suspended { until: Some(until), .. } if until <= at)
                    {
                        over.push(entry.id);
                    }
                    ControlFlow::Continue(())
                })?;
        }
        let who = Who {
            by: Name::new("timer")?,
            at,
        };
        for id in &over {
            commit(
                self.store.as_ref(),
                &who,
                "the suspension's time is over",
                vec![Change::Restore(id.clone())],
            )?;
        }
        Ok(over.len())
    }
}
