use core::any::Any;
use core::fmt;
use core::ops::Range;
use std::sync::{Arc, OnceLock};

use crate::oid::ObjectIdentifier;

use super::extension::{raw, sequence_of};
use super::signed::Signed;
use super::{
    AccessDescription, AuthorityKeyIdentifier, BasicConstraints, DistributionPoint, Extension,
    Extensions, GeneralName, HasName, KeyUsage, Name, NameConstraints, PolicyInformation,
    QcStatement, SerialNumber,
};
use crate::der::{DecodeError, DecodeKind, Reader, Rules, Tag, Tlv, decode};
use crate::keys::{PublicKey, SignatureAlgorithm, VerifyError};
use crate::oid;
use crate::time::UnixTime;

/// Largest certificate that is decoded, in octets. Real ones stay under 10 KiB, with SPHINCS+
/// keys and signatures under 60 KiB; pkits and x509-limbo have none above 200 KiB.
const MAX_OCTETS: usize = 1 << 20;

/// A certificate as received. Cheap to clone; equal where the octets are.
#[derive(Clone)]
pub struct Certificate(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    signed: Signed,
    version: u8,
    serial: SerialNumber,
    issuer: Name,
    not_before: UnixTime,
    not_after: UnixTime,
    subject: Name,
    spki: Range<usize>,
    key: OnceLock<Result<PublicKey, DecodeError>>,
    extensions: Extensions,
    memo: OnceLock<Arc<dyn Any + Send + Sync>>,
}

/// A signature algorithm that is not verified here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnknownAlgorithm {
    /// Its identifier is not known.
    Identifier(ObjectIdentifier),
    /// Its identifier is, its parameters are not.
    Parameters(DecodeError),
}

impl UnknownAlgorithm {
    /// Sorts what [`SignatureAlgorithm::decode`] said into known and unknown.
    pub(crate) fn from_decoded(
        decoded: Result<Result<SignatureAlgorithm, ObjectIdentifier>, DecodeError>,
    ) -> Result<SignatureAlgorithm, Self> {
        match decoded {
            Ok(Ok(known)) => Ok(known),
            Ok(Err(oid)) => Err(Self::Identifier(oid)),
            Err(e) => Err(Self::Parameters(e)),
        }
    }
}

impl fmt::Display for UnknownAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identifier(oid) => write!(f, "signature algorithm {oid} is not known"),
            Self::Parameters(e) => e.fmt(f),
        }
    }
}

impl Certificate {
    /// Decodes a DER `Certificate` that fills `der`.
    ///
    /// An unknown key or signature algorithm and a malformed extension are no errors here: they
    /// show where they are asked for.
    ///
    /// # Errors
    /// Not DER; a structure other than that of RFC 5280 4.1; two different signature algorithms
    /// inside and outside; an extension twice, or in a certificate that is not of version 3.
    pub fn from_der(der: &[u8]) -> Result<Self, DecodeError> {
        if der.len() > MAX_OCTETS {
            let kind = DecodeKind::Limit("larger than 1 MiB");
            return Err(DecodeError::new(kind, "certificate", 0));
        }
        let octets: Arc<[u8]> = der.into();
        decode(&octets, Rules::Der, |r| {
            r.sequence("certificate", |r| {
                let (signed, tbs, outer) = Signed::decode(r, &octets, "tbsCertificate")?;
                let inner =
                    tbs.nested("tbsCertificate", |r| decode_tbs(r, signed, &octets, &outer))?;
                Ok(Self(Arc::new(inner)))
            })
        })
    }

    /// The octets as received.
    pub fn der(&self) -> &[u8] {
        self.0.signed.der()
    }

    /// What is signed: the encoding of `tbsCertificate`.
    pub fn tbs_der(&self) -> &[u8] {
        self.0.signed.tbs_der()
    }

    /// Version: 1, 2 or 3.
    pub fn version(&self) -> u8 {
        self.0.version
    }

    /// serialNumber
    pub fn serial(&self) -> &SerialNumber {
        &self.0.serial
    }

    /// issuer
    pub fn issuer(&self) -> &Name {
        &self.0.issuer
    }

    /// subject
    pub fn subject(&self) -> &Name {
        &self.0.subject
    }

    /// First second at which it is valid.
    pub fn not_before(&self) -> UnixTime {
        self.0.not_before
    }

    /// Last second at which it is valid.
    pub fn not_after(&self) -> UnixTime {
        self.0.not_after
    }

    /// Whether `at` is within the validity, both ends included.
    pub fn is_valid_at(&self, at: UnixTime) -> bool {
        self.0.not_before <= at && at <= self.0.not_after
    }

    /// The encoding of `subjectPublicKeyInfo`.
    pub fn spki_der(&self) -> &[u8] {
        self.0.signed.slice(&self.0.spki)
    }

    /// The public key.
    ///
    /// # Errors
    /// It is of an algorithm that is not known here, or malformed.
    pub fn public_key(&self) -> Result<&PublicKey, &DecodeError> {
        self.0
            .key
            .get_or_init(|| {
                let base = u64::try_from(self.0.spki.start).unwrap_or(0);
                PublicKey::from_spki(self.spki_der()).map_err(|e| e.shifted(base))
            })
            .as_ref()
    }

