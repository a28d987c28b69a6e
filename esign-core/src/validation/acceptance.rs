//! Signature acceptance validation, EN 319 102-1 clause 5.2.8: whether the algorithms may be relied
//! on at the time for which existence is proved (rule 35).

use super::{ObjectDigest, Signature};
use crate::crl::Crl;
use crate::keys::DigestAlgorithm;
use crate::ocsp::BasicResponse;
use crate::policy::{Acceptance, Policy};
use crate::report::{Finding, SubIndication};
use crate::time::UnixTime;
use crate::tsp;
use crate::x509::Certificate;

/// The algorithms of what is signed itself, its signer's key included.
pub(super) struct Own {
    /// How findings name it.
    pub(super) name: String,
    /// Every digest on which it rests.
    pub(super) digests: Vec<DigestAlgorithm>,
}

impl Own {
    /// Those of a signature: of its value, its objects, its reference to the certificate.
    ///
    /// SHA-1 in the *reference* is what signing-certificate (v1) has; the certificate is bound by the
    /// key that verifies besides. It is judged with the others all the same.
    pub(super) fn of_signature(signature: &Signature) -> Self {
        let value = signature.value.algorithm.iter().map(|a| a.digest());
        let objects = signature.objects.iter().filter_map(|o| match &o.digest {
            ObjectDigest::Intact(d) | ObjectDigest::Broken { signed: d, .. } => Some(d.algorithm()),
            _ => None,
        });
        let reference = signature.signing_certificate.first();
        let reference = reference.and_then(|r| r.digest.as_ref().ok());
        Self {
            name: signature.name.clone(),
            digests: value
                .chain(objects)
                .chain(reference.map(|d| d.algorithm()))
                .collect(),
        }
    }

    /// Those of a time-stamp: of its imprint and of its signature.
    pub(super) fn of_token(name: String, timestamp: &tsp::Timestamp) -> Self {
        let signers = timestamp.token().signers().iter();
        let signature = signers.filter_map(|s| s.signature_algorithm.as_ref().ok());
        let imprint = timestamp.imprint().algorithm();
        Self {
            name,
            digests: core::iter::once(imprint)
                .chain(signature.map(|a| a.digest()))
                .collect(),
        }
    }

    /// Judges them and the signer's key at `at`.
    pub(super) fn judge(
        &self,
        certificate: &Certificate,
        policy: &Policy,
        at: UnixTime,
    ) -> Vec<Finding> {
        let mut used = Used::new(policy, at);
        for digest in &self.digests {
            used.digest(*digest, &self.name);
        }
        used.key(certificate, &self.name);
        used.findings
    }

    /// Up to when all of them may be relied on.
    pub(super) fn until(&self, certificate: &Certificate, policy: &Policy) -> Acceptance {
        let digests = self.digests.iter().map(|d| policy.digest_acceptance(*d));
        let key = certificate.public_key().ok();
        let key = key.map(|k| policy.key_acceptance(k.algorithm()));
        earliest(digests.chain(key))
    }
}

/// Judges at `at` what a path rests on. The anchor is trusted as it is: its key counts, what it
/// signed of itself does not.
pub(super) fn path(
    chain: &[Certificate],
    crls: &[Crl],
    ocsp: &[BasicResponse],
    policy: &Policy,
    at: UnixTime,
) -> Vec<Finding> {
    let mut used = Used::new(policy, at);
    for (subject, issuer) in chain.iter().zip(chain.iter().skip(1)) {
        if let Ok(algorithm) = subject.signature_algorithm() {
            used.digest(algorithm.digest(), &subject.subject().to_string());
        }
        used.key(issuer, &issuer.subject().to_string());
    }
    for crl in crls {
        if let Ok(algorithm) = crl.signature_algorithm() {
            let object = format!("CRL of {} of {}", crl.issuer(), crl.this_update());
            used.digest(algorithm.digest(), &object);
        }
    }
    for response in ocsp {
        if let Ok(algorithm) = response.signature_algorithm() {
            let object = format!(
                "OCSP response by {} of {}",
                response.responder(),
                response.produced_at()
            );
            used.digest(algorithm.digest(), &object);
        }
    }
    used.findings
}

/// Up to when a certificate of a path may be relied on, by what its issuer signed it with, and the
/// lists and responses that show its status.
pub(super) fn link_until(
    subject: &Certificate,
    issuer: &Certificate,
    crls: &[Crl],
    ocsp: &[BasicResponse],
    policy: &Policy,
) -> Acceptance {
    let own = subject.signature_algorithm().into_iter();
    let lists = crls.iter().filter_map(|c| c.signature_algorithm().ok());
    let responses = ocsp.iter().filter_map(|r| r.signature_algorithm().ok());
    let digests = own
        .chain(lists)
        .chain(responses)
        .map(|a| policy.digest_acceptance(a.digest()));
    let key = issuer.public_key().ok();
    let key = key.map(|k| policy.key_acceptance(k.algorithm()));
    earliest(digests.chain(key))
}

fn earliest(all: impl Iterator<Item = Acceptance>) -> Acceptance {
    all.fold(Acceptance::Always, |a, b| match (a, b) {
        (Acceptance::Never, _) | (_, Acceptance::Never) => Acceptance::Never,
        (Acceptance::Always, other) | (other, Acceptance::Always) => other,
        (Acceptance::Until(a), Acceptance::Until(b)) => Acceptance::Until(a.min(b)),
    })
}

/// The algorithms judged so far, each once for each object.
struct Used<'a> {
    policy: &'a Policy,
    at: UnixTime,
    findings: Vec<Finding>,
}

impl<'a> Used<'a> {
    fn new(policy: &'a Policy, at: UnixTime) -> Self {
        Self {
            policy,
            at,
            findings: Vec::new(),
        }
    }

    fn digest(&mut self, digest: DigestAlgorithm, object: &str) {
        let acceptance = self.policy.digest_acceptance(digest);
        self.judge("policy.digest", digest.to_string(), acceptance, object);
    }

    fn key(&mut self, certificate: &Certificate, object: &str) {
        let Ok(key) = certificate.public_key() else {
            return;
        };
        let acceptance = self.policy.key_acceptance(key.algorithm());
        let what = key.algorithm().to_string();
        self.judge("policy.key", what, acceptance, object);
    }

    fn judge(&mut self, rule: &'static str, what: String, acceptance: Acceptance, object: &str) {
        const CLAUSE: &str = "TS 119 312; EN 319 102-1 5.2.8";
        let finding = if acceptance.holds(self.at) {
            Finding::passed(rule, CLAUSE)
        } else {
            let sub = SubIndication::CryptoConstraintsFailureNoPoe;
            let finding = Finding::indeterminate(rule, CLAUSE, sub).with("at", self.at);
            match acceptance {
                Acceptance::Until(end) => finding.with("until", end),
                _ => finding.with("until", "never"),
            }
        };
        let finding = finding.with("algorithm", what).of(object.to_owned());
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }
}
