//! RFC 5280 4.2: each extension, its criticality and its form; RFC 9608 noRevAvail.

use ::der::asn1::ObjectIdentifier;

use super::Severity::{Error, Notice, Warning};
use super::forms::{is_dns_name, is_mailbox, is_uri};
use super::view::{View, parts};
use super::{ANY, Check, Hits, Row, row};
use crate::der::{Tag, Tlv};
use crate::oid;

pub(super) const RULES: &[Row<Check>] = &[
    row(
        "lint.extension.well-formed",
        "RFC 5280 4.2",
        Error,
        ANY,
        |c, h| {
            for e in c.extensions.iter().filter(|e| KNOWN.contains(&e.oid)) {
                if let Some(error) = shape(e.oid, e.value) {
                    h.two("extension", e.oid.to_string(), "error", error);
                }
            }
        },
    ),
    row(
        "lint.extension.unknown-critical",
        "RFC 5280 4.2",
        Notice,
        ANY,
        |c, h| {
            for e in c
                .extensions
                .iter()
                .filter(|e| e.critical && !KNOWN.contains(&e.oid))
            {
                h.one("extension", e.oid.to_string());
            }
        },
    ),
    row(
        "lint.aki.present",
        "RFC 5280 4.2.1.1",
        Error,
        ANY,
        |c, h| {
            if !c.is_self_issued() && key_identifier(c).is_none() {
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
        "RFC 3279 2.3; RFC 5480 3; RFC 9295 3; RFC 9881 5",
        Error,
        ANY,
        |c, h| {
            let text = c.key.oid.to_string();
            let forbidden = match text.as_str() {
                "1.2.840.113549.1.1.1" => AGREEMENT | ENCIPHER_ONLY | DECIPHER_ONLY,
                "1.2.840.113549.1.1.10" => {
                    KEY_ENCIPHERMENT | DATA_ENCIPHERMENT | AGREEMENT | ENCIPHER_ONLY | DECIPHER_ONLY
                }
                "1.2.840.10045.2.1" => KEY_ENCIPHERMENT | DATA_ENCIPHERMENT,
                "1.3.101.112"
                | "1.3.101.113"
                | "2.16.840.1.101.3.4.3.17"
                | "2.16.840.1.101.3.4.3.18"
                | "2.16.840.1.101.3.4.3.19" => {
                    KEY_ENCIPHERMENT | DATA_ENCIPHERMENT | AGREEMENT | ENCIPHER_ONLY | DECIPHER_ONLY
                }
                _ => 0,
            };
            if c.has_usage(forbidden) {
                h.two("key", text, "key_usage", usage_names(c));
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
            if c.ca && c.has_usage(CERT_SIGN) && !c.is_critical(oid::BASIC_CONSTRAINTS) {
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
    row(
        "lint.alt-name.dns",
        "RFC 5280 4.2.1.6; RFC 1034 3.5",
        Error,
        ANY,
        |c, h| {
            names(c, h, 2, is_dns_name);
        },
    ),
    row(
        "lint.alt-name.email",
        "RFC 5280 4.2.1.6; RFC 5321 4.1.2",
        Error,
        ANY,
        |c, h| {
            names(c, h, 1, is_mailbox);
        },
    ),
    row(
        "lint.alt-name.uri",
        "RFC 5280 4.2.1.6; RFC 3986",
        Error,
        ANY,
        |c, h| {
            names(c, h, 6, is_uri);
        },
    ),
    row(
        "lint.alt-name.ip",
        "RFC 5280 4.2.1.6",
        Error,
        ANY,
        |c, h| {
            for oid in [oid::SUBJECT_ALT_NAME, oid::ISSUER_ALT_NAME] {
                for t in c.items(oid).iter().filter(|t| t.tag == Tag::primitive(7)) {
                    if !matches!(t.value.len(), 4 | 16) {
                        h.one("octets", t.value.len());
                    }
                }
            }
        },
    ),
    row(
        "lint.alt-name.not-critical",
        "RFC 5280 4.2.1.6",
        Warning,
        ANY,
        |c, h| {
            if !c.subject.is_empty() {
                critical(c, h, oid::SUBJECT_ALT_NAME);
            }
        },
    ),
    row(
        "lint.issuer-alt-name.not-critical",
        "RFC 5280 4.2.1.7",
        Warning,
        ANY,
        |c, h| {
            critical(c, h, oid::ISSUER_ALT_NAME);
        },
    ),
    row(
        "lint.directory-attributes.not-critical",
        "RFC 5280 4.2.1.8",
        Error,
        ANY,
        |c, h| {
            critical(c, h, SUBJECT_DIRECTORY_ATTRIBUTES);
        },
    ),
    row(
        "lint.crl-points.not-critical",
        "RFC 5280 4.2.1.13",
        Warning,
        ANY,
        |c, h| {
            critical(c, h, oid::CRL_DISTRIBUTION_POINTS);
        },
    ),
    row(
        "lint.crl-points.name-or-issuer",
        "RFC 5280 4.2.1.13",
        Error,
        ANY,
        |c, h| {
            for oid in [oid::CRL_DISTRIBUTION_POINTS, oid::FRESHEST_CRL] {
                for point in c.items(oid) {
                    let fields = parts(&point);
                    if !fields.iter().any(|t| matches!(t.tag.0 & 0x1f, 0 | 2)) {
                        h.one("extension", oid.to_string());
                    }
                }
            }
        },
    ),
    row(
        "lint.crl-points.no-relative-name",
        "RFC 5280 4.2.1.13",
        Warning,
        ANY,
        |c, h| {
            for point in c.items(oid::CRL_DISTRIBUTION_POINTS) {
                for name in parts(&point)
                    .iter()
                    .filter(|t| t.tag == Tag::constructed(0))
                {
                    if parts(name).iter().any(|t| t.tag == Tag::constructed(1)) {
                        h.bare();
                    }
                }
            }
        },
    ),
    row(
        "lint.crl-points.location",
        "RFC 5280 4.2.1.13",
        Warning,
        ANY,
        |c, h| {
            for point in c.items(oid::CRL_DISTRIBUTION_POINTS) {
                let full = parts(&point)
                    .iter()
                    .filter(|t| t.tag == Tag::constructed(0))
                    .flat_map(parts)
                    .find(|t| t.tag == Tag::constructed(0));
                let reachable = |t: &Tlv<'_>| {
                    let schemes = [&b"http://"[..], b"https://", b"ldap://", b"ldaps://"];
                    t.tag == Tag::primitive(6) && schemes.iter().any(|s| t.value.starts_with(s))
                };
                if full.is_some_and(|f| !parts(&f).iter().any(reachable)) {
                    h.bare();
                }
            }
        },
    ),
    row(
        "lint.crl-points.uri",
        "RFC 5280 4.2.1.13",
        Error,
        ANY,
        |c, h| {
            for u in c.crl_uris().into_iter().filter(|u| !is_uri(u)) {
                h.one("uri", lossy(u));
            }
        },
    ),
    row(
        "lint.freshest-crl.not-critical",
        "RFC 5280 4.2.1.15",
        Error,
        ANY,
        |c, h| {
            critical(c, h, oid::FRESHEST_CRL);
        },
    ),
    row(
        "lint.info-access.not-critical",
        "RFC 5280 4.2.2.1",
        Error,
        ANY,
        |c, h| {
            critical(c, h, oid::AUTHORITY_INFO_ACCESS);
        },
    ),
    row(
        "lint.info-access.uri",
        "RFC 5280 4.2.2.1; RFC 6960 3.1",
        Error,
        ANY,
        |c, h| {
            for method in [oid::AD_OCSP, oid::AD_CA_ISSUERS] {
                for u in c.access(method).into_iter().filter(|u| !is_uri(u)) {
                    h.one("uri", lossy(u));
                }
            }
        },
    ),
    row(
        "lint.info-access.scheme",
        "RFC 5280 4.2.2.1",
        Warning,
        ANY,
        |c, h| {
            for u in c.access(oid::AD_CA_ISSUERS) {
                if ![&b"http://"[..], b"ldap://", b"ftp://"]
                    .iter()
                    .any(|s| u.starts_with(s))
                {
                    h.one("uri", lossy(u));
                }
            }
        },
    ),
    row(
        "lint.subject-info-access.not-critical",
        "RFC 5280 4.2.2.2",
        Error,
        ANY,
        |c, h| {
            critical(c, h, oid::SUBJECT_INFO_ACCESS);
        },
    ),
    row(
        "lint.policies.once",
        "RFC 5280 4.2.1.4",
        Error,
        ANY,
        |c, h| {
            repeated(h, "policy", &c.policies);
        },
    ),
    row(
        "lint.policies.any-qualifiers",
        "RFC 5280 4.2.1.4",
        Error,
        ANY,
        |c, h| {
            qualifiers(c, |policy, id, _| {
                if policy == oid::ANY_POLICY && ![oid::QT_CPS, oid::QT_UNOTICE].contains(&id) {
                    h.one("qualifier", id.to_string());
                }
            });
        },
    ),
    row(
        "lint.policies.notice-text-type",
        "RFC 6818 3",
        Error,
        ANY,
        |c, h| {
            notices(c, |t| {
                if t.tag == Tag::IA5_STRING {
                    h.one("type", t.tag.name());
                }
            });
        },
    ),
    row(
        "lint.policies.notice-text-utf8",
        "RFC 6818 3",
        Warning,
        ANY,
        |c, h| {
            notices(c, |t| {
                if matches!(t.tag, Tag::VISIBLE_STRING | Tag::BMP_STRING) {
                    h.one("type", t.tag.name());
                }
            });
        },
    ),
    row(
        "lint.policies.notice-text-length",
        "RFC 5280 4.2.1.4",
        Error,
        ANY,
        |c, h| {
            notices(c, |t| {
                let length = if t.tag == Tag::BMP_STRING {
                    t.value.len().div_ceil(2)
                } else {
                    String::from_utf8_lossy(t.value).chars().count()
                };
                if length > 200 {
                    h.two("characters", length, "at_most", 200u64);
                }
            });
        },
    ),
    row(
        "lint.policies.cps-uri",
        "RFC 5280 4.2.1.4",
        Error,
        ANY,
        |c, h| {
            qualifiers(c, |_, id, t| {
                if id == oid::QT_CPS && !(t.tag == Tag::IA5_STRING && is_uri(t.value)) {
                    h.one("uri", lossy(t.value));
                }
            });
        },
    ),
    row(
        "lint.policy-mappings.critical",
        "RFC 5280 4.2.1.5",
        Warning,
        ANY,
        |c, h| {
            not_critical(c, h, oid::POLICY_MAPPINGS);
        },
    ),
    row(
        "lint.policy-mappings.no-any-policy",
        "RFC 5280 4.2.1.5",
        Error,
        ANY,
        |c, h| {
            for pair in c.items(oid::POLICY_MAPPINGS) {
                if parts(&pair)
                    .iter()
                    .any(|t| t.oid("").is_ok_and(|o| o == oid::ANY_POLICY))
                {
                    h.bare();
                }
            }
        },
    ),
    row(
        "lint.policy-constraints.critical",
        "RFC 5280 4.2.1.11",
        Error,
        ANY,
        |c, h| {
            not_critical(c, h, oid::POLICY_CONSTRAINTS);
        },
    ),
    row(
        "lint.policy-constraints.not-empty",
        "RFC 5280 4.2.1.11",
        Error,
        ANY,
        |c, h| {
            if c.ext(oid::POLICY_CONSTRAINTS).is_some()
                && c.items(oid::POLICY_CONSTRAINTS).is_empty()
            {
                h.bare();
            }
        },
    ),
    row(
        "lint.inhibit-any-policy.critical",
        "RFC 5280 4.2.1.14",
        Error,
        ANY,
        |c, h| {
            not_critical(c, h, oid::INHIBIT_ANY_POLICY);
        },
    ),
    row(
        "lint.name-constraints.critical",
        "RFC 5280 4.2.1.10",
        Error,
        ANY,
        |c, h| {
            not_critical(c, h, oid::NAME_CONSTRAINTS);
        },
    ),
    row(
        "lint.name-constraints.only-in-ca",
        "RFC 5280 4.2.1.10",
        Error,
        ANY,
        |c, h| {
            if c.ext(oid::NAME_CONSTRAINTS).is_some() && !c.ca {
                h.bare();
            }
        },
    ),
    row(
        "lint.name-constraints.not-empty",
        "RFC 5280 4.2.1.10",
        Error,
        ANY,
        |c, h| {
            if c.ext(oid::NAME_CONSTRAINTS).is_some() && c.items(oid::NAME_CONSTRAINTS).is_empty() {
                h.bare();
            }
        },
    ),
    row(
        "lint.name-constraints.no-distances",
        "RFC 5280 4.2.1.10",
        Error,
        ANY,
        |c, h| {
            subtrees(c, |base, rest| {
                // minimum is 0 and therefore left out; maximum is absent.
                if !rest.is_empty() {
                    h.one("base", base.tag.name());
                }
            });
        },
    ),
    row(
        "lint.name-constraints.ip",
        "RFC 5280 4.2.1.10; RFC 4632 3.1",
        Error,
        ANY,
        |c, h| {
            subtrees(c, |base, _| {
                if base.tag == Tag::primitive(7) && !is_range(base.value) {
                    h.one("octets", super::hex(base.value));
                }
            });
        },
    ),
    row(
        "lint.no-rev-avail.not-critical",
        "RFC 9608 2",
        Error,
        ANY,
        |c, h| {
            critical(c, h, oid::NO_REV_AVAIL);
        },
    ),
    row(
        "lint.no-rev-avail.not-in-ca",
        "RFC 9608 3",
        Error,
        ANY,
        |c, h| {
            if c.ca && c.ext(oid::NO_REV_AVAIL).is_some() {
                h.bare();
            }
        },
    ),
    row(
        "lint.no-rev-avail.alone",
        "RFC 9608 3",
        Error,
        ANY,
        |c, h| {
            if c.ext(oid::NO_REV_AVAIL).is_none() {
                return;
            }
            for other in [oid::CRL_DISTRIBUTION_POINTS, oid::FRESHEST_CRL] {
                if c.ext(other).is_some() {
                    h.one("extension", other.to_string());
                }
            }
            for u in c.access(oid::AD_OCSP) {
                h.one("uri", lossy(u));
            }
        },
    ),
];

/// subjectDirectoryAttributes, RFC 5280 4.2.1.8
const SUBJECT_DIRECTORY_ATTRIBUTES: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.9");
/// id-kp-codeSigning, RFC 5280 4.2.1.12
const CODE_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.3");

/// Extensions whose values are known to be DER and whose form is known.
pub(super) const KNOWN: &[ObjectIdentifier] = &[
    oid::SUBJECT_KEY_IDENTIFIER,
    oid::KEY_USAGE,
    oid::SUBJECT_ALT_NAME,
    oid::ISSUER_ALT_NAME,
    oid::BASIC_CONSTRAINTS,
    oid::NAME_CONSTRAINTS,
    oid::CRL_DISTRIBUTION_POINTS,
    oid::CERTIFICATE_POLICIES,
    oid::POLICY_MAPPINGS,
    oid::AUTHORITY_KEY_IDENTIFIER,
    oid::POLICY_CONSTRAINTS,
    oid::EXT_KEY_USAGE,
    oid::FRESHEST_CRL,
    oid::INHIBIT_ANY_POLICY,
    oid::NO_REV_AVAIL,
    oid::AUTHORITY_INFO_ACCESS,
    oid::SUBJECT_INFO_ACCESS,
    oid::QC_STATEMENTS,
    oid::OCSP_NO_CHECK,
    oid::VALIDITY_ASSURED_SHORT_TERM,
    SUBJECT_DIRECTORY_ATTRIBUTES,
];

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

pub(super) fn lossy(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

fn key_identifier<'a>(c: &View<'a>) -> Option<Tlv<'a>> {
    let items = c.items(oid::AUTHORITY_KEY_IDENTIFIER);
    items.into_iter().find(|t| t.tag == Tag::primitive(0))
}

/// A breach where the extension is there and critical.
pub(super) fn critical(c: &View<'_>, h: &mut Hits, id: ObjectIdentifier) {
    if c.is_critical(id) {
        h.one("critical", true);
    }
}

/// A breach where the extension is there and not critical.
fn not_critical(c: &View<'_>, h: &mut Hits, id: ObjectIdentifier) {
    if c.ext(id).is_some_and(|e| !e.critical) {
        h.one("critical", false);
    }
}

fn repeated(h: &mut Hits, name: &'static str, all: &[ObjectIdentifier]) {
    // A list that long is hostile; comparing each with each would be quadratic.
    let all = all.get(..all.len().min(256)).unwrap_or_default();
    for (i, o) in all.iter().enumerate() {
        if all.iter().take(i).any(|p| p == o) {
            h.one(name, o.to_string());
        }
    }
}

fn names(c: &View<'_>, h: &mut Hits, tag: u8, good: impl Fn(&[u8]) -> bool) {
    for id in [oid::SUBJECT_ALT_NAME, oid::ISSUER_ALT_NAME] {
        for t in c.items(id).iter().filter(|t| t.tag == Tag::primitive(tag)) {
            if !good(t.value) {
                h.one("name", lossy(t.value));
            }
        }
    }
}

fn qualifiers(c: &View<'_>, mut each: impl FnMut(ObjectIdentifier, ObjectIdentifier, &Tlv<'_>)) {
    for info in c.items(oid::CERTIFICATE_POLICIES) {
        let fields = parts(&info);
        let (Some(policy), Some(list)) =
            (fields.first().and_then(|t| t.oid("").ok()), fields.get(1))
        else {
            continue;
        };
        for q in parts(list) {
            let q = parts(&q);
            if let (Some(id), Some(value)) = (q.first().and_then(|t| t.oid("").ok()), q.get(1)) {
                each(policy, id, value);
            }
        }
    }
}

fn notices(c: &View<'_>, mut each: impl FnMut(&Tlv<'_>)) {
    qualifiers(c, |_, id, value| {
        if id == oid::QT_UNOTICE {
            for text in parts(value).iter().filter(|t| t.tag != Tag::SEQUENCE) {
                each(text);
            }
        }
    });
}

fn subtrees(c: &View<'_>, mut each: impl FnMut(&Tlv<'_>, &[Tlv<'_>])) {
    for list in c.items(oid::NAME_CONSTRAINTS) {
        for subtree in parts(&list) {
            if let Some((base, rest)) = parts(&subtree).split_first() {
                each(base, rest);
            }
        }
    }
}

/// Address and mask of equal size, the mask being ones and then zeros.
fn is_range(octets: &[u8]) -> bool {
    if !matches!(octets.len(), 8 | 32) {
        return false;
    }
    let (_, mask) = octets.split_at(octets.len() / 2);
    let mut ended = false;
    mask.iter().all(|b| {
        let good = if ended {
            *b == 0
        } else {
            b.leading_ones() == b.count_ones()
        };
        ended |= *b != 0xff;
        good
    })
}

/// What is wrong with the outer form of a known extension.
fn shape(id: ObjectIdentifier, value: &[u8]) -> Option<String> {
    let read = crate::der::decode(value, crate::der::Rules::Ber, |r| {
        let t = r.any("")?;
        let wanted = if id == oid::KEY_USAGE {
            Tag::BIT_STRING
        } else if id == oid::SUBJECT_KEY_IDENTIFIER {
            Tag::OCTET_STRING
        } else if id == oid::INHIBIT_ANY_POLICY {
            Tag::INTEGER
        } else if [
            oid::NO_REV_AVAIL,
            oid::OCSP_NO_CHECK,
            oid::VALIDITY_ASSURED_SHORT_TERM,
        ]
        .contains(&id)
        {
            Tag::NULL
        } else {
            Tag::SEQUENCE
        };
        if t.tag != wanted {
            let kind = crate::der::DecodeKind::UnexpectedTag {
                expected: wanted,
                found: t.tag,
            };
            return Err(t.error(kind, ""));
        }
        // Each of these is SEQUENCE SIZE (1..MAX); the rest may be empty or has its own rule.
        let never_empty = [
            oid::SUBJECT_ALT_NAME,
            oid::ISSUER_ALT_NAME,
            oid::CRL_DISTRIBUTION_POINTS,
            oid::FRESHEST_CRL,
            oid::CERTIFICATE_POLICIES,
            oid::POLICY_MAPPINGS,
            oid::EXT_KEY_USAGE,
            oid::AUTHORITY_INFO_ACCESS,
            oid::SUBJECT_INFO_ACCESS,
            SUBJECT_DIRECTORY_ATTRIBUTES,
        ];
        if never_empty.contains(&id) && t.value.is_empty() {
            return Err(t.error(crate::der::DecodeKind::Value("list is empty"), ""));
        }
        if id == oid::KEY_USAGE {
            t.named_bits("")?;
        }
        if wanted == Tag::SEQUENCE {
            let mut inside = t.reader("")?;
            while !inside.is_empty() {
                inside.any("")?;
            }
        }
        Ok(())
    });
    read.err().map(|e| e.to_string())
}
