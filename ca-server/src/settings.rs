//! `centre.toml`: what a centre is called, where the world finds it, what it issues.

use std::path::Path;

use esign_core::oid::ObjectIdentifier;
use esign_core::x509::{Identity, Profile, SubjectKind};
use serde::{Deserialize, Serialize};

use crate::error::{CentreError, CentreErrorKind};
use crate::files;
use crate::ids::RequestId;
use crate::officers::Role;

/// Settings of a centre in a folder, as `centre.toml` holds them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// Name of the centre.
    pub name: String,
    /// The organisation that keeps it.
    pub organization: String,
    /// Whether it issues for trial only: every name then carries [`TEST_MARK`].
    #[serde(default)]
    pub test: bool,
    /// How long a CRL is good for, in hours.
    #[serde(default = "default_crl_hours")]
    pub crl_hours: u32,
    /// How many shards the issuing authority's CRL has beside the complete one, which certificates
    /// name instead of it; 0 for a centre of less than some hundred thousand certificates.
    #[serde(default)]
    pub crl_shards: u32,
    /// Whether delta CRLs are published, and named in the complete ones.
    #[serde(default)]
    pub crl_deltas: bool,
    /// For how many days after its end a certificate stays before it goes into the archive (decision 27,
    /// 9.6). What lists and OCSP answers say of it stays the same.
    #[serde(default = "default_archive_days")]
    pub archive_days: u32,
    /// Public addresses.
    #[serde(default)]
    pub addresses: Addresses,
    /// What may be issued.
    pub profiles: Vec<IssuedProfile>,
}

/// Public addresses that certificates name; where there are none, none are named. A new centre for trial without any
/// gets [`Addresses::demonstration`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Addresses {
    /// The issuing authority's CRL.
    pub crl: Vec<String>,
    /// The OCSP responder of the issuing authority.
    pub ocsp: Vec<String>,
    /// The issuing authority's certificate.
    pub ca_issuers: Vec<String>,
    /// The root's CRL.
    pub root_crl: Vec<String>,
    /// The root's certificate.
    pub root_certificate: Vec<String>,
}

impl Addresses {
    /// Where a centre for trial says that it is, unless it is told otherwise: nowhere, `example.com` being
    /// nobody's (RFC 2606 3). Certificates without any address could not follow EN 319 412-2 4.3.11 and 4.4.1.
    #[must_use]
    pub fn demonstration() -> Self {
        let at = |name: &str| vec![format!("http://{DEMONSTRATION_HOST}/{name}")];
        Self {
            crl: at("issuing.crl"),
            ocsp: at("ocsp"),
            ca_issuers: at("issuing.cer"),
            root_crl: at("root.crl"),
            root_certificate: at("root.cer"),
        }
    }
}

impl Addresses {
    /// Those of the issuing authority of this generation, counted from 1: the list and the certificate of
    /// a later one have its number before their ending.
    #[must_use]
    pub(crate) fn of_generation(&self, generation: u32) -> Self {
        let numbered = |addresses: &[String]| {
            let one = |address: &String| match address.rsplit_once('.') {
                Some((stem, end)) if generation > 1 && !end.contains('/') => {
                    format!("{stem}{generation}.{end}")
                }
                _ => address.clone(),
            };
            addresses.iter().map(one).collect()
        };
        Self {
            crl: numbered(&self.crl),
            ca_issuers: numbered(&self.ca_issuers),
            ..self.clone()
        }
    }
}

/// Host of [`Addresses::demonstration`].
const DEMONSTRATION_HOST: &str = "sinaq.example.com";

/// Policies of a centre for trial stand below, one a profile, numbered in the order of [`Profile::shipped`]. The
/// enterprise is the one for documentation (RFC 5612); a centre at work has an arc of its own.
const DEMONSTRATION_POLICIES: &str = "1.3.6.1.4.1.32473.1";

/// The policy of a shipped profile: its number among [`Profile::shipped`] below `arc`.
fn policy(arc: &str, profile: &Profile) -> Option<ObjectIdentifier> {
    let shipped = Profile::shipped();
    let n = shipped.iter().position(|one| one.name == profile.name)?;
    ObjectIdentifier::new(&format!("{arc}.{n}")).ok()
}

