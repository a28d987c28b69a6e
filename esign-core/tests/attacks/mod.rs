//! Small PDFs written by hand, revisions appended to them octet by octet, and their verdicts.
#![allow(dead_code, reason = "each test file takes what it needs")]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use esign_core::evidence::Evidence;
use esign_core::pades::{self, Parameters, Permission};
use esign_core::policy::{Policy, Revocation};
use esign_core::report::{Finding, Indication};
use esign_core::trust::TrustAnchors;
use esign_core::validation::{Inputs, Report, SignatureReport, validate};

use crate::support::{Signer, t};

pub(crate) static SIGNER: LazyLock<Signer> = LazyLock::new(Signer::p256);

/// Object 5, an empty signature field; `more` goes into its dictionary.
pub(crate) fn signature_field(more: &str) -> String {
    format!("<</Type/Annot/Subtype/Widget/FT/Sig/T(Imza)/Rect[0 0 9 9]/F 132/P 3 0 R{more}>>")
}

pub(crate) fn text_field(name: &str, value: &str, look: u32) -> String {
    format!(
        "<</Type/Annot/Subtype/Widget/FT/Tx/T({name})/V({value})/Rect[0 0 9 9]/F 4/P 3 0 R/AP<</N {look} 0 R>>>>"
    )
}

pub(crate) fn stream(dict: &str, data: &str) -> String {
    format!(
        "<<{dict}/Length {}>>\nstream\n{data}\nendstream",
        data.len()
    )
}

/// One page with a content stream (8), a form XObject (9) and a font (10); a form (4) with a
/// signature field (5), a text field (6) with its look (13), and resources (11) with a font (14);
/// XMP metadata (12). `others` replace these objects or are added to them.
pub(crate) fn objects(others: &[(u32, &str)]) -> BTreeMap<u32, String> {
    let mut objects: BTreeMap<u32, String> = [
        (
            1,
            "<</Type/Catalog/Pages 2 0 R/AcroForm 4 0 R/Metadata 12 0 R>>".into(),
        ),
        (2, "<</Type/Pages/Kids[3 0 R]/Count 1>>".into()),
        (3, PAGE.into()),
        (4, "<</Fields[5 0 R 6 0 R]/DR 11 0 R>>".into()),
        (5, signature_field("")),
        (6, text_field("Ad", "a", 13)),
        (8, stream("", "/X Do BT /F 9 Tf (100 AZN) Tj ET")),
        (
            9,
            stream("/Type/XObject/Subtype/Form/BBox[0 0 9 9]", "0 0 9 9 re f"),
        ),
        (10, "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>".into()),
        (11, "<</Font<</Helv 14 0 R>>>>".into()),
        (12, stream("/Type/Metadata/Subtype/XML", "<x/>")),
        (
            13,
            stream("/Type/XObject/Subtype/Form/BBox[0 0 9 9]", "(a) Tj"),
        ),
        (14, "<</Type/Font/Subtype/Type1/BaseFont/Courier>>".into()),
    ]
    .into();
    objects.extend(others.iter().map(|(n, o)| (*n, (*o).to_owned())));
    objects
}

/// Object 3 of [`objects`].
pub(crate) const PAGE: &str = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Contents 8 0 R/Resources<</XObject<</X 9 0 R>>/Font<</F 10 0 R>>>>/Annots[5 0 R 6 0 R]>>";

/// A line of a cross-reference table that leads to an object which the revision does not write.
pub(crate) struct Entry {
    pub(crate) number: u32,
    pub(crate) offset: usize,
    pub(crate) generation: u16,
    pub(crate) free: bool,
}

/// A file of these objects.
pub(crate) fn file(others: &[(u32, &str)]) -> Vec<u8> {
    let objects: Vec<(u32, String)> = objects(others).into_iter().collect();
    let first = Entry {
        number: 0,
        offset: 0,
        generation: 65535,
        free: true,
    };
    revision(b"%PDF-1.7\n", &objects, &[first], "/Root 1 0 R", None)
}

