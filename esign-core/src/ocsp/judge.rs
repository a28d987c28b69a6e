use super::{BasicResponse, CertStatus, Nonce, SingleResponse};
use crate::crl::RevocationReason;
use crate::keys::PublicKey;
use crate::oid;
use crate::report::{Finding, Indication, Judged, SubIndication};
use crate::time::UnixTime;
use crate::x509::{Certificate, KeyUsage};

/// How far the responder's clock may be ahead, in seconds. RFC 5019 4 leaves the number open;
/// OpenSSL's is the same.
pub const CLOCK_TOLERANCE: i64 = 300;
/// How old, in seconds, a response may be that does not say when the next one comes. RFC 6960
/// 4.2.2.1 has it that newer information is there at all times; so a day is generous.
pub const MAX_AGE_WITHOUT_NEXT_UPDATE: i64 = 24 * 3600;

/// Most certificates that are tried for the key of one response. Two hold at a key change.
pub const MAX_RESPONDERS: usize = 4;

/// Does a signature check, or knows its outcome: digest of what is signed with its signature, the
/// key, the check itself.
pub(crate) type Verify<'v> = &'v mut dyn FnMut([u8; 32], &PublicKey, &dyn Fn() -> bool) -> bool;

/// What is asked of a response.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// Whose status is asked for.
    pub certificate: &'a Certificate,
    /// Who issued it.
    pub issuer: &'a Certificate,
    /// The time asked about.
    pub at: UnixTime,
    /// The nonce that was sent, where it must come back.
    pub nonce: Option<&'a Nonce>,
}

/// What a response says that may be relied on.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status: good or revoked, on hold included, at the time asked about.
    pub status: CertStatus,
    /// When that was known to be so.
    pub this_update: UnixTime,
    /// Who signed, where it is not the issuer itself. It has the issuer's word for signing
    /// responses; whether it is valid otherwise, and not revoked, is left to whoever asks.
    pub delegate: Option<Certificate>,
}

/// Judges what `response` says of a certificate. `others` are certificates among which a
/// delegated responder's may be, besides those in the response.
///
/// There is a value where the answer may be relied on, be it good, revoked or on hold; a report
/// that did not pass says of what it told, or why it is no answer.
///
/// # Source
/// RFC 6960 3.2, 4.2.2.
pub fn judge(
    response: &BasicResponse,
    question: &Question<'_>,
    others: &[Certificate],
) -> Judged<Answer> {
    judge_with(response, question, others, &mut |_, _, check| check())
}

/// As [`judge`], with signature checks that the caller counts.
pub(crate) fn judge_with(
    response: &BasicResponse,
    question: &Question<'_>,
    others: &[Certificate],
    verify: Verify<'_>,
) -> Judged<Answer> {
    let mut report = Vec::new();
    let single = match about(response, question) {
        Ok((single, finding)) => {
            report.push(finding);
            single
        }
        Err(finding) => return refused(report, finding),
    };
    let unprocessed = response.unprocessed().or(single.unprocessed);
    report.push(match unprocessed {
        None => Finding::passed("ocsp.critical-extensions", "RFC 6960 4.4"),
        Some(oid) => {
            no("ocsp.critical-extensions", "RFC 6960 4.4").with("not_processed", oid.to_string())
        }
    });
    if let Some(sent) = question.nonce {
        report.push(nonce(response, sent));
    }
    let delegate = match authorised(response, question.issuer, others, verify) {
        Ok((delegate, finding)) => {
            report.push(finding);
            delegate
        }
        Err(finding) => return refused(report, finding),
    };
    // Revocation is final: any genuine response proves it, however old.
    let final_word = matches!(single.status, CertStatus::Revoked { at, reason }
        if at <= question.at && reason.is_none_or(RevocationReason::is_final));
    if !final_word {
        report.push(current(response, single, question.at));
        report.extend(cutoff(single, question));
    }
    let usable = Finding::worst(&report) == Indication::Passed;
    let (status, finding) = told(response, single, question.at);
    report.push(finding);
    let value = status.filter(|_| usable).map(|status| Answer {
        status,
        this_update: single.this_update,
        delegate,
    });
    Judged { value, report }
}

fn no(rule: &'static str, clause: &'static str) -> Finding {
    Finding::indeterminate(rule, clause, SubIndication::TryLater)
}

