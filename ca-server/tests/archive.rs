//! The archive of expired certificates: a step at a time, searched by registrars, with every status kept.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "a test that meets the unexpected should stop"
)]

mod desk;

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use ca_server::ids::{CertificateId, Serial};
use ca_server::life::{ARCHIVED, Revocation};
use ca_server::officers::Role;
use ca_server::records::{RevocationReason, Standing};
use ca_server::store::StatusFilter;
use esign_core::time::UnixTime;
use esign_core::x509::SerialNumber;

use desk::{Case, DAY, NOON, actor, key};

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

/// `cargo test -p ca-server --test archive -- --ignored --nocapture`: 100,000 expired certificates among
/// as many that are not; `ESIGN_ARCHIVE_ROWS` makes it another number.
#[test]
#[ignore = "takes minutes; its figures stand in docs/benchmarks.md"]
fn a_hundred_thousand_are_archived_in_small_steps() {
    let rows = std::env::var("ESIGN_ARCHIVE_ROWS").unwrap_or_else(|_| "100000".to_owned());
    let rows: usize = rows.parse().unwrap();
    let case = Case::new("many");
    let first = case.life.find(&case.first(&key())).unwrap();
    // Rows like the first one, made by SQL: half have ended 40 days ago, half end in 60.
    let connection = rusqlite::Connection::open(case.dir.join("store.sqlite")).unwrap();
    connection
        .execute(
            "INSERT INTO certificate (issuer, serial, request, profile, holder, subject_key, \
             not_before, not_after, shard, tbs_digest, certificate, intended_at, issued_at, published_at) \
             WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < $1) \
             SELECT issuer, CAST(n + 0x1000000 AS BLOB), request, profile, holder, \
             CAST(printf('%032d', n) AS BLOB), not_before, $2 + n % 7 + (n % 2) * 100 * 86400, shard, \
             tbs_digest, certificate, intended_at, issued_at, published_at FROM certificate, n WHERE serial = $3",
            (
                i64::try_from(2 * rows).unwrap(),
                NOON + 60 * DAY,
                first.id.serial.as_bytes(),
            ),
        )
        .unwrap();
    drop(connection);
    let now = at(100);
    let (mut archived, mut steps, mut reads) = (0, Vec::new(), Vec::new());
    let one = CertificateId {
        issuer: first.id.issuer,
        serial: Serial::from_magnitude(b"16777217").unwrap(),
    };
    loop {
        let began = Instant::now();
        let step = case.life.archive_expired(now, None).unwrap();
        if step == 0 {
            break;
        }
        assert!(step <= ARCHIVED);
        steps.push(began.elapsed());
        archived += step;
        let began = Instant::now();
        assert!(case.life.store().certificate(&one).unwrap().is_some());
        reads.push(began.elapsed());
    }
    assert_eq!(archived, rows);
    let whole: Duration = steps.iter().sum();
    steps.sort_unstable();
    reads.sort_unstable();
    println!(
        "{rows} of {} archived in {} steps, {whole:.1?} in all: one step p50 {:.1?}, slowest {:.1?}; \
         a certificate is read meanwhile in p50 {:.1?}",
        2 * rows,
        steps.len(),
        steps[steps.len() / 2],
        steps[steps.len() - 1],
        reads[reads.len() / 2],
    );
    let began = Instant::now();
    assert_eq!(case.life.archive_expired(now, None).unwrap(), 0);
    println!("nothing to do is found in {:.1?}", began.elapsed());
    let registrar = actor("registrar", Role::Registrar, 100);
    let began = Instant::now();
    let found = case.life.archive(&registrar, at(60), at(61), 100).unwrap();
    println!(
        "{} of the archive found by time in {:.1?}",
        found.certificates.len(),
        began.elapsed()
    );
    assert!(found.more);
    // No step looks at what is not its own.
    assert!(steps[steps.len() / 2] < Duration::from_secs(1));
}
