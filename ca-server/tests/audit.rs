//! The audit log from outside: sequenced, verified, tampered with, exported, journalled, restored.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    dead_code,
    missing_docs,
    reason = "a test that meets the unexpected should stop"
)]

mod suite;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ca_server::acts::Change;
use ca_server::audit::{
    DirectoryTiles, Journal, JournalReader, PublishedCrl, Schedule, Sequencer, Verification,
    WrongKind, attest, export, reconcile, verify, verify_export,
};
use ca_server::ids::KeyId;
use ca_server::store::sqlite::SqliteStore;
use ca_server::store::{Attestation, LogStore, Store, StoreErrorKind};
use esign_core::keys::{KeySpec, PrivateKey, SigningKey};
use esign_core::log::{
    Checkpoint, Cosignature, KeyKind, LogError, NoteKey, SignedNote, TileId, TileStore,
};
use rusqlite::Connection;
use suite::data::{act, document, issuer, time};

const ORIGIN: &str = "audit.example/test";

struct Log {
    dir: PathBuf,
    key: Arc<PrivateKey>,
}

impl Drop for Log {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

impl Log {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("ca-audit-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        let key = Arc::new(PrivateKey::generate(KeySpec::Ed25519).unwrap());
        Self { dir, key }
    }

    fn database(&self) -> PathBuf {
        self.dir.join("centre.db")
    }

    fn store(&self) -> Arc<SqliteStore> {
        Arc::new(SqliteStore::open(&self.database()).unwrap())
    }

    fn tiles(&self) -> DirectoryTiles {
        DirectoryTiles::open(&self.dir.join("log")).unwrap()
    }

    fn named(&self) -> NoteKey {
        NoteKey::new(ORIGIN, KeyKind::Note, self.key.public_key()).unwrap()
    }

    fn sequencer(&self, store: &Arc<SqliteStore>) -> Sequencer {
        Sequencer::open(store.clone(), self.tiles(), ORIGIN, self.key.clone()).unwrap()
    }

    fn verify(&self, heads: &[SignedNote]) -> Verification {
        let store = self.store();
        let tiles = self.tiles();
        verify(store.as_ref(), Some(&tiles), heads, &self.named()).unwrap()
    }

