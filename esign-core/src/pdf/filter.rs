//! Stream filters (ISO 32000-1 §7.4): Flate with predictors and the two ASCII forms.

use std::io::Read;

use super::lexer::is_space;
use super::limits::MAX_FILTERS;
use super::{DeviationKind, Dict, Object, PdfError, PdfErrorKind, Stream, View};

fn broken(what: &str) -> PdfError {
    PdfError::new(PdfErrorKind::Broken, what)
}

pub(super) fn decode(view: View<'_>, stream: &Stream, limit: usize) -> Result<Vec<u8>, PdfError> {
    if stream.dict.get("F").is_some() {
        return Err(PdfError::new(
            PdfErrorKind::Unsupported,
            "stream data in another file",
        ));
    }
    let filters = list(view, &stream.dict, "Filter")?;
    let parameters = list(view, &stream.dict, "DecodeParms")?;
    if filters.len() > MAX_FILTERS {
        return Err(PdfError::limit(format!("more than {MAX_FILTERS} filters")));
    }
    // No filter here makes its input more than about twice as small, Flate aside, which stops at
    // the limit of its own.
    let raw = view.raw_data(stream, limit.saturating_mul(2).saturating_add(1024))?;
    if filters.is_empty() && raw.len() > limit {
        return Err(too_long(limit));
    }
    let mut data = raw;
    for (i, filter) in filters.iter().enumerate() {
        let name = filter
            .as_name()
            .ok_or_else(|| broken("a stream filter is not a name"))?;
        let decoded = match name {
            b"FlateDecode" | b"Fl" => {
                let parameters = parameters.get(i).and_then(Object::as_dict);
                unpredict(view, inflate(view, stream, &data, limit)?, parameters)?
            }
            b"ASCIIHexDecode" | b"AHx" => ascii_hex(&data)?,
            b"ASCII85Decode" | b"A85" => ascii_85(&data, limit)?,
            other => {
                return Err(PdfError::new(
                    PdfErrorKind::Unsupported,
                    format!("stream filter /{} is not supported", other.escape_ascii()),
                ));
            }
        };
        data = decoded.into();
    }
    Ok(data.into_owned())
}

fn list(view: View<'_>, dict: &Dict, key: &str) -> Result<Vec<Object>, PdfError> {
    match view.value(dict, key)? {
        Object::Null => Ok(Vec::new()),
        Object::Array(items) if items.len() > MAX_FILTERS => {
            Err(PdfError::limit(format!("more than {MAX_FILTERS} filters")))
        }
        Object::Array(items) => items.iter().map(|item| view.resolve(item)).collect(),
        one => Ok(vec![one]),
    }
}

fn too_long(limit: usize) -> PdfError {
    PdfError::limit(format!("stream data decode to more than {limit} octets"))
}

fn inflate(
    view: View<'_>,
    stream: &Stream,
    data: &[u8],
    limit: usize,
) -> Result<Vec<u8>, PdfError> {
    let cap = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let mut out = Vec::with_capacity(data.len().saturating_mul(2).min(limit));
    let result = flate2::bufread::ZlibDecoder::new(data)
        .take(cap)
        .read_to_end(&mut out);
    match result {
        Ok(_) => {}
        // Word and others end form fields' appearances with a flush; all readers show them.
        Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof && !out.is_empty() => {
            view.document()
                .note(DeviationKind::FlateTruncated, stream.data.start, None);
        }
        Err(e) => return Err(broken(&format!("Flate data cannot be decoded ({e})"))),
    }
    if out.len() > limit {
        return Err(too_long(limit));
    }
    Ok(out)
}

fn unpredict(
    view: View<'_>,
    data: Vec<u8>,
    parameters: Option<&Dict>,
) -> Result<Vec<u8>, PdfError> {
    let Some(parameters) = parameters else {
        return Ok(data);
    };
    let number = |key: &str, default: usize| -> Result<usize, PdfError> {
        match view.value(parameters, key)? {
            Object::Null => Ok(default),
            Object::Integer(n) => usize::try_from(n)
                .ok()
                .filter(|&n| n <= 1 << 20)
                .ok_or_else(|| broken(&format!("/{key} of a predictor is {n}"))),
            other => Err(broken(&format!(
                "/{key} of a predictor is {}",
                other.type_name()
            ))),
        }
    };
    let predictor = number("Predictor", 1)?;
    if predictor == 1 {
        return Ok(data);
    }
    let bits = number("Colors", 1)?.saturating_mul(number("BitsPerComponent", 8)?);
    let pixel = bits.div_ceil(8).max(1);
    let row = bits.saturating_mul(number("Columns", 1)?).div_ceil(8);
    if row == 0 {
        return Err(broken("a predictor's rows are empty"));
    }
    match predictor {
        10..=15 => png(data, row, pixel),
        other => Err(PdfError::new(
            PdfErrorKind::Unsupported,
            format!("predictor {other} is not supported"),
        )),
    }
}

