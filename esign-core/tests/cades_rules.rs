//! Rules 1 to 10 and 13 of messages, each with a message that is wrong in this alone; the forms
//! of BER; and the limits.
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

use std::io;

use esign_core::cades::{self, Input};
use esign_core::cms::{
    self, CmsError, MAX_ATTRIBUTES, MAX_ELEMENTS, MAX_PAIRS, MAX_REST, MAX_SIGNED_ATTRIBUTES,
    MAX_SIGNERS, SignedData,
};
use esign_core::der::{DecodeKind, Reader, Rules, Tag, Tlv};
use esign_core::keys::{Curve, DigestAlgorithm, Hasher, KeySpec, SignatureAlgorithm};
use esign_core::oid;
use esign_core::policy::Policy;
use esign_core::report::Indication;
use esign_core::source::ReadAt;
use esign_core::validation::Integrity;
use support::{Forge, Signer, attribute, encode, judge, judge_by, signing_certificate, t};

const CONTENT: &[u8] = b"Sigorta m\xc9\x99lumat\xc4\xb1";

/// What it is, the message, the content given, indication, integrity, the rule that tells.
type Row<'a> = (
    &'a str,
    Forge,
    Option<&'a [u8]>,
    &'a str,
    Integrity,
    &'a str,
);

#[test]
fn one_wrong_part_is_found_by_its_rule() {
    use Integrity::{Broken, Intact, Unknown};
    let signer = Signer::p256();
    let other = Signer::p256();
    let good = || Forge::new(&signer, CONTENT);
    let certificate = &signer.certificate;
    let serial = certificate.serial().as_bytes();
    let sha256 =
        |c: &[u8]| encode(|w| w.octets(Hasher::digest(DigestAlgorithm::Sha256, c).as_bytes()));
    let v2 = |c, serial| signing_certificate(DigestAlgorithm::Sha256, c, serial);
    let v1 = |c| signing_certificate(DigestAlgorithm::Sha1, c, None);
    let time = || encode(|w| w.time(t("2026-11-22")));
    let protection = |digest: DigestAlgorithm, algorithm: SignatureAlgorithm| {
        encode(|w| {
            w.sequence(|w| {
                digest.encode(w);
                let raw = encode(|w| algorithm.encode(w));
                w.raw(&[&[0xa1], &raw[1..]].concat());
            });
        })
    };
    let ecdsa = SignatureAlgorithm::Ecdsa;
    let sha256_of = DigestAlgorithm::Sha256;
    let sha384_of = DigestAlgorithm::Sha384;
    let no_v2 = || good().without(oid::SIGNING_CERTIFICATE_V2);
    let octet_string = |c: &[u8]| Some(encode(|w| w.octets(c)));

    let rows: Vec<Row<'_>> = vec![
        (
            "all right",
            good(),
            Some(CONTENT),
            "TOTAL-PASSED",
            Intact,
            "",
        ),
        // Rule 1
        (
            "content-type differs",
            good()
                .without(oid::CONTENT_TYPE)
                .with(oid::CONTENT_TYPE, &[encode(|w| w.oid(oid::TST_INFO))]),
            Some(CONTENT),
            "TOTAL-FAILED",
            Broken,
            "cms.content-type",
        ),
        (
            "content-type absent",
            good().without(oid::CONTENT_TYPE),
            Some(CONTENT),
            "TOTAL-FAILED",
            Broken,
            "cms.content-type",
        ),
        (
            "eContentType changed",
            Forge {
                content_type: oid::TST_INFO,
                version: 3,
                ..good()
            },
            Some(CONTENT),
            "TOTAL-FAILED",
            Broken,
            "cms.content-type",
        ),
        (
            "version",
            Forge {
                version: 5,
                ..good()
            },
            Some(CONTENT),
            "TOTAL-PASSED",
            Intact,
            "cms.version",
        ),
        (
            "signer version",
            Forge {
                signer_version: 3,
                version: 3,
                ..good()
            },
            Some(CONTENT),
            "TOTAL-PASSED",
            Intact,
            "cms.version",
        ),
        // Rule 2
        (
            "message-digest absent",
            good().without(oid::MESSAGE_DIGEST),
            Some(CONTENT),
            "TOTAL-FAILED",
            Broken,
            "cms.message-digest.present",
        ),
        (
            "message-digest of something else",
            good()
                .without(oid::MESSAGE_DIGEST)
                .with(oid::MESSAGE_DIGEST, &[sha256(b"else")]),
            Some(CONTENT),
            "TOTAL-FAILED",
            Broken,
            "signature.object-digest",
        ),
        (
            "message-digest twice",
            good().with(oid::MESSAGE_DIGEST, &[sha256(CONTENT)]),
            Some(CONTENT),
            "TOTAL-FAILED",
            Broken,
            "cms.signed-attributes.single",
        ),
        (
            "message-digest with two values",
            good()
                .without(oid::MESSAGE_DIGEST)
                .with(oid::MESSAGE_DIGEST, &[sha256(CONTENT), sha256(CONTENT)]),
            Some(CONTENT),
            "TOTAL-FAILED",
            Broken,
            "cms.message-digest.present",
        ),
        (
            "message-digest cut",
            good().without(oid::MESSAGE_DIGEST).with(
                oid::MESSAGE_DIGEST,
                &[encode(|w| w.octets(&sha256(CONTENT)[2..33]))],
            ),
            Some(CONTENT),
            "TOTAL-FAILED",
            Broken,
            "cms.message-digest.length",
        ),
        (
            "message-digest over the wrapper",
            Forge {
                content: octet_string(CONTENT),
                ..good().without(oid::MESSAGE_DIGEST).with(
                    oid::MESSAGE_DIGEST,
                    &[sha256(&octet_string(CONTENT).unwrap())],
                )
            },
            None,
            "TOTAL-FAILED",
            Broken,
            "signature.object-digest",
        ),
        // Rule 3
        (
            "attributes out of order, the DER signed",
            Forge {
                unsorted: true,
                ..good()
                    .without(oid::CONTENT_TYPE)
                    .with(oid::CONTENT_TYPE, &[encode(|w| w.oid(oid::DATA))])
            },
            Some(CONTENT),
            "TOTAL-PASSED",
            Intact,
            "cms.not-der",
        ),
        (
            "attributes out of order, signed as they stand",
            Forge {
                unsorted: true,
                signed_as_written: true,
                ..good()
                    .without(oid::CONTENT_TYPE)
                    .with(oid::CONTENT_TYPE, &[encode(|w| w.oid(oid::DATA))])
            },
            Some(CONTENT),
            "TOTAL-PASSED",
            Intact,
            "cms.not-der",
        ),
        // Rule 4
        (
            "no signed attributes",
            Forge {
                attributes: None,
                ..good()
            },
            Some(b"content"),
            "TOTAL-FAILED",
            Broken,
            "cms.signed-attributes.present",
        ),
        // Rule 5
        (
            "signing-time twice",
            good().with(oid::SIGNING_TIME, &[time()]),
            Some(CONTENT),
            "TOTAL-FAILED",
            Broken,
            "cms.signed-attributes.single",
        ),
        (
            "signing-time with two values",
            good()
                .without(oid::SIGNING_TIME)
                .with(oid::SIGNING_TIME, &[time(), time()]),
            Some(CONTENT),
            "TOTAL-FAILED",
            Broken,
            "cms.signed-attributes.single",
        ),
        (
            "signing-time without value",
            good()
                .without(oid::SIGNING_TIME)
                .with(oid::SIGNING_TIME, &[]),
            Some(CONTENT),
            "TOTAL-FAILED",
            Broken,
            "cms.signed-attributes.single",
        ),
        // Rule 6
        (
            "digestAlgorithm is not that of the signature",
            Forge {
                digest: sha384_of,
                digest_algorithms: vec![encode(|w| sha384_of.encode(w))],
                ..good().without(oid::MESSAGE_DIGEST).with(
                    oid::MESSAGE_DIGEST,
                    &[encode(|w| {
                        w.octets(Hasher::digest(sha384_of, CONTENT).as_bytes());
                    })],
                )
            },
            Some(CONTENT),
            "TOTAL-FAILED",
            Broken,
            "cms.digest-algorithm.agrees",
        ),
        (
            "algorithm protection agrees",
            good().with(
                oid::CMS_ALGORITHM_PROTECTION,
                &[protection(sha256_of, ecdsa(sha256_of))],
            ),
            Some(CONTENT),
            "TOTAL-PASSED",
            Intact,
            "",
        ),
        (
            "algorithm protection names another digest",
            good().with(
                oid::CMS_ALGORITHM_PROTECTION,
                &[protection(sha384_of, ecdsa(sha256_of))],
            ),
            Some(CONTENT),
            "TOTAL-FAILED",
            Broken,
            "cms.algorithm-protection",
        ),
        (
            "algorithm protection names another signature",
            good().with(
                oid::CMS_ALGORITHM_PROTECTION,
                &[protection(sha256_of, ecdsa(sha384_of))],
            ),
            Some(CONTENT),
            "TOTAL-FAILED",
            Broken,
            "cms.algorithm-protection",
        ),
        // Rule 7
        (
            "no signing-certificate",
            no_v2(),
            Some(CONTENT),
            "INDETERMINATE",
            Intact,
            "cms.signing-certificate.present",
        ),
        (
            "issuerSerial agrees",
            no_v2().with(
                oid::SIGNING_CERTIFICATE_V2,
                &[v2(&[certificate], Some(serial))],
            ),
            Some(CONTENT),
            "TOTAL-PASSED",
            Intact,
            "",
        ),
        (
            "issuerSerial differs",
            no_v2().with(
                oid::SIGNING_CERTIFICATE_V2,
                &[v2(&[certificate], Some(&[5]))],
            ),
            Some(CONTENT),
            "INDETERMINATE",
            Unknown,
            "signature.signing-certificate",
        ),
        (
            "by SHA-512",
            no_v2().with(
                oid::SIGNING_CERTIFICATE_V2,
                &[signing_certificate(
                    DigestAlgorithm::Sha512,
                    &[certificate],
                    None,
                )],
            ),
            Some(CONTENT),
            "TOTAL-PASSED",
            Intact,
            "",
        ),
        (
            "several references, the signer's first",
            no_v2().with(
                oid::SIGNING_CERTIFICATE_V2,
                &[v2(&[certificate, &signer.root], None)],
            ),
            Some(CONTENT),
            "TOTAL-PASSED",
            Intact,
            "",
        ),
        (
            "several references, the signer's second",
            Forge {
                certificates: vec![certificate.der().to_vec(), other.certificate.der().to_vec()],
                ..no_v2().with(
                    oid::SIGNING_CERTIFICATE_V2,
                    &[v2(&[&other.certificate, certificate], None)],
                )
            },
            Some(CONTENT),
            "TOTAL-FAILED",
            Broken,
            "signature.value",
        ),
        (
            // The digest of the reference is not accepted any more; what is signed holds.
            "version 1 alone",
            no_v2().with(oid::SIGNING_CERTIFICATE, &[v1(&[certificate])]),
            Some(CONTENT),
            "INDETERMINATE",
            Intact,
            "policy.digest",
        ),
        (
            "versions 1 and 2 disagree",
            good().with(oid::SIGNING_CERTIFICATE, &[v1(&[&other.certificate])]),
            Some(CONTENT),
            "INDETERMINATE",
            Unknown,
            "signature.signing-certificate",
        ),
        (
            "versions 1 and 2 agree",
            good().with(oid::SIGNING_CERTIFICATE, &[v1(&[certificate])]),
            Some(CONTENT),
            "TOTAL-PASSED",
            Intact,
            "",
        ),
        (
            "reference is malformed",
            no_v2().with(oid::SIGNING_CERTIFICATE_V2, &[encode(|w| w.u32(5))]),
            Some(CONTENT),
            "TOTAL-FAILED",
            Broken,
            "cms.signing-certificate.form",
        ),
        (
            "the certificate is not there",
            Forge {
                certificates: vec![other.certificate.der().to_vec()],
                ..good()
            },
            Some(CONTENT),
            "INDETERMINATE",
            Unknown,
            "signature.signing-certificate",
        ),
        // Rule 8
        (
            "sid points at another certificate",
            Forge {
                certificates: vec![other.certificate.der().to_vec(), certificate.der().to_vec()],
                sid: Some(encode(|w| {
                    w.sequence(|w| {
                        w.raw(other.certificate.issuer().der());
                        w.tlv(Tag::INTEGER, other.certificate.serial().as_bytes());
                    });
                })),
                ..good()
            },
            Some(CONTENT),
            "TOTAL-PASSED",
            Intact,
            "signature.signer-identifier.differs",
        ),
        (
            "sid is the key identifier",
            Forge {
                version: 3,
                signer_version: 3,
                sid: Some(encode(|w| {
                    let id = certificate.subject_key_identifier().unwrap().unwrap();
                    w.tlv(Tag::primitive(0), id);
                })),
                ..good()
            },
            Some(CONTENT),
            "TOTAL-PASSED",
            Intact,
            "",
        ),
        // Rule 10
        (
            "enclosed",
            Forge {
                content: octet_string(CONTENT),
                ..good()
            },
            None,
            "TOTAL-PASSED",
            Intact,
            "",
        ),
        (
            "enclosed and given, the same",
            Forge {
                content: octet_string(CONTENT),
                ..good()
            },
            Some(CONTENT),
            "TOTAL-PASSED",
            Intact,
            "cms.content-twice",
        ),
        (
            "enclosed and given, different",
            Forge {
                content: octet_string(CONTENT),
                ..good()
            },
            Some(b"else"),
            "TOTAL-FAILED",
            Broken,
            "cms.content-differs",
        ),
        (
            "empty enclosed and given",
            Forge {
                content: octet_string(b""),
                ..good()
            },
            Some(CONTENT),
            "TOTAL-FAILED",
            Broken,
            "cms.content-differs",
        ),
        (
            "content missing",
            good(),
            None,
            "INDETERMINATE",
            Unknown,
            "signature.object-digest",
        ),
        // Rule 13
        (
            "signing-time as GeneralizedTime",
            good().without(oid::SIGNING_TIME).with(
                oid::SIGNING_TIME,
                &[encode(|w| w.generalized_time(t("2026-11-22")))],
            ),
            Some(CONTENT),
            "TOTAL-PASSED",
            Intact,
            "cms.signing-time.form",
        ),
        (
            "signing-time is rubbish",
            good()
                .without(oid::SIGNING_TIME)
                .with(oid::SIGNING_TIME, &[encode(|w| w.u32(7))]),
            Some(CONTENT),
            "TOTAL-PASSED",
            Intact,
            "cms.signing-time.form",
        ),
        (
            "location, commitment and policy are rubbish",
            good()
                .with(oid::SIGNER_LOCATION, &[encode(|w| w.u32(7))])
                .with(oid::COMMITMENT_TYPE, &[encode(|w| w.u32(7))])
                .with(oid::SIGNATURE_POLICY_ID, &[encode(|w| w.u32(7))]),
            Some(CONTENT),
            "TOTAL-PASSED",
            Intact,
            "cms.signature-policy.form",
        ),
        // Rule 15
        (
            "unknown unsigned attributes",
            Forge {
                unsigned: vec![
                    attribute(oid::TST_INFO, &[encode(|w| w.u32(1))]),
                    attribute(oid::TST_INFO, &[encode(|w| w.u32(2)), vec![5, 0]]),
                ],
                ..good()
            },
            Some(CONTENT),
            "TOTAL-PASSED",
            Intact,
            "",
        ),
        (
            "other forms of certificates and revocation information",
            Forge {
                version: 5,
                certificates: vec![certificate.der().to_vec(), vec![0xa3, 2, 6, 0]],
                crls: vec![vec![0xa1, 2, 6, 0]],
                ..good()
            },
            Some(CONTENT),
            "TOTAL-PASSED",
            Intact,
            "cms.other-choices",
        ),
    ];
    for (what, forge, content, indication, integrity, rule) in rows {
        let report = judge(&forge.message(&signer), content, &[&signer]);
        let s = &report.signatures[0];
        assert_eq!(
            (s.indication, s.integrity),
            (indication, integrity),
            "{what}: {:#?}",
            s.findings
        );
        let told = |f: &&esign_core::report::Finding| {
            f.rule == rule || f.children.iter().any(|c| c.rule == rule)
        };
        assert!(
            rule.is_empty() || s.findings.iter().any(|f| told(&f)),
            "{what}: {rule} is not among {:#?}",
            s.findings
        );
    }
}

