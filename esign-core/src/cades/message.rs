//! Whole messages: detached and enveloping, and a further signer beside those that are there.

use std::io::Write;

use super::CadesError;
use super::armour::unarmoured;
use super::create::{Prepared, SignatureParameters, algorithm_for, prepare_signature};
use crate::cms::{CmsError, Content, ContentHasher, SignedData};
use crate::der::{Tag, Writer};
use crate::evidence::Evidence;
use crate::keys::{Digest, DigestAlgorithm, SigningKey};
use crate::oid;
use crate::source::ReadAt;
use crate::x509::Certificate;

/// Signs `content`, which stays outside of the message. Reads it once.
///
/// # Errors
/// The content cannot be read, key and certificate do not belong together, or the key fails.
pub fn sign_detached<S: ReadAt + ?Sized>(
    content: &S,
    key: &dyn SigningKey,
    certificate: &Certificate,
    parameters: &SignatureParameters,
) -> Result<Vec<u8>, CadesError> {
    let (prepared, signature) = signed(content, key, certificate, parameters)?;
    prepared.finish(&signature)
}

/// Signs `content` and writes a message that holds it to `out`. Reads the content twice, so that
/// every length is known before the first octet is written: the message is DER.
///
/// # Errors
/// As [`sign_detached`]; writing fails.
pub fn sign_enveloping<S: ReadAt + ?Sized>(
    content: &S,
    out: &mut dyn Write,
    key: &dyn SigningKey,
    certificate: &Certificate,
    parameters: &SignatureParameters,
) -> Result<(), CadesError> {
    let (prepared, signature) = signed(content, key, certificate, parameters)?;
    let mut w = Writer::with_capacity(2048);
    write(&mut w, &prepared, &signature)?;
    let parts = Parts::of(&SignedData::read(w.finish().as_slice())?);
    let place = Content {
        place: 0..content.len(),
        constructed: false,
        is_der: true,
        len: content.len(),
    };
    parts.write(out, Some((&place, content)))
}

fn signed<S: ReadAt + ?Sized>(
    content: &S,
    key: &dyn SigningKey,
    certificate: &Certificate,
    parameters: &SignatureParameters,
) -> Result<(Prepared, Vec<u8>), CadesError> {
    let algorithm = algorithm_for(key, certificate)?;
    let digest = digest_of(content, algorithm.digest())?;
    let (prepared, tbs) = prepare_signature(&digest, certificate, algorithm, parameters)?;
    let signature = key.sign(tbs.algorithm, &tbs.bytes)?;
    Ok((prepared, signature))
}

fn digest_of<S: ReadAt + ?Sized>(
    content: &S,
    algorithm: DigestAlgorithm,
) -> Result<Digest, CadesError> {
    let digest = digests_of(content, &[algorithm])?.into_iter().next();
    digest.ok_or_else(|| CadesError::Misuse(format!("no digest by {algorithm}")))
}

/// Digests of a whole content, in one pass.
pub(super) fn digests_of<S: ReadAt + ?Sized>(
    content: &S,
    wanted: &[DigestAlgorithm],
) -> Result<Vec<Digest>, CadesError> {
    let mut hasher = ContentHasher::new(wanted);
    hasher.update_from(content, 0..content.len())?;
    Ok(hasher.finish())
}

/// Digests of the enclosed content; read again only where an algorithm is missing from
/// `digestAlgorithms`, by which it was hashed on reading.
pub(super) fn enclosed(
    data: &SignedData,
    message: &dyn ReadAt,
    wanted: &[DigestAlgorithm],
) -> Result<Vec<Digest>, CadesError> {
    let known: Vec<Digest> = wanted
        .iter()
        .filter_map(|a| {
            data.content_digests
                .iter()
                .find(|d| d.algorithm() == *a)
                .copied()
        })
        .collect();
    match &data.content {
        Some(content) if known.len() < wanted.len() => {
            let mut hasher = ContentHasher::new(wanted);
            content.read(message, &mut |octets| {
                hasher.update(octets);
                Ok(())
            })?;
            Ok(hasher.finish())
        }
        _ => Ok(known),
    }
}

