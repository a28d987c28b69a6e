use crate::oid::ObjectIdentifier;

use super::{MAX_ATTRIBUTES, MAX_SIGNED_ATTRIBUTES};
use crate::der::{DecodeError, DecodeKind, Reader, Rules, Tag, Tlv, Writer};
use crate::keys::{Digest, DigestAlgorithm, PublicKey, SignatureAlgorithm, VerifyError};
use crate::oid;

/// `SignerInfo` (RFC 5652 5.3).
#[derive(Clone, Debug)]
pub struct SignerInfo {
    /// `version`: 1 with issuer and serial number, 3 with key identifier.
    pub version: u32,
    /// `sid`.
    pub sid: SignerIdentifier,
    /// `digestAlgorithm`; its identifier where it is not computed here.
    pub digest_algorithm: Result<DigestAlgorithm, ObjectIdentifier>,
    /// `digestAlgorithm` and `signatureAlgorithm` as received: RFC 6211 compares octets.
    pub algorithms_raw: (Vec<u8>, Vec<u8>),
    /// `signedAttrs`.
    pub signed_attributes: Option<SignedAttributes>,
    /// `signatureAlgorithm`; its identifier where it is not verified here.
    pub signature_algorithm: Result<SignatureAlgorithm, ObjectIdentifier>,
    /// `signature`.
    pub signature: Vec<u8>,
    /// `unsignedAttrs`.
    pub unsigned_attributes: Vec<Attribute>,
    /// The whole encoding as received, so that it can be carried into another message unchanged.
    pub raw: Vec<u8>,
}

/// `SignerIdentifier` (RFC 5652 5.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignerIdentifier {
    /// DER of the issuer's name, and the content octets of the serial number.
    IssuerAndSerial(Vec<u8>, Vec<u8>),
    /// The subject key identifier.
    KeyIdentifier(Vec<u8>),
}

/// `SignedAttributes` and the octets that are signed with them.
#[derive(Clone, Debug)]
pub struct SignedAttributes {
    /// The attributes in the order of the file.
    pub attributes: Vec<Attribute>,
    /// What is signed: the DER of the SET OF (RFC 5652 5.4).
    pub signed: Vec<u8>,
    /// The octets as received, with the tag SET OF, where they are not the DER: some signers
    /// signed what they wrote (rule 3).
    pub as_received: Option<Vec<u8>>,
}

/// `Attribute`: a type and its values, each a whole encoding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// `attrType`.
    pub oid: ObjectIdentifier,
    /// `attrValues`.
    pub values: Vec<Vec<u8>>,
    /// Both as received, without the SEQUENCE around them: what time-stamps are made over.
    pub octets: Vec<u8>,
}

impl SignerInfo {
    pub(super) fn decode(tlv: &Tlv<'_>) -> Result<Self, DecodeError> {
        if tlv.tag != Tag::SEQUENCE {
            let kind = DecodeKind::UnexpectedTag {
                expected: Tag::SEQUENCE,
                found: tlv.tag,
            };
            return Err(tlv.error(kind, "signerInfo"));
        }
        tlv.nested("signerInfo", |r| {
            let version = r.u32("version")?;
            let sid = SignerIdentifier::decode(r)?;
            let before = r.rest();
            let digest_algorithm = DigestAlgorithm::decode(r, "digestAlgorithm")?;
            let digest_len = before.len().saturating_sub(r.rest().len());
            let digest_raw = before.get(..digest_len).unwrap_or_default().to_vec();
            let signed_attributes = r
                .optional(Tag::constructed(0), "signedAttrs")?
                .map(|t| SignedAttributes::decode(&t))
                .transpose()?;
            let algorithm = r.expect(Tag::SEQUENCE, "signatureAlgorithm")?;
            let signature_algorithm = SignatureAlgorithm::decode(
                &algorithm,
                digest_algorithm.ok(),
                "signatureAlgorithm",
            )?;
            let signature = string(r, "signature")?;
            let unsigned_attributes = r
                .optional(Tag::constructed(1), "unsignedAttrs")?
                .map(|t| attributes(&t, "unsignedAttrs"))
                .transpose()?
                .unwrap_or_default();
            Ok(Self {
                version,
                sid,
                digest_algorithm,
                algorithms_raw: (digest_raw, algorithm.raw.to_vec()),
                signed_attributes,
                signature_algorithm,
                signature,
                unsigned_attributes,
                raw: tlv.raw.to_vec(),
            })
        })
    }
}

impl SignerInfo {
    /// Verifies the signature of `key` over the signed attributes, and that these carry `content`,
    /// the digest of the content by `digestAlgorithm`. Cryptography only: structure, certificate
    /// and trust are for validation to judge.
    ///
    /// # Errors
    /// [`VerifyError::Invalid`] where either does not hold, or there are no signed attributes or an
    /// unknown algorithm; the others as [`PublicKey::verify`].
    ///
    /// # Source
    /// RFC 5652 5.4 and 5.6.
    pub fn verify(&self, content: &Digest, key: &PublicKey) -> Result<(), VerifyError> {
        let signed = self
            .signed_attributes
            .as_ref()
            .ok_or(VerifyError::Invalid)?;
        if signed.message_digest() != Some(content.as_bytes())
            || self.digest_algorithm != Ok(content.algorithm())
        {
            return Err(VerifyError::Invalid);
        }
        let algorithm = self.signature_algorithm.map_err(|_| VerifyError::Invalid)?;
        match key.verify(algorithm, &signed.signed, &self.signature) {
            Err(VerifyError::Invalid) => match &signed.as_received {
                Some(received) => key.verify(algorithm, received, &self.signature),
                None => Err(VerifyError::Invalid),
            },
            other => other,
        }
    }
}

