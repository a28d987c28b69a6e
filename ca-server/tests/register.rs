//! The register of document codes as the real service on one machine.

#![cfg(feature = "http")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected should stop"
)]

mod paper;
mod served;

use std::collections::HashMap;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use esign_core::keys::{Curve, KeySpec, PrivateKey, SigningKey};
use esign_core::log::{
    Checkpoint, KeyKind, NoteKey, ProofFile, SignedNote, TileId, bundle_entries, verify_inclusion,
};
use esign_core::register::{Leaf, LeafKind, Standing, StatusList, issue_commitment};
use paper::{FIELDS, Installed, Paper, hex, logged, look_up, register, start, stop};
use serde_json::{Value, json};
use served::{Officer, Server, command};

fn signer() -> PrivateKey {
    PrivateKey::generate(KeySpec::Ec(Curve::P256)).unwrap()
}

fn outcome(answer: &Value) -> &str {
    answer["documents"][0]["outcome"].as_str().unwrap()
}

fn fetch(server: &Server, path: &str) -> (u16, Vec<u8>) {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    let mut response = agent
        .get(format!("http://{}{path}", server.address))
        .call()
        .unwrap();
    let status = response.status().as_u16();
    (status, response.body_mut().read_to_vec().unwrap())
}

fn log_key(installed: &Installed) -> NoteKey {
    let key = installed.log.public_key();
    NoteKey::new("kod.example/log", KeyKind::Note, key).unwrap()
}

