use std::borrow::Cow;

use crate::oid::ObjectIdentifier;

use super::{DecodeError, DecodeKind, Tag};
use crate::time::{Civil, UnixTime};

/// Deepest nesting that is walked. RFC 5280 structures stay under 20, a CMS with a time-stamp in
/// a counter-signature under 60; OpenSSL stops at 30 for its own templates.
pub(super) const MAX_DEPTH: u8 = 100;

/// Which encoding rules hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rules {
    /// X.690 clause 10 and 11: one encoding for one value.
    Der,
    /// X.690 clause 8: indefinite lengths, long forms and constructed strings are read as well.
    Ber,
}

/// A cursor over encodings that stand side by side in one input.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    input: &'a [u8],
    at: usize,
    base: u64,
    rules: Rules,
    depth: u8,
}

/// One encoding: tag, content, and all of its octets as received.
#[derive(Clone, Copy)]
pub struct Tlv<'a> {
    /// Identifier octet.
    pub tag: Tag,
    /// Content octets; without the end marker where the length is indefinite.
    pub value: &'a [u8],
    /// Identifier, length and content (and end marker) as received.
    pub raw: &'a [u8],
    /// Octet offset of `raw` in the outermost input.
    pub at: u64,
    rules: Rules,
    depth: u8,
}

/// Decodes `input` as one structure that fills it.
///
/// # Errors
/// What `read` says, or [`DecodeKind::TrailingData`].
pub fn decode<'a, T>(
    input: &'a [u8],
    rules: Rules,
    read: impl FnOnce(&mut Reader<'a>) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    let mut reader = Reader::new(input, rules);
    let value = read(&mut reader)?;
    reader.finish("")?;
    Ok(value)
}

impl<'a> Reader<'a> {
    /// A reader over the whole of `input`.
    pub const fn new(input: &'a [u8], rules: Rules) -> Self {
        Self {
            input,
            at: 0,
            base: 0,
            rules,
            depth: 0,
        }
    }

    /// The rules in force.
    pub const fn rules(&self) -> Rules {
        self.rules
    }

    /// Offset of the next octet in the outermost input.
    pub fn position(&self) -> u64 {
        self.base
            .saturating_add(u64::try_from(self.at).unwrap_or(u64::MAX))
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.at >= self.input.len()
    }

