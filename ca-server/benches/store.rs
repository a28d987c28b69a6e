//! Durable rows a second, beside SQLite's own in the same run.
//!
//! `cargo bench -p ca-server --no-default-features --bench store [-- ROWS]`: registers ROWS
//! documents (100,000 where not given) in batches of 100, and inserts as many rows of the same
//! octets, as durably, straight into SQLite: into a table with one unique index of 16 octets (the
//! limit of any register), and into one with the register's two indexes and an audit row (what the
//! store writes). The ratios are what counts. Then the life of ROWS / 5 certificates: issued in
//! groups by four threads, all revoked, all listed.
//!
//! With `--features postgres` the same on a PostgreSQL server of its own, beside rows that a procedure
//! makes and commits inside that server.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    reason = "a bench that meets the unexpected should stop; its figures are rounded"
)]

#[path = "../tests/suite/data.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    reason = "made for the tests"
)]
mod data;

#[cfg(feature = "postgres")]
#[path = "../tests/postgres/mod.rs"]
mod postgres;

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ca_server::acts::{Act, Change};
use ca_server::ids::{Digest, IdempotencyKey, KeyId, Locator, Name};
use ca_server::records::{Document, RevocationReason};
use ca_server::store::sqlite::SqliteStore;
use ca_server::store::{StatusFilter, Store};
use esign_core::time::UnixTime;
use rusqlite::{Connection, params};

/// Acts in a batch, as in docs/benchmarks.md.
const BATCH: u64 = 100;

fn main() {
    let rows = std::env::args()
        .skip(1)
        .find_map(|a| a.parse().ok())
        .unwrap_or(100_000);
    let folder = std::env::temp_dir().join(format!("ca-store-bench-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    println!("{rows} rows of 512 octets sealed, batches of {BATCH}, WAL, synchronous FULL");
    let floor = raw(&folder.join("floor.db"), rows, false);
    let same = raw(&folder.join("same.db"), rows, true);
    let store = SqliteStore::open(&folder.join("store.db")).unwrap();
    let one = acts(&store, rows, 1);
    let four = acts(
        &SqliteStore::open(&folder.join("four.db")).unwrap(),
        rows,
        4,
    );
    let rate = |time: Duration| rows as f64 / time.as_secs_f64();
    let line = |what: &str, time| {
        println!(
            "{what:44} {:>8.0}/s   {:.2} of one index   {:.2} of the same rows",
            rate(time),
            rate(time) / rate(floor),
            rate(time) / rate(same)
        );
    };
    line("SQLite, row and one unique index", floor);
    line("SQLite, row, two unique indexes, audit row", same);
    line("Store::commit, RegisterDocument, 1 thread", one);
    line("Store::commit, RegisterDocument, 4 threads", four);
    certificates(
        &SqliteStore::open(&folder.join("certificates.db")).unwrap(),
        rows / 5,
    );
    std::fs::remove_dir_all(&folder).unwrap();
    #[cfg(feature = "postgres")]
    on_postgres(rows);
}

#[cfg(feature = "postgres")]
fn on_postgres(rows: u64) {
    use ca_server::store::postgres::PostgresStore;
    let Some(cluster) = postgres::Cluster::start() else {
        return;
    };
    let open = |name: &str| PostgresStore::open(&cluster.database(name), None).unwrap();
    println!("\nPostgreSQL, fsync and synchronous_commit on, over TCP on this machine");
    let floor = {
        cluster.database("floor");
        cluster.sql(
            "floor",
            "CREATE TABLE d (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, \
             locator BYTEA UNIQUE, sealed BYTEA, digest BYTEA)",
        );
        let began = Instant::now();
        let batches = rows / BATCH;
        cluster.sql(
            "floor",
            &format!(
                "DO $$ BEGIN FOR i IN 1..{batches} LOOP \
                 INSERT INTO d (locator, sealed, digest) SELECT decode(md5((i * 1000 + n)::text), 'hex'), \
                 decode(repeat(md5(n::text), 32), 'hex'), decode(repeat(md5(n::text), 2), 'hex') \
                 FROM generate_series(1, {BATCH}) AS n; COMMIT; END LOOP; END $$"
            ),
        );
        began.elapsed()
    };
    let rate = |time: Duration| rows as f64 / time.as_secs_f64();
    let line = |what: &str, time| {
        println!(
            "{what:44} {:>8.0}/s   {:.2} of one index",
            rate(time),
            rate(time) / rate(floor)
        );
    };
    line("PostgreSQL, row and one unique index", floor);
    line(
        "Store::commit, RegisterDocument, 1 thread",
        acts(&open("one"), rows, 1),
    );
    line(
        "Store::commit, RegisterDocument, 4 threads",
        acts(&open("four"), rows, 4),
    );
    certificates(&open("certificates"), rows / 5);
}

fn certificates(store: &dyn Store, count: u64) {
    let count = u32::try_from(count).unwrap();
    store
        .commit(vec![data::act(
            "admin",
            0,
            Change::AddIssuer(data::issuer(1)),
        )])
        .unwrap();
    // Serial numbers as they are: spread over their whole range.
    let serial = |n: u32| n.wrapping_mul(0x9e37_79b1).max(1);
    let each = |what: &str, work: &(dyn Fn(u32) + Sync)| {
        let next = std::sync::atomic::AtomicU32::new(1);
        let began = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    loop {
                        let first = next.fetch_add(20, Ordering::Relaxed);
                        if first > count {
                            return;
                        }
                        work(first);
                    }
                });
            }
        });
        println!(
            "{what:44} {:>8.0}/s",
            f64::from(count) / began.elapsed().as_secs_f64()
        );
    };
    each("certificate: request, intent, issue, publish", &|first| {
        let mut steps = [const { Vec::new() }; 4];
        for n in first..(first + 20).min(count + 1) {
            let acts = data::issuance(1, serial(n), None, 0);
            steps
                .iter_mut()
                .zip(acts)
                .for_each(|(step, act)| step.push(act));
        }
        // Each step is durable before the next, as in issuing.
        for step in steps {
            store.commit(step).unwrap();
        }
    });
    each("certificate: revocation, one a call", &|first| {
        for n in first..(first + 20).min(count + 1) {
            let id = data::id(1, serial(n));
            let reason = RevocationReason::Superseded;
            let revoke = Change::Revoke {
                id,
                reason,
                invalidity_date: None,
            };
            store.commit(vec![data::act("officer", 9, revoke)]).unwrap();
        }
    });
    let began = Instant::now();
    let mut listed = 0_u32;
    let visit = &mut |_| {
        listed += 1;
        ControlFlow::Continue(())
    };
    store
        .visit_status(&KeyId([1; 32]), None, StatusFilter::Listed, visit)
        .unwrap();
    assert_eq!(listed, count);
    let rate = f64::from(count) / began.elapsed().as_secs_f64();
    println!("{:44} {rate:>8.0}/s", "listing what a CRL holds");
}

