//! The service as a process: it starts, answers, refuses an address in use, stops when told to.

#![cfg(feature = "http")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected should stop"
)]

mod served;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use ureq::tls::{ClientCert, PemItem};

use served::{
    Officer, Server, certificates, command, csr, issued, ocsp_request, pem, person, status_of,
};

#[test]
fn answers_that_it_is_alive() {
    let server = Server::start();
    let answer = server.ask("GET /healthz");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.ends_with("{\"status\":\"ok\"}"), "{answer}");
    assert!(server.ask("GET /").starts_with("HTTP/1.1 404 "));
    assert!(server.ask("POST /healthz").starts_with("HTTP/1.1 405 "));
}

#[cfg(unix)]
#[test]
fn stops_in_order_when_told_to() {
    for signal in ["-TERM", "-INT"] {
        let mut server = Server::start();
        assert!(server.ask("GET /healthz").contains("200 OK"));
        let id = server.child.id().to_string();
        assert!(
            Command::new("kill")
                .args([signal, &id])
                .status()
                .unwrap()
                .success()
        );
        assert_eq!(server.child.wait().unwrap().code(), Some(0), "{signal}");
        let mut rest = String::new();
        server
            .child
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut rest)
            .unwrap();
        assert!(rest.ends_with("stopped\n"), "{rest}");
        assert!(TcpStream::connect(&server.address).is_err());
    }
}

#[cfg(unix)]
#[test]
fn a_client_that_never_finishes_does_not_keep_it_alive() {
    let mut server = Server::start();
    let mut slow = TcpStream::connect(&server.address).unwrap();
    slow.write_all(b"GET /healthz HTTP/1.1\r\nhost: te")
        .unwrap();
    // An answer to somebody else: the slow one was accepted before.
    assert!(server.ask("GET /healthz").contains("200 OK"));
    let id = server.child.id().to_string();
    let began = Instant::now();
    assert!(
        Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
    assert!(began.elapsed() < ca_server::service::GRACE + Duration::from_secs(5));
}

#[test]
fn says_why_it_cannot_start() {
    let server = Server::start();
    let output = command(&server.dir, "127.0.0.1:0").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("another ca-server serves this folder"),
        "{said}"
    );
    let mut other = Server::start();
    other.child.kill().unwrap();
    other.child.wait().unwrap();
    let error = |listen: &str| {
        let output = command(&other.dir, listen).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{listen}");
        String::from_utf8(output.stderr).unwrap()
    };
    let taken = error(&server.address);
    let expected = format!(
        "ca-server: error: address {}: another program listens there",
        server.address
    );
    assert!(taken.starts_with(&expected), "{taken}");
    // TEST-NET-1 (RFC 5737) is no machine's own.
    let foreign = error("192.0.2.1:80");
    assert!(
        foreign.contains("192.0.2.1:80: the address is not this machine's"),
        "{foreign}"
    );
    assert!(error("here").contains("invalid socket address"));
    let none = Command::new(env!("CARGO_BIN_EXE_ca-server"))
        .args(["--config", "/nonexistent/ca-server.toml"])
        .output()
        .unwrap();
    assert_eq!(none.status.code(), Some(2));
}

