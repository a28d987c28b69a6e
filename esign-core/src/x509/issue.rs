use super::lint::lint;
use super::profile::{QualifiedKind, QualifiedStatements, StatusLocation, SubjectKind};
use super::{
    BuildError, Certificate, GeneralName, Identity, KeyUsage, Name, OrganizationScheme, Profile,
    ProvenKey, SerialNumber,
};
use crate::der::{Tag, Writer};
use crate::keys::{
    Digest, DigestAlgorithm, Hasher, KeyError, KeyErrorKind, PublicKey, SignatureAlgorithm,
    SigningKey, ToBeSigned,
};
use crate::oid;
use crate::report::{Finding, Indication, Judged};
use crate::time::UnixTime;

const DAY: i64 = 86_400;

/// Who issues, and where the world finds what belongs to it.
#[derive(Clone, Debug, Default)]
pub struct Issuer {
    /// Its certificate; none for a root, which is signed with the key that it certifies.
    pub certificate: Option<Certificate>,
    /// Addresses of its CRL.
    pub crl: Vec<String>,
    /// Addresses of its OCSP responder.
    pub ocsp: Vec<String>,
    /// Addresses of its certificate in DER.
    pub ca_issuers: Vec<String>,
}

/// What one certificate is made of.
#[derive(Clone, Debug)]
pub struct Order<'a> {
    /// The key, proven to be the holder's.
    pub key: &'a ProvenKey,
    /// What kind of certificate.
    pub profile: &'a Profile,
    /// Whom it is about.
    pub identity: &'a Identity,
    /// Who issues it.
    pub issuer: &'a Issuer,
    /// How the issuer's key will sign.
    pub algorithm: SignatureAlgorithm,
    /// Its serial number.
    pub serial: SerialNumber,
    /// First second of its validity.
    pub not_before: UnixTime,
    /// Last second, where it is to be shorter than the profile says.
    pub not_after: Option<UnixTime>,
}

/// A certificate that is fixed but for its signature, and not checked yet.
#[derive(Clone, Debug)]
pub struct Draft {
    unsigned: Certificate,
    algorithm: SignatureAlgorithm,
    issuer_key: PublicKey,
    issuer: Option<Certificate>,
    profile: Profile,
}

/// A draft that no lint refused. Only [`Draft::lint`] makes it, and what is signed is this.
#[derive(Clone, Debug)]
pub struct Linted {
    tbs: Vec<u8>,
    algorithm: SignatureAlgorithm,
    issuer_key: PublicKey,
}

impl Draft {
    /// Puts profile, vetted identity and proven key together.
    ///
    /// # Errors
    /// A name or identifier that cannot be encoded, an identity that the profile is not for, an
    /// issuer whose key is not known here, an algorithm that the issuer's key does not have.
    ///
    /// # Source
    /// RFC 5280 4.1, 4.2; EN 319 412-2, -3, -5.
    pub fn new(order: &Order<'_>) -> Result<Self, BuildError> {
        let kind = order.profile.subject;
        match (kind, order.identity) {
            (SubjectKind::TlsClient, _)
            | (SubjectKind::TlsServer, Identity::Host(_))
            | (SubjectKind::NaturalPerson, Identity::NaturalPerson(_)) => {}
            (SubjectKind::TlsServer, _) => return Err(misfit(order, "a host")),
            (SubjectKind::NaturalPerson, _) => return Err(misfit(order, "a natural person")),
            (_, Identity::Organization(_)) => {}
            (_, _) => return Err(misfit(order, "an organisation")),
        }
        let status = order.profile.status;
        if kind == SubjectKind::Authority
            && matches!(
                status,
                StatusLocation::NeverAvailable | StatusLocation::ShortTerm
            )
        {
            return Err(BuildError::new(format!(
                "profile \"{}\": the status of an authority is always asked for (RFC 9608 2)",
                order.profile.name
            )));
        }
        let subject = order.identity.name()?;
        let (issuer_name, issuer_key) = match &order.issuer.certificate {
            Some(certificate) => {
                let key = certificate
                    .public_key()
                    .map_err(|e| BuildError::new(format!("issuer: {e}")))?;
                (certificate.subject().clone(), key.clone())
            }
            None => (subject.clone(), order.key.public_key().clone()),
        };
        let tbs = tbs(order, &issuer_name, &issuer_key, &subject)?;
        // The lints look at the certificate as everyone else will; only its signature is missing.
        let mut w = Writer::with_capacity(tbs.len() + 32);
        w.sequence(|w| {
            w.raw(&tbs);
            order.algorithm.encode(w);
            w.bit_octets(&[]);
        });
        let unsigned = Certificate::from_der(&w.finish())
            .map_err(|e| BuildError::new(format!("draft does not decode: {e}")))?;
        Ok(Self {
            unsigned,
            algorithm: order.algorithm,
            issuer_key,
            issuer: order.issuer.certificate.clone(),
            profile: order.profile.clone(),
        })
    }

