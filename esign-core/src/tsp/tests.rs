use std::sync::Arc;

use super::*;
use crate::der::{DecodeKind, Tag, Writer};
use crate::keys::{Digest, DigestAlgorithm, Hasher, KeyError, PrivateKey, Random, SigningKey};
use crate::oid;
use crate::report::{Finding, Indication};
use crate::time::UnixTime;
use crate::x509::{Certificate, SerialNumber};

const CONTENT: &[u8] = b"stamp me\n";

fn file(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../test-vectors/tsp/");
    std::fs::read(format!("{folder}{name}")).unwrap()
}

fn certificate(name: &str) -> Certificate {
    crate::x509::certificates(&file(name)).unwrap().remove(0)
}

/// What decided against it.
fn why(report: &[Finding]) -> &'static str {
    Finding::decisive(report).map_or("passed", |f| f.rule)
}

/// Numbers that are the same each time.
struct Counting;

impl Random for Counting {
    fn fill(&self, out: &mut [u8]) -> Result<(), KeyError> {
        out.iter_mut().zip(0xf0u8..).for_each(|(o, n)| *o = n);
        Ok(())
    }
}

/// A certificate of its own key with these extended key usages and this keyUsage bit.
fn own(
    purposes: &[rcgen::ExtendedKeyUsagePurpose],
    critical: bool,
) -> (Arc<PrivateKey>, Certificate) {
    let pair = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
    let mut w = Writer::new();
    w.sequence(|w| {
        for purpose in purposes {
            w.oid(match purpose {
                rcgen::ExtendedKeyUsagePurpose::TimeStamping => oid::KP_TIME_STAMPING,
                _ => oid::KP_OCSP_SIGNING,
            });
        }
    });
    if !purposes.is_empty() {
        let mut usage = rcgen::CustomExtension::from_oid_content(&[2, 5, 29, 37], w.finish());
        usage.set_criticality(critical);
        parameters.custom_extensions.push(usage);
    }
    let certificate = parameters.self_signed(&pair).unwrap();
    let certificate = Certificate::from_der(certificate.der()).unwrap();
    let key = PrivateKey::from_pkcs8_der(&pair.serialize_der()).unwrap();
    (Arc::new(key), certificate)
}

fn stamping() -> (Arc<PrivateKey>, Certificate) {
    own(&[rcgen::ExtendedKeyUsagePurpose::TimeStamping], true)
}

fn digest() -> Digest {
    Hasher::digest(DigestAlgorithm::Sha256, CONTENT)
}

fn at() -> UnixTime {
    UnixTime::parse("2026-11-23T10:00:00Z").unwrap()
}

fn request() -> TimeStampReq {
    let nonce = Nonce::random(&Counting).unwrap();
    TimeStampReq::new(MessageImprint::new(&digest()), Some(nonce))
}

const POLICY: crate::oid::ObjectIdentifier = crate::oid::ObjectIdentifier::new_unwrap("1.2.3.4.1");

fn info(request: &TimeStampReq) -> Vec<u8> {
    TstInfoFields {
        policy: POLICY,
        message_imprint: &request.message_imprint,
        serial_number: &SerialNumber::from_magnitude(&[7]),
        gen_time: GenTime::new(at(), 120_000_000).unwrap(),
        accuracy: Some(Accuracy::from_micros(1_000_000)),
        ordering: false,
        nonce: request.nonce.as_ref(),
        tsa: None,
    }
    .to_der()
}

/// A token over `octets`, signed by a new authority whose certificate is in it.
pub(crate) fn token(algorithm: DigestAlgorithm, octets: &[u8]) -> Vec<u8> {
    let (key, certificate) = stamping();
    let signer = TokenSigner::new(key, certificate, &[]).unwrap();
    let imprint = MessageImprint::new(&Hasher::digest(algorithm, octets));
    let request = TimeStampReq::new(imprint, None);
    signer.sign(&info(&request), true).unwrap()
}

