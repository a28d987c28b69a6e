//! From a PDF to [`Signature`]s: fields, byte ranges, one pass of hashing, later changes.

use std::collections::HashSet;
use std::ops::Range;

use super::changes::{self, Change};
use super::error::{PadesError, PadesErrorKind};
use super::fields::{Field, Form, Restriction};
use super::ranges::{self, ByteRange, HashError, Wanted};
use crate::cades::{ContentDigests, signature_of};
use crate::cms::SignedData;
use crate::keys::{Digest, DigestAlgorithm};
use crate::oid;
use crate::pdf::text;
use crate::pdf::{Dict, Document, Object, PdfError, View};
use crate::report::{Finding, SubIndication};
use crate::source::ReadAt;
use crate::validation::{
    ChangeKind, Coverage, Format, ObjectDigest, RevisionChange, Signature, SignatureValue,
    SignedObject,
};

/// Things that are named for one kind of later change.
const MAX_TOUCHED: usize = 20;
/// Signature fields that are read. The largest honest documents have some hundred.
const MAX_SIGNATURES: usize = 2_000;

/// Reads the signatures of a PDF, in the order in which they were made, and hashes the file once.
///
/// Document time-stamps are not signatures and are left out. A document without signatures gives
/// an empty list.
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
    let mut found = Vec::new();
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
            .and_then(Object::as_ref)
            .map(|r| r.number);
        if let Some(number) = number
            && !seen.insert(number)
        {
            // Read once, however many fields show it.
            shared.insert(number);
            continue;
        }
        if let Some(signature) = Found::read(&document, field)? {
            found.push(signature);
        }
    }
    found.sort_by_key(|f| f.range.map_or(u64::MAX, |r| r.end));
    shared_dictionaries(&mut found, &shared);
    let digests = hash(source, &mut found)?;
    let changes = later_changes(&document, &found)?;
    let certified = found
        .iter()
        .filter(|f| f.restriction.certifies)
        .find_map(|f| {
            f.restriction
                .permission
                .map(|p| (f.revision.unwrap_or(usize::MAX), p))
        });
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
    let revisions = document.revisions().len();
    Ok(found
        .into_iter()
        .zip(digests)
        .map(|(f, digest)| {
            let mut signature = f.finish(digest, revisions, &changes, certified);
            signature.format_findings.extend(common.iter().cloned());
            signature
        })
        .collect())
}

/// One signature as it was found, before anything was hashed.
struct Found {
    name: String,
    /// Object number of the signature dictionary, where it is one of its own.
    number: Option<u32>,
    dict: Dict,
    subfilter: Vec<u8>,
    range: Option<ByteRange>,
    /// Index of the signed revision, from 0.
    revision: Option<usize>,
    cms: Result<SignedData, String>,
    restriction: Restriction,
    findings: Vec<Finding>,
}

impl Found {
    /// The signature of a field; `None` where it is empty or holds a time-stamp.
    fn read(document: &Document<'_>, field: &Field) -> Result<Option<Self>, PdfError> {
        let view = document.current();
        let Some(value) = &field.value else {
            return Ok(None);
        };
        let object = view.resolve(value)?;
        let Some(dict) = object.as_dict().cloned() else {
            return Ok(None);
        };
        let name_of = |key: &str| view.value(&dict, key);
        let subfilter = name_of("SubFilter")?
            .as_name()
            .map(<[u8]>::to_vec)
            .unwrap_or_default();
        if subfilter == b"ETSI.RFC3161" || name_of("Type")?.as_name() == Some(b"DocTimeStamp") {
            return Ok(None);
        }
        let mut found = Self {
            name: field.name.clone(),
            number: value.as_ref().map(|r| r.number),
            restriction: Restriction::of(view, field, &dict)?,
            subfilter,
            range: None,
            revision: None,
            cms: Err("no /Contents".to_owned()),
            findings: Vec::new(),
            dict,
        };
        found.check_range(document, view)?;
        found.read_contents(view)?;
        found.check_revision(document, field)?;
        Ok(Some(found))
    }

