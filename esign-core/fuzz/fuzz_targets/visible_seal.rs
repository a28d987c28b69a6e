//! Seals and records: one encoding for one value.
#![no_main]

use esign_core::register::Record;
use esign_core::visible_seal::{VisibleSeal, digits, octets_of_digits};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    assert_eq!(octets_of_digits(&digits(data)).as_deref().unwrap_or(data), data);
    if let Ok(seal) = VisibleSeal::decode(data) {
        let _ = Record::decode(&seal.record);
    }
    if let Ok(record) = Record::decode(data) {
        assert_eq!(record.encode(), data);
    }
});
