//! Tiles: the tree cut into files of at most 256 hashes, and bundles of at most 256 entries.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Mutex, PoisonError};

use super::tree::{consistency_proof, inclusion_proof, root_of, subtree};
use super::{Hash, LogError, LogErrorKind};

/// Hashes in a full tile, entries in a full bundle (tlog-tiles).
pub const TILE_WIDTH: u16 = 256;
/// Largest entry, in octets: its length stands before it in two octets (tlog-tiles, "Log entries").
pub const MAX_ENTRY: usize = 65_535;
/// Levels of the tree in one level of tiles.
pub(super) const TILE_LEVELS: u32 = 8;
/// Octets of a hash in a tile.
const HASH: usize = 32;
/// Tiles kept by a reader: 8 KiB each, so 8 MiB.
const MAX_CACHED: usize = 1024;

/// What a tile holds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum TileKind {
    /// The entries themselves.
    Entries,
    /// Hashes of this level: 0 are leaves, each next one 256 times as wide. At most 7.
    Hashes(u8),
}

/// The name of a tile.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TileId {
    /// What it holds.
    pub kind: TileKind,
    /// Its place from the left, from 0.
    pub index: u64,
    /// How many hashes or entries it holds: 1 to 256, which is a full one.
    pub width: u16,
}

impl TileId {
    /// The same tile when it is full.
    #[must_use]
    pub fn full(self) -> Self {
        Self {
            width: TILE_WIDTH,
            ..self
        }
    }

    /// Parses the path that `Display` gives, and no other.
    pub fn parse(path: &str) -> Option<Self> {
        let mut parts = path.strip_prefix("tile/")?.split('/').peekable();
        let kind = match parts.next()? {
            "entries" => TileKind::Entries,
            level => TileKind::Hashes(level.parse().ok().filter(|level| *level < 8)?),
        };
        let mut index: u64 = 0;
        let mut width = TILE_WIDTH;
        while let Some(part) = parts.next() {
            let digits = part.strip_prefix('x').unwrap_or(part);
            let digits = match digits.strip_suffix(".p") {
                Some(digits) => {
                    width = parts
                        .next()?
                        .parse()
                        .ok()
                        .filter(|w| (1..256).contains(w))?;
                    if parts.peek().is_some() {
                        return None;
                    }
                    digits
                }
                None => digits,
            };
            if digits.len() != 3 {
                return None;
            }
            index = index.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
        }
        let id = Self { kind, index, width };
        // One name for one tile: leading zeros, signs and misplaced "x" do not come out again.
        (id.to_string() == path).then_some(id)
    }
}

impl fmt::Display for TileId {
    /// The path of the tile relative to the log's prefix, such as `tile/0/x001/067.p/8`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TileKind::Entries => f.write_str("tile/entries")?,
            TileKind::Hashes(level) => write!(f, "tile/{level}")?,
        }
        let mut groups = Vec::new();
        let mut rest = self.index;
        loop {
            groups.push(rest % 1000);
            rest /= 1000;
            if rest == 0 {
                break;
            }
        }
        while let Some(group) = groups.pop() {
            let more = if groups.is_empty() { "" } else { "x" };
            write!(f, "/{more}{group:03}")?;
        }
        if self.width < TILE_WIDTH {
            write!(f, ".p/{}", self.width)?;
        }
        Ok(())
    }
}

/// Where tiles are kept. A tile's octets never change: to write one again writes the same.
pub trait TileStore: Send + Sync {
    /// The octets of a tile; `None` where it is not there.
    ///
    /// # Errors
    /// [`LogErrorKind::Storage`].
    fn read(&self, tile: &TileId) -> Result<Option<Vec<u8>>, LogError>;

    /// Keeps a tile, whole and durably before it returns, or not at all.
    ///
    /// # Errors
    /// [`LogErrorKind::Storage`].
    fn write(&self, tile: &TileId, octets: &[u8]) -> Result<(), LogError>;
}

