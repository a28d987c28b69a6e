use core::ops::Range;
use std::sync::{Arc, OnceLock};

use super::UnknownAlgorithm;
use super::extension::{content, raw};
use crate::der::{DecodeError, DecodeKind, Reader, Tag, Tlv};
use crate::keys::{DigestAlgorithm, Hasher, PublicKey, SignatureAlgorithm, VerifyError};

/// The shell that certificates, revocation lists and OCSP responses have in common: what is
/// signed, how, and the signature, each where it lies in the octets as received.
///
/// ```text
/// SEQUENCE { toBeSigned SEQUENCE, signatureAlgorithm AlgorithmIdentifier, signature BIT STRING }
/// ```
///
/// # Source
/// X.509 6.1 (`SIGNED`); RFC 5280 4.1, 5.1; RFC 6960 4.2.1.
#[derive(Clone)]
pub(crate) struct Signed {
    der: Arc<[u8]>,
    tbs: Range<usize>,
    algorithm: Result<SignatureAlgorithm, UnknownAlgorithm>,
    signature: Range<usize>,
    sha256: OnceLock<[u8; 32]>,
    /// The key by which the signature was found to verify. An issuer and its list are the same for
    /// every leaf below; so they are verified once.
    verified_by: OnceLock<PublicKey>,
}

impl Signed {
    /// Reads the three parts from `r`, which stands inside of the SEQUENCE `field`, whose
    /// outermost input is all of `der`. Gives back the parts that are left to decode: what is
    /// signed, and the algorithm that some structures repeat inside.
    ///
    /// What comes after the signature (the certificates of a `BasicOCSPResponse`) is left in `r`.
    ///
    /// # Errors
    /// One of the parts is missing or not DER.
    pub(crate) fn decode<'a>(
        r: &mut Reader<'a>,
        der: &Arc<[u8]>,
        tbs_field: &str,
    ) -> Result<(Self, Tlv<'a>, Tlv<'a>), DecodeError> {
        let tbs = r.expect(Tag::SEQUENCE, tbs_field)?;
        let algorithm = r.expect(Tag::SEQUENCE, "signatureAlgorithm")?;
        let signature = r.expect(Tag::BIT_STRING, "signature")?;
        let signed = Self {
            der: Arc::clone(der),
            tbs: raw(&tbs),
            algorithm: UnknownAlgorithm::from_decoded(SignatureAlgorithm::decode(
                &algorithm,
                None,
                "signatureAlgorithm",
            )),
            signature: signature_octets(&signature)?,
            sha256: OnceLock::new(),
            verified_by: OnceLock::new(),
        };
        Ok((signed, tbs, algorithm))
    }

    /// Reads algorithm and signature from `r` where what is signed, at `tbs`, stands apart from
    /// them: in a signed OCSP request (RFC 6960 4.1.1).
    ///
    /// # Errors
    /// One of the parts is missing or not DER.
    pub(crate) fn apart(
        r: &mut Reader<'_>,
        der: &Arc<[u8]>,
        tbs: Range<usize>,
    ) -> Result<Self, DecodeError> {
        let algorithm = r.expect(Tag::SEQUENCE, "signatureAlgorithm")?;
        let signature = r.expect(Tag::BIT_STRING, "signature")?;
        Ok(Self {
            der: Arc::clone(der),
            tbs,
            algorithm: UnknownAlgorithm::from_decoded(SignatureAlgorithm::decode(
                &algorithm,
                None,
                "signatureAlgorithm",
            )),
            signature: signature_octets(&signature)?,
            sha256: OnceLock::new(),
            verified_by: OnceLock::new(),
        })
    }

    /// Checks that the algorithm named inside of what is signed is the one named outside.
    ///
    /// # Errors
    /// They differ (RFC 5280 4.1.1.2, 5.1.1.2).
    pub(crate) fn same_algorithm(inside: &Tlv<'_>, outside: &Tlv<'_>) -> Result<(), DecodeError> {
        if inside.raw == outside.raw {
            return Ok(());
        }
        let what = "differs from signatureAlgorithm outside";
        Err(inside.error(DecodeKind::Value(what), "signature"))
    }

    /// The octets as received.
    pub(crate) fn der(&self) -> &[u8] {
        &self.der
    }

    /// What is signed.
    pub(crate) fn tbs_der(&self) -> &[u8] {
        self.slice(&self.tbs)
    }

    /// How it is signed.
    pub(crate) fn algorithm(&self) -> Result<SignatureAlgorithm, &UnknownAlgorithm> {
        self.algorithm.as_ref().copied()
    }

    /// The octets of the signature value; none where it is not a whole number of them.
    pub(crate) fn signature(&self) -> &[u8] {
        self.slice(&self.signature)
    }

    /// Verifies the signature with `key`. Cryptography only. Costs nothing where this key has
    /// verified it before.
    pub(crate) fn verify(&self, key: &PublicKey) -> Result<(), VerifyError> {
        if self.verified_by.get() == Some(key) {
            return Ok(());
        }
        let algorithm = self.algorithm().map_err(|_| VerifyError::Invalid)?;
        key.verify(algorithm, self.tbs_der(), self.signature())?;
        // Another thread may have been first, with this key or another that verifies.
        let _ = self.verified_by.set(key.clone());
        Ok(())
    }

    /// SHA-256 of the octets as received.
    pub(crate) fn sha256(&self) -> [u8; 32] {
        *self.sha256.get_or_init(|| {
            Hasher::digest(DigestAlgorithm::Sha256, self.der())
                .as_bytes()
                .try_into()
                .unwrap_or([0; 32])
        })
    }

    /// Octets of the input; none where `range` is not in it.
    pub(crate) fn slice(&self, range: &Range<usize>) -> &[u8] {
        self.der.get(range.clone()).unwrap_or_default()
    }
}

/// Where the octets of a signature lie. One with left-over bits can be looked at, but is none that
/// verifies.
fn signature_octets(signature: &Tlv<'_>) -> Result<Range<usize>, DecodeError> {
    let whole = content(signature);
    match signature.value.first() {
        Some(0) => Ok(whole.start.saturating_add(1)..whole.end),
        Some(1..=7) => Ok(whole.end..whole.end),
        _ => Err(signature.error(DecodeKind::Value("malformed BIT STRING"), "signature")),
    }
}
