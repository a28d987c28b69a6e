//! From a message to [`Signature`]s: structure, digests and references, without any trust.

use std::collections::HashSet;
use std::sync::Arc;

use crate::oid::ObjectIdentifier;

use super::CadesError;
use super::archive_v2::Before;
use super::armour::unarmoured;
use super::claims::claims;
use super::message::{digests_of, enclosed};
use super::timestamps::{Old, timestamps, want_content_imprints};
use super::values::{Known, References, Values};
use crate::cms::{self, SignedData, SignerInfo};
use crate::crl::Crl;
use crate::der::{DecodeError, DecodeKind, Reader, Rules, Tag, decode};
use crate::evidence::Evidence;
use crate::keys::{Digest, DigestAlgorithm};
use crate::ocsp::{BasicResponse, OcspResponse};
use crate::oid;
use crate::report::{Finding, SubIndication};
use crate::source::ReadAt;
use crate::validation::{
    CertRef, Coverage, Format, ObjectDigest, Signature, SignatureValue, SignedObject,
    SignerIdentifier,
};
use crate::x509::Certificate;

/// A message and, where it is detached, its content.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    /// The message, DER, BER or PEM.
    pub message: &'a dyn ReadAt,
    /// The content, where it stands outside.
    pub detached: Option<&'a dyn ReadAt>,
}

/// What is known of the octets that a signature speaks of.
#[derive(Clone, Copy)]
pub(crate) enum ContentDigests<'a> {
    /// Their digests; a missing algorithm is one that is not computed here.
    Known(&'a [Digest]),
    /// They are not there.
    Missing,
}

/// Reads a message, hashes its content once, and gives one signature for each signer.
///
/// # Errors
/// The message cannot be read as CMS `SignedData`, or a source fails. What is wrong with a
/// single signer is a finding, not an error.
pub fn prepare(input: &Input<'_>) -> Result<Vec<Signature>, CadesError> {
    let armoured = unarmoured(input.message)?;
    let message: &dyn ReadAt = match &armoured {
        Some(der) => der,
        None => input.message,
    };
    let data = SignedData::read(message)?;
    let mut extra = Vec::new();
    if data.len < message.len() {
        extra.push(
            Finding::remark("cms.trailing-octets", "RFC 5652 3")
                .with("message", data.len)
                .with("file", message.len()),
        );
    }
    let mut wanted = wanted(&data);
    want_content_imprints(&data, &mut wanted);
    let digests = match (&data.content, input.detached) {
        (None, None) => None,
        (None, Some(content)) => Some(digests_of(content, &wanted)?),
        (Some(_), None) => Some(enclosed(&data, message, &wanted)?),
        (Some(_), Some(content)) => {
            let inside = enclosed(&data, message, &wanted)?;
            let outside = digests_of(content, &wanted)?;
            // Rule 10: one content only; what was shown to the user must be what was signed.
            extra.push(if inside == outside {
                Finding::remark("cms.content-twice", "rule 10")
            } else {
                Finding::failed(
                    "cms.content-differs",
                    "rule 10",
                    SubIndication::FormatFailure,
                )
                .with(
                    "enclosed",
                    inside.first().map(Digest::to_string).unwrap_or_default(),
                )
                .with(
                    "given",
                    outside.first().map(Digest::to_string).unwrap_or_default(),
                )
            });
            Some(inside)
        }
    };
    let content = match &digests {
        Some(digests) => ContentDigests::Known(digests),
        None => ContentDigests::Missing,
    };
    let mut shared = Shared::of(&data);
    shared.before = Before::read(&data, message, input.detached)?;
    extra.append(&mut shared.remarks);
    let several = data.signers.len() > 1;
    let signature = |(n, signer): (usize, &SignerInfo)| {
        let name = if several {
            format!("signer {}", n + 1)
        } else {
            "signer".to_owned()
        };
        let mut signature = of_signer(&data, signer, content, name, &mut shared);
        signature.format_findings.extend(extra.iter().cloned());
        signature
    };
    Ok(data.signers.iter().enumerate().map(signature).collect())
}

/// One signer as a [`Signature`]; `content` is what the caller hashed.
pub(crate) fn signature_of(
    data: &SignedData,
    signer: &SignerInfo,
    content: ContentDigests<'_>,
    name: String,
) -> Signature {
    let mut shared = Shared::of(data);
    let mut signature = of_signer(data, signer, content, name, &mut shared);
    signature.format_findings.append(&mut shared.remarks);
    signature
}