    /// Rule 53: four numbers, from 0, the gap being exactly `/Contents`.
    fn check_range(&mut self, document: &Document<'_>, view: View<'_>) -> Result<(), PdfError> {
        const RULE: &str = "pdf.byte-range";
        const CLAUSE: &str = "rule 53; ISO 32000-2 12.8.1";
        let numbers = view.value(&self.dict, "ByteRange")?;
        let numbers: Vec<i64> = numbers
            .as_array()
            .unwrap_or_default()
            .iter()
            .filter_map(Object::as_integer)
            .collect();
        let parsed = match numbers.as_slice() {
            &[start, first, second, rest] => {
                let n = |v: i64| u64::try_from(v).ok();
                match (start, n(first), n(second), n(rest)) {
                    (0, Some(first), Some(second), Some(rest)) => second
                        .checked_add(rest)
                        .filter(|end| first < second && *end <= document.len())
                        .map(|end| ByteRange { first, second, end }),
                    _ => None,
                }
            }
            _ => None,
        };
        let Some(range) = parsed else {
            let list = numbers.iter().map(i64::to_string).collect::<Vec<_>>();
            let len = document.len();
            let finding = Finding::failed(RULE, CLAUSE, SubIndication::FormatFailure);
            self.findings
                .push(finding.with("byte-range", list).with("file", len));
            return Ok(());
        };
        self.range = Some(range);
        // Where the digits stand in the file, as this reader found the dictionary. Another
        // dictionary than the one that was signed has its /Contents elsewhere.
        match self.dict.span("Contents") {
            Some(span) if span == (range.first..range.second) => {
                self.findings
                    .push(Finding::passed(RULE, CLAUSE).with("end", range.end));
            }
            span => {
                let place = |r: Range<u64>| format!("{}–{}", r.start, r.end);
                let finding =
                    Finding::failed("pdf.byte-range.gap", CLAUSE, SubIndication::FormatFailure)
                        .with("gap", place(range.first..range.second))
                        .with(
                            "contents",
                            span.map_or_else(|| "not in the file".to_owned(), place),
                        );
                self.findings.push(finding);
            }
        }
        for (key, clause) in [("Contents", "rule 53"), ("ByteRange", "rule 53")] {
            if self.dict.count(key) > 1 {
                let finding = Finding::failed(
                    "pdf.signature.key-twice",
                    clause,
                    SubIndication::FormatFailure,
                );
                self.findings.push(finding.with("key", key));
            }
        }
        Ok(())
    }

    /// `/Contents`: a direct hexadecimal string with one message, then zeros only.
    fn read_contents(&mut self, view: View<'_>) -> Result<(), PdfError> {
        const CLAUSE: &str = "rule 53; ISO 32000-2 table 255";
        let direct = self.dict.get("Contents").cloned();
        let resolved = direct.as_ref().map(|o| view.resolve(o)).transpose()?;
        let Some(Object::String(string)) = resolved else {
            self.findings.push(Finding::failed(
                "pdf.contents.form",
                CLAUSE,
                SubIndication::FormatFailure,
            ));
            return Ok(());
        };
        if !string.hex || !matches!(direct, Some(Object::String(_))) {
            self.findings.push(
                Finding::failed("pdf.contents.form", CLAUSE, SubIndication::FormatFailure)
                    .with("hexadecimal", string.hex),
            );
        }
        match SignedData::read(&string.bytes) {
            Ok(data) => {
                let end = usize::try_from(data.len).unwrap_or(usize::MAX);
                let padding = string.bytes.get(end..).unwrap_or_default();
                if padding.iter().any(|b| *b != 0) {
                    self.findings.push(
                        Finding::failed(
                            "pdf.contents.padding",
                            CLAUSE,
                            SubIndication::FormatFailure,
                        )
                        .with("message", data.len)
                        .with("contents", string.bytes.len()),
                    );
                }
                self.cms = Ok(data);
            }
            Err(e) => self.cms = Err(e.to_string()),
        }
        Ok(())
    }

