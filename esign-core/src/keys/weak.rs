//! Public keys whose private key can be found, or that verify what nobody signed.
//!
//! Everything here works on public numbers, with num-bigint, and takes milliseconds for each RSA key,
//! nearly all of it for the question whether the modulus is a prime: it is for requests, imports
//! and surveys, not for each validation.
//!
//! # Source
//! CA/Browser Forum Baseline Requirements 6.1.1.3 and 6.1.6; NIST SP 800-89 5.3.3; FIPS 186-5
//! A.1.1; ROCA: Nemec and others, "The Return of Coppersmith's Attack" (CCS 2017),
//! CVE-2017-15361; shared factors: Heninger and others, "Mining Your Ps and Qs" (2012), by
//! Bernstein's batch gcd.

use core::fmt;
use core::ops::Range;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::LazyLock;

use aws_lc_rs::signature as aws;
use num_bigint::BigUint;

use super::pss::rsa_numbers;
use super::{Curve, KeyAlgorithm, KeyError, KeyErrorKind, PublicKey, brainpool};

/// Rounds of Fermat's method that no modulus may fall in: what BR 6.1.1.3 asks for.
const FERMAT_ROUNDS: u32 = 100;
/// No modulus has a prime factor below this. BR 6.1.6 asks for 752; the rest costs a millisecond.
const FACTOR_BOUND: u32 = 1 << 16;
/// Public exponents from here on are as FIPS 186-5 A.1.1 has them.
const LEAST_EXPONENT: u64 = (1 << 16) + 1;
/// Most keys of one call of [`shared_factors`]: of 2048 bits, so many take 5 s. Time grows with the
/// square of all their bits, since num-bigint divides as one does by hand.
pub const MAX_BATCH: usize = 1 << 12;
/// Most moduli that are compared pair by pair once they are known to share, which takes 20 s.
const MAX_SHARING: usize = 512;

/// What is wrong with a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Weakness {
    /// The primes are so close that Fermat's method finds them.
    ClosePrimes {
        /// In which of its rounds.
        round: u32,
    },
    /// The modulus is a power of one number, or a prime itself.
    NotTwoPrimes,
    /// The point is not on its curve.
    PointNotOnCurve,
    /// The modulus has the fingerprint of the key generator of CVE-2017-15361.
    Roca,
    /// The public exponent is below 65537: allowed (RFC 8017 3.1), but advised against.
    SmallExponent {
        /// The exponent.
        exponent: u64,
    },
    /// The modulus has a small prime factor.
    SmallFactor {
        /// The factor.
        factor: u32,
    },
    /// The Ed25519 key is a point of small order, with which signatures need no private key.
    SmallOrder,
}

impl Weakness {
    /// Whether nobody may rely on such a key; otherwise it is advice.
    pub fn is_fatal(self) -> bool {
        !matches!(self, Self::SmallExponent { .. })
    }

    /// Where it is said.
    pub fn clause(self) -> &'static str {
        match self {
            Self::ClosePrimes { .. } | Self::Roca => "BR 6.1.1.3",
            Self::NotTwoPrimes => "SP 800-89 5.3.3",
            Self::PointNotOnCurve => "SP 800-56A 5.6.2.3.3",
            Self::SmallExponent { .. } => "FIPS 186-5 A.1.1",
            Self::SmallFactor { .. } => "BR 6.1.6",
            Self::SmallOrder => "RFC 8032 8.9",
        }
    }
}

impl fmt::Display for Weakness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClosePrimes { round } => write!(
                f,
                "its primes are close to each other: Fermat's method finds them in round {round} of {FERMAT_ROUNDS}"
            ),
            Self::NotTwoPrimes => f.write_str("its modulus is a prime or a power"),
            Self::PointNotOnCurve => f.write_str("its point is not on its curve"),
            Self::Roca => {
                f.write_str("its modulus has the ROCA fingerprint (CVE-2017-15361), by which it can be factored")
            }
            Self::SmallExponent { exponent } => {
                write!(f, "its public exponent is {exponent}, less than {LEAST_EXPONENT}")
            }
            Self::SmallFactor { factor } => write!(f, "its modulus is divisible by {factor}"),
            Self::SmallOrder => f.write_str("it is a point of small order"),
        }
    }
}

