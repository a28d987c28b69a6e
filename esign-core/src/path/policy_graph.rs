use std::collections::BTreeMap;

use crate::oid::ObjectIdentifier;

use super::PolicyInputs;
use super::budget::{Budget, Limit};
use super::extensions::View;
use crate::oid;

/// A policy for which a path is valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidPolicy {
    /// The policy, in the domain of the trust anchor; anyPolicy where it is valid for all.
    pub policy: ObjectIdentifier,
    /// Types of the qualifiers under which the last certificate asserts it.
    pub qualifiers: Vec<ObjectIdentifier>,
}

/// The policies for which a path is valid (RFC 5280 6.1.6, RFC 9618 5.6), in order of identifier.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyOutputs {
    /// authority-constrained-policy-set: what the authorities say.
    pub authority_constrained: Vec<ValidPolicy>,
    /// user-constrained-policy-set: those of them that are among the initial policies.
    pub user_constrained: Vec<ValidPolicy>,
}

/// Why policy processing fails.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PolicyError {
    /// explicit_policy is 0 and no policy is left (6.1.3 (f)), or at the end none of the initial
    /// policies (6.1.5 (g)).
    NoPolicy {
        /// For which policies the authorities say that the path is valid.
        allowed: Vec<ObjectIdentifier>,
        /// What was expected of the certificate with which the graph became NULL; empty where it
        /// did not.
        expected: Vec<ObjectIdentifier>,
    },
    /// anyPolicy is mapped (6.1.4 (a)).
    AnyMapped,
    /// The graph is too large.
    Limit(Limit),
}

impl From<Limit> for PolicyError {
    fn from(limit: Limit) -> Self {
        Self::Limit(limit)
    }
}

/// A node of the valid_policy_graph.
struct Node {
    /// valid_policy
    policy: ObjectIdentifier,
    /// expected_policy_set; empty where it is the valid_policy alone.
    expected: Vec<ObjectIdentifier>,
    /// valid_policy of its parents, one level up.
    parents: Vec<ObjectIdentifier>,
    qualifiers: Vec<ObjectIdentifier>,
}

/// The nodes of one depth, in order of their policies, each of which is there once. Most levels
/// have one or two.
type Level = Vec<Node>;

fn node_of<'a>(level: &'a [Node], policy: &ObjectIdentifier) -> Option<&'a Node> {
    let place = level.binary_search_by(|n| n.policy.cmp(policy)).ok()?;
    level.get(place)
}

/// expected_policy_set
fn expected_of(node: &Node) -> impl Iterator<Item = ObjectIdentifier> + '_ {
    let own = node.expected.is_empty().then_some(node.policy);
    own.into_iter().chain(node.expected.iter().copied())
}

/// The parents of a policy, of pairs of an expected policy and the node that expects it, in order.
fn expecting<'a>(
    expected: &'a [(ObjectIdentifier, ObjectIdentifier)],
    policy: &'a ObjectIdentifier,
) -> impl Iterator<Item = ObjectIdentifier> + 'a {
    let start = expected.partition_point(|(e, _)| e < policy);
    let from = expected.get(start..).unwrap_or_default().iter();
    from.take_while(move |(e, _)| e == policy)
        .map(|(_, parent)| *parent)
}

/// Policy processing along one path: the valid_policy_graph and the three counters.
///
/// The graph has each policy at most once at each depth, so its size is bounded by what the
/// certificates say, where the tree of RFC 5280 grows with the product.
///
/// # Source
/// RFC 9618 5, which replaces these parts of RFC 5280 6.1.2 to 6.1.5.
pub(super) struct PolicyState<'a> {
    inputs: PolicyInputs<'a>,
    /// From the anchor down; `None`: NULL.
    levels: Option<Vec<Level>>,
    /// What was expected where the graph became NULL, for the report.
    lost: Vec<ObjectIdentifier>,
    explicit_policy: u32,
    policy_mapping: u32,
    inhibit_any: u32,
}

