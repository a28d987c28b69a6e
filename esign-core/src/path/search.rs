use std::collections::HashMap;
use std::sync::Arc;

pub(super) use super::budget::Budget;
use super::budget::Limit;
use super::extensions::View;
use super::nearest::nearest;
use super::policy_graph::PolicyOutputs;
use super::record::{Record, broken};
use super::{
    Attempt, MAX_ATTEMPTS, MAX_CANDIDATES, MAX_NESTED, MAX_PATH_LEN, PathInputs, PolicyInputs,
    RevocationChecking, Searched, VerifiedPath, check, revocation,
};
use crate::keys::{KeyAlgorithm, PublicKey};
use crate::report::{Fact, Finding, Indication, Judged, SubIndication};
use crate::x509::Certificate;

/// A certificate of a path under construction, with what was decoded of it.
pub(super) struct Link<'a> {
    pub(super) certificate: &'a Certificate,
    pub(super) view: Arc<View>,
}

impl<'a> Link<'a> {
    fn of(certificate: &'a Certificate) -> Self {
        let view = View::of(certificate);
        Self { certificate, view }
    }
}

struct Search<'a, 'b> {
    inputs: &'a PathInputs<'a>,
    budget: &'b mut Budget,
    /// Whether what holds is written down, too, and the attempts kept.
    full: bool,
    /// Signature checks that may come again, by the addresses of child and issuer: leaf, evidence
    /// and anchors outlive the search.
    verified: HashMap<(usize, usize), bool>,
    best: Option<Best>,
    /// Where the longest incomplete path ended.
    dead_end: Option<(usize, Finding)>,
    attempts: Vec<Attempt>,
    attempts_left_out: usize,
}

/// The best complete path so far.
struct Best {
    finding: Finding,
    broken: usize,
    chain: Vec<Certificate>,
    rests_on: revocation::RestsOn,
    policies: PolicyOutputs,
}

/// Searches with a budget of its own.
pub(super) fn search(leaf: &Certificate, inputs: &PathInputs<'_>, full: bool) -> Searched {
    run(leaf, inputs, &mut Budget::new(full))
}

/// Searches and judges the path of a certificate on which the judgement of another path depends:
/// of who signed a revocation list or an OCSP response. It spends from the budget of that search.
///
/// No names and no policies are asked for, whatever `inputs` says. A certificate whose own path
/// is being searched is refused with `path.loop`: its status would rest on itself.
///
/// # Source
/// RFC 5280 6.3.3 (f).
pub(super) fn nested(
    leaf: &Certificate,
    inputs: &PathInputs<'_>,
    budget: &mut Budget,
) -> Judged<VerifiedPath> {
    let refused = |finding| Judged {
        value: None,
        report: vec![finding],
    };
    if budget.open.contains(leaf) {
        let sub = SubIndication::NoCertificateChainFound;
        let finding = Finding::indeterminate("path.loop", "RFC 5280 6.3.3 (f)", sub);
        return refused(finding.of(name_of(leaf)).with("certificate", name_of(leaf)));
    }
    if budget.open.len() >= MAX_NESTED {
        budget.reached(Limit::Nesting);
        return refused(Limit::Nesting.finding(inputs).of(name_of(leaf)));
    }
    let inputs = PathInputs {
        names: &[],
        policies: PolicyInputs::default(),
        max_depth: None,
        ..*inputs
    };
    run(leaf, &inputs, budget).judged
}

fn run(leaf: &Certificate, inputs: &PathInputs<'_>, budget: &mut Budget) -> Searched {
    let full = budget.reports();
    budget.open.push(leaf.clone());
    let mut search = Search {
        inputs,
        budget,
        full,
        verified: HashMap::new(),
        best: None,
        dead_end: None,
        attempts: Vec::new(),
        attempts_left_out: 0,
    };
    let link = Link::of(leaf);
    if inputs.anchors.contains(leaf) {
        search.judge(&[link]);
    } else {
        search.extend(&mut vec![link]);
    }
    let judged = search.judged(leaf);
    let searched = Searched {
        judged,
        attempts: search.attempts,
        attempts_left_out: search.attempts_left_out,
    };
    search.budget.open.pop();
    searched
}