/// What the signers of one message share.
struct Shared {
    /// Of the message and of the attributes of all its signers.
    evidence: Arc<Evidence>,
    /// The same by digests, for references.
    known: Known,
    /// SHA-256 of what stands in the message itself.
    inside: Arc<HashSet<[u8; 32]>>,
    values: Vec<OfSigner>,
    before: Before,
    remarks: Vec<Finding>,
}

/// What the attributes of one signer carry.
#[derive(Clone, Default)]
struct OfSigner {
    /// By SHA-256.
    store: Arc<HashSet<[u8; 32]>>,
    /// Whether there is such an attribute at all.
    present: bool,
    findings: Vec<Finding>,
}

impl Shared {
    fn of(data: &SignedData) -> Self {
        let (mut evidence, remarks) = evidence(data);
        let certificates = evidence.certificates().iter().map(Certificate::sha256);
        let crls = evidence.crls().iter().map(Crl::sha256);
        let responses = evidence.ocsp().iter().map(BasicResponse::sha256);
        let inside = certificates.chain(crls).chain(responses).collect();
        let values = data.signers.iter().map(|signer| {
            let values = Values::of(signer);
            let (present, findings) = (values.are_present(), values.findings());
            OfSigner {
                store: Arc::new(values.add_to(&mut evidence)),
                present,
                findings,
            }
        });
        let values = values.collect();
        let evidence = Arc::new(evidence);
        Self {
            known: Known::new(Arc::clone(&evidence)),
            evidence,
            inside: Arc::new(inside),
            values,
            before: Before::default(),
            remarks,
        }
    }
}

/// The same, with the evidence that all signers of the message share.
fn of_signer(
    data: &SignedData,
    signer: &SignerInfo,
    content: ContentDigests<'_>,
    name: String,
    shared: &mut Shared,
) -> Signature {
    let mut findings = Vec::new();
    let own = |s: &SignerInfo| core::ptr::eq(s, signer);
    let place = data.signers.iter().position(own);
    let values = place.and_then(|n| shared.values.get(n)).cloned();
    let values = values.unwrap_or_default();
    findings.extend(values.findings);
    let named = References::of(signer);
    findings.extend(named.findings(values.present, &mut shared.known));
    let mut old = Old {
        references: named.digests,
        before: &mut shared.before,
        stores: [Arc::clone(&shared.inside), values.store],
    };
    if data.is_ber
        || signer
            .signed_attributes
            .as_ref()
            .is_some_and(|a| a.as_received.is_some())
    {
        findings.push(Finding::remark("cms.not-der", "rule 3; RFC 5652 5.4"));
    }
    versions(data, signer, &mut findings);
    let references = attributes(data, signer, &mut findings);
    algorithms(signer, &mut findings);
    let signed = message_digest(signer);
    let digest = match (signer.digest_algorithm, content) {
        (Err(oid), _) => ObjectDigest::Unknown(oid),
        (Ok(algorithm), ContentDigests::Known(digests)) => {
            let signed = signed.and_then(|s| Digest::new(algorithm, s));
            match (signed, digests.iter().find(|d| d.algorithm() == algorithm)) {
                (_, None) => ObjectDigest::Unknown(algorithm.oid()),
                (Some(signed), Some(computed)) if signed == *computed => {
                    ObjectDigest::Intact(signed)
                }
                (Some(signed), Some(computed)) => ObjectDigest::Broken {
                    signed,
                    computed: *computed,
                },
                (None, Some(_)) => ObjectDigest::Missing { signed: None },
            }
        }
        (Ok(algorithm), ContentDigests::Missing) => ObjectDigest::Missing {
            signed: signed.and_then(|s| Digest::new(algorithm, s)),
        },
    };
    let (signed_bytes, as_received) = match &signer.signed_attributes {
        Some(a) => (a.signed.clone(), a.as_received.clone()),
        None => (Vec::new(), None),
    };
    Signature {
        format: if references.is_empty() {
            Format::Cms
        } else {
            Format::Cades
        },
        name,
        claims: claims(signer, &mut findings),
        objects: vec![SignedObject {
            scope: "content".to_owned(),
            digest,
        }],
        signed_bytes,
        signed_bytes_as_received: as_received,
        value: SignatureValue {
            algorithm: signer.signature_algorithm,
            octets: signer.signature.clone(),
        },
        signing_certificate: references,
        signer_identifier: Some(match &signer.sid {
            cms::SignerIdentifier::IssuerAndSerial(issuer, serial) => {
                SignerIdentifier::IssuerAndSerial(issuer.clone(), serial.clone())
            }
            cms::SignerIdentifier::KeyIdentifier(id) => SignerIdentifier::KeyIdentifier(id.clone()),
        }),
        timestamps: timestamps(data, signer, content, &mut old),
        evidence: Arc::clone(&shared.evidence),
        coverage: match content {
            ContentDigests::Known(_) => Coverage::Whole,
            ContentDigests::Missing => Coverage::Unknown,
        },
        format_findings: findings,
    }
}

