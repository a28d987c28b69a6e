//! Disks that are full or read-only, and files that change while they are read.
#![cfg(target_os = "linux")]
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

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use common::{Folder, Run, TRUSTING, exists, ready, with};

const KEY: [&str; 4] = ["--key", "my.pem", "--cert", "chain.pem"];
/// Octets that take long enough to hash to be disturbed.
const LARGE: u64 = 192 << 20;

/// Runs the command while something else writes to the file, every millisecond: its content
/// stays as it is, its time of change does not, so that nothing but the change can be wrong.
fn run_while_touched(folder: &Folder, file: &str, args: &[&str]) -> Run {
    let touched = File::options().write(true).open(folder.path(file)).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut time = SystemTime::UNIX_EPOCH;
            while !stop.load(Ordering::Relaxed) {
                time += Duration::from_secs(1);
                touched.set_modified(time).unwrap();
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        let output = folder.command(args).output();
        stop.store(true, Ordering::Relaxed);
        Run::of(output.unwrap())
    })
}

/// A PDF with one large stream, a hole in the file.
fn large_pdf(path: &Path) {
    let mut file = File::create(path).unwrap();
    let mut offsets = Vec::new();
    for body in [
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]>>",
    ] {
        if offsets.is_empty() {
            file.write_all(b"%PDF-1.7\n").unwrap();
        }
        offsets.push(file.stream_position().unwrap());
        write!(file, "{} 0 obj\n{body}\nendobj\n", offsets.len()).unwrap();
    }
    offsets.push(file.stream_position().unwrap());
    write!(file, "4 0 obj\n<</Length {LARGE}>>\nstream\n").unwrap();
    file.seek(SeekFrom::Current(i64::try_from(LARGE).unwrap()))
        .unwrap();
    write!(file, "\nendstream\nendobj\n").unwrap();
    let at = file.stream_position().unwrap();
    write!(file, "xref\n0 5\n0000000000 65535 f \n").unwrap();
    for offset in offsets {
        writeln!(file, "{offset:010} 00000 n ").unwrap();
    }
    write!(
        file,
        "trailer\n<</Size 5/Root 1 0 R>>\nstartxref\n{at}\n%%EOF\n"
    )
    .unwrap();
}

#[test]
fn a_pdf_that_changes_meanwhile_is_neither_signed_nor_judged() {
    let (folder, _, _) = ready();
    large_pdf(&folder.path("big.pdf"));
    let sign = with(&["sign", "big.pdf"], &KEY);
    let names = folder.names();
    run_while_touched(&folder, "big.pdf", &sign).refused(&["big.pdf", "changed while"]);
    assert_eq!(folder.names(), names);
    folder.run(&sign).passed();
    let verify = with(&["verify", "big-signed.pdf"], &TRUSTING);
    run_while_touched(&folder, "big-signed.pdf", &verify)
        .refused(&["big-signed.pdf", "changed while"]);
    folder.run(&verify).passed();
}

#[test]
fn content_that_changes_meanwhile_is_neither_signed_nor_judged() {
    let (folder, _, _) = ready();
    File::create(folder.path("big.bin"))
        .unwrap()
        .set_len(LARGE)
        .unwrap();
    let sign = with(&["sign", "big.bin"], &KEY);
    run_while_touched(&folder, "big.bin", &sign).refused(&["big.bin", "changed while"]);
    assert!(!exists(&folder.path("big.bin.p7s")));
    folder.run(&sign).passed();
    let verify = with(
        &["verify", "big.bin.p7s", "--content", "big.bin"],
        &TRUSTING,
    );
    run_while_touched(&folder, "big.bin", &verify).refused(&["big.bin", "changed while"]);
    folder.run(&verify).passed();
}

/// Runs `esign ARGS` where the folder `disk` is a file system of its own with these options;
/// the second are the names found in it afterwards. `None`, and a line that no test runner
/// hides, where the system lets nobody mount one.
fn run_on_disk(folder: &Folder, options: &str, args: &[&str]) -> Option<(Run, String)> {
    std::fs::create_dir_all(folder.path("disk")).unwrap();
    let unshared = |script: &str| {
        let mut command = Command::new("unshare");
        command
            .args([
                "--user",
                "--map-root-user",
                "--mount",
                "sh",
                "-c",
                script,
                "sh",
            ])
            .arg(options)
            .arg(env!("CARGO_BIN_EXE_esign"))
            .args(args)
            .current_dir(folder.path(""))
            .env("ESIGN_CONFIG", "none.toml");
        command.output()
    };
    const MOUNT: &str = "mount -t tmpfs -o \"$1\" tmpfs disk";
    if !unshared(MOUNT).is_ok_and(|o| o.status.success()) {
        let _ = writeln!(
            std::io::stderr(),
            "\nSKIPPED: no tmpfs can be mounted here (unshare --user --mount); \
             a disk with {options} is not tested"
        );
        return None;
    }
    let script = format!("{MOUNT} && shift && \"$@\"; code=$?; ls -A disk >names; exit $code");
    let run = Run::of(unshared(&script).unwrap());
    Some((run, String::from_utf8(folder.read("names")).unwrap()))
}

#[test]
fn a_full_disk_is_told_and_left_as_it_was() {
    let (folder, _, _) = ready();
    let before = folder.read("a.pdf");
    assert!(before.len() > 16 * 1024, "too small to fill the disk");
    for args in [
        with(&["sign", "a.pdf", "-o", "disk/out.pdf"], &KEY),
        with(
            &[
                "sign",
                "a.pdf",
                "-o",
                "disk/out.p7m",
                "--format",
                "cades",
                "--packaging",
                "enveloping",
            ],
            &KEY,
        ),
    ] {
        let Some((run, names)) = run_on_disk(&folder, "size=16k", &args) else {
            return;
        };
        run.refused(&["disk/out", "no space left"]);
        assert_eq!(names, "", "{args:?}");
        assert_eq!(folder.read("a.pdf"), before);
    }
    // With room enough the same command passes: it was the disk.
    let args = with(&["sign", "a.pdf", "-o", "disk/out.pdf"], &KEY);
    let (run, names) = run_on_disk(&folder, "size=16m", &args).unwrap();
    run.passed();
    assert_eq!(names, "out.pdf\n");
}

#[test]
fn a_read_only_disk_is_told() {
    let (folder, _, _) = ready();
    for args in [
        with(&["sign", "a.pdf", "-o", "disk/out.pdf"], &KEY),
        vec!["key", "generate", "-o", "disk/key.pem"],
    ] {
        let Some((run, names)) = run_on_disk(&folder, "ro", &args) else {
            return;
        };
        run.refused(&["disk/", "read-only"]);
        assert_eq!(names, "");
    }
}
