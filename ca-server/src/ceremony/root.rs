//! The machine off line: the root's key, its books, its lists.

use std::fs;
use std::path::{Path, PathBuf};

use esign_core::keys::{Passphrase, PrivateKey, SigningKey};
use esign_core::x509::{Certificate, Identity, SerialNumber, certificates, to_pem};

use super::paper::{Paper, Step};
use super::plan::Plan;
use crate::acts::Change;
use crate::centre::init::{NewAuthority, issuer_of, new_key, self_signed};
use crate::centre::status::CompleteList;
use crate::error::{CentreError, CentreErrorKind};
use crate::files::{self, Secrecy};
use crate::ids::{CertificateId, Digest, KeyId, Serial};
use crate::life::{Who, commit};
use crate::records::RevocationReason;
use crate::settings::Settings;
use crate::store::Store;
use crate::store::sqlite::SqliteStore;

/// A root makes its list at least once a year (EN 319 411-1 6.3.9); the centre complains after half of it.
const LIST_HOURS: u32 = 365 * 24;
const CERTIFICATE: &str = "root.pem";
const KEY: &str = "root-key.pem";
const STORE: &str = "store.sqlite";
const PLAN_DIGEST: &str = "plan.sha256";

/// The folder of a root.
///
/// ```text
/// root-key.pem   the private key
/// root.pem       the certificate
/// centre.toml    where its list and certificate are published
/// plan.sha256    the digest of the plan that it was made by
/// store.sqlite   what it certified and revoked
/// root.crl       the newest list, DER, and root.crl.pem
/// ```
pub struct Root {
    dir: PathBuf,
    settings: Settings,
    certificate: Certificate,
    key: PrivateKey,
    store: SqliteStore,
    plan: Digest,
}

impl std::fmt::Debug for Root {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Root")
            .field("dir", &self.dir)
            .finish_non_exhaustive()
    }
}

impl Root {
    /// Makes a root in `dir`, which must be missing, with its first list. `passphrase` encrypts its key.
    ///
    /// # Errors
    /// The folder is there; a name cannot stand in a certificate; the folder cannot be written. Nothing
    /// is left then.
    pub fn make(
        dir: &Path,
        plan: (&Plan, Digest),
        passphrase: Option<&Passphrase>,
        who: &Who,
    ) -> Result<Paper, CentreError> {
        files::whole_folder(dir, |part| {
            let (plan, digest) = plan;
            let spec = plan.root_key().map_err(|e| value("root-key", &e))?;
            let mut settings = plan.settings();
            settings.crl_hours = LIST_HOURS;
            settings.write(part)?;
            let key = new_key(&part.join(KEY), spec, passphrase)?;
            let identity = settings.subject(&Identity::Organization(plan.authority("Root CA")));
            let certificate = self_signed(&key, &identity, who)?;
            files::write(
                &part.join(CERTIFICATE),
                to_pem("CERTIFICATE", certificate.der()).as_bytes(),
                Secrecy::Public,
            )?;
            let hex = format!("{digest}\n");
            files::write(&part.join(PLAN_DIGEST), hex.as_bytes(), Secrecy::Public)?;
            let store = SqliteStore::open(&part.join(STORE))?;
            let known = Change::AddIssuer(issuer_of(&certificate, 1));
            commit(&store, who, "", vec![known])?;
            let root = Self {
                dir: part.to_owned(),
                settings,
                certificate,
                key,
                store,
                plan: digest,
            };
            let list = root.publish(who)?;
            Ok(Paper::new(
                Step::Root,
                Some(digest),
                vec![root.certificate.der().to_vec(), list],
            ))
        })
    }

    /// Opens the root in `dir`.
    ///
    /// # Errors
    /// There is none, a file is damaged, the passphrase is missing or wrong.
    pub fn open(dir: &Path, passphrase: Option<&Passphrase>) -> Result<Self, CentreError> {
        let path = dir.join(STORE);
        if !path.is_file() {
            return Err(CentreError::new(
                CentreErrorKind::NotFound,
                dir.display(),
                format_args!("is not the folder of a root: it has no {STORE}"),
            ));
        }
        let damaged = |name: &str, what: &dyn std::fmt::Display| {
            CentreError::new(CentreErrorKind::Settings, dir.join(name).display(), what)
        };
        let found = certificates(&files::read(&dir.join(CERTIFICATE))?)
            .map_err(|e| damaged(CERTIFICATE, &e))?;
        let certificate = found
            .into_iter()
            .next()
            .ok_or_else(|| damaged(CERTIFICATE, &"holds no certificate"))?;
        let octets = zeroize::Zeroizing::new(files::read(&dir.join(KEY))?);
        let key = PrivateKey::from_file(&octets, passphrase)
            .map_err(|e| CentreError::key(dir.join(KEY).display(), &e))?;
        if key.public_key().spki() != certificate.spki_der() {
            return Err(damaged(KEY, &"is another key than the certificate's"));
        }
        let plan = String::from_utf8_lossy(&files::read(&dir.join(PLAN_DIGEST))?).into_owned();
        Ok(Self {
            dir: dir.to_owned(),
            settings: Settings::read(dir)?,
            certificate,
            key,
            store: SqliteStore::open(&path)?,
            plan: Digest::parse(plan.trim())
                .ok_or_else(|| damaged(PLAN_DIGEST, &"is no digest"))?,
        })
    }

