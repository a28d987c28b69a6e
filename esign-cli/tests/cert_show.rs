//! `esign cert show`: transcripts in both languages, every kind of input, everything refused.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test may fail loudly"
)]

use esign_core::crl::CrlBuilder;
use esign_core::keys::{Curve, KeySpec, PrivateKey, SigningKey};
use esign_core::time::UnixTime;
use esign_core::x509::{NameBuilder, SerialNumber};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const AT: &str = "2030-01-01T00:00:00Z";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn esign(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_esign"))
        .args(["cert", "show", "--at", AT])
        .args(args)
        .env_remove("ESIGN_PASSPHRASE")
        .env_remove("ESIGN_LANG")
        .stdin(Stdio::null())
        .current_dir(root())
        .output()
        .unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn json(args: &[&str]) -> serde_json::Value {
    let mut all = vec!["--json"];
    all.extend_from_slice(args);
    serde_json::from_slice(&esign(&all).stdout).unwrap()
}

const X509: &str = "esign-core/tests/vectors/x509";
const SHOW: &str = "esign-cli/tests/vectors/show";
const KEYS: &str = "esign-core/tests/vectors/keys";

/// A fresh folder for what a test writes.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("show-{name}"));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn written(folder: &Path, name: &str, content: &[u8]) -> String {
    let path = folder.join(name);
    std::fs::write(&path, content).unwrap();
    path.display().to_string()
}

/// Recorded with `UPDATE_TRANSCRIPTS=1`, then read by people before they are committed.
#[test]
fn transcripts() {
    let pass = format!("{KEYS}/passphrase.txt");
    for (name, file, exit) in [
        ("certificates", format!("{X509}/certificates.pem"), 0),
        ("request", format!("{X509}/request.der"), 0),
        ("qualified", format!("{SHOW}/qualified.pem"), 0),
        ("answer", format!("{SHOW}/ocsp.der"), 0),
        ("message", format!("{SHOW}/message.p7s"), 0),
        ("list", format!("{X509}/list.crl"), 0),
        ("private-key", format!("{KEYS}/p256.pbkdf2.pem"), 0),
        ("public-key", format!("{KEYS}/rsa2048.pub.der"), 0),
        ("store", format!("{KEYS}/p256.modern.p12"), 0),
        (
            "foreign-root",
            "test-vectors/foreign/pki/root.pem".into(),
            0,
        ),
        (
            "foreign-issuing",
            "test-vectors/foreign/pki/issuing.pem".into(),
            0,
        ),
        (
            "foreign-lists",
            "test-vectors/foreign/pki/crls.pem".into(),
            0,
        ),
    ] {
        for lang in ["az", "en"] {
            let run = esign(&[&file, "--lang", lang, "--passphrase-file", &pass]);
            let got = out(&run);
            let path = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join(format!("tests/transcripts/show/{name}.{lang}.txt"));
            if std::env::var_os("UPDATE_TRANSCRIPTS").is_some() {
                std::fs::write(&path, &got).unwrap();
            }
            let wanted = std::fs::read_to_string(&path).unwrap();
            assert_eq!(got, wanted, "{name} {lang}");
            assert_eq!(run.status.code(), Some(exit), "{name} {lang}");
        }
    }
}

#[test]
fn every_fixture_has_words_in_both_languages() {
    let mut seen = 0;
    for folder in [X509, KEYS, "test-vectors/foreign/pki"] {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let kind = path.extension().unwrap_or_default().to_str().unwrap();
            if !["pem", "der", "p12", "crl"].contains(&kind) {
                continue;
            }
            seen += 1;
            for lang in ["az", "en"] {
                let file = path.to_str().unwrap();
                let run = esign(&[file, "--lang", lang]);
                assert_eq!(run.status.code(), Some(0), "{file}: {}", out(&run));
                assert!(!out(&run).contains("show-"), "{file}: {}", out(&run));
            }
        }
    }
    assert!(seen > 70, "{seen}");
}

#[test]
fn a_secret_is_never_shown() {
    // The private scalar of the key, as every other form of it holds it too.
    let der = std::fs::read(root().join(KEYS).join("p256.sec1.der")).unwrap();
    let secret: String = der[7..39].iter().map(|b| format!("{b:02x}")).collect();
    let pass = format!("{KEYS}/passphrase.txt");
    for file in [
        "p256.sec1.der",
        "p256.pem",
        "p256.pbkdf2.pem",
        "p256.modern.p12",
    ] {
        for form in ["--lang=en", "--json"] {
            let run = esign(&[&format!("{KEYS}/{file}"), "--passphrase-file", &pass, form]);
            let text = out(&run).to_lowercase().replace(':', "");
            assert!(text.contains("p-256"), "{file}: {text}");
            assert!(!text.contains(&secret), "{file} {form}");
        }
    }
}

