use super::made::{Holder, Made, World};
use super::{decisive, judge};
use crate::path::budget::Budget;
use crate::path::search::nested;
use crate::path::{
    MAX_ATTEMPTS, MAX_CANDIDATES, MAX_NESTED, MAX_PATH_LEN, PathInputs, search_paths,
};
use crate::report::{Fact, Finding};

/// The limit that a report says was reached.
fn limit(report: &[Finding]) -> Option<&Fact> {
    let children = report.iter().flat_map(|f| &f.children);
    let mut all = report.iter().chain(children);
    all.find(|f| f.rule == "path.budget")
        .map(|f| &f.because[0].1)
}

#[test]
fn the_good_path_comes_first() {
    let root = Holder::root(Made::authority("CN=root"));
    let old_root = Holder::root(Made::authority("CN=old root"));
    let ca = root.issue(Made::authority("CN=ca"));
    let leaf = ca.issue(Made::end("CN=leaf"));
    let expired = Made::authority("CN=ca").valid("2020-01-01", "2021-01-01");
    // The same key again: expired, under an anchor that nobody has, and not an authority.
    let same = |made: Made, under: &Holder| Holder {
        certificate: made.sign(&ca.key, &under.name, &under.key),
        name: ca.name.clone(),
        key: super::made::key(),
    };
    let expired = same(expired, &root);
    let elsewhere = same(Made::authority("CN=ca"), &old_root);
    let no_authority = same(Made::end("CN=ca"), &root);
    let twins: Vec<Holder> = (0..20)
        .map(|_| root.issue(Made::authority("CN=ca")))
        .collect();
    let mut others: Vec<&Holder> = twins.iter().collect();
    others.extend([&expired, &elsewhere, &no_authority, &ca]);
    let world = World::new(&[&root], &others);
    let searched = search_paths(&leaf.certificate, &world.inputs());
    assert!(searched.judged.value.is_some());
    assert_eq!(searched.attempts.len(), 1, "{:#?}", searched.attempts);
    // Without the good one every other is tried, and the best failure is told.
    others.pop();
    let world = World::new(&[&root], &others);
    let searched = search_paths(&leaf.certificate, &world.inputs());
    assert!(searched.judged.value.is_none());
    assert!(searched.attempts.len() >= 3);
    let found = decisive(&searched.judged);
    assert!(
        found.starts_with("path.validity") || found.starts_with("path.basic-constraints"),
        "{found}"
    );
}

#[test]
fn cross_certificates_and_loops_end() {
    // a and b certify each other, c both; the way out is over b alone.
    let root = Holder::root(Made::authority("CN=root"));
    let a = Holder::root(Made::authority("CN=a"));
    let b = Holder::root(Made::authority("CN=b"));
    let cross = |subject: &Holder, issuer: &Holder| Holder {
        certificate: Made::authority(&subject.name).sign(&subject.key, &issuer.name, &issuer.key),
        name: subject.name.clone(),
        key: super::made::key(),
    };
    let (ab, ba, out) = (cross(&a, &b), cross(&b, &a), cross(&b, &root));
    let leaf = a.issue(Made::end("CN=leaf"));
    let world = World::new(&[&root], &[&a, &b, &ab, &ba, &out]);
    let path = judge(&leaf.certificate, &world.inputs()).value.unwrap();
    let names: Vec<String> = path
        .chain()
        .iter()
        .map(|c| c.subject().to_string())
        .collect();
    assert_eq!(names, ["CN=leaf", "CN=a", "CN=b", "CN=root"]);
    // Without it the loop is told.
    let world = World::new(&[&root], &[&a, &b, &ab, &ba]);
    let judged = judge(&leaf.certificate, &world.inputs());
    assert!(
        decisive(&judged).starts_with("path.loop"),
        "{:#?}",
        judged.report
    );
    // Of several anchors the one that leads to a path is found.
    let world = World::new(&[&root, &a, &b], &[&ab, &ba]);
    assert_eq!(
        judge(&leaf.certificate, &world.inputs())
            .value
            .unwrap()
            .chain()
            .len(),
        2
    );
}