    /// Whether the key of the root in `dir` needs a passphrase.
    ///
    /// # Errors
    /// There is no key.
    pub fn needs_passphrase(dir: &Path) -> Result<bool, CentreError> {
        let octets = zeroize::Zeroizing::new(files::read(&dir.join(KEY))?);
        Ok(octets.starts_with(b"-----BEGIN ENCRYPTED "))
    }

    /// Certifies the issuing authority of a request whose fingerprint was compared. The same request
    /// again gives the same certificate.
    ///
    /// # Errors
    /// The request follows another plan, does not prove its key, or is for the root's own key; the
    /// certificate is refused by the lints; the store fails.
    pub fn certify(&self, request: &Paper, plan: &Plan, who: &Who) -> Result<Paper, CentreError> {
        same_plan(request, self.plan)?;
        let proven = request
            .request(0)?
            .verify()
            .map_err(|e| CentreError::new(CentreErrorKind::Request, "request", e))?;
        let key = KeyId::of_spki(proven.public_key().spki());
        let root = self.id();
        if key == root {
            return Err(CentreError::new(
                CentreErrorKind::Request,
                "request",
                "is for the root's own key",
            ));
        }
        let before = self.store.certificates_of_key(&key)?;
        let mut issued = None;
        for id in before {
            let record = self.store.certificate(&id)?;
            issued = record.and_then(|record| record.certificate).or(issued);
        }
        let issuing = match issued {
            Some(der) => der,
            None => {
                let identity = self
                    .settings
                    .subject(&Identity::Organization(plan.authority("Issuing CA")));
                let (id, certificate) = NewAuthority {
                    store: &self.store,
                    root: &self.certificate,
                    root_key: &self.key,
                    settings: &self.settings,
                    proven: &proven,
                    identity: &identity,
                    who,
                }
                .certify()?;
                commit(&self.store, who, "", vec![Change::Publish(id)])?;
                certificate.der().to_vec()
            }
        };
        Ok(Paper::new(
            Step::Issuing,
            request.plan(),
            vec![issuing, self.certificate.der().to_vec(), self.publish(who)?],
        ))
    }

    /// Revokes the certificate of an issuing authority and makes the list that says so.
    ///
    /// # Errors
    /// This root never issued it; it is revoked already for another reason.
    pub fn revoke(
        &self,
        serial: &SerialNumber,
        reason: RevocationReason,
        why: &str,
        who: &Who,
    ) -> Result<Paper, CentreError> {
        let id = CertificateId {
            issuer: self.id(),
            serial: Serial::try_from(serial)?,
        };
        let revoke = Change::Revoke {
            id,
            reason,
            invalidity_date: None,
        };
        commit(&self.store, who, why, vec![revoke])?;
        self.list(who)
    }

    /// Makes the next list.
    ///
    /// # Errors
    /// The clock is behind the list before; the store or the folder fails.
    pub fn list(&self, who: &Who) -> Result<Paper, CentreError> {
        Ok(Paper::new(Step::List, None, vec![self.publish(who)?]))
    }

    fn id(&self) -> KeyId {
        KeyId::of_spki(self.certificate.spki_der())
    }

    fn publish(&self, who: &Who) -> Result<Vec<u8>, CentreError> {
        let list = CompleteList {
            store: &self.store,
            certificate: &self.certificate,
            key: &self.key,
            hours: self.settings.crl_hours,
            folder: &self.dir,
            name: "root.crl",
        }
        .publish(who)?;
        Ok(list.der().to_vec())
    }
}

/// Two machines with different plans would make a centre that nobody planned.
pub(super) fn same_plan(paper: &Paper, plan: Digest) -> Result<(), CentreError> {
    match paper.plan() {
        Some(found) if found == plan => Ok(()),
        found => Err(CentreError::new(
            CentreErrorKind::State,
            "paper",
            format_args!(
                "follows plan {}, and here the plan is {plan}: both machines need the same file",
                found.map_or("none".to_owned(), |found| found.to_string())
            ),
        )),
    }
}

pub(super) fn value(object: &str, what: &str) -> CentreError {
    CentreError::new(CentreErrorKind::Value, object, what)
}

/// Reads a small file.
pub(super) fn text(path: &Path) -> Result<String, CentreError> {
    String::from_utf8(files::read(path)?)
        .map_err(|e| CentreError::new(CentreErrorKind::Io, path.display(), e))
}

/// Removes a folder that is not needed any more.
pub(super) fn remove(dir: &Path) -> Result<(), CentreError> {
    fs::remove_dir_all(dir).map_err(|e| CentreError::io(dir, &e))
}
