//! Past validation, EN 319 102-1 clause 5.6.2: of certificates (5.6.2.1), with the control-time that
//! slides to where everything above was still in order (5.6.2.2), and of signatures (5.6.2.4).

use super::acceptance;
use super::poe::Poe;
use super::trust::{Context, Signed};
use crate::evidence::Evidence;
use crate::path::{KeyPurpose, RevocationChecking, Standing, Status, find_path, status_instants};
use crate::policy::{Acceptance, Revocation};
use crate::report::{Finding, Indication, SubIndication};
use crate::time::UnixTime;
use crate::x509::Certificate;

pub(super) const CLAUSE: &str = "EN 319 102-1 5.6.2";
/// Most times of making of lists and responses that are tried for one certificate, the latest first.
pub(super) const MAX_INSTANTS: usize = 8;
/// Most dates at which a path is looked for.
const MAX_DATES: usize = 16;

/// Whether a proof of existence can settle what a sub-indication leaves open (5.6.3.4, step 2).
pub(super) fn is_about_time(sub: SubIndication) -> bool {
    matches!(
        sub,
        SubIndication::RevokedNoPoe
            | SubIndication::RevokedCaNoPoe
            | SubIndication::OutOfBoundsNoPoe
            | SubIndication::OutOfBoundsNotRevoked
            | SubIndication::CryptoConstraintsFailureNoPoe
            | SubIndication::TryLater
    )
}

/// What past validation found in order.
pub(super) struct Past {
    pub(super) finding: Finding,
    pub(super) chain: Vec<Certificate>,
}

/// Past signature validation (5.6.2.4): `proved` is since when the signature value is proved to exist.
///
/// # Errors
/// The finding that says why the past does not settle it.
pub(super) fn validate(
    context: &Context<'_>,
    signed: &Signed<'_>,
    poe: &Poe,
    proved: UnixTime,
) -> Result<Past, Finding> {
    const RULE: &str = "certificate.past-validation";
    let (certificate, name) = (signed.certificate, &signed.own.name);
    let chain = prospective_chain(context, signed)?;
    let (control, steps) = control_time(context, &chain, signed.purpose, poe)?;
    let open = |sub| {
        Finding::indeterminate(RULE, "EN 319 102-1 5.6.2.4", sub)
            .of(name.clone())
            .with("best_signature_time", proved)
            .with("control_time", control)
    };
    if proved > control {
        let mut finding = open(SubIndication::NoPoe);
        finding.children = steps;
        return Err(finding);
    }
    if !certificate.is_valid_at(proved) {
        return Err(open(SubIndication::OutOfBoundsNoPoe)
            .with("not_before", certificate.not_before())
            .with("not_after", certificate.not_after()));
    }
    let own = signed.own.judge(certificate, context.policy, proved);
    if Finding::worst(&own) != Indication::Passed {
        let mut finding = open(SubIndication::CryptoConstraintsFailureNoPoe);
        finding.children = own;
        return Err(finding);
    }
    let mut finding = Finding::passed(RULE, "EN 319 102-1 5.6.2.4")
        .of(name.clone())
        .with("best_signature_time", proved)
        .with("control_time", control);
    finding.children = steps;
    finding.children.extend(own);
    Ok(Past { finding, chain })
}

/// A path that was valid at some time at which all of its certificates were (5.6.2.1.4, steps 1 and
/// 2), its status aside. The end of the first to expire is such a time, if there is any.
fn prospective_chain(
    context: &Context<'_>,
    signed: &Signed<'_>,
) -> Result<Vec<Certificate>, Finding> {
    let leaf = signed.certificate;
    let ends = context.evidence.certificates().iter();
    let mut dates: Vec<UnixTime> = ends
        .map(Certificate::not_after)
        .filter(|end| *end >= leaf.not_before() && *end <= leaf.not_after())
        .collect();
    dates.push(leaf.not_after());
    dates.sort_unstable_by(|a, b| b.cmp(a));
    dates.dedup();
    let (skipped, purpose) = (RevocationChecking::Skipped, signed.purpose);
    for date in dates.into_iter().take(MAX_DATES) {
        let inputs = context.path_inputs(date, context.evidence, skipped, purpose);
        if let Some(path) = find_path(leaf, &inputs) {
            return Ok(path.chain().to_vec());
        }
    }
    let sub = SubIndication::NoCertificateChainFound;
    Err(
        Finding::indeterminate("certificate.past-path", "EN 319 102-1 5.6.2.1", sub)
            .of(leaf.subject().to_string()),
    )
}

