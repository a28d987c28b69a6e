use core::fmt;

use crate::oid::ObjectIdentifier;

use super::MlDsa;
use crate::der::{DecodeError, DecodeKind, Reader, Rules, Tag, Tlv, Writer, decode};
use crate::oid;

/// A cryptographic digest that can be computed here. Whether it may be relied on, and until
/// when, is a policy's to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    missing_docs,
    reason = "the names are the algorithms' own: FIPS 180-4, FIPS 202"
)]
pub enum DigestAlgorithm {
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
    Sha512_256,
    Sha3_256,
    Sha3_384,
    Sha3_512,
}

/// A named curve for ECDSA; those of brainpool are verified only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    missing_docs,
    reason = "the names are the curves' own: FIPS 186-5, RFC 5639"
)]
pub enum Curve {
    BrainpoolP256r1,
    BrainpoolP256t1,
    BrainpoolP384r1,
    BrainpoolP384t1,
    P256,
    P384,
    P521,
}

/// What kind of key a public key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyAlgorithm {
    /// DSA, verified only (RFC 3279 2.3.2).
    Dsa {
        /// Length of the prime p in bits; `None` while the parameters are still to be inherited.
        bits: Option<u32>,
    },
    /// ECDSA over a named curve (RFC 5480).
    Ec(Curve),
    /// Ed25519 (RFC 8410).
    Ed25519,
    /// ML-DSA (RFC 9881).
    MlDsa(MlDsa),
    /// RSA with a modulus of this many bits (RFC 8017); PKCS#1 v1.5 and PSS.
    Rsa {
        /// Length of the modulus in bits.
        bits: u32,
    },
    /// RSA that may be used with PSS only (`id-RSASSA-PSS` in the key itself, RFC 4055 1.2).
    RsaPss {
        /// Length of the modulus in bits.
        bits: u32,
    },
}

/// A signature algorithm with all of its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignatureAlgorithm {
    /// DSA, verified only; the signature is DER `Dss-Sig-Value` (RFC 3279 2.2.2).
    Dsa(DigestAlgorithm),
    /// ECDSA; the signature is DER `Ecdsa-Sig-Value` (RFC 3279 2.2.3).
    Ecdsa(DigestAlgorithm),
    /// Ed25519, pure (RFC 8032).
    Ed25519,
    /// ML-DSA, pure, with an empty context (RFC 9881 3, RFC 9882 3).
    MlDsa(MlDsa),
    /// RSASSA-PKCS1-v1_5 (RFC 8017 8.2).
    RsaPkcs1(DigestAlgorithm),
    /// RSASSA-PSS with MGF1 over the same digest, a salt of the digest's length, trailer 0xBC
    /// (RFC 8017 8.1, RFC 4055 3.1).
    RsaPss(DigestAlgorithm),
    /// RSASSA-PSS with another mask digest or salt length: verified only. OpenSSL took the longest
    /// possible salt for years.
    RsaPssOther {
        /// Digest over the message.
        digest: DigestAlgorithm,
        /// Digest inside of MGF1.
        mask: DigestAlgorithm,
        /// Octets of salt.
        salt: u16,
    },
}