    /// This certificate with the parameters that its DSA key lacks, taken from the key of its
    /// issuer: `working_public_key_parameters` of RFC 5280 6.1.4 (f). The octets stay the same.
    ///
    /// # Errors
    /// The key cannot take them, or is malformed.
    pub(crate) fn inheriting(&self, issuer: &PublicKey) -> Result<Self, String> {
        let own = self.public_key().map_err(ToString::to_string)?;
        let key = own.with_parameters_of(issuer).map_err(|e| e.to_string())?;
        Ok(Self(Arc::new(Inner {
            key: OnceLock::from(Ok(key)),
            ..self.0.as_ref().clone()
        })))
    }

    /// How it is signed; the same inside and outside of what is signed (RFC 5280 4.1.1.2).
    ///
    /// # Errors
    /// The algorithm is not one that is verified here.
    pub fn signature_algorithm(&self) -> Result<SignatureAlgorithm, &UnknownAlgorithm> {
        self.0.signed.algorithm()
    }

    /// The octets of the signature value; none where it is not a whole number of them, which no
    /// algorithm here gives.
    pub fn signature(&self) -> &[u8] {
        self.0.signed.signature()
    }

    /// Every extension, in order.
    pub fn extensions(&self) -> impl Iterator<Item = Extension<'_>> {
        self.0.extensions.iter(self.der())
    }

    /// The extension of type `oid`.
    pub fn extension(&self, oid: ObjectIdentifier) -> Option<Extension<'_>> {
        self.0.extensions.find(self.der(), oid)
    }

    /// What a module above reads from the octets, read once for the certificate and its clones:
    /// an issuer is the same for many leaves. There is room for one type; another is made anew.
    pub(crate) fn memo<T: Any + Send + Sync>(&self, make: impl Fn(&Self) -> T) -> Arc<T> {
        let kept = self.0.memo.get_or_init(|| Arc::new(make(self)));
        Arc::downcast(Arc::clone(kept)).unwrap_or_else(|_| Arc::new(make(self)))
    }

    /// SHA-256 of the octets as received: what people call the fingerprint.
    pub fn sha256(&self) -> [u8; 32] {
        self.0.signed.sha256()
    }

    /// Whether issuer and subject are the same name (RFC 5280 6.1).
    pub fn is_self_issued(&self) -> bool {
        self.0.issuer.matches(&self.0.subject)
    }

    /// Verifies the signature with `key`. Cryptography only.
    ///
    /// # Errors
    /// [`VerifyError`]; an algorithm that is not known is [`VerifyError::Invalid`], since nothing
    /// that this library has verifies it.
    pub fn verify_signed_by(&self, key: &PublicKey) -> Result<(), VerifyError> {
        self.0.signed.verify(key)
    }
}

/// Typed extensions. `Ok(None)` where the extension is absent.
///
/// # Errors
/// Each fails where its extension is there and malformed.
impl Certificate {
    /// basicConstraints
    ///
    /// # Errors
    /// Malformed.
    pub fn basic_constraints(&self) -> Result<Option<BasicConstraints>, DecodeError> {
        self.typed(
            oid::BASIC_CONSTRAINTS,
            "basicConstraints",
            BasicConstraints::decode,
        )
    }

    /// keyUsage
    ///
    /// # Errors
    /// Malformed.
    pub fn key_usage(&self) -> Result<Option<KeyUsage>, DecodeError> {
        self.typed(oid::KEY_USAGE, "keyUsage", |r| {
            r.expect(Tag::BIT_STRING, "")?.named_bits("").map(KeyUsage)
        })
    }

    /// extKeyUsage
    ///
    /// # Errors
    /// Malformed.
    pub fn ext_key_usage(&self) -> Result<Option<Vec<ObjectIdentifier>>, DecodeError> {
        self.typed(oid::EXT_KEY_USAGE, "extKeyUsage", |r| {
            sequence_of(r, |r| r.oid("keyPurposeId"))
        })
    }

    /// subjectKeyIdentifier
    ///
    /// # Errors
    /// Malformed.
    pub fn subject_key_identifier(&self) -> Result<Option<&[u8]>, DecodeError> {
        self.typed(oid::SUBJECT_KEY_IDENTIFIER, "subjectKeyIdentifier", |r| {
            r.expect(Tag::OCTET_STRING, "").map(|t| t.value)
        })
    }

    /// authorityKeyIdentifier
    ///
    /// # Errors
    /// Malformed.
    pub fn authority_key_identifier(&self) -> Result<Option<AuthorityKeyIdentifier>, DecodeError> {
        let name = "authorityKeyIdentifier";
        self.typed(
            oid::AUTHORITY_KEY_IDENTIFIER,
            name,
            AuthorityKeyIdentifier::decode,
        )
    }

    /// subjectAltName
    ///
    /// # Errors
    /// Malformed.
    pub fn subject_alt_name(&self) -> Result<Option<Vec<GeneralName>>, DecodeError> {
        self.typed(oid::SUBJECT_ALT_NAME, "subjectAltName", |r| {
            r.sequence("", |r| GeneralName::list(r, "generalName"))
        })
    }

