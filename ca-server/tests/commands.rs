//! What an administrator and an auditor do beside the service, with the real program.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should stop"
)]
#![cfg(feature = "http")]

mod served;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use served::{Officer, Server, issued};

fn ca_server(dir: &Path, arguments: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_ca-server"))
        .args(arguments)
        .arg("--dir")
        .arg(dir)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.code().unwrap(),
        String::from_utf8(said).unwrap(),
    )
}

/// Until a head covers everything that was done.
fn sequenced(server: &Server) -> String {
    let began = Instant::now();
    loop {
        let (code, said) = ca_server(&server.dir, &["audit", "verify"]);
        if code == 0 && said.contains(" 0 not sequenced yet") {
            let (code, head) = ca_server(&server.dir, &["audit", "head"]);
            assert_eq!(code, 0, "{head}");
            return head;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{said}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn revoke(server: &Server, serial: &str) {
    let revoker = Officer::of(server, "revocation-officer");
    let body = json!({"reason": "keyCompromise", "why": "lost"});
    let (status, answer) = revoker.post(&format!("/api/v1/certificates/{serial}/revoke"), &body);
    assert_eq!(status, 200, "{answer}");
}

#[test]
fn an_auditor_holds_the_centre_to_the_heads_that_he_was_given() {
    let mut server = Server::start();
    let registrar = Officer::of(&server, "registrar");
    let serial = issued(&registrar);
    let at = |name: &str| server.dir.join(name);
    let path = |name: &str| at(name).to_str().unwrap().to_owned();
    let (first, key) = (path("first.head"), path("auditors.vkey"));
    fs::copy(at("log.vkey"), &key).unwrap();
    fs::write(&first, sequenced(&server)).unwrap();
    revoke(&server, &serial);
    sequenced(&server);
    let holds = ["audit", "verify", "--head", &first, "--key", &key];
    let (code, said) = ca_server(&server.dir, &holds);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("1 of your heads"), "{said}");

    let export = path("audit.jsonl");
    let (code, said) = ca_server(&server.dir, &["audit", "export", "-o", &export]);
    assert_eq!(code, 0, "{said}");
    let (code, said) = ca_server(&server.dir, &["audit", "export", "-o", &export]);
    assert_eq!(code, 2, "an export is never written over: {said}");
    let verify = [
        "audit", "verify", "--export", &export, "--head", &first, "--key", &key,
    ];
    let (code, said) = ca_server(Path::new("/nonexistent"), &verify);
    assert_eq!(code, 0, "{said}");
    let text = fs::read_to_string(&export).unwrap();
    fs::write(&export, text.replace("lost", "kept")).unwrap();
    let (code, said) = ca_server(Path::new("/nonexistent"), &verify);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("was changed"), "{said}");

    server.child.kill().unwrap();
    server.child.wait().unwrap();
    let store = rusqlite::Connection::open(at("store.sqlite")).unwrap();
    // Who has the file has its guards, too.
    let guards: Vec<String> = store
        .prepare("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit'")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    for guard in guards {
        store
            .execute_batch(&format!("DROP TRIGGER {guard}"))
            .unwrap();
    }
    store
        .execute("UPDATE audit SET actor = 'nobody' WHERE id = 5", [])
        .unwrap();
    drop(store);
    let (code, said) = ca_server(&server.dir, &holds);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("entry 4: was changed"), "{said}");
    assert!(said.contains("nobody"), "{said}");
}

#[test]
fn an_old_back_up_is_found_out_and_not_served() {
    let mut server = Server::start();
    let registrar = Officer::of(&server, "registrar");
    let serial = issued(&registrar);
    sequenced(&server);
    let copy = server.dir.join("copy.sqlite");
    let (code, said) = ca_server(&server.dir, &["backup", copy.to_str().unwrap()]);
    assert_eq!(code, 0, "{said}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(copy.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    let (code, said) = ca_server(&server.dir, &["backup", copy.to_str().unwrap()]);
    assert_eq!(code, 2);
    assert!(said.contains("already"), "{said}");
    let (code, said) = ca_server(&server.dir, &["check"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("nothing is missing"), "{said}");

    revoke(&server, &serial);
    let list = || fs::read(server.dir.join("crl/issuing.crl")).unwrap();
    let began = Instant::now();
    while esign_core::crl::Crl::from_der(&list()).unwrap().len() == 0 {
        assert!(began.elapsed() < Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(50));
    }
    sequenced(&server);
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    for side in ["store.sqlite-wal", "store.sqlite-shm"] {
        let _ = fs::remove_file(server.dir.join(side));
    }
    fs::copy(&copy, server.dir.join("store.sqlite")).unwrap();

    let (code, said) = ca_server(&server.dir, &["check"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("log: a head over "), "{said}");
    assert!(said.contains("CRL of key "), "{said}");
    // Served, it would answer "good" for what was revoked.
    let refused = served::command(&server.dir, "127.0.0.1:0")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(2));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("log"), "{said}");
    assert!(refused.stdout.is_empty());

    // docs/runbooks/lost-database.md: the log that was published stays as evidence, a new one begins;
    // what was lost is done again before anybody is answered.
    fs::rename(server.dir.join("log"), server.dir.join("log-1")).unwrap();
    let path = server.dir.join("ca-server.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(
        &path,
        text.replace("centre.example/audit", "centre.example/audit-2"),
    )
    .unwrap();
    let (code, key) = ca_server(&server.dir, &["audit", "key"]);
    assert_eq!(code, 0, "{key}");
    fs::write(server.dir.join("log.vkey"), &key).unwrap();
    let path = |name: &str| server.dir.join(name);
    let text = fs::read_to_string(path("ca-server.toml")).unwrap();
    let all = "roles = [\"ca\", \"status\", \"tsa\"]";
    assert!(text.contains(all));
    fs::write(
        path("ca-server.toml"),
        text.replace(all, "roles = [\"ca\"]"),
    )
    .unwrap();
    server.crash_and_start_again();
    assert!(server.ask("GET /crl/issuing.crl").contains("404"));
    revoke(&server, &serial);
    let text = fs::read_to_string(server.dir.join("ca-server.toml")).unwrap();
    let all = text.replace("roles = [\"ca\"]", all);
    fs::write(server.dir.join("ca-server.toml"), all).unwrap();
    server.crash_and_start_again();
    let status = served::status_of(&server, &serial);
    assert!(
        matches!(status, esign_core::ocsp::CertStatus::Revoked { .. }),
        "{status:?}"
    );
    sequenced(&server);
    let (code, said) = ca_server(&server.dir, &["check"]);
    assert_eq!(code, 0, "{said}");
}
