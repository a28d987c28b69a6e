use std::collections::HashMap;

use super::{
    MAX_CANDIDATES, MAX_PATH_LEN, MAX_SIGNATURES, PathInputs, VerifiedPath, check, revocation,
};
use crate::crl::Crl;
use crate::keys::PublicKey;
use crate::report::{Finding, Indication, Judged, SubIndication};
use crate::x509::Certificate;

/// What one search may still spend, and what it has learned.
pub(super) struct Budget {
    signatures: usize,
    candidates: usize,
    /// Signature checks done: digest of what is signed with its signature, digest of the key.
    known: HashMap<([u8; 32], [u8; 32]), bool>,
    /// Which limit ended the search.
    exhausted: Option<&'static str>,
}

impl Budget {
    /// Whether `key` verifies the object with this digest; `None` where the budget is spent.
    pub(super) fn verify(
        &mut self,
        object: [u8; 32],
        key: &PublicKey,
        verify: impl FnOnce() -> bool,
    ) -> Option<bool> {
        let pair = (object, key.sha256_spki());
        if let Some(known) = self.known.get(&pair) {
            return Some(*known);
        }
        match self.signatures.checked_sub(1) {
            Some(rest) => self.signatures = rest,
            None => {
                self.exhausted = Some("signatures");
                return None;
            }
        }
        let holds = verify();
        self.known.insert(pair, holds);
        Some(holds)
    }
}

struct Search<'a> {
    inputs: &'a PathInputs<'a>,
    budget: Budget,
    /// The best complete path so far, and the lists it used.
    best: Option<(Finding, Vec<Certificate>, Vec<Crl>)>,
    /// Where the longest incomplete path ended.
    dead_end: Option<(usize, Finding)>,
}

pub(super) fn search(leaf: &Certificate, inputs: &PathInputs<'_>) -> Judged<VerifiedPath> {
    let mut search = Search {
        inputs,
        budget: Budget {
            signatures: MAX_SIGNATURES,
            candidates: MAX_CANDIDATES,
            known: HashMap::new(),
            exhausted: None,
        },
        best: None,
        dead_end: None,
    };
    if inputs.anchors.contains(leaf) {
        search.judge(core::slice::from_ref(leaf));
    } else {
        search.extend(&mut vec![leaf.clone()]);
    }
    let exhausted = search.budget.exhausted;
    match search.best {
        Some((finding, chain, crls)) => {
            let passed = finding.outcome == Indication::Passed;
            let value = passed.then(|| VerifiedPath {
                chain,
                crls,
                at: inputs.at,
            });
            let mut report = vec![finding];
            report.extend(exhausted.filter(|_| !passed).map(limit));
            Judged { value, report }
        }
        None => {
            let mut finding = Finding::indeterminate(
                "path.found",
                "RFC 5280 6.1",
                SubIndication::NoCertificateChainFound,
            )
            .of(name_of(leaf))
            .with("trust_anchors", inputs.anchors.certificates().len());
            finding.children.extend(search.dead_end.map(|(_, f)| f));
            finding.children.extend(exhausted.map(limit));
            Judged {
                value: None,
                report: vec![finding],
            }
        }
    }
}

