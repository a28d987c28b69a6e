use std::borrow::Cow;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeSet, HashMap};

use super::lexer::{Lexer, Stop};
use super::limits::{MAX_DEVIATIONS, MAX_INDIRECTION, MAX_LISTED_MEMBERS, MAX_OBJECT_BYTES};
use super::objects::ObjectStream;
use super::tail;
use super::xref::{self, Change, ChangeKind, Location, Revision, Section, XrefForm};
use super::{
    Deviation, DeviationKind, Dict, Indirect, Object, Pages, PdfError, PdfErrorKind, Reference,
    Stream,
};
use crate::source::ReadAt;

/// A PDF file: its cross-reference chain in memory, everything else in the source.
///
/// Most questions are asked of a [`View`]: [`current`](Self::current) or, as the file was at the
/// end of a revision, [`at`](Self::at).
pub struct Document<'a> {
    pub(super) source: &'a dyn ReadAt,
    pub(super) slice: Option<&'a [u8]>,
    pub(super) len: u64,
    /// What the offsets in the file count from.
    pub(super) base: u64,
    pub(super) version: Option<(u8, u8)>,
    /// Newest first, in the order in which they are searched.
    pub(super) sections: Vec<Section>,
    /// Oldest first.
    pub(super) revisions: Vec<Revision>,
    pub(super) size: u32,
    pub(super) notes: RefCell<Notes>,
    pub(super) depth: Cell<u32>,
    pub(super) search_budget: Cell<u64>,
    pub(super) object_streams: RefCell<Vec<ObjectStream>>,
    /// Numbers that some section places in an object stream, by that stream; filled when asked for.
    pub(super) containers: OnceCell<HashMap<u32, Vec<u32>>>,
    /// How many of them may still be listed as changed.
    pub(super) member_budget: Cell<usize>,
    /// Number and section of every entry, ascending; filled where there are many sections.
    pub(super) places: OnceCell<Vec<(u32, u32)>>,
}

#[derive(Default)]
pub(super) struct Notes {
    order: Vec<Deviation>,
    seen: BTreeSet<(u64, DeviationKind)>,
    dropped: u64,
}

/// The document as it was at the end of one revision; the last revision is the present.
#[derive(Clone, Copy)]
pub struct View<'d> {
    pub(super) document: &'d Document<'d>,
    pub(super) revision: usize,
}

impl<'a> Document<'a> {
    /// Opens a PDF: finds header and `startxref`, reads the chain of cross-reference sections.
    ///
    /// An encrypted file opens as well; see [`encrypted`](Self::encrypted).
    ///
    /// # Errors
    /// [`PdfErrorKind::NotPdf`] without a header, `Broken` if the chain cannot be followed, `Limit`, `Io`.
    pub fn open(source: &'a dyn ReadAt) -> Result<Self, PdfError> {
        let len = source.len();
        let mut document = Self {
            source,
            slice: source.as_slice(),
            len,
            base: 0,
            version: None,
            sections: Vec::new(),
            revisions: Vec::new(),
            size: 0,
            notes: RefCell::default(),
            depth: Cell::new(0),
            search_budget: Cell::new(
                super::limits::SEARCH_BUDGET.saturating_add(len.saturating_mul(4)),
            ),
            object_streams: RefCell::default(),
            containers: OnceCell::new(),
            member_budget: Cell::new(MAX_LISTED_MEMBERS),
            places: OnceCell::new(),
        };
        let header = tail::header(&mut document)?;
        let startxref = tail::last_startxref(&document)?;
        xref::load_chain(&mut document, header, startxref)?;
        tail::find_revisions(&mut document)?;
        document.check_trailer()?;
        Ok(document)
    }