/// A profile and who has to agree to its certificates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct IssuedProfile {
    /// How many persons besides the requester have to approve. A centre with one officer has 0.
    #[serde(default)]
    pub approvals_by_others: u8,
    /// Who may ask: registrars, who vet what they ask for, and clients, whose claims a registrar has
    /// to vet where others approve.
    #[serde(default = "default_requesters")]
    pub requesters: Vec<Role>,
    /// For how many days after an identity was vetted certificates are renewed without vetting it again:
    /// twice the life of one where this is absent, so that it is renewed once. 0 renews none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vetting_days: Option<u32>,
    /// For how many days a key may be certified, from the first certificate's begin to the last one's end:
    /// twice the life of one where this is absent. Less than one life never renews the same key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_days: Option<u32>,
    /// What the certificates look like.
    pub profile: Profile,
}

impl IssuedProfile {
    pub(crate) fn vetting_days(&self) -> u32 {
        self.vetting_days.unwrap_or_else(|| self.two_lives())
    }

    pub(crate) fn key_days(&self) -> u32 {
        self.key_days.unwrap_or_else(|| self.two_lives())
    }

    fn two_lives(&self) -> u32 {
        self.profile.validity_days.saturating_mul(2)
    }
}

/// What the names of a test centre and of everything that it certifies end with.
pub const TEST_MARK: &str = "SINAQ (test)";

/// EN 319 411-1 6.3.9: a CRL is issued at least every 24 hours.
pub const DEFAULT_CRL_HOURS: u32 = 24;

fn default_requesters() -> Vec<Role> {
    vec![Role::Registrar]
}

/// A month in which who looks for it still finds it among the others.
const DEFAULT_ARCHIVE_DAYS: u32 = 30;

const fn default_archive_days() -> u32 {
    DEFAULT_ARCHIVE_DAYS
}

const fn default_crl_hours() -> u32 {
    DEFAULT_CRL_HOURS
}

impl Settings {
    pub(crate) const FILE: &'static str = "centre.toml";
    /// A year: offline roots renew their list so seldom.
    const MAX_CRL_HOURS: u32 = 366 * 24;
    /// Ten million certificates in shards of ten thousand.
    const MAX_CRL_SHARDS: u32 = 1024;

    /// The settings of a new centre: the shipped profiles of end entities.
    pub(crate) fn new(name: &str, organization: &str, test: bool, addresses: Addresses) -> Self {
        let addresses = if test && addresses == Addresses::default() {
            Addresses::demonstration()
        } else {
            addresses
        };
        let public = !(addresses.crl.is_empty() && addresses.ocsp.is_empty());
        let profiles = Profile::shipped()
            .into_iter()
            .filter(|profile| profile.subject != SubjectKind::Authority)
            .map(|profile| IssuedProfile {
                approvals_by_others: 0,
                requesters: default_requesters(),
                vetting_days: None,
                key_days: None,
                profile: if public {
                    profile
                } else {
                    profile.without_public_addresses()
                },
            })
            .collect();
        let mut settings = Self {
            name: name.to_owned(),
            organization: organization.to_owned(),
            test,
            crl_hours: DEFAULT_CRL_HOURS,
            crl_shards: 0,
            crl_deltas: false,
            archive_days: DEFAULT_ARCHIVE_DAYS,
            addresses,
            profiles,
        };
        if test {
            settings.set_policies(DEMONSTRATION_POLICIES);
        }
        settings
    }

    /// Puts the policies of the profiles below `arc`, an object identifier.
    pub(crate) fn set_policies(&mut self, arc: &str) {
        for IssuedProfile { profile, .. } in &mut self.profiles {
            profile.policies = policy(arc, profile).into_iter().collect();
        }
    }

    pub(crate) fn read(dir: &Path) -> Result<Self, CentreError> {
        let path = dir.join(Self::FILE);
        let octets = files::read(&path)?;
        let wrong = |what: &dyn std::fmt::Display| {
            CentreError::new(CentreErrorKind::Settings, path.display(), what)
        };
        let text = std::str::from_utf8(&octets).map_err(|e| wrong(&e))?;
        let settings: Self = toml::from_str(text).map_err(|e| wrong(&e.to_string().trim()))?;
        settings.check(&path)?;
        Ok(settings)
    }

