//! Policies: chains that assert, map and inhibit anything. What is asked for more strictly never
//! passes where the looser question does not, and the outputs keep to what was asked.
#![no_main]

mod made;

use esign_core::evidence::Evidence;
use esign_core::oid;
use esign_core::path::{
    KeyPurpose, PathInputs, PolicyInputs, PolicyOutputs, RevocationChecking, find_path, search_paths,
};
use esign_core::time::UnixTime;
use esign_core::trust::TrustAnchors;
use made::{certificate, take};

const EXTENSIONS: [oid::ObjectIdentifier; 5] = [
    oid::BASIC_CONSTRAINTS,
    oid::CERTIFICATE_POLICIES,
    oid::POLICY_MAPPINGS,
    oid::POLICY_CONSTRAINTS,
    oid::INHIBIT_ANY_POLICY,
];

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let mut input = input;
    let asked = take(&mut input);
    let mut anchors = TrustAnchors::new();
    let mut evidence = Evidence::new();
    let Some(root) = certificate(&mut input, true, &EXTENSIONS) else {
        return;
    };
    anchors.add(root);
    for _ in 0..asked & 3 {
        if let Some(ca) = certificate(&mut input, true, &EXTENSIONS) {
            evidence.add_certificate(ca);
        }
    }
    let Some(leaf) = certificate(&mut input, false, &EXTENSIONS) else {
        return;
    };
    let wanted = ["1.2.3".parse().unwrap(), "1.2.4".parse().unwrap()];
    let policies = PolicyInputs {
        initial_policies: &wanted[..usize::from(asked >> 2 & 3).min(2)],
        require_explicit: asked & 16 != 0,
        inhibit_mapping: asked & 32 != 0,
        inhibit_any: asked & 64 != 0,
    };
    let at = UnixTime::from_seconds(1_780_000_000);
    let (revocation, purpose) = (RevocationChecking::Skipped, KeyPurpose::Any);
    let inputs = PathInputs {
        policies,
        ..PathInputs::new(at, &anchors, &evidence, revocation, purpose)
    };
    let found = find_path(&leaf, &inputs);
    assert_eq!(search_paths(&leaf, &inputs).judged.value.is_some(), found.is_some());
    let Some(path) = found else {
        return;
    };
    let loose = PathInputs {
        policies: PolicyInputs::default(),
        ..inputs
    };
    assert!(find_path(&leaf, &loose).is_some());
    let PolicyOutputs { authority_constrained, user_constrained } = path.policies();
    assert!(!policies.require_explicit || !user_constrained.is_empty());
    let any = authority_constrained.iter().any(|p| p.policy == oid::ANY_POLICY);
    for policy in user_constrained {
        let initial = policies.initial_policies;
        assert!(initial.is_empty() || initial.contains(&policy.policy));
        assert!(any || authority_constrained.iter().any(|p| p.policy == policy.policy));
    }
    for all in [authority_constrained, user_constrained] {
        assert!(all.is_sorted_by(|a, b| a.policy < b.policy));
    }
});
