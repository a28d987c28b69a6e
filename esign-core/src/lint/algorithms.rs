//! Algorithm identifiers and keys: RFC 3279, 5480, 5758, 8410, 9881. What RSASSA-PSS adds is beside.

use crate::oid::ObjectIdentifier;

use super::Severity::{Error, Warning};
use super::pss::Parameters;
use super::view::{Algorithm, View};
use super::{ANY, Check, Row, hex, row};
use crate::der::{DecodeError, DecodeKind, Rules, Tag, Tlv, decode};
use crate::keys::{Curve, MlDsa, on_curve};
use crate::oid;

pub(super) const RULES: &[Row<Check>] = &[
    row(
        "lint.algorithm.same",
        "RFC 5280 4.1.1.2",
        Error,
        ANY,
        |c, h| {
            if c.inner.raw != c.outer.raw {
                h.two("inside", hex(c.inner.raw), "outside", hex(c.outer.raw));
            }
        },
    ),
    row(
        "lint.algorithm.parameters",
        "RFC 4055 3.1, 5; RFC 5758 3.2; RFC 8410 3; RFC 9881 2",
        Error,
        ANY,
        |c, h| {
            if !parameters_fit(&c.inner) {
                h.two(
                    "algorithm",
                    c.inner.oid.to_string(),
                    "parameters",
                    shown(c.inner.parameters),
                );
            }
        },
    ),
    row(
        "lint.algorithm.digest",
        "TS 119 312 V1.4.3 table 5",
        Warning,
        ANY,
        |c, h| {
            // A self-signed certificate is trusted for where it came from, not for its signature.
            let weak = [
                oid::SHA1_WITH_RSA,
                oid::ECDSA_SHA1,
                MD5_WITH_RSA,
                oid::DSA_SHA1,
            ];
            if weak.contains(&c.inner.oid) && !c.is_self_issued() {
                h.one("algorithm", c.inner.oid.to_string());
            }
        },
    ),
    row(
        "lint.key.parameters",
        "RFC 3279 2.3.1; RFC 4055 3.1; RFC 5480 2.1.1; RFC 8410 3; RFC 9881 2",
        Error,
        ANY,
        |c, h| {
            let p = c.key.parameters;
            let good = if c.key.oid == oid::RSA_ENCRYPTION {
                p.is_some_and(|t| t.tag == Tag::NULL)
            } else if c.key.oid == oid::EC_PUBLIC_KEY {
                p.is_some_and(|t| t.tag == Tag::OID)
            } else if c.key.oid == oid::RSASSA_PSS {
                // Absent ones allow any (RFC 4055 1.2).
                p.is_none_or(|t| Parameters::read(&t).is_some())
            } else if is_bare(&c.key) {
                p.is_none()
            } else {
                true
            };
            if !good {
                h.two("algorithm", c.key.oid.to_string(), "parameters", shown(p));
            }
        },
    ),
    row(
        "lint.key.well-formed",
        "RFC 3279 2.3.1; RFC 8410 4; RFC 9881 4",
        Error,
        ANY,
        |c, h| {
            let length = if c.key.oid == oid::ED25519 {
                32
            } else if c.key.oid == ED448 {
                57
            } else if let Some(set) = MlDsa::from_oid(c.key.oid) {
                set.public_key_len()
            } else if [oid::RSA_ENCRYPTION, oid::RSASSA_PSS].contains(&c.key.oid) {
                if let Err(e) = rsa(c) {
                    h.one("error", e.to_string());
                }
                return;
            } else {
                return;
            };
            if c.key_bits.len() != length {
                h.two("octets", c.key_bits.len(), "expected", length);
            }
        },
    ),
    row(
        "lint.key.ec-point",
        "RFC 5480 2.2; SEC 1 3.2.2.1",
        Error,
        ANY,
        |c, h| {
            if c.key.oid != oid::EC_PUBLIC_KEY {
                return;
            }
            let curve = c.key.parameters.and_then(|t| t.oid("").ok());
            let Some(curve) = curve.and_then(Curve::from_oid) else {
                return;
            };
            let size = curve.coordinate_len();
            let fits = match c.key_bits.split_first() {
                Some((4, rest)) => rest.len() == size.saturating_mul(2),
                Some((2 | 3, rest)) => rest.len() == size,
                _ => false,
            };
            if !fits {
                h.two("octets", c.key_bits.len(), "coordinate_octets", size);
            } else if !on_curve(curve, c.key_bits) {
                h.two("curve", curve.oid().to_string(), "on_curve", false);
            }
        },
    ),
    row(
        "lint.key.rsa-size",
        "TS 119 312 V1.4.3 table 6",
        Warning,
        ANY,
        |c, h| {
            if let Ok((modulus, _)) = rsa(c) {
                let zeros = modulus.first().map_or(0, |b| b.leading_zeros());
                let bits = modulus.len().saturating_mul(8);
                let bits = bits.saturating_sub(usize::try_from(zeros).unwrap_or(0));
                if bits < 2048 {
                    h.two("bits", bits, "at_least", 2048u64);
                }
            }
        },
    ),
    row(
        "lint.key.rsa-exponent",
        "FIPS 186-5 5.4; CA/B BR 2.0 6.1.6",
        Warning,
        ANY,
        |c, h| {
            if let Ok((_, e)) = rsa(c) {
                let value = e.iter().fold(0u64, |n, &b| {
                    n.saturating_mul(256).saturating_add(u64::from(b))
                });
                if value < 65_537 || e.last().is_some_and(|b| b & 1 == 0) {
                    h.one("exponent", value);
                }
            }
        },
    ),
];

