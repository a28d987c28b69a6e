//! Acts: everything that changes the centre's state, with who, when, why and what.

use esign_core::time::UnixTime;

use crate::ids::{CertificateId, KeyId, Locator, Name, RequestId};
use crate::officers::Officer;
use crate::records::{
    Crl, Document, DocumentStatus, Holder, Intent, Issuer, NewLeaf, Request, RequestSubject,
    RevocationReason,
};

/// One act. It is written with its audit entry in one transaction, or not at all.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Act {
    /// Who acts: an officer, an API client or a part of the service.
    pub by: Name,
    /// When, by the caller's clock.
    pub at: UnixTime,
    /// Why, at most [`MAX_WHY`] octets. Refusal, suspension, restoration, revocation and the stop switch
    /// demand it.
    pub why: String,
    /// What is done.
    pub change: Change,
}

/// Longest reason given for an act: a page of text.
pub const MAX_WHY: usize = 4096;

/// What an act does. Each is checked against the state inside the transaction that writes it, and
/// each is idempotent: the very same again changes nothing and is told as
/// [`Outcome::AlreadyDone`](crate::store::Outcome::AlreadyDone).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// Makes a key known as an issuer of this centre.
    AddIssuer(Issuer),
    /// Records a holder (version 1) or replaces his data (the next version).
    RecordHolder(Holder),
    /// Takes in a request.
    ReceiveRequest(Request),
    /// Says who a pending request is about, as whoever asks claims it.
    ClaimSubject(RequestSubject),
    /// Says who a pending request is about, as the acting person vetted it; replaces what was
    /// claimed or vetted before, as long as nobody approved it.
    VetSubject(RequestSubject),
    /// Takes in a request for a certificate that follows another: of the same holder, by the same
    /// profile, for the identity as it was vetted for that one.
    Renew {
        /// The request, with the former certificate.
        request: Request,
        /// PKCS #10 as received, DER; for the same key that of the former request.
        csr: Vec<u8>,
    },
    /// Approves a pending request as the acting person. The last approval needed makes it approved.
    ApproveRequest(RequestId),
    /// Refuses a request that is pending or approved.
    RefuseRequest(RequestId),
    /// States what is about to be signed for an approved request.
    Intend(Intent),
    /// Stores what was signed; its `TBSCertificate` must be the intent's, octet for octet.
    Issue {
        /// Issuer key and serial number of the intent.
        id: CertificateId,
        /// The certificate, DER.
        certificate: Vec<u8>,
    },
    /// Notes that the certificate was published.
    Publish(CertificateId),
    /// Suspends a good certificate (`certificateHold`).
    Suspend {
        /// Which.
        id: CertificateId,
        /// Until when at the latest.
        until: Option<UnixTime>,
    },
    /// Lifts a suspension.
    Restore(CertificateId),
    /// Revokes, for good. Also an intent that a crash left: its certificate may exist somewhere.
    Revoke {
        /// Which.
        id: CertificateId,
        /// `reasonCode`.
        reason: RevocationReason,
        /// `invalidityDate`.
        invalidity_date: Option<UnixTime>,
    },
    /// Takes a CRL number, before anything is signed with it. Never idempotent: a number is taken
    /// once.
    ReserveCrlNumber {
        /// The key that will sign.
        issuer: KeyId,
        /// The part of its certificates; 0 where there is one part.
        shard: u32,
        /// Greater than every number taken before for this key and part.
        number: u64,
    },
    /// Notes a CRL that was signed under a reserved number and published.
    PublishCrl(Crl),
    /// Puts an expired certificate into the archive; its status stays what it is.
    Archive(CertificateId),
    /// Names an officer, changes his key or roles, or dismisses him.
    SetOfficer(Officer),
    /// Stops issuance: from now on no intent is stored.
    StopIssuance,
    /// Lets issuance go on.
    ResumeIssuance,
    /// Registers a document under its code.
    RegisterDocument(Document),
    /// Changes a document's status.
    ChangeDocument {
        /// Which.
        locator: Locator,
        /// The version that the change was decided upon; another one now is a conflict.
        from_version: u32,
        /// The new status.
        status: DocumentStatus,
    },
    /// Puts into the register's log what the act before it in the same batch did to a document.
    LogDocument(NewLeaf),
}

impl Change {
    /// The stable name of this kind of act, as the audit log has it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::AddIssuer(_) => "issuer.add",
            Self::RecordHolder(_) => "holder.record",
            Self::ReceiveRequest(_) => "request.receive",
            Self::ClaimSubject(_) => "request.claim",
            Self::VetSubject(_) => "request.vet",
            Self::Renew { .. } => "request.renew",
            Self::SetOfficer(_) => "officer.set",
            Self::StopIssuance => "issuance.stop",
            Self::ResumeIssuance => "issuance.resume",
            Self::ApproveRequest(_) => "request.approve",
            Self::RefuseRequest(_) => "request.refuse",
            Self::Intend(_) => "certificate.intend",
            Self::Issue { .. } => "certificate.issue",
            Self::Archive(_) => "certificate.archive",
            Self::Publish(_) => "certificate.publish",
            Self::Suspend { .. } => "certificate.suspend",
            Self::Restore(_) => "certificate.restore",
            Self::Revoke { .. } => "certificate.revoke",
            Self::ReserveCrlNumber { .. } => "crl.reserve",
            Self::PublishCrl(_) => "crl.publish",
            Self::RegisterDocument(_) => "document.register",
            Self::ChangeDocument { .. } => "document.change",
            Self::LogDocument(_) => "document.log",
        }
    }
}
