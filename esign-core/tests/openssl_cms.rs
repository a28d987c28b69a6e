//! What `test-vectors/foreign/openssl-cms/make.sh` has OpenSSL sign, in every algorithm and form.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail by panicking"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use esign_core::cades::{self, Input};
use esign_core::cms::{SignedData, SignerIdentifier};
use esign_core::crl::crls;
use esign_core::evidence::Evidence;
use esign_core::keys::{DigestAlgorithm as D, SignatureAlgorithm as S};
use esign_core::policy::Policy;
use esign_core::source::ReadAt;
use esign_core::time::UnixTime;
use esign_core::trust::TrustAnchors;
use esign_core::validation::{Inputs, Integrity, Report, validate};
use esign_core::x509::certificates;
use test_vectors::fixtures::foreign_folder;

/// Name of the file, and the algorithms of its signers.
type Row = (&'static str, &'static [S]);

const PSS_MAX: S = S::RsaPssOther {
    digest: D::Sha256,
    mask: D::Sha256,
    // 256 octets of the modulus less the digest's 32 and two more (RFC 8017 9.1.1).
    salt: 222,
};
const PSS_ZERO: S = S::RsaPssOther {
    digest: D::Sha512,
    mask: D::Sha512,
    salt: 0,
};

/// `NAME.p7s` is detached, `NAME.p7m` enveloping, `NAME.ber.p7m` written as a stream.
const ROWS: &[Row] = &[
    ("ed25519.ber.p7m", &[S::Ed25519]),
    ("ed25519.p7m", &[S::Ed25519]),
    ("ed25519.p7s", &[S::Ed25519]),
    ("keyid.ber.p7m", &[S::Ecdsa(D::Sha256)]),
    ("keyid.p7m", &[S::Ecdsa(D::Sha256)]),
    ("keyid.p7s", &[S::Ecdsa(D::Sha256)]),
    ("p256.ber.p7m", &[S::Ecdsa(D::Sha256)]),
    ("p256.p7m", &[S::Ecdsa(D::Sha256)]),
    ("p256.p7s", &[S::Ecdsa(D::Sha256)]),
    ("p384.ber.p7m", &[S::Ecdsa(D::Sha384)]),
    ("p384.p7m", &[S::Ecdsa(D::Sha384)]),
    ("p384.p7s", &[S::Ecdsa(D::Sha384)]),
    ("p521-sha256.ber.p7m", &[S::Ecdsa(D::Sha256)]),
    ("p521-sha256.p7m", &[S::Ecdsa(D::Sha256)]),
    ("p521-sha256.p7s", &[S::Ecdsa(D::Sha256)]),
    ("p521.ber.p7m", &[S::Ecdsa(D::Sha512)]),
    ("p521.p7m", &[S::Ecdsa(D::Sha512)]),
    ("p521.p7s", &[S::Ecdsa(D::Sha512)]),
    ("pss-digest.p7m", &[S::RsaPss(D::Sha256)]),
    ("pss-digest.p7s", &[S::RsaPss(D::Sha256)]),
    ("pss-key.p7m", &[S::RsaPss(D::Sha256)]),
    ("pss-key.p7s", &[S::RsaPss(D::Sha256)]),
    ("pss-max.p7m", &[PSS_MAX]),
    ("pss-max.p7s", &[PSS_MAX]),
    ("pss-sha384-digest.p7m", &[S::RsaPss(D::Sha384)]),
    ("pss-sha384-digest.p7s", &[S::RsaPss(D::Sha384)]),
    ("pss-sha512-zero.p7m", &[PSS_ZERO]),
    ("pss-sha512-zero.p7s", &[PSS_ZERO]),
    (
        "resigned.p7m",
        &[S::Ecdsa(D::Sha512), S::RsaPkcs1(D::Sha512)],
    ),
    ("rsa-sha256.ber.p7m", &[S::RsaPkcs1(D::Sha256)]),
    ("rsa-sha256.p7m", &[S::RsaPkcs1(D::Sha256)]),
    ("rsa-sha256.p7s", &[S::RsaPkcs1(D::Sha256)]),
    ("rsa-sha512.ber.p7m", &[S::RsaPkcs1(D::Sha512)]),
    ("rsa-sha512.p7m", &[S::RsaPkcs1(D::Sha512)]),
    ("rsa-sha512.p7s", &[S::RsaPkcs1(D::Sha512)]),
    (
        "several-pss.p7m",
        &[
            S::RsaPkcs1(D::Sha512),
            S::RsaPss(D::Sha512),
            S::RsaPss(D::Sha512),
        ],
    ),
    (
        "several-pss.p7s",
        &[
            S::RsaPkcs1(D::Sha512),
            S::RsaPss(D::Sha512),
            S::RsaPss(D::Sha512),
        ],
    ),
    (
        "several.ber.p7m",
        &[S::RsaPkcs1(D::Sha512), S::Ecdsa(D::Sha512), S::Ed25519],
    ),
    (
        "several.p7m",
        &[S::RsaPkcs1(D::Sha512), S::Ecdsa(D::Sha512), S::Ed25519],
    ),
    (
        "several.p7s",
        &[S::RsaPkcs1(D::Sha512), S::Ecdsa(D::Sha512), S::Ed25519],
    ),
];

