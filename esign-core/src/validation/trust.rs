//! Whether a certificate may be relied on for something that it signed: now (EN 319 102-1 clauses
//! 5.2.6 and 5.2.8), at a time that is proved (5.5), or by past validation (5.6.2).

use core::cell::Cell;

use super::acceptance::{self, Own};
use super::past;
use super::poe::Poe;
use crate::crl::Crl;
use crate::evidence::Evidence;
use crate::ocsp::BasicResponse;
use crate::path::{
    Attempt, KeyPurpose, PathInputs, RevocationChecking, Standing, Status, search_paths, status_of,
};
use crate::policy::{Policy, Revocation};
use crate::report::{Finding, Indication, SubIndication};
use crate::time::UnixTime;
use crate::trust::TrustAnchors;
use crate::x509::Certificate;

/// Most questions after the status of certificates at some time other than now, for one signature with
/// its time-stamps. What an adversary's evidence costs is bounded by it; a signature that was
/// renewed ten times, with three certificates in each path, asks some sixty.
const MAX_QUESTIONS: usize = 400;

/// All that the judgement of certificates depends on, for one signature.
pub(super) struct Context<'a> {
    /// Validation time.
    pub(super) now: UnixTime,
    pub(super) anchors: &'a TrustAnchors,
    pub(super) policy: &'a Policy,
    /// What the caller gave, the document carries, the time-stamps carry.
    pub(super) evidence: &'a Evidence,
    /// How many more questions after a past status are answered.
    pub(super) questions: Cell<usize>,
}

/// Something signed, the trust in whose signer is judged.
pub(super) struct Signed<'a> {
    pub(super) own: Own,
    pub(super) certificate: &'a Certificate,
    pub(super) purpose: KeyPurpose,
    /// Since when it is proved to exist, where a time-stamp proves it.
    pub(super) proved: Option<UnixTime>,
    /// When it was not there yet, where a content-time-stamp proves that.
    pub(super) after: Option<UnixTime>,
}

/// What was found about a signer.
pub(super) struct Trust {
    /// What weighs.
    pub(super) findings: Vec<Finding>,
    /// The path of the signer as far as it was found, leaf first.
    pub(super) chain: Vec<Certificate>,
    /// Whether the path ends at an anchor.
    pub(super) complete: bool,
    /// The lists and responses that it rests on, of a path that passed.
    pub(super) crls: Vec<Crl>,
    pub(super) ocsp: Vec<BasicResponse>,
}

impl<'a> Context<'a> {
    pub(super) fn new(
        now: UnixTime,
        anchors: &'a TrustAnchors,
        policy: &'a Policy,
        evidence: &'a Evidence,
    ) -> Self {
        Self {
            now,
            anchors,
            policy,
            evidence,
            questions: Cell::new(MAX_QUESTIONS),
        }
    }

