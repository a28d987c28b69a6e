use core::fmt;
use core::ops::Range;
use std::sync::{Arc, OnceLock};

use ::der::asn1::ObjectIdentifier;

use super::{CrlEntry, entry};
use crate::der::{DecodeError, DecodeKind, Reader, Rules, Tag, Tlv, decode};
use crate::keys::{PublicKey, SignatureAlgorithm, VerifyError};
use crate::oid;
use crate::time::UnixTime;
use crate::x509::{
    AuthorityKeyIdentifier, Extension, Extensions, GeneralName, Name, SerialNumber, Signed,
    UnknownAlgorithm, distribution_point_name, pem_blocks,
};

/// Largest list that is decoded, in octets. The largest public ones (a million entries) are some
/// 40 MB. Offsets in the index are 32 bits wide.
const MAX_OCTETS: usize = 1 << 30;

/// A certificate revocation list as received. Cheap to clone; equal where the octets are.
#[derive(Clone)]
pub struct Crl(Arc<Inner>);

struct Inner {
    signed: Signed,
    version: u8,
    issuer: Name,
    this_update: UnixTime,
    next_update: Option<UnixTime>,
    entries: Range<usize>,
    count: usize,
    index: OnceLock<Box<[(u64, u32)]>>,
    extensions: Extensions,
}

/// Which certificates a list speaks of, where not all of its issuer (RFC 5280 5.2.5).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct IssuingDistributionPoint {
    /// fullName of distributionPoint
    pub full_name: Vec<GeneralName>,
    /// nameRelativeToCRLIssuer, as its encoding.
    pub relative_name: Option<Vec<u8>>,
    /// onlyContainsUserCerts
    pub only_user_certificates: bool,
    /// onlyContainsCACerts
    pub only_ca_certificates: bool,
    /// onlySomeReasons: ReasonFlags, bit 0 in bit 0.
    pub only_some_reasons: Option<u16>,
    /// indirectCRL
    pub indirect: bool,
    /// onlyContainsAttributeCerts
    pub only_attribute_certificates: bool,
}

/// Reads lists: one in DER, or any number of PEM blocks labelled `X509 CRL`.
///
/// # Errors
/// Neither DER nor PEM, a broken block, a list that does not decode.
pub fn crls(input: &[u8]) -> Result<Vec<Crl>, DecodeError> {
    pem_blocks(input, &["X509 CRL"])?
        .iter()
        .map(|der| Crl::from_der(der))
        .collect()
}

impl Crl {
    /// Decodes a DER `CertificateList` that fills `der`, every entry included.
    ///
    /// # Errors
    /// Not DER; a structure other than that of RFC 5280 5.1; two different signature algorithms
    /// inside and outside; an extension twice, or in a list of version 1.
    pub fn from_der(der: &[u8]) -> Result<Self, DecodeError> {
        if der.len() > MAX_OCTETS {
            let kind = DecodeKind::Limit("larger than 1 GiB");
            return Err(DecodeError::new(kind, "certificateList", 0));
        }
        let octets: Arc<[u8]> = der.into();
        decode(&octets, Rules::Der, |r| {
            r.sequence("certificateList", |r| {
                let (signed, tbs, outer) = Signed::decode(r, &octets, "tbsCertList")?;
                let inner =
                    tbs.nested("tbsCertList", |r| decode_tbs(r, signed, &octets, &outer))?;
                Ok(Self(Arc::new(inner)))
            })
        })
    }

    /// The octets as received.
    pub fn der(&self) -> &[u8] {
        self.0.signed.der()
    }

    /// What is signed: the encoding of `tbsCertList`.
    pub fn tbs_der(&self) -> &[u8] {
        self.0.signed.tbs_der()
    }

    /// Version: 1 or 2.
    pub fn version(&self) -> u8 {
        self.0.version
    }

    /// issuer
    pub fn issuer(&self) -> &Name {
        &self.0.issuer
    }

    /// thisUpdate
    pub fn this_update(&self) -> UnixTime {
        self.0.this_update
    }

    /// nextUpdate; RFC 5280 5.1.2.5 asks for it, X.509 does not.
    pub fn next_update(&self) -> Option<UnixTime> {
        self.0.next_update
    }

    /// How it is signed.
    ///
    /// # Errors
    /// The algorithm is not one that is verified here.
    pub fn signature_algorithm(&self) -> Result<SignatureAlgorithm, &UnknownAlgorithm> {
        self.0.signed.algorithm()
    }

    /// The octets of the signature value; none where it is not a whole number of them.
    pub fn signature(&self) -> &[u8] {
        self.0.signed.signature()
    }

