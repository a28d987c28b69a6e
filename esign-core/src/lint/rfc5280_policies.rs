//! RFC 5280 4.2.1.4, 4.2.1.5, 4.2.1.11, 4.2.1.14: certificate policies (with RFC 6818 3).

use crate::oid::ObjectIdentifier;

use super::Severity::{Error, Warning};
use super::forms::is_uri;
use super::rfc5280_extensions::{lossy, not_critical, repeated};
use super::view::{View, parts};
use super::{ANY, Check, Row, row};
use crate::der::{Tag, Tlv};
use crate::oid;

pub(super) const RULES: &[Row<Check>] = &[
    row(
        "lint.policies.once",
        "RFC 5280 4.2.1.4",
        Error,
        ANY,
        |c, h| {
            repeated(h, "policy", &c.policies);
        },
    ),
    row(
        "lint.policies.any-qualifiers",
        "RFC 5280 4.2.1.4",
        Error,
        ANY,
        |c, h| {
            qualifiers(c, |policy, id, _| {
                if policy == oid::ANY_POLICY && ![oid::QT_CPS, oid::QT_UNOTICE].contains(&id) {
                    h.one("qualifier", id.to_string());
                }
            });
        },
    ),
    row(
        "lint.policies.notice-text-type",
        "RFC 6818 3",
        Error,
        ANY,
        |c, h| {
            notices(c, |t| {
                if t.tag == Tag::IA5_STRING {
                    h.one("type", t.tag.name());
                }
            });
        },
    ),
    row(
        "lint.policies.notice-text-utf8",
        "RFC 6818 3",
        Warning,
        ANY,
        |c, h| {
            notices(c, |t| {
                if matches!(t.tag, Tag::VISIBLE_STRING | Tag::BMP_STRING) {
                    h.one("type", t.tag.name());
                }
            });
        },
    ),
    row(
        "lint.policies.notice-text-length",
        "RFC 5280 4.2.1.4",
        Error,
        ANY,
        |c, h| {
            notices(c, |t| {
                let length = if t.tag == Tag::BMP_STRING {
                    t.value.len().div_ceil(2)
                } else {
                    String::from_utf8_lossy(t.value).chars().count()
                };
                if length > 200 {
                    h.two("characters", length, "at_most", 200u64);
                }
            });
        },
    ),
    row(
        "lint.policies.no-notice-reference",
        "RFC 5280 4.2.1.4",
        Warning,
        ANY,
        |c, h| {
            qualifiers(c, |policy, id, value| {
                if id == oid::QT_UNOTICE && parts(value).iter().any(|t| t.tag == Tag::SEQUENCE) {
                    h.one("policy", policy.to_string());
                }
            });
        },
    ),
    row(
        "lint.policies.cps-uri",
        "RFC 5280 4.2.1.4",
        Error,
        ANY,
        |c, h| {
            qualifiers(c, |_, id, t| {
                if id == oid::QT_CPS && !(t.tag == Tag::IA5_STRING && is_uri(t.value)) {
                    h.one("uri", lossy(t.value));
                }
            });
        },
    ),
    row(
        "lint.policy-mappings.critical",
        "RFC 5280 4.2.1.5",
        Warning,
        ANY,
        |c, h| {
            not_critical(c, h, oid::POLICY_MAPPINGS);
        },
    ),
    row(
        "lint.policy-mappings.no-any-policy",
        "RFC 5280 4.2.1.5",
        Error,
        ANY,
        |c, h| {
            for pair in c.items(oid::POLICY_MAPPINGS) {
                if parts(&pair)
                    .iter()
                    .any(|t| t.oid("").is_ok_and(|o| o == oid::ANY_POLICY))
                {
                    h.bare();
                }
            }
        },
    ),
    row(
        "lint.policy-mappings.asserted",
        "RFC 5280 4.2.1.5",
        Warning,
        ANY,
        |c, h| {
            for pair in c.items(oid::POLICY_MAPPINGS) {
                let issuer = parts(&pair).first().and_then(|t| t.oid("").ok());
                if let Some(o) = issuer.filter(|o| !c.policies.contains(o) && *o != oid::ANY_POLICY)
                {
                    h.one("policy", o.to_string());
                }
            }
        },
    ),
    row(
        "lint.policy-constraints.critical",
        "RFC 5280 4.2.1.11",
        Error,
        ANY,
        |c, h| {
            not_critical(c, h, oid::POLICY_CONSTRAINTS);
        },
    ),
    row(
        "lint.policy-constraints.not-empty",
        "RFC 5280 4.2.1.11",
        Error,
        ANY,
        |c, h| {
            if c.ext(oid::POLICY_CONSTRAINTS).is_some()
                && c.items(oid::POLICY_CONSTRAINTS).is_empty()
            {
                h.bare();
            }
        },
    ),
    row(
        "lint.inhibit-any-policy.critical",
        "RFC 5280 4.2.1.14",
        Error,
        ANY,
        |c, h| {
            not_critical(c, h, oid::INHIBIT_ANY_POLICY);
        },
    ),
];

fn qualifiers(c: &View<'_>, mut each: impl FnMut(ObjectIdentifier, ObjectIdentifier, &Tlv<'_>)) {
    for info in c.items(oid::CERTIFICATE_POLICIES) {
        let fields = parts(&info);
        let (Some(policy), Some(list)) =
            (fields.first().and_then(|t| t.oid("").ok()), fields.get(1))
        else {
            continue;
        };
        for q in parts(list) {
            let q = parts(&q);
            if let (Some(id), Some(value)) = (q.first().and_then(|t| t.oid("").ok()), q.get(1)) {
                each(policy, id, value);
            }
        }
    }
}

fn notices(c: &View<'_>, mut each: impl FnMut(&Tlv<'_>)) {
    qualifiers(c, |_, id, value| {
        if id == oid::QT_UNOTICE {
            for text in parts(value).iter().filter(|t| t.tag != Tag::SEQUENCE) {
                each(text);
            }
        }
    });
}
