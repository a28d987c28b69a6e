//! The time-stamps of one signer, each with the digest of what it ought to stamp.

use std::collections::HashSet;
use std::sync::Arc;

use super::ContentDigests;
use super::archive_v2::{self, Before, Form};
use super::ats::{Index, Named};
use super::prepare::ocsp_response;
use crate::cms::{Attribute, SignedData, SignerInfo};
use crate::keys::{Digest, DigestAlgorithm, Hasher};
use crate::oid::{self, ObjectIdentifier};
use crate::report::{Finding, SubIndication};
use crate::tsp::{GenTime, TimeStampToken};
use crate::validation::{Covered, NoImprint, Timestamp, TimestampKind};

/// The time-stamps of a signer, the signed ones first, in the order of the file. Every value of an
/// attribute is one, and is judged for itself (rule 20).
///
/// A kind is read only where its attribute belongs: a content-time-stamp is signed, all others are not.
pub(super) fn timestamps(
    data: &SignedData,
    signer: &SignerInfo,
    content: ContentDigests<'_>,
    old: &mut Old<'_>,
) -> Vec<Timestamp> {
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
    // Which attribute and value each is, to be found again by what an index names.
    let mut places = Vec::new();
    for attribute in signed.chain(unsigned) {
        let Some(kind) = kind(attribute.oid) else {
            continue;
        };
        let own = |a: &Attribute| core::ptr::eq(a, attribute);
        let n = signer.unsigned_attributes.iter().position(own);
        for (v, value) in attribute.values.iter().enumerate() {
            places.push(n.map(|n| (n, v)));
            let imprint = match kind {
                // With its index, below.
                TimestampKind::ArchiveV3 | TimestampKind::ArchiveV2 => Err(NoImprint::Missing),
                _ => algorithm_of(value).and_then(|a| imprints.of(kind, a)),
            };
            found.push(Timestamp {
                token: value.as_slice().into(),
                kind,
                place: attribute.oid.to_string(),
                imprint,
                covers: Vec::new(),
                findings: Vec::new(),
            });
        }
    }
    let stamps = |(i, t): (usize, &Timestamp)| {
        (t.kind == TimestampKind::Signature).then_some(Covered::Timestamp(i))
    };
    let stamps: Vec<Covered> = found.iter().enumerate().filter_map(stamps).collect();
    let named = old.references.iter().copied().map(Covered::Evidence);
    let named: Vec<Covered> = named.collect();
    let times = archive_v2::times(signer);
    let kinds: Vec<TimestampKind> = found.iter().map(|t| t.kind).collect();
    for (place, timestamp) in found.iter_mut().enumerate() {
        timestamp.covers = match timestamp.kind {
            TimestampKind::Content => vec![Covered::Objects],
            TimestampKind::Signature => vec![Covered::SignatureValue],
            TimestampKind::References => core::iter::once(Covered::SignatureValue)
                .chain(stamps.clone())
                .chain(named.clone())
                .collect(),
            TimestampKind::CertificateReferences => named.clone(),
            _ => Vec::new(),
        };
        if timestamp.kind == TimestampKind::ArchiveV2
            && let Some((attribute, _)) = places.get(place).copied().flatten()
        {
            old.read(signer, &times, attribute, timestamp);
            // All that it is over, by the attributes that were there; what is signed always was.
            let there = |n: usize| archive_v2::was_there(signer, &times, attribute, n);
            let covered = places.iter().zip(&kinds).enumerate();
            let covered = covered.filter(|(_, (at, kind))| match at {
                Some((n, _)) => there(*n),
                None => **kind == TimestampKind::Content,
            });
            timestamp
                .covers
                .extend(covered.map(|(n, _)| Covered::Timestamp(n)));
        }
        if timestamp.kind == TimestampKind::ArchiveV3 {
            let archive = Archive {
                data,
                signer,
                content,
                places: &places,
            };
            if let Err(none) = archive.read(timestamp) {
                timestamp.imprint = Err(none);
            }
        }
    }
    found
}

