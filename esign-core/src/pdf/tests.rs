use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::source::ReadAt;

mod limits;

/// The same octets without `as_slice`, so that the reading in windows is tested too.
struct Windowed<'a>(&'a [u8]);

impl ReadAt for Windowed<'_> {
    fn len(&self) -> u64 {
        ReadAt::len(self.0)
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<usize> {
        ReadAt::read_at(self.0, offset, buf)
    }
}

const CATALOG: &str = "<</Type /Catalog /Pages 2 0 R>>";
const PAGES: &str = "<</Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 10 20]>>";
const PAGE: &str = "<</Type /Page /Parent 2 0 R>>";

/// A file with a classic table; `eol` ends the 18 octets of each entry.
fn classic_with(objects: &[&str], eol: &str, trailer: &str) -> Vec<u8> {
    let mut out = String::from("%PDF-1.7\n");
    let mut table = format!("xref\n0 {}\n0000000000 65535 f{eol}", objects.len() + 1);
    for (i, body) in objects.iter().enumerate() {
        write!(table, "{:010} 00000 n{eol}", out.len()).unwrap();
        write!(out, "{} 0 obj\n{body}\nendobj\n", i + 1).unwrap();
    }
    let at = out.len();
    write!(
        out,
        "{table}trailer\n<</Size {} /Root 1 0 R {trailer}>>\nstartxref\n{at}\n%%EOF\n",
        objects.len() + 1
    )
    .unwrap();
    out.into_bytes()
}

fn classic(more: &[&str]) -> Vec<u8> {
    classic_with(&[&[CATALOG, PAGES, PAGE], more].concat(), " \n", "")
}

/// Catalog and pages in an object stream, a cross-reference stream with PNG-up prediction.
fn modern(compressed: bool) -> Vec<u8> {
    let members = format!("{CATALOG} {PAGES} {PAGE}");
    let pages_at = CATALOG.len() + 1;
    let header = format!("1 0 2 {pages_at} 3 {} ", pages_at + PAGES.len() + 1);
    let data = format!("{header}{members}");
    let mut out = b"%PDF-1.5\n".to_vec();
    let stream_at = out.len();
    out.extend(
        format!(
            "4 0 obj\n<</Type /ObjStm /N 3 /First {} /Length {}>>\nstream\n{data}\nendstream\nendobj\n",
            header.len(),
            data.len()
        )
        .bytes(),
    );
    let at = out.len();
    let place = |n: usize| u16::try_from(n).unwrap().to_be_bytes();
    let rows = [
        [0, 0, 0, 255],
        [2, 0, 4, 0],
        [2, 0, 4, 1],
        [2, 0, 4, 2],
        [1, place(stream_at)[0], place(stream_at)[1], 0],
        [1, place(at)[0], place(at)[1], 0],
    ];
    let (body, filter) = if compressed {
        let mut predicted = Vec::new();
        let mut above = [0u8; 4];
        for row in rows {
            predicted.push(2);
            predicted.extend(row.iter().zip(above).map(|(a, b)| a.wrapping_sub(b)));
            above = row;
        }
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, &predicted).unwrap();
        (
            encoder.finish().unwrap(),
            "/Filter /FlateDecode /DecodeParms <</Predictor 12 /Columns 4>>",
        )
    } else {
        (rows.concat(), "")
    };
    out.extend(
        format!(
            "5 0 obj\n<</Type /XRef /Size 6 /W [1 2 1] /Root 1 0 R {filter} /Length {}>>\nstream\n",
            body.len()
        )
        .bytes(),
    );
    out.extend(body);
    out.extend(format!("\nendstream\nendobj\nstartxref\n{at}\n%%EOF\n").bytes());
    out
}

