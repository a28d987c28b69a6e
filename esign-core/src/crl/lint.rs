//! What RFC 5280 asks of who issues a list.

use super::{Crl, IssuingDistributionPoint, ReasonFlags, RevocationReason};
use crate::oid;
use crate::report::{Finding, Indication, SubIndication};
use crate::x509::SerialNumber;

/// Judges a list, signed or not, every entry included; each rule is a finding.
///
/// # Source
/// RFC 5280 5; X.509 9.5.2.8 (expiredCertsOnCRL).
pub fn lint(crl: &Crl) -> Vec<Finding> {
    let mut findings = list_rules(crl);
    let point = crl.issuing_distribution_point().ok().flatten();
    let delta = !matches!(crl.delta_base(), Ok(None));
    let mut rules = EntryRules::new(delta, point.as_ref());
    let mut malformed = None;
    let mut issuer = None;
    for entry in crl.entries() {
        match entry {
            Err(e) => malformed = malformed.or(Some(e.to_string())),
            Ok(entry) => {
                let names_issuer = entry.certificate_issuer != issuer;
                issuer.clone_from(&entry.certificate_issuer);
                rules.check(&Line {
                    serial: &entry.serial,
                    reason: entry.reason,
                    names_issuer,
                });
            }
        }
    }
    findings.push(rule(
        malformed.is_none() && crl.unprocessed_entry_extension().is_none(),
        "crl.entry.extensions",
        "RFC 5280 5.3",
        |f| match (malformed, crl.unprocessed_entry_extension()) {
            (Some(what), _) => f.with("malformed", what),
            (None, Some(oid)) => f.with("not_known", oid.to_string()),
            (None, None) => f,
        },
    ));
    findings.extend(rules.into_findings());
    findings.push(unique(crl));
    findings
}

fn rule(
    holds: bool,
    rule: &'static str,
    clause: &'static str,
    with: impl FnOnce(Finding) -> Finding,
) -> Finding {
    with(if holds {
        Finding::passed(rule, clause)
    } else {
        Finding::failed(rule, clause, SubIndication::Custom)
    })
}

/// Rules that do not look at the entries.
pub(super) fn list_rules(crl: &Crl) -> Vec<Finding> {
    let mut findings = vec![
        rule(crl.version() == 2, "crl.version", "RFC 5280 5.1.2.1", |f| {
            f.with("version", u64::from(crl.version()))
        }),
        rule(
            !crl.issuer().is_empty(),
            "crl.issuer-named",
            "RFC 5280 5.1.2.3",
            |f| f.with("issuer", crl.issuer().to_string()),
        ),
        rule(
            crl.next_update().is_some_and(|n| crl.this_update() < n),
            "crl.updates-ordered",
            "RFC 5280 5.1.2.5",
            |f| {
                let f = f.with("this_update", crl.this_update());
                match crl.next_update() {
                    Some(next) => f.with("next_update", next),
                    None => f.with("next_update", "absent"),
                }
            },
        ),
    ];
    let number = crl.number();
    let positive = |n: &SerialNumber| !n.is_negative() && n.as_bytes().len() <= 20;
    findings.push(rule(
        matches!(&number, Ok(Some(n)) if positive(n)),
        "crl.number",
        "RFC 5280 5.2.3",
        |f| match &number {
            Ok(Some(n)) => f.with("number", n.to_string()),
            Ok(None) => f.with("number", "absent"),
            Err(e) => f.with("malformed", e.to_string()),
        },
    ));
    let key = crl.authority_key_identifier();
    findings.push(rule(
        matches!(&key, Ok(Some(a)) if a.key_identifier.as_ref().is_some_and(|k| !k.is_empty())),
        "crl.key-identifier",
        "RFC 5280 5.2.1",
        |f| match &key {
            Err(e) => f.with("malformed", e.to_string()),
            Ok(a) => f.with("present", a.is_some()),
        },
    ));
    findings.push(criticality(crl));
    findings.extend(scope(crl));
    findings.extend(delta(crl));
    findings.extend(expired(crl));
    findings
}

/// Each known extension is critical exactly where its clause says so, and none is unknown and
/// critical: no one could use the list.
fn criticality(crl: &Crl) -> Finding {
    let critical = [oid::DELTA_CRL_INDICATOR, oid::ISSUING_DISTRIBUTION_POINT];
    let wrong: Vec<String> = crl
        .extensions()
        .filter(|e| e.critical != critical.contains(&e.oid))
        .map(|e| e.oid.to_string())
        .collect();
    rule(
        wrong.is_empty(),
        "crl.extensions-critical",
        "RFC 5280 5.2",
        |f| f.with("wrong", wrong),
    )
}

