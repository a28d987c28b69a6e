//! Whether the certificates of a path are revoked: what revocation lists and OCSP responses say
//! of each.

mod crl;
mod delta;
mod issuer;
mod ocsp;
mod scope;

use super::extensions::View;
use super::search::Budget;
use super::{KeyPurpose, PathInputs, RevocationChecking, Standing, Status, VerifiedPath};
use crate::crl::Crl;
use crate::ocsp::BasicResponse;
use crate::oid;
use crate::report::{Finding, SubIndication};
use crate::time::UnixTime;
use crate::x509::Certificate;

const RULE: &str = "path.revocation";
const CLAUSE: &str = "RFC 5280 6.3";
/// Most reasons why a source of status is no answer that are put into the report; the count of
/// all is in it.
const MAX_TOLD: usize = 32;

/// Whose status is asked for.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) certificate: &'a Certificate,
    /// Its issuer, the issuer of that, up to the anchor.
    pub(super) above: &'a [Certificate],
    /// Whether it issued the certificate below it in the path.
    pub(super) is_authority: bool,
}

/// What a source of status says of the certificate.
pub(super) enum Verdict {
    Good,
    /// On hold: it may be lifted.
    Held,
    /// Revoked for good.
    Revoked,
}

/// An answer about the status of a certificate at the time asked about.
pub(super) struct Answer {
    pub(super) verdict: Verdict,
    /// Since when the certificate is revoked or on hold: the day of the revocation, or the earlier
    /// one since which the key is known not to be its holder's alone (RFC 5280 5.3.2).
    pub(super) since: Option<UnixTime>,
    /// When it was made: of two answers, the later counts.
    pub(super) made: UnixTime,
    pub(super) finding: Finding,
    pub(super) rests_on: RestsOn,
}

/// The lists and responses on which a verdict rests, those about their signers included.
#[derive(Clone, Debug, Default)]
pub(super) struct RestsOn {
    pub(super) crls: Vec<Crl>,
    pub(super) ocsp: Vec<BasicResponse>,
}

impl RestsOn {
    pub(super) fn of(path: &VerifiedPath) -> Self {
        Self {
            crls: path.crls().to_vec(),
            ocsp: path.ocsp().to_vec(),
        }
    }

    /// Takes in what another verdict rests on; what is there already is there once.
    pub(super) fn extend(&mut self, other: Self) {
        for crl in other.crls {
            if self.crls.iter().all(|c| c.sha256() != crl.sha256()) {
                self.crls.push(crl);
            }
        }
        for response in other.ocsp {
            if !self.ocsp.contains(&response) {
                self.ocsp.push(response);
            }
        }
    }
}

/// What one kind of source gives: an answer, and what was no answer, and why.
#[derive(Default)]
pub(super) struct Told {
    pub(super) answer: Option<Answer>,
    pub(super) unusable: Vec<Finding>,
}

/// Whether the certificate is not revoked at the time asked about, and what shows it.
pub(super) fn check(
    asked: Asked<'_>,
    inputs: &PathInputs<'_>,
    budget: &mut Budget,
) -> (Finding, RestsOn) {
    if inputs.revocation == RevocationChecking::Skipped {
        let finding = Finding::remark(RULE, CLAUSE).with("skipped", true);
        return (finding, RestsOn::default());
    }
    if let Some(reason) = exempt(&asked, inputs.purpose) {
        let finding = Finding::passed(RULE, reason).with("status_needed", false);
        return (finding, RestsOn::default());
    }
    match answer(&asked, inputs, budget) {
        Ok(answer) => (answer.finding, answer.rests_on),
        Err(unknown) => (unknown, RestsOn::default()),
    }
}