#[test]
fn a_document_from_its_registration_to_its_end() {
    let (server, installed) = start();
    let (body, key) = (Officer::of(&server, "client"), signer());
    let paper = Paper::new(&key);
    // Nobody knows it: signed as well.
    let (answer, _) = look_up(&server, &installed, &paper.code);
    assert_eq!((answer.found, answer.size), (None, 0));
    let (status, done) = register(&body, 1, &[&paper]);
    assert_eq!((status, outcome(&done)), (200, "registered"), "{done}");
    let (answer, content) = look_up(&server, &installed, &paper.code);
    let found = answer.found.unwrap();
    assert_eq!((found.status, found.seq), (Standing::InForce, 1));
    assert_eq!(found.digest, paper.digest);
    let content = content.unwrap();
    assert_eq!(content.seal, paper.seal);
    assert_eq!(content.file_digest, Some(paper.file));
    // Again after a crash of the body, which has made everything anew: the first octets come back.
    let anew = Paper::again(&key, paper.key);
    let (_, again) = register(&body, 1, &[&anew]);
    assert_eq!(outcome(&again), "existing", "{again}");
    let row = &again["documents"][0];
    assert_eq!(row["box"], STANDARD.encode(&paper.sealed));
    assert_eq!(row["salt"], hex(&paper.salt));
    assert_eq!(row["locator"], hex(&paper.locator()));
    assert_eq!(row["keep"], STANDARD.encode(&paper.seal));
    let (answer, _) = look_up(&server, &installed, &anew.code);
    assert_eq!(answer.found, None);
    // With another content it is a conflict, and the neighbour in the batch is not touched by it.
    let mut other = anew.json();
    other["content"] = json!(hex(&[9; 32]));
    let neighbour = Paper::new(&key);
    let order = json!({"class": 1, "documents": [other, neighbour.json()]});
    let (status, both) = body.post("/api/v1/register/documents", &order);
    assert_eq!(status, 200, "{both}");
    let outcomes = &both["documents"];
    assert_eq!(outcomes[0]["outcome"], "refused");
    assert_eq!(outcomes[0]["problem"]["code"], "state");
    assert_eq!(outcomes[1]["outcome"], "registered");
    // A twin: another record under the locator of this one.
    let mut twin = Paper::new(&key).json();
    twin["locator"] = json!(hex(&paper.locator()));
    let order = json!({"class": 1, "documents": [twin]});
    let (_, twin) = body.post("/api/v1/register/documents", &order);
    assert_eq!(outcome(&twin), "refused", "{twin}");
    // In the log, and proved to be.
    let found = logged(&server, &installed, &paper.code).found.unwrap();
    let index = found.index.unwrap();
    let (status, proof) = fetch(&server, &format!("/register/proofs/{index}"));
    assert_eq!(status, 200);
    let proof = ProofFile::parse(&proof).unwrap();
    proof.checkpoint.verify(&log_key(&installed)).unwrap();
    let checkpoint = Checkpoint::of(&proof.checkpoint).unwrap();
    let (status, bundle) = fetch(
        &server,
        &format!(
            "/register/{}",
            TileId::parse(&format!("tile/entries/000.p/{}", checkpoint.size)).unwrap()
        ),
    );
    assert_eq!(status, 200);
    let width = u16::try_from(checkpoint.size).unwrap();
    let leaves = bundle_entries(&bundle, width).unwrap();
    let octets = leaves[usize::try_from(index).unwrap()];
    let leaf = Leaf::decode(octets).unwrap();
    assert_eq!(
        leaf.commitment,
        issue_commitment(&paper.digest, Some(&paper.file))
    );
    assert_eq!(
        (leaf.kind, leaf.issuer, leaf.class),
        (LeafKind::Issue, 7, 1)
    );
    let hash = esign_core::log::Hash::leaf(octets);
    verify_inclusion(
        &hash,
        index,
        checkpoint.size,
        &proof.hashes,
        &checkpoint.root,
    )
    .unwrap();
    // Suspended, restored, revoked; each once, each from the status that it was decided upon.
    let change = |seq: u32, status: &str| {
        let order = json!({
            "locator": hex(&paper.locator()), "seq": seq, "status": status,
            "reason": 4, "why": "sınaq",
        });
        body.post("/api/v1/register/statuses", &order)
    };
    for (seq, status, standing) in [
        (1, "suspended", Standing::Suspended),
        (2, "in-force", Standing::InForce),
        (3, "revoked", Standing::Revoked),
    ] {
        let (code, done) = change(seq, status);
        assert_eq!((code, &done["seq"]), (200, &json!(seq + 1)), "{done}");
        let (_, again) = change(seq, status);
        assert_eq!(again["existing"], true, "{again}");
        let (answer, _) = look_up(&server, &installed, &paper.code);
        let found = answer.found.unwrap();
        assert_eq!((found.status, found.reason), (standing, Some(4)));
        assert_eq!(found.seq, seq + 1);
    }
    assert_eq!(change(1, "suspended").0, 409);
    assert_eq!(change(4, "in-force").0, 409);
    // For those without a network: listed, and by the others' absence in force.
    let (status, list) = fetch(&server, "/register/list");
    assert_eq!(status, 200);
    let list = StatusList::verify(&list, installed.answers.public_key()).unwrap();
    assert_eq!(list.head().count, 1);
    assert_eq!(list.find(&paper.digest), Some(Standing::Revoked));
    assert_eq!(list.find(&neighbour.digest), None);
    assert!(list.head().next == list.head().at.plus(3600));
    // What is public is public, and of a sensitive class only that.
    let secret = Paper::new(&key);
    let (_, done) = register(&body, 2, &[&secret]);
    assert_eq!(outcome(&done), "registered");
    let index = logged(&server, &installed, &secret.code)
        .found
        .unwrap()
        .index
        .unwrap();
    let (_, note) = fetch(&server, "/register/checkpoint");
    let note = SignedNote::parse(&note).unwrap();
    note.verify(&log_key(&installed)).unwrap();
    let size = Checkpoint::of(&note).unwrap().size;
    let (_, bundle) = fetch(&server, &format!("/register/tile/entries/000.p/{size}"));
    let width = u16::try_from(size).unwrap();
    let octets = bundle_entries(&bundle, width).unwrap()[usize::try_from(index).unwrap()];
    assert_eq!(Leaf::decode(octets).unwrap().class, 0);
}

