//! Signing real PDFs of many producers, and what may go wrong with them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail by panicking"
)]

mod support;

use std::fs;
use std::io;

use esign_core::cms::{SignedData, SignerInfo};
use esign_core::evidence::Evidence;
use esign_core::pades::{self, PadesErrorKind, Parameters, Permission};
use esign_core::policy::{Policy, Revocation};
use esign_core::trust::TrustAnchors;
use esign_core::validation::{Inputs, Integrity, Report, validate};
use support::t;
use test_vectors::fixtures::{pdf_fixtures, pdf_folder};

/// A signer of PDFs.
struct Signer(support::Signer);

impl Signer {
    fn new() -> Self {
        Self(support::Signer::p256())
    }

    fn sign(&self, file: &[u8], parameters: &Parameters) -> Result<Vec<u8>, pades::PadesError> {
        let mut out = Vec::new();
        let file = file.to_vec();
        let update = pades::sign(
            &file,
            &mut out,
            &self.0.key,
            &self.0.certificate,
            parameters,
        )?;
        assert_eq!(out, file, "the file's own octets are copied as they are");
        out.extend(update);
        Ok(out)
    }

    fn judge(&self, file: &[u8]) -> Report {
        let mut policy = Policy::basic();
        policy.revocation = Revocation::Ignore;
        let evidence = Evidence::new();
        let mut anchors = TrustAnchors::new();
        anchors.add(self.0.root.clone());
        let file = file.to_vec();
        let signatures = pades::prepare(&file).unwrap();
        validate(
            &signatures,
            &Inputs {
                at: t("2026-11-22"),
                anchors: &anchors,
                evidence: &evidence,
                policy: &policy,
            },
        )
    }
}

fn parameters() -> Parameters {
    Parameters {
        reason: Some("Təsdiq edirəm: ə Ə ğ ı İ".into()),
        location: Some("Bakı".into()),
        ..Parameters::new(t("2026-11-22T10:00:00Z"))
    }
}

fn fixture(name: &str) -> Vec<u8> {
    fs::read(pdf_folder().join(name)).unwrap()
}

#[test]
fn every_producers_pdf_is_signed_and_signed_again() {
    let signer = Signer::new();
    let mut signed = 0;
    for case in pdf_fixtures().unwrap() {
        let file = fixture(&case.file);
        let result = signer.sign(&file, &parameters());
        if let Some(why) = &case.signing_refused_because {
            let error = result.expect_err(why);
            assert!(
                matches!(
                    error.kind(),
                    PadesErrorKind::Encrypted | PadesErrorKind::Locked
                ),
                "{}: {error}",
                case.file
            );
            continue;
        }
        let mut file = result.unwrap_or_else(|e| panic!("{}: {e}", case.file));
        for n in 1..=2 {
            if n == 2 {
                file = signer.sign(&file, &parameters()).unwrap();
            }
            let report = signer.judge(&file);
            assert_eq!(
                report.signatures.len(),
                case.signatures + n,
                "{}",
                case.file
            );
            let tampered = case.integrity.as_deref() == Some("broken");
            for (i, s) in report.signatures.iter().enumerate() {
                if i < case.signatures {
                    // Those of others stay as they were, only not trusted here.
                    let expected = if tampered {
                        Integrity::Broken
                    } else {
                        Integrity::Intact
                    };
                    assert_eq!(s.integrity, expected, "{}: {s:#?}", case.file);
                    continue;
                }
                assert_eq!(s.indication, "TOTAL-PASSED", "{}: {s:#?}", case.file);
                assert_eq!(s.format, "PAdES");
                assert_eq!(s.claimed_time, Some(t("2026-11-22T10:00:00Z")));
                assert_eq!(s.reason.as_deref(), Some("Təsdiq edirəm: ə Ə ğ ı İ"));
                assert_eq!(s.location.as_deref(), Some("Bakı"));
            }
        }
        signed += 1;
    }
    assert!(signed > 25, "{signed}");
}

