//! The chain of cross-reference sections (ISO 32000-1 §7.5.4, §7.5.8).

use core::ops::Range;

use super::lexer::{Lexer, Stop};
use super::limits::{
    MAX_ENTRIES, MAX_OBJECT_NUMBER, MAX_SECTIONS, MAX_XREF_STREAM, STARTXREF_SLACK,
};
use super::{DeviationKind, Dict, Document, Object, PdfError, Reference, View};

/// The form of a cross-reference section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XrefForm {
    /// `xref … trailer`; also that of a hybrid file.
    Table,
    /// A cross-reference stream.
    Stream,
}

/// Where an object lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Location {
    /// Nowhere: the number is free.
    Free {
        /// The generation the next object with this number is to have.
        generation: u16,
    },
    /// At an offset in the file.
    InFile {
        /// Octets from the start of the file.
        offset: u64,
        /// The object's generation.
        generation: u16,
    },
    /// In an object stream.
    InStream {
        /// The object stream's number.
        stream: u32,
        /// Place within it, from 0.
        index: u32,
    },
}

/// One state of the file, from one end-of-file marker to the next.
///
/// A linearized file is one revision with two sections; so is a hybrid one.
#[derive(Clone, Debug)]
pub struct Revision {
    pub(super) sections: Range<usize>,
    pub(super) form: XrefForm,
    pub(super) xref: u64,
    pub(super) startxref: Option<u64>,
    pub(super) marker_end: Option<u64>,
    pub(super) end: Option<u64>,
}

/// What a revision did to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Object number.
    pub number: u32,
    /// What happened.
    pub kind: ChangeKind,
}

/// Kinds of [`Change`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// There was no such object before.
    Added,
    /// It lies elsewhere now.
    Changed,
    /// It is free now.
    Freed,
}

pub(crate) struct Section {
    pub(super) at: u64,
    /// After the trailer dictionary, or after the stream object.
    pub(super) end: u64,
    pub(super) form: XrefForm,
    /// The stream of a hybrid file's table, which comes before it in the list.
    pub(super) supplement: bool,
    /// Ascending by number, each once.
    pub(super) entries: Vec<Entry>,
    pub(super) trailer: Dict,
}

/// 16 octets: every object of the file has one for each section that mentions it.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    pub(super) number: u32,
    pub(super) generation: u16,
    pub(super) kind: EntryKind,
    /// Offset in the file, or stream number and index in 32 bits each.
    pub(super) value: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum EntryKind {
    Free,
    InFile,
    InStream,
}

impl Revision {
    /// Offset after `%%EOF` and its end of line; `None` if there is no marker.
    pub fn end(&self) -> Option<u64> {
        self.end
    }

    /// Offset after `%%EOF`, before an end of line.
    pub fn marker_end(&self) -> Option<u64> {
        self.marker_end
    }

    /// Whether the file as it was could have ended here: after `%%EOF`, with or without its end of
    /// line.
    pub fn ends_at(&self, offset: u64) -> bool {
        matches!((self.marker_end, self.end), (Some(a), Some(b)) if (a..=b).contains(&offset))
    }

    /// Offset of its newest cross-reference section.
    pub fn xref_offset(&self) -> u64 {
        self.xref
    }

    /// The number after its `startxref`, from the file's start; should be
    /// [`xref_offset`](Self::xref_offset).
    pub fn startxref(&self) -> Option<u64> {
        self.startxref
    }

    /// The form of its newest section.
    pub fn form(&self) -> XrefForm {
        self.form
    }
}

impl Location {
    /// The generation; 0 in object streams.
    pub fn generation(&self) -> u16 {
        match self {
            Self::Free { generation } | Self::InFile { generation, .. } => *generation,
            Self::InStream { .. } => 0,
        }
    }
}

impl Entry {
    fn location(self) -> Location {
        match self.kind {
            EntryKind::Free => Location::Free {
                generation: self.generation,
            },
            EntryKind::InFile => Location::InFile {
                offset: self.value,
                generation: self.generation,
            },
            EntryKind::InStream => Location::InStream {
                stream: u32::try_from(self.value >> 32).unwrap_or(u32::MAX),
                index: u32::try_from(self.value & 0xffff_ffff).unwrap_or(u32::MAX),
            },
        }
    }
}

/// The first section that knows the object decides. What a hybrid's table calls free may be in
/// its stream (§7.5.8.4).
pub(super) fn locate(sections: &[Section], number: u32) -> Option<Location> {
    let mut sections = sections.iter().peekable();
    while let Some(section) = sections.next() {
        let found = section.find(number);
        if sections.peek().is_some_and(|next| next.supplement)
            && found.is_none_or(|e| e.kind == EntryKind::Free)
            && let Some(entry) = sections.next().and_then(|s| s.find(number))
        {
            return Some(entry.location());
        }
        if let Some(entry) = found {
            return Some(entry.location());
        }
    }
    None
}

