use core::fmt;
use std::sync::Arc;

use super::{
    Curve, DigestAlgorithm, Hasher, KeyAlgorithm, KeyError, KeyErrorKind, SignatureAlgorithm,
};
use super::{MlDsa, brainpool, dsa, pkcs1, pss};
use crate::der::{DecodeError, DecodeKind, Rules, Tag, decode};
use crate::oid;

/// Largest RSA modulus that is verified, in bits: what both libraries take.
const MAX_RSA_BITS: u32 = 8192;
/// Smallest RSA modulus that is verified, in bits. Old signatures have it; whether it may still be
/// relied on is a policy's to say.
const MIN_RSA_BITS: u32 = 1024;
/// Smallest RSA modulus that ring verifies every scheme with, in bits: it says 2048, and rounds up
/// to whole octets.
const RING_RSA_BITS: u32 = 2041;

/// A public key as its `SubjectPublicKeyInfo` gives it (RFC 5280 4.1.2.7). Cheap to clone.
#[derive(Clone)]
pub struct PublicKey(Arc<Inner>);

struct Inner {
    spki: Box<[u8]>,
    algorithm: KeyAlgorithm,
    /// Start of the content of `subjectPublicKey` in `spki`; it goes to the end.
    key_at: usize,
    /// Encoded `Dss-Parms` of a DSA key, its own or inherited.
    dsa: Option<Box<[u8]>>,
    /// What an RSA-PSS key with parameters is bound to.
    pss: Option<SignatureAlgorithm>,
}

/// A signature that does not verify, or cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VerifyError {
    /// The signature value is not that of this key over this message.
    Invalid,
    /// The key is of another kind than the algorithm.
    Mismatch {
        /// The key's kind.
        key: KeyAlgorithm,
        /// The signature's algorithm.
        algorithm: SignatureAlgorithm,
    },
    /// The combination is not verified by this library.
    Unsupported {
        /// The key's kind.
        key: KeyAlgorithm,
        /// The signature's algorithm.
        algorithm: SignatureAlgorithm,
    },
}

impl PublicKey {
    /// Decodes a DER `SubjectPublicKeyInfo`, which must fill `spki`.
    ///
    /// # Errors
    /// Not DER; an algorithm that is not verified here; an elliptic curve that is not a named one
    /// (RFC 5480 2.1.1); an RSA modulus outside 1024 to 8192 bits, even, or with an exponent that
    /// is even, below 3 or above 33 bits; a DSA prime outside 1024 to 3072 bits. A point is checked
    /// against its curve on use, and DSA's numbers against their group.
    ///
    /// A DSA key may lack its parameters (RFC 3279 2.3.2): see [`Self::needs_parameters`].
    pub fn from_spki(spki: &[u8]) -> Result<Self, DecodeError> {
        decode(spki, Rules::Der, |r| {
            r.sequence("subjectPublicKeyInfo", |r| {
                let algorithm = r.expect(Tag::SEQUENCE, "algorithm")?;
                let key = r.expect(Tag::BIT_STRING, "subjectPublicKey")?;
                let octets = key.bit_octets("subjectPublicKey")?;
                let bad = |what| key.error(DecodeKind::Value(what), "subjectPublicKey");
                let mut dss_parameters = None;
                let mut bound = None;
                let kind = algorithm.nested("algorithm", |r| {
                    let place = *r;
                    let oid = r.oid("algorithm")?;
                    let wrong = |what| place.error(DecodeKind::Value(what), "parameters");
                    if oid == oid::EC_PUBLIC_KEY {
                        if r.peek() != Some(Tag::OID) {
                            return Err(wrong("elliptic curve is not a named curve"));
                        }
                        let named = r.oid("parameters")?;
                        let curve = Curve::from_oid(named).ok_or_else(|| {
                            wrong("elliptic curve is not of NIST or brainpool with 256 bits or more, or is not verified here")
                        })?;
                        let n = curve.coordinate_len();
                        return match octets.first() {
                            Some(4) if octets.len() == 1 + 2 * n => Ok(KeyAlgorithm::Ec(curve)),
                            Some(2 | 3) if octets.len() == 1 + n => {
                                Err(bad("compressed elliptic curve point"))
                            }
                            _ => Err(bad("elliptic curve point has the wrong form or length")),
                        };
                    }
                    if oid == oid::ED25519 {
                        return if octets.len() == 32 {
                            Ok(KeyAlgorithm::Ed25519)
                        } else {
                            Err(bad("Ed25519 key is not 32 octets long"))
                        };
                    }
                    if let Some(set) = MlDsa::from_oid(oid) {
                        return if octets.len() == set.public_key_len() {
                            Ok(KeyAlgorithm::MlDsa(set))
                        } else {
                            Err(bad("ML-DSA key has not the length of its parameter set"))
                        };
                    }
                    if oid == oid::DSA {
                        let y = dsa::public_value(octets)
                            .map_err(|e| e.within("subjectPublicKey").shifted(key.at))?;
                        if r.is_empty() {
                            return Ok(KeyAlgorithm::Dsa { bits: None });
                        }
                        let encoded = r.rest();
                        let parameters = dsa::Parameters::decode(r)?;
                        if !parameters.admit(&y) {
                            return Err(bad("DSA public key is not between 1 and p - 1"));
                        }
                        dss_parameters = Some(encoded.into());
                        let bits = Some(parameters.bits());
                        return Ok(KeyAlgorithm::Dsa { bits });
                    }
                    let pss = oid == oid::RSASSA_PSS;
                    if !pss && oid != oid::RSA_ENCRYPTION {
                        return Err(wrong("key algorithm is not known"));
                    }
                    if pss && !r.is_empty() {
                        bound = SignatureAlgorithm::decode(&algorithm, None, "")?.ok();
                        if bound.is_none() {
                            return Err(wrong(
                                "RSA-PSS key is bound to parameters that are not verified here",
                            ));
                        }
                    }
                    while !r.is_empty() {
                        r.any("parameters")?;
                    }
                    let bits = rsa_bits(octets)
                        .map_err(|e| e.within("subjectPublicKey").shifted(key.at))?;
                    Ok(if pss {
                        KeyAlgorithm::RsaPss { bits }
                    } else {
                        KeyAlgorithm::Rsa { bits }
                    })
                })?;
                let key_at = spki.len().saturating_sub(octets.len());
                Ok(Self(Arc::new(Inner {
                    spki: spki.into(),
                    algorithm: kind,
                    key_at,
                    dsa: dss_parameters,
                    pss: bound,
                })))
            })
        })
    }

