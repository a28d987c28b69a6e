//! Paths of certificates that are signed rightly and say anything: names and constraints, policies
//! and mappings, usages. The verdict alone and the report must agree, and both must end.
#![no_main]

use std::sync::OnceLock;

use esign_core::der::{Tag, Writer};
use esign_core::evidence::Evidence;
use esign_core::keys::{KeySpec, PrivateKey, SigningKey};
use esign_core::oid;
use esign_core::path::{
    KeyPurpose, PathInputs, PathProfile, PolicyInputs, ReferenceName, RevocationChecking,
    find_path, search_paths,
};
use esign_core::report::{Finding, Indication};
use esign_core::time::UnixTime;
use esign_core::trust::TrustAnchors;
use esign_core::x509::{Certificate, NameBuilder};

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

fn key() -> &'static PrivateKey {
    static KEY: OnceLock<PrivateKey> = OnceLock::new();
    KEY.get_or_init(|| PrivateKey::generate(KeySpec::Ed25519).unwrap())
}

fn name(w: &mut Writer, n: u8) {
    let name = NameBuilder::new().with(oid::COMMON_NAME, format!("n{}", n % 4));
    w.raw(name.build().unwrap().der());
}

/// Takes one octet; what is not there is 0.
fn take(input: &mut &[u8]) -> u8 {
    match input.split_first() {
        Some((first, rest)) => {
            *input = rest;
            *first
        }
        None => 0,
    }
}

/// Signs a certificate: its names by the first octet, then extensions as number, length, octets.
fn certificate(input: &mut &[u8], authority: bool) -> Option<Certificate> {
    let key = key();
    let algorithm = key.algorithms()[0];
    let names = take(input);
    let mut extensions: Vec<(usize, bool, Vec<u8>)> = Vec::new();
    if authority {
        extensions.push((0, true, vec![0x30, 3, 1, 1, 0xff]));
    }
    for _ in 0..take(input) % 6 {
        let kind = take(input);
        let length = usize::from(take(input));
        let (value, rest) = input.split_at(length.min(input.len()));
        *input = rest;
        let number = usize::from(kind & 0x7f) % EXTENSIONS.len();
        extensions.retain(|(n, _, _)| *n != number);
        extensions.push((number, kind & 0x80 != 0, value.to_vec()));
    }
    let mut w = Writer::new();
    w.sequence(|w| {
        w.nested(Tag::constructed(0), |w| w.u32(2));
        w.u32(u32::from(names));
        algorithm.encode(w);
        name(w, names >> 2);
        w.sequence(|w| {
            w.time(UnixTime::from_seconds(1_767_225_600));
            w.time(UnixTime::from_seconds(1_798_761_600));
        });
        name(w, names);
        w.raw(key.public_key().spki());
        if !extensions.is_empty() {
            w.nested(Tag::constructed(3), |w| {
                w.sequence(|w| {
                    for (number, critical, value) in &extensions {
                        w.sequence(|w| {
                            w.oid(EXTENSIONS[*number]);
                            if *critical {
                                w.boolean_true();
                            }
                            w.octets(value);
                        });
                    }
                });
            });
        }
    });
    let tbs = w.finish();
    let signature = key.sign(algorithm, &tbs).ok()?;
    let mut w = Writer::new();
    w.sequence(|w| {
        w.raw(&tbs);
        algorithm.encode(w);
        w.bit_octets(&signature);
    });
    Certificate::from_der(&w.finish()).ok()
}

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let mut input = input;
    let asked = take(&mut input);
    let mut anchors = TrustAnchors::new();
    let mut evidence = Evidence::new();
    anchors.add(match certificate(&mut input, true) {
        Some(root) => root,
        None => return,
    });
    for _ in 0..asked & 3 {
        if let Some(ca) = certificate(&mut input, true) {
            evidence.add_certificate(ca);
        }
    }
    let Some(leaf) = certificate(&mut input, false) else {
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
