//! Signed PDFs as they come in: read, and validated against nothing.
#![no_main]

use esign_core::evidence::Evidence;
use esign_core::pades::prepare;
use esign_core::policy::Policy;
use esign_core::time::UnixTime;
use esign_core::trust::TrustAnchors;
use esign_core::validation::{Inputs, validate};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let file = data.to_vec();
    if let Ok(signatures) = prepare(&file) {
        let (anchors, evidence) = (TrustAnchors::new(), Evidence::new());
        let policy = Policy::basic();
        let at = UnixTime::from_seconds(1_800_000_000);
        let inputs = Inputs { at, anchors: &anchors, evidence: &evidence, policy: &policy };
        assert_ne!(validate(&signatures, &inputs).indication, "TOTAL-PASSED");
    }
});
