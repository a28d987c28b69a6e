//! X.690: the one encoding of each value, octet for octet.

use crate::oid::ObjectIdentifier;

use super::view::View;
use super::{ANY, Check, Hits, Row, Severity::Error, row};
use crate::der::Tag;
use crate::oid;

pub(super) const RULES: &[Row<Check>] = &[
    row(
        "lint.der.length-minimal",
        "X.690 (02/2021) 10.1",
        Error,
        ANY,
        |c, h| {
            walk(c, h, |t| t.long_length.then_some("length"));
        },
    ),
    row(
        "lint.der.constructed-string",
        "X.690 (02/2021) 10.2",
        Error,
        ANY,
        |c, h| {
            walk(c, h, |t| {
                let string =
                    t.tag & 0xc0 == 0 && t.tag & 0x20 != 0 && !matches!(t.tag & 0x1f, 16 | 17);
                string.then_some("constructed")
            });
        },
    ),
    row(
        "lint.der.boolean",
        "X.690 (02/2021) 11.1",
        Error,
        ANY,
        |c, h| {
            walk(c, h, |t| {
                (t.tag == 1 && !matches!(t.value, [0] | [0xff])).then_some("boolean")
            });
        },
    ),
    row(
        "lint.der.integer-minimal",
        "X.690 (02/2021) 8.3.2",
        Error,
        ANY,
        |c, h| {
            walk(c, h, |t| {
                let long = match t.value {
                    [] => true,
                    [0, b, ..] => b & 0x80 == 0,
                    [0xff, b, ..] => b & 0x80 != 0,
                    _ => false,
                };
                (matches!(t.tag, 2 | 10) && long).then_some("integer")
            });
        },
    ),
    row(
        "lint.der.oid-minimal",
        "X.690 (02/2021) 8.19.2",
        Error,
        ANY,
        |c, h| {
            walk(c, h, |t| {
                let mut start = true;
                let mut bad = t.value.is_empty() || t.value.last().is_some_and(|b| b & 0x80 != 0);
                for b in t.value {
                    bad |= start && *b == 0x80;
                    start = b & 0x80 == 0;
                }
                (t.tag == 6 && bad).then_some("oid")
            });
        },
    ),
    row(
        "lint.der.null-empty",
        "X.690 (02/2021) 8.8.2",
        Error,
        ANY,
        |c, h| {
            walk(c, h, |t| {
                (t.tag == 5 && !t.value.is_empty()).then_some("null")
            });
        },
    ),
    row(
        "lint.der.unused-bits-zero",
        "X.690 (02/2021) 11.2.1",
        Error,
        ANY,
        |c, h| {
            walk(c, h, |t| {
                let unused = t.value.first().copied().unwrap_or(8);
                let last = t
                    .value
                    .last()
                    .copied()
                    .filter(|_| t.value.len() > 1)
                    .unwrap_or(0);
                let bad = unused > 7
                    || (t.value.len() == 1 && unused != 0)
                    || u32::from(last).trailing_zeros() < u32::from(unused);
                (t.tag == 3 && bad).then_some("bits")
            });
        },
    ),
    row(
        "lint.der.set-order",
        "X.690 (02/2021) 11.6",
        Error,
        ANY,
        |c, h| {
            walk(c, h, |t| {
                if t.tag != 0x31 {
                    return None;
                }
                let mut rest = t.value;
                let mut last: &[u8] = &[];
                while let Some((one, after)) = split(rest) {
                    if one.raw < last {
                        return Some("set");
                    }
                    last = one.raw;
                    rest = after;
                }
                None
            });
        },
    ),
    row(
        "lint.der.default-left-out",
        "X.690 (02/2021) 11.5",
        Error,
        ANY,
        |c, h| {
            if c.version == 1 && c.version_written {
                h.one("field", "version".to_owned());
            }
            for e in c.extensions.iter().filter(|e| e.default_written) {
                h.one("extension", e.oid.to_string());
            }
            for t in c.items(oid::BASIC_CONSTRAINTS) {
                if t.tag == Tag::BOOLEAN && t.value == [0] {
                    h.one("field", "cA".to_owned());
                }
            }
        },
    ),
    row(
        "lint.der.named-bits-trimmed",
        "X.690 (02/2021) 11.2.2",
        Error,
        ANY,
        |c, h| {
            if let Some(e) = c.ext(oid::KEY_USAGE)
                && let Ok(t) = e.read(|r| r.expect(Tag::BIT_STRING, ""))
                && let [unused @ 0..=7, octets @ ..] = t.value
                && octets.last().is_some_and(|b| b & (1 << unused) == 0)
            {
                h.one("key_usage", super::hex(t.value));
            }
        },
    ),
    row(
        "lint.der.utf8",
        "RFC 5280 4.1.2.4; RFC 3629",
        Error,
        ANY,
        |c, h| {
            walk(c, h, |t| {
                (t.tag == 0x0c && core::str::from_utf8(t.value).is_err()).then_some("string")
            });
        },
    ),
    row(
        "lint.der.printable-alphabet",
        "X.680 (02/2021) 41.4",
        Error,
        ANY,
        |c, h| {
            walk(c, h, |t| {
                let ok = |b: &u8| b.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(b);
                (t.tag == 0x13 && !t.value.iter().all(ok)).then_some("string")
            });
        },
    ),
    row(
        "lint.der.ia5-alphabet",
        "X.680 (02/2021) 41.1",
        Error,
        ANY,
        |c, h| {
            walk(c, h, |t| {
                (t.tag == 0x16 && !t.value.is_ascii()).then_some("string")
            });
        },
    ),
    row(
        "lint.der.visible-alphabet",
        "X.680 (02/2021) 41.1",
        Error,
        ANY,
        |c, h| {
            walk(c, h, |t| {
                let ok = |b: &u8| matches!(b, 0x20..=0x7e);
                (t.tag == 0x1a && !t.value.iter().all(ok)).then_some("string")
            });
        },
    ),
    row(
        "lint.der.numeric-alphabet",
        "X.680 (02/2021) 41.2",
        Error,
        ANY,
        |c, h| {
            walk(c, h, |t| {
                let ok = |b: &u8| b.is_ascii_digit() || *b == b' ';
                (t.tag == 0x12 && !t.value.iter().all(ok)).then_some("string")
            });
        },
    ),
    row(
        "lint.der.bmp-even",
        "X.690 (02/2021) 8.23.8",
        Error,
        ANY,
        |c, h| {
            walk(c, h, |t| {
                (t.tag == 0x1e && t.value.len() % 2 != 0).then_some("string")
            });
        },
    ),
];

