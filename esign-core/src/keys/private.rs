use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature as aws;
use aws_lc_rs::signature::KeyPair;
use zeroize::Zeroizing;

use super::mldsa::MlDsaKey;
use super::private_der::{EcPrivateKey, OneAsymmetricKey};
use super::{
    Curve, DigestAlgorithm, KeyAlgorithm, KeyError, KeyErrorKind, MlDsa, PublicKey,
    SignatureAlgorithm, SigningKey,
};
use crate::der::{DecodeError, DecodeKind, Rules, Tag, Tlv, Writer, decode};
use crate::oid;

/// Smallest RSA modulus that signs, in bits: ETSI TS 119 312 no longer knows shorter ones, and
/// aws-lc-rs refuses them. The largest is 8192, which [`PublicKey::from_spki`] holds.
const MIN_RSA_BITS: u32 = 2048;

/// A private key held in memory: P-256, P-384, P-521, Ed25519, ML-DSA, or RSA of 2048 to 8192
/// bits.
///
/// aws-lc-rs signs: it wipes the keys that it holds, which ring does not. The key is parsed once,
/// when it is loaded. No `Debug`, `Clone` or `serde`; what this library holds and what aws-lc holds
/// is wiped on drop. ECDSA and PSS draw on the library's own random generator, seeded from the
/// operating system.
///
/// How keys are read from and written to files stands with the constructors below:
/// [`Self::from_pem`], [`Self::from_pkcs8_der`], [`Self::to_pkcs8_pem`], and in
/// [`Pkcs12`](super::Pkcs12).
pub struct PrivateKey {
    signer: Signer,
    public: PublicKey,
    algorithms: Vec<SignatureAlgorithm>,
    /// `PrivateKeyInfo`, version 1, kept for writing.
    pkcs8: Zeroizing<Vec<u8>>,
}

enum Signer {
    Ec(aws::EcdsaKeyPair),
    Ed25519(aws::Ed25519KeyPair),
    MlDsa(MlDsaKey),
    Rsa(aws::RsaKeyPair),
}

/// Kind and size of a key to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeySpec {
    /// ECDSA over a named curve of NIST; those of brainpool are refused.
    Ec(Curve),
    /// Ed25519.
    Ed25519,
    /// ML-DSA.
    MlDsa(MlDsa),
    /// RSA, 2048 bits, public exponent 65537.
    Rsa2048,
    /// RSA, 3072 bits, public exponent 65537.
    Rsa3072,
    /// RSA, 4096 bits, public exponent 65537.
    Rsa4096,
}

impl PrivateKey {
    /// Makes a new key out of the random generator of aws-lc, which is seeded from the operating
    /// system. RSA takes from a tenth of a second to several seconds.
    ///
    /// # Errors
    /// [`KeyErrorKind::Random`] where the generator fails; [`KeyErrorKind::Algorithm`] for a
    /// brainpool curve.
    pub fn generate(spec: KeySpec) -> Result<Self, KeyError> {
        let failed = |_| KeyError::new(KeyErrorKind::Random, "the key could not be generated");
        let rsa = |size| {
            let key = aws::RsaKeyPair::generate(size).map_err(failed)?;
            Self::from_pkcs8_der(AsDer::as_der(&key).map_err(failed)?.as_ref())
        };
        match spec {
            KeySpec::Ec(curve) => {
                let (scheme, _) = ecdsa(curve).ok_or_else(other_curve)?;
                let key = aws::EcdsaKeyPair::generate(scheme).map_err(failed)?;
                Self::from_pkcs8_der(key.to_pkcs8v1().map_err(failed)?.as_ref())
            }
            KeySpec::Ed25519 => {
                let key = aws::Ed25519KeyPair::generate().map_err(failed)?;
                Self::from_pkcs8_der(key.to_pkcs8v1().map_err(failed)?.as_ref())
            }
            KeySpec::MlDsa(set) => Self::from_ml_dsa(MlDsaKey::generate(set)?, None),
            KeySpec::Rsa2048 => rsa(KeySize::Rsa2048),
            KeySpec::Rsa3072 => rsa(KeySize::Rsa3072),
            KeySpec::Rsa4096 => rsa(KeySize::Rsa4096),
        }
    }