/// Tiles in memory: for tests and small logs.
#[derive(Debug, Default)]
pub struct MemoryTiles(Mutex<BTreeMap<TileId, Vec<u8>>>);

impl MemoryTiles {
    /// No tiles.
    pub fn new() -> Self {
        Self::default()
    }

    /// The names of all tiles.
    pub fn names(&self) -> Vec<TileId> {
        let tiles = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tiles.keys().copied().collect()
    }
}

impl TileStore for MemoryTiles {
    fn read(&self, tile: &TileId) -> Result<Option<Vec<u8>>, LogError> {
        let tiles = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(tiles.get(tile).cloned())
    }

    fn write(&self, tile: &TileId, octets: &[u8]) -> Result<(), LogError> {
        let mut tiles = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tiles.insert(*tile, octets.to_vec());
        Ok(())
    }
}

/// The entries of a bundle of `width` entries, in their order.
///
/// # Errors
/// [`LogErrorKind::Malformed`] where the octets are cut, or hold more or fewer entries.
pub fn bundle_entries(octets: &[u8], width: u16) -> Result<Vec<&[u8]>, LogError> {
    let mut entries = Vec::with_capacity(usize::from(width.min(TILE_WIDTH)));
    let mut rest = octets;
    for n in 0..width {
        let Some((length, after)) = rest.split_first_chunk::<2>() else {
            return Err(bundle(format_args!("ends before entry {n} of {width}")));
        };
        let length = usize::from(u16::from_be_bytes(*length));
        let Some((entry, after)) = after.split_at_checked(length) else {
            return Err(bundle(format_args!("ends within entry {n} of {width}")));
        };
        entries.push(entry);
        rest = after;
    }
    if !rest.is_empty() {
        return Err(bundle(format_args!(
            "has {} octets behind its {width} entries",
            rest.len()
        )));
    }
    Ok(entries)
}

fn bundle(what: impl fmt::Display) -> LogError {
    LogError::malformed(format_args!("entry bundle: {what}"))
}

/// Reads hashes and entries of a tree of a given size from its tiles, and makes proofs. What it
/// gives is as true as the tiles: whoever does not trust them verifies it against a checkpoint.
pub struct TileReader<'s> {
    store: &'s dyn TileStore,
    size: u64,
    cache: HashMap<(u8, u64), Vec<Hash>>,
}

impl<'s> TileReader<'s> {
    /// A reader of the tree of the first `size` entries.
    pub fn new(store: &'s dyn TileStore, size: u64) -> Self {
        Self {
            store,
            size,
            cache: HashMap::new(),
        }
    }

    /// The size of the tree.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root hash by the tiles.
    ///
    /// # Errors
    /// [`LogErrorKind::Missing`] and [`LogErrorKind::Malformed`] for a tile; those of the storage.
    pub fn root(&mut self) -> Result<Hash, LogError> {
        let size = self.size;
        subtree(0, size, &mut |level, index| self.node(level, index))
    }

    /// The hash of the leaf `index`.
    ///
    /// # Errors
    /// Those of [`Self::root`].
    pub fn leaf(&mut self, index: u64) -> Result<Hash, LogError> {
        self.node(0, index)
    }

    /// The proof that the entry `index` is in the tree.
    ///
    /// # Errors
    /// Those of [`Self::root`]; [`LogErrorKind::Range`] for an index outside.
    pub fn inclusion(&mut self, index: u64) -> Result<Vec<Hash>, LogError> {
        let size = self.size;
        inclusion_proof(index, size, &mut |level, index| self.node(level, index))
    }

    /// The proof that the tree of `old` entries is this one's beginning.
    ///
    /// # Errors
    /// Those of [`Self::root`]; [`LogErrorKind::Range`] for a larger tree.
    pub fn consistency(&mut self, old: u64) -> Result<Vec<Hash>, LogError> {
        let size = self.size;
        consistency_proof(old, size, &mut |level, index| self.node(level, index))
    }