    /// Inputs of a path at `at`, with evidence of its own.
    pub(super) fn path_inputs<'p>(
        &'p self,
        at: UnixTime,
        evidence: &'p Evidence,
        revocation: RevocationChecking,
        purpose: KeyPurpose,
    ) -> PathInputs<'p> {
        PathInputs::new(at, self.anchors, evidence, revocation, purpose)
    }

    /// The status of a certificate of a path at `at`.
    pub(super) fn status(
        &self,
        chain: &[Certificate],
        place: usize,
        at: UnixTime,
        evidence: &Evidence,
        purpose: KeyPurpose,
    ) -> Option<Status> {
        self.questions.set(self.questions.get().checked_sub(1)?);
        let required = RevocationChecking::Required;
        let inputs = self.path_inputs(at, evidence, required, purpose);
        Some(status_of(chain, place, &inputs))
    }

    /// Judges the signer of `signed`: by the basic process, and where that leaves open only what a
    /// proof of existence can settle, by the time that is proved and the proofs in `poe`.
    pub(super) fn judge(&self, signed: &Signed<'_>, poe: &Poe) -> Trust {
        let basic = self.basic(signed);
        if Finding::worst(&basic.findings) == Indication::Passed {
            return basic;
        }
        if let Some(failed) = self.signed_too_late(signed, &basic) {
            return basic.with(failed);
        }
        let settles = |f: &Finding| f.sub_indication.is_some_and(past::is_about_time);
        let open = basic.findings.iter();
        let mut open = open.filter(|f| f.outcome != Indication::Passed);
        let Some(proved) = signed.proved.filter(|_| open.all(settles)) else {
            return basic;
        };
        if proved < signed.certificate.not_before() {
            // 5.5.4 (4) (c) (i).
            let (rule, clause) = ("certificate.not-yet-valid", "EN 319 102-1 5.5.4");
            let failed = Finding::failed(rule, clause, SubIndication::NotYetValid)
                .of(signed.own.name.clone())
                .with("best_signature_time", proved)
                .with("not_before", signed.certificate.not_before());
            return basic.with(failed);
        }
        if let Some(settled) = self.with_time(signed, &basic, proved) {
            return basic.settled(settled);
        }
        match past::validate(self, signed, poe, proved) {
            Ok(passed) => Trust {
                chain: passed.chain,
                complete: true,
                ..basic.settled(passed.finding)
            },
            // The indication stays that of the present (5.6.2.4.4 (3)); why the past does not help
            // is told besides.
            Err(why) => {
                let mut told = Finding::remark("certificate.past-validation", past::CLAUSE)
                    .of(signed.own.name.clone())
                    .with("proved", false);
                told.children.push(why);
                basic.with(told)
            }
        }
    }

    /// Path and algorithms at the time of validation (5.2.6, 5.2.8).
    fn basic(&self, signed: &Signed<'_>) -> Trust {
        let revocation = match self.policy.revocation {
            Revocation::Require => RevocationChecking::Required,
            Revocation::Ignore => RevocationChecking::Skipped,
        };
        let inputs = self.path_inputs(self.now, self.evidence, revocation, signed.purpose);
        let searched = search_paths(signed.certificate, &inputs);
        let mut findings = searched.judged.report;
        findings.extend(signed.own.judge(signed.certificate, self.policy, self.now));
        match searched.judged.value {
            Some(path) => {
                let (chain, crls, ocsp) = (path.chain(), path.crls(), path.ocsp());
                let used = acceptance::path(chain, crls, ocsp, self.policy, self.now);
                findings.extend(
                    used.into_iter()
                        .filter(|f| !findings.contains(f))
                        .collect::<Vec<_>>(),
                );
                Trust {
                    findings,
                    chain: path.chain().to_vec(),
                    complete: true,
                    crls: path.crls().to_vec(),
                    ocsp: path.ocsp().to_vec(),
                }
            }
            None => {
                let complete = |a: &&Attempt| {
                    a.chain
                        .last()
                        .is_some_and(|last| self.anchors.contains(last))
                };
                let attempts = searched.attempts.iter();
                let best = attempts.clone().find(complete);
                let longest = attempts.rev().max_by_key(|a| a.chain.len());
                let chain = best.or(longest).map(|a| a.chain.clone());
                Trust {
                    findings,
                    chain: chain.unwrap_or_else(|| vec![signed.certificate.clone()]),
                    complete: best.is_some(),
                    crls: Vec::new(),
                    ocsp: Vec::new(),
                }
            }
        }
    }

    /// What a content-time-stamp proves against the signature: that it was made when the certificate
    /// was revoked or expired already, or its algorithms were given up (5.3.4).
    fn signed_too_late(&self, signed: &Signed<'_>, basic: &Trust) -> Option<Finding> {
        const CLAUSE: &str = "EN 319 102-1 5.3.4";
        let after = signed.after?;
        let certificate = signed.certificate;
        if certificate.not_after() < after {
            let (rule, sub) = ("certificate.after-expiry", SubIndication::Expired);
            let finding = Finding::failed(rule, CLAUSE, sub).of(signed.own.name.clone());
            let finding = finding.with("not_after", certificate.not_after());
            return Some(finding.with("content_time_stamp", after));
        }
        if basic.complete {
            let status = self.status(&basic.chain, 0, self.now, self.evidence, signed.purpose);
            if let Some(Standing::NotSince(since)) = status.map(|s| s.standing)
                && since <= after
            {
                let (rule, sub) = ("certificate.after-revocation", SubIndication::Revoked);
                let finding = Finding::failed(rule, CLAUSE, sub).of(signed.own.name.clone());
                let finding = finding.with("revocation_date", since);
                return Some(finding.with("content_time_stamp", after));
            }
        }
        let until = signed.own.until(certificate, self.policy);
        (!until.holds(after)).then(|| {
            let sub = SubIndication::CryptoConstraintsFailure;
            Finding::indeterminate("certificate.after-algorithm", CLAUSE, sub)
                .of(signed.own.name.clone())
                .with("content_time_stamp", after)
        })
    }

    /// The process for signatures with time (5.5.4): the certificates are in force now but for
    /// what happened after the signature was proved to exist.
    fn with_time(&self, signed: &Signed<'_>, basic: &Trust, proved: UnixTime) -> Option<Finding> {
        let skipped = RevocationChecking::Skipped;
        let inputs = self.path_inputs(self.now, self.evidence, skipped, signed.purpose);
        let path = crate::path::find_path(signed.certificate, &inputs)?;
        let chain = path.chain();
        let sound = |findings: Vec<Finding>| Finding::worst(&findings) == Indication::Passed;
        // (d): the algorithms of the signature itself at the time that is proved. What is wrong with
        // those above it needs proofs of existence of their own.
        let own = signed.own.judge(signed.certificate, self.policy, proved);
        if !sound(own) {
            return None;
        }
        let mut settled = Finding::passed("certificate.at-proved-time", "EN 319 102-1 5.5.4")
            .of(signed.own.name.clone())
            .with("best_signature_time", proved);
        let (mut crls, mut ocsp) = (Vec::new(), Vec::new());
        for place in 0..chain.len().saturating_sub(1) {
            let status = if self.policy.revocation == Revocation::Ignore {
                continue;
            } else {
                self.status_by(chain, place, signed.purpose, proved)?
            };
            crls.extend(status.crls);
            ocsp.extend(status.ocsp);
            settled.children.push(status.finding);
        }
        let used = acceptance::path(chain, &crls, &ocsp, self.policy, self.now);
        if !sound(used) {
            return None;
        }
        settled.children.extend(basic.findings.iter().cloned());
        Some(settled)
    }

    /// A status that shows that the certificate at `place` was not revoked by `proved`: revoked only
    /// later (a), (b); or shown not to be by information that is fresh for that time, or later
    /// (5.2.5).
    fn status_by(
        &self,
        chain: &[Certificate],
        place: usize,
        purpose: KeyPurpose,
        proved: UnixTime,
    ) -> Option<Status> {
        let required = RevocationChecking::Required;
        let inputs = self.path_inputs(self.now, self.evidence, required, purpose);
        let made = crate::path::status_instants(chain, place, &inputs);
        let later = made.into_iter().filter(|t| *t >= proved && *t <= self.now);
        let times = core::iter::once(self.now)
            .chain(later.take(past::MAX_INSTANTS))
            .chain(core::iter::once(proved));
        for at in times {
            let status = self.status(chain, place, at, self.evidence, purpose)?;
            match status.standing {
                Standing::NotNeeded => return Some(status),
                Standing::NotSince(since) if since > proved => return Some(status),
                Standing::NotSince(_) => return None,
                Standing::GoodBy(made) if made >= proved || at == proved => return Some(status),
                // Fresh now, but made before: whether revoked between is what freshness leaves open
                // for the present too.
                Standing::GoodBy(_) => return Some(status),
                Standing::Unknown => {}
            }
        }
        None
    }
}

impl Trust {
    fn with(mut self, finding: Finding) -> Self {
        self.findings.push(finding);
        self
    }

    fn settled(mut self, finding: Finding) -> Self {
        self.findings = vec![finding];
        self
    }
}
