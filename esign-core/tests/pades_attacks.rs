//! The known attacks on the structure of signed PDFs: signature wrapping, universal signature
//! forgery, incremental saving without a table, octets that belong to nothing.
//!
//! # Source
//! Mladenov et al., *1 Trillion Dollar Refund* (2019); *Attacks on PDF Certification* and *Shadow
//! Attacks* (2021), the latter two in `pades_changes.rs`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail by panicking"
)]

mod attacks;
mod support;

use std::time::Instant;

use attacks::{
    Entry, against, append, append_with, file, judge, judge_first, place, sign, signature_field,
    stream, text_field,
};
use esign_core::pades::{self, PadesErrorKind};
use esign_core::report::Indication;
use esign_core::validation::Integrity;

/// Replaces the octets from the first `from` behind `after` up to and with `to`, keeping the length.
fn overwrite(file: &[u8], after: &str, from: &str, to: &str, with: &str) -> Vec<u8> {
    let find = |start: usize, what: &str| {
        let found = file[start..]
            .windows(what.len())
            .position(|w| w == what.as_bytes());
        start + found.unwrap_or_else(|| panic!("no {what}"))
    };
    let start = find(find(0, after), from);
    let end = find(start + from.len(), to) + to.len();
    assert!(with.len() <= end - start, "{with}");
    let mut out = file.to_vec();
    out[start..end].fill(b' ');
    out[start..start + with.len()].copy_from_slice(with.as_bytes());
    out
}

/// The numbers of `/ByteRange` after the first.
fn byte_range(file: &[u8]) -> [usize; 3] {
    let text = String::from_utf8_lossy(file).into_owned();
    let numbers = text.split_once("/ByteRange[0").unwrap().1;
    let numbers = numbers.split_once(']').unwrap().0;
    let numbers: Vec<usize> = numbers
        .split_whitespace()
        .map(|n| n.parse().unwrap())
        .collect();
    numbers.try_into().unwrap()
}

#[test]
fn forged_entries_of_the_signature_dictionary_fail() {
    let signed = sign(&file(&[]), None);
    assert_eq!(judge_first(&signed).indication, "TOTAL-PASSED");
    let [first, second, rest] = byte_range(&signed);
    let len = signed.len();
    let range = |with: &str| overwrite(&signed, "/Type/Sig", "/ByteRange[", "]", with);
    let contents = |with: &str| overwrite(&signed, "/Type/Sig", "/Contents<", ">", with);
    for (name, forged, rule) in [
        ("no byte range", range(""), "pdf.byte-range"),
        ("null", range("/ByteRange null"), "pdf.byte-range"),
        ("empty", range("/ByteRange[]"), "pdf.byte-range"),
        ("zeros", range("/ByteRange[0 0 0 0]"), "pdf.byte-range"),
        (
            "negative",
            range("/ByteRange[0 -1 -1 -1]"),
            "pdf.byte-range",
        ),
        (
            "two numbers",
            range(&format!("/ByteRange[0 {len}]")),
            "pdf.byte-range",
        ),
        (
            "not from the start",
            range(&format!("/ByteRange[1 {} {second} {rest}]", first - 1)),
            "pdf.byte-range",
        ),
        (
            "beyond the end",
            range(&format!("/ByteRange[0 {first} {second} {}]", rest + 1)),
            "pdf.byte-range",
        ),
        (
            "overflow",
            range(&format!(
                "/ByteRange[0 {first} {second} 9223372036854775807]"
            )),
            "pdf.byte-range",
        ),
        (
            "whole file",
            range(&format!("/ByteRange[0 {first} {first} {}]", len - first)),
            "pdf.byte-range",
        ),
        (
            "larger gap",
            range(&format!("/ByteRange[0 {} {second} {rest}]", first - 9)),
            "pdf.byte-range.gap",
        ),
        (
            "gap elsewhere",
            range(&format!("/ByteRange[0 9 12 {}]", len - 12)),
            "pdf.byte-range.gap",
        ),
        (
            "shorter",
            range(&format!("/ByteRange[0 {first} {second} {}]", rest - 9)),
            "pdf.revision",
        ),
        ("no contents", contents(""), "pdf.contents.form"),
        (
            "null contents",
            contents("/Contents null"),
            "pdf.contents.form",
        ),
        (
            "empty contents",
            contents("/Contents<>"),
            "pdf.contents.message",
        ),
        ("zero", contents("/Contents<00>"), "pdf.contents.message"),
        (
            "literal string",
            contents("/Contents(\\000)"),
            "pdf.contents.form",
        ),
        (
            "reference",
            contents("/Contents 12 0 R"),
            "pdf.contents.form",
        ),
    ] {
        let s = judge_first(&forged);
        let finding = against(&s, rule).unwrap_or_else(|| panic!("{name}: {s:#?}"));
        assert_eq!(finding.outcome, Indication::Failed, "{name}");
        assert_eq!(s.indication, "TOTAL-FAILED", "{name}: {s:#?}");
        assert_eq!(s.integrity, Integrity::Broken, "{name}");
    }
    // Another kind of signature than the one that was signed; a time-stamp is no signature.
    let kind = |with: &str| overwrite(&signed, "/Type/Sig", "/SubFilter/", "detached", with);
    let unknown = judge_first(&kind("/SubFilter/None"));
    assert_eq!(unknown.indication, "TOTAL-FAILED");
    assert!(against(&unknown, "pdf.subfilter").is_some());
    let stamp = judge(&kind("/SubFilter/ETSI.RFC3161"));
    assert_eq!(stamp.indication, "INDETERMINATE");
    assert!(stamp.signatures.is_empty());
}

