use core::fmt;
use core::ops::Range;
use std::sync::Arc;

use crate::oid::ObjectIdentifier;

use super::{CertId, Nonce, place};
use crate::crl::RevocationReason;
use crate::der::{DecodeError, DecodeKind, Reader, Rules, Tag, Tlv, Writer, decode};
use crate::keys::{PublicKey, SignatureAlgorithm, VerifyError};
use crate::oid;
use crate::time::UnixTime;
use crate::x509::{Certificate, Extensions, Name, Signed, UnknownAlgorithm};

/// Largest response that is decoded, in octets. Real ones have some 2 KiB, with ML-DSA keys 15.
const MAX_OCTETS: usize = 1 << 20;
/// Most certificates that one response speaks of. Real ones speak of one.
pub const MAX_SINGLE_RESPONSES: usize = 1000;
/// Most certificates that come with a response: the responder's, and its path at times.
pub const MAX_CERTIFICATES: usize = 16;

/// What a responder says to a request as a whole (RFC 6960 4.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the standard's")]
pub enum ResponseStatus {
    Successful,
    MalformedRequest,
    InternalError,
    TryLater,
    SigRequired,
    Unauthorized,
}

impl ResponseStatus {
    /// Every status with its number.
    pub const ALL: [(Self, u8); 6] = [
        (Self::Successful, 0),
        (Self::MalformedRequest, 1),
        (Self::InternalError, 2),
        (Self::TryLater, 3),
        (Self::SigRequired, 5),
        (Self::Unauthorized, 6),
    ];

    /// The `OCSPResponse` of an error: unsigned, without more.
    pub fn error_response(self) -> Vec<u8> {
        let number = Self::ALL
            .iter()
            .find(|(s, _)| *s == self)
            .map_or(2, |x| x.1);
        let mut w = Writer::new();
        w.sequence(|w| w.tlv(Tag::ENUMERATED, &[number]));
        w.finish()
    }
}

/// Who signed, by the responder's word (RFC 6960 4.2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResponderId {
    /// By the subject of its certificate.
    ByName(Name),
    /// By the SHA-1 of its key's octets.
    ByKey(Box<[u8]>),
}

impl ResponderId {
    /// By the key of `key`.
    pub fn of_key(key: &PublicKey) -> Self {
        Self::ByKey(key.sha1_identifier().into())
    }

    /// Whether it is the holder of `certificate`.
    pub fn is(&self, certificate: &Certificate) -> bool {
        match self {
            Self::ByName(name) => name.matches(certificate.subject()),
            Self::ByKey(hash) => certificate
                .public_key()
                .is_ok_and(|k| k.sha1_identifier() == **hash),
        }
    }
}

impl fmt::Display for ResponderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByName(name) => name.fmt(f),
            Self::ByKey(hash) => hash.iter().try_for_each(|b| write!(f, "{b:02x}")),
        }
    }
}

/// What is said of one certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertStatus {
    /// Not known to be revoked.
    Good,
    /// Revoked or on hold.
    Revoked {
        /// revocationTime
        at: UnixTime,
        /// revocationReason
        reason: Option<RevocationReason>,
    },
    /// The responder does not know the certificate.
    Unknown,
}

/// One `SingleResponse`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SingleResponse {
    /// Whom it speaks of.
    pub id: CertId,
    /// certStatus
    pub status: CertStatus,
    /// thisUpdate
    pub this_update: UnixTime,
    /// nextUpdate
    pub next_update: Option<UnixTime>,
    /// archiveCutoff: since when expired certificates are answered for.
    pub archive_cutoff: Option<UnixTime>,
    /// Address of the list on which the answer rests (`CrlID`, RFC 6960 4.4.2).
    pub crl_url: Option<String>,
    /// A critical extension that is not known: the answer must not be relied on.
    pub unprocessed: Option<ObjectIdentifier>,
}

/// An `OCSPResponse` as received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OcspResponse {
    /// responseStatus
    pub status: ResponseStatus,
    /// What is signed; there exactly where the status is successful.
    pub basic: Option<BasicResponse>,
}

/// A `BasicOCSPResponse` as received. Cheap to clone; equal where the octets are.
#[derive(Clone)]
pub struct BasicResponse(Arc<Inner>);

struct Inner {
    basic: Range<usize>,
    signed: Signed,
    responder: ResponderId,
    produced_at: UnixTime,
    singles: Vec<SingleResponse>,
    nonce: Option<Nonce>,
    extended_revoke: bool,
    unprocessed: Option<ObjectIdentifier>,
    certificates: Vec<Certificate>,
}

