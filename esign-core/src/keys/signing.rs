use core::fmt;

use super::{PublicKey, SignatureAlgorithm};

/// A private key that signs, wherever it is kept: a file, a card, a token, a remote service.
///
/// What is signed is a message, not its digest: Ed25519 and ML-DSA know no other way.
pub trait SigningKey: Send + Sync {
    /// The public half.
    fn public_key(&self) -> &PublicKey;

    /// What it can sign with, the preferred first; never empty.
    fn algorithms(&self) -> &[SignatureAlgorithm];

    /// Signs `message`. ECDSA signatures come as DER `Ecdsa-Sig-Value`.
    ///
    /// # Errors
    /// The algorithm is not among [`Self::algorithms`], or the key's keeper refuses or fails.
    fn sign(&self, algorithm: SignatureAlgorithm, message: &[u8]) -> Result<Vec<u8>, KeyError>;
}

/// What a key is to sign, handed out so that a card or a remote service may stand between the
/// two halves of signing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToBeSigned {
    /// The message, whole; not a digest of it.
    pub bytes: Vec<u8>,
    /// How it is to be signed.
    pub algorithm: SignatureAlgorithm,
}

/// A source of unpredictable octets, passed in by whoever has one.
pub trait Random: Send + Sync {
    /// Fills `out`.
    ///
    /// # Errors
    /// [`KeyErrorKind::Random`] where none are to be had.
    fn fill(&self, out: &mut [u8]) -> Result<(), KeyError>;
}

impl Random for ring::rand::SystemRandom {
    fn fill(&self, out: &mut [u8]) -> Result<(), KeyError> {
        ring::rand::SecureRandom::fill(self, out)
            .map_err(|_| KeyError::new(KeyErrorKind::Random, "the system gave no random octets"))
    }
}

/// Why a key could not be had or used. The message names the object and what is wrong; it never
/// carries anything of the secret.
pub struct KeyError {
    kind: KeyErrorKind,
    message: String,
}

/// Families of [`KeyError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyErrorKind {
    /// Several keys or tokens match, and one is to be chosen.
    Ambiguous,
    /// The algorithm is not one that this key or this library has.
    Algorithm,
    /// A limit of this library was reached: size, count, or work that the file asks for.
    Limit,
    /// The file or structure is malformed.
    Malformed,
    /// The key and what it was put beside do not belong together.
    Mismatch,
    /// There is no such key, token or module.
    Missing,
    /// The PIN is locked, or one more wrong one would lock it.
    PassphraseLocked,
    /// The passphrase or PIN is missing.
    PassphraseMissing,
    /// The passphrase or PIN is wrong, or the protected octets were changed.
    PassphraseWrong,
    /// No random octets.
    Random,
    /// The keeper of the key (token, service) refused or failed.
    Refused,
    /// The key is weaker or larger than is allowed.
    Size,
}

impl KeyError {
    /// An error with its message: object, what is wrong, both values.
    pub fn new(kind: KeyErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    /// Which family.
    pub fn kind(&self) -> KeyErrorKind {
        self.kind
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.kind, self.message)
    }
}

impl std::error::Error for KeyError {}
