//! Key files in every form; what is read must be written and read again as the same key.
#![no_main]

use esign_core::keys::{Passphrase, PrivateKey, SigningKey};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let passphrase = Passphrase::new("Şifrə-əĞ1".to_owned());
    if let Ok(key) = PrivateKey::from_file(input, Some(&passphrase)) {
        let again = PrivateKey::from_pkcs8_der(key.pkcs8_der()).expect("own encoding is read");
        assert_eq!(again.public_key(), key.public_key());
        assert_eq!(again.pkcs8_der(), key.pkcs8_der());
    }
});
