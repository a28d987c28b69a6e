//! Hashing every signature of a file in one pass.
//!
//! All signatures of a file cover it from its start, each with a hole where its own `/Contents`
//! stand. One running digest takes in the file; at every hole it is branched, and the branch goes
//! on behind the hole to the end of the signed revision. So the octets before the holes are hashed
//! once, however many signatures there are.

use std::io;

use crate::keys::{Digest, DigestAlgorithm, Hasher};
use crate::source::ReadAt;

/// Octets read at a time: small enough to stay in the second-level cache between being read and
/// being hashed.
const BLOCK: usize = 128 * 1024;

/// Octets that branches may hash together, as a multiple of the file's length. Every honest file
/// stays near 1: the octets behind a hole are the rest of one revision. Without a limit some
/// thousand signatures that all claim the whole file would each hash it again.
pub(super) const MAX_BRANCHED: u64 = 16;

/// A `/ByteRange` whose form was checked: it begins at 0, and the second part does not begin
/// before the first ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ByteRange {
    /// Length of the first part, which begins at 0: offset of the `<` of `/Contents`.
    pub(super) first: u64,
    /// Offset of the second part: the octet after the `>`.
    pub(super) second: u64,
    /// End of the second part.
    pub(super) end: u64,
}

/// What one signature asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) range: ByteRange,
    pub(super) algorithm: DigestAlgorithm,
}

/// Why no digests were computed.
#[derive(Debug)]
pub(super) enum HashError {
    /// The source failed or is shorter than a range.
    Io(io::Error),
    /// [`MAX_BRANCHED`] is exceeded.
    TooMuch,
}

