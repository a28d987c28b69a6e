//! The names that everything is keyed by.

use std::fmt;

use esign_core::x509::SerialNumber;

use crate::store::StoreError;

/// Longest serial number: RFC 5280 §4.1.2.2, 20 octets.
pub const MAX_SERIAL: usize = 20;
/// Longest name of an actor, a profile or a document's issuer: three times what X.520 gives a
/// common name (64), so that a subject's identifier with its source fits.
pub const MAX_NAME: usize = 192;

/// Writes octets in lower-case hexadecimal digits.
pub(crate) struct Hex<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Written at once: an audit entry has some two hundred digits, and formatting each octet by
        // itself took a tenth of a registration.
        let mut digits = [0; 64];
        for chunk in self.0.chunks(digits.len() / 2) {
            for (pair, octet) in digits.chunks_exact_mut(2).zip(chunk) {
                pair.copy_from_slice(&[digit(octet >> 4), digit(octet & 0x0f)]);
            }
            let used = digits.get(..chunk.len() * 2).unwrap_or_default();
            f.write_str(std::str::from_utf8(used).map_err(|_| fmt::Error)?)?;
        }
        Ok(())
    }
}

const fn digit(nibble: u8) -> u8 {
    match nibble {
        0..=9 => b'0' + nibble,
        _ => b'a' + (nibble & 0x0f) - 10,
    }
}

pub(crate) fn sha256(octets: &[u8]) -> [u8; 32] {
    let digest = ring::digest::digest(&ring::digest::SHA256, octets);
    // A SHA-256 digest has 32 octets, so nothing is ever left out or padded here.
    let mut out = [0; 32];
    out.iter_mut()
        .zip(digest.as_ref())
        .for_each(|(o, d)| *o = *d);
    out
}

/// The octets of exactly so many hexadecimal digits.
fn parse_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text
        .chars()
        .map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok()))
        .collect::<Option<Vec<u8>>>()?;
    let (pairs, []) = digits.as_chunks::<2>() else {
        return None;
    };
    let octets: Vec<u8> = pairs.iter().map(|[a, b]| (a << 4) | b).collect();
    octets.try_into().ok()
}

/// An identifier of fixed length: shown in hexadecimal digits, compared octet by octet.
macro_rules! octets {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// The identifier as octets.
            pub const fn as_bytes(&self) -> &[u8] {
                &self.0
            }

            /// Parses its hexadecimal digits.
            pub fn parse(text: &str) -> Option<Self> {
                parse_hex(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&Hex(&self.0), f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&Hex(&self.0), f)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(&Hex(&self.0))
            }
        }
    };
}

octets!(
    /// SHA-256 of a public key's DER `SubjectPublicKeyInfo`, 32 octets: the name of a key, whatever
    /// certificates speak of it.
    KeyId, 32
);
octets!(
    /// A SHA-256 digest, 32 octets.
    Digest, 32
);
octets!(
    /// Name of a request: 16 random octets, made by whoever receives it.
    RequestId, 16
);
octets!(
    /// Name of a holder's row: 16 random octets, so that other tables and the audit log say nothing
    /// about the person.
    HolderId, 16
);
octets!(
    /// Key of a document's row in the register, 16 octets: what the register makes of a code's
    /// locator (document-codes.md, "row").
    Locator, 16
);
octets!(
    /// The issuer's own name for one registration, 16 octets (a digest or random): the same again
    /// is the same registration.
    IdempotencyKey, 16
);

impl KeyId {
    /// The name of the key in `spki`, a DER `SubjectPublicKeyInfo`.
    pub fn of_spki(spki: &[u8]) -> Self {
        Self(sha256(spki))
    }
}

impl Digest {
    /// The SHA-256 digest of `octets`.
    pub fn of(octets: &[u8]) -> Self {
        Self(sha256(octets))
    }
}

/// A certificate's serial number: magnitude, big-endian, 1 to 20 octets, positive.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Serial(Box<[u8]>);

