use core::fmt;
use std::io;

use crate::cades::CadesError;
use crate::keys::KeyError;
use crate::pdf::{PdfError, PdfErrorKind};

/// Why a PDF was not signed, or no verdict could be had on it. The message names the object,
/// what is wrong, and both values.
pub struct PadesError {
    kind: PadesErrorKind,
    message: String,
}

/// Families of [`PadesError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PadesErrorKind {
    /// The document is encrypted.
    Encrypted,
    /// The field cannot be signed or made.
    Field,
    /// Reading or writing failed.
    Io,
    /// The key or its keeper.
    Key,
    /// An earlier signature forbids what was asked for.
    Locked,
    /// The caller asked for what contradicts itself.
    Misuse,
    /// The file is no PDF.
    NotPdf,
    /// The PDF is broken, or a limit was reached.
    Pdf,
    /// Certificate, key and attributes do not go together.
    Signature,
}

impl PadesError {
    pub(super) fn new(kind: PadesErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    pub(super) fn io(what: &str, error: &io::Error) -> Self {
        Self::new(PadesErrorKind::Io, format!("{what}: {error}"))
    }

    /// Which family.
    pub fn kind(&self) -> PadesErrorKind {
        self.kind
    }
}

impl From<PdfError> for PadesError {
    fn from(error: PdfError) -> Self {
        let kind = match error.kind() {
            PdfErrorKind::Io => PadesErrorKind::Io,
            PdfErrorKind::NotPdf => PadesErrorKind::NotPdf,
            _ => PadesErrorKind::Pdf,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<CadesError> for PadesError {
    fn from(error: CadesError) -> Self {
        Self::new(PadesErrorKind::Signature, error.to_string())
    }
}

impl From<KeyError> for PadesError {
    fn from(error: KeyError) -> Self {
        Self::new(PadesErrorKind::Key, error.to_string())
    }
}

impl fmt::Display for PadesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for PadesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.kind, self.message)
    }
}

impl std::error::Error for PadesError {}
