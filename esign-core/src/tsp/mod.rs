//! Time-Stamp Protocol: requests, responses and tokens, both halves of the client, and the making of
//! tokens.
//!
//! A client makes a [`TimeStampReq`] and judges what comes back with [`check_response`]; an authority
//! answers with a [`TokenSigner`]; whoever validates a signature calls [`verify_token`]. All of it is
//! cryptography and syntax: whether the authority's certificate is to be trusted at the time told is
//! for the path to say, which is given [`Timestamp::signer`] and [`Timestamp::certificates`].
//!
//! # Source
//! RFC 3161; RFC 5816 (`ESSCertIDv2`); EN 319 422 (profile).

mod client;
mod gen_time;
mod message_imprint;
mod request;
mod response;
mod sign;
#[cfg(test)]
pub(crate) mod tests;
mod token;
mod tst_info;
mod verify;

pub use client::{ClientCheck, check_response};
pub use gen_time::{Accuracy, GenTime};
pub use message_imprint::{MessageImprint, Nonce};
pub use request::{RequestExtension, TimeStampReq};
pub use response::{FailureInfo, PkiStatus, PkiStatusInfo, TimeStampResp};
pub use sign::{PreparedToken, TokenSigner};
pub use token::{TimeStampToken, TokenError};
pub use tst_info::{TstInfo, TstInfoFields};
pub use verify::{Timestamp, verify_token};

/// Octets of the largest request. One with SHA-512 and a nonce has 120; the rest is room for
/// extensions.
pub const MAX_REQUEST: usize = 16 << 10;
/// Octets of the largest response or token. One with its path has some 5 KiB; EN 319 122-1 lets
/// certificates and CRLs be put into a token later, and the CRLs of national authorities have some
/// hundred KiB.
pub const MAX_TOKEN: usize = 4 << 20;
/// Octets of the longest nonce. RFC 3161 2.4.1 suggests 8, clients use up to 20.
pub const MAX_NONCE: usize = 128;
/// Octets of the longest imprint that is decoded; the longest digest has 64.
pub const MAX_IMPRINT: usize = 512;
/// Extensions of one request or of one `TSTInfo`. None is in common use.
pub const MAX_EXTENSIONS: usize = 16;
/// Strings of one `PKIFreeText`, and octets of each.
pub const MAX_STATUS_STRINGS: usize = 16;
/// Octets of one string of `PKIFreeText`.
pub const MAX_STATUS_STRING: usize = 4096;
