//! RFC 5280 4.2.1.13, 4.2.1.15, 4.2.2: where lists, status and issuers are; RFC 9608 noRevAvail.

use super::Severity::{Error, Warning};
use super::forms::is_uri;
use super::rfc5280_extensions::{critical, lossy};
use super::view::parts;
use super::{ANY, Check, Row, row};
use crate::der::{Tag, Tlv};
use crate::oid;

pub(super) const RULES: &[Row<Check>] = &[
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
