//! `esign centre` at a served centre: each role's day, as the guide has it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a test may stop at the first surprise; what it shares is its own"
)]

mod common;

use std::process::Output;

use ca_server::centre::Who;
use ca_server::ids::Name;
use ca_server::service::Service;
use ca_server::service::assemble::{assemble, system_clock};
use ca_server::service::config::Config;
use ca_server::setup::{CONFIGURATION, SetupOptions, set_up};
use common::Folder;
use serde_json::Value;

/// A demonstration centre on free ports in `demo`, for as long as the runtime lives.
fn serve(folder: &Folder) -> tokio::runtime::Runtime {
    let dir = folder.path("demo");
    let options = SetupOptions::demonstration("127.0.0.1:0", "127.0.0.1:0");
    let who = Who {
        by: Name::new("setup").unwrap(),
        at: system_clock(),
    };
    set_up(&dir, &options, &|| None, &who).unwrap();
    let config = Config::read(&dir.join(CONFIGURATION), std::iter::empty()).unwrap();
    let nobody = |_: &str| Err(std::io::ErrorKind::Unsupported.into());
    let parts = assemble(&dir, &config, &nobody).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let service = runtime.block_on(Service::bind(parts)).unwrap();
    let address = service.operators_address().unwrap();
    for officer in options.service.officers {
        let file = dir.join("officers").join(officer.name).join("centre.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        let text = text.replace("https://127.0.0.1:0", &format!("https://{address}"));
        std::fs::write(&file, text).unwrap();
    }
    runtime.spawn(service.run(std::future::pending()));
    runtime
}

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

struct Day<'a>(&'a Folder);

impl Day<'_> {
    fn run(&self, officer: &str, args: &[&str]) -> Output {
        let folder = format!("demo/officers/{officer}");
        let mut command = self.0.command(&["centre"]);
        command.args(args).args(["--as", &folder]);
        command.output().unwrap()
    }

    fn ok(&self, officer: &str, args: &[&str]) -> String {
        let output = self.run(officer, args);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The centre's answer is no, or this computer's.
    fn refused(&self, officer: &str, args: &[&str], word: &str) {
        let output = self.run(officer, args);
        let said = said(&output);
        assert!(
            matches!(output.status.code(), Some(1 | 2)),
            "{args:?}: {said}"
        );
        assert!(said.contains(word), "{args:?}: {said}");
    }

    fn json(&self, officer: &str, args: &[&str]) -> Value {
        let args = [args, &["--json"]].concat();
        serde_json::from_str(&self.ok(officer, &args)).unwrap()
    }

    /// A key and a request for it, both named after their holder.
    fn csr(&self, holder: &str) -> String {
        let (key, csr) = (format!("{holder}.key"), format!("{holder}.csr"));
        let made = self.0.command(&["key", "generate", "-o", &key]).output();
        assert!(made.unwrap().status.success());
        let subject = format!("CN={holder}");
        let asked = [
            "cert",
            "request",
            "--key",
            &key,
            "--subject",
            &subject,
            "-o",
            &csr,
        ];
        assert!(self.0.command(&asked).output().unwrap().status.success());
        csr
    }
}

