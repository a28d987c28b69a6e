//! `plan.toml`: what a centre is to be. Both machines have it, and every paper of the ceremony names
//! its digest, so that no step follows another plan than the one before.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use esign_core::keys::{Curve, KeySpec, MlDsa};
use esign_core::oid::ObjectIdentifier;
use esign_core::x509::{Organization, OrganizationIdentifier};
use serde::Deserialize;

use crate::error::{CentreError, CentreErrorKind};
use crate::files;
use crate::ids::{Digest, Name};
use crate::officers::Role;
use crate::settings::{Addresses, Settings};

/// What a centre is to be.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Plan {
    /// The authorities are called after it: "NAME Root CA", "NAME Issuing CA".
    pub name: String,
    /// The organisation that keeps the centre.
    pub organization: String,
    /// Its identifier (EN 319 412-2 4.2.3.1 asks for it).
    #[serde(default)]
    pub identifier: Option<OrganizationIdentifier>,
    /// Whether it is for trial only: then every name says so.
    #[serde(default)]
    pub test: bool,
    /// The certificate policies of the shipped profiles stand below this arc, one a profile.
    #[serde(default)]
    pub policies: Option<String>,
    /// Kind of the root's key: `p384`, …
    #[serde(default = "default_root_key")]
    pub root_key: String,
    /// Kind of the issuing key, or the `pkcs11:` URI of one that is on a token already.
    #[serde(default = "default_issuing_key")]
    pub issuing_key: String,
    /// The PKCS #11 module of that URI.
    #[serde(default)]
    pub pkcs11_module: Option<PathBuf>,
    /// Where everybody asks.
    pub public: PublicPlan,
    /// Where officers ask.
    pub operators: OperatorsPlan,
    /// How the service gets the passphrase of its keys, and the token's PIN, when it starts.
    #[serde(default)]
    pub unlock: Unlock,
    /// How many others have to approve a certificate of a person or body.
    #[serde(default = "default_approvals")]
    pub approvals: u8,
    /// The policy of time-stamps.
    pub tsa_policy: String,
    /// The name of the log over the audit: `pki.example.az/audit`.
    pub log_origin: String,
    /// The first officers.
    pub officers: Vec<FirstOfficer>,
}

/// The public address.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PublicPlan {
    /// Where the service listens.
    pub listen: SocketAddr,
    /// How the world reaches it: `http://pki.example.az`. It stands in every certificate.
    pub url: String,
}

/// The officers' address.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OperatorsPlan {
    /// Where the service listens.
    pub listen: SocketAddr,
    /// How officers reach it: `https://centre.example.az:8443`.
    pub url: String,
    /// DNS names and addresses in the server's certificate.
    pub hosts: Vec<String>,
}

/// One of the first officers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FirstOfficer {
    /// As he stands in the audit log.
    pub name: String,
    /// What he may do.
    pub roles: Vec<Role>,
    /// His own certificate request (PKCS #10), beside the plan: his key stays with him. Without one a
    /// key is made for him, which is handed over with his folder.
    #[serde(default)]
    pub request: Option<PathBuf>,
}

/// Where the passphrase comes from when the service starts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Unlock {
    /// Whoever starts the service types it.
    #[default]
    Prompt,
    /// A systemd credential of this name, so that a restart at night works.
    Credential(String),
    /// A file whose first line it is.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
    /// The keys are not encrypted; for trial only.
    None,
}

fn default_root_key() -> String {
    "p384".to_owned()
}

fn default_issuing_key() -> String {
    "p256".to_owned()
}

const fn default_approvals() -> u8 {
    1
}

/// Kinds of keys by their names in a plan.
const KEYS: [(&str, KeySpec); 6] = [
    ("ed25519", KeySpec::Ed25519),
    ("ml-dsa-65", KeySpec::MlDsa(MlDsa::MlDsa65)),
    ("p256", KeySpec::Ec(Curve::P256)),
    ("p384", KeySpec::Ec(Curve::P384)),
    ("p521", KeySpec::Ec(Curve::P521)),
    ("rsa4096", KeySpec::Rsa4096),
];

impl Plan {
    /// A plan to begin from, with the reason of each line.
    pub const TEMPLATE: &str = include_str!("plan.toml");