impl<'a> PolicyState<'a> {
    /// Initialisation (6.1.2) for a path of `n` certificates below the anchor.
    pub(super) fn new(n: usize, inputs: PolicyInputs<'a>) -> Self {
        let all = u32::try_from(n).unwrap_or(u32::MAX).saturating_add(1);
        let unless = |inhibited| if inhibited { 0 } else { all };
        let root = Node {
            policy: oid::ANY_POLICY,
            expected: Vec::new(),
            parents: Vec::new(),
            qualifiers: Vec::new(),
        };
        Self {
            inputs,
            levels: Some(vec![vec![root]]),
            lost: Vec::new(),
            explicit_policy: unless(inputs.require_explicit),
            policy_mapping: unless(inputs.inhibit_mapping),
            inhibit_any: unless(inputs.inhibit_any),
        }
    }

    /// Whether the graph is NULL: no policy is left.
    pub(super) fn is_null(&self) -> bool {
        self.levels.is_none()
    }

    /// Constraints of policyConstraints and inhibitAnyPolicy: 6.1.4 (i), (j); of an anchor as
    /// RFC 5937 3.2 asks.
    pub(super) fn constrain(&mut self, view: &View) {
        let lower = |counter: &mut u32, to: Option<u32>| {
            *counter = to.map_or(*counter, |to| to.min(*counter));
        };
        lower(&mut self.explicit_policy, view.require_explicit);
        lower(&mut self.policy_mapping, view.inhibit_mapping);
        lower(&mut self.inhibit_any, view.inhibit_any);
    }

    /// Basic processing (6.1.3 (d) to (f)) of the next certificate.
    pub(super) fn certificate(
        &mut self,
        view: &View,
        last: bool,
        budget: &mut Budget,
    ) -> Result<(), PolicyError> {
        match (&view.policies, &mut self.levels) {
            (Some(policies), Some(levels)) => {
                let Some(above) = levels.last() else {
                    return Ok(());
                };
                let mut expected = Vec::with_capacity(above.len());
                for node in above {
                    budget.policy(node.expected.len().max(1))?;
                    expected.extend(expected_of(node).map(|wanted| (wanted, node.policy)));
                }
                expected.sort_unstable();
                let any_above = node_of(above, &oid::ANY_POLICY).is_some();
                let mut level = Level::with_capacity(policies.len());
                let mut any = None;
                for policy in policies {
                    budget.policy(1 + policy.qualifiers.len())?;
                    if policy.id == oid::ANY_POLICY {
                        any = Some(policy);
                        continue;
                    }
                    let mut parents: Vec<_> = expecting(&expected, &policy.id).collect();
                    budget.policy(parents.len())?;
                    if parents.is_empty() {
                        if !any_above {
                            continue;
                        }
                        parents.push(oid::ANY_POLICY);
                    }
                    level.push(Node {
                        policy: policy.id,
                        expected: Vec::new(),
                        parents,
                        qualifiers: policy.qualifiers.clone(),
                    });
                }
                in_order(&mut level);
                let any = any.filter(|_| self.inhibit_any > 0 || (!last && view.self_issued));
                if let Some(any) = any {
                    let mut more = Level::new();
                    for same in expected.chunk_by(|a, b| a.0 == b.0) {
                        budget.policy(same.len() + any.qualifiers.len())?;
                        let Some((policy, _)) = same.first() else {
                            continue;
                        };
                        if node_of(&level, policy).is_none() {
                            more.push(Node {
                                policy: *policy,
                                expected: Vec::new(),
                                parents: same.iter().map(|(_, parent)| *parent).collect(),
                                qualifiers: any.qualifiers.clone(),
                            });
                        }
                    }
                    level.append(&mut more);
                    in_order(&mut level);
                }
                levels.push(level);
                self.prune();
                if self.levels.is_none() {
                    self.lost = expected.into_iter().map(|(policy, _)| policy).collect();
                }
            }
            (None, levels) => {
                let levels = levels.take().unwrap_or_default();
                let last = levels.last().into_iter().flatten();
                self.lost.extend(last.flat_map(expected_of));
            }
            (_, None) => {}
        }
        if self.levels.is_none() && self.explicit_policy == 0 {
            return Err(PolicyError::NoPolicy {
                allowed: Vec::new(),
                expected: core::mem::take(&mut self.lost),
            });
        }
        Ok(())
    }