#[test]
fn who_may_do_what() {
    let (server, _) = start();
    let (body, key) = (Officer::of(&server, "client"), signer());
    let paper = Paper::new(&key);
    // A class that is not this body's, one that is nobody's.
    let (status, refused) = register(&body, 4, &[&paper]);
    assert_eq!((status, &refused["code"]), (403, &json!("not-allowed")));
    assert_eq!(register(&body, 99, &[&paper]).0, 422);
    // A body whose time is over.
    let late = Officer::of(&server, "registrar");
    let (status, refused) = register(&late, 1, &[&paper]);
    assert_eq!(status, 403, "{refused}");
    // An officer is no body; nobody is neither.
    let officer = Officer::of(&server, "revocation-officer");
    assert_eq!(register(&officer, 1, &[&paper]).0, 403);
    assert_eq!(
        register(&Officer::of(&server, "auditor"), 1, &[&paper]).0,
        401
    );
    assert_eq!(register(&Officer::with(&server, None), 1, &[&paper]).0, 401);
    // Another's document is none of this body's.
    let (_, done) = register(&body, 1, &[&paper]);
    assert_eq!(outcome(&done), "registered");
    let order = json!({
        "locator": hex(&paper.locator()), "seq": 1, "status": "revoked", "why": "x",
    });
    assert_eq!(late.post("/api/v1/register/statuses", &order).0, 404);
    let all = json!({"body": 7, "not_logged_at": "2026-01-01T00:00:00Z", "why": "x"});
    assert_eq!(late.post("/api/v1/register/revocations", &all).0, 403);
    // Values out of their range, each told.
    let mut wrong = Vec::new();
    for (name, value) in [
        ("locator", json!("00")),
        ("salt", json!("zz".repeat(16))),
        ("box", json!("")),
        ("box", json!("*")),
        ("box", json!(STANDARD.encode(vec![0; 8 * 512 + 17]))),
        ("keep", json!(STANDARD.encode(vec![0; 16 * 1024 + 1]))),
        ("digest", json!("00")),
    ] {
        let mut one = Paper::new(&key).json();
        one[name] = value;
        let order = json!({"class": 1, "documents": [one]});
        let (status, answer) = body.post("/api/v1/register/documents", &order);
        let refused = status == 422 || outcome(&answer) == "refused";
        assert!(refused, "{name}: {answer}");
        wrong.push(answer);
    }
    let many: Vec<_> = (0..1001).map(|_| paper.json()).collect();
    let order = json!({"class": 1, "documents": many});
    assert_eq!(body.post("/api/v1/register/documents", &order).0, 422);
    for (locator, nonce) in [
        ("00", ""),
        (&*"00".repeat(16), "0"),
        (&*"00".repeat(16), &*"00".repeat(65)),
    ] {
        let (status, _) = fetch(
            &server,
            &format!("/register/answers/{locator}?nonce={nonce}"),
        );
        assert_eq!(status, 422, "{locator} {nonce}");
    }
    assert_eq!(fetch(&server, "/register/tile/../checkpoint").0, 404);
    assert_eq!(fetch(&server, "/register/tile/0/%2e%2e/checkpoint").0, 404);
    // What the interface is described by tells of it.
    let (_, description) = body.get("/openapi.json");
    assert!(description["paths"]["/api/v1/register/documents"].is_object());
    assert!(description["paths"]["/api/v1/requests"].is_object());
}

