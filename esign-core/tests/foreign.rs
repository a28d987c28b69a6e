//! Signatures that other programs made, and tampered copies of them, judged by us.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail by panicking"
)]

use std::fs;

use esign_core::cades::{self, Input};
use esign_core::crl::crls;
use esign_core::evidence::Evidence;
use esign_core::pades;
use esign_core::policy::Policy;
use esign_core::source::ReadAt;
use esign_core::time::UnixTime;
use esign_core::trust::TrustAnchors;
use esign_core::validation::{Inputs, Integrity, Report, Signature, validate};
use esign_core::x509::certificates;
use test_vectors::fixtures::{foreign_folder, foreign_signatures, pdf_fixtures, pdf_folder};

fn judged(signatures: &[Signature], trust: &[u8], more: &[u8], lists: &[u8], at: &str) -> Report {
    let mut anchors = TrustAnchors::new();
    for certificate in certificates(trust).unwrap_or_default() {
        anchors.add(certificate);
    }
    let mut evidence = Evidence::new();
    for certificate in certificates(more).unwrap_or_default() {
        evidence.add_certificate(certificate);
    }
    for crl in crls(lists).unwrap_or_default() {
        evidence.add_crl(crl);
    }
    let policy = Policy::basic();
    let at = UnixTime::parse(at).unwrap();
    validate(
        signatures,
        &Inputs {
            at,
            anchors: &anchors,
            evidence: &evidence,
            policy: &policy,
        },
    )
}

#[test]
fn what_others_sign_is_judged_as_they_expect() {
    let folder = foreign_folder();
    let all = foreign_signatures().unwrap();
    assert!(all.len() > 20);
    let mut wrong = Vec::new();
    for case in all {
        let read = |names: &[String]| -> Vec<u8> {
            names
                .iter()
                .flat_map(|n| fs::read(folder.join(n)).unwrap())
                .collect()
        };
        let file = fs::read(folder.join(&case.file)).unwrap();
        let content = case
            .content
            .as_ref()
            .map(|c| fs::read(folder.join(c)).unwrap());
        let signatures = if case.format == "pades" {
            pades::prepare(&file).map_err(|e| e.to_string())
        } else {
            let detached = content.as_ref().map(|c| -> &dyn ReadAt { c });
            cades::prepare(&Input {
                message: &file,
                detached,
            })
            .map_err(|e| e.to_string())
        };
        let (indication, integrity, count, text) = match &signatures {
            Err(e) => ("TOTAL-FAILED", None, case.signatures, e.clone()),
            Ok(signatures) => {
                let report = judged(
                    signatures,
                    &read(&case.trust),
                    &read(&case.intermediates),
                    &read(&case.crls),
                    &case.at,
                );
                let integrity =
                    report
                        .signatures
                        .iter()
                        .map(|s| s.integrity)
                        .max_by_key(|i| match i {
                            Integrity::Intact => 0,
                            Integrity::Unknown => 1,
                            Integrity::Broken => 2,
                        });
                (
                    report.indication,
                    integrity,
                    signatures.len(),
                    format!("{report:#?}"),
                )
            }
        };
        let as_expected = match case.expected.as_str() {
            "passed" => indication == "TOTAL-PASSED",
            "failed" => indication == "TOTAL-FAILED",
            _ => indication != "TOTAL-PASSED",
        };
        let integrity_agrees = match (case.integrity.as_deref(), integrity) {
            (Some("intact"), Some(i)) => i == Integrity::Intact,
            (Some("broken"), Some(i)) => i == Integrity::Broken,
            (Some("intact"), None) => false,
            _ => true,
        };
        if !as_expected || !integrity_agrees || count != case.signatures {
            wrong.push(format!(
                "{} by {}: expected {} {:?} ({:?}), got {indication} {integrity:?}, {count} signatures\n{text}",
                case.file, case.made_by, case.expected, case.integrity, case.why
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn signed_pdfs_of_the_fixtures_have_the_integrity_they_should() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for case in pdf_fixtures().unwrap() {
        let file = fs::read(pdf_folder().join(&case.file)).unwrap();
        let signatures = pades::prepare(&file);
        if case.encrypted {
            assert!(signatures.is_err(), "{}", case.file);
            continue;
        }
        let signatures = match signatures {
            Ok(s) => s,
            Err(e) => {
                wrong.push(format!("{}: {e}", case.file));
                continue;
            }
        };
        if signatures.len() != case.signatures {
            wrong.push(format!("{}: {} signatures", case.file, signatures.len()));
        }
        let Some(expected) = &case.integrity else {
            continue;
        };
        seen += 1;
        let report = judged(&signatures, b"", b"", b"", "2027-01-01");
        for s in &report.signatures {
            let found = match s.integrity {
                Integrity::Intact => "intact",
                Integrity::Broken => "broken",
                Integrity::Unknown => "unknown",
            };
            if found != expected {
                wrong.push(format!(
                    "{}: {found}, expected {expected}\n{s:#?}",
                    case.file
                ));
            }
            assert_ne!(
                s.indication, "TOTAL-PASSED",
                "nothing is trusted without anchors"
            );
        }
    }
    assert!(seen > 5);
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
