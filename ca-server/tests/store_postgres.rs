//! The suite on PostgreSQL, and what only a server can do wrong.

#![cfg(feature = "postgres")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    missing_docs,
    reason = "a test that meets the unexpected should stop"
)]

mod postgres;
mod suite;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use ca_server::acts::{Act, Change};
use ca_server::records::RevocationReason;
use ca_server::store::postgres::{Options, PostgresStore};
use ca_server::store::sqlite::SqliteStore;
use ca_server::store::{CertificateFilter, LeaseName, Outcome, Store, StoreErrorKind};
use postgres::Cluster;
use suite::data::{act, document, holder, id, issuance, issuer};

fn register(n: u64) -> Vec<Act> {
    vec![act("edliyye", 0, Change::RegisterDocument(document(n)))]
}

fn open(url: &str) -> PostgresStore {
    PostgresStore::open(url, None).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn passes_the_suite() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let next = AtomicU32::new(0);
    let database = || {
        let n = next.fetch_add(1, Ordering::Relaxed);
        cluster.database(&format!("suite{n}"))
    };
    suite::store_suite(|| Box::new(open(&database())));
    suite::lease_suite(|| Arc::new(open(&database())));
    suite::log_suite(|| Arc::new(open(&database())));
    suite::register::register_suite(|| Arc::new(open(&database())));
}

/// Three stores on one database, as three replicas have them: every act is done once, the numbers of
/// the audit have no gap, and whoever follows the changes misses none.
#[test]
fn replicas_share_one_database() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let url = cluster.database("replicas");
    // All at once on an empty database: one of them makes the schema.
    let stores: Vec<_> = std::thread::scope(|scope| {
        let url = &url;
        let threads: Vec<_> = (0..3).map(|_| scope.spawn(move || open(url))).collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writers: Vec<_> = stores
            .iter()
            .enumerate()
            .map(|(n, store)| {
                scope.spawn(move || {
                    let n = u64::try_from(n).unwrap();
                    for i in 0..100 {
                        store.commit(register(n * 1000 + i)).unwrap();
                        // One that all do: once it is done, then it is known.
                        store.commit(register(9000 + i)).unwrap();
                    }
                })
            })
            .collect();
        let reader = &stores[0];
        let done = &done;
        let follower = scope.spawn(move || {
            let mut last = 0;
            loop {
                let ended = done.load(Ordering::SeqCst);
                reader
                    .visit_audit(last, &mut |entry| {
                        assert_eq!(entry.id, last + 1, "an entry appeared behind a later one");
                        last = entry.id;
                        std::ops::ControlFlow::Continue(())
                    })
                    .unwrap();
                if ended {
                    return last;
                }
            }
        });
        for writer in writers {
            writer.join().unwrap();
        }
        done.store(true, Ordering::SeqCst);
        assert_eq!(follower.join().unwrap(), 400);
    });
    for store in &stores {
        store.check().unwrap();
        let again = store.commit(register(9001)).unwrap();
        assert_eq!(again.outcomes, [Outcome::AlreadyDone]);
    }
}

