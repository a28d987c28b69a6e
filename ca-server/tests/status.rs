//! What the world is told: OCSP answers and lists, by the library, over the states of a certificate.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected should stop"
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ca_server::acts::{Act, Change};
use ca_server::centre::{Authority as Which, Centre, InitOptions, Who};
use ca_server::ids::{CertificateId, KeyId, Name, Serial};
use ca_server::records::{Intent, RevocationReason};
use ca_server::status::{
    Authority, Publisher, PublisherOptions, Responder, ResponderOptions, Signer,
};
use ca_server::store::Store;
use ca_server::store::sqlite::SqliteStore;
use esign_core::crl::RevocationReason as ListReason;
use esign_core::keys::{Curve, DigestAlgorithm, KeySpec, PrivateKey};
use esign_core::lint;
use esign_core::ocsp::{
    BasicResponse, CertId, CertStatus, Nonce, OcspResponse, RequestBuilder, ResponseStatus,
};
use esign_core::time::UnixTime;
use esign_core::x509::{
    Certificate, Fin, Identity, NameBuilder, NaturalPerson, PersonIdentifier, Request, SerialNumber,
};

static NEXT: AtomicUsize = AtomicUsize::new(0);

/// A centre with one certificate of a person; its folder goes with it.
struct Trial {
    dir: PathBuf,
    centre: Centre,
    certificate: Certificate,
}

fn at(seconds: i64) -> UnixTime {
    UnixTime::parse("2026-11-22T12:00:00Z")
        .unwrap()
        .plus(seconds)
}

fn who(seconds: i64) -> Who {
    Who {
        by: Name::new("officer").unwrap(),
        at: at(seconds),
    }
}

