//! RFC 5280 4.2.1.6 to 4.2.1.8, 4.2.1.10: alternative names, and the names that may be certified.

use super::Severity::{Error, Warning};
use super::forms::{has_full_host, is_dns_name, is_mailbox, is_uri};
use super::rfc5280_extensions::{SUBJECT_DIRECTORY_ATTRIBUTES, critical, lossy, not_critical};
use super::view::{View, parts};
use super::{ANY, Check, Hits, Row, row};
use crate::der::{Tag, Tlv};
use crate::oid;

pub(super) const RULES: &[Row<Check>] = &[
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
            names(c, h, 6, |u| is_uri(u) && has_full_host(u));
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
        "lint.name-constraints.names",
        "RFC 5280 4.2.1.10",
        Error,
        ANY,
        |c, h| {
            subtrees(c, |base, _| {
                let host = |v: &[u8]| is_dns_name(v) && !v.starts_with(b"*");
                // A mailbox, a host, or with a leading period all mailboxes of a domain; of URIs a host or domain.
                let within = |v: &[u8]| host(v.strip_prefix(b".").unwrap_or(v));
                let good = match base.tag.0 {
                    0x81 => within(base.value) || is_mailbox(base.value),
                    // An empty one is every name.
                    0x82 => base.value.is_empty() || host(base.value),
                    0x86 => within(base.value),
                    _ => true,
                };
                if !good {
                    h.one("name", lossy(base.value));
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
];

fn names(c: &View<'_>, h: &mut Hits, tag: u8, good: impl Fn(&[u8]) -> bool) {
    for id in [oid::SUBJECT_ALT_NAME, oid::ISSUER_ALT_NAME] {
        for t in c.items(id).iter().filter(|t| t.tag == Tag::primitive(tag)) {
            if !good(t.value) {
                h.one("name", lossy(t.value));
            }
        }
    }
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
