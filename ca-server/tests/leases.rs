//! A process that is paused while it signs, beyond its lease: what it goes on with is refused, and what
//! others did stands.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected should stop"
)]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use ca_server::audit::{DirectoryTiles, Sequencer};
use ca_server::centre::{Authority as Which, Centre, InitOptions, Who};
use ca_server::ids::{KeyId, Name};
use ca_server::status::{Authority, Publisher, PublisherOptions};
use ca_server::store::sqlite::SqliteStore;
use ca_server::store::{Lease, LeaseName, LogStore, Store};
use esign_core::crl::Crl;
use esign_core::keys::{KeyError, KeySpec, PrivateKey, PublicKey, SignatureAlgorithm, SigningKey};
use esign_core::time::UnixTime;

const LASTS: Duration = Duration::from_millis(500);

static NEXT: AtomicUsize = AtomicUsize::new(0);

/// A key whose keeper falls asleep when he is told to.
struct Sleepy {
    key: PrivateKey,
    asleep: Mutex<bool>,
    woken: Condvar,
    began: AtomicUsize,
}

impl Sleepy {
    fn new(key: PrivateKey) -> Arc<Self> {
        Arc::new(Self {
            key,
            asleep: Mutex::new(false),
            woken: Condvar::new(),
            began: AtomicUsize::new(0),
        })
    }

    fn sleep(&self) {
        self.began.store(0, Ordering::SeqCst);
        *self.asleep.lock().unwrap() = true;
    }

    fn wake(&self) {
        *self.asleep.lock().unwrap() = false;
        self.woken.notify_all();
    }

