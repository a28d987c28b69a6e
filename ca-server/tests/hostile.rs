//! Clients that mean harm, against the real service: wrong roles, enumeration, malformed and oversized octets, replays, and
//! what is left of the subject's data where it does not belong.

#![cfg(feature = "http")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected should stop"
)]

mod served;

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use served::{Officer, Server, csr, issued, person};

const OFFICERS: [&str; 6] = [
    "administrator",
    "approver",
    "auditor",
    "client",
    "registrar",
    "revocation-officer",
];
const NO_REQUEST: &str = "00000000000000000000000000000000";

/// An operation of the description: method, path, a body that is well-formed, and who may.
struct Row {
    method: &'static str,
    path: &'static str,
    body: Value,
    may: &'static [&'static str],
}

fn table(certificate: &str) -> Vec<Row> {
    let row = |method, path, body, may| Row {
        method,
        path,
        body,
        may,
    };
    let why = || json!({"why": "trial"});
    let order = json!({"csr": csr(), "profile": "natural-person", "identity": person("5ABC12Z")});
    let many = json!({"why": "trial", "reason": "superseded", "profile": "legal-person"});
    let officer = json!({"certificate": certificate, "roles": ["auditor"], "why": "trial"});
    let all = &OFFICERS[..];
    vec![
        row("get", "/api/v1/me", Value::Null, all),
        row("get", "/api/v1/profiles", Value::Null, all),
        row("get", "/api/v1/issuance", Value::Null, all),
        row(
            "get",
            "/api/v1/officers",
            Value::Null,
            &["administrator", "auditor"],
        ),
        row(
            "put",
            "/api/v1/officers/{name}",
            officer,
            &["administrator"],
        ),
        row(
            "put",
            "/api/v1/issuance",
            json!({"stopped": false, "why": "trial"}),
            &["administrator"],
        ),
        row(
            "put",
            "/api/v1/issuance",
            json!({"stopped": true, "why": "trial"}),
            &["administrator", "approver", "revocation-officer"],
        ),
        row(
            "get",
            "/api/v1/holders?name=a",
            Value::Null,
            &["registrar", "auditor"],
        ),
        row(
            "get",
            "/api/v1/audit",
            Value::Null,
            &["auditor", "administrator"],
        ),
        // A client sees what he asked for himself: held below, in `unknown_and_foreign_requests_look_alike`.
        row("get", "/api/v1/requests", Value::Null, all),
        row("get", "/api/v1/requests/{id}", Value::Null, all),
        row("post", "/api/v1/requests", order, &["registrar", "client"]),
        row(
            "post",
            "/api/v1/requests/{id}/vet",
            json!({"identity": person("5ABC12Z")}),
            &["registrar"],
        ),
        row(
            "post",
            "/api/v1/requests/{id}/approve",
            Value::Null,
            &["approver"],
        ),
        row(
            "post",
            "/api/v1/requests/{id}/refuse",
            why(),
            &["approver", "registrar"],
        ),
        // Whose request it is decides: held below, in `nobody_has_the_request_of_another_issued`.
        row("post", "/api/v1/requests/{id}/issue", Value::Null, all),
        row("get", "/api/v1/certificates/{serial}", Value::Null, all),
        row(
            "post",
            "/api/v1/certificates/{serial}/revoke",
            json!({"why": "trial", "reason": "superseded"}),
            &["revocation-officer"],
        ),
        row(
            "post",
            "/api/v1/certificates/{serial}/suspend",
            why(),
            &["revocation-officer"],
        ),
        row(
            "post",
            "/api/v1/certificates/{serial}/restore",
            why(),
            &["revocation-officer"],
        ),
        // Of what, is held in `renewal.rs`.
        row(
            "post",
            "/api/v1/certificates/{serial}/renew",
            json!({}),
            &["registrar", "client"],
        ),
        row(
            "get",
            "/api/v1/archive?from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z",
            Value::Null,
            &["registrar", "auditor"],
        ),
        row("post", "/api/v1/revocations", many, &["revocation-officer"]),
    ]
}

fn send(officer: &Officer, method: &str, path: &str, body: &Value) -> (u16, Value) {
    match method {
        "get" => officer.get(path),
        "post" => officer.post(path, body),
        "put" => officer.put(path, body),
        _ => panic!("{method}"),
    }
}

fn first_certificate(server: &Server, name: &str) -> String {
    let path = server.dir.join(format!("officers/{name}/certificate.pem"));
    let chain = std::fs::read_to_string(path).unwrap();
    let (first, _) = chain.split_once("-----END").unwrap();
    format!("{first}-----END CERTIFICATE-----\n")
}

