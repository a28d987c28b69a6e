//! x509-limbo without its web profile: every certificate decodes as another decoder sees it, and
//! all 138 cases are run.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test may fail by panicking"
)]

mod suites;

use std::collections::BTreeMap;

use esign_core::crl::crls;
use esign_core::evidence::Evidence;
use esign_core::path::{KeyPurpose, PathInputs, PathProfile, ReferenceName, RevocationChecking};
use esign_core::time::UnixTime;
use esign_core::trust::TrustAnchors;
use esign_core::x509::{Certificate, certificates};
use serde_json::Value;
use suites::{Run, cross_check, judged_as_expected, suite};
use x509_parser::prelude::{FromDer, X509Certificate};

#[test]
fn limbo_decodes_as_another_decoder_sees_it() {
    let Some(folder) = suite("x509-limbo") else {
        return;
    };
    let suite: Value =
        serde_json::from_slice(&std::fs::read(folder.join("limbo-nonweb.json")).unwrap()).unwrap();
    let (mut seen, mut refused) = (0, BTreeMap::new());
    for case in suite["testcases"].as_array().unwrap() {
        let id = case["id"].as_str().unwrap();
        let mut check = |pem: &Value| {
            let Some(pem) = pem.as_str() else { return };
            match certificates(pem.as_bytes()) {
                Ok(all) => all.iter().for_each(|c| {
                    seen += 1;
                    if X509Certificate::from_der(c.der()).is_ok() {
                        cross_check(id, c);
                    }
                }),
                Err(e) => {
                    // What is refused on decoding must be a case that has to fail.
                    refused.entry(id.to_owned()).or_insert_with(|| {
                        (
                            e.to_string(),
                            case["expected_result"].as_str().unwrap().to_owned(),
                        )
                    });
                }
            }
        };
        for list in ["trusted_certs", "untrusted_intermediates"] {
            case[list].as_array().unwrap().iter().for_each(&mut check);
        }
        check(&case["peer_certificate"]);
        for list in case["crls"].as_array().into_iter().flatten() {
            crls(list.as_str().unwrap().as_bytes()).unwrap_or_else(|e| panic!("{id}: {e}"));
        }
    }
    for (id, (error, expected)) in &refused {
        eprintln!("{id} ({expected}): {error}");
        assert_eq!(expected, "FAILURE", "{id}: {error}");
    }
    eprintln!("{seen} certificates seen");
    assert!(seen > 250);
}

/// The names that a case expects, as we write them.
fn names(case: &Value) -> Vec<ReferenceName> {
    let one = case["expected_peer_name"].as_object().into_iter();
    let one = one.map(|o| (&o["kind"], &o["value"]));
    let many = case["expected_peer_names"].as_array().into_iter().flatten();
    one.chain(many.map(|n| (&n["kind"], &n["value"])))
        .map(|(kind, value)| {
            let kind = match kind.as_str().unwrap() {
                "DNS" => "dns",
                "IP" => "ip",
                "RFC822" => "email",
                other => panic!("{other}"),
            };
            ReferenceName::parse(&format!("{kind}:{}", value.as_str().unwrap())).unwrap()
        })
        .collect()
}

fn judge(case: &Value, profile: PathProfile, run: &mut Run) {
    let id = case["id"].as_str().unwrap();
    // What does not decode is not there; a case with such a leaf fails.
    let read = |list: &[Value]| -> Vec<Certificate> {
        list.iter()
            .flat_map(|p| certificates(p.as_str().unwrap().as_bytes()).unwrap_or_default())
            .collect()
    };
    let list = |name: &str| read(case[name].as_array().unwrap());
    let anchors: TrustAnchors = list("trusted_certs").into_iter().collect();
    let mut evidence = Evidence::new();
    for certificate in list("untrusted_intermediates") {
        evidence.add_certificate(certificate);
    }
    let lists = case["crls"].as_array().unwrap();
    for list in lists {
        for crl in crls(list.as_str().unwrap().as_bytes()).unwrap() {
            evidence.add_crl(crl);
        }
    }
    // No time: that of the run. The suite's certificates are valid for decades.
    let at = case["validation_time"].as_str().unwrap_or("2025-06-01");
    let names = names(case);
    // Purposes are given where a case is about them; else the kind of validation says.
    let purpose = match case["validation_kind"].as_str().unwrap() {
        "SERVER" => KeyPurpose::TlsServer,
        "CLIENT" => KeyPurpose::TlsClient,
        other => panic!("{other}"),
    };
    for usage in case["extended_key_usage"].as_array().unwrap() {
        let named = match usage.as_str().unwrap() {
            "serverAuth" => KeyPurpose::TlsServer,
            "clientAuth" => KeyPurpose::TlsClient,
            other => panic!("{other}"),
        };
        assert_eq!(named, purpose, "{id}");
    }
    let max_depth = case["max_chain_depth"].as_u64();
    assert_eq!(case["key_usage"].as_array().unwrap().len(), 0, "{id}");
    let inputs = PathInputs {
        names: &names,
        max_depth: max_depth.map(|d| d.try_into().unwrap()),
        profile,
        ..PathInputs::new(
            UnixTime::parse(at).unwrap(),
            &anchors,
            &evidence,
            if lists.is_empty() {
                RevocationChecking::Skipped
            } else {
                RevocationChecking::Required
            },
            purpose,
        )
    };
    let leaf = read(&[case["peer_certificate"].clone()]);
    let expected = match case["expected_result"].as_str().unwrap() {
        "SUCCESS" => true,
        "FAILURE" => false,
        other => panic!("{other}"),
    };
    run.case(id, expected, leaf.first(), &inputs);
}

#[test]
fn limbo_is_judged_as_expected() {
    let cases = ("limbo-nonweb.json", "testcases", 138);
    judged_as_expected("x509-limbo", cases, |_, case, profile, run| {
        judge(case, profile, run);
    });
}