    /// cRLDistributionPoints
    ///
    /// # Errors
    /// Malformed.
    pub fn crl_distribution_points(&self) -> Result<Option<Vec<DistributionPoint>>, DecodeError> {
        let name = "cRLDistributionPoints";
        self.typed(oid::CRL_DISTRIBUTION_POINTS, name, DistributionPoint::list)
    }

    /// freshestCRL: where deltas to the lists about the certificate are to be had.
    ///
    /// # Errors
    /// Malformed.
    pub fn freshest_crl(&self) -> Result<Option<Vec<DistributionPoint>>, DecodeError> {
        self.typed(oid::FRESHEST_CRL, "freshestCRL", DistributionPoint::list)
    }

    /// authorityInfoAccess
    ///
    /// # Errors
    /// Malformed.
    pub fn authority_info_access(&self) -> Result<Option<Vec<AccessDescription>>, DecodeError> {
        self.typed(
            oid::AUTHORITY_INFO_ACCESS,
            "authorityInfoAccess",
            AccessDescription::list,
        )
    }

    /// certificatePolicies
    ///
    /// # Errors
    /// Malformed.
    pub fn certificate_policies(&self) -> Result<Option<Vec<PolicyInformation>>, DecodeError> {
        self.typed(
            oid::CERTIFICATE_POLICIES,
            "certificatePolicies",
            PolicyInformation::list,
        )
    }

    /// qcStatements
    ///
    /// # Errors
    /// Malformed.
    pub fn qc_statements(&self) -> Result<Option<Vec<QcStatement>>, DecodeError> {
        self.typed(oid::QC_STATEMENTS, "qcStatements", QcStatement::list)
    }

    /// nameConstraints
    ///
    /// # Errors
    /// Malformed.
    pub fn name_constraints(&self) -> Result<Option<NameConstraints>, DecodeError> {
        self.typed(
            oid::NAME_CONSTRAINTS,
            "nameConstraints",
            NameConstraints::decode,
        )
    }

    fn typed<'a, T>(
        &'a self,
        oid: ObjectIdentifier,
        name: &str,
        read: impl FnOnce(&mut Reader<'a>) -> Result<T, DecodeError>,
    ) -> Result<Option<T>, DecodeError> {
        self.extension(oid)
            .map(|e| e.decode(name, read))
            .transpose()
    }
}

fn decode_tbs(
    r: &mut Reader<'_>,
    signed: Signed,
    der: &Arc<[u8]>,
    outer: &Tlv<'_>,
) -> Result<Inner, DecodeError> {
    let version = match r.optional(Tag::constructed(0), "version")? {
        None => 1,
        Some(t) => match t.nested("version", |r| r.u32(""))? {
            1 => 2,
            2 => 3,
            // X.690 11.5: the default is left out.
            0 => return Err(t.error(DecodeKind::NotDer("version 1 is written out"), "version")),
            _ => return Err(t.error(DecodeKind::Value("version is not 1, 2 or 3"), "version")),
        },
    };
    let serial = SerialNumber::from_content(r.integer("serialNumber")?);
    Signed::same_algorithm(&r.expect(Tag::SEQUENCE, "signature")?, outer)?;
    let name = |r: &mut Reader<'_>, field: &str| {
        let tlv = r.expect(Tag::SEQUENCE, field)?;
        Name::within(der, raw(&tlv), &tlv, field)
    };
    let issuer = name(r, "issuer")?;
    let (not_before, not_after) = r.sequence("validity", |r| {
        let from = r.any("notBefore")?.time("notBefore")?;
        Ok((from, r.any("notAfter")?.time("notAfter")?))
    })?;
    let subject = name(r, "subject")?;
    let spki = raw(&r.expect(Tag::SEQUENCE, "subjectPublicKeyInfo")?);
    for (n, field) in [(1, "issuerUniqueID"), (2, "subjectUniqueID")] {
        if let Some(t) = r.optional(Tag::primitive(n), field)?
            && version == 1
        {
            return Err(t.error(DecodeKind::Value("not allowed in version 1"), field));
        }
    }
    let extensions = match r.optional(Tag::constructed(3), "extensions")? {
        Some(t) if version != 3 => {
            let what = "extensions in a certificate that is not of version 3";
            return Err(t.error(DecodeKind::Value(what), "extensions"));
        }
        Some(t) => t.nested("", Extensions::decode)?,
        None => Extensions::default(),
    };
    Ok(Inner {
        signed,
        version,
        serial,
        issuer,
        not_before,
        not_after,
        subject,
        spki,
        key: OnceLock::new(),
        extensions,
        memo: OnceLock::new(),
    })
}

/// Found by its subject.
impl HasName for Certificate {
    fn name(&self) -> &Name {
        self.subject()
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der() == other.der()
    }
}

impl Eq for Certificate {}

impl core::hash::Hash for Certificate {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.der().hash(state);
    }
}

/// Subject and serial, for messages.
impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "certificate {} of {}", self.serial(), self.subject())
    }
}
