//! The register of document codes as replicas of the real service on one PostgreSQL.

#![cfg(feature = "http")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected should stop"
)]

mod paper;
mod postgres;
mod served;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Barrier, Mutex, RwLock};
use std::time::{Duration, Instant};

use ca_server::audit::DirectoryTiles;
use esign_core::keys::{Curve, KeySpec, PrivateKey};
use esign_core::log::{Checkpoint, SignedNote, TileReader};
use esign_core::register::{Leaf, Standing, issue_commitment};
use paper::{Installed, Paper, hex, logged, look_up, register, settings, stop};
use postgres::Cluster;
use serde_json::{Value, json};
use served::{Officer, Server, installed, signal};

fn signer() -> PrivateKey {
    PrivateKey::generate(KeySpec::Ec(Curve::P256)).unwrap()
}

/// Folders of replicas on the database at `url`, with one register.
fn folders(url: &str, replicas: usize) -> (Vec<PathBuf>, Installed) {
    let register = Installed::new();
    let dirs = installed(url, replicas);
    for dir in &dirs {
        register.put(dir);
    }
    (dirs, register)
}

fn replica(dir: PathBuf, url: &str) -> Server {
    Server::with(dir, &settings(&[("CA_SERVER_STORE", url)]))
}

/// The look-up once the replica has compared store and log: within some seconds of its start.
fn answers(server: &Server) -> bool {
    let answer = server.ask(&format!("GET /register/answers/{}", "00".repeat(16)));
    answer.starts_with("HTTP/1.1 200")
}

fn wait_until(what: &str, done: impl Fn() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn one_redemption_whatever_the_replica() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let url = cluster.database("redeemed");
    let (dirs, installed) = folders(&url, 2);
    let servers: Vec<_> = dirs.into_iter().map(|dir| replica(dir, &url)).collect();
    for server in &servers {
        wait_until("the register answers", || answers(server));
    }
    let bodies: Vec<_> = servers
        .iter()
        .map(|server| Officer::of(server, "client"))
        .collect();
    let key = signer();
    for round in 0..10_u8 {
        let ticket = Paper::new(&key);
        register(&bodies[usize::from(round % 2)], 3, &[&ticket]);
        for server in &servers {
            logged(server, &installed, &ticket.code);
        }
        // Six at once, at both, under three keys.
        let barrier = Barrier::new(6);
        let done = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for n in 0..6_u8 {
                let (barrier, done, ticket) = (&barrier, &done, &ticket);
                let body = &bodies[usize::from(n % 2)];
                scope.spawn(move || {
                    let order = json!({
                        "locator": hex(&ticket.locator()), "key": hex(&[n / 2; 16]),
                    });
                    barrier.wait();
                    let answer = body.post("/api/v1/register/redemptions", &order);
                    done.lock().unwrap().push((n / 2, answer));
                });
            }
        });
        let done = done.into_inner().unwrap();
        let receipts: Vec<_> = done
            .iter()
            .filter(|(_, (status, _))| *status == 200)
            .map(|(key, (_, answer))| (*key, answer.to_string()))
            .collect();
        let different: HashSet<_> = receipts.iter().collect();
        assert_eq!(different.len(), 1, "round {round}: {done:?}");
        for (key, (status, answer)) in &done {
            let won = *key == receipts[0].0;
            assert_eq!(*status, if won { 200 } else { 409 }, "{answer}");
        }
        for server in &servers {
            let found = look_up(server, &installed, &ticket.code).0.found.unwrap();
            assert_eq!((found.status, found.seq), (Standing::Used, 2));
        }
    }
}

/// Locator and box by the body's key, as first told.
type Told = HashMap<[u8; 16], (Value, Value)>;