fn answer(signer: &TokenSigner, request: &TimeStampReq, info: &[u8]) -> Vec<u8> {
    TimeStampResp::granted(signer.sign(info, request.cert_req).unwrap()).to_der()
}

#[test]
fn what_openssl_stamps_is_verified() {
    for (name, algorithm, others) in [
        ("sha256", DigestAlgorithm::Sha256, false),
        ("sha384", DigestAlgorithm::Sha384, false),
        ("sha512", DigestAlgorithm::Sha512, false),
        ("sha3-256", DigestAlgorithm::Sha3_256, false),
        ("sha3-384", DigestAlgorithm::Sha3_384, false),
        ("sha3-512", DigestAlgorithm::Sha3_512, false),
        ("sha1", DigestAlgorithm::Sha1, false),
        ("no-cert", DigestAlgorithm::Sha256, true),
        ("no-nonce", DigestAlgorithm::Sha256, false),
        ("policy", DigestAlgorithm::Sha256, false),
        ("ess-v1", DigestAlgorithm::Sha256, false),
        ("ess-sha512", DigestAlgorithm::Sha256, false),
        ("rsa", DigestAlgorithm::Sha256, false),
    ] {
        let query = file(&format!("{name}.tsq"));
        let request = TimeStampReq::from_der(&query).unwrap();
        assert_eq!(request.to_der(), query, "{name}");
        let imprint = Hasher::digest(algorithm, CONTENT);
        assert_eq!(request.message_imprint.digest(), Some(imprint));
        let tsa = certificate("tsa.pem");
        let check = ClientCheck {
            certificates: if others {
                std::slice::from_ref(&tsa)
            } else {
                &[]
            },
            near: None,
        };
        let reply = file(&format!("{name}.tsr"));
        let judged = check_response(&request, &reply, &check);
        let stamp = judged
            .value
            .unwrap_or_else(|| panic!("{name}: {:?}", judged.report));
        assert_eq!(stamp.imprint(), &imprint);
        assert_eq!(
            stamp.accuracy(),
            Some(Accuracy::from_micros(1_500_100)),
            "{name}"
        );
        assert!(stamp.token().tst_info().ordering && stamp.token().tst_info().tsa.is_some());
        assert_eq!(stamp.certificates().is_empty(), others, "{name}");
        // Encoded again, what was read is what was received.
        let info = stamp.token().tst_info();
        let again = TstInfoFields {
            policy: info.policy,
            message_imprint: &info.message_imprint,
            serial_number: &info.serial_number,
            gen_time: info.gen_time,
            accuracy: info.accuracy,
            ordering: info.ordering,
            nonce: info.nonce.as_ref(),
            tsa: info.tsa.as_ref(),
        };
        assert_eq!(again.to_der(), stamp.token().tst_info_der(), "{name}");
        assert_eq!(
            TimeStampResp::from_der(&reply).unwrap().to_der(),
            reply,
            "{name}"
        );
    }
}

#[test]
fn what_openssl_refuses_is_told() {
    for (name, failure) in [
        ("refused-policy", FailureInfo::UnacceptedPolicy),
        ("refused-algorithm", FailureInfo::BadAlg),
    ] {
        let reply = file(&format!("{name}.tsr"));
        let response = TimeStampResp::from_der(&reply).unwrap();
        assert_eq!(response.status.status, PkiStatus::Rejection);
        assert_eq!(response.status.failures(), [failure.name()]);
        assert_eq!(response.to_der(), reply);
        let request = TimeStampReq::from_der(&file(&format!("{name}.tsq"))).unwrap();
        let judged = check_response(&request, &reply, &ClientCheck::default());
        assert_eq!(
            (judged.value.is_none(), why(&judged.report)),
            (true, "tsp.status")
        );
    }
}

