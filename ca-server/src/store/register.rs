//! What the register of documents reads of a store beside the documents themselves.

use std::ops::ControlFlow;

use super::cells::{Cells, Columns, Impossible};
use super::queries::Database;
use super::read::{self, all, values, visit};
use super::{MAX_ROWS, Store, StoreError, decode};
use crate::ids::{IdempotencyKey, Locator, Name};
use crate::records::DocumentRecord;

/// A leaf of one document.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DocumentLeaf {
    /// The document's version that it tells of; 1 is its registration.
    pub version: u32,
    /// The octets in the log.
    pub octets: Vec<u8>,
    /// What the register keeps beside it.
    pub detail: Option<Vec<u8>>,
    /// Its index in the log; none until it is sequenced.
    pub index: Option<u64>,
}

/// What the register asks of a store. Every method may be called from any thread.
///
/// # Errors
/// All methods: the second group of [`StoreErrorKind`](super::StoreErrorKind).
pub trait RegisterStore: Store {
    /// The document that a body registered under this key of its own.
    fn document_of_key(
        &self,
        issuer: &Name,
        key: &IdempotencyKey,
    ) -> Result<Option<DocumentRecord>, StoreError>;

    /// The leaves of a document, that of its registration first, at most [`MAX_ROWS`].
    fn leaves(&self, locator: &Locator) -> Result<Vec<DocumentLeaf>, StoreError>;

    /// Visits the documents that are not in force.
    fn visit_listed(
        &self,
        visit: &mut dyn FnMut(DocumentRecord) -> ControlFlow<()>,
    ) -> Result<(), StoreError>;

    /// Visits the documents of a body whose registration has the index `from` or a later one in the
    /// log, or none yet: what was not in the log of that size.
    fn visit_issued(
        &self,
        issuer: &Name,
        from: u64,
        visit: &mut dyn FnMut(DocumentRecord) -> ControlFlow<()>,
    ) -> Result<(), StoreError>;
}

impl<D: Database> RegisterStore for D {
    fn document_of_key(
        &self,
        issuer: &Name,
        key: &IdempotencyKey,
    ) -> Result<Option<DocumentRecord>, StoreError> {
        read::document_by_idempotency(self, &decode::idempotency(issuer, key))
    }

    fn leaves(&self, locator: &Locator) -> Result<Vec<DocumentLeaf>, StoreError> {
        all(
            self,
            "reading a document's leaves",
            "SELECT l.version, l.octets, l.detail, s.position FROM register_leaf l \
             LEFT JOIN register_sequence s ON s.audit = l.audit \
             WHERE l.locator = $1 ORDER BY l.version LIMIT $2",
            values![locator.0, read::rows(MAX_ROWS)],
            leaf,
        )
    }

    fn visit_listed(
        &self,
        each: &mut dyn FnMut(DocumentRecord) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let sql = format!("{} WHERE d.status <> 'in-force'", read::DOCUMENT);
        let doing = "visiting documents not in force";
        visit(self, doing, &sql, values![], decode::document, each)
    }

    fn visit_issued(
        &self,
        issuer: &Name,
        from: u64,
        each: &mut dyn FnMut(DocumentRecord) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let sql = format!(
            "{} LEFT JOIN register_leaf l ON l.locator = d.locator AND l.version = 1 \
             LEFT JOIN register_sequence s ON s.audit = l.audit \
             WHERE d.issuer = $1 AND (s.position IS NULL OR s.position >= $2) \
             ORDER BY d.position",
            read::DOCUMENT.replacen("SELECT locator", "SELECT d.locator", 1)
        );
        let values = values![issuer.as_str(), from];
        let doing = "visiting a body's documents";
        visit(self, doing, &sql, values, decode::document, each)
    }
}

/// version, octets, detail, index.
fn leaf(row: &mut dyn Cells) -> Result<DocumentLeaf, Impossible> {
    let mut columns = Columns(row);
    Ok(DocumentLeaf {
        version: columns.take()?,
        octets: columns.take()?,
        detail: columns.take_or_null()?,
        index: columns.take_or_null()?,
    })
}
