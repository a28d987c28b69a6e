//! OCSP answers a second over loopback, and a large list, each beside its limit in the same run.
//!
//! `cargo bench -p ca-server --bench status [-- CERTIFICATES]`: a store of CERTIFICATES certificates
//! (1,000,000 where not given) and as many entries of another authority's list; one thread serves, one
//! asks over 32 connections. Fixed octets of the same size from the same server are the limit of
//! pre-signed answers; with the raw signature, that of answers signed for each request. `openssl ocsp`
//! answers from the same certificates, one connection a request, as it can no other way.

#![allow(
    clippy::unwrap_used,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    reason = "a bench that meets the unexpected should stop; its figures are rounded"
)]

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
use esign_core::keys::{DigestAlgorithm, PrivateKey, SigningKey};
use esign_core::ocsp::{CertId, Nonce, OcspResponse, RequestBuilder};
use esign_core::time::UnixTime;
use esign_core::x509::{Certificate, SerialNumber};
use rusqlite::{Connection, params};

/// Connections that are asked over at once.
const CONNECTIONS: usize = 32;
/// Certificates that are asked for again and again.
const ASKED: u64 = 1000;
const ROUNDS: usize = 7;
const ROUND: Duration = Duration::from_millis(700);

fn main() {
    // `cargo bench -- --test` only sees that it works.
    let smoke = std::env::args().any(|a| a == "--test");
    let count = std::env::args()
        .skip(1)
        .find_map(|a| a.parse().ok())
        .unwrap_or(if smoke { 2_000 } else { 1_000_000 });
    let folder = std::env::temp_dir().join(format!("ca-status-bench-{}", std::process::id()));
    let centre = Bench::new(folder, count);
    centre.answers();
    centre.list();
    std::fs::remove_dir_all(&centre.dir).unwrap();
}

fn now() -> UnixTime {
    ca_server::service::assemble::system_clock()
}

fn serial(n: u64) -> [u8; 16] {
    let mut octets: [u8; 16] = Digest::of(&n.to_be_bytes()).0[..16].try_into().unwrap();
    octets[0] = (octets[0] & 0x3f) | 0x40;
    octets
}

struct Bench {
    dir: PathBuf,
    count: u64,
    issuing: Certificate,
    root: Certificate,
    store: Arc<SqliteStore>,
}

impl Bench {
    fn new(dir: PathBuf, count: u64) -> Self {
        let who = Who {
            by: Name::new("bench").unwrap(),
            at: now(),
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
            clock: now,
        };
        let fixed = Bytes::copy_from_slice(fixed);
        let fixed = move |_: Bytes| async move {
            let headers = [
                (header::CONTENT_TYPE, "application/ocsp-response"),
                (header::CACHE_CONTROL, "no-store"),
            ];
            (headers, fixed)
        };
        let router = routes(Arc::new(served)).merge(Router::new().route("/fixed", post(fixed)));
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
        (address, responder)
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
        let fixed = probe.answer(&plain[0], now()).der;
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
        client.ask(&as_plain, ROUND);
        let key = self.key("issuing.pem");
        let (mut f, mut p, mut s, mut raw) = (vec![], vec![], vec![], vec![]);
        for _ in 0..ROUNDS {
            f.push(client.ask(&as_fixed, ROUND));
            p.push(client.ask(&as_plain, ROUND));
            s.push(client.ask(&as_nonces, ROUND));
            raw.push(signatures(key.as_ref(), ROUND));
        }
        let ratios = |a: &[f64], b: &[f64]| median(a.iter().zip(b).map(|(a, b)| a / b).collect());
        let bound: Vec<f64> = f
            .iter()
            .zip(&raw)
            .map(|(f, r)| 1.0 / (1.0 / f + 1.0 / r))
            .collect();
        println!("fixed octets                 {:>8.0}/s", median(f.clone()));
        println!(
            "raw signature                {:>8.0}/s",
            median(raw.clone())
        );
        println!(
            "pre-signed                   {:>8.0}/s   {:.2} of fixed octets (goal 0.90)",
            median(p.clone()),
            ratios(&p, &f)
        );
        println!(
            "signed per answer            {:>8.0}/s   {:.2} of 1 / (1/fixed + 1/sign) (goal 0.80)",
            median(s.clone()),
            ratios(&s, &bound)
        );
        let counts = responder.counts();
        assert!(
            counts.presigned.load(Ordering::Relaxed) > counts.signed.load(Ordering::Relaxed) / 10
        );
        assert_eq!(counts.failed.load(Ordering::Relaxed), 0);
        for (what, requests) in [("pre-signed", &as_plain), ("signed per answer", &as_nonces)] {
            let mut took = Client::new(address).one_by_one(requests);
            took.sort_unstable();
            println!(
                "{what:28} p50 {:?}   p99 {:?}, one connection",
                took[took.len() / 2],
                took[took.len() * 99 / 100]
            );
        }
        let single = http_closing("/ocsp", &nonces);
        let ours = connections(address, &single);
        println!("signed, a connection each    {ours:>8.0}/s");
        if let Some(theirs) = self.openssl(&http_closing("/", &nonces)) {
            println!(
                "openssl ocsp, likewise       {theirs:>8.0}/s   ours / theirs {:.2}",
                ours / theirs
            );
        }
    }