    /// Decodes a DER `PrivateKeyInfo` (PKCS#8 version 1) or `OneAsymmetricKey` (version 2), which
    /// must fill `der`.
    ///
    /// The public key is derived; where the structure carries one, too, both must be the same.
    ///
    /// # Errors
    /// [`KeyErrorKind::Malformed`] for what is not that structure, [`KeyErrorKind::Algorithm`]
    /// for keys of another kind, [`KeyErrorKind::Mismatch`] where public and private half do not
    /// belong together, [`KeyErrorKind::Size`] for RSA below 2048 or above 8192 bits.
    ///
    /// # Source
    /// RFC 5958 2, RFC 5915 3, RFC 8410 7, RFC 8017 A.1.2, RFC 9881 6.
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, KeyError> {
        let info = decode(der, Rules::Der, |r| {
            r.sequence("privateKeyInfo", OneAsymmetricKey::decode)
        })?;
        let mut parameters = info.algorithm.reader("privateKeyAlgorithm")?;
        let algorithm = parameters.oid("algorithm")?;
        if algorithm == oid::EC_PUBLIC_KEY {
            if parameters.peek() != Some(Tag::OID) {
                return Err(other_curve());
            }
            let curve = known_curve(&parameters.expect(Tag::OID, "parameters")?)?;
            parameters.finish("privateKeyAlgorithm")?;
            let ec = decode(info.key, Rules::Der, EcPrivateKey::decode)?;
            if let Some(inner) = ec.curve
                && known_curve(&inner)? != curve
            {
                return Err(mismatch("the two curves that the private key names differ"));
            }
            Self::from_ec(curve, ec.scalar, &[ec.public, info.public])
        } else if algorithm == oid::ED25519 {
            parameters.finish("privateKeyAlgorithm")?;
            let seed = decode(info.key, Rules::Der, |r| {
                Ok(r.expect(Tag::OCTET_STRING, "curvePrivateKey")?.value)
            })?;
            Self::from_ed25519(seed, info.public)
        } else if let Some(set) = MlDsa::from_oid(algorithm) {
            parameters.finish("privateKeyAlgorithm")?;
            Self::from_ml_dsa(MlDsaKey::decode(set, info.key)?, info.public)
        } else if algorithm == oid::RSA_ENCRYPTION {
            parameters.optional(Tag::NULL, "parameters")?;
            parameters.finish("privateKeyAlgorithm")?;
            Self::from_rsa(info.key, None, info.public)
        } else if algorithm == oid::RSASSA_PSS {
            Self::from_rsa(info.key, Some(&info.algorithm), info.public)
        } else {
            let what = format!("the private key is of a kind that is not known here: {algorithm}");
            Err(KeyError::new(KeyErrorKind::Algorithm, what))
        }
    }

    /// Decodes a DER `ECPrivateKey` that names its curve (RFC 5915 3, `EC PRIVATE KEY` in PEM).
    ///
    /// # Errors
    /// As [`Self::from_pkcs8_der`].
    pub fn from_sec1_der(der: &[u8]) -> Result<Self, KeyError> {
        let ec = decode(der, Rules::Der, EcPrivateKey::decode)?;
        let curve = ec.curve.ok_or_else(other_curve)?;
        Self::from_ec(known_curve(&curve)?, ec.scalar, &[ec.public])
    }

    /// Decodes a DER `RSAPrivateKey` (RFC 8017 A.1.2, `RSA PRIVATE KEY` in PEM).
    ///
    /// # Errors
    /// As [`Self::from_pkcs8_der`].
    pub fn from_pkcs1_der(der: &[u8]) -> Result<Self, KeyError> {
        Self::from_rsa(der, None, None)
    }

