//! Weak public keys: each is found by its name, sound ones are not, and no request with one is
//! accepted.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test that cannot go on should stop"
)]

use esign_core::der::{Tag, Writer};
use esign_core::keys::{
    Curve, DigestAlgorithm, Hasher, KeyErrorKind, KeySpec, MAX_BATCH, MlDsa, PrivateKey, PublicKey,
    SignatureAlgorithm, SigningKey, Weakness, shared_factors, weaknesses,
};
use esign_core::oid;
use esign_core::time::UnixTime;
use esign_core::x509::{Certificate, NameBuilder, RequestError, UnsignedRequest, lint_keys};
use num_bigint::BigUint;
use ring::rand::{SecureRandom, SystemRandom};

fn one() -> BigUint {
    1u8.into()
}

fn random(bits: usize) -> BigUint {
    let mut octets = vec![0; bits / 8];
    SystemRandom::new().fill(&mut octets).unwrap();
    // The two highest bits, so that a product has the full length.
    octets[0] |= 0xc0;
    BigUint::from_bytes_be(&octets)
}

fn is_prime(n: &BigUint) -> bool {
    let small = [3u32, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53];
    if small.iter().any(|p| n % p == 0u8.into()) {
        return false;
    }
    // Fermat's test by three bases is enough for what is not chosen by an attacker.
    [2u8, 3, 5]
        .iter()
        .all(|b| BigUint::from(*b).modpow(&(n - 1u8), n) == one())
}

fn next_prime(from: &BigUint) -> BigUint {
    let mut n = from | one();
    loop {
        n += 2u8;
        if is_prime(&n) {
            return n;
        }
    }
}

fn prime(bits: usize) -> BigUint {
    next_prime(&random(bits))
}

