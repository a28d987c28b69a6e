//! The suite on SQLite, and what only a file can do wrong.

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

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use ca_server::acts::Change;
use ca_server::store::sqlite::{Options, SqliteStore};
use ca_server::store::{Outcome, Store, StoreErrorKind};
use rusqlite::Connection;
use suite::data::{act, document};

/// A folder of its own for each test, gone afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("ca-store-{}-{n}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("centre.db")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn register(n: u64) -> Vec<ca_server::acts::Act> {
    vec![act("edliyye", 0, Change::RegisterDocument(document(n)))]
}

fn refused(path: &Path, kind: StoreErrorKind, words: &str) {
    let error = SqliteStore::open(path).unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(words), "{error}");
    assert!(error.to_string().starts_with("store /"), "{error}");
}

#[test]
fn passes_the_suite() {
    let folder = Folder::new();
    let next = AtomicU32::new(0);
    let open = || {
        let n = next.fetch_add(1, Ordering::Relaxed);
        SqliteStore::open(&folder.0.join(format!("{n}.db"))).unwrap()
    };
    suite::store_suite(|| Box::new(open()));
    suite::lease_suite(|| Arc::new(open()));
    suite::log_suite(|| Arc::new(open()));
    suite::register::register_suite(|| Arc::new(open()));
}

#[test]
fn what_was_committed_is_there_when_opened_again() {
    let folder = Folder::new();
    for n in 1..=3 {
        let store = SqliteStore::open(&folder.file()).unwrap();
        store.commit(register(n)).unwrap();
    }
    let store = SqliteStore::open(&folder.file()).unwrap();
    for n in 1..=3 {
        assert_eq!(
            store
                .document(&document(n).locator)
                .unwrap()
                .unwrap()
                .document,
            document(n)
        );
    }
}

#[cfg(unix)]
#[test]
fn the_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let store = SqliteStore::open(&folder.file()).unwrap();
    store.commit(register(1)).unwrap();
    let mut files = 0;
    for entry in fs::read_dir(&folder.0).unwrap() {
        let mode = entry.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        files += 1;
    }
    assert_eq!(files, 3, "the file, its log and the log's index");
}

#[test]
fn another_programs_file_is_left_alone() {
    let folder = Folder::new();
    let other = Connection::open(folder.file()).unwrap();
    other
        .execute_batch("CREATE TABLE t (x); PRAGMA user_version = 1;")
        .unwrap();
    drop(other);
    let before = fs::read(folder.file()).unwrap();
    refused(
        &folder.file(),
        StoreErrorKind::NotOurs,
        "belongs to another program",
    );
    assert_eq!(fs::read(folder.file()).unwrap(), before);
    fs::write(folder.file(), "%PDF-1.7\n".repeat(500)).unwrap();
    refused(
        &folder.file(),
        StoreErrorKind::NotOurs,
        "no store of this program",
    );
}

#[test]
fn a_newer_schema_is_refused() {
    let folder = Folder::new();
    drop(SqliteStore::open(&folder.file()).unwrap());
    let newer = Connection::open(folder.file()).unwrap();
    newer.pragma_update(None, "user_version", 99).unwrap();
    drop(newer);
    refused(
        &folder.file(),
        StoreErrorKind::NewerSchema,
        "version 99, this program knows up to",
    );
}

