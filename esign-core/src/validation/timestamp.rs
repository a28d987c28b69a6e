//! Time-stamps as a format hands them over: the token, and the digest of what it ought to stamp.

use std::collections::HashSet;
use std::sync::Arc;

use crate::keys::Digest;
use crate::oid::ObjectIdentifier;
use crate::report::{Finding, Judged, SubIndication};
use crate::tsp::{self, TimeStampToken};
use crate::x509::Certificate;

/// A time-stamp as found; nothing of it is proved by being there.
#[derive(Clone, Debug)]
pub struct Timestamp {
    /// DER of the token. A document time-stamp is one for all signatures before it.
    pub token: Arc<[u8]>,
    /// What it is by the place where it stands.
    pub kind: TimestampKind,
    /// Where it stands, for people: an attribute's identifier, a field's name.
    pub place: String,
    /// The digest of what it ought to stamp, computed here by the algorithm that the token names.
    pub imprint: Result<Digest, NoImprint>,
    /// What a valid one proves to have existed.
    pub covers: Vec<Covered>,
    /// What the place and its surroundings say: an index that names what is not there, and the like.
    pub findings: Vec<Finding>,
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
    /// Over all of the signature, `archive-time-stamp` of the second form (TS 101 733 6.4.1).
    ArchiveV2,
    /// Over all that its index names, `archive-time-stamp-v3` (EN 319 122-1 5.5.3).
    ArchiveV3,
    /// Over a whole revision of a PDF document (EN 319 142-1 5.4.3).
    Document,
}

/// What a valid time-stamp proves to have existed (EN 319 102-1 5.6.2.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Covered {
    /// The signed data objects.
    Objects,
    /// The signature value.
    SignatureValue,
    /// The time-stamp at this place of [`Signature::timestamps`](super::Signature::timestamps), with all
    /// that it carries.
    Timestamp(usize),
    /// The certificate, revocation list or OCSP response whose DER has this digest. A response
    /// counts as `BasicOCSPResponse`.
    Evidence(Digest),
    /// All of these, by SHA-256: the store of a document, or what a message carries.
    Store(Arc<HashSet<[u8; 32]>>),
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
    /// Stable word for data.
    pub fn name(self) -> &'static str {
        match self {
            Self::Content => "content",
            Self::Signature => "signature",
            Self::References => "references",
            Self::CertificateReferences => "certificate-references",
            Self::ArchiveV2 => "archive-v2",
            Self::ArchiveV3 => "archive-v3",
            Self::Document => "document",
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
