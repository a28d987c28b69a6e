//! What may be done to a signed PDF by later revisions, and by which finding it is told.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail by panicking"
)]

mod attacks;
mod support;

use attacks::{
    Entry, PAGE, against, append, append_with, file, judge, judge_first, place, sign, sign_field,
    signature_field, stream, text_field,
};
use esign_core::pades::Permission;
use esign_core::report::Indication;
use esign_core::validation::Integrity;

const FORM: &str = "/Type/XObject/Subtype/Form/BBox[0 0 9 9]";

/// Judges what `change` appends to the signed file, with every permission a certifying signature
/// can give and without one: what is told, and what follows from it.
fn expect(name: &str, file: &[u8], change: &dyn Fn(&[u8]) -> Vec<u8>, kind: &str, touched: &str) {
    let order = [
        "nothing",
        "validation-data",
        "signature",
        "form-filling",
        "annotations",
        "other",
    ];
    let rank = |k: &str| order.iter().position(|o| *o == k).unwrap();
    for (certify, allowed) in [
        (None, "annotations"),
        (Some(Permission::NoChanges), "validation-data"),
        (Some(Permission::FormFilling), "form-filling"),
        (Some(Permission::Annotations), "annotations"),
    ] {
        let s = judge_first(&change(&sign(file, certify)));
        let later = &s.coverage.later;
        let gravest = later.iter().max_by_key(|l| rank(l.kind)).expect(name);
        assert_eq!(gravest.kind, kind, "{name}: {later:?}");
        assert!(
            touched.is_empty() || gravest.touched.iter().any(|t| t.contains(touched)),
            "{name}: {later:?}"
        );
        let (indication, integrity, rule) = match certify {
            _ if rank(kind) <= rank(allowed) => ("TOTAL-PASSED", Integrity::Intact, None),
            None => (
                "INDETERMINATE",
                Integrity::Unknown,
                Some("pdf.changes.undefined"),
            ),
            Some(_) => (
                "TOTAL-FAILED",
                Integrity::Broken,
                Some("pdf.changes.permitted"),
            ),
        };
        assert_eq!(s.indication, indication, "{name}, {certify:?}: {s:#?}");
        assert_eq!(s.integrity, integrity, "{name}, {certify:?}");
        for r in ["pdf.changes.undefined", "pdf.changes.permitted"] {
            let found = against(&s, r).is_some();
            assert_eq!(found, rule == Some(r), "{name}, {certify:?}: {r}");
        }
    }
}

fn expect_objects(name: &str, doc: &[(u32, &str)], new: &[(u32, &str)], kind: &str, touched: &str) {
    expect(name, &file(doc), &|f| append(f, new), kind, touched);
}

fn entry(number: u32, offset: usize, generation: u16, free: bool) -> Entry {
    Entry {
        number,
        offset,
        generation,
        free,
    }
}

#[test]
fn what_pages_show_stays() {
    let evil = stream("", "(900 AZN) Tj");
    let look = stream(FORM, "");
    for (name, new) in [
        ("incremental saving: content in place", (8, evil.as_str())),
        ("shadow, replace: form XObject in place", (9, &*look)),
        (
            "shadow, replace: font in place",
            (10, "<</Type/Font/Subtype/Type1/BaseFont/Evil>>"),
        ),
    ] {
        expect_objects(name, &[], &[new], "other", "which pages show");
    }
    let page = PAGE.replace("8 0 R", "20 0 R");
    let new = [(3, page.as_str()), (20, &*evil)];
    expect_objects(
        "other content",
        &[],
        &new,
        "other",
        "page 1, entry Contents",
    );
    let twice = PAGE.replace("/Contents 8 0 R", "/Contents 20 0 R/Contents 8 0 R");
    let new = [(3, twice.as_str()), (20, &*evil)];
    expect_objects(
        "key twice in the page",
        &[],
        &new,
        "other",
        "Contents (ambiguous)",
    );
    let behind = PAGE.replace("/Contents 8 0 R", "/Contents 8 0 R/Contents 20 0 R");
    let new = [(3, behind.as_str()), (20, &*evil)];
    expect_objects(
        "key twice, the second new",
        &[],
        &new,
        "other",
        "Contents (ambiguous)",
    );
    let pages = "<</Type/Pages/Kids[3 0 R 20 0 R]/Count 2>>";
    let new = [(2, pages), (20, "<</Type/Page/Parent 2 0 R>>")];
    expect_objects("page added", &[], &new, "other", "page tree");
    let catalog = "<</Type/Catalog/Pages 2 0 R/AcroForm 4 0 R/Metadata 12 0 R/OpenAction 20 0 R>>";
    let new = [(1, catalog), (20, "<</S/JavaScript/JS(x)>>")];
    expect_objects(
        "action added",
        &[],
        &new,
        "other",
        "catalog entry OpenAction",
    );
}