/// The server is stopped and started again under load, politely and as by a loss of power: what was
/// confirmed is there once, and the store goes on by itself.
#[test]
fn the_database_goes_and_comes_back() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let url = cluster.database("gone");
    let options = Options {
        wait: Duration::from_secs(60),
        ..Options::default()
    };
    let stores: Vec<_> = (0..2)
        .map(|_| PostgresStore::open_with(&url, None, &options).unwrap())
        .collect();
    let stop = AtomicBool::new(false);
    let mut confirmed = Vec::new();
    std::thread::scope(|scope| {
        let stop = &stop;
        let threads: Vec<_> = (0_u64..4)
            .map(|thread| {
                let store = &stores[usize::try_from(thread % 2).unwrap()];
                scope.spawn(move || {
                    let mut done = Vec::new();
                    for n in thread * 1_000_000.. {
                        if stop.load(Ordering::Relaxed) {
                            break;
                        }
                        let receipt = store.commit(register(n)).unwrap();
                        // Not "already done": that would be a transaction that was lost and found.
                        let Outcome::Done { audit } = receipt.outcomes[0] else {
                            panic!("document {n} was done twice");
                        };
                        done.push((n, audit));
                    }
                    done
                })
            })
            .collect();
        for mode in ["fast", "immediate", "immediate", "fast", "immediate"] {
            std::thread::sleep(Duration::from_millis(300));
            cluster.halt(mode);
            std::thread::sleep(Duration::from_millis(200));
            cluster.resume();
        }
        std::thread::sleep(Duration::from_millis(300));
        stop.store(true, Ordering::Relaxed);
        for thread in threads {
            confirmed.extend(thread.join().unwrap());
        }
    });
    let store = &stores[0];
    store.check().unwrap();
    let audit = store.last_audit().unwrap();
    assert_eq!(audit, u64::try_from(confirmed.len()).unwrap());
    for (n, _) in &confirmed {
        assert!(store.document(&document(*n).locator).unwrap().is_some());
    }
    confirmed.sort_by_key(|(_, audit)| *audit);
    for (place, (_, audit)) in (1..).zip(&confirmed) {
        assert_eq!(place, *audit, "an act has another's audit entry");
    }
    println!("{audit} acts in five outages, none lost, none twice");
}

/// Passes octets on between stores and a server, until it sees a transaction end: then the store loses
/// its connection, before or after the server was told.
struct Cutter {
    port: u16,
    /// Cuts that are left: an even number cuts before, an odd one after.
    cuts: Arc<AtomicU32>,
}

impl Cutter {
    fn before(url: &str, cuts: u32) -> (Self, String) {
        let (_, rest) = url.split_once("127.0.0.1:").unwrap();
        let (server, database) = rest.split_once('/').unwrap();
        let server = format!("127.0.0.1:{server}");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let cutter = Self {
            port,
            cuts: Arc::new(AtomicU32::new(cuts)),
        };
        let left = cutter.cuts.clone();
        std::thread::spawn(move || {
            for store in listener.incoming() {
                let (store, left) = (store.unwrap(), left.clone());
                let Ok(server) = TcpStream::connect(&server) else {
                    continue;
                };
                let (back, front) = (server.try_clone().unwrap(), store.try_clone().unwrap());
                std::thread::spawn(move || pass(store, server, Some(&left)));
                std::thread::spawn(move || pass(back, front, None));
            }
        });
        let url = format!("postgres://centre@127.0.0.1:{}/{database}", cutter.port);
        (cutter, url)
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, cuts: Option<&AtomicU32>) {
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = from.read(&mut buffer).unwrap_or(0);
        let end = buffer[..read].windows(8).any(|w| w == b"; COMMIT");
        let cut = end
            .then(|| cuts.and_then(|n| n.fetch_update(SeqCst, SeqCst, |n| n.checked_sub(1)).ok()))
            .flatten();
        if read == 0 || cut.is_some_and(|n| n % 2 == 0) {
            let _ = from.shutdown(Shutdown::Both);
            let _ = to.shutdown(Shutdown::Both);
            return;
        }
        if cut.is_some() {
            // The store hears no answer; the server does what it was told.
            let _ = from.shutdown(Shutdown::Both);
            let _ = to.write_all(&buffer[..read]);
            std::thread::sleep(Duration::from_millis(300));
            return;
        }
        if to.write_all(&buffer[..read]).is_err() {
            let _ = from.shutdown(Shutdown::Both);
            return;
        }
    }
}

/// A connection that breaks while a transaction ends: whether it was committed is looked up. Done
/// twice, it would be "already done"; taken for done and lost, it would be missing.
#[test]
fn a_lost_answer_is_looked_up() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let (cutter, url) = Cutter::before(&cluster.database("cut"), 10);
    let store = open(&url);
    for n in 1..=30 {
        let receipt = store.commit(register(n)).unwrap();
        assert_eq!(receipt.outcomes, [Outcome::Done { audit: n }]);
        assert!(store.document(&document(n).locator).unwrap().is_some());
    }
    assert_eq!(cutter.cuts.load(SeqCst), 0, "connections were not cut");
    assert_eq!(store.last_audit().unwrap(), 30);
    store.check().unwrap();
}

