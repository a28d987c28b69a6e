//! B-T, B-LT and B-LTA in CMS: made step by step, each judged, and what a forger could do.
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

use esign_core::cades::{
    self, Input, SignatureParameters, add_signature_timestamp, add_validation_data,
    prepare_archive, sign_detached, sign_enveloping, signature_imprint,
};
use esign_core::cms::SignedData;
use esign_core::evidence::Evidence;
use esign_core::keys::{Digest, DigestAlgorithm};
use esign_core::policy::Policy;
use esign_core::report::SubIndication;
use esign_core::source::ReadAt;
use esign_core::trust::TrustAnchors;
use esign_core::tsp::{TimeStampToken, Timestamp, verify_token};
use esign_core::validation::{Inputs, SignatureReport, validate};
use support::t;
use support::world::{Holder, P256, Use};

const CONTENT: &[u8] = b"to be read in thirty years";

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
const SHA512: DigestAlgorithm = DigestAlgorithm::Sha512;

impl World {
    fn stamp(&self, digest: &Digest, at: &str) -> Timestamp {
        let token = TimeStampToken::from_der(&self.tsa.stamp(digest, at)).unwrap();
        verify_token(&token, digest, &[]).value.unwrap()
    }

    fn sign(&self, enveloping: bool) -> Vec<u8> {
        let parameters = SignatureParameters {
            signing_time: Some(t("2026-03-01")),
            ..SignatureParameters::default()
        };
        let (key, certificate) = (&*self.signer.key, &self.signer.certificate);
        if !enveloping {
            return sign_detached(CONTENT, key, certificate, &parameters).unwrap();
        }
        let mut out = Vec::new();
        sign_enveloping(CONTENT, &mut out, key, certificate, &parameters).unwrap();
        out
    }

    fn stamped(&self, message: &[u8], at: &str) -> Vec<u8> {
        let imprint = signature_imprint(message, 0, SHA256).unwrap();
        let mut out = Vec::new();
        add_signature_timestamp(message, 0, &self.stamp(&imprint, at), &mut out).unwrap();
        out
    }

    fn archived(&self, message: &[u8], algorithm: DigestAlgorithm, at: &str) -> Vec<u8> {
        let enveloping = SignedData::read(message).unwrap().content.is_some();
        let content = CONTENT.to_vec();
        let detached = (!enveloping).then_some(&content as &dyn ReadAt);
        let prepared = prepare_archive(message, 0, detached, algorithm).unwrap();
        let stamp = self.stamp(prepared.digest(), at);
        let mut out = Vec::new();
        prepared.finish(message, &stamp, &mut out).unwrap();
        out
    }

    fn material(&self, from: &str, to: &str) -> Evidence {
        let mut material = Evidence::new();
        for holder in [&self.signer, &self.tsa, &self.root] {
            material.add_certificate(holder.certificate.clone());
        }
        material.add_crl(self.root.crl(from, to, &[]));
        material
    }

    fn judge(&self, message: &[u8], evidence: &Evidence, at: &str) -> SignatureReport {
        let enveloping = SignedData::read(message).unwrap().content.is_some();
        let (content, message) = (CONTENT.to_vec(), message.to_vec());
        let input = Input {
            message: &message,
            detached: (!enveloping).then_some(&content as &dyn ReadAt),
        };
        let inputs = Inputs {
            at: t(at),
            anchors: &self.anchors,
            evidence,
            policy: &Policy::basic(),
        };
        let mut report = validate(&cades::prepare(&input).unwrap(), &inputs);
        report.signatures.remove(0)
    }
}

fn stored(message: &[u8], material: &Evidence) -> Vec<u8> {
    let mut out = Vec::new();
    add_validation_data(message, material, &mut out).unwrap();
    out
}

