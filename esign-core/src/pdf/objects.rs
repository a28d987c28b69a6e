//! Indirect objects: at their offsets and in object streams (ISO 32000-1 §7.3.8, §7.3.10, §7.5.7).

use std::borrow::Cow;
use std::sync::Arc;

use super::lexer::{Lexer, Stop, is_space};
use super::limits::{MAX_INDIRECTION, MAX_OBJECT_STREAM};
use super::{
    DeviationKind, Dict, Document, Indirect, Location, Object, PdfError, PdfErrorKind, Reference,
    Stream, View,
};

/// Inflated object streams kept: neighbours in one stream are mostly asked for together.
const CACHED_STREAMS: usize = 4;
/// Only up to this size, so that the cache stays small beside the 8 MiB a file may take.
const CACHED_OCTETS: usize = 1 << 20;

/// An object stream, inflated.
#[derive(Clone)]
pub(crate) struct ObjectStream {
    at: u64,
    first: usize,
    /// Object number and place from `first` on.
    members: Arc<[(u32, usize)]>,
    data: Arc<Vec<u8>>,
}

pub(super) struct Loaded {
    pub(super) indirect: Indirect,
    /// After `endobj`, or after the value where that is missing.
    pub(super) end: u64,
}

struct Head {
    reference: Reference,
    object: Object,
    start: u64,
    value_start: u64,
    value_end: u64,
    /// Where the stream data begin.
    data: Option<u64>,
    end: u64,
}

