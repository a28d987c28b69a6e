//! A body that issues documents, and a register to issue them into: the real service on a
//! demonstration's folder.

#![allow(dead_code, reason = "each test file uses a part")]

use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use esign_core::code::{Code, Version};
use esign_core::keys::{Curve, KeySpec, PrivateKey, SigningKey};
use esign_core::register::{Answer, BoxContent, Record, open_box, seal_box};
use esign_core::time::UnixTime;
use esign_core::visible_seal;
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::{Value, json};

use crate::served::{Officer, Server, signal};

pub(crate) const FIELDS: [&str; 2] = ["Aysel Əliyeva Kamran qızı", "5ABC12Z"];

pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut octets = [0; N];
    SystemRandom::new().fill(&mut octets).unwrap();
    octets
}

pub(crate) fn hex(octets: &[u8]) -> String {
    octets.iter().map(|b| format!("{b:02x}")).collect()
}

/// A document as a body has it before it is registered.
pub(crate) struct Paper {
    pub(crate) code: Code,
    pub(crate) seal: Vec<u8>,
    pub(crate) salt: [u8; 16],
    pub(crate) sealed: Vec<u8>,
    pub(crate) digest: [u8; 32],
    pub(crate) file: [u8; 32],
    pub(crate) key: [u8; 16],
}

impl Paper {
    /// A new one, whose seal `key` signs.
    pub(crate) fn new(key: &PrivateKey) -> Self {
        Self::again(key, random())
    }

    /// Made anew, as after a crash of the body: other octets under the same name.
    pub(crate) fn again(signer: &PrivateKey, key: [u8; 16]) -> Self {
        let record = Record {
            class: 1,
            schema: 1,
            issuer: 7,
            issued_at: UnixTime::from_seconds(1_790_000_000),
            expires_at: None,
            fields: FIELDS.map(str::to_owned).to_vec(),
            blind: random(),
        }
        .encode();
        let tbs = visible_seal::to_be_signed(signer.public_key(), &record).unwrap();
        let signature = signer.sign(tbs.algorithm, &tbs.bytes).unwrap();
        let seal = visible_seal::finish(signer.public_key(), &record, &signature).unwrap();
        let code = Code::of_record(Version::Production, &record);
        let (salt, file) = (random(), [0xf1; 32]);
        let content = BoxContent {
            seal: seal.clone(),
            file_digest: Some(file),
        };
        Self {
            sealed: seal_box(&code, &salt, &content).unwrap(),
            digest: Record::digest(&record),
            code,
            seal,
            salt,
            file,
            key,
        }
    }

    pub(crate) fn locator(&self) -> [u8; 16] {
        self.code.keys().locator()
    }

    /// As it is registered, with what the body wants back on a retry.
    pub(crate) fn json(&self) -> Value {
        json!({
            "key": hex(&self.key),
            "locator": hex(&self.locator()),
            "salt": hex(&self.salt),
            "box": STANDARD.encode(&self.sealed),
            "digest": hex(&self.digest),
            "file": hex(&self.file),
            "content": hex(&[self.key, self.key].concat()),
            "keep": STANDARD.encode(&self.seal),
        })
    }
}

/// Keys of the register in a folder, and the settings that switch the role on.
pub(crate) struct Installed {
    pub(crate) answers: PrivateKey,
    pub(crate) log: PrivateKey,
    pub(crate) pepper: String,
    pub(crate) wrapping: String,
}

impl Installed {
    /// Secrets and keys for one register, whatever the number of its folders.
    pub(crate) fn new() -> Self {
        Self {
            answers: PrivateKey::generate(KeySpec::Ec(Curve::P256)).unwrap(),
            log: PrivateKey::generate(KeySpec::Ed25519).unwrap(),
            pepper: hex(&random::<32>()),
            wrapping: hex(&random::<32>()),
        }
    }

    /// Writes them into the folder of a demonstration, with body 7, whose client is the folder's.
    pub(crate) fn put(&self, dir: &Path) {
        let write = |name: &str, octets: &[u8]| std::fs::write(dir.join(name), octets).unwrap();
        write("answers.p8", self.answers.pkcs8_der());
        write("register-log.p8", self.log.pkcs8_der());
        write("pepper", self.pepper.as_bytes());
        write("wrapping", self.wrapping.as_bytes());
        let client = |name: &str| {
            let pem = std::fs::read(dir.join("officers").join(name).join("certificate.pem"));
            let certificate = esign_core::x509::certificates(&pem.unwrap())
                .unwrap()
                .remove(0);
            ca_server::ids::KeyId::of_spki(certificate.spki_der()).to_string()
        };
        let words = |text: &str| json!({"az": text, "en": text});
        let class = |number: u32, single: bool| {
            json!({
                "number": number, "name": words("Arayış"),
                "fields": [words("Ad, soyad"), words("FİN")],
                "sensitive": number == 2, "single_use": single,
            })
        };
        let issuer = |number: u32, client: String, until: Option<i64>| {
            json!({
                "number": number, "name": words("Xidmət"), "spki": "", "classes": [1, 2, 3],
                "from": UnixTime::from_seconds(1_700_000_000), "clients": [client],
                "until": until.map(UnixTime::from_seconds),
            })
        };
        let register = json!({
            "version": 1, "test": false, "host": "kod.example",
            "issuers": [
                issuer(7, client("client"), None),
                issuer(8, client("registrar"), Some(1_700_000_001)),
            ],
            "classes": [class(1, false), class(2, false), class(3, true), class(4, false)],
        });
        write("register.json", register.to_string().as_bytes());
    }
}

