use super::{Crl, RevocationReason};
use crate::der::{Tag, Writer};
use crate::keys::{KeyError, PublicKey, SignatureAlgorithm, SigningKey, ToBeSigned};
use crate::oid;
use crate::time::UnixTime;
use crate::x509::{BuildError, Name, SerialNumber};

/// One certificate that goes on a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevokedCertificate {
    /// Its serial number.
    pub serial: SerialNumber,
    /// When it was revoked.
    pub revocation_date: UnixTime,
    /// Why; `Unspecified` is left out as RFC 5280 5.3.1 asks.
    pub reason: RevocationReason,
    /// Since when its key is known or suspected to be compromised.
    pub invalidity_date: Option<UnixTime>,
}

/// What a list says besides its entries.
#[derive(Clone, Debug)]
pub struct CrlBuilder {
    /// Subject of the issuing certificate, octet for octet.
    pub issuer: Name,
    /// Subject key identifier of the issuing certificate.
    pub key_identifier: Vec<u8>,
    /// Greater than that of every list before it; at most 20 octets.
    pub number: SerialNumber,
    /// When it was made.
    pub this_update: UnixTime,
    /// When the next one is there at the latest.
    pub next_update: UnixTime,
    /// Since when expired certificates stay on it (EN 319 411-2 CSS-6.3.10-08).
    pub expired_certificates_since: Option<UnixTime>,
}

/// A list that waits for its signature.
#[derive(Debug)]
pub struct UnsignedCrl {
    tbs: Vec<u8>,
    algorithm: SignatureAlgorithm,
    key: PublicKey,
}

impl CrlBuilder {
    /// Fixes what is to be signed. Entries are written as they come; sorting them by serial is
    /// the caller's choice.
    ///
    /// # Errors
    /// The number is not positive or longer than 20 octets; `next_update` is not after
    /// `this_update`; `removeFromCRL`, which belongs on a delta list.
    pub fn build(
        &self,
        entries: impl IntoIterator<Item = RevokedCertificate>,
        key: &PublicKey,
        algorithm: SignatureAlgorithm,
    ) -> Result<UnsignedCrl, BuildError> {
        if self.number.is_negative() || self.number.as_bytes().len() > SerialNumber::MAX_LEN {
            return Err(BuildError::new(format!(
                "cRLNumber: {} is negative or longer than 20 octets",
                self.number
            )));
        }
        if self.next_update <= self.this_update {
            return Err(BuildError::new(format!(
                "nextUpdate: {} is not after thisUpdate {}",
                self.next_update, self.this_update
            )));
        }
        let mut list = Writer::new();
        for entry in entries {
            if entry.reason == RevocationReason::RemoveFromCrl {
                return Err(BuildError::new(format!(
                    "revokedCertificates: {} has the reason removeFromCRL, which is for delta lists",
                    entry.serial
                )));
            }
            entry.encode(&mut list);
        }
        let list = list.finish();
        let mut w = Writer::with_capacity(list.len() + 512);
        w.sequence(|w| {
            w.u32(1);
            algorithm.encode(w);
            w.raw(self.issuer.der());
            w.time(self.this_update);
            w.time(self.next_update);
            if !list.is_empty() {
                w.tlv(Tag::SEQUENCE, &list);
            }
            w.nested(Tag::constructed(0), |w| w.sequence(|w| self.extensions(w)));
        });
        Ok(UnsignedCrl {
            tbs: w.finish(),
            algorithm,
            key: key.clone(),
        })
    }

    fn extensions(&self, w: &mut Writer) {
        w.sequence(|w| {
            w.oid(oid::AUTHORITY_KEY_IDENTIFIER);
            let mut value = Writer::new();
            value.sequence(|w| w.tlv(Tag::primitive(0), &self.key_identifier));
            w.octets(&value.finish());
        });
        w.sequence(|w| {
            w.oid(oid::CRL_NUMBER);
            let mut value = Writer::new();
            value.tlv(Tag::INTEGER, self.number.as_bytes());
            w.octets(&value.finish());
        });
        if let Some(since) = self.expired_certificates_since {
            w.sequence(|w| {
                w.oid(oid::EXPIRED_CERTS_ON_CRL);
                let mut value = Writer::new();
                value.generalized_time(since);
                w.octets(&value.finish());
            });
        }
    }
}

impl RevokedCertificate {
    fn encode(&self, w: &mut Writer) {
        w.sequence(|w| {
            w.tlv(Tag::INTEGER, self.serial.as_bytes());
            w.time(self.revocation_date);
            let reason = self.reason != RevocationReason::Unspecified;
            if !reason && self.invalidity_date.is_none() {
                return;
            }
            w.sequence(|w| {
                if reason {
                    w.sequence(|w| {
                        w.oid(oid::CRL_REASON);
                        w.octets(&[Tag::ENUMERATED.0, 1, self.reason.number()]);
                    });
                }
                if let Some(since) = self.invalidity_date {
                    w.sequence(|w| {
                        w.oid(oid::INVALIDITY_DATE);
                        let mut value = Writer::new();
                        value.generalized_time(since);
                        w.octets(&value.finish());
                    });
                }
            });
        });
    }
}

impl UnsignedCrl {
    /// What the issuer's key has to sign.
    pub fn prepare(&self) -> ToBeSigned {
        ToBeSigned {
            bytes: self.tbs.clone(),
            algorithm: self.algorithm,
        }
    }

    /// Puts the signature to it.
    ///
    /// # Errors
    /// The signature is not that of the issuer's key over [`Self::prepare`].
    pub fn finish(self, signature: &[u8]) -> Result<Crl, BuildError> {
        self.key
            .verify(self.algorithm, &self.tbs, signature)
            .map_err(|_| BuildError::new("CRL: the signature is not that of the issuer's key"))?;
        let mut w = Writer::with_capacity(self.tbs.len() + signature.len() + 64);
        w.sequence(|w| {
            w.raw(&self.tbs);
            self.algorithm.encode(w);
            w.bit_octets(signature);
        });
        Crl::from_der(&w.finish()).map_err(|e| BuildError::new(e.to_string()))
    }

    /// Both halves with a key at hand.
    ///
    /// # Errors
    /// The key refuses, or is not the issuer's.
    pub fn sign(self, key: &dyn SigningKey) -> Result<Crl, KeyError> {
        let signature = key.sign(self.algorithm, &self.tbs)?;
        self.finish(&signature)
            .map_err(|e| KeyError::new(crate::keys::KeyErrorKind::Mismatch, e.to_string()))
    }
}
