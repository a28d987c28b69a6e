//! From B-B to B-T, B-LT and B-LTA: time-stamps and material for a message that is there, whoever made it.

use std::io::Write;

use super::CadesError;
use super::armour::unarmoured;
use super::ats;
use super::message::{Parts, digests_of, enclosed};
use crate::cms::{CmsError, Content, MAX_ATTRIBUTES, SignedData, SignerInfo};
use crate::der::{DecodeError, DecodeKind, Reader, Rules, Tag, Writer};
use crate::evidence::Evidence;
use crate::keys::{Digest, DigestAlgorithm, Hasher};
use crate::oid::{self, ObjectIdentifier};
use crate::source::ReadAt;
use crate::tsp::Timestamp;

/// Attributes that are computed over the unsigned ones beside them: one more of these, and they
/// hold no longer. archive-time-stamp-v3 is not among them, its index names what it covers.
const OVER_UNSIGNED: [(ObjectIdentifier, &str); 4] = [
    // RFC 5126 6.3.5
    (
        ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.25"),
        "CAdES-C-time-stamp",
    ),
    // TS 101 733 before 1.7, 6.4.1
    (
        ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.27"),
        "archive-time-stamp",
    ),
    // RFC 5126 6.4.1
    (
        ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.48"),
        "archive-time-stamp-v2",
    ),
    // TS 101 733 2.1.1, 6.4.2
    (
        ObjectIdentifier::new_unwrap("0.4.0.1733.2.2"),
        "long-term-validation",
    ),
];

/// Of these, those that are computed over `certificates` and `crls` of the message, too.
const OVER_MATERIAL: &[(ObjectIdentifier, &str)] = match &OVER_UNSIGNED {
    [_, rest @ ..] => rest,
};

/// What a signature-time-stamp is over: the digest of the signature value of signer `n`, counted
/// from 0 in the order of the file.
///
/// # Errors
/// The message cannot be read, or has no such signer.
///
/// # Source
/// EN 319 122-1 5.3: the content octets of `signature`, without tag and length.
pub fn signature_imprint<S: ReadAt + ?Sized>(
    message: &S,
    n: usize,
    algorithm: DigestAlgorithm,
) -> Result<Digest, CadesError> {
    let armoured = unarmoured(&message)?;
    let data = match &armoured {
        Some(der) => SignedData::read(der)?,
        None => SignedData::read(&message)?,
    };
    Ok(Hasher::digest(algorithm, &signer(&data, n)?.signature))
}

/// Adds a signature-time-stamp to signer `n` and writes the message to `out`. The other unsigned
/// attributes keep their octets and their order, the new one is the last; all that the other
/// signers wrote, the certificates and the CRLs are carried over octet for octet.
///
/// `message` is DER, BER or PEM; what is written is DER on its outer levels. Whether the authority
/// is to be trusted is not asked here.
///
/// # Errors
/// As [`signature_imprint`]; the token stamps something else; an attribute that is there would
/// no longer hold; there is no room for one more; writing fails.
///
/// # Source
/// EN 319 122-1 5.3.
pub fn add_signature_timestamp<S: ReadAt + ?Sized>(
    message: &S,
    n: usize,
    timestamp: &Timestamp,
    out: &mut dyn Write,
) -> Result<(), CadesError> {
    let armoured = unarmoured(&message)?;
    let message: &dyn ReadAt = match &armoured {
        Some(der) => der,
        None => &message,
    };
    let data = SignedData::read(message)?;
    let signer = signer(&data, n)?;
    let stamped = timestamp.imprint();
    let signed = Hasher::digest(stamped.algorithm(), &signer.signature);
    if *stamped != signed {
        return Err(CadesError::Misuse(format!(
            "time-stamp: over {stamped}, the signature value of signer {} has {signed}",
            n.saturating_add(1)
        )));
    }
    room_for_one(signer)?;
    let attribute = attribute(oid::SIGNATURE_TIME_STAMP, timestamp.token().der());
    let extended = with_unsigned(&signer.raw, &attribute).map_err(CmsError::Decode)?;
    let mut parts = Parts::of(&data);
    parts.replace_signer(n, extended);
    match &data.content {
        None => parts.write::<[u8]>(out, None),
        Some(content) => parts.write(out, Some((content, message))),
    }
}