impl SignerIdentifier {
    /// The `version` of a `SignerInfo` with it (RFC 5652 5.3).
    pub fn version(&self) -> u32 {
        match self {
            Self::IssuerAndSerial(..) => 1,
            Self::KeyIdentifier(_) => 3,
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if r.peek() == Some(Tag::SEQUENCE) {
            return r.sequence("sid", |r| {
                let issuer = r.expect(Tag::SEQUENCE, "issuer")?.raw.to_vec();
                Ok(Self::IssuerAndSerial(
                    issuer,
                    r.integer("serialNumber")?.to_vec(),
                ))
            });
        }
        let tlv = r.any("sid")?;
        if tlv.tag.0 & !0x20 != Tag::primitive(0).0 {
            let kind = DecodeKind::UnexpectedTag {
                expected: Tag::primitive(0),
                found: tlv.tag,
            };
            return Err(tlv.error(kind, "sid"));
        }
        Ok(Self::KeyIdentifier(tlv.octets("sid")?.into_owned()))
    }
}

impl SignedAttributes {
    fn decode(tlv: &Tlv<'_>) -> Result<Self, DecodeError> {
        if tlv.raw.len() > MAX_SIGNED_ATTRIBUTES {
            let kind = DecodeKind::Limit("longer than 1 MiB");
            return Err(tlv.error(kind, "signedAttrs"));
        }
        let attributes = attributes(tlv, "signedAttrs")?;
        let received = retagged(tlv.raw);
        // The common case: DER as received. Sorting is checked, too: SET OF in DER is sorted.
        if is_der(&received) {
            return Ok(Self {
                attributes,
                signed: received,
                as_received: None,
            });
        }
        let mut elements: Vec<Vec<u8>> = Vec::with_capacity(attributes.len());
        let mut r = tlv.reader("signedAttrs")?;
        while !r.is_empty() {
            let mut w = Writer::new();
            to_der(&r.any("signedAttrs")?, &mut w)?;
            elements.push(w.finish());
        }
        let mut w = Writer::new();
        w.set_of(Tag::SET, &mut elements);
        Ok(Self {
            attributes,
            signed: w.finish(),
            as_received: Some(received),
        })
    }

    /// The octets of `message-digest`, where it stands once with one value (rule 2).
    pub fn message_digest(&self) -> Option<&[u8]> {
        let mut all = self.of(oid::MESSAGE_DIGEST);
        let value = all.next()?.single()?;
        if all.next().is_some() {
            return None;
        }
        let tlv = Reader::new(value, Rules::Ber)
            .expect(Tag::OCTET_STRING, "")
            .ok()?;
        Some(tlv.value)
    }

    /// The attributes of one type.
    pub fn of(&self, oid: ObjectIdentifier) -> impl Iterator<Item = &Attribute> {
        self.attributes.iter().filter(move |a| a.oid == oid)
    }
}

impl Attribute {
    /// The one value of an attribute that must have just one.
    pub fn single(&self) -> Option<&[u8]> {
        match self.values.as_slice() {
            [value] => Some(value),
            _ => None,
        }
    }

    /// Whether its standard says that the attribute has exactly one value, on which verification
    /// rests: RFC 5652 11.1 to 11.3, RFC 5035 3 and 5.4, RFC 6211 2, EN 319 122-1 5.2.9.
    pub fn is_single_valued(&self) -> bool {
        matches!(
            self.oid,
            oid::CONTENT_TYPE
                | oid::MESSAGE_DIGEST
                | oid::SIGNING_TIME
                | oid::SIGNING_CERTIFICATE
                | oid::SIGNING_CERTIFICATE_V2
                | oid::CMS_ALGORITHM_PROTECTION
                | oid::SIGNATURE_POLICY_ID
        )
    }

