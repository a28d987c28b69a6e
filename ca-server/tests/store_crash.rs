//! Kills a process with SIGKILL in the middle of its commits, again and again: whatever it was told
//! is done must be there, whole, and everything must hold together.
//!
//! `cargo test -p ca-server --test store_crash -- --rounds 200` does more rounds than usual.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    missing_docs,
    reason = "a test that meets the unexpected should stop"
)]

mod suite;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use ca_server::acts::{Act, Change};
use ca_server::ids::KeyId;
use ca_server::records::RevocationReason;
use ca_server::store::sqlite::SqliteStore;
use ca_server::store::{Outcome, StatusFilter, Store};
use suite::data::{act, certificate, document, id, issuance, issuer, tbs};

/// Rounds without `--rounds`: each takes some 100 ms.
const ROUNDS: u32 = 10;
/// Documents in a batch.
const BATCH: u64 = 5;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some("child") => child(Path::new(&arguments[2]), arguments[3].parse().unwrap()),
        Some("--rounds") => rounds(arguments[2].parse().unwrap()),
        // As a test runner lists what there is.
        Some("--list") => println!("killed_in_the_middle: test"),
        _ => rounds(ROUNDS),
    }
}

fn batch(first: u64) -> Vec<Act> {
    (first..first + BATCH)
        .map(|n| act("edliyye", 0, Change::RegisterDocument(document(n))))
        .collect()
}

fn revocation(serial: u32) -> Act {
    let reason = RevocationReason::Superseded;
    act(
        "officer",
        9,
        Change::Revoke {
            id: id(1, serial),
            reason,
            invalidity_date: None,
        },
    )
}

/// Commits without end from several threads; tells each act on stdout once it is done.
fn child(path: &Path, round: u32) {
    let store = SqliteStore::open(path).unwrap();
    store
        .commit(vec![act("admin", 0, Change::AddIssuer(issuer(1)))])
        .unwrap();
    let tell = |line: String| {
        // One write for a line; whoever reads it may kill at once.
        std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
    };
    std::thread::scope(|scope| {
        for thread in 0..2u64 {
            let (store, tell) = (&store, &tell);
            scope.spawn(move || {
                for n in 0.. {
                    let first = (u64::from(round) << 40) | (thread << 32) | (n * BATCH);
                    store.commit(batch(first)).unwrap();
                    tell(format!("documents {first}\n"));
                }
            });
        }
        for thread in 0..2u32 {
            let (store, tell) = (&store, &tell);
            scope.spawn(move || {
                for n in 1.. {
                    let serial = (round << 20) | (thread << 16) | n;
                    for step in issuance(1, serial, None, 0) {
                        store.commit(vec![step]).unwrap();
                    }
                    tell(format!("issued {serial}\n"));
                    store.commit(vec![revocation(serial)]).unwrap();
                    tell(format!("revoked {serial}\n"));
                }
            });
        }
        let (store, tell) = (&store, &tell);
        scope.spawn(move || {
            let issuer = KeyId([1; 32]);
            loop {
                let number = store
                    .latest_crl_number(&issuer, 0)
                    .unwrap()
                    .map_or(1, |n| n + 1);
                let reserve = Change::ReserveCrlNumber {
                    issuer,
                    shard: 0,
                    number,
                };
                store.commit(vec![act("crl", 0, reserve)]).unwrap();
                tell(format!("crl {number}\n"));
            }
        });
    });
}