#[test]
fn nothing_is_hidden_or_brought_to_light() {
    // Hide: what covers the text is freed.
    let free = |f: &[u8]| append_with(f, &[], &[entry(9, 0, 1, true)], "/Root 1 0 R");
    expect(
        "shadow, hide",
        &file(&[]),
        &free,
        "other",
        "object 9 was removed",
    );
    // Hide and replace: the other content was signed with the rest, and a table brings it to light.
    let mut both = b"%PDF-1.7\n".to_vec();
    let hidden = both.len();
    both.extend(format!("8 0 obj\n{}\nendobj\n", stream("", "(900 AZN) Tj")).bytes());
    let prefix = both.len() - b"%PDF-1.7\n".len();
    both.extend(&file(&[])[b"%PDF-1.7\n".len()..]);
    let both = shifted(&both, prefix);
    let show = |f: &[u8]| append_with(f, &[], &[entry(8, hidden, 0, false)], "/Root 1 0 R");
    expect(
        "shadow, hide and replace",
        &both,
        &show,
        "other",
        "which pages show",
    );
    // References name generation 0 and lead nowhere when the same place is given another.
    let renamed = |f: &[u8]| {
        let offset = place(f, 9);
        append_with(f, &[], &[entry(9, offset, 1, false)], "/Root 1 0 R")
    };
    expect(
        "generation",
        &file(&[]),
        &renamed,
        "other",
        "another generation",
    );
    let root = |f: &[u8]| {
        let catalog = "<</Type/Catalog/Pages 2 0 R/AcroForm 4 0 R/Metadata 12 0 R>>";
        append_with(f, &[(20, catalog.to_owned())], &[], "/Root 20 0 R")
    };
    let told = "catalog was replaced";
    expect("another root", &file(&[]), &root, "other", told);
}

/// A file before whose objects something was put: its table and `startxref` moved along.
fn shifted(file: &[u8], by: usize) -> Vec<u8> {
    let text = String::from_utf8(file.to_vec()).unwrap();
    let (body, tail) = text.split_once("xref\n").unwrap();
    let moved: Vec<String> = tail
        .lines()
        .map(|line| match line.split_once(' ') {
            Some((offset, rest)) if rest.ends_with("n ") => {
                format!("{:010} {rest}", offset.parse::<usize>().unwrap() + by)
            }
            _ => line
                .parse()
                .map_or(line.to_owned(), |n: usize| (n + by).to_string()),
        })
        .collect();
    format!("{body}xref\n{}\n", moved.join("\n")).into_bytes()
}

#[test]
fn references_that_led_nowhere_are_changes_when_they_lead_somewhere() {
    let page = PAGE.replace("/X 9 0 R", "/X 9 0 R/Y 30 0 R");
    let evil = stream(FORM, "(900 AZN) Tj");
    let new = [(30, evil.as_str())];
    let told = "to which pages referred before";
    expect_objects("dangling, shown", &[(3, &page)], &new, "other", told);
    let catalog = "<</Type/Catalog/Pages 2 0 R/AcroForm 4 0 R/OpenAction 30 0 R>>";
    let new = [(30, "<</S/JavaScript/JS(x)>>")];
    expect_objects(
        "dangling, run",
        &[(1, catalog)],
        &new,
        "other",
        "referred to before",
    );
    let annots = PAGE.replace("6 0 R]", "6 0 R 30 0 R]");
    let new = [(30, "<</Type/Annot/Subtype/Stamp/Rect[0 0 9 9]>>")];
    expect_objects(
        "dangling, annotation",
        &[(3, &annots)],
        &new,
        "other",
        "referred to before",
    );
    let field = text_field("Ad", "a", 30);
    let new = [(30, evil.as_str())];
    expect_objects(
        "dangling, look",
        &[(6, &field)],
        &new,
        "form-filling",
        "form field Ad",
    );
    let shown = signature_field("/AP<</N 30 0 R>>");
    expect_objects(
        "dangling, signature's look",
        &[(5, &shown)],
        &new,
        "other",
        "look",
    );
}