#[test]
fn each_role_has_its_day() {
    let folder = Folder::new();
    let _served = serve(&folder);
    let day = Day(&folder);
    assert!(day.ok("registrar", &["me"]).contains("registrar"));

    let csr = day.csr("aysel");
    let person = [
        "--fin",
        "5ABC12Z",
        "--given-name",
        "Aysel",
        "--surname",
        "Əliyeva",
    ];
    let ask = [
        &["request", "--csr", &csr, "--profile", "natural-person"][..],
        &person,
    ]
    .concat();
    let asked = day.ok("registrar", &ask);
    assert!(
        asked.contains("next, another officer approves it"),
        "{asked}"
    );
    let id = asked.split_whitespace().nth(1).unwrap().to_owned();
    assert!(day.ok("approver", &["list"]).contains(&id));
    assert!(day.ok("approver", &["show", &id]).contains("Əliyeva"));
    day.refused("registrar", &["approve", &id], "one must be approver");
    day.refused("approver", &["issue", &id, "-o", "early.pem"], "pending");
    let approved = day.ok("approver", &["approve", &id]);
    assert!(
        approved.contains(&format!("esign centre issue {id}")),
        "{approved}"
    );
    let issued = day.json("approver", &["issue", &id, "-o", "aysel.pem"]);
    let serial = issued["serial"].as_str().unwrap().to_owned();
    let chain = esign_core::x509::certificates(&folder.read("aysel.pem")).unwrap();
    assert_eq!(chain.len(), 2);
    day.refused(
        "approver",
        &["issue", &id, "-o", "aysel.pem"],
        "exists already",
    );

    let revoker = "revocation-officer";
    let until = [
        "suspend",
        &serial,
        "--until",
        "2037-01-31",
        "--why",
        "asked by phone",
    ];
    assert!(day.ok(revoker, &until).contains("suspended"));
    assert!(
        day.ok(revoker, &["restore", &serial, "--why", "found"])
            .contains("good")
    );
    day.refused(
        "approver",
        &["revoke", &serial, "--why", "x"],
        "revocation-officer",
    );
    let many = [
        "revoke-many",
        "--profile",
        "natural-person",
        "--why",
        "drill",
    ];
    assert!(day.ok(revoker, &many).contains("revoked now: 0"));
    let wrong = [&many[..], &["--expect", "7"]].concat();
    day.refused(revoker, &wrong, "7");
    let sure = [&many[..], &["--expect", "1"]].concat();
    assert!(day.ok(revoker, &sure).contains("revoked now: 1"));
    assert!(
        day.ok(revoker, &["certificate", &serial])
            .contains("revoked")
    );

    assert!(
        day.ok("registrar", &["holders", "əli"])
            .contains("PNOAZ-5ABC12Z")
    );
    day.refused(revoker, &["holders", "əli"], "registrar");
    assert!(day.ok("auditor", &["audit"]).contains("certificate.revoke"));

    // A new officer.
    let csr = day.csr("leyla");
    let person = [
        "--fin",
        "1AB2C3D",
        "--given-name",
        "Leyla",
        "--surname",
        "Quliyeva",
    ];
    let ask = [
        &["request", "--csr", &csr, "--profile", "tls-client"][..],
        &person,
    ]
    .concat();
    let made = day.json("registrar", &ask);
    let id = made["id"].as_str().unwrap();
    day.ok("registrar", &["issue", id, "-o", "leyla.pem"]);
    let name = [
        "officer",
        "leyla",
        "--cert",
        "leyla.pem",
        "--role",
        "approver",
        "--why",
        "new",
    ];
    assert_eq!(day.ok("administrator", &name), "leyla  approver\n");
    let dismiss = ["officer", "leyla", "--cert", "leyla.pem", "--why", "left"];
    assert!(day.ok("administrator", &dismiss).contains("dismissed"));

    day.ok("administrator", &["issuance", "stop", "--why", "drill"]);
    let csr = day.csr("late");
    let person = [
        "--fin",
        "2AB2C3D",
        "--given-name",
        "Kamran",
        "--surname",
        "Quliyev",
    ];
    let ask = [
        &["request", "--csr", &csr, "--profile", "tls-client"][..],
        &person,
    ]
    .concat();
    let id = day.json("registrar", &ask)["id"]
        .as_str()
        .unwrap()
        .to_owned();
    day.refused("registrar", &["issue", &id, "-o", "late.pem"], "drill");
    assert!(!folder.path("late.pem").exists());
    day.ok("administrator", &["issuance", "resume", "--why", "over"]);
    day.ok("registrar", &["issue", &id, "-o", "late.pem"]);
    let azerbaijani = day.ok("registrar", &["list", "--status", "issued", "--lang", "az"]);
    assert!(azerbaijani.contains("verilib"), "{azerbaijani}");
}

/// The holder signs with the key that he has; nobody vets him again.
#[test]
fn a_certificate_is_followed_by_one_for_a_new_key() {
    let folder = Folder::new();
    let _served = serve(&folder);
    let day = Day(&folder);
    let csr = day.csr("aysel");
    let ask = [
        "request",
        "--csr",
        &csr,
        "--profile",
        "natural-person",
        "--fin",
        "5ABC12Z",
        "--given-name",
        "Aysel",
        "--surname",
        "Əliyeva",
    ];
    let issue = |made: &Value, file: &str| {
        let id = made["id"].as_str().unwrap();
        day.ok("approver", &["approve", id]);
        let issued = day.json("approver", &["issue", id, "-o", file]);
        issued["serial"].as_str().unwrap().to_owned()
    };
    let first = issue(&day.json("registrar", &ask), "aysel.pem");

    let new = day.csr("new");
    let sign = [
        "sign",
        &new,
        "--key",
        "aysel.key",
        "--cert",
        "aysel.pem",
        "--format",
        "cades",
        "--packaging",
        "enveloping",
        "-o",
        "wish.p7m",
    ];
    let signed = folder.command(&sign).output().unwrap();
    assert!(signed.status.success(), "{}", said(&signed));
    // The e-service did not ask for the first one, and needs the holder's word.
    day.refused(
        "client",
        &["renew", &first, "--csr", &new],
        "its holder has to sign",
    );
    let made = day.json("client", &["renew", &first, "--signed", "wish.p7m"]);
    assert!(
        day.ok("approver", &["show", made["id"].as_str().unwrap()])
            .contains(&format!("renews certificate {first}"))
    );
    let second = issue(&made, "second.pem");
    let shown = day.ok("registrar", &["certificate", &first]);
    assert!(
        shown.contains(&format!("renewed by certificate {second}")),
        "{shown}"
    );

    // The same key once more, by the registrar.
    let asked = day.ok("registrar", &["renew", &second, "--why", "at the desk"]);
    assert!(
        asked.contains("next, another officer approves it"),
        "{asked}"
    );
    day.refused("registrar", &["renew", &second], "is being renewed");
}
