use std::collections::{HashMap, HashSet};

use super::issuer::{self, Signer};
use super::scope::Points;
use super::{Answer, Asked, CLAUSE, RULE, RestsOn, Told, Verdict, delta};
use crate::crl::{Crl, CrlEntry, ReasonFlags, RevocationReason};
use crate::oid;
use crate::path::budget::Limit;
use crate::path::extensions::View;
use crate::path::search::Budget;
use crate::path::{PathInputs, PathProfile};
use crate::report::{Finding, SubIndication};
use crate::time::UnixTime;
use crate::x509::Certificate;

/// Most signature checks that go to lists found not to be genuine before the rest is looked at in the
/// order in which it was given. Anybody can make lists that look later than the genuine one, and
/// certificates in the name of its issuer; but whoever validates gives his own evidence first. Half of
/// the checks that are left then go to the rest, so that some remain for the certificates above.
const MAX_FORGED: usize = 8;
/// Most locations of a missing delta that are told of.
const MAX_LOCATIONS: usize = 4;
/// Most genuine lists that are looked for behind that many forged ones: one for each reason.
const MAX_GENUINE: usize = 9;

/// Asks every list that speaks of the certificate.
///
/// # Source
/// RFC 5280 6.3.3, with the order of its lists made definite: the latest first, so that a hold
/// that was lifted is no longer seen; and with every genuine list asked whether the certificate is
/// revoked for good, since nothing undoes that.
pub(super) fn ask(asked: &Asked<'_>, inputs: &PathInputs<'_>, budget: &mut Budget) -> Told {
    let view = View::of(asked.certificate);
    let points = Points::of(&view);
    let (complete, deltas) = lists(&points, asked.certificate, inputs);
    let mut process = Process {
        asked,
        inputs,
        budget,
        points,
        signers: Vec::new(),
        forged: 0,
        covered: ReasonFlags::default(),
        made: None,
        held: None,
        rests_on: RestsOn::default(),
        missing: Vec::new(),
        unusable: Vec::new(),
    };
    let mut left = complete.iter();
    while process.forged < MAX_FORGED
        && let Some(crl) = left.next()
    {
        if process.budget.candidate().is_err() {
            break;
        }
        if let Some(revoked) = process.take(crl, &deltas) {
            return Told {
                answer: Some(revoked),
                unusable: Vec::new(),
            };
        }
    }
    for crl in process.genuine(left.as_slice()) {
        if let Some(revoked) = process.take(crl, &deltas) {
            return Told {
                answer: Some(revoked),
                unusable: Vec::new(),
            };
        }
    }
    let until = process.forged.saturating_add(MAX_FORGED);
    for delta in &deltas {
        if process.forged >= until {
            process.budget.reached(Limit::Forged);
            break;
        }
        if process.budget.candidate().is_err() {
            break;
        }
        if let Some(revoked) = process.alone(delta) {
            return Told {
                answer: Some(revoked),
                unusable: Vec::new(),
            };
        }
    }
    process.told()
}

/// The complete lists and the deltas of everyone who may issue lists about the certificate, the
/// latest first.
fn lists<'a>(
    points: &Points<'_>,
    certificate: &Certificate,
    inputs: &PathInputs<'a>,
) -> (Vec<&'a Crl>, Vec<&'a Crl>) {
    let mut all: Vec<&Crl> = inputs.evidence.crls_of(certificate.issuer()).collect();
    let mut asked = HashSet::new();
    for issuer in points.issuers() {
        if asked.insert(issuer.comparison_key()) && !issuer.matches(certificate.issuer()) {
            all.extend(inputs.evidence.crls_of(issuer));
        }
    }
    // RFC 5280 5.2.3: of two lists made within one second the number tells which supersedes.
    let number = |crl: &Crl| {
        let octets = crl.number().ok().flatten()?.as_bytes().to_vec();
        Some((octets.len(), octets))
    };
    all.sort_by(|a, b| {
        let by_time = b.this_update().cmp(&a.this_update());
        by_time.then_with(|| number(b).cmp(&number(a)))
    });
    let is_delta = |crl: &&Crl| crl.extensions().any(|e| e.oid == oid::DELTA_CRL_INDICATOR);
    let (deltas, complete) = all.into_iter().partition(is_delta);
    (complete, deltas)
}