fn refused(mut report: Vec<Finding>, finding: Finding) -> Judged<Answer> {
    report.push(finding);
    Judged {
        value: None,
        report,
    }
}

/// The part that speaks of the certificate: of several, one that says revoked, or the latest.
fn about<'a>(
    response: &'a BasicResponse,
    question: &Question<'_>,
) -> Result<(&'a SingleResponse, Finding), Finding> {
    let (rule, clause) = ("ocsp.certificate", "RFC 6960 3.2 (1)");
    let mut nearest = "serial";
    let mut found: Option<&SingleResponse> = None;
    for single in response.singles() {
        match single.id.names(question.certificate, question.issuer) {
            Ok(()) => {
                let rank = |s: &SingleResponse| {
                    let revoked = matches!(s.status, CertStatus::Revoked { .. });
                    (revoked, s.this_update)
                };
                if found.is_none_or(|f| rank(f) < rank(single)) {
                    found = Some(single);
                }
            }
            Err("serial") => {}
            Err(part) => nearest = part,
        }
    }
    let asked = question.certificate.serial().to_string();
    if let Some(single) = found {
        return Ok((single, Finding::passed(rule, clause).with("serial", asked)));
    }
    let other = response.singles().first().map(|s| s.id.serial.to_string());
    Err(no(rule, clause)
        .with("serial", asked)
        .with("speaks_of", other.unwrap_or_default())
        .with("differs", nearest))
}

fn nonce(response: &BasicResponse, sent: &Nonce) -> Finding {
    let (rule, clause) = ("ocsp.nonce", "RFC 9654 2.1");
    let hex = |n: &Nonce| -> String { n.as_bytes().iter().map(|b| format!("{b:02x}")).collect() };
    let finding = match response.nonce() {
        Some(got) if got == sent => return Finding::passed(rule, clause),
        Some(got) => no(rule, clause).with("received", hex(got)),
        None => no(rule, clause).with("received", "absent"),
    };
    finding.with("sent", hex(sent))
}

/// Whether the response is signed by the issuer, or by someone to whom the issuer itself gave a
/// certificate for that; with that certificate, where it is not the issuer's.
///
/// # Errors
/// The finding that says why nobody authorised signed it.
///
/// # Source
/// RFC 6960 4.2.2.2: local configuration of other responders, its first way, is not offered.
fn authorised(
    response: &BasicResponse,
    issuer: &Certificate,
    others: &[Certificate],
    verify: Verify<'_>,
) -> Result<(Option<Certificate>, Finding), Finding> {
    let (rule, clause) = ("ocsp.responder", "RFC 6960 4.2.2.2");
    let signature = |signer: &Certificate, verify: Verify<'_>| {
        signer.public_key().is_ok_and(|key| {
            verify(response.sha256(), key, &|| {
                response.verify_signed_by(key).is_ok()
            })
        })
    };
    let broken = || {
        no("ocsp.signature", "RFC 6960 3.2 (2)")
            .with("verifies", false)
            .with("responder", response.responder().to_string())
    };
    let mut failed = None;
    if response.responder().is(issuer) {
        if signature(issuer, verify) {
            let name = issuer.subject().to_string();
            return Ok((None, Finding::passed(rule, clause).with("responder", name)));
        }
        failed = Some(broken());
    }
    let candidates = response
        .certificates()
        .iter()
        .chain(others)
        .filter(|c| *c != issuer && response.responder().is(c))
        .take(MAX_RESPONDERS);
    for candidate in candidates {
        let name = candidate.subject().to_string();
        let refusal = if let Err(why) = delegated(candidate, issuer, response.produced_at(), verify)
        {
            no(rule, clause).with("not_authorised", why)
        } else if signature(candidate, verify) {
            let finding = Finding::passed(rule, clause).with("responder", name);
            return Ok((Some(candidate.clone()), finding));
        } else {
            broken()
        };
        failed = Some(refusal.of(format!("responder {name}")));
    }
    Err(failed.unwrap_or_else(|| {
        no(rule, clause)
            .with("not_authorised", "its certificate is not at hand")
            .with("responder", response.responder().to_string())
    }))
}

