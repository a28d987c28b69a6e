//! Verification of RSASSA-PKCS1-v1_5 with digests that both libraries leave out.
//!
//! Only public values are handled, so nothing here needs constant time.
//!
//! # Source
//! RFC 8017 8.2.2 (RSASSA-PKCS1-V1_5-VERIFY), 9.2 (EMSA-PKCS1-v1_5).

use super::pss::recover;
use super::{DigestAlgorithm, Hasher, VerifyError};
use crate::der::{Tag, Writer};

/// Octets beside DigestInfo and padding: 00 01 … 00.
const FIXED: usize = 3;
/// Least octets of padding (RFC 8017 9.2 step 4).
const MIN_PADDING: usize = 8;

/// Verifies with `key`, an `RSAPublicKey` of `bits`. The encoded message is made anew and compared
/// whole, so nothing in it is parsed (RFC 8017 8.2.2 step 4).
pub(super) fn verify(
    key: &[u8],
    bits: u32,
    digest: DigestAlgorithm,
    message: &[u8],
    signature: &[u8],
) -> Result<(), VerifyError> {
    let mut info = Writer::new();
    info.sequence(|w| {
        w.sequence(|w| {
            w.oid(digest.oid());
            w.tlv(Tag::NULL, &[]);
        });
        w.octets(Hasher::digest(digest, message).as_bytes());
    });
    let info = info.finish();
    let length = usize::try_from(bits.div_ceil(8)).unwrap_or(usize::MAX);
    let padding = length
        .checked_sub(FIXED + info.len())
        .filter(|n| *n >= MIN_PADDING)
        .ok_or(VerifyError::Invalid)?;
    // The first octet, zero, is not in the number.
    let expected = [&[1][..], &vec![0xff; padding], &[0], &info].concat();
    if recover(key, bits, signature)?.to_bytes_be() == expected {
        Ok(())
    } else {
        Err(VerifyError::Invalid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{KeySpec, PrivateKey, SignatureAlgorithm, SigningKey};

    /// What the library signs verifies here, too, and nothing else does.
    #[test]
    fn agrees_with_the_library_where_both_compute() {
        let key = PrivateKey::generate(KeySpec::Rsa2048).unwrap();
        let octets = key.public_key().key_octets();
        let digest = DigestAlgorithm::Sha384;
        let algorithm = SignatureAlgorithm::RsaPkcs1(digest);
        let signature = key.sign(algorithm, b"message").unwrap();
        let check = |digest, message: &[u8], signature: &[u8]| {
            verify(octets, 2048, digest, message, signature)
        };
        assert_eq!(check(digest, b"message", &signature), Ok(()));
        assert!(check(digest, b"massage", &signature).is_err());
        assert!(check(DigestAlgorithm::Sha3_384, b"message", &signature).is_err());
        assert!(check(digest, b"message", &signature[1..]).is_err());
        assert!(check(digest, b"message", &[0xff; 256]).is_err());
        assert!(verify(octets, 600, digest, b"message", &signature).is_err());
    }
}
