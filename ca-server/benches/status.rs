//! OCSP answers and time-stamps a second over loopback, and a large list, each beside its limit in
//! the same run.
//!
//! `cargo bench -p ca-server --bench status [-- [--smoke] [CERTIFICATES]]`: a store of CERTIFICATES
//! certificates (1,000,000 where not given) and as many entries of another authority's list; one
//! thread serves, one asks over 32 connections. Fixed octets of the same size from the same server are
//! the limit of pre-signed answers; with the raw signature, that of answers signed for each request.
//! `openssl ocsp` answers from the same certificates, one connection a request, as it can no other way.
//!
//! Ratios are those of the processor's time that the server used: on a machine that has other work,
//! too, the clock's seconds are printed but compare nothing.

#![allow(
    clippy::unwrap_used,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    reason = "a bench that meets the unexpected should stop; its figures are rounded"
)]

mod load;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::http::header;
use axum::routing::post;
use ca_server::centre::{Authority as Which, Centre, InitOptions, Who};
use ca_server::ids::{Digest, KeyId, Name};
use ca_server::status::http::{Files, Served, routes};
use ca_server::status::{
    Authority, POLL, Publisher, PublisherOptions, Responder, ResponderOptions, Signer,
};
use ca_server::store::Store;
use ca_server::store::sqlite::SqliteStore;
use ca_server::tsa::{ClockWatch, Synchronisation, SystemClocks, TimeStamper, TimeStamperOptions};
use esign_core::keys::{DigestAlgorithm, Hasher, PrivateKey, SigningKey};
use esign_core::ocsp::{CertId, Nonce, OcspResponse, RequestBuilder};
use esign_core::oid::ObjectIdentifier;
use esign_core::tsp;
use esign_core::x509::{Certificate, SerialNumber};
use load::{Client, Rate};
use rusqlite::{Connection, params};

/// Certificates that are asked for again and again.
const ASKED: u64 = 1000;
/// Anybody's; a test policy (RFC 3161 has none of its own).
const POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.1");

fn main() {
    let args = load::Args::read();
    let count = args
        .count
        .unwrap_or(if args.smoke { 2000 } else { 1_000_000 });
    let mut centre = Bench::new(load::folder("status"), u64::try_from(count).unwrap());
    if args.smoke {
        (centre.rounds, centre.round) = (1, Duration::from_millis(50));
    }
    centre.answers();
    centre.stamps();
    centre.list();
    std::fs::remove_dir_all(&centre.dir).unwrap();
}

/// One thread that serves `router`, and `fixed` octets under `/fixed`.
fn start(router: Router, fixed: &[u8]) -> SocketAddr {
    let fixed = Bytes::copy_from_slice(fixed);
    let fixed = move |_: Bytes| async move {
        let headers = [
            (header::CONTENT_TYPE, "application/ocsp-response"),
            (header::CACHE_CONTROL, "no-store"),
        ];
        (headers, fixed)
    };
    let router = router.merge(Router::new().route("/fixed", post(fixed)));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap()
            .block_on(async {
                // The work is to be on the one worker, not on this thread.
                tokio::spawn(async {
                    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                    axum::serve(listener, router).await.unwrap();
                })
                .await
                .unwrap();
            });
    });
    address
}

fn serial(n: u64) -> [u8; 16] {
    let mut octets: [u8; 16] = Digest::of(&n.to_be_bytes()).0[..16].try_into().unwrap();
    octets[0] = (octets[0] & 0x3f) | 0x40;
    octets
}

struct Bench {
    dir: PathBuf,
    count: u64,
    rounds: usize,
    round: Duration,
    issuing: Certificate,
    root: Certificate,
    store: Arc<SqliteStore>,
}