/// A signature over content that parses as attributes must not be taken for one over attributes:
/// the message without them is refused, and with them the digest is another.
#[test]
fn content_is_not_taken_for_attributes() {
    let signer = Signer::p256();
    let forge = Forge::new(&signer, CONTENT);
    let attributes = encode(|w| w.set_of(Tag::SET, &mut forge.attributes.clone().unwrap()));
    let bare = Forge {
        attributes: None,
        content: Some(encode(|w| w.octets(&attributes))),
        ..forge
    };
    let report = judge(&bare.message(&signer), None, &[&signer]);
    assert_eq!(report.signatures[0].integrity, Integrity::Broken);
}

/// Rule 9.
#[test]
fn signers_are_judged_one_by_one() {
    let (a, b) = (Signer::p256(), Signer::p256());
    let good = Forge::new(&a, CONTENT);
    let bad = Forge::new(&b, b"else");
    let both = Forge {
        certificates: [good.certificates.clone(), bad.certificates.clone()].concat(),
        ..good.clone()
    };
    let message = both.around(&[good.signer_info(&a), bad.signer_info(&b)]);
    let report = judge(&message, Some(CONTENT), &[&a, &b]);
    let found: Vec<_> = report.signatures.iter().map(|s| s.indication).collect();
    assert_eq!(found, ["TOTAL-PASSED", "TOTAL-FAILED"]);
    assert_eq!(report.indication, "TOTAL-FAILED");
    let none = both.around(&[]);
    let report = judge(&none, Some(CONTENT), &[&a, &b]);
    assert!(report.signatures.is_empty());
    assert_eq!(report.indication, "INDETERMINATE");
}

