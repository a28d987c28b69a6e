//! Cross-reference sections: where the objects lie (ISO 32000-1 §7.5.4, §7.5.8).

use core::ops::Range;

use super::Dict;

mod chain;
mod stream;
mod table;

pub(super) use chain::load_chain;

/// The form of a cross-reference section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XrefForm {
    /// `xref … trailer`; also that of a hybrid file.
    Table,
    /// A cross-reference stream.
    Stream,
}

/// Where an object lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Location {
    /// Nowhere: the number is free.
    Free {
        /// The generation the next object with this number is to have.
        generation: u16,
    },
    /// At an offset in the file.
    InFile {
        /// Octets from the start of the file.
        offset: u64,
        /// The object's generation.
        generation: u16,
    },
    /// In an object stream.
    InStream {
        /// The object stream's number.
        stream: u32,
        /// Place within it, from 0.
        index: u32,
    },
}

/// One state of the file, from one end-of-file marker to the next.
///
/// A linearized file is one revision with two sections; so is a hybrid one.
#[derive(Clone, Debug)]
pub struct Revision {
    pub(super) sections: Range<usize>,
    pub(super) form: XrefForm,
    pub(super) xref: u64,
    pub(super) startxref: Option<u64>,
    pub(super) marker_end: Option<u64>,
    pub(super) end: Option<u64>,
}

/// What a revision did to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Object number.
    pub number: u32,
    /// What happened.
    pub kind: ChangeKind,
}

/// Kinds of [`Change`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// There was no such object before.
    Added,
    /// It lies elsewhere now.
    Changed,
    /// It is free now.
    Freed,
}

pub(crate) struct Section {
    pub(super) at: u64,
    /// After the trailer dictionary, or after the stream object.
    pub(super) end: u64,
    pub(super) form: XrefForm,
    /// The stream of a hybrid file's table, which comes before it in the list.
    pub(super) supplement: bool,
    /// Ascending by number, each once.
    pub(super) entries: Vec<Entry>,
    pub(super) trailer: Dict,
}

/// 16 octets: every object of the file has one for each section that mentions it.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    pub(super) number: u32,
    pub(super) generation: u16,
    pub(super) kind: EntryKind,
    /// Offset in the file, or stream number and index in 32 bits each.
    pub(super) value: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum EntryKind {
    Free,
    InFile,
    InStream,
}

impl Revision {
    /// Offset after `%%EOF` and its end of line; `None` if there is no marker.
    pub fn end(&self) -> Option<u64> {
        self.end
    }

    /// Offset after `%%EOF`, before an end of line.
    pub fn marker_end(&self) -> Option<u64> {
        self.marker_end
    }

    /// Whether the file as it was could have ended here: after `%%EOF`, with or without its end of
    /// line.
    pub fn ends_at(&self, offset: u64) -> bool {
        matches!((self.marker_end, self.end), (Some(a), Some(b)) if (a..=b).contains(&offset))
    }

    /// Offset of its newest cross-reference section.
    pub fn xref_offset(&self) -> u64 {
        self.xref
    }

    /// The number after its `startxref`, from the file's start; should be
    /// [`xref_offset`](Self::xref_offset).
    pub fn startxref(&self) -> Option<u64> {
        self.startxref
    }

    /// The form of its newest section.
    pub fn form(&self) -> XrefForm {
        self.form
    }
}

impl Location {
    /// The generation; 0 in object streams.
    pub fn generation(&self) -> u16 {
        match self {
            Self::Free { generation } | Self::InFile { generation, .. } => *generation,
            Self::InStream { .. } => 0,
        }
    }
}

impl Entry {
    fn location(self) -> Location {
        match self.kind {
            EntryKind::Free => Location::Free {
                generation: self.generation,
            },
            EntryKind::InFile => Location::InFile {
                offset: self.value,
                generation: self.generation,
            },
            EntryKind::InStream => Location::InStream {
                stream: u32::try_from(self.value >> 32).unwrap_or(u32::MAX),
                index: u32::try_from(self.value & 0xffff_ffff).unwrap_or(u32::MAX),
            },
        }
    }
}

/// The first section that knows the object decides. What a hybrid's table calls free may be in
/// its stream (§7.5.8.4).
pub(super) fn locate(sections: &[Section], number: u32) -> Option<Location> {
    let mut sections = sections.iter().peekable();
    while let Some(section) = sections.next() {
        let found = section.find(number);
        if sections.peek().is_some_and(|next| next.supplement)
            && found.is_none_or(|e| e.kind == EntryKind::Free)
            && let Some(entry) = sections.next().and_then(|s| s.find(number))
        {
            return Some(entry.location());
        }
        if let Some(entry) = found {
            return Some(entry.location());
        }
    }
    None
}

impl Section {
    fn find(&self, number: u32) -> Option<Entry> {
        // Sections mostly list all numbers from 0 or a small run: try the direct place first.
        let first = self.entries.first()?.number;
        let direct = usize::try_from(number.checked_sub(first)?).ok()?;
        if let Some(entry) = self.entries.get(direct).filter(|e| e.number == number) {
            return Some(*entry);
        }
        let at = self
            .entries
            .binary_search_by_key(&number, |e| e.number)
            .ok()?;
        self.entries.get(at).copied()
    }
}