#[test]
fn whoever_waits_too_long_is_told() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let url = cluster.database("away");
    let options = Options {
        wait: Duration::from_millis(300),
        read_wait: Duration::from_millis(100),
        connections: 2,
        ..Options::default()
    };
    let store = PostgresStore::open_with(&url, None, &options).unwrap();
    store.commit(register(1)).unwrap();
    cluster.halt("fast");
    let begun = Instant::now();
    let error = store.commit(register(2)).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Io, "{error}");
    assert!(begun.elapsed() >= options.wait);
    let error = store.document(&document(1).locator).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Io, "{error}");
    assert!(!error.is_refusal());
    assert!(
        error.to_string().starts_with("store postgres://127.0.0.1:"),
        "{error}"
    );
    cluster.resume();
    assert!(store.document(&document(1).locator).unwrap().is_some());
    store.commit(register(2)).unwrap();
}

/// A process that holds the writers' row and does not go on is shown out.
#[test]
fn a_paused_writer_holds_nobody_up_for_long() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let url = cluster.database("paused");
    let store = open(&url);
    let held = "SET idle_in_transaction_session_timeout = 3000; BEGIN; \
                SELECT 1 FROM writer FOR UPDATE; \\! sleep 8";
    let mut paused = cluster
        .session("paused")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    writeln!(paused.stdin.as_mut().unwrap(), "{held}").unwrap();
    std::thread::sleep(Duration::from_millis(500));
    let begun = Instant::now();
    store.commit(register(1)).unwrap();
    let waited = begun.elapsed();
    assert!(
        waited > Duration::from_secs(1),
        "the row was not held: {waited:?}"
    );
    assert!(waited < Duration::from_secs(6), "{waited:?}");
    let _ = paused.kill();
    let _ = paused.wait();
}

#[test]
fn databases_that_do_not_fit() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let short = Options {
        wait: Duration::from_millis(200),
        ..Options::default()
    };
    let refused = |url: &str, kind, words: &str| {
        let error = PostgresStore::open_with(url, Some("hunter2"), &short).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(words), "{error}");
        // Neither by Display nor by Debug.
        assert!(
            !format!("{error} {error:?}").contains("hunter2"),
            "{error:?}"
        );
    };
    refused(
        "postgres//centre:hunter2@db",
        StoreErrorKind::Value,
        "is not postgres://",
    );
    refused(
        &cluster.url("nowhere").replace("centre@", "centre:hunter2@"),
        StoreErrorKind::Io,
        "there is no such database",
    );
    refused(
        "postgres://centre:hunter2@127.0.0.1:1/centre",
        StoreErrorKind::Io,
        "not there",
    );
    let foreign = cluster.database("others");
    cluster.sql("others", "CREATE TABLE certificate (x text)");
    refused(&foreign, StoreErrorKind::NotOurs, "another program");
    cluster.sql(
        "postgres",
        "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0",
    );
    refused(
        &cluster.url("latin"),
        StoreErrorKind::NotOurs,
        "encoding is LATIN1",
    );
    let careless = cluster.database("careless");
    cluster.sql(
        "careless",
        "ALTER DATABASE careless SET synchronous_commit = off",
    );
    refused(&careless, StoreErrorKind::NotOurs, "synchronous_commit");
    let newer = cluster.database("newer");
    drop(open(&newer));
    // A step that only adds leaves older programs working.
    cluster.sql("newer", "UPDATE esign_schema SET version = 99");
    open(&newer).commit(register(1)).unwrap();
    cluster.sql("newer", "UPDATE esign_schema SET oldest = 99");
    refused(&newer, StoreErrorKind::NewerSchema, "version 99");
}

