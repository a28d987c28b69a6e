//! The life of certificates in a centre of many officers: requested, vetted, approved, issued,
//! suspended, restored, revoked. Who may do what is decided here, whatever interface he comes by.
//!
//! No clock: each act is given its time.

mod admin;
mod archive;
mod in_force;
pub(crate) mod issue;
mod mass;
mod notices;
mod proofs;
mod renewal;
mod request;
mod status;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use esign_core::keys::SigningKey;
use esign_core::time::UnixTime;
use esign_core::x509::{Certificate, SerialNumber};

pub use self::archive::{ARCHIVED, Archived};
use self::in_force::FoundGood;
pub use self::issue::{Issued, Settled};
pub use self::mass::{MassReport, MassRevocation};
pub use self::notices::{NOTICES, Notice, Step};
use self::proofs::Proofs;
pub use self::renewal::{Neighbours, Renewing};
pub use self::request::{NewRequest, RequestView};
pub(crate) use self::request::{fits, holder, not_compromised, prove, random_octets};
pub use self::status::Revocation;
use crate::acts::{Act, Change};
use crate::error::{CentreError, CentreErrorKind};
use crate::ids::{CertificateId, KeyId, Name, Serial};
use crate::officers::{Officer, Role};
use crate::records::CertificateRecord;
use crate::settings::{Addresses, Settings};
use crate::store::Store;

/// Who acts, and when.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Who {
    /// The officer.
    pub by: Name,
    /// By his clock.
    pub at: UnixTime,
}

/// An officer who acts at a time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Actor {
    /// Who.
    pub officer: Officer,
    /// When.
    pub at: UnixTime,
}

impl Actor {
    fn any(&self, roles: &[Role]) -> bool {
        roles.iter().any(|role| self.officer.is(*role))
    }

    fn must(&self, roles: &[Role], act: &str) -> Result<(), CentreError> {
        if self.any(roles) {
            return Ok(());
        }
        let wanted: Vec<_> = roles.iter().map(ToString::to_string).collect();
        Err(CentreError::new(
            CentreErrorKind::NotAllowed,
            format_args!("officer {}", self.officer.name),
            format_args!(
                "is {}; to {act}, one must be {}",
                self.roles(),
                wanted.join(" or ")
            ),
        ))
    }

    fn roles(&self) -> String {
        if self.officer.roles.is_empty() {
            return "dismissed".to_owned();
        }
        self.officer.role_names()
    }

    fn who(&self) -> Who {
        Who {
            by: self.officer.name.clone(),
            at: self.at,
        }
    }
}

/// A key that issues, with its certificate.
#[derive(Clone)]
pub struct IssuingKey {
    /// The authority's certificate.
    pub certificate: Certificate,
    /// The private key, wherever it is kept.
    pub key: Arc<dyn SigningKey>,
}

impl fmt::Debug for IssuingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("IssuingKey").field(&self.id()).finish()
    }
}

impl IssuingKey {
    /// Puts key and certificate together.
    ///
    /// # Errors
    /// They do not belong together.
    pub fn new(certificate: Certificate, key: Arc<dyn SigningKey>) -> Result<Self, CentreError> {
        let (here, there) = (
            KeyId::of_spki(key.public_key().spki()),
            KeyId::of_spki(certificate.spki_der()),
        );
        if here != there {
            return Err(CentreError::new(
                CentreErrorKind::Key,
                format_args!("certificate {}", certificate.subject()),
                format_args!("is for key {there}, and the private key is {here}"),
            ));
        }
        Ok(Self { certificate, key })
    }

    /// The key's name.
    pub fn id(&self) -> KeyId {
        KeyId::of_spki(self.certificate.spki_der())
    }
}

/// The acts of a certification centre over its store.
#[derive(Clone)]
pub struct Life {
    store: Arc<dyn Store>,
    settings: Arc<Settings>,
    /// The newest generation first, which issues; the older ones are known for their certificates.
    issuing: Vec<IssuingKey>,
    /// Which generation each of them is.
    generations: HashMap<KeyId, u32>,
    /// Shared by all copies of this.
    proofs: Arc<Proofs>,
    /// Likewise.
    found_good: Arc<FoundGood>,
}

impl fmt::Debug for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Life")
            .field("issuing", &self.issuing)
            .finish_non_exhaustive()
    }
}

impl Life {
    /// A centre that issues with the first of `issuing`.
    ///
    /// # Errors
    /// The store does not know one of them as an issuer.
    pub fn new(
        store: Arc<dyn Store>,
        settings: Arc<Settings>,
        issuing: Vec<IssuingKey>,
    ) -> Result<Self, CentreError> {
        let known = store.issuers()?;
        let mut generations = HashMap::new();
        for one in &issuing {
            let der = one.certificate.der();
            let Some(found) = known.iter().find(|issuer| issuer.certificate == der) else {
                return Err(CentreError::new(
                    CentreErrorKind::Settings,
                    format_args!("issuing certificate {}", one.certificate.serial()),
                    "is not one that the store knows as an issuer",
                ));
            };
            generations.insert(found.key, found.generation);
        }
        Ok(Self {
            store,
            settings,
            issuing,
            generations,
            proofs: Arc::default(),
            found_good: Arc::default(),
        })
    }

    /// The centre's memory, for reading.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The keys that issue, the newest first.
    pub fn issuing(&self) -> &[IssuingKey] {
        &self.issuing
    }

    /// Where the list and the certificate of one of these keys are found.
    pub(crate) fn addresses(&self, issuing: &KeyId) -> Addresses {
        let generation = self.generations.get(issuing).copied().unwrap_or(1);
        self.settings.addresses.of_generation(generation)
    }

    /// What the store keeps of the certificate with this serial number, of whichever authority.
    ///
    /// # Errors
    /// There is none.
    pub fn find(&self, serial: &SerialNumber) -> Result<CertificateRecord, CentreError> {
        let number = Serial::try_from(serial)?;
        for issuer in self.store.issuers()? {
            let id = CertificateId {
                issuer: issuer.key,
                serial: number.clone(),
            };
            if let Some(found) = self.store.certificate(&id)? {
                return Ok(found);
            }
        }
        Err(CentreError::new(
            CentreErrorKind::NotFound,
            format_args!("certificate {serial}"),
            "was not issued by this centre",
        ))
    }

    fn commit(&self, actor: &Actor, why: &str, changes: Vec<Change>) -> Result<(), CentreError> {
        let of_status = |change: &Change| {
            matches!(
                change,
                Change::Suspend { .. } | Change::Restore(_) | Change::Revoke { .. }
            )
        };
        let status = changes.iter().any(of_status);
        let done = commit(self.store.as_ref(), &actor.who(), why, changes);
        if status {
            self.found_good.forget();
        }
        done
    }
}

/// Does `changes` as the acts of one person at one time, all of them or none.
pub(crate) fn commit(
    store: &dyn Store,
    who: &Who,
    why: &str,
    changes: Vec<Change>,
) -> Result<(), CentreError> {
    let acts = changes
        .into_iter()
        .map(|change| Act {
            by: who.by.clone(),
            at: who.at,
            why: why.to_owned(),
            change,
        })
        .collect();
    store.commit(acts)?;
    Ok(())
}
