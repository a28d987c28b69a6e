//! Lists of a million entries beside their goals: `cargo bench -p esign-core --bench crl`
//! (`-- --quick` for lists of ten thousand).
#![allow(
    clippy::unwrap_used,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    missing_docs,
    reason = "a bench that cannot go on should stop"
)]

use std::hint::black_box;
use std::process::Command;
use std::time::Instant;

use esign_core::crl::{Crl, CrlBuilder, RevocationReason, RevokedCertificate};
use esign_core::keys::{Curve, KeySpec, PrivateKey, SigningKey};
use esign_core::time::UnixTime;
use esign_core::x509::{NameBuilder, SerialNumber};

/// What the entries of a list look like.
#[derive(Clone, Copy)]
struct Shape {
    name: &'static str,
    /// Octets of a serial number.
    serial: usize,
    reason: RevocationReason,
    /// Whether each entry has a date of its own.
    dates: bool,
    invalidity: bool,
}

const SHAPES: [Shape; 4] = [
    Shape {
        name: "serials of 16 octets, reason, one date",
        serial: 16,
        reason: RevocationReason::Superseded,
        dates: false,
        invalidity: false,
    },
    Shape {
        name: "serials of 16 octets, reason, every date another",
        serial: 16,
        reason: RevocationReason::Superseded,
        dates: true,
        invalidity: false,
    },
    Shape {
        name: "the same with invalidityDate",
        serial: 16,
        reason: RevocationReason::KeyCompromise,
        dates: true,
        invalidity: true,
    },
    Shape {
        name: "serials of 3 octets, nothing else",
        serial: 3,
        reason: RevocationReason::Unspecified,
        dates: true,
        invalidity: false,
    },
];

/// The `i`th serial: scattered, of the given length, none twice.
fn serial(i: u32, octets: usize) -> SerialNumber {
    if octets <= 4 {
        return SerialNumber::from_magnitude(&i.to_be_bytes());
    }
    let wide = u128::from(i).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835) >> 1;
    SerialNumber::from_magnitude(&wide.to_be_bytes())
}

/// Resident memory of this process in octets; a page has 4096.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm
        .split(' ')
        .nth(1)
        .and_then(|n| n.parse::<usize>().ok());
    pages.unwrap_or(0) * 4096
}

/// How much memory a decoded list takes, of its DER. Asked of a process of its own, whose memory
/// nothing else has been in before.
fn kept(der: &[u8]) -> f64 {
    let file = std::env::temp_dir().join(format!("esign-bench-{}.crl", std::process::id()));
    std::fs::write(&file, der).unwrap();
    let this = std::env::current_exe().unwrap();
    let said = Command::new(this)
        .arg("--kept")
        .arg(&file)
        .output()
        .unwrap();
    std::fs::remove_file(&file).unwrap();
    let grown: f64 = String::from_utf8(said.stdout)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    grown / der.len() as f64
}

/// Median of five runs in milliseconds.
fn median(mut work: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..5)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times.get(2).copied().unwrap()
}

fn row(what: &str, value: f64, unit: &str, goal: Option<f64>) {
    match goal {
        Some(goal) => println!(
            "  {what:<34} {value:10.3} {unit:<3} goal {goal:7.2}  {:5.2} of the goal",
            value / goal
        ),
        None => println!("  {what:<34} {value:10.3} {unit}"),
    }
}

