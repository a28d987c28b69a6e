//! Where the centre's state is kept: one seam, [`Store`], for embedded and shared databases.
//!
//! Writing goes through [`Store::commit`] alone. The rules of state stand in one place above the
//! databases, so that every implementation has the same; one suite checks them all.

mod audit;
mod cells;
mod decode;
mod error;
mod lease;
mod log;
mod log_queries;
mod migrations;
#[cfg(feature = "postgres")]
pub mod postgres;
mod queries;
mod read;
mod register;
mod rows;
mod rules;
pub mod sqlite;

use std::ops::ControlFlow;

use esign_core::time::UnixTime;

pub use self::error::{StoreError, StoreErrorKind};
pub use self::lease::{Fence, LEASE, Lease, LeaseName};
pub use self::log::{Attestation, Leaf, LogHead, LogStore, Sequenced};
pub use self::log_queries::RegisterLog;
pub use self::register::{DocumentLeaf, RegisterStore};
use crate::acts::Act;
use crate::ids::{CertificateId, HolderId, KeyId, Locator, Name, RequestId};
use crate::officers::Officer;
use crate::records::{
    AuditEntry, CertificateRecord, Crl, DocumentChange, DocumentRecord, Holder, Issuer,
    RequestRecord, RequestStatus, Standing, StatusChange, StatusEntry, Stop, SubjectRecord,
};

/// Most acts in one batch. A batch is one transaction and holds up everyone else while it runs:
/// 10,000 acts take about a second.
pub const MAX_BATCH: usize = 10_000;
/// Largest certificate, `TBSCertificate`, public key, name or sealed box, in octets. The largest
/// post-quantum certificates stay under 64 KiB; a megabyte leaves room and bounds a row.
pub const MAX_BLOB: usize = 1 << 20;
/// Most rows that a query which gathers its answer returns; what can be longer is visited.
pub const MAX_ROWS: usize = 1000;

/// What became of a batch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Receipt {
    /// One outcome for each act, in the order given.
    pub outcomes: Vec<Outcome>,
}

/// What became of one act.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The very same act was done before; nothing was written.
    AlreadyDone,
    /// It was done, and its audit entry has this number.
    Done {
        /// Number of the audit entry.
        audit: u64,
    },
}

/// Which certificates of an issuer to visit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StatusFilter {
    /// Issued, neither suspended nor revoked, and not expired at this time.
    Good(UnixTime),
    /// Suspended or revoked: what a CRL lists.
    Listed,
    /// Revoked.
    Revoked,
    /// Suspended.
    Suspended,
}

/// Which certificates to pick; what is none picks all. Intents without a certificate are among them.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct CertificateFilter {
    /// Signed by this key.
    pub issuer: Option<KeyId>,
    /// Issued by this profile.
    pub profile: Option<Name>,
    /// For this holder.
    pub holder: Option<HolderId>,
    /// For this key.
    pub subject_key: Option<KeyId>,
    /// `notBefore` at this time or later.
    pub from: Option<UnixTime>,
    /// `notBefore` before this time.
    pub to: Option<UnixTime>,
}

/// A request, and what issuing it takes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RequestToIssue {
    /// The request.
    pub record: RequestRecord,
    /// Who it is about; none where another program made it.
    pub subject: Option<SubjectRecord>,
    /// Whether it has an intent without a certificate, which is settled first. One that was revoked
    /// counts too.
    pub intended: bool,
}

/// The centre's memory. Every method may be called from any thread.
///
/// # Errors
/// All methods: the second group of [`StoreErrorKind`].
pub trait Store: Send + Sync {
    /// Does all of `acts`, in their order and durably, or none of them.
    ///
    /// When it returns, the acts survive the loss of power. Calls that arrive together share one
    /// transaction; a call whose acts break a rule does not disturb the others.
    ///
    /// # Errors
    /// The first group of [`StoreErrorKind`] for the first act that breaks a rule. After one of the
    /// second group, such as a disk that fails while it flushes, it may be unknown whether the acts
    /// were done: to commit the same again settles it, as acts are idempotent.
    fn commit(&self, acts: Vec<Act>) -> Result<Receipt, StoreError>;

    /// Does all of `acts` like [`Self::commit`], if the lease of `fence` is held by its epoch until
    /// they are written.
    ///
    /// # Errors
    /// [`StoreErrorKind::Fenced`] where it is not; nothing was written then. Those of
    /// [`Self::commit`].
    fn commit_under(&self, fence: &Fence, acts: Vec<Act>) -> Result<Receipt, StoreError>;

