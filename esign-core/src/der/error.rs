use core::fmt;

use super::Tag;

/// Why octets could not be decoded: which field, what is wrong, at which octet.
///
/// The message names all three, as in `tbsCertificate.serialNumber: INTEGER has a superfluous
/// leading octet at byte 15`.
#[derive(Clone, PartialEq, Eq)]
pub struct DecodeError {
    kind: DecodeKind,
    field: String,
    at: u64,
}

/// What is wrong with an encoding.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeKind {
    /// More octets follow where the structure has ended.
    TrailingData,
    /// The octets end before the structure does.
    Truncated,
    /// Another type stands where one was expected.
    UnexpectedTag {
        /// What the syntax asks for.
        expected: Tag,
        /// What is there.
        found: Tag,
    },
    /// The value breaks a rule of its type or of the standard; the text says which.
    Value(&'static str),
    /// The encoding is legal BER but not DER.
    NotDer(&'static str),
    /// A limit of this library was reached; the text says which and its value.
    Limit(&'static str),
}

impl DecodeError {
    /// An error in `field` at octet `at` of the input.
    pub fn new(kind: DecodeKind, field: &str, at: u64) -> Self {
        Self {
            kind,
            field: field.to_owned(),
            at,
        }
    }

    /// What is wrong.
    pub fn kind(&self) -> &DecodeKind {
        &self.kind
    }

    /// The path of field names down to the failing one; may be empty.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// Octet offset in the input that the outermost decoder was given.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// The same error as seen from the structure around it.
    #[must_use]
    pub fn within(mut self, outer: &str) -> Self {
        self.field = match (outer.is_empty(), self.field.is_empty()) {
            (true, _) => self.field,
            (false, true) => outer.to_owned(),
            (false, false) => format!("{outer}.{}", self.field),
        };
        self
    }

    /// The same error counted from the start of an input in which this one begins at `base`.
    #[must_use]
    pub fn shifted(mut self, base: u64) -> Self {
        self.at = self.at.saturating_add(base);
        self
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        match &self.kind {
            DecodeKind::TrailingData => f.write_str("unexpected octets after the end")?,
            DecodeKind::Truncated => f.write_str("the input ends too early")?,
            DecodeKind::UnexpectedTag { expected, found } => {
                write!(f, "expected {expected:?}, found {found:?}")?;
            }
            DecodeKind::Value(what) | DecodeKind::Limit(what) => f.write_str(what)?,
            DecodeKind::NotDer(what) => write!(f, "not DER: {what}")?,
        }
        write!(f, " at byte {}", self.at)
    }
}

impl fmt::Debug for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for DecodeError {}