#[test]
fn forms_are_filled_in_but_not_rebuilt() {
    let filled = text_field("Ad", "b", 20);
    let look = stream(FORM, "(b) Tj");
    let new = [(6, filled.as_str()), (20, &*look)];
    expect_objects("filled in", &[], &new, "form-filling", "form field Ad");
    expect_objects(
        "look in place",
        &[],
        &[(13, &look)],
        "form-filling",
        "form field Ad",
    );
    let twice = text_field("Ad", "a", 13).replace("/V(a)", "/V(a)/V(b)");
    expect_objects("key twice", &[], &[(6, &twice)], "other", "V (ambiguous)");
    let renamed = text_field("Soyad", "a", 13);
    expect_objects("renamed", &[], &[(6, &renamed)], "other", "Ad was removed");
    let moved = text_field("Ad", "a", 13).replace("[0 0 9 9]", "[0 0 90 90]");
    expect_objects("moved", &[], &[(6, &moved)], "other", "entry Rect");
    let form = "<</Fields[5 0 R 6 0 R 20 0 R]/DR 11 0 R>>";
    let page = PAGE.replace("6 0 R]", "6 0 R 20 0 R]");
    let added = text_field("Yeni", "a", 13);
    let new = [(4, form), (3, &page), (20, &added)];
    expect_objects("field added", &[], &new, "other", "Yeni was added");
    // A widget on the page that is no field of the form shows what it likes.
    let new = [(3, page.as_str()), (20, &*added)];
    expect_objects(
        "widget outside the form",
        &[],
        &new,
        "other",
        "widget of no field",
    );
}

#[test]
fn form_resources_stay() {
    let new = [
        (11, "<</Font<</Helv 20 0 R>>>>"),
        (20, "<</Type/Font/BaseFont/Evil>>"),
    ];
    expect_objects("overwritten in place", &[], &new, "other", "form resources");
    let new = [
        (11, "<</Font<</Helv 20 0 R/Helv 14 0 R>>>>"),
        (20, "<</Type/Font>>"),
    ];
    expect_objects("name twice", &[], &new, "other", "form resources");
    let font = [(14, "<</Type/Font/Subtype/Type1/BaseFont/Evil>>")];
    expect_objects("font in place", &[], &font, "other", "object 14");
    let new = [
        (11, "<</Font<</Helv 14 0 R/F2 20 0 R>>>>"),
        (20, "<</Type/Font>>"),
    ];
    expect_objects("font added", &[], &new, "nothing", "");
}

#[test]
fn signatures_look_as_they_were_made() {
    let look = stream(FORM, "(imza) Tj");
    let evil = stream(FORM, "(900 AZN) Tj");
    let shown = signature_field("/AP<</N 16 0 R>>");
    let doc = [(5, shown.as_str()), (16, look.as_str())];
    expect_objects(
        "redrawn in place",
        &doc,
        &[(16, &evil)],
        "other",
        "look of the signature",
    );
    let other = |f: &[u8]| {
        let field = object_of(f, 5).replace("/N 16 0 R", "/N 20 0 R");
        append(f, &[(5, &field), (20, &evil)])
    };
    expect(
        "redrawn",
        &file(&doc),
        &other,
        "other",
        "look of the signature",
    );
    // Part of two looks: that of a signature and that of a text field.
    let both = [
        (5, signature_field("/AP<</N 13 0 R>>")),
        (6, text_field("Ad", "a", 13)),
    ];
    let both: Vec<(u32, &str)> = both.iter().map(|(n, o)| (*n, o.as_str())).collect();
    expect_objects(
        "shared look",
        &both,
        &[(13, &evil)],
        "other",
        "look of a signature",
    );
    // Unsigned fields that show something, added or drawn into.
    let second = signature_field("").replace("Imza", "Imza2");
    let drawn = signature_field("/AP<</N 20 0 R>>").replace("Imza", "Imza2");
    let doc = [
        (4, "<</Fields[5 0 R 6 0 R 17 0 R]/DR 11 0 R>>"),
        (17, second.as_str()),
    ];
    let new = [(17, drawn.as_str()), (20, &*evil)];
    expect_objects(
        "drawn, unsigned",
        &doc,
        &new,
        "other",
        "look of the signature in field Imza2",
    );
    let form = doc[0].1;
    let page = PAGE.replace("6 0 R]", "6 0 R 17 0 R]");
    let new = [(4, form), (3, &page), (17, &drawn), (20, &*evil)];
    expect_objects(
        "added, unsigned",
        &[],
        &new,
        "other",
        "Imza2 shows something, unsigned",
    );
    // Widgets that are not the field itself.
    let field = "<</FT/Sig/T(Imza2)/Kids[18 0 R]/V 19 0 R>>";
    let kid = "<</Type/Annot/Subtype/Widget/Parent 17 0 R/Rect[0 0 9 9]/AP<</N 16 0 R>>>>";
    let redrawn = kid.replace("/N 16", "/N 20");
    let doc = [(4, form), (17, field), (18, kid), (19, BOGUS), (16, &*look)];
    let signed = sign(&file(&doc), None);
    let s = judge_first(&append(&signed, &[(18, &redrawn), (20, &evil)]));
    let finding = against(&s, "pdf.changes.undefined").unwrap();
    let told = format!("{:?}", finding.because);
    assert!(
        told.contains("look of the signature in field Imza2"),
        "{told}"
    );
}