impl Bench {
    fn new(dir: PathBuf, count: u64) -> Self {
        let who = Who {
            by: Name::new("bench").unwrap(),
            at: load::now(),
        };
        let options = InitOptions::new("Bench", "Bench MMC");
        let centre = Centre::init(&dir, &options, None, &who).unwrap();
        let issuing = centre.certificate(Which::Issuing).clone();
        let root = centre.certificate(Which::Root).clone();
        drop(centre);
        fill(&dir.join("store.sqlite"), &issuing, &root, count);
        let store = Arc::new(SqliteStore::open(&dir.join("store.sqlite")).unwrap());
        Self {
            dir,
            count,
            rounds: 7,
            round: Duration::from_millis(700),
            issuing,
            root,
            store,
        }
    }

    fn key(&self, name: &str) -> Arc<PrivateKey> {
        let pem = std::fs::read(self.dir.join("keys").join(name)).unwrap();
        Arc::new(PrivateKey::from_file(&pem, None).unwrap())
    }

    fn serve(&self, fixed: &[u8]) -> (SocketAddr, Arc<Responder>) {
        let signer = Signer::new(self.key("issuing.pem"), self.issuing.clone()).unwrap();
        let authority = Authority::new(self.issuing.clone()).unwrap();
        let options = ResponderOptions {
            presigned: 32_768,
            ..ResponderOptions::default()
        };
        let store: Arc<dyn Store> = self.store.clone();
        let responder = Arc::new(Responder::new(store, vec![(authority, signer)], options));
        let polled = responder.clone();
        std::thread::spawn(move || {
            loop {
                polled.poll().unwrap();
                std::thread::sleep(POLL);
            }
        });
        let served = Served {
            responder: responder.clone(),
            lists: self.dir.join("crl"),
            public_lists: self.dir.join("lists"),
            files: Files::default(),
            issuers: std::collections::HashMap::new(),
            clock: load::now,
        };
        (start(routes(Arc::new(served)), fixed), responder)
    }

    fn request(&self, n: u64, nonce: bool) -> Vec<u8> {
        let number = SerialNumber::from_magnitude(&serial(n));
        let id = CertId::new(number, &self.issuing, DigestAlgorithm::Sha1).unwrap();
        RequestBuilder {
            asked: vec![id],
            nonce: nonce.then(|| Nonce::new(&Digest::of(&n.to_le_bytes()).0).unwrap()),
        }
        .build()
        .unwrap()
    }

    fn answers(&self) {
        let asked = |nonce| -> Vec<Vec<u8>> {
            (0..ASKED)
                .map(|n| self.request(n * (self.count / ASKED), nonce))
                .collect()
        };
        let (plain, nonces) = (asked(false), asked(true));
        // An answer of the same size: of the same kind.
        let probe = Responder::new(
            self.store.clone(),
            vec![(
                Authority::new(self.issuing.clone()).unwrap(),
                Signer::new(self.key("issuing.pem"), self.issuing.clone()).unwrap(),
            )],
            ResponderOptions::default(),
        );
        let fixed = probe.answer(&plain[0], load::now()).der;
        let told = OcspResponse::from_der(&fixed).unwrap().basic.unwrap();
        assert_eq!(told.singles()[0].status, esign_core::ocsp::CertStatus::Good);
        println!(
            "{} certificates; answers of {} octets; one thread serves",
            self.count,
            fixed.len()
        );
        let (address, responder) = self.serve(&fixed);
        let mut client = Client::new(address);
        let (as_fixed, as_plain) = (http("/fixed", &plain), http("/ocsp", &plain));
        let as_nonces = http("/ocsp", &nonces);
        client.ask(&as_plain, self.round);
        let key = self.key("issuing.pem");
        let (mut f, mut p, mut s, mut raw) = (vec![], vec![], vec![], vec![]);
        for _ in 0..self.rounds {
            f.push(client.ask(&as_fixed, self.round));
            p.push(client.ask(&as_plain, self.round));
            s.push(client.ask(&as_nonces, self.round));
            raw.push(signatures(key.as_ref(), self.round));
        }
        line("raw signature", &raw, None);
        line("fixed octets", &f, None);
        line("pre-signed", &p, Some((&f, "of fixed octets (goal 0.90)")));
        let bound = bound(&f, &raw);
        let goal = "of 1 / (1/fixed + 1/sign) (goal 0.80)";
        line("signed per answer", &s, Some((&bound, goal)));
        let counts = responder.counts();
        assert!(
            counts.presigned.load(Ordering::Relaxed) > counts.signed.load(Ordering::Relaxed) / 10
        );
        assert_eq!(counts.failed.load(Ordering::Relaxed), 0);
        for (what, requests) in [
            ("fixed octets", &as_fixed),
            ("pre-signed", &as_plain),
            ("signed per answer", &as_nonces),
        ] {
            waits(what, address, requests);
        }
        let time = self.round * 4;
        let single = http_closing("/ocsp", &nonces);
        let theirs = self.openssl(&http_closing("/", &nonces), time);
        let used = load::others_time();
        let (rate, done) = load::connections(address, &single, time);
        let used = load::others_time().saturating_sub(used).as_secs_f64() * 1e6 / done as f64;
        println!("signed, a connection each    {rate:>8.0}/s   {used:.0} µs of processor each");
        if let Some((rate, each)) = theirs {
            println!(
                "openssl ocsp, likewise       {rate:>8.0}/s   {each:.0} µs of processor each; ours / theirs {:.2} \
                 (goal above 1), over kept connections {:.2}",
                each / used,
                each / 1e6 * load::median(s.iter().map(|s| s.of_processor).collect()),
            );
        }
    }