    /// The certificate as it will be, with an empty signature.
    pub fn unsigned(&self) -> &Certificate {
        &self.unsigned
    }

    /// Judges the draft; the value is there only where no finding failed.
    pub fn lint(self) -> Judged<Linted> {
        let report = lint(&self.unsigned, self.issuer.as_ref(), &self.profile);
        let sound = Finding::worst(&report) == Indication::Passed;
        let value = sound.then(|| Linted {
            tbs: self.unsigned.tbs_der().to_vec(),
            algorithm: self.algorithm,
            issuer_key: self.issuer_key,
        });
        Judged { value, report }
    }
}

impl Linted {
    /// SHA-256 of what will be signed: what the intent to issue is recorded under.
    pub fn tbs_digest(&self) -> Digest {
        Hasher::digest(DigestAlgorithm::Sha256, &self.tbs)
    }

    /// The encoding of `tbsCertificate`.
    pub fn tbs_der(&self) -> &[u8] {
        &self.tbs
    }

    /// What the issuer's key has to sign.
    pub fn prepare(&self) -> ToBeSigned {
        ToBeSigned {
            bytes: self.tbs.clone(),
            algorithm: self.algorithm,
        }
    }

    /// Puts the signature to it.
    ///
    /// # Errors
    /// The signature is not that of the issuer's key over [`Self::prepare`].
    pub fn finish(self, signature: &[u8]) -> Result<Certificate, BuildError> {
        self.issuer_key
            .verify(self.algorithm, &self.tbs, signature)
            .map_err(|_| {
                BuildError::new("certificate: the signature is not that of the issuer's key")
            })?;
        let mut w = Writer::with_capacity(self.tbs.len() + signature.len() + 64);
        w.sequence(|w| {
            w.raw(&self.tbs);
            self.algorithm.encode(w);
            w.bit_octets(signature);
        });
        Certificate::from_der(&w.finish()).map_err(|e| BuildError::new(e.to_string()))
    }

    /// Both halves with a key at hand.
    ///
    /// # Errors
    /// The key refuses, or is not the issuer's.
    pub fn sign(self, key: &dyn SigningKey) -> Result<Certificate, KeyError> {
        let signature = key.sign(self.algorithm, &self.tbs)?;
        self.finish(&signature)
            .map_err(|e| KeyError::new(KeyErrorKind::Mismatch, e.to_string()))
    }
}

fn misfit(order: &Order<'_>, wanted: &str) -> BuildError {
    BuildError::new(format!(
        "profile \"{}\" is for {wanted}",
        order.profile.name
    ))
}

fn tbs(
    order: &Order<'_>,
    issuer_name: &Name,
    issuer_key: &PublicKey,
    subject: &Name,
) -> Result<Vec<u8>, BuildError> {
    let lifetime = i64::from(order.profile.validity_days) * DAY;
    let longest = order.not_before.plus(lifetime - 1);
    let not_after = order.not_after.unwrap_or(longest);
    if not_after > longest {
        return Err(BuildError::new(format!(
            "notAfter: {not_after} is after {longest}, the last second that profile \"{}\" allows",
            order.profile.name
        )));
    }
    let key = order.key.public_key();
    let authority_key = match &order.issuer.certificate {
        Some(certificate) => match certificate.subject_key_identifier() {
            Ok(Some(id)) => id.to_vec(),
            _ => issuer_key.sha1_identifier().to_vec(),
        },
        None => key.sha1_identifier().to_vec(),
    };
    let statements = statements(order)?;
    let names = order.identity.alternative_names()?;
    let mut w = Writer::with_capacity(1024);
    w.sequence(|w| {
        w.nested(Tag::constructed(0), |w| w.u32(2));
        w.tlv(Tag::INTEGER, order.serial.as_bytes());
        order.algorithm.encode(w);
        w.raw(issuer_name.der());
        w.sequence(|w| {
            w.time(order.not_before);
            w.time(not_after);
        });
        w.raw(subject.der());
        w.raw(key.spki());
        w.nested(Tag::constructed(3), |w| {
            w.sequence(|w| extensions(w, order, key, &authority_key, &names, &statements));
        });
    });
    Ok(w.finish())
}

