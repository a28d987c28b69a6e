//! Putting a document time-stamp into a PDF, in two halves: the digest, then the token.
//!
//! # Source
//! EN 319 142-1 clause 5.4.3; ISO 32000-2 12.8.5.

use std::io::Write;
use std::ops::Range;

use super::update::{Build, What};
use super::{MAX_RESERVE, fill, hash};
use crate::keys::{Digest, DigestAlgorithm};
use crate::pades::error::{PadesError, PadesErrorKind};
use crate::pdf::Document;
use crate::source::ReadAt;
use crate::time::UnixTime;
use crate::tsp;

/// A document time-stamp that waits for its token.
pub struct PreparedTimestamp {
    update: Vec<u8>,
    digits: Range<usize>,
    digest: Digest,
}

/// Builds the update with room for a token of `room` octets, copies the file's octets to `copy` while
/// hashing them, and computes the digest that is to be stamped. `at` is about now; it only makes the
/// file's identifier another one.
///
/// # Errors
/// Not a PDF, broken beyond what readers tolerate, encrypted, a limit; reading or copying failed.
pub fn prepare_timestamp<S: ReadAt>(
    source: &S,
    copy: &mut dyn Write,
    algorithm: DigestAlgorithm,
    room: usize,
    at: UnixTime,
) -> Result<PreparedTimestamp, PadesError> {
    let document = Document::open(source)?;
    if document.encrypted() {
        return Err(PadesError::new(
            PadesErrorKind::Encrypted,
            "document is encrypted: a time-stamp would cover what no one can read without the key",
        ));
    }
    let built = Build::new(&document, What::TimeStamp(at))?.finish(room.min(MAX_RESERVE))?;
    let digest = hash(source, copy, &built, algorithm)?;
    Ok(PreparedTimestamp {
        update: built.update,
        digits: built.digits,
        digest,
    })
}

impl PreparedTimestamp {
    /// What is to be stamped.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Puts the token in; returns the octets to append to the file.
    ///
    /// # Errors
    /// The token stamps something else, or does not fit the room.
    pub fn finish(self, timestamp: &tsp::Timestamp) -> Result<Vec<u8>, PadesError> {
        if *timestamp.imprint() != self.digest {
            return Err(PadesError::new(
                PadesErrorKind::Misuse,
                format!(
                    "time-stamp: over {}, the document has {}",
                    timestamp.imprint(),
                    self.digest
                ),
            ));
        }
        fill(self.update, self.digits, timestamp.token().der())
    }
}
