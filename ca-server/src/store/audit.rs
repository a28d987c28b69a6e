//! What an act leaves in the audit log: JSON with stable keys.
//!
//! Identity data, certificates and sealed boxes stand in it by identifier or digest: the log is
//! kept and shown longer and wider than they are.

use serde::Serialize;

use super::{StoreError, StoreErrorKind};
use crate::acts::Change;
use crate::ids::{
    CertificateId, Digest, HolderId, IdempotencyKey, KeyId, Locator, Name, RequestId,
};
use crate::officers::Role;
use crate::records::{Approval, CrlKind, DocumentStatus, RevocationReason};
use esign_core::time::UnixTime;

#[derive(Serialize)]
#[serde(untagged)]
enum Body<'a> {
    Issuer {
        key: KeyId,
        generation: u32,
        certificate: Digest,
    },
    Holder {
        holder: HolderId,
        version: u32,
    },
    Request {
        request: RequestId,
        profile: &'a Name,
        key: KeyId,
        holder: Option<HolderId>,
        approval: Approval,
    },
    Subject {
        request: RequestId,
        identity: Digest,
        csr: Digest,
        listed: bool,
    },
    Renewal {
        request: RequestId,
        profile: &'a Name,
        key: KeyId,
        holder: Option<HolderId>,
        approval: Approval,
        former: Option<&'a CertificateId>,
        csr: Digest,
    },
    Officer {
        officer: &'a Name,
        key: KeyId,
        roles: &'a [Role],
    },
    Switch {},
    RequestOnly {
        request: RequestId,
    },
    Intent {
        certificate: &'a CertificateId,
        request: RequestId,
        tbs: Digest,
        not_before: UnixTime,
        not_after: UnixTime,
        shard: u32,
    },
    Issue {
        certificate: &'a CertificateId,
        digest: Digest,
    },
    Certificate {
        certificate: &'a CertificateId,
    },
    Suspend {
        certificate: &'a CertificateId,
        until: Option<UnixTime>,
    },
    Revoke {
        certificate: &'a CertificateId,
        reason: RevocationReason,
        invalidity_date: Option<UnixTime>,
    },
    CrlNumber {
        issuer: KeyId,
        shard: u32,
        number: u64,
    },
    Crl {
        issuer: KeyId,
        shard: u32,
        number: u64,
        crl: CrlKind,
        this_update: UnixTime,
        next_update: UnixTime,
        digest: Digest,
    },
    Document {
        locator: Locator,
        digest: Digest,
        sealed: Digest,
        issuer: &'a Name,
        class: u32,
        idempotency_key: IdempotencyKey,
    },
    DocumentChange {
        locator: Locator,
        version: u32,
        status: DocumentStatus,
    },
    DocumentLeaf {
        locator: Locator,
        version: u32,
        leaf: Digest,
    },
}

/// The body of the entry for `change`.
pub(super) fn body(change: &Change) -> Result<String, StoreError> {
    let body = match change {
        Change::AddIssuer(issuer) => Body::Issuer {
            key: issuer.key,
            generation: issuer.generation,
            certificate: Digest::of(&issuer.certificate),
        },
        Change::RecordHolder(holder) => Body::Holder {
            holder: holder.id,
            version: holder.version,
        },
        Change::ReceiveRequest(request) => Body::Request {
            request: request.id,
            profile: &request.profile,
            key: KeyId::of_spki(&request.public_key),
            holder: request.holder,
            approval: request.approval,
        },
        Change::ClaimSubject(subject) | Change::VetSubject(subject) => Body::Subject {
            request: subject.request,
            identity: Digest::of(subject.identity.as_bytes()),
            csr: Digest::of(&subject.csr),
            listed: subject.listed,
        },
        Change::Renew { request, csr } => Body::Renewal {
            request: request.id,
            profile: &request.profile,
            key: KeyId::of_spki(&request.public_key),
            holder: request.holder,
            approval: request.approval,
            former: request.former.as_ref(),
            csr: Digest::of(csr),
        },
        Change::SetOfficer(officer) => Body::Officer {
            officer: &officer.name,
            key: officer.key,
            roles: &officer.roles,
        },
        Change::StopIssuance | Change::ResumeIssuance => Body::Switch {},
        Change::ApproveRequest(id) | Change::RefuseRequest(id) => {
            Body::RequestOnly { request: *id }
        }
        Change::Intend(intent) => Body::Intent {
            certificate: &intent.id,
            request: intent.request,
            tbs: Digest::of(&intent.tbs),
            not_before: intent.not_before,
            not_after: intent.not_after,
            shard: intent.shard,
        },
        Change::Issue { id, certificate } => Body::Issue {
            certificate: id,
            digest: Digest::of(certificate),
        },
        Change::Archive(id) | Change::Publish(id) | Change::Restore(id) => {
            Body::Certificate { certificate: id }
        }
        Change::Suspend { id, until } => Body::Suspend {
            certificate: id,
            until: *until,
        },
        Change::Revoke {
            id,
            reason,
            invalidity_date,
        } => Body::Revoke {
            certificate: id,
            reason: *reason,
            invalidity_date: *invalidity_date,
        },
        Change::ReserveCrlNumber {
            issuer,
            shard,
            number,
        } => Body::CrlNumber {
            issuer: *issuer,
            shard: *shard,
            number: *number,
        },
        Change::PublishCrl(crl) => Body::Crl {
            issuer: crl.issuer,
            shard: crl.shard,
            number: crl.number,
            crl: crl.kind,
            this_update: crl.this_update,
            next_update: crl.next_update,
            digest: crl.digest,
        },
        Change::RegisterDocument(document) => Body::Document {
            locator: document.locator,
            digest: document.digest,
            sealed: Digest::of(&document.sealed),
            issuer: &document.issuer,
            class: document.class,
            idempotency_key: document.idempotency_key,
        },
        Change::ChangeDocument {
            locator,
            from_version,
            status,
        } => Body::DocumentChange {
            locator: *locator,
            version: from_version.saturating_add(1),
            status: *status,
        },
        Change::LogDocument(leaf) => Body::DocumentLeaf {
            locator: leaf.locator,
            version: leaf.version,
            leaf: Digest::of(&leaf.octets),
        },
    };
    serde_json::to_string(&body).map_err(|error| {
        StoreError::new(
            StoreErrorKind::Bug,
            "audit entry",
            "cannot be written as JSON",
        )
        .because(error)
    })
}

/// The certificate under whose history the entry is found: for what its own row does not tell.
pub(super) const fn object(change: &Change) -> Option<&CertificateId> {
    match change {
        Change::Archive(id)
        | Change::Suspend { id, .. }
        | Change::Restore(id)
        | Change::Revoke { id, .. } => Some(id),
        _ => None,
    }
}