    /// The `SubjectPublicKeyInfo` as received.
    pub fn spki(&self) -> &[u8] {
        &self.0.spki
    }

    /// Whether this is a DSA key without parameters, which are those of its certificate's issuer.
    /// Until it has them, no signature verifies ([`VerifyError::Unsupported`]).
    ///
    /// # Source
    /// RFC 3279 2.3.2, RFC 5280 6.1.4 (f).
    pub fn needs_parameters(&self) -> bool {
        self.algorithm() == KeyAlgorithm::Dsa { bits: None }
    }

    /// The key with the parameters of `issuer`, which may itself have inherited them; a key that
    /// needs none comes back as it is. [`Self::spki`] stays what was received.
    ///
    /// # Errors
    /// [`KeyErrorKind::Mismatch`] where `issuer` is no DSA key, has no parameters, or has a prime
    /// that this key is not below.
    ///
    /// # Source
    /// RFC 3279 2.3.2, RFC 5280 6.1.4 (f).
    pub fn with_parameters_of(&self, issuer: &PublicKey) -> Result<PublicKey, KeyError> {
        if !self.needs_parameters() {
            return Ok(self.clone());
        }
        let refused = |what: &str| {
            let what = format!("the DSA key has no parameters, and the issuer's key {what}");
            KeyError::new(KeyErrorKind::Mismatch, what)
        };
        let Some(encoded) = &issuer.0.dsa else {
            let what = format!("({}) has none to inherit", issuer.algorithm());
            return Err(refused(&what));
        };
        let parameters = decode(encoded, Rules::Der, dsa::Parameters::decode)?;
        let y = dsa::public_value(self.key_octets())?;
        if !parameters.admit(&y) {
            return Err(refused("has a prime that it is not below"));
        }
        Ok(Self(Arc::new(Inner {
            spki: self.0.spki.clone(),
            algorithm: issuer.algorithm(),
            key_at: self.0.key_at,
            dsa: Some(encoded.clone()),
            pss: None,
        })))
    }

    /// The octets inside `subjectPublicKey`: a point, an Ed25519 or ML-DSA key, an
    /// `RSAPublicKey` or a `DSAPublicKey`.
    pub fn key_octets(&self) -> &[u8] {
        self.0.spki.get(self.0.key_at..).unwrap_or_default()
    }