    /// Takes a lease for `holder` for so many milliseconds of the database's clock, or renews it;
    /// gives the holder's epoch, or none while another holder has it. See [`Lease`].
    fn take_lease(
        &self,
        lease: LeaseName,
        holder: &[u8; 16],
        millis: u32,
    ) -> Result<Option<u64>, StoreError>;

    /// Ends a lease, if it is still held by that epoch.
    fn release_lease(&self, fence: &Fence) -> Result<(), StoreError>;

    /// Keeps the octets of a list whose number is reserved, for processes that did not make it.
    /// Drops those of lists before the newest published one of the same scope and kind.
    fn keep_list(&self, list: &Crl, octets: &[u8]) -> Result<(), StoreError>;

    /// The octets of a list; none where they are not kept any more.
    fn kept_list(&self, list: &Crl) -> Result<Option<Vec<u8>>, StoreError>;

    /// All issuers, the first added first.
    fn issuers(&self) -> Result<Vec<Issuer>, StoreError>;

    /// The issuer with this key.
    fn issuer(&self, key: &KeyId) -> Result<Option<Issuer>, StoreError>;

    /// The holder of this name.
    fn holder(&self, id: &HolderId) -> Result<Option<Holder>, StoreError>;

    /// The holder with this semantics identifier (`PNOAZ-…`).
    fn holder_by_identifier(&self, identifier: &str) -> Result<Option<Holder>, StoreError>;

    /// Holders whose surname or organisation begins with `prefix`, whatever its case (all four of
    /// `I ı İ i` are one letter here), at most [`MAX_ROWS`], in the order of that name.
    fn holders_named(&self, prefix: &str, limit: usize) -> Result<Vec<Holder>, StoreError>;

    /// The request of this name.
    fn request(&self, id: &RequestId) -> Result<Option<RequestRecord>, StoreError>;

    /// The request of this name with all that issuing it takes, as of one moment.
    fn request_to_issue(&self, id: &RequestId) -> Result<Option<RequestToIssue>, StoreError>;

    /// Requests of this status in the order of receipt, at most [`MAX_ROWS`]; `after` continues
    /// behind an earlier answer's last.
    fn requests(
        &self,
        status: RequestStatus,
        after: Option<&RequestId>,
        limit: usize,
    ) -> Result<Vec<RequestRecord>, StoreError>;

    /// Who a request is about, as claimed or vetted.
    fn request_subject(&self, id: &RequestId) -> Result<Option<SubjectRecord>, StoreError>;

    /// The newest request for a certificate that follows this one.
    fn latest_renewal(&self, id: &CertificateId) -> Result<Option<RequestId>, StoreError>;

    /// All officers in the order of their names, the dismissed too, at most [`MAX_ROWS`].
    fn officers(&self) -> Result<Vec<Officer>, StoreError>;

    /// The officer with this key.
    fn officer_of_key(&self, key: &KeyId) -> Result<Option<Officer>, StoreError>;

    /// The stop switch, if it is on.
    fn stop(&self) -> Result<Option<Stop>, StoreError>;

    /// The certificates that `filter` picks, in the order of issuance, each with its standing.
    /// Memory does not grow with their number.
    fn visit_certificates(
        &self,
        filter: &CertificateFilter,
        visit: &mut dyn FnMut(CertificateRecord) -> ControlFlow<()>,
    ) -> Result<(), StoreError>;

    /// The certificate with this issuer key and serial number.
    fn certificate(&self, id: &CertificateId) -> Result<Option<CertificateRecord>, StoreError>;

    /// Where a certificate stands; `None` if this centre never meant to issue it.
    fn standing(&self, id: &CertificateId) -> Result<Option<Standing>, StoreError>;

    /// The certificates of a holder, the oldest first, at most [`MAX_ROWS`].
    fn certificates_of_holder(&self, id: &HolderId) -> Result<Vec<CertificateId>, StoreError>;

    /// The certificates of a key, the oldest first, at most [`MAX_ROWS`]: all that fall when it
    /// does.
    fn certificates_of_key(&self, key: &KeyId) -> Result<Vec<CertificateId>, StoreError>;

    /// The certificate of a key that was revoked because the key was compromised, if there is one.
    fn compromised(&self, key: &KeyId) -> Result<Option<CertificateId>, StoreError>;

