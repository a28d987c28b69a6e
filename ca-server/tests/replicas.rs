//! Three replicas of the real service on one PostgreSQL, under load of issuance and revocation: one is
//! killed, one is paused beyond its lease, the database goes and comes back. What a client was told
//! stays true, at every replica.
//!
//! `ESIGN_FAULT_ROUNDS` says how often (once without it; a round takes some 25 seconds).

#![cfg(feature = "http")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected should stop"
)]

mod postgres;
mod served;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, RwLock};
use std::time::{Duration, Instant};

use ca_server::audit::{self, DirectoryTiles};
use ca_server::setup::LOG_KEY;
use ca_server::store::Store;
use ca_server::store::postgres::PostgresStore;
use esign_core::log::{NoteKey, SignedNote};
use esign_core::ocsp::{CertStatus, OcspResponse, ResponseStatus};
use postgres::Cluster;
use serde_json::{Value, json};
use served::{Officer, Server, csr, installed, ocsp_request, person, signal};

const REPLICAS: usize = 3;
/// Within what the origin tells of a change.
const TOLD: Duration = Duration::from_secs(1);

/// What clients were told.
#[derive(Default)]
struct Told {
    /// Serial numbers and certificates that were given to a client.
    issued: Vec<(String, Value)>,
    /// Serial numbers whose revocation was confirmed, and when.
    revoked: Vec<(String, Instant)>,
    /// Numbers of the lists that were seen anywhere, with the digest of each.
    lists: HashMap<Vec<u8>, [u8; 32]>,
    /// The number of the last list in each replica's folder.
    last: HashMap<PathBuf, Vec<u8>>,
    /// How often "good", "revoked" and nothing was answered.
    answers: [usize; 3],
}

struct Trial {
    cluster: Cluster,
    servers: Vec<RwLock<Server>>,
    told: Mutex<Told>,
    stop: AtomicBool,
    /// What a client of a paused or killed replica was not told.
    failed: AtomicUsize,
}

fn settings(url: &str) -> [(&str, &str); 2] {
    [("CA_SERVER_STORE", url), ("CA_SERVER_LOG__SECONDS", "1")]
}

/// An agent that does not wait for a paused replica for ever.
fn patient(server: &Server, name: &str) -> Officer {
    Officer::patient(server, name, Duration::from_secs(15))
}