/// md5WithRSAEncryption, RFC 3279 2.2.1
const MD5_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.4");
/// id-Ed448, RFC 8410 3
pub(super) const ED448: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.113");

/// Algorithms whose identifier has no parameters: Ed25519, Ed448, ML-DSA.
pub(super) fn is_bare(a: &Algorithm<'_>) -> bool {
    [
        oid::ED25519,
        ED448,
        oid::ML_DSA_44,
        oid::ML_DSA_65,
        oid::ML_DSA_87,
    ]
    .contains(&a.oid)
}

/// Whether the parameters are of the kind that the algorithm has.
fn parameters_fit(a: &Algorithm<'_>) -> bool {
    let null = [
        oid::SHA1_WITH_RSA,
        oid::SHA224_WITH_RSA,
        oid::SHA256_WITH_RSA,
        oid::SHA384_WITH_RSA,
        oid::SHA512_WITH_RSA,
        MD5_WITH_RSA,
    ];
    let none = [
        oid::ECDSA_SHA1,
        oid::ECDSA_SHA224,
        oid::ECDSA_SHA256,
        oid::ECDSA_SHA384,
        oid::ECDSA_SHA512,
        oid::DSA_SHA1,
    ];
    if null.contains(&a.oid) {
        a.parameters
            .is_some_and(|t| t.tag == Tag::NULL && t.value.is_empty())
    } else if none.contains(&a.oid) || is_bare(a) {
        a.parameters.is_none()
    } else if a.oid == oid::RSASSA_PSS {
        a.parameters.is_some_and(|t| Parameters::read(&t).is_some())
    } else {
        true
    }
}

/// The same, and what RFC 4055 3.1 demands of RSASSA-PSS: for lists and responses, where it is one rule.
pub(super) fn parameters_sound(a: &Algorithm<'_>) -> bool {
    let pss = a
        .parameters
        .filter(|_| a.oid == oid::RSASSA_PSS)
        .and_then(|t| Parameters::read(&t));
    parameters_fit(a) && pss.is_none_or(|p| p.is_sound())
}

fn shown(t: Option<Tlv<'_>>) -> String {
    t.map_or_else(|| "-".to_owned(), |t| hex(t.raw))
}

/// Modulus without leading zero, and exponent, of an RSA key.
fn rsa<'a>(c: &View<'a>) -> Result<(&'a [u8], &'a [u8]), DecodeError> {
    if ![oid::RSA_ENCRYPTION, oid::RSASSA_PSS].contains(&c.key.oid) {
        return Err(DecodeError::new(DecodeKind::Value("no RSA key"), "", 0));
    }
    decode(c.key_bits, Rules::Ber, |r| {
        r.sequence("publicKey", |r| {
            let mut number = |field| {
                let t = r.expect(Tag::INTEGER, field)?;
                if t.value.first().is_none_or(|b| b & 0x80 != 0) {
                    return Err(t.error(DecodeKind::Value("not positive"), field));
                }
                Ok(t.value.strip_prefix(&[0]).unwrap_or(t.value))
            };
            Ok((number("modulus")?, number("publicExponent")?))
        })
    })
}
