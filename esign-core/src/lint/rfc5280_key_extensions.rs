//! RFC 5280 4.2.1.1 to 4.2.1.3, 4.2.1.9, 4.2.1.12: which key, and what it may be used for.

use crate::oid::ObjectIdentifier;

use super::Severity::{Error, Warning};
use super::algorithms::is_bare;
use super::rfc5280_extensions::{critical, repeated};
use super::view::View;
use super::{ANY, Check, Row, row};
use crate::der::{Tag, Tlv};
use crate::oid;

pub(super) const RULES: &[Row<Check>] = &[
    row(
        "lint.aki.present",
        "RFC 5280 4.2.1.1",
        Error,
        ANY,
        |c, h| {
            // Where a CA hands out its own key it may be left out; before version 3 none could say that it is one.
            let own = c.is_self_issued() && (c.ca || c.version < 3);
            if key_identifier(c).is_none() && (!own || c.is_signed_by_another()) {
                h.bare();
            }
        },
    ),
    row(
        "lint.aki.not-critical",
        "RFC 5280 4.2.1.1",
        Error,
        ANY,
        |c, h| {
            critical(c, h, oid::AUTHORITY_KEY_IDENTIFIER);
        },
    ),
    row(
        "lint.aki.issuer-with-serial",
        "RFC 5280 4.2.1.1; X.509 9.2.2.1",
        Error,
        ANY,
        |c, h| {
            let has = |n| {
                c.items(oid::AUTHORITY_KEY_IDENTIFIER)
                    .iter()
                    .any(|t| t.tag.0 & 0x1f == n)
            };
            if has(1) != has(2) {
                h.two("issuer", has(1), "serial", has(2));
            }
        },
    ),
    row(
        "lint.ski.present-in-ca",
        "RFC 5280 4.2.1.2",
        Error,
        ANY,
        |c, h| {
            if c.ca && c.ext(oid::SUBJECT_KEY_IDENTIFIER).is_none() {
                h.bare();
            }
        },
    ),
    row(
        "lint.ski.present",
        "RFC 5280 4.2.1.2",
        Warning,
        ANY,
        |c, h| {
            if !c.ca && c.version == 3 && c.ext(oid::SUBJECT_KEY_IDENTIFIER).is_none() {
                h.bare();
            }
        },
    ),
    row(
        "lint.ski.not-critical",
        "RFC 5280 4.2.1.2",
        Error,
        ANY,
        |c, h| {
            critical(c, h, oid::SUBJECT_KEY_IDENTIFIER);
        },
    ),
    row(
        "lint.key-usage.not-zero",
        "RFC 5280 4.2.1.3",
        Error,
        ANY,
        |c, h| {
            if c.usage == Some(0) {
                h.bare();
            }
        },
    ),
    row(
        "lint.key-usage.critical",
        "RFC 5280 4.2.1.3",
        Warning,
        ANY,
        |c, h| {
            if c.ext(oid::KEY_USAGE).is_some_and(|e| !e.critical) {
                h.bare();
            }
        },
    ),
    row(
        "lint.key-usage.cert-sign-needs-ca",
        "RFC 5280 4.2.1.3, 4.2.1.9",
        Error,
        ANY,
        |c, h| {
            if c.has_usage(CERT_SIGN) && !c.ca {
                h.bare();
            }
        },
    ),
    row(
        "lint.key-usage.only-needs-agreement",
        "RFC 5280 4.2.1.3",
        Warning,
        ANY,
        |c, h| {
            if c.has_usage(ENCIPHER_ONLY | DECIPHER_ONLY) && !c.has_usage(AGREEMENT) {
                h.one("key_usage", usage_names(c));
            }
        },
    ),
    row(
        "lint.key-usage.fits-key",
        "RFC 3279 2.3; RFC 4055 1.2; RFC 5480 3; RFC 9295 3; RFC 9881 5",
        Error,
        ANY,
        |c, h| {
            let key = c.key.oid;
            let agreement = AGREEMENT | ENCIPHER_ONLY | DECIPHER_ONLY;
            let forbidden = if key == oid::RSA_ENCRYPTION {
                agreement
            } else if key == oid::RSASSA_PSS || is_bare(&c.key) {
                KEY_ENCIPHERMENT | DATA_ENCIPHERMENT | agreement
            } else if key == oid::EC_PUBLIC_KEY {
                KEY_ENCIPHERMENT | DATA_ENCIPHERMENT
            } else {
                0
            };
            if c.has_usage(forbidden) {
                h.two("key", key.to_string(), "key_usage", usage_names(c));
            }
        },
    ),
    row(
        "lint.eku.any-not-critical",
        "RFC 5280 4.2.1.12",
        Warning,
        ANY,
        |c, h| {
            if c.is_critical(oid::EXT_KEY_USAGE)
                && c.purposes.contains(&oid::ANY_EXTENDED_KEY_USAGE)
            {
                h.bare();
            }
        },
    ),
    row(
        "lint.eku.once",
        "RFC 5280 4.2.1.12",
        Warning,
        ANY,
        |c, h| {
            repeated(h, "purpose", &c.purposes);
        },
    ),
    row(
        "lint.eku.fits-key-usage",
        "RFC 5280 4.2.1.12",
        Error,
        ANY,
        |c, h| {
            let Some(usage) = c.usage.filter(|_| !c.ca) else {
                return;
            };
            for p in &c.purposes {
                let allowed = if *p == oid::KP_SERVER_AUTH {
                    SIGNATURE | KEY_ENCIPHERMENT | AGREEMENT
                } else if *p == oid::KP_CLIENT_AUTH {
                    SIGNATURE | AGREEMENT
                } else if *p == oid::KP_EMAIL_PROTECTION {
                    SIGNATURE | COMMITMENT | KEY_ENCIPHERMENT | AGREEMENT
                } else if *p == oid::KP_TIME_STAMPING || *p == oid::KP_OCSP_SIGNING {
                    SIGNATURE | COMMITMENT
                } else if *p == CODE_SIGNING {
                    SIGNATURE
                } else {
                    continue;
                };
                if usage & allowed == 0 {
                    h.two("purpose", p.to_string(), "key_usage", usage_names(c));
                }
            }
        },
    ),
    row(
        "lint.basic-constraints.critical-in-ca",
        "RFC 5280 4.2.1.9",
        Error,
        ANY,
        |c, h| {
            // Without keyUsage the key may verify certificates too.
            let signs = c.usage.is_none() || c.has_usage(CERT_SIGN);
            if c.ca && signs && !c.is_critical(oid::BASIC_CONSTRAINTS) {
                h.bare();
            }
        },
    ),
    row(
        "lint.basic-constraints.path-length-needs-ca",
        "RFC 5280 4.2.1.9",
        Error,
        ANY,
        |c, h| {
            if let Some(n) = c
                .path_len
                .filter(|_| !c.ca || (c.usage.is_some() && !c.has_usage(CERT_SIGN)))
            {
                h.two("path_length", u64::from(n), "ca", c.ca);
            }
        },
    ),
];

