use core::fmt;
use std::io;

/// Why a PDF could not be read or continued: which object, what is wrong, where.
///
/// The message names all three, as in `object 12: found ']', expected a key or '>>' at byte 812`.
pub struct PdfError(Box<Inner>);

struct Inner {
    kind: PdfErrorKind,
    what: String,
    object: Option<u32>,
    at: Option<u64>,
    source: Option<io::Error>,
}

/// The family of a [`PdfError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PdfErrorKind {
    /// The file breaks the syntax beyond the tolerated deviations.
    Broken,
    /// The medium failed.
    Io,
    /// A limit of [`limits`](super::limits) was reached.
    Limit,
    /// The caller asked for something that cannot be: an unknown object, a page that is not there.
    Misuse,
    /// There is no PDF header.
    NotPdf,
    /// The file uses something that this library does not read, as an uncommon filter.
    Unsupported,
}

impl PdfError {
    pub(crate) fn new(kind: PdfErrorKind, what: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            what: what.into(),
            object: None,
            at: None,
            source: None,
        }))
    }

    pub(crate) fn broken(at: u64, what: impl Into<String>) -> Self {
        Self::new(PdfErrorKind::Broken, what).at_byte(at)
    }

    pub(crate) fn limit(what: impl Into<String>) -> Self {
        Self::new(PdfErrorKind::Limit, what)
    }

    pub(crate) fn io(at: u64, error: io::Error) -> Self {
        let mut this = Self::new(PdfErrorKind::Io, format!("cannot be read ({error})")).at_byte(at);
        this.0.source = Some(error);
        this
    }

    #[must_use]
    pub(crate) fn at_byte(mut self, at: u64) -> Self {
        self.0.at.get_or_insert(at);
        self
    }

    /// The same error, told of the object it was met in; the innermost object stays.
    #[must_use]
    pub(crate) fn in_object(mut self, number: u32) -> Self {
        self.0.object.get_or_insert(number);
        self
    }

    /// The family.
    pub fn kind(&self) -> PdfErrorKind {
        self.0.kind
    }

    /// The number of the object in which it was met.
    pub fn object(&self) -> Option<u32> {
        self.0.object
    }

    /// Octet offset in the file; within an object stream, in its inflated data.
    pub fn at(&self) -> Option<u64> {
        self.0.at
    }
}

impl fmt::Display for PdfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(number) = self.0.object {
            write!(f, "object {number}: ")?;
        }
        f.write_str(&self.0.what)?;
        if let Some(at) = self.0.at {
            write!(f, " at byte {at}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for PdfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.0.kind)
    }
}

impl std::error::Error for PdfError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.source {
            Some(error) => Some(error),
            None => None,
        }
    }
}