    /// Every extension of the list, in order.
    pub fn extensions(&self) -> impl Iterator<Item = Extension<'_>> {
        self.0.extensions.iter(self.der())
    }

    /// How many entries it has.
    pub fn len(&self) -> usize {
        self.0.count
    }

    /// Whether nothing is revoked.
    pub fn is_empty(&self) -> bool {
        self.0.count == 0
    }

    /// The entries in order; one whose extensions are malformed is an error in its place.
    pub fn entries(&self) -> impl Iterator<Item = Result<CrlEntry, DecodeError>> {
        self.tlvs().map(|tlv| entry::decode(&tlv))
    }

    /// The entry of `serial`.
    ///
    /// The first call sorts an index of 16 octets an entry; later ones take logarithmic time.
    /// Where a serial stands twice, the entry with the earlier date counts.
    ///
    /// # Errors
    /// The entry is there and one of its extensions is malformed.
    pub fn find(&self, serial: &SerialNumber) -> Result<Option<CrlEntry>, DecodeError> {
        let index = self.0.index.get_or_init(|| {
            let mut all: Vec<(u64, u32)> = Vec::with_capacity(self.0.count);
            for tlv in self.tlvs() {
                let octets = tlv
                    .reader("")
                    .and_then(|mut r| r.integer(""))
                    .unwrap_or_default();
                let at = tlv.at.saturating_sub(start(&self.0.entries));
                all.push((key(octets), u32::try_from(at).unwrap_or(u32::MAX)));
            }
            all.sort_unstable();
            all.into()
        });
        let wanted = key(serial.as_bytes());
        let first = index.partition_point(|(k, _)| *k < wanted);
        let mut found: Option<CrlEntry> = None;
        for (_, at) in index
            .get(first..)
            .unwrap_or_default()
            .iter()
            .take_while(|(k, _)| *k == wanted)
        {
            let at = usize::try_from(*at).unwrap_or(usize::MAX);
            let rest = self.slice(&self.0.entries).get(at..).unwrap_or_default();
            let entry = entry::decode(&Reader::new(rest, Rules::Der).any("revokedCertificate")?)?;
            let earlier = found
                .as_ref()
                .is_none_or(|f| entry.revocation_date < f.revocation_date);
            if entry.serial == *serial && earlier {
                found = Some(entry);
            }
        }
        Ok(found)
    }

    /// Verifies the signature with `key`. Cryptography only.
    ///
    /// # Errors
    /// [`VerifyError`]; an algorithm that is not known is [`VerifyError::Invalid`].
    pub fn verify_signed_by(&self, key: &PublicKey) -> Result<(), VerifyError> {
        self.0.signed.verify(key)
    }

    /// SHA-256 of the octets as received.
    pub fn sha256(&self) -> [u8; 32] {
        self.0.signed.sha256()
    }

    fn slice(&self, range: &Range<usize>) -> &[u8] {
        self.0.signed.slice(range)
    }

    /// The encodings of the entries; their offsets count from the start of the list.
    fn tlvs(&self) -> impl Iterator<Item = Tlv<'_>> {
        let base = start(&self.0.entries);
        let mut r = Reader::new(self.slice(&self.0.entries), Rules::Der);
        core::iter::from_fn(move || {
            let mut tlv = r.any("revokedCertificate").ok()?;
            tlv.at = tlv.at.saturating_add(base);
            Some(tlv)
        })
    }
}