    /// The octets not read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.input.get(self.at..).unwrap_or_default()
    }

    /// Passes over octets that are known already.
    pub(crate) fn skip(&mut self, octets: usize) {
        self.at = self.at.saturating_add(octets).min(self.input.len());
    }

    /// An error at the current place.
    pub fn error(&self, kind: DecodeKind, field: &str) -> DecodeError {
        DecodeError::new(kind, field, self.position())
    }

    /// Checks that nothing is left.
    ///
    /// # Errors
    /// [`DecodeKind::TrailingData`].
    pub fn finish(&self, field: &str) -> Result<(), DecodeError> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(self.error(DecodeKind::TrailingData, field))
        }
    }

    /// The next identifier octet.
    pub fn peek(&self) -> Option<Tag> {
        self.input.get(self.at).map(|&b| Tag(b))
    }

    /// Reads the next encoding, whatever it is.
    ///
    /// # Errors
    /// [`DecodeKind::Truncated`], [`DecodeKind::NotDer`] or [`DecodeKind::Value`] of its header.
    #[inline]
    pub fn any(&mut self, field: &str) -> Result<Tlv<'a>, DecodeError> {
        // Nearly all are short: one comparison of each octet of the header, and no more.
        if let [tag, length @ ..0x80, ..] = *self.rest()
            && tag & 0x1f != 0x1f
            && let Some((raw, value)) = short(self.rest(), length)
        {
            let tlv = Tlv {
                tag: Tag(tag),
                value,
                raw,
                at: self.position(),
                rules: self.rules,
                depth: self.depth,
            };
            self.at = self.at.saturating_add(raw.len());
            return Ok(tlv);
        }
        self.any_form(field)
    }

    /// As [`Self::any`], for every form.
    fn any_form(&mut self, field: &str) -> Result<Tlv<'a>, DecodeError> {
        let rest = self.rest();
        let header = header(rest, self.rules).map_err(|kind| self.error(kind, field))?;
        let (value_end, raw_end) = match header.length {
            Some(length) => {
                let end = header.size.checked_add(length).filter(|&e| e <= rest.len());
                let end = end.ok_or_else(|| self.error(DecodeKind::Truncated, field))?;
                (end, end)
            }
            None => indefinite_end(rest, header.size, self.depth)
                .map_err(|kind| self.error(kind, field))?,
        };
        let tlv = Tlv {
            tag: header.tag,
            value: rest.get(header.size..value_end).unwrap_or_default(),
            raw: rest.get(..raw_end).unwrap_or_default(),
            at: self.position(),
            rules: self.rules,
            depth: self.depth,
        };
        self.at = self.at.saturating_add(raw_end);
        Ok(tlv)
    }

    /// Reads the next encoding, which must have `tag`.
    ///
    /// # Errors
    /// [`DecodeKind::UnexpectedTag`] besides those of [`Self::any`].
    pub fn expect(&mut self, tag: Tag, field: &str) -> Result<Tlv<'a>, DecodeError> {
        match self.peek() {
            Some(found) if found == tag => self.any(field),
            Some(found) => Err(self.error(
                DecodeKind::UnexpectedTag {
                    expected: tag,
                    found,
                },
                field,
            )),
            None => Err(self.error(DecodeKind::Truncated, field)),
        }
    }

    /// Reads the next encoding if it has `tag`.
    ///
    /// # Errors
    /// Those of [`Self::any`].
    pub fn optional(&mut self, tag: Tag, field: &str) -> Result<Option<Tlv<'a>>, DecodeError> {
        if self.peek() == Some(tag) {
            self.any(field).map(Some)
        } else {
            Ok(None)
        }
    }

    /// Reads a constructed encoding with `tag` whose content `read` must use up.
    ///
    /// # Errors
    /// Those of `read`, with `field` before their path.
    pub fn nested<T>(
        &mut self,
        tag: Tag,
        field: &str,
        read: impl FnOnce(&mut Reader<'a>) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        self.expect(tag, field)?.nested(field, read)
    }

    /// Reads a SEQUENCE whose content `read` must use up.
    ///
    /// # Errors
    /// Those of `read`, with `field` before their path.
    pub fn sequence<T>(
        &mut self,
        field: &str,
        read: impl FnOnce(&mut Reader<'a>) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        self.nested(Tag::SEQUENCE, field, read)
    }

    /// Reads an OBJECT IDENTIFIER.
    ///
    /// # Errors
    /// [`DecodeKind::Value`] for arcs that are not minimal or too large, see [`crate::oid::OidError`].
    pub fn oid(&mut self, field: &str) -> Result<ObjectIdentifier, DecodeError> {
        self.expect(Tag::OID, field)?.oid(field)
    }

    /// Reads an INTEGER as its two's complement octets, which are never empty.
    ///
    /// # Errors
    /// [`DecodeKind::Value`] where it is empty or (DER and BER alike) not minimal.
    pub fn integer(&mut self, field: &str) -> Result<&'a [u8], DecodeError> {
        self.expect(Tag::INTEGER, field)?.integer(field)
    }

    /// Reads a small non-negative INTEGER.
    ///
    /// # Errors
    /// [`DecodeKind::Value`] where it is negative or does not fit.
    pub fn u32(&mut self, field: &str) -> Result<u32, DecodeError> {
        let at = self.position();
        let octets = self.integer(field)?;
        let fits = octets.len() <= 4 || (octets.len() == 5 && octets.first() == Some(&0));
        if octets.first().is_none_or(|b| b & 0x80 != 0) || !fits {
            return Err(DecodeError::new(
                DecodeKind::Value("INTEGER out of range"),
                field,
                at,
            ));
        }
        Ok(octets.iter().fold(0u32, |n, &b| (n << 8) | u32::from(b)))
    }
}

impl<'a> Tlv<'a> {
    /// An error at the start of this encoding.
    pub fn error(&self, kind: DecodeKind, field: &str) -> DecodeError {
        DecodeError::new(kind, field, self.at)
    }

