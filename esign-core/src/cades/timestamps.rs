//! The time-stamps of one signer, each with the digest of what it ought to stamp.

use super::ContentDigests;
use crate::cms::{Attribute, SignedData, SignerInfo};
use crate::keys::{Digest, DigestAlgorithm, Hasher};
use crate::oid::{self, ObjectIdentifier};
use crate::tsp::TimeStampToken;
use crate::validation::{Covered, NoImprint, Timestamp, TimestampKind};

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
                token: value.as_slice().into(),
                kind,
                place: attribute.oid.to_string(),
                imprint: algorithm_of(value).and_then(|a| imprints.of(kind, a)),
                covers: Vec::new(),
                findings: Vec::new(),
            });
        }
    }
    let stamps = |(i, t): (usize, &Timestamp)| {
        (t.kind == TimestampKind::Signature).then_some(Covered::Timestamp(i))
    };
    let stamps: Vec<Covered> = found.iter().enumerate().filter_map(stamps).collect();
    for timestamp in &mut found {
        timestamp.covers = match timestamp.kind {
            TimestampKind::Content => vec![Covered::Objects],
            TimestampKind::Signature => vec![Covered::SignatureValue],
            TimestampKind::References => core::iter::once(Covered::SignatureValue)
                .chain(stamps.clone())
                .collect(),
            _ => Vec::new(),
        };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cms::{SignedAttributes, SignerIdentifier};
    use crate::der::{Tag, Writer};
    use crate::report::{Finding, SubIndication};
    use crate::tsp::tests::token;

    const VALUE: &[u8] = b"the signature value";
    const CONTENT: &[u8] = b"the content";
    const SHA256: DigestAlgorithm = DigestAlgorithm::Sha256;
    const SHA512: DigestAlgorithm = DigestAlgorithm::Sha512;

    fn attribute(oid: ObjectIdentifier, values: &[Vec<u8>]) -> Attribute {
        let mut w = Writer::new();
        w.oid(oid);
        w.nested(Tag::SET, |w| values.iter().for_each(|v| w.raw(v)));
        Attribute {
            oid,
            values: values.to_vec(),
            octets: w.finish(),
        }
    }

    fn signer(signed: Vec<Attribute>, unsigned: Vec<Attribute>) -> SignerInfo {
        SignerInfo {
            version: 1,
            sid: SignerIdentifier::KeyIdentifier(Vec::new()),
            digest_algorithm: Ok(SHA256),
            algorithms_raw: (Vec::new(), Vec::new()),
            signed_attributes: Some(SignedAttributes {
                attributes: signed,
                signed: Vec::new(),
                as_received: None,
            }),
            signature_algorithm: Err(oid::DATA),
            signature: VALUE.to_vec(),
            unsigned_attributes: unsigned,
            raw: Vec::new(),
        }
    }

    fn why(timestamp: &Timestamp) -> Option<(&'static str, Option<SubIndication>)> {
        let judged = timestamp.verify(&[]);
        let why = Finding::decisive(&judged.report).map(|f| (f.rule, f.sub_indication));
        assert_eq!(judged.value.is_some(), why.is_none());
        why
    }

    /// Rules 16 to 20: each kind over its own octets, by the algorithm of its own token.
    #[test]
    fn each_kind_is_over_its_octets() {
        let certs = attribute(oid::CERTIFICATE_REFS, &[vec![0x30, 0]]);
        let revocation = attribute(oid::REVOCATION_REFS, &[vec![0x30, 2, 5, 0]]);
        let first = token(SHA256, VALUE);
        let second = token(SHA512, VALUE);
        let stamps = attribute(oid::SIGNATURE_TIME_STAMP, &[first, second]);
        let references = [certs.octets.as_slice(), &revocation.octets].concat();
        let all = [VALUE, &stamps.octets, &references].concat();
        let esc = attribute(oid::ESC_TIME_STAMP, &[token(SHA256, &all)]);
        let refs = attribute(oid::CERT_CRL_TIME_STAMP, &[token(SHA256, &references)]);
        let content = attribute(oid::CONTENT_TIME_STAMP, &[token(SHA512, CONTENT)]);
        // The order of the file is not the order in which they were made.
        let signer = signer(vec![content], vec![esc, revocation, refs, certs, stamps]);
        let digests = [SHA256, SHA512].map(|a| Hasher::digest(a, CONTENT));
        let found = timestamps(&signer, ContentDigests::Known(&digests));
        let kinds: Vec<_> = found.iter().map(|t| t.kind).collect();
        assert_eq!(
            kinds,
            [
                TimestampKind::Content,
                TimestampKind::References,
                TimestampKind::CertificateReferences,
                TimestampKind::Signature,
                TimestampKind::Signature
            ]
        );
        for timestamp in &found {
            assert_eq!(why(timestamp), None, "{:?}", timestamp.kind);
        }
        assert_eq!(found[0].covers, [Covered::Objects]);
        let stamped = [
            Covered::SignatureValue,
            Covered::Timestamp(3),
            Covered::Timestamp(4),
        ];
        assert_eq!(found[1].covers, stamped);
    }

    /// Rule 25, and one octet less or more under each kind.
    #[test]
    fn a_copied_token_fails_by_its_imprint_alone() {
        for (oid, octets) in [
            (oid::SIGNATURE_TIME_STAMP, &b"another value"[..]),
            (oid::ESC_TIME_STAMP, b"the signature valu"),
            (oid::CERT_CRL_TIME_STAMP, VALUE),
        ] {
            let signer = signer(Vec::new(), vec![attribute(oid, &[token(SHA256, octets)])]);
            let found = timestamps(&signer, ContentDigests::Missing);
            let expected = ("tsp.message-imprint", Some(SubIndication::HashFailure));
            assert_eq!(why(&found[0]), Some(expected), "{oid}");
            let failed = found[0].verify(&[]).report;
            let passed = |f: &&Finding| f.outcome != crate::report::Indication::Passed;
            assert_eq!(failed.iter().filter(passed).count(), 1, "{oid}");
        }
    }

    #[test]
    fn what_is_not_there_is_said() {
        let stamp = token(SHA512, CONTENT);
        let signer_of = |value: Vec<u8>| {
            let stamp = attribute(oid::CONTENT_TIME_STAMP, &[value]);
            signer(vec![stamp], Vec::new())
        };
        let other = [Hasher::digest(SHA256, CONTENT)];
        for content in [ContentDigests::Missing, ContentDigests::Known(&other)] {
            let found = timestamps(&signer_of(stamp.clone()), content);
            assert_eq!(found[0].imprint, Err(NoImprint::Missing));
            let expected = (
                "tsp.message-imprint",
                Some(SubIndication::SignedDataNotFound),
            );
            assert_eq!(why(&found[0]), Some(expected));
        }
        let found = timestamps(&signer_of(vec![0x30, 0]), ContentDigests::Known(&other));
        assert!(matches!(found[0].imprint, Err(NoImprint::Unreadable(_))));
        let expected = ("tsp.message-imprint", Some(SubIndication::FormatFailure));
        assert_eq!(why(&found[0]), Some(expected));
    }

    /// A thousand tokens over 4 MiB of references cost one pass for each algorithm, not a thousand.
    #[test]
    fn repeated_tokens_cost_one_imprint() {
        let references = vec![vec![5; 4 << 20]];
        let signer = signer(
            Vec::new(),
            vec![attribute(oid::CERTIFICATE_REFS, &references)],
        );
        let mut imprints = Imprints {
            signer: &signer,
            content: ContentDigests::Missing,
            known: Vec::new(),
        };
        for algorithm in [SHA256, SHA512].repeat(500) {
            let imprint = imprints.of(TimestampKind::References, algorithm);
            assert_eq!(imprint.unwrap().algorithm(), algorithm);
        }
        assert_eq!(imprints.known.len(), 2);
    }

    /// A signature cannot be stamped before it is there, nor is the signer's word on the content
    /// what stands outside of his signature.
    #[test]
    fn a_kind_is_read_in_its_place_only() {
        let stamp = |oid| attribute(oid, &[token(SHA256, VALUE)]);
        let signer = signer(
            vec![stamp(oid::SIGNATURE_TIME_STAMP), stamp(oid::ESC_TIME_STAMP)],
            vec![stamp(oid::CONTENT_TIME_STAMP)],
        );
        assert!(timestamps(&signer, ContentDigests::Missing).is_empty());
    }
}