/// What is wrong with `key`, as far as it alone can show; empty for a sound one. What
/// [`PublicKey::from_spki`] refuses (an even exponent or one below 3, a point at infinity) does
/// not come so far. See [`shared_factors`] for what only many keys show.
pub fn weaknesses(key: &PublicKey) -> Vec<Weakness> {
    let octets = key.key_octets();
    let found = match key.algorithm() {
        KeyAlgorithm::Ec(curve) => (!on_curve(curve, octets)).then_some(Weakness::PointNotOnCurve),
        KeyAlgorithm::Ed25519 => small_order(octets).then_some(Weakness::SmallOrder),
        KeyAlgorithm::Rsa { .. } | KeyAlgorithm::RsaPss { .. } => return rsa(octets),
        // Parameters and key are checked on each use; ML-DSA has no structure to be weak in.
        KeyAlgorithm::Dsa { .. } | KeyAlgorithm::MlDsa(_) => None,
    };
    found.into_iter().collect()
}

fn rsa(octets: &[u8]) -> Vec<Weakness> {
    let Ok((n, e)) = rsa_numbers(octets) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    if let Some(factor) = small_factor(&n) {
        found.push(Weakness::SmallFactor { factor });
    } else if is_prime_or_power(&n) {
        found.push(Weakness::NotTwoPrimes);
    } else if let Some(round) = close_primes(&n) {
        found.push(Weakness::ClosePrimes { round });
    }
    if has_roca_fingerprint(&n) {
        found.push(Weakness::Roca);
    }
    if let Ok(exponent) = u64::try_from(&e)
        && exponent < LEAST_EXPONENT
    {
        found.push(Weakness::SmallExponent { exponent });
    }
    found
}

/// Whether an encoded point is on its curve.
pub(crate) fn on_curve(curve: Curve, point: &[u8]) -> bool {
    let aws =
        |a: &'static aws::EcdsaVerificationAlgorithm| aws::ParsedPublicKey::new(a, point).is_ok();
    match curve {
        Curve::P256 => aws(&aws::ECDSA_P256_SHA256_ASN1),
        Curve::P384 => aws(&aws::ECDSA_P384_SHA384_ASN1),
        Curve::P521 => aws(&aws::ECDSA_P521_SHA512_ASN1),
        Curve::BrainpoolP256r1
        | Curve::BrainpoolP256t1
        | Curve::BrainpoolP384r1
        | Curve::BrainpoolP384t1 => brainpool::on_curve(curve, point) == Some(true),
    }
}

/// The points of order 1, 2, 4 and 8 by their y, little-endian, those above p included.
const SMALL_ORDER: [[u8; 32]; 7] = {
    const fn edge(first: u8) -> [u8; 32] {
        let mut y = [0xff; 32];
        y[0] = first;
        y[31] = 0x7f;
        y
    }
    let mut one = [0; 32];
    one[0] = 1;
    [
        [0; 32],
        one,
        [
            0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef,
            0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88,
            0x6d, 0x53, 0xfc, 0x05,
        ],
        [
            0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10,
            0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77,
            0x92, 0xac, 0x03, 0x7a,
        ],
        edge(0xec),
        edge(0xed),
        edge(0xee),
    ]
};

fn small_order(key: &[u8]) -> bool {
    let Some((last, rest)) = key.split_last() else {
        return false;
    };
    // The highest bit is the sign of x.
    let last = last & 0x7f;
    SMALL_ORDER
        .iter()
        .any(|y| y.split_last() == Some((&last, rest)))
}

/// The primes below [`FACTOR_BOUND`], and products of runs of them that fit in 64 bits, each with
/// the places of its run: one division of a modulus answers for four primes.
struct SmallPrimes {
    primes: Vec<u32>,
    products: Vec<(u64, Range<usize>)>,
}

