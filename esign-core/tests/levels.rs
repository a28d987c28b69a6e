//! Levels in one call, with what is fetched on the way; renewed for thirty years.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    missing_docs,
    reason = "a test may fail by panicking"
)]

mod support;

use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use esign_core::cades::{self, Input, SignatureParameters};
use esign_core::evidence::Evidence;
use esign_core::fetch::{Fetch, FetchError};
use esign_core::keys::{Digest, KeySpec};
use esign_core::levels::{
    Level, LevelError, Services, Signer, extend_cms, extend_pdf, sign_cms, sign_pdf,
};
use esign_core::pades::{self, Parameters};
use esign_core::policy::Policy;
use esign_core::time::UnixTime;
use esign_core::trust::TrustAnchors;
use esign_core::tsp::{TimeStampToken, Timestamp, verify_token};
use esign_core::validation::{Inputs, Report, validate};
use support::t;
use support::world::{Holder, P256, Use, address};

/// Authorities as they are at some time: a signer's, and a time-stamping one for each era.
struct World {
    roots: Vec<Holder>,
    issuing: Holder,
    signer: Holder,
    tsa: Mutex<Holder>,
    anchors: TrustAnchors,
    now: AtomicI64,
    away: Mutex<bool>,
    asked: Mutex<Vec<String>>,
}

impl World {
    fn new(spec: KeySpec) -> Self {
        let root = Holder::root("CN=root", "2020-01-01", "2040-01-01");
        let issuing = root.issue(
            "CN=issuing",
            P256,
            "2021-01-01",
            "2036-01-01",
            Use::Authority,
        );
        let signer = issuing.issue("CN=signer", spec, "2026-01-01", "2029-01-01", Use::Signing);
        let tsa = root.issue("CN=tsa", P256, "2026-01-01", "2032-01-01", Use::Stamping);
        Self {
            anchors: [root.certificate.clone()].into_iter().collect(),
            roots: vec![root],
            issuing,
            signer,
            tsa: Mutex::new(tsa),
            now: AtomicI64::new(0),
            away: Mutex::new(false),
            asked: Mutex::new(Vec::new()),
        }
        .at("2026-03-01")
    }

    fn at(self, now: &str) -> Self {
        self.set(now);
        self
    }

    fn set(&self, now: &str) {
        self.now.store(t(now).seconds(), Ordering::Relaxed);
    }

    fn clock(&self) -> UnixTime {
        UnixTime::from_seconds(self.now.load(Ordering::Relaxed))
    }

    fn text(&self) -> String {
        self.clock().to_string()
    }

    /// From now on time-stamps are made by an authority of another root.
    fn era(&mut self, from: &str, to: &str) {
        let root = Holder::root(&format!("CN=root of {from}"), from, to);
        let tsa = root.issue("CN=tsa", P256, from, to, Use::Stamping);
        self.anchors.add(root.certificate.clone());
        self.roots.push(root);
        *self.tsa.lock().unwrap() = tsa;
    }

