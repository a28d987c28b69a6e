//! Transcripts of the commands: what they print, what they write, how they end.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "a test may fail by panicking"
)]

mod common;

use common::{Folder, TRUSTING, now, ready, revoked, with};
use esign_core::keys::{DigestAlgorithm, Hasher};

#[test]
fn every_algorithm_makes_a_key_that_asks_for_a_certificate() {
    let folder = Folder::new();
    for alg in ["p256", "p384", "p521", "ed25519", "ml-dsa-44", "rsa2048"] {
        let (key, request) = (format!("{alg}.pem"), format!("{alg}.csr"));
        let made = folder
            .run(&["key", "generate", "--alg", alg, "-o", &key])
            .passed();
        assert!(made.out.contains("without a passphrase"), "{}", made.out);
        let subject = "CN=Əli Məmmədov,C=AZ";
        let args = [
            "cert",
            "request",
            "--key",
            &key,
            "--subject",
            subject,
            "-o",
            &request,
        ];
        let asked = folder.run(&args).passed();
        assert!(asked.out.contains("Əli Məmmədov"), "{}", asked.out);
        esign_core::x509::Request::read(&folder.read(&request))
            .unwrap()
            .verify()
            .unwrap();
    }
}

#[cfg(unix)]
#[test]
fn a_key_is_for_its_owner_and_its_passphrase_protects_it() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    folder.write("code.txt", "doğru\n");
    folder.write("wrong.txt", "yanlış\n");
    for kdf in ["pbkdf2", "scrypt"] {
        let key = format!("{kdf}.pem");
        let args = [
            "key",
            "generate",
            "-o",
            &key,
            "--kdf",
            kdf,
            "--passphrase-file",
            "code.txt",
        ];
        folder.run(&args).passed();
        let mode = std::fs::metadata(folder.path(&key))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(
            folder
                .read(&key)
                .starts_with(b"-----BEGIN ENCRYPTED PRIVATE KEY")
        );
        let ask = [
            "cert",
            "request",
            "--key",
            &key,
            "--subject",
            "CN=x",
            "-o",
            "x.csr",
            "--force",
        ];
        folder.run(&ask).refused(&["passphrase", "esign: hint: "]);
        folder
            .run(&with(&ask, &["--passphrase-file", "wrong.txt"]))
            .refused(&["passphrase"]);
        assert!(!folder.names().contains(&"x.csr".to_owned()));
        let mut command = folder.command(&ask);
        let output = command.env("ESIGN_PASSPHRASE", "doğru").output().unwrap();
        common::Run::of(output).passed();
        std::fs::remove_file(folder.path("x.csr")).unwrap();
    }
}

#[test]
fn a_pdf_is_signed_and_every_answer_has_its_exit_code() {
    let (folder, centre, certificate) = ready();
    let before = folder.read("a.pdf");
    let sign = [
        "sign",
        "a.pdf",
        "--key",
        "my.pem",
        "--cert",
        "chain.pem",
        "--reason",
        "Təsdiq",
    ];
    folder.run(&sign).passed();
    assert_eq!(folder.read("a.pdf"), before);
    let verify = ["verify", "a-signed.pdf"];
    let passed = folder.run(&with(&verify, &TRUSTING)).passed();
    assert!(passed.out.contains("TOTAL-PASSED") && passed.out.contains("Əli Məmmədov"));
    assert!(
        passed.out.contains("not determined"),
        "legal class: {}",
        passed.out
    );
    // Nobody is trusted unless named; without a list nothing is said to be unrevoked.
    let untrusted = folder.run(&verify);
    assert_eq!(untrusted.code, 3, "{}", untrusted.out);
    let unlisted = folder.run(&with(&verify, &["--trust", "root.pem"]));
    assert_eq!(unlisted.code, 3, "{}", unlisted.out);
    // One octet of the page.
    let mut bent = folder.read("a-signed.pdf");
    bent[before.len() / 2] ^= 1;
    folder.write("bent.pdf", &bent);
    let failed = folder.run(&with(&["verify", "bent.pdf", "--json"], &TRUSTING));
    assert_eq!(failed.code, 1, "{}", failed.out);
    let report: serde_json::Value = serde_json::from_str(&failed.out).unwrap();
    assert_eq!(report["schema"], "esign-report/1");
    assert_eq!(report["signatures"][0]["integrity"], "broken");
    let digest = Hasher::digest(DigestAlgorithm::Sha256, &bent).to_string();
    assert_eq!(report["inputs"]["document"], digest);
    // Revoked.
    folder.write("issuing.crl", centre.crl(vec![revoked(&certificate)]).der());
    let gone = folder.run(&with(&["verify", "a-signed.pdf", "--json"], &TRUSTING));
    assert_ne!(gone.code, 0);
    let report: serde_json::Value = serde_json::from_str(&gone.out).unwrap();
    assert_eq!(report["signatures"][0]["integrity"], "intact");
    let sub = report["signatures"][0]["sub_indication"].as_str().unwrap();
    assert!(sub.starts_with("REVOKED"), "{sub}");
}

