//! EN 319 412-3: certificates of legal persons.

use super::Severity::{Error, Warning};
use super::en319412_2::one;
use super::{Check, LEGAL, Row, row};
use crate::oid;

pub(super) const RULES: &[Row<Check>] = &[
    row(
        "lint.legal.country",
        "EN 319 412-3 V1.3.1 4.2.1",
        Error,
        LEGAL,
        |c, h| one(c, h, oid::COUNTRY),
    ),
    row(
        "lint.legal.organization",
        "EN 319 412-3 V1.3.1 4.2.1",
        Error,
        LEGAL,
        |c, h| {
            one(c, h, oid::ORGANIZATION);
        },
    ),
    row(
        "lint.legal.organization-identifier",
        "EN 319 412-3 V1.3.1 4.2.1",
        Error,
        LEGAL,
        |c, h| {
            one(c, h, oid::ORGANIZATION_IDENTIFIER);
        },
    ),
    row(
        "lint.legal.common-name",
        "EN 319 412-3 V1.3.1 4.2.1",
        Error,
        LEGAL,
        |c, h| {
            one(c, h, oid::COMMON_NAME);
        },
    ),
    row(
        "lint.legal.identifier-is-not-name",
        "EN 319 412-3 V1.3.1 4.2.1",
        Error,
        LEGAL,
        |c, h| {
            let name = c.subject.first(oid::ORGANIZATION);
            if name.is_some() && name == c.subject.first(oid::ORGANIZATION_IDENTIFIER) {
                h.one("organization", name.unwrap_or_default());
            }
        },
    ),
    row(
        "lint.legal.no-personal-name",
        "EN 319 412-3 V1.3.1 4.2.1",
        Warning,
        LEGAL,
        |c, h| {
            for o in [oid::GIVEN_NAME, oid::SURNAME, oid::PSEUDONYM] {
                if c.subject.count(o) > 0 {
                    h.one("attribute", o.to_string());
                }
            }
        },
    ),
];
