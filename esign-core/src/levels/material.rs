//! What a signature needs to be validated by itself: collected, fetched, and judged enough.

use super::{LevelError, Services};
use crate::evidence::Evidence;
use crate::fetch::{self, FetchError};
use crate::report::{Finding, SubIndication};
use crate::time::UnixTime;
use crate::tsp::TimeStampToken;
use crate::validation::{Inputs, Missing, Report, Signature, SignatureReport, validate};
use crate::x509::Certificate;

/// Rounds of fetching: a path, its status, who signed that, his status.
const MAX_ROUNDS: usize = 4;
/// Addresses that are asked for all signatures of a document together.
const MAX_REQUESTS: usize = 200;
/// Seconds by which an authority's clock may be ahead: what OCSP allows its responders.
const MAX_AHEAD: i64 = crate::ocsp::CLOCK_TOLERANCE;
/// Errors that are told.
const MAX_ERRORS: usize = 8;

/// Validates `signatures` and gives what the verdicts rest on. With a way to fetch, every status is asked
/// for anew: it has to be made after the time-stamps (EN 319 102-1 5.6.2.4), and each renewal
/// needs one made after the renewal before.
///
/// # Errors
/// [`LevelError::Missing`], [`LevelError::Unsound`].
pub(super) fn collect(
    signatures: &[Signature],
    services: &Services<'_>,
) -> Result<Evidence, LevelError> {
    let (report, _, errors) = gathered(signatures, services, false);
    let mut material = Evidence::new();
    for signature in &report.signatures {
        enough(signature, &errors)?;
        material.add_all(&signature.used);
    }
    Ok(material)
}

/// What is known and what is missing to validate `signatures` is to be had: what was given, with what was
/// fetched besides, and what could not be. Where nothing is missing, nothing is fetched.
///
/// # Source
/// EN 319 102-1 5.1.3 (driving application).
pub fn complete(
    signatures: &[Signature],
    services: &Services<'_>,
) -> (Report, Evidence, Vec<FetchError>) {
    gathered(signatures, services, true)
}

/// Validates, fetches and validates again until nothing new arrives; `missing` only what is missing.
fn gathered(
    signatures: &[Signature],
    services: &Services<'_>,
    missing: bool,
) -> (Report, Evidence, Vec<FetchError>) {
    let mut evidence = services.evidence.clone();
    let mut driver = Driver {
        services,
        asked: Vec::new(),
        errors: Vec::new(),
    };
    let judge = |evidence: &Evidence| {
        let inputs = Inputs {
            at: now(signatures, services),
            anchors: services.anchors,
            evidence,
            policy: services.policy,
        };
        validate(signatures, &inputs)
    };
    let mut report = judge(&evidence);
    for _ in 0..MAX_ROUNDS {
        let lacks = report.signatures.iter().any(|s| !s.missing.is_empty());
        if (missing && !lacks) || !driver.fetch(&report, &mut evidence) {
            break;
        }
        report = judge(&evidence);
    }
    (report, evidence, driver.errors)
}

/// The time at which is judged: now by the own clock, or by that of an authority whose clock is a little
/// ahead, so that a time-stamp that was just made is not from the future.
fn now(signatures: &[Signature], services: &Services<'_>) -> UnixTime {
    let clock = (services.clock)();
    let stamps = signatures.iter().flat_map(|s| &s.timestamps);
    let told = stamps.filter_map(|t| TimeStampToken::from_der(&t.token).ok());
    let ahead = told.map(|t| t.tst_info().gen_time.time);
    let ahead = ahead.filter(|t| *t <= clock.plus(MAX_AHEAD));
    ahead.max().map_or(clock, |t| t.max(clock))
}

