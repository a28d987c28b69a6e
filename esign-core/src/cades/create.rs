//! One signer's part: the attributes, what is signed over them, and the `SignerInfo`.

use crate::oid::ObjectIdentifier;

use super::CadesError;
use crate::der::{Tag, Writer};
use crate::keys::{
    Digest, Hasher, KeyAlgorithm, KeyError, KeyErrorKind, SignatureAlgorithm, SigningKey,
    ToBeSigned,
};
use crate::oid;
use crate::time::UnixTime;
use crate::x509::Certificate;

/// Lines of a postal address (RFC 5126 5.11.2).
const MAX_POSTAL_LINES: usize = 6;

/// What goes into a signature besides content and certificate.
#[derive(Clone, Debug)]
pub struct SignatureParameters {
    /// `eContentType`: `id-data` unless the content says otherwise.
    pub content_type: ObjectIdentifier,
    /// Claimed signing time. Mandatory in CAdES B-B, absent in PAdES (EN 319 142-1 6.3).
    pub signing_time: Option<UnixTime>,
    /// What the signer commits to.
    pub commitment: Option<CommitmentType>,
    /// Where he signs.
    pub location: Option<SignerLocation>,
    /// The policy that he signs under.
    pub policy: Option<PolicyIdentifier>,
    /// Media type of the content (`mime-type`, EN 319 122-1 5.2.5.2): the content as it is.
    pub mime_type: Option<String>,
    /// Certificates to embed besides the signing one: its path.
    pub certificates: Vec<Certificate>,
}

/// `commitment-type-indication` (EN 319 122-1 5.2.3), with the identifiers of RFC 5126 5.11.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitmentType {
    /// That the signer created, approved and sent the content.
    ProofOfOrigin,
    /// That he received it.
    ProofOfReceipt,
    /// That it was delivered.
    ProofOfDelivery,
    /// That he sent it.
    ProofOfSender,
    /// That he approves of it.
    ProofOfApproval,
    /// That he created it.
    ProofOfCreation,
}

/// `signer-location` (EN 319 122-1 5.2.5): at least one part.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct SignerLocation {
    /// Country name.
    pub country: Option<String>,
    /// Locality name.
    pub locality: Option<String>,
    /// Postal address, up to six lines.
    pub postal_address: Vec<String>,
}

/// `signature-policy-identifier` (EN 319 122-1 5.2.9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyIdentifier {
    /// The policy follows from the content or from elsewhere.
    Implied,
    /// The policy is this document.
    Explicit {
        /// Its identifier.
        oid: ObjectIdentifier,
        /// Digest over it.
        hash: Digest,
        /// Where it can be had (`SPuri`).
        uri: Option<String>,
    },
}

/// One signer's part that waits for its value.
#[derive(Clone, Debug)]
pub struct Prepared {
    certificate: Certificate,
    algorithm: SignatureAlgorithm,
    content_type: ObjectIdentifier,
    /// `signedAttrs` as `[0] IMPLICIT`.
    attributes: Vec<u8>,
    chain: Vec<Certificate>,
}

impl Default for SignatureParameters {
    fn default() -> Self {
        Self {
            content_type: oid::DATA,
            signing_time: None,
            commitment: None,
            location: None,
            policy: None,
            mime_type: None,
            certificates: Vec::new(),
        }
    }
}

impl CommitmentType {
    /// Its identifier.
    pub const fn oid(self) -> ObjectIdentifier {
        match self {
            Self::ProofOfOrigin => oid::PROOF_OF_ORIGIN,
            Self::ProofOfReceipt => oid::PROOF_OF_RECEIPT,
            Self::ProofOfDelivery => oid::PROOF_OF_DELIVERY,
            Self::ProofOfSender => oid::PROOF_OF_SENDER,
            Self::ProofOfApproval => oid::PROOF_OF_APPROVAL,
            Self::ProofOfCreation => oid::PROOF_OF_CREATION,
        }
    }
}