/// Adds a signer to a message and writes it to `out`. What other signers wrote (their parts, the
/// certificates and CRLs) is carried over octet for octet.
///
/// `message` is DER, BER or PEM; what is written is DER. `detached` is the content where the
/// message does not hold it.
///
/// # Errors
/// The message cannot be read; the content is missing, is there twice, or is not what the other
/// signers signed; as [`sign_detached`].
pub fn add_signer<S: ReadAt + ?Sized>(
    message: &S,
    detached: Option<&dyn ReadAt>,
    out: &mut dyn Write,
    key: &dyn SigningKey,
    certificate: &Certificate,
    parameters: &SignatureParameters,
) -> Result<(), CadesError> {
    let armoured = unarmoured(&message)?;
    let message: &dyn ReadAt = match &armoured {
        Some(der) => der,
        None => &message,
    };
    let data = SignedData::read(message)?;
    let algorithm = algorithm_for(key, certificate)?;
    let parameters = SignatureParameters {
        content_type: data.content_type,
        ..parameters.clone()
    };
    let mut wanted = vec![algorithm.digest()];
    for other in data.signers.iter().filter_map(|s| s.digest_algorithm.ok()) {
        if !wanted.contains(&other) {
            wanted.push(other);
        }
    }
    let digests = match (&data.content, detached) {
        (Some(_), Some(_)) => {
            return Err(CadesError::Misuse(
                "the message holds its content, and another one was given".to_owned(),
            ));
        }
        (None, None) => {
            return Err(CadesError::Misuse(
                "the message is detached: its content must be given to add a signer".to_owned(),
            ));
        }
        (None, Some(content)) => digests_of(content, &wanted)?,
        (Some(_), None) => enclosed(&data, message, &wanted)?,
    };
    same_content(&data, &digests)?;
    let digest = digests
        .iter()
        .find(|d| d.algorithm() == algorithm.digest())
        .ok_or_else(|| CadesError::Misuse(format!("no digest by {}", algorithm.digest())))?;
    let (prepared, tbs) = prepare_signature(digest, certificate, algorithm, &parameters)?;
    let signature = key.sign(tbs.algorithm, &tbs.bytes)?;
    let mut parts = Parts::of(&data);
    parts.add(&prepared, &signature)?;
    match &data.content {
        None => parts.write::<[u8]>(out, None),
        Some(content) => parts.write(out, Some((content, message))),
    }
}

/// That the content is the one that the signers of the message signed: else the message would
/// hold signatures over different things.
fn same_content(data: &SignedData, digests: &[Digest]) -> Result<(), CadesError> {
    for (n, signer) in data.signers.iter().enumerate() {
        let signed = signer
            .signed_attributes
            .as_ref()
            .and_then(|a| a.message_digest());
        let computed = digests
            .iter()
            .find(|d| signer.digest_algorithm == Ok(d.algorithm()));
        if let (Some(signed), Some(computed)) = (signed, computed)
            && signed != computed.as_bytes()
        {
            let signed = Digest::new(computed.algorithm(), signed)
                .map_or_else(|| "a malformed one".to_owned(), |d| d.to_string());
            return Err(CadesError::Misuse(format!(
                "signer {} of the message signed another content: digest {signed}, that of the \
                 content is {computed}",
                n + 1
            )));
        }
    }
    Ok(())
}

