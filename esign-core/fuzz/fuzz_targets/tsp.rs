//! Time-stamp requests and responses: what decodes is encoded again as the same octets, and a token
//! proves nothing about what it does not stamp.
#![no_main]

use esign_core::keys::{DigestAlgorithm, Hasher};
use esign_core::tsp::{
    TimeStampReq, TimeStampResp, TimeStampToken, TstInfo, TstInfoFields, verify_token,
};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Ok(request) = TimeStampReq::from_der(input) {
        assert_eq!(TimeStampReq::from_der(&request.to_der()).unwrap(), request);
        assert_eq!(request.to_der(), input);
    }
    if let Ok(info) = TstInfo::from_der(input)
        && info.extensions.is_empty()
    {
        let fields = TstInfoFields {
            policy: info.policy,
            message_imprint: &info.message_imprint,
            serial_number: &info.serial_number,
            gen_time: info.gen_time,
            accuracy: info.accuracy,
            ordering: info.ordering,
            nonce: info.nonce.as_ref(),
            tsa: info.tsa.as_ref(),
        };
        let again = TstInfo::from_der(&fields.to_der()).unwrap();
        assert_eq!(again, info);
    }
    let inner = TimeStampResp::from_der(input).ok().and_then(|response| {
        assert_eq!(TimeStampResp::from_der(&response.to_der()).unwrap(), response);
        response.token
    });
    if let Ok(token) = TimeStampToken::from_der(inner.as_deref().unwrap_or(input)) {
        let other = Hasher::digest(DigestAlgorithm::Sha256, input);
        assert!(verify_token(&token, &other, &[]).value.is_none());
        if let Some(imprint) = token.tst_info().message_imprint.digest() {
            let judged = verify_token(&token, &imprint, &[]);
            if let Some(stamp) = judged.value {
                assert_eq!(stamp.token().der(), token.der());
                assert!(stamp.certificates().contains(stamp.signer()));
            }
        }
    }
});