#[test]
fn without_a_passphrase_it_says_what_it_is() {
    let file = format!("{KEYS}/p256.modern.p12");
    let answer = json(&[&file]);
    assert_eq!(answer["items"][0]["type"], "pkcs12");
    assert_eq!(answer["items"][0]["opened"], false);
    let wrong = written(&folder("wrong"), "pass", b"wrong");
    let run = esign(&[&file, "--passphrase-file", &wrong, "--lang=en"]);
    assert_eq!(run.status.code(), Some(1));
    assert!(out(&run).contains("Malformed: "), "{}", out(&run));
}

#[test]
fn json_for_scripts() {
    let answer = json(&[&format!("{X509}/certificates.pem")]);
    assert_eq!(answer["schema"], "esign-cert-show/1");
    let root = &answer["items"][0];
    assert_eq!(root["self_signed"], true);
    assert_eq!(
        root["purposes"],
        serde_json::json!(["issue-certificates", "issue-crls"])
    );
    assert_eq!(root["within_validity"], true);
    assert_eq!(root["checked_at"], AT);
    let request = json(&[&format!("{X509}/request.der")]);
    assert_eq!(request["items"][0]["proof_of_possession"], true);
    let list = json(&[&format!("{X509}/list.crl")]);
    assert_eq!(list["items"][0]["count"], 3);
    assert_eq!(
        list["items"][0]["first_entries"][1]["reason"],
        "keyCompromise"
    );
}

#[test]
fn a_request_whose_proof_fails() {
    let mut der = std::fs::read(root().join(X509).join("request.der")).unwrap();
    let last = der.len() - 1;
    der[last] ^= 1;
    let file = written(&folder("proof"), "r.der", &der);
    assert_eq!(json(&[&file])["items"][0]["proof_of_possession"], false);
    assert_eq!(esign(&[&file]).status.code(), Some(1));
}

#[test]
fn a_refused_certificate_is_still_explained() {
    let mut der = std::fs::read(root().join(KEYS).join("ca.crt.der")).unwrap();
    // basicConstraints: cA as 01 is BER, not DER.
    let at = der
        .windows(5)
        .position(|w| w == [0x30, 0x03, 0x01, 0x01, 0xff])
        .unwrap();
    der[at + 4] = 1;
    let file = written(&folder("refused"), "c.der", &der);
    let item = json(&[&file])["items"][0].clone();
    assert!(!item["problems"].as_array().unwrap().is_empty());
    assert_eq!(item["subject"]["text"], "CN=SINAQ CA");
    assert_eq!(item["key"]["algorithm"], "P-256");
    assert_eq!(esign(&[&file]).status.code(), Some(1));
}

#[test]
fn a_malformed_extension_does_not_hide_the_rest() {
    let pem = std::fs::read(root().join(SHOW).join("qualified.pem")).unwrap();
    let mut der = esign_core::x509::pem_blocks(&pem, &["CERTIFICATE"])
        .unwrap()
        .remove(0);
    // keyUsage with a bit set among those that it calls unused.
    let at = der
        .windows(4)
        .position(|w| w == [0x03, 0x02, 0x06, 0x40])
        .unwrap();
    der[at + 2] = 7;
    let file = written(&folder("extension"), "c.der", &der);
    let item = json(&[&file])["items"][0].clone();
    assert_eq!(item["problems"].as_array().unwrap().len(), 1, "{item}");
    assert_eq!(item["extensions"].as_array().unwrap().len(), 8);
    assert_eq!(item["purposes"], serde_json::json!(["unknown"]));
    assert_eq!(item["qc_statements"].as_array().unwrap().len(), 5);
    assert_eq!(esign(&[&file]).status.code(), Some(1));
}

#[test]
fn an_answer_about_a_certificate() {
    let answer = json(&[&format!("{SHOW}/ocsp.der")]);
    assert_eq!(answer["items"][0]["answers"][0]["serial"], "4d");
    assert_eq!(answer["items"][0]["answers"][0]["status"], "revoked");
    let message = json(&[&format!("{SHOW}/message.p7s")]);
    assert_eq!(message["items"][0]["detached"], true);
    assert_eq!(message["items"][0]["items"].as_array().unwrap().len(), 2);
}

#[test]
fn a_broken_block_does_not_hide_the_others() {
    let good = std::fs::read_to_string(root().join("test-vectors/foreign/pki/root.pem")).unwrap();
    let bad = "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n";
    let file = written(
        &folder("bundle"),
        "b.pem",
        format!("{bad}{good}").as_bytes(),
    );
    let answer = json(&[&file]);
    assert_eq!(answer["items"].as_array().unwrap().len(), 2);
    assert!(answer["items"][1]["subject"]["text"].is_string());
    assert_eq!(esign(&[&file]).status.code(), Some(1));
}

