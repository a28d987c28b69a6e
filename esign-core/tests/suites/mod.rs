//! What the runs over public suites share: finding the suite, the exceptions, a second decoder.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    dead_code,
    unreachable_pub,
    reason = "a test may fail by panicking; each run uses a part"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use esign_core::path::{PathInputs, PathProfile, VerifiedPath, build_path, find_path};
use esign_core::report::Finding;
use esign_core::x509::Certificate;
use serde::Deserialize;
use serde_json::Value;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Differences from what the suites expect, each with its reason.
const EXCEPTIONS: &str = include_str!("../vectors/path/exceptions.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exceptions {
    exception: Vec<Exception>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception {
    suite: String,
    profile: String,
    /// `valid` or `invalid`, as the suite has it.
    expected: String,
    reason: String,
    cases: Vec<String>,
}

/// The name of a profile in the exceptions.
pub fn name(profile: PathProfile) -> &'static str {
    match profile {
        PathProfile::Pkix => "pkix",
        PathProfile::Strict => "strict",
    }
}

/// Case by case what a suite expects and what came out.
pub struct Run {
    suite: &'static str,
    profile: PathProfile,
    cases: usize,
    /// Where they differ: what was expected, and why it was refused.
    differs: BTreeMap<String, (bool, String)>,
}

impl Run {
    pub fn new(suite: &'static str, profile: PathProfile) -> Self {
        Self {
            suite,
            profile,
            cases: 0,
            differs: BTreeMap::new(),
        }
    }

    /// Judges a case with its report and without, which must agree, and in milliseconds. A case
    /// without a leaf is one whose leaf does not decode.
    pub fn case(
        &mut self,
        id: &str,
        expected: bool,
        leaf: Option<&Certificate>,
        inputs: &PathInputs<'_>,
    ) -> Option<VerifiedPath> {
        self.cases += 1;
        let start = Instant::now();
        let judged = leaf.map(|leaf| build_path(leaf, inputs));
        // Milliseconds where the build is optimised.
        assert!(
            start.elapsed().as_millis() < 1000,
            "{id} {:?}",
            start.elapsed()
        );
        let alone = leaf.and_then(|leaf| find_path(leaf, inputs));
        let path = judged.as_ref().and_then(|j| j.value.as_ref());
        let policies = |path: &VerifiedPath| path.policies().clone();
        assert_eq!(alone.as_ref().map(policies), path.map(policies), "{id}");
        if path.is_some() != expected {
            let why = judged.as_ref().and_then(|j| Finding::decisive(&j.report));
            let why = why.map(|f| format!("{} {} {:?}", f.rule, f.object, f.because));
            self.differs
                .insert(id.to_owned(), (expected, why.unwrap_or_default()));
        }
        alone
    }

    /// Prints the sum, and says where the differences are not exactly those that are listed.
    pub fn finish(self) -> Vec<String> {
        let all: Exceptions = toml::from_str(EXCEPTIONS).unwrap();
        let mut listed = BTreeMap::new();
        for e in all.exception {
            assert!(!e.reason.is_empty());
            let expected = match e.expected.as_str() {
                "valid" => true,
                "invalid" => false,
                other => panic!("{other}"),
            };
            if e.suite == self.suite && e.profile == name(self.profile) {
                for case in e.cases {
                    assert!(
                        listed.insert(case.clone(), expected).is_none(),
                        "{case} twice"
                    );
                }
            }
        }
        let agreed = self.cases - self.differs.len();
        eprintln!(
            "{} {}: {agreed} of {} as the suite has it",
            self.suite,
            name(self.profile),
            self.cases
        );
        let unlisted = self.differs.iter();
        let unlisted = unlisted.filter(|(id, (expected, _))| listed.get(*id) != Some(expected));
        let unlisted = unlisted.map(|(id, (expected, why))| {
            let expected = if *expected { "valid" } else { "invalid" };
            format!("{} {id} is {expected}, but: {why}", name(self.profile))
        });
        let unexpected = listed.keys().filter(|id| !self.differs.contains_key(*id));
        let unexpected =
            unexpected.map(|id| format!("{} {id} is listed without need", name(self.profile)));
        unlisted.chain(unexpected).collect()
    }
}

