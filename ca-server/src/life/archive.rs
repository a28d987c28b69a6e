//! The archive of expired certificates (decision 27, 9.6).
//!
//! A certificate stays in its row, with its status: lists go on naming it (ExpiredCertsOnCRL), OCSP
//! goes on answering (archiveCutoff), holders' and serial numbers find it. What it leaves is the index of
//! those that are still watched, and it enters that of the archive, by when it ended.

use std::ops::ControlFlow;

use esign_core::time::UnixTime;

use super::{Actor, Life};
use crate::acts::{Act, Change};
use crate::error::CentreError;
use crate::ids::Name;
use crate::officers::Role;
use crate::records::CertificateRecord;
use crate::store::Fence;

/// Certificates archived by one commit: others wait for a tenth of a second at the most.
pub const ARCHIVED: u64 = 1000;

/// Certificates of the archive.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Archived {
    /// In the order of their ends.
    pub certificates: Vec<CertificateRecord>,
    /// Whether there are more within the time.
    pub more: bool,
}

impl Life {
    /// Archives the certificates whose time has been over for as long as the settings say, at most
    /// [`ARCHIVED`]; gives how many. An interruption leaves the rest for the next time.
    ///
    /// # Errors
    /// The store fails; the lease of `fence` is over.
    pub fn archive_expired(
        &self,
        at: UnixTime,
        fence: Option<&Fence>,
    ) -> Result<usize, CentreError> {
        let kept = i64::from(self.settings.archive_days).saturating_mul(86_400);
        // The last second belongs to the certificate: it has ended the second after.
        let last = at.plus(kept.saturating_neg()).plus(-1);
        let by = Name::new("timer")?;
        let mut acts = Vec::new();
        self.store.visit_ending(
            UnixTime::from_seconds(i64::MIN),
            last,
            ARCHIVED,
            &mut |record| {
                acts.push(Act {
                    by: by.clone(),
                    at,
                    why: String::new(),
                    change: Change::Archive(record.id),
                });
                ControlFlow::Continue(())
            },
        )?;
        let count = acts.len();
        if count > 0 {
            match fence {
                None => self.store.commit(acts)?,
                Some(fence) => self.store.commit_under(fence, acts)?,
            };
        }
        Ok(count)
    }

    /// The certificates of the archive whose last second is `from` or later and before `to`, at most
    /// `limit`.
    ///
    /// # Errors
    /// The actor is neither registrar nor auditor; the store fails.
    pub fn archive(
        &self,
        actor: &Actor,
        from: UnixTime,
        to: UnixTime,
        limit: usize,
    ) -> Result<Archived, CentreError> {
        actor.must(&[Role::Registrar, Role::Auditor], "search the archive")?;
        let mut found = Archived::default();
        let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        self.store
            .visit_archived(from.plus(-1), to.plus(-1), most, &mut |record| {
                if found.certificates.len() >= limit {
                    found.more = true;
                    return ControlFlow::Break(());
                }
                found.certificates.push(record);
                ControlFlow::Continue(())
            })?;
        Ok(found)
    }
}