    fn check_trailer(&mut self) -> Result<(), PdfError> {
        let at = self.sections.first().map_or(0, |s| s.at);
        let trailer = self.trailer();
        if !matches!(trailer.get("Root"), Some(Object::Ref(_))) {
            return Err(PdfError::broken(
                at,
                "the trailer has no /Root that is a reference",
            ));
        }
        let declared = trailer
            .get("Size")
            .and_then(Object::as_integer)
            .and_then(|n| u32::try_from(n).ok())
            .ok_or_else(|| PdfError::broken(at, "the trailer has no valid /Size"))?;
        let highest = self
            .sections
            .iter()
            .filter_map(|s| s.entries.last())
            .map(|e| e.number.saturating_add(1))
            .max()
            .unwrap_or(0);
        if highest > declared {
            self.note(DeviationKind::SizeTooSmall, at, None);
        }
        if declared > super::limits::MAX_OBJECT_NUMBER.saturating_add(1) {
            return Err(PdfError::limit(format!(
                "/Size is {declared}, at most {} is read",
                super::limits::MAX_OBJECT_NUMBER.saturating_add(1)
            ))
            .at_byte(at));
        }
        self.size = declared.max(highest);
        Ok(())
    }

    /// The octets this was opened on.
    pub fn source(&self) -> &'a dyn ReadAt {
        self.source
    }

    /// Length of the file in octets, as it was on opening.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether the file has no octets; never so for an opened document.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Major and minor version of the header; the catalog's `/Version` may be higher.
    pub fn version(&self) -> Option<(u8, u8)> {
        self.version
    }

    /// What offsets in the file count from: 0, or the place of `%PDF-` if junk precedes it.
    pub fn offset_base(&self) -> u64 {
        self.base
    }

    /// The newest trailer dictionary (of a cross-reference stream: the stream dictionary).
    pub fn trailer(&self) -> &Dict {
        static EMPTY: std::sync::LazyLock<Dict> = std::sync::LazyLock::new(Dict::new);
        // A document has at least one section; see `load_chain`.
        self.sections.first().map_or(&EMPTY, |s| &s.trailer)
    }

    /// Whether any revision's trailer names an encryption dictionary.
    pub fn encrypted(&self) -> bool {
        self.sections
            .iter()
            .any(|s| s.trailer.get("Encrypt").is_some_and(|e| *e != Object::Null))
    }

    /// One more than the highest object number, and at least the trailer's `/Size`.
    pub fn size(&self) -> u32 {
        self.size
    }

    /// The form of the newest cross-reference section; an update takes the same.
    pub fn xref_form(&self) -> XrefForm {
        self.revisions
            .last()
            .map_or(XrefForm::Table, |revision| revision.form)
    }

    /// All revisions, oldest first; at least one.
    pub fn revisions(&self) -> &[Revision] {
        &self.revisions
    }

    /// The index of the revision that ends at this offset, before or after its last end of line.
    pub fn revision_ending_at(&self, offset: u64) -> Option<usize> {
        self.revisions.iter().position(|r| r.ends_at(offset))
    }

    /// The document as it is now.
    pub fn current(&self) -> View<'_> {
        View {
            document: self,
            revision: self.revisions.len().saturating_sub(1),
        }
    }

    /// The document as it was at the end of a revision (0 is the oldest).
    pub fn at(&self, revision: usize) -> Option<View<'_>> {
        (revision < self.revisions.len()).then_some(View {
            document: self,
            revision,
        })
    }

    /// The objects whose cross-reference entry this revision wrote and that then differ in place
    /// from the revision before, ascending; with an object stream that was in use and now lies
    /// elsewhere also the objects in it. The objects' values may still be equal.
    pub fn changes(&self, revision: usize) -> Vec<Change> {
        let Some(view) = self.at(revision) else {
            return Vec::new();
        };
        let before = revision.checked_sub(1).and_then(|r| self.at(r));
        let Some(sections) = self
            .revisions
            .get(revision)
            .and_then(|r| self.sections.get(r.sections.clone()))
        else {
            return Vec::new();
        };
        let mut numbers: Vec<u32> = sections
            .iter()
            .flat_map(|s| s.entries.iter().map(|e| e.number))
            .collect();
        numbers.sort_unstable();
        numbers.dedup();
        let mut changes = Vec::new();
        for &number in &numbers {
            let used = |l: Location| (!matches!(l, Location::Free { .. })).then_some(l);
            let old = before.and_then(|v| v.locate(number)).and_then(used);
            let new = view.locate(number).and_then(used);
            let kind = match (old, new) {
                (None, Some(_)) => ChangeKind::Added,
                (Some(_), None) => ChangeKind::Freed,
                (Some(old), Some(new)) if old != new => ChangeKind::Changed,
                _ => continue,
            };
            changes.push(Change { number, kind });
        }
        let written: Vec<u32> = changes.iter().map(|c| c.number).collect();
        let members = self.members(view, &written);
        let moved = members.iter().filter(|m| numbers.binary_search(m).is_err());
        changes.extend(moved.map(|&number| Change {
            number,
            kind: ChangeKind::Changed,
        }));
        changes.sort_unstable_by_key(|c| c.number);
        changes
    }

    /// The tolerated deviations met so far: on opening and in the objects that were asked for.
    ///
    /// At most [`MAX_DEVIATIONS`] are kept.
    pub fn deviations(&self) -> Vec<Deviation> {
        self.notes.borrow().order.clone()
    }

    /// How many deviations were met beyond those kept.
    pub fn deviations_dropped(&self) -> u64 {
        self.notes.borrow().dropped
    }

    pub(super) fn note(&self, kind: DeviationKind, at: u64, object: Option<u32>) {
        let mut notes = self.notes.borrow_mut();
        if notes.order.len() >= MAX_DEVIATIONS {
            notes.dropped = notes.dropped.saturating_add(1);
        } else if notes.seen.insert((at, kind)) {
            notes.order.push(Deviation { kind, at, object });
        }
    }

    /// Up to `len` octets from `at` on; fewer only at the end of the file.
    pub(super) fn fetch(&self, at: u64, len: u64) -> Result<Cow<'a, [u8]>, PdfError> {
        let end = at.saturating_add(len).min(self.len);
        if let Some(slice) = self.slice {
            let range = usize::try_from(at.min(end)).unwrap_or(usize::MAX)
                ..usize::try_from(end).unwrap_or(usize::MAX);
            return Ok(Cow::Borrowed(slice.get(range).unwrap_or_default()));
        }
        let len = usize::try_from(end.saturating_sub(at)).unwrap_or(usize::MAX);
        let mut buffer = vec![0; len];
        self.source
            .read_exact_at(at, &mut buffer)
            .map_err(|e| PdfError::io(at, e))?;
        Ok(Cow::Owned(buffer))
    }

    /// Runs `parse` over the octets from `at` on, with more of them as long as it asks.
    pub(super) fn parse_at<T>(
        &self,
        at: u64,
        object: Option<u32>,
        mut parse: impl FnMut(&mut Lexer<'_>) -> Result<T, Stop>,
    ) -> Result<T, PdfError> {
        // One page of memory holds nearly every object that is not a stream.
        let mut window = if self.slice.is_some() {
            MAX_OBJECT_BYTES
        } else {
            4096
        };
        loop {
            let octets = self.fetch(at, window)?;
            let last = at.saturating_add(window) >= self.len;
            let mut lexer = Lexer::new(&octets, at, last);
            match parse(&mut lexer) {
                Ok(value) => {
                    for (kind, at) in lexer.notes {
                        self.note(kind, at, object);
                    }
                    return Ok(value);
                }
                Err(Stop::Fail(error)) => {
                    return Err(match object {
                        Some(number) => error.in_object(number),
                        None => error,
                    });
                }
                Err(Stop::More) if window >= MAX_OBJECT_BYTES => {
                    return Err(PdfError::limit(format!(
                        "an object of more than {MAX_OBJECT_BYTES} octets"
                    ))
                    .at_byte(at));
                }
                Err(Stop::More) => window = window.saturating_mul(4).min(MAX_OBJECT_BYTES),
            }
        }
    }
}

