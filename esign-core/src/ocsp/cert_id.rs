use crate::oid::ObjectIdentifier;

use crate::der::{DecodeError, Reader, Tag, Writer};
use crate::keys::{DigestAlgorithm, Hasher};
use crate::x509::{Certificate, SerialNumber};

/// How a certificate is named to a responder: by digests of its issuer's name and key, and its
/// serial number (RFC 6960 4.1.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertId {
    /// hashAlgorithm; where it is not computed here, its identifier.
    pub algorithm: Result<DigestAlgorithm, ObjectIdentifier>,
    /// issuerNameHash: of the encoding of the issuer's subject.
    pub name_hash: Box<[u8]>,
    /// issuerKeyHash: of the key's octets, without tag, length and unused bits.
    pub key_hash: Box<[u8]>,
    /// serialNumber
    pub serial: SerialNumber,
}

impl CertId {
    /// Names the certificate `serial` of `issuer`; `None` where the issuer's key is not known here.
    pub fn new(
        serial: SerialNumber,
        issuer: &Certificate,
        algorithm: DigestAlgorithm,
    ) -> Option<Self> {
        let key = issuer.public_key().ok()?;
        let digest = |octets| Hasher::digest(algorithm, octets).as_bytes().into();
        Some(Self {
            algorithm: Ok(algorithm),
            name_hash: digest(issuer.subject().der()),
            key_hash: digest(key.key_octets()),
            serial,
        })
    }

    /// Whether it names `certificate`, issued by `issuer`; `Err` says which part differs.
    ///
    /// # Errors
    /// Name of the first part that differs: `serial`, `algorithm`, `issuer_name`, `issuer_key`.
    pub fn names(
        &self,
        certificate: &Certificate,
        issuer: &Certificate,
    ) -> Result<(), &'static str> {
        if self.serial != *certificate.serial() {
            return Err("serial");
        }
        let algorithm = self.algorithm.map_err(|_| "algorithm")?;
        let key = issuer.public_key().map_err(|_| "issuer_key")?;
        let is = |octets, hash: &[u8]| Hasher::digest(algorithm, octets).as_bytes() == hash;
        // The issuer may have encoded its name otherwise in its own certificate than in those it
        // issued (RFC 5280 7.1); responders hash either.
        let by_name = is(certificate.issuer().der(), &self.name_hash)
            || is(issuer.subject().der(), &self.name_hash);
        if !by_name {
            return Err("issuer_name");
        }
        if !is(key.key_octets(), &self.key_hash) {
            return Err("issuer_key");
        }
        Ok(())
    }

    pub(super) fn decode(r: &mut Reader<'_>, field: &str) -> Result<Self, DecodeError> {
        r.sequence(field, |r| {
            Ok(Self {
                algorithm: DigestAlgorithm::decode(r, "hashAlgorithm")?,
                name_hash: r.expect(Tag::OCTET_STRING, "issuerNameHash")?.value.into(),
                key_hash: r.expect(Tag::OCTET_STRING, "issuerKeyHash")?.value.into(),
                serial: SerialNumber::from_content(r.integer("serialNumber")?),
            })
        })
    }

    pub(super) fn encode(&self, w: &mut Writer) {
        w.sequence(|w| {
            match self.algorithm {
                // With NULL as parameters: OpenSSL and most responders compare the encodings.
                Ok(algorithm) => w.sequence(|w| {
                    w.oid(algorithm.oid());
                    w.tlv(Tag::NULL, &[]);
                }),
                Err(oid) => w.sequence(|w| w.oid(oid)),
            }
            w.octets(&self.name_hash);
            w.octets(&self.key_hash);
            w.tlv(Tag::INTEGER, self.serial.as_bytes());
        });
    }
}
