use super::{Answer, Asked, RestsOn, Told, Verdict};
use crate::crl::RevocationReason;
use crate::ocsp::{self, BasicResponse, CertStatus, Question, judge_with};
use crate::path::search::{Budget, name_of, nested};
use crate::path::{KeyPurpose, PathInputs};
use crate::report::{Finding, SubIndication};
use crate::time::UnixTime;
use crate::trust::TrustAnchors;
use crate::x509::Certificate;

const RULE: &str = super::RULE;
const CLAUSE: &str = "RFC 6960 3.2";
/// Most responses that are asked about one certificate: so many of the latest, and as many of those
/// given first. Anybody can make some that look later than the genuine one; but whoever validates
/// gives his own evidence first. One that is current suffices.
const MAX_RESPONSES: usize = 8;

/// Asks every response that speaks of the certificate, the latest first. One that says revoked
/// for good is believed whatever the others say.
///
/// # Source
/// RFC 6960 3.2.
pub(super) fn ask(asked: &Asked<'_>, inputs: &PathInputs<'_>, budget: &mut Budget) -> Told {
    let mut told = Told::default();
    let Some(issuer) = asked.above.first() else {
        return told;
    };
    let responses = inputs.evidence.ocsp_for(asked.certificate, issuer);
    let mut responses: Vec<&BasicResponse> = responses.collect();
    let mut later = responses.split_off(responses.len().min(MAX_RESPONSES));
    later.sort_by_key(|r| core::cmp::Reverse(r.produced_at()));
    responses.extend(later.into_iter().take(MAX_RESPONSES));
    responses.sort_by_key(|r| core::cmp::Reverse(r.produced_at()));
    for response in responses {
        if budget.candidate().is_err() {
            break;
        }
        match one(response, asked, issuer, inputs, budget) {
            Ok(answer) => {
                let revoked = matches!(answer.verdict, Verdict::Revoked);
                let later = told.answer.as_ref().is_none_or(|a| a.made < answer.made);
                if revoked || later {
                    told.answer = Some(answer);
                }
                if revoked {
                    break;
                }
            }
            Err(finding) => told.unusable.push(finding),
        }
    }
    told
}

fn one(
    response: &BasicResponse,
    asked: &Asked<'_>,
    issuer: &Certificate,
    inputs: &PathInputs<'_>,
    budget: &mut Budget,
) -> Result<Answer, Finding> {
    let question = Question {
        certificate: asked.certificate,
        issuer,
        at: inputs.at,
        nonce: None,
    };
    let others: Vec<Certificate> = inputs
        .evidence
        .certificates()
        .iter()
        .filter(|c| c.issuer().matches(issuer.subject()) && response.responder().is(c))
        .take(ocsp::MAX_RESPONDERS)
        .cloned()
        .collect();
    let judged = judge_with(response, &question, &others, &mut |object, key, check| {
        budget.verify(object, key, check) == Some(true)
    });
    let Some(answer) = judged.value else {
        let decisive = Finding::decisive(&judged.report).cloned();
        return Err(decisive.unwrap_or_else(|| {
            Finding::indeterminate("ocsp.status", CLAUSE, SubIndication::TryLater)
        }));
    };
    let (verdict, at) = match answer.status {
        CertStatus::Revoked { reason, .. } if reason.is_none_or(RevocationReason::is_final) => {
            // However old the response is: what counts is that the responder was valid then.
            (Verdict::Revoked, response.produced_at())
        }
        CertStatus::Revoked { .. } | CertStatus::Unknown => (Verdict::Held, inputs.at),
        CertStatus::Good => (Verdict::Good, inputs.at),
    };
    let mut rests_on = RestsOn {
        crls: Vec::new(),
        ocsp: vec![response.clone()],
    };
    if let Some(delegate) = &answer.delegate {
        rests_on.extend(path_of(delegate, at, asked, inputs, budget)?);
    }
    let finding = finding(&verdict, &answer.status, asked)
        .with("this_update", answer.this_update)
        .with("responder", response.responder().to_string());
    Ok(Answer {
        verdict,
        since: match answer.status {
            CertStatus::Revoked { at, .. } => Some(at),
            _ => None,
        },
        made: answer.this_update,
        finding,
        rests_on,
    })
}

fn finding(verdict: &Verdict, status: &CertStatus, asked: &Asked<'_>) -> Finding {
    let sub = match verdict {
        Verdict::Good => return Finding::passed(RULE, CLAUSE).with("revoked", false),
        Verdict::Held => SubIndication::TryLater,
        Verdict::Revoked if asked.is_authority => SubIndication::RevokedCaNoPoe,
        Verdict::Revoked => SubIndication::RevokedNoPoe,
    };
    let finding = Finding::indeterminate(RULE, CLAUSE, sub).with("revoked", true);
    let CertStatus::Revoked { at, reason } = status else {
        return finding;
    };
    let reason = reason.unwrap_or(RevocationReason::Unspecified);
    finding
        .with("revocation_date", *at)
        .with("reason", reason.name())
}

/// What a path from the responder to the anchor of the path in question rests on. Its
/// own status is asked for unless it has `id-pkix-ocsp-nocheck`.
fn path_of(
    delegate: &Certificate,
    at: UnixTime,
    asked: &Asked<'_>,
    inputs: &PathInputs<'_>,
    budget: &mut Budget,
) -> Result<RestsOn, Finding> {
    let anchors: TrustAnchors = asked.above.last().cloned().into_iter().collect();
    let inputs = PathInputs {
        anchors: &anchors,
        purpose: KeyPurpose::OcspSigning,
        at,
        ..*inputs
    };
    let judged = nested(delegate, &inputs, budget);
    match judged.value {
        Some(path) => Ok(RestsOn::of(&path)),
        None => {
            let (rule, clause) = ("ocsp.responder-path", "RFC 6960 4.2.2.2.1");
            let mut finding = Finding::indeterminate(rule, clause, SubIndication::TryLater)
                .of(name_of(delegate))
                .with("responder", name_of(delegate));
            finding.children = judged.report;
            Err(finding)
        }
    }
}
