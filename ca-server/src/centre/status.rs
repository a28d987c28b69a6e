//! Revocation, suspension, restoration, and the lists that tell of them.

use std::ops::ControlFlow;
use std::path::Path;

use esign_core::crl::{self, CrlBuilder, RevokedCertificate};
use esign_core::keys::SigningKey;
use esign_core::time::UnixTime;
use esign_core::x509::{Certificate, SerialNumber, to_pem};

use super::{Authority, CRLS, Centre, CentreError, CentreErrorKind, Who};
use crate::acts::Change;
use crate::files::{self, Secrecy};
use crate::ids::{Digest, KeyId};
use crate::life::commit;
use crate::records::{Crl, CrlKind, RevocationReason, Standing, StatusEntry};
use crate::store::{StatusFilter, Store};

impl Centre {
    /// Revokes a certificate for good; `why` is for the audit log.
    ///
    /// # Errors
    /// This centre never issued it; it is revoked already for another reason; `invalidity` is after
    /// the act.
    pub fn revoke(
        &self,
        serial: &SerialNumber,
        reason: RevocationReason,
        invalidity: Option<UnixTime>,
        why: &str,
        who: &Who,
    ) -> Result<(), CentreError> {
        let id = self.find(serial)?.id;
        let change = Change::Revoke {
            id,
            reason,
            invalidity_date: invalidity,
        };
        self.commit(who, why, vec![change])
    }

    /// Suspends a certificate (`certificateHold`) until it is restored or revoked.
    ///
    /// # Errors
    /// This centre never issued it, or it is not good.
    pub fn suspend(&self, serial: &SerialNumber, why: &str, who: &Who) -> Result<(), CentreError> {
        let id = self.find(serial)?.id;
        self.commit(who, why, vec![Change::Suspend { id, until: None }])
    }

    /// Lifts a suspension.
    ///
    /// # Errors
    /// The certificate is not suspended; one that is revoked never comes back (EN 319 411-1 6.3.9).
    pub fn restore(&self, serial: &SerialNumber, why: &str, who: &Who) -> Result<(), CentreError> {
        let id = self.find(serial)?.id;
        self.commit(who, why, vec![Change::Restore(id)])
    }

    /// Makes and publishes the complete list of an authority: all that is revoked or suspended, the
    /// expired as well.
    ///
    /// # Errors
    /// The key's passphrase is missing; `who.at` is before the list before; the store or the
    /// folder fails.
    pub fn crl(&self, authority: Authority, who: &Who) -> Result<crl::Crl, CentreError> {
        let key = self.key(authority)?;
        let name = match authority {
            Authority::Issuing => "issuing.crl",
            Authority::Root => "root.crl",
        };
        CompleteList {
            store: self.store.as_ref(),
            certificate: self.certificate(authority),
            key: &key,
            hours: self.settings.crl_hours,
            folder: &self.dir.join(CRLS),
            name,
        }
        .publish(who)
    }
}

/// The list of all that an authority revoked or suspended, the expired as well.
pub(crate) struct CompleteList<'a> {
    pub(crate) store: &'a dyn Store,
    pub(crate) certificate: &'a Certificate,
    pub(crate) key: &'a dyn SigningKey,
    /// How long it is good for.
    pub(crate) hours: u32,
    pub(crate) folder: &'a Path,
    pub(crate) name: &'a str,
}

impl CompleteList<'_> {
    /// Makes the list, writes it, DER and PEM, and notes that it did.
    pub(crate) fn publish(&self, who: &Who) -> Result<crl::Crl, CentreError> {
        let certificate = self.certificate;
        let issuer = KeyId::of_spki(certificate.spki_der());
        let key = self.key;
        if let Some(last) = self.store.latest_crl(&issuer, 0)?
            && last.this_update > who.at
        {
            return Err(CentreError::new(
                CentreErrorKind::State,
                format_args!("CRL after number {}", last.number),
                format_args!(
                    "would be of {}, before {} of the one before",
                    who.at, last.this_update
                ),
            ));
        }
        // A number that a crash leaves unused is a gap, and gaps are allowed (RFC 5280 5.2.3).
        let number = self
            .store
            .latest_crl_number(&issuer, 0)?
            .unwrap_or(0)
            .saturating_add(1);
        commit(
            self.store,
            who,
            "",
            vec![Change::ReserveCrlNumber {
                issuer,
                shard: 0,
                number,
            }],
        )?;
        let object = format!("CRL {number}");
        let mut entries = Vec::new();
        self.store
            .visit_status(&issuer, None, StatusFilter::Listed, &mut |entry| {
                entries.extend(listed(&entry));
                ControlFlow::Continue(())
            })?;
        entries.sort_by(|a, b| a.serial.cmp(&b.serial));
        let algorithm = *key.algorithms().first().ok_or_else(|| {
            CentreError::new(
                CentreErrorKind::Key,
                &object,
                "the key has no signature algorithm",
            )
        })?;
        let next_update = who.at.plus(i64::from(self.hours) * 3600);
        let wrong =
            |e: &dyn std::fmt::Display| CentreError::new(CentreErrorKind::Value, &object, e);
        let key_identifier = match certificate.subject_key_identifier() {
            Ok(Some(id)) => id.to_vec(),
            Ok(None) => key.public_key().sha1_identifier().to_vec(),
            Err(e) => return Err(wrong(&e)),
        };
        let list = CrlBuilder {
            issuer: certificate.subject().clone(),
            key_identifier,
            number: SerialNumber::from_magnitude(&number.to_be_bytes()),
            this_update: who.at,
            next_update,
            expired_certificates_since: Some(certificate.not_before()),
        }
        .build(entries, key.public_key(), algorithm)
        .map_err(|e| wrong(&e))?
        .sign(key)
        .map_err(|e| CentreError::key(&object, &e))?;
        let (folder, name) = (self.folder, self.name);
        files::write(&folder.join(name), list.der(), Secrecy::Public)?;
        files::write(
            &folder.join(name).with_extension("crl.pem"),
            to_pem("X509 CRL", list.der()).as_bytes(),
            Secrecy::Public,
        )?;
        let record = Crl {
            issuer,
            shard: 0,
            number,
            kind: CrlKind::Complete,
            this_update: who.at,
            next_update,
            digest: Digest(list.sha256()),
        };
        commit(self.store, who, "", vec![Change::PublishCrl(record)])?;
        Ok(list)
    }
}

fn listed(entry: &StatusEntry) -> Option<RevokedCertificate> {
    let serial = SerialNumber::from(&entry.id.serial);
    match entry.standing {
        Standing::Good | Standing::Intended => None,
        Standing::Revoked {
            since,
            reason,
            invalidity_date,
        } => Some(RevokedCertificate {
            serial,
            revocation_date: since,
            reason: crl::RevocationReason::from_number(reason.code())
                .unwrap_or(crl::RevocationReason::Unspecified),
            invalidity_date,
        }),
        Standing::Suspended { since, .. } => Some(RevokedCertificate {
            serial,
            revocation_date: since,
            reason: crl::RevocationReason::CertificateHold,
            invalidity_date: None,
        }),
    }
}
