//! RFC 5280 4.1: the fields of a certificate, and the algorithms and keys of its companions.

use super::Severity::{Error, Notice, Warning};
use super::view::{Algorithm, View};
use super::{ANY, Check, Row, hex, row};
use crate::der::{Tag, Tlv};
use crate::oid;

pub(super) const RULES: &[Row<Check>] = &[
    row(
        "lint.version.three-with-extensions",
        "RFC 5280 4.1.2.1",
        Error,
        ANY,
        |c, h| {
            if c.extensions_written && c.version != 3 {
                h.one("version", u64::from(c.version));
            }
        },
    ),
    row(
        "lint.version.known",
        "RFC 5280 4.1.2.1",
        Error,
        ANY,
        |c, h| {
            if c.version > 3 {
                h.one("version", u64::from(c.version));
            }
        },
    ),
    row(
        "lint.serial.positive",
        "RFC 5280 4.1.2.2",
        Error,
        ANY,
        |c, h| {
            let negative = c.serial.value.first().is_none_or(|b| b & 0x80 != 0);
            if negative || c.serial.value.iter().all(|b| *b == 0) {
                h.one("serial", hex(c.serial.value));
            }
        },
    ),
    row(
        "lint.serial.length",
        "RFC 5280 4.1.2.2",
        Error,
        ANY,
        |c, h| {
            if c.serial.value.len() > 20 {
                h.two("octets", c.serial.value.len(), "at_most", 20u64);
            }
        },
    ),
    row(
        "lint.serial.unpredictable",
        "CA/B BR 2.0 7.1; EN 319 411-1 6.6.1",
        Notice,
        ANY,
        |c, h| {
            if c.serial.value.len() < 8 && !c.is_self_issued() {
                h.two("octets", c.serial.value.len(), "at_least", 8u64);
            }
        },
    ),
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
        "RFC 4055 5; RFC 5758 3.2; RFC 8410 3; RFC 9881 2",
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
            let weak = [oid::SHA1_WITH_RSA, oid::ECDSA_SHA1, MD5_WITH_RSA, DSA_SHA1];
            if weak.contains(&c.inner.oid) && !c.is_self_issued() {
                h.one("algorithm", c.inner.oid.to_string());
            }
        },
    ),
    row(
        "lint.key.parameters",
        "RFC 3279 2.3.1; RFC 5480 2.1.1; RFC 8410 3; RFC 9881 2",
        Error,
        ANY,
        |c, h| {
            let p = c.key.parameters;
            let good = if c.key.oid == oid::RSA_ENCRYPTION {
                p.is_some_and(|t| t.tag == Tag::NULL)
            } else if c.key.oid == oid::EC_PUBLIC_KEY {
                p.is_some_and(|t| t.tag == Tag::OID)
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
    row("lint.key.ec-point", "RFC 5480 2.2", Error, ANY, |c, h| {
        let curve = c.key.parameters.and_then(|t| t.oid("").ok());
        let size = match curve {
            Some(o) if o == oid::P256 => 32usize,
            Some(o) if o == oid::P384 => 48,
            Some(o) if o == oid::P521 => 66,
            _ => return,
        };
        let fits = match c.key_bits.split_first() {
            Some((4, rest)) => rest.len() == size.saturating_mul(2),
            Some((2 | 3, rest)) => rest.len() == size,
            _ => false,
        };
        if !fits {
            h.two("octets", c.key_bits.len(), "coordinate_octets", size);
        }
    }),
    row(
        "lint.key.rsa-size",
        "TS 119 312 V1.4.3 table 6",
        Warning,
        ANY,
        |c, h| {
            if let Some((modulus, _)) = rsa(c) {
                let bits = modulus.len().saturating_mul(8);
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
            if let Some((_, e)) = rsa(c) {
                let value = e.iter().fold(0u64, |n, &b| {
                    n.saturating_mul(256).saturating_add(u64::from(b))
                });
                if value < 65_537 || e.last().is_some_and(|b| b & 1 == 0) {
                    h.one("exponent", value);
                }
            }
        },
    ),
    row(
        "lint.validity.ordered",
        "RFC 5280 4.1.2.5",
        Error,
        ANY,
        |c, h| {
            if let (Ok(from), Ok(to)) = (c.not_before.time(""), c.not_after.time(""))
                && from > to
            {
                h.two("not_before", from, "not_after", to);
            }
        },
    ),
    row(
        "lint.validity.form",
        "RFC 5280 4.1.2.5.1, 4.1.2.5.2",
        Error,
        ANY,
        |c, h| {
            for t in [&c.not_before, &c.not_after] {
                if t.time("").is_err() {
                    h.one("time", String::from_utf8_lossy(t.value).into_owned());
                }
            }
        },
    ),
    row(
        "lint.validity.utc-before-2050",
        "RFC 5280 4.1.2.5",
        Error,
        ANY,
        |c, h| {
            for t in [&c.not_before, &c.not_after] {
                // Four digits sort as text; 1950 is where UTCTime begins.
                if t.tag == Tag::GENERALIZED_TIME && t.value.get(..4).is_some_and(|y| y < b"2050") {
                    h.one("time", String::from_utf8_lossy(t.value).into_owned());
                }
            }
        },
    ),
    row(
        "lint.unique-identifiers.absent",
        "RFC 5280 4.1.2.8",
        Error,
        ANY,
        |c, h| {
            if c.unique_ids {
                h.bare();
            }
        },
    ),
    row(
        "lint.extensions.non-empty",
        "RFC 5280 4.1.2.9",
        Error,
        ANY,
        |c, h| {
            if c.extensions_written && c.extensions.is_empty() {
                h.bare();
            }
        },
    ),
    row(
        "lint.extensions.once",
        "RFC 5280 4.2",
        Error,
        ANY,
        |c, h| {
            for (i, e) in c.extensions.iter().enumerate() {
                if c.extensions.iter().take(i).any(|o| o.oid == e.oid) {
                    h.one("extension", e.oid.to_string());
                }
            }
        },
    ),
];

/// md5WithRSAEncryption, RFC 3279 2.2.1
const MD5_WITH_RSA: ::der::asn1::ObjectIdentifier =
    ::der::asn1::ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.4");
/// id-dsa-with-sha1, RFC 3279 2.2.2
const DSA_SHA1: ::der::asn1::ObjectIdentifier =
    ::der::asn1::ObjectIdentifier::new_unwrap("1.2.840.10040.4.3");

/// Keys whose algorithm identifier has no parameters: Ed25519, Ed448, ML-DSA.
fn is_bare(a: &Algorithm<'_>) -> bool {
    let text = a.oid.to_string();
    matches!(
        text.as_str(),
        "1.3.101.112"
            | "1.3.101.113"
            | "2.16.840.1.101.3.4.3.17"
            | "2.16.840.1.101.3.4.3.18"
            | "2.16.840.1.101.3.4.3.19"
    )
}

pub(super) fn parameters_fit(a: &Algorithm<'_>) -> bool {
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
        DSA_SHA1,
    ];
    if null.contains(&a.oid) {
        a.parameters
            .is_some_and(|t| t.tag == Tag::NULL && t.value.is_empty())
    } else if none.contains(&a.oid) || is_bare(a) {
        a.parameters.is_none()
    } else if a.oid == oid::RSASSA_PSS {
        a.parameters.is_some_and(|t| t.tag == Tag::SEQUENCE)
    } else {
        true
    }
}

fn shown(t: Option<Tlv<'_>>) -> String {
    t.map_or_else(|| "-".to_owned(), |t| hex(t.raw))
}

/// Modulus without leading zero, and exponent, of an RSA key.
fn rsa<'a>(c: &View<'a>) -> Option<(&'a [u8], &'a [u8])> {
    if c.key.oid != oid::RSA_ENCRYPTION {
        return None;
    }
    crate::der::decode(c.key_bits, crate::der::Rules::Ber, |r| {
        r.sequence("", |r| {
            let n = r.expect(Tag::INTEGER, "")?.value;
            let e = r.expect(Tag::INTEGER, "")?.value;
            Ok((n.strip_prefix(&[0]).unwrap_or(n), e))
        })
    })
    .ok()
}