    fn signer(&self) -> Signer<'_> {
        Signer {
            key: &*self.signer.key,
            certificate: &self.signer.certificate,
        }
    }

    fn stamp(&self, digest: &Digest) -> Result<Timestamp, FetchError> {
        let der = self.tsa.lock().unwrap().stamp(digest, &self.text());
        let token = TimeStampToken::from_der(&der).unwrap();
        Ok(verify_token(&token, digest, &[]).value.unwrap())
    }

    fn with<T>(&self, evidence: &Evidence, online: bool, f: impl FnOnce(&Services<'_>) -> T) -> T {
        f(&Services {
            stamp: &|digest| self.stamp(digest),
            fetch: online.then_some(self),
            clock: &|| self.clock(),
            anchors: &self.anchors,
            evidence,
            policy: &Policy::basic(),
        })
    }

    fn online<T>(&self, f: impl FnOnce(&Services<'_>) -> T) -> T {
        self.with(&Evidence::new(), true, f)
    }

    fn judge_pdf(&self, file: &[u8], evidence: &Evidence) -> Report {
        validate(
            &pades::prepare(&file.to_vec()).unwrap(),
            &self.inputs(evidence, &Policy::basic()),
        )
    }

    fn inputs<'a>(&'a self, evidence: &'a Evidence, policy: &'a Policy) -> Inputs<'a> {
        Inputs {
            at: self.clock(),
            anchors: &self.anchors,
            evidence,
            policy,
        }
    }

    /// The lists of today, as a relying party would fetch them.
    fn today(&self) -> Evidence {
        let mut evidence = Evidence::new();
        for authority in self.roots.iter().chain([&self.issuing]) {
            if authority.certificate.is_valid_at(self.clock()) {
                evidence.add_crl(self.list(authority));
            }
        }
        evidence
    }

    fn list(&self, authority: &Holder) -> esign_core::crl::Crl {
        let (from, to) = (self.clock(), self.clock().plus(7 * 86_400));
        authority.crl(&from.to_string(), &to.to_string(), &[])
    }
}

impl Fetch for World {
    fn get(&self, url: &str, _: usize) -> Result<Vec<u8>, FetchError> {
        self.asked.lock().unwrap().push(url.to_owned());
        if *self.away.lock().unwrap() {
            return Err(FetchError::new(url, "away"));
        }
        for authority in self.roots.iter().chain([&self.issuing]) {
            let place = address(&authority.key);
            if url == format!("{place}.crl") && authority.certificate.is_valid_at(self.clock()) {
                return Ok(self.list(authority).der().to_vec());
            }
            if url == format!("{place}.cer") {
                return Ok(authority.certificate.der().to_vec());
            }
        }
        Err(FetchError::new(url, "not found"))
    }

    fn post(&self, url: &str, _: &str, _: &[u8], _: usize) -> Result<Vec<u8>, FetchError> {
        Err(FetchError::new(url, "not found"))
    }
}

fn pdf() -> Vec<u8> {
    std::fs::read(test_vectors::fixtures::pdf_folder().join("cairo.pdf")).unwrap()
}

fn signed_pdf(world: &World, level: Level) -> Result<Vec<u8>, LevelError> {
    let mut file = Vec::new();
    let tail = world.online(|services| {
        sign_pdf(
            &pdf(),
            &mut file,
            world.signer(),
            &Parameters::new(world.clock()),
            level,
            services,
        )
    })?;
    file.extend(tail);
    Ok(file)
}

const LEVELS: [Level; 4] = [Level::B, Level::T, Level::Lt, Level::Lta];

#[test]
fn a_pdf_is_signed_at_each_level_in_one_call() {
    let world = World::new(P256);
    for level in LEVELS {
        let file = signed_pdf(&world, level).unwrap();
        let today = world.today();
        let mut evidence = today.clone();
        evidence.add_certificate(world.issuing.certificate.clone());
        let report = world.judge_pdf(&file, &evidence);
        assert_eq!(report.indication, "TOTAL-PASSED", "{}", level.name());
        assert_eq!(report.signatures[0].level, level.name());
        // From B-LT on the file is enough.
        let alone = world.judge_pdf(&file, &Evidence::new());
        assert_eq!(alone.indication == "TOTAL-PASSED", level >= Level::Lt);
    }
}