fn document(n: u64) -> Document {
    let spread = Digest::of(&n.to_be_bytes()).0;
    Document {
        locator: Locator(spread[..16].try_into().unwrap()),
        sealed: spread.repeat(16),
        digest: Digest(spread),
        issuer: Name::new("edliyye").unwrap(),
        class: 7,
        idempotency_key: IdempotencyKey(spread[16..].try_into().unwrap()),
    }
}

fn acts(store: &dyn Store, rows: u64, threads: u64) -> Duration {
    let next = AtomicU64::new(0);
    let by = Name::new("bench").unwrap();
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let first = next.fetch_add(BATCH, Ordering::Relaxed);
                    if first >= rows {
                        return;
                    }
                    let batch = (first..first + BATCH)
                        .map(|n| Act {
                            by: by.clone(),
                            at: UnixTime::from_seconds(1_795_000_000),
                            why: String::new(),
                            change: Change::RegisterDocument(document(n)),
                        })
                        .collect();
                    store.commit(batch).unwrap();
                }
            });
        }
    });
    began.elapsed()
}

fn raw(path: &Path, rows: u64, whole: bool) -> Duration {
    let mut c = Connection::open(path).unwrap();
    c.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -65536; \
         PRAGMA wal_autocheckpoint = 4000; \
         CREATE TABLE d (id INTEGER PRIMARY KEY, locator BLOB UNIQUE, sealed BLOB, digest BLOB); \
         CREATE TABLE a (id INTEGER PRIMARY KEY, body TEXT);",
    )
    .unwrap();
    if whole {
        c.execute_batch("ALTER TABLE d ADD COLUMN idem BLOB; CREATE UNIQUE INDEX i ON d (idem);")
            .unwrap();
    }
    let audit = "x".repeat(380);
    let began = Instant::now();
    for first in (0..rows).step_by(usize::try_from(BATCH).unwrap()) {
        let tx = c.transaction().unwrap();
        for n in first..first + BATCH {
            let d = document(n);
            let (locator, digest, key) = (d.locator.0, d.digest.0, d.idempotency_key.0);
            if whole {
                tx.prepare_cached("INSERT INTO d VALUES (NULL, ?1, ?2, ?3, ?4)")
                    .unwrap()
                    .execute(params![locator, d.sealed, digest, key])
                    .unwrap();
                tx.prepare_cached("INSERT INTO a VALUES (NULL, ?1)")
                    .unwrap()
                    .execute([&audit])
                    .unwrap();
            } else {
                tx.prepare_cached("INSERT INTO d VALUES (NULL, ?1, ?2, ?3)")
                    .unwrap()
                    .execute(params![locator, d.sealed, digest])
                    .unwrap();
            }
        }
        tx.commit().unwrap();
    }
    began.elapsed()
}