#[test]
fn every_answer_of_another_kind_is_refused() {
    let (key, certificate) = stamping();
    let signer = TokenSigner::new(key, certificate, &[]).unwrap();
    let asked = request();
    let good = answer(&signer, &asked, &info(&asked));
    let near = |seconds: i64, tolerance| ClientCheck {
        certificates: &[],
        near: Some((at().plus(seconds), tolerance)),
    };
    let judge = |asked: &TimeStampReq, answer: &[u8], check: &ClientCheck<'_>| {
        let judged = check_response(asked, answer, check);
        let why = why(&judged.report);
        assert_eq!(judged.value.is_some(), why == "passed");
        why
    };
    assert_eq!(judge(&asked, &good, &near(11, 10)), "passed");
    assert_eq!(judge(&asked, &good, &near(12, 10)), "tsp.gen-time");
    assert_eq!(judge(&asked, &good, &near(-12, 10)), "tsp.gen-time");

    let mut other = asked.clone();
    other.nonce = None;
    assert_eq!(judge(&other, &good, &ClientCheck::default()), "tsp.nonce");
    let without_nonce = answer(&signer, &other, &info(&other));
    assert_eq!(
        judge(&asked, &without_nonce, &ClientCheck::default()),
        "tsp.nonce"
    );
    let mut other = asked.clone();
    other.req_policy = Some(oid::KP_TIME_STAMPING);
    assert_eq!(judge(&other, &good, &ClientCheck::default()), "tsp.policy");
    let mut other = asked.clone();
    other.cert_req = false;
    assert_eq!(
        judge(&other, &good, &ClientCheck::default()),
        "tsp.certificates"
    );
    let without = answer(&signer, &other, &info(&asked));
    let judged = check_response(&asked, &without, &ClientCheck::default());
    assert_eq!(Finding::worst(&judged.report), Indication::Failed);
    let mut other = asked.clone();
    other.message_imprint = MessageImprint::new(&Hasher::digest(DigestAlgorithm::Sha256, b"other"));
    assert_eq!(
        judge(&other, &good, &ClientCheck::default()),
        "tsp.message-imprint"
    );
    other.message_imprint =
        MessageImprint::new(&Hasher::digest(DigestAlgorithm::Sha3_256, CONTENT));
    assert_eq!(
        judge(&other, &good, &ClientCheck::default()),
        "tsp.message-imprint"
    );
    assert_eq!(
        judge(&asked, &good[1..], &ClientCheck::default()),
        "tsp.response"
    );
    let mut longer = good.clone();
    longer.push(0);
    assert_eq!(
        judge(&asked, &longer, &ClientCheck::default()),
        "tsp.response"
    );
}

#[test]
fn a_certificate_for_anything_else_is_refused() {
    use rcgen::ExtendedKeyUsagePurpose::{OcspSigning, TimeStamping};
    let asked = request();
    for (purposes, critical, passes) in [
        (&[TimeStamping][..], true, true),
        (&[TimeStamping], false, false),
        (&[TimeStamping, OcspSigning], true, false),
        (&[OcspSigning], true, false),
        (&[], true, false),
    ] {
        let (key, certificate) = own(purposes, critical);
        let refused = TokenSigner::new(key.clone(), certificate.clone(), &[]).is_err();
        assert_eq!(refused, !passes);
        let signer = TokenSigner::assemble(key, certificate, &[]).unwrap();
        let answer = answer(&signer, &asked, &info(&asked));
        let judged = check_response(&asked, &answer, &ClientCheck::default());
        assert_eq!(judged.value.is_some(), passes);
        let expected = if passes { "passed" } else { "tsp.key-purpose" };
        assert_eq!(why(&judged.report), expected);
    }
    let (key, _) = stamping();
    let (_, other) = stamping();
    assert!(TokenSigner::new(key, other, &[]).is_err());
}

/// A signer's key that belongs to another certificate with the same names.
#[test]
fn a_signature_of_another_key_is_refused() {
    let (key, _) = stamping();
    let (_, other) = stamping();
    let signer = TokenSigner::assemble(key, other, &[]).unwrap();
    let asked = request();
    let answer = answer(&signer, &asked, &info(&asked));
    let judged = check_response(&asked, &answer, &ClientCheck::default());
    assert_eq!(
        (judged.value.is_none(), why(&judged.report)),
        (true, "tsp.signature")
    );
}

