//! NIST PKITS: every certificate and list decodes as another decoder sees it, and every one of the
//! 249 cases is judged as the suite has it, policy outputs included.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test may fail by panicking"
)]

mod suites;

use std::path::Path;

use esign_core::crl::Crl;
use esign_core::evidence::Evidence;
use esign_core::oid::ObjectIdentifier;
use esign_core::path::{KeyPurpose, PathInputs, PathProfile, PolicyInputs, RevocationChecking};
use esign_core::time::UnixTime;
use esign_core::trust::TrustAnchors;
use esign_core::x509::{Certificate, GeneralName};
use serde_json::Value;
use suites::{Run, cross_check, files, judged_as_expected, suite};
use x509_parser::prelude::{CertificateRevocationList, FromDer};

#[test]
fn pkits_decodes_as_another_decoder_sees_it() {
    let Some(folder) = suite("pkits") else { return };
    let all = files(&folder.join("certs"));
    assert_eq!(all.len(), 405);
    for (name, der) in &all {
        let certificate = Certificate::from_der(der).unwrap_or_else(|e| panic!("{name}: {e}"));
        cross_check(name, &certificate);
        certificate.crl_distribution_points().unwrap();
        certificate.freshest_crl().unwrap();
        certificate.certificate_policies().unwrap();
        certificate.subject_alt_name().unwrap();
        certificate.name_constraints().unwrap();
    }
    let lists = files(&folder.join("crls"));
    assert_eq!(lists.len(), 173);
    for (name, der) in &lists {
        let crl = Crl::from_der(der).unwrap_or_else(|e| panic!("{name}: {e}"));
        let (_, other) = CertificateRevocationList::from_der(der).unwrap();
        assert_eq!(
            crl.len(),
            other.iter_revoked_certificates().count(),
            "{name}"
        );
        for (entry, other) in crl.entries().zip(other.iter_revoked_certificates()) {
            let entry = entry.unwrap();
            assert_eq!(entry.serial.as_bytes(), other.raw_serial(), "{name}");
            assert_eq!(
                entry.revocation_date.seconds(),
                other.revocation_date.timestamp()
            );
            // Some list the same serial twice; the first date of both is in the answer.
            let issuer = match entry.certificate_issuer.as_deref() {
                Some([GeneralName::Directory(name)]) => name,
                Some(other) => panic!("{name}: {other:?}"),
                None => crl.issuer(),
            };
            let found = crl.find_of(issuer, &entry.serial).unwrap().unwrap();
            assert_eq!(found.serial, entry.serial);
        }
        crl.issuing_distribution_point().unwrap();
        crl.freshest().unwrap();
        crl.number().unwrap();
    }
}

/// Judges one case under `profile`, and compares the policies where it is valid.
fn case(folder: &Path, case: &Value, profile: PathProfile, run: &mut Run) {
    let id = case["id"].as_str().unwrap();
    let read = |v: &Value| std::fs::read(folder.join(v.as_str().unwrap())).unwrap();
    let chain: Vec<Certificate> = case["certs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| Certificate::from_der(&read(c)).unwrap())
        .collect();
    let mut evidence = Evidence::new();
    for certificate in &chain {
        evidence.add_certificate(certificate.clone());
    }
    for crl in case["crls"].as_array().unwrap() {
        evidence.add_crl(Crl::from_der(&read(crl)).unwrap());
    }
    let anchors: TrustAnchors = chain.first().cloned().into_iter().collect();
    let oids = |v: &Value| -> Vec<ObjectIdentifier> {
        let list = v.as_array().unwrap().iter();
        list.map(|o| o.as_str().unwrap().parse().unwrap()).collect()
    };
    let initial = oids(&case["initial_policy_set"]);
    let flag = |name: &str| case[name].as_bool().unwrap();
    let inputs = PathInputs {
        policies: PolicyInputs {
            initial_policies: &initial,
            require_explicit: flag("initial_explicit_policy"),
            inhibit_mapping: flag("initial_policy_mapping_inhibit"),
            inhibit_any: flag("initial_inhibit_any_policy"),
        },
        profile,
        ..PathInputs::new(
            UnixTime::parse(case["time"].as_str().unwrap()).unwrap(),
            &anchors,
            &evidence,
            RevocationChecking::Required,
            KeyPurpose::Any,
        )
    };
    let leaf = chain.last().unwrap();
    let expected = case["should_validate"].as_bool().unwrap();
    let path = run.case(id, expected, Some(leaf), &inputs);
    let speaks_of_policies = (8..=12).any(|n| id.starts_with(&format!("4.{n}.")));
    if let (true, true, Some(path)) = (expected, speaks_of_policies, &path) {
        let found: Vec<_> = path
            .policies()
            .user_constrained
            .iter()
            .map(|p| p.policy)
            .collect();
        let mut wanted = oids(&case["user_constrained_policy_set"]);
        wanted.sort_unstable();
        assert_eq!(found, wanted, "{id}: user-constrained-policy-set");
    }
}

#[test]
fn pkits_is_judged_as_expected() {
    judged_as_expected("pkits", ("pkits.json", "cases", 249), case);
}