impl OcspResponse {
    /// Decodes a DER `OCSPResponse` that fills `der`.
    ///
    /// # Errors
    /// Not DER; a structure other than that of RFC 6960 4.2.1; a success without an answer, an
    /// answer of a type other than `id-pkix-ocsp-basic`; more than the limits here.
    pub fn from_der(der: &[u8]) -> Result<Self, DecodeError> {
        within_limit(der, "ocspResponse")?;
        let octets: Arc<[u8]> = der.into();
        decode(&octets, Rules::Der, |r| {
            r.sequence("ocspResponse", |r| {
                let tlv = r.expect(Tag::ENUMERATED, "responseStatus")?;
                let status = ResponseStatus::ALL
                    .iter()
                    .find(|(_, n)| tlv.value == [*n])
                    .map(|(s, _)| *s)
                    .ok_or_else(|| {
                        let kind = DecodeKind::Value("status is not one of RFC 6960");
                        tlv.error(kind, "responseStatus")
                    })?;
                let bytes = r.optional(Tag::constructed(0), "responseBytes")?;
                if bytes.is_some() != (status == ResponseStatus::Successful) {
                    let kind = DecodeKind::Value("an answer comes with success, and only then");
                    return Err(tlv.error(kind, "responseBytes"));
                }
                let basic = bytes
                    .map(|t| t.nested("", |r| r.sequence("responseBytes", |r| basic(r, &octets))))
                    .transpose()?;
                Ok(Self { status, basic })
            })
        })
    }
}

impl BasicResponse {
    /// Decodes a DER `BasicOCSPResponse` that fills `der`, as signatures carry it.
    ///
    /// # Errors
    /// As [`OcspResponse::from_der`].
    pub fn from_der(der: &[u8]) -> Result<Self, DecodeError> {
        within_limit(der, "basicOcspResponse")?;
        let octets: Arc<[u8]> = der.into();
        decode(&octets, Rules::Der, |r| decode_basic(r, &octets))
    }

    /// The octets of the `BasicOCSPResponse` as received.
    pub fn der(&self) -> &[u8] {
        self.0.signed.slice(&self.0.basic)
    }

    /// The `OCSPResponse` around it.
    pub fn response_der(&self) -> Vec<u8> {
        wrap(self.der())
    }

    /// What is signed: the encoding of `tbsResponseData`.
    pub fn tbs_der(&self) -> &[u8] {
        self.0.signed.tbs_der()
    }

    /// responderID
    pub fn responder(&self) -> &ResponderId {
        &self.0.responder
    }

    /// producedAt
    pub fn produced_at(&self) -> UnixTime {
        self.0.produced_at
    }

    /// What is said of each certificate; at least one.
    pub fn singles(&self) -> &[SingleResponse] {
        &self.0.singles
    }

    /// The nonce of the request.
    pub fn nonce(&self) -> Option<&Nonce> {
        self.0.nonce.as_ref()
    }

    /// Whether the responder says "revoked" of certificates that were never issued (RFC 6960
    /// 4.4.8).
    pub fn extended_revoke(&self) -> bool {
        self.0.extended_revoke
    }

    /// A critical extension of the response that is not known: it must not be relied on.
    pub fn unprocessed(&self) -> Option<ObjectIdentifier> {
        self.0.unprocessed
    }

    /// Certificates that came with it.
    pub fn certificates(&self) -> &[Certificate] {
        &self.0.certificates
    }

    /// How it is signed.
    ///
    /// # Errors
    /// The algorithm is not one that is verified here.
    pub fn signature_algorithm(&self) -> Result<SignatureAlgorithm, &UnknownAlgorithm> {
        self.0.signed.algorithm()
    }

    /// Verifies the signature with `key`. Cryptography only.
    ///
    /// # Errors
    /// [`VerifyError`]; an algorithm that is not known is [`VerifyError::Invalid`].
    pub fn verify_signed_by(&self, key: &PublicKey) -> Result<(), VerifyError> {
        self.0.signed.verify(key)
    }

    /// SHA-256 of the octets that were decoded.
    pub fn sha256(&self) -> [u8; 32] {
        self.0.signed.sha256()
    }
}

/// An `OCSPResponse` of success around a `BasicOCSPResponse`.
pub(super) fn wrap(basic: &[u8]) -> Vec<u8> {
    let mut w = Writer::with_capacity(basic.len().saturating_add(64));
    w.sequence(|w| {
        w.tlv(Tag::ENUMERATED, &[0]);
        w.nested(Tag::constructed(0), |w| {
            w.sequence(|w| {
                w.oid(oid::OCSP_BASIC);
                w.octets(basic);
            });
        });
    });
    w.finish()
}