    /// Changes the database as whoever has the file can.
    fn tamper(&self, sql: &str) {
        let connection = Connection::open(self.database()).unwrap();
        connection
            .pragma_update(None, "foreign_keys", false)
            .unwrap();
        let triggers: Vec<String> = connection
            .prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        for trigger in triggers {
            connection
                .execute_batch(&format!("DROP TRIGGER {trigger}"))
                .unwrap();
        }
        connection.execute_batch(sql).unwrap();
    }
}

fn register(store: &SqliteStore, range: std::ops::Range<u64>) {
    let acts = range.map(|n| act("edliyye", 0, Change::RegisterDocument(document(n))));
    store.commit(acts.collect()).unwrap();
}

/// A log of 600 entries with heads of 100, 300 and 600.
fn logged(name: &str) -> (Log, Vec<SignedNote>) {
    let log = Log::new(name);
    let store = log.store();
    let mut sequencer = log.sequencer(&store);
    let mut heads = Vec::new();
    for (range, at) in [(0..100, 1), (100..300, 2), (300..600, 3)] {
        register(&store, range);
        heads.push(sequencer.run(time(at)).unwrap().unwrap());
        assert!(sequencer.run(time(at)).unwrap().is_none());
    }
    (log, heads)
}

fn kinds(found: &Verification) -> Vec<(WrongKind, u64)> {
    found.wrong.iter().map(|w| (w.kind, w.at)).collect()
}

#[test]
fn an_untouched_log_holds_against_every_head() {
    let (log, heads) = logged("holds");
    let found = log.verify(&heads);
    assert!(found.holds(), "{found:?}");
    assert_eq!(
        (found.entries, found.heads.clone()),
        (600, vec![100, 300, 600])
    );
    register(&log.store(), 600..603);
    let found = log.verify(&heads);
    assert!(found.holds());
    assert_eq!(found.waiting, 3);
    // Opened again it goes on where it was.
    let store = log.store();
    let mut sequencer = log.sequencer(&store);
    assert_eq!(sequencer.size(), 600);
    let head = sequencer.run(time(9)).unwrap().unwrap();
    assert_eq!(Checkpoint::of(&head).unwrap().size, 603);
    assert_eq!(log.tiles().checkpoint().unwrap().unwrap(), head.to_string());
    assert!(log.verify(&heads).holds());
}

#[test]
fn every_kind_of_tampering_is_found_and_named() {
    type Row<'a> = (&'a str, &'a str, &'a [(WrongKind, u64)]);
    let rows: [Row; 7] = [
        (
            "body",
            "UPDATE audit SET body = replace(body, 'digest', 'dugest') WHERE id = 43",
            &[(WrongKind::Changed, 42)],
        ),
        (
            "who",
            "UPDATE audit SET actor = 'nobody' WHERE id = 600",
            &[(WrongKind::Changed, 599)],
        ),
        (
            "swap",
            "UPDATE audit SET at = at + 1 WHERE id IN (10, 500)",
            &[(WrongKind::Changed, 9), (WrongKind::Changed, 499)],
        ),
        (
            "gone",
            "DELETE FROM audit WHERE id = 300",
            &[(WrongKind::Missing, 299)],
        ),
        (
            "gap",
            "DELETE FROM log_sequence WHERE position IN (7, 8); DELETE FROM audit WHERE id IN (8, 9)",
            &[(WrongKind::Missing, 7), (WrongKind::Missing, 8)],
        ),
        (
            "unplaced",
            "DELETE FROM log_sequence WHERE position = 7",
            &[(WrongKind::Missing, 7), (WrongKind::Inserted, 8)],
        ),
        (
            "cut",
            "DELETE FROM log_sequence WHERE position >= 400; DELETE FROM audit WHERE id > 400; DELETE FROM log_head WHERE size = 600",
            &[(WrongKind::Cut, 600), (WrongKind::Cut, 300)],
        ),
    ];
    for (name, sql, expected) in rows {
        let (log, heads) = logged(name);
        log.tamper(sql);
        // Against the last head alone.
        let found = log.verify(&heads[2..]);
        assert_eq!(kinds(&found), expected, "{name}: {found:?}");
        for wrong in found.wrong.iter().filter(|w| w.kind == WrongKind::Changed) {
            assert!(wrong.expected.starts_with("{\"v\":1,"), "{wrong}");
            assert!(wrong.found.starts_with("{\"v\":1,"), "{wrong}");
        }
        // Without tiles it is found as well, if not named.
        let store = log.store();
        let found = verify(store.as_ref(), None, &heads, &log.named()).unwrap();
        assert!(!found.holds(), "{name}");
    }
}

#[test]
fn entries_in_each_others_places_are_found() {
    let (log, heads) = logged("reordered");
    log.tamper(
        "UPDATE log_sequence SET audit = 1000000 WHERE position = 5;
         UPDATE log_sequence SET audit = 6 WHERE position = 70;
         UPDATE log_sequence SET audit = 71 WHERE position = 5",
    );
    let found = log.verify(&heads[2..]);
    let expected = [(WrongKind::Changed, 5), (WrongKind::Changed, 70)];
    assert_eq!(kinds(&found), expected, "{found:?}");
}

#[test]
fn a_log_rewritten_with_its_tiles_and_heads_is_found_by_the_auditors_head() {
    let (log, heads) = logged("rewritten");
    // The operator, who has the key, makes another history from the same store.
    log.tamper(
        "UPDATE audit SET actor = 'nobody' WHERE id = 250;
         DELETE FROM log_sequence; DELETE FROM log_head",
    );
    fs::remove_dir_all(log.dir.join("log")).unwrap();
    let store = log.store();
    let forged = log.sequencer(&store).run(time(9)).unwrap().unwrap();
    assert!(log.verify(std::slice::from_ref(&forged)).holds());
    let found = log.verify(&heads[2..]);
    assert!(
        kinds(&found).contains(&(WrongKind::Rewritten, 600)),
        "{found:?}"
    );
    // Older heads tell since when.
    let store = log.store();
    let found = verify(store.as_ref(), None, &heads, &log.named()).unwrap();
    assert_eq!(found.heads, [100]);
    let expected = [(WrongKind::Rewritten, 300), (WrongKind::Rewritten, 600)];
    assert_eq!(kinds(&found), expected);
}