fn folder() -> PathBuf {
    foreign_folder().join("openssl-cms")
}

fn read(name: &str) -> Vec<u8> {
    fs::read(folder().join(name)).expect(name)
}

fn judge(message: &[u8], detached: Option<&[u8]>) -> Result<Report, String> {
    let message = message.to_vec();
    let detached = detached.map(<[u8]>::to_vec);
    let signatures = cades::prepare(&Input {
        message: &message,
        detached: detached.as_ref().map(|c| -> &dyn ReadAt { c }),
    })
    .map_err(|e| e.to_string())?;
    let mut anchors = TrustAnchors::new();
    for certificate in certificates(&read("root.pem")).unwrap() {
        anchors.add(certificate);
    }
    let mut evidence = Evidence::new();
    for crl in crls(&read("crl.pem")).unwrap() {
        evidence.add_crl(crl);
    }
    Ok(validate(
        &signatures,
        &Inputs {
            at: UnixTime::parse("2027-01-01").unwrap(),
            anchors: &anchors,
            evidence: &evidence,
            policy: &Policy::basic(),
        },
    ))
}

fn detached_content<'c>(name: &str, content: &'c [u8]) -> Option<&'c [u8]> {
    name.ends_with(".p7s").then_some(content)
}

#[test]
fn every_file_that_is_there_is_looked_at() {
    let there: BTreeSet<String> = fs::read_dir(folder())
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .filter(|n| n.ends_with(".p7s") || n.ends_with(".p7m"))
        .collect();
    let listed: BTreeSet<String> = ROWS.iter().map(|r| r.0.to_owned()).collect();
    assert_eq!(there, listed);
}

#[test]
fn each_is_what_its_name_says_and_passes() {
    let content = read("content.bin");
    for &(name, algorithms) in ROWS {
        let file = read(name);
        // Indefinite length, which only BER has.
        assert_eq!(file[1] == 0x80, name.contains(".ber."), "{name}");
        let message = SignedData::read(&file).expect(name);
        let mut found: Vec<S> = message
            .signers
            .iter()
            .map(|s| s.signature_algorithm.expect(name))
            .collect();
        // DER sorts the SET OF signers by their octets.
        for algorithm in algorithms {
            let at = found.iter().position(|f| f == algorithm);
            found.remove(at.unwrap_or_else(|| panic!("{name}: {found:?}, no {algorithm:?}")));
        }
        assert!(found.is_empty(), "{name}: {found:?}");
        let by_key = |s: &SignerIdentifier| matches!(s, SignerIdentifier::KeyIdentifier(_));
        let all = message.signers.iter().all(|s| by_key(&s.sid));
        assert_eq!(all, name.starts_with("keyid"), "{name}");

        let report = judge(&file, detached_content(name, &content)).expect(name);
        assert_eq!(report.signatures.len(), algorithms.len(), "{name}");
        for s in &report.signatures {
            assert_eq!(s.indication, "TOTAL-PASSED", "{name}: {s:#?}");
            assert_eq!(s.integrity, Integrity::Intact, "{name}");
        }
    }
}

