//! The real `ca-server` on free ports, and its officers over HTTPS.

#![allow(dead_code, reason = "each test file uses a part")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use esign_core::keys::{Curve, KeySpec, PrivateKey};
use esign_core::x509::{NameBuilder, Request, to_pem};
use serde_json::{Value, json};
use ureq::tls::{Certificate, ClientCert, PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};

/// More than a test asks for, but for the one that asks for more.
pub(crate) const REQUESTS_A_SECOND: u32 = 2_000;

static NEXT: AtomicUsize = AtomicUsize::new(0);

/// A demonstration centre on free ports; ended with the test, however that ends.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) dir: PathBuf,
    pub(crate) address: String,
    pub(crate) operators: String,
}

pub(crate) fn command(dir: &Path, listen: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ca-server"));
    command
        .arg("--dir")
        .arg(dir)
        .env("CA_SERVER_LOG__SECONDS", "1")
        .env("CA_SERVER_PUBLIC__LISTEN", listen)
        .env("CA_SERVER_OPERATORS__LISTEN", "127.0.0.1:0")
        .env(
            "CA_SERVER_OPERATORS__REQUESTS_A_SECOND",
            REQUESTS_A_SECOND.to_string(),
        );
    command
}

impl Server {
    pub(crate) fn start() -> Self {
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("service-{}-{n}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        Self::on(dir)
    }

    /// One that logs this much, and the file of its log.
    pub(crate) fn logged(level: &str) -> (Self, PathBuf) {
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("service-{}-{n}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        let log = dir.with_extension("log");
        let mut command = command(&dir, "127.0.0.1:0");
        command
            .env("RUST_LOG", level)
            .stderr(std::fs::File::create(&log).unwrap());
        (Self::spawned(command, dir), log)
    }

    /// Ends it as a loss of power would, and starts it again on the same folder.
    pub(crate) fn crash_and_start_again(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let mut again = Self::on(self.dir.clone());
        std::mem::swap(&mut self.child, &mut again.child);
        std::mem::swap(&mut self.address, &mut again.address);
        std::mem::swap(&mut self.operators, &mut again.operators);
        // The folder stays.
        std::mem::forget(again);
    }

    fn on(dir: PathBuf) -> Self {
        Self::with(dir, &[])
    }

    /// On a folder, with settings from the environment.
    pub(crate) fn with(dir: PathBuf, settings: &[(&str, &str)]) -> Self {
        let mut command = command(&dir, "127.0.0.1:0");
        command.envs(settings.iter().copied());
        Self::spawned(command, dir)
    }

    pub(crate) fn spawned(mut command: Command, dir: PathBuf) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut told = |word: &str| loop {
            let mut line = String::new();
            assert!(stdout.read_line(&mut line).unwrap() > 0, "no {word}");
            if let Some((_, address)) = line.trim().split_once("://")
                && line.starts_with(word)
            {
                return address.to_owned();
            }
        };
        let address = told("everybody:");
        let operators = told("officers:");
        // Kept open, so that the last line can be written.
        child.stdout = Some(stdout.into_inner());
        Self {
            child,
            dir,
            address,
            operators,
        }
    }

    pub(crate) fn ask(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(
            stream,
            "{request} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// An officer of the demonstration with his client certificate.
pub(crate) struct Officer {
    pub(crate) agent: ureq::Agent,
    pub(crate) base: String,
}

pub(crate) fn pem(path: &Path) -> Vec<PemItem<'static>> {
    parse_pem(&std::fs::read(path).unwrap())
        .map(Result::unwrap)
        .collect()
}

pub(crate) fn certificates(path: &Path) -> Vec<Certificate<'static>> {
    pem(path)
        .into_iter()
        .filter_map(|item| match item {
            PemItem::Certificate(certificate) => Some(certificate),
            _ => None,
        })
        .collect()
}

impl Officer {
    pub(crate) fn of(server: &Server, name: &str) -> Self {
        Self::with(server, Some(Self::client(server, name)))
    }

    fn client(server: &Server, name: &str) -> ClientCert {
        let folder = server.dir.join("officers").join(name);
        let key = pem(&folder.join("key.pem")).remove(0);
        let PemItem::PrivateKey(key) = key else {
            panic!("no key")
        };
        ClientCert::new_with_certs(&certificates(&folder.join("certificate.pem")), key)
    }

    pub(crate) fn with(server: &Server, client: Option<ClientCert>) -> Self {
        Self::within(server, client, None)
    }

    /// With a limit to the time that a request may take.
    pub(crate) fn patient(server: &Server, name: &str, limit: Duration) -> Self {
        let client = Some(Self::client(server, name));
        Self::within(server, client, Some(limit))
    }

    fn within(server: &Server, client: Option<ClientCert>, limit: Option<Duration>) -> Self {
        let authority = certificates(&server.dir.join("issuing.pem"));
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .root_certs(RootCerts::new_with_certs(&authority))
            .client_cert(client)
            .build();
        let config = ureq::Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .timeout_global(limit)
            .build();
        Self {
            agent: config.into(),
            base: format!("https://{}", server.operators),
        }
    }

    pub(crate) fn answer(response: ureq::http::Response<ureq::Body>) -> (u16, Value) {
        let status = response.status().as_u16();
        let problem = response.headers()["content-type"] == "application/problem+json";
        assert_eq!(problem, status >= 400, "{status}");
        let mut body = response.into_body();
        (status, body.read_json().unwrap())
    }

    pub(crate) fn get(&self, path: &str) -> (u16, Value) {
        Self::answer(
            self.agent
                .get(format!("{}{path}", self.base))
                .call()
                .unwrap(),
        )
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let request = self.agent.post(format!("{}{path}", self.base));
        Self::answer(request.send_json(body).unwrap())
    }

    /// None where the service is gone before it answers.
    pub(crate) fn try_post(&self, path: &str, body: &Value) -> Option<(u16, Value)> {
        let request = self.agent.post(format!("{}{path}", self.base));
        let mut response = request.send_json(body).ok()?;
        let status = response.status().as_u16();
        Some((status, response.body_mut().read_json().ok()?))
    }

    pub(crate) fn put(&self, path: &str, body: &Value) -> (u16, Value) {
        let request = self.agent.put(format!("{}{path}", self.base));
        Self::answer(request.send_json(body).unwrap())
    }
}

pub(crate) fn csr() -> String {
    let key = PrivateKey::generate(KeySpec::Ec(Curve::P256)).unwrap();
    let name = NameBuilder::new()
        .with(esign_core::oid::COMMON_NAME, "x")
        .build()
        .unwrap();
    let request = Request::sign(&name, &key).unwrap();
    to_pem("CERTIFICATE REQUEST", request.der())
}

pub(crate) fn person(fin: &str) -> Value {
    json!({"natural-person": {
        "given-name": "Aysel", "surname": "Əliyeva", "identifier": {"fin": fin}, "country": "AZ"
    }})
}

pub(crate) fn status_of(server: &Server, serial: &str) -> esign_core::ocsp::CertStatus {
    let request = ocsp_request(server, serial);
    let agent: ureq::Agent = ureq::Agent::config_builder().build().into();
    let mut answer = agent
        .post(format!("http://{}/ocsp", server.address))
        .content_type("application/ocsp-request")
        .send(&request[..])
        .unwrap();
    assert_eq!(
        answer.headers()["content-type"],
        "application/ocsp-response"
    );
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let der = answer.body_mut().read_to_vec().unwrap();
    let response = esign_core::ocsp::OcspResponse::from_der(&der).unwrap();
    let basic = response.basic.unwrap();
    let issuing = &authority(server);
    let delegate = &basic.certificates()[0];
    delegate
        .verify_signed_by(issuing.public_key().unwrap())
        .unwrap();
    basic
        .verify_signed_by(delegate.public_key().unwrap())
        .unwrap();
    basic.singles()[0].status
}

pub(crate) fn authority(server: &Server) -> esign_core::x509::Certificate {
    let pem = std::fs::read(server.dir.join("issuing.pem")).unwrap();
    esign_core::x509::certificates(&pem).unwrap().remove(0)
}

pub(crate) fn ocsp_request(server: &Server, serial: &str) -> Vec<u8> {
    let id = esign_core::ocsp::CertId::new(
        esign_core::x509::SerialNumber::parse_hex(serial).unwrap(),
        &authority(server),
        esign_core::keys::DigestAlgorithm::Sha256,
    );
    esign_core::ocsp::RequestBuilder {
        asked: vec![id.unwrap()],
        nonce: None,
    }
    .build()
    .unwrap()
}

pub(crate) fn issued(registrar: &Officer) -> String {
    let order = json!({"csr": csr(), "profile": "tls-client", "identity": person("5ABC12Z")});
    let (_, made) = registrar.post("/api/v1/requests", &order);
    let path = format!("/api/v1/requests/{}/issue", made["id"].as_str().unwrap());
    let (status, issued) = registrar.post(&path, &json!({}));
    assert_eq!(status, 200, "{issued}");
    issued["serial"].as_str().unwrap().to_owned()
}

/// A folder for each replica, as an installation has it on each machine, and the store moved into the
/// database at `url`.
pub(crate) fn installed(url: &str, replicas: usize) -> Vec<PathBuf> {
    let first = Server::start();
    let dirs: Vec<_> = (0..replicas)
        .map(|n| first.dir.with_extension(format!("replica{n}")))
        .collect();
    signal(&first, "TERM");
    // Until it is gone, the file is its own.
    std::thread::sleep(Duration::from_millis(500));
    for dir in &dirs {
        let copied = Command::new("cp")
            .arg("-r")
            .arg(&first.dir)
            .arg(dir)
            .status();
        assert!(copied.unwrap().success());
    }
    let moved = Command::new(env!("CARGO_BIN_EXE_ca-server"))
        .arg("--dir")
        .arg(&dirs[0])
        .arg("move-store")
        .arg(first.dir.join("store.sqlite"))
        .env("CA_SERVER_STORE", url)
        .output()
        .unwrap();
    assert!(
        moved.status.success(),
        "{}",
        String::from_utf8_lossy(&moved.stderr)
    );
    for dir in &dirs {
        std::fs::remove_file(dir.join("store.sqlite")).unwrap();
    }
    dirs
}

pub(crate) fn signal(server: &Server, name: &str) {
    let id = server.child.id().to_string();
    let sent = Command::new("kill").args(["-s", name, &id]).status();
    assert!(sent.unwrap().success());
}