/// A hybrid file (§7.5.8.4): object 4 stands in the table as an entry of `kind`, and in the
/// stream, object 5, at another place.
fn hybrid(kind: char) -> Vec<u8> {
    let mut out = classic(&["(table)"]);
    let table = out.windows(6).rposition(|w| w == b"\nxref\n").unwrap() + 1;
    out.truncate(table);
    let other = out.len();
    out.extend(b"4 0 obj\n(stream)\nendobj\n");
    let stream = out.len();
    let [high, low] = u16::try_from(other).unwrap().to_be_bytes();
    out.extend(b"5 0 obj\n<</Type/XRef/Size 6/W[1 2 1]/Index[4 1]/Root 1 0 R/Length 4>>\nstream\n");
    out.extend([1, high, low, 0]);
    out.extend(b"\nendstream\nendobj\n");
    let whole = classic_with(
        &[CATALOG, PAGES, PAGE, "(table)"],
        " \n",
        &format!("/XRefStm {stream}"),
    );
    let at = out.len();
    let tail = String::from_utf8(whole[table..].to_vec()).unwrap();
    let tail = tail.replace(
        &format!("startxref\n{table}\n"),
        &format!("startxref\n{at}\n"),
    );
    let (entries, trailer) = tail.split_once("trailer").unwrap();
    let (entries, last) = entries.trim_end().rsplit_once('\n').unwrap();
    let last = match kind {
        'n' => last.trim_end().to_owned(),
        _ => format!("0000000000 00000 {kind}"),
    };
    out.extend(format!("{entries}\n{last} \ntrailer{trailer}").bytes());
    out
}

fn replaced(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    let at = bytes
        .windows(from.len())
        .rposition(|w| w == from.as_bytes())
        .expect(from);
    [&bytes[..at], to.as_bytes(), &bytes[at + from.len()..]].concat()
}

/// Reads everything there is; the deviations by id.
fn read_all(bytes: &[u8]) -> Result<Vec<&'static str>, PdfError> {
    let document = Document::open(&bytes)?;
    let windowed = Windowed(bytes);
    let other = Document::open(&windowed)?;
    for number in 0..document.size().min(50) {
        let found = document.current().object(number)?;
        let again = other.current().object(number)?;
        assert_eq!(format!("{found:?}"), format!("{again:?}"));
        if let Some(Object::Stream(stream)) = found.map(|f| f.object) {
            document.current().stream_data(&stream, 1 << 20)?;
        }
    }
    document.current().page_count()?;
    Ok(document.deviations().iter().map(|d| d.kind.id()).collect())
}

#[test]
fn forms_are_read_without_deviation() {
    for (name, bytes) in [
        ("7.5.4 table", classic(&[])),
        (
            "7.5.4 table, CR LF",
            classic_with(&[CATALOG, PAGES, PAGE], "\r\n", ""),
        ),
        ("7.5.8 stream", modern(false)),
        ("7.5.8 stream, predictor", modern(true)),
        ("7.5.8.4 hybrid", hybrid('f')),
    ] {
        assert_eq!(read_all(&bytes).expect(name), Vec::<&str>::new(), "{name}");
        let source = &bytes[..];
        let document = Document::open(&source).unwrap();
        assert_eq!(
            document.revisions()[0].end(),
            Some(ReadAt::len(&bytes)),
            "{name}"
        );
        let page = document.current().page(0).unwrap();
        assert_eq!(
            page.attribute("MediaBox")
                .unwrap()
                .as_array()
                .unwrap()
                .len(),
            4
        );
        assert_eq!(
            document.current().page(1).unwrap_err().kind(),
            PdfErrorKind::Misuse
        );
    }
}

