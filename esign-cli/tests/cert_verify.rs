//! `esign cert verify`: the answer, why, and which path broke where.
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

use common::{Folder, TRUSTING, ready, revoked, with};
use esign_core::x509::to_pem;
use serde_json::Value;

fn judged(folder: &Folder, args: &[&str]) -> (i32, Value) {
    let verify = ["cert", "verify", "chain.pem", "--json"];
    let run = folder.run(&with(&verify, args));
    (run.code, serde_json::from_str(&run.out).unwrap())
}

#[test]
fn the_answer_names_the_rule_and_both_values() {
    let (folder, centre, certificate) = ready();
    let (code, answer) = judged(&folder, &TRUSTING);
    assert_eq!((code, &answer["valid"]), (0, &Value::Bool(true)));
    assert_eq!(answer["reason"], Value::Null);
    let path = answer["path"].as_array().unwrap();
    assert_eq!(path.len(), 3);
    assert_eq!(path[0]["serial"], certificate.serial().to_string());
    assert!(answer["policies"].is_array(), "{answer}");

    let more = |flags: &[&str]| judged(&folder, &with(&TRUSTING, flags));
    let end = certificate.not_after().to_string();
    for (flags, code, words) in [
        (
            &["--at", "2050-01-01"][..],
            1,
            &["path.validity", "2050-01-01T00:00:00Z", &end][..],
        ),
        (&["--purpose", "timestamping"], 1, &["ext-key-usage"]),
        (
            &["--name", "dns:example.az"],
            1,
            &["name", "dns:example.az"],
        ),
        (
            &["--policy", "1.2.3", "--require-explicit-policy"],
            1,
            &["path.policies", "policies_wanted 1.2.3", "policies_allowed"],
        ),
        (&["--max-depth", "0"], 1, &["depth"]),
    ] {
        // Lists of today say nothing of 2050; what is asked here is the rule alone.
        let (found, answer) = more(&with(flags, &["--revocation", "none"]));
        let reason = answer["reason"].as_str().unwrap_or_default();
        assert_eq!(found, code, "{flags:?}: {answer}");
        assert_eq!(answer["valid"], false);
        for word in words {
            assert!(reason.contains(word), "{flags:?}: no {word} in {reason}");
        }
    }
    // The status is not known: open, unless that is enough.
    let alone = ["--trust", "root.pem"];
    let (code, answer) = judged(&folder, &alone);
    assert_eq!(code, 3, "{answer}");
    let available = with(&alone, &["--revocation", "available"]);
    assert_eq!(judged(&folder, &available).0, 0);
    // Nobody is trusted.
    let (code, answer) = judged(&folder, &[]);
    assert_eq!(code, 3, "{answer}");
    // Revoked.
    folder.write("issuing.crl", centre.crl(vec![revoked(&certificate)]).der());
    let (code, answer) = judged(&folder, &TRUSTING);
    assert_eq!(code, 1);
    assert!(answer["reason"].as_str().unwrap().contains("keyCompromise"));
}

#[test]
fn people_see_the_path_and_where_it_broke() {
    let (folder, _, certificate) = ready();
    let verify = ["cert", "verify", "chain.pem"];
    let run = folder.run(&with(&verify, &TRUSTING)).passed();
    assert!(run.out.starts_with("chain.pem: VALID\n"), "{}", run.out);
    assert!(run.out.contains("       └─ CN=SINAQ Verən"), "{}", run.out);
    assert!(run.out.contains("(trusted)"));
    let late = ["--at", "2050-01-01", "--revocation", "none", "--lang", "az"];
    let run = folder.run(&with(&with(&verify, &TRUSTING), &late));
    assert!(
        run.out.starts_with("chain.pem: ETİBARLI DEYİL\n"),
        "{}",
        run.out
    );
    assert!(
        run.out.contains("01.01.2050 04:00:00 (UTC+4)"),
        "{}",
        run.out
    );
    // The certificate alone: the authority between is missing.
    folder.write("leaf.pem", to_pem("CERTIFICATE", certificate.der()));
    let run = folder.run(&with(&["cert", "verify", "leaf.pem"], &TRUSTING));
    assert_eq!(run.code, 3);
    assert!(
        run.out.contains("SINAQ Verən") && run.out.contains("--intermediate"),
        "{}",
        run.out
    );
}