/// Writes a detached message with one signer.
pub(super) fn write(
    w: &mut Writer,
    prepared: &Prepared,
    signature: &[u8],
) -> Result<(), CadesError> {
    let mut result = Ok(());
    w.sequence(|w| {
        w.oid(oid::SIGNED_DATA);
        w.nested(Tag::constructed(0), |w| {
            w.sequence(|w| {
                // RFC 5652 5.1: 1 for id-data with signers of version 1, else 3.
                w.u32(if prepared.content_type() == oid::DATA {
                    1
                } else {
                    3
                });
                w.nested(Tag::SET, |w| prepared.algorithm().digest().encode(w));
                w.sequence(|w| w.oid(prepared.content_type()));
                let mut certificates: Vec<Vec<u8>> = prepared
                    .certificates()
                    .into_iter()
                    .map(<[u8]>::to_vec)
                    .collect();
                w.set_of(Tag::constructed(0), &mut certificates);
                w.nested(Tag::SET, |w| {
                    result = prepared.write_signer_info(w, signature)
                });
            });
        });
    });
    result
}

/// The pieces of a message around its content, each a whole encoding.
pub(super) struct Parts {
    version: u32,
    content_type: crate::oid::ObjectIdentifier,
    /// Those of `digests` that are computed here.
    known: Vec<DigestAlgorithm>,
    digests: Vec<Vec<u8>>,
    certificates: Vec<Vec<u8>>,
    crls: Vec<Vec<u8>>,
    signers: Vec<Vec<u8>>,
}

impl Parts {
    pub(super) fn of(data: &SignedData) -> Self {
        Self {
            version: data.version,
            content_type: data.content_type,
            known: data.digest_algorithms.clone(),
            digests: data.digest_algorithms_raw.clone(),
            certificates: [&data.certificates[..], &data.other_certificates].concat(),
            crls: [&data.crls[..], &data.other_revocation_info].concat(),
            signers: data.signers.iter().map(|s| s.raw.clone()).collect(),
        }
    }

    fn add(&mut self, prepared: &Prepared, signature: &[u8]) -> Result<(), CadesError> {
        let digest = prepared.algorithm().digest();
        if !self.known.contains(&digest) {
            let mut w = Writer::new();
            digest.encode(&mut w);
            self.known.push(digest);
            self.digests.push(w.finish());
        }
        for certificate in prepared.certificates() {
            if !self.certificates.iter().any(|c| c == certificate) {
                self.certificates.push(certificate.to_vec());
            }
        }
        let mut w = Writer::new();
        prepared.write_signer_info(&mut w, signature)?;
        self.signers.push(w.finish());
        Ok(())
    }

    /// Adds what is not there yet: certificates and revocation lists as they are, OCSP responses by
    /// RFC 5940 2.1.
    pub(super) fn add_material(&mut self, material: &Evidence) {
        let add = |list: &mut Vec<Vec<u8>>, der: Vec<u8>| {
            if !list.contains(&der) {
                list.push(der);
            }
        };
        for certificate in material.certificates() {
            add(&mut self.certificates, certificate.der().to_vec());
        }
        for crl in material.crls() {
            add(&mut self.crls, crl.der().to_vec());
        }
        for response in material.ocsp() {
            let mut w = Writer::new();
            w.nested(Tag::constructed(1), |w| {
                w.oid(oid::RI_OCSP_RESPONSE);
                w.raw(&response.response_der());
            });
            add(&mut self.crls, w.finish());
            // RFC 5652 5.1: other revocation information is there.
            self.version = 5;
        }
    }

    /// Puts another encoding in the place of signer `n`, counted from 0.
    pub(super) fn replace_signer(&mut self, n: usize, encoding: Vec<u8>) {
        if let Some(signer) = self.signers.get_mut(n) {
            *signer = encoding;
        }
    }

