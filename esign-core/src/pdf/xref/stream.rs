//! Cross-reference streams (ISO 32000-1 §7.5.8).

use super::chain::Subsection;
use super::{Entry, EntryKind, Section, XrefForm};
use crate::pdf::limits::MAX_XREF_STREAM;
use crate::pdf::{DeviationKind, Dict, Document, Object, PdfError, View};

/// The stream at `at`; other sections have `before` entries.
pub(super) fn load_stream(
    document: &Document<'_>,
    at: u64,
    before: usize,
) -> Result<Section, PdfError> {
    let view = View {
        document,
        revision: 0,
    };
    let loaded = document.load_at(view, at, None)?;
    let reference = loaded.indirect.reference;
    let Object::Stream(stream) = loaded.indirect.object else {
        return Err(PdfError::broken(
            at,
            "found an object that is no stream, expected 'xref' or a cross-reference stream",
        )
        .in_object(reference.number));
    };
    if stream.dict.get("Type").and_then(Object::as_name) != Some(b"XRef") {
        return Err(
            PdfError::broken(at, "the stream is not of /Type /XRef").in_object(reference.number)
        );
    }
    let fail = |what: &str| PdfError::broken(at, what).in_object(reference.number);
    let widths = widths(&stream.dict).ok_or_else(|| fail("/W is not three widths from 0 to 8"))?;
    let index = index(&stream.dict).ok_or_else(|| fail("/Index or /Size is invalid"))?;
    let data = view
        .stream_data(&stream, MAX_XREF_STREAM)
        .map_err(|e| e.in_object(reference.number))?;
    let entries = rows(document, &data, widths, &index, at, before)
        .map_err(|e| e.in_object(reference.number))?;
    Ok(Section {
        at,
        end: loaded.end,
        form: XrefForm::Stream,
        supplement: false,
        entries,
        trailer: stream.dict,
    })
}

fn widths(dict: &Dict) -> Option<[usize; 3]> {
    let [a, b, c] = dict.get("W")?.as_array()? else {
        return None;
    };
    let mut widths = [0; 3];
    for (width, object) in widths.iter_mut().zip([a, b, c]) {
        *width = usize::try_from(object.as_integer()?)
            .ok()
            .filter(|w| *w <= 8)?;
    }
    (widths.iter().sum::<usize>() > 0).then_some(widths)
}

fn index(dict: &Dict) -> Option<Vec<(u32, u32)>> {
    let number = |o: &Object| o.as_integer().and_then(|n| u32::try_from(n).ok());
    match dict.get("Index") {
        None => Some(vec![(0, number(dict.get("Size")?)?)]),
        Some(Object::Array(items)) => items
            .chunks(2)
            .map(|pair| match pair {
                [start, count] => Some((number(start)?, number(count)?)),
                _ => None,
            })
            .collect(),
        Some(_) => None,
    }
}

fn rows(
    document: &Document<'_>,
    data: &[u8],
    widths: [usize; 3],
    index: &[(u32, u32)],
    at: u64,
    before: usize,
) -> Result<Vec<Entry>, PdfError> {
    let width: usize = widths.iter().sum();
    let mut rows = data.chunks_exact(width);
    // All of the index first: it may name far more rows than there are.
    let mut announced = before;
    for &(start, count) in index {
        let room = rows.len().saturating_sub(announced.saturating_sub(before));
        let room = u64::try_from(room).unwrap_or(u64::MAX);
        Subsection { start, count, at }.check(announced, room, 1)?;
        announced = announced.saturating_add(usize::try_from(count).unwrap_or(usize::MAX));
    }
    let mut entries = Vec::with_capacity(rows.len().min(announced.saturating_sub(before)));
    for &(start, count) in index {
        for (number, row) in (start..start.saturating_add(count)).zip(&mut rows) {
            entries.push(row_entry(document, number, row, widths, at));
        }
    }
    Ok(entries)
}

fn row_entry(
    document: &Document<'_>,
    number: u32,
    row: &[u8],
    [first, second, third]: [usize; 3],
    at: u64,
) -> Entry {
    let field = |from: usize, width: usize| {
        row.get(from..from.saturating_add(width))
            .unwrap_or_default()
            .iter()
            .fold(0u64, |n, &b| (n << 8) | u64::from(b))
    };
    // A missing type means 1 (§7.5.8.2, table 17).
    let kind = if first == 0 { 1 } else { field(0, first) };
    let value = field(first, second);
    let extra = field(first.saturating_add(second), third);
    let free = Entry {
        number,
        generation: u16::try_from(extra).unwrap_or(u16::MAX),
        kind: EntryKind::Free,
        value: 0,
    };
    match kind {
        1 if value == 0 => {
            document.note(DeviationKind::XrefEntryOffset, at, Some(number));
            free
        }
        1 => Entry {
            kind: EntryKind::InFile,
            value: value.saturating_add(document.base),
            ..free
        },
        2 => match (u32::try_from(value), u32::try_from(extra)) {
            (Ok(stream), Ok(place)) => Entry {
                generation: 0,
                kind: EntryKind::InStream,
                value: (u64::from(stream) << 32) | u64::from(place),
                ..free
            },
            _ => free,
        },
        // Type 0 is free; other types are references to the null object (table 18).
        _ => free,
    }
}