#[test]
fn a_message_is_signed_at_each_level_in_one_call() {
    let world = World::new(P256);
    let content = b"content".to_vec();
    for level in LEVELS {
        for enveloping in [false, true] {
            let mut message = Vec::new();
            let parameters = SignatureParameters {
                signing_time: Some(world.clock()),
                ..SignatureParameters::default()
            };
            world
                .online(|services| {
                    sign_cms(
                        &content,
                        enveloping,
                        &mut message,
                        world.signer(),
                        &parameters,
                        level,
                        services,
                    )
                })
                .unwrap();
            let judge = |message: &Vec<u8>, evidence: &Evidence| {
                let input = Input {
                    message,
                    detached: (!enveloping).then_some(&content),
                };
                let signatures = cades::prepare(&input).unwrap();
                validate(&signatures, &world.inputs(evidence, &Policy::basic()))
            };
            let mut evidence = world.today();
            evidence.add_certificate(world.issuing.certificate.clone());
            let report = judge(&message, &evidence);
            assert_eq!(report.indication, "TOTAL-PASSED", "{}", level.name());
            assert_eq!(report.signatures[0].level, level.name());
            if level < Level::Lt {
                continue;
            }
            assert_eq!(judge(&message, &Evidence::new()).indication, "TOTAL-PASSED");
            let mut renewed = Vec::new();
            let detached = (!enveloping).then_some(&content);
            world
                .online(|services| {
                    let detached = detached.map(|c| -> &dyn esign_core::source::ReadAt { c });
                    extend_cms(&message, detached, &mut renewed, Level::Lta, services)
                })
                .unwrap();
            let report = judge(&renewed, &Evidence::new());
            assert_eq!(report.indication, "TOTAL-PASSED");
            assert_eq!(report.signatures[0].level, "B-LTA");
        }
    }
}

#[test]
fn a_signature_of_others_is_brought_up_step_by_step() {
    let world = World::new(P256);
    let mut file = signed_pdf(&world, Level::B).unwrap();
    for level in [Level::T, Level::Lt, Level::Lta] {
        let more = world.online(|s| extend_pdf(&file, level, s)).unwrap();
        assert!(!more.is_empty());
        file.extend(more);
        let mut evidence = world.today();
        evidence.add_certificate(world.issuing.certificate.clone());
        let report = world.judge_pdf(&file, &evidence);
        assert_eq!(report.signatures[0].level, level.name());
        assert_eq!(report.indication, "TOTAL-PASSED");
        assert_eq!(
            report.signatures[0].integrity,
            esign_core::validation::Integrity::Intact
        );
    }
    // B-T is there: nothing to do.
    let more = world.online(|s| extend_pdf(&file, Level::T, s)).unwrap();
    assert!(more.is_empty());
}

