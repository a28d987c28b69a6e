//! Certificates of TLS servers and clients.

use super::Severity::{Error, Notice};
use super::{Check, Row, TLS_CLIENT, TLS_SERVER, row};
use crate::der::Tag;
use crate::oid;

pub(super) const RULES: &[Row<Check>] = &[
    row(
        "lint.tls-server.purpose",
        "RFC 5280 4.2.1.12",
        Error,
        TLS_SERVER,
        |c, h| {
            let good = [oid::KP_SERVER_AUTH, oid::ANY_EXTENDED_KEY_USAGE];
            if !c.purposes.is_empty() && !c.purposes.iter().any(|p| good.contains(p)) {
                h.bare();
            }
        },
    ),
    row(
        "lint.tls-server.alt-name",
        "RFC 9525 6.3",
        Error,
        TLS_SERVER,
        |c, h| {
            let host = [Tag::primitive(2), Tag::primitive(7), Tag::primitive(6)];
            if !c.alt_names.iter().any(|t| host.contains(&t.tag)) {
                h.bare();
            }
        },
    ),
    row(
        "lint.tls-server.common-name-in-alt-name",
        "CA/B BR 2.0 7.1.4.3",
        Notice,
        TLS_SERVER,
        |c, h| {
            if let Some(name) = c.subject.first(oid::COMMON_NAME) {
                let there = |t: &crate::der::Tlv<'_>| {
                    t.tag == Tag::primitive(7) || t.value.eq_ignore_ascii_case(name.as_bytes())
                };
                if !c.alt_names.iter().any(there) {
                    h.one("common_name", name);
                }
            }
        },
    ),
    row(
        "lint.tls-client.purpose",
        "RFC 5280 4.2.1.12",
        Error,
        TLS_CLIENT,
        |c, h| {
            let good = [oid::KP_CLIENT_AUTH, oid::ANY_EXTENDED_KEY_USAGE];
            if !c.purposes.is_empty() && !c.purposes.iter().any(|p| good.contains(p)) {
                h.bare();
            }
        },
    ),
];
