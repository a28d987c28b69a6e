//! What a validation asks for, as data: which algorithms may be relied on until when, whether
//! revocation must be known, how much may be fetched or tried.
//!
//! Integrity rules are not here: no policy can soften them. A policy has a digest, which a report
//! names, so that a verdict can be repeated.
//!
//! # Source
//! EN 319 102-1 clause 5.1.4 (validation constraints); ETSI TS 119 312 V1.4.3 clauses 8 and 9
//! (algorithms and dates).

use serde::Serialize;

use crate::keys::{Curve, DigestAlgorithm, Hasher, KeyAlgorithm, MlDsa};
use crate::time::UnixTime;

/// Until when something may be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Acceptance {
    /// Without an end that is known today.
    Always,
    /// Up to and including this instant.
    Until(UnixTime),
    /// Not at all.
    Never,
}

/// What is to be done where the status of a certificate cannot be established.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Revocation {
    /// Without fresh revocation information the answer stays open.
    Require,
    /// Revocation is not looked at.
    Ignore,
}

/// A named set of constraints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Policy {
    /// Name shown in reports.
    pub name: String,
    /// Acceptance of each digest where a collision would be an attack (signatures, references).
    pub digests: Vec<(String, Acceptance)>,
    /// Acceptance of RSA by the least length of the modulus in bits, ascending.
    pub rsa: Vec<(u32, Acceptance)>,
    /// Acceptance of curves, Ed25519 and ML-DSA by name.
    pub curves: Vec<(String, Acceptance)>,
    /// What is asked for as to revocation.
    pub revocation: Revocation,
    /// Whether the signing certificate must allow signing documents: key usage
    /// `nonRepudiation` or `digitalSignature`.
    pub key_usage: bool,
}

impl Policy {
    /// The basic policy: TS 119 312 algorithms, revocation required.
    pub fn basic() -> Self {
        let until = |date| UnixTime::parse(date).map_or(Acceptance::Never, Acceptance::Until);
        let name = |d: DigestAlgorithm| d.to_string();
        Self {
            name: "etsi-basic".to_owned(),
            digests: vec![
                (name(DigestAlgorithm::Sha1), until("2012-08-01")),
                (name(DigestAlgorithm::Sha224), until("2029-01-01")),
                (name(DigestAlgorithm::Sha256), Acceptance::Always),
                (name(DigestAlgorithm::Sha384), Acceptance::Always),
                (name(DigestAlgorithm::Sha512), Acceptance::Always),
                (name(DigestAlgorithm::Sha3_256), Acceptance::Always),
                (name(DigestAlgorithm::Sha3_384), Acceptance::Always),
                (name(DigestAlgorithm::Sha3_512), Acceptance::Always),
            ],
            rsa: vec![
                (786, until("2010-08-01")),
                (1024, until("2019-10-01")),
                (1900, until("2029-01-01")),
                (3000, Acceptance::Always),
            ],
            curves: [
                KeyAlgorithm::Ec(Curve::P256),
                KeyAlgorithm::Ec(Curve::P384),
                KeyAlgorithm::Ec(Curve::P521),
                KeyAlgorithm::Ec(Curve::BrainpoolP256r1),
                KeyAlgorithm::Ec(Curve::BrainpoolP384r1),
                KeyAlgorithm::Ed25519,
                // FIPS 204; later than the edition above.
                KeyAlgorithm::MlDsa(MlDsa::MlDsa44),
                KeyAlgorithm::MlDsa(MlDsa::MlDsa65),
                KeyAlgorithm::MlDsa(MlDsa::MlDsa87),
            ]
            .map(|key| (key.to_string(), Acceptance::Always))
            .to_vec(),
            revocation: Revocation::Require,
            key_usage: true,
        }
    }

    /// Until when a digest may be relied on; never, where the policy does not name it.
    pub fn digest_acceptance(&self, digest: DigestAlgorithm) -> Acceptance {
        let name = digest.to_string();
        self.digests
            .iter()
            .find(|(n, _)| *n == name)
            .map_or(Acceptance::Never, |(_, a)| *a)
    }

    /// Until when a key may be relied on; never, where the policy does not name its kind.
    pub fn key_acceptance(&self, key: KeyAlgorithm) -> Acceptance {
        match key {
            KeyAlgorithm::Rsa { bits } | KeyAlgorithm::RsaPss { bits } => self
                .rsa
                .iter()
                .rev()
                .find(|(least, _)| bits >= *least)
                .map_or(Acceptance::Never, |(_, a)| *a),
            KeyAlgorithm::Dsa { .. }
            | KeyAlgorithm::Ec(_)
            | KeyAlgorithm::Ed25519
            | KeyAlgorithm::MlDsa(_) => {
                let name = key.to_string();
                self.curves
                    .iter()
                    .find(|(n, _)| *n == name)
                    .map_or(Acceptance::Never, |(_, a)| *a)
            }
        }
    }

    /// SHA-256 over the policy as CBOR.
    pub fn sha256(&self) -> [u8; 32] {
        let mut octets = Vec::new();
        // Writing to memory fails only where memory does; the fields have a fixed order.
        let _ = ciborium::into_writer(self, &mut octets);
        let digest = Hasher::digest(DigestAlgorithm::Sha256, &octets);
        digest.as_bytes().try_into().unwrap_or([0; 32])
    }
}

impl Acceptance {
    /// Whether it may be relied on at `time`.
    pub fn holds(self, time: UnixTime) -> bool {
        match self {
            Self::Always => true,
            Self::Until(end) => time <= end,
            Self::Never => false,
        }
    }
}
