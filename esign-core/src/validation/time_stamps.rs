//! Validation of the time-stamps of a signature, EN 319 102-1 clauses 5.4 and 5.6.3, and the order in
//! which they must have been made.

use super::acceptance::Own;
use super::poe::Poe;
use super::report::TimestampReport;
use super::trust::{Context, Signed, Trust};
use super::{Covered, Signature, TimestampKind};
use crate::evidence::Evidence;
use crate::path::KeyPurpose;
use crate::report::{Finding, Indication, SubIndication};
use crate::time::UnixTime;
use crate::tsp;
use crate::x509::Certificate;

/// Most time-stamps of one signature that are validated. One that was renewed every three years for a
/// century has some forty.
pub const MAX_TIMESTAMPS: usize = 64;

/// The time-stamps of a signature as tokens: what they prove by themselves, whoever made them.
pub(super) struct Tokens {
    /// By their place in the signature; none where a token does not verify.
    pub(super) verified: Vec<Option<tsp::Timestamp>>,
    findings: Vec<Vec<Finding>>,
}

/// What came out of their validation.
pub(super) struct Judged {
    pub(super) reports: Vec<TimestampReport>,
    pub(super) poe: Poe,
    /// When a content-time-stamp proves that the signature was not there yet.
    pub(super) after: Option<UnixTime>,
    /// What the signature has of it: a wrong order, what was not looked at.
    pub(super) findings: Vec<Finding>,
    /// The paths of the authorities, in the order of the reports; empty where a token did not verify.
    pub(super) paths: Vec<Vec<Certificate>>,
    /// What the verdicts over them rest on.
    pub(super) used: Evidence,
}

impl Tokens {
    /// Verifies every token over what it ought to stamp (5.4.4, cryptography and binding).
    pub(super) fn verify(signature: &Signature, others: &[Certificate]) -> Self {
        let stamps = signature.timestamps.iter().take(MAX_TIMESTAMPS);
        let (verified, findings) = stamps
            .map(|t| {
                let judged = t.verify(others);
                let placed = Finding::worst(&t.findings) == Indication::Passed;
                (judged.value.filter(|_| placed), judged.report)
            })
            .unzip();
        Self { verified, findings }
    }

    /// Validates each, the latest first, so that those before it may rest on what it proves to have
    /// existed (5.6.3.4, step 4; rule 27).
    pub(super) fn judge(&self, signature: &Signature, context: &Context<'_>) -> Judged {
        let mut poe = Poe::new(signature, context.now);
        let mut order: Vec<usize> = (0..self.verified.len()).collect();
        let time = |place: &usize| self.token(*place).map(gen_time);
        order.sort_by_key(|place| core::cmp::Reverse((time(place), *place)));
        let mut reports: Vec<Option<TimestampReport>> = vec![None; self.verified.len()];
        let (mut after, mut used) = (None, Evidence::new());
        let mut paths: Vec<Vec<Certificate>> = vec![Vec::new(); self.verified.len()];
        for place in order {
            let Some(stamp) = signature.timestamps.get(place) else {
                continue;
            };
            let mut findings = self.findings.get(place).cloned().unwrap_or_default();
            findings.extend(stamp.findings.iter().cloned());
            let token = self.token(place);
            let sound = Finding::worst(&findings) == Indication::Passed;
            if let Some(token) = token {
                let trust = judge_one(place, stamp.kind, token, &poe, context);
                findings.extend(trust.findings);
                for crl in trust.crls {
                    used.add_crl(crl);
                }
                for response in trust.ocsp {
                    used.add_ocsp(response);
                }
                for certificate in &trust.chain {
                    used.add_certificate(certificate.clone());
                }
                if let Some(path) = paths.get_mut(place) {
                    *path = trust.chain;
                }
                let at = gen_time(token);
                if at > context.now {
                    let sub = SubIndication::TimestampOrderFailure;
                    findings.push(
                        Finding::indeterminate("tsp.from-the-future", "EN 319 102-1 5.4.4", sub)
                            .with("at", context.now)
                            .with("gen_time", at),
                    );
                }
                if sound && Finding::worst(&findings) == Indication::Passed {
                    poe.extract(&stamp.covers, &self.verified, context.policy, at);
                    if stamp.kind == TimestampKind::Content {
                        after = after.max(Some(at));
                    }
                }
            }
            if let Some(report) = reports.get_mut(place) {
                *report = Some(TimestampReport::new(stamp, token, findings));
            }
        }
        let mut findings: Vec<Finding> = self.order(signature).into_iter().collect();
        let left = signature.timestamps.len().saturating_sub(MAX_TIMESTAMPS);
        if left > 0 {
            findings.push(
                Finding::remark("signature.timestamps.not-all", "EN 319 102-1 5.6.3")
                    .with("limit", MAX_TIMESTAMPS)
                    .with("found", signature.timestamps.len()),
            );
        }
        Judged {
            reports: reports.into_iter().flatten().collect(),
            poe,
            after,
            findings,
            paths,
            used,
        }
    }