#[test]
fn who_is_missing_is_told() {
    let root = Holder::root(Made::authority("CN=root,O=Org,C=AZ"));
    let ca = root.issue(Made::authority("CN=ca,O=Org,C=AZ"));
    let leaf = ca.issue(Made::end("CN=leaf"));
    let world = World::new(&[&root], &[]);
    assert_eq!(
        decisive(&judge(&leaf.certificate, &world.inputs())),
        "path.issuer-name: issuer \"CN=ca, O=Org, C=AZ\", subject \"CN=root, O=Org, C=AZ\", \
         same_key_identifier false"
    );
    let other = Holder::root(Made::authority("CN=somebody else"));
    let world = World::new(&[&other], &[]);
    assert_eq!(
        decisive(&judge(&leaf.certificate, &world.inputs())),
        "path.issuer-name: issuer \"CN=ca, O=Org, C=AZ\", trusted [\"CN=somebody else\"]"
    );
    // The key is there under another name.
    let renamed = Holder {
        certificate: Made::authority("CN=new name").sign(&ca.key, &root.name, &root.key),
        name: "CN=new name".into(),
        key: super::made::key(),
    };
    let world = World::new(&[&root], &[&renamed]);
    assert_eq!(
        decisive(&judge(&leaf.certificate, &world.inputs())),
        "path.issuer-name: issuer \"CN=ca, O=Org, C=AZ\", subject \"CN=new name\", \
         same_key_identifier true"
    );
    // The name is there with another key.
    let twin = root.issue(Made::authority("CN=ca,O=Org,C=AZ"));
    let world = World::new(&[&root], &[&twin]);
    let found = decisive(&judge(&leaf.certificate, &world.inputs()));
    assert!(
        found.starts_with("path.signature: verifies false"),
        "{found}"
    );
}

#[test]
fn length_and_candidates_are_bounded() {
    let root = Holder::root(Made::authority("CN=root"));
    let mut chain = vec![root];
    for n in 0..MAX_PATH_LEN {
        let next = chain
            .last()
            .unwrap()
            .issue(Made::authority(&format!("CN=ca {n}")));
        chain.push(next);
    }
    let others: Vec<&Holder> = chain.iter().skip(1).collect();
    let world = World::new(&[&chain[0]], &others);
    let inputs = world.inputs();
    // The leaf, eight authorities and the anchor are as long as it may be.
    let longest = chain[MAX_PATH_LEN - 2].issue(Made::end("CN=leaf"));
    assert_eq!(
        judge(&longest.certificate, &inputs)
            .value
            .unwrap()
            .chain()
            .len(),
        MAX_PATH_LEN
    );
    let longer = chain[MAX_PATH_LEN - 1].issue(Made::end("CN=leaf"));
    let judged = judge(&longer.certificate, &inputs);
    assert!(judged.value.is_none());
    assert_eq!(limit(&judged.report), Some(&"path length".into()));

    // All authorities certify each other: every order of them is a path.
    let all: Vec<Holder> = (0..8)
        .map(|n| Holder::root(Made::authority(&format!("CN=m {n}"))))
        .collect();
    let mut mesh = Vec::new();
    for a in &all {
        for b in &all {
            if a.name != b.name {
                mesh.push(Holder {
                    certificate: Made::authority(&a.name).sign(&a.key, &b.name, &b.key),
                    name: a.name.clone(),
                    key: super::made::key(),
                });
            }
        }
    }
    let leaf = all[0].issue(Made::end("CN=leaf"));
    let others: Vec<&Holder> = mesh.iter().collect();
    let world = World::new(&[&chain[0]], &others);
    let start = std::time::Instant::now();
    let searched = search_paths(&leaf.certificate, &world.inputs());
    assert!(start.elapsed().as_secs() < 2, "{:?}", start.elapsed());
    assert!(searched.judged.value.is_none());
    assert_eq!(
        limit(&searched.judged.report),
        Some(&"candidates".into()),
        "after {MAX_CANDIDATES}"
    );
    assert_eq!(searched.attempts.len(), MAX_ATTEMPTS);
    assert!(searched.attempts_left_out > 0);
}

#[test]
fn nested_paths_share_the_budget_and_end() {
    let root = Holder::root(Made::authority("CN=root"));
    let leaf = root.issue(Made::end("CN=leaf"));
    let world = World::new(&[&root], &[]);
    let inputs = PathInputs {
        max_depth: Some(0),
        ..world.inputs()
    };
    let mut budget = Budget::new(true);
    assert!(
        nested(&leaf.certificate, &inputs, &mut budget)
            .value
            .is_some()
    );
    assert!(budget.open.is_empty());
    // Its own path is being searched.
    budget.open.push(leaf.certificate.clone());
    let judged = nested(&leaf.certificate, &inputs, &mut budget);
    assert!(decisive(&judged).starts_with("path.loop"));
    // Too deep.
    while budget.open.len() < MAX_NESTED {
        budget.open.push(root.certificate.clone());
    }
    let other = root.issue(Made::end("CN=other"));
    let judged = nested(&other.certificate, &inputs, &mut budget);
    assert_eq!(limit(&judged.report), Some(&"nested paths".into()));
    // What the outer search has spent is gone.
    let mut budget = Budget::new(true);
    while budget.signature().is_ok() {}
    let judged = nested(&leaf.certificate, &inputs, &mut budget);
    assert!(judged.value.is_none());
    assert_eq!(limit(&judged.report), Some(&"signatures".into()));
}
