//! Material that stands in the attributes of a signer, and the references to it.
//!
//! ```text
//! CertificateValues ::= SEQUENCE OF Certificate
//! RevocationValues ::= SEQUENCE {
//!   crlVals      [0] SEQUENCE OF CertificateList OPTIONAL,
//!   ocspVals     [1] SEQUENCE OF BasicOCSPResponse OPTIONAL,
//!   otherRevVals [2] OtherRevVals OPTIONAL }
//! RevocationInfoArchival ::= SEQUENCE {   -- of Adobe, a signed attribute
//!   crl          [0] SEQUENCE OF CertificateList OPTIONAL,
//!   ocsp         [1] SEQUENCE OF OCSPResponse OPTIONAL,
//!   otherRevInfo [2] SEQUENCE OF OtherRevInfo OPTIONAL }
//! CompleteCertificateRefs ::= SEQUENCE OF OtherCertID
//! CompleteRevocationRefs ::= SEQUENCE OF CrlOcspRef
//! ```
//!
//! # Source
//! EN 319 122-1 A.1.1 and A.1.2 (attributes with explicit tags); ISO 32000-2 12.8.3.3.2; rule 61.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::cms::{Attribute, SignerInfo};
use crate::crl::Crl;
use crate::der::{DecodeError, DecodeKind, Reader, Rules, Tag, decode};
use crate::evidence::Evidence;
use crate::keys::{Digest, DigestAlgorithm, Hasher};
use crate::ocsp::{BasicResponse, OcspResponse};
use crate::oid;
use crate::report::Finding;
use crate::x509::Certificate;

/// References read of one attribute. A path has ten certificates and a list or response for each; the
/// references of a signature with attribute certificates are some dozens.
const MAX_REFERENCES: usize = 1_000;

/// What one signer's attributes carry.
#[derive(Default)]
pub(super) struct Values {
    certificates: Vec<Certificate>,
    crls: Vec<Crl>,
    ocsp: Vec<BasicResponse>,
    /// How many could not be read, and why the first could not.
    unreadable: usize,
    first: Option<DecodeError>,
    /// Material of other kinds.
    others: usize,
    /// Whether there was any such attribute.
    present: bool,
}

/// The digests by which a signer's attributes name certificates and revocation data.
#[derive(Default)]
pub(super) struct References {
    /// Those by algorithms that are computed here.
    pub(super) digests: Vec<Digest>,
    /// Those by others, or responses named without a digest.
    unknown: usize,
    unreadable: Option<DecodeError>,
}

impl Values {
    /// Reads certificate-values and revocation-values, and Adobe's attribute where it is signed:
    /// unsigned it has no meaning, though nothing that is read here is believed for its place.
    pub(super) fn of(signer: &SignerInfo) -> Self {
        let mut this = Self::default();
        for attribute in &signer.unsigned_attributes {
            for value in &attribute.values {
                match attribute.oid {
                    oid::CERTIFICATE_VALUES => this.certificate_values(value),
                    oid::REVOCATION_VALUES => this.revocation_values(value),
                    _ => {}
                }
            }
        }
        let signed = signer.signed_attributes.iter();
        let signed = signed.flat_map(|a| a.of(oid::ADBE_REVOCATION));
        for value in signed.flat_map(|a| &a.values) {
            this.revocation_values(value);
        }
        this
    }

    fn refuse(&mut self, error: DecodeError) {
        self.unreadable = self.unreadable.saturating_add(1);
        self.first.get_or_insert(error);
    }

    fn certificate_values(&mut self, value: &[u8]) {
        self.present = true;
        let read = decode(value, Rules::Ber, |r| {
            r.sequence("certificateValues", |r| {
                while !r.is_empty() {
                    let tlv = r.any("certificateValues")?;
                    match Certificate::from_der(tlv.raw) {
                        Ok(certificate) => self.certificates.push(certificate),
                        Err(e) => self.refuse(e),
                    }
                }
                Ok(())
            })
        });
        // What was read before the fault is kept: each piece stands for itself.
        if let Err(e) = read {
            self.refuse(e);
        }
    }