/// The state of RFC 5280 6.3.2 for one certificate.
struct Process<'a, 'b, 'c> {
    asked: &'a Asked<'a>,
    inputs: &'a PathInputs<'b>,
    budget: &'c mut Budget,
    points: Points<'a>,
    /// Who signed each list, by its digest.
    signers: Vec<([u8; 32], Result<Signer, Finding>)>,
    /// Signature checks that went to lists found not to be signed by whom they must be.
    forged: usize,
    /// reasons_mask: for which reasons a current list says that the certificate is not revoked.
    covered: ReasonFlags,
    /// thisUpdate of the oldest list that was needed.
    made: Option<UnixTime>,
    held: Option<Answer>,
    rests_on: RestsOn,
    /// Where deltas are to be had that are not there.
    missing: Vec<String>,
    unusable: Vec<Finding>,
}

impl Process<'_, '_, '_> {
    /// Of `lists`, which begin with the latest, those that are genuine, current and speak of the
    /// certificate, looked for in the order in which they were given.
    fn genuine<'l>(&mut self, lists: &[&'l Crl]) -> Vec<&'l Crl> {
        let mut found: Vec<(usize, &Crl)> = Vec::new();
        if lists.is_empty() {
            return Vec::new();
        }
        let latest_first: HashMap<[u8; 32], usize> = lists
            .iter()
            .zip(0..)
            .map(|(crl, i)| (crl.sha256(), i))
            .collect();
        let share = self.budget.signatures_left() / 2;
        let until = self.forged.saturating_add(share);
        for crl in self.inputs.evidence.crls() {
            let Some(place) = latest_first.get(&crl.sha256()) else {
                continue;
            };
            if self.forged >= until {
                self.budget.reached(Limit::Forged);
                break;
            }
            if found.len() >= MAX_GENUINE || self.budget.candidate().is_err() {
                break;
            }
            if self.speaks(crl).is_ok() && self.signed(crl).is_ok() {
                found.extend(lists.get(*place).map(|crl| (*place, *crl)));
            }
        }
        found.sort_unstable_by_key(|(place, _)| *place);
        found.into_iter().map(|(_, crl)| crl).collect()
    }

    /// Takes in a complete list with the latest of `deltas`, which begin with the latest, that brings
    /// it up to date; gives the answer where that is final.
    fn take(&mut self, crl: &Crl, deltas: &[&Crl]) -> Option<Answer> {
        let reasons = match self.speaks(crl) {
            Ok(reasons) => reasons,
            Err(finding) => {
                self.unusable.push(finding);
                return None;
            }
        };
        let entry = self.find(crl)?;
        // (e): a list that adds nothing is not verified.
        let adds = !self.covered.contains(reasons);
        if entry.is_none() && !adds {
            return None;
        }
        if let Err(finding) = self.signed(crl) {
            self.unusable.push(finding);
            return None;
        }
        // (c), (h): a delta that is not usable or not of the same key leaves the list as it is.
        let delta = self.delta(deltas, crl);
        let changed = delta.and_then(|delta| self.find(delta)).flatten();
        let lifted = changed
            .as_ref()
            .is_some_and(|e| e.reason == Some(RevocationReason::RemoveFromCrl));
        let at = self.inputs.at;
        let changed = changed.filter(|e| e.revocation_date <= at);
        // (i), (j): the delta first, but nothing that it says undoes what is final. (k): what it
        // lifts is not revoked.
        let is_final = |e: &CrlEntry| e.reason_or_unspecified().is_final();
        let decisive = match (changed, lifted) {
            (_, true) => entry.filter(is_final),
            (Some(changed), false) => entry.filter(is_final).or(Some(changed)),
            (None, false) => entry,
        };
        if let Some(entry) = decisive.as_ref().filter(|e| is_final(e)) {
            return Some(self.revoked(entry, delta.unwrap_or(crl), crl));
        }
        let current = is_current(crl, at) || delta.is_some_and(|d| is_current(d, at));
        if crl.this_update() > at || !current {
            let finding = stale(delta.unwrap_or(crl), at);
            let missing = self.missing_delta(crl, delta);
            self.unusable.push(match missing {
                Some(missing) => finding.with("delta_missing", missing),
                None => finding,
            });
            return None;
        }
        let latest = delta.unwrap_or(crl);
        match decisive {
            Some(entry) if entry.reason == Some(RevocationReason::CertificateHold) => {
                let hold = ReasonFlags::of(RevocationReason::CertificateHold);
                // A later list may have lifted it.
                if self.held.is_none() && !self.covered.contains(hold) {
                    let finding = told(&entry, latest, SubIndication::TryLater);
                    self.held = Some(Answer {
                        verdict: Verdict::Held,
                        since: Some(since(&entry)),
                        made: latest.this_update(),
                        finding,
                        rests_on: self.rests_on(crl, delta),
                    });
                }
            }
            // Not on the list, or (k) only as removed from it.
            _ if adds => match self.forgets(crl) {
                Some(finding) => self.unusable.push(finding),
                None => {
                    // (l)
                    self.covered = self.covered | reasons;
                    let made = latest.this_update();
                    self.made = Some(self.made.map_or(made, |m| m.min(made)));
                    if self.budget.reports() {
                        let missing = self.missing_delta(crl, delta);
                        self.missing.extend(missing.into_iter().flatten());
                    }
                    let rests_on = self.rests_on(crl, delta);
                    self.rests_on.extend(rests_on);
                }
            },
            _ => {}
        }
        None
    }

    /// What a delta shows without a list to which it belongs: that the certificate is revoked for
    /// good, never that it is not.
    fn alone(&mut self, delta: &Crl) -> Option<Answer> {
        match self.speaks(delta) {
            Ok(_) => {}
            Err(finding) => {
                self.unusable.push(finding);
                return None;
            }
        }
        let entry = self.find(delta)??;
        if !entry.reason_or_unspecified().is_final() {
            return None;
        }
        match self.signed(delta) {
            Ok(()) => Some(self.revoked(&entry, delta, delta)),
            Err(finding) => {
                self.unusable.push(finding);
                None
            }
        }
    }

    /// For which reasons a list speaks of the certificate: what can be said without its signature.
    fn speaks(&self, crl: &Crl) -> Result<ReasonFlags, Finding> {
        let (rule, clause) = ("crl.extensions", "RFC 5280 5.2, 5.3");
        let processed = [oid::ISSUING_DISTRIBUTION_POINT, oid::DELTA_CRL_INDICATOR];
        let mut critical = crl.extensions().filter(|e| e.critical);
        if let Some(e) = critical.find(|e| !processed.contains(&e.oid)) {
            return Err(unusable(crl, rule, clause).with("not_processed", e.oid.to_string()));
        }
        if let Some(oid) = crl.unprocessed_entry_extension() {
            return Err(unusable(crl, rule, clause).with("entry_not_processed", oid.to_string()));
        }
        let known = crl.delta_base().and(crl.number());
        if let Err(e) = known {
            return Err(unusable(crl, rule, clause).with("malformed", e.to_string()));
        }
        if self.inputs.profile == PathProfile::Strict && matches!(crl.number(), Ok(None)) {
            let (rule, clause) = ("crl.number", "RFC 5280 5.2.3");
            return Err(unusable(crl, rule, clause).with("number", "absent"));
        }
        let (rule, clause) = ("crl.scope", "RFC 5280 6.3.3 (b)");
        let issuer = self.asked.certificate.issuer();
        let reasons = self
            .points
            .reasons(crl, issuer)
            .map_err(|why| unusable(crl, rule, clause).with("scope", why))?;
        let indirect = || {
            let point = crl.issuing_distribution_point();
            point.is_ok_and(|p| p.is_some_and(|p| p.indirect))
        };
        if crl.names_certificate_issuers() && !indirect() {
            let what = "certificateIssuer on a list that is not indirect";
            return Err(unusable(crl, rule, "RFC 5280 5.3.3").with("scope", what));
        }
        Ok(reasons)
    }

    /// The entry of the certificate, of those that hold at the time asked about or lift a hold;
    /// `None` where the list cannot be asked.
    #[expect(
        clippy::option_option,
        reason = "no answer, and the answer that there is none"
    )]
    fn find(&mut self, crl: &Crl) -> Option<Option<CrlEntry>> {
        let certificate = self.asked.certificate;
        match crl.find_of(certificate.issuer(), certificate.serial()) {
            Ok(entry) => Some(entry.filter(|e| {
                e.reason == Some(RevocationReason::RemoveFromCrl)
                    || e.revocation_date <= self.inputs.at
            })),
            Err(e) => {
                let finding = unusable(crl, "crl.entry", "RFC 5280 5.3");
                self.unusable.push(finding.with("malformed", e.to_string()));
                None
            }
        }
    }

    /// Whether the list is signed by whom it must be (f), (g).
    fn signed(&mut self, crl: &Crl) -> Result<(), Finding> {
        let digest = crl.sha256();
        if let Some(signer) = self.signer(digest) {
            return signer.as_ref().map(|_| ()).map_err(Clone::clone);
        }
        let subject = self.asked.certificate.subject();
        let own_list = self.points.name_issuer(subject);
        let before = self.budget.signatures_left();
        let signer = issuer::of(crl, self.asked, own_list, self.inputs, self.budget)
            .map_err(|f| f.of(format!("CRL of {}", crl.this_update())));
        let result = signer.as_ref().map(|_| ()).map_err(Clone::clone);
        if result.is_err() {
            let spent = before.saturating_sub(self.budget.signatures_left());
            self.forged = self.forged.saturating_add(spent.max(1));
        }
        self.signers.push((digest, signer));
        result
    }

    fn signer(&self, digest: [u8; 32]) -> Option<&Result<Signer, Finding>> {
        let mut known = self.signers.iter();
        known.find(|(d, _)| *d == digest).map(|(_, signer)| signer)
    }

    /// The latest of `deltas` that brings the list up to date and is of the same key.
    fn delta<'l>(&mut self, deltas: &[&'l Crl], crl: &Crl) -> Option<&'l Crl> {
        let until = self.forged.saturating_add(MAX_FORGED);
        for delta in deltas {
            if self.forged >= until {
                self.budget.reached(Limit::Forged);
                break;
            }
            let paid = self.budget.comparison(delta.issuer().der().len());
            if paid.is_err() {
                break;
            }
            if delta::updates(delta, crl, self.inputs.at) && self.same_key(delta, crl) {
                return Some(delta);
            }
        }
        None
    }

    fn same_key(&mut self, delta: &Crl, crl: &Crl) -> bool {
        let usable = self
            .speaks(delta)
            .and_then(|_| self.signed(delta))
            .map_err(|finding| self.unusable.push(finding));
        usable.is_ok() && {
            let key = |crl: &Crl| match self.signer(crl.sha256()) {
                Some(Ok(signer)) => Some(signer.certificate.spki_der()),
                _ => None,
            };
            key(delta).is_some() && key(delta) == key(crl)
        }
    }

    /// Why a list says nothing by not naming the certificate: it was expired, and expired ones
    /// are taken off.
    fn forgets(&self, crl: &Crl) -> Option<Finding> {
        let not_after = self.asked.certificate.not_after();
        if crl.this_update() <= not_after {
            return None;
        }
        let since = crl.expired_certificates_since();
        if matches!(since, Ok(Some(since)) if since <= not_after) {
            return None;
        }
        let finding = unusable(
            crl,
            "crl.expired-certificates",
            "RFC 5280 3.3; X.509 9.5.2.8",
        )
        .with("this_update", crl.this_update())
        .with("not_after", not_after);
        Some(match since {
            Ok(Some(since)) => finding.with("since", since),
            Ok(None) => finding.with("since", "absent"),
            Err(e) => finding.with("malformed", e.to_string()),
        })
    }

    /// Where a delta to the list is to be had (freshestCRL of the list or of the certificate) that was
    /// not given; `None` where there is none to be had, or one was given.
    fn missing_delta(&self, crl: &Crl, delta: Option<&Crl>) -> Option<Vec<String>> {
        if delta.is_some() {
            return None;
        }
        let of_list = crl.freshest().ok().flatten();
        let of_certificate = || self.asked.certificate.freshest_crl().ok().flatten();
        let points = of_list.or_else(of_certificate)?;
        let names = points.iter().flat_map(|p| &p.full_name);
        Some(names.take(MAX_LOCATIONS).map(ToString::to_string).collect())
    }

    fn rests_on(&self, crl: &Crl, delta: Option<&Crl>) -> RestsOn {
        let mut rests_on = RestsOn::default();
        rests_on.crls.push(crl.clone());
        rests_on.crls.extend(delta.cloned());
        if let Some(Ok(signer)) = self.signer(crl.sha256()) {
            rests_on.extend(signer.rests_on.clone());
        }
        rests_on
    }

    fn revoked(&self, entry: &CrlEntry, on: &Crl, complete: &Crl) -> Answer {
        let sub = if self.asked.is_authority {
            SubIndication::RevokedCaNoPoe
        } else {
            SubIndication::RevokedNoPoe
        };
        Answer {
            verdict: Verdict::Revoked,
            since: Some(since(entry)),
            made: on.this_update(),
            finding: told(entry, on, sub),
            rests_on: self.rests_on(complete, (on != complete).then_some(on)),
        }
    }

    fn told(mut self) -> Told {
        if let Some(held) = self.held {
            return Told {
                answer: Some(held),
                unusable: Vec::new(),
            };
        }
        if let (Some(made), true) = (self.made, self.covered.contains(ReasonFlags::ALL)) {
            let mut finding = Finding::passed(RULE, CLAUSE);
            if self.budget.reports() {
                let issuer = self.rests_on.crls.first().map(|c| c.issuer().to_string());
                finding = finding
                    .with("revoked", false)
                    .with("this_update", made)
                    .with("crl_issuer", issuer.unwrap_or_default());
                if !self.missing.is_empty() {
                    finding = finding.with("delta_missing", self.missing);
                }
            }
            return Told {
                answer: Some(Answer {
                    verdict: Verdict::Good,
                    since: None,
                    made,
                    finding,
                    rests_on: self.rests_on,
                }),
                unusable: Vec::new(),
            };
        }
        if !self.covered.is_empty() {
            let names =
                |flags: ReasonFlags| -> Vec<String> { flags.names().map(str::to_owned).collect() };
            let (rule, clause) = ("crl.reasons", "RFC 5280 6.3.3 (l)");
            self.unusable.insert(
                0,
                Finding::indeterminate(rule, clause, SubIndication::TryLater)
                    .with("covered", names(self.covered))
                    .with("missing", names(!self.covered)),
            );
        }
        Told {
            answer: None,
            unusable: self.unusable,
        }
    }
}

