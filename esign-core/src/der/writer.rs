use crate::oid::ObjectIdentifier;

use super::Tag;
use crate::time::{Civil, UnixTime};

/// Builds DER from the outside in; lengths are filled in as structures close.
///
/// ```
/// use esign_core::der::{Tag, Writer};
/// let mut w = Writer::new();
/// w.sequence(|w| {
///     w.u32(5);
///     w.tlv(Tag::NULL, &[]);
/// });
/// assert_eq!(w.finish(), [0x30, 5, 2, 1, 5, 5, 0]);
/// ```
#[derive(Default)]
pub struct Writer {
    out: Vec<u8>,
}

impl Writer {
    /// An empty writer.
    pub const fn new() -> Self {
        Self { out: Vec::new() }
    }

    /// An empty writer with room for `octets`.
    pub fn with_capacity(octets: usize) -> Self {
        Self {
            out: Vec::with_capacity(octets),
        }
    }

    /// The encoding.
    pub fn finish(self) -> Vec<u8> {
        self.out
    }

    /// Writes octets that are an encoding already.
    pub fn raw(&mut self, encoding: &[u8]) {
        self.out.extend_from_slice(encoding);
    }

    /// Writes one encoding with the given content.
    pub fn tlv(&mut self, tag: Tag, value: &[u8]) {
        self.out.push(tag.0);
        let (bytes, n) = length_octets(value.len());
        self.out.extend(bytes.iter().take(n));
        self.out.extend_from_slice(value);
    }

    /// Writes a constructed encoding whose content `write` writes.
    pub fn nested(&mut self, tag: Tag, write: impl FnOnce(&mut Self)) {
        self.out.push(tag.0);
        let start = self.out.len();
        // One octet suffices for most structures; longer ones are moved once when they close.
        self.out.push(0);
        write(self);
        let length = self.out.len().saturating_sub(start + 1);
        let (bytes, n) = length_octets(length);
        if let (1, [first, ..], Some(place)) = (n, bytes, self.out.get_mut(start)) {
            *place = first;
        } else {
            self.out.splice(start..start + 1, bytes.into_iter().take(n));
        }
    }

    /// Writes identifier and length of an encoding whose content, `length` octets, comes after.
    pub fn header(&mut self, tag: Tag, length: usize) {
        self.out.push(tag.0);
        let (bytes, n) = length_octets(length);
        self.out.extend(bytes.iter().take(n));
    }

    /// Writes a SEQUENCE.
    pub fn sequence(&mut self, write: impl FnOnce(&mut Self)) {
        self.nested(Tag::SEQUENCE, write);
    }

    /// Writes a SET OF with `elements`, each a whole encoding, in DER order (X.690 11.6).
    pub fn set_of(&mut self, tag: Tag, elements: &mut [Vec<u8>]) {
        elements.sort_unstable();
        self.nested(tag, |w| elements.iter().for_each(|e| w.raw(e)));
    }

    /// Writes an OBJECT IDENTIFIER.
    pub fn oid(&mut self, oid: ObjectIdentifier) {
        self.tlv(Tag::OID, oid.as_bytes());
    }

    /// Writes an INTEGER from its magnitude, big-endian; leading zeros are dropped.
    pub fn unsigned(&mut self, tag: Tag, magnitude: &[u8]) {
        let zeros = magnitude.iter().take_while(|&&b| b == 0).count();
        let digits = magnitude.get(zeros..).unwrap_or_default();
        let pad = digits.first().is_none_or(|b| b & 0x80 != 0);
        self.out.push(tag.0);
        let (bytes, n) = length_octets(digits.len() + usize::from(pad));
        self.out.extend(bytes.iter().take(n));
        if pad {
            self.out.push(0);
        }
        self.out.extend_from_slice(digits);
    }

    /// Writes a small INTEGER.
    pub fn u32(&mut self, value: u32) {
        self.unsigned(Tag::INTEGER, &value.to_be_bytes());
    }

    /// Writes BOOLEAN true; false is a DEFAULT in every structure written here and is left out.
    pub fn boolean_true(&mut self) {
        self.tlv(Tag::BOOLEAN, &[0xff]);
    }