/// A store of one machine with everything that the suite puts into one.
fn filled(file: &std::path::Path) -> SqliteStore {
    let store = SqliteStore::open(file).unwrap();
    let commit = |acts| store.commit(acts).unwrap();
    commit(vec![
        act("admin", 0, Change::AddIssuer(issuer(1))),
        act("registrar", 0, Change::RecordHolder(holder(1, "Əliyev"))),
    ]);
    for n in 1..=2500 {
        commit(issuance(1, n, Some(holder(1, "").id), n % 3));
    }
    let revoke = Change::Revoke {
        id: id(1, 7),
        reason: RevocationReason::Superseded,
        invalidity_date: None,
    };
    commit(vec![act("officer", 9, revoke)]);
    commit((1..=10).flat_map(register).collect());
    store
}

#[test]
fn a_store_in_a_file_is_moved() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let folder = std::env::temp_dir().join(format!("ca-move-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = filled(&folder.join("store.sqlite"));
    let url = cluster.database("moved");
    let store = open(&url);
    let rows = store.move_from(&file).unwrap();
    // An intent, its request, and four entries of the audit for each certificate, at least.
    assert!(rows > 2500 * 6, "{rows}");
    let error = store.move_from(&file).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::NotOurs, "{error}");
    store.check().unwrap();
    assert_eq!(store.last_audit().unwrap(), file.last_audit().unwrap());
    let everything = |store: &dyn Store| {
        let mut certificates = Vec::new();
        store
            .visit_certificates(&CertificateFilter::default(), &mut |record| {
                certificates.push(record);
                ControlFlow::Continue(())
            })
            .unwrap();
        let mut audit = Vec::new();
        store
            .visit_audit(0, &mut |entry| {
                audit.push(entry);
                ControlFlow::Continue(())
            })
            .unwrap();
        (certificates, audit)
    };
    assert_eq!(everything(&store), everything(&file));
    // It goes on where the file stopped.
    let next = store.last_audit().unwrap() + 1;
    let receipt = store.commit(register(99)).unwrap();
    assert_eq!(receipt.outcomes, [Outcome::Done { audit: next }]);
    store.commit(issuance(1, 9999, None, 0)).unwrap();
    assert_eq!(everything(&store).0.last().unwrap().id, id(1, 9999));
    // One that broke off is not opened.
    cluster.sql(
        "moved",
        "UPDATE esign_schema SET oldest = 9223372036854775807",
    );
    let error = PostgresStore::open(&url, None).unwrap_err();
    assert!(
        error.to_string().contains("did not come to its end"),
        "{error}"
    );
    std::fs::remove_dir_all(&folder).unwrap();
}

/// Has the database raise an error of its own where a document is written.
fn raising(cluster: &Cluster, database: &str, condition: &str, state: &str) {
    cluster.sql(
        database,
        &format!(
            "CREATE SEQUENCE IF NOT EXISTS tries; \
             CREATE OR REPLACE FUNCTION trouble() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF {condition} THEN RAISE EXCEPTION 'trouble' USING ERRCODE = '{state}'; END IF; \
             RETURN NEW; END $$; \
             CREATE OR REPLACE TRIGGER trouble BEFORE INSERT ON document \
             FOR EACH ROW EXECUTE FUNCTION trouble()"
        ),
    );
}

/// What distributed databases do under contention, and PostgreSQL where two lock each other out.
#[test]
fn transactions_that_others_were_in_the_way_of_are_tried_again() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let store = open(&cluster.database("conflicts"));
    for (n, state) in (1..).zip(["40001", "40P01", "55P03"]) {
        // Sequences are not taken back with a transaction: the first three tries of each fail.
        raising(&cluster, "conflicts", "nextval('tries') % 4 <> 0", state);
        let receipt = store.commit(register(n)).unwrap();
        assert_eq!(receipt.outcomes, [Outcome::Done { audit: n }], "{state}");
        assert_eq!(
            cluster.sql("conflicts", "SELECT last_value FROM tries"),
            (n * 4).to_string()
        );
    }
    store.check().unwrap();
}

