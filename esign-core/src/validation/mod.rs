//! Validation of signatures: the process of EN 319 102-1 over one shape that every format fills.
//!
//! A format's `prepare` reads and hashes and gives [`Signature`]s; [`validate`] is pure: the same
//! signatures, time, trust, policy and evidence give the same [`Report`], to the octet.
//! This module knows nothing of PDF, CMS, XML or ZIP.

mod acceptance;
mod cryptographic;
mod identification;
mod level;
mod missing;
mod past;
mod poe;
mod process;
mod report;
mod signature;
mod time_stamps;
mod timestamp;
mod trust;

pub use missing::Missing;
pub use process::{Inputs, validate};
pub use report::{
    CertificateSummary, InputDigests, Integrity, Report, SignatureReport, TimestampReport,
};
pub use signature::{
    CertRef, ChangeKind, Claims, Coverage, Format, ObjectDigest, RevisionChange, Signature,
    SignatureValue, SignedObject, SignerIdentifier,
};
pub use time_stamps::MAX_TIMESTAMPS;
pub use timestamp::{Covered, NoImprint, Timestamp, TimestampKind};
