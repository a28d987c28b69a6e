use std::sync::{Arc, Mutex};
use std::time::Duration;

use esign_core::keys::{
    Digest, DigestAlgorithm, Hasher, KeyError, KeyErrorKind, PrivateKey, Random,
};
use esign_core::keys::{KeySpec, Passphrase};
use esign_core::oid::ObjectIdentifier;
use esign_core::time::UnixTime;
use esign_core::tsp::{
    Accuracy, ClientCheck, FailureInfo, GenTime, MessageImprint, Nonce, RequestExtension,
    TimeStampReq, TimeStampResp, check_response,
};
use esign_core::x509::Certificate;

use super::*;

const POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.3.4.1");
const OTHER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.3.4.5");

/// Clocks that stand where they are put.
#[derive(Clone)]
struct Set(Arc<Mutex<Reading>>);

impl Set {
    fn new() -> Self {
        let wall = GenTime::new(
            UnixTime::parse("2026-11-23T10:00:00Z").unwrap(),
            123_456_789,
        );
        Self(Arc::new(Mutex::new(Reading {
            wall: wall.unwrap(),
            monotonic: Duration::from_secs(100),
        })))
    }

    /// Both go on.
    fn pass(&self, seconds: u64) {
        self.step(i64::try_from(seconds).unwrap());
        self.0.lock().unwrap().monotonic += Duration::from_secs(seconds);
    }

    /// The wall clock is set.
    fn step(&self, seconds: i64) {
        let mut reading = self.0.lock().unwrap();
        reading.wall.time = reading.wall.time.plus(seconds);
    }
}

impl Clocks for Set {
    fn read(&self) -> Reading {
        *self.0.lock().unwrap()
    }
}

/// No random numbers.
struct Dry;

impl Random for Dry {
    fn fill(&self, _: &mut [u8]) -> Result<(), KeyError> {
        Err(KeyError::new(KeyErrorKind::Random, "dry"))
    }
}

fn system_random() -> Arc<dyn Random> {
    Arc::new(ring::rand::SystemRandom::new())
}

fn synchronised(millis: u64) -> Synchronisation {
    Synchronisation::Synchronised {
        max_error: Duration::from_millis(millis),
    }
}

/// A self-signed certificate as OpenSSL makes them for a time-stamping authority, 2026 to 2126.
fn own() -> (Arc<PrivateKey>, Certificate) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../test-vectors/tsp/");
    let read = |name| std::fs::read(format!("{folder}{name}")).unwrap();
    let key = String::from_utf8(read("authority.key.pem")).unwrap();
    let key = PrivateKey::from_pem(&key, None::<&Passphrase>).unwrap();
    let certificate = esign_core::x509::certificates(&read("authority.pem")).unwrap();
    (Arc::new(key), certificate[0].clone())
}

fn options() -> TimeStamperOptions {
    let mut options = TimeStamperOptions::new(POLICY);
    options.policies.push(OTHER);
    options
}

fn made_with(options: TimeStamperOptions, random: Arc<dyn Random>) -> (Set, TimeStamper) {
    let clocks = Set::new();
    let watch = Arc::new(ClockWatch::new(Box::new(clocks.clone()), options.accuracy));
    let (key, certificate) = own();
    let stamper = TimeStamper::new(key, certificate, &[], options, watch, random).unwrap();
    stamper
        .clock()
        .tell(synchronised(10), stamper.clock().monotonic());
    (clocks, stamper)
}

fn made() -> (Set, TimeStamper) {
    made_with(options(), system_random())
}

fn request(algorithm: DigestAlgorithm) -> TimeStampReq {
    let digest: Digest = Hasher::digest(algorithm, b"stamp me");
    let nonce = Nonce::random(&ring::rand::SystemRandom::new()).unwrap();
    TimeStampReq::new(MessageImprint::new(&digest), Some(nonce))
}

fn refusal(stamper: &TimeStamper, request: &[u8]) -> Vec<String> {
    let response = TimeStampResp::from_der(&stamper.answer(request)).unwrap();
    assert_eq!(
        response.token.is_some(),
        response.status.fail_info.is_none()
    );
    response.status.failures()
}

