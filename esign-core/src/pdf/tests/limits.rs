//! Each limit is reached exactly, which is read, and passed by one, which is refused in words.

use super::super::limits::*;
use super::*;

fn wide(n: usize) -> u64 {
    u64::try_from(n).unwrap()
}

/// The error is of the family `Limit` and says these words.
fn refused<T: std::fmt::Debug>(result: Result<T, PdfError>, words: &[&str]) {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), PdfErrorKind::Limit, "{error}");
    let text = error.to_string();
    for word in words {
        assert!(text.contains(word), "{text}: no {word:?}");
    }
}

/// The object of this number alone, both from memory and through windows.
fn object(bytes: &[u8], number: u32) -> Result<Option<Object>, PdfError> {
    let windowed = Windowed(bytes);
    let windowed = Document::open(&windowed)?;
    let result = windowed.current().object(number)?.map(|o| o.object);
    let whole = Document::open(&bytes)?;
    assert_eq!(whole.current().object(number)?.map(|o| o.object), result);
    Ok(result)
}

/// A file that is one cross-reference stream with rows of one octet each: all objects are free.
fn with_rows(rows: usize, index: &str, filtered: bool) -> Vec<u8> {
    let mut out = b"%PDF-1.5\n".to_vec();
    let at = out.len();
    let (body, filter) = if filtered {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, &vec![0; rows]).unwrap();
        (encoder.finish().unwrap(), "/Filter/FlateDecode")
    } else {
        (vec![0; rows], "")
    };
    out.extend(
        format!(
            "1 0 obj\n<</Type/XRef/Size 1/W[1 0 0]/Index[{index}]/Root 1 0 R{filter}/Length {}>>\nstream\n",
            body.len()
        )
        .bytes(),
    );
    out.extend(body);
    out.extend(format!("\nendstream\nendobj\nstartxref\n{at}\n%%EOF\n").bytes());
    out
}

#[test]
fn nesting() {
    for (open, close) in [("[", "]"), ("<</A ", ">>")] {
        let nested = |n: u32| {
            let n = usize::try_from(n).unwrap();
            classic(&[&format!("{}0{}", open.repeat(n), close.repeat(n))])
        };
        assert!(object(&nested(MAX_NESTING), 4).is_ok());
        refused(
            object(&nested(MAX_NESTING + 1), 4),
            &["object 4", "more than 100 arrays"],
        );
    }
}

#[test]
fn values_of_an_object() {
    let values = |n: u32| {
        // The array is a value itself.
        let n = usize::try_from(n - 1).unwrap();
        classic(&[&format!("[{}]", "0 ".repeat(n))])
    };
    assert!(object(&values(MAX_OBJECT_VALUES), 4).is_ok());
    refused(
        object(&values(MAX_OBJECT_VALUES + 1), 4),
        &["object 4", "more than 1048576 values"],
    );
}

#[test]
fn octets_of_an_object() {
    let file = |octets: u64| {
        let frame = "4 0 obj\n<>\nendobj".len();
        let digits = usize::try_from(octets).unwrap() - frame;
        // What follows keeps the end of the file out of the window.
        let rest = format!("({})", "x".repeat(1 << 17));
        classic(&[&format!("<{}>", "0".repeat(digits)), &rest])
    };
    assert!(object(&file(MAX_OBJECT_BYTES), 4).is_ok());
    refused(
        object(&file(MAX_OBJECT_BYTES + 1), 4),
        &["object 4", "more than 33554432 octets"],
    );
}

