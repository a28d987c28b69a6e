//! What a private key costs over the raw primitive, both measured in the same run:
//! `cargo bench -p esign-core --bench keys`.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a bench that cannot go on should stop"
)]

use aws_lc_rs::signature as aws;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use esign_core::der::{Tag, Writer};
use esign_core::keys::{
    Curve, DigestAlgorithm, Kdf, KeySpec, MlDsa, Passphrase, PrivateKey, PublicKey,
    SignatureAlgorithm, SigningKey, shared_factors, weaknesses,
};
use esign_core::oid;
use num_bigint::BigUint;
use ring::rand::{SecureRandom, SystemRandom};
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
        ("ML-DSA-44", KeySpec::MlDsa(MlDsa::MlDsa44)),
        ("ML-DSA-65", KeySpec::MlDsa(MlDsa::MlDsa65)),
        ("ML-DSA-87", KeySpec::MlDsa(MlDsa::MlDsa87)),
        ("RSA-2048", KeySpec::Rsa2048),
        ("RSA-4096", KeySpec::Rsa4096),
    ] {
        ours(name, &PrivateKey::generate(spec).unwrap());
    }
    group.finish();
}

/// Verification beside the raw primitive of aws-lc, which has the last word on ML-DSA here.
fn verify(c: &mut Criterion) {
    let message = [7; 1024];
    let mut group = c.benchmark_group("verify 1 KiB");
    group.throughput(Throughput::Elements(1));
    for (name, spec) in [
        ("P-256", KeySpec::Ec(Curve::P256)),
        ("P-384", KeySpec::Ec(Curve::P384)),
        ("Ed25519", KeySpec::Ed25519),
        ("RSA-2048", KeySpec::Rsa2048),
        ("ML-DSA-44", KeySpec::MlDsa(MlDsa::MlDsa44)),
        ("ML-DSA-65", KeySpec::MlDsa(MlDsa::MlDsa65)),
        ("ML-DSA-87", KeySpec::MlDsa(MlDsa::MlDsa87)),
    ] {
        let key = PrivateKey::generate(spec).unwrap();
        let algorithm = *key.algorithms().first().unwrap();
        let signature = key.sign(algorithm, &message).unwrap();
        let public = key.public_key();
        group.bench_function(name, |b| {
            b.iter(|| public.verify(algorithm, &message, &signature).unwrap());
        });
        if spec == KeySpec::MlDsa(MlDsa::MlDsa65) {
            let raw = aws::UnparsedPublicKey::new(&aws::ML_DSA_65, public.key_octets());
            group.bench_function("ML-DSA-65, aws-lc", |b| {
                b.iter(|| raw.verify(&message, &signature).unwrap());
            });
        }
    }
    let folder = "tests/vectors/public";
    let sha256 = DigestAlgorithm::Sha256;
    for (name, algorithm) in [
        ("brainpoolP256r1", SignatureAlgorithm::Ecdsa(sha256)),
        ("brainpoolP384r1", SignatureAlgorithm::Ecdsa(sha256)),
        ("dsa1024-issuer", SignatureAlgorithm::Dsa(sha256)),
        ("dsa2048", SignatureAlgorithm::Dsa(sha256)),
    ] {
        let read = |kind| std::fs::read(format!("{folder}/{name}.{kind}")).unwrap();
        let public = PublicKey::from_spki(&read("pub.der")).unwrap();
        let signature = read("sha256.sig");
        group.bench_function(name, |b| {
            b.iter(|| public.verify(algorithm, b"Qanun", &signature).unwrap());
        });
    }
    group.finish();
}

/// The search for weak keys: one by one, and the factors that many share.
fn weak(c: &mut Criterion) {
    let mut group = c.benchmark_group("weak keys");
    group.sample_size(10);
    for (name, spec) in [
        ("P-256", KeySpec::Ec(Curve::P256)),
        ("RSA-2048", KeySpec::Rsa2048),
        ("RSA-4096", KeySpec::Rsa4096),
    ] {
        let key = PrivateKey::generate(spec).unwrap();
        group.bench_function(name, |b| b.iter(|| weaknesses(key.public_key())));
    }
    // One more than a multiple of all small primes: hardly two have a factor in common.
    let random = SystemRandom::new();
    let small: BigUint = (2..1000u32)
        .filter(|n| (2..*n).all(|d| n % d != 0))
        .product();
    let key = || {
        let mut octets = [0xff; 256];
        random.fill(&mut octets[1..]).unwrap();
        let modulus = BigUint::from_bytes_be(&octets) / &small * &small + 1u8;
        let mut inner = Writer::new();
        inner.sequence(|w| {
            w.unsigned(Tag::INTEGER, &modulus.to_bytes_be());
            w.u32(65537);
        });
        let mut w = Writer::new();
        w.sequence(|w| {
            w.sequence(|w| {
                w.oid(oid::RSA_ENCRYPTION);
                w.tlv(Tag::NULL, &[]);
            });
            w.bit_octets(&inner.finish());
        });
        PublicKey::from_spki(&w.finish()).unwrap()
    };
    for count in [100, 300] {
        let keys: Vec<PublicKey> = core::iter::repeat_with(key).take(count).collect();
        let all: Vec<&PublicKey> = keys.iter().collect();
        group.bench_function(format!("{count} RSA-2048 together"), |b| {
            b.iter(|| shared_factors(&all).unwrap());
        });
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

criterion_group!(benches, sign, verify, weak, files);
criterion_main!(benches);
