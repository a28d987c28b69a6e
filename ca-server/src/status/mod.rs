//! What the world is told of certificates: OCSP answers and revocation lists, out of the store.
//!
//! No clock and no network: times are passed in, and [`http`] puts addresses before it.

#[cfg(feature = "http")]
pub mod http;
pub mod lists;
mod presigned;
mod publisher;
mod responder;

use std::sync::Arc;

use esign_core::keys::{DigestAlgorithm, Hasher, SigningKey};
use esign_core::ocsp::CertId;
use esign_core::x509::Certificate;

pub use self::lists::PublicLists;
pub use self::presigned::POLL;
pub(crate) use self::publisher::shard_address;
pub use self::publisher::{Publisher, PublisherOptions, file_name};
pub use self::responder::{Answer, Asked, Counts, Responder, ResponderOptions, Signer};
use crate::error::{CentreError, CentreErrorKind};
use crate::ids::KeyId;

/// An authority whose certificates are told of.
#[derive(Clone)]
pub struct Authority {
    certificate: Certificate,
    id: KeyId,
    names: Vec<NamedBy>,
}

/// How requests may name an authority: the digests of its name and key by one algorithm.
#[derive(Clone)]
struct NamedBy {
    algorithm: DigestAlgorithm,
    name: Box<[u8]>,
    key: Box<[u8]>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Authority").field(&self.id).finish()
    }
}

/// Digests by which requests name issuers: SHA-1 by RFC 5019 2.1.1 and almost all clients, SHA-256 by
/// its successor; the longer ones cost nothing.
const NAMED_BY: [DigestAlgorithm; 4] = [
    DigestAlgorithm::Sha1,
    DigestAlgorithm::Sha256,
    DigestAlgorithm::Sha384,
    DigestAlgorithm::Sha512,
];

impl Authority {
    /// The authority of this certificate.
    ///
    /// # Errors
    /// Its key is of a kind that is not known.
    pub fn new(certificate: Certificate) -> Result<Self, CentreError> {
        let key = certificate.public_key().map_err(|e| {
            CentreError::new(
                CentreErrorKind::Key,
                format_args!("certificate {}", certificate.subject()),
                e,
            )
        })?;
        let names = NAMED_BY
            .into_iter()
            .map(|algorithm| {
                let digest = |octets: &[u8]| Hasher::digest(algorithm, octets).as_bytes().into();
                NamedBy {
                    algorithm,
                    name: digest(certificate.subject().der()),
                    key: digest(key.key_octets()),
                }
            })
            .collect();
        Ok(Self {
            id: KeyId::of_spki(certificate.spki_der()),
            names,
            certificate,
        })
    }

    /// Its certificate.
    pub const fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Its key's name.
    pub const fn id(&self) -> KeyId {
        self.id
    }

    /// By which of [`NAMED_BY`] a request speaks of one of its certificates, if it does.
    fn named_by(&self, id: &CertId) -> Option<usize> {
        self.names.iter().position(|by| {
            id.algorithm == Ok(by.algorithm) && id.name_hash == by.name && id.key_hash == by.key
        })
    }
}

type Key = Arc<dyn SigningKey>;
