//! A new centre: two keys, two certificates, a store. It is made beside its place and renamed, so
//! that an interruption leaves no half of one.

use std::path::Path;

use esign_core::keys::{Curve, Kdf, KeySpec, Passphrase, PrivateKey, SigningKey};
use esign_core::x509::{
    Certificate, Identity, Issuer, Organization, OrganizationIdentifier, Profile, ProvenKey,
    Request, SerialNumber, to_pem,
};
use ring::rand::SystemRandom;

use super::{
    Addresses, CERTIFICATES, CHAIN, CRLS, Centre, CentreError, CentreErrorKind, ISSUING, KEYS,
    REQUESTS, ROOT, STORE, Settings, Who,
};
use crate::acts::Change;
use crate::files::{self, Secrecy};
use crate::ids::{CertificateId, KeyId, Name, RequestId};
use crate::life::issue::{Job, Publication, draft};
use crate::life::{commit, random_octets};
use crate::records::{self, Approval};
use crate::store::Store;
use crate::store::sqlite::SqliteStore;

/// What a new centre is to be.
#[derive(Clone, Debug)]
pub struct InitOptions {
    /// Its name; the authorities are called after it.
    pub name: String,
    /// The organisation that keeps it.
    pub organization: String,
    /// The organisation's identifier (EN 319 412-2 4.2.3.1 asks for it).
    pub identifier: Option<OrganizationIdentifier>,
    /// Whether it is for trial only: then every name says so.
    pub test: bool,
    /// Public addresses, where there are any.
    pub addresses: Addresses,
    /// Kind of the root's key.
    pub root_key: KeySpec,
    /// Kind of the issuing authority's key.
    pub issuing_key: KeySpec,
}

impl InitOptions {
    /// A centre without public addresses, with P-384 for the root and P-256 for issuing.
    pub fn new(name: impl Into<String>, organization: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            organization: organization.into(),
            identifier: None,
            test: false,
            addresses: Addresses::default(),
            root_key: KeySpec::Ec(Curve::P384),
            issuing_key: KeySpec::Ec(Curve::P256),
        }
    }
}

impl Centre {
    /// Makes a centre in `dir`, which must be missing or empty, and opens it. `passphrase` encrypts
    /// its keys.
    ///
    /// # Errors
    /// The folder holds something; a name or address cannot stand in a certificate; the folder
    /// cannot be written. Nothing of the centre is left then.
    pub fn init(
        dir: &Path,
        options: &InitOptions,
        passphrase: Option<Passphrase>,
        who: &Who,
    ) -> Result<Self, CentreError> {
        files::whole_folder(dir, |part| make(part, options, passphrase.as_ref(), who))?;
        Self::open(dir, passphrase)
    }
}

fn make(
    dir: &Path,
    options: &InitOptions,
    passphrase: Option<&Passphrase>,
    who: &Who,
) -> Result<(), CentreError> {
    let settings = Settings::new(
        &options.name,
        &options.organization,
        options.test,
        options.addresses.clone(),
    );
    for name in [KEYS, REQUESTS, CERTIFICATES, CRLS] {
        files::folder(&dir.join(name))?;
    }
    settings.write(dir)?;
    let root_key = new_key(&dir.join(KEYS).join(ROOT), options.root_key, passphrase)?;
    let issuing_key = new_key(
        &dir.join(KEYS).join(ISSUING),
        options.issuing_key,
        passphrase,
    )?;
    let store = SqliteStore::open(&dir.join(STORE))?;

    let identity = |what: &str| {
        settings.subject(&Identity::Organization(Organization {
            common_name: format!("{} {what}", options.name),
            organization: options.organization.clone(),
            identifier: options.identifier.clone(),
            country: "AZ".to_owned(),
        }))
    };
    let root_identity = identity("Root CA");
    let root = self_signed(&root_key, &root_identity, who)?;
    commit(
        &store,
        who,
        "",
        vec![Change::AddIssuer(issuer_of(&root, 1))],
    )?;

    let authority = NewAuthority {
        store: &store,
        root: &root,
        root_key: &root_key,
        settings: &settings,
        proven: &proven(&issuing_key, &identity("Issuing CA"))?,
        identity: &identity("Issuing CA"),
        who,
    };
    let (id, issuing) = authority.certify()?;
    let (root_pem, issuing_pem) = (
        to_pem("CERTIFICATE", root.der()),
        to_pem("CERTIFICATE", issuing.der()),
    );
    for (name, text) in [
        (ROOT, root_pem.clone()),
        (ISSUING, issuing_pem.clone()),
        (CHAIN, issuing_pem + &root_pem),
    ] {
        files::write(&dir.join(name), text.as_bytes(), Secrecy::Public)?;
    }
    let last = vec![
        Change::Publish(id),
        Change::AddIssuer(issuer_of(&issuing, 1)),
    ];
    commit(&store, who, "", last)
}