    /// Rules 53, 54 and 56: the range ends where a revision ended, and in that revision the field
    /// held this very dictionary.
    fn check_revision(&mut self, document: &Document<'_>, field: &Field) -> Result<(), PdfError> {
        const RULE: &str = "pdf.revision";
        const CLAUSE: &str = "rules 53 and 54; EN 319 142-1 5.1";
        let Some(range) = self.range else {
            return Ok(());
        };
        let failed = |what: &'static str| {
            Finding::failed(RULE, CLAUSE, SubIndication::FormatFailure).with("reason", what)
        };
        let whole = range.end == document.len();
        let revision = if whole {
            document.revisions().len().checked_sub(1)
        } else {
            document.revision_ending_at(range.end)
        };
        let Some(revision) = revision else {
            let finding = failed("the range ends inside a revision").with("end", range.end);
            self.findings.push(finding.with("file", document.len()));
            return Ok(());
        };
        self.revision = Some(revision);
        if let Some(r) = document.revisions().get(revision)
            && r.startxref().is_some_and(|at| at != r.xref_offset())
            && document.revisions().len() > revision + 1
        {
            self.findings.push(failed(
                "startxref of the signed revision leads to another section",
            ));
        }
        let Some(signed) = document.at(revision) else {
            return Ok(());
        };
        let value = match (field.reference, field.dict.get("V")) {
            // The field is an object of its own that holds the value: look at it as it was then.
            (Some(reference), Some(_)) => {
                let then = signed.object(reference.number)?.map(|i| i.object);
                let dict = then.as_ref().and_then(Object::as_dict);
                dict.and_then(|d| d.get("V")).cloned()
            }
            _ => {
                let form = Form::read(signed, &signed.catalog()?)?;
                form.field(&field.name).and_then(|f| f.value.clone())
            }
        };
        let value = value.map(|v| signed.resolve(&v)).transpose()?;
        let same = value
            .as_ref()
            .and_then(Object::as_dict)
            .is_some_and(|d| *d == self.dict && d.span("Contents") == self.dict.span("Contents"));
        self.findings.push(if same {
            Finding::passed(RULE, CLAUSE).with("revision", revision + 1)
        } else {
            failed("the signed revision holds another signature dictionary in this field")
        });
        Ok(())
    }

    /// Which digest the signature needs of its range.
    fn algorithm(&self) -> Option<DigestAlgorithm> {
        if self.subfilter == b"adbe.pkcs7.sha1" {
            return Some(DigestAlgorithm::Sha1);
        }
        self.cms
            .as_ref()
            .ok()?
            .signers
            .first()?
            .digest_algorithm
            .ok()
    }

    fn finish(
        mut self,
        digest: Option<Digest>,
        revisions: usize,
        changes: &[Option<Change>],
        certified: Option<(usize, u8)>,
    ) -> Signature {
        let coverage = self.coverage(revisions, changes);
        self.judge_changes(changes, certified);
        let scope = match self.range {
            Some(r) => format!("bytes 0–{} and {}–{}", r.first, r.second, r.end),
            None => "byte range".to_owned(),
        };
        let mut signature = match &self.cms {
            Ok(data) if !data.signers.is_empty() => self.of_message(data, digest),
            Ok(_) => self.empty("the message has no signer"),
            Err(reason) => self.empty(reason),
        };
        for object in &mut signature.objects {
            object.scope.clone_from(&scope);
        }
        signature.coverage = coverage;
        self.claims(&mut signature);
        signature.format_findings.splice(0..0, self.findings);
        signature
    }

    fn of_message(&self, data: &SignedData, digest: Option<Digest>) -> Signature {
        let known: Vec<Digest> = digest.into_iter().collect();
        let mut extra = Vec::new();
        let format = SubIndication::FormatFailure;
        if data.signers.len() != 1 {
            extra.push(
                Finding::failed("pdf.one-signer", "rule 9; EN 319 142-1 5.3", format)
                    .with("signers", data.signers.len()),
            );
        }
        let legacy = self.subfilter == b"adbe.pkcs7.sha1";
        let enclosed = legacy && data.content.is_some();
        if data.content.is_some() && !legacy {
            extra.push(Finding::failed(
                "pdf.content-enclosed",
                "rule 10; EN 319 142-1 5.3",
                format,
            ));
        }
        let digests = if enclosed {
            &data.content_digests
        } else {
            &known
        };
        let content = if known.is_empty() {
            ContentDigests::Missing
        } else {
            ContentDigests::Known(digests)
        };
        let Some(signer) = data.signers.first() else {
            return self.empty("no signer");
        };
        let mut signature = signature_of(data, signer, content, self.name.clone());
        if enclosed {
            // The message signs the SHA-1 digest of the range as its content.
            let computed = known.first().copied();
            let inside =
                enclosed_octets(self, data).and_then(|o| Digest::new(DigestAlgorithm::Sha1, &o));
            let digest = match (inside, computed) {
                (Some(signed), Some(computed)) if signed == computed => {
                    ObjectDigest::Intact(signed)
                }
                (Some(signed), Some(computed)) => ObjectDigest::Broken { signed, computed },
                (signed, _) => ObjectDigest::Missing { signed },
            };
            signature.objects.push(SignedObject {
                scope: String::new(),
                digest,
            });
        }
        let etsi = self.subfilter == b"ETSI.CAdES.detached";
        if !matches!(
            self.subfilter.as_slice(),
            b"ETSI.CAdES.detached" | b"adbe.pkcs7.detached" | b"adbe.pkcs7.sha1"
        ) {
            extra.push(
                Finding::indeterminate(
                    "pdf.subfilter",
                    "rule 55; ISO 32000-2 table 255",
                    SubIndication::SigConstraintsFailure,
                )
                .with(
                    "subfilter",
                    String::from_utf8_lossy(&self.subfilter).into_owned(),
                ),
            );
        }
        let signed = data
            .signers
            .first()
            .and_then(|s| s.signed_attributes.as_ref());
        if etsi && signed.is_some_and(|a| a.of(oid::SIGNING_TIME).next().is_some()) {
            extra.push(Finding::remark(
                "pades.signing-time-attribute",
                "rule 62; EN 319 142-1 6.3",
            ));
        }
        if etsi
            && self.dict.get("Reason").is_some()
            && signed.is_some_and(|a| a.of(oid::COMMITMENT_TYPE).next().is_some())
        {
            extra.push(Finding::remark(
                "pades.reason-and-commitment",
                "rule 62; EN 319 142-1 6.3",
            ));
        }
        signature.format = match (etsi, signature.format) {
            (true, Format::Cades) => Format::Pades,
            _ => Format::Pdf,
        };
        signature.format_findings.extend(extra);
        signature
    }

    /// A signature whose `/Contents` cannot be read.
    fn empty(&self, reason: &str) -> Signature {
        Signature {
            format: Format::Pdf,
            name: self.name.clone(),
            claims: crate::validation::Claims::default(),
            objects: Vec::new(),
            signed_bytes: Vec::new(),
            signed_bytes_as_received: None,
            value: SignatureValue {
                algorithm: Err(oid::SIGNED_DATA),
                octets: Vec::new(),
            },
            signing_certificate: Vec::new(),
            signer_identifier: None,
            timestamps: Vec::new(),
            evidence: std::sync::Arc::default(),
            coverage: Coverage::Unknown,
            format_findings: vec![
                Finding::failed(
                    "pdf.contents.message",
                    "rule 53",
                    SubIndication::FormatFailure,
                )
                .with("reason", reason),
            ],
        }
    }

    fn coverage(&self, revisions: usize, changes: &[Option<Change>]) -> Coverage {
        let Some(revision) = self.revision else {
            return Coverage::Partial;
        };
        // One entry for each kind of change: a document with hundreds of signatures would
        // otherwise be told of hundreds of times over.
        let mut later: Vec<RevisionChange> = Vec::new();
        for (r, change) in changes.iter().enumerate().skip(revision + 1) {
            let Some(change) = change else { continue };
            match later.iter_mut().find(|l| l.kind == change.kind) {
                Some(entry) => {
                    let room = MAX_TOUCHED.saturating_sub(entry.touched.len());
                    entry
                        .touched
                        .extend(change.touched.iter().take(room).cloned());
                }
                None => later.push(RevisionChange {
                    revision: r + 1,
                    kind: change.kind,
                    touched: change.touched.iter().take(MAX_TOUCHED).cloned().collect(),
                }),
            }
        }
        if revisions == 1 && later.is_empty() {
            return Coverage::Whole;
        }
        Coverage::Revision {
            revision: revision + 1,
            revisions,
            later,
        }
    }

    /// Rules 56 and 57: what came later, against what this signature and the certifying one allow.
    fn judge_changes(&mut self, changes: &[Option<Change>], certified: Option<(usize, u8)>) {
        const CLAUSE: &str = "rules 56 and 57; ISO 32000-2 12.8.2.2";
        let Some(revision) = self.revision else {
            return;
        };
        let own = self.restriction.permission;
        for (r, change) in changes.iter().enumerate().skip(revision + 1) {
            let Some(change) = change else { continue };
            let of_document = certified.filter(|(since, _)| *since < r).map(|(_, p)| p);
            let permission = [own, of_document].into_iter().flatten().min();
            let allowed = match permission {
                // Validation data and document time-stamps are allowed even then.
                Some(1) => ChangeKind::ValidationData,
                Some(2) => ChangeKind::FormFilling,
                _ => ChangeKind::Annotations,
            };
            let describe = |finding: Finding| {
                finding
                    .of(format!("revision {}", r + 1))
                    .with("changed", change.kind.name())
                    .with("touched", change.touched.clone())
            };
            if change.kind > allowed {
                let finding = match permission {
                    Some(p) => Finding::failed(
                        "pdf.changes.permitted",
                        CLAUSE,
                        SubIndication::FormatFailure,
                    )
                    .with("permission", u64::from(p)),
                    // Nobody forbade it; but what a reader shows now is not what was signed.
                    None => Finding::indeterminate(
                        "pdf.changes.undefined",
                        CLAUSE,
                        SubIndication::SigConstraintsFailure,
                    ),
                };
                self.findings.push(describe(finding));
            }
            let locked: Vec<String> = change
                .fields
                .iter()
                .filter(|f| self.restriction.locked.iter().any(|s| s.covers(f)))
                .cloned()
                .collect();
            if !locked.is_empty() {
                self.findings.push(
                    Finding::failed(
                        "pdf.field-lock",
                        "rule 57; ISO 32000-2 12.8.2.4",
                        SubIndication::FormatFailure,
                    )
                    .of(format!("revision {}", r + 1))
                    .with("fields", locked),
                );
            }
        }
    }

    fn claims(&self, signature: &mut Signature) {
        let text = |key: &str| {
            self.dict
                .get(key)
                .and_then(Object::as_string)
                .map(|s| text::decode(&s.bytes))
        };
        let claims = &mut signature.claims;
        let date = self.dict.get("M").and_then(Object::as_string);
        claims.signing_time = date
            .and_then(|d| text::parse_date(&d.bytes))
            .or(claims.signing_time);
        claims.reason = text("Reason").filter(|t| !t.is_empty());
        claims.location = text("Location")
            .filter(|t| !t.is_empty())
            .or(claims.location.take());
        claims.name = text("Name").filter(|t| !t.is_empty());
        claims.contact = text("ContactInfo").filter(|t| !t.is_empty());
    }
}

