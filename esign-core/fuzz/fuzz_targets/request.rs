//! Certificate requests and the proof of possession.
#![no_main]

use esign_core::x509::Request;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Ok(request) = Request::read(input) {
        let _ = request.verify();
    }
});