/// What time-stamps of the older forms are held against, and what they cover.
pub(super) struct Old<'a> {
    /// By which references name certificates and revocation data.
    pub(super) references: Vec<Digest>,
    /// What precedes the signer's part.
    pub(super) before: &'a mut Before,
    /// What stands in the message, and in this signer's attributes.
    pub(super) stores: [Arc<HashSet<[u8; 32]>>; 2],
}

impl Old<'_> {
    /// Computes what an archive-time-stamp without an index is over (rule 22).
    fn read(
        &mut self,
        signer: &SignerInfo,
        times: &[Option<GenTime>],
        place: usize,
        timestamp: &mut Timestamp,
    ) {
        let token = match TimeStampToken::from_der(&timestamp.token) {
            Ok(token) => token,
            Err(e) => {
                timestamp.imprint = Err(NoImprint::Unreadable(e.to_string()));
                return;
            }
        };
        let stamped = &token.tst_info().message_imprint;
        let (digest, form) = match self.before.imprint(signer, times, place, stamped) {
            Ok(found) => found,
            Err(none) => {
                timestamp.imprint = Err(none);
                return;
            }
        };
        timestamp.imprint = Ok(digest);
        if form != Form::Element {
            timestamp.findings.push(
                Finding::remark("cades.archive-time-stamp.form", "rule 22; TS 101 733 6.4.1")
                    .with("form", form.name()),
            );
        }
        timestamp.covers = vec![Covered::Objects, Covered::SignatureValue];
        // RFC 3126 leaves out the certificates and lists of the message.
        let stores = self.stores.iter().skip(usize::from(form == Form::First));
        let stores = stores.filter(|s| !s.is_empty());
        timestamp
            .covers
            .extend(stores.map(|s| Covered::Store(Arc::clone(s))));
    }
}

/// What an archive-time-stamp-v3 is held against.
struct Archive<'a> {
    data: &'a SignedData,
    signer: &'a SignerInfo,
    content: ContentDigests<'a>,
    /// Of each time-stamp: its unsigned attribute and value.
    places: &'a [Option<(usize, usize)>],
}

impl Archive<'_> {
    /// Computes the imprint with the index in the token, and says what the index covers (rule 21).
    fn read(&self, timestamp: &mut Timestamp) -> Result<(), NoImprint> {
        const RULE: &str = "cades.ats-hash-index";
        const CLAUSE: &str = "rule 21; EN 319 122-1 5.5.2";
        let unreadable = |e: &dyn core::fmt::Display| NoImprint::Unreadable(e.to_string());
        let token = TimeStampToken::from_der(&timestamp.token).map_err(|e| unreadable(&e))?;
        let stamped = &token.tst_info().message_imprint;
        let stamped = stamped.algorithm().map_err(NoImprint::Algorithm)?;
        let index = Index::of(&token).map_err(|e| unreadable(&e))?;
        let Some(index) = index else {
            return Err(NoImprint::Unreadable(
                "the token has no ats-hash-index".to_owned(),
            ));
        };
        let algorithm = index.algorithm.map_err(NoImprint::Algorithm)?;
        let format = SubIndication::FormatFailure;
        if algorithm != stamped {
            let finding = Finding::failed("cades.ats-hash-index.algorithm", CLAUSE, format);
            timestamp.findings.push(
                finding
                    .with("expected", stamped.to_string())
                    .with("found", algorithm.to_string()),
            );
        }
        let compared = index.compare(algorithm, self.data, self.signer);
        if compared.without > 0 {
            // What was there when it was stamped is not there any more.
            let hash = SubIndication::HashFailure;
            let finding = Finding::failed(RULE, CLAUSE, hash);
            timestamp
                .findings
                .push(finding.with("missing", compared.without));
        }
        timestamp.covers = vec![Covered::Objects, Covered::SignatureValue];
        let mut inside = HashSet::new();
        for named in compared.named {
            let digest = |der: &[u8]| Hasher::digest(DigestAlgorithm::Sha256, der);
            let der = match named {
                Named::Certificate(n) => self.data.certificates.get(n).map(|c| digest(c)),
                Named::Crl(n) => self.data.crls.get(n).map(|c| digest(c)),
                Named::Other(n) => {
                    let other = self.data.other_revocation_info.get(n);
                    let response = other.and_then(|o| ocsp_response(o).ok().flatten());
                    response
                        .map(|r| r.sha256())
                        .and_then(|d| Digest::new(DigestAlgorithm::Sha256, &d))
                }
                Named::Value(attribute, value) => {
                    let own = self.places.iter();
                    let place = own.clone().position(|p| *p == Some((attribute, value)));
                    timestamp.covers.extend(place.map(Covered::Timestamp));
                    None
                }
            };
            let octets = der.and_then(|d| <[u8; 32]>::try_from(d.as_bytes()).ok());
            inside.extend(octets);
        }
        timestamp.covers.push(Covered::Store(Arc::new(inside)));
        let ContentDigests::Known(digests) = self.content else {
            return Err(NoImprint::Missing);
        };
        let content = digests.iter().find(|d| d.algorithm() == stamped);
        let content = content.ok_or(NoImprint::Missing)?;
        let imprint = index.imprint(self.data, self.signer, content);
        timestamp.imprint = Ok(imprint.map_err(|e| unreadable(&e))?);
        Ok(())
    }
}

