use std::sync::Arc;

use crate::oid::ObjectIdentifier;

use super::verify::is_time_stamping;
use crate::der::{Tag, Writer};
use crate::keys::{Hasher, KeyError, KeyErrorKind, SignatureAlgorithm, SigningKey, ToBeSigned};
use crate::oid;
use crate::x509::Certificate;

/// Makes tokens with one certificate and its key. What is the same in each token is written once.
pub struct TokenSigner {
    key: Arc<dyn SigningKey>,
    certificate: Certificate,
    algorithm: SignatureAlgorithm,
    /// `digestAlgorithms`, a SET of one.
    digest_algorithms: Vec<u8>,
    /// `certificates [0]` with the path.
    certificates: Vec<u8>,
    /// `version` and `sid` and `digestAlgorithm` of the `SignerInfo`.
    signer_head: Vec<u8>,
    signature_algorithm: Vec<u8>,
    /// Attributes that are the same in each token.
    attributes: Vec<Vec<u8>>,
}

/// A token that waits for its signature value.
pub struct PreparedToken<'a> {
    signer: &'a TokenSigner,
    tst_info: &'a [u8],
    with_certificates: bool,
    /// `signedAttrs` as SET OF, whole.
    attributes: Vec<u8>,
}

impl TokenSigner {
    /// A signer with its path: `chain` are the certificates above, which go into the token beside the
    /// signer's where the client asks for certificates.
    ///
    /// # Errors
    /// The key is not the certificate's, or the certificate is not one for time-stamping alone.
    pub fn new(
        key: Arc<dyn SigningKey>,
        certificate: Certificate,
        chain: &[Certificate],
    ) -> Result<Self, KeyError> {
        let subject = certificate.subject();
        let mismatch = |text| KeyError::new(KeyErrorKind::Mismatch, text);
        if certificate.spki_der() != key.public_key().spki() {
            return Err(mismatch(format!(
                "key {:?} does not belong to certificate \"{subject}\"",
                key.public_key(),
            )));
        }
        if !is_time_stamping(&certificate) {
            return Err(mismatch(format!(
                "certificate \"{subject}\": extKeyUsage is not id-kp-timeStamping alone and critical, \
                 or keyUsage does not let it sign (RFC 3161 2.3)"
            )));
        }
        Self::assemble(key, certificate, chain)
    }

    /// What [`Self::new`] does once the certificate is known to be one for time-stamping.
    pub(super) fn assemble(
        key: Arc<dyn SigningKey>,
        certificate: Certificate,
        chain: &[Certificate],
    ) -> Result<Self, KeyError> {
        let algorithm =
            key.algorithms().first().copied().ok_or_else(|| {
                KeyError::new(KeyErrorKind::Algorithm, "the key offers no algorithm")
            })?;
        let digest = algorithm.digest();
        let write = |write: &dyn Fn(&mut Writer)| {
            let mut w = Writer::new();
            write(&mut w);
            w.finish()
        };
        let mut path: Vec<Vec<u8>> = vec![certificate.der().to_vec()];
        for one in chain {
            if path.iter().all(|c| c != one.der()) {
                path.push(one.der().to_vec());
            }
        }
        let signature_algorithm = write(&|w| algorithm.encode(w));
        let mut protected = signature_algorithm.clone();
        if let Some(tag) = protected.first_mut() {
            *tag = Tag::constructed(1).0;
        }
        Ok(Self {
            digest_algorithms: write(&|w| w.nested(Tag::SET, |w| digest.encode(w))),
            certificates: {
                let mut w = Writer::new();
                w.set_of(Tag::constructed(0), &mut path);
                w.finish()
            },
            signer_head: write(&|w| {
                w.u32(1);
                w.sequence(|w| {
                    w.raw(certificate.issuer().der());
                    w.tlv(Tag::INTEGER, certificate.serial().as_bytes());
                });
                digest.encode(w);
            }),
            attributes: vec![
                attribute(oid::CONTENT_TYPE, |w| w.oid(oid::TST_INFO)),
                attribute(oid::SIGNING_CERTIFICATE_V2, |w| {
                    ess_cert_id_v2(w, &certificate);
                }),
                // RFC 6211: binds both algorithms, which stand unsigned in SignerInfo.
                attribute(oid::CMS_ALGORITHM_PROTECTION, |w| {
                    w.sequence(|w| {
                        digest.encode(w);
                        w.raw(&protected);
                    });
                }),
            ],
            signature_algorithm,
            key,
            certificate,
            algorithm,
        })
    }