/// Adds certificates, revocation lists and OCSP responses to the message, for all of its signers: B-LT.
/// What is there stays, octet for octet.
///
/// # Errors
/// The message cannot be read, an older archive-time-stamp covers what would be added to, or writing
/// fails.
///
/// # Source
/// EN 319 122-1 6.3 (`SignedData.certificates`, `SignedData.crls`).
pub fn add_validation_data<S: ReadAt + ?Sized>(
    message: &S,
    material: &Evidence,
    out: &mut dyn Write,
) -> Result<(), CadesError> {
    let armoured = unarmoured(&message)?;
    let message: &dyn ReadAt = match &armoured {
        Some(der) => der,
        None => &message,
    };
    let data = SignedData::read(message)?;
    for signer in &data.signers {
        let mut there = OVER_MATERIAL.iter();
        let has = |oid| signer.unsigned_attributes.iter().any(|a| a.oid == oid);
        if let Some((_, name)) = there.find(|(oid, _)| has(*oid)) {
            return Err(CadesError::Misuse(format!(
                "the signature has an {name}, which more certificates or lists would break"
            )));
        }
    }
    let mut parts = Parts::of(&data);
    parts.add_material(material);
    match &data.content {
        None => parts.write::<[u8]>(out, None),
        Some(content) => parts.write(out, Some((content, message))),
    }
}

/// The content inside of a message, read where it stands.
pub struct Enclosed<'a> {
    message: &'a dyn ReadAt,
    content: Content,
}

/// A message without its content, which is small however large the content is, and the content where the
/// message held it. [`attach`] puts them together again.
///
/// # Errors
/// The message cannot be read, or holds its content in a form that is not read where it stands: PEM, or
/// in pieces (BER).
pub fn detach<'a, S: ReadAt>(
    message: &'a S,
) -> Result<(Vec<u8>, Option<Enclosed<'a>>), CadesError> {
    let armoured = unarmoured(&message)?;
    if let Some(der) = armoured {
        let data = SignedData::read(&der)?;
        if data.content.is_some() {
            return Err(CadesError::Misuse(
                "the message is PEM with its content inside: convert it to DER first".to_owned(),
            ));
        }
        let mut out = Vec::new();
        Parts::of(&data).write::<[u8]>(&mut out, None)?;
        return Ok((out, None));
    }
    let data = SignedData::read(message)?;
    let mut out = Vec::new();
    Parts::of(&data).write::<[u8]>(&mut out, None)?;
    match data.content {
        None => Ok((out, None)),
        Some(content) if content.constructed => Err(CadesError::Misuse(
            "the content of the message comes in pieces (BER): convert it to DER first".to_owned(),
        )),
        Some(content) => Ok((out, Some(Enclosed { message, content }))),
    }
}

impl ReadAt for Enclosed<'_> {
    fn len(&self) -> u64 {
        self.content.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<usize> {
        let left = self.content.len.saturating_sub(offset);
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buf.len());
        let at = self.content.place.start.saturating_add(offset);
        self.message
            .read_at(at, buf.get_mut(..most).unwrap_or_default())
    }
}

/// Writes a detached message with its content inside to `out`.
///
/// # Errors
/// The message cannot be read or holds a content; reading or writing fails.
pub fn attach<S: ReadAt + ?Sized>(
    message: &[u8],
    content: &S,
    out: &mut dyn Write,
) -> Result<(), CadesError> {
    let data = SignedData::read(message)?;
    if data.content.is_some() {
        return Err(CadesError::Misuse(
            "the message holds its content already".to_owned(),
        ));
    }
    let place = Content {
        place: 0..content.len(),
        len: content.len(),
        constructed: false,
        is_der: true,
    };
    Parts::of(&data).write(out, Some((&place, content)))
}

/// An archive-time-stamp-v3 that waits for its token.
pub struct PreparedArchive {
    data: SignedData,
    n: usize,
    index: Vec<u8>,
    digest: Digest,
}