/// The issuing distribution point, where there is one.
fn scope(crl: &Crl) -> Option<Finding> {
    let (name, clause) = ("crl.distribution-point", "RFC 5280 5.2.5");
    let point = match crl.issuing_distribution_point() {
        Ok(None) => return None,
        Ok(Some(point)) => point,
        Err(e) => {
            return Some(rule(false, name, clause, |f| {
                f.with("malformed", e.to_string())
            }));
        }
    };
    let wrong = if point.is_empty() {
        Some("says nothing")
    } else if point.kinds() > 1 {
        Some("more than one kind of certificate is the only one")
    } else if point.only_some_reasons.is_some_and(ReasonFlags::is_empty) {
        Some("onlySomeReasons names none")
    } else {
        None
    };
    Some(rule(wrong.is_none(), name, clause, |f| match wrong {
        Some(what) => f.with("wrong", what),
        None => f,
    }))
}

/// Since when expired certificates are kept, where the list says so.
fn expired(crl: &Crl) -> Option<Finding> {
    let (name, clause) = ("crl.expired-certificates-since", "X.509 9.5.2.8");
    let malformed =
        |e: &dyn ToString| rule(false, name, clause, |f| f.with("malformed", e.to_string()));
    match crl.expired_certificates_since() {
        Ok(None) => None,
        Ok(Some(since)) => Some(rule(since <= crl.this_update(), name, clause, |f| {
            f.with("since", since)
                .with("this_update", crl.this_update())
        })),
        Err(e) => Some(malformed(&e)),
    }
}

/// What holds for delta lists alone.
fn delta(crl: &Crl) -> Option<Finding> {
    let (name, clause) = ("crl.delta-base", "RFC 5280 5.2.4, 5.2.6");
    let base = match crl.delta_base() {
        Ok(None) => return None,
        Ok(Some(base)) => base,
        Err(e) => {
            return Some(rule(false, name, clause, |f| {
                f.with("malformed", e.to_string())
            }));
        }
    };
    let number = crl.number().ok().flatten();
    let later = number.as_ref().is_some_and(|n| base.is_below(n));
    let freshest = crl.freshest().is_ok_and(|f| f.is_none());
    Some(rule(later && freshest, name, clause, |f| {
        f.with("base", base.to_string())
            .with("number", number.map_or_else(String::new, |n| n.to_string()))
            .with("freshest_crl", !freshest)
    }))
}

/// No certificate stands twice.
pub(super) fn unique(crl: &Crl) -> Finding {
    let twice = crl.twice();
    rule(
        twice.is_none(),
        "crl.entry.unique",
        "RFC 5280 5.1.2.6",
        |f| match twice {
            Some(serial) => f.with("serial", serial.to_string()),
            None => f,
        },
    )
}

/// What the rules look at in an entry.
pub(super) struct Line<'a> {
    pub(super) serial: &'a SerialNumber,
    /// As written.
    pub(super) reason: Option<RevocationReason>,
    /// Whether another certificate issuer begins here.
    pub(super) names_issuer: bool,
}

/// The rules for entries; of each, the first that breaks it is kept.
#[derive(Debug)]
pub(super) struct EntryRules {
    delta: bool,
    indirect: bool,
    reasons: Option<ReasonFlags>,
    reason: Finding,
    issuer: Finding,
}

impl EntryRules {
    pub(super) fn new(delta: bool, point: Option<&IssuingDistributionPoint>) -> Self {
        Self {
            delta,
            indirect: point.is_some_and(|p| p.indirect),
            reasons: point.and_then(|p| p.only_some_reasons),
            reason: Finding::passed("crl.entry.reason", "RFC 5280 5.3.1, 5.2.5"),
            issuer: Finding::passed("crl.entry.issuer", "RFC 5280 5.3.3"),
        }
    }

    pub(super) fn check(&mut self, line: &Line<'_>) {
        if line.names_issuer && !self.indirect {
            fail(&mut self.issuer, line.serial, |f| f.with("indirect", false));
        }
        let wrong = match line.reason {
            // The absence of the extension says the same in fewer octets.
            Some(RevocationReason::Unspecified) => Some("written out"),
            Some(RevocationReason::RemoveFromCrl) if !self.delta => Some("for delta lists"),
            Some(RevocationReason::RemoveFromCrl) => None,
            // What is not specified is on no list of some reasons (RFC 5280 5.2.5).
            reason => {
                let flag = reason.map(ReasonFlags::of).unwrap_or_default();
                let outside = |all: ReasonFlags| flag.is_empty() || !all.contains(flag);
                self.reasons
                    .is_some_and(outside)
                    .then_some("not in onlySomeReasons")
            }
        };
        if let Some(wrong) = wrong {
            let reason = line.reason.unwrap_or(RevocationReason::Unspecified);
            fail(&mut self.reason, line.serial, |f| {
                f.with("reason", reason.name()).with("wrong", wrong)
            });
        }
    }

    pub(super) fn into_findings(self) -> [Finding; 2] {
        [self.reason, self.issuer]
    }
}

fn fail(finding: &mut Finding, serial: &SerialNumber, with: impl FnOnce(Finding) -> Finding) {
    if finding.outcome == Indication::Passed {
        let failed = Finding::failed(finding.rule, finding.clause, SubIndication::Custom);
        *finding = with(failed.with("serial", serial.to_string()));
    }
}