#[test]
fn wrapped_signatures_fail() {
    let signed = sign(&file(&[]), None);
    let [first, second, rest] = byte_range(&signed);
    let number = {
        let text = String::from_utf8_lossy(&signed);
        let value = text.rsplit("/V ").next().unwrap().to_owned();
        value.split(' ').next().unwrap().parse::<u32>().unwrap()
    };
    // The second part is moved back, what comes between is new: another content stream and a
    // table for it, behind the end of the signature dictionary.
    let evil = stream("", "(900 AZN) Tj");
    let inner = format!("/M(x)>>\nendobj\n8 0 obj\n{evil}\nendobj\n");
    let mut read = 0;
    for twice in [false, true] {
        let mut wrapped = signed[..second].to_vec();
        let room = 400;
        let moved = second + room;
        if twice {
            wrapped.extend(format!("/ByteRange[0 {first} {moved} {rest}]").bytes());
        }
        wrapped.extend(inner.bytes());
        let at = wrapped.len();
        let table = format!(
            "xref\n8 1\n{:010} 00000 n \n{number} 1\n{:010} 00000 n \ntrailer\n<</Size 90/Root 1 0 R/Prev {}>>\nstartxref\n{at}\n%%EOF\n",
            second
                + "/M(x)>>\nendobj\n".len()
                + if twice {
                    wrapped.len() - second - inner.len()
                } else {
                    0
                },
            place(&signed, number),
            last_startxref(&file(&[])),
        );
        wrapped.extend(table.bytes());
        assert!(wrapped.len() <= moved, "{}", wrapped.len() - second);
        wrapped.resize(moved, b' ');
        wrapped.extend(&signed[second..]);
        // What the file's end leads to: the moved part, whose offsets are those of before, or the
        // attacker's table.
        let end = format!("\nstartxref\n{at}\n%%EOF\n");
        let ended = [wrapped.clone(), end.into_bytes()].concat();
        for (name, wrapped) in [("as moved", wrapped), ("led to the table", ended)] {
            if pades::prepare(&wrapped).is_err() {
                continue;
            }
            read += 1;
            for s in &judge(&wrapped).signatures {
                assert_eq!(s.indication, "TOTAL-FAILED", "{name}, {twice}: {s:#?}");
                assert_eq!(s.integrity, Integrity::Broken, "{name}, {twice}");
            }
        }
    }
    assert!(read >= 2, "{read}");
    // The same with a byte range that names the moved part, which the first part signs: refused by
    // its digest.
    let moved = format!("/ByteRange[0 {first} {} {rest}]", second + 100);
    let mut wrapped = overwrite(&signed, "/Type/Sig", "/ByteRange[", "]", &moved);
    let tail = wrapped.split_off(second);
    wrapped.resize(second + 100, b' ');
    wrapped.extend(tail);
    let end = format!("\nstartxref\n{}\n%%EOF\n", last_startxref(&signed) + 100);
    wrapped.extend(end.bytes());
    let Ok(signatures) = pades::prepare(&wrapped) else {
        panic!("the wrapped file is read");
    };
    assert_eq!(signatures.len(), 1);
    let s = judge_first(&wrapped);
    assert_eq!(
        (s.indication, s.integrity),
        ("TOTAL-FAILED", Integrity::Broken)
    );
    assert!(against(&s, "pdf.byte-range.gap").is_some(), "{s:#?}");
}