#[test]
fn each_digest_is_stamped_as_it_was_asked() {
    let (clocks, stamper) = made();
    for algorithm in options().digests {
        for (policy, cert_req, nonce) in [
            (None, true, true),
            (Some(POLICY), false, true),
            (Some(OTHER), true, false),
        ] {
            let mut asked = request(algorithm);
            (asked.req_policy, asked.cert_req) = (policy, cert_req);
            asked.nonce = asked.nonce.filter(|_| nonce);
            let check = ClientCheck {
                certificates: &[own().1],
                near: Some((clocks.read().wall.time, 0)),
            };
            let judged = check_response(&asked, &stamper.answer(&asked.to_der()), &check);
            let stamp = judged
                .value
                .unwrap_or_else(|| panic!("{:?}", judged.report));
            let info = stamp.token().tst_info();
            assert_eq!(info.policy, policy.unwrap_or(POLICY));
            assert_eq!(stamp.certificates().len(), usize::from(cert_req));
            // EN 319 422 5.2: accuracy of a second or better, no ordering, the authority's name, one
            // signer, no extensions.
            assert_eq!(info.accuracy, Some(Accuracy::from_micros(1_000_000)));
            assert!(!info.ordering && info.extensions.is_empty() && info.tsa.is_some());
            assert_eq!(stamp.token().signers().len(), 1);
            assert_eq!(info.gen_time.to_string(), "2026-11-23T10:00:00.123Z");
            assert!(info.serial_number.is_conforming());
        }
    }
    assert_eq!(stamper.counters().granted(), 18);
    assert!(stamper.counters().refused().all(|(_, n)| n == 0));
}

#[test]
fn each_refusal_has_its_code() {
    let (_, stamper) = made();
    let good = request(DigestAlgorithm::Sha256);
    let mut cases = vec![
        (Vec::new(), FailureInfo::BadDataFormat),
        (good.to_der()[..20].to_vec(), FailureInfo::BadDataFormat),
        (request(DigestAlgorithm::Sha1).to_der(), FailureInfo::BadAlg),
        (
            request(DigestAlgorithm::Sha224).to_der(),
            FailureInfo::BadAlg,
        ),
    ];
    let mut version = good.clone();
    version.version = 2;
    cases.push((version.to_der(), FailureInfo::BadRequest));
    let mut policy = good.clone();
    policy.req_policy = Some(ObjectIdentifier::new_unwrap("1.2.3.4.9"));
    cases.push((policy.to_der(), FailureInfo::UnacceptedPolicy));
    for critical in [true, false] {
        let mut extended = good.clone();
        extended.extensions.push(RequestExtension {
            oid: OTHER,
            critical,
            value: vec![5, 0],
        });
        cases.push((extended.to_der(), FailureInfo::UnacceptedExtension));
    }
    // MD5 (1.2.840.113549.2.5) and SHA-256 over an imprint of 31 octets.
    let raw = |oid: &[u8], octets: usize| {
        let mut w = esign_core::der::Writer::new();
        w.sequence(|w| {
            w.u32(1);
            w.sequence(|w| {
                w.sequence(|w| w.oid(ObjectIdentifier::from_bytes(oid).unwrap()));
                w.octets(&vec![1; octets]);
            });
        });
        w.finish()
    };
    let md5 = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 2, 5];
    let sha256 = [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];
    cases.push((raw(&md5, 16), FailureInfo::BadAlg));
    cases.push((raw(&sha256, 31), FailureInfo::BadDataFormat));
    cases.push((raw(&sha256, 33), FailureInfo::BadDataFormat));
    for (asked, failure) in &cases {
        assert_eq!(refusal(&stamper, asked), [failure.name()]);
    }
    assert_eq!(refusal(&stamper, &raw(&sha256, 32)), [""; 0]);
    let counted: u64 = stamper.counters().refused().map(|(_, n)| n).sum();
    assert_eq!(counted, u64::try_from(cases.len()).unwrap());
    assert_eq!(stamper.counters().granted(), 1);
    let (_, dry) = made_with(options(), Arc::new(Dry));
    assert_eq!(refusal(&dry, &good.to_der()), ["systemFailure"]);
}