#[test]
fn what_the_database_says_is_told() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let options = Options {
        wait: Duration::from_millis(200),
        ..Options::default()
    };
    let url = cluster.database("troubles");
    let store = PostgresStore::open_with(&url, None, &options).unwrap();
    for (state, kind, words) in [
        ("53100", StoreErrorKind::Full, "no space is left"),
        (
            "40001",
            StoreErrorKind::Busy,
            "other transactions are in the way",
        ),
        ("25006", StoreErrorKind::ReadOnly, "cannot be written"),
        ("42501", StoreErrorKind::ReadOnly, "lacks a right"),
        ("57014", StoreErrorKind::Busy, "took too long"),
        ("58030", StoreErrorKind::Io, "reading or writing failed"),
        ("XX001", StoreErrorKind::Corrupt, "damaged"),
        ("22021", StoreErrorKind::Bug, "refuses a statement"),
    ] {
        raising(&cluster, "troubles", "true", state);
        let error = store.commit(register(1)).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(words), "{error}");
        assert!(
            error.to_string().contains(&format!("{state} trouble")),
            "{error}"
        );
    }
    assert_eq!(store.last_audit().unwrap(), 0);
    cluster.sql("troubles", "DROP TRIGGER trouble ON document");
    store.commit(register(1)).unwrap();
}

/// One call that the database refuses does not take those with it that share its transaction.
#[test]
fn one_calls_trouble_is_its_own() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let store = open(&cluster.database("own"));
    raising(&cluster, "own", "NEW.class = 99", "22000");
    let bad = |n| {
        let document = ca_server::records::Document {
            class: 99,
            ..document(n)
        };
        vec![act("edliyye", 0, Change::RegisterDocument(document))]
    };
    std::thread::scope(|scope| {
        let store = &store;
        for n in 1..=60 {
            scope.spawn(move || {
                let done = store.commit(if n % 10 == 0 { bad(n) } else { register(n) });
                assert_eq!(done.is_ok(), n % 10 != 0, "{done:?}");
            });
        }
    });
    assert_eq!(store.last_audit().unwrap(), 54);
    store.check().unwrap();
}

/// A program of the version before goes on while another brings the schema up to date.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn an_older_schema_is_brought_up_to_date_under_old_replicas() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let url = cluster.database("older");
    let old = open(&url);
    cluster.sql(
        "older",
        // What the steps after the third have made; a step that is added is taken back here.
        "DROP INDEX document_listed; DROP INDEX document_by_issuer; DROP TABLE register_attestation; \
         DROP TABLE register_head; DROP TABLE register_sequence; DROP TABLE register_leaf; \
         DROP INDEX certificate_open; DROP TABLE published; DROP TABLE lease; \
         DROP INDEX revocation_by_time; DROP TABLE progress; DROP INDEX certificate_by_end; \
         DROP INDEX certificate_archived; \
         ALTER TABLE certificate DROP COLUMN archived_at; DROP INDEX request_by_former; \
         ALTER TABLE request DROP COLUMN former_issuer, DROP COLUMN former_serial; \
         UPDATE esign_schema SET version = 3",
    );
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (old, stop) = (&old, &stop);
        // Else a failure below would leave the other thread working for ever.
        let _at_the_end = Stop(stop);
        let working = scope.spawn(move || {
            let mut n = 0;
            while !stop.load(Ordering::Relaxed) {
                n += 1;
                old.commit(register(n)).unwrap();
                assert!(old.document(&document(n).locator).unwrap().is_some());
            }
            n
        });
        std::thread::sleep(Duration::from_millis(100));
        let new: Vec<_> = (0..3).map(|_| scope.spawn(|| open(&url))).collect();
        for new in new {
            let new = new.join().unwrap();
            let taken = new.take_lease(LeaseName::Log, &[1; 16], 10).unwrap();
            assert!(taken.is_some());
            std::thread::sleep(Duration::from_millis(50));
        }
        stop.store(true, Ordering::Relaxed);
        let done = working.join().unwrap();
        assert_eq!(old.last_audit().unwrap(), done);
    });
    old.check().unwrap();
}