#[test]
fn each_level_is_reached_and_told() {
    let world = world();
    let nothing = Evidence::new();
    let now = world.material("2026-03-02", "2026-03-09");
    for enveloping in [false, true] {
        let b = world.sign(enveloping);
        let report = world.judge(&b, &now, "2026-03-03");
        assert_eq!((report.level, report.indication), ("B-B", "TOTAL-PASSED"));
        let bt = world.stamped(&b, "2026-03-01T10:00:00Z");
        let report = world.judge(&bt, &now, "2026-03-03");
        assert_eq!((report.level, report.indication), ("B-T", "TOTAL-PASSED"));
        let blt = stored(&bt, &now);
        let report = world.judge(&blt, &nothing, "2026-03-03");
        assert_eq!((report.level, report.indication), ("B-LT", "TOTAL-PASSED"));
        // By another algorithm than the signature's: the content is hashed by both in one pass.
        let blta = world.archived(&blt, SHA512, "2026-03-03");
        let report = world.judge(&blta, &nothing, "2026-03-04");
        assert_eq!((report.level, report.indication), ("B-LTA", "TOTAL-PASSED"));
        assert_eq!(report.timestamps[1].kind, "archive-v3");
        assert_eq!(report.timestamps[1].sub_indication, None);

        let more = stored(&blta, &world.material("2027-01-01", "2027-02-01"));
        let renewed = world.archived(&more, SHA256, "2027-01-02");
        let report = world.judge(&renewed, &nothing, "2027-01-03");
        assert_eq!((report.level, report.indication), ("B-LTA", "TOTAL-PASSED"));
        assert_eq!(report.timestamps.len(), 3);
        // What a further signature-time-stamp adds is not named by the index, and breaks nothing.
        let again = world.stamped(&renewed, "2027-01-04");
        let report = world.judge(&again, &nothing, "2027-01-05");
        assert_eq!(report.indication, "TOTAL-PASSED", "{report:#?}");
    }
}

/// Rule 21: what the index names is there, and is what was stamped.
#[test]
fn what_an_archive_covers_cannot_be_taken_away_or_changed() {
    let world = world();
    let nothing = Evidence::new();
    let now = world.material("2026-03-02", "2026-03-09");
    let blt = stored(
        &world.stamped(&world.sign(false), "2026-03-01T10:00:00Z"),
        &now,
    );
    let blta = world.archived(&blt, SHA256, "2026-03-03");
    let reference = world.judge(&blta, &nothing, "2026-03-04");
    assert_eq!(reference.level, "B-LTA");

    // Each certificate, the list and the signature-time-stamp, one octet of their signatures changed.
    let data = SignedData::read(blta.as_slice()).unwrap();
    let stamp = data.signers[0].unsigned_attributes[0].values[0].clone();
    let pieces = data.certificates.iter().chain(&data.crls).chain([&stamp]);
    for piece in pieces {
        let mut forged = blta.clone();
        let place = blta
            .windows(piece.len())
            .position(|w| w == piece.as_slice());
        // Of the certificates one stands in a token, too: this one is the message's.
        let place = place.unwrap();
        forged[place + piece.len() - 1] ^= 1;
        let report = world.judge(&forged, &nothing, "2026-03-04");
        let archive = report.timestamps.iter().find(|t| t.kind == "archive-v3");
        assert_eq!(
            archive.unwrap().sub_indication,
            Some(SubIndication::HashFailure)
        );
        assert_ne!(report.level, "B-LTA");
    }
    // Another content.
    let prepared = prepare_archive(blt.as_slice(), 0, Some(&b"other".to_vec()), SHA256);
    let refused = prepared.err().unwrap().to_string();
    assert!(refused.starts_with("content: has"), "{refused}");
    // A token over something else.
    let content = CONTENT.to_vec();
    let prepared = prepare_archive(blt.as_slice(), 0, Some(&content), SHA256).unwrap();
    let other = world.stamp(
        &esign_core::keys::Hasher::digest(SHA256, b"x"),
        "2026-03-03",
    );
    let mut out = Vec::new();
    let refused = prepared.finish(blt.as_slice(), &other, &mut out).err();
    assert!(refused.unwrap().to_string().starts_with("time-stamp: over"));
    assert!(out.is_empty());
}
