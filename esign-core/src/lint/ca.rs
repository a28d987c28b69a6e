//! Certificates of certification authorities.

use super::Severity::{Error, Notice};
use super::rfc5280_key_extensions::{CERT_SIGN, CRL_SIGN, usage_names};
use super::{CA, Check, Row, row};
use crate::oid;

pub(super) const RULES: &[Row<Check>] = &[
    row(
        "lint.ca.basic-constraints",
        "RFC 5280 4.2.1.9",
        Error,
        CA,
        |c, h| {
            if !c.ca {
                h.one("ca", c.ca);
            }
        },
    ),
    row(
        "lint.ca.key-usage-present",
        "RFC 5280 4.2.1.3",
        Error,
        CA,
        |c, h| {
            if c.ext(oid::KEY_USAGE).is_none() {
                h.bare();
            }
        },
    ),
    row(
        "lint.ca.key-usage-signs",
        "RFC 5280 4.2.1.3",
        Error,
        CA,
        |c, h| {
            if c.usage.is_some() && !c.has_usage(CERT_SIGN | CRL_SIGN) {
                h.one("key_usage", usage_names(c));
            }
        },
    ),
    row(
        "lint.ca.policies-present",
        "EN 319 412-2 V2.3.1 4.3.3; CA/B BR 2.0 7.1.2.10",
        Notice,
        CA,
        |c, h| {
            if !c.is_self_issued() && c.policies.is_empty() {
                h.bare();
            }
        },
    ),
];