impl<'d> View<'d> {
    /// The document this is a view of.
    pub fn document(&self) -> &'d Document<'d> {
        self.document
    }

    /// Index of the revision, 0 for the oldest.
    pub fn revision(&self) -> usize {
        self.revision
    }

    /// The trailer dictionary of this revision.
    pub fn trailer(&self) -> &'d Dict {
        self.document
            .revisions
            .get(self.revision)
            .and_then(|r| self.document.sections.get(r.sections.start))
            .map_or_else(|| self.document.trailer(), |s| &s.trailer)
    }

    /// The indirect object with this number; `None` if it is free or unknown.
    ///
    /// # Errors
    /// `Broken` if the object is not where its entry says or its syntax is broken; `Limit`, `Io`.
    pub fn object(&self, number: u32) -> Result<Option<Indirect>, PdfError> {
        self.document.load(*self, number)
    }

    /// Follows references until a value that is none. A missing object is [`Object::Null`], as is a
    /// reference with the wrong generation (§7.3.10).
    ///
    /// # Errors
    /// As [`object`](Self::object); `Limit` after [`MAX_INDIRECTION`] references.
    pub fn resolve(&self, object: &Object) -> Result<Object, PdfError> {
        match object {
            Object::Ref(reference) => self.follow(*reference),
            other => Ok(other.clone()),
        }
    }

    /// The value a reference leads to, as [`resolve`](Self::resolve).
    ///
    /// # Errors
    /// As [`resolve`](Self::resolve).
    pub fn follow(&self, reference: Reference) -> Result<Object, PdfError> {
        let mut reference = reference;
        for _ in 0..MAX_INDIRECTION {
            match self.locate(reference.number) {
                None | Some(Location::Free { .. }) => return Ok(Object::Null),
                Some(location) if location.generation() != reference.generation => {
                    self.document.note(
                        DeviationKind::GenerationMismatch,
                        0,
                        Some(reference.number),
                    );
                    return Ok(Object::Null);
                }
                Some(_) => {}
            }
            let Some(found) = self.object(reference.number)? else {
                return Ok(Object::Null);
            };
            match found.object {
                Object::Ref(next) => reference = next,
                value => return Ok(value),
            }
        }
        Err(
            PdfError::limit(format!("more than {MAX_INDIRECTION} references in a row"))
                .in_object(reference.number),
        )
    }

    /// The value of a key with references followed; `Null` if the key is absent.
    ///
    /// # Errors
    /// As [`resolve`](Self::resolve).
    pub fn value(&self, dict: &Dict, key: &str) -> Result<Object, PdfError> {
        dict.get(key).map_or(Ok(Object::Null), |v| self.resolve(v))
    }

    /// The reference of the document catalog.
    ///
    /// # Errors
    /// `Broken` if the trailer has none.
    pub fn root(&self) -> Result<Reference, PdfError> {
        self.trailer()
            .get("Root")
            .and_then(Object::as_ref)
            .ok_or_else(|| {
                PdfError::new(
                    PdfErrorKind::Broken,
                    "the trailer has no /Root that is a reference",
                )
            })
    }

    /// The document catalog.
    ///
    /// # Errors
    /// `Broken` if it is no dictionary; else as [`resolve`](Self::resolve).
    pub fn catalog(&self) -> Result<Dict, PdfError> {
        let root = self.root()?;
        match self.follow(root)? {
            Object::Dict(dict) => Ok(dict),
            other => Err(PdfError::new(
                PdfErrorKind::Broken,
                format!(
                    "the catalog is {}, expected a dictionary",
                    other.type_name()
                ),
            )
            .in_object(root.number)),
        }
    }

    /// The pages in order, read one at a time.
    pub fn pages(&self) -> Pages<'d> {
        Pages::new(*self)
    }

    /// The encoded data of a stream.
    ///
    /// # Errors
    /// `Limit` if they are more than `limit` octets; `Io`.
    pub fn raw_data(&self, stream: &Stream, limit: usize) -> Result<Cow<'d, [u8]>, PdfError> {
        self.document.raw_data(stream, limit)
    }

    /// The decoded data of a stream.
    ///
    /// # Errors
    /// `Limit` if they are more than `limit` octets, `Unsupported` naming a filter that is not read,
    /// `Broken` if they cannot be decoded; `Io`.
    pub fn stream_data(&self, stream: &Stream, limit: usize) -> Result<Vec<u8>, PdfError> {
        super::filter::decode(*self, stream, limit)
    }
}
