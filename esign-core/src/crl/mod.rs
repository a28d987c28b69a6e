//! Certificate revocation lists: reading, asking for a serial, building.
//!
//! A list of a million entries is checked in one pass and indexed once, when the first serial is
//! asked for.
//!
//! # Source
//! RFC 5280 5.

mod build;
mod entry;
mod list;

pub use build::{CrlBuilder, RevokedCertificate, UnsignedCrl};
pub use entry::{CrlEntry, RevocationReason};
pub use list::{Crl, IssuingDistributionPoint, crls};