impl<'a> Search<'a, '_> {
    fn judged(&mut self, leaf: &Certificate) -> Judged<VerifiedPath> {
        let exhausted = self.budget.exhausted();
        let limit = exhausted.map(|limit| limit.finding(self.inputs));
        match self.best.take() {
            Some(best) => {
                let passed = best.finding.outcome == Indication::Passed;
                let value = passed.then(|| VerifiedPath {
                    chain: best.chain,
                    crls: best.rests_on.crls,
                    ocsp: best.rests_on.ocsp,
                    policies: best.policies,
                    at: self.inputs.at,
                });
                let mut report = vec![best.finding];
                report.extend(limit.filter(|_| !passed));
                Judged { value, report }
            }
            None => {
                let mut finding = Finding::indeterminate(
                    "path.found",
                    "RFC 5280 6.1",
                    SubIndication::NoCertificateChainFound,
                )
                .of(name_of(leaf))
                .with("trust_anchors", self.inputs.anchors.certificates().len());
                finding
                    .children
                    .extend(self.dead_end.take().map(|(_, f)| f));
                finding.children.extend(limit);
                Judged {
                    value: None,
                    report: vec![finding],
                }
            }
        }
    }

    /// Tries every issuer of the last certificate; says whether a path that passes was found.
    fn extend(&mut self, chain: &mut Vec<Link<'a>>) -> bool {
        let Some(last) = chain.last().map(|link| link.certificate) else {
            return false;
        };
        if chain.len() >= MAX_PATH_LEN {
            self.budget.reached(Limit::PathLength);
            return false;
        }
        let mut refused = Vec::new();
        let mut tried = false;
        for Candidate {
            certificate: candidate,
            anchor,
        } in self.candidates(last)
        {
            if self.budget.candidate().is_err() {
                return false;
            }
            // The same name with the same key again leads in a circle (RFC 4158 5.2).
            let circle = |link: &Link<'_>| {
                let c = link.certificate;
                c.spki_der() == candidate.spki_der() && c.subject().matches(candidate.subject())
            };
            if chain.iter().any(circle) {
                if self.full {
                    let sub = SubIndication::NoCertificateChainFound;
                    let finding = Finding::indeterminate("path.loop", "RFC 4158 5.2", sub);
                    let name = name_of(candidate);
                    refused.push(finding.of(name.clone()).with("certificate", name));
                }
                continue;
            }
            if let Some(refusal) = self.refuses(last, candidate) {
                refused.extend(refusal);
                continue;
            }
            tried = true;
            chain.push(Link::of(candidate));
            let done = if anchor {
                self.judge(chain)
            } else {
                self.extend(chain)
            };
            let tried = chain.pop();
            if done {
                return true;
            }
            if let Some(link) = tried {
                let address_of = address(link.certificate);
                self.verified.insert((address(last), address_of), true);
            }
        }
        if self.full && !tried {
            self.ended(chain, last, refused);
        }
        false
    }

    /// Notes where an incomplete path ended, and why none of its candidates carried it on.
    fn ended(&mut self, chain: &[Link<'a>], last: &Certificate, refused: Vec<Finding>) {
        let longest = self.dead_end.as_ref().map_or(0, |(n, _)| *n);
        if chain.len() <= longest && self.attempts.len() >= MAX_ATTEMPTS {
            self.attempts_left_out += 1;
            return;
        }
        let mut finding = Finding::indeterminate(
            "path.issuer-found",
            "RFC 5280 6.1.3 (a)(4)",
            SubIndication::NoCertificateChainFound,
        )
        .of(name_of(last))
        .with("issuer", last.issuer().to_string())
        .with("candidates", refused.len());
        finding.children = refused;
        if finding.children.is_empty() {
            finding.children.extend(nearest(last, self.inputs));
        }
        self.note(chain.iter().map(|l| l.certificate), &finding);
        if chain.len() > longest {
            self.dead_end = Some((chain.len(), finding));
        }
    }

    /// Keeps a path that was tried.
    fn note<'c>(&mut self, chain: impl Iterator<Item = &'c Certificate>, finding: &Finding) {
        if !self.full {
            return;
        }
        if self.attempts.len() >= MAX_ATTEMPTS {
            self.attempts_left_out += 1;
            return;
        }
        self.attempts.push(Attempt {
            chain: chain.cloned().collect(),
            finding: finding.clone(),
        });
    }

    /// Certificates whose subject is the issuer of `child`, those first that are likely to lead on.
    fn candidates(&self, child: &Certificate) -> Vec<Candidate<'a>> {
        let inputs = self.inputs;
        let anchors = inputs.anchors.named(child.issuer()).map(|c| Candidate {
            certificate: c,
            anchor: true,
        });
        let others = inputs
            .evidence
            .named(child.issuer())
            .take(MAX_CANDIDATES + 1)
            .filter(|c| !inputs.anchors.contains(c))
            .map(|c| Candidate {
                certificate: c,
                anchor: false,
            });
        let mut all: Vec<Candidate<'a>> = anchors.chain(others).collect();
        if all.len() > 1 {
            let wanted = child.authority_key_identifier().ok().flatten();
            let wanted = wanted.unwrap_or_default();
            all.sort_by_cached_key(|c| {
                let own = c.certificate.subject_key_identifier().ok().flatten();
                // RFC 4158 3.5.12: an identifier that matches, then one that cannot be compared,
                // then one that does not match.
                let key = match (wanted.key_identifier.as_deref(), own) {
                    (Some(a), Some(b)) if a == b => 0u8,
                    (Some(_), Some(_)) => 2,
                    _ => 1,
                };
                let serial = wanted
                    .serial
                    .as_ref()
                    .is_some_and(|s| s != c.certificate.serial());
                // 3.5.3 and 3.5.1: what could not be in a valid path comes late.
                let invalid = !c.anchor && !c.certificate.is_valid_at(inputs.at);
                let basic = c.certificate.basic_constraints();
                let no_authority = !basic.is_ok_and(|b| b.is_some_and(|b| b.ca));
                // 3.5.2: close to an anchor.
                let far = !c.anchor
                    && inputs
                        .anchors
                        .named(c.certificate.issuer())
                        .next()
                        .is_none();
                let newest = core::cmp::Reverse(c.certificate.not_before());
                (key, invalid, no_authority, serial, !c.anchor, far, newest)
            });
        }
        all
    }

    /// Why `issuer` cannot have signed `child`; `None` where it has. The inner value is there
    /// where a report is wanted.
    #[expect(clippy::option_option, reason = "refused, and told or not")]
    fn refuses(&mut self, child: &Certificate, issuer: &Certificate) -> Option<Option<Finding>> {
        let pair = (address(child), address(issuer));
        let verified = match self.verified.get(&pair) {
            Some(known) => Some(*known),
            None => match (child.signature_algorithm(), issuer.public_key()) {
                // Known only once the path is complete: see `inherit`.
                (Ok(_), Ok(key)) if key.needs_parameters() => return None,
                (Ok(_), Ok(key)) => {
                    let paid = self.budget.signature().is_ok();
                    paid.then(|| child.verify_signed_by(key).is_ok())
                }
                _ => Some(false),
            },
        };
        if verified == Some(false) {
            self.verified.insert(pair, false);
        }
        if verified == Some(true) {
            return None;
        }
        Some(self.full.then(|| {
            let finding = Finding::indeterminate(
                "path.signature",
                "RFC 5280 6.1.3 (a)(1)",
                SubIndication::NoCertificateChainFound,
            )
            .of(name_of(issuer));
            match (child.signature_algorithm(), issuer.public_key(), verified) {
                (Err(e), _, _) => finding.with("algorithm", e.to_string()),
                (_, Err(e), _) => finding.with("key", e.to_string()),
                (_, _, None) => finding.with("limit", super::MAX_SIGNATURES),
                (Ok(algorithm), Ok(key), _) => finding
                    .with("verifies", false)
                    .with("algorithm", algorithm.to_string())
                    .with("candidate_key", key.algorithm().to_string()),
            }
        }))
    }

    /// The certificates of a complete path, DSA keys with the parameters that they inherit, and
    /// what speaks against a signature that could not be verified before
    /// (RFC 5280 6.1.4 (d) to (f)).
    fn inherit(&mut self, chain: &[Link<'a>]) -> (Vec<Certificate>, Option<Finding>) {
        let is_dsa = |key: &PublicKey| matches!(key.algorithm(), KeyAlgorithm::Dsa { .. });
        let mut working: Vec<Certificate> = Vec::with_capacity(chain.len());
        let mut refusal = None;
        for link in chain.iter().rev() {
            let own = link.certificate;
            let issuer = working.last().map(|c| (c, c.public_key()));
            let Some((issuer, Ok(key))) = issuer.filter(|(_, k)| k.is_ok_and(is_dsa)) else {
                working.push(own.clone());
                continue;
            };
            // A key that cannot take them stays without, and verifies nothing.
            let own = own.inheriting(key).unwrap_or_else(|_| own.clone());
            let received = chain.get(chain.len().saturating_sub(working.len()));
            let deferred = received
                .and_then(|link| link.certificate.public_key().ok())
                .is_some_and(PublicKey::needs_parameters);
            if deferred && !(self.budget.signature().is_ok() && own.verify_signed_by(key).is_ok()) {
                let finding = broken("path.signature", "RFC 5280 6.1.3 (a)(1)");
                refusal = Some(
                    finding
                        .of(name_of(&own))
                        .with("verifies", false)
                        .with("issuer", name_of(issuer)),
                );
            }
            working.push(own);
        }
        working.reverse();
        (working, refusal)
    }

    /// Judges a complete path, all signatures of which verify; says whether it passes.
    fn judge(&mut self, chain: &[Link<'a>]) -> bool {
        let checked = check::path(chain, self.inputs, self.budget, self.full);
        let (working, refusal) = self.inherit(chain);
        let mut rests_on = revocation::RestsOn::default();
        let mut children = Vec::new();
        let records = checked.records.into_iter().map(Record::into_findings);
        for (i, (certificate, found)) in working.iter().zip(records).enumerate() {
            let mut finding = Finding::passed("path.certificate", "RFC 5280 6.1.3");
            finding.children = found;
            let above = working.get(i + 1..).unwrap_or_default();
            if !above.is_empty() {
                let asked = revocation::Asked {
                    certificate,
                    above,
                    is_authority: i > 0,
                };
                let (status, shown_by) = revocation::check(asked, self.inputs, self.budget);
                rests_on.extend(shown_by);
                finding
                    .children
                    .push(if self.inputs.revocation == RevocationChecking::Available {
                        where_known(status)
                    } else {
                        status
                    });
            }
            summarise(&mut finding);
            if self.full || finding.outcome != Indication::Passed {
                children.push(finding.of(name_of(certificate)));
            }
        }
        children.extend(refusal);
        let mut finding = Finding::passed("path.found", "RFC 5280 6.1");
        if self.full {
            let name =
                |link: Option<&Link<'_>>| link.map_or_else(String::new, |l| name_of(l.certificate));
            finding = finding
                .of(name(chain.first()))
                .with("length", chain.len())
                .with("trust_anchor", name(chain.last()));
        }
        // From the leaf up, but what is broken for good comes before what is merely missing.
        children.sort_by_key(|f| weight(f.sub_indication));
        finding.children = children;
        summarise(&mut finding);
        let passed = finding.outcome == Indication::Passed;
        let broken = finding.children.iter().map(count_broken).sum::<usize>();
        self.note(chain.iter().map(|l| l.certificate), &finding);
        let worse = |best: &Best| (finding.outcome, broken) < (best.finding.outcome, best.broken);
        if self.best.as_ref().is_none_or(worse) {
            self.best = Some(Best {
                finding,
                broken,
                chain: working,
                rests_on,
                policies: checked.policies,
            });
        }
        passed
    }
}

struct Candidate<'a> {
    certificate: &'a Certificate,
    anchor: bool,
}

