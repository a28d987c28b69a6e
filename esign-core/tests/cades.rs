//! Making messages with every kind of key, adding signers, changing octets, and contents that do
//! not fit in memory.
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

use std::fs;
use std::io::{self, Write};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use esign_core::cades::{
    self, CadesError, CommitmentType, Input, PolicyIdentifier, SignatureParameters, SignerLocation,
};
use esign_core::cms::{ContentHasher, SignedData};
use esign_core::der::{Reader, Rules, Tag};
use esign_core::keys::{
    Curve, DigestAlgorithm, Hasher, KeySpec, SignatureAlgorithm, SigningKey, VerifyError,
};
use esign_core::oid;
use esign_core::source::ReadAt;
use esign_core::validation::{Integrity, ObjectDigest};
use support::{Forge, Signer, encode, judge, t};
use test_vectors::fixtures::foreign_folder;

const CONTENT: &[u8] = b"M\xc3\xbcqavil\xc9\x99";

fn parameters() -> SignatureParameters {
    SignatureParameters {
        signing_time: Some(t("2026-11-22T10:00:00Z")),
        ..SignatureParameters::default()
    }
}

fn detached(signer: &Signer, content: &[u8]) -> Vec<u8> {
    cades::sign_detached(content, &signer.key, &signer.certificate, &parameters()).unwrap()
}

fn enveloping(signer: &Signer, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    cades::sign_enveloping(
        content,
        &mut out,
        &signer.key,
        &signer.certificate,
        &parameters(),
    )
    .unwrap();
    out
}

fn add(message: &[u8], content: Option<&[u8]>, signer: &Signer) -> Result<Vec<u8>, CadesError> {
    let mut out = Vec::new();
    let content = content.map(<[u8]>::to_vec);
    cades::add_signer(
        message,
        content.as_ref().map(|c| -> &dyn ReadAt { c }),
        &mut out,
        &signer.key,
        &signer.certificate,
        &parameters(),
    )?;
    Ok(out)
}

#[test]
fn every_kind_of_key_signs() {
    use DigestAlgorithm::{Sha256, Sha384, Sha512};
    for (spec, digest) in [
        (KeySpec::Ec(Curve::P256), Sha256),
        (KeySpec::Ec(Curve::P384), Sha384),
        (KeySpec::Ec(Curve::P521), Sha512),
        // RFC 8419 3.1.
        (KeySpec::Ed25519, Sha512),
        (KeySpec::Rsa2048, Sha256),
    ] {
        let signer = Signer::new(spec);
        for algorithm in signer.key.algorithms() {
            let hash = Hasher::digest(algorithm.digest(), CONTENT);
            let (prepared, tbs) =
                cades::prepare_signature(&hash, &signer.certificate, *algorithm, &parameters())
                    .unwrap();
            let value = signer.key.sign(tbs.algorithm, &tbs.bytes).unwrap();
            let message = prepared.finish(&value).unwrap();
            assert!(
                message.len()
                    <= cades::max_len(&signer.certificate, *algorithm, &parameters()).unwrap()
            );
            let report = judge(&message, Some(CONTENT), &[&signer]);
            assert_eq!(
                report.indication, "TOTAL-PASSED",
                "{algorithm}: {report:#?}"
            );
            let info = &SignedData::read(&message).unwrap().signers[0];
            assert_eq!(info.signature_algorithm, Ok(*algorithm));
            assert_eq!(info.verify(&hash, signer.key.public_key()), Ok(()));
            let other = Hasher::digest(algorithm.digest(), b"else");
            assert_eq!(
                info.verify(&other, signer.key.public_key()),
                Err(VerifyError::Invalid)
            );
        }
        let message = enveloping(&signer, CONTENT);
        let data = SignedData::read(&message).unwrap();
        assert_eq!(data.digest_algorithms, [digest]);
        assert!(!data.is_ber);
        let report = judge(&message, None, &[&signer]);
        assert_eq!(report.indication, "TOTAL-PASSED", "{spec:?}: {report:#?}");
    }
}

