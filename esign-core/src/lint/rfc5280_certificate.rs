//! RFC 5280 4.1: the fields of a certificate.

use super::Severity::{Error, Notice};
use super::{ANY, Check, Row, hex, row};
use crate::der::Tag;

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
                if t.tag == Tag::GENERALIZED_TIME
                    && t.value.get(..4).is_some_and(|y| y < b"2050".as_slice())
                {
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
