//! A certification centre with one officer, in a folder.
//!
//! ```text
//! centre.toml      settings: names, addresses, profiles
//! keys/root.pem    private keys, PKCS #8, readable by their owner alone
//! keys/issuing.pem
//! root.pem         certificates; chain.pem has the issuing one and the root
//! issuing.pem
//! chain.pem
//! store.sqlite     the centre's memory
//! requests/        who each request is about, as vetted
//! certs/           what was issued, by serial number
//! crl/             the newest lists
//! .lock            held by the process that issues or recovers
//! ```
//!
//! Every certificate goes the same way: request, approval, draft, lint, stored intent, signature,
//! issue, publication. [`Centre::recover`] settles what a crash left between two of them. There is no
//! clock here: each act is given its time.

pub(crate) mod init;
mod issue;
mod request;
pub(crate) mod status;

use std::fmt;
use std::path::{Path, PathBuf};

use esign_core::keys::{Passphrase, PrivateKey, SigningKey};
use esign_core::x509::{Certificate, SerialNumber, certificates};

pub use self::init::InitOptions;
pub use self::issue::Recovered;
use crate::acts::Change;
pub use crate::error::{CentreError, CentreErrorKind};
use crate::files;
use crate::ids::{CertificateId, KeyId, Serial};
pub use crate::life::Who;
use crate::life::commit;
use crate::records::{Approval, CertificateRecord, RequestRecord, RequestStatus, Standing};
pub use crate::settings::{Addresses, DEFAULT_CRL_HOURS, IssuedProfile, Settings, TEST_MARK};
use crate::store::sqlite::SqliteStore;
use crate::store::{MAX_ROWS, Store};

/// One of the two keys of the centre.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Authority {
    /// Certifies everyone else.
    Issuing,
    /// Certifies the issuing authority.
    Root,
}

/// An open centre.
pub struct Centre {
    dir: PathBuf,
    settings: Settings,
    root: Certificate,
    issuing: Certificate,
    passphrase: Option<Passphrase>,
    store: Box<dyn Store>,
}

const ROOT: &str = "root.pem";
const ISSUING: &str = "issuing.pem";
const CHAIN: &str = "chain.pem";
const KEYS: &str = "keys";
const STORE: &str = "store.sqlite";
const REQUESTS: &str = "requests";
const CERTIFICATES: &str = "certs";
const CRLS: &str = "crl";

impl Authority {
    const fn file(self) -> &'static str {
        match self {
            Self::Issuing => ISSUING,
            Self::Root => ROOT,
        }
    }
}

impl Centre {
    /// Opens the centre in `dir`. `passphrase` is that of its keys, needed only where they are
    /// encrypted and something is signed.
    ///
    /// # Errors
    /// There is no centre, one of its files is damaged, or it is one that demands a second person.
    pub fn open(dir: &Path, passphrase: Option<Passphrase>) -> Result<Self, CentreError> {
        let path = dir.join(STORE);
        // To open a store that is not there would make one.
        if !path.is_file() {
            return Err(CentreError::new(
                CentreErrorKind::NotFound,
                dir.display(),
                format_args!("is not the folder of a centre: it has no {STORE}"),
            ));
        }
        let store = SqliteStore::open(&path)?;
        Self::open_with(dir, passphrase, Box::new(store))
    }

    /// Opens the centre in `dir` with its state in another store.
    ///
    /// # Errors
    /// Those of [`Self::open`].
    pub fn open_with(
        dir: &Path,
        passphrase: Option<Passphrase>,
        store: Box<dyn Store>,
    ) -> Result<Self, CentreError> {
        let settings = Settings::read(dir)?;
        one_officer(dir, &settings)?;
        let centre = Self {
            root: certificate(&dir.join(ROOT))?,
            issuing: certificate(&dir.join(ISSUING))?,
            dir: dir.to_owned(),
            settings,
            passphrase,
            store,
        };
        let known = centre.store.issuers()?;
        for authority in [Authority::Root, Authority::Issuing] {
            let certificate = centre.certificate(authority);
            let found = known
                .iter()
                .any(|issuer| issuer.certificate == certificate.der());
            if !found {
                return Err(CentreError::new(
                    CentreErrorKind::Settings,
                    dir.join(authority.file()).display(),
                    format_args!(
                        "certificate {} is not one that the store knows as an issuer",
                        certificate.serial()
                    ),
                ));
            }
        }
        for status in [RequestStatus::Pending, RequestStatus::Approved] {
            for request in centre.requests(status)? {
                if let Approval::Others(persons) = request.request.approval {
                    return Err(CentreError::new(
                        CentreErrorKind::SecondPerson,
                        format_args!("request {}", request.request.id),
                        format_args!(
                            "demands {persons} other persons to approve, and this centre has one officer"
                        ),
                    ));
                }
            }
        }
        Ok(centre)
    }

