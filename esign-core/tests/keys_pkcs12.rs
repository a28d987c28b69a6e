//! PKCS#12 files that are written: read again by this library, and by OpenSSL.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test that cannot go on should stop"
)]

use esign_core::der::Writer;
use esign_core::keys::{
    Curve, KeyError, KeyErrorKind, KeySpec, MlDsa, Passphrase, Pkcs12, Pkcs12Integrity, PrivateKey,
    Random, SigningKey,
};
use ring::rand::SystemRandom;

const BOTH: [Pkcs12Integrity; 2] = [Pkcs12Integrity::HmacSha256, Pkcs12Integrity::Pbmac1];

fn text(text: &str) -> Passphrase {
    Passphrase::new(text.to_owned())
}

/// As much of a certificate as the writer looks at.
fn certificate(serial: u32, key: &PrivateKey) -> Vec<u8> {
    let mut w = Writer::new();
    w.sequence(|w| {
        w.sequence(|w| {
            w.u32(serial);
            (0..4).for_each(|_| w.sequence(|_| {}));
            w.raw(key.public_key().spki());
        });
    });
    w.finish()
}

fn kind<T>(result: Result<T, KeyError>) -> Option<KeyErrorKind> {
    result.err().map(|e| e.kind())
}

#[test]
fn what_is_written_is_read_again() {
    let random = SystemRandom::new();
    for spec in [
        KeySpec::Ec(Curve::P256),
        KeySpec::Ed25519,
        KeySpec::MlDsa(MlDsa::MlDsa87),
        KeySpec::Rsa2048,
    ] {
        let key = PrivateKey::generate(spec).unwrap();
        let other = PrivateKey::generate(KeySpec::Ed25519).unwrap();
        let (own, issuer) = (certificate(1, &key), certificate(2, &other));
        for integrity in BOTH {
            for (passphrase, name) in [("Şifrə-əĞ1", Some("Açar 🔑")), ("x", None)] {
                let certificates: [&[u8]; 2] = [&own, &issuer];
                let passphrase = text(passphrase);
                let file =
                    Pkcs12::encode(&key, &certificates, name, &passphrase, integrity, &random)
                        .unwrap();
                let read = Pkcs12::decode(&file, Some(&passphrase)).unwrap();
                assert!(read.integrity);
                assert!(read.refused.is_empty());
                assert_eq!(read.keys.len(), 1);
                let found = &read.keys[0];
                assert_eq!(found.key.pkcs8_der(), key.pkcs8_der());
                assert_eq!(found.friendly_name.as_deref(), name);
                let ders: Vec<&[u8]> = read.certificates.iter().map(|c| &c.der[..]).collect();
                assert_eq!(ders, certificates);
                let of_key = read.certificate_of(found).unwrap();
                assert_eq!(of_key.der, own);
                assert_eq!(of_key.friendly_name.as_deref(), name);
                assert_eq!(of_key.local_key_id, found.local_key_id);
                assert_eq!(read.certificates[1].local_key_id, None);
                // Nothing of the key or the certificates stands there in the clear.
                let secret = &key.pkcs8_der()[key.pkcs8_der().len() - 16..];
                for plain in [secret, &key.public_key().key_octets()[..16]] {
                    assert!(!file.windows(16).any(|w| w == plain));
                }
            }
        }
    }
}

#[test]
fn wrong_passphrases_and_changes_are_seen() {
    let random = SystemRandom::new();
    let key = PrivateKey::generate(KeySpec::Ed25519).unwrap();
    let own = certificate(1, &key);
    for integrity in BOTH {
        let write = || Pkcs12::encode(&key, &[&own], None, &text("x"), integrity, &random).unwrap();
        let file = write();
        assert_ne!(file, write(), "salts are fresh");
        let wrong = Pkcs12::decode(&file, Some(&text("y")));
        assert_eq!(kind(wrong), Some(KeyErrorKind::PassphraseWrong));
        let missing = Pkcs12::decode(&file, None);
        assert_eq!(kind(missing), Some(KeyErrorKind::PassphraseMissing));
        // An octet of each ciphertext, and of the MAC.
        for at in [200, file.len() - 250, file.len() - 40] {
            let mut broken = file.clone();
            broken[at] ^= 1;
            assert!(Pkcs12::decode(&broken, Some(&text("x"))).is_err(), "{at}");
        }
    }
}

#[test]
fn what_protects_nothing_or_does_not_belong_is_not_written() {
    struct Broken;
    impl Random for Broken {
        fn fill(&self, _: &mut [u8]) -> Result<(), KeyError> {
            Err(KeyError::new(KeyErrorKind::Random, "none"))
        }
    }
    let key = PrivateKey::generate(KeySpec::Ed25519).unwrap();
    let other = PrivateKey::generate(KeySpec::Ed25519).unwrap();
    let own = certificate(1, &key);
    let encode = |certificates: &[&[u8]], passphrase: &str, random: &dyn Random| {
        let integrity = Pkcs12Integrity::default();
        kind(Pkcs12::encode(
            &key,
            certificates,
            None,
            &text(passphrase),
            integrity,
            random,
        ))
    };
    let random = &SystemRandom::new();
    assert_eq!(encode(&[&own], "x", random), None);
    assert_eq!(
        encode(&[&own], "", random),
        Some(KeyErrorKind::PassphraseMissing)
    );
    let mismatch = Some(KeyErrorKind::Mismatch);
    assert_eq!(encode(&[], "x", random), mismatch);
    assert_eq!(encode(&[b"x"], "x", random), mismatch);
    assert_eq!(
        encode(&[&certificate(1, &other), &own], "x", random),
        mismatch
    );
    assert_eq!(encode(&[&own], "x", &Broken), Some(KeyErrorKind::Random));
    assert_eq!(encode(&[&own[..]; 64], "x", random), None);
    assert_eq!(
        encode(&[&own[..]; 65], "x", random),
        Some(KeyErrorKind::Limit)
    );
}

/// The certificates beside the key files are OpenSSL's, so that it shows them.
#[test]
#[ignore = "needs the openssl command"]
fn written_files_are_read_by_openssl() {
    let vectors = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/keys");
    let read = |name: &str| std::fs::read(vectors.join(name)).unwrap();
    let passphrase = String::from_utf8(read("passphrase.txt")).unwrap();
    for name in ["p256", "rsa2048", "ed25519"] {
        let pem = String::from_utf8(read(&format!("{name}.pem"))).unwrap();
        let key = PrivateKey::from_pem(&pem, None).unwrap();
        let (own, ca) = (read(&format!("{name}.crt.der")), read("ca.crt.der"));
        let file = Pkcs12::encode(
            &key,
            &[&own, &ca],
            Some("Açar"),
            &text(passphrase.trim_end()),
            Pkcs12Integrity::HmacSha256,
            &SystemRandom::new(),
        )
        .unwrap();
        let path = std::env::temp_dir().join(format!("{}-{name}.p12", std::process::id()));
        std::fs::write(&path, file).unwrap();
        let output = std::process::Command::new("openssl")
            .args(["pkcs12", "-noenc", "-in"])
            .arg(&path)
            .arg("-passin")
            .arg(format!("file:{}", vectors.join("passphrase.txt").display()))
            .env("LC_ALL", "C.UTF-8")
            .output()
            .unwrap();
        std::fs::remove_file(&path).unwrap();
        let out = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{out}");
        assert_eq!(out.matches("BEGIN CERTIFICATE").count(), 2, "{out}");
        let again = PrivateKey::from_pem(&out, None).unwrap();
        assert_eq!(again.public_key(), key.public_key());
    }
}
