//! The bounds on what a PDF may make the reader do.

/// Nesting of arrays and dictionaries in one object. Real files stay under 20; qpdf stops at 500.
pub const MAX_NESTING: u32 = 100;
/// References followed to reach one value (`/Length`, object streams, references to references).
pub const MAX_INDIRECTION: u32 = 16;
/// Octets of one object without its stream data. A `/Contents` of several MB is twice that in hex.
pub const MAX_OBJECT_BYTES: u64 = 32 << 20;
/// Values in one object: a flat `/Kids` of half a million pages still fits.
pub const MAX_OBJECT_VALUES: u32 = 1 << 20;
/// One object stream after inflating. Producers put 100–200 objects (some 100 KiB) in one.
pub const MAX_OBJECT_STREAM: usize = 16 << 20;
/// One cross-reference stream after inflating: every object number with a row of 14 octets (type,
/// 64-bit offset, generation or index, predictor) is 112 MiB.
pub const MAX_XREF_STREAM: usize = 128 << 20;
/// The highest object number: that of ISO 32000-1 Annex C (8 388 607).
pub const MAX_OBJECT_NUMBER: u32 = 8_388_607;
/// Cross-reference sections in the `/Prev` chain: twenty times the 200 signatures of one file.
pub const MAX_SECTIONS: usize = 4096;
/// Cross-reference entries over all sections together: each object number twice. They take 256 MiB.
pub const MAX_ENTRIES: usize = 1 << 24;
/// Depth of the page tree. Balanced trees need 10; list-like ones from old producers go deeper.
pub const MAX_PAGE_DEPTH: usize = 256;
/// Filters on one stream.
pub const MAX_FILTERS: usize = 8;
/// Octets searched in all for a missing `endstream`: this plus four times the file.
pub const SEARCH_BUDGET: u64 = 1 << 20;
/// Deviations kept; more of them are counted only.
pub const MAX_DEVIATIONS: usize = 1000;
/// Where `%PDF-` is looked for, from the start (ISO 32000-1 Annex H, note 13).
pub const HEADER_SEARCH: u64 = 1024;
/// Where `startxref` is looked for, from the end. Adobe and poppler search 1024 octets.
pub const TRAILER_SEARCH: u64 = 4096;
/// How far `startxref` may miss the section it means.
pub const STARTXREF_SLACK: u64 = 64;
/// Members of rewritten object streams that are listed as changed, over all revisions. No honest
/// writer rewrites an object stream; the stream itself is always listed.
pub const MAX_LISTED_MEMBERS: usize = 1 << 20;
