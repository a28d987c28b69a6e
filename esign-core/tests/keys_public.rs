//! Public keys of the algorithms that are verified only, as OpenSSL makes them: DSA with
//! parameters that are inherited, the brainpool curves, and what is refused by name.
//!
//! The files under `vectors/public` are made by `make.sh` there.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test that cannot go on should stop"
)]

use std::path::PathBuf;

use esign_core::der::{Reader, Rules, Tag, Writer, decode};
use esign_core::keys::{
    Curve, DigestAlgorithm, KeyAlgorithm, KeyErrorKind, KeySpec, PrivateKey, PublicKey,
    SignatureAlgorithm, SigningKey, VerifyError,
};

fn vector(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/public");
    std::fs::read(path.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn public(name: &str) -> PublicKey {
    PublicKey::from_spki(&vector(&format!("{name}.pub.der"))).unwrap()
}

fn refused(spki: &[u8]) -> String {
    PublicKey::from_spki(spki).unwrap_err().to_string()
}

const DIGESTS: [(DigestAlgorithm, &str); 5] = [
    (DigestAlgorithm::Sha1, "sha1"),
    (DigestAlgorithm::Sha224, "sha224"),
    (DigestAlgorithm::Sha256, "sha256"),
    (DigestAlgorithm::Sha384, "sha384"),
    (DigestAlgorithm::Sha512, "sha512"),
];

/// Each signature verifies with its digest, over its message, unchanged, and not otherwise.
fn check(key: &PublicKey, name: &str, algorithm: fn(DigestAlgorithm) -> SignatureAlgorithm) {
    let mut seen = 0;
    for (digest, label) in DIGESTS {
        let path = format!("tests/vectors/public/{name}.{label}.sig");
        let Ok(signature) = std::fs::read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path))
        else {
            continue;
        };
        seen += 1;
        let verify =
            |d, message: &[u8], signature: &[u8]| key.verify(algorithm(d), message, signature);
        assert_eq!(
            verify(digest, b"Qanun", &signature),
            Ok(()),
            "{name} {label}"
        );
        assert_eq!(
            verify(digest, b"qanun", &signature),
            Err(VerifyError::Invalid)
        );
        let other = DIGESTS.iter().find(|(d, _)| *d != digest).unwrap().0;
        assert!(
            verify(other, b"Qanun", &signature).is_err(),
            "{name} {label}"
        );
        for at in 0..signature.len() {
            let mut broken = signature.clone();
            broken[at] ^= 1;
            assert!(verify(digest, b"Qanun", &broken).is_err(), "{name} {at}");
        }
        assert!(verify(digest, b"Qanun", &signature[..20]).is_err());
        assert!(verify(digest, b"Qanun", &[&signature[..], &[0]].concat()).is_err());
    }
    assert!(seen > 0, "{name}");
}

/// The key as a certificate carries it whose issuer has the same parameters.
fn without_parameters(key: &PublicKey) -> Vec<u8> {
    let mut w = Writer::new();
    w.sequence(|w| {
        w.sequence(|w| w.oid(esign_core::oid::DSA));
        w.bit_octets(key.key_octets());
    });
    w.finish()
}

/// A DSA key from its numbers.
fn dsa(p: &[u8], q: &[u8], g: &[u8], y: &[u8]) -> Vec<u8> {
    let mut w = Writer::new();
    let mut inner = Writer::new();
    inner.unsigned(Tag::INTEGER, y);
    w.sequence(|w| {
        w.sequence(|w| {
            w.oid(esign_core::oid::DSA);
            w.sequence(|w| [p, q, g].iter().for_each(|n| w.unsigned(Tag::INTEGER, n)));
        });
        w.bit_octets(&inner.finish());
    });
    w.finish()
}

/// p, q and g of an encoded key.
fn numbers(spki: &[u8]) -> [Vec<u8>; 3] {
    decode(spki, Rules::Der, |r| {
        r.sequence("", |r| {
            let numbers = r.sequence("", |r| {
                r.oid("")?;
                r.sequence("", |r| {
                    let next = |r: &mut Reader<'_>| r.integer("").map(<[u8]>::to_vec);
                    Ok([next(r)?, next(r)?, next(r)?])
                })
            })?;
            r.any("")?;
            Ok(numbers)
        })
    })
    .unwrap()
}

#[test]
fn dsa_verifies_by_every_digest() {
    for name in ["dsa1024-issuer", "dsa1024-subject", "dsa2048"] {
        let key = public(name);
        assert!(!key.needs_parameters());
        check(&key, name, SignatureAlgorithm::Dsa);
    }
    let long = KeyAlgorithm::Dsa { bits: Some(2048) };
    assert_eq!(public("dsa2048").algorithm(), long);
}

