//! Large files beside copying and hashing them, and the memory that they take:
//! `cargo bench -p esign-core --bench large` (`-- --quick` for 8 MiB, `-- --ten-gib` to stream
//! 10 GiB through CAdES, detached and enveloping).
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a bench that cannot go on should stop"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::Instant;

use esign_core::cades::{self, Input, SignatureParameters};
use esign_core::pades::{self, Parameters};
use esign_core::source::ReadAt;
use esign_core::time::UnixTime;

/// A PDF of `octets` octets: one page and one large stream.
fn pdf(path: &Path, octets: usize) {
    let mut out = io::BufWriter::new(File::create(path).unwrap());
    let mut offsets = Vec::new();
    let mut at = 0usize;
    let mut put = |out: &mut io::BufWriter<File>, text: &[u8]| {
        out.write_all(text).unwrap();
        at += text.len();
        at
    };
    put(&mut out, b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n");
    let stream = [
        format!("<</Length {octets}>>\nstream\n").as_bytes(),
        &vec![b' '; octets],
        b"\nendstream",
    ]
    .concat();
    let bodies: [&[u8]; 4] = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R>>",
        &stream,
    ];
    for (n, body) in bodies.iter().enumerate() {
        offsets.push(put(&mut out, b""));
        put(&mut out, format!("{} 0 obj\n", n + 1).as_bytes());
        put(&mut out, body);
        put(&mut out, b"\nendobj\n");
    }
    let xref = put(&mut out, b"");
    put(&mut out, b"xref\n0 5\n0000000000 65535 f \n");
    for offset in offsets {
        put(&mut out, format!("{offset:010} 00000 n \n").as_bytes());
    }
    let end = format!("trailer\n<</Size 5/Root 1 0 R>>\nstartxref\n{xref}\n%%EOF\n");
    put(&mut out, end.as_bytes());
    out.flush().unwrap();
}

fn hash(path: &Path, copy: Option<&Path>) {
    let mut file = File::open(path).unwrap();
    let mut out = copy.map(|p| File::create(p).unwrap());
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    let mut buffer = vec![0; 128 * 1024];
    loop {
        let n = file.read(&mut buffer).unwrap();
        if n == 0 {
            break;
        }
        context.update(&buffer[..n]);
        if let Some(out) = &mut out {
            out.write_all(&buffer[..n]).unwrap();
        }
    }
    if let Some(out) = out {
        out.sync_data().unwrap();
    }
    std::hint::black_box(context.finish());
}

fn compare(name: &str, goal: f64, limit: &mut dyn FnMut(), ours: &mut dyn FnMut(), rounds: usize) {
    let time = |work: &mut dyn FnMut()| {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64() * 1e3
    };
    time(limit);
    time(ours);
    let mut rows: Vec<(f64, f64)> = (0..rounds).map(|_| (time(limit), time(ours))).collect();
    let mut median = |key: &dyn Fn(&(f64, f64)) -> f64| {
        rows.sort_by(|a, b| key(a).total_cmp(&key(b)));
        key(&rows[rows.len() / 2])
    };
    println!(
        "{name:<44} limit {:8.1} ms  ours {:8.1} ms  {:.2} times the limit (goal at most {goal})",
        median(&|r| r.0),
        median(&|r| r.1),
        median(&|r| r.1 / r.0)
    );
}

/// Octets without end that take no memory.
struct Zeros(u64);

impl ReadAt for Zeros {
    fn len(&self) -> u64 {
        self.0
    }
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.0.saturating_sub(offset))
            .unwrap()
            .min(buf.len());
        buf[..left].fill(0);
        Ok(left)
    }
}

/// Peak resident memory of this process in KiB, where the system tells it.
fn peak() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find_map(|l| l.strip_prefix("VmHWM:"))
        .unwrap_or(" unknown");
    line.trim().to_owned()
}

fn main() {
    let has = |flag: &str| std::env::args().any(|a| a == flag);
    let quick = has("--quick") || has("--test");
    let support::Signer {
        key, certificate, ..
    } = support::Signer::p256();
    if has("--ten-gib") {
        let parameters = SignatureParameters {
            signing_time: UnixTime::parse("2026-11-22"),
            ..SignatureParameters::default()
        };
        let content = Zeros(10 << 30);
        let start = Instant::now();
        let message = cades::sign_detached(&content, &key, &certificate, &parameters).unwrap();
        println!(
            "10 GiB detached, sign    {:6.1} s  peak {}",
            start.elapsed().as_secs_f64(),
            peak()
        );
        let start = Instant::now();
        let input = Input {
            message: &message,
            detached: Some(&content),
        };
        assert_eq!(cades::prepare(&input).unwrap().len(), 1);
        println!(
            "10 GiB detached, verify  {:6.1} s  peak {}",
            start.elapsed().as_secs_f64(),
            peak()
        );
        let start = Instant::now();
        cades::sign_enveloping(&content, &mut io::sink(), &key, &certificate, &parameters).unwrap();
        println!(
            "10 GiB enveloping, sign  {:6.1} s  peak {}",
            start.elapsed().as_secs_f64(),
            peak()
        );
        return;
    }
    let folder = std::env::temp_dir().join(format!("esign-bench-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let (file, copy, signed) = (
        folder.join("in.pdf"),
        folder.join("copy.pdf"),
        folder.join("signed.pdf"),
    );
    pdf(&file, if quick { 8 << 20 } else { 100 << 20 });
    let parameters = Parameters::new(UnixTime::parse("2026-11-22").unwrap());
    let rounds = if quick { 3 } else { 15 };
    compare(
        "PDF of 100 MiB, sign / copy and hash",
        1.5,
        &mut || hash(&file, Some(&copy)),
        &mut || {
            let source = File::open(&file).unwrap();
            let mut out = File::create(&signed).unwrap();
            let update = pades::sign(&source, &mut out, &key, &certificate, &parameters).unwrap();
            out.write_all(&update).unwrap();
            out.sync_data().unwrap();
        },
        rounds,
    );
    compare(
        "PDF of 100 MiB, read for verifying / hash",
        1.3,
        &mut || hash(&signed, None),
        &mut || {
            let source = File::open(&signed).unwrap();
            assert_eq!(pades::prepare(&source).unwrap().len(), 1);
        },
        rounds,
    );
    fs::remove_dir_all(&folder).unwrap();
}
