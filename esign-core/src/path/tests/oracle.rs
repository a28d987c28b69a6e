//! The policy graph beside the tree of RFC 5280 6.1, written down as the clause has it. The tree
//! grows with the product of what the certificates say, so it is for small ones only.

use std::collections::BTreeSet;

use crate::oid::ObjectIdentifier;
use proptest::prelude::*;

use super::made::oid_of;
use crate::path::PolicyInputs;
use crate::path::budget::Budget;
use crate::path::extensions::{Policy, View};
use crate::path::policy_graph::PolicyState;

/// anyPolicy; the others are 1, 2, 3.
const ANY: u8 = 0;

fn oid(policy: u8) -> ObjectIdentifier {
    match policy {
        ANY => oid_of("2.5.29.32.0"),
        n => oid_of(&format!("1.2.3.{n}")),
    }
}

/// What one certificate says of policies.
#[derive(Clone, Debug)]
struct Said {
    policies: Option<BTreeSet<u8>>,
    mappings: Vec<(u8, u8)>,
    explicit: Option<u32>,
    mapping: Option<u32>,
    any: Option<u32>,
    self_issued: bool,
}

#[derive(Clone, Debug)]
struct Asked {
    initial: BTreeSet<u8>,
    explicit: bool,
    mapping: bool,
    any: bool,
}

#[derive(Debug)]
struct Node {
    policy: u8,
    expected: BTreeSet<u8>,
    children: Vec<Node>,
}

impl Node {
    fn new(policy: u8) -> Self {
        Self {
            policy,
            expected: BTreeSet::from([policy]),
            children: Vec::new(),
        }
    }

    /// Calls `work` on every node `depth` levels below this one.
    fn at(&mut self, depth: usize, work: &mut dyn FnMut(&mut Self)) {
        match depth {
            0 => work(self),
            _ => self.children.iter_mut().for_each(|c| c.at(depth - 1, work)),
        }
    }

    /// Deletes nodes above `depth` that have no children; says whether this one is left.
    fn prune(&mut self, depth: usize) -> bool {
        if depth == 0 {
            return true;
        }
        self.children.retain_mut(|c| c.prune(depth - 1));
        !self.children.is_empty()
    }
}

/// RFC 5280 6.1.2 to 6.1.5, the parts about policies: the user-constrained policies, where valid.
fn tree(chain: &[Said], asked: &Asked) -> Option<BTreeSet<u8>> {
    let n = chain.len();
    let start = |inhibited| {
        if inhibited {
            0
        } else {
            u32::try_from(n).unwrap() + 1
        }
    };
    let mut explicit = start(asked.explicit);
    let mut mapping = start(asked.mapping);
    let mut inhibit_any = start(asked.any);
    let mut root = Some(Node::new(ANY));
    for (i, said) in chain.iter().enumerate() {
        let i = i + 1;
        // 6.1.3 (d), (e), (f)
        match (&said.policies, &mut root) {
            (Some(policies), Some(tree)) => {
                for policy in policies.iter().filter(|p| **p != ANY) {
                    let mut matched = false;
                    tree.at(i - 1, &mut |node| {
                        if node.expected.contains(policy) {
                            node.children.push(Node::new(*policy));
                            matched = true;
                        }
                    });
                    if !matched {
                        tree.at(i - 1, &mut |node| {
                            if node.policy == ANY {
                                node.children.push(Node::new(*policy));
                            }
                        });
                    }
                }
                let honoured = inhibit_any > 0 || (i < n && said.self_issued);
                if policies.contains(&ANY) && honoured {
                    tree.at(i - 1, &mut |node| {
                        for expected in node.expected.clone() {
                            if node.children.iter().all(|c| c.policy != expected) {
                                node.children.push(Node::new(expected));
                            }
                        }
                    });
                }
                if !tree.prune(i) {
                    root = None;
                }
            }
            (None, _) => root = None,
            (_, None) => {}
        }
        if explicit == 0 && root.is_none() {
            return None;
        }
        if i == n {
            break;
        }
        // 6.1.4 (b), (h), (i), (j)
        if let Some(tree) = &mut root {
            let issuers: BTreeSet<u8> = said.mappings.iter().map(|(a, _)| *a).collect();
            for issuer in issuers {
                let subjects: BTreeSet<u8> = said
                    .mappings
                    .iter()
                    .filter(|(a, _)| *a == issuer)
                    .map(|(_, b)| *b)
                    .collect();
                if mapping > 0 {
                    let mut matched = false;
                    tree.at(i, &mut |node| {
                        if node.policy == issuer {
                            node.expected = subjects.clone();
                            matched = true;
                        }
                    });
                    if !matched {
                        tree.at(i - 1, &mut |node| {
                            if node.policy == ANY && node.children.iter().any(|c| c.policy == ANY) {
                                let mut child = Node::new(issuer);
                                child.expected = subjects.clone();
                                node.children.push(child);
                            }
                        });
                    }
                } else {
                    tree.at(i - 1, &mut |node| {
                        node.children.retain(|c| c.policy != issuer);
                    });
                }
            }
            if !tree.prune(i) {
                root = None;
            }
        }
        if !said.self_issued {
            explicit = explicit.saturating_sub(1);
            mapping = mapping.saturating_sub(1);
            inhibit_any = inhibit_any.saturating_sub(1);
        }
        explicit = explicit.min(said.explicit.unwrap_or(u32::MAX));
        mapping = mapping.min(said.mapping.unwrap_or(u32::MAX));
        inhibit_any = inhibit_any.min(said.any.unwrap_or(u32::MAX));
    }
    // 6.1.5 (a), (b), (g)
    explicit = explicit.saturating_sub(1);
    if chain.last()?.explicit == Some(0) {
        explicit = 0;
    }
    let mut found = BTreeSet::new();
    if let Some(tree) = &mut root {
        for depth in 0..n {
            tree.at(depth, &mut |node| {
                if node.policy == ANY {
                    let narrowed = node.children.iter().map(|c| c.policy);
                    found.extend(narrowed.filter(|p| *p != ANY));
                }
            });
        }
        let mut any = false;
        tree.at(n, &mut |node| any |= node.policy == ANY);
        if asked.initial.contains(&ANY) || asked.initial.is_empty() {
            found.extend(any.then_some(ANY));
        } else if any {
            found.clone_from(&asked.initial);
        } else {
            found.retain(|p| asked.initial.contains(p));
        }
    }
    (explicit > 0 || !found.is_empty()).then_some(found)
}

