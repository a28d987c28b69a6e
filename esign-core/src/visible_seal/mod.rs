//! The visible seal: a record signed by its issuer, as printed in a QR.
//!
//! An untagged COSE_Sign1 (RFC 9052) in deterministic CBOR, ES256; every octet is fixed, anything
//! else is refused. Format and vectors: `docs/formats/visible-seal.md`.

mod cbor;
mod qr;

use core::fmt;

pub use cbor::{CborError, Value};
pub(crate) use cbor::{decode as decode_cbor, encode as encode_cbor};
pub use qr::{QrText, base45, digits, octets_of_digits};

use crate::keys::{
    Curve, DigestAlgorithm, KeyAlgorithm, PublicKey, SignatureAlgorithm, ToBeSigned,
};

/// `external_aad` of the signature: what the signature is for.
const CONTEXT: &[u8] = b"esign-code/1/seal";
/// COSE algorithm ES256 (RFC 9053 2.1).
const ES256: i64 = -7;
/// Largest seal: what a QR of version 24 at error correction M holds.
pub const MAX_SEAL: usize = 900;

/// A key's short name: the first eight octets of SHA-256 over its `SubjectPublicKeyInfo`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId(pub [u8; 8]);

/// A decoded seal; its signature is not verified yet.
#[derive(Clone, PartialEq, Eq)]
pub struct VisibleSeal {
    protected: Vec<u8>,
    /// Which key signed.
    pub key: KeyId,
    /// The record's octets.
    pub record: Vec<u8>,
    signature: [u8; 64],
}

/// Why octets are no seal, or the seal does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SealError {
    /// Not deterministic CBOR.
    Cbor(CborError),
    /// Not the structure that a seal has; the text says what.
    Structure(&'static str),
    /// The key is not P-256, the only kind that browsers and this format share.
    Key,
    /// The signature is not the key's over this record.
    Signature,
}

impl KeyId {
    /// The name of a key.
    pub fn of(key: &PublicKey) -> Self {
        Self(key.sha256_spki().first_chunk().copied().unwrap_or_default())
    }
}

/// What the issuer's key is to sign for `record`.
///
/// # Errors
/// [`SealError::Key`] where the key is not P-256.
pub fn to_be_signed(key: &PublicKey, record: &[u8]) -> Result<ToBeSigned, SealError> {
    to_be_signed_as(CONTEXT, key, record)
}

/// What a key is to sign for a payload of another kind, named by `context`.
pub(crate) fn to_be_signed_as(
    context: &[u8],
    key: &PublicKey,
    record: &[u8],
) -> Result<ToBeSigned, SealError> {
    if key.algorithm() != KeyAlgorithm::Ec(Curve::P256) {
        return Err(SealError::Key);
    }
    let protected = protected(KeyId::of(key));
    Ok(ToBeSigned {
        bytes: sig_structure(context, &protected, record),
        algorithm: SignatureAlgorithm::Ecdsa(DigestAlgorithm::Sha256),
    })
}

/// Puts a seal together from the key's signature, DER as signing keys give it.
///
/// # Errors
/// [`SealError::Signature`] where it is no DER `Ecdsa-Sig-Value` of P-256.
pub fn finish(key: &PublicKey, record: &[u8], signature: &[u8]) -> Result<Vec<u8>, SealError> {
    let fixed = fixed_signature(signature).ok_or(SealError::Signature)?;
    Ok(cbor::encode(&Value::Array(vec![
        Value::Bytes(protected(KeyId::of(key))),
        Value::Map(Vec::new()),
        Value::Bytes(record.to_vec()),
        Value::Bytes(fixed.to_vec()),
    ])))
}

