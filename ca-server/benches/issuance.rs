//! Certificates a second from CSR to durable record, beside one core's raw verification and signature
//! in the same run.
//!
//! `cargo bench -p ca-server --bench issuance [-- [--smoke] [--store postgres://USER@HOST/DATABASE] [COUNT]]`:
//! 256 clients at once receive a request with its vetted identity (P-256, possession proven), issue
//! and publish: what the service does behind its interface. Each certificate is three waits for
//! durable storage: request, intent, certificate. Raw is the request's verification and one P-256
//! signature, on one core, in turns with ours; then two persons are needed, and an approval is a
//! fourth wait. A PostgreSQL database has to be an empty one.

#![allow(
    clippy::unwrap_used,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    reason = "a bench that meets the unexpected should stop; its figures are rounded"
)]

mod load;

use std::collections::HashSet;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ca_server::acts::{Act, Change};
use ca_server::centre::{Authority, Centre, InitOptions, Settings, Who};
use ca_server::ids::{KeyId, Name};
use ca_server::life::{Actor, IssuingKey, Life, NewRequest};
use ca_server::officers::{Officer, Role};
use ca_server::records::Issuer;

use ca_server::store::Store;
use ca_server::store::postgres::PostgresStore;
use ca_server::store::sqlite::SqliteStore;
use esign_core::keys::{Curve, KeySpec, PrivateKey, SigningKey};
use esign_core::oid::COMMON_NAME;
use esign_core::x509::{
    Certificate, Identity, NameBuilder, NaturalPerson, PersonIdentifier, Request,
};
use load::Rate;

/// Requests under way at once.
const CLIENTS: usize = 256;
const ROUNDS: usize = 5;

fn main() {
    let args = load::Args::read();
    let count = args.count.unwrap_or(if args.smoke { 50 } else { 4000 });
    let rounds = if args.smoke { 1 } else { ROUNDS };
    let dir = load::folder("issuance");
    let who = Who {
        by: Name::new("bench").unwrap(),
        at: load::now(),
    };
    let mut options = InitOptions::new("Bench", "Bench MMC");
    options.test = true;
    let centre = Centre::init(&dir, &options, None, &who).unwrap();
    let issuing = centre.certificate(Authority::Issuing).clone();
    drop(centre);
    let pem = std::fs::read(dir.join("keys/issuing.pem")).unwrap();
    let key: Arc<dyn SigningKey> = Arc::new(PrivateKey::from_file(&pem, None).unwrap());
    let store: Arc<dyn Store> = match &args.store {
        None => Arc::new(SqliteStore::open(&dir.join("store.sqlite")).unwrap()),
        Some(url) => {
            let store = PostgresStore::open(url, None).unwrap();
            know(&store, &issuing);
            Arc::new(store)
        }
    };
    let text = std::fs::read_to_string(dir.join("centre.toml")).unwrap();
    let mut settings: Settings = toml::from_str(&text).unwrap();
    let asked = requests(count * rounds * 2);
    let life = |settings: &Settings| {
        let issuing = IssuingKey::new(issuing.clone(), key.clone()).unwrap();
        Life::new(store.clone(), Arc::new(settings.clone()), vec![issuing]).unwrap()
    };
    let mut rounds_of = asked.chunks(count);
    let mut seen = HashSet::new();
    println!(
        "{count} certificates a round, {rounds} rounds, {CLIENTS} clients, {}",
        if args.store.is_some() {
            "PostgreSQL"
        } else {
            "SQLite"
        }
    );
    for approvals in [0, 1] {
        for profile in &mut settings.profiles {
            profile.approvals_by_others = approvals;
        }
        let life = life(&settings);
        let (mut ratios, mut rates, mut raws, mut cpu, mut waits) =
            (vec![], vec![], vec![], vec![], vec![]);
        for _ in 0..rounds {
            let raw = raw(key.as_ref(), args.smoke);
            let used = load::whole_time();
            let began = Instant::now();
            let (serials, took) = issue(&life, rounds_of.next().unwrap(), approvals > 0);
            let rate = count as f64 / began.elapsed().as_secs_f64();
            cpu.push((load::whole_time() - used).as_secs_f64() / count as f64);
            // Every one is another, and in the store.
            for serial in serials {
                assert!(life.find(&serial).unwrap().certificate.is_some());
                assert!(seen.insert(serial));
            }
            ratios.push(rate / raw.a_second);
            rates.push(rate);
            raws.push(raw);
            waits.extend(took);
        }
        waits.sort_unstable();
        let shares = cpu.iter().zip(&raws);
        let shares = shares.map(|(each, raw)| 1.0 / each / raw.of_processor);
        println!(
            "approvals by others: {approvals}\n\
             raw verify + sign, one core   {:>7.0}/s   {:>4.0} µs of a processor\n\
             CSR to durable certificate    {:>7.0}/s   {:>4.0} µs of processors: {:.2} of raw by the \
             clock (goal 0.50), {:.2} by the time of one processor\n\
             one client waits              p50 {:.2?}   p99 {:.2?}",
            load::median(raws.iter().map(|raw| raw.a_second).collect()),
            load::median(raws.iter().map(|raw| 1e6 / raw.of_processor).collect()),
            load::median(rates),
            1e6 * load::median(cpu.clone()),
            load::median(ratios),
            load::median(shares.collect()),
            waits[waits.len() / 2],
            waits[waits.len() * 99 / 100],
        );
    }
    println!(
        "4 KiB appended and flushed to the same disk, one after another: {:.0}/s",
        flushes(&dir, args.smoke)
    );
    drop(store);
    std::fs::remove_dir_all(&dir).unwrap();
}