/// Writes an encoding again with indefinite lengths down to `depth` levels; certificates, which
/// begin with two SEQUENCEs, stay as they are.
fn indefinite(tlv: &Tlv<'_>, depth: usize) -> Vec<u8> {
    let certificate = tlv.tag == Tag::SEQUENCE && tlv.value.first() == Some(&Tag::SEQUENCE.0);
    if !tlv.tag.is_constructed() || depth == 0 || (certificate && tlv.raw.len() > 400) {
        return tlv.raw.to_vec();
    }
    let mut out = vec![tlv.tag.0, 0x80];
    let mut inner = tlv.reader("").unwrap();
    while !inner.is_empty() {
        out.extend(indefinite(&inner.any("").unwrap(), depth - 1));
    }
    out.extend([0, 0]);
    out
}

fn tlv(raw: &[u8]) -> Tlv<'_> {
    Reader::new(raw, Rules::Ber).any("").unwrap()
}

#[test]
fn ber_is_read_as_der_is() {
    let signer = Signer::p256();
    let string = |tag: u8, parts: &[&[u8]]| {
        let inner = parts.concat();
        [&[tag, u8::try_from(inner.len()).unwrap()], &inner[..]].concat()
    };
    let open = |parts: &[&[u8]]| [&[0x24, 0x80], &parts.concat()[..], &[0, 0]].concat();
    let (x, y) = CONTENT.split_at(5);
    let (px, py) = (string(4, &[x]), string(4, &[y]));
    let empty = string(4, &[]);
    for (what, content) in [
        ("one piece", string(4, &[CONTENT])),
        (
            "long form",
            [&[4, 0x82, 0, u8::try_from(CONTENT.len()).unwrap()], CONTENT].concat(),
        ),
        ("definite pieces", string(0x24, &[&px, &py])),
        ("indefinite pieces", open(&[&px, &py])),
        (
            "empty pieces",
            open(&[&empty, &px, &empty, &open(&[]), &py]),
        ),
        ("nested", open(&[&px, &string(0x24, &[&open(&[&py])])])),
        (
            "definite around indefinite",
            string(0x24, &[&open(&[&px]), &py]),
        ),
    ] {
        let forge = Forge {
            content: Some(content),
            ..Forge::new(&signer, CONTENT)
        };
        let message = forge.message(&signer);
        for depth in 0..9 {
            let ber = indefinite(&tlv(&message), depth);
            let report = judge(&ber, None, &[&signer]);
            let s = &report.signatures[0];
            assert_eq!(s.indication, "TOTAL-PASSED", "{what} {depth}: {s:#?}");
            let told = s.findings.iter().any(|f| f.rule == "cms.not-der");
            assert_eq!(told, depth > 0 || what != "one piece", "{what} {depth}");
            let data = SignedData::read(&ber).unwrap();
            assert_eq!(data.len, ber.len() as u64);
            let mut content = Vec::new();
            data.content
                .unwrap()
                .read(&ber, &mut |o| {
                    content.extend_from_slice(o);
                    Ok(())
                })
                .unwrap();
            assert_eq!(content, CONTENT, "{what} {depth}");
        }
    }
}

