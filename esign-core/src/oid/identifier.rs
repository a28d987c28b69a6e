use std::fmt;
use std::str::FromStr;

/// An OBJECT IDENTIFIER, kept as its content octets (X.690 8.19).
///
/// Up to [`MAX_OCTETS`](Self::MAX_OCTETS) octets, each arc up to 128 bits: the largest arcs in use are
/// UUIDs, below 2.25 (X.667).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectIdentifier {
    octets: [u8; Self::MAX_OCTETS],
    len: u8,
}

/// Why something is no object identifier, or none that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OidError {
    /// No octets, or no text, at all.
    Empty,
    /// More than [`ObjectIdentifier::MAX_OCTETS`] octets.
    TooLong,
    /// An arc beyond 128 bits.
    ArcTooLarge,
    /// An arc begins with the octet 0x80, which adds nothing (X.690 8.19.2).
    NotMinimal,
    /// The last arc has no end.
    Truncated,
    /// Not numbers with dots between them, the first at most 2, the second at most 39 unless the first
    /// is 2 (X.660 A.2).
    Text,
}

impl OidError {
    /// In words.
    pub const fn what(self) -> &'static str {
        match self {
            Self::Empty => "object identifier is empty",
            Self::TooLong => "object identifier is longer than 63 octets",
            Self::ArcTooLarge => "object identifier has an arc beyond 128 bits",
            Self::NotMinimal => "object identifier has an arc with a superfluous leading octet",
            Self::Truncated => "object identifier ends within an arc",
            Self::Text => {
                "object identifier is not numbers with dots between them, such as 1.2.840"
            }
        }
    }
}

impl fmt::Display for OidError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what())
    }
}

impl std::error::Error for OidError {}

impl ObjectIdentifier {
    /// Twice what the longest in use have; an instance is 64 octets.
    pub const MAX_OCTETS: usize = 63;

    /// Reads content octets.
    ///
    /// # Errors
    /// They are empty, too long, or not arcs in their shortest form.
    pub fn from_bytes(content: &[u8]) -> Result<Self, OidError> {
        let mut octets = [0; Self::MAX_OCTETS];
        let kept = octets.get_mut(..content.len()).ok_or(OidError::TooLong)?;
        kept.copy_from_slice(content);
        let len = u8::try_from(content.len()).map_err(|_| OidError::TooLong)?;
        let mut arc: u128 = 0;
        let mut begins = true;
        for octet in content {
            if begins && *octet == 0x80 {
                return Err(OidError::NotMinimal);
            }
            if arc >> (128 - 7) != 0 {
                return Err(OidError::ArcTooLarge);
            }
            arc = arc << 7 | u128::from(octet & 0x7f);
            begins = octet & 0x80 == 0;
            if begins {
                arc = 0;
            }
        }
        match (len, begins) {
            (0, _) => Err(OidError::Empty),
            (_, false) => Err(OidError::Truncated),
            (_, true) => Ok(Self { octets, len }),
        }
    }

    /// Reads numbers with dots between them.
    ///
    /// # Errors
    /// [`OidError::Text`] and, of what is too large, [`OidError::TooLong`] and
    /// [`OidError::ArcTooLarge`].
    #[allow(
        clippy::indexing_slicing,
        clippy::as_conversions,
        reason = "constants are read by it; each index is compared first, and an octet fits any integer"
    )]
    pub const fn new(text: &str) -> Result<Self, OidError> {
        let text = text.as_bytes();
        let mut made = Self {
            octets: [0; Self::MAX_OCTETS],
            len: 0,
        };
        let (mut arcs, mut first, mut at): (usize, u128, usize) = (0, 0, 0);
        loop {
            let begin = at;
            let mut arc: u128 = 0;
            while at < text.len() && text[at].is_ascii_digit() {
                let Some(tenfold) = arc.checked_mul(10) else {
                    return Err(OidError::ArcTooLarge);
                };
                let Some(sum) = tenfold.checked_add((text[at] - b'0') as u128) else {
                    return Err(OidError::ArcTooLarge);
                };
                arc = sum;
                at += 1;
            }
            // No number, or one with a leading zero.
            if at == begin || (text[begin] == b'0' && at - begin > 1) {
                return Err(OidError::Text);
            }
            match arcs {
                0 if arc > 2 => return Err(OidError::Text),
                0 => first = arc,
                1 if first < 2 && arc > 39 => return Err(OidError::Text),
                1 => {
                    let Some(both) = arc.checked_add(first * 40) else {
                        return Err(OidError::ArcTooLarge);
                    };
                    made = match made.with(both) {
                        Ok(made) => made,
                        Err(error) => return Err(error),
                    };
                }
                _ => {
                    made = match made.with(arc) {
                        Ok(made) => made,
                        Err(error) => return Err(error),
                    };
                }
            }
            arcs += 1;
            if at == text.len() {
                return if arcs < 2 {
                    Err(OidError::Text)
                } else {
                    Ok(made)
                };
            }
            if text[at] != b'.' {
                return Err(OidError::Text);
            }
            at += 1;
        }
    }

    /// As [`Self::new`], for constants.
    ///
    /// # Panics
    /// The text is none: a constant then does not compile.
    #[allow(clippy::panic, reason = "a wrong constant must not compile")]
    pub const fn new_unwrap(text: &str) -> Self {
        match Self::new(text) {
            Ok(made) => made,
            Err(_) => panic!("not an object identifier"),
        }
    }

    /// With one more arc.
    #[allow(
        clippy::indexing_slicing,
        clippy::as_conversions,
        reason = "constants are made by it; each index is compared first, and an octet fits any integer"
    )]
    const fn with(mut self, arc: u128) -> Result<Self, OidError> {
        let mut groups = 1;
        while groups < 19 && arc >> (7 * groups) != 0 {
            groups += 1;
        }
        while groups > 0 {
            groups -= 1;
            let [low, ..] = (arc >> (7 * groups)).to_le_bytes();
            let more = if groups > 0 { 0x80 } else { 0 };
            let at = self.len as usize;
            if at == Self::MAX_OCTETS {
                return Err(OidError::TooLong);
            }
            self.octets[at] = low & 0x7f | more;
            self.len += 1;
        }
        Ok(self)
    }

    /// The content octets (X.690 8.19), without tag and length.
    #[allow(clippy::as_conversions, reason = "an octet fits any integer")]
    pub const fn as_bytes(&self) -> &[u8] {
        match self.octets.split_at_checked(self.len as usize) {
            Some((content, _)) => content,
            None => &[],
        }
    }

    /// The arcs, from the root.
    pub fn arcs(&self) -> impl Iterator<Item = u128> + '_ {
        let mut rest = self.as_bytes().iter();
        let mut numbers = std::iter::from_fn(move || {
            let mut arc: u128 = 0;
            for octet in rest.by_ref() {
                arc = arc << 7 | u128::from(octet & 0x7f);
                if octet & 0x80 == 0 {
                    return Some(arc);
                }
            }
            None
        });
        let both = numbers.next().unwrap_or_default();
        let first = (both / 40).min(2);
        [first, both - first * 40].into_iter().chain(numbers)
    }
}