/// Prepares an archive-time-stamp-v3 over everything that is in the message for signer `n` now: B-LTA.
/// `detached` is the content where the message does not hold it.
///
/// # Errors
/// The message cannot be read, has no such signer, or its content is not there or there twice.
///
/// # Source
/// EN 319 122-1 5.5.2 and 5.5.3.
pub fn prepare_archive<S: ReadAt + ?Sized>(
    message: &S,
    n: usize,
    detached: Option<&dyn ReadAt>,
    algorithm: DigestAlgorithm,
) -> Result<PreparedArchive, CadesError> {
    let armoured = unarmoured(&message)?;
    let message: &dyn ReadAt = match &armoured {
        Some(der) => der,
        None => &message,
    };
    let data = SignedData::read(message)?;
    let content = match (&data.content, detached) {
        (Some(_), Some(_)) => {
            return Err(CadesError::Misuse(
                "the message holds its content, and another one was given".to_owned(),
            ));
        }
        (None, None) => {
            return Err(CadesError::Misuse(
                "the message is detached: its content must be given for an archive-time-stamp"
                    .to_owned(),
            ));
        }
        (None, Some(content)) => digests_of(content, &[algorithm])?,
        (Some(_), None) => enclosed(&data, message, &[algorithm])?,
    };
    let content = content.into_iter().next();
    let content = content.ok_or_else(|| CadesError::Misuse(format!("no digest by {algorithm}")))?;
    let signer = signer(&data, n)?;
    // What was stamped must hold: over another content than was signed it would prove nothing.
    let signed = signer.signed_attributes.as_ref();
    let signed = signed.and_then(|a| a.message_digest());
    if signer.digest_algorithm == Ok(algorithm) && signed != Some(content.as_bytes()) {
        return Err(CadesError::Misuse(format!(
            "content: has {content}, signer {} signed another one",
            n.saturating_add(1)
        )));
    }
    let index = ats::index(&data, signer, algorithm);
    let digest = ats::imprint(&data, signer, &content, &index).map_err(CmsError::Decode)?;
    Ok(PreparedArchive {
        data,
        n,
        index,
        digest,
    })
}

impl PreparedArchive {
    /// What is to be stamped.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Puts index and token in and writes the message, of which `message` are the octets that were
    /// prepared, to `out`.
    ///
    /// # Errors
    /// The token stamps something else; there is no room for one more attribute; reading or writing fails.
    pub fn finish<S: ReadAt + ?Sized>(
        self,
        message: &S,
        timestamp: &Timestamp,
        out: &mut dyn Write,
    ) -> Result<(), CadesError> {
        if *timestamp.imprint() != self.digest {
            return Err(CadesError::Misuse(format!(
                "time-stamp: over {}, the message has {}",
                timestamp.imprint(),
                self.digest
            )));
        }
        let armoured = unarmoured(&message)?;
        let message: &dyn ReadAt = match &armoured {
            Some(der) => der,
            None => &message,
        };
        let signer = signer(&self.data, self.n)?;
        if signer.unsigned_attributes.len() >= MAX_ATTRIBUTES {
            return room_for_one(signer);
        }
        let token = indexed(timestamp.token().der(), &self.index).map_err(CmsError::Decode)?;
        let attribute = attribute(oid::ARCHIVE_TIME_STAMP_V3, &token);
        let extended = with_unsigned(&signer.raw, &attribute).map_err(CmsError::Decode)?;
        let mut parts = Parts::of(&self.data);
        parts.replace_signer(self.n, extended);
        match &self.data.content {
            None => parts.write::<[u8]>(out, None),
            Some(content) => parts.write(out, Some((content, message))),
        }
    }
}

/// A token with the index among what its signer did not sign.
fn indexed(token: &[u8], index: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let data = SignedData::read(token).map_err(|_| {
        DecodeError::new(DecodeKind::Value("not a SignedData"), "timeStampToken", 0)
    })?;
    let [signer] = data.signers.as_slice() else {
        let kind = DecodeKind::Value("not one signer");
        return Err(DecodeError::new(kind, "timeStampToken", 0));
    };
    let extended = with_unsigned(&signer.raw, &attribute(oid::ATS_HASH_INDEX_V3, index))?;
    // The signer stands last in every SignedData: lengths are written anew, all else is copied.
    let at = token.len().checked_sub(signer.raw.len());
    let ends_here = at.and_then(|at| token.get(at..)) == Some(signer.raw.as_slice());
    let content = Reader::new(token, Rules::Ber).expect(Tag::SEQUENCE, "contentInfo")?;
    if !ends_here {
        let kind = DecodeKind::Value("not DER: lengths without an end");
        return Err(DecodeError::new(kind, "timeStampToken", 0));
    }
    let mut info = content.reader("contentInfo")?;
    let content_type = info.any("contentType")?;
    let explicit = info.expect(Tag::constructed(0), "content")?;
    let mut explicit = explicit.reader("content")?;
    let signed = explicit.expect(Tag::SEQUENCE, "signedData")?;
    let mut fields = signed.reader("signedData")?;
    let mut before = Vec::new();
    while !fields.is_empty() {
        let field = fields.any("signedData")?;
        if fields.is_empty() {
            break;
        }
        before.extend_from_slice(field.raw);
    }
    let mut w = Writer::with_capacity(token.len().saturating_add(index.len()));
    w.sequence(|w| {
        w.raw(content_type.raw);
        w.nested(Tag::constructed(0), |w| {
            w.sequence(|w| {
                w.raw(&before);
                w.nested(Tag::SET, |w| w.raw(&extended));
            });
        });
    });
    Ok(w.finish())
}

