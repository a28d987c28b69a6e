//! Certificates of OCSP responders.

use super::Severity::{Error, Warning};
use super::rfc5280_extensions::critical;
use super::rfc5280_key_extensions::{COMMITMENT, SIGNATURE, usage_names};
use super::{Check, OCSP, Row, row};
use crate::oid;

pub(super) const RULES: &[Row<Check>] = &[
    row(
        "lint.ocsp-responder.purpose",
        "RFC 6960 4.2.2.2",
        Error,
        OCSP,
        |c, h| {
            if !c.purposes.contains(&oid::KP_OCSP_SIGNING) {
                h.bare();
            }
        },
    ),
    row(
        "lint.ocsp-responder.key-usage",
        "RFC 5280 4.2.1.12",
        Error,
        OCSP,
        |c, h| {
            if c.usage.is_some() && !c.has_usage(SIGNATURE | COMMITMENT) {
                h.one("key_usage", usage_names(c));
            }
        },
    ),
    row(
        "lint.ocsp-responder.no-check-or-status",
        "RFC 6960 4.2.2.2.1",
        Warning,
        OCSP,
        |c, h| {
            let status = !c.crl_uris().is_empty() || !c.access(oid::AD_OCSP).is_empty();
            if c.ext(oid::OCSP_NO_CHECK).is_none() && !status {
                h.bare();
            }
        },
    ),
    row(
        "lint.ocsp-responder.no-check-not-critical",
        "RFC 6960 4.2.2.2.1",
        Warning,
        OCSP,
        |c, h| {
            critical(c, h, oid::OCSP_NO_CHECK);
        },
    ),
];