impl DigestAlgorithm {
    /// Length of the output in octets.
    pub const fn output_len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha224 => 28,
            Self::Sha256 | Self::Sha512_256 | Self::Sha3_256 => 32,
            Self::Sha384 | Self::Sha3_384 => 48,
            Self::Sha512 | Self::Sha3_512 => 64,
        }
    }

    /// Its object identifier.
    pub const fn oid(self) -> ObjectIdentifier {
        match self {
            Self::Sha1 => oid::SHA1,
            Self::Sha224 => oid::SHA224,
            Self::Sha256 => oid::SHA256,
            Self::Sha384 => oid::SHA384,
            Self::Sha512 => oid::SHA512,
            Self::Sha512_256 => oid::SHA512_256,
            Self::Sha3_256 => oid::SHA3_256,
            Self::Sha3_384 => oid::SHA3_384,
            Self::Sha3_512 => oid::SHA3_512,
        }
    }

    /// The algorithm of an object identifier; `None` for one that is not computed here.
    pub fn from_oid(oid: ObjectIdentifier) -> Option<Self> {
        Self::ALL.iter().copied().find(|a| a.oid() == oid)
    }

    /// Every algorithm.
    pub const ALL: [Self; 9] = [
        Self::Sha1,
        Self::Sha224,
        Self::Sha256,
        Self::Sha384,
        Self::Sha512,
        Self::Sha512_256,
        Self::Sha3_256,
        Self::Sha3_384,
        Self::Sha3_512,
    ];

    /// Writes the `AlgorithmIdentifier`, parameters absent (RFC 5754 2).
    pub fn encode(self, w: &mut Writer) {
        w.sequence(|w| w.oid(self.oid()));
    }

    /// Reads an `AlgorithmIdentifier` whose parameters are absent or NULL (RFC 5754 2).
    ///
    /// `Ok(Err(oid))` where the structure is sound but the algorithm is not computed here.
    ///
    /// # Errors
    /// The structure is malformed or the parameters are neither absent nor NULL.
    pub fn decode(
        reader: &mut Reader<'_>,
        field: &str,
    ) -> Result<Result<Self, ObjectIdentifier>, DecodeError> {
        reader.sequence(field, |r| {
            let oid = r.oid("algorithm")?;
            if let Some(parameters) = r.optional(Tag::NULL, "parameters")?
                && !parameters.value.is_empty()
            {
                return Err(parameters.error(DecodeKind::Value("NULL with content"), "parameters"));
            }
            let algorithm = Self::from_oid(oid).ok_or(oid);
            // SHAKE and others have parameters; what is not computed need not be understood.
            if algorithm.is_err() {
                while !r.is_empty() {
                    r.any("parameters")?;
                }
            }
            Ok(algorithm)
        })
    }
}

impl fmt::Display for DigestAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sha1 => "SHA-1",
            Self::Sha224 => "SHA-224",
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
            Self::Sha512_256 => "SHA-512/256",
            Self::Sha3_256 => "SHA3-256",
            Self::Sha3_384 => "SHA3-384",
            Self::Sha3_512 => "SHA3-512",
        })
    }
}

impl Curve {
    /// Every curve.
    pub const ALL: [Self; 7] = [
        Self::BrainpoolP256r1,
        Self::BrainpoolP256t1,
        Self::BrainpoolP384r1,
        Self::BrainpoolP384t1,
        Self::P256,
        Self::P384,
        Self::P521,
    ];

    /// The curve of an object identifier; `None` for one that is not verified here.
    pub fn from_oid(oid: ObjectIdentifier) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.oid() == oid)
    }

    /// Its object identifier.
    pub const fn oid(self) -> ObjectIdentifier {
        match self {
            Self::BrainpoolP256r1 => oid::BRAINPOOL_P256R1,
            Self::BrainpoolP256t1 => oid::BRAINPOOL_P256T1,
            Self::BrainpoolP384r1 => oid::BRAINPOOL_P384R1,
            Self::BrainpoolP384t1 => oid::BRAINPOOL_P384T1,
            Self::P256 => oid::P256,
            Self::P384 => oid::P384,
            Self::P521 => oid::P521,
        }
    }

    /// Length of a coordinate in octets.
    pub const fn coordinate_len(self) -> usize {
        match self {
            Self::BrainpoolP256r1 | Self::BrainpoolP256t1 | Self::P256 => 32,
            Self::BrainpoolP384r1 | Self::BrainpoolP384t1 | Self::P384 => 48,
            Self::P521 => 66,
        }
    }
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dsa { bits: None } => f.write_str("DSA without parameters"),
            Self::Dsa { bits: Some(bits) } => write!(f, "DSA-{bits}"),
            Self::Ec(Curve::BrainpoolP256r1) => f.write_str("brainpoolP256r1"),
            Self::Ec(Curve::BrainpoolP256t1) => f.write_str("brainpoolP256t1"),
            Self::Ec(Curve::BrainpoolP384r1) => f.write_str("brainpoolP384r1"),
            Self::Ec(Curve::BrainpoolP384t1) => f.write_str("brainpoolP384t1"),
            Self::Ec(Curve::P256) => f.write_str("P-256"),
            Self::Ec(Curve::P384) => f.write_str("P-384"),
            Self::Ec(Curve::P521) => f.write_str("P-521"),
            Self::Ed25519 => f.write_str("Ed25519"),
            Self::MlDsa(set) => f.write_str(set.name()),
            Self::Rsa { bits } => write!(f, "RSA-{bits}"),
            Self::RsaPss { bits } => write!(f, "RSA-PSS-{bits}"),
        }
    }
}

