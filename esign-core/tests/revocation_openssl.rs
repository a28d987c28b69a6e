//! OCSP requests, OCSP responses and lists that OpenSSL made (`test-vectors/revocation`), each taken for
//! what it is.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail by panicking"
)]

use std::fs;
use std::path::Path;

use esign_core::crl::{Crl, ReasonFlags, RevocationReason};
use esign_core::evidence::Evidence;
use esign_core::ocsp::{
    BasicResponse, CertStatus, OcspRequest, OcspResponse, Question, ResponderId, judge,
};
use esign_core::path::{KeyPurpose, PathInputs, RevocationChecking, VerifiedPath, build_path};
use esign_core::report::{Finding, Judged};
use esign_core::time::UnixTime;
use esign_core::x509::{Certificate, certificates};

fn file(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../test-vectors/revocation");
    fs::read(folder.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn certificate(name: &str) -> Certificate {
    certificates(&file(&format!("{name}.pem")))
        .unwrap()
        .remove(0)
}

fn response(name: &str) -> BasicResponse {
    let response = OcspResponse::from_der(&file(&format!("{name}.ocsp"))).unwrap();
    response
        .basic
        .unwrap_or_else(|| panic!("{name}: {:?}", response.status))
}

fn request(name: &str) -> OcspRequest {
    OcspRequest::from_der(&file(&format!("{name}.req"))).unwrap()
}

fn crl(name: &str) -> Crl {
    Crl::from_der(&file(&format!("{name}.crl"))).unwrap()
}

/// A minute after they were made.
fn now() -> UnixTime {
    let text = String::from_utf8(file("made-at.txt")).unwrap();
    UnixTime::parse(text.trim()).unwrap().plus(60)
}

/// What decided: the rule, or the status.
fn verdict(judged: &Judged<VerifiedPath>) -> String {
    match Finding::decisive(&judged.report) {
        None => "good".to_owned(),
        Some(f) => {
            let fact = |name| f.because.iter().find(|(n, _)| *n == name);
            match fact("reason").or(fact("revoked")) {
                Some((_, reason)) => format!("{} {reason:?}", f.rule),
                None => f.rule.to_owned(),
            }
        }
    }
}

fn path(leaf: &str, crls: &[&str], responses: &[&str], at: UnixTime) -> Judged<VerifiedPath> {
    let anchors = [certificate("root")].into_iter().collect();
    let mut evidence = Evidence::new();
    // Where a response comes without the certificate of its responder.
    evidence.add_certificate(certificate("responder"));
    crls.iter()
        .for_each(|name| assert!(evidence.add_crl(crl(name))));
    responses
        .iter()
        .for_each(|name| assert!(evidence.add_ocsp(response(name))));
    let (required, any) = (RevocationChecking::Required, KeyPurpose::Any);
    let inputs = PathInputs::new(at, &anchors, &evidence, required, any);
    build_path(&certificate(leaf), &inputs)
}

#[test]
fn responses_are_taken_for_what_they_are() {
    let (at, root) = (now(), certificate("root"));
    let final_reason = CertStatus::Revoked {
        at: UnixTime::parse("2026-01-01T12:00:00Z").unwrap(),
        reason: Some(RevocationReason::KeyCompromise),
    };
    let hold = CertStatus::Revoked {
        at: UnixTime::parse("2026-01-02T12:00:00Z").unwrap(),
        reason: Some(RevocationReason::CertificateHold),
    };
    let (good, unknown) = (Ok(CertStatus::Good), Err("ocsp.status"));
    for (name, about, delegated, by_key, expected) in [
        ("issuer", "good", false, false, good),
        ("issuer-key", "good", false, true, good),
        ("delegated", "good", true, false, good),
        ("delegated-key", "good", true, true, good),
        ("sha256", "good", true, false, good),
        ("no-nonce", "good", true, false, good),
        ("no-certificates", "good", true, false, good),
        ("no-next-update", "good", true, false, good),
        ("several", "good", true, false, good),
        ("several", "revoked", true, false, Ok(final_reason)),
        ("several", "held", true, false, Ok(hold)),
        ("several", "unknown", true, false, unknown),
        ("revoked", "revoked", true, false, Ok(final_reason)),
        ("held", "held", true, false, Ok(hold)),
        ("unknown", "unknown", true, false, unknown),
        ("unnamed", "good", true, false, Err("ocsp.responder")),
        (
            "expired-responder",
            "good",
            true,
            false,
            Err("ocsp.responder"),
        ),
        ("revoked", "good", true, false, Err("ocsp.certificate")),
    ] {
        let (asked, answered) = (request(name), response(name));
        let subject = certificate(about);
        let question = Question {
            certificate: &subject,
            issuer: &root,
            at,
            nonce: asked.nonce(),
        };
        assert_eq!(asked.nonce().is_none(), name == "no-nonce");
        let named = matches!(answered.responder(), ResponderId::ByName(_));
        assert_eq!(named, !by_key, "{name}");
        let judged = judge(&answered, &question, &[certificate("responder")]);
        let decisive = Finding::decisive(&judged.report).map(|f| f.rule);
        match expected {
            Ok(status) => {
                let answer = judged
                    .value
                    .unwrap_or_else(|| panic!("{name}: {:#?}", judged.report));
                assert_eq!(
                    (answer.status, answer.delegate.is_some()),
                    (status, delegated),
                    "{name}"
                );
            }
            Err(rule) => {
                assert!(judged.value.is_none(), "{name}");
                assert_eq!(decisive, Some(rule), "{name}: {:#?}", judged.report);
            }
        }
        // One with another's nonce is an answer to somebody else.
        if name != "no-nonce" && expected == good {
            let other = request("held");
            let question = Question {
                nonce: other.nonce(),
                ..question
            };
            assert!(
                judge(&answered, &question, &[certificate("responder")])
                    .value
                    .is_none(),
                "{name}"
            );
        }
    }
    let several = request("several");
    assert_eq!(
        (several.asked().len(), response("several").singles().len()),
        (4, 4)
    );
}

#[test]
fn paths_rest_on_the_responses() {
    let at = now();
    let held = "path.revocation Text(\"certificateHold\")";
    for (leaf, given, expected) in [
        ("good", &["delegated"][..], "good"),
        ("good", &["issuer-key"], "good"),
        ("good", &["no-certificates"], "good"),
        ("good", &["several"], "good"),
        (
            "good",
            &["unnamed", "expired-responder", "delegated-key"],
            "good",
        ),
        ("good", &["unnamed", "expired-responder"], "ocsp.responder"),
        ("good", &["revoked"], "path.revocation"),
        (
            "revoked",
            &["revoked"],
            "path.revocation Text(\"keyCompromise\")",
        ),
        ("held", &["held"], held),
        ("unknown", &["unknown"], "ocsp.status"),
    ] {
        let judged = path(leaf, &[], given, at);
        assert!(
            verdict(&judged).starts_with(expected),
            "{given:?}: {:#?}",
            judged.report
        );
        assert_eq!(judged.value.is_some(), expected == "good");
        if let Some(path) = judged.value {
            assert_eq!(path.ocsp(), [response(given[given.len() - 1])]);
        }
    }
    // It says until when it holds, or it holds for a day.
    let decade = at.plus(3650 * 86_400);
    assert_eq!(verdict(&path("good", &[], &["delegated"], decade)), "good");
    assert!(
        path("good", &[], &["no-next-update"], at.plus(86_000))
            .value
            .is_some()
    );
    assert!(
        path("good", &[], &["no-next-update"], at.plus(86_500))
            .value
            .is_none()
    );
}

#[test]
fn lists_are_taken_for_what_they_are() {
    let at = now();
    let compromised = "path.revocation Text(\"keyCompromise\")";
    let held = "path.revocation Text(\"certificateHold\")";
    let (ceased, lacking) = (
        "path.revocation Text(\"cessationOfOperation\")",
        "path.revocation",
    );
    for (leaf, lists, expected) in [
        ("good", &["complete"][..], "good"),
        ("revoked", &["complete"], compromised),
        ("held", &["complete"], held),
        ("good", &["sha512"], "good"),
        ("revoked", &["sha512"], compromised),
        // A part that the certificate does not name; one without a name, for some of the reasons.
        ("good", &["part"], "crl.scope"),
        ("good", &["reasons"], "crl.reasons"),
        ("revoked", &["reasons"], compromised),
        // It may speak of others, too; it does not here.
        ("good", &["indirect"], "good"),
        ("revoked", &["indirect"], compromised),
        // A critical extension that nobody knows.
        ("good", &["odd"], "crl.extensions"),
        ("revoked", &["odd"], "crl.extensions"),
        // A delta adds to its base and lifts a hold; nothing that is final.
        ("good", &["complete", "delta"], ceased),
        ("held", &["complete", "delta"], "good"),
        ("revoked", &["complete", "delta"], compromised),
        ("held", &["delta"], lacking),
        ("good", &["delta"], ceased),
        ("good", &["empty"], "good"),
        ("held", &["complete", "empty"], "good"),
        // Whichever says so, and however late the other.
        ("revoked", &["complete", "empty"], compromised),
    ] {
        let judged = path(leaf, lists, &[], at);
        assert!(
            verdict(&judged).starts_with(expected),
            "{leaf} {lists:?}: {:#?}",
            judged.report
        );
        assert_eq!(
            judged.value.is_some(),
            expected == "good",
            "{leaf} {lists:?}"
        );
    }
    let point = crl("reasons")
        .issuing_distribution_point()
        .unwrap()
        .unwrap();
    assert_eq!(
        point.only_some_reasons,
        Some(ReasonFlags::of(RevocationReason::KeyCompromise))
    );
    assert!(crl("delta").delta_base().unwrap().is_some());
    assert_eq!((crl("complete").len(), crl("empty").len()), (2, 0));
    // A list and a response: revoked for good by either is revoked.
    assert!(
        path("revoked", &["empty"], &["revoked"], at)
            .value
            .is_none()
    );
    assert!(path("good", &["delta"], &["delegated"], at).value.is_none());
}

#[test]
fn a_signed_request_names_who_asks() {
    let (request, asker) = (request("signed"), certificate("good"));
    assert!(request.is_signed() && request.requestor().is_some());
    assert_eq!(request.certificates(), std::slice::from_ref(&asker));
    assert!(
        request
            .verify_signed_by(asker.public_key().unwrap())
            .is_ok()
    );
    let other = certificate("root");
    assert!(
        request
            .verify_signed_by(other.public_key().unwrap())
            .is_err()
    );
}