    /// The unencrypted `PrivateKeyInfo`, version 1, in DER. The octets are wiped with the key.
    pub fn pkcs8_der(&self) -> &[u8] {
        &self.pkcs8
    }

    fn from_ec(curve: Curve, scalar: &[u8], claimed: &[Option<&[u8]>]) -> Result<Self, KeyError> {
        let n = curve.coordinate_len();
        // RFC 5915 3 fixes the length; old writers drop leading zeros or add one.
        let zeros = scalar.iter().take_while(|&&b| b == 0).count();
        let digits = scalar.get(zeros..).unwrap_or_default();
        let Some(pad) = n.checked_sub(digits.len()) else {
            let what = format!("private key: scalar is longer than {n} octets");
            return Err(KeyError::new(KeyErrorKind::Malformed, what));
        };
        let mut fixed = Zeroizing::new(vec![0; pad]);
        fixed.reserve_exact(digits.len());
        fixed.extend_from_slice(digits);

        let ec_private_key = |public: Option<&[u8]>| {
            secret_der(fixed.len() + 160, |w| {
                w.sequence(|w| {
                    w.u32(1);
                    w.octets(&fixed);
                    if let Some(public) = public {
                        w.nested(Tag::constructed(1), |w| w.bit_octets(public));
                    }
                });
            })
        };
        let (scheme, algorithm) = ecdsa(curve).ok_or_else(other_curve)?;
        let name = KeyAlgorithm::Ec(curve);
        let signer = aws::EcdsaKeyPair::from_private_key_der(scheme, &ec_private_key(None))
            .map_err(|_| malformed(&format!("the {name} private key is not below the order")))?;
        let point = signer.public_key().as_ref();
        check_public(point, claimed)?;

        let mut id = Writer::new();
        id.sequence(|w| {
            w.oid(oid::EC_PUBLIC_KEY);
            w.oid(curve.oid());
        });
        let id = id.finish();
        Ok(Self {
            public: PublicKey::from_spki(&spki(&id, point))?,
            pkcs8: private_key_info(&id, &ec_private_key(Some(point))),
            algorithms: vec![algorithm],
            signer: Signer::Ec(signer),
        })
    }

    fn from_ed25519(seed: &[u8], claimed: Option<&[u8]>) -> Result<Self, KeyError> {
        if seed.len() != 32 {
            return Err(malformed("the Ed25519 private key is not 32 octets long"));
        }
        let signer = aws::Ed25519KeyPair::from_seed_unchecked(seed)
            .map_err(|_| malformed("the Ed25519 private key is not usable"))?;
        let point = signer.public_key().as_ref();
        check_public(point, &[claimed])?;

        let mut id = Writer::new();
        id.sequence(|w| w.oid(oid::ED25519));
        let id = id.finish();
        let key = secret_der(64, |w| w.octets(seed));
        Ok(Self {
            public: PublicKey::from_spki(&spki(&id, point))?,
            pkcs8: private_key_info(&id, &key),
            algorithms: vec![SignatureAlgorithm::Ed25519],
            signer: Signer::Ed25519(signer),
        })
    }

    fn from_ml_dsa(key: MlDsaKey, claimed: Option<&[u8]>) -> Result<Self, KeyError> {
        check_public(key.public(), &[claimed])?;
        let mut id = Writer::new();
        id.sequence(|w| w.oid(key.set().oid()));
        let id = id.finish();
        Ok(Self {
            public: PublicKey::from_spki(&spki(&id, key.public()))?,
            pkcs8: private_key_info(&id, &key.encoded),
            algorithms: vec![SignatureAlgorithm::MlDsa(key.set())],
            signer: Signer::MlDsa(key),
        })
    }