impl SignatureAlgorithm {
    /// The digest that is computed over the message as a whole; for Ed25519 and ML-DSA the one
    /// that CMS asks for beside it (RFC 8419 3.1, RFC 9882 3.3).
    pub const fn digest(self) -> DigestAlgorithm {
        match self {
            Self::Dsa(d)
            | Self::Ecdsa(d)
            | Self::RsaPkcs1(d)
            | Self::RsaPss(d)
            | Self::RsaPssOther { digest: d, .. } => d,
            Self::Ed25519 | Self::MlDsa(_) => DigestAlgorithm::Sha512,
        }
    }

    /// Whether CMS may hash the content by `digest` where the signature is by this algorithm. ML-DSA
    /// takes the digests of RFC 9882 table 1 that are as strong as it is, the others their own.
    pub fn agrees_with(self, digest: DigestAlgorithm) -> bool {
        let least = match self {
            Self::MlDsa(MlDsa::MlDsa44) => 32,
            Self::MlDsa(MlDsa::MlDsa65) => 48,
            Self::MlDsa(MlDsa::MlDsa87) => 64,
            _ => return digest == self.digest(),
        };
        digest.output_len() >= least && digest != DigestAlgorithm::Sha512_256
    }

    /// The `AlgorithmIdentifier`'s OBJECT IDENTIFIER.
    pub const fn oid(self) -> ObjectIdentifier {
        use DigestAlgorithm as D;
        match self {
            Self::Ed25519 => oid::ED25519,
            Self::MlDsa(set) => set.oid(),
            Self::RsaPss(_) | Self::RsaPssOther { .. } => oid::RSASSA_PSS,
            Self::Dsa(D::Sha1) => oid::DSA_SHA1,
            Self::Dsa(D::Sha224) => oid::DSA_SHA224,
            Self::Dsa(D::Sha256) => oid::DSA_SHA256,
            Self::Dsa(D::Sha384) => oid::DSA_SHA384,
            Self::Dsa(D::Sha512) => oid::DSA_SHA512,
            // No identifier is registered: that of the key, with the digest beside it (see `decode`).
            Self::Dsa(D::Sha512_256) => oid::DSA,
            Self::Ecdsa(D::Sha512_256) => oid::EC_PUBLIC_KEY,
            Self::Dsa(D::Sha3_256) => oid::DSA_SHA3_256,
            Self::Dsa(D::Sha3_384) => oid::DSA_SHA3_384,
            Self::Dsa(D::Sha3_512) => oid::DSA_SHA3_512,
            Self::Ecdsa(D::Sha1) => oid::ECDSA_SHA1,
            Self::Ecdsa(D::Sha224) => oid::ECDSA_SHA224,
            Self::Ecdsa(D::Sha256) => oid::ECDSA_SHA256,
            Self::Ecdsa(D::Sha384) => oid::ECDSA_SHA384,
            Self::Ecdsa(D::Sha512) => oid::ECDSA_SHA512,
            Self::Ecdsa(D::Sha3_256) => oid::ECDSA_SHA3_256,
            Self::Ecdsa(D::Sha3_384) => oid::ECDSA_SHA3_384,
            Self::Ecdsa(D::Sha3_512) => oid::ECDSA_SHA3_512,
            Self::RsaPkcs1(D::Sha1) => oid::SHA1_WITH_RSA,
            Self::RsaPkcs1(D::Sha224) => oid::SHA224_WITH_RSA,
            Self::RsaPkcs1(D::Sha256) => oid::SHA256_WITH_RSA,
            Self::RsaPkcs1(D::Sha384) => oid::SHA384_WITH_RSA,
            Self::RsaPkcs1(D::Sha512) => oid::SHA512_WITH_RSA,
            Self::RsaPkcs1(D::Sha512_256) => oid::SHA512_256_WITH_RSA,
            Self::RsaPkcs1(D::Sha3_256) => oid::SHA3_256_WITH_RSA,
            Self::RsaPkcs1(D::Sha3_384) => oid::SHA3_384_WITH_RSA,
            Self::RsaPkcs1(D::Sha3_512) => oid::SHA3_512_WITH_RSA,
        }
    }