fn unusable(crl: &Crl, rule: &'static str, clause: &'static str) -> Finding {
    Finding::indeterminate(rule, clause, SubIndication::TryLater)
        .of(format!("CRL of {}", crl.this_update()))
}

fn is_current(crl: &Crl, at: UnixTime) -> bool {
    crl.this_update() <= at && crl.next_update().is_some_and(|next| at <= next)
}

/// Since when the certificate does not count.
fn since(entry: &CrlEntry) -> UnixTime {
    let invalid = entry.invalidity_date.unwrap_or(entry.revocation_date);
    invalid.min(entry.revocation_date)
}

/// What an entry says of the certificate.
fn told(entry: &CrlEntry, crl: &Crl, sub: SubIndication) -> Finding {
    let finding = Finding::indeterminate(RULE, CLAUSE, sub)
        .with("revoked", true)
        .with("revocation_date", entry.revocation_date)
        .with("reason", entry.reason_or_unspecified().name())
        .with("this_update", crl.this_update());
    match entry.invalidity_date {
        Some(since) => finding.with("invalidity_date", since),
        None => finding,
    }
}

fn stale(crl: &Crl, at: UnixTime) -> Finding {
    let finding = unusable(crl, "crl.current", "RFC 5280 6.3.3")
        .with("at", at)
        .with("this_update", crl.this_update());
    match crl.next_update() {
        Some(next) => finding.with("next_update", next),
        None => finding.with("next_update", "absent"),
    }
}