impl Trial {
    fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn told(&self) -> std::sync::MutexGuard<'_, Told> {
        self.told.lock().unwrap()
    }

    /// Asks one replica for certificates, whatever becomes of it.
    fn issue(&self, replica: usize) {
        while !self.is_over() {
            let registrar = patient(&self.servers[replica].read().unwrap(), "registrar");
            let order =
                json!({"csr": csr(), "profile": "tls-client", "identity": person("5ABC12Z")});
            let issued = registrar
                .try_post("/api/v1/requests", &order)
                .filter(|(status, _)| *status == 201)
                .and_then(|(_, made)| {
                    let path = format!("/api/v1/requests/{}/issue", made["id"].as_str()?);
                    registrar.try_post(&path, &json!({}))
                });
            match issued {
                Some((200, issued)) => {
                    let serial = issued["serial"].as_str().unwrap().to_owned();
                    let certificate = issued["certificate"].clone();
                    self.told().issued.push((serial, certificate));
                }
                _ => {
                    self.failed.fetch_add(1, Ordering::Relaxed);
                    std::thread::sleep(Duration::from_millis(20));
                }
            }
        }
    }

    /// Revokes every second certificate, at one replica after another.
    fn revoke(&self) {
        let order = json!({"why": "fault test", "reason": "superseded"});
        let mut next = 0;
        for turn in 0.. {
            if self.is_over() {
                return;
            }
            let serial = self.told().issued.get(next).map(|one| one.0.clone());
            let Some(serial) = serial else {
                std::thread::sleep(Duration::from_millis(5));
                continue;
            };
            let server = self.servers[turn % REPLICAS].read().unwrap();
            let officer = patient(&server, "revocation-officer");
            drop(server);
            let path = format!("/api/v1/certificates/{serial}/revoke");
            match officer.try_post(&path, &order) {
                Some((200, _)) => {
                    self.told().revoked.push((serial, Instant::now()));
                    next += 2;
                }
                // Tried again elsewhere: the same revocation twice is one.
                Some((status, answer)) if status < 500 => panic!("{status}: {answer}"),
                _ => {
                    self.failed.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }

    /// Asks every replica for the status of what was revoked: it is never good again.
    fn ask(&self, replica: usize) {
        let mut turn = replica;
        while !self.is_over() {
            turn += 7;
            let asked = {
                let told = self.told();
                match told.revoked.len() {
                    0 => None,
                    n => Some(told.revoked[turn % n].clone()),
                }
            };
            let Some((serial, since)) = asked else {
                std::thread::sleep(Duration::from_millis(20));
                continue;
            };
            let server = self.servers[replica].read().unwrap();
            let (request, address) = (ocsp_request(&server, &serial), server.address.clone());
            drop(server);
            let before = since.elapsed();
            let status = status(&address, &request);
            let place = match status {
                Some(CertStatus::Good) => {
                    assert!(
                        before < TOLD,
                        "replica {replica}: {serial} was revoked {before:?} ago and is good"
                    );
                    0
                }
                Some(CertStatus::Revoked { .. }) => 1,
                Some(CertStatus::Unknown) => panic!("{serial} is unknown at replica {replica}"),
                None => 2,
            };
            self.told().answers[place] += 1;
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Looks at the lists of all replicas as often as it can.
    fn watch(&self) {
        while !self.is_over() {
            for server in &self.servers {
                self.look(&server.read().unwrap().dir);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn look(&self, dir: &Path) {
        for file in ["issuing.crl", "root.crl"] {
            let path = dir.join("crl").join(file);
            let octets = std::fs::read(&path).unwrap();
            let list = esign_core::crl::Crl::from_der(&octets).unwrap();
            let number = list.number().unwrap().unwrap().as_bytes().to_vec();
            let mut told = self.told();
            // Keys count apart.
            let name = [file.as_bytes(), &number].concat();
            let before = told.lists.insert(name, list.sha256());
            assert!(
                before.is_none_or(|digest| digest == list.sha256()),
                "number {number:?} of {file} was published with two contents"
            );
            let last = told.last.insert(path.clone(), number.clone());
            assert!(
                last.is_none_or(|last| last <= number),
                "{} went back to number {number:?}",
                path.display()
            );
        }
    }

    fn epoch(&self, lease: &str) -> u64 {
        let sql = format!("SELECT epoch FROM lease WHERE name = '{lease}'");
        self.cluster.sql("centre", &sql).parse().unwrap()
    }

    fn until(&self, what: &str, limit: Duration, done: impl Fn() -> bool) {
        let begun = Instant::now();
        while !done() {
            assert!(
                begun.elapsed() < limit,
                "{what} did not happen in {limit:?}"
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Certificates are issued, and lists are published: by the next holder of the lease at the latest.
    fn goes_on(&self) {
        let count = || {
            let told = self.told();
            (told.issued.len(), told.lists.len())
        };
        let before = count();
        self.until("issuance and a list", Duration::from_secs(30), || {
            let now = count();
            now.0 > before.0 + 5 && now.1 > before.1
        });
    }
}

fn status(address: &str, request: &[u8]) -> Option<CertStatus> {
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(15)))
        .build();
    let agent: ureq::Agent = config.into();
    let mut answer = agent
        .post(format!("http://{address}/ocsp"))
        .content_type("application/ocsp-request")
        .send(request)
        .ok()?;
    let der = answer.body_mut().read_to_vec().ok()?;
    let response = OcspResponse::from_der(&der).unwrap();
    if response.status == ResponseStatus::TryLater {
        return None;
    }
    Some(response.basic.unwrap().singles()[0].status)
}

#[test]
fn replicas_keep_what_clients_were_told() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let url = cluster.database("centre");
    let dirs = installed(&url, REPLICAS);
    let start = |n: usize| Server::with(dirs[n].clone(), &settings(&url));
    // The first is alone, so it publishes and sequences.
    let servers: Vec<_> = (0..REPLICAS).map(|n| RwLock::new(start(n))).collect();
    let trial = Trial {
        cluster,
        servers,
        told: Mutex::default(),
        stop: AtomicBool::new(false),
        failed: AtomicUsize::new(0),
    };
    let rounds = std::env::var("ESIGN_FAULT_ROUNDS").map_or(1, |text| text.parse().unwrap());
    std::thread::scope(|scope| {
        let trial = &trial;
        for n in 0..REPLICAS {
            scope.spawn(move || trial.issue(n));
            scope.spawn(move || trial.ask(n));
        }
        scope.spawn(|| trial.revoke());
        scope.spawn(|| trial.watch());
        let over = Over(&trial.stop);
        let mut moment = u64::from(std::process::id());
        for round in 0..rounds {
            trial.goes_on();
            // Paused beyond its lease: the others go on, and it finds that it is none of its business.
            let first = round % REPLICAS;
            let epochs = || (trial.epoch("lists"), trial.epoch("log"));
            let before = epochs();
            signal(&trial.servers[first].read().unwrap(), "STOP");
            let leads = round == 0;
            if leads {
                trial.until("a change of hands", Duration::from_secs(20), || {
                    let now = epochs();
                    now.0 > before.0 && now.1 > before.1
                });
            } else {
                std::thread::sleep(Duration::from_secs(12));
            }
            trial.goes_on();
            signal(&trial.servers[first].read().unwrap(), "CONT");
            trial.goes_on();
            // Stopped for moments, wherever it is; one of them longer than the database lets a transaction
            // lie idle.
            for turn in 0..8 {
                // A linear congruence is as good as any: the scheduler adds its own.
                moment = moment
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                let random = usize::try_from(moment >> 33).unwrap();
                let server = &trial.servers[random % REPLICAS];
                let millis = if turn == 7 { 4_000 } else { 50 + random % 500 };
                signal(&server.read().unwrap(), "STOP");
                std::thread::sleep(Duration::from_millis(u64::try_from(millis).unwrap()));
                signal(&server.read().unwrap(), "CONT");
                std::thread::sleep(Duration::from_millis(50));
            }
            trial.goes_on();
            // Killed, and started again.
            let second = (round + 1) % REPLICAS;
            signal(&trial.servers[second].read().unwrap(), "KILL");
            trial.goes_on();
            {
                let mut server = trial.servers[second].write().unwrap();
                let mut again = start(second);
                std::mem::swap(&mut server.child, &mut again.child);
                std::mem::swap(&mut server.address, &mut again.address);
                std::mem::swap(&mut server.operators, &mut again.operators);
                let _ = again.child.wait();
                // The folder stays.
                std::mem::forget(again);
            }
            trial.goes_on();
            // The database goes, as by a loss of power and politely, and comes back.
            for mode in ["immediate", "fast"] {
                trial.cluster.halt(mode);
                std::thread::sleep(Duration::from_secs(1));
                trial.cluster.resume();
                trial.goes_on();
            }
        }
        drop(over);
    });
    judge(&trial);
}

/// Ends the load, also where something failed.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The log as an auditor finds it: every head that was published, by any replica, is one of one log.
fn log_holds(trial: &Trial) {
    let store = PostgresStore::open(&trial.cluster.url("centre"), None).unwrap();
    store.check().unwrap();
    let mut heads = Vec::new();
    let mut key = None;
    for server in &trial.servers {
        let dir = server.read().unwrap().dir.clone();
        let public = std::fs::read_to_string(dir.join(LOG_KEY)).unwrap();
        key = Some(NoteKey::parse(public.trim()).unwrap());
        let tiles = DirectoryTiles::open(&dir.join("log")).unwrap();
        if let Some(note) = tiles.checkpoint().unwrap() {
            heads.push(SignedNote::parse(note.as_bytes()).unwrap());
        }
    }
    assert!(
        heads.len() > 1,
        "only {} replicas published heads",
        heads.len()
    );
    let verified = audit::verify(&store, None, &heads, &key.unwrap()).unwrap();
    assert!(verified.wrong.is_empty(), "{:?}", verified.wrong);
}

fn judge(trial: &Trial) {
    std::thread::sleep(TOLD * 2);
    let told = trial.told();
    let mut serials = HashSet::new();
    for (serial, _) in &told.issued {
        assert!(serials.insert(serial), "serial {serial} was given twice");
    }
    for (n, server) in trial.servers.iter().enumerate() {
        let ended = server.write().unwrap().child.try_wait().unwrap();
        assert!(ended.is_none(), "replica {n} ended by itself: {ended:?}");
        let server = server.read().unwrap();
        let auditor = Officer::of(&server, "auditor");
        for (serial, certificate) in &told.issued {
            let (status, answer) = auditor.get(&format!("/api/v1/certificates/{serial}"));
            assert_eq!(status, 200, "{serial} is lost at replica {n}");
            assert_eq!(answer["certificate"], *certificate, "{serial}");
        }
        for (serial, _) in &told.revoked {
            let request = ocsp_request(&server, serial);
            let found = status(&server.address, &request);
            assert!(
                matches!(found, Some(CertStatus::Revoked { .. })),
                "{serial} was revoked and is {found:?} at replica {n}"
            );
        }
    }
    let sql = |sql: &str| trial.cluster.sql("centre", sql);
    // Every list that anybody saw is one that the store took: nothing was published beside it.
    let published: HashSet<String> = sql("SELECT encode(digest, 'hex') FROM crl")
        .lines()
        .map(str::to_owned)
        .collect();
    let mut beside = 0;
    for digest in told.lists.values() {
        let digest: String = digest.iter().map(|octet| format!("{octet:02x}")).collect();
        beside += usize::from(!published.contains(&digest));
    }
    assert_eq!(beside, 0, "lists were published beside the store");
    assert_eq!(
        sql(
            "SELECT count(*) FROM (SELECT 1 FROM crl GROUP BY issuer, shard, number HAVING count(*) > 1) x"
        ),
        "0"
    );
    assert_eq!(
        sql("SELECT max(id) - count(*) FROM audit"),
        "0",
        "the audit has a gap"
    );
    assert_eq!(
        sql("SELECT max(position) + 1 - count(*) FROM log_sequence"),
        "0",
        "the log has a gap"
    );
    log_holds(trial);
    let heads: u64 = sql("SELECT count(*) FROM log_head WHERE note IS NOT NULL")
        .parse()
        .unwrap();
    assert!(heads > 1, "{heads} heads were signed");
    println!(
        "{} certificates issued and {} revoked, {} lists seen, {heads} heads, {} audit entries, \
         {} OCSP answers; {} requests without an answer; none lost",
        told.issued.len(),
        told.revoked.len(),
        told.lists.len(),
        sql("SELECT count(*) FROM audit"),
        told.answers[0] + told.answers[1],
        trial.failed.load(Ordering::Relaxed)
    );
    assert!(told.answers[1] > 0 && told.revoked.len() > 10 && told.lists.len() > 4);
}