const BOGUS: &str = "<</Type/Sig/Filter/Adobe.PPKLite/SubFilter/adbe.pkcs7.detached/ByteRange[0 1 2 3]/Contents<00>>>";

/// The body of the object that stands last under this number.
fn object_of(file: &[u8], number: u32) -> String {
    let from = place(file, number);
    let text = String::from_utf8_lossy(&file[from..]).into_owned();
    let body = text.split_once("obj").unwrap().1;
    body.split_once("endobj").unwrap().0.trim().to_owned()
}

#[test]
fn later_signatures_and_annotations_count_as_what_they_are() {
    // Sneaky signature: whether it may be added is for the certifying one to say.
    let sneaky = signature_field("/V 21 0 R/AP<</N 22 0 R>>").replace("Imza", "Imza2");
    let page = PAGE.replace("6 0 R]", "6 0 R 20 0 R]");
    let form = "<</Fields[5 0 R 6 0 R 20 0 R]/DR 11 0 R/SigFlags 3>>";
    let look = stream(FORM, "(900 AZN) Tj");
    let new = [
        (3, page.as_str()),
        (4, form),
        (20, &sneaky),
        (21, BOGUS),
        (22, &look),
    ];
    expect_objects(
        "sneaky signature",
        &[],
        &new,
        "signature",
        "signature field Imza2",
    );
    // Evil annotation.
    let stamp = "<</Type/Annot/Subtype/FreeText/Rect[0 0 90 90]/AP<</N 22 0 R>>>>";
    let new = [(3, page.as_str()), (20, stamp), (22, &look)];
    let told = "annotation FreeText added";
    expect_objects("evil annotation", &[], &new, "annotations", told);
    let doc = [(3, page.as_str()), (20, stamp), (22, &look)];
    let moved = stamp.replace("90 90", "50 50");
    let told = "annotation (object 20)";
    expect_objects(
        "annotation changed",
        &doc,
        &[(20, &moved)],
        "annotations",
        told,
    );
    let told = "annotation removed";
    expect_objects(
        "annotation removed",
        &doc,
        &[(3, PAGE)],
        "annotations",
        told,
    );
    let without = PAGE.replace(" 6 0 R]", "]");
    expect_objects("widget removed", &doc, &[(3, &without)], "other", told);
    // The same with an array that is an object of its own, over several revisions.
    let indirect = PAGE.replace("[5 0 R 6 0 R]", " 23 0 R");
    let doc = [(3, indirect.as_str()), (23, "[5 0 R 6 0 R]")];
    let new = [(23, "[5 0 R 6 0 R 20 0 R]"), (20, stamp), (22, &look)];
    let told = "page 1, annotation FreeText added";
    expect_objects("annotation array", &doc, &new, "annotations", told);
    let moved = PAGE.replace("[5 0 R 6 0 R]", " 24 0 R");
    let twice = |f: &[u8]| {
        let first = append(f, &[(3, &moved), (24, "[5 0 R 6 0 R]")]);
        append(
            &first,
            &[(24, "[5 0 R 6 0 R 20 0 R]"), (20, stamp), (22, &look)],
        )
    };
    expect(
        "annotation array, moved",
        &file(&doc),
        &twice,
        "annotations",
        told,
    );
}