/// A revision behind `file` with these objects.
pub(crate) fn append(file: &[u8], objects: &[(u32, &str)]) -> Vec<u8> {
    let objects: Vec<(u32, String)> = objects.iter().map(|(n, o)| (*n, (*o).to_owned())).collect();
    append_with(file, &objects, &[], "/Root 1 0 R")
}

pub(crate) fn append_with(
    file: &[u8],
    objects: &[(u32, String)],
    entries: &[Entry],
    trailer: &str,
) -> Vec<u8> {
    let text = String::from_utf8_lossy(file);
    let after = text.rsplit("startxref").next().unwrap();
    let previous: usize = after.split_whitespace().next().unwrap().parse().unwrap();
    revision(file, objects, entries, trailer, Some(previous))
}

fn revision(
    before: &[u8],
    objects: &[(u32, String)],
    entries: &[Entry],
    trailer: &str,
    previous: Option<usize>,
) -> Vec<u8> {
    let mut out = before.to_vec();
    let mut rows = BTreeMap::new();
    for entry in entries {
        let kind = if entry.free { 'f' } else { 'n' };
        rows.insert(entry.number, (entry.offset, entry.generation, kind));
    }
    for (number, body) in objects {
        rows.insert(*number, (out.len(), 0, 'n'));
        out.extend(format!("{number} 0 obj\n{body}\nendobj\n").bytes());
    }
    let at = out.len();
    out.extend(b"xref\n");
    for (number, (offset, generation, kind)) in &rows {
        let row = format!("{number} 1\n{offset:010} {generation:05} {kind} \n");
        out.extend(row.bytes());
    }
    let previous = previous.map_or(String::new(), |p| format!("/Prev {p}"));
    let tail = format!("trailer\n<</Size 90{previous}{trailer}>>\nstartxref\n{at}\n%%EOF\n");
    out.extend(tail.bytes());
    out
}

/// Where the object begins that stands last under this number.
pub(crate) fn place(file: &[u8], number: u32) -> usize {
    let header = format!("\n{number} 0 obj");
    let found = file
        .windows(header.len())
        .rposition(|w| w == header.as_bytes());
    found.unwrap() + 1
}

pub(crate) fn sign(file: &[u8], certify: Option<Permission>) -> Vec<u8> {
    sign_field(file, "Imza", certify)
}

pub(crate) fn sign_field(file: &[u8], field: &str, certify: Option<Permission>) -> Vec<u8> {
    let parameters = Parameters {
        field: Some(field.into()),
        certify,
        ..Parameters::new(t("2026-11-22T10:00:00Z"))
    };
    let mut out = Vec::new();
    let update = pades::sign(
        &file.to_vec(),
        &mut out,
        &SIGNER.key,
        &SIGNER.certificate,
        &parameters,
    );
    out.extend(update.unwrap());
    out
}

pub(crate) fn judge(file: &[u8]) -> Report {
    let mut policy = Policy::basic();
    policy.revocation = Revocation::Ignore;
    let mut anchors = TrustAnchors::new();
    anchors.add(SIGNER.root.clone());
    let file = file.to_vec();
    validate(
        &pades::prepare(&file).unwrap(),
        &Inputs {
            at: t("2026-11-22"),
            anchors: &anchors,
            evidence: &Evidence::new(),
            policy: &policy,
        },
    )
}

/// The report on the signature in the field `Imza`.
pub(crate) fn judge_first(file: &[u8]) -> SignatureReport {
    let mut signatures = judge(file).signatures.into_iter();
    signatures.find(|s| s.name == "Imza").unwrap()
}

/// The finding of this rule that did not pass.
pub(crate) fn against<'r>(report: &'r SignatureReport, rule: &str) -> Option<&'r Finding> {
    let mut findings = report.findings.iter();
    findings.find(|f| f.rule == rule && f.outcome != Indication::Passed)
}
