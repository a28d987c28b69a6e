//! Revocation lists: every entry is counted and found by its serial and issuer, in a list with an
//! index as in one without; no other is found; every lint ends.
#![no_main]

use esign_core::crl::{Crl, lint};
use esign_core::x509::{GeneralName, SerialNumber};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Ok(list) = Crl::from_der(input) else { return };
    assert_eq!(list.entries().count(), list.len());
    let mut issuers = vec![list.issuer().clone()];
    for entry in list.entries().take(100).flatten() {
        let issuer = match entry.certificate_issuer.as_deref() {
            None => list.issuer().clone(),
            Some(names) => {
                let directory = names.iter().find_map(|n| match n {
                    GeneralName::Directory(name) => Some(name.clone()),
                    _ => None,
                });
                let Some(issuer) = directory else { continue };
                issuer
            }
        };
        // One that shares its serial may be malformed; then the answer is an error.
        if let Ok(found) = list.find_of(&issuer, &entry.serial) {
            let found = found.expect("an entry is not found");
            assert_eq!(found.serial, entry.serial);
            let is_final = entry.reason_or_unspecified().is_final();
            assert!(found.reason_or_unspecified().is_final() || !is_final);
        }
        issuers.push(issuer);
    }
    let absent = SerialNumber::from_magnitude(&[0x5a; 40]);
    if !list.entries().any(|e| !e.is_ok_and(|e| e.serial != absent)) {
        for issuer in &issuers {
            assert_eq!(list.find_of(issuer, &absent).ok(), Some(None));
        }
    }
    let _ = (list.number(), list.issuing_distribution_point(), list.delta_base(), list.freshest());
    let _ = lint(&list);
});
