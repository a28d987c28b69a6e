//! Certification paths: found within a budget, judged by RFC 5280 clause 6.
//!
//! [`build_path`] searches from a certificate up to a trust anchor, tries every candidate that the
//! names allow, and gives back the first path against which nothing speaks; otherwise the report
//! of the best one, so that it can be seen what is missing. [`find_path`] gives the verdict alone,
//! at a fraction of the cost, [`find_paths`] those of many certificates; [`search_paths`] also every path that was tried.
//!
//! # Source
//! RFC 5280 6; RFC 9618 (policies); RFC 9525 (names); EN 319 102-1 5.2.6 (indications).

mod batch;
mod budget;
mod check;
mod domain;
mod extensions;
mod inputs;
mod name_constraints;
mod nearest;
mod policy_graph;
mod purpose;
mod record;
mod reference;
mod revocation;
mod search;
mod strict;
#[cfg(test)]
mod tests;

pub use batch::find_paths;
pub use inputs::{KeyPurpose, PathInputs, PathProfile, PolicyInputs, RevocationChecking};
pub use policy_graph::{PolicyOutputs, ValidPolicy};
pub use reference::{ReferenceName, ReferenceNameError};

use crate::crl::Crl;
use crate::ocsp::BasicResponse;
use crate::report::{Finding, Judged};
use crate::time::UnixTime;
use crate::x509::Certificate;

/// A path against which nothing speaks. Only this module makes it.
#[derive(Clone, Debug)]
pub struct VerifiedPath {
    chain: Vec<Certificate>,
    crls: Vec<Crl>,
    ocsp: Vec<BasicResponse>,
    policies: PolicyOutputs,
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

    /// The revocation lists that it rests on, each once: of its certificates, and of whoever signed
    /// their lists and responses.
    pub fn crls(&self) -> &[Crl] {
        &self.crls
    }

    /// The OCSP responses that it rests on.
    pub fn ocsp(&self) -> &[BasicResponse] {
        &self.ocsp
    }

    /// The policies for which it is valid.
    pub fn policies(&self) -> &PolicyOutputs {
        &self.policies
    }

    /// The instant for which it holds.
    pub fn at(&self) -> UnixTime {
        self.at
    }
}

/// One path that was tried.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// From the certificate asked about up to where it ended; where it is complete, the anchor.
    pub chain: Vec<Certificate>,
    /// `path.found` for a complete path, with the certificates and their rules below;
    /// `path.issuer-found` for one that ended before an anchor, with the candidates refused.
    pub finding: Finding,
}

/// What is known of the status of one certificate of a path.
#[derive(Clone, Debug)]
pub struct Status {
    /// What is known.
    pub standing: Standing,
    /// What tells it, or why nothing does.
    pub finding: Finding,
    /// The revocation lists that it rests on.
    pub crls: Vec<Crl>,
    /// The OCSP responses that it rests on.
    pub ocsp: Vec<BasicResponse>,
}

/// Whether a certificate is revoked, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// No status is to be had of it by its own word (RFC 6960 4.2.2.2.1, RFC 9608, EN 319 412-1).
    NotNeeded,
    /// It is not, by information made at this instant.
    GoodBy(UnixTime),
    /// It is revoked or on hold since this instant: the date of the revocation, or the invalidity date
    /// where that is earlier.
    NotSince(UnixTime),
    /// Nothing that can be relied on tells.
    Unknown,
}

/// What a search gives.
#[derive(Clone, Debug)]
pub struct Searched {
    /// The verdict, with the report of the best path.
    pub judged: Judged<VerifiedPath>,
    /// The paths that were tried, in that order; at most [`MAX_ATTEMPTS`].
    pub attempts: Vec<Attempt>,
    /// How many more were tried.
    pub attempts_left_out: usize,
}

/// Most certificates in a path, anchor included. Real ones have two to five; PKITS's longest
/// without a limit of its own has seven.
pub const MAX_PATH_LEN: usize = 10;
/// Most signatures that are verified for one path. What an adversary's certificates with equal
/// names cost is bounded by it: some 10 ms.
pub const MAX_SIGNATURES: usize = 100;
/// Most candidates that are looked at for one path.
pub const MAX_CANDIDATES: usize = 1000;
/// Most comparisons of a name with a constraint. BetterTLS and x509-limbo ask for millions; a
/// certificate of 1000 names under 100 constraints needs 100 000. The number is rustls-webpki's.
pub const MAX_NAME_COMPARISONS: usize = 250_000;
/// Most nodes and edges that are put into the policy graphs of one search. Real certificates
/// assert a handful of policies; the US federal bridge maps some fifty.
pub const MAX_POLICY_STEPS: usize = 20_000;
/// Most paths in one another: a path whose list is signed by a key whose path needs a list …
/// Indirect lists with a delegated signer need three.
pub const MAX_NESTED: usize = 6;
/// Most tried paths that are kept for the report.
pub const MAX_ATTEMPTS: usize = 32;

/// Searches a path from `leaf` to an anchor and judges it.
///
/// The report has one finding for the path, its children being the certificates and theirs the
/// rules. Where no path is complete it is `NO_CERTIFICATE_CHAIN_FOUND`, and says where the longest
/// attempt ended and why its candidates were refused.
///
/// # Source
/// RFC 5280 6.1, RFC 4158 (search order); EN 319 102-1 5.2.6.4 (sub-indications).
pub fn build_path(leaf: &Certificate, inputs: &PathInputs<'_>) -> Judged<VerifiedPath> {
    search_paths(leaf, inputs).judged
}

/// What is known at [`PathInputs::at`] of the status of the certificate at `place` of `chain`, which
/// is that of a path: leaf first, the anchor last.
///
/// # Source
/// RFC 5280 6.3; RFC 6960 3.2; EN 319 102-1 5.6.2.2.4 (2) (a).
pub fn status_of(chain: &[Certificate], place: usize, inputs: &PathInputs<'_>) -> Status {
    revocation::status(chain, place, inputs)
}

/// When the revocation lists and OCSP responses were made that may speak of the certificate at
/// `place` of `chain`: the latest first, each instant once.
pub fn status_instants(
    chain: &[Certificate],
    place: usize,
    inputs: &PathInputs<'_>,
) -> Vec<UnixTime> {
    revocation::instants(chain, place, inputs)
}

/// As [`build_path`], and keeps every path that was tried, for people to see where each broke.
pub fn search_paths(leaf: &Certificate, inputs: &PathInputs<'_>) -> Searched {
    search::search(leaf, inputs, true)
}

/// As [`build_path`], without a report: for who asks about many certificates.
pub fn find_path(leaf: &Certificate, inputs: &PathInputs<'_>) -> Option<VerifiedPath> {
    search::search(leaf, inputs, false).judged.value
}
