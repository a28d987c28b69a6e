//! Tokens and values from octets in memory (ISO 32000-1 §7.2 and §7.3).

use core::ops::Range;

use super::limits::{MAX_NESTING, MAX_OBJECT_VALUES};
use super::{DeviationKind, Dict, DictEntry, Name, Object, PdfError, PdfString, Reference};

/// Why lexing stopped.
pub(crate) enum Stop {
    /// The window ends, the source does not: try again with more.
    More,
    /// The syntax is broken or a limit reached.
    Fail(PdfError),
}

impl From<PdfError> for Stop {
    fn from(error: PdfError) -> Self {
        Self::Fail(error)
    }
}

type Lex<T> = Result<T, Stop>;

pub(crate) struct Lexer<'w> {
    data: &'w [u8],
    pos: usize,
    /// Offset of `data` in the file, or in an object stream's data.
    base: u64,
    /// Whether the source ends where `data` ends.
    last: bool,
    in_file: bool,
    values: u32,
    /// Deviations met, with their offsets.
    pub(crate) notes: Vec<(DeviationKind, u64)>,
}

pub(crate) fn is_space(b: u8) -> bool {
    matches!(b, 0 | 9 | 10 | 12 | 13 | 32)
}

pub(crate) fn is_delimiter(b: u8) -> bool {
    matches!(
        b,
        b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%'
    )
}

pub(crate) fn is_regular(b: u8) -> bool {
    !is_space(b) && !is_delimiter(b)
}

fn hex_digit(b: u8) -> Option<u8> {
    match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'a'..=b'f' => Some(b - b'a' + 10),
        b'A'..=b'F' => Some(b - b'A' + 10),
        _ => None,
    }
}

impl<'w> Lexer<'w> {
    pub(crate) fn new(data: &'w [u8], base: u64, last: bool) -> Self {
        Self {
            data,
            pos: 0,
            base,
            last,
            in_file: true,
            values: 0,
            notes: Vec::new(),
        }
    }

    /// Over data that are not themselves octets of the file.
    pub(crate) fn detached(data: &'w [u8], pos: usize) -> Self {
        Self {
            pos,
            in_file: false,
            ..Self::new(data, 0, true)
        }
    }

    pub(crate) fn at(&self) -> u64 {
        self.base
            .saturating_add(u64::try_from(self.pos).unwrap_or(u64::MAX))
    }

    pub(crate) fn peek(&self) -> Lex<Option<u8>> {
        match self.data.get(self.pos) {
            Some(&b) => Ok(Some(b)),
            None if self.last => Ok(None),
            None => Err(Stop::More),
        }
    }

    fn peek_at(&self, ahead: usize) -> Lex<Option<u8>> {
        match self.data.get(self.pos.saturating_add(ahead)) {
            Some(&b) => Ok(Some(b)),
            None if self.last => Ok(None),
            None => Err(Stop::More),
        }
    }

    pub(crate) fn bump(&mut self) {
        self.pos = self.pos.saturating_add(1).min(self.data.len());
    }

    pub(crate) fn skip_space(&mut self) -> Lex<()> {
        loop {
            match self.peek()? {
                Some(b) if is_space(b) => self.bump(),
                Some(b'%') => {
                    while let Some(b) = self.peek()? {
                        if b == b'\n' || b == b'\r' {
                            break;
                        }
                        self.bump();
                    }
                }
                _ => return Ok(()),
            }
        }
    }

