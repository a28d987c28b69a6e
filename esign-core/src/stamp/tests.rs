use super::*;
use crate::pdf::PdfErrorKind;

fn content() -> Content {
    Content {
        code: "0123-4567-89AB-CDEF-2NBK".to_owned(),
        qr: vec![
            QrPiece::Alphanumeric("HTTPS://YOXLA.EXAMPLE/".to_owned()),
            QrPiece::Bytes("#".to_owned()),
            QrPiece::Digits("0123456789".repeat(62)),
        ],
        address: "yoxla.example".to_owned(),
        lines: vec![
            "Yalnız bu ünvanda yoxlayın, ünvanı özünüz yazın (ƏəİıĞğŞşÇçÖöÜü):".to_owned(),
            "Check only at this address, type it yourself:".to_owned(),
        ],
        test: true,
    }
}

fn stamped(file: &[u8], content: &Content, placement: &Placement) -> Result<Vec<u8>, StampError> {
    let document = Document::open(&file)?;
    let done = stamp(&document, content, placement)?;
    Ok([file, &done.bytes].concat())
}

/// A file of one page with these entries in its dictionary.
fn one_page(entries: &str) -> Vec<u8> {
    many_pages(entries, 1)
}

fn many_pages(entries: &str, count: usize) -> Vec<u8> {
    let mut objects = vec!["<</Type/Catalog/Pages 2 0 R>>".to_owned()];
    let kids: Vec<String> = (0..count).map(|n| format!("{} 0 R", n + 3)).collect();
    objects.push(format!(
        "<</Type/Pages/Count {count}/Kids[{}]>>",
        kids.join(" ")
    ));
    objects.extend((0..count).map(|_| format!("<</Type/Page/Parent 2 0 R {entries}>>")));
    assemble(&objects)
}

fn assemble(objects: &[String]) -> Vec<u8> {
    let mut out = b"%PDF-1.7\n".to_vec();
    let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for (n, body) in objects.iter().enumerate() {
        table += &format!("{:010} 00000 n \n", out.len());
        out.extend(format!("{} 0 obj\n{body}\nendobj\n", n + 1).into_bytes());
    }
    let at = out.len();
    let size = objects.len() + 1;
    out.extend(
        format!("{table}trailer\n<</Size {size}/Root 1 0 R>>\nstartxref\n{at}\n%%EOF\n")
            .into_bytes(),
    );
    out
}

fn refusal(entries: &str) -> StampError {
    stamped(&one_page(entries), &content(), &Placement::default()).unwrap_err()
}

#[test]
fn every_fixture_is_stamped_or_refused_for_its_reason() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../test-vectors/pdf");
    let (mut done, mut signed, mut encrypted) = (0, 0, 0);
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "pdf") {
            continue;
        }
        let file = std::fs::read(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        let placement = Placement {
            pages: PageChoice::Every,
            ..Placement::default()
        };
        match stamped(&file, &content(), &placement) {
            Ok(new) => {
                done += 1;
                assert!(new.starts_with(&file), "{name}");
                let slice = new.as_slice();
                let document = Document::open(&slice).unwrap();
                let old = Document::open(&file)
                    .map(|d| d.current().page_count().unwrap())
                    .unwrap();
                let mut count = 0;
                for page in document.current().pages() {
                    let page = page.unwrap();
                    count += 1;
                    let resources = document.current().value(&page.dict, "Resources").unwrap();
                    let objects = resources.as_dict().unwrap().get("XObject").unwrap().clone();
                    assert!(
                        objects.as_dict().unwrap().get("EsignStamp0").is_some(),
                        "{name}"
                    );
                }
                assert_eq!(count, old, "{name}");
                if let Ok(out) = std::env::var("STAMP_OUT") {
                    std::fs::write(format!("{out}/{name}"), &new).unwrap();
                }
            }
            Err(StampError::Signed { .. }) => {
                signed += 1;
                assert!(
                    name.starts_with("signed") || name.starts_with("certified"),
                    "{name}"
                );
            }
            Err(StampError::Encrypted) => {
                encrypted += 1;
                assert!(name.contains("encrypted"), "{name}");
            }
            // Its page is 16.9 × 12.7 mm.
            Err(StampError::NoRoom { .. }) => assert_eq!(name, "img2pdf.pdf"),
            Err(other) => panic!("{name}: {other}"),
        }
    }
    assert!(
        done >= 25 && signed >= 8 && encrypted == 2,
        "{done} {signed} {encrypted}"
    );
}

