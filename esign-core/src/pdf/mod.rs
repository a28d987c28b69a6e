//! Strict reading of PDF files and appending to them; knows nothing of signatures.
//!
//! [`Document::open`] reads the cross-reference chain only; objects are parsed when asked for, so
//! that memory does not grow with the file but for some 16 octets an object. Nothing is repaired:
//! what common readers tolerate is a named [`Deviation`], everything else an error. Each
//! [`Revision`] can be looked at as the file was then ([`Document::at`]). [`Update`] writes an
//! incremental update in the form of the file's last cross-reference section.
//!
//! # Source
//! ISO 32000-1 §7.2–7.7 (syntax, file structure, page tree).

mod claims;
mod deviation;
mod document;
mod error;
mod filter;
mod lexer;
pub mod limits;
mod objects;
mod pages;
mod places;
mod tail;
pub(crate) mod text;
mod update;
mod write;
mod xref;

mod object;

pub use deviation::{Deviation, DeviationKind};
pub use document::{Document, View};
pub use error::{PdfError, PdfErrorKind};
pub use object::{Dict, DictEntry, Indirect, Name, Object, PdfString, Reference, Stream};
pub use pages::{Page, Pages};
pub use update::{Appended, Compression, Update};
pub use write::write_object;
pub use xref::{Change, ChangeKind, Location, Revision, XrefForm};

#[cfg(test)]
mod tests;
