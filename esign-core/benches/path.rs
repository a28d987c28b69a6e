//! A path of leaf, intermediate and root from DER, beside the two raw verifications that it
//! cannot do without and beside rustls-webpki, which processes no policies and here no lists.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a bench stops at the first surprise"
)]

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use esign_core::crl::Crl;
use esign_core::evidence::Evidence;
use esign_core::keys::{KeySpec, PrivateKey};
use esign_core::path::{
    KeyPurpose, PathInputs, PolicyInputs, RevocationChecking, build_path, find_path,
};
use esign_core::time::UnixTime;
use esign_core::trust::TrustAnchors;
use esign_core::x509::Certificate;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer,
    CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair,
    KeyUsagePurpose, SerialNumber, date_time_ymd,
};
use rustls_pki_types::{CertificateDer, UnixTime as WebTime};
use webpki::ring::{ECDSA_P256_SHA256, RSA_PKCS1_2048_8192_SHA256};

/// One policy, 1.2.3.4.
const POLICIES: [u8; 9] = [0x30, 7, 0x30, 5, 6, 3, 0x2a, 3, 4];

struct Pki {
    root: Vec<u8>,
    intermediate: Vec<u8>,
    leaf: Vec<u8>,
    crls: Vec<Crl>,
}

fn params(name: &str, ca: bool) -> CertificateParams {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.distinguished_name.push(DnType::CountryName, "AZ");
    params
        .distinguished_name
        .push(DnType::OrganizationName, "Nümunə MMC");
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2030, 1, 1);
    params.use_authority_key_identifier_extension = true;
    params.custom_extensions = vec![CustomExtension::from_oid_content(
        &[2, 5, 29, 32],
        POLICIES.to_vec(),
    )];
    if ca {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    } else {
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let name = "www.example.az".try_into().unwrap();
        params.subject_alt_names = vec![rcgen::SanType::DnsName(name)];
    }
    params
}

fn pki(key: &dyn Fn() -> KeyPair) -> Pki {
    let root = CertifiedIssuer::self_signed(params("kök", true), key()).unwrap();
    let intermediate = CertifiedIssuer::signed_by(params("mərkəz", true), key(), &root).unwrap();
    let leaf = params("www", false)
        .signed_by(&key(), &intermediate)
        .unwrap();
    fn list(issuer: &Issuer<'_, KeyPair>) -> Crl {
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2026, 11, 1),
            next_update: date_time_ymd(2026, 12, 1),
            crl_number: SerialNumber::from(1u64),
            issuing_distribution_point: None,
            revoked_certs: (0..1000u64)
                .map(|n| rcgen::RevokedCertParams {
                    serial_number: SerialNumber::from(n * 0x1_0000_0001 + 5),
                    revocation_time: date_time_ymd(2026, 10, 1),
                    reason_code: None,
                    invalidity_date: None,
                })
                .collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        Crl::from_der(params.signed_by(issuer).unwrap().der()).unwrap()
    }
    Pki {
        crls: vec![list(&root), list(&intermediate)],
        root: root.der().to_vec(),
        intermediate: intermediate.der().to_vec(),
        leaf: leaf.der().to_vec(),
    }
}

fn paths(c: &mut Criterion) {
    let rsa = || {
        let key = PrivateKey::generate(KeySpec::Rsa2048).unwrap();
        KeyPair::try_from(key.pkcs8_der()).unwrap()
    };
    let ec = || KeyPair::generate().unwrap();
    let kinds: [(&str, Pki); 2] = [("ecdsa-p256", pki(&ec)), ("rsa-2048", pki(&rsa))];
    for (name, pki) in &kinds {
        let at = UnixTime::parse("2026-11-15").unwrap();
        let certificate = |der: &[u8]| Certificate::from_der(der).unwrap();
        let anchors: TrustAnchors = [certificate(&pki.root)].into_iter().collect();
        let policy = ["1.2.3.4".parse().unwrap()];
        let policies = PolicyInputs {
            initial_policies: &policy,
            require_explicit: true,
            ..PolicyInputs::default()
        };
        let mut group = c.benchmark_group(*name);

        let issuers = [certificate(&pki.intermediate), certificate(&pki.root)];
        let signed = [certificate(&pki.leaf), certificate(&pki.intermediate)];
        let keys = issuers.each_ref().map(|i| i.public_key().unwrap().clone());
        group.bench_function("two raw verifications", |b| {
            b.iter(|| {
                for (c, key) in signed.iter().zip(&keys) {
                    let algorithm = c.signature_algorithm().unwrap();
                    key.verify(algorithm, black_box(c.tbs_der()), c.signature())
                        .unwrap();
                }
            });
        });

        let root = CertificateDer::from(pki.root.clone());
        let root = [webpki::anchor_from_trusted_cert(&root).unwrap()];
        let intermediate = [CertificateDer::from(pki.intermediate.clone())];
        let leaf = CertificateDer::from(pki.leaf.clone());
        let seconds = u64::try_from(at.seconds()).unwrap();
        let time = WebTime::since_unix_epoch(Duration::from_secs(seconds));
        group.bench_function("rustls-webpki, no policies, no lists", |b| {
            b.iter(|| {
                let end = webpki::EndEntityCert::try_from(black_box(&leaf)).unwrap();
                end.verify_for_usage(
                    &[ECDSA_P256_SHA256, RSA_PKCS1_2048_8192_SHA256],
                    &root,
                    &intermediate,
                    time,
                    webpki::KeyUsage::server_auth(),
                    None,
                    None,
                )
                .unwrap();
            });
        });

        fn inputs<'a>(
            at: UnixTime,
            anchors: &'a TrustAnchors,
            policies: PolicyInputs<'a>,
            evidence: &'a Evidence,
            revocation: RevocationChecking,
        ) -> PathInputs<'a> {
            PathInputs {
                policies,
                ..PathInputs::new(at, anchors, evidence, revocation, KeyPurpose::TlsServer)
            }
        }
        group.bench_function("policies, from DER", |b| {
            b.iter(|| {
                let leaf = certificate(black_box(&pki.leaf));
                let mut evidence = Evidence::new();
                evidence.add_certificate(certificate(black_box(&pki.intermediate)));
                let inputs = inputs(
                    at,
                    &anchors,
                    policies,
                    &evidence,
                    RevocationChecking::Skipped,
                );
                assert!(find_path(&leaf, &inputs).is_some());
            });
        });
        let mut evidence = Evidence::new();
        evidence.add_certificate(certificate(&pki.intermediate));
        let leaf = certificate(&pki.leaf);
        group.bench_function("policies, decoded", |b| {
            let inputs = inputs(
                at,
                &anchors,
                policies,
                &evidence,
                RevocationChecking::Skipped,
            );
            b.iter(|| assert!(find_path(black_box(&leaf), &inputs).is_some()));
        });
        group.bench_function("policies, decoded, with report", |b| {
            let inputs = inputs(
                at,
                &anchors,
                policies,
                &evidence,
                RevocationChecking::Skipped,
            );
            b.iter(|| assert!(build_path(black_box(&leaf), &inputs).value.is_some()));
        });
        for crl in &pki.crls {
            evidence.add_crl(crl.clone());
        }
        group.bench_function(
            "policies and lists, decoded, lists verified each time",
            |b| {
                let inputs = inputs(
                    at,
                    &anchors,
                    policies,
                    &evidence,
                    RevocationChecking::Required,
                );
                b.iter(|| assert!(find_path(black_box(&leaf), &inputs).is_some()));
            },
        );
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(30)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = paths
}
criterion_main!(benches);
