//! Bad input: a clear error, exit code 2, nothing half-written, the original untouched.
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

use common::{TRUSTING, exists, now, ready, with};

const KEY: [&str; 4] = ["--key", "my.pem", "--cert", "chain.pem"];

#[test]
fn what_is_no_signature_is_not_judged() {
    let (folder, _, _) = ready();
    folder.run(&with(&["sign", "a.pdf"], &KEY)).passed();
    let whole = folder.read("a-signed.pdf");
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let random: Vec<u8> = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    })
    .take(70_000)
    .collect();
    let mut nested = b"%PDF-1.7\n1 0 obj\n".to_vec();
    nested.extend(std::iter::repeat_n(b'[', 200_000));
    // A page tree and a chain of cross-reference sections that come back to themselves.
    let cyclic = b"%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 1 0 R>>\nendobj\nxref\n0 2\n\
0000000000 65535 f \n0000000009 00000 n \ntrailer\n<</Size 2/Root 1 0 R/Prev 55>>\nstartxref\n55\n%%EOF\n";
    let rows: [(&str, Vec<u8>); 7] = [
        ("empty.pdf", Vec::new()),
        ("random.pdf", random),
        ("text.p7s", b"salam".to_vec()),
        ("nested.pdf", nested),
        ("cyclic.pdf", cyclic.to_vec()),
        ("deep.p7s", [0x30, 0x80].repeat(50_000)),
        ("head.pdf", whole[..1000].to_vec()),
    ];
    for (name, content) in rows {
        folder.write(name, &content);
        folder
            .run(&with(&["verify", name], &TRUSTING))
            .refused(&[name]);
        if name.ends_with(".pdf") && !["empty.pdf", "random.pdf"].contains(&name) {
            folder
                .run(&with(&["sign", name, "-o", "out.pdf"], &KEY))
                .refused(&[name]);
        }
        assert_eq!(folder.read(name), content);
    }
    assert!(
        folder
            .names()
            .iter()
            .all(|n| !n.ends_with(".part") && n != "out.pdf")
    );
    // Cut anywhere, a signed file never passes.
    for percent in [10, 50, 90, 99] {
        folder.write("cut.pdf", &whole[..whole.len() * percent / 100]);
        let run = folder.run(&with(&["verify", "cut.pdf"], &TRUSTING));
        assert!(run.code != 0, "{percent} %: {}", run.out);
    }
}

#[test]
fn a_huge_hole_is_refused_quickly() {
    let (folder, _, _) = ready();
    let file = std::fs::File::create(folder.path("huge.pdf")).unwrap();
    file.set_len(1 << 33).unwrap();
    let file = std::fs::File::create(folder.path("huge.pem")).unwrap();
    file.set_len(1 << 33).unwrap();
    folder.run(&["verify", "huge.pdf"]).refused(&["huge.pdf"]);
    folder
        .run(&["verify", "a.pdf", "--trust", "huge.pem"])
        .refused(&["huge.pem"]);
}

#[test]
fn the_largest_files_that_are_read_whole() {
    let (folder, _, _) = ready();
    let sized = |name: &str, len: u64| {
        // A SEQUENCE, so that it is not searched for armour.
        folder.write(name, "0");
        let file = std::fs::OpenOptions::new()
            .write(true)
            .open(folder.path(name))
            .unwrap();
        file.set_len(len).unwrap();
    };
    for (len, refused) in [(256u64 << 20, false), ((256 << 20) + 1, true)] {
        sized("large.pem", len);
        let run = folder
            .run(&["verify", "a.pdf", "--trust", "large.pem"])
            .refused(&["large.pem"]);
        assert_eq!(run.err.contains("256 MiB"), refused, "{}", run.err);
    }
    for (len, refused) in [(64u64 << 20, false), ((64 << 20) + 1, true)] {
        sized("large.pdf", len);
        let run = folder
            .run(&["quickstart", "large.pdf", "--dir", "demo"])
            .refused(&["large.pdf"]);
        assert_eq!(run.err.contains("64 MiB"), refused, "{}", run.err);
        assert!(!exists(&folder.path("demo")));
    }
}

