use crate::oid::ObjectIdentifier;
use serde::{Deserialize, Serialize};

use super::KeyUsage;
use crate::oid;

/// What the certificates of one kind look like. Data: a centre edits, stores and versions it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Profile {
    /// Name by which it is chosen.
    pub name: String,
    /// Which identities it is for.
    pub subject: SubjectKind,
    /// How long the certificates are valid; the last second does not count twice, notAfter being
    /// inclusive (RFC 5280 4.1.2.5).
    pub validity_days: u32,
    /// keyUsage, always critical.
    #[serde(with = "key_usage")]
    pub key_usage: KeyUsage,
    /// extKeyUsage; none where empty.
    #[serde(default, with = "oids", skip_serializing_if = "Vec::is_empty")]
    pub ext_key_usage: Vec<ObjectIdentifier>,
    /// Whether extKeyUsage is critical.
    #[serde(default)]
    pub ext_key_usage_critical: bool,
    /// For authorities: how many authorities may follow below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_len: Option<u32>,
    /// certificatePolicies; none where empty. The centre puts its own identifiers here.
    #[serde(default, with = "oids", skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<ObjectIdentifier>,
    /// Address of the certification practice statement, put to the first policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cps: Option<String>,
    /// Whether to say by which scheme identifiers are built (EN 319 412-1 5.1.2).
    #[serde(default)]
    pub semantics_identifier: bool,
    /// What it claims under EN 319 412-5. None unless the centre is entitled to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qualified: Option<QualifiedStatements>,
    /// Where the status of the certificate is to be had.
    #[serde(default)]
    pub status: StatusLocation,
}

/// Which identities a profile is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SubjectKind {
    /// A certification authority.
    Authority,
    /// A legal person or one of its systems: electronic seal.
    LegalPerson,
    /// A natural person: electronic signature.
    NaturalPerson,
    /// An OCSP responder.
    OcspResponder,
    /// A time-stamping authority.
    TimeStampingAuthority,
    /// Whoever shows who he is to a TLS server: a person, a system, a host.
    TlsClient,
    /// A host that TLS clients reach by name.
    TlsServer,
}

/// Whether a certificate has to say where its status is to be had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StatusLocation {
    /// Where the issuer has addresses, they are put in.
    IfConfigured,
    /// Status is not asked for: self-signed, or `id-pkix-ocsp-nocheck`.
    None,
    /// The certificate says that it never is to be had: noRevAvail (RFC 9608). Not for authorities.
    NeverAvailable,
    /// The certificate says that it ends before a revocation would take effect, so that its validity
    /// is assured (EN 319 412-1 5.2). Not for authorities.
    ShortTerm,
    /// CRL or OCSP address must be there (EN 319 412-2 4.4.1, 4.3.11).
    #[default]
    Required,
}

/// Claims of a qualified certificate (EN 319 412-5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct QualifiedStatements {
    /// QcCompliance
    pub compliance: bool,
    /// QcSSCD: the key is in a qualified device.
    pub sscd: bool,
    /// QcType
    pub kind: Option<QualifiedKind>,
    /// QcPDS: addresses (https) and language codes; one in English must be among them.
    pub disclosure: Vec<Disclosure>,
    /// QcCClegislation: countries whose law it is qualified under, outside the EU.
    pub legislation: Vec<String>,
    /// QcRetentionPeriod in years.
    pub retention_years: Option<u32>,
}

/// QcType (EN 319 412-5 4.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum QualifiedKind {
    /// Electronic seals.
    Eseal,
    /// Electronic signatures.
    Esign,
}

/// A disclosure statement and its language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disclosure {
    /// https address.
    pub url: String,
    /// Two letters, ISO 639-1.
    pub language: String,
}

impl Profile {
    fn new(name: &str, subject: SubjectKind, validity_days: u32, key_usage: KeyUsage) -> Self {
        Self {
            name: name.to_owned(),
            subject,
            validity_days,
            key_usage,
            ext_key_usage: Vec::new(),
            ext_key_usage_critical: false,
            path_len: None,
            policies: Vec::new(),
            cps: None,
            semantics_identifier: false,
            qualified: None,
            status: StatusLocation::Required,
        }
    }

    /// A self-signed root, twenty years.
    pub fn root() -> Self {
        Self {
            path_len: Some(1),
            status: StatusLocation::None,
            ..Self::new("root", SubjectKind::Authority, 7300, CA_USAGE)
        }
    }

    /// An authority that issues to end entities only, ten years. Without policies of its own those below it
    /// would be void (RFC 5280 6.1.3 (e)), so it has anyPolicy (4.2.1.4).
    pub fn issuing_authority() -> Self {
        Self {
            path_len: Some(0),
            policies: vec![oid::ANY_POLICY],
            ..Self::new("issuing-authority", SubjectKind::Authority, 3650, CA_USAGE)
        }
    }

