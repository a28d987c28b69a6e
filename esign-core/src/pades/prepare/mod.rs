//! From a PDF to [`Signature`]s: fields, byte ranges, one pass of hashing, later changes.

use std::collections::HashSet;

use self::found::{Found, Reading};
use self::later::Later;
use self::stamps::Stamps;
use super::error::{PadesError, PadesErrorKind};
use super::fields::Form;
use super::ranges::{self, HashError, Wanted};
use crate::keys::{Digest, DigestAlgorithm};
use crate::pdf::{Document, Object};
use crate::report::{Finding, SubIndication};
use crate::source::ReadAt;
use crate::validation::Signature;

mod found;
mod later;
mod message;
mod stamps;

/// Signature fields that are read. The largest honest documents have some hundred.
const MAX_SIGNATURES: usize = 2_000;

/// Reads the signatures of a PDF, in the order in which they were made, and hashes the file once.
///
/// Document time-stamps are no signatures: each stands among the time-stamps of those that were made
/// before it. A document without signatures gives an empty list.
///
/// # Errors
/// Not a PDF, broken beyond what readers tolerate, encrypted, or the source fails. What is wrong
/// with one signature is a finding of that signature.
pub fn prepare(source: &dyn ReadAt) -> Result<Vec<Signature>, PadesError> {
    let document = Document::open(source)?;
    if document.encrypted() {
        return Err(PadesError::new(
            PadesErrorKind::Encrypted,
            "document is encrypted: its signatures cannot be read without the key",
        ));
    }
    let view = document.current();
    let form = Form::read(view, &view.catalog()?)?;
    let (mut found, mut reading) = (Vec::new(), Reading::new());
    let (mut seen, mut shared) = (HashSet::new(), HashSet::new());
    for field in form.signature_fields() {
        if found.len() >= MAX_SIGNATURES {
            return Err(PadesError::new(
                PadesErrorKind::Pdf,
                format!("more than {MAX_SIGNATURES} signature fields"),
            ));
        }
        let number = field
            .value
            .as_ref()
            .and_then(|v| Object::as_ref(v))
            .map(|r| r.number);
        if let Some(number) = number
            && !seen.insert(number)
        {
            // Read once, however many fields show it.
            shared.insert(number);
            continue;
        }
        if let Some(signature) = Found::read(&document, field, &mut reading)? {
            found.push(signature);
        }
    }
    found.sort_by_key(|f| f.range.map_or(u64::MAX, |r| r.end));
    shared_dictionaries(&mut found, &shared);
    let digests = hash(source, &mut found)?;
    let (stamps, found): (Vec<_>, Vec<_>) =
        found.into_iter().zip(digests).partition(|(f, _)| f.stamp);
    let stamps = Stamps::read(&document, stamps)?;
    let (found, digests): (Vec<Found>, Vec<Option<Digest>>) = found.into_iter().unzip();
    let certified = found
        .iter()
        .filter(|f| f.restriction.certifies)
        .find_map(|f| {
            f.restriction
                .permission
                .map(|p| (f.revision.unwrap_or(usize::MAX), p))
        });
    let later = Later::read(&document, &found, certified)?;
    let deviations: Vec<Finding> = document
        .deviations()
        .iter()
        .map(|d| Finding::remark(d.kind.id(), "ISO 32000-2 7.5").with("at", d.at))
        .collect();
    let oddities = form
        .oddities
        .iter()
        .map(|o| Finding::remark("pdf.form", "ISO 32000-2 12.7.4").with("what", o.as_str()));
    let common: Vec<Finding> = deviations.into_iter().chain(oddities).collect();
    let mut signatures: Vec<(Signature, Option<usize>)> = found
        .into_iter()
        .zip(digests)
        .map(|(f, digest)| {
            let revision = f.revision;
            let mut signature = f.finish(digest, &later);
            signature.format_findings.extend(common.iter().cloned());
            (signature, revision)
        })
        .collect();
    stamps.give(&mut signatures);
    Ok(signatures.into_iter().map(|(s, _)| s).collect())
}

/// Rule 64: two fields that show one signature dictionary.
fn shared_dictionaries(found: &mut [Found], shared: &HashSet<u32>) {
    for f in found.iter_mut() {
        if let Some(number) = f.number.filter(|n| shared.contains(n)) {
            f.findings.push(
                Finding::failed(
                    "pdf.signature.shared",
                    "rule 64",
                    SubIndication::FormatFailure,
                )
                .with("object", u64::from(number)),
            );
        }
    }
}

/// The digests of all ranges in one pass; `None` where there is no range or no algorithm.
fn hash(source: &dyn ReadAt, found: &mut [Found]) -> Result<Vec<Option<Digest>>, PadesError> {
    let wanted: Vec<Option<Wanted>> = found
        .iter()
        .map(|f| {
            Some(Wanted {
                range: f.range?,
                algorithm: f.algorithm()?,
            })
        })
        .collect();
    let list: Vec<Wanted> = wanted.iter().flatten().copied().collect();
    let digests = match ranges::digests(source, &list) {
        Ok(digests) => digests,
        Err(HashError::Io(e)) => return Err(PadesError::io("the document cannot be read", &e)),
        Err(HashError::TooMuch) => {
            return Err(PadesError::new(
                PadesErrorKind::Pdf,
                format!(
                    "the signatures cover more than {} times the file together",
                    ranges::MAX_BRANCHED
                ),
            ));
        }
    };
    let mut next = digests.into_iter();
    Ok(wanted
        .iter()
        .map(|w| w.as_ref().and_then(|_| next.next()))
        .collect())
}

/// SHA-256 over the byte range of every signature, in the order in which they were made: the file's
/// digest F of a document code. It does not change when something is appended later.
///
/// # Errors
/// As [`prepare`].
pub fn file_digests(source: &dyn ReadAt) -> Result<Vec<[u8; 32]>, PadesError> {
    let document = Document::open(source)?;
    let view = document.current();
    let form = Form::read(view, &view.catalog()?)?;
    let (mut wanted, mut reading) = (Vec::new(), Reading::new());
    for field in form.signature_fields().take(MAX_SIGNATURES) {
        let found = Found::read(&document, field, &mut reading)?;
        if let Some(range) = found.filter(|f| !f.stamp).and_then(|f| f.range) {
            wanted.push(Wanted {
                range,
                algorithm: DigestAlgorithm::Sha256,
            });
        }
    }
    wanted.sort_by_key(|w| w.range.end);
    let digests = ranges::digests(source, &wanted).map_err(|e| match e {
        HashError::Io(e) => PadesError::io("the document cannot be read", &e),
        HashError::TooMuch => PadesError::new(PadesErrorKind::Pdf, "the signatures cover too much"),
    })?;
    Ok(digests
        .iter()
        .filter_map(|d| d.as_bytes().try_into().ok())
        .collect())
}