#[test]
fn broken_encodings_are_refused() {
    let signer = Signer::p256();
    let forge = Forge::new(&signer, CONTENT);
    let with = |content: &[u8]| {
        let forge = Forge {
            content: Some(content.to_vec()),
            ..forge.clone()
        };
        forge.message(&signer)
    };
    // An indefinite piece that runs beyond the definite string around it.
    let beyond = [&[0x24, 4, 0x24, 0x80], &[4, 2, 1, 2][..], &[0, 0]].concat();
    let nested: Vec<u8> = [[0x24, 0x80].repeat(9), [0, 0].repeat(9)].concat();
    let kind = |message: &[u8]| match SignedData::read(message) {
        Err(CmsError::Decode(e)) => e.kind().clone(),
        other => panic!("{other:?}"),
    };
    assert!(matches!(kind(&with(&beyond)), DecodeKind::Truncated));
    assert!(matches!(kind(&with(&nested)), DecodeKind::Limit(_)));
    assert!(matches!(
        kind(&with(&[0x24, 3, 2, 1, 5])),
        DecodeKind::UnexpectedTag { .. }
    ));
    assert!(matches!(
        kind(&with(&[2, 1, 5])),
        DecodeKind::UnexpectedTag { .. }
    ));
    assert!(matches!(
        kind(&with(&[4, 0x80, 0, 0])),
        DecodeKind::Value(_)
    ));
    assert!(matches!(
        kind(&with(&[4, 1, 0, 4, 1, 0])),
        DecodeKind::TrailingData
    ));
    // Octets inside the outer structures that nothing reads.
    let message = forge.message(&signer);
    let outer = tlv(&message).value;
    let padded = encode(|w| w.sequence(|w| [outer, &[5, 0]].iter().for_each(|p| w.raw(p))));
    assert!(matches!(kind(&padded), DecodeKind::TrailingData));
    // Behind it they are told.
    let report = judge(&[&message[..], &[5, 0]].concat(), Some(CONTENT), &[&signer]);
    let s = &report.signatures[0];
    assert!(s.findings.iter().any(|f| f.rule == "cms.trailing-octets"));
    // Cut anywhere.
    for end in 0..message.len() {
        assert!(SignedData::read(&message[..end]).is_err(), "{end}");
    }
}

