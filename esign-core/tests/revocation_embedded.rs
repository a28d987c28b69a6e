//! OCSP responses that a CMS message carries: they are evidence like any other.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    missing_docs,
    reason = "a test may fail by panicking"
)]

mod support;

use esign_core::cades::{self, Input};
use esign_core::crl::RevocationReason;
use esign_core::der::Tag;
use esign_core::evidence::Evidence;
use esign_core::keys::{Curve, DigestAlgorithm, KeySpec, PrivateKey, SigningKey};
use esign_core::ocsp::{
    CertId, CertStatus, OcspResponse, ResponderId, ResponseBuilder, ResponseStatus, Status,
};
use esign_core::oid::{self, ObjectIdentifier};
use esign_core::policy::Policy;
use esign_core::report::{Finding, SubIndication};
use esign_core::source::ReadAt;
use esign_core::validation::{Inputs, SignatureReport, validate};
use support::{Forge, Signer, encode, order, t};

const CONTENT: &[u8] = b"content";
const NOW: &str = "2026-11-22";

/// A signer, and the key of who issued his certificate.
fn centre() -> (Signer, PrivateKey) {
    let authority = PrivateKey::generate(KeySpec::Ec(Curve::P256)).unwrap();
    let root = order(&authority, None);
    let key = PrivateKey::generate(KeySpec::Ec(Curve::P256)).unwrap();
    let certificate = order(&key, Some((&root, &authority)));
    (
        Signer {
            key,
            certificate,
            root,
        },
        authority,
    )
}

/// An `OCSPResponse`.
fn response(signer: &Signer, by: &PrivateKey, status: CertStatus) -> Vec<u8> {
    let serial = signer.certificate.serial().clone();
    let builder = ResponseBuilder {
        responder: ResponderId::of_key(by.public_key()),
        produced_at: t(NOW).plus(-60),
        statuses: vec![Status {
            id: CertId::new(serial, &signer.root, DigestAlgorithm::Sha1).unwrap(),
            status,
            this_update: t(NOW).plus(-60),
            next_update: Some(t(NOW).plus(3600)),
            archive_cutoff: None,
        }],
        nonce: None,
        extended_revoke: false,
        certificates: Vec::new(),
    };
    builder.draft(by.algorithms()[0]).unwrap().sign(by).unwrap()
}

/// `[1] IMPLICIT OtherRevocationInfoFormat`
fn other(format: ObjectIdentifier, value: &[u8]) -> Vec<u8> {
    encode(|w| {
        w.nested(Tag::constructed(1), |w| {
            w.oid(format);
            w.raw(value);
        });
    })
}

fn judge(signer: &Signer, crls: Vec<Vec<u8>>) -> SignatureReport {
    let forge = Forge {
        version: 5,
        crls,
        ..Forge::new(signer, CONTENT)
    };
    let (message, content) = (forge.message(signer), CONTENT.to_vec());
    let input = Input {
        message: &message,
        detached: Some(&content as &dyn ReadAt),
    };
    let anchors = [signer.root.clone()].into_iter().collect();
    let inputs = Inputs {
        at: t(NOW),
        anchors: &anchors,
        evidence: &Evidence::new(),
        policy: &Policy::basic(),
    };
    let report = validate(&cades::prepare(&input).unwrap(), &inputs);
    report.signatures.into_iter().next().unwrap()
}

fn has(findings: &[Finding], rule: &str) -> bool {
    findings
        .iter()
        .any(|f| f.rule == rule || has(&f.children, rule))
}

#[test]
fn the_status_may_come_with_the_message() {
    let (signer, authority) = centre();
    let good = response(&signer, &authority, CertStatus::Good);
    let basic = OcspResponse::from_der(&good).unwrap().basic.unwrap();
    let revoked = CertStatus::Revoked {
        at: t("2026-02-01"),
        reason: Some(RevocationReason::KeyCompromise),
    };
    let revoked = response(&signer, &authority, revoked);
    let forged = response(&signer, &signer.key, CertStatus::Good);
    let (whole, inner) = (oid::RI_OCSP_RESPONSE, oid::OCSP_BASIC);
    let passed = ("TOTAL-PASSED", None);
    let open = |sub| ("INDETERMINATE", Some(sub));
    let lacking = open(SubIndication::TryLater);
    for (what, crls, expected, told) in [
        ("none", vec![], lacking, ""),
        ("good", vec![other(whole, &good)], passed, ""),
        (
            "good, without its shell",
            vec![other(inner, basic.der())],
            passed,
            "",
        ),
        (
            "revoked",
            vec![other(whole, &revoked)],
            open(SubIndication::RevokedNoPoe),
            "",
        ),
        ("forged", vec![other(whole, &forged)], lacking, ""),
        (
            "forged, and good",
            vec![other(whole, &forged), other(whole, &good)],
            passed,
            "",
        ),
        (
            "another format",
            vec![other(oid::DATA, &good)],
            lacking,
            "cms.other-choices",
        ),
        (
            "not of its format",
            vec![other(inner, &good)],
            lacking,
            "cms.ocsp-unreadable",
        ),
        (
            "an error",
            vec![other(whole, &ResponseStatus::TryLater.error_response())],
            lacking,
            "cms.ocsp-unreadable",
        ),
    ] {
        let report = judge(&signer, crls);
        assert_eq!(
            (report.indication, report.sub_indication),
            expected,
            "{what}: {:#?}",
            report.findings
        );
        for rule in ["cms.other-choices", "cms.ocsp-unreadable"] {
            assert_eq!(has(&report.findings, rule), rule == told, "{what}: {rule}");
        }
    }
}
