use ::der::asn1::ObjectIdentifier;

use super::search::{name_of, summarise};
use super::{KeyPurpose, PathInputs};
use crate::oid;
use crate::report::{Finding, SubIndication};
use crate::x509::{Certificate, KeyUsage};

/// Critical extensions whose meaning is honoured here. Policies: without an initial policy set and
/// without policyConstraints, which are refused, policies and mappings decide nothing
/// (RFC 5280 6.1.5 (g)).
const PROCESSED: [ObjectIdentifier; 8] = [
    oid::BASIC_CONSTRAINTS,
    oid::KEY_USAGE,
    oid::EXT_KEY_USAGE,
    oid::SUBJECT_ALT_NAME,
    oid::CERTIFICATE_POLICIES,
    oid::POLICY_MAPPINGS,
    oid::INHIBIT_ANY_POLICY,
    oid::CRL_DISTRIBUTION_POINTS,
];

/// One finding for each certificate of a path whose signatures verify, the rules below it.
pub(super) fn path(chain: &[Certificate], inputs: &PathInputs<'_>) -> Vec<Finding> {
    let last = chain.len().saturating_sub(1);
    let mut below = 0u32;
    let mut findings = Vec::with_capacity(chain.len());
    for (i, certificate) in chain.iter().enumerate() {
        let mut finding =
            Finding::passed("path.certificate", "RFC 5280 6.1.3").of(name_of(certificate));
        let rules = &mut finding.children;
        let anchor = i == last;
        // An anchor that is asked about itself is used, so its validity counts.
        if !anchor || i == 0 {
            rules.push(validity(certificate, inputs));
        }
        if !anchor {
            rules.extend(critical(certificate));
            rules.push(well_formed(certificate));
        }
        if i == 0 {
            rules.extend(purpose(certificate, inputs.purpose));
        } else {
            rules.extend(authority(certificate, below));
            below = below.saturating_add(u32::from(!certificate.is_self_issued()));
        }
        finding.children.extend(constraints(certificate));
        summarise(&mut finding);
        findings.push(finding);
    }
    findings
}

fn validity(certificate: &Certificate, inputs: &PathInputs<'_>) -> Finding {
    let (rule, clause) = ("path.validity", "RFC 5280 6.1.3 (a)(2)");
    if certificate.is_valid_at(inputs.at) {
        Finding::passed(rule, clause)
    } else {
        Finding::indeterminate(rule, clause, SubIndication::OutOfBoundsNoPoe)
    }
    .with("at", inputs.at)
    .with("not_before", certificate.not_before())
    .with("not_after", certificate.not_after())
}

/// Critical extensions that are not processed; a path with one does not pass.
fn critical(certificate: &Certificate) -> Vec<Finding> {
    let (rule, clause) = ("path.critical-extensions", "RFC 5280 6.1.4 (o), 6.1.5 (f)");
    let unknown: Vec<String> = certificate
        .extensions()
        .filter(|e| e.critical && !PROCESSED.contains(&e.oid) && e.oid != oid::NAME_CONSTRAINTS)
        .map(|e| e.oid.to_string())
        .collect();
    if unknown.is_empty() {
        return vec![Finding::passed(rule, clause)];
    }
    vec![broken(rule, clause).with("not_processed", unknown)]
}

/// Every known extension decodes, whether it decides anything here or not: what one reader skips
/// another may act on.
fn well_formed(c: &Certificate) -> Finding {
    let (rule, clause) = ("path.extensions-well-formed", "RFC 5280 4.2.1");
    let errors: Vec<String> = [
        c.authority_key_identifier().err(),
        c.subject_key_identifier().err(),
        c.subject_alt_name().err(),
        c.certificate_policies().err(),
        c.crl_distribution_points().err(),
        c.authority_info_access().err(),
        c.ext_key_usage().err(),
        c.key_usage().err(),
        c.basic_constraints().err(),
        c.qc_statements().err(),
    ]
    .into_iter()
    .flatten()
    .map(|e| e.to_string())
    .collect();
    if errors.is_empty() {
        Finding::passed(rule, clause)
    } else {
        broken(rule, clause).with("malformed", errors)
    }
}

/// Whether a certificate may issue others, `below` authorities standing between it and the end.
fn authority(certificate: &Certificate, below: u32) -> Vec<Finding> {
    let mut findings = Vec::new();
    let (rule, clause) = ("path.basic-constraints", "RFC 5280 6.1.4 (k)");
    let authority = match certificate.basic_constraints() {
        Err(e) => malformed(rule, clause, &e),
        Ok(basic) if basic.is_some_and(|b| b.ca) => {
            if let Some(limit) = basic.and_then(|b| b.path_len) {
                let (rule, clause) = ("path.path-length", "RFC 5280 6.1.4 (l), (m)");
                let finding = if below <= limit {
                    Finding::passed(rule, clause)
                } else {
                    broken(rule, clause)
                };
                findings.push(
                    finding
                        .with("authorities_below", u64::from(below))
                        .with("path_length_constraint", u64::from(limit)),
                );
            }
            Finding::passed(rule, clause).with("ca", true)
        }
        Ok(basic) => broken(rule, clause)
            .with("present", basic.is_some())
            .with("ca", false)
            .with("version", u64::from(certificate.version())),
    };
    findings.push(authority);
    if certificate.subject().is_empty() {
        findings.push(broken("path.authority-named", "RFC 5280 4.1.2.6").with("subject", ""));
    }
    let (rule, clause) = ("path.key-cert-sign", "RFC 5280 6.1.4 (n)");
    findings.push(match certificate.key_usage() {
        Err(e) => malformed(rule, clause, &e),
        Ok(Some(usage)) if !usage.contains(KeyUsage::KEY_CERT_SIGN) => {
            broken(rule, clause).with("key_usage", names(usage))
        }
        Ok(_) => Finding::passed(rule, clause),
    });
    findings
}