    /// `pss` is the `AlgorithmIdentifier` of a key that may be used with PSS alone.
    fn from_rsa(
        der: &[u8],
        pss: Option<&Tlv<'_>>,
        claimed: Option<&[u8]>,
    ) -> Result<Self, KeyError> {
        use SignatureAlgorithm::{RsaPkcs1, RsaPss};
        const DIGESTS: [DigestAlgorithm; 3] = [
            DigestAlgorithm::Sha256,
            DigestAlgorithm::Sha384,
            DigestAlgorithm::Sha512,
        ];

        let (modulus, exponent) = decode(der, Rules::Der, |r| {
            r.sequence("rsaPrivateKey", |r| {
                let version = *r;
                if r.u32("version")? != 0 {
                    let kind = DecodeKind::Value("RSA key of more than two primes");
                    return Err(version.error(kind, "version"));
                }
                let public = (r.integer("modulus")?, r.integer("publicExponent")?);
                for rest in [
                    "privateExponent",
                    "prime1",
                    "prime2",
                    "exponent1",
                    "exponent2",
                ] {
                    r.integer(rest)?;
                }
                r.integer("coefficient")?;
                Ok(public)
            })
        })?;
        let mut rsa_public_key = Writer::new();
        rsa_public_key.sequence(|w| {
            w.tlv(Tag::INTEGER, modulus);
            w.tlv(Tag::INTEGER, exponent);
        });
        let rsa_public_key = rsa_public_key.finish();
        check_public(&rsa_public_key, &[claimed])?;

        let (id, algorithms) = match pss {
            None => {
                let mut id = Writer::new();
                id.sequence(|w| {
                    w.oid(oid::RSA_ENCRYPTION);
                    w.tlv(Tag::NULL, &[]);
                });
                let all = DIGESTS.map(RsaPkcs1).into_iter();
                (id.finish(), all.chain(DIGESTS.map(RsaPss)).collect())
            }
            // RFC 4055 3.3: parameters in the key bind every signature; absent, they leave it open.
            Some(id)
                if id
                    .nested("", |r| r.oid("").map(|_| r.is_empty()))
                    .unwrap_or(false) =>
            {
                (id.raw.to_vec(), DIGESTS.map(RsaPss).to_vec())
            }
            Some(id) => match SignatureAlgorithm::decode(id, None, "privateKeyAlgorithm")? {
                Ok(RsaPss(digest)) if DIGESTS.contains(&digest) => {
                    (id.raw.to_vec(), vec![RsaPss(digest)])
                }
                _ => {
                    let what = "the RSA-PSS key is bound to a digest that is not signed with here";
                    return Err(KeyError::new(KeyErrorKind::Algorithm, what));
                }
            },
        };
        let public = PublicKey::from_spki(&spki(&id, &rsa_public_key)).map_err(|e| {
            let magnitude = modulus.strip_prefix(&[0]).unwrap_or(modulus);
            let sized = (128..=1024).contains(&magnitude.len());
            let kind = if sized {
                KeyErrorKind::Malformed
            } else {
                KeyErrorKind::Size
            };
            KeyError::new(kind, e.to_string())
        })?;
        if let KeyAlgorithm::Rsa { bits } | KeyAlgorithm::RsaPss { bits } = public.algorithm()
            && bits < MIN_RSA_BITS
        {
            let what = format!("the RSA key has {bits} bits, at least {MIN_RSA_BITS} are needed");
            return Err(KeyError::new(KeyErrorKind::Size, what));
        }
        // Checks primes, exponents and coefficient against modulus and public exponent.
        let signer = aws::RsaKeyPair::from_der(der)
            .map_err(|_| mismatch("the parts of the RSA private key do not belong together"))?;
        Ok(Self {
            public,
            pkcs8: private_key_info(&id, der),
            algorithms,
            signer: Signer::Rsa(signer),
        })
    }
}