#[test]
fn what_cannot_be_recognised_is_refused() {
    let folder = folder("refuse");
    let certificate = std::fs::read(root().join(KEYS).join("ca.crt.der")).unwrap();
    let mut cases = vec![
        written(&folder, "empty", b""),
        written(&folder, "garbage", b"\x00\x01\x02 nothing"),
        written(&folder, "text", "salam\n".repeat(1000).as_bytes()),
        written(&folder, "truncated", &certificate[..certificate.len() / 2]),
        written(
            &folder,
            "label",
            b"-----BEGIN X-----\nMAA=\n-----END X-----\n",
        ),
        written(&folder, "pdf", b"%PDF-1.7\n"),
        folder.display().to_string(),
        folder.join("missing").display().to_string(),
    ];
    // A hole of 257 MiB takes no room on the disk.
    let huge = folder.join("huge");
    std::fs::File::create(&huge)
        .unwrap()
        .set_len(257 << 20)
        .unwrap();
    cases.push(huge.display().to_string());
    for file in cases {
        let run = esign(&[&file]);
        assert_eq!(run.status.code(), Some(2), "{file}");
        let error = String::from_utf8(run.stderr).unwrap();
        assert!(error.starts_with("esign: error: "), "{file}: {error}");
        assert!(error.contains(&file), "{file}: {error}");
    }
}

/// NIST PKITS: every certificate and list, with nothing malformed.
#[test]
fn pkits() {
    let Some(corpora) = std::env::var_os("ESIGN_CORPORA") else {
        eprintln!("NOT RUN: pkits: ESIGN_CORPORA is not set");
        return;
    };
    for (sub, count, kind) in [("certs", 405, "certificate"), ("crls", 173, "crl")] {
        let files: Vec<String> = std::fs::read_dir(Path::new(&corpora).join("pkits").join(sub))
            .unwrap()
            .map(|e| e.unwrap().path().display().to_string())
            .collect();
        assert_eq!(files.len(), count);
        let mut args: Vec<&str> = vec!["--json"];
        args.extend(files.iter().map(String::as_str));
        let run = esign(&args);
        assert_eq!(
            run.status.code(),
            Some(0),
            "{}",
            String::from_utf8_lossy(&run.stderr)
        );
        let text = out(&run);
        assert_eq!(text.lines().count(), count);
        for line in text.lines() {
            let answer: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(answer["items"][0]["type"], kind, "{line}");
        }
        for lang in ["--lang=az", "--lang=en"] {
            args[0] = lang;
            let run = esign(&args);
            assert_eq!(run.status.code(), Some(0));
            assert!(!out(&run).contains("show-"));
        }
    }
}

#[test]
fn a_list_says_since_when_expired_certificates_stay_on_it() {
    let key = PrivateKey::generate(KeySpec::Ec(Curve::P256)).unwrap();
    let at = UnixTime::parse("2026-01-02").unwrap();
    let builder = CrlBuilder {
        issuer: NameBuilder::parse("CN=CA").unwrap().build().unwrap(),
        key_identifier: vec![1; 20],
        number: SerialNumber::from_magnitude(&[1]),
        this_update: at,
        next_update: at.plus(86_400),
        expired_certificates_since: UnixTime::parse("2020-05-06T07:08:09Z"),
    };
    let unsigned = builder.build([], key.public_key(), key.algorithms()[0]);
    let mut der = unsigned.unwrap().sign(&key).unwrap().der().to_vec();
    let folder = folder("expired");
    let file = written(&folder, "a.crl", &der);
    for (lang, text) in [
        (
            "en",
            "those that expired on 06.05.2020 11:08:09 (UTC+4) or later",
        ),
        (
            "az",
            "müddəti 06.05.2020 11:08:09 (UTC+4) və ya daha sonra bitənlər",
        ),
    ] {
        let said = out(&esign(&["--lang", lang, &file]));
        assert!(said.contains(text), "{said}");
    }
    let item = &json(&[&file])["items"][0];
    assert_eq!(item["expired_certificates_since"], "2020-05-06T07:08:09Z");
    // A time that does not exist is shown as it stands, and said to be malformed.
    let place = der.windows(8).position(|w| w == b"20200506").unwrap();
    der[place + 4..place + 6].copy_from_slice(b"13");
    let broken = written(&folder, "b.crl", &der);
    let said = out(&esign(&["--lang", "en", &broken]));
    assert!(said.contains("expiredCertsOnCRL"), "{said}");
    assert!(json(&[&broken])["items"][0]["expired_certificates_since"].is_null());
}
