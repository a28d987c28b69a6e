//! Text strings and dates of PDF.
//!
//! # Source
//! ISO 32000-2 7.9.2.2 (text strings), 7.9.4 (dates), Annex D.3 (PDFDocEncoding).

use crate::time::{Civil, UnixTime};

/// PDFDocEncoding from 0x18 to 0x1f and from 0x80 to 0x9e, and 0xa0; the rest is Latin-1.
const LOW: [char; 8] = ['˘', 'ˇ', 'ˆ', '˙', '˝', '˛', '˚', '˜'];
const HIGH: [char; 33] = [
    '•', '†', '‡', '…', '—', '–', 'ƒ', '⁄', '‹', '›', '−', '‰', '„', '“', '”', '‘', '’', '‚', '™',
    'ﬁ', 'ﬂ', 'Ł', 'Œ', 'Š', 'Ÿ', 'Ž', 'ı', 'ł', 'œ', 'š', 'ž', '\u{fffd}', '€',
];

/// Decodes a text string: UTF-16 with its mark, UTF-8 with its mark, else PDFDocEncoding. What
/// cannot be decoded becomes U+FFFD.
pub(crate) fn decode(octets: &[u8]) -> String {
    if let Some(rest) = octets.strip_prefix(&[0xfe, 0xff]) {
        let (pairs, _) = rest.as_chunks::<2>();
        let units = pairs.iter().map(|p| u16::from_be_bytes(*p));
        return char::decode_utf16(units)
            .map(|c| c.unwrap_or('\u{fffd}'))
            .collect();
    }
    if let Some(rest) = octets.strip_prefix(&[0xff, 0xfe]) {
        // Not in the standard, but written by some and read by all.
        let (pairs, _) = rest.as_chunks::<2>();
        let units = pairs.iter().map(|p| u16::from_le_bytes(*p));
        return char::decode_utf16(units)
            .map(|c| c.unwrap_or('\u{fffd}'))
            .collect();
    }
    if let Some(rest) = octets.strip_prefix(&[0xef, 0xbb, 0xbf]) {
        return String::from_utf8_lossy(rest).into_owned();
    }
    octets
        .iter()
        .map(|&b| match b {
            0x18..=0x1f => LOW
                .get(usize::from(b - 0x18))
                .copied()
                .unwrap_or('\u{fffd}'),
            0x80..=0xa0 => HIGH
                .get(usize::from(b - 0x80))
                .copied()
                .unwrap_or('\u{fffd}'),
            0x7f | 0xad => '\u{fffd}',
            b => char::from(b),
        })
        .collect()
}

/// Encodes a text string: ASCII as it is, anything else as UTF-16BE, which every reader knows.
pub(crate) fn encode(text: &str) -> Vec<u8> {
    if text.is_ascii() {
        return text.as_bytes().to_vec();
    }
    let mut octets = vec![0xfe, 0xff];
    octets.extend(text.encode_utf16().flat_map(u16::to_be_bytes));
    octets
}

/// Writes a date in UTC: `D:20261122100000Z`.
pub(crate) fn date(time: UnixTime) -> Vec<u8> {
    let c = time.civil();
    format!(
        "D:{:04}{:02}{:02}{:02}{:02}{:02}Z",
        c.year, c.month, c.day, c.hour, c.minute, c.second
    )
    .into_bytes()
}

/// Reads a date; parts after the year may be missing, and so may the offset from UTC, which then
/// counts as zero.
pub(crate) fn parse_date(octets: &[u8]) -> Option<UnixTime> {
    let octets = octets.strip_prefix(b"D:").unwrap_or(octets);
    let two = |at: usize, default: u8| -> Option<u8> {
        match octets.get(at..at + 2) {
            Some([a, b]) if a.is_ascii_digit() && b.is_ascii_digit() => {
                Some((a - b'0') * 10 + (b - b'0'))
            }
            // The offset begins here, or the date ends.
            _ if octets.get(at).is_none_or(|c| b"Z+-".contains(c)) => Some(default),
            _ => None,
        }
    };
    let year = u16::from(two(0, 100)?) * 100 + u16::from(two(2, 100)?);
    let time = UnixTime::from_civil(Civil {
        year,
        month: two(4, 1)?,
        day: two(6, 1)?,
        hour: two(8, 0)?,
        minute: two(10, 0)?,
        second: two(12, 0)?,
    })?;
    let Some(at) = octets.iter().position(|c| b"Z+-".contains(c)) else {
        return Some(time);
    };
    let sign = octets.get(at)?;
    let number = |from: usize| match octets.get(from..from + 2) {
        Some([a, b]) if a.is_ascii_digit() && b.is_ascii_digit() => {
            i64::from(a - b'0') * 10 + i64::from(b - b'0')
        }
        _ => 0,
    };
    let shift = number(at + 1) * 3600 + number(at + 4) * 60;
    Some(match sign {
        b'+' => time.plus(-shift),
        b'-' => time.plus(shift),
        _ => time,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_both_ways() {
        for text in ["", "Ad", "Təsdiq edirəm: ə Ə ğ ı İ ö ş ç ü", "𝄞"] {
            assert_eq!(decode(&encode(text)), text);
        }
        assert_eq!(decode(b"caf\xe9 \x80 \x9a\xa0"), "café • ı€");
        assert_eq!(decode(b"\xef\xbb\xbf\xc9\x99"), "ə");
        assert_eq!(decode(b"\xfe\xff\xd8\x00"), "\u{fffd}");
    }

    #[test]
    fn dates() {
        for (text, expected) in [
            ("D:20261122140000+04'00'", Some("2026-11-22T10:00:00Z")),
            ("D:20261122140000+04'00", Some("2026-11-22T10:00:00Z")),
            ("D:20261122060000-04'00'", Some("2026-11-22T10:00:00Z")),
            ("D:20261122100000Z00'00'", Some("2026-11-22T10:00:00Z")),
            ("20261122100000", Some("2026-11-22T10:00:00Z")),
            ("D:2026", Some("2026-01-01T00:00:00Z")),
            ("D:202611", Some("2026-11-01T00:00:00Z")),
            ("D:20261", None),
            ("D:20261322", None),
            ("", None),
            ("D:yesterday", None),
        ] {
            let parsed = parse_date(text.as_bytes()).map(|t| t.to_string());
            assert_eq!(parsed.as_deref(), expected, "{text}");
        }
        let now = UnixTime::parse("2026-11-22T10:00:00Z").unwrap();
        assert_eq!(parse_date(&date(now)), Some(now));
    }
}