#[test]
fn a_harmless_role_excuses_nothing() {
    let evil = stream("/Type/Metadata/Subtype/XML", "(900 AZN) Tj");
    expect_objects("metadata", &[], &[(12, &evil)], "nothing", "metadata");
    let catalog =
        |more: &str| format!("<</Type/Catalog/Pages 2 0 R/AcroForm 4 0 R/Metadata 12 0 R{more}>>");
    let page = PAGE.replace("/X 9 0 R", "/X 12 0 R");
    expect_objects(
        "metadata, shown",
        &[(3, &page)],
        &[(12, &evil)],
        "other",
        "pages show",
    );
    let named = catalog("/Names<</JavaScript<</Names[(a) 12 0 R]>>>>");
    let told = "used elsewhere as well";
    expect_objects(
        "metadata, named",
        &[(1, &named)],
        &[(12, &evil)],
        "other",
        told,
    );
    let stamp = "<</Type/Annot/Subtype/Stamp/Rect[0 0 9 9]/AP<</N 12 0 R>>>>";
    let annots = PAGE.replace("6 0 R]", "6 0 R 20 0 R]");
    let doc = [(3, annots.as_str()), (20, stamp)];
    expect_objects("metadata, annotation", &doc, &[(12, &evil)], "other", told);
    let button = text_field("Ad", "a", 13).replace("/V(a)", "/A<</S/JavaScript/JS 12 0 R>>");
    expect_objects(
        "metadata, action",
        &[(6, &button)],
        &[(12, &evil)],
        "other",
        told,
    );
    let resources = [(11, "<</Font<</Helv 14 0 R>>/XObject<</X 12 0 R>>>>")];
    expect_objects(
        "metadata, resource",
        &resources,
        &[(12, &evil)],
        "other",
        told,
    );
    let field = text_field("Ad", "a", 12);
    let new = [(12, evil.as_str())];
    expect_objects(
        "metadata, look",
        &[(6, &field)],
        &new,
        "form-filling",
        "form field Ad",
    );
    // A field's look that an annotation shows, too.
    let stamp = stamp.replace("12 0 R", "13 0 R");
    let doc = [(3, annots.as_str()), (20, &stamp)];
    let look = stream(FORM, "(b) Tj");
    expect_objects("look, annotation", &doc, &[(13, &look)], "other", told);
    // Document information that is the outline as well.
    let info = |f: &[u8]| {
        let outline = catalog("/Outlines 20 0 R");
        let old = file(&[(1, &outline), (20, "<</Title(a)>>")]);
        assert!(f.starts_with(b"%PDF"));
        append_with(&old, &[], &[], "/Root 1 0 R/Info 20 0 R")
    };
    let doc = info(b"%PDF");
    let new = |f: &[u8]| {
        let changed = [(20, "<</Title(b)>>".to_owned())];
        append_with(f, &changed, &[], "/Root 1 0 R/Info 20 0 R")
    };
    expect("information, outline", &doc, &new, "other", told);
    // Validation data by the word of an earlier revision only.
    let named = catalog("/Names 21 0 R");
    let dss = catalog("/Names 21 0 R/DSS<</VRI 21 0 R>>");
    let doc = [
        (1, named.as_str()),
        (21, "<</JavaScript 22 0 R>>"),
        (22, "<</Names[]>>"),
    ];
    let twice = |f: &[u8]| append(&append(f, &[(1, &dss)]), &[(22, "<</Names[(a) (b)]>>")]);
    expect("validation data, named", &file(&doc), &twice, "other", told);
    let dss = catalog("/DSS 21 0 R");
    let doc = [
        (1, dss.as_str()),
        (21, "<</Certs[22 0 R]>>"),
        (22, "<</Length 0>>"),
    ];
    let new = [(21, "<</Certs[22 0 R 23 0 R]>>"), (23, "(a)")];
    expect_objects(
        "validation data",
        &doc,
        &new,
        "validation-data",
        "validation data",
    );
}

