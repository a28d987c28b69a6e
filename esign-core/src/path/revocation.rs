use super::search::{Budget, name_of};
use super::{KeyPurpose, PathInputs, RevocationChecking};
use crate::crl::{Crl, CrlEntry, RevocationReason};
use crate::oid;
use crate::report::{Finding, SubIndication};
use crate::x509::{Certificate, KeyUsage};

const RULE: &str = "path.revocation";
const CLAUSE: &str = "RFC 5280 6.3";

/// What one list says of one certificate.
enum Answer {
    /// It cannot be asked; the finding says why.
    Unusable(Finding),
    /// It speaks of this certificate, and this is its entry. A delta list can show that the
    /// certificate is revoked, never that it is not.
    Entry {
        entry: Option<CrlEntry>,
        delta: bool,
    },
}

/// Whether `certificate`, issued by `issuer`, is not revoked at the time asked about, and the
/// list that shows it.
pub(super) fn check(
    certificate: &Certificate,
    issuer: &Certificate,
    is_authority: bool,
    inputs: &PathInputs<'_>,
    budget: &mut Budget,
) -> (Finding, Option<Crl>) {
    if inputs.revocation == RevocationChecking::Skipped {
        return (Finding::remark(RULE, CLAUSE).with("skipped", true), None);
    }
    if let Some(reason) = exempt(certificate, is_authority, inputs.purpose) {
        return (
            Finding::passed(RULE, reason).with("status_needed", false),
            None,
        );
    }
    let mut lists: Vec<&Crl> = inputs.evidence.crls_of(certificate.issuer()).collect();
    // The newest first: a hold that was lifted is no longer on it.
    lists.sort_by_key(|crl| core::cmp::Reverse(crl.this_update()));
    let mut unusable = Vec::new();
    let mut good: Option<&Crl> = None;
    let mut held: Option<Finding> = None;
    for crl in lists {
        let (entry, delta) = match ask(crl, certificate, issuer, budget) {
            Answer::Unusable(finding) => {
                unusable.push(finding);
                continue;
            }
            Answer::Entry { entry, delta } => (entry, delta),
        };
        let current = is_current(crl, inputs);
        match entry.filter(|e| e.revocation_date <= inputs.at) {
            Some(entry) if entry.reason == Some(RevocationReason::CertificateHold) => {
                // A hold on an old list may have been lifted since; a newer answer counts.
                if current && good.is_none() && held.is_none() {
                    held = Some(revoked(&entry, crl, SubIndication::TryLater));
                }
            }
            Some(entry) if entry.reason != Some(RevocationReason::RemoveFromCrl) => {
                // Revocation is final: any genuine list proves it, however old.
                let sub = if is_authority {
                    SubIndication::RevokedCaNoPoe
                } else {
                    SubIndication::RevokedNoPoe
                };
                return (revoked(&entry, crl, sub), Some(crl.clone()));
            }
            _ if delta => {}
            _ if current => good = good.or(Some(crl)),
            _ => unusable.push(stale(crl, inputs)),
        }
    }
    if let Some(finding) = held {
        return (finding, None);
    }
    match good {
        Some(crl) => {
            let finding = Finding::passed(RULE, CLAUSE)
                .with("revoked", false)
                .with("this_update", crl.this_update())
                .with("crl_issuer", crl.issuer().to_string());
            (finding, Some(crl.clone()))
        }
        None => {
            let mut finding = Finding::indeterminate(RULE, CLAUSE, SubIndication::TryLater)
                .with("at", inputs.at)
                .with("lists", unusable.len());
            finding.children = unusable;
            (finding, None)
        }
    }
}

/// Why no status is asked for, as the clause that says so.
fn exempt(
    certificate: &Certificate,
    is_authority: bool,
    purpose: KeyPurpose,
) -> Option<&'static str> {
    let has = |oid| certificate.extension(oid).is_some();
    if is_authority {
        return None;
    }
    if has(oid::NO_REV_AVAIL) {
        return Some("RFC 9608 4");
    }
    if has(oid::VALIDITY_ASSURED_SHORT_TERM) {
        return Some("EN 319 412-1 5.2.2");
    }
    (purpose == KeyPurpose::OcspSigning && has(oid::OCSP_NO_CHECK)).then_some("RFC 6960 4.2.2.2.1")
}

fn is_current(crl: &Crl, inputs: &PathInputs<'_>) -> bool {
    crl.this_update() <= inputs.at && crl.next_update().is_some_and(|next| inputs.at <= next)
}

