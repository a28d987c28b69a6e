use core::fmt;

use crate::pdf::PdfError;

/// Why a document was not stamped. Nothing was written.
#[derive(Debug)]
#[non_exhaustive]
pub enum StampError {
    /// A character that the stamp's fonts do not have.
    Character {
        /// Where: `code`, `address` or `line`.
        part: &'static str,
        /// The character.
        character: char,
    },
    /// The document is encrypted: an update would have to be encrypted too.
    Encrypted,
    /// The stamp does not fit on the page at the asked place. All in millimetres as displayed.
    NoRoom {
        /// Page, from 1.
        page: usize,
        /// Width and height of the page.
        page_size: (f64, f64),
        /// Width and height of the stamp.
        stamp_size: (f64, f64),
        /// Where the stamp's lower left corner would lie.
        position: (f64, f64),
    },
    /// The page has no usable `/MediaBox`, `/CropBox`, `/Rotate`, `/UserUnit`, `/Resources` or `/Contents`.
    Page {
        /// Page, from 1.
        page: usize,
        /// What is wrong.
        what: String,
    },
    /// The document could not be read or continued; a page that is not there is of this kind.
    Pdf(PdfError),
    /// A piece of the QR holds a character that its mode cannot write.
    QrPiece {
        /// The mode: `alphanumeric` or `digits`.
        mode: &'static str,
        /// The character.
        character: char,
    },
    /// The QR would be larger than its modules may be small.
    QrTooLong {
        /// Characters or octets of all pieces.
        length: usize,
        /// The highest version that is drawn.
        max_version: u8,
    },
    /// The document is signed or certified: a stamp would change what was signed.
    Signed {
        /// What shows it, as `signature field "Imza1"`.
        by: String,
    },
    /// The text does not fit its place at the smallest legible size.
    TextTooLong {
        /// Where: `code` or `lines and address`.
        part: &'static str,
        /// Characters.
        length: usize,
    },
    /// More pages than are stamped, or more fields than are searched for signatures.
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many are allowed.
        limit: usize,
    },
}

impl fmt::Display for StampError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Character { part, character } => write!(
                f,
                "the stamp's {part} has the character {character:?} (U+{:04X}), which its fonts lack",
                u32::from(*character)
            ),
            Self::Encrypted => f.write_str("the document is encrypted and cannot be stamped"),
            Self::NoRoom {
                page,
                page_size,
                stamp_size,
                position,
            } => write!(
                f,
                "page {page} is {:.1} × {:.1} mm, the stamp of {:.1} × {:.1} mm at ({:.1}, {:.1}) mm does not fit",
                page_size.0, page_size.1, stamp_size.0, stamp_size.1, position.0, position.1
            ),
            Self::Page { page, what } => write!(f, "page {page}: {what}"),
            Self::Pdf(error) => error.fmt(f),
            Self::QrPiece { mode, character } => {
                write!(
                    f,
                    "the QR's {mode} piece has {character:?}, which that mode cannot write"
                )
            }
            Self::QrTooLong {
                length,
                max_version,
            } => write!(
                f,
                "the QR's {length} characters need more than version {max_version} at error correction M"
            ),
            Self::Signed { by } => {
                write!(
                    f,
                    "the document is already signed ({by}): stamp before signing"
                )
            }
            Self::TextTooLong { part, length } => {
                write!(
                    f,
                    "the stamp's {part} of {length} characters has no room at a legible size"
                )
            }
            Self::TooMany { what, limit } => write!(f, "more than {limit} {what}"),
        }
    }
}

impl std::error::Error for StampError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Pdf(error) => Some(error),
            _ => None,
        }
    }
}

impl From<PdfError> for StampError {
    fn from(error: PdfError) -> Self {
        Self::Pdf(error)
    }
}
