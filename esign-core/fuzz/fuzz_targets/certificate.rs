//! Certificates with all that is asked of them, and names.
#![no_main]

use esign_core::x509::{Certificate, Name};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    // Tolerant on purpose: it takes what the strict decoder refuses.
    for kind in esign_core::lint::Kind::ALL {
        let _ = esign_core::lint::certificate(input, Some(kind));
    }
    let _ = (esign_core::lint::certificate(input, None), esign_core::lint::crl(input));
    let _ = esign_core::lint::ocsp_response(input);
    if let Ok(c) = Certificate::from_der(input) {
        assert_eq!(c.der(), input);
        let _ = (c.basic_constraints(), c.key_usage(), c.ext_key_usage());
        let _ = (c.subject_alt_name(), c.crl_distribution_points(), c.authority_info_access());
        let _ = (c.certificate_policies(), c.qc_statements(), c.name_constraints());
        let _ = (c.authority_key_identifier(), c.is_self_issued(), c.subject().to_string());
        assert!(Name::from_der(c.subject().der()).is_ok_and(|n| n.matches(c.subject())));
    }
});