#[test]
fn page_tree_nodes_stay_what_they_are() {
    let evil = PAGE.replace("8 0 R", "20 0 R");
    let new = [(3, evil.as_str()), (20, "<</Length 0>>")];
    let told = "page 1, entry Contents";
    // The page is metadata, validation data, a field's look, a field.
    for catalog in [
        "<</Type/Catalog/Pages 2 0 R/AcroForm 4 0 R/Metadata 3 0 R>>",
        "<</Type/Catalog/Pages 2 0 R/AcroForm 4 0 R/DSS 3 0 R>>",
        "<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[5 0 R 6 0 R 3 0 R]>>>>",
    ] {
        expect_objects(catalog, &[(1, catalog)], &new, "other", told);
    }
    let field = text_field("Ad", "a", 3);
    expect_objects("page as look", &[(6, &field)], &new, "other", told);
    let tree = [(2, "<</Type/Pages/Kids[3 0 R 3 0 R]/Count 2>>")];
    let catalog = "<</Type/Catalog/Pages 2 0 R/AcroForm 4 0 R/Metadata 2 0 R>>";
    let once = [(2, "<</Type/Pages/Kids[]/Count 0>>")];
    expect_objects(
        "tree as metadata",
        &[(1, catalog)],
        &once,
        "other",
        "page tree",
    );
    let hidden = tree[0].1.replace("/Type/Pages", "/Type/Metadata");
    let hidden = [(2, hidden.as_str())];
    expect_objects(
        "tree that says it is none",
        &[(1, catalog)],
        &hidden,
        "other",
        "page tree",
    );
}

#[test]
fn locks_hold_for_looks_too() {
    let locking = |lock: &str| signature_field(&format!("/Lock<</Type/SigFieldLock{lock}>>"));
    let look = stream(FORM, "(b) Tj");
    let filled = text_field("Ad", "b", 13);
    let second = text_field("Soyad", "a", 13);
    let (all, soyad) = ("/Action/All", "/Action/Include/Fields[(Soyad)]");
    let (ad, but_ad) = (
        "/Action/Include/Fields[(Ad)]",
        "/Action/Exclude/Fields[(Ad)]",
    );
    for (lock, new, locked) in [
        (ad, (6, filled.as_str()), true),
        (ad, (13, &*look), true),
        (all, (13, &*look), true),
        (soyad, (13, &*look), false),
        (but_ad, (13, &*look), false),
    ] {
        let signed = sign(&file(&[(5, &locking(lock))]), None);
        let s = judge_first(&append(&signed, &[new]));
        let found = against(&s, "pdf.field-lock");
        assert_eq!(found.is_some(), locked, "{lock}: {s:#?}");
        let indication = if locked {
            "TOTAL-FAILED"
        } else {
            "TOTAL-PASSED"
        };
        assert_eq!(s.indication, indication, "{lock}");
    }
    // A look of two fields, one of which is locked.
    let doc = [
        (4, "<</Fields[5 0 R 6 0 R 7 0 R]/DR 11 0 R>>"),
        (5, &*locking(soyad)),
        (7, &*second),
    ];
    let s = judge_first(&append(&sign(&file(&doc), None), &[(13, &look)]));
    assert!(against(&s, "pdf.field-lock").is_some(), "{s:#?}");
    assert_eq!(s.indication, "TOTAL-FAILED");
}

#[test]
fn one_dictionary_is_one_signature() {
    let second = signature_field("").replace("Imza", "Imza2");
    let form = "<</Fields[5 0 R 6 0 R 17 0 R]/DR 11 0 R>>";
    let signed = sign(&file(&[(4, form), (17, &second)]), None);
    let value = object_of(&signed, 5);
    let value = value
        .split_once("/V ")
        .unwrap()
        .1
        .split_once(" R")
        .unwrap()
        .0;
    let shown = signature_field(&format!("/V {value} R")).replace("Imza", "Imza2");
    let report = judge(&append(&signed, &[(17, &shown)]));
    assert_eq!(report.signatures.len(), 1);
    let s = &report.signatures[0];
    let finding = against(s, "pdf.signature.shared").unwrap();
    assert_eq!(finding.outcome, Indication::Failed);
    assert_eq!(
        (s.indication, s.integrity),
        ("TOTAL-FAILED", Integrity::Broken)
    );
}