/// The algorithm that `key` prefers, after checking that it belongs to `certificate`.
///
/// # Errors
/// [`CadesError::Key`] with both keys where it does not.
pub fn algorithm_for(
    key: &dyn SigningKey,
    certificate: &Certificate,
) -> Result<SignatureAlgorithm, CadesError> {
    if certificate.spki_der() != key.public_key().spki() {
        let found = match certificate.public_key() {
            Ok(public) => format!("{public:?}"),
            Err(error) => error.to_string(),
        };
        return Err(KeyError::new(
            KeyErrorKind::Mismatch,
            format!(
                "key {:?} does not belong to certificate \"{}\", whose key is {found}",
                key.public_key(),
                certificate.subject()
            ),
        )
        .into());
    }
    key.algorithms()
        .first()
        .copied()
        .ok_or_else(|| KeyError::new(KeyErrorKind::Algorithm, "the key offers no algorithm").into())
}

/// Builds the signed attributes over `content`, a digest by the algorithm's own digest, and hands
/// out what is to be signed.
///
/// # Errors
/// The certificate's key and the algorithm, or the digest and the algorithm, do not go together.
///
/// # Source
/// EN 319 122-1 clause 5 and table 1; RFC 5652 5.3 and 5.4; RFC 5035 (signing certificate);
/// RFC 6211 (algorithm protection).
pub fn prepare_signature(
    content: &Digest,
    certificate: &Certificate,
    algorithm: SignatureAlgorithm,
    parameters: &SignatureParameters,
) -> Result<(Prepared, ToBeSigned), CadesError> {
    check(certificate, algorithm)?;
    check_parameters(parameters)?;
    if content.algorithm() != algorithm.digest() {
        return Err(CadesError::Misuse(format!(
            "content digest is {}, the signature asks for {}",
            content.algorithm(),
            algorithm.digest()
        )));
    }
    let bytes = signed_attributes(content, certificate, algorithm, parameters);
    let mut attributes = bytes.clone();
    if let Some(tag) = attributes.first_mut() {
        *tag = Tag::constructed(0).0;
    }
    let prepared = Prepared {
        certificate: certificate.clone(),
        algorithm,
        content_type: parameters.content_type,
        attributes,
        chain: parameters.certificates.clone(),
    };
    Ok((prepared, ToBeSigned { bytes, algorithm }))
}

/// The most octets that a detached message with these parameters can take.
///
/// # Errors
/// As [`prepare_signature`].
pub fn max_len(
    certificate: &Certificate,
    algorithm: SignatureAlgorithm,
    parameters: &SignatureParameters,
) -> Result<usize, CadesError> {
    let digest = Hasher::digest(algorithm.digest(), &[]);
    let (prepared, _) = prepare_signature(&digest, certificate, algorithm, parameters)?;
    let longest = max_signature_len(certificate)?;
    Ok(prepared.finish(&vec![0; longest])?.len())
}

impl Prepared {
    /// Puts the signature value in; returns a detached message with this one signer.
    ///
    /// # Errors
    /// The value is longer than any of the key's, so not its.
    pub fn finish(self, signature: &[u8]) -> Result<Vec<u8>, CadesError> {
        let mut w = Writer::with_capacity(2048);
        super::message::write(&mut w, &self, signature)?;
        Ok(w.finish())
    }

    pub(super) fn content_type(&self) -> ObjectIdentifier {
        self.content_type
    }

    pub(super) fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    /// The signing certificate and the embedded ones, each once.
    pub(super) fn certificates(&self) -> Vec<&[u8]> {
        let mut all = vec![self.certificate.der()];
        for certificate in &self.chain {
            if !all.contains(&certificate.der()) {
                all.push(certificate.der());
            }
        }
        all
    }

    /// Writes the `SignerInfo`, version 1: issuer and serial number.
    pub(super) fn write_signer_info(
        &self,
        w: &mut Writer,
        signature: &[u8],
    ) -> Result<(), CadesError> {
        let longest = max_signature_len(&self.certificate)?;
        if signature.len() > longest {
            return Err(CadesError::Misuse(format!(
                "signature value of {} octets; {} has at most {longest}",
                signature.len(),
                self.algorithm
            )));
        }
        w.sequence(|w| {
            w.u32(1);
            w.sequence(|w| {
                w.raw(self.certificate.issuer().der());
                w.tlv(Tag::INTEGER, self.certificate.serial().as_bytes());
            });
            self.algorithm.digest().encode(w);
            w.raw(&self.attributes);
            self.algorithm.encode(w);
            w.octets(signature);
        });
        Ok(())
    }
}