/// The message with indefinite lengths around the content, which is in pieces of one octet: what
/// a streaming signer writes. OpenSSL cannot stream PSS.
fn streamed(message: &[u8]) -> Vec<u8> {
    let split = |der: &[u8]| {
        let (start, len) = match der[1] {
            n @ 0..0x80 => (2, usize::from(n)),
            n => {
                let size = usize::from(n - 0x80);
                let octets = der[2..2 + size].iter();
                (2 + size, octets.fold(0, |l, b| (l << 8) | usize::from(*b)))
            }
        };
        (start, start + len)
    };
    let elements = |der: &[u8]| {
        let (start, end) = split(der);
        let (mut rest, mut all) = (der[start..end].to_vec(), Vec::new());
        while !rest.is_empty() {
            let tail = rest.split_off(split(&rest).1);
            all.push(core::mem::replace(&mut rest, tail));
        }
        all
    };
    let open = |tag: u8, parts: &[Vec<u8>]| [&[tag, 0x80], &parts.concat()[..], &[0, 0]].concat();
    let outer = elements(message);
    let mut data = elements(&elements(&outer[1])[0]);
    let enclosed = elements(&data[2]);
    let string = &elements(&enclosed[1])[0];
    let pieces: Vec<Vec<u8>> = string[split(string).0..]
        .iter()
        .map(|octet| vec![4, 1, *octet])
        .collect();
    let content = open(0xa0, &[open(0x24, &pieces)]);
    data[2] = open(0x30, &[enclosed[0].clone(), content]);
    open(0x30, &[outer[0].clone(), open(0xa0, &[open(0x30, &data)])])
}

#[test]
fn each_enveloping_one_passes_as_a_stream_too() {
    let mut seen = 0;
    for &(name, algorithms) in ROWS {
        if !name.ends_with(".p7m") || name.contains(".ber.") {
            continue;
        }
        let mut stream = streamed(&read(name));
        let report = judge(&stream, None).expect(name);
        assert_eq!(report.indication, "TOTAL-PASSED", "{name}: {report:#?}");
        assert_eq!(report.signatures.len(), algorithms.len(), "{name}");
        let first = [4, 1, read("content.bin")[0]];
        let at = stream.windows(3).position(|w| w == first).unwrap();
        stream[at + 2] ^= 1;
        let report = judge(&stream, None).expect(name);
        assert_eq!(report.indication, "TOTAL-FAILED", "{name}");
        seen += 1;
    }
    assert!(seen > 10, "{seen}");
}

#[test]
fn each_changed_octet_of_signature_or_content_fails_its_signer() {
    let content = read("content.bin");
    let other = [&content[..], b"."].concat();
    for &(name, algorithms) in ROWS {
        let file = read(name);
        let find = |what: &[u8]| {
            let at = file.windows(what.len()).position(|w| w == what);
            at.unwrap_or_else(|| panic!("{name}: not found"))
        };
        let detached = detached_content(name, &content);
        let mut changed = file.clone();
        if detached.is_none() {
            changed[find(&content)] ^= 1;
        }
        let report = judge(&changed, detached_content(name, &other)).expect(name);
        for s in &report.signatures {
            assert_eq!(s.indication, "TOTAL-FAILED", "{name}: {s:#?}");
            assert_eq!(s.integrity, Integrity::Broken, "{name}");
        }
        for signer in SignedData::read(&file).unwrap().signers {
            let mut changed = file.clone();
            // Near the end: an ECDSA value stays a SEQUENCE of two INTEGERs.
            changed[find(&signer.signature) + signer.signature.len() - 1] ^= 1;
            let report = judge(&changed, detached).expect(name);
            let failed = |s: &&esign_core::validation::SignatureReport| {
                s.indication == "TOTAL-FAILED" && s.integrity == Integrity::Broken
            };
            assert_eq!(report.signatures.iter().filter(failed).count(), 1, "{name}");
            let passed = report.signatures.iter();
            let passed = passed.filter(|s| s.indication == "TOTAL-PASSED").count();
            assert_eq!(passed, algorithms.len() - 1, "{name}");
        }
        if detached.is_some() {
            let absent = judge(&file, None);
            let passed = absent.is_ok_and(|r| r.indication == "TOTAL-PASSED");
            assert!(!passed, "{name}: passes without its content");
        }
    }
}