    /// `openssl ocsp` over the same certificates.
    fn openssl(&self, requests: &[Vec<u8>]) -> Option<f64> {
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
        let rate = connections(address, requests);
        child.kill().unwrap();
        child.wait().unwrap();
        Some(rate)
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
        let alone = Client::new(address).ask(&requests, ROUND);
        let (stop, answered) = (AtomicBool::new(false), AtomicU64::new(0));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut client = Client::new(address);
                while !stop.load(Ordering::Relaxed) {
                    client.ask(&requests, Duration::ZERO);
                    answered.fetch_add(CONNECTIONS as u64, Ordering::Relaxed);
                }
            });
            for n in 0..3 {
                let before = answered.load(Ordering::Relaxed);
                let began = Instant::now();
                let list = publisher.publish(now().plus(n)).unwrap();
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
        publisher.publish(now().plus(3)).unwrap();
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
    let at = now().seconds();
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

fn signatures(key: &PrivateKey, time: Duration) -> f64 {
    let algorithm = key.algorithms()[0];
    let began = Instant::now();
    let mut done = 0_u64;
    while began.elapsed() < time {
        key.sign(algorithm, &[7; 300]).unwrap();
        done += 1;
    }
    done as f64 / began.elapsed().as_secs_f64()
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

fn post_of(path: &str, body: &[u8], more: &str) -> Vec<u8> {
    let mut whole = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/ocsp-request\r\n{more}\
         content-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    whole.extend_from_slice(body);
    whole
}

fn http(path: &str, bodies: &[Vec<u8>]) -> Vec<Vec<u8>> {
    bodies.iter().map(|body| post_of(path, body, "")).collect()
}

fn http_closing(path: &str, bodies: &[Vec<u8>]) -> Vec<Vec<u8>> {
    bodies
        .iter()
        .map(|body| post_of(path, body, "connection: close\r\n"))
        .collect()
}

/// Answers a second where each request has its own connection, four at a time.
fn connections(address: SocketAddr, requests: &[Vec<u8>]) -> f64 {
    let began = Instant::now();
    let mut done = 0_u64;
    let mut answer = Vec::new();
    while began.elapsed() < Duration::from_secs(3) {
        let mut open: Vec<_> = (0..4)
            .map(|_| TcpStream::connect(address).unwrap())
            .collect();
        for (n, stream) in open.iter_mut().enumerate() {
            let request = &requests[(done as usize + n) % requests.len()];
            stream.write_all(request).unwrap();
        }
        for mut stream in open {
            answer.clear();
            stream.read_to_end(&mut answer).unwrap();
            assert!(answer.len() > 500, "{}", String::from_utf8_lossy(&answer));
            done += 1;
        }
    }
    done as f64 / began.elapsed().as_secs_f64()
}

struct Client {
    open: Vec<TcpStream>,
    next: usize,
}

impl Client {
    fn new(address: SocketAddr) -> Self {
        let open = (0..CONNECTIONS)
            .map(|_| {
                let stream = TcpStream::connect(address).unwrap();
                stream.set_nodelay(true).unwrap();
                stream
            })
            .collect();
        Self { open, next: 0 }
    }

    fn next<'a>(&mut self, requests: &'a [Vec<u8>]) -> &'a [u8] {
        self.next = (self.next + 1) % requests.len();
        &requests[self.next]
    }

    /// Answers a second; every connection has one request under way. At least one turn.
    fn ask(&mut self, requests: &[Vec<u8>], time: Duration) -> f64 {
        let began = Instant::now();
        let mut done = 0;
        for i in 0..CONNECTIONS {
            let request = self.next(requests);
            self.open[i].write_all(request).unwrap();
        }
        loop {
            let last = began.elapsed() >= time;
            for i in 0..CONNECTIONS {
                read(&mut self.open[i]);
                done += 1;
                if !last {
                    let request = self.next(requests);
                    self.open[i].write_all(request).unwrap();
                }
            }
            if last {
                return f64::from(done) / began.elapsed().as_secs_f64();
            }
        }
    }

    fn one_by_one(&mut self, requests: &[Vec<u8>]) -> Vec<Duration> {
        (0..5000)
            .map(|_| {
                let request = self.next(requests);
                let began = Instant::now();
                self.open[0].write_all(request).unwrap();
                read(&mut self.open[0]);
                began.elapsed()
            })
            .collect()
    }
}

/// Reads one answer of a known length.
fn read(stream: &mut TcpStream) {
    let mut buffer = [0; 8192];
    let mut have = 0;
    loop {
        have += stream.read(&mut buffer[have..]).unwrap();
        let Some(head) = buffer[..have].windows(4).position(|w| w == b"\r\n\r\n") else {
            continue;
        };
        let text = std::str::from_utf8(&buffer[..head]).unwrap();
        assert!(text.starts_with("HTTP/1.1 200"), "{text}");
        let length: usize = text
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .unwrap()
            .parse()
            .unwrap();
        while have < head + 4 + length {
            have += stream.read(&mut buffer[have..]).unwrap();
        }
        return;
    }
}