/// Up to when all of a path could be relied on, given what is proved to have existed (5.6.2.2), with
/// what each certificate did to it.
fn control_time(
    context: &Context<'_>,
    chain: &[Certificate],
    purpose: KeyPurpose,
    poe: &Poe,
) -> Result<(UnixTime, Vec<Finding>), Finding> {
    const RULE: &str = "certificate.control-time";
    const CLAUSE: &str = "EN 319 102-1 5.6.2.2";
    let mut control = context.now;
    let mut steps = Vec::new();
    // From the one that the anchor issued down to the leaf.
    let pairs = chain.iter().zip(chain.iter().skip(1)).enumerate().rev();
    for (place, (certificate, issuer)) in pairs {
        let name = certificate.subject().to_string();
        let above = control;
        let refused = |sub| {
            Finding::indeterminate(RULE, CLAUSE, sub)
                .of(name.clone())
                .with("control_time", above)
        };
        let existed = poe.certificate(certificate);
        if existed > control {
            return Err(refused(SubIndication::NoPoe).with("existed_by", existed));
        }
        let mut step = Finding::passed(RULE, CLAUSE).of(name.clone());
        let (mut crls, mut ocsp) = (Vec::new(), Vec::new());
        if context.policy.revocation == Revocation::Require {
            let known = known_by(context, poe, control);
            let evidence = known.as_ref().unwrap_or(context.evidence);
            let found = past_status(context, chain, place, purpose, evidence, control);
            let Some((status, fresh)) = found else {
                return Err(refused(SubIndication::NoPoe).with("status", "not proved"));
            };
            match status.standing {
                Standing::NotSince(since) => {
                    // At the instant itself it is revoked.
                    control = control.min(since.plus(-1));
                    step = step.with("revocation_date", since);
                }
                Standing::GoodBy(made) if !fresh => {
                    control = control.min(made);
                    step = step.with("this_update", made);
                }
                _ => {}
            }
            (crls, ocsp) = (status.crls, status.ocsp);
        }
        match acceptance::link_until(certificate, issuer, &crls, &ocsp, context.policy) {
            Acceptance::Always => {}
            Acceptance::Until(end) => {
                if end < control {
                    step = step.with("until", end);
                }
                control = control.min(end);
            }
            Acceptance::Never => {
                return Err(refused(SubIndication::CryptoConstraintsFailureNoPoe));
            }
        }
        steps.push(step.with("control_time", control));
    }
    Ok((control, steps))
}

/// The evidence that is proved to have existed by `control`; `None` where that is all of it.
fn known_by(context: &Context<'_>, poe: &Poe, control: UnixTime) -> Option<Evidence> {
    if control >= context.now {
        return None;
    }
    let mut known = Evidence::new();
    for certificate in context.evidence.certificates() {
        // Of signers of lists and responses; each is judged with its own path.
        known.add_certificate(certificate.clone());
    }
    let crls = context.evidence.crls().iter();
    for crl in crls.filter(|c| poe.crl(c) <= control) {
        known.add_crl(crl.clone());
    }
    let responses = context.evidence.ocsp().iter();
    for response in responses.filter(|r| poe.ocsp(r) <= control) {
        known.add_ocsp(response.clone());
    }
    Some(known)
}

/// What is known of a status by `control` from information made before it, and whether that is
/// fresh for that time (5.6.2.2.4, step 2 (a) to (c)).
fn past_status(
    context: &Context<'_>,
    chain: &[Certificate],
    place: usize,
    purpose: KeyPurpose,
    evidence: &Evidence,
    control: UnixTime,
) -> Option<(Status, bool)> {
    let required = RevocationChecking::Required;
    let inputs = context.path_inputs(control, evidence, required, purpose);
    let made = status_instants(chain, place, &inputs);
    let earlier = made.into_iter().filter(|t| *t < control);
    let times = core::iter::once(control).chain(earlier.take(MAX_INSTANTS));
    for at in times {
        let status = context.status(chain, place, at, evidence, purpose)?;
        if status.standing != Standing::Unknown {
            return Some((status, at == control));
        }
    }
    None
}