pub(crate) const SETTINGS: [(&str, &str); 6] = [
    ("CA_SERVER_ROLES", "[\"ca\", \"status\", \"register\"]"),
    ("CA_SERVER_REGISTER__KEY", "answers.p8"),
    ("CA_SERVER_REGISTER__LOG_KEY", "register-log.p8"),
    ("CA_SERVER_REGISTER__ORIGIN", "kod.example/log"),
    ("CA_SERVER_REGISTER__PEPPER", "{ file = \"pepper\" }"),
    (
        "CA_SERVER_REGISTER__WRAPPING_KEY",
        "{ file = \"wrapping\" }",
    ),
];

/// The settings, and more look-ups a second than a test makes.
pub(crate) fn settings<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut all = SETTINGS.to_vec();
    all.push(("CA_SERVER_REGISTER__LOOK_UPS_A_SECOND", "10000"));
    all.extend(more);
    all
}

/// A demonstration with a register in one file.
pub(crate) fn start() -> (Server, Installed) {
    let installed = Installed::new();
    let first = Server::start();
    installed.put(&first.dir);
    stop(&first);
    let dir = first.dir.clone();
    // The folder goes on.
    std::mem::forget(first);
    (Server::with(dir, &settings(&[])), installed)
}

/// Ends it in good order, and waits until the file is its own.
pub(crate) fn stop(server: &Server) {
    signal(server, "TERM");
    let begun = Instant::now();
    let id = server.child.id().to_string();
    while std::fs::read_to_string(format!("/proc/{id}/stat"))
        .is_ok_and(|stat| !stat.contains(") Z"))
    {
        assert!(begun.elapsed() < Duration::from_secs(20), "does not end");
        std::thread::sleep(Duration::from_millis(50));
    }
}

pub(crate) fn register(body: &Officer, class: u32, papers: &[&Paper]) -> (u16, Value) {
    let documents: Vec<_> = papers.iter().map(|paper| paper.json()).collect();
    let order = json!({"class": class, "documents": documents});
    body.post("/api/v1/register/documents", &order)
}

/// What the register answers to whoever asks, verified; the box opened where there is one.
pub(crate) fn look_up(
    server: &Server,
    installed: &Installed,
    code: &Code,
) -> (Answer, Option<BoxContent>) {
    let nonce = random::<16>();
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    let asked = json!({"locator": hex(&code.keys().locator()), "nonce": hex(&nonce)});
    let mut response = agent
        .post(format!("http://{}/register/answers", server.address))
        .send_json(&asked)
        .unwrap();
    assert_eq!(response.headers()["cache-control"], "no-store");
    let status = response.status().as_u16();
    let told: Value = response.body_mut().read_json().unwrap();
    assert_eq!(status, 200, "{told}");
    let octets = |name: &str| STANDARD.decode(told[name].as_str().unwrap()).unwrap();
    let answer = Answer::verify(&octets("answer"), installed.answers.public_key()).unwrap();
    assert_eq!(answer.nonce.as_deref(), Some(&nonce[..]));
    assert_eq!(answer.locator, code.keys().locator());
    assert_eq!(answer.until, answer.now.plus(300));
    let content = told.get("box").map(|_| {
        let salt = ca_server::ids::Locator::parse(told["salt"].as_str().unwrap()).unwrap();
        open_box(code, &salt.0, &octets("box")).unwrap()
    });
    assert_eq!(content.is_some(), answer.found.is_some());
    (answer, content)
}

/// The answer once the document's registration is in the log: in a second or two.
pub(crate) fn logged(server: &Server, installed: &Installed, code: &Code) -> Answer {
    let begun = Instant::now();
    loop {
        let (answer, _) = look_up(server, installed, code);
        if answer.found.as_ref().unwrap().index.is_some() {
            return answer;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "not in the log");
        std::thread::sleep(Duration::from_millis(100));
    }
}
