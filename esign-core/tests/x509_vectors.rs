//! Certificates, a request and a list made by OpenSSL (`tests/vectors/x509/make.sh`), read field
//! by field; then damaged in every way.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test may fail by panicking"
)]

use std::net::Ipv6Addr;

use esign_core::crl::{Crl, CrlBuilder, RevocationReason, RevokedCertificate, crls};
use esign_core::der::DecodeKind;
use esign_core::keys::{Curve, KeyAlgorithm, KeySpec, PrivateKey, SigningKey};
use esign_core::oid;
use esign_core::time::UnixTime;
use esign_core::x509::{
    Certificate, GeneralName, KeyUsage, Name, NameBuilder, Request, SerialNumber, certificates,
    to_pem,
};
use proptest::prelude::*;

const CERTIFICATES: &[u8] = include_bytes!("vectors/x509/certificates.pem");
const REQUEST: &[u8] = include_bytes!("vectors/x509/request.der");
const LIST: &[u8] = include_bytes!("vectors/x509/list.crl");

fn four() -> [Certificate; 4] {
    certificates(CERTIFICATES).unwrap().try_into().unwrap()
}

#[test]
fn an_authority_is_read() {
    let [ca, ..] = four();
    assert_eq!(ca.serial().to_string(), "f0f1f2f3f4f5f6f7f8f9fafbfcfdfe");
    assert_eq!(ca.subject().to_string(), "CN=Kök, O=Sınaq, C=AZ");
    assert_eq!(ca.subject().common_name().unwrap(), "Kök");
    assert!(ca.is_self_issued());
    // After 2049 the time is a GeneralizedTime.
    assert!(ca.not_after() > UnixTime::parse("2081-01-01").unwrap());
    assert_eq!(
        ca.not_after().seconds() - ca.not_before().seconds(),
        20_000 * 86_400
    );
    let key = ca.public_key().unwrap();
    assert_eq!(key.algorithm(), KeyAlgorithm::Ec(Curve::P256));
    ca.verify_signed_by(key).unwrap();
    let basic = ca.basic_constraints().unwrap().unwrap();
    assert_eq!((basic.ca, basic.path_len), (true, Some(3)));
    let usage = ca.key_usage().unwrap().unwrap();
    assert_eq!(usage, KeyUsage::KEY_CERT_SIGN | KeyUsage::CRL_SIGN);
    assert_eq!(
        usage.names().collect::<Vec<_>>(),
        ["keyCertSign", "cRLSign"]
    );
    assert_eq!(
        ca.subject_key_identifier().unwrap().unwrap(),
        key.sha1_identifier()
    );
    assert_eq!(ca.authority_key_identifier().unwrap(), None);
    let names = ca.name_constraints().unwrap().unwrap();
    assert_eq!(
        names.permitted[0].base,
        GeneralName::Dns("example.az".into())
    );
    assert_eq!(
        names.excluded[0].base,
        GeneralName::Ip(vec![10, 0, 0, 0, 255, 0, 0, 0])
    );
}

#[test]
fn an_end_entity_is_read() {
    let [ca, ee, ..] = four();
    assert_eq!(
        ee.subject().to_string(),
        r#"CN=Əli \"Ö\", O=A\, B \+ C, C=AZ"#
    );
    ee.verify_signed_by(ca.public_key().unwrap()).unwrap();
    assert!(ee.verify_signed_by(ee.public_key().unwrap()).is_err());
    let usage = ee.key_usage().unwrap().unwrap();
    let names: Vec<_> = usage.names().collect();
    assert_eq!(
        names,
        [
            "digitalSignature",
            "nonRepudiation",
            "encipherOnly",
            "decipherOnly"
        ]
    );
    assert_eq!(
        ee.ext_key_usage().unwrap().unwrap(),
        [oid::KP_EMAIL_PROTECTION, oid::KP_DOCUMENT_SIGNING]
    );
    assert!(ee.extension(oid::EXT_KEY_USAGE).unwrap().critical);
    let authority = ee.authority_key_identifier().unwrap().unwrap();
    let own = ca.subject_key_identifier().unwrap().unwrap();
    assert_eq!(authority.key_identifier.unwrap(), own);
    let names = ee.subject_alt_name().unwrap().unwrap();
    let shown: Vec<_> = names.iter().map(ToString::to_string).collect();
    let v6 = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
    assert_eq!(
        shown,
        [
            "email:a@example.az".to_owned(),
            "dns:example.az".into(),
            "ip:192.0.2.1".into(),
            format!("ip:{v6}"),
            "uri:http://example.az/x".into(),
            "oid:1.2.3.4".into(),
            "directory:O=Qovluq, C=AZ".into(),
        ]
    );
    let points = ee.crl_distribution_points().unwrap().unwrap();
    let uris: Vec<_> = points[0].uris().collect();
    assert_eq!(uris, ["http://example.az/a.crl", "ldap://example.az/b"]);
    assert_eq!(
        (points[0].reasons, points[0].crl_issuer.len()),
        (Some(0b110), 1)
    );
    let access = ee.authority_info_access().unwrap().unwrap();
    assert_eq!(access[0].method, oid::AD_OCSP);
    assert_eq!(access[1].location.uri(), Some("http://example.az/ca.crt"));
    let policies = ee.certificate_policies().unwrap().unwrap();
    assert_eq!(policies[1].cps, ["http://example.az/cps"]);
    assert_eq!(policies[1].notices, ["Yalnız sınaq üçün"]);
    assert_eq!(ee.qc_statements().unwrap(), None);
}

