use std::sync::Arc;

use crate::oid::ObjectIdentifier;

use super::{CertId, place};
use crate::der::{DecodeError, DecodeKind, Reader, Rules, Tag, Tlv, Writer, decode};
use crate::keys::{
    KeyError, KeyErrorKind, PublicKey, SignatureAlgorithm, SigningKey, ToBeSigned, VerifyError,
};
use crate::oid;
use crate::x509::{BuildError, Certificate, Extension, Extensions, GeneralName, Name, Signed};

/// Largest request that is decoded, in octets. A signed one with certificates has some 5 KiB.
const MAX_OCTETS: usize = 1 << 16;
/// Most certificates that one request may ask about. Clients ask about one (RFC 5019 2.1.1).
const MAX_REQUESTS: usize = 100;
/// Most certificates that come with a signed request.
const MAX_CERTIFICATES: usize = 16;

/// What ties a response to its request: 1 to 128 octets (RFC 9654 2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nonce(Box<[u8]>);

impl Nonce {
    /// `None` where there are fewer than 1 or more than 128 octets.
    pub fn new(octets: &[u8]) -> Option<Self> {
        (1..=128)
            .contains(&octets.len())
            .then(|| Self(octets.into()))
    }

    /// The octets.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn decode(extension: &Extension<'_>) -> Result<Self, DecodeError> {
        extension.decode("nonce", |r| {
            let tlv = r.expect(Tag::OCTET_STRING, "")?;
            let kind = DecodeKind::Value("nonce is not of 1 to 128 octets");
            Self::new(tlv.value).ok_or_else(|| tlv.error(kind, ""))
        })
    }

    pub(super) fn encode(&self, w: &mut Writer) {
        w.sequence(|w| {
            w.oid(oid::OCSP_NONCE);
            w.nested(Tag::OCTET_STRING, |w| w.octets(&self.0));
        });
    }
}

/// A request as received.
#[derive(Clone)]
pub struct OcspRequest {
    der: Arc<[u8]>,
    requestor: Option<GeneralName>,
    asked: Vec<CertId>,
    nonce: Option<Nonce>,
    unprocessed: Option<ObjectIdentifier>,
    signed: Option<Signed>,
    certificates: Vec<Certificate>,
}

impl OcspRequest {
    /// Decodes a DER `OCSPRequest` that fills `der`.
    ///
    /// # Errors
    /// Not DER; a structure other than that of RFC 6960 4.1.1; no certificate asked about, or more
    /// than 100; a nonce that is not of 1 to 128 octets.
    pub fn from_der(der: &[u8]) -> Result<Self, DecodeError> {
        if der.len() > MAX_OCTETS {
            let kind = DecodeKind::Limit("larger than 64 KiB");
            return Err(DecodeError::new(kind, "ocspRequest", 0));
        }
        let octets: Arc<[u8]> = der.into();
        decode(&octets, Rules::Der, |r| {
            r.sequence("ocspRequest", |r| {
                let tbs = r.expect(Tag::SEQUENCE, "tbsRequest")?;
                let mut request = tbs.nested("tbsRequest", |r| decode_tbs(r, &octets))?;
                if let Some(t) = r.optional(Tag::constructed(0), "optionalSignature")? {
                    t.nested("optionalSignature", |r| {
                        r.sequence("signature", |r| signature(r, &tbs, &mut request))
                    })?;
                }
                Ok(request)
            })
        })
    }

    /// The octets as received.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// requestorName
    pub fn requestor(&self) -> Option<&GeneralName> {
        self.requestor.as_ref()
    }

    /// The certificates asked about; at least one.
    pub fn asked(&self) -> &[CertId] {
        &self.asked
    }

    /// The nonce that the response shall repeat.
    pub fn nonce(&self) -> Option<&Nonce> {
        self.nonce.as_ref()
    }

    /// A critical extension that is not known; a responder refuses such a request.
    pub fn unprocessed(&self) -> Option<ObjectIdentifier> {
        self.unprocessed
    }

    /// Whether it is signed.
    pub fn is_signed(&self) -> bool {
        self.signed.is_some()
    }

