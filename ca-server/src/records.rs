//! What the centre keeps: issuers, holders, requests, certificates, CRLs, documents.

use esign_core::time::UnixTime;
use serde::{Deserialize, Serialize};

use crate::ids::{
    CertificateId, Digest, HolderId, IdempotencyKey, KeyId, Locator, Name, RequestId,
};

/// A key that issues: the centre has one for each generation of each certificate authority.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Issuer {
    /// The key.
    pub key: KeyId,
    /// Its name as DER `Name`, the `issuer` field of what it signs.
    pub subject: Vec<u8>,
    /// Its certificate, DER.
    pub certificate: Vec<u8>,
    /// 1 for the first key under this subject, 2 for the one after its rollover, and so on.
    pub generation: u32,
}

/// A person who holds, or may hold, certificates: vetted identity data, for registrars alone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Holder {
    /// The row's name.
    pub id: HolderId,
    /// 1 when first recorded; a change carries the next number and replaces the row.
    pub version: u32,
    /// Who it is.
    pub identity: Identity,
    /// Where notices go (an e-mail address or the like), if anywhere.
    pub contact: Option<String>,
}

/// Who a holder is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Identity {
    /// An organisation or a system of one, known by its VÖEN.
    Legal {
        /// Semantics identifier, `TINAZ-…`, `NTRAZ-…` or `VATAZ-…` (EN 319 412-1 §5.1.4).
        identifier: String,
        /// Registered name.
        organization: String,
    },
    /// A human being, known by FİN, or by passport or other document.
    Natural {
        /// Semantics identifier, `PNOAZ-<FİN>`, `PASxx-…`, `IDCxx-…` (EN 319 412-1 §5.1.3).
        identifier: String,
        /// Given name.
        given_name: String,
        /// Surname.
        surname: String,
    },
}

impl Identity {
    /// The semantics identifier, unique among holders.
    pub fn identifier(&self) -> &str {
        match self {
            Self::Legal { identifier, .. } | Self::Natural { identifier, .. } => identifier,
        }
    }
}

/// Whose approval a request needs; taken from its profile when it is received.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Approval {
    /// Nobody's: it is approved on receipt.
    None,
    /// One person's, who may be the one that made the request: a centre of one officer.
    Anyone,
    /// That of so many distinct persons, none of whom made the request.
    Others(u8),
}

/// A request for a certificate. Of the CSR only the public key survives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// The request's name.
    pub id: RequestId,
    /// The profile to issue by.
    pub profile: Name,
    /// The public key, DER `SubjectPublicKeyInfo`; proof of possession was checked.
    pub public_key: Vec<u8>,
    /// Whom the certificate is for; none for the centre's own (OCSP, TSA, CA).
    pub holder: Option<HolderId>,
    /// Who must approve.
    pub approval: Approval,
    /// The certificate that it asks to renew, or to have for another key; none for a first one.
    pub former: Option<CertificateId>,
}

/// Who a request is about: personal data, for registrars and approvers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RequestSubject {
    /// The request.
    pub request: RequestId,
    /// PKCS #10 as received, DER: issuing proves possession once more.
    pub csr: Vec<u8>,
    /// Whom it is for; vetting puts it to the request, a claim has none.
    pub holder: Option<HolderId>,
    /// The identity as it goes into the certificate, JSON of `esign_core::x509::Identity`.
    pub identity: String,
    /// Whether the holder agreed to stand in the public list of valid certificates.
    pub listed: bool,
}

/// A request's subject as the store knows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SubjectRecord {
    /// What was claimed or vetted.
    pub subject: RequestSubject,
    /// Who vetted it; none while it is only claimed.
    pub vetted_by: Option<Name>,
    /// When.
    pub at: UnixTime,
}

/// The stop switch, while it is on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stop {
    /// Since when.
    pub since: UnixTime,
    /// Who stopped issuance.
    pub by: Name,
    /// Why.
    pub why: String,
}

/// Where a request stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RequestStatus {
    /// Everyone needed has approved.
    Approved,
    /// A certificate was issued for it; final.
    Issued,
    /// Approvals are missing.
    Pending,
    /// Refused; final.
    Refused,
}