/// Runs all `count` cases of the list `cases` in a suite's `file` under both profiles.
pub fn judged_as_expected(
    name: &'static str,
    (file, cases, count): (&str, &str, usize),
    judge: impl Fn(&Path, &Value, PathProfile, &mut Run),
) {
    let Some(folder) = suite(name) else { return };
    let suite: Value = serde_json::from_slice(&std::fs::read(folder.join(file)).unwrap()).unwrap();
    let cases = suite[cases].as_array().unwrap();
    assert_eq!(cases.len(), count);
    let mut complaints = Vec::new();
    for profile in [PathProfile::Pkix, PathProfile::Strict] {
        let mut run = Run::new(name, profile);
        for case in cases {
            judge(&folder, case, profile, &mut run);
        }
        complaints.extend(run.finish());
    }
    assert!(complaints.is_empty(), "{complaints:#?}");
}

/// The folder of a suite; says on standard error where there is none.
pub fn suite(name: &str) -> Option<PathBuf> {
    let Some(root) = std::env::var_os("ESIGN_CORPORA") else {
        eprintln!("NOT RUN: {name}: ESIGN_CORPORA is not set");
        return None;
    };
    let folder = Path::new(&root).join(name);
    assert!(folder.is_dir(), "{} is not there", folder.display());
    Some(folder)
}

pub fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .map(|p| {
            (
                p.file_name().unwrap().to_string_lossy().into_owned(),
                std::fs::read(&p).unwrap(),
            )
        })
        .collect();
    all.sort();
    all
}

/// Compares what both decoders see.
pub fn cross_check(name: &str, certificate: &Certificate) {
    let (rest, other) = X509Certificate::from_der(certificate.der())
        .unwrap_or_else(|e| panic!("{name}: the other decoder says {e}"));
    assert!(rest.is_empty());
    assert_eq!(
        certificate.serial().as_bytes(),
        other.raw_serial(),
        "{name}"
    );
    assert_eq!(
        certificate.issuer().der(),
        other.issuer().as_raw(),
        "{name}"
    );
    assert_eq!(
        certificate.subject().der(),
        other.subject().as_raw(),
        "{name}"
    );
    assert_eq!(
        certificate.tbs_der(),
        other.tbs_certificate.as_ref(),
        "{name}"
    );
    assert_eq!(certificate.spki_der(), other.public_key().raw, "{name}");
    if other.signature_value.unused_bits == 0 {
        assert_eq!(
            certificate.signature(),
            other.signature_value.data.as_ref(),
            "{name}"
        );
    }
    assert_eq!(
        u32::from(certificate.version()),
        other.version().0 + 1,
        "{name}"
    );
    let validity = other.validity();
    assert_eq!(
        certificate.not_before().seconds(),
        validity.not_before.timestamp(),
        "{name}"
    );
    assert_eq!(
        certificate.not_after().seconds(),
        validity.not_after.timestamp(),
        "{name}"
    );
    let ours: Vec<_> = certificate
        .extensions()
        .map(|e| (e.oid.as_bytes().to_vec(), e.critical, e.value.to_vec()))
        .collect();
    let theirs: Vec<_> = other
        .extensions()
        .iter()
        .map(|e| (e.oid.as_bytes().to_vec(), e.critical, e.value.to_vec()))
        .collect();
    assert_eq!(ours, theirs, "{name}");
    if let Ok(Some(usage)) = other.key_usage() {
        assert_eq!(
            certificate.key_usage().unwrap().unwrap().0,
            usage.value.flags,
            "{name}"
        );
    }
    if let Ok(Some(basic)) = other.basic_constraints() {
        let ours = certificate.basic_constraints().unwrap().unwrap();
        assert_eq!(
            (ours.ca, ours.path_len),
            (basic.value.ca, basic.value.path_len_constraint)
        );
    }
}