    /// Certificates that came with the signature.
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// Verifies the signature with `key`. Cryptography only.
    ///
    /// # Errors
    /// [`VerifyError`]; one that is not signed is [`VerifyError::Invalid`].
    pub fn verify_signed_by(&self, key: &PublicKey) -> Result<(), VerifyError> {
        let signed = self.signed.as_ref().ok_or(VerifyError::Invalid)?;
        signed.verify(key)
    }
}

fn decode_tbs(r: &mut Reader<'_>, der: &Arc<[u8]>) -> Result<OcspRequest, DecodeError> {
    super::response::version(r)?;
    let requestor = match r.optional(Tag::constructed(1), "requestorName")? {
        Some(t) => {
            let names = t.nested("requestorName", |r| GeneralName::list(r, "generalName"))?;
            let [name] = <[GeneralName; 1]>::try_from(names)
                .map_err(|_| t.error(DecodeKind::Value("not one name"), "requestorName"))?;
            Some(name)
        }
        None => None,
    };
    let mut unprocessed = None;
    let mut asked = Vec::new();
    let list = r.expect(Tag::SEQUENCE, "requestList")?;
    list.nested("requestList", |r| {
        while !r.is_empty() {
            if asked.len() >= MAX_REQUESTS {
                return Err(r.error(DecodeKind::Limit("more than 100 requests"), ""));
            }
            asked.push(r.sequence("request", |r| {
                let id = CertId::decode(r, "reqCert")?;
                if let Some(t) = r.optional(Tag::constructed(0), "singleRequestExtensions")? {
                    let extensions = t.nested("", Extensions::decode)?;
                    let found = extensions.iter(der).find(|e| e.critical).map(|e| e.oid);
                    unprocessed = unprocessed.or(found);
                }
                Ok(id)
            })?);
        }
        Ok(())
    })?;
    if asked.is_empty() {
        let kind = DecodeKind::Value("asks about no certificate");
        return Err(list.error(kind, "requestList"));
    }
    let mut nonce = None;
    if let Some(t) = r.optional(Tag::constructed(2), "requestExtensions")? {
        let extensions = t.nested("", Extensions::decode)?;
        nonce = extensions
            .find(der, oid::OCSP_NONCE)
            .map(|e| Nonce::decode(&e))
            .transpose()?;
        let known = [oid::OCSP_NONCE, oid::OCSP_RESPONSE];
        let found = extensions
            .iter(der)
            .find(|e| e.critical && !known.contains(&e.oid));
        unprocessed = unprocessed.or(found.map(|e| e.oid));
    }
    Ok(OcspRequest {
        der: Arc::clone(der),
        requestor,
        asked,
        nonce,
        unprocessed,
        signed: None,
        certificates: Vec::new(),
    })
}

/// What is signed stands before the signature, not in one SEQUENCE with it: RFC 6960 4.1.1.
fn signature(
    r: &mut Reader<'_>,
    tbs: &Tlv<'_>,
    request: &mut OcspRequest,
) -> Result<(), DecodeError> {
    request.signed = Some(Signed::apart(r, &request.der, place(tbs))?);
    if let Some(t) = r.optional(Tag::constructed(0), "certs")? {
        request.certificates = super::response::certificates(&t, MAX_CERTIFICATES)?;
    }
    Ok(())
}

impl PartialEq for OcspRequest {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for OcspRequest {}

impl core::fmt::Debug for OcspRequest {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "OCSP request about {:?}", self.asked)
    }
}

/// A request that is being written. Responders ask for signed ones rarely; RFC 5019 2.1.2 has them
/// unsigned.
#[derive(Clone, Debug, Default)]
pub struct RequestBuilder {
    /// The certificates asked about; at least one.
    pub asked: Vec<CertId>,
    /// The nonce; 32 octets are what RFC 9654 2.1 asks of clients.
    pub nonce: Option<Nonce>,
}

impl RequestBuilder {
    /// The encoding of an unsigned `OCSPRequest`; `None` where nothing is asked.
    pub fn build(&self) -> Option<Vec<u8>> {
        if self.asked.is_empty() {
            return None;
        }
        let mut w = Writer::new();
        w.sequence(|w| w.sequence(|w| self.encode(w, None)));
        Some(w.finish())
    }