fn check(certificate: &Certificate, algorithm: SignatureAlgorithm) -> Result<(), CadesError> {
    let key = key_of(certificate)?;
    let fits = matches!(
        (key, algorithm),
        (KeyAlgorithm::Ec(_), SignatureAlgorithm::Ecdsa(_))
            | (KeyAlgorithm::Ed25519, SignatureAlgorithm::Ed25519)
            | (KeyAlgorithm::MlDsa(_), SignatureAlgorithm::MlDsa(_))
            | (
                KeyAlgorithm::Rsa { .. },
                SignatureAlgorithm::RsaPkcs1(_) | SignatureAlgorithm::RsaPss(_)
            )
            | (KeyAlgorithm::RsaPss { .. }, SignatureAlgorithm::RsaPss(_))
    );
    if fits {
        Ok(())
    } else {
        Err(CadesError::Algorithm { key, algorithm })
    }
}

/// What the syntax of the attributes does not allow.
fn check_parameters(parameters: &SignatureParameters) -> Result<(), CadesError> {
    let misuse = |what: String| Err(CadesError::Misuse(what));
    if let Some(l) = &parameters.location {
        let lines = l.postal_address.len();
        if l.country.is_none() && l.locality.is_none() && lines == 0 {
            return misuse("signer location: no part is given".to_owned());
        }
        if lines > MAX_POSTAL_LINES {
            return misuse(format!(
                "signer location: postal address of {lines} lines; at most {MAX_POSTAL_LINES} are allowed"
            ));
        }
        let parts = l.country.iter().chain(&l.locality).chain(&l.postal_address);
        if parts.clone().any(String::is_empty) {
            return misuse("signer location: a part is empty".to_owned());
        }
    }
    if let Some(PolicyIdentifier::Explicit { uri: Some(uri), .. }) = &parameters.policy
        && !uri.is_ascii()
    {
        return misuse(format!("signature policy: address \"{uri}\" is not ASCII"));
    }
    Ok(())
}

fn key_of(certificate: &Certificate) -> Result<KeyAlgorithm, CadesError> {
    certificate
        .public_key()
        .map(crate::keys::PublicKey::algorithm)
        .map_err(|e| {
            CadesError::Certificate(format!("certificate \"{}\": {e}", certificate.subject()))
        })
}

/// The longest signature value that the certificate's key makes, in octets.
fn max_signature_len(certificate: &Certificate) -> Result<usize, CadesError> {
    Ok(match key_of(certificate)? {
        // SEQUENCE of two INTEGERs, each with a leading zero where the first bit is set.
        KeyAlgorithm::Ec(curve) => match curve.coordinate_len() {
            ..=32 => 72,
            33..=48 => 104,
            _ => 139,
        },
        // Refused before: nothing here signs with DSA.
        KeyAlgorithm::Dsa { .. } => 72,
        KeyAlgorithm::Ed25519 => 64,
        KeyAlgorithm::MlDsa(set) => set.signature_len(),
        KeyAlgorithm::Rsa { bits } | KeyAlgorithm::RsaPss { bits } => {
            usize::try_from(bits.div_ceil(8)).unwrap_or(usize::MAX)
        }
    })
}

