//! The archive of expired certificates: a step at a time, searched by registrars, with every status kept.

#![cfg(feature = "postgres")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "a test that meets the unexpected should stop"
)]

mod desk;
mod postgres;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ca_server::ids::{CertificateId, KeyId, Serial};
use ca_server::life::{ARCHIVED, Life, Revocation};
use ca_server::officers::Role;
use ca_server::records::{CertificateRecord, RevocationReason, Standing};
use ca_server::store::StatusFilter;
use ca_server::store::postgres::PostgresStore;
use ca_server::store::sqlite::SqliteStore;
use esign_core::time::UnixTime;
use esign_core::x509::SerialNumber;

use desk::{Case, DAY, NOON, actor, key};
use postgres::Cluster;

fn at(days: i64) -> UnixTime {
    UnixTime::from_seconds(NOON + days * DAY)
}

#[test]
fn what_has_ended_goes_into_the_archive_and_keeps_its_status() {
    let case = Case::new("archive");
    let (good, revoked) = (case.first(&key()), case.first(&key()));
    let officer = actor("officer", Role::RevocationOfficer, 1);
    let reason = Revocation {
        reason: RevocationReason::KeyCompromise,
        invalidity_date: None,
    };
    case.life
        .revoke(&officer, &revoked, reason, "lost")
        .unwrap();
    // They live for 100 days and stay for 30 more; the last second belongs to them.
    let end = case.certificate(&good).not_after();
    let last = end.plus(30 * DAY);
    assert_eq!(case.life.archive_expired(last, None).unwrap(), 0);
    assert_eq!(case.life.archive_expired(last.plus(1), None).unwrap(), 2);
    assert_eq!(case.life.archive_expired(last.plus(2), None).unwrap(), 0);
    let record = |serial: &SerialNumber| case.life.find(serial).unwrap();
    for serial in [&good, &revoked] {
        assert_eq!(record(serial).archived_at, Some(last.plus(1)));
    }
    assert_eq!(record(&good).standing, Standing::Good);
    assert!(matches!(
        record(&revoked).standing,
        Standing::Revoked { .. }
    ));
    // The list goes on naming it (ExpiredCertsOnCRL).
    let mut listed = Vec::new();
    let issuer = record(&revoked).id.issuer;
    let store = case.life.store();
    store
        .visit_status(&issuer, None, StatusFilter::Listed, &mut |entry| {
            listed.push(entry.id);
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(listed, [record(&revoked).id]);
    // Registrars and auditors find it: by holder, by serial number, by when it ended; others do not.
    let holder = record(&good).holder.unwrap();
    assert_eq!(store.certificates_of_holder(&holder).unwrap().len(), 2);
    for role in [Role::Registrar, Role::Auditor] {
        let searching = actor("reader", role, 200);
        let search = |from, to, limit| case.life.archive(&searching, from, to, limit).unwrap();
        let found = search(end, end.plus(1), 10);
        assert_eq!((found.certificates.len(), found.more), (2, false));
        let found = search(at(0), at(200), 1);
        assert_eq!((found.certificates.len(), found.more), (1, true));
        assert_eq!(search(at(0), end, 10).certificates, []);
        assert_eq!(search(end.plus(1), at(500), 10).certificates, []);
    }
    let approver = actor("approver", Role::Approver, 200);
    let error = case
        .life
        .archive(&approver, at(0), at(200), 10)
        .unwrap_err();
    assert!(
        error.to_string().contains("registrar or auditor"),
        "{error}"
    );
}

/// Rows like that of a certificate, made by SQL: copy `n` ends at noon of day 60 and `end` seconds.
fn copies(case: &Case, of: &CertificateRecord, count: usize, end: &str) {
    let connection = rusqlite::Connection::open(case.dir.join("store.sqlite")).unwrap();
    let sql = "INSERT INTO certificate (issuer, serial, request, profile, holder, subject_key, \
         not_before, not_after, shard, tbs_digest, certificate, intended_at, issued_at, published_at) \
         WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < $1) \
         SELECT issuer, CAST(n + 0x1000000 AS BLOB), request, profile, holder, \
         CAST(printf('%032d', n) AS BLOB), not_before, $2 + END, shard, tbs_digest, certificate, \
         intended_at, issued_at, published_at FROM certificate, n WHERE serial = $3";
    let values = (
        i64::try_from(count).unwrap(),
        NOON + 60 * DAY,
        of.id.serial.as_bytes(),
    );
    connection
        .execute(&sql.replace("END", end), values)
        .unwrap();
}

/// More certificates may end at one second than one step looks at: none is left out, none told twice.
#[test]
fn however_many_end_at_one_second_each_is_told_of_once() {
    let case = Case::new("second");
    let first = case.life.find(&case.first(&key())).unwrap();
    copies(&case, &first, 2500, "(n > 1200)");
    let (mut from, mut told, mut steps) = (at(1).seconds(), Vec::new(), Vec::new());
    loop {
        let step = case.life.expiry_notices(from, at(61)).unwrap();
        steps.push(step.notices.len());
        told.extend(step.notices.into_iter().map(|one| one.id));
        from = step.upto;
        if !step.more {
            break;
        }
    }
    assert_eq!(
        (steps.as_slice(), from),
        (&[1200, 1300][..], at(61).seconds())
    );
    told.sort_unstable();
    told.dedup();
    assert_eq!(told.len(), 2500);
}

/// `cargo test -p ca-server --test archive -- --ignored --nocapture`: 100,000 expired certificates among
/// as many that are not; `ESIGN_ARCHIVE_ROWS` makes it another number.
#[test]
#[ignore = "takes half a minute; its figures stand in docs/benchmarks.md"]
fn a_hundred_thousand_are_archived_in_small_steps() {
    let rows = std::env::var("ESIGN_ARCHIVE_ROWS").unwrap_or_else(|_| "100000".to_owned());
    let rows: usize = rows.parse().unwrap();
    let case = Case::new("many");
    let first = case.life.find(&case.first(&key())).unwrap();
    // Half have ended 40 days ago, half end in 60.
    copies(&case, &first, 2 * rows, "n % 7 + (n % 2) * 100 * 86400");
    // The same rows in either database.
    if let Some(cluster) = Cluster::start() {
        let url = cluster.database("archive");
        let store = PostgresStore::open(&url, None).unwrap();
        let file = SqliteStore::open(&case.dir.join("store.sqlite")).unwrap();
        store.move_from(&file).unwrap();
        drop(store);
        let store = Arc::new(PostgresStore::open(&url, None).unwrap());
        let settings = Arc::new(case.life.settings().clone());
        let life = Life::new(store, settings, case.life.issuing().to_vec()).unwrap();
        measured("PostgreSQL", &life, &first.id.issuer, rows);
    }
    measured("SQLite", &case.life, &first.id.issuer, rows);
}

/// Archives all that has ended, and says how long that took.
fn measured(name: &str, life: &Life, issuer: &KeyId, rows: usize) {
    let now = at(100);
    let (mut archived, mut steps, mut reads) = (0, Vec::new(), Vec::new());
    let one = CertificateId {
        issuer: *issuer,
        serial: Serial::from_magnitude(b"16777217").unwrap(),
    };
    loop {
        let began = Instant::now();
        let step = life.archive_expired(now, None).unwrap();
        if step == 0 {
            break;
        }
        assert!(step as u64 <= ARCHIVED);
        steps.push(began.elapsed());
        archived += step;
        let began = Instant::now();
        assert!(life.store().certificate(&one).unwrap().is_some());
        reads.push(began.elapsed());
    }
    assert_eq!(archived, rows);
    let whole: Duration = steps.iter().sum();
    steps.sort_unstable();
    reads.sort_unstable();
    println!(
        "{name}: {rows} of {} archived in {} steps, {whole:.1?} in all: one step p50 {:.1?}, slowest {:.1?}; \
         a certificate is read meanwhile in p50 {:.1?}",
        2 * rows,
        steps.len(),
        steps[steps.len() / 2],
        steps[steps.len() - 1],
        reads[reads.len() / 2],
    );
    let began = Instant::now();
    assert_eq!(life.archive_expired(now, None).unwrap(), 0);
    println!("{name}: nothing to do is found in {:.1?}", began.elapsed());
    let registrar = actor("registrar", Role::Registrar, 100);
    let began = Instant::now();
    let found = life.archive(&registrar, at(60), at(61), 100).unwrap();
    println!(
        "{name}: {} of the archive found by time in {:.1?}",
        found.certificates.len(),
        began.elapsed()
    );
    assert!(found.more);
    // No step looks at what is not its own.
    assert!(steps[steps.len() / 2] < Duration::from_secs(1));
}