    /// Intents without a certificate that nobody has revoked, the oldest first, at most
    /// [`MAX_ROWS`]: what to settle after a crash.
    fn open_intents(&self) -> Result<Vec<CertificateRecord>, StoreError>;

    /// Visits the certificates of one issuer that pass `filter`, of one CRL shard or of all. What it
    /// sees is one moment; memory does not grow with their number.
    fn visit_status(
        &self,
        issuer: &KeyId,
        shard: Option<u32>,
        filter: StatusFilter,
        visit: &mut dyn FnMut(StatusEntry) -> ControlFlow<()>,
    ) -> Result<(), StoreError>;

    /// Visits the certificates of one issuer that were suspended, restored or revoked by acts after
    /// audit entry `after`, each as it stands now, in the order of those acts.
    ///
    /// Whoever goes on after the greatest number that he saw misses nothing: a change never appears
    /// behind one that was visible before it.
    fn visit_changes(
        &self,
        issuer: &KeyId,
        after: u64,
        visit: &mut dyn FnMut(StatusChange) -> ControlFlow<()>,
    ) -> Result<(), StoreError>;

    /// When the first change after this time was made to a certificate of one issuer (suspended,
    /// restored, revoked; of those that changed again the last counts), of one CRL shard or of all.
    fn first_change(
        &self,
        issuer: &KeyId,
        shard: Option<u32>,
        after: UnixTime,
    ) -> Result<Option<UnixTime>, StoreError>;

    /// Visits the certificates, issued and not in the archive, whose last second is after `after` and
    /// not after `to`, in the order of their ends, at most `most`.
    fn visit_ending(
        &self,
        after: UnixTime,
        to: UnixTime,
        most: u64,
        visit: &mut dyn FnMut(CertificateRecord) -> ControlFlow<()>,
    ) -> Result<(), StoreError>;

    /// Visits the certificates in the archive whose last second is after `after` and not after `to`, in
    /// the order of their ends, at most `most`.
    fn visit_archived(
        &self,
        after: UnixTime,
        to: UnixTime,
        most: u64,
        visit: &mut dyn FnMut(CertificateRecord) -> ControlFlow<()>,
    ) -> Result<(), StoreError>;

    /// How far the work of this name has come; none where it never began.
    fn progress(&self, name: &str) -> Result<Option<i64>, StoreError>;

    /// Begins the work of this name at `upto`, unless somebody began it before.
    fn begin_progress(&self, name: &str, upto: i64) -> Result<(), StoreError>;

    /// Says that all of the work up to `upto` is done. It never goes back, so that whoever was paused
    /// after his work does not undo another's.
    fn advance_progress(&self, name: &str, upto: i64) -> Result<(), StoreError>;

    /// How often this process has committed, where reading is a matter of microseconds: whether to
    /// look for changes is then known without asking. None where a network lies between.
    fn commits(&self) -> Option<u64>;

    /// The greatest CRL number taken for a key and shard.
    fn latest_crl_number(&self, issuer: &KeyId, shard: u32) -> Result<Option<u64>, StoreError>;

    /// The newest complete CRL of a key and shard.
    fn latest_crl(&self, issuer: &KeyId, shard: u32) -> Result<Option<Crl>, StoreError>;

    /// The newest delta CRL of a key and shard.
    fn latest_delta(&self, issuer: &KeyId, shard: u32) -> Result<Option<Crl>, StoreError>;

    /// The document of this locator.
    fn document(&self, locator: &Locator) -> Result<Option<DocumentRecord>, StoreError>;

    /// Every status that a document had, the first first, at most [`MAX_ROWS`].
    fn document_history(&self, locator: &Locator) -> Result<Vec<DocumentChange>, StoreError>;

    /// The acts on one certificate after it was published (suspensions and the like), the oldest
    /// first, at most [`MAX_ROWS`].
    fn history(&self, id: &CertificateId) -> Result<Vec<AuditEntry>, StoreError>;

    /// Visits the audit entries after number `after`, in the order of their numbers.
    fn visit_audit(
        &self,
        after: u64,
        visit: &mut dyn FnMut(AuditEntry) -> ControlFlow<()>,
    ) -> Result<(), StoreError>;

    /// Number of the last audit entry; 0 where there is none.
    fn last_audit(&self) -> Result<u64, StoreError>;

    /// Checks the storage itself: every page, every index, every reference. Takes as long as
    /// reading all of it.
    ///
    /// # Errors
    /// [`StoreErrorKind::Corrupt`] with the first finding.
    fn check(&self) -> Result<(), StoreError>;
}