impl Serial {
    /// The number whose magnitude is `octets`, most significant first; leading zeros are dropped,
    /// so the content octets of a DER INTEGER serve as well.
    ///
    /// # Errors
    /// [`StoreErrorKind::Value`](crate::store::StoreErrorKind::Value) for zero and for more than 20 octets.
    pub fn from_magnitude(octets: &[u8]) -> Result<Self, StoreError> {
        let zeros = octets.iter().take_while(|octet| **octet == 0).count();
        let magnitude = octets.get(zeros..).unwrap_or_default();
        if magnitude.is_empty() || magnitude.len() > MAX_SERIAL {
            return Err(StoreError::value(
                "serial number",
                format_args!(
                    "must have 1 to {MAX_SERIAL} octets, has {}",
                    magnitude.len()
                ),
            ));
        }
        Ok(Self(magnitude.into()))
    }

    /// The magnitude, most significant octet first, never beginning with zero.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl TryFrom<&SerialNumber> for Serial {
    type Error = StoreError;

    /// The number as the store keeps it.
    fn try_from(number: &SerialNumber) -> Result<Self, StoreError> {
        let octets = number.as_bytes();
        if octets.first().is_some_and(|octet| octet & 0x80 != 0) {
            return Err(StoreError::value(
                "serial number",
                "must be positive, is negative",
            ));
        }
        Self::from_magnitude(octets)
    }
}

impl From<&Serial> for SerialNumber {
    fn from(serial: &Serial) -> Self {
        Self::from_magnitude(serial.as_bytes())
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Hex(&self.0), f)
    }
}

impl fmt::Debug for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Hex(&self.0), f)
    }
}

impl serde::Serialize for Serial {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

/// What a certificate is known by: the key that signed it, and its number under that key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize)]
pub struct CertificateId {
    /// The issuer's key.
    pub issuer: KeyId,
    /// The serial number, unique under that key.
    pub serial: Serial,
}

impl fmt::Display for CertificateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Eight digits tell the keys of one centre apart; the serial number is given whole.
        let short = self
            .issuer
            .0
            .first_chunk::<4>()
            .map_or(&[][..], |head| head);
        write!(f, "{}…/{}", Hex(short), self.serial)
    }
}

/// A short name without control characters: of an actor, a profile, a document's issuer.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct Name(Box<str>);

impl Name {
    /// The name `text`.
    ///
    /// # Errors
    /// [`StoreErrorKind::Value`](crate::store::StoreErrorKind::Value) where it is empty, longer than [`MAX_NAME`] octets, or has control
    /// characters (which could forge lines of a listing).
    pub fn new(text: &str) -> Result<Self, StoreError> {
        if text.is_empty() || text.len() > MAX_NAME {
            return Err(StoreError::value(
                "name",
                format_args!("must have 1 to {MAX_NAME} octets, has {}", text.len()),
            ));
        }
        if let Some(c) = text.chars().find(|c| c.is_control()) {
            return Err(StoreError::value(
                "name",
                format_args!("must not hold control characters, holds {c:?}"),
            ));
        }
        Ok(Self(text.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreErrorKind;

    #[test]
    fn serial_numbers_are_positive_and_short() {
        assert_eq!(
            Serial::from_magnitude(&[0, 0x80, 1]).unwrap().as_bytes(),
            [0x80, 1]
        );
        assert_eq!(
            Serial::from_magnitude(&[0xff; 20])
                .unwrap()
                .as_bytes()
                .len(),
            20
        );
        for bad in [&[][..], &[0, 0], &[1; 21]] {
            let error = Serial::from_magnitude(bad).unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Value, "{bad:?}");
        }
    }

    #[test]
    fn serial_numbers_come_from_certificates_and_go_back() {
        let number = SerialNumber::parse_hex("80:01").unwrap();
        let serial = Serial::try_from(&number).unwrap();
        assert_eq!(serial.as_bytes(), [0x80, 1]);
        assert_eq!(SerialNumber::from(&serial), number);
        assert!(Serial::try_from(&SerialNumber::parse_hex("0").unwrap()).is_err());
    }

    #[test]
    fn names_have_limits() {
        assert!(Name::new(&"ə".repeat(MAX_NAME / 2)).is_ok());
        for bad in ["", "a\nb", &"x".repeat(MAX_NAME + 1)] {
            assert_eq!(Name::new(bad).unwrap_err().kind(), StoreErrorKind::Value);
        }
    }

    #[test]
    fn keys_are_named_by_their_digest() {
        assert_eq!(
            KeyId::of_spki(b"abc").to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