#[test]
fn places_where_no_file_can_be() {
    let folder = Folder::new();
    refused(&folder.0, StoreErrorKind::Io, "is a folder");
    refused(
        &folder.0.join("none/centre.db"),
        StoreErrorKind::Io,
        "folder does not exist",
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_cannot_be_written() {
    // Nobody makes files there, not even root; which error says so is the kernel's choice.
    let error = SqliteStore::open(Path::new("/proc/self/centre.db")).unwrap_err();
    assert!(
        matches!(error.kind(), StoreErrorKind::Io | StoreErrorKind::ReadOnly),
        "{error}"
    );
    let error = SqliteStore::open(Path::new("/sys/kernel/notes")).unwrap_err();
    assert!(
        matches!(
            error.kind(),
            StoreErrorKind::ReadOnly | StoreErrorKind::NotOurs
        ),
        "{:?} {error}",
        error.kind()
    );
}

#[test]
fn a_damaged_file_is_told() {
    let folder = Folder::new();
    let store = SqliteStore::open(&folder.file()).unwrap();
    store
        .commit((1..=500).flat_map(register).collect())
        .unwrap();
    store.check().unwrap();
    drop(store);
    let mut octets = fs::read(folder.file()).unwrap();
    let half = octets.len() / 2;
    octets[half..].fill(0x5a);
    fs::write(folder.file(), octets).unwrap();
    let store = SqliteStore::open(&folder.file()).unwrap();
    assert_eq!(store.check().unwrap_err().kind(), StoreErrorKind::Corrupt);
    let mut kinds = Vec::new();
    for n in 1..=500 {
        if let Err(error) = store.document(&document(n).locator) {
            kinds.push(error.kind());
        }
    }
    assert!(!kinds.is_empty());
    assert!(
        kinds.iter().all(|kind| *kind == StoreErrorKind::Corrupt),
        "{kinds:?}"
    );
}

#[test]
fn a_full_store_loses_nothing() {
    let folder = Folder::new();
    let options = Options {
        max_octets: Some(512 * 1024),
        ..Options::default()
    };
    let store = SqliteStore::open_with(&folder.file(), &options).unwrap();
    let mut kept = 0;
    let error = loop {
        match store.commit(register(kept + 1)) {
            Ok(_) => kept += 1,
            Err(error) => break error,
        }
        assert!(kept < 10_000);
    };
    assert_eq!(error.kind(), StoreErrorKind::Full, "{error}");
    assert!(error.to_string().contains("no space is left"), "{error}");
    assert!(kept > 100);
    for n in 1..=kept {
        assert!(store.document(&document(n).locator).unwrap().is_some());
    }
    assert!(
        store
            .document(&document(kept + 1).locator)
            .unwrap()
            .is_none()
    );
    drop(store);
    // With room again, it goes on.
    let store = SqliteStore::open(&folder.file()).unwrap();
    store.check().unwrap();
    store.commit(register(kept + 1)).unwrap();
}

#[test]
fn two_stores_on_one_file_take_turns() {
    let folder = Folder::new();
    let stores = [(); 2].map(|()| SqliteStore::open(&folder.file()).unwrap());
    std::thread::scope(|scope| {
        for (store, first) in stores.iter().zip([0, 1000]) {
            scope.spawn(move || {
                for n in first..first + 100 {
                    store.commit(register(n)).unwrap();
                }
            });
        }
    });
    for store in &stores {
        for n in (0..100).chain(1000..1100) {
            let again = store.commit(register(n)).unwrap();
            assert_eq!(again.outcomes, [Outcome::AlreadyDone]);
        }
    }
}

#[test]
fn whoever_waits_too_long_is_told() {
    let folder = Folder::new();
    let wait = Duration::from_millis(50);
    let options = Options {
        wait,
        ..Options::default()
    };
    let store = SqliteStore::open_with(&folder.file(), &options).unwrap();
    let other = Connection::open(folder.file()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let began = Instant::now();
    let error = store.commit(register(1)).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Busy, "{error}");
    assert!(error.to_string().contains("another process"), "{error}");
    assert!(began.elapsed() >= wait);
    // Reading goes on meanwhile, and writing afterwards.
    assert_eq!(store.document(&document(1).locator).unwrap(), None);
    other.execute_batch("ROLLBACK").unwrap();
    store.commit(register(1)).unwrap();
}

#[test]
fn the_audit_cannot_be_changed_through_sql() {
    let folder = Folder::new();
    let store = SqliteStore::open(&folder.file()).unwrap();
    store.commit(register(1)).unwrap();
    let other = Connection::open(folder.file()).unwrap();
    for sql in ["UPDATE audit SET why = ''", "DELETE FROM audit"] {
        assert!(
            other
                .execute(sql, [])
                .unwrap_err()
                .to_string()
                .contains("never"),
            "{sql}"
        );
    }
}
