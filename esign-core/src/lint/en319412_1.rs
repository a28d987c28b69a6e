//! EN 319 412-1: semantics identifiers, and validity-assured short-term certificates.

use super::Severity::Error;
use super::rfc5280_names::is_country;
use super::view::{SemanticsKind, View};
use super::{ANY, Check, Row, row};
use crate::oid;

pub(super) const RULES: &[Row<Check>] = &[
    row(
        "lint.semantics.natural-identifier",
        "EN 319 412-1 V1.5.1 5.1.3",
        Error,
        ANY,
        |c, h| {
            if c.semantics() == Some(SemanticsKind::Natural) {
                let value = c.subject.first(oid::SERIAL_NUMBER).unwrap_or_default();
                if !is_semantic(&value, &["PAS", "IDC", "PNO", "TAX", "TIN"]) {
                    h.one("serial_number", value);
                }
            }
        },
    ),
    row(
        "lint.semantics.legal-identifier",
        "EN 319 412-1 V1.5.1 5.1.4",
        Error,
        ANY,
        |c, h| {
            if c.semantics() == Some(SemanticsKind::Legal) {
                let value = c
                    .subject
                    .first(oid::ORGANIZATION_IDENTIFIER)
                    .unwrap_or_default();
                if !is_semantic(&value, &["VAT", "NTR", "PSD", "LEI"]) {
                    h.one("organization_identifier", value);
                }
            }
        },
    ),
    row(
        "lint.semantics.lei",
        "EN 319 412-1 V1.5.1 5.1.4; ISO 17442",
        Error,
        ANY,
        |c, h| {
            let value = c
                .subject
                .first(oid::ORGANIZATION_IDENTIFIER)
                .unwrap_or_default();
            if let Some(id) = value.strip_prefix("LEIXG-")
                && !is_lei(id)
            {
                h.one("organization_identifier", value);
            }
        },
    ),
    row(
        "lint.short-term.not-critical",
        "EN 319 412-1 V1.5.1 5.2.2",
        Error,
        ANY,
        |c: &View<'_>, h| {
            super::rfc5280_extensions::critical(c, h, oid::VALIDITY_ASSURED_SHORT_TERM);
        },
    ),
];

/// Three letters of a known kind and a country, or two letters and a colon for a national scheme;
/// then a hyphen and the identifier.
fn is_semantic(value: &str, kinds: &[&str]) -> bool {
    let Some((head, id)) = value.split_once('-') else {
        return false;
    };
    if id.is_empty() || !head.is_ascii() || head.len() != 5 {
        return false;
    }
    let (kind, country) = head.split_at(3);
    // XG is where LEI is registered (5.1.4); EL and XI are the VAT prefixes of Greece and
    // Northern Ireland (Directive 2006/112/EC art. 215).
    let known = kinds.contains(&kind)
        && (is_country(country)
            || (kind == "LEI" && country == "XG")
            || (matches!(kind, "VAT" | "TIN") && matches!(country, "EL" | "XI")));
    let national = kind.ends_with(':')
        && kind
            .get(..2)
            .is_some_and(|k| k.bytes().all(|b| b.is_ascii_alphabetic()))
        && is_country(country);
    known || national
}

/// Twenty capital letters and digits whose number is 1 modulo 97 (ISO 7064, MOD 97-10).
fn is_lei(id: &str) -> bool {
    let remainder = id.chars().try_fold(0u32, |n, ch| {
        let digit = ch.to_digit(36).filter(|_| !ch.is_ascii_lowercase())?;
        let shift = if digit > 9 { 100 } else { 10 };
        Some(n.saturating_mul(shift).saturating_add(digit) % 97)
    });
    id.len() == 20 && remainder == Some(1)
}