#[test]
fn a_stolen_sealing_key_and_a_single_use() {
    let (server, installed) = start();
    let (body, key) = (Officer::of(&server, "client"), signer());
    let (before, ticket) = (Paper::new(&key), Paper::new(&key));
    register(&body, 1, &[&before]);
    register(&body, 3, &[&ticket]);
    logged(&server, &installed, &before.code);
    logged(&server, &installed, &ticket.code);
    let redeem = |key: u8| {
        let order = json!({"locator": hex(&ticket.locator()), "key": hex(&[key; 16])});
        body.post("/api/v1/register/redemptions", &order)
    };
    let (status, first) = redeem(1);
    assert_eq!(status, 200, "{first}");
    assert_eq!(redeem(1), (200, first.clone()), "the same octets again");
    assert_eq!(redeem(2).0, 409);
    let receipt = STANDARD.decode(first["receipt"].as_str().unwrap()).unwrap();
    let receipt =
        esign_core::register::Answer::verify(&receipt, installed.answers.public_key()).unwrap();
    assert_eq!(receipt.nonce, Some(vec![1; 16]));
    assert_eq!(receipt.found.unwrap().status, Standing::Used);
    let (answer, _) = look_up(&server, &installed, &ticket.code);
    assert_eq!(answer.found.unwrap().status, Standing::Used);
    // One that is not for single use.
    let order = json!({"locator": hex(&before.locator()), "key": hex(&[1; 16])});
    assert_eq!(body.post("/api/v1/register/redemptions", &order).0, 409);
    // A key is stolen now: what is issued later falls, what was in the log before stands.
    std::thread::sleep(Duration::from_millis(2100));
    let stolen = esign_core::time::UnixTime::from_seconds(
        i64::try_from(
            std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .unwrap()
                .as_secs(),
        )
        .unwrap(),
    );
    let after: Vec<_> = (0..5).map(|_| Paper::new(&key)).collect();
    register(&body, 1, &after.iter().collect::<Vec<_>>());
    for paper in &after {
        logged(&server, &installed, &paper.code);
    }
    let officer = Officer::of(&server, "revocation-officer");
    let order = json!({"body": 7, "not_logged_at": stolen, "reason": 1, "why": "key stolen"});
    let (status, done) = officer.post("/api/v1/register/revocations", &order);
    assert_eq!(
        (status, &done),
        (200, &json!({"revoked": 5, "more": false}))
    );
    let (_, done) = officer.post("/api/v1/register/revocations", &order);
    assert_eq!(done, json!({"revoked": 0, "more": false}));
    for paper in &after {
        let found = look_up(&server, &installed, &paper.code).0.found.unwrap();
        assert_eq!((found.status, found.reason), (Standing::Revoked, Some(1)));
    }
    let found = look_up(&server, &installed, &before.code).0.found.unwrap();
    assert_eq!(found.status, Standing::InForce);
}

/// Whoever steals the database, the journal of its log and the service's own log has no field, no code
/// and no locator, and cannot tell which row belongs to a code that he knows.
#[test]
fn a_stolen_database_tells_nothing() {
    let installed = Installed::new();
    let (first, log) = Server::logged("trace");
    installed.put(&first.dir);
    stop(&first);
    let dir = first.dir.clone();
    std::mem::forget(first);
    let mut starting = command(&dir, "127.0.0.1:0");
    let _ = std::fs::remove_file(&log);
    let server = {
        starting.env("RUST_LOG", "trace");
        starting.stderr(std::fs::File::create(&log).unwrap());
        starting.envs(paper::settings(&[]));
        Server::spawned(starting, dir)
    };
    let (body, key) = (Officer::of(&server, "client"), signer());
    let paper = Paper::new(&key);
    register(&body, 1, &[&paper]);
    logged(&server, &installed, &paper.code);
    fetch(
        &server,
        &format!("/register/answers/{}", hex(&paper.locator())),
    );
    let order = json!({
        "locator": hex(&paper.locator()), "seq": 1, "status": "revoked", "why": "x",
    });
    assert_eq!(body.post("/api/v1/register/statuses", &order).0, 200);
    stop(&server);
    let mut everything = Vec::new();
    for name in ["store.sqlite", "store.sqlite-wal", "store.sqlite-shm"] {
        everything.extend(std::fs::read(server.dir.join(name)).unwrap_or_default());
    }
    let bundle = walk(&server.dir.join("register-log"));
    everything.extend(bundle);
    everything.extend(std::fs::read(&log).unwrap());
    let has = |octets: &[u8]| everything.windows(octets.len()).any(|w| w == octets);
    // What is there: the row, by the pepper.
    let vault = ca_server::register::Vault::new(&installed.pepper, &installed.wrapping).unwrap();
    assert!(has(&vault.row(&paper.locator()).0));
    let code = paper.code.to_string();
    let bare: String = code.chars().filter(|c| *c != '-').collect();
    let sealed = &paper.sealed[..32];
    for (what, octets) in [
        ("L", &paper.locator()[..]),
        ("L in digits", hex(&paper.locator()).as_bytes()),
        ("D", &paper.digest[..]),
        ("D in digits", hex(&paper.digest).as_bytes()),
        ("salt", &paper.salt[..]),
        ("box", sealed),
        ("box in Base64", STANDARD.encode(&sealed[..30]).as_bytes()),
        ("seal", &paper.seal[..24]),
        ("F", &paper.file[..]),
        ("code", code.as_bytes()),
        ("code's symbols", bare.as_bytes()),
        ("name", FIELDS[0].as_bytes()),
        ("FIN", FIELDS[1].as_bytes()),
    ] {
        assert!(!has(octets), "{what} is found");
    }
    let _ = std::fs::remove_file(&log);
}

