//! PAdES at a level.

use std::io::{self, Write};

use super::material::collect;
use super::{Level, LevelError, Services, Signer, is_stamped};
use crate::cades::algorithm_for;
use crate::keys::{DigestAlgorithm, Hasher};
use crate::pades::{
    Parameters, add_validation_data, prepare, prepare_signature, prepare_timestamp,
};
use crate::source::ReadAt;
use crate::tsp;
use crate::validation::{Inputs, validate};

/// Octets that are kept for the token over a signature, which cannot be made room for later. With a path of
/// four certificates tokens have some 8 KiB.
const RESERVE: usize = 12 << 10;
/// Octets that are kept at first for a document time-stamp. With one certificate tokens have some 3 KiB.
const ROOM: usize = 6 << 10;
/// Octets that a second token of the same authority may be longer than the first.
const SLACK: usize = 256;

/// Signs a document at a level; returns all that belongs after the file's octets, which go to `copy` as
/// they are read.
///
/// # Errors
/// [`LevelError`]; nothing is half done, since nothing is written but the copy.
pub fn sign_pdf<S: ReadAt>(
    source: &S,
    copy: &mut dyn Write,
    signer: Signer<'_>,
    parameters: &Parameters,
    level: Level,
    services: &Services<'_>,
) -> Result<Vec<u8>, LevelError> {
    let Signer { key, certificate } = signer;
    let algorithm = algorithm_for(key, certificate)?;
    let parameters = Parameters {
        reserve: if level >= Level::T {
            parameters.reserve.max(RESERVE)
        } else {
            parameters.reserve
        },
        ..parameters.clone()
    };
    let (prepared, tbs) = prepare_signature(source, copy, certificate, algorithm, &parameters)?;
    let value = key.sign(tbs.algorithm, &tbs.bytes)?;
    if level == Level::B {
        return Ok(prepared.finish(&value)?);
    }
    let digest = Hasher::digest(stamped_by(algorithm.digest()), &value);
    let mut tail = prepared.finish_stamped(&value, &(services.stamp)(&digest)?)?;
    if level > Level::T {
        let signed = Joined {
            base: source,
            tail: &tail,
        };
        let more = extend_pdf(&signed, level, services)?;
        tail.extend(more);
    }
    Ok(tail)
}

/// Brings every signature of a document to a level; returns what belongs after the file's octets, which is
/// nothing where the level is reached. [`Level::Lta`] always adds a time-stamp: it renews.
///
/// The signatures' own octets stay: a time-stamp for B-T covers the document.
///
/// # Errors
/// [`LevelError`].
pub fn extend_pdf<S: ReadAt>(
    source: &S,
    level: Level,
    services: &Services<'_>,
) -> Result<Vec<u8>, LevelError> {
    let signatures = prepare(source)?;
    if signatures.is_empty() {
        return Err(LevelError::NoSignature);
    }
    let mut tail = Vec::new();
    if level == Level::B {
        return Ok(tail);
    }
    let report = validate(
        &signatures,
        &Inputs {
            at: (services.clock)(),
            anchors: services.anchors,
            evidence: services.evidence,
            policy: services.policy,
        },
    );
    if !report.signatures.iter().all(is_stamped) {
        stamp_document(source, &mut tail, services)?;
    }
    if level >= Level::Lt {
        let signatures = prepare(&Joined {
            base: source,
            tail: &tail,
        })?;
        let material = collect(&signatures, services)?;
        let stamped = Joined {
            base: source,
            tail: &tail,
        };
        let store = add_validation_data(&stamped, &material, (services.clock)())?;
        tail.extend(store.unwrap_or_default());
    }
    if level == Level::Lta {
        stamp_document(source, &mut tail, services)?;
    }
    Ok(tail)
}

/// Adds a document time-stamp. How large a token is, is known only when it is there; where the room
/// was too little, it is made again.
fn stamp_document<S: ReadAt>(
    source: &S,
    tail: &mut Vec<u8>,
    services: &Services<'_>,
) -> Result<(), LevelError> {
    let attempt = |tail: &[u8], room: usize| -> Result<(_, tsp::Timestamp), LevelError> {
        let joined = Joined { base: source, tail };
        let algorithm = DigestAlgorithm::Sha256;
        let at = (services.clock)();
        let prepared = prepare_timestamp(&joined, &mut io::sink(), algorithm, room, at)?;
        let token = (services.stamp)(prepared.digest())?;
        Ok((prepared, token))
    };
    let (mut prepared, mut token) = attempt(tail, ROOM)?;
    let length = token.token().der().len();
    if length > ROOM {
        (prepared, token) = attempt(tail, length.saturating_add(SLACK))?;
    }
    tail.extend(prepared.finish(&token)?);
    Ok(())
}

/// The algorithm that is stamped by: as strong as the signature's, of those that every authority takes.
pub(super) fn stamped_by(signed: DigestAlgorithm) -> DigestAlgorithm {
    match signed {
        DigestAlgorithm::Sha384 | DigestAlgorithm::Sha512 => signed,
        _ => DigestAlgorithm::Sha256,
    }
}

/// A file, and what will follow it.
struct Joined<'a, S: ReadAt> {
    base: &'a S,
    tail: &'a [u8],
}

impl<S: ReadAt> ReadAt for Joined<'_, S> {
    fn len(&self) -> u64 {
        let tail = u64::try_from(self.tail.len()).unwrap_or(u64::MAX);
        self.base.len().saturating_add(tail)
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let base = self.base.len();
        let Some(behind) = offset.checked_sub(base) else {
            let left = usize::try_from(base.saturating_sub(offset)).unwrap_or(usize::MAX);
            let most = buf.len().min(left);
            return self
                .base
                .read_at(offset, buf.get_mut(..most).unwrap_or_default());
        };
        let from = usize::try_from(behind).unwrap_or(usize::MAX);
        let rest = self.tail.get(from..).unwrap_or_default();
        let n = rest.len().min(buf.len());
        if let (Some(to), Some(from)) = (buf.get_mut(..n), rest.get(..n)) {
            to.copy_from_slice(from);
        }
        Ok(n)
    }
}