#[test]
fn any_octet_of_any_entry_tile_or_head_counts() {
    let (log, heads) = logged("octets");
    let mut files = Vec::new();
    let mut folders = vec![log.dir.join("log/tile")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path)
            } else {
                files.push(path)
            }
        }
    }
    // Those of the last head; narrower ones belong to the heads before.
    let live = |path: &PathBuf| {
        let name = path.to_str().unwrap();
        !name.contains("entries")
            && (!name.contains(".p/") || name.ends_with(".p/88") || name.ends_with(".p/2"))
    };
    files.retain(live);
    assert_eq!(files.len(), 4, "{files:?}");
    let mut state: usize = 12_345;
    for path in files {
        let good = fs::read(&path).unwrap();
        for _ in 0..5 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let mut bad = good.clone();
            let at = (state >> 33) % bad.len();
            bad[at] ^= 1 << (state % 8);
            fs::write(&path, bad).unwrap();
            let found = log.verify(&heads[2..]);
            assert!(
                found.wrong.iter().any(|w| w.kind == WrongKind::Tile),
                "{} {at}: {found:?}",
                path.display()
            );
        }
        fs::write(&path, good).unwrap();
    }
    assert!(log.verify(&heads).holds());
    let head = heads[2].to_string();
    for at in 0..head.len() {
        let mut bad = head.clone().into_bytes();
        bad[at] ^= 1;
        if let Ok(note) = SignedNote::parse(&bad) {
            let found = log.verify(&[note]);
            assert!(!found.holds(), "octet {at}");
        }
    }
}

#[test]
fn an_export_is_verified_without_the_store() {
    let (log, heads) = logged("export");
    let store = log.store();
    let mut file = Vec::new();
    let written = export(store.as_ref(), &log.tiles(), &log.named(), &mut file).unwrap();
    assert_eq!(written, 600);
    let check =
        |file: &[u8], heads: &[SignedNote]| verify_export(&mut &file[..], heads, &log.named());
    let found = check(&file, &heads).unwrap();
    assert!(found.holds(), "{found:?}");
    assert_eq!(found.heads, [100, 300, 600, 600]);
    let text = String::from_utf8(file).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let join = |lines: &[&str]| format!("{}\n", lines.join("\n")).into_bytes();
    // One entry altered, left out, swapped, the end cut.
    let altered = lines[50].replace("edliyye", "adliyye");
    let mut bad = lines.clone();
    bad[50] = &altered;
    let found = check(&join(&bad), &heads).unwrap();
    assert!(
        kinds(&found).contains(&(WrongKind::Changed, 49)),
        "{found:?}"
    );
    let mut bad = lines.clone();
    bad.remove(50);
    assert_eq!(
        kinds(&check(&join(&bad), &heads).unwrap()),
        [(WrongKind::Missing, 49)]
    );
    let mut bad = lines.clone();
    bad.swap(50, 51);
    assert_eq!(
        kinds(&check(&join(&bad), &heads).unwrap()),
        [(WrongKind::Missing, 49)]
    );
    let cut = check(&join(&lines[..400]), &heads).unwrap();
    assert_eq!(kinds(&cut), [(WrongKind::Cut, 600), (WrongKind::Cut, 600)]);
    // Another log's export.
    let (other, _) = logged("export-other");
    let found = verify_export(&mut text.as_bytes(), &[], &other.named()).unwrap();
    assert_eq!(kinds(&found)[0].0, WrongKind::Foreign);
}

#[test]
fn heads_come_when_they_are_due() {
    let log = Log::new("due");
    let store = log.store();
    let mut sequencer = log.sequencer(&store);
    let schedule = Schedule {
        seconds: 60,
        entries: 5,
    };
    assert!(!sequencer.due(&schedule, time(0)).unwrap());
    register(&store, 0..1);
    assert!(sequencer.due(&schedule, time(0)).unwrap());
    sequencer.run(time(0)).unwrap();
    register(&store, 1..5);
    assert!(!sequencer.due(&schedule, time(59)).unwrap());
    assert!(sequencer.due(&schedule, time(60)).unwrap());
    register(&store, 5..6);
    assert!(sequencer.due(&schedule, time(1)).unwrap());
    // A clock set back does not set heads back.
    sequencer.run(time(-500)).unwrap();
    assert_eq!(store.latest_head().unwrap().unwrap().at, time(0));
}