#[test]
fn odd_ones_can_be_looked_at() {
    let [ca, _, v1, x448] = four();
    assert_eq!((v1.version(), v1.extensions().count()), (1, 0));
    assert_eq!(v1.public_key().unwrap().algorithm(), KeyAlgorithm::Ed25519);
    v1.verify_signed_by(v1.public_key().unwrap()).unwrap();
    assert!(x448.serial().is_negative());
    let error = x448.public_key().unwrap_err();
    assert!(error.to_string().contains("not known"), "{error}");
    x448.verify_signed_by(ca.public_key().unwrap()).unwrap();
}

#[test]
fn a_request_is_read() {
    let request = Request::from_der(REQUEST).unwrap();
    assert_eq!(
        request.subject().to_string(),
        r#"CN=Əli \"Ö\", O=A\, B \+ C, C=AZ"#
    );
    let [_, ee, ..] = four();
    let key = request.verify().unwrap();
    assert_eq!(key.public_key().spki(), ee.spki_der());
}

#[test]
fn a_list_is_read() {
    let [ca, ..] = four();
    let list = Crl::from_der(LIST).unwrap();
    list.verify_signed_by(ca.public_key().unwrap()).unwrap();
    assert_eq!(list.issuer(), ca.subject());
    assert_eq!((list.version(), list.len()), (2, 3));
    assert_eq!(list.number().unwrap().unwrap().as_bytes(), [31]);
    let find = |hex| list.find(&SerialNumber::parse_hex(hex).unwrap()).unwrap();
    let entry = find("0A0B").unwrap();
    assert_eq!(entry.reason, Some(RevocationReason::KeyCompromise));
    assert_eq!(
        entry.revocation_date,
        UnixTime::parse("2025-02-03T04:05:06Z").unwrap()
    );
    assert_eq!(find("F00D").unwrap().reason, None);
    assert_eq!(
        find("77").unwrap().reason,
        Some(RevocationReason::CertificateHold)
    );
    assert_eq!(find("78"), None);
    // The same last octets are not the same serial.
    assert_eq!(find("110A0B"), None);
    let pem = to_pem("X509 CRL", LIST);
    assert_eq!(crls(pem.as_bytes()).unwrap(), [list]);
}

#[test]
fn long_lists_answer_each_serial() {
    let key = PrivateKey::generate(KeySpec::Ec(Curve::P256)).unwrap();
    let at = UnixTime::parse("2026-01-01").unwrap();
    let serial = |i: u32| {
        // Scattered, and with equal last octets for neighbours.
        let mut octets = i.wrapping_mul(2_654_435_761).to_be_bytes().to_vec();
        octets.extend([0, 0, 0, 0, 0, 0, 0, 7]);
        SerialNumber::from_magnitude(&octets)
    };
    let entries = (1..=20_000u32).map(|i| RevokedCertificate {
        serial: serial(i),
        revocation_date: at.plus(-i64::from(i)),
        reason: RevocationReason::Superseded,
        invalidity_date: (i % 2 == 0).then(|| at.plus(-2 * i64::from(i))),
    });
    let builder = CrlBuilder {
        issuer: NameBuilder::parse("CN=CA").unwrap().build().unwrap(),
        key_identifier: vec![1],
        number: SerialNumber::from_magnitude(&[9]),
        this_update: at,
        next_update: at.plus(3600),
        expired_certificates_since: None,
    };
    let unsigned = builder
        .build(entries, key.public_key(), key.algorithms()[0])
        .unwrap();
    let list = unsigned.sign(&key).unwrap();
    assert_eq!(list.len(), 20_000);
    for i in [1, 2, 777, 19_999, 20_000] {
        let entry = list.find(&serial(i)).unwrap().unwrap();
        assert_eq!(entry.revocation_date, at.plus(-i64::from(i)));
        assert_eq!(entry.invalidity_date.is_some(), i % 2 == 0);
    }
    assert_eq!(list.find(&serial(20_001)).unwrap(), None);
    let number = SerialNumber::from_magnitude(&[1; 21]);
    let rows = [
        CrlBuilder {
            number,
            ..builder.clone()
        },
        CrlBuilder {
            next_update: at,
            ..builder.clone()
        },
    ];
    for wrong in rows {
        assert!(
            wrong
                .build([], key.public_key(), key.algorithms()[0])
                .is_err()
        );
    }
    let empty = builder
        .build([], key.public_key(), key.algorithms()[0])
        .unwrap();
    assert!(empty.sign(&key).unwrap().is_empty());
}