    pub(crate) fn write(&self, dir: &Path) -> Result<(), CentreError> {
        let path = dir.join(Self::FILE);
        self.check(&path)?;
        let text = toml::to_string(self)
            .map_err(|e| CentreError::new(CentreErrorKind::Settings, path.display(), e))?;
        files::write(&path, text.as_bytes(), files::Secrecy::Public)
    }

    fn check(&self, path: &Path) -> Result<(), CentreError> {
        if !(1..=Self::MAX_CRL_HOURS).contains(&self.crl_hours) {
            return Err(CentreError::new(
                CentreErrorKind::Settings,
                path.display(),
                format_args!(
                    "crl-hours is {}, not 1 to {}",
                    self.crl_hours,
                    Self::MAX_CRL_HOURS
                ),
            ));
        }
        let addressed = !self.addresses.crl.is_empty()
            && self.addresses.crl.iter().all(|url| url.ends_with(".crl"));
        if self.crl_shards > Self::MAX_CRL_SHARDS
            || ((self.crl_shards > 0 || self.crl_deltas) && !addressed)
        {
            return Err(CentreError::new(
                CentreErrorKind::Settings,
                path.display(),
                format_args!(
                    "crl-shards is {}: at most {}; they and deltas need addresses.crl that end in .crl",
                    self.crl_shards,
                    Self::MAX_CRL_SHARDS
                ),
            ));
        }
        for (i, one) in self.profiles.iter().enumerate() {
            let name = &one.profile.name;
            if self
                .profiles
                .iter()
                .take(i)
                .any(|p| p.profile.name == *name)
            {
                return Err(CentreError::new(
                    CentreErrorKind::Settings,
                    path.display(),
                    format_args!("two profiles have the name \"{name}\""),
                ));
            }
            if one.profile.subject == SubjectKind::Authority {
                return Err(CentreError::new(
                    CentreErrorKind::Settings,
                    path.display(),
                    format_args!(
                        "profile \"{name}\" is for authorities, which the issuing authority may not certify"
                    ),
                ));
            }
        }
        Ok(())
    }

    pub(crate) fn profile(&self, name: &str) -> Result<&Profile, CentreError> {
        self.issued(name).map(|issued| &issued.profile)
    }

    pub(crate) fn issued(&self, name: &str) -> Result<&IssuedProfile, CentreError> {
        self.profiles
            .iter()
            .find(|p| p.profile.name == name)
            .ok_or_else(|| {
                let known: Vec<_> = self
                    .profiles
                    .iter()
                    .map(|p| p.profile.name.as_str())
                    .collect();
                CentreError::new(
                    CentreErrorKind::NotFound,
                    format_args!("profile \"{name}\""),
                    format_args!("is not one of this centre: {}", known.join(", ")),
                )
            })
    }

    /// The CRL shard of the certificate that answers a request: requests have random names, so that
    /// shards grow alike.
    pub(crate) fn shard(&self, request: &RequestId) -> u32 {
        let [a, b, c, d, ..] = request.0;
        let n = u32::from_be_bytes([a, b, c, d]);
        n.checked_rem(self.crl_shards)
            .map_or(0, |shard| shard.saturating_add(1))
    }

    /// A name as it stands in certificates.
    pub(crate) fn marked(&self, name: &str) -> String {
        if self.test {
            format!("{name} {TEST_MARK}")
        } else {
            name.to_owned()
        }
    }

    /// An identity as it stands in certificates.
    pub(crate) fn subject(&self, identity: &Identity) -> Identity {
        let mut identity = identity.clone();
        match &mut identity {
            Identity::NaturalPerson(p) => p.surname = self.marked(&p.surname),
            Identity::Organization(o) => {
                o.common_name = self.marked(&o.common_name);
                o.organization = self.marked(&o.organization);
            }
            Identity::Host(h) => h.organization = self.marked(&h.organization),
        }
        identity
    }
}