impl Document<'_> {
    pub(super) fn load(&self, view: View<'_>, number: u32) -> Result<Option<Indirect>, PdfError> {
        match view.locate(number) {
            None | Some(Location::Free { .. }) => Ok(None),
            Some(Location::InFile { offset, generation }) => {
                let loaded = self.load_at(view, offset, Some(number))?;
                let found = loaded.indirect.reference;
                if found.number != number {
                    return Err(PdfError::broken(
                        offset,
                        format!("its cross-reference entry leads to object {}", found.number),
                    )
                    .in_object(number));
                }
                if found.generation != generation {
                    self.note(DeviationKind::GenerationMismatch, offset, Some(number));
                }
                Ok(Some(loaded.indirect))
            }
            Some(Location::InStream { stream, index }) => self
                .deeper(|| self.load_member(view, number, stream, index))
                .map_err(|e| e.in_object(number))
                .map(Some),
        }
    }

    /// Spends one level of indirection on `load`.
    fn deeper<T>(&self, load: impl FnOnce() -> Result<T, PdfError>) -> Result<T, PdfError> {
        let depth = self.depth.get();
        if depth >= MAX_INDIRECTION {
            return Err(PdfError::limit(format!(
                "more than {MAX_INDIRECTION} objects are needed to read one"
            )));
        }
        self.depth.set(depth.saturating_add(1));
        let result = load();
        self.depth.set(depth);
        result
    }

    pub(super) fn load_at(
        &self,
        view: View<'_>,
        at: u64,
        number: Option<u32>,
    ) -> Result<Loaded, PdfError> {
        if at >= self.len {
            let error = PdfError::broken(at, "is said to lie beyond the end of the file");
            return Err(match number {
                Some(number) => error.in_object(number),
                None => error,
            });
        }
        let head = self.parse_at(at, number, head).map_err(|e| match number {
            Some(number) => e.in_object(number),
            None => e,
        })?;
        let Some(data) = head.data else {
            return Ok(Loaded {
                indirect: Indirect {
                    reference: head.reference,
                    object: head.object,
                    span: Some(head.start..head.value_end),
                    value_span: Some(head.value_start..head.value_end),
                },
                end: head.end,
            });
        };
        let number = head.reference.number;
        let Object::Dict(dict) = head.object else {
            return Err(PdfError::broken(data, "a stream has no dictionary").in_object(number));
        };
        let (data_end, end) = self
            .stream_end(view, &dict, data, number)
            .map_err(|e| e.in_object(number))?;
        Ok(Loaded {
            indirect: Indirect {
                reference: head.reference,
                object: Object::Stream(Stream {
                    dict,
                    data: data..data_end,
                }),
                span: Some(head.start..data_end),
                value_span: Some(head.value_start..data_end),
            },
            end,
        })
    }

    /// Where the data end and where the object ends.
    fn stream_end(
        &self,
        view: View<'_>,
        dict: &Dict,
        data: u64,
        number: u32,
    ) -> Result<(u64, u64), PdfError> {
        let length = match dict.get("Length") {
            Some(Object::Integer(n)) => u64::try_from(*n).ok(),
            Some(Object::Ref(r)) => match self.deeper(|| view.follow(*r)) {
                Ok(Object::Integer(n)) => u64::try_from(n).ok(),
                Err(e) if matches!(e.kind(), PdfErrorKind::Io | PdfErrorKind::Limit) => {
                    return Err(e);
                }
                _ => None,
            },
            _ => None,
        };
        let declared = length
            .and_then(|n| data.checked_add(n))
            .filter(|&end| end <= self.len);
        if let Some(end) = declared
            && let Some((blanks, after)) = self.parse_at(end, Some(number), endstream)?
        {
            // An end of line before `endstream` does not count (§7.3.8.1); more does.
            if blanks > 2 {
                self.note(DeviationKind::StreamLength, data, Some(number));
            }
            return Ok((end, after));
        }
        self.note(DeviationKind::StreamLength, data, Some(number));
        let found = self.search_endstream(data)?;
        let before = self.fetch(
            found.saturating_sub(2).max(data),
            found.saturating_sub(data).min(2),
        )?;
        let eol = match &*before {
            b"\r\n" => 2,
            [.., b'\r' | b'\n'] => 1,
            _ => 0,
        };
        let after = self
            .parse_at(found, Some(number), endstream)?
            .map_or(found, |(_, after)| after);
        Ok((found.saturating_sub(eol), after))
    }

    fn search_endstream(&self, from: u64) -> Result<u64, PdfError> {
        const KEYWORD: &[u8] = b"endstream";
        let mut at = from;
        let mut step = 4096u64;
        while at < self.len {
            let octets = self.fetch(at, step.saturating_add(8))?;
            let found = octets.windows(KEYWORD.len()).position(|w| w == KEYWORD);
            let used = found.map_or(step, |i| u64::try_from(i).unwrap_or(u64::MAX));
            let budget = self.search_budget.get().checked_sub(used).ok_or_else(|| {
                PdfError::limit("too many streams with a wrong /Length").at_byte(from)
            })?;
            self.search_budget.set(budget);
            if found.is_some() {
                return Ok(at.saturating_add(used));
            }
            at = at.saturating_add(step);
            step = 65_536;
        }
        Err(PdfError::broken(from, "a stream without endstream begins"))
    }

    fn load_member(
        &self,
        view: View<'_>,
        number: u32,
        stream: u32,
        index: u32,
    ) -> Result<Indirect, PdfError> {
        let container = self.object_stream(view, stream)?;
        let place = usize::try_from(index)
            .ok()
            .and_then(|i| container.members.get(i))
            .ok_or_else(|| {
                PdfError::new(
                    PdfErrorKind::Broken,
                    format!(
                        "place {index} of object stream {stream}, which has {} members",
                        container.members.len()
                    ),
                )
            })?;
        if place.0 != number {
            return Err(PdfError::new(
                PdfErrorKind::Broken,
                format!(
                    "place {index} of object stream {stream} holds object {}",
                    place.0
                ),
            ));
        }
        let mut lexer = Lexer::detached(&container.data, container.first.saturating_add(place.1));
        let object = lexer.value().map_err(|stop| match stop {
            Stop::Fail(error) => error,
            Stop::More => lexer.early(),
        })?;
        for (kind, at) in lexer.notes {
            self.note(kind, at, Some(number));
        }
        Ok(Indirect {
            reference: Reference {
                number,
                generation: 0,
            },
            object,
            span: None,
            value_span: None,
        })
    }

    fn object_stream(&self, view: View<'_>, number: u32) -> Result<ObjectStream, PdfError> {
        let fail = |what: &str| {
            PdfError::new(
                PdfErrorKind::Broken,
                format!("object stream {number} {what}"),
            )
        };
        // An object stream lies in the file itself (§7.5.7).
        let Some(Location::InFile { offset, .. }) = view.locate(number) else {
            return Err(fail("is not in the file"));
        };
        if let Some(cached) = self.object_streams.borrow().iter().find(|s| s.at == offset) {
            return Ok(cached.clone());
        }
        let loaded = self.load(view, number)?;
        let Some(Object::Stream(stream)) = loaded.map(|l| l.object) else {
            return Err(fail("is no stream"));
        };
        if stream.dict.get("Type").and_then(Object::as_name) != Some(b"ObjStm") {
            return Err(fail("is not of /Type /ObjStm"));
        }
        let data = view
            .stream_data(&stream, MAX_OBJECT_STREAM)
            .map_err(|e| e.in_object(number))?;
        let number_of = |key: &str| -> Result<usize, PdfError> {
            view.value(&stream.dict, key)?
                .as_integer()
                .and_then(|n| usize::try_from(n).ok())
                // A member takes four octets at least: number, place and two blanks.
                .filter(|&n| n <= data.len())
                .ok_or_else(|| fail(&format!("has no valid /{key}")))
        };
        let (count, first) = (number_of("N")?, number_of("First")?);
        let mut lexer = Lexer::detached(data.get(..first).unwrap_or_default(), 0);
        let mut members = Vec::new();
        for _ in 0..count {
            match (lexer.unsigned(), lexer.unsigned()) {
                (Ok(Some(member)), Ok(Some(place))) => members.push((
                    u32::try_from(member).unwrap_or(u32::MAX),
                    usize::try_from(place).unwrap_or(usize::MAX),
                )),
                _ => return Err(fail("announces more members than it lists")),
            }
        }
        let stream = ObjectStream {
            at: offset,
            first,
            members: members.into(),
            data: Arc::new(data),
        };
        if stream.data.len() <= CACHED_OCTETS {
            let mut cache = self.object_streams.borrow_mut();
            if cache.len() >= CACHED_STREAMS {
                cache.remove(0);
            }
            cache.push(stream.clone());
        }
        Ok(stream)
    }

    pub(super) fn raw_data<'d>(
        &'d self,
        stream: &Stream,
        limit: usize,
    ) -> Result<Cow<'d, [u8]>, PdfError> {
        let len = stream.data.end.saturating_sub(stream.data.start);
        if usize::try_from(len).map_or(true, |n| n > limit) {
            return Err(PdfError::limit(format!(
                "stream data of {len} octets, at most {limit} are read"
            ))
            .at_byte(stream.data.start));
        }
        self.fetch(stream.data.start, len)
    }
}