fn extensions(
    w: &mut Writer,
    order: &Order<'_>,
    key: &PublicKey,
    authority_key: &[u8],
    names: &[GeneralName],
    statements: &[Vec<u8>],
) {
    let (profile, issuer) = (order.profile, order.issuer);
    extension(w, oid::AUTHORITY_KEY_IDENTIFIER, false, |w| {
        w.sequence(|w| w.tlv(Tag::primitive(0), authority_key));
    });
    extension(w, oid::SUBJECT_KEY_IDENTIFIER, false, |w| {
        w.octets(&key.sha1_identifier())
    });
    extension(w, oid::KEY_USAGE, true, |w| {
        w.named_bits(Tag::BIT_STRING, profile.key_usage.0)
    });
    if !names.is_empty() {
        extension(w, oid::SUBJECT_ALT_NAME, false, |w| {
            w.sequence(|w| names.iter().for_each(|name| name.encode(w)));
        });
    }
    if profile.subject == SubjectKind::Authority {
        extension(w, oid::BASIC_CONSTRAINTS, true, |w| {
            w.sequence(|w| {
                w.boolean_true();
                if let Some(n) = profile.path_len {
                    w.u32(n);
                }
            });
        });
    }
    if !profile.ext_key_usage.is_empty() {
        extension(w, oid::EXT_KEY_USAGE, profile.ext_key_usage_critical, |w| {
            w.sequence(|w| profile.ext_key_usage.iter().for_each(|o| w.oid(*o)));
        });
    }
    if !profile.policies.is_empty() {
        extension(w, oid::CERTIFICATE_POLICIES, false, |w| {
            policies(w, profile)
        });
    }
    let status = matches!(
        profile.status,
        StatusLocation::IfConfigured | StatusLocation::Required
    );
    if status && !issuer.crl.is_empty() {
        extension(w, oid::CRL_DISTRIBUTION_POINTS, false, |w| {
            w.sequence(|w| {
                w.sequence(|w| {
                    w.nested(Tag::constructed(0), |w| {
                        w.nested(Tag::constructed(0), |w| {
                            issuer
                                .crl
                                .iter()
                                .for_each(|uri| w.tlv(Tag::primitive(6), uri.as_bytes()));
                        });
                    });
                });
            });
        });
    }
    let ocsp: &[String] = if status { &issuer.ocsp } else { &[] };
    // A root is its own issuer; there is nothing to fetch.
    let ca_issuers: &[String] = if issuer.certificate.is_some() {
        &issuer.ca_issuers
    } else {
        &[]
    };
    if !ocsp.is_empty() || !ca_issuers.is_empty() {
        extension(w, oid::AUTHORITY_INFO_ACCESS, false, |w| {
            w.sequence(|w| {
                for (method, uris) in [(oid::AD_OCSP, ocsp), (oid::AD_CA_ISSUERS, ca_issuers)] {
                    for uri in uris {
                        w.sequence(|w| {
                            w.oid(method);
                            w.tlv(Tag::primitive(6), uri.as_bytes());
                        });
                    }
                }
            });
        });
    }
    if profile.subject == SubjectKind::OcspResponder {
        extension(w, oid::OCSP_NO_CHECK, false, |w| w.tlv(Tag::NULL, &[]));
    }
    let without_status = match profile.status {
        StatusLocation::NeverAvailable => Some(oid::NO_REV_AVAIL),
        StatusLocation::ShortTerm => Some(oid::VALIDITY_ASSURED_SHORT_TERM),
        StatusLocation::None | StatusLocation::IfConfigured | StatusLocation::Required => None,
    };
    if let Some(says) = without_status {
        extension(w, says, false, |w| w.tlv(Tag::NULL, &[]));
    }
    if !statements.is_empty() {
        extension(w, oid::QC_STATEMENTS, false, |w| {
            w.sequence(|w| statements.iter().for_each(|s| w.raw(s)));
        });
    }
}

fn extension(
    w: &mut Writer,
    oid: crate::oid::ObjectIdentifier,
    critical: bool,
    value: impl FnOnce(&mut Writer),
) {
    w.sequence(|w| {
        w.oid(oid);
        if critical {
            w.boolean_true();
        }
        w.nested(Tag::OCTET_STRING, value);
    });
}

