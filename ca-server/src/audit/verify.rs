//! Verification of the stored log against heads that somebody else holds.

use std::fmt;
use std::ops::ControlFlow;

use esign_core::log::{
    Checkpoint, Frontier, Hash, NoteKey, SignedNote, TILE_WIDTH, TileReader, TileStore,
};

use super::{AuditError, leaf};
use crate::store::LogStore;

/// Most findings that are gathered; more are only counted.
pub const MAX_FINDINGS: usize = 1000;

/// What a verification found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Verification {
    /// Entries read.
    pub entries: u64,
    /// Entries of the store that have no place yet, behind the log's end.
    pub waiting: u64,
    /// Sizes of the given heads that the entries led to.
    pub heads: Vec<u64>,
    /// What is wrong, the first [`MAX_FINDINGS`].
    pub wrong: Vec<Wrong>,
    /// How many things are wrong.
    pub count: u64,
}

/// One thing that is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wrong {
    /// Which kind.
    pub kind: WrongKind,
    /// Where: the index in the log, or a head's size.
    pub at: u64,
    /// What should be there.
    pub expected: String,
    /// What is there.
    pub found: String,
}

/// Kinds of [`Wrong`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum WrongKind {
    /// An entry is another than was logged: altered, or in another's place.
    Changed,
    /// The log ends before a head that was signed.
    Cut,
    /// The head is not signed by the log's key, or is another log's.
    Foreign,
    /// An entry of the store has no place, though later ones have.
    Inserted,
    /// A place has no entry, or the places have a gap.
    Missing,
    /// The entries lead to another root than the head's, and no tile tells which one it is.
    Rewritten,
    /// A tile is missing, malformed, or another than the head commits to.
    Tile,
}

impl Verification {
    /// Whether nothing is wrong.
    pub fn holds(&self) -> bool {
        self.count == 0
    }

    pub(super) fn add(
        &mut self,
        kind: WrongKind,
        at: u64,
        expected: impl fmt::Display,
        found: impl fmt::Display,
    ) {
        self.count = self.count.saturating_add(1);
        if self.wrong.len() < MAX_FINDINGS {
            self.wrong.push(Wrong {
                kind,
                at,
                expected: expected.to_string(),
                found: found.to_string(),
            });
        }
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (place, what) = match self.kind {
            WrongKind::Changed => ("entry", "was changed"),
            WrongKind::Cut => ("head", "the log was cut"),
            WrongKind::Foreign => ("head", "is not this log's"),
            WrongKind::Inserted => ("entry", "was inserted"),
            WrongKind::Missing => ("entry", "is missing"),
            WrongKind::Rewritten => ("head", "the log was rewritten"),
            WrongKind::Tile => ("tile at entry", "is not as published"),
        };
        write!(
            f,
            "{place} {}: {what}: expected {}, found {}",
            self.at, self.expected, self.found
        )
    }
}