fn measure(shape: Shape, count: u32, key: &PrivateKey) {
    let at = UnixTime::parse("2026-01-01").unwrap();
    let entries: Vec<RevokedCertificate> = (1..=count)
        .map(|i| RevokedCertificate {
            serial: serial(i, shape.serial),
            revocation_date: at.plus(if shape.dates { -i64::from(i) } else { 0 }),
            reason: shape.reason,
            invalidity_date: shape.invalidity.then(|| at.plus(-2 * i64::from(i))),
        })
        .collect();
    let builder = CrlBuilder {
        issuer: NameBuilder::parse("CN=CA").unwrap().build().unwrap(),
        key_identifier: vec![1; 20],
        number: SerialNumber::from_magnitude(&[1]),
        this_update: at,
        next_update: at.plus(86_400),
        expired_certificates_since: None,
    };
    let algorithm = key.algorithms().first().copied().unwrap();
    let make = || {
        let entries = entries.iter().cloned();
        let unsigned = builder.build(entries, key.public_key(), algorithm);
        unsigned.unwrap().sign(key).unwrap()
    };
    let der = make().der().to_vec();
    println!("{count} entries, {}: {} octets", shape.name, der.len());
    let scale = f64::from(count) / 1e6;
    row(
        "made: built, linted, signed",
        median(|| drop(black_box(make()))),
        "ms",
        Some(600.0 * scale),
    );
    let mut sorted: Vec<&RevokedCertificate> = entries.iter().collect();
    sorted.sort_by(|a, b| a.serial.cmp(&b.serial));
    // Copied, so that they lie in memory in the order in which they are written.
    let sorted: Vec<RevokedCertificate> = sorted.into_iter().cloned().collect();
    let make_sorted = || {
        let unsigned = builder.build(sorted.iter().cloned(), key.public_key(), algorithm);
        unsigned.unwrap().sign(key).unwrap()
    };
    row(
        "the same, entries sorted",
        median(|| drop(black_box(make_sorted()))),
        "ms",
        Some(600.0 * scale),
    );
    let parse = || Crl::from_der(black_box(&der)).unwrap();
    row(
        "parsed and indexed",
        median(|| drop(black_box(parse()))),
        "ms",
        Some(250.0 * scale),
    );
    row(
        "copied (the least that can be)",
        median(|| drop(black_box(der.clone()))),
        "ms",
        None,
    );
    row("kept, times its DER", kept(&der), "", Some(1.3));
    let list = parse();
    // Far apart, so that no look-up finds in the cache what the one before left there.
    let ask = |offset: u32| {
        let n = 200_000u32;
        let asked: Vec<SerialNumber> = (0..n)
            .map(|i| serial(1 + i.wrapping_mul(7_368_787) % count + offset, shape.serial))
            .collect();
        let start = Instant::now();
        let found = asked
            .iter()
            .filter(|s| black_box(list.find(s)).unwrap().is_some())
            .count();
        assert_eq!(found > 0, offset == 0);
        start.elapsed().as_secs_f64() * 1e6 / f64::from(n)
    };
    row("looked up, on the list", ask(0), "us", Some(1.0));
    row("looked up, not on it", ask(count), "us", Some(1.0));
}

fn main() {
    let mut arguments = std::env::args().skip_while(|a| a != "--kept").skip(1);
    if let Some(file) = arguments.next() {
        let der = std::fs::read(file).unwrap();
        let before = resident();
        let list = Crl::from_der(&der).unwrap();
        println!("{}", resident().saturating_sub(before));
        drop(black_box(list));
        return;
    }
    let quick = std::env::args().any(|a| a == "--quick" || a == "--test");
    let key = PrivateKey::generate(KeySpec::Ec(Curve::P256)).unwrap();
    for shape in SHAPES {
        measure(shape, if quick { 10_000 } else { 1_000_000 }, &key);
    }
    let at = UnixTime::parse("2026-01-01").unwrap();
    let small = CrlBuilder {
        issuer: NameBuilder::parse("CN=CA").unwrap().build().unwrap(),
        key_identifier: vec![1; 20],
        number: SerialNumber::from_magnitude(&[1]),
        this_update: at,
        next_update: at.plus(86_400),
        expired_certificates_since: None,
    };
    let entries = (1..=3).map(|i| RevokedCertificate {
        serial: serial(i, 16),
        revocation_date: at,
        reason: RevocationReason::Superseded,
        invalidity_date: None,
    });
    let algorithm = key.algorithms().first().copied().unwrap();
    let unsigned = small.build(entries, key.public_key(), algorithm).unwrap();
    let der = unsigned.sign(&key).unwrap().der().to_vec();
    println!("3 entries: {} octets", der.len());
    let many = |work: &dyn Fn()| median(|| (0..10_000).for_each(|_| work())) / 10.0;
    row(
        "parsed",
        many(&|| drop(black_box(Crl::from_der(&der)).unwrap())),
        "us",
        None,
    );
    let list = Crl::from_der(&der).unwrap();
    let wanted = serial(2, 16);
    row(
        "looked up",
        many(&|| drop(black_box(list.find(&wanted)).unwrap())),
        "us",
        None,
    );
}