    /// Writes the `AlgorithmIdentifier`: NULL parameters for PKCS#1 v1.5 (RFC 8017 A.2.4), the
    /// full ones for PSS, none for the others (RFC 5758 3, RFC 8410 3,
    /// RFC 9881 2).
    pub fn encode(self, w: &mut Writer) {
        w.sequence(|w| {
            w.oid(self.oid());
            match self {
                Self::Dsa(_) | Self::Ecdsa(_) | Self::Ed25519 | Self::MlDsa(_) => {}
                Self::RsaPkcs1(_) => w.tlv(Tag::NULL, &[]),
                Self::RsaPss(digest) => {
                    let salt = u32::try_from(digest.output_len()).unwrap_or(0);
                    pss_parameters(w, digest, digest, salt);
                }
                Self::RsaPssOther { digest, mask, salt } => {
                    pss_parameters(w, digest, mask, u32::from(salt));
                }
            }
        });
    }

    /// Reads the encoding of one `AlgorithmIdentifier` of a signature.
    ///
    /// `default_digest` is what goes with `rsaEncryption` and `id-ecPublicKey` where CMS names the
    /// digest beside (RFC 3370 3.2; several signers write the key's identifier for ECDSA, too).
    /// `Ok(Err(oid))` where the structure is sound but the algorithm is not one that is verified
    /// here; so also PSS with another mask than MGF1 or another trailer.
    ///
    /// # Errors
    /// The structure is malformed, or the parameters are not those the algorithm asks for.
    pub fn decode(
        tlv: &Tlv<'_>,
        default_digest: Option<DigestAlgorithm>,
        field: &str,
    ) -> Result<Result<Self, ObjectIdentifier>, DecodeError> {
        tlv.nested(field, |r| {
            let found = r.oid("algorithm")?;
            if found == oid::RSASSA_PSS {
                return Ok(pss(r)?.ok_or(found));
            }
            let fixed = Self::FIXED.iter().copied().find(|a| a.oid() == found);
            let algorithm = match (fixed, default_digest) {
                (Some(a), _) => a,
                (None, Some(d)) if found == oid::RSA_ENCRYPTION => Self::RsaPkcs1(d),
                (None, Some(d)) if found == oid::EC_PUBLIC_KEY => Self::Ecdsa(d),
                _ => {
                    while !r.is_empty() {
                        r.any("parameters")?;
                    }
                    return Ok(Err(found));
                }
            };
            if matches!(algorithm, Self::Ed25519 | Self::MlDsa(_)) {
                // RFC 8410 3, RFC 9881 2: parameters MUST be absent.
                return Ok(Ok(algorithm));
            }
            // NULL where absence is asked for and the other way round is common and harmless.
            r.optional(Tag::NULL, "parameters")?;
            if found == oid::EC_PUBLIC_KEY {
                r.optional(Tag::OID, "parameters")?;
            }
            Ok(Ok(algorithm))
        })
    }