/// The digest algorithms of all signers, each once.
fn wanted(data: &SignedData) -> Vec<DigestAlgorithm> {
    let mut wanted = Vec::new();
    for algorithm in data.signers.iter().filter_map(|s| s.digest_algorithm.ok()) {
        if !wanted.contains(&algorithm) {
            wanted.push(algorithm);
        }
    }
    wanted
}

/// Certificates, CRLs and OCSP responses that can be read; others are remarked on, each kind once.
fn evidence(data: &SignedData) -> (Evidence, Vec<Finding>) {
    let mut evidence = Evidence::new();
    let mut remarks = Vec::new();
    let mut remark = |rule, clause, unreadable: &[DecodeError]| {
        if let Some(first) = unreadable.first() {
            remarks.push(
                Finding::remark(rule, clause)
                    .with("count", unreadable.len())
                    .with("reason", first.to_string()),
            );
        }
    };
    let mut unreadable = Vec::new();
    for der in &data.certificates {
        match Certificate::from_der(der) {
            Ok(certificate) => {
                evidence.add_certificate(certificate);
            }
            Err(e) => unreadable.push(e),
        }
    }
    remark("cms.certificate-unreadable", "RFC 5652 10.2.2", &unreadable);
    unreadable.clear();
    for der in &data.crls {
        match Crl::from_der(der) {
            Ok(crl) => {
                evidence.add_crl(crl);
            }
            Err(e) => unreadable.push(e),
        }
    }
    remark("cms.crl-unreadable", "RFC 5652 10.2.1", &unreadable);
    unreadable.clear();
    let mut others = data.other_certificates.len();
    for der in &data.other_revocation_info {
        match ocsp_response(der) {
            Ok(Some(response)) => {
                evidence.add_ocsp(response);
            }
            Ok(None) => others = others.saturating_add(1),
            Err(e) => unreadable.push(e),
        }
    }
    remark("cms.ocsp-unreadable", "RFC 5940 2.1", &unreadable);
    if others > 0 {
        remarks.push(Finding::remark("cms.other-choices", "RFC 5652 10.2").with("count", others));
    }
    (evidence, remarks)
}

/// What an `OtherRevocationInfoFormat` holds where that is an OCSP response; `None` where it is of
/// another format.
///
/// ```text
/// [1] IMPLICIT SEQUENCE { otherRevInfoFormat OBJECT IDENTIFIER, otherRevInfo ANY }
/// ```
///
/// # Source
/// RFC 5652 10.2.1; RFC 5940 2.1 (`OCSPResponse`). EU DSS also reads a `BasicOCSPResponse` under its own
/// type, as older CAdES software wrote it.
pub(super) fn ocsp_response(der: &[u8]) -> Result<Option<BasicResponse>, DecodeError> {
    let field = "otherRevocationInfo";
    decode(der, Rules::Der, |r| {
        let choice = r.any(field)?;
        if choice.tag != Tag::constructed(1) {
            return Ok(None);
        }
        choice.nested(field, |r| {
            let format = r.oid("otherRevInfoFormat")?;
            let value = r.any("otherRevInfo")?;
            if format == oid::OCSP_BASIC {
                return BasicResponse::from_der(value.raw).map(Some);
            }
            if format != oid::RI_OCSP_RESPONSE {
                return Ok(None);
            }
            match OcspResponse::from_der(value.raw)?.basic {
                Some(basic) => Ok(Some(basic)),
                None => Err(value.error(DecodeKind::Value("a responder's error is no answer"), "")),
            }
        })
    })
}