#[test]
fn empty_fields_are_filled_and_locks_kept() {
    let signer = Signer::new();
    let mut p = parameters();
    p.field = Some("İmza1".into());
    let once = signer
        .sign(&fixture("form-signature-fields.pdf"), &p)
        .unwrap();
    let report = signer.judge(&once);
    assert_eq!(report.signatures[0].name, "İmza1");
    assert_eq!(report.indication, "TOTAL-PASSED");
    let again = signer.sign(&once, &p).unwrap_err();
    assert_eq!(again.kind(), PadesErrorKind::Field);
    assert!(again.to_string().contains("signed already"), "{again}");
    p.field = Some("New.Part".into());
    assert_eq!(
        signer.sign(&once, &p).unwrap_err().kind(),
        PadesErrorKind::Field
    );
    p.field = Some("Yeni imza".into());
    assert_eq!(
        signer.judge(&signer.sign(&once, &p).unwrap()).indication,
        "TOTAL-PASSED"
    );
}

#[test]
fn certification_is_first_and_binds() {
    let signer = Signer::new();
    let file = fixture("reportlab.pdf");
    for (permission, further) in [
        (Permission::NoChanges, false),
        (Permission::FormFilling, true),
        (Permission::Annotations, true),
    ] {
        let certified = signer
            .sign(
                &file,
                &Parameters {
                    certify: Some(permission),
                    ..parameters()
                },
            )
            .unwrap();
        assert_eq!(signer.judge(&certified).indication, "TOTAL-PASSED");
        let second = signer.sign(&certified, &parameters());
        if further {
            let report = signer.judge(&second.unwrap());
            assert_eq!(report.indication, "TOTAL-PASSED", "{report:#?}");
        } else {
            assert_eq!(second.unwrap_err().kind(), PadesErrorKind::Locked);
        }
    }
    let signed = signer.sign(&file, &parameters()).unwrap();
    let late = Parameters {
        certify: Some(Permission::FormFilling),
        ..parameters()
    };
    assert_eq!(
        signer.sign(&signed, &late).unwrap_err().kind(),
        PadesErrorKind::Locked
    );
}

#[test]
fn no_flipped_octet_passes() {
    let signer = Signer::new();
    let file = fixture("cairo.pdf");
    let signed = signer.sign(&file, &parameters()).unwrap();
    let update_at = file.len();
    // Every octet of the update, and every 97th of the document.
    let places = (0..update_at).step_by(97).chain(update_at..signed.len());
    let contents = |file: &[u8]| -> Option<SignedData> {
        let at = update_at
            + file
                .get(update_at..)?
                .windows(10)
                .position(|w| w == b"/Contents<")?;
        let hex: Vec<u8> = file[at + 10..]
            .iter()
            .take_while(|b| **b != b'>')
            // What is no digit is passed over: a tolerated deviation.
            .filter(|b| b.is_ascii_hexdigit())
            .copied()
            .collect();
        let octets: Vec<u8> = hex
            .chunks(2)
            .map(|c| {
                let value = u8::from_str_radix(std::str::from_utf8(c).unwrap(), 16).unwrap();
                // An odd last digit stands for one with 0 after it (ISO 32000-2 7.3.4.3).
                if c.len() == 1 { value << 4 } else { value }
            })
            .collect();
        SignedData::read(&octets).ok()
    };
    let original = contents(&signed).unwrap();
    let mut passed = 0;
    for at in places {
        for bit in [0x01u8, 0x20] {
            let mut broken = signed.clone();
            broken[at] ^= bit;
            // The case of a hexadecimal digit means nothing.
            let digits = signed[at].is_ascii_hexdigit() && broken[at].is_ascii_hexdigit();
            if digits && broken[at].eq_ignore_ascii_case(&signed[at]) {
                continue;
            }
            let Ok(signatures) = pades::prepare(&broken) else {
                continue;
            };
            if signatures.is_empty() || signer.judge(&broken).indication != "TOTAL-PASSED" {
                continue;
            }
            // What CMS leaves unprotected: version numbers, the list of digests, and the pointer
            // at the certificate, which the signed reference overrides.
            passed += 1;
            let now = contents(&broken).expect("the message was read");
            let (a, b) = (&original.signers[0], &now.signers[0]);
            assert_eq!(original.certificates, now.certificates, "octet {at}");
            assert_eq!(a.signature, b.signature, "octet {at}");
            assert_eq!(a.algorithms_raw, b.algorithms_raw, "octet {at}");
            let signed_octets =
                |s: &SignerInfo| s.signed_attributes.as_ref().unwrap().signed.clone();
            assert_eq!(signed_octets(a), signed_octets(b), "octet {at}");
        }
    }
    assert!(passed < 300, "{passed} changes pass");
}