    /// Writes an OCTET STRING.
    pub fn octets(&mut self, value: &[u8]) {
        self.tlv(Tag::OCTET_STRING, value);
    }

    /// Writes a BIT STRING of whole octets.
    pub fn bit_octets(&mut self, value: &[u8]) {
        self.out.push(Tag::BIT_STRING.0);
        let (bytes, n) = length_octets(value.len() + 1);
        self.out.extend(bytes.iter().take(n));
        self.out.push(0);
        self.out.extend_from_slice(value);
    }

    /// Writes a named BIT STRING, bit 0 of `flags` being bit 0 of the syntax, without trailing
    /// zero bits.
    pub fn named_bits(&mut self, tag: Tag, flags: u16) {
        let [low, high] = flags.to_le_bytes().map(u8::reverse_bits);
        let unused = |b: u8| u8::try_from(b.trailing_zeros()).unwrap_or(0);
        match (low, high) {
            (0, 0) => self.tlv(tag, &[0]),
            (low, 0) => self.tlv(tag, &[unused(low), low]),
            (low, high) => self.tlv(tag, &[unused(high), low, high]),
        }
    }

    /// Writes a time as RFC 5280 4.1.2.5 asks: UTCTime through 2049, GeneralizedTime after.
    pub fn time(&mut self, time: UnixTime) {
        let c = time.civil();
        if (1950..2050).contains(&c.year) {
            self.digits(Tag::UTC_TIME, &[c.year % 100], &c);
        } else {
            self.generalized_time(time);
        }
    }

    /// Writes GeneralizedTime in whole seconds.
    pub fn generalized_time(&mut self, time: UnixTime) {
        let c = time.civil();
        self.digits(Tag::GENERALIZED_TIME, &[c.year / 100, c.year % 100], &c);
    }

    /// Writes a time: the pairs of digits of its year, those of the rest, and `Z`.
    fn digits(&mut self, tag: Tag, year: &[u16], c: &Civil) {
        let rest = [c.month, c.day, c.hour, c.minute, c.second].map(u16::from);
        self.nested(tag, |w| {
            for pair in year.iter().chain(&rest) {
                let digit = |n: u16| b'0'.saturating_add(u8::try_from(n % 10).unwrap_or(0));
                w.out.extend([digit(pair / 10), digit(*pair)]);
            }
            w.out.push(b'Z');
        });
    }
}

/// Length octets and how many of them count.
fn length_octets(length: usize) -> ([u8; 9], usize) {
    let mut out = [0; 9];
    let be = u64::try_from(length).unwrap_or(u64::MAX).to_be_bytes();
    if length < 0x80 {
        if let Some(first) = out.first_mut() {
            *first = be.last().copied().unwrap_or(0);
        }
        return (out, 1);
    }
    let skip = be.iter().take_while(|&&b| b == 0).count();
    let count = be.len() - skip;
    if let Some((first, rest)) = out.split_first_mut() {
        *first = 0x80 | u8::try_from(count).unwrap_or(8);
        for (to, from) in rest.iter_mut().zip(be.iter().skip(skip)) {
            *to = *from;
        }
    }
    (out, count + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lengths() {
        for (n, head) in [
            (127, vec![4, 127]),
            (128, vec![4, 0x81, 128]),
            (65_536, vec![4, 0x83, 1, 0, 0]),
        ] {
            let mut w = Writer::new();
            w.octets(&vec![7; n]);
            let mut v = Writer::new();
            v.nested(Tag::OCTET_STRING, |v| v.raw(&vec![7; n]));
            let out = w.finish();
            assert!(out.starts_with(&head));
            assert_eq!(out, v.finish());
        }
    }

    #[test]
    fn integers_bits_and_times() {
        let mut w = Writer::new();
        w.u32(0);
        w.u32(128);
        w.named_bits(Tag::BIT_STRING, 0b11);
        w.named_bits(Tag::BIT_STRING, 0x100);
        w.time(UnixTime::parse("2050-01-01").unwrap());
        assert_eq!(
            w.finish(),
            [
                &[
                    2, 1, 0, 2, 2, 0, 128, 3, 2, 6, 0xc0, 3, 3, 7, 0, 0x80, 24, 15
                ][..],
                b"20500101000000Z"
            ]
            .concat()
        );
    }
}
