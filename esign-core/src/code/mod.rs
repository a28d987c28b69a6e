//! The document identification code: twenty symbols that a clerk types.
//!
//! Sixteen base-31 digits taken from a record, and four check symbols of a Reed-Solomon code over
//! GF(31) that also cover an unprinted version. Format and vectors: `docs/formats/code.md`.

mod derive;
mod normalise;
mod reed_solomon;

use core::fmt;

pub use derive::Keys;
pub use normalise::{Folded, Normalised, normalise};

use crate::keys::{DigestAlgorithm, Hasher};

/// The symbols in order of their values: no I, L, O, U, which are mistaken, and no W, which the
/// national keyboard cannot type (AZS 495-2010).
pub const ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKMNPQRSTVXYZ";

/// Number of elements of the field, and of symbols.
const Q: u8 = 31;
/// Digits that carry the code.
pub const DATA: usize = 16;
/// Symbols that are printed: digits and check symbols.
pub const SYMBOLS: usize = 20;
/// Symbols in a printed group.
pub const GROUP: usize = 4;

/// The unprinted version of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// Version 0: documents with force.
    Production,
    /// Version 1: a test environment.
    Test,
}

/// An identification code.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Code {
    version: Version,
    data: [u8; DATA],
}

/// Why a typed text is no code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeError {
    /// There is a character that no symbol can be meant by.
    Character {
        /// The character.
        found: char,
        /// Its place among the symbols, from 1.
        place: usize,
    },
    /// There are more or fewer than twenty symbols.
    Length(usize),
    /// The check symbols do not agree.
    Mistyped {
        /// The one symbol whose change would make them agree: group and place in it, from 1. A
        /// hint, since three wrong symbols may point elsewhere; nothing is corrected.
        place: Option<(usize, usize)>,
        /// Two groups whose exchange would make them agree, from 1.
        swapped: Option<(usize, usize)>,
    },
}

impl Version {
    /// Every version, by its number.
    pub const ALL: [Self; 2] = [Self::Production, Self::Test];

    /// Its number in the code word.
    pub const fn number(self) -> u8 {
        match self {
            Self::Production => 0,
            Self::Test => 1,
        }
    }
}

impl Code {
    /// The code of a record: `n mod 31^16` of a digest over its octets.
    pub fn of_record(version: Version, record: &[u8]) -> Self {
        let mut hasher = Hasher::new(DigestAlgorithm::Sha256);
        hasher.update(b"esign-code/1/code\0");
        hasher.update(&[version.number()]);
        hasher.update(record);
        let digest = hasher.finish();
        // Long division by 31, sixteen times: the remainders are the digits, the last one first.
        let mut number = digest.as_bytes().to_vec();
        let mut data = [0; DATA];
        for digit in data.iter_mut().rev() {
            let mut rest = 0u16;
            for octet in &mut number {
                let value = (rest << 8) | u16::from(*octet);
                *octet = u8::try_from(value / u16::from(Q)).unwrap_or(u8::MAX);
                rest = value % u16::from(Q);
            }
            *digit = u8::try_from(rest).unwrap_or(0);
        }
        Self { version, data }
    }

    /// A code from its digits, each below 31.
    pub fn from_digits(version: Version, data: [u8; DATA]) -> Option<Self> {
        data.iter()
            .all(|d| *d < Q)
            .then_some(Self { version, data })
    }

    /// Reads what was typed: normalised, counted, and checked against every version.
    ///
    /// # Errors
    /// [`CodeError`]; at most three wrong symbols are always found, four against a known version.
    pub fn parse(text: &str) -> Result<(Self, Normalised), CodeError> {
        let normalised = normalise(text)?;
        let symbols = normalised.symbols;
        for version in Version::ALL {
            if reed_solomon::agrees(version.number(), &symbols) {
                let data = symbols.first_chunk().copied().unwrap_or_default();
                return Ok((Self { version, data }, normalised));
            }
        }
        Err(mistyped(&symbols))
    }

    /// The version.
    pub const fn version(&self) -> Version {
        self.version
    }

    /// The sixteen digits.
    pub const fn digits(&self) -> &[u8; DATA] {
        &self.data
    }

    /// What is derived from the code: the locator, and the key of the box.
    pub fn keys(&self) -> Keys {
        Keys::of(self)
    }