/// Undoes PNG prediction in place (RFC 2083 §6): each row is one octet of type and `row` octets.
fn png(mut data: Vec<u8>, row: usize, pixel: usize) -> Result<Vec<u8>, PdfError> {
    let mut previous = vec![0u8; row];
    let mut current = vec![0u8; row];
    let mut written = 0usize;
    let mut read = 0usize;
    while let Some(&kind) = data.get(read) {
        read = read.saturating_add(1);
        let end = read.saturating_add(row).min(data.len());
        let source = data.get(read..end).unwrap_or_default();
        let len = source.len();
        let Some(line) = current.get_mut(..len) else {
            break;
        };
        line.copy_from_slice(source);
        read = end;
        for i in 0..len {
            let left = i.checked_sub(pixel);
            let a = left.and_then(|l| line.get(l)).copied().unwrap_or(0);
            let b = previous.get(i).copied().unwrap_or(0);
            let c = left.and_then(|l| previous.get(l)).copied().unwrap_or(0);
            let predicted = match kind {
                0 => 0,
                1 => a,
                2 => b,
                3 => a.midpoint(b),
                4 => paeth(a, b, c),
                _ => return Err(broken(&format!("PNG predictor {kind} does not exist"))),
            };
            if let Some(octet) = line.get_mut(i) {
                *octet = octet.wrapping_add(predicted);
            }
        }
        if let Some(target) = data.get_mut(written..written.saturating_add(len)) {
            target.copy_from_slice(line);
        }
        written = written.saturating_add(len);
        core::mem::swap(&mut previous, &mut current);
    }
    data.truncate(written);
    Ok(data)
}

fn paeth(a: u8, b: u8, c: u8) -> u8 {
    let (x, y, z) = (i16::from(a), i16::from(b), i16::from(c));
    let p = x + y - z;
    let (da, db, dc) = ((p - x).abs(), (p - y).abs(), (p - z).abs());
    if da <= db && da <= dc {
        a
    } else if db <= dc {
        b
    } else {
        c
    }
}

fn ascii_hex(data: &[u8]) -> Result<Vec<u8>, PdfError> {
    let mut out = Vec::with_capacity(data.len().div_ceil(2));
    let mut high: Option<u8> = None;
    for &b in data.iter().take_while(|&&b| b != b'>') {
        if is_space(b) {
            continue;
        }
        let digit = char::from(b)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
            .ok_or_else(|| broken("ASCIIHex data hold something other than digits"))?;
        match high.take() {
            None => high = Some(digit),
            Some(h) => out.push((h << 4) | digit),
        }
    }
    out.extend(high.map(|h| h << 4));
    Ok(out)
}

fn ascii_85(data: &[u8], limit: usize) -> Result<Vec<u8>, PdfError> {
    let wrong = || broken("ASCII85 data cannot be decoded");
    let mut out = Vec::new();
    let mut group: u32 = 0;
    let mut len = 0usize;
    for &b in data.iter().take_while(|&&b| b != b'~') {
        match b {
            b'z' if len == 0 => out.extend([0; 4]),
            b'!'..=b'u' => {
                group = group
                    .checked_mul(85)
                    .and_then(|g| g.checked_add(u32::from(b - b'!')))
                    .ok_or_else(wrong)?;
                len = len.saturating_add(1);
                if len == 5 {
                    out.extend(group.to_be_bytes());
                    (group, len) = (0, 0);
                }
            }
            b if is_space(b) => {}
            _ => return Err(wrong()),
        }
        if out.len() > limit {
            return Err(too_long(limit));
        }
    }
    if len == 1 {
        return Err(wrong());
    }
    if len > 1 {
        for _ in len..5 {
            group = group
                .checked_mul(85)
                .and_then(|g| g.checked_add(84))
                .ok_or_else(wrong)?;
        }
        out.extend(group.to_be_bytes().iter().take(len.saturating_sub(1)));
    }
    Ok(out)
}
