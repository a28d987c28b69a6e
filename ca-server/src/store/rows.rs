//! Rows as the rules see them: the only thing a database has to give inside a transaction.

use esign_core::time::UnixTime;

use super::StoreError;
use crate::acts::Act;
use crate::ids::{
    CertificateId, Digest, HolderId, IdempotencyKey, KeyId, Locator, Name, RequestId,
};
use crate::officers::Officer;
use crate::records::{
    CertificateRecord, Crl, CrlKind, Document, DocumentChange, DocumentRecord, Holder, Issuer,
    NewLeaf, Request, RequestRecord, RequestStatus, Standing, Stop, SubjectRecord,
};

/// An intent with what its request says.
pub(crate) struct IntentRow<'a> {
    pub(crate) intent: &'a crate::records::Intent,
    pub(crate) request: &'a Request,
    pub(crate) tbs_digest: Digest,
    pub(crate) at: UnixTime,
}

/// A certificate's new line in the table of revocations.
pub(crate) struct StandingRow<'a> {
    pub(crate) certificate: &'a CertificateRecord,
    /// `Good` is a restoration.
    pub(crate) standing: Standing,
    pub(crate) at: UnixTime,
    pub(crate) audit: u64,
}

/// Reads and writes of one transaction. What it reads stays as read until the transaction ends.
///
/// An insertion that returns `bool` says whether the key was free; if not, nothing was written.
pub(crate) trait Rows {
    fn append_audit(
        &mut self,
        act: &Act,
        object: Option<&CertificateId>,
        body: &str,
    ) -> Result<u64, StoreError>;

    fn issuer(&mut self, key: &KeyId) -> Result<Option<Issuer>, StoreError>;
    fn issuer_of_generation(
        &mut self,
        subject: &[u8],
        generation: u32,
    ) -> Result<Option<KeyId>, StoreError>;
    fn insert_issuer(&mut self, issuer: &Issuer) -> Result<(), StoreError>;

    fn holder(&mut self, id: &HolderId) -> Result<Option<Holder>, StoreError>;
    fn holder_of_identifier(&mut self, identifier: &str) -> Result<Option<HolderId>, StoreError>;
    fn put_holder(&mut self, holder: &Holder, sort_name: &str) -> Result<(), StoreError>;

    fn request(&mut self, id: &RequestId) -> Result<Option<RequestRecord>, StoreError>;
    fn insert_request(
        &mut self,
        request: &Request,
        by: &Name,
        at: UnixTime,
        status: RequestStatus,
    ) -> Result<(), StoreError>;
    fn set_request_status(
        &mut self,
        id: &RequestId,
        status: RequestStatus,
        certificate: Option<&CertificateId>,
    ) -> Result<(), StoreError>;
    /// The newest request for a certificate that follows this one.
    fn latest_renewal(&mut self, id: &CertificateId) -> Result<Option<RequestId>, StoreError>;
    fn request_subject(&mut self, id: &RequestId) -> Result<Option<SubjectRecord>, StoreError>;
    fn set_request_holder(
        &mut self,
        id: &RequestId,
        holder: Option<&HolderId>,
    ) -> Result<(), StoreError>;
    fn put_request_subject(&mut self, record: &SubjectRecord) -> Result<(), StoreError>;
    fn insert_approval(
        &mut self,
        id: &RequestId,
        by: &Name,
        at: UnixTime,
    ) -> Result<(), StoreError>;

    fn officer(&mut self, name: &Name) -> Result<Option<Officer>, StoreError>;
    fn officer_of_key(&mut self, key: &KeyId) -> Result<Option<Officer>, StoreError>;
    fn put_officer(&mut self, officer: &Officer, at: UnixTime) -> Result<(), StoreError>;
    fn stop(&mut self) -> Result<Option<Stop>, StoreError>;
    /// None switches issuance on again.
    fn put_stop(&mut self, stop: Option<&Stop>) -> Result<(), StoreError>;

    fn certificate(&mut self, id: &CertificateId) -> Result<Option<CertificateRecord>, StoreError>;
    fn insert_intent(&mut self, row: &IntentRow<'_>) -> Result<(), StoreError>;
    fn set_issued(
        &mut self,
        id: &CertificateId,
        certificate: &[u8],
        at: UnixTime,
    ) -> Result<(), StoreError>;
    fn set_published(&mut self, id: &CertificateId, at: UnixTime) -> Result<(), StoreError>;
    fn set_archived(&mut self, id: &CertificateId, at: UnixTime) -> Result<(), StoreError>;
    /// When the certificate's line in the table of revocations last changed, restorations too.
    fn standing_changed_at(
        &mut self,
        certificate: &CertificateRecord,
    ) -> Result<Option<UnixTime>, StoreError>;
    fn put_standing(&mut self, row: &StandingRow<'_>) -> Result<(), StoreError>;

    fn latest_crl_number(&mut self, issuer: &KeyId, shard: u32) -> Result<Option<u64>, StoreError>;
    fn crl_number_exists(
        &mut self,
        issuer: &KeyId,
        shard: u32,
        number: u64,
    ) -> Result<bool, StoreError>;
    fn insert_crl_number(
        &mut self,
        issuer: &KeyId,
        shard: u32,
        number: u64,
        at: UnixTime,
    ) -> Result<(), StoreError>;
    /// The CRL of the same kind (whatever its base) with this number, or else the newest one.
    fn crl(
        &mut self,
        issuer: &KeyId,
        shard: u32,
        kind: CrlKind,
        number: Option<u64>,
    ) -> Result<Option<Crl>, StoreError>;
    fn insert_crl(&mut self, crl: &Crl) -> Result<(), StoreError>;

    fn insert_document(&mut self, document: &Document, at: UnixTime) -> Result<bool, StoreError>;
    fn document(&mut self, locator: &Locator) -> Result<Option<DocumentRecord>, StoreError>;
    fn document_of_key(
        &mut self,
        issuer: &Name,
        key: &IdempotencyKey,
    ) -> Result<Option<DocumentRecord>, StoreError>;
    fn change_document(
        &mut self,
        locator: &Locator,
        change: &DocumentChange,
    ) -> Result<(), StoreError>;
    /// The octets of the leaf that tells of this version of the document.
    fn leaf(&mut self, locator: &Locator, version: u32) -> Result<Option<Vec<u8>>, StoreError>;
    fn insert_leaf(&mut self, audit: u64, leaf: &NewLeaf) -> Result<(), StoreError>;
}
