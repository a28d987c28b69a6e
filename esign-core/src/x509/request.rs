use core::fmt;
use core::ops::Range;

use super::extension::raw;
use super::{BuildError, Name, UnknownAlgorithm, pem_blocks};
use crate::der::{DecodeError, DecodeKind, Rules, Tag, Writer, decode};
use crate::keys::{
    KeyError, KeyErrorKind, PublicKey, SignatureAlgorithm, SigningKey, ToBeSigned, VerifyError,
    Weakness, weaknesses,
};

/// Largest request that is decoded, in octets: like a certificate, it is a few KiB.
const MAX_OCTETS: usize = 1 << 20;

/// A request for a certificate as received (PKCS #10, RFC 2986 4). Nothing in it is proven.
#[derive(Clone)]
pub struct Request {
    der: Box<[u8]>,
    info: Range<usize>,
    subject: Name,
    spki: Range<usize>,
    algorithm: Result<SignatureAlgorithm, UnknownAlgorithm>,
    signature: Range<usize>,
}

/// A public key whose holder has shown to have the private one: the only thing that survives of
/// a request. Only [`Request::verify`] makes it.
#[derive(Clone, Debug)]
pub struct ProvenKey(PublicKey);

/// Why a request does not prove possession of its key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// The key is malformed or of an algorithm that is not known.
    Key(DecodeError),
    /// The signature's algorithm is not known.
    Algorithm(UnknownAlgorithm),
    /// The signature is not that of the key over the request.
    Signature(VerifyError),
    /// The key is one that others can use: possession of it proves nothing.
    Weak(Weakness),
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("certificate request: ")?;
        match self {
            Self::Key(e) => e.fmt(f),
            Self::Algorithm(e) => e.fmt(f),
            Self::Signature(VerifyError::Mismatch { key, .. }) => {
                write!(f, "it is signed with an algorithm that a {key} key does not have")
            }
            Self::Signature(_) => {
                f.write_str("its signature does not verify with its own key, so it does not prove who has the private one")
            }
            Self::Weak(weakness) => {
                write!(f, "its key is weak: {weakness} ({})", weakness.clause())
            }
        }
    }
}

impl std::error::Error for RequestError {}

impl Request {
    /// Decodes a DER `CertificationRequest` that fills `der`.
    ///
    /// # Errors
    /// Not DER or another structure.
    pub fn from_der(der: &[u8]) -> Result<Self, DecodeError> {
        if der.len() > MAX_OCTETS {
            let kind = DecodeKind::Limit("larger than 1 MiB");
            return Err(DecodeError::new(kind, "certificationRequest", 0));
        }
        decode(der, Rules::Der, |r| {
            r.sequence("certificationRequest", |r| {
                let info = r.expect(Tag::SEQUENCE, "certificationRequestInfo")?;
                let algorithm = r.expect(Tag::SEQUENCE, "signatureAlgorithm")?;
                let value = r.expect(Tag::BIT_STRING, "signature")?;
                let octets = value.bit_octets("signature")?;
                let (subject, spki) = info.nested("certificationRequestInfo", |r| {
                    if r.u32("version")? != 0 {
                        return Err(r.error(DecodeKind::Value("version is not 1"), "version"));
                    }
                    let name = r.expect(Tag::SEQUENCE, "subject")?;
                    let subject = Name::from_der(name.raw)
                        .map_err(|e| e.within("subject").shifted(name.at))?;
                    let spki = r.expect(Tag::SEQUENCE, "subjectPKInfo")?;
                    // RFC 2986 does not make the attributes optional, but some clients leave the
                    // empty set out.
                    if let Some(t) = r.optional(Tag::constructed(0), "attributes")? {
                        t.nested("attributes", |r| {
                            while !r.is_empty() {
                                r.sequence("attribute", |r| {
                                    r.oid("type")?;
                                    r.expect(Tag::SET, "values").map(|_| ())
                                })?;
                            }
                            Ok(())
                        })?;
                    }
                    Ok((subject, raw(&spki)))
                })?;
                let end = raw(&value).end;
                Ok(Self {
                    der: der.into(),
                    info: raw(&info),
                    subject,
                    spki,
                    algorithm: UnknownAlgorithm::from_decoded(SignatureAlgorithm::decode(
                        &algorithm,
                        None,
                        "signatureAlgorithm",
                    )),
                    signature: end.saturating_sub(octets.len())..end,
                })
            })
        })
    }