#[test]
fn limits_are_reached() {
    let is_limit = |kind: &DecodeKind| matches!(kind, DecodeKind::Limit(_));
    let large = vec![0x30; (1 << 20) + 1];
    assert!(is_limit(Certificate::from_der(&large).unwrap_err().kind()));
    assert!(is_limit(Request::from_der(&large).unwrap_err().kind()));
    let large = vec![0; (1 << 30) + 1];
    assert!(is_limit(Crl::from_der(&large).unwrap_err().kind()));
    // A certificate with 129 extensions, made from one that has fewer.
    let [_, ee, ..] = four();
    let build = |count: u32| {
        let mut w = esign_core::der::Writer::new();
        let tbs = ee.tbs_der();
        let algorithm = ee.signature_algorithm().unwrap();
        w.sequence(|w| {
            w.sequence(|w| {
                w.raw(&tbs[4..tbs.len() - extensions_len(&ee)]);
                w.nested(esign_core::der::Tag::constructed(3), |w| {
                    w.sequence(|w| {
                        for i in 0..count {
                            w.sequence(|w| {
                                w.oid(format!("1.2.3.{i}").parse().unwrap());
                                w.octets(&[5, 0]);
                            });
                        }
                    });
                });
            });
            algorithm.encode(w);
            w.bit_octets(&[1]);
        });
        Certificate::from_der(&w.finish())
    };
    assert_eq!(build(128).unwrap().extensions().count(), 128);
    assert!(is_limit(build(129).unwrap_err().kind()));
    assert!(matches!(build(0).unwrap_err().kind(), DecodeKind::Value(_)));
}

/// Length of the field `extensions` with its header.
fn extensions_len(certificate: &Certificate) -> usize {
    let tbs = certificate.tbs_der();
    let (spki, whole) = (certificate.spki_der(), tbs.len());
    let at = tbs.windows(spki.len()).position(|w| w == spki).unwrap();
    whole - at - spki.len()
}

#[test]
fn no_cut_and_no_flipped_octet_panics() {
    let all = four();
    for certificate in &all {
        for end in 0..certificate.der().len() {
            assert!(Certificate::from_der(&certificate.der()[..end]).is_err());
        }
        for at in 0..certificate.der().len() {
            for bit in [1, 0x20, 0x80, 0xff] {
                let mut der = certificate.der().to_vec();
                der[at] ^= bit;
                look_at(&der);
            }
        }
    }
    for (der, read) in [(REQUEST, false), (LIST, true)] {
        for at in 0..der.len() {
            let mut changed = der.to_vec();
            changed[at] ^= 0x81;
            if read {
                look_at_list(&changed);
            } else if let Ok(request) = Request::from_der(&changed) {
                let _ = request.verify();
            }
        }
    }
}

/// Asks for everything; what it says does not matter.
fn look_at(der: &[u8]) {
    let Ok(c) = Certificate::from_der(der) else {
        return;
    };
    assert_eq!(c.der(), der);
    let _ = (
        c.basic_constraints(),
        c.key_usage(),
        c.ext_key_usage(),
        c.subject_key_identifier(),
    );
    let _ = (
        c.authority_key_identifier(),
        c.subject_alt_name(),
        c.crl_distribution_points(),
    );
    let _ = (
        c.authority_info_access(),
        c.certificate_policies(),
        c.qc_statements(),
    );
    let _ = (
        c.name_constraints(),
        c.public_key().is_ok(),
        c.is_self_issued(),
    );
    let _ = (
        c.issuer().to_string(),
        c.subject().to_string(),
        c.serial().to_string(),
    );
}

fn look_at_list(der: &[u8]) {
    let Ok(list) = Crl::from_der(der) else { return };
    assert_eq!(list.entries().count(), list.len());
    for entry in list.entries().flatten() {
        assert!(list.find(&entry.serial).is_ok());
    }
    let _ = (
        list.number(),
        list.issuing_distribution_point(),
        list.delta_base(),
    );
}

proptest! {
    #[test]
    fn random_octets_do_not_panic(octets in proptest::collection::vec(any::<u8>(), 0..400)) {
        look_at(&octets);
        look_at_list(&octets);
        let _ = (Request::from_der(&octets).is_ok(), certificates(&octets).is_ok(), Name::from_der(&octets).is_ok());
    }

    #[test]
    fn spliced_certificates_do_not_panic(at in 0usize..900, cut in 0usize..20, piece in proptest::collection::vec(any::<u8>(), 0..20)) {
        for certificate in four() {
            let mut der = certificate.der().to_vec();
            let from = at.min(der.len());
            let to = (from + cut).min(der.len());
            der.splice(from..to, piece.clone());
            look_at(&der);
        }
    }
}