#[test]
fn a_file_is_signed_beside_around_and_by_a_second_signer() {
    let (folder, _, _) = ready();
    folder.write("data.json", "{\"ad\": \"Əli\"}");
    let key = ["--key", "my.pem", "--cert", "chain.pem"];
    folder.run(&with(&["sign", "data.json"], &key)).passed();
    folder
        .run(&with(
            &["sign", "data.json", "--packaging", "enveloping"],
            &key,
        ))
        .passed();
    let add = ["sign", "data.json.p7m", "--add", "-o", "both.p7m"];
    folder.run(&with(&add, &key)).passed();
    for (file, signers) in [("data.json.p7s", 1), ("data.json.p7m", 1), ("both.p7m", 2)] {
        let run = folder
            .run(&with(&["verify", file, "--json"], &TRUSTING))
            .passed();
        let report: serde_json::Value = serde_json::from_str(&run.out).unwrap();
        assert_eq!(
            report["signatures"].as_array().unwrap().len(),
            signers,
            "{file}"
        );
    }
    folder.write("other.json", "{}");
    let other = ["verify", "data.json.p7s", "--content", "other.json"];
    assert_eq!(folder.run(&with(&other, &TRUSTING)).code, 1);
}

#[test]
fn several_files_end_with_the_worst() {
    let (folder, _, _) = ready();
    folder.write("b.pdf", common::pdf("cairo.pdf"));
    let args = [
        "sign",
        "a.pdf",
        "b.pdf",
        "--key",
        "my.pem",
        "--cert",
        "chain.pem",
    ];
    folder
        .run(&with(&args, &["--out-dir", "out", "--jobs", "2"]))
        .passed();
    let files = [
        "verify",
        "out/a-signed.pdf",
        "out/b-signed.pdf",
        "--json",
        "--jobs",
        "2",
    ];
    let run = folder.run(&with(&files, &TRUSTING)).passed();
    assert_eq!(run.out.lines().count(), 2);
    let missing = folder.run(&with(
        &["verify", "out/a-signed.pdf", "none.pdf"],
        &TRUSTING,
    ));
    assert_eq!(missing.code, 2);
    assert!(missing.out.contains("TOTAL-PASSED") && missing.err.contains("none.pdf"));
    // A file without a signature is open, with an empty list.
    let plain = folder.run(&["verify", "a.pdf", "--json"]);
    assert_eq!(plain.code, 3);
    let report: serde_json::Value = serde_json::from_str(&plain.out).unwrap();
    assert_eq!(report["indication"], "INDETERMINATE");
    assert_eq!(report["signatures"], serde_json::json!([]));
}

#[test]
fn the_configuration_stands_in_for_flags() {
    let (folder, _, _) = ready();
    folder
        .run(&["sign", "a.pdf", "--key", "my.pem", "--cert", "chain.pem"])
        .passed();
    folder.run(&["config", "trust", "root.pem"]).passed();
    folder
        .run(&["config", "crl", "root.crl", "issuing.crl"])
        .passed();
    folder.run(&["config", "lang", "az"]).passed();
    let run = folder.run(&["verify", "a-signed.pdf"]).passed();
    assert!(run.out.contains("İMZA TƏSDİQLƏNİB"), "{}", run.out);
    let shown = folder.run(&["config"]).passed();
    assert!(shown.out.contains("lang = \"az\"") && shown.out.contains("root.pem"));
    let english = folder
        .run(&["verify", "a-signed.pdf", "--lang", "en"])
        .passed();
    assert!(english.out.contains("CONFIRMED"), "{}", english.out);
    folder.run(&["config", "--unset", "trust"]).passed();
    assert_eq!(folder.run(&["verify", "a-signed.pdf"]).code, 3);
    folder
        .run(&["config", "lang", "ru"])
        .refused(&["ru", "az or en"]);
    folder.write("config.toml", "lang = \"en\"\ntrsut = []\n");
    folder
        .run(&["verify", "a-signed.pdf"])
        .refused(&["config.toml", "line 2", "trsut"]);
}

