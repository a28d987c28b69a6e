//! Certificate revocation lists: reading, asking for a serial, building.
//!
//! A list is read in one pass, however long, and indexed on the way; what one entry says is
//! decoded when it is asked for.
//!
//! # Source
//! RFC 5280 5; X.509 9.5 (expiredCertsOnCRL).

mod build;
mod distribution_point;
mod entry;
mod index;
mod lint;
mod list;
mod reason;

pub use build::{CrlBuilder, CrlDraft, CrlScope, RevokedCertificate, UnsignedCrl};
pub use distribution_point::IssuingDistributionPoint;
pub use entry::CrlEntry;
pub use lint::lint;
pub use list::{Crl, crls};
pub use reason::{ReasonFlags, RevocationReason};
