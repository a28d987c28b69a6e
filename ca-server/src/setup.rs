//! A folder that `ca-server` serves from: a centre, the certificates of its service, and its first
//! officers, each with a folder to be handed over.
//!
//! ```text
//! …                     what every centre's folder holds (see [`crate::centre`])
//! ca-server.toml        which roles are served, where, with which keys
//! keys/server.pem       the operators' address: key and certificate
//! server.pem
//! keys/tsa.pem          time-stamps
//! tsa.pem
//! keys/log.pem          the signed log over the audit
//! log.vkey              its public key, as auditors are given it
//! officers/NAME/        key.pem, certificate.pem, centre.pem (who the server must be), centre.toml
//! ```

use std::path::Path;
use std::sync::Arc;

use esign_core::keys::{Curve, Kdf, KeySpec, Passphrase, PrivateKey, SigningKey};
use esign_core::log::{KeyKind, NoteKey};
use esign_core::x509::{
    Certificate, Host, Identity, NameBuilder, Organization, OrganizationIdentifier, Profile,
    Request, SubjectKind, to_pem,
};
use ring::rand::SystemRandom;

use crate::centre::{Addresses, Authority, Centre, InitOptions};
use crate::error::{CentreError, CentreErrorKind};
use crate::files::{self, Secrecy};
use crate::ids::{KeyId, Name};
use crate::life::{Actor, IssuingKey, Life, NewRequest, Who, commit};
use crate::officers::{Officer, Role};
use crate::settings::{IssuedProfile, Settings};
use crate::store::Store;
use crate::store::sqlite::SqliteStore;

/// What a served centre is to be.
#[derive(Clone, Debug)]
pub struct SetupOptions {
    /// The centre itself.
    pub centre: InitOptions,
    /// What it is served with.
    pub service: ServiceOptions,
    /// How many others have to approve a certificate of a person or body.
    pub approvals: u8,
}

/// What a centre is served with.
#[derive(Clone, Debug)]
pub struct ServiceOptions {
    /// DNS names and addresses under which the operators' address is reached.
    pub hosts: Vec<String>,
    /// Where officers will reach it, `https://host:port`.
    pub operators_url: String,
    /// The first officers.
    pub officers: Vec<NewOfficer>,
    /// The name of the log over the audit, see [`NoteKey`].
    pub log_origin: String,
    /// The text of `ca-server.toml`.
    pub configuration: String,
}

/// One of the first officers.
#[derive(Clone, Debug)]
pub struct NewOfficer {
    /// As he stands in the audit log.
    pub name: String,
    /// What he may do.
    pub roles: Vec<Role>,
    /// His own certificate request; without one, a key is made for him.
    pub request: Option<Request>,
}

/// The policy of a demonstration's time-stamps: of the arc for documentation (RFC 5612).
const TSA_POLICY: &str = "1.3.6.1.4.1.32473.2";
/// The name of a demonstration's log.
const LOG_ORIGIN: &str = "centre.example/audit";

impl SetupOptions {
    /// A demonstration that listens at `public` and `operators`, addresses with ports, with one officer
    /// for each role. All that it issues says that it is for trial; its keys are not encrypted.
    pub fn demonstration(public: &str, operators: &str) -> Self {
        let mut centre = InitOptions::new("Demo", "Demo Certification Centre");
        centre.test = true;
        centre.addresses = Addresses {
            crl: vec![format!("http://{public}/crl/issuing.crl")],
            ocsp: vec![format!("http://{public}/ocsp")],
            ca_issuers: vec![format!("http://{public}/ca/issuing.cer")],
            root_crl: vec![format!("http://{public}/crl/root.crl")],
            root_certificate: vec![format!("http://{public}/ca/root.cer")],
        };
        let officer = |role: Role| NewOfficer {
            name: role.name().to_owned(),
            roles: vec![role],
            request: None,
        };
        let service = ServiceOptions {
            hosts: vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
            operators_url: format!("https://{operators}"),
            officers: Role::ALL.into_iter().map(officer).collect(),
            log_origin: LOG_ORIGIN.to_owned(),
            configuration: format!(
                "# A demonstration centre. The keys are not encrypted.\n\
                 roles = [\"ca\", \"status\", \"tsa\"]\n\
                 store = \"sqlite:store.sqlite\"\n\n\
                 [public]\nlisten = \"{public}\"\n\n\
                 [operators]\nlisten = \"{operators}\"\ncertificate = \"server.pem\"\nkey = \"keys/server.pem\"\n\n\
                 [[issuing]]\ncertificate = \"issuing.pem\"\nkey = \"keys/issuing.pem\"\n\n\
                 # A real root is kept off line.\n\
                 [[root]]\ncertificate = \"root.pem\"\nkey = \"keys/root.pem\"\n\n\
                 [tsa]\ncertificate = \"tsa.pem\"\nkey = \"keys/tsa.pem\"\npolicies = [\"{TSA_POLICY}\"]\n\
                 # A real one asks chrony, which is the default.\nclock = \"vouched\"\n\n\
                 [log]\norigin = \"{LOG_ORIGIN}\"\nkey = \"keys/log.pem\"\n"
            ),
        };
        Self {
            centre,
            service,
            approvals: 1,
        }
    }
}