static SMALL_PRIMES: LazyLock<SmallPrimes> = LazyLock::new(|| {
    let mut primes: Vec<u32> = Vec::new();
    for candidate in 2..FACTOR_BOUND {
        let prime = primes
            .iter()
            .take_while(|&&p| p.saturating_mul(p) <= candidate)
            .all(|p| candidate % p != 0);
        if prime {
            primes.push(candidate);
        }
    }
    let mut products = Vec::new();
    let (mut product, mut start) = (1u64, 0);
    for (place, &p) in primes.iter().enumerate() {
        product = product.checked_mul(p.into()).unwrap_or_else(|| {
            products.push((product, start..place));
            start = place;
            p.into()
        });
    }
    products.push((product, start..primes.len()));
    SmallPrimes { primes, products }
});

/// The smallest prime factor below [`FACTOR_BOUND`].
fn small_factor(n: &BigUint) -> Option<u32> {
    let SmallPrimes { primes, products } = &*SMALL_PRIMES;
    products.iter().find_map(|(product, run)| {
        let rest = u64::try_from(n % product).unwrap_or(0);
        let mut run = primes.get(run.clone()).unwrap_or_default().iter();
        run.find(|&&p| rest % u64::from(p) == 0).copied()
    })
}

/// A prime (or what looks like one to Fermat's test), or a power. Small factors are excluded
/// already, so that the exponent of a power is bounded. The power modulo n is most of what a key
/// costs, and nothing cheaper tells a prime.
fn is_prime_or_power(n: &BigUint) -> bool {
    let bits = u32::try_from(n.bits()).unwrap_or(u32::MAX);
    let most = bits.div_ceil(FACTOR_BOUND.ilog2());
    let exponents = SMALL_PRIMES.primes.iter().take_while(|&&k| k <= most);
    if exponents.copied().any(|k| n.nth_root(k).pow(k) == *n) {
        return true;
    }
    let one = BigUint::from(1u8);
    BigUint::from(2u8).modpow(&(n - &one), n) == one
}

/// Fermat's method: n = a² - b² with a from the root of n upwards.
fn close_primes(n: &BigUint) -> Option<u32> {
    let mut a = n.sqrt();
    if &a * &a < *n {
        a += 1u8;
    }
    let mut rest = &a * &a - n;
    for round in 1..=FERMAT_ROUNDS {
        if may_be_square(&rest) {
            let b = rest.sqrt();
            if &b * &b == rest {
                return Some(round);
            }
        }
        // (a + 1)² - a² = 2a + 1
        rest += (&a << 1u8) + 1u8;
        a += 1u8;
    }
    None
}

/// Whether a number is a square modulo each of [`RESIDUES`]: one of 130 is, and most roots are
/// saved.
fn may_be_square(n: &BigUint) -> bool {
    let modulus: u64 = RESIDUES.iter().map(|(m, _)| u64::from(*m)).product();
    let rest = u64::try_from(n % modulus).unwrap_or(0);
    RESIDUES
        .iter()
        .all(|(m, squares)| (squares >> (rest % u64::from(*m))) & 1 == 1)
}

/// Moduli with the set of their squares, bit by bit.
const RESIDUES: [(u32, u128); 4] = [squares(64), squares(63), squares(65), squares(11)];

const fn squares(modulus: u32) -> (u32, u128) {
    let mut set = 0;
    let mut i = 0;
    while i < modulus {
        set |= 1 << (i * i % modulus);
        i += 1;
    }
    (modulus, set)
}

/// The odd primes up to 167, each with the powers of 65537 modulo it. The faulty generator makes
/// primes that are such powers modulo each of these, so that their product is one, too. A sound
/// modulus passes with 2^-27.
const ROCA: [(u32, [u128; 2]); 38] = [
    powers(3),
    powers(5),
    powers(7),
    powers(11),
    powers(13),
    powers(17),
    powers(19),
    powers(23),
    powers(29),
    powers(31),
    powers(37),
    powers(41),
    powers(43),
    powers(47),
    powers(53),
    powers(59),
    powers(61),
    powers(67),
    powers(71),
    powers(73),
    powers(79),
    powers(83),
    powers(89),
    powers(97),
    powers(101),
    powers(103),
    powers(107),
    powers(109),
    powers(113),
    powers(127),
    powers(131),
    powers(137),
    powers(139),
    powers(149),
    powers(151),
    powers(157),
    powers(163),
    powers(167),
];