#[test]
fn keys_and_certificates_that_do_not_fit_sign_nothing() {
    let (folder, centre, _) = ready();
    folder.run(&["key", "generate", "-o", "other.pem"]).passed();
    let names = folder.names();
    let other = ["sign", "a.pdf", "--key", "other.pem", "--cert", "chain.pem"];
    folder
        .run(&other)
        .refused(&["other.pem", "does not belong to", "chain.pem"]);
    folder
        .run(&["sign", "a.pdf", "--key", "other.pem"])
        .refused(&["--cert"]);
    folder
        .run(&["sign", "a.pdf", "--key", "a.pdf"])
        .refused(&["a.pdf"]);
    folder
        .run(&["sign", "a.pdf", "--key", "none.pem"])
        .refused(&["none.pem"]);
    folder
        .run(&["sign", ".", "--key", "my.pem", "--cert", "chain.pem"])
        .refused(&["folder"]);
    assert_eq!(folder.names(), names);
    centre.certify(&folder, "my.csr", "old.pem", now().plus(-390 * 86_400));
    let much_later = now().plus(5 * 366 * 86_400).to_string();
    let old = ["sign", "a.pdf", "--key", "my.pem", "--cert", "old.pem"];
    let expired = with(&old, &["--signing-time", &much_later]);
    folder
        .run(&expired)
        .refused(&["valid from", "--allow-expired"]);
    assert!(!exists(&folder.path("a-signed.pdf")));
}

#[test]
fn existing_files_stay_unless_forced() {
    let (folder, _, _) = ready();
    folder.write("out.pdf", "precious");
    let sign = with(&["sign", "a.pdf", "-o", "out.pdf"], &KEY);
    folder.run(&sign).refused(&["out.pdf", "exists", "--force"]);
    assert_eq!(folder.read("out.pdf"), b"precious");
    folder.run(&with(&sign, &["--force"])).passed();
    assert!(folder.read("out.pdf").starts_with(b"%PDF"));
    let before = folder.read("a.pdf");
    folder
        .run(&with(&["sign", "a.pdf", "-o", "a.pdf"], &KEY))
        .refused(&["a.pdf"]);
    assert_eq!(folder.read("a.pdf"), before);
    folder
        .run(&["key", "generate", "-o", "my.pem"])
        .refused(&["my.pem", "exists"]);
}

#[cfg(target_os = "linux")]
#[test]
fn where_nothing_can_be_written_nothing_is() {
    let (folder, _, _) = ready();
    let names = folder.names();
    for target in ["/proc/esign-test.pdf", "no/such/folder/out.pdf"] {
        folder
            .run(&with(&["sign", "a.pdf", "-o", target], &KEY))
            .refused(&[target]);
    }
    // A result that cannot be told is an error, too.
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let mut command = folder.command(&["verify", "a.pdf"]);
    let status = command.stdout(full).output().unwrap();
    assert_eq!(status.status.code(), Some(2));
    assert_eq!(folder.names(), names);
}

/// Files may not grow beyond 8 KiB here, as on a disk that is full.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_leaves_nothing_behind() {
    let (folder, _, _) = ready();
    let before = folder.read("a.pdf");
    assert!(before.len() > 16 * 1024, "too small to fill the disk");
    let names = folder.names();
    let script = "trap '' XFSZ; ulimit -f 8; exec \"$0\" sign a.pdf --key my.pem --cert chain.pem";
    let mut command = std::process::Command::new("/bin/bash");
    command.args(["-c", script, env!("CARGO_BIN_EXE_esign")]);
    command
        .current_dir(folder.path(""))
        .env("ESIGN_CONFIG", "none.toml");
    common::Run::of(command.output().unwrap()).refused(&["file too large"]);
    assert_eq!(folder.names(), names);
    assert_eq!(folder.read("a.pdf"), before);
}

/// The content comes through a file that grows while it is hashed.
#[cfg(target_os = "linux")]
#[test]
fn a_file_that_changes_meanwhile_is_not_signed() {
    use std::io::Write;
    let (folder, _, _) = ready();
    let file = std::fs::File::create(folder.path("big.bin")).unwrap();
    file.set_len(256 << 20).unwrap();
    let mut command = folder.command(&with(&["sign", "big.bin"], &KEY));
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let writer = {
        let (stop, mut file) = (stop.clone(), file);
        std::thread::spawn(move || {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                file.write_all(b"x").unwrap();
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
        })
    };
    let output = command.output().unwrap();
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    writer.join().unwrap();
    common::Run::of(output).refused(&["big.bin", "changed while"]);
    assert!(!exists(&folder.path("big.bin.p7s")));
}
