use crate::oid::ObjectIdentifier;

use super::budget::Budget;
use super::extensions::{ANCHOR, View};
use super::name_constraints::{Constraints, Violation};
use super::policy_graph::{PolicyError, PolicyOutputs, PolicyState};
use super::purpose::{self, identifiers, names};
use super::record::{Record, broken};
use super::search::{Link, name_of};
use super::{PathInputs, PathProfile, strict};
use crate::oid;
use crate::report::{Finding, SubIndication};
use crate::x509::{Certificate, KeyUsage};

/// Most policies of each kind that a finding names.
const MAX_QUOTED: usize = 32;

/// What the rules say of a complete path.
pub(super) struct Checked {
    /// Of each certificate, leaf first, what was found.
    pub(super) records: Vec<Record>,
    pub(super) policies: PolicyOutputs,
}

/// Runs RFC 5280 6.1 over a path whose signatures verify; `chain` is leaf first, anchor last.
///
/// Of an anchor the limits that it sets to itself count: basicConstraints, keyUsage,
/// nameConstraints, policyConstraints, inhibitAnyPolicy (RFC 5937 3.2).
pub(super) fn path(
    chain: &[Link<'_>],
    inputs: &PathInputs<'_>,
    budget: &mut Budget,
    full: bool,
) -> Checked {
    let last = chain.len().saturating_sub(1);
    let strict = inputs.profile == PathProfile::Strict;
    let mut below: u32 = chain
        .iter()
        .take(last)
        .skip(1)
        .map(|link| u32::from(!link.view.self_issued))
        .sum();
    let mut constraints: Vec<(&Certificate, &Constraints)> = Vec::new();
    let mut policy = Some(PolicyState::new(last, inputs.policies));
    let mut policies = PolicyOutputs::default();
    // With which certificate the last policy was lost.
    let mut lost = None;
    let mut records = Vec::with_capacity(chain.len());
    let depth = below;
    for (i, link) in chain.iter().enumerate().rev() {
        let (c, view) = (link.certificate, &*link.view);
        let (anchor, leaf) = (i == last, i == 0);
        let mut record = Record::new(full);
        // An anchor that is asked about itself is used, so its validity counts.
        if !anchor || leaf || strict {
            validity(c, inputs, &mut record);
        }
        if !anchor || strict {
            critical(view, &mut record);
        }
        // Of an anchor only what it says of itself counts, unless it is judged like others.
        well_formed(view, anchor && !leaf && !strict, &mut record);
        if !anchor {
            if leaf || !view.self_issued {
                named(c, view, &constraints, budget, &mut record);
            }
            if let Some(state) = &mut policy {
                let result = state.certificate(view, leaf, budget);
                if state.is_null() {
                    lost = lost.or(Some(link));
                }
                if let Err(e) = result {
                    record.add(policy_finding(e, link, lost, inputs));
                    policy = None;
                }
            }
        }
        if leaf {
            purpose::end_entity(c, view, inputs, &mut record);
            reference_names(c, view, inputs, &mut record);
            max_depth(depth, inputs, &mut record);
            if !anchor && let Some(state) = policy.take() {
                match state.wrap_up(view, budget) {
                    Ok(outputs) => {
                        record.passed("path.policies", "RFC 5280 6.1.5 (g)", |f| {
                            let valid = outputs.user_constrained.iter();
                            f.with(
                                "policies",
                                valid.map(|p| p.policy.to_string()).collect::<Vec<_>>(),
                            )
                        });
                        policies = outputs;
                    }
                    Err(e) => record.add(policy_finding(e, link, lost, inputs)),
                }
            }
        } else {
            if !anchor {
                below = below.saturating_sub(u32::from(!view.self_issued));
                purpose::authority(view, inputs, &mut record);
            }
            authority(c, view, below, &mut record);
            match &mut policy {
                Some(state) if anchor => state.constrain(view),
                Some(state) => {
                    let result = state.prepare(view, budget);
                    // Where mapping is inhibited, what is mapped is lost (6.1.4 (b)(2)).
                    if state.is_null() {
                        lost = lost.or(Some(link));
                    }
                    if let Err(e) = result {
                        record.add(policy_finding(e, link, lost, inputs));
                        policy = None;
                    }
                }
                None => {}
            }
            constraints.extend(view.constraints.as_ref().map(|own| (c, own)));
        }
        if strict {
            strict::check(c, view, !leaf || view.is_authority(), budget, &mut record);
        }
        records.push(record);
    }
    records.reverse();
    Checked { records, policies }
}

fn validity(c: &Certificate, inputs: &PathInputs<'_>, record: &mut Record) {
    let (rule, clause) = ("path.validity", "RFC 5280 6.1.3 (a)(2)");
    let facts = |f: Finding| {
        f.with("at", inputs.at)
            .with("not_before", c.not_before())
            .with("not_after", c.not_after())
    };
    if c.is_valid_at(inputs.at) {
        record.passed(rule, clause, facts);
    } else {
        let sub = SubIndication::OutOfBoundsNoPoe;
        record.add(facts(Finding::indeterminate(rule, clause, sub)));
    }
}

/// Critical extensions that are not processed; a path with one does not pass.
fn critical(view: &View, record: &mut Record) {
    let (rule, clause) = ("path.critical-extensions", "RFC 5280 6.1.4 (o), 6.1.5 (f)");
    if view.unknown_critical.is_empty() {
        record.passed(rule, clause, |f| f);
    } else {
        let unknown = identifiers(&view.unknown_critical);
        record.add(broken(rule, clause).with("not_processed", unknown));
    }
}

/// Every extension can be read, of an anchor those that limit it.
fn well_formed(view: &View, anchor: bool, record: &mut Record) {
    let (rule, clause) = ("path.extensions-well-formed", "RFC 5280 4.2.1");
    let malformed = view.malformed.iter();
    let malformed = malformed.filter(|(id, _)| !anchor || ANCHOR.contains(id));
    let errors: Vec<String> = malformed.map(|(_, why)| why.clone()).collect();
    if !errors.is_empty() {
        record.add(broken(rule, clause).with("malformed", errors));
    } else if !anchor {
        record.passed(rule, clause, |f| f);
    }
}

/// Whether the names of a certificate keep the constraints of every authority above it.
fn named(
    c: &Certificate,
    view: &View,
    constraints: &[(&Certificate, &Constraints)],
    budget: &mut Budget,
    record: &mut Record,
) {
    let (rule, clause) = ("path.name-constraints", "RFC 5280 6.1.3 (b), (c)");
    for (authority, constraints) in constraints {
        let Err(violation) = constraints.check(c, view, budget) else {
            record.passed(rule, clause, |f| f.with("set_by", name_of(authority)));
            continue;
        };
        let finding = broken(rule, clause).with("set_by", name_of(authority));
        record.add(match violation {
            Violation::Excluded { name, subtree } => {
                finding.with("name", name).with("excluded", subtree)
            }
            Violation::NotPermitted { name, subtrees } => {
                finding.with("name", name).with("permitted", subtrees)
            }
            Violation::Malformed { name, subtree } => finding
                .with("malformed", name)
                .with("constrained_by", subtree),
            Violation::Unprocessed { name, subtree } => finding
                .with("not_processed", name)
                .with("constrained_by", subtree),
            Violation::Limit => finding.with("limit", super::MAX_NAME_COMPARISONS),
        });
    }
}

/// What was asked for, what the path allows and, where that is nothing, with which certificate it
/// ended: what it asserts, and what was expected of it.
fn policy_finding(
    error: PolicyError,
    link: &Link<'_>,
    lost: Option<&Link<'_>>,
    inputs: &PathInputs<'_>,
) -> Finding {
    let rule = "path.policies";
    let quoted = |all: &[ObjectIdentifier]| identifiers(all.get(..MAX_QUOTED).unwrap_or(all));
    match error {
        PolicyError::NoPolicy { allowed, expected } => {
            let initial = match inputs.policies.initial_policies {
                [] => &[oid::ANY_POLICY],
                initial => initial,
            };
            let at = lost.unwrap_or(link);
            let asserted = at.view.policies.iter().flatten().map(|p| p.id);
            let finding = broken(rule, "RFC 5280 6.1.3 (f), 6.1.5 (g); RFC 9618 5")
                .with("policies_wanted", quoted(initial))
                .with("policies_allowed", quoted(&allowed))
                .with("asserted", quoted(&asserted.collect::<Vec<_>>()));
            match lost {
                Some(lost) => finding
                    .with("policies_expected", quoted(&expected))
                    .with("lost_at", name_of(lost.certificate)),
                None => finding,
            }
        }
        PolicyError::AnyMapped => broken("path.policy-mappings", "RFC 5280 6.1.4 (a)")
            .with("mapped", oid::ANY_POLICY.to_string()),
        PolicyError::Limit(_) => broken(rule, "RFC 9618 4").with("limit", super::MAX_POLICY_STEPS),
    }
}

/// Whether the certificate is of who it is thought to be of.
fn reference_names(c: &Certificate, view: &View, inputs: &PathInputs<'_>, record: &mut Record) {
    let (rule, clause) = ("path.name", "RFC 9525 6");
    for name in inputs.names {
        if name.is_of(c, view) {
            record.passed(rule, clause, |f| f.with("wanted", name.to_string()));
            continue;
        }
        let presented = view.alt_names.iter().flatten();
        record.add(
            Finding::indeterminate(rule, clause, SubIndication::SigConstraintsFailure)
                .with("wanted", name.to_string())
                .with(
                    "presented",
                    presented
                        .take(8)
                        .map(ToString::to_string)
                        .collect::<Vec<_>>(),
                ),
        );
    }
}

fn max_depth(depth: u32, inputs: &PathInputs<'_>, record: &mut Record) {
    let (rule, clause) = ("path.max-depth", "RFC 5280 6.1.2 (k)");
    let Some(limit) = inputs.max_depth else {
        return;
    };
    let facts = |f: Finding| {
        f.with("authorities_below", u64::from(depth))
            .with("max_depth", u64::from(limit))
    };
    if depth <= limit {
        record.passed(rule, clause, facts);
    } else {
        record.add(facts(broken(rule, clause)));
    }
}

/// Whether a certificate may issue others, `below` authorities standing between it and the end.
fn authority(c: &Certificate, view: &View, below: u32, record: &mut Record) {
    let (rule, clause) = ("path.basic-constraints", "RFC 5280 6.1.4 (k)");
    if view.is_authority() {
        record.passed(rule, clause, |f| f.with("ca", true));
    } else {
        record.add(
            broken(rule, clause)
                .with("present", view.basic.is_some())
                .with("ca", false)
                .with("version", u64::from(c.version())),
        );
    }
    if let Some(limit) = view.basic.filter(|b| b.ca).and_then(|b| b.path_len) {
        let (rule, clause) = ("path.path-length", "RFC 5280 6.1.4 (l), (m)");
        let facts = |f: Finding| {
            f.with("authorities_below", u64::from(below))
                .with("path_length_constraint", u64::from(limit))
        };
        if below <= limit {
            record.passed(rule, clause, facts);
        } else {
            record.add(facts(broken(rule, clause)));
        }
    }
    if c.subject().is_empty() {
        record.add(broken("path.authority-named", "RFC 5280 4.1.2.6").with("subject", ""));
    }
    let (rule, clause) = ("path.key-cert-sign", "RFC 5280 6.1.4 (n)");
    match view.key_usage {
        Some(usage) if !usage.contains(KeyUsage::KEY_CERT_SIGN) => {
            record.add(broken(rule, clause).with("key_usage", names(usage)));
        }
        _ => record.passed(rule, clause, |f| f),
    }
}
