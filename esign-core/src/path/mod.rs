//! Certification paths: found within a budget, judged by RFC 5280 clause 6.
//!
//! [`build_path`] searches from a certificate up to a trust anchor, tries every candidate that the
//! names allow, and gives back the first path against which nothing speaks; otherwise the report
//! of the best one, so that it can be seen what is missing.
//!
//! Name constraints and policy constraints are not processed: a path under an authority that has
//! them does not pass.
//!
//! # Source
//! RFC 5280 6; EN 319 102-1 5.2.6 (indications).

mod check;
mod revocation;
mod search;

use crate::crl::Crl;
use crate::evidence::Evidence;
use crate::report::Judged;
use crate::time::UnixTime;
use crate::trust::TrustAnchors;
use crate::x509::Certificate;

/// Everything that the judgement of a path depends on.
#[derive(Clone, Copy, Debug)]
pub struct PathInputs<'a> {
    /// The instant for which the path is judged.
    pub at: UnixTime,
    /// Whom one trusts.
    pub anchors: &'a TrustAnchors,
    /// Other certificates, and revocation lists.
    pub evidence: &'a Evidence,
    /// Whether the status of certificates counts.
    pub revocation: RevocationChecking,
    /// What the key of the first certificate was used for.
    pub purpose: KeyPurpose,
}

/// Whether the status of certificates counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevocationChecking {
    /// Every certificate below the anchor must be shown not to be revoked.
    Required,
    /// Status is not looked at; the report says so.
    Skipped,
}

/// What a key was used for, so what its certificate has to allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPurpose {
    /// Anything: the usage is not checked.
    Any,
    /// Signing or sealing documents.
    DocumentSigning,
    /// Signing OCSP responses (RFC 6960 4.2.2.2).
    OcspSigning,
    /// Signing time-stamps (RFC 3161 2.3).
    TimeStamping,
}

/// A path against which nothing speaks. Only [`build_path`] makes it.
#[derive(Clone, Debug)]
pub struct VerifiedPath {
    chain: Vec<Certificate>,
    crls: Vec<Crl>,
    at: UnixTime,
}

impl VerifiedPath {
    /// From the certificate asked about to the anchor; never empty.
    pub fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    /// The certificate asked about.
    pub fn leaf(&self) -> Option<&Certificate> {
        self.chain.first()
    }

    /// The anchor.
    pub fn anchor(&self) -> Option<&Certificate> {
        self.chain.last()
    }

    /// The revocation lists that it rests on.
    pub fn crls(&self) -> &[Crl] {
        &self.crls
    }

    /// The instant for which it holds.
    pub fn at(&self) -> UnixTime {
        self.at
    }
}

/// Most certificates in a path, anchor included. Real ones have two to five; PKITS's longest
/// without a limit of its own has seven.
pub const MAX_PATH_LEN: usize = 10;
/// Most signatures that are verified for one path. What an adversary's certificates with equal
/// names cost is bounded by it: some 10 ms.
pub const MAX_SIGNATURES: usize = 100;
/// Most candidates that are looked at for one path.
pub const MAX_CANDIDATES: usize = 1000;

/// Searches a path from `leaf` to an anchor and judges it.
///
/// The report has one finding for the path, its children being the certificates and theirs the
/// rules. Where no path is complete it is `NO_CERTIFICATE_CHAIN_FOUND`, and says where the longest
/// attempt ended and why its candidates were refused.
///
/// # Source
/// RFC 5280 6.1, RFC 4158 (search order); EN 319 102-1 5.2.6.4 (sub-indications).
pub fn build_path(leaf: &Certificate, inputs: &PathInputs<'_>) -> Judged<VerifiedPath> {
    search::search(leaf, inputs)
}
