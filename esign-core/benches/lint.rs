//! What linting a certificate costs, against the goal of 50 µs:
//! `cargo bench -p esign-core --bench lint`.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a bench stops at the first surprise"
)]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use esign_core::lint::{self, Kind};
use esign_core::x509::certificates;

fn certificate(c: &mut Criterion) {
    let pem = include_bytes!("../tests/vectors/x509/certificates.pem");
    let all = certificates(pem).unwrap();
    let mut group = c.benchmark_group("lint");
    for kind in [Kind::Pkix, Kind::NaturalPerson, Kind::Ca] {
        let der = all.get(1).unwrap().der();
        group.bench_function(kind.name(), |b| {
            b.iter(|| lint::certificate(black_box(der), Some(kind)));
        });
    }
    group.finish();
}

criterion_group!(benches, certificate);
criterion_main!(benches);