#[test]
fn deviations_are_named() {
    let plain = classic(&[]);
    let junk = [b"junk\n".as_slice(), &plain].concat();
    let startxref = String::from_utf8(plain.clone()).unwrap();
    let at: usize = startxref.rsplit('\n').nth(2).unwrap().parse().unwrap();
    let stream = |head: &str| classic(&[head]);
    for (id, bytes) in [
        ("pdf.junk-before-header", junk.clone()),
        ("pdf.hybrid-conflict", hybrid('n')),
        ("pdf.offsets-from-file-start", {
            let moved = classic_with(&[CATALOG, PAGES, PAGE], " \n", "");
            // Junk of a header's length in place of a comment would shift nothing.
            let mut bytes = b"%junk---".to_vec();
            bytes.push(b'\n');
            bytes.extend(replaced(&moved, "%PDF-1.7\n", ""));
            let cut = bytes.len();
            bytes.truncate(cut);
            replaced(&bytes, "%junk---\n", " %PDF-17\n")
        }),
        ("pdf.junk-after-eof", [&plain[..], b"<html>"].concat()),
        ("pdf.eof-missing", replaced(&plain, "%%EOF\n", "")),
        (
            "pdf.startxref-inexact",
            replaced(&plain, &format!("\n{at}\n"), &format!("\n{}\n", at - 3)),
        ),
        (
            "pdf.revision-startxref",
            replaced(&plain, &format!("\n{at}\n"), &format!("\n{}\n", at - 3)),
        ),
        (
            "pdf.xref-entry-form",
            classic_with(&[CATALOG, PAGES, PAGE], "\n", ""),
        ),
        (
            "pdf.xref-entry-form",
            classic_with(&[CATALOG, PAGES, PAGE], "  \n", ""),
        ),
        (
            "pdf.xref-first-object",
            replaced(&plain, "xref\n0 4", "xref\n1 4"),
        ),
        (
            "pdf.endobj-missing",
            replaced(&plain, "endobj\nxref", "\nxref"),
        ),
        ("pdf.duplicate-key", stream("<</A 1 /A 2>>")),
        ("pdf.name-escape", stream("/A#zz")),
        ("pdf.hex-character", stream("<0g>")),
        ("pdf.page-count", replaced(&plain, "/Count 1", "/Count 7")),
        (
            "pdf.page-type",
            replaced(&plain, "/Type /Page ", "/Type /Pago "),
        ),
        (
            "pdf.prev-invalid",
            classic_with(&[CATALOG, PAGES, PAGE], " \n", "/Prev 0"),
        ),
        ("pdf.size-too-small", replaced(&plain, "/Size 4", "/Size 3")),
        (
            "pdf.stream-eol",
            stream("<</Length 2>>\nstream\rab\nendstream"),
        ),
        (
            "pdf.stream-length",
            stream("<</Length 9>>\nstream\nab\nendstream"),
        ),
        (
            "pdf.flate-truncated",
            stream(
                "<</Length 7 /Filter /FlateDecode>>\nstream\n\x78\x01\x4b\x4c\x4a\x4e\x01\nendstream",
            ),
        ),
        (
            "pdf.generation-mismatch",
            replaced(&plain, "3 0 obj", "3 1 obj"),
        ),
        (
            "pdf.object-offset",
            replaced(&plain, "3 0 obj", "\n3 0 obj").to_vec(),
        ),
        ("pdf.xref-entry-offset", {
            let extra = classic(&["null"]);
            let text = String::from_utf8(extra.clone()).unwrap();
            let entry = text
                .lines()
                .rfind(|l| l.ends_with(" n "))
                .unwrap()
                .to_owned();
            replaced(&extra, &entry, "0000000000 00000 n ")
        }),
        (
            "pdf.duplicate-xref-entry",
            replaced(&plain, "trailer", "3 1\n0000000009 00000 n \ntrailer"),
        ),
    ] {
        match read_all(&bytes) {
            Ok(found) => assert!(found.contains(&id), "{id}: {found:?}"),
            Err(error) => panic!("{id}: {error}"),
        }
    }
}