#[test]
fn of_two_sequencers_one_goes_on() {
    let log = Log::new("two");
    let store = log.store();
    let mut one = log.sequencer(&store);
    let mut two = log.sequencer(&store);
    register(&store, 0..10);
    one.run(time(0)).unwrap();
    register(&store, 10..20);
    let error = store.sequence(None, 0, vec![11], store.latest_head().unwrap().unwrap());
    assert_eq!(error.unwrap_err().kind(), StoreErrorKind::Conflict);
    // The one that was behind catches up by what the store has, and forks nothing.
    let _ = two.run(time(1));
    let _ = one.run(time(2));
    let heads = [store.signed_head().unwrap().unwrap()];
    let notes: Vec<_> = heads
        .iter()
        .map(|head| SignedNote::parse(head.note.as_ref().unwrap().as_bytes()).unwrap())
        .collect();
    assert!(log.verify(&notes).holds());
}

/// Tiles that fail after so many writes stand for a crash between any two of them: see
/// `audit_crash` for real ones. Here the store alone is at the committed, unsigned head.
#[test]
fn a_committed_head_is_finished_on_opening() {
    let (log, _) = logged("unsigned");
    let store = log.store();
    register(&store, 600..700);
    // What a process did that died before its tiles: made by another log over the same entries.
    let mut ahead = log.sequencer(&store);
    let before = log.dir.join("log-before");
    copy(&log.dir.join("log"), &before);
    ahead.run(time(4)).unwrap();
    fs::remove_dir_all(log.dir.join("log")).unwrap();
    fs::rename(&before, log.dir.join("log")).unwrap();
    drop(ahead);
    log.tamper("UPDATE log_head SET note = NULL WHERE size = 700");
    let again = log.sequencer(&store);
    assert_eq!(again.size(), 700);
    let note = store.signed_head().unwrap().unwrap().note.unwrap();
    assert_eq!(log.tiles().checkpoint().unwrap().unwrap(), note);
    assert!(
        log.verify(&[SignedNote::parse(note.as_bytes()).unwrap()])
            .holds()
    );
}

#[test]
fn witnesses_and_time_stamps_are_kept_beside_the_head() {
    let (log, heads) = logged("attest");
    let store = log.store();
    let key = PrivateKey::generate(KeySpec::Ed25519).unwrap();
    let witness = NoteKey::new("witness.example", KeyKind::Cosignature, key.public_key()).unwrap();
    let mut note = heads[2].clone();
    let line = Cosignature::sign(&mut note, &witness, &key, time(7)).unwrap();
    let said = Attestation::Cosignature(line.to_string());
    assert!(attest(store.as_ref(), 300, &said, Some(&witness)).is_err());
    assert!(attest(store.as_ref(), 600, &said, None).is_err());
    attest(store.as_ref(), 600, &said, Some(&witness)).unwrap();
    attest(store.as_ref(), 600, &said, Some(&witness)).unwrap();
    let token = Attestation::TimeStamp(vec![0x30, 0]);
    attest(store.as_ref(), 600, &token, None).unwrap();
    assert!(attest(store.as_ref(), 601, &token, None).is_err());
    assert_eq!(store.attestations(600).unwrap(), [said, token]);
}