fn within_limit(der: &[u8], field: &str) -> Result<(), DecodeError> {
    if der.len() <= MAX_OCTETS {
        return Ok(());
    }
    let kind = DecodeKind::Limit("larger than 1 MiB");
    Err(DecodeError::new(kind, field, 0))
}

/// The version, where it is written out: X.690 11.5 leaves a default out, but responders in the
/// field (and the examples of RFC 6960) do not all; only version 1 exists.
pub(super) fn version(r: &mut Reader<'_>) -> Result<(), DecodeError> {
    if let Some(t) = r.optional(Tag::constructed(0), "version")? {
        let version = t.nested("version", |r| r.u32(""))?;
        if version != 0 {
            return Err(t.error(DecodeKind::Value("version is not 1"), "version"));
        }
    }
    Ok(())
}

pub(super) fn certificates(tlv: &Tlv<'_>, most: usize) -> Result<Vec<Certificate>, DecodeError> {
    let mut all = Vec::new();
    tlv.nested("certs", |r| {
        r.sequence("", |r| {
            while !r.is_empty() {
                if all.len() >= most {
                    return Err(r.error(DecodeKind::Limit("more than 16 certificates"), ""));
                }
                let one = r.expect(Tag::SEQUENCE, "certificate")?;
                all.push(Certificate::from_der(one.raw).map_err(|e| e.shifted(one.at))?);
            }
            Ok(())
        })
    })?;
    Ok(all)
}

fn basic(r: &mut Reader<'_>, der: &Arc<[u8]>) -> Result<BasicResponse, DecodeError> {
    let kind = r.expect(Tag::OID, "responseType")?;
    if kind.oid("responseType")? != oid::OCSP_BASIC {
        let what = DecodeKind::Value("type is not id-pkix-ocsp-basic");
        return Err(kind.error(what, "responseType"));
    }
    let octets = r.expect(Tag::OCTET_STRING, "response")?;
    octets.nested("response", |r| decode_basic(r, der))
}

fn decode_basic(r: &mut Reader<'_>, der: &Arc<[u8]>) -> Result<BasicResponse, DecodeError> {
    let whole = r.expect(Tag::SEQUENCE, "basicOcspResponse")?;
    whole.nested("basicOcspResponse", |r| {
        let (signed, tbs, _) = Signed::decode(r, der, "tbsResponseData")?;
        let certificates = match r.optional(Tag::constructed(0), "certs")? {
            Some(t) => certificates(&t, MAX_CERTIFICATES)?,
            None => Vec::new(),
        };
        let mut inner = tbs.nested("tbsResponseData", |r| decode_tbs(r, der, signed))?;
        inner.basic = place(&whole);
        inner.certificates = certificates;
        Ok(BasicResponse(Arc::new(inner)))
    })
}

fn decode_tbs(r: &mut Reader<'_>, der: &Arc<[u8]>, signed: Signed) -> Result<Inner, DecodeError> {
    version(r)?;
    let id = r.any("responderID")?;
    let responder = if id.tag == Tag::constructed(1) {
        ResponderId::ByName(id.nested("responderID", |r| {
            let name = r.expect(Tag::SEQUENCE, "byName")?;
            Name::within(der, place(&name), &name, "byName")
        })?)
    } else if id.tag == Tag::constructed(2) {
        ResponderId::ByKey(id.nested("responderID", |r| {
            Ok(r.expect(Tag::OCTET_STRING, "byKey")?.value.into())
        })?)
    } else {
        let kind = DecodeKind::Value("neither byName nor byKey");
        return Err(id.error(kind, "responderID"));
    };
    let produced_at = time(r, "producedAt")?;
    let list = r.expect(Tag::SEQUENCE, "responses")?;
    let mut singles = Vec::new();
    list.nested("responses", |r| {
        while !r.is_empty() {
            if singles.len() >= MAX_SINGLE_RESPONSES {
                return Err(r.error(DecodeKind::Limit("more than 1000 responses"), ""));
            }
            singles.push(r.sequence("singleResponse", |r| single(r, der))?);
        }
        Ok(())
    })?;
    if singles.is_empty() {
        return Err(list.error(DecodeKind::Value("speaks of no certificate"), "responses"));
    }
    let extensions = match r.optional(Tag::constructed(1), "responseExtensions")? {
        Some(t) => t.nested("", Extensions::decode)?,
        None => Extensions::default(),
    };
    let nonce = extensions
        .find(der, oid::OCSP_NONCE)
        .map(|e| Nonce::decode(&e))
        .transpose()?;
    let known = [oid::OCSP_NONCE, oid::OCSP_EXTENDED_REVOKE];
    let unprocessed = extensions
        .iter(der)
        .find(|e| e.critical && !known.contains(&e.oid))
        .map(|e| e.oid);
    let extended_revoke = match extensions.find(der, oid::OCSP_EXTENDED_REVOKE) {
        Some(e) => e
            .decode("extendedRevoke", |r| r.expect(Tag::NULL, ""))?
            .value
            .is_empty(),
        None => false,
    };
    Ok(Inner {
        basic: 0..0,
        signed,
        responder,
        produced_at,
        singles,
        nonce,
        extended_revoke,
        unprocessed,
        certificates: Vec::new(),
    })
}