fn walk(dir: &std::path::Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(walk(&path));
        } else {
            all.extend(std::fs::read(path).unwrap());
        }
    }
    all
}

/// A body that retries under the same keys while the service is killed again and again: what it was
/// given once stays so to the octet, is found, and is in the log once.
#[test]
fn kills_under_load_lose_nothing() {
    let (mut server, installed) = start();
    let key = signer();
    let stop_now = AtomicBool::new(false);
    /// Locator, box and salt by the body's key, as first told.
    type Told = HashMap<[u8; 16], (Value, Value, Value)>;
    let told: Mutex<Told> = Mutex::new(HashMap::new());
    let codes = Mutex::new(HashMap::new());
    let address = Mutex::new(Officer::of(&server, "client").base);
    let body = Officer::of(&server, "client");
    let agent = body.agent.clone();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !stop_now.load(Ordering::Relaxed) {
                    let name = paper::random();
                    let mut confirmed = 0;
                    // Each is asked for until it was confirmed twice, every time made anew.
                    while confirmed < 2 && !stop_now.load(Ordering::Relaxed) {
                        let paper = Paper::again(&key, name);
                        let base = address.lock().unwrap().clone();
                        let one = Officer {
                            agent: agent.clone(),
                            base,
                        };
                        codes
                            .lock()
                            .unwrap()
                            .insert(hex(&paper.locator()), paper.code);
                        let order = json!({"class": 1, "documents": [paper.json()]});
                        let Some((200, answer)) =
                            one.try_post("/api/v1/register/documents", &order)
                        else {
                            std::thread::sleep(Duration::from_millis(20));
                            continue;
                        };
                        let row = &answer["documents"][0];
                        assert_ne!(row["outcome"], "refused", "{row}");
                        let now = (
                            row["locator"].clone(),
                            row["box"].clone(),
                            row["salt"].clone(),
                        );
                        let mut told = told.lock().unwrap();
                        let first = told.entry(name).or_insert_with(|| now.clone());
                        assert_eq!(*first, now, "two answers to one key");
                        confirmed += 1;
                    }
                }
            });
        }
        for _ in 0..5 {
            std::thread::sleep(Duration::from_millis(1300));
            server.child.kill().unwrap();
            server.child.wait().unwrap();
            let mut again = Server::with(server.dir.clone(), &paper::settings(&[]));
            std::mem::swap(&mut server.child, &mut again.child);
            std::mem::swap(&mut server.address, &mut again.address);
            std::mem::swap(&mut server.operators, &mut again.operators);
            // The folder stays.
            std::mem::forget(again);
            *address.lock().unwrap() = format!("https://{}", server.operators);
        }
        stop_now.store(true, Ordering::Relaxed);
    });
    let told = told.into_inner().unwrap();
    let codes = codes.into_inner().unwrap();
    assert!(told.len() > 50, "only {} were registered", told.len());
    let mut indexes = HashMap::new();
    for (locator, ..) in told.values() {
        let code = &codes[locator.as_str().unwrap()];
        let found = logged(&server, &installed, code).found.unwrap();
        assert_eq!(found.status, Standing::InForce);
        let before = indexes.insert(found.index.unwrap(), found.digest);
        assert_eq!(before, None, "two documents at one place of the log");
    }
    // Every leaf is one document's, and none is twice in the log.
    let tiles = ca_server::audit::DirectoryTiles::open(&server.dir.join("register-log")).unwrap();
    let note = SignedNote::parse(tiles.checkpoint().unwrap().unwrap().as_bytes()).unwrap();
    let size = Checkpoint::of(&note).unwrap().size;
    let reader = esign_core::log::TileReader::new(&tiles, size);
    let mut commitments = std::collections::HashSet::new();
    for bundle in 0..size.div_ceil(256) {
        for octets in reader.bundle(bundle).unwrap() {
            let leaf = Leaf::decode(&octets).unwrap();
            assert!(commitments.insert(leaf.commitment), "a leaf twice");
        }
    }
    for (index, digest) in indexes {
        assert!(index < size);
        let commitment = issue_commitment(&digest, Some(&[0xf1; 32]));
        assert!(commitments.contains(&commitment));
    }
    println!("{} registered, {size} leaves", told.len());
}