    pub(super) fn token(&self, place: usize) -> Option<&tsp::Timestamp> {
        self.verified.get(place).and_then(Option::as_ref)
    }

    /// Rule 26: what is stamped was there before its stamp; the content before the signature, the
    /// signature before what is over it (5.5.4, step 5).
    fn order(&self, signature: &Signature) -> Option<Finding> {
        let read = |place: usize| {
            let stamp = signature.timestamps.get(place)?;
            Some((place, stamp, self.token(place)?))
        };
        let all: Vec<_> = (0..self.verified.len()).filter_map(read).collect();
        for (place, earlier, first) in &all {
            for (_, later, second) in &all {
                let before = later.covers.contains(&Covered::Timestamp(*place))
                    || (earlier.kind == TimestampKind::Content
                        && later.kind != TimestampKind::Content);
                // Two clocks are held against each other by their accuracies.
                if before && second.existed_by() < first.gen_time().time {
                    let sub = SubIndication::TimestampOrderFailure;
                    let (rule, clause) = ("signature.timestamp-order", "EN 319 102-1 5.5.4");
                    return Some(
                        Finding::indeterminate(rule, clause, sub)
                            .of(signature.name.clone())
                            .with("earlier", earlier.kind.name())
                            .with("earlier_time", first.gen_time().time)
                            .with("later", later.kind.name())
                            .with("later_time", second.gen_time().time),
                    );
                }
            }
        }
        None
    }
}

/// Trust in the authority of one token (5.4.4).
fn judge_one(
    place: usize,
    kind: TimestampKind,
    token: &tsp::Timestamp,
    poe: &Poe,
    context: &Context<'_>,
) -> Trust {
    let proved = poe.token(place);
    let signed = Signed {
        own: Own::of_token(format!("time-stamp {} ({})", place + 1, kind.name()), token),
        certificate: token.signer(),
        purpose: KeyPurpose::TimeStamping,
        proved: (proved < context.now).then_some(proved),
        after: None,
    };
    let mut trust = context.judge(&signed, poe);
    // RFC 3161 4 (3): made while the certificate was in force.
    let at = gen_time(token);
    if !token.signer().is_valid_at(at) {
        let sub = SubIndication::SigConstraintsFailure;
        trust.findings.push(
            Finding::indeterminate("tsp.certificate-valid", "RFC 3161 4", sub)
                .with("gen_time", at)
                .with("not_before", token.signer().not_before())
                .with("not_after", token.signer().not_after()),
        );
    }
    trust
}

/// The generation time, in whole seconds. What a part of a second would add makes no difference: the
/// dates that it is held against are whole, and revoked at the same second counts as before.
fn gen_time(token: &tsp::Timestamp) -> UnixTime {
    token.gen_time().time
}