/// Verifies the log in `store` (and its `tiles`, where given) against `heads`, checkpoints that the
/// auditor holds, by the log's key `key`. Reads every entry once; memory does not grow with them.
///
/// Tiles serve to name the entry that was changed; alone they prove nothing, so they are first
/// verified against the heads themselves.
///
/// # Errors
/// Those of the store, and of a storage of tiles that fails; what was tampered with is a finding.
pub fn verify(
    store: &dyn LogStore,
    tiles: Option<&dyn TileStore>,
    heads: &[SignedNote],
    key: &NoteKey,
) -> Result<Verification, AuditError> {
    let mut found = Verification::default();
    let heads = trusted(heads, key, &mut found);
    let largest = heads.last().map_or(0, |head| head.size);
    let tiles = tiles.map(|store| Tiles::new(store, largest, &heads, &mut found));
    let mut walk = Walk {
        found,
        heads: heads.iter().peekable(),
        rows: Frontier::new(),
        tiles,
        changed: false,
        failed: None,
        expected: 0,
        last_id: 0,
    };
    store.visit_sequenced(0, &mut |place| {
        walk.last_id = walk.last_id.max(place.id);
        // Places that are not there at all.
        while walk.expected < place.index && walk.expected < largest.max(place.index) {
            walk.gap();
            if walk.found.count >= u64::try_from(MAX_FINDINGS).unwrap_or(u64::MAX) {
                // The gap may be as long as a number allows.
                walk.expected = place.index;
            }
        }
        match &place.entry {
            Some(entry) => match leaf(entry) {
                Ok(leaf) => walk.entry(&leaf),
                Err(error) => walk.failed = Some(error),
            },
            None => {
                let expected = walk.original(walk.expected);
                let id = place.id;
                walk.found.add(
                    WrongKind::Missing,
                    place.index,
                    expected,
                    format_args!("nothing (audit entry {id} is gone)"),
                );
                walk.skip();
            }
        }
        if walk.failed.is_some() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })?;
    if let Some(error) = walk.failed {
        return Err(error);
    }
    let entries = walk.expected;
    let last_id = walk.last_id;
    let mut found = walk.found;
    for head in walk.heads.filter(|head| head.size > 0) {
        found.add(
            WrongKind::Cut,
            head.size,
            format_args!("{} entries", head.size),
            format_args!("{entries}"),
        );
    }
    found.entries = entries;
    let own = store.latest_head()?;
    if let Some(own) = own
        && own.size != entries
    {
        found.add(
            WrongKind::Cut,
            own.size,
            format_args!("{} entries by the store's own head", own.size),
            entries,
        );
    }
    store.visit_unsequenced(0, &mut |entry| {
        if entry.id < last_id {
            found.add(
                WrongKind::Inserted,
                entry.id,
                "no audit entry without a place before the log's end",
                format_args!("audit entry {}: {} by {}", entry.id, entry.kind, entry.by),
            );
        } else {
            found.waiting = found.waiting.saturating_add(1);
        }
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

/// The heads that are this log's, the smallest first.
pub(super) fn trusted(
    heads: &[SignedNote],
    key: &NoteKey,
    found: &mut Verification,
) -> Vec<Checkpoint> {
    let mut trusted: Vec<Checkpoint> = Vec::new();
    for note in heads {
        let head = note.verify(key).and_then(|()| Checkpoint::of(note));
        match head {
            Ok(head) if head.origin == key.name() => trusted.push(head),
            Ok(head) => found.add(WrongKind::Foreign, head.size, key.name(), head.origin),
            Err(error) => found.add(
                WrongKind::Foreign,
                Checkpoint::of(note).map_or(0, |head| head.size),
                format_args!("a head signed by {key}"),
                error,
            ),
        }
    }
    trusted.sort_by_key(|head| head.size);
    trusted
}

/// Tiles, and up to where their leaves are those that a head commits to.
struct Tiles<'t> {
    reader: TileReader<'t>,
    proven: u64,
}

impl<'t> Tiles<'t> {
    fn new(
        store: &'t dyn TileStore,
        size: u64,
        heads: &[Checkpoint],
        found: &mut Verification,
    ) -> Self {
        let mut tiles = Self {
            reader: TileReader::new(store, size),
            proven: 0,
        };
        // By the leaves alone, and what hangs over them by itself below.
        let mut frontier = Frontier::new();
        let mut heads = heads.iter().filter(|head| head.size > 0).peekable();
        for index in 0..size {
            let leaf = match tiles.reader.leaf(index) {
                Ok(leaf) => leaf,
                Err(error) => {
                    found.add(WrongKind::Tile, index, "a tile", error);
                    return tiles;
                }
            };
            if let Err(error) = frontier.push(leaf) {
                found.add(WrongKind::Tile, index, "a leaf", error);
                return tiles;
            }
            while let Some(head) = heads.next_if(|head| head.size == frontier.size()) {
                let root = frontier.root();
                if root == head.root {
                    tiles.proven = head.size;
                } else {
                    found.add(
                        WrongKind::Tile,
                        index,
                        format_args!("leaves that lead to {}", head.root),
                        format_args!("{root}"),
                    );
                    return tiles;
                }
            }
        }
        if size > 0 {
            match tiles.reader.root() {
                Ok(root) if root == frontier.root() => {}
                Ok(root) => found.add(
                    WrongKind::Tile,
                    size - 1,
                    format_args!("upper tiles that lead to {}", frontier.root()),
                    root,
                ),
                Err(error) => found.add(WrongKind::Tile, size - 1, "upper tiles", error),
            }
        }
        tiles
    }

    /// The leaf hash at `index` that a head commits to.
    fn proven(&mut self, index: u64) -> Option<Hash> {
        if index >= self.proven {
            return None;
        }
        self.reader.leaf(index).ok()
    }

    /// The entry that was logged at `index`, if its bundle holds what its leaf commits to.
    fn original(&mut self, index: u64) -> Option<String> {
        let leaf = self.proven(index)?;
        let width = u64::from(TILE_WIDTH);
        let entries = self.reader.bundle(index / width).ok()?;
        let place = usize::try_from(index % width).ok()?;
        let entry = entries
            .get(place)
            .filter(|entry| Hash::leaf(entry) == leaf)?;
        Some(String::from_utf8_lossy(entry).into_owned())
    }
}

/// One pass over the places.
struct Walk<'h, 't> {
    found: Verification,
    heads: std::iter::Peekable<std::slice::Iter<'h, Checkpoint>>,
    /// The right edge by the store's rows, and by proven leaves where those differ.
    rows: Frontier,
    tiles: Option<Tiles<'t>>,
    /// Whether a row differs from what was logged and the edge has another hash for it than is known.
    changed: bool,
    failed: Option<AuditError>,
    expected: u64,
    last_id: u64,
}

impl Walk<'_, '_> {
    fn entry(&mut self, leaf: &[u8]) {
        let index = self.expected;
        let hash = Hash::leaf(leaf);
        let logged = self.tiles.as_mut().and_then(|tiles| tiles.proven(index));
        match logged {
            Some(logged) if logged != hash => {
                let expected = self.original(index);
                self.found.add(
                    WrongKind::Changed,
                    index,
                    expected,
                    String::from_utf8_lossy(leaf),
                );
                self.push(logged);
            }
            _ => self.push(hash),
        }
    }

    fn gap(&mut self) {
        let index = self.expected;
        let expected = self.original(index);
        self.found
            .add(WrongKind::Missing, index, expected, "nothing (a gap)");
        self.skip();
    }

    /// Goes past a place without entry.
    fn skip(&mut self) {
        let index = self.expected;
        match self.tiles.as_mut().and_then(|tiles| tiles.proven(index)) {
            Some(logged) => self.push(logged),
            None => {
                self.changed = true;
                self.push(Hash::empty());
            }
        }
    }

    fn push(&mut self, hash: Hash) {
        self.expected = self.expected.saturating_add(1);
        if let Err(error) = self.rows.push(hash) {
            self.failed = Some(error.into());
            return;
        }
        while let Some(head) = self.heads.next_if(|head| head.size <= self.expected) {
            let root = if head.size == 0 {
                Hash::empty()
            } else {
                self.rows.root()
            };
            if root == head.root {
                self.found.heads.push(head.size);
            } else if !self.changed {
                // Where an entry is known to be missing, the root cannot be right; that was told.
                self.found.add(
                    WrongKind::Rewritten,
                    head.size,
                    format_args!("root {}", head.root),
                    format_args!("root {root}"),
                );
            }
        }
    }

    /// What was logged at `index`, as far as anything tells.
    fn original(&mut self, index: u64) -> String {
        let tiles = self.tiles.as_mut();
        match tiles.and_then(|tiles| {
            tiles.original(index).or_else(|| {
                tiles
                    .proven(index)
                    .map(|leaf| format!("an entry with the leaf hash {leaf}"))
            })
        }) {
            Some(original) => original,
            None => "an entry".to_owned(),
        }
    }
}
