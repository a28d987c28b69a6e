//! What a private key costs over the raw primitive, both measured in the same run:
//! `cargo bench -p esign-core --bench keys`.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a bench that cannot go on should stop"
)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use esign_core::keys::{Curve, Kdf, KeySpec, Passphrase, PrivateKey, SigningKey};
use ring::rand::SystemRandom;
use ring::signature as raw_ring;

fn sign(c: &mut Criterion) {
    let message = [7; 1024];
    let rng = SystemRandom::new();
    let mut group = c.benchmark_group("sign 1 KiB");
    group.throughput(Throughput::Elements(1));
    let key = PrivateKey::generate(KeySpec::Ec(Curve::P256)).unwrap();
    let raw = raw_ring::EcdsaKeyPair::from_pkcs8(
        &raw_ring::ECDSA_P256_SHA256_ASN1_SIGNING,
        key.pkcs8_der(),
        &rng,
    )
    .unwrap();
    group.bench_function("P-256, ring", |b| {
        b.iter(|| raw.sign(&rng, &message).unwrap())
    });
    let mut ours = |name: &str, key: &PrivateKey| {
        let algorithm = *key.algorithms().first().unwrap();
        group.bench_function(name, |b| b.iter(|| key.sign(algorithm, &message).unwrap()));
    };
    ours("P-256", &key);
    for (name, spec) in [
        ("P-384", KeySpec::Ec(Curve::P384)),
        ("P-521", KeySpec::Ec(Curve::P521)),
        ("Ed25519", KeySpec::Ed25519),
        ("RSA-2048", KeySpec::Rsa2048),
        ("RSA-4096", KeySpec::Rsa4096),
    ] {
        ours(name, &PrivateKey::generate(spec).unwrap());
    }
    group.finish();
}

fn files(c: &mut Criterion) {
    let mut group = c.benchmark_group("key file");
    let rng = SystemRandom::new();
    let key = PrivateKey::generate(KeySpec::Ec(Curve::P256)).unwrap();
    let plain = key.to_pkcs8_pem(None, Kdf::Pbkdf2, &rng).unwrap();
    group.bench_function("read plain P-256", |b| {
        b.iter(|| PrivateKey::from_pem(&plain, None).unwrap());
    });
    group.sample_size(10);
    let passphrase = Passphrase::new("açar".to_owned());
    for (name, kdf) in [("PBKDF2", Kdf::Pbkdf2), ("scrypt", Kdf::Scrypt)] {
        let pem = key.to_pkcs8_pem(Some(&passphrase), kdf, &rng).unwrap();
        group.bench_function(format!("read {name}"), |b| {
            b.iter(|| PrivateKey::from_pem(&pem, Some(&passphrase)).unwrap());
        });
    }
    group.finish();
}

criterion_group!(benches, sign, files);
criterion_main!(benches);