    /// A natural person who signs documents, three years. The key is for content commitment only
    /// (type A of EN 319 412-2 4.3.2, which is preferred).
    pub fn natural_person() -> Self {
        Self {
            semantics_identifier: true,
            ..Self::new(
                "natural-person",
                SubjectKind::NaturalPerson,
                1096,
                KeyUsage::NON_REPUDIATION,
            )
        }
    }

    /// A legal person, or a system of it, that seals documents, three years.
    pub fn legal_person() -> Self {
        Self {
            semantics_identifier: true,
            ..Self::new(
                "legal-person",
                SubjectKind::LegalPerson,
                1096,
                KeyUsage::NON_REPUDIATION,
            )
        }
    }

    /// An OCSP responder, 30 days: its own status is not asked for (RFC 6960 4.2.2.2.1), so it
    /// must be short-lived.
    pub fn ocsp_responder() -> Self {
        Self {
            ext_key_usage: vec![oid::KP_OCSP_SIGNING],
            status: StatusLocation::None,
            ..Self::new(
                "ocsp-responder",
                SubjectKind::OcspResponder,
                30,
                KeyUsage::DIGITAL_SIGNATURE,
            )
        }
    }

    /// A time-stamping authority, six years: the one extended key usage is critical
    /// (RFC 3161 2.3).
    pub fn time_stamping_authority() -> Self {
        Self {
            ext_key_usage: vec![oid::KP_TIME_STAMPING],
            ext_key_usage_critical: true,
            ..Self::new(
                "time-stamping-authority",
                SubjectKind::TimeStampingAuthority,
                2192,
                KeyUsage::DIGITAL_SIGNATURE,
            )
        }
    }

    /// A host that answers by TLS, under 398 days (CA/B BR 6.3.2).
    pub fn tls_server() -> Self {
        Self {
            ext_key_usage: vec![oid::KP_SERVER_AUTH],
            ..Self::new(
                "tls-server",
                SubjectKind::TlsServer,
                397,
                KeyUsage::DIGITAL_SIGNATURE,
            )
        }
    }

    /// A person or system that shows who it is to a TLS server, two years: officers of the centre
    /// and clients of its interface.
    pub fn tls_client() -> Self {
        Self {
            ext_key_usage: vec![oid::KP_CLIENT_AUTH],
            ..Self::new(
                "tls-client",
                SubjectKind::TlsClient,
                731,
                KeyUsage::DIGITAL_SIGNATURE,
            )
        }
    }

    /// The profiles that are shipped.
    pub fn shipped() -> Vec<Self> {
        vec![
            Self::root(),
            Self::issuing_authority(),
            Self::natural_person(),
            Self::legal_person(),
            Self::ocsp_responder(),
            Self::time_stamping_authority(),
            Self::tls_server(),
            Self::tls_client(),
        ]
    }

    /// The same profile for a centre without public addresses: status locations are put in where
    /// there are any, and their absence is a remark.
    #[must_use]
    pub fn without_public_addresses(mut self) -> Self {
        if self.status == StatusLocation::Required {
            self.status = StatusLocation::IfConfigured;
        }
        self
    }
}

const CA_USAGE: KeyUsage = KeyUsage(KeyUsage::KEY_CERT_SIGN.0 | KeyUsage::CRL_SIGN.0);

/// Key usage as the list of its names.
mod key_usage {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use super::KeyUsage;

    pub(super) fn serialize<S: Serializer>(usage: &KeyUsage, s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(usage.names())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<KeyUsage, D::Error> {
        Vec::<String>::deserialize(d)?
            .iter()
            .try_fold(KeyUsage::default(), |all, name| {
                KeyUsage::from_name(name)
                    .map(|one| all | one)
                    .ok_or_else(|| D::Error::custom(format!("\"{name}\" is not a key usage")))
            })
    }
}

/// Object identifiers in dotted form.
mod oids {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use super::ObjectIdentifier;

    pub(super) fn serialize<S: Serializer>(
        oids: &[ObjectIdentifier],
        s: S,
    ) -> Result<S::Ok, S::Error> {
        s.collect_seq(oids.iter().map(ToString::to_string))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        d: D,
    ) -> Result<Vec<ObjectIdentifier>, D::Error> {
        Vec::<String>::deserialize(d)?
            .iter()
            .map(|text| {
                ObjectIdentifier::new(text).map_err(|_| {
                    D::Error::custom(format!("\"{text}\" is not an object identifier"))
                })
            })
            .collect()
    }
}