#[test]
fn what_bodies_were_told_stays_true_through_kills_and_pauses() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let url = cluster.database("registered");
    let (dirs, installed) = folders(&url, 2);
    let servers: Vec<_> = dirs
        .iter()
        .map(|dir| RwLock::new(replica(dir.clone(), &url)))
        .collect();
    let (over, key) = (AtomicBool::new(false), signer());
    let told: Mutex<Told> = Mutex::default();
    let codes = Mutex::new(HashMap::new());
    std::thread::scope(|scope| {
        for n in 0..4_usize {
            let (servers, over, told, codes, key) = (&servers, &over, &told, &codes, &key);
            scope.spawn(move || {
                let mut turn = n;
                while !over.load(Ordering::Relaxed) {
                    let name = paper::random();
                    let mut confirmed = 0;
                    while confirmed < 2 && !over.load(Ordering::Relaxed) {
                        // Made anew, and asked of the other replica.
                        turn += 1;
                        let body = {
                            let server = servers[turn % 2].read().unwrap();
                            Officer::patient(&server, "client", Duration::from_secs(3))
                        };
                        let paper = Paper::again(key, name);
                        let locator = hex(&paper.locator());
                        codes.lock().unwrap().insert(locator, paper.code);
                        let order = json!({"class": 1, "documents": [paper.json()]});
                        let Some((200, answer)) =
                            body.try_post("/api/v1/register/documents", &order)
                        else {
                            std::thread::sleep(Duration::from_millis(50));
                            continue;
                        };
                        let row = &answer["documents"][0];
                        assert_ne!(row["outcome"], "refused", "{row}");
                        let now = (row["locator"].clone(), row["box"].clone());
                        let mut told = told.lock().unwrap();
                        let first = told.entry(name).or_insert_with(|| now.clone());
                        assert_eq!(*first, now, "two answers to one key");
                        confirmed += 1;
                    }
                }
            });
        }
        std::thread::sleep(Duration::from_secs(3));
        // Paused beyond its lease: whatever it wakes up with is not to be done.
        signal(&servers[0].read().unwrap(), "STOP");
        std::thread::sleep(Duration::from_secs(13));
        signal(&servers[0].read().unwrap(), "CONT");
        std::thread::sleep(Duration::from_secs(3));
        for n in [1, 0, 1] {
            let mut server = servers[n].write().unwrap();
            server.child.kill().unwrap();
            server.child.wait().unwrap();
            let mut again = replica(dirs[n].clone(), &url);
            std::mem::swap(&mut server.child, &mut again.child);
            std::mem::swap(&mut server.address, &mut again.address);
            std::mem::swap(&mut server.operators, &mut again.operators);
            std::mem::forget(again);
            drop(server);
            std::thread::sleep(Duration::from_secs(2));
        }
        over.store(true, Ordering::Relaxed);
    });
    let (told, codes) = (told.into_inner().unwrap(), codes.into_inner().unwrap());
    assert!(told.len() > 50, "only {} were registered", told.len());
    let mut places = HashMap::new();
    for server in &servers {
        let server = server.read().unwrap();
        wait_until("the register answers", || answers(&server));
        for (locator, _) in told.values() {
            let code = &codes[locator.as_str().unwrap()];
            let found = logged(&server, &installed, code).found.unwrap();
            let place = places.entry(found.index.unwrap()).or_insert(found.digest);
            assert_eq!(*place, found.digest, "two documents at one place");
        }
    }
    assert_eq!(places.len(), told.len());
    // Both folders have the whole log, each leaf once.
    let mut roots = HashSet::new();
    let sizes: Vec<_> = dirs
        .iter()
        .map(|dir| {
            let tiles = DirectoryTiles::open(&dir.join("register-log")).unwrap();
            let note = tiles.checkpoint().unwrap().unwrap();
            let checkpoint = Checkpoint::of(&SignedNote::parse(note.as_bytes()).unwrap()).unwrap();
            let reader = TileReader::new(&tiles, checkpoint.size);
            let mut seen = HashSet::new();
            for bundle in 0..checkpoint.size.div_ceil(256) {
                for octets in reader.bundle(bundle).unwrap() {
                    let leaf = Leaf::decode(&octets).unwrap();
                    assert!(seen.insert(leaf.commitment), "a leaf twice");
                }
            }
            for digest in places.values() {
                assert!(seen.contains(&issue_commitment(digest, Some(&[0xf1; 32]))));
            }
            roots.insert((checkpoint.size, checkpoint.root.0));
            checkpoint.size
        })
        .collect();
    assert_eq!(roots.len(), 1, "{sizes:?}");
    println!("{} registered, {sizes:?} leaves", told.len());
}

/// A database that was put back is behind what a replica has published: it does not answer.
#[test]
fn a_database_that_was_put_back_does_not_answer() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let today = cluster.database("today");
    let (mut dirs, installed) = folders(&today, 1);
    let dir = dirs.remove(0);
    let server = replica(dir.clone(), &today);
    wait_until("the register answers", || answers(&server));
    let paper = Paper::new(&signer());
    register(&Officer::of(&server, "client"), 1, &[&paper]);
    logged(&server, &installed, &paper.code);
    stop(&server);
    std::mem::forget(server);
    cluster.sql("postgres", "CREATE DATABASE yesterday TEMPLATE today");
    let server = replica(dir.clone(), &today);
    wait_until("the register answers", || answers(&server));
    let order = json!({
        "locator": hex(&paper.locator()), "seq": 1, "status": "revoked", "why": "x",
    });
    let body = Officer::of(&server, "client");
    assert_eq!(body.post("/api/v1/register/statuses", &order).0, 200);
    std::thread::sleep(Duration::from_secs(3));
    stop(&server);
    std::mem::forget(server);
    let server = replica(dir, &cluster.url("yesterday"));
    let asked = format!("GET /register/answers/{}", hex(&paper.locator()));
    wait_until("store and log are compared", || {
        server.ask(&asked).contains("behind the published log")
    });
    // Not now, and not later.
    for _ in 0..30 {
        let answer = server.ask(&asked);
        assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
        std::thread::sleep(Duration::from_millis(100));
    }
    let refused = register(&Officer::of(&server, "client"), 1, &[&paper]);
    assert_eq!(refused.0, 503);
}