    /// Preparation for the next certificate (6.1.4 (a), (b), (h) to (j)).
    pub(super) fn prepare(&mut self, view: &View, budget: &mut Budget) -> Result<(), PolicyError> {
        if view
            .mappings
            .iter()
            .any(|(issuer, subject)| [*issuer, *subject].contains(&oid::ANY_POLICY))
        {
            return Err(PolicyError::AnyMapped);
        }
        if !view.mappings.is_empty() {
            budget.policy(view.mappings.len())?;
            self.map(view);
        }
        if !view.self_issued {
            for counter in [
                &mut self.explicit_policy,
                &mut self.policy_mapping,
                &mut self.inhibit_any,
            ] {
                *counter = counter.saturating_sub(1);
            }
        }
        self.constrain(view);
        Ok(())
    }

    fn map(&mut self, view: &View) {
        let Some(level) = self.levels.as_mut().and_then(|l| l.last_mut()) else {
            return;
        };
        let mut mappings = view.mappings.clone();
        mappings.sort_unstable();
        mappings.dedup();
        if self.policy_mapping == 0 {
            let before: Vec<_> = level.iter().map(|node| node.policy).collect();
            level.retain(|node| {
                mappings
                    .binary_search_by(|m| m.0.cmp(&node.policy))
                    .is_err()
            });
            self.prune();
            if self.levels.is_none() {
                self.lost = before;
            }
            return;
        }
        let any = node_of(level, &oid::ANY_POLICY).map(|n| n.qualifiers.clone());
        let mut more = Level::new();
        for same in mappings.chunk_by(|a, b| a.0 == b.0) {
            let Some((policy, _)) = same.first() else {
                continue;
            };
            let expected = same.iter().map(|(_, subject)| *subject).collect();
            let place = level.binary_search_by(|n| n.policy.cmp(policy));
            match (place.ok().and_then(|p| level.get_mut(p)), &any) {
                (Some(node), _) => node.expected = expected,
                // Its parent is the anyPolicy node one level up, which there must be.
                (None, Some(qualifiers)) => more.push(Node {
                    policy: *policy,
                    expected,
                    parents: vec![oid::ANY_POLICY],
                    qualifiers: qualifiers.clone(),
                }),
                (None, None) => {}
            }
        }
        level.append(&mut more);
        in_order(level);
    }

    /// Deletes nodes without children above the deepest level, where something changed.
    fn prune(&mut self) {
        let Some(levels) = &mut self.levels else {
            return;
        };
        let mut used: Option<Vec<ObjectIdentifier>> = None;
        for level in levels.iter_mut().rev() {
            if let Some(used) = used {
                let before = level.len();
                level.retain(|node| used.binary_search(&node.policy).is_ok());
                if level.len() == before {
                    return;
                }
            }
            if level.is_empty() {
                self.levels = None;
                return;
            }
            let mut parents: Vec<_> = level.iter().flat_map(|n| &n.parents).copied().collect();
            parents.sort_unstable();
            parents.dedup();
            used = Some(parents);
        }
    }

