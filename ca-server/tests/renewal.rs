//! Renewal and re-keying: who may, of what, for how long; the clock is moved by the test.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected should stop"
)]

use std::path::Path;
use std::sync::Arc;

use ca_server::centre::{Authority, Centre, InitOptions, Settings, Who};
use ca_server::ids::{KeyId, Name};
use ca_server::life::{Actor, IssuingKey, Life, NewRequest, Renewing, Revocation};
use ca_server::officers::{Officer, Role};
use ca_server::records::{RequestStatus, RevocationReason};
use ca_server::store::sqlite::SqliteStore;
use esign_core::cades::{SignatureParameters, sign_enveloping};
use esign_core::keys::{Curve, KeySpec, PrivateKey, SigningKey};
use esign_core::oid::COMMON_NAME;
use esign_core::time::UnixTime;
use esign_core::x509::{
    Certificate, Identity, NameBuilder, NaturalPerson, PersonIdentifier, Request, SerialNumber,
};

/// 2026-11-23.
const NOON: i64 = 1_795_435_200;
const DAY: i64 = 86_400;

/// A centre in which natural persons' certificates need one approval; the clock stands at noon of its
/// first day plus the test's days.
struct Case {
    life: Life,
    dir: std::path::PathBuf,
}

impl Drop for Case {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

fn actor(name: &str, role: Role, days: i64) -> Actor {
    Actor {
        officer: Officer::new(
            Name::new(name).unwrap(),
            KeyId::of_spki(name.as_bytes()),
            [role],
        ),
        at: UnixTime::from_seconds(NOON + days * DAY),
    }
}

fn key() -> PrivateKey {
    PrivateKey::generate(KeySpec::Ec(Curve::P256)).unwrap()
}

fn csr(key: &PrivateKey) -> Vec<u8> {
    let name = NameBuilder::new().with(COMMON_NAME, "x").build().unwrap();
    Request::sign(&name, key).unwrap().der().to_vec()
}

fn aynur() -> Identity {
    Identity::NaturalPerson(NaturalPerson {
        given_name: "Aynur".to_owned(),
        surname: "Məmmədova".to_owned(),
        identifier: PersonIdentifier::Passport {
            country: "AZ".to_owned(),
            number: "C1234567".to_owned(),
        },
        country: "AZ".to_owned(),
        organization: None,
        title: None,
    })
}

impl Case {
    fn new(name: &str) -> Self {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("renewal-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        let mut options = InitOptions::new("Test", "Test MMC");
        options.test = true;
        let who = Who {
            by: Name::new("setup").unwrap(),
            at: UnixTime::from_seconds(NOON - DAY),
        };
        let centre = Centre::init(&dir, &options, None, &who).unwrap();
        let issuing = centre.certificate(Authority::Issuing).clone();
        drop(centre);
        let pem = std::fs::read(dir.join("keys/issuing.pem")).unwrap();
        let key: Arc<dyn SigningKey> = Arc::new(PrivateKey::from_file(&pem, None).unwrap());
        let text = std::fs::read_to_string(dir.join("centre.toml")).unwrap();
        let mut settings: Settings = toml::from_str(&text).unwrap();
        for one in &mut settings.profiles {
            one.requesters = vec![Role::Client, Role::Registrar];
            if one.profile.name == "natural-person" {
                one.approvals_by_others = 1;
                one.profile.validity_days = 100;
            }
        }
        let store = Arc::new(SqliteStore::open(&dir.join("store.sqlite")).unwrap());
        let issuing = vec![IssuingKey::new(issuing, key).unwrap()];
        Self {
            life: Life::new(store, Arc::new(settings), issuing).unwrap(),
            dir,
        }
    }

    /// The certificate of a client's request for `key`, vetted and approved on day 0.
    fn first(&self, key: &PrivateKey) -> SerialNumber {
        let request = self
            .life
            .receive(
                &actor("service", Role::Client, 0),
                &NewRequest {
                    csr: &csr(key),
                    identity: &aynur(),
                    profile: "natural-person",
                    listed: true,
                },
            )
            .unwrap();
        let registrar = actor("registrar", Role::Registrar, 0);
        self.life.vet(&registrar, &request, &aynur(), true).unwrap();
        self.issued(request, 0)
    }

    fn issued(&self, request: ca_server::ids::RequestId, days: i64) -> SerialNumber {
        let approver = actor("approver", Role::Approver, days);
        let status = self.life.approve(&approver, &request).unwrap();
        assert_eq!(status, RequestStatus::Approved);
        let issued = self.life.issue(&approver, &request).unwrap();
        SerialNumber::from(&issued.id.serial)
    }

    fn certificate(&self, serial: &SerialNumber) -> Certificate {
        let record = self.life.find(serial).unwrap();
        Certificate::from_der(&record.certificate.unwrap()).unwrap()
    }

    #[track_caller]
    fn refused(&self, actor: &Actor, serial: &SerialNumber, how: Renewing<'_>, words: &[&str]) {
        let error = self.life.renew(actor, serial, how, "").unwrap_err();
        let error = error.to_string();
        for word in words {
            assert!(error.contains(word), "{word}: {error}");
        }
    }
}

fn lost(reason: RevocationReason) -> Revocation {
    Revocation {
        reason,
        invalidity_date: None,
    }
}

#[test]
fn the_same_key_goes_on_for_as_long_as_the_profile_lets() {
    let case = Case::new("same-key");
    let own = key();
    let first = case.first(&own);
    let service = |days| actor("service", Role::Client, days);
    let request = case
        .life
        .renew(&service(90), &first, Renewing::SameKey, "")
        .unwrap();
    // While it is open there is no second one, and nobody says that it is about somebody else.
    case.refused(
        &service(90),
        &first,
        Renewing::SameKey,
        &["is being renewed by request"],
    );
    let registrar = actor("registrar", Role::Registrar, 90);
    let error = case.life.vet(&registrar, &request, &aynur(), true);
    assert!(error.unwrap_err().to_string().contains("another identity"));
    // Who vetted the person then may not approve now.
    let vetter = actor("registrar", Role::Approver, 90);
    let error = case.life.approve(&vetter, &request).unwrap_err();
    assert!(error.to_string().contains("vetted by registrar"), "{error}");
    let second = case.issued(request, 90);
    let (old, new) = (case.certificate(&first), case.certificate(&second));
    assert_eq!(old.spki_der(), new.spki_der());
    assert_eq!(old.subject().der(), new.subject().der());
    assert_eq!(new.not_before(), UnixTime::from_seconds(NOON + 90 * DAY));
    // Linked both ways, and found with the holder.
    let record = |serial| case.life.find(serial).unwrap();
    let links = case.life.neighbours(&record(&second)).unwrap();
    assert_eq!(links.former, Some(record(&first).id));
    assert_eq!(links.successor, None);
    let links = case.life.neighbours(&record(&first)).unwrap();
    assert_eq!(links.successor, Some(record(&second).id));
    assert_eq!(record(&first).holder, record(&second).holder);
    let view = case.life.request(&registrar, &request).unwrap();
    assert_eq!(view.vetted_by, Some(Name::new("registrar").unwrap()));
    assert!(view.subject.unwrap().listed);

    case.refused(
        &service(95),
        &first,
        Renewing::SameKey,
        &["was renewed by certificate"],
    );
    // 200 days from the first certificate: another of 100 days would end on day 201.
    case.refused(
        &service(101),
        &second,
        Renewing::SameKey,
        &["may be for 200 days", "ask with a new key"],
    );
    // With a new key it goes on until the vetting is 200 days old, to the second.
    case.refused(
        &Actor {
            at: UnixTime::from_seconds(NOON + 200 * DAY + 1),
            ..service(0)
        },
        &second,
        Renewing::NewKey(&csr(&key())),
        &["was vetted", "counts for 200 days"],
    );
    let again = key();
    let request = case
        .life
        .renew(&service(189), &second, Renewing::NewKey(&csr(&again)), "")
        .unwrap();
    let third = case.issued(request, 189);
    assert_eq!(
        case.certificate(&third).spki_der(),
        again.public_key().spki()
    );
    // The third was certified 189 days after the vetting, and that is what counts.
    case.refused(
        &service(201),
        &third,
        Renewing::NewKey(&csr(&key())),
        &["counts for 200 days"],
    );
}

#[test]
fn what_is_not_good_any_more_is_not_renewed() {
    let case = Case::new("not-good");
    let own = key();
    let first = case.first(&own);
    let officer = |days| actor("officer", Role::RevocationOfficer, days);
    let registrar = |days| actor("registrar", Role::Registrar, days);
    case.life
        .suspend(&officer(1), &first, None, "card mislaid")
        .unwrap();
    for how in [Renewing::SameKey, Renewing::NewKey(&csr(&key()))] {
        case.refused(&registrar(2), &first, how, &["is suspended"]);
    }
    case.life.restore(&officer(3), &first, "found").unwrap();
    // Over: one second after its last.
    let end = case.certificate(&first).not_after();
    let late = Actor {
        at: end.plus(1),
        ..registrar(0)
    };
    case.refused(&late, &first, Renewing::NewKey(&csr(&key())), &["ended"]);

    // Revoked between approval and issuance: the renewal goes down with it.
    let request = case
        .life
        .renew(&registrar(4), &first, Renewing::SameKey, "")
        .unwrap();
    let approver = actor("approver", Role::Approver, 4);
    case.life.approve(&approver, &request).unwrap();
    let why = "stolen";
    case.life
        .revoke(
            &officer(5),
            &first,
            lost(RevocationReason::KeyCompromise),
            why,
        )
        .unwrap();
    let error = case
        .life
        .issue(&actor("approver", Role::Approver, 6), &request);
    let error = error.unwrap_err().to_string();
    assert!(error.contains("is revoked for good"), "{error}");
    case.refused(
        &registrar(7),
        &first,
        Renewing::NewKey(&csr(&key())),
        &["is revoked for good"],
    );

    // Nor does another certificate get the key that was compromised.
    let other = key();
    let second = case.first(&other);
    case.refused(
        &registrar(8),
        &second,
        Renewing::NewKey(&csr(&own)),
        &["was compromised"],
    );
    // A successor that was lost is no obstacle to another.
    let request = case
        .life
        .renew(&registrar(8), &second, Renewing::NewKey(&csr(&key())), "")
        .unwrap();
    let third = case.issued(request, 8);
    case.life
        .revoke(&officer(9), &third, lost(RevocationReason::Superseded), why)
        .unwrap();
    let request = case
        .life
        .renew(&registrar(9), &second, Renewing::SameKey, "")
        .unwrap();
    // And one that was refused is none either.
    case.life
        .refuse(&actor("approver", Role::Approver, 9), &request, "not now")
        .unwrap();
    case.life
        .renew(&registrar(9), &second, Renewing::SameKey, "")
        .unwrap();
}

#[test]
fn a_client_renews_his_own_or_what_the_holder_signed() {
    let case = Case::new("holder");
    let own = key();
    let first = case.first(&own);
    let stranger = actor("stranger", Role::Client, 1);
    let new = key();
    let request = csr(&new);
    for how in [Renewing::SameKey, Renewing::NewKey(&request)] {
        case.refused(&stranger, &first, how, &["its holder has to sign"]);
    }
    case.refused(
        &actor("auditor", Role::Auditor, 1),
        &first,
        Renewing::SameKey,
        &["is asked for by"],
    );
    let signed = |key: &PrivateKey, content: &[u8]| {
        let mut out = Vec::new();
        let parameters = SignatureParameters {
            signing_time: Some(UnixTime::from_seconds(NOON + DAY)),
            ..SignatureParameters::default()
        };
        let certificate = match key.public_key().spki() == own.public_key().spki() {
            true => case.certificate(&first),
            // A key of another certificate, which says that it is this one's.
            false => case.certificate(&case.first(key)),
        };
        sign_enveloping(content, &mut out, key, &certificate, &parameters).unwrap();
        out
    };
    let whole = signed(&own, &request);
    let mut changed = whole.clone();
    let place = changed
        .windows(request.len())
        .position(|part| part == request)
        .unwrap();
    changed[place + request.len() - 1] ^= 1;
    let behind = [whole.as_slice(), &[0]].concat();
    for (message, word) in [
        (changed, "not signed with the key"),
        (behind, "nothing behind it"),
        (signed(&key(), &request), "not signed with the key"),
        (signed(&own, b"no request"), "request:"),
        (request.clone(), "signed request"),
        (Vec::new(), "signed request"),
    ] {
        case.refused(&stranger, &first, Renewing::Signed(&message), &[word]);
    }
    let made = case
        .life
        .renew(
            &stranger,
            &first,
            Renewing::Signed(&whole),
            "the holder asks",
        )
        .unwrap();
    let second = case.issued(made, 2);
    assert_eq!(
        case.certificate(&second).spki_der(),
        new.public_key().spki()
    );
    // An authority's key is nobody's.
    let issuing = std::fs::read(case.dir.join("keys/issuing.pem")).unwrap();
    let issuing = PrivateKey::from_file(&issuing, None).unwrap();
    case.refused(
        &actor("registrar", Role::Registrar, 3),
        &second,
        Renewing::NewKey(&csr(&issuing)),
        &["an authority of this centre"],
    );
    // The other service's own is his without more.
    case.life
        .renew(&stranger, &second, Renewing::SameKey, "")
        .unwrap();
}
