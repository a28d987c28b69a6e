//! The main job, from one command, and every command that it prints.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail by panicking"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn esign(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_esign"))
        .args(args)
        .current_dir(folder)
        .env_clear()
        .env("LANG", "C")
        .env("ESIGN_CONFIG", folder.join("no-config.toml"))
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// The code that quickstart printed.
fn code(out: &str) -> String {
    let line = out
        .lines()
        .find(|l| l.starts_with("Code on the document"))
        .unwrap();
    line.rsplit(' ').next().unwrap().to_owned()
}

#[test]
fn everything_that_is_printed_works_as_printed() {
    let dir = folder("quickstart");
    let made = esign(&dir, &["quickstart"]);
    assert_eq!(
        made.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let out = text(&made);
    assert!(out.contains("TOTAL-PASSED"), "{out}");
    let commands: Vec<&str> = out
        .lines()
        .filter_map(|l| l.trim_start().strip_prefix(env!("CARGO_BIN_EXE_esign")))
        .collect();
    assert_eq!(commands.len(), 5, "{out}");
    // Verify, code, file, show, revoke and verify again: 0, 3, 3, 0, 3 (revoked, no proof of time).
    for (line, expected) in commands.iter().zip([0, 3, 3, 0, 3]) {
        let whole = format!("{}{line}", env!("CARGO_BIN_EXE_esign"));
        let mut last = None;
        for one in whole.split(" && ") {
            let words: Vec<&str> = one.split(' ').filter(|w| !w.is_empty()).skip(1).collect();
            let output = esign(&dir, &words);
            last = output.status.code();
            assert_ne!(
                last,
                Some(2),
                "{one}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        assert_eq!(last, Some(expected), "{line}");
    }
    let again = esign(&dir, &["quickstart"]);
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&again.stderr).contains("exists already"));
}

#[test]
fn codes_are_checked_as_people_type_them() {
    let dir = folder("codes");
    let out = text(&esign(&dir, &["quickstart", "--dir", "demo"]));
    let code = code(&out);
    let check = |what: &[&str]| {
        let mut args = vec!["code", "check"];
        args.extend(what);
        args.extend(["--register", "demo", "--json"]);
        let output = esign(&dir, &args);
        let value: serde_json::Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)));
        (value, output.status.code())
    };
    let (answer, exit) = check(&[&code.to_lowercase().replace('-', " ")]);
    assert_eq!(
        (answer["verdict"].as_str(), exit),
        (Some("test-document"), Some(3))
    );
    assert_eq!(answer["status"], "in-force");
    assert_eq!(answer["fields"][0]["value"], "Günel Əliyeva");
    assert_eq!(answer["fields"].as_array().unwrap().len(), 6);

    let (answer, _) = check(&["demo/signed.pdf"]);
    assert_eq!(answer["code"].as_str(), Some(code.as_str()));
    assert_eq!(answer["same_file"], true);
    let (answer, _) = check(&[&code, "--document", "demo/signed.pdf"]);
    assert_eq!(answer["same_file"], true);

    // One wrong symbol is pointed to.
    let last = code.chars().last().unwrap();
    let other = if last == 'Z' { 'Y' } else { 'Z' };
    let wrong = format!("{}{other}", &code[..code.len() - 1]);
    let (answer, exit) = check(&[&wrong]);
    assert_eq!(
        (answer["verdict"].as_str(), exit),
        (Some("mistyped"), Some(2))
    );
    assert_eq!(
        (answer["group"].as_u64(), answer["place"].as_u64()),
        (Some(5), Some(4))
    );

    let (answer, exit) = check(&["0123-4567-89AB-CDEF-2NBK"]);
    assert_eq!(
        (answer["verdict"].as_str(), exit),
        (Some("unknown"), Some(1))
    );

    // A file whose signature is broken.
    let mut file = std::fs::read(dir.join("demo/signed.pdf")).unwrap();
    let at = file.len() / 2;
    file[at] ^= 1;
    std::fs::write(dir.join("broken.pdf"), &file).unwrap();
    let (answer, exit) = check(&[&code, "--document", "broken.pdf"]);
    assert_eq!(
        (answer["verdict"].as_str(), exit),
        (Some("altered"), Some(1)),
        "{answer}"
    );

    let output = esign(&dir, &["code", "check", &code, "--json"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output).contains("not-checked"));
    for bad in [
        ["code", "check", "no-such.pdf"],
        ["code", "check", "broken-link/x.pdf"],
    ] {
        assert_eq!(esign(&dir, &bad).status.code(), Some(2));
    }
    let az = text(&esign(&dir, &["--lang", "az", "code", "check", &wrong]));
    assert!(az.contains("5-ci qrupun 4-cü simvoluna"), "{az}");
}

#[test]
fn a_document_that_cannot_be_signed_leaves_nothing_behind() {
    let dir = folder("refused");
    std::fs::write(dir.join("not.pdf"), b"no PDF at all").unwrap();
    let output = esign(&dir, &["quickstart", "not.pdf"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(!dir.join("esign-demo").exists());
}
