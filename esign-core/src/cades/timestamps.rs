//! The time-stamps of one signer, each with the digest of what it ought to stamp.

use super::ContentDigests;
use crate::cms::{Attribute, SignedData, SignerInfo};
use crate::keys::{Digest, DigestAlgorithm, Hasher};
use crate::oid::{self, ObjectIdentifier};
use crate::tsp::TimeStampToken;
use crate::validation::{NoImprint, Timestamp, TimestampKind};

/// The time-stamps of a signer, the signed ones first, in the order of the file. Every value of an
/// attribute is one, and is judged for itself (rule 20).
///
/// A kind is read only where its attribute belongs: a content-time-stamp is signed, all others are not.
pub(super) fn timestamps(signer: &SignerInfo, content: ContentDigests<'_>) -> Vec<Timestamp> {
    let mut imprints = Imprints {
        signer,
        content,
        known: Vec::new(),
    };
    let signed = signer.signed_attributes.iter().flat_map(|a| &a.attributes);
    let signed = signed.filter(|a| kind(a.oid) == Some(TimestampKind::Content));
    let unsigned = signer.unsigned_attributes.iter();
    let unsigned = unsigned.filter(|a| kind(a.oid).is_some_and(|k| k != TimestampKind::Content));
    let mut found = Vec::new();
    for attribute in signed.chain(unsigned) {
        let Some(kind) = kind(attribute.oid) else {
            continue;
        };
        for value in &attribute.values {
            found.push(Timestamp {
                token: value.clone(),
                kind,
                attribute: attribute.oid,
                imprint: algorithm_of(value).and_then(|a| imprints.of(kind, a)),
            });
        }
    }
    found
}

/// Adds to `wanted` the digest algorithms of the content-time-stamps, so that they are computed in
/// the one pass over the content.
pub(super) fn want_content_imprints(data: &SignedData, wanted: &mut Vec<DigestAlgorithm>) {
    let signed = data
        .signers
        .iter()
        .filter_map(|s| s.signed_attributes.as_ref());
    let tokens = signed
        .flat_map(|a| a.of(oid::CONTENT_TIME_STAMP))
        .flat_map(|a| &a.values);
    for algorithm in tokens.filter_map(|t| algorithm_of(t).ok()) {
        if !wanted.contains(&algorithm) {
            wanted.push(algorithm);
        }
    }
}

fn kind(attribute: ObjectIdentifier) -> Option<TimestampKind> {
    Some(match attribute {
        oid::CONTENT_TIME_STAMP => TimestampKind::Content,
        oid::SIGNATURE_TIME_STAMP => TimestampKind::Signature,
        oid::ESC_TIME_STAMP => TimestampKind::References,
        oid::CERT_CRL_TIME_STAMP => TimestampKind::CertificateReferences,
        _ => return None,
    })
}

fn algorithm_of(token: &[u8]) -> Result<DigestAlgorithm, NoImprint> {
    let token =
        TimeStampToken::from_der(token).map_err(|e| NoImprint::Unreadable(e.to_string()))?;
    let imprint = &token.tst_info().message_imprint;
    imprint.algorithm().map_err(NoImprint::Algorithm)
}

/// Imprints, each computed once: an attacker may repeat a small token over much that is stamped.
struct Imprints<'a> {
    signer: &'a SignerInfo,
    content: ContentDigests<'a>,
    known: Vec<(TimestampKind, Digest)>,
}

impl Imprints<'_> {
    fn of(&mut self, kind: TimestampKind, algorithm: DigestAlgorithm) -> Result<Digest, NoImprint> {
        if kind == TimestampKind::Content {
            // Over the content as it is hashed for message-digest: without tag and length.
            let ContentDigests::Known(digests) = self.content else {
                return Err(NoImprint::Missing);
            };
            let digest = digests.iter().find(|d| d.algorithm() == algorithm);
            return digest.copied().ok_or(NoImprint::Missing);
        }
        let known = self
            .known
            .iter()
            .find(|(k, d)| *k == kind && d.algorithm() == algorithm);
        if let Some((_, digest)) = known {
            return Ok(*digest);
        }
        let mut hasher = Hasher::new(algorithm);
        if kind != TimestampKind::CertificateReferences {
            // The octets of `signature` without tag and length.
            hasher.update(&self.signer.signature);
        }
        if kind == TimestampKind::References {
            self.attributes(oid::SIGNATURE_TIME_STAMP, &mut hasher);
        }
        if kind != TimestampKind::Signature {
            self.attributes(oid::CERTIFICATE_REFS, &mut hasher);
            self.attributes(oid::REVOCATION_REFS, &mut hasher);
        }
        let digest = hasher.finish();
        self.known.push((kind, digest));
        Ok(digest)
    }

    /// attrType and attrValues as received, without the SEQUENCE around them: "without the type or
    /// length encoding" of what is stamped (RFC 5126 6.3.5 and 6.3.6).
    fn attributes(&self, oid: ObjectIdentifier, hasher: &mut Hasher) {
        let all: &[Attribute] = &self.signer.unsigned_attributes;
        for attribute in all.iter().filter(|a| a.oid == oid) {
            hasher.update(&attribute.octets);
        }
    }
}