    fn revocation_values(&mut self, value: &[u8]) {
        self.present = true;
        let read = decode(value, Rules::Ber, |r| {
            r.sequence("revocationValues", |r| {
                if let Some(lists) = r.optional(Tag::constructed(0), "crlVals")? {
                    lists.nested("crlVals", |r| {
                        r.sequence("crlVals", |r| {
                            while !r.is_empty() {
                                match Crl::from_der(r.any("crlVals")?.raw) {
                                    Ok(crl) => self.crls.push(crl),
                                    Err(e) => self.refuse(e),
                                }
                            }
                            Ok(())
                        })
                    })?;
                }
                if let Some(responses) = r.optional(Tag::constructed(1), "ocspVals")? {
                    responses.nested("ocspVals", |r| {
                        r.sequence("ocspVals", |r| {
                            while !r.is_empty() {
                                match response(r.any("ocspVals")?.raw) {
                                    Ok(response) => self.ocsp.push(response),
                                    Err(e) => self.refuse(e),
                                }
                            }
                            Ok(())
                        })
                    })?;
                }
                if r.optional(Tag::constructed(2), "otherRevVals")?.is_some() {
                    self.others = self.others.saturating_add(1);
                }
                Ok(())
            })
        });
        if let Err(e) = read {
            self.refuse(e);
        }
    }

    /// Adds what was read to `evidence`, and says what it is by SHA-256.
    pub(super) fn add_to(self, evidence: &mut Evidence) -> HashSet<[u8; 32]> {
        let mut digests = HashSet::new();
        for certificate in self.certificates {
            digests.insert(certificate.sha256());
            evidence.add_certificate(certificate);
        }
        for crl in self.crls {
            digests.insert(crl.sha256());
            evidence.add_crl(crl);
        }
        for response in self.ocsp {
            digests.insert(response.sha256());
            evidence.add_ocsp(response);
        }
        digests
    }

    /// What could not be made use of.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        if let Some(first) = &self.first {
            findings.push(
                Finding::remark(
                    "cades.values-unreadable",
                    "EN 319 122-1 A.1.1.2 and A.1.2.2",
                )
                .with("count", self.unreadable)
                .with("reason", first.to_string()),
            );
        }
        if self.others > 0 {
            findings.push(
                Finding::remark("cms.other-choices", "EN 319 122-1 A.1.2.2")
                    .with("count", self.others),
            );
        }
        findings
    }

    pub(super) fn are_present(&self) -> bool {
        self.present
    }
}

/// A response: `BasicOCSPResponse` in ETSI's attribute, `OCSPResponse` in Adobe's. Some software writes
/// the other one in each; the first element tells them apart, a status being no SEQUENCE.
fn response(der: &[u8]) -> Result<BasicResponse, DecodeError> {
    let outer = Reader::new(der, Rules::Ber).any("ocspVals")?;
    if outer.value.first() == Some(&Tag::SEQUENCE.0) {
        return BasicResponse::from_der(der);
    }
    let basic = OcspResponse::from_der(der)?.basic;
    let refusal = DecodeKind::Value("a responder's error is no answer");
    basic.ok_or_else(|| outer.error(refusal, "ocspVals"))
}

impl References {
    /// Reads complete-certificate-references and complete-revocation-references.
    pub(super) fn of(signer: &SignerInfo) -> Self {
        let mut this = Self::default();
        let all = signer.unsigned_attributes.iter();
        let values = all.flat_map(|a: &Attribute| a.values.iter().map(|v| (a.oid, v)));
        for (attribute, value) in values {
            let read = match attribute {
                oid::CERTIFICATE_REFS => decode(value, Rules::Ber, |r| this.certificates(r)),
                oid::REVOCATION_REFS => decode(value, Rules::Ber, |r| this.revocation(r)),
                _ => continue,
            };
            if let Err(e) = read {
                this.unreadable.get_or_insert(e);
            }
        }
        this
    }

    fn certificates(&mut self, r: &mut Reader<'_>) -> Result<(), DecodeError> {
        r.sequence("completeCertificateRefs", |r| {
            while !r.is_empty() {
                r.sequence("otherCertID", |r| {
                    self.other_hash(r, "otherCertHash")?;
                    r.optional(Tag::SEQUENCE, "issuerSerial").map(|_| ())
                })?;
            }
            Ok(())
        })
    }