#[test]
fn dsa_parameters_are_inherited() {
    let issuer = public("dsa1024-issuer");
    let stripped = without_parameters(&public("dsa1024-subject"));
    let bare = PublicKey::from_spki(&stripped).unwrap();
    assert!(bare.needs_parameters());
    assert_eq!(bare.algorithm(), KeyAlgorithm::Dsa { bits: None });
    let algorithm = SignatureAlgorithm::Dsa(DigestAlgorithm::Sha1);
    let signature = vector("dsa1024-subject.sha1.sig");
    assert!(matches!(
        bare.verify(algorithm, b"Qanun", &signature),
        Err(VerifyError::Unsupported { .. })
    ));
    let whole = bare.with_parameters_of(&issuer).unwrap();
    assert!(!whole.needs_parameters());
    assert_eq!(whole.spki(), stripped);
    assert_ne!(whole, bare);
    check(&whole, "dsa1024-subject", SignatureAlgorithm::Dsa);

    // Over two generations, and not where there is nothing to inherit.
    let second = PublicKey::from_spki(&without_parameters(&issuer)).unwrap();
    let second = second.with_parameters_of(&whole).unwrap();
    check(&second, "dsa1024-issuer", SignatureAlgorithm::Dsa);
    let p256 = PrivateKey::generate(KeySpec::Ec(Curve::P256)).unwrap();
    for giver in [p256.public_key(), &bare] {
        let error = bare.with_parameters_of(giver).unwrap_err();
        assert_eq!(error.kind(), KeyErrorKind::Mismatch);
        assert!(error.to_string().contains("none to inherit"), "{error}");
    }
    // Other parameters make another key; a key that has its own keeps them.
    let long = public("dsa2048");
    let other = bare.with_parameters_of(&long).unwrap();
    assert!(other.verify(algorithm, b"Qanun", &signature).is_err());
    let above = PublicKey::from_spki(&without_parameters(&long)).unwrap();
    let error = above.with_parameters_of(&issuer).unwrap_err();
    assert!(error.to_string().contains("not below"), "{error}");
    assert_eq!(issuer.with_parameters_of(&long).unwrap(), issuer);
    assert_eq!(
        p256.public_key().with_parameters_of(&long).unwrap(),
        *p256.public_key()
    );
}

#[test]
fn dsa_groups_that_let_anything_pass_are_refused() {
    let spki = vector("dsa1024-issuer.pub.der");
    let [p, q, g] = numbers(&spki);
    let y = [9; 100];
    assert_eq!(
        PublicKey::from_spki(&dsa(&p, &q, &g, &y)).map(|_| ()),
        Ok(())
    );
    assert!(refused(&dsa(&p, &q, &[1], &y)).contains("generator"));
    assert!(refused(&dsa(&p, &q, &p, &y)).contains("generator"));
    assert!(refused(&dsa(&p, &q, &g, &[1])).contains("public key"));
    assert!(refused(&dsa(&p, &q, &g, &p)).contains("public key"));
    assert!(refused(&dsa(&p[..120], &q, &g, &y)).contains("prime p"));
    assert!(refused(&dsa(&[&[0x7f; 300][..], &p].concat(), &q, &g, &y)).contains("prime p"));
    assert!(refused(&dsa(&p, &q[..15], &g, &y)).contains("prime q"));
    let mut other = q.clone();
    other[10] ^= 1;
    assert!(refused(&dsa(&p, &other, &g, &y)).contains("does not divide"));
    assert!(refused(&dsa(&p, &q, &g, &[5; 401])).contains("3072 bits"));
    // A key outside of the subgroup verifies nothing: with g = y = p - 1, r = 1 would always do.
    let mut minus_one = p.clone();
    *minus_one.last_mut().unwrap() -= 1;
    let key = PublicKey::from_spki(&dsa(&p, &q, &minus_one, &[3])).unwrap();
    let mut w = Writer::new();
    w.sequence(|w| {
        w.u32(1);
        w.u32(1);
    });
    let signature = w.finish();
    let algorithm = SignatureAlgorithm::Dsa(DigestAlgorithm::Sha256);
    for n in 0..16u8 {
        let verdict = key.verify(algorithm, &[n], &signature);
        assert_eq!(verdict, Err(VerifyError::Invalid));
    }
}

