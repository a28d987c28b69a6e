//! Following the chain of sections from `startxref` back to the oldest (ISO 32000-1 §7.5.5, §7.5.8.4).

use super::stream::load_stream;
use super::table::load_table;
use super::{EntryKind, Section, XrefForm};
use crate::pdf::lexer::{Lexer, is_space};
use crate::pdf::limits::{MAX_ENTRIES, MAX_OBJECT_NUMBER, MAX_SECTIONS, STARTXREF_SLACK};
use crate::pdf::{DeviationKind, Document, Object, PdfError};

/// Follows the chain from `startxref`; determines what offsets count from.
pub(in crate::pdf) fn load_chain(
    document: &mut Document<'_>,
    header: u64,
    startxref: u64,
) -> Result<(), PdfError> {
    let mut at = first_section(document, header, startxref)?;
    let mut total = 0usize;
    loop {
        if document.sections.iter().any(|s| s.at == at) {
            return Err(PdfError::broken(
                at,
                "the chain of cross-reference sections returns to itself",
            ));
        }
        let mut section = load_section(document, at, &mut total)?;
        section.at = at;
        let previous = section.trailer.get("Prev").cloned();
        let supplement = match (section.form, section.trailer.get("XRefStm")) {
            (XrefForm::Table, Some(Object::Integer(n))) => u64::try_from(*n).ok(),
            _ => None,
        };
        document.sections.push(section);
        if let Some(offset) = supplement {
            load_supplement(document, offset, &mut total)?;
        }
        at = match previous {
            None | Some(Object::Null) => return Ok(()),
            Some(Object::Integer(n)) if n > 0 => u64::try_from(n)
                .unwrap_or(u64::MAX)
                .saturating_add(document.base),
            Some(_) => {
                document.note(DeviationKind::PrevInvalid, at, None);
                return Ok(());
            }
        };
    }
}

fn load_supplement(
    document: &mut Document<'_>,
    offset: u64,
    total: &mut usize,
) -> Result<(), PdfError> {
    let at = offset.saturating_add(document.base);
    let mut section = load_section(document, at, total)?;
    if section.form != XrefForm::Stream {
        return Err(PdfError::broken(
            at,
            "/XRefStm does not lead to a cross-reference stream",
        ));
    }
    section.at = at;
    section.supplement = true;
    if let Some(table) = document.sections.last() {
        let conflict = section.entries.iter().any(|e| {
            e.kind != EntryKind::Free
                && table
                    .find(e.number)
                    .is_some_and(|t| t.kind != EntryKind::Free && t.location() != e.location())
        });
        if conflict {
            document.note(DeviationKind::HybridConflict, at, None);
        }
    }
    document.sections.push(section);
    Ok(())
}

/// Where the newest section is: exactly at `startxref`, or tolerably near.
fn first_section(
    document: &mut Document<'_>,
    header: u64,
    startxref: u64,
) -> Result<u64, PdfError> {
    for base in [header, 0] {
        let at = startxref.saturating_add(base);
        if is_section(document, at)? {
            document.base = base;
            if base != header {
                document.note(DeviationKind::OffsetsFromFileStart, at, None);
            }
            return Ok(at);
        }
    }
    let around = startxref.saturating_add(header);
    let from = around.saturating_sub(STARTXREF_SLACK);
    let octets = document.fetch(from, STARTXREF_SLACK.saturating_mul(2))?;
    let found = octets
        .windows(5)
        .position(|w| w.ends_with(b"xref") && w.first().is_some_and(|&b| is_space(b)));
    match found {
        Some(i) => {
            document.base = header;
            let at = from
                .saturating_add(u64::try_from(i).unwrap_or(u64::MAX))
                .saturating_add(1);
            document.note(DeviationKind::StartxrefInexact, at, None);
            Ok(at)
        }
        None => Err(PdfError::broken(
            around,
            format!("startxref says {startxref}: found no cross-reference section there"),
        )),
    }
}

fn is_section(document: &Document<'_>, at: u64) -> Result<bool, PdfError> {
    let octets = document.fetch(at, 32)?;
    if octets.starts_with(b"xref") {
        return Ok(true);
    }
    // White space in between is inexact, and left to the search around; an object header is a number.
    let mut lexer = Lexer::new(&octets, at, true);
    Ok(octets.first().is_some_and(u8::is_ascii_digit) && lexer.object_header().is_ok())
}

fn load_section(document: &Document<'_>, at: u64, total: &mut usize) -> Result<Section, PdfError> {
    if at >= document.len {
        return Err(PdfError::broken(
            at,
            "a cross-reference section is said to lie beyond the end of the file",
        ));
    }
    if document.sections.len() >= MAX_SECTIONS {
        return Err(
            PdfError::limit(format!("more than {MAX_SECTIONS} cross-reference sections"))
                .at_byte(at),
        );
    }
    let is_table = document.parse_at(at, None, |lexer| {
        if lexer.peek()?.is_some_and(is_space) {
            lexer.notes.push((DeviationKind::StartxrefInexact, at));
        }
        lexer.skip_space()?;
        let found = lexer.literal(b"xref")?;
        Ok(found.then(|| lexer.at()))
    })?;
    let mut section = match is_table {
        Some(after) => load_table(document, at, after, *total)?,
        None => load_stream(document, at, *total)?,
    };
    *total = total.saturating_add(section.entries.len());
    let entries = &mut section.entries;
    if !entries.is_sorted_by_key(|e| e.number) {
        // Stable: of several entries for one number the first stays in front.
        entries.sort_by_key(|e| e.number);
    }
    let before = entries.len();
    entries.dedup_by_key(|e| e.number);
    if entries.len() < before {
        document.note(DeviationKind::DuplicateXrefEntry, at, None);
    }
    Ok(section)
}

/// A run of entries as it is announced, before anything is reserved for it.
pub(super) struct Subsection {
    pub(super) start: u32,
    pub(super) count: u32,
    pub(super) at: u64,
}

impl Subsection {
    /// Refuses numbers too high, more entries than are kept with the `before` that there are
    /// already, and more than `room` octets can hold, each of which takes `shortest` at least.
    pub(super) fn check(&self, before: usize, room: u64, shortest: u64) -> Result<(), PdfError> {
        let (start, count, at) = (self.start, self.count, self.at);
        let last = u64::from(start)
            .saturating_add(u64::from(count))
            .saturating_sub(1);
        if last > u64::from(MAX_OBJECT_NUMBER) {
            return Err(PdfError::limit(format!(
                "objects {start} to {last} are announced, at most {MAX_OBJECT_NUMBER} is read"
            ))
            .at_byte(at));
        }
        if u64::from(count).saturating_mul(shortest) > room {
            return Err(PdfError::broken(
                at,
                format!(
                    "{count} cross-reference entries are announced, there is room for {}",
                    room.checked_div(shortest).unwrap_or(0)
                ),
            ));
        }
        let entries = before.saturating_add(usize::try_from(count).unwrap_or(usize::MAX));
        if entries > MAX_ENTRIES {
            return Err(PdfError::limit(format!(
                "{entries} cross-reference entries, at most {MAX_ENTRIES} are read"
            ))
            .at_byte(at));
        }
        Ok(())
    }
}
