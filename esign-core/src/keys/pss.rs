//! Verification of RSASSA-PSS with parameters that both libraries leave out: another salt length
//! than the digest's, another digest inside the mask.
//!
//! Only public values are handled, so nothing here needs constant time. The arithmetic is
//! num-bigint's.
//!
//! # Source
//! RFC 8017 8.1.2 (RSASSA-PSS-VERIFY), 9.1.2 (EMSA-PSS-VERIFY), B.2.1 (MGF1).

use num_bigint::BigUint;

use super::{DigestAlgorithm, Hasher, VerifyError};
use crate::der::{DecodeError, Rules, decode};

/// Verifies with `key`, an `RSAPublicKey` of `bits`; parameters are digest, mask digest and
/// salt length in octets.
pub(super) fn verify(
    key: &[u8],
    bits: u32,
    (digest, mask, salt): (DigestAlgorithm, DigestAlgorithm, u16),
    message: &[u8],
    signature: &[u8],
) -> Result<(), VerifyError> {
    let invalid = VerifyError::Invalid;
    let bytes = recover(key, bits, signature)?.to_bytes_be();

    // EM has one bit less than the modulus.
    let em_bits = bits.saturating_sub(1);
    let em_len = usize::try_from(em_bits.div_ceil(8)).unwrap_or(usize::MAX);
    let missing = em_len
        .checked_sub(bytes.len())
        .ok_or(VerifyError::Invalid)?;
    let em = [vec![0; missing], bytes].concat();
    let (hash_len, salt_len) = (digest.output_len(), usize::from(salt));
    let (rest, [0xbc]) = em.split_last_chunk().ok_or(VerifyError::Invalid)? else {
        return Err(invalid);
    };
    let split = rest
        .len()
        .checked_sub(hash_len)
        .ok_or(VerifyError::Invalid)?;
    let (masked, hash) = rest.split_at_checked(split).ok_or(VerifyError::Invalid)?;
    let mut db: Vec<u8> = masked
        .iter()
        .zip(mgf1(mask, hash, masked.len()))
        .map(|(a, b)| a ^ b)
        .collect();
    let unused = u32::try_from(em_len * 8)
        .unwrap_or(u32::MAX)
        .saturating_sub(em_bits);
    let kept = 0xffu8.checked_shr(unused).unwrap_or(0);
    let (Some(first), Some(masked_first)) = (db.first_mut(), masked.first()) else {
        return Err(invalid);
    };
    if masked_first & !kept != 0 {
        return Err(invalid);
    }
    *first &= kept;
    let padding = db
        .len()
        .checked_sub(salt_len + 1)
        .ok_or(VerifyError::Invalid)?;
    let (zeros, one_and_salt) = db.split_at_checked(padding).ok_or(VerifyError::Invalid)?;
    let Some((1, salt)) = one_and_salt.split_first() else {
        return Err(invalid);
    };
    if zeros.iter().any(|b| *b != 0) {
        return Err(invalid);
    }
    let mut hasher = Hasher::new(digest);
    hasher.update(&[0; 8]);
    hasher.update(Hasher::digest(digest, message).as_bytes());
    hasher.update(salt);
    if hasher.finish().as_bytes() == hash {
        Ok(())
    } else {
        Err(invalid)
    }
}

/// Modulus and public exponent of an `RSAPublicKey` (RFC 8017 A.1.1).
pub(super) fn rsa_numbers(key: &[u8]) -> Result<(BigUint, BigUint), DecodeError> {
    decode(key, Rules::Der, |r| {
        r.sequence("", |r| {
            let modulus = BigUint::from_bytes_be(r.integer("modulus")?);
            let exponent = BigUint::from_bytes_be(r.integer("publicExponent")?);
            Ok((modulus, exponent))
        })
    })
}

/// RSAVP1 (RFC 8017 5.2.2) after the check of the signature's length.
pub(super) fn recover(key: &[u8], bits: u32, signature: &[u8]) -> Result<BigUint, VerifyError> {
    let (modulus, exponent) = rsa_numbers(key).map_err(|_| VerifyError::Invalid)?;
    let length = usize::try_from(bits.div_ceil(8)).unwrap_or(usize::MAX);
    let value = BigUint::from_bytes_be(signature);
    if signature.len() != length || value >= modulus {
        return Err(VerifyError::Invalid);
    }
    Ok(value.modpow(&exponent, &modulus))
}

/// MGF1: `length` octets from `seed`.
fn mgf1(digest: DigestAlgorithm, seed: &[u8], length: usize) -> Vec<u8> {
    let mut mask = Vec::with_capacity(length + digest.output_len());
    for counter in 0u32.. {
        if mask.len() >= length {
            break;
        }
        let mut hasher = Hasher::new(digest);
        hasher.update(seed);
        hasher.update(&counter.to_be_bytes());
        mask.extend_from_slice(hasher.finish().as_bytes());
    }
    mask.truncate(length);
    mask
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{KeySpec, PrivateKey, PublicKey, SignatureAlgorithm, SigningKey};

    /// What the library signs with the usual salt verifies here, too, and nothing else does.
    #[test]
    fn agrees_with_the_library_where_both_compute() {
        let key = PrivateKey::generate(KeySpec::Rsa2048).unwrap();
        let public: &PublicKey = key.public_key();
        for digest in [DigestAlgorithm::Sha256, DigestAlgorithm::Sha512] {
            let signature = key
                .sign(SignatureAlgorithm::RsaPss(digest), b"message")
                .unwrap();
            let salt = u16::try_from(digest.output_len()).unwrap();
            let check = |salt, mask, message: &[u8], signature: &[u8]| {
                verify(
                    public.key_octets(),
                    2048,
                    (digest, mask, salt),
                    message,
                    signature,
                )
            };
            assert_eq!(check(salt, digest, b"message", &signature), Ok(()));
            assert!(check(salt - 1, digest, b"message", &signature).is_err());
            assert!(check(salt, DigestAlgorithm::Sha1, b"message", &signature).is_err());
            assert!(check(salt, digest, b"massage", &signature).is_err());
            for at in 0..signature.len() {
                let mut broken = signature.clone();
                broken[at] ^= 1;
                assert!(
                    check(salt, digest, b"message", &broken).is_err(),
                    "octet {at}"
                );
            }
            assert!(check(salt, digest, b"message", &signature[1..]).is_err());
            assert!(check(u16::MAX, digest, b"message", &signature).is_err());
            assert!(check(salt, digest, b"message", &[0xff; 256]).is_err());
            assert!(check(salt, digest, b"message", &[0; 256]).is_err());
        }
    }
}