#[test]
fn a_changed_octet_never_changes_what_is_proved() {
    let (key, certificate) = stamping();
    let signer = TokenSigner::new(key, certificate.clone(), &[]).unwrap();
    let asked = request();
    for carried in [true, false] {
        let good = signer.sign(&info(&asked), carried).unwrap();
        let original = TimeStampToken::from_der(&good).unwrap();
        let mut passed = 0;
        for place in 0..good.len() {
            for bit in [0x01, 0x20, 0x80] {
                let mut changed = good.clone();
                changed[place] ^= bit;
                let Ok(token) = TimeStampToken::from_der(&changed) else {
                    continue;
                };
                let others = [certificate.clone()];
                let judged = verify_token(&token, &digest(), &others);
                if let Some(stamp) = judged.value {
                    passed += 1;
                    assert_eq!(stamp.token().tst_info_der(), original.tst_info_der());
                    assert_eq!(stamp.signer(), &certificate);
                }
            }
        }
        // Versions, the set of digest algorithms and, where it is not the one used, the certificate.
        let most = if carried {
            3 * certificate.der().len() + 60
        } else {
            60
        };
        assert!(
            passed < most,
            "{passed} changed tokens pass, more than {most}"
        );
    }
}

#[test]
fn two_signers_or_none_are_refused() {
    let (key, certificate) = stamping();
    let signer = TokenSigner::new(key, certificate, &[]).unwrap();
    let asked = request();
    let good = signer.sign(&info(&asked), true).unwrap();
    let one = TimeStampToken::from_der(&good).unwrap().signers()[0]
        .raw
        .clone();
    for count in [0, 2] {
        let mut w = Writer::new();
        w.sequence(|w| {
            w.oid(oid::SIGNED_DATA);
            w.nested(Tag::constructed(0), |w| {
                w.sequence(|w| {
                    w.u32(3);
                    w.nested(Tag::SET, |w| DigestAlgorithm::Sha256.encode(w));
                    w.sequence(|w| {
                        w.oid(oid::TST_INFO);
                        w.nested(Tag::constructed(0), |w| w.octets(&info(&asked)));
                    });
                    w.nested(Tag::SET, |w| (0..count).for_each(|_| w.raw(&one)));
                });
            });
        });
        let token = TimeStampToken::from_der(&w.finish()).unwrap();
        let judged = verify_token(&token, &digest(), &[]);
        assert_eq!(
            (judged.value.is_none(), why(&judged.report)),
            (true, "tsp.signers")
        );
    }
}

/// `good` with one part replaced; parts of requests and of `TSTInfo`s are sought by their octets.
fn with(good: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let place = good.windows(from.len()).position(|w| w == from).unwrap();
    let inner = [&good[2..place], to, &good[place + from.len()..]].concat();
    let mut w = Writer::new();
    w.tlv(Tag::SEQUENCE, &inner);
    w.finish()
}