/// The digests of `wanted`, in its order, in one pass over `source`.
///
/// Ranges must lie inside the source.
pub(super) fn digests<S: ReadAt + ?Sized>(
    source: &S,
    wanted: &[Wanted],
) -> Result<Vec<Digest>, HashError> {
    let branched: u64 = wanted
        .iter()
        .map(|w| w.range.end.saturating_sub(w.range.second))
        .fold(0, u64::saturating_add);
    if branched > source.len().saturating_mul(MAX_BRANCHED) {
        return Err(HashError::TooMuch);
    }
    // In the order of their holes; every hole is an event at which a branch leaves its trunk.
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    let at = |i: &usize| wanted.get(*i).map_or(0, |w| w.range.first);
    order.sort_by_key(at);
    let mut waiting = order.into_iter().peekable();

    let mut trunks: Vec<Hasher> = Vec::new();
    for w in wanted {
        if !trunks.iter().any(|t| t.algorithm() == w.algorithm) {
            trunks.push(Hasher::new(w.algorithm));
        }
    }
    let mut open: Vec<(usize, ByteRange, Hasher)> = Vec::new();
    let mut done: Vec<Option<Digest>> = vec![None; wanted.len()];
    let end = wanted.iter().map(|w| w.range.end).max().unwrap_or(0);

    let whole = source.as_slice();
    let mut buffer = if whole.is_none() {
        vec![0; BLOCK]
    } else {
        Vec::new()
    };
    let mut position = 0u64;
    while position < end {
        let length = usize::try_from(end.saturating_sub(position))
            .unwrap_or(BLOCK)
            .min(BLOCK);
        let block: &[u8] = match whole {
            Some(all) => usize::try_from(position)
                .ok()
                .and_then(|from| all.get(from..from.checked_add(length)?))
                .ok_or_else(|| HashError::Io(io::ErrorKind::UnexpectedEof.into()))?,
            None => {
                let part = buffer.get_mut(..length).unwrap_or_default();
                source
                    .read_exact_at(position, part)
                    .map_err(HashError::Io)?;
                part
            }
        };
        let block_end = position.saturating_add(u64::try_from(length).unwrap_or(0));
        let part = |from: u64, to: u64| -> &[u8] {
            let start = from.clamp(position, block_end).saturating_sub(position);
            let stop = to.clamp(position, block_end).saturating_sub(position);
            let range = usize::try_from(start).unwrap_or(0)..usize::try_from(stop).unwrap_or(0);
            block.get(range).unwrap_or_default()
        };
        // The trunks, up to each hole in this block and then to the block's end.
        let mut hashed = position;
        while let Some(i) = waiting.next_if(|i| at(i) <= block_end) {
            let Some(w) = wanted.get(i) else { continue };
            let piece = part(hashed, w.range.first);
            trunks.iter_mut().for_each(|t| t.update(piece));
            hashed = hashed.max(w.range.first);
            if let Some(trunk) = trunks.iter().find(|t| t.algorithm() == w.algorithm) {
                open.push((i, w.range, trunk.clone()));
            }
        }
        if waiting.peek().is_some() {
            let piece = part(hashed, block_end);
            trunks.iter_mut().for_each(|t| t.update(piece));
        }
        // The branches, each behind its hole.
        open.retain_mut(|(i, range, hasher)| {
            hasher.update(part(range.second, range.end));
            let finished = range.end <= block_end;
            if finished && let Some(slot) = done.get_mut(*i) {
                *slot = Some(hasher.clone().finish());
            }
            !finished
        });
        position = block_end;
    }
    done.into_iter()
        .map(|d| d.ok_or_else(|| HashError::Io(io::ErrorKind::UnexpectedEof.into())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A source that is not in memory, so that blocks are read.
    struct Read(Vec<u8>);

    impl ReadAt for Read {
        fn len(&self) -> u64 {
            ReadAt::len(&self.0)
        }
        fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
            ReadAt::read_at(&self.0, offset, buf)
        }
    }

    fn naive(data: &[u8], w: &Wanted) -> Digest {
        let at = |n: u64| usize::try_from(n).unwrap();
        let mut h = Hasher::new(w.algorithm);
        h.update(&data[..at(w.range.first)]);
        h.update(&data[at(w.range.second)..at(w.range.end)]);
        h.finish()
    }

    #[test]
    fn one_pass_agrees_with_many() {
        let data: Vec<u8> = (0u32..700_000)
            .map(|i| u8::try_from(i * 31 % 251).unwrap())
            .collect();
        let block = u64::try_from(BLOCK).unwrap();
        let mut wanted = Vec::new();
        for (n, (first, second, end)) in [
            (10, 20, 100),
            (0, 1, 700_000),
            (block, block + 7, block + 9),
            (block - 1, block + 1, 3 * block),
            (5 * block, 5 * block, 5 * block),
            (699_990, 699_999, 700_000),
            (10, 20, 100),
            (2 * block + 5, 4 * block + 5, 4 * block + 5),
        ]
        .into_iter()
        .enumerate()
        {
            let algorithm = if n % 3 == 0 {
                DigestAlgorithm::Sha512
            } else {
                DigestAlgorithm::Sha256
            };
            wanted.push(Wanted {
                range: ByteRange { first, second, end },
                algorithm,
            });
        }
        let expected: Vec<Digest> = wanted.iter().map(|w| naive(&data, w)).collect();
        assert_eq!(digests(&data, &wanted).unwrap(), expected);
        assert_eq!(digests(&Read(data), &wanted).unwrap(), expected);
    }

    #[test]
    fn branching_is_bounded() {
        let range = ByteRange {
            first: 0,
            second: 1,
            end: 1000,
        };
        let wanted = vec![
            Wanted {
                range,
                algorithm: DigestAlgorithm::Sha256
            };
            17
        ];
        assert!(matches!(
            digests(&vec![0; 1000], &wanted),
            Err(HashError::TooMuch)
        ));
        assert!(digests(&vec![0; 1000], &wanted[..16]).is_ok());
    }

    #[test]
    fn a_short_source_is_an_error() {
        let range = ByteRange {
            first: 0,
            second: 1,
            end: 1000,
        };
        let wanted = [Wanted {
            range,
            algorithm: DigestAlgorithm::Sha256,
        }];
        assert!(matches!(
            digests(&vec![0; 999], &wanted),
            Err(HashError::Io(_))
        ));
    }
}
