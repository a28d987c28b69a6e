//! The manifests tell of the files that are there, all of them, and as they are.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a failed expectation is a failed test"
)]

use ring::digest::{SHA256, digest};
use std::collections::BTreeSet;
use std::path::Path;
use test_vectors::fixtures;

fn files(folder: &Path, extensions: &[&str]) -> BTreeSet<String> {
    std::fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| {
            extensions
                .iter()
                .any(|extension| name.ends_with(&format!(".{extension}")))
        })
        .collect()
}

#[test]
fn pdf_manifest_is_complete_and_true() {
    let rows = fixtures::pdf_fixtures().expect("manifest");
    let listed: BTreeSet<_> = rows.iter().map(|row| row.file.clone()).collect();
    assert_eq!(listed, files(&fixtures::pdf_folder(), &["pdf"]));
    for row in &rows {
        let bytes = std::fs::read(fixtures::pdf_folder().join(&row.file)).expect("file");
        assert_eq!(
            u64::try_from(bytes.len()).unwrap(),
            row.size,
            "{}",
            row.file
        );
        let hex: String = digest(&SHA256, &bytes)
            .as_ref()
            .iter()
            .map(|octet| format!("{octet:02x}"))
            .collect();
        assert_eq!(hex, row.sha256, "{}", row.file);
    }
    let producers: BTreeSet<_> = rows
        .iter()
        .filter(|row| row.signatures == 0)
        .map(|row| row.producer.split(' ').next().unwrap().to_owned())
        .collect();
    assert!(producers.len() >= 8, "eight producers: {producers:?}");
}

#[test]
fn foreign_manifest_is_complete_and_its_files_exist() {
    let folder = fixtures::foreign_folder();
    let rows = fixtures::foreign_signatures().expect("manifest");
    let listed: BTreeSet<_> = rows.iter().map(|row| row.file.clone()).collect();
    assert_eq!(listed, files(&folder, &["p7s", "p7m", "pdf"]));
    for row in &rows {
        let needed = row
            .content
            .iter()
            .chain(&row.trust)
            .chain(&row.intermediates);
        for name in needed.chain(&row.crls) {
            assert!(folder.join(name).is_file(), "{}: {name}", row.file);
        }
        let refused = row.expected != "passed";
        assert_eq!(
            refused,
            row.why.is_some(),
            "{}: a refusal has a reason",
            row.file
        );
    }
}
