//! Certificates and lists of the public suites: every one decodes, an independent decoder sees
//! the same in it, and no path that must not validate does.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test may fail by panicking"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use esign_core::crl::{Crl, crls};
use esign_core::evidence::Evidence;
use esign_core::path::{KeyPurpose, PathInputs, RevocationChecking, build_path};
use esign_core::report::Finding;
use esign_core::time::UnixTime;
use esign_core::trust::TrustAnchors;
use esign_core::x509::{Certificate, certificates};
use serde_json::Value;
use x509_parser::prelude::{CertificateRevocationList, FromDer, X509Certificate};

/// The folder of a suite; says on standard error where there is none.
fn suite(name: &str) -> Option<PathBuf> {
    let Some(root) = std::env::var_os("ESIGN_CORPORA") else {
        eprintln!("NOT RUN: {name}: ESIGN_CORPORA is not set");
        return None;
    };
    let folder = Path::new(&root).join(name);
    assert!(folder.is_dir(), "{} is not there", folder.display());
    Some(folder)
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .map(|p| {
            (
                p.file_name().unwrap().to_string_lossy().into_owned(),
                std::fs::read(&p).unwrap(),
            )
        })
        .collect();
    all.sort();
    all
}

/// Compares what both decoders see.
fn cross_check(name: &str, certificate: &Certificate) {
    let (rest, other) = X509Certificate::from_der(certificate.der())
        .unwrap_or_else(|e| panic!("{name}: the other decoder says {e}"));
    assert!(rest.is_empty());
    assert_eq!(
        certificate.serial().as_bytes(),
        other.raw_serial(),
        "{name}"
    );
    assert_eq!(
        certificate.issuer().der(),
        other.issuer().as_raw(),
        "{name}"
    );
    assert_eq!(
        certificate.subject().der(),
        other.subject().as_raw(),
        "{name}"
    );
    assert_eq!(
        certificate.tbs_der(),
        other.tbs_certificate.as_ref(),
        "{name}"
    );
    assert_eq!(certificate.spki_der(), other.public_key().raw, "{name}");
    if other.signature_value.unused_bits == 0 {
        assert_eq!(
            certificate.signature(),
            other.signature_value.data.as_ref(),
            "{name}"
        );
    }
    assert_eq!(
        u32::from(certificate.version()),
        other.version().0 + 1,
        "{name}"
    );
    let validity = other.validity();
    assert_eq!(
        certificate.not_before().seconds(),
        validity.not_before.timestamp(),
        "{name}"
    );
    assert_eq!(
        certificate.not_after().seconds(),
        validity.not_after.timestamp(),
        "{name}"
    );
    let ours: Vec<_> = certificate
        .extensions()
        .map(|e| (e.oid.as_bytes().to_vec(), e.critical, e.value.to_vec()))
        .collect();
    let theirs: Vec<_> = other
        .extensions()
        .iter()
        .map(|e| (e.oid.as_bytes().to_vec(), e.critical, e.value.to_vec()))
        .collect();
    assert_eq!(ours, theirs, "{name}");
    if let Ok(Some(usage)) = other.key_usage() {
        assert_eq!(
            certificate.key_usage().unwrap().unwrap().0,
            usage.value.flags,
            "{name}"
        );
    }
    if let Ok(Some(basic)) = other.basic_constraints() {
        let ours = certificate.basic_constraints().unwrap().unwrap();
        assert_eq!(
            (ours.ca, ours.path_len),
            (basic.value.ca, basic.value.path_len_constraint)
        );
    }
}

#[test]
fn pkits_decodes_as_another_decoder_sees_it() {
    let Some(folder) = suite("pkits") else { return };
    let all = files(&folder.join("certs"));
    assert_eq!(all.len(), 405);
    for (name, der) in &all {
        let certificate = Certificate::from_der(der).unwrap_or_else(|e| panic!("{name}: {e}"));
        cross_check(name, &certificate);
        certificate.crl_distribution_points().unwrap();
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
            assert_eq!(
                crl.find(&entry.serial).unwrap().unwrap().serial,
                entry.serial
            );
        }
        crl.issuing_distribution_point().unwrap();
        crl.number().unwrap();
    }
}