#[test]
fn what_a_page_lacks_is_told() {
    assert_eq!(refusal("").to_string(), "page 1: there is no /MediaBox");
    assert!(matches!(
        refusal("/MediaBox[0 0 0 0]"),
        StampError::NoRoom { page: 1, .. }
    ));
    assert!(matches!(
        refusal("/MediaBox[0 0 100 100]"),
        StampError::NoRoom { .. }
    ));
    assert!(matches!(
        refusal("/MediaBox[0 0 600 800]/CropBox[700 0 900 800]"),
        StampError::NoRoom { .. }
    ));
    for entries in [
        "/MediaBox 7",
        "/MediaBox[0 0 600]",
        "/MediaBox[0 0 600 /x]",
        "/MediaBox[0 0 600 800]/Rotate 45",
        "/MediaBox[0 0 600 800]/UserUnit 0",
        "/MediaBox[0 0 600 800]/UserUnit 75000.5",
        "/MediaBox[0 0 600 800]/Resources 7",
        "/MediaBox[0 0 600 800]/Resources<</XObject 7>>",
        "/MediaBox[0 0 600 800]/Contents 7",
    ] {
        assert!(
            matches!(refusal(entries), StampError::Page { page: 1, .. }),
            "{entries}"
        );
    }
}

#[test]
fn a_page_that_is_not_there_is_refused() {
    let file = one_page("/MediaBox[0 0 600 800]");
    for (number, misuse) in [(0, false), (2, true), (usize::MAX, true)] {
        let pages = PageChoice::Number(number);
        let placement = Placement {
            pages,
            ..Placement::default()
        };
        match stamped(&file, &content(), &placement).unwrap_err() {
            StampError::Pdf(e) => assert!(misuse && e.kind() == PdfErrorKind::Misuse),
            StampError::Page { page: 0, .. } => assert!(!misuse),
            other => panic!("{other}"),
        }
    }
    let bad = Position::At {
        x: f64::NAN,
        y: 0.0,
    };
    let placement = Placement {
        pages: PageChoice::First,
        position: bad,
    };
    assert!(matches!(
        stamped(&file, &content(), &placement),
        Err(StampError::NoRoom { .. })
    ));
}

#[test]
fn names_in_use_and_absent_contents_are_respected() {
    let file = one_page(
        "/MediaBox[0 0 600 800]/Resources<</XObject<</EsignStamp0 9 0 R>>/ProcSet[/PDF]>>",
    );
    let new = stamped(&file, &content(), &Placement::default()).unwrap();
    let slice = new.as_slice();
    let document = Document::open(&slice).unwrap();
    let page = document.current().page(0).unwrap();
    let resources = page
        .dict
        .get("Resources")
        .unwrap()
        .as_dict()
        .unwrap()
        .clone();
    assert!(resources.get("ProcSet").is_some());
    let objects = resources.get("XObject").unwrap().as_dict().unwrap().clone();
    assert_eq!(
        objects.get("EsignStamp0").unwrap().as_ref().unwrap().number,
        9
    );
    assert!(objects.get("EsignStamp1").is_some());
    assert_eq!(
        page.dict.get("Contents").unwrap().as_array().unwrap().len(),
        2
    );
    // A second stamp takes the next name.
    let again = stamped(&new, &content(), &Placement::default()).unwrap();
    assert!(again.windows(12).any(|w| w == b"/EsignStamp2"));
}

