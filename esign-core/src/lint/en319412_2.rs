//! EN 319 412-2: certificates of natural persons; most of it holds for legal persons, too
//! (EN 319 412-3 4.1).

use crate::oid::ObjectIdentifier;

use super::Severity::{Error, Notice, Warning};
use super::rfc5280_extensions::{critical, lossy};
use super::rfc5280_key_extensions::{
    AGREEMENT, COMMITMENT, KEY_ENCIPHERMENT, SIGNATURE, usage_names,
};
use super::view::View;
use super::{Check, Hits, NATURAL, PERSON, Row, row};
use crate::oid;

pub(super) const RULES: &[Row<Check>] = &[
    row(
        "lint.person.version-three",
        "EN 319 412-2 V2.3.1 4.2.1",
        Error,
        PERSON,
        |c, h| {
            if c.version != 3 {
                h.one("version", u64::from(c.version));
            }
        },
    ),
    row(
        "lint.person.issuer-attributes",
        "EN 319 412-2 V2.3.1 4.2.3.1",
        Error,
        PERSON,
        |c, h| {
            // An issuer that is a natural person has no organizationName.
            let natural = c.issuer.count(oid::GIVEN_NAME) + c.issuer.count(oid::SURNAME) > 0;
            let needed: &[ObjectIdentifier] = if natural {
                &[oid::COUNTRY, oid::COMMON_NAME, oid::SERIAL_NUMBER]
            } else {
                &[oid::COUNTRY, oid::ORGANIZATION, oid::COMMON_NAME]
            };
            for o in needed.iter().filter(|o| c.issuer.count(**o) == 0) {
                h.one("attribute", o.to_string());
            }
        },
    ),
    row(
        "lint.person.issuer-organization-identifier",
        "EN 319 412-2 V2.3.1 4.2.3.1",
        Error,
        PERSON,
        |c, h| {
            if c.issuer.count(oid::ORGANIZATION) > 0
                && c.issuer.count(oid::ORGANIZATION_IDENTIFIER) == 0
            {
                h.bare();
            }
        },
    ),
    row(
        "lint.natural.country",
        "EN 319 412-2 V2.3.1 4.2.4",
        Error,
        NATURAL,
        |c, h| one(c, h, oid::COUNTRY),
    ),
    row(
        "lint.natural.common-name",
        "EN 319 412-2 V2.3.1 4.2.4",
        Error,
        NATURAL,
        |c, h| {
            one(c, h, oid::COMMON_NAME);
        },
    ),
    row(
        "lint.natural.name-or-pseudonym",
        "EN 319 412-2 V2.3.1 4.2.4",
        Error,
        NATURAL,
        |c, h| {
            let given = c.subject.count(oid::GIVEN_NAME) > 0;
            let surname = c.subject.count(oid::SURNAME) > 0;
            let pseudonym = c.subject.count(oid::PSEUDONYM) > 0;
            if (given || surname) == pseudonym {
                h.two("name", given || surname, "pseudonym", pseudonym);
            }
        },
    ),
    row(
        "lint.natural.serial-number",
        "EN 319 412-2 V2.3.1 4.2.4",
        Warning,
        NATURAL,
        |c, h| {
            if c.subject.count(oid::SERIAL_NUMBER) != 1 {
                h.one("count", c.subject.count(oid::SERIAL_NUMBER));
            }
        },
    ),
    row(
        "lint.person.key-usage-present",
        "EN 319 412-2 V2.3.1 4.3.2",
        Error,
        PERSON,
        |c, h| {
            if c.ext(oid::KEY_USAGE).is_none() {
                h.bare();
            }
        },
    ),
    row(
        "lint.person.key-usage-type",
        "EN 319 412-2 V2.3.1 4.3.2",
        Error,
        PERSON,
        |c, h| {
            let Some(usage) = c.usage else { return };
            let both = SIGNATURE | COMMITMENT;
            let exchange = [KEY_ENCIPHERMENT, AGREEMENT];
            let fits = [COMMITMENT, both, SIGNATURE].contains(&usage)
                || exchange
                    .iter()
                    .any(|e| usage == *e || usage == SIGNATURE | *e || usage == both | *e);
            if !fits {
                h.one("key_usage", usage_names(c));
            }
        },
    ),
    row(
        "lint.person.key-usage-signs",
        "EN 319 412-2 V2.3.1 4.3.2",
        Error,
        PERSON,
        |c, h| {
            let types = c.qc_types();
            let signs = types.contains(&oid::QCT_ESIGN) || types.contains(&oid::QCT_ESEAL);
            if signs && c.usage.is_some() && !c.has_usage(COMMITMENT) {
                h.one("key_usage", usage_names(c));
            }
        },
    ),
    row(
        "lint.person.key-usage-alone",
        "EN 319 412-2 V2.3.1 4.3.2",
        Notice,
        PERSON,
        |c, h| {
            if c.has_usage(COMMITMENT) && c.usage != Some(COMMITMENT) {
                h.one("key_usage", usage_names(c));
            }
        },
    ),
    row(
        "lint.person.policies-present",
        "EN 319 412-2 V2.3.1 4.3.3",
        Error,
        PERSON,
        |c, h| {
            if c.policies.is_empty() {
                h.bare();
            }
        },
    ),
    row(
        "lint.person.policies-not-critical",
        "EN 319 412-2 V2.3.1 4.3.3",
        Warning,
        PERSON,
        |c, h| {
            critical(c, h, oid::CERTIFICATE_POLICIES);
        },
    ),
    row(
        "lint.person.no-ca-extensions",
        "EN 319 412-2 V2.3.1 4.3.4, 4.3.8, 4.3.9, 4.3.13",
        Error,
        PERSON,
        |c, h| {
            let ca_only = [
                oid::POLICY_MAPPINGS,
                oid::NAME_CONSTRAINTS,
                oid::POLICY_CONSTRAINTS,
                oid::INHIBIT_ANY_POLICY,
            ];
            for o in ca_only.into_iter().filter(|o| c.ext(*o).is_some()) {
                h.one("extension", o.to_string());
            }
        },
    ),
    row(
        "lint.person.eku-not-critical",
        "EN 319 412-2 V2.3.1 4.3.10",
        Error,
        PERSON,
        |c, h| {
            critical(c, h, oid::EXT_KEY_USAGE);
        },
    ),
    row(
        "lint.person.ca-issuers",
        "EN 319 412-2 V2.3.1 4.4.1",
        Error,
        PERSON,
        |c, h| {
            let uris = c.access(oid::AD_CA_ISSUERS);
            let web = |u: &&[u8]| u.starts_with(b"http://") || u.starts_with(b"https://");
            if !uris.iter().any(web) {
                h.one("locations", uris.len());
            }
        },
    ),
    row(
        "lint.person.status-location",
        "EN 319 412-2 V2.3.1 4.3.11, 4.4.1",
        Error,
        PERSON,
        |c, h| {
            let excused = [oid::NO_REV_AVAIL, oid::VALIDITY_ASSURED_SHORT_TERM];
            let none = c.crl_uris().is_empty() && c.access(oid::AD_OCSP).is_empty();
            if none && !excused.iter().any(|o| c.ext(*o).is_some()) {
                h.bare();
            }
        },
    ),
    row(
        "lint.person.ocsp-scheme",
        "EN 319 412-2 V2.3.1 4.4.1",
        Error,
        PERSON,
        |c, h| {
            for u in c.access(oid::AD_OCSP) {
                if !u.starts_with(b"http://") && !u.starts_with(b"https://") {
                    h.one("uri", lossy(u));
                }
            }
        },
    ),
    row(
        "lint.person.crl-scheme",
        "EN 319 412-2 V2.3.1 4.3.11",
        Error,
        PERSON,
        |c, h| {
            let uris = c.crl_uris();
            let good = |u: &&[u8]| {
                [&b"http://"[..], b"https://", b"ldap://"]
                    .iter()
                    .any(|s| u.starts_with(s))
            };
            if !uris.is_empty() && !uris.iter().any(good) {
                h.one("uri", lossy(uris.first().copied().unwrap_or_default()));
            }
        },
    ),
];

/// The attribute stands in the subject once.
pub(super) fn one(c: &View<'_>, h: &mut Hits, o: ObjectIdentifier) {
    let count = c.subject.count(o);
    if count != 1 {
        h.two("attribute", o.to_string(), "count", count);
    }
}
