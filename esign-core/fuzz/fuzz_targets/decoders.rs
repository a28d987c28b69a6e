//! Certificates as two other decoders see them: what is accepted here is read as the same thing
//! there, or two programs would act on two certificates.
#![no_main]

use esign_core::x509::{Certificate, Extension};
use x509_cert::der::{Decode, Encode};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Ok(ours) = Certificate::from_der(input) else {
        return;
    };
    let extensions: Vec<Extension<'_>> = ours.extensions().collect();

    // x509-parser refuses more than it must: texts that are not of their type, months of 31 days.
    // What it does read has to agree.
    if let Ok((rest, theirs)) = x509_parser::parse_x509_certificate(input) {
        assert!(rest.is_empty(), "x509-parser leaves {} octets", rest.len());
        assert_eq!(ours.tbs_der(), theirs.tbs_certificate.as_ref());
        assert_eq!(ours.serial().as_bytes(), theirs.raw_serial(), "serial number");
        assert_eq!(ours.issuer().der(), theirs.issuer().as_raw(), "issuer");
        assert_eq!(ours.subject().der(), theirs.subject().as_raw(), "subject");
        // x509-parser leaves out what it does not understand behind a key; here that is no key.
        if ours.public_key().is_ok() {
            assert_eq!(ours.spki_der(), theirs.public_key().raw, "key");
        }
        let validity = theirs.validity();
        assert_eq!(ours.not_before().seconds(), validity.not_before.timestamp(), "notBefore");
        assert_eq!(ours.not_after().seconds(), validity.not_after.timestamp(), "notAfter");
        // One that is no whole number of octets is that of no algorithm, and is empty here.
        if theirs.signature_value.unused_bits == 0 {
            assert_eq!(ours.signature(), &*theirs.signature_value.data, "signature");
        }
        assert_eq!(extensions.len(), theirs.extensions().len(), "extensions");
        for (a, b) in extensions.iter().zip(theirs.extensions()) {
            assert_eq!(a.oid.as_bytes(), b.oid.as_bytes(), "extension");
            assert_eq!((a.critical, a.value), (b.critical, b.value), "extension {}", a.oid);
        }
    }

    if let Ok(theirs) = x509_cert::Certificate::from_der(input) {
        let tbs = theirs.tbs_certificate();
        assert_eq!(ours.serial().as_bytes(), tbs.serial_number().as_bytes(), "serial number");
        assert_eq!(Ok(ours.issuer().der()), tbs.issuer().to_der().as_deref(), "issuer");
        assert_eq!(Ok(ours.subject().der()), tbs.subject().to_der().as_deref(), "subject");
        let theirs_extensions = tbs.extensions().map_or(&[][..], Vec::as_slice);
        assert_eq!(extensions.len(), theirs_extensions.len(), "extensions");
        for (a, b) in extensions.iter().zip(theirs_extensions) {
            assert_eq!(a.oid.as_bytes(), b.extn_id.as_bytes(), "extension");
            assert_eq!((a.critical, a.value), (b.critical, b.extn_value.as_bytes()), "extension {}", a.oid);
        }
    }
});
