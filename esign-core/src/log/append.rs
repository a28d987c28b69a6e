//! Appending: entries in, tiles out, with nothing but the right edge in memory.

use super::tile::TILE_LEVELS;
use super::tree::{fold, root_of};
use super::{
    Hash, LogError, LogErrorKind, MAX_ENTRY, MAX_SIZE, TILE_WIDTH, TileId, TileKind, TileReader,
    TileStore,
};

/// The growing end of a log.
///
/// Entries are taken by [`Self::append`]; [`Self::flush`] writes the tiles that they fill or begin.
/// Between two flushes the full tiles are held, some 8 KiB and the entries for each 256 entries.
#[derive(Clone, Debug, Default)]
pub struct Appender {
    size: u64,
    /// The hashes of the last tile of each level that is not full, from the leaves up.
    edge: Vec<Vec<Hash>>,
    /// The octets of the last bundle that is not full.
    bundle: Vec<u8>,
    /// Full tiles to be written.
    full: Vec<(TileId, Vec<u8>)>,
}

impl Appender {
    /// An empty log.
    pub fn new() -> Self {
        Self::default()
    }

    /// Goes on with the log of `size` entries in `store`, whose root must be `root`. Reads one tile
    /// of each level and one bundle, however many entries there are.
    ///
    /// # Errors
    /// [`LogErrorKind::Mismatch`] where the tiles have another root; those of [`TileReader::root`].
    pub fn open(store: &dyn TileStore, size: u64, root: &Hash) -> Result<Self, LogError> {
        let mut reader = TileReader::new(store, size);
        let mut appender = Self {
            size,
            ..Self::default()
        };
        let mut nodes = size;
        let mut level: u8 = 0;
        while nodes > 0 {
            let hashes = match nodes % u64::from(TILE_WIDTH) {
                0 => Vec::new(),
                _ => reader
                    .hashes(level, nodes / u64::from(TILE_WIDTH))?
                    .to_vec(),
            };
            appender.edge.push(hashes);
            nodes >>= TILE_LEVELS;
            level = level.saturating_add(1);
        }
        if !size.is_multiple_of(u64::from(TILE_WIDTH)) {
            for entry in reader.bundle(size / u64::from(TILE_WIDTH))? {
                push_entry(&mut appender.bundle, &entry)?;
            }
        }
        let found = appender.root()?;
        if found != *root {
            return Err(LogError::new(
                LogErrorKind::Mismatch,
                format_args!(
                    "log of {size} entries: its tiles have the root {found}, expected {root}"
                ),
            ));
        }
        Ok(appender)
    }

    /// Appends an entry; gives its index.
    ///
    /// # Errors
    /// [`LogErrorKind::Limit`] for more than [`MAX_ENTRY`] octets or [`MAX_SIZE`] entries; nothing is
    /// appended then.
    pub fn append(&mut self, entry: &[u8]) -> Result<u64, LogError> {
        let index = self.size;
        if index >= MAX_SIZE {
            return Err(LogError::new(
                LogErrorKind::Limit,
                format_args!("log: has {MAX_SIZE} entries, which is the most"),
            ));
        }
        push_entry(&mut self.bundle, entry)?;
        self.size = index.saturating_add(1);
        let full = self.size.is_multiple_of(u64::from(TILE_WIDTH));
        if full {
            let id = tile(TileKind::Entries, index / u64::from(TILE_WIDTH), TILE_WIDTH);
            self.full.push((id, std::mem::take(&mut self.bundle)));
        }
        let mut hash = Hash::leaf(entry);
        let mut nodes = self.size;
        for level in 0..8u8 {
            let at = usize::from(level);
            if self.edge.len() <= at {
                self.edge.push(Vec::new());
            }
            let Some(hashes) = self.edge.get_mut(at) else {
                break;
            };
            hashes.push(hash);
            if hashes.len() < usize::from(TILE_WIDTH) {
                break;
            }
            let hashes = std::mem::take(hashes);
            nodes >>= TILE_LEVELS;
            let id = tile(TileKind::Hashes(level), nodes.saturating_sub(1), TILE_WIDTH);
            self.full.push((id, octets(&hashes)));
            hash = root_of(&hashes)?;
        }
        Ok(index)
    }

    /// How many entries there are.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root hash of all entries appended.
    ///
    /// # Errors
    /// None that the appender's own doing can bring about.
    pub fn root(&self) -> Result<Hash, LogError> {
        let mut peaks = Vec::new();
        // From the widest level to the leaves: complete subtrees of falling size.
        for hashes in self.edge.iter().rev() {
            let mut rest = hashes.as_slice();
            while !rest.is_empty() {
                let (subtree, after) = rest.split_at(1 << rest.len().ilog2());
                peaks.push(root_of(subtree)?);
                rest = after;
            }
        }
        Ok(fold(&peaks))
    }