/// Whether everything about a signature is known: it, and each of its time-stamps that verifies.
fn enough(signature: &SignatureReport, errors: &[FetchError]) -> Result<(), LevelError> {
    let stamps = signature.timestamps.iter();
    let open = stamps
        .filter(|t| t.time.is_some())
        .map(|t| (t.sub_indication, &t.findings));
    let own = (signature.sub_indication, &signature.findings);
    let open = core::iter::once(own).chain(open);
    let mut open = open.filter(|(_, findings)| Finding::decisive(findings).is_some());
    let Some((sub, findings)) = open.next() else {
        return Ok(());
    };
    // Objects of a detached message are not held against anything here.
    let lacking = [
        SubIndication::TryLater,
        SubIndication::NoCertificateChainFound,
    ];
    if sub == Some(SubIndication::SignedDataNotFound) {
        return Ok(());
    }
    Err(if sub.is_some_and(|s| lacking.contains(&s)) {
        LevelError::Missing {
            name: signature.name.clone(),
            missing: signature.missing.clone(),
            errors: errors.to_vec(),
        }
    } else {
        LevelError::Unsound {
            name: signature.name.clone(),
            sub,
            finding: Finding::decisive(findings).cloned().map(Box::new),
        }
    })
}

struct Driver<'a> {
    services: &'a Services<'a>,
    /// Addresses that were asked, each for one certificate.
    asked: Vec<(String, [u8; 32])>,
    errors: Vec<FetchError>,
}

impl Driver<'_> {
    /// Fetches what the report says is missing, and the status of every path anew; says whether
    /// something new arrived.
    fn fetch(&mut self, report: &Report, evidence: &mut Evidence) -> bool {
        let Some(fetch) = self.services.fetch else {
            return false;
        };
        let mut new = false;
        for chain in report.signatures.iter().flat_map(|s| &s.chains) {
            for (place, certificate) in chain.iter().enumerate() {
                if self.services.anchors.contains(certificate) {
                    continue;
                }
                let Missing {
                    locations,
                    responders,
                    ..
                } = Missing::status_of(certificate);
                let Some(issuer) = chain.get(place.saturating_add(1)) else {
                    for url in Missing::issuer_of(certificate).locations {
                        if !self.may_ask(&url, certificate) {
                            continue;
                        }
                        match fetch::issuers(fetch, &url) {
                            Ok(found) => {
                                for one in found {
                                    new |= evidence.add_certificate(one);
                                }
                                break;
                            }
                            Err(e) => self.failed(e),
                        }
                    }
                    continue;
                };
                if is_exempt(certificate) {
                    continue;
                }
                // A responder knows of now; a list of when it was made.
                let mut answered = false;
                for url in responders {
                    if answered || !self.may_ask(&url, certificate) {
                        continue;
                    }
                    match fetch::status(fetch, &url, certificate, issuer) {
                        Ok(response) => {
                            new |= evidence.add_ocsp(response);
                            answered = true;
                        }
                        Err(e) => self.failed(e),
                    }
                }
                for url in locations {
                    if answered || !self.may_ask(&url, issuer) {
                        continue;
                    }
                    match fetch::list(fetch, &url) {
                        Ok(list) => {
                            new |= evidence.add_crl(list);
                            answered = true;
                        }
                        Err(e) => self.failed(e),
                    }
                }
            }
        }
        new
    }

    /// Whether this was not asked before, and something may still be asked.
    fn may_ask(&mut self, url: &str, about: &Certificate) -> bool {
        let key = (url.to_owned(), about.sha256());
        if self.asked.len() >= MAX_REQUESTS || self.asked.contains(&key) {
            return false;
        }
        self.asked.push(key);
        true
    }

    fn failed(&mut self, error: FetchError) {
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(error);
        }
    }
}

/// Whether no status is to be had by the certificate's own word.
fn is_exempt(certificate: &Certificate) -> bool {
    use crate::oid;
    let has = |oid| certificate.extension(oid).is_some();
    has(oid::OCSP_NO_CHECK) || has(oid::NO_REV_AVAIL) || has(oid::VALIDITY_ASSURED_SHORT_TERM)
}