/// Revocation is final, whoever shows it and however long ago; otherwise the latest answer counts.
///
/// # Errors
/// The finding that nothing tells, and what was no answer.
fn answer(
    asked: &Asked<'_>,
    inputs: &PathInputs<'_>,
    budget: &mut Budget,
) -> Result<Answer, Finding> {
    let mut unusable = Vec::new();
    let mut best: Option<Answer> = None;
    for told in [
        ocsp::ask(asked, inputs, budget),
        crl::ask(asked, inputs, budget),
    ] {
        unusable.extend(told.unusable);
        let Some(answer) = told.answer else { continue };
        let rank = |a: &Answer| (matches!(a.verdict, Verdict::Revoked), a.made);
        if best.as_ref().is_none_or(|b| rank(b) < rank(&answer)) {
            best = Some(answer);
        }
    }
    if let Some(best) = best {
        return Ok(best);
    }
    let mut finding = Finding::indeterminate(RULE, CLAUSE, SubIndication::TryLater)
        .with("at", inputs.at)
        .with("lists", unusable.len());
    unusable.truncate(MAX_TOLD);
    finding.children = unusable;
    Err(finding)
}

/// What is known of the status of the certificate at `place` of a path, leaf first, at the time
/// asked about.
pub(super) fn status(chain: &[Certificate], place: usize, inputs: &PathInputs<'_>) -> Status {
    let above = chain.get(place.saturating_add(1)..).unwrap_or_default();
    let unknown = |finding| Status {
        standing: Standing::Unknown,
        finding,
        crls: Vec::new(),
        ocsp: Vec::new(),
    };
    let Some(certificate) = chain.get(place).filter(|_| !above.is_empty()) else {
        let sub = SubIndication::NoCertificateChainFound;
        return unknown(Finding::indeterminate(RULE, CLAUSE, sub));
    };
    let asked = Asked {
        certificate,
        above,
        is_authority: place > 0,
    };
    if let Some(reason) = exempt(&asked, inputs.purpose) {
        return Status {
            standing: Standing::NotNeeded,
            ..unknown(Finding::passed(RULE, reason).with("status_needed", false))
        };
    }
    match answer(&asked, inputs, &mut Budget::new(true)) {
        Ok(answer) => Status {
            standing: match answer.verdict {
                Verdict::Good => Standing::GoodBy(answer.made),
                Verdict::Held | Verdict::Revoked => match answer.since {
                    Some(since) => Standing::NotSince(since),
                    None => Standing::Unknown,
                },
            },
            finding: answer.finding,
            crls: answer.rests_on.crls,
            ocsp: answer.rests_on.ocsp,
        },
        Err(finding) => unknown(finding),
    }
}

/// When the lists and responses were made that may speak of the certificate at `place`, the latest
/// first, each instant once.
pub(super) fn instants(
    chain: &[Certificate],
    place: usize,
    inputs: &PathInputs<'_>,
) -> Vec<UnixTime> {
    let issuer = chain.get(place.saturating_add(1));
    let (Some(certificate), Some(issuer)) = (chain.get(place), issuer) else {
        return Vec::new();
    };
    let evidence = inputs.evidence;
    let view = View::of(certificate);
    let points = scope::Points::of(&view);
    let indirect = points.issuers().flat_map(|name| evidence.crls_of(name));
    let lists = evidence.crls_of(certificate.issuer()).chain(indirect);
    let responses = evidence.ocsp_for(certificate, issuer);
    let mut all: Vec<UnixTime> = lists.map(Crl::this_update).collect();
    all.extend(responses.map(BasicResponse::produced_at));
    all.sort_unstable_by(|a, b| b.cmp(a));
    all.dedup();
    all
}

/// Why no status is asked for, as the clause that says so.
fn exempt(asked: &Asked<'_>, purpose: KeyPurpose) -> Option<&'static str> {
    let has = |oid| asked.certificate.extension(oid).is_some();
    if asked.is_authority {
        return None;
    }
    // RFC 9608 2: not in the certificate of an authority, wherever in the path it stands.
    let authority = asked.certificate.basic_constraints();
    if has(oid::NO_REV_AVAIL) && !authority.is_ok_and(|b| b.is_some_and(|b| b.ca)) {
        return Some("RFC 9608 4");
    }
    if has(oid::VALIDITY_ASSURED_SHORT_TERM) {
        return Some("EN 319 412-1 5.2.2");
    }
    (purpose == KeyPurpose::OcspSigning && has(oid::OCSP_NO_CHECK)).then_some("RFC 6960 4.2.2.2.1")
}