/// The words of the issue: requested, vetted, approved by another, issued, suspended, revoked.
#[test]
fn a_certificate_lives_its_life_through_officers() {
    let server = Server::start();
    let [registrar, approver, revoker, auditor, client, admin] = [
        "registrar",
        "approver",
        "revocation-officer",
        "auditor",
        "client",
        "administrator",
    ]
    .map(|name| Officer::of(&server, name));
    assert_eq!(registrar.get("/api/v1/me").1["name"], "registrar");

    // An e-service claims; nobody approves what is not vetted.
    let order = json!({"csr": csr(), "profile": "natural-person", "identity": person("5ABC12Z")});
    let (status, made) = client.post("/api/v1/requests", &order);
    assert_eq!(
        (status, &made["status"]),
        (201, &json!("pending")),
        "{made}"
    );
    let path = format!("/api/v1/requests/{}", made["id"].as_str().unwrap());
    let (status, problem) = approver.post(&format!("{path}/approve"), &json!({}));
    assert_eq!(
        (status, &problem["code"]),
        (409, &json!("state")),
        "{problem}"
    );
    assert!(
        problem["detail"].as_str().unwrap().contains("vet"),
        "{problem}"
    );

    // The registrar corrects what was claimed and vets it; he may not approve it.
    let vetting = json!({"identity": person("5ABC12Y"), "listed": true});
    let (status, vetted) = registrar.post(&format!("{path}/vet"), &vetting);
    assert_eq!(
        (status, &vetted["vetted_by"]),
        (200, &json!("registrar")),
        "{vetted}"
    );
    assert_eq!(
        registrar.post(&format!("{path}/approve"), &json!({})).0,
        403
    );
    assert_eq!(client.post(&format!("{path}/approve"), &json!({})).0, 403);
    assert_eq!(client.post(&format!("{path}/issue"), &json!({})).0, 409);
    let (status, approved) = approver.post(&format!("{path}/approve"), &json!({}));
    assert_eq!(
        (status, &approved["status"]),
        (200, &json!("approved")),
        "{approved}"
    );

    // Issuance stops and goes on.
    let stop = json!({"stopped": true, "why": "drill"});
    assert_eq!(revoker.put("/api/v1/issuance", &stop).1["stopped"], true);
    let (status, problem) = client.post(&format!("{path}/issue"), &json!({}));
    assert_eq!(status, 409);
    assert!(
        problem["detail"].as_str().unwrap().contains("drill"),
        "{problem}"
    );
    let go = json!({"stopped": false, "why": "drill over"});
    assert_eq!(revoker.put("/api/v1/issuance", &go).0, 403);
    assert_eq!(admin.put("/api/v1/issuance", &go).1["stopped"], false);

    let (status, issued) = client.post(&format!("{path}/issue"), &json!({}));
    assert_eq!(status, 200, "{issued}");
    assert_eq!(client.post(&format!("{path}/issue"), &json!({})).1, issued);
    let serial = issued["serial"].as_str().unwrap();
    let address = format!("/api/v1/certificates/{serial}");
    assert_eq!(client.get(&address).1["status"], "good");
    let pem = issued["certificate"].as_str().unwrap();
    let certificate = &esign_core::x509::certificates(pem.as_bytes()).unwrap()[0];
    assert!(certificate.subject().to_string().contains("PNOAZ-5ABC12Y"));

    // Found by name, whatever its case, by those who may.
    let (_, found) = registrar.get("/api/v1/holders?name=%C9%99liyeva");
    assert_eq!(found[0]["serials"], json!([serial]), "{found}");
    assert_eq!(client.get("/api/v1/holders?name=a").0, 403);

    // Suspended, restored, revoked; final is final.
    let why = json!({"why": "asked by the holder"});
    assert_eq!(registrar.post(&format!("{address}/suspend"), &why).0, 403);
    assert_eq!(
        revoker.post(&format!("{address}/suspend"), &why).1["status"],
        "suspended"
    );
    assert_eq!(
        revoker.post(&format!("{address}/restore"), &why).1["status"],
        "good"
    );
    let order = json!({"why": "card lost", "reason": "keyCompromise"});
    let (status, revoked) = revoker.post(&format!("{address}/revoke"), &order);
    assert_eq!(
        (status, &revoked["reason"]),
        (200, &json!("keyCompromise")),
        "{revoked}"
    );
    assert_eq!(revoker.post(&format!("{address}/restore"), &why).0, 409);

    // All of it stands in the log, without the person's data.
    let (_, log) = auditor.get("/api/v1/audit?limit=1000");
    let kinds: Vec<_> = log
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["kind"].as_str().unwrap())
        .collect();
    for kind in [
        "request.receive",
        "request.claim",
        "request.vet",
        "request.approve",
        "issuance.stop",
        "certificate.issue",
        "certificate.suspend",
        "certificate.restore",
        "certificate.revoke",
    ] {
        assert!(kinds.contains(&kind), "{kind} in {kinds:?}");
    }
    assert!(!log.to_string().contains("liyeva") && !log.to_string().contains("5ABC12Y"));
    assert_eq!(registrar.get("/api/v1/audit").0, 403);
}