    /// Kind and size.
    pub fn algorithm(&self) -> KeyAlgorithm {
        self.0.algorithm
    }

    /// SHA-1 over the key octets: the usual subject key identifier (RFC 5280 4.2.1.2 method 1).
    pub fn sha1_identifier(&self) -> [u8; 20] {
        let digest = Hasher::digest(DigestAlgorithm::Sha1, self.key_octets());
        digest.as_bytes().try_into().unwrap_or([0; 20])
    }

    /// SHA-256 over the whole `SubjectPublicKeyInfo`: how issuers are told apart in the store.
    pub fn sha256_spki(&self) -> [u8; 32] {
        let digest = Hasher::digest(DigestAlgorithm::Sha256, self.spki());
        digest.as_bytes().try_into().unwrap_or([0; 32])
    }

    /// Verifies `signature` over `message`. Cryptography only: whether algorithm and key may be
    /// relied on is for validation to say.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub fn verify(
        &self,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), VerifyError> {
        use DigestAlgorithm as D;
        use SignatureAlgorithm as S;
        use aws_lc_rs::signature as aws;
        use ring::signature as r;

        let key = self.algorithm();
        let mismatch = || Err(VerifyError::Mismatch { key, algorithm });
        let unsupported = || Err(VerifyError::Unsupported { key, algorithm });
        let octets = self.key_octets();
        let ring = |a: &'static dyn r::VerificationAlgorithm| {
            r::UnparsedPublicKey::new(a, octets)
                .verify(message, signature)
                .map_err(|_| VerifyError::Invalid)
        };
        let aws = |a: &'static dyn aws::VerificationAlgorithm| {
            aws::UnparsedPublicKey::new(a, octets)
                .verify(message, signature)
                .map_err(|_| VerifyError::Invalid)
        };
        if !self.0.pss.is_none_or(|bound| within(bound, algorithm)) {
            return mismatch();
        }
        match (key, algorithm) {
            (KeyAlgorithm::Dsa { .. }, S::Dsa(d)) => match &self.0.dsa {
                Some(parameters) => dsa::verify(octets, parameters, d, message, signature),
                None => unsupported(),
            },
            (KeyAlgorithm::Ed25519, S::Ed25519) => ring(&r::ED25519),
            (KeyAlgorithm::MlDsa(set), S::MlDsa(asked)) if set == asked => aws(set.verification()),
            (
                KeyAlgorithm::Ec(
                    curve @ (Curve::BrainpoolP256r1
                    | Curve::BrainpoolP256t1
                    | Curve::BrainpoolP384r1
                    | Curve::BrainpoolP384t1),
                ),
                S::Ecdsa(d),
            ) => brainpool::verify(curve, octets, d, message, signature),
            (KeyAlgorithm::Ec(Curve::P256), S::Ecdsa(d)) => match d {
                D::Sha1 => aws(&aws::ECDSA_P256_SHA1_ASN1),
                D::Sha256 => ring(&r::ECDSA_P256_SHA256_ASN1),
                D::Sha384 => ring(&r::ECDSA_P256_SHA384_ASN1),
                D::Sha512 => aws(&aws::ECDSA_P256_SHA512_ASN1),
                _ => unsupported(),
            },
            (KeyAlgorithm::Ec(Curve::P384), S::Ecdsa(d)) => match d {
                D::Sha256 => aws(&aws::ECDSA_P384_SHA256_ASN1),
                D::Sha384 => aws(&aws::ECDSA_P384_SHA384_ASN1),
                D::Sha512 => aws(&aws::ECDSA_P384_SHA512_ASN1),
                D::Sha3_384 => aws(&aws::ECDSA_P384_SHA3_384_ASN1),
                _ => unsupported(),
            },
            (KeyAlgorithm::Ec(Curve::P521), S::Ecdsa(d)) => match d {
                D::Sha1 => aws(&aws::ECDSA_P521_SHA1_ASN1),
                D::Sha224 => aws(&aws::ECDSA_P521_SHA224_ASN1),
                D::Sha256 => aws(&aws::ECDSA_P521_SHA256_ASN1),
                D::Sha384 => aws(&aws::ECDSA_P521_SHA384_ASN1),
                D::Sha512 => aws(&aws::ECDSA_P521_SHA512_ASN1),
                D::Sha3_512 => aws(&aws::ECDSA_P521_SHA3_512_ASN1),
                _ => unsupported(),
            },
            (KeyAlgorithm::Rsa { bits }, S::RsaPkcs1(d)) => match d {
                D::Sha1 => ring(&r::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY),
                D::Sha256 => ring(&r::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY),
                D::Sha384 if bits >= RING_RSA_BITS => ring(&r::RSA_PKCS1_2048_8192_SHA384),
                D::Sha512 => ring(&r::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY),
                _ => pkcs1::verify(octets, bits, d, message, signature),
            },
            (KeyAlgorithm::Rsa { bits } | KeyAlgorithm::RsaPss { bits }, S::RsaPss(d)) => match d {
                D::Sha256 if bits >= RING_RSA_BITS => ring(&r::RSA_PSS_2048_8192_SHA256),
                D::Sha384 if bits >= RING_RSA_BITS => ring(&r::RSA_PSS_2048_8192_SHA384),
                D::Sha512 if bits >= RING_RSA_BITS => ring(&r::RSA_PSS_2048_8192_SHA512),
                _ => {
                    let salt = u16::try_from(d.output_len()).unwrap_or(0);
                    pss::verify(octets, bits, (d, d, salt), message, signature)
                }
            },
            (
                KeyAlgorithm::Rsa { bits } | KeyAlgorithm::RsaPss { bits },
                S::RsaPssOther { digest, mask, salt },
            ) => pss::verify(octets, bits, (digest, mask, salt), message, signature),
            _ => mismatch(),
        }
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.spki == other.0.spki && self.0.dsa == other.0.dsa
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.algorithm())?;
        self.sha256_spki()
            .iter()
            .try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid => f.write_str("the signature value does not verify"),
            Self::Mismatch { key, algorithm } => {
                write!(f, "the key is {key}, the signature is {algorithm}")
            }
            Self::Unsupported { key, algorithm } => {
                write!(f, "{algorithm} with a {key} key is not verified")
            }
        }
    }
}

