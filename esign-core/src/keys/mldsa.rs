//! ML-DSA: its parameter sets, and the three forms of a private key.
//!
//! aws-lc signs and verifies. The context string is empty, as certificates (RFC 9881 2) and CMS
//! (RFC 9882 3) have it, and the message is signed whole (pure ML-DSA, not HashML-DSA).
//!
//! # Source
//! FIPS 204; RFC 9881 4 (public keys), 6 (private keys).

use aws_lc_rs::signature as aws;
use aws_lc_rs::signature::KeyPair;
use zeroize::Zeroizing;

use crate::oid::ObjectIdentifier;

use super::private::{malformed, mismatch, secret_der};
use super::{KeyError, KeyErrorKind};
use crate::der::{DecodeKind, Reader, Rules, Tag, decode};
use crate::oid;

/// A parameter set of ML-DSA (FIPS 204 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the standard's own: FIPS 204")]
pub enum MlDsa {
    MlDsa44,
    MlDsa65,
    MlDsa87,
}

/// Length of the seed ξ in octets (FIPS 204 algorithm 1).
const SEED_LEN: usize = 32;

impl MlDsa {
    /// Every parameter set.
    pub const ALL: [Self; 3] = [Self::MlDsa44, Self::MlDsa65, Self::MlDsa87];

    /// Its object identifier, of keys and of signatures.
    pub const fn oid(self) -> ObjectIdentifier {
        match self {
            Self::MlDsa44 => oid::ML_DSA_44,
            Self::MlDsa65 => oid::ML_DSA_65,
            Self::MlDsa87 => oid::ML_DSA_87,
        }
    }

    /// The parameter set of an object identifier.
    pub fn from_oid(oid: ObjectIdentifier) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.oid() == oid)
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MlDsa44 => "ML-DSA-44",
            Self::MlDsa65 => "ML-DSA-65",
            Self::MlDsa87 => "ML-DSA-87",
        }
    }

    /// Length of a public key in octets (FIPS 204 table 2).
    pub const fn public_key_len(self) -> usize {
        match self {
            Self::MlDsa44 => 1312,
            Self::MlDsa65 => 1952,
            Self::MlDsa87 => 2592,
        }
    }

    /// Length of a signature in octets (FIPS 204 table 2).
    pub const fn signature_len(self) -> usize {
        match self {
            Self::MlDsa44 => 2420,
            Self::MlDsa65 => 3309,
            Self::MlDsa87 => 4627,
        }
    }

    /// Length of an expanded private key in octets (FIPS 204 table 2).
    const fn expanded_len(self) -> usize {
        match self {
            Self::MlDsa44 => 2560,
            Self::MlDsa65 => 4032,
            Self::MlDsa87 => 4896,
        }
    }

    pub(super) const fn verification(self) -> &'static aws::PqdsaVerificationAlgorithm {
        match self {
            Self::MlDsa44 => &aws::ML_DSA_44,
            Self::MlDsa65 => &aws::ML_DSA_65,
            Self::MlDsa87 => &aws::ML_DSA_87,
        }
    }

    const fn signing(self) -> &'static aws::PqdsaSigningAlgorithm {
        match self {
            Self::MlDsa44 => &aws::ML_DSA_44_SIGNING,
            Self::MlDsa65 => &aws::ML_DSA_65_SIGNING,
            Self::MlDsa87 => &aws::ML_DSA_87_SIGNING,
        }
    }
}

/// A private key that aws-lc holds, and how it is written.
pub(super) struct MlDsaKey {
    set: MlDsa,
    pair: aws::PqdsaKeyPair,
    /// `ML-DSA-PrivateKey`: the seed where it is known, else the expanded key.
    pub(super) encoded: Zeroizing<Vec<u8>>,
}