/// A prime with the powers of 65537 modulo it, bit by bit in two halves.
const fn powers(p: u32) -> (u32, [u128; 2]) {
    let [mut low, mut high] = [0; 2];
    let mut power = 1;
    loop {
        if power < 128 {
            low |= 1 << power;
        } else {
            high |= 1 << (power - 128);
        }
        power = power * (65537 % p) % p;
        if power == 1 {
            return (p, [low, high]);
        }
    }
}

fn has_roca_fingerprint(n: &BigUint) -> bool {
    ROCA.iter().all(|(p, [low, high])| {
        let rest = u32::try_from(n % p).unwrap_or(0);
        let set = if rest < 128 { low } else { high };
        (set >> (rest % 128)) & 1 == 1
    })
}

/// The pairs of RSA keys, by their places in `keys` and each with the lower place first, whose
/// moduli have a factor in common: both can be factored by anyone. A modulus that is there again,
/// be it in the same holder's renewed certificate or in another's, makes a pair with its first
/// place, and only that one is compared with the others. Other kinds of keys are passed over.
///
/// # Errors
/// [`KeyErrorKind::Limit`] for more than [`MAX_BATCH`] keys, or where more than 512 different
/// moduli share factors.
pub fn shared_factors(keys: &[&PublicKey]) -> Result<Vec<(usize, usize)>, KeyError> {
    if keys.len() > MAX_BATCH {
        let found = keys.len();
        let what = format!("{found} keys are to be compared, {MAX_BATCH} at a time are allowed");
        return Err(KeyError::new(KeyErrorKind::Limit, what));
    }
    let mut pairs = Vec::new();
    let mut first = HashMap::new();
    let mut moduli = Vec::new();
    for (place, key) in keys.iter().enumerate() {
        if let KeyAlgorithm::Rsa { .. } | KeyAlgorithm::RsaPss { .. } = key.algorithm()
            && let Ok((modulus, _)) = rsa_numbers(key.key_octets())
        {
            match first.entry(modulus.clone()) {
                Entry::Occupied(before) => pairs.push((*before.get(), place)),
                Entry::Vacant(new) => {
                    new.insert(place);
                    moduli.push((place, modulus));
                }
            }
        }
    }
    let shares = batch_gcd(moduli.iter().map(|(_, n)| n.clone()).collect());
    moduli = moduli
        .into_iter()
        .zip(shares)
        .filter_map(|(modulus, shares)| shares.then_some(modulus))
        .collect();
    if moduli.len() > MAX_SHARING {
        let found = moduli.len();
        let what =
            format!("{found} moduli share factors, {MAX_SHARING} are compared one with another");
        return Err(KeyError::new(KeyErrorKind::Limit, what));
    }
    for (at, (i, n)) in moduli.iter().enumerate() {
        for (j, other) in moduli.iter().skip(at.saturating_add(1)) {
            if gcd(n.clone(), other.clone()) != BigUint::from(1u8) {
                pairs.push((*i, *j));
            }
        }
    }
    pairs.sort_unstable();
    Ok(pairs)
}

/// For each modulus whether it has a factor in common with the product of the others, by a product
/// tree and a remainder tree modulo squares.
fn batch_gcd(moduli: Vec<BigUint>) -> Vec<bool> {
    let mut levels = vec![moduli];
    while let Some(last) = levels.last()
        && last.len() > 1
    {
        let next = last.chunks(2).map(|pair| pair.iter().product()).collect();
        levels.push(next);
    }
    let mut remainders = levels.last().cloned().unwrap_or_default();
    for level in levels.iter().rev().skip(1) {
        let parents = remainders.iter().flat_map(|r| [r, r]);
        remainders = level
            .iter()
            .zip(parents)
            .map(|(n, r)| r % (n * n))
            .collect();
    }
    let one = BigUint::from(1u8);
    let moduli = levels.first().map_or(&[][..], Vec::as_slice);
    moduli
        .iter()
        .zip(remainders)
        .map(|(n, rest)| gcd(n.clone(), rest / n) != one)
        .collect()
}

/// The greatest common divisor, by Euclid.
fn gcd(mut a: BigUint, mut b: BigUint) -> BigUint {
    while b != BigUint::ZERO {
        (a, b) = (b.clone(), a % b);
    }
    a
}
