//! Whether an issuing certificate is in force, by the store that may hold its own revocation.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use esign_core::time::UnixTime;

use super::{IssuingKey, Life};
use crate::error::{CentreError, CentreErrorKind};
use crate::ids::{CertificateId, KeyId, Serial};
use crate::records::Standing;

/// When each key was last found to stand well. Acts of the same second rely on it: what another
/// process revokes counts for them from the next second on, what this one revokes at once.
#[derive(Default)]
pub(super) struct FoundGood(Mutex<Found>);

#[derive(Default)]
struct Found {
    at: HashMap<KeyId, UnixTime>,
    /// How often all was forgotten: what was read before it is not remembered after it.
    forgotten: u64,
}

impl FoundGood {
    fn found(&self) -> MutexGuard<'_, Found> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The standing of some certificate changed, perhaps that of an authority.
    pub(super) fn forget(&self) {
        let mut found = self.found();
        found.at.clear();
        found.forgotten = found.forgotten.wrapping_add(1);
    }

    /// Whether the key was found good at this second; if not, what [`Self::remember`] wants.
    fn ask(&self, key: &KeyId, at: UnixTime) -> Result<(), u64> {
        let found = self.found();
        match found.at.get(key) {
            Some(known) if *known == at => Ok(()),
            _ => Err(found.forgotten),
        }
    }

    fn remember(&self, key: KeyId, at: UnixTime, forgotten: u64) {
        let mut found = self.found();
        if found.forgotten == forgotten {
            found.at.insert(key, at);
        }
    }
}

impl Life {
    /// What is signed with a revoked, suspended or expired key helps nobody.
    pub(super) fn in_force(&self, issuing: &IssuingKey, at: UnixTime) -> Result<(), CentreError> {
        let certificate = &issuing.certificate;
        let refused = |what: String| {
            Err(CentreError::new(
                CentreErrorKind::State,
                format_args!("issuing certificate {}", certificate.serial()),
                what + ", and nothing more is issued with it",
            ))
        };
        if at < certificate.not_before() {
            return refused(format!(
                "is valid from {}, it is {at}",
                certificate.not_before()
            ));
        }
        if at > certificate.not_after() {
            return refused(format!(
                "is valid until {}, it is {at}",
                certificate.not_after()
            ));
        }
        let key = issuing.id();
        let Err(forgotten) = self.found_good.ask(&key, at) else {
            return Ok(());
        };
        let serial = Serial::try_from(certificate.serial())?;
        for issuer in self.store.issuers()? {
            if issuer.subject != certificate.issuer().der() {
                continue;
            }
            let id = CertificateId {
                issuer: issuer.key,
                serial: serial.clone(),
            };
            match self.store.standing(&id)? {
                Some(Standing::Revoked { since, .. }) => {
                    return refused(format!("is revoked since {since}"));
                }
                Some(Standing::Suspended { since, .. }) => {
                    return refused(format!("is suspended since {since}"));
                }
                // A root off line keeps its own books.
                Some(Standing::Good | Standing::Intended) | None => {}
            }
        }
        self.found_good.remember(key, at, forgotten);
        Ok(())
    }
}
