//! What grows with the number of certificates, and what must not.
//!
//! `cargo bench -p ca-server --bench scale [-- [--smoke] [CERTIFICATES]]`: a centre with 10
//! certificates and one with CERTIFICATES (1,000,000 where not given; ten million take 9 GB), each of
//! another holder. In both: a revocation with its audit entry, durable; the OCSP look-up; the search
//! for a holder by the beginning of his name, by his identifier, and for his certificates. Then
//! `ca-server` starts on the folder: how long until it is ready.

#![allow(
    clippy::unwrap_used,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    reason = "a bench that meets the unexpected should stop; its figures are rounded"
)]

mod load;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ca_server::acts::{Act, Change};
use ca_server::ids::{CertificateId, Digest, KeyId, Name, Serial};
use ca_server::records::{RevocationReason, Standing};
use ca_server::store::Store;
use ca_server::store::sqlite::SqliteStore;
use rusqlite::{Connection, params};

fn main() {
    let args = load::Args::read();
    let most = args
        .count
        .unwrap_or(if args.smoke { 1000 } else { 1_000_000 });
    let acts = if args.smoke { 5 } else { 400 };
    for count in [10, u64::try_from(most).unwrap()] {
        let dir = load::folder("scale");
        // The first start makes the centre.
        end(start(&dir).0);
        let path = dir.join("store.sqlite");
        let issuer = issuer(&path);
        fill(&path, &issuer, count);
        let size = std::fs::metadata(&path).unwrap().len();
        println!(
            "{count} certificates of as many holders, {} MB",
            size / 1_000_000
        );
        let began = Instant::now();
        let store = SqliteStore::open(&path).unwrap();
        println!("  store opened in {:.2?}", began.elapsed());
        look(&store, &issuer, count, acts);
        let certificates = count.min(acts);
        revoke(&store, &issuer, count, certificates);
        drop(store);
        let (child, took) = start(&dir);
        println!("  ca-server: from its start to ready in {took:.2?} (goal 1 s)");
        end(child);
        std::fs::remove_dir_all(&dir).unwrap();
    }
}

/// Starts the real program on a folder and waits until it says that it is ready.
fn start(dir: &Path) -> (Child, Duration) {
    let began = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_ca-server"))
        .arg("--dir")
        .arg(dir)
        .env("CA_SERVER_PUBLIC__LISTEN", "127.0.0.1:0")
        .env("CA_SERVER_OPERATORS__LISTEN", "127.0.0.1:0")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let address = loop {
        let mut line = String::new();
        assert!(lines.read_line(&mut line).unwrap() > 0, "it ended");
        if let Some((_, address)) = line.trim().split_once("://")
            && line.starts_with("everybody:")
        {
            break address.to_owned();
        }
    };
    loop {
        let mut stream = TcpStream::connect(&address).unwrap();
        stream
            .write_all(b"GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        if answer.starts_with("HTTP/1.1 200") {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{answer}");
        std::thread::sleep(Duration::from_millis(5));
    }
    let took = began.elapsed();
    // Kept open, so that the last line can be written.
    child.stdout = Some(lines.into_inner());
    (child, took)
}