impl SigningKey for PrivateKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn algorithms(&self) -> &[SignatureAlgorithm] {
        &self.algorithms
    }

    fn sign(&self, algorithm: SignatureAlgorithm, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        use DigestAlgorithm as D;
        use SignatureAlgorithm as S;

        let refused = || {
            let what = format!(
                "a {} key does not sign with {algorithm}",
                self.public.algorithm()
            );
            KeyError::new(KeyErrorKind::Algorithm, what)
        };
        if !self.algorithms.contains(&algorithm) {
            return Err(refused());
        }
        let failed = || KeyError::new(KeyErrorKind::Refused, "the key failed to sign");
        let rng = SystemRandom::new();
        match &self.signer {
            Signer::Ec(key) => Ok(key
                .sign(&rng, message)
                .map_err(|_| failed())?
                .as_ref()
                .to_vec()),
            Signer::MlDsa(key) => key.sign(message),
            Signer::Ed25519(key) => Ok(key.sign(message).as_ref().to_vec()),
            Signer::Rsa(key) => {
                let padding: &'static dyn aws::RsaEncoding = match algorithm {
                    S::RsaPkcs1(D::Sha256) => &aws::RSA_PKCS1_SHA256,
                    S::RsaPkcs1(D::Sha384) => &aws::RSA_PKCS1_SHA384,
                    S::RsaPkcs1(D::Sha512) => &aws::RSA_PKCS1_SHA512,
                    S::RsaPss(D::Sha256) => &aws::RSA_PSS_SHA256,
                    S::RsaPss(D::Sha384) => &aws::RSA_PSS_SHA384,
                    S::RsaPss(D::Sha512) => &aws::RSA_PSS_SHA512,
                    _ => return Err(refused()),
                };
                let mut out = vec![0; key.public_modulus_len()];
                key.sign(padding, &rng, message, &mut out)
                    .map_err(|_| failed())?;
                Ok(out)
            }
        }
    }
}

impl From<DecodeError> for KeyError {
    /// The message names field, fault and place, never content.
    fn from(error: DecodeError) -> Self {
        let kind = match error.kind() {
            DecodeKind::Limit(_) => KeyErrorKind::Limit,
            _ => KeyErrorKind::Malformed,
        };
        Self::new(kind, error.to_string())
    }
}

fn known_curve(parameters: &Tlv<'_>) -> Result<Curve, KeyError> {
    if parameters.tag != Tag::OID {
        return Err(other_curve());
    }
    let found = parameters.oid("namedCurve")?;
    Curve::from_oid(found)
        .filter(|c| ecdsa(*c).is_some())
        .ok_or_else(other_curve)
}

/// The scheme of aws-lc-rs and the algorithm it is: the digest as strong as the curve (RFC 5753).
/// `None` for a curve that nothing signs with here.
fn ecdsa(curve: Curve) -> Option<(&'static aws::EcdsaSigningAlgorithm, SignatureAlgorithm)> {
    use SignatureAlgorithm::Ecdsa;
    Some(match curve {
        Curve::BrainpoolP256r1
        | Curve::BrainpoolP256t1
        | Curve::BrainpoolP384r1
        | Curve::BrainpoolP384t1 => return None,
        Curve::P256 => (
            &aws::ECDSA_P256_SHA256_ASN1_SIGNING,
            Ecdsa(DigestAlgorithm::Sha256),
        ),
        Curve::P384 => (
            &aws::ECDSA_P384_SHA384_ASN1_SIGNING,
            Ecdsa(DigestAlgorithm::Sha384),
        ),
        Curve::P521 => (
            &aws::ECDSA_P521_SHA512_ASN1_SIGNING,
            Ecdsa(DigestAlgorithm::Sha512),
        ),
    })
}