/// How often a second the disk makes something durable: each group of acts waits for it once.
fn flushes(dir: &Path, smoke: bool) -> f64 {
    let mut file = std::fs::File::create(dir.join("flushed")).unwrap();
    let time = Duration::from_millis(if smoke { 20 } else { 700 });
    let (began, mut done) = (Instant::now(), 0_u32);
    while began.elapsed() < time {
        file.write_all(&[7; 4096]).unwrap();
        file.sync_data().unwrap();
        done += 1;
    }
    f64::from(done) / began.elapsed().as_secs_f64()
}

/// An empty store learns the issuer.
fn know(store: &dyn Store, issuing: &Certificate) {
    let change = Change::AddIssuer(Issuer {
        key: KeyId::of_spki(issuing.spki_der()),
        subject: issuing.subject().der().to_vec(),
        certificate: issuing.der().to_vec(),
        generation: 1,
    });
    let act = Act {
        by: Name::new("bench").unwrap(),
        at: load::now(),
        why: String::new(),
        change,
    };
    store.commit(vec![act]).unwrap();
}

struct Asked {
    csr: Request,
    identity: Identity,
}

fn requests(count: usize) -> Vec<Asked> {
    (0..count)
        .map(|n| {
            let key = PrivateKey::generate(KeySpec::Ec(Curve::P256)).unwrap();
            let name = NameBuilder::new().with(COMMON_NAME, "x").build().unwrap();
            let identity = Identity::NaturalPerson(NaturalPerson {
                given_name: "Aynur".to_owned(),
                surname: format!("Məmmədova {n}"),
                identifier: PersonIdentifier::Passport {
                    country: "AZ".to_owned(),
                    number: format!("C{n:08}"),
                },
                country: "AZ".to_owned(),
                organization: None,
                title: None,
            });
            let csr = Request::sign(&name, &key).unwrap();
            Asked { csr, identity }
        })
        .collect()
}

/// One core's verifications of requests and signatures of certificates, each pair a second.
fn raw(key: &dyn SigningKey, smoke: bool) -> Rate {
    let algorithm = key.algorithms()[0];
    // As many octets as a certificate has before its signature.
    let message = [7; 700];
    let own = key.sign(algorithm, &message).unwrap();
    load::busy(Duration::from_millis(if smoke { 20 } else { 700 }), || {
        let public = key.public_key();
        public.verify(algorithm, &message, &own).unwrap();
        std::hint::black_box(key.sign(algorithm, &message).unwrap());
    })
}

type Done = (Vec<esign_core::x509::SerialNumber>, Vec<Duration>);

fn issue(life: &Life, asked: &[Asked], approved: bool) -> Done {
    let actor = |name: &str, role| Actor {
        officer: Officer::new(
            Name::new(name).unwrap(),
            KeyId::of_spki(name.as_bytes()),
            [role],
        ),
        at: load::now(),
    };
    let (registrar, approver) = (
        actor("registrar", Role::Registrar),
        actor("approver", Role::Approver),
    );
    let (next, done) = (AtomicUsize::new(0), Mutex::new((vec![], vec![])));
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                while let Some(one) = asked.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let began = Instant::now();
                    let new = NewRequest {
                        csr: one.csr.der(),
                        identity: &one.identity,
                        profile: "natural-person",
                        listed: false,
                    };
                    let request = life.receive(&registrar, &new).unwrap();
                    if approved {
                        life.approve(&approver, &request).unwrap();
                    }
                    let issued = life.issue(&registrar, &request).unwrap();
                    let took = began.elapsed();
                    let serial = Certificate::from_der(&issued.certificate)
                        .unwrap()
                        .serial()
                        .clone();
                    let mut done = done.lock().unwrap();
                    done.0.push(serial);
                    done.1.push(took);
                }
            });
        }
    });
    done.into_inner().unwrap()
}
