//! Holds the order of the modules: each uses only those in rows above its own, as
//! `docs/architecture.md` draws it. A module that is not in the table fails the test, too.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Module, and what it may use.
const TABLE: &[(&str, &[&str])] = &[
    ("time", &[]),
    ("source", &[]),
    ("oid", &[]),
    ("der", &["oid", "time"]),
    ("report", &["time"]),
    ("keys", &["der", "oid", "time"]),
    ("lint", &["keys", "report", "der", "oid", "time"]),
    ("x509", &["lint", "keys", "report", "der", "oid", "time"]),
    ("token", &["x509", "keys", "der", "oid", "time"]),
    ("crl", &["x509", "keys", "report", "der", "oid", "time"]),
    (
        "ocsp",
        &["crl", "x509", "keys", "report", "der", "oid", "time"],
    ),
    (
        "cms",
        &["x509", "keys", "report", "der", "oid", "time", "source"],
    ),
    (
        "tsp",
        &["cms", "x509", "keys", "report", "der", "oid", "time"],
    ),
    ("trust", &["x509", "crl", "keys", "time"]),
    ("evidence", &["x509", "crl", "ocsp", "keys", "time"]),
    ("policy", &["keys", "time"]),
    (
        "path",
        &[
            "trust", "evidence", "policy", "crl", "ocsp", "x509", "keys", "report", "der", "oid",
            "time",
        ],
    ),
    (
        "validation",
        &[
            "path", "trust", "evidence", "policy", "tsp", "cms", "crl", "ocsp", "x509", "keys",
            "report", "oid", "time",
        ],
    ),
    ("pdf", &["source", "time"]),
    (
        "cades",
        &[
            "validation",
            "evidence",
            "tsp",
            "cms",
            "crl",
            "ocsp",
            "x509",
            "keys",
            "report",
            "der",
            "oid",
            "time",
            "source",
        ],
    ),
    (
        "pades",
        &[
            "cades",
            "validation",
            "evidence",
            "tsp",
            "cms",
            "crl",
            "ocsp",
            "pdf",
            "x509",
            "keys",
            "report",
            "der",
            "oid",
            "time",
            "source",
        ],
    ),
    (
        "fetch",
        &["crl", "ocsp", "cms", "tsp", "x509", "keys", "report"],
    ),
    (
        "levels",
        &[
            "cades",
            "pades",
            "fetch",
            "validation",
            "evidence",
            "trust",
            "policy",
            "ocsp",
            "tsp",
            "oid",
            "x509",
            "keys",
            "report",
            "time",
            "source",
        ],
    ),
    ("code", &["keys"]),
    ("visible_seal", &["keys", "x509", "code", "der"]),
    ("log", &["keys", "time"]),
    ("register", &["code", "visible_seal", "log", "keys", "time"]),
    (
        "stamp",
        &["keys", "pdf", "code", "visible_seal", "source", "time"],
    ),
];

#[test]
fn modules_use_only_the_rows_above() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let allowed: BTreeMap<_, _> = TABLE.iter().copied().collect();
    let mut broken = Vec::new();
    let mut seen = 0;
    for entry in fs::read_dir(&root).unwrap() {
        let path = entry.unwrap().path();
        let module = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if module == "lib" {
            continue;
        }
        seen += 1;
        let Some(may) = allowed.get(module.as_str()) else {
            broken.push(format!("{module} is not in the table"));
            continue;
        };
        let mut files = Vec::new();
        collect(&path, &mut files);
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            // Tests may reach anywhere; they stand last in a file.
            let code = text.split("#[cfg(test)]").next().unwrap();
            for used in uses(code) {
                if used != module && !may.contains(&used.as_str()) {
                    broken.push(format!("{} uses {used}", file.display()));
                }
            }
        }
    }
    assert!(
        seen > 5,
        "the modules were not found under {}",
        root.display()
    );
    assert!(broken.is_empty(), "{broken:#?}");
}

/// Names that follow `crate::`, also inside the braces of `use crate::{…}`.
fn uses(code: &str) -> Vec<String> {
    let name = |s: &str| -> String {
        s.trim_start()
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect()
    };
    let mut found = Vec::new();
    for line in code.lines().filter(|l| !l.trim_start().starts_with("//")) {
        for (at, _) in line.match_indices("crate::") {
            let rest = &line[at + "crate::".len()..];
            match rest.strip_prefix('{') {
                None => found.push(name(rest)),
                Some(list) => found.extend(list.split([',', '}']).map(name)),
            }
        }
    }
    found.retain(|n| !n.is_empty());
    found
}

fn collect(path: &Path, files: &mut Vec<std::path::PathBuf>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            collect(&entry.unwrap().path(), files);
        }
    } else if path.extension().is_some_and(|e| e == "rs") {
        files.push(path.to_owned());
    }
}