/// Compares the derived public key with those that the structure carries.
fn check_public(derived: &[u8], claimed: &[Option<&[u8]>]) -> Result<(), KeyError> {
    // A compressed point has the same x and the sign of y.
    let same = |c: &[u8]| match (c, derived) {
        ([sign @ (2 | 3), x @ ..], [4, xy @ ..]) => {
            xy.starts_with(x)
                && xy.len() == 2 * x.len()
                && xy.last().is_some_and(|b| b & 1 == sign & 1)
        }
        _ => c == derived,
    };
    if claimed.iter().flatten().all(|c| same(c)) {
        Ok(())
    } else {
        Err(mismatch(
            "the public key stored with the private key is not its own",
        ))
    }
}

/// `SubjectPublicKeyInfo` from an encoded `AlgorithmIdentifier` and the key's octets.
fn spki(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
    let mut w = Writer::new();
    w.sequence(|w| {
        w.raw(algorithm);
        w.bit_octets(key);
    });
    w.finish()
}

/// `PrivateKeyInfo`, version 1: what every reader knows.
fn private_key_info(algorithm: &[u8], key: &[u8]) -> Zeroizing<Vec<u8>> {
    secret_der(algorithm.len() + key.len() + 32, |w| {
        w.sequence(|w| {
            w.u32(0);
            w.raw(algorithm);
            w.octets(key);
        });
    })
}

/// Writes into a buffer that never grows (growing would leave copies) and is wiped on drop.
pub(super) fn secret_der(capacity: usize, write: impl FnOnce(&mut Writer)) -> Zeroizing<Vec<u8>> {
    let mut w = Writer::with_capacity(capacity);
    write(&mut w);
    let out = Zeroizing::new(w.finish());
    debug_assert!(out.len() <= capacity, "the buffer grew");
    out
}

fn other_curve() -> KeyError {
    let what = "the private key's curve is not P-256, P-384 or P-521 by name";
    KeyError::new(KeyErrorKind::Algorithm, what)
}

pub(super) fn malformed(what: &str) -> KeyError {
    KeyError::new(KeyErrorKind::Malformed, what)
}

pub(super) fn mismatch(what: &str) -> KeyError {
    KeyError::new(KeyErrorKind::Mismatch, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use zeroize::ZeroizeOnDrop;

    /// What is ours wipes itself by its type; aws-lc wipes its own when it frees it
    /// (`OPENSSL_free` cleanses). Reading freed memory back would need unsafe code.
    #[test]
    fn kept_octets_are_wiped_on_drop() {
        fn wiped<T: ZeroizeOnDrop>(_: &T) {}
        let specs = [
            KeySpec::Ec(Curve::P256),
            KeySpec::Ec(Curve::P384),
            KeySpec::Ec(Curve::P521),
            KeySpec::Ed25519,
            KeySpec::MlDsa(MlDsa::MlDsa65),
            KeySpec::Rsa2048,
        ];
        for spec in specs {
            // The assertion in `secret_der` sees to it that no buffer grew on the way.
            let key = PrivateKey::generate(spec).unwrap();
            wiped(&key.pkcs8);
            assert!(!key.pkcs8.is_empty());
        }
    }

    #[test]
    fn rsa_sizes_and_values() {
        let private = |modulus: &[u8], exponent: u32| {
            let mut w = Writer::new();
            w.sequence(|w| {
                w.u32(0);
                w.unsigned(Tag::INTEGER, modulus);
                w.u32(exponent);
                (0..6).for_each(|_| w.u32(3));
            });
            PrivateKey::from_pkcs1_der(&w.finish())
                .err()
                .map(|e| e.kind())
        };
        for (octets, exponent, expected) in [
            (127, 65537, KeyErrorKind::Size),
            (128, 65537, KeyErrorKind::Size),
            (255, 65537, KeyErrorKind::Size),
            (256, 65537, KeyErrorKind::Mismatch),
            (1024, 65537, KeyErrorKind::Mismatch),
            (1025, 65537, KeyErrorKind::Size),
            (256, 2, KeyErrorKind::Malformed),
        ] {
            let found = private(&vec![0xff; octets], exponent);
            assert_eq!(
                found,
                Some(expected),
                "{octets} octets, exponent {exponent}"
            );
        }
    }
}
