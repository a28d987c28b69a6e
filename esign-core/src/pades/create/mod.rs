//! Putting a signature into a PDF, in two halves.
//!
//! The file stays as it is, octet for octet; an incremental update is appended. [`prepare`] builds
//! it with room for the signature, hashes file and update around that room, and hands out what is
//! to be signed; [`Prepared::finish`] fills the room. How large it must be follows from key,
//! certificates and attributes, so the signature always fits.
//!
//! # Source
//! ISO 32000-2 12.8; EN 319 142-1 clause 5 and 6.

use std::io::Write;
use std::ops::Range;

mod admission;
mod dictionary;
mod seed;
mod timestamp;
mod update;

pub use self::timestamp::{PreparedTimestamp, prepare_timestamp};
pub(super) use self::update::file_identifier;
use self::update::{Build, Built, What};
use super::error::{PadesError, PadesErrorKind};
use crate::cades;
use crate::keys::{Digest, DigestAlgorithm, Hasher, SignatureAlgorithm, SigningKey, ToBeSigned};
use crate::pdf::Document;
use crate::source::ReadAt;
use crate::time::UnixTime;
use crate::tsp;
use crate::x509::Certificate;

/// Octets that are kept free at most: a token may have 4 MiB, honest ones have some KiB.
const MAX_RESERVE: usize = 1 << 20;
/// Octets copied and hashed at a time.
const BLOCK: usize = 128 * 1024;

/// What a certifying signature still allows (ISO 32000-2 table 257).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// No changes at all.
    NoChanges,
    /// Filling in forms and signing.
    FormFilling,
    /// That, and annotations.
    Annotations,
}

/// What goes into the signature besides the document.
#[derive(Clone, Debug)]
pub struct Parameters {
    /// Signing time as claimed in `/M`; CMS carries none in PAdES (EN 319 142-1 6.3).
    pub signing_time: UnixTime,
    /// Full name of the field: an empty one that is there, or a new one. Without it the first
    /// free `Signature1`, `Signature2`, …
    pub field: Option<String>,
    /// `/Reason`. Not together with a commitment type (EN 319 142-1 6.3).
    pub reason: Option<String>,
    /// `/Location`.
    pub location: Option<String>,
    /// `/ContactInfo`.
    pub contact: Option<String>,
    /// Makes it a certifying signature, which must be the first of the document.
    pub certify: Option<Permission>,
    /// Certificates to embed besides the signing one: its path.
    pub chain: Vec<Certificate>,
    /// Attributes that CAdES shares: commitment type and policy.
    pub commitment: Option<cades::CommitmentType>,
    /// Signature policy.
    pub policy: Option<cades::PolicyIdentifier>,
    /// Octets that are kept free behind the message for what is not signed: a time-stamp over the
    /// signature, put in by [`Prepared::finish_stamped`].
    pub reserve: usize,
}

/// What the signature is going to be: all that a field may make demands on.
#[derive(Clone, Copy)]
struct Intent<'p> {
    parameters: &'p Parameters,
    certificate: &'p Certificate,
    digest: DigestAlgorithm,
}

/// A signature that waits for its value.
pub struct Prepared {
    update: Vec<u8>,
    /// The hexadecimal digits between the angle brackets, in `update`.
    digits: Range<usize>,
    cms: cades::Prepared,
    field: String,
}

impl Parameters {
    /// Parameters with nothing but a time.
    pub fn new(signing_time: UnixTime) -> Self {
        Self {
            signing_time,
            field: None,
            reason: None,
            location: None,
            contact: None,
            certify: None,
            chain: Vec::new(),
            commitment: None,
            policy: None,
            reserve: 0,
        }
    }
}

impl Prepared {
    /// Name of the field that is signed.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// Puts the signature value in; returns the octets to append to the file.
    ///
    /// # Errors
    /// The value does not fit the room, which only a value of another algorithm can do.
    pub fn finish(self, signature: &[u8]) -> Result<Vec<u8>, PadesError> {
        let cms = self.cms.finish(signature)?;
        fill(self.update, self.digits, &cms)
    }

    /// As [`Self::finish`], with a time-stamp over the signature value: level B-T. The digest to be stamped
    /// is that of `signature`, by whatever algorithm.
    ///
    /// # Errors
    /// The time-stamp is over something else, or with it the message does not fit the room:
    /// [`Parameters::reserve`] is too little.
    ///
    /// # Source
    /// EN 319 142-1 6.3 (signature-time-stamp).
    pub fn finish_stamped(
        self,
        signature: &[u8],
        timestamp: &tsp::Timestamp,
    ) -> Result<Vec<u8>, PadesError> {
        let cms = self.cms.finish(signature)?;
        let mut stamped = Vec::with_capacity(cms.len().saturating_add(8192));
        cades::add_signature_timestamp(cms.as_slice(), 0, timestamp, &mut stamped)?;
        fill(self.update, self.digits, &stamped)
    }
}

/// Writes a message into the room that was kept for it.
fn fill(mut update: Vec<u8>, digits: Range<usize>, cms: &[u8]) -> Result<Vec<u8>, PadesError> {
    let room = update.get_mut(digits).unwrap_or_default();
    if cms.len() * 2 > room.len() {
        return Err(PadesError::new(
            PadesErrorKind::Misuse,
            format!(
                "message of {} octets does not fit the {} octets kept for it",
                cms.len(),
                room.len() / 2
            ),
        ));
    }
    let (pairs, _) = room.as_chunks_mut::<2>();
    for (pair, octet) in pairs.iter_mut().zip(cms) {
        *pair = hex_pair(*octet);
    }
    Ok(update)
}