    /// A reader over the content.
    ///
    /// # Errors
    /// [`DecodeKind::Limit`] beyond 100 levels.
    pub fn reader(&self, field: &str) -> Result<Reader<'a>, DecodeError> {
        if self.depth >= MAX_DEPTH {
            return Err(self.error(DecodeKind::Limit("nested more than 100 levels deep"), field));
        }
        let skipped = self.raw.len().saturating_sub(self.value.len());
        // An indefinite length ends in two octets that are not part of the header.
        let indefinite = self.raw.get(1) == Some(&0x80);
        let header = if indefinite {
            skipped.saturating_sub(2)
        } else {
            skipped
        };
        Ok(Reader {
            input: self.value,
            at: 0,
            base: self.at.saturating_add(u64::try_from(header).unwrap_or(0)),
            rules: self.rules,
            depth: self.depth.saturating_add(1),
        })
    }

    /// Decodes the content, which `read` must use up.
    ///
    /// # Errors
    /// Those of `read`, with `field` before their path.
    pub fn nested<T>(
        &self,
        field: &str,
        read: impl FnOnce(&mut Reader<'a>) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        let mut reader = self.reader(field)?;
        let value = read(&mut reader).map_err(|e| e.within(field))?;
        reader.finish(field)?;
        Ok(value)
    }

    /// The content as an object identifier, whatever the tag.
    ///
    /// # Errors
    /// [`DecodeKind::Value`] for arcs that are not minimal or too large, see [`crate::oid::OidError`].
    pub fn oid(&self, field: &str) -> Result<ObjectIdentifier, DecodeError> {
        ObjectIdentifier::from_bytes(self.value)
            .map_err(|e| self.error(DecodeKind::Value(e.what()), field))
    }

    /// The content as an INTEGER in minimal two's complement, whatever the tag.
    ///
    /// # Errors
    /// [`DecodeKind::Value`] where it is empty or not minimal (X.690 8.3.2).
    pub fn integer(&self, field: &str) -> Result<&'a [u8], DecodeError> {
        match self.value {
            [] => Err(self.error(DecodeKind::Value("INTEGER without content"), field)),
            [0x00, second, ..] if second & 0x80 == 0 => Err(self.error(
                DecodeKind::Value("INTEGER has a superfluous leading octet"),
                field,
            )),
            [0xff, second, ..] if second & 0x80 != 0 => Err(self.error(
                DecodeKind::Value("INTEGER has a superfluous leading octet"),
                field,
            )),
            octets => Ok(octets),
        }
    }

    /// The content as a BOOLEAN, whatever the tag.
    ///
    /// # Errors
    /// [`DecodeKind::Value`] where it is not one octet, [`DecodeKind::NotDer`] where true is not
    /// FF (X.690 11.1).
    pub fn boolean(&self, field: &str) -> Result<bool, DecodeError> {
        match (self.value, self.rules) {
            ([0], _) => Ok(false),
            ([0xff], _) | ([_], Rules::Ber) => Ok(true),
            ([_], Rules::Der) => {
                Err(self.error(DecodeKind::NotDer("BOOLEAN true is not FF"), field))
            }
            _ => Err(self.error(DecodeKind::Value("BOOLEAN is not one octet long"), field)),
        }
    }

    /// The octets of an OCTET STRING; the pieces of a constructed one (BER) are put together.
    ///
    /// # Errors
    /// Those of the pieces.
    pub fn octets(&self, field: &str) -> Result<Cow<'a, [u8]>, DecodeError> {
        if !self.tag.is_constructed() {
            return Ok(Cow::Borrowed(self.value));
        }
        if self.rules == Rules::Der {
            return Err(self.error(DecodeKind::NotDer("constructed string"), field));
        }
        let mut whole = Vec::with_capacity(self.value.len());
        let mut reader = self.reader(field)?;
        while !reader.is_empty() {
            let piece = reader.any(field)?;
            if piece.tag.0 & !0x20 != Tag::OCTET_STRING.0 {
                let kind = DecodeKind::UnexpectedTag {
                    expected: Tag::OCTET_STRING,
                    found: piece.tag,
                };
                return Err(piece.error(kind, field));
            }
            whole.extend_from_slice(&piece.octets(field)?);
        }
        Ok(Cow::Owned(whole))
    }

    /// The octets of a BIT STRING with a whole number of octets, as keys and signatures have.
    ///
    /// # Errors
    /// [`DecodeKind::Value`] where bits are left over or the content is empty.
    pub fn bit_octets(&self, field: &str) -> Result<&'a [u8], DecodeError> {
        match self.value {
            [0, octets @ ..] => Ok(octets),
            [_, ..] => Err(self.error(DecodeKind::Value("BIT STRING with unused bits"), field)),
            [] => Err(self.error(DecodeKind::Value("BIT STRING without content"), field)),
        }
    }

    /// The flags of a named BIT STRING, bit 0 of the syntax in bit 0 of the result; bits past 15
    /// must be absent.
    ///
    /// # Errors
    /// [`DecodeKind::Value`] for a malformed string, [`DecodeKind::NotDer`] for trailing zero bits
    /// (X.690 11.2.2).
    pub fn named_bits(&self, field: &str) -> Result<u16, DecodeError> {
        let value = |what| self.error(DecodeKind::Value(what), field);
        let (&unused, octets) = self
            .value
            .split_first()
            .ok_or_else(|| value("BIT STRING without content"))?;
        if unused > 7 || (octets.is_empty() && unused != 0) {
            return Err(value("BIT STRING with an impossible count of unused bits"));
        }
        if octets.len() > 2 {
            return Err(value("named BIT STRING longer than 16 bits"));
        }
        let last = octets.last().copied().unwrap_or(0x80);
        if self.rules == Rules::Der {
            let padding = (1u16 << unused) - 1;
            if u16::from(last) & padding != 0 {
                return Err(self.error(DecodeKind::NotDer("unused bits are not zero"), field));
            }
            if !octets.is_empty() && u16::from(last) & (1 << unused) == 0 {
                return Err(self.error(DecodeKind::NotDer("trailing zero bits"), field));
            }
        }
        let bits = octets
            .iter()
            .zip([0u32, 8])
            .fold(0u16, |flags, (&b, shift)| {
                flags | (u16::from(b.reverse_bits()) << shift)
            });
        Ok(bits)
    }

    /// The content as UTCTime or GeneralizedTime by its tag, in the forms of RFC 5280 4.1.2.5:
    /// seconds present, `Z`, no fraction. Two-digit years below 50 are in the 2000s.
    ///
    /// # Errors
    /// [`DecodeKind::Value`] for every other form or a time that does not exist.
    pub fn time(&self, field: &str) -> Result<UnixTime, DecodeError> {
        let bad = |what| self.error(DecodeKind::Value(what), field);
        let form = "time is not in the form YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ";
        let digits = self.value.strip_suffix(b"Z").ok_or_else(|| bad(form))?;
        if !digits.iter().all(u8::is_ascii_digit) {
            return Err(bad(form));
        }
        let (pairs, _) = digits.as_chunks::<2>();
        let mut pairs = pairs
            .iter()
            .map(|[a, b]| u16::from(a - b'0') * 10 + u16::from(b - b'0'));
        let mut next = || pairs.next().unwrap_or(0);
        let year = match (self.tag, digits.len()) {
            (Tag::UTC_TIME, 12) => match next() {
                y @ 0..50 => 2000 + y,
                y => 1900 + y,
            },
            (Tag::GENERALIZED_TIME, 14) => next() * 100 + next(),
            _ => return Err(bad(form)),
        };
        let mut small = || u8::try_from(next()).unwrap_or(u8::MAX);
        let civil = Civil {
            year,
            month: small(),
            day: small(),
            hour: small(),
            minute: small(),
            second: small(),
        };
        UnixTime::from_civil(civil).ok_or_else(|| bad("there is no such time"))
    }
}

