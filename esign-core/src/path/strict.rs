use super::budget::Budget;
use super::domain::is_domain;
use super::extensions::View;
use super::record::{Record, broken};
use crate::oid;
use crate::x509::{Certificate, GeneralName, KeyUsage};

/// Rules for who issues that count under [`super::PathProfile::Strict`] alone: each a MUST of
/// RFC 5280 clause 4.
pub(super) fn check(
    c: &Certificate,
    view: &View,
    authority: bool,
    budget: &mut Budget,
    record: &mut Record,
) {
    let mut rule = |holds: bool, clause, what: &'static str, value: &dyn Fn() -> String| {
        if !holds {
            record.add(
                broken("path.strict", clause)
                    .with("asked", what)
                    .with("found", value()),
            );
        }
    };
    let serial = c.serial();
    rule(
        serial.is_conforming(),
        "RFC 5280 4.1.2.2",
        "serial number positive, at most 20 octets",
        &|| serial.to_string(),
    );
    let critical = |oid| c.extension(oid).map(|e| e.critical);
    let yes_no = |critical: Option<bool>| {
        match critical {
            None => "absent",
            Some(true) => "critical",
            Some(false) => "not critical",
        }
        .to_owned()
    };
    // (extension, must it be critical, clause, what is asked)
    let marks = [
        (
            oid::AUTHORITY_KEY_IDENTIFIER,
            false,
            "RFC 5280 4.2.1.1",
            "authorityKeyIdentifier not critical",
        ),
        (
            oid::SUBJECT_KEY_IDENTIFIER,
            false,
            "RFC 5280 4.2.1.2",
            "subjectKeyIdentifier not critical",
        ),
        (
            oid::NAME_CONSTRAINTS,
            true,
            "RFC 5280 4.2.1.10",
            "nameConstraints critical",
        ),
        (
            oid::POLICY_CONSTRAINTS,
            true,
            "RFC 5280 4.2.1.11",
            "policyConstraints critical",
        ),
        (
            oid::INHIBIT_ANY_POLICY,
            true,
            "RFC 5280 4.2.1.14",
            "inhibitAnyPolicy critical",
        ),
    ];
    for (oid, wanted, clause, what) in marks {
        let found = critical(oid);
        rule(found.is_none_or(|f| f == wanted), clause, what, &|| {
            yes_no(found)
        });
    }
    let key_identifier = c
        .authority_key_identifier()
        .is_ok_and(|a| a.is_some_and(|a| a.key_identifier.is_some()));
    // The only exception is for a certificate that is signed with its own key.
    let mut self_signed = || {
        budget.signature().is_ok()
            && c.public_key()
                .is_ok_and(|key| c.verify_signed_by(key).is_ok())
    };
    rule(
        key_identifier || self_signed(),
        "RFC 5280 4.2.1.1",
        "key identifier of the issuer, unless self-signed",
        &|| "absent".to_owned(),
    );
    if authority {
        rule(
            critical(oid::SUBJECT_KEY_IDENTIFIER).is_some(),
            "RFC 5280 4.2.1.2",
            "subjectKeyIdentifier of an authority",
            &|| "absent".to_owned(),
        );
        let found = critical(oid::BASIC_CONSTRAINTS);
        rule(
            found != Some(false),
            "RFC 5280 4.2.1.9",
            "basicConstraints of an authority critical",
            &|| yes_no(found),
        );
    }
    if !view.is_authority() {
        rule(
            view.constraints.is_none(),
            "RFC 5280 4.2.1.10",
            "nameConstraints only of an authority",
            &|| "present".to_owned(),
        );
        let usage = view.key_usage.unwrap_or_default();
        rule(
            !usage.contains(KeyUsage::KEY_CERT_SIGN),
            "RFC 5280 4.2.1.9",
            "keyCertSign only of an authority",
            &|| "keyCertSign".to_owned(),
        );
    }
    if c.subject().is_empty() {
        let found = critical(oid::SUBJECT_ALT_NAME);
        rule(
            found == Some(true),
            "RFC 5280 4.2.1.6",
            "subjectAltName critical where the subject is empty",
            &|| yes_no(found),
        );
    }
    for name in view.alt_names.iter().flatten() {
        if let GeneralName::Dns(text) = name {
            let host = text.strip_prefix("*.").unwrap_or(text);
            rule(
                is_domain(host),
                "RFC 5280 4.2.1.6",
                "dNSName in the preferred name syntax",
                &|| name.to_string(),
            );
        }
    }
    if let Some(policies) = &view.policies {
        let mut ids: Vec<_> = policies.iter().map(|p| p.id).collect();
        ids.sort_unstable();
        let twice = ids.windows(2).find(|pair| pair.first() == pair.last());
        rule(
            twice.is_none(),
            "RFC 5280 4.2.1.4",
            "each policy at most once",
            &|| {
                twice
                    .and_then(|p| p.first())
                    .map_or_else(String::new, ToString::to_string)
            },
        );
    }
}