/// Why `candidate` has not the issuer's word for signing responses.
fn delegated(
    candidate: &Certificate,
    issuer: &Certificate,
    produced_at: UnixTime,
    verify: Verify<'_>,
) -> Result<(), &'static str> {
    let purposes = candidate.ext_key_usage().ok().flatten().unwrap_or_default();
    // anyExtendedKeyUsage does not do: the clause asks for this purpose by name.
    if !purposes.contains(&oid::KP_OCSP_SIGNING) {
        return Err("extKeyUsage lacks id-kp-OCSPSigning");
    }
    let signs = candidate
        .key_usage()
        .is_ok_and(|u| u.is_none_or(|u| u.contains(KeyUsage::DIGITAL_SIGNATURE)));
    if !signs {
        return Err("keyUsage lacks digitalSignature");
    }
    if !candidate.issuer().matches(issuer.subject()) {
        return Err("not issued by the issuer of the certificate");
    }
    if !candidate.is_valid_at(produced_at) {
        return Err("not valid at producedAt");
    }
    let by_issuer = issuer.public_key().is_ok_and(|key| {
        verify(candidate.sha256(), key, &|| {
            candidate.verify_signed_by(key).is_ok()
        })
    });
    if !by_issuer {
        return Err("not signed with the key of the issuer of the certificate");
    }
    Ok(())
}

fn current(response: &BasicResponse, single: &SingleResponse, at: UnixTime) -> Finding {
    let (rule, clause) = ("ocsp.current", "RFC 6960 3.2 (5), 4.2.2.1");
    let latest = at.plus(CLOCK_TOLERANCE);
    let until = single
        .next_update
        .unwrap_or_else(|| single.this_update.plus(MAX_AGE_WITHOUT_NEXT_UPDATE));
    let fresh = single.this_update <= latest && response.produced_at() <= latest && at <= until;
    let finding = if fresh {
        Finding::passed(rule, clause)
    } else {
        no(rule, clause)
    };
    let finding = finding
        .with("at", at)
        .with("this_update", single.this_update)
        .with("produced_at", response.produced_at());
    match single.next_update {
        Some(next) => finding.with("next_update", next),
        None => finding.with("next_update", "absent"),
    }
}

/// An expired certificate may have been dropped from what the responder knows; that it is not is
/// what archiveCutoff says.
fn cutoff(single: &SingleResponse, question: &Question<'_>) -> Option<Finding> {
    let (rule, clause) = ("ocsp.archive-cutoff", "RFC 6960 4.4.4");
    let expired = question.certificate.not_after();
    if single.this_update <= expired {
        return None;
    }
    Some(match single.archive_cutoff {
        Some(since) if since <= expired => Finding::passed(rule, clause).with("since", since),
        Some(since) => no(rule, clause)
            .with("not_after", expired)
            .with("since", since),
        None => no(rule, clause)
            .with("not_after", expired)
            .with("since", "absent"),
    })
}

/// What is said of the time asked about; a revocation after it is none yet.
fn told(
    response: &BasicResponse,
    single: &SingleResponse,
    asked: UnixTime,
) -> (Option<CertStatus>, Finding) {
    let (rule, clause) = ("ocsp.status", "RFC 6960 2.2");
    let good = || {
        let finding = Finding::passed(rule, clause).with("status", "good");
        (Some(CertStatus::Good), finding)
    };
    match single.status {
        CertStatus::Good => good(),
        CertStatus::Unknown => (None, no(rule, clause).with("status", "unknown")),
        CertStatus::Revoked { at, .. } if at > asked => good(),
        CertStatus::Revoked { at, reason } => {
            let held = reason == Some(RevocationReason::CertificateHold);
            let reason = reason.unwrap_or(RevocationReason::Unspecified);
            let sub = if held {
                SubIndication::TryLater
            } else {
                SubIndication::RevokedNoPoe
            };
            let finding = Finding::indeterminate(rule, clause, sub)
                .with("status", "revoked")
                .with("revocation_date", at)
                .with("reason", reason.name());
            // RFC 6960 2.2: this is how a certificate that was never issued is told of.
            let never = response.extended_revoke() && held && at == UnixTime::from_seconds(0);
            let finding = if never {
                finding.with("not_issued", true)
            } else {
                finding
            };
            (Some(single.status), finding)
        }
    }
}