/// Adds to `wanted` the digest algorithms of the time-stamps that have the content in what they are
/// over, so that they are computed in the one pass over the content.
pub(super) fn want_content_imprints(data: &SignedData, wanted: &mut Vec<DigestAlgorithm>) {
    let signed = data
        .signers
        .iter()
        .filter_map(|s| s.signed_attributes.as_ref())
        .flat_map(|a| a.of(oid::CONTENT_TIME_STAMP));
    let unsigned = data.signers.iter().flat_map(|s| &s.unsigned_attributes);
    let unsigned = unsigned.filter(|a| a.oid == oid::ARCHIVE_TIME_STAMP_V3);
    let tokens = signed.chain(unsigned).flat_map(|a| &a.values);
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
        oid::ARCHIVE_TIME_STAMP | oid::ARCHIVE_TIME_STAMP_V2 => TimestampKind::ArchiveV2,
        oid::ARCHIVE_TIME_STAMP_V3 => TimestampKind::ArchiveV3,
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

    /// The rest of a message, which these kinds do not look at.
    fn data() -> SignedData {
        SignedData {
            version: 1,
            digest_algorithms: Vec::new(),
            digest_algorithms_raw: Vec::new(),
            content_type: oid::DATA,
            content: None,
            content_digests: Vec::new(),
            certificates: Vec::new(),
            crls: Vec::new(),
            other_certificates: Vec::new(),
            other_revocation_info: Vec::new(),
            signers: Vec::new(),
            encapsulated: 0..0,
            sets: 0..0,
            is_ber: false,
            len: 0,
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

    fn read(data: &SignedData, signer: &SignerInfo, content: ContentDigests<'_>) -> Vec<Timestamp> {
        let mut old = Old {
            references: Vec::new(),
            before: &mut Before::default(),
            stores: Default::default(),
        };
        timestamps(data, signer, content, &mut old)
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
        let found = read(&data(), &signer, ContentDigests::Known(&digests));
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
            let found = read(&data(), &signer, ContentDigests::Missing);
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
            let found = read(&data(), &signer_of(stamp.clone()), content);
            assert_eq!(found[0].imprint, Err(NoImprint::Missing));
            let expected = (
                "tsp.message-imprint",
                Some(SubIndication::SignedDataNotFound),
            );
            assert_eq!(why(&found[0]), Some(expected));
        }
        let found = read(
            &data(),
            &signer_of(vec![0x30, 0]),
            ContentDigests::Known(&other),
        );
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
        assert!(read(&data(), &signer, ContentDigests::Missing).is_empty());
    }
}