fn policies(w: &mut Writer, profile: &Profile) {
    w.sequence(|w| {
        for (i, policy) in profile.policies.iter().enumerate() {
            w.sequence(|w| {
                w.oid(*policy);
                if let (0, Some(cps)) = (i, &profile.cps) {
                    w.sequence(|w| {
                        w.sequence(|w| {
                            w.oid(oid::QT_CPS);
                            w.tlv(Tag::IA5_STRING, cps.as_bytes());
                        });
                    });
                }
            });
        }
    });
}

/// The statements of qcStatements, each a whole encoding.
fn statements(order: &Order<'_>) -> Result<Vec<Vec<u8>>, BuildError> {
    let profile = order.profile;
    let mut all = Vec::new();
    let mut add = |id, info: &dyn Fn(&mut Writer)| {
        let mut w = Writer::new();
        w.sequence(|w| {
            w.oid(id);
            info(w);
        });
        all.push(w.finish());
    };
    let scheme = match order.identity {
        Identity::NaturalPerson(_) => Some(oid::SEMANTICS_NATURAL),
        Identity::Host(_) => None,
        // TIN is an identifier of natural persons; the semantics of legal ones have no such
        // prefix (EN 319 412-1 5.1.4), so nothing is declared for it.
        Identity::Organization(o) => o
            .identifier
            .as_ref()
            .filter(|i| i.scheme != OrganizationScheme::Tin)
            .map(|_| oid::SEMANTICS_LEGAL),
    };
    if let Some(scheme) = scheme.filter(|_| profile.semantics_identifier) {
        add(oid::QCS_PKIX_V2, &|w| w.sequence(|w| w.oid(scheme)));
    }
    let Some(claims) = &profile.qualified else {
        return Ok(all);
    };
    check_claims(claims)?;
    if claims.compliance {
        add(oid::QC_COMPLIANCE, &|_| {});
    }
    if claims.sscd {
        add(oid::QC_SSCD, &|_| {});
    }
    if let Some(years) = claims.retention_years {
        add(oid::QC_RETENTION_PERIOD, &|w| w.u32(years));
    }
    if let Some(kind) = claims.kind {
        let kind = match kind {
            QualifiedKind::Eseal => oid::QCT_ESEAL,
            QualifiedKind::Esign => oid::QCT_ESIGN,
        };
        add(oid::QC_TYPE, &|w| w.sequence(|w| w.oid(kind)));
    }
    if !claims.disclosure.is_empty() {
        add(oid::QC_PDS, &|w| {
            w.sequence(|w| {
                for statement in &claims.disclosure {
                    w.sequence(|w| {
                        w.tlv(Tag::IA5_STRING, statement.url.as_bytes());
                        w.tlv(Tag::PRINTABLE_STRING, statement.language.as_bytes());
                    });
                }
            });
        });
    }
    if !claims.legislation.is_empty() {
        add(oid::QC_CC_LEGISLATION, &|w| {
            w.sequence(|w| {
                claims
                    .legislation
                    .iter()
                    .for_each(|c| w.tlv(Tag::PRINTABLE_STRING, c.as_bytes()));
            });
        });
    }
    Ok(all)
}

/// Rules of EN 319 412-5 4.3 that a profile can break.
fn check_claims(claims: &QualifiedStatements) -> Result<(), BuildError> {
    for statement in &claims.disclosure {
        if !statement.url.starts_with("https://") || !statement.url.is_ascii() {
            return Err(BuildError::new(format!(
                "QcPDS: \"{}\" is not an https address",
                statement.url
            )));
        }
        if statement.language.len() != 2
            || !statement.language.bytes().all(|b| b.is_ascii_lowercase())
        {
            return Err(BuildError::new(format!(
                "QcPDS: \"{}\" is not a two-letter language code",
                statement.language
            )));
        }
    }
    if claims.compliance && !claims.disclosure.iter().any(|s| s.language == "en") {
        return Err(BuildError::new(
            "QcPDS: an English disclosure statement is missing",
        ));
    }
    match claims
        .legislation
        .iter()
        .find(|c| c.len() != 2 || !c.bytes().all(|b| b.is_ascii_uppercase()))
    {
        Some(c) => Err(BuildError::new(format!(
            "QcCClegislation: \"{c}\" is not a country code"
        ))),
        None => Ok(()),
    }
}

/// Key usages that a certificate for signatures and seals may have: types A, B and F of
/// EN 319 412-2 4.3.2 all have it.
pub(super) const CONTENT_COMMITMENT: KeyUsage = KeyUsage::NON_REPUDIATION;
