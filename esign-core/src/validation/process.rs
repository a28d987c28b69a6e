//! The validation process for signatures with archival data, EN 319 102-1 clause 5.6.3, which has
//! those for signatures with time (5.5) and for basic signatures (5.3) within it.

use super::acceptance::Own;
use super::cryptographic::{cryptographic_verification, integrity, objects};
use super::identification::identification;
use super::missing;
use super::report::{
    CertificateSummary, CoverageReport, InputDigests, Report, SignatureReport, hex,
};
use super::time_stamps::Tokens;
use super::trust::{Context, Signed};
use super::{Signature, level};
use crate::evidence::Evidence;
use crate::path::KeyPurpose;
use crate::policy::Policy;
use crate::report::Finding;
use crate::time::UnixTime;
use crate::trust::TrustAnchors;

/// All that a validation depends on besides the signatures. Nothing else is consulted, and no
/// field has a default that trusts.
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    /// Validation time.
    pub at: UnixTime,
    /// Whom to trust.
    pub anchors: &'a TrustAnchors,
    /// Certificates, CRLs and OCSP responses from outside the document.
    pub evidence: &'a Evidence,
    /// What is asked for.
    pub policy: &'a Policy,
}

/// Validates every signature of a document.
///
/// # Source
/// EN 319 102-1 V1.4.1 clause 5.6.3, each signature for itself.
pub fn validate(signatures: &[Signature], inputs: &Inputs<'_>) -> Report {
    let digests = InputDigests {
        document: None,
        time: inputs.at,
        trust: hex(&inputs.anchors.digest()),
        policy: inputs.policy.name.clone(),
        policy_digest: hex(&inputs.policy.sha256()),
        evidence: hex(&inputs.evidence.digest()),
    };
    Report::new(
        digests,
        signatures.iter().map(|s| validate_one(s, inputs)).collect(),
    )
}

fn validate_one(signature: &Signature, inputs: &Inputs<'_>) -> SignatureReport {
    let mut findings = signature.format_findings.clone();
    let objects = objects(signature);
    let tokens = Tokens::verify(signature, signature.evidence.certificates());
    let evidence = evidence_of(signature, &tokens, inputs);
    let context = Context::new(inputs.at, inputs.anchors, inputs.policy, &evidence);
    let stamped = tokens.judge(signature, &context);
    let proved = stamped.poe.signature();

    let mut certificate = None;
    let mut chain = Vec::new();
    let mut chains = Vec::new();
    let mut used = stamped.used;
    let mut lacking = Vec::new();
    match identification(signature, inputs.evidence) {
        Ok((found, finding)) => {
            findings.push(finding);
            let value = cryptographic_verification(signature, &found);
            let trust = context.judge(
                &Signed {
                    own: Own::of_signature(signature),
                    certificate: &found,
                    purpose: if inputs.policy.key_usage {
                        KeyPurpose::DocumentSigning
                    } else {
                        KeyPurpose::Any
                    },
                    proved,
                    after: stamped.after,
                },
                &stamped.poe,
            );
            lacking = missing::of(&trust.chain, &trust.findings, inputs.anchors);
            for certificate in &trust.chain {
                used.add_certificate(certificate.clone());
            }
            for crl in trust.crls {
                used.add_crl(crl);
            }
            for response in trust.ocsp {
                used.add_ocsp(response);
            }
            chains.push(trust.chain.clone());
            if trust.complete {
                chain = trust.chain;
            }
            // The path, what is signed, its value, the algorithms: the order in which people ask.
            let (path, rest): (Vec<_>, Vec<_>) = trust
                .findings
                .into_iter()
                .partition(|f| f.rule.split('.').next() == Some("path"));
            findings.extend(path);
            findings.extend(objects);
            findings.push(value);
            findings.extend(rest);
            certificate = Some(found);
        }
        Err(finding) => {
            findings.push(finding);
            findings.extend(objects);
        }
    }
    findings.extend(stamped.findings);
    for (report, path) in stamped.reports.iter().zip(&stamped.paths) {
        for more in missing::of(path, &report.findings, inputs.anchors) {
            if !lacking.contains(&more) {
                lacking.push(more);
            }
        }
    }

    chains.extend(stamped.paths.into_iter().filter(|p| !p.is_empty()));
    let integrity = integrity(signature, &findings);
    let indication = Finding::worst(&findings);
    SignatureReport {
        name: signature.name.clone(),
        format: signature.format.name(),
        level: level::of(signature, certificate.as_ref(), &tokens),
        indication: indication.total(),
        sub_indication: Finding::decisive(&findings).and_then(|f| f.sub_indication),
        integrity,
        signer: certificate.as_ref().map(|c| c.subject().to_string()),
        signing_certificate: certificate.as_ref().map(CertificateSummary::of),
        best_signature_time: proved.unwrap_or(inputs.at),
        time_proved: proved.is_some(),
        claimed_time: signature.claims.signing_time,
        reason: signature.claims.reason.clone(),
        location: signature.claims.location.clone(),
        coverage: CoverageReport::of(&signature.coverage),
        path: chain.iter().map(|c| c.subject().to_string()).collect(),
        timestamps: stamped.reports,
        missing: lacking,
        chains,
        used,
        findings,
    }
}

/// What there is to prove things with. What the caller gave stands before what a document, so a
/// stranger, brought along: where there is too much of one kind, the caller's is what is looked at.
fn evidence_of(signature: &Signature, tokens: &Tokens, inputs: &Inputs<'_>) -> Evidence {
    let mut evidence = inputs.evidence.clone();
    evidence.add_all(&signature.evidence);
    for token in tokens.verified.iter().flatten() {
        for certificate in token.certificates() {
            evidence.add_certificate(certificate.clone());
        }
        for crl in super::poe::lists_of(token) {
            evidence.add_crl(crl);
        }
    }
    evidence
}
