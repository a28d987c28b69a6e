use super::made::{Holder, Made, World, oid_of};
use super::{decisive, judge};
use crate::der::Writer;
use crate::oid;
use crate::path::{MAX_POLICY_STEPS, PathInputs, PolicyInputs};

const ANY: &str = "2.5.29.32.0";

fn p(n: usize) -> String {
    format!("1.2.3.{n}")
}

/// Judges a path whose certificates below the anchor are these, the end last.
fn below(chain: Vec<Made>, initial: &[&str], change: impl Fn(&mut PolicyInputs<'_>)) -> String {
    let root = Holder::root(Made::authority("CN=root"));
    let mut holders = vec![root];
    for made in chain {
        let next = holders.last().unwrap().issue(made);
        holders.push(next);
    }
    let others: Vec<&Holder> = holders.iter().skip(1).collect();
    let world = World::new(&[&holders[0]], &others);
    let initial: Vec<_> = initial.iter().map(|o| oid_of(o)).collect();
    let mut policies = PolicyInputs {
        initial_policies: &initial,
        ..PolicyInputs::default()
    };
    change(&mut policies);
    let inputs = PathInputs {
        policies,
        ..world.inputs()
    };
    let judged = judge(&holders.last().unwrap().certificate, &inputs);
    match &judged.value {
        None => decisive(&judged),
        Some(path) => {
            let list = |all: &[crate::path::ValidPolicy]| -> String {
                let all: Vec<String> = all.iter().map(|p| p.policy.to_string()).collect();
                all.join(" ")
            };
            let out = path.policies();
            format!(
                "{} | {}",
                list(&out.authority_constrained),
                list(&out.user_constrained)
            )
        }
    }
}

fn ca(n: usize) -> Made {
    Made::authority(&format!("CN=ca {n}"))
}

fn end() -> Made {
    Made::end("CN=end")
}

#[test]
fn outputs_are_what_rfc_9618_says() {
    let none = |_: &mut PolicyInputs<'_>| {};
    let explicit = |i: &mut PolicyInputs<'_>| i.require_explicit = true;
    let (p1, p2, p3) = (p(1), p(2), p(3));
    let (p1, p2, p3) = (p1.as_str(), p2.as_str(), p3.as_str());
    // The same policy all the way.
    let simple = || vec![ca(1).policies(&[p1, p2]), end().policies(&[p1])];
    assert_eq!(below(simple(), &[], none), "1.2.3.1 | 1.2.3.1");
    assert_eq!(below(simple(), &[p1], explicit), "1.2.3.1 | 1.2.3.1");
    assert_eq!(below(simple(), &[p2], none), "1.2.3.1 | ");
    assert_eq!(
        below(simple(), &[p2], explicit),
        "path.policies: policies_wanted [\"1.2.3.2\"], policies_allowed [\"1.2.3.1\"], \
         asserted [\"1.2.3.1\"]"
    );
    // None at all is no fault unless one is asked for (6.1.3 (e), (f)).
    assert_eq!(below(vec![ca(1), end()], &[], none), " | ");
    assert!(below(vec![ca(1), end()], &[], explicit).starts_with(
        "path.policies: policies_wanted [\"2.5.29.32.0\"], policies_allowed [], asserted [], \
             policies_expected [\"2.5.29.32.0\"], lost_at \"certificate"
    ));
    // Where the last policy was lost, and what would have been one there.
    let other = vec![
        ca(1).policies(&[p1]),
        ca(2).policies(&[p3]),
        end().policies(&[p1]),
    ];
    let found = below(other, &[p1], explicit);
    assert!(
        found.contains(
            "asserted [\"1.2.3.3\"], policies_expected [\"1.2.3.1\"], lost_at \"certificate"
        ) && found.ends_with("of CN=ca 2\""),
        "{found}"
    );
    // anyPolicy is as good as each of the initial ones.
    let any = || vec![ca(1).policies(&[ANY]), end().policies(&[ANY])];
    assert_eq!(below(any(), &[], none), "2.5.29.32.0 | 2.5.29.32.0");
    assert_eq!(
        below(any(), &[p1, p3], explicit),
        "2.5.29.32.0 | 1.2.3.1 1.2.3.3"
    );
    assert!(
        below(any(), &[p1], |i| {
            i.inhibit_any = true;
            i.require_explicit = true;
        })
        .starts_with("path.policies")
    );
    // A mapping: the output is in the anchor's domain.
    let mapped = || {
        vec![
            ca(1).policies(&[p1]).mappings(&[(p1, p2)]),
            end().policies(&[p2]),
        ]
    };
    assert_eq!(below(mapped(), &[p1], explicit), "1.2.3.1 | 1.2.3.1");
    assert!(below(mapped(), &[p2], explicit).starts_with("path.policies"));
    assert!(
        below(mapped(), &[p1], |i| {
            i.inhibit_mapping = true;
            i.require_explicit = true;
        })
        .starts_with("path.policies")
    );
    // Mapped from anyPolicy (6.1.4 (b)(1)).
    let from_any = vec![
        ca(1).policies(&[ANY]).mappings(&[(p1, p2)]),
        end().policies(&[p2]),
    ];
    assert_eq!(below(from_any, &[p1], explicit), "1.2.3.1 | 1.2.3.1");
    // anyPolicy must not be mapped (6.1.4 (a)).
    let bad = vec![
        ca(1).policies(&[ANY]).mappings(&[(ANY, p2)]),
        end().policies(&[p2]),
    ];
    assert!(below(bad, &[], none).starts_with("path.policy-mappings"));
    // requireExplicitPolicy after a number of certificates.
    // 6.1.5 (a) counts the last certificate, too.
    for (skip, holds) in [(0, false), (2, false), (3, true)] {
        let chain = vec![ca(1).policy_constraints(Some(skip), None), ca(2), end()];
        let found = below(chain, &[], none);
        assert_eq!(found == " | ", holds, "{skip}: {found}");
    }
    // Two policies mapped to one, and one to two.
    let both = vec![
        ca(1).policies(&[p1, p2]).mappings(&[(p1, p3), (p2, p3)]),
        end().policies(&[p3]),
    ];
    assert_eq!(below(both, &[], none), "1.2.3.1 1.2.3.2 | 1.2.3.1 1.2.3.2");
}

#[test]
fn qualifiers_are_those_of_the_last_certificate() {
    let mut w = Writer::new();
    w.sequence(|w| {
        w.sequence(|w| {
            w.oid(oid_of("1.2.3.2"));
            w.sequence(|w| {
                w.sequence(|w| {
                    w.oid(oid::QT_CPS);
                    w.tlv(crate::der::Tag::IA5_STRING, b"http://example.az");
                });
            });
        });
    });
    let root = Holder::root(Made::authority("CN=root"));
    let ca = root.issue(
        ca(1)
            .policies(&["1.2.3.1"])
            .mappings(&[("1.2.3.1", "1.2.3.2")]),
    );
    let leaf = ca.issue(end().with(oid::CERTIFICATE_POLICIES, false, w.finish()));
    let world = World::new(&[&root], &[&ca]);
    let judged = judge(&leaf.certificate, &world.inputs());
    let path = judged.value.unwrap();
    let policy = &path.policies().user_constrained[0];
    assert_eq!(policy.policy, oid_of("1.2.3.1"));
    assert_eq!(policy.qualifiers, [oid::QT_CPS]);
}

/// The tree of RFC 5280 would have 30^8 leaves here; the graph has 30 nodes at each depth.
#[test]
fn mappings_do_not_explode() {
    const N: usize = 30;
    let all: Vec<String> = (0..N).map(p).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let pairs: Vec<(&str, &str)> = all
        .iter()
        .flat_map(|a| all.iter().map(|b| (*a, *b)))
        .collect();
    let mut chain: Vec<Made> = (0..7)
        .map(|n| ca(n).policies(&all).mappings(&pairs))
        .collect();
    chain.push(end().policies(&[all[3]]));
    let start = std::time::Instant::now();
    let found = below(chain, &[all[5]], |i| i.require_explicit = true);
    assert!(found.ends_with(" | 1.2.3.5"), "{found}");
    assert!(start.elapsed().as_secs() < 2, "{:?}", start.elapsed());
}

#[test]
fn policies_are_paid_for() {
    let all: Vec<String> = (0..MAX_POLICY_STEPS / 2).map(p).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let found = below(
        vec![ca(1).policies(&all), end().policies(&[all[0]])],
        &[],
        |_| {},
    );
    assert!(found.starts_with("path.policies: limit"), "{found}");
    let some = &all[..MAX_POLICY_STEPS / 8];
    let found = below(
        vec![ca(1).policies(some), end().policies(&[all[0]])],
        &[],
        |_| {},
    );
    assert_eq!(found, "1.2.3.0 | 1.2.3.0");
}
