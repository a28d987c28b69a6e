use std::fmt::Write as _;

use super::*;
use crate::pdf::Document;

/// Two revisions: in the second the XMP metadata (object 3) and the field's look (6) are others.
fn document() -> Vec<u8> {
    let mut out = String::from("%PDF-1.7\n");
    let first = [
        (
            1,
            "<</Type/Catalog/Pages 2 0 R/Metadata 3 0 R/AcroForm<</Fields[5 0 R]>>>>",
        ),
        (2, "<</Type/Pages/Kids[4 0 R]/Count 1>>"),
        (3, "<</Type/Metadata/Length 1>>\nstream\na\nendstream"),
        (4, "<</Type/Page/Parent 2 0 R/Annots[5 0 R]>>"),
        (
            5,
            "<</T(a)/FT/Tx/Subtype/Widget/Rect[0 0 1 1]/AP<</N 6 0 R>>>>",
        ),
        (6, "<</Length 1>>\nstream\na\nendstream"),
    ];
    let second = [
        (3, "<</Type/Metadata/Length 1>>\nstream\nb\nendstream"),
        (6, "<</Length 1>>\nstream\nb\nendstream"),
    ];
    let mut previous = String::new();
    for objects in [&first[..], &second] {
        let mut table = String::from("xref\n");
        for (number, body) in objects {
            writeln!(table, "{number} 1\n{:010} 00000 n ", out.len()).unwrap();
            writeln!(out, "{number} 0 obj\n{body}\nendobj").unwrap();
        }
        let at = out.len();
        write!(
            out,
            "{table}trailer\n<</Size 7/Root 1 0 R{previous}>>\nstartxref\n{at}\n%%EOF\n"
        )
        .unwrap();
        previous = format!("/Prev {at}");
    }
    out.into_bytes()
}

fn judged(memory: &mut Memory) -> Change {
    let file = document();
    let document = Document::open(&file).unwrap();
    let written = document.changes(1).iter().map(|c| c.number).collect();
    let (before, after) = (document.at(0).unwrap(), document.at(1).unwrap());
    judge(before, after, &written, memory).unwrap()
}

#[test]
fn what_is_not_known_for_lack_of_steps_counts_as_the_worst() {
    let whole = judged(&mut Memory::new());
    assert_eq!(whole.kind, ChangeKind::FormFilling);
    assert_eq!(whole.fields, BTreeSet::from(["a".to_owned()]));
    let mut worst = 0;
    for steps in 0..40 {
        let mut memory = Memory::new();
        memory.reach = Reach::limited(steps);
        let change = judged(&mut memory);
        assert!(
            change.kind >= ChangeKind::FormFilling,
            "{steps}: {change:?}"
        );
        if change.kind == ChangeKind::Other {
            worst += 1;
        }
    }
    assert!((5..40).contains(&worst), "{worst}");
}

#[test]
fn a_form_that_is_not_read_to_its_end_is_a_change() {
    let mut memory = Memory::new();
    memory.known = Known::limited(0);
    let change = judged(&mut memory);
    assert_eq!(change.kind, ChangeKind::Other);
    let told = "the form cannot be read as a whole";
    assert!(change.touched.iter().any(|t| t == told), "{change:?}");
}

#[test]
fn as_many_descriptions_are_kept_as_are_told() {
    let mut change = judged(&mut Memory::new());
    for n in 0..MAX_TOUCHED + 10 {
        change.note(ChangeKind::Other, format!("object {n}"));
    }
    assert_eq!(change.touched.len(), MAX_TOUCHED);
}
