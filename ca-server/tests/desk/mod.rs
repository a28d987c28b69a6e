//! A centre in a folder whose officers act at times of the test's choosing.

#![allow(dead_code, reason = "each test file uses a part")]

use std::path::Path;
use std::sync::Arc;

use ca_server::centre::{Authority, Centre, InitOptions, Settings, Who};
use ca_server::ids::{KeyId, Name, RequestId};
use ca_server::life::{Actor, IssuingKey, Life, NewRequest};
use ca_server::officers::{Officer, Role};
use ca_server::records::RequestStatus;
use ca_server::store::sqlite::SqliteStore;
use esign_core::keys::{Curve, KeySpec, PrivateKey, SigningKey};
use esign_core::oid::COMMON_NAME;
use esign_core::time::UnixTime;
use esign_core::x509::{
    Certificate, Identity, NameBuilder, NaturalPerson, PersonIdentifier, Request, SerialNumber,
};

/// 2026-11-23.
pub(crate) const NOON: i64 = 1_795_435_200;
pub(crate) const DAY: i64 = 86_400;

/// A centre in which natural persons' certificates need one approval; the clock stands at noon of its
/// first day plus the test's days.
pub(crate) struct Case {
    pub(crate) life: Life,
    pub(crate) dir: std::path::PathBuf,
}

impl Drop for Case {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

pub(crate) fn actor(name: &str, role: Role, days: i64) -> Actor {
    Actor {
        officer: Officer::new(
            Name::new(name).unwrap(),
            KeyId::of_spki(name.as_bytes()),
            [role],
        ),
        at: UnixTime::from_seconds(NOON + days * DAY),
    }
}

pub(crate) fn key() -> PrivateKey {
    PrivateKey::generate(KeySpec::Ec(Curve::P256)).unwrap()
}

pub(crate) fn csr(key: &PrivateKey) -> Vec<u8> {
    let name = NameBuilder::new().with(COMMON_NAME, "x").build().unwrap();
    Request::sign(&name, key).unwrap().der().to_vec()
}

pub(crate) fn aynur() -> Identity {
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
    pub(crate) fn new(name: &str) -> Self {
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
    pub(crate) fn first(&self, key: &PrivateKey) -> SerialNumber {
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

    pub(crate) fn issued(&self, request: RequestId, days: i64) -> SerialNumber {
        let approver = actor("approver", Role::Approver, days);
        let status = self.life.approve(&approver, &request).unwrap();
        assert_eq!(status, RequestStatus::Approved);
        let issued = self.life.issue(&approver, &request).unwrap();
        SerialNumber::from(&issued.id.serial)
    }

    pub(crate) fn certificate(&self, serial: &SerialNumber) -> Certificate {
        let record = self.life.find(serial).unwrap();
        Certificate::from_der(&record.certificate.unwrap()).unwrap()
    }
}