    /// The twenty symbols as text without hyphens.
    fn text(&self) -> [u8; SYMBOLS] {
        let check = reed_solomon::check_symbols(self.version.number(), &self.data);
        let mut text = [b'0'; SYMBOLS];
        for (to, value) in text.iter_mut().zip(self.data.iter().chain(&check)) {
            *to = symbol(*value);
        }
        text
    }
}

fn symbol(value: u8) -> u8 {
    ALPHABET.get(usize::from(value)).copied().unwrap_or(b'0')
}

/// Which one symbol, or which exchange of groups, would explain the mistake.
fn mistyped(symbols: &[u8; SYMBOLS]) -> CodeError {
    let place = Version::ALL
        .iter()
        .find_map(|v| reed_solomon::one_wrong(v.number(), symbols))
        .map(|at| (at / GROUP + 1, at % GROUP + 1));
    let mut swapped = None;
    let groups = SYMBOLS / GROUP;
    for a in 0..groups {
        for b in a + 1..groups {
            let mut other = *symbols;
            for i in 0..GROUP {
                other.swap(a * GROUP + i, b * GROUP + i);
            }
            if Version::ALL
                .iter()
                .any(|v| reed_solomon::agrees(v.number(), &other))
            {
                swapped = swapped.or(Some((a + 1, b + 1)));
            }
        }
    }
    CodeError::Mistyped { place, swapped }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, c) in self.text().iter().enumerate() {
            if i > 0 && i % GROUP == 0 {
                f.write_str("-")?;
            }
            write!(f, "{}", char::from(*c))?;
        }
        Ok(())
    }
}

/// A code opens what was printed; it is shown where it is asked for, not in passing.
impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Code({:?})", self.version)
    }
}

impl fmt::Display for CodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Character { found, place } => {
                write!(
                    f,
                    "\"{found}\" after {} symbols is no symbol of a code",
                    place - 1
                )
            }
            Self::Length(n) => write!(f, "a code has {SYMBOLS} symbols, this has {n}"),
            Self::Mistyped {
                place: Some((group, place)),
                ..
            } => {
                write!(f, "mistyped: look at symbol {place} of group {group}")
            }
            Self::Mistyped {
                swapped: Some((a, b)),
                ..
            } => {
                write!(f, "mistyped: groups {a} and {b} seem to be exchanged")
            }
            Self::Mistyped { .. } => f.write_str("mistyped: compare every symbol"),
        }
    }
}

impl std::error::Error for CodeError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_construction() {
        let data: [u8; DATA] = core::array::from_fn(|i| u8::try_from(i).unwrap());
        for (version, text) in [
            (Version::Production, "0123-4567-89AB-CDEF-2NBK"),
            (Version::Test, "0123-4567-89AB-CDEF-YBH8"),
        ] {
            let code = Code::from_digits(version, data).unwrap();
            assert_eq!(code.to_string(), text);
            assert_eq!(Code::parse(text).unwrap().0, code);
        }
        assert_eq!(Code::from_digits(Version::Test, [31; DATA]), None);
    }

    #[test]
    fn one_wrong_symbol_is_pointed_to_and_not_corrected() {
        let text = "0123-4567-89AB-CDEF-2NBK";
        let mut seen = 0;
        for (at, original) in text.char_indices().filter(|(_, c)| *c != '-') {
            for wrong in ALPHABET
                .iter()
                .map(|b| char::from(*b))
                .filter(|c| *c != original)
            {
                let mut typed = text.to_owned();
                typed.replace_range(at..=at, &wrong.to_string());
                let symbols_before = text[..at].chars().filter(|c| *c != '-').count();
                let expected = (symbols_before / 4 + 1, symbols_before % 4 + 1);
                match Code::parse(&typed) {
                    Err(CodeError::Mistyped { place, .. }) => assert_eq!(place, Some(expected)),
                    other => panic!("{typed}: {other:?}"),
                }
                seen += 1;
            }
        }
        assert_eq!(seen, 600);
    }

    #[test]
    fn exchanged_groups_are_named() {
        match Code::parse("4567-0123-89AB-CDEF-2NBK") {
            Err(CodeError::Mistyped { swapped, .. }) => assert_eq!(swapped, Some((1, 2))),
            other => panic!("{other:?}"),
        }
        assert_eq!(Code::parse("0123").unwrap_err(), CodeError::Length(4));
        assert_eq!(Code::parse("").unwrap_err(), CodeError::Length(0));
        assert!(matches!(
            Code::parse(&"0".repeat(10_000)),
            Err(CodeError::Length(_))
        ));
    }
}
