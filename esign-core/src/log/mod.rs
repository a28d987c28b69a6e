//! Transparency logs: the Merkle tree, tiles, checkpoints, proofs, cosignatures.
//!
//! A log is a list of entries that only grows. Its head (size and root hash) commits to every entry,
//! so whoever keeps a head can tell any later change, gap, cut or rewrite. The centre's audit and
//! the register of documents use the same log.
//!
//! [`Appender`] makes the tree and its tiles and keeps only the right edge in memory; [`TileReader`]
//! makes proofs from tiles; [`verify_inclusion`] and [`verify_consistency`] check them;
//! [`SignedNote`] and [`Checkpoint`] are what is signed and carried about.
//!
//! # Source
//! RFC 9162 §2.1 (RFC 6962 §2.1 has the same tree); C2SP signed-note, tlog-checkpoint, tlog-tiles,
//! tlog-cosignature and tlog-proof, as of 2025.

mod append;
mod checkpoint;
mod cosignature;
mod error;
mod note;
mod proof;
mod proof_file;
mod tile;
mod tree;

pub use append::Appender;
pub use checkpoint::{Checkpoint, MAX_EXTENSION_LINES, MAX_ORIGIN};
pub use cosignature::Cosignature;
pub use error::{LogError, LogErrorKind};
pub use note::{KeyKind, MAX_NOTE, MAX_SIGNATURES, NoteKey, NoteSignature, SignedNote};
pub use proof::{verify_consistency, verify_inclusion};
pub use proof_file::{MAX_EXTRA, MAX_PROOF, ProofFile};
pub use tile::{
    MAX_ENTRY, MemoryTiles, TILE_WIDTH, TileId, TileKind, TileReader, TileStore, bundle_entries,
};
pub use tree::{Frontier, Hash, MAX_SIZE, consistency_proof, inclusion_proof};