    /// The certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Builds the signed attributes over a `TSTInfo` and hands out what is to be signed.
    ///
    /// # Source
    /// RFC 3161 2.4.2; RFC 5652 5.3 and 5.4; RFC 5816; RFC 6211. No signing-time: `genTime` says it.
    pub fn prepare<'a>(
        &'a self,
        tst_info: &'a [u8],
        with_certificates: bool,
    ) -> (PreparedToken<'a>, ToBeSigned) {
        let digest = Hasher::digest(self.algorithm.digest(), tst_info);
        let mut all = self.attributes.clone();
        all.push(attribute(oid::MESSAGE_DIGEST, |w| {
            w.octets(digest.as_bytes());
        }));
        let mut w = Writer::with_capacity(512);
        w.set_of(Tag::SET, &mut all);
        let bytes = w.finish();
        let prepared = PreparedToken {
            signer: self,
            tst_info,
            with_certificates,
            attributes: bytes.clone(),
        };
        let algorithm = self.algorithm;
        (prepared, ToBeSigned { bytes, algorithm })
    }

    /// Signs a `TSTInfo`: a whole token.
    ///
    /// # Errors
    /// Those of the key.
    pub fn sign(&self, tst_info: &[u8], with_certificates: bool) -> Result<Vec<u8>, KeyError> {
        let (prepared, message) = self.prepare(tst_info, with_certificates);
        let value = self.key.sign(message.algorithm, &message.bytes)?;
        Ok(prepared.finish(&value))
    }
}

impl core::fmt::Debug for TokenSigner {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "time-stamps of \"{}\"", self.certificate.subject())
    }
}

impl PreparedToken<'_> {
    /// Puts the signature value in; returns the token.
    pub fn finish(mut self, signature: &[u8]) -> Vec<u8> {
        if let Some(tag) = self.attributes.first_mut() {
            *tag = Tag::constructed(0).0;
        }
        let signer = self.signer;
        let mut w = Writer::with_capacity(signer.certificates.len() + 1024);
        w.sequence(|w| {
            w.oid(oid::SIGNED_DATA);
            w.nested(Tag::constructed(0), |w| {
                w.sequence(|w| {
                    // RFC 5652 5.1: 3, since the content is not id-data.
                    w.u32(3);
                    w.raw(&signer.digest_algorithms);
                    w.sequence(|w| {
                        w.oid(oid::TST_INFO);
                        w.nested(Tag::constructed(0), |w| w.octets(self.tst_info));
                    });
                    if self.with_certificates {
                        w.raw(&signer.certificates);
                    }
                    w.nested(Tag::SET, |w| {
                        w.sequence(|w| {
                            w.raw(&signer.signer_head);
                            w.raw(&self.attributes);
                            w.raw(&signer.signature_algorithm);
                            w.octets(signature);
                        });
                    });
                });
            });
        });
        w.finish()
    }
}

fn attribute(oid: ObjectIdentifier, value: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut w = Writer::with_capacity(128);
    w.sequence(|w| {
        w.oid(oid);
        w.nested(Tag::SET, value);
    });
    w.finish()
}

/// `SigningCertificateV2` with one `ESSCertIDv2`: SHA-256, which is the DEFAULT and left out, issuer
/// and serial number (RFC 5035 3 and 4).
fn ess_cert_id_v2(w: &mut Writer, certificate: &Certificate) {
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