    /// Reads one `AlgorithmIdentifier` that fills `der`; see [`Self::decode`].
    ///
    /// # Errors
    /// As there.
    pub fn from_der(der: &[u8]) -> Result<Result<Self, ObjectIdentifier>, DecodeError> {
        let field = "signatureAlgorithm";
        decode(der, Rules::Der, |r| {
            let tlv = r.expect(Tag::SEQUENCE, field)?;
            Self::decode(&tlv, None, field)
        })
    }

    /// The algorithms that their object identifier determines.
    const FIXED: [Self; 29] = {
        use DigestAlgorithm as D;
        [
            Self::Ed25519,
            Self::Ecdsa(D::Sha256),
            Self::RsaPkcs1(D::Sha256),
            Self::Ecdsa(D::Sha384),
            Self::Ecdsa(D::Sha512),
            Self::MlDsa(MlDsa::MlDsa44),
            Self::MlDsa(MlDsa::MlDsa65),
            Self::MlDsa(MlDsa::MlDsa87),
            Self::RsaPkcs1(D::Sha384),
            Self::RsaPkcs1(D::Sha512),
            Self::RsaPkcs1(D::Sha512_256),
            Self::Ecdsa(D::Sha1),
            Self::Ecdsa(D::Sha224),
            Self::Ecdsa(D::Sha3_256),
            Self::Ecdsa(D::Sha3_384),
            Self::Ecdsa(D::Sha3_512),
            Self::RsaPkcs1(D::Sha1),
            Self::RsaPkcs1(D::Sha224),
            Self::RsaPkcs1(D::Sha3_256),
            Self::RsaPkcs1(D::Sha3_384),
            Self::RsaPkcs1(D::Sha3_512),
            Self::Dsa(D::Sha1),
            Self::Dsa(D::Sha224),
            Self::Dsa(D::Sha256),
            Self::Dsa(D::Sha384),
            Self::Dsa(D::Sha512),
            Self::Dsa(D::Sha3_256),
            Self::Dsa(D::Sha3_384),
            Self::Dsa(D::Sha3_512),
        ]
    };
}

impl fmt::Display for SignatureAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dsa(d) => write!(f, "DSA with {d}"),
            Self::Ecdsa(d) => write!(f, "ECDSA with {d}"),
            Self::Ed25519 => f.write_str("Ed25519"),
            Self::MlDsa(set) => f.write_str(set.name()),
            Self::RsaPkcs1(d) => write!(f, "RSA PKCS#1 v1.5 with {d}"),
            Self::RsaPss(d) => write!(f, "RSA-PSS with {d}"),
            Self::RsaPssOther { digest, mask, salt } => {
                write!(
                    f,
                    "RSA-PSS with {digest}, mask {mask}, salt of {salt} octets"
                )
            }
        }
    }
}

/// `RSASSA-PSS-params` (RFC 8017 A.2.3), all defaults being those of SHA-1. `None` for parameters
/// that are sound but not computed here: another mask, salt length or trailer.
fn pss(r: &mut Reader<'_>) -> Result<Option<SignatureAlgorithm>, DecodeError> {
    r.sequence("parameters", |r| {
        let mut digest = Ok(DigestAlgorithm::Sha1);
        if let Some(tlv) = r.optional(Tag::constructed(0), "hashAlgorithm")? {
            digest = tlv.nested("hashAlgorithm", |r| DigestAlgorithm::decode(r, ""))?;
        }
        let mut mask = Some(Ok(DigestAlgorithm::Sha1));
        if let Some(tlv) = r.optional(Tag::constructed(1), "maskGenAlgorithm")? {
            mask = tlv.nested("maskGenAlgorithm", |r| {
                r.sequence("", |r| {
                    let mgf1 = r.oid("algorithm")? == oid::MGF1;
                    let digest = DigestAlgorithm::decode(r, "parameters")?;
                    Ok(mgf1.then_some(digest))
                })
            })?;
        }
        let mut salt = 20;
        if let Some(tlv) = r.optional(Tag::constructed(2), "saltLength")? {
            salt = tlv.nested("saltLength", |r| r.u32(""))?;
        }
        let mut trailer = 1;
        if let Some(tlv) = r.optional(Tag::constructed(3), "trailerField")? {
            trailer = tlv.nested("trailerField", |r| r.u32(""))?;
        }
        let (Ok(digest), Some(Ok(mask)), 1) = (digest, mask, trailer) else {
            return Ok(None);
        };
        let Ok(salt) = u16::try_from(salt) else {
            return Ok(None);
        };
        Ok(Some(
            if mask == digest && usize::from(salt) == digest.output_len() {
                SignatureAlgorithm::RsaPss(digest)
            } else {
                SignatureAlgorithm::RsaPssOther { digest, mask, salt }
            },
        ))
    })
}