/// The whole and the content of an encoding whose length is in one octet; `None` where there are
/// fewer octets.
fn short(input: &[u8], length: u8) -> Option<(&[u8], &[u8])> {
    let raw = input.get(..usize::from(length).saturating_add(2))?;
    Some((raw, raw.get(2..)?))
}

/// Identifier and length of one encoding.
struct Header {
    tag: Tag,
    /// Octets of identifier and length.
    size: usize,
    /// Length of the content; `None` where it is indefinite.
    length: Option<usize>,
}

fn header(input: &[u8], rules: Rules) -> Result<Header, DecodeKind> {
    let (&[tag, first], rest) = input
        .split_first_chunk::<2>()
        .ok_or(DecodeKind::Truncated)?;
    if tag & 0x1f == 0x1f {
        return Err(DecodeKind::Value("tag number above 30"));
    }
    let tag = Tag(tag);
    if first < 0x80 {
        return Ok(Header {
            tag,
            size: 2,
            length: Some(usize::from(first)),
        });
    }
    if first == 0x80 {
        return match rules {
            Rules::Der => Err(DecodeKind::NotDer("indefinite length")),
            Rules::Ber if !tag.is_constructed() => {
                Err(DecodeKind::Value("indefinite length of a primitive type"))
            }
            Rules::Ber => Ok(Header {
                tag,
                size: 2,
                length: None,
            }),
        };
    }
    let count = usize::from(first & 0x7f);
    if count > 8 {
        return Err(DecodeKind::Value("length of more than eight octets"));
    }
    let octets = rest.get(..count).ok_or(DecodeKind::Truncated)?;
    let length = octets.iter().fold(0u64, |n, &b| (n << 8) | u64::from(b));
    if rules == Rules::Der && (length < 0x80 || octets.first() == Some(&0)) {
        return Err(DecodeKind::NotDer("length is not in its shortest form"));
    }
    let length = usize::try_from(length).map_err(|_| DecodeKind::Truncated)?;
    Ok(Header {
        tag,
        size: 2 + count,
        length: Some(length),
    })
}