    /// Fixes what is signed. `requestor` is the name of who signs, his certificate's subject;
    /// `certificates` begin with that certificate, where the responder may not have it.
    ///
    /// # Errors
    /// It asks about no certificate, or about more than a reader here takes; more certificates than
    /// that.
    ///
    /// # Source
    /// RFC 6960 4.1.1, 4.1.2: a signed request names the requestor.
    pub fn draft(
        &self,
        requestor: &Name,
        certificates: Vec<Certificate>,
        algorithm: SignatureAlgorithm,
    ) -> Result<UnsignedRequest, BuildError> {
        let (count, most) = (self.asked.len(), MAX_REQUESTS);
        if count == 0 || count > most {
            let text = format!("OCSP request: asks about {count} certificates, not 1 to {most}");
            return Err(BuildError::new(text));
        }
        let (count, most) = (certificates.len(), MAX_CERTIFICATES);
        if count > most {
            let text = format!("OCSP request: comes with {count} certificates, at most {most}");
            return Err(BuildError::new(text));
        }
        let mut w = Writer::new();
        w.sequence(|w| self.encode(w, Some(requestor)));
        Ok(UnsignedRequest {
            tbs: w.finish(),
            algorithm,
            certificates,
        })
    }

    /// Contents of a `TBSRequest`.
    fn encode(&self, w: &mut Writer, requestor: Option<&Name>) {
        if let Some(name) = requestor {
            w.nested(Tag::constructed(1), |w| {
                GeneralName::Directory(name.clone()).encode(w);
            });
        }
        w.sequence(|w| {
            for id in &self.asked {
                w.sequence(|w| id.encode(w));
            }
        });
        if let Some(nonce) = &self.nonce {
            w.nested(Tag::constructed(2), |w| w.sequence(|w| nonce.encode(w)));
        }
    }
}

/// A request that waits for its signature.
#[derive(Clone, Debug)]
pub struct UnsignedRequest {
    tbs: Vec<u8>,
    algorithm: SignatureAlgorithm,
    certificates: Vec<Certificate>,
}

impl UnsignedRequest {
    /// What the requestor's key has to sign.
    pub fn prepare(&self) -> ToBeSigned {
        ToBeSigned {
            bytes: self.tbs.clone(),
            algorithm: self.algorithm,
        }
    }

    /// Puts the signature to it: an `OCSPRequest`.
    ///
    /// # Errors
    /// The signature is not that of `key` over [`Self::prepare`].
    pub fn finish(self, signature: &[u8], key: &PublicKey) -> Result<Vec<u8>, BuildError> {
        key.verify(self.algorithm, &self.tbs, signature)
            .map_err(|_| {
                BuildError::new("OCSP request: the signature is not that of the requestor's key")
            })?;
        Ok(self.assemble(signature))
    }

    /// Both halves with a key at hand.
    ///
    /// # Errors
    /// The key refuses; or the certificates that go with it do not begin with the key's own.
    pub fn sign(self, key: &dyn SigningKey) -> Result<Vec<u8>, KeyError> {
        if let Some(own) = self.certificates.first()
            && own.spki_der() != key.public_key().spki()
        {
            let text = format!("OCSP request: {own:?} is not of the key that signs");
            return Err(KeyError::new(KeyErrorKind::Mismatch, text));
        }
        let signature = key.sign(self.algorithm, &self.tbs)?;
        Ok(self.assemble(&signature))
    }

    fn assemble(&self, signature: &[u8]) -> Vec<u8> {
        let mut w = Writer::new();
        w.sequence(|w| {
            w.raw(&self.tbs);
            w.nested(Tag::constructed(0), |w| {
                w.sequence(|w| {
                    self.algorithm.encode(w);
                    w.bit_octets(signature);
                    if !self.certificates.is_empty() {
                        w.nested(Tag::constructed(0), |w| {
                            w.sequence(|w| self.certificates.iter().for_each(|c| w.raw(c.der())));
                        });
                    }
                });
            });
        });
        w.finish()
    }
}
