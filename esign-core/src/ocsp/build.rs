use super::response::wrap;
use super::{CertId, CertStatus, Nonce, ResponderId};
use crate::der::{Tag, Writer};
use crate::keys::{KeyError, KeyErrorKind, PublicKey, SignatureAlgorithm, SigningKey, ToBeSigned};
use crate::oid;
use crate::time::UnixTime;
use crate::x509::{BuildError, Certificate};

/// What is said of one certificate.
#[derive(Clone, Debug)]
pub struct Status {
    /// Whom it speaks of.
    pub id: CertId,
    /// What it says.
    pub status: CertStatus,
    /// When that was known to be so.
    pub this_update: UnixTime,
    /// When something newer is there at the latest.
    pub next_update: Option<UnixTime>,
    /// Since when expired certificates are answered for.
    pub archive_cutoff: Option<UnixTime>,
}

/// What a response says.
#[derive(Clone, Debug)]
pub struct ResponseBuilder {
    /// Who signs.
    pub responder: ResponderId,
    /// When it is signed.
    pub produced_at: UnixTime,
    /// Of which certificates it speaks; at least one.
    pub statuses: Vec<Status>,
    /// The nonce of the request; none in a response made beforehand.
    pub nonce: Option<Nonce>,
    /// Whether "revoked" is said of certificates that were never issued.
    pub extended_revoke: bool,
    /// The delegated responder's certificate; none where the issuer signs.
    pub certificates: Vec<Certificate>,
}

/// A response that waits for its signature.
#[derive(Clone, Debug)]
pub struct UnsignedResponse {
    tbs: Vec<u8>,
    algorithm: SignatureAlgorithm,
    certificates: Vec<Certificate>,
}

impl ResponseBuilder {
    /// Fixes what is signed.
    ///
    /// # Errors
    /// It speaks of no certificate, or of more than a reader here takes; a nextUpdate that is
    /// before its thisUpdate; "revoked" from after thisUpdate.
    pub fn draft(self, algorithm: SignatureAlgorithm) -> Result<UnsignedResponse, BuildError> {
        let count = self.statuses.len();
        if count == 0 || count > super::MAX_SINGLE_RESPONSES {
            let most = super::MAX_SINGLE_RESPONSES;
            let text = format!("OCSP response: speaks of {count} certificates, not of 1 to {most}");
            return Err(BuildError::new(text));
        }
        for s in &self.statuses {
            if let Some(next) = s.next_update
                && next < s.this_update
            {
                let text = format!(
                    "OCSP response: nextUpdate {next} is before thisUpdate {}",
                    s.this_update
                );
                return Err(BuildError::new(text));
            }
            if let CertStatus::Revoked { at, .. } = s.status
                && at > s.this_update
            {
                let text = format!(
                    "OCSP response: revocationTime {at} is after thisUpdate {}",
                    s.this_update
                );
                return Err(BuildError::new(text));
            }
        }
        let mut w = Writer::with_capacity(512);
        w.sequence(|w| self.encode(w));
        Ok(UnsignedResponse {
            tbs: w.finish(),
            algorithm,
            certificates: self.certificates,
        })
    }

    fn encode(&self, w: &mut Writer) {
        match &self.responder {
            ResponderId::ByName(name) => w.nested(Tag::constructed(1), |w| w.raw(name.der())),
            ResponderId::ByKey(hash) => w.nested(Tag::constructed(2), |w| w.octets(hash)),
        }
        w.generalized_time(self.produced_at);
        w.sequence(|w| self.statuses.iter().for_each(|s| s.encode(w)));
        if self.nonce.is_none() && !self.extended_revoke {
            return;
        }
        w.nested(Tag::constructed(1), |w| {
            w.sequence(|w| {
                if let Some(nonce) = &self.nonce {
                    nonce.encode(w);
                }
                if self.extended_revoke {
                    w.sequence(|w| {
                        w.oid(oid::OCSP_EXTENDED_REVOKE);
                        w.octets(&[Tag::NULL.0, 0]);
                    });
                }
            });
        });
    }
}

impl Status {
    fn encode(&self, w: &mut Writer) {
        w.sequence(|w| {
            self.id.encode(w);
            match self.status {
                CertStatus::Good => w.tlv(Tag::primitive(0), &[]),
                CertStatus::Unknown => w.tlv(Tag::primitive(2), &[]),
                CertStatus::Revoked { at, reason } => w.nested(Tag::constructed(1), |w| {
                    w.generalized_time(at);
                    if let Some(reason) = reason {
                        w.nested(Tag::constructed(0), |w| {
                            w.tlv(Tag::ENUMERATED, &[reason.number()]);
                        });
                    }
                }),
            }
            w.generalized_time(self.this_update);
            if let Some(next) = self.next_update {
                w.nested(Tag::constructed(0), |w| w.generalized_time(next));
            }
            if let Some(cutoff) = self.archive_cutoff {
                w.nested(Tag::constructed(1), |w| {
                    w.sequence(|w| {
                        w.sequence(|w| {
                            w.oid(oid::OCSP_ARCHIVE_CUTOFF);
                            w.nested(Tag::OCTET_STRING, |w| w.generalized_time(cutoff));
                        });
                    });
                });
            }
        });
    }
}

impl UnsignedResponse {
    /// What the responder's key has to sign.
    pub fn prepare(&self) -> ToBeSigned {
        ToBeSigned {
            bytes: self.tbs.clone(),
            algorithm: self.algorithm,
        }
    }

    /// Puts the signature to it: an `OCSPResponse`.
    ///
    /// # Errors
    /// The signature is not that of `key` over [`Self::prepare`].
    pub fn finish(self, signature: &[u8], key: &PublicKey) -> Result<Vec<u8>, BuildError> {
        key.verify(self.algorithm, &self.tbs, signature)
            .map_err(|_| {
                BuildError::new("OCSP response: the signature is not that of the responder's key")
            })?;
        Ok(self.assemble(signature))
    }

    /// Both halves with a key at hand. What it signed is not verified again: a responder makes
    /// thousands a second.
    ///
    /// # Errors
    /// The key refuses; or the certificates that go with it do not begin with the key's own.
    pub fn sign(self, key: &dyn SigningKey) -> Result<Vec<u8>, KeyError> {
        if let Some(own) = self.certificates.first()
            && own.spki_der() != key.public_key().spki()
        {
            let text = format!("OCSP response: {own:?} is not of the key that signs");
            return Err(KeyError::new(KeyErrorKind::Mismatch, text));
        }
        let signature = key.sign(self.algorithm, &self.tbs)?;
        Ok(self.assemble(&signature))
    }

    fn assemble(&self, signature: &[u8]) -> Vec<u8> {
        let mut w = Writer::with_capacity(self.tbs.len().saturating_add(2048));
        w.sequence(|w| {
            w.raw(&self.tbs);
            self.algorithm.encode(w);
            w.bit_octets(signature);
            if !self.certificates.is_empty() {
                w.nested(Tag::constructed(0), |w| {
                    w.sequence(|w| self.certificates.iter().for_each(|c| w.raw(c.der())));
                });
            }
        });
        wrap(&w.finish())
    }
}