    /// Time-stamps, with a key of the same kind.
    fn stamps(&self) {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../test-vectors/tsp/");
        let file = |name: &str| std::fs::read(format!("{folder}{name}")).unwrap();
        let key = Arc::new(PrivateKey::from_file(&file("authority.key.pem"), None).unwrap());
        let certificate = esign_core::x509::certificates(&file("authority.pem")).unwrap();
        let options = TimeStamperOptions::new(POLICY);
        let clock = Arc::new(ClockWatch::new(
            Box::new(SystemClocks::new()),
            options.accuracy,
        ));
        let vouched = Synchronisation::Vouched {
            max_error: Duration::from_millis(10),
        };
        clock.tell(vouched, clock.monotonic());
        let stamper = TimeStamper::new(
            key.clone(),
            certificate[0].clone(),
            &[],
            options,
            clock,
            Arc::new(ring::rand::SystemRandom::new()),
        )
        .unwrap();
        let asked: Vec<_> = (0..ASKED)
            .map(|n| {
                let digest = Hasher::digest(DigestAlgorithm::Sha256, &n.to_be_bytes());
                let nonce = tsp::Nonce::random(&ring::rand::SystemRandom::new()).unwrap();
                let imprint = tsp::MessageImprint::new(&digest);
                tsp::TimeStampReq::new(imprint, Some(nonce)).to_der()
            })
            .collect();
        let fixed = stamper.answer(&asked[0]);
        assert!(
            tsp::TimeStampResp::from_der(&fixed)
                .unwrap()
                .token
                .is_some()
        );
        println!(
            "time-stamps of {} octets, key {}",
            fixed.len(),
            key.algorithms()[0]
        );
        let served = Arc::new(ca_server::tsa::http::Served {
            stamper: Arc::new(stamper),
            misdirected: AtomicU64::new(0),
        });
        let address = start(ca_server::tsa::http::routes(served.clone()), &fixed);
        let ask = |path| -> Vec<_> {
            let kind = ca_server::tsa::http::QUERY;
            asked
                .iter()
                .map(|body| load::post(path, kind, body, false))
                .collect()
        };
        let (as_fixed, as_stamps) = (ask("/fixed"), ask("/tsa"));
        let mut client = Client::new(address);
        let (mut f, mut s, mut raw) = (vec![], vec![], vec![]);
        for _ in 0..self.rounds {
            f.push(client.ask(&as_fixed, self.round));
            s.push(client.ask(&as_stamps, self.round));
            raw.push(signatures(key.as_ref(), self.round));
        }
        let goal = "of 1 / (1/fixed + 1/sign) (goal 0.80)";
        line("raw signature", &raw, None);
        line("fixed octets", &f, None);
        line("time-stamps", &s, Some((&bound(&f, &raw), goal)));
        waits("time-stamps", address, &as_stamps);
        assert!(served.stamper.counters().refused().all(|(_, n)| n == 0));
    }

