//! Public keys, and verification with them.
#![no_main]

use esign_core::keys::{DigestAlgorithm, PublicKey, SignatureAlgorithm};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Ok(key) = PublicKey::from_spki(input) {
        assert_eq!(key.spki(), input);
        for algorithm in [
            SignatureAlgorithm::Ecdsa(DigestAlgorithm::Sha256),
            SignatureAlgorithm::Ed25519,
            SignatureAlgorithm::RsaPkcs1(DigestAlgorithm::Sha256),
        ] {
            assert!(key.verify(algorithm, b"message", &[0x30; 64]).is_err());
        }
    }
});
