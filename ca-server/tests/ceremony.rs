//! The ceremony of a real centre with the real `ca-server`: four steps on two machines, what each
//! refuses, the centre that comes of it, its next generation, and a revoked issuing authority.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test may fail by panicking"
)]

mod served;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use esign_core::crl::{Crl, RevocationReason};
use esign_core::ocsp::CertStatus;
use esign_core::x509::{Certificate, certificates};
use serde_json::json;
use served::{Officer, Server, csr, issued, person, status_of};

/// Two machines in one folder: `root` off line, `centre` on line, papers beside them.
struct Machines {
    dir: PathBuf,
}

impl Drop for Machines {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

fn text(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!(
        "{}{}",
        String::from_utf8_lossy(out),
        String::from_utf8_lossy(err)
    )
}

/// The fingerprint that stands in a paper, as it would be read out.
fn fingerprint(paper: &Path) -> String {
    let text = std::fs::read_to_string(paper).unwrap();
    let (_, behind) = text.split_once("Fingerprint").unwrap();
    let (_, behind) = behind.split_once(':').unwrap();
    let (lines, _) = behind.split_once("-----BEGIN").unwrap();
    lines.split_whitespace().collect()
}

impl Machines {
    fn new(name: &str) -> Self {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("ceremony-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).unwrap();
        let this = Self { dir };
        this.write("root.pass", "of the root\n");
        this.write("centre.pass", "of the centre\n");
        let plan = this.run(&["init", "plan"]);
        let plan = String::from_utf8(plan.stdout).unwrap();
        let plan = plan
            .replace("0.0.0.0:8080", "127.0.0.1:0")
            .replace("0.0.0.0:8443", "127.0.0.1:0")
            .replace(
                "hosts = [\"centre.example.az\"]",
                "hosts = [\"localhost\", \"127.0.0.1\"]",
            )
            .replace(
                "unlock = \"prompt\"",
                "unlock = { file = \"../centre.pass\" }",
            );
        this.write("plan.toml", &plan);
        this
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn write(&self, name: &str, content: &str) {
        std::fs::write(self.path(name), content).unwrap();
    }

    fn run(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_ca-server"))
            .args(args)
            .current_dir(&self.dir)
            .output()
            .unwrap()
    }

    fn done(&self, args: &[&str]) {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}", text(&output));
    }

    /// Refused, with a message that has all of these words in it.
    fn refused(&self, args: &[&str], words: &[&str]) {
        let output = self.run(args);
        let said = text(&output);
        assert!(!output.status.success(), "{args:?}: {said}");
        assert!(!said.contains("panicked"), "{said}");
        for word in words {
            assert!(
                said.contains(word),
                "{args:?}: \"{word}\" is not in: {said}"
            );
        }
    }

    fn root(&self) {
        self.done(&ROOT);
    }

    fn request(&self) {
        self.done(&REQUEST);
    }

    fn certify(&self, request: &str, paper: &str) {
        let print = fingerprint(&self.path(request));
        self.done(&certify(request, paper, &print));
    }

    fn install(&self) {
        let print = fingerprint(&self.path("3.txt"));
        self.done(&install(&print));
    }

    /// All four steps.
    fn all(&self) {
        self.root();
        self.request();
        self.certify("2.txt", "3.txt");
        self.install();
    }

    /// The service on the folder of the centre.
    fn serve(&self) -> Server {
        let centre = self.path("centre");
        let mut command = Command::new(env!("CARGO_BIN_EXE_ca-server"));
        command
            .arg("--config")
            .arg(centre.join("ca-server.toml"))
            .env("CA_SERVER_LOG__SECONDS", "1");
        Server::spawned(command, centre)
    }

    fn certificate(&self, name: &str) -> Certificate {
        let pem = std::fs::read(self.path(name)).unwrap();
        certificates(&pem).unwrap().remove(0)
    }
}

const ROOT: [&str; 10] = [
    "init",
    "root",
    "--plan",
    "plan.toml",
    "--dir",
    "root",
    "-o",
    "1.txt",
    "--passphrase-file",
    "root.pass",
];
const REQUEST: [&str; 10] = [
    "init",
    "request",
    "--plan",
    "plan.toml",
    "--dir",
    "centre",
    "-o",
    "2.txt",
    "--passphrase-file",
    "centre.pass",
];

fn certify<'a>(request: &'a str, paper: &'a str, print: &'a str) -> [&'a str; 11] {
    [
        "init",
        "certify",
        request,
        "--dir",
        "root",
        "-o",
        paper,
        "--passphrase-file",
        "root.pass",
        "--fingerprint",
        print,
    ]
}

fn install(print: &str) -> [&str; 11] {
    [
        "init",
        "install",
        "3.txt",
        "--plan",
        "plan.toml",
        "--dir",
        "centre",
        "--passphrase-file",
        "centre.pass",
        "--fingerprint",
        print,
    ]
}

/// What is at an address that everybody may ask.
fn got(server: &Server, place: &str) -> Vec<u8> {
    let mut answer = ureq::get(format!("http://{}/{place}", server.address))
        .call()
        .unwrap();
    answer.body_mut().read_to_vec().unwrap()
}

/// A server's folder is removed with it; here it is the centre's, which the test goes on with.
fn end(mut server: Server) {
    let _ = server.child.kill();
    let _ = server.child.wait();
    std::mem::forget(server);
}

#[test]
fn four_steps_make_a_centre_that_works() {
    let machines = Machines::new("whole");
    machines.all();
    // The root's key is nowhere at the centre.
    for name in ["root-key.pem", "keys/root.pem"] {
        assert!(!machines.path("centre").join(name).exists(), "{name}");
    }
    let key = std::fs::read_to_string(machines.path("root/root-key.pem")).unwrap();
    assert!(key.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
    let root = machines.certificate("root/root.pem");
    assert_eq!(root, machines.certificate("centre/root.pem"));
    let issuing = machines.certificate("centre/issuing.pem");
    issuing
        .verify_signed_by(root.public_key().unwrap())
        .unwrap();

    let server = machines.serve();
    // One officer for each part, and nobody else's part.
    let rauf = Officer::of(&server, "rauf");
    let order = json!({"csr": csr(), "profile": "natural-person", "identity": person("5ABC12Z")});
    let (status, made) = rauf.post("/api/v1/requests", &order);
    assert_eq!(status, 201, "{made}");
    let id = made["id"].as_str().unwrap();
    let approve = format!("/api/v1/requests/{id}/approve");
    assert_eq!(rauf.post(&approve, &json!({})).0, 403);
    let leyla = Officer::of(&server, "leyla");
    let (status, approved) = leyla.post(&approve, &json!({}));
    assert_eq!(status, 200, "{approved}");
    let (status, made) = rauf.post(&format!("/api/v1/requests/{id}/issue"), &json!({}));
    assert_eq!(status, 200, "{made}");
    let serial = made["serial"].as_str().unwrap();
    assert_eq!(status_of(&server, serial), CertStatus::Good);
    // The root's list is served from the paper, where its own certificate says.
    Crl::from_der(&got(&server, "crl/root.crl")).unwrap();
    end(server);
}

#[test]
fn what_a_step_refuses() {
    let machines = Machines::new("refusals");
    machines.root();
    machines.refused(&ROOT, &["root"]);
    machines.request();
    // Asked again it is the same paper, since the key waits.
    let first = std::fs::read(machines.path("2.txt")).unwrap();
    machines.done(&[
        "init",
        "request",
        "--plan",
        "plan.toml",
        "--dir",
        "centre",
        "-o",
        "2b.txt",
        "--passphrase-file",
        "centre.pass",
    ]);
    assert_eq!(first, std::fs::read(machines.path("2b.txt")).unwrap());

    // Another fingerprint than the paper's, too short a one, and none.
    let print = fingerprint(&machines.path("2.txt"));
    let other: String = print.chars().rev().collect();
    machines.refused(&certify("2.txt", "3.txt", &other), &["fingerprint"]);
    machines.refused(&certify("2.txt", "3.txt", &print[..31]), &["fingerprint"]);
    machines.refused(&certify("2.txt", "3.txt", ""), &["fingerprint"]);
    // A wrong passphrase, said so.
    machines.write("wrong.pass", "guess\n");
    let mut wrong = certify("2.txt", "3.txt", &print);
    wrong[8] = "wrong.pass";
    machines.refused(&wrong, &["passphrase"]);

    // The words of a paper say what its certificate or request says: changed words are told.
    let paper = String::from_utf8(first).unwrap();
    machines.write("words.txt", &paper.replace("P-256", "P-384"));
    let words = fingerprint(&machines.path("words.txt"));
    machines.refused(&certify("words.txt", "3.txt", &words), &["words.txt"]);
    // Changed octets: another fingerprint, and no proof of possession.
    let at = paper.find("-----BEGIN").unwrap() + 60;
    let mut octets = paper.clone().into_bytes();
    octets[at] = if octets[at] == b'A' { b'B' } else { b'A' };
    std::fs::write(machines.path("octets.txt"), octets).unwrap();
    machines.refused(
        &certify("octets.txt", "3.txt", &print),
        &["CERTIFICATE REQUEST"],
    );
    // Of another plan.
    let plan = std::fs::read_to_string(machines.path("plan.toml")).unwrap();
    machines.write(
        "other.toml",
        &plan.replace("pki.example.az/audit", "other.example.az/audit"),
    );
    machines.done(&[
        "init",
        "request",
        "--plan",
        "other.toml",
        "--dir",
        "other",
        "-o",
        "2c.txt",
        "--passphrase-file",
        "centre.pass",
    ]);
    let third = fingerprint(&machines.path("2c.txt"));
    machines.refused(&certify("2c.txt", "3.txt", &third), &["plan"]);
    assert!(
        !machines.path("3.txt").exists(),
        "nothing is written by what is refused"
    );

    machines.certify("2.txt", "3.txt");
    // Certified once more it is the same certificate, not a second one.
    machines.certify("2.txt", "3b.txt");
    let certified = |paper: &str| {
        let text = std::fs::read_to_string(machines.path(paper)).unwrap();
        let (_, behind) = text.split_once("-----BEGIN CERTIFICATE-----").unwrap();
        let (body, _) = behind.split_once("-----END CERTIFICATE-----").unwrap();
        body.to_owned()
    };
    assert_eq!(certified("3.txt"), certified("3b.txt"));
    let print = fingerprint(&machines.path("3.txt"));
    let other: String = print.chars().rev().collect();
    machines.refused(&install(&other), &["fingerprint"]);
    let mut wrong = install(&print);
    wrong[8] = "wrong.pass";
    machines.refused(&wrong, &["passphrase"]);
    assert!(!machines.path("centre").exists());
    machines.install();
    // A folder that holds a centre is left alone.
    let before = std::fs::read(machines.path("centre/ca-server.toml")).unwrap();
    machines.refused(&install(&print), &["centre"]);
    assert_eq!(
        before,
        std::fs::read(machines.path("centre/ca-server.toml")).unwrap()
    );
}

/// An officer's own request: his key never was at the centre.
#[test]
fn officers_may_bring_their_own_requests() {
    let machines = Machines::new("own");
    machines.write("aysel.csr.pem", &csr());
    let plan = std::fs::read_to_string(machines.path("plan.toml")).unwrap();
    let own = plan.replacen(
        "name = \"aysel\"\n",
        "name = \"aysel\"\nrequest = \"aysel.csr.pem\"\n",
        1,
    );
    assert_ne!(plan, own);
    machines.write("plan.toml", &own);
    machines.all();
    let folder = machines.path("centre/officers/aysel");
    assert!(folder.join("certificate.pem").exists());
    assert!(!folder.join("key.pem").exists());
    assert!(machines.path("centre/officers/rauf/key.pem").exists());
}

/// The next generation issues; what the former one issued stays good, is revoked and stands on its own
/// list (EN 319 411-1 OVR-6.5.6 roll-over).
#[test]
fn the_next_generation_issues_and_the_former_is_served() {
    let machines = Machines::new("next");
    machines.all();
    let server = machines.serve();
    let former = issued(&Officer::of(&server, "rauf"));
    let second = issued(&Officer::of(&server, "rauf"));
    assert_eq!(status_of(&server, &former), CertStatus::Good);
    end(server);

    machines.done(&[
        "init",
        "request",
        "--next",
        "--dir",
        "centre",
        "-o",
        "2n.txt",
        "--passphrase-file",
        "centre.pass",
    ]);
    machines.certify("2n.txt", "3n.txt");
    let print = fingerprint(&machines.path("3n.txt"));
    machines.done(&[
        "init",
        "install",
        "3n.txt",
        "--next",
        "--dir",
        "centre",
        "--passphrase-file",
        "centre.pass",
        "--fingerprint",
        &print,
    ]);
    let server = machines.serve();
    let rauf = Officer::of(&server, "rauf");
    let latest = issued(&rauf);
    let (_, told) = rauf.get(&format!("/api/v1/certificates/{latest}"));
    let (_, before) = rauf.get(&format!("/api/v1/certificates/{former}"));
    assert_ne!(told["issuer"], before["issuer"], "{told}");
    // Each stands on the list of its own issuer once it is revoked.
    let murad = Officer::of(&server, "murad");
    for serial in [&former, &latest] {
        let revocation = json!({"reason": "keyCompromise", "why": "test"});
        let path = format!("/api/v1/certificates/{serial}/revoke");
        let (status, answer) = murad.post(&path, &revocation);
        assert_eq!(status, 200, "{answer}");
    }
    let on = |list: &str, serial: &str| {
        let octets = std::fs::read(machines.path("centre/crl").join(list));
        let Ok(octets) = octets else { return false };
        let crl = Crl::from_der(&octets).unwrap();
        let serial = esign_core::x509::SerialNumber::parse_hex(serial).unwrap();
        crl.find(&serial).unwrap().is_some()
    };
    let mut waited = 0;
    while !(on("issuing.crl", &former) && on("issuing2.crl", &latest)) {
        std::thread::sleep(std::time::Duration::from_millis(100));
        waited += 1;
        assert!(waited < 100, "the lists did not come");
    }
    assert!(!on("issuing.crl", &latest) && !on("issuing2.crl", &former));
    assert!(!on("issuing.crl", &second));
    let [first, second] = ["ca/issuing.cer", "ca/issuing2.cer"]
        .map(|place| Certificate::from_der(&got(&server, place)).unwrap());
    assert_ne!(first.spki_der(), second.spki_der());
    let root = machines.certificate("root/root.pem");
    second.verify_signed_by(root.public_key().unwrap()).unwrap();
    end(server);
}

/// The root revokes the issuing authority off line; its list, brought to the centre, stops issuance.
#[test]
fn a_revoked_issuing_authority_issues_nothing_more() {
    let machines = Machines::new("revoked");
    machines.all();
    let issuing = machines.certificate("centre/issuing.pem");
    let serial = issuing.serial().to_string();
    machines.refused(
        &[
            "init",
            "revoke",
            "0123",
            "--reason",
            "keyCompromise",
            "--why",
            "x",
            "--dir",
            "root",
            "-o",
            "4.txt",
            "--passphrase-file",
            "root.pass",
        ],
        &["0123"],
    );
    machines.done(&[
        "init",
        "revoke",
        &serial,
        "--reason",
        "cACompromise",
        "--why",
        "key lost",
        "--dir",
        "root",
        "-o",
        "4.txt",
        "--passphrase-file",
        "root.pass",
    ]);
    // An older list than the one that is there is refused, a changed one too.
    let config = machines.path("centre/ca-server.toml");
    let config = config.to_str().unwrap();
    let output = machines.run(&["root-list", "4.txt", "--config", config]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let list = std::fs::read(machines.path("centre/crl/root.crl")).unwrap();
    let list = Crl::from_der(&list).unwrap();
    let entry = list.find(issuing.serial()).unwrap().unwrap();
    assert_eq!(entry.reason, Some(RevocationReason::CaCompromise));

    // The service starts all the same: what was issued must be answered for.
    let server = machines.serve();
    let rauf = Officer::of(&server, "rauf");
    let order = json!({"csr": csr(), "profile": "tls-client", "identity": person("5ABC12Z")});
    let (status, made) = rauf.post("/api/v1/requests", &order);
    assert_eq!(status, 201, "{made}");
    let path = format!("/api/v1/requests/{}/issue", made["id"].as_str().unwrap());
    let (status, refused) = rauf.post(&path, &json!({}));
    assert!(status >= 400, "{refused}");
    end(server);
}