    fn revocation(&mut self, r: &mut Reader<'_>) -> Result<(), DecodeError> {
        r.sequence("completeRevocationRefs", |r| {
            while !r.is_empty() {
                r.sequence("crlOcspRef", |r| {
                    if let Some(ids) = r.optional(Tag::constructed(0), "crlids")? {
                        ids.nested("crlids", |r| {
                            list(r, "crls", |r| {
                                self.other_hash(r, "crlHash")?;
                                r.optional(Tag::SEQUENCE, "crlIdentifier").map(|_| ())
                            })
                        })?;
                    }
                    if let Some(ids) = r.optional(Tag::constructed(1), "ocspids")? {
                        ids.nested("ocspids", |r| {
                            list(r, "ocspResponses", |r| {
                                r.expect(Tag::SEQUENCE, "ocspIdentifier")?;
                                if r.is_empty() {
                                    // Named by responder and time alone: nothing is bound by that.
                                    self.unknown = self.unknown.saturating_add(1);
                                    return Ok(());
                                }
                                self.other_hash(r, "ocspRefHash")
                            })
                        })?;
                    }
                    if r.optional(Tag::constructed(2), "otherRev")?.is_some() {
                        self.unknown = self.unknown.saturating_add(1);
                    }
                    Ok(())
                })?;
            }
            Ok(())
        })
    }

    /// `OtherHash ::= CHOICE { sha1Hash OCTET STRING, otherHash SEQUENCE { algorithm, value } }`
    fn other_hash(&mut self, r: &mut Reader<'_>, field: &str) -> Result<(), DecodeError> {
        if self.digests.len().saturating_add(self.unknown) >= MAX_REFERENCES {
            return Err(r.error(DecodeKind::Limit("more than 1000 references"), field));
        }
        let (algorithm, octets) = if r.peek() == Some(Tag::OCTET_STRING) {
            let octets = r.expect(Tag::OCTET_STRING, field)?.value;
            (Ok(DigestAlgorithm::Sha1), octets)
        } else {
            r.sequence(field, |r| {
                let algorithm = DigestAlgorithm::decode(r, "hashAlgorithm")?;
                Ok((algorithm, r.expect(Tag::OCTET_STRING, "hashValue")?.value))
            })?
        };
        let Ok(algorithm) = algorithm else {
            self.unknown = self.unknown.saturating_add(1);
            return Ok(());
        };
        let digest = Digest::new(algorithm, octets);
        let wrong = DecodeKind::Value("digest of another length than its algorithm's");
        let digest = digest.ok_or_else(|| r.error(wrong, field))?;
        self.digests.push(digest);
        Ok(())
    }

    /// Holds the references against what is there. Where the message says that it carries the values
    /// (`complete`), each reference has to be among them.
    pub(super) fn findings(&self, complete: bool, known: &mut Known) -> Vec<Finding> {
        let mut findings = Vec::new();
        if let Some(e) = &self.unreadable {
            findings.push(
                Finding::remark(
                    "cades.references-unreadable",
                    "EN 319 122-1 A.1.1.1 and A.1.2.1",
                )
                .with("reason", e.to_string()),
            );
        }
        let missing = self.digests.iter().filter(|d| !known.has(d));
        let missing: Vec<String> = missing.take(10).map(Digest::to_string).collect();
        if complete && !missing.is_empty() {
            findings.push(
                Finding::remark(
                    "cades.references-without",
                    "EN 319 122-1 A.1.1.2 and A.1.2.2",
                )
                .with("references", self.digests.len())
                .with("missing", missing),
            );
        }
        findings
    }
}

/// `SEQUENCE { field SEQUENCE OF SEQUENCE {...} }`
fn list<'a>(
    r: &mut Reader<'a>,
    field: &str,
    mut each: impl FnMut(&mut Reader<'a>) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    r.sequence(field, |r| {
        r.sequence(field, |r| {
            while !r.is_empty() {
                r.sequence(field, &mut each)?;
            }
            Ok(())
        })
    })
}

/// The digests of a message's material, made once for each algorithm that a reference asks for.
pub(super) struct Known {
    evidence: Arc<Evidence>,
    digests: HashMap<DigestAlgorithm, HashSet<Vec<u8>>>,
}

impl Known {
    pub(super) fn new(evidence: Arc<Evidence>) -> Self {
        Self {
            evidence,
            digests: HashMap::new(),
        }
    }

    fn has(&mut self, wanted: &Digest) -> bool {
        let algorithm = wanted.algorithm();
        let digests = self.digests.entry(algorithm).or_insert_with(|| {
            let evidence = &self.evidence;
            let certificates = evidence.certificates().iter().map(Certificate::der);
            let crls = evidence.crls().iter().map(Crl::der);
            let responses = evidence.ocsp().iter().map(BasicResponse::der);
            let all = certificates.chain(crls).chain(responses);
            let digest = |der: &[u8]| Hasher::digest(algorithm, der).as_bytes().to_vec();
            all.map(digest).collect()
        });
        digests.contains(wanted.as_bytes())
    }
}