/// The octets that a message of `adbe.pkcs7.sha1` holds: 20 of them.
fn enclosed_octets(found: &Found, data: &SignedData) -> Option<Vec<u8>> {
    let contents = found.dict.get("Contents")?.as_string()?;
    let mut octets = Vec::new();
    let content = data.content.as_ref().filter(|c| c.len == 20)?;
    content
        .read(&contents.bytes, &mut |block| {
            octets.extend_from_slice(block);
            Ok(())
        })
        .ok()?;
    Some(octets)
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

/// What each revision did that came after the first signed one; by index of the revision.
fn later_changes(
    document: &Document<'_>,
    found: &[Found],
) -> Result<Vec<Option<Change>>, PdfError> {
    let first = found.iter().filter_map(|f| f.revision).min();
    let count = document.revisions().len();
    let mut changes: Vec<Option<Change>> = (0..count).map(|_| None).collect();
    let Some(first) = first else {
        return Ok(changes);
    };
    let mut memory = changes::Memory::default();
    for revision in first + 1..count {
        let (Some(before), Some(after)) = (document.at(revision - 1), document.at(revision)) else {
            continue;
        };
        let written: Vec<u32> = document
            .changes(revision)
            .iter()
            .map(|c| c.number)
            .collect();
        let change = changes::judge(before, after, &written, &mut memory)?;
        if let Some(slot) = changes.get_mut(revision) {
            *slot = Some(change);
        }
    }
    Ok(changes)
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
    let mut wanted = Vec::new();
    for field in form.signature_fields().take(MAX_SIGNATURES) {
        if let Some(range) = Found::read(&document, field)?.and_then(|f| f.range) {
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