/// A back-up of yesterday would say "in force" of what was revoked since.
#[test]
fn a_back_up_of_yesterday_does_not_answer() {
    let (server, installed) = start();
    let (body, key) = (Officer::of(&server, "client"), signer());
    let paper = Paper::new(&key);
    register(&body, 1, &[&paper]);
    logged(&server, &installed, &paper.code);
    let copy = server.dir.with_extension("yesterday");
    let _ = std::fs::remove_file(&copy);
    let done = Command::new(env!("CARGO_BIN_EXE_ca-server"))
        .arg("--dir")
        .arg(&server.dir)
        .arg("backup")
        .arg(&copy)
        .status();
    assert!(done.unwrap().success());
    let order = json!({
        "locator": hex(&paper.locator()), "seq": 1, "status": "revoked", "why": "x",
    });
    assert_eq!(body.post("/api/v1/register/statuses", &order).0, 200);
    // Until it is in the log that was published.
    std::thread::sleep(Duration::from_millis(2500));
    stop(&server);
    for name in ["store.sqlite-wal", "store.sqlite-shm"] {
        let _ = std::fs::remove_file(server.dir.join(name));
    }
    std::fs::rename(&copy, server.dir.join("store.sqlite")).unwrap();
    // The audit's log would refuse as well.
    let _ = std::fs::remove_dir_all(server.dir.join("log"));
    let mut again = command(&server.dir, "127.0.0.1:0");
    again.envs(paper::settings(&[]));
    let refused = again.output().unwrap();
    let words = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success());
    assert!(
        words.contains("register: store: is behind the published log"),
        "{words}"
    );
}

/// A witness on another machine, which knows one log.
fn witness(dir: &std::path::Path, log: &NoteKey) -> (std::process::Child, String) {
    std::fs::create_dir_all(dir).unwrap();
    let key = PrivateKey::generate(KeySpec::Ed25519).unwrap();
    std::fs::write(dir.join("witness.p8"), key.pkcs8_der()).unwrap();
    let config = format!(
        "roles = [\"witness\"]\n[public]\nlisten = \"127.0.0.1:0\"\n\
         [witness]\nname = \"witness.example\"\nkey = \"witness.p8\"\nlogs = [\"{log}\"]\n"
    );
    std::fs::write(dir.join("ca-server.toml"), config).unwrap();
    let named = NoteKey::new("witness.example", KeyKind::Cosignature, key.public_key()).unwrap();
    (start_witness(dir).0, named.to_string())
}

