//! Decoding certificates and lists, beside what x509-parser takes in the same run.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a bench stops at the first surprise"
)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use esign_core::crl::{Crl, CrlBuilder, RevocationReason, RevokedCertificate};
use esign_core::keys::{Curve, KeySpec, PrivateKey, SigningKey};
use esign_core::time::UnixTime;
use esign_core::x509::{Certificate, Name, SerialNumber, certificates};
use x509_parser::prelude::{FromDer, X509Certificate};

fn certificate(c: &mut Criterion) {
    let pem = include_bytes!("../tests/vectors/x509/certificates.pem");
    let ee = certificates(pem).unwrap().swap_remove(1);
    let mut group = c.benchmark_group("certificate");
    group.throughput(Throughput::Elements(1));
    group.bench_function("from_der", |b| {
        b.iter(|| Certificate::from_der(black_box(ee.der())))
    });
    group.bench_function("x509-parser", |b| {
        b.iter(|| X509Certificate::from_der(black_box(ee.der())).is_ok());
    });
    group.bench_function("subject comparison key", |b| {
        b.iter(|| ee.subject().comparison_key())
    });
    group.finish();
}

fn list(c: &mut Criterion) {
    const ENTRIES: u32 = 1_000_000;
    let key = PrivateKey::generate(KeySpec::Ec(Curve::P256)).unwrap();
    let at = UnixTime::parse("2026-01-01").unwrap();
    let serial = |i: u32| {
        let octets = (u128::from(i) * 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).to_be_bytes();
        SerialNumber::from_magnitude(&octets)
    };
    let der = CrlBuilder {
        issuer: Name::from_der(&[0x30, 0]).unwrap(),
        key_identifier: vec![1],
        number: SerialNumber::from_magnitude(&[1]),
        this_update: at,
        next_update: at.plus(86_400),
        expired_certificates_since: None,
    }
    .build(
        (1..=ENTRIES).map(|i| RevokedCertificate {
            serial: serial(i),
            revocation_date: at,
            reason: RevocationReason::Superseded,
            invalidity_date: None,
        }),
        key.public_key(),
        key.algorithms().first().copied().unwrap(),
    )
    .unwrap()
    .sign(&key)
    .unwrap()
    .der()
    .to_vec();
    let mut group = c.benchmark_group("list of a million");
    group.sample_size(10);
    group.throughput(Throughput::Elements(u64::from(ENTRIES)));
    group.bench_function("from_der", |b| {
        b.iter(|| Crl::from_der(black_box(&der)).unwrap())
    });
    group.bench_function("from_der and first find", |b| {
        b.iter(|| {
            Crl::from_der(black_box(&der))
                .unwrap()
                .find(&serial(77))
                .unwrap()
        });
    });
    group.finish();
    let list = Crl::from_der(&der).unwrap();
    list.find(&serial(1)).unwrap();
    c.bench_function("list of a million: later find", |b| {
        b.iter(|| list.find(black_box(&serial(77))).unwrap());
    });
}

criterion_group!(benches, certificate, list);
criterion_main!(benches);