#[test]
fn the_table_of_a_hybrid_file_goes_before_its_stream() {
    for (kind, value) in [('n', "table"), ('f', "stream")] {
        let bytes = hybrid(kind);
        let source = &bytes[..];
        let document = Document::open(&source).unwrap();
        let found = document.current().object(4).unwrap().unwrap().object;
        assert_eq!(found, Object::literal(value.as_bytes()), "{kind}");
        let conflict = |d: &Deviation| d.kind == DeviationKind::HybridConflict;
        assert_eq!(document.deviations().iter().any(conflict), kind == 'n');
    }
}

#[test]
fn broken_files_are_refused() {
    let plain = classic(&[]);
    let kind = |bytes: &[u8]| read_all(bytes).unwrap_err().kind();
    for (name, expected, bytes) in [
        ("empty", PdfErrorKind::NotPdf, Vec::new()),
        ("random", PdfErrorKind::NotPdf, vec![0x5a; 5000]),
        ("no startxref", PdfErrorKind::Broken, b"%PDF-1.7\n".to_vec()),
        (
            "truncated",
            PdfErrorKind::Broken,
            plain[..plain.len() / 2].to_vec(),
        ),
        (
            "no root",
            PdfErrorKind::Broken,
            replaced(&plain, "/Root 1 0 R", ""),
        ),
        (
            "wrong object",
            PdfErrorKind::Broken,
            replaced(&plain, "3 0 obj", "9 0 obj"),
        ),
        (
            "huge count",
            PdfErrorKind::Broken,
            replaced(&plain, "xref\n0 4", "xref\n0 8000000"),
        ),
        (
            "object number",
            PdfErrorKind::Limit,
            replaced(&plain, "xref\n0 4", "xref\n0 4000000000"),
        ),
        (
            "page twice",
            PdfErrorKind::Broken,
            replaced(&plain, "[3 0 R]", "[3 0 R 3 0 R]"),
        ),
        (
            "page cycle",
            PdfErrorKind::Broken,
            replaced(&plain, "[3 0 R]", "[2 0 R]"),
        ),
        (
            "length of itself",
            PdfErrorKind::Limit,
            classic(&["<</Length 4 0 R>>\nstream\nab\nendstream"]),
        ),
        (
            "no endstream",
            PdfErrorKind::Broken,
            classic(&["<</Length 1>>\nstream\na"]),
        ),
        (
            "filter",
            PdfErrorKind::Unsupported,
            classic(&["<</Length 1 /Filter /JPXDecode>>\nstream\na\nendstream"]),
        ),
    ] {
        assert_eq!(kind(&bytes), expected, "{name}");
    }
    let at = plain.windows(5).rposition(|w| w == b"xref\n").unwrap();
    let at = plain[..at]
        .windows(5)
        .rposition(|w| w == b"xref\n")
        .unwrap_or(at);
    let looped = classic_with(&[CATALOG, PAGES, PAGE], " \n", &format!("/Prev {at}"));
    assert_eq!(kind(&looped), PdfErrorKind::Broken);
}