impl Trial {
    fn new() -> Self {
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("status-{}-{n}", std::process::id()));
        let options = InitOptions {
            test: true,
            ..InitOptions::new("Trial", "Trial MMC")
        };
        let centre = Centre::init(&dir, &options, None, &who(0)).unwrap();
        let key = PrivateKey::generate(KeySpec::Ec(Curve::P256)).unwrap();
        let name = NameBuilder::parse("CN=x").unwrap().build().unwrap();
        let csr = Request::sign(&name, &key).unwrap();
        let person = Identity::NaturalPerson(NaturalPerson {
            given_name: "Aysel".into(),
            surname: "Əliyeva".into(),
            identifier: PersonIdentifier::Fin(Fin::parse("5ABC123").unwrap()),
            country: "AZ".into(),
            organization: None,
            title: None,
        });
        let request = centre
            .request(csr.der(), &person, "natural-person", &who(1))
            .unwrap();
        centre.approve(&request, &who(2)).unwrap();
        let certificate = centre.issue(&request, &who(3)).unwrap();
        Self {
            dir,
            centre,
            certificate,
        }
    }

    fn store(&self) -> Arc<dyn Store> {
        Arc::new(SqliteStore::open(&self.dir.join("store.sqlite")).unwrap())
    }

    fn issuing(&self) -> &Certificate {
        self.centre.certificate(Which::Issuing)
    }

    fn key(&self) -> Arc<PrivateKey> {
        let pem = std::fs::read(self.dir.join("keys/issuing.pem")).unwrap();
        Arc::new(PrivateKey::from_file(&pem, None).unwrap())
    }

    fn responder(&self, extended_revoke: bool) -> Responder {
        let authority = Authority::new(self.issuing().clone()).unwrap();
        // The issuer answers for itself (RFC 6960 4.2.2.2); the service has a delegate do it.
        let signer = Signer::new(self.key(), self.issuing().clone()).unwrap();
        let options = ResponderOptions {
            extended_revoke,
            ..ResponderOptions::default()
        };
        Responder::new(self.store(), vec![(authority, signer)], options)
    }

    fn publisher(&self) -> Publisher {
        Publisher::new(
            self.store(),
            Authority::new(self.issuing().clone()).unwrap(),
            self.key(),
            "issuing".to_owned(),
            PublisherOptions::new(self.dir.join("crl"), 86_400),
        )
    }

    fn id(&self, serial: &SerialNumber, algorithm: DigestAlgorithm) -> CertId {
        CertId::new(serial.clone(), self.issuing(), algorithm).unwrap()
    }

    fn status(&self, responder: &Responder, serial: &SerialNumber, seconds: i64) -> CertStatus {
        let asked = vec![self.id(serial, DigestAlgorithm::Sha1)];
        let answer = responder.answer(&built(asked, None), at(seconds));
        let basic = basic(&answer.der);
        basic
            .verify_signed_by(self.issuing().public_key().unwrap())
            .unwrap();
        assert_eq!(basic.produced_at(), at(seconds));
        let single = &basic.singles()[0];
        assert_eq!(single.this_update, at(seconds));
        assert_eq!(
            answer.kept,
            Some((at(seconds), single.next_update.unwrap()))
        );
        let linted = lint::ocsp_response(&answer.der);
        assert!(
            linted.worst() < Some(lint::Severity::Warning),
            "{:?}",
            linted.hits
        );
        single.status
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

fn built(asked: Vec<CertId>, nonce: Option<usize>) -> Vec<u8> {
    let nonce = nonce.map(|length| Nonce::new(&vec![7; length]).unwrap());
    RequestBuilder { asked, nonce }.build().unwrap()
}

fn basic(der: &[u8]) -> BasicResponse {
    let response = OcspResponse::from_der(der).unwrap();
    assert_eq!(response.status, ResponseStatus::Successful);
    response.basic.unwrap()
}

fn refused(der: &[u8]) -> ResponseStatus {
    let response = OcspResponse::from_der(der).unwrap();
    assert!(response.basic.is_none());
    response.status
}

#[test]
fn each_state_of_a_certificate_is_told() {
    let trial = Trial::new();
    let responder = trial.responder(false);
    let serial = trial.certificate.serial().clone();
    assert_eq!(trial.status(&responder, &serial, 10), CertStatus::Good);
    trial.centre.suspend(&serial, "asked", &who(20)).unwrap();
    let held = CertStatus::Revoked {
        at: at(20),
        reason: Some(ListReason::CertificateHold),
    };
    assert_eq!(trial.status(&responder, &serial, 20), held);
    trial.centre.restore(&serial, "asked", &who(30)).unwrap();
    assert_eq!(trial.status(&responder, &serial, 30), CertStatus::Good);
    let reason = RevocationReason::KeyCompromise;
    trial
        .centre
        .revoke(&serial, reason, None, "lost", &who(40))
        .unwrap();
    let revoked = |seconds| CertStatus::Revoked {
        at: at(seconds),
        reason: Some(ListReason::KeyCompromise),
    };
    assert_eq!(trial.status(&responder, &serial, 40), revoked(40));
    // A clock that steps back neither brings it back nor contradicts itself.
    assert_eq!(trial.status(&responder, &serial, 35), revoked(35));
    // Long after it expired, too.
    let after = 86_400 * 365 * 5;
    assert_eq!(trial.status(&responder, &serial, after), revoked(40));
}

#[test]
fn good_is_said_of_nothing_that_was_not_issued() {
    let trial = Trial::new();
    let other = SerialNumber::parse_hex("1234").unwrap();
    // An intent without a certificate: what a crash leaves.
    let id = CertificateId {
        issuer: KeyId::of_spki(trial.issuing().spki_der()),
        serial: Serial::try_from(&other).unwrap(),
    };
    let key = PrivateKey::generate(KeySpec::Ec(Curve::P256)).unwrap();
    let name = NameBuilder::parse("CN=x").unwrap().build().unwrap();
    let csr = Request::sign(&name, &key).unwrap();
    let firm = Identity::Organization(esign_core::x509::Organization {
        common_name: "Arxiv".into(),
        organization: "Sınaq MMC".into(),
        identifier: None,
        country: "AZ".into(),
    });
    let request = trial
        .centre
        .request(csr.der(), &firm, "tls-client", &who(4))
        .unwrap();
    trial.centre.approve(&request, &who(5)).unwrap();
    let tbs = [&[0x30, 0x04, 0x02, 0x02, 0x12, 0x34][..]].concat();
    let intend = Change::Intend(Intent {
        id,
        request,
        tbs,
        not_before: at(5),
        not_after: at(6),
        shard: 0,
    });
    let act = Act {
        by: Name::new("officer").unwrap(),
        at: at(6),
        why: String::new(),
        change: intend,
    };
    trial.store().commit(vec![act]).unwrap();
    for serial in [
        "1234",
        "99",
        "0",
        "80",
        "7fffffffffffffffffffffffffffffffffffffff",
    ] {
        let serial = SerialNumber::parse_hex(serial).unwrap();
        let plain = trial.status(&trial.responder(false), &serial, 10);
        assert_eq!(plain, CertStatus::Unknown, "{serial}");
        // RFC 6960 2.2 and 4.4.8
        let extended = trial.responder(true);
        let asked = vec![trial.id(&serial, DigestAlgorithm::Sha256)];
        let answer = basic(&extended.answer(&built(asked, None), at(10)).der);
        assert!(answer.extended_revoke());
        assert_eq!(
            answer.singles()[0].status,
            CertStatus::Revoked {
                at: UnixTime::from_seconds(0),
                reason: Some(ListReason::CertificateHold),
            }
        );
    }
}

#[test]
fn nonces_and_digests_are_those_of_the_standard() {
    let trial = Trial::new();
    let responder = trial.responder(false);
    let serial = trial.certificate.serial();
    for (length, repeated) in [
        (1, false),
        (15, false),
        (16, true),
        (32, true),
        (33, false),
        (128, false),
    ] {
        let asked = vec![trial.id(serial, DigestAlgorithm::Sha256)];
        let answer = responder.answer(&built(asked, Some(length)), at(10));
        let back = basic(&answer.der)
            .nonce()
            .map(|nonce| nonce.as_bytes().len());
        assert_eq!(back, repeated.then_some(length), "{length}");
        assert_eq!(answer.kept.is_none(), repeated, "{length}");
    }
    for algorithm in [
        DigestAlgorithm::Sha1,
        DigestAlgorithm::Sha256,
        DigestAlgorithm::Sha384,
        DigestAlgorithm::Sha512,
    ] {
        let asked = vec![trial.id(serial, algorithm)];
        let answer = responder.answer(&built(asked, None), at(10));
        assert_eq!(basic(&answer.der).singles()[0].status, CertStatus::Good);
    }
    // Several at once, one of another issuer: of that one nothing is known.
    let root = trial.centre.certificate(Which::Root);
    let stranger = CertId::new(serial.clone(), root, DigestAlgorithm::Sha256).unwrap();
    let own = trial.id(serial, DigestAlgorithm::Sha256);
    let answer = responder.answer(&built(vec![own.clone(), stranger.clone()], None), at(10));
    let told: Vec<_> = basic(&answer.der)
        .singles()
        .iter()
        .map(|s| s.status)
        .collect();
    assert_eq!(told, [CertStatus::Good, CertStatus::Unknown]);
    let answer = responder.answer(&built(vec![stranger, own], None), at(10));
    assert_eq!(refused(&answer.der), ResponseStatus::Unauthorized);
}

#[test]
fn what_is_no_request_is_answered_so() {
    let trial = Trial::new();
    let responder = trial.responder(false);
    let asked = vec![trial.id(trial.certificate.serial(), DigestAlgorithm::Sha1)];
    let good = built(asked.clone(), Some(32));
    assert!(!responder.answer(&good, at(10)).der.is_empty());
    for bad in [
        &[][..],
        b"x",
        &good[..good.len() - 1],
        &[good.as_slice(), &[0]].concat(),
    ] {
        let answer = responder.answer(bad, at(10));
        assert_eq!(refused(&answer.der), ResponseStatus::MalformedRequest);
        assert_eq!(answer.kept, None);
    }
    // Every octet turned: an answer in each case, and "good" of this certificate alone.
    for i in 0..good.len() {
        let mut turned = good.clone();
        turned[i] ^= 0xff;
        let answer = responder.answer(&turned, at(10));
        let response = OcspResponse::from_der(&answer.der).unwrap();
        if let Some(basic) = response.basic {
            for single in basic.singles() {
                assert!(
                    single.status != CertStatus::Good || single.id == asked[0],
                    "octet {i}"
                );
            }
        }
    }
    let many = vec![asked[0].clone(); 101];
    let answer = responder.answer(&built(many, None), at(10));
    assert_eq!(refused(&answer.der), ResponseStatus::MalformedRequest);
    let most = vec![asked[0].clone(); 100];
    assert_eq!(
        basic(&responder.answer(&built(most, None), at(10)).der)
            .singles()
            .len(),
        100
    );
}

fn on_disk(dir: &Path) -> esign_core::crl::Crl {
    let octets = std::fs::read(dir.join("crl/issuing.crl")).unwrap();
    esign_core::crl::Crl::from_der(&octets).unwrap()
}

fn number(list: &esign_core::crl::Crl) -> SerialNumber {
    list.number().unwrap().unwrap()
}

#[test]
fn lists_follow_changes_and_the_clock() {
    let trial = Trial::new();
    let publisher = trial.publisher();
    let first = publisher.publish_if_due(at(10)).unwrap().remove(0);
    assert!(first.is_empty() && on_disk(&trial.dir).der() == first.der());
    assert!(publisher.publish_if_due(at(11)).unwrap().is_empty());
    let serial = trial.certificate.serial();
    trial.centre.suspend(serial, "asked", &who(12)).unwrap();
    let second = publisher.publish_if_due(at(12)).unwrap().remove(0);
    assert_eq!(
        second.find(serial).unwrap().unwrap().reason,
        Some(ListReason::CertificateHold)
    );
    assert!(publisher.publish_if_due(at(13)).unwrap().is_empty());
    trial.centre.restore(serial, "asked", &who(14)).unwrap();
    let third = publisher.publish_if_due(at(14)).unwrap().remove(0);
    assert!(third.is_empty());
    // Half of its life later the next one is there, without a change.
    assert!(
        publisher
            .publish_if_due(at(14 + 43_199))
            .unwrap()
            .is_empty()
    );
    let fourth = publisher.publish_if_due(at(14 + 43_200)).unwrap().remove(0);
    let numbers = [&first, &second, &third, &fourth].map(|list| {
        let linted = lint::crl(list.der());
        assert!(
            linted.worst() < Some(lint::Severity::Warning),
            "{:?}",
            linted.hits
        );
        list.verify_signed_by(trial.issuing().public_key().unwrap())
            .unwrap();
        number(list)
    });
    for pair in numbers.windows(2) {
        assert!(pair[0].as_bytes() < pair[1].as_bytes(), "{numbers:?}");
    }
    // A clock that was set back makes no list that is older than the one before.
    let error = publisher.publish(at(15)).unwrap_err();
    assert!(error.to_string().contains("set back"), "{error}");
}

#[test]
fn a_store_restored_from_a_backup_reuses_no_number() {
    let trial = Trial::new();
    let publisher = trial.publisher();
    publisher.publish(at(10)).unwrap();
    let backup = trial.dir.join("backup.sqlite");
    drop(publisher);
    // All connections are closed but the centre's, which only reads now: one file is the whole.
    std::fs::copy(trial.dir.join("store.sqlite"), &backup).unwrap();
    let wal = trial.dir.join("store.sqlite-wal");
    if wal.exists() {
        std::fs::copy(&wal, trial.dir.join("backup.sqlite-wal")).unwrap();
    }
    let lost = trial.publisher().publish(at(20)).unwrap();
    let restored: Arc<dyn Store> = Arc::new(SqliteStore::open(&backup).unwrap());
    let issuer = KeyId::of_spki(trial.issuing().spki_der());
    let known = restored.latest_crl_number(&issuer, 0).unwrap().unwrap();
    let before = SerialNumber::from_magnitude(&known.to_be_bytes());
    assert!(before.as_bytes() < number(&lost).as_bytes());
    let publisher = Publisher::new(
        restored,
        Authority::new(trial.issuing().clone()).unwrap(),
        trial.key(),
        "issuing".to_owned(),
        PublisherOptions::new(trial.dir.join("crl"), 86_400),
    );
    let next = publisher.publish(at(21)).unwrap();
    assert!(number(&next).as_bytes() > number(&lost).as_bytes());
}

#[test]
fn a_list_that_cannot_be_written_is_due_again() {
    let trial = Trial::new();
    let publisher = trial.publisher();
    let folder = trial.dir.join("crl");
    std::fs::remove_dir_all(&folder).unwrap();
    // The number is taken, the file is not there, the store says nothing of a list.
    assert!(publisher.publish_if_due(at(10)).is_err());
    let issuer = KeyId::of_spki(trial.issuing().spki_der());
    let store = trial.store();
    assert!(store.latest_crl(&issuer, 0).unwrap().is_none());
    let taken = store.latest_crl_number(&issuer, 0).unwrap().unwrap();
    std::fs::create_dir(&folder).unwrap();
    let list = publisher.publish_if_due(at(10)).unwrap().remove(0);
    assert!(store.latest_crl(&issuer, 0).unwrap().unwrap().number > taken);
    assert_eq!(on_disk(&trial.dir).der(), list.der());
}
