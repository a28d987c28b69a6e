//! Typed codes: whatever parses is printed and parsed as the same again.
#![no_main]

use esign_core::code::Code;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok((code, _)) = Code::parse(text) {
        assert_eq!(Code::parse(&code.to_string()).map(|(c, _)| c), Ok(code));
    }
});