    /// Writes every tile that is full or begun, the entries and leaves before what hangs over them.
    /// After an error the same flush may be tried again.
    ///
    /// # Errors
    /// [`LogErrorKind::Storage`].
    pub fn flush(&mut self, store: &dyn TileStore) -> Result<(), LogError> {
        for (id, octets) in &self.full {
            store.write(id, octets)?;
        }
        let mut nodes = self.size;
        let width = |nodes: u64| u16::try_from(nodes % u64::from(TILE_WIDTH)).unwrap_or(0);
        if width(nodes) > 0 {
            let index = nodes / u64::from(TILE_WIDTH);
            store.write(&tile(TileKind::Entries, index, width(nodes)), &self.bundle)?;
        }
        for (level, hashes) in (0..8u8).zip(&self.edge) {
            if width(nodes) > 0 {
                let index = nodes / u64::from(TILE_WIDTH);
                let id = tile(TileKind::Hashes(level), index, width(nodes));
                store.write(&id, &octets(hashes))?;
            }
            nodes >>= TILE_LEVELS;
        }
        self.full.clear();
        Ok(())
    }
}

const fn tile(kind: TileKind, index: u64, width: u16) -> TileId {
    TileId { kind, index, width }
}

fn octets(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

fn push_entry(bundle: &mut Vec<u8>, entry: &[u8]) -> Result<(), LogError> {
    let Ok(length) = u16::try_from(entry.len()) else {
        return Err(LogError::new(
            LogErrorKind::Limit,
            format_args!(
                "log entry: has {} octets, at most {MAX_ENTRY} are taken",
                entry.len()
            ),
        ));
    };
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{Frontier, MemoryTiles, verify_consistency, verify_inclusion};
    use super::*;

    fn entry(n: u64) -> Vec<u8> {
        format!("entry {n}").into_bytes()
    }

    #[test]
    fn tiles_give_the_root_and_proofs_of_the_tree_at_every_cut() {
        let store = MemoryTiles::new();
        let mut frontier = Frontier::new();
        let mut roots = vec![frontier.root()];
        let mut log = Appender::new();
        // Past the first full tile of the second level, in uneven batches, opened anew for each.
        let cuts = [
            1, 2, 255, 256, 257, 511, 512, 700, 65_535, 65_536, 65_537, 66_000,
        ];
        for cut in cuts {
            for n in log.size()..cut {
                assert_eq!(log.append(&entry(n)).unwrap(), n);
                frontier.push(Hash::leaf(&entry(n))).unwrap();
                roots.push(frontier.root());
            }
            assert_eq!(log.root().unwrap(), frontier.root(), "{cut}");
            log.flush(&store).unwrap();
            log = Appender::open(&store, cut, &frontier.root()).unwrap();
            let mut reader = TileReader::new(&store, cut);
            assert_eq!(reader.root().unwrap(), frontier.root());
            for index in [0, cut / 3, cut / 2, cut - 1] {
                let proof = reader.inclusion(index).unwrap();
                let leaf = Hash::leaf(&entry(index));
                verify_inclusion(&leaf, index, cut, &proof, &frontier.root()).unwrap();
            }
            for old in [0, 1, cut / 3, cut / 2, cut - 1, cut] {
                let proof = reader.consistency(old).unwrap();
                let old_root = roots[usize::try_from(old).unwrap()];
                verify_consistency(old, &old_root, cut, &frontier.root(), &proof).unwrap();
            }
            let last = (cut - 1) / 256;
            assert_eq!(
                reader.bundle(last).unwrap().last().unwrap(),
                &entry(cut - 1)
            );
        }
        let wrong = Hash::empty();
        assert!(matches!(
            Appender::open(&store, 66_000, &wrong).map_err(|e| e.kind()),
            Err(LogErrorKind::Mismatch)
        ));
    }

    #[test]
    fn an_entry_is_no_longer_than_its_length_field_says() {
        let mut log = Appender::new();
        log.append(&vec![0; MAX_ENTRY]).unwrap();
        let error = log.append(&vec![0; MAX_ENTRY + 1]).unwrap_err();
        assert_eq!(error.kind(), LogErrorKind::Limit);
        assert_eq!(log.size(), 1);
    }

    #[test]
    fn tile_paths_are_those_of_tlog_tiles() {
        let rows = [
            (TileKind::Hashes(0), 1_234_067, 256, "tile/0/x001/x234/067"),
            (TileKind::Hashes(0), 1, 8, "tile/0/001.p/8"),
            (TileKind::Entries, 0, 256, "tile/entries/000"),
            (TileKind::Hashes(3), 1000, 1, "tile/3/x001/000.p/1"),
        ];
        for (kind, index, width, path) in rows {
            let id = TileId { kind, index, width };
            assert_eq!(id.to_string(), path);
            assert_eq!(TileId::parse(path), Some(id));
        }
        for bad in [
            "tile/0/001.p/0",
            "tile/0/001.p/256",
            "tile/0/1",
            "tile/0/x000/001",
            "tile/0/001/002",
            "tile/8/001",
            "tile/00/001",
            "tile/0/+01",
            "tile/0/001.p/8/001",
            "tile/0",
            "/tile/0/001",
            "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
        ] {
            assert_eq!(TileId::parse(bad), None, "{bad}");
        }
    }
}