#[test]
fn octets_of_an_object_stream() {
    let file = |octets: usize| {
        let data = format!("6 0 {}", "0".repeat(octets - 4));
        let stream = format!(
            "<</Type/ObjStm/N 1/First 4/Length {}>>\nstream\n{data}\nendstream",
            data.len()
        );
        // Object 4 is the stream; 5 becomes its member by a stream of entries.
        let mut out = classic(&[&stream]);
        let previous = out.windows(6).rposition(|w| w == b"\nxref\n").unwrap() + 1;
        let at = out.len();
        out.extend(
            format!(
                "7 0 obj\n<</Type/XRef/Size 8/W[1 1 1]/Index[6 1]/Root 1 0 R/Prev {previous}/Length 3>>\nstream\n\x02\x04\x00\nendstream\nendobj\nstartxref\n{at}\n%%EOF\n"
            )
            .bytes(),
        );
        out
    };
    let found = object(&file(MAX_OBJECT_STREAM), 6).unwrap();
    assert_eq!(found, Some(Object::Integer(0)));
    refused(
        object(&file(MAX_OBJECT_STREAM + 1), 6),
        &["object 4", "more than 16777216 octets"],
    );
}

#[test]
fn octets_of_a_cross_reference_stream() {
    let bytes = with_rows(MAX_XREF_STREAM, "0 9", false);
    assert!(Document::open(&&bytes[..]).is_ok());
    drop(bytes);
    let bytes = with_rows(MAX_XREF_STREAM + 1, "0 9", false);
    refused(
        Document::open(&&bytes[..]).map(|d| d.size()),
        &["object 1", "more than 134217728 octets"],
    );
    drop(bytes);
    // A bomb of 128 KiB.
    let bytes = with_rows(MAX_XREF_STREAM + 1, "0 9", true);
    assert!(bytes.len() < 1 << 20);
    refused(
        Document::open(&&bytes[..]).map(|d| d.size()),
        &["object 1", "more than 134217728 octets"],
    );
}

/// An older section as [`with_rows`] makes it, and a newer one of this index.
fn with_two_sections(half: usize, index: &str) -> Vec<u8> {
    let mut bytes = with_rows(half, &format!("0 {half}"), true);
    let older = b"%PDF-1.5\n".len();
    let at = bytes.len();
    let newer = with_rows(half, index, true);
    let newer = &newer[older..newer.len() - b"startxref\n9\n%%EOF\n".len()];
    bytes.extend(replaced(newer, "/Length", &format!("/Prev {older}/Length")));
    bytes.extend(format!("startxref\n{at}\n%%EOF\n").bytes());
    bytes
}

#[test]
fn entries_of_all_sections() {
    let half = MAX_ENTRIES / 2;
    let bytes = with_two_sections(half, &format!("0 {half}"));
    assert!(bytes.len() < 1 << 20);
    let size = Document::open(&&bytes[..]).map(|d| d.size());
    assert_eq!(size.unwrap(), MAX_OBJECT_NUMBER + 1);
    // Refused as they are announced, before any of them is kept.
    let words = ["16777217 cross-reference entries", "at most 16777216"];
    let bytes = with_rows(MAX_ENTRIES + 1, &format!("0 {half} 0 {half} 0 1"), true);
    refused(Document::open(&&bytes[..]).map(|d| d.size()), &words);
    let mut bytes = with_rows(MAX_ENTRIES, &format!("0 {half} 0 {half}"), true);
    let older = b"%PDF-1.5\n".len();
    let at = bytes.len();
    bytes.extend(
        format!(
            "xref\n0 1\n0000000000 65535 f \ntrailer\n<</Size 1/Root 1 0 R/Prev {older}>>\n\
             startxref\n{at}\n%%EOF\n"
        )
        .bytes(),
    );
    refused(Document::open(&&bytes[..]).map(|d| d.size()), &words);
}

#[test]
fn object_numbers() {
    let plain = classic(&[]);
    let table = |number: u32| {
        replaced(
            &plain,
            "trailer",
            &format!("{number} 1\n0000000009 00000 n \ntrailer"),
        )
    };
    let opened = |bytes: &[u8]| Document::open(&bytes).map(|d| d.size());
    assert_eq!(
        opened(&table(MAX_OBJECT_NUMBER)).unwrap(),
        MAX_OBJECT_NUMBER + 1
    );
    refused(
        opened(&table(MAX_OBJECT_NUMBER + 1)),
        &["objects 8388608 to 8388608", "at most 8388607"],
    );
    let size = |n: u32| replaced(&plain, "/Size 4", &format!("/Size {n}"));
    assert!(opened(&size(MAX_OBJECT_NUMBER + 1)).is_ok());
    refused(
        opened(&size(MAX_OBJECT_NUMBER + 2)),
        &["/Size is 8388609", "at most 8388608"],
    );
}