fn head(lexer: &mut Lexer<'_>) -> Result<Head, Stop> {
    if lexer.peek()?.is_some_and(is_space) {
        lexer.notes.push((DeviationKind::ObjectOffset, lexer.at()));
    }
    lexer.skip_space()?;
    let start = lexer.at();
    let reference = lexer.object_header()?;
    lexer.skip_space()?;
    let value_start = lexer.at();
    let object = lexer.value()?;
    let value_end = lexer.at();
    lexer.skip_space()?;
    let mut data = None;
    if matches!(object, Object::Dict(_)) && lexer.literal(b"stream")? {
        let mut exact = true;
        while let Some(b' ' | b'\t') = lexer.peek()? {
            exact = false;
            lexer.bump();
        }
        let cr = lexer.peek()? == Some(b'\r');
        if cr {
            lexer.bump();
        }
        if lexer.peek()? == Some(b'\n') {
            lexer.bump();
        } else {
            exact = false;
        }
        if !exact {
            lexer.notes.push((DeviationKind::StreamEol, lexer.at()));
        }
        data = Some(lexer.at());
    } else {
        endobj(lexer)?;
    }
    Ok(Head {
        reference,
        object,
        start,
        value_start,
        value_end,
        data,
        end: lexer.at(),
    })
}

fn endobj(lexer: &mut Lexer<'_>) -> Result<(), Stop> {
    lexer.skip_space()?;
    if !lexer.literal(b"endobj")? {
        lexer.notes.push((DeviationKind::EndobjMissing, lexer.at()));
    }
    Ok(())
}

/// The white space before `endstream` and where the object ends; `None` without `endstream`.
fn endstream(lexer: &mut Lexer<'_>) -> Result<Option<(u64, u64)>, Stop> {
    let start = lexer.at();
    while lexer.peek()?.is_some_and(is_space) {
        // Data of white space alone must not be read through as if it were a separator.
        if lexer.at().saturating_sub(start) >= 64 {
            return Ok(None);
        }
        lexer.bump();
    }
    let blanks = lexer.at().saturating_sub(start);
    if !lexer.literal(b"endstream")? {
        return Ok(None);
    }
    endobj(lexer)?;
    Ok(Some((blanks, lexer.at())))
}
