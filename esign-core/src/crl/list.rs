use core::fmt;
use core::ops::Range;
use std::sync::Arc;

use crate::oid::ObjectIdentifier;

use super::RevocationReason;
use super::entry::{self, Pass};
use super::index::{Collector, Index, pair};
use super::{CrlEntry, IssuingDistributionPoint};
use crate::der::{DecodeError, DecodeKind, Reader, Rules, Tag, Tlv, decode};
use crate::keys::{PublicKey, SignatureAlgorithm, VerifyError};
use crate::oid;
use crate::time::UnixTime;
use crate::x509::{
    AuthorityKeyIdentifier, DistributionPoint, Extension, Extensions, GeneralName, HasName, Name,
    SerialNumber, Signed, UnknownAlgorithm, pem_blocks,
};

/// Largest list that is decoded, in octets. The largest public ones (a million entries) are some
/// 40 MB. Places in the index are 32 bits wide.
const MAX_OCTETS: usize = 1 << 30;
/// Entries up to which a list has no index.
const SHORT: usize = 32;

/// A certificate revocation list as received. Cheap to clone; equal where the octets are.
#[derive(Clone)]
pub struct Crl(Arc<Inner>);

struct Inner {
    signed: Signed,
    version: u8,
    issuer: Name,
    this_update: UnixTime,
    next_update: Option<UnixTime>,
    /// Where the entries lie, one after another; places count from its start.
    entries: Range<usize>,
    revoked: Arc<Revoked>,
    extensions: Extensions,
}