/// Extensions of the list. `Ok(None)` where absent.
impl Crl {
    /// cRLNumber, as the content of its INTEGER.
    ///
    /// # Errors
    /// Malformed.
    pub fn number(&self) -> Result<Option<SerialNumber>, DecodeError> {
        self.typed(oid::CRL_NUMBER, "cRLNumber", |r| {
            r.integer("").map(SerialNumber::from_content)
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

    /// issuingDistributionPoint
    ///
    /// # Errors
    /// Malformed.
    pub fn issuing_distribution_point(
        &self,
    ) -> Result<Option<IssuingDistributionPoint>, DecodeError> {
        let name = "issuingDistributionPoint";
        self.typed(
            oid::ISSUING_DISTRIBUTION_POINT,
            name,
            IssuingDistributionPoint::decode,
        )
    }

    /// Number of the complete list to which this one is a delta.
    ///
    /// # Errors
    /// Malformed.
    pub fn delta_base(&self) -> Result<Option<SerialNumber>, DecodeError> {
        self.typed(oid::DELTA_CRL_INDICATOR, "deltaCRLIndicator", |r| {
            r.integer("").map(SerialNumber::from_content)
        })
    }

    /// Since when expired certificates stay on the list (X.509 9.5.2.8).
    ///
    /// # Errors
    /// Malformed.
    pub fn expired_certificates_since(&self) -> Result<Option<UnixTime>, DecodeError> {
        self.typed(oid::EXPIRED_CERTS_ON_CRL, "expiredCertsOnCRL", |r| {
            r.expect(Tag::GENERALIZED_TIME, "")?.time("")
        })
    }

    fn typed<'a, T>(
        &'a self,
        oid: ObjectIdentifier,
        name: &str,
        read: impl FnOnce(&mut Reader<'a>) -> Result<T, DecodeError>,
    ) -> Result<Option<T>, DecodeError> {
        self.0
            .extensions
            .find(self.der(), oid)
            .map(|e| e.decode(name, read))
            .transpose()
    }
}

impl IssuingDistributionPoint {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.sequence("", |r| {
            let mut point = Self::default();
            if let Some(t) = r.optional(Tag::constructed(0), "distributionPoint")? {
                (point.full_name, point.relative_name) =
                    t.nested("distributionPoint", distribution_point_name)?;
            }
            let flag = |r: &mut Reader<'_>, n: u8, field: &str| {
                r.optional(Tag::primitive(n), field)?
                    .map_or(Ok(false), |t| t.boolean(field))
            };
            point.only_user_certificates = flag(r, 1, "onlyContainsUserCerts")?;
            point.only_ca_certificates = flag(r, 2, "onlyContainsCACerts")?;
            if let Some(t) = r.optional(Tag::primitive(3), "onlySomeReasons")? {
                point.only_some_reasons = Some(t.named_bits("onlySomeReasons")?);
            }
            point.indirect = flag(r, 4, "indirectCRL")?;
            point.only_attribute_certificates = flag(r, 5, "onlyContainsAttributeCerts")?;
            Ok(point)
        })
    }
}

/// The last eight octets of a serial, where the randomness is.
fn key(serial: &[u8]) -> u64 {
    serial
        .iter()
        .rev()
        .take(8)
        .rev()
        .fold(0, |n, &b| (n << 8) | u64::from(b))
}

fn start(range: &Range<usize>) -> u64 {
    u64::try_from(range.start).unwrap_or(u64::MAX)
}

fn place(tlv: &Tlv<'_>) -> Range<usize> {
    let at = usize::try_from(tlv.at).unwrap_or(usize::MAX);
    at..at.saturating_add(tlv.raw.len())
}

fn decode_tbs(
    r: &mut Reader<'_>,
    signed: Signed,
    der: &Arc<[u8]>,
    outer: &Tlv<'_>,
) -> Result<Inner, DecodeError> {
    let version = match r.optional(Tag::INTEGER, "version")? {
        None => 1,
        Some(t) if t.integer("version")? == [1] => 2,
        Some(t) => return Err(t.error(DecodeKind::Value("version is not 2"), "version")),
    };
    Signed::same_algorithm(&r.expect(Tag::SEQUENCE, "signature")?, outer)?;
    let name = r.expect(Tag::SEQUENCE, "issuer")?;
    let issuer = Name::within(der, place(&name), &name, "issuer")?;
    let this_update = r.any("thisUpdate")?.time("thisUpdate")?;
    let next_update = match r.peek() {
        Some(Tag::UTC_TIME | Tag::GENERALIZED_TIME) => {
            Some(r.any("nextUpdate")?.time("nextUpdate")?)
        }
        _ => None,
    };
    let (mut entries, mut count) = (0..0, 0);
    if let Some(list) = r.optional(Tag::SEQUENCE, "revokedCertificates")? {
        // RFC 5280 5.1.2.6 wants an empty list left out; many issuers write it all the same, and
        // it can mean only one thing.
        list.nested("revokedCertificates", |r| {
            while !r.is_empty() {
                entry::check(&r.expect(Tag::SEQUENCE, "revokedCertificate")?)?;
                count += 1;
            }
            Ok(())
        })?;
        let end = place(&list).end;
        entries = end.saturating_sub(list.value.len())..end;
    }
    let extensions = match r.optional(Tag::constructed(0), "crlExtensions")? {
        Some(t) if version != 2 => {
            let what = "extensions in a list that is not of version 2";
            return Err(t.error(DecodeKind::Value(what), "crlExtensions"));
        }
        Some(t) => t.nested("", Extensions::decode)?,
        None => Extensions::default(),
    };
    Ok(Inner {
        signed,
        version,
        issuer,
        this_update,
        next_update,
        entries,
        count,
        index: OnceLock::new(),
        extensions,
    })
}

impl PartialEq for Crl {
    fn eq(&self, other: &Self) -> bool {
        self.der() == other.der()
    }
}

impl Eq for Crl {}

/// Issuer and time, for messages.
impl fmt::Debug for Crl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CRL of {} of {}", self.issuer(), self.this_update())
    }
}