fn attribute(oid: ObjectIdentifier, value: &[u8]) -> Vec<u8> {
    let mut w = Writer::with_capacity(value.len().saturating_add(32));
    w.sequence(|w| {
        w.oid(oid);
        w.nested(Tag::SET, |w| w.raw(value));
    });
    w.finish()
}

fn signer(data: &SignedData, n: usize) -> Result<&SignerInfo, CadesError> {
    data.signers.get(n).ok_or_else(|| {
        CadesError::Misuse(format!(
            "signer {} was asked for, the message has {}",
            n.saturating_add(1),
            data.signers.len()
        ))
    })
}

fn room_for_one(signer: &SignerInfo) -> Result<(), CadesError> {
    let there = &signer.unsigned_attributes;
    if there.len() >= MAX_ATTRIBUTES {
        return Err(CadesError::Misuse(format!(
            "unsigned attributes: {} are there, {MAX_ATTRIBUTES} are allowed",
            there.len()
        )));
    }
    let mut named = OVER_UNSIGNED.iter();
    match named.find(|(oid, _)| there.iter().any(|a| a.oid == *oid)) {
        Some((_, name)) => Err(CadesError::Misuse(format!(
            "the signature has an {name}, which a further signature-time-stamp would break"
        ))),
        None => Ok(()),
    }
}

