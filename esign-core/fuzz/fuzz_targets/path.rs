//! Paths of certificates that are signed rightly and say anything: names and constraints, policies
//! and mappings, usages. The verdict alone and the report must agree, and both must end.
#![no_main]

mod made;

use esign_core::evidence::Evidence;
use esign_core::oid;
use esign_core::path::{
    KeyPurpose, PathInputs, PathProfile, PolicyInputs, ReferenceName, RevocationChecking,
    find_path, search_paths,
};
use esign_core::report::{Finding, Indication};
use esign_core::time::UnixTime;
use esign_core::trust::TrustAnchors;
use made::{certificate, take};

/// What the input may put into a certificate, by number.
const EXTENSIONS: [oid::ObjectIdentifier; 10] = [
    oid::BASIC_CONSTRAINTS,
    oid::KEY_USAGE,
    oid::EXT_KEY_USAGE,
    oid::SUBJECT_ALT_NAME,
    oid::NAME_CONSTRAINTS,
    oid::CERTIFICATE_POLICIES,
    oid::POLICY_MAPPINGS,
    oid::POLICY_CONSTRAINTS,
    oid::INHIBIT_ANY_POLICY,
    oid::AUTHORITY_KEY_IDENTIFIER,
];

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let mut input = input;
    let asked = take(&mut input);
    let mut anchors = TrustAnchors::new();
    let mut evidence = Evidence::new();
    anchors.add(match certificate(&mut input, true, &EXTENSIONS) {
        Some(root) => root,
        None => return,
    });
    for _ in 0..asked & 3 {
        if let Some(ca) = certificate(&mut input, true, &EXTENSIONS) {
            evidence.add_certificate(ca);
        }
    }
    let Some(leaf) = certificate(&mut input, false, &EXTENSIONS) else {
        return;
    };
    let policy = ["1.2.3".parse().unwrap()];
    let names = [ReferenceName::parse("dns:a.example.com").unwrap()];
    let purposes = [KeyPurpose::Any, KeyPurpose::TlsServer, KeyPurpose::DocumentSigning];
    let inputs = PathInputs {
        names: if asked & 4 == 0 { &[] } else { &names },
        policies: PolicyInputs {
            initial_policies: if asked & 8 == 0 { &[] } else { &policy },
            require_explicit: asked & 16 != 0,
            ..PolicyInputs::default()
        },
        profile: if asked & 32 == 0 { PathProfile::Pkix } else { PathProfile::Strict },
        ..PathInputs::new(
            UnixTime::from_seconds(1_780_000_000),
            &anchors,
            &evidence,
            RevocationChecking::Skipped,
            purposes[usize::from(asked >> 6) % purposes.len()],
        )
    };
    let searched = search_paths(&leaf, &inputs);
    let passed = searched.judged.value.is_some();
    assert_eq!(Finding::worst(&searched.judged.report) == Indication::Passed, passed);
    let alone = find_path(&leaf, &inputs);
    assert_eq!(alone.is_some(), passed);
    if let Some(path) = alone {
        let outputs = path.policies();
        assert!(!inputs.policies.require_explicit || !outputs.user_constrained.is_empty());
    }
});