/// An issuing authority that a root certifies.
pub(crate) struct NewAuthority<'a> {
    /// The root's books.
    pub(crate) store: &'a dyn Store,
    pub(crate) root: &'a Certificate,
    pub(crate) root_key: &'a dyn SigningKey,
    /// Where the root's list and certificate are found.
    pub(crate) settings: &'a Settings,
    pub(crate) proven: &'a ProvenKey,
    pub(crate) identity: &'a Identity,
    pub(crate) who: &'a Who,
}

impl NewAuthority<'_> {
    /// Request, approval, and the way of every certificate up to its issue.
    pub(crate) fn certify(&self) -> Result<(CertificateId, Certificate), CentreError> {
        let addresses = &self.settings.addresses;
        let profile = if addresses.root_crl.is_empty() {
            Profile::issuing_authority().without_public_addresses()
        } else {
            Profile::issuing_authority()
        };
        let request = RequestId(random_octets()?);
        let receive = Change::ReceiveRequest(records::Request {
            id: request,
            profile: Name::new(&profile.name)?,
            public_key: self.proven.public_key().spki().to_vec(),
            holder: None,
            former: None,
            approval: Approval::Anyone,
        });
        let changes = vec![receive, Change::ApproveRequest(request)];
        commit(self.store, self.who, "", changes)?;
        Job {
            store: self.store,
            issuer: &Issuer {
                certificate: Some(self.root.clone()),
                crl: addresses.root_crl.clone(),
                ocsp: Vec::new(),
                ca_issuers: addresses.root_certificate.clone(),
            },
            issuer_key: KeyId::of_spki(self.root.spki_der()),
            key: self.root_key,
            request,
            proven: self.proven,
            profile: &profile,
            identity: self.identity,
            shard: 0,
            who: self.who,
            publication: Publication::ByCaller,
        }
        .run()
    }
}

pub(crate) fn new_key(
    path: &Path,
    spec: KeySpec,
    passphrase: Option<&Passphrase>,
) -> Result<PrivateKey, CentreError> {
    let failed = |e| CentreError::key(path.display(), &e);
    let key = PrivateKey::generate(spec).map_err(failed)?;
    let pem = key
        .to_pkcs8_pem(passphrase, Kdf::default(), &SystemRandom::new())
        .map_err(failed)?;
    files::write(path, pem.as_bytes(), Secrecy::Secret)?;
    Ok(key)
}

/// Only a verified request makes a proven key, the centre's own too.
pub(crate) fn proven(key: &dyn SigningKey, identity: &Identity) -> Result<ProvenKey, CentreError> {
    let name = identity
        .name()
        .map_err(|e| CentreError::new(CentreErrorKind::Value, "name of the centre", e))?;
    Request::sign(&name, key)
        .map_err(|e| CentreError::key("request of the centre", &e))?
        .verify()
        .map_err(|e| CentreError::new(CentreErrorKind::Request, "request of the centre", e))
}

pub(crate) fn self_signed(
    key: &PrivateKey,
    identity: &Identity,
    who: &Who,
) -> Result<Certificate, CentreError> {
    let serial = SerialNumber::random(&SystemRandom::new())
        .map_err(|e| CentreError::key("serial number", &e))?;
    let proven = proven(key, identity)?;
    let judged = draft(
        &Issuer::default(),
        key,
        &proven,
        &Profile::root(),
        identity,
        serial,
        who,
    )?
    .lint();
    let Some(linted) = judged.value else {
        return Err(CentreError::lint("certificate of the root", judged.report));
    };
    linted
        .sign(key)
        .map_err(|e| CentreError::key("certificate of the root", &e))
}

pub(crate) fn issuer_of(certificate: &Certificate, generation: u32) -> records::Issuer {
    records::Issuer {
        key: KeyId::of_spki(certificate.spki_der()),
        subject: certificate.subject().der().to_vec(),
        certificate: certificate.der().to_vec(),
        generation,
    }
}