impl fmt::Display for ObjectIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, arc) in self.arcs().enumerate() {
            if n > 0 {
                f.write_str(".")?;
            }
            write!(f, "{arc}")?;
        }
        Ok(())
    }
}

impl FromStr for ObjectIdentifier {
    type Err = OidError;

    fn from_str(text: &str) -> Result<Self, OidError> {
        Self::new(text)
    }
}

impl fmt::Debug for ObjectIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectIdentifier({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_and_text_are_one() {
        for (text, octets) in [
            ("1.2.840.113549", &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d][..]),
            ("2.5.29.15", &[0x55, 29, 15]),
            // X.690 8.19.5: {2 999 3}.
            ("2.999.3", &[0x88, 0x37, 3]),
            ("0.0", &[0]),
            ("1.39", &[79]),
            ("2.0", &[80]),
            ("2.47", &[127]),
            ("2.48", &[0x81, 0]),
            // X.667 8: a UUID as an arc.
            (
                "2.25.329800735698586629295641978511506172918",
                &[
                    0x69, 0x83, 0xf8, 0x9d, 0xd9, 0xf6, 0xd5, 0x8f, 0xb1, 0xd7, 0x81, 0xa5, 0xa0,
                    0xe0, 0x81, 0xf3, 0x9a, 0xfb, 0xa2, 0xee, 0x7c,
                ],
            ),
        ] {
            let read = ObjectIdentifier::new(text).unwrap();
            if text.len() < 40 {
                assert_eq!(read.as_bytes(), octets, "{text}");
            }
            assert_eq!(ObjectIdentifier::from_bytes(read.as_bytes()).unwrap(), read);
            assert_eq!(read.to_string(), text);
        }
        let largest = format!("2.25.{}", u128::MAX);
        assert_eq!(
            ObjectIdentifier::new(&largest).unwrap().to_string(),
            largest
        );
    }

    #[test]
    fn what_is_none_is_told() {
        let long = [1; ObjectIdentifier::MAX_OCTETS + 1];
        assert!(ObjectIdentifier::from_bytes(&long[1..]).is_ok());
        // 2^128, in 19 octets.
        let mut wide = [0x80; 19];
        wide[0] = 0x84;
        wide[18] = 0;
        for (octets, error) in [
            (&[][..], OidError::Empty),
            (&long[..], OidError::TooLong),
            (&[0x2a, 0x80, 1], OidError::NotMinimal),
            (&[0x80, 1], OidError::NotMinimal),
            (&[0x2a, 0x86], OidError::Truncated),
            (&wide, OidError::ArcTooLarge),
        ] {
            assert_eq!(ObjectIdentifier::from_bytes(octets), Err(error));
        }
        wide[0] = 0x83;
        assert!(ObjectIdentifier::from_bytes(&wide).is_ok());
        let too_long = format!("1.2{}", ".1".repeat(ObjectIdentifier::MAX_OCTETS));
        let too_large = format!("1.2.{}0", u128::MAX);
        for (text, error) in [
            ("", OidError::Text),
            ("1", OidError::Text),
            ("3.1", OidError::Text),
            ("1.40", OidError::Text),
            ("1.2.", OidError::Text),
            (".1.2", OidError::Text),
            ("1..2", OidError::Text),
            ("1.02", OidError::Text),
            ("1.2.x", OidError::Text),
            ("1.2 ", OidError::Text),
            ("1.2.٣", OidError::Text),
            (&too_long, OidError::TooLong),
            (&too_large, OidError::ArcTooLarge),
        ] {
            assert_eq!(ObjectIdentifier::new(text), Err(error), "{text}");
        }
    }
}