#[test]
fn brainpool_verifies_by_every_digest() {
    for (name, curve) in [
        ("brainpoolP256r1", Curve::BrainpoolP256r1),
        ("brainpoolP256t1", Curve::BrainpoolP256t1),
        ("brainpoolP384r1", Curve::BrainpoolP384r1),
        ("brainpoolP384t1", Curve::BrainpoolP384t1),
    ] {
        let key = public(name);
        assert_eq!(key.algorithm(), KeyAlgorithm::Ec(curve));
        assert_eq!(key.algorithm().to_string(), name);
        check(&key, name, SignatureAlgorithm::Ecdsa);
        // A point beside the curve verifies nothing.
        let mut spki = vector(&format!("{name}.pub.der"));
        *spki.last_mut().unwrap() ^= 1;
        let key = PublicKey::from_spki(&spki).unwrap();
        let signature = vector(&format!("{name}.sha256.sig"));
        let algorithm = SignatureAlgorithm::Ecdsa(DigestAlgorithm::Sha256);
        let verdict = key.verify(algorithm, b"Qanun", &signature);
        assert_eq!(verdict, Err(VerifyError::Invalid));
        let made = PrivateKey::generate(KeySpec::Ec(curve)).err().unwrap();
        assert_eq!(made.kind(), KeyErrorKind::Algorithm);
    }
}

#[test]
fn curves_are_named_and_known() {
    let explicit = refused(&vector("explicit.pub.der"));
    assert!(explicit.contains("not a named curve"), "{explicit}");
    for name in ["brainpoolP512r1", "secp256k1", "secp224r1"] {
        let error = refused(&vector(&format!("{name}.pub.der")));
        assert!(error.contains("not verified here"), "{name}: {error}");
    }
    // implicitCurve, and no parameters at all.
    for null in [true, false] {
        let mut w = Writer::new();
        w.sequence(|w| {
            w.sequence(|w| {
                w.oid(esign_core::oid::EC_PUBLIC_KEY);
                if null {
                    w.tlv(Tag::NULL, &[]);
                }
            });
            w.bit_octets(&[4; 65]);
        });
        let error = refused(&w.finish());
        assert!(error.contains("not a named curve"), "{error}");
    }
}

#[test]
fn short_rsa_verifies_by_every_scheme() {
    let key = public("rsa1024");
    check(&key, "rsa1024", SignatureAlgorithm::RsaPkcs1);
    let mut seen = 0;
    for (digest, label) in &DIGESTS {
        let Ok(signature) = std::fs::read(
            PathBuf::from(env!("CARGO_MANIFEST_DIR"))
                .join(format!("tests/vectors/public/rsa1024.{label}.pss")),
        ) else {
            continue;
        };
        seen += 1;
        let algorithm = SignatureAlgorithm::RsaPss(*digest);
        assert_eq!(
            key.verify(algorithm, b"Qanun", &signature),
            Ok(()),
            "{label}"
        );
        assert!(key.verify(algorithm, b"qanun", &signature).is_err());
    }
    // SHA-512 leaves no room for a salt of its length.
    assert_eq!(seen, 3);
}

/// RFC 4055 3.3: a key with parameters takes signatures by them alone, with a salt at least as
/// long.
#[test]
fn a_pss_key_binds_its_signatures() {
    use DigestAlgorithm::{Sha1, Sha256, Sha384, Sha512};
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/keys");
    let read = |name: &str| std::fs::read(path.join(name)).unwrap();
    let text = String::from_utf8(read("pss2048-sha384.pem")).unwrap();
    let private = PrivateKey::from_pem(&text, None).unwrap();
    let bound = PublicKey::from_spki(&read("pss2048-sha384.pub.der")).unwrap();
    let good = SignatureAlgorithm::RsaPss(Sha384);
    let signature = private.sign(good, b"Qanun").unwrap();
    assert_eq!(bound.verify(good, b"Qanun", &signature), Ok(()));
    for other in [
        SignatureAlgorithm::RsaPss(Sha256),
        SignatureAlgorithm::RsaPss(Sha512),
        SignatureAlgorithm::RsaPssOther {
            digest: Sha384,
            mask: Sha1,
            salt: 48,
        },
        SignatureAlgorithm::RsaPssOther {
            digest: Sha384,
            mask: Sha384,
            salt: 47,
        },
    ] {
        let verdict = bound.verify(other, b"Qanun", &signature);
        assert!(
            matches!(verdict, Err(VerifyError::Mismatch { .. })),
            "{other}"
        );
    }
    let longer = SignatureAlgorithm::RsaPssOther {
        digest: Sha384,
        mask: Sha384,
        salt: 49,
    };
    let verdict = bound.verify(longer, b"Qanun", &signature);
    assert_eq!(verdict, Err(VerifyError::Invalid));
}
