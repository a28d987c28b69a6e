//! The online certificate status protocol: requests, responses, building both, and judging what
//! a response says of a certificate.
//!
//! What is signed is hashed as it came in. A response proves nothing by itself: [`judge`] says
//! whether it speaks of the certificate asked about, whether whoever signed it may, and whether it
//! is fresh enough.
//!
//! # Source
//! RFC 6960; RFC 9654 (nonce); RFC 5019 (`nextUpdate`, clock tolerance).

mod build;
mod cert_id;
mod judge;
mod request;
mod response;

pub use build::{ResponseBuilder, Status, UnsignedResponse};
pub use cert_id::CertId;
pub(crate) use judge::judge_with;
pub use judge::{
    Answer, CLOCK_TOLERANCE, MAX_AGE_WITHOUT_NEXT_UPDATE, MAX_RESPONDERS, Question, judge,
};
pub use request::{Nonce, OcspRequest, RequestBuilder, UnsignedRequest};
pub use response::{
    BasicResponse, CertStatus, MAX_CERTIFICATES, MAX_SINGLE_RESPONSES, OcspResponse, ResponderId,
    ResponseStatus, SingleResponse,
};

use core::ops::Range;

use crate::der::Tlv;

/// Where `tlv` lies in the outermost input.
fn place(tlv: &Tlv<'_>) -> Range<usize> {
    let at = usize::try_from(tlv.at).unwrap_or(usize::MAX);
    at..at.saturating_add(tlv.raw.len())
}