impl MlDsaKey {
    /// Makes a key from 32 fresh random octets.
    pub(super) fn generate(set: MlDsa) -> Result<Self, KeyError> {
        let failed = |_| KeyError::new(KeyErrorKind::Random, "the key could not be generated");
        let mut seed = Zeroizing::new([0; SEED_LEN]);
        aws_lc_rs::rand::fill(seed.as_mut()).map_err(failed)?;
        Self::from_seed(set, seed.as_ref())
    }

    /// Reads `ML-DSA-PrivateKey` (RFC 9881 6): the seed, the expanded key, or both, which must
    /// then belong together.
    pub(super) fn decode(set: MlDsa, der: &[u8]) -> Result<Self, KeyError> {
        let (seed, expanded) = decode(der, Rules::Der, |r| {
            let place = *r;
            match r.peek() {
                Some(SEED) => Ok((Some(r.expect(SEED, "seed")?.value), None)),
                Some(Tag::OCTET_STRING) => Ok((None, Some(octets(r, "expandedKey")?))),
                Some(Tag::SEQUENCE) => r.sequence("both", |r| {
                    Ok((Some(octets(r, "seed")?), Some(octets(r, "expandedKey")?)))
                }),
                _ => Err(place.error(DecodeKind::Value("neither seed nor expanded key"), "")),
            }
        })?;
        match (seed, expanded) {
            (Some(seed), None) => Self::from_seed(set, seed),
            (Some(seed), Some(expanded)) => {
                let key = Self::from_seed(set, seed)?;
                // RFC 9881 8.2: recompute, and refuse what differs.
                let own = aws_lc_rs::encoding::AsRawBytes::as_raw_bytes(&key.pair.private_key())
                    .map_err(|_| unusable(set))?;
                if own.as_ref() == expanded {
                    Ok(key)
                } else {
                    Err(mismatch(
                        "the seed and the expanded private key are not the same key",
                    ))
                }
            }
            (None, expanded) => Self::from_expanded(set, expanded.unwrap_or_default()),
        }
    }

    fn from_seed(set: MlDsa, seed: &[u8]) -> Result<Self, KeyError> {
        if seed.len() != SEED_LEN {
            let (name, found) = (set.name(), seed.len());
            let what = format!("the {name} seed is {found} octets long, not {SEED_LEN}");
            return Err(malformed(&what));
        }
        Ok(Self {
            set,
            pair: aws::PqdsaKeyPair::from_seed(set.signing(), seed).map_err(|_| unusable(set))?,
            encoded: secret_der(SEED_LEN + 8, |w| w.tlv(SEED, seed)),
        })
    }

    fn from_expanded(set: MlDsa, expanded: &[u8]) -> Result<Self, KeyError> {
        let length = set.expanded_len();
        if expanded.len() != length {
            let (name, found) = (set.name(), expanded.len());
            let what = format!("the {name} private key is {found} octets long, not {length}");
            return Err(malformed(&what));
        }
        // Derives the public key and compares its digest with the one inside (FIPS 204 6.1: tr).
        let pair = aws::PqdsaKeyPair::from_raw_private_key(set.signing(), expanded)
            .map_err(|_| unusable(set))?;
        Ok(Self {
            set,
            pair,
            encoded: secret_der(length + 8, |w| w.octets(expanded)),
        })
    }

    pub(super) fn set(&self) -> MlDsa {
        self.set
    }

    pub(super) fn public(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let mut out = vec![0; self.set.signature_len()];
        match self.pair.sign(message, &mut out) {
            Ok(n) if n == out.len() => Ok(out),
            _ => Err(KeyError::new(
                KeyErrorKind::Refused,
                "the key failed to sign",
            )),
        }
    }
}

/// `seed [0] IMPLICIT OCTET STRING`.
const SEED: Tag = Tag::primitive(0);

fn octets<'a>(r: &mut Reader<'a>, field: &str) -> Result<&'a [u8], crate::der::DecodeError> {
    Ok(r.expect(Tag::OCTET_STRING, field)?.value)
}

fn unusable(set: MlDsa) -> KeyError {
    malformed(&format!("the {} private key is not usable", set.name()))
}