fn start_witness(dir: &std::path::Path) -> (std::process::Child, String) {
    use std::io::{BufRead, BufReader};
    let mut child = Command::new(env!("CARGO_BIN_EXE_ca-server"))
        .arg("--dir")
        .arg(dir)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.starts_with("everybody:") {
        line.clear();
        assert!(stdout.read_line(&mut line).unwrap() > 0);
    }
    let (_, url) = line.trim().split_once(' ').unwrap();
    let url = url.trim().to_owned();
    child.stdout = Some(stdout.into_inner());
    (child, url)
}

/// Proofs are cosigned; and a register that was put back whole, with its own log, is betrayed by what
/// the witness saw.
#[test]
fn a_witness_elsewhere_remembers() {
    let (first, installed) = start();
    stop(&first);
    let dir = first.dir.clone();
    std::mem::forget(first);
    let there = dir.with_extension("witness");
    let _ = std::fs::remove_dir_all(&there);
    let (mut child, key) = witness(&there, &log_key(&installed));
    child.kill().unwrap();
    child.wait().unwrap();
    let (mut child, url) = start_witness(&there);
    let list = format!("[{{ url = \"{url}/witness\", key = \"{key}\" }}]");
    let settings = paper::settings(&[("CA_SERVER_REGISTER__WITNESS", &list)]);
    let server = Server::with(dir.clone(), &settings);
    let (body, signer) = (Officer::of(&server, "client"), signer());
    let paper = Paper::new(&signer);
    register(&body, 1, &[&paper]);
    let index = logged(&server, &installed, &paper.code)
        .found
        .unwrap()
        .index
        .unwrap();
    let named = NoteKey::parse(&key).unwrap();
    let cosigned = |server: &Server, index: u64| {
        let (status, proof) = fetch(server, &format!("/register/proofs/{index}"));
        assert_eq!(status, 200);
        let proof = ProofFile::parse(&proof).unwrap();
        esign_core::log::Cosignature::verify(&proof.checkpoint, &named).is_ok()
    };
    let wait = |what: &str, done: &dyn Fn() -> bool| {
        let begun = std::time::Instant::now();
        while !done() {
            assert!(begun.elapsed() < Duration::from_secs(20), "{what}");
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    wait("the proof is cosigned", &|| cosigned(&server, index));
    stop(&server);
    std::mem::forget(server);
    // All of the machine as it is now.
    let yesterday = dir.with_extension("whole");
    let _ = std::fs::remove_dir_all(&yesterday);
    let copied = Command::new("cp")
        .arg("-r")
        .arg(&dir)
        .arg(&yesterday)
        .status();
    assert!(copied.unwrap().success());
    let server = Server::with(dir.clone(), &settings);
    let later = Paper::new(&signer);
    register(&Officer::of(&server, "client"), 1, &[&later]);
    let index = logged(&server, &installed, &later.code)
        .found
        .unwrap()
        .index
        .unwrap();
    wait("the proof is cosigned", &|| cosigned(&server, index));
    // While the witness is away, the register goes on.
    child.kill().unwrap();
    child.wait().unwrap();
    let unseen = Paper::new(&signer);
    register(&Officer::of(&server, "client"), 1, &[&unseen]);
    logged(&server, &installed, &unseen.code);
    stop(&server);
    drop(server);
    let (mut child, url) = start_witness(&there);
    let list = format!("[{{ url = \"{url}/witness\", key = \"{key}\" }}]");
    let settings = paper::settings(&[("CA_SERVER_REGISTER__WITNESS", &list)]);
    let server = Server::with(yesterday, &settings);
    let asked = format!("/register/answers/{}", hex(&later.locator()));
    wait("what the witness saw is known", &|| {
        let (status, answer) = fetch(&server, &asked);
        status == 503 && String::from_utf8_lossy(&answer).contains("witness.example has seen")
    });
    assert_eq!(
        register(&Officer::of(&server, "client"), 1, &[&later]).0,
        503
    );
    child.kill().unwrap();
    child.wait().unwrap();
    let _ = std::fs::remove_dir_all(&there);
}