#[test]
fn hostile_requests_do_not_decode() {
    let mut asked = request();
    asked.req_policy = Some(POLICY);
    let good = asked.to_der();
    let policy = [6, 4, 0x2a, 3, 4, 1];
    for (from, to) in [
        // version: empty, negative, not minimal, too large
        (&[2, 1, 1][..], &[2, 0][..]),
        (&[2, 1, 1], &[2, 1, 0xff]),
        (&[2, 1, 1], &[2, 2, 0, 1]),
        (&[2, 1, 1], &[2, 6, 1, 0, 0, 0, 0, 0]),
        // reqPolicy: an arc that does not end; twice
        (&policy, &[6, 4, 0x2a, 3, 4, 0x81]),
        (&policy, &[6, 4, 0x2a, 3, 4, 1, 6, 4, 0x2a, 3, 4, 1]),
        // certReq: not DER, and the DEFAULT
        (&[1, 1, 0xff], &[1, 1, 1]),
        (&[1, 1, 0xff], &[1, 1, 0]),
        (&[1, 1, 0xff], &[1, 1, 0xff, 0xa0, 0]),
        // extensions: none in the list; one twice; trailing octets behind
        (
            &[1, 1, 0xff],
            &[
                0xa0, 14, 0x30, 5, 6, 1, 0x2a, 4, 0, 0x30, 5, 6, 1, 0x2a, 4, 0,
            ],
        ),
        (&[1, 1, 0xff], &[1, 1, 0xff, 5, 0]),
    ] {
        let bad = with(&good, from, to);
        assert!(TimeStampReq::from_der(&bad).is_err(), "{to:02x?}");
    }
    // What the authority refuses in its own words decodes.
    for (from, to) in [(&[2, 1, 1][..], &[2, 1, 2][..]), (&policy, &[6, 1, 0x2a])] {
        assert!(TimeStampReq::from_der(&with(&good, from, to)).is_ok());
    }
    for end in 0..good.len() {
        assert!(TimeStampReq::from_der(&good[..end]).is_err());
    }
}

#[test]
fn hostile_tst_infos_do_not_decode() {
    let good = info(&request());
    let time = b"20261123100000.12Z";
    let timed = |t: &[u8]| [&[24, u8::try_from(t.len()).unwrap()], t].concat();
    for (text, decodes) in [
        (&b"20261123100000Z"[..], true),
        (b"20261123100000.123456789Z", true),
        (b"20261123100000.1234567891Z", false),
        (b"20261123100000.120Z", false),
        (b"20261123100000.Z", false),
        (b"20261123100000.1", false),
        (b"20261123100000,1Z", false),
        (b"20261123100060Z", false),
        (b"20261323100000Z", false),
        (b"202611231000Z", false),
        (b"20261123100000+0400", false),
        (b"", false),
    ] {
        let bad = with(&good, &timed(time), &timed(text));
        assert_eq!(TstInfo::from_der(&bad).is_ok(), decodes, "{text:?}");
    }
    for (from, to) in [
        (&[2, 1, 1, 6][..], &[2, 1, 2, 6][..]),
        // accuracy: parts of 0 and of 1000, negative, out of order
        (&[0x30, 3, 2, 1, 1], &[0x30, 3, 0x80, 1, 0]),
        (&[0x30, 3, 2, 1, 1], &[0x30, 4, 0x80, 2, 3, 0xe8]),
        (&[0x30, 3, 2, 1, 1], &[0x30, 3, 0x80, 1, 0xff]),
        (&[0x30, 3, 2, 1, 1], &[0x30, 3, 2, 1, 0xff]),
        (&[0x30, 3, 2, 1, 1], &[0x30, 6, 0x81, 1, 1, 0x80, 1, 1]),
        // ordering: the DEFAULT
        (&[0x30, 3, 2, 1, 1], &[0x30, 3, 2, 1, 1, 1, 1, 0]),
    ] {
        assert!(
            TstInfo::from_der(&with(&good, from, to)).is_err(),
            "{to:02x?}"
        );
    }
    let exact = with(
        &good,
        &[0x30, 3, 2, 1, 1],
        &[0x30, 8, 0x80, 2, 3, 0xe7, 0x81, 2, 3, 0xe7],
    );
    let accuracy = TstInfo::from_der(&exact).unwrap().accuracy;
    assert_eq!(accuracy, Some(Accuracy::from_micros(999_999)));
}