#[test]
fn updates_keep_the_form_and_the_past() {
    for (form, original) in [
        (XrefForm::Table, classic(&[])),
        (XrefForm::Stream, modern(true)),
        (
            XrefForm::Table,
            [b"junk\n".as_slice(), &classic(&[])].concat(),
        ),
    ] {
        let source = &original[..];
        let document = Document::open(&source).unwrap();
        let mut update = Update::new(&document).unwrap();
        let raw = update.allocate().unwrap();
        update
            .put_raw(raw, b"<</Contents <00> >>".to_vec())
            .unwrap();
        let mut catalog = document.current().catalog().unwrap();
        catalog.set("Extra", raw);
        let root = document.current().root().unwrap();
        update.put(root, &catalog.clone().into()).unwrap();
        let stranger = Reference {
            number: 999,
            generation: 0,
        };
        assert_eq!(
            update.put(stranger, &Object::Null).unwrap_err().kind(),
            PdfErrorKind::Misuse
        );
        let mut appended = update.finish(b"new").unwrap();
        let place = appended.placed(raw).unwrap();
        let digits = place.start + 13..place.start + 15;
        assert_eq!(appended.at_mut(digits.clone()).unwrap(), b"00");
        appended.at_mut(digits).unwrap().copy_from_slice(b"7f");
        let bytes = [&original[..], &appended.bytes].concat();
        let source = &bytes[..];
        let changed = Document::open(&source).unwrap();
        assert_eq!(changed.xref_form(), form);
        assert_eq!(changed.revisions().len(), 2);
        assert_eq!(changed.revision_ending_at(ReadAt::len(&original)), Some(0));
        assert_eq!(changed.revision_ending_at(ReadAt::len(&bytes)), Some(1));
        assert_eq!(changed.current().catalog().unwrap(), catalog);
        let before = changed.at(0).unwrap();
        assert!(before.catalog().unwrap().get("Extra").is_none());
        assert_eq!(
            before.object(raw.number).unwrap().map(|o| o.reference),
            None
        );
        let object = changed
            .current()
            .object(raw.number)
            .unwrap()
            .unwrap()
            .object;
        let dict = object.as_dict().unwrap();
        assert_eq!(dict.get("Contents"), Some(&Object::hex([0x7f])));
        let span = dict.span("Contents").unwrap();
        assert_eq!(
            &*changed.fetch(span.start, span.end - span.start).unwrap(),
            b"<7f>"
        );
        let changes = changed.changes(1);
        assert!(changes.contains(&Change {
            number: 1,
            kind: ChangeKind::Changed
        }));
        assert!(changes.contains(&Change {
            number: raw.number,
            kind: ChangeKind::Added
        }));
    }
}

#[test]
fn encrypted_files_are_told_and_not_continued() {
    let bytes = classic_with(
        &[CATALOG, PAGES, PAGE],
        " \n",
        "/Encrypt <</Filter /Standard>>",
    );
    let source = &bytes[..];
    let document = Document::open(&source).unwrap();
    assert!(document.encrypted());
    assert!(matches!(Update::new(&document), Err(e) if e.kind() == PdfErrorKind::Unsupported));
}

#[test]
fn values_are_written_as_they_are_read() {
    for (text, written) in [
        ("(a\\(b\\051\\\r\nc\\r\\101)", "(a\\(b\\)c\\rA)"),
        ("<4 1 5>", "<4150>"),
        ("/A#20B#2f", "/A#20B#2f"),
        (
            "[1 -2 +3 .5 -.25 4. 1 0 R 7]",
            "[1 -2 3 0.5 -0.25 4 1 0 R 7]",
        ),
        ("<</A true/B[null false]>>", "<</A true/B [null false]>>"),
    ] {
        let bytes = classic(&[text]);
        let source = &bytes[..];
        let document = Document::open(&source).unwrap();
        let object = document.current().object(4).unwrap().unwrap().object;
        let mut out = Vec::new();
        write_object(&mut out, &object);
        assert_eq!(String::from_utf8(out).unwrap(), written);
    }
}

proptest! {
    #[test]
    fn mutated_files_never_panic(
        form in 0..3usize,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = match form {
            0 => classic(&["<</Length 2>>\nstream\nab\nendstream", "(text)"]),
            1 => modern(false),
            _ => modern(true),
        };
        for (place, octet) in edits {
            let at = place.index(bytes.len());
            bytes[at] = octet;
        }
        if cut.index(4) == 0 {
            bytes.truncate(cut.index(bytes.len()));
        }
        let source = &bytes[..];
        if let Ok(document) = Document::open(&source) {
            for number in 0..document.size().min(20) {
                if let Ok(Some(found)) = document.current().object(number)
                    && let Object::Stream(stream) = found.object
                {
                    let _ = document.current().stream_data(&stream, 1 << 16);
                }
            }
            let _ = document.current().page_count();
            for revision in 0..document.revisions().len() {
                document.changes(revision);
            }
        }
    }
}