#[test]
fn tls_and_passwords() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let url = cluster.database("secure");
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let other = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let elsewhere = rcgen::generate_simple_self_signed(["db.example".to_owned()]).unwrap();
    cluster.secure(&made.cert.pem(), &made.signing_key.serialize_pem());
    let trusting = |authority: &rcgen::CertifiedKey<rcgen::KeyPair>| Options {
        wait: Duration::from_millis(200),
        authorities: vec![authority.cert.der().to_vec()],
        ..Options::default()
    };
    let store = PostgresStore::open_with(&url, Some("opensesame"), &trusting(&made)).unwrap();
    store.commit(register(1)).unwrap();
    assert!(store.document(&document(1).locator).unwrap().is_some());
    // Each way that it must not go.
    let plain = Options {
        wait: Duration::from_millis(200),
        ..Options::default()
    };
    for (password, options, words) in [
        (Some("opensesame"), plain, "no encryption"),
        (Some("opensesame"), trusting(&other), "ertificate"),
        (Some("wrong"), trusting(&made), "lets nobody in"),
        (None, trusting(&made), "password"),
    ] {
        let error = PostgresStore::open_with(&url, password, &options).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(error.kind(), StoreErrorKind::Io, "{error}");
    }
    let unnamed = PostgresStore::open_with(&url, Some("opensesame"), &trusting(&elsewhere));
    assert!(unnamed.is_err());
    // To another machine nothing goes in the open, unless somebody says so.
    let error = PostgresStore::open("postgres://centre@db.example/centre", None).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Value);
    assert!(error.to_string().contains("sslmode=disable"), "{error}");
}

#[test]
fn the_audit_cannot_be_changed_through_sql() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let store = open(&cluster.database("audit"));
    store.commit(register(1)).unwrap();
    for sql in ["UPDATE audit SET why = ''", "DELETE FROM audit"] {
        assert!(cluster.refusal("audit", sql).contains("never"), "{sql}");
    }
}

/// What SQL could not do by accident is found by the check.
#[test]
fn damage_is_told() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let store = open(&cluster.database("damage"));
    store.commit((1..=20).flat_map(register).collect()).unwrap();
    store.check().unwrap();
    cluster.sql(
        "damage",
        "ALTER TABLE audit DISABLE TRIGGER ALL; DELETE FROM audit WHERE id = 7",
    );
    let error = store.check().unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt);
    assert!(
        error.to_string().contains("1 audit entries are missing"),
        "{error}"
    );
    cluster.sql(
        "damage",
        "UPDATE document SET digest = locator || locator, issuer = ''",
    );
    let error = store.document(&document(1).locator).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{error}");
}

/// Searching by indexed fields takes milliseconds, however many holders there are: `ESIGN_SEARCH_ROWS`
/// says how many (200,000 without it).
#[test]
fn search_uses_the_indexes() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let store = open(&cluster.database("search"));
    let record = act("registrar", 0, Change::RecordHolder(holder(1, "Əliyev")));
    store.commit(vec![record]).unwrap();
    let rows = std::env::var("ESIGN_SEARCH_ROWS").unwrap_or_else(|_| "200000".to_owned());
    cluster.sql(
        "search",
        &"INSERT INTO holder (id, version, kind, identifier, given_name, surname, sort_name) \
         SELECT decode(md5(n::text), 'hex'), 1, 'natural', 'PNOAZ-' || n, 'Ad', 'Soyad' || n, \
         'soyad' || n FROM generate_series(1, ROWS) AS n; ANALYZE holder"
            .replace("ROWS", &rows),
    );
    let mut times = Vec::new();
    for n in 0..50 {
        let begun = Instant::now();
        let found = store
            .holders_named(&format!("SOYAD{}", 1000 + n), 20)
            .unwrap();
        assert_eq!(found.len(), 20);
        let found = store
            .holder_by_identifier(&format!("PNOAZ-{}", 1000 + n))
            .unwrap();
        assert!(found.is_some());
        times.push(begun.elapsed());
    }
    times.sort();
    println!(
        "two searches among {rows} holders: median {:?}, slowest {:?}",
        times[25], times[49]
    );
    // A scan of the table takes some 20 ms.
    assert!(times[25] < Duration::from_millis(10), "{:?}", times[25]);
    assert_eq!(
        store.holders_named("əli", 10).unwrap(),
        [holder(1, "Əliyev")]
    );
}
