//! Cross-reference tables, `xref … trailer` (ISO 32000-1 §7.5.4).

use super::chain::Subsection;
use super::{Entry, EntryKind, Section, XrefForm};
use crate::pdf::lexer::{Lexer, Stop};
use crate::pdf::{DeviationKind, Dict, Document, Object, PdfError};

/// The shortest entry that can be told from the next: `0 0 n` and a blank.
const SHORTEST_ENTRY: u64 = 6;

enum Head {
    Subsection(Subsection),
    Trailer { dict: Dict, end: u64 },
}

/// The table at `at`, its first subsection at `pos`; other sections have `before` entries.
pub(super) fn load_table(
    document: &Document<'_>,
    at: u64,
    mut pos: u64,
    before: usize,
) -> Result<Section, PdfError> {
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
                (Some(start), Some(count)) => Ok(Head::Subsection(Subsection {
                    start,
                    count,
                    at: lexer.at(),
                })),
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
            Head::Subsection(announced) => {
                let before = before.saturating_add(entries.len());
                let room = document.len.saturating_sub(announced.at);
                announced.check(before, room, SHORTEST_ENTRY)?;
                pos = load_subsection(document, &mut entries, &announced)?;
            }
        }
    }
}

fn load_subsection(
    document: &Document<'_>,
    entries: &mut Vec<Entry>,
    &Subsection { start, count, at }: &Subsection,
) -> Result<u64, PdfError> {
    let wanted = usize::try_from(count).unwrap_or(0);
    if entries.is_empty() {
        entries.reserve_exact(wanted);
    } else {
        // Doubling: a host of small subsections must not be copied for each of them.
        entries.reserve(wanted);
    }
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