    /// A run of regular characters; empty before a delimiter or at the end.
    pub(crate) fn word(&mut self) -> Lex<&'w [u8]> {
        let start = self.pos;
        while let Some(b) = self.peek()? {
            if !is_regular(b) {
                break;
            }
            self.bump();
        }
        Ok(self.data.get(start..self.pos).unwrap_or_default())
    }

    /// Whether this keyword comes next after white space; if so it is consumed.
    pub(crate) fn keyword(&mut self, keyword: &[u8]) -> Lex<bool> {
        self.skip_space()?;
        let start = self.pos;
        if self.word()? == keyword {
            return Ok(true);
        }
        self.pos = start;
        Ok(false)
    }

    /// Whether these octets come next; if so they are consumed, whatever follows them.
    pub(crate) fn literal(&mut self, octets: &[u8]) -> Lex<bool> {
        for (i, &octet) in octets.iter().enumerate() {
            if self.peek_at(i)? != Some(octet) {
                return Ok(false);
            }
        }
        self.pos = self.pos.saturating_add(octets.len());
        Ok(true)
    }

    /// A non-negative integer after white space; nothing is consumed if there is none.
    pub(crate) fn unsigned(&mut self) -> Lex<Option<u64>> {
        self.skip_space()?;
        let start = self.pos;
        let mut value = 0u64;
        while let Some(b @ b'0'..=b'9') = self.peek()? {
            let Some(next) = value
                .checked_mul(10)
                .and_then(|v| v.checked_add(u64::from(b - b'0')))
            else {
                self.pos = start;
                return Ok(None);
            };
            value = next;
            self.bump();
        }
        let ends = self.peek()?.is_none_or(|b| !is_regular(b));
        if self.pos == start || !ends {
            self.pos = start;
            return Ok(None);
        }
        Ok(Some(value))
    }

    /// `n g obj`; the error says what stands there instead.
    pub(crate) fn object_header(&mut self) -> Lex<Reference> {
        self.skip_space()?;
        let at = self.at();
        let number = self.unsigned()?;
        let generation = self.unsigned()?;
        if let (Some(number), Some(generation)) = (number, generation) {
            self.skip_space()?;
            // `obj` may be followed by a delimiter or, in some files, directly by a number.
            if self.literal(b"obj")?
                && let (Ok(number), Ok(generation)) =
                    (u32::try_from(number), u16::try_from(generation))
            {
                return Ok(Reference { number, generation });
            }
        }
        Err(PdfError::broken(at, "expected an indirect object 'n g obj'").into())
    }

    pub(crate) fn value(&mut self) -> Lex<Object> {
        self.nested(0)
    }

    fn nested(&mut self, depth: u32) -> Lex<Object> {
        self.values = self.values.saturating_add(1);
        if self.values > MAX_OBJECT_VALUES {
            return Err(PdfError::limit(format!(
                "more than {MAX_OBJECT_VALUES} values in one object"
            ))
            .at_byte(self.at())
            .into());
        }
        self.skip_space()?;
        match self.peek()? {
            None => Err(self.early().into()),
            Some(b'/') => self.name().map(Object::Name),
            Some(b'(') => self.literal_string(),
            Some(b'<') => {
                if self.peek_at(1)? == Some(b'<') {
                    self.dict(depth).map(Object::Dict)
                } else {
                    self.hex_string()
                }
            }
            Some(b'[') => self.array(depth),
            Some(b'0'..=b'9' | b'+' | b'-' | b'.') => self.number_or_reference(),
            Some(b) if is_regular(b) => self.constant(),
            Some(b) => Err(PdfError::broken(
                self.at(),
                format!("found '{}', expected a value", b.escape_ascii()),
            )
            .into()),
        }
    }

    fn constant(&mut self) -> Lex<Object> {
        let at = self.at();
        match self.word()? {
            b"true" => Ok(Object::Bool(true)),
            b"false" => Ok(Object::Bool(false)),
            b"null" => Ok(Object::Null),
            other => {
                let shown = other.get(..other.len().min(20)).unwrap_or_default();
                Err(PdfError::broken(
                    at,
                    format!("found '{}', expected a value", shown.escape_ascii()),
                )
                .into())
            }
        }
    }

    fn name(&mut self) -> Lex<Name> {
        self.bump();
        let start = self.at();
        let word = self.word()?;
        if !word.contains(&b'#') {
            return Ok(Name(word.to_vec()));
        }
        let mut name = Vec::with_capacity(word.len());
        let mut rest = word;
        while let Some((&first, tail)) = rest.split_first() {
            let escaped = match (first, tail) {
                (b'#', [high, low, ..]) => hex_digit(*high).zip(hex_digit(*low)),
                _ => None,
            };
            match escaped {
                Some((high, low)) => {
                    name.push((high << 4) | low);
                    rest = tail.get(2..).unwrap_or_default();
                }
                None => {
                    if first == b'#' {
                        self.notes.push((DeviationKind::NameEscape, start));
                    }
                    name.push(first);
                    rest = tail;
                }
            }
        }
        Ok(Name(name))
    }

    fn literal_string(&mut self) -> Lex<Object> {
        self.bump();
        let mut bytes = Vec::new();
        let mut depth = 1u32;
        loop {
            let Some(b) = self.peek()? else {
                return Err(self.early().into());
            };
            self.bump();
            match b {
                b'(' => depth = depth.saturating_add(1),
                b')' => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        break;
                    }
                }
                b'\\' => {
                    self.escape(&mut bytes)?;
                    continue;
                }
                b'\r' => {
                    // An end of line in a string is LF, however it was written (§7.3.4.2).
                    if self.peek()? == Some(b'\n') {
                        self.bump();
                    }
                    bytes.push(b'\n');
                    continue;
                }
                _ => {}
            }
            bytes.push(b);
        }
        Ok(Object::String(PdfString { bytes, hex: false }))
    }

    fn escape(&mut self, bytes: &mut Vec<u8>) -> Lex<()> {
        let Some(b) = self.peek()? else {
            return Err(self.early().into());
        };
        self.bump();
        match b {
            b'n' => bytes.push(b'\n'),
            b'r' => bytes.push(b'\r'),
            b't' => bytes.push(b'\t'),
            b'b' => bytes.push(8),
            b'f' => bytes.push(12),
            b'\n' => {}
            b'\r' => {
                if self.peek()? == Some(b'\n') {
                    self.bump();
                }
            }
            b'0'..=b'7' => {
                let mut value = b - b'0';
                for _ in 0..2 {
                    match self.peek()? {
                        // High-order overflow is ignored (§7.3.4.2).
                        Some(d @ b'0'..=b'7') => {
                            value = value.wrapping_mul(8).wrapping_add(d - b'0');
                            self.bump();
                        }
                        _ => break,
                    }
                }
                bytes.push(value);
            }
            other => bytes.push(other),
        }
        Ok(())
    }

    fn hex_string(&mut self) -> Lex<Object> {
        self.bump();
        let rest = self.data.get(self.pos..).unwrap_or_default();
        let Some(len) = rest.iter().position(|&b| b == b'>') else {
            if self.last {
                return Err(self.early().into());
            }
            return Err(Stop::More);
        };
        let digits = rest.get(..len).unwrap_or_default();
        let mut bytes = Vec::with_capacity(len.div_ceil(2));
        let mut high = None;
        for (i, &b) in digits.iter().enumerate() {
            match hex_digit(b) {
                Some(digit) => match high.take() {
                    None => high = Some(digit),
                    Some(h) => bytes.push((h << 4) | digit),
                },
                None if is_space(b) => {}
                None => {
                    let at = self
                        .at()
                        .saturating_add(u64::try_from(i).unwrap_or(u64::MAX));
                    // One note is enough: a string of megabytes may consist of nothing else.
                    if self.notes.last().map(|n| n.0) != Some(DeviationKind::HexCharacter) {
                        self.notes.push((DeviationKind::HexCharacter, at));
                    }
                }
            }
        }
        if let Some(h) = high {
            bytes.push(h << 4);
        }
        self.pos = self.pos.saturating_add(len).saturating_add(1);
        Ok(Object::String(PdfString { bytes, hex: true }))
    }

    fn check_depth(&self, depth: u32) -> Lex<()> {
        if depth >= MAX_NESTING {
            return Err(PdfError::limit(format!(
                "more than {MAX_NESTING} arrays and dictionaries inside one another"
            ))
            .at_byte(self.at())
            .into());
        }
        Ok(())
    }

    fn array(&mut self, depth: u32) -> Lex<Object> {
        self.check_depth(depth)?;
        self.bump();
        let mut items = Vec::new();
        loop {
            self.skip_space()?;
            if self.peek()? == Some(b']') {
                self.bump();
                return Ok(Object::Array(items));
            }
            items.push(self.nested(depth.saturating_add(1))?);
        }
    }

    fn dict(&mut self, depth: u32) -> Lex<Dict> {
        self.check_depth(depth)?;
        self.bump();
        self.bump();
        let mut dict = Dict::new();
        let mut seen = std::collections::HashSet::new();
        loop {
            self.skip_space()?;
            match self.peek()? {
                Some(b'/') => {}
                Some(b'>') if self.peek_at(1)? == Some(b'>') => {
                    self.bump();
                    self.bump();
                    return Ok(dict);
                }
                None => return Err(self.early().into()),
                Some(b) => {
                    return Err(PdfError::broken(
                        self.at(),
                        format!("found '{}', expected a key or '>>'", b.escape_ascii()),
                    )
                    .into());
                }
            }
            let key_at = self.at();
            let key = self.name()?;
            // Few keys are compared one by one; many would make that quadratic.
            let repeated = if dict.len() < 32 {
                dict.entries().iter().any(|e| e.key == key)
            } else {
                if seen.is_empty() {
                    seen.extend(dict.entries().iter().map(|e| e.key.clone()));
                }
                !seen.insert(key.clone())
            };
            if repeated {
                self.notes.push((DeviationKind::DuplicateKey, key_at));
            }
            self.skip_space()?;
            let start = self.at();
            let value = self.nested(depth.saturating_add(1))?;
            let span: Option<Range<u64>> = self.in_file.then(|| start..self.at());
            dict.push(DictEntry { key, value, span });
        }
    }

    fn number_or_reference(&mut self) -> Lex<Object> {
        let at = self.at();
        let word = self.word()?;
        let number = parse_number(word).ok_or_else(|| {
            let shown = word.get(..word.len().min(20)).unwrap_or_default();
            PdfError::broken(
                at,
                format!("found '{}', expected a number", shown.escape_ascii()),
            )
        })?;
        let Object::Integer(first) = number else {
            return Ok(number);
        };
        let Some(number) = u32::try_from(first).ok() else {
            return Ok(Object::Integer(first));
        };
        let after = self.pos;
        // Most numbers are followed by a name or a delimiter: look before lexing on.
        if self.peek()?.is_some_and(is_space) {
            if let Some(generation) = self.unsigned()?.and_then(|g| u16::try_from(g).ok())
                && self.keyword(b"R")?
            {
                return Ok(Object::Ref(Reference { number, generation }));
            }
            self.pos = after;
        }
        Ok(Object::Integer(first))
    }

    pub(crate) fn early(&self) -> PdfError {
        PdfError::broken(self.at(), "ends too early")
    }
}

fn parse_number(word: &[u8]) -> Option<Object> {
    let digits = match word.first() {
        Some(b'+' | b'-') => word.get(1..)?,
        _ => word,
    };
    let points = digits.iter().filter(|&&b| b == b'.').count();
    let all = digits.iter().all(|b| b.is_ascii_digit() || *b == b'.');
    if !all || points > 1 || digits.len() == points {
        return None;
    }
    let text = core::str::from_utf8(word).ok()?;
    if points == 0
        && let Ok(n) = text.parse::<i64>()
    {
        return Some(Object::Integer(n));
    }
    text.parse::<f64>().ok().map(Object::Real)
}
