//! `pkcs11:` URIs: what is read is written and read again to the same, and no message has the PIN.
#![no_main]

use esign_core::token::{MAX_URI, TokenUri, is_token_uri};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Ok(text) = core::str::from_utf8(input) else {
        return;
    };
    match TokenUri::parse(text) {
        Ok(uri) => {
            assert!(is_token_uri(text) && text.len() <= MAX_URI);
            assert!(!(uri.has_pin_value() && uri.pin_source().is_some()));
            assert!(uri.module_path().is_none_or(|path| path.is_absolute()));
            assert!(uri.module_name().is_none_or(|name| !name.contains(['/', '\\'])));
            let written = uri.to_string();
            // Escaping makes it longer, at most to the limit.
            if written.len() <= MAX_URI {
                let again = TokenUri::parse(&written).expect("what was written is read");
                assert_eq!(again.to_string(), written);
                assert!(!again.has_pin_value());
                assert_eq!(again.names_object(), uri.names_object());
            }
        }
        Err(error) => {
            // A PIN long enough not to stand in a message by chance, nor elsewhere in the URI.
            let query = text.split_once('?').map_or("", |(_, query)| query);
            let message = error.to_string();
            for pin in query.split('&').filter_map(|a| a.strip_prefix("pin-value=")) {
                if pin.len() < 12 || text.matches(pin).count() != 1 || !message.contains(pin) {
                    continue;
                }
                // Unless the message's own words are the PIN: then they stand there whatever it is.
                let other = text.replace(pin, &"q".repeat(pin.len()));
                let other = TokenUri::parse(&other).map_err(|error| error.to_string());
                assert!(other.is_err_and(|other| other.contains(pin)), "{message}");
            }
        }
    }
});
