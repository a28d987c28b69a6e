//! archive-time-stamp-v3 and its index: what it is over, and what of the message the index names.
//!
//! ```text
//! ATSHashIndexV3 ::= SEQUENCE {
//!   hashIndAlgorithm AlgorithmIdentifier,
//!   certificatesHashIndex SEQUENCE OF OCTET STRING,
//!   crlsHashIndex SEQUENCE OF OCTET STRING,
//!   unsignedAttrValuesHashIndex SEQUENCE OF OCTET STRING }
//! ```
//!
//! # Source
//! EN 319 122-1 clauses 5.5.2 and 5.5.3; rule 21.

use std::collections::HashSet;

use crate::cms::{Attribute, SignedData, SignerInfo};
use crate::der::{DecodeError, Reader, Rules, Tag, Writer, decode};
use crate::keys::{Digest, DigestAlgorithm, Hasher};
use crate::oid::{self, ObjectIdentifier};
use crate::tsp::TimeStampToken;

/// The index as found in a token.
pub(super) struct Index {
    /// Its encoding, which is stamped.
    der: Vec<u8>,
    /// `hashIndAlgorithm`; its identifier where it is not computed here.
    pub(super) algorithm: Result<DigestAlgorithm, ObjectIdentifier>,
    form: Form,
    certificates: HashSet<Vec<u8>>,
    crls: HashSet<Vec<u8>>,
    attributes: HashSet<Vec<u8>>,
}

/// What the third list of an index has for an unsigned attribute.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// One digest over the whole attribute (TS 101 733 2.2.1).
    Whole,
    /// One for each value: over attrType and it (EN 319 122-1 5.5.2).
    Values,
}

/// Where of the message something stands that an index names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// A choice of `certificates`, by its place among X.509 certificates.
    Certificate(usize),
    /// A CRL, by its place.
    Crl(usize),
    /// Other revocation information, by its place.
    Other(usize),
    /// The value of an unsigned attribute: place of the attribute, place of the value.
    Value(usize, usize),
}

/// What an index names, and what of it is not there.
pub(super) struct Compared {
    pub(super) named: Vec<Named>,
    /// Digests in it that belong to nothing in the message.
    pub(super) without: usize,
    /// Things in the message that it does not name: they came later, or are not protected.
    pub(super) left_out: usize,
}

impl Index {
    /// The index in the unsigned attributes of a token, the newest form where there are several;
    /// `None` where there is none.
    ///
    /// # Errors
    /// Malformed.
    pub(super) fn of(token: &TimeStampToken) -> Result<Option<Self>, DecodeError> {
        let Some(signer) = token.signers().first() else {
            return Ok(None);
        };
        for (oid, form) in [
            (oid::ATS_HASH_INDEX_V3, Form::Values),
            (oid::ATS_HASH_INDEX_V2, Form::Values),
            (oid::ATS_HASH_INDEX, Form::Whole),
        ] {
            let mut all = signer.unsigned_attributes.iter();
            if let Some(value) = all.find(|a| a.oid == oid).and_then(Attribute::single) {
                return Self::decode(value, form).map(Some);
            }
        }
        Ok(None)
    }

    fn decode(der: &[u8], form: Form) -> Result<Self, DecodeError> {
        decode(der, Rules::Ber, |r| {
            r.sequence("atsHashIndex", |r| {
                // DEFAULT SHA-256 in the first form: an AlgorithmIdentifier begins with an OID, a list
                // with a digest or nothing.
                let mut ahead = Reader::new(r.rest(), Rules::Ber);
                let first = ahead.expect(Tag::SEQUENCE, "hashIndAlgorithm")?;
                let algorithm = if first.value.first() == Some(&Tag::OID.0) {
                    DigestAlgorithm::decode(r, "hashIndAlgorithm")?
                } else {
                    Ok(DigestAlgorithm::Sha256)
                };
                let mut list = |field| {
                    r.sequence(field, |r| {
                        let mut all = HashSet::new();
                        while !r.is_empty() {
                            let octets = r.expect(Tag::OCTET_STRING, field)?;
                            all.insert(octets.value.to_vec());
                        }
                        Ok(all)
                    })
                };
                Ok(Self {
                    der: der.to_vec(),
                    algorithm,
                    form,
                    certificates: list("certificatesHashIndex")?,
                    crls: list("crlsHashIndex")?,
                    attributes: list("unsignedAttrValuesHashIndex")?,
                })
            })
        })
    }

