//! B-T, B-LT and B-LTA in PDF: made step by step, each judged, and what a forger could do.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::ptr_arg,
    clippy::as_conversions,
    missing_docs,
    reason = "a test may fail by panicking"
)]

mod support;

use esign_core::evidence::Evidence;
use esign_core::keys::{Digest, DigestAlgorithm, Hasher, SignatureAlgorithm, SigningKey};
use esign_core::pades::{
    self, Parameters, add_validation_data, prepare_signature, prepare_timestamp,
};
use esign_core::policy::Policy;
use esign_core::report::SubIndication;
use esign_core::trust::TrustAnchors;
use esign_core::tsp::{TimeStampToken, Timestamp, verify_token};
use esign_core::validation::{Inputs, Report, SignatureReport, validate};
use support::t;
use support::world::{Holder, P256, Use};

struct World {
    root: Holder,
    signer: Holder,
    tsa: Holder,
    anchors: TrustAnchors,
}

fn world() -> World {
    let root = Holder::root("CN=root", "2020-01-01", "2040-01-01");
    World {
        signer: root.issue("CN=signer", P256, "2026-01-01", "2028-01-01", Use::Signing),
        tsa: root.issue("CN=tsa", P256, "2026-01-01", "2032-01-01", Use::Stamping),
        anchors: [root.certificate.clone()].into_iter().collect(),
        root,
    }
}

const SHA256: DigestAlgorithm = DigestAlgorithm::Sha256;

fn pdf() -> Vec<u8> {
    let path = test_vectors::fixtures::pdf_folder().join("cairo.pdf");
    std::fs::read(path).unwrap()
}

impl World {
    fn stamp(&self, digest: &Digest, at: &str) -> Timestamp {
        let token = TimeStampToken::from_der(&self.tsa.stamp(digest, at)).unwrap();
        verify_token(&token, digest, &[]).value.unwrap()
    }

    fn sign(&self, file: &mut Vec<u8>, stamped: Option<&str>) {
        let parameters = Parameters {
            reserve: 8192,
            ..Parameters::new(t("2026-03-01"))
        };
        let (key, certificate) = (&self.signer.key, &self.signer.certificate);
        let algorithm = SignatureAlgorithm::Ecdsa(SHA256);
        let mut sink = std::io::sink();
        let (prepared, tbs) =
            prepare_signature(file, &mut sink, certificate, algorithm, &parameters).unwrap();
        let value = key.sign(tbs.algorithm, &tbs.bytes).unwrap();
        let update = match stamped {
            None => prepared.finish(&value),
            Some(at) => {
                let stamp = self.stamp(&Hasher::digest(SHA256, &value), at);
                prepared.finish_stamped(&value, &stamp)
            }
        };
        file.extend(update.unwrap());
    }

    fn stamp_document(&self, file: &mut Vec<u8>, at: &str) {
        let mut sink = std::io::sink();
        let prepared = prepare_timestamp(file, &mut sink, SHA256, 8192, t(at)).unwrap();
        let stamp = self.stamp(prepared.digest(), at);
        file.extend(prepared.finish(&stamp).unwrap());
    }

    fn store(&self, file: &mut Vec<u8>, material: &Evidence, at: &str) -> bool {
        let update = add_validation_data(file, material, t(at)).unwrap();
        let new = update.is_some();
        file.extend(update.unwrap_or_default());
        new
    }

    fn material(&self, from: &str, to: &str) -> Evidence {
        let mut material = Evidence::new();
        for holder in [&self.signer, &self.tsa, &self.root] {
            material.add_certificate(holder.certificate.clone());
        }
        material.add_crl(self.root.crl(from, to, &[]));
        material
    }

    fn judge(&self, file: &Vec<u8>, evidence: &Evidence, at: &str) -> Report {
        let inputs = Inputs {
            at: t(at),
            anchors: &self.anchors,
            evidence,
            policy: &Policy::basic(),
        };
        validate(&pades::prepare(file).unwrap(), &inputs)
    }

    fn one(&self, file: &Vec<u8>, evidence: &Evidence, at: &str) -> SignatureReport {
        let mut report = self.judge(file, evidence, at);
        assert_eq!(report.signatures.len(), 1);
        report.signatures.remove(0)
    }
}

