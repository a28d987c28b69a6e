//! Certificates, AdES signatures and document identification codes, as pure functions.
//!
//! The library has no clock, no disk, no network and no hidden randomness: a verdict depends on
//! its arguments alone and can be repeated in ten years. Trust is always explicit.
//!
//! Start with `cades` to sign any file, `pades` for PDF, and
//! `validation` to judge what was signed. `docs/architecture.md` has the picture.

pub mod cades;
pub mod cms;
pub mod code;
pub mod crl;
pub mod der;
pub mod evidence;
pub mod fetch;
pub mod keys;
pub mod levels;
pub mod lint;
pub mod log;
pub mod ocsp;
pub mod oid;
pub mod pades;
pub mod path;
pub mod pdf;
pub mod policy;
pub mod register;
pub mod report;
pub mod source;
pub mod stamp;
pub mod time;
#[cfg(feature = "pkcs11")]
pub mod token;
pub mod trust;
pub mod tsp;
pub mod validation;
pub mod visible_seal;
pub mod x509;