/// Valid paths that are refused, and what is not processed that they need. A case that passes
/// unexpectedly fails the test as well.
const REFUSED: &[(&str, &str)] = &[
    ("DSA signatures are not verified", "4.1.4 4.1.5"),
    (
        "a list signed with another key of the issuer",
        "4.4.19 4.5.1 4.6.15 4.6.17 4.9.6 4.11.7 4.12.7 4.12.9 4.13.19",
    ),
    (
        "policy constraints",
        "4.8.6.1 4.8.6.2 4.8.10.1 4.8.10.2 4.8.10.3 4.8.11.1 4.8.11.2 4.8.13.1 4.8.13.2 4.8.13.3 4.8.14.1 4.8.18.1 4.8.18.2 4.9.1 4.9.2 4.9.4 4.10.1.1 4.10.3.2 4.10.5.1 4.10.6.1 4.10.9 4.10.11 4.10.12.1 4.10.12.2 4.10.13.1 4.10.13.2 4.10.14 4.11.2 4.11.4 4.12.2 4.12.3.1",
    ),
    (
        "name constraints",
        "4.13.1 4.13.4 4.13.5 4.13.6 4.13.11 4.13.14 4.13.18 4.13.21 4.13.23 4.13.25 4.13.27 4.13.30 4.13.32 4.13.34 4.13.36",
    ),
    (
        "a distribution point named by its issuer or relative to it",
        "4.5.4 4.5.6 4.14.4 4.14.5 4.14.7",
    ),
    ("lists by reason", "4.14.18 4.14.19"),
    (
        "lists of another issuer",
        "4.14.22 4.14.24 4.14.25 4.14.28 4.14.29 4.14.30 4.14.33",
    ),
    ("a hold lifted by a delta list", "4.15.5"),
];