/// Name of the file with the log's public key.
pub const LOG_KEY: &str = "log.vkey";
/// Name of the configuration file in a served centre's folder.
pub const CONFIGURATION: &str = "ca-server.toml";
const OFFICERS: &str = "officers";

/// Makes a served centre in `dir`, which must be missing or empty. `passphrase` gives the one that
/// encrypts the keys of the centre, if any.
///
/// # Errors
/// Those of [`Centre::init`]; what is left then is removed by hand.
pub fn set_up(
    dir: &Path,
    options: &SetupOptions,
    passphrase: &dyn Fn() -> Option<Passphrase>,
    who: &Who,
) -> Result<(), CentreError> {
    let centre = Centre::init(dir, &options.centre, passphrase(), who)?;
    let passphrase = passphrase();
    let passphrase = passphrase.as_ref();
    let issuing_certificate = centre.certificate(Authority::Issuing).clone();
    let mut settings = centre.settings().clone();
    drop(centre);
    demand_approval(&mut settings, options.approvals);
    settings.write(dir)?;

    let key = files::read(&dir.join("keys").join("issuing.pem"))?;
    let key =
        PrivateKey::from_file(&key, passphrase).map_err(|e| CentreError::key("issuing key", &e))?;
    Furnishing {
        dir,
        service: &options.service,
        settings,
        identifier: options.centre.identifier.clone(),
        store: Arc::new(SqliteStore::open(&dir.join("store.sqlite"))?),
        issuing: IssuingKey::new(issuing_certificate, Arc::new(key))?,
        passphrase,
        who,
    }
    .furnish()
}

/// What a folder with an issuing authority lacks to be served.
pub(crate) struct Furnishing<'a> {
    pub(crate) dir: &'a Path,
    pub(crate) service: &'a ServiceOptions,
    pub(crate) settings: Settings,
    pub(crate) identifier: Option<OrganizationIdentifier>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) issuing: IssuingKey,
    pub(crate) passphrase: Option<&'a Passphrase>,
    pub(crate) who: &'a Who,
}

impl Furnishing<'_> {
    /// Makes the service's keys and certificates, the first officers, and last the configuration.
    pub(crate) fn furnish(self) -> Result<(), CentreError> {
        let Self {
            dir,
            service,
            settings,
            identifier,
            store,
            issuing,
            passphrase,
            who,
        } = self;
        let issuing_certificate = issuing.certificate.clone();
        let life = Life::new(store.clone(), Arc::new(settings.clone()), vec![issuing])?;
        let maker = Maker {
            life: &life,
            actor: Actor {
                // Not an officer of the store: what it does is done before there are any.
                officer: Officer::new(who.by.clone(), KeyId([0; 32]), [Role::Registrar]),
                at: who.at,
            },
            issuing: &issuing_certificate,
        };
        let server = Identity::Host(Host {
            names: service.hosts.clone(),
            organization: settings.organization.clone(),
            country: "AZ".to_owned(),
        });
        maker.make(
            &server,
            "tls-server",
            &dir.join("keys").join("server.pem"),
            &dir.join("server.pem"),
            passphrase,
        )?;
        let unit = Identity::Organization(Organization {
            common_name: format!("{} TSU 1", settings.name),
            organization: settings.organization.clone(),
            identifier,
            country: "AZ".to_owned(),
        });
        maker.make(
            &unit,
            "time-stamping-authority",
            &dir.join("keys").join("tsa.pem"),
            &dir.join("tsa.pem"),
            passphrase,
        )?;
        make_log_key(dir, &service.log_origin, passphrase)?;
        files::folder(&dir.join(OFFICERS))?;
        for new in &service.officers {
            let key = maker.officer(dir, new, &service.operators_url, &settings)?;
            let officer = Officer::new(Name::new(&new.name)?, key, new.roles.iter().copied());
            let change = crate::acts::Change::SetOfficer(officer);
            commit(
                store.as_ref(),
                who,
                "one of the first officers",
                vec![change],
            )?;
        }
        files::write(
            &dir.join(CONFIGURATION),
            service.configuration.as_bytes(),
            Secrecy::Public,
        )
    }
}