/// Rule 1, its first half. Versions tell a reader what to expect, no more: software that writes
/// another one than what is there asks for is read all the same.
fn versions(data: &SignedData, signer: &SignerInfo, findings: &mut Vec<Finding>) {
    for (object, found, expected) in [
        ("signedData", data.version, data.expected_version()),
        ("signerInfo", signer.version, signer.sid.version()),
    ] {
        if found != expected {
            findings.push(
                Finding::remark("cms.version", "rule 1; RFC 5652 5.1 and 5.3")
                    .of(object)
                    .with("expected", u64::from(expected))
                    .with("found", u64::from(found)),
            );
        }
    }
}

/// Rules 1, 2, 4, 5 and 7: which signed attributes there are, and how often.
fn attributes(data: &SignedData, signer: &SignerInfo, findings: &mut Vec<Finding>) -> Vec<CertRef> {
    let format = SubIndication::FormatFailure;
    let Some(signed) = &signer.signed_attributes else {
        findings.push(Finding::failed(
            "cms.signed-attributes.present",
            "rule 4",
            format,
        ));
        return Vec::new();
    };
    findings.push(Finding::passed("cms.signed-attributes.present", "rule 4"));
    for (n, attribute) in signed.attributes.iter().enumerate() {
        let repeated = signed
            .attributes
            .iter()
            .take(n)
            .any(|a| a.oid == attribute.oid)
            && !attribute.may_repeat();
        if !repeated && attribute.values.len() == 1 {
            continue;
        }
        let finding = if repeated || attribute.is_single_valued() {
            Finding::failed(
                "cms.signed-attributes.single",
                "rule 5; RFC 5652 5.3",
                format,
            )
        } else {
            Finding::remark("cms.signed-attributes.values", "EN 319 122-1 5.2.1")
        };
        findings.push(
            finding
                .with("attribute", attribute.oid.to_string())
                .with("values", attribute.values.len())
                .with("repeated", repeated),
        );
    }
    let one = |oid| signed.of(oid).next().and_then(cms::Attribute::single);
    let content_type =
        one(oid::CONTENT_TYPE).and_then(|v| decode(v, Rules::Ber, |r| r.oid("contentType")).ok());
    findings.push(match content_type {
        Some(found) if found == data.content_type => {
            Finding::passed("cms.content-type", "rule 1; RFC 5652 11.1")
        }
        found => Finding::failed("cms.content-type", "rule 1; RFC 5652 11.1", format)
            .with(
                "signed",
                found.map_or_else(|| "absent".to_owned(), |o| o.to_string()),
            )
            .with("eContentType", data.content_type.to_string()),
    });
    match (message_digest(signer), signer.digest_algorithm) {
        (None, _) => findings.push(Finding::failed(
            "cms.message-digest.present",
            "rule 2; RFC 5652 11.2",
            format,
        )),
        (Some(octets), Ok(algorithm)) if octets.len() != algorithm.output_len() => findings.push(
            Finding::failed(
                "cms.message-digest.length",
                "rule 2; RFC 5652 11.2",
                SubIndication::HashFailure,
            )
            .with("signed", octets.len())
            .with("algorithm", algorithm.to_string()),
        ),
        _ => {}
    }
    let mut references = Vec::new();
    let mut malformed = None;
    for (oid, v2) in [
        (oid::SIGNING_CERTIFICATE_V2, true),
        (oid::SIGNING_CERTIFICATE, false),
    ] {
        for value in signed.of(oid).filter_map(cms::Attribute::single) {
            match decode(value, Rules::Ber, |r| cert_refs(r, oid, v2)) {
                Ok(found) => references.extend(found),
                Err(e) => malformed = Some(e),
            }
        }
    }
    if let Some(e) = malformed {
        findings.push(
            Finding::failed(
                "cms.signing-certificate.form",
                "rule 7; RFC 5035 5.4",
                format,
            )
            .with("reason", e.to_string()),
        );
    } else if references.is_empty() {
        findings.push(Finding::indeterminate(
            "cms.signing-certificate.present",
            "rule 7; EN 319 122-1 5.2.2",
            SubIndication::SigConstraintsFailure,
        ));
    }
    references
}

/// `SigningCertificate` and `SigningCertificateV2` (RFC 5035 5.4.1, 3).
fn cert_refs(
    r: &mut Reader<'_>,
    attribute: ObjectIdentifier,
    v2: bool,
) -> Result<Vec<CertRef>, DecodeError> {
    r.sequence("signingCertificate", |r| {
        let certs = r.expect(Tag::SEQUENCE, "certs")?;
        let mut list = certs.reader("certs")?;
        let mut found = Vec::new();
        while !list.is_empty() {
            found.push(list.sequence("certID", |r| cert_ref(r, attribute, v2))?);
        }
        r.optional(Tag::SEQUENCE, "policies")?;
        Ok(found)
    })
}