#[test]
fn every_operation_is_for_its_roles_alone() {
    let server = Server::start();
    let rows = table(&first_certificate(&server, "auditor"));
    // The description and the table name the same operations: a new one needs a row.
    let (_, description) = Officer::of(&server, "client").get("/openapi.json");
    let mut described = BTreeSet::new();
    for (path, methods) in description["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            described.insert(format!("{method} {path}"));
        }
    }
    let tabled: BTreeSet<_> = rows
        .iter()
        .map(|row| format!("{} {}", row.method, row.path.split('?').next().unwrap()))
        .collect();
    assert_eq!(described, tabled);

    let mut wrong = Vec::new();
    for row in &rows {
        let path = row
            .path
            .replace("{id}", NO_REQUEST)
            .replace("{serial}", "4242")
            .replace("{name}", "newcomer");
        let nobody = Officer::with(&server, None);
        let (status, _) = send(&nobody, row.method, &path, &row.body);
        if status != 401 {
            wrong.push(format!(
                "{} {path} without a certificate: {status}",
                row.method
            ));
        }
        for name in OFFICERS {
            let (status, _) = send(&Officer::of(&server, name), row.method, &path, &row.body);
            let refused = status == 403;
            if refused == row.may.contains(&name) || status >= 500 || status == 401 {
                wrong.push(format!("{} {path} as {name}: {status}", row.method));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn nobody_has_the_request_of_another_issued() {
    let server = Server::start();
    let order = json!({"csr": csr(), "profile": "tls-client", "identity": person("5ABC12Z")});
    let (status, made) = Officer::of(&server, "registrar").post("/api/v1/requests", &order);
    assert_eq!(status, 201, "{made}");
    let path = format!("/api/v1/requests/{}/issue", made["id"].as_str().unwrap());
    for name in ["administrator", "auditor", "client", "revocation-officer"] {
        let (status, answer) = Officer::of(&server, name).post(&path, &json!({}));
        assert_eq!(status, 403, "{name} {answer}");
    }
    assert_eq!(
        Officer::of(&server, "registrar").post(&path, &json!({})).0,
        200
    );
}

#[test]
fn unknown_and_foreign_requests_look_alike() {
    let server = Server::start();
    let registrar = Officer::of(&server, "registrar");
    let client = Officer::of(&server, "client");
    let mut ids = BTreeSet::new();
    for _ in 0..8 {
        let order = json!({"csr": csr(), "profile": "tls-client", "identity": person("5ABC12Z")});
        let (_, made) = registrar.post("/api/v1/requests", &order);
        ids.insert(made["id"].as_str().unwrap().to_owned());
    }
    // 128 random bits each: eight begin with the same two octets once in 2^112.
    let beginnings: BTreeSet<_> = ids.iter().map(|id| &id[..4]).collect();
    assert!(
        ids.iter().all(|id| id.len() == 32) && beginnings.len() > 1,
        "{ids:?}"
    );
    let (status, mut unknown) = client.get(&format!("/api/v1/requests/{NO_REQUEST}"));
    assert_eq!(status, 404);
    for id in &ids {
        let (status, foreign) = client.get(&format!("/api/v1/requests/{id}"));
        assert_eq!(status, 404);
        unknown["detail"] = json!(foreign["detail"].as_str().unwrap().replace(id, NO_REQUEST));
        let told = foreign.to_string().replace(id, NO_REQUEST);
        assert_eq!(told, unknown.to_string());
    }
    let (_, listed) = client.get("/api/v1/requests?status=pending");
    assert_eq!(listed, json!([]));
}

/// What the address says to these octets, and whether it closes within `patience`.
fn raw(address: &str, octets: &[u8], patience: Duration) -> (Vec<u8>, bool) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(patience)).unwrap();
    // A service that has refused already may have closed.
    let _ = stream.write_all(octets);
    let mut answer = Vec::new();
    let mut part = [0; 4096];
    let began = Instant::now();
    while began.elapsed() < patience {
        match stream.read(&mut part) {
            Ok(0) => return (answer, true),
            Ok(n) => answer.extend_from_slice(&part[..n]),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {
                return (answer, true);
            }
            Err(_) => break,
        }
    }
    (answer, false)
}

#[test]
fn malformed_octets_end_their_connection_alone() {
    let server = Server::start();
    let patience = Duration::from_secs(5);
    let long = format!(
        "GET /healthz HTTP/1.1\r\nx: {}\r\n\r\n",
        "a".repeat(1 << 20)
    );
    let many = format!("GET /healthz HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(1_000));
    for octets in [
        &b"\x00\x01\x02\x03\r\n\r\n"[..],
        b"GET\r\n\r\n",
        b"GET /healthz HTTP/9.9\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nhost : x\r\n\r\n",
        b"POST /ocsp HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        b"POST /ocsp HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        b"POST /ocsp HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        // A TLS greeting where there is none.
        b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00\r\n\r\n",
        long.as_bytes(),
        many.as_bytes(),
    ] {
        let (answer, closed) = raw(&server.address, octets, patience);
        let shown = String::from_utf8_lossy(&octets[..octets.len().min(60)]).into_owned();
        assert!(closed, "left open after {shown:?}");
        assert!(
            answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"),
            "{shown:?}: {}",
            String::from_utf8_lossy(&answer)
        );
    }
    // Plain HTTP, and what is no handshake, where TLS is spoken.
    for octets in [&b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"[..], &[0x16; 300]] {
        let (answer, closed) = raw(&server.operators, octets, patience);
        assert!(closed && !answer.starts_with(b"HTTP"), "{answer:?}");
    }
    assert!(server.ask("GET /healthz").contains("200 OK"));
    assert_eq!(Officer::of(&server, "auditor").get("/api/v1/me").0, 200);
}

/// HEADER_TIME and HANDSHAKE_TIME, 10 seconds each, both at once.
#[test]
fn slow_clients_lose_their_connection() {
    let server = Server::start();
    let drip = |address: &str, octet: u8| {
        let mut stream = TcpStream::connect(address).unwrap();
        let began = Instant::now();
        loop {
            // One octet a second keeps a connection that has no deadline open for ever.
            let lost = stream.write_all(&[octet]).is_err();
            if lost || began.elapsed() > Duration::from_secs(20) {
                return began.elapsed();
            }
            std::thread::sleep(Duration::from_secs(1));
        }
    };
    std::thread::scope(|scope| {
        let header = scope.spawn(|| drip(&server.address, b'G'));
        let handshake = scope.spawn(|| drip(&server.operators, 0x16));
        for lived in [header.join().unwrap(), handshake.join().unwrap()] {
            assert!(lived < Duration::from_secs(15), "{lived:?}");
        }
    });
    assert!(server.ask("GET /healthz").contains("200 OK"));
}

#[test]
fn a_replayed_act_does_not_act_twice() {
    let server = Server::start();
    let registrar = Officer::of(&server, "registrar");
    let revoker = Officer::of(&server, "revocation-officer");
    let serial = issued(&registrar);
    let path = format!("/api/v1/certificates/{serial}/revoke");
    let order = json!({"why": "lost", "reason": "keyCompromise"});
    let (status, first) = revoker.post(&path, &order);
    assert_eq!(status, 200);
    let entries = || {
        let (_, log) = Officer::of(&server, "auditor").get("/api/v1/audit?limit=1000");
        let revoked = |entry: &&Value| entry["kind"] == "certificate.revoke";
        log.as_array().unwrap().iter().filter(revoked).count()
    };
    let before = entries();
    assert_eq!(before, 1);
    let (status, _) = revoker.post(&path, &order);
    assert!(status == 200 || status == 409, "{status}");
    assert_eq!(entries(), before);
    assert_eq!(
        registrar.get(&format!("/api/v1/certificates/{serial}")).1["since"],
        first["since"]
    );
}

/// What the holder is called stands in the store and in his certificate, never in the log or the measurements.
#[test]
fn logs_and_metrics_hold_no_personal_data() {
    let (server, log) = Server::logged("trace");
    let registrar = Officer::of(&server, "registrar");
    let identity = json!({"natural-person": {
        "given-name": "Qəribəad", "surname": "Tapılmazov", "identifier": {"fin": "9ZYXW8V"}, "country": "AZ"
    }});
    for (profile, status) in [("tls-client", 201), ("no-such-profile", 404)] {
        let order = json!({"csr": csr(), "profile": profile, "identity": identity});
        let (found, made) = registrar.post("/api/v1/requests", &order);
        assert_eq!(found, status, "{made}");
        if status == 201 {
            let path = format!("/api/v1/requests/{}/issue", made["id"].as_str().unwrap());
            assert_eq!(registrar.post(&path, &json!({})).0, 200);
        }
    }
    let (_, found) = registrar.get("/api/v1/holders?name=Tap%C4%B1lmazov");
    assert_eq!(found.as_array().unwrap().len(), 1, "{found}");
    let metrics = server.ask("GET /metrics");
    assert!(
        metrics.contains("200 OK") && metrics.contains("# TYPE"),
        "{metrics}"
    );
    let file = log;
    let log = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(file).unwrap();
    // These very requests stand in it, by the names of their addresses.
    for address in ["/api/v1/requests/{id}/issue", "/api/v1/holders"] {
        assert!(log.contains(address), "{address} is not logged: {log}");
    }
    for (name, text) in [("log", &log), ("metrics", &metrics)] {
        for told in [
            "Qəribəad",
            "Tapılmazov",
            "tapılmazov",
            "Tap%C4%B1lmazov",
            "9ZYXW8V",
        ] {
            assert!(!text.contains(told), "{told} in the {name}");
        }
    }
}
