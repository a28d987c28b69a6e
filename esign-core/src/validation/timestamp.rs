//! Time-stamps as a format hands them over: the token, and the digest of what it ought to stamp.

use crate::keys::Digest;
use crate::oid::ObjectIdentifier;
use crate::report::{Finding, Judged, SubIndication};
use crate::tsp::{self, TimeStampToken};
use crate::x509::Certificate;

/// A time-stamp as found; nothing of it is proved by being there.
#[derive(Clone, Debug)]
pub struct Timestamp {
    /// DER of the token.
    pub token: Vec<u8>,
    /// What it is by the place where it stands.
    pub kind: TimestampKind,
    /// Where it stands: an attribute's identifier.
    pub attribute: ObjectIdentifier,
    /// The digest of what it ought to stamp, computed here by the algorithm that the token names.
    pub imprint: Result<Digest, NoImprint>,
}

/// What a time-stamp is by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampKind {
    /// Over the signed data objects, made before the signature (EN 319 122-1 5.2.8).
    Content,
    /// Over the signature value (EN 319 122-1 5.3).
    Signature,
    /// Over the signature value, its time-stamps and the references to certificates and revocation
    /// data (EN 319 122-1 A.1.5.2, `CAdES-C-timestamp`).
    References,
    /// Over the references to certificates and revocation data alone (EN 319 122-1 A.1.5.1,
    /// `time-stamped-certs-crls-references`).
    CertificateReferences,
}

/// What a valid time-stamp proves to have existed (EN 319 102-1 5.6.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Covered {
    /// The signed data objects.
    Objects,
    /// The references to certificates and revocation data, so what has their digests.
    References,
    /// Every time-stamp of kind [`TimestampKind::Signature`] in the same signature.
    SignatureTimestamps,
    /// The signature value.
    SignatureValue,
}

/// Why there is no digest to hold against a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoImprint {
    /// The token's digest algorithm is not computed here.
    Algorithm(ObjectIdentifier),
    /// What it stamps is not there, or was not hashed by the token's algorithm.
    Missing,
    /// The token cannot be read, for this reason.
    Unreadable(String),
}

impl TimestampKind {
    /// What a valid time-stamp of this kind proves to have existed.
    pub fn covers(self) -> &'static [Covered] {
        match self {
            Self::Content => &[Covered::Objects],
            Self::Signature => &[Covered::SignatureValue],
            Self::References => &[
                Covered::SignatureValue,
                Covered::SignatureTimestamps,
                Covered::References,
            ],
            Self::CertificateReferences => &[Covered::References],
        }
    }
}

impl Timestamp {
    /// Verifies the token over what it ought to stamp. `others` are certificates from elsewhere among
    /// which its signer's may be, where the token does not carry it.
    ///
    /// Cryptography and binding only, the first half of the validation of time-stamps: the path of
    /// the authority, its revocation and the strength of the algorithms are judged with the times
    /// that are proved.
    ///
    /// # Source
    /// EN 319 102-1 5.4.4; rules 16 and 25: a token copied from elsewhere fails by its imprint.
    pub fn verify(&self, others: &[Certificate]) -> Judged<tsp::Timestamp> {
        let imprint = match &self.imprint {
            Ok(imprint) => imprint,
            Err(missing) => return refused(missing.finding()),
        };
        match TimeStampToken::from_der(&self.token) {
            Ok(token) => tsp::verify_token(&token, imprint, others),
            Err(error) => refused(NoImprint::Unreadable(error.to_string()).finding()),
        }
    }
}

impl NoImprint {
    fn finding(&self) -> Finding {
        const RULE: &str = "tsp.message-imprint";
        const CLAUSE: &str = "EN 319 102-1 5.4.4";
        match self {
            Self::Algorithm(oid) => {
                let sub = SubIndication::CryptoConstraintsFailureNoPoe;
                Finding::indeterminate(RULE, CLAUSE, sub).with("digest-algorithm", oid.to_string())
            }
            Self::Missing => {
                Finding::indeterminate(RULE, CLAUSE, SubIndication::SignedDataNotFound)
            }
            Self::Unreadable(reason) => Finding::failed(RULE, CLAUSE, SubIndication::FormatFailure)
                .with("reason", reason.clone()),
        }
    }
}

fn refused(finding: Finding) -> Judged<tsp::Timestamp> {
    Judged {
        value: None,
        report: vec![finding],
    }
}