impl Section {
    fn find(&self, number: u32) -> Option<Entry> {
        // Sections mostly list all numbers from 0 or a small run: try the direct place first.
        let first = self.entries.first()?.number;
        let direct = usize::try_from(number.checked_sub(first)?).ok()?;
        if let Some(entry) = self.entries.get(direct).filter(|e| e.number == number) {
            return Some(*entry);
        }
        let at = self
            .entries
            .binary_search_by_key(&number, |e| e.number)
            .ok()?;
        self.entries.get(at).copied()
    }
}

/// Follows the chain from `startxref`; determines what offsets count from.
pub(super) fn load_chain(
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
        if document.sections.len() >= MAX_SECTIONS {
            return Err(PdfError::limit(format!(
                "more than {MAX_SECTIONS} cross-reference sections"
            ))
            .at_byte(at));
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
    let found = octets.windows(5).position(|w| {
        w.ends_with(b"xref") && w.first().is_some_and(|&b| super::lexer::is_space(b))
    });
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
    let is_table = document.parse_at(at, None, |lexer| {
        if lexer.peek()?.is_some_and(super::lexer::is_space) {
            lexer.notes.push((DeviationKind::StartxrefInexact, at));
        }
        lexer.skip_space()?;
        let found = lexer.literal(b"xref")?;
        Ok(found.then(|| lexer.at()))
    })?;
    let mut section = match is_table {
        Some(after) => load_table(document, at, after)?,
        None => load_stream(document, at)?,
    };
    *total = total.saturating_add(section.entries.len());
    if *total > MAX_ENTRIES {
        return Err(
            PdfError::limit(format!("more than {MAX_ENTRIES} cross-reference entries")).at_byte(at),
        );
    }
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

enum Head {
    Subsection { start: u32, count: u32, at: u64 },
    Trailer { dict: Dict, end: u64 },
}

fn load_table(document: &Document<'_>, at: u64, mut pos: u64) -> Result<Section, PdfError> {
    let mut entries: Vec<Entry> = Vec::new();
    loop {
        let head = document.parse_at(pos, None, |lexer| {
            if lexer.keyword(b"trailer")? {
                return match lexer.value()? {
                    Object::Dict(dict) => Ok(Head::Trailer {
                        dict,
                        end: lexer.at(),
                    }),
                    other => Err(PdfError::broken(
                        lexer.at(),
                        format!(
                            "the trailer is {}, expected a dictionary",
                            other.type_name()
                        ),
                    )
                    .into()),
                };
            }
            let from = lexer.at();
            let (start, count) = (lexer.unsigned()?, lexer.unsigned()?);
            lexer.skip_space()?;
            match (
                start.and_then(|n| u32::try_from(n).ok()),
                count.and_then(|n| u32::try_from(n).ok()),
            ) {
                (Some(start), Some(count)) => Ok(Head::Subsection {
                    start,
                    count,
                    at: lexer.at(),
                }),
                _ => Err(PdfError::broken(
                    from,
                    "expected a cross-reference subsection 'start count' or 'trailer'",
                )
                .into()),
            }
        })?;
        match head {
            Head::Trailer { dict, end } => {
                return Ok(Section {
                    at,
                    end,
                    form: XrefForm::Table,
                    supplement: false,
                    entries,
                    trailer: dict,
                });
            }
            Head::Subsection { start, count, at } => {
                pos = load_subsection(document, &mut entries, start, count, at)?;
            }
        }
    }
}

/// The shortest entry that can be told from the next: `0 0 n` and a blank.
const SHORTEST_ENTRY: u64 = 6;

fn check_subsection(
    start: u32,
    count: u32,
    room: u64,
    shortest: u64,
    at: u64,
) -> Result<(), PdfError> {
    let end = u64::from(start).saturating_add(u64::from(count));
    if end > u64::from(MAX_OBJECT_NUMBER).saturating_add(1) {
        return Err(PdfError::limit(format!(
            "objects {start} to {end} are announced, at most {MAX_OBJECT_NUMBER} is read"
        ))
        .at_byte(at));
    }
    if u64::from(count).saturating_mul(shortest) > room {
        return Err(PdfError::broken(
            at,
            format!("{count} cross-reference entries are announced, {room} octets remain"),
        ));
    }
    Ok(())
}

fn load_subsection(
    document: &Document<'_>,
    entries: &mut Vec<Entry>,
    start: u32,
    count: u32,
    at: u64,
) -> Result<u64, PdfError> {
    check_subsection(
        start,
        count,
        document.len.saturating_sub(at),
        SHORTEST_ENTRY,
        at,
    )?;
    entries.reserve_exact(usize::try_from(count).unwrap_or(usize::MAX));
    let mut number = start;
    let mut left = count;
    let mut pos = at;
    let mut odd_form = false;
    while left > 0 {
        // 3200 entries at a time; the surplus lets an entry of odd width be told from a cut one.
        let want = u64::from(left)
            .saturating_mul(20)
            .min(64_000)
            .saturating_add(40);
        let octets = document.fetch(pos, want)?;
        let last = pos.saturating_add(want) >= document.len;
        let mut rest: &[u8] = &octets;
        let mut progress = false;
        while left > 0 {
            let line = match rest
                .split_at_checked(20)
                .map(|(line, tail)| (exact_entry(line), tail))
            {
                Some((Some(line), tail)) => {
                    rest = tail;
                    pos = pos.saturating_add(20);
                    line
                }
                _ => {
                    let mut lexer = Lexer::new(rest, pos, last);
                    let line = match loose_entry(&mut lexer) {
                        Ok(line) => line,
                        Err(Stop::More) if progress => break,
                        Err(Stop::More) => return Err(lexer.early()),
                        Err(Stop::Fail(error)) => return Err(error),
                    };
                    if !odd_form {
                        document.note(DeviationKind::XrefEntryForm, pos, None);
                        odd_form = true;
                    }
                    let used =
                        usize::try_from(lexer.at().saturating_sub(pos)).unwrap_or(usize::MAX);
                    rest = rest.get(used..).unwrap_or_default();
                    pos = lexer.at();
                    line
                }
            };
            progress = true;
            left = left.saturating_sub(1);
            let (offset, generation, used) = line;
            // The head of the free list is object 0; a subsection that starts with it at 1 is
            // counted one too high (poppler and mupdf correct this too).
            if number == 1
                && start == 1
                && entries.is_empty()
                && !used
                && offset == 0
                && generation == 65535
            {
                document.note(DeviationKind::XrefFirstObject, at, None);
                number = 0;
            }
            let kind = match (used, offset) {
                (false, _) => EntryKind::Free,
                (true, 0) => {
                    document.note(DeviationKind::XrefEntryOffset, at, Some(number));
                    EntryKind::Free
                }
                (true, _) => EntryKind::InFile,
            };
            entries.push(Entry {
                number,
                generation,
                kind,
                value: match kind {
                    EntryKind::InFile => offset.saturating_add(document.base),
                    _ => 0,
                },
            });
            number = number.saturating_add(1);
        }
    }
    Ok(pos)
}

type Line = (u64, u16, bool);

fn exact_entry(line: &[u8]) -> Option<Line> {
    fn digits(octets: &[u8]) -> Option<u64> {
        octets.iter().try_fold(0u64, |n, b| {
            b.is_ascii_digit().then(|| {
                n.wrapping_mul(10)
                    .wrapping_add(u64::from(b.wrapping_sub(b'0')))
            })
        })
    }
    let (offset, rest) = line.split_at_checked(10)?;
    let (generation, rest) = rest.strip_prefix(b" ")?.split_at_checked(5)?;
    let used = match rest {
        b" n \n" | b" n\r\n" | b" n \r" => true,
        b" f \n" | b" f\r\n" | b" f \r" => false,
        _ => return None,
    };
    let generation = u16::try_from(digits(generation)?).ok()?;
    Some((digits(offset)?, generation, used))
}

fn loose_entry(lexer: &mut Lexer<'_>) -> Result<Line, Stop> {
    let at = lexer.at();
    let offset = lexer.unsigned()?;
    let generation = lexer
        .unsigned()?
        .map(|g| u16::try_from(g).unwrap_or(u16::MAX));
    let used = if lexer.keyword(b"n")? {
        Some(true)
    } else {
        lexer.keyword(b"f")?.then_some(false)
    };
    match (offset, generation, used) {
        (Some(offset), Some(generation), Some(used)) => {
            lexer.skip_space()?;
            Ok((offset, generation, used))
        }
        _ => Err(PdfError::broken(
            at,
            "expected a cross-reference entry 'offset generation n|f'",
        )
        .into()),
    }
}

fn load_stream(document: &Document<'_>, at: u64) -> Result<Section, PdfError> {
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
    let entries = rows(document, &data, widths, &index, at, reference)?;
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
    reference: Reference,
) -> Result<Vec<Entry>, PdfError> {
    let width: usize = widths.iter().sum();
    let mut rows = data.chunks_exact(width);
    let mut entries = Vec::with_capacity(rows.len());
    for &(start, count) in index {
        check_subsection(
            start,
            count,
            u64::try_from(rows.len()).unwrap_or(u64::MAX),
            1,
            at,
        )
        .map_err(|e| e.in_object(reference.number))?;
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
