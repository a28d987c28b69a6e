//! CAdES signatures of EN 319 122-1: making them at B-B, augmenting them to B-T, and reading them
//! for validation.
//!
//! * [`prepare_signature`] → a key → [`Prepared::finish`] makes one signer's part over a digest;
//!   [`sign_detached`], [`sign_enveloping`] and [`add_signer`] wrap the whole.
//! * [`signature_imprint`] → a time-stamping authority → [`add_signature_timestamp`] makes B-T of it,
//!   [`add_validation_data`] B-LT, [`prepare_archive`] → the authority → [`PreparedArchive::finish`] B-LTA.
//! * [`prepare`] reads a message, hashes its content once and gives one
//!   [`Signature`](crate::validation::Signature) for each signer.

mod archive_v2;
mod armour;
mod ats;
mod augment;
mod claims;
mod create;
mod error;
mod message;
mod prepare;
mod timestamps;
mod values;

pub use augment::{
    PreparedArchive, add_signature_timestamp, add_validation_data, attach, detach, prepare_archive,
    signature_imprint,
};
pub use create::{
    CommitmentType, PolicyIdentifier, Prepared, SignatureParameters, SignerLocation, algorithm_for,
    max_len, prepare_signature,
};
pub use error::CadesError;
pub use message::{add_signer, sign_detached, sign_enveloping};
pub(crate) use prepare::{ContentDigests, signature_of};
pub use prepare::{Input, prepare};