#[test]
fn what_the_signer_says_is_read_again() {
    let signer = Signer::p256();
    let policy = esign_core::oid::ObjectIdentifier::new_unwrap("1.2.3.4.5");
    let parameters = SignatureParameters {
        commitment: Some(CommitmentType::ProofOfApproval),
        location: Some(SignerLocation {
            country: Some("AZ".into()),
            locality: Some("Bakı".into()),
            postal_address: vec!["Nizami küçəsi 1".into(), "AZ1000".into()],
        }),
        policy: Some(PolicyIdentifier::Explicit {
            oid: policy,
            hash: Hasher::digest(DigestAlgorithm::Sha256, b"policy"),
            uri: Some("https://example.az/policy".into()),
        }),
        mime_type: Some("text/plain".into()),
        certificates: vec![signer.root.clone(), signer.certificate.clone()],
        ..parameters()
    };
    let message =
        cades::sign_detached(CONTENT, &signer.key, &signer.certificate, &parameters).unwrap();
    let data = SignedData::read(&message).unwrap();
    assert_eq!(data.certificates.len(), 2, "each certificate once");
    let message = message.clone();
    let content = CONTENT.to_vec();
    let found = cades::prepare(&Input {
        message: &message,
        detached: Some(&content),
    })
    .unwrap();
    let claims = &found[0].claims;
    assert_eq!(claims.signing_time, parameters.signing_time);
    assert_eq!(claims.commitment, [oid::PROOF_OF_APPROVAL]);
    let place = "Nizami küçəsi 1, AZ1000, Bakı, AZ";
    assert_eq!(claims.location.as_deref(), Some(place));
    assert_eq!(claims.policy, Some(Some(policy)));
    let form = |f: &&esign_core::report::Finding| f.rule.ends_with(".form");
    assert_eq!(found[0].format_findings.iter().find(form), None);
    let implied = SignatureParameters {
        policy: Some(PolicyIdentifier::Implied),
        signing_time: None,
        ..SignatureParameters::default()
    };
    let message =
        cades::sign_detached(CONTENT, &signer.key, &signer.certificate, &implied).unwrap();
    let found = cades::prepare(&Input {
        message: &message,
        detached: Some(&content),
    })
    .unwrap();
    assert_eq!(found[0].claims.policy, Some(None));
    assert_eq!(found[0].claims.signing_time, None);
}

#[test]
fn what_contradicts_itself_is_refused() {
    let (signer, other) = (Signer::p256(), Signer::new(KeySpec::Ed25519));
    let refused = |p: SignatureParameters| {
        cades::sign_detached(CONTENT, &signer.key, &signer.certificate, &p)
            .unwrap_err()
            .to_string()
    };
    let at = |location| SignatureParameters {
        location: Some(location),
        ..parameters()
    };
    assert!(refused(at(SignerLocation::default())).contains("no part"));
    assert!(
        refused(at(SignerLocation {
            postal_address: vec!["x".into(); 7],
            ..SignerLocation::default()
        }))
        .contains("7 lines")
    );
    assert!(
        refused(at(SignerLocation {
            country: Some(String::new()),
            ..SignerLocation::default()
        }))
        .contains("empty")
    );
    assert!(
        refused(SignatureParameters {
            policy: Some(PolicyIdentifier::Explicit {
                oid: oid::DATA,
                hash: Hasher::digest(DigestAlgorithm::Sha256, b""),
                uri: Some("https://nümunə.az".into()),
            }),
            ..parameters()
        })
        .contains("ASCII")
    );
    // Key and certificate of different signers: both are named.
    let error =
        cades::sign_detached(CONTENT, &signer.key, &other.certificate, &parameters()).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, CadesError::Key(_)), "{text}");
    assert!(text.contains("P-256") && text.contains("Ed25519"), "{text}");
    let ecdsa = SignatureAlgorithm::Ecdsa(DigestAlgorithm::Sha256);
    let hash = |d| Hasher::digest(d, CONTENT);
    let error = cades::prepare_signature(
        &hash(DigestAlgorithm::Sha256),
        &other.certificate,
        ecdsa,
        &parameters(),
    );
    assert!(matches!(error, Err(CadesError::Algorithm { .. })));
    let error = cades::prepare_signature(
        &hash(DigestAlgorithm::Sha384),
        &signer.certificate,
        ecdsa,
        &parameters(),
    );
    assert!(matches!(error, Err(CadesError::Misuse(_))));
    let (prepared, _) = cades::prepare_signature(
        &hash(DigestAlgorithm::Sha256),
        &signer.certificate,
        ecdsa,
        &parameters(),
    )
    .unwrap();
    assert!(matches!(
        prepared.finish(&[0; 73]),
        Err(CadesError::Misuse(_))
    ));
}

