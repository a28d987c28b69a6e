//! RFC 5280 4.2: extensions as such, whatever they say, and what the rules of single ones share.

use crate::oid::ObjectIdentifier;

use super::Severity::{Error, Notice};
use super::view::View;
use super::{ANY, Check, Hits, Row, row};
use crate::der::Tag;
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
];

/// subjectDirectoryAttributes, RFC 5280 4.2.1.8
pub(super) const SUBJECT_DIRECTORY_ATTRIBUTES: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("2.5.29.9");

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

pub(super) fn lossy(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

/// A breach where the extension is there and critical.
pub(super) fn critical(c: &View<'_>, h: &mut Hits, id: ObjectIdentifier) {
    if c.is_critical(id) {
        h.one("critical", true);
    }
}

/// A breach where the extension is there and not critical.
pub(super) fn not_critical(c: &View<'_>, h: &mut Hits, id: ObjectIdentifier) {
    if c.ext(id).is_some_and(|e| !e.critical) {
        h.one("critical", false);
    }
}

pub(super) fn repeated(h: &mut Hits, name: &'static str, all: &[ObjectIdentifier]) {
    // A list that long is hostile; comparing each with each would be quadratic.
    let all = all.get(..all.len().min(256)).unwrap_or_default();
    for (i, o) in all.iter().enumerate() {
        if all.iter().take(i).any(|p| p == o) {
            h.one(name, o.to_string());
        }
    }
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