impl Search<'_> {
    /// Tries every issuer of the last certificate; says whether a path that passes was found.
    fn extend(&mut self, chain: &mut Vec<Certificate>) -> bool {
        let Some(last) = chain.last().cloned() else {
            return false;
        };
        if chain.len() >= MAX_PATH_LEN {
            self.budget.exhausted = Some("path length");
            return false;
        }
        let mut refused = Vec::new();
        for (candidate, is_anchor) in self.candidates(&last) {
            match self.budget.candidates.checked_sub(1) {
                Some(rest) => self.budget.candidates = rest,
                None => {
                    self.budget.exhausted = Some("candidates");
                    return false;
                }
            }
            // The same name with the same key again leads in a circle (RFC 4158 5.2).
            let circle = |c: &Certificate| {
                c.spki_der() == candidate.spki_der() && c.subject().matches(candidate.subject())
            };
            if chain.iter().any(circle) {
                continue;
            }
            if let Some(refusal) = self.refuses(&last, &candidate) {
                refused.push(refusal);
                continue;
            }
            chain.push(candidate);
            let done = if is_anchor {
                self.judge(chain)
            } else {
                self.extend(chain)
            };
            chain.pop();
            if done {
                return true;
            }
        }
        let longest = self.dead_end.as_ref().map_or(0, |(n, _)| *n);
        if chain.len() > longest {
            let mut finding = Finding::indeterminate(
                "path.issuer-found",
                "RFC 5280 6.1.3 (a)(4)",
                SubIndication::NoCertificateChainFound,
            )
            .of(name_of(&last))
            .with("issuer", last.issuer().to_string())
            .with("candidates", refused.len());
            finding.children = refused;
            self.dead_end = Some((chain.len(), finding));
        }
        false
    }

    /// Certificates whose subject is the issuer of `child`; anchors first, and of both those first
    /// whose key identifier is the one that `child` names.
    fn candidates(&self, child: &Certificate) -> Vec<(Certificate, bool)> {
        let wanted = child
            .authority_key_identifier()
            .ok()
            .flatten()
            .and_then(|a| a.key_identifier);
        let anchors = self.inputs.anchors.named(child.issuer()).map(|c| (c, true));
        let others = self
            .inputs
            .evidence
            .named(child.issuer())
            .take(MAX_CANDIDATES + 1)
            .filter(|c| !self.inputs.anchors.contains(c))
            .map(|c| (c, false));
        let mut all: Vec<(u8, Certificate, bool)> = anchors
            .chain(others)
            .map(|(c, anchor)| {
                let own = c.subject_key_identifier().ok().flatten();
                let rank = match (wanted.as_deref(), own) {
                    (Some(a), Some(b)) if a == b => 0,
                    (Some(_), Some(_)) => 2,
                    _ => 1,
                };
                let invalid = u8::from(!anchor && !c.is_valid_at(self.inputs.at));
                (
                    rank * 4 + invalid * 2 + u8::from(!anchor),
                    c.clone(),
                    anchor,
                )
            })
            .collect();
        all.sort_by_key(|(rank, _, _)| *rank);
        all.into_iter().map(|(_, c, anchor)| (c, anchor)).collect()
    }

    /// Why `issuer` cannot have signed `child`; `None` where it has.
    fn refuses(&mut self, child: &Certificate, issuer: &Certificate) -> Option<Finding> {
        let finding = || {
            Finding::indeterminate(
                "path.signature",
                "RFC 5280 6.1.3 (a)(1)",
                SubIndication::NoCertificateChainFound,
            )
            .of(name_of(issuer))
        };
        if let Err(e) = child.signature_algorithm() {
            return Some(finding().with("algorithm", e.to_string()));
        }
        match issuer.public_key() {
            Err(e) => Some(finding().with("key", e.to_string())),
            Ok(key) => {
                let verify = || child.verify_signed_by(key).is_ok();
                match self.budget.verify(child.sha256(), key, verify) {
                    Some(true) => None,
                    Some(false) => Some(
                        finding()
                            .with("verifies", false)
                            .with("candidate_key", key.algorithm().to_string()),
                    ),
                    None => Some(finding().with("limit", MAX_SIGNATURES)),
                }
            }
        }
    }

    /// Judges a complete path, all signatures of which verify; says whether it passes.
    fn judge(&mut self, chain: &[Certificate]) -> bool {
        let mut children = check::path(chain, self.inputs);
        let mut crls = Vec::new();
        for (i, pair) in chain.windows(2).enumerate() {
            let [certificate, issuer] = pair else {
                continue;
            };
            let (status, crl) =
                revocation::check(certificate, issuer, i > 0, self.inputs, &mut self.budget);
            if let Some(finding) = children.get_mut(i) {
                finding.children.push(status);
                summarise(finding);
            }
            crls.extend(crl);
        }
        let mut finding = Finding::passed("path.found", "RFC 5280 6.1")
            .of(chain.first().map_or_else(String::new, name_of))
            .with("length", chain.len())
            .with(
                "trust_anchor",
                chain.last().map_or_else(String::new, name_of),
            );
        // From the leaf up, but what is broken for good comes before what is merely missing.
        children.sort_by_key(|f| weight(f.sub_indication));
        finding.children = children;
        summarise(&mut finding);
        let passed = finding.outcome == Indication::Passed;
        let worse = |f: &Finding| (f.outcome, f.children.iter().map(broken).sum::<usize>());
        if self
            .best
            .as_ref()
            .is_none_or(|(f, _, _)| worse(&finding) < worse(f))
        {
            self.best = Some((finding, chain.to_vec(), crls));
        }
        passed
    }
}

/// Order in which reasons decide the sub-indication of a path.
fn weight(sub: Option<SubIndication>) -> u8 {
    match sub {
        Some(SubIndication::TryLater) => 3,
        Some(SubIndication::OutOfBoundsNoPoe) => 2,
        Some(SubIndication::RevokedNoPoe | SubIndication::RevokedCaNoPoe) => 1,
        Some(_) => 0,
        None => 4,
    }
}

/// How many rules below do not hold.
fn broken(finding: &Finding) -> usize {
    if finding.children.is_empty() {
        usize::from(finding.outcome != Indication::Passed)
    } else {
        finding.children.iter().map(broken).sum()
    }
}

/// Takes outcome and sub-indication of a finding from what it rests on.
pub(super) fn summarise(finding: &mut Finding) {
    finding.outcome = Finding::worst(&finding.children);
    finding.sub_indication = Finding::decisive(&finding.children).and_then(|f| f.sub_indication);
}

fn limit(which: &'static str) -> Finding {
    let limit = match which {
        "signatures" => MAX_SIGNATURES,
        "candidates" => MAX_CANDIDATES,
        _ => MAX_PATH_LEN,
    };
    Finding::indeterminate(
        "path.budget",
        "RFC 4158 3.5",
        SubIndication::NoCertificateChainFound,
    )
    .with("exhausted", which)
    .with("limit", limit)
}

/// How findings name a certificate.
pub(super) fn name_of(certificate: &Certificate) -> String {
    format!(
        "certificate {} of {}",
        certificate.serial(),
        certificate.subject()
    )
}