    /// Reads a plan with the requests of officers that it names, and its digest, which both machines'
    /// papers bear.
    ///
    /// # Errors
    /// The file cannot be read, a setting is missing, unknown or not of its kind.
    pub fn read(path: &Path) -> Result<(Self, Digest), CentreError> {
        let octets = files::read(path)?;
        let wrong = |what: &dyn std::fmt::Display| {
            CentreError::new(CentreErrorKind::Settings, path.display(), what)
        };
        let text = std::str::from_utf8(&octets).map_err(|e| wrong(&e))?;
        let plan: Self = toml::from_str(text).map_err(|e| wrong(&e.to_string().trim()))?;
        plan.check().map_err(|what| wrong(&what))?;
        Ok((plan, Digest::of(&octets)))
    }

    fn check(&self) -> Result<(), String> {
        if !self.public.url.starts_with("http://") || self.public.url.ends_with('/') {
            // RFC 5280 8 and EN 319 412-2 4.4.1: fetching a list over TLS would need a list.
            return Err(format!(
                "public.url is \"{}\", not http://HOST without a last slash",
                self.public.url
            ));
        }
        if !self.operators.url.starts_with("https://") || self.operators.hosts.is_empty() {
            return Err(format!(
                "operators: url is \"{}\", not https://HOST:PORT, or hosts is empty",
                self.operators.url
            ));
        }
        if self.unlock == Unlock::None && !self.test {
            return Err("unlock is none: only a centre for trial keeps its keys plain".to_owned());
        }
        if self.policies.is_none() && !self.test {
            return Err(
                "policies is missing: the arc of the certificate policies that you have published"
                    .to_owned(),
            );
        }
        for (setting, oid) in [
            ("policies", self.policies.as_ref()),
            ("tsa-policy", Some(&self.tsa_policy)),
        ] {
            if let Some(oid) = oid {
                ObjectIdentifier::new(oid).map_err(|e| format!("{setting} \"{oid}\": {e}"))?;
            }
        }
        kind("root-key", &self.root_key)?;
        if !self.is_token() {
            kind("issuing-key", &self.issuing_key)?;
        }
        self.check_officers()
    }

    /// Enough persons for the approvals, and one who can name others.
    fn check_officers(&self) -> Result<(), String> {
        let mut by_role: BTreeMap<Role, Vec<&str>> = BTreeMap::new();
        for (n, officer) in self.officers.iter().enumerate() {
            Name::new(&officer.name).map_err(|e| format!("officers: {e}"))?;
            if self.officers.iter().take(n).any(|o| o.name == officer.name) {
                return Err(format!("officers: two are called \"{}\"", officer.name));
            }
            if officer.roles.is_empty() {
                return Err(format!("officers: {} has no role", officer.name));
            }
            for role in &officer.roles {
                by_role.entry(*role).or_default().push(&officer.name);
            }
        }
        for role in [
            Role::Administrator,
            Role::Registrar,
            Role::RevocationOfficer,
        ] {
            if !by_role.contains_key(&role) {
                return Err(format!("officers: nobody is {role}"));
            }
        }
        let approvers = by_role.get(&Role::Approver).map_or(0, Vec::len);
        if usize::from(self.approvals) > approvers {
            return Err(format!(
                "approvals is {}, and {approvers} of the officers may approve",
                self.approvals
            ));
        }
        // Whoever vets a request may not approve it: with one person for both nothing could be issued.
        if self.approvals > 0
            && let Some(registrars) = by_role.get(&Role::Registrar)
            && registrars.iter().all(|registrar| {
                let others = by_role
                    .get(&Role::Approver)
                    .into_iter()
                    .flatten()
                    .filter(|approver| *approver != registrar);
                others.count() < usize::from(self.approvals)
            })
        {
            return Err(format!(
                "officers: no registrar has {} approvers beside himself",
                self.approvals
            ));
        }
        Ok(())
    }

