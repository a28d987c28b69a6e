//! Deterministic CBOR, the part that seals, records and boxes use.
//!
//! # Source
//! RFC 8949 3 and 4.2.1: shortest heads, definite lengths, sorted keys. Floats, tags, and simple
//! values other than null do not occur and are refused.

use core::fmt;

/// Nesting of arrays and maps: a record has two levels.
const MAX_DEPTH: u8 = 4;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// An integer of either sign.
    Integer(i64),
    /// A byte string.
    Bytes(Vec<u8>),
    /// A text string.
    Text(String),
    /// An array.
    Array(Vec<Value>),
    /// A map, in the order of its encoded keys.
    Map(Vec<(Value, Value)>),
    /// null
    Null,
}

/// Why octets are not the deterministic encoding of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CborError {
    /// The octets end before the value does, or go on after it.
    Length,
    /// Another encoding of the same value is the deterministic one.
    NotDeterministic,
    /// A kind of value that does not occur here.
    Unexpected,
}

/// The deterministic encoding of a value. Keys of maps are sorted here.
pub(crate) fn encode(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut Vec<u8>) {
    let wide = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    match value {
        Value::Integer(n) => match u64::try_from(*n) {
            Ok(n) => head(0, n, out),
            Err(_) => head(1, n.unsigned_abs().saturating_sub(1), out),
        },
        Value::Bytes(b) => {
            head(2, wide(b.len()), out);
            out.extend_from_slice(b);
        }
        Value::Text(t) => {
            head(3, wide(t.len()), out);
            out.extend_from_slice(t.as_bytes());
        }
        Value::Array(items) => {
            head(4, wide(items.len()), out);
            items.iter().for_each(|item| write(item, out));
        }
        Value::Map(entries) => {
            head(5, wide(entries.len()), out);
            let mut encoded: Vec<_> = entries.iter().map(|(k, v)| (encode(k), v)).collect();
            encoded.sort_by(|a, b| a.0.cmp(&b.0));
            for (key, value) in encoded {
                out.extend(key);
                write(value, out);
            }
        }
        Value::Null => out.push(0xf6),
    }
}

fn head(major: u8, n: u64, out: &mut Vec<u8>) {
    let be = n.to_be_bytes();
    let (info, skip) = match n {
        0..24 => (be[7], 8),
        24..0x100 => (24, 7),
        0x100..0x1_0000 => (25, 6),
        0x1_0000..0x1_0000_0000 => (26, 4),
        _ => (27, 0),
    };
    out.push((major << 5) | info);
    out.extend(be.iter().skip(skip));
}

/// Decodes one value that fills `octets`, and is its deterministic encoding.
///
/// # Errors
/// [`CborError`].
pub(crate) fn decode(octets: &[u8]) -> Result<Value, CborError> {
    let mut rest = octets;
    let value = item(&mut rest, 0)?;
    if !rest.is_empty() {
        return Err(CborError::Length);
    }
    // One rule for all of 4.2.1: what is read is what would be written.
    if encode(&value) == octets {
        Ok(value)
    } else {
        Err(CborError::NotDeterministic)
    }
}

fn item(rest: &mut &[u8], depth: u8) -> Result<Value, CborError> {
    if depth > MAX_DEPTH {
        return Err(CborError::Unexpected);
    }
    let first = take(rest, 1)?.first().copied().unwrap_or(0);
    let (major, info) = (first >> 5, first & 0x1f);
    if major == 7 {
        return if info == 22 {
            Ok(Value::Null)
        } else {
            Err(CborError::Unexpected)
        };
    }
    let n = match info {
        0..24 => u64::from(info),
        24..28 => {
            let octets = take(rest, 1 << (info - 24))?;
            octets.iter().fold(0, |n, b| (n << 8) | u64::from(*b))
        }
        _ => return Err(CborError::Unexpected),
    };
    let len = usize::try_from(n).unwrap_or(usize::MAX);
    match major {
        0 => i64::try_from(n)
            .map(Value::Integer)
            .map_err(|_| CborError::Unexpected),
        1 => i64::try_from(n)
            .map(|n| Value::Integer(-1 - n))
            .map_err(|_| CborError::Unexpected),
        2 => Ok(Value::Bytes(take(rest, len)?.to_vec())),
        3 => {
            let octets = take(rest, len)?.to_vec();
            String::from_utf8(octets)
                .map(Value::Text)
                .map_err(|_| CborError::Unexpected)
        }
        // Each element takes an octet at least, so a count cannot promise more than is there.
        4 if len <= rest.len() => {
            let items = (0..len).map(|_| item(rest, depth + 1));
            Ok(Value::Array(items.collect::<Result<_, _>>()?))
        }
        5 if len <= rest.len() => {
            let entries = (0..len).map(|_| Ok((item(rest, depth + 1)?, item(rest, depth + 1)?)));
            let entries: Vec<(Value, Value)> = entries.collect::<Result<_, _>>()?;
            let twice = entries
                .windows(2)
                .any(|w| matches!(w, [a, b] if a.0 == b.0));
            if twice {
                Err(CborError::NotDeterministic)
            } else {
                Ok(Value::Map(entries))
            }
        }
        4 | 5 => Err(CborError::Length),
        _ => Err(CborError::Unexpected),
    }
}

fn take<'a>(rest: &mut &'a [u8], n: usize) -> Result<&'a [u8], CborError> {
    let (taken, left) = rest.split_at_checked(n).ok_or(CborError::Length)?;
    *rest = left;
    Ok(taken)
}

impl fmt::Display for CborError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "CBOR ends too early or too late",
            Self::NotDeterministic => "CBOR is not in its deterministic form (RFC 8949 4.2.1)",
            Self::Unexpected => "CBOR has a kind of value that does not belong here",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_deterministic_form_is_read() {
        for (octets, expected) in [
            (&[0x00][..], Ok(Value::Integer(0))),
            (&[0x18, 0x18], Ok(Value::Integer(24))),
            (&[0x18, 0x17], Err(CborError::NotDeterministic)),
            (&[0x20], Ok(Value::Integer(-1))),
            (
                &[0x3b, 0x7f, 255, 255, 255, 255, 255, 255, 255],
                Ok(Value::Integer(i64::MIN)),
            ),
            (
                &[0x3b, 255, 255, 255, 255, 255, 255, 255, 255],
                Err(CborError::Unexpected),
            ),
            (&[0x5f, 0xff], Err(CborError::Unexpected)),
            (&[0xa2, 2, 0, 1, 0], Err(CborError::NotDeterministic)),
            (&[0xa2, 1, 0, 1, 0], Err(CborError::NotDeterministic)),
            (&[0xc0, 0], Err(CborError::Unexpected)),
            (&[0xf4], Err(CborError::Unexpected)),
            (&[0xf9, 0, 0], Err(CborError::Unexpected)),
            (
                &[0x9b, 255, 255, 255, 255, 255, 255, 255, 255],
                Err(CborError::Length),
            ),
            (
                &[0x81, 0x81, 0x81, 0x81, 0x80],
                // The outermost and as many inside as the limit says.
                Ok((0..MAX_DEPTH).fold(Value::Array(vec![]), |v, _| Value::Array(vec![v]))),
            ),
            (
                &[0x81, 0x81, 0x81, 0x81, 0x81, 0x80],
                Err(CborError::Unexpected),
            ),
            (&[0x62, 0xff, 0xff], Err(CborError::Unexpected)),
            (&[0x00, 0x00], Err(CborError::Length)),
            (&[], Err(CborError::Length)),
        ] {
            assert_eq!(decode(octets), expected, "{octets:02x?}");
        }
    }
}
