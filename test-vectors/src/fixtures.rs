//! The committed files of `pdf/` and `foreign/`, as their manifests tell of them.

use serde::Deserialize;
use std::io;
use std::path::{Path, PathBuf};

/// One PDF of `test-vectors/pdf`, a row of its `manifest.json`.
///
/// The facts were read from the file by pikepdf and pyHanko when it was made.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct PdfFixture {
    /// Name of the file inside the folder.
    pub file: String,
    /// `/Producer` of the document information.
    pub producer: String,
    /// The number of pages.
    pub pages: usize,
    /// Whether the file starts with a linearization dictionary.
    pub linearized: bool,
    /// Whether the trailer has `/Encrypt`.
    pub encrypted: bool,
    /// `table`, `stream`, `hybrid` or `table and stream`.
    pub xref: String,
    /// Whether any object lives in an object stream.
    pub object_streams: bool,
    /// The number of revisions: the first one and its incremental updates.
    pub revisions: usize,
    /// The number of signature fields that hold a signature.
    pub signatures: usize,
    /// The number of signature fields without one.
    pub empty_signature_fields: usize,
    /// The full names of all signature fields; absent for encrypted files.
    #[serde(default)]
    pub signature_fields: Vec<String>,
    /// `DocMDP P=n` of the certifying signature, or of a lock in force.
    pub locked: Option<String>,
    /// Why a signer must refuse the file; absent where it must sign.
    pub signing_refused_because: Option<String>,
    /// `intact` or `broken` where the file carries signatures.
    pub integrity: Option<String>,
    /// Length in octets.
    pub size: u64,
    /// SHA-256 of the file, lower-case hexadecimal.
    pub sha256: String,
}

/// One signature file of `test-vectors/foreign`, a row of its `manifest.json`.
///
/// File names are relative to the folder. Certificates and CRLs are valid for thirty years from 2026-01-01.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct ForeignSignature {
    /// Name of the file.
    pub file: String,
    /// `cades` or `pades`.
    pub format: String,
    /// The detached content, where the file does not hold it.
    pub content: Option<String>,
    /// The tool and its version.
    pub made_by: String,
    /// PEM files of the trust anchors.
    pub trust: Vec<String>,
    /// PEM files of intermediate certificates.
    pub intermediates: Vec<String>,
    /// PEM files of revocation lists.
    pub crls: Vec<String>,
    /// The validation time, RFC 3339 UTC.
    pub at: String,
    /// The number of signers.
    pub signatures: usize,
    /// `passed`, `failed`, or `not passed` where failed and indeterminate are both right.
    pub expected: String,
    /// `intact` or `broken`; absent where no claim is made.
    pub integrity: Option<String>,
    /// Why it must not pass.
    pub why: Option<String>,
}

#[derive(Deserialize)]
struct Manifest<T> {
    files: Vec<T>,
}

/// The folder of the committed PDFs.
#[must_use]
pub fn pdf_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("pdf")
}

/// The folder of the committed foreign signatures.
#[must_use]
pub fn foreign_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("foreign")
}

/// Reads the manifest of [`pdf_folder`].
///
/// # Errors
/// The file is missing or not of this shape.
pub fn pdf_fixtures() -> io::Result<Vec<PdfFixture>> {
    rows(&pdf_folder())
}

/// Reads the manifest of [`foreign_folder`].
///
/// # Errors
/// The file is missing or not of this shape.
pub fn foreign_signatures() -> io::Result<Vec<ForeignSignature>> {
    rows(&foreign_folder())
}

fn rows<T: for<'de> Deserialize<'de>>(folder: &Path) -> io::Result<Vec<T>> {
    let manifest: Manifest<T> =
        serde_json::from_slice(&std::fs::read(folder.join("manifest.json"))?)?;
    Ok(manifest.files)
}
