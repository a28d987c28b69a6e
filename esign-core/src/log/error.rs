//! What can be wrong with a log.

use std::fmt;

/// An error of a log: the object, what is wrong with it, both values where two differ.
#[derive(Clone, PartialEq, Eq)]
pub struct LogError {
    kind: LogErrorKind,
    message: String,
}

/// Families of [`LogError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogErrorKind {
    /// A key cannot be used, or its keeper refused.
    Key,
    /// A limit of this library was reached.
    Limit,
    /// A text or tile has not the form that its format demands.
    Malformed,
    /// Two hashes that must agree differ.
    Mismatch,
    /// A tile is not there.
    Missing,
    /// An index or size is outside the tree.
    Range,
    /// A signature is invalid, or that of a known key is absent.
    Signature,
    /// The storage of tiles failed.
    Storage,
}

impl LogError {
    /// An error with its message: object, what is wrong, both values.
    pub fn new(kind: LogErrorKind, message: impl fmt::Display) -> Self {
        Self {
            kind,
            message: message.to_string(),
        }
    }

    /// Which family.
    pub fn kind(&self) -> LogErrorKind {
        self.kind
    }

    pub(super) fn malformed(message: impl fmt::Display) -> Self {
        Self::new(LogErrorKind::Malformed, message)
    }
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.kind, self.message)
    }
}

impl std::error::Error for LogError {}