fn cert_ref(
    r: &mut Reader<'_>,
    attribute: ObjectIdentifier,
    v2: bool,
) -> Result<CertRef, DecodeError> {
    let algorithm = match (v2, r.peek()) {
        (false, _) => Ok(DigestAlgorithm::Sha1),
        (true, Some(Tag::SEQUENCE)) => DigestAlgorithm::decode(r, "hashAlgorithm")?,
        (true, _) => Ok(DigestAlgorithm::Sha256),
    };
    let hash = r.expect(Tag::OCTET_STRING, "certHash")?;
    let octets = hash.octets("certHash")?;
    let digest = match algorithm {
        Err(oid) => Err(oid),
        Ok(a) => Ok(Digest::new(a, &octets).ok_or_else(|| {
            hash.error(
                DecodeKind::Value("length is not that of the digest"),
                "certHash",
            )
        })?),
    };
    let mut issuer_serial = None;
    if let Some(tlv) = r.optional(Tag::SEQUENCE, "issuerSerial")? {
        issuer_serial = tlv.nested("issuerSerial", |r| {
            let names = r.expect(Tag::SEQUENCE, "issuer")?;
            let mut list = names.reader("issuer")?;
            let mut directory = None;
            while !list.is_empty() {
                let name = list.any("issuer")?;
                if name.tag == Tag::constructed(4) {
                    directory = Some(name.value.to_vec());
                }
            }
            let serial = r.integer("serialNumber")?.to_vec();
            Ok(directory.map(|d| (d, serial)))
        })?;
    }
    Ok(CertRef {
        attribute,
        digest,
        issuer_serial,
    })
}

/// The octets of `message-digest`.
fn message_digest(signer: &SignerInfo) -> Option<&[u8]> {
    signer.signed_attributes.as_ref()?.message_digest()
}

/// Rule 6: one digest everywhere; and the binding of RFC 6211 where it is there.
fn algorithms(signer: &SignerInfo, findings: &mut Vec<Finding>) {
    const RULE: &str = "cms.digest-algorithm.agrees";
    const CLAUSE: &str = "rule 6; RFC 5652 5.3";
    let format = SubIndication::FormatFailure;
    let (Ok(digest), Ok(algorithm)) = (signer.digest_algorithm, signer.signature_algorithm) else {
        return;
    };
    // RFC 8419 3.1: Ed25519 goes with SHA-512; RFC 9882 3.3: ML-DSA with what is as strong.
    if algorithm.agrees_with(digest) {
        findings.push(Finding::passed(RULE, CLAUSE));
    } else {
        findings.push(
            Finding::failed(RULE, CLAUSE, format)
                .with("digestAlgorithm", digest.to_string())
                .with("signatureAlgorithm", algorithm.to_string()),
        );
    }
    let Some(signed) = &signer.signed_attributes else {
        return;
    };
    let Some(value) = signed.of(oid::CMS_ALGORITHM_PROTECTION).next() else {
        return;
    };
    // Octet for octet: another encoding of the same algorithm is another attribute (RFC 6211 3).
    let (digest_raw, signature_raw) = &signer.algorithms_raw;
    let agrees = value.single().is_some_and(|v| {
        decode(v, Rules::Ber, |r| {
            r.sequence("algorithmProtection", |r| {
                let digest = r.expect(Tag::SEQUENCE, "digestAlgorithm")?;
                let signature = r.optional(Tag::constructed(1), "signatureAlgorithm")?;
                r.optional(Tag::constructed(2), "macAlgorithm")?;
                let same = |a: &[u8], b: &[u8]| a.get(1..) == b.get(1..);
                Ok(digest.raw == digest_raw.as_slice()
                    && signature.is_some_and(|s| same(s.raw, signature_raw)))
            })
        })
        .unwrap_or(false)
    });
    if !agrees {
        findings.push(
            Finding::failed("cms.algorithm-protection", "RFC 6211 2", format)
                .with("digestAlgorithm", digest.to_string())
                .with("signatureAlgorithm", algorithm.to_string()),
        );
    }
}
