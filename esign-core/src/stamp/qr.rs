//! The QR symbol: pieces in explicit modes, error correction M.

use qrcodegen::{QrCode, QrCodeEcc, QrSegment, Version};

use super::StampError;

/// The highest version: 121 modules with the quiet zone, 40 mm at 0.33 mm each.
pub(super) const MAX_VERSION: u8 = 24;
/// Modules of white around the symbol (ISO/IEC 18004 §5.3.8).
pub(super) const QUIET: i32 = 4;
/// What no symbol can hold: digits of version 40 at error correction L.
const MAX_LENGTH: usize = 7089;

/// A piece of what the QR holds, in its mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QrPiece {
    /// `0-9 A-Z space $ % * + - . / :`, 5.5 bits each.
    Alphanumeric(String),
    /// Any text as UTF-8, 8 bits an octet.
    Bytes(String),
    /// `0-9`, 3.33 bits each.
    Digits(String),
}

/// A symbol that can be drawn.
pub(super) struct Symbol(QrCode);

impl Symbol {
    pub(super) fn version(&self) -> u8 {
        self.0.version().value()
    }

    /// Modules of one side without the quiet zone.
    pub(super) fn size(&self) -> i32 {
        self.0.size()
    }

    /// Whether the module is dark; from the upper left.
    pub(super) fn dark(&self, x: i32, y: i32) -> bool {
        self.0.get_module(x, y)
    }
}

pub(super) fn symbol(pieces: &[QrPiece]) -> Result<Symbol, StampError> {
    let length = pieces
        .iter()
        .fold(0usize, |n, p| n.saturating_add(p.text().len()));
    let too_long = || StampError::QrTooLong {
        length,
        max_version: MAX_VERSION,
    };
    if length > MAX_LENGTH {
        return Err(too_long());
    }
    let segments = pieces
        .iter()
        .map(QrPiece::segment)
        .collect::<Result<Vec<_>, _>>()?;
    QrCode::encode_segments_advanced(
        &segments,
        QrCodeEcc::Medium,
        Version::MIN,
        Version::new(MAX_VERSION),
        None,
        false,
    )
    .map(Symbol)
    .map_err(|_| too_long())
}

impl QrPiece {
    fn text(&self) -> &str {
        match self {
            Self::Alphanumeric(text) | Self::Bytes(text) | Self::Digits(text) => text,
        }
    }

    fn segment(&self) -> Result<QrSegment, StampError> {
        // The crate's constructors panic on what their mode cannot write.
        match self {
            Self::Alphanumeric(text) => {
                let allowed = |c: &char| {
                    c.is_ascii_digit() || c.is_ascii_uppercase() || " $%*+-./:".contains(*c)
                };
                match text.chars().find(|c| !allowed(c)) {
                    Some(character) => Err(StampError::QrPiece {
                        mode: "alphanumeric",
                        character,
                    }),
                    None => Ok(QrSegment::make_alphanumeric(text)),
                }
            }
            Self::Bytes(text) => Ok(QrSegment::make_bytes(text.as_bytes())),
            Self::Digits(text) => match text.chars().find(|c| !c.is_ascii_digit()) {
                Some(character) => Err(StampError::QrPiece {
                    mode: "digits",
                    character,
                }),
                None => Ok(QrSegment::make_numeric(text)),
            },
        }
    }
}
