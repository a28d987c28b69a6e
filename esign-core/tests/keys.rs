//! Private keys: every algorithm, every file form that other programs write, every refusal.
//!
//! The files under `vectors/keys` are made by `make.sh` there with OpenSSL and Java.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test that cannot go on should stop"
)]

use std::path::PathBuf;

use esign_core::der::{Tag, Writer};
use esign_core::keys::{
    Curve, Kdf, KeyAlgorithm, KeyError, KeyErrorKind, KeySpec, MlDsa, Passphrase, Pkcs12,
    PrivateKey, PublicKey, Random, SigningKey,
};
use ring::rand::SystemRandom;

fn vector(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/keys");
    std::fs::read(path.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn pass() -> Passphrase {
    let text = String::from_utf8(vector("passphrase.txt")).unwrap();
    Passphrase::new(text.trim_end().to_owned())
}

fn text(text: &str) -> Passphrase {
    Passphrase::new(text.to_owned())
}

fn kind<T>(result: Result<T, KeyError>) -> Option<KeyErrorKind> {
    result.err().map(|e| e.kind())
}

/// The key signs by each of its algorithms what its public key verifies, and not another message.
fn check_signing(key: &PrivateKey) {
    for &algorithm in key.algorithms() {
        let signature = key.sign(algorithm, b"Qanun").unwrap();
        let public = PublicKey::from_spki(key.public_key().spki()).unwrap();
        assert_eq!(
            public.verify(algorithm, b"Qanun", &signature),
            Ok(()),
            "{algorithm}"
        );
        assert!(
            public.verify(algorithm, b"qanun", &signature).is_err(),
            "{algorithm}"
        );
    }
}

#[test]
fn generated_keys_sign_and_come_back() {
    for (spec, algorithm, count) in [
        (KeySpec::Ec(Curve::P256), KeyAlgorithm::Ec(Curve::P256), 1),
        (KeySpec::Ec(Curve::P384), KeyAlgorithm::Ec(Curve::P384), 1),
        (KeySpec::Ec(Curve::P521), KeyAlgorithm::Ec(Curve::P521), 1),
        (KeySpec::Ed25519, KeyAlgorithm::Ed25519, 1),
        (
            KeySpec::MlDsa(MlDsa::MlDsa65),
            KeyAlgorithm::MlDsa(MlDsa::MlDsa65),
            1,
        ),
        (KeySpec::Rsa2048, KeyAlgorithm::Rsa { bits: 2048 }, 6),
        (KeySpec::Rsa3072, KeyAlgorithm::Rsa { bits: 3072 }, 6),
        (KeySpec::Rsa4096, KeyAlgorithm::Rsa { bits: 4096 }, 6),
    ] {
        let key = PrivateKey::generate(spec).unwrap();
        assert_eq!(key.public_key().algorithm(), algorithm);
        assert_eq!(key.algorithms().len(), count);
        check_signing(&key);
        let plain = key
            .to_pkcs8_pem(None, Kdf::default(), &SystemRandom::new())
            .unwrap();
        let again = PrivateKey::from_pem(&plain, None).unwrap();
        assert_eq!(again.public_key(), key.public_key());
        assert_eq!(again.pkcs8_der(), key.pkcs8_der());
        check_signing(&again);
    }
}

#[test]
fn small_scalars_keep_their_length() {
    // RFC 5915 3: as long as the curve's order. Many keys, so that some begin with zero.
    for _ in 0..600 {
        let key = PrivateKey::generate(KeySpec::Ec(Curve::P256)).unwrap();
        assert_eq!(key.pkcs8_der().len(), 138);
    }
}

#[test]
fn written_files_are_encrypted_and_read_again() {
    let random = SystemRandom::new();
    let key = PrivateKey::generate(KeySpec::Ec(Curve::P256)).unwrap();
    let scalar = &key.pkcs8_der()[36..68];
    for kdf in [Kdf::Pbkdf2, Kdf::Scrypt] {
        let pem = key.to_pkcs8_pem(Some(&pass()), kdf, &random).unwrap();
        assert!(pem.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
        let again = PrivateKey::from_pem(&pem, Some(&pass())).unwrap();
        assert_eq!(again.pkcs8_der(), key.pkcs8_der());
        let wrong = PrivateKey::from_pem(&pem, Some(&text("başqa")));
        assert_eq!(kind(wrong), Some(KeyErrorKind::PassphraseWrong));
        let missing = PrivateKey::from_pem(&pem, None);
        assert_eq!(kind(missing), Some(KeyErrorKind::PassphraseMissing));
        let der = key.to_encrypted_pkcs8_der(&pass(), kdf, &random).unwrap();
        assert!(!der.windows(8).any(|w| scalar.starts_with(w)));
        let other = key.to_encrypted_pkcs8_der(&pass(), kdf, &random).unwrap();
        assert_ne!(der, other, "salt and initialization vector are fresh");
    }
    let empty = key.to_pkcs8_pem(Some(&text("")), Kdf::Pbkdf2, &random);
    assert_eq!(kind(empty), Some(KeyErrorKind::PassphraseMissing));
}

#[test]
fn without_random_octets_nothing_is_written() {
    struct Broken;
    impl Random for Broken {
        fn fill(&self, _: &mut [u8]) -> Result<(), KeyError> {
            Err(KeyError::new(KeyErrorKind::Random, "none"))
        }
    }
    let key = PrivateKey::generate(KeySpec::Ed25519).unwrap();
    let written = key.to_pkcs8_pem(Some(&pass()), Kdf::Pbkdf2, &Broken);
    assert_eq!(kind(written), Some(KeyErrorKind::Random));
}

/// What is read, each with the public key that OpenSSL took out of it.
const KEYS: &[(&str, &str)] = &[
    ("p256.pem", "p256"),
    ("p256.der", "p256"),
    ("p256.sec1.pem", "p256"),
    ("p256.sec1.der", "p256"),
    ("p256.params.pem", "p256"),
    ("p384.pem", "p384"),
    ("p384.sec1.pem", "p384"),
    ("p521.pem", "p521"),
    ("p521.sec1.pem", "p521"),
    ("ed25519.pem", "ed25519"),
    ("rsa2048.pem", "rsa2048"),
    ("rsa2048.pkcs1.pem", "rsa2048"),
    ("rsa2048.pkcs1.der", "rsa2048"),
    ("rsa8192.pkcs1.der", "rsa8192"),
    ("pss2048.pem", "pss2048"),
    ("pss2048-sha384.pem", "pss2048-sha384"),
];

const ENCRYPTED: &[(&str, &str)] = &[
    ("p256.pbkdf2.pem", "p256"),
    ("p256.pbkdf2.der", "p256"),
    ("p256.sha1.pem", "p256"),
    ("p256.sha384.pem", "p256"),
    ("p256.sha512.pem", "p256"),
    ("p256.aes128.pem", "p256"),
    ("p256.des3.pem", "p256"),
    ("p256.scrypt.pem", "p256"),
    ("p256.v1-md5-des.pem", "p256"),
    ("p256.v1-sha1-des.pem", "p256"),
    ("p256.v1-3des.pem", "p256"),
    ("p256.v1-2des.pem", "p256"),
    ("p256.v1-rc2-128.pem", "p256"),
    ("p256.v1-rc2-40.pem", "p256"),
    ("ed25519.pbkdf2.pem", "ed25519"),
    ("rsa2048.pbkdf2.pem", "rsa2048"),
];

#[test]
fn key_files_of_openssl() {
    for (name, public) in KEYS {
        let key =
            PrivateKey::from_file(&vector(name), None).unwrap_or_else(|e| panic!("{name}: {e}"));
        let expected = vector(&format!("{public}.pub.der"));
        assert_eq!(key.public_key().spki(), expected, "{name}");
        check_signing(&key);
    }
    for (name, public) in ENCRYPTED {
        let file = vector(name);
        let key =
            PrivateKey::from_file(&file, Some(&pass())).unwrap_or_else(|e| panic!("{name}: {e}"));
        let expected = vector(&format!("{public}.pub.der"));
        assert_eq!(key.public_key().spki(), expected, "{name}");
        let missing = PrivateKey::from_file(&file, None);
        assert_eq!(
            kind(missing),
            Some(KeyErrorKind::PassphraseMissing),
            "{name}"
        );
        // Padding that comes out right by chance must not tell another story: many tries.
        let tries = if name.contains("v1-") { 300 } else { 2 };
        for i in 0..tries {
            let wrong = PrivateKey::from_file(&file, Some(&text(&format!("wrong {i}"))));
            assert_eq!(
                kind(wrong),
                Some(KeyErrorKind::PassphraseWrong),
                "{name} {i}"
            );
        }
    }
}

#[test]
fn key_files_that_are_refused() {
    for (name, expected) in [
        ("secp256k1.pem", KeyErrorKind::Algorithm),
        ("explicit.pem", KeyErrorKind::Algorithm),
        ("x25519.pem", KeyErrorKind::Algorithm),
        ("rsa2048.dek.pem", KeyErrorKind::Algorithm),
        ("p256.v1-rc4.pem", KeyErrorKind::Algorithm),
        ("rsa1024.pem", KeyErrorKind::Size),
        ("p256.pub.der", KeyErrorKind::Malformed),
        ("p256.crt.der", KeyErrorKind::Malformed),
        ("make.sh", KeyErrorKind::Malformed),
        ("p256.modern.p12", KeyErrorKind::Malformed),
    ] {
        let result = PrivateKey::from_file(&vector(name), Some(&pass()));
        let error = result.err().unwrap_or_else(|| panic!("{name} was read"));
        assert_eq!(error.kind(), expected, "{name}: {error}");
        println!("{name}: {error}");
    }
    for (file, expected) in [
        (vec![], KeyErrorKind::Malformed),
        (vec![0xff; 9], KeyErrorKind::Malformed),
        (vec![b' '; (1 << 20) + 1], KeyErrorKind::Limit),
        (vec![b' '; 1 << 20], KeyErrorKind::Malformed),
    ] {
        assert_eq!(kind(PrivateKey::from_file(&file, None)), Some(expected));
    }
}

#[test]
fn scalars_of_another_length() {
    // RFC 5915 3 fixes the length; files with a leading zero too many or too few exist.
    let key = PrivateKey::from_file(&vector("p256.der"), None).unwrap();
    let sec1 = |scalar: &[u8]| {
        let mut w = Writer::new();
        w.sequence(|w| {
            w.u32(1);
            w.octets(scalar);
            w.nested(Tag::constructed(0), |w| w.oid(esign_core::oid::P256));
        });
        PrivateKey::from_sec1_der(&w.finish())
    };
    let scalar = &key.pkcs8_der()[36..68];
    let longer = sec1(&[&[0], scalar].concat()).unwrap();
    assert_eq!(longer.pkcs8_der(), key.pkcs8_der());
    let mut small = [0; 32];
    small[31] = 7;
    let (short, full) = (sec1(&[7]).unwrap(), sec1(&small).unwrap());
    assert_eq!(short.pkcs8_der(), full.pkcs8_der());
    check_signing(&short);
    let beyond = sec1(&[&[1], scalar].concat());
    assert_eq!(kind(beyond), Some(KeyErrorKind::Malformed));
}

/// What is written here, OpenSSL reads and finds the same public key in it.
#[test]
#[ignore = "needs the openssl command"]
fn written_files_are_read_by_openssl() {
    let folder = std::env::temp_dir().join(format!("keys-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    for spec in [
        KeySpec::Ec(Curve::P256),
        KeySpec::Ec(Curve::P384),
        KeySpec::Ec(Curve::P521),
        KeySpec::Ed25519,
        KeySpec::Rsa2048,
    ] {
        let key = PrivateKey::generate(spec).unwrap();
        for passphrase in [None, Some(pass())] {
            let random = SystemRandom::new();
            let pem = key
                .to_pkcs8_pem(passphrase.as_ref(), Kdf::Pbkdf2, &random)
                .unwrap();
            std::fs::write(folder.join("key.pem"), &*pem).unwrap();
            std::fs::write(folder.join("passphrase"), vector("passphrase.txt")).unwrap();
            let read = std::process::Command::new("openssl")
                .args(["pkey", "-in", "key.pem", "-passin", "file:passphrase"])
                .args(["-check", "-pubout", "-outform", "DER", "-out", "public.der"])
                .current_dir(&folder)
                .output()
                .unwrap();
            assert!(read.status.success(), "{spec:?}: {read:?}");
            let public = std::fs::read(folder.join("public.der")).unwrap();
            // `-check` writes its finding before the key.
            let expected = [b"Key is valid\n", key.public_key().spki()].concat();
            assert_eq!(public, expected, "{spec:?}");
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

/// `PrivateKeyInfo` around a key, with a public key beside it in version 2.
fn v2(algorithm: &[u8], key: &[u8], public: &[u8]) -> Vec<u8> {
    let mut w = Writer::new();
    w.sequence(|w| {
        w.u32(1);
        w.raw(algorithm);
        w.octets(key);
        w.tlv(Tag::primitive(1), &[&[0], public].concat());
    });
    w.finish()
}

#[test]
fn public_key_must_be_its_own() {
    // Algorithm identifier and inner key by their places in the PKCS#8 that is written here.
    for (spec, algorithm, inner) in [
        (KeySpec::Ec(Curve::P256), 6..27, 29),
        (KeySpec::Ed25519, 5..12, 14),
        (KeySpec::Rsa2048, 7..22, 26),
    ] {
        let key = PrivateKey::generate(spec).unwrap();
        let other = PrivateKey::generate(spec).unwrap();
        let algorithm = &key.pkcs8_der()[algorithm];
        let inner = &key.pkcs8_der()[inner..];
        let own = v2(algorithm, inner, key.public_key().key_octets());
        let read = PrivateKey::from_pkcs8_der(&own).unwrap();
        assert_eq!(read.public_key(), key.public_key());
        let foreign = v2(algorithm, inner, other.public_key().key_octets());
        let refused = PrivateKey::from_pkcs8_der(&foreign);
        assert_eq!(kind(refused), Some(KeyErrorKind::Mismatch), "{spec:?}");
    }
}

#[test]
fn inner_public_key_and_rsa_parts_must_fit() {
    // ECPrivateKey carries its point at the end; RSAPrivateKey ends in the coefficient.
    for spec in [
        KeySpec::Ec(Curve::P256),
        KeySpec::Ec(Curve::P521),
        KeySpec::Rsa2048,
    ] {
        let key = PrivateKey::generate(spec).unwrap();
        let mut changed = key.pkcs8_der().to_vec();
        *changed.last_mut().unwrap() ^= 1;
        let refused = PrivateKey::from_pkcs8_der(&changed);
        assert_eq!(kind(refused), Some(KeyErrorKind::Mismatch), "{spec:?}");
    }
    // Zero and the order itself are no scalars.
    for scalar in [[0u8; 32], [0xff; 32]] {
        let mut w = Writer::new();
        w.sequence(|w| {
            w.u32(1);
            w.octets(&scalar);
            w.nested(Tag::constructed(0), |w| w.oid(esign_core::oid::P256));
        });
        let refused = PrivateKey::from_sec1_der(&w.finish());
        assert_eq!(kind(refused), Some(KeyErrorKind::Malformed));
    }
}

#[test]
fn algorithms_of_another_key_are_refused() {
    let rsa = PrivateKey::from_file(&vector("rsa2048.pem"), None).unwrap();
    let ec = PrivateKey::from_file(&vector("p256.pem"), None).unwrap();
    let bound = PrivateKey::from_file(&vector("pss2048-sha384.pem"), None).unwrap();
    assert_eq!(bound.algorithms().len(), 1);
    for (key, algorithm) in [
        (&rsa, ec.algorithms()[0]),
        (&ec, rsa.algorithms()[0]),
        (&bound, rsa.algorithms()[0]),
        (&bound, rsa.algorithms()[3]),
    ] {
        assert_eq!(
            kind(key.sign(algorithm, b"")),
            Some(KeyErrorKind::Algorithm)
        );
    }
}

#[test]
fn truncated_files_are_refused_at_every_octet() {
    for name in [
        "p256.der",
        "p256.pbkdf2.der",
        "p256.sec1.der",
        "rsa2048.pkcs1.der",
    ] {
        let file = vector(name);
        for n in 0..file.len() {
            assert!(
                PrivateKey::from_file(&file[..n], Some(&pass())).is_err(),
                "{name} {n}"
            );
        }
    }
    for name in ["p256.pem", "p256.scrypt.pem"] {
        let file = vector(name);
        // Without its last line break a text is whole.
        for n in 0..file.len() - 1 {
            assert!(
                PrivateKey::from_file(&file[..n], Some(&pass())).is_err(),
                "{name} {n}"
            );
        }
    }
    for name in ["p256.modern.p12", "p256.ber.p12", "open.p12"] {
        let file = vector(name);
        for n in 0..file.len() {
            assert!(
                Pkcs12::decode(&file[..n], Some(&pass())).is_err(),
                "{name} {n}"
            );
        }
    }
}

#[test]
fn pkcs12_files() {
    let friendly = Some("Açar əĞ");
    for (name, passphrase, public, certificates, friendly, integrity) in [
        ("p256.modern.p12", Some(pass()), "p256", 2, friendly, true),
        (
            "rsa2048.modern.p12",
            Some(pass()),
            "rsa2048",
            2,
            friendly,
            true,
        ),
        (
            "ed25519.modern.p12",
            Some(pass()),
            "ed25519",
            2,
            friendly,
            true,
        ),
        ("p256.sha1.p12", Some(pass()), "p256", 2, friendly, true),
        ("p256.sha384.p12", Some(pass()), "p256", 2, friendly, true),
        ("p256.sha512.p12", Some(pass()), "p256", 2, friendly, true),
        ("p256.iter.p12", Some(pass()), "p256", 2, friendly, true),
        ("p256.legacy.p12", Some(pass()), "p256", 2, friendly, true),
        (
            "rsa2048.legacy.p12",
            Some(pass()),
            "rsa2048",
            2,
            friendly,
            true,
        ),
        ("p256.rc2-128.p12", Some(pass()), "p256", 2, friendly, true),
        ("p256.nomac.p12", Some(pass()), "p256", 2, friendly, false),
        ("p256.plain.p12", Some(pass()), "p256", 2, friendly, true),
        ("p256.ber.p12", Some(pass()), "p256", 2, friendly, false),
        (
            "p256.pbmac1-sha256.p12",
            Some(pass()),
            "p256",
            2,
            friendly,
            true,
        ),
        (
            "p256.pbmac1-sha512.p12",
            Some(pass()),
            "p256",
            2,
            friendly,
            true,
        ),
        ("p256.empty.p12", Some(text("")), "p256", 1, None, true),
        ("p256.empty.p12", None, "p256", 1, None, true),
        (
            "p256.empty-legacy.p12",
            Some(text("")),
            "p256",
            1,
            None,
            true,
        ),
        ("p256.empty-legacy.p12", None, "p256", 1, None, true),
        ("open.p12", None, "p256", 1, None, false),
    ] {
        let file = vector(name);
        let found =
            Pkcs12::decode(&file, passphrase.as_ref()).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(found.keys.len(), 1, "{name}");
        assert!(found.refused.is_empty(), "{name}");
        assert_eq!(found.certificates.len(), certificates, "{name}");
        assert_eq!(found.integrity, integrity, "{name}");
        let key = &found.keys[0];
        assert_eq!(
            key.key.public_key().spki(),
            vector(&format!("{public}.pub.der")),
            "{name}"
        );
        assert_eq!(key.friendly_name.as_deref(), friendly, "{name}");
        let certificate = found.certificate_of(key).unwrap();
        assert_eq!(
            certificate.der,
            vector(&format!("{public}.crt.der")),
            "{name}"
        );
        assert_eq!(certificate.local_key_id, key.local_key_id, "{name}");
        assert!(key.local_key_id.is_some(), "{name}");
    }
}

#[test]
fn pkcs12_files_of_java() {
    for name in ["java.p12", "java-legacy.p12"] {
        let found = Pkcs12::decode(&vector(name), Some(&text("changeit"))).unwrap();
        assert_eq!(found.keys.len(), 2, "{name}");
        for (key, own) in found.keys.iter().zip(["p256", "rsa2048"]) {
            assert_eq!(key.friendly_name.as_deref(), Some(own), "{name}");
            let certificate = found.certificate_of(key).unwrap();
            assert_eq!(certificate.der, vector(&format!("{own}.crt.der")), "{name}");
            check_signing(&key.key);
        }
    }
    let only = Pkcs12::decode(&vector("certificates.p12"), Some(&pass())).unwrap();
    assert_eq!((only.keys.len(), only.certificates.len()), (0, 1));
}

#[test]
fn pkcs12_passphrases() {
    for name in [
        "p256.modern.p12",
        "p256.legacy.p12",
        "p256.nomac.p12",
        "p256.pbmac1-sha256.p12",
    ] {
        let file = vector(name);
        let missing = Pkcs12::decode(&file, None);
        assert_eq!(
            kind(missing),
            Some(KeyErrorKind::PassphraseMissing),
            "{name}"
        );
        for wrong in ["", "Şifrə-əĞ2", "sifre"] {
            let wrong = Pkcs12::decode(&file, Some(&text(wrong)));
            assert_eq!(kind(wrong), Some(KeyErrorKind::PassphraseWrong), "{name}");
        }
    }
}

#[test]
fn pkcs12_changed_anywhere_is_noticed() {
    // Under a MAC no octet may be changed without notice, header and salt included.
    let file = vector("p256.legacy.p12");
    for at in 0..file.len() {
        let mut changed = file.clone();
        changed[at] ^= 0x01;
        let found = Pkcs12::decode(&changed, Some(&pass()));
        assert!(found.is_err(), "octet {at} was changed and not noticed");
    }
}

#[test]
fn secrets_never_reach_a_message() {
    // Every error that the vectors provoke, against key octets and passphrase.
    let secret = "Şifrə-gizli-söz";
    let key = PrivateKey::from_file(&vector("p256.pem"), None).unwrap();
    let scalar: String = key.pkcs8_der()[36..68]
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    let mut seen = 0;
    for (name, _) in ENCRYPTED.iter().chain(KEYS) {
        let file = vector(name);
        for n in [
            0,
            1,
            file.len() / 3,
            file.len() / 2,
            file.len() - 2,
            file.len(),
        ] {
            if let Err(e) = PrivateKey::from_file(&file[..n], Some(&text(secret))) {
                seen += 1;
                let message = format!("{e} {e:?}");
                assert!(
                    !message.contains(secret) && !message.contains("gizli"),
                    "{message}"
                );
                assert!(!message.contains(&scalar[..16]), "{message}");
            }
        }
    }
    assert!(seen > 100);
}

/// Fails to compile if a secret type gains one of the traits that would show or copy it: the
/// two implementations then overlap and `some_item` is ambiguous.
mod secrets_have_no_traits {
    use super::{Passphrase, Pkcs12, PrivateKey};
    use core::fmt::{Debug, Display};

    trait Ambiguous<A> {
        fn some_item() {}
    }
    impl<T: ?Sized> Ambiguous<()> for T {}

    macro_rules! not_implemented {
        ($($type:ty: $($bound:path),+;)*) => {$($({
            struct Marker;
            impl<T: ?Sized + $bound> Ambiguous<Marker> for T {}
            let _: fn() = <$type as Ambiguous<_>>::some_item;
        })+)*};
    }

    #[test]
    fn holds() {
        not_implemented! {
            PrivateKey: Debug, Display, Clone, serde::Serialize;
            Passphrase: Debug, Display, Clone, serde::Serialize, PartialEq;
            Pkcs12: Debug, Display, Clone, serde::Serialize;
        }
    }
}