/// The attributes as the SET OF that is signed, in DER order.
fn signed_attributes(
    content: &Digest,
    certificate: &Certificate,
    algorithm: SignatureAlgorithm,
    p: &SignatureParameters,
) -> Vec<u8> {
    let mut all: Vec<Vec<u8>> = Vec::with_capacity(8);
    let mut put = |oid: ObjectIdentifier, value: &dyn Fn(&mut Writer)| {
        let mut w = Writer::with_capacity(128);
        w.sequence(|w| {
            w.oid(oid);
            w.nested(Tag::SET, |w| value(w));
        });
        all.push(w.finish());
    };
    put(oid::CONTENT_TYPE, &|w| w.oid(p.content_type));
    put(oid::MESSAGE_DIGEST, &|w| w.octets(content.as_bytes()));
    if let Some(time) = p.signing_time {
        put(oid::SIGNING_TIME, &|w| w.time(time));
    }
    put(oid::SIGNING_CERTIFICATE_V2, &|w| {
        signing_certificate(w, certificate)
    });
    // RFC 6211: binds both algorithms, which stand unsigned in SignerInfo.
    put(oid::CMS_ALGORITHM_PROTECTION, &|w| {
        w.sequence(|w| {
            algorithm.digest().encode(w);
            let mut identifier = Writer::new();
            algorithm.encode(&mut identifier);
            let mut octets = identifier.finish();
            if let Some(tag) = octets.first_mut() {
                *tag = Tag::constructed(1).0;
            }
            w.raw(&octets);
        });
    });
    if let Some(commitment) = p.commitment {
        put(oid::COMMITMENT_TYPE, &|w| {
            w.sequence(|w| w.oid(commitment.oid()))
        });
    }
    if let Some(location) = &p.location {
        put(oid::SIGNER_LOCATION, &|w| signer_location(w, location));
    }
    if let Some(policy) = &p.policy {
        put(oid::SIGNATURE_POLICY_ID, &|w| policy_identifier(w, policy));
    }
    if let Some(mime) = &p.mime_type {
        put(oid::MIME_TYPE, &|w| {
            w.tlv(Tag::UTF8_STRING, mime.as_bytes())
        });
    }
    let mut w = Writer::with_capacity(512);
    w.set_of(Tag::SET, &mut all);
    w.finish()
}

/// `SigningCertificateV2` with one `ESSCertIDv2`: SHA-256, which is the DEFAULT and left out, and
/// issuer and serial number (RFC 5035 3 and 4).
fn signing_certificate(w: &mut Writer, certificate: &Certificate) {
    w.sequence(|w| {
        w.sequence(|w| {
            w.sequence(|w| {
                w.octets(&certificate.sha256());
                w.sequence(|w| {
                    w.sequence(|w| {
                        w.nested(Tag::constructed(4), |w| w.raw(certificate.issuer().der()));
                    });
                    w.tlv(Tag::INTEGER, certificate.serial().as_bytes());
                });
            });
        });
    });
}

/// `SignerLocation`: `[0]` country, `[1]` locality, `[2]` postal address, all explicit.
fn signer_location(w: &mut Writer, location: &SignerLocation) {
    w.sequence(|w| {
        for (n, part) in [(0, &location.country), (1, &location.locality)] {
            if let Some(part) = part {
                w.nested(Tag::constructed(n), |w| {
                    w.tlv(Tag::UTF8_STRING, part.as_bytes())
                });
            }
        }
        if !location.postal_address.is_empty() {
            w.nested(Tag::constructed(2), |w| {
                w.sequence(|w| {
                    for line in &location.postal_address {
                        w.tlv(Tag::UTF8_STRING, line.as_bytes());
                    }
                });
            });
        }
    });
}

/// `SignaturePolicy`: a `SignaturePolicyId`, or NULL where it is implied.
fn policy_identifier(w: &mut Writer, policy: &PolicyIdentifier) {
    match policy {
        PolicyIdentifier::Implied => w.tlv(Tag::NULL, &[]),
        PolicyIdentifier::Explicit { oid, hash, uri } => w.sequence(|w| {
            w.oid(*oid);
            w.sequence(|w| {
                hash.algorithm().encode(w);
                w.octets(hash.as_bytes());
            });
            if let Some(uri) = uri {
                w.sequence(|w| {
                    w.sequence(|w| {
                        w.oid(oid::SP_URI);
                        w.tlv(Tag::IA5_STRING, uri.as_bytes());
                    });
                });
            }
        }),
    }
}