#[test]
fn a_further_signer_leaves_the_others_alone() {
    let (a, b) = (Signer::p256(), Signer::new(KeySpec::Ec(Curve::P384)));
    let foreign = |name: &str| fs::read(foreign_folder().join(name)).unwrap();
    let content = foreign("content.txt");
    for (name, given) in [
        ("openssl-ber.p7m", None),
        ("openssl-several.p7m", None),
        ("openssl-enveloping-p256.p7m", None),
        ("dss-parallel.p7m", None),
        ("openssl-detached-p256.p7s", Some(content.as_slice())),
        ("dss-detached-p256.p7s", Some(content.as_slice())),
    ] {
        let before = foreign(name);
        let was = SignedData::read(&before).unwrap();
        let once = add(&before, given, &a).unwrap();
        let twice = add(&once, given, &b).unwrap();
        let now = SignedData::read(&twice).unwrap();
        assert!(!now.is_ber, "{name}");
        assert_eq!(now.signers.len(), was.signers.len() + 2, "{name}");
        for signer in &was.signers {
            assert!(now.signers.iter().any(|s| s.raw == signer.raw), "{name}");
        }
        for certificate in &was.certificates {
            let times = now.certificates.iter().filter(|c| *c == certificate);
            assert_eq!(times.count(), 1, "{name}");
        }
        assert_eq!(now.certificates.len(), was.certificates.len() + 2);
        for raw in &was.digest_algorithms_raw {
            assert!(now.digest_algorithms_raw.contains(raw), "{name}");
        }
        let report = judge(&twice, given, &[&a, &b]);
        for s in &report.signatures {
            assert_eq!(s.integrity, Integrity::Intact, "{name}: {s:#?}");
        }
        let passed = report
            .signatures
            .iter()
            .filter(|s| s.indication == "TOTAL-PASSED");
        assert_eq!(passed.count(), 2, "{name}");
    }
    // The same signer once more: the certificate is there once.
    let message = detached(&a, CONTENT);
    let again = add(&message, Some(CONTENT), &a).unwrap();
    let data = SignedData::read(&again).unwrap();
    assert_eq!((data.signers.len(), data.certificates.len()), (2, 1));
    // Armoured.
    let pem = esign_core::x509::to_pem("CMS", &message);
    let again = add(pem.as_bytes(), Some(CONTENT), &b).unwrap();
    assert_eq!(
        judge(&again, Some(CONTENT), &[&a, &b]).indication,
        "TOTAL-PASSED"
    );
}