#[test]
fn many_are_revoked_by_a_query_after_a_dry_run() {
    let server = Server::start();
    let [registrar, approver, revoker] =
        ["registrar", "approver", "revocation-officer"].map(|name| Officer::of(&server, name));
    for n in 0..5 {
        let order = json!({"csr": csr(), "profile": "natural-person", "identity": person(&format!("5ABC12{n}"))});
        let (status, made) = registrar.post("/api/v1/requests", &order);
        assert_eq!(status, 201, "{made}");
        let path = format!("/api/v1/requests/{}", made["id"].as_str().unwrap());
        assert_eq!(approver.post(&format!("{path}/approve"), &json!({})).0, 200);
        assert_eq!(registrar.post(&format!("{path}/issue"), &json!({})).0, 200);
    }
    let query = |expect: Option<u64>| {
        let mut query =
            json!({"why": "weak cards", "reason": "superseded", "profile": "natural-person"});
        if let Some(expect) = expect {
            query["expect"] = json!(expect);
        }
        query
    };
    assert_eq!(approver.post("/api/v1/revocations", &query(None)).0, 403);
    let (_, dry) = revoker.post("/api/v1/revocations", &query(None));
    assert_eq!(
        (&dry["found"], &dry["revoked"]),
        (&json!(5), &json!(0)),
        "{dry}"
    );
    assert_eq!(revoker.post("/api/v1/revocations", &query(Some(4))).0, 409);
    let (_, done) = revoker.post("/api/v1/revocations", &query(Some(5)));
    assert_eq!(done["revoked"], 5, "{done}");
    let (_, again) = revoker.post("/api/v1/revocations", &query(None));
    assert_eq!(
        (&again["found"], &again["revoked_before"]),
        (&json!(0), &json!(5))
    );
    let all = json!({"why": "x", "reason": "superseded", "expect": 14});
    assert_eq!(revoker.post("/api/v1/revocations", &all).0, 422);
}

#[test]
fn strangers_and_the_dismissed_are_refused() {
    let server = Server::start();
    let admin = Officer::of(&server, "administrator");
    let registrar = Officer::of(&server, "registrar");
    let nobody = Officer::with(&server, None);
    assert_eq!(nobody.get("/api/v1/me").0, 401);
    assert_eq!(nobody.get("/openapi.json").0, 200);

    // A certificate of the centre whose key is no officer's: the time-stamping unit's.
    let pem_key = pem(&server.dir.join("keys/server.pem")).remove(0);
    let PemItem::PrivateKey(key) = pem_key else {
        panic!("no key")
    };
    let machine = ClientCert::new_with_certs(&certificates(&server.dir.join("server.pem")), key);
    let machine = Officer::with(&server, Some(machine));
    // It is for servers, so TLS itself turns it away.
    let url = format!("{}/api/v1/me", machine.base);
    assert!(machine.agent.get(url).call().is_err());

    // Dismissed: the same connection is of no use any more.
    assert_eq!(registrar.get("/api/v1/me").0, 200);
    let certificate =
        std::fs::read_to_string(server.dir.join("officers/registrar/certificate.pem")).unwrap();
    let first = format!(
        "{}-----END CERTIFICATE-----\n",
        certificate.split("-----END").next().unwrap()
    );
    let order = json!({"certificate": first, "roles": [], "why": "left"});
    assert_eq!(registrar.put("/api/v1/officers/registrar", &order).0, 403);
    assert_eq!(admin.put("/api/v1/officers/registrar", &order).0, 200);
    assert_eq!(registrar.get("/api/v1/me").0, 401);
    // Nobody changes himself.
    assert_eq!(admin.put("/api/v1/officers/administrator", &order).0, 403);

    // Revoked: the same.
    let auditor = Officer::of(&server, "auditor");
    assert_eq!(auditor.get("/api/v1/me").0, 200);
    let path = server.dir.join("officers/auditor/certificate.pem");
    let read = esign_core::x509::certificates(&std::fs::read(path).unwrap()).unwrap();
    let address = format!("/api/v1/certificates/{}/revoke", read[0].serial());
    let order = json!({"why": "key lost", "reason": "keyCompromise"});
    let revoker = Officer::of(&server, "revocation-officer");
    assert_eq!(revoker.post(&address, &order).0, 200);
    let (status, problem) = auditor.get("/api/v1/me");
    assert_eq!(status, 401);
    assert!(
        problem["detail"].as_str().unwrap().contains("is revoked"),
        "{problem}"
    );
}