impl VisibleSeal {
    /// Decodes a seal.
    ///
    /// # Errors
    /// [`SealError::Cbor`] or [`SealError::Structure`]; nothing but the one encoding is taken.
    pub fn decode(octets: &[u8]) -> Result<Self, SealError> {
        // An answer of the register has the same shape and is shorter.
        if octets.len() > MAX_SEAL {
            return Err(SealError::Structure("longer than 900 octets"));
        }
        let value = cbor::decode(octets).map_err(SealError::Cbor)?;
        let Value::Array(parts) = value else {
            return Err(SealError::Structure("not an array"));
        };
        let [
            Value::Bytes(protected_octets),
            Value::Map(unprotected),
            Value::Bytes(record),
            Value::Bytes(signature),
        ] = parts.as_slice()
        else {
            return Err(SealError::Structure(
                "not [protected, unprotected, payload, signature]",
            ));
        };
        if !unprotected.is_empty() {
            return Err(SealError::Structure("the unprotected header is not empty"));
        }
        let header = cbor::decode(protected_octets).map_err(SealError::Cbor)?;
        let key = match &header {
            Value::Map(entries) => match entries.as_slice() {
                [
                    (Value::Integer(1), Value::Integer(ES256)),
                    (Value::Integer(4), Value::Bytes(kid)),
                ] => kid.as_slice().try_into().ok().map(KeyId),
                _ => None,
            },
            _ => None,
        };
        let key = key.ok_or(SealError::Structure(
            "the protected header is not {1: -7, 4: kid}",
        ))?;
        let signature = signature
            .as_slice()
            .try_into()
            .map_err(|_| SealError::Structure("the signature is not 64 octets long"))?;
        Ok(Self {
            protected: protected_octets.clone(),
            key,
            record: record.clone(),
            signature,
        })
    }

    /// Verifies the signature with the key that the header names.
    ///
    /// # Errors
    /// [`SealError::Key`] for another kind or another key, [`SealError::Signature`].
    pub fn verify(&self, key: &PublicKey) -> Result<(), SealError> {
        self.verify_as(CONTEXT, key)
    }

    /// Verifies what was signed as another kind of payload.
    pub(crate) fn verify_as(&self, context: &[u8], key: &PublicKey) -> Result<(), SealError> {
        if key.algorithm() != KeyAlgorithm::Ec(Curve::P256) || KeyId::of(key) != self.key {
            return Err(SealError::Key);
        }
        let message = sig_structure(context, &self.protected, &self.record);
        ring::signature::UnparsedPublicKey::new(
            &ring::signature::ECDSA_P256_SHA256_FIXED,
            key.key_octets(),
        )
        .verify(&message, &self.signature)
        .map_err(|_| SealError::Signature)
    }
}

fn protected(key: KeyId) -> Vec<u8> {
    cbor::encode(&Value::Map(vec![
        (Value::Integer(1), Value::Integer(ES256)),
        (Value::Integer(4), Value::Bytes(key.0.to_vec())),
    ]))
}

/// `Sig_structure` of RFC 9052 4.4.
fn sig_structure(context: &[u8], protected: &[u8], record: &[u8]) -> Vec<u8> {
    cbor::encode(&Value::Array(vec![
        Value::Text("Signature1".to_owned()),
        Value::Bytes(protected.to_vec()),
        Value::Bytes(context.to_vec()),
        Value::Bytes(record.to_vec()),
    ]))
}

/// r and s of 32 octets each from DER.
fn fixed_signature(der: &[u8]) -> Option<[u8; 64]> {
    use crate::der::{Rules, decode};
    let mut fixed = [0; 64];
    decode(der, Rules::Der, |r| {
        r.sequence("", |r| {
            for half in fixed.as_chunks_mut::<32>().0 {
                let integer = r.integer("")?;
                let magnitude = integer.strip_prefix(&[0]).unwrap_or(integer);
                let skip = half.len().checked_sub(magnitude.len());
                if let Some(to) = skip.and_then(|s| half.get_mut(s..)) {
                    to.copy_from_slice(magnitude);
                } else {
                    let kind = crate::der::DecodeKind::Value("longer than 32 octets");
                    return Err(r.error(kind, ""));
                }
            }
            Ok(())
        })
    })
    .ok()?;
    Some(fixed)
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for VisibleSeal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VisibleSeal {{ key: {} }}", self.key)
    }
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cbor(e) => write!(f, "visible seal: {e}"),
            Self::Structure(what) => write!(f, "visible seal: {what}"),
            Self::Key => f.write_str("visible seal: the key is not the one it names, or not P-256"),
            Self::Signature => f.write_str("visible seal: the signature does not verify"),
        }
    }
}

impl std::error::Error for SealError {}