struct Raw<'a> {
    tag: u8,
    value: &'a [u8],
    raw: &'a [u8],
    long_length: bool,
}

/// Splits off one encoding, tolerating lengths that are longer than they need be. An indefinite
/// length ends the walk, being counted as a long one.
fn split(input: &[u8]) -> Option<(Raw<'_>, &[u8])> {
    let (&tag, rest) = input.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, content, long_length) = if first < 0x80 {
        (usize::from(first), rest, false)
    } else if first == 0x80 {
        let end = rest.len();
        (end, rest, true)
    } else {
        let (digits, content) = rest.split_at_checked(usize::from(first & 0x7f))?;
        let length = digits.iter().try_fold(0usize, |n, &b| {
            n.checked_mul(256)?.checked_add(usize::from(b))
        })?;
        let long = length < 0x80 || digits.first() == Some(&0);
        (length, content, long)
    };
    let (value, after) = content.split_at_checked(length)?;
    let raw = input.get(..input.len().saturating_sub(after.len()))?;
    Some((
        Raw {
            tag,
            value,
            raw,
            long_length,
        },
        after,
    ))
}

/// Deepest nesting walked; the tolerant decoder stops at the same.
const MAX_DEPTH: u8 = 100;

/// Walks over the certificate and the values of its extensions.
fn walk(c: &View<'_>, hits: &mut Hits, judge: impl Fn(&Raw<'_>) -> Option<&'static str>) {
    descend(c.der, 0, &mut |t| {
        if let Some(what) = judge(t) {
            hits.one(
                what,
                super::hex(t.raw.get(..t.raw.len().min(32)).unwrap_or_default()),
            );
        }
    });
    for e in c.extensions.iter().filter(|e| is_known(e.oid)) {
        descend(e.value, 0, &mut |t| {
            if let Some(what) = judge(t) {
                let octets = super::hex(t.raw.get(..t.raw.len().min(32)).unwrap_or_default());
                hits.two("extension", e.oid.to_string(), what, octets);
            }
        });
    }
}

/// Only of these is it known that the value is DER.
fn is_known(oid: ObjectIdentifier) -> bool {
    super::rfc5280_extensions::KNOWN.contains(&oid)
}

fn descend(input: &[u8], depth: u8, visit: &mut dyn FnMut(&Raw<'_>)) {
    let mut rest = input;
    while let Some((one, after)) = split(rest) {
        visit(&one);
        if one.tag & 0x20 != 0 && depth < MAX_DEPTH {
            descend(one.value, depth.saturating_add(1), visit);
        }
        rest = after;
    }
}
