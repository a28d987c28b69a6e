//! Names: compared as RFC 5280 7.1 asks, by two ways that must agree; read from text and written
//! again; and held against constraints, which can only take away.
#![no_main]

mod made;

use esign_core::evidence::Evidence;
use esign_core::oid;
use esign_core::path::{
    KeyPurpose, PathInputs, ReferenceName, RevocationChecking, find_path, search_paths,
};
use esign_core::time::UnixTime;
use esign_core::trust::TrustAnchors;
use esign_core::x509::{Name, NameBuilder};
use made::{certificate, take};

const EXTENSIONS: [oid::ObjectIdentifier; 3] =
    [oid::BASIC_CONSTRAINTS, oid::NAME_CONSTRAINTS, oid::SUBJECT_ALT_NAME];

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let mut input = input;
    match take(&mut input) % 3 {
        0 => compared(input),
        1 => parsed(input),
        _ => constrained(input),
    }
});

/// Two names, the length of the first before it.
fn compared(mut input: &[u8]) {
    let length = usize::from(take(&mut input)).min(input.len());
    let (a, b) = input.split_at(length);
    let (Ok(a), Ok(b)) = (Name::from_der(a), Name::from_der(b)) else {
        return;
    };
    assert!(a.matches(&a) && b.matches(&b));
    let same = a.comparison_key() == b.comparison_key();
    assert_eq!(a.matches(&b), same, "{a} {b}");
    assert_eq!(b.matches(&a), same, "{a} {b}");
}

fn parsed(input: &[u8]) {
    let Ok(text) = core::str::from_utf8(input) else {
        return;
    };
    if let Ok(name) = ReferenceName::parse(text) {
        assert_eq!(ReferenceName::parse(&name.to_string()), Ok(name));
    }
    if let Some(name) = NameBuilder::parse(text).ok().and_then(|b| b.build().ok()) {
        assert!(Name::from_der(name.der()).is_ok_and(|again| again.matches(&name)));
    }
}

/// A root and a certificate that it issued, both with names and constraints.
fn constrained(mut input: &[u8]) {
    let at = UnixTime::from_seconds(1_780_000_000);
    let mut anchors = TrustAnchors::new();
    let Some(root) = certificate(&mut input, true, &EXTENSIONS) else {
        return;
    };
    anchors.add(root);
    let Some(leaf) = certificate(&mut input, false, &EXTENSIONS) else {
        return;
    };
    let evidence = Evidence::new();
    let name = core::str::from_utf8(input).ok();
    let name = name.and_then(|n| ReferenceName::parse(n).ok());
    let name: Vec<ReferenceName> = name.into_iter().collect();
    let (revocation, purpose) = (RevocationChecking::Skipped, KeyPurpose::Any);
    let any = PathInputs::new(at, &anchors, &evidence, revocation, purpose);
    let named = PathInputs { names: &name, ..any };
    let passed = find_path(&leaf, &named).is_some();
    assert_eq!(search_paths(&leaf, &named).judged.value.is_some(), passed);
    // Asking for a name as well never lets more pass.
    assert!(!passed || find_path(&leaf, &any).is_some());
}