/// Entries of one certificate issuer, one after another.
struct Run {
    /// Place of the entry that names it.
    names_at: Option<u32>,
    names: Option<Arc<[GeneralName]>>,
    /// Whether it is the issuer asked about.
    speaks: bool,
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
        Self::decode(der.into(), None)
    }

    /// Puts together a list that was decoded before with another signature: its entries are known.
    pub(super) fn with_signature(&self, parts: &[&[u8]]) -> Result<Self, DecodeError> {
        Self::decode(joined(parts), Some(Arc::clone(&self.0.revoked)))
    }

    /// Decodes a list that comes in parts.
    pub(super) fn from_parts(parts: &[&[u8]]) -> Result<Self, DecodeError> {
        Self::decode(joined(parts), None)
    }

    fn decode(octets: Arc<[u8]>, known: Option<Arc<Revoked>>) -> Result<Self, DecodeError> {
        decode(&octets, Rules::Der, |r| {
            r.sequence("certificateList", |r| {
                let (signed, tbs, outer) = Signed::decode(r, &octets, "tbsCertList")?;
                let inner = tbs.nested("tbsCertList", |r| {
                    decode_tbs(r, signed, &octets, &outer, known)
                })?;
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
        self.0.revoked.count
    }

    /// Whether nothing is revoked.
    pub fn is_empty(&self) -> bool {
        self.0.revoked.count == 0
    }

    /// The entries in order, each with the certificate issuer that holds for it; one whose
    /// extensions are malformed is an error in its place.
    pub fn entries(&self) -> impl Iterator<Item = Result<CrlEntry, DecodeError>> {
        let mut issuer = None;
        self.tlvs().map(move |(_, tlv)| {
            let mut entry = entry::decode(&tlv)?;
            match &entry.certificate_issuer {
                Some(_) => issuer.clone_from(&entry.certificate_issuer),
                None => entry.certificate_issuer.clone_from(&issuer),
            }
            Ok(entry)
        })
    }

    /// The entry of the certificate `serial` that the issuer of this list issued.
    ///
    /// # Errors
    /// As for [`Self::find_of`].
    pub fn find(&self, serial: &SerialNumber) -> Result<Option<CrlEntry>, DecodeError> {
        self.find_of(self.issuer(), serial)
    }

    /// The entry of the certificate `serial` that `issuer` issued.
    ///
    /// A look-up in a long list takes constant time, some two comparisons. Where a certificate
    /// stands twice, a final reason comes before a hold, a hold before its lifting; then the
    /// earlier date counts.
    ///
    /// # Errors
    /// The entry is there, or one that shares its serial, and an extension is malformed.
    ///
    /// # Source
    /// RFC 5280 5.3.3 (whose certificate an entry speaks of).
    pub fn find_of(
        &self,
        issuer: &Name,
        serial: &SerialNumber,
    ) -> Result<Option<CrlEntry>, DecodeError> {
        let list = self.slice(&self.0.entries);
        let wanted = serial.as_bytes();
        let mut found: Option<CrlEntry> = None;
        // Entries of one issuer follow each other, and its names may be long: one reading for all.
        let mut run: Option<Run> = None;
        let mut look = |place: u32| -> Result<(), DecodeError> {
            let names_at = self.issuer_place(place);
            let run = match &mut run {
                Some(run) if run.names_at == names_at => run,
                other => {
                    let names = self.certificate_issuer(names_at)?;
                    other.insert(Run {
                        names_at,
                        speaks: self.speaks_of(names.as_deref(), issuer),
                        names,
                    })
                }
            };
            let mut entry = entry::decode(&at(list, place)?)?;
            let rank = |e: &CrlEntry| {
                let reason = e.reason_or_unspecified();
                let lifted = reason == RevocationReason::RemoveFromCrl;
                (!reason.is_final(), lifted, e.revocation_date)
            };
            if run.speaks && found.as_ref().is_none_or(|f| rank(&entry) < rank(f)) {
                entry.certificate_issuer.clone_from(&run.names);
                found = Some(entry);
            }
            Ok(())
        };
        match &self.0.revoked.index {
            Some(index) => index
                .places(wanted, |place| serial_at(list, place))
                .try_for_each(&mut look)?,
            None => self
                .tlvs()
                .map(|(place, _)| place)
                .filter(|place| serial_at(list, *place) == wanted)
                .try_for_each(&mut look)?,
        }
        Ok(found)
    }

    /// Whether an entry whose certificate issuer is `named` speaks of certificates of `issuer`.
    fn speaks_of(&self, named: Option<&[GeneralName]>, issuer: &Name) -> bool {
        match named {
            None => self.issuer().matches(issuer),
            Some(names) => names.iter().any(|name| match name {
                GeneralName::Directory(name) => name.matches(issuer),
                _ => false,
            }),
        }
    }

    /// Place of the entry that names the certificate issuer of the entry at `place`; none for the
    /// list's own issuer.
    fn issuer_place(&self, place: u32) -> Option<u32> {
        let before = self.0.revoked.issuers.partition_point(|p| *p <= place);
        let last = before.checked_sub(1)?;
        self.0.revoked.issuers.get(last).copied()
    }

    /// The certificate issuer that the entry at `place` names.
    fn certificate_issuer(
        &self,
        place: Option<u32>,
    ) -> Result<Option<Arc<[GeneralName]>>, DecodeError> {
        let list = self.slice(&self.0.entries);
        match place {
            None => Ok(None),
            Some(place) => Ok(entry::decode(&at(list, place)?)?.certificate_issuer),
        }
    }

    /// A serial number that stands twice for one certificate issuer.
    pub(super) fn twice(&self) -> Option<SerialNumber> {
        let list = self.slice(&self.0.entries);
        let issuer = |place| self.certificate_issuer(self.issuer_place(place)).ok();
        let same = |a, b| serial_at(list, a) == serial_at(list, b) && issuer(a) == issuer(b);
        let place = match &self.0.revoked.index {
            Some(index) => index.pair(same),
            None => {
                let places: Vec<u32> = self.tlvs().map(|(place, _)| place).collect();
                pair(&places, same)
            }
        }?;
        Some(SerialNumber::from_content(serial_at(list, place)))
    }

    /// Whether an entry has certificateIssuer, which only indirect lists may have.
    pub fn names_certificate_issuers(&self) -> bool {
        !self.0.revoked.issuers.is_empty()
    }

    /// A critical extension of any entry that is not known here. A list that has one must not be
    /// relied on, for any certificate (RFC 5280 5.3).
    pub fn unprocessed_entry_extension(&self) -> Option<ObjectIdentifier> {
        self.0.revoked.unprocessed
    }

    /// Verifies the signature with `key`. Cryptography only. That a key verifies it is remembered,
    /// here and in every clone, so that a long list is hashed once however often it is asked.
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

    /// The encodings of the entries with their places.
    fn tlvs(&self) -> impl Iterator<Item = (u32, Tlv<'_>)> {
        let mut r = Reader::new(self.slice(&self.0.entries), Rules::Der);
        core::iter::from_fn(move || {
            let place = u32::try_from(r.position()).ok()?;
            Some((place, r.any("revokedCertificate").ok()?))
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

    /// freshestCRL: where deltas to this list are to be had.
    ///
    /// # Errors
    /// Malformed.
    pub fn freshest(&self) -> Result<Option<Vec<DistributionPoint>>, DecodeError> {
        self.typed(oid::FRESHEST_CRL, "freshestCRL", DistributionPoint::list)
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

/// The entry at a place of the list.
fn at(list: &[u8], place: u32) -> Result<Tlv<'_>, DecodeError> {
    let from = usize::try_from(place).unwrap_or(usize::MAX);
    let rest = list.get(from..).unwrap_or_default();
    Reader::new(rest, Rules::Der).any("revokedCertificate")
}

/// The serial of the entry at a place of the list, which the pass has checked.
fn serial_at(list: &[u8], place: u32) -> &[u8] {
    let from = usize::try_from(place).unwrap_or(usize::MAX);
    // Both lengths in one octet, as nearly always.
    if let Some(&[0x30, ..0x80, 0x02, length @ ..0x80, ..]) = list.get(from..)
        && let Some(rest) = list.get(from.saturating_add(4)..)
        && let Some(serial) = rest.get(..usize::from(length))
    {
        return serial;
    }
    at(list, place)
        .and_then(|tlv| tlv.reader("")?.integer(""))
        .unwrap_or_default()
}

/// The parts one after another, written where they stay: a long list is not copied once more.
fn joined(parts: &[&[u8]]) -> Arc<[u8]> {
    let length = parts.iter().map(|p| p.len()).sum();
    let mut octets: Arc<[u8]> = core::iter::repeat_n(0, length).collect();
    let mut rest = Arc::get_mut(&mut octets).unwrap_or_default();
    for part in parts {
        let Some((to, after)) = rest.split_at_mut_checked(part.len()) else {
            break;
        };
        to.copy_from_slice(part);
        rest = after;
    }
    octets
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
    known: Option<Arc<Revoked>>,
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
    let (mut entries, mut revoked) = (0..0, known);
    if let Some(list) = r.optional(Tag::SEQUENCE, "revokedCertificates")? {
        let end = place(&list).end;
        entries = end.saturating_sub(list.value.len())..end;
        if revoked.is_none() {
            revoked = Some(Arc::new(Revoked::decode(&list, version)?));
        }
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
        revoked: revoked.unwrap_or_default(),
        extensions,
    })
}

/// What one pass over `revokedCertificates` finds.
#[derive(Default)]
struct Revoked {
    count: usize,
    /// Absent in a short list, whose entries are looked at one by one.
    index: Option<Index>,
    /// Places of the entries at which another certificate issuer begins.
    issuers: Vec<u32>,
    /// The first critical extension of an entry that is not known.
    unprocessed: Option<ObjectIdentifier>,
}

impl Revoked {
    /// RFC 5280 5.1.2.6 wants an empty list left out; many issuers write it all the same, and it
    /// can mean only one thing.
    fn decode(list: &Tlv<'_>, version: u8) -> Result<Self, DecodeError> {
        let mut revoked = Self::default();
        let mut pass = Pass::new(version);
        let mut all = Collector::for_list(list.value.len());
        list.nested("revokedCertificates", |r| {
            let start = r.position();
            while !r.is_empty() {
                let tlv = r.expect(Tag::SEQUENCE, "revokedCertificate")?;
                let place = u32::try_from(tlv.at.saturating_sub(start)).unwrap_or(u32::MAX);
                let glance = pass.look(&tlv)?;
                all.add(glance.serial, place);
                if glance.names_issuer {
                    revoked.issuers.push(place);
                }
                revoked.unprocessed = revoked.unprocessed.or(glance.unprocessed);
            }
            Ok(())
        })?;
        revoked.count = all.len();
        revoked.issuers.shrink_to_fit();
        revoked.index = (revoked.count > SHORT)
            .then(|| all.index(list.value.len(), |place| serial_at(list.value, place)));
        Ok(revoked)
    }
}

/// Found by its issuer.
impl HasName for Crl {
    fn name(&self) -> &Name {
        self.issuer()
    }
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