    /// Writes the message as DER on its outer levels, the content streamed in between.
    pub(super) fn write<S: ReadAt + ?Sized>(
        mut self,
        out: &mut dyn Write,
        content: Option<(&Content, &S)>,
    ) -> Result<(), CadesError> {
        let encode = |write: &mut dyn FnMut(&mut Writer)| {
            let mut w = Writer::new();
            write(&mut w);
            w.finish()
        };
        let version = encode(&mut |w| w.u32(self.version));
        let digests = encode(&mut |w| w.set_of(Tag::SET, &mut self.digests));
        let content_type = encode(&mut |w| w.oid(self.content_type));
        let mut tail = Vec::new();
        if !self.certificates.is_empty() {
            tail.extend(encode(&mut |w| {
                w.set_of(Tag::constructed(0), &mut self.certificates)
            }));
        }
        if !self.crls.is_empty() {
            tail.extend(encode(&mut |w| {
                w.set_of(Tag::constructed(1), &mut self.crls)
            }));
        }
        tail.extend(encode(&mut |w| w.set_of(Tag::SET, &mut self.signers)));

        // Lengths from the inside out.
        let wide = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        let octets = content.map(|(c, _)| c.len);
        let wrapped = octets.map(|n| n.saturating_add(header_len(n)));
        let explicit = wrapped.map_or(0, |n| n.saturating_add(header_len(n)));
        let encapsulated = wide(content_type.len()).saturating_add(explicit);
        let signed_data = wide(version.len() + digests.len() + tail.len())
            .saturating_add(header_len(encapsulated))
            .saturating_add(encapsulated);
        let tagged = signed_data.saturating_add(header_len(signed_data));
        let signed_data_oid = encode(&mut |w| w.oid(oid::SIGNED_DATA));
        let info = wide(signed_data_oid.len())
            .saturating_add(header_len(tagged))
            .saturating_add(tagged);

        let mut head = header(Tag::SEQUENCE, info);
        head.extend(signed_data_oid);
        head.extend(header(Tag::constructed(0), tagged));
        head.extend(header(Tag::SEQUENCE, signed_data));
        head.extend(version);
        head.extend(digests);
        head.extend(header(Tag::SEQUENCE, encapsulated));
        head.extend(content_type);
        let Some(((content, source), wrapped)) = content.zip(wrapped) else {
            head.extend(tail);
            return out.write_all(&head).map_err(CadesError::Write);
        };
        head.extend(header(Tag::constructed(0), wrapped));
        head.extend(header(Tag::OCTET_STRING, content.len));
        out.write_all(&head).map_err(CadesError::Write)?;
        // Whose failure it was, the source's or the target's, is told apart.
        let mut unwritten = None;
        let read = content.read(source, &mut |block| {
            out.write_all(block).map_err(|e| {
                let kind = e.kind();
                unwritten = Some(e);
                kind.into()
            })
        });
        match (unwritten, read) {
            (Some(e), _) => return Err(CadesError::Write(e)),
            (None, Err(CmsError::Io(e))) => return Err(CadesError::Io(e)),
            (None, read) => read?,
        }
        out.write_all(&tail).map_err(CadesError::Write)
    }
}

/// Octets of the header before `length` content octets.
fn header_len(length: u64) -> u64 {
    match length {
        0..0x80 => 2,
        _ => 2 + u64::from((64 - length.leading_zeros()).div_ceil(8)),
    }
}

fn header(tag: Tag, length: u64) -> Vec<u8> {
    let octets = length.to_be_bytes();
    let mut out = vec![tag.0];
    match octets {
        [0, 0, 0, 0, 0, 0, 0, short @ 0..0x80] => out.push(short),
        octets => {
            let digits: Vec<u8> = octets.into_iter().skip_while(|b| *b == 0).collect();
            out.push(0x80 | u8::try_from(digits.len()).unwrap_or(8));
            out.extend(digits);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_minimal() {
        for (length, expected) in [
            (0, &[4, 0][..]),
            (127, &[4, 127]),
            (128, &[4, 0x81, 128]),
            (65_536, &[4, 0x83, 1, 0, 0]),
            (10 << 30, &[4, 0x85, 2, 0x80, 0, 0, 0]),
        ] {
            let header = header(Tag::OCTET_STRING, length);
            assert_eq!(header, expected);
            assert_eq!(header_len(length), u64::try_from(header.len()).unwrap());
        }
    }
}
