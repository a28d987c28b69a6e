//! The store's part of the signed log over the audit: places, heads, attestations.

use std::ops::ControlFlow;

use esign_core::log::Hash;
use esign_core::time::UnixTime;

use super::lease::Fence;
use super::{StoreError, StoreErrorKind};
use crate::records::AuditEntry;

/// A head of the log as the store keeps it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogHead {
    /// How many entries it covers, at least one.
    pub size: u64,
    /// The root hash of its tree.
    pub root: Hash,
    /// When it was made, by the sequencer's clock.
    pub at: UnixTime,
    /// The signed checkpoint; absent between commit and signature.
    pub note: Option<String>,
}

/// What somebody else says of a head.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Attestation {
    /// A witness's line, without its line feed.
    Cosignature(String),
    /// An RFC 3161 `TimeStampToken` over the text of the checkpoint, DER.
    TimeStamp(Vec<u8>),
}

/// One place of the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sequenced<E = AuditEntry> {
    /// Its index, from 0.
    pub index: u64,
    /// Which audit entry stands there, or is that of the leaf.
    pub id: u64,
    /// The entry; `None` where the store has lost it.
    pub entry: Option<E>,
}

/// A leaf of the register's log, as it was written with its act.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Leaf {
    /// Number of the act's audit entry.
    pub id: u64,
    /// The octets in the log.
    pub octets: Vec<u8>,
}

/// The logs that a store keeps, each in tables of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum LogName {
    /// Over the audit.
    Audit,
    /// Over documents under a code.
    Register,
}

impl LogName {
    /// What the names of its tables begin with.
    pub(crate) const fn prefix(self) -> &'static str {
        match self {
            Self::Audit => "log",
            Self::Register => "register",
        }
    }

    /// What every query of its heads selects.
    pub(crate) fn heads(self) -> String {
        format!("SELECT size, root, at, note FROM {}_head", self.prefix())
    }
}

/// Places and heads of a log over entries of one kind. Every method may be called from any thread.
///
/// # Errors
/// All methods: the second group of [`StoreErrorKind`](super::StoreErrorKind).
pub trait LogStore<E = AuditEntry>: Send + Sync {
    /// Visits the entries with numbers after `after` that have no place yet, in the order of
    /// their numbers.
    fn visit_unsequenced(
        &self,
        after: u64,
        visit: &mut dyn FnMut(E) -> ControlFlow<()>,
    ) -> Result<(), StoreError>;

    /// Visits the places from index `from` on, in their order.
    fn visit_sequenced(
        &self,
        from: u64,
        visit: &mut dyn FnMut(Sequenced<E>) -> ControlFlow<()>,
    ) -> Result<(), StoreError>;

    /// The greatest number of an audit entry that has a place.
    fn last_sequenced(&self) -> Result<Option<u64>, StoreError>;

    /// Gives the audit entries `ids` the places from `from` on and keeps the head over all, unsigned,
    /// in one transaction.
    ///
    /// # Errors
    /// [`Conflict`](super::StoreErrorKind::Conflict) where the log has another size than `from` now,
    /// or an entry has a place: somebody else sequenced meanwhile.
    /// [`Fenced`](super::StoreErrorKind::Fenced) where the lease of `fence` is over. Nothing is
    /// written then.
    fn sequence(
        &self,
        fence: Option<&Fence>,
        from: u64,
        ids: Vec<u64>,
        head: LogHead,
    ) -> Result<(), StoreError>;

    /// Keeps the signed checkpoint of the head of `size`; the very same again changes nothing.
    ///
    /// # Errors
    /// [`Conflict`](super::StoreErrorKind::Conflict) where another is kept,
    /// [`NotFound`](super::StoreErrorKind::NotFound) where there is no such head.
    /// [`Fenced`](super::StoreErrorKind::Fenced) where the lease of `fence` is over.
    fn sign_head(&self, fence: Option<&Fence>, size: u64, note: &str) -> Result<(), StoreError>;

    /// Visits the heads of at least `from` entries, the smallest first.
    fn visit_heads(
        &self,
        from: u64,
        visit: &mut dyn FnMut(LogHead) -> ControlFlow<()>,
    ) -> Result<(), StoreError>;

    /// The largest head that is signed.
    fn signed_head(&self) -> Result<Option<LogHead>, StoreError>;

    /// The largest head, signed or not.
    fn latest_head(&self) -> Result<Option<LogHead>, StoreError>;

    /// Keeps what somebody says of the head of `size`, once.
    ///
    /// # Errors
    /// [`NotFound`](super::StoreErrorKind::NotFound) where there is no such head.
    fn attest(&self, size: u64, attestation: &Attestation) -> Result<(), StoreError>;

    /// What others said of the head of `size`, the first first, at most
    /// [`MAX_ROWS`](super::MAX_ROWS).
    fn attestations(&self, size: u64) -> Result<Vec<Attestation>, StoreError>;
}

pub(super) fn conflict(size: u64, what: impl std::fmt::Display) -> StoreError {
    StoreError::new(
        StoreErrorKind::Conflict,
        format_args!("log of {size} entries"),
        what,
    )
}

pub(super) fn no_head(size: u64) -> StoreError {
    StoreError::new(
        StoreErrorKind::NotFound,
        format_args!("log of {size} entries"),
        "has no head of this size",
    )
}