#[test]
fn a_rewritten_object_stream_rewrites_its_objects() {
    // Object 30 holds the page's font (10) and the text field (6).
    let font = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>";
    let field = text_field("Ad", "a", 13);
    let stream_of = |font: &str, field: &str| {
        let head = format!("10 0 6 {} ", font.len() + 1);
        let data = format!("{head}{font} {field}");
        stream(&format!("/Type/ObjStm/N 2/First {}", head.len()), &data)
    };
    let doc = with_members(&stream_of(font, &field));
    let untouched = |f: &[u8]| append(f, &[(30, &stream_of(font, &field))]);
    let s = judge_first(&untouched(&sign(&doc, None)));
    assert_eq!(
        s.coverage.later[0].kind, "nothing",
        "{:?}",
        s.coverage.later
    );
    for (font, field, touched) in [
        (
            "<</Type/Font/Subtype/Type1/BaseFont/Evil>>",
            field.as_str(),
            "object 10, which pages show",
        ),
        (font, &*text_field("Ad", "b", 13), "form field Ad"),
    ] {
        let rewritten = |f: &[u8]| append(f, &[(30, &stream_of(font, field))]);
        expect(touched, &doc, &rewritten, "other", touched);
        let file = rewritten(&sign(&doc, None));
        let document = esign_core::pdf::Document::open(&file).unwrap();
        let last = document.revisions().len() - 1;
        let numbers: Vec<u32> = document.changes(last).iter().map(|c| c.number).collect();
        assert_eq!(numbers, [6, 10, 30]);
    }
}

/// The usual file with objects 6 and 10 in the object stream 30.
fn with_members(members: &str) -> Vec<u8> {
    let mut out = b"%PDF-1.7\n".to_vec();
    let mut rows: Vec<(u32, [u8; 7])> = vec![(0, [0, 0, 0, 0, 0, 0, 0])];
    let mut objects = attacks::objects(&[(30, members)]);
    objects.remove(&6);
    objects.remove(&10);
    let row = |kind: u8, value: u32, last: u16| {
        let (v, l) = (value.to_be_bytes(), last.to_be_bytes());
        [kind, v[0], v[1], v[2], v[3], l[0], l[1]]
    };
    for (number, body) in &objects {
        let at = u32::try_from(out.len()).unwrap();
        rows.push((*number, row(1, at, 0)));
        out.extend(format!("{number} 0 obj\n{body}\nendobj\n").bytes());
    }
    rows.push((10, row(2, 30, 0)));
    rows.push((6, row(2, 30, 1)));
    let at = u32::try_from(out.len()).unwrap();
    rows.push((31, row(1, at, 0)));
    rows.sort_unstable();
    let index: String = rows.iter().map(|(n, _)| format!("{n} 1 ")).collect();
    let data: Vec<u8> = rows.iter().flat_map(|(_, r)| *r).collect();
    out.extend(
        format!(
            "31 0 obj\n<</Type/XRef/W[1 4 2]/Index[{index}]/Size 90/Root 1 0 R/Length {}>>\nstream\n",
            data.len()
        )
        .bytes(),
    );
    out.extend(data);
    out.extend(format!("\nendstream\nendobj\nstartxref\n{at}\n%%EOF\n").bytes());
    out
}

#[test]
fn every_later_revision_is_judged() {
    // Harmless revisions before and after do not excuse the one between them.
    let signed = sign(&file(&[]), None);
    let filled = text_field("Ad", "b", 13);
    let one = append(&signed, &[(6, &filled)]);
    let two = append(&one, &[(8, &stream("", "(900 AZN) Tj"))]);
    let three = append(&two, &[(6, &text_field("Ad", "c", 13))]);
    let s = judge_first(&three);
    assert_eq!(s.indication, "INDETERMINATE");
    let finding = against(&s, "pdf.changes.undefined").unwrap();
    assert_eq!(finding.object, "revision 4");
    // A change and its undoing are a change.
    let undone = append(
        &two,
        &[(8, &stream("", "/X Do BT /F 9 Tf (100 AZN) Tj ET"))],
    );
    assert_eq!(judge_first(&undone).indication, "INDETERMINATE");
    // A second signature bears what came before it, not the first.
    let second = sign_field(&two, "Imza2", None);
    let report = judge(&second);
    assert_eq!(report.signatures[0].indication, "INDETERMINATE");
    assert_eq!(report.signatures[1].indication, "TOTAL-PASSED");
}