/// Tells certificates of one search apart: they stay where they are while it lasts.
fn address(certificate: &Certificate) -> usize {
    certificate.der().as_ptr().addr()
}

/// A status that is not known weighs nothing where only what is available counts.
fn where_known(status: Finding) -> Finding {
    let revoked = |(name, fact): &(&str, Fact)| *name == "revoked" && *fact == Fact::Flag(true);
    if status.outcome == Indication::Passed || status.because.iter().any(revoked) {
        return status;
    }
    Finding {
        outcome: Indication::Passed,
        sub_indication: None,
        remark: true,
        children: Vec::new(),
        ..status
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
fn count_broken(finding: &Finding) -> usize {
    if finding.children.is_empty() {
        usize::from(finding.outcome != Indication::Passed)
    } else {
        finding.children.iter().map(count_broken).sum()
    }
}

/// Takes outcome and sub-indication of a finding from what it rests on.
fn summarise(finding: &mut Finding) {
    finding.outcome = Finding::worst(&finding.children);
    finding.sub_indication = Finding::decisive(&finding.children).and_then(|f| f.sub_indication);
}

/// How findings name a certificate.
pub(super) fn name_of(certificate: &Certificate) -> String {
    format!(
        "certificate {} of {}",
        certificate.serial(),
        certificate.subject()
    )
}
