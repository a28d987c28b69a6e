//! Revocation lists: made on a schedule and after each change, published as files.
//!
//! A number is reserved before anything is signed with it, the file is there before the store says
//! so; a crash between two steps leaves an unused number or a newer file, both harmless.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use esign_core::crl::{Crl, CrlBuilder, RevocationReason as ListReason, RevokedCertificate};
use esign_core::time::UnixTime;
use esign_core::x509::SerialNumber;

use super::{Authority, Key};
use crate::acts::Change;
use crate::error::{CentreError, CentreErrorKind};
use crate::files::{self, Secrecy};
use crate::ids::{Digest, Name};
use crate::life::{Who, commit};
use crate::records::{self, CrlKind, Standing, StatusEntry};
use crate::store::{StatusFilter, Store};

/// How lists are published.
#[derive(Clone, Debug)]
pub struct PublisherOptions {
    /// Folder of the lists.
    pub folder: PathBuf,
    /// From a list's thisUpdate to its nextUpdate, in seconds; a new one is made after half of it.
    pub lifetime: i64,
}

/// Publishes the lists of one authority.
pub struct Publisher {
    store: Arc<dyn Store>,
    authority: Authority,
    key: Key,
    /// Name of the file, without `.crl`.
    name: String,
    options: PublisherOptions,
    seen: Mutex<Seen>,
}

impl std::fmt::Debug for Publisher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Publisher")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// What the last list of this process was made of.
#[derive(Clone, Copy, Default)]
struct Seen {
    /// Number of the last audit entry that was looked at.
    audit: u64,
    /// When the next list is due by time; none before the first one.
    due: Option<UnixTime>,
}

impl Publisher {
    /// Publishes the lists that `key` signs for `authority` as `NAME.crl`.
    pub fn new(
        store: Arc<dyn Store>,
        authority: Authority,
        key: Key,
        name: String,
        options: PublisherOptions,
    ) -> Self {
        Self {
            store,
            authority,
            key,
            name,
            options,
            seen: Mutex::new(Seen::default()),
        }
    }

    /// Makes and publishes a list if one is due: half the life of the last has passed, or something
    /// was suspended, restored or revoked since. To be called about every second; what changes in
    /// between goes on one list.
    ///
    /// # Errors
    /// The store, the folder or the key fails; it is still due then.
    pub fn publish_if_due(&self, at: UnixTime) -> Result<Option<Crl>, CentreError> {
        let mut seen = self
            .seen
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut changed = false;
        // The body names the issuer's key by 64 digits, which occur for no other reason.
        let own = self.authority.id().to_string();
        let mut last = seen.audit;
        if seen.due.is_none() {
            // The first list of this process has all that there is.
            last = self.store.last_audit()?;
        } else {
            self.store.visit_audit(seen.audit, &mut |entry| {
                last = entry.id;
                changed |= matches!(
                    entry.kind.as_str(),
                    "certificate.suspend" | "certificate.restore" | "certificate.revoke"
                ) && entry.body.contains(&own);
                ControlFlow::Continue(())
            })?;
        }
        let due = seen.due.is_none_or(|due| due <= at);
        if !changed && !due {
            seen.audit = last;
            return Ok(None);
        }
        let list = self.publish(at)?;
        *seen = Seen {
            audit: last,
            due: Some(at.plus(self.options.lifetime / 2)),
        };
        Ok(Some(list))
    }

    /// Makes and publishes the complete list.
    ///
    /// # Errors
    /// The store, the folder or the key fails, or the clock stands before the list before.
    pub fn publish(&self, at: UnixTime) -> Result<Crl, CentreError> {
        let issuer = self.authority.id();
        let object = format!("CRL of {}", self.authority.certificate().subject());
        let latest = self.store.latest_crl(&issuer, 0)?;
        if let Some(latest) = &latest
            && latest.this_update > at
        {
            return Err(CentreError::new(
                CentreErrorKind::State,
                object,
                format_args!(
                    "would be of {at}, before {} of number {}: the clock was set back",
                    latest.this_update, latest.number
                ),
            ));
        }
        let reserved = self.store.latest_crl_number(&issuer, 0)?.unwrap_or(0);
        // Milliseconds of the clock: a store restored from a back-up goes on above what was published
        // after the back-up, of which it knows nothing.
        let clock = u64::try_from(at.seconds().saturating_mul(1000)).unwrap_or(0);
        let number = reserved.saturating_add(1).max(clock);
        let who = Who {
            by: Name::new("status")?,
            at,
        };
        let reserve = Change::ReserveCrlNumber {
            issuer,
            shard: 0,
            number,
        };
        commit(self.store.as_ref(), &who, "", vec![reserve])?;
        let next_update = at.plus(self.options.lifetime);
        let list = self.sign(number, at, next_update)?;
        let path = self.options.folder.join(format!("{}.crl", self.name));
        files::write(&path, list.der(), Secrecy::Public)?;
        let publish = Change::PublishCrl(records::Crl {
            issuer,
            shard: 0,
            number,
            kind: CrlKind::Complete,
            this_update: at,
            next_update,
            digest: Digest::of(list.der()),
        });
        commit(self.store.as_ref(), &who, "", vec![publish])?;
        Ok(list)
    }

    fn sign(
        &self,
        number: u64,
        this_update: UnixTime,
        next_update: UnixTime,
    ) -> Result<Crl, CentreError> {
        let certificate = self.authority.certificate();
        let object = format!("CRL of {}", certificate.subject());
        let wrong = |e: &dyn std::fmt::Display| CentreError::new(CentreErrorKind::Key, &object, e);
        let key_identifier = match certificate.subject_key_identifier() {
            Ok(Some(id)) => id.to_vec(),
            _ => self.key.public_key().sha1_identifier().to_vec(),
        };
        let mut entries = Vec::new();
        self.store.visit_status(
            &self.authority.id(),
            None,
            StatusFilter::Listed,
            &mut |entry| {
                entries.extend(line(&entry));
                ControlFlow::Continue(())
            },
        )?;
        let algorithm = *self
            .key
            .algorithms()
            .first()
            .ok_or_else(|| wrong(&"the key has no signature algorithm"))?;
        CrlBuilder {
            issuer: certificate.subject().clone(),
            key_identifier,
            number: SerialNumber::from_magnitude(&number.to_be_bytes()),
            this_update,
            next_update,
            // Nothing is ever taken off a list because it expired.
            expired_certificates_since: Some(certificate.not_before()),
        }
        .build(entries, self.key.public_key(), algorithm)
        .map_err(|e| wrong(&e))?
        .sign(self.key.as_ref())
        .map_err(|e| CentreError::key(&object, &e))
    }
}

fn line(entry: &StatusEntry) -> Option<RevokedCertificate> {
    let serial = SerialNumber::from(&entry.id.serial);
    match entry.standing {
        Standing::Good | Standing::Intended => None,
        Standing::Suspended { since, .. } => Some(RevokedCertificate {
            serial,
            revocation_date: since,
            reason: ListReason::CertificateHold,
            invalidity_date: None,
        }),
        Standing::Revoked {
            since,
            reason,
            invalidity_date,
        } => Some(RevokedCertificate {
            serial,
            revocation_date: since,
            reason: ListReason::from_number(reason.code()).unwrap_or(ListReason::Unspecified),
            invalidity_date,
        }),
    }
}