/// A `SubjectPublicKeyInfo` with any modulus and exponent.
fn rsa(n: &BigUint, e: u32) -> PublicKey {
    let mut inner = Writer::new();
    inner.sequence(|w| {
        w.unsigned(Tag::INTEGER, &n.to_bytes_be());
        w.u32(e);
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
}

/// What the request of a holder who has the primes comes to.
fn request(p: &BigUint, q: &BigUint) -> Result<(), RequestError> {
    let n = p * q;
    let d = BigUint::from(65537u32)
        .modinv(&((p - 1u8) * (q - 1u8)))
        .unwrap();
    let name = NameBuilder::parse("CN=weak").unwrap().build().unwrap();
    let algorithm = SignatureAlgorithm::RsaPkcs1(DigestAlgorithm::Sha256);
    let unsigned = UnsignedRequest::new(&name, &rsa(&n, 65537), algorithm);
    // EMSA-PKCS1-v1_5 (RFC 8017 9.2).
    let mut info = Writer::new();
    info.sequence(|w| {
        w.sequence(|w| {
            w.oid(oid::SHA256);
            w.tlv(Tag::NULL, &[]);
        });
        let digest = Hasher::digest(DigestAlgorithm::Sha256, &unsigned.prepare().bytes);
        w.octets(digest.as_bytes());
    });
    let info = info.finish();
    let length = usize::try_from(n.bits().div_ceil(8)).unwrap();
    let mut message = vec![0xff; length - info.len() - 1];
    (message[0], message[1]) = (0, 1);
    message.push(0);
    message.extend(info);
    let value = BigUint::from_bytes_be(&message)
        .modpow(&d, &n)
        .to_bytes_be();
    let signature = [vec![0; length - value.len()], value].concat();
    unsigned.finish(&signature).unwrap().verify().map(|_| ())
}

fn refusal(p: &BigUint, q: &BigUint) -> (Weakness, String) {
    match request(p, q) {
        Err(error @ RequestError::Weak(weakness)) => (weakness, error.to_string()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn sound_keys_have_no_weakness() {
    for spec in [
        KeySpec::Ec(Curve::P256),
        KeySpec::Ec(Curve::P384),
        KeySpec::Ec(Curve::P521),
        KeySpec::Ed25519,
        KeySpec::MlDsa(MlDsa::MlDsa44),
        KeySpec::Rsa2048,
        KeySpec::Rsa3072,
        KeySpec::Rsa4096,
    ] {
        let key = PrivateKey::generate(spec).unwrap();
        assert_eq!(weaknesses(key.public_key()), [], "{spec:?}");
    }
    assert_eq!(request(&prime(1024), &prime(1024)), Ok(()));
}

/// Public samples of those who found it (the CRoCS laboratory), of 2048 and 4096 bits.
#[test]
fn roca_keys_of_chips_are_found() {
    for hex in [
        "9dcd7420e420c270a68060eb8b5aa7457a9f6648f86fafed2775cc1f79ae962f1e63f1b9e51c55f9ea6fdc7332e9b0058c9ff2eb1fc89855029cf6aafe21e689feb38ac9ffb12f1ce371bb5d0e9aae64161abce74b4244bf68f1edb4411f756a097c8929c14740245ea355f8332d1aa36bb50c7dcb4505da8de02e4e53d38f8df06097da7524df0df93db48eac8cc4af2d3a16257eb2b2adca6ba464e5974fa92550d31b1babf161e7692d00b86e3dd886ecab4abfbe1a8f8cc263ff4af55cdb45f4249a5193925f5e983d762f0b6800943eb0267b08f42ed311ce1f5c86eacbc8ce4d3cb7a2fee1ef5641423a1cf4114e5ecf50034a60a412523af9e6f4aa11",
        "c39a928060db513091b604eadad719ed94e246de8fe15fb76efab5cfabbc3fc5486fe2ef2a5a5a8472f0c5be089edec071fb284df4467fa1fa6c8f0b013d3173fe636744666289bf67b5c998c87b59015d94bb9c20d30a70cfe275e42fd3c6f44d4c5252f9c6b6803f92afd928153bdb90ef08ede934c076f33543f9a1c362130929b9a1324c5ebee6831c251c48a7dee24d75ac538ce9a58d7ff09c12a5d772b6c33f4265a4e4830bd73ad221d24d4d3f092e24279c15fc1d10ca69561f4f071313c86b11ab36a5dd28df392f581834eecfdc9e183a466198e33cf01d273bd41d4b7e288cc66f24eba04676bd2090f6f73830336a317bc2d423b558b9d8f632e12af7b0e7fc9bdb69282e81fdf41a68cf4e85f01fc343dfe52a3ad01f67459d380165159e1209ef1ce4ecd26648e061faf0896551f7f1f92d6b6a19af0ab7f1f092d7e168bcec0ee478b8618489a8967a71e5e0a5c197662d8e9756f090a177109d4a34ae20a18c5629efea5ca66623960fc325f779cdae891a7ec051f00e837b8f2fb9fd19f6a35832ca0e5ce8375972c42a308f7d5ca0434022c131874087e826ed737994e46fbe44f5f1e908934f6033e6851ebd05447dddbaa51c0671849cafd3a503cdc150101914edf33b140c168c3dbea4791e74ea619ab1b31c90691de1d425b746b222a2b26ed54222cbcaf27a054f9f66f77be6466198c33e37dd",
    ] {
        let n = BigUint::parse_bytes(hex.as_bytes(), 16).unwrap();
        assert_eq!(weaknesses(&rsa(&n, 65537)), [Weakness::Roca]);
    }
}

/// Primes as the faulty generator makes them: k M + (65537^a mod M).
#[test]
fn roca_requests_are_refused() {
    // M for keys of 2048 bits: the first 126 primes.
    let primes: Vec<u32> = (2..702u32)
        .filter(|n| (2..*n).all(|d| n % d != 0))
        .collect();
    assert_eq!(primes.len(), 126);
    let m: BigUint = primes.iter().map(|p| BigUint::from(*p)).product();
    let roca = || loop {
        let power = BigUint::from(65537u32).modpow(&random(64), &m);
        let least = (BigUint::from(3u8) << 1022) / &m;
        let candidate = (least + (random(32) >> 3)) * &m + power;
        if is_prime(&candidate) {
            return candidate;
        }
    };
    let (weakness, text) = refusal(&roca(), &roca());
    assert_eq!(weakness, Weakness::Roca);
    assert!(text.contains("key is weak"), "{text}");
    assert!(text.contains("CVE-2017-15361"), "{text}");
    assert!(text.contains("BR 6.1.1.3"), "{text}");
}

#[test]
fn close_primes_are_found_within_the_rounds_and_not_beyond() {
    let p = prime(1024);
    let q = next_prime(&p);
    let (weakness, text) = refusal(&p, &q);
    assert_eq!(weakness, Weakness::ClosePrimes { round: 1 });
    assert!(text.contains("round 1 of 100"), "{text}");

    // Round k finds primes whose half difference, squared, is about 2 k times the root of n.
    let apart = |rounds: u32| {
        let half = (&p * 2u8 * rounds).sqrt();
        let q = next_prime(&(&p + half * 2u8));
        weaknesses(&rsa(&(&p * q), 65537))
    };
    let found = apart(30);
    assert!(
        matches!(found[..], [Weakness::ClosePrimes { round: 20..=40 }]),
        "{found:?}"
    );
    assert_eq!(apart(200), []);
    // A square, and a cube.
    let (weakness, text) = refusal_of(&(&p * &p));
    assert_eq!(weakness, Weakness::NotTwoPrimes, "{text}");
    let third = prime(704);
    assert_eq!(refusal_of(&third.pow(3)).0, Weakness::NotTwoPrimes);
    let whole = prime(2048);
    assert_eq!(refusal_of(&whole).0, Weakness::NotTwoPrimes);
}

fn refusal_of(n: &BigUint) -> (Weakness, String) {
    let found = weaknesses(&rsa(n, 65537));
    assert_eq!(found.len(), 1, "{found:?}");
    (found[0], found[0].to_string())
}

#[test]
fn small_factors_are_found_up_to_the_bound() {
    let q = prime(2048);
    for factor in [3u32, 751, 65521] {
        let found = weaknesses(&rsa(&(&q * factor), 65537));
        assert!(
            found.contains(&Weakness::SmallFactor { factor }),
            "{factor}"
        );
        assert!(found[0].is_fatal());
    }
    // 65537 is the first prime beyond.
    assert_eq!(weaknesses(&rsa(&(&q * 65537u32), 65539)), []);
}

/// RFC 8017 3.1 allows 3; FIPS 186-5 A.1.1 does not. It is said, and not refused.
#[test]
fn a_small_exponent_is_advice() {
    let n = prime(1024) * prime(1024);
    for e in [3, 17, 65535] {
        let exponent = u64::from(e);
        let found = weaknesses(&rsa(&n, e));
        assert_eq!(found, [Weakness::SmallExponent { exponent }]);
        assert!(!found[0].is_fatal());
        assert!(found[0].to_string().contains("less than 65537"));
    }
    assert_eq!(weaknesses(&rsa(&n, 65537)), []);
}

#[test]
fn points_beside_their_curve_are_found() {
    for curve in Curve::ALL {
        let n = curve.coordinate_len();
        let spki = |x: &[u8], y: &[u8]| {
            let mut w = Writer::new();
            w.sequence(|w| {
                w.sequence(|w| {
                    w.oid(oid::EC_PUBLIC_KEY);
                    w.oid(curve.oid());
                });
                w.bit_octets(&[&[4][..], x, y].concat());
            });
            PublicKey::from_spki(&w.finish())
        };
        let zero = vec![0; n];
        for (x, y) in [(vec![1; n], vec![2; n]), (vec![0xff; n], zero.clone())] {
            let found = weaknesses(&spki(&x, &y).unwrap());
            assert_eq!(found, [Weakness::PointNotOnCurve], "{curve:?}");
            assert!(found[0].is_fatal());
        }
        // Infinity has no form that is read.
        assert!(spki(&[], &[]).is_err());
    }
}

#[test]
fn small_points_of_ed25519_are_found() {
    let spki = |key: [u8; 32]| {
        let mut w = Writer::new();
        w.sequence(|w| {
            w.sequence(|w| w.oid(oid::ED25519));
            w.bit_octets(&key);
        });
        PublicKey::from_spki(&w.finish()).unwrap()
    };
    let mut one = [0; 32];
    one[0] = 1;
    let mut minus_one = [0xff; 32];
    (minus_one[0], minus_one[31]) = (0xec, 0x7f);
    for mut key in [[0; 32], one, minus_one] {
        for sign in [0, 0x80] {
            key[31] = key[31] & 0x7f | sign;
            assert_eq!(weaknesses(&spki(key)), [Weakness::SmallOrder], "{key:?}");
        }
    }
    // The neutral point accepts R = 1, S = 0 over any message: what the rule is for.
    let mut signature = [0; 64];
    signature[0] = 1;
    let verdict = spki(one).verify(SignatureAlgorithm::Ed25519, b"anything", &signature);
    assert_eq!(verdict, Ok(()));
}

#[test]
fn shared_factors_are_found_in_a_batch() {
    let primes: Vec<BigUint> = (0..12).map(|_| prime(512)).collect();
    let key = |a: usize, b: usize| rsa(&(&primes[a] * &primes[b]), 65537);
    let p256 = PrivateKey::generate(KeySpec::Ec(Curve::P256)).unwrap();
    let other = p256.public_key().clone();
    // 1 and 3 share one prime, 5 has both of its from elsewhere, 4 and 7 are the same.
    let keys = [
        key(0, 1),
        key(2, 3),
        other.clone(),
        key(3, 4),
        key(5, 6),
        key(1, 4),
        key(7, 8),
        key(5, 6),
        key(9, 10),
    ];
    let all: Vec<&PublicKey> = keys.iter().collect();
    let found = shared_factors(&all).unwrap();
    assert_eq!(found, [(0, 5), (1, 3), (3, 5), (4, 7)]);
    assert_eq!(shared_factors(&[]).unwrap(), []);
    assert_eq!(shared_factors(&[&keys[0]]).unwrap(), []);
    assert_eq!(shared_factors(&[&keys[0], &keys[1], &keys[4]]).unwrap(), []);
    assert_eq!(shared_factors(&[&other, &other]).unwrap(), []);
    // One modulus many times makes as many pairs, not their square.
    let again = shared_factors(&[&keys[0]; 1000]).unwrap();
    assert_eq!(again.len(), 999);
    assert!(again.iter().all(|(i, _)| *i == 0));

    // Moduli over one prime: all pairs, up to the limit.
    let sharing: Vec<PublicKey> = (0..513u32)
        .map(|n| {
            rsa(
                &(&primes[0] * (random(512) >> 10 << 10 | BigUint::from(2 * n + 1))),
                65537,
            )
        })
        .collect();
    let all: Vec<&PublicKey> = sharing.iter().collect();
    let error = shared_factors(&all).unwrap_err();
    assert_eq!(error.kind(), KeyErrorKind::Limit);
    assert!(error.to_string().contains("513 moduli"), "{error}");
    let found = shared_factors(&all[..40]).unwrap();
    assert_eq!(found.len(), 40 * 39 / 2);

    let many = vec![&keys[2]; MAX_BATCH + 1];
    assert_eq!(shared_factors(&many[..MAX_BATCH]).unwrap(), []);
    let error = shared_factors(&many).unwrap_err();
    assert_eq!(error.kind(), KeyErrorKind::Limit);
    assert!(error.to_string().contains("4097"), "{error}");
}

/// A certificate with any key; its signature is none.
fn certificate(subject: &str, serial: u32, key: &PublicKey) -> Certificate {
    let name = NameBuilder::parse(subject).unwrap().build().unwrap();
    let algorithm = SignatureAlgorithm::RsaPkcs1(DigestAlgorithm::Sha256);
    let at = UnixTime::parse("2026-01-01").unwrap();
    let mut w = Writer::new();
    w.sequence(|w| {
        w.sequence(|w| {
            w.u32(serial);
            algorithm.encode(w);
            w.raw(name.der());
            w.sequence(|w| {
                w.time(at);
                w.time(at);
            });
            w.raw(name.der());
            w.raw(key.spki());
        });
        algorithm.encode(w);
        w.bit_octets(&[0]);
    });
    Certificate::from_der(&w.finish()).unwrap()
}

#[test]
fn the_keys_of_certificates_are_linted_together() {
    let [p, q, r, s] = [(); 4].map(|()| prime(1024));
    let (one, two) = (rsa(&(&p * &q), 65537), rsa(&(&p * &r), 65537));
    let sound = rsa(&(&r * &s), 65539);
    let small = rsa(&(prime(2048) * 751u32), 65537);
    let all = [
        certificate("CN=a", 1, &one),
        certificate("CN=b", 2, &two),
        certificate("CN=c", 3, &small),
        // The same key of the same holder, and of another one.
        certificate("CN=A", 4, &one),
        certificate("CN=d", 5, &one),
    ];
    let told: Vec<_> = lint_keys(&all)
        .unwrap()
        .into_iter()
        .map(|found| (found.place, found.hit.rule.id, found.other))
        .collect();
    assert_eq!(
        told,
        [
            (0, "lint.key.shared", Some(4)),
            (0, "lint.key.shared-factor", Some(1)),
            (1, "lint.key.shared-factor", Some(0)),
            (2, "lint.key.small-factor", None),
            (4, "lint.key.shared", Some(0)),
        ]
    );
    // A factor of one of the two alone is nothing that the other shares.
    let apart = [certificate("CN=a", 1, &one), certificate("CN=e", 6, &sound)];
    assert_eq!(lint_keys(&apart).unwrap(), []);
    let first = &lint_keys(&all[..2]).unwrap()[0];
    let facts = format!("{:?}", first.hit.facts);
    assert!(
        facts.contains("CN=b") && facts.contains("other_serial"),
        "{facts}"
    );

    // The limit is that of the keys that are compared.
    let ec = |n: u32| {
        let mut point = [4; 65];
        point[1..5].copy_from_slice(&n.to_be_bytes());
        point
    };
    let many: Vec<Certificate> = (0..=u32::try_from(MAX_BATCH).unwrap())
        .map(|n| {
            let mut w = Writer::new();
            w.sequence(|w| {
                w.sequence(|w| {
                    w.oid(oid::EC_PUBLIC_KEY);
                    w.oid(oid::P256);
                });
                w.bit_octets(&ec(n));
            });
            certificate("CN=x", n, &PublicKey::from_spki(&w.finish()).unwrap())
        })
        .collect();
    assert_eq!(lint_keys(&many).unwrap_err().kind(), KeyErrorKind::Limit);
    let found = lint_keys(&many[..2]).unwrap();
    assert_eq!(found[0].hit.rule.id, "lint.key.point-on-curve");
}