#[test]
fn what_is_added_behind_is_told() {
    let signer = Signer::new();
    let mut file = signer.sign(&fixture("cairo.pdf"), &parameters()).unwrap();
    // A later revision that changes what the page shows.
    let update = {
        let document = esign_core::pdf::Document::open(&file).unwrap();
        let page = document.current().page(0).unwrap();
        let mut update = esign_core::pdf::Update::new(&document).unwrap();
        let content = update
            .add_stream(
                esign_core::pdf::Dict::new(),
                b"0 0 100 100 re f",
                esign_core::pdf::Compression::None,
            )
            .unwrap();
        let mut dict = page.dict.clone();
        dict.set("Contents", content);
        update
            .put(page.reference, &esign_core::pdf::Object::Dict(dict))
            .unwrap();
        update.finish(b"evil").unwrap().bytes
    };
    file.extend(update);
    let report = signer.judge(&file);
    let s = &report.signatures[0];
    assert_eq!(s.integrity, Integrity::Unknown);
    assert_eq!(s.indication, "INDETERMINATE", "{s:#?}");
    assert_eq!(s.coverage.later[0].kind, "other");
    assert!(
        s.coverage.later[0].touched[0].contains("page 1"),
        "{:?}",
        s.coverage.later
    );
}

#[test]
fn two_hundred_signatures_are_one_pass() {
    let signer = Signer::new();
    let mut file = fixture("cairo.pdf");
    for _ in 0..200 {
        file = signer
            .sign(&file, &Parameters::new(t("2026-11-22")))
            .unwrap();
    }
    let report = signer.judge(&file);
    assert_eq!(report.signatures.len(), 200);
    assert_eq!(report.indication, "TOTAL-PASSED");
}

#[test]
fn rubbish_is_refused_with_a_reason() {
    let signer = Signer::new();
    for (name, file) in [
        ("empty", Vec::new()),
        ("text", b"This is no PDF.".to_vec()),
        ("header only", b"%PDF-1.7\n".to_vec()),
        ("truncated", fixture("cairo.pdf")[..5000].to_vec()),
        ("cyclic pages", b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[2 0 R]/Count 1>>endobj\nxref\n0 3\n0000000000 65535 f \n0000000009 00000 n \n0000000052 00000 n \ntrailer<</Size 3/Root 1 0 R>>\nstartxref\n104\n%%EOF".to_vec()),
    ] {
        let error = signer.sign(&file, &parameters()).expect_err(name);
        assert!(error.to_string().len() > 10, "{name}: {error}");
    }
}

#[test]
fn a_source_that_fails_is_an_error() {
    struct Fails;
    impl esign_core::source::ReadAt for Fails {
        fn len(&self) -> u64 {
            1 << 20
        }
        fn read_at(&self, _: u64, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }
    assert_eq!(
        pades::prepare(&Fails).unwrap_err().kind(),
        PadesErrorKind::Io
    );
}