/// The key that signs heads of the log, and its public half for auditors.
fn make_log_key(
    dir: &Path,
    origin: &str,
    passphrase: Option<&Passphrase>,
) -> Result<(), CentreError> {
    let failed = |e| CentreError::key("log key", &e);
    let key = PrivateKey::generate(KeySpec::Ed25519).map_err(failed)?;
    let named = NoteKey::new(origin, KeyKind::Note, key.public_key())
        .map_err(|e| CentreError::new(CentreErrorKind::Value, "log", e))?;
    let pem = key
        .to_pkcs8_pem(passphrase, Kdf::default(), &SystemRandom::new())
        .map_err(failed)?;
    let path = dir.join("keys").join("log.pem");
    files::write(&path, pem.as_bytes(), Secrecy::Secret)?;
    files::write(
        &dir.join(LOG_KEY),
        format!("{named}\n").as_bytes(),
        Secrecy::Public,
    )
}

/// Certificates of persons and bodies need others to approve; those of the centre's own machines are
/// asked for by registrars.
pub(crate) fn demand_approval(settings: &mut Settings, approvals: u8) {
    for IssuedProfile {
        profile,
        approvals_by_others,
        requesters,
        ..
    } in &mut settings.profiles
    {
        if matches!(
            profile.subject,
            SubjectKind::LegalPerson | SubjectKind::NaturalPerson
        ) {
            *approvals_by_others = approvals;
            *requesters = vec![Role::Client, Role::Registrar];
        }
    }
}

struct Maker<'a> {
    life: &'a Life,
    actor: Actor,
    issuing: &'a Certificate,
}

impl Maker<'_> {
    /// A key and its certificate, each in its file; gives the key's name.
    fn make(
        &self,
        identity: &Identity,
        profile: &str,
        key_path: &Path,
        certificate_path: &Path,
        passphrase: Option<&Passphrase>,
    ) -> Result<KeyId, CentreError> {
        let failed = |e| CentreError::key(key_path.display(), &e);
        let key = PrivateKey::generate(KeySpec::Ec(Curve::P256)).map_err(failed)?;
        let name = NameBuilder::new()
            .with(esign_core::oid::COMMON_NAME, profile)
            .build()
            .map_err(|e| CentreError::new(CentreErrorKind::Value, profile, e))?;
        let csr = Request::sign(&name, &key).map_err(failed)?;
        let pem = key
            .to_pkcs8_pem(passphrase, Kdf::default(), &SystemRandom::new())
            .map_err(failed)?;
        files::write(key_path, pem.as_bytes(), Secrecy::Secret)?;
        self.certify(&csr, identity, profile, certificate_path)
    }

    /// The certificate of a request, in its file; gives the key's name.
    fn certify(
        &self,
        csr: &Request,
        identity: &Identity,
        profile: &str,
        path: &Path,
    ) -> Result<KeyId, CentreError> {
        let request = self.life.receive(
            &self.actor,
            &NewRequest {
                csr: csr.der(),
                identity,
                profile,
                listed: false,
            },
        )?;
        let issued = self.life.issue(&self.actor, &request)?;
        let chain =
            to_pem("CERTIFICATE", &issued.certificate) + &to_pem("CERTIFICATE", self.issuing.der());
        files::write(path, chain.as_bytes(), Secrecy::Public)?;
        let key = csr
            .public_key()
            .map_err(|e| CentreError::new(CentreErrorKind::Request, "request", e))?;
        Ok(KeyId::of_spki(key.spki()))
    }

    /// An officer's folder. A key that is made for him is plain until he takes it over and puts a
    /// passphrase to it.
    fn officer(
        &self,
        dir: &Path,
        new: &NewOfficer,
        operators_url: &str,
        settings: &Settings,
    ) -> Result<KeyId, CentreError> {
        let name = &new.name;
        let folder = dir.join(OFFICERS).join(name);
        files::folder(&folder)?;
        let role = new.roles.first().map_or("officer", |role| role.name());
        let identity = Identity::Organization(Organization {
            common_name: format!("{name} ({role})"),
            organization: settings.organization.clone(),
            identifier: None,
            country: "AZ".to_owned(),
        });
        let profile = &Profile::tls_client().name;
        let certificate = folder.join("certificate.pem");
        let key = match &new.request {
            Some(csr) => self.certify(csr, &identity, profile, &certificate)?,
            None => {
                let key = folder.join("key.pem");
                self.make(&identity, profile, &key, &certificate, None)?
            }
        };
        files::write(
            &folder.join("centre.pem"),
            to_pem("CERTIFICATE", self.issuing.der()).as_bytes(),
            Secrecy::Public,
        )?;
        let own = if new.request.is_some() {
            "# Put your own key beside this file.\n"
        } else {
            ""
        };
        let text = format!(
            "# How `esign centre` reaches the centre as {name}.\n{own}\
             url = \"{operators_url}\"\ncertificate = \"certificate.pem\"\nkey = \"key.pem\"\ncentre = \"centre.pem\"\n",
        );
        files::write(
            &folder.join("centre.toml"),
            text.as_bytes(),
            Secrecy::Public,
        )?;
        Ok(key)
    }
}