#[test]
fn sections() {
    let chain = |sections: usize| {
        let mut out = b"%PDF-1.7\n".to_vec();
        let mut previous = String::new();
        let mut last = 0;
        for _ in 0..sections {
            last = out.len();
            out.extend(format!("xref\n0 0\ntrailer\n<</Size 1/Root 1 0 R{previous}>>\n").bytes());
            previous = format!("/Prev {last}");
        }
        out.extend(format!("startxref\n{last}\n%%EOF\n").bytes());
        out
    };
    assert!(Document::open(&&chain(MAX_SECTIONS)[..]).is_ok());
    refused(
        Document::open(&&chain(MAX_SECTIONS + 1)[..]).map(|d| d.size()),
        &["more than 4096 cross-reference sections"],
    );
}

#[test]
fn indirection() {
    // Objects 4 to n + 3, each a reference to the next, the last one a value.
    let row = |references: u32| {
        let mut objects: Vec<String> = (0..references - 1)
            .map(|i| format!("{} 0 R", i + 5))
            .collect();
        objects.push("7".to_owned());
        let objects: Vec<&str> = objects.iter().map(String::as_str).collect();
        let bytes = classic(&objects);
        let source = &bytes[..];
        let document = Document::open(&source).unwrap();
        let first = Reference {
            number: 4,
            generation: 0,
        };
        document.current().follow(first)
    };
    assert_eq!(row(MAX_INDIRECTION).unwrap(), Object::Integer(7));
    refused(
        row(MAX_INDIRECTION + 1),
        &["object 20", "more than 16 references in a row"],
    );
    // The length of a stream that is the length of a stream, and so on.
    let streams = |n: u32| {
        let mut objects: Vec<String> = (0..n)
            .map(|i| format!("<</Length {} 0 R>>\nstream\n\nendstream", i + 5))
            .collect();
        objects.push("0".to_owned());
        let objects: Vec<&str> = objects.iter().map(String::as_str).collect();
        let bytes = classic(&objects);
        object(&bytes, 4)
    };
    assert!(streams(MAX_INDIRECTION).is_ok());
    refused(
        streams(MAX_INDIRECTION + 1),
        &["more than 16 objects are needed"],
    );
    let circle = classic(&["5 0 R", "4 0 R"]);
    let source = &circle[..];
    let document = Document::open(&source).unwrap();
    let first = Reference {
        number: 4,
        generation: 0,
    };
    refused(document.current().follow(first), &["references in a row"]);
}

#[test]
fn depth_of_the_page_tree() {
    let count = |nodes: usize| {
        let mut objects = vec![CATALOG.to_owned()];
        objects.extend((0..nodes).map(|i| format!("<</Type/Pages/Count 1/Kids[{} 0 R]>>", i + 3)));
        objects.push("<</Type/Page>>".to_owned());
        let objects: Vec<&str> = objects.iter().map(String::as_str).collect();
        let bytes = classic_with(&objects, " \n", "");
        Document::open(&&bytes[..]).unwrap().current().page_count()
    };
    assert_eq!(count(MAX_PAGE_DEPTH).unwrap(), 1);
    refused(count(MAX_PAGE_DEPTH + 1), &["256"]);
}

#[test]
fn filters() {
    let filtered = |n: usize| {
        let names = "/AHx ".repeat(n);
        read_all(&classic(&[&format!(
            "<</Length 1 /Filter [{names}]>>\nstream\n>\nendstream"
        )]))
    };
    assert!(filtered(MAX_FILTERS).is_ok());
    refused(filtered(MAX_FILTERS + 1), &["more than 8 filters"]);
}