    /// `openssl ocsp` over the same certificates.
    ///
    /// Answers a second, and microseconds of its processor for each.
    fn openssl(&self, requests: &[Vec<u8>], time: Duration) -> Option<(f64, f64)> {
        let index = self.dir.join("index.txt");
        let mut out = std::io::BufWriter::new(std::fs::File::create(&index).unwrap());
        for n in 0..self.count {
            let digits: String = serial(n).iter().map(|o| format!("{o:02X}")).collect();
            writeln!(out, "V\t350101000000Z\t\t{digits}\tunknown\t/CN={n}").unwrap();
        }
        out.into_inner().unwrap().sync_all().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let mut child = Command::new("openssl")
            .args(["ocsp", "-ndays", "1", "-port", &port.to_string(), "-index"])
            .arg(&index)
            .arg("-rsigner")
            .arg(self.dir.join("issuing.pem"))
            .arg("-rkey")
            .arg(self.dir.join("keys/issuing.pem"))
            .arg("-CA")
            .arg(self.dir.join("issuing.pem"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let address: SocketAddr = ([127, 0, 0, 1], port).into();
        // The first connection asks: one that closes without a word keeps OpenSSL 3.0 busy for ever.
        let began = Instant::now();
        let mut first = loop {
            match TcpStream::connect(address) {
                Ok(stream) => break stream,
                Err(_) => assert!(began.elapsed() < Duration::from_secs(120), "openssl ocsp"),
            }
            std::thread::sleep(Duration::from_millis(100));
        };
        first.write_all(&requests[0]).unwrap();
        first.read_to_end(&mut Vec::new()).unwrap();
        let used = load::time_of(child.id());
        let (rate, done) = load::connections(address, requests, time);
        let used = load::time_of(child.id()).saturating_sub(used).as_secs_f64();
        child.kill().unwrap();
        child.wait().unwrap();
        Some((rate, used * 1e6 / done as f64))
    }

    fn list(&self) {
        let publisher = Publisher::new(
            self.store.clone(),
            Authority::new(self.root.clone()).unwrap(),
            self.key("root.pem"),
            "root".to_owned(),
            PublisherOptions::new(self.dir.join("crl"), 86_400),
        );
        let (address, _) = self.serve(b"fixed");
        let plain: Vec<_> = (0..ASKED).map(|n| self.request(n, false)).collect();
        let requests = http("/ocsp", &plain);
        let alone = Client::new(address).ask(&requests, self.round).a_second;
        let (stop, answered) = (AtomicBool::new(false), AtomicU64::new(0));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut client = Client::new(address);
                while !stop.load(Ordering::Relaxed) {
                    client.ask(&requests, Duration::ZERO);
                    answered.fetch_add(load::CONNECTIONS as u64, Ordering::Relaxed);
                }
            });
            for n in 0..3 {
                let before = answered.load(Ordering::Relaxed);
                let began = Instant::now();
                let list = publisher.publish(load::now().plus(n)).unwrap();
                let took = began.elapsed();
                let rate = (answered.load(Ordering::Relaxed) - before) as f64 / took.as_secs_f64();
                println!(
                    "list of {} entries, {} octets: made and published in {took:.2?} (goal 1 s); \
                     meanwhile {rate:.0} pre-signed answers/s (alone {alone:.0}/s)",
                    list.len(),
                    list.der().len()
                );
            }
            stop.store(true, Ordering::Relaxed);
        });
        let quiet = Instant::now();
        publisher.publish(load::now().plus(3)).unwrap();
        println!("the same, nothing else asked: {:.2?}", quiet.elapsed());
    }
}

