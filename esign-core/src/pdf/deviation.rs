/// A tolerated deviation from ISO 32000, with its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Deviation {
    /// What deviates.
    pub kind: DeviationKind,
    /// Octet offset in the file; within an object stream, in its inflated data.
    pub at: u64,
    /// The object in which it was met, where that is known.
    pub object: Option<u32>,
}

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $name:ident = $id:literal,)+) => {
        /// What poppler, qpdf and Adobe accept though the standard does not.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum DeviationKind {
            $($(#[doc = $doc])+ $name,)+
        }

        impl DeviationKind {
            /// The stable name for reports.
            pub fn id(self) -> &'static str {
                match self {
                    $(Self::$name => $id,)+
                }
            }
        }
    };
}

kinds! {
    /// A key stands twice in a dictionary. The first value is used; readers differ.
    DuplicateKey = "pdf.duplicate-key",
    /// An object number stands twice in one cross-reference section. The first entry is used.
    DuplicateXrefEntry = "pdf.duplicate-xref-entry",
    /// An indirect object does not end in `endobj`.
    EndobjMissing = "pdf.endobj-missing",
    /// The file, or a revision of it, does not end in `%%EOF`.
    EofMissing = "pdf.eof-missing",
    /// Flate data end before their end mark; what was decoded is used.
    FlateTruncated = "pdf.flate-truncated",
    /// The generation in the object's header is not that of the cross-reference entry.
    GenerationMismatch = "pdf.generation-mismatch",
    /// A hexadecimal string holds something other than digits and white space; it was skipped.
    HexCharacter = "pdf.hex-character",
    /// Table and stream of a hybrid file place one object differently. The table is used.
    HybridConflict = "pdf.hybrid-conflict",
    /// Octets other than white space follow the last `%%EOF`.
    JunkAfterEof = "pdf.junk-after-eof",
    /// Octets precede `%PDF-`.
    JunkBeforeHeader = "pdf.junk-before-header",
    /// `#` in a name is not followed by two digits; it stands for itself.
    NameEscape = "pdf.name-escape",
    /// Offsets count from the file's start though junk precedes the header.
    OffsetsFromFileStart = "pdf.offsets-from-file-start",
    /// `/Count` of the page tree's root is not the number of pages.
    PageCount = "pdf.page-count",
    /// A node of the page tree has no `/Type`, or a wrong one.
    PageType = "pdf.page-type",
    /// `/Prev` is 0 or no integer; the chain ends there.
    PrevInvalid = "pdf.prev-invalid",
    /// `startxref` of a revision does not name its cross-reference section.
    RevisionStartxref = "pdf.revision-startxref",
    /// Objects have numbers that `/Size` excludes.
    SizeTooSmall = "pdf.size-too-small",
    /// `startxref` or `/Prev` points near the cross-reference section.
    StartxrefInexact = "pdf.startxref-inexact",
    /// The keyword `stream` is not followed by CR LF or LF.
    StreamEol = "pdf.stream-eol",
    /// `/Length` is missing or wrong; the data end before `endstream`.
    StreamLength = "pdf.stream-length",
    /// White space precedes the object at the offset that its entry gives.
    ObjectOffset = "pdf.object-offset",
    /// An in-use entry has the offset 0; the object counts as free.
    XrefEntryOffset = "pdf.xref-entry-offset",
    /// An entry of a cross-reference table is not 20 octets of the prescribed form.
    XrefEntryForm = "pdf.xref-entry-form",
    /// A table starts at object 1 with the head of the free list, which is object 0.
    XrefFirstObject = "pdf.xref-first-object",
}