#[test]
fn deviations_kept() {
    let noted = |n: usize| {
        let bytes = classic(&[&format!("[{}]", "<</A 1/A 2>>".repeat(n))]);
        let source = &bytes[..];
        let document = Document::open(&source).unwrap();
        document.current().object(4).unwrap().unwrap();
        (document.deviations().len(), document.deviations_dropped())
    };
    assert_eq!(noted(MAX_DEVIATIONS), (MAX_DEVIATIONS, 0));
    assert_eq!(noted(MAX_DEVIATIONS + 1), (MAX_DEVIATIONS, 1));
}

#[test]
fn places_that_are_searched() {
    // `%PDF-` may end with the last octet that is searched.
    let junk = |n: u64| [vec![b'\n'; usize::try_from(n).unwrap()], classic(&[])].concat();
    assert!(read_all(&junk(HEADER_SEARCH - 5)).is_ok());
    let error = read_all(&junk(HEADER_SEARCH - 4)).unwrap_err();
    assert_eq!(error.kind(), PdfErrorKind::NotPdf);
    assert!(error.to_string().contains("first 1024 octets"), "{error}");
    let plain = classic(&[]);
    let keyword = plain.windows(9).rposition(|w| w == b"startxref").unwrap();
    let tail = plain.len() - keyword;
    let padded = |n: usize| [&plain[..], &vec![b'\n'; n]].concat();
    let room = usize::try_from(TRAILER_SEARCH).unwrap() - tail;
    assert!(read_all(&padded(room)).is_ok());
    let error = read_all(&padded(room + 1)).unwrap_err();
    assert!(error.to_string().contains("last 4096 octets"), "{error}");
    let at: usize = core::str::from_utf8(&plain[keyword + 10..])
        .unwrap()
        .lines()
        .next()
        .unwrap()
        .parse()
        .unwrap();
    let moved = |by: u64| {
        let wrong = u64::try_from(at).unwrap() - by;
        replaced(&plain, &format!("\n{at}\n"), &format!("\n{wrong}\n"))
    };
    // The keyword has to stand within the window.
    assert!(read_all(&moved(STARTXREF_SLACK - 4)).is_ok());
    let error = read_all(&moved(STARTXREF_SLACK + 1)).unwrap_err();
    assert_eq!(error.kind(), PdfErrorKind::Broken);
}

#[test]
fn searches_for_endstream() {
    // A wrong /Length makes the whole stream be searched, each time it is asked for.
    let bytes = classic(&[&format!(
        "<</Length 1>>\nstream\n{}\nendstream",
        "x".repeat(1 << 20)
    )]);
    let source = &bytes[..];
    let document = Document::open(&source).unwrap();
    let budget = SEARCH_BUDGET + 4 * wide(bytes.len());
    let times = usize::try_from(budget / (1 << 20)).unwrap();
    let mut answers = (0..times + 1).map(|_| document.current().object(4));
    assert!(answers.by_ref().take(times).all(|a| a.is_ok()));
    refused(answers.next().unwrap(), &["object 4", "wrong /Length"]);
}

#[test]
fn decoded_data() {
    // A bomb: the limit is the caller's.
    let bytes = classic(&[]);
    let source = &bytes[..];
    let document = Document::open(&source).unwrap();
    let mut update = Update::new(&document).unwrap();
    let bomb = update
        .add_stream(Dict::new(), &vec![0; 1 << 20], Compression::Flate)
        .unwrap();
    let appended = update.finish(b"id").unwrap();
    let bytes = [&bytes[..], &appended.bytes].concat();
    let source = &bytes[..];
    let document = Document::open(&source).unwrap();
    let found = document.current().follow(bomb).unwrap();
    let stream = found.as_stream().unwrap();
    let data = |limit: usize| document.current().stream_data(stream, limit);
    assert_eq!(data(1 << 20).unwrap().len(), 1 << 20);
    refused(data((1 << 20) - 1), &["more than 1048575 octets"]);
}