/// Rows straight into SQLite: what the store would have written, without its checks.
fn fill(path: &Path, issuing: &Certificate, root: &Certificate, count: u64) {
    let (issuing, root) = (
        KeyId::of_spki(issuing.spki_der()).0,
        KeyId::of_spki(root.spki_der()).0,
    );
    let mut serials: Vec<_> = (0..count).map(serial).collect();
    serials.sort_unstable();
    let mut c = Connection::open(path).unwrap();
    c.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF;")
        .unwrap();
    let audit: i64 = c
        .query_row("SELECT max(id) FROM audit", [], |row| row.get(0))
        .unwrap();
    let at = load::now().seconds();
    let tx = c.transaction().unwrap();
    {
        let mut certificate = tx
            .prepare(
                "INSERT INTO certificate (issuer, serial, request, profile, subject_key, \
                 not_before, not_after, shard, tbs_digest, certificate, intended_at, issued_at) \
                 VALUES (?1, ?2, zeroblob(16), 'bench', zeroblob(32), ?3, ?4, 0, zeroblob(32), \
                 zeroblob(700), ?3, ?3)",
            )
            .unwrap();
        let mut revocation = tx
            .prepare(
                "INSERT INTO revocation (issuer, shard, serial, status, since, reason, not_after, \
                 changed_by) VALUES (?1, 0, ?2, 'revoked', ?3, 1, ?4, ?5)",
            )
            .unwrap();
        for serial in &serials {
            let after = at + 86_400 * 365;
            certificate
                .execute(params![issuing, serial, at - 60, after])
                .unwrap();
            revocation
                .execute(params![root, serial, at - 60, after, audit])
                .unwrap();
        }
    }
    tx.commit().unwrap();
}

fn signatures(key: &PrivateKey, time: Duration) -> Rate {
    let algorithm = key.algorithms()[0];
    load::busy(time, || {
        key.sign(algorithm, &[7; 300]).unwrap();
    })
}

/// What fixed octets and a signature take together.
fn bound(fixed: &[Rate], raw: &[Rate]) -> Vec<Rate> {
    let both = |f: f64, r: f64| 1.0 / (1.0 / f + 1.0 / r);
    fixed
        .iter()
        .zip(raw)
        .map(|(f, r)| Rate {
            a_second: both(f.a_second, r.a_second),
            of_processor: both(f.of_processor, r.of_processor),
        })
        .collect()
}

/// Prints the median rate and the median of its ratios to the limit.
fn line(what: &str, rates: &[Rate], limit: Option<(&[Rate], &str)>) {
    let clock = load::median(rates.iter().map(|r| r.a_second).collect());
    let used = load::median(rates.iter().map(|r| r.of_processor).collect());
    let of = limit.map_or_else(String::new, |(limit, goal)| {
        let all = rates.iter().zip(limit);
        let ratios = all.map(|(r, l)| r.of_processor / l.of_processor);
        format!("   {:.2} {goal}", load::median(ratios.collect()))
    });
    println!("{what:28} {clock:>8.0}/s   {used:>8.0}/s of one processor{of}");
}

fn waits(what: &str, address: SocketAddr, requests: &[Vec<u8>]) {
    let mut took = Client::new(address).one_by_one(requests, 3000);
    took.sort_unstable();
    println!(
        "{what:28} p50 {:?}   p99 {:?}, one connection",
        took[took.len() / 2],
        took[took.len() * 99 / 100]
    );
}

const KIND: &str = "application/ocsp-request";

fn http(path: &str, bodies: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let one = |body: &Vec<u8>| load::post(path, KIND, body, false);
    bodies.iter().map(one).collect()
}

fn http_closing(path: &str, bodies: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let one = |body: &Vec<u8>| load::post(path, KIND, body, true);
    bodies.iter().map(one).collect()
}