/// id-kp-codeSigning, RFC 5280 4.2.1.12
const CODE_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.3");

// keyUsage, RFC 5280 4.2.1.3: bit n of the named bit list is 1 << n.
pub(super) const SIGNATURE: u16 = 1;
pub(super) const COMMITMENT: u16 = 1 << 1;
pub(super) const KEY_ENCIPHERMENT: u16 = 1 << 2;
pub(super) const DATA_ENCIPHERMENT: u16 = 1 << 3;
pub(super) const AGREEMENT: u16 = 1 << 4;
pub(super) const CERT_SIGN: u16 = 1 << 5;
pub(super) const CRL_SIGN: u16 = 1 << 6;
const ENCIPHER_ONLY: u16 = 1 << 7;
const DECIPHER_ONLY: u16 = 1 << 8;

/// keyUsage in the standard's words, separated by commas.
pub(super) fn usage_names(c: &View<'_>) -> String {
    const NAMES: [&str; 9] = [
        "digitalSignature",
        "nonRepudiation",
        "keyEncipherment",
        "dataEncipherment",
        "keyAgreement",
        "keyCertSign",
        "cRLSign",
        "encipherOnly",
        "decipherOnly",
    ];
    let usage = c.usage.unwrap_or(0);
    let mut bit = 1u16;
    let mut named = Vec::new();
    for name in NAMES {
        if usage & bit != 0 {
            named.push(name);
        }
        bit = bit.wrapping_shl(1);
    }
    named.join(", ")
}

fn key_identifier<'a>(c: &View<'a>) -> Option<Tlv<'a>> {
    let items = c.items(oid::AUTHORITY_KEY_IDENTIFIER);
    items.into_iter().find(|t| t.tag == Tag::primitive(0))
}