    /// The entries of the bundle `index`, as many as the tree's size gives it.
    ///
    /// # Errors
    /// Those of [`Self::root`].
    pub fn bundle(&self, index: u64) -> Result<Vec<Vec<u8>>, LogError> {
        let (octets, held, width) = self.tile(TileKind::Entries, index, 0)?;
        let entries = bundle_entries(&octets, held)?;
        Ok(entries
            .into_iter()
            .take(usize::from(width))
            .map(<[u8]>::to_vec)
            .collect())
    }

    /// The hashes of a tile, as many as the tree's size gives it.
    ///
    /// # Errors
    /// Those of [`Self::root`].
    pub fn hashes(&mut self, level: u8, index: u64) -> Result<&[Hash], LogError> {
        if !self.cache.contains_key(&(level, index)) {
            let (octets, held, width) =
                self.tile(TileKind::Hashes(level), index, u32::from(level))?;
            let (chunks, rest) = octets.as_chunks::<HASH>();
            if chunks.len() != usize::from(held) || !rest.is_empty() {
                return Err(LogError::malformed(format_args!(
                    "tile of level {level}, index {index}: has {} octets, {held} hashes are {}",
                    octets.len(),
                    usize::from(held) * HASH
                )));
            }
            let hashes = chunks
                .iter()
                .take(usize::from(width))
                .map(|h| Hash::of(*h))
                .collect();
            if self.cache.len() >= MAX_CACHED {
                self.cache.clear();
            }
            self.cache.insert((level, index), hashes);
        }
        Ok(self
            .cache
            .get(&(level, index))
            .map(Vec::as_slice)
            .unwrap_or_default())
    }

    /// The root of the complete subtree of 2^level leaves, the `index`-th from the left.
    fn node(&mut self, level: u32, index: u64) -> Result<Hash, LogError> {
        // A tree has fewer than 2^63 leaves, so levels of tiles stay below 8.
        let tile_level = u8::try_from(level / TILE_LEVELS).unwrap_or(u8::MAX);
        let inner = level % TILE_LEVELS;
        let first = index << inner;
        let hashes = self.hashes(tile_level, first / u64::from(TILE_WIDTH))?;
        let from = usize::try_from(first % u64::from(TILE_WIDTH)).unwrap_or(usize::MAX);
        let part = from
            .checked_add(1 << inner)
            .and_then(|to| hashes.get(from..to));
        match part {
            Some([hash]) => Ok(*hash),
            Some(part) => root_of(part),
            None => Err(LogError::new(
                LogErrorKind::Range,
                format_args!(
                    "log: node {index} of level {level} is outside a tree of {} entries",
                    self.size
                ),
            )),
        }
    }

    /// Octets of a tile, how many it holds as stored, and how many of them the tree's size gives.
    fn tile(
        &self,
        kind: TileKind,
        index: u64,
        level: u32,
    ) -> Result<(Vec<u8>, u16, u16), LogError> {
        let nodes = self.size.checked_shr(level * TILE_LEVELS).unwrap_or(0);
        let before = index.saturating_mul(u64::from(TILE_WIDTH));
        let width = u16::try_from(nodes.saturating_sub(before))
            .unwrap_or(TILE_WIDTH)
            .min(TILE_WIDTH);
        let id = TileId { kind, index, width };
        if width == 0 {
            return Err(LogError::new(
                LogErrorKind::Range,
                format_args!("{}: is outside a tree of {} entries", id.full(), self.size),
            ));
        }
        if let Some(octets) = self.store.read(&id)? {
            return Ok((octets, width, width));
        }
        // A partial tile may be taken away once the full one is there (tlog-tiles).
        if width < TILE_WIDTH
            && let Some(octets) = self.store.read(&id.full())?
        {
            return Ok((octets, TILE_WIDTH, width));
        }
        Err(LogError::new(
            LogErrorKind::Missing,
            format_args!("{id}: is missing"),
        ))
    }
}