/// Signs the document: [`prepare`], the key, [`Prepared::finish`]. The file's own octets go to
/// `copy` as they are read; what is returned belongs after them.
///
/// # Errors
/// As [`prepare`], and the key's own.
pub fn sign<S: ReadAt>(
    source: &S,
    copy: &mut dyn Write,
    key: &dyn SigningKey,
    certificate: &Certificate,
    parameters: &Parameters,
) -> Result<Vec<u8>, PadesError> {
    let algorithm = cades::algorithm_for(key, certificate)?;
    let (prepared, tbs) = prepare(source, copy, certificate, algorithm, parameters)?;
    prepared.finish(&key.sign(tbs.algorithm, &tbs.bytes)?)
}

/// Builds the update with room for the signature, copies the file's octets to `copy`
/// ([`std::io::sink`] where nobody needs them) while hashing them, and hands out what is to be signed.
///
/// # Errors
/// * [`PadesErrorKind::Pdf`]: not a PDF, broken beyond what readers tolerate, or a limit.
/// * [`PadesErrorKind::Encrypted`]: the document is encrypted.
/// * [`PadesErrorKind::Locked`]: an earlier signature forbids it; the message names it.
/// * [`PadesErrorKind::Field`]: the field is signed already, is no signature field, or cannot be made.
/// * [`PadesErrorKind::Io`]: reading or copying failed.
/// * [`PadesErrorKind::Signature`]: key, certificate and attributes do not go together.
pub fn prepare<S: ReadAt>(
    source: &S,
    copy: &mut dyn Write,
    certificate: &Certificate,
    algorithm: SignatureAlgorithm,
    parameters: &Parameters,
) -> Result<(Prepared, ToBeSigned), PadesError> {
    if parameters.reason.is_some() && parameters.commitment.is_some() {
        return Err(PadesError::new(
            PadesErrorKind::Misuse,
            "reason and commitment type exclude each other (EN 319 142-1 6.3)",
        ));
    }
    let document = Document::open(source)?;
    if document.encrypted() {
        return Err(PadesError::new(
            PadesErrorKind::Encrypted,
            "document is encrypted: a signature would cover what no one can read without the key",
        ));
    }
    let attributes = cades::SignatureParameters {
        signing_time: None,
        commitment: parameters.commitment,
        policy: parameters.policy.clone(),
        certificates: parameters.chain.clone(),
        ..cades::SignatureParameters::default()
    };
    let room = cades::max_len(certificate, algorithm, &attributes)?;
    let room = room.saturating_add(parameters.reserve.min(MAX_RESERVE));
    let intent = Intent {
        parameters,
        certificate,
        digest: algorithm.digest(),
    };
    let built = Build::new(&document, What::Signature(intent))?.finish(room)?;
    let digest = hash(source, copy, &built, algorithm.digest())?;
    let (cms, tbs) = cades::prepare_signature(&digest, certificate, algorithm, &attributes)?;
    let prepared = Prepared {
        update: built.update,
        digits: built.digits,
        cms,
        field: built.field,
    };
    Ok((prepared, tbs))
}

impl Permission {
    /// `/P`.
    fn number(self) -> u8 {
        match self {
            Self::NoChanges => 1,
            Self::FormFilling => 2,
            Self::Annotations => 3,
        }
    }
}

/// One pass: copies the file to `copy` and hashes it, then the update around its room.
fn hash<S: ReadAt>(
    source: &S,
    copy: &mut dyn Write,
    built: &Built,
    algorithm: DigestAlgorithm,
) -> Result<Digest, PadesError> {
    let mut hasher = Hasher::new(algorithm);
    match source.as_slice() {
        Some(all) => {
            hasher.update(all);
            copy.write_all(all)
                .map_err(|e| PadesError::io("the copy cannot be written", &e))?;
        }
        None => {
            let mut buffer = vec![0; BLOCK];
            let mut at = 0u64;
            while at < source.len() {
                let left = usize::try_from(source.len().saturating_sub(at)).unwrap_or(BLOCK);
                let part = buffer.get_mut(..left.min(BLOCK)).unwrap_or_default();
                source
                    .read_exact_at(at, part)
                    .map_err(|e| PadesError::io("the document cannot be read", &e))?;
                hasher.update(part);
                copy.write_all(part)
                    .map_err(|e| PadesError::io("the copy cannot be written", &e))?;
                at = at.saturating_add(u64::try_from(part.len()).unwrap_or(u64::MAX));
            }
        }
    }
    let around = |range: Range<usize>| built.update.get(range).unwrap_or_default();
    hasher.update(around(0..built.digits.start - 1));
    hasher.update(around(built.digits.end + 1..built.update.len()));
    Ok(hasher.finish())
}

fn hex_pair(octet: u8) -> [u8; 2] {
    let digit = |n: u8| if n < 10 { b'0' + n } else { b'a' + n - 10 };
    [digit(octet >> 4), digit(octet & 15)]
}