fn end(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

/// The key that issues: the newest.
fn issuer(path: &Path) -> KeyId {
    let store = SqliteStore::open(path).unwrap();
    store.issuers().unwrap().last().unwrap().key
}

fn spread(n: u64) -> [u8; 16] {
    let mut octets: [u8; 16] = Digest::of(&n.to_be_bytes()).0[..16].try_into().unwrap();
    octets[0] = (octets[0] & 0x3f) | 0x40;
    octets
}

fn id(issuer: &KeyId, n: u64) -> CertificateId {
    CertificateId {
        issuer: *issuer,
        serial: Serial::from_magnitude(&spread(n)).unwrap(),
    }
}

const SURNAMES: [&str; 8] = [
    "məmmədov",
    "əliyev",
    "həsənov",
    "hüseynov",
    "quliyev",
    "rəhimov",
    "cəfərov",
    "nağiyev",
];

/// Name by which a holder is found, folded as the store does it: one of a few surnames, and what tells him from the others.
fn sort_name(n: u64) -> String {
    let surname = SURNAMES[usize::try_from(n % 8).unwrap()];
    format!("{surname} {:06x}", n.wrapping_mul(0x9e_3779) & 0xff_ffff)
}

/// Rows straight into SQLite: what the store would have written, without its checks; each table in
/// the order of its index, or ten million would take hours.
fn fill(path: &Path, issuer: &KeyId, count: u64) {
    let mut c = Connection::open(path).unwrap();
    c.execute_batch(
        "PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -400000;",
    )
    .unwrap();
    let at = load::now().seconds();
    let mut serials: Vec<_> = (0..count).map(|n| (spread(n), n)).collect();
    serials.sort_unstable();
    let tx = c.transaction().unwrap();
    {
        let mut certificate = tx
            .prepare(
                "INSERT INTO certificate (issuer, serial, request, profile, holder, subject_key, \
                 not_before, not_after, shard, tbs_digest, certificate, intended_at, issued_at, \
                 published_at) VALUES (?1, ?2, ?2, 'natural-person', ?2, ?3, ?4, ?5, 0, \
                 zeroblob(32), zeroblob(300), ?4, ?4, ?4)",
            )
            .unwrap();
        let mut holder = tx
            .prepare(
                "INSERT INTO holder (id, version, kind, identifier, given_name, surname, sort_name) \
                 VALUES (?1, 1, 'natural', ?2, 'x', 'y', ?3)",
            )
            .unwrap();
        for (serial, n) in &serials {
            let mut key = [0; 32];
            key[..16].copy_from_slice(serial);
            certificate
                .execute(params![issuer.0, serial, key, at - 60, at + 86_400 * 365])
                .unwrap();
            // In the order of the serials, so that the index by identifier grows at its end.
            let identifier = identifier(serial);
            holder
                .execute(params![serial, identifier, sort_name(*n)])
                .unwrap();
        }
    }
    tx.commit().unwrap();
}

fn identifier(serial: &[u8; 16]) -> String {
    let digits: String = serial.iter().map(|o| format!("{o:02X}")).collect();
    format!("PASAZ-{digits}")
}

fn told(what: &str, mut took: Vec<Duration>) {
    took.sort_unstable();
    println!(
        "  {what:44} p50 {:>9.2?}   p99 {:>9.2?}",
        took[took.len() / 2],
        took[took.len() * 99 / 100]
    );
}

fn timed(acts: u64, count: u64, mut work: impl FnMut(u64)) -> Vec<Duration> {
    (0..acts)
        .map(|i| {
            let n = Digest::of(&i.to_le_bytes()).0;
            let n = u64::from_be_bytes(n[..8].try_into().unwrap()) % count;
            let began = Instant::now();
            work(n);
            began.elapsed()
        })
        .collect()
}

fn look(store: &SqliteStore, issuer: &KeyId, count: u64, acts: u64) {
    let standing = timed(acts, count, |n| {
        assert_eq!(
            store.standing(&id(issuer, n)).unwrap(),
            Some(Standing::Good)
        );
    });
    told("where a certificate stands (OCSP)", standing);
    let named = timed(acts, count, |n| {
        let name = sort_name(n);
        let prefix: String = name.chars().take(name.chars().count() - 3).collect();
        assert!(!store.holders_named(&prefix, 20).unwrap().is_empty());
    });
    told("holders by the beginning of a name, 20", named);
    let common = timed(acts, count, |n| {
        let surname = SURNAMES[usize::try_from(n % 8).unwrap()];
        assert!(!store.holders_named(surname, 20).unwrap().is_empty());
    });
    told("holders by a surname that an eighth have, 20", common);
    let identified = timed(acts, count, |n| {
        let found = store.holder_by_identifier(&identifier(&spread(n))).unwrap();
        let found = store.certificates_of_holder(&found.unwrap().id).unwrap();
        assert_eq!(found, [id(issuer, n)]);
    });
    told("a holder by identifier, and his certificates", identified);
}

fn revoke(store: &SqliteStore, issuer: &KeyId, count: u64, acts: u64) {
    let used = load::processor_time();
    let took: Vec<_> = (0..acts)
        .map(|i| {
            let act = Act {
                by: Name::new("bench").unwrap(),
                at: load::now(),
                why: "bench".to_owned(),
                change: Change::Revoke {
                    // Far apart: the rows of one are not those of the next.
                    id: id(issuer, i * (count / acts)),
                    reason: RevocationReason::Superseded,
                    invalidity_date: None,
                },
            };
            let began = Instant::now();
            store.commit(vec![act]).unwrap();
            began.elapsed()
        })
        .collect();
    let used = load::processor_time().saturating_sub(used);
    told("a revocation, durable, one after another", took);
    println!(
        "  processors for each                          {:.0} µs",
        used.as_secs_f64() * 1e6 / acts as f64
    );
}
