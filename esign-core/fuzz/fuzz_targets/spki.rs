//! Public keys, verification with them, and the search for weak ones.
#![no_main]

use esign_core::keys::{
    DigestAlgorithm, MlDsa, PublicKey, SignatureAlgorithm, shared_factors, weaknesses,
};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Ok(key) = PublicKey::from_spki(input) {
        assert_eq!(key.spki(), input);
        let whole = match key.with_parameters_of(&key) {
            Ok(whole) => whole,
            Err(_) => {
                assert!(key.needs_parameters());
                return;
            }
        };
        assert_eq!(whole, key);
        for algorithm in [
            SignatureAlgorithm::Dsa(DigestAlgorithm::Sha1),
            SignatureAlgorithm::Ecdsa(DigestAlgorithm::Sha256),
            SignatureAlgorithm::Ed25519,
            SignatureAlgorithm::MlDsa(MlDsa::MlDsa44),
            SignatureAlgorithm::RsaPkcs1(DigestAlgorithm::Sha256),
            SignatureAlgorithm::RsaPkcs1(DigestAlgorithm::Sha3_256),
        ] {
            assert!(key.verify(algorithm, b"message", &[0x30; 64]).is_err());
        }
        // Two INTEGERs, small enough to be below any order.
        let signature = [0x30, 6, 2, 1, 1, 2, 1, 1];
        let dsa = SignatureAlgorithm::Dsa(DigestAlgorithm::Sha256);
        let _ = key.verify(dsa, b"message", &signature);
        let found = weaknesses(&key);
        assert_eq!(found, weaknesses(&key));
        let pairs = shared_factors(&[&key, &key]).expect("two keys are few");
        assert!(pairs.len() <= 1);
    }
});