#[test]
fn the_limits_hold() {
    let file = one_page("/MediaBox[0 0 600 800]");
    let with = |change: &dyn Fn(&mut Content)| {
        let mut content = content();
        change(&mut content);
        stamped(&file, &content, &Placement::default()).unwrap_err()
    };
    assert!(matches!(
        with(&|c| c.code = "漢".to_owned()),
        StampError::Character {
            character: '漢',
            ..
        }
    ));
    assert!(matches!(
        with(&|c| c.code = "0".repeat(60)),
        StampError::TextTooLong { part: "code", .. }
    ));
    assert!(matches!(
        with(&|c| c.lines = vec!["söz ".repeat(200)]),
        StampError::TextTooLong { .. }
    ));
    assert!(matches!(
        with(&|c| c.lines = vec!["a".repeat(4001)]),
        StampError::TextTooLong { .. }
    ));
    let long = |n: usize| move |c: &mut Content| c.qr = vec![QrPiece::Digits("1".repeat(n))];
    assert!(matches!(
        with(&long(2200)),
        StampError::QrTooLong { length: 2200, .. }
    ));
    assert!(matches!(with(&long(7090)), StampError::QrTooLong { .. }));
    assert!(matches!(
        with(&|c| c.qr = vec![QrPiece::Digits("1a".to_owned())]),
        StampError::QrPiece { character: 'a', .. }
    ));
    assert!(matches!(
        with(&|c| c.qr = vec![QrPiece::Alphanumeric("a".to_owned())]),
        StampError::QrPiece { character: 'a', .. }
    ));
    let many = many_pages("/MediaBox[0 0 600 800]", MAX_PAGES + 1);
    let every = Placement {
        pages: PageChoice::Every,
        ..Placement::default()
    };
    assert!(matches!(
        stamped(&many, &content(), &every),
        Err(StampError::TooMany { what: "pages", .. })
    ));
}

#[test]
fn too_many_fields_are_refused() {
    let kids = "<<>>".repeat(signed::MAX_FIELDS + 1);
    let objects = [
        format!("<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[{kids}]>>>>"),
        "<</Type/Pages/Count 1/Kids[3 0 R]>>".to_owned(),
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]>>".to_owned(),
    ];
    let error = stamped(&assemble(&objects), &content(), &Placement::default()).unwrap_err();
    assert!(
        matches!(
            error,
            StampError::TooMany {
                what: "form fields",
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn modules_stay_large_and_the_same_arguments_give_the_same_octets() {
    let file = one_page("/MediaBox[0 0 600 800]");
    let slice = file.as_slice();
    let document = Document::open(&slice).unwrap();
    let placement = Placement::default();
    let first = stamp(&document, &content(), &placement).unwrap();
    let second = stamp(&document, &content(), &placement).unwrap();
    assert_eq!(first.bytes, second.bytes);
    for digits in [0, 100, 700, 1000, 2100] {
        let qr = vec![QrPiece::Digits("7".repeat(digits))];
        let done = stamp(&document, &Content { qr, ..content() }, &placement).unwrap();
        assert!(done.module >= 0.33 - 1e-9, "{digits}: {}", done.module);
    }
}

#[test]
fn limits_are_reached_and_read() {
    // ISO 32000-1 table C.1: the drawing is scaled to nearly nothing, but drawn.
    let file = one_page("/MediaBox[0 0 600 800]/UserUnit 75000");
    assert!(stamped(&file, &content(), &Placement::default()).is_ok());
    let file = one_page("/MediaBox[0 0 600 800]");
    let seal = |octets: usize| {
        let document = Document::open(&&file[..]).map(|d| embed_seal(&d, &vec![7; octets], at()));
        let whole = [&file[..], &document.unwrap().unwrap()].concat();
        let source = &whole[..];
        let document = Document::open(&source).unwrap();
        embedded_seal(document.current()).map(|s| s.len())
    };
    assert_eq!(seal(4096), Some(4096));
    assert_eq!(seal(4097), None);
    let fields = |n: usize| {
        let kids = "<<>>".repeat(n);
        let objects = [
            format!("<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[{kids}]>>>>"),
            "<</Type/Pages/Count 1/Kids[3 0 R]>>".to_owned(),
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]>>".to_owned(),
        ];
        stamped(&assemble(&objects), &content(), &Placement::default())
    };
    assert!(fields(signed::MAX_FIELDS).is_ok());
}

fn at() -> crate::time::UnixTime {
    crate::time::UnixTime::parse("2026-11-22").unwrap()
}
