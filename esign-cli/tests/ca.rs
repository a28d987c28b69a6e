//! `esign key`, `esign cert request` and `esign ca` as scripts use them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test fails by panicking"
)]

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

static NEXT: AtomicUsize = AtomicUsize::new(0);

/// A folder to work in, removed at the end.
struct Desk(PathBuf);

struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Desk {
    fn new() -> Self {
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("esign-ca-{}-{n}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// Runs one line as a shell would; double quotes group.
    fn run(&self, line: &str, env: &[(&str, &str)]) -> Ran {
        let mut args = Vec::new();
        for (i, part) in line.split('"').enumerate() {
            if i % 2 == 1 {
                args.push(part.to_owned());
            } else {
                args.extend(part.split_whitespace().map(str::to_owned));
            }
        }
        assert_eq!(args.remove(0), "esign");
        let output = Command::new(env!("CARGO_BIN_EXE_esign"))
            .args(args)
            .current_dir(&self.0)
            .env_remove("ESIGN_PASSPHRASE")
            .env("ESIGN_LANG", "en")
            .envs(env.iter().copied())
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        Ran {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs what must work, and gives what it printed.
    fn done(&self, line: &str) -> String {
        let ran = self.run(line, &[]);
        assert_eq!(ran.code, 0, "{line}\n{}{}", ran.out, ran.err);
        ran.out
    }

    /// Runs what must not work.
    fn fails(&self, line: &str, code: i32, words: &str) {
        let ran = self.run(line, &[]);
        assert_eq!(ran.code, code, "{line}\n{}{}", ran.out, ran.err);
        assert!(ran.err.contains(words), "{line}\n{}", ran.err);
        assert_eq!(ran.out, "", "{line}");
    }

    fn field(&self, line: &str, name: &str) -> String {
        let out = self.done(line);
        let json: serde_json::Value = serde_json::from_str(&out).unwrap();
        json[name].as_str().unwrap().to_owned()
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const INIT: &str =
    "esign ca init --dir centre --name \"Trial\" --organization \"Trial MMC\" --test";
const REQUEST: &str = "esign ca request --dir centre --csr request.pem --profile natural-person --fin 5ABC123 --given-name Aysel --surname Aliyeva";
const SEAL: &str = "esign ca request --dir centre --csr request.pem --profile legal-person --voen 1234567891 --organization \"Trial MMC\" --name \"Trial archive\"";

fn prepared() -> Desk {
    let desk = Desk::new();
    desk.done("esign key generate --alg p256 -o key.pem");
    desk.done(
        "esign cert request --key key.pem --subject \"CN=Aysel Aliyeva,C=AZ\" -o request.pem",
    );
    desk.done(INIT);
    desk
}

#[test]
fn the_whole_life_of_a_certificate() {
    let desk = prepared();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(desk.0.join("key.pem"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let id = desk.field(&format!("{REQUEST} --json"), "request");
    assert_eq!(id.len(), 32);
    let issue = format!("esign ca issue --dir centre {id}");
    desk.fails(&issue, 1, "is pending and must be approved first");
    let out = desk.done(&format!("esign ca approve --dir centre {id}"));
    assert_eq!(out, format!("request {id} approved\n"));
    let serial = desk.field(&format!("{issue} -o cert.pem --json"), "serial");
    let chain = std::fs::read_to_string(desk.0.join("cert.pem")).unwrap();
    assert_eq!(chain.matches("BEGIN CERTIFICATE").count(), 3);
    assert!(desk.0.join(format!("centre/certs/{serial}.pem")).exists());
    desk.fails(&format!("{issue} -o cert.pem"), 2, "exists already");
    let listed = desk.done("esign ca list --dir centre");
    let line = format!("{id}  issued  natural-person  {serial}  good");
    assert!(listed.contains(&line), "{listed}");
    let listed = desk.done("esign ca list --dir centre --lang az");
    let line = format!("{id}  verilib  natural-person  {serial}  qüvvədədir");
    assert!(listed.contains(&line), "{listed}");
    let lists = desk.done("esign ca crl --dir centre");
    assert_eq!(
        lists,
        "centre/crl/issuing.crl: 0 revoked or suspended\ncentre/crl/root.crl: 0 revoked or suspended\n"
    );
    let out = desk.done(&format!(
        "esign ca suspend --dir centre {serial} --why \"lost phone\""
    ));
    assert_eq!(out, format!("certificate {serial} suspended\n"));
}

#[test]
fn revocation_is_for_good() {
    let desk = prepared();
    let id = desk.field(&format!("{SEAL} --json"), "request");
    desk.done(&format!("esign ca approve --dir centre {id}"));
    let serial = desk.field(
        &format!("esign ca issue --dir centre {id} --json"),
        "serial",
    );
    let on = |act: &str| format!("esign ca {act} --dir centre {serial} --why x");
    desk.done(&on("suspend"));
    desk.done(&on("restore"));
    desk.fails(&on("restore"), 1, "is good and cannot be restored");
    desk.done(&on("revoke --reason keyCompromise"));
    desk.fails(&on("restore"), 1, "revoked for good");
    desk.fails(&on("revoke --reason superseded"), 1, "cannot be revoked");
    let lists = desk.done("esign ca crl --dir centre --json");
    let json: serde_json::Value = serde_json::from_str(&lists).unwrap();
    assert_eq!(json["lists"][0]["entries"], 1);
    assert_eq!(json["lists"][1]["entries"], 0);
}

#[test]
fn mistakes_are_told_and_change_nothing() {
    let desk = prepared();
    let zeros = "0".repeat(32);
    for (line, words) in [
        ("esign key generate --alg p256 -o key.pem", "exists already"),
        ("esign key generate --alg dsa -o k.pem", "dsa"),
        (
            "esign cert request --key none.pem --subject CN=A -o r.pem",
            "none.pem",
        ),
        (
            "esign cert request --key key.pem --subject nonsense -o r.pem",
            "nonsense",
        ),
        (
            "esign ca list --dir nowhere",
            "is not the folder of a centre",
        ),
        (INIT, "is not empty"),
        (
            "esign ca request --dir centre --csr request.pem --profile natural-person",
            "nobody is named",
        ),
        (&REQUEST.replace("5ABC123", "5ABCI23"), "FİN"),
        (
            &REQUEST.replace("--fin 5ABC123", "--passport U1"),
            "--passport",
        ),
        (
            &REQUEST.replace("--surname Aliyeva", ""),
            "--surname is missing",
        ),
        (
            &REQUEST.replace("natural-person", "root"),
            "is not one of this centre",
        ),
        (&SEAL.replace("1234567891", "12345"), "VÖEN"),
        ("esign ca approve --dir centre 00", "32 hexadecimal digits"),
        (
            &format!("esign ca approve --dir centre {zeros}"),
            "is not in this store",
        ),
        (
            "esign ca revoke --dir centre 0a --why x",
            "was not issued by this centre",
        ),
        (
            "esign ca revoke --dir centre 0a --why x --reason boredom",
            "boredom",
        ),
    ] {
        desk.fails(line, 2, words);
    }
    assert!(!desk.0.join("nowhere").exists());

    // A request whose signature is not its key's: the answer is no.
    let text = std::fs::read(desk.0.join("request.pem")).unwrap();
    let mut der = esign_core::x509::pem_blocks(&text, &["CERTIFICATE REQUEST"])
        .unwrap()
        .remove(0);
    *der.last_mut().unwrap() ^= 1;
    std::fs::write(desk.0.join("request.pem"), der).unwrap();
    desk.fails(REQUEST, 1, "does not prove who has the private one");
    // The one request there is, is the centre's own.
    let listed = desk.done("esign ca list --dir centre");
    assert_eq!(listed.lines().count(), 1, "{listed}");
    assert!(listed.contains("  issuing-authority  "), "{listed}");
}

#[test]
fn keys_of_every_kind_and_with_a_passphrase() {
    let desk = Desk::new();
    for alg in ["p256", "p384", "p521", "ed25519", "ml-dsa-44", "rsa2048"] {
        desk.done(&format!("esign key generate --alg {alg} -o {alg}.pem"));
        desk.done(&format!(
            "esign cert request --key {alg}.pem --subject CN=A -o {alg}.csr"
        ));
    }
    std::fs::write(desk.0.join("pass"), "correct horse\n").unwrap();
    desk.done("esign key generate --alg p256 -o locked.pem --passphrase-file pass");
    let request = "esign cert request --key locked.pem --subject CN=A -o l.csr";
    desk.fails(request, 2, "passphrase");
    desk.done(&format!("{request} --passphrase-file pass"));
    desk.done(&format!("{INIT} --passphrase-file pass"));
    desk.fails("esign ca crl --dir centre", 2, "passphrase");
    let env = [("ESIGN_PASSPHRASE", "correct horse"), ("ESIGN_LANG", "az")];
    let ran = desk.run("esign ca crl --dir centre", &env);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("ləğv edilmiş"), "{}", ran.out);
}

#[test]
fn lint_says_which_rule_refused() {
    let desk = prepared();
    let id = desk.field(&format!("{REQUEST} --json"), "request");
    desk.done(&format!("esign ca approve --dir centre {id}"));
    desk.fails(
        &format!("esign ca issue --dir centre {id} --at 2020-01-01"),
        1,
        "x509.validity.within-issuer (EN 319 411-1 6.3.3): not_before 2020-01-01",
    );
}

#[test]
fn the_examples_of_the_help_work_as_printed() {
    let desk = prepared();
    std::fs::remove_dir_all(desk.0.join("centre")).unwrap();
    let mut ran = 0;
    for help in ["ca init", "ca request"] {
        // As a shell reads it: a backslash at the end continues the line.
        let text = desk
            .done(&format!("esign {help} --help"))
            .replace("\\\n", "");
        for line in text.lines().filter_map(|l| l.strip_prefix("  esign ")) {
            desk.done(&format!("esign {line}"));
            ran += 1;
        }
    }
    assert_eq!(ran, 3);
}