    /// What is allowed and unwise: persons who hold what should be apart.
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        for officer in &self.officers {
            let has = |role| officer.roles.contains(&role);
            if has(Role::Registrar) && has(Role::Approver) {
                remarks.push(format!(
                    "{} is registrar and approver; the rules keep him from approving what he vetted, but two persons are better",
                    officer.name
                ));
            }
            if has(Role::Auditor) && officer.roles.len() > 1 {
                remarks.push(format!("{} audits what he does himself", officer.name));
            }
        }
        let administrators = self
            .officers
            .iter()
            .filter(|officer| officer.roles.contains(&Role::Administrator));
        if administrators.count() < 2 {
            remarks.push(
                "there is one administrator: when he loses his key, nobody can name another"
                    .to_owned(),
            );
        }
        remarks
    }

    /// Whether the issuing key is on a token.
    pub fn is_token(&self) -> bool {
        self.issuing_key.starts_with("pkcs11:")
    }

    /// Kind of the root's key.
    pub(super) fn root_key(&self) -> Result<KeySpec, String> {
        kind("root-key", &self.root_key)
    }

    /// Kind of an issuing key that is to be made.
    pub(super) fn issuing_key(&self) -> Result<KeySpec, String> {
        kind("issuing-key", &self.issuing_key)
    }

    /// An authority as it stands in its certificate.
    pub(super) fn authority(&self, what: &str) -> Organization {
        Organization {
            common_name: format!("{} {what}", self.name),
            organization: self.organization.clone(),
            identifier: self.identifier.clone(),
            country: "AZ".to_owned(),
        }
    }

    /// The settings of the centre, and of its root.
    pub(super) fn settings(&self) -> Settings {
        let at = |path: &str| vec![format!("{}/{path}", self.public.url)];
        let addresses = Addresses {
            crl: at("crl/issuing.crl"),
            ocsp: at("ocsp"),
            ca_issuers: at("ca/issuing.cer"),
            root_crl: at("crl/root.crl"),
            root_certificate: at("ca/root.cer"),
        };
        let mut settings = Settings::new(&self.name, &self.organization, self.test, addresses);
        if let Some(arc) = &self.policies {
            settings.set_policies(arc);
        }
        settings
    }

    /// The text of `ca-server.toml`.
    pub(super) fn configuration(&self) -> String {
        let text = |value: &str| toml::Value::String(value.to_owned()).to_string();
        let passphrase = match &self.unlock {
            Unlock::None => String::new(),
            Unlock::Prompt => "passphrase = \"prompt\"\n".to_owned(),
            Unlock::Credential(name) => format!("passphrase = {{ credential = {} }}\n", text(name)),
            Unlock::Environment(name) => {
                format!("passphrase = {{ environment = {} }}\n", text(name))
            }
            Unlock::File(path) => {
                format!(
                    "passphrase = {{ file = {} }}\n",
                    text(&path.to_string_lossy())
                )
            }
        };
        let issuing = if self.is_token() {
            &self.issuing_key
        } else {
            "keys/issuing.pem"
        };
        let mut toml = String::from(
            "roles = [\"ca\", \"status\", \"tsa\"]\nstore = \"sqlite:store.sqlite\"\n",
        );
        if let Some(module) = &self.pkcs11_module {
            let _ = writeln!(toml, "pkcs11-module = {}", text(&module.to_string_lossy()));
        }
        let _ = write!(
            toml,
            "\n[public]\nlisten = {}\n\n\
             [operators]\nlisten = {}\ncertificate = \"server.pem\"\nkey = \"keys/server.pem\"\n{passphrase}\n\
             [[issuing]]\ncertificate = \"issuing.pem\"\nkey = {}\n{passphrase}\n\
             # Its key is off line: its lists are brought here by `ca-server root-list`.\n\
             [[root]]\ncertificate = \"root.pem\"\n\n\
             [tsa]\ncertificate = \"tsa.pem\"\nkey = \"keys/tsa.pem\"\n{passphrase}policies = [{}]\n\
             # chrony has to keep the clock; it is asked every 16 seconds.\n\
             clock = {{ chrony = {{ program = \"chronyc\" }} }}\n\n\
             [log]\norigin = {}\nkey = \"keys/log.pem\"\n{passphrase}",
            text(&self.public.listen.to_string()),
            text(&self.operators.listen.to_string()),
            text(issuing),
            text(&self.tsa_policy),
            text(&self.log_origin),
        );
        toml
    }
}

fn kind(setting: &str, name: &str) -> Result<KeySpec, String> {
    KEYS.iter()
        .find(|(known, _)| *known == name)
        .map(|(_, kind)| *kind)
        .ok_or_else(|| {
            let known: Vec<_> = KEYS.iter().map(|(known, _)| *known).collect();
            format!("{setting} is \"{name}\", not one of {}", known.join(", "))
        })
}