/// Constraints that an authority sets and that are not processed; they must not be overlooked,
/// whether critical or not. In an end-entity certificate they do not belong (RFC 5280 4.2.1.10).
fn constraints(certificate: &Certificate) -> Vec<Finding> {
    [
        (
            oid::NAME_CONSTRAINTS,
            "path.name-constraints",
            "RFC 5280 6.1.4 (g)",
        ),
        (
            oid::POLICY_CONSTRAINTS,
            "path.policy-constraints",
            "RFC 5280 6.1.4 (i)",
        ),
    ]
    .into_iter()
    .filter(|(oid, _, _)| certificate.extension(*oid).is_some())
    .map(|(_, rule, clause)| broken(rule, clause).with("processed", false))
    .collect()
}

/// Whether the key may be used for what it was used for.
fn purpose(certificate: &Certificate, purpose: KeyPurpose) -> Vec<Finding> {
    let (usages, extended) = match purpose {
        KeyPurpose::Any => return Vec::new(),
        // EN 319 412-2 4.3.2; certificates from before it have digitalSignature alone.
        KeyPurpose::DocumentSigning => (
            KeyUsage::NON_REPUDIATION | KeyUsage::DIGITAL_SIGNATURE,
            None,
        ),
        KeyPurpose::OcspSigning => (
            KeyUsage::NON_REPUDIATION | KeyUsage::DIGITAL_SIGNATURE,
            Some(oid::KP_OCSP_SIGNING),
        ),
        KeyPurpose::TimeStamping => (
            KeyUsage::NON_REPUDIATION | KeyUsage::DIGITAL_SIGNATURE,
            Some(oid::KP_TIME_STAMPING),
        ),
    };
    let sub = SubIndication::SigConstraintsFailure;
    let (rule, clause) = ("path.key-usage", "RFC 5280 4.2.1.3");
    let mut findings = vec![match certificate.key_usage() {
        Err(e) => malformed(rule, clause, &e),
        Ok(Some(usage)) if !usage.intersects(usages) => Finding::indeterminate(rule, clause, sub)
            .with("key_usage", names(usage))
            .with("one_of", names(usages)),
        Ok(usage) => {
            Finding::passed(rule, clause).with("key_usage", names(usage.unwrap_or_default()))
        }
    }];
    let (rule, clause) = ("path.ext-key-usage", "RFC 5280 4.2.1.12");
    findings.push(match (certificate.ext_key_usage(), extended) {
        (Err(e), _) => malformed(rule, clause, &e),
        (Ok(found), Some(wanted)) => {
            let found = found.unwrap_or_default();
            // RFC 3161 2.3: only this one, and critical.
            let alone = purpose != KeyPurpose::TimeStamping
                || (found.len() == 1
                    && certificate
                        .extension(oid::EXT_KEY_USAGE)
                        .is_some_and(|e| e.critical));
            let finding = if found.contains(&wanted) && alone {
                Finding::passed(rule, clause)
            } else {
                Finding::indeterminate(rule, clause, sub)
            };
            finding
                .with(
                    "ext_key_usage",
                    found.iter().map(ToString::to_string).collect::<Vec<_>>(),
                )
                .with("wanted", wanted.to_string())
        }
        // A key that may only answer OCSP or stamp time does not sign documents; which others
        // may is not settled by any standard, so they are left to the policy.
        (Ok(Some(found)), None)
            if found
                .iter()
                .all(|o| [oid::KP_OCSP_SIGNING, oid::KP_TIME_STAMPING].contains(o)) =>
        {
            Finding::indeterminate(rule, clause, sub).with(
                "ext_key_usage",
                found.iter().map(ToString::to_string).collect::<Vec<_>>(),
            )
        }
        (Ok(_), None) => Finding::passed(rule, clause),
    });
    findings
}

fn broken(rule: &'static str, clause: &'static str) -> Finding {
    Finding::indeterminate(rule, clause, SubIndication::ChainConstraintsFailure)
}

fn malformed(rule: &'static str, clause: &'static str, error: &impl ToString) -> Finding {
    broken(rule, clause).with("malformed", error.to_string())
}

fn names(usage: KeyUsage) -> Vec<String> {
    usage.names().map(str::to_owned).collect()
}