/// A `SignerInfo` with one more unsigned attribute behind those that are there. Lengths are
/// written anew, everything else is copied: a digest may have been taken over each piece.
fn with_unsigned(signer_info: &[u8], attribute: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let outer = Reader::new(signer_info, Rules::Ber).expect(Tag::SEQUENCE, "signerInfo")?;
    let mut fields = outer.reader("signerInfo")?;
    let mut before = Vec::new();
    let mut unsigned: &[u8] = &[];
    while !fields.is_empty() {
        let field = fields.any("signerInfo")?;
        // [1] stands last (RFC 5652 5.3), and the message was read: none comes twice.
        if field.tag == Tag::constructed(1) {
            unsigned = field.value;
        } else {
            before.extend_from_slice(field.raw);
        }
    }
    let mut w = Writer::with_capacity(signer_info.len().saturating_add(attribute.len()));
    w.sequence(|w| {
        w.raw(&before);
        w.nested(Tag::constructed(1), |w| {
            w.raw(unsigned);
            w.raw(attribute);
        });
    });
    Ok(w.finish())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::cades::{SignatureParameters, sign_detached, sign_enveloping};
    use crate::keys::PrivateKey;
    use crate::time::UnixTime;
    use crate::tsp::{
        GenTime, MessageImprint, TimeStampToken, TokenSigner, TstInfoFields, verify_token,
    };
    use crate::x509::{Certificate, SerialNumber};

    const CONTENT: &[u8] = b"stamp my signature\n";

    fn identity(stamping: bool) -> (PrivateKey, Certificate) {
        let pair = rcgen::KeyPair::generate().unwrap();
        let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
        if stamping {
            let mut w = Writer::new();
            w.sequence(|w| w.oid(oid::KP_TIME_STAMPING));
            let mut usage = rcgen::CustomExtension::from_oid_content(&[2, 5, 29, 37], w.finish());
            usage.set_criticality(true);
            parameters.custom_extensions.push(usage);
        }
        let certificate = parameters.self_signed(&pair).unwrap();
        let key = PrivateKey::from_pkcs8_der(&pair.serialize_der()).unwrap();
        (key, Certificate::from_der(certificate.der()).unwrap())
    }

    fn stamp(imprint: &Digest) -> Timestamp {
        let (key, certificate) = identity(true);
        let signer = TokenSigner::new(Arc::new(key), certificate, &[]).unwrap();
        let at = UnixTime::parse("2026-11-23T10:00:00Z").unwrap();
        let info = TstInfoFields {
            policy: ObjectIdentifier::new_unwrap("1.2.3.4.1"),
            message_imprint: &MessageImprint::new(imprint),
            serial_number: &SerialNumber::from_magnitude(&[7]),
            gen_time: GenTime::new(at, 0).unwrap(),
            accuracy: None,
            ordering: false,
            nonce: None,
            tsa: None,
        }
        .to_der();
        let token = TimeStampToken::from_der(&signer.sign(&info, true).unwrap()).unwrap();
        verify_token(&token, imprint, &[]).value.unwrap()
    }

    fn detached() -> Vec<u8> {
        let (key, certificate) = identity(false);
        sign_detached(CONTENT, &key, &certificate, &SignatureParameters::default()).unwrap()
    }

    fn stamped(message: &[u8]) -> Vec<u8> {
        let imprint = signature_imprint(message, 0, DigestAlgorithm::Sha256).unwrap();
        let mut out = Vec::new();
        add_signature_timestamp(message, 0, &stamp(&imprint), &mut out).unwrap();
        out
    }

    /// `message`, detached and with one signer, with this attribute added to it.
    fn with_attribute(message: &[u8], attribute: &[u8]) -> Vec<u8> {
        let data = SignedData::read(message).unwrap();
        let mut parts = Parts::of(&data);
        parts.replace_signer(0, with_unsigned(&data.signers[0].raw, attribute).unwrap());
        let mut out = Vec::new();
        parts.write::<[u8]>(&mut out, None).unwrap();
        out
    }

    #[test]
    fn stamped_again_keeps_what_was_there() {
        let (key, certificate) = identity(false);
        let mut message = Vec::new();
        let parameters = SignatureParameters::default();
        sign_enveloping(CONTENT, &mut message, &key, &certificate, &parameters).unwrap();
        let once = stamped(&message);
        let twice = stamped(&once);
        let read = |m: &Vec<u8>| SignedData::read(m.as_slice()).unwrap();
        let (before, first, second) = (read(&message), read(&once), read(&twice));
        assert!(before.signers[0].unsigned_attributes.is_empty());
        assert_eq!(first.signers[0].unsigned_attributes.len(), 1);
        assert_eq!(second.signers[0].unsigned_attributes.len(), 2);
        assert_eq!(
            first.signers[0].unsigned_attributes[0],
            second.signers[0].unsigned_attributes[0]
        );
        for after in [&first, &second] {
            assert_eq!(after.certificates, before.certificates);
            assert_eq!(after.content_digests, before.content_digests);
            let digest = Hasher::digest(DigestAlgorithm::Sha256, CONTENT);
            after.signers[0]
                .verify(&digest, certificate.public_key().unwrap())
                .unwrap();
        }
    }

    /// An attribute in a form that DER does not have, before one that DER would put first.
    #[test]
    fn the_encoding_of_others_stays() {
        let odd: &[u8] = &[0x30, 0x80, 0x06, 1, 0x2a, 0x31, 0x80, 4, 1, 9, 0, 0, 0, 0];
        let after = stamped(&with_attribute(&detached(), odd));
        let data = SignedData::read(after.as_slice()).unwrap();
        let raw = &data.signers[0].raw;
        assert_eq!(raw.windows(odd.len()).filter(|w| *w == odd).count(), 1);
        let attributes = &data.signers[0].unsigned_attributes;
        assert_eq!(attributes.len(), 2);
        assert_eq!(attributes[1].oid, oid::SIGNATURE_TIME_STAMP);
    }

    #[test]
    fn a_token_over_something_else_is_refused() {
        let message = detached();
        let other = Hasher::digest(DigestAlgorithm::Sha256, CONTENT);
        let mut out = Vec::new();
        let error =
            add_signature_timestamp(message.as_slice(), 0, &stamp(&other), &mut out).unwrap_err();
        assert!(error.to_string().starts_with("time-stamp: over"), "{error}");
        assert!(out.is_empty());
        let error = signature_imprint(message.as_slice(), 1, DigestAlgorithm::Sha256).unwrap_err();
        assert!(error.to_string().starts_with("signer 2"), "{error}");
    }

    #[test]
    fn what_it_would_break_or_overfill_is_refused() {
        let refused = |message: &[u8]| {
            let imprint = signature_imprint(message, 0, DigestAlgorithm::Sha256).unwrap();
            let mut out = Vec::new();
            add_signature_timestamp(message, 0, &stamp(&imprint), &mut out)
                .unwrap_err()
                .to_string()
        };
        let attribute = |oid| {
            let mut w = Writer::new();
            w.sequence(|w| {
                w.oid(oid);
                w.nested(Tag::SET, |w| w.octets(&[0]));
            });
            w.finish()
        };
        for (oid, name) in OVER_UNSIGNED {
            let why = refused(&with_attribute(&detached(), &attribute(oid)));
            assert!(why.contains(name), "{why}");
        }
        let unknown = attribute(ObjectIdentifier::new_unwrap("1.2.3"));
        let full = with_attribute(&detached(), &unknown.repeat(MAX_ATTRIBUTES));
        assert!(refused(&full).contains("1000 are there"));
    }
}
