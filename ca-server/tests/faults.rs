//! The service killed at random moments under load: what a client was told stays true.
//!
//! `ESIGN_FAULT_ROUNDS` says how often (3 without it); docs/reliability.md has the figures of more.

#![cfg(feature = "http")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected should stop"
)]

mod served;

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ca_server::store::Store;
use ca_server::store::sqlite::SqliteStore;
use esign_core::ocsp::CertStatus;
use serde_json::{Value, json};
use served::{Officer, Server, csr, person, status_of};

/// What clients were told.
#[derive(Default)]
struct Told {
    /// Serial numbers and certificates that were given to a client.
    issued: Vec<(String, Value)>,
    /// Serial numbers whose revocation was confirmed.
    revoked: Vec<String>,
    /// Numbers of the lists that were seen, with the digest of each.
    lists: HashMap<Vec<u8>, [u8; 32]>,
}

fn rounds() -> u32 {
    std::env::var("ESIGN_FAULT_ROUNDS").map_or(3, |text| text.parse().unwrap())
}

/// Asks for certificates until the service is gone.
fn issue(server: &Server, told: &Mutex<Told>) {
    let registrar = Officer::of(server, "registrar");
    loop {
        let order = json!({"csr": csr(), "profile": "tls-client", "identity": person("5ABC12Z")});
        let Some((201, made)) = registrar.try_post("/api/v1/requests", &order) else {
            return;
        };
        let path = format!("/api/v1/requests/{}/issue", made["id"].as_str().unwrap());
        let Some((200, issued)) = registrar.try_post(&path, &json!({})) else {
            return;
        };
        let serial = issued["serial"].as_str().unwrap().to_owned();
        let mut told = told.lock().unwrap();
        told.issued.push((serial, issued["certificate"].clone()));
    }
}

/// Revokes every third certificate until the service is gone.
fn revoke(server: &Server, told: &Mutex<Told>) {
    let officer = Officer::of(server, "revocation-officer");
    let order = json!({"why": "fault test", "reason": "superseded"});
    loop {
        let next = {
            let told = told.lock().unwrap();
            let mut serials = told.issued.iter().step_by(3).map(|(serial, _)| serial);
            serials.nth(told.revoked.len()).cloned()
        };
        let Some(serial) = next else {
            std::thread::sleep(Duration::from_millis(5));
            if officer.try_post("/api/v1/none", &json!({})).is_none() {
                return;
            }
            continue;
        };
        let path = format!("/api/v1/certificates/{serial}/revoke");
        let Some((status, answer)) = officer.try_post(&path, &order) else {
            return;
        };
        assert_eq!(status, 200, "{answer}");
        told.lock().unwrap().revoked.push(serial);
    }
}

/// Looks at the published list as often as it can: it is always whole, and no number comes twice.
fn watch(server: &Server, told: &Mutex<Told>, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        look_at_list(server, told);
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn look_at_list(server: &Server, told: &Mutex<Told>) {
    let octets = std::fs::read(server.dir.join("crl/issuing.crl")).unwrap();
    let list = esign_core::crl::Crl::from_der(&octets).unwrap();
    let number = list.number().unwrap().unwrap().as_bytes().to_vec();
    let before = told
        .lock()
        .unwrap()
        .lists
        .insert(number.clone(), list.sha256());
    assert!(
        before.is_none_or(|digest| digest == list.sha256()),
        "list number {number:?} was published with two contents"
    );
}

#[test]
fn what_clients_were_told_survives_every_crash() {
    let mut server = Server::start();
    let told = Mutex::new(Told::default());
    let mut moment = u64::from(std::process::id());
    for round in 0..rounds() {
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let (server, told, stop) = (&server, &told, &stop);
            scope.spawn(move || issue(server, told));
            scope.spawn(move || issue(server, told));
            scope.spawn(move || revoke(server, told));
            scope.spawn(move || watch(server, told, stop));
            // A linear congruence is as good as any: the scheduler adds its own.
            moment = moment
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            std::thread::sleep(Duration::from_millis(150 + (moment >> 33) % 1_200));
            let killed = std::process::Command::new("kill")
                .args(["-KILL", &server.child.id().to_string()])
                .status();
            assert!(killed.unwrap().success());
            stop.store(true, Ordering::Relaxed);
        });
        server.crash_and_start_again();
        look_at_list(&server, &told);
        let told = told.lock().unwrap();
        let auditor = Officer::of(&server, "auditor");
        for (serial, certificate) in &told.issued {
            let (status, answer) = auditor.get(&format!("/api/v1/certificates/{serial}"));
            assert_eq!(status, 200, "round {round}: {serial} is lost");
            assert_eq!(
                answer["certificate"], *certificate,
                "round {round}: {serial}"
            );
        }
        for serial in &told.revoked {
            assert!(
                matches!(status_of(&server, serial), CertStatus::Revoked { .. }),
                "round {round}: {serial} was revoked and is not"
            );
        }
    }
    let told = told.into_inner().unwrap();
    let mut serials: Vec<_> = told.issued.iter().map(|(serial, _)| serial).collect();
    let count = serials.len();
    serials.sort_unstable();
    serials.dedup();
    assert_eq!(serials.len(), count, "a serial number was given twice");
    assert!(count > 0 && !told.revoked.is_empty() && told.lists.len() > 1);
    // Storage is whole, and the audit log has no gap.
    let store = SqliteStore::open(&server.dir.join("store.sqlite")).unwrap();
    store.check().unwrap();
    let mut last = 0;
    store
        .visit_audit(0, &mut |entry| {
            assert_eq!(entry.id, last + 1, "an audit entry is missing");
            last = entry.id;
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
    println!(
        "{} rounds: {count} certificates issued, {} revoked, {} lists seen, {last} audit entries; none lost",
        rounds(),
        told.revoked.len(),
        told.lists.len()
    );
}
