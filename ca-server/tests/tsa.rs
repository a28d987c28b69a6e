//! Time-stamps over HTTP, asked for with a plain client.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should stop"
)]
#![cfg(feature = "http")]

mod served;

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ca_server::tsa::http::{PATH, QUERY, REPLY, Served, routes};
use ca_server::tsa::{ClockWatch, Synchronisation, SystemClocks, TimeStamper, TimeStamperOptions};
use esign_core::keys::{DigestAlgorithm, Hasher, Passphrase, PrivateKey};
use esign_core::oid::ObjectIdentifier;
use esign_core::tsp::{
    ClientCheck, MAX_REQUEST, MessageImprint, Nonce, TimeStampReq, TimeStampResp, check_response,
};

fn fixture(name: &str) -> String {
    format!("{}/../test-vectors/tsp/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// An authority that listens on this machine.
fn start() -> (tokio::runtime::Runtime, SocketAddr, Arc<Served>) {
    let key = std::fs::read_to_string(fixture("authority.key.pem")).unwrap();
    let key = PrivateKey::from_pem(&key, None::<&Passphrase>).unwrap();
    let certificate = std::fs::read(fixture("authority.pem")).unwrap();
    let certificate = esign_core::x509::certificates(&certificate).unwrap();
    let options = TimeStamperOptions::new(ObjectIdentifier::new_unwrap("1.2.3.4.1"));
    let clock = ClockWatch::new(Box::new(SystemClocks::new()), options.accuracy);
    let vouched = Synchronisation::Vouched {
        max_error: Duration::from_millis(500),
    };
    clock.tell(vouched, clock.monotonic());
    let random = Arc::new(ring::rand::SystemRandom::new());
    let stamper = TimeStamper::new(
        Arc::new(key),
        certificate[0].clone(),
        &[],
        options,
        Arc::new(clock),
        random,
    );
    let served = Arc::new(Served {
        stamper: Arc::new(stamper.unwrap()),
        misdirected: AtomicU64::new(0),
    });
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let listener = runtime
        .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
        .unwrap();
    let address = listener.local_addr().unwrap();
    let router = routes(Arc::clone(&served));
    runtime.spawn(async move { axum::serve(listener, router).await });
    (runtime, address, served)
}

struct Answer {
    status: u16,
    kind: Option<String>,
    body: Vec<u8>,
}

fn post(address: SocketAddr, kind: &str, body: &[u8]) -> Answer {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    let mut answer = agent
        .post(format!("http://{address}{PATH}"))
        .header("content-type", kind)
        .send(body)
        .unwrap();
    Answer {
        status: answer.status().as_u16(),
        kind: answer
            .headers()
            .get("content-type")
            .map(|v| v.to_str().unwrap().to_owned()),
        body: answer.body_mut().read_to_vec().unwrap(),
    }
}

fn request() -> TimeStampReq {
    let nonce = Nonce::random(&ring::rand::SystemRandom::new()).unwrap();
    let digest = Hasher::digest(DigestAlgorithm::Sha256, b"stamp me\n");
    TimeStampReq::new(MessageImprint::new(&digest), Some(nonce))
}

#[test]
fn stamps_are_had_by_post() {
    let (_runtime, address, served) = start();
    let asked = request();
    for kind in [QUERY, "Application/Timestamp-Query; charset=binary"] {
        let answer = post(address, kind, &asked.to_der());
        assert_eq!((answer.status, answer.kind.as_deref()), (200, Some(REPLY)));
        let judged = check_response(&asked, &answer.body, &ClientCheck::default());
        assert!(judged.value.is_some(), "{:?}", judged.report);
    }
    // What is no request is answered in the protocol's own words.
    let answer = post(address, QUERY, b"GET / HTTP/1.0");
    assert_eq!((answer.status, answer.kind.as_deref()), (200, Some(REPLY)));
    let refused = TimeStampResp::from_der(&answer.body).unwrap();
    assert_eq!(refused.status.failures(), ["badDataFormat"]);
    assert_eq!(served.stamper.counters().granted(), 2);
    assert_eq!(served.misdirected.load(Ordering::Relaxed), 0);
}

#[test]
fn what_is_misdirected_is_told_by_http() {
    let (_runtime, address, served) = start();
    let asked = request().to_der();
    for (kind, body, status) in [
        ("application/ocsp-request", asked.clone(), 415),
        ("text/plain", asked, 415),
        (QUERY, vec![0x30; MAX_REQUEST], 200),
        (QUERY, vec![0x30; MAX_REQUEST + 1], 413),
    ] {
        assert_eq!(
            post(address, kind, &body).status,
            status,
            "{kind} {}",
            body.len()
        );
    }
    let got = ureq::get(format!("http://{address}{PATH}")).call();
    assert!(matches!(got, Err(ureq::Error::StatusCode(405))), "{got:?}");
    assert_eq!(served.misdirected.load(Ordering::Relaxed), 3);
}

#[test]
fn openssl_asks_and_verifies() {
    let (_runtime, address, _served) = start();
    let folder = std::env::temp_dir().join(format!("ca-server-tsa-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let at = |name: &str| folder.join(name).display().to_string();
    let run = |arguments: &[&str]| {
        let out = Command::new("openssl").args(arguments).output().unwrap();
        (
            out.status.success(),
            String::from_utf8_lossy(&out.stderr).into_owned(),
        )
    };
    let content = fixture("content.txt");
    std::fs::write(at("other.txt"), "another").unwrap();
    for (digest, cert) in [
        ("-sha256", true),
        ("-sha384", true),
        ("-sha512", false),
        ("-sha3-256", true),
        ("-sha3-384", true),
        ("-sha3-512", true),
    ] {
        let (query, reply) = (at("q.tsq"), at("r.tsr"));
        let mut ask = vec!["ts", "-query", "-data", &content, digest, "-out", &query];
        if cert {
            ask.push("-cert");
        }
        assert!(run(&ask).0);
        let answer = post(address, QUERY, &std::fs::read(&query).unwrap());
        std::fs::write(&reply, answer.body).unwrap();
        let (root, authority) = (fixture("root.pem"), fixture("authority.pem"));
        let verify = |what: &[&str]| {
            let common = ["ts", "-verify", "-in", &reply, "-CAfile", &root];
            let mut all = [&common[..], what].concat();
            if !cert {
                all.extend(["-untrusted", &authority]);
            }
            run(&all)
        };
        let (ok, why) = verify(&["-queryfile", &query]);
        assert!(ok, "{digest}: {why}");
        let (ok, why) = verify(&["-data", &content]);
        assert!(ok, "{digest}: {why}");
        assert!(!verify(&["-data", &at("other.txt")]).0);
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

/// The real program, with all roles, then with this one alone, then with a clock that nobody vouches for.
#[test]
fn the_service_stamps_while_its_clock_is_to_be_trusted() {
    let mut server = served::Server::start();
    let address = server.address.parse().unwrap();
    let asked = request();
    let answer = post(address, QUERY, &asked.to_der());
    let judged = check_response(&asked, &answer.body, &ClientCheck::default());
    assert!(judged.value.is_some(), "{:?}", judged.report);
    let metrics = server.ask("GET /metrics");
    for line in [
        "ca_tsa_answers_total{outcome=\"granted\"} 1",
        "ca_tsa_answers_total{outcome=\"timeNotAvailable\"} 0",
        "ca_tsa_clock_trusted 1",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    server.child.kill().unwrap();
    server.child.wait().unwrap();

    // Alone it needs no store.
    std::fs::remove_file(server.dir.join("store.sqlite")).unwrap();
    for (clock, status) in [
        ("\"vouched\"", "granted"),
        (
            "{ chrony = { program = \"/nonexistent/chronyc\" } }",
            "rejection",
        ),
    ] {
        let mut child = served::command(&server.dir, "127.0.0.1:0")
            .env("CA_SERVER_ROLES", "[\"tsa\"]")
            .env("CA_SERVER_TSA__CLOCK", clock)
            .env_remove("CA_SERVER_OPERATORS__LISTEN")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line.trim().rsplit('/').next().unwrap().parse().unwrap();
        let answer = post(address, QUERY, &asked.to_der());
        let answer = TimeStampResp::from_der(&answer.body).unwrap();
        child.kill().unwrap();
        let log = child.wait_with_output().unwrap().stderr;
        let log = String::from_utf8_lossy(&log);
        assert_eq!(answer.status.status.name(), status, "{log}");
        if status == "rejection" {
            assert_eq!(answer.status.failures(), ["timeNotAvailable"]);
            assert!(log.contains("/nonexistent/chronyc"), "{log}");
        }
    }
}

/// OpenSSL and pyHanko as clients; `test-vectors/judges/judge-tsa` says what it needs.
#[test]
#[ignore = "installs a Python environment; run with --ignored"]
fn judges_accept_the_authority() {
    let (_runtime, address, served) = start();
    let judge = format!(
        "{}/../test-vectors/judges/judge-tsa",
        env!("CARGO_MANIFEST_DIR")
    );
    let url = format!("http://{address}{PATH}");
    let out = Command::new(judge)
        .args([&url, &fixture("root.pem")])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&out.stdout);
    assert!(
        out.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&out.stderr)
    );
    assert_eq!(said.matches(": accepted").count(), 12, "{said}");
    assert_eq!(served.stamper.counters().granted(), 12);
}