/// An octet source that has a head and a tail and zeros in between.
struct Hollow {
    head: Vec<u8>,
    len: u64,
}

impl ReadAt for Hollow {
    fn len(&self) -> u64 {
        self.len
    }
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.len - offset.min(self.len)).unwrap();
        let n = left.min(buf.len());
        for (i, b) in buf[..n].iter_mut().enumerate() {
            let at = usize::try_from(offset).unwrap() + i;
            *b = self.head.get(at).copied().unwrap_or(0);
        }
        Ok(n)
    }
}

#[test]
fn limits_are_reached() {
    let signer = Signer::p256();
    let forge = Forge::new(&signer, CONTENT);
    let limit = |what: &str, message: &[u8], within: bool| {
        let found = SignedData::read(message);
        match found {
            Ok(_) => assert!(within, "{what}: was read"),
            Err(CmsError::Decode(e)) if matches!(e.kind(), DecodeKind::Limit(_)) => {
                assert!(!within, "{what}: {e}");
            }
            Err(e) => panic!("{what}: {e}"),
        }
    };
    let info = forge.signer_info(&signer);
    let null = vec![5u8, 0];
    for (over, within) in [(0, true), (1, false)] {
        limit(
            "signers",
            &forge.around(&vec![info.clone(); MAX_SIGNERS + over]),
            within,
        );
        let certificates = vec![vec![0x30, 0]; MAX_ELEMENTS + over];
        let many = |f: Forge| f.around(std::slice::from_ref(&info));
        limit(
            "certificates",
            &many(Forge {
                certificates: certificates.clone(),
                ..forge.clone()
            }),
            within,
        );
        limit(
            "crls",
            &many(Forge {
                crls: certificates,
                ..forge.clone()
            }),
            within,
        );
        let digests = vec![forge.digest_algorithms[0].clone(); MAX_SIGNERS + over];
        limit(
            "digest algorithms",
            &many(Forge {
                digest_algorithms: digests,
                ..forge.clone()
            }),
            within,
        );
        let one = attribute(oid::TST_INFO, std::slice::from_ref(&null));
        limit(
            "signed attributes",
            &Forge {
                attributes: Some(vec![one.clone(); MAX_ATTRIBUTES + over]),
                ..forge.clone()
            }
            .message(&signer),
            within,
        );
        limit(
            "unsigned attributes",
            &Forge {
                unsigned: vec![one; MAX_ATTRIBUTES + over],
                ..forge.clone()
            }
            .message(&signer),
            within,
        );
        limit(
            "values",
            &Forge {
                unsigned: vec![attribute(
                    oid::TST_INFO,
                    &vec![null.clone(); MAX_ATTRIBUTES + over],
                )],
                ..forge.clone()
            }
            .message(&signer),
            within,
        );
        // Around one octet string: header of 4, OID of 13, headers of attribute and set.
        let fill = MAX_SIGNED_ATTRIBUTES - 5 - 5 - 13 - 5 - 5 + over;
        let value = encode(|w| w.octets(&vec![0; fill]));
        let large = attribute(oid::TST_INFO, &[value]);
        let exact = large.len() + 5;
        assert_eq!(exact, MAX_SIGNED_ATTRIBUTES + over);
        limit(
            "octets of signed attributes",
            &Forge {
                attributes: Some(vec![large]),
                ..forge.clone()
            }
            .message(&signer),
            within,
        );
        let certificates = vec![vec![0x30, 0]; MAX_PAIRS / MAX_SIGNERS + over];
        limit(
            "signers times certificates",
            &Forge {
                certificates,
                ..forge.clone()
            }
            .around(&vec![info.clone(); MAX_SIGNERS]),
            within,
        );
    }
    let large = encode(|w| w.sequence(|w| w.octets(&vec![0; 4_400_000])));
    limit(
        "signers times octets of certificates",
        &Forge {
            certificates: vec![large],
            ..forge.clone()
        }
        .around(&vec![info; MAX_SIGNERS]),
        false,
    );
    // More than 64 MiB besides the content: told from the lengths, before anything is read.
    let rest = u32::try_from(MAX_REST + 1).unwrap();
    let mut message = vec![0x30, 0x80];
    message.extend(encode(|w| w.oid(oid::SIGNED_DATA)));
    message.extend([0xa0, 0x80, 0x30, 0x80]);
    message.extend(encode(|w| {
        w.u32(1);
        w.set_of(Tag::SET, &mut forge.digest_algorithms.clone());
        w.sequence(|w| w.oid(oid::DATA));
    }));
    message.extend([0x31, 0x84]);
    message.extend(rest.to_be_bytes());
    let hollow = Hollow {
        len: message.len() as u64 + u64::from(rest),
        head: message,
    };
    match SignedData::read(&hollow) {
        Err(CmsError::Decode(e)) => {
            assert!(matches!(e.kind(), DecodeKind::Limit(_)), "{e}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn armour_is_taken_off() {
    let signer = Signer::new(KeySpec::Ec(Curve::P384));
    let content = CONTENT.to_vec();
    let message = cades::sign_detached(
        &content,
        &signer.key,
        &signer.certificate,
        &Default::default(),
    )
    .unwrap();
    let base64 = |octets: &[u8]| {
        let pem = esign_core::x509::to_pem("X", octets);
        pem.lines()
            .filter(|l| !l.starts_with("-----"))
            .collect::<Vec<_>>()
            .join("\n")
    };
    let armoured = |label: &str| {
        format!(
            "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
            base64(&message)
        )
    };
    for label in ["CMS", "PKCS7", "PKCS #7 SIGNED DATA"] {
        let report = judge(armoured(label).as_bytes(), Some(CONTENT), &[&signer]);
        assert_eq!(report.indication, "TOTAL-PASSED", "{label}");
    }
    let refused = |text: String| {
        let message = text.into_bytes();
        let input = Input {
            message: &message,
            detached: None,
        };
        cades::prepare(&input).unwrap_err().to_string()
    };
    assert!(refused(armoured("CMS") + &armoured("CMS")).contains("more than one"));
    assert!(refused(armoured("CERTIFICATE")).contains("PEM"));
    assert!(refused("-----BEGIN CMS-----\n!!!\n-----END CMS-----\n".into()).contains("Base64"));
    assert!(cms::SignedData::read(b"-----BEGIN".as_slice()).is_err());
}

#[test]
fn algorithms_are_accepted_along_the_path() {
    let signer = Signer::p256();
    let message = Forge::new(&signer, CONTENT).message(&signer);
    // The root's key is P-384 and signs with SHA-384; the signature itself is P-256 and SHA-256.
    for (without, rule) in [("P-384", "policy.key"), ("SHA-384", "policy.digest")] {
        let mut policy = Policy::basic();
        policy.curves.retain(|(name, _)| name != without);
        policy.digests.retain(|(name, _)| name != without);
        let report = judge_by(&policy, &message, Some(CONTENT), &[&signer]);
        let signature = &report.signatures[0];
        assert_eq!(signature.indication, "INDETERMINATE", "{without}");
        assert_eq!(signature.integrity, Integrity::Intact);
        let wrong: Vec<_> = signature
            .findings
            .iter()
            .filter(|f| f.outcome != Indication::Passed)
            .collect();
        assert!(
            matches!(wrong.as_slice(), [one] if one.rule == rule),
            "{without}: {wrong:?}"
        );
    }
}
