//! The Merkle tree: hashes, the right edge, and proofs made from stored nodes.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{LogError, LogErrorKind};

/// Most entries of a log: what a signed 64-bit column of a database counts.
pub const MAX_SIZE: u64 = i64::MAX.unsigned_abs();

/// A hash of the tree: SHA-256, 32 octets. Shown in base64, as checkpoints and proofs have it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, core::hash::Hash)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// The root of a tree without entries: SHA-256 of nothing (RFC 9162 §2.1.1).
    pub fn empty() -> Self {
        Self::sha256(&[])
    }

    /// The hash of a leaf: SHA-256(0x00 ‖ `entry`).
    pub fn leaf(entry: &[u8]) -> Self {
        Self::sha256(&[&[0], entry])
    }

    /// The hash of an inner node: SHA-256(0x01 ‖ `left` ‖ `right`).
    pub fn node(left: &Self, right: &Self) -> Self {
        Self::sha256(&[&[1], &left.0, &right.0])
    }

    pub(super) const fn of(octets: [u8; 32]) -> Self {
        Self(octets)
    }

    /// Parses 44 characters of base64.
    pub fn parse(text: &str) -> Option<Self> {
        // The length first: a line of a megabyte is not decoded to be refused.
        if text.len() != 44 {
            return None;
        }
        STANDARD.decode(text).ok()?.try_into().ok().map(Self)
    }

    fn sha256(parts: &[&[u8]]) -> Self {
        let mut context = ring::digest::Context::new(&ring::digest::SHA256);
        for part in parts {
            context.update(part);
        }
        // The output of SHA-256 has 32 octets, so the alternative is never taken.
        Self(context.finish().as_ref().try_into().unwrap_or([0; 32]))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The right edge of a tree: the roots of its complete subtrees, the largest first. All that is
/// needed to go on appending.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    /// The edge of an empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a leaf by its hash.
    ///
    /// # Errors
    /// [`LogErrorKind::Limit`] beyond [`MAX_SIZE`] entries.
    pub fn push(&mut self, leaf: Hash) -> Result<(), LogError> {
        let next = self.size.checked_add(1).filter(|next| *next <= MAX_SIZE);
        let Some(next) = next else {
            return Err(LogError::new(
                LogErrorKind::Limit,
                format_args!("log: has {MAX_SIZE} entries, which is the most"),
            ));
        };
        let mut hash = leaf;
        // Each trailing one of the old size is a complete subtree that the new leaf completes.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                hash = Hash::node(&left, &hash);
            }
        }
        self.peaks.push(hash);
        self.size = next;
        Ok(())
    }

    /// How many leaves there are.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root hash.
    pub fn root(&self) -> Hash {
        fold(&self.peaks)
    }
}

/// The root over subtrees of falling size.
pub(super) fn fold(peaks: &[Hash]) -> Hash {
    let mut from_right = peaks.iter().rev();
    let Some(last) = from_right.next() else {
        return Hash::empty();
    };
    from_right.fold(*last, |right, left| Hash::node(left, &right))
}

/// The root of complete or incomplete nodes side by side, as a tree of its own.
pub(super) fn root_of(hashes: &[Hash]) -> Result<Hash, LogError> {
    let mut frontier = Frontier::new();
    for hash in hashes {
        frontier.push(*hash)?;
    }
    Ok(frontier.root())
}

/// Makes the proof that the entry `index` is in the tree of `size` entries: the hashes from the
/// leaf's sibling up. `node(level, index)` gives the root of a complete subtree of 2^level leaves.
///
/// # Errors
/// [`LogErrorKind::Range`] unless `index` < `size`; what `node` fails with.
///
/// # Source
/// RFC 9162 §2.1.3.1.
pub fn inclusion_proof(
    index: u64,
    size: u64,
    node: &mut dyn FnMut(u32, u64) -> Result<Hash, LogError>,
) -> Result<Vec<Hash>, LogError> {
    if index >= size || size > MAX_SIZE {
        return Err(range(index, size));
    }
    let (mut low, mut high) = (0, size);
    let mut proof = Vec::new();
    while let Some(middle) = split(low, high) {
        if index < middle {
            proof.push(subtree(middle, high, node)?);
            high = middle;
        } else {
            proof.push(subtree(low, middle, node)?);
            low = middle;
        }
    }
    proof.reverse();
    Ok(proof)
}

/// Makes the proof that the tree of `old` entries is the beginning of that of `new` entries; empty
/// where they are the same or the old one is empty.
///
/// # Errors
/// [`LogErrorKind::Range`] unless `old` <= `new`; what `node` fails with.
///
/// # Source
/// RFC 9162 §2.1.4.1.
pub fn consistency_proof(
    old: u64,
    new: u64,
    node: &mut dyn FnMut(u32, u64) -> Result<Hash, LogError>,
) -> Result<Vec<Hash>, LogError> {
    if old > new || new > MAX_SIZE {
        return Err(range(old, new));
    }
    let mut proof = Vec::new();
    if old == 0 || old == new {
        return Ok(proof);
    }
    let (mut low, mut high) = (0, new);
    while old != high {
        let Some(middle) = split(low, high) else {
            break;
        };
        if old <= middle {
            proof.push(subtree(middle, high, node)?);
            high = middle;
        } else {
            proof.push(subtree(low, middle, node)?);
            low = middle;
        }
    }
    // The verifier has the old root; where the last subtree is the whole old tree, it is that.
    if low != 0 {
        proof.push(subtree(low, high, node)?);
    }
    proof.reverse();
    Ok(proof)
}

/// The root of the leaves `low..high`, a subtree as the tree splits.
pub(super) fn subtree(
    low: u64,
    high: u64,
    node: &mut dyn FnMut(u32, u64) -> Result<Hash, LogError>,
) -> Result<Hash, LogError> {
    let mut peaks = Vec::new();
    let mut low = low;
    while low < high {
        // The largest complete subtree from here; `low` is a multiple of its size.
        let level = (high - low).ilog2();
        peaks.push(node(level, low >> level)?);
        low += 1 << level;
    }
    Ok(fold(&peaks))
}

/// Where a tree of more than one leaf splits: at the largest power of two below its size.
fn split(low: u64, high: u64) -> Option<u64> {
    let leaves = high.checked_sub(low).filter(|leaves| *leaves > 1)?;
    Some(low + (1 << (leaves - 1).ilog2()))
}

fn range(part: u64, size: u64) -> LogError {
    LogError::new(
        LogErrorKind::Range,
        format_args!("log: {part} is outside a tree of {size} entries"),
    )
}