#[test]
fn no_time_is_told_by_a_clock_that_is_not_trusted() {
    let (clocks, stamper) = made();
    let asked = request(DigestAlgorithm::Sha256).to_der();
    let refused = |yes: bool| {
        let expected: &[&str] = if yes { &["timeNotAvailable"] } else { &[] };
        assert_eq!(refusal(&stamper, &asked), expected);
    };
    let tell = |word| {
        clocks.pass(1);
        stamper.clock().tell(word, stamper.clock().monotonic());
    };
    refused(false);
    // The daemon says no, says too little, says nothing any more.
    tell(Synchronisation::Unsynchronised("no source".to_owned()));
    refused(true);
    tell(synchronised(1001));
    refused(true);
    tell(synchronised(1000));
    refused(false);
    clocks.pass(64);
    refused(false);
    clocks.pass(1);
    refused(true);
    tell(synchronised(5));
    refused(false);
    // A step within the accuracy, then one beyond, to either side, that is even put back.
    clocks.step(1);
    refused(false);
    clocks.step(-1);
    for step in [2, -2, 86_400, -86_400] {
        clocks.step(step);
        refused(true);
        clocks.step(-step);
        refused(true);
        // A word from before the step was seen does not help, one after does.
        stamper
            .clock()
            .tell(synchronised(5), Duration::from_secs(1));
        refused(true);
        tell(Synchronisation::Vouched {
            max_error: Duration::ZERO,
        });
        refused(true);
        tell(synchronised(5));
        refused(false);
    }
    // An operator's word does as well.
    clocks.step(3600);
    refused(true);
    stamper.clock().resume();
    refused(false);
    // A step that nobody has asked for the time since: the daemon's word alone does not hide it.
    clocks.step(10);
    tell(synchronised(5));
    refused(true);
    tell(synchronised(5));
    refused(false);
    // A clock that nothing measures goes on until it jumps.
    tell(Synchronisation::Vouched {
        max_error: Duration::from_millis(500),
    });
    clocks.pass(1_000);
    refused(false);
}

#[test]
fn a_certificate_out_of_its_time_stamps_nothing() {
    let (clocks, stamper) = made();
    let left = stamper.not_after().seconds() - clocks.read().wall.time.seconds();
    let asked = request(DigestAlgorithm::Sha256).to_der();
    for (seconds, expected) in [(left, &[][..]), (1, &["systemFailure"])] {
        clocks.pass(u64::try_from(seconds).unwrap());
        stamper
            .clock()
            .tell(synchronised(5), stamper.clock().monotonic());
        assert_eq!(refusal(&stamper, &asked), expected);
    }
}

#[test]
fn a_watch_trusts_nothing_before_it_is_told() {
    let watch = ClockWatch::new(Box::new(Set::new()), Accuracy::from_micros(1_000_000));
    assert!(matches!(watch.now(), Err(ClockDistrust::Unsynchronised(_))));
}

#[test]
fn tokens_are_ordered_where_that_is_promised() {
    let mut ordered = options();
    ordered.ordering = true;
    ordered.accuracy = Accuracy::from_micros(50);
    let (clocks, stamper) = made_with(ordered, system_random());
    stamper
        .clock()
        .tell(synchronised(0), stamper.clock().monotonic());
    let asked = request(DigestAlgorithm::Sha256);
    let mut last = None;
    // The clock stands still: each is a microsecond after the one before, until that were untrue.
    for _ in 0..51 {
        let answer = stamper.answer(&asked.to_der());
        let judged = check_response(&asked, &answer, &ClientCheck::default());
        let stamp = judged.value.unwrap();
        assert!(stamp.token().tst_info().ordering);
        assert!(last < Some(stamp.gen_time()));
        last = Some(stamp.gen_time());
    }
    assert_eq!(refusal(&stamper, &asked.to_der()), ["timeNotAvailable"]);
    clocks.pass(1);
    assert_eq!(refusal(&stamper, &asked.to_der()), [""; 0]);
}