#[test]
fn what_is_malformed_is_refused_in_words() {
    let server = Server::start();
    let registrar = Officer::of(&server, "registrar");
    let order = |csr: &str, profile: &str, identity: Value| json!({"csr": csr, "profile": profile, "identity": identity});
    for (body, status) in [
        (json!({}), 422),
        (json!([]), 422),
        (order("", "natural-person", person("5ABC12Z")), 422),
        (order("x", "natural-person", person("5ABC12Z")), 422),
        (order(&csr(), "no-such", person("5ABC12Z")), 404),
        (order(&csr(), "natural-person", person("IO")), 422),
        (order(&csr(), "legal-person", person("5ABC12Z")), 422),
        (
            order(
                &csr(),
                "tls-server",
                json!({"host": {"names": ["A b"], "organization": "x", "country": "AZ"}}),
            ),
            422,
        ),
    ] {
        let (found, answer) = registrar.post("/api/v1/requests", &body);
        assert_eq!(found, status, "{body} {answer}");
    }
    for (path, status) in [
        ("/api/v1/requests/xyz", 422),
        ("/api/v1/requests/00000000000000000000000000000000", 404),
        ("/api/v1/requests?status=lost", 422),
        ("/api/v1/requests?limit=-1", 400),
        ("/api/v1/requests?color=red", 400),
        ("/api/v1/certificates/zz", 422),
        ("/api/v1/certificates/01", 404),
        ("/api/v1/nothing", 404),
        ("/", 404),
    ] {
        let (found, answer) = registrar.get(path);
        assert_eq!(found, status, "{path} {answer}");
    }
    let large = json!({"csr": "x".repeat(70_000), "profile": "p", "identity": {}});
    assert_eq!(registrar.post("/api/v1/requests", &large).0, 413);
    assert_eq!(registrar.put("/api/v1/requests", &json!({})).0, 405);
}

