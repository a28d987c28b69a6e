//! OCSP: what decodes is told whole, and a response stands the same inside and outside of its
//! shell.
#![no_main]

use esign_core::ocsp::{BasicResponse, OcspRequest, OcspResponse};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Ok(request) = OcspRequest::from_der(input) {
        assert!(!request.asked().is_empty());
        assert_eq!(request.der(), input);
    }
    if let Ok(response) = OcspResponse::from_der(input) {
        if let Some(basic) = response.basic {
            assert!(!basic.singles().is_empty());
            let inner = BasicResponse::from_der(basic.der()).unwrap();
            assert_eq!(inner.singles(), basic.singles());
            assert_eq!(inner.tbs_der(), basic.tbs_der());
            let again = OcspResponse::from_der(&basic.response_der()).unwrap();
            assert_eq!(again.basic, Some(basic));
        }
    }
});