#[test]
fn pkits_accepts_no_path_that_must_fail() {
    let Some(folder) = suite("pkits") else { return };
    let suite: Value =
        serde_json::from_slice(&std::fs::read(folder.join("pkits.json")).unwrap()).unwrap();
    let (mut refused, mut cases) = (Vec::new(), 0);
    let mut false_accepts = Vec::new();
    for case in suite["cases"].as_array().unwrap() {
        let id = case["id"].as_str().unwrap();
        let read = |v: &Value| std::fs::read(folder.join(v.as_str().unwrap())).unwrap();
        let chain: Vec<Certificate> = case["certs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|c| Certificate::from_der(&read(c)).unwrap())
            .collect();
        let mut evidence = Evidence::new();
        chain.iter().for_each(|c| {
            evidence.add_certificate(c.clone());
        });
        for crl in case["crls"].as_array().unwrap() {
            evidence.add_crl(Crl::from_der(&read(crl)).unwrap());
        }
        let anchors: TrustAnchors = chain.first().cloned().into_iter().collect();
        let judged = build_path(
            chain.last().unwrap(),
            &PathInputs {
                at: UnixTime::parse(case["time"].as_str().unwrap()).unwrap(),
                anchors: &anchors,
                evidence: &evidence,
                revocation: RevocationChecking::Required,
                purpose: KeyPurpose::Any,
            },
        );
        // Policy inputs other than the default are not among the inputs of a path yet.
        let default_inputs = case["initial_policy_set"] == serde_json::json!(["2.5.29.32.0"])
            && [
                "initial_explicit_policy",
                "initial_policy_mapping_inhibit",
                "initial_inhibit_any_policy",
            ]
            .iter()
            .all(|k| case[*k] == Value::Bool(false));
        let expected = case["should_validate"].as_bool().unwrap();
        cases += 1;
        match (expected, judged.value.is_some()) {
            (false, true) if default_inputs => false_accepts.push(id.to_owned()),
            (true, false) => {
                let why = Finding::decisive(&judged.report).unwrap();
                refused.push((id.to_owned(), format!("{} {:?}", why.rule, why.because)));
            }
            _ => {}
        }
    }
    assert_eq!(false_accepts, Vec::<String>::new());
    let mut expected: Vec<&str> = REFUSED.iter().flat_map(|(_, ids)| ids.split(' ')).collect();
    expected.sort_unstable();
    refused.sort();
    let actual: Vec<&str> = refused.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(actual, expected, "{refused:#?}");
    eprintln!("{cases} cases, {} valid ones refused", refused.len());
}

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

/// Cases of x509-limbo that must fail and do not, and why that is right here.
const ACCEPTED: &[(&str, &str)] = &[
    (
        "crl::crlnumber-missing",
        "a list without a number is a fault of the issuer that hides nothing",
    ),
    (
        "pathlen::max-chain-depth-0-exhausted",
        "the depth is fixed, not an input",
    ),
    (
        "pathlen::max-chain-depth-1-exhausted",
        "the depth is fixed, not an input",
    ),
    (
        "rfc5280::aki::critical-aki",
        "presence and criticality of key identifiers is for who issues; a path needs none",
    ),
    (
        "rfc5280::aki::leaf-missing-aki",
        "presence and criticality of key identifiers is for who issues; a path needs none",
    ),
    (
        "rfc5280::aki::intermediate-missing-aki",
        "presence and criticality of key identifiers is for who issues; a path needs none",
    ),
    (
        "rfc5280::aki::cross-signed-root-missing-aki",
        "presence and criticality of key identifiers is for who issues; a path needs none",
    ),
    (
        "rfc5280::eku::ee-wrong-eku",
        "TLS purposes are not asked for",
    ),
    (
        "rfc5280::san::noncritical-with-empty-subject",
        "criticality of alternative names is for who issues",
    ),
    ("rfc5280::san::underscore-dns", "DNS names are not used"),
    ("rfc5280::san::ip-in-dns", "DNS names are not used"),
    (
        "rfc5280::serial::too-long",
        "a serial is an identifier here; its form is a lint",
    ),
    (
        "rfc5280::serial::zero",
        "a serial is an identifier here; its form is a lint",
    ),
    (
        "rfc5280::serial::negative",
        "a serial is an identifier here; its form is a lint",
    ),
    (
        "rfc5280::ski::critical-ski",
        "presence and criticality of key identifiers is for who issues; a path needs none",
    ),
    (
        "rfc5280::ski::root-missing-ski",
        "presence and criticality of key identifiers is for who issues; a path needs none",
    ),
    (
        "rfc5280::ski::intermediate-missing-ski",
        "presence and criticality of key identifiers is for who issues; a path needs none",
    ),
    (
        "rfc5280::validity::expired-root",
        "an anchor is a name and a key (RFC 5280 6.1.1 (d))",
    ),
    (
        "rfc5280::unknown-critical-extension-root",
        "an anchor is a name and a key (RFC 5280 6.1.1 (d))",
    ),
    (
        "rfc5280::root-non-critical-basic-constraints",
        "criticality of basicConstraints is for who issues",
    ),
    (
        "rfc5280::leaf-ku-keycertsign",
        "a usage too many is a lint; without cA it issues nothing",
    ),
    ("rfc5280::ca-as-leaf-wrong-san", "DNS names are not used"),
];

#[test]
fn limbo_accepts_no_path_that_must_fail() {
    let Some(folder) = suite("x509-limbo") else {
        return;
    };
    let suite: Value =
        serde_json::from_slice(&std::fs::read(folder.join("limbo-nonweb.json")).unwrap()).unwrap();
    let (mut accepted, mut refused, mut cases) = (Vec::new(), Vec::new(), 0);
    for case in suite["testcases"].as_array().unwrap() {
        let id = case["id"].as_str().unwrap();
        let mut broken = false;
        let mut read = |list: &Value| -> Vec<Certificate> {
            let pems = list.as_array().unwrap().iter();
            let decoded = pems.map(|p| certificates(p.as_str().unwrap().as_bytes()));
            decoded
                .flat_map(|d| {
                    broken |= d.is_err();
                    d.unwrap_or_default()
                })
                .collect()
        };
        let anchors: TrustAnchors = read(&case["trusted_certs"]).into_iter().collect();
        let leaf = read(&Value::Array(vec![case["peer_certificate"].clone()]));
        let mut evidence = Evidence::new();
        for certificate in read(&case["untrusted_intermediates"]) {
            evidence.add_certificate(certificate);
        }
        let lists = case["crls"].as_array().cloned().unwrap_or_default();
        for list in &lists {
            for crl in crls(list.as_str().unwrap().as_bytes()).unwrap() {
                evidence.add_crl(crl);
            }
        }
        let at = case["validation_time"].as_str().unwrap_or("2025-06-01");
        let revocation = if lists.is_empty() {
            RevocationChecking::Skipped
        } else {
            RevocationChecking::Required
        };
        let judged = leaf.first().map(|leaf| {
            build_path(
                leaf,
                &PathInputs {
                    at: UnixTime::parse(at).unwrap(),
                    anchors: &anchors,
                    evidence: &evidence,
                    revocation,
                    purpose: KeyPurpose::Any,
                },
            )
        });
        cases += 1;
        let passed = judged.as_ref().is_some_and(|j| j.value.is_some());
        match (case["expected_result"].as_str().unwrap(), passed) {
            ("FAILURE", true) => accepted.push(id),
            ("SUCCESS", false) => {
                let why = judged.unwrap().report;
                let why = Finding::decisive(&why).unwrap().clone();
                refused.push((id, format!("{} {:?}", why.rule, why.because)));
            }
            _ => {}
        }
    }
    eprintln!("{cases} cases; valid ones refused: {refused:#?}");
    let expected: Vec<&str> = ACCEPTED.iter().map(|(id, _)| *id).collect();
    assert_eq!(accepted, expected);
}