/// The kinds of files that are mixed up, and what is said of each.
#[test]
fn a_file_of_another_kind_is_told_for_what_it_is() {
    let (folder, _, _) = ready();
    folder.write("empty.pem", "");
    let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    folder.write("key.pem", key);
    for (args, hint) in [
        (
            ["issuing.crl", "--trust", "root.pem"],
            "revocation list: give it with --crl",
        ),
        (
            ["chain.pem", "--crl", "root.pem"],
            "certificate: give it with --trust",
        ),
        (["empty.pem", "--trust", "root.pem"], "the file is empty"),
        (["key.pem", "--trust", "root.pem"], "kind PRIVATE KEY"),
    ] {
        let run = folder.run(&with(&["cert", "verify"], &args));
        assert_eq!(run.code, 2, "{args:?}");
        assert!(run.err.contains(hint), "{args:?}: {}", run.err);
    }
    // The chain the other way round: its first certificate is judged, and that is said.
    let chain = String::from_utf8(folder.read("chain.pem")).unwrap();
    let end = "-----END CERTIFICATE-----\n";
    let mut blocks: Vec<&str> = chain.split_inclusive(end).collect();
    blocks.reverse();
    folder.write("turned.pem", blocks.concat());
    let run = folder.run(&with(&["cert", "verify", "turned.pem"], &TRUSTING));
    assert_eq!(run.code, 0, "{}", run.out);
    assert!(
        run.err.contains("the first certificate is judged"),
        "{}",
        run.err
    );
}

#[test]
fn wrong_use_changes_nothing_and_says_what_is_expected() {
    let (folder, _, _) = ready();
    folder.write("none.pem", "hello");
    folder
        .run(&["cert", "verify", "none.pem", "--trust", "root.pem"])
        .refused(&["none.pem"]);
    for flags in [
        ["--name", "example.az"],
        ["--policy", "anything"],
        ["--at", "yesterday"],
        ["--max-depth", "-1"],
    ] {
        let run = folder.run(&with(&["cert", "verify", "chain.pem"], &flags));
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{flags:?}");
    }
}

/// Answers that OpenSSL made, given with `--ocsp`.
#[test]
fn status_comes_from_ocsp_responses() {
    let vectors = concat!(env!("CARGO_MANIFEST_DIR"), "/../test-vectors/revocation");
    let folder = Folder::new();
    for file in std::fs::read_dir(vectors).unwrap() {
        let file = file.unwrap();
        let name = file.file_name().into_string().unwrap();
        folder.write(&name, std::fs::read(file.path()).unwrap());
    }
    let made_at = std::fs::read_to_string(format!("{vectors}/made-at.txt")).unwrap();
    let later = esign_core::time::UnixTime::parse(made_at.trim())
        .unwrap()
        .plus(60);
    let at = later.to_string();
    for (leaf, more, code, words) in [
        ("good", &["--ocsp", "delegated.ocsp"][..], 0, ""),
        ("good", &["--ocsp", "several.ocsp"], 0, ""),
        ("revoked", &["--ocsp", "several.ocsp"], 1, "keyCompromise"),
        ("held", &["--ocsp", "several.ocsp"], 3, "certificateHold"),
        ("unknown", &["--ocsp", "several.ocsp"], 3, "ocsp.status"),
        ("good", &["--ocsp", "unnamed.ocsp"], 3, "ocsp.responder"),
        (
            "good",
            &["--ocsp", "unnamed.ocsp", "--ocsp", "delegated.ocsp"],
            0,
            "",
        ),
        // The certificate of the responder is given apart.
        (
            "good",
            &["--ocsp", "no-certificates.ocsp"],
            3,
            "ocsp.responder",
        ),
        (
            "good",
            &[
                "--ocsp",
                "no-certificates.ocsp",
                "--intermediate",
                "responder.pem",
            ],
            0,
            "",
        ),
        // A list and an answer: what is final counts.
        (
            "revoked",
            &["--ocsp", "revoked.ocsp", "--crl", "empty.crl"],
            1,
            "keyCompromise",
        ),
        (
            "good",
            &["--ocsp", "delegated.ocsp", "--crl", "complete.crl"],
            0,
            "",
        ),
    ] {
        let file = format!("{leaf}.pem");
        let mut args = vec!["cert", "verify", &file, "--json", "--trust", "root.pem"];
        args.extend(more);
        args.extend(["--at", &at]);
        let run = folder.run(&args);
        assert_eq!(run.code, code, "{leaf} {more:?}: {} {}", run.out, run.err);
        let answer: Value = serde_json::from_str(&run.out).unwrap();
        let reason = answer["reason"].as_str().unwrap_or_default();
        assert!(reason.contains(words), "{leaf} {more:?}: {reason}");
        assert_eq!(answer["valid"], code == 0);
    }
    // Another thing than an answer.
    let args = [
        "cert",
        "verify",
        "good.pem",
        "--trust",
        "root.pem",
        "--ocsp",
        "complete.crl",
    ];
    assert_eq!(folder.run(&args).code, 2);
}