/// A request as the store knows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RequestRecord {
    /// What was asked for.
    pub request: Request,
    /// Who asked.
    pub requested_by: Name,
    /// When it was received.
    pub received_at: UnixTime,
    /// Where it stands.
    pub status: RequestStatus,
    /// Who approved so far, in the order of approval.
    pub approved_by: Vec<Name>,
    /// The certificate that was issued for it.
    pub certificate: Option<CertificateId>,
}

/// What is about to be signed: stored before the key is used, so that a crash leaves a trace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Intent {
    /// Issuer key and serial number.
    pub id: CertificateId,
    /// The approved request that it answers.
    pub request: RequestId,
    /// The `TBSCertificate`, DER, exactly as it will be signed.
    pub tbs: Vec<u8>,
    /// `notBefore`.
    pub not_before: UnixTime,
    /// `notAfter`, inclusive.
    pub not_after: UnixTime,
    /// The CRL that will list it, fixed by its distribution point; 0 where the issuer has one CRL.
    pub shard: u32,
}

/// Why a certificate was revoked: `CRLReason` without `certificateHold` and `removeFromCRL`, which
/// are no reasons to revoke (RFC 5280 §5.3.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum RevocationReason {
    /// unspecified (0); no reasonCode extension is written.
    Unspecified,
    /// keyCompromise (1).
    KeyCompromise,
    /// cACompromise (2).
    #[serde(rename = "cACompromise")]
    CaCompromise,
    /// affiliationChanged (3).
    AffiliationChanged,
    /// superseded (4).
    Superseded,
    /// cessationOfOperation (5).
    CessationOfOperation,
    /// privilegeWithdrawn (9).
    PrivilegeWithdrawn,
    /// aACompromise (10).
    #[serde(rename = "aACompromise")]
    AaCompromise,
}

impl RevocationReason {
    /// Every reason, in the order of its code.
    pub const ALL: [Self; 8] = [
        Self::Unspecified,
        Self::KeyCompromise,
        Self::CaCompromise,
        Self::AffiliationChanged,
        Self::Superseded,
        Self::CessationOfOperation,
        Self::PrivilegeWithdrawn,
        Self::AaCompromise,
    ];

    /// The `CRLReason` value.
    pub const fn code(self) -> u8 {
        match self {
            Self::Unspecified => 0,
            Self::KeyCompromise => 1,
            Self::CaCompromise => 2,
            Self::AffiliationChanged => 3,
            Self::Superseded => 4,
            Self::CessationOfOperation => 5,
            Self::PrivilegeWithdrawn => 9,
            Self::AaCompromise => 10,
        }
    }

    /// The reason with this `CRLReason` value, if it is one to revoke for.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }
}

/// Where a certificate stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// Issued and neither suspended nor revoked (it may have expired).
    Good,
    /// The intent is stored, the certificate is not: being signed, or left by a crash.
    Intended,
    /// Revoked, for good.
    Revoked {
        /// `revocationDate`.
        since: UnixTime,
        /// Why.
        reason: RevocationReason,
        /// When it is known or suspected that the key was compromised (RFC 5280 §5.3.2).
        invalidity_date: Option<UnixTime>,
    },
    /// On hold (`certificateHold`); can be restored.
    Suspended {
        /// Since when.
        since: UnixTime,
        /// Until when at the latest; somebody must restore it then.
        until: Option<UnixTime>,
    },
}

/// A certificate as the store knows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CertificateRecord {
    /// Issuer key and serial number.
    pub id: CertificateId,
    /// The request it answers.
    pub request: RequestId,
    /// The profile it was issued by.
    pub profile: Name,
    /// Whom it is for.
    pub holder: Option<HolderId>,
    /// The certified key.
    pub subject_key: KeyId,
    /// `notBefore`.
    pub not_before: UnixTime,
    /// `notAfter`, inclusive.
    pub not_after: UnixTime,
    /// The CRL that lists it.
    pub shard: u32,
    /// SHA-256 of the `TBSCertificate` of the intent.
    pub tbs_digest: Digest,
    /// The `TBSCertificate`, while it is not issued; afterwards it is in `certificate`.
    pub tbs: Option<Vec<u8>>,
    /// The certificate, DER, once it is issued.
    pub certificate: Option<Vec<u8>>,
    /// When the intent was stored.
    pub intended_at: UnixTime,
    /// When the signed certificate was stored.
    pub issued_at: Option<UnixTime>,
    /// When it was published.
    pub published_at: Option<UnixTime>,
    /// When it was put into the archive.
    pub archived_at: Option<UnixTime>,
    /// Where it stands.
    pub standing: Standing,
}