#[test]
fn the_world_learns_of_a_revocation_at_once() {
    use esign_core::ocsp::CertStatus;
    let server = Server::start();
    let serial = issued(&Officer::of(&server, "registrar"));
    assert_eq!(status_of(&server, &serial), CertStatus::Good);
    assert_eq!(status_of(&server, "77"), CertStatus::Unknown);
    let revoker = Officer::of(&server, "revocation-officer");
    let order = json!({"why": "lost", "reason": "keyCompromise"});
    let path = format!("/api/v1/certificates/{serial}/revoke");
    assert_eq!(revoker.post(&path, &order).0, 200);
    // The very next answer knows of it; the list within two turns of the publisher.
    assert!(matches!(
        status_of(&server, &serial),
        CertStatus::Revoked { .. }
    ));
    let number = esign_core::x509::SerialNumber::parse_hex(&serial).unwrap();
    let began = Instant::now();
    loop {
        let octets = std::fs::read(server.dir.join("crl/issuing.crl")).unwrap();
        let list = esign_core::crl::Crl::from_der(&octets).unwrap();
        if list.find(&number).unwrap().is_some() {
            break;
        }
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "no list tells of it"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn caches_are_told_how_long() {
    let server = Server::start();
    let serial = issued(&Officer::of(&server, "registrar"));
    let request = base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        ocsp_request(&server, &serial),
    );
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    let get = |path: &str, tag: Option<&str>| {
        let mut get = agent.get(format!("http://{}{path}", server.address));
        if let Some(tag) = tag {
            get = get.header("if-none-match", tag);
        }
        get.call().unwrap()
    };
    let escaped = request
        .replace('+', "%2B")
        .replace('/', "%2F")
        .replace('=', "%3D");
    for path in [request.as_str(), &escaped, request.trim_end_matches('=')] {
        let answer = get(&format!("/ocsp/{path}"), None);
        assert_eq!(answer.status(), 200, "{path}");
        let headers = answer.headers();
        let cache = headers["cache-control"].to_str().unwrap();
        assert!(
            cache.starts_with("max-age=") && cache.contains("public"),
            "{cache}"
        );
        for name in ["etag", "expires", "last-modified"] {
            assert!(headers.contains_key(name), "{name}");
        }
    }
    for path in ["/crl/issuing.crl", "/crl/root.crl"] {
        let list = get(path, None);
        assert_eq!(list.headers()["content-type"], "application/pkix-crl");
        let tag = list.headers()["etag"].to_str().unwrap().to_owned();
        assert_eq!(get(path, Some(&tag)).status(), 304, "{path}");
        assert_eq!(get(path, Some("\"x\"")).status(), 200, "{path}");
    }
    assert_eq!(
        get("/ca/issuing.cer", None).headers()["content-type"],
        "application/pkix-cert"
    );
    for path in [
        "/crl/..%2Fstore.sqlite",
        "/crl/%2e%2e%2fkeys%2fissuing.crl",
        "/crl/none.crl",
        "/crl/issuing",
        "/ca/none.cer",
        "/ca/..%2Fkeys%2Fissuing.pem",
    ] {
        assert_eq!(get(path, None).status(), 404, "{path}");
    }
    // Not Base64, or not a request: an OCSP answer that says so.
    let answer = get("/ocsp/%00%ff", None);
    assert!(answer.status() == 200 || answer.status() == 400);
    let mut answer = get("/ocsp/AAAA", None);
    let der = answer.body_mut().read_to_vec().unwrap();
    assert_eq!(der, [0x30, 3, 0x0a, 1, 1]);
    let post = |kind: &str, body: &[u8]| {
        let url = format!("http://{}/ocsp", server.address);
        agent
            .post(url)
            .content_type(kind)
            .send(body)
            .unwrap()
            .status()
    };
    assert_eq!(post("text/plain", b"x"), 415);
    assert_eq!(post("application/ocsp-request", &[0; 70_000]), 413);
    assert_eq!(post("application/ocsp-request", b"x"), 200);
}

#[test]
fn a_client_that_asks_too_often_is_told_to_wait() {
    let server = Server::start();
    let refused = std::thread::scope(|scope| {
        let ask = || {
            let officer = Officer::of(&server, "auditor");
            (0..served::REQUESTS_A_SECOND)
                .filter(|_| officer.get("/api/v1/nothing").0 == 429)
                .count()
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
        threads
            .into_iter()
            .map(|t| t.join().unwrap())
            .sum::<usize>()
    });
    assert!(refused > 0);
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(Officer::of(&server, "auditor").get("/api/v1/me").0, 200);
}

#[test]
fn a_certificate_is_followed_by_another() {
    let server = Server::start();
    let registrar = Officer::of(&server, "registrar");
    let approver = Officer::of(&server, "approver");
    let first = issued(&registrar);
    let path = format!("/api/v1/certificates/{first}/renew");
    // Nobody asks who may not ask for the profile; what is no request is told.
    assert_eq!(approver.post(&path, &json!({})).0, 403);
    for (body, status) in [
        (json!({"csr": "no request"}), 422),
        (json!({"signed": "***"}), 422),
        (json!({"signed": "AAAA"}), 422),
        (json!({"csr": csr(), "signed": "AAAA"}), 422),
        (json!({"key": "x"}), 422),
    ] {
        let (found, problem) = registrar.post(&path, &body);
        assert_eq!(found, status, "{body}: {problem}");
    }
    let (status, made) = registrar.post(&path, &json!({"csr": csr(), "why": "new card"}));
    assert_eq!((status, made["status"].as_str()), (201, Some("approved")));
    let request = format!("/api/v1/requests/{}", made["id"].as_str().unwrap());
    assert_eq!(registrar.get(&request).1["renews"], first.as_str());
    let (status, second) = registrar.post(&format!("{request}/issue"), &json!({}));
    assert_eq!(status, 200, "{second}");
    let show = |serial: &Value| {
        let path = format!("/api/v1/certificates/{}", serial.as_str().unwrap());
        registrar.get(&path).1
    };
    let former = show(&json!(first));
    assert_eq!(former["renewed_by"], second["serial"]);
    assert_eq!(show(&second["serial"])["renews"], first.as_str());
    assert_eq!(registrar.post(&path, &json!({})).0, 409);
}