#[test]
fn what_is_not_known_is_carried_over() {
    let (a, b) = (Signer::p256(), Signer::p256());
    let shake = encode(|w| {
        w.sequence(|w| {
            w.oid(esign_core::oid::ObjectIdentifier::new_unwrap(
                "2.16.840.1.101.3.4.2.12",
            ));
        });
    });
    let forge = Forge::new(&a, CONTENT);
    let forge = Forge {
        version: 5,
        digest_algorithms: vec![forge.digest_algorithms[0].clone(), shake.clone()],
        // A version 1 attribute certificate, and other revocation information: both `[1]`.
        certificates: vec![forge.certificates[0].clone(), vec![0xa1, 2, 5, 0]],
        crls: vec![vec![0xa1, 2, 6, 0]],
        ..forge
    };
    let after = add(&forge.message(&a), Some(CONTENT), &b).unwrap();
    let data = SignedData::read(&after).unwrap();
    assert!(data.digest_algorithms_raw.contains(&shake));
    assert_eq!(data.other_certificates, [[0xa1, 2, 5, 0]]);
    assert_eq!(data.other_revocation_info, [[0xa1, 2, 6, 0]]);
    assert_eq!(
        judge(&after, Some(CONTENT), &[&a, &b]).indication,
        "TOTAL-PASSED"
    );
}

#[test]
fn a_signer_is_added_to_the_signed_content_only() {
    let (a, b) = (Signer::p256(), Signer::new(KeySpec::Ed25519));
    let refused =
        |message: &[u8], content: Option<&[u8]>| add(message, content, &b).unwrap_err().to_string();
    let outside = detached(&a, CONTENT);
    assert!(refused(&outside, None).contains("must be given"));
    assert!(refused(&outside, Some(b"else")).contains("another content"));
    let inside = enveloping(&a, CONTENT);
    assert!(refused(&inside, Some(CONTENT)).contains("holds its content"));
    assert!(refused(b"rubbish", None).contains("CMS"));
    assert!(refused(b"", None).contains("CMS"));
    // A message that was broken before gets no further signer.
    let at = inside
        .windows(CONTENT.len())
        .position(|w| w == CONTENT)
        .unwrap();
    let mut broken = inside;
    broken[at] ^= 1;
    assert!(refused(&broken, None).contains("another content"));
}

/// Where the parts of a message lie that no signature covers: the versions, the list of digests,
/// and the pointer at the certificate, which the signed reference overrides.
fn unprotected(message: &[u8]) -> Vec<Range<usize>> {
    let range = |t: &esign_core::der::Tlv<'_>| {
        let at = usize::try_from(t.at).unwrap();
        at..at + t.raw.len()
    };
    let mut r = Reader::new(message, Rules::Der);
    let mut info = r.any("").unwrap().reader("").unwrap();
    info.any("").unwrap();
    let mut wrapped = info.any("").unwrap().reader("").unwrap();
    let mut data = wrapped.any("").unwrap().reader("").unwrap();
    let mut found = vec![range(&data.any("").unwrap()), range(&data.any("").unwrap())];
    let mut last = data.any("").unwrap();
    while !data.is_empty() {
        last = data.any("").unwrap();
    }
    assert_eq!(last.tag, Tag::SET);
    let mut signers = last.reader("").unwrap();
    let mut signer = signers.any("").unwrap().reader("").unwrap();
    found.push(range(&signer.any("").unwrap()));
    found.push(range(&signer.any("").unwrap()));
    found
}

#[test]
fn no_flipped_bit_passes() {
    let signer = Signer::p256();
    for (message, content) in [
        (detached(&signer, CONTENT), Some(CONTENT)),
        (enveloping(&signer, CONTENT), None),
    ] {
        let free = unprotected(&message);
        let mut passed = 0;
        for at in 0..message.len() {
            for bit in 0..8 {
                let mut changed = message.clone();
                changed[at] ^= 1 << bit;
                let given = content.map(<[u8]>::to_vec);
                let input = Input {
                    message: &changed,
                    detached: given.as_ref().map(|c| -> &dyn ReadAt { c }),
                };
                if cades::prepare(&input).map_or(true, |s| s.is_empty()) {
                    continue;
                }
                let report = judge(&changed, content, &[&signer]);
                let intact = report.signatures[0].integrity == Integrity::Intact;
                if report.indication == "TOTAL-PASSED" || intact {
                    passed += 1;
                    assert!(
                        free.iter().any(|r| r.contains(&at)),
                        "octet {at} bit {bit} of {} passes: {report:#?}",
                        message.len()
                    );
                }
            }
        }
        assert!(passed > 0, "the pointer is known to be free");
    }
}