#[test]
fn serial_numbers_of_replicas_differ() {
    let replicas = [made().1, made().1];
    let asked = request(DigestAlgorithm::Sha256);
    let mut seen = std::collections::HashSet::new();
    for _ in 0..200 {
        for stamper in &replicas {
            let answer = stamper.answer(&asked.to_der());
            let stamp = check_response(&asked, &answer, &ClientCheck::default()).value;
            let serial = stamp.unwrap().token().tst_info().serial_number.clone();
            assert!(serial.as_bytes().len() > 10 && seen.insert(serial));
        }
    }
}

#[test]
fn what_is_not_to_profile_is_not_set_up() {
    let set_up = |options: TimeStamperOptions, watched: Accuracy, own_key: bool| {
        let watch = Arc::new(ClockWatch::new(Box::new(Set::new()), watched));
        let (key, certificate) = own();
        let key = if own_key {
            key
        } else {
            Arc::new(PrivateKey::generate(KeySpec::Ed25519).unwrap())
        };
        TimeStamper::new(key, certificate, &[], options, watch, system_random()).is_ok()
    };
    let second = Accuracy::from_micros(1_000_000);
    assert!(set_up(options(), second, true));
    assert!(!set_up(options(), second, false));
    assert!(!set_up(options(), Accuracy::from_micros(1), true));
    for micros in [0, 1_000_001] {
        let mut bad = options();
        bad.accuracy = Accuracy::from_micros(micros);
        assert!(!set_up(bad.clone(), bad.accuracy, true));
    }
    let mut bad = options();
    bad.policies.clear();
    assert!(!set_up(bad, second, true));
    let mut bad = options();
    bad.digests.clear();
    assert!(!set_up(bad, second, true));
}

#[test]
fn what_chrony_says_is_understood() {
    // chronyc -n -c tracking of chrony 4.3, whose daemon follows a source.
    let good = "D83AD6D6,216.58.214.214,2,1795424461.123456789,0.000012345,-0.000004567,0.000023456,\
                -12.345,-0.001,0.023,0.012000000,0.000500000,64.2,Normal\n";
    let Synchronisation::Synchronised { max_error } = parse_chrony(good) else {
        panic!("not synchronised");
    };
    assert_eq!(max_error.as_micros(), 6_512);
    for bad in [
        "7F7F0101,,0,0.000000000,0.0,0.0,0.0,0.0,0.0,0.0,1.000000000,1.000000000,0.0,Not synchronised",
        "",
        "506 Cannot talk to daemon",
        &good.replace(",2,", ",0,"),
        &good.replace("Normal", "Unknown"),
        &good.replace("0.012000000", "soon"),
        &good.replace("0.012000000", "NaN"),
        &good.replace("0.012000000", "1e300"),
        &good.replace("Normal", "Normal,1"),
    ] {
        let said = parse_chrony(bad);
        assert!(
            matches!(said, Synchronisation::Unsynchronised(_)),
            "{bad}: {said:?}"
        );
    }
    let nobody = Chrony {
        program: "/nonexistent/chronyc".to_owned(),
    };
    assert!(matches!(nobody.ask(), Synchronisation::Unsynchronised(_)));
    // A program that says what chronyc says, told to a watch; one that fails, and one that hangs.
    let folder = std::env::temp_dir().join(format!("ca-server-chrony-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let program = |name: &str, text: &str| {
        use std::os::unix::fs::PermissionsExt;
        let path = folder.join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        Chrony {
            program: path.display().to_string(),
        }
    };
    let watch = ClockWatch::new(Box::new(Set::new()), Accuracy::from_micros(1_000_000));
    let says = program("says", &format!("echo '{}'", good.trim()));
    assert_eq!(
        says.tell(&watch),
        Synchronisation::Synchronised { max_error }
    );
    assert!(watch.now().is_ok());
    let fails = program("fails", "echo '506 Cannot talk to daemon'; exit 1");
    assert!(matches!(
        fails.tell(&watch),
        Synchronisation::Unsynchronised(_)
    ));
    assert!(matches!(watch.now(), Err(ClockDistrust::Unsynchronised(_))));
    let hangs = program("hangs", "exec sleep 60");
    let Synchronisation::Unsynchronised(why) = hangs.ask() else {
        panic!("a program that hangs has answered");
    };
    assert!(why.ends_with("no answer within 5 s"), "{why}");
    std::fs::remove_dir_all(&folder).unwrap();
}