fn rounds(rounds: u32) {
    let folder = std::env::temp_dir().join(format!("ca-store-crash-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let path = folder.join("centre.db");
    let mut told = BTreeSet::new();
    let mut crl_numbers = BTreeSet::new();
    for round in 0..rounds {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["child".as_ref(), path.as_os_str()])
            .arg(round.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // The first word comes once it is under way; then a different moment each round.
        let first = lines.next().unwrap().unwrap();
        let delay = Duration::from_micros(2_000 + u64::from(round) * 7_919 % 60_000);
        let killer = std::thread::spawn(move || {
            std::thread::sleep(delay);
            // SIGKILL: nothing is flushed, no destructor runs.
            child.kill().unwrap();
            let status = child.wait().unwrap();
            assert_eq!(status.code(), None, "it ended by itself: {status}");
        });
        let mut heard = vec![first];
        // The last line may be cut by the end.
        heard.extend(lines.map_while(Result::ok));
        killer.join().unwrap();
        for line in heard {
            let Some((what, number)) = line.split_once(' ') else {
                continue;
            };
            let Ok(number) = number.parse::<u64>() else {
                continue;
            };
            if what == "crl" {
                assert!(
                    crl_numbers.insert(number),
                    "CRL number {number} was given twice"
                );
            } else {
                told.insert((what.to_owned(), number));
            }
        }
        examine(&path, &told, &crl_numbers);
    }
    println!(
        "{rounds} rounds, {} acts told, none lost",
        told.len() + crl_numbers.len()
    );
    assert!(told.len() > usize::try_from(rounds).unwrap());
    std::fs::remove_dir_all(&folder).unwrap();
}

fn examine(path: &Path, told: &BTreeSet<(String, u64)>, crl_numbers: &BTreeSet<u64>) {
    let store = SqliteStore::open(path).unwrap();
    store.check().unwrap();
    let mut revoked = BTreeSet::new();
    let visit = &mut |entry: ca_server::records::StatusEntry| {
        revoked.insert(entry.id.serial);
        ControlFlow::Continue(())
    };
    store
        .visit_status(&KeyId([1; 32]), None, StatusFilter::Revoked, visit)
        .unwrap();
    for (what, number) in told {
        let number = *number;
        match what.as_str() {
            "documents" => {
                for n in number..number + BATCH {
                    let found = store.document(&document(n).locator).unwrap();
                    assert_eq!(found.map(|record| record.document), Some(document(n)));
                }
            }
            "issued" => {
                let serial = u32::try_from(number).unwrap();
                let found = store.certificate(&id(1, serial)).unwrap().unwrap();
                assert_eq!(found.certificate, Some(certificate(&tbs(serial, b"rest"))));
                assert!(found.published_at.is_some());
            }
            "revoked" => {
                let serial = u32::try_from(number).unwrap();
                assert!(revoked.contains(&id(1, serial).serial));
            }
            other => panic!("told of {other}"),
        }
    }
    let latest = store.latest_crl_number(&KeyId([1; 32]), 0).unwrap();
    assert!(latest >= crl_numbers.last().copied());

    // Batches are whole, told or not, and every act has one audit entry.
    let mut registered: BTreeSet<String> = BTreeSet::new();
    let mut kinds = std::collections::BTreeMap::<String, u64>::new();
    store
        .visit_audit(0, &mut |entry| {
            *kinds.entry(entry.kind.clone()).or_default() += 1;
            if entry.kind == "document.register" {
                let body: serde_json::Value = serde_json::from_str(&entry.body).unwrap();
                let locator = body["locator"].as_str().unwrap().to_owned();
                assert!(registered.insert(locator), "two entries for one document");
            }
            ControlFlow::Continue(())
        })
        .unwrap();
    let count = |kind: &str| kinds.get(kind).copied().unwrap_or(0);
    assert_eq!(count("document.register") % BATCH, 0, "a batch is torn");
    assert_eq!(Some(count("crl.reserve")), latest.or(Some(0)));
    assert_eq!(
        count("certificate.revoke"),
        u64::try_from(revoked.len()).unwrap()
    );
    assert!(count("certificate.intend") >= count("certificate.issue"));
    let open = u64::try_from(store.open_intents().unwrap().len()).unwrap();
    assert_eq!(
        count("certificate.intend") - count("certificate.issue"),
        open
    );
    // What was under way goes on: a repeated act finds itself done or does itself now.
    if let Some((_, first)) = told.iter().find(|(what, _)| what == "documents") {
        let outcomes = store.commit(batch(*first)).unwrap().outcomes;
        assert!(
            outcomes
                .iter()
                .all(|outcome| *outcome == Outcome::AlreadyDone)
        );
    }
}
