//! Signing and verifying beside the raw primitive, in turn in the same run, the ratio printed:
//! `cargo bench -p esign-core --bench signatures` (`-- --quick` for a smoke run).
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    missing_docs,
    reason = "a bench that cannot go on should stop"
)]

mod compare;
#[path = "../tests/support/mod.rs"]
mod support;

use std::hint::black_box;
use std::io;

use compare::compare;
use esign_core::cades::{self, SignatureParameters};
use esign_core::cms::{ContentHasher, SignedData};
use esign_core::der::{Tag, Writer};
use esign_core::keys::{DigestAlgorithm, Hasher, SignatureAlgorithm};
use esign_core::oid;
use esign_core::pades::{self, Parameters};
use esign_core::pdf::{Compression, Dict, Document, Update};
use esign_core::time::UnixTime;
use ring::rand::SystemRandom;
use ring::signature as raw;

/// A real PDF, made 50 KiB long by a stream that nothing refers to.
fn pdf(octets: usize) -> Vec<u8> {
    let path = test_vectors::fixtures::pdf_folder().join("libreoffice.pdf");
    let mut file = std::fs::read(path).unwrap();
    let filler = vec![b' '; octets - file.len() - 500];
    let document = Document::open(&file).unwrap();
    let mut update = Update::new(&document).unwrap();
    update
        .add_stream(Dict::new(), &filler, Compression::None)
        .unwrap();
    let appended = update.finish(b"bench").unwrap().bytes;
    file.extend(appended);
    file
}

fn main() {
    let quick = std::env::args().any(|a| a == "--quick" || a == "--test");
    let rng = SystemRandom::new();
    let support::Signer {
        key, certificate, ..
    } = support::Signer::p256();
    let public = certificate.public_key().unwrap().clone();
    let algorithm = SignatureAlgorithm::Ecdsa(DigestAlgorithm::Sha256);
    let pair =
        raw::EcdsaKeyPair::from_pkcs8(&raw::ECDSA_P256_SHA256_ASN1_SIGNING, key.pkcs8_der(), &rng)
            .unwrap();
    let content = vec![7u8; 1024];
    let parameters = SignatureParameters {
        signing_time: UnixTime::parse("2026-11-22"),
        ..SignatureParameters::default()
    };
    compare(
        "CAdES B-B of 1 KiB, P-256, sign / ring sign",
        0.8,
        &mut || {
            black_box(pair.sign(&rng, &content).unwrap());
        },
        &mut || {
            black_box(cades::sign_detached(&content, &key, &certificate, &parameters).unwrap());
        },
        quick,
    );
    let message = cades::sign_detached(&content, &key, &certificate, &parameters).unwrap();
    let signature = pair.sign(&rng, &content).unwrap();
    let ring_key =
        raw::UnparsedPublicKey::new(&raw::ECDSA_P256_SHA256_ASN1, public.key_octets().to_vec());
    compare(
        "CAdES B-B of 1 KiB, P-256, verify / ring verify",
        0.9,
        &mut || ring_key.verify(&content, signature.as_ref()).unwrap(),
        &mut || {
            let data = SignedData::read(&message).unwrap();
            let digest = Hasher::digest(DigestAlgorithm::Sha256, &content);
            data.signers[0].verify(&digest, &public).unwrap();
        },
        quick,
    );
    let file = pdf(50 * 1024);
    let pdf_parameters = Parameters::new(UnixTime::parse("2026-11-22").unwrap());
    compare(
        "PAdES B-B of 50 KiB, P-256, sign / ring sign + SHA-256",
        0.7,
        &mut || {
            black_box(ring::digest::digest(&ring::digest::SHA256, &file));
            black_box(pair.sign(&rng, &content).unwrap());
        },
        &mut || {
            let update =
                pades::sign(&file, &mut io::sink(), &key, &certificate, &pdf_parameters).unwrap();
            black_box(update);
        },
        quick,
    );
    let update = pades::sign(&file, &mut io::sink(), &key, &certificate, &pdf_parameters).unwrap();
    let signed = [file.as_slice(), &update].concat();
    compare(
        "PAdES B-B of 50 KiB, P-256, read and hash + verify",
        0.7,
        &mut || {
            black_box(ring::digest::digest(&ring::digest::SHA256, &signed));
            ring_key.verify(&content, signature.as_ref()).unwrap();
        },
        &mut || {
            let found = pades::prepare(&signed).unwrap();
            let s = &found[0];
            public
                .verify(algorithm, &s.signed_bytes, &s.value.octets)
                .unwrap();
        },
        quick,
    );
    let large = vec![7u8; if quick { 1 << 20 } else { 64 << 20 }];
    compare(
        "hashing a large content / ring SHA-256",
        0.85,
        &mut || {
            black_box(ring::digest::digest(&ring::digest::SHA256, &large));
        },
        &mut || {
            let mut hasher = ContentHasher::new(&[DigestAlgorithm::Sha256]);
            let end = u64::try_from(large.len()).unwrap();
            hasher.update_from(&Unmapped(&large), 0..end).unwrap();
            black_box(hasher.finish());
        },
        quick,
    );
    let stream = ber_stream(&large);
    compare(
        "reading a BER stream of 4 KiB pieces / ring SHA-256",
        0.85,
        &mut || {
            black_box(ring::digest::digest(&ring::digest::SHA256, &large));
        },
        &mut || {
            let data = SignedData::read(&Unmapped(&stream)).unwrap();
            assert_eq!(data.content_digests.len(), 1);
        },
        quick,
    );
}

/// An enveloping message without signers as `openssl cms -stream` writes it.
fn ber_stream(content: &[u8]) -> Vec<u8> {
    let oid = |oid| {
        let mut w = Writer::new();
        w.oid(oid);
        w.finish()
    };
    let mut digests = Writer::new();
    digests.u32(1);
    digests.nested(Tag::SET, |w| DigestAlgorithm::Sha256.encode(w));
    let mut out = vec![0x30, 0x80];
    out.extend(oid(oid::SIGNED_DATA));
    out.extend([0xa0, 0x80, 0x30, 0x80]);
    out.extend(digests.finish());
    out.extend([0x30, 0x80]);
    out.extend(oid(oid::DATA));
    out.extend([0xa0, 0x80, 0x24, 0x80]);
    for piece in content.chunks(4096) {
        let mut w = Writer::new();
        w.octets(piece);
        out.extend(w.finish());
    }
    out.extend([0; 6]);
    out.extend([0x31, 0, 0, 0, 0, 0, 0, 0]);
    out
}

/// A content that is not in memory, as far as the hasher can tell.
struct Unmapped<'a>(&'a [u8]);

impl esign_core::source::ReadAt for Unmapped<'_> {
    fn len(&self) -> u64 {
        esign_core::source::ReadAt::len(self.0)
    }
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read_at(offset, buf)
    }
}
