//! Officers, and the stop switch of issuance.

use super::{Actor, Life};
use crate::acts::Change;
use crate::error::{CentreError, CentreErrorKind};
use crate::officers::{Officer, Role};
use crate::records::Stop;

impl Life {
    /// All officers, the dismissed too.
    ///
    /// # Errors
    /// The actor is neither administrator nor auditor.
    pub fn officers(&self, actor: &Actor) -> Result<Vec<Officer>, CentreError> {
        actor.must(&[Role::Administrator, Role::Auditor], "see the officers")?;
        Ok(self.store.officers()?)
    }

    /// Names an officer, changes his key or roles, or dismisses him (no roles).
    ///
    /// # Errors
    /// The actor is no administrator, or acts upon himself; nobody would be left to administrate;
    /// the key is another officer's.
    pub fn set_officer(
        &self,
        actor: &Actor,
        officer: Officer,
        why: &str,
    ) -> Result<(), CentreError> {
        actor.must(&[Role::Administrator], "name officers")?;
        if officer.name == actor.officer.name {
            return Err(CentreError::new(
                CentreErrorKind::NotAllowed,
                format_args!("officer {}", officer.name),
                "may not change his own key or roles; another administrator does",
            ));
        }
        self.commit(actor, why, vec![Change::SetOfficer(officer)])
    }

    /// Stops all issuance: an emergency brake that many may pull.
    ///
    /// # Errors
    /// The actor is neither administrator, approver nor revocation officer; no reason is given.
    pub fn stop_issuance(&self, actor: &Actor, why: &str) -> Result<(), CentreError> {
        let brake = [Role::Administrator, Role::Approver, Role::RevocationOfficer];
        actor.must(&brake, "stop issuance")?;
        self.commit(actor, why, vec![Change::StopIssuance])
    }

    /// Lets issuance go on.
    ///
    /// # Errors
    /// The actor is no administrator; no reason is given.
    pub fn resume_issuance(&self, actor: &Actor, why: &str) -> Result<(), CentreError> {
        actor.must(&[Role::Administrator], "resume issuance")?;
        self.commit(actor, why, vec![Change::ResumeIssuance])
    }

    /// The stop switch, if it is on.
    ///
    /// # Errors
    /// The store fails.
    pub fn stopped(&self) -> Result<Option<Stop>, CentreError> {
        Ok(self.store.stop()?)
    }
}
