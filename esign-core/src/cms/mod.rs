//! Cryptographic Message Syntax: `SignedData`, read from DER and BER without holding its content.
//!
//! [`SignedData::read`] walks over a [`ReadAt`](crate::source::ReadAt): what stands before the
//! content and after it is decoded, the content itself is hashed where it lies, in one pass, and
//! its place kept. So a file of many gigabytes takes no more memory than a small one.
//!
//! # Source
//! RFC 5652; X.690 for the encodings.

mod error;
mod layout;
mod signed_data;
mod signer_info;

pub use error::CmsError;
pub use layout::{Content, ContentHasher};
pub use signed_data::SignedData;
pub use signer_info::{Attribute, SignedAttributes, SignerIdentifier, SignerInfo};

/// Octets outside the content that are read: certificates, CRLs, signers. A B-LTA signature with
/// large CRLs has some megabytes.
pub const MAX_REST: u64 = 64 << 20;
/// Certificates, CRLs and other elements of one set.
pub const MAX_ELEMENTS: usize = 10_000;
/// Signers of one message.
pub const MAX_SIGNERS: usize = 1_000;
/// Attributes of one signer, signed or unsigned; also values of one attribute.
pub const MAX_ATTRIBUTES: usize = 1_000;
/// Octets of one signer's signed attributes. They are put in order again where they are not DER,
/// which takes memory for each element; content time-stamps and attribute certificates in them
/// have some kilobytes each.
pub const MAX_SIGNED_ATTRIBUTES: usize = 1 << 20;
/// Signers times certificates and CRLs: each signer's certificate is sought among all. A thousand
/// signers with a certificate each are within.
pub const MAX_PAIRS: usize = 2_000_000;
/// Signers times octets of certificates, which are hashed for each by its reference's algorithm:
/// some seconds' work.
pub const MAX_SEARCH: usize = 4 << 30;
