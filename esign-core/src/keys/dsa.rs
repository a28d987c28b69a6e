//! Verification of DSA, whose parameters may be inherited from the issuer's key.
//!
//! Nothing signs with DSA any more (FIPS 186-5 1 withdrew it); old certificates and the public
//! test suites have it. Only public values are handled, so nothing here needs constant time, and
//! num-bigint is enough: the RustCrypto crate would bring the making of primes with it.
//!
//! # Source
//! FIPS 186-4 4 (parameters, verification), RFC 3279 2.2.2 and 2.3.2 (encoding, inheritance).

use num_bigint::BigUint;

use super::{DigestAlgorithm, Hasher, VerifyError};
use crate::der::{DecodeError, DecodeKind, Reader, Rules, decode};

/// Smallest prime p that is verified, in bits (FIPS 186-4 4.2).
const MIN_P_BITS: u64 = 1024;
/// Largest prime p that is verified, in bits (FIPS 186-4 4.2): each verification raises to a
/// power modulo p four times.
const MAX_P_BITS: u64 = 3072;
/// Sizes of q, in bits (FIPS 186-4 4.2).
const Q_BITS: [u64; 3] = [160, 224, 256];

/// `Dss-Parms` (RFC 3279 2.3.2).
pub(super) struct Parameters {
    p: BigUint,
    q: BigUint,
    g: BigUint,
}

impl Parameters {
    /// Reads the structure and checks sizes and that q divides p - 1.
    pub(super) fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let place = *r;
        let parameters = r.sequence("parameters", |r| {
            Ok(Self {
                p: positive(r, "p")?,
                q: positive(r, "q")?,
                g: positive(r, "g")?,
            })
        })?;
        let bad = |what| Err(place.error(DecodeKind::Value(what), "parameters"));
        let Self { p, q, g } = &parameters;
        let one = BigUint::from(1u8);
        if !(MIN_P_BITS..=MAX_P_BITS).contains(&p.bits()) {
            return bad("DSA prime p is not 1024 to 3072 bits long");
        }
        if !Q_BITS.contains(&q.bits()) {
            return bad("DSA prime q is not 160, 224 or 256 bits long");
        }
        if !p.bit(0) || !q.bit(0) || (p - &one) % q != BigUint::ZERO {
            return bad("DSA parameters: q does not divide p - 1, or one of them is even");
        }
        if *g <= one || g >= p {
            return bad("DSA generator g is not between 1 and p");
        }
        Ok(parameters)
    }

    /// Length of p.
    pub(super) fn bits(&self) -> u32 {
        u32::try_from(self.p.bits()).unwrap_or(u32::MAX)
    }

    /// Whether `y` can be a public key here: 1 < y < p - 1 (SP 800-89 5.3.1).
    pub(super) fn admit(&self, y: &BigUint) -> bool {
        let one = BigUint::from(1u8);
        *y > one && *y < &self.p - &one
    }
}

/// Reads `DSAPublicKey`, which must fill `der`.
pub(super) fn public_value(der: &[u8]) -> Result<BigUint, DecodeError> {
    // No prime is that long, whatever parameters will be inherited.
    if der.len() > 400 {
        let what = DecodeKind::Limit("DSA public key is longer than 3072 bits");
        return Err(DecodeError::new(what, "", 0));
    }
    decode(der, Rules::Der, |r| positive(r, ""))
}

/// Verifies with an encoded `DSAPublicKey` and encoded `Dss-Parms`.
pub(super) fn verify(
    key: &[u8],
    parameters: &[u8],
    digest: DigestAlgorithm,
    message: &[u8],
    signature: &[u8],
) -> Result<(), VerifyError> {
    let invalid = |_| VerifyError::Invalid;
    let y = public_value(key).map_err(invalid)?;
    let parameters = decode(parameters, Rules::Der, Parameters::decode).map_err(invalid)?;
    let (r, s) = decode(signature, Rules::Der, |r| {
        r.sequence("", |r| Ok((positive(r, "r")?, positive(r, "s")?)))
    })
    .map_err(invalid)?;
    if accepts(&parameters, &y, (&r, &s), digest, message) == Some(true) {
        Ok(())
    } else {
        Err(VerifyError::Invalid)
    }
}

/// FIPS 186-4 4.7, after the checks of key and generator of SP 800-89 5.3.1: a generator or a key
/// outside of the subgroup of order q makes forgeries (with both 1, r = 1 is always right).
fn accepts(
    parameters: &Parameters,
    y: &BigUint,
    (r, s): (&BigUint, &BigUint),
    digest: DigestAlgorithm,
    message: &[u8],
) -> Option<bool> {
    let Parameters { p, q, g } = parameters;
    let one = BigUint::from(1u8);
    if r >= q || s >= q || !parameters.admit(y) || g.modpow(q, p) != one || y.modpow(q, p) != one {
        return None;
    }
    // The leftmost bits of the digest, as many as q has; both are whole octets.
    let hash = Hasher::digest(digest, message);
    let length = usize::try_from(q.bits() / 8).ok()?;
    let hash = hash.as_bytes();
    let z = BigUint::from_bytes_be(hash.get(..length).unwrap_or(hash));
    let w = s.modinv(q)?;
    let u1 = z * &w % q;
    let u2 = r * w % q;
    let v = g.modpow(&u1, p) * y.modpow(&u2, p) % p % q;
    Some(v == *r)
}

/// A positive INTEGER.
fn positive(r: &mut Reader<'_>, field: &str) -> Result<BigUint, DecodeError> {
    let place = *r;
    let octets = r.integer(field)?;
    if octets.first().is_none_or(|b| b & 0x80 != 0) || octets == [0] {
        return Err(place.error(DecodeKind::Value("INTEGER is not positive"), field));
    }
    Ok(BigUint::from_bytes_be(octets))
}
