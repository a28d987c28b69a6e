//! Decoding certificates, beside what x509-parser takes in the same run.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a bench stops at the first surprise"
)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use esign_core::x509::{Certificate, certificates};
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

criterion_group!(benches, certificate);
criterion_main!(benches);
