//! PKCS#12 files.
#![no_main]

use esign_core::keys::{Passphrase, Pkcs12};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let passphrase = Passphrase::new("Şifrə-əĞ1".to_owned());
    if let Ok(found) = Pkcs12::decode(input, Some(&passphrase)) {
        for key in &found.keys {
            found.certificate_of(key);
        }
    }
});
