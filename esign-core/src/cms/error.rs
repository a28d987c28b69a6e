use core::fmt;
use std::io;

use crate::der::DecodeError;

/// Why a message could not be read.
#[derive(Debug)]
pub enum CmsError {
    /// The structure is malformed, or a limit was reached.
    Decode(DecodeError),
    /// The source failed, or ended in the middle.
    Io(io::Error),
    /// It is CMS, but of another content type than `SignedData`, named here.
    OtherType(String),
}

impl fmt::Display for CmsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decode(e) => write!(f, "CMS: {e}"),
            Self::Io(e) => write!(f, "CMS: cannot be read: {e}"),
            Self::OtherType(oid) => {
                write!(f, "CMS: contentType: expected signedData, found {oid}")
            }
        }
    }
}

impl std::error::Error for CmsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Decode(e) => Some(e),
            Self::Io(e) => Some(e),
            Self::OtherType(_) => None,
        }
    }
}

impl From<DecodeError> for CmsError {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error)
    }
}

impl From<io::Error> for CmsError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
