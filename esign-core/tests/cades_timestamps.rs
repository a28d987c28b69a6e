//! Time-stamps in whole messages, made by OpenSSL: each is held to what it ought to stamp.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test may fail by panicking"
)]

mod support;

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use esign_core::cades::{self, Input};
use esign_core::oid;
use esign_core::report::{Finding, SubIndication};
use esign_core::source::ReadAt;
use esign_core::tsp::TimeStampResp;
use esign_core::validation::{Signature, TimestampKind};
use support::{Forge, Signer, attribute, encode};

fn file(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../test-vectors/tsp/");
    std::fs::read(format!("{folder}{name}")).unwrap()
}

fn token(name: &str) -> Vec<u8> {
    let response = TimeStampResp::from_der(&file(&format!("{name}.tsr"))).unwrap();
    response.token.unwrap()
}

/// What decided against each time-stamp.
fn why(signature: &Signature) -> Vec<(TimestampKind, Option<SubIndication>)> {
    let all = signature.timestamps.iter().map(|timestamp| {
        let report = timestamp.verify(&[]).report;
        let decisive = Finding::decisive(&report);
        assert!(decisive.is_none_or(|f| f.rule == "tsp.message-imprint"));
        (timestamp.kind, decisive.and_then(|f| f.sub_indication))
    });
    all.collect()
}

/// Counts the octets that are read.
struct Counted(Vec<u8>, AtomicU64);

impl ReadAt for Counted {
    fn len(&self) -> u64 {
        self.0.len().try_into().unwrap()
    }

    fn read_at(&self, at: u64, out: &mut [u8]) -> io::Result<usize> {
        let n = self.0.read_at(at, out)?;
        self.1.fetch_add(n.try_into().unwrap(), Ordering::Relaxed);
        Ok(n)
    }
}

/// A message by SHA-256 with content-time-stamps by three other algorithms, two in one attribute.
fn stamped(signer: &Signer, content: &[u8]) -> Forge {
    let mut forge = Forge::new(signer, content)
        .with(
            oid::CONTENT_TIME_STAMP,
            &[token("sha512"), token("sha3-256")],
        )
        .with(oid::CONTENT_TIME_STAMP, &[token("sha1")]);
    // Copied from elsewhere: it stamps the content, not this signature (rule 25).
    forge.unsigned = vec![attribute(oid::SIGNATURE_TIME_STAMP, &[token("sha256")])];
    forge
}

#[test]
fn content_is_hashed_once_for_all_its_time_stamps() {
    let signer = Signer::p256();
    let content = file("content.txt");
    let copied = (TimestampKind::Signature, Some(SubIndication::HashFailure));
    let right = (TimestampKind::Content, None);

    let detached = stamped(&signer, &content).message(&signer);
    let counted = Counted(content.clone(), AtomicU64::new(0));
    let input = Input {
        message: &detached,
        detached: Some(&counted),
    };
    let found = cades::prepare(&input).unwrap().remove(0);
    assert_eq!(why(&found), [right, right, right, copied]);
    assert_eq!(counted.1.load(Ordering::Relaxed), ReadAt::len(&counted.0));

    let mut enveloping = stamped(&signer, &content);
    enveloping.content = Some(encode(|w| w.octets(&content)));
    let enveloping = enveloping.message(&signer);
    let input = Input {
        message: &enveloping,
        detached: None,
    };
    let found = cades::prepare(&input).unwrap().remove(0);
    assert_eq!(why(&found), [right, right, right, copied]);
}

#[test]
fn other_content_and_missing_content_are_told_apart() {
    let signer = Signer::p256();
    let message = stamped(&signer, &file("content.txt")).message(&signer);
    let other = b"other".to_vec();
    for (content, expected) in [
        (Some(&other), SubIndication::HashFailure),
        (None, SubIndication::SignedDataNotFound),
    ] {
        let input = Input {
            message: &message,
            detached: content.map(|c| -> &dyn ReadAt { c }),
        };
        let found = cades::prepare(&input).unwrap().remove(0);
        let expected = (TimestampKind::Content, Some(expected));
        assert_eq!(why(&found)[..3], [expected; 3]);
    }
}