#[test]
fn every_help_has_examples() {
    let folder = Folder::new();
    for command in [
        &["sign"][..],
        &["verify"],
        &["key", "generate"],
        &["cert", "request"],
        &["cert", "show"],
        &["config"],
    ] {
        let run = folder.run(&with(command, &["--help"])).passed();
        assert!(
            run.out.contains("Examples:\n  esign "),
            "{command:?}: {}",
            run.out
        );
    }
    assert!(
        folder
            .run(&["completions", "bash"])
            .passed()
            .out
            .contains("esign")
    );
    let unknown = folder.run(&["forge"]);
    assert_eq!((unknown.code, unknown.out.as_str()), (2, ""));
}

#[test]
fn the_time_of_judgement_is_the_one_asked_for() {
    let (folder, _, _) = ready();
    folder
        .run(&["sign", "a.pdf", "--key", "my.pem", "--cert", "chain.pem"])
        .passed();
    let later = now().plus(5 * 366 * 86_400).to_string();
    let run = folder.run(&with(
        &["verify", "a-signed.pdf", "--at", &later],
        &TRUSTING,
    ));
    assert_eq!(
        run.code, 3,
        "expired, and no proof of when it was signed: {}",
        run.out
    );
}

/// Every key that a report has is explained in the description of its form.
#[test]
fn the_form_of_the_report_is_written_down() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let text = std::fs::read_to_string(root.join("docs/formats/report.md")).unwrap();
    let (folder, _, _) = ready();
    let key = ["--key", "my.pem", "--cert", "chain.pem"];
    let why = ["--reason", "Təsdiq", "--location", "Bakı"];
    folder
        .run(&with(&with(&["sign", "a.pdf"], &key), &why))
        .passed();
    folder
        .run(&with(&["sign", "a-signed.pdf", "-o", "twice.pdf"], &key))
        .passed();
    let run = folder
        .run(&with(&["verify", "twice.pdf", "--json"], &TRUSTING))
        .passed();
    let mut keys = std::collections::BTreeSet::new();
    collect(&serde_json::from_str(&run.out).unwrap(), &mut keys);
    assert!(keys.contains("touched") && keys.contains("location"));
    for key in keys {
        assert!(text.contains(&format!("`{key}`")), "{key} is not explained");
    }
}

/// Names of all members, without the values that a finding compares.
fn collect(value: &serde_json::Value, keys: &mut std::collections::BTreeSet<String>) {
    match value {
        serde_json::Value::Array(all) => all.iter().for_each(|v| collect(v, keys)),
        serde_json::Value::Object(members) => {
            for (key, member) in members {
                keys.insert(key.clone());
                if key != "because" {
                    collect(member, keys);
                }
            }
        }
        _ => {}
    }
}

/// Two certificates whose RSA keys have a prime in common: each alone is sound.
#[test]
fn lint_finds_a_prime_that_two_keys_share() {
    let folder = Folder::new();
    for (name, pem) in [
        ("a.pem", include_str!("vectors/keys/shared-prime-a.pem")),
        ("b.pem", include_str!("vectors/keys/shared-prime-b.pem")),
    ] {
        folder.write(name, pem);
    }
    let alone = folder.run(&["cert", "lint", "a.pem", "--profile", "pkix"]);
    assert!(!alone.out.contains("lint.key.shared"), "{}", alone.out);
    let lint = ["cert", "lint", "a.pem", "b.pem", "--profile", "pkix"];
    let run = folder.run(&with(&lint, &["--json"]));
    assert_eq!(run.code, 1, "{}", run.out);
    let mut others = Vec::new();
    for line in run.out.lines() {
        let answer: serde_json::Value = serde_json::from_str(line).unwrap();
        let findings = answer["items"][0]["findings"].as_array().unwrap();
        let shared = findings
            .iter()
            .filter(|f| f["rule"] == "lint.key.shared-factor");
        others.extend(shared.map(|f| f["values"]["other_file"].as_str().unwrap().to_owned()));
    }
    assert_eq!(others, ["b.pem", "a.pem"]);
    let run = folder.run(&with(&lint, &["--lang", "az"]));
    assert!(run.out.contains("ortaq sadə vuruğu"), "{}", run.out);
}