fn last_startxref(file: &[u8]) -> usize {
    let text = String::from_utf8_lossy(file).into_owned();
    let after = text.rsplit("startxref").next().unwrap().to_owned();
    after.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn octets_that_belong_to_no_revision_fail() {
    let signed = sign(&file(&[]), None);
    let object = format!("8 0 obj\n{}\nendobj\n", stream("", "(900 AZN) Tj"));
    let startxref = last_startxref(&signed);
    let filled = text_field("Ad", "b", 13);
    let revised = append(&signed, &[(6, &filled)]);
    let with = |parts: &[&[u8]]| parts.concat();
    // A complete revision that the next one passes over.
    let hidden = {
        let evil = append(&signed, &[(8, &stream("", "(900 AZN) Tj"))]);
        let tail = append(&evil, &[(6, &filled)]);
        let wrong = format!("/Prev {}", last_startxref(&evil));
        overwrite(
            &tail,
            &wrong,
            &wrong,
            "/Root",
            &format!("/Prev {startxref}/Root"),
        )
    };
    let between = |junk: &str| append(&with(&[&signed, junk.as_bytes()]), &[(6, &filled)]);
    let end = format!("startxref\n{startxref}\n%%EOF\n");
    for (name, attacked) in [
        ("text after the end", with(&[&signed, b"junk"])),
        (
            "objects without a table",
            with(&[&signed, object.as_bytes()]),
        ),
        (
            "objects and a trailer",
            with(&[&signed, object.as_bytes(), b"trailer\n<</Root 1 0 R>>\n"]),
        ),
        (
            "objects and startxref",
            with(&[&signed, object.as_bytes(), end.as_bytes()]),
        ),
        ("startxref alone", with(&[&signed, end.as_bytes()])),
        ("a comment at the end", with(&[&signed, b"%%EOF\n"])),
        (
            "far behind white space",
            with(&[&signed, &vec![b' '; 3000], b"x"]),
        ),
        ("after a later revision", with(&[&revised, b"junk"])),
        ("between revisions, text", between("junk ")),
        ("between revisions, an object", between(&object)),
        ("between revisions, a marker", between("%%EOF\n")),
        ("a revision passed over", hidden),
    ] {
        let s = judge_first(&attacked);
        let finding = against(&s, "pdf.unsigned-octets");
        let finding = finding.unwrap_or_else(|| panic!("{name}: {s:#?}"));
        assert_eq!(finding.outcome, Indication::Failed, "{name}");
        assert_eq!(s.indication, "TOTAL-FAILED", "{name}");
        assert_eq!(s.integrity, Integrity::Broken, "{name}");
        assert_eq!(s.coverage.kind, "partial", "{name}");
    }
    for (name, harmless) in [
        ("white space", with(&[&signed, b"\r\n \0\t\n"])),
        ("much white space", with(&[&signed, &vec![b'\n'; 3000]])),
        ("white space between", between("\n\n \n")),
        ("a comment between", between("% signed on Monday\n")),
    ] {
        let s = judge_first(&harmless);
        assert_eq!(s.indication, "TOTAL-PASSED", "{name}: {s:#?}");
        assert_eq!(s.integrity, Integrity::Intact, "{name}");
    }
    // What a later signature covers to the end is signed by it, not by the first.
    let both = attacks::sign_field(&with(&[&signed, b"junk\n"]), "Imza2", None);
    let report = judge(&both);
    let (first, second) = (&report.signatures[0], &report.signatures[1]);
    assert!(against(first, "pdf.unsigned-octets").is_some());
    assert_eq!(second.indication, "TOTAL-PASSED", "{second:#?}");
}

#[test]
fn sections_that_the_signed_revision_did_not_lead_to_fail() {
    // A table in a content stream of the signed file; later octets lead to it.
    let base = file(&[]);
    let from = place(&base, 8);
    let evil = base.len();
    let mut prepared = base.clone();
    prepared.extend(format!("8 0 obj\n{}\nendobj\n", stream("", "(900 AZN) Tj")).bytes());
    let table = prepared.len();
    let old = last_startxref(&base);
    prepared.extend(
        format!("xref\n8 1\n{evil:010} 00000 n \ntrailer\n<</Size 90/Root 1 0 R/Prev ").bytes(),
    );
    // Where the signed revision's table will be is known by signing once for the measure.
    let space = prepared.len();
    prepared.extend(b"0000000000>>\n");
    prepared.extend(format!("startxref\n{old}\n%%EOF\n").bytes());
    let measured = sign(&prepared, None);
    let signed_table = last_startxref(&measured);
    prepared[space..space + 10].copy_from_slice(format!("{signed_table:010}").as_bytes());
    let signed = sign(&prepared, None);
    assert_eq!(last_startxref(&signed), signed_table);
    assert_eq!(judge_first(&signed).indication, "TOTAL-PASSED");
    let led = [
        signed.clone(),
        format!("startxref\n{table}\n%%EOF\n").into_bytes(),
    ]
    .concat();
    let s = judge_first(&led);
    assert_eq!(s.indication, "TOTAL-FAILED", "{s:#?}");
    // With a revision of its own behind, which would hide the octets.
    let filled = text_field("Ad", "b", 13);
    let revised = append(&led, &[(6, &filled)]);
    let s = judge_first(&revised);
    assert_eq!(s.indication, "TOTAL-FAILED", "{s:#?}");
    let reason = "startxref of the signed revision leads to another section";
    let told = s
        .findings
        .iter()
        .any(|f| f.rule == "pdf.revision" && format!("{:?}", f.because).contains(reason));
    assert!(told, "{s:#?}");
    assert!(from < evil);
}

#[test]
fn another_dictionary_than_the_signed_one_fails() {
    // A later revision puts a copy of the dictionary in the field, or writes over it.
    let signed = sign(&file(&[]), None);
    let text = String::from_utf8_lossy(&signed).into_owned();
    let value = text.rsplit("/V ").next().unwrap();
    let number: u32 = value.split(' ').next().unwrap().parse().unwrap();
    let at = place(&signed, number);
    let body = &text[at..];
    let body = body.split_once("obj\n").unwrap().1;
    let body = body.split_once("\nendobj").unwrap().0.to_owned();
    let copy = signature_field("/V 40 0 R");
    for forged in [
        append(&signed, &[(number, &body)]),
        append(&signed, &[(5, &copy), (40, &body)]),
    ] {
        let s = judge_first(&forged);
        assert_eq!(s.indication, "TOTAL-FAILED", "{s:#?}");
        assert_eq!(s.integrity, Integrity::Broken);
    }
    // Nor can an entry give the signed octets another number.
    let entry = Entry {
        number: 40,
        offset: at,
        generation: 0,
        free: false,
    };
    let renamed = append_with(&signed, &[(5, copy)], &[entry], "/Root 1 0 R");
    let error = pades::prepare(&renamed).unwrap_err();
    assert!(error.to_string().contains("leads to object"), "{error}");
}

#[test]
fn inherited_signature_dictionaries_are_paid_for() {
    // Fields inherit one dictionary from their parent: 4 MiB, looked at for each of them.
    let make = |kids: u32| {
        let digits = "0".repeat(4 << 20);
        let list: String = (0..kids).map(|n| format!("{} 0 R ", 100 + n)).collect();
        let parent = format!(
            "<</FT/Sig/T(p)/Kids[{list}]/V<</Type/Sig/SubFilter/adbe.pkcs7.detached/ByteRange[0 1 2 3]/Contents<{digits}>>>>>"
        );
        let mut objects: Vec<(u32, String)> =
            vec![(4, "<</Fields[5 0 R 6 0 R 99 0 R]>>".into()), (99, parent)];
        objects.extend((0..kids).map(|n| (100 + n, format!("<</T(k{n})/Parent 99 0 R>>"))));
        let objects: Vec<(u32, &str)> = objects.iter().map(|(n, o)| (*n, o.as_str())).collect();
        file(&objects)
    };
    // The parent, being typed, is one of the fields.
    let few = pades::prepare(&make(6)).unwrap();
    assert_eq!(few.len(), 7);
    let error = pades::prepare(&make(70)).unwrap_err();
    assert_eq!(error.kind(), PadesErrorKind::Pdf);
    let message = error.to_string();
    assert!(message.contains("more than 268435456 octets"), "{message}");
}

/// Prints how long the signatures of one document take to read and judge; with `--nocapture`.
#[test]
fn time_grows_with_the_number_of_signatures() {
    let mut signed = file(&[]);
    signed = sign(&signed, None);
    let mut times = Vec::new();
    for n in 2..=200 {
        signed = attacks::sign_field(&signed, &format!("Imza{n}"), None);
        if [50, 100, 200].contains(&n) {
            let time = || {
                let started = Instant::now();
                assert_eq!(pades::prepare(&signed).unwrap().len(), n);
                started.elapsed()
            };
            // The best of some, since others use the machine as well.
            let best = (0..5).map(|_| time()).min().unwrap();
            times.push((n, signed.len(), best));
        }
    }
    for (n, octets, time) in &times {
        println!("{n} signatures, {octets} octets: {time:?}");
    }
    // Twice the signatures take about twice the time; four times would be quadratic, which six
    // leaves room for on a busy machine.
    assert!(times[2].2 < times[1].2 * 6, "{times:?}");
}
