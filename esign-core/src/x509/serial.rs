use core::fmt;

use crate::keys::{KeyError, KeyErrorKind, Random};

/// The serial number of a certificate: INTEGER in minimal two's complement, as received.
///
/// RFC 5280 4.1.2.2 asks for 1 to 20 octets and a positive value; others occur and are kept as
/// they are, to be judged by a rule and not by the decoder.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SerialNumber(Box<[u8]>);

impl SerialNumber {
    /// Longest that RFC 5280 4.1.2.2 allows, in octets.
    pub const MAX_LEN: usize = 20;

    /// A serial from the content octets of its INTEGER.
    pub(crate) fn from_content(octets: &[u8]) -> Self {
        Self(octets.into())
    }

    /// A positive serial from its magnitude, big-endian; leading zeros do not count.
    pub fn from_magnitude(magnitude: &[u8]) -> Self {
        let zeros = magnitude.iter().take_while(|&&b| b == 0).count();
        let digits = magnitude.get(zeros..).unwrap_or_default();
        let mut octets = Vec::with_capacity(digits.len() + 1);
        if digits.first().is_none_or(|b| b & 0x80 != 0) {
            octets.push(0);
        }
        octets.extend_from_slice(digits);
        Self(octets.into())
    }

    /// A fresh serial: 127 random bits, so that it is positive in 16 octets and far above the 64
    /// bits that the Baseline Requirements ask for.
    ///
    /// # Errors
    /// `random` gives nothing, or nothing but zeros.
    pub fn random(random: &dyn Random) -> Result<Self, KeyError> {
        let mut octets = [0u8; 16];
        random.fill(&mut octets)?;
        if let Some(first) = octets.first_mut() {
            *first &= 0x7f;
        }
        // Zero comes once in 2^127 draws: the source is broken, and the next draw would be, too.
        if octets == [0; 16] {
            return Err(KeyError::new(
                KeyErrorKind::Random,
                "serial: the random octets are all zero",
            ));
        }
        Ok(Self::from_magnitude(&octets))
    }

    /// Parses hexadecimal digits, with or without colons and spaces between them.
    pub fn parse_hex(text: &str) -> Option<Self> {
        let mut digits = text
            .chars()
            .filter(|c| !matches!(c, ':' | ' '))
            .map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok()))
            .collect::<Option<Vec<u8>>>()?;
        if digits.is_empty() || digits.len() > 2 * Self::MAX_LEN {
            return None;
        }
        if digits.len() % 2 == 1 {
            digits.insert(0, 0);
        }
        let (pairs, _) = digits.as_chunks::<2>();
        let octets: Vec<u8> = pairs.iter().map(|[a, b]| (a << 4) | b).collect();
        Some(Self::from_magnitude(&octets))
    }

    /// Content octets of the INTEGER, two's complement.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The magnitude without the sign octet; meaningless where [`Self::is_negative`].
    pub fn magnitude(&self) -> &[u8] {
        match &*self.0 {
            [0, rest @ ..] if !rest.is_empty() => rest,
            all => all,
        }
    }

    /// Whether it is below zero.
    pub fn is_negative(&self) -> bool {
        self.0.first().is_some_and(|b| b & 0x80 != 0)
    }

    /// Whether it is zero.
    pub fn is_zero(&self) -> bool {
        self.0.iter().all(|&b| b == 0)
    }

    /// Whether it is a smaller number than `other`; for the numbers of lists (RFC 5280 5.2.3).
    pub fn is_below(&self, other: &Self) -> bool {
        match (self.is_negative(), other.is_negative()) {
            (true, false) => true,
            (false, true) => false,
            // Minimal two's complement: the longer one is farther from zero.
            (negative, _) => match self.0.len().cmp(&other.0.len()) {
                core::cmp::Ordering::Equal => self.0 < other.0,
                shorter => (shorter == core::cmp::Ordering::Less) != negative,
            },
        }
    }

    /// Whether it is as RFC 5280 4.1.2.2 asks: positive, at most 20 octets.
    pub fn is_conforming(&self) -> bool {
        !self.is_negative() && !self.is_zero() && self.0.len() <= Self::MAX_LEN
    }
}

/// Lower-case hexadecimal of the magnitude; a negative one is shown as its octets after a minus
/// sign in brackets.
impl fmt::Display for SerialNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_negative() {
            f.write_str("(-)")?;
        }
        self.magnitude()
            .iter()
            .try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for SerialNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(u8);

    impl Random for Fixed {
        fn fill(&self, out: &mut [u8]) -> Result<(), KeyError> {
            out.fill(self.0);
            Ok(())
        }
    }

    #[test]
    fn random_serials_are_positive_and_never_too_long() {
        let serial = SerialNumber::random(&Fixed(0xff)).unwrap();
        assert_eq!(serial.to_string(), "7fffffffffffffffffffffffffffffff");
        assert!(serial.is_conforming());
        assert!(SerialNumber::random(&Fixed(0)).is_err());
        assert_eq!(
            SerialNumber::random(&Fixed(0x80)).unwrap().as_bytes().len(),
            16
        );
    }

    #[test]
    fn sign_zero_and_length_are_visible() {
        for (octets, conforming) in [
            (&[1][..], true),
            (&[0, 0x80], true),
            (&[0], false),
            (&[0x80], false),
            (&[1; 20], true),
            (&[1; 21], false),
        ] {
            assert_eq!(
                SerialNumber::from_content(octets).is_conforming(),
                conforming
            );
        }
        assert_eq!(SerialNumber::from_content(&[0xfb]).to_string(), "(-)fb");
        let serial = SerialNumber::parse_hex("00:F0 0d").unwrap();
        assert_eq!(
            (serial.as_bytes(), serial.magnitude()),
            (&[0, 0xf0, 0x0d][..], &[0xf0, 0x0d][..])
        );
        // The numbers -256, -128, -1, 0, 1, 127, 128, 255, 256 in that order.
        let numbers: Vec<SerialNumber> = [
            &[0xff, 0][..],
            &[0x80],
            &[0xff],
            &[0],
            &[1],
            &[0x7f],
            &[0, 0x80],
            &[0, 0xff],
            &[1, 0],
        ]
        .into_iter()
        .map(SerialNumber::from_content)
        .collect();
        for (i, a) in numbers.iter().enumerate() {
            for (j, b) in numbers.iter().enumerate() {
                assert_eq!(a.is_below(b), i < j, "{a} {b}");
            }
        }
        for bad in ["", "xyz", &"11".repeat(21)] {
            assert_eq!(SerialNumber::parse_hex(bad), None, "{bad}");
        }
    }
}