#[test]
fn what_cannot_be_reached_is_said_and_nothing_is_written() {
    let world = World::new(P256);
    // Nothing at hand, nothing to fetch with.
    let file = signed_pdf(&world, Level::T).unwrap();
    let offline =
        |evidence: &Evidence| world.with(evidence, false, |s| extend_pdf(&file, Level::Lt, s));
    let error = offline(&Evidence::new()).unwrap_err();
    let LevelError::Missing { missing, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(missing[0].what, "issuer");
    assert!(error.to_string().contains("CN=issuing"), "{error}");
    // Given by hand it works without any network.
    let mut given = world.today();
    given.add_certificate(world.issuing.certificate.clone());
    assert!(!offline(&given).unwrap().is_empty());
    assert!(world.asked.lock().unwrap().is_empty());

    *world.away.lock().unwrap() = true;
    let error = world
        .online(|s| extend_pdf(&file, Level::Lt, s))
        .unwrap_err();
    assert!(error.to_string().contains("away"), "{error}");
    *world.away.lock().unwrap() = false;
    // An authority that gives no time-stamp.
    let refused = world.online(|s| {
        let services = Services {
            stamp: &|_| Err(FetchError::new("http://tsa.test", "closed")),
            ..*s
        };
        extend_pdf(&file, Level::Lta, &services)
    });
    let error = refused.unwrap_err().to_string();
    assert_eq!(error, "time-stamp: http://tsa.test: closed");
    // A broken signature is not preserved.
    let mut broken = file.clone();
    let at = broken.windows(7).position(|w| w == b"/Length").unwrap();
    broken[at + 1] = b'l';
    let tried = world.online(|s| extend_pdf(&broken, Level::Lt, s));
    assert!(tried.is_err());
    assert!(matches!(
        world.online(|s| extend_pdf(&pdf(), Level::T, s)),
        Err(LevelError::NoSignature)
    ));
}

/// A token larger than the room that is kept is made again with room enough.
#[test]
fn a_large_token_finds_room() {
    let world = World::new(P256);
    let mut file = signed_pdf(&world, Level::B).unwrap();
    let calls = std::sync::atomic::AtomicUsize::new(0);
    let more = world.online(|s| {
        let services = Services {
            stamp: &|digest| {
                calls.fetch_add(1, Ordering::Relaxed);
                let der = world
                    .tsa
                    .lock()
                    .unwrap()
                    .stamp_with(digest, &world.text(), 80);
                let token = TimeStampToken::from_der(&der).unwrap();
                Ok(verify_token(&token, digest, &[]).value.unwrap())
            },
            ..*s
        };
        extend_pdf(&file, Level::T, &services)
    });
    file.extend(more.unwrap());
    assert_eq!(calls.load(Ordering::Relaxed), 2);
    let mut evidence = world.today();
    evidence.add_certificate(world.issuing.certificate.clone());
    assert_eq!(world.judge_pdf(&file, &evidence).signatures[0].level, "B-T");
}

/// Signed at B-LTA in 2026 with RSA-2048, renewed every two years, read in 2056: the signer's
/// certificate, his authority, its root and the algorithm have long ended.
#[test]
fn a_signature_renewed_in_time_is_read_after_thirty_years() {
    let mut world = World::new(KeySpec::Rsa2048);
    let mut file = signed_pdf(&world, Level::Lta).unwrap();
    let never_renewed = file.clone();
    let mut skipped = file.clone();
    for year in (2028..2056).step_by(2) {
        if year % 4 == 2 {
            let (from, to) = (format!("{year}-01-01"), format!("{}-01-01", year + 8));
            world.era(&from, &to);
        }
        world.set(&format!("{year}-06-01"));
        let more = world.online(|s| extend_pdf(&file, Level::Lta, s));
        file.extend(more.unwrap_or_else(|e| panic!("{year}: {e}")));
        if year != 2034 && year != 2036 && year != 2038 && year != 2040 {
            let more = world.online(|s| extend_pdf(&skipped, Level::Lta, s));
            skipped.extend(more.unwrap_or_default());
        }
    }
    world.set("2056-06-01");
    let today = world.today();
    let report = world.judge_pdf(&file, &today);
    assert_eq!(report.indication, "TOTAL-PASSED", "{report:#?}");
    let signature = &report.signatures[0];
    assert_eq!(signature.best_signature_time, t("2026-03-01"));
    assert_eq!(signature.level, "B-LTA");
    assert_eq!(signature.timestamps.len(), 16);
    let report = world.judge_pdf(&never_renewed, &today);
    assert_eq!(report.indication, "INDETERMINATE");
    let report = world.judge_pdf(&skipped, &today);
    assert_eq!(report.indication, "INDETERMINATE");
    // Forged siblings: an octet of the page, of the signature's own time-stamp, of a renewal.
    let marks: [(&[u8], usize); 3] = [
        (b"/MediaBox", 1),
        (b"/ByteRange", 400),
        (b"/DocTimeStamp", 900),
    ];
    for (mark, behind) in marks {
        let mut forged = file.clone();
        let at = forged.windows(mark.len()).position(|w| w == mark).unwrap() + behind;
        forged[at] = if forged[at] == b'1' { b'2' } else { b'1' };
        let verdict = pades::prepare(&forged)
            .map(|s| validate(&s, &world.inputs(&today, &Policy::basic())).indication);
        assert_ne!(verdict.ok(), Some("TOTAL-PASSED"), "{mark:?}");
    }
}