/// Octets that are computed: a head, a pattern, a tail. Counts what is asked of it.
struct Synthetic {
    head: Vec<u8>,
    /// Repeated in between; zeros where empty.
    pattern: Vec<u8>,
    between: u64,
    tail: Vec<u8>,
    largest: AtomicUsize,
    octets: AtomicU64,
}

impl Synthetic {
    fn new(head: Vec<u8>, pattern: Vec<u8>, between: u64, tail: Vec<u8>) -> Self {
        Self {
            head,
            pattern,
            between,
            tail,
            largest: AtomicUsize::new(0),
            octets: AtomicU64::new(0),
        }
    }
}

impl ReadAt for Synthetic {
    fn len(&self) -> u64 {
        self.between + (self.head.len() + self.tail.len()) as u64
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        self.largest.fetch_max(buf.len(), Ordering::Relaxed);
        let head = self.head.len() as u64;
        let n = if offset < head {
            ReadAt::read_at(&self.head, offset, buf)?
        } else if offset < head + self.between {
            let into = offset - head;
            let n = usize::try_from(self.between - into).unwrap().min(buf.len());
            if self.pattern.is_empty() {
                buf[..n].fill(0);
            } else {
                let mut done = 0;
                while done < n {
                    let skip =
                        usize::try_from((into + done as u64) % self.pattern.len() as u64).unwrap();
                    let part = &self.pattern[skip..];
                    let take = part.len().min(n - done);
                    buf[done..done + take].copy_from_slice(&part[..take]);
                    done += take;
                }
            }
            n
        } else {
            ReadAt::read_at(&self.tail, offset - head - self.between, buf)?
        };
        self.octets.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

/// Keeps what comes before and after `between` octets from `from` on.
struct Ends {
    from: u64,
    between: u64,
    at: u64,
    head: Vec<u8>,
    tail: Vec<u8>,
}

impl Write for Ends {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        for chunk in buf.chunks(1 << 16) {
            if self.at < self.from {
                self.head.extend_from_slice(chunk);
            } else if self.at >= self.from + self.between {
                self.tail.extend_from_slice(chunk);
            }
            self.at += chunk.len() as u64;
        }
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const LARGE: u64 = 256 << 20;
/// What one read may ask for: memory does not grow with the content.
const BLOCK: usize = 128 << 10;

#[test]
fn a_large_content_is_enclosed_in_little_memory() {
    let signer = Signer::p256();
    let content = Synthetic::new(vec![], vec![], LARGE, vec![]);
    let mut out = Ends {
        from: head_of(&signer, &content),
        between: LARGE,
        at: 0,
        head: vec![],
        tail: vec![],
    };
    cades::sign_enveloping(
        &content,
        &mut out,
        &signer.key,
        &signer.certificate,
        &parameters(),
    )
    .unwrap();
    assert!(content.largest.load(Ordering::Relaxed) <= BLOCK);
    let message = Synthetic::new(out.head, vec![], LARGE, out.tail);
    assert_eq!(message.len(), out.at);
    let found = cades::prepare(&Input {
        message: &message,
        detached: None,
    })
    .unwrap();
    assert!(matches!(
        found[0].objects[0].digest,
        ObjectDigest::Intact(_)
    ));
    assert!(message.largest.load(Ordering::Relaxed) <= BLOCK);
    assert!(
        message.octets.load(Ordering::Relaxed) < LARGE + (1 << 20),
        "one pass"
    );
}

/// Octets before the content of an enveloping message.
fn head_of(signer: &Signer, content: &Synthetic) -> u64 {
    struct Until(u64, bool);
    impl Write for Until {
        fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
            // The content comes in blocks; nothing before it is that large.
            self.1 |= buf.len() > 1024;
            if !self.1 {
                self.0 += buf.len() as u64;
            }
            if self.1 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            Ok(buf.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut until = Until(0, false);
    let error = cades::sign_enveloping(
        content,
        &mut until,
        &signer.key,
        &signer.certificate,
        &parameters(),
    );
    // A full disk is an error, not a short message.
    assert!(matches!(error, Err(CadesError::Write(_))));
    until.0
}

#[test]
fn a_stream_of_pieces_is_read_in_blocks() {
    const PIECE: u64 = 4096;
    const FILLED: [u8; 4096] = [7; 4096];
    let signer = Signer::p256();
    let pattern = [&[4, 0x82, 0x10, 0][..], &FILLED].concat();
    let pieces = (64 << 20) / PIECE;
    let mut hasher = ContentHasher::new(&[DigestAlgorithm::Sha256]);
    for _ in 0..pieces {
        hasher.update(&FILLED);
    }
    let digest = hasher.finish()[0];
    let forge = Forge::new(&signer, b"").without(oid::MESSAGE_DIGEST).with(
        oid::MESSAGE_DIGEST,
        &[encode(|w| w.octets(digest.as_bytes()))],
    );
    let mut head = vec![0x30, 0x80];
    head.extend(encode(|w| w.oid(oid::SIGNED_DATA)));
    head.extend([0xa0, 0x80, 0x30, 0x80]);
    head.extend(encode(|w| {
        w.u32(1);
        w.set_of(Tag::SET, &mut forge.digest_algorithms.clone());
    }));
    head.extend([0x30, 0x80]);
    head.extend(encode(|w| w.oid(oid::DATA)));
    head.extend([0xa0, 0x80, 0x24, 0x80]);
    let mut tail = vec![0; 6];
    tail.extend(encode(|w| {
        w.nested(Tag::constructed(0), |w| w.raw(signer.certificate.der()));
        w.nested(Tag::SET, |w| w.raw(&forge.signer_info(&signer)));
    }));
    tail.extend([0; 6]);
    let between = pieces * (PIECE + 4);
    let message = Synthetic::new(head, pattern, between, tail);
    let data = SignedData::read(&message).unwrap();
    assert_eq!(data.content.as_ref().unwrap().len, pieces * PIECE);
    assert_eq!(data.content_digests, [digest]);
    assert_eq!(data.len, message.len());
    assert!(message.largest.load(Ordering::Relaxed) <= BLOCK);
    // Pieces at the edges of blocks are read again, no more.
    assert!(message.octets.load(Ordering::Relaxed) < between + between / 16);
    assert_eq!(
        data.signers[0].verify(&digest, signer.key.public_key()),
        Ok(())
    );
}

#[test]
fn a_source_that_fails_or_shrinks_is_an_error() {
    struct Fails(u64);
    impl ReadAt for Fails {
        fn len(&self) -> u64 {
            1 << 20
        }
        fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
            if offset + buf.len() as u64 > self.0 {
                // A file that was cut after its length had been asked for.
                return Ok(0);
            }
            buf.fill(1);
            Ok(buf.len())
        }
    }
    let signer = Signer::p256();
    for readable in [0, 1 << 18] {
        let error = cades::sign_detached(
            &Fails(readable),
            &signer.key,
            &signer.certificate,
            &parameters(),
        );
        assert!(matches!(error, Err(CadesError::Io(_))));
        let error = cades::sign_enveloping(
            &Fails(readable),
            &mut io::sink(),
            &signer.key,
            &signer.certificate,
            &parameters(),
        );
        assert!(matches!(error, Err(CadesError::Io(_))));
        let message = detached(&signer, CONTENT);
        let error = cades::prepare(&Input {
            message: &message,
            detached: Some(&Fails(readable)),
        });
        assert!(error.is_err());
        let error = cades::prepare(&Input {
            message: &Fails(readable),
            detached: None,
        });
        assert!(error.is_err());
    }
}