    /// Whether the keys of the centre in `dir` need a passphrase.
    ///
    /// # Errors
    /// There is no key of the issuing authority.
    pub fn needs_passphrase(dir: &Path) -> Result<bool, CentreError> {
        let octets = files::read(&dir.join(KEYS).join(ISSUING))?;
        Ok(octets.starts_with(b"-----BEGIN ENCRYPTED "))
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The certificate of an authority.
    pub fn certificate(&self, authority: Authority) -> &Certificate {
        match authority {
            Authority::Issuing => &self.issuing,
            Authority::Root => &self.root,
        }
    }

    /// The centre's memory, for reading.
    pub fn store(&self) -> &dyn Store {
        self.store.as_ref()
    }

    /// Where the certificate of this serial number is published.
    pub fn published_at(&self, serial: &SerialNumber) -> PathBuf {
        self.dir.join(CERTIFICATES).join(format!("{serial}.pem"))
    }

    /// All requests of this status, in the order of receipt.
    ///
    /// # Errors
    /// The store fails.
    pub fn requests(&self, status: RequestStatus) -> Result<Vec<RequestRecord>, CentreError> {
        let mut all: Vec<RequestRecord> = Vec::new();
        loop {
            let after = all.last().map(|last| last.request.id);
            let more = self.store.requests(status, after.as_ref(), MAX_ROWS)?;
            let last = more.len() < MAX_ROWS;
            all.extend(more);
            if last {
                return Ok(all);
            }
        }
    }

    /// What the store keeps of the certificate with this serial number: one of the issuing
    /// authority's, or its own.
    ///
    /// # Errors
    /// There is none, or the store fails.
    pub fn find(&self, serial: &SerialNumber) -> Result<CertificateRecord, CentreError> {
        for authority in [Authority::Issuing, Authority::Root] {
            let id = self.id(authority, serial)?;
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

    /// What is signed with a revoked or suspended key helps nobody.
    fn issuing_in_force(&self) -> Result<(), CentreError> {
        let id = self.id(Authority::Root, self.issuing.serial())?;
        let what = match self.store.standing(&id)? {
            Some(Standing::Good) => return Ok(()),
            Some(Standing::Revoked { since, .. }) => format!("is revoked since {since}"),
            Some(Standing::Suspended { since, .. }) => format!("is suspended since {since}"),
            Some(Standing::Intended) | None => "is not known to the store as issued".to_owned(),
        };
        Err(CentreError::new(
            CentreErrorKind::State,
            format_args!("issuing certificate {}", self.issuing.serial()),
            what + ", and nothing more is issued with it",
        ))
    }

    fn issuer(&self, authority: Authority) -> KeyId {
        KeyId::of_spki(self.certificate(authority).spki_der())
    }

    fn id(
        &self,
        authority: Authority,
        serial: &SerialNumber,
    ) -> Result<CertificateId, CentreError> {
        Ok(CertificateId {
            issuer: self.issuer(authority),
            serial: Serial::try_from(serial)?,
        })
    }

    /// The private key of an authority, compared with its certificate.
    fn key(&self, authority: Authority) -> Result<PrivateKey, CentreError> {
        let path = self.dir.join(KEYS).join(authority.file());
        let mut octets = files::read(&path)?;
        let key = PrivateKey::from_file(&octets, self.passphrase.as_ref());
        zeroize::Zeroize::zeroize(&mut octets);
        let key = key.map_err(|e| CentreError::key(path.display(), &e))?;
        let (here, there) = (
            KeyId::of_spki(key.public_key().spki()),
            self.issuer(authority),
        );
        if here != there {
            return Err(CentreError::new(
                CentreErrorKind::Key,
                path.display(),
                format_args!("is key {here}, and the certificate is for key {there}"),
            ));
        }
        Ok(key)
    }

    fn commit(&self, who: &Who, why: &str, changes: Vec<Change>) -> Result<(), CentreError> {
        commit(self.store.as_ref(), who, why, changes)
    }
}

/// `esign ca` has one officer, so a profile that demands a second person is not for it.
fn one_officer(dir: &Path, settings: &Settings) -> Result<(), CentreError> {
    match settings.profiles.iter().find(|p| p.approvals_by_others > 0) {
        None => Ok(()),
        Some(found) => Err(CentreError::new(
            CentreErrorKind::SecondPerson,
            dir.join(Settings::FILE).display(),
            format_args!(
                "profile \"{}\" demands {} other persons to approve, and this centre has one officer",
                found.profile.name, found.approvals_by_others
            ),
        )),
    }
}

fn certificate(path: &Path) -> Result<Certificate, CentreError> {
    let wrong =
        |what: &dyn fmt::Display| CentreError::new(CentreErrorKind::Settings, path.display(), what);
    let found = certificates(&files::read(path)?).map_err(|e| wrong(&e))?;
    let count = found.len();
    let mut found = found.into_iter();
    match (found.next(), count) {
        (Some(one), 1) => Ok(one),
        _ => Err(wrong(&format_args!("holds {count} certificates, not one"))),
    }
}

impl fmt::Debug for Centre {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Centre")
            .field("dir", &self.dir)
            .finish_non_exhaustive()
    }
}
