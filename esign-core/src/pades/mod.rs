//! PDF signatures of EN 319 142-1: making them, and reading them for validation.
//!
//! [`sign`] (or its halves [`prepare_signature`] and [`PreparedSignature::finish`]) appends a
//! signature at level B-B; [`prepare`] reads a document's signatures, hashes them in one pass and
//! says what each covers and what came after it.

mod changes;
mod create;
mod dss;
mod error;
mod extend;
mod fields;
mod prepare;
mod ranges;

pub use create::{
    Parameters, Permission, Prepared as PreparedSignature, PreparedTimestamp,
    prepare as prepare_signature, prepare_timestamp, sign,
};
pub use error::{PadesError, PadesErrorKind};
pub use extend::add_validation_data;
pub use prepare::{file_digests, prepare};