    /// Until somebody is in the middle of signing.
    fn wait(&self) {
        while self.began.load(Ordering::SeqCst) == 0 {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl SigningKey for Sleepy {
    fn public_key(&self) -> &PublicKey {
        self.key.public_key()
    }

    fn algorithms(&self) -> &[SignatureAlgorithm] {
        self.key.algorithms()
    }

    fn sign(&self, algorithm: SignatureAlgorithm, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.began.fetch_add(1, Ordering::SeqCst);
        let asleep = self.asleep.lock().unwrap();
        drop(self.woken.wait_while(asleep, |asleep| *asleep).unwrap());
        self.key.sign(algorithm, message)
    }
}

struct Trial {
    dir: PathBuf,
    authority: Authority,
}

fn at(seconds: i64) -> UnixTime {
    UnixTime::from_seconds(1_795_000_000 + seconds)
}

impl Trial {
    fn new() -> Self {
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("leases-{}-{n}", std::process::id()));
        let options = InitOptions {
            test: true,
            ..InitOptions::new("Trial", "Trial MMC")
        };
        let who = Who {
            by: Name::new("officer").unwrap(),
            at: at(0),
        };
        let centre = Centre::init(&dir, &options, None, &who).unwrap();
        let authority = Authority::new(centre.certificate(Which::Issuing).clone()).unwrap();
        for folder in ["a", "b"] {
            std::fs::create_dir(dir.join(folder)).unwrap();
        }
        Self { dir, authority }
    }

    fn store(&self) -> Arc<SqliteStore> {
        Arc::new(SqliteStore::open(&self.dir.join("store.sqlite")).unwrap())
    }

    fn key(&self) -> Arc<Sleepy> {
        let pem = std::fs::read(self.dir.join("keys/issuing.pem")).unwrap();
        Sleepy::new(PrivateKey::from_file(&pem, None).unwrap())
    }

    fn publisher(&self, folder: &str, key: Arc<Sleepy>) -> Publisher {
        let mut options = PublisherOptions::new(self.dir.join(folder), 86_400);
        let holder = [folder.as_bytes()[0]; 16];
        let lease = Lease::new(self.store(), LeaseName::Lists, holder, LASTS);
        options.lease = Some(Arc::new(lease));
        Publisher::new(
            self.store(),
            self.authority.clone(),
            key,
            "issuing".to_owned(),
            options,
        )
    }

    fn list(&self, folder: &str) -> Vec<u8> {
        std::fs::read(self.dir.join(folder).join("issuing.crl")).unwrap()
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

fn number(list: &[u8]) -> Vec<u8> {
    let list = Crl::from_der(list).unwrap();
    list.number().unwrap().unwrap().as_bytes().to_vec()
}

#[test]
fn a_publisher_that_slept_publishes_nothing() {
    let trial = Trial::new();
    let (sleepy, other) = (trial.key(), trial.key());
    let a = trial.publisher("a", sleepy.clone());
    let b = trial.publisher("b", other);
    assert_eq!(a.publish_if_due(at(10)).unwrap().len(), 1);
    // The other has no lease; it copies.
    assert_eq!(b.publish_if_due(at(10)).unwrap().len(), 0);
    assert!(
        b.publish(at(10))
            .unwrap_err()
            .to_string()
            .contains("another process")
    );
    let first = trial.list("a");
    assert_eq!(trial.list("b"), first);
    sleepy.sleep();
    std::thread::scope(|scope| {
        let paused = scope.spawn(|| a.publish(at(20)));
        sleepy.wait();
        std::thread::sleep(LASTS * 2);
        assert_eq!(b.publish_if_due(at(21)).unwrap().len(), 1);
        sleepy.wake();
        let refused = paused.join().unwrap().unwrap_err();
        assert!(
            refused.to_string().contains("lease lists: epoch 1 is over"),
            "{refused}"
        );
    });
    // Neither its folder nor the store has what it signed.
    assert_eq!(trial.list("a"), first);
    let second = trial.list("b");
    assert!(number(&second) > number(&first));
    let latest = trial
        .store()
        .latest_crl(&trial.authority.id(), 0)
        .unwrap()
        .unwrap();
    assert_eq!(latest.digest.0, Crl::from_der(&second).unwrap().sha256());
    // It stands back, and copies in its turn; then the lease is given back, and it publishes again.
    assert_eq!(a.publish_if_due(at(22)).unwrap().len(), 0);
    assert_eq!(trial.list("a"), second);
    drop(b);
    assert_eq!(a.publish_if_due(at(23)).unwrap().len(), 1);
    let third = trial.list("a");
    assert!(number(&third) > number(&second));
}

#[test]
fn a_sequencer_that_slept_signs_nothing() {
    let trial = Trial::new();
    let key = PrivateKey::generate(KeySpec::Ed25519).unwrap();
    let pem = key
        .to_pkcs8_pem(
            None,
            esign_core::keys::Kdf::default(),
            &ring::rand::SystemRandom::new(),
        )
        .unwrap();
    let again = || Sleepy::new(PrivateKey::from_file(pem.as_bytes(), None).unwrap());
    let (sleepy, other) = (again(), again());
    let lease = |holder| Lease::new(trial.store(), LeaseName::Log, [holder; 16], LASTS);
    let open = |folder: &str, key: &Arc<Sleepy>, lease: &Lease| {
        let tiles = tiles(&trial.dir.join(folder));
        let fence = lease.fence().unwrap();
        assert!(fence.is_some());
        Sequencer::open_under(
            trial.store(),
            tiles,
            "centre.example/audit",
            key.clone(),
            fence,
        )
    };
    let (first, second) = (lease(1), lease(2));
    let mut a = open("a", &sleepy, &first).unwrap();
    assert_eq!(second.fence().unwrap(), None);
    sleepy.sleep();
    std::thread::scope(|scope| {
        // The head is committed before it is signed.
        let paused = scope.spawn(|| a.run(at(20)).map(|_| ()));
        sleepy.wait();
        std::thread::sleep(LASTS * 2);
        // Whoever is next finds it, and signs that very head.
        let b = open("b", &other, &second).unwrap();
        assert!(b.size() > 0);
        sleepy.wake();
        let refused = paused.join().unwrap().unwrap_err();
        assert!(
            refused.to_string().contains("lease log: epoch 1 is over"),
            "{refused}"
        );
    });
    assert_eq!(tiles(&trial.dir.join("a")).checkpoint().unwrap(), None);
    let signed = trial.store().signed_head().unwrap().unwrap();
    let published = tiles(&trial.dir.join("b")).checkpoint().unwrap();
    assert_eq!(published, signed.note);
    // Later the first goes on where the other stopped, with the tiles that it missed.
    drop(second);
    let store = trial.store();
    let issuer = KeyId(trial.authority.id().0);
    let latest = store.latest_crl_number(&issuer, 0).unwrap().unwrap_or(0);
    let publisher = trial.publisher("a", trial.key());
    publisher.publish_if_due(at(30)).unwrap();
    assert!(store.latest_crl_number(&issuer, 0).unwrap() > Some(latest));
    let mut a = open("a", &sleepy, &first).unwrap();
    assert_eq!(a.size(), signed.size);
    assert!(a.run(at(31)).unwrap().is_some());
    assert!(a.size() > signed.size);
    let mut heads = 0;
    trial
        .store()
        .visit_heads(0, &mut |head| {
            assert!(head.note.is_some());
            heads += 1;
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(heads, 2);
}

fn tiles(dir: &Path) -> DirectoryTiles {
    DirectoryTiles::open(dir).unwrap()
}
