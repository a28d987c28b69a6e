//! The ends of the file: header, `startxref`, and the marker that ends each revision.

use super::lexer::is_space;
use super::limits::{HEADER_SEARCH, TRAILER_SEARCH};
use super::xref::Revision;
use super::{DeviationKind, Document, PdfError, PdfErrorKind};

/// Finds `%PDF-`; returns its place and keeps the version.
pub(super) fn header(document: &mut Document<'_>) -> Result<u64, PdfError> {
    let octets = document.fetch(0, HEADER_SEARCH)?;
    let Some(at) = octets.windows(5).position(|w| w == b"%PDF-") else {
        return Err(PdfError::new(
            PdfErrorKind::NotPdf,
            format!("found no %PDF- in the first {HEADER_SEARCH} octets"),
        ));
    };
    let digit = |b: &u8| b.is_ascii_digit().then(|| b.wrapping_sub(b'0'));
    document.version = match octets.get(at.saturating_add(5)..) {
        Some([major, b'.', minor, ..]) => digit(major).zip(digit(minor)),
        _ => None,
    };
    let at = u64::try_from(at).unwrap_or(u64::MAX);
    if at > 0 {
        document.note(DeviationKind::JunkBeforeHeader, 0, None);
    }
    Ok(at)
}

/// The number after the last `startxref`.
pub(super) fn last_startxref(document: &Document<'_>) -> Result<u64, PdfError> {
    let from = document.len.saturating_sub(TRAILER_SEARCH);
    let octets = document.fetch(from, TRAILER_SEARCH)?;
    let place = octets.windows(9).rposition(|w| w == b"startxref");
    let Some(place) = place else {
        return Err(PdfError::broken(
            from,
            format!("found no startxref in the last {TRAILER_SEARCH} octets, from there on"),
        ));
    };
    let at = from
        .saturating_add(u64::try_from(place).unwrap_or(u64::MAX))
        .saturating_add(9);
    document
        .parse_at(at, None, |lexer| lexer.unsigned())?
        .ok_or_else(|| PdfError::broken(at, "expected a number after startxref"))
}

/// Groups the sections into revisions, oldest first, and finds where each ends.
pub(super) fn find_revisions(document: &mut Document<'_>) -> Result<(), PdfError> {
    let mut revisions: Vec<Revision> = Vec::new();
    let mut start = 0;
    while let Some(newest) = document.sections.get(start) {
        let mut end = start.saturating_add(1);
        // A revision's older section lies further on only in linearized files (Annex F.3.4).
        let mut furthest = newest;
        while let Some(next) = document.sections.get(end) {
            if next.supplement {
                end = end.saturating_add(1);
            } else if next.at > furthest.at {
                furthest = next;
                end = end.saturating_add(1);
            } else {
                break;
            }
        }
        let mut revision = Revision {
            sections: start..end,
            form: newest.form,
            xref: newest.at,
            startxref: None,
            marker_end: None,
            end: None,
        };
        find_end(document, furthest.end, &mut revision)?;
        revisions.push(revision);
        start = end;
    }
    revisions.reverse();
    if let Some(last) = revisions.last() {
        check_after(document, last)?;
    }
    document.revisions = revisions;
    Ok(())
}

fn find_end(document: &Document<'_>, at: u64, revision: &mut Revision) -> Result<(), PdfError> {
    let found = document.parse_at(at, None, |lexer| {
        if !lexer.keyword(b"startxref")? {
            return Ok((None, None));
        }
        let startxref = lexer.unsigned()?;
        while lexer.peek()?.is_some_and(is_space) {
            lexer.bump();
        }
        if !lexer.literal(b"%%EOF")? {
            return Ok((startxref, None));
        }
        let marker = lexer.at();
        if lexer.peek()? == Some(b'\r') {
            lexer.bump();
        }
        if lexer.peek()? == Some(b'\n') {
            lexer.bump();
        }
        Ok((startxref, Some((marker, lexer.at()))))
    })?;
    revision.startxref = found.0.map(|n| n.saturating_add(document.base));
    match found.1 {
        Some((marker, end)) => {
            revision.marker_end = Some(marker);
            revision.end = Some(end);
        }
        None => document.note(DeviationKind::EofMissing, at, None),
    }
    if revision.startxref != Some(revision.xref) {
        document.note(DeviationKind::RevisionStartxref, at, None);
    }
    Ok(())
}

fn check_after(document: &Document<'_>, last: &Revision) -> Result<(), PdfError> {
    let Some(end) = last.end else {
        return Ok(());
    };
    let rest = document.fetch(end, TRAILER_SEARCH)?;
    if rest.iter().any(|&b| !is_space(b)) || end.saturating_add(TRAILER_SEARCH) < document.len {
        document.note(DeviationKind::JunkAfterEof, end, None);
    }
    Ok(())
}