    /// Wrap-up (6.1.5 (a), (b), (g)) after the last certificate.
    pub(super) fn wrap_up(
        mut self,
        view: &View,
        budget: &mut Budget,
    ) -> Result<PolicyOutputs, PolicyError> {
        self.explicit_policy = self.explicit_policy.saturating_sub(1);
        if view.require_explicit == Some(0) {
            self.explicit_policy = 0;
        }
        let outputs = self.outputs(budget)?;
        if self.explicit_policy == 0 && outputs.user_constrained.is_empty() {
            let allowed = outputs.authority_constrained.into_iter();
            return Err(PolicyError::NoPolicy {
                allowed: allowed.map(|p| p.policy).collect(),
                expected: self.lost,
            });
        }
        Ok(outputs)
    }

    fn outputs(&mut self, budget: &mut Budget) -> Result<PolicyOutputs, Limit> {
        let Some(levels) = &mut self.levels else {
            return Ok(PolicyOutputs::default());
        };
        raise_qualifiers(levels, budget)?;
        let mut authority: BTreeMap<ObjectIdentifier, Vec<ObjectIdentifier>> = BTreeMap::new();
        // valid_policy_node_set: where anyPolicy was first narrowed down, and anyPolicy itself
        // where nothing narrowed it.
        for node in levels.iter().flatten() {
            let narrowed = node.parents.contains(&oid::ANY_POLICY);
            if narrowed && node.policy != oid::ANY_POLICY {
                merge(authority.entry(node.policy).or_default(), &node.qualifiers);
            }
        }
        if let Some(node) = levels.last().and_then(|l| node_of(l, &oid::ANY_POLICY)) {
            authority.insert(oid::ANY_POLICY, node.qualifiers.clone());
        }
        let initial = self.inputs.initial_policies;
        let user = if initial.is_empty() || initial.contains(&oid::ANY_POLICY) {
            authority.clone()
        } else {
            budget.policy(initial.len())?;
            let any = authority.get(&oid::ANY_POLICY);
            let wanted = |policy: &ObjectIdentifier| {
                authority.get(policy).or(any).map(|q| (*policy, q.clone()))
            };
            initial.iter().filter_map(wanted).collect()
        };
        Ok(PolicyOutputs {
            authority_constrained: list(authority),
            user_constrained: list(user),
        })
    }
}

/// Gives every node the qualifiers of the nodes below it at the deepest level.
fn raise_qualifiers(levels: &mut [Level], budget: &mut Budget) -> Result<(), Limit> {
    let mut below: BTreeMap<ObjectIdentifier, Vec<ObjectIdentifier>> = BTreeMap::new();
    let deepest = levels.len().saturating_sub(1);
    let none = |level: &Level| level.iter().all(|n| n.qualifiers.is_empty());
    if levels.iter().all(none) {
        return Ok(());
    }
    for (depth, level) in levels.iter_mut().enumerate().rev() {
        let mut above: BTreeMap<ObjectIdentifier, Vec<ObjectIdentifier>> = BTreeMap::new();
        for node in level.iter_mut() {
            if depth != deepest {
                node.qualifiers = below.remove(&node.policy).unwrap_or_default();
            }
            if node.qualifiers.is_empty() {
                continue;
            }
            for parent in &node.parents {
                budget.policy(node.qualifiers.len())?;
                merge(above.entry(*parent).or_default(), &node.qualifiers);
            }
        }
        below = above;
    }
    Ok(())
}

/// Puts a level in order, of a policy that stands twice the first.
fn in_order(level: &mut Level) {
    level.sort_by_key(|node| node.policy);
    level.dedup_by(|b, a| a.policy == b.policy);
}

fn merge(into: &mut Vec<ObjectIdentifier>, from: &[ObjectIdentifier]) {
    for id in from {
        if let Err(place) = into.binary_search(id) {
            into.insert(place, *id);
        }
    }
}

fn list(policies: BTreeMap<ObjectIdentifier, Vec<ObjectIdentifier>>) -> Vec<ValidPolicy> {
    policies
        .into_iter()
        .map(|(policy, mut qualifiers)| {
            qualifiers.sort_unstable();
            qualifiers.dedup();
            ValidPolicy { policy, qualifiers }
        })
        .collect()
}