fn time(r: &mut Reader<'_>, field: &str) -> Result<UnixTime, DecodeError> {
    r.expect(Tag::GENERALIZED_TIME, field)?.time(field)
}

fn single(r: &mut Reader<'_>, der: &Arc<[u8]>) -> Result<SingleResponse, DecodeError> {
    let id = CertId::decode(r, "certID")?;
    let tlv = r.any("certStatus")?;
    let empty = tlv.value.is_empty();
    let status = if tlv.tag == Tag::primitive(0) && empty {
        CertStatus::Good
    } else if tlv.tag == Tag::primitive(2) && empty {
        CertStatus::Unknown
    } else if tlv.tag == Tag::constructed(1) {
        tlv.nested("revoked", |r| {
            let at = time(r, "revocationTime")?;
            let reason = match r.optional(Tag::constructed(0), "revocationReason")? {
                Some(t) => Some(t.nested("revocationReason", reason)?),
                None => None,
            };
            Ok(CertStatus::Revoked { at, reason })
        })?
    } else {
        let kind = DecodeKind::Value("none of good, revoked, unknown");
        return Err(tlv.error(kind, "certStatus"));
    };
    let this_update = time(r, "thisUpdate")?;
    let next_update = match r.optional(Tag::constructed(0), "nextUpdate")? {
        Some(t) => Some(t.nested("nextUpdate", |r| time(r, ""))?),
        None => None,
    };
    let extensions = match r.optional(Tag::constructed(1), "singleExtensions")? {
        Some(t) => t.nested("", Extensions::decode)?,
        None => Extensions::default(),
    };
    let archive_cutoff = extensions
        .find(der, oid::OCSP_ARCHIVE_CUTOFF)
        .map(|e| e.decode("archiveCutoff", |r| time(r, "")))
        .transpose()?;
    let crl_url = match extensions.find(der, oid::OCSP_CRL) {
        Some(e) => e.decode("crlID", |r| r.sequence("", crl_id))?,
        None => None,
    };
    let known = [oid::OCSP_ARCHIVE_CUTOFF, oid::OCSP_CRL];
    let unprocessed = extensions
        .iter(der)
        .find(|e| e.critical && !known.contains(&e.oid))
        .map(|e| e.oid);
    Ok(SingleResponse {
        id,
        status,
        this_update,
        next_update,
        archive_cutoff,
        crl_url,
        unprocessed,
    })
}

fn reason(r: &mut Reader<'_>) -> Result<RevocationReason, DecodeError> {
    let tlv = r.expect(Tag::ENUMERATED, "")?;
    let known = match tlv.value {
        [number] => RevocationReason::from_number(*number),
        _ => None,
    };
    known.ok_or_else(|| tlv.error(DecodeKind::Value("no reason of RFC 5280 5.3.1"), ""))
}

fn crl_id(r: &mut Reader<'_>) -> Result<Option<String>, DecodeError> {
    let url = match r.optional(Tag::constructed(0), "crlUrl")? {
        Some(t) => Some(t.nested("crlUrl", |r| {
            let text = r.expect(Tag::IA5_STRING, "")?;
            Ok(String::from_utf8_lossy(text.value).into_owned())
        })?),
        None => None,
    };
    if let Some(t) = r.optional(Tag::constructed(1), "crlNum")? {
        t.nested("crlNum", |r| r.integer("").map(drop))?;
    }
    if let Some(t) = r.optional(Tag::constructed(2), "crlTime")? {
        t.nested("crlTime", |r| time(r, ""))?;
    }
    Ok(url)
}

impl PartialEq for BasicResponse {
    fn eq(&self, other: &Self) -> bool {
        self.der() == other.der()
    }
}

impl Eq for BasicResponse {}

impl fmt::Debug for BasicResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OCSP response of {}", self.responder())
    }
}