#[test]
fn each_level_is_reached_and_told() {
    let world = world();
    let nothing = Evidence::new();
    let now = world.material("2026-03-02", "2026-03-09");
    let mut file = pdf();
    world.sign(&mut file, None);
    let report = world.one(&file, &now, "2026-03-03");
    assert_eq!((report.level, report.indication), ("B-B", "TOTAL-PASSED"));

    let mut file = pdf();
    world.sign(&mut file, Some("2026-03-01T10:00:00Z"));
    let report = world.one(&file, &now, "2026-03-03");
    assert_eq!((report.level, report.indication), ("B-T", "TOTAL-PASSED"));
    assert_eq!(report.best_signature_time, t("2026-03-01T10:00:00Z"));
    // Without evidence from outside it is open, and what is missing is told.
    let report = world.one(&file, &nothing, "2026-03-03");
    assert_eq!(report.sub_indication, Some(SubIndication::TryLater));
    assert!(report.missing.iter().all(|m| m.what == "status"));
    assert_eq!(report.missing.len(), 2);

    assert!(world.store(&mut file, &now, "2026-03-03"));
    let length = file.len();
    assert!(
        !world.store(&mut file, &now, "2026-03-03"),
        "nothing is new"
    );
    assert_eq!(file.len(), length);
    let report = world.one(&file, &nothing, "2026-03-03");
    assert_eq!((report.level, report.indication), ("B-LT", "TOTAL-PASSED"));
    assert_eq!(report.coverage.later[0].kind, "validation-data");

    world.stamp_document(&mut file, "2026-03-03T12:00:00Z");
    let report = world.one(&file, &nothing, "2026-03-04");
    assert_eq!((report.level, report.indication), ("B-LTA", "TOTAL-PASSED"));
    assert_eq!(report.timestamps.len(), 2);
    assert_eq!(report.timestamps[1].kind, "document");
    assert_eq!(report.timestamps[1].sub_indication, None);

    // After the list is old: the signature and its own time-stamp stand by what is stored, the last
    // time-stamp needs a status of today.
    let report = world.one(&file, &nothing, "2027-06-01");
    assert_eq!(
        report.timestamps[1].sub_indication,
        Some(SubIndication::TryLater)
    );
    let today = world.material("2027-05-31", "2027-06-30");
    let report = world.one(&file, &today, "2027-06-01");
    assert_eq!(report.indication, "TOTAL-PASSED", "{report:#?}");

    // A second store keeps what the first has.
    assert!(world.store(&mut file, &today, "2027-06-01"));
    world.stamp_document(&mut file, "2027-06-02");
    let report = world.one(&file, &nothing, "2027-06-03");
    assert_eq!((report.level, report.indication), ("B-LTA", "TOTAL-PASSED"));
    assert_eq!(report.timestamps.len(), 3);
}

/// Revoked in between, and expired: what time-stamps and store prove counts.
#[test]
fn a_stamped_signature_outlives_its_certificate() {
    let mut world = world();
    let mut file = pdf();
    world.sign(&mut file, Some("2026-03-01T10:00:00Z"));
    world.store(
        &mut file,
        &world.material("2026-03-02", "2026-03-09"),
        "2026-03-03",
    );
    world.stamp_document(&mut file, "2026-03-03T12:00:00Z");
    let mut later = Evidence::new();
    let list = |world: &World, since| {
        let revoked = [(&world.signer, since)];
        world.root.crl("2030-01-01", "2030-02-01", &revoked)
    };
    later.add_crl(list(&world, "2027-01-01"));
    let report = world.one(&file, &later, "2030-01-02");
    assert_eq!(report.indication, "TOTAL-PASSED", "{report:#?}");
    // Said to be revoked before: no.
    let mut later = Evidence::new();
    later.add_crl(list(&world, "2026-02-01"));
    let report = world.one(&file, &later, "2030-01-02");
    assert_eq!(report.indication, "INDETERMINATE");
    // Without trust in the authority nothing is proved.
    world.anchors = TrustAnchors::new();
    let report = world.one(&file, &later, "2030-01-02");
    assert!(!report.time_proved);
}

/// Rule 60, 25: another document's time-stamp, and one whose document was changed.
#[test]
fn a_copied_document_time_stamp_proves_nothing() {
    let world = world();
    let now = world.material("2026-03-02", "2026-03-09");
    let mut file = pdf();
    world.sign(&mut file, None);
    let mut sink = std::io::sink();
    let prepared = prepare_timestamp(&file, &mut sink, SHA256, 8192, t("2026-03-02")).unwrap();
    let other = world.stamp(&Hasher::digest(SHA256, b"another"), "2026-03-02");
    let refused = prepared.finish(&other).unwrap_err().to_string();
    assert!(refused.starts_with("time-stamp: over"), "{refused}");

    world.stamp_document(&mut file, "2026-03-02");
    let report = world.one(&file, &now, "2026-03-03");
    assert_eq!(
        (report.level, report.time_proved),
        ("B-LT".replace("B-LT", "B-T").as_str(), true)
    );
    // The same token in a file that is another by one octet that no signature covers.
    let at = file
        .windows(12)
        .rposition(|w| w == b"DocTimeStamp")
        .unwrap();
    file[at..at + 12].copy_from_slice(b"DocTimeStomp");
    let report = world.one(&file, &now, "2026-03-03");
    assert!(!report.time_proved);
    assert_eq!(
        report.timestamps[0].sub_indication,
        Some(SubIndication::HashFailure)
    );
    assert_eq!(report.level, "B-B");
}
