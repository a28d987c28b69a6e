//! Revocation lists: every entry is counted, and found by its serial.
#![no_main]

use esign_core::crl::Crl;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Ok(list) = Crl::from_der(input) {
        assert_eq!(list.entries().count(), list.len());
        for entry in list.entries().take(100).flatten() {
            if let Ok(found) = list.find(&entry.serial) {
                assert!(found.is_some_and(|f| f.serial == entry.serial));
            }
        }
        let _ = (list.number(), list.issuing_distribution_point(), list.delta_base());
    }
});