fn pss_parameters(w: &mut Writer, digest: DigestAlgorithm, mask: DigestAlgorithm, salt: u32) {
    w.sequence(|w| {
        w.nested(Tag::constructed(0), |w| digest.encode(w));
        w.nested(Tag::constructed(1), |w| {
            w.sequence(|w| {
                w.oid(oid::MGF1);
                mask.encode(w);
            });
        });
        w.nested(Tag::constructed(2), |w| w.u32(salt));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_survive_the_round_trip() {
        let pss = DigestAlgorithm::ALL.map(SignatureAlgorithm::RsaPss);
        for a in SignatureAlgorithm::FIXED.into_iter().chain(pss) {
            let mut w = Writer::new();
            a.encode(&mut w);
            assert_eq!(SignatureAlgorithm::from_der(&w.finish()).unwrap(), Ok(a));
        }
    }

    #[test]
    fn ml_dsa_goes_with_digests_as_strong() {
        use DigestAlgorithm as D;
        let all = |set| {
            let algorithm = SignatureAlgorithm::MlDsa(set);
            assert!(algorithm.agrees_with(algorithm.digest()));
            D::ALL
                .into_iter()
                .filter(move |d| algorithm.agrees_with(*d))
        };
        let strong = [D::Sha512, D::Sha3_512];
        assert!(all(MlDsa::MlDsa87).eq(strong));
        let middle = [D::Sha384, D::Sha512, D::Sha3_384, D::Sha3_512];
        assert!(all(MlDsa::MlDsa65).eq(middle));
        let weak = [D::Sha1, D::Sha224];
        assert!(all(MlDsa::MlDsa44).all(|d| !weak.contains(&d)));
        assert_eq!(all(MlDsa::MlDsa44).count(), 6);
        assert!(SignatureAlgorithm::Ed25519.agrees_with(D::Sha512));
        assert!(!SignatureAlgorithm::Ed25519.agrees_with(D::Sha256));
    }

    #[test]
    fn pss_parameters_have_their_defaults() {
        // All defaults: SHA-1, MGF1-SHA-1, 20, 1.
        let mut w = Writer::new();
        w.sequence(|w| {
            w.oid(oid::RSASSA_PSS);
            w.sequence(|_| {});
        });
        let sha1 = SignatureAlgorithm::RsaPss(DigestAlgorithm::Sha1);
        assert_eq!(SignatureAlgorithm::from_der(&w.finish()).unwrap(), Ok(sha1));
        // SHA-256 with the mask left at SHA-1.
        let mut w = Writer::new();
        w.sequence(|w| {
            w.oid(oid::RSASSA_PSS);
            w.sequence(|w| w.nested(Tag::constructed(0), |w| DigestAlgorithm::Sha256.encode(w)));
        });
        let other = SignatureAlgorithm::RsaPssOther {
            digest: DigestAlgorithm::Sha256,
            mask: DigestAlgorithm::Sha1,
            salt: 20,
        };
        let der = w.finish();
        assert_eq!(SignatureAlgorithm::from_der(&der).unwrap(), Ok(other));
        let mut w = Writer::new();
        other.encode(&mut w);
        assert_eq!(
            SignatureAlgorithm::from_der(&w.finish()).unwrap(),
            Ok(other)
        );
    }
}