/// One certificate of a status list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StatusEntry {
    /// Issuer key and serial number.
    pub id: CertificateId,
    /// `notAfter`: whether an expired certificate stays on the list is the list's choice.
    pub not_after: UnixTime,
    /// Where it stands.
    pub standing: Standing,
}

/// A certificate that was suspended, restored or revoked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StatusChange {
    /// Which, and where it stands now; `Good` is a restoration.
    pub entry: StatusEntry,
    /// The CRL that lists it.
    pub shard: u32,
    /// Number of the audit entry of the last act on it.
    pub audit: u64,
}

/// Complete or delta CRL (RFC 5280 §5.2.4).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CrlKind {
    /// Everything of its scope.
    Complete,
    /// What changed since the complete CRL of that number.
    Delta {
        /// `BaseCRLNumber`.
        base: u64,
    },
}

/// A CRL that was signed and published.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Crl {
    /// The key that signed it.
    pub issuer: KeyId,
    /// Its part of the certificates; 0 where there is one part.
    pub shard: u32,
    /// `cRLNumber`, reserved before.
    pub number: u64,
    /// Complete or delta.
    pub kind: CrlKind,
    /// `thisUpdate`.
    pub this_update: UnixTime,
    /// `nextUpdate`.
    pub next_update: UnixTime,
    /// SHA-256 of the DER `CertificateList`; its octets are where it is published.
    pub digest: Digest,
}

/// A document registered under a code, thin: what the register keeps of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Document {
    /// The row's key.
    pub locator: Locator,
    /// The sealed box, which only the code opens.
    pub sealed: Vec<u8>,
    /// The record's digest D.
    pub digest: Digest,
    /// The issuing body.
    pub issuer: Name,
    /// Number of the document's class.
    pub class: u32,
    /// The issuing body's name for this registration.
    pub idempotency_key: IdempotencyKey,
}

/// A leaf of the register's log, with what is kept beside it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewLeaf {
    /// The document that it tells of.
    pub locator: Locator,
    /// The document's version that it tells of: 1 for its registration.
    pub version: u32,
    /// Its octets.
    pub octets: Vec<u8>,
    /// What opens its commitment and more, as the register keeps it.
    pub detail: Option<Vec<u8>>,
}

/// Where a document stands. "Restored" is in force again; "expired" follows from the record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DocumentStatus {
    /// In force.
    InForce,
    /// Revoked; final.
    Revoked,
    /// Replaced by the document with this record digest; final.
    Superseded {
        /// D of the successor, never its code.
        successor: Digest,
    },
    /// Suspended; can be restored.
    Suspended,
    /// A single-use document that was redeemed; final.
    Used,
}

/// A document as the register knows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DocumentRecord {
    /// What was registered.
    pub document: Document,
    /// When it was registered.
    pub registered_at: UnixTime,
    /// Where it stands now.
    pub status: DocumentChange,
}

/// One status in a document's life.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DocumentChange {
    /// 1 on registration, one more with every change.
    pub version: u32,
    /// The status.
    pub status: DocumentStatus,
    /// Since when.
    pub since: UnixTime,
    /// Why.
    pub why: String,
}

/// One audit entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuditEntry {
    /// Its place in this store; the sequence of the signed log is given later, by its sequencer.
    pub id: u64,
    /// When.
    pub at: UnixTime,
    /// Who.
    pub by: Name,
    /// Why.
    pub why: String,
    /// What: the stable name of the kind of act, such as `certificate.revoke`.
    pub kind: String,
    /// What exactly: JSON. Persons and documents stand in it by identifier and digest alone.
    pub body: String,
}