#[test]
fn every_limit_is_reached() {
    let limit = |e: &crate::der::DecodeError| matches!(e.kind(), DecodeKind::Limit(_));
    let good = request().to_der();
    let imprint = |len: usize| {
        let mut w = Writer::new();
        w.sequence(|w| {
            w.u32(1);
            w.sequence(|w| {
                DigestAlgorithm::Sha256.encode(w);
                w.octets(&vec![1; len]);
            });
        });
        w.finish()
    };
    assert!(TimeStampReq::from_der(&imprint(MAX_IMPRINT)).is_ok());
    assert!(limit(
        &TimeStampReq::from_der(&imprint(MAX_IMPRINT + 1)).unwrap_err()
    ));
    let nonce = |len: usize| {
        let mut w = Writer::new();
        w.tlv(Tag::INTEGER, &vec![1; len]);
        let nonce = Nonce::random(&Counting).unwrap();
        let mut old = Writer::new();
        old.tlv(Tag::INTEGER, nonce.as_bytes());
        with(&good, &old.finish(), &w.finish())
    };
    assert!(TimeStampReq::from_der(&nonce(MAX_NONCE)).is_ok());
    assert!(limit(
        &TimeStampReq::from_der(&nonce(MAX_NONCE + 1)).unwrap_err()
    ));
    let extended = |count: u8| {
        let mut asked = request();
        asked.extensions = (0..count)
            .map(|n| RequestExtension {
                oid: crate::oid::ObjectIdentifier::from_bytes(&[0x2a, n + 1]).unwrap(),
                critical: n % 2 == 0,
                value: vec![5, 0],
            })
            .collect();
        asked
    };
    let most = extended(16);
    assert_eq!(TimeStampReq::from_der(&most.to_der()).unwrap(), most);
    assert!(limit(
        &TimeStampReq::from_der(&extended(17).to_der()).unwrap_err()
    ));
    let large = |octets: usize| {
        let mut w = Writer::new();
        w.octets(&vec![0; octets]);
        w.finish()
    };
    assert!(limit(
        &TimeStampReq::from_der(&large(MAX_REQUEST)).unwrap_err()
    ));
    assert!(limit(
        &TimeStampResp::from_der(&large(MAX_TOKEN)).unwrap_err()
    ));
    assert!(matches!(
        TimeStampToken::from_der(&large(MAX_TOKEN)),
        Err(TokenError::Decode(e)) if limit(&e)
    ));
    let mut refusal = TimeStampResp::rejection(FailureInfo::SystemFailure, "x");
    refusal.status.status_string = vec!["x".repeat(MAX_STATUS_STRING); MAX_STATUS_STRINGS];
    assert_eq!(TimeStampResp::from_der(&refusal.to_der()).unwrap(), refusal);
    refusal.status.status_string.push(String::new());
    assert!(limit(
        &TimeStampResp::from_der(&refusal.to_der()).unwrap_err()
    ));
    refusal.status.status_string = vec!["x".repeat(MAX_STATUS_STRING + 1)];
    assert!(limit(
        &TimeStampResp::from_der(&refusal.to_der()).unwrap_err()
    ));
}

#[test]
fn failures_have_their_bits() {
    for failure in FailureInfo::ALL {
        let response = TimeStampResp::rejection(failure, "no");
        let der = response.to_der();
        let read = TimeStampResp::from_der(&der).unwrap();
        assert_eq!(read, response);
        assert_eq!(read.status.failures(), [failure.name()]);
    }
    // A grant without a token, a refusal with one.
    for bad in [
        &[0x30, 5, 0x30, 3, 2, 1, 0][..],
        &[0x30, 7, 0x30, 3, 2, 1, 2, 0x30, 0],
    ] {
        assert!(TimeStampResp::from_der(bad).is_err());
    }
}

#[test]
fn existence_counts_fraction_and_accuracy() {
    let (key, certificate) = stamping();
    let signer = TokenSigner::new(key.clone(), certificate, &[]).unwrap();
    assert!(!key.algorithms().is_empty());
    let asked = request();
    let answer = answer(&signer, &asked, &info(&asked));
    let stamp = check_response(&asked, &answer, &ClientCheck::default())
        .value
        .unwrap();
    // 10:00:00.12 and a second, rounded up.
    assert_eq!(stamp.existed_by(), at().plus(2));
    assert_eq!(stamp.gen_time().to_string(), "2026-11-23T10:00:00.12Z");
    assert_eq!(stamp.accuracy().unwrap().to_string(), "1 s");
    assert!(stamp.token().tst_info().tsa.is_none());
}