impl std::error::Error for VerifyError {}

/// Whether a signature keeps to the parameters in an RSA-PSS key: the same digests, and a salt
/// that is at least as long (RFC 4055 3.3).
fn within(bound: SignatureAlgorithm, algorithm: SignatureAlgorithm) -> bool {
    let parts = |a| match a {
        SignatureAlgorithm::RsaPss(d) => Some((d, d, d.output_len())),
        SignatureAlgorithm::RsaPssOther { digest, mask, salt } => {
            Some((digest, mask, usize::from(salt)))
        }
        _ => None,
    };
    match (parts(bound), parts(algorithm)) {
        (Some((d, m, least)), Some((digest, mask, salt))) => {
            digest == d && mask == m && salt >= least
        }
        _ => false,
    }
}

/// Length in bits of the modulus of a DER `RSAPublicKey` (RFC 8017 A.1.1).
fn rsa_bits(der: &[u8]) -> Result<u32, DecodeError> {
    decode(der, Rules::Der, |r| {
        r.sequence("", |r| {
            let start = *r;
            let bad = |what| Err(start.error(DecodeKind::Value(what), ""));
            let modulus = r.integer("modulus")?;
            let exponent = r.integer("publicExponent")?;
            let magnitude = modulus.strip_prefix(&[0]).unwrap_or(modulus);
            let (Some(&first), Some(&last)) = (magnitude.first(), magnitude.last()) else {
                return bad("RSA modulus is zero");
            };
            let whole = u32::try_from(magnitude.len())
                .unwrap_or(u32::MAX)
                .saturating_mul(8);
            let bits = whole.saturating_sub(first.leading_zeros());
            if modulus.first().is_some_and(|b| b & 0x80 != 0) || last & 1 == 0 {
                return bad("RSA modulus is negative or even");
            }
            if bits < MIN_RSA_BITS {
                return bad("RSA modulus is shorter than 1024 bits");
            }
            if bits > MAX_RSA_BITS {
                return bad("RSA modulus is longer than 8192 bits");
            }
            let exponent = exponent.strip_prefix(&[0]).unwrap_or(exponent);
            let value = exponent.iter().fold(0u64, |n, &b| (n << 8) | u64::from(b));
            // Both libraries stop at 33 bits: larger exponents only slow verification down.
            if exponent.len() > 5 || value < 3 || value & 1 == 0 || value >= 1 << 33 {
                return bad("RSA public exponent is even, below 3 or above 33 bits");
            }
            Ok(bits)
        })
    })
}