    /// Holds the index against the message.
    pub(super) fn compare(
        &self,
        algorithm: DigestAlgorithm,
        data: &SignedData,
        signer: &SignerInfo,
    ) -> Compared {
        let mut compared = Compared {
            named: Vec::new(),
            without: 0,
            left_out: 0,
        };
        let hash = |octets: &[u8]| Hasher::digest(algorithm, octets).as_bytes().to_vec();
        let mut found: [HashSet<Vec<u8>>; 3] = Default::default();
        let mut take = |list: usize, wanted: &HashSet<Vec<u8>>, digest: Vec<u8>, what: &[Named]| {
            if wanted.contains(&digest) {
                compared.named.extend(what);
                if let Some(found) = found.get_mut(list) {
                    found.insert(digest);
                }
            } else {
                compared.left_out = compared.left_out.saturating_add(1);
            }
        };
        for (n, der) in data.certificates.iter().enumerate() {
            take(0, &self.certificates, hash(der), &[Named::Certificate(n)]);
        }
        for der in &data.other_certificates {
            take(0, &self.certificates, hash(der), &[]);
        }
        for (n, der) in data.crls.iter().enumerate() {
            take(1, &self.crls, hash(der), &[Named::Crl(n)]);
        }
        for (n, der) in data.other_revocation_info.iter().enumerate() {
            take(1, &self.crls, hash(der), &[Named::Other(n)]);
        }
        for (n, attribute) in signer.unsigned_attributes.iter().enumerate() {
            match self.form {
                Form::Whole => {
                    let all: Vec<Named> = (0..attribute.values.len())
                        .map(|v| Named::Value(n, v))
                        .collect();
                    let whole = encode(|w| w.tlv(Tag::SEQUENCE, &attribute.octets));
                    take(2, &self.attributes, hash(&whole), &all);
                }
                Form::Values => {
                    for (v, value) in attribute.values.iter().enumerate() {
                        let digest = value_digest(algorithm, attribute.oid, value);
                        take(2, &self.attributes, digest, &[Named::Value(n, v)]);
                    }
                }
            }
        }
        let lists = [&self.certificates, &self.crls, &self.attributes];
        compared.without = lists
            .iter()
            .zip(&found)
            .map(|(wanted, found)| wanted.len().saturating_sub(found.len()))
            .sum();
        compared
    }

    /// What the time-stamp with this index is over.
    pub(super) fn imprint(
        &self,
        data: &SignedData,
        signer: &SignerInfo,
        content: &Digest,
    ) -> Result<Digest, DecodeError> {
        imprint(data, signer, content, &self.der)
    }
}

/// The index of everything that is in the message now, as `ats-hash-index-v3`.
pub(super) fn index(data: &SignedData, signer: &SignerInfo, algorithm: DigestAlgorithm) -> Vec<u8> {
    let hash = |octets: &[u8]| Hasher::digest(algorithm, octets).as_bytes().to_vec();
    let choices = |lists: [&Vec<Vec<u8>>; 2]| -> Vec<Vec<u8>> {
        lists.into_iter().flatten().map(|der| hash(der)).collect()
    };
    let certificates = choices([&data.certificates, &data.other_certificates]);
    let crls = choices([&data.crls, &data.other_revocation_info]);
    let values = signer.unsigned_attributes.iter().flat_map(|a| {
        let values = a.values.iter();
        values.map(|v| value_digest(algorithm, a.oid, v))
    });
    let values: Vec<Vec<u8>> = values.collect();
    encode(|w| {
        w.sequence(|w| {
            algorithm.encode(w);
            for list in [&certificates, &crls, &values] {
                w.sequence(|w| list.iter().for_each(|digest| w.octets(digest)));
            }
        });
    })
}

/// What an archive-time-stamp-v3 is over: the type of the content, the digest of the content, the
/// signer's part but for what is not signed, and the index.
pub(super) fn imprint(
    data: &SignedData,
    signer: &SignerInfo,
    content: &Digest,
    index: &[u8],
) -> Result<Digest, DecodeError> {
    let mut hasher = Hasher::new(content.algorithm());
    hasher.update(&encode(|w| w.oid(data.content_type)));
    hasher.update(content.as_bytes());
    let outer = Reader::new(&signer.raw, Rules::Ber).expect(Tag::SEQUENCE, "signerInfo")?;
    let mut fields = outer.reader("signerInfo")?;
    while !fields.is_empty() {
        let field = fields.any("signerInfo")?;
        // unsignedAttrs: the index stands for them.
        if field.tag != Tag::constructed(1) {
            hasher.update(field.raw);
        }
    }
    hasher.update(index);
    Ok(hasher.finish())
}

fn value_digest(algorithm: DigestAlgorithm, oid: ObjectIdentifier, value: &[u8]) -> Vec<u8> {
    let mut hasher = Hasher::new(algorithm);
    hasher.update(&encode(|w| w.oid(oid)));
    hasher.update(value);
    hasher.finish().as_bytes().to_vec()
}

fn encode(write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut w = Writer::new();
    write(&mut w);
    w.finish()
}
