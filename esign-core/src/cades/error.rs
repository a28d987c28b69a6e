use core::fmt;
use std::io;

use crate::cms::CmsError;
use crate::keys::{KeyAlgorithm, KeyError, SignatureAlgorithm};

/// Why a signature was not made.
#[derive(Debug)]
#[non_exhaustive]
pub enum CadesError {
    /// The message that was to be added to cannot be read.
    Cms(CmsError),
    /// The key failed, or does not belong to the certificate.
    Key(KeyError),
    /// The certificate's key is of another kind than the algorithm.
    Algorithm {
        /// Kind of the certificate's key.
        key: KeyAlgorithm,
        /// What was asked for.
        algorithm: SignatureAlgorithm,
    },
    /// The certificate's key is of a kind that does not sign here.
    Certificate(String),
    /// The content cannot be read.
    Io(io::Error),
    /// What was asked for contradicts itself or what is there.
    Misuse(String),
    /// The message cannot be written.
    Write(io::Error),
}

impl fmt::Display for CadesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cms(e) => e.fmt(f),
            Self::Key(e) => e.fmt(f),
            Self::Algorithm { key, algorithm } => {
                write!(
                    f,
                    "the certificate's key is {key}, which does not sign {algorithm}"
                )
            }
            Self::Certificate(what) | Self::Misuse(what) => f.write_str(what),
            Self::Io(e) => write!(f, "content: cannot be read: {e}"),
            Self::Write(e) => write!(f, "message: cannot be written: {e}"),
        }
    }
}

impl std::error::Error for CadesError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Cms(e) => Some(e),
            Self::Key(e) => Some(e),
            Self::Io(e) | Self::Write(e) => Some(e),
            Self::Algorithm { .. } | Self::Certificate(_) | Self::Misuse(_) => None,
        }
    }
}

impl From<CmsError> for CadesError {
    fn from(error: CmsError) -> Self {
        Self::Cms(error)
    }
}

impl From<KeyError> for CadesError {
    fn from(error: KeyError) -> Self {
        Self::Key(error)
    }
}

impl From<io::Error> for CadesError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