    /// Reads one request in DER or PEM (`CERTIFICATE REQUEST`, `NEW CERTIFICATE REQUEST`).
    ///
    /// # Errors
    /// Neither; more than one; what [`Self::from_der`] says.
    pub fn read(input: &[u8]) -> Result<Self, DecodeError> {
        let blocks = pem_blocks(input, &["CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"])?;
        match blocks.as_slice() {
            [one] => Self::from_der(one),
            _ => {
                let kind = DecodeKind::Value("more than one certificate request");
                Err(DecodeError::new(kind, "PEM", 0))
            }
        }
    }

    /// The octets as received.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The name that the requester would like. Nothing is taken from it.
    pub fn subject(&self) -> &Name {
        &self.subject
    }

    /// The public key, not proven yet.
    ///
    /// # Errors
    /// It is malformed or of an algorithm that is not known.
    pub fn public_key(&self) -> Result<PublicKey, DecodeError> {
        let base = u64::try_from(self.spki.start).unwrap_or(0);
        PublicKey::from_spki(self.slice(&self.spki)).map_err(|e| e.shifted(base))
    }

    /// How it is signed.
    ///
    /// # Errors
    /// The algorithm is not known.
    pub fn signature_algorithm(&self) -> Result<SignatureAlgorithm, &UnknownAlgorithm> {
        self.algorithm.as_ref().copied()
    }

    /// Checks that who made the request has the private key, and nobody else can find it; keeps
    /// nothing but the public one. Takes milliseconds for an RSA key.
    ///
    /// # Errors
    /// [`RequestError`].
    ///
    /// # Source
    /// RFC 2986 3 note 2; RFC 4211 4 (proof of possession); CA/Browser Forum BR 6.1.1.3 (weak keys).
    pub fn verify(self) -> Result<ProvenKey, RequestError> {
        let key = self.public_key().map_err(RequestError::Key)?;
        let algorithm = self.algorithm.clone().map_err(RequestError::Algorithm)?;
        key.verify(
            algorithm,
            self.slice(&self.info),
            self.slice(&self.signature),
        )
        .map_err(RequestError::Signature)?;
        match weaknesses(&key).into_iter().find(|w| w.is_fatal()) {
            Some(weakness) => Err(RequestError::Weak(weakness)),
            None => Ok(ProvenKey(key)),
        }
    }

    /// Makes a request for `key` under `subject`.
    ///
    /// # Errors
    /// The key refuses or gives a signature that is not its own.
    pub fn sign(subject: &Name, key: &dyn SigningKey) -> Result<Self, KeyError> {
        let algorithm = *key.algorithms().first().ok_or_else(|| {
            KeyError::new(
                KeyErrorKind::Algorithm,
                "the key has no signature algorithm",
            )
        })?;
        let unsigned = UnsignedRequest::new(subject, key.public_key(), algorithm);
        let signature = key.sign(algorithm, &unsigned.info)?;
        unsigned
            .finish(&signature)
            .map_err(|e| KeyError::new(KeyErrorKind::Mismatch, e.to_string()))
    }

    fn slice(&self, range: &Range<usize>) -> &[u8] {
        self.der.get(range.clone()).unwrap_or_default()
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "certificate request of {}", self.subject)
    }
}

impl ProvenKey {
    /// The key.
    pub fn public_key(&self) -> &PublicKey {
        &self.0
    }
}

/// A request that waits for its signature.
#[derive(Debug)]
pub struct UnsignedRequest {
    info: Vec<u8>,
    key: PublicKey,
    algorithm: SignatureAlgorithm,
}

impl UnsignedRequest {
    /// Fixes what is to be signed.
    pub fn new(subject: &Name, key: &PublicKey, algorithm: SignatureAlgorithm) -> Self {
        let mut w = Writer::with_capacity(512);
        w.sequence(|w| {
            w.u32(0);
            w.raw(subject.der());
            w.raw(key.spki());
            w.tlv(Tag::constructed(0), &[]);
        });
        Self {
            info: w.finish(),
            key: key.clone(),
            algorithm,
        }
    }

    /// What the key has to sign.
    pub fn prepare(&self) -> ToBeSigned {
        ToBeSigned {
            bytes: self.info.clone(),
            algorithm: self.algorithm,
        }
    }

    /// Puts the signature to it.
    ///
    /// # Errors
    /// The signature is not that of the key over [`Self::prepare`].
    pub fn finish(self, signature: &[u8]) -> Result<Request, BuildError> {
        self.key
            .verify(self.algorithm, &self.info, signature)
            .map_err(|_| {
                BuildError::new("certificate request: the signature is not that of the key")
            })?;
        let mut w = Writer::with_capacity(self.info.len() + signature.len() + 64);
        w.sequence(|w| {
            w.raw(&self.info);
            self.algorithm.encode(w);
            w.bit_octets(signature);
        });
        Request::from_der(&w.finish()).map_err(|e| BuildError::new(e.to_string()))
    }
}
