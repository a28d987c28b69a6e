//! Certificates of time-stamping units.

use super::Severity::Error;
use super::rfc5280_key_extensions::{COMMITMENT, SIGNATURE, usage_names};
use super::{Check, Row, TSA, row};
use crate::oid;

pub(super) const RULES: &[Row<Check>] = &[
    row(
        "lint.tsa.purpose-alone",
        "RFC 3161 2.3",
        Error,
        TSA,
        |c, h| {
            if c.purposes != [oid::KP_TIME_STAMPING] {
                let all: Vec<_> = c.purposes.iter().map(ToString::to_string).collect();
                h.one("ext_key_usage", all.join(", "));
            }
        },
    ),
    row(
        "lint.tsa.purpose-critical",
        "RFC 3161 2.3",
        Error,
        TSA,
        |c, h| {
            if c.ext(oid::EXT_KEY_USAGE).is_some_and(|e| !e.critical) {
                h.one("critical", false);
            }
        },
    ),
    row(
        "lint.tsa.key-usage",
        "RFC 5280 4.2.1.12; EN 319 422 V1.1.1 6",
        Error,
        TSA,
        |c, h| {
            let other = c.usage.unwrap_or(0) & !(SIGNATURE | COMMITMENT);
            if other != 0 {
                h.one("key_usage", usage_names(c));
            }
        },
    ),
];