/// Finds the end of an indefinite length: end of the content and end of the marker, counted from
/// the start of `input`, whose header takes `size` octets.
///
/// Walks without recursion, once over every header; `depth` levels are already open around it.
fn indefinite_end(input: &[u8], size: usize, depth: u8) -> Result<(usize, usize), DecodeKind> {
    let mut at = size;
    let mut open = 1u8;
    loop {
        let rest = input.get(at..).ok_or(DecodeKind::Truncated)?;
        if rest.starts_with(&[0, 0]) {
            open -= 1;
            at += 2;
            if open == 0 {
                return Ok((at - 2, at));
            }
            continue;
        }
        let header = header(rest, Rules::Ber)?;
        match header.length {
            Some(length) => {
                at = at
                    .checked_add(header.size)
                    .and_then(|a| a.checked_add(length))
                    .filter(|&a| a <= input.len())
                    .ok_or(DecodeKind::Truncated)?;
            }
            None => {
                open += 1;
                if open.saturating_add(depth) > MAX_DEPTH {
                    return Err(DecodeKind::Limit("nested more than 100 levels deep"));
                }
                at += header.size;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(input: &[u8], rules: Rules) -> Result<Vec<u8>, DecodeError> {
        decode(input, rules, |r| Ok(r.any("x")?.value.to_vec()))
    }

    #[test]
    fn lengths() {
        for (input, rules, expected) in [
            (&[4, 1, 9][..], Rules::Der, Some(vec![9])),
            (&[4, 0x81, 1, 9], Rules::Der, None),
            (&[4, 0x81, 1, 9], Rules::Ber, Some(vec![9])),
            (&[4, 2, 9], Rules::Der, None),
            (&[4, 1, 9, 9], Rules::Der, None),
            (
                &[0x24, 0x80, 4, 1, 9, 0, 0],
                Rules::Ber,
                Some(vec![4, 1, 9]),
            ),
            (&[0x24, 0x80, 4, 1, 9, 0, 0], Rules::Der, None),
            (&[0x04, 0x80, 0, 0], Rules::Ber, None),
            (
                &[0x24, 0x80, 0x24, 0x80, 0, 0, 0, 0],
                Rules::Ber,
                Some(vec![0x24, 0x80, 0, 0]),
            ),
            (&[0x24, 0x80, 4, 1, 9, 0], Rules::Ber, None),
            (&[0x1f, 1, 0], Rules::Ber, None),
            (
                &[4, 0x88, 255, 255, 255, 255, 255, 255, 255, 255],
                Rules::Ber,
                None,
            ),
            (&[], Rules::Ber, None),
        ] {
            assert_eq!(one(input, rules).ok(), expected, "{input:02x?}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        // Told from the headers of indefinite lengths, which are looked through for their ends.
        let indefinite = |levels: u8| {
            let levels = usize::from(levels);
            [[0x24, 0x80].repeat(levels), vec![0; 2 * levels]].concat()
        };
        assert!(one(&indefinite(MAX_DEPTH), Rules::Ber).is_ok());
        let error = one(&indefinite(MAX_DEPTH + 1), Rules::Ber).unwrap_err();
        assert!(matches!(error.kind(), DecodeKind::Limit(_)), "{error}");
        // And as definite ones are walked into.
        fn walk(tlv: &Tlv<'_>) -> Result<usize, DecodeError> {
            let mut inner = tlv.reader("x")?;
            Ok(match inner.is_empty() {
                true => 1,
                false => 1 + walk(&inner.any("x")?)?,
            })
        }
        let definite = |levels: u8| {
            (0..levels).fold(Vec::new(), |inner: Vec<u8>, _| {
                let mut w = crate::der::Writer::new();
                w.sequence(|w| w.raw(&inner));
                w.finish()
            })
        };
        let walked = |levels: u8| {
            let der = definite(levels);
            walk(&Reader::new(&der, Rules::Der).any("x")?)
        };
        assert_eq!(walked(MAX_DEPTH).unwrap(), usize::from(MAX_DEPTH));
        let error = walked(MAX_DEPTH + 1).unwrap_err();
        assert!(matches!(error.kind(), DecodeKind::Limit(_)), "{error}");
    }

    #[test]
    fn errors_name_field_and_place() {
        let error = decode(&[0x30, 3, 2, 1, 0x80], Rules::Der, |r| {
            r.sequence("outer", |r| r.u32("inner"))
        });
        assert_eq!(
            error.unwrap_err().to_string(),
            "outer.inner: INTEGER out of range at byte 2"
        );
    }

    #[test]
    fn named_bits_follow_the_syntax() {
        let read = |b: &[u8]| decode(b, Rules::Der, |r| r.any("b")?.named_bits("b"));
        assert_eq!(read(&[3, 2, 6, 0b1100_0000]).ok(), Some(0b11));
        assert_eq!(read(&[3, 2, 1, 0b0000_0110]).ok(), Some(0b110_0000));
        assert_eq!(read(&[3, 3, 7, 0, 0x80]).ok(), Some(0x100));
        assert_eq!(read(&[3, 1, 0]).ok(), Some(0));
        assert!(read(&[3, 2, 1, 0b1100_0000]).is_err());
        assert!(read(&[3, 2, 8, 0]).is_err());
    }

    #[test]
    fn times() {
        let read = |tag: u8, text: &str| {
            let mut b = vec![tag, u8::try_from(text.len()).unwrap()];
            b.extend(text.bytes());
            decode(&b, Rules::Der, |r| r.any("t")?.time("t"))
                .ok()
                .map(|t| t.to_string())
        };
        assert_eq!(
            read(0x17, "491231235959Z").as_deref(),
            Some("2049-12-31T23:59:59Z")
        );
        assert_eq!(
            read(0x17, "500101000000Z").as_deref(),
            Some("1950-01-01T00:00:00Z")
        );
        assert_eq!(
            read(0x18, "20500101000000Z").as_deref(),
            Some("2050-01-01T00:00:00Z")
        );
        for (tag, bad) in [
            (0x17, "5001010000Z"),
            (0x18, "20500101000000.5Z"),
            (0x17, "500101000000+0000"),
            (0x18, "20501301000000Z"),
        ] {
            assert_eq!(read(tag, bad), None, "{bad}");
        }
    }
}
