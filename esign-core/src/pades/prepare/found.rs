//! One signature as it stands in the file: byte range, `/Contents`, signed revision.

use std::ops::Range;

use crate::cms::SignedData;
use crate::keys::DigestAlgorithm;
use crate::pades::error::{PadesError, PadesErrorKind};
use crate::pades::fields::{Field, Form, Known, Restriction};
use crate::pades::ranges::ByteRange;
use crate::pdf::{Dict, Document, Object, PdfError, View, write_object};
use crate::report::{Finding, SubIndication};
use crate::tsp::TimeStampToken;

/// Octets of all signature dictionaries that are looked at together, as they stand in the file:
/// two thousand of 128 KiB. Fields may inherit one dictionary of many MB any number of times.
const MAX_SIGNATURE_OCTETS: u64 = 256 << 20;

/// One signature as it was found, before anything was hashed.
pub(super) struct Found {
    pub(super) name: String,
    /// Object number of the signature dictionary, where it is one of its own.
    pub(super) number: Option<u32>,
    pub(super) dict: Dict,
    pub(super) subfilter: Vec<u8>,
    /// Whether it is a document time-stamp: no signature, but proof for those before it.
    pub(super) stamp: bool,
    pub(super) range: Option<ByteRange>,
    /// Index of the signed revision, from 0.
    pub(super) revision: Option<usize>,
    pub(super) cms: Result<SignedData, String>,
    pub(super) restriction: Restriction,
    pub(super) findings: Vec<Finding>,
}

/// What reading the signatures of a document may still spend, and what of it is kept.
pub(super) struct Reading {
    octets: u64,
    known: Known,
    /// The form as it was at this revision.
    form: Option<(usize, Form)>,
}

impl Reading {
    pub(super) fn new() -> Self {
        Self {
            octets: MAX_SIGNATURE_OCTETS,
            known: Known::new(),
            form: None,
        }
    }

    /// Pays for a signature dictionary by the octets that it takes.
    fn spend(&mut self, dict: &Dict) -> Result<(), PadesError> {
        let written = |o: &Object| {
            let mut out = Vec::new();
            write_object(&mut out, o);
            u64::try_from(out.len()).unwrap_or(u64::MAX)
        };
        let octets = dict
            .entries()
            .iter()
            .map(|e| match &e.span {
                Some(span) => span.end.saturating_sub(span.start),
                None => written(&e.value),
            })
            .fold(0, u64::saturating_add);
        self.octets = self.octets.checked_sub(octets).ok_or_else(|| {
            PadesError::new(
                PadesErrorKind::Pdf,
                format!(
                    "the signature dictionaries take more than {MAX_SIGNATURE_OCTETS} octets together"
                ),
            )
        })?;
        Ok(())
    }

    /// The form as it was at the end of a revision.
    fn form(&mut self, view: View<'_>) -> Result<&Form, PdfError> {
        let revision = view.revision();
        let form = match self.form.take() {
            Some((r, form)) if r == revision => form,
            _ => {
                // Of another revision nothing is known but what it cost.
                self.known.forget_all();
                Form::read_with(view, &view.catalog()?, &mut self.known)?
            }
        };
        Ok(&self.form.insert((revision, form)).1)
    }
}

impl Found {
    /// The signature or time-stamp of a field; `None` where it is empty.
    pub(super) fn read(
        document: &Document<'_>,
        field: &Field,
        reading: &mut Reading,
    ) -> Result<Option<Self>, PadesError> {
        let view = document.current();
        let Some(value) = &field.value else {
            return Ok(None);
        };
        let object = view.resolve(value)?;
        let Some(dict) = object.as_dict().cloned() else {
            return Ok(None);
        };
        reading.spend(&dict)?;
        let name_of = |key: &str| view.value(&dict, key);
        let subfilter = name_of("SubFilter")?
            .as_name()
            .map(<[u8]>::to_vec)
            .unwrap_or_default();
        // Rule 55: either is enough, some software leaves out the type.
        let stamp =
            subfilter == b"ETSI.RFC3161" || name_of("Type")?.as_name() == Some(b"DocTimeStamp");
        let mut found = Self {
            stamp,
            name: field.name.clone(),
            number: Object::as_ref(value).map(|r| r.number),
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
        found.check_revision(document, field, reading)?;
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
    fn check_revision(
        &mut self,
        document: &Document<'_>,
        field: &Field,
        reading: &mut Reading,
    ) -> Result<(), PdfError> {
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
                let form = reading.form(signed)?;
                let value = form.field(&field.name).and_then(|f| f.value.as_deref());
                value.cloned()
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

    /// The message in `/Contents`, without what fills the room behind it.
    pub(super) fn message(&self) -> Option<&[u8]> {
        let len = usize::try_from(self.cms.as_ref().ok()?.len).ok()?;
        self.dict.get("Contents")?.as_string()?.bytes.get(..len)
    }

    /// Which digest the signature needs of its range.
    pub(super) fn algorithm(&self) -> Option<DigestAlgorithm> {
        if self.stamp {
            let token = TimeStampToken::from_der(self.message()?).ok()?;
            return token.tst_info().message_imprint.algorithm().ok();
        }
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
}