    /// Whether the attribute may stand more than once among the signed ones.
    pub fn may_repeat(&self) -> bool {
        self.oid == oid::CONTENT_TIME_STAMP
    }
}

/// The OCTET STRING that comes next, its pieces put together.
fn string(r: &mut Reader<'_>, field: &str) -> Result<Vec<u8>, DecodeError> {
    let tlv = r.any(field)?;
    if tlv.tag.0 & !0x20 != Tag::OCTET_STRING.0 {
        let kind = DecodeKind::UnexpectedTag {
            expected: Tag::OCTET_STRING,
            found: tlv.tag,
        };
        return Err(tlv.error(kind, field));
    }
    Ok(tlv.octets(field)?.into_owned())
}

fn attributes(tlv: &Tlv<'_>, field: &str) -> Result<Vec<Attribute>, DecodeError> {
    let mut found = Vec::new();
    let mut r = tlv.reader(field)?;
    while !r.is_empty() {
        if found.len() >= MAX_ATTRIBUTES {
            return Err(r.error(DecodeKind::Limit("more than 1000 attributes"), field));
        }
        let attribute = r.expect(Tag::SEQUENCE, field)?;
        found.push(attribute.nested(field, |r| {
            let oid = r.oid("attrType")?;
            let set = r.expect(Tag::SET, "attrValues")?;
            let mut values = Vec::new();
            let mut inner = set.reader("attrValues")?;
            while !inner.is_empty() {
                if values.len() >= MAX_ATTRIBUTES {
                    let kind = DecodeKind::Limit("more than 1000 values");
                    return Err(inner.error(kind, "attrValues"));
                }
                values.push(inner.any("attrValues")?.raw.to_vec());
            }
            Ok(Attribute {
                oid,
                values,
                octets: attribute.value.to_vec(),
            })
        })?);
    }
    Ok(found)
}

/// The same octets with the tag SET OF (RFC 5652 5.4).
fn retagged(raw: &[u8]) -> Vec<u8> {
    let mut octets = raw.to_vec();
    if let Some(first) = octets.first_mut() {
        *first = Tag::SET.0;
    }
    octets
}

/// Whether one encoding is DER: definite shortest lengths, primitive strings, sorted sets.
fn is_der(raw: &[u8]) -> bool {
    fn walk(r: &mut Reader<'_>, sorted: bool) -> bool {
        let mut last: &[u8] = &[];
        while !r.is_empty() {
            let Ok(tlv) = r.any("") else { return false };
            if sorted && tlv.raw < last {
                return false;
            }
            last = tlv.raw;
            // Class universal: only SEQUENCE and SET are constructed in DER.
            let constructed = tlv.tag.is_constructed();
            if constructed && tlv.tag.0 < 0x40 && tlv.tag != Tag::SEQUENCE && tlv.tag != Tag::SET {
                return false;
            }
            if constructed {
                let Ok(mut inner) = tlv.reader("") else {
                    return false;
                };
                if !walk(&mut inner, tlv.tag == Tag::SET) {
                    return false;
                }
            }
        }
        true
    }
    walk(&mut Reader::new(raw, Rules::Der), false)
}

/// Writes an encoding again as DER: definite lengths, strings in one piece, sets sorted. Tags
/// other than universal keep their form, since only their definition could tell.
fn to_der(tlv: &Tlv<'_>, w: &mut Writer) -> Result<(), DecodeError> {
    let primitive = Tag(tlv.tag.0 & !0x20);
    if tlv.tag.is_constructed() && primitive == Tag::OCTET_STRING {
        w.octets(&tlv.octets("")?);
        return Ok(());
    }
    if !tlv.tag.is_constructed() {
        w.tlv(tlv.tag, tlv.value);
        return Ok(());
    }
    let mut elements = Vec::new();
    let mut r = tlv.reader("")?;
    while !r.is_empty() {
        let mut inner = Writer::new();
        to_der(&r.any("")?, &mut inner)?;
        elements.push(inner.finish());
    }
    if tlv.tag == Tag::SET {
        w.set_of(Tag::SET, &mut elements);
    } else {
        w.nested(tlv.tag, |w| elements.iter().for_each(|e| w.raw(e)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::der::decode;

    #[test]
    fn der_is_told_from_ber() {
        for (raw, der) in [
            (&[0x30, 3, 2, 1, 5][..], true),
            (&[0x30, 0x80, 2, 1, 5, 0, 0], false),
            (&[0x30, 0x81, 3, 2, 1, 5], false),
            (&[0x31, 6, 2, 1, 5, 2, 1, 6], true),
            (&[0x31, 6, 2, 1, 6, 2, 1, 5], false),
            (&[0x24, 3, 4, 1, 5], false),
        ] {
            assert_eq!(is_der(raw), der, "{raw:02x?}");
        }
    }

    #[test]
    fn attributes_are_signed_as_der() {
        // Two attributes in the wrong order and with an indefinite length.
        let raw = [
            &[0xa0, 0x80][..],
            &[0x30, 8, 6, 1, 0x2a, 0x31, 3, 2, 1, 9],
            &[0x30, 8, 6, 1, 0x29, 0x31, 3, 2, 1, 9],
            &[0, 0],
        ]
        .concat();
        let attributes =
            decode(&raw, Rules::Ber, |r| SignedAttributes::decode(&r.any("")?)).unwrap();
        assert_eq!(attributes.attributes.len(), 2);
        assert_eq!(
            attributes.signed,
            [
                &[0x31, 20][..],
                &[0x30, 8, 6, 1, 0x29, 0x31, 3, 2, 1, 9],
                &[0x30, 8, 6, 1, 0x2a, 0x31, 3, 2, 1, 9]
            ]
            .concat()
        );
        assert_eq!(attributes.as_received.unwrap()[..2], [0x31, 0x80]);
    }
}