fn ask(crl: &Crl, certificate: &Certificate, issuer: &Certificate, budget: &mut Budget) -> Answer {
    let unusable = |rule, clause| {
        Finding::indeterminate(rule, clause, SubIndication::TryLater)
            .of(format!("CRL of {}", crl.this_update()))
    };
    if let Some(why) = out_of_scope(crl, certificate) {
        let finding = unusable("crl.scope", "RFC 5280 6.3.3 (b)").with("scope", why);
        return Answer::Unusable(finding);
    }
    match issuer.key_usage() {
        Ok(usage) if usage.is_none_or(|u| u.contains(KeyUsage::CRL_SIGN)) => {}
        _ => {
            let finding = unusable("crl.issuer-crl-sign", "RFC 5280 6.3.3 (f)")
                .with("issuer", name_of(issuer));
            return Answer::Unusable(finding);
        }
    }
    let Ok(key) = issuer.public_key() else {
        return Answer::Unusable(unusable("crl.signature", "RFC 5280 6.3.3 (g)"));
    };
    let verified = budget.verify(crl.sha256(), key, || crl.verify_signed_by(key).is_ok());
    if verified != Some(true) {
        let finding = unusable("crl.signature", "RFC 5280 6.3.3 (g)")
            .with("verifies", verified.unwrap_or(false))
            .with("issuer", name_of(issuer));
        return Answer::Unusable(finding);
    }
    match crl.find(certificate.serial()) {
        Err(e) => {
            Answer::Unusable(unusable("crl.entry", "RFC 5280 5.3").with("malformed", e.to_string()))
        }
        Ok(Some(CrlEntry {
            unprocessed: Some(oid),
            ..
        })) => Answer::Unusable(
            unusable("crl.entry", "RFC 5280 5.3").with("not_processed", oid.to_string()),
        ),
        Ok(entry) => Answer::Entry {
            entry,
            delta: !matches!(crl.delta_base(), Ok(None)),
        },
    }
}

/// Why a list does not speak of `certificate`, or not in a way that is processed here.
fn out_of_scope(crl: &Crl, certificate: &Certificate) -> Option<String> {
    // What the certificate says it is, not where it stands in the path: RFC 5280 6.3.3 (b)(2).
    let is_authority = certificate
        .basic_constraints()
        .is_ok_and(|b| b.is_some_and(|b| b.ca));
    let processed = [oid::ISSUING_DISTRIBUTION_POINT, oid::DELTA_CRL_INDICATOR];
    if let Some(e) = crl
        .extensions()
        .find(|e| e.critical && !processed.contains(&e.oid))
    {
        return Some(format!("critical extension {} is not processed", e.oid));
    }
    if let Err(e) = crl.delta_base() {
        return Some(e.to_string());
    }
    let point = match crl.issuing_distribution_point() {
        Ok(None) => return None,
        Ok(Some(point)) => point,
        Err(e) => return Some(e.to_string()),
    };
    let what = if point.indirect {
        "indirect list"
    } else if point.only_attribute_certificates {
        "attribute certificates only"
    } else if point.only_some_reasons.is_some() {
        "some reasons only"
    } else if point.relative_name.is_some() {
        "relative name"
    } else if point.only_user_certificates && is_authority {
        "end-entity certificates only"
    } else if point.only_ca_certificates && !is_authority {
        "authority certificates only"
    } else if !point.full_name.is_empty() && !named_by(certificate, &point.full_name) {
        "distribution point that the certificate does not name"
    } else {
        return None;
    };
    Some(what.to_owned())
}

/// Whether one of `names` is among the distribution points of the certificate.
fn named_by(certificate: &Certificate, names: &[crate::x509::GeneralName]) -> bool {
    certificate
        .crl_distribution_points()
        .ok()
        .flatten()
        .unwrap_or_default()
        .iter()
        .any(|p| p.full_name.iter().any(|n| names.contains(n)))
}

fn revoked(entry: &CrlEntry, crl: &Crl, sub: SubIndication) -> Finding {
    let reason = entry.reason.unwrap_or(RevocationReason::Unspecified);
    let finding = Finding::indeterminate(RULE, CLAUSE, sub)
        .with("revoked", true)
        .with("revocation_date", entry.revocation_date)
        .with("reason", reason.name())
        .with("this_update", crl.this_update());
    match entry.invalidity_date {
        Some(since) => finding.with("invalidity_date", since),
        None => finding,
    }
}

fn stale(crl: &Crl, inputs: &PathInputs<'_>) -> Finding {
    let finding = Finding::indeterminate("crl.current", "RFC 5280 6.3.3", SubIndication::TryLater)
        .of(format!("CRL of {}", crl.this_update()))
        .with("at", inputs.at)
        .with("this_update", crl.this_update());
    match crl.next_update() {
        Some(next) => finding.with("next_update", next),
        None => finding.with("next_update", "absent"),
    }
}
