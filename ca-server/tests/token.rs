//! The service with its keys on a token of SoftHSM.

#![cfg(feature = "http")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected should stop"
)]

mod served;

use std::path::PathBuf;

use esign_core::keys::{DigestAlgorithm, Hasher};
use esign_core::ocsp::CertStatus;
use esign_core::tsp::{MessageImprint, TimeStampReq, TimeStampResp};
use serde_json::json;
use served::{Officer, Server, authority, command, csr, issued, person, status_of};
use test_vectors::softhsm::{FINAL_TRY, PIN, SoftHsm};

/// A demonstration centre that was stopped; its issuing key and its time-stamping key are on a token now
/// and no longer in files.
struct Moved {
    hsm: SoftHsm,
    dir: PathBuf,
}

impl Moved {
    fn new() -> Option<Self> {
        let hsm = SoftHsm::new().unwrap()?;
        let mut server = Server::start();
        server.child.kill().unwrap();
        server.child.wait().unwrap();
        let dir = server.dir.clone();
        // The folder stays.
        std::mem::forget(server);
        hsm.token("centre").unwrap();
        for (name, id) in [("issuing", "01"), ("tsa", "02")] {
            let file = dir.join("keys").join(name).with_extension("pem");
            let pem = std::fs::read_to_string(&file).unwrap();
            hsm.import("centre", &pem, name, id, true).unwrap();
            std::fs::remove_file(file).unwrap();
        }
        std::fs::write(dir.join("pin"), format!("{PIN}\n")).unwrap();
        let moved = Self { hsm, dir };
        moved.configure("passphrase = { file = \"pin\" }");
        Some(moved)
    }

    /// Puts the URIs and `pin` in the place of the files.
    fn configure(&self, pin: &str) {
        let path = self.dir.join("ca-server.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        let mut lines = vec![format!("pkcs11-module = {:?}", self.hsm.module())];
        for line in text.lines() {
            let moved = ["issuing", "tsa"].into_iter().find(|name| {
                line == format!("key = \"keys/{name}.pem\"")
                    || line == format!("key = \"pkcs11:token=centre;object={name}\"")
            });
            if let Some(name) = moved {
                lines.push(format!("key = \"pkcs11:token=centre;object={name}\""));
                lines.push(pin.to_owned());
            } else if !line.starts_with("passphrase") && !line.starts_with("pkcs11-module") {
                lines.push(line.to_owned());
            }
        }
        std::fs::write(path, lines.join("\n")).unwrap();
    }

    fn start(&self, more: &[(&str, &str)]) -> Server {
        let conf = self.hsm.conf().display().to_string();
        let settings = [&[("SOFTHSM2_CONF", conf.as_str())], more].concat();
        Server::with(self.dir.clone(), &settings)
    }

    /// What it says instead of starting.
    fn refusal(&self) -> String {
        let output = command(&self.dir, "127.0.0.1:0")
            .env("SOFTHSM2_CONF", self.hsm.conf())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!said.contains(PIN), "{said}");
        said
    }
}

impl Drop for Moved {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// Ends a server and leaves its folder.
fn stop(mut server: Server) {
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    std::mem::forget(server);
}

#[test]
fn a_centre_issues_and_stamps_with_keys_on_a_token() {
    let Some(moved) = Moved::new() else { return };
    assert!(!moved.dir.join("keys/issuing.pem").exists());
    let server = moved.start(&[]);
    let registrar = Officer::of(&server, "registrar");
    let serial = issued(&registrar);
    // What the token signed is held against the certificate in the folder.
    authority(&server);
    assert_eq!(status_of(&server, &serial), CertStatus::Good);

    let digest = Hasher::digest(DigestAlgorithm::Sha256, b"document");
    let request = TimeStampReq::new(MessageImprint::new(&digest), None).to_der();
    let agent: ureq::Agent = ureq::Agent::config_builder().build().into();
    let mut answer = agent
        .post(format!("http://{}/tsa", server.address))
        .content_type("application/timestamp-query")
        .send(&request[..])
        .unwrap();
    let der = answer.body_mut().read_to_vec().unwrap();
    assert!(TimeStampResp::from_der(&der).unwrap().token.is_some());

    // Many at once, more than the token has sessions.
    std::thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| {
                for _ in 0..4 {
                    issued(&registrar);
                }
            });
        }
    });
    stop(server);

    // The PIN from the environment.
    moved.configure("passphrase = { environment = \"CENTRE_PIN\" }");
    let server = moved.start(&[("CENTRE_PIN", PIN)]);
    issued(&Officer::of(&server, "registrar"));
    stop(server);
}

/// The token's folder is where it is plugged in.
#[test]
fn a_centre_goes_on_when_its_token_is_back() {
    let Some(moved) = Moved::new() else { return };
    let server = moved.start(&[]);
    let registrar = Officer::of(&server, "registrar");
    issued(&registrar);
    let (tokens, away) = (moved.hsm.dir().join("tokens"), moved.hsm.dir().join("away"));
    std::fs::rename(&tokens, &away).unwrap();
    std::fs::create_dir(&tokens).unwrap();
    let order = json!({"csr": csr(), "profile": "tls-client", "identity": person("5ABC12Z")});
    let (_, made) = registrar.post("/api/v1/requests", &order);
    let path = format!("/api/v1/requests/{}/issue", made["id"].as_str().unwrap());
    let (status, problem) = registrar.post(&path, &json!({}));
    assert!(status >= 500, "{status} {problem}");
    std::fs::remove_dir(&tokens).unwrap();
    std::fs::rename(&away, &tokens).unwrap();
    let (status, issued) = registrar.post(&path, &json!({}));
    assert_eq!(status, 200, "{issued}");
    let serial = issued["serial"].as_str().unwrap();
    assert_eq!(status_of(&server, serial), CertStatus::Good);
    stop(server);
}

#[test]
fn a_centre_says_why_a_token_does_not_serve() {
    let Some(moved) = Moved::new() else { return };
    for (pin, words) in [
        ("passphrase = { file = \"none\" }", vec!["none"]),
        (
            "passphrase = { environment = \"UNSET\" }",
            vec!["UNSET is not set"],
        ),
        ("", vec!["token \"centre\"", "needs a PIN"]),
    ] {
        moved.configure(pin);
        let said = moved.refusal();
        for word in words {
            assert!(said.contains(word), "{pin}: {said}");
        }
    }
    moved.configure("passphrase = { file = \"pin\" }");
    std::fs::write(moved.dir.join("pin"), "0000-wrong\n").unwrap();
    let said = moved.refusal();
    assert!(
        said.contains("the PIN is wrong") && !said.contains("0000-wrong"),
        "{said}"
    );
    // A service that is started again and again does not lock its own token.
    moved.hsm.set_flags(FINAL_TRY).unwrap();
    let said = moved.refusal();
    assert!(
        said.contains("would lock it, so the PIN was not sent"),
        "{said}"
    );
    moved.hsm.set_flags(0).unwrap();
    std::fs::write(moved.dir.join("pin"), PIN).unwrap();

    // The certificate in the folder is another key's.
    let key = moved.dir.join("ca-server.toml");
    let text = std::fs::read_to_string(&key).unwrap();
    let swapped = text.replace("object=issuing", "object=tsa");
    std::fs::write(&key, swapped).unwrap();
    let said = moved.refusal();
    assert!(
        said.contains("is for the key") && said.contains("object=tsa"),
        "{said}"
    );
    std::fs::write(&key, text.replace("object=issuing", "object=none")).unwrap();
    let said = moved.refusal();
    assert!(
        said.contains("no private key matches") && said.contains("object=issuing"),
        "{said}"
    );
}