fn graph(chain: &[Said], asked: &Asked) -> Option<BTreeSet<u8>> {
    let initial: Vec<ObjectIdentifier> = asked.initial.iter().map(|p| oid(*p)).collect();
    let inputs = PolicyInputs {
        initial_policies: &initial,
        require_explicit: asked.explicit,
        inhibit_mapping: asked.mapping,
        inhibit_any: asked.any,
    };
    let mut budget = Budget::new(true);
    let mut state = PolicyState::new(chain.len(), inputs);
    let mut last = View::default();
    for (i, said) in chain.iter().enumerate() {
        let policy = |p: &u8| Policy {
            id: oid(*p),
            qualifiers: Vec::new(),
        };
        let view = View {
            self_issued: said.self_issued,
            policies: said
                .policies
                .as_ref()
                .map(|p| p.iter().map(policy).collect()),
            mappings: said
                .mappings
                .iter()
                .map(|(a, b)| (oid(*a), oid(*b)))
                .collect(),
            require_explicit: said.explicit,
            inhibit_mapping: said.mapping,
            inhibit_any: said.any,
            ..View::default()
        };
        let end = i + 1 == chain.len();
        state.certificate(&view, end, &mut budget).ok()?;
        if !end {
            state.prepare(&view, &mut budget).ok()?;
        }
        last = view;
    }
    let outputs = state.wrap_up(&last, &mut budget).ok()?;
    let found = outputs.user_constrained.iter();
    Some(
        found
            .map(|p| (0..4).find(|n| oid(*n) == p.policy).unwrap())
            .collect(),
    )
}

fn said() -> impl Strategy<Value = Said> {
    let policies = proptest::option::weighted(0.9, proptest::collection::btree_set(0u8..4, 1..4));
    let skip = || proptest::option::weighted(0.15, 0u32..3);
    let mappings = proptest::collection::vec((1u8..4, 1u8..4), 0..4);
    (
        policies,
        mappings,
        skip(),
        skip(),
        skip(),
        proptest::bool::weighted(0.2),
    )
        .prop_map(
            |(policies, mappings, explicit, mapping, any, self_issued)| Said {
                policies,
                mappings,
                explicit,
                mapping,
                any,
                self_issued,
            },
        )
}

fn asked() -> impl Strategy<Value = Asked> {
    (
        proptest::collection::btree_set(0u8..4, 0..3),
        any::<bool>(),
        proptest::bool::weighted(0.2),
        proptest::bool::weighted(0.2),
    )
        .prop_map(|(initial, explicit, mapping, any)| Asked {
            initial,
            explicit,
            mapping,
            any,
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5000))]

    #[test]
    fn the_graph_says_what_the_tree_says(
        chain in proptest::collection::vec(said(), 1..5),
        asked in asked(),
    ) {
        prop_assert_eq!(graph(&chain, &asked), tree(&chain, &asked));
    }
}