#[test]
fn a_restored_back_up_is_told_by_journal_log_and_crls() {
    let log = Log::new("restored");
    let path = log.dir.join("journal");
    let store = log.store();
    let journal = Journal::open(&path).unwrap();
    let mut sequencer = log.sequencer(&store);
    store
        .commit(vec![act("admin", 0, Change::AddIssuer(issuer(1)))])
        .unwrap();
    register(&store, 0..50);
    journal.follow(store.as_ref()).unwrap();
    sequencer.run(time(1)).unwrap();
    drop(sequencer);
    let backup = log.dir.join("backup.db");
    Connection::open(log.database())
        .unwrap()
        .execute("VACUUM INTO $1", [backup.to_str().unwrap()])
        .unwrap();
    register(&store, 50..60);
    let reserve = Change::ReserveCrlNumber {
        issuer: KeyId([1; 32]),
        shard: 0,
        number: 7,
    };
    store.commit(vec![act("crl", 0, reserve)]).unwrap();
    journal.follow(store.as_ref()).unwrap();
    let head = log.sequencer(&store).run(time(2)).unwrap().unwrap();
    let crl = PublishedCrl {
        issuer: KeyId([1; 32]),
        shard: 0,
        number: 7,
    };
    let compare = |store: &SqliteStore| {
        let mut reader = JournalReader::open(&path).unwrap();
        reconcile(
            store,
            store,
            Some(&mut reader),
            Some(&head),
            std::slice::from_ref(&crl),
        )
        .unwrap()
    };
    let now = compare(&store);
    assert!(now.agrees(), "{now:?}");
    assert_eq!(now.not_journalled, 0);
    let old = SqliteStore::open(&backup).unwrap();
    let found = compare(&old);
    assert!(!found.agrees());
    assert_eq!(found.lost_count, 11);
    assert_eq!(found.lost[0].id, 52);
    assert!(found.lost[10].leaf.contains("\"number\":7"));
    assert_eq!(found.log_behind, Some((62, 51)));
    assert_eq!(found.crls_ahead, [(crl.clone(), None)]);
    // Nor does a sequencer go on from it and fork what was published.
    let refused = Sequencer::open(Arc::new(old), log.tiles(), ORIGIN, log.key.clone());
    assert!(
        refused
            .err()
            .unwrap()
            .to_string()
            .contains("is behind the published log")
    );
    // What was done after the restoration takes the numbers again: that differs.
    let old = SqliteStore::open(&backup).unwrap();
    register(&old, 900..903);
    let found = compare(&old);
    assert_eq!((found.lost_count, found.different), (8, vec![52, 53, 54]));
}

#[test]
fn a_journal_survives_a_cut_line_and_tells_an_altered_one() {
    let log = Log::new("journal");
    let path = log.dir.join("journal");
    let store = log.store();
    let journal = Journal::open(&path).unwrap();
    assert!(
        Journal::open(&path).is_err(),
        "two processes write one journal"
    );
    for n in 0..5 {
        register(&store, n * 10..n * 10 + 10);
        journal.follow(store.as_ref()).unwrap();
    }
    drop(journal);
    let whole = fs::read(&path).unwrap();
    let last = whole[..whole.len() - 1]
        .iter()
        .rposition(|b| *b == b'\n')
        .unwrap()
        + 1;
    for cut in [last, last + 1, whole.len() - 1] {
        fs::write(&path, &whole[..cut]).unwrap();
        let journal = Journal::open(&path).unwrap();
        journal.follow(store.as_ref()).unwrap();
        drop(journal);
        assert_eq!(fs::read(&path).unwrap(), whole, "cut at {cut}");
    }
    let text = String::from_utf8(whole).unwrap();
    fs::write(&path, text.replacen("edliyye", "adliyye", 1)).unwrap();
    let error = Journal::open(&path).unwrap_err();
    assert!(error.to_string().contains("line 2"), "{error}");
    let without: Vec<&str> = text
        .lines()
        .enumerate()
        .filter(|(n, _)| *n != 2)
        .map(|(_, l)| l)
        .collect();
    fs::write(&path, format!("{}\n", without.join("\n"))).unwrap();
    assert!(Journal::open(&path).is_err());
}

#[test]
fn tiles_are_never_written_over() {
    let log = Log::new("tiles");
    let tiles = log.tiles();
    let id = TileId::parse("tile/0/x001/234.p/7").unwrap();
    assert_eq!(tiles.read(&id).unwrap(), None);
    tiles.write(&id, b"one").unwrap();
    tiles.write(&id, b"one").unwrap();
    let error: LogError = tiles.write(&id, b"two").unwrap_err();
    assert!(error.to_string().contains("fork"), "{error}");
    assert_eq!(tiles.read(&id).unwrap().unwrap(), b"one");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
